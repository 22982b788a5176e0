"""The flights of a farm: a row in the database for each, its files in a folder of its own.

Theory of operation. The files come first and the row last, so every row has its files; a folder
without a row was never acknowledged and is passed over. A flight about to begin gets its folder
and its row ("flying") before it may take off: when either cannot be written there is no flight.
Rows that still say "flying" though nobody records them any more are shown as unfinished, and
`recover` closes them with what their record holds.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import numpy as np
from shapely.geometry import MultiLineString

from agri import files
from agri.errors import AgriError, BadInput, NotFound
from agri.names import slug
from agri.track import Event, FlightRecord, Track
from agri.workspace import flightlog, launches
from agri.workspace.book_layers import APPLIED, FLIGHTS
from agri.workspace.database import Database
from agri.workspace.flightlog import Head, LineLog
from agri.workspace.launches import AircraftLog, Launch
from agri.workspace.records import (
    AIRCRAFT_LOG,
    TELEMETRY,
    AppliedRecord,
    Outcome,
    StoredFlight,
    to_millisecond,
)

FOLDER = "flights"
ENDS = (Outcome.LANDED, Outcome.ABORTED, Outcome.LOST, Outcome.STAYED)


class FlightLog(LineLog):
    """The record of a flight in the air, and the way to end it.

    Close it (or leave its ``with`` block) without `finish`, and the flight counts as unfinished.
    """

    def __init__(
        self, database: Database, folder: Path, head: Head, *, clock: Callable[[], float]
    ) -> None:
        super().__init__(folder, head, clock=clock)
        self._database = database

    @property
    def uid(self) -> str:
        """The flight's stable key."""
        return self.head.uid

    def launched(self, launch: Launch) -> None:
        """Keep what was known at the launch; on return it is on the disk.

        Raises
        ------
        StoreError
            When it cannot be written: then do not fly.
        """
        launches.write_launch(self.folder, launch)

    def finish(self, record: FlightRecord) -> StoredFlight:
        """Write the whole record and close the flight.

        Parameters
        ----------
        record : FlightRecord
            The flight as the link kept it.

        Returns
        -------
        StoredFlight
            Acknowledged: record and row are on the disk.

        Raises
        ------
        StoreError
            When they cannot be written; what was recorded so far is kept and this may be tried
            again.
        """
        head = replace(
            self.head,
            plan_name=record.plan_name,
            plan_digest=record.plan_digest,
            vehicle=record.vehicle,
            started_utc=record.started_utc,
        )
        stored = _stored(head, record, self.folder.name)
        flightlog.write_record(self.folder, head, record)
        with self._database.writing() as connection:
            FLIGHTS.put(connection, stored)
        self.close()
        return stored

    def stay(self, event: Event) -> StoredFlight:
        """Close the flight as one that never took off, with why.

        Raises
        ------
        StoreError
            When it cannot be written.
        """
        self.event(event)
        _, kept, _ = flightlog.read_record(self.folder)
        return self.finish(replace(kept, outcome=Outcome.STAYED))

    def __enter__(self) -> FlightLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _path(track: Track) -> MultiLineString | None:
    places = np.column_stack([track.lon_deg, track.lat_deg])
    places = places[np.isfinite(places).all(axis=1)]
    if len(np.unique(places, axis=0)) < 2:
        return None
    return MultiLineString([places])


def _stored(head: Head, record: FlightRecord, folder: str) -> StoredFlight:
    if record.outcome not in ENDS:
        raise BadInput("error.flight_row", value=record.outcome)
    return StoredFlight(
        uid=head.uid,
        mission_uid=head.mission_uid,
        plan_name=record.plan_name,
        plan_digest=record.plan_digest,
        vehicle=record.vehicle,
        started_utc=to_millisecond(record.started_utc),
        outcome=Outcome(record.outcome),
        photos=len(record.photos),
        duration_s=record.duration_s,
        folder=f"{FOLDER}/{folder}",
        path=_path(record.track),
        source=head.source,
    )


