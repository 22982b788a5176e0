"""Zones, and rate maps: how many litres a hectare each place is to get.

A `RateMap` is polygons with a rate (drawn, or a prescription from another program) or a `Grid` in
L/ha (zones made from pictures). It is checked when built, because it decides what is poured where:
no rate is negative, endless or beyond 2,000 L/ha, and no place has two rates. Where a map has no
rate it says so (NaN, `RateMap.gaps`); it never says 0 instead. A rate of 0 is a rate: there nothing
is sprayed.

Neighbouring polygons drawn by hand overlap by hairs. Overlaps of up to 1 m² are drawing noise:
there the polygon that comes first holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput
from agri.geo import LocalFrame, transformer
from agri.grid import Grid

MAX_RATE_L_HA = 2000.0
"""More than any sprayer pours; a greater number is a mistake of units."""
MAX_RATE_KG_HA = 5000.0
"""More than any drone spreads, lime included."""
NOISE_M2 = 1.0
"""Overlaps up to this come from drawing."""

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A named part of the ground: a field, a plot, a tree's crown, a management zone.

    Parameters
    ----------
    name : str
        For sentences and tables.
    area : shapely.Polygon or MultiPolygon
        WGS 84 (lon, lat) degrees.
    kind : str
        "field", "plot", "tree", "zone", … or "".

    Raises
    ------
    BadInput
        When the area is none.

    Examples
    --------
    >>> Zone(name="A", area=shapely.box(106.51, 21.08, 106.511, 21.081), kind="plot").area_m2 // 1
    11505.0
    """

    name: str
    area: Polygon | MultiPolygon
    kind: str = ""

    def __post_init__(self) -> None:
        areal = isinstance(self.area, Polygon | MultiPolygon)
        if not areal or self.area.is_empty or not self.area.is_valid:
            raise BadInput("error.zone_area", name=self.name or "?")

    @property
    def area_m2(self) -> float:
        """Square metres on the ground."""
        return float(LocalFrame.around(self.area).geometry_to_local(self.area).area)


@dataclass(frozen=True, slots=True, kw_only=True)
class RatePatch:
    """An area that gets one rate.

    Parameters
    ----------
    area : shapely.Polygon or MultiPolygon
        WGS 84 (lon, lat) degrees.
    rate_l_ha : float
        Litres of mixture per hectare, 0 to 2,000; 0 is left unsprayed.
    name : str
        For sentences.

    Raises
    ------
    BadInput
        When the rate is out of range or the area is none.

    Examples
    --------
    >>> RatePatch(area=shapely.box(106.51, 21.08, 106.52, 21.09), rate_l_ha=-5.0, name="A")
    Traceback (most recent call last):
    agri.errors.BadInput: The rate -5 L/ha of A cannot be; give 0 to 2000 L/ha.
    """

    area: Polygon | MultiPolygon
    rate_l_ha: float
    name: str = ""

    def __post_init__(self) -> None:
        if not 0.0 <= self.rate_l_ha <= MAX_RATE_L_HA:
            raise BadInput("error.rate_value", name=self.name or "?", value=self.rate_l_ha,
                           most=MAX_RATE_L_HA)  # fmt: skip
        areal = isinstance(self.area, Polygon | MultiPolygon)
        if not areal or self.area.is_empty or not self.area.is_valid:
            raise BadInput("error.rate_area", name=self.name or "?")


