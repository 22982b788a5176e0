"""The record of a flight as it grows: positions, pictures and events, on the aircraft's clock.

`Recording` takes sightings and gives an `agri.track.FlightRecord` in the end; meanwhile every
position, picture and event goes to a `FlightLog` as well, so that a crash keeps what was seen
(`agri.flightlog.LineLog` is one). A log that breaks in the air does not end the flight: it is said
once, and the record goes on in memory.

Pictures are counted by the camera's own counter (CAMERA_FEEDBACK img_idx): doubled messages are
dropped, and gaps are told, since a photograph without a position is one the map cannot use.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Protocol

import numpy as np

from agri.errors import StoreError
from agri.geo import LonLat
from agri.track import Event, FlightRecord, Photo, Track
from agri.words import Message
from missions.wire.sightings import Sighting, SightingKind
from missions.wire.telemetry import Telemetry


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
        self._rows: list[tuple[float, ...]] = []
        self._indices: set[int] = set()
        self._first_index: int | None = None

    def take(self, sighting: Sighting) -> None:
        """Take a sighting: a position or a picture; others are passed over."""
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

    def _position(self, seen: Telemetry) -> None:
        place, time_s = seen.place, self._since(seen.time_s)
        if place is None or (self._rows and time_s <= self._rows[-1][0]):
            return
        self._rows.append(
            (
                time_s,
                place.lon_deg,
                place.lat_deg,
                seen.height_m,
                seen.speed_m_s,
                seen.battery_pct,
                seen.pump_share,
            )
        )
        self._keep(
            lambda log: log.position(
                time_s=time_s,
                place=place,
                height_m=seen.height_m,
                speed_m_s=seen.speed_m_s,
                battery_pct=seen.battery_pct,
                pump_share=seen.pump_share,
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
