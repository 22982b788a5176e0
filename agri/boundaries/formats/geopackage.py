"""GeoPackages from outside: the feature tables, with nothing in the database set going.

Theory of operation
-------------------
A GeoPackage is a database, and a database can hold programs: views that never end, generated
columns, virtual tables. GDAL would run them on opening. So Python's own SQLite looks first, at a
copy in memory under a limit on its steps, and refuses a file that has any, R-trees excepted (they
are part of the format). Only then GDAL reads the feature tables, also from memory and read-only.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

from agri.boundaries.formats.gdal import read_layer
from agri.boundaries.outlines import MAX_FEATURES, OutlineFile, check_count, tidy_name
from agri.errors import BadInput

MAGIC = b"SQLite format 3\x00"
_MAX_LAYERS = 50
_STEPS = 2_000_000
_RTREE = re.compile(
    r"""CREATE\s+VIRTUAL\s+TABLE\s+("[^"]*"|`[^`]*`|\[[^\]]*\]|\w+)\s+USING\s+rtree\s*\(""",
    re.IGNORECASE,
)
_PROGRAM = re.compile(r"\bVIRTUAL\s+TABLE\b|\bGENERATED\b|\)\s*STORED\b|\bAS\s*\(", re.IGNORECASE)


def read_geopackage(data: bytes, *, file: str) -> tuple[OutlineFile, ...]:
    """Read every feature table of a GeoPackage.

    Parameters
    ----------
    data : bytes
        The database.
    file : str
        Its name, for error sentences.

    Raises
    ------
    BadInput
        When it is not a GeoPackage, holds views or other programs, or cannot be read.
    """
    # A database in WAL mode says so in bytes 18 and 19; a copy in memory has no WAL beside it.
    plain = data[:18] + b"\x01\x01" + data[20:] if data[18:20] == b"\x02\x02" else data
    try:
        layers = _feature_tables(plain, file)
    except (sqlite3.Error, ValueError, OverflowError, MemoryError):
        raise BadInput("error.boundary_unreadable", file=file) from None
    if not layers or len(layers) > _MAX_LAYERS:
        raise BadInput("error.geopackage_layers", file=file, count=len(layers), limit=_MAX_LAYERS)
    found = [read_layer(plain, layer, driver="GPKG", file=file) for layer in layers]
    check_count(sum(len(layer.outlines) for layer in found), file)
    return tuple(found)


def _feature_tables(data: bytes, file: str) -> list[str]:
    with closing(sqlite3.connect(":memory:")) as database:
        database.text_factory = lambda raw: raw.decode("utf-8", "replace")
        database.set_progress_handler(lambda: 1, _STEPS)
        database.deserialize(data)
        database.execute("PRAGMA trusted_schema = OFF")
        database.execute("PRAGMA query_only = ON")
        tables = set()
        for kind, name, text in database.execute("SELECT type, name, sql FROM sqlite_master"):
            told = text if isinstance(text, str) else ""
            if kind == "view" or (_PROGRAM.search(told) and not _is_allowed(kind, told)):
                raise BadInput(
                    "error.geopackage_program", file=file, name=tidy_name(str(name)[:40])
                )
            if kind == "table":
                tables.add(name)
        listed = database.execute(
            "SELECT table_name FROM gpkg_contents WHERE data_type = 'features' LIMIT ?",
            (MAX_FEATURES,),
        )
        return [name for (name,) in listed if name in tables]


def _is_allowed(kind: str, text: str) -> bool:
    return kind == "trigger" or _RTREE.match(text.strip()) is not None
