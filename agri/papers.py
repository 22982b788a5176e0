"""The farm's papers: permits, licences, registrations and looks at the official map, as values.

Theory of operation. A person types in what stands on the paper; agri never guesses it. Each value
is checked when built. `agri.paper_checks` then judges by them, and by `agri.rules`, whether a
flight may go.

Decisions. Days and times of day are Vietnam's, as on the paper, the last day included. A permit's
place is an area; a circle is kept as the polygon of 72 corners **inside** it (it loses 0.13 % of
its area and never grows). An aircraft on a permit may be told by its name in the farm, its
registration or its serial number: `Registration.is_called` knows all three. What its autopilot
tells of itself is kept with the registration, so that another aircraft is not taken for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any

from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput
from agri.geo import LocalFrame, LonLat
from agri.names import label, same
from agri.rules import DEFAULT_CEILING_M, Authority, LicenceClass
from agri.units import INDOCHINA_TIME

CIRCLE_CORNERS = 72
LARGEST_RADIUS_M = 50_000.0
HIGHEST_M = 5_000.0
HEAVIEST_KG = 1_000.0
HIGHEST_SYSTEM = 255
END_OF_DAY = time(23, 59)
"""Stands for midnight at the day's end."""


class Shown(StrEnum):
    """What the official map shows for a place."""

    CLEAR = "clear"
    RESTRICTED = "restricted"
    FORBIDDEN = "forbidden"


def circle(centre: LonLat, radius_m: float) -> Polygon:
    """Return a circle's inner polygon, WGS 84 (lon, lat) degrees.

    Parameters
    ----------
    centre : LonLat
        Its middle.
    radius_m : float
        On the ground, up to 50 km.

    Raises
    ------
    BadInput
        When the radius is none.

    Examples
    --------
    >>> from agri.field import Field
    >>> round(Field(name="x", boundary=circle(LonLat(lon_deg=106.5, lat_deg=21.0), 100)).area_m2)
    31376
    """
    if not 0.0 < radius_m <= LARGEST_RADIUS_M:
        raise BadInput("error.permit_radius", value=radius_m)
    frame = LocalFrame(centre)
    turns = [2.0 * math.pi * corner / CIRCLE_CORNERS for corner in range(CIRCLE_CORNERS)]
    ring = Polygon([(radius_m * math.cos(turn), radius_m * math.sin(turn)) for turn in turns])
    return frame.geometry_to_lonlat(ring)


def _tidy(value: Any, *needed: str) -> None:
    """Clean the texts of a value; refuse it without those that must be told."""
    for one in fields(value):
        told = getattr(value, one.name)
        if type(told) is str:
            object.__setattr__(value, one.name, label(told))
    for name in needed:
        if not getattr(value, name):
            raise BadInput(f"error.paper_without_{name}")


