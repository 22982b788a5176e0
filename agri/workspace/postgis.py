"""A farm's database as a schema of a PostgreSQL database with PostGIS, for many farms and users.

Theory of operation. A co-operative's or commune's farms share one database; each is a schema of its
own with the tables a GeoPackage would have (`postgis_tables`), so one farm can be dumped, copied or
given to a user alone. A farm is whatever schema holds a table ``agri_schema``: there is no list
that could say otherwise. Files (plans, flights, maps, the audit record) stay in the farm's folder
on the machine that serves it.

Transactions are REPEATABLE READ: a reader sees one moment. A writer first locks ``agri_schema``
against other writers of the farm, for at most `BUSY_S`; LOCK TABLE takes no snapshot, so what it
then reads is what the one before it wrote. Readers, and writers of other farms, wait for nobody.
COMMIT waits for the disk (``synchronous_commit``); `PostGIS.damage` tells when the server itself is
set to forget.

A few connections are kept, and asked whether they still live before each use: a server that was
started anew is not noticed. One that is lost in the middle has changed nothing, except when it is
lost at the very end: then nobody knows, and the sentence says so. A writer that is killed lets go
of everything, for the server sees its connection close.

SQLSTATE classes (PostgreSQL 15, appendix A) become the sentences of `_SENTENCES`. A refused
connection has no SQLSTATE: `_refused` looks at what libpq tells instead. PostgreSQL's words
stand in no sentence where they could hold more than what went wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoneFree

from agri.errors import BadInput, StoreError
from agri.files import store_error
from agri.findings import Finding
from agri.workspace import copying, postgis_tables
from agri.workspace.address import Address
from agri.workspace.database import WRITES, Database

BUSY_S = 30.0
"""How long a writer waits for another one."""
CONNECT_S = 10
KEPT, MOST = 2, 10
"""Connections kept, and most at once, of one program to one farm."""
DURABLE = ("fsync", "full_page_writes")
"""Settings of a server without which a power cut takes away what was acknowledged."""
SCHEMA = re.compile(r"farm_[a-z0-9_]{1,55}")
"""What a farm's schema may be called."""

_SENTENCES = {
    "55P03": "error.store_busy",  # lock_not_available
    "40001": "error.store_busy",  # serialization_failure: another program changed the same row
    "40P01": "error.store_busy",  # deadlock_detected
    "57014": "error.store_busy",  # query_canceled
    "53100": "error.disk_full",
    "53": "error.database_crowded",
    "42501": "error.database_forbidden",
    "25006": "error.database_forbidden",  # read_only_sql_transaction
    "28": "error.database_password",
    "3D": "error.database_missing",
    "3F": "error.not_a_farm",
    "42P01": "error.not_a_farm",  # undefined_table
    "XX001": "error.store_corrupt",
    "XX002": "error.store_corrupt",
    "08": "error.database_lost",
    "57P": "error.database_lost",
}
_LOST = "error.database_lost"
_SETTINGS = """SELECT to_regnamespace(quote_ident(%(schema)s)) IS NOT NULL, nspname,
    set_config('search_path', quote_ident(%(schema)s) || coalesce(', ' || quote_ident(nspname), ''),
        false),
    set_config('default_transaction_isolation', 'repeatable read', false),
    set_config('synchronous_commit', 'on', false), set_config('TimeZone', 'UTC', false),
    set_config('DateStyle', 'ISO', false), set_config('lock_timeout', %(patience)s, false)
    FROM (SELECT) AS one LEFT JOIN pg_extension ON extname = 'postgis'
    LEFT JOIN pg_namespace ON pg_namespace.oid = extnamespace"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFarm:
    """A farm that a database holds.

    Parameters
    ----------
    name : str
        The farm's.
    schema : str
        Where in the database it stands.
    """

    name: str
    schema: str


def driver() -> Any:
    """Return psycopg.

    Raises
    ------
    BadInput
        When the extra “postgis” is not installed.
    """
    try:
        import psycopg
    except ImportError:
        raise BadInput("error.extra_missing", library="psycopg", extra="postgis") from None
    return psycopg


class PostGIS(Database):
    """One farm in a PostgreSQL database, opened for reading and writing.

    Parameters
    ----------
    address : Address
        The database.
    schema : str
        The farm's schema; it is never made by opening it.
    busy_s : float
        Patience with other writers, seconds.

    Raises
    ------
    BadInput
        When psycopg is not installed, or the schema is none of a farm.
    """

    def __init__(self, address: Address, schema: str, *, busy_s: float = BUSY_S) -> None:
        if not SCHEMA.fullmatch(schema):
            raise BadInput("error.database_link", path=schema[:80])
        self.address, self.schema = address, schema
        self.errors = (SQLAlchemyError, driver().Error, OSError)
        engine = _engine(address, schema, busy_s=busy_s)
        event.listen(engine, "begin", _begin)
        super().__init__(engine, f"{address.shown} ({schema})")

    def sentence(self, error: Exception, *, ending: bool = False) -> StoreError:
        """Return the sentence for an error of the server or of the way to it."""
        return sentence(error, self.address, self.name, ending=ending)

    def damage(self, layers: Sequence[str]) -> list[Finding]:
        """Look whether the server keeps what it acknowledges, and every layer's spatial index."""
        findings: list[Finding] = []
        with self.reading() as connection:
            for setting in DURABLE:
                if connection.execute(text(f"SHOW {setting}")).scalar_one() == "off":
                    findings.append(Finding.warning("finding.server_forgets", setting=setting))
            findings += [
                Finding.error("finding.index_damaged", where=layer)
                for layer in layers
                if not _indexed(connection, layer)
            ]
        return findings

    def save_to(self, path: Path) -> None:
        """Write the farm's tables, as of one moment, into a new GeoPackage."""
        with self.reading() as connection:
            copying.save_to(connection, path)

    def refill(self, saved: Path) -> None:
        """Put what a GeoPackage holds in the place of the farm's tables, in one transaction."""
        with self.writing() as connection:
            postgis_tables.take_out(connection)
            copying.read_from(saved, connection)


