"""Coverage: working lines over a whole field, and the way that joins them.

Theory of operation
-------------------
1. **Layouts** (`missions.coverage.layouts`): the working tracks of the most promising directions,
   with more or less of the edge flown, thorough to sparing.
2. **Choice**: missed ground is weighed as way. Layouts are ranked by their working length, line
   changes and that weight; the best few are joined into flights.
3. **Flight** (`missions.coverage.joining`): the tracks in a good order, with legs between them that
   stay in the allowed region as a whole, not only at their ends. The quickest is taken, turns
   counted.

What missed ground weighs: nothing up to `SPARE` of the field, which no swath's edge is known to;
beyond it `MISSED_WORTH` times the way that its own swath would take; and beyond the share that
flat swath ends leave at slanted borders, which grows with the width, prohibitively. On fields
smaller than `SMALL_M2` nothing is spare: there a plot's corner is a day's vegetables, and the way
is short anyhow.

All is in local metres, and nothing is random: the same field gives the same plan.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput
from missions.airspace.keepouts import areas
from missions.airspace.route import Place
from missions.coverage.joining import join_tracks
from missions.coverage.layouts import Planner
from missions.coverage.mending import LARGE_STYLES, SMALL_STYLES, STYLES, Style
from missions.coverage.ties import first_least, ranked
from missions.coverage.tracks import Layout, Leg, LegKind, swept

__all__ = ["Coverage", "Leg", "LegKind", "lay_out", "plan_coverage", "swept"]

FLOWN = 4
"""How many layouts are joined into flights to be compared."""
TIE_COST_M = 0.5
"""Flights whose costs differ by less are equal."""
SPARE = 0.002
"""Share of a field that may stay uncovered unweighed."""
SMALL_M2 = 10_000.0
"""On fields smaller than this nothing is spare."""
LARGE_M2 = 80_000.0
"""Fields larger than this are not planned thoroughly."""
MISSED_WORTH = 4.0
"""How many times its own swath length a patch of missed ground is worth flying."""
SMALL_WORTH = 60.0
"""The same on a small field."""
MOST_MISSED_PER_M = 0.0012
"""Share of the field, per metre of width, above which missed ground weighs prohibitively."""
PROHIBITIVE = 15.0
"""How many times more than worth what is above weighs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """A field's coverage plan.

    Parameters
    ----------
    legs : tuple of Leg
        In flying order; each begins where the one before ended.
    angle_deg : float
        Direction of the lines, degrees clockwise from north, 0 ≤ angle < 180.
    width_m : float
        Swath width asked for.
    spacing_m : float
        Widest spacing flown, never more than the width.
    """

    legs: tuple[Leg, ...]
    angle_deg: float
    width_m: float
    spacing_m: float

    @property
    def path_m(self) -> float:
        """Length of all legs."""
        return sum(leg.length_m for leg in self.legs)

    @property
    def work_m(self) -> float:
        """Length of the working legs."""
        return sum(leg.length_m for leg in self.legs if leg.works)

    @property
    def turns(self) -> int:
        """How often the aircraft changes direction by more than 20°."""
        points = [leg.points[0] for leg in self.legs[:1]]
        points += [point for leg in self.legs for point in leg.points[1:]]
        steps = [np.subtract(b, a) for a, b in pairwise(points) if math.dist(a, b) > 0.01]
        return sum(
            float(a @ b) < math.cos(math.radians(20.0)) * float(np.hypot(*a) * np.hypot(*b))
            for a, b in pairwise(steps)
        )

    @property
    def covered(self) -> BaseGeometry:
        """Ground within half a width of the working legs; flat ends, round bends."""
        return swept((leg.points for leg in self.legs if leg.works), self.width_m)


def plan_coverage(
    area: BaseGeometry,
    *,
    width_m: float,
    edge_pass: bool = True,
    whole_edge: bool = False,
    angle_deg: float | None = None,
    lead_in_m: float = 0.0,
    allowed: BaseGeometry | None = None,
    start: Place | None = None,
    speed_m_s: float = 5.0,
    acceleration_m_s2: float = 2.5,
    joined: int = FLOWN,
    camera: bool = False,
) -> Coverage:
    """Cover an area with working lines joined by legs that stay in the allowed region.

    Parameters
    ----------
    area : shapely.Polygon or MultiPolygon
        What to cover: concave, with holes, in parts; local metres.
    width_m : float
        Swath width, or line spacing of a survey.
    edge_pass : bool
        Whether to fly a pass round the border and every hole.
    whole_edge : bool
        Whether that pass leaves no side to the ends of the lines.
    angle_deg : float, optional
        Direction of the lines, degrees clockwise from north; None finds the quickest.
    lead_in_m : float
        How far lines begin before and go on after the area, where that is allowed.
    allowed : shapely.Polygon or MultiPolygon, optional
        Where every leg must stay as a whole; by default the area itself.
    start : (east_m, north_m), optional
        Where the aircraft comes from.
    speed_m_s, acceleration_m_s2 : float
        For the time that the direction is chosen by.
    joined : int
        How many layouts are joined into flights to be compared.
    camera : bool
        Whether what works is a camera, which sees beyond a line's end and the border.

    Returns
    -------
    Coverage
        Legs in flying order.

    Raises
    ------
    BadInput
        When the width is not positive, the area is empty, or the allowed region does not join all
        of it.

    Examples
    --------
    >>> plan = plan_coverage(shapely.box(0, 0, 120, 60), width_m=6.0)
    >>> round(plan.covered.area / (120 * 60), 3), round(plan.angle_deg)
    (1.0, 90)
    """
    planner, directions = _planner(
        area,
        allowed,
        angle_deg,
        width_m=width_m,
        edge_pass=edge_pass,
        whole_edge=whole_edge,
        lead_in_m=lead_in_m,
        speed_m_s=speed_m_s,
        acceleration_m_s2=acceleration_m_s2,
        camera=camera,
    )
    stop_m = speed_m_s**2 / acceleration_m_s2
    flown: list[tuple[float, Coverage]] = []
    for layout, fine_m in _ranked(planner, directions, stop_m):
        legs = join_tracks(layout.tracks, planner.region, start)
        if legs is None:
            continue
        plan = Coverage(
            legs=legs, angle_deg=layout.angle_deg, width_m=width_m, spacing_m=layout.spacing_m
        )
        flown.append((plan.path_m + plan.turns * stop_m / 2.0 + fine_m, plan))
        if len(flown) == joined:
            break
    if not flown:
        raise BadInput("error.coverage_disconnected")
    return flown[first_least([cost_m for cost_m, _ in flown], TIE_COST_M)][1]


