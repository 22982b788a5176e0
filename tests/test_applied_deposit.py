"""What lands where, held to figures worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from shapely.geometry import LineString, box

from agri.weather import Wind
from missions.applied.deposit import deposit, deposit_items
from missions.items import Command, MissionItem
from missions.passes.items import spray_items
from missions.passes.route import Pass, SprayRoute
from missions.spray.mission import plan_spray
from tests.sites import Draft
from tests.sprays import SETTINGS

CALM = replace(SETTINGS, wind=Wind(speed_m_s=0.0), edges=())
DRAFT = Draft()
HOME = DRAFT.frame.place(0.0, 0.0)
AREA = box(-40, -40, 260, 60)


def one_swath(asked=CALM, items=None, look_s=0.0):
    work = Pass(points=((20, 20), (220, 20)), width_m=5.0, rate_l_ha=20.0, speed_m_s=4.0)
    route = SprayRoute(
        passes=(work,), home=(0.0, 0.0), allowed=AREA, treatable=box(0, 10, 240, 30),
        angle_deg=90.0,
    )  # fmt: skip
    given = items or spray_items(route, asked, DRAFT.frame, HOME)
    return given, deposit_items(
        given, HOME, asked, DRAFT.frame, route.treatable,
        passes=[LineString(work.points)], look_s=look_s,
    )  # fmt: skip


def test_a_swath_gets_its_litres_and_its_rate():
    _, found = one_swath()
    assert found.litres == pytest.approx(2.0, rel=0.02)  # 200 m × 5 m × 20 L/ha
    assert found.sprayed.area == pytest.approx(1000.0, rel=0.02)
    assert found.outside_share == pytest.approx(0.0, abs=1e-9)
    assert found.transit_l == 0.0
    row = int(20 - found.south_m)
    column = int(120 - found.west_m)
    assert 1e4 * found.litres_m2[row, column] == pytest.approx(20.0, rel=0.02)


@pytest.mark.parametrize("look_s", [0.0, 0.1, 0.2, 0.3])
def test_wherever_the_sprayers_looks_fall_the_swath_begins_about_its_line(look_s):
    _, found = one_swath(look_s=look_s)
    west, _, east, _ = found.sprayed.bounds
    assert -1.6 <= west - 20.0 <= 0.7
    assert abs(east - 220.0) <= 0.5


def test_an_aircraft_without_lead_begins_late_and_one_that_never_switches_off_sprays_its_way_home():
    items, good = one_swath()
    bare = [i for i in items if i.command != Command.CONDITION_DISTANCE]
    assert len(bare) < len(items)
    always = [
        replace(i, param1=1.0) if i.command == Command.DO_SPRAYER else i for i in items
        if i.command != Command.CONDITION_DISTANCE
    ]  # fmt: skip
    _, rival = one_swath(items=always)
    assert rival.transit_l > 1.0
    assert rival.outside_share > 0.25
    assert good.transit_l == 0.0


def test_a_pump_slower_than_asked_for_gives_all_it_can():
    weak = replace(CALM.sprayer, pump=tuple(
        replace(p, flow_l_min=p.flow_l_min / 4.0) for p in CALM.sprayer.pump
    ))  # fmt: skip
    _, found = one_swath(replace(CALM, sprayer=weak))
    assert found.litres < 1.0  # 1.0 L/min of the 2.4 asked


def test_below_its_least_speed_the_pump_rests():
    items, _ = one_swath()
    crawling = [
        replace(i, param2=0.8) if i.command == Command.DO_CHANGE_SPEED else i for i in items
    ]
    _, found = one_swath(items=crawling)
    assert found.litres == 0.0


def test_a_hover_on_a_plain_servo_gives_its_litres_to_one_place():
    items = (
        MissionItem(command=Command.NAV_TAKEOFF, z=3.0),
        *(i for i in one_swath()[0] if i.command == Command.NAV_WAYPOINT),
    )[:2]
    at_place = [
        *items,
        MissionItem(command=Command.DO_SET_SERVO, param1=9.0, param2=1900.0),
        MissionItem(command=Command.NAV_DELAY, param1=6.0),
        MissionItem(command=Command.DO_SET_SERVO, param1=9.0, param2=1100.0),
        MissionItem(command=Command.NAV_RETURN_TO_LAUNCH),
    ]
    _, found = one_swath(items=at_place)
    assert found.litres == pytest.approx(0.4, rel=0.1)  # 4 L/min for 6 s


def test_a_paddy_is_sprayed_evenly_wholly_and_nowhere_else():
    plan = plan_spray(DRAFT.site(box(-60, -30, 60, 30), (-70.0, -40.0)), CALM, name="Thử")
    found = deposit(plan)
    assert found.sprayed_share >= 0.985
    assert found.outside_share <= 0.002
    assert found.cv <= 0.10
    assert found.mean_l_ha == pytest.approx(20.0, rel=0.03)
    assert found.transit_l == 0.0
    assert plan.spray is not None
    assert found.litres == pytest.approx(plan.spray.estimate.litres, rel=0.03)
    assert found.litres == pytest.approx(float(np.sum(found.litres_m2)), rel=0.01)
