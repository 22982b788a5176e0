"""Trees and gaps as files that maps read and `agri plan trees` takes: GeoPackage and GeoJSON.

Theory of operation. Properties carry the names that tree lists are read by (``name``,
``diameter_m``, ``height_m``), so a file written here is a tree list as it stands. GeoJSON is in
degrees (RFC 7946), GeoPackage in the raster's own CRS with two layers, ``trees`` and ``gaps``. Both
are made beside their place and appear whole or not at all; the same trees give the same GeoJSON.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput
from agri.files import write_bytes, write_text
from imagery.trees.crown import Crown
from imagery.trees.gaps import Gap

DIGITS = 8
"""Of degrees: a millimetre."""


def write_trees(
    path: Path, crowns: Sequence[Crown], *, epsg: int, gaps: Sequence[Gap] = ()
) -> None:
    """Write crowns, and gaps if given, to a ``.geojson`` or ``.gpkg`` file.

    Parameters
    ----------
    path : Path
        Its ending chooses the format. An older file is replaced. GeoJSON has no layers: gaps go
        into a file of their own there (`gap_features`).
    crowns : sequence of Crown
        In `epsg`.
    epsg : int
        CRS of the crowns.
    gaps : sequence of Gap
        In the same CRS.

    Raises
    ------
    BadInput
        When the ending is another one, or there is no crown.
    StoreError
        When it cannot be written.
    """
    if not crowns:
        raise BadInput("error.no_crowns")
    if path.suffix.lower() == ".geojson":
        write_text(path, json.dumps(tree_features(crowns, epsg=epsg), ensure_ascii=False, indent=1))
    elif path.suffix.lower() == ".gpkg":
        write_bytes(path, _geopackage(crowns, gaps, epsg))
    else:
        raise BadInput("error.trees_format", name=path.name)


def tree_features(crowns: Sequence[Crown], *, epsg: int) -> dict[str, Any]:
    """Return crowns as a GeoJSON feature collection, WGS 84 degrees."""
    return _collection([(crown.outline, _properties(crown)) for crown in crowns], epsg)


def gap_features(gaps: Sequence[Gap], *, epsg: int) -> dict[str, Any]:
    """Return gaps as a GeoJSON feature collection, WGS 84 degrees."""
    return _collection([(gap.outline, _gap_properties(gap)) for gap in gaps], epsg)


def _collection(shapes: Sequence[tuple[BaseGeometry, dict[str, Any]]], epsg: int) -> dict[str, Any]:
    turn = Transformer.from_crs(epsg, 4326, always_xy=True)

    def degrees(shape: BaseGeometry) -> BaseGeometry:
        def turned(places: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.column_stack(turn.transform(*places.T)).round(DIGITS)

        return shapely.transform(shape, turned)

    features = [
        {"type": "Feature", "properties": properties,
         "geometry": json.loads(shapely.to_geojson(shapely.orient_polygons(degrees(shape))))}
        for shape, properties in shapes
    ]  # fmt: skip
    return {"type": "FeatureCollection", "features": features}


def _properties(crown: Crown) -> dict[str, Any]:
    told: dict[str, Any] = {"name": crown.name, "diameter_m": round(crown.diameter_m, 2)}
    figures = {"height_m": crown.height_m, "area_m2": crown.area_m2, "volume_m3": crown.volume_m3}
    told.update({name: round(value, 2) for name, value in figures.items() if math.isfinite(value)})
    told.update({n: round(value, 4) for n, value in crown.indices.items() if math.isfinite(value)})
    return told


def _gap_properties(gap: Gap) -> dict[str, Any]:
    return {
        "name": ", ".join(place.name for place in gap.places[:20]),
        "missing": len(gap.places),
        "area_m2": round(gap.area_m2, 1),
        "hole": gap.hole,
    }


def _geopackage(crowns: Sequence[Crown], gaps: Sequence[Gap], epsg: int) -> bytes:
    import geopandas

    layers: dict[str, tuple[list[dict[str, Any]], list[BaseGeometry]]] = {}
    layers["trees"] = (
        [_properties(crown) for crown in crowns],
        [crown.outline for crown in crowns],
    )
    if gaps:
        layers["gaps"] = ([_gap_properties(gap) for gap in gaps], [gap.outline for gap in gaps])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trees.gpkg"
        for layer, (rows, shapes) in layers.items():
            table = geopandas.GeoDataFrame(rows, geometry=shapes, crs=epsg)
            table.to_file(file, layer=layer, driver="GPKG", engine="pyogrio")
        return file.read_bytes()
