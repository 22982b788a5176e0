"""An upload begun, a piece taken, the whole finished, the old thrown away.

Theory of operation. A phone sends each file in pieces of at most `MOST_PIECE` bytes, each with
where it belongs and its SHA-256. A piece is looked at before anything is written: is it of a file
that may come, does it follow what is kept, is it what was sent, do its bytes begin as what is
wanted, is there room. Then it is written, flushed, noted (`agri.operations.uploads.journal`) and
acknowledged. Whoever was cut off asks what is kept and goes on there; a piece sent twice is told
where to go on, not written twice.

A whole file gets its name in the folder of the upload. Nothing is decoded here: what reads the
files afterwards has guards of its own (`imagery.intake`, `agri.boundaries`).

Uploads are thrown away `KEPT_DAYS` after their last change, those never finished sooner; what was
made of them stays.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from agri.errors import AgriError, BadInput, Refused
from agri.files import make_folder, sync_folder, temporary_beside, told
from agri.names import slug
from agri.operations.uploads.journal import (
    FOLDER,
    JOURNAL,
    KEY,
    PARTS,
    Arriving,
    Journal,
    Purpose,
    Told,
    Upload,
    begin_line,
    folder_of,
    held,
    read_upload,
)
from agri.operations.uploads.labels import disk_name

MOST_PIECE = 8_000_000
SPARE_BYTES = 1_000_000_000
"""Room that is left on the disk, for the farm's own work."""
KEPT_DAYS, UNFINISHED_DAYS = 30, 7
PRIVATE = 0o700
_PICTURES = (b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_ZIP = b"PK\x03\x04"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an upload may be.

    Parameters
    ----------
    files : int
        Most files.
    file_bytes, all_bytes : int
        Of one file, and of all.
    heads : tuple of bytes
        How a file's bytes may begin; any, when none is told.
    """

    files: int
    file_bytes: int
    all_bytes: int
    heads: tuple[bytes, ...] = ()


LIMITS = {
    Purpose.PHOTOS: Limits(files=20_000, file_bytes=100_000_000_000, all_bytes=200_000_000_000,
                           heads=(*_PICTURES, _ZIP)),
    Purpose.ORTHO: Limits(files=1, file_bytes=60_000_000_000, all_bytes=60_000_000_000,
                          heads=_PICTURES[1:]),
    Purpose.BOUNDARIES: Limits(files=20, file_bytes=50_000_000, all_bytes=200_000_000),
}  # fmt: skip


class OutOfStep(AgriError):
    """A piece does not follow what is kept, or is not what was sent: go on at `kept`.

    Attributes
    ----------
    kept : int
        Bytes of the file that are kept.
    """

    def __init__(self, key: str, kept: int) -> None:
        super().__init__(key)
        self.kept = kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of a file as it comes.

    Parameters
    ----------
    of : Told
        The file.
    offset : int
        Where in it the piece belongs.
    sha256 : str
        What its bytes hash to, hexadecimal.
    data : bytes
        Its bytes.
    """

    of: Told
    offset: int
    sha256: str
    data: bytes


def begin(
    farm: Path,
    purpose: Purpose,
    *,
    by: str,
    now: datetime,
    new_uid: Callable[[], str],
    field_uid: str = "",
    name: str = "",
) -> Upload:
    """Begin an upload.

    Parameters
    ----------
    farm : Path
        The farm's folder.
    purpose : Purpose
        What it is for.
    by : str
        Who begins it.
    now : datetime
        With its time zone.
    new_uid : callable
        Where keys come from.
    field_uid : str
        The field it shows.
    name : str
        What its products are named after: the field's name, as a rule.

    Raises
    ------
    StoreError
        When the disk will not take it.
    """
    uid = new_uid()
    stem = f"{slug(name or purpose.value, longest=32)}-{now:%Y%m%d}-{uid[:4]}"
    upload = Upload(uid=uid, purpose=purpose, field_uid=field_uid, by=by, begun_utc=now, stem=stem)
    place = make_folder(farm / FOLDER)
    temporary = temporary_beside(place / uid)
    with told(place):
        place.chmod(PRIVATE)
        temporary.mkdir(mode=PRIVATE)
        for folder in (PARTS, stem):
            (temporary / folder).mkdir(mode=PRIVATE)
        with (temporary / JOURNAL).open("xb") as file:
            file.write(begin_line(upload))
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(place / uid)
        sync_folder(place)
    return upload


def room(farm: Path) -> int:
    """Return how many bytes may still come."""
    with told(farm):
        return max(0, shutil.disk_usage(farm).free - SPARE_BYTES)


def take(farm: Path, uid: str, piece: Piece) -> Arriving:
    """Keep a piece; when this returns it is on the disk.

    Returns
    -------
    Arriving
        The file as it now stands.

    Raises
    ------
    OutOfStep
        When it does not follow what is kept, or is not what was sent.
    BadInput
        When the file is too large or there are too many.
    Refused
        When the disk has no room for it, or the upload is finished.
    NotFound, StoreError
        As `journal.held`.
    """
    with held(farm, uid) as journal:
        if journal.upload.finished:
            raise Refused("error.upload_over")
        file = journal.upload.file(piece.of) or _told_of(journal, piece.of)
        if file.whole:
            return file
        if piece.offset != file.kept:
            raise OutOfStep("error.upload_step", file.kept)
        if hashlib.sha256(piece.data).hexdigest() != piece.sha256.lower():
            raise OutOfStep("error.upload_garbled", file.kept)
        end = file.kept + len(piece.data)
        if not piece.data or len(piece.data) > MOST_PIECE or end > file.told.size:
            raise BadInput("error.upload_piece", name=file.told.label)
        heads = LIMITS[journal.upload.purpose].heads
        if file.kept == 0 and heads and not piece.data.startswith(heads):
            journal.add(passed=file.number)
        else:
            _judge_room(farm, file.told.size - file.kept)
            _write(journal, file, piece.data)
        return journal.upload.files[file.number - 1]


def _told_of(journal: Journal, of: Told) -> Arriving:
    """Enter a file that is new."""
    upload, limits = journal.upload, LIMITS[journal.upload.purpose]
    if len(upload.wanted) >= limits.files:
        raise BadInput("error.upload_files", most=limits.files)
    if not 0 < of.size <= limits.file_bytes:
        raise BadInput("error.upload_size", name=of.label, mb=of.size / 1e6,
                       most_mb=limits.file_bytes / 1e6)  # fmt: skip
    total = of.size + sum(file.told.size for file in upload.wanted)
    if total > limits.all_bytes:
        raise BadInput("error.upload_total", most_gb=limits.all_bytes / 1e9)
    _judge_room(journal.folder, of.size)
    taken = {file.name.casefold() for file in upload.files}
    journal.add(file=len(upload.files) + 1, label=of.label, size=of.size, modified=of.modified,
                name=disk_name(of.label, taken))  # fmt: skip
    return journal.upload.files[-1]


def _judge_room(place: Path, need: int) -> None:
    free = room(place)
    if need > free:
        raise Refused("error.upload_room", need_gb=need / 1e9, free_gb=free / 1e9)


def _write(journal: Journal, file: Arriving, data: bytes) -> None:
    part = journal.folder / PARTS / str(file.number)
    flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with told(part), os.fdopen(os.open(part, flags, 0o600), "wb", buffering=0) as out:
        out.truncate(file.kept)
        out.seek(file.kept)
        rest = memoryview(data)
        while rest:
            rest = rest[out.write(rest) :]
        os.fsync(out.fileno())
    journal.add(kept=file.number, to=file.kept + len(data))
    if file.kept + len(data) == file.told.size:
        _name(journal, file)


def _name(journal: Journal, file: Arriving) -> None:
    """Give a whole file its name, unless it has it already."""
    part = journal.folder / PARTS / str(file.number)
    target = journal.folder / journal.upload.stem / file.name
    with told(target):
        if part.exists():
            part.replace(target)
            sync_folder(target.parent)


def finish(farm: Path, uid: str) -> Upload:
    """Finish an upload; doing it twice does no harm.

    Raises
    ------
    BadInput
        When a file has not come whole, none is wanted, or a zip came with other files.
    NotFound, StoreError
        As `journal.held`.
    """
    with held(farm, uid) as journal:
        upload = journal.upload
        if not upload.wanted:
            raise BadInput("error.upload_nothing")
        missing = [file for file in upload.files if not file.whole]
        if missing:
            raise BadInput("error.upload_missing", count=len(missing), name=missing[0].told.label)
        for file in upload.wanted:
            _name(journal, file)
        if len(upload.wanted) > 1 and any(_is_zip(path) for path in _paths(farm, upload)):
            raise BadInput("error.upload_one_zip")
        if not upload.finished:
            journal.add(finished=True)
        return journal.upload


def _paths(farm: Path, upload: Upload) -> list[Path]:
    folder = folder_of(farm, upload.uid) / upload.stem
    return [folder / file.name for file in upload.wanted]


def _is_zip(path: Path) -> bool:
    with told(path), path.open("rb") as file:
        return file.read(len(_ZIP)) == _ZIP


def files_of(farm: Path, uid: str) -> tuple[Upload, tuple[Path, ...]]:
    """Return a finished upload and its files.

    Raises
    ------
    NotFound
        When there is none with this key.
    BadInput
        When it is not finished.
    """
    upload = read_upload(farm, uid)
    if not upload.finished:
        raise BadInput("error.upload_unfinished")
    return upload, tuple(_paths(farm, upload))


def photos_of(farm: Path, uid: str) -> tuple[Upload, Path]:
    """Return a finished upload of photos and the folder or archive that holds them.

    Products are named after what is returned, so an archive stands here under the upload's name.

    Raises
    ------
    NotFound, BadInput
        As `files_of`.
    """
    upload, paths = files_of(farm, uid)
    folder = folder_of(farm, uid)
    archive = folder / f"{upload.stem}.zip"
    if len(paths) == 1 and paths[0].exists() and _is_zip(paths[0]):
        with told(archive):
            paths[0].replace(archive)
    return upload, archive if archive.exists() else folder / upload.stem


def all_uploads(farm: Path) -> tuple[Upload, ...]:
    """Return every upload that can be read, the one begun last first."""
    found = []
    with told(farm):
        folders = list((farm / FOLDER).iterdir()) if (farm / FOLDER).is_dir() else []
    for folder in folders:
        with suppress(AgriError):
            found.append(read_upload(farm, folder.name))
    return tuple(sorted(found, key=lambda upload: upload.begun_utc, reverse=True))


def throw_away(farm: Path, uid: str) -> None:
    """Throw away an upload that was not finished, with all that came of it.

    Raises
    ------
    NotFound
        When there is none with this key.
    Refused
        When it is finished: then a job may work with it.
    """
    with held(farm, uid) as journal:
        if journal.upload.finished:
            raise Refused("error.upload_discard_finished")
        folder = folder_of(farm, uid)
        with told(folder):
            shutil.rmtree(folder)


def throw_away_old(farm: Path, *, now: datetime, needed: Collection[str] = ()) -> int:
    """Throw away uploads that are old, but for those whose keys are `needed`; return how many."""
    gone = 0
    place = farm / FOLDER
    with told(place):
        folders = list(place.iterdir()) if place.is_dir() else []
    for folder in folders:
        if folder.name in needed or folder.is_symlink():
            continue
        days = UNFINISHED_DAYS
        if KEY.fullmatch(folder.name):
            with suppress(AgriError):
                days = KEPT_DAYS if read_upload(farm, folder.name).finished else UNFINISHED_DAYS
        journal = folder / JOURNAL
        with suppress(OSError):
            changed_s = (journal if journal.exists() else folder).stat().st_mtime
            if now.timestamp() - changed_s > timedelta(days=days).total_seconds():
                shutil.rmtree(folder)
                gone += 1
    return gone
