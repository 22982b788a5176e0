"""The tables of the farm's books: plans, flights, and what spray flights applied.

As `layers`: a row becomes a value and a value a row. A row that cannot be used is left out with a
warning. What a person read at the tank stands beside what the pump was told, and what follows from
both beside it, for QGIS; agri works that out anew from the readings. A reading that cannot be true
is passed over with a warning, and its tank counts as not read.
"""

from __future__ import annotations

from typing import Any

from shapely.geometry import MultiLineString, MultiPolygon
from shapely.geometry.base import BaseGeometry
from sqlalchemy import Column, Integer, Text

from agri.errors import BadInput
from agri.findings import Finding
from agri.track import TankReading
from agri.workspace.columns import Day, Instant, Real
from agri.workspace.layers import Layer, Row, attributes, map_table, number_of, text_of, where
from agri.workspace.records import (
    AIRCRAFT_LOG,
    TELEMETRY,
    AppliedRecord,
    Outcome,
    PlanRecord,
    StoredFlight,
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
        name=text_of(row["name"]),
        kind=text_of(row["kind"]),
        digest=text_of(row["digest"]),
        field_uid=text_of(row["field_uid"]),
        camera=text_of(row["camera"]),
        height_m=number_of(row["height_m"]),
        gsd_cm=number_of(row["gsd_cm"]),
        time_s=number_of(row["time_s"]),
        created_utc=row["created_utc"],
        path=_lines(row["geom"]),
        photos=None if (photos := number_of(row["photos"])) is None else int(photos),
        uid=text_of(row["uid"]),
        file=text_of(row["file"]),
    )


def _flight(row: Row, findings: list[Finding]) -> StoredFlight:
    del findings
    outcome = text_of(row["outcome"])
    if row["started_utc"] is None or outcome not in list(Outcome):
        raise BadInput("error.flight_row", value=outcome)
    texts = ("uid", "mission_uid", "plan_name", "plan_digest", "vehicle", "folder")
    path = _lines(row["geom"])
    return StoredFlight(
        **{key: text_of(row[key]) for key in texts},
        started_utc=row["started_utc"],
        outcome=Outcome(outcome),
        photos=int(number_of(row["photos"]) or 0),
        duration_s=number_of(row["duration_s"]) or 0.0,
        source=AIRCRAFT_LOG if text_of(row["source"]) == AIRCRAFT_LOG else TELEMETRY,
        path=None if path.is_empty else path,
    )


def _tank(row: Row, findings: list[Finding]) -> TankReading | None:
    """Return what was read at the tank; None when nothing was, or nothing that can be."""
    if row["tank_filled_l"] is None and row["tank_left_l"] is None:
        return None
    filled_l, left_l = number_of(row["tank_filled_l"]), number_of(row["tank_left_l"])
    if filled_l is not None and left_l is not None:
        try:
            return TankReading(filled_l=filled_l, left_l=left_l)
        except BadInput:
            pass
    findings.append(Finding.warning("finding.row_tank", where=where("applied", row)))
    return None


def _applied(row: Row, findings: list[Finding]) -> AppliedRecord:
    told: dict[str, Any] = {name: number_of(row[name]) for name in _APPLIED_FIGURES}
    if None in (row["sprayed_utc"], row["phi_end"], *told.values()):
        raise BadInput("error.applied_row", flight=text_of(row["flight_uid"]))
    return AppliedRecord(
        uid=text_of(row["uid"]),
        flight_uid=text_of(row["flight_uid"]),
        product=text_of(row["product"]),
        file=text_of(row["file"]),
        **told,
        sprayed_utc=row["sprayed_utc"],
        phi_end=row["phi_end"],
        cv_pct=number_of(row["cv_pct"]),
        area=row["geom"] if isinstance(row["geom"], MultiPolygon) else MultiPolygon(),
        tank=_tank(row, findings),
    )


_PLAN_COLUMNS = (
    ("name", Text),
    ("field_uid", Text),
    ("kind", Text),
    ("digest", Text),
    ("file", Text),
    ("created_utc", Instant),
    ("camera", Text),
    ("height_m", Real),
    ("gsd_cm", Real),
    ("time_s", Real),
    ("photos", Integer),
)
MISSIONS: Layer[PlanRecord] = Layer(
    table=map_table(
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
        **attributes(v, [name for name, _ in _PLAN_COLUMNS]),
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
    ("duration_s", Real),
    ("folder", Text),
    ("source", Text),
)
FLIGHTS: Layer[StoredFlight] = Layer(
    table=map_table(
        "flights", "MULTILINESTRING", *(Column(name, kind()) for name, kind in _FLIGHT_COLUMNS)
    ),
    description="Chuyến bay đã bay · Flights flown",
    protects=False,
    to_row=lambda v: {
        "geom": v.path,
        "uid": v.uid,
        **attributes(v, [name for name, _ in _FLIGHT_COLUMNS]),
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
    *((name, Real) for name in (*_APPLIED_FIGURES, "cv_pct")),
    ("file", Text),
)
_TANK_COLUMNS = ("tank_filled_l", "tank_left_l", "tank_used_l", "flow_share")


def _tank_row(applied: AppliedRecord) -> dict[str, float | None]:
    tank = applied.tank
    told = (None,) * 3 if tank is None else (tank.filled_l, tank.left_l, tank.used_l)
    return dict(zip(_TANK_COLUMNS, (*told, applied.flow_share), strict=True))


APPLIED: Layer[AppliedRecord] = Layer(
    table=map_table(
        "applied",
        "MULTIPOLYGON",
        *(Column(name, kind()) for name, kind in _APPLIED_COLUMNS),
        *(Column(name, Real) for name in _TANK_COLUMNS),
    ),
    description="Đã phun · As applied",
    protects=False,
    to_row=lambda v: {
        "geom": None if v.area.is_empty else v.area,
        "uid": v.uid,
        **attributes(v, [name for name, _ in _APPLIED_COLUMNS]),
        **_tank_row(v),
    },
    to_value=_applied,
)

BOOK_LAYERS: tuple[Layer[Any], ...] = (MISSIONS, FLIGHTS, APPLIED)
