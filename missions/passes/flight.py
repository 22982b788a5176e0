"""How the passes of a route are flown: run-ups, run-outs, speeds, and when the pump must be told.

Theory of operation
-------------------
Seen on ArduCopter 4.6-dev (default WPNAV_ACCEL 2.5, WPNAV_JERK 1, WPNAV_RADIUS 2), logged at 50 Hz:

* Every leg between two waypoints is one S-curve from rest to rest, blended with its neighbours. A
  short leg is slow whatever follows: a run-up of 5 m as a leg of its own ended at 1.8 m/s of 5. So
  run-up, swath and run-out are **one leg**, and the pump is switched on the way by
  CONDITION_DISTANCE, which fired within 5 cm of the distance asked.
* From the corner at which a leg begins (1.1 to 1.3 m/s are kept through it) the speed is near
  sqrt(1.2² + 2 · 1.35 · far), up to the leg's: 3.7 m/s after 3.5 m, 4.1 to 4.4 after 5.5 m.
  `RUN_UP_M_S2` makes the run-up 6.25 m at 5 m/s, 3.5 m at 3 m/s, where the room is there.
* **On** takes effect 0.33 to 0.67 s after DO_SPRAYER 1, evenly spread: the sprayer looks three
  times a second; the first look sees speed above SPRAY_SPEED_MIN, the next finds 0.1 s passed and
  turns the pump. Of 32 switchings the mean was 0.50 s. **Off** is at once.
* The hose gives full flow, and the last drop, `hose_s` after the pump.

* A waypoint with a delay is not cut: the aircraft stops there. Where a pass ends at the border and
  there is no room to run out, it stops so; the pump, which follows the speed, stops with it, and
  no drop is thrown beyond by turning while the hose still empties.

So the order to spray is given ``v · (0.5 + 0.1 + hose)`` before the swath begins (0.1 s on the
safe side, 0.4 m at most), less what the aircraft still gains in that time, and the order to stop
``v · hose`` before it ends. At 5 m/s the swath begins 1.2 m before to 0.4 m behind its line.

**Come to slowly.** Where the way leads nearly straight into a run, the aircraft comes at full
speed; with less room to run up than the pump needs at that speed, the swath would begin late by
what is missing, 1.4 m at 4 m/s with 1.7 m of room. The order cannot be given sooner: before the
bend it would be lost, or, far enough before it, wet what may not be. So the run is begun from a
stop (`Run.from_rest`) where that gives back at least `LATE_M`: the speed then grows along the
run-up as from a corner, and the pump has its time. A stop costs about 5 s.

**Orders that a bend eats.** What is held back when a waypoint is reached is forgotten; one flown
through is reached when the target is there, the aircraft a little behind. Of 150 orders 0.05 to 3 m
before a bend of 5 to 30°, at 0.4 to 6 m/s, in still air and in gusts of 7 m/s, most nearer than
0.2 m were lost and none further than 0.3 m; with position control half as stiff some at 0.7 m, at
6 m/s (0.12 s). At a right angle 0.5 m is lost too; before a stop nothing is. An order to begin
keeps `on_lost_m` from a bend, four times the worst; one to stop or to slow down `NEAR_M`, because
what is ordered off must be off.
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
from missions.sprayer.gear import PumpControl, Sprayer

PUMP_ON_S = 0.5
"""From DO_SPRAYER 1 to a turning pump, mean; it spreads by `PUMP_JITTER_S` to either side."""
PUMP_JITTER_S = 1.0 / 6.0
EARLY_S = 0.1
"""How much sooner than its mean the pump is told to begin: a metre sprayed twice where the ground
before is sprayed anyhow weighs less than a metre missed. Over the reference fields it lifts what
is sprayed from 99.4 to 99.7 % and the dose's CV by 0.5 points."""
EARLY_M = 0.4
"""But no further than this before the swath: at the border what comes before it is a neighbour's,
and `missions.checks.spray` lets a stretch begin half a metre off."""
ROUNDING_M = 0.05
"""What places and orders rounded on the wire may add to a pass."""
RUN_UP_M_S2 = 2.0
"""A run-up is as long as this acceleration takes to the pass's speed."""
GAIN_M_S2 = 1.35
"""Acceleration over the first metres of a leg, as measured: S-curves begin gently."""
NEAR_M = 3.0
"""An order nearer to the next waypoint than this may be lost: WPNAV_RADIUS, by which corners are
cut, and what the aircraft lags behind its target."""
LOST_S, LOST_M = 0.5, 0.5
"""An on in less time, or nearer, before a bend may be lost."""
CORNER_M_S = 1.2
"""Speed kept through a sharp corner."""
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


def speed_after(far_m: float, speed_m_s: float) -> float:
    """Return the speed at a distance from a leg's beginning.

    Examples
    --------
    >>> round(speed_after(5.5, 5.0), 1), speed_after(50.0, 5.0)
    (4.0, 5.0)
    """
    return min(speed_m_s, math.sqrt(CORNER_M_S**2 + 2.0 * GAIN_M_S2 * max(0.0, far_m)))


