"""The farm's layers: their tables, and how a row becomes a value and a value a row.

Each `Layer` joins a table that QGIS shows with a value, here of `agri.field`. Values
that agri wrote come back equal. Rows that another program wrote may lack things; the rule then is:
**what keeps an aircraft away is never dropped and never made smaller in silence.** An obstacle
without a height counts as the tallest, one of unknown kind as a house, a crossed outline is
repaired to cover all it covered; each with a warning. A row of these layers that still cannot be
honoured is an ERROR, and nothing is planned until it is corrected. An unusable field or pad
is left out with a warning.

Obstacles and sensitive sites are one layer each of type GEOMETRY, since a checker or reader must
find every obstacle in one place. QGIS shows such a layer as one sublayer for points, lines and
areas each; it draws into those that have a feature already, so the first of a form is best added
by agri. All other layers have one type, and QGIS draws into them when still empty.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

import numpy as np
import shapely
from shapely.errors import ShapelyError
from shapely.geometry import LineString, MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Column, Connection, Integer, MetaData, RowMapping, Table, Text, select

from agri.errors import BadInput
from agri.field import Field, NoFlyZone, Obstacle, ObstacleKind, Pad, SensitiveKind, SensitiveSite
from agri.findings import Finding
from agri.geo import LonLat
from agri.names import clean, fold, storable
from agri.workspace.columns import Flag, Geom, Instant, Real
from agri.workspace.tables import touch

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
Row = RowMapping

TALLEST_M = 500.0
"""Height taken for an obstacle that does not tell one."""

metadata = MetaData()


def map_table(name: str, geometry: str, *columns: Column[Any]) -> Table:
    """Return the table of a map layer: number, geometry, key and its own columns."""
    return Table(
        name,
        metadata,
        Column("fid", Integer, primary_key=True),
        Column("geom", Geom(geometry)),
        Column("uid", Text, unique=True),
        *columns,
        sqlite_autoincrement=True,
    )


farm_table = Table(
    "farm",
    metadata,
    Column("fid", Integer, primary_key=True),
    Column("uid", Text, unique=True),
    Column("name", Text),
    Column("created_utc", Instant()),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer(Generic[T]):
    """One layer: its table, and the two ways between rows and values.

    Parameters
    ----------
    table : sqlalchemy.Table
        Where it stands.
    description : str
        What it holds, shown by QGIS.
    protects : bool
        Whether its rows keep aircraft away, so that an unusable one blocks.
    to_row : callable
        Value to column values (without fid).
    to_value : callable
        Row to value; says what it had to assume through the list of findings.
    """

    table: Table
    description: str
    protects: bool
    to_row: Callable[[T], dict[str, Any]]
    to_value: Callable[[Row, list[Finding]], T]

    @property
    def name(self) -> str:
        """The layer's name."""
        return str(self.table.name)

    def insert(self, connection: Connection, values: Sequence[T]) -> None:
        """Insert values, which must have their uid."""
        if values:
            connection.execute(self.table.insert(), [self.to_row(value) for value in values])
            touch(connection, self.name)

    def put(self, connection: Connection, value: T) -> None:
        """Write a value over the row that has its uid, or as a new row when there is none."""
        row = self.to_row(value)
        same_uid = self.table.c.uid == row["uid"]
        if not connection.execute(self.table.update().where(same_uid).values(row)).rowcount:
            connection.execute(self.table.insert(), [row])
        touch(connection, self.name)

    def delete(self, connection: Connection, uid: str) -> bool:
        """Delete the row with this uid; return whether there was one."""
        found = connection.execute(self.table.delete().where(self.table.c.uid == uid)).rowcount
        touch(connection, self.name)
        return found > 0

    def read(self, connection: Connection) -> tuple[tuple[T, ...], list[Finding]]:
        """Return all rows as values in the order they were added, and what was wrong with some."""
        values: list[T] = []
        findings: list[Finding] = []
        for row in connection.execute(select(self.table).order_by(self.table.c.fid)).mappings():
            try:
                values.append(self.to_value(row, findings))
            except BadInput as error:
                tell = Finding.error if self.protects else Finding.warning
                findings.append(
                    tell("finding.row_unusable", where=where(self.name, row), reason=error.message)
                )
        return tuple(values), findings


