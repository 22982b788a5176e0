"""The farm's layers: their tables, and how a row becomes a value and a value a row.

Each `Layer` joins a table that QGIS shows with a value of `agri.field` or `records`. Values
that agri wrote come back equal. Rows that another program wrote may lack things; the rule then is:
**what keeps an aircraft away is never dropped and never made smaller in silence.** An obstacle
without a height counts as the tallest, one of unknown kind as a house, a crossed outline is
repaired to cover all it covered; each with a warning. A row of these layers that still cannot be
honoured is an ERROR, and nothing is planned until it is corrected. An unusable field, pad, plan or
flight is left out with a warning.

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
from shapely.geometry import LineString, MultiLineString, MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry
from sqlalchemy import REAL, Column, Connection, Integer, MetaData, RowMapping, Table, Text, select

from agri.errors import BadInput
from agri.field import Field, NoFlyZone, Obstacle, ObstacleKind, Pad, SensitiveKind, SensitiveSite
from agri.findings import Finding
from agri.geo import LonLat
from agri.names import clean, fold, storable
from agri.workspace.gpkg import Day, Flag, Geom, Instant
from agri.workspace.gpkg_tables import touch
from agri.workspace.records import (
    AIRCRAFT_LOG,
    TELEMETRY,
    AppliedRecord,
    Outcome,
    PlanRecord,
    StoredFlight,
)

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
Row = RowMapping

TALLEST_M = 500.0
"""Height taken for an obstacle that does not tell one."""

metadata = MetaData()


def _table(name: str, geometry: str, *columns: Column[Any]) -> Table:
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


def _text(value: Any) -> str:
    return "" if value is None else clean(str(value))


def _number(value: Any) -> float | None:
    """Return a finite number, or None for anything else."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _kind(kinds: type[E], value: Any, fallback: E, place: str, findings: list[Finding]) -> E:
    """Return the kind a row tells, or the strictest with a warning."""
    wanted = fold(_text(value)).replace(" ", "_").replace("-", "_")
    if wanted in list(kinds):
        return kinds(wanted)
    findings.append(
        Finding.warning(
            "finding.row_kind", where=place, value=_text(value) or "?", taken=fallback.value
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
    name = _text(row["name"])
    if not name:
        name = f"#{row['fid']}"
        findings.append(Finding.warning("finding.row_without_name", where=place, taken=name))
    if row["geom"] is None:
        raise BadInput("error.geometry_empty", name=name)
    return Field(
        name=name,
        boundary=_areas(row["geom"], name),
        crop=_text(row["crop"]),
        uid=_text(row["uid"]),
    )


def _obstacle(row: Row, findings: list[Finding]) -> Obstacle:
    place = where("obstacles", row)
    kind = _kind(ObstacleKind, row["kind"], ObstacleKind.HOUSE, place, findings)
    height_m = _number(row["height_m"])
    if height_m is None or not 0.0 <= height_m <= TALLEST_M:
        height_m = TALLEST_M
        findings.append(Finding.warning("finding.row_height", where=place, taken_m=TALLEST_M))
    clearance_m = _number(row["clearance_m"])
    if clearance_m is None or clearance_m < 0.0:
        clearance_m = -1.0
    elif kind is ObstacleKind.POWER_LINE and clearance_m < 10.0:
        findings.append(Finding.warning("finding.row_clearance", where=place, value=clearance_m))
        clearance_m = 10.0
    return Obstacle(
        name=_text(row["name"]),
        kind=kind,
        geometry=_covering(row["geom"], place, findings),
        height_m=height_m,
        clearance_m=clearance_m,
        overflight_approved=row["overflight_approved"],
        uid=_text(row["uid"]),
    )


def _site(row: Row, findings: list[Finding]) -> SensitiveSite:
    place = where("sensitive_sites", row)
    return SensitiveSite(
        name=_text(row["name"]),
        kind=_kind(SensitiveKind, row["kind"], SensitiveKind.RUOI, place, findings),
        geometry=_covering(row["geom"], place, findings),
        uid=_text(row["uid"]),
    )


def _pad(row: Row, findings: list[Finding]) -> Pad:
    name = _text(row["name"])
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
        uid=_text(row["uid"]),
    )


def _zone(row: Row, findings: list[Finding]) -> NoFlyZone:
    place = where("no_fly_zones", row)
    return NoFlyZone(
        name=_text(row["name"]) or f"#{row['fid']}",
        area=_areas(_covering(row["geom"], place, findings), place),
        uid=_text(row["uid"]),
    )


def _lines(geometry: BaseGeometry | None) -> MultiLineString:
    if isinstance(geometry, MultiLineString):
        return geometry
    return MultiLineString()


def _plan(row: Row, findings: list[Finding]) -> PlanRecord:
    del findings  # a plan is either whole or not a plan
    if row["created_utc"] is None:
        raise BadInput("error.time_without_zone", value="")
    return PlanRecord(
        name=_text(row["name"]),
        kind=_text(row["kind"]),
        digest=_text(row["digest"]),
        field_uid=_text(row["field_uid"]),
        camera=_text(row["camera"]),
        height_m=_number(row["height_m"]),
        gsd_cm=_number(row["gsd_cm"]),
        time_s=_number(row["time_s"]),
        created_utc=row["created_utc"],
        path=_lines(row["geom"]),
        photos=None if (photos := _number(row["photos"])) is None else int(photos),
        uid=_text(row["uid"]),
        file=_text(row["file"]),
    )


def _flight(row: Row, findings: list[Finding]) -> StoredFlight:
    del findings
    outcome = _text(row["outcome"])
    if row["started_utc"] is None or outcome not in list(Outcome):
        raise BadInput("error.flight_row", value=outcome)
    text = ("uid", "mission_uid", "plan_name", "plan_digest", "vehicle", "folder")
    path = _lines(row["geom"])
    return StoredFlight(
        **{key: _text(row[key]) for key in text},
        started_utc=row["started_utc"],
        outcome=Outcome(outcome),
        photos=int(_number(row["photos"]) or 0),
        duration_s=_number(row["duration_s"]) or 0.0,
        source=AIRCRAFT_LOG if _text(row["source"]) == AIRCRAFT_LOG else TELEMETRY,
        path=None if path.is_empty else path,
    )


def _applied(row: Row, findings: list[Finding]) -> AppliedRecord:
    del findings
    told: dict[str, Any] = {name: _number(row[name]) for name in _APPLIED_FIGURES}
    if None in (row["sprayed_utc"], row["phi_end"], *told.values()):
        raise BadInput("error.applied_row", flight=_text(row["flight_uid"]))
    return AppliedRecord(
        uid=_text(row["uid"]),
        flight_uid=_text(row["flight_uid"]),
        product=_text(row["product"]),
        file=_text(row["file"]),
        **told,
        sprayed_utc=row["sprayed_utc"],
        phi_end=row["phi_end"],
        cv_pct=_number(row["cv_pct"]),
        area=row["geom"] if isinstance(row["geom"], MultiPolygon) else MultiPolygon(),
    )


def _attributes(value: Any, names: Sequence[str]) -> dict[str, Any]:
    found = {name: getattr(value, name) for name in names}
    return {n: storable(v) if isinstance(v, str) else v for n, v in found.items()}


FIELDS: Layer[Field] = Layer(
    table=_table("fields", "MULTIPOLYGON", Column("name", Text), Column("crop", Text)),
    description="Thửa ruộng, vườn · Fields",
    protects=False,
    to_row=lambda v: {"geom": v.boundary, **_attributes(v, ("uid", "name", "crop"))},
    to_value=_field,
)
OBSTACLES: Layer[Obstacle] = Layer(
    table=_table(
        "obstacles",
        "GEOMETRY",
        Column("name", Text),
        Column("kind", Text),
        Column("height_m", REAL),
        Column("clearance_m", REAL),
        Column("overflight_approved", Flag()),
    ),
    description="Vật cản · Obstacles",
    protects=True,
    to_row=lambda v: {
        "geom": v.geometry,
        "kind": v.kind.value,
        **_attributes(v, ("uid", "name", "height_m", "clearance_m", "overflight_approved")),
    },
    to_value=_obstacle,
)
SENSITIVE_SITES: Layer[SensitiveSite] = Layer(
    table=_table("sensitive_sites", "GEOMETRY", Column("name", Text), Column("kind", Text)),
    description="Nơi thuốc không được bay tới · Places spray must not reach",
    protects=True,
    to_row=lambda v: {
        "geom": v.geometry,
        "kind": v.kind.value,
        **_attributes(v, ("uid", "name")),
    },
    to_value=_site,
)
PADS: Layer[Pad] = Layer(
    table=_table("pads", "POINT", Column("name", Text)),
    description="Bãi cất hạ cánh · Take-off places",
    protects=False,
    to_row=lambda v: {
        "geom": shapely.Point(v.place.lon_deg, v.place.lat_deg),
        **_attributes(v, ("uid", "name")),
    },
    to_value=_pad,
)
NO_FLY_ZONES: Layer[NoFlyZone] = Layer(
    table=_table("no_fly_zones", "MULTIPOLYGON", Column("name", Text)),
    description="Vùng cấm bay · No-fly zones",
    protects=True,
    to_row=lambda v: {"geom": v.area, **_attributes(v, ("uid", "name"))},
    to_value=_zone,
)
_PLAN_COLUMNS = (
    ("name", Text),
    ("field_uid", Text),
    ("kind", Text),
    ("digest", Text),
    ("file", Text),
    ("created_utc", Instant),
    ("camera", Text),
    ("height_m", REAL),
    ("gsd_cm", REAL),
    ("time_s", REAL),
    ("photos", Integer),
)
MISSIONS: Layer[PlanRecord] = Layer(
    table=_table(
        "missions",
        "MULTILINESTRING",
        *(Column(name, kind()) for name, kind in _PLAN_COLUMNS),
        Column("sha256", Text),
    ),
    description="Kế hoạch bay · Flight plans",
    protects=False,
    to_row=lambda v: {
        "geom": None if v.path.is_empty else v.path,
        "uid": v.uid,
        **_attributes(v, [name for name, _ in _PLAN_COLUMNS]),
    },
    to_value=_plan,
)
_FLIGHT_COLUMNS = (
    ("mission_uid", Text),
    ("plan_name", Text),
    ("plan_digest", Text),
    ("vehicle", Text),
    ("started_utc", Instant),
    ("outcome", Text),
    ("photos", Integer),
    ("duration_s", REAL),
    ("folder", Text),
    ("source", Text),
)
FLIGHTS: Layer[StoredFlight] = Layer(
    table=_table(
        "flights", "MULTILINESTRING", *(Column(name, kind()) for name, kind in _FLIGHT_COLUMNS)
    ),
    description="Chuyến bay đã bay · Flights flown",
    protects=False,
    to_row=lambda v: {
        "geom": v.path,
        "uid": v.uid,
        **_attributes(v, [name for name, _ in _FLIGHT_COLUMNS]),
    },
    to_value=_flight,
)

_APPLIED_FIGURES = (
    "target_l_ha", "rate_l_ha", "litres", "sprayed_m2", "missed_m2", "outside_m2", "outside_l",
    "off_swath_l", "unknown_s",
)  # fmt: skip
_APPLIED_COLUMNS = (
    ("flight_uid", Text),
    ("product", Text),
    ("sprayed_utc", Instant),
    ("phi_end", Day),
    *((name, REAL) for name in (*_APPLIED_FIGURES, "cv_pct")),
    ("file", Text),
)
APPLIED: Layer[AppliedRecord] = Layer(
    table=_table(
        "applied", "MULTIPOLYGON", *(Column(name, kind()) for name, kind in _APPLIED_COLUMNS)
    ),
    description="Đã phun · As applied",
    protects=False,
    to_row=lambda v: {
        "geom": None if v.area.is_empty else v.area,
        "uid": v.uid,
        **_attributes(v, [name for name, _ in _APPLIED_COLUMNS]),
    },
    to_value=_applied,
)

LAYERS: tuple[Layer[Any], ...] = (
    FIELDS,
    OBSTACLES,
    SENSITIVE_SITES,
    PADS,
    NO_FLY_ZONES,
    MISSIONS,
    FLIGHTS,
    APPLIED,
)
