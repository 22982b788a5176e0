"""The mosaic painted tile by tile: ground to photo, weighted by the distance from a photo's edge.

Theory of operation
-------------------
The mosaic is cut into tiles. For each the places of a grid of nodes (every `NODE_PX` pixels) are
projected into the photos, with the ground's height there; between nodes the way into the photo is
straight to a hundredth of a pixel on land that does not break, so a photo is drawn by one
`cv2.remap`. A photo's weight is its distance from its own edge, one in the middle and nothing at
the border, to the sixth power: the photo that looks most straight down on a place shows it,
and passes into its neighbour over a few metres instead of at a cut. A photo that nowhere in the
tile has `LEAST` of the best weight is not drawn.

Memory is bounded by the tile and by the photos kept decoded (`cache_bytes`); tiles are visited
along a Z-order curve (Morton 1966), so that neighbouring tiles follow each other and each photo is
decoded about twice, not once for each row of tiles. Photos are decoded no finer than the mosaic.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agri.geo import LocalFrame, transformer
from imagery.extras import extra
from imagery.mosaic.block import project
from imagery.mosaic.ground import Ground, laid_on
from imagery.mosaic.shots import REDUCTIONS, Shot
from imagery.raster.canvas import TILE, Canvas

FloatArray = NDArray[np.float64]

NODE_PX = 16
LEAST = 0.03
BEYOND = 1.4
CACHE_BYTES = 800_000_000
"""Decoded photos kept."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """A placed photo.

    Parameters
    ----------
    shot : Shot
        The photo.
    pose : (6,) float64
        As `imagery.mosaic.block.project` has it.
    lens : (2,) float64
        The same.
    gain : (B,) float32
        What its pixels are multiplied by.
    """

    shot: Shot
    pose: FloatArray
    lens: FloatArray
    gain: NDArray[np.float32]

    def pixels_at(self, points_m: FloatArray) -> FloatArray:
        """Return where points (…, 3) are seen: full-size columns and rows (…, 2), whole = centre.

        Far outside the picture the lens's distortion means nothing and might fold back into it:
        what lies beyond `BEYOND` half pictures is drawn in to there. NaN behind the lens.
        """
        flat = points_m.reshape(-1, 3)
        poses = np.broadcast_to(self.pose, (len(flat), 6))
        focal = self.shot.focal_px * float(np.exp(self.lens[0]))
        straight = project(poses, np.full(len(flat), focal), np.zeros(2), flat)
        half = np.array([self.shot.width_px, self.shot.height_px]) / 2.0
        over = np.abs(straight / half).max(axis=1, keepdims=True) / BEYOND
        straight = straight / np.maximum(over, 1.0)
        seen = straight * (1.0 + self.lens[1] * ((straight / focal) ** 2).sum(1, keepdims=True))
        return np.asarray((seen + self.shot.middle_px).reshape(*points_m.shape[:-1], 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """Where the mosaic lies: north up, UTM.

    Parameters
    ----------
    frame : LocalFrame
        Where the views' east and north count from.
    west_m, north_m : float
        UTM coordinates of the upper left corner.
    pixel_m : float
        Side of a pixel.
    width, height : int
        Pixels.
    """

    frame: LocalFrame
    west_m: float
    north_m: float
    pixel_m: float
    width: int
    height: int

    @property
    def affine(self) -> tuple[float, float, float, float, float, float]:
        """Pixel corner to UTM, as `agri.grid.Grid` has it."""
        return (self.pixel_m, 0.0, self.west_m, 0.0, -self.pixel_m, self.north_m)

    def local(self, column: FloatArray, row: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return local metres of the centres of pixels (of any shape, alike)."""
        x = self.west_m + (column + 0.5) * self.pixel_m
        y = self.north_m - (row + 0.5) * self.pixel_m
        back = transformer(self.frame.utm_epsg, 4326)
        east, north = self.frame.to_local(*back.transform(x.ravel(), y.ravel()))
        return east.reshape(column.shape), north.reshape(column.shape)


