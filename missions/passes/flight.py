"""A route as it is flown: its passes joined to runs, run-ups and run-outs, the ways between them.

Theory of operation
-------------------
Seen on ArduCopter 4.6-dev (default WPNAV_ACCEL 2.5, WPNAV_JERK 1, WPNAV_RADIUS 2), logged at 50 Hz:

* Every leg between two waypoints is one S-curve from rest to rest, blended with its neighbours. A
  short leg is slow whatever follows: a run-up of 5 m as a leg of its own ended at 1.8 m/s of 5. So
  run-up, swath and run-out are **one leg**, and the pump is switched on the way by
  CONDITION_DISTANCE, which fired within 5 cm of the distance asked. When it is told what is
  `missions.passes.timing`.
* A waypoint with a delay is not cut: the aircraft stops there. Where a pass ends at the border and
  there is no room to run out, it stops so; the pump, which follows the speed, stops with it, and
  no drop is thrown beyond by turning while the hose still empties.

**Come to slowly.** Where the way leads nearly straight into a run, the aircraft comes at full
speed; with less room to run up than the pump needs at that speed, the swath would begin late by
what is missing, 1.4 m at 4 m/s with 1.7 m of room. The order cannot be given sooner: before the
bend it would be lost, or, far enough before it, wet what may not be. So the run is begun from a
stop (`Run.from_rest`) where that gives back at least `LATE_M`: the speed then grows along the
run-up as from a corner, and the pump has its time.

**Come to from a short leg.** How fast it then is at the bend hangs on that leg, not on the way from
the last corner. Taken for full speed, the pump was told too soon: behind a leg of 4 m and with 4 m
to run up, the swath began 2.0 m before its line, where a neighbour's ground may be. So behind a leg
shorter than `full_leg_m` the run begins from a stop too, where the doubt is `LATE_M` or more.

A stop costs about 5 s; of 1,068 runs over the reference fields one needs it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from agri.geo import turn_deg
from missions.airspace.route import TOLERANCE_M, Place, ways
from missions.coverage.leads import reach
from missions.passes.route import Pass, SprayRoute
from missions.passes.timing import (
    NEAR_M,
    PUMP_ON_S,
    ROUNDING_M,
    full_leg_m,
    gone_m,
    off_before_m,
    on_before_m,
    run_up_m,
    speed_after,
)

AT_ONCE_M = 0.05
"""An order this near behind a waypoint is given when that is reached."""
REMEMBERED = 4
"""Flights kept in mind: cutting, timing, writing and fencing a route each ask for the same one."""
CORNER_DEG, DOUBT_DEG = 20.0, 1.0
"""A corner sharper than this slows the aircraft down; where rounded places leave it open whether
one does, spraying rather begins late and ends short."""
LATE_M = 0.5
"""A swath that would begin later than this is come to slowly; less is within what the pump's look
at the speed, three times a second, leaves open."""
TOUCH_M = 0.05
"""Passes whose ends are nearer than this are flown on without a stop of the pump."""
ON_DEG = 25.0
"""Touching passes that turn by more than this are flown one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Passes flown in one go, with what is flown before and after them in the same line.

    Parameters
    ----------
    points : tuple of (east_m, north_m)
        The whole way; one point for a spot.
    lead_m, tail_m : float
        Length of the run-up and of the run-out.
    before_m, after_m : float
        How far before and behind the whole way the corner lies at which the aircraft slows down:
        a transit that comes or goes straight on is flown at speed.
    from_rest : bool
        Whether the aircraft stops before it, because it would come too fast for its run-up.
    passes : tuple of Pass
        One, or several that touch, the end of each the start of the next.
    """

    points: tuple[Place, ...]
    lead_m: float = 0.0
    tail_m: float = 0.0
    before_m: float = 0.0
    after_m: float = 0.0
    from_rest: bool = False
    passes: tuple[Pass, ...]

    @property
    def is_spot(self) -> bool:
        """Whether it is hovered over one place."""
        return len(self.points) == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Flight:
    """A route as it is flown.

    Parameters
    ----------
    runs : tuple of Run
        In flying order.
    transits : tuple of tuple of (east_m, north_m)
        Ways from the pad to the first run, from each to the next, and home; one more than runs.
    """

    runs: tuple[Run, ...]
    transits: tuple[tuple[Place, ...], ...]


def ordered_m(run: Run, hose_s: float, *, pump_s: float = PUMP_ON_S) -> tuple[float, float]:
    """Return how far along a run the sprayer is ordered on, and off.

    Examples
    --------
    >>> swath = Pass(points=((0, 0), (50, 0)), width_m=4.0, rate_l_ha=20.0, speed_m_s=4.0)
    >>> roomy = Run(points=((-9, 0), (59, 0)), lead_m=9.0, tail_m=9.0, passes=(swath,))
    >>> [round(far_m, 1) for far_m in ordered_m(roomy, 0.3)]
    [5.4, 57.8]
    """
    first, last = run.passes[0].speed_m_s, run.passes[-1].speed_m_s
    early = on_before_m(run.lead_m, first, hose_s, pump_s=pump_s, before_m=run.before_m)
    end_m = run.lead_m + sum(work.length_m for work in run.passes)
    return run.lead_m - early, end_m - off_before_m(run.tail_m, last, hose_s, after_m=run.after_m)


def beyond_m(run: Run, hose_s: float, *, pump_s: float = PUMP_ON_S) -> tuple[float, float]:
    """Return how much longer than its passes a run is wet, before its beginning and behind its end.

    Less than 0 where it begins late for want of room to run up, or ends short.

    Examples
    --------
    >>> swath = Pass(points=((0, 0), (50, 0)), width_m=4.0, rate_l_ha=20.0, speed_m_s=4.0)
    >>> short = Run(points=swath.points, passes=(swath,))
    >>> roomy = Run(points=((-9, 0), (59, 0)), lead_m=9.0, tail_m=9.0, passes=(swath,))
    >>> [[round(far_m, 1) for far_m in beyond_m(run, 0.3)] for run in (short, roomy)]
    [[-1.4, 0.1], [0.4, 0.0]]
    """
    if run.is_spot:
        return 0.0, 0.0
    first, last = run.passes[0].speed_m_s, run.passes[-1].speed_m_s
    far_m = ordered_m(run, hose_s, pump_s=pump_s)[0]
    far_m += gone_m(run.before_m + far_m, first, pump_s + hose_s)
    off_m = off_before_m(run.tail_m, last, hose_s, after_m=run.after_m)
    empty_m = speed_after(off_m + run.tail_m + run.after_m, last) * hose_s
    return run.lead_m - far_m, empty_m - off_m


def flight(route: SprayRoute, fill_s: float = 0.0) -> Flight:
    """Return a route as it is flown: its runs, and the ways between them.

    Parameters
    ----------
    route : SprayRoute
        Passes and where legs may run.
    fill_s : float
        From the order to spray to full flow, as `full_after_s` tells of a sprayer: by it some runs
        begin from a stop. By default there is none, which is right for lengths and places only.

    Raises
    ------
    Refused
        When the allowed region joins two runs, or a run and the pad, by no way.

    Examples
    --------
    >>> swath = Pass(points=((10, 0), (110, 0)), width_m=5.0, rate_l_ha=20.0, speed_m_s=4.0)
    >>> flown = flight(SprayRoute(passes=(swath,), home=(0, 0), allowed=shapely.box(-9, -9, 112, 9),
    ...                           treatable=shapely.box(10, -2, 110, 2), angle_deg=90.0))
    >>> run = flown.runs[0]
    >>> run.points[0], run.lead_m, round(run.tail_m, 2)
    ((6.0, 0.0), 4.0, 0.0)
    """
    return _flown(route.passes, route.home, route.allowed, fill_s)


@lru_cache(maxsize=REMEMBERED)
def _flown(passes: tuple[Pass, ...], home: Place, allowed: BaseGeometry, fill_s: float) -> Flight:
    found = _runs(passes, allowed)
    ends = [home, *(end for run in found for end in (run.points[0], run.points[-1])), home]
    pairs = list(zip(ends[::2], ends[1::2], strict=True))
    transits = tuple(ways(allowed, pairs))
    cornered = _cornered(found, transits)
    runs = (_slowed(run, way, fill_s) for run, way in zip(cornered, transits, strict=False))
    return Flight(runs=tuple(runs), transits=transits)


def _slowed(run: Run, way: Sequence[Place], fill_s: float) -> Run:
    """Return a run that begins from a stop where it would else begin late, or nobody knows when."""
    if run.is_spot or run.before_m <= 0.0 or math.dist(*way[-2:]) < TOUCH_M:
        return run
    speed = run.passes[0].speed_m_s
    fast_m, slow_m = (gone_m(far_m, speed, fill_s) for far_m in (run.before_m, 0.0))
    short = math.dist(*way[-2:]) < full_leg_m(speed)
    if fast_m - (slow_m if short else max(run.lead_m, slow_m)) < LATE_M:
        return run
    return replace(run, before_m=0.0, from_rest=True)


def _cornered(runs: Sequence[Run], transits: Sequence[Sequence[Place]]) -> Iterator[Run]:
    """Yield runs with how far from their ends the corners lie at which the aircraft slows down."""
    for n, run in enumerate(runs):
        if run.is_spot:
            yield run
            continue
        from_run = runs[n - 1].points if n and runs[n - 1].tail_m else ()
        to_run = runs[n + 1].points if n + 1 < len(runs) else ()
        into = [*from_run, *transits[n]][::-1]
        onward = [*transits[n + 1], *to_run]
        before_m = _straight_m(run.points[1::-1], into, CORNER_DEG - DOUBT_DEG)
        after_m = _straight_m(run.points[-2:], onward, CORNER_DEG + DOUBT_DEG)
        yield replace(run, before_m=before_m, after_m=after_m if run.tail_m else 0.0)


def _straight_m(leg: Sequence[Place], way: Sequence[Place], most_deg: float) -> float:
    """Return how far a way that begins at the end of a leg goes on without a corner."""
    far_m, here = 0.0, leg
    for step in pairwise(way):
        if math.dist(*step) < TOUCH_M:
            continue
        if len(here) < 2 or turn_deg(here, step) > most_deg:
            break
        far_m += math.dist(*step)
        here = step
    return far_m


def _runs(passes: tuple[Pass, ...], allowed: BaseGeometry) -> tuple[Run, ...]:
    roomy = allowed.buffer(TOLERANCE_M / 4.0, join_style="mitre")
    shapely.prepare(roomy)
    return tuple(_run(chain, roomy) for chain in chains(passes))


def chains(passes: Sequence[Pass]) -> list[list[Pass]]:
    """Return passes grouped by those that are flown on from one to the next."""
    found: list[list[Pass]] = []
    for work in passes:
        if found and _goes_on(found[-1][-1], work):
            found[-1].append(work)
        else:
            found.append([work])
    return found


def _goes_on(first: Pass, second: Pass) -> bool:
    if first.is_spot or second.is_spot:
        return False
    if math.dist(first.points[-1], second.points[0]) > TOUCH_M:
        return False
    return turn_deg(first.points[-2:], second.points[:2]) <= ON_DEG


def _run(chain: Sequence[Pass], region: BaseGeometry) -> Run:
    if chain[0].is_spot:
        return Run(points=chain[0].points, passes=tuple(chain))
    points = list(chain[0].points)
    for work in chain[1:]:
        points += work.points[1:]
    lead_m, tail_m = chain[0].lead_m, chain[-1].tail_m
    least_m = NEAR_M if tail_m is None else NEAR_M - ROUNDING_M
    lead_m = run_up_m(chain[0].speed_m_s) if lead_m is None else lead_m
    tail_m = run_up_m(chain[-1].speed_m_s) if tail_m is None else tail_m
    before = _beyond(points[1], points[0], lead_m, region)
    after = _beyond(points[-2], points[-1], tail_m, region)
    lead_m, tail_m = math.dist(before, points[0]), math.dist(after, points[-1])
    if tail_m < least_m:
        after, tail_m = points[-1], 0.0
    bends = _without_straight([before, *points[1:-1], after])
    return Run(points=bends, lead_m=lead_m, tail_m=tail_m, passes=tuple(chain))


def _beyond(inner: Place, end: Place, far_m: float, region: BaseGeometry) -> Place:
    """Return how far the line from `inner` goes on straight beyond `end` inside the region."""
    step = np.subtract(end, inner)
    tip = np.asarray(end) + step / max(float(np.hypot(*step)), 1e-9) * far_m
    east_m, north_m = reach(end, tip, region)
    return float(east_m), float(north_m)


def _without_straight(points: Sequence[Place]) -> tuple[Place, ...]:
    """Return a way without the points at which it does not bend."""
    kept = [points[0]]
    for here, after in pairwise(points[1:]):
        if turn_deg((kept[-1], here), (here, after)) > 0.05 and math.dist(kept[-1], here) > 1e-6:
            kept.append(here)
    return (*kept, points[-1])
