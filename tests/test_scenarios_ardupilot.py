"""The hazards of the list on a real ArduCopter with the spray guard on board, watched by agri.

Needs the program ``arducopter`` (AGRI_ARDUCOPTER or on the path) and skips without it. Every hazard
comes at one chance moment of a sprayed line; how it must end is the list's, the same as for the
embedded vehicle.
"""

from __future__ import annotations

import random

import pytest

from missions.onboard import FILE_NAME, LEAST_HEAP_BYTES, script
from sitl.ardupilot import ArduPilot
from sitl.scenarios import IN_FLIGHT, SPRAYING, Scenario
from tests import spray_flown as spraying
from tests.scenario_flights import Flown, Real, fly
from tests.sizes import of_full
from tests.test_scenarios import TRIGGERS, judge, spread
from tests.two_copters import skip_without_arducopter

skip_without_arducopter()
pytestmark = pytest.mark.ardupilot
SPEEDUP = 5.0
"""Not more: the script runs beside the simulation, and what the machine makes it wait counts."""
SCRIPTING = {"SCR_HEAP_SIZE": float(LEAST_HEAP_BYTES), "RC_OVERRIDE_TIME": -1.0}
POSSIBLE = [scenario for scenario in IN_FLIGHT if scenario.real]

MOMENTS = of_full(5)


def tell(record_property, scenario: Scenario, flown: list[Flown]) -> None:
    """The figures of the night: how often, and the slowest pump where one was sprayed with."""
    record_property("flights", len(flown))
    if scenario.still_s is not None:
        record_property("rest_s", max(one.still_after_s for one in flown))


def flown_once(scenario: Scenario, seed: str) -> Flown:
    """Start a vehicle of its own, fly it over the hazard at a chance moment."""
    with ArduPilot(
        spraying.HOME, speedup=SPEEDUP, parameters={**SPRAYING, **SCRIPTING},
        scripts={FILE_NAME: script()},
    ) as running:  # fmt: skip
        vehicle = Real(running)
        try:
            return fly(vehicle, scenario, random.Random(seed))
        finally:
            vehicle.link.close()


@pytest.mark.parametrize("scenario", POSSIBLE, ids=lambda scenario: scenario.name)
def test_a_hazard_over_the_field_ends_as_it_must(scenario, record_property):
    flown = flown_once(scenario, scenario.name)
    record_property(scenario.name, f"{flown.still_after_s:.2f}")
    tell(record_property, scenario, [flown])
    judge(scenario, flown)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", TRIGGERS, ids=lambda scenario: scenario.name)
def test_every_trigger_at_five_moments_ends_as_it_must(scenario, record_property, capsys):
    """``pytest -m "slow and ardupilot" tests/test_scenarios_ardupilot.py``"""
    flown = []
    for number in range(MOMENTS):
        one = flown_once(scenario, f"{scenario.name} {number}")
        judge(scenario, one)
        flown.append(one)
    told = f"{scenario.name}: {spread(flown)}"
    record_property(scenario.name, told)
    tell(record_property, scenario, flown)
    with capsys.disabled():
        print(f"\n{told}")  # noqa: T201  (what the run is for)
