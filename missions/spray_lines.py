"""The lines of a spraying: their direction and their width.

Theory of operation
-------------------
**Direction.** `missions.coverage` finds the quickest. Beside it are tried, where they matter:
across the wind, along the contour, and square to the quickest. Each is judged by time or by energy:

* time: length over speed, and speed / acceleration for every stop;
* energy: `missions.energy`'s power at the airspeed of every leg (ground velocity less wind) with
  half a tank on board, and the lift where it climbs;
* drift: a swath along the wind lies under its own mist, one across it blows wholly to one side,
  where the next has yet to come: lines along a wind of `FULL_WIND_M_S` or more count
  `ALONG_WIND` longer, in between by the squared cosine;
* slope: climbing and diving cost height accuracy, which is dose; a line counts `CLIMBING` times
  its rise longer.

**Width.** A swath's width is the spacing at which the pattern is even, not an edge. Where the
field's width is no multiple of it, lines at the full width would overlap somewhere; so all passes
share one narrower width that fits, found among the even divisions of the ground across the lines
and fine steps between; the pump gives less in proportion, and must be able to. The ground's
measures tell which few to lay out; of those the one is taken that sprays least twice, misses
least and flies least, weighed by `MISSED` and `WAY`.

**Small plots** with straight sides and no bends inwards are laid straight from their sides
(`missions.spray_plot`), judged alike. **Order.** The wind asks for it (`missions.spray_order`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput, Refused
from agri.weather import Wind
from missions.coverage import lay_out, plan_coverage
from missions.dose import L_MIN_PER_L_HA_M_M_S
from missions.energy import EFFICIENCY, GRAVITY_M_S2, cruise_power_w, with_payload
from missions.keepouts import explode
from missions.relief import Slope
from missions.route import Place
from missions.scanlines import chord_lengths, edges_of
from missions.spray_job import Objective, SpraySettings
from missions.spray_order import LEAST_WIND_M_S, wind_order
from missions.spray_passes import cut_passes
from missions.spray_plot import (
    Plot,
    even_widths,
    in_order,
    lines_of,
    plot_of,
    share_sprayed,
    sides_of,
    tracks_over,
)
from missions.spray_route import Pass
from missions.swaths import Fit, levels, line_count, turn_matrix
from missions.ties import first_least, ranked
from missions.tracks import Layout, Leg, LegKind, Track, swept

FULL_WIND_M_S = 3.0
"""Wind from which on lines along it count in full."""
ALONG_WIND = 0.1
"""How much longer a line along the wind counts."""
CLIMBING = 2.0
"""How many times its rise per metre longer a line counts."""
LEAST_SLOPE = 0.02
"""A slope below this does not turn the lines."""
NARROWEST = 0.6
"""The swath is fitted down to this share of its width."""
EVENLY = 1.0005
"""How much wider than an even division of the ground a swath is tried."""
STEPS_OF = 0.01
"""How finely, in shares of its width, a narrower swath is sought."""
MOST, FEW = 3, 1
"""How many narrower widths are laid out for each way to judge them, and on large ground."""
LEVELS = (-0.47, -0.24, 0.003, 0.23, 0.48)
"""Where in a strip, in shares of its depth, its length is looked for; not where evenly drawn fields
have their corners."""
MISSED = 4.0
"""How many times more ground missed weighs than ground sprayed twice."""
WAY = 0.07
"""How much of ground sprayed twice a longer way weighs, share for share."""
LARGE_M2 = 300_000.0
"""On ground larger than this fewer directions and widths are tried."""
HUGE_M2 = 600_000.0
"""On ground larger than this the width is taken as it is: what overlaps is a small share."""

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
    """Ways laid in one direction at one width, and how much they spray twice."""

    ways: tuple[Way, ...]
    kinds: tuple[bool, ...]
    angle_deg: float
    width_m: float
    missed: float
    twice: float


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
    shapely.prepare(allowed)
    task = _Task(ground, shapely.union(allowed, ground), allowed, home, settings)
    rate = settings.rate_l_ha / (2.0 if settings.crosshatch else 1.0)
    first = _over_plot(task, slope, rate)
    if first is None:
        given = settings.angle_deg
        first = _fitted(task, _direction(task, slope) if given is None else given, rate)
    layers = [first]
    if settings.crosshatch:
        layers.append(_joined(task, first.angle_deg + 90.0, first.width_m))
    passes: list[Pass] = []
    here = home
    for layer in layers:
        for way in wind_order(layer.ways, layer.kinds, here, settings.wind):
            passes.append(
                Pass(points=way, width_m=layer.width_m, rate_l_ha=rate,
                     speed_m_s=settings.speed_m_s)
            )  # fmt: skip
        here = passes[-1].points[-1] if passes else here
    if not passes:
        raise Refused("error.swath_does_not_fit", width_m=settings.swath_m)
    return Laid(passes=tuple(passes), angle_deg=first.angle_deg, width_m=first.width_m)


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


def _direction(task: _Task, slope: Slope | None) -> float:
    """Return the direction of the lines that costs least."""
    settings = task.settings
    quickest = _layout(task, None, settings.swath_m)
    tried = _apart([quickest.angle_deg, *_others(quickest.angle_deg, settings, slope)])
    if task.ground.area > LARGE_M2:
        tried = tried[:2]
    if len(tried) == 1:
        return quickest.angle_deg
    costs = [_cost(quickest.tracks, settings, slope)]
    for angle_deg in tried[1:]:
        try:
            plan = _layout(task, angle_deg, settings.swath_m)
        except BadInput:
            costs.append(math.inf)
            continue
        costs.append(_cost(plan.tracks, settings, slope))
    return tried[first_least(costs, 1e-3 * min(costs))]


def _apart(directions: Sequence[float]) -> list[float]:
    """Return directions without those that are nearly one before them."""
    found: list[float] = []
    for angle_deg in directions:
        if all(abs(math.remainder(angle_deg - other, 180.0)) > 3.0 for other in found):
            found.append(angle_deg % 180.0)
    return found


def _others(quickest_deg: float, settings: SpraySettings, slope: Slope | None) -> Iterator[float]:
    """Yield further directions worth a look."""
    wind = settings.wind
    if slope is not None and slope.rise > LEAST_SLOPE:
        yield slope.direction_deg + 90.0
    if wind.from_deg is not None and wind.speed_m_s >= LEAST_WIND_M_S:
        yield wind.from_deg + 90.0
    if slope is not None or wind.from_deg is not None:
        yield quickest_deg + 90.0


def _cost(tracks: Sequence[Track], settings: SpraySettings, slope: Slope | None) -> float:
    """Return what tracks cost: seconds or watt-hours, drift and slope weighed in."""
    sprayer, wind, speed = settings.sprayer, settings.wind, settings.speed_m_s
    aircraft = with_payload(sprayer.aircraft, sprayer.tank_l / 2.0)
    air = _wind_vector(wind)
    change_s = settings.swath_m / speed + 2.0 * speed / aircraft.acceleration_m_s2
    total = len(tracks) * change_s * _power(settings, aircraft.hover_power_w)
    for track in tracks:
        for start, end in pairwise(track.points):
            step = np.subtract(end, start)
            length_m = float(np.hypot(*step))
            if length_m < 1e-6:
                continue
            ahead = step / length_m
            time_s = length_m / speed
            # a line is flown one way as often as the other; so is each side of the edge
            watts = [cruise_power_w(aircraft, float(np.hypot(*(sense * ahead * speed - air))))
                     for sense in (1.0, -1.0)]  # fmt: skip
            cost = time_s * _power(settings, sum(watts) / 2.0)
            rise = 0.0 if slope is None else slope.rise * float(ahead @ _unit(slope.direction_deg))
            if settings.objective is Objective.ENERGY:
                lift_j = abs(rise) / 2.0 * length_m * aircraft.mass_kg * GRAVITY_M_S2 / EFFICIENCY
                cost += lift_j / 3600.0
            weight = 1.0 + CLIMBING * abs(rise)
            if track.kind is LegKind.LINE and wind.from_deg is not None:
                blowing = min(1.0, wind.speed_m_s / FULL_WIND_M_S)
                weight += ALONG_WIND * blowing * float(ahead @ _unit(wind.from_deg)) ** 2
            total += cost * weight
    return float(total)


def _power(settings: SpraySettings, watts: float) -> float:
    """Return what a second costs: itself, or its watt-hours."""
    return watts / 3600.0 if settings.objective is Objective.ENERGY else 1.0


def _wind_vector(wind: Wind) -> FloatArray:
    return np.zeros(2) if wind.to_deg is None else wind.speed_m_s * _unit(wind.to_deg)


def _unit(bearing_deg: float) -> FloatArray:
    angle = math.radians(bearing_deg)
    return np.array([math.sin(angle), math.cos(angle)])


def _fitted(task: _Task, angle_deg: float, rate_l_ha: float) -> _Draft:
    """Return the passes at the width that sprays least twice, in flying order."""
    full_m = task.settings.swath_m
    drafts: list[_Draft] = []
    for width_m in (full_m, *_widths(task, angle_deg, rate_l_ha)):
        try:
            layout = _layout(task, angle_deg, width_m)
        except BadInput:
            continue
        legs = [Leg(kind=track.kind, points=_places(track.points)) for track in layout.tracks]
        draft = _cut(task, legs, angle_deg, width_m)
        if draft.ways:
            drafts.append(draft)
    if not drafts:
        raise Refused("error.swath_does_not_fit", width_m=full_m)
    for number in ranked(_scores(drafts, full_m), tie=0.002):
        try:
            best = _joined(task, angle_deg, drafts[number].width_m)
        except BadInput:
            continue
        if best.ways:
            return best
    raise Refused("error.swath_does_not_fit", width_m=full_m)


def _scores(drafts: Sequence[_Draft], full_m: float) -> list[float]:
    """Return what drafts spray twice, miss and fly, weighed; the least is best."""
    lengths = [_work_m(draft.ways) + len(draft.ways) * full_m for draft in drafts]
    return [
        draft.twice + MISSED * draft.missed + WAY * (length_m / min(lengths) - 1.0)
        for draft, length_m in zip(drafts, lengths, strict=True)
    ]


def _over_plot(task: _Task, slope: Slope | None, rate_l_ha: float) -> _Draft | None:
    """Return the passes over a small plot in flying order, None where it takes a search."""
    settings = task.settings
    plot = plot_of(task.ground) if settings.edge_pass and not settings.crosshatch else None
    if plot is None or not plot.roomy(settings.swath_m):
        return None
    tried = [settings.angle_deg] if settings.angle_deg is not None else list(plot.directions)
    if settings.angle_deg is None:
        tried = _apart([*tried, *_others(tried[0], settings, slope)])
    full_m = settings.swath_m
    costs = [
        _cost(tracks_over(plot, angle_deg, full_m), settings, slope) if len(tried) > 1 else 0.0
        for angle_deg in tried
    ]
    angle_deg = tried[first_least(costs, 1e-3 * min(costs))]
    least_m = _least_width_m(settings, rate_l_ha)
    widths = [full_m, *(w for w in even_widths(plot, angle_deg, full_m, least_m) if w < full_m)]
    drafts = [_plot_draft(plot, angle_deg, width_m) for width_m in widths]
    best = drafts[ranked(_scores(drafts, full_m), tie=0.002)[0]]
    ways, kinds = in_order(best.ways, best.kinds, task.home)
    best = replace(best, ways=ways, kinds=kinds)
    held = bool(best.ways) and task.allowed.covers(shapely.MultiLineString(best.ways))
    return best if held else None


def _plot_draft(plot: Plot, angle_deg: float, width_m: float) -> _Draft:
    """Return the passes over a plot in one direction at one width, and how well they spray it."""
    sides, lines = sides_of(plot, width_m), lines_of(plot, angle_deg, width_m)
    ways, kinds = (*sides, *lines), (True,) * len(sides) + (False,) * len(lines)
    sprayed = share_sprayed(plot, ways, width_m) if ways else 0.0
    return _Draft(
        ways=ways,
        kinds=kinds,
        angle_deg=angle_deg % 180.0,
        width_m=width_m,
        missed=1.0 - sprayed,
        twice=_work_m(ways) * width_m / max(sprayed * plot.shape.area, 1e-9) - 1.0,
    )


def _places(points: FloatArray) -> Way:
    return tuple((float(e), float(n)) for e, n in points)


def _widths(task: _Task, angle_deg: float, rate_l_ha: float) -> list[float]:
    """Return the narrower widths that promise most, by the ground's measures alone."""
    settings, ground = task.settings, task.ground
    if ground.area > HUGE_M2:
        return []
    full_m = settings.swath_m
    least_m = _least_width_m(settings, rate_l_ha)
    turn = turn_matrix(angle_deg)
    tried = [full_m - STEPS_OF * full_m * n for n in range(1, round(1.0 / STEPS_OF))]
    for part in explode(ground):
        extent_m = float(np.ptp((shapely.get_coordinates(part) @ turn.T)[:, 1]))
        count = math.ceil(extent_m / full_m - 1e-3)
        # a hair wider, so that places rounded to the centimetre cannot ask for one line more
        tried += [extent_m / n * EVENLY for n in (count, count + 1)]
    widths = sorted((w for w in tried if least_m <= w < 0.999 * full_m), reverse=True)
    promises = [_promises(task, width_m, turn) for width_m in widths]
    found: list[float] = []
    for scores in zip(*promises, strict=True):
        most = len(found) + (FEW if ground.area > LARGE_M2 else MOST)
        for number in ranked(scores, 4 * MOST, tie=0.002):
            if all(abs(widths[number] - other) > STEPS_OF * full_m for other in found):
                found.append(widths[number])
            if len(found) == most:
                break
    return found


