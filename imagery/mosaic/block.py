"""The block of photos as one least-squares problem: cameras, tie points, and what they should see.

Theory of operation
-------------------
Unknown are, for every photo, where the lens was (east, north, up) and how it looked (heading,
tilt forward, tilt to the right), for every tie point where it is, and for all photos together the
focal length and one term of radial distortion (Brown 1971): ``x = f · (1 + k1 r²) · X / Z``.

The camera looks down: its axes are right and down in the picture and along the view, so that
heading and tilts are small turns of a camera that looks straight down, and their derivatives are
written out here rather than found by differences. A row of the Jacobian touches one photo, one
tie point and the lens: it is sparse, and is built as such.

Beside the sightings stand what is known beforehand, each with its standard error: GPS for the
places, the tilt (straight down within `TILT_RAD` when not told), the focal length as told. The
vertical zero lies on the ground; GPS tells differences of altitude, the matches the height.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

POSE = 6
"""Unknowns of a photo: east, north, up, heading, tilt forward, tilt right."""
LENS = 2
"""Unknowns of the lens: logarithm of the focal length's change, radial distortion."""
SIGHT_PX = 0.3
"""Standard error of a sighting, feature pixels."""
TILT_RAD = 0.10
"""How far a camera that tells nothing looks away from straight down, as a rule."""
TOLD_TILT_RAD = 0.02
FOCAL_SHARE = 0.03
"""Standard error of the focal length told, as a share of it."""
DISTORTION = 0.05
"""Standard error of radial distortion when nothing is told."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """What is measured.

    Parameters
    ----------
    photo, track : (O,) intp
        Photo and tie point of each sighting.
    seen_px : (O, 2) float64
        Right and down from the picture's centre, feature pixels.
    focal_px : (N,) float64
        Focal length told, feature pixels.
    gps_m : (N, 3) float64
        East, north, up.
    gps_error_m : (N, 3) float64
        Standard errors.
    tilt_rad : (N, 2) float64
        Forward and right as told, NaN when not told.
    points : int
        Tie points.
    """

    photo: NDArray[np.intp]
    track: NDArray[np.intp]
    seen_px: FloatArray
    focal_px: FloatArray
    gps_m: FloatArray
    gps_error_m: FloatArray
    tilt_rad: FloatArray
    points: int

    @property
    def photos(self) -> int:
        """Photos in the block."""
        return len(self.focal_px)

    def parts(self, unknowns: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return poses (N, 6), lens (2,) and points (P, 3) of a vector of unknowns."""
        edge = POSE * self.photos
        poses = unknowns[:edge].reshape(-1, POSE)
        return poses, unknowns[edge : edge + LENS], unknowns[edge + LENS :].reshape(-1, 3)

    def misses_px(self, unknowns: FloatArray) -> FloatArray:
        """Return how far each sighting lies from where it should be, (O, 2) feature pixels."""
        poses, lens, points = self.parts(unknowns)
        seen = project(poses[self.photo], self.focal_px[self.photo], lens, points[self.track])
        return np.asarray(seen - self.seen_px)

    def residuals(self, unknowns: FloatArray) -> FloatArray:
        """Return everything that should be zero, in standard errors."""
        poses, lens, _ = self.parts(unknowns)
        told, error = self._tilts()
        return np.concatenate(
            [
                (self.misses_px(unknowns) / SIGHT_PX).ravel(),
                ((poses[:, :3] - self.gps_m) / self.gps_error_m).ravel(),
                ((poses[:, 4:] - told) / error).ravel(),
                lens / (FOCAL_SHARE, DISTORTION),
            ]
        )

    def _tilts(self) -> tuple[FloatArray, FloatArray]:
        told = np.isfinite(self.tilt_rad)
        return np.where(told, self.tilt_rad, 0.0), np.where(told, TOLD_TILT_RAD, TILT_RAD)

    def jacobian(self, unknowns: FloatArray) -> Any:
        """Return the derivative of `residuals`, a sparse matrix (rows, unknowns)."""
        from scipy.sparse import coo_array, csr_array

        poses, lens, points = self.parts(unknowns)
        by_pose, by_lens, by_point = derivatives(
            poses[self.photo], self.focal_px[self.photo], lens, points[self.track]
        )
        edge = POSE * self.photos
        columns = np.concatenate(
            [
                POSE * self.photo[:, None] + np.arange(POSE),
                np.broadcast_to(edge + np.arange(LENS), (len(self.photo), LENS)),
                edge + LENS + 3 * self.track[:, None] + np.arange(3),
            ],
            axis=1,
        )
        values = np.concatenate([by_pose, by_lens, by_point], axis=2) / SIGHT_PX
        rows = 2 * np.arange(len(self.photo))[:, None] + np.arange(2)
        known_at, known = self._known()
        known_rows = 2 * len(self.photo) + np.arange(len(known))
        shape = (2 * len(self.photo) + len(known), len(unknowns))
        width = values.shape[2]
        index = (
            np.concatenate([np.repeat(rows.ravel(), width), known_rows]),
            np.concatenate([np.repeat(columns, 2, axis=0).ravel(), known_at]),
        )
        return csr_array(coo_array((np.concatenate([values.ravel(), known]), index), shape=shape))

    def _known(self) -> tuple[NDArray[np.intp], FloatArray]:
        """Return columns and derivatives of what is known beforehand."""
        start = POSE * np.arange(self.photos)[:, None]
        places, tilts = (start + np.arange(3)).ravel(), (start + np.arange(4, 6)).ravel()
        lens = POSE * self.photos + np.arange(LENS)
        values = [1.0 / self.gps_error_m.ravel(), 1.0 / self._tilts()[1].ravel()]
        values.append(1.0 / np.array([FOCAL_SHARE, DISTORTION]))
        return np.concatenate([places, tilts, lens]), np.concatenate(values)