def _area(value: Any) -> None:
    """Keep the area of a value as a MultiPolygon; refuse it without one."""
    if isinstance(value.area, Polygon):
        object.__setattr__(value, "area", MultiPolygon([value.area]))
    area = value.area
    if not isinstance(area, MultiPolygon) or area.is_empty:
        raise BadInput("error.geometry_no_area", name=value.title)
    if not area.is_valid:
        raise BadInput("error.geometry_invalid", name=value.title)
    west, south, east, north = area.bounds
    if not (-180.0 <= west <= east <= 180.0 and -80.0 <= south <= north <= 84.0):
        raise BadInput("error.geometry_off_earth", name=value.title)


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """A permit to fly.

    Parameters
    ----------
    number : str
        As on the paper.
    authority : Authority
        Who gave it.
    holder : str
        To whom.
    aircraft : str
        For which aircraft: name, registration or serial number; several with commas between; ""
        when the paper names none.
    area : shapely.MultiPolygon
        Where, WGS 84 (lon, lat) degrees; a Polygon is taken too (`circle` makes one).
    first_day, last_day : date
        From and to, both included, Vietnam's days.
    from_time, to_time : time
        Between which times of each day; to 23:59 is to midnight.
    ceiling_m : float
        Above the ground.
    purpose : str
        What for, as on the paper.
    uid : str
        The farm's stable key, "" until stored.

    Raises
    ------
    BadInput
        When number or holder are empty, the days or times run backwards, the ceiling is none, or
        the area cannot be one.
    """

    number: str
    authority: Authority
    holder: str
    aircraft: str = ""
    area: BaseGeometry
    first_day: date
    last_day: date
    from_time: time = time(0, 0)
    to_time: time = END_OF_DAY
    ceiling_m: float = DEFAULT_CEILING_M
    purpose: str = ""
    uid: str = ""

    def __post_init__(self) -> None:
        _tidy(self, "number", "holder")
        _area(self)
        if self.last_day < self.first_day:
            raise BadInput("error.permit_days", first=self.first_day, last=self.last_day)
        if self.to_time <= self.from_time:
            raise BadInput(
                "error.permit_hours", first=f"{self.from_time:%H:%M}", last=f"{self.to_time:%H:%M}"
            )
        if not 0.0 < self.ceiling_m <= HIGHEST_M:
            raise BadInput("error.permit_ceiling", value=self.ceiling_m)

    @property
    def title(self) -> str:
        """How it is named to people: its number."""
        return self.number

    @property
    def aircraft_named(self) -> tuple[str, ...]:
        """The aircraft the paper names, one by one."""
        names = (name.strip() for name in self.aircraft.replace(";", ",").split(","))
        return tuple(name for name in names if name)

    def in_days(self, moment: datetime) -> bool:
        """Return whether its days hold a moment (which tells its time zone)."""
        return self.first_day <= moment.astimezone(INDOCHINA_TIME).date() <= self.last_day

    def in_hours(self, moment: datetime) -> bool:
        """Return whether its times of day hold a moment."""
        clock = moment.astimezone(INDOCHINA_TIME).time()
        return self.from_time <= clock and (self.to_time >= END_OF_DAY or clock <= self.to_time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """A pilot's licence.

    Parameters
    ----------
    holder : str
        The pilot.
    number : str
        As on the paper.
    licence_class : LicenceClass
        Visual or instrument flight.
    last_day : date
        The last day it holds, Vietnam's.
    uid : str
        The farm's stable key, "" until stored.

    Raises
    ------
    BadInput
        When holder or number are empty.
    """

    holder: str
    number: str
    licence_class: LicenceClass
    last_day: date
    uid: str = ""

    def __post_init__(self) -> None:
        _tidy(self, "holder", "number")

    @property
    def title(self) -> str:
        """How it is named to people: whose it is."""
        return self.holder


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """An aircraft's registration.

    Parameters
    ----------
    aircraft : str
        What the farm calls it.
    number : str
        The registration's number, as on the paper.
    serial : str
        The maker's serial number, "" when not told.
    takeoff_kg : float
        Largest take-off mass it is registered with.
    last_day : date or None
        The last day it holds; None when the paper tells no end.
    system : int
        The number its autopilot has on the link (MAVLink system id), 1 to 255; 0 until it was seen.
    board : str
        Serial number of its autopilot, hexadecimal; "" until it was seen, or when it tells none.
    uid : str
        The farm's stable key, "" until stored.

    Raises
    ------
    BadInput
        When aircraft or number are empty, the mass is none, or the number on the link cannot be.
    """

    aircraft: str
    number: str
    serial: str = ""
    takeoff_kg: float
    last_day: date | None = None
    system: int = 0
    board: str = ""
    uid: str = ""

    def __post_init__(self) -> None:
        _tidy(self, "aircraft", "number")
        if not 0.0 < self.takeoff_kg <= HEAVIEST_KG:
            raise BadInput("error.registration_mass", value=self.takeoff_kg)
        if not 0 <= self.system <= HIGHEST_SYSTEM:
            raise BadInput("error.registration_system", value=self.system)

    @property
    def title(self) -> str:
        """How it is named to people: the aircraft."""
        return self.aircraft

    def is_called(self, name: str) -> bool:
        """Return whether a name, registration or serial number means this aircraft.

        Examples
        --------
        >>> one = Registration(aircraft="Máy 1", number="QN-12", serial="A7", takeoff_kg=40.0)
        >>> one.is_called("máy 1"), one.is_called("a7"), one.is_called("")
        (True, True, False)
        """
        names = {same(self.aircraft), same(self.number), same(self.serial)} - {""}
        return same(name) in names


@dataclass(frozen=True, slots=True, kw_only=True)
class MapCheck:
    """A look at the official map of no-fly and restricted areas.

    Parameters
    ----------
    by : str
        Who looked.
    place : str
        What the place is called.
    area : shapely.MultiPolygon
        For where, WGS 84 (lon, lat) degrees; a Polygon is taken too.
    looked_utc : datetime
        When, with its time zone; kept to the millisecond.
    shown : Shown
        What the map showed.
    uid : str
        The farm's stable key, "" until stored.

    Raises
    ------
    BadInput
        When it is not told who looked or for which place, or the time has no zone.
    """

    by: str
    place: str
    area: BaseGeometry
    looked_utc: datetime
    shown: Shown = Shown.CLEAR
    uid: str = ""

    def __post_init__(self) -> None:
        _tidy(self, "by", "place")
        _area(self)
        if self.looked_utc.tzinfo is None:
            raise BadInput("error.time_without_zone", value=self.looked_utc.isoformat())
        utc = self.looked_utc.astimezone(UTC)
        utc = utc.replace(microsecond=utc.microsecond // 1000 * 1000)
        object.__setattr__(self, "looked_utc", utc)

    @property
    def title(self) -> str:
        """How it is named to people: the place."""
        return self.place


@dataclass(frozen=True, slots=True, kw_only=True)
class Papers:
    """All the papers of a farm."""

    permits: tuple[Permit, ...] = ()
    licences: tuple[Licence, ...] = ()
    registrations: tuple[Registration, ...] = ()
    map_checks: tuple[MapCheck, ...] = ()
