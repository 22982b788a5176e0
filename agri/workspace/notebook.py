"""The notes on a farm's maps, kept: added, read, taken back, never lost.

A note that was taken back stays in the table, with the row that took it back; it is read with
``every=True``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from agri.errors import NotFound
from agri.map_notes import MapNote
from agri.workspace.database import Database
from agri.workspace.note_layers import MAP_NOTES
from agri.workspace.records import to_millisecond


class NoteBook:
    """The notes of one farm; get it by `agri.workspace.Workspace.notes`.

    Parameters
    ----------
    database : Database
        The farm's.
    new_uid : callable
        Where stable keys come from.
    """

    def __init__(self, database: Database, new_uid: Callable[[], str]) -> None:
        self._database = database
        self._new_uid = new_uid

    def add(self, note: MapNote) -> MapNote:
        """Keep a note and return it with its key."""
        stored = replace(note, uid=self._new_uid(), at_utc=to_millisecond(note.at_utc))
        with self._database.writing() as connection:
            MAP_NOTES.insert(connection, [stored])
        return stored

    def take_back(self, uid: str, *, by: str, at_utc: datetime, why: str = "") -> MapNote:
        """Take a note back and return the entry that does so.

        Raises
        ------
        NotFound
            When no such note stands: there is none, or it was taken back before.
        """
        with self._database.writing() as connection:
            rows, _ = MAP_NOTES.read(connection)
            note = next((one for one in _standing(rows) if uid and one.uid == uid), None)
            if note is None:
                raise NotFound("error.no_note")
            entry = replace(note, uid=self._new_uid(), takes_back=note.uid, text=why, by=by,
                            at_utc=to_millisecond(at_utc))  # fmt: skip
            MAP_NOTES.insert(connection, [entry])
        return entry

    def of_field(self, field_uid: str = "", *, every: bool = False) -> tuple[MapNote, ...]:
        """Return the notes that stand on a field's map, or on all, the latest first.

        Parameters
        ----------
        field_uid : str
            "" for all fields.
        every : bool
            Whether to return those too that were taken back, and what took them back.
        """
        with self._database.reading() as connection:
            rows, _ = MAP_NOTES.read(connection)
        standing = rows if every else _standing(rows)
        return tuple(one for one in reversed(standing) if field_uid in ("", one.field_uid))


def _standing(rows: tuple[MapNote, ...]) -> tuple[MapNote, ...]:
    back = {one.takes_back for one in rows if one.takes_back}
    return tuple(one for one in rows if not one.takes_back and one.uid not in back)
