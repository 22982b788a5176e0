"""The records of an ArduPilot dataflash log (.bin), one by one, from a file that may be damaged.

Theory of operation. Such a log is a row of records: two bytes that begin each, one for its kind,
and a body whose length and columns a record FMT told before. pymavlink's ``DFReader`` knows what
the letters of a format mean and how they are scaled; its `DFFormat` and `DFMessage` read the
bodies. The walk from record to record is ours: DFReader keeps an index of the whole file, calls
itself for every damaged record, and goes round for ever in a format of length nothing. Here a
piece of the file is in memory at a time.

A record counts when the next one begins right behind it, or the file ends, or only filling (00 or
FF, which logs are padded with) comes. Otherwise the next beginning is looked for; what lies between
counts as damaged. A log whose aircraft lost its power ends within a record: that is `cut`, and
nothing to be refused. What is no log at all, or so broken that it would be read for ever, is
refused.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from agri.errors import BadInput

HEAD = b"\xa3\x95"
HEAD_BYTES = 3
FMT, FMT_BYTES = 128, 89
LONGEST = 256
"""A record's length is told in one byte."""
PIECE_BYTES = 1 << 20
MOST_RECORDS = 20_000_000
"""300 MB hold some six million."""
MOST_BREAKS = 100_000
"""Places where the row of records is broken; a card that fails has some dozens."""
FILLING = b"\x00\xff"

_FMT = struct.Struct("<BB4s16s64s")


@dataclass(frozen=True, slots=True)
class _Kind:
    """How long records of a kind are, and how to read them when anybody wants them."""

    length: int
    read: Any = None


class Records:
    """The wanted records of a log, to be gone through once.

    Parameters
    ----------
    file : BinaryIO
        The log, open.
    wanted : collection of str
        Names of the records to be read; the others are passed over.
    name : str
        The file's name, for sentences.

    Attributes
    ----------
    damaged_bytes : int
        What belonged to no record.
    cut : bool
        Whether the file ends within a record.

    Raises
    ------
    BadInput
        While going through, when there is no end to the damage or to the records.
    """

    def __init__(self, file: BinaryIO, wanted: Collection[str], *, name: str) -> None:
        self.damaged_bytes = 0
        self.cut = False
        self._file, self._wanted, self._name = file, wanted, name
        self._kinds: dict[int, _Kind] = {FMT: _Kind(FMT_BYTES)}
        self._buffer, self._at, self._over = b"", 0, False
        self._breaks = 0

    def __iter__(self) -> Iterator[Any]:
        """Yield ``DFMessage`` values, in the file's order."""
        for _ in range(MOST_RECORDS):
            found = self._next()
            if found is None:
                return
            kind, body = found
            if kind is self._kinds[FMT]:
                self._learn(body)
            elif kind.read is not None:
                yield _message(kind.read, body)
        raise BadInput("error.log_endless", name=self._name)

    def _next(self) -> tuple[_Kind, bytes] | None:
        while True:
            while len(self._buffer) - self._at < 2 * LONGEST and not self._over:
                self._refill()
            buffer, at = self._buffer, self._at
            if len(buffer) - at < HEAD_BYTES:
                self.cut = len(buffer) > at and HEAD.startswith(buffer[at:])
                self._skip_to(len(buffer) if not self.cut else at)
                return None
            kind = self._kinds.get(buffer[at + 2]) if buffer.startswith(HEAD, at) else None
            if kind is not None:
                end = at + kind.length
                if self._followed(end):
                    self._at = end
                    return kind, buffer[at + HEAD_BYTES : end]
            further = buffer.find(HEAD, at + 1)
            if kind is not None and end > len(buffer) and further < 0:
                self.cut, self._at = True, len(buffer)
                return None
            if further < 0:  # a beginning may lie across the pieces
                further = len(buffer) - (0 if self._over else 1)
            self._skip_to(max(further, at + 1))

    def _followed(self, end: int) -> bool:
        left = self._buffer[end : end + 2]
        if end >= len(self._buffer) or len(left) == 1:
            return end == len(self._buffer) or left in (HEAD[:1], b"\x00", b"\xff")
        return left == HEAD or left.strip(FILLING) == b""

    def _refill(self) -> None:
        more = self._file.read(PIECE_BYTES)
        self._over = not more
        self._buffer = self._buffer[self._at :] + more
        self._at = 0

    def _skip_to(self, place: int) -> None:
        lost = len(self._buffer[self._at : place].strip(FILLING))
        self._at = place
        if lost:
            self.damaged_bytes += lost
            self._breaks += 1
            if self._breaks > MOST_BREAKS:
                raise BadInput("error.log_broken", name=self._name)

    def _learn(self, body: bytes) -> None:
        number, length, raw_name, raw_format, raw_columns = _FMT.unpack(body)
        if number == FMT or length < HEAD_BYTES:
            return
        name, letters, columns = (_text(raw) for raw in (raw_name, raw_format, raw_columns))
        read = None
        if name in self._wanted:
            read = _format(number, name, length, letters, columns)
        self._kinds[number] = _Kind(length, read)


def _text(raw: bytes) -> str:
    return raw.split(b"\x00")[0].decode("ascii", "replace")


def _format(number: int, name: str, length: int, letters: str, columns: str) -> Any:
    """Return how a kind is read, None when it does not fit itself."""
    from pymavlink.DFReader import FORMAT_TO_STRUCT, DFFormat

    names = columns.split(",")
    if "a" in letters or not all(letter in FORMAT_TO_STRUCT for letter in letters):
        return None
    size = struct.calcsize("<" + "".join(FORMAT_TO_STRUCT[letter][0] for letter in letters))
    if size + HEAD_BYTES != length or len(names) != len(letters) or len(set(names)) < len(names):
        return None
    return DFFormat(number, name, length, letters, columns)


def _message(read: Any, body: bytes) -> Any:
    from pymavlink.DFReader import DFMessage

    return DFMessage(read, list(struct.unpack(read.msg_struct, body)), True, None)


def number(message: Any, column: str) -> float:
    """Return a record's number, NaN when it has no such column or no number there."""
    value = getattr(message, column, None) if column in message.fmt.colhash else None
    return float(value) if isinstance(value, int | float) else math.nan


def text(message: Any, column: str) -> str:
    """Return a record's text, "" when it has no such column or no text there."""
    value = getattr(message, column, None) if column in message.fmt.colhash else None
    kept = "".join(c for c in value if c.isprintable()) if isinstance(value, str) else ""
    return kept.strip()
