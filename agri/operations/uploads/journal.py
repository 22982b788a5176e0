"""What of an upload is kept, line by line, so that a crash loses nothing acknowledged.

Theory of operation. ``uploads/<key>/upload.jsonl`` in the farm's folder has a line of JSON for the
beginning, for each file that is told of, for each piece that is kept, and for the end. A piece's
bytes are flushed to the disk before its line, and its line before it is acknowledged; so what the
journal tells is there, whatever died when, and bytes beyond it are overwritten by the next piece.
A line cut short by a crash is taken off before the next is written.

The folder is its owner's alone. A key is the only thing of a request that becomes part of a path,
and only when it is one (`KEY`).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

from agri.errors import NotFound, StoreError
from agri.files import told
from agri.locks import lock_soon
from agri.operations.uploads.labels import label_of

FOLDER = "uploads"
JOURNAL = "upload.jsonl"
PARTS = "parts"
KEY = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TRIES, WAIT_S = 200, 0.05
"""Patience with another piece of the same upload: 10 s."""
LARGEST = 60_000_000
_BROKEN = (ValueError, TypeError, LookupError, AttributeError)


class Purpose(StrEnum):
    """What files are uploaded for."""

    PHOTOS = "photos"
    ORTHO = "ortho"
    BOUNDARIES = "boundaries"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a browser says of a file; the same three again are the same file.

    Parameters
    ----------
    label : str
        Its name; kept as it may be shown.
    size : int
        Bytes.
    modified : int
        When it was last changed, as the browser counts.
    """

    label: str
    size: int
    modified: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", label_of(self.label))


@dataclass(frozen=True, slots=True, kw_only=True)
class Arriving:
    """A file of an upload.

    Parameters
    ----------
    number : int
        From 1, in the order told.
    told : Told
        What the browser says of it.
    name : str
        Its name on the disk.
    kept : int
        Bytes that are on the disk.
    passed : bool
        Whether it is passed over, because its bytes begin as nothing that is wanted.
    """

    number: int
    told: Told
    name: str
    kept: int = 0
    passed: bool = False

    @property
    def whole(self) -> bool:
        """Whether nothing more of it is to come."""
        return self.passed or self.kept == self.told.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An upload as its journal tells it.

    Parameters
    ----------
    uid : str
        Its key.
    purpose : Purpose
        What it is for.
    field_uid : str
        The field it shows, "" for none.
    by : str
        Who began it.
    begun_utc : datetime
        When.
    stem : str
        Name of its files all together, of which products get theirs.
    files : tuple of Arriving
        In the order told.
    finished : bool
        Whether all are there and have been handed on.
    """

    uid: str
    purpose: Purpose
    field_uid: str
    by: str
    begun_utc: datetime
    stem: str
    files: tuple[Arriving, ...] = ()
    finished: bool = False

    @property
    def wanted(self) -> tuple[Arriving, ...]:
        """The files that are not passed over."""
        return tuple(file for file in self.files if not file.passed)

    @property
    def whole(self) -> bool:
        """Whether all files told of are there, and there is one."""
        return bool(self.wanted) and all(file.whole for file in self.files)

    def file(self, wanted: Told) -> Arriving | None:
        """Return the file that a browser means, None when it was not told of."""
        return next((file for file in self.files if file.told == wanted), None)


@dataclass(slots=True)
class Journal:
    """An upload's journal, held alone for as long as it is open.

    Parameters
    ----------
    folder : Path
        The upload's folder.
    file : binary file
        The journal.
    upload : Upload
        What it tells.
    """

    folder: Path
    file: IO[bytes]
    upload: Upload = field(init=False)

    def add(self, **line: Any) -> None:
        """Write a line; when this returns it is on the disk."""
        with told(self.folder):
            self.file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            self.file.flush()
            os.fsync(self.file.fileno())
        self.upload = _with(self.upload, line)


def begin_line(upload: Upload) -> bytes:
    """Return the first line of a new upload's journal."""
    begin = {
        "uid": upload.uid, "purpose": upload.purpose.value, "field": upload.field_uid,
        "by": upload.by, "begun": upload.begun_utc.isoformat(), "stem": upload.stem,
    }  # fmt: skip
    return json.dumps({"begin": begin}, ensure_ascii=False).encode() + b"\n"


def folder_of(farm: Path, uid: str) -> Path:
    """Return the folder of an upload.

    Raises
    ------
    NotFound
        When there is none with this key.
    """
    folder = farm / FOLDER / uid
    if not KEY.fullmatch(uid) or not (folder / JOURNAL).is_file():
        raise NotFound("error.no_upload")
    return folder


def read_upload(farm: Path, uid: str) -> Upload:
    """Return an upload as it stands; nothing is written.

    Raises
    ------
    NotFound
        When there is none with this key.
    StoreError
        When its journal cannot be read.
    """
    folder = folder_of(farm, uid)
    with told(folder), (folder / JOURNAL).open("rb") as file:
        return _replayed(file.read(LARGEST), folder)[0]


@contextmanager
def held(farm: Path, uid: str) -> Iterator[Journal]:
    """Hold an upload's journal alone, to write on it.

    Raises
    ------
    NotFound
        When there is none with this key.
    StoreError
        When the disk fails, or another piece takes too long.
    """
    folder = folder_of(farm, uid)
    with told(folder), (folder / JOURNAL).open("r+b") as file:
        if not lock_soon(file.fileno(), tries=TRIES, wait_s=WAIT_S):
            raise StoreError("error.upload_busy")
        upload, whole = _replayed(file.read(LARGEST), folder)
        file.seek(whole)
        file.truncate()
        journal = Journal(folder, file)
        journal.upload = upload
        yield journal


def _replayed(data: bytes, folder: Path) -> tuple[Upload, int]:
    """Return what a journal tells, and how many of its bytes are whole lines."""
    whole = data.rfind(b"\n") + 1
    try:
        first, *lines = (json.loads(line) for line in data[:whole].splitlines())
        begin = first["begin"]
        upload = Upload(
            uid=str(begin["uid"]), purpose=Purpose(begin["purpose"]), by=str(begin["by"]),
            field_uid=str(begin["field"]), stem=str(begin["stem"]),
            begun_utc=datetime.fromisoformat(begin["begun"]),
        )  # fmt: skip
        return _all_with(upload, lines), whole
    except _BROKEN:
        raise StoreError("error.upload_damaged", path=str(folder)) from None


def _all_with(upload: Upload, lines: list[dict[str, Any]]) -> Upload:
    files = list(upload.files)
    finished = upload.finished
    for line in lines:
        if "file" in line:
            files.append(
                Arriving(
                    number=int(line["file"]),
                    told=Told(label=str(line["label"]), size=int(line["size"]),
                              modified=int(line["modified"])),
                    name=str(line["name"]),
                )
            )  # fmt: skip
        elif "kept" in line:
            at = int(line["kept"]) - 1
            files[at] = replace(files[at], kept=int(line["to"]))
        elif "passed" in line:
            at = int(line["passed"]) - 1
            files[at] = replace(files[at], passed=True)
        finished = finished or "finished" in line
    return replace(upload, files=tuple(files), finished=finished)


def _with(upload: Upload, line: dict[str, Any]) -> Upload:
    return _all_with(upload, [line])
