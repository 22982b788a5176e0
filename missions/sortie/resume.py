"""The rest of a sortie that was broken off: what was not sprayed is planned again.

Theory of operation
-------------------
A disarmed ArduCopter has forgotten where it was, so the rest is a new route with its own mission,
made from the plan alone: its `SprayJob` holds the passes, its fence where legs may run (the margins
of `missions.airspace.fence` kept).

What was sprayed is a tuple of `Done`: stretches of passes. It comes from a pilot who tells where it
stopped (`done_until`) or from a record (`missions.sortie.progress`). The rest is every other
stretch, in the plan's order, each metre once: also what lies in the middle, where the pump stopped
by itself because a pilot braked. Stretches shorter than `LEAST_REST_M` are let be. Where a stretch
begins at a stop, spraying begins ``resume_overlap_m`` before it.

The sprayer looks three times a second, so it may come on up to `LATE_S` late at a pass's beginning,
and would again. Such beginnings are sprayed where there is a rest to be flown anyway; for them
alone nobody takes off.

A pass keeps the run-up and the run-out that the sortie's items have for it: in a region read from a
rounded fence there may be a little more room, along a slanting border a metre of it, and with it
the first and the last drops would move.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput
from agri.geo import LocalFrame
from missions.airspace.fence import Enclosure
from missions.airspace.keepouts import explode
from missions.airspace.route import Place
from missions.flightplan import FlightPlan, job_of
from missions.items import Command, MissionItem
from missions.legs import is_pump, sprayer_on
from missions.passes.flight import chains
from missions.passes.route import Pass, SprayRoute
from missions.passes.timing import run_up_m
from missions.spray.planning import enclosures
from missions.sprayer.dose import SERVO_MIN_US
from missions.wire.pump import pump_channel

LEAST_REST_M = 1.0
"""A shorter stretch that was not sprayed is let be."""
LATE_S = 0.4
"""How much later a pass's spraying may begin than another's, ordered at the same place: twice
`missions.passes.timing.PUMP_JITTER_S`, and what a record that tells the pump ten times a second
leaves open."""
LEAST_REST_S = 0.5
"""A spot left this much early is let be."""
ROUNDING_M = 0.05
"""Fence corners and passes that came through a file are rounded by a centimetre or two; corners are
not drawn out to points, into which a run-up would reach out of the fence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A stretch of a pass that was sprayed.

    Parameters
    ----------
    index : int
        Number of the pass in the plan, from 0.
    from_m, to_m : float
        Along the pass from its beginning; 0 for a spot.
    dwelt_s : float
        Of a spot the seconds sprayed; 0 for a swath.
    """

    index: int
    from_m: float = 0.0
    to_m: float = 0.0
    dwelt_s: float = 0.0

    def __post_init__(self) -> None:
        if self.index < 0 or not 0.0 <= self.from_m <= self.to_m < 1e6 or self.dwelt_s < 0.0:
            raise BadInput("error.spray_done", index=self.index, start=self.from_m, end=self.to_m)


def route_of(plan: FlightPlan) -> SprayRoute:
    """Return the route of a stored spray plan, in the metres of its field.

    Parameters
    ----------
    plan : FlightPlan
        One sortie.

    Returns
    -------
    SprayRoute
        Its passes, and the allowed region as its fence and the margins give it.

    Raises
    ------
    BadInput
        When it is no spray plan, or has no fence that holds the pad.
    """
    job = job_of(plan)
    frame = frame_of(plan)
    return SprayRoute(
        passes=passes_of(plan),
        home=frame.metres(plan.home),
        allowed=allowed_of(plan, frame),
        treatable=frame.geometry_to_local(job.treatable),
        angle_deg=job.angle_deg,
    )


def allowed_of(plan: FlightPlan, frame: LocalFrame) -> BaseGeometry:
    """Return where legs of a stored plan may run: in one piece with the pad, metres of `frame`.

    Of a spray plan with its site that is where its own legs were laid; the fence it carries goes
    further, so that failsafes may bring the aircraft straight home.

    Raises
    ------
    BadInput
        When it has no fence that holds the pad.
    """
    home = frame.metres(plan.home)
    shapes = [
        (polygon.inclusion, Polygon([frame.metres(place) for place in polygon.vertices]))
        for polygon in plan.fence_polygons
    ]
    inside = [shape for inclusion, shape in shapes if inclusion]
    outside = tuple(shape for inclusion, shape in shapes if not inclusion)
    allowed = _piece_with(home, [Enclosure(inclusion=i, exclusions=outside) for i in inside])
    if allowed is None:
        raise BadInput("error.spray_plan_fence", plan=plan.name)
    return _laid_in(plan, frame, allowed)


def _laid_in(plan: FlightPlan, frame: LocalFrame, stored: BaseGeometry) -> BaseGeometry:
    """Return the narrowest region in which a plan's own legs can have been laid."""
    if plan.site is None or plan.spray is None:
        return stored
    home = frame.metres(plan.home)
    flown = [item for item in plan.items if item.command == Command.NAV_WAYPOINT and item.x]
    legs = shapely.LineString([home, *(frame.metres(item.place) for item in flown), home])
    height_m = plan.spray.settings.flying_height_m
    for fence in enclosures(plan.site, height_m, frame):
        region = _piece_with(home, [fence])
        if region is not None and region.buffer(ROUNDING_M).covers(legs):
            return region.intersection(stored)
    return stored


