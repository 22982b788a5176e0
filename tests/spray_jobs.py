"""Random spray jobs: fields of every kind with what stands and lives around them, and wishes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import shapely
from hypothesis import strategies as st
from shapely import affinity
from shapely.geometry import LineString, MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from agri.field import ObstacleKind, SensitiveKind, SensitiveSite
from agri.findings import Finding
from agri.weather import Wind
from missions.catalogue import sprayer
from missions.checks.plan import check_plan
from missions.drift.buffers import buffers
from missions.flightplan import FlightPlan, Site
from missions.passes.energy import estimate_spray
from missions.passes.route import SprayRoute
from missions.sortie import split_sorties
from missions.spray.mission import flown_settings, fly_route
from missions.spray.planning import plan_route
from missions.sprayer.dose import dose_for
from missions.sprayer.job import EdgeClearance, Product, SpraySettings
from tests.sites import DONG_TRIEU, TROMSO, Draft
from tests.strategies import fields

SPRAYERS = tuple(sprayer(name) for name in ("16 L", "10 L", "servo"))
MAX_SPAN_M = 900.0
WATER = Product(name="nước", dose_per_ha=0.0)
AREAS = {
    ObstacleKind.HOUSE: (8.0, 6.0),
    ObstacleKind.OTHER: (3.0, 3.0),
    SensitiveKind.WATER: (30.0, 20.0),
    SensitiveKind.HOUSE: (10.0, 8.0),
    SensitiveKind.BEES: (2.0, 2.0),
    SensitiveKind.ORGANIC: (40.0, 30.0),
    SensitiveKind.RUOI: (40.0, 30.0),
}
"""Half sizes of what has an area."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A site as it was drawn, still in metres, and what is asked."""

    field: MultiPolygon
    pad: tuple[float, float]
    things: tuple[tuple[ObstacleKind, BaseGeometry, float], ...]
    sensitive: tuple[tuple[SensitiveKind, BaseGeometry], ...]
    zones: tuple[Polygon, ...]
    crop: str
    asked: SpraySettings

    def site(self, draft: Draft) -> Site:
        obstacles = tuple(draft.obstacle(*thing) for thing in self.things)
        living = tuple(
            SensitiveSite(name=kind.value, kind=kind, geometry=draft(shape))
            for kind, shape in self.sensitive
        )
        return draft.site(self.field, self.pad, obstacles, self.zones, living, self.crop)

    def told(self) -> str:
        """Everything needed to draw it again, one line each."""
        lines = [f"field {self.field.wkt}", f"pad {self.pad}", f"crop {self.crop}"]
        lines += [f"{kind} {height_m} {shape.wkt}" for kind, shape, height_m in self.things]
        lines += [f"{kind} {shape.wkt}" for kind, shape in self.sensitive]
        lines += [f"zone {zone.wkt}" for zone in self.zones]
        values = {name: getattr(self.asked, name) for name in WISHES}
        return "\n".join([*lines, f"{self.asked.sprayer.name} {values}"])


