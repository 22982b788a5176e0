"""The block adjusted: where every photo was taken and how it looked, so that all ties agree.

Theory of operation
-------------------
Levenberg's and Marquardt's method on `imagery.mosaic.block` with Huber's weights. Tie points touch
no other tie point, so they are eliminated from the normal equations (Schur's complement; Triggs et
al. 2000, "Bundle adjustment: a modern synthesis") and what is left, six unknowns for each photo, is
solved by SciPy's sparse LU factorisation. `scipy.optimize.least_squares` was measured on the same
eleven real photos with the same Jacobian: its sparse solver (trust region, LSMR) takes nineteen
times as long from a near beginning, and from the layout's rough one it stopped at 80 px where
elimination reaches 0.22 px in a quarter of a second (``benchmarks/mosaic.py --solvers``).

It goes in rounds. First everything counts, however far off, because the layout took every photo
for a map; then what disagrees by more than `DROP_PX` leaves, and the rest is adjusted again. A
photo that keeps fewer than `MIN_SIGHTINGS` sightings is not placed, and its sightings leave too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagery.mosaic.block import LENS, POSE, Block
from imagery.mosaic.layout import Layout
from imagery.mosaic.tracks import Tracks

FloatArray = NDArray[np.float64]

ROUNDS = ((100.0, 8.0), (10.0, 2.0), (5.0, 1.5), (3.0, 1.5))
"""For each round, standard errors above which a residual weighs less, and the miss in feature
pixels above which a sighting leaves after it."""
DROP_PX = ROUNDS[-1][1]
MIN_SIGHTINGS = 8
STEPS = 40
"""Most steps of a round."""
ENOUGH = 1e-4
"""A step that improves by a smaller share is the last one."""
DAMPING = (1e-4, 1e-9, 1e8)
"""At the beginning, least, and where there is no going on."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Adjusted:
    """The photos where they were.

    Parameters
    ----------
    placed : (N,) bool
        Which photos are placed.
    poses : (N, 6) float64
        East, north, up (m, above the ground's mean), heading, tilt forward, tilt right (rad); NaN
        where not placed.
    lens : (2,) float64
        Logarithm of the focal length's change, radial distortion.
    points_m : (P, 3) float64
        Tie points.
    tracks : Tracks
        The sightings kept.
    misses_px : (O, 2) float64
        How far each of them lies from where it should be, feature pixels.
    """

    placed: NDArray[np.bool_]
    poses: FloatArray
    lens: FloatArray
    points_m: FloatArray
    tracks: Tracks
    misses_px: FloatArray

    @property
    def rms_px(self) -> float:
        """Root of the mean square of the misses, feature pixels; NaN without any."""
        squares = (self.misses_px**2).sum(axis=1)
        return float(np.sqrt(squares.mean())) if len(squares) else float("nan")


def adjust(
    layout: Layout,
    tracks: Tracks,
    *,
    focal_px: FloatArray,
    gps_m: FloatArray,
    gps_error_m: FloatArray,
    tilt_rad: FloatArray,
) -> Adjusted:
    """Adjust the block.

    Parameters
    ----------
    layout : Layout
        Where to begin.
    tracks : Tracks
        What the photos see.
    focal_px : (N,) float64
        Focal length told, feature pixels.
    gps_m, gps_error_m : (N, 3) float64
        East, north and altitude as told, and standard errors; the altitude above anything.
    tilt_rad : (N, 2) float64
        Forward and right as told, NaN when not told.

    Returns
    -------
    Adjusted
    """
    placed = layout.part >= 0
    gps = gps_m.copy()
    gps[:, 2] += np.nanmedian(np.where(placed, layout.height_m - gps_m[:, 2], np.nan))
    poses = np.column_stack([gps, layout.yaw_rad, np.nan_to_num(tilt_rad)])
    lens, tracks = np.zeros(LENS), tracks.keep(placed[tracks.photo])
    points = _first_points(layout, tracks, focal_px)
    misses = np.empty((0, 2))
    for loss, drop_px in ROUNDS:
        if not placed.any() or not len(tracks.photo):
            break
        number = np.cumsum(placed) - 1
        block = Block(
            photo=number[tracks.photo],
            track=tracks.track,
            seen_px=tracks.points_px,
            focal_px=focal_px[placed],
            gps_m=gps[placed],
            gps_error_m=gps_error_m[placed],
            tilt_rad=tilt_rad[placed],
            points=tracks.count,
        )
        start = np.concatenate([poses[placed].ravel(), lens, points.ravel()])
        poses[placed], lens, points = block.parts(solve(block, start, loss=loss))
        misses = block.misses_px(np.concatenate([poses[placed].ravel(), lens, points.ravel()]))
        tracks, points, misses, placed = _kept(tracks, points, misses, placed, drop_px)
    poses[~placed] = np.nan
    return Adjusted(
        placed=placed, poses=poses, lens=lens, points_m=points, tracks=tracks, misses_px=misses
    )