def _folder_name(head: Head) -> str:
    moment = to_millisecond(head.started_utc)
    return f"{moment:%Y%m%d-%H%M%S}-{slug(head.plan_name)}-{slug(head.uid, longest=8)}"


def begin(
    database: Database,
    root: Path,
    head: Head,
    *,
    clock: Callable[[], float],
    launch: Launch | None = None,
) -> FlightLog:
    """Open the record of a flight about to begin: folder, launch, first line, row are on disk."""
    files.make_folder(root / FOLDER)
    folder = files.make_folder(files.inside(root / FOLDER, _folder_name(head)))
    log = FlightLog(database, folder, head, clock=clock)
    row = StoredFlight(
        uid=head.uid,
        mission_uid=head.mission_uid,
        plan_name=head.plan_name,
        plan_digest=head.plan_digest,
        vehicle=head.vehicle,
        started_utc=to_millisecond(head.started_utc),
        outcome=Outcome.FLYING,
        photos=0,
        duration_s=0.0,
        folder=f"{FOLDER}/{folder.name}",
    )
    try:
        if launch is not None:
            log.launched(launch)
        with database.writing() as connection:
            FLIGHTS.insert(connection, [row])
    except BaseException:
        log.close()
        raise
    return log


def save(
    database: Database,
    root: Path,
    keys: tuple[str, str],
    record: FlightRecord,
    *,
    tlog: Path | None = None,
    log: tuple[Path, AircraftLog] | None = None,
    launch: Launch | None = None,
) -> StoredFlight:
    """Store a flight that is over: its folder appears whole, then its row.

    `keys` are the flight's own and its plan's.
    """
    head = Head(
        uid=keys[0],
        mission_uid=keys[1],
        plan_name=record.plan_name,
        plan_digest=record.plan_digest,
        vehicle=record.vehicle,
        started_utc=record.started_utc,
        source=AIRCRAFT_LOG if log else TELEMETRY,
    )
    folder = files.make_folder(root / FOLDER) / _folder_name(head)
    stored = _stored(head, record, folder.name)
    temporary = files.make_folder(files.temporary_beside(folder))
    try:
        flightlog.write_record(temporary, head, record)
        if tlog is not None:
            files.copy_file(tlog, temporary / flightlog.TLOG)
        if launch is not None:
            launches.write_launch(temporary, launch)
        if log is not None:
            launches.keep_log(temporary, *log)
        with files.told(folder):
            temporary.rename(folder)
            files.sync_folder(folder.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    with database.writing() as connection:
        FLIGHTS.insert(connection, [stored])
    return stored


def replace_track(
    database: Database,
    root: Path,
    flight: StoredFlight,
    record: FlightRecord,
    log: tuple[Path, AircraftLog],
) -> StoredFlight:
    """Put the track of the aircraft's own log in the place of the one heard on the ground.

    That one stays beside it as ``track.telemetry.jsonl``, and the log itself is kept. After a crash
    in between the old or the new track stands whole; doing it again ends it.

    Raises
    ------
    BadInput
        When the flight is still being recorded.
    StoreError
        When the disk cannot take it.
    """
    folder = folder_of(root, flight)
    if flightlog.is_live(folder):
        raise BadInput("error.flight_still_recorded", plan=flight.plan_name)
    head, _, _ = flightlog.read_record(folder)
    if not (folder / flightlog.HEARD).is_file() and head.source != AIRCRAFT_LOG:
        files.copy_file(folder / flightlog.TRACK, folder / flightlog.HEARD)
    launches.keep_log(folder, *log)
    head = replace(head, source=AIRCRAFT_LOG)
    stored = _stored(head, record, folder.name)
    flightlog.write_record(folder, head, record)
    with database.writing() as connection:
        FLIGHTS.put(connection, stored)
    return stored


def heard(root: Path, flight: StoredFlight) -> FlightRecord:
    """Return a flight as it was heard on the ground, whatever took its place since."""
    folder = folder_of(root, flight)
    there = (folder / flightlog.HEARD).is_file()
    return flightlog.read_record(folder, flightlog.HEARD if there else flightlog.TRACK)[1]


def folder_of(root: Path, flight: StoredFlight) -> Path:
    """Return the folder of a flight's files.

    Raises
    ------
    BadInput
        When its row names a place outside the farm's flights.
    """
    name = flight.folder.removeprefix(f"{FOLDER}/")
    return files.inside(root / FOLDER, name)


def stored_flights(database: Database, root: Path) -> tuple[StoredFlight, ...]:
    """Return all flights, newest first; those nobody records any more as unfinished."""
    with database.reading() as connection:
        flights, _ = FLIGHTS.read(connection)
    flights = tuple(_as_it_is(root, flight) for flight in flights)
    return tuple(sorted(flights, key=lambda flight: flight.started_utc, reverse=True))


def _as_it_is(root: Path, flight: StoredFlight) -> StoredFlight:
    if flight.outcome is not Outcome.FLYING:
        return flight
    try:
        folder = folder_of(root, flight)
        live = flightlog.is_live(folder)
        head, record, finished = flightlog.read_record(folder)
        found = _stored(head, record, folder.name)
    except AgriError:
        return replace(flight, outcome=Outcome.UNFINISHED)
    if live:
        return replace(found, outcome=Outcome.FLYING)
    return found if finished else replace(found, outcome=Outcome.UNFINISHED)


def stored_flight(database: Database, root: Path, uid: str) -> StoredFlight:
    """Return one flight by its key or the beginning of it."""
    found = [f for f in stored_flights(database, root) if uid and f.uid.startswith(uid)]
    if len(found) != 1:
        raise NotFound("error.no_flight", wanted=uid)
    return found[0]


def load(database: Database, root: Path, uid: str) -> FlightRecord:
    """Return a flight's whole record, or what is left of it."""
    folder = folder_of(root, stored_flight(database, root, uid))
    return flightlog.read_record(folder)[1]


def recover(database: Database, root: Path) -> tuple[StoredFlight, ...]:
    """Close the flights whose recording died, and return them."""
    recovered: list[StoredFlight] = []
    with database.writing() as connection:
        for flight in FLIGHTS.read(connection)[0]:
            found = _as_it_is(root, flight)
            if flight.outcome is Outcome.FLYING and found.outcome is not Outcome.FLYING:
                if found.outcome is Outcome.UNFINISHED:
                    found = replace(found, outcome=Outcome.LOST)
                FLIGHTS.put(connection, found)
                recovered.append(found)
    return tuple(recovered)


def save_applied(
    database: Database, flight: StoredFlight, applied: AppliedRecord, new_uid: Callable[[], str]
) -> AppliedRecord:
    """Store what a flight applied, in place of what was stored for it before.

    What was read at its tank stays until it is read anew: nobody can read it again from the record.

    Raises
    ------
    NotFound
        When the farm has no such flight.
    """
    with database.writing() as connection:
        flights, _ = FLIGHTS.read(connection)
        if flight.uid not in {known.uid for known in flights}:
            raise NotFound("error.no_flight", wanted=flight.uid)
        before = [a for a in APPLIED.read(connection)[0] if a.flight_uid == flight.uid]
        uid = before[0].uid if before else new_uid()
        tank = applied.tank or (before[0].tank if before else None)
        kept = replace(applied, flight_uid=flight.uid, uid=uid, tank=tank)
        APPLIED.put(connection, kept)
    return kept


def applied_of(database: Database, flight: StoredFlight) -> AppliedRecord | None:
    """Return what a flight applied, None when that was not worked out."""
    with database.reading() as connection:
        found, _ = APPLIED.read(connection)
    return next((a for a in found if a.flight_uid == flight.uid), None)


def stored_applied(database: Database) -> tuple[AppliedRecord, ...]:
    """Return what all flights applied, newest first."""
    with database.reading() as connection:
        found, _ = APPLIED.read(connection)
    return tuple(sorted(found, key=lambda applied: applied.sprayed_utc, reverse=True))
