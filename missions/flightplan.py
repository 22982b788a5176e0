"""The flight plan: everything one flight is, as one value.

A `FlightPlan` holds the site it was made around, what was asked, the items, the fence and the
rally points. Formats write and read it, checks judge it, the wire carries its three item lists.
Its digest names it: two plans with the same digest are the same flight on board.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from shapely.geometry import MultiLineString

from agri.errors import BadInput
from agri.field import Field, NoFlyZone, Obstacle, Pad, SensitiveSite
from agri.geo import LonLat
from agri.words import Message
from missions.energy import Aircraft, Estimate
from missions.items import Command, Frame, MissionItem, MissionType, digest
from missions.sprayer.job import SprayJob
from missions.survey import SurveyGeometry, SurveySettings

STORED = {"items": (1, 4300), "fence_vertices": (1, 4000), "rally_points": (0, 250)}
"""Least and most that a vehicle stores: the most is well within what 64 kB hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FencePolygon:
    """A polygon the aircraft must stay in (inclusion) or out of (exclusion).

    Parameters
    ----------
    inclusion : bool
        True to stay in, False to stay out.
    vertices : tuple of LonLat
        At least three, not closed (the last is not the first again).
    """

    inclusion: bool
    vertices: tuple[LonLat, ...]

    def __post_init__(self) -> None:
        if len(self.vertices) < 3:
            raise BadInput("error.fence_vertices", count=len(self.vertices))


@dataclass(frozen=True, slots=True, kw_only=True)
class FenceCircle:
    """A circle the aircraft must stay in or out of."""

    inclusion: bool
    centre: LonLat
    radius_m: float

    def __post_init__(self) -> None:
        if not 1.0 <= self.radius_m <= 100_000.0:
            raise BadInput("error.fence_radius", value=self.radius_m)


@dataclass(frozen=True, slots=True, kw_only=True)
class RallyPoint:
    """A place to come home to, with a height above home."""

    place: LonLat
    altitude_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What a plan was made around; all that checks compare it with."""

    field: Field
    pad: Pad
    obstacles: tuple[Obstacle, ...] = ()
    sensitive_sites: tuple[SensitiveSite, ...] = ()
    no_fly_zones: tuple[NoFlyZone, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyJob:
    """What a survey plan was asked and what came of it.

    Parameters
    ----------
    settings : SurveySettings
        As asked.
    geometry : SurveyGeometry
        What follows from the settings.
    angle_deg : float
        Direction of the lines flown, degrees clockwise from true north.
    fitted_spacing_m : float
        Spacing of the lines flown, never more than geometry.line_spacing_m.
    estimate : Estimate
        Time, energy, packs and pictures of the whole flight.
    before : MultiLineString or None
        WGS 84 (lon, lat) degrees: where an earlier flight took this survey's pictures, when this is
        its rest.
    """

    settings: SurveySettings
    geometry: SurveyGeometry
    angle_deg: float
    fitted_spacing_m: float
    estimate: Estimate
    before: MultiLineString | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleLimits:
    """What a vehicle can store, by default as seen on ArduCopter 4.6 with its default storage.

    A board with an SD card stores more: BRD_SD_MISSION and BRD_SD_FENCE set aside so many kB of it,
    64 at most; an item takes 15 bytes, a fence corner 8 and a little besides.

    Parameters
    ----------
    items : int
        Mission items.
    fence_vertices : int
        Vertices over all fence polygons.
    rally_points : int
        Rally points.

    Raises
    ------
    BadInput
        When no vehicle stores so few or so many.

    Examples
    --------
    >>> VehicleLimits(fence_vertices=500).items
    650
    """

    items: int = 650
    fence_vertices: int = 60
    rally_points: int = 46

    def __post_init__(self) -> None:
        for name, (low, high) in STORED.items():
            value = getattr(self, name)
            if not low <= value <= high:
                what = Message.of(f"page.stored_{name}")
                raise BadInput("error.vehicle_limits", value=value, what=what, low=low, high=high)


DEFAULT_LIMITS = VehicleLimits()
"""A board without BRD_SD_MISSION and BRD_SD_FENCE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightPlan:
    """One flight: items, fence, rally points, and what they were made for.

    Parameters
    ----------
    name : str
        The plan's name.
    home : LonLat
        Planned take-off place.
    home_altitude_m : float
        Its height above sea, 0 when not known (only for display; items are relative to home).
    items : tuple of MissionItem
        Without ArduPilot's item 0: the first one is item 1 on board.
    fence_polygons, fence_circles, rally_points : tuple
        The generated or read safety geometry.
    ceiling_m : float
        Permitted height above ground (50 m by the province's permit unless another is entered).
    site : Site or None
        None when read from a file that does not tell.
    aircraft : Aircraft or None
        None when not told.
    survey : SurveyJob or None
        None when it is not a survey made by agri.
    spray : SprayJob or None
        None when it is not a spraying made by agri.
    limits : VehicleLimits
        What the vehicle it was made for stores: what it is checked by, now and later.
    """

    name: str
    home: LonLat
    home_altitude_m: float = 0.0
    items: tuple[MissionItem, ...]
    fence_polygons: tuple[FencePolygon, ...] = ()
    fence_circles: tuple[FenceCircle, ...] = ()
    rally_points: tuple[RallyPoint, ...] = ()
    ceiling_m: float = 50.0
    site: Site | None = None
    aircraft: Aircraft | None = None
    survey: SurveyJob | None = None
    spray: SprayJob | None = None
    limits: VehicleLimits = DEFAULT_LIMITS

    def wire_items(self, mission_type: MissionType) -> tuple[MissionItem, ...]:
        """Return the items of one of the vehicle's three plans, in wire order, home left out."""
        if mission_type is MissionType.MISSION:
            return self.items
        if mission_type is MissionType.FENCE:
            return fence_items(self.fence_polygons, self.fence_circles)
        return rally_items(self.rally_points)

    @property
    def digest(self) -> str:
        """SHA-256 over the digests of mission, fence and rally, as 64 hex digits."""
        sha = hashlib.sha256()
        for mission_type in MissionType:
            sha.update(digest(self.wire_items(mission_type)).encode("ascii"))
        return sha.hexdigest()


