"""A farm's tables in PostgreSQL: its schema, spatial indexes, keys and rows that stay.

A farm is a schema of its own that holds the table ``agri_schema``; connections have it first in
their search path (`postgis`), so statements name tables without it. A layer gets a GiST index on
its geometry, its description as a comment, and a trigger that fills ``uid`` where another program
left it out, so a field drawn in QGIS has a stable key at once.
"""

from __future__ import annotations

from sqlalchemy import Connection, Table

_FILL = """CREATE FUNCTION agri_fill_uid() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.uid IS NULL OR NEW.uid = '' THEN NEW.uid := gen_random_uuid()::text; END IF;
    RETURN NEW; END $$"""
_KEEP = """CREATE FUNCTION agri_keep_rows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION USING MESSAGE = TG_ARGV[0], ERRCODE = 'restrict_violation'; END $$"""


def create_core(connection: Connection) -> None:
    """Make the functions that triggers of an empty schema call."""
    for statement in (_FILL, _KEEP):
        connection.exec_driver_sql(statement)


def create_layer(connection: Connection, table: Table, *, description: str) -> None:
    """Make a table with its index, comment and trigger; see `tables`."""
    table.create(connection)
    name = table.name
    comment = description.replace("'", "''")
    connection.exec_driver_sql(f"COMMENT ON TABLE {name} IS '{comment}'")
    if "geom" in table.c:
        connection.exec_driver_sql(f"CREATE INDEX {name}_geom ON {name} USING gist (geom)")
    if "uid" in table.c:
        connection.exec_driver_sql(
            f"CREATE TRIGGER agri_uid BEFORE INSERT ON {name} FOR EACH ROW"
            " EXECUTE FUNCTION agri_fill_uid()"
        )


def touch(connection: Connection, table: str) -> None:
    """Do nothing: PostgreSQL needs no note of what changed."""
    del connection, table


def keep_rows(connection: Connection, table: str, words: str) -> None:
    """Refuse, with these words, to change, delete or truncate the rows; see `tables`."""
    told = f"EXECUTE FUNCTION agri_keep_rows('{words}')"
    for event, each in (
        ("UPDATE", "FOR EACH ROW WHEN (OLD.uid <> '')"),
        ("DELETE", "FOR EACH ROW"),
        ("TRUNCATE", "FOR EACH STATEMENT"),
    ):
        connection.exec_driver_sql(
            f"CREATE TRIGGER agri_kept_{event.lower()} BEFORE {event} ON {table} {each} {told}"
        )


def columns_of(connection: Connection, table: str) -> tuple[str, ...]:
    """Return the names of a table's columns, none when there is no such table."""
    found = connection.exec_driver_sql(
        "SELECT attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
        " WHERE relnamespace = current_schema()::regnamespace AND relname = %s"
        " AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        (table,),
    )
    return tuple(str(row[0]) for row in found)


def count_on(connection: Connection, table: str, key: str) -> None:
    """Let new rows of a table be numbered after those that came with their numbers."""
    connection.exec_driver_sql(
        f"SELECT setval(pg_get_serial_sequence('{table}', '{key}'), max({key})) FROM {table}"  # noqa: S608
    )


def take_out(connection: Connection) -> None:
    """Take all tables and functions out of a farm's schema; rights given to them go too."""
    names = connection.exec_driver_sql(
        "SELECT quote_ident(relname) FROM pg_class"
        " WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'"
    ).scalars()
    for name in names.all():
        connection.exec_driver_sql(f"DROP TABLE {name} CASCADE")
    for function in ("agri_fill_uid", "agri_keep_rows"):
        connection.exec_driver_sql(f"DROP FUNCTION {function}")
