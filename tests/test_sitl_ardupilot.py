"""The embedded simulator against a real ArduCopter: the same orders, the same outcome.

These tests need the program ``arducopter`` (AGRI_ARDUCOPTER or on the path) and skip without it.
Each scenario is flown by both, through the same sockets and the same ground station; what is
compared is what a farmer would see: modes, where it ends, when, what it put out.
"""

from __future__ import annotations

import itertools
import math
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pymavlink import mavutil
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agri.errors import NotFound
from sitl.ardupilot import ArduPilot, find_arducopter
from sitl.simulator import Simulator
from sitl.storage import Item as Stored
from sitl.storage import Result, keep_mission, single
from tests.ground_station import GROUND, HOME, HOME_ITEM, RETURN, Item, do, ring, take_off, waypoint

try:
    find_arducopter()
except NotFound as missing:
    pytest.skip(str(missing), allow_module_level=True)

pytestmark = pytest.mark.ardupilot
SPEEDUP = 20.0
PATIENCE_S = 90.0
OFF_THE_GROUND_MM = 500
FITTED = {"SPRAY_ENABLE": 1, "SERVO9_FUNCTION": 22, "SERVO10_FUNCTION": 23, "CAM1_TYPE": 1}
AUTO, GUIDED, RTL, LAND, BRAKE, AUTO_RTL = 3, 4, 6, 9, 17, 27
LEG = [
    {"command": 189, "frame": 6},
    do(216, 0.0),
    waypoint(-20, 20, 15.0),
    {"command": 21, "frame": 6},
]
LINE = [
    take_off(8.0),
    do(178, 1.0, 5.0, -1.0),
    waypoint(0, 50, 8.0),
    do(216, 1.0),
    waypoint(120, 50, 8.0),
    do(216, 0.0),
    waypoint(120, 60, 8.0),
    RETURN,
]