_INDEXED = (
    "SELECT set_config('enable_seqscan', 'on', true)",
    "SELECT count(*) FROM {layer} WHERE NOT ST_IsEmpty(geom)",
    "SELECT set_config('enable_seqscan', 'off', true)",
    "SELECT count(*) FROM {layer} WHERE geom && ST_MakeEnvelope(-1e9, -1e9, 1e9, 1e9, 4326)",
    """SELECT count(*) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
        WHERE indrelid = '{layer}'::regclass AND indisvalid AND relname = '{layer}_geom'""",
)


def _indexed(connection: Connection, layer: str) -> bool:
    """Return whether a layer has its spatial index, and finds by it all that it holds."""
    _, held, _, found, valid = (
        connection.execute(text(statement.format(layer=layer))).scalar() for statement in _INDEXED
    )
    return valid == 1 and held == found


def _engine(address: Address, schema: str, *, busy_s: float = BUSY_S) -> Engine:
    psycopg = driver()
    from psycopg.types.string import TextLoader

    told = {"connect_timeout": CONNECT_S, "application_name": "agri", "keepalives_idle": 30,
            "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 30_000,
            **address.arguments()}  # fmt: skip

    def connect() -> Any:
        try:
            connection = psycopg.connect(autocommit=True, **told)
        except (psycopg.Error, OSError) as error:
            raise _refused(error, address) from error
        try:
            values = {"schema": schema, "patience": f"{int(busy_s * 1000)}ms"}
            there, postgis, *_ = connection.execute(_SETTINGS, values).fetchone()
            if postgis is None:
                raise StoreError("error.database_without_postgis", database=address.shown)
            if not there:
                raise StoreError("error.not_a_farm", path=f"{address.shown} ({schema})")
            for name in ("timestamptz", "date"):
                connection.adapters.register_loader(name, TextLoader)
            connection.autocommit = False
        except BaseException:
            connection.close()
            raise
        return connection

    return create_engine("postgresql+psycopg://", creator=connect, pool_pre_ping=True,
                         pool_size=KEPT, max_overflow=MOST - KEPT, pool_timeout=busy_s,
                         hide_parameters=True)  # fmt: skip


def _begin(connection: Connection) -> None:
    write = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql(
        "LOCK TABLE agri_schema IN SHARE ROW EXCLUSIVE MODE" if write
        else "SET TRANSACTION READ ONLY"
    )  # fmt: skip


