"""Tiles of a raster of the catalogue, for maps that are moved about in a browser.

Theory of operation. A raster is found by its name in the catalogue, never by a path or an address,
and opened under the same guard as everywhere (`imagery.raster.guard`). `imagery.raster.laying`
lays its stored numbers on the web's grid (EPSG:3857, tiles of 256). Colouring is a look-up: 256
colours of the quick look's ramp between two ends that are fixed **for the raster**, never for a
tile, or tiles would show seams. An index's ends are those of the index (`Index.shown`), so NDVI
has the same colours on every day and in every field; others get the 2nd and 98th percentile of the
whole raster.

Outside the raster, and where it has no value, a tile is transparent. A tile is WebP: a map of noise
is a thirtieth of its PNG.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agri.errors import NotFound
from agri.files import inside
from agri.operations.maps.quicklook import ENDS_PCT, RAMPS, Ramp
from agri.operations.maps.sights import BRIGHT_PCT
from imagery import catalogue
from imagery.bands import Role
from imagery.indices.catalogue import shown_of
from imagery.raster import Ortho, open_ortho
from imagery.raster.laying import Laid, lay
from imagery.raster.overview import glance
from imagery.stac import Product

SIDE = 256
DEEPEST = 24
QUALITY = 80
RASTERS = ("index", "orthomosaic", "surface", "change")
"""Kinds of products that have tiles."""
HALF_ROUND_M = math.pi * 6_378_137.0
"""Half the way round the equator on the sphere of EPSG:3857."""
_RAMP_OF: dict[str, Ramp] = {"index": "green", "surface": "height", "change": "change"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """How one raster, or one layer of it, is shown.

    Parameters
    ----------
    product : Product
        Of the catalogue.
    path : Path
        The file.
    layer : int
        From 1; 0 for a picture in colours.
    title : str
        The layer's name, "" for a picture.
    numbers : tuple of int
        Layers of the file that are read.
    ends : tuple of (float, float)
        For each, the values that get the first and the last colour.
    ramp : Ramp or None
        Colours; None for a picture.
    scales, offsets : tuple of float
        For each: value = stored · scale + offset.
    """

    product: Product
    path: Path
    layer: int
    title: str
    numbers: tuple[int, ...]
    ends: tuple[tuple[float, float], ...]
    ramp: Ramp | None
    scales: tuple[float, ...]
    offsets: tuple[float, ...]


def drawable(product: Product) -> bool:
    """Return whether a product is a raster with tiles; places that changed are a list, not one."""
    return product.kind in RASTERS and bool(product.layers)


def sight_of(farm: Path, name: str, layer: int = 1) -> Sight:
    """Return how a raster of the catalogue is shown.

    Parameters
    ----------
    farm : Path
        The farm's folder.
    name : str
        In the catalogue.
    layer : int
        Of an index or surface, from 1.

    Raises
    ------
    NotFound
        When there is no such raster or layer.
    BadInput
        When its file is damaged.
    """
    product = catalogue.product(farm, name)
    if not drawable(product):
        raise NotFound("error.no_product", name=name[:80])
    path = inside(farm, product.files[0].name)
    ortho = open_ortho(path)
    layers = [n for n in range(1, len(ortho.bands) + 1) if n != ortho.alpha]
    if product.kind == "orthomosaic":
        return picture_of(product, ortho)
    if layer not in layers:
        raise NotFound("error.no_product", name=name[:80])
    band = ortho.bands[layer - 1]
    title = band.name if band else str(layer)
    ramp = _RAMP_OF[product.kind]
    return Sight(
        product=product, path=path, layer=layer, title=title, numbers=(layer,), ramp=ramp,
        ends=(_ends(ortho, layer, product.kind, title),), scales=(ortho.scales[layer - 1],),
        offsets=(ortho.offsets[layer - 1],),
    )  # fmt: skip


def raster_of(farm: Path, name: str) -> Path:
    """Return the file of a raster of the catalogue.

    Raises
    ------
    NotFound
        When there is no such raster.
    """
    product = catalogue.product(farm, name)
    if not drawable(product):
        raise NotFound("error.no_product", name=name[:80])
    return inside(farm, product.files[0].name)


def layer_count(sight: Sight) -> int:
    """Return how many layers of a raster can be shown one by one; 1 for a picture."""
    return len(sight.product.layers) if sight.layer else 1


def picture_of(product: Product, ortho: Ortho) -> Sight:
    """Return how a raster is shown in its own colours.

    Its red, green and blue, else the first three layers, else the first as grey.
    """
    layers = [n for n in range(1, len(ortho.bands) + 1) if n != ortho.alpha]
    chosen = (layers if len(layers) >= 3 else layers[:1] * 3)[:3]
    if {Role.R, Role.G, Role.B} <= ortho.roles.keys():
        chosen = [ortho.roles[role] for role in (Role.R, Role.G, Role.B)]
    ends = [(0.0, 255.0)] * 3
    if ortho.dtypes[0] != "uint8":
        ends = [_spread(glance(ortho, [number])[0], BRIGHT_PCT) for number in chosen]
    return Sight(
        product=product, path=ortho.path, layer=0, title="", numbers=tuple(chosen),
        ends=tuple(ends), ramp=None, scales=tuple(ortho.scales[n - 1] for n in chosen),
        offsets=tuple(ortho.offsets[n - 1] for n in chosen),
    )  # fmt: skip


def _ends(ortho: Ortho, layer: int, kind: str, title: str) -> tuple[float, float]:
    known = shown_of(title) if kind == "index" else None
    if known is not None:
        return known
    low, high = _spread(glance(ortho, [layer])[0], ENDS_PCT)
    if kind == "change":
        high = max(abs(low), abs(high))
        low = -high
    return low, high


def _spread(values: NDArray[np.float32], percentiles: tuple[float, float]) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    low, high = map(float, np.percentile(known, percentiles)) if known.size else (0.0, 1.0)
    return (low, high) if high - low > 1e-9 else (low - 0.5, high + 0.5)


# ------------------------------------------------------------------ drawing


@cache
def colours(ramp: Ramp) -> NDArray[np.uint8]:
    """Return the 256 colours of a ramp: (256, 4) uint8, red, green, blue, opacity."""
    from matplotlib import colormaps

    table = colormaps[RAMPS[ramp]](np.linspace(0.0, 1.0, 256), bytes=True)
    return np.asarray(table, dtype=np.uint8)


@cache
def empty_tile() -> bytes:
    """Return a tile with nothing on it."""
    return webp(np.zeros((SIDE, SIDE, 4), np.uint8))


def warm_up() -> None:
    """Load what drawing needs, which takes a second: for a thread beside a server's start."""
    for ramp in RAMPS:
        colours(ramp)
    empty_tile()


