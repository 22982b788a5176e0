"""The line along a row of trees: straight where it can be, else a smooth curve in straight pieces.

Theory of operation
-------------------
Trees stand beside the line they were planted on. A straight line (total least squares) is taken
when it is off by little, or when no curve is surely likelier. The curve is Whittaker's: least
squares with a penalty on the second derivative, the spacing of the trees counted. How stiff it is,
and whether it is needed, generalized cross-validation decides: it tells how far new trees of the
same row would be from the line.

A curve is flown in equal straight pieces, as few as follow it within `CHORD_M`, none shorter than
`PIECE_M`.

P. H. C. Eilers, A perfect smoother, Analytical Chemistry 75 (2003). P. Craven, G. Wahba, Smoothing
noisy data with spline functions, Numerische Mathematik 31 (1979).
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString

from missions.airspace.route import Place

FloatArray = NDArray[np.float64]
STIFF = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""Weights of a curve's bend against its distance from the trees; the likeliest is taken."""
SURELY = 0.5
"""A curve must be this much likelier than a straight line."""
STRAIGHT_M = 0.3
"""A straight line off by less is straight."""
PIECE_M = 5.0
"""Shortest straight piece of a curved line; the aircraft begins a turn 2 m before a corner."""
CHORD_M = 0.2
"""How far a straight piece may leave the curve."""


def row_line(places: FloatArray) -> tuple[Place, ...]:
    """Return the line along places in order.

    Parameters
    ----------
    places : (N, 2) float64
        East and north, metres; at least two.

    Returns
    -------
    tuple of (east_m, north_m)
        From beside the first place to beside the last.

    Examples
    --------
    >>> line = row_line(np.array([[0.0, 0.1], [5.0, -0.2], [10.0, 0.1]]))
    >>> [(round(e, 2), round(n, 2)) for e, n in line]
    [(0.0, 0.0), (10.0, 0.0)]
    """
    straight = _straight(places)
    if np.hypot(*(places - straight).T).max() < STRAIGHT_M:
        return _places(straight[[0, -1]])
    curves = [_smooth(places, stiff) for stiff in STIFF]
    scores = [_score(places, curve, freedom) for curve, freedom in curves]
    if min(scores) > SURELY * _score(places, straight, 2.0):
        return _places(straight[[0, -1]])
    return _places(_pieces(curves[int(np.argmin(np.round(scores, 9)))][0]))


def _score(places: FloatArray, fit: FloatArray, freedom: float) -> float:
    """Return how far a fit is from new trees of the same row (generalized cross-validation)."""
    count = len(places)
    return float(((places - fit) ** 2).sum()) * count / max(count - freedom, 0.5) ** 2


def _places(at: FloatArray) -> tuple[Place, ...]:
    return tuple((float(e), float(n)) for e, n in at)


def _straight(places: FloatArray) -> FloatArray:
    """Return places moved onto the line nearest to them all (total least squares)."""
    middle = places.mean(axis=0)
    _, _, axes = np.linalg.svd(places - middle)
    along = axes[0]
    return np.asarray(middle + np.outer((places - middle) @ along, along))


def _smooth(places: FloatArray, stiff: float) -> tuple[FloatArray, float]:
    """Return places moved onto a smooth curve, the spacing counted, and its degrees of freedom."""
    count = len(places)
    step = np.hypot(*np.diff(places, axis=0).T)
    step = np.maximum(step / np.median(step), 0.1)
    bend = np.zeros((count - 2, count))
    rows = np.arange(count - 2)
    before, onward = step[:-1], step[1:]
    bend[rows, rows] = 2.0 / (before * (before + onward))
    bend[rows, rows + 1] = -2.0 / (before * onward)
    bend[rows, rows + 2] = 2.0 / (onward * (before + onward))
    hat = np.linalg.inv(np.eye(count) + stiff * bend.T @ bend)
    return np.asarray(hat @ places, np.float64), float(np.trace(hat))


def _pieces(curve: FloatArray) -> FloatArray:
    """Return a curve in as few equal pieces as follow it, none shorter than `PIECE_M`."""
    line, corners = LineString(curve), shapely.points(curve)
    most = max(1, int(line.length / (PIECE_M * 1.02)))
    for count in range(1, most + 1):
        far = np.linspace(0.0, line.length, count + 1)
        pieces = shapely.get_coordinates(shapely.line_interpolate_point(line, far))
        if shapely.distance(corners, LineString(pieces)).max() <= CHORD_M:
            break
    return pieces
