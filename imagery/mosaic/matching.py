"""Which photos overlap, and which of their features show the same place.

Theory of operation
-------------------
Photos are paired by where they were taken: each with its nearest neighbours and with those that
touch it in a Delaunay triangulation, so that neighbouring flight lines are tied together even when
the photos along a line stand much closer. Comparing all with all would cost n² for nothing.

Two features are a match when each is the other's nearest and clearly nearer than the second
(Lowe's ratio), and enough matches of a pair follow one homography (MAGSAC, Barath et al. 2019:
the view of a plane by two cameras). The tolerance is a few pixels, because trees stand up from the
plane; what is left of wrong matches the adjustment of the whole block takes out. The homography
must be one that two cameras looking down can give: not mirrored, not shrunk to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagery.extras import extra
from imagery.mosaic.features import Features

NEIGHBOURS = 6
"""Nearest photos each photo is compared with."""
RATIO = 0.8
"""A match's distance over the second nearest's, at most."""
TOLERANCE_PX = 3.0
"""Distance from the homography, feature pixels."""
MIN_INLIERS = 12
"""Fewer matches that agree do not tie two photos together."""
MIN_SHARE = 0.25
"""Least share of a pair's matches that agree."""
SHRINKS = (0.25, 4.0)
"""Scale of one photo in the other that is believed."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairMatches:
    """Matches of two photos that agree.

    Parameters
    ----------
    first, second : int
        Numbers of the photos.
    features : (M, 2) intp
        Number of the feature in the first and in the second.
    """

    first: int
    second: int
    features: NDArray[np.intp]


def neighbours(
    positions_m: NDArray[np.float64], *, nearest: int = NEIGHBOURS
) -> list[tuple[int, int]]:
    """Return which photos to compare.

    Parameters
    ----------
    positions_m : (N, 2) float64
        East and north.
    nearest : int
        How many of the nearest photos, besides those that touch in a triangulation.

    Returns
    -------
    list of (int, int)
        Ordered, each pair once.

    Examples
    --------
    >>> neighbours(np.array([[0.0, 0.0], [10.0, 0.0], [20.0, 0.0]]), nearest=1)
    [(0, 1), (1, 2)]
    """
    from scipy.spatial import Delaunay, KDTree, QhullError

    count = len(positions_m)
    if count < 2:
        return []
    k = min(nearest + 1, count)
    distances, near = KDTree(positions_m).query(positions_m, k=k)
    pairs = {(i, int(j)) for i, row in enumerate(near) for j in row if i != j}
    far = 2.0 * float(np.median(distances[:, -1]))
    try:
        corners = Delaunay(positions_m).simplices if count >= 4 else ()
    except QhullError:
        corners = ()
    for a, b, c in corners:
        for i, j in ((a, b), (b, c), (a, c)):
            if np.hypot(*(positions_m[i] - positions_m[j])) <= far:
                pairs.add((int(i), int(j)))
    return sorted({(min(i, j), max(i, j)) for i, j in pairs})


def match_pair(
    first: Features, second: Features, *, ratio: float = RATIO
) -> NDArray[np.intp] | None:
    """Return the matches of two photos that agree on one homography.

    Parameters
    ----------
    first, second : Features
        Of the two photos.
    ratio : float
        Distance over the second nearest's, at most.

    Returns
    -------
    (M, 2) intp or None
        None when too few agree: the photos do not overlap, or show nothing that can be told apart.
    """
    matches = _mutual(first.descriptors, second.descriptors, ratio)
    if len(matches) < MIN_INLIERS:
        return None
    kept = _agreeing(first.points_px[matches[:, 0]], second.points_px[matches[:, 1]])
    if kept is None or kept.sum() < max(MIN_INLIERS, MIN_SHARE * len(matches)):
        return None
    return np.asarray(matches[kept])


def _mutual(first: NDArray[np.uint8], second: NDArray[np.uint8], ratio: float) -> NDArray[np.intp]:
    """Return pairs of features each of which is the other's nearest, and clearly so."""
    if min(len(first), len(second)) < 2:
        return np.empty((0, 2), dtype=np.intp)
    a, b = first.astype(np.float32), second.astype(np.float32)
    a /= np.maximum(np.linalg.norm(a, axis=1, keepdims=True), 1.0)
    b /= np.maximum(np.linalg.norm(b, axis=1, keepdims=True), 1.0)
    alike = a @ b.T
    rows = np.arange(len(a))
    back = alike.argmax(axis=0)
    best = alike.argmax(axis=1)
    top = alike[rows, best]
    alike[rows, best] = -1.0
    second_top = alike.max(axis=1)
    clear = (1.0 - top) < ratio**2 * (1.0 - second_top)
    kept = clear & (back[best] == rows)
    return np.column_stack([rows[kept], best[kept]]).astype(np.intp)


def _agreeing(
    first_px: NDArray[np.float64], second_px: NDArray[np.float64]
) -> NDArray[np.bool_] | None:
    cv2 = extra("cv2")

    matrix, inside = cv2.findHomography(
        first_px, second_px, cv2.USAC_MAGSAC, TOLERANCE_PX, maxIters=5000, confidence=0.999
    )
    if matrix is None or not np.isfinite(matrix).all():
        return None
    kept = inside.ravel().astype(bool)
    if kept.sum() < MIN_INLIERS:
        return None
    # how the homography turns areas, at the matches: det of its derivative
    depth = first_px[kept] @ matrix[2, :2] + matrix[2, 2]
    areas = np.linalg.det(matrix) / depth**3
    shrinks = np.sqrt(np.abs(areas))
    if (areas <= 0.0).any() or shrinks.min() < SHRINKS[0] or shrinks.max() > SHRINKS[1]:
        return None
    return np.asarray(kept)