def fence_items(
    polygons: tuple[FencePolygon, ...], circles: tuple[FenceCircle, ...]
) -> tuple[MissionItem, ...]:
    """Return fence polygons and circles as MAV_CMD 5001 to 5004 items, polygons first."""
    items: list[MissionItem] = []
    for polygon in polygons:
        command = (
            Command.FENCE_INCLUSION_POLYGON
            if polygon.inclusion
            else Command.FENCE_EXCLUSION_POLYGON
        )
        items.extend(
            MissionItem(
                command=command,
                frame=Frame.GLOBAL,
                param1=float(len(polygon.vertices)),
                x=vertex.lat_e7,
                y=vertex.lon_e7,
            )
            for vertex in polygon.vertices
        )
    for circle in circles:
        command = (
            Command.FENCE_INCLUSION_CIRCLE if circle.inclusion else Command.FENCE_EXCLUSION_CIRCLE
        )
        items.append(
            MissionItem(
                command=command,
                frame=Frame.GLOBAL,
                param1=circle.radius_m,
                x=circle.centre.lat_e7,
                y=circle.centre.lon_e7,
            )
        )
    return tuple(items)


def rally_items(points: tuple[RallyPoint, ...]) -> tuple[MissionItem, ...]:
    """Return rally points as MAV_CMD 5100 items."""
    return tuple(
        MissionItem(
            command=Command.RALLY_POINT,
            frame=Frame.RELATIVE,
            x=point.place.lat_e7,
            y=point.place.lon_e7,
            z=point.altitude_m,
        )
        for point in points
    )


def fence_from_items(
    items: tuple[MissionItem, ...],
) -> tuple[tuple[FencePolygon, ...], tuple[FenceCircle, ...]]:
    """Return the polygons and circles that MAV_CMD 5001 to 5004 items spell; other items are
    passed over.

    Raises
    ------
    BadInput
        When a polygon has fewer vertices than it says.
    """
    polygons: list[FencePolygon] = []
    circles: list[FenceCircle] = []
    index = 0
    while index < len(items):
        item = items[index]
        if item.command in (Command.FENCE_INCLUSION_POLYGON, Command.FENCE_EXCLUSION_POLYGON):
            count = int(item.param1)
            run = items[index : index + count]
            if count < 3 or len(run) < count or any(i.command != item.command for i in run):
                raise BadInput("error.fence_vertices", count=len(run))
            polygons.append(
                FencePolygon(
                    inclusion=item.command == Command.FENCE_INCLUSION_POLYGON,
                    vertices=tuple(i.place for i in run),
                )
            )
            index += count
            continue
        if item.command in (Command.FENCE_INCLUSION_CIRCLE, Command.FENCE_EXCLUSION_CIRCLE):
            circles.append(
                FenceCircle(
                    inclusion=item.command == Command.FENCE_INCLUSION_CIRCLE,
                    centre=item.place,
                    radius_m=item.param1,
                )
            )
        index += 1
    return tuple(polygons), tuple(circles)


def rally_from_items(items: tuple[MissionItem, ...]) -> tuple[RallyPoint, ...]:
    """Return the rally points that MAV_CMD 5100 items spell; other items are passed over."""
    return tuple(
        RallyPoint(place=i.place, altitude_m=i.z) for i in items if i.command == Command.RALLY_POINT
    )


def job_of(plan: FlightPlan) -> SprayJob:
    """Return what a spray plan was asked.

    Raises
    ------
    BadInput
        When the plan sprays nothing.
    """
    if plan.spray is None:
        raise BadInput("error.not_a_spray_plan", plan=plan.name)
    return plan.spray
