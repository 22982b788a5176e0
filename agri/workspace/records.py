"""What the farm folder remembers of plans and flights, as values.

A `PlanRecord` is the row of a plan; the plan itself is the document it names. A `StoredFlight` is
the row of a flight; the track, pictures and events are in the folder it names. An `AppliedRecord`
is the row of what a spray flight applied, with what was read at its tank when somebody did; the map
of it is the file it names. Times are UTC and
kept to the millisecond, as the database keeps them.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum

from shapely.geometry import LineString, MultiLineString, MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput
from agri.names import clean, label
from agri.track import TankReading

TELEMETRY, AIRCRAFT_LOG = "telemetry", "log"
"""Where a track may be from."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SORTIE = re.compile(r" \d{1,6}/\d{1,6}$")
"""What a sortie's name adds to its job's."""


def to_millisecond(moment: datetime) -> datetime:
    """Return `moment` in UTC, cut to the millisecond.

    Raises
    ------
    BadInput
        When it does not say its time zone.

    Examples
    --------
    >>> to_millisecond(datetime(2026, 11, 22, 7, 30, 0, 123_456, tzinfo=UTC)).microsecond
    123000
    """
    if moment.tzinfo is None:
        raise BadInput("error.time_without_zone", value=moment.isoformat())
    utc = moment.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRecord:
    """One stored plan.

    Parameters
    ----------
    name : str
        The plan's name; a later plan of the same name stands in front of the earlier one, and a
        spray job planned anew in front of all its earlier sorties, however many they were.
    kind : str
        "survey", or what else made it.
    digest : str
        The flight plan's own digest: what is approved, uploaded and compared on board.
    created_utc : datetime
        When it was made, with its time zone.
    path : shapely.MultiLineString
        The way to be flown, WGS 84 (lon, lat) degrees; a LineString is taken too.
    field_uid : str
        The field it is for, "" when none.
    camera : str
        Catalogue name, "" when it takes no pictures.
    height_m : float or None
        Above ground.
    gsd_cm : float or None
        Ground sample distance, centimetres per pixel.
    time_s : float or None
        Estimated time in the air.
    photos : int or None
        Estimated number of pictures.
    uid, file : str
        The farm's stable key and the document's path in the farm folder; "" until stored.
    """

    name: str
    kind: str
    digest: str
    created_utc: datetime
    path: MultiLineString
    field_uid: str = ""
    camera: str = ""
    height_m: float | None = None
    gsd_cm: float | None = None
    time_s: float | None = None
    photos: int | None = None
    uid: str = ""
    file: str = ""

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise BadInput("error.plan_without_name")
        object.__setattr__(self, "name", label(self.name))
        object.__setattr__(self, "created_utc", to_millisecond(self.created_utc))
        if isinstance(self.path, LineString):
            object.__setattr__(self, "path", MultiLineString([self.path]))

    @property
    def job(self) -> str:
        """The name of the spray job that a sortie is of: "Đình phun" of "Đình phun 2/3"."""
        return _SORTIE.sub("", self.name) if self.kind == "spray" else self.name

    @property
    def sorties(self) -> int:
        """Of how many sorties it is one, as the name tells: 3 of "Đình phun 2/3", 1 of others."""
        return int(self.name.rpartition("/")[2]) if self.job != self.name else 1

    def same_plan(self, other: PlanRecord) -> bool:
        """Return whether `other` is this plan made again: all alike but key and time."""
        return replace(self, uid="", created_utc=_EPOCH) == replace(
            other, uid="", created_utc=_EPOCH
        )


class Outcome(StrEnum):
    """How a stored flight ended, or that it has not."""

    FLYING = "flying"
    LANDED = "landed"
    ABORTED = "aborted"
    LOST = "lost"
    STAYED = "stayed"
    UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFlight:
    """One stored flight.

    Parameters
    ----------
    uid : str
        The farm's stable key.
    mission_uid : str
        The plan that was flown, "" when it was not from this farm.
    plan_name, plan_digest : str
        Name and digest of that plan.
    vehicle : str
        What flew.
    started_utc : datetime
        When the record began.
    outcome : Outcome
        STAYED when it was launched and never took off; FLYING while another program records it;
        UNFINISHED when the recording died.
    photos : int
        Pictures taken.
    duration_s : float
        From the first to the last position report.
    folder : str
        The folder of its files, relative to the farm.
    path : shapely.MultiLineString or None
        The way flown, WGS 84 (lon, lat) degrees; None with fewer than two positions.
    source : {"telemetry", "log"}
        Where the track is from: heard on the ground, or read from the aircraft's own log.
    """

    uid: str
    mission_uid: str
    plan_name: str
    plan_digest: str
    vehicle: str
    started_utc: datetime
    outcome: Outcome
    photos: int
    duration_s: float
    folder: str
    path: MultiLineString | None = None
    source: str = TELEMETRY


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedRecord:
    """What one spray flight applied, as the farm keeps it.

    Parameters
    ----------
    flight_uid : str
        The flight.
    product : str
        What was sprayed.
    sprayed_utc : datetime
        When it ended, with its time zone.
    target_l_ha, rate_l_ha : float
        Litres per hectare asked, and given on the mean over the ground sprayed.
    litres : float
        All that was sprayed.
    sprayed_m2, missed_m2, outside_m2 : float
        Ground sprayed; ground to be sprayed that was not; ground sprayed that may not be.
    outside_l : float
        Litres that fell there.
    off_swath_l : float
        Litres that fell between swaths.
    cv_pct : float or None
        Unevenness, per cent; None where it has no meaning.
    unknown_s : float
        Time in which nothing was heard from the aircraft.
    phi_end : date
        First day on which it may be harvested.
    area : shapely.MultiPolygon
        The ground sprayed, WGS 84 (lon, lat) degrees; a Polygon is taken too.
    file : str
        The map of litres per hectare, relative to the farm; "" when there is none.
    tank : TankReading or None
        What was read at the tank; None when nobody did.
    uid : str
        The farm's stable key; "" until stored.

    Raises
    ------
    BadInput
        When it names no flight, or its time has no zone.
    """

    flight_uid: str
    product: str
    sprayed_utc: datetime
    target_l_ha: float
    rate_l_ha: float
    litres: float
    sprayed_m2: float
    missed_m2: float
    outside_m2: float
    outside_l: float
    off_swath_l: float
    cv_pct: float | None
    unknown_s: float
    phi_end: date
    area: BaseGeometry
    file: str = ""
    tank: TankReading | None = None
    uid: str = ""

    def __post_init__(self) -> None:
        if not self.flight_uid:
            raise BadInput("error.no_flight", wanted=self.flight_uid)
        if self.cv_pct is not None and not math.isfinite(self.cv_pct):
            object.__setattr__(self, "cv_pct", None)
        object.__setattr__(self, "product", clean(self.product))
        object.__setattr__(self, "sprayed_utc", to_millisecond(self.sprayed_utc))
        if isinstance(self.area, Polygon):
            parts = [] if self.area.is_empty else [self.area]
            object.__setattr__(self, "area", MultiPolygon(parts))

    @property
    def flow_share(self) -> float | None:
        """What left the tank over what the pump was told; None unread, or when it never ran."""
        if self.tank is None or not self.litres > 0.0:
            return None
        return self.tank.used_l / self.litres
