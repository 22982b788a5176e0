"""Statistics of zones as files: GeoPackage, GeoParquet, CSV; and zones from files.

One row for each zone, its name, kind and size, and for each layer the columns ``…_mean``,
``…_sd``, ``…_min``, ``…_max``, ``…_coverage``, ``…_q10`` (quantiles in per cent) and ``…_m2_1`` …
(square metres in each bin of the histogram). Figures that there are none of are empty, never 0. A
CSV has a place inside the zone (lon, lat) instead of its outline and begins with a byte order mark,
so that spreadsheets read Vietnamese rightly.

Files are made in memory and then written whole or not at all (`agri.files`); the same table gives
the same bytes.
"""

from __future__ import annotations

import io
import re
import unicodedata
from pathlib import Path
from typing import Any

from shapely.geometry import MultiPolygon, Polygon

from agri.boundaries.shapes import read_shapes
from agri.errors import BadInput
from agri.files import write_bytes
from agri.findings import Finding
from agri.zone import Zone
from imagery.extras import extra
from imagery.zonal.statistics import ZonalTable, ZoneStatistics

FORMATS = (".gpkg", ".parquet", ".geoparquet", ".csv")
"""Endings of what can be written."""
_WHEN = "2000-01-01T00:00:00Z"
"""Written into GeoPackages as the time of the last change, so that bytes repeat."""


def write_table(path: Path, table: ZonalTable) -> None:
    """Write statistics as GeoPackage, GeoParquet or CSV, after the file's ending.

    Parameters
    ----------
    path : Path
        Ends in one of `FORMATS`; replaced if it is there.
    table : ZonalTable
        From `imagery.zonal.statistics.zonal_statistics`.

    Raises
    ------
    BadInput
        When the ending is another, or GeoParquet's library is not installed.
    StoreError
        When the disk will not take it; an older file is then still there.
    """
    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise BadInput("error.zonal_format", file=path.name, formats=", ".join(FORMATS))
    columns = table_columns(table)
    areas = [rows[0].zone.area for rows in _by_zone(table)]
    if ending == ".csv":
        data = _csv(columns, areas)
    elif ending == ".gpkg":
        data = _geopackage(_frame(columns, areas))
    else:
        data = _parquet(_frame(columns, areas))
    write_bytes(path, data)


def table_frame(table: ZonalTable) -> Any:
    """Return a table as a GeoDataFrame, to go on with it in a notebook.

    Parameters
    ----------
    table : ZonalTable
        From `imagery.zonal.statistics.zonal_statistics`.

    Returns
    -------
    geopandas.GeoDataFrame
        A row for each zone with the columns of the files; outlines in WGS 84 degrees. Figures that
        there are none of are NaN.

    Raises
    ------
    BadInput
        As `table_columns`.
    """
    return _frame(table_columns(table), [rows[0].zone.area for rows in _by_zone(table)])


def table_columns(table: ZonalTable) -> dict[str, list[Any]]:
    """Return a table's columns by name, one value for each zone.

    Raises
    ------
    BadInput
        When two layers would have columns of the same name.
    """
    zones = _by_zone(table)
    columns: dict[str, list[Any]] = {
        "name": [rows[0].zone.name for rows in zones],
        "kind": [rows[0].zone.kind for rows in zones],
        "area_m2": [rows[0].area_m2 for rows in zones],
    }
    for number, label in enumerate(table.labels):
        column = column_name(label)
        if f"{column}_mean" in columns:
            raise BadInput("error.zonal_label", label=label[:40])
        rows = [rows[number] for rows in zones]
        columns |= _layer(column, rows, table)
    return columns


def _layer(column: str, rows: list[ZoneStatistics], table: ZonalTable) -> dict[str, list[Any]]:
    found = {
        f"{column}_mean": [row.mean for row in rows],
        f"{column}_sd": [row.sd for row in rows],
        f"{column}_min": [row.least for row in rows],
        f"{column}_max": [row.greatest for row in rows],
        f"{column}_coverage": [row.coverage for row in rows],
    }
    for k, share in enumerate(table.quantiles):
        found[f"{column}_q{100.0 * share:g}"] = [row.quantiles[k] for row in rows]
    for k in range(len(table.bin_edges) - 1):
        found[f"{column}_m2_{k + 1}"] = [row.histogram[k] for row in rows]
    return found


def column_name(label: str) -> str:
    """Return a layer's name as part of a column's.

    Examples
    --------
    >>> column_name("Đỏ 668 nm")
    'do_668_nm'
    """
    plain = unicodedata.normalize("NFKD", label.lower().replace("đ", "d"))
    ascii_only = plain.encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", ascii_only).strip("_")[:40] or "layer"


def read_zones(
    path: Path, *, kind: str = "", province: str = "Quảng Ninh", crs_epsg: int | None = None
) -> tuple[tuple[Zone, ...], tuple[Finding, ...]]:
    """Read zones from a file of areas.

    Parameters
    ----------
    path : Path
        GeoJSON, KML, KMZ, zipped Shapefile, GeoPackage or WKT.
    kind : str
        What the zones are.
    province, crs_epsg
        As in `agri.boundaries.read_boundaries`.

    Returns
    -------
    zones : tuple of Zone
    findings : tuple of Finding
        What was assumed, repaired or passed over.

    Raises
    ------
    NotFound, BadInput
        As there; also when the file holds no area.
    """
    shapes, told = read_shapes(path, province=province, crs_epsg=crs_epsg)
    zones, findings = [], list(told)
    for shape in shapes:
        if isinstance(shape.geometry, Polygon | MultiPolygon):
            zones.append(Zone(name=shape.name, area=shape.geometry, kind=kind))
        else:
            findings.append(Finding.warning("finding.zone_no_area", shape.name))
    if not zones:
        raise BadInput("error.shapes_nothing", file=path.name)
    return tuple(zones), tuple(findings)


def _by_zone(table: ZonalTable) -> list[tuple[ZoneStatistics, ...]]:
    step = len(table.labels)
    return [table.rows[k : k + step] for k in range(0, len(table.rows), step)]


def _frame(columns: dict[str, list[Any]], areas: list[Polygon | MultiPolygon]) -> Any:
    import geopandas

    whole = [area if isinstance(area, MultiPolygon) else MultiPolygon([area]) for area in areas]
    return geopandas.GeoDataFrame(columns, geometry=whole, crs=4326)


def _csv(columns: dict[str, list[Any]], areas: list[Polygon | MultiPolygon]) -> bytes:
    import pandas as pd

    places = [area.representative_point() for area in areas]
    table = {**columns, "lon": [place.x for place in places], "lat": [place.y for place in places]}
    text = pd.DataFrame(table).to_csv(index=False, lineterminator="\n", float_format="%.10g")
    return text.encode("utf-8-sig")


def _geopackage(frame: Any) -> bytes:
    import pyogrio

    buffer = io.BytesIO()
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _WHEN})
    try:
        pyogrio.write_dataframe(frame, buffer, driver="GPKG", layer="zones")
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
    return buffer.getvalue()


def _parquet(frame: Any) -> bytes:
    extra("pyarrow")  # geopandas writes through it
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()
