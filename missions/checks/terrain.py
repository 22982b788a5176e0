"""The heights of a plan, measured over the ground on the items themselves (invariant P7).

Written apart from the planner of heights: this room asks the grids directly, place by place, and
knows nothing of how the heights came about. What it measures, with the way home at the height that
the vehicle's parameters will give it:

* every leg clears what is beneath its strip (surface, or ground and crop) by the model's least
  clearance, and stays under the ceiling above the ground;
* on legs on which the sprayer works, the height over the crop is the wished one within the
  tolerance, and the aircraft climbs and sinks as fast as the leg asks at the leg's speed;
* a straight way home, from anywhere, is clear at the height of return;
* heights above terrain (frame 10) depend on things outside the plan, and those are named.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from agri.errors import AgriError
from agri.findings import Finding, Severity
from agri.geo import LonLat
from agri.grid import FloatArray
from missions.checks.items import FIRST_NOT_NAVIGATION, speed_at
from missions.checks.path import Path
from missions.checks.survey import line_speeds
from missions.flightplan import FlightPlan
from missions.items import Command, Frame, MissionItem
from missions.preflight.vehicle import return_height_m
from missions.terrain.heights import AboveTerrain
from missions.terrain.model import OVER_M, HeightModel

STEP_M = 0.5
"""Places looked at along a leg are no further apart."""
STRIP = (-1.0, -0.5, 0.0, 0.5, 1.0)
"""Places looked at across, in half swaths."""
SLACK_M = 0.1
"""A surface bends this much between two places, and heights are whole centimetres."""
SLACK_M_S = 0.1
"""A centimetre on a leg of half a metre at job speed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leg:
    """One leg, looked at every `STEP_M`."""

    seq: int
    places: tuple[FloatArray, FloatArray]
    over_top_m: FloatArray
    over_strip_m: FloatArray
    over_ground_m: FloatArray


def check_terrain(plan: FlightPlan, model: HeightModel, path: Path) -> list[Finding]:
    """Return what is wrong with a plan's heights over the ground.

    Parameters
    ----------
    plan : FlightPlan
        Heights above home (frame 3) or above terrain (frame 10).
    model : HeightModel
        Ground and surface, wished height, tolerance, least clearance, climb.
    path : Path
        The plan's flight (`missions.checks.path.path_of`).

    Returns
    -------
    list of Finding
        One of each kind, about the worst place; an INFO with figures when nothing is wrong.
    """
    above_terrain = any(i.is_located and i.frame is Frame.TERRAIN for i in plan.items)
    legs, findings = [], []
    if above_terrain:
        lowest_m = min(i.z for i in plan.items if i.is_located and i.frame is Frame.TERRAIN)
        findings += AboveTerrain(height_m=lowest_m).findings
    for number in _outward(plan, path):
        leg = _look(plan, model, path, number, above_terrain=above_terrain)
        unknown = ~np.isfinite(leg.over_strip_m + leg.over_ground_m)
        if unknown.any():
            return [*findings, _at("finding.terrain_unknown", leg, int(np.argmax(unknown)))]
        legs.append(leg)
    if not legs:
        return findings
    worked = [leg for leg in legs if leg.seq in _sprayed(plan.items)]
    findings += _clearance(legs, model)
    findings += _ceiling(legs, plan)
    findings += _wished(worked, model)
    findings += _climb(plan, path, {leg.seq for leg in worked}, model)
    findings += [] if above_terrain else _return(plan, model, path)
    if all(finding.severity is Severity.INFO for finding in findings):
        findings.append(_passed(plan, path, legs))
    return findings


def _outward(plan: FlightPlan, path: Path) -> list[int]:
    """Return the legs flown at the items' heights: all but RETURN_TO_LAUNCH and LAND."""
    ends = (Command.NAV_RETURN_TO_LAUNCH, Command.NAV_LAND)
    return [i for i, leg in enumerate(path.legs) if plan.items[leg.seq - 1].command not in ends]


def _look(
    plan: FlightPlan, model: HeightModel, path: Path, number: int, *, above_terrain: bool
) -> _Leg:
    ends: FloatArray = shapely.get_coordinates(path.lines[number])
    count = max(2, math.ceil(math.dist(*ends) / STEP_M) + 1)
    xy = np.linspace(ends[0], ends[1], count)
    along = (ends[1] - ends[0]) / max(math.dist(*ends), 1e-9)
    aside = np.array([-along[1], along[0]]) * model.swath_m / 2.0
    start_m, end_m = (float(height) for height in path.heights_m[number])
    height = np.linspace(start_m, end_m, count)
    ground, top = _read(model, path, xy)
    tops = [_read(model, path, xy + share * aside)[1] for share in STRIP]
    base = ground if above_terrain else _home_ground_m(plan, model)
    flown = height + base
    return _Leg(
        seq=path.legs[number].seq,
        places=path.frame.to_lonlat(xy[:, 0], xy[:, 1]),
        over_top_m=flown - top,
        over_strip_m=flown - np.fmax.reduce(tops),
        over_ground_m=flown - ground,
    )


