"""The rest of a survey that was broken off: the stretches of its lines that no picture confirms.

Theory of operation
-------------------
The rest is made from the plan and from the places of the pictures that the camera told of. It keeps
camera, height, speed and heading, and the lines themselves, so the overlap beside them is the
plan's own.

* A picture belongs to a line when it was taken within a quarter of the spacing beside it. Pictures
  whose message was lost on the way count as taken where the camera's own numbers say so: between
  two that came, spread evenly.
* A stretch of a line is photographed where pictures follow each other within `GAP` trigger
  distances. From the first gap of a line to its last, it is flown again; `again_m` is photographed
  twice at both ends (by default the length of a picture on the ground), so that there are common
  pictures to join the two flights by, taken once the aircraft flies steadily.
* Between the stretches the way is looked for as the planner does, inside the plan's own fence; the
  fence, the rally points and the site stay.

The plan of a rest remembers where its survey was photographed before (`SurveyJob.before`), so that
checks judge both flights together, and the rest of a rest knows of all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import LineString, MultiLineString

from agri.errors import BadInput
from agri.geo import LocalFrame
from agri.track import Photo
from missions.coverage.survey import Segment, fly_segments, joined
from missions.flightplan import FlightPlan, SurveyJob
from missions.legs import flown_legs
from missions.sortie.resume import allowed_of

GAP = 1.5
"""Trigger distances between two pictures from which on one is missing."""
BESIDE = 0.25
"""Share of the lines' spacing within which a picture was taken on a line."""
LEAST_LINE_M = 0.5
"""Shorter stretches are none."""

Metres = NDArray[np.float64]
Gap = tuple[float, float] | None
"""Where along a line the first picture is missing, and where the last; None where none is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyRest:
    """What is left of a survey, and how much of it there was.

    Parameters
    ----------
    plan : FlightPlan
        Flies what is left.
    left_m : float
        Length of the lines that no picture confirms, without what is photographed twice.
    line_m : float
        Length of all lines of the flight that was broken off.
    """

    plan: FlightPlan
    left_m: float
    line_m: float


def survey_rest(
    plan: FlightPlan, photos: Sequence[Photo], *, name: str, again_m: float | None = None
) -> SurveyRest | None:
    """Return the flight that photographs what a survey's pictures leave out.

    Parameters
    ----------
    plan : FlightPlan
        The survey as it was planned, by agri.
    photos : sequence of Photo
        The pictures that were confirmed, in the order taken.
    name : str
        The rest's name.
    again_m : float, optional
        How much is photographed twice at each end of a stretch; by default the length of a picture.

    Returns
    -------
    SurveyRest or None
        None when every stretch is confirmed.

    Raises
    ------
    BadInput
        When it is no survey by agri, or has no fence that holds its pad.
    Refused
        When there is no way to a stretch inside the fence.
    """
    job, site, aircraft = plan.survey, plan.site, plan.aircraft
    if job is None or site is None or aircraft is None:
        raise BadInput("error.not_a_survey_plan", plan=plan.name)
    frame = site.field.frame
    lines, gaps = _gaps(plan, job, photos, frame)
    margin_m = job.geometry.footprint_along_m if again_m is None else again_m
    stretches = [
        _part(line, gap[0] - margin_m, gap[1] + margin_m)
        for line, gap in zip(lines, gaps, strict=True)
        if gap is not None
    ]
    if not stretches:
        return None
    flown = joined(stretches, frame.metres(plan.home), allowed_of(plan, frame))
    items, estimate = fly_segments(flown, site, job.settings, aircraft, limits=plan.limits)
    before = _before(job, lines, gaps, frame)
    return SurveyRest(
        plan=replace(
            plan, name=name, items=items, survey=replace(job, estimate=estimate, before=before)
        ),
        left_m=_length_m(gaps),
        line_m=sum(line.length_m for line in lines),
    )


def unphotographed_m(plan: FlightPlan, photos: Sequence[Photo]) -> float:
    """Return the length of a survey's lines that no picture confirms, 0 for what is no survey."""
    job, site = plan.survey, plan.site
    if job is None or site is None:
        return 0.0
    return _length_m(_gaps(plan, job, photos, site.field.frame)[1])


