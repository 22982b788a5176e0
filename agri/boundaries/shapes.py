"""Things with properties from whatever file people have: trees with crowns, patches with rates.

The formats, limits, coordinate systems and repairs are those of boundary files; what a shape means
is told by its properties, which are the file's own words (keys folded: no case, no diacritics).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shapely.geometry import LineString, Point
from shapely.geometry.base import BaseGeometry

from agri.boundaries.formats.table import read_number
from agri.boundaries.placed import Placed, read_placed
from agri.boundaries.repair import check_numbers, repair_area
from agri.errors import BadInput
from agri.findings import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One thing of a file.

    Parameters
    ----------
    name : str
        What the file calls it, or file name and number.
    geometry : shapely geometry
        Point, LineString or MultiPolygon, WGS 84 (lon, lat) degrees.
    properties : mapping of str to str
        Folded keys to text.
    """

    name: str
    geometry: BaseGeometry
    properties: Mapping[str, str]

    def number(self, keys: Sequence[str], *, unit: str = "") -> float | None:
        """Return the first of the properties `keys` that is there, as a number.

        Parameters
        ----------
        keys : sequence of str
            Folded keys, the likeliest first.
        unit : str
            A unit that may stand behind the number.

        Raises
        ------
        BadInput
            When it is no number.
        """
        for key in keys:
            text = self.properties.get(key, "").strip().lower().removesuffix(unit).strip()
            if text:
                value = read_number(text, thousands=False)
                if value is None:
                    raise BadInput("error.shape_number", name=self.name, key=key, value=text)
                return value
        return None


def read_shapes(
    path: Path,
    *,
    province: str = "Quảng Ninh",
    crs_epsg: int | None = None,
    points: bool = False,
) -> tuple[tuple[Shape, ...], tuple[Finding, ...]]:
    """Read every shape of a file.

    Parameters
    ----------
    path : Path
        GeoJSON, KML, KMZ, zipped Shapefile, GeoPackage, WKT or a table of coordinates.
    province, crs_epsg
        As in `agri.boundaries.read_boundaries`.
    points : bool
        Whether a table of coordinates is one of points, one a row, not of an area's corners.

    Returns
    -------
    shapes : tuple of Shape
        A feature of several points or lines gives one shape each; its areas are one.
    findings : tuple of Finding
        What was assumed, repaired or passed over.

    Raises
    ------
    NotFound, BadInput
        As there.
    """
    placed, findings = read_placed(path, province=province, crs_epsg=crs_epsg, points=points)
    shapes = [shape for one in placed for shape in _shapes(one, findings)]
    if not shapes:
        raise BadInput("error.shapes_nothing", file=path.name)
    return tuple(shapes), tuple(findings)


def _shapes(placed: Placed, findings: list[Finding]) -> Iterator[Shape]:
    outline, name = placed.outline, placed.label
    properties = dict(outline.properties)
    if outline.polygons:
        area, repaired = repair_area(outline.polygons, name=name, rings_turn=placed.rings_turn)
        findings += repaired
        yield Shape(name=name, geometry=area, properties=properties)
    if outline.lines or outline.points:
        check_numbers([*outline.lines, *outline.points], name=name)
    for line in outline.lines:
        yield Shape(name=name, geometry=LineString(line), properties=properties)
    for number, point in enumerate(outline.points, start=1):
        own = name if len(outline.points) == 1 else f"{name} {number}"
        yield Shape(name=own, geometry=Point(point[0]), properties=properties)
