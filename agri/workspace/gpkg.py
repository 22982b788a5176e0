"""How a geometry stands in a GeoPackage, and the functions on it.

Elsewhere a column is `agri.workspace.columns.Geom` and a value is a shapely geometry.

From the OGC GeoPackage Encoding Standard 1.3 (12-128r17): a geometry is a blob of "GP", a version,
flags, the SRS, an envelope (none for points) and ISO WKB (clause 2.1.3). It is written
little-endian and flat (x, y), and read in every form the clause allows. The R-tree triggers of
annex F.3 call ST_IsEmpty, ST_MinX, ST_MaxX, ST_MinY and ST_MaxY, which plain SQLite lacks, so
`register_functions` gives them to every connection.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable

import numpy as np
import shapely
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

SRS_ID = 4326
"""WGS 84, longitude before latitude in the blobs whatever the axis order says (clause 2.1.3)."""

_ENVELOPE_DOUBLES = {0: 0, 1: 4, 2: 6, 3: 6, 4: 8}


def to_blob(geometry: BaseGeometry) -> bytes:
    r"""Return a geometry as a GeoPackage blob: little-endian, flat, with its envelope.

    Parameters
    ----------
    geometry : shapely geometry
        WGS 84 degrees, x = longitude.

    Examples
    --------
    >>> to_blob(shapely.Point(106.5, 21.0))[:4]
    b'GP\x00\x01'
    """
    flat = shapely.force_2d(geometry)
    with_envelope = not flat.is_empty and flat.geom_type != "Point"
    flags = 0x01 | (0x02 if with_envelope else 0) | (0x10 if flat.is_empty else 0)
    header = struct.pack("<2sBBi", b"GP", 0, flags, SRS_ID)
    if with_envelope:
        west, south, east, north = flat.bounds
        header += struct.pack("<4d", west, east, south, north)
    return header + shapely.to_wkb(flat, byte_order=1, flavor="iso")


def _split(blob: bytes) -> tuple[int, tuple[float, ...], bytes]:
    """Return flags, envelope and WKB of a blob."""
    if not isinstance(blob, bytes) or len(blob) < 8 or blob[:2] != b"GP":
        raise ValueError("not a GeoPackage geometry")
    flags = blob[3]
    doubles = _ENVELOPE_DOUBLES.get((flags >> 1) & 0x07)
    if doubles is None:
        raise ValueError("unknown envelope")
    order = "<" if flags & 0x01 else ">"
    end = 8 + 8 * doubles
    if len(blob) < end:
        raise ValueError("blob cut short")
    return flags, struct.unpack(f"{order}{doubles}d", blob[8:end]), blob[end:]


def from_blob(blob: bytes) -> BaseGeometry:
    """Return the flat geometry of a GeoPackage blob.

    Raises
    ------
    ValueError
        When it is not one, or holds a curve that shapely does not know.
    """
    _, _, wkb = _split(blob)
    return _flat(wkb)


def _flat(wkb: bytes) -> BaseGeometry:
    try:
        with np.errstate(invalid="ignore"):
            return shapely.force_2d(shapely.from_wkb(wkb))
    except (ShapelyError, NotImplementedError) as error:
        raise ValueError(str(error)) from error


def _is_empty(blob: bytes | None) -> int | None:
    if blob is None:
        return None
    try:
        flags, envelope, wkb = _split(blob)
        if flags & 0x10:
            return 1
        return 0 if envelope else int(_flat(wkb).is_empty)
    except ValueError:
        return 1


def _bound(index: int) -> Callable[[bytes | None], float | None]:
    """Return the function that reads min x, max x, min y or max y (0 to 3) of a blob."""

    def bound(blob: bytes | None) -> float | None:
        if blob is None:
            return None
        try:
            _, envelope, wkb = _split(blob)
            if envelope:
                return envelope[index]
            west, south, east, north = _flat(wkb).bounds
        except ValueError:
            return None
        return float((west, east, south, north)[index])

    return bound


def register_functions(connection: sqlite3.Connection) -> None:
    """Give a connection the functions that the R-tree triggers call."""
    connection.create_function("ST_IsEmpty", 1, _is_empty, deterministic=True)
    for index, name in enumerate(("ST_MinX", "ST_MaxX", "ST_MinY", "ST_MaxY")):
        connection.create_function(name, 1, _bound(index), deterministic=True)