def lay_out(
    area: BaseGeometry,
    *,
    width_m: float,
    edge_pass: bool = True,
    whole_edge: bool = False,
    angle_deg: float | None = None,
    allowed: BaseGeometry | None = None,
    speed_m_s: float = 5.0,
    acceleration_m_s2: float = 2.5,
) -> Layout:
    """Return the most promising working tracks over an area, in no order yet.

    Parameters
    ----------
    area, width_m, edge_pass, whole_edge, angle_deg, allowed, speed_m_s, acceleration_m_s2
        As in `plan_coverage`, which joins the best few layouts; this is many times quicker.

    Raises
    ------
    BadInput
        When the width is not positive, or the area is empty.

    Examples
    --------
    >>> layout = lay_out(shapely.box(0, 0, 120, 60), width_m=6.0)
    >>> len(layout.tracks), round(layout.angle_deg)
    (10, 90)
    """
    planner, directions = _planner(
        area,
        allowed,
        angle_deg,
        width_m=width_m,
        edge_pass=edge_pass,
        whole_edge=whole_edge,
        lead_in_m=0.0,
        speed_m_s=speed_m_s,
        acceleration_m_s2=acceleration_m_s2,
    )
    return next(_ranked(planner, directions, speed_m_s**2 / acceleration_m_s2))[0]


def _planner(
    area: BaseGeometry,
    allowed: BaseGeometry | None,
    angle_deg: float | None,
    *,
    width_m: float,
    edge_pass: bool,
    whole_edge: bool,
    lead_in_m: float,
    speed_m_s: float,
    acceleration_m_s2: float,
    camera: bool = False,
) -> tuple[Planner, list[float]]:
    """Return the planner of layouts, and the directions it is to try."""
    if not width_m > 0.0:
        raise BadInput("error.swath_width", value=width_m)
    ground = areas(area if allowed is None else shapely.intersection(area, allowed))
    if ground.is_empty:
        raise BadInput("error.coverage_empty")
    planner = Planner(
        ground=ground,
        region=area if allowed is None else allowed,
        width_m=width_m,
        edge_pass=edge_pass,
        lead_in_m=lead_in_m,
        speed_m_s=speed_m_s,
        acceleration_m_s2=acceleration_m_s2,
        styles=_styles(ground.area),
        whole_edge=whole_edge,
        camera=camera,
    )
    return planner, planner.directions() if angle_deg is None else [angle_deg]


def _styles(ground_m2: float) -> tuple[Style, ...]:
    if ground_m2 < SMALL_M2:
        return SMALL_STYLES
    return STYLES if ground_m2 < LARGE_M2 else LARGE_STYLES


def _ranked(
    planner: Planner, directions: Iterable[float], stop_m: float
) -> Iterator[tuple[Layout, float]]:
    """Yield layouts, the most promising first, each with what it misses as metres of way.

    No more are worked out than can be among the first `FLOWN`; the others only if those are not
    enough.
    """
    ground_m2, width_m = planner.ground.area, planner.width_m
    source = planner.layouts(directions)
    seen: list[tuple[Layout, float]] = []
    rough_m: list[float] = []
    for layout in source:
        fine_m = _fine_m(layout.missed_m2, ground_m2, width_m)
        seen.append((layout, fine_m))
        rough_m.append(layout.work_m + len(layout.tracks) * (width_m + stop_m) + fine_m)
        if len(seen) >= FLOWN and layout.least_m > sorted(rough_m)[FLOWN - 1] + TIE_COST_M:
            break
    for number in ranked(rough_m, tie=TIE_COST_M):
        yield seen[number]
    for layout in source:
        yield layout, _fine_m(layout.missed_m2, ground_m2, width_m)


def _fine_m(missed_m2: float, ground_m2: float, width_m: float) -> float:
    """Return what the ground missed by a layout weighs, as metres of way."""
    spare, worth = (0.0, SMALL_WORTH) if ground_m2 < SMALL_M2 else (SPARE, MISSED_WORTH)
    share = missed_m2 / ground_m2
    beyond = max(0.0, share - MOST_MISSED_PER_M * width_m)
    weighed = max(0.0, share - spare) + PROHIBITIVE * beyond
    return worth * weighed * ground_m2 / width_m
