"""A real ArduCopter whose battery failsafe acts in the field: the fence lets it come home.

Needs the program ``arducopter`` (AGRI_ARDUCOPTER or on the path) and skips without it. A plan over
a slanting paddy is flown with its own fence, its action to brake, and the pack is called low near
the corners that the fence's own margin once cut off from the pad; and behind a house, where the
fence does stop it, and agri's watch calls it home above the roof.
"""

from __future__ import annotations

import math

import pytest
import shapely

from agri.weather import Wind
from missions.catalogue import sprayer
from missions.flightplan import FlightPlan
from missions.onboard import FILE_NAME, LEAST_HEAP_BYTES, script
from missions.preflight.vehicle import needed_parameters
from missions.sprayer.job import Product, SpraySettings
from sitl.ardupilot import ArduPilot
from sitl.scenarios import SPRAYING
from tests import spray_flown
from tests.scenario_flights import Real, Watcher
from tests.sites import Draft
from tests.spray_jobs import plan_job
from tests.test_winds import PAD_M, over_a_house
from tests.two_copters import skip_without_arducopter

skip_without_arducopter()
pytestmark = pytest.mark.ardupilot
SPEEDUP = 5.0
SCRIPTING = {"SCR_HEAP_SIZE": float(LEAST_HEAP_BYTES), "RC_OVERRIDE_TIME": -1.0}


def slanting() -> FlightPlan:
    """A paddy whose long side runs past the pad: from its far corner the way home leaves it."""
    site = Draft(turn_deg=37.0).site(shapely.box(0.0, 0.0, 90.0, 240.0), (-25.0, 120.0))
    wish = SpraySettings(
        sprayer=sprayer("16 L"), product=Product(name="nước", dose_per_ha=0.0), rate_l_ha=15.0,
        height_m=3.0, speed_m_s=4.0, swath_m=4.0, wind=Wind(speed_m_s=1.0),
    )  # fmt: skip
    return plan_job(site, wish).plans[0]


def aboard(plan: FlightPlan) -> dict[str, float]:
    """What agri asks to be set, by the names that this program has."""
    asked = [n for n in needed_parameters(plan) if n.settable and not n.instead_of]
    names = {n.name: n.wanted for n in asked if n.name != "FS_GCS_TIMEOUT"}
    return {**SPRAYING, **SCRIPTING, **names, "FS_GCS_TIMEOUT": 30.0, "SIM_SPEEDUP": SPEEDUP}


def apart_m(watcher: Watcher) -> float:
    """How far it is from the pad or a place that is kept free for it."""
    plan = watcher.plan
    free = [plan.home, *(rally.place for rally in plan.rally_points)]
    return min(math.dist(spray_flown.FRAME.metres(p), watcher.places[-1][1:]) for p in free)


def wet(watcher: Watcher) -> bool:
    """Whether the pump turns, slowly as it may."""
    return bool(watcher.pulses) and watcher.pulses[-1][1] > 1150


def low_in_the_field(plan: FlightPlan, least_m: float) -> Watcher:
    """Fly until it sprays so far from the pad, call its pack low, and follow it to its end."""
    home = spray_flown.FRAME.metres(plan.home)
    with ArduPilot(
        plan.home, speedup=SPEEDUP, parameters=aboard(plan), scripts={FILE_NAME: script()}
    ) as running:
        watcher = Watcher(Real(running), plan)
        try:
            watcher.take_off()
            watcher.until(
                lambda: wet(watcher) and math.dist(home, watcher.places[-1][1:]) > least_m
            )
            watcher.set("BATT_LOW_MAH", 59_000.0)
            watcher.until(lambda: not watcher.armed)
        finally:
            watcher.vehicle.link.close()
    assert any("Battery Failsafe" in text for _, text in watcher.texts), watcher.texts
    assert watcher.pulses[-1][1] <= 1100
    return watcher


@pytest.mark.parametrize("least_m", [80.0, 115.0])
def test_a_weak_battery_in_a_far_corner_ends_on_the_pad(least_m: float) -> None:
    watcher = low_in_the_field(slanting(), least_m)
    assert not watcher.breached, watcher.texts
    assert apart_m(watcher) <= PAD_M


def test_a_weak_battery_behind_a_house_ends_at_a_place_that_is_kept_free() -> None:
    watcher = low_in_the_field(over_a_house(), 110.0)
    assert apart_m(watcher) <= PAD_M, (watcher.notes, watcher.texts[-8:])
