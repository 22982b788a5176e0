"""All versions of a farm's models: append-only, chained, with the way back.

Theory of operation. The folder ``models`` of a farm holds a folder per model and in it one per
version (``0001``, ``0002`` …), never written twice. What was done stands in numbered lines, a file
each (``log/000001.json`` …): a version was kept, or a version is the one in use from now on. A line
holds the SHA-256 of the line before it and the digest of the version it speaks of, and it takes its
name exclusively, so of two writers one is told to try again and nothing is lost. To go back is
to append a line: the newer version stays, and so does the story.

A crash leaves a version's folder without a line; it is not in the registry, and its number is
skipped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from agri import files
from agri.errors import BadInput, NotFound, Refused
from agri.names import slug
from agri.weather import in_utc
from models.saved.card import Card
from models.saved.document import (
    MOST_JSON_BYTES,
    Document,
    Model,
    State,
    read_card,
    read_model,
    write_model,
)

FOLDER, LOG = "models", "log"
HEAD, ARRAYS = "model.json", "arrays.npz"
MOST_ARRAYS_BYTES = 300_000_000
MOST_LINE_BYTES = 10_000
MOST_LINES = 100_000
MOST_VERSIONS = 9999
GENESIS = "0" * 64
Action = Literal["kept", "in use"]
_FIELDS = ("action", "digest", "model", "number", "past", "time", "version", "why")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that was done.

    Parameters
    ----------
    number : int
        1, 2, 3 …
    action : {"kept", "in use"}
        What.
    model : str
        Name of the model, as a folder.
    version : int
        1, 2, 3 …
    digest : str
        Of the version's ``model.json``.
    time : datetime
        When, UTC.
    why : str
        In words.
    past : str
        SHA-256 of the line before.
    """

    number: int
    action: Action
    model: str
    version: int
    digest: str
    time: datetime
    why: str
    past: str


