"""A real ArduCopter on one long sprayed line, disturbed again and again at chance moments.

What is measured is the pulse on the pump's output (SERVO_OUTPUT_RAW, 50 Hz) on the vehicle's own
clock, from the moment the vehicle took the trigger up to the pump at rest. Where that moment is
not exactly known the earliest possible one counts, so that a figure is never too good.
"""

from __future__ import annotations

import math
import random
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from pymavlink import mavutil

from sitl.ardupilot import ArduPilot
from tests.ground_station import GROUND, HOME, HOME_ITEM, RETURN, Item, do, take_off, waypoint

PATIENCE_S = 90.0
SPEEDUP = 5.0
"""Not more: the script runs beside the simulation, and what this machine makes it wait counts."""
AUTO, GUIDED, RTL = 3, 4, 6
REST_US, RUNS_US, FAST_US = 1100, 1150, 1400
"""Pulses of the pump: at rest, turning, turning at nearly 4 m/s: too fast to stop by itself."""
HOLD_S = 5.0
"""How long the pump must stay at rest after a trigger."""
FITTED = {"SPRAY_ENABLE": 1.0, "SERVO9_FUNCTION": 22.0, "SERVO10_FUNCTION": 23.0,
          "WPNAV_SPEED": 500.0, "RC_OVERRIDE_TIME": -1.0, "FS_GCS_TIMEOUT": 15.0,
          "SCR_VM_I_COUNT": 5000.0, "SCR_HEAP_SIZE": 98304.0}  # fmt: skip
"""The guard must get along with half the instructions a script may take, and with less memory than
`missions.onboard` asks for."""
LINE, LEG, HOMEWARD = 5, 7, 8
MISSION: list[Item] = [
    take_off(30.0),
    do(178, 1.0, 5.0, -1.0),
    waypoint(0, 30, 30.0),
    do(216, 1.0),
    waypoint(12000, 30, 30.0),  # 5 LINE; nothing behind it ever says off
    {"command": 189, "frame": 6},
    waypoint(12000, 900, 30.0),  # 7 LEG
    RETURN,  # 8 HOMEWARD
]


@dataclass(frozen=True, slots=True)
class Stop:
    """What a trigger led to: seconds from trigger to rest, and from rest to turning again."""

    after_s: float
    again_s: float | None


