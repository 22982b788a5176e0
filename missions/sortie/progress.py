"""What a flight's record shows as sprayed: stretches of the plan's passes.

Theory of operation
-------------------
Passes lie as near to each other as a receiver errs, and some cross. So every report is not put to
the nearest pass, but the whole record to its most likely sequence of passes (Viterbi's algorithm):
a place speaks for near passes, the direction of flight for those flown that way, the plan's order
for the next one; a pump that runs on speaks against a change.

Where along its pass each stretch begins and ends is `missions.sortie.along`'s; where a pass goes
over into the next, as when only the rate changes, and the pump ran on, they meet. Between two
reports further apart than `SILENCE_S` nothing is taken for sprayed.

A receiver errs alike from one report to the next, so reports that come oftener than every
`along.REPORT_S`, as in an aircraft's own log, count for so much less: what speaks for a pass goes
by time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agri.errors import BadInput
from missions.flightplan import FlightPlan, job_of
from missions.passes.route import Pass
from missions.sortie.along import NOISE_M, Record, nearest, stretch, trust, weights
from missions.sortie.resume import ROUNDING_M, Done, frame_of, merged, passes_of

SILENCE_S = 5.0
"""When two reports are further apart, what the pump did between them is not known."""
FAR_M = 15.0
"""A pass further away than this from every place was not sprayed."""
HEADING_WEIGHT = 4.0
CHANGE_SPRAYING, CHANGE_AFTER_PAUSE = 20.0, 1.0
"""What a change of pass counts against it: with the pump running on, and after a pause."""
SKIP_ONE, SKIP_MOST, GO_BACK = 2.0, 10.0, 12.0
"""What leaving out passes counts, one and at most, and what going back counts."""

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def progress_on(
    plan: FlightPlan,
    *,
    time_s: ArrayLike,
    lon_deg: ArrayLike,
    lat_deg: ArrayLike,
    pump_on: ArrayLike,
    speed_m_s: ArrayLike | None = None,
) -> tuple[Done, ...]:
    """Return what of a plan a record shows as sprayed.

    Parameters
    ----------
    plan : FlightPlan
        The sortie as it was planned.
    time_s : (N,) array_like of float
        Rising.
    lon_deg, lat_deg : (N,) array_like of float
        WGS 84 degrees.
    pump_on : (N,) array_like of bool
        Whether the pump ran.
    speed_m_s : (N,) array_like of float, optional
        Over the ground; worked out of the places when not given, which is less exact.

    Returns
    -------
    tuple of Done
        Ordered by pass and place, those that touch joined.

    Raises
    ------
    BadInput
        When it is no spray plan, or the columns are of different length.
    """
    passes = passes_of(plan)
    columns = [np.asarray(column, dtype=np.float64) for column in (time_s, lon_deg, lat_deg)]
    on = np.asarray(pump_on, dtype=bool)
    counts = {len(column) for column in (*columns, on)}
    speed = None if speed_m_s is None else np.asarray(speed_m_s, dtype=np.float64)
    if len(counts | {len(on) if speed is None else len(speed)}) > 1:
        raise BadInput("error.record_columns", counts=str(sorted(counts)))
    samples = np.flatnonzero(on)
    if not len(samples) or not passes:
        return ()
    at = np.column_stack(frame_of(plan).to_local(columns[1], columns[2]))
    velocity = _velocity(columns[0], at)
    told = np.hypot(velocity[:, 0], velocity[:, 1]) if speed is None else speed
    record = Record(time_s=columns[0], at=at, speed_m_s=told, velocity=velocity)
    which = _likeliest(passes, record, samples)
    hose_s = job_of(plan).settings.sprayer.hose_s
    runs = list(_runs(record.time_s, samples, which))
    how = trust(passes, record, runs)
    found = [
        stretch(passes[index], record, run, how, index=index, hose_s=hose_s) for index, run in runs
    ]
    _close_joints(passes, record.time_s, runs, found)
    return tuple(
        one
        for _, group in groupby(sorted(found, key=_order), key=lambda s: s.index)
        for one in _joined(list(group))
        if one.dwelt_s > 0.0 or one.to_m > one.from_m
    )


def _close_joints(
    passes: Sequence[Pass], times: FloatArray, runs: Sequence[tuple[int, IntArray]],
    found: list[Done],
) -> None:  # fmt: skip
    """Let stretches meet where one pass goes over into the next and the pump ran on, in place."""
    for number, ((one, before), (other, after)) in enumerate(pairwise(runs)):
        ran_on = after[0] == before[-1] + 1 and times[after[0]] - times[before[-1]] <= SILENCE_S
        if not ran_on or other != one + 1 or passes[one].is_spot or passes[other].is_spot:
            continue
        if math.dist(passes[one].points[-1], passes[other].points[0]) <= ROUNDING_M:
            found[number] = replace(found[number], to_m=passes[one].length_m)
            found[number + 1] = replace(found[number + 1], from_m=0.0)


def _order(one: Done) -> tuple[int, float, float]:
    return one.index, one.from_m, one.to_m


def _joined(group: list[Done]) -> list[Done]:
    if group[0].dwelt_s > 0.0:
        return [replace(group[0], dwelt_s=sum(one.dwelt_s for one in group))]
    return merged(group)


def _velocity(times: FloatArray, at: FloatArray) -> FloatArray:
    """Return the velocity between the places a second before and after: (N, 2) float64."""
    before = np.searchsorted(times, times - 1.0)
    after = np.minimum(np.searchsorted(times, times + 1.0), len(times) - 1)
    span = np.maximum(times[after] - times[before], 1e-6)
    found: FloatArray = (at[after] - at[before]) / span[:, None]
    return found


def _likeliest(passes: Sequence[Pass], record: Record, samples: IntArray) -> IntArray:
    """Return the pass of each spraying sample in the likeliest sequence; −1 far from every one."""
    strange = _strangeness(passes, record.at[samples], record.velocity[samples])
    strange *= weights(record.time_s)[samples, None]
    count = len(passes)
    steps = np.subtract.outer(np.arange(count), np.arange(count)).T
    order = np.where(steps > 1, np.minimum(SKIP_ONE + 0.5 * (steps - 1), SKIP_MOST), 0.0)
    order = np.where(steps < 0, GO_BACK, order)
    running = order + np.where(steps == 0, 0.0, CHANGE_SPRAYING)
    paused = order + np.where(steps == 0, 0.0, CHANGE_AFTER_PAUSE)
    came = np.zeros((len(samples), count), dtype=np.int64)
    total = strange[0] + np.minimum(0.1 * np.arange(count), SKIP_ONE)
    for number in range(1, len(samples)):
        pause = samples[number] != samples[number - 1] + 1
        ways = total[:, None] + (paused if pause else running)
        came[number] = ways.argmin(axis=0)
        total = ways.min(axis=0) + strange[number]
    which = np.empty(len(samples), dtype=np.int64)
    which[-1] = int(total.argmin())
    for number in range(len(samples) - 1, 0, -1):
        which[number - 1] = came[number, which[number]]
    strange /= weights(record.time_s)[samples, None]
    far = strange[np.arange(len(samples)), which] > _ill(np.array([FAR_M])) + 2.0 * HEADING_WEIGHT
    which[far] = -1
    return which


def _strangeness(passes: Sequence[Pass], at: FloatArray, velocity: FloatArray) -> FloatArray:
    """Return how ill each place and direction fits each pass: (samples, passes) float64."""
    speed = np.maximum(np.hypot(velocity[:, 0], velocity[:, 1]), 1.0)
    found = np.empty((len(at), len(passes)))
    for index, work in enumerate(passes):
        if work.is_spot:
            away = at - np.array(work.points[0])
            found[:, index] = _ill(np.hypot(away[:, 0], away[:, 1]))
            continue
        _, away_m, way = nearest(work, at)
        cosine = (way * velocity).sum(axis=1) / speed
        found[:, index] = _ill(away_m) + HEADING_WEIGHT * (1.0 - cosine)
    return found


def _ill(away_m: FloatArray) -> FloatArray:
    """Return how ill a distance fits: its square up to twice the noise, then in proportion."""
    far = away_m / NOISE_M
    return np.where(far < 2.0, far**2, 4.0 * far - 4.0)


def _runs(times: FloatArray, samples: IntArray, which: IntArray) -> Iterator[tuple[int, IntArray]]:
    """Yield stretches of samples that spray one pass without a pause."""
    breaks = (np.diff(samples) > 1) | (np.diff(which) != 0) | (np.diff(times[samples]) > SILENCE_S)
    for run in np.split(np.arange(len(samples)), np.flatnonzero(breaks) + 1):
        if which[run[0]] >= 0:
            yield int(which[run[0]]), samples[run]
