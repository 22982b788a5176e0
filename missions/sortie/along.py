"""Where along a pass spraying began and ended: every place of the way there and on is asked.

Theory of operation
-------------------
One place tells little (1 to 2 m), and spraying may have lasted for a second only. The speed, which
a receiver takes from the Doppler shift, is told far better, so from one report to the next the
way flown is known to centimetres. The place along the pass is therefore the way flown and a small
wander beside it (`SPEED_NOISE_M_S`), seen once per report with the receiver's noise: a random walk,
smoothed from both sides (Rauch, Tung and Striebel 1965) and read at the moments at which the
first and the last drop fell. The error falls with the root of the number of reports until noise
and wander are in balance: with 2 m of noise and 5 reports a second at 0.2 m.

* **Not the sprayed reports alone.** An aircraft that is called off brakes on its line and stands
  there; one whose pump stops flies on. Those places are asked too, as long as it moves on along
  the pass (`_beside`): it has not left the line, has not sped up again after it slowed down (then
  it goes somewhere else), and the reports do not pause.
* **One noise and one scale for the whole record.** How far off places lie across the passes tells
  how far off they may lie along them, and the speed told is off by one share all the flight long.
* **Places far off** count for less, and those beyond all reason for nothing.
* **Ends**: spraying begins at a pass's beginning and ends at its end as a rule, within
  `AS_PLANNED_M`. Where the places do not speak against it that counts like one more place.

The pump is taken to have changed half-way between two reports, the nozzles `Sprayer.hose_s` after
it: at 5 m/s and 5 reports a second that alone may be off by half a metre, and no fit takes it away.
Over 3,000 flights broken off anywhere, with 2 m of noise, the place of the stop was off by 0.27 m
(median), 0.77 m (99 %) and 1.03 m (the worst); the fit's own share was 0.19 m (one standard
deviation).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from missions.passes.route import Pass
from missions.sortie.resume import Done

REPORT_S = 0.25
"""Time in which a receiver's error changes enough to count as another."""
NOISE_M = 1.5
"""How far a place may be off, one standard deviation, before the record has told it:"""
NOISE_PLACES = 20.0
"""that weighs as much as so many places of the record."""
LEAST_NOISE_M = 0.3
SPEED_NOISE_M_S = 0.1
"""How far the speed told may be off at a report, one standard deviation (0.05 m/s in half of all
cases: u-blox MAX-M10S data sheet UBX-20035208),"""
SPEED_BIAS = 0.003
"""and all along, as a share: the shift is counted in waves, so little is left but the frame's."""
AS_PLANNED_M = 0.5
"""How far from a pass's ends spraying begins and ends as a rule, one standard deviation: at 5 m/s
it begins 1.2 m before to 0.4 m behind the line (`missions.passes.timing`)."""
BEYOND_M = 20.0
"""How far beyond a pass's ends places are still told apart along it."""
LOOK_S = 20.0
"""How long before and after spraying places are asked,"""
PAUSE_S = 2.0
"""as long as no two reports lie further apart than this,"""
SLOWER, FASTER_M_S = 0.5, 0.5
"""nor the aircraft flew slower than this share of its speed, and then faster by so much."""
CHANGE_S = 1.0
"""Between two reports further apart the pump is taken to have changed near the one that sprayed."""
STANDS_M_S = 0.5
"""What is told to be slower stands: noise has no direction."""
LIKELY = 3.0
"""so many of them away, the places with their own doubt speak against it."""
STRANGE, ABSURD, ROUNDS = 2.5, 6.0, 3
"""Places further off than this many standard deviations count less, and not at all; weighed anew
so often."""

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Record:
    """A record in local metres: (N,) times, (N, 2) places, (N,) speeds over the ground."""

    time_s: FloatArray
    at: FloatArray
    speed_m_s: FloatArray
    velocity: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """How far a record is off: its places (standard deviation), and the share its speed lacks."""

    noise_m: float = NOISE_M
    scale: float = 1.0


def weights(times: FloatArray) -> FloatArray:
    """Return how much each report counts beside one every `REPORT_S`, (N,), 0.01 to 1."""
    steps = np.diff(times, prepend=times[0] - REPORT_S)
    found: FloatArray = np.clip(steps / REPORT_S, 0.01, 1.0)
    return found


