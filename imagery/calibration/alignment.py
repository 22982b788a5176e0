"""Bands laid on each other: how far each lens's picture is from the reference's, in pixels.

Theory of operation
-------------------
A multispectral camera has one lens for each band, a few centimetres apart, and some expose a moment
later. Far ground makes that a homography. It is found from coarse to fine:

1. a start: what an earlier capture of the rig had, DJI's CalibratedHMatrix, else the rig's turns
   and focal lengths, else nothing;
2. squares: the picture of edges is cut into squares (bright leaves in near infrared are dark in
   red, but edges lie in the same places), the shift that remains in each is found by phase
   correlation, and the homography through those shifts (MAGSAC) is applied, until it stands still;
3. where that leads nowhere, matches of SIFT features, or OpenCV's ECC on pictures of a quarter of
   the size where features are few, and from there squares again.

On a real capture of a vineyard and an orchard all three ways end within 0.02 px of each other, at
0.14 to 0.22 px; squares alone take a tenth of the time, so they come first.

The **residual** is measured on other squares than those that were fitted, lying half a square
beside them. Squares without texture or with an unsure peak do not count. Reported are the median
and the 90th percentile of the shifts' lengths. A median of more than 1 px, more than 2 px in a
tenth of the squares (half a picture may lie well while the other half does not), or too few squares
that tell, is a finding on the product: an index of such bands has coloured edges.

Trees nearer than the ground keep a parallax that no homography can take; at 60 m a lens 3 cm away
shifts a 5 m crown by 0.1 px or so (focal 1,450 px), at 10 m by 4 px. That is why the 90th
percentile is reported too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from agri.findings import Finding
from imagery.calibration.lens import camera_matrix
from imagery.calibration.squares import edges, follow_squares, residual, sane, warp
from imagery.extras import extra
from imagery.photo import Photo

FloatArray = NDArray[np.float64]
FloatImage = NDArray[np.float32]
Search = Callable[[FloatImage, FloatImage], FloatArray | None]
How = Literal["reference", "told", "squares", "features", "correlation", "not aligned"]
"""By what a band was laid on the reference."""
LIMIT_PX = 1.0
"""A median residual above this is told of, …"""
LIMIT_90_PX = 2.0
"""… and so is a tenth of the squares lying farther off than this."""
ENOUGH_PX = 0.3
"""A start that leaves no more than this needs no search."""
MIN_MATCHES = 25
ECC_STEPS = 60
ECC_EPSILON = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BandAlignment:
    """How one band lies on the reference.

    Parameters
    ----------
    index : int
        Of the band in what was given.
    matrix : (3, 3) float64
        From pixels of the reference to pixels of the band: what a warp reads.
    how : {"reference", "told", "squares", "features", "correlation", "not aligned"}
        The step that settled it.
    residual_px, residual_90_px : float
        Median and 90th percentile of the shifts that remain; NaN when too few squares tell.
    squares : int
        How many tell.
    """

    index: int
    matrix: FloatArray
    how: How
    residual_px: float
    residual_90_px: float
    squares: int

    @property
    def good(self) -> bool:
        """Whether the residual is known, at most 1 px, and 2 px in nine squares of ten."""
        return self.residual_px <= LIMIT_PX and self.residual_90_px <= LIMIT_90_PX


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Alignment:
    """All bands of a capture on one of them.

    Parameters
    ----------
    bands : tuple of BandAlignment
        In the order given.
    reference : int
        Index of the band the others lie on.
    findings : tuple of Finding
        One for each band that does not.
    """

    bands: tuple[BandAlignment, ...]
    reference: int
    findings: tuple[Finding, ...] = ()


def align(
    pictures: Sequence[FloatImage],
    *,
    names: Sequence[str] = (),
    starts: Sequence[FloatArray | None] = (),
    reference: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Alignment:
    """Find how bands of one capture lie on one of them.

    Parameters
    ----------
    pictures : sequence of (H, W) float32
        Undistorted, any unit, NaN where nothing was measured; one size.
    names : sequence of str
        Of the bands, for sentences.
    starts : sequence of (3, 3) float64 or None
        What is known before (`rig_start`, `plane_start`): reference pixels to the band's.
    reference : int
        The band that stays.
    progress : callable, optional
        Is told the share done, 0 to 1.

    Raises
    ------
    BadInput
        When sizes differ, there is no such reference, or OpenCV is missing.
    """
    if not pictures or len({picture.shape for picture in pictures}) != 1:
        raise BadInput("error.align_sizes", count=len(pictures))
    if not 0 <= reference < len(pictures):
        raise BadInput("error.align_reference", band=reference + 1, count=len(pictures))
    fixed = edges(pictures[reference])
    found = []
    for index, picture in enumerate(pictures):
        start = starts[index] if index < len(starts) else None
        found.append(
            _itself(index) if index == reference else _aligned(index, fixed, edges(picture), start)
        )
        if progress is not None:
            progress((index + 1) / len(pictures))
    findings = tuple(
        _told(names[band.index] if band.index < len(names) else f"{band.index + 1}", band)
        for band in found
        if not band.good
    )
    return Alignment(bands=tuple(found), reference=reference, findings=findings)


def warped(picture: FloatImage, band: BandAlignment) -> FloatImage:
    """Return a band's picture as the reference's lens would have seen it.

    Parameters
    ----------
    picture : (H, W) float32
        What `align` was given, or another unit of it.
    band : BandAlignment

    Returns
    -------
    (H, W) float32
        Bilinear, NaN where the band saw nothing.
    """
    if band.how == "reference":
        return picture
    return warp(picture, band.matrix)


def rig_start(reference: Photo, photo: Photo) -> FloatArray | None:
    """Return the homography that lenses and the rig's turns tell, for ground far away.

    Parameters
    ----------
    reference, photo : Photo
        Both with `lens`; `rig_rotation_deg` where the file has it (RigRelatives; about x, y, z in
        turn, Pix4D's convention), else only focal lengths and principal points count.

    Returns
    -------
    (3, 3) float64 or None
        Reference pixels to the photo's; None without lenses.
    """
    if reference.lens is None or photo.lens is None:
        return None
    turn = _rotation(photo.rig_rotation_deg) @ _rotation(reference.rig_rotation_deg).T
    matrix = camera_matrix(photo.lens) @ turn @ np.linalg.inv(camera_matrix(reference.lens))
    return np.asarray(matrix / matrix[2, 2])


def plane_start(reference: Photo, photo: Photo) -> FloatArray | None:
    """Return the homography by DJI's CalibratedHMatrix of both, None where one lacks it.

    Returns
    -------
    (3, 3) float64 or None
        Reference pixels to the photo's.
    """
    if reference.homography is None or photo.homography is None:
        return None
    own = np.array(photo.homography).reshape(3, 3)
    other = np.array(reference.homography).reshape(3, 3)
    if abs(np.linalg.det(own)) < 1e-12:
        return None
    matrix = np.linalg.inv(own) @ other
    return np.asarray(matrix / matrix[2, 2])


def _itself(index: int) -> BandAlignment:
    return BandAlignment(
        index=index, matrix=np.eye(3), how="reference", residual_px=0.0, residual_90_px=0.0,
        squares=0,
    )  # fmt: skip


def _aligned(
    index: int, fixed: FloatImage, moving: FloatImage, start: FloatArray | None
) -> BandAlignment:
    """Try what is told, features, correlation and squares; keep what leaves the least."""
    how: How = "not aligned" if start is None else "told"
    best = _scored(index, fixed, moving, np.eye(3) if start is None else start, how)
    if best.residual_px <= ENOUGH_PX:
        return best
    refined = follow_squares(fixed, moving, best.matrix)
    if refined is not None:
        best = _better(best, _scored(index, fixed, moving, refined, "squares"))
    if best.good:
        return best
    searched: tuple[tuple[How, Search], ...] = (
        ("features", _by_features),
        ("correlation", _by_correlation),
    )
    for how, search in searched:
        found = search(fixed, moving)
        if found is None:
            continue
        best = _better(best, _scored(index, fixed, moving, found, how))
        refined = follow_squares(fixed, moving, found)
        if refined is not None:
            best = _better(best, _scored(index, fixed, moving, refined, how))
        if best.good:
            break
    return best


def _better(one: BandAlignment, two: BandAlignment) -> BandAlignment:
    """The one whose shifts are known and shorter; many telling squares count for it."""

    def cost(band: BandAlignment) -> float:
        if math.isnan(band.residual_px):
            return math.inf
        return (band.residual_px + 0.02) / math.sqrt(band.squares)

    return two if cost(two) < cost(one) else one


def _scored(
    index: int, fixed: FloatImage, moving: FloatImage, matrix: FloatArray, how: How
) -> BandAlignment:
    moved = np.nan_to_num(warp(moving, matrix), nan=0.0)
    median, ninety, squares = residual(fixed, moved)
    return BandAlignment(index=index, matrix=matrix, how=how, residual_px=median,
                         residual_90_px=ninety, squares=squares)  # fmt: skip


def _by_features(fixed: FloatImage, moving: FloatImage) -> FloatArray | None:
    """SIFT on edge pictures, matches both ways by Lowe's ratio, MAGSAC."""
    cv2: Any = extra("cv2")
    sift = cv2.SIFT_create(nfeatures=3000)
    keys, words = zip(
        *(sift.detectAndCompute(_grey(picture), None) for picture in (fixed, moving)), strict=True
    )
    if any(found is None or len(found) < MIN_MATCHES for found in words):
        return None
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(words[0], words[1], k=2)
    good = [two[0] for two in pairs if len(two) == 2 and two[0].distance < 0.8 * two[1].distance]
    if len(good) < MIN_MATCHES:
        return None
    one = np.array([keys[0][match.queryIdx].pt for match in good], dtype=np.float32)
    two = np.array([keys[1][match.trainIdx].pt for match in good], dtype=np.float32)
    matrix, inside = cv2.findHomography(one, two, cv2.USAC_MAGSAC, 2.0, maxIters=2000)
    if matrix is None or int(inside.sum()) < MIN_MATCHES:
        return None
    return sane(np.asarray(matrix, dtype=np.float64), fixed.shape)


def _by_correlation(fixed: FloatImage, moving: FloatImage) -> FloatArray | None:
    """ECC on pictures of a quarter of the size; None where it does not settle."""
    cv2: Any = extra("cv2")
    small = [cv2.resize(p, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
             for p in (fixed, moving)]  # fmt: skip
    scale = np.diag([0.25, 0.25, 1.0])
    guess = np.eye(3, dtype=np.float32)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, ECC_STEPS, ECC_EPSILON)
    seen = (small[0] > 0).astype(np.uint8)
    try:
        _, guess = cv2.findTransformECC(
            small[0], small[1], guess, cv2.MOTION_HOMOGRAPHY, criteria, seen, 5
        )
    except cv2.error:
        return None
    matrix = np.linalg.inv(scale) @ np.asarray(guess, dtype=np.float64) @ scale
    return sane(matrix / matrix[2, 2], fixed.shape)


def _grey(picture: FloatImage) -> NDArray[np.uint8]:
    return np.asarray(np.clip(picture * (255.0 / 6.0), 0, 255), dtype=np.uint8)


def _rotation(turns_deg: tuple[float, float, float] | None) -> FloatArray:
    """R = Rx · Ry · Rz of Pix4D's RigRelatives (omega, phi, kappa in degrees)."""
    x, y, z = (math.radians(turn) for turn in (turns_deg or (0.0, 0.0, 0.0)))
    about_x = np.array([[1, 0, 0], [0, math.cos(x), -math.sin(x)], [0, math.sin(x), math.cos(x)]])
    about_y = np.array([[math.cos(y), 0, math.sin(y)], [0, 1, 0], [-math.sin(y), 0, math.cos(y)]])
    about_z = np.array([[math.cos(z), -math.sin(z), 0], [math.sin(z), math.cos(z), 0], [0, 0, 1]])
    return np.asarray(about_x @ about_y @ about_z)


def _told(name: str, band: BandAlignment) -> Finding:
    if math.isnan(band.residual_px):
        return Finding.warning("finding.bands_unknown", where=name, squares=band.squares)
    if band.residual_px <= LIMIT_PX:
        return Finding.warning("finding.bands_partly_apart", where=name,
                               residual_px=band.residual_90_px)  # fmt: skip
    return Finding.warning("finding.bands_apart", where=name, residual_px=band.residual_px,
                           limit_px=LIMIT_PX)  # fmt: skip
