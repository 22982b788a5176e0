"""A flight's own folder: written line by line while it flies, whole when it is over.

Theory of operation. ``flights/<utc>-<plan>-<uid>/track.jsonl`` is the record: a first line that
says what flies, then one line each for a position, a picture or an event, and a last line with the
outcome. Every line is handed to the operating system at once, so it survives the death of the
program; the disk is flushed at every event and picture and at least once a second, so a power cut
costs at most the last second. A line cut short by a crash is passed over when reading; all lines
before it count.

A recording program holds a lock on ``.live`` in the folder. The system drops the lock with the
program, so a flight without its last line and without the lock is known to be unfinished. When a
flight is over the whole record is written anew from the `agri.track.FlightRecord` that the link
kept, together with ``track.csv`` and ``photos.csv`` for spreadsheets and QGIS.
"""

from __future__ import annotations

import csv
import errno
import io
import json
import math
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from agri import files
from agri.errors import BadInput, StoreError
from agri.files import told
from agri.geo import LonLat
from agri.locks import lock_now, lock_soon
from agri.track import Event, FlightRecord, Photo, Track
from agri.words import Message
from agri.workspace.records import TELEMETRY

TRACK = "track.jsonl"
HEARD = "track.telemetry.jsonl"
"""The record as it was heard on the ground, once the aircraft's log took its place."""
TLOG = "flight.tlog"
LIVE = ".live"
SYNC_S = 1.0
"""Longest time between two flushes to the disk while positions come."""
LOCK_TRIES, LOCK_WAIT_S = 200, 0.01
"""Patience with those who look whether the flight is recorded just when it begins to be."""
MAX_TRACK_BYTES = 200_000_000
"""A day of positions at 10 a second."""

_BROKEN = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What a line that was cut short or tampered with can raise while it is read."""

_POSITION = (
    "time_s", "lon_deg", "lat_deg", "height_m", "speed_m_s", "battery_pct", "pump_share",
)  # fmt: skip
_LATER = frozenset({"pump_share"})
"""Columns that older records do not have: not told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What is known of a flight when its record begins."""

    uid: str
    mission_uid: str
    plan_name: str
    plan_digest: str
    vehicle: str
    started_utc: datetime
    source: str = TELEMETRY


def _line(kind: str, **values: Any) -> bytes:
    text = json.dumps({"type": kind, **values}, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "replace") + b"\n"


def _number(value: float) -> float | None:
    """Return a number as JSON can hold it: what is not finite becomes null."""
    return float(value) if math.isfinite(value) else None


def _head_line(head: Head) -> bytes:
    values = {name: getattr(head, name) for name in head.__slots__}
    values["started_utc"] = head.started_utc.isoformat()
    return _line("start", **values)


def _position_line(values: Iterable[float]) -> bytes:
    return _line("position", **dict(zip(_POSITION, map(_number, values), strict=True)))


def _photo_line(photo: Photo) -> bytes:
    return _line(
        "photo",
        index=photo.index,
        time_s=_number(photo.time_s),
        lon_deg=photo.place.lon_deg,
        lat_deg=photo.place.lat_deg,
        height_m=_number(photo.height_m),
        yaw_deg=_number(photo.yaw_deg),
    )


def plain(value: Any) -> Any:
    """Return a message's value as JSON can hold it; what JSON does not know becomes text."""
    if isinstance(value, Message):
        return {"key": value.key, "values": {name: plain(v) for name, v in value.values}}
    if isinstance(value, date):
        return {"day" if type(value) is date else "moment": value.isoformat()}
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return str(value)


def read_message(stored: Any) -> Message:
    """Return a message that `plain` made fit for JSON."""
    values = {name: _read(value) for name, value in stored["values"].items()}
    return Message(str(stored["key"]), tuple(sorted(values.items())))


def _read(stored: Any) -> Any:
    if not isinstance(stored, dict):
        return stored
    if "day" in stored:
        return date.fromisoformat(stored["day"])
    if "moment" in stored:
        return datetime.fromisoformat(stored["moment"])
    return read_message(stored)


def _event_line(event: Event) -> bytes:
    return _line("event", time_s=_number(event.time_s), message=plain(event.message))


def write_record(folder: Path, head: Head, record: FlightRecord) -> None:
    """Write a whole flight into its folder: the record and its two tables.

    Raises
    ------
    StoreError
        When the disk cannot take it; an earlier record is then still there.
    """
    track = record.track
    positions = np.column_stack([getattr(track, name) for name in _POSITION])
    rows = positions.tolist()
    lines = [_head_line(head), *map(_position_line, rows), *map(_photo_line, record.photos)]
    lines += [*map(_event_line, record.events), _line("end", outcome=str(record.outcome))]
    files.write_bytes(folder / TRACK, b"".join(lines))
    files.write_text(folder / "track.csv", _table(_POSITION, rows))
    photos = [
        (p.index, p.time_s, p.place.lon_deg, p.place.lat_deg, p.height_m, p.yaw_deg)
        for p in record.photos
    ]
    columns = ("index", "time_s", "lon_deg", "lat_deg", "height_m", "yaw_deg")
    files.write_text(folder / "photos.csv", _table(columns, photos))


