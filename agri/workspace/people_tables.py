"""The tables of the farm's people, of their programs' tokens, and of what advisers said of plans.

They are tables of agri's own, not told to GeoPackage: QGIS does not offer them, so nobody edits a
password's hash by mistake. They travel with the farm's file and its backups; whoever holds the file
can try passwords against the hashes, which are made to be slow at that.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, Integer, Table, Text

from agri.workspace.columns import Instant
from agri.workspace.layers import metadata


def _table(name: str, *columns: Column[Any]) -> Table:
    return Table(
        name,
        metadata,
        Column("fid", Integer, primary_key=True),
        Column("uid", Text, unique=True, nullable=False),
        *columns,
        sqlite_autoincrement=True,
    )


PEOPLE = _table(
    "agri_people",
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("created_utc", Instant(), nullable=False),
)
REVIEWS = _table(
    "agri_reviews",
    Column("plan_uid", Text, nullable=False),
    Column("plan_digest", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("remark", Text, nullable=False),
    Column("reviewed_by", Text, nullable=False),
    Column("at_utc", Instant(), nullable=False),
)
TOKENS = _table(
    "agri_read_tokens",
    Column("person_uid", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", Text, unique=True, nullable=False),
    Column("created_utc", Instant(), nullable=False),
)


def make(connection: Connection) -> None:
    """Make the tables where they are not there yet."""
    make_people(connection)
    make_tokens(connection)


def make_people(connection: Connection) -> None:
    """Make the tables of people and of what advisers said, where they are not there yet."""
    for table in (PEOPLE, REVIEWS):
        table.create(connection, checkfirst=True)


def make_tokens(connection: Connection) -> None:
    """Make the table of what lets programs read, where it is not there yet."""
    TOKENS.create(connection, checkfirst=True)
