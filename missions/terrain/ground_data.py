"""Is this height raster fit to fly by? What it lacks is named with its figure.

Theory of operation
-------------------
A DEM comes from somewhere: a survey flight, a portal, a neighbour's disk. It may end within the
field, have holes, be of another place, in feet, above another zero, or so coarse that a terrace
wall is a slope. A flight three metres above the crop believes it, so before it does:

* field and pad must be covered, with no hole (a share is named);
* pixels may be as large as `COARSEST` times the flying height, at most `COARSEST_M`; from a third
  of that on a warning is given: what is smaller than a pixel is not in it;
* the ground may lean by `STEEPEST` at most over the whole field, and lie between `LOWEST_M` and
  `HIGHEST_M` above sea: anything else is a mistake of units or place;
* its zero must be the sea or the ellipsoid, or untold;
* ground and surface must be above the same zero, and the surface may not lie beneath the ground;
* heights above home need no zero, because the pad's own is taken off. If the pad's height above sea
  is known, a DEM above sea must agree to `PAD_AGREES_M`; ellipsoid heights, which are some 25 m
  lower in Quảng Ninh, cannot be compared. What could not be compared is said.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput
from agri.findings import Finding
from agri.geo import LocalFrame
from agri.grid import Grid
from missions.airspace.route import Place
from missions.terrain.model import HeightModel
from missions.terrain.relief import Canopy, Layer, Relief, joined, missing_shares, plane_fit

COARSEST, COARSEST_M = 3.5, 30.0
"""Largest pixel: times the flying height, and in any case, metres."""
WARN_SHARE = 1.0 / 3.0
"""Share of the largest pixel from which on a warning is given."""
STEEPEST = 0.8
"""Metres per metre over a whole field; steeper ground is not farmed."""
LOWEST_M, HIGHEST_M = -100.0, 6000.0
"""Heights of farmed ground."""
PAD_AGREES_M = 3.0
"""Most that DEM and known height of the pad may differ."""
SEA = frozenset({"EGM96", "EGM2008", "EGM84", "MSL", "Hòn Dấu"})
"""Datums that are sea level to within a metre or two."""
KNOWN = SEA | {"ellipsoid", ""}
"""Datums a raster may be above; one of another country's says that the file is not of here."""
SUNK_M, SUNK_SHARE = 1.0, 0.05
"""A surface more than this beneath the ground, on more than this share, is of another zero."""
HELD = 0.001
"""Share of a field that may be missing: pixels cut by the border."""


def height_model(
    *,
    area: BaseGeometry,
    local: LocalFrame,
    home: Place,
    ground: Grid,
    surface: Grid | None = None,
    canopy: Canopy | None = None,
    home_altitude_m: float | None = None,
    height_m: float,
    **settings: Any,
) -> HeightModel:
    """Return the heights of flights over a field, once its rasters are found fit.

    Parameters
    ----------
    area : shapely geometry
        The field, WGS 84 (lon, lat) degrees.
    local : LocalFrame
        The planner's metres.
    home : (east_m, north_m)
        The pad.
    ground : Grid
        DEM, metres.
    surface : Grid, optional
        DSM, metres.
    canopy : callable, optional
        Crop height at (east_m, north_m).
    home_altitude_m : float, optional
        The pad's height above sea, where it is known.
    height_m : float
        Wished height above the surface.
    **settings
        The rest of `HeightModel`: speed_m_s, swath_m, tolerance_m, min_clearance_m, climb_m_s,
        descent_m_s, ceiling_m.

    Returns
    -------
    HeightModel
        Its findings tell what could not be compared, and what is doubtful.

    Raises
    ------
    BadInput
        When a raster is above a zero not known here, does not cover field and pad, has holes there,
        is too coarse, leans absurdly,
        is above another zero than the other, or disagrees with the pad's known height.
    """
    inner = local.geometry_to_local(area)
    layers = [joined(local, ground, "mean")]
    if surface is not None:
        layers.append(joined(local, surface, "max"))
    findings: list[Finding] = []
    for layer in layers:
        if layer.grid.datum not in KNOWN:
            raise BadInput("error.dem_datum", name=layer.grid.name, datum=layer.grid.datum)
        _refuse_missing(layer, inner)
        findings += _coarseness(layer, inner, height_m)
    _refuse_absurd(layers[0], area)
    relief = Relief(
        local=local,
        ground=layers[0],
        surface=layers[1] if surface is not None else None,
        canopy=canopy,
    )
    if surface is not None:
        _refuse_apart(relief, inner)
    model = HeightModel(relief=relief, home=home, height_m=height_m, **settings)
    findings += _zero(ground, model.home_ground_m, home_altitude_m)
    return HeightModel(
        relief=relief, home=home, height_m=height_m, findings=tuple(findings), **settings
    )


