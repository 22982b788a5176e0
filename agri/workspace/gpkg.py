"""How values stand in a GeoPackage: geometries, times and flags, and the functions on them.

This is the one room that knows how a geometry stands in the database. Elsewhere a column is
`Geom` and a value is a shapely geometry; another database needs another `Geom` and nothing else.

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
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import shapely
from shapely.errors import ShapelyError
from shapely.geometry import GeometryCollection, MultiLineString, MultiPoint, MultiPolygon
from shapely.geometry.base import BaseGeometry
from sqlalchemy.types import UserDefinedType

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


class Geom(UserDefinedType[BaseGeometry]):
    """A geometry column.

    Parameters
    ----------
    kind : str
        GEOMETRY, POINT, MULTILINESTRING or MULTIPOLYGON; single parts are promoted to multi.

    Notes
    -----
    What cannot be decoded reads as an empty geometry, which no value of `agri.field` accepts: it
    becomes a finding where rows become values, and does not hide the other rows.
    """

    cache_ok = True

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def get_col_spec(self, **_: Any) -> str:
        """Return the column's type as it stands in the table definition."""
        return self.kind

    def bind_processor(self, _dialect: Any) -> Callable[[BaseGeometry | None], bytes | None]:
        """Return what turns a geometry into its stored form."""
        return lambda value: None if value is None else to_blob(promote(value, self.kind))

    def result_processor(
        self, _dialect: Any, _coltype: object
    ) -> Callable[[Any], BaseGeometry | None]:
        """Return what turns the stored form into a geometry."""

        def process(value: Any) -> BaseGeometry | None:
            if value is None:
                return None
            try:
                return from_blob(value)
            except ValueError:
                return GeometryCollection()

        return process


class Instant(UserDefinedType[datetime]):
    """A moment: text in UTC with milliseconds, as clause 1.1.1.1.2 writes a DATETIME.

    Notes
    -----
    What is not a time reads as None.
    """

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the column's type as it stands in the table definition."""
        return "DATETIME"

    def bind_processor(self, _dialect: Any) -> Callable[[datetime | None], str | None]:
        """Return what turns a moment into its stored form."""
        return lambda value: None if value is None else write_time(value)

    def result_processor(self, _dialect: Any, _coltype: object) -> Callable[[Any], datetime | None]:
        """Return what turns the stored form into a moment."""

        def process(value: Any) -> datetime | None:
            try:
                moment = datetime.fromisoformat(value)
            except (TypeError, ValueError):
                return None
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)

        return process


class Day(UserDefinedType[date]):
    """A day of the calendar: text, as GeoPackage writes a DATE; what is not one reads as None."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the column's type as it stands in the table definition."""
        return "DATE"

    def bind_processor(self, _dialect: Any) -> Callable[[date | None], str | None]:
        """Return what turns a day into its stored form."""
        return lambda value: None if value is None else value.isoformat()

    def result_processor(self, _dialect: Any, _coltype: object) -> Callable[[Any], date | None]:
        """Return what turns the stored form into a day."""

        def process(value: Any) -> date | None:
            try:
                return date.fromisoformat(value)
            except (TypeError, ValueError):
                return None

        return process


class Flag(UserDefinedType[bool]):
    """A yes or no: 1 or 0; only 1 is yes, whatever else another program wrote."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the column's type as it stands in the table definition."""
        return "BOOLEAN"

    def bind_processor(self, _dialect: Any) -> Callable[[bool | None], int]:
        """Return what turns a flag into its stored form."""
        return lambda value: 1 if value else 0

    def result_processor(self, _dialect: Any, _coltype: object) -> Callable[[Any], bool]:
        """Return what turns the stored form into a flag."""
        return lambda value: type(value) is int and value == 1


def write_time(moment: datetime) -> str:
    """Return a moment as GeoPackage writes it.

    Examples
    --------
    >>> write_time(datetime(2026, 11, 22, 7, 30, tzinfo=UTC))
    '2026-11-22T07:30:00.000Z'
    """
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def promote(geometry: BaseGeometry, kind: str) -> BaseGeometry:
    """Return a single geometry as its multi form where `kind` is one.

    Examples
    --------
    >>> promote(shapely.box(0, 0, 1, 1), "MULTIPOLYGON").geom_type
    'MultiPolygon'
    """
    if kind != f"MULTI{geometry.geom_type.upper()}":
        return geometry
    single: Any = [geometry]
    match geometry.geom_type:
        case "Point":
            return MultiPoint(single)
        case "LineString":
            return MultiLineString(single)
        case _:
            return MultiPolygon(single)


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