class _Cache:
    """Decoded photos, the least used ones forgotten first."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._kept: OrderedDict[tuple[str, int], NDArray[Any]] = OrderedDict()
        self._bytes = 0

    def pixels(self, shot: Shot, reduction: int) -> NDArray[Any]:
        key = (shot.name, reduction)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        image = np.ascontiguousarray(shot.pixels(reduction))
        self._kept[key] = image
        self._bytes += image.nbytes
        while self._bytes > self._limit and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return image


def paint(
    canvas: Canvas,
    sheet: Sheet,
    views: Sequence[View],
    ground: Ground,
    *,
    kind: str,
    cache_bytes: int = CACHE_BYTES,
    progress: Callable[[float], None] | None = None,
) -> float:
    """Paint all photos.

    Parameters
    ----------
    canvas : Canvas
        What is painted on.
    sheet : Sheet
        Where it lies.
    views : sequence of View
        The photos.
    ground : Ground
        What they look at.
    kind : {"uint8", "uint16", "float32"}
        Of the canvas.
    cache_bytes : int
        Decoded photos kept in memory.
    progress : callable, optional
        Told the share done.

    Returns
    -------
    float
        Square metres painted.
    """
    cache = _Cache(cache_bytes)
    boxes = np.array([box_on(view, sheet, ground) for view in views])
    painted = 0
    tiles = _tiles(sheet)
    for done, (column, row) in enumerate(tiles):
        near = (boxes[:, 0] < column + TILE) & (boxes[:, 2] > column)
        near &= (boxes[:, 1] < row + TILE) & (boxes[:, 3] > row)
        if near.any():
            some = [views[int(k)] for k in np.flatnonzero(near)]
            size = (min(TILE, sheet.height - row), min(TILE, sheet.width - column))
            values, shown = _tile(sheet, (column, row), some, ground, cache)
            values, shown = values[: size[0], : size[1]], shown[: size[0], : size[1]]
            if shown.any():
                canvas.paint(column, row, _as_kind(values, kind), shown)
                painted += int(shown.sum())
        if progress is not None:
            progress((done + 1) / len(tiles))
    return painted * sheet.pixel_m**2


def _tiles(sheet: Sheet) -> list[tuple[int, int]]:
    """Return the tiles' corners along a Z-order curve."""

    def place(tile: tuple[int, int]) -> int:
        column, row = tile[0] // TILE, tile[1] // TILE
        bits = range(max(column, row).bit_length())
        return sum((column >> k & 1) << 2 * k | (row >> k & 1) << 2 * k + 1 for k in bits)

    corners = [(c, r) for r in range(0, sheet.height, TILE) for c in range(0, sheet.width, TILE)]
    return sorted(corners, key=place)


def outline_m(view: View, ground: Ground, *, steps: int = 9) -> FloatArray:
    """Return the ground that a photo's border shows, (4 · steps, 2) local metres, NaN for sky."""
    share, one = np.linspace(-1.0, 1.0, steps), np.ones(steps)
    sides = ((share, -one), (one, share), (-share, one), (-one, -share))
    border = np.concatenate([np.column_stack(side) for side in sides])
    half = np.array([view.shot.width_px, view.shot.height_px]) / 2.0
    seen = border * half + (half - 0.5 - view.shot.middle_px)
    focal = np.full(len(seen), view.shot.focal_px)
    poses = np.broadcast_to(view.pose, (len(seen), 6))
    return laid_on(ground, poses, focal, view.lens, seen)


def box_on(view: View, sheet: Sheet, ground: Ground) -> FloatArray:
    """Return the part of the sheet that a photo may show: columns and rows, low and high."""
    corners = outline_m(view, ground)
    corners = corners[np.isfinite(corners).all(axis=1)]
    if not len(corners):
        return np.array([0.0, 0.0, sheet.width, sheet.height])
    lon, lat = sheet.frame.to_lonlat(corners[:, 0], corners[:, 1])
    x, y = transformer(4326, sheet.frame.utm_epsg).transform(lon, lat)
    column, row = (x - sheet.west_m) / sheet.pixel_m, (sheet.north_m - y) / sheet.pixel_m
    return np.array([column.min(), row.min(), column.max(), row.max()])


