"""A zip of photos, unpacked within limits into a folder of its own.

Theory of operation
-------------------
The directory is judged before a byte is unpacked: how many members, how large they claim to be in
all and each, how much they would grow, whether the disk has the room, and whether one is a link,
encrypted, or named to climb out. A member that begins as neither JPEG nor TIFF is left in the
archive. Reading is bounded by the claimed size, so a lying header gains nothing, and every
member's checksum is tested; a damaged one is told of and left out, the others stay good.

A name becomes a path through `agri.files.inside` only. A file that is already there with the
same size and checksum is not unpacked again, so an interrupted intake goes on where it stopped.
"""

from __future__ import annotations

import lzma
import os
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from agri.errors import BadInput
from agri.files import inside, make_folder, temporary_beside, told
from agri.findings import Finding
from imagery.intake.guard import MAX_FILE_BYTES, MAX_FILES, shown

MAX_TOTAL_BYTES = 200_000_000_000
MAX_GROWTH = 200
"""A member of over a megabyte that grows more than this many times is taken for a bomb."""
MAX_GROWTH_IN_ALL = 30
"""Photos are packed at 1 to 3 : 1; members that share their bytes grow like this all together."""
_IMAGES = (b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, RuntimeError,
    ValueError, KeyError, IndexError, OverflowError, NotImplementedError,
)  # fmt: skip


def unpack(
    path: Path, into: Path, progress: Callable[[float], None] | None = None
) -> tuple[Finding, ...]:
    """Unpack the photos of a zip archive.

    Parameters
    ----------
    path : Path
        The archive.
    into : Path
        Folder for its photos, made if it is not there.
    progress : callable, optional
        Told the share done, 0 to 1.

    Returns
    -------
    tuple of Finding
        Members that are damaged or of impossible name.

    Raises
    ------
    BadInput
        When it is not a sound archive or goes beyond the limits above.
    StoreError
        When the disk will not take it.
    """
    findings: list[Finding] = []
    name = shown(path)
    try:
        with told(path), zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not _is_aside(entry)]
            _judge(entries, name, path.stat().st_size)
            make_folder(into)
            _judge_room(entries, into, name)
            for done, entry in enumerate(entries, 1):
                finding = _member(archive, entry, into)
                findings += [finding] if finding else []
                if progress:
                    progress(done / len(entries))
    except _BROKEN:
        raise BadInput("error.archive_broken", file=name) from None
    return tuple(findings)


def _is_aside(entry: zipfile.ZipInfo) -> bool:
    last = entry.filename.replace("\\", "/").rpartition("/")[2]
    return entry.is_dir() or entry.filename.startswith("__MACOSX/") or last.startswith(".")


def _judge(entries: list[zipfile.ZipInfo], name: str, packed_bytes: int) -> None:
    """Refuse the archive for what its directory says."""
    if len(entries) > MAX_FILES:
        raise BadInput("error.intake_files", path=name, limit=MAX_FILES)
    total = sum(entry.file_size for entry in entries)
    grown = total > 1_000_000 and total > MAX_GROWTH_IN_ALL * packed_bytes
    if total > MAX_TOTAL_BYTES or grown:
        raise BadInput("error.intake_bomb", name=name)
    for entry in entries:
        parts = entry.filename.replace("\\", "/").split("/")
        climbs = ".." in parts or parts[0] == "" or ":" in entry.filename
        if climbs or stat.S_ISLNK(entry.external_attr >> 16):
            raise BadInput("error.archive_path", file=name)
        if entry.flag_bits & 0x1:
            raise BadInput("error.archive_encrypted", file=name)
        grows = entry.file_size > MAX_GROWTH * max(entry.compress_size, 1)
        if entry.file_size > 1_000_000 and grows:
            raise BadInput("error.intake_bomb", name=name)


def _judge_room(entries: list[zipfile.ZipInfo], into: Path, name: str) -> None:
    with told(into):
        free = shutil.disk_usage(into).free
    need = sum(entry.file_size for entry in entries if entry.file_size <= MAX_FILE_BYTES)
    if need > 0.95 * free:
        raise BadInput("error.intake_room", name=name, need_gb=need / 1e9, free_gb=free / 1e9)


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, into: Path) -> Finding | None:
    """Unpack one member; say what kept it from being unpacked."""
    label = shown(Path(entry.filename.replace("\\", "/")))
    if entry.file_size > MAX_FILE_BYTES:
        return Finding.warning("finding.photo_member", where=label)
    try:
        target = inside(into, entry.filename.replace("\\", "/"))
    except BadInput:
        return Finding.warning("finding.photo_member", where=label)
    if _taken(target, into):
        return Finding.warning("finding.photo_member", where=label)
    if _there(target, entry):
        return None
    try:
        with archive.open(entry) as source:
            head = source.read(12)
            if head.startswith(_IMAGES):
                _write(target, head, source)
    except _BROKEN:
        return Finding.warning("finding.photo_damaged", where=label)
    return None


def _taken(target: Path, into: Path) -> bool:
    """Return whether a folder has the file's name, or a file the name of one of its folders."""
    with told(target):
        above = target.parents[: len(target.relative_to(into).parts) - 1]
        return target.is_dir() or any(path.exists() and not path.is_dir() for path in above)


def _there(target: Path, entry: zipfile.ZipInfo) -> bool:
    """Return whether the member has been unpacked before, whole."""
    with told(target):
        if not target.is_file() or target.stat().st_size != entry.file_size:
            return False
        checksum = 0
        with target.open("rb") as file:
            while piece := file.read(1 << 20):
                checksum = zlib.crc32(piece, checksum)
        return checksum == entry.CRC


def _write(target: Path, head: bytes, source: IO[bytes]) -> None:
    make_folder(target.parent)
    temporary = temporary_beside(target)
    try:
        with told(target):
            with temporary.open("xb") as file:
                file.write(head)
                shutil.copyfileobj(source, file, 1 << 20)
            os.replace(temporary, target)  # noqa: PTH105 - the system call is what is meant
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
