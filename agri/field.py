"""The farm as values: fields, what stands and lives around them, and where aircraft may stand.

All geometry is shapely in WGS 84 longitude and latitude (x = degrees east, y = degrees north);
planners turn it into local metres through `agri.geo.LocalFrame`. Every value is checked when
built: a field without area, off the earth or with a self-crossing border cannot exist. What
*can* be repaired is repaired before, where boundaries are read (`agri.boundaries`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput
from agri.geo import LocalFrame, LonLat

MAX_FIELD_M2 = 10_000_000.0
"""A single field over 1,000 ha is taken for a mistake of units or coordinates."""


class ObstacleKind(StrEnum):
    """What an obstacle is."""

    TREE = "tree"
    POLE = "pole"
    POWER_LINE = "power_line"
    HOUSE = "house"
    ROAD = "road"
    OTHER = "other"


class SensitiveKind(StrEnum):
    """What lives at a sensitive site."""

    WATER = "water"
    HOUSE = "house"
    BEES = "bees"
    ORGANIC = "organic"
    RUOI = "ruoi"


CLEARANCE_M = {
    ObstacleKind.TREE: 3.0,
    ObstacleKind.POLE: 5.0,
    ObstacleKind.POWER_LINE: 10.0,
    ObstacleKind.HOUSE: 10.0,
    ObstacleKind.ROAD: 5.0,
    ObstacleKind.OTHER: 5.0,
}
"""Horizontal clearance taken when none is given: 10 m from low-voltage lines is the minimum agri
accepts; the others are assumptions, to be raised where the place asks for it."""

NO_OVERFLIGHT = frozenset({ObstacleKind.HOUSE, ObstacleKind.ROAD, ObstacleKind.POWER_LINE})
"""Kinds no leg may cross, however high, unless the crossing is approved."""


def _check_on_earth(name: str, geometry: BaseGeometry) -> None:
    if geometry.is_empty:
        raise BadInput("error.geometry_empty", name=name)
    if not geometry.is_valid:
        raise BadInput("error.geometry_invalid", name=name)
    west, south, east, north = geometry.bounds
    if not (-180.0 <= west <= east <= 180.0 and -80.0 <= south <= north <= 84.0):
        raise BadInput("error.geometry_off_earth", name=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field: a named area with holes, in one or more parts.

    Parameters
    ----------
    name : str
        The farmer's name for it; not empty.
    boundary : shapely.MultiPolygon
        Border and holes, WGS 84 (lon, lat) degrees, valid, 1 m² to 1,000 ha.
    crop : str
        What grows, "" when not told.
    uid : str
        The farm's stable key, "" until the field is stored.

    Raises
    ------
    BadInput
        When the name is empty or the boundary cannot be a field.
    """

    name: str
    boundary: MultiPolygon
    crop: str = ""
    uid: str = ""

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise BadInput("error.field_without_name")
        if isinstance(self.boundary, Polygon):
            object.__setattr__(self, "boundary", MultiPolygon([self.boundary]))
        _check_on_earth(self.name, self.boundary)
        if not 1.0 <= self.area_m2 <= MAX_FIELD_M2:
            raise BadInput("error.field_area", name=self.name, area_m2=self.area_m2)

    @property
    def frame(self) -> LocalFrame:
        """The field's own local frame, at the centre of its bounds."""
        return LocalFrame.around(self.boundary)

    @property
    def area_m2(self) -> float:
        """Area on the ground without the holes, true to 0.1 %."""
        return float(self.frame.geometry_to_local(self.boundary).area)


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """Something an aircraft must keep away from.

    Parameters
    ----------
    name : str
        Name or note, may be empty.
    kind : ObstacleKind
        What it is.
    geometry : shapely geometry
        Point, line or area, WGS 84 (lon, lat) degrees.
    height_m : float
        Height above the ground.
    clearance_m : float
        Horizontal distance to keep; by default `CLEARANCE_M` of its kind.
    overflight_approved : bool
        Whether legs may cross above it (only with vertical clearance).
    uid : str
        The farm's stable key, "" until stored.
    """

    name: str = ""
    kind: ObstacleKind
    geometry: BaseGeometry
    height_m: float
    clearance_m: float = -1.0
    overflight_approved: bool = False
    uid: str = ""

    def __post_init__(self) -> None:
        _check_on_earth(self.name or self.kind, self.geometry)
        if not 0.0 <= self.height_m <= 500.0:
            raise BadInput(
                "error.obstacle_height", name=self.name or self.kind, value=self.height_m
            )
        if self.clearance_m < 0.0:
            object.__setattr__(self, "clearance_m", CLEARANCE_M[self.kind])
        if self.kind is ObstacleKind.POWER_LINE and self.clearance_m < 10.0:
            raise BadInput("error.power_line_clearance", name=self.name, value=self.clearance_m)


@dataclass(frozen=True, slots=True, kw_only=True)
class SensitiveSite:
    """A place that spray must not reach: water, house, bees, organic neighbour, rươi paddy."""

    name: str = ""
    kind: SensitiveKind
    geometry: BaseGeometry
    uid: str = ""

    def __post_init__(self) -> None:
        _check_on_earth(self.name or self.kind, self.geometry)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pad:
    """A place to take off and land, clear of people."""

    name: str
    place: LonLat
    uid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoFlyZone:
    """An area no leg may enter, whatever the height."""

    name: str
    area: MultiPolygon
    uid: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.area, Polygon):
            object.__setattr__(self, "area", MultiPolygon([self.area]))
        _check_on_earth(self.name, self.area)


@dataclass(frozen=True, slots=True, kw_only=True)
class Farm:
    """A farm: its fields and all that planning around them must know."""

    name: str
    fields: tuple[Field, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    sensitive_sites: tuple[SensitiveSite, ...] = ()
    pads: tuple[Pad, ...] = ()
    no_fly_zones: tuple[NoFlyZone, ...] = ()
