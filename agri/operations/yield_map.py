"""A combine's yield monitor log read, cleaned, mapped and, if wished, kept as the field's harvest.

Theory of operation. Two kinds of files are read: Ag Leader's advanced text (sixteen columns without
a head, pounds a second, inches, feet) and any CSV with a head that names longitude, latitude, flow,
time, interval, distance, swath, moisture and header. `models.harvest_logs.monitor` decides about
each record; what stays is written as a table with places, and drawn. The harvest that is kept is
what the machine cut in all, not what is left after cleaning.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agri.boundaries.old_letters import decode, guess_encoding
from agri.errors import BadInput
from agri.files import read_bytes_limited, write_text
from agri.geo import LocalFrame, LonLat
from agri.names import fold
from agri.operations.maps.shelf import Shelf
from agri.units import INDOCHINA_TIME
from agri.words import Language, say
from models.harvest_logs.monitor import MonitorLog, YieldPoints, clean_monitor

FloatArray = NDArray[np.float64]

MOST_BYTES, MOST_RECORDS = 200_000_000, 2_000_000
POUND_KG, INCH_M = 0.45359237, 0.0254
ADVANCED = ("lon", "lat", "flow", "time", "interval", "distance", "swath", "moisture", "header")
"""The first of the sixteen columns of the advanced text."""
HEADS: dict[str, tuple[str, float]] = {
    "lon": ("lon", 1.0), "long": ("lon", 1.0), "longitude": ("lon", 1.0), "kinh do": ("lon", 1.0),
    "lat": ("lat", 1.0), "latitude": ("lat", 1.0), "vi do": ("lat", 1.0),
    "flow kg s": ("flow", 1.0), "flow lb s": ("flow", POUND_KG), "mass kg s": ("flow", 1.0),
    "time s": ("time", 1.0), "gps time": ("time", 1.0), "time": ("time", 1.0),
    "interval s": ("interval", 1.0), "seconds": ("interval", 1.0), "interval": ("interval", 1.0),
    "distance m": ("distance", 1.0), "distance in": ("distance", INCH_M),
    "swath m": ("swath", 1.0), "swath in": ("swath", INCH_M), "width m": ("swath", 1.0),
    "moisture pct": ("moisture", 1.0), "moisture": ("moisture", 1.0), "do am": ("moisture", 1.0),
    "header": ("header", 1.0), "header down": ("header", 1.0),
}  # fmt: skip
"""Headings, folded, with what they hold and the factor to SI."""
NEEDED = {"lon", "lat", "flow", "time", "interval", "distance", "swath"}


@dataclass(frozen=True, slots=True, kw_only=True)
class YieldMap:
    """A log's yields and where they are kept.

    Parameters
    ----------
    points : YieldPoints
        What was cut where.
    day : date or None
        The day it was cut, when its times are of a clock.
    table, picture : Path
        The files.
    """

    points: YieldPoints
    day: date | None
    table: Path
    picture: Path


def read_monitor(data: bytes, name: str) -> dict[str, FloatArray]:
    """Return a log's columns in SI, in the order of time.

    Raises
    ------
    BadInput
        When it is neither kind of file, too long, or not placed on earth.
    """
    lines = decode(data, guess_encoding(data)).splitlines()
    if len(lines) > MOST_RECORDS:
        raise BadInput("error.log_lines", name=name, count=len(lines), most=MOST_RECORDS)
    try:
        rows = list(csv.reader(lines))
    except csv.Error:
        raise BadInput("error.monitor_file", name=name) from None
    if rows and len(rows[0]) == 16 and _is_number(rows[0][0]):
        places = {key: (at, 1.0) for at, key in enumerate(ADVANCED)}
        for key, factor in (("flow", POUND_KG), ("distance", INCH_M), ("swath", INCH_M)):
            places[key] = (places[key][0], factor)
    else:
        places, rows = _named(rows[:1], name), rows[1:]
    width = max(at for at, _ in places.values()) + 1
    rows = [row for row in rows if len(row) >= width]
    try:
        told = {key: np.array([float(row[at] or "nan") for row in rows]) * factor
                for key, (at, factor) in places.items()}  # fmt: skip
    except ValueError:
        raise BadInput("error.monitor_file", name=name) from None
    sound = np.all([np.isfinite(told[key]) for key in NEEDED], axis=0) if rows else np.zeros(0)
    if not sound.any() or not (np.abs(told["lat"][sound]) < 84.0).all():
        raise BadInput("error.monitor_file", name=name)
    order = np.flatnonzero(sound)[np.argsort(told["time"][sound], kind="stable")]
    return {key: values[order] for key, values in told.items()}


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\s*-?[0-9.]+\s*", text) is not None


def _named(head: list[list[str]], name: str) -> dict[str, tuple[int, float]]:
    places: dict[str, tuple[int, float]] = {}
    for at, cell in enumerate(head[0] if head else ()):
        plain = " ".join(re.sub(r"[^a-z0-9]+", " ", fold(cell).replace("%", " pct")).split())
        if plain in HEADS:
            key, factor = HEADS[plain]
            places.setdefault(key, (at, factor))
    if not places.keys() >= NEEDED:
        raise BadInput("error.monitor_file", name=name)
    return places


def map_yields(
    path: Path, shelf: Shelf, *, delay_s: float | None = None, standard_pct: float = 14.0
) -> YieldMap:
    """Clean a log, and write the yields as a table and a picture.

    Parameters
    ----------
    path : Path
        The log.
    shelf : Shelf
        Where products go.
    delay_s : float or None
        By how long grain is measured after it was cut; None finds it.
    standard_pct : float
        Moisture that yields are told at.
    """
    told = read_monitor(read_bytes_limited(path, limit_bytes=MOST_BYTES), path.name)
    frame = LocalFrame(LonLat(lon_deg=float(np.median(told["lon"])),
                              lat_deg=float(np.median(told["lat"]))))  # fmt: skip
    x_m, y_m = frame.to_local(told["lon"], told["lat"])
    count = len(x_m)
    log = MonitorLog(
        x_m=x_m, y_m=y_m, time_s=told["time"], flow_kg_s=told["flow"],
        interval_s=told["interval"], distance_m=told["distance"], swath_m=told["swath"],
        moisture_pct=told.get("moisture", np.full(count, np.nan)),
        down=told.get("header", np.ones(count)) == 1.0,
    )  # fmt: skip
    points = clean_monitor(log, delay_s=delay_s, standard_pct=standard_pct)
    table = shelf.place(path.name, "yields", ".csv")
    write_text(table, _table(told, points))
    picture = shelf.keep_picture(path.name, "yields", draw_yields(log, points, shelf.language))
    return YieldMap(points=points, day=_day(told["time"]), table=table, picture=picture)


def _day(time_s: FloatArray) -> date | None:
    """Return the day of times that are seconds since 1970, as GPS time of a log may be."""
    first = float(time_s[0])
    if not 946_684_800.0 < first < 7_258_118_400.0:
        return None
    return datetime.fromtimestamp(first, UTC).astimezone(INDOCHINA_TIME).date()


def _table(told: dict[str, FloatArray], points: YieldPoints) -> str:
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\n")
    writer.writerow(["longitude", "latitude", "yield_t_ha", "moisture_pct", "pass"])
    for at, yield_t_ha, moisture, track in zip(
        points.kept, points.yield_t_ha, points.moisture_pct, points.pass_number, strict=True
    ):
        wet = "" if np.isnan(moisture) else f"{moisture:.2f}"
        writer.writerow([f"{told['lon'][at]:.7f}", f"{told['lat'][at]:.7f}", f"{yield_t_ha:.3f}",
                         wet, int(track)])  # fmt: skip
    return sheet.getvalue()


def draw_yields(log: MonitorLog, points: YieldPoints, language: Language) -> bytes:
    """Return a PNG of what was cut where; what was left out is grey."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 6.5), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes: Any = figure.subplots()
    kept = points.kept
    out = np.setdiff1d(np.arange(points.records), kept)
    axes.scatter(log.x_m[out], log.y_m[out], s=2, c="#bbbbbb",
                 label=say("page.yields_left_out", language))  # fmt: skip
    drawn = axes.scatter(log.x_m[kept], log.y_m[kept], s=4, c=points.yield_t_ha, cmap="viridis")
    figure.colorbar(drawn, label=say("page.yields_axis", language))
    axes.set_aspect("equal")
    axes.set_xlabel(say("page.yields_east", language))
    axes.set_ylabel(say("page.yields_north", language))
    axes.legend(loc="upper right")
    png = io.BytesIO()
    figure.savefig(png, format="png")
    return png.getvalue()
