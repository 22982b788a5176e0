"""Tree by tree: over small crowns the aircraft hovers, over wide ones it flies rings.

Theory of operation
-------------------
**One flow.** ArduPilot's sprayer makes the pump follow the ground speed, but never less than
SPRAY_PUMP_MIN; over a tree the speed is nought. So a plan for trees is flown at one flow all along
(SPRAY_PUMP_MIN at its share, SPRAY_PUMP_RATE and SPRAY_SPEED_MIN 0), and litres are flow × time. A
sprayer on a plain channel can do no more either. SPRAY_PUMP_MIN keeps whole percents of the pump's
output, so only those flows are tried.

**Hovering.** A crown no wider than the swath gets a spot. ArduCopter's LOITER_TIME keeps whole
seconds; the flow is chosen so that at whole seconds every tree gets its litres within
`DOSE_ERROR`. Of the flows that take nearly the least time, the most exact is taken. Where a few
trees, saplings as a rule, cannot be dosed right together with the others, they are left out and
told; where more than `LEFT_SHARE` cannot, the plan is refused.

**Rings.** A wider crown gets one ring, or several, at radii such that the swath covers it all, the
outermost reaching just to its edge. Time is set by the speed, and where that would be too slow by
flying the rings again. A ring is flown as a polygon of 8 or 12 corners. Its legs are short, and
short legs are flown slower than asked, so that the dose would be too high: on ArduCopter by a third
round 12 corners of 1 m radius at 0.5 m/s. So the speed is one that is kept on them
(`missions.passes.speeds.steady_m_s`); the fewer the corners, the faster.

**Order.** `missions.orchard.tour`, from the pad and back to it; where a straight leg is not allowed
its length is that of the shortest way round.

**Dose.** By crown volume, by tree, one for each as a rate map has it, or by the ground beneath the
crown at the rate of the settings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import MultiPoint
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput, Refused
from agri.findings import Finding
from agri.words import Message
from missions.airspace.route import Place, distances
from missions.flightplan import DEFAULT_LIMITS, Site, VehicleLimits
from missions.orchard.crowns import Tree
from missions.orchard.tour import tour, visit
from missions.orchard.tree_ground import left_out, tree_ground
from missions.passes.route import Pass, SprayRoute
from missions.passes.speeds import steady_m_s
from missions.sprayer.dose import held_percents, pump_flow_l_min
from missions.sprayer.gear import Sprayer
from missions.sprayer.job import SpraySettings

FloatArray = NDArray[np.float64]
DOSE_ERROR = 0.05
"""Share by which a tree's litres may be off."""
CORNERS, WIDE_CORNERS, WIDE_M = 8, 12, 1.5
"""Of a ring, and of one whose radius is greater than `WIDE_M`, which must be rounder to cover its
crown."""
LEAST_RING_M = 1.0
"""Radius of the smallest ring flown as a single one; nearer to the middle it would be a hover."""
SLOWEST_M_S = 0.22
"""Slower than this a ring is flown again instead; ArduCopter takes no less than 0.2 m/s."""
LEAST_DWELL_S = 3.0
"""Shortest hovering: the sprayer is switched three times a second and the hose fills (assumed)."""
LEFT_SHARE = 0.1
"""Share of the trees that may be left out because no common flow doses them right."""
NEARLY = 1.1
"""Flows whose time is within this of the least are judged by how exact they are."""


def plan_trees(
    site: Site,
    settings: SpraySettings,
    trees: Sequence[Tree],
    *,
    litres_per_m3: float | None = None,
    litres_per_tree: float | None = None,
    litres_each: Sequence[float] | None = None,
    standing: Sequence[Tree] = (),
    buffers: Sequence[BaseGeometry] = (),
    limits: VehicleLimits = DEFAULT_LIMITS,
) -> SprayRoute:
    """Plan the spraying of single trees.

    Parameters
    ----------
    site : Site
        Field, pad and what stands around them.
    settings : SpraySettings
        Sprayer, swath, heights; ``crop_height_m`` not below the highest tree.
    trees : sequence of Tree
        In local metres of ``site.field.frame``.
    litres_per_m3 : float, optional
        Dose by crown volume; `missions.orchard.crowns.LITRES_PER_M3` is an assumption to begin
        with.
    litres_per_tree : float, optional
        The same dose for every tree.
    litres_each : sequence of float, optional
        A dose for each, in the order of `trees`, as from a rate map. With none of the three,
        ``settings.rate_l_ha`` on the ground beneath the crown.
    standing : sequence of Tree
        Others that are not to be sprayed but flown over.
    buffers : sequence of shapely geometry
        What spray must not reach, local metres.
    limits : VehicleLimits
        What the vehicle can store.

    Returns
    -------
    SprayRoute
        One pass for each tree sprayed, a spot or rings, all at one flow; `findings` tells which
        trees are left out and why. The same input gives the same route.

    Raises
    ------
    BadInput
        When two doses are given, or one that is not above 0, or there is no tree.
    Refused
        When no flow of the pump doses nearly every tree right, a tree needs more than the tank
        holds, a tree is too tall for the flying height, or none may be sprayed.
    """
    if not trees:
        raise BadInput("error.trees_none", field=site.field.name)
    litres = _wanted(trees, settings, litres_per_m3, litres_per_tree, litres_each)
    rings = [ring_radii(tree.radius_m, settings.swath_m) for tree in trees]
    half_m = settings.swath_m / 2.0
    reach_m = [max(tree.radius_m, max(radii, default=0.0) + half_m)
               for tree, radii in zip(trees, rings, strict=True)]  # fmt: skip
    ground = tree_ground(
        site,
        settings,
        trees,
        reach_m=reach_m,
        beside_m=[max(radii, default=0.0) for radii in rings],
        standing=standing,
        buffers=buffers,
        limits=limits,
    )
    works = [
        _Work(tree=trees[number], litres=litres[number], ways=_ring_way(rings[number]))
        for number in ground.numbers
    ]
    flow, right = _one_flow(works, settings)
    wrong = [work.tree for work, fits in zip(works, right, strict=True) if not fits]
    works = [work for work, fits in zip(works, right, strict=True) if fits]
    order = _order([work.tree.place for work in works], ground.home, ground.allowed)
    return SprayRoute(
        passes=tuple(_passes([works[number] for number in order], ground.home, flow, settings)),
        home=ground.home,
        allowed=ground.allowed,
        treatable=ground.treatable,
        angle_deg=math.nan,
        findings=(*ground.findings, *_undosed(wrong, flow)),
    )


