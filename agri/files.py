"""Guarded, atomic files: what is written is whole or not there, and never outside its folder.

Theory of operation. A write goes to a hidden temporary file in the same folder (created
exclusively, following no link), is flushed to the disk (``fsync``), takes its name by
``os.replace``, and the folder itself is flushed. A crash at any moment leaves the old file or the
new one, and at worst a ``.….tmp`` beside it that no reader looks at. When a write returns, its
bytes are on the disk.

A path from outside (a row another program edited, a name in a request) becomes a path only
through `inside`, which refuses whatever could leave the root or mean a device. Reads are limited
in size before anything is parsed. Every ``OSError`` becomes one `StoreError` sentence.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from agri.errors import BadInput, NotFound, Refused, StoreError
from agri.names import RESERVED

MAX_TEXT_BYTES = 20_000_000
"""Largest document read by default."""
DEEPEST = 8
"""Most folders and file in a name from outside."""
PRIVATE, OTHERS = 0o600, 0o077
"""Rights of a file for its owner alone, and the rights others must not have."""
TEMPORARY = ".tmp"
"""Ending of files that are not yet anything."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


def store_error(error: OSError, path: Path | str) -> StoreError:
    """Return the sentence for an operating system error met at `path`.

    Examples
    --------
    >>> store_error(OSError(errno.ENOSPC, "No space left on device"), "a.json").message.key
    'error.disk_full'
    """
    if error.errno in _FULL:
        return StoreError("error.disk_full", path=str(path))
    if error.errno in _FORBIDDEN:
        return StoreError("error.not_permitted", path=str(path))
    return StoreError("error.disk", path=str(path), reason=error.strerror or str(error))


@contextmanager
def told(path: Path | str) -> Iterator[None]:
    """Turn any ``OSError`` raised inside into a `StoreError` about `path`."""
    try:
        yield
    except OSError as error:
        raise store_error(error, path) from error


def inside(root: Path, name: str) -> Path:
    """Return the path `name` below `root`, or refuse it.

    Parameters
    ----------
    root : Path
        The folder nothing may leave.
    name : str
        Relative path with forward slashes.

    Raises
    ------
    BadInput
        When the name is absolute, climbs out (``..`` or a symbolic link), holds a control or
        direction mark, a backslash or a colon, ends in a dot or space, names a device, or is
        too long.

    Examples
    --------
    >>> inside(Path("farm"), "plans/a.json").as_posix()
    'farm/plans/a.json'
    >>> inside(Path("farm"), "../a.json")
    Traceback (most recent call last):
    ...
    agri.errors.BadInput: '../a.json' is not a file name agri accepts; use letters, digits, hyphens.
    """
    parts = name.split("/")
    if len(parts) > DEEPEST or not all(_is_plain(part) for part in parts):
        raise BadInput("error.file_name", name=_shown(name))
    path = root.joinpath(*parts)
    with told(path):
        if not path.resolve().is_relative_to(root.resolve()):
            raise BadInput("error.file_name", name=_shown(name))
    return path


def _is_plain(part: str) -> bool:
    if not part or part != part.rstrip(". ") or len(part.encode("utf-8", "replace")) > 200:
        return False
    if any(c in '\\:<>"|?*' or unicodedata.category(c).startswith("C") for c in part):
        return False
    return part.split(".", maxsplit=1)[0].strip().lower() not in RESERVED


def _shown(name: str) -> str:
    """Return `name` fit for a sentence: short, without anything that does not print."""
    return "".join(c if c.isprintable() else "·" for c in name[:60]) + ("…" * (len(name) > 60))


def make_folder(path: Path) -> Path:
    """Make a folder and its parents, flush the entry to the disk, and return it."""
    with told(path):
        if not path.is_dir():
            path.mkdir(parents=True, exist_ok=True)
            sync_folder(path.parent)
    return path


def sync_folder(path: Path) -> None:
    """Flush a folder's entries to the disk (Windows does so by itself)."""
    if sys.platform == "win32":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def temporary_beside(path: Path) -> Path:
    """Return a hidden, unused name in the folder of `path` for what is not yet ready."""
    return path.with_name(f".{path.name[:60]}.{os.getpid()}-{secrets.token_hex(4)}{TEMPORARY}")