def run_up_m(speed_m_s: float) -> float:
    """Return how long a run-up is made where there is room."""
    return max(NEAR_M + 0.5, speed_m_s**2 / (2.0 * RUN_UP_M_S2))


def on_before_m(
    lead_m: float,
    speed_m_s: float,
    hose_s: float,
    *,
    pump_s: float = PUMP_ON_S,
    before_m: float = 0.0,
) -> float:
    """Return how far before a swath's beginning the sprayer is switched on.

    Parameters
    ----------
    lead_m : float
        Run-up there is.
    speed_m_s : float
        Speed of the pass.
    hose_s : float
        From pump to full flow at the nozzle.
    pump_s : float
        From the order to a turning pump, mean; a plain servo turns at once.
    before_m : float
        How far before the run-up the last corner lies.

    Examples
    --------
    >>> on_before_m(100.0, 4.0, 0.3), on_before_m(100.0, 4.0, 0.3, pump_s=0.0)
    (3.6, 1.6)
    >>> round(on_before_m(4.0, 5.0, 0.3), 2)
    2.56
    """
    left_s = pump_s + early_m(speed_m_s) / speed_m_s + hose_s
    here_m, step_s = 0.0, 0.01
    while left_s > 1e-9 and here_m < lead_m:
        from_corner_m = before_m + lead_m - here_m
        here_m += speed_after(from_corner_m, speed_m_s) * min(step_s, left_s)
        left_s -= step_s
    return round(min(here_m, lead_m), 3)


def on_lost_m(speed_m_s: float) -> float:
    """Return how near before a bend an order to begin may be lost.

    Examples
    --------
    >>> on_lost_m(0.4), on_lost_m(4.0), on_lost_m(8.0)
    (0.5, 2.0, 3.0)
    """
    return min(NEAR_M, max(LOST_M, LOST_S * speed_m_s))


def on_from_corner_m(speed_m_s: float, hose_s: float, *, pump_s: float = PUMP_ON_S) -> float:
    """Return how far before a swath's beginning an order to begin is given at a corner.

    Examples
    --------
    >>> round(on_from_corner_m(5.0, 0.3), 2), round(on_from_corner_m(1.0, 0.3), 2)
    (1.57, 0.9)
    """
    left_s = pump_s + early_m(speed_m_s) / speed_m_s + hose_s
    return round(gone_m(0.0, speed_m_s, left_s), 3)


def gone_m(from_corner_m: float, speed_m_s: float, time_s: float) -> float:
    """Return how far the aircraft gets in a time, some way past a corner.

    Examples
    --------
    >>> round(gone_m(50.0, 4.0, 0.5), 3), round(gone_m(0.0, 4.0, 1.0), 2)
    (2.0, 1.87)
    """
    far_m, step_s = 0.0, 0.01
    for _ in range(round(time_s / step_s)):
        far_m += speed_after(from_corner_m + far_m, speed_m_s) * step_s
    return far_m


def early_m(speed_m_s: float) -> float:
    """Return how far before a swath's beginning it is sprayed on purpose.

    Examples
    --------
    >>> early_m(2.0), early_m(6.0)
    (0.2, 0.4)
    """
    return min(EARLY_S * speed_m_s, EARLY_M)


def early_l(work: Pass) -> float:
    """Return what a pass takes by beginning early, rounding on the wire counted; 0 for a spot."""
    if work.is_spot:
        return 0.0
    return work.litres / work.length_m * (early_m(work.speed_m_s) + ROUNDING_M)


def off_before_m(tail_m: float, speed_m_s: float, hose_s: float, *, after_m: float = 0.0) -> float:
    """Return how far before a swath's end the sprayer is switched off.

    The speed is that at the order, before the aircraft slows for the corner `after_m` behind the
    run-out: so the last drop rather falls a little short than beyond.

    Examples
    --------
    >>> off_before_m(0.0, 5.0, 0.3), off_before_m(3.5, 5.0, 0.3)
    (0.36, 1.16)
    >>> off_before_m(3.5, 5.0, 0.3, after_m=50.0)
    1.5
    """
    slowing_m = speed_m_s * hose_s if tail_m > 0.0 else 0.0
    return round(speed_after(tail_m + slowing_m + after_m, speed_m_s) * hose_s, 3)


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


def full_after_s(sprayer: Sprayer) -> float:
    """Return the time from the order to spray to full flow at the nozzle, mean, seconds.

    Examples
    --------
    >>> from missions.catalogue import sprayer
    >>> full_after_s(sprayer("16 L hexa"))
    0.8
    """
    servo = sprayer.control is PumpControl.SERVO
    return sprayer.hose_s + (0.0 if servo else PUMP_ON_S)


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
    """Return a run that begins from a stop where it would else begin late."""
    if run.is_spot or run.before_m <= 0.0 or math.dist(*way[-2:]) < TOUCH_M:
        return run
    speed = run.passes[0].speed_m_s
    late_m, slowly_m = (gone_m(far_m, speed, fill_s) - run.lead_m for far_m in (run.before_m, 0.0))
    if late_m - max(slowly_m, 0.0) < LATE_M:
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