def frame_of(plan: FlightPlan) -> LocalFrame:
    """Return the local frame in which a spray plan's route is told: its field's."""
    if plan.site is not None:
        return plan.site.field.frame
    return LocalFrame.around(job_of(plan).treatable)


def passes_of(plan: FlightPlan) -> tuple[Pass, ...]:
    """Return the passes of a stored spray plan, in the metres of its field."""
    frame = frame_of(plan)
    return tuple(
        Pass(
            points=tuple(frame.metres(place) for place in work.places),
            width_m=work.width_m,
            rate_l_ha=work.rate_l_ha,
            speed_m_s=work.speed_m_s,
            spot_l=work.spot_l,
            dwell_s=work.dwell_s,
        )
        for work in job_of(plan).passes
    )


def _piece_with(home: tuple[float, float], fences: Sequence[Enclosure]) -> BaseGeometry | None:
    point = shapely.Point(home)
    for fence in fences:
        for piece in explode(fence.allowed.buffer(ROUNDING_M, join_style="bevel")):
            if piece.distance(point) <= ROUNDING_M:
                return piece
    return None


def done_until(route: SprayRoute, index: int, at_m: float = 0.0) -> tuple[Done, ...]:
    """Return what was sprayed when everything before a place was, and nothing after.

    Parameters
    ----------
    route : SprayRoute
        What was flown.
    index : int
        The pass on which spraying stopped.
    at_m : float
        Metres along it; for a spot the seconds sprayed.

    Examples
    --------
    >>> from shapely.geometry import box
    >>> lines = tuple(Pass(points=((0, n), (100, n)), width_m=5.0, rate_l_ha=20.0, speed_m_s=5.0)
    ...               for n in (0, 5))
    >>> field = box(0, 0, 100, 10)
    >>> route = SprayRoute(passes=lines, home=(0, 0), allowed=field, treatable=field, angle_deg=90)
    >>> [(done.index, done.to_m) for done in done_until(route, 1, 40.0)]
    [(0, 100.0), (1, 40.0)]
    """
    found = []
    for number, work in enumerate(route.passes[: index + 1]):
        far = at_m if number == index else max(work.length_m, work.dwell_s)
        if work.is_spot:
            found.append(Done(index=number, dwelt_s=min(far, work.dwell_s)))
        elif far > 0.0:
            found.append(Done(index=number, to_m=min(far, work.length_m)))
    return tuple(found)


def remainder(
    plan: FlightPlan, done: Sequence[Done], *, overlap_m: float | None = None
) -> SprayRoute | None:
    """Return the route that sprays what a sortie left, each metre once.

    Parameters
    ----------
    plan : FlightPlan
        The sortie as it was planned.
    done : sequence of Done
        What was sprayed of it, in any order.
    overlap_m : float, optional
        How far before a stop spraying begins again; the plan's own by default.

    Returns
    -------
    SprayRoute or None
        In the plan's order, to be split like any other; None when nothing is left.

    Raises
    ------
    BadInput
        When it is no spray plan, has no fence, or `done` names a pass it has not.
    """
    route = route_of(plan)
    again_m = job_of(plan).settings.resume_overlap_m if overlap_m is None else overlap_m
    for stretch in done:
        if stretch.index >= len(route.passes):
            raise BadInput("error.spray_done", index=stretch.index, start=stretch.from_m,
                           end=stretch.to_m)  # fmt: skip
    rests = [
        rest
        for index, work in enumerate(_as_flown(plan, route.passes))
        for rest in _rest(work, [d for d in done if d.index == index], again_m)
    ]
    if all(late for _, late in rests):
        return None
    return replace(route, passes=tuple(rest for rest, _ in rests))