class Wire:
    """A ground station over a socket, on the simulated clock of its vehicle."""

    def __init__(self, vehicle: Simulator | ArduPilot) -> None:
        self.link = mavutil.mavlink_connection(vehicle.url, source_system=255)
        self.boot_s = 0.0
        self.left_s = math.inf
        """When it left the ground: how long orders take before that is the machine's affair."""
        self.last: dict[str, Any] = {}
        self.heard: list[tuple[float, Any]] = []
        self.pump: list[tuple[float, tuple[float, float], int]] = []
        assert self.link.wait_heartbeat(timeout=PATIENCE_S)
        self.link.mav.request_data_stream_send(1, 1, 0, 10, 1)

    def until(self, true: Callable[[Any], Any]) -> Any:
        end_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < end_s:
            message = self.link.recv_match(blocking=True, timeout=1.0)
            if message is None:
                continue
            kind = message.get_type()
            self.boot_s = max(self.boot_s, getattr(message, "time_boot_ms", 0) / 1000.0)
            self.last[kind] = message
            if kind == "GLOBAL_POSITION_INT" and message.relative_alt > OFF_THE_GROUND_MM:
                self.left_s = min(self.left_s, self.boot_s)
            if kind in ("HEARTBEAT", "STATUSTEXT", "CAMERA_FEEDBACK", "SERVO_OUTPUT_RAW"):
                self.heard.append((self.boot_s, message))
            if kind == "SERVO_OUTPUT_RAW" and "GLOBAL_POSITION_INT" in self.last:
                self.pump.append((message.time_usec / 1e6, self.place, message.servo9_raw))
            if true(message):
                return message
        pytest.fail(f"never came; last heard {self.last.get('STATUSTEXT')}")

    def command(self, number: int, *params: float) -> int:
        self.link.mav.command_long_send(1, 1, number, 0, *params, *[0.0] * (7 - len(params)))
        ack = self.until(lambda m: m.get_type() == "COMMAND_ACK" and m.command == number)
        return int(ack.result)

    def ready(self) -> None:
        self.until(
            lambda m: (
                m.get_type() == "SYS_STATUS"
                and m.onboard_control_sensors_health & 0x10000000
                and "EKF_STATUS_REPORT" in self.last
                and self.last["EKF_STATUS_REPORT"].flags & 16
            )
        )

    def upload(self, items: list[Item], kind: int = 0) -> int:
        self.link.mav.mission_count_send(1, 1, len(items), kind)
        sent = -1
        while True:
            message = self.until(lambda m: m.get_type() in ("MISSION_REQUEST", "MISSION_ACK"))
            if message.get_type() == "MISSION_ACK":
                return int(message.type)
            if message.seq <= sent:
                continue  # on a busy machine it asks again before it was answered
            sent = message.seq
            item = items[sent]
            self.link.mav.mission_item_int_send(
                1,
                1,
                message.seq,
                item["frame"],
                item["command"],
                0,
                1,
                *item.get("params", (0.0, 0.0, 0.0, 0.0)),
                item.get("x", 0),
                item.get("y", 0),
                item.get("z", 0.0),
                kind,
            )

    def download(self, kind: int = 0) -> list[Any]:
        self.link.mav.mission_request_list_send(1, 1, kind)
        count = self.until(lambda m: m.get_type() == "MISSION_COUNT").count
        items = []
        for seq in range(count):
            self.link.mav.mission_request_int_send(1, 1, seq, kind)
            items.append(self.until(lambda m: m.get_type() == "MISSION_ITEM_INT"))
        return items

    @property
    def place(self) -> tuple[float, float]:
        here = self.last["GLOBAL_POSITION_INT"]
        return GROUND.metres(here.lat, here.lon)

    def fly(
        self,
        items: list[Item],
        trigger: Callable[[Wire], None] | None = None,
        at_east_m: float = 60.0,
    ) -> dict[str, Any]:
        """Fly a mission to the end, pulling a trigger on the way; return what came of it."""
        self.ready()
        assert self.upload([HOME_ITEM, *items]) == 0
        for order in ((176, 1, GUIDED), (400, 1), (176, 1, AUTO), (300,)):
            assert self.command(*order) == 0
        self.heard.clear()
        self.pump.clear()
        pulled_s = math.inf
        if trigger is not None:
            self.until(
                lambda m: m.get_type() == "GLOBAL_POSITION_INT" and self.place[0] > at_east_m
            )
            trigger(self)
            pulled_s = self.pump[-1][0]
        self.until(lambda m: m.get_type() == "HEARTBEAT" and not m.base_mode & 128)
        beats = [m.custom_mode for _, m in self.heard if m.get_type() == "HEARTBEAT"]
        pump_s = [
            at_s
            for at_s, m in self.heard
            if m.get_type() == "SERVO_OUTPUT_RAW" and m.servo9_raw > 1150
        ]
        return {
            "modes": [
                mode for mode, before in zip(beats, [None, *beats], strict=False) if mode != before
            ],
            "place": self.place,
            "time_s": self.boot_s - self.left_s,
            "pump_s": len(pump_s) / 10.0,
            "litres": litres(self.pump),
            "litres_after": litres([row for row in self.pump if row[0] > pulled_s]),
            "on_at": next((place for _, place, pwm in self.pump if pwm > 1150), None),
            "pulses": {pwm for _, _, pwm in self.pump},
            "pictures": sum(m.get_type() == "CAMERA_FEEDBACK" for _, m in self.heard),
        }


def litres(pump: list[tuple[float, tuple[float, float], int]]) -> float:
    """What a pump of 6 L/min gives at these pulses."""
    return sum(
        6.0 * max(0, pwm - 1100) / 800.0 * min(after[0] - time_s, 1.0) / 60.0
        for (time_s, _, pwm), after in itertools.pairwise(pump)
    )


def both(**parameters: float) -> Iterator[Wire]:
    changed = {**FITTED, **parameters}
    for vehicle in (
        ArduPilot(HOME, speedup=SPEEDUP, parameters=changed),
        Simulator(HOME, speedup=SPEEDUP, parameters=changed),
    ):
        with vehicle as running:
            wire = Wire(running)
            try:
                yield wire
            finally:
                wire.link.close()


