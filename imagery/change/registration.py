"""Two rasters of the same ground laid on one another: shift and turn, with a residual in metres.

Theory of operation
-------------------
Two flights place the same ground a metre or three apart. Compared as they are, every edge of every
crown would be a change. So

1. the moved raster is brought onto the reference's pixels, made coarser to at most `SIDE` a side;
2. phase correlation under a Hann window (Kuglin and Hines 1975; OpenCV) gives the shift;
3. a rigid motion is refined by the enhanced correlation coefficient, which a change of brightness
   or contrast does not disturb (Evangelidis and Psarakis, IEEE TPAMI 30 (2008) 1858; OpenCV);
4. the two are cut into `TILES` × `TILES` tiles, and the shift that each tile still asks for is
   measured. Their root mean square is the **residual**: it is measured on the rasters themselves,
   and shows a warped mosaic that no rigid motion can mend.

A shift beyond `reach_m`, a residual beyond `bound_m` or fewer than three tiles that agree with
anything is refused: a difference of rasters that do not fit is worse than none. Unknown pixels get
the mean and take no part where most of a tile is unknown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput, Refused
from agri.grid import FloatArray, Grid
from imagery.extras import extra
from imagery.metric import pixel_m, pixels_of, plane

SIDE = 1500
TILES = 4
LEAST_KNOWN = 0.6
"""Share of known pixels that a tile needs."""
LEAST_RESPONSE = 0.08
"""Of a tile's phase correlation; what agrees with nothing has less."""
LEAST_ALIKE = 0.3
"""Least correlation of the two once laid on one another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterAlignment:
    """How the moved raster must be moved to fit.

    Parameters
    ----------
    shift_m : (east, north)
        Of its middle.
    turn_rad : float
        Counterclockwise about `centre`.
    centre : (x, y)
        Map place.
    residual_m : float
        Root mean square of what tiles still ask for.
    alike : float
        Correlation of the two once laid on one another, −1 to 1.
    """

    shift_m: tuple[float, float]
    turn_rad: float
    centre: tuple[float, float]
    residual_m: float
    alike: float

    def back(self, places: FloatArray) -> FloatArray:
        """Return where the moved raster shows what truly lies at `places`, (N, 2)."""
        cos, sin = math.cos(self.turn_rad), math.sin(self.turn_rad)
        off = places - self.centre - self.shift_m
        return np.asarray(off @ np.array([[cos, -sin], [sin, cos]]) + self.centre)


def align_rasters(
    reference: Grid, moved: Grid, *, reach_m: float = 5.0, bound_m: float = 0.5
) -> RasterAlignment:
    """Return how `moved` must be moved to fit `reference`.

    Parameters
    ----------
    reference, moved : Grid
        The same thing measured (an index, a band, heights), in one CRS in metres; any pixels.
    reach_m : float
        Largest shift that is accepted.
    bound_m : float
        Largest residual that is accepted.

    Raises
    ------
    BadInput
        When they lie in different systems, or OpenCV is not installed.
    Refused
        When they do not overlap, do not resemble one another, or do not fit within the bounds.
    """
    if reference.epsg != moved.epsg:
        raise BadInput("error.rasters_apart", one=reference.name, other=moved.name,
                       epsg=reference.epsg, other_epsg=moved.epsg)  # fmt: skip
    pixel = pixel_m(reference)
    pixel_m(moved)
    still = reference.coarser(max(1, math.ceil(max(reference.shape) / SIDE)))
    pixel = pixel_m(still)
    first = _sampled(still, moved, None)
    known = np.isfinite(still.values) & np.isfinite(first)
    if known.sum() < 32 * 32 or min(still.shape) < 32:
        raise Refused("error.alignment_overlap", name=moved.name)
    warp = _refined(still.values, first, known)
    centre = plane(still, np.array([still.shape[1] / 2.0]), np.array([still.shape[0] / 2.0]))[0]
    motion = _motion(still, warp, (float(centre[0]), float(centre[1])))
    after = _sampled(still, moved, motion)
    known = np.isfinite(still.values) & np.isfinite(after)
    residual = _residual(still.values, after, known) * pixel
    alike = _alike(still.values, after, known)
    found = replace(motion, residual_m=residual, alike=alike)
    far = math.hypot(*found.shift_m)
    if alike < LEAST_ALIKE or residual > bound_m or far > reach_m:
        raise Refused("error.alignment_rasters", name=moved.name, shift_m=far, reach_m=reach_m,
                      residual_m=residual, bound_m=bound_m, alike=alike)  # fmt: skip
    return found


def laid_on(reference: Grid, moved: Grid, alignment: RasterAlignment | None = None) -> Grid:
    """Return `moved` on the reference's pixels, moved as the alignment says; NaN beyond it."""
    return replace(
        reference, values=_sampled(reference, moved, alignment), unit=moved.unit,
        datum=moved.datum, name=moved.name,
    )  # fmt: skip


