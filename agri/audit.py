"""Who confirmed what, and when: a record that is only ever added to, each line holding the last.

Theory of operation. ``audit.jsonl`` in the farm folder has one line for each entry
(`agri.audit_chain`). `append` writes one line under a lock, flushes it to the disk, then writes
``audit.head``: how many entries there are, the hash of the last, and where it ends. Only then does
it return. Whoever needs an entry before an act appends it first; on `AuditUnwritable` the act must
not happen. The time is the caller's: there is no clock in here.

What is found. A changed byte breaks its line; a row taken out, put in or moved breaks the chain;
rows cut off the end are missed by the head. `verify` only reads, and names the first broken line. A
program killed while it wrote leaves lines cut short beyond the head: they are told as torn, stay in
the file, and the next `append` puts an entry with their SHA-256 behind them, so that they cannot be
changed later either.

What is not found. There is no secret in it: who may write the folder and knows this room can write
a whole new record with a whole new head. Keep a number and its hash elsewhere (a flight's record,
a sheet of paper); `verify` takes them as `remembered` and misses them when they are gone.

An entry may stand there that was never acknowledged: its program died, or the disk failed, after
the line was written. It tells what was confirmed, not that it then happened. A record found broken
is not written on; a person looks, and sets it aside (`set_aside`), which the new one tells.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from agri import files
from agri.audit_chain import (
    GENESIS,
    LONGEST_BYTES,
    TORN,
    Confirmed,
    Entry,
    Mark,
    Walk,
    read_line,
    torn_note,
    walk,
)
from agri.errors import AgriError, BadInput, StoreError
from agri.findings import Finding, blocks
from agri.locks import lock_soon
from agri.words import Message

__all__ = [
    "GENESIS", "AuditUnwritable", "Confirmed", "Entry", "Verdict", "append", "set_aside", "verify",
]  # fmt: skip

FILE = "audit.jsonl"
HEAD = "audit.head"
LOCK = ".audit.lock"
SET_ASIDE = "set_aside"
"""Kind of the first entry after a broken record was set aside; its note is that file's name."""
OWN_KINDS = (TORN, SET_ASIDE)
LARGEST_BYTES = 500_000_000
LOCK_TRIES, LOCK_WAIT_S = 2_000, 0.005
"""Patience with another writer: 10 s, where one write takes milliseconds. It is asked for often:
one who writes without a pause lets go for a fraction of a millisecond at a time."""


