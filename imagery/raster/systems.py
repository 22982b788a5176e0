"""What a raster's coordinate system is: an EPSG code, and a name for what heights are above.

The horizontal CRS must be one that EPSG lists, because a nameless one cannot be handed on; the
vertical one is told by a word: "ellipsoid", "EGM96" (EPSG:5773), "EGM2008" (3855), "Hòn Dấu" (5727,
the sea level of VN-2000, Vietnam), another one by its own name, "" where the file does not tell.
One that counts downwards is refused.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from agri.errors import BadInput

Bounds = tuple[float, float, float, float]
"""West, south, east, north in degrees."""
DATUMS = {5773: "EGM96", 3855: "EGM2008", 5798: "EGM84", 5714: "MSL", 5727: "Hòn Dấu"}
"""Vertical CRS by EPSG code (EPSG 12: 5727 is Hon Dau 1992 height, Vietnam onshore)."""
NAMED = {"egm2008": "EGM2008", "egm96": "EGM96", "egm84": "EGM84", "hon dau": "Hòn Dấu",
         "ellipsoid": "ellipsoid"}  # fmt: skip
"""The same by a part of their names, for files that tell no code."""


def systems_of(crs: CRS | None, name: str) -> tuple[int, str, float]:
    """Return the horizontal EPSG code, the vertical datum, and metres in its unit."""
    if crs is None:
        raise BadInput("error.raster_no_crs", name=name)
    datum, to_metres = "", 1.0
    if crs.is_compound:
        crs, vertical = crs.sub_crs_list[0], crs.sub_crs_list[1]
        datum, to_metres = _datum(vertical), _unit_m(vertical, 0)
        if any(axis.direction.lower() == "down" for axis in vertical.axis_info):
            raise BadInput("error.raster_depths", name=name, datum=datum[:60])
    if crs.is_bound and crs.source_crs is not None:
        crs = crs.source_crs
    if len(crs.axis_info) == 3:
        to_metres = _unit_m(crs, 2)
        crs, datum = crs.to_2d(), "ellipsoid"
    try:
        epsg = crs.to_epsg()
    except CRSError:
        epsg = None
    if epsg is None or not (crs.is_projected or crs.is_geographic):
        raise BadInput("error.raster_crs_not_epsg", name=name, crs=crs.name[:60])
    return epsg, datum, to_metres


def _datum(vertical: CRS) -> str:
    """Return what a vertical system is above, by its code, else by its name."""
    named = (word for part, word in NAMED.items() if part in vertical.name.casefold())
    return DATUMS.get(vertical.to_epsg() or 0, next(named, vertical.name))


def _unit_m(crs: CRS, axis: int) -> float:
    axes = crs.axis_info
    return float(axes[axis].unit_conversion_factor) if len(axes) > axis else 1.0


def corners_of(
    source: Any, epsg: int, area: Bounds, margin_m: float, name: str
) -> tuple[list[float], list[float]]:
    """Return columns and rows of the corners of an area in degrees, `margin_m` around it."""
    west, south, east, north = area
    up = margin_m / 111_000.0
    across = up / max(0.05, math.cos(math.radians(max(abs(south), abs(north)))))
    try:
        left, low, right, high = Transformer.from_crs(4326, epsg, always_xy=True).transform_bounds(
            west - across, south - up, east + across, north + up
        )
    except ProjError:
        raise BadInput("error.raster_elsewhere", name=name) from None
    if not all(map(math.isfinite, (left, low, right, high))):
        raise BadInput("error.raster_elsewhere", name=name)
    a, b, c, d, e, f = source.transform[:6]
    corners = np.array([(left, low), (left, high), (right, low), (right, high)]) - (c, f)
    columns, rows = np.linalg.solve([[a, b], [d, e]], corners.T)
    return columns.tolist(), rows.tolist()
