"""When each machine of the wire wants to be woken, what it repeats, and the numbers of MAVLink."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.items import Command, MissionItem, MissionType
from missions.wire.commands import (
    FRESH_S,
    GAP_S,
    PATIENCE_S,
    RESULTS,
    CommandCall,
    ParameterReading,
    ParameterSetting,
    SetState,
)
from missions.wire.delivery import ORDER, REASONS, Delivery, Fetching
from missions.wire.messages import (
    Ack,
    Address,
    Clear,
    CommandLong,
    Count,
    Item,
    ListRequest,
    ParameterRequest,
    ParameterSet,
    ParameterValue,
    Received,
    Request,
)
from missions.wire.transfer import Download, DownloadState, Upload, UploadState
from tests.virtual_air import PAIR, US, VEHICLE, plan_of

MISSION = MissionType.MISSION
ITEM = MissionItem(command=Command.DO_SPRAYER)


def heard(body: Any, sender: Address = VEHICLE) -> Received:
    return Received(body=body, sender=sender, target=US)


# ---- numbers


def test_reasons_of_a_refused_plan_are_mavlinks_own() -> None:
    words = {
        "ERROR": "generic", "UNSUPPORTED_FRAME": "frame", "UNSUPPORTED": "unsupported",
        "NO_SPACE": "no_space", "INVALID": "invalid", "INVALID_PARAM1": "param1",
        "INVALID_PARAM2": "param2", "INVALID_PARAM3": "param3", "INVALID_PARAM4": "param4",
        "INVALID_PARAM5_X": "param5", "INVALID_PARAM6_Y": "param6", "INVALID_PARAM7": "param7",
        "DENIED": "denied",
    }  # fmt: skip
    assert {
        getattr(mavlink, f"MAV_MISSION_{name}"): word for name, word in words.items()
    } == REASONS


def test_reasons_of_a_refused_command_are_mavlinks_own() -> None:
    for number, word in RESULTS.items():
        names = [
            name.removeprefix("MAV_RESULT_")
            for name in dir(mavlink)
            if name.startswith("MAV_RESULT_") and getattr(mavlink, name) == number
        ]
        assert len(names) == 1, word
        assert number not in {mavlink.MAV_RESULT_ACCEPTED, mavlink.MAV_RESULT_IN_PROGRESS}
    assert mavlink.MAV_RESULT_DENIED in RESULTS
    assert mavlink.MAV_RESULT_FAILED in RESULTS


def test_fence_and_rally_points_go_before_the_mission() -> None:
    assert ORDER == (MissionType.FENCE, MissionType.RALLY, MissionType.MISSION)


def test_a_command_is_first_sent_unconfirmed_and_without_values() -> None:
    assert CommandLong(command=400) == CommandLong(command=400, confirmation=0, params=())


# ---- an upload


def test_an_upload_wakes_to_count_again_and_then_to_send_its_item_again() -> None:
    upload = Upload([ITEM, ITEM], MISSION)
    assert upload.start(100.0) == (Count(mission_type=MISSION, count=2),)
    assert upload.wake_s == 100.5
    assert upload.tick(100.49) == ()
    assert upload.tick(100.5) == (Count(mission_type=MISSION, count=2),)
    assert upload.wake_s == 101.0
    (sent,) = upload.receive(Request(mission_type=MISSION, seq=0), 100.8)
    assert sent == Item(mission_type=MISSION, seq=0, item=ITEM)
    assert upload.wake_s == pytest.approx(101.2)
    assert upload.tick(101.19) == ()
    assert upload.tick(101.21) == (sent,)


@pytest.mark.parametrize(("silent_s", "state"), [(8.99, "SENDING"), (9.0, "BROKEN")])
def test_an_upload_is_broken_after_nine_silent_seconds(silent_s: float, state: str) -> None:
    upload = Upload([ITEM, ITEM], MISSION)
    upload.start(100.0)
    upload.receive(Request(mission_type=MISSION, seq=0), 103.0)
    upload.tick(103.0 + silent_s)
    assert upload.state is UploadState[state]


@pytest.mark.parametrize(("items", "most_s"), [(2, 72.0), (6, 96.0)])
def test_an_attempt_has_a_minute_and_six_seconds_an_item(items: int, most_s: float) -> None:
    upload = Upload([ITEM] * items, MISSION)
    upload.start(100.0)
    for n in range(1, int(most_s)):
        upload.receive(Request(mission_type=MISSION, seq=0), 100.0 + n)
    upload.tick(100.0 + most_s - 0.01)
    assert not upload.finished
    upload.tick(100.0 + most_s)
    assert upload.state is UploadState.BROKEN


@pytest.mark.parametrize(("later_s", "followed"), [(0.79, False), (0.81, True)])
def test_an_earlier_item_is_sent_again_when_it_is_asked_for_again(
    later_s: float, followed: bool
) -> None:
    upload = Upload([ITEM] * 3, MISSION)
    upload.start(0.0)
    for seq in (0, 1):
        upload.receive(Request(mission_type=MISSION, seq=seq), 1.0)
    assert upload.receive(Request(mission_type=MISSION, seq=0), 2.0) == ()
    again = upload.receive(Request(mission_type=MISSION, seq=0), 2.0 + later_s)
    assert bool(again) is followed
    assert upload.asked == (0 if followed else 1)


@pytest.mark.parametrize("seq", [-1, 3, 1, 2])
def test_an_upload_begins_with_its_first_item_and_has_no_others(seq: int) -> None:
    upload = Upload([ITEM] * 3, MISSION)
    upload.start(0.0)
    assert upload.receive(Request(mission_type=MISSION, seq=seq), 1.0) == ()
    assert upload.asked == -1


# ---- a download


def test_a_download_wakes_to_ask_again() -> None:
    download = Download(MISSION)
    assert download.start(100.0) == (ListRequest(mission_type=MISSION),)
    assert download.wake_s == 100.5
    assert download.tick(100.49) == ()
    assert download.tick(100.5) == (ListRequest(mission_type=MISSION),)
    assert download.receive(Count(mission_type=MISSION, count=2), 101.0) == (
        Request(mission_type=MISSION, seq=0),
    )
    assert download.wake_s == pytest.approx(101.4)
    assert download.receive(Item(mission_type=MISSION, seq=1, item=ITEM), 101.1) == ()
    assert download.receive(Item(mission_type=MISSION, seq=0, item=ITEM), 101.2) == (
        Request(mission_type=MISSION, seq=1),
    )
    assert download.wake_s == pytest.approx(101.6)
    assert download.receive(Item(mission_type=MISSION, seq=1, item=ITEM), 101.3) == (
        Ack(mission_type=MISSION, result=mavlink.MAV_MISSION_ACCEPTED),
    )
    assert download.state is DownloadState.DONE
    assert (download.count, len(download.items)) == (2, 2)


@pytest.mark.parametrize(("silent_s", "over"), [(8.99, False), (9.0, True)])
def test_a_download_is_broken_after_nine_silent_seconds(silent_s: float, over: bool) -> None:
    download = Download(MISSION)
    download.start(100.0)
    download.receive(Count(mission_type=MISSION, count=2), 102.0)
    download.tick(102.0 + silent_s)
    assert (download.state is DownloadState.BROKEN) is over


@pytest.mark.parametrize(("count", "state"), [(0, "DONE"), (5000, "FETCHING"), (5001, "BROKEN")])
def test_a_count_is_believed_up_to_what_any_aircraft_stores(count: int, state: str) -> None:
    download = Download(MISSION)
    download.start(0.0)
    download.receive(Count(mission_type=MISSION, count=count), 0.1)
    assert download.state is DownloadState[state]


# ---- deliveries


def test_a_delivery_and_a_fetching_wake_with_their_transfer_and_tell_how_far_it_is() -> None:
    delivery, fetching = Delivery(plan_of(3), PAIR), Fetching(PAIR)
    for machine in (delivery, fetching):
        machine.start(100.0)
        assert machine.wake_s == 100.5
        assert not machine.finished
        assert (machine.progress.done, machine.progress.attempt) == (0, 1)
    assert delivery.progress.stage == "upload"
    assert delivery.progress.mission_type is MissionType.FENCE
    assert fetching.progress.stage == "download"
    assert Delivery(plan_of(3), PAIR, send=False).progress.stage == "verify"


def test_what_others_send_changes_no_delivery() -> None:
    delivery = Delivery(plan_of(3), PAIR)
    (count,) = delivery.start(100.0)
    assert isinstance(count, Count)
    asked = Request(mission_type=MissionType.FENCE, seq=0)
    assert delivery.receive(heard(asked, Address(2, 1)), 100.1) == ()
    assert delivery.progress.done == 0
    refused = Ack(mission_type=MissionType.FENCE, result=mavlink.MAV_MISSION_NO_SPACE)
    delivery.receive(heard(refused), 100.2)
    assert delivery.error is not None
    assert dict(delivery.error.message.values)["item"] == 0
    assert delivery.finished
    assert delivery.tick(200.0) == ()


# ---- a parameter


def test_a_setting_is_sent_every_six_tenths_of_a_second_ten_times() -> None:
    setting = ParameterSetting(PAIR, "FENCE_MARGIN", 2.0)
    sent = [setting.start(100.0)]
    assert setting.wake_s == pytest.approx(100.6)
    assert setting.tick(100.59) == ()
    for n in range(1, 12):
        sent.append(setting.tick(100.0 + 0.601 * n))
    assert sum(map(bool, sent)) == 10
    assert setting.state is SetState.SILENT
    assert {one for each in sent for one in each} == {ParameterSet(name="FENCE_MARGIN", value=2.0)}


def test_a_setting_is_read_back_and_set_anew_three_times_when_it_is_not_kept() -> None:
    setting = ParameterSetting(PAIR, "FENCE_MARGIN", 2.0)
    setting.start(100.0)
    said = []
    for n in range(8):
        said += setting.receive(heard(ParameterValue(name="FENCE_MARGIN", value=3.0)), 101.0 + n)
    assert setting.state is SetState.REFUSED
    assert said.count(ParameterRequest(name="FENCE_MARGIN")) == 4
    assert said.count(ParameterSet(name="FENCE_MARGIN", value=2.0)) == 3
    assert setting.error is not None
    values = dict(setting.error.message.values)
    assert (values["value"], values["seen"]) == (2.0, 3.0)


def test_what_concerns_another_parameter_or_aircraft_is_not_taken() -> None:
    setting = ParameterSetting(PAIR, "FENCE_MARGIN", 2.0)
    setting.start(100.0)
    for other in (
        heard(ParameterValue(name="FENCE_TYPE", value=2.0)),
        heard(ParameterValue(name="FENCE_MARGIN", value=2.0), Address(9, 1)),
        heard(Ack(mission_type=MISSION, result=0)),
    ):
        assert setting.receive(other, 100.1) == ()
    assert setting.state is SetState.SETTING
    assert setting.error is None


def test_a_command_is_repeated_every_seven_tenths_of_a_second() -> None:
    call = CommandCall(PAIR, 400, (1.0,), word="arm")
    (first,) = call.start(100.0)
    assert isinstance(first, CommandLong)
    assert (first.confirmation, call.wake_s) == (0, pytest.approx(100.7))
    assert call.tick(100.69) == ()
    (second,) = call.tick(100.71)
    assert isinstance(second, CommandLong)
    assert second.confirmation == 1


def test_what_is_to_be_empty_is_announced_as_none_and_the_next_time_cleared() -> None:
    """Some autopilots know only one of the two; nothing is ever answered here."""
    plan = replace(plan_of(3), fence_polygons=(), fence_circles=(), rally_points=())
    delivery = Delivery(plan, PAIR)
    said = [*delivery.start(0.0)]
    for n in range(1, 2000):
        said += delivery.tick(0.1 * n)
    firsts = [type(said[0])]
    for body in said:
        if type(body) is not firsts[-1]:
            firsts.append(type(body))
    assert firsts[:6] == [Count, ListRequest, Clear, ListRequest, Count, ListRequest]
    assert firsts.count(Count) + firsts.count(Clear) == 4
    assert delivery.error is not None
    assert dict(delivery.error.message.values)["attempts"] == 4
    assert said.count(Count(mission_type=MissionType.FENCE, count=0)) >= 1


def test_a_gap_is_three_seconds_a_yes_a_minute_and_a_person_has_half_of_one() -> None:
    assert (GAP_S, FRESH_S, PATIENCE_S) == (3.0, 60.0, 30.0)


def test_a_name_that_stays_silent_is_asked_for_ten_times() -> None:
    reading = ParameterReading(PAIR, ["RTL_ALT"])
    sent = [*reading.start(100.0)]
    assert reading.tick(100.59) == ()
    for n in range(1, 15):
        sent += reading.tick(100.0 + 0.601 * n)
    assert sent == [ParameterRequest(name="RTL_ALT")] * 10
    assert reading.finished


def test_a_command_is_sent_ten_times_and_given_up() -> None:
    call = CommandCall(PAIR, 400, (1.0,), word="arm")
    sent = [*call.start(100.0)]
    for n in range(1, 20):
        sent += call.tick(100.0 + 0.701 * n)
    assert len(sent) == 10
    assert call.finished
    assert call.error is not None
