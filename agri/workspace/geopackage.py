"""A farm's database as a GeoPackage: one file in the farm's folder, read and written by SQLite.

Theory of operation. The standard ``sqlite3``. Every connection gets the
GeoPackage functions, a write-ahead log (WAL: readers and one writer do not wait for each other),
``synchronous=FULL`` (what is acknowledged survives a power cut), 30 s of patience with other
writers, and ``trusted_schema`` (the R-tree triggers call our functions). A writer says BEGIN
IMMEDIATE: it waits for its turn before it reads. A reader sees the snapshot that WAL gives it.
SQLite's own waiting looks less and less often, so that who has waited long meets a writer who has
just come: of two that write all the time, one in a hundred waited 88 ms. Ours looks every few
milliseconds.

Each transaction opens its own connection and closes it (about 2 ms). Python's ``sqlite3`` and GDAL
each carry their own SQLite. When two SQLites in one program have the same file open, closing it in
one drops the locks of the other, for the system forgets all locks of a program on a file when any
handle of it is closed (measured: a kept connection beside GDAL reads in the same program, while
others wrote, saw a torn file). Without kept connections GDAL (geopandas, pyogrio) may read the farm
between our calls. Only another thread must not do so meanwhile; it has `Workspace.frame`.

QGIS may set the log mode back when it closes the file; each connection sets it again, and goes on
without when another program holds the file just then.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from agri import files
from agri.errors import StoreError
from agri.findings import Finding
from agri.workspace import gpkg
from agri.workspace.database import WRITES, Database

BUSY_S = 30.0
"""How long a writer waits for another one."""
SOON_S, LOOK_S, LOOK_LATER_S = 1.0, 0.002, 0.02
"""So long a writer looks whether it is its turn about this often, and then about that often."""

_SENTENCES = {
    sqlite3.SQLITE_BUSY: "error.store_busy",
    sqlite3.SQLITE_LOCKED: "error.store_busy",
    sqlite3.SQLITE_FULL: "error.disk_full",
    sqlite3.SQLITE_READONLY: "error.not_permitted",
    sqlite3.SQLITE_PERM: "error.not_permitted",
    sqlite3.SQLITE_AUTH: "error.not_permitted",
    sqlite3.SQLITE_CANTOPEN: "error.not_permitted",
    sqlite3.SQLITE_CORRUPT: "error.store_corrupt",
    sqlite3.SQLITE_NOTADB: "error.store_corrupt",
}


def sentence(error: BaseException, path: Path) -> StoreError:
    """Return the sentence for a database error met at `path`.

    Examples
    --------
    >>> sentence(sqlite3.DatabaseError("odd"), Path("farm.gpkg")).message.key
    'error.disk'
    """
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(cause, OSError) and not isinstance(cause, sqlite3.Error):
        return files.store_error(cause, path)
    code = getattr(cause, "sqlite_errorcode", None)
    key = _SENTENCES.get(code & 0xFF) if isinstance(code, int) else None
    if key is None:
        return StoreError("error.disk", path=str(path), reason=str(cause))
    return StoreError(key, path=str(path))


def prepare(connection: sqlite3.Connection, *, busy_s: float = BUSY_S) -> None:
    """Give a fresh connection the functions and settings every connection to a farm has."""
    connection.isolation_level = None
    gpkg.register_functions(connection)
    connection.execute(f"PRAGMA busy_timeout = {int(busy_s * 1000)}")
    connection.execute("PRAGMA trusted_schema = ON")
    connection.execute("PRAGMA foreign_keys = ON")
    try:
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_READONLY):
            raise
    connection.execute("PRAGMA synchronous = FULL")


class GeoPackage(Database):
    """One GeoPackage, opened for reading and writing.

    Parameters
    ----------
    path : Path
        The file; it is never made by opening it.
    busy_s : float
        Patience with other writers, seconds.
    """

    errors = (DBAPIError, sqlite3.Error, OSError)

    def __init__(self, path: Path, *, busy_s: float = BUSY_S) -> None:
        self.path = path
        uri = f"{path.absolute().as_uri()}?mode=rw"

        def connect() -> sqlite3.Connection:
            connection = sqlite3.connect(uri, uri=True, timeout=busy_s, check_same_thread=False)
            try:
                prepare(connection, busy_s=busy_s)
            except BaseException:
                connection.close()
                raise
            return connection

        super().__init__(create_engine("sqlite://", creator=connect, poolclass=NullPool), str(path))
        event.listen(self.engine, "begin", partial(_begin, busy_s=busy_s))

    def sentence(self, error: Exception, *, ending: bool = False) -> StoreError:
        """Return the sentence for an error met at the file; SQLite always says if it did it."""
        del ending
        return sentence(error, self.path)

    @contextmanager
    def plain(self) -> Iterator[sqlite3.Connection]:
        """Lend the bare connection, outside any transaction (VACUUM, backup, pragmas)."""
        try:
            with self.engine.connect() as opened:
                yield _bare(opened)
        except self.errors as error:
            raise self.sentence(error) from error

    def damage(self, layers: Sequence[str]) -> list[Finding]:
        """Look at every page and index of the file, and at the R-trees of these layers."""
        findings: list[Finding] = []
        with self.plain() as connection:
            for (answer,) in connection.execute("PRAGMA integrity_check(5)").fetchall():
                if answer != "ok":
                    findings.append(Finding.error("finding.store_damaged", detail=answer))
            for layer in layers if not findings else ():
                tree = f"rtree_{layer}_geom"
                (answer,) = connection.execute("SELECT rtreecheck(?)", (tree,)).fetchone()
                (missing,) = connection.execute(
                    f"SELECT count(*) FROM {layer} WHERE geom NOTNULL AND NOT ST_IsEmpty(geom)"  # noqa: S608
                    f" AND fid NOT IN (SELECT id FROM {tree})"
                ).fetchone()
                if answer != "ok" or missing:
                    findings.append(Finding.error("finding.index_damaged", where=layer))
            if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
                findings.append(Finding.info("finding.not_wal"))
        return findings

    def save_to(self, path: Path) -> None:
        """Write all that is acknowledged, also what stands in the write-ahead log, into a file."""
        with self.plain() as connection:
            connection.execute("VACUUM INTO ?", (str(path),))
        with files.told(path), path.open("rb+") as file:
            os.fsync(file.fileno())

    def refill(self, saved: Path) -> None:
        """Write the pages of another GeoPackage into this one, in one transaction."""
        with closing(read_only(saved)) as old, self.plain() as connection:
            old.backup(connection)
        self.close()


@contextmanager
def new_file(path: Path) -> Iterator[GeoPackage]:
    """Give a new, empty file to fill; at the end it is on the disk, without a log beside it."""
    with files.told(path):
        path.touch(exist_ok=False)
    made = GeoPackage(path)
    try:
        yield made
        with made.plain() as bare:
            bare.execute("PRAGMA journal_mode = DELETE")
    finally:
        made.close()
    with files.told(path), path.open("rb+") as file:
        os.fsync(file.fileno())


def read_only(path: Path) -> sqlite3.Connection:
    """Open a file that nothing is to be changed in."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def _bare(connection: Connection) -> sqlite3.Connection:
    found: Any = connection.connection.dbapi_connection
    bare: sqlite3.Connection = found
    return bare


def _begin(connection: Connection, *, busy_s: float) -> None:
    if not connection.get_execution_options().get(WRITES, False):
        connection.exec_driver_sql("BEGIN")
        return
    bare = _bare(connection)
    bare.execute("PRAGMA busy_timeout = 0")
    _take_turn(bare, busy_s)
    bare.execute(f"PRAGMA busy_timeout = {int(busy_s * 1000)}")


def _take_turn(connection: sqlite3.Connection, busy_s: float) -> None:
    """Begin to write as soon as no other program does."""
    begun_s = time.monotonic()
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            waited_s = time.monotonic() - begun_s
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or waited_s >= busy_s:
                raise
            look_s = LOOK_S if waited_s < SOON_S else LOOK_LATER_S
            time.sleep(min(look_s * random.uniform(0.5, 1.5), busy_s - waited_s))  # noqa: S311
        else:
            return
