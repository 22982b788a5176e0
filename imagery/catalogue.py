"""The farm's catalogue of imagery: a STAC catalogue in its folder, whole at every moment.

Theory of operation
-------------------
``imagery/catalog.json`` in the farm's folder lists the items; each lies in
``imagery/<name>/<name>.json`` and tells its files relative to itself (`imagery.stac`). Any STAC
program opens it, without a network, wherever the folder is copied to.

**Never a half product.** What is listed in ``catalog.json`` exists; what is not listed does not. To
add: the files are hashed, the item is written whole, and last the list is replaced in one step. To
remove: first the list, then the item. A crash between leaves at worst an item that nobody lists,
and the next `add` of that name writes over it. A file that is still being made (a hidden work
folder beside it, an empty file) is refused. One program at a time: a lock of the system's, which a
crash gives back.

**Every product traces to its photos.** Sources must be listed before what is made of them, so there
are no circles, and a product that others are made of cannot be removed before them. `trace` follows
the links down; `check` reads every item, follows every link and compares every file's bytes with
what was hashed. The files themselves are never touched.
"""

from __future__ import annotations

import hashlib
import math
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from pyproj import Transformer
from shapely.geometry import Polygon

from agri.errors import BadInput, NotFound, StoreError
from agri.files import inside, make_folder, read_json_limited, store_error, told, write_json
from agri.findings import Finding
from agri.locks import lock_soon
from imagery.bands import Band
from imagery.raster.index import is_index, piece_files
from imagery.raster.ortho import Ortho
from imagery.stac import FileFacts, Kind, Layer, Product, RasterPlace, item_of, product_from

FOLDER = "imagery"
LIST = "catalog.json"
UP = "../.."
TRIES, WAIT_S = 100, 0.1
CORNERS = 16
"""Points on each side of a raster that make its outline in degrees."""


def products(farm: Path) -> tuple[Product, ...]:
    """Return what a farm's catalogue lists, in the order in which it was added.

    Parameters
    ----------
    farm : Path
        The farm's folder; without a catalogue nothing is listed.

    Raises
    ------
    BadInput
        When the catalogue or an item cannot be read.
    """
    return tuple(product(farm, name) for name in _names(farm))


def product(farm: Path, name: str) -> Product:
    """Return one product.

    Raises
    ------
    NotFound
        When it is not listed.
    BadInput
        When its item cannot be read.
    """
    if name not in _names(farm):
        raise NotFound("error.no_product", name=name[:80])
    body = read_json_limited(_item(farm, name))
    return product_from(body if isinstance(body, dict) else {}, up=UP)


def trace(farm: Path, name: str) -> tuple[Product, ...]:
    """Return a product and everything it was made of, down to the photos; itself first.

    Raises
    ------
    NotFound
        When it, or a source, is not listed.
    """
    found: dict[str, Product] = {}
    ahead = [name]
    while ahead:
        here = ahead.pop(0)
        if here not in found:
            found[here] = product(farm, here)
            ahead += found[here].sources
    return tuple(found.values())


def file_facts(
    farm: Path, paths: Sequence[Path], progress: Callable[[float], None] | None = None
) -> tuple[FileFacts, ...]:
    """Return name, size and SHA-256 of finished files within a farm's folder.

    Raises
    ------
    BadInput
        When one is outside the folder, empty, hidden, or still being made.
    NotFound
        When one is not there.
    """
    facts = []
    root = farm.resolve()
    for done, path in enumerate(paths, start=1):
        whole = path if path.is_absolute() else farm / path
        if not whole.resolve().is_relative_to(root):
            raise BadInput("error.product_outside", name=path.name)
        name = whole.resolve().relative_to(root).as_posix()
        inside(farm, name)
        if not whole.is_file():
            raise NotFound("error.no_file", path=name)
        half = whole.with_name(f".{whole.name}.work").exists() or whole.name.startswith(".")
        if half or whole.stat().st_size == 0:
            raise BadInput("error.product_half", name=name)
        facts.append(_facts(whole, name))
        if progress:
            progress(done / len(paths))
    return tuple(facts)


