"""Dataflash logs (.bin) made in code: the records an aircraft would write of a track.

The format: every record begins A3 95 and its kind's number; FMT (number 128) tells of each kind its
length, name, the letter of every column's type, and their names. Letters that scale (``L`` degrees
× 10⁷, ``c`` and ``e`` × 100) are scaled here.
"""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from agri.track import FlightRecord, Track
from missions.flightplan import FlightPlan
from missions.formats.dataflash import FlightsLog, read_dataflash
from missions.items import MissionItem

TYPES = {
    "b": "b", "B": "B", "h": "h", "H": "H", "i": "i", "I": "I", "q": "q", "Q": "Q", "f": "f",
    "d": "d", "n": "4s", "N": "16s", "Z": "64s", "L": "i", "c": "h", "e": "i", "M": "B",
}  # fmt: skip
SCALES = {"L": 1e7, "c": 100.0, "e": 100.0}
KINDS = {
    "UNIT": ("QbZ", "TimeUS,Id,Label"),
    "FMTU": ("QBNN", "TimeUS,FmtType,UnitIds,MultIds"),
    "PARM": ("QNff", "TimeUS,Name,Value,Default"),
    "MSG": ("QZ", "TimeUS,Message"),
    "CMD": ("QHHHffffLLfB", "TimeUS,CTot,CNum,CId,Prm1,Prm2,Prm3,Prm4,Lat,Lng,Alt,Frame"),
    "FNCE": ("QBBBLLBf", "TimeUS,Tot,Seq,Type,Lat,Lng,Count,Radius"),
    "RALY": ("QBBLLhB", "TimeUS,Tot,Seq,Lat,Lng,Alt,Flags"),
    "MODE": ("QMBB", "TimeUS,Mode,ModeNum,Rsn"),
    "EV": ("QB", "TimeUS,Id"),
    "POS": ("QLLfff", "TimeUS,Lat,Lng,Alt,RelHomeAlt,RelOriginAlt"),
    "GPS": ("QBBIHBcLLeff", "TimeUS,I,Status,GMS,GWk,NSats,HDop,Lat,Lng,Alt,Spd,GCrs"),
    "GPA": ("QBccc", "TimeUS,I,VDop,HAcc,VAcc"),
    "XKF1": ("QBff", "TimeUS,C,VN,VE"),
    "BAT": ("QBfB", "TimeUS,Inst,Volt,RemPct"),
    "RCOU": ("QHHHHHHHHHHHHHH", "TimeUS," + ",".join(f"C{n}" for n in range(1, 15))),
    "CAM": ("QBHLLfff", "TimeUS,I,Img,Lat,Lng,Alt,RelAlt,Y"),
    "IMU": ("QBfff", "TimeUS,I,GyrX,GyrY,GyrZ"),
}
PARAMETERS = {"SERVO9_FUNCTION": 22.0, "SERVO9_MIN": 1100.0, "SERVO9_MAX": 1900.0,
              "WPNAV_SPEED": 500.0}  # fmt: skip
FIRMWARE = "ArduCopter V4.6.0 (12345678)"
ARMED, DISARMED, LANDED, FLYING = 10, 11, 18, 28
AUTO, GUIDED, RTL = 3, 4, 6
ABOVE_HOME = 4 | 1 << 3
"""Flags of a rally point: its frame is told (4), and is above home (1)."""


class LogWriter:
    """A log that grows."""

    def __init__(self, kinds: Mapping[str, tuple[str, str]] = KINDS) -> None:
        self.data = bytearray()
        self._kinds: dict[str, tuple[int, str]] = {"FMT": (128, "BBnNZ")}
        self._fmt(128, "FMT", "BBnNZ", "Type,Length,Name,Format,Columns")
        for number, (name, (letters, columns)) in enumerate(kinds.items(), start=10):
            self.define(number, name, letters, columns)

    def define(self, number: int, name: str, letters: str, columns: str) -> None:
        """Tell of a kind of record."""
        self._kinds[name] = (number, letters)
        self._fmt(number, name, letters, columns)

    def _fmt(self, number: int, name: str, letters: str, columns: str) -> None:
        size = 3 + struct.calcsize("<" + "".join(TYPES[letter] for letter in letters))
        self.add("FMT", number, size, name, letters, columns)

    def add(self, kind: str, *values: Any) -> None:
        """Append a record."""
        number, letters = self._kinds[kind]
        self.data += struct.pack("<BBB", 0xA3, 0x95, number)
        for letter, value in zip(letters, values, strict=True):
            if isinstance(value, str):
                self.data += struct.pack("<" + TYPES[letter], value.encode())
                continue
            scaled = round(value * SCALES[letter]) if letter in SCALES else value
            whole = scaled if letter in "fd" else int(scaled)
            self.data += struct.pack("<" + TYPES[letter], whole)


def items_records(log: LogWriter, time_us: int, items: Sequence[MissionItem]) -> None:
    """Append the mission as the autopilot writes it: home first."""
    total = len(items) + 1
    log.add("CMD", time_us, total, 0, 16, 0.0, 0.0, 0.0, 0.0, 21.08, 106.51, 10.0, 0)
    for place, item in enumerate(items, start=1):
        log.add("CMD", time_us, total, place, item.command, *item.params, item.x / 1e7,
                item.y / 1e7, item.z, int(item.frame))  # fmt: skip


