"""Each limit of a flight's rules at its very edge: what is still good, and what is not any more.

The figures stand here once more on purpose: they are those of the rules of flight (off after more
than a second outside; a yes for a minute; silence shown after three seconds, the failsafe expected
after five, the flight lost after two minutes; home within five metres), and a change of one must be
meant.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from agri.errors import LinkError
from agri.weather import Wind
from agri.words import Message
from missions.flight.home_watch import HomeWatched, judge_home
from missions.flight.lean_wind import (
    DRAGS_PER_S,
    ENOUGH,
    LeanWind,
    Moment,
    air,
    learn,
)
from missions.flight.phases import (
    Begin,
    Did,
    Failed,
    FlightState,
    Identified,
    Order,
    Phase,
    Proved,
    Read,
    Tick,
)
from missions.flight.spray_watch import SprayWatched, at_end, guard
from missions.flight.steps import begin, step
from missions.flight.watching import (
    Watched,
    goes_home,
    height_band,
    item_on_board,
    last_navigation,
    watch,
)
from missions.flight.wind_watch import WindWatched, judge_wind, wind_limit_m_s
from missions.flightplan import FlightPlan
from missions.items import Command, Frame, MissionItem, item_at
from missions.wire.sightings import Sighting, SightingKind, VehicleIdentity
from missions.wire.telemetry import CopterMode, StatusText, Telemetry
from tests import spray_flown as spraying
from tests.test_flight import (
    FLYING,
    FRAME,
    HOME,
    PLAN,
    READY,
    YES,
    before_launch,
    in_flight,
    notes,
    orders,
    parameters,
    play,
    proof,
    saw,
)

SPRAY = spraying.plan()
INSIDE = spraying.FRAME.place(60.0, 20.0)
OUTSIDE = spraying.FRAME.place(60.0, 60.0)
WET = Telemetry(
    time_s=100.0, armed=True, mode=CopterMode.AUTO, place=INSIDE, height_m=5.0, speed_m_s=5.0,
    fix_type=3, ekf_ok=True, pump_share=0.5, mission_current=5, mission_state=3, home=HOME,
)  # fmt: skip


def words(wishes: list[Any]) -> list[str]:
    return [wish.key if isinstance(wish, Message) else wish for wish in wishes]


# ---- the sprayer


def guarded(*seen: Telemetry, before: SprayWatched | None = None) -> tuple[SprayWatched, list[Any]]:
    after, said = before or SprayWatched(), list[tuple[float, str]]()
    for now in seen:
        after, wishes = guard(SPRAY, after, now)
        said += [(round(now.time_s - 100.0, 3), word) for word in words(wishes)]
    return after, said


def after_s(*times: float, **changes: Any) -> list[Telemetry]:
    return [replace(WET, time_s=100.0 + time_s, **changes) for time_s in times]


def test_a_second_outside_is_what_lead_and_lag_may_take_and_no_more() -> None:
    assert guarded(*after_s(0.0, 1.0, place=OUTSIDE))[1] == []
    assert guarded(*after_s(0.0, 1.0, 1.01, place=OUTSIDE))[1] == [
        (1.01, "event.sprayer_off_outside"), (1.01, "spray_off"),
    ]  # fmt: skip
    assert guarded(*after_s(0.0, 0.9, place=OUTSIDE), *after_s(1.0),
                   *after_s(1.5, 2.4, place=OUTSIDE))[1] == []  # fmt: skip


def test_an_off_that_does_not_help_is_ordered_each_second_and_the_aircraft_stopped_at_the_fourth(
) -> None:  # fmt: skip
    times = [0.0, 1.5, 2.4, 2.5, 3.4, 3.5, 4.4, 4.5, 5.4, 5.5]
    _, said = guarded(*after_s(*times, place=OUTSIDE))
    assert [at_s for at_s, word in said if word == "spray_off"] == [1.5, 2.5, 3.5, 4.5, 5.5]
    assert [(at_s, word) for at_s, word in said if word != "spray_off"] == [
        (1.5, "event.sprayer_off_outside"), (4.5, "event.sprayer_stays_on"), (4.5, "hold"),
    ]  # fmt: skip


@pytest.mark.parametrize(("share", "on"), [(0.0, False), (0.01, False), (0.011, True), (1.0, True)])
def test_a_pump_turns_from_a_hundredth_on(share: float, on: bool) -> None:
    _, said = guarded(*after_s(0.0, 2.0, place=OUTSIDE, pump_share=share))
    assert bool(said) is on
    left = replace(WET, mode=CopterMode.LOITER, pump_share=share)
    assert [word for _, word in guarded(left)[1]] == [
        *(["event.sprayer_off_mode"] if on else []), "spray_off",
    ]  # fmt: skip


def test_out_of_auto_a_pump_that_still_turns_is_ordered_off_each_second() -> None:
    out = {"mode": CopterMode.LOITER}
    _, said = guarded(*after_s(0.0, 0.9, 1.0, 1.9, 2.0, **out))
    assert said == [
        (0.0, "event.sprayer_off_mode"), (0.0, "spray_off"), (1.0, "spray_off"),
        (2.0, "spray_off"),
    ]  # fmt: skip
    still = after_s(0.0, pump_share=0.0, **out)
    _, said = guarded(*still, *after_s(0.5, **out))
    assert [word for _, word in said] == ["spray_off", "event.sprayer_off_mode", "spray_off"]


def test_a_pump_that_is_not_told_is_left_alone_in_auto_and_put_off_out_of_it() -> None:
    assert guarded(*after_s(0.0, 5.0, place=OUTSIDE, pump_share=math.nan))[1] == []
    left = after_s(0.0, mode=CopterMode.RTL, pump_share=math.nan)
    assert [word for _, word in guarded(*left)[1]] == ["spray_off"]


@pytest.mark.parametrize(
    ("changes", "bad"),
    [({"fix_type": 3}, False), ({"fix_type": 2}, True), ({"fix_type": 4}, False),
     ({"ekf_ok": False}, True)],
)  # fmt: skip
def test_a_bad_position_switches_off(changes: dict[str, Any], bad: bool) -> None:
    _, said = guarded(*after_s(0.0, **changes))
    assert [word for _, word in said] == (["event.sprayer_off_position", "spray_off"] * bad)


def test_the_tank_is_empty_when_the_pumps_own_curve_says_so() -> None:
    """6 L/min at full output out of a tank of 10 L: empty after 100 s, a second at a time."""
    full = after_s(*map(float, range(101)), pump_share=1.0)
    after, said = guarded(*full)
    assert said == []
    assert after.litres == pytest.approx(10.0)
    after, said = guarded(*after_s(101.0, 102.0, 103.0, pump_share=1.0), before=after)
    assert said == [(101.0, "event.tank_empty"), (101.0, "spray_off"), (101.0, "hold")]


@pytest.mark.parametrize(("step_s", "litres"), [(1.0, 0.1), (0.5, 0.05), (1.01, 0.0), (-1.0, 0.0)])
def test_what_the_pump_did_in_a_silence_is_not_known(step_s: float, litres: float) -> None:
    after, _ = guarded(*after_s(0.0, step_s, pump_share=1.0))
    assert after.litres == pytest.approx(litres)


def test_only_armed_sprayings_are_guarded_and_end_with_an_off() -> None:
    bad = replace(WET, place=OUTSIDE, mode=CopterMode.RTL)
    assert guard(SPRAY, SprayWatched(), replace(bad, armed=False)) == (SprayWatched(), [])
    assert guard(replace(SPRAY, spray=None), SprayWatched(), bad) == (SprayWatched(), [])
    assert at_end(SPRAY) == ["spray_off"]
    assert at_end(PLAN) == []


# ---- home


def homes(*seen: Telemetry, before: HomeWatched | None = None) -> list[str]:
    after, said = before or HomeWatched(), list[str]()
    for now in seen:
        after, wishes = judge_home(SPRAY, after, now, flies=True)
        said += words(wishes)
    return said


def home_at(east_m: float, north_m: float = 0.0, **more: Any) -> Telemetry:
    place = spraying.FRAME.place(east_m, north_m)
    return replace(WET, home=place, home_amsl_m=10.0, **more)


@pytest.mark.parametrize(("away_m", "moved"), [(0.0, False), (4.99, False), (5.01, True)])
def test_home_moves_from_five_metres_on(away_m: float, moved: bool) -> None:
    assert homes(home_at(away_m)) == ["event.home_moved"] * moved
    assert homes(home_at(20.0), home_at(20.0 + away_m)) == ["event.home_moved"] * (1 + moved)


def test_home_outside_any_fence_to_be_stayed_in_is_outside() -> None:
    assert homes(home_at(-29.0)) == ["event.home_moved"]
    assert homes(home_at(-31.0)) == ["event.home_moved_outside"]
    out = replace(SPRAY, fence_polygons=tuple(replace(f, inclusion=False)
                                              for f in SPRAY.fence_polygons))  # fmt: skip
    _, wishes = judge_home(out, HomeWatched(), home_at(-31.0), flies=True)
    assert words(wishes) == ["event.home_moved"]


@pytest.mark.parametrize(
    ("east_m", "north_m", "bearing_deg"),
    [(0.0, 20.0, 0.0), (20.0, 0.0, 90.0), (0.0, -20.0, 180.0), (-20.0, 0.0, 270.0)],
)
def test_where_home_moved_to_is_told_as_a_compass_tells_it(
    east_m: float, north_m: float, bearing_deg: float
) -> None:
    _, (said, *_) = judge_home(SPRAY, HomeWatched(), home_at(east_m, north_m), flies=True)
    assert isinstance(said, Message)
    values = dict(said.values)
    off_deg = math.remainder(values["bearing_deg"] - bearing_deg, 360.0)  # type: ignore[operator]
    assert abs(off_deg) < 0.2
    assert 0.0 <= values["bearing_deg"] < 360.0  # type: ignore[operator]
    assert values["distance_m"] == pytest.approx(20.0, abs=0.1)


@pytest.mark.parametrize(("before_end", "held"), [(0, True), (1, False)])
def test_it_is_held_exactly_at_the_item_that_returns(before_end: int, held: bool) -> None:
    number = len(SPRAY.items) - before_end
    said = homes(home_at(20.0, mission_current=number))
    assert ("hold" in said) is held


@pytest.mark.parametrize("number", [0, -1, 99])
def test_a_number_that_is_no_item_is_no_way_home(number: int) -> None:
    assert homes(home_at(20.0, mission_current=number)) == ["event.home_moved"]


@pytest.mark.parametrize("mode", [CopterMode.RTL, CopterMode.SMART_RTL, CopterMode.AUTO_RTL])
def test_every_way_home_is_known(mode: CopterMode) -> None:
    assert homes(home_at(20.0, mode=mode)) == ["event.home_moved", "event.home_going"]


@pytest.mark.parametrize(("off_m", "wrong"), [(2.0, False), (-2.0, False), (2.01, True)])
def test_a_home_two_metres_higher_is_wrong(off_m: float, wrong: bool) -> None:
    first, then = home_at(0.0), replace(home_at(0.0), home_amsl_m=10.0 + off_m)
    assert homes(first, then) == (["event.home_height", "spray_off", "hold"] if wrong else [])
    back = homes(first, replace(first, home_amsl_m=13.0), first, replace(first, home_amsl_m=13.0))
    assert back.count("hold") == 2


# ---- the watch


def seen_of(*seen: Telemetry, plan: FlightPlan = PLAN) -> tuple[Watched, list[str]]:
    watched, said = Watched(), list[str]()
    for now in seen:
        watched, wishes = watch(plan, watched, Sighting(kind=SightingKind.STATE, telemetry=now))
        said += [wish if isinstance(wish, str) else wish.message.key for wish in wishes]
    return watched, said


def up(height_m: float, **more: Any) -> Telemetry:
    return replace(FLYING, height_m=height_m, mission_current=1, **more)


@pytest.mark.parametrize(
    ("take_off_m", "height_m", "flies"),
    [
        (30.0, 1.5, False), (30.0, 1.51, True), (2.0, 1.2, False), (2.0, 1.21, True),
        (None, 1.5, False), (None, 1.51, True),
    ],
)  # fmt: skip
def test_an_aircraft_flies_from_a_metre_and_a_half_or_most_of_its_take_off(
    take_off_m: float | None, height_m: float, flies: bool
) -> None:
    first = () if take_off_m is None else (item_at(Command.NAV_TAKEOFF, HOME, take_off_m),)
    plan = replace(PLAN, items=(MissionItem(command=Command.DO_SPRAYER, z=9.0), *first))
    watched, said = seen_of(up(height_m), plan=plan)
    assert watched.airborne is flies
    assert said.count("event.took_off") == flies
    assert seen_of(up(height_m, armed=False), plan=plan)[0].airborne is False
    assert seen_of(up(math.nan), plan=plan)[0].airborne is False


def test_a_flight_begins_with_nothing_reached_and_ends_once() -> None:
    watched, said = seen_of(up(0.0), up(0.0, armed=False))
    assert (watched.ended, watched.completed, watched.furthest) == (True, False, 0)
    assert said[-1] == "event.disarmed"
    watched, said = seen_of(up(9.0), up(0.0, armed=False))
    assert said[-1] == "event.landed"
    assert not seen_of(up(0.0, armed=False))[0].ended


@pytest.mark.parametrize(
    ("reached", "changes", "done"),
    [
        (6, {}, False), (7, {}, True), (8, {}, False),
        (3, {"mission_state": 5}, True), (3, {"mission_state": 4}, False),
        (7, {"mode": CopterMode.LOITER}, False),
    ],
)  # fmt: skip
def test_a_plan_is_flown_when_its_last_item_is_reached_for(
    reached: int, changes: dict[str, Any], done: bool
) -> None:
    watched, _ = seen_of(FLYING, replace(FLYING, mission_current=reached, **changes))
    assert watched.completed is done


@pytest.mark.parametrize(
    ("numbers", "wrong"),
    [((3, 4, 5), 0), ((3, 3), 0), ((5, 4), 1), ((3, 8), 1), ((3, 7), 0), ((3, 0, 4), 0)],
)
def test_items_are_flown_to_in_their_order(numbers: tuple[int, ...], wrong: int) -> None:
    _, said = seen_of(*(replace(FLYING, mission_current=n) for n in numbers))
    assert said.count("event.wrong_item") == said.count("hold") == wrong


def test_a_plan_that_jumps_may_go_back() -> None:
    plan = replace(PLAN, items=(*PLAN.items[:6], MissionItem(command=Command.DO_JUMP, param1=3.0)))
    back = [replace(FLYING, mission_current=n) for n in (5, 3, 5)]
    assert "hold" not in seen_of(*back, plan=plan)[1]
    assert "hold" in seen_of(*back, replace(FLYING, mission_current=8), plan=plan)[1]


@pytest.mark.parametrize(
    ("height_m", "wrong"), [(32.0, False), (32.01, True), (28.0, False), (27.99, True)]
)
def test_two_metres_off_its_height_for_four_seconds_is_too_much(
    height_m: float, wrong: bool
) -> None:
    off = [
        replace(FLYING, mission_current=5, height_m=height_m, time_s=100.0 + time_s)
        for time_s in (0.0, 3.99, 4.0, 9.0)
    ]
    assert "hold" not in seen_of(FLYING, *off[:2])[1]
    assert seen_of(FLYING, *off)[1].count("hold") == wrong


def test_the_height_that_was_planned_is_told() -> None:
    sloped = replace(PLAN, items=(
        *PLAN.items[:2], item_at(Command.NAV_WAYPOINT, FRAME.place(50.0, 0.0), 20.0),
        *PLAN.items[3:]))  # fmt: skip
    assert height_band(sloped, 5) == height_band(sloped, 3) == (20.0, 30.0)
    for height_m, planned_m in ((10.0, 20.0), (50.0, 30.0)):
        watched = Watched(airborne=True)
        for time_s in (100.0, 105.0):
            seen = replace(FLYING, mission_current=5, height_m=height_m, time_s=time_s)
            watched, wishes = watch(sloped, watched, Sighting(kind=SightingKind.STATE,
                                                              telemetry=seen))  # fmt: skip
        told = [w.message for w in wishes if not isinstance(w, str)]
        assert dict(told[0].values) == {"height_m": height_m, "planned_m": planned_m}


def test_only_a_way_between_two_waypoints_above_home_has_a_height() -> None:
    terrain = replace(PLAN.items[4], frame=Frame.TERRAIN)
    loiter = replace(PLAN.items[2], command=Command.NAV_LOITER_TIME)
    assert height_band(replace(PLAN, items=(*PLAN.items[:4], terrain)), 5) is None
    assert height_band(replace(PLAN, items=(*PLAN.items[:2], loiter, *PLAN.items[3:])), 5) is None
    delay = MissionItem(command=95, z=4.0)
    assert height_band(replace(PLAN, items=(*PLAN.items[:3], delay, *PLAN.items[4:])), 5) is None
    order = MissionItem(command=96, z=4.0)
    assert height_band(replace(PLAN, items=(*PLAN.items[:3], order, *PLAN.items[4:])), 5) == (
        30.0, 30.0,
    )  # fmt: skip


def test_items_are_counted_from_one() -> None:
    assert item_on_board(PLAN, 1) is PLAN.items[0]
    assert item_on_board(PLAN, 7) is PLAN.items[6]
    assert item_on_board(PLAN, 0) is item_on_board(PLAN, 8) is None
    assert last_navigation(replace(PLAN, items=())) == 0
    numbered = tuple(MissionItem(command=command) for command in (95, 96))
    assert last_navigation(replace(PLAN, items=numbered)) == 1
    for command, home in ((20, True), (21, True), (16, False)):
        plan = replace(PLAN, items=(MissionItem(command=command),))
        assert goes_home(plan, replace(FLYING, mission_current=1)) is home
    assert not goes_home(PLAN, replace(FLYING, mission_current=9))


@pytest.mark.parametrize(("severity", "spoken"), [(0, True), (4, True), (5, False)])
def test_the_autopilots_last_warning_is_written_down(severity: int, spoken: bool) -> None:
    texts = (StatusText(1.0, 0, "older"), StatusText(2.0, severity, "newest"))
    watched, wishes = watch(
        PLAN, Watched(),
        Sighting(kind=SightingKind.TEXT, telemetry=replace(FLYING, texts=texts)),
    )  # fmt: skip
    assert watched == Watched()
    assert [dict(w.message.values)["text"] for w in wishes if not isinstance(w, str)] == (
        ["newest"] * spoken
    )
    silent = Sighting(kind=SightingKind.TEXT, telemetry=FLYING)
    assert watch(PLAN, Watched(), silent) == (Watched(), [])


@pytest.mark.parametrize(
    ("changes", "bad"),
    [({"fix_type": 3}, 0), ({"fix_type": 2}, 1), ({"ekf_ok": False}, 1), ({"fix_type": 6}, 0)],
)
def test_a_lost_position_is_told_again_after_it_was_good(changes: dict[str, Any], bad: int) -> None:
    lost = replace(FLYING, **changes)
    assert seen_of(FLYING, lost, lost)[1].count("event.position_bad") == bad
    assert seen_of(FLYING, lost, FLYING, lost)[1].count("event.position_bad") == 2 * bad
    assert "event.position_bad" not in seen_of(replace(READY, armed=True, **changes))[1]


# ---- the steps: silence, gaps, the yes, the start


@pytest.mark.parametrize(
    ("silence_s", "said"),
    [
        (3.0, []), (3.01, ["event.link_silent"]), (5.0, ["event.link_silent"]),
        (5.01, ["event.link_failsafe"]),
    ],
)  # fmt: skip
def test_silence_is_shown_after_three_seconds_and_the_failsafe_expected_after_five(
    silence_s: float, said: list[str]
) -> None:
    state, told = play(in_flight(), Tick(silence_s))
    assert notes(told) == said
    assert state.gap is bool(said)
    again, told = play(state, Tick(silence_s), Tick(2.0), Tick(1.5))
    assert notes(told) == []
    assert notes(play(again, Tick(1.49), Tick(0.5))[1]) == (["event.link_back"] if said else [])


def test_a_flight_is_lost_after_two_minutes_ten_seconds_of_which_were_listened_to() -> None:
    listening, _ = play(in_flight(), Tick(110.0), now_s=1000.0)
    assert play(listening, Tick(120.0), now_s=1009.9)[0].phase is Phase.WATCH
    assert play(listening, Tick(119.9), now_s=1010.0)[0].phase is Phase.WATCH
    lost, told = play(listening, Tick(120.0), now_s=1010.0)
    assert lost.phase is Phase.LOST
    assert notes(told) == ["event.link_lost"]
    heard, _ = play(listening, Tick(3.0), now_s=1005.0)
    assert play(heard, Tick(130.0), now_s=1010.0)[0].phase is Phase.WATCH


@pytest.mark.parametrize(("gap_s", "gone"), [(3.0, False), (3.01, True)])
@pytest.mark.parametrize("clock", ["heard_s", "time_s"])
def test_three_seconds_between_heartbeats_take_the_yes_away(
    gap_s: float, gone: bool, clock: str
) -> None:
    state, _ = play(before_launch(), saw(replace(READY, heard_s=50.0, time_s=90.0)))
    state = replace(state, gap=False)
    now = {"heard_s": 50.0, "time_s": 90.0}
    now[clock] += gap_s
    assert play(state, saw(replace(READY, **now)))[0].gap is gone


@pytest.mark.parametrize(
    ("rate", "gap_s", "its_gap_s", "gone"),
    [
        (10.0, 1.3, 13.0, False), (10.0, 1.31, 13.0, True), (10.0, 1.0, 13.01, True),
        (1.0, 1.31, 3.0, False), (1.5, 3.0, 4.5, False), (1.5, 3.01, 4.0, True),
    ],
)  # fmt: skip
def test_of_a_fast_simulation_one_of_our_seconds_is_forgiven(
    rate: float, gap_s: float, its_gap_s: float, gone: bool
) -> None:
    state = replace(before_launch(), seen=replace(READY, heard_s=50.0, time_s=90.0), gap=False)
    later = replace(READY, heard_s=50.0 + gap_s, time_s=90.0 + its_gap_s)
    assert play(state, saw(later, rate))[0].gap is gone


def test_the_first_sighting_of_an_aircraft_is_no_gap() -> None:
    state, _ = play(begin(PLAN), Begin(), saw(replace(READY, heard_s=70.0, time_s=900.0)))
    assert not state.gap


@pytest.mark.parametrize(("age_s", "order"), [(60.0, Order.GUIDED), (60.01, Order.CONFIRM)])
def test_a_yes_holds_for_a_minute(age_s: float, order: Order) -> None:
    state, _ = play(before_launch(), YES[0], now_s=100.0)
    _, said = play(state, Proved(proof(100.0 + age_s)), now_s=100.0 + age_s)
    assert orders(said) == [order]


@pytest.mark.parametrize(("age_s", "order"), [(60.0, Order.ARM), (60.01, Order.PROVE)])
def test_a_proof_holds_for_a_minute(age_s: float, order: Order) -> None:
    state, _ = play(before_launch(), *YES)
    state = replace(state, confirmed_s=age_s)
    _, said = play(state, Did(Order.GUIDED), now_s=age_s)
    assert orders(said) == [order]


def test_one_yes_arms_once() -> None:
    state, said = play(before_launch(), *YES, Did(Order.GUIDED))
    assert orders(said)[-1] is Order.ARM
    assert state.confirmed_s == -math.inf


@pytest.mark.parametrize(("waited_s", "refused"), [(89.9, False), (90.0, True)])
def test_the_aircrafts_own_checks_have_a_minute_and_a_half(waited_s: float, refused: bool) -> None:
    state, _ = play(begin(PLAN), Begin(), Identified(COPTER), Read(parameters()))
    not_yet = replace(READY, ekf_ok=False)
    state, _ = play(state, saw(not_yet), saw(replace(not_yet, time_s=READY.time_s + waited_s)))
    assert (state.phase is Phase.REFUSED) is refused


COPTER = VehicleIdentity(vehicle_type=2, autopilot=3, version="4.6.0")


def starting() -> FlightState:
    state, said = play(before_launch(), *YES, Did(Order.GUIDED),
                       saw(replace(READY, armed=True, mode=4)), Did(Order.ARM),
                       Did(Order.AUTO))  # fmt: skip
    assert orders(said)[-1] is Order.START
    return state


SILENT = LinkError("error.link_command_silent", command="")


def test_a_start_is_ordered_again_after_four_seconds_and_three_times_in_all() -> None:
    state, given = starting(), list[Order]()
    for now_s in (10.0, 20.0, 30.0):
        state, said = play(state, Failed(Order.START, SILENT), now_s=now_s)
        given += orders(said)
        state, said = play(state, Tick(0.1), now_s=now_s + 3.99)
        given += orders(said)
        state, said = play(state, Tick(0.1), now_s=now_s + 4.0)
        given += orders(said)
    assert given == [Order.START, Order.START, Order.DISARM]
    assert state.phase is Phase.GIVE_UP


@pytest.mark.parametrize(
    ("changes", "flies"),
    [
        ({"height_m": 0.8}, False), ({"height_m": 0.81}, True), ({"height_m": math.nan}, False),
        ({"mission_state": 3}, True), ({"height_m": 9.0, "armed": False}, False),
        ({"mission_state": 3, "armed": False}, False),
    ],
)  # fmt: skip
def test_what_flies_is_not_started_again_and_its_motors_are_never_switched_off(
    changes: dict[str, Any], flies: bool
) -> None:
    seen = replace(READY, armed=True, mode=3, height_m=0.0)
    state = replace(starting(), seen=replace(seen, **changes), starts=3)
    state, said = play(state, Failed(Order.START, SILENT), now_s=9.0)
    assert (state.phase is Phase.WATCH) is flies
    assert (Order.DISARM in orders(said)) is not flies
    state = replace(starting(), seen=replace(seen, **changes), gap=True)
    state, said = play(state, Did(Order.AUTO))
    assert Order.START not in orders(said)


@pytest.mark.parametrize("order", [o for o in Order if o is not Order.START])
def test_an_answer_to_another_question_changes_nothing_on_the_way_up(order: Order) -> None:
    for state in (starting(), replace(starting(), phase=Phase.AUTO, pending=Order.AUTO),
                  replace(starting(), phase=Phase.ARM, pending=Order.ARM),
                  replace(starting(), phase=Phase.GUIDED, pending=Order.GUIDED)):  # fmt: skip
        if order is state.pending:
            continue
        for event in (Did(order), Failed(order, SILENT)):
            assert step(state, event, 0.0) == (state, ())


def test_a_launch_given_up_ends_when_the_motors_are_off_or_will_not_go_off() -> None:
    up_given, _ = play(replace(starting(), starts=3), Failed(Order.START, SILENT))
    assert up_given.phase is Phase.GIVE_UP
    assert step(up_given, Did(Order.HOLD), 0.0) == (up_given, ())
    for event in (Did(Order.DISARM), Failed(Order.DISARM, SILENT)):
        assert play(up_given, event)[0].phase is Phase.REFUSED
        flying = replace(up_given, seen=FLYING)
        assert play(flying, event)[0].phase is Phase.WATCH


def test_a_spraying_without_its_pump_is_refused_and_its_flow_is_said_to_be_unmeasured() -> None:
    from missions.wire.telemetry import PumpServo

    pump = PumpServo(channel=9, min_us=1000.0, max_us=2000.0)
    for plan, found, expected in (
        (SPRAY, None, {"finding.spray_no_pump", "finding.spray_flow_unmeasured"}),
        (SPRAY, pump, {"finding.spray_flow_unmeasured"}),
        (PLAN, None, set()),
    ):
        state, _ = play(begin(plan), Begin(), Identified(COPTER), Read(parameters(), found))
        told = {"finding.spray_no_pump", "finding.spray_flow_unmeasured"}
        assert {f.key for f in state.findings} & told == expected


# ---- the wind


def blown(*winds: tuple[float, float], before: WindWatched | None = None, **more: Any) -> list[Any]:
    """Wishes for a wind of some strength at each time."""
    after, said = before or WindWatched(), list[tuple[float, str]]()
    for time_s, wind_m_s in winds:
        seen = replace(
            WET, time_s=100.0 + time_s, wind_s=100.0 + time_s, wind_m_s=wind_m_s,
            wind_from_deg=10.0, **more,
        )  # fmt: skip
        after, wishes = judge_wind(SPRAY, after, seen)
        said += [(round(time_s, 3), word) for word in words(wishes)]
    return said


LIMIT_M_S = wind_limit_m_s(SPRAY.spray.settings)  # type: ignore[union-attr]


@pytest.mark.parametrize(("over", "stops"), [(0.0, False), (1e-6, True)])
def test_a_wind_at_its_limit_may_stay(over: float, stops: bool) -> None:
    strong = [(float(n), LIMIT_M_S + over) for n in range(8)]
    assert blown(*strong) == (
        [(5.0, "event.wind_over"), (5.0, "spray_off"), (5.0, "hold")] if stops else []
    )


def test_what_was_not_seen_is_not_counted() -> None:
    assert blown((0.0, 9.0), (60.0, 9.0), (61.0, 9.0), (62.0, 9.0), (63.0, 9.0)) == []
    assert [word for _, word in blown(*((10.0 * n, 9.0) for n in range(6)))][-1] == "hold"


@pytest.mark.parametrize(("age_s", "known"), [(5.0, True), (5.01, False)])
def test_a_wind_told_five_seconds_ago_is_still_known(age_s: float, known: bool) -> None:
    seen = replace(WET, wind_s=100.0 - age_s, wind_m_s=1.0, wind_from_deg=0.0)
    after, _ = judge_wind(SPRAY, WindWatched(), seen)
    assert (after.unknown_s is None) is known


@pytest.mark.parametrize(
    ("speed_m_s", "from_deg", "held_s", "stops"),
    [
        (1.5, 170.0, 10.0, True), (1.49, 170.0, 10.0, False), (1.5, 170.0, 9.99, False),
        (1.5, 45.0, 10.0, False), (1.5, 45.1, 10.0, True),
    ],
)  # fmt: skip
def test_a_wind_has_turned_after_ten_seconds_out_of_its_swing(
    speed_m_s: float, from_deg: float, held_s: float, stops: bool
) -> None:
    assert SPRAY.spray is not None
    settings = replace(SPRAY.spray.settings, wind=Wind(speed_m_s=2.0, from_deg=0.0))
    plan = replace(SPRAY, spray=replace(SPRAY.spray, settings=settings))
    after, said = WindWatched(), list[str]()
    for time_s in (0.0, held_s):
        seen = replace(
            WET, time_s=100.0 + time_s, wind_s=100.0 + time_s, wind_m_s=speed_m_s,
            wind_from_deg=from_deg,
        )  # fmt: skip
        after, wishes = judge_wind(plan, after, seen)
        said += words(wishes)
    assert ("event.wind_turned" in said) is stops


@pytest.mark.parametrize(("last", "stops"), [(0, True), (1, False)])
def test_a_flight_past_its_last_swath_is_not_stopped_by_the_wind(last: int, stops: bool) -> None:
    wet = max(n for n, item in enumerate(SPRAY.items, 1) if item.command == Command.NAV_WAYPOINT)
    strong = [(float(n), 9.0) for n in range(8)]
    assert bool(blown(*strong, mission_current=wet + last)) is stops


# ---- the lean


def moment(time_s: float, east: float = 0.0, north: float = 0.0, **push: float) -> Telemetry:
    return replace(
        WET, time_s=time_s, v_east_m_s=east, v_north_m_s=north,
        thrust_east_m_s2=push.get("push_east", 0.0), thrust_north_m_s2=push.get("push_north", 0.0),
    )  # fmt: skip


def learnt(*seen: Telemetry, before: LeanWind | None = None) -> LeanWind:
    after = before or LeanWind()
    for now in seen:
        after = learn(after, now)
    return after


@pytest.mark.parametrize(
    ("step_s", "heard"), [(0.14, 1), (0.16, 2), (1.5, 1), (1.51, 1), (0.8, 2), (0.0, 1), (-1.0, 1)]
)
def test_sightings_are_apart_by_a_seventh_of_a_second_and_joined_up_to_a_gap(
    step_s: float, heard: int
) -> None:
    first = learnt(moment(100.0), moment(100.25), moment(100.5))
    after = learn(first, moment(100.5 + step_s))
    if step_s in {0.0, 0.14}:
        assert after is first
    elif step_s in {-1.0, 1.51}:
        assert (len(after.heard), after.steady) == (1, ())
    else:
        assert after.heard[-1].time_s == 100.5 + step_s
        assert all(m.time_s >= 100.5 + step_s - 0.8 for m in after.heard)
    assert heard


@pytest.mark.parametrize(("faster", "steady"), [(0.59, True), (0.61, False)])
def test_only_an_aircraft_that_hardly_speeds_up_is_judged(faster: float, steady: bool) -> None:
    seen = [moment(100.0 + 0.25 * n, north=faster * 0.25 * n) for n in range(3)]
    assert bool(learnt(*seen).steady) is steady


def test_a_mean_is_that_of_all_sightings_less_what_speeds_it_up() -> None:
    seen = [
        moment(100.0, 1.0, 0.0, push_east=1.0, push_north=0.0),
        moment(100.25, 1.1, 0.0, push_east=2.0, push_north=0.3),
        moment(100.5, 1.2, 0.1, push_east=3.0, push_north=0.6),
    ]
    (mean,) = learnt(*seen).steady
    assert mean.time_s == 100.5
    assert (mean.v_east, mean.v_north) == (pytest.approx(1.1), pytest.approx(0.1 / 3.0))
    assert mean.east == pytest.approx(2.0 - 0.2 / 0.5)
    assert mean.north == pytest.approx(0.3 - 0.1 / 0.5)


def faster_by(change_m_s: float, **known: Any) -> LeanWind:
    """A hover, and the third sighting, a quarter of a second apart, of a way north."""
    heard = tuple(Moment(time_s, 0.0, change_m_s, 0.0, 0.0) for time_s in (101.5, 101.75))
    hover = Moment(100.0, 0.0, 0.0, 0.0, 0.0)
    before = LeanWind(heard=heard, steady=(hover,), **known)
    return learn(before, moment(102.0, north=change_m_s))


@pytest.mark.parametrize(("change_m_s", "votes"), [(1.99, False), (2.0, True), (2.01, True)])
def test_a_change_of_two_metres_a_second_votes_with_its_square(
    change_m_s: float, votes: bool
) -> None:
    after = faster_by(change_m_s)
    assert after.votes == pytest.approx(0.25 * change_m_s**2 if votes else 0.0, rel=1e-9)


def test_votes_fade_in_two_minutes_to_a_third_of_themselves() -> None:
    after = faster_by(3.0, votes=40.0, misfits=(7.0,) * len(DRAGS_PER_S))
    keep = math.exp(-0.25 / 120.0)
    assert after.votes == pytest.approx(40.0 * keep + 9.0 * 0.25)
    assert after.misfits == pytest.approx((7.0 * keep + 9.0 * 0.25 * 9.0,) * len(DRAGS_PER_S))


def test_a_drag_is_charged_with_the_square_of_how_different_the_wind_comes_out() -> None:
    """A hover leant west by a wind from the east, then the same lean at 3 m/s north."""
    hover = Moment(100.0, 0.0, 0.0, 0.9, 0.0)
    heard = tuple(Moment(time_s, 0.0, 3.0, 0.9, 0.4) for time_s in (101.5, 101.75))
    seen = moment(102.0, north=3.0, push_east=0.9, push_north=0.4)
    after = learn(LeanWind(heard=heard, steady=(hover,)), seen)
    for drag, misfit in zip(DRAGS_PER_S, after.misfits, strict=True):
        one, other = air(Moment(0.0, 0.0, 3.0, 0.9, 0.4), drag), air(hover, drag)
        assert misfit == pytest.approx(9.0 * 0.25 * math.dist(one, other) ** 2)


@pytest.mark.parametrize(("votes", "known"), [(ENOUGH - 0.01, False), (ENOUGH, True)])
def test_a_drag_is_believed_from_enough_votes_on_and_is_the_one_that_fits_best(
    votes: float, known: bool
) -> None:
    misfits = tuple(abs(n - 11.0) for n in range(len(DRAGS_PER_S)))
    drag = LeanWind(votes=votes, misfits=misfits).drag_per_s
    assert (drag == DRAGS_PER_S[11]) is known
    assert math.isnan(drag) is not known


def test_a_row_of_drags_from_a_slick_body_to_a_broad_one() -> None:
    assert len(DRAGS_PER_S) == 16
    assert DRAGS_PER_S[0] == pytest.approx(0.02)
    assert DRAGS_PER_S[-1] == pytest.approx(0.57, abs=0.01)
    assert all(b / a == pytest.approx(1.25) for a, b in pairwise(DRAGS_PER_S))


def test_what_is_told_of_the_wind_settles_in_five_seconds() -> None:
    misfits = tuple(abs(n - 7.0) for n in range(len(DRAGS_PER_S)))
    known = LeanWind(votes=100.0, misfits=misfits, east_m_s=4.0, north_m_s=-2.0)
    after = learnt(*[moment(100.0 + 0.25 * n) for n in range(3)], before=known)
    part = 1.0 - math.exp(-0.25 / 5.0)
    assert after.east_m_s == pytest.approx(4.0 - 4.0 * part)
    assert after.north_m_s == pytest.approx(-2.0 + 2.0 * part)
    first = learnt(*[moment(100.0 + 0.25 * n) for n in range(3)],
                   before=replace(known, east_m_s=math.nan, north_m_s=math.nan))  # fmt: skip
    assert (first.east_m_s, first.north_m_s) == (0.0, 0.0)
    assert LeanWind(east_m_s=3.0, north_m_s=4.0).speed_m_s == 5.0
    assert LeanWind(east_m_s=3.0, north_m_s=0.0).from_deg == pytest.approx(-90.0)
    assert LeanWind(east_m_s=0.0, north_m_s=-3.0).from_deg == pytest.approx(0.0)


@pytest.mark.parametrize("apart_s", [7.0, 7.01])
def test_moments_are_compared_over_seven_seconds(apart_s: float) -> None:
    old = Moment(100.0, 0.0, 0.0, 0.0, 0.0)
    heard = tuple(Moment(100.0 + apart_s - s, 0.0, 5.0, 0.0, 0.0) for s in (0.5, 0.25))
    before = LeanWind(heard=heard, steady=(old,))
    after = learn(before, moment(100.0 + apart_s, north=5.0))
    assert (old in after.steady) is (apart_s == 7.0)


@pytest.mark.parametrize(("force", "airspeed"), [(0.0, 0.0), (0.3 * 6.0 * 2.0, 6.0), (0.9, 2.196)])
def test_the_airs_velocity_is_that_at_which_drag_is_the_force(
    force: float, airspeed: float
) -> None:
    east, north = air(Moment(0.0, 5.0, 7.0, 0.6 * force, 0.8 * force), 0.3)
    assert east == pytest.approx(5.0 - 0.6 * airspeed, abs=1e-3)
    assert north == pytest.approx(7.0 - 0.8 * airspeed, abs=1e-3)
