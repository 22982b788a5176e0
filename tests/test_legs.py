"""What a list of items flies and orders: one reading for all who look."""

from __future__ import annotations

import pytest

from agri.geo import distance_m
from missions.items import Command, MissionItem, item_at
from missions.legs import flown_legs, ordered_legs
from tests.sites import DONG_TRIEU, Draft

FRAME = Draft(DONG_TRIEU).frame
HOME = FRAME.place(0.0, 0.0)


def to(east_m: float, north_m: float, wait_s: float = 0.0) -> MissionItem:
    return item_at(Command.NAV_WAYPOINT, FRAME.place(east_m, north_m), 5.0, param1=wait_s)


def order(command: int, *params: float) -> MissionItem:
    return MissionItem(command=command, **{f"param{n}": v for n, v in enumerate(params, start=1)})


SPRAY_ON, SPRAY_OFF = order(Command.DO_SPRAYER, 1.0), order(Command.DO_SPRAYER, 0.0)


def test_legs_cut_where_something_is_switched_add_up_to_the_legs_that_tell_the_orders() -> None:
    items = [
        to(0, 10), order(Command.DO_CHANGE_SPEED, 1.0, 4.0), SPRAY_ON,
        order(Command.CONDITION_DISTANCE, 30.0), SPRAY_OFF, to(0, 110, wait_s=1.7),
        to(50, 110), order(Command.NAV_RETURN_TO_LAUNCH),
    ]  # fmt: skip
    ordered = ordered_legs(items, HOME)
    flown = flown_legs(items, HOME)
    wet = [piece for piece in flown if piece.spray_on]
    assert [distance_m(leg.start, leg.end) for leg in wet] == pytest.approx([70.0], abs=0.01)
    assert [len(leg.stretches) for leg in ordered] == [0, 1, 0, 0]
    assert ordered[1].stretches[0] == pytest.approx((0.0, 70.0), abs=0.01)
    assert [leg.stay_s for leg in ordered] == [0.0, 1.0, 0.0, 0.0]
    assert [leg.stop_s for leg in flown] == [0.0, 0.0, 1.0, 0.0, 0.0]
    assert sum(distance_m(leg.start, leg.end) for leg in flown) == pytest.approx(
        sum(leg.length_m for leg in ordered), abs=1e-3
    )


def test_a_wait_in_one_place_is_told_with_its_orders_and_has_no_flown_leg() -> None:
    delay = order(Command.NAV_DELAY, 4.5)
    items = [to(0, 10), SPRAY_ON, delay, SPRAY_OFF, to(0, 20)]
    _, wait, onward = ordered_legs(items, HOME)
    assert (wait.seq, wait.stay_s, wait.length_m, wait.sprays) == (3, 4.5, 0.0, True)
    assert not onward.sprays
    assert [leg.seq for leg in flown_legs(items, HOME)] == [1, 5]


def test_a_speed_of_nothing_is_no_order_as_the_aircraft_reads_it() -> None:
    items = [order(Command.DO_CHANGE_SPEED, 1.0, 3.0), order(Command.DO_CHANGE_SPEED, 1.0, 0.0),
             to(0, 50)]  # fmt: skip
    assert [leg.speed_m_s for leg in flown_legs(items, HOME)] == [3.0]


def test_what_still_waits_when_the_waypoint_is_reached_is_lost() -> None:
    items = [to(0, 10), order(Command.CONDITION_DISTANCE, 0.0), SPRAY_ON, to(0, 60), to(0, 90)]
    assert not any(leg.spray_on for leg in flown_legs(items, HOME))
    assert not any(leg.sprays for leg in ordered_legs(items, HOME))


def test_the_pump_on_a_servo_counts_where_the_plan_has_one() -> None:
    items = [order(Command.DO_SET_SERVO, 9.0, 1500.0), to(0, 50)]
    assert not flown_legs(items, HOME)[0].spray_on
    assert flown_legs(items, HOME, pump_channel=9)[0].spray_on
