"""What is looked at and what is not: strangers' files, judged before anything is decoded.

Theory of operation
-------------------
A folder is walked without following a link, to a depth and a number of files that end. Every
regular file is told by its first bytes, never by its name; what is no image is passed over and
counted. An image's header says how large it is, and one that is larger than any camera's
(`MAX_PIXELS`, `MAX_SIDE`, `MAX_DECODED_BYTES`) is refused there, in milliseconds, whatever it
really holds. Side files (``.aux.xml``, ``.ovr``, ``.tfw``, ``.xmp``) are not opened.

A TIFF with GeoTIFF's keys is a map and goes another way (`imagery.intake.orthomosaic`); its
limits are those of `imagery.raster`. A DNG is passed over: drones write it beside the JPEG of the
same moment.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agri.errors import BadInput, NotFound
from agri.files import told
from agri.findings import Finding
from imagery.decoding.headers import Header, Unreadable, read_header
from imagery.raster.ortho import MAX_SIDE as ORTHO_SIDE

MAX_FILES = 50_000
DEEPEST = 8
"""Most folders below the one taken in."""
MAX_PIXELS = 110_000_000
"""A photo; the largest camera that flies over fields has 100 million."""
MAX_SIDE = 30_000
MAX_DECODED_BYTES = 350_000_000
MAX_FILE_BYTES = 400_000_000
MAX_MAP_SIDE = ORTHO_SIDE
"""An orthomosaic's side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A file that may be taken in.

    Parameters
    ----------
    path : Path
        Where it is.
    header : Header
        What it says of itself.
    """

    path: Path
    header: Header


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """What a folder holds.

    Parameters
    ----------
    photos, maps : tuple of Candidate
        Photos and orthomosaics, by name.
    findings : tuple of Finding
        What was refused or passed over.
    """

    photos: tuple[Candidate, ...] = ()
    maps: tuple[Candidate, ...] = ()
    findings: tuple[Finding, ...] = ()


def shown(path: Path) -> str:
    """Return a file's name fit for a sentence: short, without anything that does not print."""
    return "".join(c if c.isprintable() else "·" for c in path.name[:60])


def sort_folder(folder: Path) -> Sorted:
    """Return what a folder holds, each file judged by its header.

    Parameters
    ----------
    folder : Path
        Walked to the depth `DEEPEST`; links are not followed.

    Raises
    ------
    BadInput
        When it holds more than `MAX_FILES` files.
    """
    photos: list[Candidate] = []
    maps: list[Candidate] = []
    findings: list[Finding] = []
    passed = raw = 0
    for number, path in enumerate(_files(folder, findings)):
        if number >= MAX_FILES:
            raise BadInput("error.intake_files", path=str(folder), limit=MAX_FILES)
        judged = judge(path)
        if isinstance(judged, Finding):
            findings.append(judged)
        elif judged.header.raw:
            raw += 1
        elif judged.header.kind in ("jpeg", "tiff"):
            (maps if judged.header.placed else photos).append(judged)
        else:
            passed += 1
    if raw:
        findings.append(Finding.info("finding.photos_raw", count=raw))
    if passed:
        findings.append(Finding.info("finding.photos_passed_over", count=passed))
    return Sorted(photos=tuple(photos), maps=tuple(maps), findings=tuple(findings))


def _files(folder: Path, findings: list[Finding]) -> Iterator[Path]:
    """Yield the regular files of a folder and those below it, by name; links are told of."""
    with told(folder):
        for here, folders, names in os.walk(folder, followlinks=False):
            folders[:] = sorted(n for n in folders if not n.startswith((".", "__MACOSX")))
            if folders and len(Path(here).relative_to(folder).parts) >= DEEPEST:
                findings.append(Finding.warning("finding.photos_too_deep", where=shown(Path(here))))
                folders.clear()
            for name in [*folders]:
                if (Path(here) / name).is_symlink():
                    folders.remove(name)
                    findings.append(Finding.warning("finding.photo_link", where=name[:60]))
            for name in sorted(names):
                path = Path(here) / name
                if path.is_symlink():
                    findings.append(Finding.warning("finding.photo_link", where=shown(path)))
                elif path.is_file() and not name.startswith("."):
                    yield path


def judge(path: Path) -> Candidate | Finding:
    """Return a file with its header, or why it is refused.

    Parameters
    ----------
    path : Path
        A regular file.

    Returns
    -------
    Candidate or Finding
        Files that are no images are candidates of their own kind ("zip", "other").

    Raises
    ------
    StoreError
        When the disk will not give it.
    """
    where = shown(path)
    with told(path), path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            header = read_header(file)
        except Unreadable:
            return Finding.warning("finding.photo_damaged", where=where)
    if header.kind == "jp2":
        return Finding.warning("finding.photo_jp2", where=where)
    if header.kind in ("jpeg", "tiff") and not header.placed and not header.raw:
        too_wide = max(header.width, header.height) > MAX_SIDE
        too_many = header.width * header.height > MAX_PIXELS
        too_large = max(header.decoded_bytes, header.block_bytes) > MAX_DECODED_BYTES
        if too_wide or too_many or too_large or size > MAX_FILE_BYTES:
            return _too_large(header, where, MAX_PIXELS // 1_000_000)
    if header.placed and max(header.width, header.height) > MAX_MAP_SIDE:
        return _too_large(header, where, MAX_MAP_SIDE * MAX_MAP_SIDE // 1_000_000)
    return Candidate(path=path, header=header)


def _too_large(header: Header, where: str, limit_mp: int) -> Finding:
    return Finding.error(
        "finding.photo_too_large",
        where=where,
        width=header.width,
        height=header.height,
        limit_mp=limit_mp,
    )


def judged_file(path: Path) -> Candidate:
    """Return one named file with its header.

    Raises
    ------
    NotFound
        When there is no such file.
    BadInput
        When it is a link, no regular file, or refused.
    """
    with told(path):
        if not path.exists():
            raise NotFound("error.no_file", path=str(path))
        if not path.is_file():
            raise BadInput("error.not_a_file", path=str(path))
    judged = judge(path)
    if isinstance(judged, Finding):
        raise BadInput("error.intake_refused", because=judged.message, name=shown(path))
    return judged
