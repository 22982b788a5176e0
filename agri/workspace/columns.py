"""What stands in the columns of a farm's tables: geometries, moments, days, flags, figures.

Theory of operation. A table is defined once, with these types, and stands in a GeoPackage or in
PostgreSQL with PostGIS; this room alone knows how a value is written in either. A value comes back
equal from both:

========  ==========================================  =====================================
type      GeoPackage                                  PostGIS
========  ==========================================  =====================================
Geom      blob of clause 2.1.3 (`gpkg`)               ``geometry(kind, 4326)``, sent as EWKB
Instant   text in UTC with milliseconds, DATETIME     ``timestamptz(3)``
Day       text, DATE                                  ``date``
Flag      1 or 0, BOOLEAN                             ``boolean``
Real      REAL, which has 8 bytes there               ``double precision``
========  ==========================================  =====================================

PostgreSQL's moments and days are asked for as text (`agri.workspace.postgis`), so that what no
clock shows (infinity, the year 20000) reads as None here as it does from a GeoPackage, and hides
no other row. Figures are never `sqlalchemy.REAL`, which has 4 bytes in PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import shapely
from shapely.errors import ShapelyError
from shapely.geometry import GeometryCollection, MultiLineString, MultiPoint, MultiPolygon
from shapely.geometry.base import BaseGeometry
from sqlalchemy import REAL
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import UserDefinedType

from agri.workspace.gpkg import SRS_ID, from_blob, to_blob

POSTGRES = "postgresql"
"""What SQLAlchemy calls the dialect of PostgreSQL."""


def in_postgres(dialect: Any) -> bool:
    """Return whether a dialect, or what has one, is PostgreSQL's; otherwise it is a GeoPackage's.

    Examples
    --------
    >>> in_postgres(None)
    False
    """
    return getattr(getattr(dialect, "dialect", dialect), "name", "") == POSTGRES


class Real(REAL[float]):
    """A figure of 8 bytes."""


class Geom(UserDefinedType[BaseGeometry]):
    """A geometry column, WGS 84, longitude before latitude, flat.

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

    def bind_processor(self, dialect: Any) -> Callable[[BaseGeometry | None], bytes | str | None]:
        """Return what turns a geometry into its stored form."""
        write: Callable[[BaseGeometry], bytes | str] = to_ewkb if in_postgres(dialect) else to_blob
        return lambda value: None if value is None else write(promote(value, self.kind))

    def result_processor(
        self, dialect: Any, _coltype: object
    ) -> Callable[[Any], BaseGeometry | None]:
        """Return what turns the stored form into a geometry."""
        read: Callable[[Any], BaseGeometry] = from_ewkb if in_postgres(dialect) else from_blob

        def process(value: Any) -> BaseGeometry | None:
            if value is None:
                return None
            try:
                return read(value)
            except ValueError:
                return GeometryCollection()

        return process


class Instant(UserDefinedType[datetime]):
    """A moment in UTC with milliseconds (in a GeoPackage as clause 1.1.1.1.2 writes a DATETIME).

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
    """A day of the calendar; what is not one reads as None."""

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
    """A yes or no; only a plain yes (in a GeoPackage 1) is yes, whatever another program wrote."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the column's type as it stands in the table definition."""
        return "BOOLEAN"

    def bind_processor(self, dialect: Any) -> Callable[[bool | None], int | bool]:
        """Return what turns a flag into its stored form."""
        return bool if in_postgres(dialect) else lambda value: 1 if value else 0

    def result_processor(self, dialect: Any, _coltype: object) -> Callable[[Any], bool]:
        """Return what turns the stored form into a flag."""
        if in_postgres(dialect):
            return lambda value: value is True
        return lambda value: type(value) is int and value == 1


@compiles(Real, POSTGRES)
def _real(_type: Real, _compiler: Any, **_: Any) -> str:
    return "DOUBLE PRECISION"


@compiles(Geom, POSTGRES)
def _geometry(geom: Geom, _compiler: Any, **_: Any) -> str:
    return f"geometry({geom.kind}, {SRS_ID})"


@compiles(Instant, POSTGRES)
def _instant(_type: Instant, _compiler: Any, **_: Any) -> str:
    return "TIMESTAMPTZ(3)"


def write_time(moment: datetime) -> str:
    """Return a moment as GeoPackage writes it.

    Examples
    --------
    >>> write_time(datetime(2026, 11, 22, 7, 30, tzinfo=UTC))
    '2026-11-22T07:30:00.000Z'
    """
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_ewkb(geometry: BaseGeometry) -> str:
    """Return a geometry as PostGIS reads it: hexadecimal EWKB, flat, with its SRID.

    Examples
    --------
    >>> to_ewkb(shapely.Point(0, 0))
    '0101000020E610000000000000000000000000000000000000'
    """
    flat = shapely.set_srid(shapely.force_2d(geometry), SRS_ID)
    return str(shapely.to_wkb(flat, hex=True, byte_order=1, include_srid=True))


def from_ewkb(text: str) -> BaseGeometry:
    """Return the flat geometry of what PostGIS wrote.

    Raises
    ------
    ValueError
        When it holds a curve that shapely does not know.
    """
    try:
        with np.errstate(invalid="ignore"):
            return shapely.set_srid(shapely.force_2d(shapely.from_wkb(text)), 0)
    except (ShapelyError, NotImplementedError, TypeError) as error:
        raise ValueError(str(error)) from error


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