def _least_width_m(settings: SpraySettings, rate_l_ha: float) -> float:
    """Return the narrowest swath that is worth flying and that the pump can give."""
    per_m = L_MIN_PER_L_HA_M_M_S * rate_l_ha * settings.speed_m_s
    least_m = max(NARROWEST * settings.swath_m, settings.sprayer.min_flow_l_min / per_m)
    return min(settings.swath_m, least_m)


def _promises(task: _Task, width_m: float, turn: FloatArray) -> tuple[float, float]:
    """Return what a width is likely to spray twice and fly more, shares of the ground, two ways.

    The edge sprays its length times the width on what lies outside the ground it leaves. Lines
    overlap by how much their even spacing over a part's whole extent falls short of the width;
    or, where a part has arms, by what their own chords tell.
    """
    ground = task.ground
    rest, ring_m = ground, 0.0
    if task.settings.edge_pass:
        rest = ground.buffer(-width_m, join_style="mitre", mitre_limit=3.0)
        ring_m = ground.buffer(-width_m / 2.0, join_style="mitre", mitre_limit=3.0).length
    edge_m2 = max(0.0, ring_m * width_m - (ground.area - rest.area))
    even_m2 = arms_m2 = 0.0
    for part in explode(rest):
        edges = edges_of(part) @ turn.T
        extent_m = float(np.ptp(edges[:, :, 1]))
        even_m2 += part.area * (line_count(extent_m, width_m) * width_m / extent_m - 1.0)
        lines_m = min(_lines_m(edges, width_m, fit) for fit in (Fit.EVEN, Fit.LOW, Fit.HIGH))
        arms_m2 += max(0.0, lines_m * width_m - part.area)
    more_way = WAY * (task.settings.swath_m / width_m - 1.0)
    return (
        (edge_m2 + even_m2) / ground.area + more_way,
        (edge_m2 + arms_m2) / ground.area + more_way,
    )