def _as_flown(plan: FlightPlan, passes: Sequence[Pass]) -> Iterator[Pass]:
    """Yield passes with the run-ups and run-outs that a plan's items have for them."""
    runs = chains(passes)
    ends = list(_ends(plan))
    told = len(ends) == sum(not run[0].is_spot for run in runs)
    for run in runs:
        found = list(run)
        if told and not run[0].is_spot:
            start, end = ends.pop(0)
            first, last = run[0], run[-1]
            lead_m = _on_from(first.points[1::-1], start, run_up_m(first.speed_m_s))
            found[0] = replace(found[0], lead_m=lead_m)
            tail_m = _on_from(last.points[-2:], end, run_up_m(last.speed_m_s))
            found[-1] = replace(found[-1], tail_m=tail_m)
        yield from found


def _ends(plan: FlightPlan) -> Iterator[tuple[Place, Place]]:
    """Yield the waypoints between which each run of a plan is flown, metres of its field."""
    frame, channel = frame_of(plan), pump_channel(plan)
    here = frame.metres(plan.home)
    start: Place | None = None
    for item, behind in pairwise(plan.items):
        if item.command == Command.DO_LAND_START:
            return
        if item.command == Command.NAV_WAYPOINT:
            here = frame.metres(item.place)
            off = behind.command == Command.DO_SPRAYER and not sprayer_on(behind)
            if start is not None and off:
                yield start, here
                start = None
        elif item.command == Command.NAV_DELAY:
            start = None
        elif _turns_on(item, channel):
            start = here


def _turns_on(item: MissionItem, channel: int) -> bool:
    if is_pump(item, channel):
        return item.param2 > SERVO_MIN_US
    return item.command == Command.DO_SPRAYER and sprayer_on(item)


def _on_from(leg: Sequence[Place], place: Place, most_m: float) -> float | None:
    """Return how far a place lies on from the end of a leg, None when it does not."""
    (e0, n0), (e1, n1) = leg
    long_m = max(math.dist(*leg), 1e-9)
    east, north = (e1 - e0) / long_m, (n1 - n0) / long_m
    off_e, off_n = place[0] - e1, place[1] - n1
    far_m, beside_m = off_e * east + off_n * north, abs(off_e * north - off_n * east)
    if beside_m > 2.0 * ROUNDING_M or not -ROUNDING_M <= far_m <= most_m + ROUNDING_M:
        return None
    return max(0.0, far_m)


def _rest(work: Pass, done: Sequence[Done], again_m: float) -> Iterator[tuple[Pass, bool]]:
    """Yield what is left of one pass, and whether it is but a beginning that came on late."""
    if work.is_spot:
        left_s = work.dwell_s - sum(stretch.dwelt_s for stretch in done)
        if left_s > min(LEAST_REST_S, work.dwell_s / 2.0):
            share = left_s / work.dwell_s
            rest = replace(work, dwell_s=left_s, spot_l=work.spot_l * share) if done else work
            yield rest, False
        return
    length_m, here_m = work.length_m, 0.0
    for stretch in [*merged(done), Done(index=0, from_m=length_m, to_m=length_m)]:
        left_m = stretch.from_m - here_m
        if left_m > min(LEAST_REST_M, length_m / 2.0):
            start_m = max(0.0, here_m - again_m)
            whole = start_m == 0.0 and stretch.from_m >= length_m
            late = here_m == 0.0 and left_m <= min(LATE_S * work.speed_m_s, length_m / 2.0)
            yield work if whole else work.part(start_m, stretch.from_m), late
        here_m = max(here_m, min(stretch.to_m, length_m))


def merged(done: Sequence[Done]) -> list[Done]:
    """Return the stretches of one pass in order, those that touch joined."""
    found: list[Done] = []
    for stretch in sorted(done, key=lambda s: (s.from_m, s.to_m)):
        if found and not found[-1].dwelt_s and stretch.from_m <= found[-1].to_m:
            found[-1] = replace(found[-1], to_m=max(found[-1].to_m, stretch.to_m))
        else:
            found.append(stretch)
    return found
