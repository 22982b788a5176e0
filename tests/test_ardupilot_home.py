"""A real ArduCopter whose battery failsafe acts in the field: the fence lets it come home.

Needs the program ``arducopter`` (AGRI_ARDUCOPTER or on the path) and skips without it. A sortie
is flown with its own fence, whose action is to brake, and the pack is called low in a corner from
which the straight way home leaves the field; and behind a house, where the fence does stop it, and
agri's watch calls it home above the roof.
"""

from __future__ import annotations

import math

import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from missions.flightplan import FlightPlan
from missions.onboard import FILE_NAME, LEAST_HEAP_BYTES, script
from missions.preflight.vehicle import needed_parameters
from sitl.ardupilot import ArduPilot
from sitl.scenarios import SPRAYING
from tests import spray_flown
from tests.scenario_flights import Real, Watcher
from tests.test_winds import PAD_M, drawn, over_a_house
from tests.two_copters import skip_without_arducopter

skip_without_arducopter()
pytestmark = pytest.mark.ardupilot
SPEEDUP = 5.0
SCRIPTING = {"SCR_HEAP_SIZE": float(LEAST_HEAP_BYTES), "RC_OVERRIDE_TIME": -1.0}


def aboard(plan: FlightPlan) -> dict[str, float]:
    """What agri asks to be set, by the names that this program has."""
    asked = [n for n in needed_parameters(plan) if n.settable and not n.instead_of]
    names = {n.name: n.wanted for n in asked if n.name != "FS_GCS_TIMEOUT"}
    return {**SPRAYING, **SCRIPTING, **names, "FS_GCS_TIMEOUT": 30.0, "BATT_LOW_TIMER": 0.0}


def apart_m(watcher: Watcher) -> float:
    """How far it is from the pad or a place that is kept free for it."""
    plan = watcher.plan
    free = [plan.home, *(rally.place for rally in plan.rally_points)]
    return min(math.dist(spray_flown.FRAME.metres(p), watcher.places[-1][1:]) for p in free)


def wet(watcher: Watcher) -> bool:
    """Whether the pump turns, slowly as it may."""
    return bool(watcher.pulses) and watcher.pulses[-1][1] > 1150


def low_in_the_field(plan: FlightPlan, where: BaseGeometry) -> Watcher:
    """Fly until it sprays in a place, call its pack low there, and follow it to its end."""
    with ArduPilot(
        plan.home, speedup=SPEEDUP, parameters=aboard(plan), scripts={FILE_NAME: script()}
    ) as running:
        watcher = Watcher(Real(running), plan)
        try:
            watcher.take_off()
            watcher.until(
                lambda: wet(watcher) and where.contains(shapely.Point(watcher.places[-1][1:]))
            )
            watcher.set("BATT_LOW_MAH", 59_990.0)
            watcher.until(lambda: not watcher.armed)
        finally:
            watcher.vehicle.link.close()
    assert any("Battery Failsafe" in text for _, text in watcher.texts), watcher.texts
    assert watcher.pulses[-1][1] <= 1100
    return watcher


def test_a_weak_battery_in_a_corner_ends_on_the_pad() -> None:
    """From there the straight way home leaves the field: a fence drawn closely stopped it there."""
    plan, *_ = drawn(20)
    east, north = spray_flown.FRAME.metres(plan.home)
    corner = shapely.Point(east - 72.0, north - 42.0).buffer(10.0)
    watcher = low_in_the_field(plan, corner)
    assert not watcher.breached, watcher.texts
    assert apart_m(watcher) <= PAD_M


def test_a_weak_battery_behind_a_house_ends_at_a_place_that_is_kept_free() -> None:
    behind = shapely.box(80.0, 52.0, 130.0, 68.0)
    watcher = low_in_the_field(over_a_house(), behind)
    assert "event.fence_return" in watcher.notes
    assert apart_m(watcher) <= PAD_M, (watcher.notes, watcher.texts[-8:])
