"""Task data after ISO 11783-10 (ISOXML): a prescription for terminals and farm programs.

Theory of operation
-------------------
One task (TSK) on one field (PFD) with one product (PDT), as version 3.3 or 4.3. The rates stand

* as treatment zones with polygons (`kind="zones"`): a TZN for each rate, its ground as PLN of
  type 2, or
* as a grid of type 2 (`kind="grid"`): a binary file of 32-bit whole numbers, the south-western cell
  first, then eastwards and row by row northwards, its cells upright in degrees.

The rate is a process data variable: DDI 0001 (setpoint volume per area, in 0.01 mm³/m²: 1 L/ha is
10,000) or DDI 0006 (setpoint mass per area, in mg/m²: 1 kg/ha is 100); ISO 11783-11. A value
presentation (VPN) shows it in L/ha or kg/ha. Treatment zone 0 is rate 0 and holds outside the field
and where the position is lost: nothing is given by guess.

Version 4 closes rings, version 3 leaves the last corner out. Names are cut at 32 letters, as the
schema asks. Attribute names and limits were checked against the published schemas 3.3 and 4.3.
"""

from __future__ import annotations

import math
from typing import Literal
from xml.etree import ElementTree as Tree

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon

from agri.errors import BadInput
from agri.geo import LocalFrame
from agri.zone import Zone
from imagery.zones.prescription import Prescription

FloatArray = NDArray[np.float64]
Kind = Literal["zones", "grid"]

DDI = {"l/ha": ("0001", 10_000.0, "L/ha"), "kg/ha": ("0006", 100.0, "kg/ha")}
"""Data dictionary number, its steps in one unit, and the unit as shown."""
MAX_ZONES = 254
MAX_GRID_CELLS = 4_000_000
GRID_FILE = "GRD00001"
LETTERS = 32


def task_data(
    asked: Prescription,
    *,
    kind: Kind = "zones",
    version: Literal[3, 4] = 4,
    product: str = "",
    field: str = "",
    cell_m: float = 1.0,
) -> dict[str, bytes]:
    """Return the files of a task.

    Parameters
    ----------
    asked : Prescription
    kind : {"zones", "grid"}
    version : {3, 4}
    product, field : str
        Names for the terminal; the prescription's own when empty.
    cell_m : float
        Side of a grid's cells.

    Returns
    -------
    dict of str to bytes
        ``TASKDATA.XML`` and for a grid ``GRD00001.BIN``.

    Raises
    ------
    BadInput
        When there are more than 254 rates for zones, or the grid's cells are too many.
    """
    root = Tree.Element("ISO11783_TaskData", VersionMajor=str(version), VersionMinor="3",
                        ManagementSoftwareManufacturer="agri", ManagementSoftwareVersion="1",
                        DataTransferOrigin="1")  # fmt: skip
    number, steps, shown = DDI[asked.unit]
    Tree.SubElement(root, "PDT", A="PDT1", B=_short(product or asked.name))
    Tree.SubElement(root, "VPN", A="VPN1", B="0", C=f"{1.0 / steps:g}", D="1", E=shown)
    _field(root, asked, field, version)
    task = Tree.SubElement(root, "TSK", A="TSK1", B=_short(asked.name), E="PFD1", G="1",
                           I="0", J="0")  # fmt: skip
    _zone(task, 0, "0", 0, number)
    files: dict[str, bytes] = {}
    if kind == "zones":
        patches = asked.patches
        if len(patches) > MAX_ZONES:
            raise BadInput("error.isoxml_zones", count=len(patches), most=MAX_ZONES)
        for code, (rate, area) in enumerate(patches, start=1):
            zone = _zone(task, code, f"{rate:g} {shown}", round(rate * steps), number)
            for k, part in enumerate(area.geoms):
                zone.insert(k, _polygon(part, "2", version))
    else:
        _zone(task, 1, shown, 0, number)
        values, west, south, step_lon, step_lat = upright(asked, cell_m)
        rows, columns = values.shape
        data = np.round(np.flipud(values) * steps).astype("<i4").tobytes()
        Tree.SubElement(task, "GRD", A=f"{south:.9f}", B=f"{west:.9f}", C=f"{step_lat:.12f}",
                        D=f"{step_lon:.12f}", E=str(columns), F=str(rows), G=GRID_FILE,
                        H=str(len(data)), I="2", J="1")  # fmt: skip
        files[f"{GRID_FILE}.BIN"] = data
    Tree.indent(root)
    text = Tree.tostring(root, encoding="unicode")
    xml = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'
    return {"TASKDATA.XML": xml.encode("utf-8"), **files}