class Registry:
    """The models of a farm.

    Parameters
    ----------
    folder : Path
        The farm's folder.

    Notes
    -----
    Every call reads what is on the disk; nothing is kept between calls.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / FOLDER

    def lines(self) -> tuple[Line, ...]:
        """Return what was done, first to last.

        Raises
        ------
        Refused
            When a line is missing, was changed or is none.
        """
        found: list[Line] = []
        past = GENESIS
        names = self._line_names()
        for number, name in enumerate(names, 1):
            data = files.read_bytes_limited(self.folder / LOG / name, limit_bytes=MOST_LINE_BYTES)
            line = _read_line(data)
            if name != f"{number:06d}.json" or line.number != number or line.past != past:
                raise Refused("error.model_log", line=number)
            past = hashlib.sha256(data).hexdigest()
            found.append(line)
        return tuple(found)

    def keep(self, state: State, card: Card, *, now: datetime, why: str = "") -> int:
        """Keep a model as a new version and take it into use; return the version's number.

        Raises
        ------
        BadInput
            When it cannot be kept, or somebody else keeps one at the same time.
        StoreError
            When the disk cannot take it.
        """
        document = write_model(state, card)
        name = slug(card.name)
        version = self._next_version(name)
        place = files.make_folder(self.folder / name) / f"{version:04d}"
        with files.told(place):
            place.mkdir()
        files.write_bytes(place / ARRAYS, document.arrays)
        files.write_bytes(place / HEAD, document.head)
        for action in ("kept", "in use"):
            self._append(action, (name, version, document.digest), now, why)
        return version

    def use(self, name: str, version: int, *, now: datetime, why: str) -> None:
        """Take a kept version into use, an older one or a newer one.

        Raises
        ------
        NotFound
            When there is no such version.
        Refused
            When its files are not those that were kept.
        """
        digest = self._digest(slug(name), version)
        self._document(slug(name), version, digest)
        self._append("in use", (slug(name), version, digest), now, why)

    def versions(self, name: str) -> tuple[int, ...]:
        """Return the kept versions of a model."""
        return tuple(one.version for one in self.lines()
                     if one.model == slug(name) and one.action == "kept")  # fmt: skip

    def in_use(self, name: str) -> int:
        """Return which version is in use.

        Raises
        ------
        NotFound
            When none is kept.
        """
        for line in reversed(self.lines()):
            if line.model == slug(name) and line.action == "in use":
                return line.version
        raise NotFound("error.model_none", name=name)

    def card(self, name: str, version: int | None = None) -> Card:
        """Return a version's card, by default of the one in use."""
        version = self.in_use(name) if version is None else version
        return read_card(self._kept(slug(name), version))

    def load(
        self,
        name: str,
        kinds: Mapping[str, Callable[[State], Model]],
        version: int | None = None,
    ) -> tuple[Model, Card]:
        """Return a model and its card, by default of the version in use.

        Raises
        ------
        NotFound
            When there is no such version.
        Refused
            When its files are not those that were kept, or its kind is not one of `kinds`.
        """
        version = self.in_use(name) if version is None else version
        return read_model(self._kept(slug(name), version), kinds)

    def _kept(self, name: str, version: int) -> Document:
        return self._document(name, version, self._digest(name, version))

    def _digest(self, name: str, version: int) -> str:
        for line in self.lines():
            if (line.model, line.version, line.action) == (name, version, "kept"):
                return line.digest
        raise NotFound("error.model_version", name=name, version=version)

    def _document(self, name: str, version: int, digest: str) -> Document:
        place = self.folder / name / f"{version:04d}"
        head = files.read_bytes_limited(place / HEAD, limit_bytes=MOST_JSON_BYTES)
        if hashlib.sha256(head).hexdigest() != digest:
            raise Refused("error.model_changed")
        arrays = files.read_bytes_limited(place / ARRAYS, limit_bytes=MOST_ARRAYS_BYTES)
        return Document(head=head, arrays=arrays)

    def _line_names(self) -> list[str]:
        log = self.folder / LOG
        with files.told(log):
            if not log.is_dir():
                return []
            names = sorted(one.name for one in log.iterdir() if not one.name.startswith("."))
        if len(names) > MOST_LINES:
            raise Refused("error.model_log", line=MOST_LINES)
        return names

    def _next_version(self, name: str) -> int:
        place = self.folder / name
        with files.told(place):
            taken = [int(one.name) for one in place.iterdir() if one.name.isdecimal()] if (
                place.is_dir()) else []  # fmt: skip
        version = max(taken, default=0) + 1
        if version > MOST_VERSIONS or name == LOG:
            raise BadInput("error.model_name", name=name)
        return version

    def _append(self, action: str, what: tuple[str, int, str], now: datetime, why: str) -> None:
        name, version, digest = what
        number = len(self.lines()) + 1
        log = files.make_folder(self.folder / LOG)
        past = GENESIS
        if number > 1:
            data = files.read_bytes_limited(log / f"{number - 1:06d}.json")
            past = hashlib.sha256(data).hexdigest()
        told = dict(zip(_FIELDS, (action, digest, name, number, past, in_utc(now).isoformat(),
                                  version, why[:500]), strict=True))  # fmt: skip
        temporary = files.temporary_beside(log / f"{number:06d}.json")
        files.write_bytes(temporary, _canonical(told))
        try:
            files.publish(temporary, log / f"{number:06d}.json")
        except BadInput:
            with files.told(temporary):
                temporary.unlink(missing_ok=True)
            raise BadInput("error.model_meanwhile", name=name) from None


def _canonical(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False, sort_keys=True).encode() + b"\n"


def _read_line(data: bytes) -> Line:
    try:
        told = json.loads(data)
        if tuple(sorted(told)) != _FIELDS or _canonical(told) != data:
            raise ValueError
        if told["action"] not in ("kept", "in use") or slug(told["model"]) != told["model"]:
            raise ValueError
        told["time"] = in_utc(datetime.fromisoformat(told["time"]))
        for name, kind in (("number", int), ("version", int), ("digest", str), ("why", str)):
            if not isinstance(told[name], kind):
                raise TypeError
        return Line(**told)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Refused("error.model_log", line=0) from None
