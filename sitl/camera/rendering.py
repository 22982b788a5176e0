"""What a lens sees of a scene: one ray for each pixel, to where it meets the surface.

Theory of operation
-------------------
A ray is walked down from above the highest leaf in steps of height; where it is first below the
surface the last step is halved until the place is known to a fraction of a cell. So crowns lean
away from the picture's middle and hide the ground behind them, as they do in a photo. Reflectance
is the cell's own, so that a leaf's edge does not borrow from the ground far below it. Beyond its
border the land goes on as its mirror image, so that no photo shows a void; only what lies within
has a truth.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sitl.camera.lens import FloatArray, SceneCamera, directions
from sitl.camera.stations import Station
from sitl.scene.land import Scene

STEP_M = 0.25
HALVINGS = 6


def visible_places(
    scene: Scene, camera: SceneCamera, station: Station, *, fine: int = 1
) -> FloatArray:
    """Return where each ray meets the surface.

    Parameters
    ----------
    scene, camera, station
        What is seen, through what, from where.
    fine : int
        Rays across a pixel.

    Returns
    -------
    (fine · H, fine · W, 3) float64
        East, north, up in the scene's frame; NaN for rays that do not look down.
    """
    rays = directions(camera, fine)
    shape = rays.shape[:2]
    ways = rays.reshape(-1, 3) @ station.axes()
    down = ways[:, 2] < -0.05
    ways = ways / np.where(down, -ways[:, 2], np.nan)[:, None]  # one metre down each
    start = np.array([station.east_m, station.north_m, station.height_m])
    top = min(float(scene.surface_m.max()) + 0.01, station.height_m)
    low = np.full(len(ways), station.height_m - top)
    bottom = station.height_m - float(scene.surface_m.min())
    walking = np.flatnonzero(down)
    high = np.where(down, bottom, np.nan)
    depth = station.height_m - top
    while len(walking) and depth < bottom:
        depth = min(depth + STEP_M, bottom)
        at = start + ways[walking] * depth
        met = at[:, 2] <= _surface(scene, at)
        high[walking[met]] = depth
        low[walking] = np.where(met, low[walking], depth)
        walking = walking[~met]
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        at = start + ways * middle[:, None]
        met = at[:, 2] <= _surface(scene, at)
        high, low = np.where(met, middle, high), np.where(met, low, middle)
    places = start + ways * high[:, None]
    return np.asarray(places.reshape(*shape, 3))


def _surface(scene: Scene, places: FloatArray) -> NDArray[np.float32]:
    """Return the surface's height at places (N, 3), the cell's own."""
    row, column = scene.cells(places[:, 0], places[:, 1])
    rows, columns = scene.shape
    i, j = _mirrored(np.rint(row), rows), _mirrored(np.rint(column), columns)
    return np.asarray(scene.surface_m[i, j])


def _mirrored(index: FloatArray, size: int) -> NDArray[np.intp]:
    """Return indices folded back into 0 … size − 1 at both ends."""
    folded = np.mod(np.nan_to_num(index), 2 * size).astype(np.intp)
    return np.minimum(folded, 2 * size - 1 - folded)


def seen_through(
    scene: Scene,
    camera: SceneCamera,
    station: Station,
    layers: NDArray[np.float32],
    *,
    fine: int = 2,
) -> NDArray[np.float32]:
    """Return layers of a scene as a lens sees them.

    Parameters
    ----------
    scene, camera, station
        What is seen, through what, from where.
    layers : (H, W, B) float32
        On the scene's cells: reflectance × light.
    fine : int
        Rays across a pixel, whose mean it is.

    Returns
    -------
    (height_px, width_px, B) float32
        0 where a ray does not meet the land.
    """
    places = visible_places(scene, camera, station, fine=fine).reshape(-1, 3)
    row, column = scene.cells(places[:, 0], places[:, 1])
    rows, columns = scene.shape
    seen = layers[_mirrored(np.rint(row), rows), _mirrored(np.rint(column), columns)]
    seen = np.where(np.isfinite(row)[:, None], seen, np.float32(0.0))
    shape = (camera.height_px, fine, camera.width_px, fine, layers.shape[2])
    return np.asarray(seen.reshape(shape).mean(axis=(1, 3)), dtype=np.float32)
