"""Care of the farm folder: backups, going back to one, and looking whether all is well.

A backup is one file made by ``VACUUM INTO``: it holds all that is acknowledged, also what still
stands in the write-ahead log, which a plain copy of ``farm.gpkg`` would lack. Going back writes the
backup's pages into the open database in one transaction, after a backup of what was there.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from agri import audit, files
from agri.errors import AgriError, StoreError
from agri.findings import Finding
from agri.names import same
from agri.workspace import flightbook, flightlog, planbook
from agri.workspace.database import Database
from agri.workspace.paper_layers import EVERY_LAYER
from agri.workspace.records import Outcome

FOLDER = "backups"
KEPT = 10


def backup(database: Database, root: Path, *, now: datetime) -> Path:
    """Write a backup and return its path; only the last `KEPT` stay."""
    folder = files.make_folder(root / FOLDER)
    stamp = f"farm-{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03d}"
    names = (f"{stamp}{tail}.gpkg" for tail in ("", *(f"_{n:02d}" for n in range(1, 100))))
    target = next(folder / name for name in names if not (folder / name).exists())
    temporary = files.temporary_beside(target)
    try:
        with database.plain() as connection:
            connection.execute("VACUUM INTO ?", (str(temporary),))
        with files.told(target):
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, target)  # noqa: PTH105 - the system call is what is meant
            files.sync_folder(folder)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    for old in sorted(folder.glob("farm-*.gpkg"))[:-KEPT]:
        with suppress(OSError):
            old.unlink()
    return target


def restore(
    database: Database, root: Path, source: Path, *, newest_version: int, now: datetime
) -> Path:
    """Go back to a backup; return the backup made of what was there before.

    Parameters
    ----------
    database : Database
        The farm's, which gets the backup's content.
    root : Path
        The farm folder.
    source : Path
        The backup.
    newest_version : int
        The newest version of the tables that can be used.
    now : datetime
        For the name of the backup made first.

    Raises
    ------
    StoreError
        When the backup is damaged, not a farm, or of a newer agri; nothing is changed then.
    """
    try:
        with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as old:
            whole = old.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            (version,) = old.execute("SELECT max(version) FROM agri_schema").fetchone()
            if not whole or not isinstance(version, int) or version > newest_version:
                raise StoreError("error.backup_unusable", path=str(source))
            before = backup(database, root, now=now)
            with database.plain() as connection:
                old.backup(connection)
    except sqlite3.Error as error:
        raise StoreError("error.backup_unusable", path=str(source)) from error
    database.close()
    return before


def check(database: Database, root: Path) -> list[Finding]:
    """Look at everything: the database's pages and indexes, every row, every file, the audit."""
    findings = _check_pages(database)
    if not findings:
        findings += _check_rows(database) + _check_files(database, root)
    findings += audit.verify(root).findings
    leftovers = [path for path in root.rglob(f".*{files.TEMPORARY}") if path.name[0] == "."]
    if leftovers:
        findings.append(Finding.info("finding.leftover_files", count=len(leftovers)))
    return findings


def _check_pages(database: Database) -> list[Finding]:
    findings: list[Finding] = []
    with database.plain() as connection:
        for (answer,) in connection.execute("PRAGMA integrity_check(5)").fetchall():
            if answer != "ok":
                findings.append(Finding.error("finding.store_damaged", detail=answer))
        mapped = [layer for layer in EVERY_LAYER if "geom" in layer.table.c]
        for layer in mapped if not findings else ():
            tree = f"rtree_{layer.name}_geom"
            (answer,) = connection.execute("SELECT rtreecheck(?)", (tree,)).fetchone()
            (missing,) = connection.execute(
                f"SELECT count(*) FROM {layer.name} WHERE geom NOTNULL AND NOT ST_IsEmpty(geom)"  # noqa: S608
                f" AND fid NOT IN (SELECT id FROM {tree})"
            ).fetchone()
            if answer != "ok" or missing:
                findings.append(Finding.error("finding.index_damaged", where=layer.name))
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            findings.append(Finding.info("finding.not_wal"))
    return findings


def _check_rows(database: Database) -> list[Finding]:
    findings: list[Finding] = []
    with database.reading() as connection:
        for layer in EVERY_LAYER:
            values, found = layer.read(connection)
            findings += found
            if layer.name in ("fields", "pads"):
                names = [same(value.name) for value in values]
                twice = sorted({name for name in names if names.count(name) > 1})
                findings += [
                    Finding.warning("finding.name_twice", where=layer.name, name=name)
                    for name in twice
                ]
    return findings


def _check_files(database: Database, root: Path) -> list[Finding]:
    findings: list[Finding] = []
    for plan in planbook.stored_plans(database, every=True):
        try:
            planbook.read(database, root, plan)
        except AgriError as error:
            findings.append(Finding.error("finding.file", where=plan.name, reason=error.message))
    for flight in flightbook.stored_flights(database, root):
        try:
            flightlog.read_record(flightbook.folder_of(root, flight))
        except AgriError as error:
            findings.append(
                Finding.error("finding.file", where=flight.folder, reason=error.message)
            )
        if flight.outcome is Outcome.UNFINISHED:
            findings.append(Finding.warning("finding.flight_unfinished", where=flight.folder))
    return findings
