"""The spray guard on a real ArduCopter: whatever ends the spraying, the pump rests at once.

Needs the program ``arducopter`` (AGRI_ARDUCOPTER or on the path) and skips without it. One flight
for each kind of trigger, pulled at several chance moments with the pump turning; the same without
the guard shows that the pump would have gone on. Figures are recorded as test properties.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agri.errors import NotFound
from missions.onboard import (
    ACTED_TEXT,
    EXPECTED_TEXT,
    NAMED_VALUE,
    PARAMETER,
    SERVO_PARAMETER,
    VERSION,
    script,
)
from sitl.ardupilot import find_arducopter
from tests.ground_station import RETURN, Item, do, take_off, waypoint
from tests.guard_flights import (
    AUTO,
    HOMEWARD,
    LEG,
    MISSION,
    REST_US,
    RTL,
    RUNS_US,
    Flight,
    Stop,
    on_the_line,
)
from tests.sizes import of_full

try:
    find_arducopter()
except NotFound as missing:
    pytest.skip(str(missing), allow_module_level=True)

pytestmark = pytest.mark.ardupilot
WITHIN_S = 1.5
FEW_OR_MANY = [3, pytest.param(of_full(20, at_least=3), marks=pytest.mark.slow, id="many")]
PILOT = {"RTL": RTL, "LOITER": 5, "LAND": 9, "BRAKE": 17, "ALT_HOLD": 2, "STABILIZE": 0,
         "GUIDED": 4, "POSHOLD": 16}  # fmt: skip
Record = Callable[[str, object], None]


def judge(record_property: Record, name: str, stops: list[Stop]) -> None:
    """Every stop in time and for good; the figures are kept with the test's result."""
    record_property(name, f"n={len(stops)} max={max(stop.after_s for stop in stops):.3f}")
    record_property("stops", len(stops))
    record_property("rest_s", max(stop.after_s for stop in stops))
    assert max(stop.after_s for stop in stops) <= WITHIN_S, stops
    assert all(stop.again_s is None for stop in stops), stops


def longest_run_s(rows: list[tuple[float, int]]) -> float:
    longest = 0.0
    began: float | None = None
    for at_s, pulse in rows:
        if pulse <= REST_US:
            began = None
        else:
            began = at_s if began is None else began
            longest = max(longest, at_s - began + 0.02)
    return longest


def left_auto_or_said(flight: Flight, *words: str) -> Callable[[Any], bool]:
    """Whether the vehicle shows by this message that it acts on a failsafe."""

    def shown(message: Any) -> bool:
        if message.get_type() == "STATUSTEXT":
            return any(word in message.text for word in words)
        return flight.mode != AUTO

    return shown


def told_by(name: str) -> Callable[[Any], bool]:
    """Whether the vehicle says that this parameter is set."""

    def told(message: Any) -> bool:
        return message.get_type() == "PARAM_VALUE" and message.param_id == name

    return told


@pytest.mark.parametrize("moments", FEW_OR_MANY)
def test_a_pilot_who_leaves_auto_by_any_mode_stops_the_pump(moments, record_property):
    with on_the_line(script()) as flight:
        flight.hold_sticks()
        stops: dict[str, list[Stop]] = {name: [] for name in PILOT}
        for _ in range(moments):
            for name, mode in PILOT.items():
                flight.back_on_the_line()
                stops[name].append(flight.stop_after(lambda f, mode=mode: f.change_mode(mode)))
        for name, of_mode in stops.items():
            judge(record_property, f"pilot {name}", of_mode)
        told = [text for _, text in flight.texts if text.startswith(ACTED_TEXT)]
        assert len(told) == moments * len(PILOT)


def test_without_the_guard_a_pilots_return_sprays_on():
    """So that the tests above can fail: it brakes and turns, then sprays on its way home."""
    with on_the_line(None) as flight:
        flight.back_on_the_line()
        taken = len(flight.rows)
        flight.change_mode(RTL)
        flight.wait(15.0)
        sprayed_s = sum(pulse > RUNS_US for _, pulse in flight.rows[taken:]) * 0.02
        assert sprayed_s > 8.0
        assert longest_run_s(flight.rows[taken:]) > 4.0 * WITHIN_S


