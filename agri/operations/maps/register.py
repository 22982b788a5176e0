"""Products told to the farm's catalogue, each with what it was made from.

Only what lies in the farm's folder can be listed. Photos stay on their card: what is listed of them
is a sheet (``…-photos.json``) with the name, size, SHA-256, place and time of each, so that a map
can be traced to the very files. An orthomosaic from elsewhere is named, with its hash, in the facts
of what was made of it.

A product made again takes the older one's file and place in the list, unless others were made of
the older one: then both stay, and the new one gets a number (`free_place`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import MultiPolygon, Polygon

from agri import __version__
from agri.files import read_json_limited, told, write_json
from agri.geo import LonLat
from agri.names import slug
from agri.operations.maps.shelf import Shelf
from agri.units import INDOCHINA_TIME
from imagery import catalogue
from imagery.intake import Intake
from imagery.photo import Photo
from imagery.raster import Ortho, open_ortho
from imagery.stac import Kind, Product

SOFTWARE = f"agri {__version__}"
NOON = time(12, tzinfo=INDOCHINA_TIME)
AROUND_DEG = 5e-4
"""Photos are taken to show about 50 m around them."""


def listed_of(shelf: Shelf, path: Path) -> Product | None:
    """Return the product that a file belongs to, the newest where several do; None for none."""
    if not _is_inside(shelf, path):
        return None
    assert shelf.farm is not None  # noqa: S101 - asked above
    name = path.resolve().relative_to(shelf.farm.folder.resolve()).as_posix()
    found = [one for one in catalogue.products(shelf.farm.folder)
             if name in {file.name for file in one.files}]  # fmt: skip
    return found[-1] if found else None


def free_place(shelf: Shelf, path: Path) -> Path:
    """Return where a product may be written: its own path, numbered if others need what is there.

    Parameters
    ----------
    shelf : Shelf
        Of a farm, else the path is free.
    path : Path
        From `Shelf.place`.
    """
    if not _is_inside(shelf, path):
        return path
    assert shelf.farm is not None  # noqa: S101 - asked above
    needed = {name for one in catalogue.products(shelf.farm.folder) for name in one.sources}
    stem, number = path.stem, 1
    while _name(path) in needed:
        number += 1
        path = path.with_name(f"{stem}-{number}{path.suffix}")
    return path


def list_raster(
    shelf: Shelf,
    path: Path,
    kind: Kind,
    *,
    made_of: Sequence[Path] = (),
    flown: date | None = None,
    **told_too: Any,
) -> str:
    """List a raster in the farm's catalogue.

    Parameters
    ----------
    shelf : Shelf
        Of a farm, else nothing is listed.
    path : Path
        The finished file.
    kind : Kind
        What it is.
    made_of : sequence of Path
        Files it was made from: those listed become its sources, the others are named with their
        hash.
    flown : date, optional
        When its ground was seen, where no listed source tells: else a file's own day.
    **told_too
        Other parts of `imagery.stac.Product`.

    Returns
    -------
    str
        The name in the catalogue, "" when nothing was listed.
    """
    if not _is_inside(shelf, path):
        return ""
    assert shelf.farm is not None  # noqa: S101 - asked above
    ortho = open_ortho(path)
    sources, facts, start, end = _origin(shelf, made_of, ortho)
    if flown is not None and not sources:
        start = end = datetime.combine(flown, NOON)
    new = catalogue.ortho_product(
        shelf.farm.folder, ortho, name=_name(path), kind=kind, start=start, end=end,
        sources=sources, software=SOFTWARE, facts={**told_too.pop("facts", {}), **facts},
        **told_too,
    )  # fmt: skip
    return _added(shelf.farm.folder, new)


def list_areas(
    shelf: Shelf,
    path: Path,
    kind: Kind,
    footprint: Polygon | MultiPolygon,
    *,
    made_of: Sequence[Path] = (),
    **told_too: Any,
) -> str:
    """List a file of areas, trees or changes in the farm's catalogue; as `list_raster`.

    `footprint` is its ground in degrees, or the photos' and rasters' that it was made from.
    """
    if not _is_inside(shelf, path):
        return ""
    assert shelf.farm is not None  # noqa: S101 - asked above
    sources, facts, start, end = _origin(shelf, made_of, None)
    new = Product(
        name=_name(path), kind=kind, footprint=footprint, start=start, end=end,
        files=catalogue.file_facts(shelf.farm.folder, [path]), sources=sources, software=SOFTWARE,
        facts={**told_too.pop("facts", {}), **facts}, **told_too,
    )  # fmt: skip
    return _added(shelf.farm.folder, new)


def list_photos(shelf: Shelf, intake: Intake, source: str) -> Path | None:
    """List a set of photos in the farm's catalogue and return its sheet, None outside a farm."""
    photos = [*intake.photos, *(p for c in intake.panel_captures for p in c.photos)]
    places = [photo.place for photo in photos if photo.place is not None]
    sheet = shelf.place(source, "photos", ".json")
    if not _is_inside(shelf, sheet) or not places:
        return None
    assert shelf.farm is not None  # noqa: S101 - asked above
    body = {"camera": intake.camera, "photos": [_row(photo) for photo in photos]}
    if sheet.exists() and listed_of(shelf, sheet) and read_json_limited(sheet) == body:
        return sheet
    sheet = free_place(shelf, sheet)
    write_json(sheet, body)
    times = sorted(photo.taken_utc for photo in photos if photo.taken_utc is not None)
    moment = _written(photos[0].path)
    new = Product(
        name=_name(sheet), kind="photos", footprint=_around(places),
        start=times[0] if times else moment, end=times[-1] if times else moment,
        files=catalogue.file_facts(shelf.farm.folder, [sheet]), software=SOFTWARE,
        facts={"camera": intake.camera, "count": float(len(photos))},
    )  # fmt: skip
    _added(shelf.farm.folder, new)
    return sheet


