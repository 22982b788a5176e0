"""Numbered steps that bring an older farm's tables to today's.

The table ``agri_schema`` holds one row for each step done; the highest is the schema's version. A
new farm gets all tables at once and the current version. An older farm is first backed up by the
caller and then taken through the missing steps in one transaction: after a crash it is old or new,
never between. A newer farm is refused, since what this version does not know it could destroy.

To change the tables: change `layers`, raise the version by adding a `Step` here, and add the
old schema to the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, func, select

from agri import files
from agri.errors import StoreError
from agri.workspace import backups, job_tables, people_tables, tables
from agri.workspace.book_layers import APPLIED
from agri.workspace.columns import Real, write_time
from agri.workspace.database import Database
from agri.workspace.geopackage import new_file
from agri.workspace.layers import farm_table
from agri.workspace.note_layers import MAP_NOTES
from agri.workspace.paper_layers import EVERY_LAYER, PAPER_LAYERS
from agri.workspace.record_layers import RECORDS

FARM_DESCRIPTION = "Trang trại · The farm"
schema_table = Table(
    "agri_schema",
    MetaData(),
    Column("version", Integer, primary_key=True),
    Column("applied_utc", Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One change of the tables: the version it leads to, and what does it."""

    version: int
    change: Callable[[Connection], None]


def _add_applied(connection: Connection) -> None:
    """Version 2: what spray flights applied."""
    tables.create_layer(connection, APPLIED.table, description=APPLIED.description)


def _add_papers(connection: Connection) -> None:
    """Version 3: permits, licences, registrations, looks at the map."""
    for layer in PAPER_LAYERS:
        tables.create_layer(connection, layer.table, description=layer.description)


def _add_source(connection: Connection) -> None:
    """Version 4: where a flight's track is from."""
    connection.exec_driver_sql("ALTER TABLE flights ADD COLUMN source TEXT")


def _add_autopilots(connection: Connection) -> None:
    """Version 5: what a registered aircraft's autopilot tells of itself."""
    tables.add_columns(connection, "registrations", {"system": Integer, "board": Text})


def _add_tank(connection: Connection) -> None:
    """Version 6: what was read at the tank of a spray flight; NULL where nobody did."""
    names = ("tank_filled_l", "tank_left_l", "tank_used_l", "flow_share")
    tables.add_columns(connection, "applied", dict.fromkeys(names, Real))


def _add_records(connection: Connection) -> None:
    """Version 7: field records."""
    tables.create_layer(connection, RECORDS.table, description=RECORDS.description)


def _add_people(connection: Connection) -> None:
    """Version 8: people of the app, and what advisers said of plans."""
    people_tables.make_people(connection)


def _add_jobs(connection: Connection) -> None:
    """Version 9: background work."""
    job_tables.make(connection)


def _add_map_notes(connection: Connection) -> None:
    """Version 10: notes on maps."""
    tables.create_layer(connection, MAP_NOTES.table, description=MAP_NOTES.description)


def _add_read_tokens(connection: Connection) -> None:
    """Version 11: what lets programs of people read the farm."""
    people_tables.make_tokens(connection)


STEPS: tuple[Step, ...] = (
    Step(2, _add_applied),
    Step(3, _add_papers),
    Step(4, _add_source),
    Step(5, _add_autopilots),
    Step(6, _add_tank),
    Step(7, _add_records),
    Step(8, _add_people),
    Step(9, _add_jobs),
    Step(10, _add_map_notes),
    Step(11, _add_read_tokens),
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
    tables.create_core(connection)
    tables.create_layer(connection, farm_table, description=FARM_DESCRIPTION)
    for layer in EVERY_LAYER:
        tables.create_layer(connection, layer.table, description=layer.description)
    people_tables.make(connection)
    job_tables.make(connection)
    connection.execute(farm_table.insert().values(uid=uid, name=name, created_utc=now))
    schema_table.create(connection)
    _note(connection, current_version(), now)


def make_farm_file(path: Path, *, name: str, uid: str, now: datetime) -> None:
    """Make ``farm.gpkg`` beside its place and let it appear whole."""
    temporary = files.temporary_beside(path)
    try:
        with new_file(temporary) as file, file.writing() as connection:
            create_tables(connection, name=name, uid=uid, now=now)
        files.publish(temporary, path)
    finally:
        for leftover in temporary.parent.glob(f"{temporary.name}*"):
            with suppress(OSError):
                leftover.unlink()


def version_of(connection: Connection, place: str) -> int:
    """Return the version of a farm's tables.

    Raises
    ------
    StoreError
        When it is not a farm, or newer than this version of agri; `place` tells where it is.
    """
    version = None
    if tables.columns_of(connection, schema_table.name):
        version = connection.execute(select(func.max(schema_table.c.version))).scalar_one()
    if not isinstance(version, int):
        raise StoreError("error.not_a_farm", path=place)
    if version > current_version():
        raise StoreError("error.farm_newer", path=place, version=version, known=current_version())
    return version


def bring_up_to_date(database: Database, root: Path, *, now: datetime) -> int:
    """Take an older farm through the missing steps, after a backup; return how many there were.

    Raises
    ------
    StoreError
        When the file is not a farm or is newer; nothing is changed then.
    """
    with database.reading() as connection:
        version = version_of(connection, database.name)
    if version == current_version():
        return 0
    backups.backup(database, root, now=now)
    with database.writing() as connection:
        version = version_of(connection, database.name)
        missing = [step for step in STEPS if step.version > version]
        for step in missing:
            step.change(connection)
            _note(connection, step.version, now)
    return len(missing)


def _note(connection: Connection, version: int, now: datetime) -> None:
    connection.execute(
        schema_table.insert(), [{"version": version, "applied_utc": write_time(now)}]
    )