def hover_flow_l_min(route: SprayRoute) -> float | None:
    """Return the one flow of a route that has spots, None for a route without.

    Examples
    --------
    >>> spot = Pass(points=((0, 0),), width_m=4.0, spot_l=0.4, dwell_s=8.0)
    >>> here = MultiPoint([(0, 0)]).buffer(9)
    >>> hover_flow_l_min(SprayRoute(passes=(spot,), home=(0, 0), allowed=here, treatable=here,
    ...                             angle_deg=math.nan))
    3.0
    """
    return next((60.0 * p.spot_l / p.dwell_s for p in route.passes if p.is_spot), None)


def ring_radii(radius_m: float, swath_m: float) -> tuple[float, ...]:
    """Return the radii of the rings that cover a crown, from the outside in; none for a hover.

    Examples
    --------
    >>> ring_radii(2.0, 4.0), ring_radii(3.5, 4.0), ring_radii(5.0, 4.0)
    ((), (1.5,), (3.0, 1.25))
    """
    half_m = swath_m / 2.0
    if radius_m <= half_m + 1e-9:
        return ()
    outer_m = max(radius_m - half_m, min(LEAST_RING_M, half_m))
    count = math.ceil(radius_m / swath_m - 1e-9)
    if count == 1:
        return (outer_m,)
    inner_m = radius_m / count / 2.0
    return tuple(float(radius) for radius in np.linspace(outer_m, inner_m, count))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """A tree, its litres, and the way round its middle; a hover has none."""

    tree: Tree
    litres: float
    ways: FloatArray

    @property
    def length_m(self) -> float:
        return float(np.hypot(*np.diff(self.ways, axis=0).T).sum())

    def laps(self, flow_l_min: float | FloatArray) -> FloatArray:
        """Return how often the way is flown at a flow, not to be slower than can be flown."""
        time_s = 60.0 * self.litres / np.asarray(flow_l_min)
        return np.maximum(1.0, np.ceil(SLOWEST_M_S * time_s / self.length_m - 1e-9))


def _wanted(
    trees: Sequence[Tree],
    settings: SpraySettings,
    litres_per_m3: float | None,
    litres_per_tree: float | None,
    litres_each: Sequence[float] | None,
) -> list[float]:
    """Return the litres of every tree."""
    if sum(told is not None for told in (litres_per_m3, litres_per_tree, litres_each)) > 1:
        raise BadInput("error.trees_two_doses")
    for told in (litres_per_m3, litres_per_tree, *(litres_each or ())):
        if told is not None and not 0.0 < told < 1e4:
            raise BadInput("error.trees_dose_value", value=told)
    if litres_each is not None:
        litres = [dose for _, dose in zip(trees, litres_each, strict=True)]
    elif litres_per_tree is not None:
        litres = [litres_per_tree] * len(trees)
    elif litres_per_m3 is not None:
        litres = [litres_per_m3 * tree.volume_m3 for tree in trees]
    else:
        litres = [settings.rate_l_ha * tree.ground_m2 / 10_000.0 for tree in trees]
    most = int(np.argmax(litres))
    if litres[most] > settings.sprayer.usable_l:
        raise Refused(
            "error.tree_over_tank",
            tree=trees[most].name,
            litres=litres[most],
            tank_l=settings.sprayer.usable_l,
        )
    return litres


def _ring_way(radii: Sequence[float]) -> FloatArray:
    """Return the way round all rings about (0, 0), from the outermost's point due east on.

    Corners lie so far out that the mean of corner and middle of an edge is the radius.
    """
    if not radii:
        return np.empty((0, 2))
    return np.concatenate([radius * _circle(_corners(radius)) for radius in radii])


