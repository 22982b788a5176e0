"""The farm folder: start one, bring boundary files in, list what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from agri.errors import NotFound
from agri.field import Field
from agri.findings import Finding
from agri.names import same
from agri.operations.field_doubts import overlaps
from agri.operations.obstacles import add_obstacles, new_ones
from agri.workspace import Workspace, opening

if TYPE_CHECKING:
    from agri.workspace.postgis import StoredFarm

LONGEST_NAME = 80
"""Letters that the forms give a field's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What came out of a boundary file and is now in the farm.

    Parameters
    ----------
    fields : tuple of Field
        Fields added, with their keys.
    others : int
        Obstacles, pads, sensitive sites and no-fly zones added.
    findings : tuple of Finding
        What was repaired or passed over.
    """

    fields: tuple[Field, ...]
    others: int
    findings: tuple[Finding, ...]


def start_farm(folder: Path, *, name: str = "", database: str = "") -> Workspace:
    """Make `folder` a farm, named after the folder when no name is given.

    Its tables stand in a file of the folder, or in the PostgreSQL `database` at an address. The
    farm is known by its whole path, so that a relative one finds its files too.
    """
    whole = folder.resolve()
    return Workspace.create(whole, farm_name=name or whole.name, database=database)


def farms_of(database: str, beside: Path) -> tuple[tuple[StoredFarm, Path | None], ...]:
    """Return the farms of a database, each with its folder in `beside` where it has one there."""
    return opening.farms_beside(beside, database)


def open_all(database: str, beside: Path) -> tuple[tuple[Workspace, ...], tuple[StoredFarm, ...]]:
    """Open every farm of a database that has its folder in `beside`; return those without too.

    Raises
    ------
    NotFound
        When none has.
    StoreError
        When the database cannot be reached, or one of the farms cannot be opened.
    """
    found = farms_of(database, beside)
    opened: list[Workspace] = []
    try:
        for _, folder in found:
            if folder is not None:
                opened.append(Workspace.open(folder, database=database))
    except BaseException:
        for farm in opened:
            farm.close()
        raise
    if not opened:
        raise NotFound("error.no_farm_folders", folder=str(beside.resolve()), count=len(found))
    return tuple(opened), tuple(farm for farm, folder in found if folder is None)


def attach_farm(folder: Path, *, schema: str, database: str) -> Workspace:
    """Give a farm that a database holds an empty folder for its files, and open it.

    Raises
    ------
    NotFound
        When the database holds no such farm.
    """
    found = farms_of(database, folder.resolve().parent) if folder.resolve().parent.is_dir() else ()
    if schema not in {farm.schema for farm, _ in found}:
        raise NotFound("error.no_farm_schema", schema=schema[:80],
                       names=", ".join(farm.schema for farm, _ in found) or "–")  # fmt: skip
    opening.attach(folder, database, schema)
    return Workspace.open(folder, database=database)


def import_boundaries(
    farm: Workspace,
    files: Sequence[Path],
    *,
    province: str = "Quảng Ninh",
    crs_epsg: int | None = None,
    name: str | None = None,
    unattended: bool = False,
) -> Imported:
    """Read boundary files into the farm; a file that is refused leaves the farm as it was.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    files : sequence of Path
        GeoJSON, KML, KMZ, zipped Shapefile, GeoPackage, WKT or certificate CSV.
    province : str
        Whose VN-2000 zone a certificate uses.
    crs_epsg : int, optional
        Coordinate system of files that do not tell theirs.
    name : str, optional
        Name for a file's only field.
    unattended : bool
        Whether nobody is there to mend a file, and this may have been cut off half-way before. What
        is in the farm already, alike in all, is then not added a second time, and a field whose
        name is taken there gets a number after it; without it, it is refused.

    Returns
    -------
    Imported
        What was added and what was found.

    Raises
    ------
    BadInput
        When a file or a feature cannot be used.
    StoreError
        When the farm cannot be written.
    """
    from agri.boundaries import read_boundaries

    read = [
        read_boundaries(file, province=province, crs_epsg=crs_epsg, name=name) for file in files
    ]
    fields: list[Field] = []
    others = 0
    findings = [finding for content in read for finding in content.findings]
    there = farm.farm_with_findings()[0] if unattended else None
    for content in read:
        new = new_ones(content.fields, there.fields if there else ())
        if there is not None:
            new = _numbered(new, (*there.fields, *fields), findings)
        fields += farm.add_fields(new)
        others += len(add_obstacles(farm, content.obstacles, there.obstacles if there else ()))
        sites = new_ones(content.sensitive_sites, there.sensitive_sites if there else ())
        others += len(farm.add_sensitive_sites(sites))
        others += len(farm.add_pads(new_ones(content.pads, there.pads if there else ())))
        zones = new_ones(content.no_fly_zones, there.no_fly_zones if there else ())
        others += len(farm.add_no_fly_zones(zones))
    findings += overlaps(fields, farm.farm_with_findings()[0].fields)
    return Imported(fields=tuple(fields), others=others, findings=tuple(findings))


def _numbered(
    fields: Sequence[Field], there: Sequence[Field], findings: list[Finding]
) -> list[Field]:
    """Return fields under free names, without those that got a number before the work was cut."""
    taken = {same(one.name) for one in there}
    used = taken | {same(one.name) for one in fields}
    kept = []
    for field in fields:
        name, alike = field.name, [replace(one, uid="", name=field.name) for one in there]
        numbered = [same(one.name).startswith(f"{same(name)} (") for one in there]
        if any(was and one == field for was, one in zip(numbered, alike, strict=True)):
            continue
        if same(name) in taken:
            findings.append(Finding.warning("finding.name_doubled", name))
            stem = name[: LONGEST_NAME - 6]
            name = next(free for number in count(2)
                        if same(free := f"{stem} ({number})") not in used)  # fmt: skip
            used.add(same(name))
        kept.append(replace(field, name=name))
    return kept