def sentence(
    error: BaseException, address: Address, name: str, *, ending: bool = False
) -> StoreError:
    """Return the sentence for an error met at a database.

    Parameters
    ----------
    error : BaseException
        Of SQLAlchemy, psycopg or the system.
    address : Address
        The database.
    name : str
        What the farm's database is called.
    ending : bool
        Whether it came from the end of a writer's transaction, when nobody knows what became of it.
    """
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(cause, OSError):
        return store_error(cause, name)
    if isinstance(cause, NoneFree):
        return StoreError("error.database_crowded", database=address.shown)
    state = getattr(cause, "sqlstate", None) or ""
    tried = (state, state[:3], state[:2]) if state else ()
    key = next((_SENTENCES[part] for part in tried if part in _SENTENCES), None)
    if not state and isinstance(cause, driver().OperationalError):
        key = _LOST
    if key == _LOST and ending:
        return StoreError("error.database_unsure", database=address.shown)
    if key is None:
        reason = _words(cause)
        return StoreError("error.database", database=address.shown, reason=reason)
    return StoreError(key, path=name, database=address.shown)


def _refused(error: BaseException, address: Address) -> StoreError:
    """Return the sentence for a connection that did not come about; it has no SQLSTATE."""
    told, way = str(error), getattr(error, "pgconn", None)
    if re.search(r'database ".*" does not exist', told):
        return StoreError("error.database_missing", database=address.shown)
    asked = "fe_sendauth" in told or getattr(way, "needs_password", False)
    if asked or re.search(r'authentication failed|role ".*" does not exist', told):
        return StoreError("error.database_password", database=address.shown)
    return StoreError("error.database_unreachable", database=address.shown, reason=_words(error))


def _words(error: BaseException) -> str:
    """Return what a server said, in one line and without the statement it said it of."""
    diagnosis = getattr(error, "diag", None)
    told = getattr(diagnosis, "message_primary", None) or str(error)
    return next(iter(told.strip().splitlines()), type(error).__name__)[:200]


# ---------------------------------------------------------------- farms of a database


@contextmanager
def _whole(address: Address) -> Iterator[Connection]:
    """Lend a transaction in the database itself, in no farm's schema."""
    engine = _engine(address, "pg_catalog")
    try:
        with engine.connect() as connection, connection.begin():
            yield connection
    except (SQLAlchemyError, driver().Error, OSError) as error:
        raise sentence(error, address, address.shown) from error
    finally:
        engine.dispose()


def farms_in(address: Address) -> tuple[StoredFarm, ...]:
    """Return the farms of a database that its user may read, by name.

    Raises
    ------
    StoreError
        When the database cannot be reached or has no PostGIS.
    """
    with _whole(address) as connection:
        schemas = connection.execute(text(
            "SELECT nspname FROM pg_namespace JOIN pg_class ON relnamespace = pg_namespace.oid"
            " WHERE relname = 'agri_schema' AND relkind = 'r' AND nspname LIKE 'farm\\_%'"
            " AND has_schema_privilege(pg_namespace.oid, 'USAGE')"
        )).scalars().all()  # fmt: skip
        found = []
        for schema in filter(SCHEMA.fullmatch, schemas):
            query = text(f"SELECT name FROM {schema}.farm ORDER BY fid LIMIT 1")  # noqa: S608
            found.append(StoredFarm(name=connection.execute(query).scalar() or "", schema=schema))
    return tuple(sorted(found, key=lambda farm: (farm.name, farm.schema)))


@contextmanager
def new_farm(address: Address, schema: str) -> Iterator[Connection]:
    """Lend a transaction in a new schema; it is there, with what was put in, at the end or never.

    Raises
    ------
    StoreError
        When the database cannot take it.
    """
    if not SCHEMA.fullmatch(schema):
        raise BadInput("error.database_link", path=schema[:80])
    with _whole(address) as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
        path = connection.execute(text("SHOW search_path")).scalar_one()
        connection.execute(text(f"SET LOCAL search_path = {schema}, {path}"))
        yield connection


def drop_farm(address: Address, schema: str) -> None:
    """Take a farm's schema out of a database with all its tables; nothing brings it back."""
    if not SCHEMA.fullmatch(schema):
        raise BadInput("error.database_link", path=schema[:80])
    with _whole(address) as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
