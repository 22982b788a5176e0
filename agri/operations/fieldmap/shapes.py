"""Trees and zones of a field as areas with names and values, to draw and to ask about.

Both are read from what the catalogue lists of them: crowns from their GeoPackage, zones from their
GeoJSON. A file that another program spoilt gives one sentence and no map without it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import MultiPolygon, Point, Polygon

from agri.errors import BadInput
from agri.files import inside, read_json_limited
from agri.geo import LonLat
from imagery.stac import Product

MOST_SHAPES = 20_000
MOST_BYTES = 200_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedShape:
    """A tree's crown or a zone.

    Parameters
    ----------
    name : str
        Its number.
    area : Polygon or MultiPolygon
        WGS 84 (lon, lat) degrees.
    values : mapping of str to float
        What is kept of it.
    """

    name: str
    area: Polygon | MultiPolygon
    values: Mapping[str, float] = field(default_factory=dict)


def crowns_of(farm: Path, product: Product) -> tuple[NamedShape, ...]:
    """Return the crowns of a list of trees.

    Parameters
    ----------
    farm : Path
        The farm's folder.
    product : Product
        Of kind "trees".

    Raises
    ------
    BadInput
        When the file cannot be read.
    """
    path = inside(farm, product.files[0].name)
    if path.suffix.lower() == ".geojson":
        return shapes_from(path)
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError

    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadInput("error.shapes_file", name=path.name)
        frame = pyogrio.read_dataframe(path, layer="trees", max_features=MOST_SHAPES).to_crs(4326)
    except (OSError, ValueError, DataSourceError, DataLayerError) as error:
        raise BadInput("error.shapes_file", name=path.name) from error
    figures = [name for name in frame.columns if name not in ("name", "geometry")]
    return tuple(
        NamedShape(name=str(row["name"]), area=row["geometry"], values=_figures(row, figures))
        for row in frame.to_dict("records")
        if isinstance(row["geometry"], Polygon | MultiPolygon)
    )


def shapes_from(path: Path) -> tuple[NamedShape, ...]:
    """Return the areas of a GeoJSON file of ours.

    Raises
    ------
    BadInput
        When it is none.
    """
    body = read_json_limited(path)
    try:
        features: Sequence[Any] = body["features"][:MOST_SHAPES]
        return tuple(
            NamedShape(
                name=str(one["properties"].get("name", number)),
                area=area_of(one["geometry"]),
                values=_figures(one["properties"], [*one["properties"]]),
            )
            for number, one in enumerate(features, 1)
        )
    except (KeyError, TypeError, ValueError, AttributeError, shapely.errors.ShapelyError) as error:
        raise BadInput("error.shapes_file", name=path.name) from error


def area_of(told: object) -> Polygon | MultiPolygon:
    """Return a GeoJSON geometry that is an area, degrees.

    Raises
    ------
    ValueError
        When it is none.
    """
    area = shapely.from_geojson(json.dumps(told))
    west, south, east, north = area.bounds if not area.is_empty else (math.nan,) * 4
    if not isinstance(area, Polygon | MultiPolygon) or not (
        -180.0 <= west <= east <= 180.0 and -90.0 <= south <= north <= 90.0
    ):
        raise ValueError(area.geom_type)
    return area


def _figures(row: Mapping[Any, Any], names: Sequence[str]) -> dict[str, float]:
    return {
        name: float(row[name])
        for name in names
        if isinstance(row[name], int | float) and math.isfinite(row[name])
    }


def shape_at(shapes: Sequence[NamedShape], place: LonLat) -> NamedShape | None:
    """Return the smallest shape that holds a place, None when none does."""
    point = Point(place.lon_deg, place.lat_deg)
    held = [one for one in shapes if one.area.intersects(point)]
    return min(held, key=lambda one: one.area.area, default=None)
