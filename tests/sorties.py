"""Spray routes laid by hand, their settings and plans, and random ones: no planner is used."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import shapely
from hypothesis import strategies as st
from shapely import affinity
from shapely.geometry import MultiPolygon, Polygon, box
from shapely.geometry.base import BaseGeometry

from agri.geo import LocalFrame, LonLat
from agri.weather import Wind
from missions.airspace.fence import KEEP_INSIDE_M
from missions.energy import Aircraft
from missions.flightplan import FencePolygon, FlightPlan
from missions.items import MissionItem
from missions.passes.energy import estimate_spray
from missions.passes.items import spray_items
from missions.passes.route import Pass, SprayRoute
from missions.sprayer.gear import DropletClass, PumpControl, PumpPoint, Sprayer, SwathPoint
from missions.sprayer.job import Product, SprayJob, SprayPass, SpraySettings
from sitl.vehicle import Airframe
from tests.ground_station import HOME, Item

ORIGIN = LonLat(lon_deg=106.51, lat_deg=21.08)
FRAME = LocalFrame(ORIGIN)
STILL = Wind(speed_m_s=0.0)


def carrier(battery_wh: float = 1000.0, **values: Any) -> Aircraft:
    """A hexacopter of the 16 L class with an empty tank."""
    given = {"mass_kg": 23.0, "hover_power_w": 2950.0, "reserve": 0.3, **values}
    return Aircraft(name="hexa", battery_wh=battery_wh, **given)


def sprayer(tank_l: float = 16.0, battery_wh: float = 1000.0, **values: Any) -> Sprayer:
    given: dict[str, Any] = {
        "aircraft": carrier(battery_wh),
        "dead_l": min(0.4, tank_l / 10.0),
        "pump": (PumpPoint(output=0.1, flow_l_min=0.6), PumpPoint(output=1.0, flow_l_min=6.0)),
        "control": PumpControl.SPEED,
        "nozzles": 4,
        "droplets": DropletClass.MEDIUM,
        "swath": (SwathPoint(height_m=2.5, speed_m_s=5.0, width_m=5.0),),
        "min_height_m": 1.5,
        "max_height_m": 5.0,
        "max_speed_m_s": 8.0,
        "hose_s": 0.3,
        "endurance_full_min": 9.0,
        "endurance_empty_min": 20.0,
        "confidence": "low",
        "source": "made up for tests",
        **values,
    }
    return Sprayer(name="test sprayer", tank_l=tank_l, **given)


def settings(**values: Any) -> SpraySettings:
    given: dict[str, Any] = {
        "sprayer": sprayer(),
        "product": Product(name="nước", dose_per_ha=0.0),
        "rate_l_ha": 20.0,
        "height_m": 2.5,
        "speed_m_s": 5.0,
        "swath_m": 5.0,
        "wind": Wind(speed_m_s=2.0),
        **values,
    }
    return SpraySettings(**given)


def lawn(
    width_m: float,
    deep_m: float,
    *,
    swath_m: float = 5.0,
    rate_l_ha: float = 20.0,
    speed_m_s: float = 5.0,
    home: tuple[float, float] = (-10.0, -10.0),
    west_m: float = 0.0,
) -> SprayRoute:
    """Lines that run north and south over a block, the pad outside its south-western corner."""
    field = box(west_m, 0.0, west_m + width_m, deep_m)
    lines = []
    for number in range(max(1, round(width_m / swath_m))):
        east = west_m + (number + 0.5) * swath_m
        ends = ((east, 0.0), (east, deep_m))
        lines.append(
            Pass(
                points=ends if number % 2 == 0 else ends[::-1],
                width_m=swath_m,
                rate_l_ha=rate_l_ha,
                speed_m_s=speed_m_s,
            )
        )
    return route(lines, field, home)


def spots(count: int, *, litres: float = 0.8, apart_m: float = 6.0) -> SprayRoute:
    """Trees in a grid of five rows, hovered over one by one."""
    found = []
    for number in range(count):
        row, column = divmod(number, 5)
        north = (column if row % 2 == 0 else 4 - column) * apart_m
        found.append(
            Pass(points=((row * apart_m, north),), width_m=4.0, spot_l=litres, dwell_s=12.0)
        )
    size = (math.ceil(count / 5) * apart_m, 5 * apart_m)
    return route(found, box(-2.0, -2.0, *size), (-10.0, -10.0))


def route(passes: list[Pass], field: BaseGeometry, home: tuple[float, float]) -> SprayRoute:
    around = shapely.union_all([field, shapely.Point(home).buffer(5.0)]).convex_hull.buffer(12.0)
    return SprayRoute(
        passes=tuple(passes), home=home, allowed=around, treatable=field, angle_deg=0.0
    )


def plan_of(work: SprayRoute, asked: SpraySettings, frame: LocalFrame = FRAME) -> FlightPlan:
    """The route as a stored plan keeps it: passes, treatable ground and fence; no items."""
    ground = work.treatable if isinstance(work.treatable, MultiPolygon) else MultiPolygon(
        [work.treatable]
    )  # fmt: skip
    fence = work.allowed.buffer(KEEP_INSIDE_M + 0.04, join_style="mitre")
    assert isinstance(fence, Polygon)
    job = SprayJob(
        settings=asked,
        treatable=frame.geometry_to_lonlat(ground),
        passes=tuple(
            SprayPass(
                places=tuple(frame.place(*point) for point in p.points),
                width_m=p.width_m, rate_l_ha=p.rate_l_ha, speed_m_s=p.speed_m_s,
                spot_l=p.spot_l, dwell_s=p.dwell_s,
            )
            for p in work.passes
        ),
        angle_deg=0.0,
        estimate=estimate_spray(work, asked),
    )  # fmt: skip
    corners = tuple(frame.place(*corner) for corner in fence.exterior.coords[:-1])
    return FlightPlan(
        name="Phun thử",
        home=frame.place(*work.home),
        items=(),
        fence_polygons=(FencePolygon(inclusion=True, vertices=corners),),
        aircraft=asked.sprayer.aircraft,
        spray=job,
    )


@st.composite
def routes(draw: st.DrawFn) -> SprayRoute:
    """Draw one or two blocks of lines, an edge pass that bends, or trees; any direction."""
    kind = draw(st.sampled_from(["block", "blocks", "edge", "trees"]))
    if kind == "trees":
        return spots(draw(st.integers(1, 40)), litres=draw(st.floats(0.1, 1.5)))
    rate, speed = draw(st.floats(8.0, 120.0)), draw(st.floats(1.5, 6.0))
    wide, deep = draw(st.floats(8.0, 150.0)), draw(st.floats(8.0, 250.0))
    swath = draw(st.floats(3.0, 7.0))
    first = lawn(wide, deep, swath_m=swath, rate_l_ha=rate, speed_m_s=speed)
    found = list(first.passes)
    field = first.treatable
    if kind == "edge":
        ring = ((2.0, 2.0), (2.0, deep - 2.0), (wide - 2.0, deep - 2.0), (wide - 2.0, 2.0))
        found.insert(0, replace(found[0], points=ring))
    if kind == "blocks":
        second = lawn(wide / 2.0, deep, swath_m=swath, rate_l_ha=rate / 2.0, speed_m_s=speed,
                      west_m=wide + 12.0)  # fmt: skip
        found += second.passes
        field = MultiPolygon([field, second.treatable])
    turned = draw(st.floats(0.0, 360.0))
    return _turned(route(found, field, first.home), turned)


def _turned(work: SprayRoute, angle_deg: float) -> SprayRoute:
    def moved(shape: BaseGeometry) -> BaseGeometry:
        return affinity.rotate(shape, angle_deg, origin=(0.0, 0.0))

    def point(at: tuple[float, float]) -> tuple[float, float]:
        there = moved(shapely.Point(at))
        return there.x, there.y

    return SprayRoute(
        passes=tuple(replace(p, points=tuple(map(point, p.points))) for p in work.passes),
        home=point(work.home),
        allowed=moved(work.allowed),
        treatable=moved(work.treatable),
        angle_deg=(-angle_deg) % 360.0,
    )


# ---- flown


def items_for(route: SprayRoute, asked: SpraySettings) -> list[Item]:
    frame = LocalFrame(HOME)
    return [item_for(item) for item in spray_items(route, asked, frame, frame.place(*route.home))]


def item_for(item: MissionItem) -> Item:
    return {
        "command": item.command, "frame": int(item.frame), "params": item.params,
        "x": item.x, "y": item.y, "z": item.z,
    }  # fmt: skip


def flyer(asked: SpraySettings) -> Airframe:
    """The job's aircraft as physics has it: induced velocity of six 30 inch rotors."""
    aircraft = asked.sprayer.aircraft
    disc_m2 = 6.0 * math.pi * 0.381**2
    induced_m_s = math.sqrt(aircraft.mass_kg * 9.81 / (2.0 * 1.2 * disc_m2))
    drag_per_m = 0.5 * 1.2 * 0.02 * aircraft.mass_kg ** (-1.0 / 3.0)
    return Airframe(
        mass_kg=aircraft.mass_kg, hover_power_w=aircraft.hover_power_w,
        hover_induced_m_s=induced_m_s, drag_per_m=drag_per_m,
    )  # fmt: skip
