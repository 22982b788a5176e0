"""Boundary files of every format, written in code from one synthetic truth."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon, mapping

from agri.boundaries import BoundaryFile, read_boundaries
from agri.findings import Finding
from agri.geo import LocalFrame, LonLat

FRAME = LocalFrame(LonLat(lon_deg=106.51, lat_deg=21.08))
NAMES = ("Ruộng lúa Bình Khê", "Vườn vải chín sớm", "Đồng na Ngọc Hà")


def area(east: float = 0.0, north: float = 0.0, size: float = 100.0) -> Polygon:
    """A square of `size` metres in degrees."""
    return FRAME.geometry_to_lonlat(shapely.box(east, north, east + size, north + size))


def with_hole() -> Polygon:
    shell = shapely.box(200.0, 0.0, 320.0, 90.0)
    hole = shapely.box(240.0, 30.0, 260.0, 50.0).exterior
    return FRAME.geometry_to_lonlat(Polygon(shell.exterior, [hole]))


def in_parts() -> MultiPolygon:
    return MultiPolygon([area(0.0, 300.0, 60.0), area(100.0, 300.0, 50.0)])


TRUTH = (area(), with_hole(), in_parts())


def frame(epsg: int = 4326, names: tuple[str, ...] = NAMES) -> gpd.GeoDataFrame:
    """The truth as a table, in the given coordinate system."""
    table = gpd.GeoDataFrame({"ten": list(names)}, geometry=list(TRUTH), crs=4326)
    return table if epsg == 4326 else table.to_crs(epsg)


def feature(geometry: Any, **properties: Any) -> dict[str, Any]:
    shape = geometry if isinstance(geometry, dict) else mapping(shapely.orient_polygons(geometry))
    return {"type": "Feature", "properties": properties, "geometry": shape}


def geojson(*features: dict[str, Any], **more: Any) -> bytes:
    document = {"type": "FeatureCollection", "features": list(features), **more}
    return json.dumps(document, ensure_ascii=False).encode()


def geojson_truth() -> bytes:
    return geojson(*(feature(g, ten=n) for g, n in zip(TRUTH, NAMES, strict=True)))


def kml_ring(ring: Any) -> str:
    positions = " ".join(f"{x!r},{y!r},0" for x, y in np.array(ring.coords)[:, :2].tolist())
    return f"<LinearRing><coordinates>{positions}</coordinates></LinearRing>"


def kml_polygon(polygon: Polygon) -> str:
    polygon = shapely.orient_polygons(polygon)
    inner = "".join(f"<innerBoundaryIs>{kml_ring(r)}</innerBoundaryIs>" for r in polygon.interiors)
    outer = f"<outerBoundaryIs>{kml_ring(polygon.exterior)}</outerBoundaryIs>"
    return f"<Polygon>{outer}{inner}</Polygon>"


def placemark(body: str, name: str, **data: str) -> str:
    extended = "".join(f'<Data name="{k}"><value>{v}</value></Data>' for k, v in data.items())
    return (
        f"<Placemark><name>{name}</name><ExtendedData>{extended}</ExtendedData>{body}</Placemark>"
    )


def kml(*placemarks: str, head: str = "") -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}<kml xmlns="http://www.opengis.net/kml/2.2">'
        f"<Document>{''.join(placemarks)}</Document></kml>"
    ).encode()


def kml_truth() -> bytes:
    marks = []
    for geometry, name in zip(TRUTH, NAMES, strict=True):
        parts = "".join(kml_polygon(part) for part in shapely.get_parts(geometry))
        marks.append(placemark(f"<MultiGeometry>{parts}</MultiGeometry>", name))
    return kml(*marks)


def packed(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", method) as opened:
        for name, data in members.items():
            opened.writestr(name, data)
    return archive.getvalue()


def shape_parts(folder: Path, table: gpd.GeoDataFrame) -> dict[str, bytes]:
    """The parts of a shapefile as geopandas writes them, by ending; text in UTF-8."""
    folder.mkdir(parents=True, exist_ok=True)
    table.to_file(folder / "ranh.shp", encoding="utf-8")
    return {part.suffix: part.read_bytes() for part in folder.glob("ranh.*")}


def with_text(dbf: bytes, texts: list[bytes]) -> bytes:
    """The same .dbf with its one text column holding other bytes."""
    rows, header, width = struct.unpack("<IHH", dbf[4:12])
    assert rows == len(texts)
    body = b"".join(b" " + text.ljust(width - 1) for text in texts)
    return dbf[:header] + body + b"\x1a"


def shapefile(folder: Path, epsg: int = 5899, stem: str = "ranh", **changed: bytes) -> bytes:
    """The truth as a zipped shapefile; `changed` replaces or (empty) removes parts."""
    parts = shape_parts(folder, frame(epsg)) | {f".{k}": v for k, v in changed.items()}
    return packed({f"{stem}{ending}": data for ending, data in parts.items() if data})


def geopackage(folder: Path, epsg: int = 5899) -> bytes:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "ranh.gpkg"
    frame(epsg).to_file(path, layer="ranh thửa", engine="pyogrio")
    return path.read_bytes()


def wkt_truth() -> bytes:
    return "\n".join(f"{n};{g.wkt}" for g, n in zip(TRUTH, NAMES, strict=True)).encode()


def read(folder: Path, data: bytes | str, file: str = "ranh.dat", **options: Any) -> BoundaryFile:
    """Write `data` to a file and read it back as boundaries."""
    path = folder / file
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return read_boundaries(path, **options)


def keys(found: BoundaryFile) -> list[str]:
    return [finding.key for finding in found.findings]


def one(found: BoundaryFile, key: str) -> Finding:
    """The one finding of that key."""
    (finding,) = [finding for finding in found.findings if finding.key == key]
    return finding