def _table(columns: tuple[str, ...], rows: Iterable[Iterable[float]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(["" if v != v else v for v in row] for row in rows)  # noqa: PLR0124
    return text.getvalue()


def read_record(folder: Path, file: str = TRACK) -> tuple[Head, FlightRecord, bool]:
    """Read a flight's folder, whole or cut short.

    Parameters
    ----------
    folder : Path
        The flight's.
    file : str
        `TRACK`, or `HEARD` for what stood there before.

    Returns
    -------
    head : Head
        What the first line says.
    record : FlightRecord
        All that was kept; its outcome is "lost" when there is no last line.
    finished : bool
        Whether there is a last line.

    Raises
    ------
    NotFound
        When there is no record.
    StoreError
        When the first line cannot be read.
    """
    data = files.read_bytes_limited(folder / file, limit_bytes=MAX_TRACK_BYTES)
    entries = [entry for line in data.split(b"\n") if (entry := _entry(line)) is not None]
    if not entries or not isinstance(entries[0], Head):
        raise StoreError("error.flight_unreadable", path=str(folder / file))
    head = entries[0]
    ends = [entry for entry in entries if isinstance(entry, str)]
    positions = np.array([e for e in entries if isinstance(e, tuple)], dtype=np.float64)
    columns = positions.reshape(-1, len(_POSITION)).T
    record = FlightRecord(
        plan_name=head.plan_name,
        plan_digest=head.plan_digest,
        started_utc=head.started_utc,
        vehicle=head.vehicle,
        outcome=ends[-1] if ends else "lost",
        track=Track(**dict(zip(_POSITION, columns, strict=True))),
        photos=tuple(e for e in entries if isinstance(e, Photo)),
        events=tuple(e for e in entries if isinstance(e, Event)),
    )
    return head, record, bool(ends)


def _entry(line: bytes) -> Head | tuple[float, ...] | Photo | Event | str | None:
    """Return what one line says, None when it is empty, cut short or not known."""
    try:
        stored = json.loads(line)
        return _READERS[stored.pop("type")](stored)
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        OverflowError,
        RecursionError,
        BadInput,
    ):
        return None


def _float(value: Any) -> float:
    return math.nan if value is None else float(value)


def _read_head(stored: dict[str, Any]) -> Head:
    started = datetime.fromisoformat(stored.pop("started_utc"))
    return Head(started_utc=started, **{name: str(value) for name, value in stored.items()})


def _read_photo(stored: dict[str, Any]) -> Photo:
    return Photo(
        index=int(stored["index"]),
        time_s=_float(stored["time_s"]),
        place=LonLat(lon_deg=stored["lon_deg"], lat_deg=stored["lat_deg"]),
        height_m=_float(stored["height_m"]),
        yaw_deg=_float(stored["yaw_deg"]),
    )


_READERS: dict[str, Callable[[dict[str, Any]], Head | tuple[float, ...] | Photo | Event | str]] = {
    "start": _read_head,
    "position": lambda stored: tuple(
        _float(stored.get(name) if name in _LATER else stored[name]) for name in _POSITION
    ),
    "photo": _read_photo,
    "event": lambda stored: Event(_float(stored["time_s"]), read_message(stored["message"])),
    "end": lambda stored: str(stored["outcome"]),
}


def is_live(folder: Path) -> bool:
    """Return whether a running program is recording into this folder."""
    try:
        with (folder / LIVE).open("rb") as file:
            return not lock_now(file.fileno(), shared=True)
    except FileNotFoundError:
        return False
    except OSError:
        return True


class LineLog:
    """The open record of a flight in the air.

    Parameters
    ----------
    folder : Path
        An empty folder of this flight's own.
    head : Head
        The first line.
    clock : callable
        Seconds that never run back, for the flushes.

    Raises
    ------
    StoreError
        When a line cannot be written. The lines before it are kept; whether to go on without a
        record is for the caller to decide.
    """

    def __init__(
        self, folder: Path, head: Head, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.folder = folder
        self.head = head
        self._clock = clock
        with told(folder):
            self._live = (folder / LIVE).open("wb")
            lock_soon(self._live.fileno(), tries=LOCK_TRIES, wait_s=LOCK_WAIT_S)
            self._file = (folder / TRACK).open("ab", buffering=0)
        self._synced_s = clock()
        self._torn = False
        self._append(_head_line(head), sync=True)
        with told(folder):
            files.sync_folder(folder)

    @property
    def tlog(self) -> Path:
        """Where the link may write its telemetry log, beside the record."""
        return self.folder / TLOG

    def position(
        self,
        *,
        time_s: float,
        place: LonLat,
        height_m: float,
        speed_m_s: float,
        battery_pct: float = math.nan,
        pump_share: float = math.nan,
    ) -> None:
        """Append one position report (units as in `agri.track.Track`)."""
        flown = (time_s, place.lon_deg, place.lat_deg, height_m, speed_m_s)
        values = (*flown, battery_pct, pump_share)
        self._append(_position_line(values), sync=self._clock() - self._synced_s >= SYNC_S)

    def photo(self, photo: Photo) -> None:
        """Append one picture; on return it is on the disk."""
        self._append(_photo_line(photo), sync=True)

    def event(self, event: Event) -> None:
        """Append one event; on return it is on the disk."""
        self._append(_event_line(event), sync=True)

    def _append(self, line: bytes, *, sync: bool) -> None:
        with told(self.folder / TRACK):
            whole = b"\n" + line if self._torn else line
            self._torn = True
            if self._file.write(whole) != len(whole):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._torn = False
            if sync:
                os.fsync(self._file.fileno())
                self._synced_s = self._clock()

    def close(self) -> None:
        """Stop recording; without a last line the flight then counts as unfinished."""
        self._file.close()
        self._live.close()
        (self.folder / LIVE).unlink(missing_ok=True)