def _facts(path: Path, name: str) -> FileFacts:
    with told(path), path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return FileFacts(name=name, size=file.tell(), sha256=digest)


def ortho_product(
    farm: Path,
    ortho: Ortho,
    *,
    name: str,
    kind: Kind,
    start: datetime,
    end: datetime | None = None,
    **told_too: Any,
) -> Product:
    """Return the product of an opened orthomosaic or index: its place, bands and file as it is.

    Parameters
    ----------
    farm : Path
        The farm's folder, in which the file lies.
    ortho : Ortho
        From `imagery.raster.open_ortho`.
    name, kind, start, end
        As in `Product`.
    **told_too
        Other parts of `Product`: sources, flight, panel, software…

    Raises
    ------
    BadInput, NotFound
        As `file_facts`.
    """
    layers = tuple(
        Layer(band=band or Band(name=f"layer {k + 1}"), dtype=ortho.dtypes[k],
              scale=ortho.scales[k], offset=ortho.offsets[k], nodata=ortho.nodata[k])
        for k, band in enumerate(ortho.bands)
        if k + 1 != ortho.alpha
    )  # fmt: skip
    place = RasterPlace(epsg=ortho.epsg, affine=ortho.affine, shape=(ortho.height, ortho.width))
    return Product(
        name=name, kind=kind, footprint=footprint(place), start=start, end=end or start,
        files=file_facts(farm, files_of(ortho.path)), layers=layers, place=place,
        gsd_m=_ground_m(place), **told_too,
    )  # fmt: skip


def files_of(path: Path) -> tuple[Path, ...]:
    """Return the files of a raster: its own, or an index and the pieces it tells of."""
    return (path, *piece_files(path)) if is_index(path) else (path,)


def footprint(place: RasterPlace) -> Polygon:
    """Return the outline of a raster in degrees.

    Examples
    --------
    >>> place = RasterPlace(epsg=4326, affine=(0.5, 0, 106, 0, -0.5, 22), shape=(2, 2))
    >>> footprint(place).bounds
    (106.0, 21.0, 107.0, 22.0)
    """
    rows, columns = place.shape
    along = np.linspace(0.0, 1.0, CORNERS + 1)[:-1]
    back = 1.0 - along
    zero, one = np.zeros(CORNERS), np.ones(CORNERS)
    column = np.concatenate([along, one, back, zero]) * columns
    row = np.concatenate([zero, along, one, back]) * rows
    a, b, c, d, e, f = place.affine
    turn = Transformer.from_crs(place.epsg, 4326, always_xy=True)
    lon, lat = turn.transform(a * column + b * row + c, d * column + e * row + f)
    return Polygon(np.column_stack([lon, lat]))


def _ground_m(place: RasterPlace) -> float | None:
    """Return a pixel's size in metres, None for rasters in degrees."""
    a, _, _, d, _, _ = place.affine
    side = math.hypot(a, d)
    return side if abs(place.affine[2]) > 360.0 or abs(place.affine[5]) > 360.0 else None


def add(farm: Path, new: Product) -> None:
    """List a product; on return it is on the disk.

    Parameters
    ----------
    farm : Path
        The farm's folder.
    new : Product
        With the facts of finished files (`file_facts`).

    Raises
    ------
    BadInput
        When the name is taken, a source is not listed, or a file is not as told.
    StoreError
        When it cannot be written; the catalogue is then as it was.
    """
    _list(farm, new, anew=False)


def _list(farm: Path, new: Product, *, anew: bool) -> None:
    with _locked(farm):
        names = _names(farm)
        if new.name in names and not anew:
            raise BadInput("error.product_known", name=new.name)
        if new.name in names:
            _judge_unneeded(farm, names, new.name)
            names.remove(new.name)
        absent = [source for source in new.sources if source not in names]
        if absent:
            raise BadInput("error.product_source", name=new.name, source=absent[0])
        for file in new.files:
            path = inside(farm, file.name)
            if not path.is_file() or path.stat().st_size != file.size:
                raise BadInput("error.product_half", name=file.name)
        make_folder(_item(farm, new.name).parent)
        write_json(_item(farm, new.name), item_of(new, up=UP))
        _write_list(farm, [*names, new.name])