@pytest.mark.parametrize("moments", FEW_OR_MANY)
@pytest.mark.parametrize("goes_on", [0, 1])
def test_losing_the_remote_control_stops_the_pump(moments, goes_on, record_property):
    with on_the_line(script(), FS_THR_ENABLE=1, FS_OPTIONS=16 + goes_on) as flight:
        stops = []
        for _ in range(moments):
            flight.back_on_the_line()
            sign = left_auto_or_said(flight, "Radio Failsafe")
            stops.append(flight.stop_after(lambda f: f.set("SIM_RC_FAIL", 1), sign))
            assert (flight.mode == AUTO) == bool(goes_on)
            flight.set("SIM_RC_FAIL", 0)
            flight.until(lambda m: "Radio Failsafe Cleared" in getattr(m, "text", ""))
        judge(record_property, f"remote control lost, options {goes_on}", stops)


@pytest.mark.parametrize("moments", FEW_OR_MANY)
@pytest.mark.parametrize(("enable", "goes_on"), [(1, 0), (6, 0), (1, 2)])
def test_losing_the_ground_station_stops_the_pump(moments, enable, goes_on, record_property):
    def fall_silent(flight: Flight) -> None:
        flight.heartbeats = False

    with on_the_line(script(), FS_GCS_ENABLE=enable, FS_OPTIONS=16 + goes_on) as flight:
        stops = []
        for _ in range(moments):
            flight.back_on_the_line()
            stops.append(flight.stop_after(fall_silent, left_auto_or_said(flight, "GCS Failsafe")))
            assert (flight.mode == AUTO) == bool(goes_on)
            flight.heartbeats = True
            flight.until(lambda m: "GCS Failsafe Cleared" in getattr(m, "text", ""))
        judge(record_property, f"ground station lost, action {enable}, options {goes_on}", stops)


@pytest.mark.parametrize("moments", FEW_OR_MANY)
@pytest.mark.parametrize("level", ["LOW", "CRT"])
@pytest.mark.parametrize("action", [0, 1, 2, 6])
def test_a_weak_battery_stops_the_pump(moments, level, action, record_property):
    actions = {"BATT_FS_LOW_ACT": 0.0, "BATT_FS_CRT_ACT": 0.0, f"BATT_FS_{level}_ACT": action}
    with on_the_line(script(), BATT_CAPACITY=60000, **actions) as flight:
        stops = []
        for _ in range(moments):
            flight.back_on_the_line()
            sign = left_auto_or_said(flight, "Battery 1 is")
            stops.append(flight.stop_after(lambda f: f.set(f"BATT_{level}_MAH", 59999), sign))
            flight.set(f"BATT_{level}_MAH", 0)
            assert flight.command(42651, 1, 100) == 0
        judge(record_property, f"battery {level}, action {action}", stops)


@pytest.mark.parametrize("moments", FEW_OR_MANY)
@pytest.mark.parametrize("fence", [(1, "FENCE_ALT_MAX", 100, 15), (2, "FENCE_RADIUS", 9000, 0)])
@pytest.mark.parametrize("action", [0, 1, 4])
def test_crossing_the_fence_stops_the_pump(moments, fence, action, record_property):
    kind, limit, wide, tight = fence
    fenced = {"FENCE_ENABLE": 1, "FENCE_TYPE": kind, limit: wide, "FENCE_ACTION": action}
    with on_the_line(script(), **fenced) as flight:
        stops = []
        for _ in range(moments):
            flight.back_on_the_line()
            sign = left_auto_or_said(flight, "breached", "Fence Breached")
            # a circle a little too small: far outside it would land rather than come back
            value = tight or max(31.0, flight.away_m - 20.0)
            stops.append(flight.stop_after(lambda f, v=value: f.set(limit, v), sign))
            flight.set(limit, wide)
            flight.change_mode(AUTO)
            flight.wait(12.0)  # for ten seconds after a change of mode no fence is looked at
        judge(record_property, f"fence {limit}, action {action}", stops)


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_satellites_lost_stop_the_pump_long_before_the_firmware_says_so(seed, record_property):
    """What counts is the loss itself: the moment at which the receiver fell silent."""
    with on_the_line(script(), seed=seed) as flight:
        flight.back_on_the_line()
        stop = flight.stop_after(lambda f: f.set("SIM_GPS_DISABLE", 1), told_by("SIM_GPS_DISABLE"))
        assert not flight.said("EKF Failsafe")
        judge(record_property, "satellites lost", [stop])


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_a_receiver_that_jumps_away_stops_the_pump(seed, record_property):
    """It still tells a good fix, some 110 m off; the estimator does not believe it."""
    with on_the_line(script(), seed=seed) as flight:
        flight.back_on_the_line()
        sign = told_by("SIM_GPS_GLITCH_X")
        stop = flight.stop_after(lambda f: f.set("SIM_GPS_GLITCH_X", 0.001), sign)
        assert not flight.said("EKF Failsafe")
        judge(record_property, "receiver jumps", [stop])