def _row(photo: Photo) -> dict[str, Any]:
    with told(photo.path), photo.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    return {
        "name": photo.name,
        "size": size,
        "sha256": digest,
        "lon_deg": photo.place.lon_deg if photo.place else None,
        "lat_deg": photo.place.lat_deg if photo.place else None,
        "taken_utc": photo.taken_utc.isoformat() if photo.taken_utc else None,
        "panel": photo.calibration_picture,
    }


def _around(places: Sequence[LonLat]) -> Polygon:
    hull = shapely.MultiPoint([(p.lon_deg, p.lat_deg) for p in places]).convex_hull
    area = hull.buffer(AROUND_DEG)
    assert isinstance(area, Polygon)  # noqa: S101 - a buffer round a hull is one
    return area


def _origin(
    shelf: Shelf, made_of: Sequence[Path], ortho: Ortho | None
) -> tuple[tuple[str, ...], dict[str, str], datetime, datetime]:
    """Return the sources' names, the facts of what is not listed, and when all of it was seen."""
    products = [(path, listed_of(shelf, path)) for path in made_of]
    sources = tuple(dict.fromkeys(one.name for _, one in products if one is not None))
    facts = {}
    for number, (path, one) in enumerate(products, 1):
        if one is None:
            with told(path), path.open("rb") as file:
                facts[f"input_{number}"] = path.name
                facts[f"input_{number}_sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
    known = [one for _, one in products if one is not None]
    if known:
        return sources, facts, min(o.start for o in known), max(o.end for o in known)
    oldest = made_of[0] if made_of else ortho.path if ortho is not None else shelf.folder
    moment = _written(oldest)
    return sources, facts, moment, moment


def _written(path: Path) -> datetime:
    with told(path):
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _name(path: Path) -> str:
    return slug(path.stem)


def _is_inside(shelf: Shelf, path: Path) -> bool:
    if shelf.farm is None:
        return False
    return path.resolve().is_relative_to(shelf.farm.folder.resolve())


def _added(farm: Path, new: Product) -> str:
    """Add a product, in the place of an older one of its name."""
    catalogue.replace(farm, new)
    return new.name