def nearest(
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


def trust(passes: Sequence[Pass], record: Record, runs: Sequence[tuple[int, IntArray]]) -> Trust:
    """Return how far a record's places and speeds are off, as its sprayed runs show it."""
    runs = [(index, run) for index, run in runs if not passes[index].is_spot]
    if not runs:
        return Trust()
    weight = weights(record.time_s)
    seen = [nearest(passes[index], record.at[run], BEYOND_M) for index, run in runs]
    across = np.concatenate([away for _, away, _ in seen])
    count = sum(float(weight[run].sum()) for _, run in runs)
    spread_m = float(np.median(across)) / 0.6745  # of a normal distribution
    noise_m = float(np.sqrt((NOISE_PLACES * NOISE_M**2 + count * spread_m**2)
                            / (NOISE_PLACES + count)))  # fmt: skip
    noise_m = max(noise_m, LEAST_NOISE_M)
    both = square = (noise_m / SPEED_BIAS) ** 2
    for (_, run), (raw, _, _) in zip(runs, seen, strict=True):
        flown = _flown(record.time_s[run], record.speed_m_s[run])
        off = raw - flown
        kept = abs(off - np.median(off)) < 3.0 * noise_m
        x, y = flown[kept] - flown[kept].mean(), raw[kept] - raw[kept].mean()
        both += float((weight[run][kept] * x * y).sum())
        square += float((weight[run][kept] * x * x).sum())
    return Trust(noise_m=noise_m, scale=both / square)


def stretch(
    work: Pass, record: Record, run: IntArray, how: Trust, *, index: int, hose_s: float
) -> Done:
    """Return the stretch of a pass that a run of reports with the pump running sprayed."""
    times = record.time_s[run]
    before_s, after_s = _half_gaps(record.time_s, run)
    if work.is_spot:
        return Done(index=index, dwelt_s=float(times[-1] - times[0]) + before_s + after_s)
    moments = np.array([times[0] - before_s, times[-1] + after_s]) + hose_s
    asked = _beside(work, record, run, how)
    quickly = np.array([before_s * record.speed_m_s[run[0]], after_s * record.speed_m_s[run[-1]]])
    places = _read(work, record, asked, how, moments=moments, vague_m2=quickly**2 / 3.0)
    start, end = (min(max(0.0, float(far)), work.length_m) for far in places)
    return Done(index=index, from_m=start, to_m=max(start, end))


def _half_gaps(times: FloatArray, run: IntArray) -> tuple[float, float]:
    """Return half the time to the reports before and after a run: the pump changed between."""
    first, last = int(run[0]), int(run[-1])
    before = times[first] - times[first - 1] if first > 0 else 0.0
    after = times[last + 1] - times[last] if last + 1 < len(times) else 0.0
    return min(float(before), CHANGE_S) / 2.0, min(float(after), CHANGE_S) / 2.0


def _flown(times: FloatArray, speed: FloatArray) -> FloatArray:
    """Return the way flown since the first of some times, (N,) float64."""
    speed = np.where(speed < STANDS_M_S, 0.0, speed)
    found: FloatArray = np.concatenate(
        [[0.0], np.cumsum((speed[1:] + speed[:-1]) / 2.0 * np.diff(times))]
    )
    return found


def _beside(work: Pass, record: Record, run: IntArray, how: Trust) -> IntArray:
    """Return the reports of a run and those before and after it that are on the same way."""
    times, first, last = record.time_s, int(run[0]), int(run[-1])
    begin = int(np.searchsorted(times, times[first] - LOOK_S))
    end = int(np.searchsorted(times, times[last] + LOOK_S, side="right"))
    before = _on_the_way(work, record, run, how, np.arange(first - 1, begin - 1, -1))
    after = _on_the_way(work, record, run, how, np.arange(last + 1, end))
    return np.concatenate([before[::-1], run, after])


def _on_the_way(work: Pass, record: Record, run: IntArray, how: Trust, side: IntArray) -> IntArray:
    """Return which of the reports on one side of a run, going away from it, are on its way."""
    if not len(side):
        return side
    onward = side[0] > run[-1]
    way = np.concatenate([run[-1:] if onward else run[:1], side])
    times, speed = record.time_s[way], record.speed_m_s[way]
    usual = float(np.median(record.speed_m_s[run]))
    lowest = np.minimum.accumulate(speed)[1:]
    speeds_up = (lowest < SLOWER * usual) & (speed[1:] > lowest + FASTER_M_S)
    pauses = abs(np.diff(times)) > PAUSE_S
    since = _flown(record.time_s[run], record.speed_m_s[run])
    raw, _, _ = nearest(work, record.at[run], BEYOND_M)
    edge_m = float(np.median(raw - since)) + (float(since[-1]) if onward else 0.0)
    far = edge_m + _flown(times, speed)[1:]
    unsure_m = 2.0 * how.noise_m / math.sqrt(float(weights(record.time_s)[run].sum()))
    leaves = (far < -unsure_m) | (far > work.length_m + unsure_m)
    leaves |= nearest(work, record.at[side], BEYOND_M)[1] > ABSURD * how.noise_m
    ends = np.flatnonzero(speeds_up | pauses | leaves)
    return side[: ends[0]] if len(ends) else side


def _read(
    work: Pass,
    record: Record,
    asked: IntArray,
    how: Trust,
    *,
    moments: FloatArray,
    vague_m2: FloatArray,
) -> FloatArray:
    """Return where along a pass the aircraft was at two moments: (2,) float64.

    `vague_m2` is the variance that the doubt about each moment gives its place.
    """
    times = np.concatenate([record.time_s[asked], moments])
    order = np.argsort(times, kind="stable")
    told, marks = np.split(np.argsort(order), [len(asked)])
    times = times[order]
    speed = np.interp(times, record.time_s[asked], record.speed_m_s[asked])
    flown = how.scale * _flown(times, speed)
    steps = np.diff(times)
    wander = SPEED_NOISE_M_S**2 * steps * np.maximum(steps, REPORT_S)
    usual = how.noise_m**2 / weights(record.time_s)[asked]
    seen, doubt = np.zeros(len(times)), np.full(len(times), np.inf)
    seen[told] = nearest(work, record.at[asked], BEYOND_M)[0] - flown[told]
    doubt[told] = usual
    for _ in range(ROUNDS):
        off = abs(seen - _smoothed(seen, doubt, wander)[0])[told] / how.noise_m
        doubt[told] = np.where(off > ABSURD, 1e6, usual * np.maximum(1.0, off / STRANGE))
    for mark, end_m, vague in zip(marks, (0.0, work.length_m), vague_m2, strict=True):
        walk, spread = _smoothed(seen, doubt, wander)
        planned, rule_m2 = end_m - flown[mark], AS_PLANNED_M**2 + vague
        if (walk[mark] - planned) ** 2 < LIKELY**2 * (spread[mark] + rule_m2):
            seen[mark], doubt[mark] = planned, rule_m2
    found: FloatArray = (flown + _smoothed(seen, doubt, wander)[0])[marks]
    return found


def _smoothed(
    seen: FloatArray, doubt: FloatArray, wander: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return a random walk's likeliest course and the variance of each place on it.

    Parameters
    ----------
    seen, doubt : (N,) float64
        What was seen and its variance, infinite where nothing was.
    wander : (N - 1,) float64
        Variance of each step.
    """
    known = 1.0 / doubt
    forth = _gathered(seen, known, wander)
    back = _gathered(seen[::-1], known[::-1], wander[::-1])
    weight = forth[0] + known + back[0][::-1]
    place = (forth[0] * forth[1] + known * seen + (back[0] * back[1])[::-1]) / weight
    return place, 1.0 / weight


def _gathered(
    seen: FloatArray, known: FloatArray, wander: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return what all before each place tells of it: the weight, and the place; (N,) each."""
    weight, place = 1e-9, float(seen[0])
    found, places = [weight], [place]
    for here, firm, step in zip(seen[:-1].tolist(), known[:-1].tolist(), wander.tolist(),
                                strict=True):  # fmt: skip
        both = weight + firm
        place = (weight * place + firm * here) / both
        weight = 1.0 / (1.0 / both + step)
        found.append(weight)
        places.append(place)
    return np.array(found), np.array(places)
