"""A farm's tables, made and asked about in a GeoPackage or in PostgreSQL alike.

Theory of operation. Tables are defined once (`layers`, `book_layers`, `paper_layers`,
`record_layers`, `people_tables`) and a connection knows which database it is to; here one way of
asking leads to the statements of either: those of a GeoPackage are in `gpkg_tables`, those of
PostGIS in `postgis_tables`. Steps of `migrations` use this room and plain SQL that both understand,
so a step is written once.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from sqlalchemy import Column, Connection, Table
from sqlalchemy.types import TypeEngine

from agri.workspace import gpkg_tables, postgis_tables
from agri.workspace.columns import in_postgres

KEEP = "agri_keep"
"""Entry of a table's ``info``: rows may be added but neither changed nor deleted, in other programs
too, and this is what who tries it is told (without quotation marks). One change is let through: the
key of a row that another program wrote without one."""


def _room(connection: Connection) -> ModuleType:
    return postgis_tables if in_postgres(connection) else gpkg_tables


def create_core(connection: Connection) -> None:
    """Make what an empty database needs before the first layer."""
    _room(connection).create_core(connection)


def create_layer(connection: Connection, table: Table, *, description: str) -> None:
    """Make the table of a layer, with a spatial index, that gives rows drawn elsewhere a key.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        Within a transaction.
    table : sqlalchemy.Table
        With columns ``fid``, ``uid`` and, for a map layer, ``geom``.
    description : str
        What the layer holds, for the people who open it in other programs.
    """
    _room(connection).create_layer(connection, table, description=description)
    if KEEP in table.info:
        _room(connection).keep_rows(connection, table.name, table.info[KEEP])


def touch(connection: Connection, table: str) -> None:
    """Note that a layer changed, where the database keeps such notes."""
    _room(connection).touch(connection, table)


def count_on(connection: Connection, table: str, key: str) -> None:
    """Let new rows of a table be numbered after those that came with their numbers in `key`."""
    _room(connection).count_on(connection, table, key)


def columns_of(connection: Connection, table: str) -> tuple[str, ...]:
    """Return the names of a table's columns in order, none when there is no such table."""
    names: tuple[str, ...] = _room(connection).columns_of(connection, table)
    return names


def add_columns(
    connection: Connection, table: str, columns: Mapping[str, type[TypeEngine[Any]]]
) -> None:
    """Add those columns that a table lacks.

    A farm that got the table by an earlier step of the same run has them all: that step makes
    today's table.
    """
    there = columns_of(connection, table)
    for name, kind in columns.items():
        if name not in there:
            spelt = Column(name, kind()).type.compile(connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {name} {spelt}")
