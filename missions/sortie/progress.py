"""What a flight's record shows as sprayed: stretches of the plan's passes.

Theory of operation
-------------------
Passes lie as near to each other as a receiver errs, and some cross. So every report is not put to
the nearest pass, but the whole record to its most likely sequence of passes (Viterbi's algorithm):
a place speaks for near passes, the direction of flight for those flown that way, the plan's order
for the next one; a pump that runs on speaks against a change.

Along a pass one place says little (1 to 2 m), but all of them together with the speed told say it
to some decimetres: the way flown since the pump went on is the integral of the speed, and where it
began, with a scale that is nearly 1, is fitted over all places. Where it lies near an end of the
pass, it is drawn towards that end, the more the fewer places there are. The pump is taken to have
changed half-way between two reports, the nozzles `Sprayer.hose_s` after it. Between two reports
further apart than `SILENCE_S` nothing is taken for sprayed.

A receiver errs alike from one report to the next, so reports that come oftener than every
`REPORT_S`, as in an aircraft's own log, count for so much less: what speaks for a pass, and how
many places an end is fitted to, goes by time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agri.errors import BadInput
from missions.flightplan import FlightPlan, job_of
from missions.passes.route import Pass
from missions.sortie.resume import Done, frame_of, merged, passes_of

REPORT_S = 0.25
"""Time in which a receiver's error changes enough to count as another."""
NOISE_M = 1.5
"""How far a place may be off, one standard deviation."""
SPEED_BIAS = 0.01
"""How far the speed told may be off all along, as a share, one standard deviation."""
SILENCE_S = 5.0
"""When two reports are further apart, what the pump did between them is not known."""
FAR_M = 15.0
"""A pass further away than this from every place was not sprayed."""
HEADING_WEIGHT = 4.0
CHANGE_SPRAYING, CHANGE_AFTER_PAUSE = 20.0, 1.0
"""What a change of pass counts against it: with the pump running on, and after a pause."""
SKIP_ONE, SKIP_MOST, GO_BACK = 2.0, 10.0, 12.0
"""What leaving out passes counts, one and at most, and what going back counts."""
AS_PLANNED_M = 0.7
"""How far from a pass's ends spraying begins and ends as a rule, one standard deviation."""
BEYOND_M = 20.0
"""How far beyond a pass's ends places are still told apart along it."""

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class _Record:
    """A record in local metres: (N,) times, (N, 2) places, (N,) speeds over the ground."""

    time_s: FloatArray
    at: FloatArray
    speed_m_s: FloatArray
    velocity: FloatArray


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
    record = _Record(time_s=columns[0], at=at, speed_m_s=told, velocity=velocity)
    which = _likeliest(passes, record, samples)
    hose_s = job_of(plan).settings.sprayer.hose_s
    found = [
        _stretch(passes[index], index, record, run, hose_s)
        for index, run in _runs(record.time_s, samples, which)
    ]
    return tuple(
        stretch
        for _, group in groupby(sorted(found, key=_order), key=lambda s: s.index)
        for stretch in _joined(list(group))
        if stretch.dwelt_s > 0.0 or stretch.to_m > stretch.from_m
    )


def _order(stretch: Done) -> tuple[int, float, float]:
    return stretch.index, stretch.from_m, stretch.to_m


def _joined(group: list[Done]) -> list[Done]:
    if group[0].dwelt_s > 0.0:
        return [replace(group[0], dwelt_s=sum(stretch.dwelt_s for stretch in group))]
    return merged(group)


def _velocity(times: FloatArray, at: FloatArray) -> FloatArray:
    """Return the velocity between the places a second before and after: (N, 2) float64."""
    before = np.searchsorted(times, times - 1.0)
    after = np.minimum(np.searchsorted(times, times + 1.0), len(times) - 1)
    span = np.maximum(times[after] - times[before], 1e-6)
    found: FloatArray = (at[after] - at[before]) / span[:, None]
    return found


def _likeliest(passes: Sequence[Pass], record: _Record, samples: IntArray) -> IntArray:
    """Return the pass of each spraying sample in the likeliest sequence; −1 far from every one."""
    strange = _strangeness(passes, record.at[samples], record.velocity[samples])
    strange *= _weights(record.time_s)[samples, None]
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
    strange /= _weights(record.time_s)[samples, None]
    far = strange[np.arange(len(samples)), which] > _ill(np.array([FAR_M])) + 2.0 * HEADING_WEIGHT
    which[far] = -1
    return which


def _weights(times: FloatArray) -> FloatArray:
    """Return how much each report counts beside one every `REPORT_S`, (N,), 0.01 to 1."""
    steps = np.diff(times, prepend=times[0] - REPORT_S)
    found: FloatArray = np.clip(steps / REPORT_S, 0.01, 1.0)
    return found


