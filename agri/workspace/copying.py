"""A farm's tables taken from one database to another: GeoPackage to PostGIS and back.

Theory of operation. Every table of today's definitions that the source has is made in the target
with those columns the source has, and its rows are carried over as values, with their numbers, so
that their order stays. The notes of versions go with them: a copy of an older farm is an older
farm, which `migrations` brings up to date like any other. (Steps therefore only ever add tables and
columns; one that took something away would need its own way through here.)

What other programs added to a farm, columns and tables that agri does not know, is not carried
over. PostgreSQL is stricter than SQLite: a row of a GeoPackage that another program spoilt so that
no column of its type could hold it (a word for a height, a line for an area) is named, and nothing
is copied until it is mended; what merely cannot be read as a geometry becomes an empty one, which
is as unusable there as it was before.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import shapely
from sqlalchemy import Column, Connection, Integer, MetaData, RowMapping, Table, Text, select

from agri.errors import BadInput
from agri.workspace import migrations, tables
from agri.workspace.columns import Geom, Real, in_postgres, promote
from agri.workspace.geopackage import GeoPackage, new_file
from agri.workspace.layers import farm_table, metadata, where
from agri.workspace.paper_layers import EVERY_LAYER

AT_ONCE = 500
"""Rows carried at a time."""
INTEGERS = range(-(2**31), 2**31)


def copy_farm(source: Connection, target: Connection) -> None:
    """Make in an empty database what another holds.

    Parameters
    ----------
    source, target : sqlalchemy.Connection
        Each within a transaction.

    Raises
    ------
    BadInput
        When a row cannot stand in the target.
    """
    tables.create_core(target)
    told = {layer.name: layer.description for layer in EVERY_LAYER}
    told[farm_table.name] = migrations.FARM_DESCRIPTION
    for table in (*metadata.sorted_tables, migrations.schema_table):
        there = tables.columns_of(source, table.name)
        if not there:
            continue
        made = _with_columns(table, there)
        if table.name in told:
            tables.create_layer(target, made, description=told[table.name])
        else:
            made.create(target)
        _copy_rows(source, target, made)


def save_to(source: Connection, path: Path) -> None:
    """Write what a database holds into a new GeoPackage."""
    with new_file(path) as file, file.writing() as target:
        copy_farm(source, target)


def read_from(saved: Path, target: Connection) -> None:
    """Make in an empty database what a GeoPackage holds."""
    file = GeoPackage(saved)
    with file.reading() as source:
        copy_farm(source, target)


def _with_columns(table: Table, there: Iterable[str]) -> Table:
    """Return a table with those of its columns that are in `there`."""
    names = set(there)
    if names >= set(table.columns.keys()):
        return table
    kept = [
        Column(c.name, c.type, primary_key=c.primary_key, unique=c.unique, nullable=c.nullable)
        for c in table.columns
        if c.name in names
    ]
    return Table(table.name, MetaData(), *kept, sqlite_autoincrement=True, info=table.info)


def _copy_rows(source: Connection, target: Connection, table: Table) -> None:
    key = next(iter(table.primary_key.columns))
    found = source.execute(select(table).order_by(key)).mappings()
    strict = in_postgres(target) and not in_postgres(source)
    for rows in found.partitions(AT_ONCE):
        cells = [_fitting(table, row) if strict else dict(row) for row in rows]
        target.execute(table.insert(), cells)
    tables.count_on(target, table.name, key.name)


def _fitting(table: Table, row: RowMapping) -> dict[str, Any]:
    """Return a row's cells as PostgreSQL takes them.

    Raises
    ------
    BadInput
        When one cannot stand in its column.
    """
    cells = dict(row)
    for name, value in cells.items():
        kind = table.columns[name].type
        if value is None:
            continue
        if isinstance(kind, Geom):
            cells[name] = _of_kind(value, kind.kind)
        fits = (
            cells[name] is not None if isinstance(kind, Geom)
            else isinstance(value, str) and "\0" not in value if isinstance(kind, Text)
            else isinstance(value, int | float) if isinstance(kind, Real)
            else value in INTEGERS if isinstance(kind, Integer)
            else True
        )  # fmt: skip
        if not fits:
            place = where(table.name, row) if "fid" in row else table.name
            raise BadInput("error.copy_row", where=place, column=name)
    return cells


def _of_kind(geometry: Any, kind: str) -> Any:
    """Return a geometry as a column of this kind takes it, None when that cannot be."""
    fitting = promote(geometry, kind)
    if kind in ("GEOMETRY", fitting.geom_type.upper()):
        return fitting
    return shapely.from_wkt(f"{kind} EMPTY") if geometry.is_empty else None
