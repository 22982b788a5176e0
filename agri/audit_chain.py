"""The lines of the audit record and the chain they make; `agri.audit` keeps them on the disk.

Theory of operation. A line is canonical JSON: sorted keys, no spaces, UTF-8, what is empty left
out. It holds its number, the SHA-256 of the entry before, and its own, taken over the same JSON
without it. A line counts only when it is, **byte for byte**, what agri would write for the entry it
tells: so there is no byte in it that could be changed unseen, not even a space.

`walk` goes along lines and stops at the first that breaks the chain. Lines that are no entries are
borne in two places only: right before an entry of kind `TORN` that holds their SHA-256, and at the
very end, beyond what the head vouches for, where a program died while it wrote.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from agri.errors import BadInput
from agri.findings import Finding
from agri.names import clean

GENESIS = "0" * 64
"""What the first entry holds in place of a hash before it."""
TORN = "torn"
"""Kind of the entry behind lines cut short; its note is their SHA-256."""
LONGEST_BYTES = 32_000
"""Longest line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """What was confirmed; "" and nothing where it has no part in it.

    Parameters
    ----------
    plan_name, plan_digest : str
        The flight plan.
    aircraft, pilot, permit : str
        With what, by whom, under which permit's number.
    findings : tuple of str
        Keys of the findings that were shown and accepted.
    parameters_digest : str
        SHA-256 of the aircraft's parameters as they were read.
    note : str
        Anything else, in words.
    """

    plan_name: str = ""
    plan_digest: str = ""
    aircraft: str = ""
    pilot: str = ""
    permit: str = ""
    findings: tuple[str, ...] = ()
    parameters_digest: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        for one in fields(self):
            told = getattr(self, one.name)
            tidy = clean(told) if isinstance(told, str) else tuple(map(clean, told))
            object.__setattr__(self, one.name, tidy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of the record.

    Parameters
    ----------
    number : int
        1 for the first.
    kind : str
        What happened: a word of a–z and underscores, such as "launch_confirmed".
    who : str
        The person.
    what : Confirmed
        What was confirmed.
    at_utc : datetime
        When, as the caller told it, to the millisecond.
    previous : str
        SHA-256 of the entry before, `GENESIS` for the first.

    Raises
    ------
    BadInput
        When kind or person are missing, the time tells no zone, or it is too long for a line.
    """

    number: int
    kind: str
    who: str
    what: Confirmed
    at_utc: datetime
    previous: str = GENESIS

    def __post_init__(self) -> None:
        object.__setattr__(self, "who", clean(self.who))
        if not re.fullmatch(r"[a-z][a-z_]{1,39}", self.kind) or not self.who:
            raise BadInput("error.audit_entry", kind=self.kind, who=self.who)
        if self.at_utc.tzinfo is None:
            raise BadInput("error.time_without_zone", value=self.at_utc.isoformat())
        utc = self.at_utc.astimezone(UTC)
        utc = utc.replace(microsecond=utc.microsecond // 1000 * 1000)
        object.__setattr__(self, "at_utc", utc)
        if len(self.line) > LONGEST_BYTES:
            raise BadInput("error.audit_long", kind=self.kind)

    @property
    def _body(self) -> dict[str, Any]:
        what = {one.name: getattr(self.what, one.name) for one in fields(self.what)}
        return {
            "at": self.at_utc.isoformat(timespec="milliseconds"),
            "kind": self.kind,
            "n": self.number,
            "previous": self.previous,
            "what": {name: list(v) if isinstance(v, tuple) else v for name, v in what.items() if v},
            "who": self.who,
        }

    @property
    def digest(self) -> str:
        """SHA-256 of the entry, with the hash of the one before."""
        return sha256(_canonical(self._body))

    @property
    def line(self) -> bytes:
        """The line it stands as, with its end."""
        return _canonical({**self._body, "hash": self.digest}) + b"\n"


def sha256(data: bytes) -> str:
    """Return the SHA-256 of some bytes, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def _canonical(value: dict[str, Any]) -> bytes:
    return json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode("utf-8")


def read_line(line: bytes) -> Entry | None:
    r"""Return the entry of a line, None when it is not, byte for byte, one that agri writes.

    Examples
    --------
    >>> when = datetime(2026, 11, 24, tzinfo=UTC)
    >>> one = Entry(number=1, kind="launch", who="Đức", what=Confirmed(), at_utc=when)
    >>> read_line(one.line) == one, read_line(one.line.replace(b"2026", b"2027"))
    (True, None)
    """
    try:
        told = json.loads(line)
        what = told["what"]
        entry = Entry(
            number=told["n"],
            kind=told["kind"],
            who=told["who"],
            what=Confirmed(**{**what, "findings": tuple(what.get("findings", ()))}),
            at_utc=datetime.fromisoformat(told["at"]),
            previous=told["previous"],
        )
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, BadInput):
        return None
    except OverflowError:  # a year that no calendar has
        return None
    return entry if entry.line == line else None


