from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agri.errors import BadInput
from missions.wire.commands import (
    CALL,
    PATIENCE_S,
    SET,
    CallState,
    CommandCall,
    ParameterReading,
    ParameterSetting,
    SetState,
)
from missions.wire.messages import (
    Address,
    CommandAck,
    CommandLong,
    ParameterRequest,
    ParameterSet,
    ParameterValue,
    Received,
)
from tests.virtual_air import PAIR, US, VEHICLE, VirtualAir, awake_autopilot, bad_radio

ARM = 400


def answer(command: int = ARM, result: int = 0, progress: int = 255) -> Received:
    return Received(CommandAck(command=command, result=result, progress=progress), VEHICLE, US)


def told(name: str, value: float) -> Received:
    return Received(ParameterValue(name=name, value=value), VEHICLE, None)


def call(**options: Any) -> CommandCall:
    return CommandCall(PAIR, ARM, (1.0, 0.0), word="arm", **options)


# Commands


def test_a_command_without_an_answer_is_repeated_with_its_confirmation_one_higher() -> None:
    arm = call()
    sent = [*arm.start(0.0)]
    for now_s in (0.3, 0.7, 1.0, 1.4, 2.1):
        sent += arm.tick(now_s)
    assert [body.confirmation for body in sent if isinstance(body, CommandLong)] == [0, 1, 2, 3]
    assert {body.command for body in sent if isinstance(body, CommandLong)} == {ARM}


def test_a_command_nobody_answers_ends_in_words() -> None:
    arm = call(tries=3)
    arm.start(0.0)
    sent = 1
    for step in range(1, 100):
        sent += len(arm.tick(step * 0.1))
    assert arm.state is CallState.SILENT
    assert sent == 3
    assert arm.error is not None
    assert "arm the motors" in arm.error.text("en")
    assert "mở khóa" in arm.error.text("vi")


def test_a_command_that_must_not_arrive_twice_is_sent_once() -> None:
    start = CommandCall(PAIR, 300, word="start", tries=1, every_s=3.0)
    assert len(start.start(0.0)) == 1
    assert not any(start.tick(step * 0.1) for step in range(200))
    assert start.state is CallState.SILENT


def test_in_progress_ends_the_repeating_and_begins_a_patient_wait() -> None:
    arm = call()
    arm.start(0.0)
    arm.receive(answer(result=5, progress=10), 0.5)
    assert not any(arm.tick(0.5 + 0.1 * n) for n in range(1, 200))
    assert arm.state is CallState.WORKING
    arm.receive(answer(result=5, progress=60), 20.0)
    assert arm.tick(20.0 + PATIENCE_S - 0.1) == ()
    assert arm.state is CallState.WORKING
    arm.receive(answer(result=0), 49.0)
    assert arm.state is CallState.ACCEPTED
    assert arm.error is None


def test_work_that_never_ends_is_given_up() -> None:
    arm = call()
    arm.start(0.0)
    arm.receive(answer(result=5), 0.5)
    arm.tick(0.5 + PATIENCE_S)
    assert arm.state is CallState.SILENT


@pytest.mark.parametrize("result", [1, 2, 3, 4, 7, 8, 99])
def test_a_refusal_ends_at_once_and_says_why(result: int) -> None:
    arm = call()
    arm.start(0.0)
    arm.receive(answer(result=result), 0.1)
    assert arm.state is CallState.REFUSED
    assert arm.error is not None
    assert "{" not in arm.error.text("vi") + arm.error.text("en")
    assert "link." not in arm.error.text("vi") + arm.error.text("en")


def test_the_answer_to_another_command_is_not_taken() -> None:
    arm = call()
    arm.start(0.0)
    arm.receive(answer(command=176), 0.1)
    assert arm.state is CallState.ASKING


