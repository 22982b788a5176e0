"""A map's figures within an area, and its value at a place: the numbers behind the colours.

Theory of operation. A value at a place is that of the pixel itself, read from the file as it is
stored, never from a tile. Figures of an area are those of `imagery.zonal`, weighted by how much of
each pixel the area covers. Where the area has more than `MOST_PIXELS` pixels they are taken from
the means of squares of pixels (`imagery.raster.overview`), so that memory and time stay bounded
whatever the file; `Figures.cell_m` tells how large these were. Means do not suffer from that, the
spread becomes a little smaller.

The histogram has `BINS` steps over the range of the map's colours, so that its bars have the map's
own colours; what lies beyond is counted in one bar at each end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from pyproj import Transformer
from shapely.geometry import MultiPolygon, Polygon

from agri.geo import LonLat, projected
from agri.operations.maps.tiles import Sight
from agri.zone import Zone
from imagery.raster import Ortho, Window, open_ortho
from imagery.raster.guard import opened
from imagery.raster.ortho import judge_unchanged, read_window
from imagery.raster.overview import glance
from imagery.zonal import ArrayLayers, zonal_statistics

MOST_PIXELS = 1_000_000
BINS = 100
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of one layer within an area.

    Parameters
    ----------
    title : str
        What the layer shows.
    mean, sd, least, greatest : float
        NaN where nothing is known.
    quantiles : tuple of float
        At `QUANTILES`.
    coverage : float
        Share of the area that has values, 0 to 1.
    area_m2 : float
        Of the area.
    cell_m : float
        Side of the squares that were counted, metres; the pixel's own where they are few enough.
    edges : tuple of float
        Of the bars of the histogram, ascending; one more than there are bars.
    bars_m2 : tuple of float
        Ground in each bar.
    """

    title: str
    mean: float
    sd: float
    least: float
    greatest: float
    quantiles: tuple[float, ...]
    coverage: float
    area_m2: float
    cell_m: float
    edges: tuple[float, ...] = ()
    bars_m2: tuple[float, ...] = ()

    @property
    def known(self) -> bool:
        """Whether any value is known in the area."""
        return math.isfinite(self.mean)


def figures_within(
    sight: Sight,
    area: Polygon | MultiPolygon,
    *,
    histogram: bool = True,
    max_pixels: int = MOST_PIXELS,
) -> Figures | None:
    """Return the figures of a layer within an area, None where the raster does not reach it.

    Parameters
    ----------
    sight : Sight
        One layer, from `agri.operations.maps.tiles.sight_of`.
    area : Polygon or MultiPolygon
        WGS 84 (lon, lat) degrees.
    histogram : bool
        Whether to count bars.
    max_pixels : int
        Most pixels that are held.

    Raises
    ------
    BadInput
        When the file is damaged.
    """
    ortho = open_ortho(sight.path)
    part = _part(ortho, area)
    if part is None:
        return None
    values, affine = glance(ortho, [sight.numbers[0]], max_pixels=max_pixels, part=part)
    layers = ArrayLayers(values=values, affine=affine, epsg=ortho.epsg, labels=("value",))
    known = values[np.isfinite(values)]
    edges = _edges(sight, known) if histogram and known.size else ()
    zone = Zone(name="area", area=area)
    table, _ = zonal_statistics(layers, [zone], quantiles=QUANTILES, bin_edges=edges)
    (row,) = table.rows
    pixels = max(1, (part.width * part.height))
    cell_m = math.sqrt(_ground_m2(ortho, area) * pixels / values[0].size)
    return Figures(
        title=sight.title, mean=row.mean, sd=row.sd, least=row.least, greatest=row.greatest,
        quantiles=row.quantiles, coverage=row.coverage, area_m2=row.area_m2,
        cell_m=max(cell_m, math.sqrt(_ground_m2(ortho, area))), edges=edges,
        bars_m2=row.histogram,
    )  # fmt: skip


def _edges(sight: Sight, known: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> tuple[
    float, ...
]:  # fmt: skip
    low, high = sight.ends[0]
    step = (high - low) / BINS
    edges = [low + number * step for number in range(BINS + 1)]
    edges[-1] = high
    least, most = float(known.min()), float(known.max())
    if least < low:
        edges.insert(0, least)
    if most >= high:
        edges.append(math.nextafter(most, math.inf) + step * 1e-6)
    return tuple(edges)


def _part(ortho: Ortho, area: Polygon | MultiPolygon) -> Window | None:
    """Return the pixels of the box round an area, None where the raster has none."""
    west, south, east, north = projected(area, 4326, ortho.epsg).bounds
    corners = [_pixel(ortho, x, y) for x in (west, east) for y in (south, north)]
    columns, rows = zip(*corners, strict=True)
    left, right = max(0, math.floor(min(columns))), min(ortho.width, math.ceil(max(columns)))
    top, bottom = max(0, math.floor(min(rows))), min(ortho.height, math.ceil(max(rows)))
    if left >= right or top >= bottom:
        return None
    return Window(column=left, row=top, width=right - left, height=bottom - top)


def _pixel(ortho: Ortho, x: float, y: float) -> tuple[float, float]:
    """Return column and row of a place of the raster's own system."""
    a, b, c, d, e, f = ortho.affine
    whole = a * e - b * d
    return (e * (x - c) - b * (y - f)) / whole, (a * (y - f) - d * (x - c)) / whole


def _ground_m2(ortho: Ortho, area: Polygon | MultiPolygon) -> float:
    """Return the ground of one pixel; of rasters in degrees at the area's middle."""
    a, b, _, d, e, _ = ortho.affine
    size = abs(a * e - b * d)
    if abs(ortho.affine[2]) > 360.0 or abs(ortho.affine[5]) > 360.0:
        return size
    lat = math.radians(float(area.centroid.y))
    return size * 111_320.0 * 110_574.0 * math.cos(lat)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceValue:
    """What a layer says of one place.

    Parameters
    ----------
    inside : bool
        Whether the raster reaches it.
    value : float
        Of the very pixel; NaN where it holds none.
    """

    inside: bool
    value: float = math.nan

    @property
    def known(self) -> bool:
        """Whether there is a value."""
        return math.isfinite(self.value)


def value_at(sight: Sight, place: LonLat) -> PlaceValue:
    """Return the value of the pixel in which a place lies.

    Parameters
    ----------
    sight : Sight
        One layer.
    place : LonLat
        Any place of the earth.

    Raises
    ------
    BadInput
        When the file is damaged.
    """
    ortho = open_ortho(sight.path)
    turn = Transformer.from_crs(4326, ortho.epsg, always_xy=True)
    x, y = turn.transform(place.lon_deg, place.lat_deg)
    if not (math.isfinite(x) and math.isfinite(y)):
        return PlaceValue(inside=False)
    column, row = map(math.floor, _pixel(ortho, x, y))
    if not (0 <= column < ortho.width and 0 <= row < ortho.height):
        return PlaceValue(inside=False)
    with opened(ortho.path, ortho.name) as source:
        judge_unchanged(source, ortho)
        window = Window(column=column, row=row, width=1, height=1)
        (value,) = read_window(source, ortho, window, [sight.numbers[0]]).ravel()
    return PlaceValue(inside=True, value=float(value))