def _refuse_missing(layer: Layer, inner: BaseGeometry) -> None:
    outside, gaps = missing_shares(layer, inner)
    for key, share in (("error.dem_outside", outside), ("error.dem_holes", gaps)):
        if share > HELD:
            raise BadInput(key, name=layer.grid.name, percent=100.0 * share)


def _coarseness(layer: Layer, inner: BaseGeometry, height_m: float) -> Iterator[Finding]:
    pixel_m = layer.pixel_m(inner.centroid.x, inner.centroid.y)[1]
    largest_m = min(COARSEST * height_m, COARSEST_M)
    values: dict[str, Any] = {
        "name": layer.grid.name,
        "pixel_m": pixel_m,
        "height_m": height_m,
        "largest_m": largest_m,
    }
    if pixel_m > largest_m:
        raise BadInput("error.dem_coarse", **values)
    if pixel_m > WARN_SHARE * largest_m:
        yield Finding.warning("finding.dem_coarse", **values)


def _refuse_absurd(layer: Layer, area: BaseGeometry) -> None:
    name = layer.grid.name
    known = layer.within(layer.local.geometry_to_local(area))
    known = known[np.isfinite(known)]
    if len(known) and not LOWEST_M <= known.min() <= known.max() <= HIGHEST_M:
        worst = known.min() if known.min() < LOWEST_M else known.max()
        raise BadInput("error.dem_heights", name=name, height_m=float(worst))
    rise = plane_fit(layer.grid, area).rise
    if rise > STEEPEST:
        raise BadInput(
            "error.dem_slope", name=name, percent=100.0 * rise, limit_percent=100.0 * STEEPEST
        )


def _refuse_apart(relief: Relief, inner: BaseGeometry) -> None:
    """Refuse a surface that is above another zero than the ground."""
    ground, surface = relief.ground.grid, relief.surface
    if surface is None:
        return
    other = surface.grid
    if ground.datum and other.datum and ground.datum != other.datum:
        raise BadInput(
            "error.dem_datums",
            ground=ground.name,
            surface=other.name,
            first=ground.datum,
            second=other.datum,
        )
    west, south, east, north = inner.bounds
    x, y = np.meshgrid(np.linspace(west, east, 60), np.linspace(south, north, 60))
    over = surface.at(x.ravel(), y.ravel()) - relief.ground_at(x.ravel(), y.ravel())
    over = over[np.isfinite(over)]
    share = float((over < -SUNK_M).mean()) if len(over) else 0.0
    if share > SUNK_SHARE:
        raise BadInput(
            "error.dem_sunk",
            surface=other.name,
            ground=ground.name,
            percent=100.0 * share,
            below_m=float(-np.median(over[over < -SUNK_M])),
        )


def _zero(ground: Grid, pad_m: float, home_altitude_m: float | None) -> Iterator[Finding]:
    """Tell what the DEM's zero is, and compare it where that is possible."""
    values: dict[str, Any] = {"name": ground.name, "datum": ground.datum or "?", "pad_m": pad_m}
    if home_altitude_m is None or not math.isfinite(home_altitude_m):
        yield Finding.info("finding.dem_not_compared", **values)
    elif ground.datum and ground.datum not in SEA:
        yield Finding.info("finding.dem_other_zero", **values)
    elif abs(pad_m - home_altitude_m) > PAD_AGREES_M:
        raise BadInput("error.dem_pad", home_m=home_altitude_m, limit_m=PAD_AGREES_M, **values)
    else:
        yield Finding.info("finding.dem_agrees", apart_m=abs(pad_m - home_altitude_m), **values)
