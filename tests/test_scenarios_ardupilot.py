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
from sitl.scenarios import IN_FLIGHT, SPRAYING
from tests import spray_flown as spraying
from tests.scenario_flights import Real, fly
from tests.test_scenarios import judge
from tests.two_copters import skip_without_arducopter

skip_without_arducopter()
pytestmark = pytest.mark.ardupilot
SPEEDUP = 5.0
"""Not more: the script runs beside the simulation, and what the machine makes it wait counts."""
SCRIPTING = {"SCR_HEAP_SIZE": float(LEAST_HEAP_BYTES), "RC_OVERRIDE_TIME": -1.0}
POSSIBLE = [scenario for scenario in IN_FLIGHT if scenario.real]


@pytest.mark.parametrize("scenario", POSSIBLE, ids=lambda scenario: scenario.name)
def test_a_hazard_over_the_field_ends_as_it_must(scenario, record_property):
    with ArduPilot(
        spraying.HOME, speedup=SPEEDUP, parameters={**SPRAYING, **SCRIPTING},
        scripts={FILE_NAME: script()},
    ) as running:  # fmt: skip
        vehicle = Real(running)
        try:
            flown = fly(vehicle, scenario, random.Random(scenario.name))
        finally:
            vehicle.link.close()
    record_property(scenario.name, f"{flown.still_after_s:.2f}")
    judge(scenario, flown)