WISHES = ("rate_l_ha", "height_m", "speed_m_s", "swath_m", "crop_height_m", "wind", "angle_deg",
          "edge_pass", "crosshatch", "clearance_m", "edges")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A planned job: all its sorties, and everything that was told about it."""

    site: Site
    asked: SpraySettings
    route: SprayRoute
    plans: tuple[FlightPlan, ...]
    found: tuple[Finding, ...]

    @property
    def flown(self) -> SpraySettings:
        return flown_settings(self.route, self.asked)


def zones(site: Site, asked: SpraySettings) -> list[BaseGeometry]:
    return [zone.area for zone in buffers(site, asked, site.field.frame)]


def plan_job(site: Site, asked: SpraySettings, extra_m: float = 0.0) -> Job:
    """Plan a job from what is asked to checked sorties, as `agri spray` does."""
    dose_for(asked)
    kept = [zone.buffer(extra_m) if extra_m else zone for zone in zones(site, asked)]
    route = plan_route(site, asked, buffers=kept)
    flown = flown_settings(route, asked)
    parts = split_sorties(route, flown)
    plans = tuple(
        fly_route(
            site, flown, part, name="Bất kỳ", estimate=estimate_spray(part, flown),
            sortie=number, sorties=len(parts),
        )
        for number, part in enumerate(parts, start=1)
    )  # fmt: skip
    found = tuple(finding for plan in plans for finding in check_plan(plan))
    return Job(site=site, asked=asked, route=route, plans=plans, found=(*route.findings, *found))


def within_sight(field: Polygon | MultiPolygon) -> MultiPolygon:
    """The field, made smaller where its far end would be out of sight by far."""
    west, south, east, north = field.bounds
    share = min(1.0, MAX_SPAN_M / math.hypot(east - west, north - south))
    smaller = affinity.scale(field, share, share, origin=(0.0, 0.0))
    return MultiPolygon(list(getattr(smaller, "geoms", [smaller])))


def _rectangle(draw: st.DrawFn, half: tuple[float, float], at: Point) -> Polygon:
    wide, deep = half
    block = shapely.box(at.x - wide, at.y - deep, at.x + wide, at.y + deep)
    return affinity.rotate(block, draw(st.floats(0.0, 90.0)))


def _beside(draw: st.DrawFn, field: MultiPolygon, near_m: float, far_m: float) -> Point:
    """A place at a distance from some place of the border, away from the middle (less than 0: in
    the field)."""
    border = field.boundary.interpolate(draw(st.floats(0.0, 1.0)), normalized=True)
    away_m = draw(st.floats(near_m, far_m))
    length_m = math.hypot(border.x, border.y) or 1.0
    return Point(border.x * (1.0 + away_m / length_m), border.y * (1.0 + away_m / length_m))


def _thing(
    draw: st.DrawFn, field: MultiPolygon, pad: Point
) -> tuple[ObstacleKind, BaseGeometry, float]:
    kind = draw(st.sampled_from([*ObstacleKind, ObstacleKind.TREE, ObstacleKind.POLE]))
    height_m = draw(st.floats(1.0, 35.0))
    people = kind in (ObstacleKind.HOUSE, ObstacleKind.ROAD)
    at = _beside(draw, field, *((12.0, 60.0) if people else (-20.0, 20.0)))
    if at.distance(pad) < 25.0 and draw(st.sampled_from([True, True, True, False])):
        at = Point(-at.x, -at.y)
    if kind in (ObstacleKind.ROAD, ObstacleKind.POWER_LINE):
        square = math.atan2(at.y, at.x) + math.pi / 2.0 + draw(st.floats(-0.6, 0.6))
        step = (150.0 * math.cos(square), 150.0 * math.sin(square))
        ends = [(at.x - step[0], at.y - step[1]), (at.x + step[0], at.y + step[1])]
        return kind, LineString(ends), height_m
    if kind in AREAS:
        return kind, _rectangle(draw, AREAS[kind], at), height_m
    return kind, at, height_m


@st.composite
def winds(draw: st.DrawFn) -> Wind:
    from_deg = draw(st.sampled_from([None, 0.0]) | st.floats(0.0, 359.0))
    return Wind(speed_m_s=draw(st.floats(0.5, 3.5)), from_deg=from_deg)


@st.composite
def wishes(draw: st.DrawFn, edges: int) -> SpraySettings:
    """Draw what a farmer may ask; mostly what the pump can give."""
    carrier = draw(st.sampled_from([SPRAYERS[0], *SPRAYERS]))
    tank_l = draw(st.sampled_from([carrier.tank_l, carrier.tank_l, 5.0, 2.0]))
    speed = draw(st.floats(1.5, carrier.max_speed_m_s))
    swath = draw(st.floats(3.0, 6.0))
    crossed = draw(st.sampled_from([False] * 7 + [True]))
    least, most = carrier.min_flow_l_min * 1.05, carrier.max_flow_l_min
    per = 0.006 * swath * speed / (2.0 if crossed else 1.0)
    low, high = max(15.0, least / per), min(150.0, most / per)
    whatever = low >= high or draw(st.sampled_from([False] * 19 + [True]))
    rate = draw(st.floats(15.0, 150.0) if whatever else st.floats(low, high))
    marked = draw(st.sampled_from([0.0, 0.0, 0.0, 0.0, 2.0, 5.0]))
    return SpraySettings(
        sprayer=replace(carrier, tank_l=tank_l, dead_l=min(carrier.dead_l, 0.1 * tank_l)),
        product=WATER,
        rate_l_ha=rate,
        height_m=draw(st.sampled_from([2.0, 2.5, 3.0])),
        speed_m_s=speed,
        swath_m=swath,
        crop_height_m=draw(st.sampled_from([0.0, 0.0, 1.2])),
        wind=draw(winds()),
        angle_deg=draw(st.none() | st.floats(0.0, 179.9)),
        edge_pass=draw(st.sampled_from([True, True, True, False])),
        crosshatch=crossed,
        clearance_m=draw(st.sampled_from([0.0] * 7 + [1.0])),
        edges=(EdgeClearance(edge=draw(st.integers(1, edges)), clearance_m=marked),)
        if marked
        else (),
    )


@st.composite
def cases(draw: st.DrawFn, max_ha: float, bare: bool = False) -> Case:
    """Draw a field, a pad near its border, what stands and lives around, and what is asked."""
    field = within_sight(draw(fields(max_ha)))
    pad = _beside(draw, field, 2.0, 30.0)
    count = 0 if bare else draw(st.sampled_from([0, 0, 0, 1, 1, 2, 3]))
    things = tuple(_thing(draw, field, pad) for _ in range(count))
    living = []
    for kind in (
        ()
        if bare
        else draw(
            st.sampled_from([(), (), ()])
            | st.lists(st.sampled_from(list(SensitiveKind)), max_size=2)
        )
    ):
        half = AREAS[kind]
        at = _beside(draw, field, max(half) + 10.0, max(half) + 90.0)
        living.append((kind, _rectangle(draw, half, at)))
    barred = ()
    if not bare and draw(st.sampled_from([False] * 5 + [True])):
        barred = (_beside(draw, field, -5.0, 25.0).buffer(12.0, quad_segs=3),)
    corners = int(shapely.get_num_coordinates(field)) - len(field.geoms)
    corners -= sum(len(part.interiors) for part in field.geoms)
    return Case(
        field=field,
        pad=(pad.x, pad.y),
        things=things,
        sensitive=tuple(living),
        zones=barred,
        crop=draw(st.sampled_from(["lúa"] * 24 + ["vải", "vải", "rươi"])),
        asked=draw(wishes(corners)),
    )


def drafts() -> st.SearchStrategy[Draft]:
    return st.sampled_from([DONG_TRIEU, DONG_TRIEU, TROMSO]).map(Draft)
