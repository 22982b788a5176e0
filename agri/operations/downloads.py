"""Tables of the farm as files: GeoPackage, GeoJSON, GeoParquet, CSV; and how to open them again.

Theory of operation. What is downloaded is what other programs read (`agri.operations.open_data`).
CSV has places as text (WKT) and no formulas: what a spreadsheet would take for one gets a quote
mark before it, numbers stay numbers. The few lines that open a file in a notebook stand beside it,
and are run in the tests, also as they come to Python's own prompt, where a block ends with an
empty line.
"""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path
from typing import Any, Literal, get_args

from agri.errors import NotFound
from agri.operations.diary_page import guarded
from agri.operations.open_data import plain, table
from agri.track import FlightRecord
from agri.workspace import StoredFlight, Workspace
from imagery.extras import extra

Form = Literal["gpkg", "geojson", "parquet", "csv"]
FORMS: tuple[Form, ...] = get_args(Form)
MEDIA: dict[Form, str] = {
    "gpkg": "application/geopackage+sqlite3",
    "geojson": "application/geo+json",
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv; charset=utf-8",
}


def form_named(name: str) -> Form:
    """Return the form of a file.

    Raises
    ------
    NotFound
        When there is no such form.
    """
    for form in FORMS:
        if form == name:
            return form
    raise NotFound("error.no_form", name=name[:20], names=", ".join(FORMS))


def table_file(farm: Workspace, name: str, form: Form) -> bytes:
    """Return a table of the farm as a file.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    name : str
        As in `agri.operations.open_data.NAMES`.
    form : {"gpkg", "geojson", "parquet", "csv"}
        Of the file.

    Raises
    ------
    NotFound
        When there is no such table.
    BadInput
        When the library that writes Parquet is missing.
    """
    return written(table(farm, name), name, form)


def track_file(flight: StoredFlight, record: FlightRecord, form: Form) -> bytes:
    """Return the track of a flight, a point for each position report, as a file."""
    import geopandas as gpd

    track = record.track
    columns: dict[str, Any] = {
        "uid": [f"{flight.uid}:{n}" for n in range(len(track.time_s))],
        "time_s": track.time_s, "height_m": track.height_m, "speed_m_s": track.speed_m_s,
        "battery_pct": track.battery_pct, "pump_share": track.pump_share,
    }  # fmt: skip
    places = gpd.points_from_xy(track.lon_deg, track.lat_deg)
    return written(gpd.GeoDataFrame(columns, geometry=places, crs=4326), "track", form)


def written(frame: Any, name: str, form: Form) -> bytes:
    """Return a GeoDataFrame as the bytes of a file."""
    if form == "csv":
        return _csv(frame)
    if form == "parquet":
        extra("pyarrow")
        target = io.BytesIO()
        _steady(frame).to_parquet(target, index=False)
        return target.getvalue()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.{form}"
        driver = "GPKG" if form == "gpkg" else "GeoJSON"
        _steady(frame).to_file(path, layer=name, driver=driver, index=False)
        return path.read_bytes()


def _steady(frame: Any) -> Any:
    """Return the table with columns of mixed cells as text or numbers, as files have them."""
    import pandas as pd

    kept = frame.copy()
    for column in kept.columns:
        if column == kept.geometry.name or kept[column].dtype != object:
            continue
        cells = [plain(cell) for cell in kept[column]]
        known = [cell for cell in cells if cell is not None]
        if known and all(isinstance(cell, int | float) for cell in known):
            kept[column] = pd.Series(cells, index=kept.index, dtype="float64")
        else:
            texts = [None if cell is None else str(cell) for cell in cells]
            kept[column] = pd.Series(texts, index=kept.index, dtype="object")
    return kept


def _csv(frame: Any) -> bytes:
    columns = [one for one in frame.columns if one != frame.geometry.name]
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\r\n")
    writer.writerow([*(guarded(one) for one in columns), "wkt"])
    for row in frame.itertuples(index=False):
        cells = [plain(getattr(row, one)) for one in columns]
        shape = getattr(row, frame.geometry.name)
        wkt = "" if shape is None or shape.is_empty else shape.wkt
        writer.writerow([*(guarded(one) for one in cells), wkt])
    return b"\xef\xbb\xbf" + sheet.getvalue().encode()


def snippet(file: str) -> str:
    """Return the lines that open a downloaded file in a notebook.

    Parameters
    ----------
    file : str
        Its name.

    Examples
    --------
    >>> print(snippet("fields.gpkg"))
    import geopandas
    <BLANKLINE>
    table = geopandas.read_file("fields.gpkg")
    table.head()
    """
    form = file.rpartition(".")[2]
    if form == "parquet":
        return f'import geopandas\n\ntable = geopandas.read_parquet("{file}")\ntable.head()'
    if form == "csv":
        return (
            "import geopandas\nimport pandas\n\n"
            f'table = pandas.read_csv("{file}")\n'
            'places = geopandas.GeoSeries.from_wkt(table.pop("wkt"), crs=4326)\n'
            "table = geopandas.GeoDataFrame(table, geometry=places)\ntable.head()"
        )
    if form in ("tif", "tiff"):
        return (
            "import rasterio\n\n"
            f'with rasterio.open("{file}") as source:\n'
            "    values = source.read(masked=True) * source.scales[0] + source.offsets[0]\n\n"
            "values.shape"
        )
    return f'import geopandas\n\ntable = geopandas.read_file("{file}")\ntable.head()'