def _lines_m(edges: FloatArray, width_m: float, fit: Fit) -> float:
    """Return about how long the lines over turned ground are, infinite without the fit."""
    at = levels(edges, width_m, fit)
    if len(at) == 0:
        return math.inf
    spacing_m = at[1] - at[0] if len(at) > 1 else float(np.ptp(edges[:, :, 1]))
    within = at[None, :] + np.array(LEVELS)[:, None] * spacing_m
    reached = chord_lengths(edges, within.ravel()).reshape(within.shape)
    return float(reached.max(axis=0).sum())


def _cut(task: _Task, legs: Sequence[Leg], angle_deg: float, width_m: float) -> _Draft:
    """Return the passes over working legs, and what they miss and spray twice."""
    cut = cut_passes(legs, task.ground, width_m, allowed=task.allowed)
    ways = tuple(way for way, _ in cut)
    sprayed = swept(ways, width_m).intersection(task.ground).area if ways else 0.0
    return _Draft(
        ways=ways,
        kinds=tuple(edge for _, edge in cut),
        angle_deg=angle_deg % 180.0,
        width_m=width_m,
        missed=1.0 - sprayed / task.ground.area,
        twice=_work_m(ways) * width_m / max(sprayed, 1e-9) - 1.0,
    )


def _work_m(ways: Sequence[Way]) -> float:
    """Return the length of ways."""
    return sum(float(np.hypot(*np.diff(way, axis=0).T).sum()) for way in ways)
