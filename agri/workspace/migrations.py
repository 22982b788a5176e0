"""Numbered steps that bring an older farm's tables to today's.

The table ``agri_schema`` holds one row for each step done; the highest is the schema's version. A
new farm gets all tables at once and the current version. An older farm is first backed up by the
caller and then taken through the missing steps in one transaction: after a crash it is old or new,
never between. A newer farm is refused, since what this version does not know it could destroy.

To change the tables: change `layers`, raise the version by adding a `Step` here, and add the
old schema to the tests.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from agri import files
from agri.errors import StoreError
from agri.workspace import backups, gpkg_tables, job_tables, people_tables
from agri.workspace.book_layers import APPLIED
from agri.workspace.database import Database
from agri.workspace.gpkg import write_time
from agri.workspace.layers import farm_table
from agri.workspace.paper_layers import EVERY_LAYER, PAPER_LAYERS
from agri.workspace.record_layers import RECORDS, keep_rows


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the tables: the version it leads to, and what does it."""

    version: int
    change: Callable[[Connection], None]


def _add_applied(connection: Connection) -> None:
    """Version 2: what spray flights applied."""
    gpkg_tables.create_layer(connection, APPLIED.table, description=APPLIED.description)


def _add_papers(connection: Connection) -> None:
    """Version 3: permits, licences, registrations, looks at the map."""
    for layer in PAPER_LAYERS:
        gpkg_tables.create_layer(connection, layer.table, description=layer.description)


def _add_source(connection: Connection) -> None:
    """Version 4: where a flight's track is from."""
    connection.exec_driver_sql("ALTER TABLE flights ADD COLUMN source TEXT")


def _add_autopilots(connection: Connection) -> None:
    """Version 5: what a registered aircraft's autopilot tells of itself."""
    _add_columns(connection, "registrations", {"system": "INTEGER", "board": "TEXT"})


def _add_tank(connection: Connection) -> None:
    """Version 6: what was read at the tank of a spray flight; NULL where nobody did."""
    names = ("tank_filled_l", "tank_left_l", "tank_used_l", "flow_share")
    _add_columns(connection, "applied", dict.fromkeys(names, "REAL"))


def _add_records(connection: Connection) -> None:
    """Version 7: field records."""
    gpkg_tables.create_layer(connection, RECORDS.table, description=RECORDS.description)
    keep_rows(connection)


def _add_people(connection: Connection) -> None:
    """Version 8: people of the app, and what advisers said of plans."""
    people_tables.make(connection)


def _add_jobs(connection: Connection) -> None:
    """Version 9: background work."""
    job_tables.make(connection)


def _add_columns(connection: Connection, table: str, columns: dict[str, str]) -> None:
    """Add those columns that a table lacks.

    A farm that got the table by an earlier step of the same run has them all: that step makes
    today's table.
    """
    there = {row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({table})")}
    for name, kind in columns.items():
        if name not in there:
            connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")


STEPS: tuple[Step, ...] = (
    Step(2, _add_applied),
    Step(3, _add_papers),
    Step(4, _add_source),
    Step(5, _add_autopilots),
    Step(6, _add_tank),
    Step(7, _add_records),
    Step(8, _add_people),
    Step(9, _add_jobs),
)
"""Steps after the first schema, version 1, in order."""


def current_version(steps: Sequence[Step] | None = None) -> int:
    """Return the version that all steps lead to.

    Examples
    --------
    >>> current_version(())
    1
    """
    known = STEPS if steps is None else steps
    return known[-1].version if known else 1


def create_tables(connection: Connection, *, name: str, uid: str, now: datetime) -> None:
    """Make today's tables in an empty database and enter the farm's name."""
    gpkg_tables.create_core(connection)
    gpkg_tables.create_layer(connection, farm_table, description="Trang trại · The farm")
    for layer in EVERY_LAYER:
        gpkg_tables.create_layer(connection, layer.table, description=layer.description)
    if RECORDS in EVERY_LAYER:
        keep_rows(connection)
    people_tables.make(connection)
    job_tables.make(connection)
    connection.execute(farm_table.insert().values(uid=uid, name=name, created_utc=now))
    connection.exec_driver_sql(
        "CREATE TABLE agri_schema (version INTEGER PRIMARY KEY, applied_utc TEXT NOT NULL)"
    )
    _note(connection, current_version(), now)


def make_farm_file(path: Path, *, name: str, uid: str, now: datetime) -> None:
    """Make ``farm.gpkg`` beside its place and let it appear whole."""
    temporary = files.temporary_beside(path)
    try:
        with files.told(path):
            temporary.touch(exist_ok=False)
        database = Database(temporary)
        with database.writing() as connection:
            create_tables(connection, name=name, uid=uid, now=now)
        with database.plain() as bare:
            bare.execute("PRAGMA journal_mode = DELETE")
        database.close()
        with files.told(path), temporary.open("rb+") as file:
            os.fsync(file.fileno())
        files.publish(temporary, path)
    finally:
        for leftover in temporary.parent.glob(f"{temporary.name}*"):
            with suppress(OSError):
                leftover.unlink()


def version_of(connection: Connection, path: Path) -> int:
    """Return the version of a farm's tables.

    Raises
    ------
    StoreError
        When the file is not a farm, or newer than this version of agri.
    """
    found = connection.exec_driver_sql(
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'agri_schema'"
    ).scalar_one()
    if not found:
        raise StoreError("error.not_a_farm", path=str(path))
    version = connection.exec_driver_sql("SELECT max(version) FROM agri_schema").scalar_one()
    if not isinstance(version, int):
        raise StoreError("error.not_a_farm", path=str(path))
    if version > current_version():
        raise StoreError(
            "error.farm_newer", path=str(path), version=version, known=current_version()
        )
    return version


def bring_up_to_date(database: Database, root: Path, *, now: datetime) -> int:
    """Take an older farm through the missing steps, after a backup; return how many there were.

    Raises
    ------
    StoreError
        When the file is not a farm or is newer; nothing is changed then.
    """
    with database.reading() as connection:
        version = version_of(connection, database.path)
    if version == current_version():
        return 0
    backups.backup(database, root, now=now)
    with database.writing() as connection:
        version = version_of(connection, database.path)
        missing = [step for step in STEPS if step.version > version]
        for step in missing:
            step.change(connection)
            _note(connection, step.version, now)
    return len(missing)


def _note(connection: Connection, version: int, now: datetime) -> None:
    connection.exec_driver_sql("INSERT INTO agri_schema VALUES (?, ?)", (version, write_time(now)))