class AuditUnwritable(StoreError):
    """The record cannot be written: what was to be confirmed must not happen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What reading the whole record found.

    Parameters
    ----------
    entries : tuple of Entry
        All entries up to the first break.
    findings : tuple of Finding
        An ERROR names the first broken line; a WARNING tells of lines cut short.
    """

    entries: tuple[Entry, ...]
    findings: tuple[Finding, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing was changed, taken out or moved."""
        return not blocks(self.findings)

    @property
    def remembered(self) -> tuple[int, str]:
        """Number and hash of the last entry, to be kept elsewhere."""
        if not self.entries:
            return 0, GENESIS
        return self.entries[-1].number, self.entries[-1].digest


# ------------------------------------------------------------------ reading


def verify(folder: Path, *, remembered: tuple[int, str] | None = None) -> Verdict:
    """Read the whole record and say whether it is whole; nothing is written.

    Parameters
    ----------
    folder : Path
        The farm folder.
    remembered : (int, str), optional
        Number and hash of an entry, kept elsewhere, that must still be there.

    Raises
    ------
    StoreError
        When the disk cannot be read.
    """
    head = _read_head(folder)  # before the lines: a writer may add some meanwhile
    path = folder / FILE
    there = path.exists()
    data = files.read_bytes_limited(path, limit_bytes=LARGEST_BYTES) if there else b""
    if head is None:
        broken = data or (folder / HEAD).exists()
        found = walk(data, Mark(), acknowledged=len(data))
        fault = found.fault or (Finding.error("finding.audit_no_head") if broken else None)
    else:
        found = walk(data, Mark(), acknowledged=head.end)
        fault = found.fault or _head_fault(found, head)
    fault = fault or _forgotten(found, remembered)
    torn = [Finding.warning("finding.audit_torn", line=line) for line in found.torn]
    return Verdict(entries=tuple(found.entries), findings=tuple([fault, *torn] if fault else torn))


def _head_fault(found: Walk, head: Mark) -> Finding | None:
    """Return how the lines differ from what the head vouches for."""
    if head == Mark():
        return None
    if head.number > len(found.entries):
        return Finding.error("finding.audit_short", number=head.number, left=len(found.entries))
    seen = Mark(head.number, found.entries[head.number - 1].digest, found.ends[head.number - 1])
    return None if seen == head else Finding.error("finding.audit_head_differs", number=head.number)


def _forgotten(found: Walk, remembered: tuple[int, str] | None) -> Finding | None:
    if remembered is None or remembered == (0, GENESIS):
        return None
    number, digest = remembered
    if 1 <= number <= len(found.entries) and found.entries[number - 1].digest == digest:
        return None
    return Finding.error("finding.audit_forgotten", number=number)


def _read_head(folder: Path) -> Mark | None:
    """Return what the head vouches for, None when there is none that can be read."""
    if not (folder / HEAD).exists():
        return None
    data = files.read_bytes_limited(folder / HEAD, limit_bytes=10_000)
    try:
        told = json.loads(data)
        head = Mark(int(told["n"]), str(told["hash"]), int(told["end"]))
    except (ValueError, TypeError, LookupError):
        return None
    sound = _head_bytes(head) == data and (head.number >= 1 or head == Mark())
    return head if sound else None


def _head_bytes(mark: Mark) -> bytes:
    value = {"end": mark.end, "hash": mark.digest, "n": mark.number}
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


# ------------------------------------------------------------------ writing


def append(
    folder: Path, *, kind: str, who: str, at_utc: datetime, what: Confirmed | None = None
) -> Entry:
    """Add an entry; when this returns it is on the disk.

    Parameters
    ----------
    folder : Path
        The farm folder.
    kind : str
        What happened: a word of a–z and underscores, such as "launch_confirmed".
    who : str
        The person.
    at_utc : datetime
        When, with its time zone.
    what : Confirmed, optional
        What was confirmed.

    Raises
    ------
    AuditUnwritable
        When it cannot be written, for whatever reason: then do not do what it confirms.
    BadInput
        When kind, person or time cannot be an entry's.
    """
    if kind in OWN_KINDS:
        raise BadInput("error.audit_entry", kind=kind, who=who)
    draft = Entry(number=1, kind=kind, who=who, what=what or Confirmed(), at_utc=at_utc)
    with _alone(folder):
        return _append(folder, draft)


def set_aside(folder: Path, *, who: str, at_utc: datetime) -> Path:
    """Give a broken record another name and begin a new one that tells of it.

    Returns
    -------
    Path
        The old record, kept as it is.

    Raises
    ------
    BadInput
        When the record is whole: then there is no reason to.
    AuditUnwritable
        When the disk cannot take it.
    """
    if verify(folder).whole:
        raise BadInput("error.audit_whole")
    kept = folder / f"audit-{at_utc:%Y%m%d-%H%M%S}.jsonl"
    note = Confirmed(note=kept.name)
    draft = Entry(number=1, kind=SET_ASIDE, who=who, what=note, at_utc=at_utc)
    with _alone(folder):
        if kept.exists():
            raise BadInput("error.file_exists", path=str(kept))
        _rename_record(folder, kept)
        _append(folder, draft)
    return kept


def copy_to(folder: Path, target: Path) -> None:
    """Copy the record, and those set aside before it, into another folder, at one moment.

    Raises
    ------
    AuditUnwritable
        When another program writes without end, or the disk cannot do it.
    """
    if not any((folder / name).exists() for name in (FILE, HEAD)):
        return
    with _alone(folder):
        for path in sorted(folder.glob("audit*")):
            if path.suffix in (".jsonl", ".head") and path.is_file():
                files.copy_file(path, target / path.name)


def bring_back(folder: Path, saved: Path, *, at_utc: datetime) -> bool:
    """Put a saved record in the place of one that is missing or broken; return whether it was.

    A whole record stays, whatever the saved one says: it tells what was done since. A broken one
    is set aside, and the one brought back tells so in its next entry.

    Parameters
    ----------
    folder : Path
        The farm folder.
    saved : Path
        A folder made by `copy_to`.
    at_utc : datetime
        When, with its time zone.

    Raises
    ------
    AuditUnwritable
        When the disk cannot take it.
    """
    there = any((folder / name).exists() for name in (FILE, HEAD))
    if (there and verify(folder).whole) or not (saved / FILE).exists() or not verify(saved).whole:
        return False
    kept = folder / f"audit-{at_utc:%Y%m%d-%H%M%S}.jsonl"
    with _alone(folder):
        if kept.exists():
            raise BadInput("error.file_exists", path=str(kept))
        _rename_record(folder, kept)
        files.copy_file(saved / FILE, folder / FILE)
        files.copy_file(saved / HEAD, folder / HEAD)
        if there:
            note = Confirmed(note=kept.name)
            _append(folder, Entry(number=1, kind=SET_ASIDE, who="agri", what=note, at_utc=at_utc))
    return True


def _rename_record(folder: Path, kept: Path) -> None:
    for name, target in ((HEAD, kept.with_suffix(".head")), (FILE, kept)):
        if (folder / name).exists():
            (folder / name).rename(target)
    files.sync_folder(folder)


def _append(folder: Path, draft: Entry) -> Entry:
    head = _read_head(folder)
    with (folder / FILE).open("a+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        if head is None:
            if size or (folder / HEAD).exists():
                raise AuditUnwritable("error.audit_broken", path=str(folder / FILE))
            head = Mark()
            files.write_bytes(folder / HEAD, _head_bytes(head))
            files.sync_folder(folder)
        found = _beyond(file, head, size)
        if found is None or found.fault is not None:
            raise AuditUnwritable("error.audit_broken", path=str(folder / FILE))
        entry, data = _next_lines(found, draft)
        _write(file, data)
    end = size + len(data)
    files.write_bytes(folder / HEAD, _head_bytes(Mark(entry.number, entry.digest, end)))
    return entry


def _next_lines(found: Walk, draft: Entry) -> tuple[Entry, bytes]:
    """Return the entry as it follows what is there, and the bytes to write."""
    data = b"\n" if found.open_ended else b""
    mark = found.mark
    if found.tail:
        note = Confirmed(note=torn_note(found.tail))
        torn = _after(mark, kind=TORN, who="agri", what=note, at_utc=draft.at_utc)
        data += torn.line
        mark = Mark(torn.number, torn.digest)
    entry = _after(mark, kind=draft.kind, who=draft.who, what=draft.what, at_utc=draft.at_utc)
    return entry, data + entry.line


def _after(mark: Mark, **values: Any) -> Entry:
    return Entry(number=mark.number + 1, previous=mark.digest, **values)


def _beyond(file: IO[bytes], head: Mark, size: int) -> Walk | None:
    """Walk what stands beyond the head; None when the head's own entry is not where it was."""
    if size < head.end:
        return None
    if head.end:
        begin = max(0, head.end - LONGEST_BYTES - 1)
        file.seek(begin)
        before = _read(file, head.end - begin)
        last = read_line(before[before.rfind(b"\n", 0, -1) + 1 :])
        if last is None or (last.number, last.digest) != (head.number, head.digest):
            return None
    file.seek(head.end)
    return walk(_read(file, size - head.end), head, acknowledged=head.end)


def _read(file: IO[bytes], count: int) -> bytes:
    data = b""
    while len(data) < count and (more := file.read(count - len(data))):
        data += more
    return data


def _write(file: IO[bytes], data: bytes) -> None:
    if file.write(data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(file.fileno())


# ------------------------------------------------------------------ one writer at a time


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the writers' lock; whatever the disk cannot do becomes `AuditUnwritable`."""
    try:
        with files.told(folder / FILE), (folder / LOCK).open("ab") as lock:
            if not lock_soon(lock.fileno(), tries=LOCK_TRIES, wait_s=LOCK_WAIT_S):
                raise AuditUnwritable("error.audit_busy", path=str(folder / FILE))
            yield
    except AuditUnwritable:
        raise
    except StoreError as error:
        raise _unwritable(error) from error


def _unwritable(error: AgriError) -> AuditUnwritable:
    reason: Message = error.message
    return AuditUnwritable("error.audit_unwritable", reason=reason)
