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
from missions.wire.download import Download, DownloadState
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
from missions.wire.pace import Pace
from missions.wire.transfer import Upload, UploadState
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


def ask(seq: int) -> Request:
    return Request(mission_type=MISSION, seq=seq)


def item(seq: int) -> Item:
    return Item(mission_type=MISSION, seq=seq, item=ITEM)


OUT_OF_TURN = Ack(mission_type=MISSION, result=mavlink.MAV_MISSION_INVALID_SEQUENCE)


def known(trip_s: float) -> Pace:
    """What is known of a link that takes so long."""
    pace = Pace()
    pace.answered(trip_s, repeated=False)
    return pace


def test_an_upload_wakes_to_count_again_and_then_to_send_its_item_again() -> None:
    upload = Upload([ITEM, ITEM], MISSION)
    assert upload.start(100.0) == (Count(mission_type=MISSION, count=2),)
    assert upload.wake_s == 100.5
    assert upload.tick(100.49) == ()
    assert upload.tick(100.5) == (Count(mission_type=MISSION, count=2),)
    assert upload.wake_s == 101.0
    assert upload.receive(ask(0), 100.8) == (item(0),)
    assert upload.wake_s == pytest.approx(101.3)
    assert upload.tick(101.29) == ()
    assert upload.tick(101.31) == (item(0),)


def test_an_upload_waits_as_long_as_the_link_has_taken_to_answer() -> None:
    upload = Upload([ITEM] * 6, MISSION)
    upload.start(100.0)
    upload.receive(ask(0), 100.2)
    assert upload.wake_s == pytest.approx(100.2 + 1.25 * 0.2 + 0.1)
    upload.receive(ask(1), 100.6)
    assert upload.wake_s == pytest.approx(100.6 + 1.25 * 0.3 + 0.1)
    upload.tick(101.2)
    upload.receive(ask(2), 101.9)
    assert upload.wake_s == pytest.approx(101.9 + 1.25 * 0.3 + 0.1)


@pytest.mark.parametrize(("trip_s", "every_s"), [(0.2, 0.5), (1.0, 1.35)])
def test_a_count_is_repeated_no_sooner_than_the_link_can_answer(
    trip_s: float, every_s: float
) -> None:
    upload = Upload([ITEM], MISSION, pace=known(trip_s))
    download = Download(MISSION, known(trip_s))
    for machine in (upload, download):
        machine.start(10.0)
        assert machine.wake_s == pytest.approx(10.0 + every_s)


def test_an_aircraft_about_to_give_up_is_sent_its_item_more_often() -> None:
    upload = Upload([ITEM] * 2, MISSION, pace=known(1.52))
    upload.start(100.0)
    upload.receive(ask(0), 101.52)
    wakes_s = []
    for _ in range(5):
        wakes_s.append(upload.wake_s - 101.52)
        upload.tick(upload.wake_s)
    assert wakes_s == pytest.approx([2.0, 4.0, 4.4, 4.8, 5.2])


@pytest.mark.parametrize(("later_s", "sent"), [(0.19, ()), (0.21, (item(0),))])
def test_what_is_still_on_its_way_is_not_sent_again_for_the_asking(
    later_s: float, sent: tuple[Item, ...]
) -> None:
    upload = Upload([ITEM] * 3, MISSION, pace=known(0.2))
    upload.start(100.0)
    assert upload.receive(ask(0), 100.2) == (item(0),)
    assert upload.receive(ask(0), 100.2 + later_s) == sent


def sent_twice(count: int) -> Upload:
    """An upload whose item 0 was sent twice."""
    upload = Upload([ITEM] * count, MISSION)
    upload.start(100.0)
    upload.receive(ask(0), 100.2)
    assert upload.receive(OUT_OF_TURN, 100.3) == ()
    assert upload.tick(100.6) == (item(0),)
    return upload


def test_an_aircraft_that_holds_what_was_repeated_is_sent_the_next_item() -> None:
    upload = sent_twice(4)
    assert upload.receive(OUT_OF_TURN, 100.8) == (item(1),)
    assert (upload.asked, upload.offered) == (0, 1)
    assert upload.receive(OUT_OF_TURN, 100.9) == ()
    assert upload.tick(100.8 + 0.34) == ()
    assert upload.tick(100.8 + 0.36) == (item(1),)
    assert upload.receive(OUT_OF_TURN, 101.4) == (item(2),)
    assert upload.receive(ask(3), 101.6) == (item(3),)
    assert upload.state is UploadState.ENDING


def test_what_no_plan_has_is_not_asked_for_however_often() -> None:
    upload = Upload([ITEM] * 3, MISSION)
    upload.start(0.0)
    upload.receive(ask(0), 1.0)
    for seq in (-1, 3):
        assert upload.receive(ask(seq), 2.0) == upload.receive(ask(seq), 3.0) == ()
    assert (upload.asked, upload.offered) == (0, 0)


def test_the_last_item_is_never_sent_unasked() -> None:
    upload = sent_twice(3)
    assert upload.receive(OUT_OF_TURN, 100.8) == (item(1),)
    upload.tick(101.3)
    assert upload.receive(OUT_OF_TURN, 101.5) == ()
    assert upload.offered == 1
    assert upload.receive(Ack(mission_type=MISSION, result=0), 101.6) == ()
    assert upload.state is UploadState.SENDING
    short = sent_twice(2)
    assert short.receive(OUT_OF_TURN, 100.8) == ()


def test_an_aircraft_that_says_what_it_waits_for_is_believed_before_any_guess() -> None:
    upload = sent_twice(6)
    upload.receive(OUT_OF_TURN, 100.8)
    upload.tick(101.3)
    assert upload.receive(OUT_OF_TURN, 101.5) == (item(2),)
    assert upload.receive(ask(1), 101.6) == (item(1),)
    assert (upload.asked, upload.offered) == (1, 1)
    assert upload.wake_s == pytest.approx(101.6 + 0.35)


