"""A small paddy flown by a real ArduCopter: where its pump really turns, beside the plan.

Needs the program ``arducopter`` (AGRI_ARDUCOPTER or on the path) and skips without it. The pump's
own output (SERVO_OUTPUT_RAW) and the position are logged at 50 Hz of simulated time.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any

import pytest
import shapely
from pymavlink import mavutil
from shapely.geometry import LineString, MultiLineString, Point, box

from agri.errors import NotFound
from agri.weather import Wind
from missions.flightplan import FlightPlan
from missions.spray_mission import plan_spray
from sitl.ardupilot import ArduPilot, find_arducopter
from tests.sites import Draft
from tests.sprays import SETTINGS

try:
    find_arducopter()
except NotFound as missing:
    pytest.skip(str(missing), allow_module_level=True)

pytestmark = pytest.mark.ardupilot
PATIENCE_S = 180.0
FITTED = {
    "SPRAY_ENABLE": 1, "SERVO9_FUNCTION": 22, "RTL_ALT": 500, "RTL_LOIT_TIME": 0,
    "WPNAV_SPEED": 400,
}  # fmt: skip
LOCAL_POSITION, SERVO_OUTPUT = 32, 36
SPRAYS_US = 1110
Fix = tuple[float, float, float, bool]
"""Seconds, metres east and north of the pad, and whether the pump turns."""


def fly(plan: FlightPlan) -> list[Fix]:
    """Fly a plan to its end; return where it was and whether it sprayed."""
    with ArduPilot(plan.home, speedup=8.0, parameters=FITTED) as running:
        link = mavutil.mavlink_connection(running.url, source_system=255)
        last: dict[str, Any] = {}

        def until(true: Any) -> Any:
            end_s = time.monotonic() + PATIENCE_S
            while time.monotonic() < end_s:
                message = link.recv_match(blocking=True, timeout=1.0)
                if message is not None:
                    last[message.get_type()] = message
                    if true(message):
                        return message
            pytest.fail(f"never came; last heard {last.get('STATUSTEXT')}")

        assert link.wait_heartbeat(timeout=PATIENCE_S)
        link.mav.request_data_stream_send(1, 1, 0, 4, 1)
        until(
            lambda m: (
                m.get_type() == "SYS_STATUS"
                and m.onboard_control_sensors_health & 0x10000000
                and "EKF_STATUS_REPORT" in last
                and last["EKF_STATUS_REPORT"].flags & 16
            )
        )
        for message_id in (LOCAL_POSITION, SERVO_OUTPUT):
            link.mav.command_long_send(1, 1, 511, 0, message_id, 20_000, 0, 0, 0, 0, 0)
        _upload(link, plan, until)
        for order in ((176, 1, 4), (400, 1), (176, 1, 3), (300,)):
            link.mav.command_long_send(1, 1, order[0], 0, *order[1:], *[0.0] * (8 - len(order)))
            answer = until(lambda m, n=order[0]: m.get_type() == "COMMAND_ACK" and m.command == n)
            assert answer.result == 0, order
        return _listen(until)


def _upload(link: Any, plan: FlightPlan, until: Any) -> None:
    link.mav.mission_count_send(1, 1, len(plan.items) + 1, 0)
    while True:
        asked = until(lambda m: m.get_type() in ("MISSION_REQUEST", "MISSION_ACK"))
        if asked.get_type() == "MISSION_ACK":
            assert asked.type == 0
            return
        if asked.seq == 0:
            home = (0, 16, 0, 1, 0.0, 0.0, 0.0, 0.0, plan.home.lat_e7, plan.home.lon_e7, 10.0)
            link.mav.mission_item_int_send(1, 1, 0, *home, 0)
            continue
        item = plan.items[asked.seq - 1]
        link.mav.mission_item_int_send(
            1, 1, asked.seq, int(item.frame), item.command, 0, 1, *item.params,
            item.x, item.y, item.z, 0,
        )  # fmt: skip


def _listen(until: Any) -> list[Fix]:
    log: list[Fix] = []
    pump = [0]

    def landed(message: Any) -> bool:
        kind = message.get_type()
        if kind == "SERVO_OUTPUT_RAW":
            pump[0] = message.servo9_raw
        elif kind == "LOCAL_POSITION_NED":
            log.append((message.time_boot_ms / 1e3, message.y, message.x, pump[0] > SPRAYS_US))
        ours = kind == "HEARTBEAT" and message.get_srcComponent() == 1
        return bool(ours and log and not message.base_mode & 128 and log[-1][0] - log[0][0] > 20)

    until(landed)
    return log


@pytest.fixture(scope="module")
def flown() -> tuple[FlightPlan, list[Fix]]:
    calm = replace(SETTINGS, wind=Wind(speed_m_s=0.0), edges=())
    plan = plan_spray(Draft().site(box(-40, -15, 40, 15), (-45.0, -20.0)), calm, name="Thử")
    return plan, fly(plan)


def around_pad(plan: FlightPlan, log: list[Fix]) -> tuple[list[LineString], list[Point]]:
    """The passes, and the places with the pump on, metres of the field."""
    assert plan.site is not None
    assert plan.spray is not None
    frame = plan.site.field.frame
    east, north = frame.metres(plan.home)
    passes = [LineString([frame.metres(p) for p in w.places]) for w in plan.spray.passes]
    return passes, [Point(east + e, north + n) for _, e, n, on in log if on]


def test_the_pump_begins_and_ends_at_every_pass_where_it_was_planned(flown):
    plan, log = flown
    passes, _ = around_pad(plan, log)
    assert plan.site is not None
    frame = plan.site.field.frame
    east, north = frame.metres(plan.home)
    runs: list[list[tuple[float, float]]] = []
    was = False
    for _, e, n, on in log:
        if on and not was:
            runs.append([])
        if on:
            runs[-1].append((east + e, north + n))
        was = on
    assert len(runs) == len(passes)
    speed, hose = 4.0, SETTINGS.sprayer.hose_s
    for run, work in zip(runs, passes, strict=True):
        begin, end = work.coords[0], work.coords[-1]
        # the pump turns before its swath by what the hose takes, give or take a look and a corner
        assert math.dist(run[0], begin) <= speed * (hose + 0.1 + 1.0 / 6.0) + 0.6
        assert math.dist(run[-1], end) <= speed * hose + 0.6


def test_no_drop_falls_outside_the_passes_and_they_are_sprayed_whole(flown):
    plan, log = flown
    passes, wet = around_pad(plan, log)
    reach = MultiLineString([list(p.coords) for p in passes]).buffer(2.6)
    assert all(reach.covers(place) for place in wet)
    assert plan.spray is not None
    assert plan.site is not None
    treatable = plan.site.field.frame.geometry_to_local(plan.spray.treatable)
    width_m = plan.spray.settings.swath_m
    ground = shapely.union_all([p.buffer(width_m / 2.0) for p in wet])
    assert ground.intersection(treatable).area >= 0.985 * treatable.area


def test_it_lands_with_the_pump_at_rest(flown):
    _, log = flown
    assert not any(on for *_, on in log[-100:])
    assert any(on for *_, on in log)
