"""Every hazard of the list, flown on the embedded vehicle with agri's watch: how each one ends."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from statistics import median

import pytest

from sitl.parameters import Parameters
from sitl.scenarios import IN_FLIGHT, SCENARIOS, STILL_S, Scenario
from tests.scenario_flights import SPEED_M_S, SWATH_M, Embedded, Flown, fly
from tests.sizes import of_full

NAMED = pytest.mark.parametrize("scenario", IN_FLIGHT, ids=lambda scenario: scenario.name)


def judge(scenario: Scenario, flown: Flown) -> None:
    """Hold what was flown against what the scenario expects."""
    assert flown.ending is scenario.ending, (flown.ending, flown.texts, flown.notes)
    assert flown.modes & scenario.modes, (flown.modes, flown.texts)
    assert flown.noticed_after_s <= scenario.notice_s
    for said in scenario.heard:
        assert any(said.lower() in text.lower() for text in flown.texts), (said, flown.texts)
    for key in scenario.told:
        assert key in flown.notes, (key, flown.notes)
    if scenario.fence_kept is not None:
        assert flown.breached is not scenario.fence_kept
    if scenario.still_s is not None:
        assert flown.still_after_s <= scenario.still_s
        assert flown.outside_m2 <= SPEED_M_S * STILL_S * SWATH_M


def spread(flown: list[Flown]) -> str:
    """How soon the pump rested in so many flights, and how much was sprayed beside the field."""
    times, beside = sorted(f.still_after_s for f in flown), max(f.outside_m2 for f in flown)
    late = times[math.ceil(0.95 * len(times)) - 1]
    return (
        f"n={len(times)} rest after {times[0]:.2f} to {times[-1]:.2f} s, half {median(times):.2f}, "
        f"95 of 100 {late:.2f}; known after {max(f.noticed_after_s for f in flown):.1f} s at most; "
        f"beside the field {beside:.1f} m2 at most"
    )


@NAMED
def test_a_hazard_over_the_field_ends_as_it_must(scenario, record_property):
    flown = fly(Embedded(), scenario, random.Random(scenario.name))
    record_property(scenario.name, f"{flown.still_after_s:.2f}")
    judge(scenario, flown)


MOMENTS = of_full(50, at_least=2)


@pytest.mark.slow
@NAMED
def test_a_hazard_at_fifty_moments_ends_as_it_must(scenario, record_property, capsys):
    """``pytest -m slow -k fifty tests/test_scenarios.py`` flies the whole list and tells times."""
    flown = []
    for number in range(MOMENTS):
        one = fly(Embedded(), scenario, random.Random(f"{scenario.name} {number}"))
        judge(scenario, one)
        flown.append(one)
    told = f"{scenario.name}: {spread(flown)}"
    record_property(scenario.name, told)
    record_property("moments", len(flown))
    if scenario.still_s is not None:
        record_property("rest_s", max(one.still_after_s for one in flown))
        record_property("beside_m2", max(one.outside_m2 for one in flown))
    with capsys.disabled():
        print(f"\n{told}")  # noqa: T201  (what the run is for)


SEEN = ("pilot RTL", "pilot LOITER", "brake", "second GCS", "RC loss", "low battery",
        "critical battery", "fence breach", "GPS glitch")  # fmt: skip
TRIGGERS = [
    s for s in IN_FLIGHT if s.still_s is not None and not s.noted and s.name != "empty tank"
]
"""What the guard aboard answers alone; a dry tank and a wind only the ground works out."""


@pytest.mark.parametrize("name", ["pilot RTL", "mission end"])
def test_with_neither_watch_nor_guard_the_pump_goes_on(name):
    """So that the others can fail."""
    scenario = next(s for s in IN_FLIGHT if s.name == name)
    flown = fly(Embedded(SPGD_VER=0.0), scenario, random.Random(1), watched=False)
    assert flown.still_after_s > 3.0 * STILL_S


@pytest.mark.slow
@pytest.mark.parametrize("scenario", TRIGGERS, ids=lambda scenario: scenario.name)
def test_the_guard_alone_is_in_time(scenario):
    """Nobody on the ground sees or says anything; only what notes are written is left out."""
    for number in range(5):
        flown = fly(Embedded(), scenario, random.Random(number), watched=False)
        judge(replace(scenario, told=()), flown)


@pytest.mark.slow
@pytest.mark.parametrize("name", SEEN)
def test_the_watch_alone_is_in_time_while_the_link_is_good(name):
    scenario = next(s for s in IN_FLIGHT if s.name == name)
    for number in range(5):
        judge(scenario, fly(Embedded(SPGD_VER=0.0), scenario, random.Random(number)))


def test_the_list_names_every_hazard_once():
    names = [scenario.name for scenario in SCENARIOS]
    assert len(set(names)) == len(names) == 21
    assert len(TRIGGERS) == 12


def test_a_guard_that_is_not_on_board_has_no_parameter_and_cannot_be_set_from_the_ground():
    bare, guarded = Parameters({"SCR_ENABLE": 1}), Parameters({"SCR_ENABLE": 1, "SPGD_VER": 1})
    assert "SPGD_VER" not in bare
    assert "SPGD_VER" not in bare.listed()
    assert not bare.set("SPGD_VER", 1.0)
    assert "SPGD_VER" in guarded
    assert "SPGD_VER" in guarded.listed()


@pytest.mark.parametrize("aboard", [{"SCR_ENABLE": 0.0}, {"SPGD_VER": 0.0}])
def test_a_guard_without_its_interpreter_or_its_script_does_nothing(aboard):
    vehicle = Embedded(**aboard)
    vehicle.copter.sprayer.order(True)
    vehicle.pilot.advance(vehicle.pilot.now_s + 1.0)
    assert vehicle.copter.sprayer.running


def test_a_guard_lets_people_alone_on_the_ground_after_three_seconds():
    vehicle = Embedded()
    for at_s, runs in ((1.0, False), (4.0, True)):
        vehicle.pilot.advance(at_s)
        vehicle.copter.sprayer.order(True)
        vehicle.pilot.advance(at_s + 0.5)
        assert vehicle.copter.sprayer.running is runs
