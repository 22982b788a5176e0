"""The record of a flight as it grows: positions, pictures and events, on the aircraft's clock.

`Recording` takes sightings and gives an `agri.track.FlightRecord` in the end; meanwhile every
position, picture and event goes to a `FlightLog` as well, so that a crash keeps what was seen
(`agri.flightlog.LineLog` is one). A log that breaks in the air does not end the flight: it is said
once, and the record goes on in memory.

A pump changes between two positions, and at 6 m/s a fifth of a second is more than a metre of
ground. So its output is told oftener than the place is, and where it went on or off the record has
two rows more: the last output before and the first after, each at its own moment, at the place
between the two positions around it.

Pictures are counted by the camera's own counter (CAMERA_FEEDBACK img_idx): doubled messages are
dropped, and gaps are told, since a photograph without a position is one the map cannot use.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Protocol

import numpy as np

from agri.errors import StoreError
from agri.geo import LonLat
from agri.track import Event, FlightRecord, Photo, Track
from agri.words import Message
from missions.flight.spray_watch import ON_SHARE
from missions.wire.sightings import Sighting, SightingKind
from missions.wire.telemetry import Telemetry

LONGEST_STEP_S = 1.0
"""Between two positions further apart nobody knows where the pump changed."""

Row = tuple[float, ...]
"""Time, longitude, latitude, height, speed, battery, pump: as in `agri.track.Track`."""


class FlightLog(Protocol):
    """Where a flight is written line by line."""

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
        """Keep one position report."""

    def photo(self, photo: Photo) -> None:
        """Keep one picture."""

    def event(self, event: Event) -> None:
        """Keep one event."""


class Recording:
    """A flight being recorded.

    Parameters
    ----------
    began_s : float
        The aircraft's clock when the record begins.
    log : FlightLog or None
        Where everything goes at once.
    """

    def __init__(self, began_s: float, log: FlightLog | None = None) -> None:
        self.photos: list[Photo] = []
        self.events: list[Event] = []
        self._began_s = began_s
        self._log = log
        self._rows: list[Row] = []
        self._outputs: list[tuple[float, float]] = []
        self._indices: set[int] = set()
        self._first_index: int | None = None

    def take(self, sighting: Sighting) -> None:
        """Take a sighting: a position, a picture or a pump's output; others are passed over."""
        self._output(sighting.telemetry)
        if sighting.kind is SightingKind.POSITION:
            self._position(sighting.telemetry)
        elif sighting.kind is SightingKind.PHOTO and sighting.photo is not None:
            self._photo(sighting.photo)

    def note(self, time_s: float, message: Message) -> None:
        """Add an event that happened at `time_s` of the aircraft's clock."""
        event = Event(self._since(time_s), message)
        self.events.append(event)
        self._keep(lambda log: log.event(event))

    @property
    def missing_photos(self) -> int:
        """Pictures the camera counted of which no message came."""
        if not self._indices:
            return 0
        return max(self._indices) - min(self._indices) + 1 - len(self._indices)

    def record(
        self, *, plan_name: str, plan_digest: str, started_utc: datetime, vehicle: str, outcome: str
    ) -> FlightRecord:
        """Return the flight as it was."""
        columns = np.array(self._rows, dtype=np.float64).reshape(-1, 7).T
        time_s, lon, lat, height, speed, battery, pump = columns
        return FlightRecord(
            plan_name=plan_name,
            plan_digest=plan_digest,
            started_utc=started_utc,
            vehicle=vehicle,
            outcome=outcome,
            track=Track(
                time_s=time_s,
                lon_deg=lon,
                lat_deg=lat,
                height_m=height,
                speed_m_s=speed,
                battery_pct=battery,
                pump_share=pump,
            ),
            photos=tuple(self.photos),
            events=tuple(self.events),
        )

    def _since(self, time_s: float) -> float:
        return round(time_s - self._began_s, 3)

    def _output(self, seen: Telemetry) -> None:
        if math.isfinite(seen.pump_s):
            told = (self._since(seen.pump_s), seen.pump_share)
            if not self._outputs or told[0] > self._outputs[-1][0]:
                self._outputs.append(told)

    def _position(self, seen: Telemetry) -> None:
        place, time_s = seen.place, self._since(seen.time_s)
        if place is None or (self._rows and time_s <= self._rows[-1][0]):
            return
        here = (
            time_s,
            place.lon_deg,
            place.lat_deg,
            seen.height_m,
            seen.speed_m_s,
            seen.battery_pct,
            seen.pump_share,
        )
        for told_s, share in self._changes(time_s):
            self._add((*between(self._rows[-1], here, told_s)[:-1], share))
        self._add(here)
        self._outputs = self._outputs[-1:]

    def _changes(self, until_s: float) -> list[tuple[float, float]]:
        """Return the outputs since the last position between which the pump went on or off."""
        if not self._rows or until_s - self._rows[-1][0] > LONGEST_STEP_S:
            return []
        turned = {
            told
            for pair in pairwise(self._outputs)
            if (pair[0][1] > ON_SHARE) != (pair[1][1] > ON_SHARE)
            for told in pair
        }
        since_s = self._rows[-1][0]
        return [told for told in self._outputs if told in turned and since_s < told[0] < until_s]

    def _add(self, row: Row) -> None:
        self._rows.append(row)
        time_s, lon_deg, lat_deg, height_m, speed_m_s, battery_pct, pump_share = row
        self._keep(
            lambda log: log.position(
                time_s=time_s,
                place=LonLat(lon_deg=lon_deg, lat_deg=lat_deg),
                height_m=height_m,
                speed_m_s=speed_m_s,
                battery_pct=battery_pct,
                pump_share=pump_share,
            )
        )

    def _photo(self, taken: Photo) -> None:
        if taken.index in self._indices:
            return
        self._indices.add(taken.index)
        if self._first_index is None:
            self._first_index = taken.index
        photo = replace(
            taken, index=taken.index - self._first_index + 1, time_s=self._since(taken.time_s)
        )
        self.photos.append(photo)
        self._keep(lambda log: log.photo(photo))

    def _keep(self, write: Callable[[FlightLog], None]) -> None:
        if self._log is None:
            return
        try:
            write(self._log)
        except StoreError as trouble:
            self._log = None
            now_s = self._rows[-1][0] if self._rows else 0.0
            message = Message.of("event.log_broken", reason=trouble.message)
            self.events.append(Event(now_s, message))


def between(before: Row, after: Row, time_s: float) -> Row:
    """Return what a row between two others would be, on the straight way from one to the other.

    Examples
    --------
    >>> between((0.0, 10.0), (2.0, 14.0), 0.5)
    (0.5, 11.0)
    """
    share = (time_s - before[0]) / (after[0] - before[0])
    rest = (a + share * (b - a) for a, b in zip(before[1:], after[1:], strict=True))
    return (time_s, *rest)
