"""The GeoPackage's own tables, and how a layer joins them.

From the OGC GeoPackage Encoding Standard 1.3 (12-128r17): ``application_id`` is "GPKG" and
``user_version`` 10300 (10400 would make older GDAL and QGIS warn); a layer is a table with an
integer ``fid``, a row in ``gpkg_contents`` and ``gpkg_geometry_columns``, and an R-tree kept in
step by the triggers of annex F.3.

The extent in ``gpkg_contents`` stays NULL, which the standard allows: readers then take it from the
R-tree, and it cannot go stale. A trigger fills ``uid`` where another program left it out, so a
field drawn in QGIS has a stable key at once. ``agri_schema`` is not told to GeoPackage, so QGIS
does not offer it.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Table

from agri.workspace.columns import Geom
from agri.workspace.gpkg import SRS_ID

APPLICATION_ID = 0x47504B47
"""ASCII "GPKG"."""
USER_VERSION = 10300
"""GeoPackage 1.3."""

_WGS84_WKT = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,'
    'AUTHORITY["EPSG","7030"]],AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,'
    'AUTHORITY["EPSG","8901"]],UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],'
    'AXIS["Latitude",NORTH],AXIS["Longitude",EAST],AUTHORITY["EPSG","4326"]]'
)

_CORE = (
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {USER_VERSION}",
    """CREATE TABLE gpkg_spatial_ref_sys (
        srs_name TEXT NOT NULL, srs_id INTEGER NOT NULL PRIMARY KEY, organization TEXT NOT NULL,
        organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT)""",
    """CREATE TABLE gpkg_contents (
        table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
        description TEXT DEFAULT '', last_change DATETIME NOT NULL
            DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
        min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER,
        CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id))""",
    """CREATE TABLE gpkg_geometry_columns (
        table_name TEXT NOT NULL, column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL,
        srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL,
        CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name),
        CONSTRAINT uk_gc_table_name UNIQUE (table_name),
        CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
        CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id))""",
    """CREATE TABLE gpkg_extensions (
        table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL,
        scope TEXT NOT NULL, CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name))""",
)

_SRS_ROWS = (
    ("Undefined Cartesian SRS", -1, "NONE", -1, "undefined", "undefined Cartesian system"),
    ("Undefined geographic SRS", 0, "NONE", 0, "undefined", "undefined geographic system"),
    ("WGS 84 geodetic", SRS_ID, "EPSG", SRS_ID, _WGS84_WKT, "longitude and latitude in degrees"),
)


def create_core(connection: Connection) -> None:
    """Make the tables every GeoPackage has, in an empty database."""
    for statement in _CORE:
        connection.exec_driver_sql(statement)
    for row in _SRS_ROWS:
        connection.exec_driver_sql(
            "INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)", row
        )


def create_layer(connection: Connection, table: Table, *, description: str) -> None:
    """Make a table, tell GeoPackage of it, and give its geometry, if any, an R-tree.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        Within a transaction.
    table : sqlalchemy.Table
        With columns ``fid``, ``uid`` and, for a map layer, ``geom``.
    description : str
        What the layer holds, for the people who open it.
    """
    table.create(connection)
    geom = table.c.geom.type if "geom" in table.c else None
    kind = geom.kind if isinstance(geom, Geom) else None
    connection.exec_driver_sql(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)"
        " VALUES (?, ?, ?, ?, ?)",
        (
            table.name,
            "features" if kind else "attributes",
            table.name,
            description,
            SRS_ID if kind else None,
        ),
    )
    if kind:
        connection.exec_driver_sql(
            "INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', ?, ?, 0, 0)",
            (table.name, kind, SRS_ID),
        )
        connection.exec_driver_sql(
            "INSERT INTO gpkg_extensions VALUES (?, 'geom', 'gpkg_rtree_index',"
            " 'http://www.geopackage.org/spec130/#extension_rtree', 'write-only')",
            (table.name,),
        )
        for statement in rtree_statements(table.name):
            connection.exec_driver_sql(statement)
    if "uid" in table.c:
        connection.exec_driver_sql(_uid_trigger(table.name))


def _uid_trigger(table: str) -> str:
    """Return the trigger that gives a row drawn in another program a random (version 4) UUID."""
    parts = (
        "hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2)"
        " || '-' || substr('89AB', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2)"
        " || '-' || hex(randomblob(6))"
    )
    fill = f"UPDATE {table} SET uid = lower({parts}) WHERE fid = NEW.fid;"  # noqa: S608
    return (
        f"CREATE TRIGGER agri_uid_{table} AFTER INSERT ON {table}"
        f" WHEN NEW.uid IS NULL OR NEW.uid = '' BEGIN {fill} END"
    )


def rtree_statements(table: str) -> Iterable[str]:
    """Return the R-tree and its six triggers of annex F.3 for column ``geom`` of `table`.

    The third update trigger is the corrected one: it watches every column, since a change of the
    row's own number alone must move the entry too.
    """
    tree = f"rtree_{table}_geom"
    there = "(NEW.geom NOTNULL AND NOT ST_IsEmpty(NEW.geom))"
    gone = "(NEW.geom ISNULL OR ST_IsEmpty(NEW.geom))"
    bounds = "ST_MinX(NEW.geom), ST_MaxX(NEW.geom), ST_MinY(NEW.geom), ST_MaxY(NEW.geom)"
    put = f"INSERT OR REPLACE INTO {tree} VALUES (NEW.fid, {bounds});"  # noqa: S608 - our names
    drop = f"DELETE FROM {tree} WHERE id = OLD.fid;"  # noqa: S608
    both = f"DELETE FROM {tree} WHERE id IN (OLD.fid, NEW.fid);"  # noqa: S608
    stays, moves = "OLD.fid = NEW.fid", "OLD.fid != NEW.fid"
    triggers = (
        ("insert", "INSERT", there, put),
        ("update1", "UPDATE OF geom", f"{stays} AND {there}", put),
        ("update2", "UPDATE OF geom", f"{stays} AND {gone}", drop),
        ("update3", "UPDATE", f"{moves} AND {there}", f"{drop} {put}"),
        ("update4", "UPDATE", f"{moves} AND {gone}", both),
        ("delete", "DELETE", "OLD.geom NOT NULL", drop),
    )
    return (
        f"CREATE VIRTUAL TABLE {tree} USING rtree(id, minx, maxx, miny, maxy)",
        *(
            f"CREATE TRIGGER {tree}_{name} AFTER {event} ON {table} WHEN {when} BEGIN {act} END"
            for name, event, when, act in triggers
        ),
    )


def touch(connection: Connection, table: str) -> None:
    """Note in ``gpkg_contents`` that a layer changed, and leave its extent to the R-tree."""
    connection.exec_driver_sql(
        "UPDATE gpkg_contents SET last_change = strftime('%Y-%m-%dT%H:%M:%fZ','now'),"
        " min_x = NULL, min_y = NULL, max_x = NULL, max_y = NULL WHERE table_name = ?",
        (table,),
    )


def keep_rows(connection: Connection, table: str, words: str) -> None:
    """Refuse, with these words, to change or delete the rows of a table; see `tables`."""
    for event, when in (
        ("UPDATE", "WHEN OLD.uid NOT NULL AND OLD.uid != ''"),
        ("DELETE", ""),
    ):
        connection.exec_driver_sql(
            f"CREATE TRIGGER agri_kept_{table}_{event.lower()} BEFORE {event} ON {table} {when}"
            f" BEGIN SELECT RAISE(ABORT, '{words}'); END"
        )


def columns_of(connection: Connection, table: str) -> tuple[str, ...]:
    """Return the names of a table's columns, none when there is no such table."""
    return tuple(row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({table})"))


def count_on(connection: Connection, table: str, key: str) -> None:
    """Do nothing: SQLite numbers new rows after the highest there ever was."""
    del connection, table, key
