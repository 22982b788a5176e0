"""A plan's own ground: cut out of what it was planned over, and made heights again.

Theory of operation
-------------------
`carried` cuts ground and surface out around all the places a flight may go, straight home included.
Pixels are kept as they are while they are `MOST_CELLS` at most, else joined: the ground by its
mean, the surface by its highest. A canopy that was told as a function (crowns of known trees) is
drawn into the surface, finely, each pixel as high as the highest of nine places in it. So the copy
is never lower than what was planned over by more than the rounding, and where it is coarser the
checks err on the high side.

`heights_of` makes the `HeightModel` of it: what was planned is judged again
(`missions.checks.plan`), and a rest or a share of it planned, over the same ground.

`foot` tells where the crop stands for rules that think in heights over a crop.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from agri.errors import Refused
from agri.field import Obstacle
from agri.findings import Finding
from agri.geo import LocalFrame
from agri.grid import Coarsen, FloatArray, Grid
from missions.airspace.route import Place
from missions.carried_ground import CarriedGrid, CarriedGround
from missions.flightplan import FlightPlan
from missions.sprayer.job import SpraySettings
from missions.terrain.model import HeightModel
from missions.terrain.relief import Layer, Relief, joined

MOST_CELLS = 90_000
"""Pixels carried of one layer: nine hectares at a metre."""
CROWN_M = 0.5
"""Pixels of a drawn canopy are no larger, if that is not too many."""
FENCE_ROOM_M = 0.5
"""The way home stays this far under the fence's ceiling (as `missions.preflight.vehicle` asks)."""
AROUND_M = 10.0
"""Carried beyond fence and ways: half a swath, and what is looked at beside a way home."""

GroundHeight = Callable[[FloatArray, FloatArray], FloatArray]
"""(N,) longitudes and latitudes to (N,) metres above home."""


def carried(
    model: HeightModel,
    allowed: BaseGeometry,
    flown: BaseGeometry,
    *,
    obstacles: Iterable[Obstacle] = (),
    ceiling_m: float,
) -> CarriedGround:
    """Return what a plan carries of the ground it was made over.

    Parameters
    ----------
    model : HeightModel
        The heights it was planned with.
    allowed, flown : shapely geometry
        Where its fence lets it go, and where it flies, metres of the model's frame.
    obstacles : iterable of Obstacle
        What the way home must clear besides the ground.
    ceiling_m : float
        The fence's ceiling, which is above home.

    Raises
    ------
    Refused
        When the way home would be above the ceiling.
    """
    return_m = model.return_height(flown, obstacles=obstacles)
    if return_m > ceiling_m - FENCE_ROOM_M:
        limit_m = ceiling_m - FENCE_ROOM_M
        raise Refused("error.terrain_ceiling_home", height_m=return_m, limit_m=limit_m)
    relief = model.relief
    places = shapely.union_all([allowed, flown, shapely.Point(model.home)])
    area = places.convex_hull.buffer(AROUND_M)
    layers = [layer for layer in (relief.ground, relief.surface) if layer is not None]
    if relief.canopy is not None:
        surface: Grid | None = _drawn(relief, area)
    elif relief.surface is not None:
        surface = _cut(relief.surface, area, "max")
    else:
        surface = None
    return CarriedGround(
        source=", ".join(layer.grid.name for layer in layers if layer.grid.name),
        ground=CarriedGrid.of(_cut(relief.ground, area, "mean")),
        surface=None if surface is None else CarriedGrid.of(surface),
        height_m=model.height_m,
        speed_m_s=model.speed_m_s,
        swath_m=model.swath_m,
        tolerance_m=model.tolerance_m,
        min_clearance_m=model.min_clearance_m,
        climb_m_s=model.climb_m_s,
        descent_m_s=model.descent_m_s,
        return_m=return_m,
    )


def _window(layer: Layer, area: BaseGeometry) -> tuple[int, int, int, int]:
    """Return the first and last (left out) column and row that an area needs of a layer."""
    outline = shapely.transform(area, lambda xy: np.column_stack(layer.pixels(*xy.T)))
    left, top, right, bottom = outline.bounds
    height, width = layer.grid.shape
    first, last = max(0, math.floor(left) - 1), min(width, math.ceil(right) + 1)
    upper, lower = max(0, math.floor(top) - 1), min(height, math.ceil(bottom) + 1)
    return first, max(first + 1, last), upper, max(upper + 1, lower)