def compare(
    items: list[Item],
    trigger: Callable[[Wire], None] | None = None,
    fence: list[Item] | None = None,
    **parameters: float,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fly the same on both; assert that modes, place and time of the end agree."""
    outcomes = []
    for wire in both(**parameters):
        if fence is not None:
            wire.until(lambda _, wire=wire: wire.boot_s > 6.0)  # initialised
            assert wire.upload(fence, 1) == 0
        outcomes.append(wire.fly(items, trigger))
    real, ours = outcomes
    assert ours["modes"] == real["modes"]
    assert math.dist(ours["place"], real["place"]) < 3.0
    assert ours["time_s"] == pytest.approx(real["time_s"], rel=0.06, abs=4.0)
    assert ours["pump_s"] == pytest.approx(real["pump_s"], rel=0.15, abs=4.0)
    return real, ours


def set_parameter(name: str, value: float) -> Callable[[Wire], None]:
    return lambda wire: wire.link.mav.param_set_send(1, 1, name.encode(), value, 9)


def change_mode(number: int) -> Callable[[Wire], None]:
    return lambda wire: wire.link.mav.command_long_send(1, 1, 176, 0, 1, number, 0, 0, 0, 0, 0)


def test_the_same_sprayed_line_takes_the_same_time_and_the_same_spray():
    real, ours = compare(LINE)
    assert ours["modes"] == [AUTO]
    assert real["pump_s"] > 15.0


def test_the_same_line_gets_the_same_litres_from_the_same_place_on():
    real, ours = compare(LINE)
    assert real["litres"] == pytest.approx(3.0 * 23.0 / 60.0, rel=0.15)
    assert ours["litres"] == pytest.approx(real["litres"], rel=0.05)
    assert math.dist(ours["on_at"], real["on_at"]) < 2.5
    assert {0, 1100} <= real["pulses"]
    assert {0, 1100} <= ours["pulses"]


def test_on_the_way_home_both_spray_on():
    real, ours = compare(LINE, change_mode(RTL))
    assert real["litres_after"] > 0.3
    assert ours["litres_after"] == pytest.approx(real["litres_after"], rel=0.15)


def test_losing_the_radio_with_a_landing_leg_both_stop_at_once():
    real, ours = compare([*LINE, *LEG], set_parameter("SIM_RC_FAIL", 1), FS_THR_ENABLE=6)
    for outcome in (real, ours):
        assert outcome["litres_after"] < 3.0 * 1.8 / 60.0


def test_a_pump_on_a_plain_servo_is_set_alike():
    items = [
        take_off(8.0), waypoint(0, 50, 8.0), do(183, 9, 1543), waypoint(40, 50, 8.0),
        do(183, 9, 1100), waypoint(60, 50, 8.0), RETURN,
    ]  # fmt: skip
    real, ours = compare(items, SERVO9_FUNCTION=0)
    assert 1543 in real["pulses"]
    assert ours["pulses"] == real["pulses"]
    assert ours["litres"] == pytest.approx(real["litres"], rel=0.05)


def test_the_same_survey_takes_the_same_pictures():
    items: list[Item] = [take_off(30.0), do(178, 1.0, 6.0, -1.0)]
    for number, east_m in enumerate((0.0, 25.0, 50.0)):
        ends = (20.0, 120.0) if number % 2 == 0 else (120.0, 20.0)
        items += [
            waypoint(east_m, ends[0], 30.0),
            do(206, 10.0, 0.0, 1.0),
            waypoint(east_m, ends[1], 30.0),
            do(206, 0.0),
        ]
    real, ours = compare([*items, waypoint(50.0, 125.0, 30.0), RETURN])
    assert abs(ours["pictures"] - real["pictures"]) <= 3
    assert real["pictures"] >= 30


@pytest.mark.parametrize("mode", [RTL, LAND])
def test_a_pilots_change_of_mode_ends_alike_and_sprays_alike(mode):
    compare(LINE, change_mode(mode))


def test_losing_the_radio_ends_alike():
    compare(LINE, set_parameter("SIM_RC_FAIL", 1))


def test_losing_the_radio_with_a_landing_leg_ends_alike():
    real, ours = compare([*LINE, *LEG], set_parameter("SIM_RC_FAIL", 1), FS_THR_ENABLE=6)
    assert AUTO_RTL in real["modes"]
    assert AUTO_RTL in ours["modes"]


def test_a_low_battery_ends_alike():
    compare(
        LINE,
        BATT_CAPACITY=3300,
        BATT_LOW_MAH=3100,
        BATT_FS_LOW_ACT=2,
        BATT_CRT_MAH=2700,
        BATT_FS_CRT_ACT=1,
    )


@pytest.mark.parametrize("action", [1, 2])
def test_crossing_the_fence_ends_alike(action):
    fence = ring([(-50, -50), (80, -50), (80, 100), (-50, 100)])
    compare(LINE, fence=fence, FENCE_ENABLE=1, FENCE_TYPE=4, FENCE_ACTION=action)


def test_commands_on_the_ground_are_answered_alike():
    asked: list[tuple[float, ...]] = [
        (400, 1),
        (176, 1, 6),
        (400, 1),
        (176, 1, 99),
        (22, 0, 0, 0, 0, 0, 0, 10),
        (178, 1, 5, -1),
        (216, 1),
        (216, 0),
        (179, 1),
        (206, 5, 0, 1),
        (224, 77),
        (246, 0),
        (300,),
        (410,),
        (511, 33, 100000),
        (510, 33),
        (512, 9999),
        (519,),
        (530,),
        (31010,),
        (192, -1),
    ]
    answers = []
    for wire in both():
        wire.ready()
        answers.append([wire.command(int(order[0]), *order[1:]) for order in asked])
    assert answers[1] == answers[0]


def test_a_script_handed_over_runs_on_board():
    says = 'local n = 0\nlocal function look()\n  n = n + 1\n  gcs:send_text(6, "here " .. n)\n'
    script = says + "  return look, 1000\nend\nreturn look, 1000\n"
    for scripts, heard in ({"here.lua": script}, True), (None, False):
        with ArduPilot(HOME, speedup=5.0, scripts=scripts) as running:
            wire = Wire(running)
            wire.until(lambda _, wire=wire: wire.boot_s > 12.0)
            texts = [m.text for _, m in wire.heard if m.get_type() == "STATUSTEXT"]
            assert any(text.startswith("here ") for text in texts) == heard
            wire.link.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_stored_of_random_items_is_the_same_to_the_last_bit(seed):
    dice = random.Random(seed)
    numbers = (0.0, 1.0, -1.0, 2.7, 300.9, 70000.0, -5.5, 0.4, 255.0, 256.0, 1e3, 12.5, -300.0)
    heights = (0.0, 1.15, 35.17, 50.3, -3.333, 100.004, 2.675, 9999.99)
    commands = (16, 17, 18, 19, 20, 21, 22, 31, 82, 92, 93, 112, 114, 115, 178, 179, 183, 188, 189)
    commands += (201, 203, 205, 206, 207, 215, 216, 1000, 2000, 2001)
    with ArduPilot(HOME, speedup=5.0) as running:
        wire = Wire(running)
        wire.ready()
        for _ in range(3):
            sent = []
            for command in commands * 3:
                sent.append(
                    Stored(
                        command=command,
                        frame=dice.choice((0, 2, 3, 5, 6, 10, 11)),
                        params=(*(dice.choice(numbers) for _ in range(4)),),  # type: ignore[arg-type]
                        x=dice.choice((0, 1, 2, HOME.lat_e7)),
                        y=dice.choice((0, 1, HOME.lon_e7)),
                        z=dice.choice(heights),
                    )
                )
            plan = [
                {
                    "command": i.command,
                    "frame": i.frame,
                    "params": i.params,
                    "x": i.x,
                    "y": i.y,
                    "z": i.z,
                }
                for i in sent
            ]
            assert wire.upload([HOME_ITEM, *plan]) == Result.ACCEPTED
            for item, back in zip(sent, wire.download()[1:], strict=True):
                kept = keep_mission(item)
                assert isinstance(kept, Stored)
                got = (back.frame, back.param1, back.param2, back.param3, back.param4)
                assert got == (kept.frame, *map(single, kept.params)), item
                assert (back.x, back.y, back.z) == (kept.x, kept.y, single(kept.z)), item
        wire.link.close()


def test_what_is_refused_is_refused_alike():
    wrong = [
        waypoint(0, 0, 10.0, params=(math.nan, 0, 0, 0)),
        do(216, math.inf),
        {**waypoint(0, 0, 10.0), "frame": 1},
        {**waypoint(0, 0, 10.0), "x": 950_000_000},
        do(177, 9.0, 1.0),
        *(do(command) for command in (530, 2003, 195, 246, 300, 410)),
    ]
    answers = []
    for wire in both():
        wire.ready()
        answers.append([wire.upload([HOME_ITEM, item, RETURN]) for item in wrong])
        assert mavlink.MAV_MISSION_ACCEPTED not in answers[-1]
    assert answers[1] == answers[0]
