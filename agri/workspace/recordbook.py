"""The farm's field records, kept: added, read, corrected, and never lost.

Theory of operation. Records go in together in one transaction, each with a stable key and the time
it was entered; when `RecordBook.add` returns they are on the disk. A record that replaces another
stands in its place from then on; the other stays in the table and is read with ``every=True`` or by
`RecordBook.history`. Only what stands can be replaced, so two people who correct the same record
cannot both believe that theirs holds: the second is told to look at the first's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields as fields_of
from dataclasses import replace
from datetime import date, datetime
from typing import Any, TypeVar, overload

from agri.errors import BadInput, NotFound
from agri.field_records import Record
from agri.findings import Finding
from agri.names import fold, same
from agri.workspace.database import Database
from agri.workspace.record_layers import RECORDS
from agri.workspace.records import to_millisecond

R = TypeVar("R", bound=Record)
SHORTEST_KEY = 4
"""Fewest characters of a key that stand for it."""
_OWN = {"uid", "entered_utc", "replaces", "source", "by"}
"""What two records of the same thing may differ in."""


class RecordBook:
    """The field records of one farm; get it by `agri.workspace.Workspace.records`.

    Parameters
    ----------
    database : Database
        The farm's.
    new_uid : callable
        Where stable keys come from.
    now : callable
        The wall clock, UTC.
    """

    def __init__(
        self, database: Database, new_uid: Callable[[], str], now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._new_uid = new_uid
        self._now = now

    def add(self, record: R) -> R:
        """Enter a record and return it with its key.

        Raises
        ------
        NotFound
            When it replaces a record that is not there.
        BadInput
            When it replaces one that was replaced before.
        StoreError
            When the disk cannot take it.
        """
        return self.add_many([record])[0]

    def add_many(self, records: Sequence[R]) -> tuple[R, ...]:
        """Enter records in one transaction, all or none, and return them with their keys."""
        now = to_millisecond(self._now())
        keyed = tuple(replace(one, uid=self._new_uid(), entered_utc=now) for one in records)
        with self._database.writing() as connection:
            if any(one.replaces for one in keyed):
                stored, _ = RECORDS.read(connection)
                _refuse_replaced([*stored, *keyed], keyed)
            RECORDS.insert(connection, keyed)
        return keyed

    def correct(self, wanted: str, record: R) -> R:
        """Enter a record in the place of the one meant by a key or its beginning."""
        return self.add(replace(record, replaces=self.find(wanted).uid))

    @overload
    def read(
        self, kind: type[R], *, field: str = "", season: int = 0, lot: str = "",
        since: date | None = None, until: date | None = None, every: bool = False,
    ) -> tuple[R, ...]: ...  # fmt: skip

    @overload
    def read(
        self, kind: None = None, *, field: str = "", season: int = 0, lot: str = "",
        since: date | None = None, until: date | None = None, every: bool = False,
    ) -> tuple[Record, ...]: ...  # fmt: skip

    def read(
        self, kind: type[Any] | None = None, *, field: str = "", season: int = 0, lot: str = "",
        since: date | None = None, until: date | None = None, every: bool = False,
    ) -> tuple[Any, ...]:  # fmt: skip
        """Return the records that stand, by day and then as they were entered.

        Parameters
        ----------
        kind : type, optional
            One kind, such as `agri.field_records.Harvest`.
        field : str
            Of this field, by name or key; "" for all.
        season : int
            Of this season; 0 for all.
        lot : str
            Of this lot; "" for all.
        since, until : date, optional
            First and last day.
        every : bool
            Whether to return those too that were replaced.
        """
        stored, _ = self.read_with_findings(every=every)
        return tuple(
            one for one in stored
            if (kind is None or isinstance(one, kind))
            and (not field or field == one.field_uid or fold(field) == fold(one.field))
            and season in (0, one.season)
            and (not lot or same(lot) == same(one.lot))
            and (since is None or one.day >= since)
            and (until is None or one.day <= until)
        )  # fmt: skip

    def read_with_findings(
        self, *, every: bool = False
    ) -> tuple[tuple[Record, ...], list[Finding]]:
        """Return all records that stand, and what was wrong with rows written elsewhere."""
        with self._database.reading() as connection:
            stored, findings = RECORDS.read(connection)
        standing = stored if every else _standing(stored)
        return tuple(sorted(standing, key=lambda one: one.day)), findings

    def find(self, wanted: str) -> Record:
        """Return the record meant by a key or the beginning of one.

        Raises
        ------
        NotFound
            When there is none.
        BadInput
            When several are meant.
        """
        key = wanted.strip().lower()
        stored = self.read(every=True)
        found = [one for one in stored if len(key) >= SHORTEST_KEY and one.uid.startswith(key)]
        if not found:
            raise NotFound("error.no_record", wanted=wanted)
        if len(found) > 1:
            names = ", ".join(one.uid for one in found)
            raise BadInput("error.ambiguous", wanted=wanted, names=names)
        return found[0]

    def history(self, wanted: str) -> tuple[Record, ...]:
        """Return a record and all it replaced, one after the other, the newest first."""
        by_key = {one.uid: one for one in self.read(every=True)}
        found = [self.find(wanted)]
        while (earlier := by_key.get(found[-1].replaces)) is not None and earlier not in found:
            found.append(earlier)
        return tuple(found)

    def known(self, records: Iterable[Record]) -> tuple[bool, ...]:
        """Return of each record whether one that tells the same stands already."""
        there = {_told(one) for one in self.read()}
        return tuple(_told(one) in there for one in records)


def _told(record: Record) -> tuple[Any, ...]:
    """Return what a record tells, without who entered it from where and when."""
    names = [one.name for one in fields_of(record) if one.name not in _OWN]
    return (record.kind, *(getattr(record, name) for name in names))


def _standing(records: Sequence[Record]) -> tuple[Record, ...]:
    """Return the records, in the order they were entered, that no later one replaces."""
    before: set[str] = set()
    gone: set[str] = set()
    for one in records:
        if one.replaces in before:
            gone.add(one.replaces)
        before.add(one.uid)
    return tuple(one for one in records if one.uid not in gone)


def _refuse_replaced(every: Sequence[Record], new: Sequence[Record]) -> None:
    keys = {one.uid for one in every}
    for one in new:
        if not one.replaces:
            continue
        if one.replaces not in keys:
            raise NotFound("error.no_record", wanted=one.replaces)
        others = [two.uid for two in every if two.replaces == one.replaces and two.uid != one.uid]
        if others:
            raise BadInput("error.record_replaced", uid=one.replaces[:8], by=others[0][:8])