def _strangeness(passes: Sequence[Pass], at: FloatArray, velocity: FloatArray) -> FloatArray:
    """Return how ill each place and direction fits each pass: (samples, passes) float64."""
    speed = np.maximum(np.hypot(velocity[:, 0], velocity[:, 1]), 1.0)
    found = np.empty((len(at), len(passes)))
    for index, work in enumerate(passes):
        if work.is_spot:
            away = at - np.array(work.points[0])
            found[:, index] = _ill(np.hypot(away[:, 0], away[:, 1]))
            continue
        _, away_m, way = _nearest(work, at)
        cosine = (way * velocity).sum(axis=1) / speed
        found[:, index] = _ill(away_m) + HEADING_WEIGHT * (1.0 - cosine)
    return found


def _ill(away_m: FloatArray) -> FloatArray:
    """Return how ill a distance fits: its square up to twice the noise, then in proportion."""
    far = away_m / NOISE_M
    return np.where(far < 2.0, far**2, 4.0 * far - 4.0)


def _nearest(
    work: Pass, at: FloatArray, beyond_m: float = 0.0
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return how far along a swath each place is, how far from it, and the swath's direction there.

    Its first and last line go on for `beyond_m`.
    """
    points = np.array(work.points)
    vector = points[1:] - points[:-1]
    size = np.hypot(vector[:, 0], vector[:, 1])
    unit = vector / np.maximum(size, 1e-9)[:, None]
    low, high = np.zeros(len(size)), size.copy()
    low[0] -= beyond_m
    high[-1] += beyond_m
    along = ((at[:, None, :] - points[:-1]) * unit).sum(axis=2).clip(low, high)
    foot = points[:-1] + along[:, :, None] * unit
    away = np.hypot(*np.moveaxis(at[:, None, :] - foot, 2, 0))
    best = away.argmin(axis=1)
    each = np.arange(len(at))
    before = np.cumsum(size) - size
    return before[best] + along[each, best], away[each, best], unit[best]


def _runs(times: FloatArray, samples: IntArray, which: IntArray) -> Iterator[tuple[int, IntArray]]:
    """Yield stretches of samples that spray one pass without a pause."""
    breaks = (np.diff(samples) > 1) | (np.diff(which) != 0) | (np.diff(times[samples]) > SILENCE_S)
    for run in np.split(np.arange(len(samples)), np.flatnonzero(breaks) + 1):
        if which[run[0]] >= 0:
            yield int(which[run[0]]), samples[run]


def _stretch(work: Pass, index: int, record: _Record, run: IntArray, hose_s: float) -> Done:
    """Return the stretch of a pass that a run of samples sprayed."""
    times, speed = record.time_s[run], record.speed_m_s[run]
    before_s, after_s = _half_gaps(record.time_s, run)
    if work.is_spot:
        return Done(index=index, dwelt_s=float(times[-1] - times[0]) + before_s + after_s)
    steps = (speed[1:] + speed[:-1]) / 2.0 * np.diff(times)
    flown = np.concatenate([[0.0], np.cumsum(steps)])
    count = float(np.sum(_weights(record.time_s)[run]))
    begin, scale = _fitted(flown, _nearest(work, record.at[run], BEYOND_M)[0], count / len(run))
    start = begin + (hose_s - before_s) * float(speed[0])
    start = _drawn(start, 0.0, count)
    end = begin + scale * float(flown[-1]) + (hose_s + after_s) * float(speed[-1])
    end = _drawn(end, work.length_m, count)
    start, end = (min(max(0.0, far), work.length_m) for far in (start, end))
    return Done(index=index, from_m=start, to_m=max(start, end))


def _drawn(far_m: float, end_m: float, count: float) -> float:
    """Return a place fitted to `count` others, drawn towards the pass's end if it is near."""
    off_m = far_m - end_m
    if abs(off_m) > 2.0 * NOISE_M:
        return far_m
    doubt = 4.0 * NOISE_M**2 / count
    return far_m - off_m * doubt / (doubt + AS_PLANNED_M**2)


def _half_gaps(times: FloatArray, run: IntArray) -> tuple[float, float]:
    """Return half the time to the reports before and after a run: the pump changed between."""
    first, last = int(run[0]), int(run[-1])
    before = times[first] - times[first - 1] if first > 0 else 0.0
    after = times[last + 1] - times[last] if last + 1 < len(times) else 0.0
    return min(float(before), 1.0) / 2.0, min(float(after), 1.0) / 2.0


def _fitted(flown: FloatArray, raw: FloatArray, weight: float) -> tuple[float, float]:
    """Return where the way flown began and its scale (near 1) that fit the places best.

    Each place counts for `weight` of one.
    """
    kept = np.ones(len(raw), dtype=bool)
    begin, scale = 0.0, 1.0
    for _ in range(3):
        x, y = flown[kept], raw[kept]
        x0, y0 = x.mean(), y.mean()
        firm = (NOISE_M / SPEED_BIAS) ** 2 / weight
        scale = float((((x - x0) * (y - y0)).sum() + firm) / (((x - x0) ** 2).sum() + firm))
        begin = float(y0 - scale * x0)
        off = abs(raw - begin - scale * flown)
        kept = off <= max(3.0 * NOISE_M, 3.0 * float(np.median(off)))
    return begin, scale