def turns(angles_rad: FloatArray) -> FloatArray:
    """Return the rotation from east-north-up to the camera's axes (right, down, along the view).

    Parameters
    ----------
    angles_rad : (O, 3) float64
        Heading of the picture's upper edge (clockwise from north), tilt of the view towards the
        upper edge, tilt to the right.

    Returns
    -------
    (O, 3, 3) float64

    Examples
    --------
    >>> turns(np.array([[0.0, 0.0, 0.0]]))[0].tolist()
    [[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]]
    """
    heading, forward, right = _factors(angles_rad)
    return np.asarray(forward[0] @ right[0] @ heading[0])


def _factors(angles_rad: FloatArray) -> tuple[tuple[FloatArray, FloatArray], ...]:
    """Return the three turns and the derivative of each."""
    cos, sin = np.cos(angles_rad).T, np.sin(angles_rad).T
    zero, one = np.zeros(len(angles_rad)), np.ones(len(angles_rad))

    def stacked(*entries: FloatArray) -> FloatArray:
        return np.stack(entries, axis=-1).reshape(-1, 3, 3)

    (c0, c1, c2), (s0, s1, s2) = cos, sin
    # straight down: right = (cos, −sin, 0), down in the picture = (−sin, −cos, 0), view = −up
    heading = stacked(c0, -s0, zero, -s0, -c0, zero, zero, zero, -one)
    heading_by = stacked(-s0, -c0, zero, -c0, s0, zero, zero, zero, zero)
    # what lies straight below is then seen lower in the picture
    forward = stacked(one, zero, zero, zero, c1, s1, zero, -s1, c1)
    forward_by = stacked(zero, zero, zero, zero, -s1, c1, zero, -c1, -s1)
    # and further to the left
    right = stacked(c2, zero, -s2, zero, one, zero, s2, zero, c2)
    right_by = stacked(-s2, zero, -c2, zero, zero, zero, c2, zero, -s2)
    return (heading, heading_by), (forward, forward_by), (right, right_by)


def project(
    poses: FloatArray, focal_px: FloatArray, lens: FloatArray, points_m: FloatArray
) -> FloatArray:
    """Return where points are seen, right and down from the picture's centre.

    Parameters
    ----------
    poses : (O, 6) float64
        East, north, up in metres; heading, tilt forward, tilt right in radians.
    focal_px : (O,) float64
        Focal length told, pixels of the picture asked for.
    lens : (2,) float64
        Logarithm of the focal length's change; k1.
    points_m : (O, 3) float64
        East, north, up.

    Returns
    -------
    (O, 2) float64
        NaN for what is not in front of the lens.
    """
    rays = (turns(poses[:, 3:]) @ (points_m - poses[:, :3])[:, :, None])[:, :, 0]
    depth = np.where(rays[:, 2] > 1e-6, rays[:, 2], np.nan)
    flat = rays[:, :2] / depth[:, None]
    bend = 1.0 + lens[1] * (flat**2).sum(axis=1)
    return np.asarray(flat * (focal_px * np.exp(lens[0]) * bend)[:, None])


def derivatives(
    poses: FloatArray, focal_px: FloatArray, lens: FloatArray, points_m: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the derivatives of `project` by poses (O, 2, 6), lens (O, 2, 2), points (O, 2, 3)."""
    away = (points_m - poses[:, :3])[:, :, None]
    heading, forward, right = _factors(poses[:, 3:])
    turn = forward[0] @ right[0] @ heading[0]
    rays = turn @ away
    turned = [
        forward[0] @ right[0] @ heading[1] @ away,
        forward[1] @ right[0] @ heading[0] @ away,
        forward[0] @ right[1] @ heading[0] @ away,
    ]
    by_ray = np.concatenate([-turn, *turned, turn], axis=2)
    flat = rays[:, :2, 0] / rays[:, 2:, 0]
    by_flat = np.zeros((len(flat), 2, 3))
    by_flat[:, 0, 0] = by_flat[:, 1, 1] = 1.0
    by_flat[:, :, 2] = -flat
    by_flat /= rays[:, 2][:, :, None]
    square = (flat**2).sum(axis=1)
    focal = focal_px * np.exp(lens[0])
    bend = focal * (1.0 + lens[1] * square)
    by_image = 2.0 * lens[1] * focal[:, None, None] * flat[:, :, None] * flat[:, None, :]
    by_image[:, 0, 0] += bend
    by_image[:, 1, 1] += bend
    by_all = by_image @ by_flat @ by_ray
    by_lens = np.stack([bend[:, None] * flat, (focal * square)[:, None] * flat], axis=2)
    return by_all[:, :, :POSE], by_lens, by_all[:, :, POSE:]
