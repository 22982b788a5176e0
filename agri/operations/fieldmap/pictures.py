"""A small picture of a map cut to a field, in the map's own colours."""

from __future__ import annotations

from shapely.geometry import MultiPolygon, Polygon

from agri.errors import NotFound
from agri.operations.maps.tiles import Sight, coloured, measured, webp
from imagery.raster.laying import lay_area

SIDE = 320


def draw_field(sight: Sight, area: Polygon | MultiPolygon, *, side: int = SIDE) -> bytes:
    """Return what a map shows of an area, WebP; clear outside it.

    Parameters
    ----------
    sight : Sight
        One layer, or a picture in colours.
    area : Polygon or MultiPolygon
        WGS 84 (lon, lat) degrees.
    side : int
        Most pixels of a side.

    Raises
    ------
    NotFound
        When the map does not reach the area.
    BadInput
        When the file is damaged.
    """
    laid = lay_area(sight.path, sight.product.name, sight.numbers, area, side=side)
    if laid is None:
        raise NotFound("error.no_tile")
    values, known = measured(sight, laid)
    if not known.any():
        raise NotFound("error.no_tile")
    return webp(coloured(sight, values, known))
