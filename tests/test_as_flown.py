"""A planned spraying, flown by the simulated aircraft: the plan, the truth and the record agree."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from shapely.geometry import Polygon, box

from agri.field import Field, Pad
from agri.weather import Wind
from missions.applied.account import applied
from missions.catalogue import sprayer
from missions.flightplan import FlightPlan, Site
from missions.spray.mission import plan_spray
from missions.sprayer.job import Product, SpraySettings
from missions.sprayer.parameters import job_parameters
from sitl.faults import Fault, FaultKind, Faults
from sitl.spray_gear import SprayHardware
from tests import spray_flown as flown
from tests.guarded import GuardedFlight

PRODUCT = Product(name="Thuốc thử", dose_per_ha=400.0, phi_days=7)
ELL = Polygon([(10, 10), (70, 10), (70, 26), (34, 26), (34, 50), (10, 50)])
RECTANGLE = box(10, 10, 80, 30)


def planned(shape: Polygon) -> FlightPlan:
    boundary = shapely.MultiPolygon([flown.lonlat(shape)])
    site = Site(field=Field(name="Ruộng", boundary=boundary),
                pad=Pad(name="Sân", place=flown.HOME))  # fmt: skip
    settings = SpraySettings(
        sprayer=sprayer("16 L"), product=PRODUCT, rate_l_ha=20.0, height_m=2.5, speed_m_s=4.0,
        swath_m=4.0, wind=Wind(speed_m_s=1.0),
    )  # fmt: skip
    return plan_spray(site, settings, name="Phun")


def fly(plan: FlightPlan, *faults: Fault) -> GuardedFlight:
    assert plan.spray is not None
    pump = plan.spray.settings.sprayer
    hardware = SprayHardware(
        pump=tuple((point.output, point.flow_l_min) for point in pump.pump),
        hose_s=pump.hose_s, nozzles=pump.nozzles, kg_per_l=0.0, tank_l=pump.tank_l,
    )  # fmt: skip
    flight = GuardedFlight(plan, hardware, **{**job_parameters(plan.spray), "SERVO9_FUNCTION": 22})
    flight.copter.faults = Faults(faults)
    flight.until(lambda: not flight.copter.armed, 2000.0)
    return flight


@pytest.mark.parametrize("shape", [RECTANGLE, ELL])
def test_a_planned_field_gets_its_litres_and_the_record_tells_them(shape):
    plan = planned(shape)
    flight = fly(plan)
    got = applied(flight.record(), plan)
    assert not [note for note in flight.notes if "sprayer" in note]
    assert got.litres == pytest.approx(flight.copter.gear.sprayed_l, rel=0.01)
    assert plan.spray is not None
    # The sprayer is looked after three times a second: every pass lasts a little longer.
    assert got.litres == pytest.approx(plan.spray.estimate.litres, rel=0.08)
    assert got.sprayed_m2 == pytest.approx(shape.area, rel=0.02)
    assert got.missed_m2 < 0.02 * shape.area
    assert got.outside_l < 0.02 * got.litres
    assert got.off_swath_l < 0.02 * got.litres
    assert got.cv_pct < 20.0
    truth = np.array([(d.east_m, d.north_m) for d in flight.copter.gear.deposits])
    rate = got.grid.sample(*flown.FRAME.to_lonlat(*truth.T), nearest=True)
    assert np.isfinite(rate).mean() > 0.999
    assert np.median(rate) == pytest.approx(20.0, rel=0.05)


def test_blocked_nozzles_are_nothing_the_pulse_can_tell():
    plan = planned(RECTANGLE)
    fault = Fault(kind=FaultKind.NOZZLES_BLOCKED, value=0.5, at_s=0.0)
    flight = fly(plan, fault)
    got = applied(flight.record(), plan)
    assert flight.copter.gear.sprayed_l == pytest.approx(0.5 * got.litres, rel=0.02)