@contextmanager
def replacing(path: Path, mode: int = 0o666) -> Iterator[IO[bytes]]:
    """Give a file to write that takes the name `path` at the end, whole, or never was.

    Raises
    ------
    StoreError
        As `write_bytes`.
    """
    temporary = temporary_beside(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    flags |= getattr(os, "O_BINARY", 0)
    with told(path):
        try:
            with os.fdopen(os.open(temporary, flags, mode), "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)  # noqa: PTH105 - the system call is what is meant
            sync_folder(path.parent)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; on return it is on the disk.

    Raises
    ------
    StoreError
        When the disk is full, read-only or failing; an older file is then still there.
    """
    with replacing(path) as file:
        file.write(data)


def write_private(path: Path, data: bytes) -> None:
    """Write a file that its owner alone may read, whole or not at all.

    On Windows the folder's own rights decide; a user's profile is private there.

    Raises
    ------
    StoreError
        As `write_bytes`.
    """
    with replacing(path, PRIVATE) as file:
        file.write(data)


def read_private(path: Path, *, limit_bytes: int = MAX_TEXT_BYTES) -> bytes:
    """Read a file that its owner alone may read.

    Raises
    ------
    NotFound
        When there is no such file.
    Refused
        When others may read or change it, or it belongs to somebody else.
    BadInput
        When it is larger than `limit_bytes`, a link, or not a regular file.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with told(path):
        if not path.exists():
            raise NotFound("error.no_file", path=str(path))
        if path.is_symlink() or not path.is_file():
            raise BadInput("error.not_a_file", path=str(path))
        with os.fdopen(os.open(path, flags), "rb") as file:
            if sys.platform != "win32":
                found = os.fstat(file.fileno())
                if found.st_mode & OTHERS or found.st_uid != os.geteuid():
                    raise Refused("error.file_not_private", path=str(path))
            data = file.read(limit_bytes + 1)
    if len(data) > limit_bytes:
        raise BadInput("error.file_too_large", path=str(path), limit_mb=limit_bytes / 1e6)
    return data


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text whole or not at all.

    Raises
    ------
    BadInput
        When the text holds what is not a character.
    StoreError
        As `write_bytes`.
    """
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:
        raise BadInput("error.not_text", path=str(path)) from None
    write_bytes(path, data)


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON (UTF-8, sorted keys, two spaces) whole or not at all."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, indent=2, allow_nan=False)
    write_text(path, text + "\n")


def copy_file(source: Path, target: Path) -> None:
    """Copy a file whole or not at all."""
    with told(source), source.open("rb") as reading, replacing(target) as file:
        shutil.copyfileobj(reading, file, 1 << 20)


def publish(temporary: Path, target: Path) -> None:
    """Give a finished temporary file its name, unless the name is taken.

    Raises
    ------
    BadInput
        When `target` exists (it is left as it is).
    """
    with told(target):
        try:
            os.link(temporary, target)
            temporary.unlink()
        except FileExistsError:
            raise BadInput("error.file_exists", path=str(target)) from None
        except OSError:
            if target.exists():
                raise
            temporary.rename(target)  # a file system without hard links
        sync_folder(target.parent)


def read_bytes_limited(path: Path, *, limit_bytes: int = MAX_TEXT_BYTES) -> bytes:
    """Read a regular file of at most `limit_bytes`.

    Raises
    ------
    NotFound
        When there is no such file.
    BadInput
        When it is larger, or not a regular file.
    """
    with told(path):
        if not path.exists():
            raise NotFound("error.no_file", path=str(path))
        if not path.is_file():
            raise BadInput("error.not_a_file", path=str(path))
        with path.open("rb") as file:
            data = file.read(limit_bytes + 1)
    if len(data) > limit_bytes:
        raise BadInput("error.file_too_large", path=str(path), limit_mb=limit_bytes / 1e6)
    return data


def read_text_limited(path: Path, *, limit_bytes: int = MAX_TEXT_BYTES) -> str:
    """Read UTF-8 text (with or without a byte order mark) of at most `limit_bytes`.

    Raises
    ------
    NotFound
        When there is no such file.
    BadInput
        When it is larger, not a regular file, or not UTF-8.
    """
    data = read_bytes_limited(path, limit_bytes=limit_bytes)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput("error.not_utf8", path=str(path)) from None


def read_json_limited(path: Path, *, limit_bytes: int = MAX_TEXT_BYTES) -> Any:
    """Read JSON of at most `limit_bytes`.

    Raises
    ------
    NotFound
        When there is no such file.
    BadInput
        When it is larger, not a regular file, not UTF-8 or not JSON.
    """
    text = read_text_limited(path, limit_bytes=limit_bytes)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise BadInput("error.not_json", path=str(path)) from None
