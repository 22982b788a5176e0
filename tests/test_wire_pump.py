"""Which servo the pump hangs on: found by its function, told by the plan, never assumed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.items import MissionItem
from missions.sprayer.gear import PumpControl
from missions.wire.commands import Parameter
from missions.wire.pump import SET_SERVO, find_pump, pump_channel
from missions.wire.telemetry import PumpServo
from tests import spray_flown


class Aircraft:
    """Parameters that an aircraft holds, and every name it was asked for."""

    def __init__(self, **kept: float) -> None:
        self.kept, self.asked = kept, list[str]()

    def read(self, names: Sequence[str]) -> tuple[Parameter, ...]:
        self.asked += names
        return tuple(Parameter(name, self.kept.get(name)) for name in names)


def servo(channel: int, **more: float) -> Aircraft:
    kept = {"FUNCTION": 22.0, "MIN": 1000.0, "MAX": 2000.0} | more
    return Aircraft(**{f"SERVO{channel}_{word}": value for word, value in kept.items()})


@pytest.mark.parametrize("channel", [1, 2, 9, 15, 16])
def test_the_pump_is_found_on_any_of_sixteen_servos(channel: int) -> None:
    assert find_pump(servo(channel).read) == PumpServo(
        channel=channel, min_us=1000.0, max_us=2000.0, reversed=False
    )


def test_no_servo_is_asked_for_that_no_aircraft_has() -> None:
    aircraft = Aircraft()
    assert find_pump(aircraft.read) is None
    assert aircraft.asked == [f"SERVO{number}_FUNCTION" for number in range(1, 17)]


@pytest.mark.parametrize("function", [0.0, 21.0, 23.0])
def test_another_function_is_no_pump(function: float) -> None:
    assert find_pump(servo(9, FUNCTION=function).read) is None


def test_of_two_pumps_the_first_is_taken() -> None:
    kept = servo(3, MIN=1100.0).kept | servo(12).kept
    found = find_pump(Aircraft(**kept).read)
    assert found is not None
    assert (found.channel, found.min_us) == (3, 1100.0)


def test_a_channel_that_is_known_is_not_looked_for_and_needs_no_function() -> None:
    aircraft = servo(11, FUNCTION=0.0, REVERSED=1.0)
    assert find_pump(aircraft.read, 11) == PumpServo(
        channel=11, min_us=1000.0, max_us=2000.0, reversed=True
    )
    assert not [name for name in aircraft.asked if name.endswith("FUNCTION")]


@pytest.mark.parametrize(("told", "turned"), [(0.0, False), (1.0, True)])
def test_a_reversed_servo_is_told(told: float, turned: bool) -> None:
    found = find_pump(servo(9, REVERSED=told).read)
    assert found is not None
    assert found.reversed is turned


@pytest.mark.parametrize("word", ["MIN", "MAX"])
def test_a_range_that_is_not_told_is_not_assumed(word: str) -> None:
    aircraft = servo(9)
    del aircraft.kept[f"SERVO9_{word}"]
    assert find_pump(aircraft.read) is None


def test_a_range_of_nothing_is_none() -> None:
    assert find_pump(servo(9, MIN=1500.0, MAX=1500.0).read) is None


def test_the_plans_own_channel_counts_only_for_a_pump_on_a_plain_servo() -> None:
    assert SET_SERVO == mavlink.MAV_CMD_DO_SET_SERVO
    sets = MissionItem(command=mavlink.MAV_CMD_DO_SET_SERVO, param1=11.0, param2=1500.0)
    again = replace(sets, param1=12.0)
    for control, channel in ((PumpControl.SERVO, 11), (PumpControl.SPEED, 0)):
        plan = spray_flown.plan(control=control)
        assert pump_channel(plan) == 0
        plan = replace(plan, items=(*plan.items, sets, again))
        assert pump_channel(plan) == channel
        assert pump_channel(replace(plan, spray=None)) == 0
