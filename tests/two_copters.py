"""One plan, two aircraft: flown by a real ArduCopter, or by the embedded simulator, logged alike.

Both are told the same by the same messages and asked for the same telemetry, 50 times a second of
simulated time unless told otherwise: where they are (LOCAL_POSITION_NED), what the pump's servo
gets (SERVO_OUTPUT_RAW) and what the battery gives (BATTERY_STATUS). The real one is talked to over
a socket, the embedded one in memory.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from pymavlink import mavutil

from agri.errors import NotFound
from agri.geo import LonLat
from missions.flightplan import FlightPlan
from missions.items import MissionItem
from missions.sprayer.parameters import job_parameters
from sitl.ardupilot import ArduPilot, find_arducopter
from sitl.autopilot import Autopilot
from tests.ground_station import Item, Station
from tests.sorties import item_for

FloatArray = NDArray[np.float64]
PATIENCE_S = 180.0
LOCAL_POSITION, SERVO_OUTPUT, BATTERY = 32, 36, 147
LOOKS_US = 20_000.0
TURNS_US = 1110
"""A pump servo above this turns; at rest it stands at 1100."""
START = ((176, 1, 4), (400, 1), (176, 1, 3), (300,))
FITTED = {"RTL_ALT": 500.0, "RTL_LOIT_TIME": 0.0}


def skip_without_arducopter() -> None:
    """Skip the test, with the reason, where the program is not found."""
    try:
        find_arducopter()
    except NotFound as missing:
        pytest.skip(str(missing), allow_module_level=True)


class Fix(NamedTuple):
    """Seconds since switch-on, metres from home, and the pulse to the pump, microseconds."""

    time_s: float
    east_m: float
    north_m: float
    up_m: float
    pump_us: int

    @property
    def wet(self) -> bool:
        return self.pump_us > TURNS_US

    @property
    def place(self) -> tuple[float, float]:
        return self.east_m, self.north_m


@dataclass(slots=True)
class Log:
    """What one flight told, from the order to begin until the motors stopped."""

    fixes: list[Fix] = field(default_factory=list)
    battery: list[tuple[float, float, float]] = field(default_factory=list)
    """Seconds, volts, amperes."""
    photos: set[int] = field(default_factory=set)
    """Numbers of the pictures taken."""
    mode: int = -1
    """The mode it last was in with its motors running."""
    over: bool = False
    _pump_us: int = 0
    _flew: bool = False

    def hear(self, message: Any) -> None:
        """Take a message in."""
        kind = message.get_type()
        if kind == "SERVO_OUTPUT_RAW":
            self._pump_us = message.servo9_raw
        elif kind == "LOCAL_POSITION_NED":
            self.fixes.append(
                Fix(message.time_boot_ms / 1e3, message.y, message.x, -message.z, self._pump_us)
            )
        elif kind == "BATTERY_STATUS" and message.id == 0 and self.fixes:
            volts = sum(v for v in message.voltages if v != 0xFFFF) / 1e3
            self.battery.append((self.fixes[-1].time_s, volts, message.current_battery / 100.0))
        elif kind == "CAMERA_FEEDBACK":
            self.photos.add(message.img_idx)
        elif kind == "HEARTBEAT" and message.get_srcComponent() == 1:
            armed = bool(message.base_mode & 128)
            self.mode = message.custom_mode if armed else self.mode
            self._flew = self._flew or armed
            self.over = self.over or (self._flew and not armed)

    @property
    def duration_s(self) -> float:
        return self.fixes[-1].time_s - self.fixes[0].time_s

    @property
    def energy_wh(self) -> float:
        """Volts × amperes × time."""
        return sum(
            volts * amperes * (after[0] - at_s) / 3600.0
            for (at_s, volts, amperes), after in pairwise(self.battery)
        )

    @property
    def places(self) -> FloatArray:
        """(N, 2) metres east and north."""
        return np.array([fix.place for fix in self.fixes])

    def sprays(self) -> list[list[Fix]]:
        """Stretches with the pump on, in order."""
        found: list[list[Fix]] = []
        was = False
        for fix in self.fixes:
            if fix.wet and not was:
                found.append([])
            if fix.wet:
                found[-1].append(fix)
            was = fix.wet
        return found


def parameters_of(plan: FlightPlan) -> dict[str, float]:
    """What a plan asks the autopilot to be set to, and a short way home."""
    assert plan.spray is not None
    return {**job_parameters(plan.spray), **FITTED}


def messages_of(items: Sequence[MissionItem], home: LonLat) -> list[Item]:
    """The items as they are sent, home before them."""
    first: Item = {"command": 16, "frame": 0, "x": home.lat_e7, "y": home.lon_e7, "z": 10.0}
    return [first, *(item_for(item) for item in items)]


def real(
    items: Sequence[MissionItem],
    home: LonLat,
    parameters: Mapping[str, float],
    *,
    speedup: float = 8.0,
    frame: Mapping[str, float] | None = None,
    looks_us: float = LOOKS_US,
) -> Log:
    """Fly items on a real ArduCopter to the end."""
    with ArduPilot(home, speedup=speedup, parameters=parameters, frame=frame) as running:
        link = mavutil.mavlink_connection(running.url, source_system=255)
        try:
            return _Talk(link).fly(messages_of(items, home), looks_us)
        finally:
            link.close()


def embedded(
    items: Sequence[MissionItem], home: LonLat, parameters: Mapping[str, float], **options: Any
) -> Log:
    """Fly items on the embedded simulator to the end."""
    vehicle = Autopilot(home=home, ready_after_s=2.0, parameters=dict(parameters), **options)
    station = Station(vehicle)
    for message_id in (LOCAL_POSITION, SERVO_OUTPUT, BATTERY, 0):
        assert station.command(511, message_id, LOOKS_US) == 0
    station.start(messages_of(items, home)[1:])
    log = Log()
    while not log.over:
        assert station.now_s < 3600.0, station.texts()[-8:]
        for message in station.wait(0.02):
            log.hear(message)
    return log


class _Talk:
    """A ground station at a socket."""

    def __init__(self, link: Any) -> None:
        self.link = link
        self.last: dict[str, Any] = {}

    def until(self, true: Callable[[Any], Any]) -> Any:
        end_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < end_s:
            message = self.link.recv_match(blocking=True, timeout=1.0)
            if message is not None:
                self.last[message.get_type()] = message
                if true(message):
                    return message
        pytest.fail(f"never came; last heard {self.last.get('STATUSTEXT')}")

    def fly(self, items: list[Item], looks_us: float) -> Log:
        self._ready()
        self._upload(items)
        for message_id in (LOCAL_POSITION, SERVO_OUTPUT, BATTERY, 0):
            self.command(511, message_id, looks_us)
        for order in START:
            self.command(*order)
        log = Log()

        def ended(message: Any) -> bool:
            log.hear(message)
            return log.over

        self.until(ended)
        return log

    def command(self, number: int, *params: float) -> None:
        self.link.mav.command_long_send(1, 1, number, 0, *params, *[0.0] * (7 - len(params)))
        ack = self.until(lambda m: m.get_type() == "COMMAND_ACK" and m.command == number)
        assert ack.result == 0, (number, params, self.last.get("STATUSTEXT"))

    def _ready(self) -> None:
        assert self.link.wait_heartbeat(timeout=PATIENCE_S)
        self.link.mav.request_data_stream_send(1, 1, 0, 4, 1)
        self.until(
            lambda m: (
                m.get_type() == "SYS_STATUS"
                and m.onboard_control_sensors_health & 0x10000000
                and "EKF_STATUS_REPORT" in self.last
                and self.last["EKF_STATUS_REPORT"].flags & 16
            )
        )

    def _upload(self, items: list[Item]) -> None:
        self.link.mav.mission_count_send(1, 1, len(items), 0)
        sent = -1
        while True:
            asked = self.until(lambda m: m.get_type() in ("MISSION_REQUEST", "MISSION_ACK"))
            if asked.get_type() == "MISSION_ACK":
                assert asked.type == 0
                return
            if asked.seq <= sent:
                continue  # asked again, in a hurry: a socket loses nothing
            sent = asked.seq
            item = items[sent]
            self.link.mav.mission_item_int_send(
                1, 1, sent, item["frame"], item["command"], 0, 1,
                *item.get("params", (0.0, 0.0, 0.0, 0.0)),
                item.get("x", 0), item.get("y", 0), item.get("z", 0.0), 0,
            )  # fmt: skip


def beside_m(places: FloatArray, way: FloatArray) -> FloatArray:
    """How far each of (N, 2) places lies from a way of (M, 2) places, metres."""
    start, along = way[:-1], np.diff(way, axis=0)
    length2 = np.maximum((along**2).sum(axis=1), 1e-12)
    found = np.full(len(places), math.inf)
    for begin in range(0, len(places), 200):
        some = places[begin : begin + 200, None] - start[None]
        share = np.clip((some * along).sum(axis=2) / length2, 0.0, 1.0)
        off = some - share[..., None] * along
        found[begin : begin + 200] = np.hypot(off[..., 0], off[..., 1]).min(axis=1)
    return found
