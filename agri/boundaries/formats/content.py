"""Which format a file is in, told by its content; its ending is not asked.

Theory of operation
-------------------
Binary formats are told by their first bytes, text formats by their first signs: ``<`` is KML, ``{``
is GeoJSON, a geometry's tag is WKT, and what has columns of coordinates is a table: of corners,
or of points where its rows say so or the caller does.
An archive is looked into one level deep: the shapefiles in it, else its KML (a KMZ), else GeoJSON.
Anything else is refused, so nothing is ever handed to a reader that guesses.
"""

from __future__ import annotations

from dataclasses import replace

from agri.boundaries.certificate import read_certificate
from agri.boundaries.formats.archive import read_members
from agri.boundaries.formats.geojson import read_geojson
from agri.boundaries.formats.geopackage import MAGIC, read_geopackage
from agri.boundaries.formats.kml import read_kml
from agri.boundaries.formats.shapefile import SHAPE_PARTS, is_shape, read_shapefile
from agri.boundaries.formats.table import find_table
from agri.boundaries.formats.wkt import holds_wkt, read_wkt
from agri.boundaries.old_letters import decode, guess_encoding
from agri.boundaries.outlines import OutlineFile
from agri.boundaries.point_table import read_points, tells_points
from agri.errors import BadInput
from agri.findings import Finding


def read_layers(data: bytes, *, file: str, points: bool = False) -> tuple[OutlineFile, ...]:
    """Tell the format of a file and read it.

    Parameters
    ----------
    data : bytes
        The whole file.
    file : str
        Its name, for findings and errors.
    points : bool
        Whether a table is one of points, whatever its rows say of themselves; else one of corners
        unless each row tells of a thing.

    Raises
    ------
    BadInput
        When the format is none of those read, or the file is broken.

    Examples
    --------
    >>> [layer.crs for layer in read_layers(b"SRID=5899;POINT(1 2)", file="a.txt")]
    ['EPSG:5899']
    """
    if not data.strip():
        raise BadInput("error.boundary_empty", file=file)
    if data.startswith(b"PK"):
        return _archive(data, file)
    if data.startswith(MAGIC):
        return read_geopackage(data, file=file)
    if is_shape(data):
        raise BadInput("error.shapefile_alone", file=file)
    encoding = guess_encoding(data)
    if encoding != "utf-16" and b"\0" in data[:10_000]:
        raise BadInput("error.boundary_format", file=file)
    text = decode(data, encoding)
    found = _text(data, text, file, points)
    if encoding in {"cp1258", "tcvn3"}:
        old = Finding.warning("finding.old_letters", file, encoding=encoding)
        found = replace(found, findings=(*found.findings, old))
    return (found,)


def _text(data: bytes, text: str, file: str, points: bool) -> OutlineFile:
    start = text[:2000].lstrip("\ufeff \t\r\n")
    if start.startswith("<") or "<kml" in start:
        return read_kml(data, file=file)
    if start.startswith(("{", "[")):
        return read_geojson(text.lstrip("\ufeff"), file=file)
    if holds_wkt(text):
        return read_wkt(text, file=file)
    table = find_table(text)
    if points and (table is not None or file.lower().endswith(".csv")):
        return read_points(text, file=file)
    if table is not None:
        read = read_points if tells_points(table) else read_certificate
        return read(text, file=file)
    raise BadInput("error.boundary_format", file=file)


def _archive(data: bytes, file: str) -> tuple[OutlineFile, ...]:
    wanted = SHAPE_PARTS | {".kml", ".json", ".geojson"}
    members = read_members(data, file=file, suffixes=wanted)
    shapes: dict[str, dict[str, bytes]] = {}
    for member in members:
        if member.suffix in SHAPE_PARTS:
            shapes.setdefault(member.stem, {})[member.suffix] = member.data
    drawn = [parts for parts in shapes.values() if ".shp" in parts]
    if drawn:
        return tuple(read_shapefile(parts, file=file) for parts in drawn)
    kml = [member for member in members if member.suffix == ".kml"]
    if kml:
        return tuple(read_kml(member.data, file=file) for member in kml)
    layers = tuple(
        read_geojson(decode(member.data, "utf-8"), file=file)
        for member in members
        if member.suffix in {".json", ".geojson"}
    )
    if not layers:
        raise BadInput("error.archive_nothing", file=file)
    return layers