def where(layer: str, row: Row) -> str:
    """Return how a row is named to people: layer, number and name."""
    name = row.get("name") or row.get("plan_name") or ""
    return f"{layer} #{row['fid']} {name}".rstrip()


def text_of(value: Any) -> str:
    """Return a text as it may be shown, "" for none."""
    return "" if value is None else clean(str(value))


def number_of(value: Any) -> float | None:
    """Return a finite number, or None for anything else."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _kind(kinds: type[E], value: Any, fallback: E, place: str, findings: list[Finding]) -> E:
    """Return the kind a row tells, or the strictest with a warning."""
    wanted = fold(text_of(value)).replace(" ", "_").replace("-", "_")
    if wanted in list(kinds):
        return kinds(wanted)
    findings.append(
        Finding.warning(
            "finding.row_kind", where=place, value=text_of(value) or "?", taken=fallback.value
        )
    )
    return fallback


def _polygons(geometry: BaseGeometry) -> Iterator[Polygon]:
    """Yield the polygons in a geometry, however nested."""
    for part in shapely.get_parts(geometry):
        if isinstance(part, Polygon):
            yield part
        elif part.geom_type.startswith(("Multi", "GeometryCollection")):
            yield from _polygons(part)


def _covering(geometry: BaseGeometry | None, place: str, findings: list[Finding]) -> BaseGeometry:
    """Return a geometry that is valid and covers all that the row's one enclosed."""
    if geometry is None or geometry.is_empty:
        raise BadInput("error.geometry_empty", name=place)
    if geometry.is_valid:
        return geometry
    if not np.isfinite(shapely.get_coordinates(geometry)).all():
        raise BadInput("error.geometry_invalid", name=place)
    try:
        outlines = [LineString(polygon.exterior.coords) for polygon in _polygons(geometry)]
        faces = shapely.polygonize([shapely.union_all(outlines)])
        covering = shapely.union_all([shapely.make_valid(geometry), *shapely.get_parts(faces)])
    except ShapelyError:
        raise BadInput("error.geometry_invalid", name=place) from None
    findings.append(Finding.warning("finding.row_repaired", where=place))
    return covering


def _areas(geometry: BaseGeometry, place: str) -> MultiPolygon:
    """Return the areas in a geometry as one MultiPolygon."""
    areas = [polygon for polygon in _polygons(geometry) if not polygon.is_empty]
    if not areas:
        raise BadInput("error.geometry_no_area", name=place)
    return MultiPolygon(areas)


def _field(row: Row, findings: list[Finding]) -> Field:
    place = where("fields", row)
    name = text_of(row["name"])
    if not name:
        name = f"#{row['fid']}"
        findings.append(Finding.warning("finding.row_without_name", where=place, taken=name))
    if row["geom"] is None:
        raise BadInput("error.geometry_empty", name=name)
    return Field(
        name=name,
        boundary=_areas(row["geom"], name),
        crop=text_of(row["crop"]),
        uid=text_of(row["uid"]),
    )


def _obstacle(row: Row, findings: list[Finding]) -> Obstacle:
    place = where("obstacles", row)
    kind = _kind(ObstacleKind, row["kind"], ObstacleKind.HOUSE, place, findings)
    height_m = number_of(row["height_m"])
    if height_m is None or not 0.0 <= height_m <= TALLEST_M:
        height_m = TALLEST_M
        findings.append(Finding.warning("finding.row_height", where=place, taken_m=TALLEST_M))
    clearance_m = number_of(row["clearance_m"])
    if clearance_m is None or clearance_m < 0.0:
        clearance_m = -1.0
    elif kind is ObstacleKind.POWER_LINE and clearance_m < 10.0:
        findings.append(Finding.warning("finding.row_clearance", where=place, value=clearance_m))
        clearance_m = 10.0
    return Obstacle(
        name=text_of(row["name"]),
        kind=kind,
        geometry=_covering(row["geom"], place, findings),
        height_m=height_m,
        clearance_m=clearance_m,
        overflight_approved=row["overflight_approved"],
        uid=text_of(row["uid"]),
    )