def _sampled(onto: Grid, source: Grid, motion: RasterAlignment | None) -> FloatArray:
    rows, columns = np.indices(onto.shape, dtype=np.float64)
    places = plane(onto, columns.ravel() + 0.5, rows.ravel() + 0.5)
    at = pixels_of(source, places if motion is None else motion.back(places))
    return source.at(at[:, 0], at[:, 1]).reshape(onto.shape)


def _even(values: FloatArray, known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return values about 0 with a spread of 1, 0 where unknown."""
    inner = values[known]
    middle = float(inner.mean()) if len(inner) else 0.0
    spread = float(inner.std()) if len(inner) else 1.0
    return np.where(known, (values - middle) / max(spread, 1e-12), 0.0).astype(np.float32)


def _refined(still: FloatArray, other: FloatArray, known: NDArray[np.bool_]) -> FloatArray:
    """Return the 2 × 3 motion from pixels of `still` to pixels of `other`."""
    cv2: Any = extra("cv2")
    one, two = _even(still, known), _even(other, known)
    window = cv2.createHanningWindow((one.shape[1], one.shape[0]), cv2.CV_32F)
    (right, down), _ = cv2.phaseCorrelate(one, two, window)
    warp = np.array([[1.0, 0.0, right], [0.0, 1.0, down]], dtype=np.float32)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 100, 1e-6)
    mask = known.astype(np.uint8)
    try:
        _, refined = cv2.findTransformECC(
            one, two, warp.copy(), cv2.MOTION_EUCLIDEAN, stop, mask, 5
        )
    except cv2.error:  # it does not converge where there is nothing to fit
        return np.asarray(warp, dtype=np.float64)
    return np.asarray(refined, dtype=np.float64)


def _motion(still: Grid, warp: FloatArray, centre: tuple[float, float]) -> RasterAlignment:
    """Return the motion on the map of one in pixels."""
    middle = np.array([still.shape[1] / 2.0, still.shape[0] / 2.0])
    index = middle - 0.5
    to = warp[:, :2] @ index + warp[:, 2] + 0.5
    a, b, _, d, e, _ = still.affine
    turned = a * e - b * d < 0.0
    way = np.array([[a, b], [d, e]]) @ (middle - to)
    angle = math.atan2(float(warp[1, 0]), float(warp[0, 0]))
    return RasterAlignment(
        shift_m=(float(way[0]), float(way[1])), turn_rad=angle if turned else -angle,
        centre=centre, residual_m=math.nan, alike=math.nan,
    )  # fmt: skip


def _residual(still: FloatArray, after: FloatArray, known: NDArray[np.bool_]) -> float:
    """Return the root mean square of the shifts that tiles still ask for, in pixels."""
    cv2: Any = extra("cv2")
    shifts = []
    for rows in np.array_split(np.arange(still.shape[0]), TILES):
        for columns in np.array_split(np.arange(still.shape[1]), TILES):
            part = np.ix_(rows, columns)
            inner = known[part]
            if inner.mean() < LEAST_KNOWN or min(inner.shape) < 16:
                continue
            window = cv2.createHanningWindow((inner.shape[1], inner.shape[0]), cv2.CV_32F)
            shift, response = cv2.phaseCorrelate(
                _even(still[part], inner), _even(after[part], inner), window
            )
            if response >= LEAST_RESPONSE:
                shifts.append(shift)
    if len(shifts) < 3:
        return math.inf
    return float(np.sqrt((np.array(shifts) ** 2).sum(axis=1).mean()))


def _alike(one: FloatArray, two: FloatArray, known: NDArray[np.bool_]) -> float:
    if known.sum() < 3 or one[known].std() == 0.0 or two[known].std() == 0.0:
        return 0.0
    return float(np.corrcoef(one[known], two[known])[0, 1])
