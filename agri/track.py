"""What a flight leaves behind: the track flown, pictures, what happened when, what the tank held.

A value of the ground floor, so that the link that records it, the farm folder that keeps it and
the pages that show it need not know each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from agri.geo import LonLat
from agri.words import Message

FloatArray = NDArray[np.float64]


def _not_told() -> FloatArray:
    return np.empty(0, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """One picture taken: CAMERA_FEEDBACK as the aircraft told it.

    Parameters
    ----------
    index : int
        Picture number of this flight.
    time_s : float
        Seconds since the record began.
    place : LonLat
        Where.
    height_m : float
        Above home.
    yaw_deg : float
        Heading, degrees clockwise from true north.
    """

    index: int
    time_s: float
    place: LonLat
    height_m: float
    yaw_deg: float


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: seconds since the record began, and the sentence."""

    time_s: float
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Track:
    """The path flown, one row per position report.

    Parameters
    ----------
    time_s : (N,) float64
        Seconds since the record began (the aircraft's own clock, so a sped-up simulation counts
        simulated seconds).
    lon_deg, lat_deg : (N,) float64
        WGS 84 degrees.
    height_m : (N,) float64
        Above home.
    speed_m_s : (N,) float64
        Over the ground.
    battery_pct : (N,) float64
        Left in the pack, 0 to 100, NaN when not told.
    pump_share : (N,) float64
        Output of a sprayer's pump, 0 to 1 of its full output, NaN when not told. Left out (or of
        a record older than spraying), it is NaN everywhere.
    """

    time_s: FloatArray
    lon_deg: FloatArray
    lat_deg: FloatArray
    height_m: FloatArray
    speed_m_s: FloatArray
    battery_pct: FloatArray
    pump_share: FloatArray = field(default_factory=_not_told)

    def __post_init__(self) -> None:
        if len(self.pump_share) == 0 and len(self.time_s):
            object.__setattr__(self, "pump_share", np.full(len(self.time_s), np.nan))


@dataclass(frozen=True, slots=True, kw_only=True)
class TankReading:
    """What a tank held before and after a flight, as a person read it.

    Parameters
    ----------
    filled_l, left_l : float
        Litres in it at the take-off and after the landing.

    Raises
    ------
    BadInput
        When a figure is negative or not finite, or more is left than was filled in.

    Examples
    --------
    >>> TankReading(filled_l=10.0, left_l=2.5).used_l
    7.5
    """

    filled_l: float
    left_l: float

    def __post_init__(self) -> None:
        for value in (self.filled_l, self.left_l):
            if not (math.isfinite(value) and value >= 0.0):
                raise BadInput("error.tank_litres", value=value)
        if self.left_l > self.filled_l:
            raise BadInput("error.tank_left", left=self.left_l, filled=self.filled_l)

    @property
    def used_l(self) -> float:
        """What left the tank."""
        return self.filled_l - self.left_l


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FlightRecord:
    """One flight as it was.

    Parameters
    ----------
    plan_name, plan_digest : str
        The plan that was flown.
    started_utc : datetime
        Wall-clock start, UTC.
    vehicle : str
        What flew, as it told: type, firmware, system id.
    outcome : {"landed", "aborted", "lost", "stayed"}
        How it ended; "stayed" never took off.
    track : Track
        Where it was.
    photos : tuple of Photo
        Pictures taken.
    events : tuple of Event
        What happened, in order.
    """

    plan_name: str
    plan_digest: str
    started_utc: datetime
    vehicle: str
    outcome: str
    track: Track
    photos: tuple[Photo, ...]
    events: tuple[Event, ...]

    @property
    def duration_s(self) -> float:
        """Seconds from the first to the last position report, 0 without any."""
        return (
            float(self.track.time_s[-1] - self.track.time_s[0]) if len(self.track.time_s) else 0.0
        )
