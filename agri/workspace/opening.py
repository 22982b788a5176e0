"""Which database a farm folder's farm is in, and how a folder becomes a farm.

Theory of operation. A folder is a farm by what it holds: ``farm.gpkg``, the farm itself, or
``farm.postgis``, which names the PostgreSQL database and the schema that hold it, without a
password. It never holds both, for then nobody knew which is the farm. Who opens a farm may give the
address anew, with a password; it must be the same database.

A new farm in PostgreSQL is made with all its tables in one transaction; the file that names it
comes after. A crash in between leaves a farm without a folder, which `attach` gives one.
"""

from __future__ import annotations

import secrets
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agri import files
from agri.errors import BadInput, NotFound
from agri.names import label, slug
from agri.workspace import migrations
from agri.workspace.address import Address
from agri.workspace.database import Database
from agri.workspace.geopackage import GeoPackage

if TYPE_CHECKING:
    from agri.workspace.postgis import StoredFarm

DATABASE = "farm.gpkg"
LINK = "farm.postgis"


def now_utc() -> datetime:
    """Return the time by this computer's clock."""
    return datetime.now(UTC)


def random_uid() -> str:
    """Return a key that nothing else has."""
    return str(uuid.uuid4())


def is_farm(folder: Path) -> bool:
    """Return whether a folder is a farm's."""
    return (folder / DATABASE).is_file() or (folder / LINK).is_file()


def farm_around(start: Path) -> Path | None:
    """Return the farm's folder that `start` is, or the nearest above it; None when none is."""
    for folder in (start, *start.parents):
        with suppress(OSError):
            if is_farm(folder):
                return folder
    return None


def database_of(folder: Path, address: str = "") -> Database:
    """Return the database that a farm's folder means, not asked for anything yet.

    Parameters
    ----------
    folder : Path
        The farm's.
    address : str
        How to open a PostgreSQL database, when not as the folder tells.

    Raises
    ------
    NotFound
        When the folder is no farm's.
    BadInput
        When it means two databases, or another one than `address`.
    """
    with files.told(folder):
        held = [name for name in (DATABASE, LINK) if (folder / name).is_file()]
    if not held:
        raise NotFound("error.no_farm", folder=str(folder))
    if len(held) > 1:
        raise BadInput("error.two_databases", folder=str(folder))
    if held == [DATABASE]:
        if address:
            raise BadInput("error.farm_in_file", folder=str(folder))
        return GeoPackage(folder / DATABASE)
    kept, schema = linked(folder)
    from agri.workspace.postgis import PostGIS

    return PostGIS(kept.with_secret_of(Address.read(address)) if address else kept, schema)


def linked(folder: Path) -> tuple[Address, str]:
    """Return the database and schema that a farm's folder names.

    Raises
    ------
    BadInput
        When its file cannot be read.
    """
    told = files.read_json_limited(folder / LINK)
    try:
        return Address.read(str(told["database"])), str(told["schema"])
    except (TypeError, LookupError, BadInput):
        raise BadInput("error.database_link", path=str(folder / LINK)) from None


def make(folder: Path, *, name: str, uid: str, now: datetime, address: str = "") -> None:
    """Make a new farm in a new or empty folder, in a GeoPackage or in PostgreSQL.

    Raises
    ------
    BadInput
        When the folder holds a farm already, or other files (hidden ones do not count), or the
        name is empty.
    StoreError
        When the disk or the database cannot take it.
    """
    if not label(name):
        raise BadInput("error.farm_without_name")
    take_empty(folder)
    if not address:
        migrations.make_farm_file(folder / DATABASE, name=label(name), uid=uid, now=now)
        return
    from agri.workspace.postgis import new_farm

    where, schema = Address.read(address), schema_for(name)
    with new_farm(where, schema) as connection:
        migrations.create_tables(connection, name=label(name), uid=uid, now=now)
    link(folder, where, schema)


def schema_for(name: str) -> str:
    """Return a new schema's name, made of a farm's name and chance."""
    return f"farm_{slug(name, longest=40).replace('-', '_')}_{secrets.token_hex(4)}"


def attach(folder: Path, address: str, schema: str) -> None:
    """Make an empty folder that of a farm which a database holds already."""
    take_empty(folder)
    link(folder, Address.read(address), schema)


def link(folder: Path, address: Address, schema: str) -> None:
    """Write into a folder where its farm is, without the password."""
    files.write_json(folder / LINK, {"database": address.shown, "schema": schema})


def take_empty(folder: Path) -> None:
    """Make a folder where there is none; refuse one in a farm, or that holds a farm or other files.

    A farm is found from the folders in it, the nearest first: a farm inside another one would be
    found there in its stead.

    Raises
    ------
    BadInput
        When it is refused; nothing is made then.
    """
    whole = folder.resolve()
    outer = farm_around(whole.parent)
    if outer is not None and not is_farm(whole):
        raise BadInput("error.farm_inside_farm", folder=str(folder), outer=str(outer))
    files.make_folder(folder)
    with files.told(folder):
        if is_farm(folder):
            raise BadInput("error.farm_exists", folder=str(folder))
        if any(not entry.name.startswith(".") for entry in folder.iterdir()):
            raise BadInput("error.folder_not_empty", folder=str(folder))


def farms_beside(base: Path, address: str) -> tuple[tuple[StoredFarm, Path | None], ...]:
    """Return the farms of a database, and of each the folder at `base` or in it that is its own.

    Raises
    ------
    StoreError
        When the database cannot be reached.
    """
    from agri.workspace.postgis import farms_in

    where = Address.read(address)
    folders: dict[str, Path] = {}
    with files.told(base):
        for folder in (base, *sorted(entry for entry in base.iterdir() if entry.is_dir())):
            if not (folder / LINK).is_file():
                continue
            kept, schema = linked(folder)
            if kept.same_place(where):
                folders.setdefault(schema, folder)
    return tuple((farm, folders.get(farm.schema)) for farm in farms_in(where))
