"""The lines of a spraying: laid out in several directions and widths, the best of them flown.

Theory of operation
-------------------
`missions.spray.directions` tells which directions are worth laying out and what flying them costs,
`missions.spray.widths` at which widths they fill the ground evenly. Each is laid out as passes and
measured (`_cut`): ground sprayed twice, ground missed, and both together away from the edges, which
is what makes the dose uneven. Those even enough (`EVEN`) come before those that are not; among
them the least of ground sprayed twice, unevenness, ground missed (`MISSED`) and cost
(`missions.spray.directions.WAY`) is flown.

**Small plots** with straight sides and no bends inwards are laid straight from their sides
(`missions.spray.plot`), judged alike. **Order.** The wind asks for it (`missions.spray.order`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput, Refused
from missions.airspace.pose import Pose
from missions.airspace.route import TOLERANCE_M, Place
from missions.coverage.planning import lay_out, plan_coverage
from missions.coverage.ties import ranked, seen_from
from missions.coverage.tracks import Layout, Leg, swept
from missions.passes.route import Pass
from missions.spray.directions import (
    ALIKE,
    PROMISING,
    WAY,
    directions,
    flying_cost,
    plot_directions,
)
from missions.spray.order import wind_order
from missions.spray.plot import (
    Plot,
    even_widths,
    in_order,
    lines_of,
    plot_of,
    shares,
    sides_of,
    tracks_over,
)
from missions.spray.trimming import SPECK_M2, cut_passes, straight_end
from missions.spray.widths import MOST, least_width_m, widths
from missions.sprayer.job import SpraySettings
from missions.terrain.relief import Slope

MISSED = 4.0
"""How many times more ground missed weighs than ground sprayed twice."""
EVEN, EVEN_WORTH = 0.0095, 0.35
"""Away from the edges at most this share may be missed and sprayed twice, for what it deviates by
is its square root, 10 % of the dose; passes that keep to it may cost this much more."""
UNEVEN = 1.0
"""What passes that are not even enough count more."""
NEARLY = 0.005
"""Passes that miss this much more than the fullest spray the whole ground as well."""

HERE: Place = (0.0, 0.0)
"""The pad, in the axes the lines are laid in."""

FloatArray = NDArray[np.float64]
Way = tuple[Place, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """Passes over a ground.

    Parameters
    ----------
    passes : tuple of Pass
        In flying order.
    angle_deg : float
        Direction of the lines, degrees clockwise from north.
    width_m : float
        Width of every swath.
    """

    passes: tuple[Pass, ...]
    angle_deg: float
    width_m: float


@dataclass(frozen=True, slots=True)
class _Task:
    """What stays the same for every direction and width."""

    ground: BaseGeometry
    region: BaseGeometry
    allowed: BaseGeometry
    home: Place
    settings: SpraySettings


@dataclass(frozen=True, slots=True)
class _Draft:
    """Ways laid in one direction at one width, what they miss, spray twice and cost."""

    ways: tuple[Way, ...]
    kinds: tuple[bool, ...]
    angle_deg: float
    width_m: float
    missed: float
    twice: float
    uneven: float
    cost: float = math.nan


def lay_lines(
    ground: BaseGeometry,
    allowed: BaseGeometry,
    home: Place,
    settings: SpraySettings,
    *,
    slope: Slope | None = None,
) -> Laid:
    """Lay the passes over a ground.

    Parameters
    ----------
    ground : shapely.Polygon or MultiPolygon
        What is sprayed, local metres.
    allowed : shapely.Polygon
        Where the aircraft may fly.
    home : (east_m, north_m)
        The pad.
    settings : SpraySettings
        What is asked.
    slope : Slope, optional
        How the field rises.

    Returns
    -------
    Laid
        All passes of one width; with crosshatch each place twice at half the rate.
    """
    pose = Pose.of(ground, home)
    ground, allowed, home = seen_from(pose.seen(ground), HERE), pose.seen(allowed), HERE
    settings = _turned(settings, pose)
    if slope is not None:
        slope = replace(slope, direction_deg=pose.seen_deg(slope.direction_deg))
    shapely.prepare(allowed)
    task = _Task(ground, shapely.union(allowed, ground), allowed, home, settings)
    rate = settings.rate_l_ha / (2.0 if settings.crosshatch else 1.0)
    first = _over_plot(task, slope, rate)
    if first is None:
        first = _fitted(task, slope, rate)
    layers = [first]
    if settings.crosshatch:
        layers.append(_joined(task, first.angle_deg + 90.0, first.width_m))
    passes: list[Pass] = []
    here = home
    for layer in layers:
        for way in wind_order(layer.ways, layer.kinds, here, settings.wind):
            points = _ending_straight(task, way, layer.width_m)
            passes.append(
                Pass(points=pose.way(points), width_m=layer.width_m, rate_l_ha=rate,
                     speed_m_s=settings.speed_m_s)
            )  # fmt: skip
            here = points[-1]
    if not passes:
        raise Refused("error.swath_does_not_fit", width_m=settings.swath_m)
    angle_deg = (first.angle_deg + pose.ahead_deg) % 180.0
    return Laid(passes=tuple(passes), angle_deg=angle_deg, width_m=first.width_m)


def _turned(settings: SpraySettings, pose: Pose) -> SpraySettings:
    """Return what is asked, its bearings from other axes."""
    wind, angle_deg = settings.wind, settings.angle_deg
    if wind.from_deg is not None:
        wind = replace(wind, from_deg=pose.seen_deg(wind.from_deg))
    if angle_deg is not None:
        angle_deg = pose.seen_deg(angle_deg)
    return replace(settings, wind=wind, angle_deg=angle_deg)


def _ending_straight(task: _Task, way: Way, width_m: float) -> Way:
    """Return a way without bends where the sprayer is switched off, if that sprays nothing else."""
    settings = task.settings
    straight = straight_end(way, settings.speed_m_s * settings.sprayer.hose_s)
    if straight == way:
        return way
    strip = shapely.difference(swept([straight], width_m), swept([way], width_m))
    held = shapely.difference(strip, task.ground).area < SPECK_M2
    return straight if held and task.allowed.covers(LineString(straight)) else way


def _layout(task: _Task, angle_deg: float | None, width_m: float) -> Layout:
    """Return the tracks of a direction and width, in no order; None finds the quickest."""
    settings = task.settings
    return lay_out(
        task.ground,
        width_m=width_m,
        edge_pass=settings.edge_pass,
        whole_edge=True,
        angle_deg=angle_deg,
        allowed=task.region,
        speed_m_s=settings.speed_m_s,
        acceleration_m_s2=settings.sprayer.aircraft.acceleration_m_s2,
    )


def _joined(task: _Task, angle_deg: float, width_m: float) -> _Draft:
    """Return the passes of a direction and width in flying order."""
    settings = task.settings
    plan = plan_coverage(
        task.ground,
        width_m=width_m,
        edge_pass=settings.edge_pass,
        whole_edge=True,
        angle_deg=angle_deg,
        allowed=task.region,
        start=task.home,
        speed_m_s=settings.speed_m_s,
        acceleration_m_s2=settings.sprayer.aircraft.acceleration_m_s2,
        joined=1,
    )
    return _cut(task, plan.legs, plan.angle_deg, width_m)


def _fitted(task: _Task, slope: Slope | None, rate_l_ha: float) -> _Draft:
    """Return the passes in the direction and width that cost least, in flying order."""
    drafts = _drafts(task, slope, rate_l_ha)
    if not drafts:
        raise Refused("error.swath_does_not_fit", width_m=task.settings.swath_m)
    for number in ranked(_scores(drafts), tie=ALIKE):
        try:
            best = _joined(task, drafts[number].angle_deg, drafts[number].width_m)
        except BadInput:
            continue
        if best.ways:
            return best
    raise Refused("error.swath_does_not_fit", width_m=task.settings.swath_m)


def _drafts(task: _Task, slope: Slope | None, rate_l_ha: float) -> list[_Draft]:
    """Return the passes in each direction worth a look at the full and the most promising width.

    Where none of them is even enough, the best directions are laid out at more widths.
    """
    settings = task.settings
    full_m, given = settings.swath_m, settings.angle_deg
    first = _laid(task, given, full_m, slope)
    if first is None and given is None:
        return []
    tried = [given] if given is not None else []
    if first is not None:
        tried = tried or directions(task.ground, first.angle_deg, settings, slope)
    narrower = [widths(task.ground, angle_deg, settings, rate_l_ha) for angle_deg in tried]
    drafts = {} if first is None or not first.ways else {(0, full_m): first}

    def look(number: int, at: Sequence[float]) -> None:
        for width_m in at:
            draft = _laid(task, tried[number], width_m, slope)
            if draft is not None and draft.ways:
                drafts[number, width_m] = draft

    for number in range(len(tried)):
        look(number, [full_m] * ((number, full_m) not in drafts) + narrower[number][:1])
    keys = list(drafts)
    order = ranked(_scores(list(drafts.values())), tie=ALIKE) if drafts else []
    for best in list(dict.fromkeys(keys[place][0] for place in order))[:PROMISING]:
        if min(_scores(list(drafts.values()))) < UNEVEN:
            break
        look(best, narrower[best][1:])
    return list(drafts.values())


def _laid(
    task: _Task, angle_deg: float | None, width_m: float, slope: Slope | None
) -> _Draft | None:
    """Return the passes of a direction and width in no order, None where no line fits."""
    try:
        layout = _layout(task, angle_deg, width_m)
    except BadInput:
        return None
    legs = [Leg(kind=track.kind, points=_places(track.points)) for track in layout.tracks]
    cost = flying_cost(layout.tracks, task.settings, slope)
    return replace(_cut(task, legs, layout.angle_deg, width_m), cost=cost)


def _scores(drafts: Sequence[_Draft]) -> list[float]:
    """Return what drafts spray twice, miss and cost, weighed, even ones first; least is best."""
    most = min(draft.missed for draft in drafts) + NEARLY
    least = min(draft.cost for draft in drafts if draft.missed <= most)
    scores = []
    for draft in drafts:
        dearer = draft.cost / least - 1.0
        even = draft.uneven <= EVEN and dearer <= EVEN_WORTH and draft.missed <= most
        weighed = draft.twice + draft.uneven + MISSED * draft.missed + WAY * dearer
        scores.append(weighed if even else weighed + UNEVEN)
    return scores


def _over_plot(task: _Task, slope: Slope | None, rate_l_ha: float) -> _Draft | None:
    """Return the passes over a small plot in flying order, None where it takes a search."""
    settings = task.settings
    plot = plot_of(task.ground) if settings.edge_pass and not settings.crosshatch else None
    if plot is None or not plot.roomy(settings.swath_m):
        return None
    given = settings.angle_deg
    tried = plot_directions(plot, settings, slope) if given is None else [given]
    full_m, least_m = settings.swath_m, least_width_m(settings, rate_l_ha)
    drafts = []
    for angle_deg in tried:
        fitting = [w for w in even_widths(plot, angle_deg, full_m, least_m) if w < full_m]
        for width_m in (full_m, *fitting[:MOST]):
            cost = flying_cost(tracks_over(plot, angle_deg, width_m), settings, slope)
            drafts.append(replace(_plot_draft(plot, angle_deg, width_m), cost=cost))
    best = drafts[ranked(_scores(drafts), tie=ALIKE)[0]]
    ways, kinds = in_order(best.ways, best.kinds, task.home)
    best = replace(best, ways=ways, kinds=kinds)
    # the ways may run along the border itself, which rounding moves by a hair
    roomy = task.allowed.buffer(TOLERANCE_M / 4.0, join_style="mitre")
    held = bool(best.ways) and roomy.covers(shapely.MultiLineString(best.ways))
    return best if held else None


def _plot_draft(plot: Plot, angle_deg: float, width_m: float) -> _Draft:
    """Return the passes over a plot in one direction at one width, and how well they spray it."""
    sides, lines = sides_of(plot, width_m), lines_of(plot, angle_deg, width_m)
    ways, kinds = (*sides, *lines), (True,) * len(sides) + (False,) * len(lines)
    sprayed, uneven = shares(plot, ways, width_m) if ways else (0.0, 1.0)
    return _Draft(
        ways=ways,
        kinds=kinds,
        angle_deg=angle_deg,
        width_m=width_m,
        missed=1.0 - sprayed,
        twice=_work_m(ways) * width_m / max(sprayed * plot.shape.area, 1e-9) - 1.0,
        uneven=uneven,
    )


def _places(points: FloatArray) -> Way:
    return tuple((float(e), float(n)) for e, n in points)


def _cut(task: _Task, legs: Sequence[Leg], angle_deg: float, width_m: float) -> _Draft:
    """Return the passes over working legs, and what they miss and spray twice."""
    cut = cut_passes(legs, task.ground, width_m, allowed=task.allowed)
    ways = tuple(way for way, _ in cut)
    strips = [swept([way], width_m) for way in ways]
    union = shapely.union_all(strips)
    sprayed = union.intersection(task.ground).area
    inner = task.ground.buffer(-width_m / 2.0)
    once = union.intersection(inner).area
    given = float(shapely.area(shapely.intersection(np.array(strips), inner)).sum())
    return _Draft(
        ways=ways,
        kinds=tuple(edge for _, edge in cut),
        angle_deg=angle_deg % 180.0,
        width_m=width_m,
        missed=1.0 - sprayed / task.ground.area,
        twice=_work_m(ways) * width_m / max(sprayed, 1e-9) - 1.0,
        uneven=(given + inner.area - 2.0 * once) / inner.area if inner.area else 0.0,
    )


def _work_m(ways: Sequence[Way]) -> float:
    """Return the length of ways."""
    return sum(float(np.hypot(*np.diff(way, axis=0).T).sum()) for way in ways)