@dataclass(frozen=True, slots=True, kw_only=True)
class RateMap:
    """Litres per hectare over an area: patches, or a grid.

    Parameters
    ----------
    patches : tuple of RatePatch
        Areas that do not overlap, unless they agree.
    grid : Grid, optional
        In L/ha, NaN where there is no rate; instead of patches.
    name : str
        For sentences.

    Raises
    ------
    BadInput
        When it has neither or both, a rate is out of range, the unit is another, or two patches of
        different rates overlap; the sentence names them.

    Examples
    --------
    >>> west = RatePatch(area=shapely.box(106.510, 21.08, 106.511, 21.081), rate_l_ha=20.0)
    >>> east = RatePatch(area=shapely.box(106.511, 21.08, 106.512, 21.081), rate_l_ha=30.0)
    >>> both = RateMap(patches=(west, east))
    >>> both.rate_at(106.5105, 21.0805), both.rate_at(106.5115, 21.0805), both.rate_at(107.0, 21.0)
    (20.0, 30.0, nan)
    """

    patches: tuple[RatePatch, ...] = ()
    grid: Grid | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if bool(self.patches) == (self.grid is not None):
            raise BadInput("error.rate_map_empty", name=self.name or "?")
        if self.grid is not None:
            self._check_grid(self.grid)
        else:
            self._check_overlaps()

    def _check_grid(self, grid: Grid) -> None:
        name = self.name or grid.name or "?"
        if grid.unit.lower().replace(" ", "") not in ("", "l/ha"):
            raise BadInput("error.rate_unit", name=name, unit=grid.unit)
        told = grid.values[~np.isnan(grid.values)]
        if told.size == 0:
            raise BadInput("error.rate_map_empty", name=name)
        wrong = told[~((told >= 0.0) & (told <= MAX_RATE_L_HA))]
        if wrong.size:
            raise BadInput("error.rate_value", name=name, value=float(wrong[0]),
                           most=MAX_RATE_L_HA)  # fmt: skip

    def _check_overlaps(self) -> None:
        areas = [patch.area for patch in self.patches]
        frame = LocalFrame.around(shapely.GeometryCollection(areas))
        local = [frame.geometry_to_local(area) for area in areas]
        for i, j in zip(*shapely.STRtree(local).query(local, "intersects"), strict=True):
            first, second = self.patches[i], self.patches[j]
            if i >= j or first.rate_l_ha == second.rate_l_ha:
                continue
            shared_m2 = float(local[i].intersection(local[j]).area)
            if shared_m2 > NOISE_M2:
                raise BadInput("error.rate_overlap", first=first.name or str(i + 1),
                               second=second.name or str(j + 1), area_m2=shared_m2,
                               rate=first.rate_l_ha, other=second.rate_l_ha)  # fmt: skip

    def rates_at(self, lon_deg: ArrayLike, lat_deg: ArrayLike) -> FloatArray:
        """Return the rates at places, L/ha.

        Parameters
        ----------
        lon_deg, lat_deg : (N,) array-like
            WGS 84 degrees.

        Returns
        -------
        (N,) float64
            NaN where the map has no rate.
        """
        lon, lat = np.atleast_1d(np.asarray(lon_deg, float)), np.atleast_1d(np.asarray(lat_deg))
        if self.grid is not None:
            return self.grid.sample(lon, lat, nearest=True)
        rates = np.full(lon.shape, np.nan)
        for patch in reversed(self.patches):
            shapely.prepare(patch.area)
            rates[shapely.intersects_xy(patch.area, lon, lat)] = patch.rate_l_ha
        return rates

    def rate_at(self, lon_deg: float, lat_deg: float) -> float:
        """Return the rate at one place, L/ha; NaN where the map has none."""
        return float(self.rates_at([lon_deg], [lat_deg])[0])

    def gaps(self, area: BaseGeometry) -> BaseGeometry:
        """Return the part of an area that has no rate, WGS 84 degrees; empty where all has.

        Parameters
        ----------
        area : shapely geometry
            Polygon or MultiPolygon, WGS 84 (lon, lat) degrees.
        """
        if self.grid is None:
            return area.difference(shapely.union_all([patch.area for patch in self.patches]))
        grid = self.grid

        def pixels(xy: FloatArray) -> FloatArray:
            return np.column_stack(grid.pixels(*xy.T))

        missing = shapely.transform(area, pixels).difference(_told(grid))
        return shapely.transform(missing, lambda xy: _degrees(grid, xy))

    def gap_m2(self, area: BaseGeometry) -> float:
        """Return how much of an area has no rate, m².

        Examples
        --------
        >>> square = shapely.box(106.510, 21.08, 106.511, 21.081)
        >>> half = shapely.box(106.510, 21.08, 106.511, 21.0805)
        >>> found = RateMap(patches=(RatePatch(area=half, rate_l_ha=20.0),))
        >>> round(found.gap_m2(square) / 100.0), found.gap_m2(half)
        (58, 0.0)
        """
        missing = self.gaps(area)
        if missing.is_empty:
            return 0.0
        return float(LocalFrame.around(area).geometry_to_local(missing).area)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadMap:
    """Kilograms per hectare over an area: fertiliser, lime, seed.

    Parameters
    ----------
    grid : Grid
        In kg/ha, NaN where nothing is said; 0 is left out.
    name : str
        For sentences.

    Raises
    ------
    BadInput
        When the unit is another, nothing is said anywhere, or a rate is out of range.

    Examples
    --------
    >>> field = Grid(values=np.array([[50.0, 80.0]]), affine=(1.0, 0, 106.0, 0, -1.0, 22.0),
    ...              epsg=4326, unit="kg/ha")
    >>> SpreadMap(grid=field).rate_at(107.5, 21.5)
    80.0
    """

    grid: Grid
    name: str = ""

    def __post_init__(self) -> None:
        name = self.name or self.grid.name or "?"
        if self.grid.unit.lower().replace(" ", "") != "kg/ha":
            raise BadInput("error.spread_unit", name=name, unit=self.grid.unit)
        told = self.grid.values[~np.isnan(self.grid.values)]
        if told.size == 0:
            raise BadInput("error.rate_map_empty", name=name)
        wrong = told[~((told >= 0.0) & (told <= MAX_RATE_KG_HA))]
        if wrong.size:
            raise BadInput("error.spread_value", name=name, value=float(wrong[0]),
                           most=MAX_RATE_KG_HA)  # fmt: skip

    def rate_at(self, lon_deg: float, lat_deg: float) -> float:
        """Return the rate at one place, kg/ha; NaN where the map has none."""
        return float(self.grid.sample(lon_deg, lat_deg, nearest=True))


def _told(grid: Grid) -> BaseGeometry:
    """Return where a grid has values, in pixel coordinates: one box for each run of a row."""
    boxes = []
    for row, line in enumerate(~np.isnan(grid.values)):
        column = 0
        for told, run in groupby(line):
            length = len(list(run))
            if told:
                boxes.append(shapely.box(column, row, column + length, row + 1))
            column += length
    return shapely.union_all(boxes)


def _degrees(grid: Grid, pixels: FloatArray) -> FloatArray:
    a, b, c, d, e, f = grid.affine
    column, row = pixels.T
    x, y = a * column + b * row + c, d * column + e * row + f
    return np.column_stack(transformer(grid.epsg, 4326).transform(x, y))


def same_rate(first: float, second: float) -> bool:
    """Return whether two rates are the same, no rate being the same as no rate.

    Examples
    --------
    >>> same_rate(20.0, 20.0), same_rate(math.nan, math.nan), same_rate(0.0, math.nan)
    (True, True, False)
    """
    return first == second or (math.isnan(first) and math.isnan(second))
