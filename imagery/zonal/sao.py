"""Plots of one sào inside a field, to see within the field where it does well.

A regular grid is laid along the field's longer direction (that of its smallest enclosing
rectangle), its plots cut at the field's border. What is left of a plot that is smaller than a share
of it is joined to the neighbour with which it has the longest border, so that the plots together
are the field. Rows are letters, plots in a row numbers: A1, A2, …, B1.
"""

from __future__ import annotations

import math

import numpy as np
import shapely
from shapely import affinity
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput
from agri.geo import LocalFrame
from agri.units import SAO_M2
from agri.zone import Zone

MAX_PLOTS = 20_000
"""More plots than this are a mistake of units."""


def sao_plots(
    area: Polygon | MultiPolygon,
    *,
    plot_m2: float = SAO_M2,
    ratio: float = 1.0,
    direction_deg: float | None = None,
    least_share: float = 0.3,
) -> tuple[Zone, ...]:
    """Divide a field into plots of one sào (360 m²).

    Parameters
    ----------
    area : shapely.Polygon or MultiPolygon
        The field, WGS 84 degrees.
    plot_m2 : float
        Size of a whole plot.
    ratio : float
        Length of a plot along the grid's direction by its width: 1 is square, 1.6 is 24 m × 15 m.
    direction_deg : float, optional
        Bearing along which the rows run, clockwise from north; None takes the field's own.
    least_share : float
        A cut plot smaller than this share is joined to a neighbour.

    Returns
    -------
    tuple of Zone
        Of kind "sao", row after row; together they are the field.

    Raises
    ------
    BadInput
        When the plots would be too many or no plots at all.

    Examples
    --------
    >>> frame = LocalFrame.around(shapely.box(106.51, 21.08, 106.511, 21.081))
    >>> field = frame.geometry_to_lonlat(shapely.box(0.0, 0.0, 60.0, 18.0))
    >>> plots = sao_plots(field, ratio=20.0 / 18.0)
    >>> [(plot.name, round(plot.area_m2, 1)) for plot in plots]
    [('A1', 360.0), ('A2', 360.0), ('A3', 360.0)]
    """
    frame = LocalFrame.around(area)
    local = frame.geometry_to_local(area)
    sane = plot_m2 > 0.0 and ratio > 0.0 and 0.0 <= least_share < 1.0
    if not sane or local.area / plot_m2 > MAX_PLOTS:
        raise BadInput("error.sao_plots", plot_m2=plot_m2, most=MAX_PLOTS)
    bearing = _bearing_deg(local) if direction_deg is None else direction_deg
    turn = 90.0 - bearing  # from east, counter-clockwise
    level = affinity.rotate(local, -turn, origin=(0.0, 0.0))
    long_m, wide_m = math.sqrt(plot_m2 * ratio), math.sqrt(plot_m2 / ratio)
    names, pieces = _cut(level, long_m, wide_m)
    kept, plots = _joined(names, pieces, least_share * plot_m2)
    return tuple(
        Zone(name=name, kind="sao",
             area=frame.geometry_to_lonlat(affinity.rotate(piece, turn, origin=(0.0, 0.0))))
        for name, piece in zip(kept, plots, strict=True)
    )  # fmt: skip


def _bearing_deg(local: BaseGeometry) -> float:
    """Return the bearing of the longer side of the smallest rectangle around an area."""
    corners = shapely.get_coordinates(shapely.oriented_envelope(local))
    sides = np.diff(corners[:3], axis=0)
    east, north = sides[int(np.argmax(np.hypot(*sides.T)))]
    return math.degrees(math.atan2(east, north)) % 180.0


def _cut(level: BaseGeometry, long_m: float, wide_m: float) -> tuple[list[str], list[Polygon]]:
    """Lay the grid centred on the area; return names and what lies inside."""
    west, south, east, north = level.bounds
    columns, rows = (max(1, math.ceil(size - 1e-6)) for size in
                     ((east - west) / long_m, (north - south) / wide_m))  # fmt: skip
    if columns * rows > 10 * MAX_PLOTS:
        raise BadInput("error.sao_plots", plot_m2=long_m * wide_m, most=MAX_PLOTS)
    left = (west + east - columns * long_m) / 2.0
    top = (south + north + rows * wide_m) / 2.0
    row, column = np.divmod(np.arange(rows * columns), columns)
    x, y = left + column * long_m, top - row * wide_m
    inside = shapely.intersection(level, shapely.box(x, y - wide_m, x + long_m, y))
    names, pieces = [], []
    for r, c, found in zip(row.tolist(), column.tolist(), inside, strict=True):
        parts = [part for part in shapely.get_parts(found)
                 if isinstance(part, Polygon) and part.area > 1e-6]  # fmt: skip
        for number, part in enumerate(parts):
            names.append(f"{_letters(r)}{c + 1}" + (f".{number + 1}" if number else ""))
            pieces.append(part)
    return names, pieces


def _letters(row: int) -> str:
    """Return A, B, …, Z, AA, AB, … for 0, 1, …."""
    text = ""
    row += 1
    while row > 0:
        row, last = divmod(row - 1, 26)
        text = chr(ord("A") + last) + text
    return text


def _joined(
    names: list[str], pieces: list[Polygon], least_m2: float
) -> tuple[list[str], list[Polygon | MultiPolygon]]:
    """Join small pieces to the neighbour with the longest common border, the smallest first."""
    kept: dict[int, Polygon | MultiPolygon] = dict(enumerate(pieces))
    tree = shapely.STRtree(pieces)
    for small in sorted(kept, key=lambda k: pieces[k].area):
        if kept[small].area >= least_m2 or len(kept) == 1:
            continue
        near = [k for k in _neighbours(tree, kept[small]) if k in kept and k != small]
        borders = [shapely.intersection(kept[small], kept[k]).length for k in near]
        if not borders or max(borders) <= 1e-6:
            continue
        into = near[int(np.argmax(borders))]
        whole = shapely.union_all([kept[into], kept.pop(small)], grid_size=1e-9)
        kept[into] = whole if isinstance(whole, Polygon | MultiPolygon) else kept[into]
    return [names[k] for k in kept], list(kept.values())


def _neighbours(tree: shapely.STRtree, piece: BaseGeometry) -> list[int]:
    found: list[int] = tree.query(piece.buffer(1e-3)).tolist()
    return sorted(found)
