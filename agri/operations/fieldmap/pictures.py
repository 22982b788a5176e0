"""A small picture of a map cut to a field, in the map's own colours."""

from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon

from agri.errors import NotFound
from agri.operations.maps.tiles import Sight, coloured, reader_of, webp
from imagery.raster.guard import opened

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
    reader, outside = reader_of()
    with opened(sight.path, sight.product.name) as source:
        try:
            with reader(None, dataset=source) as one:
                found = one.feature(
                    shapely.geometry.mapping(area), shape_crs="EPSG:4326", dst_crs="EPSG:3857",
                    indexes=sight.numbers, max_size=side,
                )  # fmt: skip
        except outside:
            raise NotFound("error.no_tile") from None
    stored = found.array
    values = stored.data.astype(np.float32)
    values *= np.array(sight.scales, np.float32)[:, None, None]
    values += np.array(sight.offsets, np.float32)[:, None, None]
    hidden = np.ma.getmaskarray(stored).any(axis=0) | ~np.isfinite(values).all(axis=0)
    if hidden.all():
        raise NotFound("error.no_tile")
    return webp(coloured(sight, values, ~hidden))
