"""Zip archives from outside, opened in memory and within limits.

Theory of operation
-------------------
Nothing is unpacked to disk and no member's name is ever used as a path. Before any member is
read the directory is judged: how many members, how large they claim to be, how much they would
grow, and whether one is a link, encrypted, or named to climb out of a folder. Reading is bounded
by the claimed size, so a lying header gains nothing. Members of other kinds than asked for, and
archives within the archive, are not opened.
"""

from __future__ import annotations

import io
import lzma
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass

from agri.errors import BadInput

MAX_MEMBERS = 500
MAX_TOTAL_BYTES = 100_000_000
MAX_GROWTH = 200
"""A member of over a megabyte that grows more than this many times is taken for a bomb."""

_BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, RuntimeError,
    ValueError, KeyError, IndexError, OverflowError, NotImplementedError,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file of an archive.

    Parameters
    ----------
    stem, suffix : str
        Its name without folders, and its ending in lower case (".shp"); labels only.
    data : bytes
        Its content.
    """

    stem: str
    suffix: str
    data: bytes


def read_members(data: bytes, *, file: str, suffixes: frozenset[str]) -> tuple[Member, ...]:
    """Return the members with the given endings, in the archive's order.

    Parameters
    ----------
    data : bytes
        The archive.
    file : str
        Its name, for error sentences.
    suffixes : frozenset of str
        Endings wanted, lower case with the dot.

    Raises
    ------
    BadInput
        When it is not a sound archive, or goes beyond the limits above.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found = [entry for entry in archive.infolist() if not _is_aside(entry)]
            if len(found) > MAX_MEMBERS:
                raise BadInput("error.archive_members", file=file, limit=MAX_MEMBERS)
            for entry in found:
                _check_entry(entry, file)
            wanted = [entry for entry in found if _split(entry.filename)[1] in suffixes]
            if sum(entry.file_size for entry in wanted) > MAX_TOTAL_BYTES:
                raise BadInput("error.archive_bomb", file=file, limit_mb=MAX_TOTAL_BYTES / 1e6)
            return tuple(_member(archive, entry) for entry in wanted)
    except _BROKEN:
        raise BadInput("error.archive_broken", file=file) from None


def _is_aside(entry: zipfile.ZipInfo) -> bool:
    return entry.is_dir() or entry.filename.startswith("__MACOSX/")


def _split(name: str) -> tuple[str, str]:
    base = name.replace("\\", "/").rpartition("/")[2]
    stem, dot, ending = base.rpartition(".")
    return (stem, f".{ending.lower()}") if dot else (base, "")


def _check_entry(entry: zipfile.ZipInfo, file: str) -> None:
    name = entry.filename.replace("\\", "/")
    climbs = name.startswith("/") or ".." in name.split("/") or ":" in name or "\0" in name
    if climbs or stat.S_ISLNK(entry.external_attr >> 16):
        raise BadInput("error.archive_path", file=file)
    if entry.flag_bits & 0x1:
        raise BadInput("error.archive_encrypted", file=file)
    grows = entry.file_size > MAX_GROWTH * max(entry.compress_size, 1)
    if entry.file_size > MAX_TOTAL_BYTES or (entry.file_size > 1_000_000 and grows):
        raise BadInput("error.archive_bomb", file=file, limit_mb=MAX_TOTAL_BYTES / 1e6)


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Member:
    stem, suffix = _split(entry.filename)
    with archive.open(entry) as opened:
        return Member(stem=stem, suffix=suffix, data=opened.read(entry.file_size))