def _read(model: HeightModel, path: Path, xy: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return ground and top at local places of the path."""
    lon, lat = path.frame.to_lonlat(xy[:, 0], xy[:, 1])
    relief = model.relief
    ground = top = relief.ground.grid.sample(lon, lat)
    if relief.canopy is not None:
        top = ground + relief.canopy(*relief.local.to_local(lon, lat))
    if relief.surface is not None:
        surface = relief.surface.grid.sample(lon, lat)
        top = surface if relief.canopy is None else np.fmax(surface, top)
    return ground, top


def _home_ground_m(plan: FlightPlan, model: HeightModel) -> float:
    home = plan.home
    return float(model.relief.ground.grid.sample([home.lon_deg], [home.lat_deg])[0])


def _sprayed(items: Sequence[MissionItem]) -> set[int]:
    """Return the numbers of the items to which the sprayer works, at least on a part of the leg."""
    found, on, begun = set(), False, False
    for number, item in enumerate(items, start=1):
        if item.command == Command.DO_SPRAYER:
            on = int(item.param1) == 1
            begun = begun or on
        elif item.command < FIRST_NOT_NAVIGATION:
            if on or begun:
                found.add(number)
            begun = False
    return found


def _at(key: str, leg: _Leg, index: int, **values: Any) -> Finding:
    lon, lat = (float(part[index]) for part in leg.places)
    place = LonLat(lon_deg=lon, lat_deg=lat)
    return Finding.error(key, item=leg.seq, lat=place.lat_deg, lon=place.lon_deg, **values)


def _clearance(legs: Sequence[_Leg], model: HeightModel) -> Iterator[Finding]:
    leg = min(legs, key=lambda leg: float(leg.over_strip_m.min()))
    index = int(np.argmin(leg.over_strip_m))
    least_m = float(leg.over_strip_m[index])
    if least_m < model.min_clearance_m - SLACK_M:
        limit_m = model.min_clearance_m
        yield _at("finding.terrain_too_low", leg, index, height_m=least_m, limit_m=limit_m)


def _ceiling(legs: Sequence[_Leg], plan: FlightPlan) -> Iterator[Finding]:
    leg = max(legs, key=lambda leg: float(leg.over_ground_m.max()))
    index = int(np.argmax(leg.over_ground_m))
    most_m = float(leg.over_ground_m[index])
    if most_m > plan.ceiling_m + SLACK_M:
        yield _at("finding.terrain_too_high", leg, index, height_m=most_m, limit_m=plan.ceiling_m)


def _wished(worked: Sequence[_Leg], model: HeightModel) -> Iterator[Finding]:
    """Spraying lower or higher than wished is a matter of dose and drift: a warning."""
    if not worked:
        return
    off = [np.abs(leg.over_top_m - model.height_m) for leg in worked]
    number = int(np.argmax([float(part.max()) for part in off]))
    index = int(np.argmax(off[number]))
    if off[number][index] > model.tolerance_m + SLACK_M:
        leg = worked[number]
        error = _at(
            "finding.terrain_off_wish",
            leg,
            index,
            height_m=float(leg.over_top_m[index]),
            wish_m=model.height_m,
            tolerance_m=model.tolerance_m,
        )
        yield Finding(Severity.WARNING, error.message)


def _rates(plan: FlightPlan, path: Path) -> Iterator[tuple[int, float, float]]:
    """Yield item, ground speed and rate of climb of every outward leg."""
    speeds = line_speeds(speed_at(plan.items))
    for number in _outward(plan, path):
        seq, length_m = path.legs[number].seq, float(path.lines[number].length)
        start_m, end_m = path.heights_m[number]
        yield seq, speeds[seq], float(end_m - start_m) / max(length_m, 1e-9) * speeds[seq]


def _climb(plan: FlightPlan, path: Path, worked: set[int], model: HeightModel) -> Iterator[Finding]:
    """A leg steeper than the aircraft climbs is flown slower: on a swath that is another dose."""
    for seq, speed_m_s, rate_m_s in _rates(plan, path):
        limit_m_s = model.climb_m_s if rate_m_s > 0.0 else model.descent_m_s
        if seq in worked and abs(rate_m_s) > limit_m_s + SLACK_M_S:
            yield Finding.error(
                "finding.terrain_climb",
                item=seq,
                rate_m_s=abs(rate_m_s),
                speed_m_s=speed_m_s,
                limit_m_s=limit_m_s,
            )
            return


def _return(plan: FlightPlan, model: HeightModel, path: Path) -> Iterator[Finding]:
    """A failsafe turns home from anywhere, straight, at RTL_ALT or higher."""
    obstacles = plan.site.obstacles if plan.site is not None else ()
    planned_m = return_height_m(plan)
    flown = shapely.MultiLineString(list(path.lines)).convex_hull
    local = model.relief.local
    area = local.geometry_to_local(path.frame.geometry_to_lonlat(flown))
    try:
        least_m = model.return_height(area, obstacles=obstacles)
    except AgriError as error:
        yield Finding(Severity.ERROR, error.message)
        return
    if planned_m < least_m - SLACK_M:
        blocked = planned_m < least_m - OVER_M + model.min_clearance_m
        find = Finding.error if blocked else Finding.warning
        yield find("finding.terrain_return_low", height_m=planned_m, least_m=math.ceil(least_m))


def _passed(plan: FlightPlan, path: Path, legs: Sequence[_Leg]) -> Finding:
    return Finding.info(
        "finding.checked_terrain",
        least_m=min(float(leg.over_strip_m.min()) for leg in legs),
        most_m=max(float(leg.over_ground_m.max()) for leg in legs),
        legs=len(legs),
        rate_m_s=max(abs(rate_m_s) for _, _, rate_m_s in _rates(plan, path)),
    )
