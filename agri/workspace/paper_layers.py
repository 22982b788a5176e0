"""The tables of the farm's papers: permits, licences, registrations, looks at the official map.

As `layers`: a row becomes a value and a value a row, and rows another program wrote may lack
things. A permit, licence or registration that cannot be used is left out with a warning, which
makes it missing, and a missing paper blocks. A look at the map is the other way round: it may have
said that flying is forbidden. One that tells no outcome counts as forbidden, and one that cannot be
placed is an ERROR.

Permits and map looks are areas on the map; licences and registrations are tables without a map.
"""

from __future__ import annotations

import math
from datetime import time
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import Column, Integer, Table, Text

from agri.errors import BadInput
from agri.findings import Finding
from agri.names import clean, fold
from agri.papers import Licence, MapCheck, Permit, Registration, Shown
from agri.rules import Authority, LicenceClass
from agri.workspace.book_layers import BOOK_LAYERS
from agri.workspace.columns import Day, Geom, Instant, Real
from agri.workspace.layers import LAYERS, Layer, Row, metadata, where
from agri.workspace.note_layers import MAP_NOTES
from agri.workspace.record_layers import RECORDS

E = TypeVar("E", bound=StrEnum)


def _table(name: str, *columns: Column[Any], geometry: str = "") -> Table:
    place = [Column("geom", Geom(geometry))] if geometry else []
    return Table(
        name,
        metadata,
        Column("fid", Integer, primary_key=True),
        *place,
        Column("uid", Text, unique=True),
        *columns,
        sqlite_autoincrement=True,
    )


def _texts(row: Row, *names: str) -> dict[str, str]:
    return {name: clean(str(row[name] or "")) for name in names}


def _number(row: Row, name: str, layer: str) -> float:
    """Return a finite number of a row, which must have it."""
    try:
        number = float(row[name])
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise BadInput("error.paper_row", where=where(layer, row), column=name)
    return number


def _needed(row: Row, name: str, layer: str) -> Any:
    """Return a day or time of a row, which must have it."""
    if row[name] is None:
        raise BadInput("error.paper_row", where=where(layer, row), column=name)
    return row[name]


def _kind(kinds: type[E], row: Row, name: str, layer: str) -> E:
    try:
        return kinds(fold(str(row[name] or "")))
    except ValueError:
        raise BadInput("error.paper_row", where=where(layer, row), column=name) from None


def _clock(row: Row, name: str) -> time:
    try:
        return time.fromisoformat(str(row[name] or ""))
    except ValueError:
        raise BadInput("error.paper_row", where=where("permits", row), column=name) from None


def _permit(row: Row, findings: list[Finding]) -> Permit:
    del findings  # a permit that is not whole is no permit
    return Permit(
        **_texts(row, "uid", "number", "holder", "aircraft", "purpose"),
        authority=_kind(Authority, row, "authority", "permits"),
        area=row["geom"],
        first_day=_needed(row, "first_day", "permits"),
        last_day=_needed(row, "last_day", "permits"),
        from_time=_clock(row, "from_time"),
        to_time=_clock(row, "to_time"),
        ceiling_m=_number(row, "ceiling_m", "permits"),
    )


def _licence(row: Row, findings: list[Finding]) -> Licence:
    del findings
    return Licence(
        **_texts(row, "uid", "holder", "number"),
        licence_class=_kind(LicenceClass, row, "licence_class", "licences"),
        last_day=_needed(row, "last_day", "licences"),
    )


def _registration(row: Row, findings: list[Finding]) -> Registration:
    del findings
    return Registration(
        **_texts(row, "uid", "aircraft", "number", "serial", "board"),
        takeoff_kg=_number(row, "takeoff_kg", "registrations"),
        last_day=row["last_day"],
        system=0 if row["system"] is None else int(_number(row, "system", "registrations")),
    )