def replace(farm: Path, new: Product) -> None:
    """List a product in the place of an older one of its name, if there is one, in one step.

    Raises
    ------
    BadInput, StoreError
        As `add`; the list is then as it was.
    """
    _list(farm, new, anew=True)


def remove(farm: Path, name: str) -> None:
    """Take a product off the list; its files stay.

    Raises
    ------
    NotFound
        When it is not listed.
    BadInput
        When another product was made of it.
    """
    with _locked(farm):
        names = _names(farm)
        if name not in names:
            raise NotFound("error.no_product", name=name[:80])
        _judge_unneeded(farm, names, name)
        _write_list(farm, [other for other in names if other != name])
        with suppress(OSError):
            shutil.rmtree(_item(farm, name).parent)


def _judge_unneeded(farm: Path, names: Sequence[str], name: str) -> None:
    """Refuse what takes a product away that another one was made of."""
    for other in names:
        if other != name and name in product(farm, other).sources:
            raise BadInput("error.product_needed", name=name, other=other)


def check(farm: Path, *, files: bool = True) -> tuple[Finding, ...]:
    """Return what is wrong with a catalogue: nothing, as a rule. Asks no network.

    Parameters
    ----------
    farm : Path
        The farm's folder.
    files : bool
        Whether to read every file and compare its SHA-256; otherwise its size alone.

    Raises
    ------
    BadInput
        When the list itself cannot be read.
    """
    found: list[Finding] = []
    names = _names(farm)
    before: set[str] = set()
    for name in names:
        try:
            one = product(farm, name)
        except (BadInput, NotFound, StoreError):
            found.append(Finding.error("finding.catalogue_item", where=name))
            continue
        found += [
            Finding.error("finding.catalogue_source", where=name, source=source)
            for source in one.sources
            if source not in before
        ]
        found += [finding for file in one.files for finding in _checked(farm, name, file, files)]
        before.add(name)
    return tuple(found)


def _checked(farm: Path, name: str, file: FileFacts, whole: bool) -> Iterator[Finding]:
    try:
        path = inside(farm, file.name)
        same = path.stat().st_size == file.size
        if same and whole:
            same = _facts(path, file.name).sha256 == file.sha256
    except (OSError, BadInput, StoreError):
        yield Finding.error("finding.catalogue_no_file", where=name, file=file.name)
        return
    if not same:
        yield Finding.error("finding.catalogue_changed", where=name, file=file.name)


def _item(farm: Path, name: str) -> Path:
    return inside(farm, f"{FOLDER}/{name}/{name}.json")


def _names(farm: Path) -> list[str]:
    """Return the names that the list has, in its order."""
    path = farm / FOLDER / LIST
    if not path.exists():
        return []
    body = read_json_limited(path)
    try:
        return [
            str(link["href"]).rpartition("/")[2].removesuffix(".json")
            for link in body["links"]
            if link["rel"] == "item"
        ]
    except (KeyError, TypeError, AttributeError):
        raise BadInput("error.catalogue_text", path=str(path)) from None


def _write_list(farm: Path, names: Sequence[str]) -> None:
    own = {"href": f"./{LIST}", "rel": "root", "type": "application/json"}
    items = [
        {"href": f"./{name}/{name}.json", "rel": "item", "type": "application/geo+json"}
        for name in names
    ]
    body = {
        "type": "Catalog", "id": "imagery", "stac_version": "1.1.0",
        "description": "Photos, orthomosaics, indices and what was made of them.",
        "links": [own, *items],
    }  # fmt: skip
    write_json(farm / FOLDER / LIST, body)


@contextmanager
def _locked(farm: Path) -> Iterator[None]:
    """Keep other programs from changing the list meanwhile."""
    folder = make_folder(farm / FOLDER)
    path = folder / ".lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
    except OSError as error:
        raise store_error(error, path) from error
    try:
        if not lock_soon(handle, tries=TRIES, wait_s=WAIT_S):
            raise StoreError("error.catalogue_busy")
        yield
    finally:
        os.close(handle)
