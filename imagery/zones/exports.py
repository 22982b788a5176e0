"""Prescriptions as files for other programs and aircraft, each whole or not at all.

* GeoTIFF: the lattice itself, turned as the passes are; `agri plan spray --rate-map` reads it back.
* Shapefile (zipped) and GeoJSON: one feature for each rate, ``rate_l_ha`` or ``rate_kg_ha``.
* ISOXML (zipped ``TASKDATA`` folder): `imagery.zones.isoxml`.
* DJI: DJI publishes no description of the prescription files that its Agras remote controllers and
  SmartFarm take. What its own Terra gives out and public converters write is one band of rates as
  an upright GeoTIFF in WGS 84 with a world file (``.tfw``) of the same name. That is written,
  without compression, 0 where nothing is to be given. It was not tried on an Agras: look at the map
  on the controller before flying.

The same prescription gives the same bytes.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import shapely
from shapely.geometry import mapping

from agri.errors import BadInput
from agri.files import write_bytes, write_json, write_text
from agri.grid import Grid
from imagery.raster import write_grid
from imagery.raster.plain import plain_tiff
from imagery.zones.isoxml import Kind, task_data, upright
from imagery.zones.prescription import Prescription

_WHEN = (2000, 1, 1, 0, 0, 0)
"""The time that archives carry, so that bytes repeat."""
SHAPE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
RATE_COLUMN = {"l/ha": "rate_l_ha", "kg/ha": "rate_kg_ha"}


def write_rate_tiff(path: Path, asked: Prescription) -> None:
    """Write a prescription's grid as a cloud-optimised GeoTIFF.

    Raises
    ------
    StoreError
        When the disk will not take it; an older file is then still there. So do all writers here.
    """
    write_grid(path, asked.grid)


def write_rate_geojson(path: Path, asked: Prescription) -> None:
    """Write a prescription's patches as GeoJSON (RFC 7946)."""
    features = [
        {
            "type": "Feature",
            "properties": {"name": f"{asked.name} {rate:g}", RATE_COLUMN[asked.unit]: rate},
            "geometry": mapping(shapely.orient_polygons(area)),
        }
        for rate, area in asked.patches
    ]
    write_json(path, {"type": "FeatureCollection", "features": features})


def write_rate_shapefile(path: Path, asked: Prescription) -> None:
    """Write a prescription's patches as a shapefile in a zip archive.

    Raises
    ------
    BadInput
        When the path does not end in .zip.
    """
    import geopandas
    import pyogrio

    _must_end(path, ".zip")
    rates = [rate for rate, _ in asked.patches]
    columns = {"name": [f"{asked.name[:60]} {rate:g}" for rate in rates],
               RATE_COLUMN[asked.unit]: rates}  # fmt: skip
    frame = geopandas.GeoDataFrame(columns, geometry=[a for _, a in asked.patches], crs=4326)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "rates.shp"
        pyogrio.write_dataframe(frame, target, driver="ESRI Shapefile", encoding="UTF-8",
                                layer_options={"DBF_DATE_LAST_UPDATE": "2000-01-01"})  # fmt: skip
        files = {f"rates{part}": target.with_suffix(part).read_bytes() for part in SHAPE_PARTS}
    write_bytes(path, packed(files))


def write_isoxml(path: Path, asked: Prescription, *, kind: Kind = "zones",
                 version: Literal[3, 4] = 4, **options: Any) -> None:  # fmt: skip
    """Write a prescription as ISOXML, the folder TASKDATA in a zip archive.

    Parameters
    ----------
    path : Path
        Ends in .zip.
    asked : Prescription
    kind, version, **options
        As in `imagery.zones.isoxml.task_data`.

    Raises
    ------
    BadInput
        As there, or when the path does not end in .zip.
    """
    _must_end(path, ".zip")
    files = task_data(asked, kind=kind, version=version, **options)
    write_bytes(path, packed({f"TASKDATA/{name}": data for name, data in files.items()}))


def write_dji(path: Path, asked: Prescription, *, cell_m: float = 1.0) -> tuple[Path, Path]:
    """Write a prescription as DJI's programs take it: an upright GeoTIFF and its world file.

    Parameters
    ----------
    path : Path
        Ends in .tif; the world file stands beside it.
    asked : Prescription
    cell_m : float
        Side of a pixel.

    Returns
    -------
    tuple of Path
        The two files.

    Raises
    ------
    BadInput
        When the path has another ending or the pixels are too many.
    """
    _must_end(path, ".tif")
    values, west, south, step_lon, step_lat = upright(asked, cell_m)
    north = south + step_lat * values.shape[0]
    affine = (step_lon, 0.0, west, 0.0, -step_lat, north)
    grid = Grid(values=values, affine=affine, epsg=4326, unit=asked.unit, name=asked.name)
    lines = (step_lon, 0.0, 0.0, -step_lat, west + step_lon / 2.0, north - step_lat / 2.0)
    beside = path.with_suffix(".tfw")
    write_text(beside, "".join(f"{value:.15g}\n" for value in lines))
    write_bytes(path, plain_tiff(grid))  # last: a picture never stands without its place
    return path, beside


def packed(files: Mapping[str, bytes]) -> bytes:
    """Return files as a zip archive that is always the same for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, _WHEN)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return buffer.getvalue()


def _must_end(path: Path, ending: str) -> None:
    if path.suffix.lower() != ending:
        raise BadInput("error.zones_ending", file=path.name, ending=ending)
