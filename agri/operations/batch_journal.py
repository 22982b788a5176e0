"""What of a batch is done already: a batch that was interrupted is taken up, not begun anew.

Theory of operation
-------------------
A hidden file among the farm's reports tells which job it is (a sum over what was asked, by which
version, and over all of the farm that planning looks at), when it was begun, and, a line for each
chunk, what became of its fields. A chunk's plans stand in the farm before its line does. The same
command finds the file, keeps what it tells, plans the rest under the time of the first beginning,
and empties the file when the table is written. Another request, or a farm that was changed
since, begins anew.

A crash between plans and line leaves plans without a line: their fields are planned once more,
which gives the same plans, and those that stand are not kept again (`Journal.new_plans`). A line
that was cut short is not believed. One program at a time plans a farm's batch: the system's lock,
which a crash gives back.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from shapely.geometry.base import BaseGeometry

from agri import __version__
from agri.errors import Refused
from agri.files import told
from agri.locks import lock_now
from agri.workspace import PlanRecord, Workspace

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

NAME = ".batch.jsonl"


R = TypeVar("R", bound="DataclassInstance")
"""What became of one field: a frozen dataclass of plain values."""
Kept = tuple[PlanRecord, str]


def job_of(*words: object) -> str:
    """Return a sum (SHA-256) over values: dataclasses, geometries, tuples, plain ones.

    Examples
    --------
    >>> job_of("a", (1, 2.0)) == job_of("a", (1, 2.0)), job_of("a") == job_of("b")
    (True, False)
    """
    text = json.dumps(_plain([__version__, *words]))
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> Any:
    if isinstance(value, BaseGeometry):
        return value.wkb_hex
    if is_dataclass(value) and not isinstance(value, type):
        return [type(value).__name__, *(_plain(getattr(value, f.name)) for f in fields(value))]
    if isinstance(value, (tuple, list)):
        return [_plain(one) for one in value]
    return repr(value)


class Journal(Generic[R]):
    """What of a batch is done; made by `journal`.

    Attributes
    ----------
    started : datetime
        When the batch was first begun, UTC.
    done : dict of str to a result
        What became of the fields that are done, by their keys.
    taken_up : bool
        Whether it was interrupted before.
    """

    def __init__(self, handle: int, path: Path, kind: type[R], job: str, now: datetime) -> None:
        self._handle, self._path, self.started = handle, path, now
        self.done: dict[str, R] = {}
        lines = _lines(handle)
        self.taken_up = bool(lines) and lines[0].get("job") == job
        if self.taken_up:
            self.started = datetime.fromisoformat(lines[0]["started"])
            for line in lines[1:]:
                self.done |= {uid: kind(**values) for uid, values in line.items()}
        else:
            os.ftruncate(handle, 0)
            self._write({"job": job, "started": now.isoformat()})
        self._kept: set[tuple[str, str, str]] | None = None

    def add(self, results: dict[str, R]) -> None:
        """Note what became of fields whose plans are kept."""
        self._write({uid: asdict(result) for uid, result in results.items()})
        self.done |= results

    def new_plans(self, farm: Workspace, plans: Sequence[Kept]) -> list[Kept]:
        """Return those of a chunk's plans that an interrupted run has not kept yet."""
        if not self.taken_up:
            return list(plans)
        if self._kept is None:
            self._kept = {_key(record) for record in farm.plans(every=True)
                          if record.created_utc == self.started}  # fmt: skip
        return [plan for plan in plans if _key(plan[0]) not in self._kept]

    def _write(self, line: dict[str, Any]) -> None:
        with told(self._path):
            os.write(self._handle, (json.dumps(line) + "\n").encode())
            os.fsync(self._handle)


def _key(record: PlanRecord) -> tuple[str, str, str]:
    return record.field_uid, record.name, record.digest


def _lines(handle: int) -> list[dict[str, Any]]:
    """Return a journal's whole lines, and cut off what is behind them."""
    with os.fdopen(os.dup(handle), "rb") as file:
        file.seek(0)
        data = file.read()
    lines, sound = [], 0
    for line in data.splitlines(keepends=True):
        try:
            lines.append(dict(json.loads(line)))
        except (ValueError, TypeError):
            break
        if not line.endswith(b"\n"):
            lines.pop()
            break
        sound += len(line)
    os.ftruncate(handle, sound)
    return lines


@contextmanager
def journal(farm: Workspace, kind: type[R], job: str, now: datetime) -> Iterator[Journal[R]]:
    """Open a farm's journal of a batch; it is emptied when all went well.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    kind : type
        Of the results.
    job : str
        From `job_of`.
    now : datetime
        Wall clock, UTC.

    Raises
    ------
    Refused
        When another program plans this farm's fields.
    StoreError
        When it cannot be written.
    """
    path: Path = farm.reports / NAME
    with told(path):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        if not lock_now(handle):
            raise Refused("error.batch_in_work")
        with told(path):
            known = Journal(handle, path, kind, job, now)
        yield known
        with told(path):
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)