def _first_points(layout: Layout, tracks: Tracks, focal_px: FloatArray) -> FloatArray:
    """Return tie points on flat ground, each where its photos show it on the mean."""
    photo = tracks.photo
    metres = (layout.height_m / focal_px)[photo]
    cos, sin = np.cos(layout.yaw_rad)[photo], np.sin(layout.yaw_rad)[photo]
    x, y = tracks.points_px.T
    east = layout.centre_m[photo, 0] + metres * (cos * x - sin * y)
    north = layout.centre_m[photo, 1] - metres * (sin * x + cos * y)
    seen = np.maximum(np.bincount(tracks.track, minlength=tracks.count), 1)
    means = [np.bincount(tracks.track, each, tracks.count) / seen for each in (east, north)]
    return np.column_stack([*means, np.zeros(tracks.count)])


def _kept(
    tracks: Tracks,
    points: FloatArray,
    misses: FloatArray,
    placed: NDArray[np.bool_],
    drop_px: float,
) -> tuple[Tracks, FloatArray, FloatArray, NDArray[np.bool_]]:
    """Return what is left once wrong sightings and photos without enough of them have gone."""
    good = np.hypot(*misses.T) <= drop_px
    while True:
        seen = np.bincount(tracks.track[good], minlength=tracks.count)
        good = good & (seen[tracks.track] >= 2)
        enough = np.bincount(tracks.photo[good], minlength=len(placed)) >= MIN_SIGHTINGS
        if (enough[placed]).all():
            break
        placed = placed & enough
        good = good & placed[tracks.photo]
    left = np.unique(tracks.track[good])
    return tracks.keep(good), points[left], misses[good], placed


def solve(block: Block, unknowns: FloatArray, *, loss: float) -> FloatArray:
    """Return the unknowns that make the residuals least, from a first guess.

    Parameters
    ----------
    block : Block
        The problem.
    unknowns : (U,) float64
        Where to begin.
    loss : float
        Residuals above so many standard errors count by their size, not its square (Huber).
    """
    residuals = block.residuals(unknowns)
    cost, damping = _cost(residuals, loss), DAMPING[0]
    for _ in range(STEPS):
        trust = np.sqrt(1.0 / np.maximum(np.abs(residuals) / loss, 1.0))
        normal = _Normal.of(block, unknowns, residuals, trust)
        while True:
            trial = unknowns + normal.step(damping)
            trial_residuals = block.residuals(trial)
            trial_cost = _cost(trial_residuals, loss)
            if np.isfinite(trial_cost) and trial_cost <= cost:
                break
            damping *= 5.0
            if damping > DAMPING[2]:
                return unknowns
        done = cost - trial_cost <= ENOUGH * cost
        unknowns, residuals, cost = trial, trial_residuals, trial_cost
        damping = max(damping / 5.0, DAMPING[1])
        if done:
            break
    return unknowns


def _cost(residuals: FloatArray, loss: float) -> float:
    size = np.abs(residuals)
    return float(np.where(size < loss, 0.5 * size**2, loss * (size - 0.5 * loss)).sum())


@dataclass(frozen=True, slots=True)
class _Normal:
    """Normal equations in blocks: photos and lens, tie points, what joins them."""

    photos: Any
    joined: Any
    points: FloatArray
    photo_slope: FloatArray
    point_slope: FloatArray

    @classmethod
    def of(
        cls, block: Block, unknowns: FloatArray, residuals: FloatArray, trust: FloatArray
    ) -> _Normal:
        edge = POSE * block.photos + LENS
        weighted = block.jacobian(unknowns).multiply(trust[:, None]).tocsr()
        target = residuals * trust
        left, right = weighted[:, :edge], weighted[:, edge:]
        diagonal = (right.T @ right).tobsr((3, 3))
        points = np.zeros((block.points, 3, 3))
        points[diagonal.indices] = diagonal.data  # a tie point touches no other one
        return cls(
            photos=(left.T @ left).tocsr(),
            joined=(left.T @ right).tocsr(),
            points=points,
            photo_slope=left.T @ target,
            point_slope=right.T @ target,
        )

    def step(self, damping: float) -> FloatArray:
        from scipy.sparse import bsr_array, diags_array
        from scipy.sparse.linalg import splu

        count, axis = len(self.points), np.arange(3)
        points = self.points.copy()
        points[:, axis, axis] *= 1.0 + damping
        points[:, axis, axis] += 1e-12
        turned = np.linalg.inv(points)
        inverse = bsr_array((turned, np.arange(count), np.arange(count + 1))).tocsr()
        through = self.joined @ inverse
        photos = self.photos + damping * diags_array(self.photos.diagonal())
        reduced = (photos - through @ self.joined.T).tocsc()
        poses = splu(reduced).solve(through @ self.point_slope - self.photo_slope)
        moved = -(inverse @ (self.point_slope + self.joined.T @ poses))
        return np.concatenate([poses, moved])