def _map_check(row: Row, findings: list[Finding]) -> MapCheck:
    try:
        shown = Shown(fold(str(row["shown"] or "")))
    except ValueError:
        shown = Shown.FORBIDDEN
        findings.append(
            Finding.warning(
                "finding.row_kind",
                where=where("map_checks", row),
                value=clean(str(row["shown"] or "")) or "?",
                taken=shown.value,
            )
        )
    return MapCheck(
        uid=clean(str(row["uid"] or "")),
        by=clean(str(row["looked_by"] or "")),
        place=clean(str(row["place"] or "")),
        area=row["geom"],
        looked_utc=_needed(row, "looked_utc", "map_checks"),
        shown=shown,
    )


PERMITS: Layer[Permit] = Layer(
    table=_table(
        "permits",
        Column("number", Text),
        Column("authority", Text),
        Column("holder", Text),
        Column("aircraft", Text),
        Column("first_day", Day()),
        Column("last_day", Day()),
        Column("from_time", Text),
        Column("to_time", Text),
        Column("ceiling_m", Real),
        Column("purpose", Text),
        geometry="MULTIPOLYGON",
    ),
    description="Giấy phép bay · Flight permits",
    protects=False,
    to_row=lambda v: {
        "geom": v.area,
        "uid": v.uid,
        "number": v.number,
        "authority": v.authority.value,
        "holder": v.holder,
        "aircraft": v.aircraft,
        "first_day": v.first_day,
        "last_day": v.last_day,
        "from_time": f"{v.from_time:%H:%M}",
        "to_time": f"{v.to_time:%H:%M}",
        "ceiling_m": v.ceiling_m,
        "purpose": v.purpose,
    },
    to_value=_permit,
)
LICENCES: Layer[Licence] = Layer(
    table=_table(
        "licences",
        Column("holder", Text),
        Column("number", Text),
        Column("licence_class", Text),
        Column("last_day", Day()),
    ),
    description="Giấy phép điều khiển · Pilots' licences",
    protects=False,
    to_row=lambda v: {
        "uid": v.uid,
        "holder": v.holder,
        "number": v.number,
        "licence_class": v.licence_class.value,
        "last_day": v.last_day,
    },
    to_value=_licence,
)
REGISTRATIONS: Layer[Registration] = Layer(
    table=_table(
        "registrations",
        Column("aircraft", Text),
        Column("number", Text),
        Column("serial", Text),
        Column("takeoff_kg", Real),
        Column("last_day", Day()),
        Column("system", Integer),
        Column("board", Text),
    ),
    description="Đăng ký máy bay · Registrations",
    protects=False,
    to_row=lambda v: {
        "uid": v.uid,
        "aircraft": v.aircraft,
        "number": v.number,
        "serial": v.serial,
        "takeoff_kg": v.takeoff_kg,
        "last_day": v.last_day,
        "system": v.system or None,
        "board": v.board or None,
    },
    to_value=_registration,
)
MAP_CHECKS: Layer[MapCheck] = Layer(
    table=_table(
        "map_checks",
        Column("place", Text),
        Column("looked_by", Text),
        Column("looked_utc", Instant()),
        Column("shown", Text),
        geometry="MULTIPOLYGON",
    ),
    description="Đã xem bản đồ cấm bay · Looks at the official no-fly map",
    protects=True,
    to_row=lambda v: {
        "geom": v.area,
        "uid": v.uid,
        "place": v.place,
        "looked_by": v.by,
        "looked_utc": v.looked_utc,
        "shown": v.shown.value,
    },
    to_value=_map_check,
)

PAPER_LAYERS: tuple[Layer[Any], ...] = (PERMITS, LICENCES, REGISTRATIONS, MAP_CHECKS)
EVERY_LAYER: tuple[Layer[Any], ...] = (*LAYERS, *BOOK_LAYERS, *PAPER_LAYERS, RECORDS, MAP_NOTES)
"""All a farm keeps: what `layers` has, then books, papers, field records, notes on maps."""