@dataclass(frozen=True, slots=True)
class Mark:
    """A place between two lines: how many entries are before it, the last one's hash, the bytes."""

    number: int = 0
    digest: str = GENESIS
    end: int = 0


@dataclass(slots=True)
class Walk:
    """What a walk along lines found.

    Parameters
    ----------
    mark : Mark
        Behind the last entry.
    entries : list of Entry
        The entries, and in `ends` where each ends.
    torn : list of int
        Lines cut short, by their place in the file.
    tail : bytes
        What stands behind the last entry, cut short.
    open_ended : bool
        Whether the last line lacks its end.
    fault : Finding or None
        The first break.
    """

    mark: Mark
    entries: list[Entry] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    torn: list[int] = field(default_factory=list)
    tail: bytes = b""
    open_ended: bool = False
    fault: Finding | None = None


def walk(data: bytes, start: Mark, *, acknowledged: int, first_line: int = 1) -> Walk:
    """Walk along lines from a place known to be good.

    Parameters
    ----------
    data : bytes
        What follows `start`.
    start : Mark
        Where.
    acknowledged : int
        Bytes of the file the head vouches for; lines cut short are borne only behind them.
    first_line : int
        Place of the first line in the file, for the findings.
    """
    found = Walk(start)
    end, pending, since = start.end, b"", 0
    parts = data.split(b"\n")
    for place, part in enumerate(parts, start=first_line):
        last = place - first_line == len(parts) - 1
        if last and not part:
            break
        entry = read_line(part + b"\n")
        if entry is None:
            since = since or place
            pending += part if last else part + b"\n"
        else:
            found.fault = _misfit(entry, found.mark, pending, place, since)
            if found.fault is not None:
                return found
            if pending:
                found.torn.append(since)
            end += len(pending) + len(part) + (not last)
            found.mark = Mark(entry.number, entry.digest, end)
            found.entries.append(entry)
            found.ends.append(end)
            pending, since = b"", 0
        found.open_ended = last
    if pending:
        if end < acknowledged:
            found.fault = Finding.error("finding.audit_changed", line=since)
        else:
            found.torn.append(since)
            found.tail = pending
    return found


def torn_note(lines: bytes) -> str:
    """Return what the entry behind lines cut short holds of them."""
    return sha256(lines.removesuffix(b"\n"))


def _misfit(entry: Entry, mark: Mark, pending: bytes, place: int, since: int) -> Finding | None:
    """Return why a sound line does not belong where it stands, None when it does."""
    follows = entry.number == mark.number + 1 and entry.previous == mark.digest
    told = entry.what.note if entry.kind == TORN else ""
    if follows and told == (torn_note(pending) if pending else ""):
        return None
    if pending:
        return Finding.error("finding.audit_changed", line=since)
    return Finding.error("finding.audit_gap", line=place, number=mark.number + 1)