def _site(row: Row, findings: list[Finding]) -> SensitiveSite:
    place = where("sensitive_sites", row)
    return SensitiveSite(
        name=text_of(row["name"]),
        kind=_kind(SensitiveKind, row["kind"], SensitiveKind.RUOI, place, findings),
        geometry=_covering(row["geom"], place, findings),
        uid=text_of(row["uid"]),
    )


def _pad(row: Row, findings: list[Finding]) -> Pad:
    name = text_of(row["name"])
    if not name:
        name = f"#{row['fid']}"
        findings.append(
            Finding.warning("finding.row_without_name", where=where("pads", row), taken=name)
        )
    point = row["geom"]
    if point is None or point.is_empty or point.geom_type != "Point":
        raise BadInput("error.geometry_empty", name=name)
    return Pad(
        name=name,
        place=LonLat(lon_deg=float(point.x), lat_deg=float(point.y)),
        uid=text_of(row["uid"]),
    )


def _zone(row: Row, findings: list[Finding]) -> NoFlyZone:
    place = where("no_fly_zones", row)
    return NoFlyZone(
        name=text_of(row["name"]) or f"#{row['fid']}",
        area=_areas(_covering(row["geom"], place, findings), place),
        uid=text_of(row["uid"]),
    )


def attributes(value: Any, names: Sequence[str]) -> dict[str, Any]:
    """Return what a value has under these names, fit to be stored."""
    found = {name: getattr(value, name) for name in names}
    return {n: storable(v) if isinstance(v, str) else v for n, v in found.items()}


FIELDS: Layer[Field] = Layer(
    table=map_table("fields", "MULTIPOLYGON", Column("name", Text), Column("crop", Text)),
    description="Thửa ruộng, vườn · Fields",
    protects=False,
    to_row=lambda v: {"geom": v.boundary, **attributes(v, ("uid", "name", "crop"))},
    to_value=_field,
)
OBSTACLES: Layer[Obstacle] = Layer(
    table=map_table(
        "obstacles",
        "GEOMETRY",
        Column("name", Text),
        Column("kind", Text),
        Column("height_m", Real),
        Column("clearance_m", Real),
        Column("overflight_approved", Flag()),
    ),
    description="Vật cản · Obstacles",
    protects=True,
    to_row=lambda v: {
        "geom": v.geometry,
        "kind": v.kind.value,
        **attributes(v, ("uid", "name", "height_m", "clearance_m", "overflight_approved")),
    },
    to_value=_obstacle,
)
SENSITIVE_SITES: Layer[SensitiveSite] = Layer(
    table=map_table("sensitive_sites", "GEOMETRY", Column("name", Text), Column("kind", Text)),
    description="Nơi thuốc không được bay tới · Places spray must not reach",
    protects=True,
    to_row=lambda v: {
        "geom": v.geometry,
        "kind": v.kind.value,
        **attributes(v, ("uid", "name")),
    },
    to_value=_site,
)
PADS: Layer[Pad] = Layer(
    table=map_table("pads", "POINT", Column("name", Text)),
    description="Bãi cất hạ cánh · Take-off places",
    protects=False,
    to_row=lambda v: {
        "geom": shapely.Point(v.place.lon_deg, v.place.lat_deg),
        **attributes(v, ("uid", "name")),
    },
    to_value=_pad,
)
NO_FLY_ZONES: Layer[NoFlyZone] = Layer(
    table=map_table("no_fly_zones", "MULTIPOLYGON", Column("name", Text)),
    description="Vùng cấm bay · No-fly zones",
    protects=True,
    to_row=lambda v: {"geom": v.area, **attributes(v, ("uid", "name"))},
    to_value=_zone,
)
LAYERS: tuple[Layer[Any], ...] = (FIELDS, OBSTACLES, SENSITIVE_SITES, PADS, NO_FLY_ZONES)
"""What a farm is; what was planned and done there is in `book_layers`."""
