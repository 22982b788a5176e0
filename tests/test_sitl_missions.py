"""The plan server of the simulator: ArduPilot's quirks, one by one, message by message."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sitl.fence_storage import check_fence, keep_fence, keep_rally
from sitl.storage import Item, Result, keep_mission, single
from tests.ground_station import (
    HOME,
    HOME_ITEM,
    RETURN,
    Station,
    do,
    item_message,
    ring,
    take_off,
    waypoint,
)

MISSION, FENCE, RALLY = 0, 1, 2
THREE = [HOME_ITEM, take_off(10.0), waypoint(0, 50, 10.0), RETURN]


@pytest.fixture
def station() -> Station:
    station = Station()
    station.ready()
    return station


def count(items: int, kind: int = MISSION) -> Any:
    return mavlink.MAVLink_mission_count_message(1, 1, items, kind)


def replies(came: list[Any], *types: str) -> list[Any]:
    return [message for message in came if message.get_type() in types]


def acks(came: list[Any]) -> list[int]:
    return [message.type for message in replies(came, "MISSION_ACK")]


def test_an_upload_comes_back_as_it_is_stored_not_as_it_was_sent(station):
    sent = [
        HOME_ITEM,
        take_off(10.004),
        waypoint(0, 50, 10.019, params=(2.9, 5.0, 1.0, math.nan)),
        do(206, 12.5, 7.0, 1.0),
        do(216, 1.0),
        {"command": 189, "frame": 6, "x": HOME.lat_e7, "y": HOME.lon_e7, "z": 3.0},
        RETURN,
    ]
    assert station.upload(sent) == Result.ACCEPTED
    back = station.download()
    assert [(m.seq, m.command, m.frame) for m in back] == [
        (0, 16, 0),
        (1, 22, 3),
        (2, 16, 3),
        (3, 206, 0),
        (4, 216, 0),
        (5, 189, 3),
        (6, 20, 0),
    ]
    assert (back[1].z, back[2].z) == pytest.approx((10.0, 10.01), abs=1e-5)
    assert (back[2].param1, back[2].param2, back[2].param4) == (2.0, 0.0, 0.0)
    assert (back[3].param1, back[3].param2, back[3].param3) == (12.5, 0.0, 1.0)
    assert (back[2].x, back[2].y) == (sent[2]["x"], sent[2]["y"])


def test_item_0_is_home_whatever_was_sent():
    station = Station()
    station.until(lambda: station.copter.ready.initialised)
    nonsense = {"command": 22, "frame": 6, "x": 5, "y": 5, "z": 5.0}
    assert station.upload([nonsense, *THREE[1:]]) == Result.ACCEPTED
    assert not station.copter.home
    before = station.download()[0]
    assert (before.command, before.x, before.y, before.z) == (16, 0, 0, 0.0)
    station.ready()
    after = station.download()[0]
    assert (after.command, after.frame, after.x, after.y) == (16, 0, HOME.lat_e7, HOME.lon_e7)


def test_items_are_asked_for_with_the_legacy_request(station):
    station.send(count(3))
    came = station.wait(0.1)
    assert [m.seq for m in replies(came, "MISSION_REQUEST")] == [0]
    assert not replies(came, "MISSION_REQUEST_INT")
    request = replies(came, "MISSION_REQUEST")[0]
    assert (request.target_system, request.target_component) == (255, 190)


def test_a_plain_mission_item_is_taken_but_with_single_precision(station):
    station.send(count(2))
    lon = 106.5123457
    for seq in (0, 1):
        message = mavlink.MAVLink_mission_item_message(
            1, 1, seq, 3, 16, 0, 1, 0, 0, 0, 0, 21.0831234, lon, 15.0, 0
        )
        came = station.answer(message, "MISSION_REQUEST", "MISSION_ACK")
    assert came.type == Result.ACCEPTED
    stored = station.copter.mission_plan.items[1]
    assert stored.y == int(single(single(lon) * 1e7))
    assert 0 < abs(stored.y - 1065123457) < 100
    assert any("MISSION_ITEM_INT" in text for text in station.texts())


def test_an_item_out_of_turn_is_told_so_and_the_upload_goes_on(station):
    station.send(count(4))
    station.wait(0.05)
    station.send(item_message(2, THREE[2]))
    assert acks(station.wait(0.05)) == [Result.INVALID_SEQUENCE]
    for seq, item in enumerate(THREE):
        came = station.answer(item_message(seq, item), "MISSION_REQUEST", "MISSION_ACK")
    assert came.type == Result.ACCEPTED


def test_a_doubled_item_earns_invalid_sequence_and_does_no_harm(station):
    station.send(count(4))
    station.wait(0.05)
    for seq, item in enumerate(THREE):
        station.send(item_message(seq, item))
        if seq < 3:
            station.send(item_message(seq, item))
    got = acks(station.wait(0.1))
    assert got == [Result.INVALID_SEQUENCE] * 3 + [Result.ACCEPTED]
    assert [m.command for m in station.download()] == [16, 22, 16, 20]


def test_an_item_repeated_after_the_end_earns_error(station):
    station.upload(THREE)
    station.send(item_message(3, THREE[3]))
    assert acks(station.wait(0.1)) == [Result.ERROR]


def test_a_silent_sender_is_asked_again_every_second_and_given_up_after_eight(station):
    station.send(count(4))
    station.wait(0.02)
    asked, ended = [], []
    for _ in range(100):
        for message in station.wait(0.1):
            if message.get_type() == "MISSION_REQUEST":
                asked.append(station.now_s)
            elif message.get_type() == "MISSION_ACK":
                ended.append((station.now_s, message.type))
    gaps = [b - a for a, b in itertools.pairwise(asked)]
    assert gaps
    assert all(0.9 <= gap <= 1.2 for gap in gaps)
    assert [result for _, result in ended] == [Result.OPERATION_CANCELLED]
    assert 7.8 <= ended[0][0] - asked[0] + 1.0 <= 9.3
    assert "Mission upload timeout" in station.texts()


def test_the_eight_seconds_begin_again_with_every_item(station):
    station.send(count(4))
    for seq, item in enumerate(THREE):
        station.wait(7.0)
        station.send(item_message(seq, item))
    assert acks(station.wait(0.1)) == [Result.ACCEPTED]


def test_a_broken_upload_leaves_a_mixture(station):
    old = [HOME_ITEM, take_off(10.0), *(waypoint(0, 10.0 * k, 10.0) for k in range(1, 8))]
    assert station.upload(old) == Result.ACCEPTED
    station.send(count(5))
    station.wait(0.05)
    for seq, item in enumerate([HOME_ITEM, take_off(33.0)]):
        station.send(item_message(seq, item))
    station.wait(10.0)
    left = station.download()
    assert len(left) == 5
    assert [m.z for m in left[1:]] == [33.0, 10.0, 10.0, 10.0]


def test_the_same_station_may_begin_again_and_another_is_denied(station):
    station.send(count(4))
    station.wait(0.05)
    station.send(count(3), system=77)
    came = station.wait(0.05)
    assert acks(came) == [Result.DENIED]
    assert replies(came, "MISSION_ACK")[0].target_system == 77
    station.send(item_message(0, HOME_ITEM), system=77)
    assert acks(station.wait(0.05)) == [Result.DENIED]
    station.send(count(2))
    assert [m.seq for m in replies(station.wait(0.05), "MISSION_REQUEST")] == [0]


def test_downloads_are_denied_while_an_upload_is_under_way(station):
    station.send(count(4))
    station.wait(0.05)
    for message in (
        mavlink.MAVLink_mission_request_list_message(1, 1, MISSION),
        mavlink.MAVLink_mission_request_int_message(1, 1, 0, MISSION),
    ):
        station.send(message, system=77)
        assert acks(station.wait(0.02)) == [Result.DENIED]


def test_nothing_fits_before_the_vehicle_has_initialised():
    station = Station(ready_after_s=None)
    station.wait(1.0)
    station.send(count(4))
    assert acks(station.wait(0.1)) == [Result.NO_SPACE]
    assert "Only 0 items are supported" in station.texts()


@pytest.mark.parametrize(("kind", "limit"), [(MISSION, 650), (FENCE, 70), (RALLY, 46)])
def test_one_item_more_than_fits_is_refused(station, kind, limit):
    station.send(count(limit + 1, kind))
    assert acks(station.wait(0.1)) == [Result.NO_SPACE]
    station.send(count(limit, kind))
    assert len(replies(station.wait(0.1), "MISSION_REQUEST")) == 1


def test_a_card_makes_room_for_more():
    station = Station(parameters={"BRD_SD_MISSION": 64, "BRD_SD_FENCE": 32})
    station.ready()
    station.send(count(4368))
    assert len(replies(station.wait(0.1), "MISSION_REQUEST")) == 1
    station.send(count(4369))
    assert acks(station.wait(0.1)) == [Result.NO_SPACE]


@pytest.mark.parametrize("kind", [MISSION, FENCE, RALLY])
def test_a_count_of_nothing_clears(station, kind):
    items = {
        MISSION: THREE,
        FENCE: ring([(0, 0), (10, 0), (0, 10)]),
        RALLY: [waypoint(5, 5, 20.0, 5100)],
    }[kind]
    assert station.upload(items, kind) == Result.ACCEPTED
    assert len(station.download(kind)) == len(items)
    assert station.upload([], kind) == Result.ACCEPTED
    assert station.download(kind) == []


def test_clear_all_clears_but_not_a_mission_that_is_flown(station):
    clear = mavlink.MAVLink_mission_clear_all_message(1, 1, MISSION)
    station.start([take_off(10.0), waypoint(0, 100, 10.0), RETURN])
    station.wait(8.0)
    station.send(clear)
    assert acks(station.wait(0.05)) == [Result.ERROR]
    station.landed()
    station.send(mavlink.MAVLink_mission_clear_all_message(1, 1, MISSION))
    assert acks(station.wait(0.05)) == [Result.ACCEPTED]
    assert station.download() == []


def test_asking_for_an_item_that_is_not_there(station):
    station.upload(THREE)
    request = mavlink.MAVLink_mission_request_int_message(1, 1, 9, MISSION)
    station.send(request)
    came = station.wait(0.05)
    assert acks(came) == [Result.ERROR]
    assert replies(came, "MISSION_COUNT")[0].count == 4
    request = mavlink.MAVLink_mission_request_int_message(1, 1, 9, RALLY)
    station.send(request)
    assert acks(station.wait(0.05)) == [Result.INVALID_SEQUENCE]


@pytest.mark.parametrize(
    ("item", "result"),
    [
        (waypoint(0, 0, 10.0, params=(math.nan, 0, 0, 0)), Result.INVALID_PARAM1),
        (waypoint(0, 0, 10.0, params=(0, math.inf, 0, 0)), Result.INVALID_PARAM2),
        (do(216, 1.0, 0.0, math.nan), Result.INVALID_PARAM3),
        (do(178, 1.0, 5.0, -1.0, math.nan), Result.INVALID_PARAM4),
        ({**waypoint(0, 0, 10.0), "x": 950_000_000}, Result.INVALID_PARAM5_X),
        ({**waypoint(0, 0, 10.0), "y": 1_900_000_000}, Result.INVALID_PARAM6_Y),
        (waypoint(0, 0, math.nan), Result.INVALID_PARAM7),
        (waypoint(0, 0, 1e9), Result.INVALID_PARAM7),
        ({**waypoint(0, 0, 10.0), "frame": 1}, Result.UNSUPPORTED_FRAME),
        ({**waypoint(0, 0, 10.0), "frame": 8}, Result.UNSUPPORTED_FRAME),
        (do(177, 9.0, 1.0), Result.ERROR),
        (do(1, 1.0), Result.INVALID),
        *((do(command), Result.UNSUPPORTED) for command in (530, 2003, 195, 246, 260, 300, 410)),
    ],
)
def test_what_cannot_be_stored_is_refused_and_ends_the_upload(station, item, result):
    assert station.upload([HOME_ITEM, item, RETURN]) == result
    station.send(item_message(1, RETURN))
    assert acks(station.wait(0.1)) == [Result.ERROR]


@pytest.mark.parametrize("frame", [0, 3, 5, 6, 10, 11])
def test_every_global_frame_is_stored_without_its_int(station, frame):
    assert station.upload([HOME_ITEM, {**waypoint(0, 0, 10.0), "frame": frame}]) == 0
    assert station.download()[1].frame == {5: 0, 6: 3, 11: 10}.get(frame, frame)


def test_a_fence_is_only_replaced_when_it_is_whole(station):
    good = ring([(-50, -50), (50, -50), (50, 50), (-50, 50)])
    assert station.upload(good, FENCE) == Result.ACCEPTED
    assert station.upload(ring([(0, 0), (10, 0)]), FENCE) == Result.ERROR
    assert len(station.download(FENCE)) == 4
    half = good[:2]
    station.send(count(4, FENCE))
    for seq, item in enumerate(half):
        station.send(item_message(seq, item, FENCE))
    station.wait(10.0)
    assert len(station.download(FENCE)) == 4


def test_a_fence_of_69_corners_fits_and_one_of_70_is_refused_at_its_end(station):
    def round_field(corners: int) -> list[dict[str, Any]]:
        turn = 2.0 * math.pi / corners
        return ring([(90 * math.cos(turn * k), 90 * math.sin(turn * k)) for k in range(corners)])

    assert station.upload(round_field(69), FENCE) == Result.ACCEPTED
    assert station.upload(round_field(70), FENCE) == Result.ERROR
    assert len(station.download(FENCE)) == 69


def test_fence_and_rally_points_keep_their_places(station):
    fence = ring([(-50, -50), (50, -50), (50, 50)], 5002)
    circle = {**waypoint(5, 6, 0.0, 5003), "frame": 0, "params": (25.5, 0.0, 0.0, 0.0)}
    assert station.upload([*fence, circle], FENCE) == Result.ACCEPTED
    back = station.download(FENCE)
    assert [(m.command, m.x, m.y, m.param1) for m in back] == [
        *((5002, item["x"], item["y"], 3.0) for item in fence),
        (5003, circle["x"], circle["y"], 25.5),
    ]
    assert station.upload([waypoint(7, 8, 20.7, 5100)], RALLY) == Result.ACCEPTED
    assert (station.download(RALLY)[0].z, station.download(RALLY)[0].frame) == (20.0, 3)
    assert station.upload([waypoint(7, 8, 20.0, 16)], RALLY) == Result.UNSUPPORTED


def test_a_part_of_a_mission_can_be_rewritten(station):
    station.upload(THREE)
    partial = mavlink.MAVLink_mission_write_partial_list_message(1, 1, 2, 2, MISSION)
    request = station.answer(partial, "MISSION_REQUEST")
    assert request.seq == 2
    ack = station.answer(item_message(2, waypoint(9, 9, 12.0)), "MISSION_ACK")
    assert ack.type == Result.ACCEPTED
    assert [m.z for m in station.download()][1:3] == [10.0, 12.0]


def test_messages_for_another_vehicle_are_not_answered(station):
    assert station.answer(mavlink.MAVLink_mission_count_message(9, 1, 3, 0), "MISSION_ACK") is None
    station.send(count(3))
    station.wait(0.05)
    station.send(item_message(0, HOME_ITEM, target=2))
    assert not replies(station.wait(0.3), "MISSION_REQUEST", "MISSION_ACK")


def test_totals_are_told_as_parameters(station):
    station.upload(THREE)
    station.upload(ring([(0, 0), (10, 0), (0, 10)]), FENCE)
    station.wait(0.1)
    table = station.copter.parameters
    assert (table["MIS_TOTAL"], table["FENCE_TOTAL"], table["RALLY_TOTAL"]) == (4.0, 3.0, 0.0)


numbers = st.floats(width=32)
items = st.builds(
    Item,
    command=st.integers(0, 6000),
    frame=st.integers(0, 20),
    params=st.tuples(numbers, numbers, numbers, numbers),
    x=st.integers(-(2**31), 2**31 - 1),
    y=st.integers(-(2**31), 2**31 - 1),
    z=numbers,
)


@given(items)
def test_what_is_stored_is_stored_unchanged_a_second_time(item):
    for keep in (keep_mission, keep_fence, keep_rally):
        kept = keep(item)
        if isinstance(kept, Item):
            assert all(math.isfinite(value) for value in (*kept.params, kept.z))
            again = keep(kept)
            if keep is keep_mission and isinstance(again, Item):
                assert abs(again.z - kept.z) <= 0.0101 + 1e-6 * abs(kept.z)
                assert again.params == kept.params


@given(st.lists(items, max_size=8))
def test_any_list_is_a_fence_or_not_without_an_exception(fence):
    kept = [item for item in map(keep_fence, fence) if isinstance(item, Item)]
    assert check_fence(kept) in (True, False)