def _cut(layer: Layer, area: BaseGeometry, how: Coarsen) -> Grid:
    left, right, top, bottom = _window(layer, area)
    a, b, c, d, e, f = layer.grid.affine
    grid = replace(
        layer.grid,
        values=layer.grid.values[top:bottom, left:right],
        affine=(a, b, c + a * left + b * top, d, e, f + d * left + e * top),
    )
    factor = max(1, math.ceil(math.sqrt(grid.values.size / MOST_CELLS)))
    return grid.coarser(factor, how) if factor > 1 else grid


def _drawn(relief: Relief, area: BaseGeometry) -> Grid:
    """Return the tops of ground, surface and canopy on a grid of fine pixels."""
    layer = relief.surface or relief.ground
    left, right, top, bottom = _window(layer, area)
    rows, columns = bottom - top, right - left
    wished = math.ceil(layer.pixel_m(area.centroid.x, area.centroid.y)[1] / CROWN_M)
    parts = max(1, min(wished, math.floor(math.sqrt(MOST_CELLS / (rows * columns)))))
    a, b, c, d, e, f = (number / parts for number in layer.grid.affine)
    fine = replace(
        layer.grid,
        values=np.zeros((rows * parts, columns * parts)),
        affine=(
            a, b, parts * (c + a * left + b * top),
            d, e, parts * (f + d * left + e * top),
        ),
    )  # fmt: skip
    row, column = np.indices(fine.shape) + 0.5
    highest = np.full(fine.values.size, np.nan)
    for shift in ((i, j) for i in (-0.5, 0.0, 0.5) for j in (-0.5, 0.0, 0.5)):
        lon, lat = fine.lonlat(column.ravel() + shift[0], row.ravel() + shift[1])
        highest = np.fmax(highest, relief.top_at(*relief.local.to_local(lon, lat)))
    return replace(fine, values=highest.reshape(fine.shape))


def heights_of(
    ground: CarriedGround, *, local: LocalFrame, home: Place, ceiling_m: float
) -> HeightModel:
    """Return the heights over the ground that a plan carries.

    Parameters
    ----------
    ground : CarriedGround
        Of the plan.
    local : LocalFrame
        The planner's metres.
    home : (east_m, north_m)
        The pad.
    ceiling_m : float
        Permitted height above ground.

    Raises
    ------
    BadInput
        When a setting is out of range or the ground is not told at the pad.
    """
    surface = None if ground.surface is None else ground.surface.grid(ground.source)
    return HeightModel(
        relief=Relief(
            local=local,
            ground=joined(local, ground.ground.grid(ground.source), "mean"),
            surface=None if surface is None else joined(local, surface, "max"),
        ),
        home=home,
        height_m=ground.height_m,
        speed_m_s=ground.speed_m_s,
        swath_m=ground.swath_m,
        tolerance_m=ground.tolerance_m,
        min_clearance_m=ground.min_clearance_m,
        climb_m_s=ground.climb_m_s,
        descent_m_s=ground.descent_m_s,
        ceiling_m=ceiling_m,
    )


def own_heights(plan: FlightPlan) -> HeightModel | None:
    """Return the heights over the ground that a plan carries, None when it carries none.

    Raises
    ------
    BadInput
        As in `heights_of`.
    """
    if plan.spray is None or plan.spray.ground is None:
        return None
    local = LocalFrame(plan.home) if plan.site is None else plan.site.field.frame
    return heights_of(
        plan.spray.ground, local=local, home=local.metres(plan.home), ceiling_m=plan.ceiling_m
    )


def as_planned(ground: CarriedGround, model: HeightModel) -> Finding:
    """Return the sentence that the ground is the plan's own."""
    layer = model.relief.surface or model.relief.ground
    return Finding.info(
        "finding.terrain_as_planned", name=ground.source, pixel_m=layer.pixel_m(*model.home)[1]
    )


def foot(model: HeightModel, settings: SpraySettings) -> GroundHeight:
    """Return where the crop's foot stands, metres above home.

    It is the surface the heights were planned over, less the crop where the crop is part of it.
    """
    local = model.relief.local
    within_m = settings.flying_height_m - model.height_m

    def foot_m(lon_deg: FloatArray, lat_deg: FloatArray) -> FloatArray:
        top = model.relief.top_at(*local.to_local(lon_deg, lat_deg))
        return top - model.home_ground_m - within_m

    return foot_m
