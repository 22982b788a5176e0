"""A survey plan laid by hand, with known figures, and how to change one thing of it.

The field is 200 m east-west by 120 m north-south around ``CENTRE``; lines run east-west at the
asked spacing; the pad lies 20 m south of the field. Nothing here uses the planner.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shapely.geometry import LineString, MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from agri.field import (
    Field,
    NoFlyZone,
    Obstacle,
    ObstacleKind,
    Pad,
    SensitiveKind,
    SensitiveSite,
)
from agri.findings import Finding, Severity
from agri.geo import LocalFrame, LonLat
from missions.checks.plan import check_plan
from missions.energy import Aircraft, Estimate
from missions.flightplan import FencePolygon, FlightPlan, RallyPoint, Site, SurveyJob
from missions.items import Command, Frame, MissionItem, item_at
from missions.survey import Camera, SurveySettings, survey_geometry

CENTRE = LonLat(lon_deg=106.51, lat_deg=21.08)
FRAME = LocalFrame(CENTRE)
HEIGHT_M = 40.0
SPEED_M_S = 6.0
PAD_AT = (0.0, -80.0)

CAMERA = Camera(
    name="Test camera",
    sensor_width_mm=13.2,
    sensor_height_mm=8.8,
    focal_length_mm=8.8,
    image_width_px=5472,
    image_height_px=3648,
    min_interval_s=1.0,
    exposure_s=0.001,
)
"""Footprint 60 m across and 40 m along at 40 m; ground sample 1.1 cm."""

AIRCRAFT = Aircraft(name="Test quad", mass_kg=3.0, battery_wh=120.0, hover_power_w=400.0)
SETTINGS = SurveySettings(
    camera=CAMERA,
    height_m=HEIGHT_M,
    front_overlap=0.75,
    side_overlap=0.60,
    speed_m_s=SPEED_M_S,
    angle_deg=90.0,
)
"""Lines 24 m and pictures 10 m apart."""


def local(east_m: float, north_m: float) -> LonLat:
    return FRAME.place(east_m, north_m)


def lonlat(geometry: BaseGeometry) -> Any:
    return FRAME.geometry_to_lonlat(geometry)


def box(west: float, south: float, east: float, north: float) -> Polygon:
    return Polygon([(west, south), (east, south), (east, north), (west, north)])


FIELD = Field(name="Ruộng thử", boundary=MultiPolygon([lonlat(box(-100, -60, 100, 60))]))
TREE = Obstacle(
    name="Cây vải",
    kind=ObstacleKind.TREE,
    geometry=lonlat(Point(30, 12)),
    height_m=8.0,
)
HOUSE = Obstacle(
    name="Nhà ông Ba",
    kind=ObstacleKind.HOUSE,
    geometry=lonlat(box(150, -20, 160, 20)),
    height_m=6.0,
)
LINE = Obstacle(
    name="Điện",
    kind=ObstacleKind.POWER_LINE,
    geometry=lonlat(LineString([(-140, -100), (-140, 100)])),
    height_m=9.0,
)
POND = SensitiveSite(name="Ao cá", kind=SensitiveKind.WATER, geometry=lonlat(box(30, -85, 50, -72)))
ZONE = NoFlyZone(name="Trường học", area=lonlat(box(-50, 90, 50, 120)))
SITE = Site(
    field=FIELD,
    pad=Pad(name="Bãi 1", place=local(*PAD_AT)),
    obstacles=(TREE, HOUSE, LINE),
    sensitive_sites=(POND,),
    no_fly_zones=(ZONE,),
)
FENCE = FencePolygon(
    inclusion=True,
    vertices=(local(-115, -95), local(115, -95), local(115, 75), local(-115, 75)),
)
LINES_NORTH_M = (-48.0, -24.0, 0.0, 24.0, 48.0)


def waypoint(east_m: float, north_m: float, height_m: float = HEIGHT_M) -> MissionItem:
    return item_at(Command.NAV_WAYPOINT, local(east_m, north_m), height_m)


def trigger(distance_m: float) -> MissionItem:
    return MissionItem(
        command=Command.DO_SET_CAM_TRIGG_DIST, param1=distance_m, param3=float(distance_m > 0.0)
    )


def speed(speed_m_s: float) -> MissionItem:
    return MissionItem(command=Command.DO_CHANGE_SPEED, param1=1.0, param2=speed_m_s, param3=-1.0)


def survey_items(norths: tuple[float, ...] = LINES_NORTH_M) -> tuple[MissionItem, ...]:
    items = [item_at(Command.NAV_TAKEOFF, SITE.pad.place, HEIGHT_M), speed(SPEED_M_S)]
    for number, north in enumerate(norths):
        ends = (-100.0, 100.0) if number % 2 == 0 else (100.0, -100.0)
        items += [waypoint(ends[0], north), trigger(10.0), waypoint(ends[1], north), trigger(0.0)]
    items += [waypoint(*PAD_AT), MissionItem(command=Command.NAV_RETURN_TO_LAUNCH)]
    return tuple(items)


def job(**changes: Any) -> SurveyJob:
    values: dict[str, Any] = {
        "settings": SETTINGS,
        "geometry": survey_geometry(SETTINGS),
        "angle_deg": 90.0,
        "fitted_spacing_m": 24.0,
        "estimate": Estimate(
            length_m=1400.0, time_s=330.0, energy_wh=50.0, batteries=1, photos=105
        ),
    }
    return SurveyJob(**(values | changes))


PLAN = FlightPlan(
    name="Bay thử",
    home=SITE.pad.place,
    home_altitude_m=12.3,
    items=survey_items(),
    fence_polygons=(FENCE,),
    rally_points=(RallyPoint(place=SITE.pad.place, altitude_m=HEIGHT_M),),
    ceiling_m=50.0,
    site=SITE,
    aircraft=AIRCRAFT,
    survey=job(),
)
"""Items 1 TAKEOFF, 2 speed, then 3 to 22 five lines of four items, 23 over the pad, 24 RTL."""


def with_item(number: int, item: MissionItem) -> FlightPlan:
    """The plan with item `number` (as on board) replaced."""
    items = list(PLAN.items)
    items[number - 1] = item
    return replace(PLAN, items=tuple(items))


def changed(number: int, **values: Any) -> FlightPlan:
    """The plan with values of item `number` (as on board) changed."""
    return with_item(number, replace(PLAN.items[number - 1], **values))


def inserted(number: int, *items: MissionItem) -> FlightPlan:
    """The plan with `items` put in so that the first becomes item `number`."""
    return replace(PLAN, items=(*PLAN.items[: number - 1], *items, *PLAN.items[number - 1 :]))


def without(number: int) -> FlightPlan:
    """The plan without item `number`."""
    return replace(PLAN, items=PLAN.items[: number - 1] + PLAN.items[number:])


def site_with(*obstacles: Obstacle, **values: Any) -> FlightPlan:
    """The plan with other obstacles, zones or places around it."""
    return replace(PLAN, site=replace(SITE, obstacles=obstacles, **values))


def told(plan: FlightPlan, least: Severity = Severity.WARNING) -> list[tuple[str, Severity]]:
    """Key and severity of what is found, INFO left out."""
    return [(f.key, f.severity) for f in check_plan(plan) if f.severity >= least]


def the(plan: FlightPlan, key: str) -> Finding:
    """The one finding with `key`."""
    (found,) = (f for f in check_plan(plan) if f.key == f"finding.{key}")
    return found


SEA, TERRAIN = Frame.GLOBAL, Frame.TERRAIN
