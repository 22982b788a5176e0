"""The one way to the farm's database: short transactions, and plain sentences when they fail.

Theory of operation. SQLAlchemy Core on the standard ``sqlite3``. Every connection gets the
GeoPackage functions, a write-ahead log (WAL: readers and one writer do not wait for each other),
``synchronous=FULL`` (what is acknowledged survives a power cut), 30 s of patience with other
writers, and ``trusted_schema`` (the R-tree triggers call our functions). A writer says BEGIN
IMMEDIATE: it waits for its turn before it reads, so it can never find half-way that another was
first. A reader sees one moment of the farm for the length of its transaction.

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

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from agri.errors import StoreError
from agri.files import store_error
from agri.workspace import gpkg

BUSY_S = 30.0
"""How long a writer waits for another one."""

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
        return store_error(cause, path)
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


class Database:
    """One GeoPackage, opened for reading and writing.

    Parameters
    ----------
    path : Path
        The file; it is never made by opening it.
    busy_s : float
        Patience with other writers, seconds.
    """

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

        self._engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
        event.listen(self._engine, "begin", _begin)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read one moment of the farm.

        Raises
        ------
        StoreError
            When the database cannot be read.
        """
        with self._transaction(write=False) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Write in one transaction: all of it is on the disk when this returns, or none of it.

        Raises
        ------
        StoreError
            When the database cannot be written; what was there before is still there.
        """
        with self._transaction(write=True) as connection:
            yield connection

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[Connection]:
        try:
            with self._engine.connect() as opened:
                connection = opened.execution_options(agri_write=write)
                with connection.begin():
                    yield connection
        except (DBAPIError, sqlite3.Error, OSError) as error:
            raise sentence(error, self.path) from error

    @contextmanager
    def plain(self) -> Iterator[sqlite3.Connection]:
        """Lend the bare connection, outside any transaction (VACUUM, backup, pragmas)."""
        try:
            with self._engine.connect() as opened:
                yield _bare(opened)
        except (DBAPIError, sqlite3.Error, OSError) as error:
            raise sentence(error, self.path) from error

    def close(self) -> None:
        """Let go of what little is kept between transactions."""
        self._engine.dispose()


def _bare(connection: Connection) -> sqlite3.Connection:
    found: Any = connection.connection.dbapi_connection
    bare: sqlite3.Connection = found
    return bare


def _begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("agri_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