@pytest.mark.parametrize("moments", FEW_OR_MANY)
@pytest.mark.parametrize(
    ("name", "order"),
    [("leg", (224, LEG)), ("return item", (224, HOMEWARD)), ("DO_LAND_START", (189,))],
)
def test_a_jump_to_the_return_leg_stops_the_pump(moments, name, order, record_property):
    with on_the_line(script()) as flight:
        stops = []
        for _ in range(moments):
            flight.back_on_the_line()
            stops.append(flight.stop_after(lambda f: f.command(*order)))
        judge(record_property, f"jump to {name}", stops)


@pytest.mark.parametrize("north_m", [60.0, 83.0, 117.0])
@pytest.mark.parametrize("leg", [True, False])
def test_a_mission_that_forgets_the_sprayer_at_its_end_stops_it(north_m, leg, record_property):
    """The last line goes on straight, at full speed, into the leg or comes home by itself."""
    end: list[Item] = [waypoint(0, 30 + north_m, 20.0), RETURN]
    if leg:
        end = [*end[:1], {"command": 189, "frame": 6}, waypoint(0, 400, 20.0), RETURN]
    first: list[Item] = [take_off(20.0), do(178, 1.0, 5.0, -1.0), waypoint(0, 30, 20.0)]
    items = [*first, do(216, 1.0), *end]
    starts = "Mission: 7 WP" if leg else "Mission: 6 RTL"
    with on_the_line(script(), items=items) as flight:
        stop = flight.stop_after(
            lambda _: None, lambda m: m.get_type() == "STATUSTEXT" and starts in m.text
        )
        judge(record_property, f"mission end, leg {leg}", [stop])


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_disarming_stops_the_pump_though_the_aircraft_still_moves(seed, record_property):
    with on_the_line(script(), seed=seed) as flight:
        flight.back_on_the_line()
        stop = flight.stop_after(lambda f: f.command(400, 0, 21196))
        judge(record_property, "disarmed", [stop])


def order_on(flight: Flight) -> list[tuple[float, int]]:
    """Order the sprayer on from the ground in flight; return what its output did in 5 s."""
    first = len(flight.rows)
    assert flight.command(216, 1.0) == 0
    flight.wait(5.0)
    return flight.rows[first:]


@pytest.mark.parametrize("moments", FEW_OR_MANY)
def test_a_sprayer_ordered_on_outside_auto_is_kept_off(moments, record_property):
    with on_the_line(script()) as flight:
        runs = []
        for number in range(2 * moments):
            flight.back_on_the_line()
            flight.hold_sticks(forward=0.7)
            flight.change_mode(PILOT["LOITER"] if number % 2 else RTL)
            flight.wait(3.0 + flight.dice.uniform(0.0, 1.0))
            runs.append(longest_run_s(order_on(flight)))
        record_property("ordered on in LOITER or RTL", f"n={len(runs)} max={max(runs):.3f}")
        assert max(runs) <= WITHIN_S


def test_without_the_guard_it_sprays_when_ordered_on_outside_auto():
    with on_the_line(None) as flight:
        flight.hold_sticks(forward=0.7)
        for mode in (PILOT["LOITER"], RTL):
            flight.change_mode(mode)
            assert flight.command(216, 0.0) == 0
            flight.wait(4.0)
            assert longest_run_s(order_on(flight)) > 3.0


def test_the_guard_tells_that_it_runs():
    with on_the_line(script()) as flight:
        assert flight.named[NAMED_VALUE] == VERSION
        assert flight.parameter(PARAMETER) == VERSION
        assert flight.said(EXPECTED_TEXT)


