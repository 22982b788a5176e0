"""Spray plans laid by hand, with figures that follow from plain arithmetic; no planner is used.

The field is that of `tests.plans`. Swaths run east-west, 180 m long and 5 m wide, at 20 L/ha: each
takes 1.8 L and treats 900 m². Trees get 2 L each in 4 s.

For tests of files, cards and mixtures: fields, trees and terrain, one sortie of several. They are
not made to pass the checks; `tests.spraying` is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shapely.geometry import MultiPolygon

from agri.weather import Wind
from missions.flightplan import FlightPlan, RallyPoint
from missions.items import Command, Frame, MissionItem, item_at
from missions.sprayer.gear import DropletClass, PumpControl, PumpPoint, Sprayer, SwathPoint
from missions.sprayer.job import (
    EdgeClearance,
    Product,
    SprayEstimate,
    SprayJob,
    SprayPass,
    SpraySettings,
)
from tests.plans import AIRCRAFT, FENCE, PAD_AT, SITE, box, local, lonlat, speed, waypoint

SPRAYER = Sprayer(
    name="Test sprayer",
    aircraft=replace(AIRCRAFT, name="Test hexa", mass_kg=14.0, battery_wh=700.0),
    tank_l=16.0,
    dead_l=0.4,
    pump=(PumpPoint(output=0.2, flow_l_min=0.8), PumpPoint(output=1.0, flow_l_min=4.0)),
    control=PumpControl.SPEED,
    nozzles=4,
    droplets=DropletClass.COARSE,
    swath=(SwathPoint(height_m=2.5, speed_m_s=4.0, width_m=5.0),),
    min_height_m=1.5,
    max_height_m=4.0,
    max_speed_m_s=7.0,
    hose_s=0.3,
    endurance_full_min=9.0,
    endurance_empty_min=18.0,
    confidence="low",
    source="made up for the tests",
)
PRODUCT = Product(name="Thuốc thử 250 SC", dose_per_ha=400.0, phi_days=14, label_buffer_m=20.0)
SETTINGS = SpraySettings(
    sprayer=SPRAYER,
    product=PRODUCT,
    rate_l_ha=20.0,
    height_m=2.5,
    speed_m_s=4.0,
    swath_m=5.0,
    wind=Wind(speed_m_s=1.5, from_deg=45.0, gust_m_s=2.5),
    edges=(EdgeClearance(edge=2, clearance_m=10.0),),
)
TREATABLE = MultiPolygon([lonlat(box(-95, -55, 95, 55))])
LINE_M, WIDTH_M, LINE_L, LINE_M2 = 180.0, 5.0, 1.8, 900.0
HEIGHT_M = 2.5
TREES = ((-60.0, -20.0), (-54.0, -20.0), (-48.0, -20.0))
TREE_L, TREE_S = 2.0, 4.0


def sprayer(on: float) -> MissionItem:
    return MissionItem(command=Command.DO_SPRAYER, param1=on)


def swath_items(norths: tuple[float, ...]) -> list[MissionItem]:
    items = []
    for number, north in enumerate(norths):
        west, east = (-90.0, 90.0) if number % 2 == 0 else (90.0, -90.0)
        items += [waypoint(west, north, HEIGHT_M), sprayer(1.0)]
        items += [waypoint(east, north, HEIGHT_M), sprayer(0.0)]
    return items


def tree_items() -> list[MissionItem]:
    items = []
    for east, north in TREES:
        items += [waypoint(east, north, 6.0), sprayer(1.0),
                  MissionItem(command=Command.NAV_DELAY, param1=TREE_S, param2=-1.0, param3=-1.0,
                              param4=-1.0), sprayer(0.0)]  # fmt: skip
    return items


def flight(work: list[MissionItem]) -> tuple[MissionItem, ...]:
    """Work between take-off and return: the pump's servo stopped, a landing start, a late off."""
    return (
        item_at(Command.NAV_TAKEOFF, local(*PAD_AT), 10.0),
        speed(4.0),
        *work,
        MissionItem(command=183, param1=9.0, param2=1000.0),
        item_at(Command.DO_LAND_START, local(*PAD_AT), 10.0),
        sprayer(0.0),
        speed(7.0),
        MissionItem(command=Command.CONDITION_DISTANCE, param1=3.5),
        sprayer(0.0),
        waypoint(*PAD_AT, 10.0),
        sprayer(0.0),
        MissionItem(command=Command.NAV_RETURN_TO_LAUNCH),
    )


def spray_job(lines: int = 5, **changes: Any) -> SprayJob:
    """A sortie of so many swaths: 1.8 L and 900 m² each."""
    norths = [-50.0 + 5.0 * number for number in range(lines)]
    values: dict[str, Any] = {
        "settings": SETTINGS,
        "treatable": TREATABLE,
        "passes": tuple(
            SprayPass(
                places=(local(-90.0, north), local(90.0, north)),
                width_m=WIDTH_M,
                rate_l_ha=20.0,
                speed_m_s=4.0,
            )
            for north in norths
        ),
        "angle_deg": 90.0,
        "estimate": SprayEstimate(
            length_m=lines * 190.0 + 120.0,
            sprayed_m=lines * LINE_M,
            time_s=lines * 50.0 + 60.0,
            energy_wh=lines * 25.0,
            litres=lines * LINE_L,
            area_m2=lines * LINE_M2,
        ),
        "job": "Phun thử",
    }
    return SprayJob(**(values | changes))


def spray_plan(lines: int = 5, *, sortie: int = 1, sorties: int = 1, **changes: Any) -> FlightPlan:
    """A sortie over the field of so many swaths; `changes` are of its job."""
    job = spray_job(lines, sortie=sortie, sorties=sorties, **changes)
    norths = tuple(-50.0 + 5.0 * number for number in range(lines))
    return FlightPlan(
        name=f"Phun thử {sortie}/{sorties}",
        home=SITE.pad.place,
        home_altitude_m=12.0,
        items=flight(swath_items(norths)),
        fence_polygons=(FENCE,),
        rally_points=(RallyPoint(place=SITE.pad.place, altitude_m=10.0),),
        site=SITE,
        aircraft=SPRAYER.aircraft,
        spray=job,
    )


def tree_plan() -> FlightPlan:
    """A sortie of spots over three trees."""
    estimate = SprayEstimate(length_m=220.0, sprayed_m=0.0, time_s=90.0, energy_wh=40.0,
                             litres=len(TREES) * TREE_L, area_m2=3 * 28.3)  # fmt: skip
    passes = tuple(
        SprayPass(places=(local(*tree),), width_m=6.0, spot_l=TREE_L, dwell_s=TREE_S)
        for tree in TREES
    )
    job = spray_job(passes=passes, estimate=estimate, kind="trees", angle_deg=0.0)
    return replace(spray_plan(), name="Phun cây", items=flight(tree_items()), spray=job)


def terrain_plan() -> FlightPlan:
    """The field plan in heights above the ground under the aircraft."""
    plan = spray_plan()
    items = tuple(
        replace(item, frame=Frame.TERRAIN) if item.command == Command.NAV_WAYPOINT else item
        for item in plan.items
    )
    return replace(plan, items=items)
