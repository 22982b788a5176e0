"""What a spray plan really leaves on the ground, beside a plan as others make it. Prints JSON.

``python benchmarks/spraying.py [FIELDS.geojson] [--widths 4,6,9] [--speed 4] [--block]`` plans each
field, flies it on paper with the pump's looks, the hose, lead, lag and bends
(`missions.applied.deposit`), and does the same with the baseline: the same coverage lines, the
sprayer switched at waypoints at the ends of lines without lead or run-up (``at_waypoints``), or on
from take-off to landing as the nearest rival for ArduPilot sprayers does (``always_on``). Ratios
stand beside each other. ``cv`` is the dose's standard deviation over its mean by 1 m cells further
than half a swath from the edge, ``cv_inside_edge_pass`` the same beyond the edge pass's swath.

Without a file it takes the reference fields shared beside the project, or at ``AGRI_SHARED``.
``--block`` plans 100 ha with 50 obstacles as well.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import time
from pathlib import Path
from typing import Any

from shapely.geometry import LineString, Point, box

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from agri.errors import AgriError
from agri.field import Field, Obstacle, ObstacleKind, Pad
from agri.geo import LocalFrame, LonLat
from agri.weather import Wind
from benchmarks.coverage import Unusable, plans, read_fields, shared
from missions.airspace.fence import VehicleLimits
from missions.airspace.keepouts import explode
from missions.applied.deposit import Deposit, deposit, deposit_items, evenness
from missions.catalogue import sprayer
from missions.flightplan import FlightPlan, Site
from missions.items import Command, MissionItem, item_at
from missions.spray.mission import plan_spray
from missions.spray.planning import plan_route
from missions.sprayer.job import Product, SpraySettings

ROOMY = VehicleLimits(items=4_300, fence_vertices=400)
"""Whole fields in one flight, to be judged as a whole; sorties cut them."""


def site_of(field: Field, obstacles: tuple[Obstacle, ...] = ()) -> Site:
    frame = field.frame
    first = next(explode(frame.geometry_to_local(field.boundary)))
    east, north = first.exterior.coords[0]
    pad = Pad(name="pad", place=frame.place(east - 3.0, north - 3.0))
    return Site(field=field, pad=pad, obstacles=obstacles)


def asked(width_m: float, speed_m_s: float, wind: Wind) -> SpraySettings:
    return SpraySettings(
        sprayer=sprayer(),
        product=Product(name="water", dose_per_ha=0.0),
        rate_l_ha=20.0,
        height_m=3.0,
        speed_m_s=speed_m_s,
        swath_m=width_m,
        wind=wind,
    )


def told(found: Deposit) -> dict[str, Any]:
    return {
        "sprayed": round(found.sprayed_share, 5),
        "outside": round(found.outside_share, 5),
        "cv": round(found.cv, 4),
        "mean_l_ha": round(found.mean_l_ha, 2),
        "litres": round(found.litres, 2),
        "transit_ml": round(1000.0 * found.transit_l, 1),
        "time_s": round(found.time_s),
    }


def baseline(site: Site, settings: SpraySettings, *, always: bool) -> list[MissionItem]:
    """Return the items of a survey-like plan: coverage legs, switched at waypoints or never."""
    frame = site.field.frame
    switch = [MissionItem(command=Command.DO_SPRAYER, param1=on) for on in (0.0, 1.0)]
    items = [
        item_at(Command.NAV_TAKEOFF, site.pad.place, 3.0),
        MissionItem(command=Command.DO_CHANGE_SPEED, param1=1.0, param2=settings.speed_m_s,
                    param3=-1.0),
    ]  # fmt: skip
    items += [switch[1]] if always else []
    area = frame.geometry_to_local(site.field.boundary)
    for plan in plans(area, settings.swath_m):
        for leg in plan.legs:
            at = [item_at(Command.NAV_WAYPOINT, frame.place(*p), 3.0) for p in leg.points]
            items.append(at[0])
            items += at[1:] if always or not leg.works else [switch[1], *at[1:], switch[0]]
    return [*items, MissionItem(command=Command.NAV_RETURN_TO_LAUNCH)]


def measure(field: Field, width_m: float, speed_m_s: float, wind: Wind) -> dict[str, Any]:
    site, settings = site_of(field), asked(width_m, speed_m_s, wind)
    begin = time.process_time()
    plan = plan_spray(site, settings, name=field.name, limits=ROOMY)
    plan_s = time.process_time() - begin
    begin = time.process_time()
    fallen = deposit(plan, look_s=0.1)
    deposit_s = time.process_time() - begin
    assert plan.spray is not None  # noqa: S101
    frame = field.frame
    treatable = frame.geometry_to_local(plan.spray.treatable)
    within = evenness(fallen, treatable, plan.spray.settings.swath_m)
    ours = {**told(fallen), "cv_inside_edge_pass": round(within, 4)}
    row: dict[str, Any] = {
        "field": field.name,
        "ha": round(field.area_m2 / 1e4, 3),
        "width_m": width_m,
        "flown_width_m": round(plan.spray.settings.swath_m, 3),
        "items": len(plan.items),
        "treatable_of_field": round(treatable.area / field.area_m2, 5),
        "plan_s": round(plan_s, 3),
        "deposit_s": round(deposit_s, 3),
        "ours": ours,
    }
    for name, always in (("at_waypoints", False), ("always_on", True)):
        passes = _passes(plan)
        other = told(
            deposit_items(
                baseline(site, settings, always=always), site.pad.place, settings, frame,
                treatable, passes=passes, look_s=0.1,
            )
        )  # fmt: skip
        row[name] = other
        row[f"ratio_{name}"] = {
            key: round(ours[key] / other[key], 3) if other[key] else None
            for key in ("sprayed", "outside", "cv", "litres", "time_s")
        }
    return row


def _passes(plan: FlightPlan) -> list[LineString]:
    assert plan.spray is not None  # noqa: S101
    assert plan.site is not None  # noqa: S101
    metres = plan.site.field.frame.metres
    return [LineString([metres(p) for p in work.places]) for work in plan.spray.passes]


def block(speed_m_s: float) -> dict[str, Any]:
    """Plan 100 ha with 50 trees and poles."""
    dice = random.Random(1)
    frame = LocalFrame(LonLat(lon_deg=106.51, lat_deg=21.08))
    field = Field(name="block", boundary=frame.geometry_to_lonlat(box(-500, -500, 500, 500)))
    obstacles = tuple(
        Obstacle(
            kind=(ObstacleKind.POLE, ObstacleKind.TREE)[number % 2],
            geometry=frame.geometry_to_lonlat(
                Point(dice.uniform(-480, 480), dice.uniform(-480, 480))
            ),
            height_m=8.0,
        )
        for number in range(50)
    )
    begin = time.process_time()
    route = plan_route(
        site_of(field, obstacles), asked(6.0, speed_m_s, Wind(speed_m_s=0.0)), limits=ROOMY
    )
    return {
        "ha": round(route.treatable.area / 1e4, 2),
        "passes": len(route.passes),
        "plan_s": round(time.process_time() - begin, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0),
    }


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    whole = [row["ours"] for row in rows]
    narrow = [r["ours"]["sprayed"] for r in rows if r["ha"] >= 0.3 and r["width_m"] <= 6.0]
    return {
        "sprayed_mean": round(sum(o["sprayed"] for o in whole) / len(whole), 5),
        "sprayed_least_to_6_m": min(narrow, default=None),
        "outside_most": max(o["outside"] for o in whole),
        "cv_median": sorted(o["cv"] for o in whole)[len(whole) // 2],
        "cv_most": max(o["cv"] for o in whole),
        "cv_within_0.10": f"{sum(o['cv'] <= 0.10 for o in whole)} of {len(whole)}",
        "cv_inside_edge_pass_most": max(o["cv_inside_edge_pass"] for o in whole),
        "transit_ml_most": max(o["transit_ml"] for o in whole),
        "plan_s_median": sorted(row["plan_s"] for row in rows)[len(rows) // 2],
    }


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("fields", nargs="?", type=Path, help="GeoJSON file of fields, EPSG:4326")
    parser.add_argument("--widths", default="4,6,9", help="metres")
    parser.add_argument("--speed", type=float, default=4.0, help="m/s")
    parser.add_argument("--wind", type=float, help="where 2 m/s come from, degrees")
    parser.add_argument("--block", action="store_true", help="plan 100 ha with 50 obstacles too")
    options = parser.parse_args(arguments)
    wind = Wind(speed_m_s=0.0 if options.wind is None else 2.0, from_deg=options.wind)
    path = options.fields or shared() / "fields.geojson"
    try:
        if options.fields is None and not path.is_file():
            raise Unusable("The shared reference fields are not here; give a GeoJSON file.")
        widths = [float(width) for width in options.widths.split(",")]
        rows = [
            measure(field, width_m, options.speed, wind)
            for width_m in widths
            for field in read_fields(path)
        ]
    except (Unusable, AgriError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    report: dict[str, Any] = {"summary": summary(rows), "rows": rows}
    if options.block:
        report["block"] = block(options.speed)
    print(json.dumps(report, ensure_ascii=False, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
