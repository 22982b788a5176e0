"""A hill is sprayed by the simulated copter: clearance kept, and the way home climbed first.

The ground is a slope of 12 % with a knoll of 5 m in the field. Flown in the embedded simulator to
the end, and broken off in the middle of the work by the failsafe that jumps to the way home.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from missions.flightplan import FlightPlan
from missions.passes.climbs import ascent_m
from missions.preflight.vehicle import return_height_m
from sitl.autopilot import Autopilot
from tests.ground_station import Station
from tests.reliefs import LOCAL
from tests.test_terrain_plans import hill, model, planned
from tests.two_copters import TURNS_US, Fix, Log, embedded, messages_of, parameters_of

KEPT_M = 1.5
"""Clearance kept everywhere but over the pad; the work is flown at 2.5 m."""
STOPS_M = 10.0
"""How far it runs on while it comes to rest from 4 m/s and climbs on the spot."""


def over_ground(plan: FlightPlan, fixes: list[Fix]) -> Any:
    """(N,) metres over the true hill."""
    east, north = LOCAL.metres(plan.home)
    at = np.add([fix.place for fix in fixes], [east, north])
    up = np.array([fix.up_m for fix in fixes])
    return up + hill(np.array([east]), np.array([north]))[0] - hill(at[:, 0], at[:, 1])


@pytest.fixture(scope="module")
def plan() -> FlightPlan:
    return planned(model(hill))


def returning(plan: FlightPlan) -> dict[str, float]:
    """The parameters the plan asks for, its height of return among them."""
    return {**parameters_of(plan), "RTL_ALT": 100.0 * return_height_m(plan)}


@pytest.fixture(scope="module")
def log(plan: FlightPlan) -> Log:
    return embedded(plan.items, plan.home, returning(plan))


def test_the_hill_is_sprayed_at_its_height_and_left_over_it(plan: FlightPlan, log: Log) -> None:
    over = over_ground(plan, log.fixes)
    wet = np.array([fix.wet for fix in log.fixes])
    assert wet.sum() > 1000
    assert over[wet].min() > KEPT_M
    assert over[wet].max() < 3.5
    last = int(np.nonzero(wet)[0][-1])
    flying = np.hypot(*log.places.T) > 5.0
    assert over[flying].min() > KEPT_M
    assert plan.spray is not None
    assert plan.spray.ground is not None
    top_m = plan.spray.ground.return_m
    home = [fix for fix in log.fixes[last:] if np.hypot(*fix.place) > 5.0]
    assert max(fix.up_m for fix in home) == pytest.approx(top_m, abs=0.5)
    assert ascent_m(plan.items) > top_m
    assert not wet[last + 1 :].any()


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_broken_off_anywhere_it_stops_spraying_and_climbs_before_it_goes_home(
    plan: FlightPlan, log: Log, share: float
) -> None:
    wet = [fix for fix in log.fixes if fix.wet]
    at_s = wet[int(share * len(wet))].time_s - log.fixes[0].time_s
    station = Station(
        Autopilot(
            home=plan.home, ready_after_s=2.0,
            parameters={**returning(plan), "FS_THR_ENABLE": 6.0},
        )
    )  # fmt: skip
    station.start(messages_of(plan.items, plan.home)[1:])
    station.wait(at_s)
    copter, body = station.copter, station.copter.body
    assert copter.sprayer.spraying
    station.set("SIM_RC_FAIL", 1.0)
    station.until(lambda: "Landing sequence start" in station.texts(), 10.0)
    broke = (body.east_m, body.north_m)
    station.wait(0.5)
    assert plan.spray is not None
    assert plan.spray.ground is not None
    top_m = plan.spray.ground.return_m
    went: list[Fix] = []
    while copter.armed:
        station.wait(0.1)
        pulse = TURNS_US + 1 if copter.sprayer.spraying else 0
        went.append(Fix(station.now_s, body.east_m, body.north_m, body.up_m, pulse))
        assert len(went) < 6000, "it never landed"
    assert not any(fix.wet for fix in went)
    away = [fix for fix in went if np.hypot(*fix.place) > 5.0]
    assert over_ground(plan, away).min() > KEPT_M
    high = next(number for number, fix in enumerate(went) if fix.up_m > top_m - 1.0)
    rising = np.array([fix.place for fix in went[:high]]) - broke
    assert np.hypot(*rising.T).max() < STOPS_M