def _tile(
    sheet: Sheet, corner: tuple[int, int], views: Sequence[View], ground: Ground, cache: _Cache
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the mean of the photos over a tile, weighted, and where there is any."""
    nodes = np.arange(-1, TILE // NODE_PX + 1) * NODE_PX + (NODE_PX - 1) / 2.0
    column, row = np.meshgrid(corner[0] + nodes, corner[1] + nodes)
    east, north = sheet.local(column, row)
    places = np.stack([east, north, ground.heights_m(east, north)], axis=-1)
    seen = [view.pixels_at(places) for view in views]
    weights = np.array(
        [
            np.nan_to_num(_weights((view.shot.width_px, view.shot.height_px), at))
            for view, at in zip(views, seen, strict=True)
        ]
    )
    best = weights.max(axis=0)
    bands = len(views[0].gain)
    total = np.zeros((TILE, TILE, bands), dtype=np.float32)
    weight = np.zeros((TILE, TILE), dtype=np.float32)
    for view, at, own in zip(views, seen, weights, strict=True):
        if (own > LEAST * best).any():
            _draw(view, at, pixel_m=sheet.pixel_m, cache=cache, total=total, weight=weight)
    shown = weight > 0.0
    total /= np.where(shown, weight, 1.0)[:, :, None]
    return total, shown


def _weights(size: tuple[float, float], at: NDArray[Any]) -> NDArray[Any]:
    """Return the weight of a photo of a size at its pixels (…, 2)."""
    across = np.minimum(at[..., 0] + 0.5, size[0] - 0.5 - at[..., 0])
    edge = np.minimum(across, np.minimum(at[..., 1] + 0.5, size[1] - 0.5 - at[..., 1]))
    edge = np.clip(edge * (2.0 / min(size)), 0.0, 1.0)
    cube = edge * edge * edge
    return np.asarray(cube * cube)


def _draw(
    view: View,
    at: FloatArray,
    *,
    pixel_m: float,
    cache: _Cache,
    total: NDArray[np.float32],
    weight: NDArray[np.float32],
) -> None:
    """Add a photo to a tile."""
    cv2 = extra("cv2")

    shot = view.shot
    native_m = abs(view.pose[2]) / shot.focal_px
    reduction = max(r for r in REDUCTIONS if r == 1 or r * native_m <= 1.05 * pixel_m)
    far = np.where(np.isfinite(at), at, -1e6)
    where = ((far + 0.5) / reduction - 0.5).astype(np.float32)
    fine = cv2.resize(where, None, fx=NODE_PX, fy=NODE_PX, interpolation=cv2.INTER_LINEAR)
    fine = np.ascontiguousarray(np.asarray(fine)[NODE_PX:-NODE_PX, NODE_PX:-NODE_PX])
    own = _weights((shot.width_px / reduction, shot.height_px / reduction), fine)
    if not own.any():
        return
    image = cache.pixels(shot, reduction)
    drawn = cv2.remap(image, fine, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    values = np.asarray(drawn).reshape(TILE, TILE, -1)[:, :, : total.shape[2]] * view.gain
    if image.dtype.kind == "f":
        unknown = ~np.isfinite(values).all(axis=2)
        own[unknown] = 0.0
        values[unknown] = 0.0
    values *= own[:, :, None]
    total += values
    weight += own


def _as_kind(values: NDArray[np.float32], kind: str) -> NDArray[Any]:
    if kind == "float32":
        return values
    most = float(np.iinfo(np.dtype(kind)).max)
    return np.clip(np.rint(values), 0.0, most).astype(kind)
