"""Who holds an aircraft: one program at a time, and everybody else is told who and since when.

Theory of operation. A lease is a file of the thing held, in a folder all who might want it can
reach, with the system's own lock on it (`agri.locks`). Whoever has the lock has the lease; what
stands in the file only tells others who that is. The lock goes with its program, so a lease never
outlives its holder: not after a crash, not after ``kill -9``, not after a power cut, and nobody has
to judge whether a written-down program number still means the same program.

The file stays when the lease ends, emptied: a file taken away under those who are just opening it
could be locked twice.

A lease keeps programs of agri on this machine apart. Another machine shares no lock; its station is
heard on the link instead (`missions.link.trust`).
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import socket
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from agri import files
from agri.errors import Refused
from agri.locks import lock_soon
from agri.names import slug
from agri.units import INDOCHINA_TIME

TRIES, WAIT_S = 5, 0.05
"""Patience with a program that is just letting go."""
LONGEST_BYTES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds something, as others are told.

    Parameters
    ----------
    who : str
        The person, as far as known.
    doing : str
        What for, for example a plan's name.
    since_utc : datetime
        Since when, with its time zone.
    user, host : str
        Of the computer.
    pid : int
        The program.
    """

    who: str
    doing: str
    since_utc: datetime
    user: str
    host: str
    pid: int

    @classmethod
    def here(cls, *, who: str, doing: str, since_utc: datetime) -> Self:
        """Return this program as a holder; a person who is not known is the computer's user."""
        user = "?"
        with suppress(OSError, KeyError, ImportError):
            user = getpass.getuser()
        return cls(who=who or user, doing=doing, since_utc=since_utc, user=user,
                   host=socket.gethostname(), pid=os.getpid())  # fmt: skip


class Held(Refused):
    """Somebody else holds it.

    Attributes
    ----------
    holder : Holder or None
        Who, None when that cannot be read.
    """

    def __init__(self, what: str, holder: Holder | None) -> None:
        if holder is None:
            super().__init__("error.aircraft_held_unknown", aircraft=what)
        else:
            since = holder.since_utc.astimezone(INDOCHINA_TIME)
            super().__init__(
                "error.aircraft_held",
                aircraft=what,
                who=holder.who,
                doing=holder.doing,
                since=f"{since:%H:%M:%S %d/%m/%Y}",
                user=holder.user,
                host=holder.host,
                pid=holder.pid,
            )
        self.holder = holder


class Lease:
    """Something held until the ``with`` block, or the program, ends.

    Parameters
    ----------
    folder : Path
        Where all who might want it look; made when it is not there.
    what : str
        What is held.
    holder : Holder
        By whom.

    Raises
    ------
    Held
        When another program has it.
    StoreError
        When the folder cannot be written: then nobody knows, and it is not held.
    """

    def __init__(self, folder: Path, what: str, holder: Holder) -> None:
        path = files.make_folder(folder) / _file_name(what)
        with files.told(path):
            self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
            if not lock_soon(self._file.fileno(), tries=TRIES, wait_s=WAIT_S):
                data = self._file.read(LONGEST_BYTES)
                self._file.close()
                raise Held(what, _read(data))
            self._write(_text(holder))

    def _write(self, data: bytes) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._file.write(data)
        self._file.flush()

    def close(self) -> None:
        """Let go."""
        if not self._file.closed:
            with suppress(OSError):
                self._write(b"")
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _file_name(what: str) -> str:
    """Return a file's name for anything: readable, and never the same for two things."""
    short = hashlib.sha256(what.encode("utf-8", "replace")).hexdigest()[:12]
    return f"{slug(what, longest=40, empty='lease')}-{short}.lease"


def _text(holder: Holder) -> bytes:
    told = {**asdict(holder), "since_utc": holder.since_utc.isoformat()}
    return json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")


def _read(data: bytes) -> Holder | None:
    try:
        told = json.loads(data)
        since = datetime.fromisoformat(told.pop("since_utc"))
        texts = {name: str(told[name]) for name in ("who", "doing", "user", "host")}
        return Holder(since_utc=since, pid=int(told["pid"]), **texts)
    except (ValueError, TypeError, LookupError, AttributeError):
        return None