def test_an_answer_from_another_aircraft_or_to_another_station_is_not_taken() -> None:
    arm = call()
    arm.start(0.0)
    body = CommandAck(command=ARM, result=0)
    for sender, target in (
        (Address(2, 1), US),
        (Address(1, 100), US),
        (VEHICLE, Address(254, 190)),
        (VEHICLE, Address(255, 1)),
    ):
        arm.receive(Received(body, sender, target), 0.1)
    assert arm.state is CallState.ASKING
    arm.receive(Received(body, VEHICLE, Address(0, 0)), 0.2)
    assert arm.state is CallState.ACCEPTED


def test_what_comes_after_the_final_answer_changes_nothing() -> None:
    arm = call()
    arm.start(0.0)
    arm.receive(answer(result=0), 0.1)
    for result in (4, 5, 1, 0):
        arm.receive(answer(result=result), 0.2)
    assert arm.state is CallState.ACCEPTED
    assert arm.error is None
    assert arm.tick(100.0) == ()


def test_no_row_of_the_tables_leaves_an_end_state() -> None:
    ends = {CallState.ACCEPTED, CallState.REFUSED, CallState.SILENT}
    assert not {state for state, _ in CALL} & ends
    assert not {state for state, _ in SET} & {SetState.DONE, SetState.REFUSED, SetState.SILENT}
    assert set(CALL.values()) == set(CallState)
    assert set(SET.values()) == set(SetState)


