"""The ground beneath the photos: a plane through the tie points, or a terrain that is given.

Theory of operation
-------------------
A mosaic shows each place from where a photo saw it, so it needs to know how high the place is. On
flat land a plane through the tie points is enough, fitted with little weight for what stands out
of it (crowns, roofs). Where a terrain is given (`agri.grid.Grid`, ground or surface heights) it
is used instead, moved up or down as a whole to where the tie points lie, because the altitude that
photos tell is above another zero than a terrain's heights; how far the ties then stand from it is
told by `Ground.spread_m`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from agri.geo import LocalFrame
from agri.grid import Grid
from imagery.mosaic.block import turns

FloatArray = NDArray[np.float64]

ROUNDS = 8
STEPS = 4
RIDGE_M = 1.0
"""Ties that lie closer than this to one line tell nothing of the slope across it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ground:
    """Heights above the block's zero.

    Parameters
    ----------
    plane : tuple of three float
        Height at the frame's origin, rise to the east, rise to the north.
    terrain : Grid, optional
        Used instead of the plane where it has values; the plane is then level.
    shift_m : float
        Added to the terrain's heights.
    frame : LocalFrame
        Where east and north count from.
    spread_m : float
        Median distance of tie points from the ground, up or down.
    """

    plane: tuple[float, float, float]
    terrain: Grid | None
    shift_m: float
    frame: LocalFrame
    spread_m: float

    def heights_m(self, east_m: FloatArray, north_m: FloatArray) -> FloatArray:
        """Return the ground's height at places of any shape; the plane's outside the terrain."""
        level, by_east, by_north = self.plane
        flat = level + by_east * east_m + by_north * north_m
        if self.terrain is None:
            return flat
        lon, lat = self.frame.to_lonlat(east_m.ravel(), north_m.ravel())
        told = self.terrain.sample(lon, lat).reshape(east_m.shape) + self.shift_m
        return np.where(np.isfinite(told), told, flat)


def find_ground(points_m: FloatArray, frame: LocalFrame, terrain: Grid | None = None) -> Ground:
    """Find the ground beneath tie points.

    Parameters
    ----------
    points_m : (P, 3) float64
        Tie points: east, north, up.
    frame : LocalFrame
        Of east and north.
    terrain : Grid, optional
        Heights in metres, of the ground or of its surface.

    Raises
    ------
    BadInput
        When the terrain has no value beneath the photos.

    Examples
    --------
    >>> from agri.geo import LonLat
    >>> frame = LocalFrame(LonLat(lon_deg=106.51, lat_deg=21.08))
    >>> ties = np.array([[0.0, 0.0, 1.0], [9.0, 0.0, 1.0], [0.0, 9.0, 1.0], [5.0, 5.0, 1.0]])
    >>> float(find_ground(ties, frame).heights_m(np.array(4.0), np.array(2.0)))
    1.0
    """
    if terrain is None:
        plane, off = _plane(points_m)
        return Ground(
            plane=plane, terrain=None, shift_m=0.0, frame=frame, spread_m=_middle(np.abs(off))
        )
    told = terrain.sample(*frame.to_lonlat(points_m[:, 0], points_m[:, 1]))
    off = points_m[:, 2] - told
    if not np.isfinite(off).any():
        raise BadInput("error.mosaic_terrain", name=terrain.name or "DEM")
    shift = float(np.nanmedian(off))
    return Ground(
        plane=(float(np.median(points_m[:, 2])), 0.0, 0.0),
        terrain=terrain,
        shift_m=shift,
        frame=frame,
        spread_m=_middle(np.abs(off - shift)),
    )


def _plane(points_m: FloatArray) -> tuple[tuple[float, float, float], FloatArray]:
    """Return the plane nearest to points by the sum of distances, not of squares."""
    middle = points_m[:, :2].mean(axis=0)
    matrix = np.column_stack([np.ones(len(points_m)), points_m[:, :2] - middle])
    up, trust = points_m[:, 2], np.ones(len(points_m))
    ridge = np.diag([0.0, 1.0, 1.0]) * len(points_m) * RIDGE_M**2
    found = np.zeros(3)
    for _ in range(ROUNDS):
        weighted = matrix * trust[:, None]
        found = np.linalg.solve(weighted.T @ matrix + ridge, weighted.T @ up)
        off = up - matrix @ found
        trust = 1.0 / np.maximum(np.abs(off) / max(_middle(np.abs(off)), 1e-6), 1.0)
    level = found[0] - found[1:] @ middle
    return (float(level), float(found[1]), float(found[2])), up - matrix @ found


def _middle(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


def laid_on(
    ground: Ground, poses: FloatArray, focal_px: FloatArray, lens: FloatArray, seen_px: FloatArray
) -> FloatArray:
    """Return where the ground lies that is seen at pixels: `imagery.mosaic.block.project` undone.

    Parameters
    ----------
    ground : Ground
        What is looked at.
    poses : (O, 6) float64
        East, north, up, heading, tilt forward, tilt right.
    focal_px : (O,) float64
        Focal length told.
    lens : (2,) float64
        Logarithm of its change, radial distortion.
    seen_px : (O, 2) float64
        Right and down from the picture's centre.

    Returns
    -------
    (O, 2) float64
        East and north, NaN for the sky. The lens's distortion is undone by `STEPS` steps of its own
        formula, the ground's height found by as many towards where the ray meets it.
    """
    seen = seen_px / (focal_px * np.exp(lens[0]))[:, None]
    flat = seen
    for _ in range(STEPS):
        flat = seen / (1.0 + lens[1] * (flat**2).sum(axis=1, keepdims=True))
    rays = np.column_stack([flat, np.ones(len(flat))])[:, None, :] @ turns(poses[:, 3:])
    rays = rays[:, 0]
    down = np.where(rays[:, 2] < -0.2, rays[:, 2], np.nan)
    up = np.full(len(rays), ground.plane[0])
    east, north = poses[:, 0], poses[:, 1]
    for _ in range(STEPS):
        way = (up - poses[:, 2]) / down
        east, north = poses[:, 0] + way * rays[:, 0], poses[:, 1] + way * rays[:, 1]
        up = ground.heights_m(np.nan_to_num(east), np.nan_to_num(north))
    return np.column_stack([east, north])