def _corners(radius_m: float) -> int:
    return CORNERS if radius_m <= WIDE_M else WIDE_CORNERS


def _circle(corners: int) -> FloatArray:
    turn = np.linspace(0.0, math.tau, corners + 1)
    out = 2.0 / (1.0 + math.cos(math.pi / corners))
    return np.stack([np.cos(turn), np.sin(turn)], axis=1) * out


def _flows(sprayer: Sprayer) -> FloatArray:
    """Return the flows that can be held, at whole percents of the pump's output."""
    least, most = held_percents(sprayer)
    flows = [pump_flow_l_min(sprayer, percent / 100.0) for percent in range(least, most + 1)]
    return np.array([flow for flow in flows if flow > 0.0])


def _one_flow(works: Sequence[_Work], settings: SpraySettings) -> tuple[float, NDArray[np.bool_]]:
    """Return the flow at which every tree, or nearly every one, gets its litres, and which do."""
    flows = _flows(settings.sprayer)
    off = np.stack([_off(work, flows, settings) for work in works])
    right = off <= DOSE_ERROR
    count = right.sum(axis=0)
    most = int(count.max(initial=0))
    if most < (1.0 - LEFT_SHARE) * len(works):
        least = int(np.argmax(count))
        hardest = works[int(np.argmax(off[:, least]))]
        raise Refused(
            "error.trees_out_of_pump",
            low=float(flows.min(initial=math.inf)),
            high=float(flows.max(initial=0.0)),
            percent=100.0 * DOSE_ERROR,
            tree=hardest.tree.name,
            litres=hardest.litres,
        )
    quick = (count == most) & (flows * NEARLY >= flows[count == most].max())
    worst = np.where(right, off, 0.0).max(axis=0)
    best = int(np.argmin(np.where(quick, np.round(worst, 9), math.inf)))
    return float(flows[best]), right[:, best]


def _undosed(trees: Sequence[Tree], flow_l_min: float) -> list[Finding]:
    if not trees:
        return []
    why = Message.of("finding.why_dose", flow=flow_l_min, percent=100.0 * DOSE_ERROR)
    return [left_out(trees, why)]


def _off(work: _Work, flows: FloatArray, settings: SpraySettings) -> FloatArray:
    """Return the share by which a tree's litres are off at each flow, infinite where not flown."""
    time_s = 60.0 * work.litres / flows
    if len(work.ways):
        speed_m_s = work.laps(flows) * work.length_m / time_s
        return np.where(speed_m_s <= _fastest_m_s(work, settings) + 1e-9, 0.0, math.inf)
    dwell_s = np.round(time_s)
    return np.where(dwell_s >= LEAST_DWELL_S, np.abs(dwell_s / time_s - 1.0), math.inf)


def _fastest_m_s(work: _Work, settings: SpraySettings) -> float:
    """Return the greatest speed that is kept on the shortest leg of the rings."""
    legs = np.hypot(*np.diff(work.ways, axis=0).T)
    steady = steady_m_s(float(legs.min()))
    return min(settings.speed_m_s, settings.sprayer.max_speed_m_s, max(steady, SLOWEST_M_S))


def _order(places: Sequence[Place], home: Place, allowed: BaseGeometry) -> list[int]:
    """Return the order of a short way from the pad over all places and back."""
    if allowed.buffer(1e-6).covers(MultiPoint([home, *places]).convex_hull):
        return tour(np.array(places), start=home, end=home)
    between = distances(allowed, np.array([home, *places]))
    return [number - 1 for number in visit(between, first=0, last=0)[1:]]


def _passes(
    works: Sequence[_Work], home: Place, flow_l_min: float, settings: SpraySettings
) -> list[Pass]:
    """Return the passes; a ring begins where the aircraft comes from."""
    found = []
    for before, work in pairwise([None, *works]):
        assert work is not None  # noqa: S101 - only the first is None
        came = home if before is None else before.tree.place
        if not len(work.ways):
            dwell_s = float(np.round(60.0 * work.litres / flow_l_min))
            found.append(
                Pass(
                    points=(work.tree.place,),
                    width_m=settings.swath_m,
                    spot_l=flow_l_min * dwell_s / 60.0,
                    dwell_s=dwell_s,
                )
            )
            continue
        found.append(_round(work, came, flow_l_min, settings.swath_m))
    return found


def _round(work: _Work, came: Place, flow_l_min: float, width_m: float) -> Pass:
    """Return the rings over one tree as one pass, every other lap the other way round."""
    laps = int(work.laps(flow_l_min))
    east, north = work.tree.place
    turn = math.atan2(came[1] - north, came[0] - east)
    cos, sin = math.cos(turn), math.sin(turn)
    way = work.ways @ np.array([[cos, sin], [-sin, cos]]) + [east, north]
    whole = np.concatenate([way] + [way[:: (-1) ** lap][1:] for lap in range(1, laps)])
    points = tuple((float(e), float(n)) for e, n in whole)
    length_m = laps * work.length_m
    return Pass(
        points=points,
        width_m=width_m,
        rate_l_ha=10_000.0 * work.litres / (width_m * length_m),
        speed_m_s=length_m * flow_l_min / (60.0 * work.litres),
    )
