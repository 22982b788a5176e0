"""Backups: a moment of the farm beside it, and the way back to it.

Theory of operation. A backup is a folder, ``backups/farm-<utc>``, that is itself a farm: it holds
all that cannot be made again (the database, plans, flights, launches, and the audit record with
those set aside before it) and opens like any other, also copied to a stick. Reports are left out,
for they are drawn anew.

What is taken first decides whether the parts fit together, while others go on writing. The
database comes first, as of one moment (`Database.save_to`): it holds all that is acknowledged, also
what still stands in a write-ahead log, which a plain copy would lack. It is a GeoPackage whatever
the farm's own database is. Files are written before the row that names
them, so every row of that moment has its files a moment later. The audit comes last and under its
writers' lock: it is one whole chain, and it tells of every flight the database knows. The folder
gets its name when all of it is on the disk.

A finished flight's files never change, and are large: they are linked rather than copied where the
disk can do so. All others are copied.

Going back puts the backup's content into the open database in one transaction, after a backup of
what was there, and puts back files that are gone; files that are there stay. The audit is never
taken back: it tells what was done since, too. Only one that is missing or broken is replaced
(`agri.audit.bring_back`).
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from agri import audit, files
from agri.errors import StoreError
from agri.workspace import flightbook, flightlog, planbook, tokens
from agri.workspace.database import Database
from agri.workspace.geopackage import read_only

FOLDER = "backups"
KEPT = 10
DATABASE = "farm.gpkg"
HELD = (planbook.FOLDER, flightbook.FOLDER, tokens.FOLDER)
"""Folders of the farm that a backup holds."""


def backup(database: Database, root: Path, *, now: datetime) -> Path:
    """Write a backup and return its folder; only the last `KEPT` stay."""
    folder = files.make_folder(root / FOLDER)
    stamp = f"farm-{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03d}"
    names = (f"{stamp}{tail}" for tail in ("", *(f"_{n:02d}" for n in range(1, 100))))
    target = next(folder / name for name in names if not (folder / name).exists())
    temporary = files.make_folder(files.temporary_beside(target))
    try:
        database.save_to(temporary / DATABASE)
        with files.told(target):
            copy_missing(root, temporary)
        audit.copy_to(root, temporary)
        with files.told(target):
            temporary.rename(target)
            files.sync_folder(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    for old in sorted(folder.glob("farm-*"))[:-KEPT]:
        with suppress(OSError):
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    return target


def copy_missing(source: Path, target: Path, folders: Sequence[str] = HELD) -> None:
    """Copy those folders' files that are not there yet; link those that never change."""
    for name in folders:
        if not (source / name).is_dir():
            continue
        files.make_folder(target / name)
        touched = {target / name}
        for path in _files(source / name):
            copy = target / path.relative_to(source)
            if copy.exists():
                continue
            files.make_folder(copy.parent)
            touched.add(copy.parent)
            if not (_never_changes(path) and _linked(path, copy)):
                _copied(path, copy)
        for folder in touched:
            files.sync_folder(folder)


def _files(folder: Path) -> Iterator[Path]:
    """Give every file below a folder but hidden ones, which are not anything yet."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not path.is_symlink() and not any(p[0] == "." for p in parts):
            yield path


def _never_changes(path: Path) -> bool:
    """Return whether a file is of a flight that nobody records any more."""
    flight = path.parent
    return flight.parent.name == flightbook.FOLDER and not flightlog.is_live(flight)


def _linked(path: Path, copy: Path) -> bool:
    try:
        os.link(path, copy)
    except OSError:
        return False
    return True


def _copied(path: Path, copy: Path) -> None:
    """Copy a file, unless it has gone meanwhile: what is moved is found where it went."""
    try:
        files.copy_file(path, copy)
    except StoreError:
        if path.exists():
            raise


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
        The backup: a folder, or a database alone as older versions of agri made them.
    newest_version : int
        The newest version of the tables that can be used.
    now : datetime
        For the name of the backup made first.

    Raises
    ------
    StoreError
        When the backup is damaged, not a farm, or of a newer agri; nothing is changed then.
    """
    saved = source / DATABASE if source.is_dir() else source
    try:
        with closing(read_only(saved)) as old:
            whole = old.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            (version,) = old.execute("SELECT max(version) FROM agri_schema").fetchone()
    except sqlite3.Error as error:
        raise StoreError("error.backup_unusable", path=str(source)) from error
    if not whole or not isinstance(version, int) or version > newest_version:
        raise StoreError("error.backup_unusable", path=str(source))
    before = backup(database, root, now=now)
    if source.is_dir():
        with files.told(root):
            copy_missing(source, root)
        audit.bring_back(root, source, at_utc=now)
    database.refill(saved)
    return before