def upright(asked: Prescription, cell_m: float) -> tuple[FloatArray, float, float, float, float]:
    """Return a prescription on cells that are upright in degrees.

    Parameters
    ----------
    asked : Prescription
    cell_m : float
        Side of a cell, about.

    Returns
    -------
    values : (H, W) float64
        The rate at each cell's middle, north first; 0 outside the field and where nothing is said.
    west, south : float
        Degrees of the south-western corner.
    step_lon, step_lat : float
        Degrees.

    Raises
    ------
    BadInput
        When the cells would be too many.
    """
    west, south, east, north = asked.cells.field.bounds
    frame = LocalFrame.around(asked.cells.field)
    wide_m, high_m = _span(frame, west, south, east, north)
    columns, rows = (max(1, math.ceil(side / cell_m - 1e-6)) if cell_m > 0.0 else 0
                     for side in (wide_m, high_m))  # fmt: skip
    if not 0 < rows * columns <= MAX_GRID_CELLS:
        raise BadInput("error.isoxml_cells", cell_m=cell_m, most=MAX_GRID_CELLS)
    step_lon, step_lat = (east - west) / columns, (north - south) / rows
    lon, lat = np.meshgrid(west + (np.arange(columns) + 0.5) * step_lon,
                           north - (np.arange(rows) + 0.5) * step_lat)  # fmt: skip
    rates = np.nan_to_num(asked.grid.sample(lon, lat, nearest=True))
    field = asked.cells.field
    shapely.prepare(field)
    inside = shapely.intersects_xy(field, lon, lat)
    return np.where(inside, rates, 0.0), west, south, step_lon, step_lat


def _span(
    frame: LocalFrame, west: float, south: float, east: float, north: float
) -> tuple[float, float]:
    x, y = frame.to_local([west, east], [south, north])
    return float(abs(x[1] - x[0])), float(abs(y[1] - y[0]))


def _field(root: Tree.Element, asked: Prescription, name: str, version: int) -> None:
    area = asked.cells.field
    size_m2 = Zone(name="", area=area).area_m2
    field = Tree.SubElement(root, "PFD", A="PFD1", C=_short(name or asked.name),
                            D=str(round(size_m2)))  # fmt: skip
    parts = area.geoms if isinstance(area, MultiPolygon) else (area,)
    for part in parts if version == 4 else [max(parts, key=lambda one: one.area)]:
        field.append(_polygon(part, "1", version))


def _zone(task: Tree.Element, code: int, name: str, value: int, number: str) -> Tree.Element:
    zone = Tree.SubElement(task, "TZN", A=str(code), B=_short(name))
    Tree.SubElement(zone, "PDV", A=number, B=str(value), C="PDT1", E="VPN1")
    return zone


def _polygon(area: Polygon, kind: str, version: int) -> Tree.Element:
    polygon = Tree.Element("PLN", A=kind)
    for k, ring in enumerate((area.exterior, *area.interiors)):
        line = Tree.SubElement(polygon, "LSG", A="1" if k == 0 else "2")
        corners = list(ring.coords)
        for lon, lat, *_ in corners if version == 4 else corners[:-1]:
            Tree.SubElement(line, "PNT", A="2", C=f"{lat:.9f}", D=f"{lon:.9f}")
    return polygon


def _short(name: str) -> str:
    return "".join(c for c in name if c.isprintable())[:LETTERS] or "agri"
