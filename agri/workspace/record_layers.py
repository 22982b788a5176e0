"""The table of field records: one for all kinds, so that one look in QGIS shows what was done.

As `layers`: a row becomes a value and a value a row. The columns are the figures of all kinds of
`agri.field_records` together; a row fills those of its own kind. Rows are only ever added: two
triggers refuse to change or delete one, in QGIS too, except to give a row that another program
wrote the key it lacks. A row that cannot be a record is left out with a warning.
"""

from __future__ import annotations

from dataclasses import MISSING, Field
from dataclasses import fields as fields_of
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Integer, Table, Text

from agri.errors import BadInput
from agri.field_records import KINDS, Counted, RateUnit, Record, label
from agri.findings import Finding
from agri.workspace import tables
from agri.workspace.columns import Day, Flag, Instant, Real
from agri.workspace.layers import Layer, Row, attributes, metadata, number_of, text_of

COLUMN = {"row": "tree_row", "by": "done_by"}
"""Attributes whose names mean something to databases, and what their columns are called."""
_ENUMS: dict[str, type[StrEnum]] = {"Counted": Counted, "RateUnit": RateUnit}
_WORDS = "records are kept as they were written: add one that replaces it (agri records correct)"
_SPECIAL: dict[str, type[Any]] = {"day": Day, "entered_utc": Instant}


def _figures() -> dict[str, str]:
    """Return the attributes of all kinds, in order, with their types as written."""
    found = {one.name: str(one.type) for one in fields_of(Record)}
    for kind in KINDS.values():
        found |= {one.name: str(one.type) for one in fields_of(kind)}
    found.pop("uid")
    return found


def _column(name: str, written: str) -> Column[Any]:
    by_type: dict[str, type[Any]] = {"float": Real, "int": Integer, "bool": Flag}
    kind = _SPECIAL.get(name) or by_type.get(written.split(" ", 1)[0], Text)
    return Column(COLUMN.get(name, name), kind())


def _cell(row: Row, one: Field[Any]) -> Any:
    """Return one attribute from its column; raises when what stands there cannot be it."""
    name, value = one.name, row[COLUMN.get(one.name, one.name)]
    written = str(one.type).split(" ", 1)[0]
    if name in _SPECIAL or written == "bool":
        return value
    if written == "str":
        return text_of(value)
    if value is None and one.default is not MISSING:
        return one.default
    if written in _ENUMS:
        if (word := text_of(value)) in list(_ENUMS[written]):
            return _ENUMS[written](word)
    elif (number := number_of(value)) is not None:
        if written == "float":
            return number
        if number.is_integer():
            return int(number)
    raise BadInput("error.record_row", column=label(name), value=text_of(value)[:40])


def _record(row: Row, findings: list[Finding]) -> Record:
    del findings  # a record is either whole or not a record
    kind = KINDS.get(text_of(row["kind"]))
    if kind is None:
        raise BadInput("error.record_row", column=label("kind"), value=text_of(row["kind"])[:40])
    if row["day"] is None:
        raise BadInput("error.record_row", column=label("day"), value="")
    return kind(**{one.name: _cell(row, one) for one in fields_of(kind)})


def _row(record: Record) -> dict[str, Any]:
    told = attributes(record, [one.name for one in fields_of(record)])
    told = {COLUMN.get(name, name): value for name, value in told.items()}
    return dict.fromkeys(RECORDS.table.c.keys()[1:]) | told | {"kind": record.kind}


RECORDS: Layer[Record] = Layer(
    table=Table(
        "records",
        metadata,
        Column("fid", Integer, primary_key=True),
        Column("uid", Text, unique=True),
        Column("kind", Text),
        *(_column(name, written) for name, written in _figures().items()),
        sqlite_autoincrement=True,
        info={tables.KEEP: _WORDS},
    ),
    description="Nhật ký đồng ruộng · Field records",
    protects=False,
    to_row=_row,
    to_value=_record,
)