def test_a_guard_without_a_pump_to_stop_says_so():
    with on_the_line("SRV_Channels = nil param = nil\n" + script()) as flight:
        assert flight.named[NAMED_VALUE] == 0
        assert not flight.said(EXPECTED_TEXT)
        assert flight.said("no pump output to stop")


def test_the_spraying_itself_is_not_disturbed():
    """Two passes with a turn between them: the guard takes no drop from them."""
    items: list[Item] = [
        take_off(10.0), do(178, 1.0, 5.0, -1.0), waypoint(0, 30, 10.0), do(216, 1.0),
        waypoint(80, 30, 10.0), do(216, 0.0), waypoint(80, 40, 10.0), do(216, 1.0),
        waypoint(0, 40, 10.0), do(216, 0.0), {"command": 189, "frame": 6}, waypoint(0, 10, 10.0),
        RETURN,
    ]  # fmt: skip
    seconds = []
    for on_board in (None, script()):
        with on_the_line(on_board, items=items) as flight:
            flight.until(lambda _, flight=flight: flight.said("Mission: 13 RTL"))
            seconds.append(sum(pulse > RUNS_US for _, pulse in flight.rows) * 0.02)
            assert not flight.said(ACTED_TEXT)
    assert seconds[0] > 25.0
    assert seconds[1] == pytest.approx(seconds[0], rel=0.03)


def test_where_the_firmwares_switch_is_missing_the_outputs_are_put_to_rest():
    """No call of rc: the sprayer's own flag stays on and writes the output again and again."""
    with on_the_line("rc = nil\n" + script()) as flight:
        taken = len(flight.rows)
        flight.change_mode(RTL)
        flight.wait(8.0)
        assert longest_run_s(flight.rows[taken:]) <= WITHIN_S
        assert max(pulse for _, pulse in flight.rows[-250:]) <= REST_US
        assert flight.said("SPRAY_ENABLE 0 until restart")
        assert flight.parameter("SPRAY_ENABLE") == 0


@pytest.mark.parametrize("function", [22, 0])
def test_a_pump_set_by_do_set_servo_is_put_to_rest(function, record_property):
    """A firmware without a sprayer, its pump on function 22; or a pump on a plain servo."""
    items = [do(183, 9, 1650) if item["command"] == 216 else item for item in MISSION]
    named = {} if function else {SERVO_PARAMETER: 9.0}
    fitted = {"SPRAY_ENABLE": 0, "SERVO9_FUNCTION": function}
    with on_the_line(script(), items=items, ordered=named, **fitted) as flight:
        assert flight.named[NAMED_VALUE] == VERSION
        stop = flight.stop_after(lambda f: f.change_mode(RTL))
        judge(record_property, f"DO_SET_SERVO, function {function}", [stop])
        assert flight.said(ACTED_TEXT)


def test_two_pumps_of_unlike_range_are_both_put_to_rest_by_the_firmwares_switch():
    other = {"SERVO5_FUNCTION": 22, "SERVO5_MIN": 1000, "SERVO5_MAX": 2000, "SERVO5_REVERSED": 1}
    with on_the_line(script(), **other) as flight:
        assert flight.outputs.servo5_raw < 1700
        stop = flight.stop_after(lambda f: f.change_mode(RTL))
        assert stop.after_s <= WITHIN_S
        assert stop.again_s is None
        assert (flight.outputs.servo5_raw, flight.outputs.servo9_raw) == (2000, 1100)
        assert flight.parameter("SPRAY_ENABLE") == 1


def test_a_pump_left_on_is_off_again_before_the_next_flight_leaves_the_ground():
    items: list[Item] = [take_off(5.0), waypoint(0, 30, 5.0), do(216, 1.0), waypoint(0, 60, 5.0),
                         {"command": 21, "frame": 6}]  # fmt: skip
    with on_the_line(script(), items=items) as flight:
        flight.until(lambda _: not flight.armed)
        flight.wait(5.0)
        assert flight.command(216, 1.0) == 0  # somebody tries the pump on the ground
        first = len(flight.rows)
        for order in ((176, 1, 4), (400, 1), (22, 0, 0, 0, 0, 0, 0, 8)):
            assert flight.command(*order) == 0, order
        flight.wait(5.0)
        flight.change_mode(RTL)
        flight.wait(10.0)
        assert {pulse for _, pulse in flight.rows[first:]} == {REST_US}