class OneCommandOneEffect(RuleBasedStateMachine):
    """A launch command over a radio that loses, doubles and delays, to an aircraft that obeys
    every copy it gets: agri must send it no more often than it was told to."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.call = CommandCall(PAIR, 300, word="start", tries=1, every_s=3.0)
        self.sent = len(self.call.start(0.0))
        self.finals = 0
        self.before: CallState | None = None

    @rule(seconds=st.floats(0.01, 20.0))
    def time_passes(self, seconds: float) -> None:
        self.now_s += seconds
        self.sent += len(self.call.tick(self.now_s))

    @rule(command=st.sampled_from([300, 400, 176]), result=st.integers(0, 9))
    def an_answer_comes(self, command: int, result: int) -> None:
        self.sent += len(self.call.receive(answer(command, result), self.now_s))

    @precondition(lambda self: self.call.finished)
    @rule()
    def it_has_ended(self) -> None:
        assert self.before in (None, self.call.state)
        self.before = self.call.state

    @invariant()
    def it_was_sent_once(self) -> None:
        assert self.sent == 1


TestOneCommandOneEffect = OneCommandOneEffect.TestCase
TestOneCommandOneEffect.settings = settings(max_examples=100, stateful_step_count=30)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.floats(0.05, 3.0), st.sampled_from([None, 0, 1, 4, 5])), max_size=60))
def test_a_command_is_never_repeated_after_an_answer(
    story: list[tuple[float, int | None]],
) -> None:
    arm, now_s, answered = call(), 0.0, False
    arm.start(now_s)
    for passed_s, result in story:
        now_s += passed_s
        sends = arm.tick(now_s)
        assert not (answered and sends)
        if result is not None and not arm.finished:
            arm.receive(answer(result=result), now_s)
            answered = True


# Parameters


def test_parameters_are_read_by_name_over_a_bad_radio() -> None:
    names = ["RTL_ALT", "FENCE_ENABLE", "FENCE_TYPE", "WPNAV_SPEED", "FS_GCS_ENABLE", "CAM1_TYPE"]
    for seed in range(10):
        air = VirtualAir(awake_autopilot(), bad_radio(seed))
        reading = ParameterReading(PAIR, names)
        air.drive(reading)
        assert reading.error is None
        values = {p.name: p.value for p in reading.parameters}
        assert values == {
            "RTL_ALT": 1500.0,
            "FENCE_ENABLE": 0.0,
            "FENCE_TYPE": 7.0,
            "WPNAV_SPEED": 1000.0,
            "FS_GCS_ENABLE": 0.0,
            "CAM1_TYPE": 0.0,
        }


def test_a_name_the_aircraft_does_not_know_has_no_value() -> None:
    air = VirtualAir(awake_autopilot())
    reading = ParameterReading(PAIR, ["RTL_ALT", "NOT_A_NAME"])
    air.drive(reading)
    assert reading.error is None
    assert [p.value for p in reading.parameters] == [1500.0, None]


def test_when_no_name_is_answered_it_is_the_link_that_is_broken() -> None:
    reading = ParameterReading(PAIR, ["RTL_ALT", "FENCE_ENABLE"])
    reading.start(0.0)
    for step in range(1, 200):
        reading.tick(step * 0.1)
    assert reading.finished
    assert reading.error is not None


def test_no_more_than_four_parameters_are_asked_for_at_once() -> None:
    reading = ParameterReading(PAIR, [f"P{n}" for n in range(20)])
    asked = [body.name for body in reading.start(0.0) if isinstance(body, ParameterRequest)]
    assert asked == ["P0", "P1", "P2", "P3"]
    (following,) = reading.receive(told("P2", 1.0), 0.1)
    assert following == ParameterRequest(name="P4")
    assert reading.receive(told("P2", 1.0), 0.2) == ()


@pytest.mark.parametrize("name", ["", "A_NAME_OF_17_CHRS", "TÊN"])
def test_a_name_mavlink_cannot_carry_is_bad_input(name: str) -> None:
    with pytest.raises(BadInput):
        ParameterReading(PAIR, [name])


def test_a_parameter_is_set_and_proved_by_reading_it_back_over_a_bad_radio() -> None:
    for seed in range(10):
        autopilot = awake_autopilot()
        air = VirtualAir(autopilot, bad_radio(seed))
        setting = ParameterSetting(PAIR, "FENCE_ALT_MAX", 49.1)
        air.drive(setting)
        assert setting.error is None
        assert autopilot.copter.parameters["FENCE_ALT_MAX"] == pytest.approx(49.1)


def test_the_echo_of_a_setting_proves_nothing() -> None:
    setting = ParameterSetting(PAIR, "RTL_ALT", 3000.0)
    setting.start(0.0)
    sends = setting.receive(told("RTL_ALT", 3000.0), 0.1)
    assert setting.state is SetState.READING
    assert sends == (ParameterRequest(name="RTL_ALT"),)
    setting.receive(told("RTL_ALT", 3000.0), 0.2)
    assert setting.state is SetState.DONE


def test_an_aircraft_that_keeps_its_own_value_is_told_so() -> None:
    setting = ParameterSetting(PAIR, "RTL_ALT", 3000.0)
    setting.start(0.0)
    sets = 1
    for step in range(1, 40):
        sends = setting.receive(told("RTL_ALT", 1500.0), step * 0.1)
        sets += sum(isinstance(body, ParameterSet) for body in sends)
    assert setting.state is SetState.REFUSED
    assert setting.error is not None
    assert "1500" in setting.error.text("en")
    assert sets == 4


def test_a_parameter_nobody_answers_for_ends_in_words() -> None:
    setting = ParameterSetting(PAIR, "RTL_ALT", 3000.0)
    setting.start(0.0)
    for step in range(1, 200):
        setting.tick(step * 0.1)
    assert setting.state is SetState.SILENT
    assert setting.error is not None


def test_a_value_no_float_can_hold_is_bad_input() -> None:
    with pytest.raises(BadInput):
        ParameterSetting(PAIR, "RTL_ALT", 1e300)


def test_the_wire_carries_a_parameter_name_of_sixteen_letters() -> None:
    from missions.wire.messages import decode, encode

    vehicle = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    frame = encode(ParameterValue(name="ABCDEFGHIJKLMNOP", value=2.5), US).pack(vehicle)
    (message,) = mavlink.MAVLink(None).parse_buffer(frame)
    received = decode(message)
    assert received is not None
    assert received.body == ParameterValue(name="ABCDEFGHIJKLMNOP", value=2.5)
    assert received.target is None