def photographed(plan: FlightPlan, photos: Sequence[Photo]) -> MultiLineString | None:
    """Return the stretches of a survey's lines that pictures confirm, WGS 84; None for none."""
    job, site = plan.survey, plan.site
    if job is None or site is None:
        return None
    frame = site.field.frame
    return _before(job, *_gaps(plan, job, photos, frame), frame)


def _gaps(
    plan: FlightPlan, job: SurveyJob, photos: Sequence[Photo], frame: LocalFrame
) -> tuple[list[Segment], list[Gap]]:
    """Return a survey's lines, and the gap of each."""
    lines, places = _lines(plan, frame), _places(photos, frame, job.geometry.trigger_m)
    return lines, [_gap(line, places, job) for line in lines]


def _length_m(gaps: Sequence[Gap]) -> float:
    return sum(gap[1] - gap[0] for gap in gaps if gap is not None)


def _lines(plan: FlightPlan, frame: LocalFrame) -> list[Segment]:
    """Return the lines of a plan on which pictures are taken, in flying order."""
    return [
        Segment(start=frame.metres(leg.start), end=frame.metres(leg.end), works=True)
        for leg in flown_legs(plan.items, plan.home)
        if leg.trigger_m > 0.0
    ]


def _places(photos: Sequence[Photo], frame: LocalFrame, trigger_m: float) -> Metres:
    """Return where pictures were taken, (N, 2) metres; with them those that were only counted."""
    told = [(photo.index, frame.metres(photo.place)) for photo in photos]
    found = [place for _, place in told[:1]]
    for (number, here), (next_number, there) in pairwise(told):
        most = round(math.dist(here, there) / trigger_m)
        steps = max(1, min(next_number - number, most))
        found += [
            (here[0] + (there[0] - here[0]) * n / steps, here[1] + (there[1] - here[1]) * n / steps)
            for n in range(1, steps + 1)
        ]
    return np.array(found, dtype=np.float64).reshape(-1, 2)


def _gap(line: Segment, places: Metres, job: SurveyJob) -> Gap:
    """Return from where to where along a line pictures are missing, None when none is."""
    length_m, trigger_m = line.length_m, round(job.geometry.trigger_m, 2)
    start = np.array(line.start)
    ahead = (np.array(line.end) - start) / length_m
    along = (places - start) @ ahead
    across = (places - start) @ np.array([-ahead[1], ahead[0]])
    on = np.abs(across) <= BESIDE * job.fitted_spacing_m
    on &= (along > -trigger_m) & (along < length_m + trigger_m)
    last_m = math.floor(length_m / trigger_m + 1e-9) * trigger_m
    taken = np.clip(np.sort(along[on]), 0.0, last_m)
    ends = np.concatenate([[-trigger_m], taken, [last_m + trigger_m]])
    missing = np.flatnonzero(np.diff(ends) > GAP * trigger_m)
    if len(missing) == 0:
        return None
    from_m, to_m = float(ends[missing[0]]), float(ends[missing[-1] + 1])
    return max(0.0, from_m), (to_m if to_m < last_m else length_m)


def _part(line: Segment, from_m: float, to_m: float) -> Segment:
    shape = LineString([line.start, line.end])
    first = shape.interpolate(max(0.0, from_m))
    last = shape.interpolate(min(line.length_m, to_m))
    return Segment(start=(first.x, first.y), end=(last.x, last.y), works=True)


def _before(
    job: SurveyJob,
    lines: Sequence[Segment],
    gaps: Sequence[Gap],
    frame: LocalFrame,
) -> MultiLineString | None:
    """Return where this survey was photographed so far, WGS 84."""
    known = [] if job.before is None else list(job.before.geoms)
    for line, gap in zip(lines, gaps, strict=True):
        ends = [(0.0, line.length_m)]
        if gap is not None:
            ends = [(0.0, gap[0]), (gap[1], line.length_m)]
        parts = [_part(line, *two) for two in ends if two[1] - two[0] > LEAST_LINE_M]
        known += [frame.geometry_to_lonlat(LineString([part.start, part.end])) for part in parts]
    return MultiLineString(known) if known else None