def test_nothing_is_learnt_from_what_was_guessed() -> None:
    upload = sent_twice(6)
    upload.receive(OUT_OF_TURN, 100.8)
    upload.receive(ask(2), 100.81)
    assert upload.wake_s == pytest.approx(100.81 + 0.35)


def test_a_refusal_names_the_item_on_its_way() -> None:
    delivery = Delivery(plan_of(4), PAIR)
    delivery.start(100.0)
    fence = MissionType.FENCE
    delivery.receive(heard(Request(mission_type=fence, seq=0)), 100.2)
    delivery.tick(100.7)
    delivery.receive(heard(Ack(mission_type=fence, result=13)), 100.8)
    assert delivery.progress.done == 2
    delivery.receive(heard(Ack(mission_type=fence, result=mavlink.MAV_MISSION_NO_SPACE)), 100.9)
    assert delivery.error is not None
    assert dict(delivery.error.message.values)["item"] == 1


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
    assert download.receive(Count(mission_type=MISSION, count=2), 101.0) == (ask(0), ask(1))
    assert download.wake_s == pytest.approx(101.5)
    assert download.tick(101.49) == ()
    assert download.receive(item(1), 101.2) == ()
    assert download.receive(item(1), 101.21) == ()
    assert download.wake_s == pytest.approx(101.0 + 1.25 * 0.2 + 0.1)
    assert download.tick(101.34) == ()
    assert download.tick(101.36) == (ask(0),)
    assert download.receive(item(0), 101.6) == (
        Ack(mission_type=MISSION, result=mavlink.MAV_MISSION_ACCEPTED),
    )
    assert download.state is DownloadState.DONE
    assert (download.count, len(download.items)) == (2, 2)


def test_four_answers_are_awaited_at_a_time_and_each_question_is_repeated_by_itself() -> None:
    download = Download(MISSION, known(0.2))
    download.start(100.0)
    count = Count(mission_type=MISSION, count=7)
    assert download.receive(count, 100.2) == (ask(0), ask(1), ask(2), ask(3))
    assert download.receive(item(4), 100.3) == ()
    assert download.receive(item(2), 100.4) == (ask(4),)
    assert download.receive(Count(mission_type=MISSION, count=9), 100.45) == ()
    assert download.count == 7
    assert download.tick(100.54) == ()
    assert download.tick(download.wake_s) == (ask(0), ask(1), ask(3))
    assert download.receive(item(3), 100.6) == (ask(5),)
    assert download.tick(100.74) == ()
    assert download.tick(100.76) == (ask(4),)
    for seq, asked in ((0, (ask(6),)), (1, ()), (4, ()), (6, ())):
        assert download.receive(item(seq), 100.8) == asked
    assert len(download.items) == 6
    assert not download.finished
    download.receive(item(5), 100.9)
    assert download.state is DownloadState.DONE


def test_items_stand_in_order_however_they_come() -> None:
    download = Download(MISSION)
    download.start(0.0)
    download.receive(Count(mission_type=MISSION, count=3), 0.1)
    came = [MissionItem(command=Command.DO_SPRAYER, param1=float(n)) for n in range(3)]
    for seq in (2, 0, 1):
        download.receive(Item(mission_type=MISSION, seq=seq, item=came[seq]), 0.2)
    assert download.items == tuple(came)


# ---- how long to wait


def test_the_wait_is_a_quarter_and_a_tenth_more_than_the_median_of_the_last_eight() -> None:
    pace = Pace()
    assert (pace.trip_s, pace.wait_s) == (0.0, 0.5)
    for took_s in (9.0, 0.2, 0.3, 0.3, 0.3, 0.5, 0.5, 0.5, 1.9):
        pace.answered(took_s, repeated=False)
    assert pace.trip_s == pytest.approx(0.4)
    assert pace.wait_s == pytest.approx(0.6)


@pytest.mark.parametrize(("trip_s", "wait_s"), [(0.0, 0.15), (0.03, 0.15), (1.6, 2.0), (9.0, 2.0)])
def test_the_wait_has_bounds(trip_s: float, wait_s: float) -> None:
    assert known(trip_s).wait_s == pytest.approx(wait_s)


def test_four_answers_that_all_come_too_late_make_the_wait_longer_until_one_is_in_time() -> None:
    pace = Pace()
    waits_s = []
    for _ in range(20):
        pace.answered(1.2, repeated=True)
        waits_s.append(pace.wait_s)
    assert waits_s[2:4] == pytest.approx([0.5, 0.75])
    assert waits_s[6:8] == pytest.approx([0.75, 1.125])
    assert waits_s[-1] == 2.0
    pace.answered(1.2, repeated=False)
    assert pace.wait_s == pytest.approx(1.6)
    for late in (True, True, True, False, True, True, True):
        pace.answered(1.2, repeated=late)
        assert pace.wait_s == pytest.approx(1.6)
    pace.answered(1.2, repeated=True)
    assert pace.wait_s == 2.0


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
    assert fetching.progress.total == 0
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


def test_nothing_is_announced_as_a_count_of_nothing_or_as_a_clearing() -> None:
    for clear, said in ((False, Count(mission_type=MISSION, count=0)), (True, None)):
        upload = Upload([], MISSION, clear=clear)
        assert upload.start(0.0) == (said or Clear(mission_type=MISSION),)
        assert upload.wake_s == 0.5
    assert Upload([], MISSION).start(0.0) == (Count(mission_type=MISSION, count=0),)


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