def fence_records(log: LogWriter, time_us: int, items: Sequence[MissionItem]) -> None:
    """Append the fence as the autopilot writes it; its counts are bytes."""
    kinds = {5000: 95, 5001: 98, 5002: 97, 5003: 92, 5004: 93}
    log.add("MSG", time_us, "New fence")
    for place, item in enumerate(items):
        corners = item.param1 if item.command in (5001, 5002) else 0.0
        radius = item.param1 if item.command in (5003, 5004) else 0.0
        log.add("FNCE", time_us, len(items) % 256, place % 256, kinds[item.command], item.x / 1e7,
                item.y / 1e7, corners, radius)  # fmt: skip


def rally_records(
    log: LogWriter, time_us: int, items: Sequence[MissionItem], *, flags: int = ABOVE_HOME
) -> None:
    """Append the rally points as the autopilot writes them."""
    log.add("MSG", time_us, "New rally")
    for place, item in enumerate(items):
        log.add("RALY", time_us, len(items), place, item.x / 1e7, item.y / 1e7, item.z, flags)


def add_flight(
    log: LogWriter,
    track: Track,
    *,
    boot_s: float = 50.0,
    started_utc: datetime | None = None,
    parameters: Mapping[str, float] = PARAMETERS,
    items: Sequence[MissionItem] = (),
    fence: Sequence[MissionItem] | None = None,
    rally: Sequence[MissionItem] | None = None,
    events: Iterable[tuple[float, int]] = ((0.0, ARMED), (0.5, FLYING)),
    modes: Iterable[tuple[float, int]] = ((0.0, GUIDED), (0.4, AUTO)),
    down: Iterable[int] = (LANDED, DISARMED),
    channel: int = 9,
    gps_s: float = 0.2,
    rows: slice = slice(None),
) -> None:
    """Append what an aircraft writes of a flight: everything at the track's own times."""

    def us(time_s: float) -> int:
        return round((boot_s + time_s) * 1e6)

    log.add("MSG", us(0.0), FIRMWARE)
    for name, value in parameters.items():
        log.add("PARM", us(0.0), name, value, math.nan)
    if items:
        items_records(log, us(0.0), items)
    if fence is not None:
        fence_records(log, us(0.0), fence)
    if rally is not None:
        rally_records(log, us(0.0), rally)
    told = [(t, "EV", (code,)) for t, code in events]
    told += [(t, "MODE", (mode, mode, 1)) for t, mode in modes]
    told.sort(key=lambda one: one[0])
    add_rows(log, track, boot_s=boot_s, started_utc=started_utc, channel=channel, gps_s=gps_s,
             rows=rows, told=told)  # fmt: skip
    for code in down:
        log.add("EV", us(float(track.time_s[-1])), code)


def add_rows(
    log: LogWriter,
    track: Track,
    *,
    boot_s: float,
    started_utc: datetime | None = None,
    channel: int = 9,
    gps_s: float = 0.2,
    rows: slice = slice(None),
    told: Sequence[tuple[float, str, tuple[int, ...]]] = (),
) -> None:
    """Append some rows of a track, and in between at their times what else is `told`."""

    def us(time_s: float) -> int:
        return round((boot_s + time_s) * 1e6)

    waiting, next_fix_s = list(told), 0.0
    table = np.column_stack([getattr(track, name) for name in Track.__slots__])[rows]
    for time_s, lon, lat, height, speed, battery, share in table.tolist():
        while waiting and waiting[0][0] <= time_s:
            when, kind, values = waiting.pop(0)
            log.add(kind, us(when), *values)
        log.add("POS", us(time_s), lat, lon, height + 10.0, height, height)
        log.add("XKF1", us(time_s), 0, speed, 0.0)
        log.add("XKF1", us(time_s), 1, speed + 50.0, 0.0)
        pulses = [0] * 14
        if not math.isnan(share):
            pulses[channel - 1] = round(1100.0 + 800.0 * share)
        log.add("RCOU", us(time_s), *pulses)
        log.add("BAT", us(time_s), 0, 12.0, 255 if math.isnan(battery) else round(battery))
        log.add("IMU", us(time_s), 0, 0.0, 0.0, 0.0)
        if time_s >= next_fix_s:
            next_fix_s += gps_s
            week, ms = gps_time(started_utc, time_s)
            log.add("GPS", us(time_s), 0, 3 if week else 1, ms, week, 12, 0.8, lat, lon,
                    height + 10.0, speed, 0.0)  # fmt: skip
            log.add("GPA", us(time_s), 0, 1.5, 0.4, 0.6)


def gps_time(started_utc: datetime | None, time_s: float) -> tuple[int, int]:
    """GPS week and milliseconds of it; week 0 when no time is known."""
    if started_utc is None:
        return 0, 0
    since_s = (started_utc - datetime(1980, 1, 6, tzinfo=UTC)).total_seconds() + 18.0 + time_s
    week = int(since_s // 604_800)
    return week, round((since_s - week * 604_800) * 1000.0)


def log_of(track: Track, **options: Any) -> bytes:
    """One flight's log."""
    log = LogWriter()
    add_flight(log, track, **options)
    return bytes(log.data)


def log_of_record(record: FlightRecord, plan: FlightPlan, **options: Any) -> bytes:
    """The log of a flight of a plan, its clock the satellites'."""
    values: dict[str, Any] = {"started_utc": record.started_utc, "items": plan.items}
    return log_of(record.track, **(values | options))


def read(data: bytes) -> FlightsLog:
    return read_dataflash(io.BytesIO(data), name="00000042.BIN")