class Flight:
    """A ground station with a vehicle on its line."""

    def __init__(self, url: str, seed: int) -> None:
        self.link = mavutil.mavlink_connection(url, source_system=255)
        self.dice = random.Random(seed)
        self.rows: list[tuple[float, int]] = []
        self.texts: list[tuple[float, str]] = []
        self.named: dict[str, float] = {}
        self.outputs: Any = None
        self.away_m = 0.0
        self.flags = 0
        self.healthy = self.armed = False
        self.heartbeats = True
        self.mode = -1
        self.beat_s = self.beat_before_s = self.spoke_s = 0.0
        assert self.link.wait_heartbeat(timeout=PATIENCE_S)

    @property
    def now_s(self) -> float:
        return self.rows[-1][0] if self.rows else 0.0

    @property
    def pulse(self) -> int:
        return self.rows[-1][1]

    def until(self, true: Callable[[Any], Any]) -> Any:
        end_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < end_s:
            message = self.link.recv_match(blocking=True, timeout=1.0)
            if message is not None:
                self._take(message)
                if true(message):
                    return message
        pytest.fail(f"never came; last heard {self.texts[-5:]}, mode {self.mode}")

    def _take(self, message: Any) -> None:
        kind = message.get_type()
        if kind == "SERVO_OUTPUT_RAW":
            self.outputs = message
            self.rows.append((message.time_usec / 1e6, message.servo9_raw))
        elif kind == "HEARTBEAT" and message.autopilot == 3:
            self.mode, self.armed = message.custom_mode, bool(message.base_mode & 128)
            self.beat_before_s, self.beat_s = self.beat_s, self.now_s
        elif kind == "GLOBAL_POSITION_INT":
            self.away_m = math.hypot(*GROUND.metres(message.lat, message.lon))
        elif kind == "STATUSTEXT":
            self.texts.append((self.now_s, message.text))
        elif kind == "NAMED_VALUE_FLOAT":
            self.named[message.name] = message.value
        elif kind == "SYS_STATUS":
            self.healthy = bool(message.onboard_control_sensors_health & 0x10000000)
        elif kind == "EKF_STATUS_REPORT":
            self.flags = message.flags
        if self.heartbeats and self.now_s - self.spoke_s >= 0.5:
            self.spoke_s = self.now_s
            self.link.mav.heartbeat_send(6, 8, 0, 0, 4)

    def wait(self, seconds: float) -> None:
        end_s = self.now_s + seconds
        self.until(lambda _: self.now_s >= end_s)

    def command(self, number: int, *params: float) -> int:
        self.link.mav.command_long_send(1, 1, number, 0, *params, *[0.0] * (7 - len(params)))
        ack = self.until(lambda m: m.get_type() == "COMMAND_ACK" and m.command == number)
        return int(ack.result)

    def set(self, name: str, value: float) -> None:
        self.link.mav.param_set_send(1, 1, name.encode(), value, 9)

    def parameter(self, name: str) -> float:
        self.link.mav.param_request_read_send(1, 1, name.encode(), -1)
        answer = self.until(lambda m: m.get_type() == "PARAM_VALUE" and m.param_id == name)
        return float(answer.param_value)

    def hold_sticks(self, forward: float = 0.0) -> None:
        """Sticks in the middle, so that a pilot's modes hold their height; or pushed forward."""
        pitch = round(1500 - 400 * forward)
        self.link.mav.rc_channels_override_send(1, 1, 1500, pitch, 1500, 1500, 0, 0, 0, 0)

    def said(self, words: str) -> bool:
        return any(words in text for _, text in self.texts)

    def change_mode(self, mode: int) -> None:
        assert self.command(176, 1, mode) == 0

    def start(self, items: list[Item], ordered: Mapping[str, float] | None = None) -> None:
        """Upload, arm, take off and fly until the pump turns on the line."""
        self.link.mav.request_data_stream_send(1, 1, 0, 4, 1)
        for message_id, every_us in ((36, 20_000), (0, 50_000)):
            assert self.command(511, message_id, every_us) == 0
        self.until(lambda _: self.healthy and self.flags & 16)
        for name, value in (ordered or {}).items():
            self.set(name, value)
            assert self.parameter(name) == value
        self.wait(2.0)
        self._upload(items)
        for order in ((176, 1, GUIDED), (400, 1), (176, 1, AUTO), (300,)):
            assert self.command(*order) == 0, (order, self.texts[-3:])
        self.until(lambda _: self.pulse > FAST_US)

    def _upload(self, items: list[Item]) -> None:
        plan = [HOME_ITEM, *items]
        self.link.mav.mission_count_send(1, 1, len(plan), 0)
        while True:
            asked = self.until(lambda m: m.get_type() in ("MISSION_REQUEST", "MISSION_ACK"))
            if asked.get_type() == "MISSION_ACK":
                assert asked.type == 0
                return
            item = plan[asked.seq]
            self.link.mav.mission_item_int_send(
                1, 1, asked.seq, item["frame"], item["command"], 0, 1,
                *item.get("params", (0.0,) * 4), item.get("x", 0), item.get("y", 0),
                item.get("z", 0.0), 0,
            )  # fmt: skip

    def back_on_the_line(self) -> None:
        """AUTO on the line, the pump ordered on as the mission would, for a chance while."""
        if self.mode != AUTO:
            self.change_mode(AUTO)
        assert self.command(224, LINE) == 0
        self.until(lambda _: self.mode == AUTO)
        self.wait(0.3)
        assert self.command(216, 1.0) == 0
        self.until(lambda _: self.pulse > RUNS_US)
        self.wait(self.dice.uniform(0.2, 3.0))
        self.until(lambda _: self.pulse > FAST_US)  # not while it turns about on its way

    def stop_after(
        self, cause: Callable[[Flight], Any], sign: Callable[[Any], bool] | None = None
    ) -> Stop:
        """Pull a trigger with the pump turning; say how long it turned on.

        `cause` sends an order whose acknowledgement is the trigger, or brings about what the
        vehicle shows by `sign`.
        """
        assert self.pulse > FAST_US, "the pump must turn, or nothing is tried"
        cause(self)
        if sign is not None:
            self.until(sign)
        taken_s = self.beat_before_s if sign is not None else self.now_s
        rest_s = self._first(taken_s, lambda pulse: pulse <= REST_US, limit_s=20.0)
        self.until(lambda _: self.now_s >= rest_s + HOLD_S)
        again = [at_s for at_s, pulse in self.rows if at_s > rest_s and pulse > REST_US]
        return Stop(rest_s - taken_s, again[0] - rest_s if again else None)

    def _first(self, from_s: float, true: Callable[[int], bool], limit_s: float) -> float:
        """Time of the first pulse from a time on for which something is true."""

        def found() -> float | None:
            first = bisect_left(self.rows, (from_s, 0))
            return next((at_s for at_s, pulse in self.rows[first:] if true(pulse)), None)

        self.until(lambda _: found() is not None or self.now_s > from_s + limit_s)
        at_s = found()
        return self.now_s if at_s is None else at_s


@contextmanager
def on_the_line(
    script: str | None,
    seed: int = 1,
    items: list[Item] | None = None,
    ordered: Mapping[str, float] | None = None,
    **parameters: float,
) -> Iterator[Flight]:
    """Fly `MISSION` with a script on board, or none, up to the first drop.

    `ordered` are parameters that can only be set once the script has made them.
    """
    scripts: Mapping[str, str] = {"spray_guard.lua": script} if script else {}
    fitted = {**FITTED, **parameters}
    copter = ArduPilot(HOME, speedup=SPEEDUP, parameters=fitted, scripts=scripts)
    with copter as running:
        flight = Flight(running.url, seed)
        try:
            flight.start(items or MISSION, ordered)
            yield flight
        finally:
            flight.link.close()
