"""A whole farm copied to a new folder: into a GeoPackage of its own, or into PostgreSQL.

Theory of operation. The copy is made of one moment, in the order of `backups`: first the tables,
then the files they name, last the audit record, all beside the new folder's place; it gets its name
when everything is on the disk. The farm it was made of is not changed. A copy that fails takes its
schema out of the database again; one that is killed leaves at most a schema without a folder, which
`opening.farms_beside` shows.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from agri import audit, files
from agri.errors import BadInput, StoreError
from agri.workspace import backups, copying, opening
from agri.workspace.address import Address
from agri.workspace.database import Database

DATABASE_FILES = f"{opening.DATABASE}*"
OTHERS = (backups.FOLDER, "uploads")
"""Folders of a farm that its copy begins without."""


def copy_farm(
    database: Database, root: Path, target: Path, *, name: str, address: str = ""
) -> None:
    """Make a copy of a farm in a new or empty folder.

    Parameters
    ----------
    database : Database
        The farm's.
    root : Path
        Its folder.
    target : Path
        The copy's folder.
    name : str
        The farm's name, of which its schema's name is made.
    address : str
        The PostgreSQL database that shall hold the copy; "" makes it a GeoPackage.

    Raises
    ------
    BadInput
        When the folder is not empty, or a row cannot stand in PostgreSQL.
    StoreError
        When a disk or a database cannot do it; there is no copy then.
    """
    opening.take_empty(target)
    where, schema = (Address.read(address) if address else None), opening.schema_for(name)
    temporary = files.make_folder(files.temporary_beside(target.absolute()))
    filled = False
    try:
        if where is None:
            database.save_to(temporary / opening.DATABASE)
        else:
            _into(database, where, schema)
            filled = True
            opening.link(temporary, where, schema)
        with files.told(target):
            backups.copy_missing(root, temporary, _folders(root))
            _copy_loose(root, temporary)
        audit.copy_to(root, temporary)
        _publish(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        if filled and where is not None:
            _take_back(where, schema)
        raise


def _into(database: Database, where: Address, schema: str) -> None:
    from agri.workspace.postgis import new_farm

    with database.reading() as source, new_farm(where, schema) as made:
        copying.copy_farm(source, made)


def _take_back(where: Address, schema: str) -> None:
    from agri.workspace.postgis import drop_farm

    with suppress(StoreError):
        drop_farm(where, schema)


def _folders(root: Path) -> tuple[str, ...]:
    names = [entry.name for entry in root.iterdir() if entry.is_dir() and not entry.is_symlink()]
    return tuple(name for name in sorted(names) if name[0] != "." and name not in OTHERS)


def _copy_loose(root: Path, target: Path) -> None:
    """Copy the files directly in a farm's folder, without databases and the audit record."""
    for path in sorted(root.iterdir()):
        known = path.match(DATABASE_FILES) or path.name == opening.LINK or path.match("audit*")
        if path.is_file() and not path.is_symlink() and path.name[0] != "." and not known:
            files.copy_file(path, target / path.name)


def _publish(temporary: Path, target: Path) -> None:
    with files.told(target):
        try:
            target.rmdir()
            temporary.rename(target)
        except FileExistsError:
            raise BadInput("error.folder_not_empty", folder=str(target)) from None
        files.sync_folder(target.parent)