def draw_tile(sight: Sight, z: int, x: int, y: int) -> bytes:
    """Return a tile, WebP.

    Parameters
    ----------
    sight : Sight
        From `sight_of`.
    z, x, y : int
        Zoom, column from the west, row from the north.

    Raises
    ------
    NotFound
        When there is no such tile on the earth.
    BadInput
        When the file is damaged.
    """
    if not (0 <= z <= DEEPEST and 0 <= x < 1 << z and 0 <= y < 1 << z):
        raise NotFound("error.no_tile")
    read = read_tile(sight, z, x, y)
    if read is None:
        return empty_tile()
    values, known = read
    if not known.any():
        return empty_tile()
    return webp(coloured(sight, values, known))


def read_tile(
    sight: Sight, z: int, x: int, y: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]] | None:
    """Return values (B, 256, 256) and where all of them are known; None outside the raster.

    Raises
    ------
    BadInput
        When the file is damaged.
    """
    laid = lay(
        sight.path,
        sight.product.name,
        sight.numbers,
        within=bounds_of(z, x, y),
        width=SIDE,
        height=SIDE,
    )
    return None if laid is None else measured(sight, laid)


def bounds_of(z: int, x: int, y: int) -> tuple[float, float, float, float]:
    """Return west, south, east, north of a tile, EPSG:3857 metres."""
    side_m = 2.0 * HALF_ROUND_M / 2**z
    west, north = x * side_m - HALF_ROUND_M, HALF_ROUND_M - y * side_m
    return west, north - side_m, west + side_m, north


def measured(sight: Sight, laid: Laid) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return a sight's values (B, H, W), and where all of them are known."""
    values = laid.stored.astype(np.float32)
    values *= np.array(sight.scales, np.float32)[:, None, None]
    values += np.array(sight.offsets, np.float32)[:, None, None]
    return values, laid.known & np.isfinite(values).all(axis=0)


def coloured(
    sight: Sight, values: NDArray[np.float32], known: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Return values in a sight's colours, clear where they are not known: (256, 256, 4) uint8."""
    steps = np.empty(values.shape, np.uint8)
    for number, (low, high) in enumerate(sight.ends):
        share = (values[number] - low) * (255.0 / (high - low))
        steps[number] = np.clip(np.where(known, share, 0.0) + 0.5, 0.0, 255.0).astype(np.uint8)
    if sight.ramp is not None:
        shown: NDArray[np.uint8] = colours(sight.ramp)[steps[0]]
        shown[~known] = 0
        return shown
    picture = np.zeros((*known.shape, 4), np.uint8)
    picture[..., :3] = np.moveaxis(steps, 0, -1)
    picture[..., 3] = np.where(known, 255, 0)
    return picture


def webp(picture: NDArray[np.uint8]) -> bytes:
    """Return a picture of red, green, blue, opacity as WebP."""
    from PIL import Image

    target = io.BytesIO()
    opaque = bool((picture[..., 3] == 255).all())
    shown = np.ascontiguousarray(picture[..., :3]) if opaque else picture
    Image.fromarray(shown).save(target, "WEBP", quality=QUALITY, method=0)
    return target.getvalue()
