"""Where a combine went: its passes, ground it had harvested before, and its grain's delay.

Theory of operation. A pass is a run of records without a turn of more than `TURN_DEG`, a gap in
time or a lifted header. Grain needs some seconds from the knife to the sensor, so what is measured
now was cut some metres back; on two passes side by side driven in opposite directions the error
goes opposite ways. The delay is therefore the one at which the yields of neighbours of different
passes agree best: yields, for flow goes with the speed and agrees best at no delay; by ranks, so
that single wild readings count for no more than others; without the passes' beginnings, where the
machine fills (after Sudduth, Drummond and Myers 2012, ASABE paper 12-1338243, who match the image
of neighbouring passes). Where no delay agrees clearly better than the others
none is taken.

Ground harvested before is found as by the bitmap method (Drummond, Fraisse and Sudduth 1999,
Transactions of the ASAE 42:1221): the swath is laid on a grid of an eighth of its width, and each
cell belongs to the record that came first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

TURN_DEG = 45.0
GAP_S = 10.0
"""Without a record for so long, a new pass begins."""
ACROSS = 8
"""Cells across a swath."""
BESIDE = 1.5
"""Swaths within which a record of another pass is a neighbour."""
FILLS_S = 10.0
"""Time a machine takes to fill at most; what it tells before is not compared."""
FEWEST_PAIRS = 200
CLEARER = 0.03
"""How much better than the mean of all delays the best must agree, as a share."""


def pass_numbers(x_m: FloatArray, y_m: FloatArray, time_s: FloatArray, down: NDArray[np.bool_]
                 ) -> IntArray:  # fmt: skip
    """Return the pass of each record, from 0.

    Parameters
    ----------
    x_m, y_m : (N,) float64
        Local metres.
    time_s : (N,) float64
        Rising.
    down : (N,) bool
        Whether the header is down.

    Examples
    --------
    >>> x = np.array([0.0, 1, 2, 2, 2, 2])
    >>> y = np.array([0.0, 0, 0, 1, 2, 3])
    >>> pass_numbers(x, y, np.arange(6.0), np.ones(6, bool)).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    step = np.diff(np.stack([x_m, y_m]), axis=1)
    heading = np.degrees(np.arctan2(step[1], step[0]))
    turned = np.zeros(len(x_m), bool)
    if len(x_m) > 2:
        change = np.abs((np.diff(heading) + 180.0) % 360.0 - 180.0)
        moved = (np.hypot(*step) > 0.05)[1:] & (np.hypot(*step) > 0.05)[:-1]
        turned[2:] = (change > TURN_DEG) & moved
    begins = turned.copy()
    begins[1:] |= (np.diff(time_s) > GAP_S) | (down[1:] != down[:-1])
    return np.cumsum(begins).astype(np.int64)


def harvested_before(
    x_m: FloatArray, y_m: FloatArray, swath_m: FloatArray, distance_m: FloatArray, track: IntArray
) -> FloatArray:
    """Return the share of each record's ground that another pass had harvested before it.

    Parameters
    ----------
    x_m, y_m : (N,) float64
        Middle of the header, local metres, in the order of time.
    swath_m, distance_m : (N,) float64
        Width cut, and the way since the record before.
    track : (N,) int64
        The pass.

    Returns
    -------
    (N,) float64
        0 to 1.
    """
    count = len(x_m)
    if not count:
        return np.zeros(0)
    cell_m = float(np.median(swath_m)) / ACROSS
    dx, dy = np.gradient(x_m) if count > 1 else np.ones(1), np.gradient(y_m) if count > 1 else 0
    length = np.maximum(np.hypot(dx, dy), 1e-9)
    east, north = dx / length, dy / length
    along = max(1, int(np.ceil(float(np.quantile(distance_m, 0.95)) / cell_m)))
    side = (np.arange(ACROSS) + 0.5) / ACROSS - 0.5
    back = (np.arange(along) + 0.5) / along
    aside = swath_m[:, None, None] * side[None, :, None]
    behind = distance_m[:, None, None] * back[None, None, :]
    px = x_m[:, None, None] - behind * east[:, None, None] - aside * north[:, None, None]
    py = y_m[:, None, None] - behind * north[:, None, None] + aside * east[:, None, None]
    cells = np.stack([np.floor(px / cell_m), np.floor(py / cell_m)]).astype(np.int64)
    cells -= cells.reshape(2, -1).min(axis=1)[:, None, None, None]
    keys = (cells[0] * (int(cells[1].max()) + 1) + cells[1]).reshape(count, -1)
    _, first, which = np.unique(keys.ravel(), return_index=True, return_inverse=True)
    owner = (first // keys.shape[1])[which.reshape(keys.shape)]
    return np.asarray((track[owner] != track[:, None]).mean(axis=1))


def grain_delay_s(
    x_m: FloatArray, y_m: FloatArray, flow: FloatArray, track: IntArray, *,
    distance_m: FloatArray, swath_m: float, interval_s: float, least_s: float = -10.0,
    most_s: float = 25.0,
) -> float | None:  # fmt: skip
    """Return the delay at which neighbouring passes agree best; None when none does clearly.

    Below 0 the log itself has put grain back further than it was cut.

    Parameters
    ----------
    x_m, y_m : (N,) float64
        Local metres.
    flow : (N,) float64
        What the sensor told, any unit, in the order of time.
    track : (N,) int64
        The pass.
    distance_m : (N,) float64
        Since the record before.
    swath_m : float
        Width of the header.
    interval_s : float
        Between records.
    least_s, most_s : float
        Delays looked at, from and to.
    """
    near = cKDTree(np.stack([x_m, y_m], axis=1)).query_pairs(
        BESIDE * swath_m, output_type="ndarray"
    )
    near = near[track[near[:, 0]] != track[near[:, 1]]]
    steps = np.arange(-int(-least_s / interval_s), int(most_s / interval_s) + 1)
    at, first = np.arange(len(track)), np.searchsorted(track, track)
    last = np.searchsorted(track, track, side="right") - 1
    full = (at + steps[0] - first >= FILLS_S / interval_s) & (at + steps[-1] <= last)
    inside = full[near].all(axis=1)
    near = near[inside]
    if len(near) < FEWEST_PAIRS:
        return None
    scores = np.array([_disagreement(flow, distance_m, near, int(step)) for step in steps])
    best = int(np.argmin(scores))
    if scores[best] > (1.0 - CLEARER) * scores.mean() or best in {0, len(steps) - 1}:
        return None
    return float(steps[best] * interval_s)


def _disagreement(
    flow: FloatArray, distance_m: FloatArray, near: NDArray[np.intp], step: int
) -> float:
    """Return how far the yields of neighbours are apart if grain is `step` records late."""
    at, other = near[:, 0], near[:, 1]
    cut = np.concatenate([flow[at + step] / distance_m[at], flow[other + step] / distance_m[other]])
    rank = np.argsort(np.argsort(cut)).astype(float)  # so that no single reading counts for more
    return float(np.mean((rank[: len(at)] - rank[len(at) :]) ** 2) / max(np.var(rank), 1e-12))
