"""The farm folder: one folder that holds a farm and opens in QGIS.

``farm.gpkg`` holds the layers fields, obstacles, sensitive_sites, pads, no_fly_zones, missions,
flights, applied, permits, map_checks and map_notes, the tables licences, registrations and records;
``plans/``, ``flights/``, ``reports/`` and ``backups/`` stand beside it. The tables of a farm that a
co-operative serves may stand in PostgreSQL with PostGIS instead; the folder then holds
``farm.postgis``, which names it. `Workspace` is the door; behind it are rooms for what a folder
means (`opening`, `address`), the connection (`database`, `geopackage`, `postgis`), what columns
hold (`columns`, `gpkg`), tables (`tables`, `gpkg_tables`, `postgis_tables`, `layers`,
`book_layers`, `paper_layers`, `record_layers`, `note_layers`, `people_tables`, `job_tables`),
their versions (`migrations`), the site (`sitebook`), papers (`paperbook`), field records
(`recordbook`), people (`peoplebook`), work (`jobbook`), notes (`notebook`), plans (`planbook`),
flights (`flightbook`, `flightlog`, `launches`, `tokens`), `care`, `backups`, and copies (`copying`,
`moving`).

Three promises. What a method returned from is on the disk (acknowledged = kept). Any number of
programs may read and write at once; a writer waits for its turn. Whatever the disk or the database
cannot do comes as one `agri.errors.StoreError` sentence, with the old data intact.

The folder belongs on a disk of the machine itself: the write-ahead log (``farm.gpkg-wal``, which
holds commits too) needs shared memory. Other programs may open the file at any time; within one
program read it by `frame` rather than by geopandas in another thread (why: `geopackage`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from agri import files
from agri.errors import BadInput, NotFound
from agri.field import Farm, Field, NoFlyZone, Obstacle, Pad, SensitiveSite
from agri.findings import Finding, Severity
from agri.track import FlightRecord
from agri.workspace import backups, care, flightbook, launches, migrations, paperbook, planbook

from agri.workspace import jobbook, moving, notebook, opening  # isort: skip
from agri.workspace import peoplebook, recordbook, sitebook  # isort: skip
from agri.workspace.flightbook import FlightLog
from agri.workspace.flightlog import Head
from agri.workspace.launches import AircraftLog, Launch
from agri.workspace.layers import FIELDS, NO_FLY_ZONES, OBSTACLES, PADS, SENSITIVE_SITES, Layer
from agri.workspace.opening import DATABASE, now_utc, random_uid
from agri.workspace.records import AppliedRecord, Outcome, PlanRecord, StoredFlight
from agri.workspace.sitebook import V

__all__ = [
    "DATABASE", "AircraftLog", "AppliedRecord", "FlightLog", "Launch", "Outcome", "PlanRecord",
    "StoredFlight", "Workspace",
]  # fmt: skip

REPORTS = "reports"


class Workspace:
    """A farm folder, open; get one by `create`, `open` or `find`. Several threads may use it.

    Parameters
    ----------
    folder : Path
        The folder that holds ``farm.gpkg`` or ``farm.postgis``.
    now : callable
        The wall clock, UTC.
    new_uid : callable
        Where stable keys come from.
    database : str
        Address of the PostgreSQL database of a farm that is in one, for example with a password;
        "" goes by what the folder tells.
    """

    def __init__(
        self, folder: Path, *, database: str = "",
        now: Callable[[], datetime] = now_utc, new_uid: Callable[[], str] = random_uid,
    ) -> None:  # fmt: skip
        self.folder = folder
        self._now = now
        self._new_uid = new_uid
        self._database = opening.database_of(folder, database)

    @classmethod
    def create(
        cls, folder: Path, *, farm_name: str, database: str = "",
        now: Callable[[], datetime] = now_utc, new_uid: Callable[[], str] = random_uid,
    ) -> Workspace:  # fmt: skip
        """Make a farm in a new or empty folder, its tables in `database` when one is named.

        Raises
        ------
        BadInput
            When the folder holds a farm already, or other files (hidden ones do not count), or
            the name is empty.
        StoreError
            When the disk or the database cannot take it.
        """
        opening.make(folder, name=farm_name, uid=new_uid(), now=now(), address=database)
        for name in (planbook.FOLDER, flightbook.FOLDER, REPORTS, backups.FOLDER):
            files.make_folder(folder / name)
        return cls.open(folder, now=now, new_uid=new_uid, database=database)

    @classmethod
    def open(
        cls, folder: Path, *, database: str = "",
        now: Callable[[], datetime] = now_utc, new_uid: Callable[[], str] = random_uid,
    ) -> Workspace:  # fmt: skip
        """Open the farm in `folder`; an older one is backed up and brought up to date.

        Raises
        ------
        NotFound
            When there is no farm.
        StoreError
            When its database is damaged, not a farm, of a newer agri, or cannot be reached.
        """
        workspace = cls(folder, now=now, new_uid=new_uid, database=database)
        try:
            migrations.bring_up_to_date(workspace._database, folder, now=now())
        except BaseException:
            workspace.close()
            raise
        return workspace

    @classmethod
    def find(cls, start: Path) -> Workspace:
        """Open the farm in `start` or the nearest folder above it that holds one.

        Raises
        ------
        NotFound
            When none does.
        """
        folder = opening.farm_around(start.absolute())
        if folder is not None:
            return cls.open(folder)
        raise NotFound("error.no_farm", folder=str(start))

    def close(self) -> None:
        """Let go of the database; the workspace may still be used."""
        self._database.close()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def farm_name(self) -> str:
        """The farm's name, as it stands now."""
        with self._database.reading() as connection:
            return sitebook.farm_name(connection) or self.folder.name

    @property
    def reports(self) -> Path:
        """The folder for reports, made when it is not there."""
        return files.make_folder(self.folder / REPORTS)

    # ------------------------------------------------------------------ the farm

    def farm_with_findings(self) -> tuple[Farm, list[Finding]]:
        """Return the whole farm as values, and what was wrong with rows edited elsewhere.

        An ERROR finding stands for something that keeps aircraft away and could not be honoured;
        do not plan with the farm then.
        """
        return sitebook.read_farm(self._database, unnamed=self.folder.name)

    def farm(self) -> Farm:
        """Return the whole farm as values, fit to plan with.

        Raises
        ------
        BadInput
            When an obstacle, sensitive site or no-fly zone cannot be honoured as it stands.
        """
        farm, findings = self.farm_with_findings()
        for finding in findings:
            if finding.severity is Severity.ERROR:
                raise BadInput("error.farm_row", where=finding.where, reason=finding.message)
        return farm

    def fields(self) -> tuple[Field, ...]:
        """Return the fields in the order they were added."""
        return sitebook.read_layer(self._database, FIELDS)

    def field(self, name_or_uid: str) -> Field:
        """Return the field meant: by key, by name, or by name without case and diacritics.

        Raises
        ------
        NotFound
            When there is none; the sentence tells near names.
        BadInput
            When several are meant equally.
        """
        return sitebook.pick(name_or_uid, self.fields(), "error.no_field")

    def frame(self, layer: str) -> Any:
        """Return a layer, by name, as a ``geopandas.GeoDataFrame`` (WGS 84), for notebooks, maps.

        Raises
        ------
        NotFound
            When the farm has no such layer.
        """
        return sitebook.read_frame(self._database, layer)

    def add_fields(self, fields: Sequence[Field]) -> tuple[Field, ...]:
        """Store fields in one transaction and return them with their keys.

        Raises
        ------
        BadInput
            When a name is taken or given twice; nothing is stored then.
        """
        return self._add(FIELDS, fields)

    def change_field(self, field: Field) -> Field:
        """Put a field in the place of the one with its key; its plans stay as they are.

        Raises
        ------
        NotFound, BadInput
            When no field has the key; when another has the name.
        """
        return sitebook.change(self._database, FIELDS, field)

    def add_obstacles(self, obstacles: Sequence[Obstacle]) -> tuple[Obstacle, ...]:
        """Store obstacles in one transaction and return them with their keys."""
        return self._add(OBSTACLES, obstacles)

    def add_sensitive_sites(self, sites: Sequence[SensitiveSite]) -> tuple[SensitiveSite, ...]:
        """Store sensitive sites in one transaction and return them with their keys."""
        return self._add(SENSITIVE_SITES, sites)

    def add_pads(self, pads: Sequence[Pad]) -> tuple[Pad, ...]:
        """Store pads in one transaction and return them with their keys; names are unique."""
        return self._add(PADS, pads)

    def add_no_fly_zones(self, zones: Sequence[NoFlyZone]) -> tuple[NoFlyZone, ...]:
        """Store no-fly zones in one transaction and return them with their keys."""
        return self._add(NO_FLY_ZONES, zones)

    def _add(self, layer: Layer[V], values: Sequence[V]) -> tuple[V, ...]:
        return sitebook.add(self._database, layer, values, self._new_uid)

    def pad(self, name: str | None = None) -> Pad | None:
        """Return the pad of this name, or without a name the first one, None when there is none.

        Raises
        ------
        NotFound
            When a name is given and no pad has it.
        """
        pads = sitebook.read_layer(self._database, PADS)
        if name is not None:
            return sitebook.pick(name, pads, "error.no_pad")
        return pads[0] if pads else None

    def remove(self, uid: str) -> None:
        """Remove a field, obstacle, sensitive site, pad or no-fly zone by its key.

        Raises
        ------
        NotFound
            When nothing of the farm has this key.
        """
        sitebook.remove(self._database, sitebook.SITE_LAYERS, uid)

    @property
    def papers(self) -> paperbook.PaperBook:
        """The farm's permits, licences, registrations and looks at the official map."""
        return paperbook.PaperBook(self._database, self._new_uid)

    @property
    def records(self) -> recordbook.RecordBook:
        """What was done and seen on the farm's fields, and what their crop gave and sold for."""
        return recordbook.RecordBook(self._database, self._new_uid, self._now)

    @property
    def people(self) -> peoplebook.PeopleBook:
        """Who may sign in to the app, and what advisers said of plans."""
        return peoplebook.PeopleBook(self._database, self._new_uid)

    @property
    def jobs(self) -> jobbook.JobBook:
        """Work that goes on in the background."""
        return jobbook.JobBook(self._database, self._new_uid)

    @property
    def notes(self) -> notebook.NoteBook:
        """What people wrote on the maps of fields."""
        return notebook.NoteBook(self._database, self._new_uid)

    # ------------------------------------------------------------------ plans

    def save_plan(self, record: PlanRecord, document: str) -> PlanRecord:
        """Store a plan: its document in ``plans/`` and its row, acknowledged together.

        Parameters
        ----------
        record : PlanRecord
            The row; `file` is decided here, `uid` too unless given and free.
        document : str
            The plan itself, as text.

        Returns
        -------
        PlanRecord
            As stored. Saving the very same plan again returns the stored one.

        Raises
        ------
        StoreError
            When the disk cannot take it; earlier plans are still there.
        """
        return planbook.save(self._database, self.folder, record, document, self._new_uid)

    def save_plans(self, plans: Sequence[tuple[PlanRecord, str]]) -> tuple[PlanRecord, ...]:
        """Store many new plans, rows and documents, acknowledged together (as `save_plan`)."""
        return planbook.save_many(self._database, self.folder, plans, self._new_uid)

    def plan(self, name_or_uid: str) -> tuple[PlanRecord, str]:
        """Return a plan and its document: the newest of this name, or the one with this key.

        Raises
        ------
        NotFound
            When there is none.
        BadInput
            When several names are meant equally.
        StoreError
            When the document is missing or was changed outside agri.
        """
        record = planbook.find(self._database, name_or_uid)
        return record, planbook.read(self._database, self.folder, record)

    def plans(self, *, every: bool = False) -> tuple[PlanRecord, ...]:
        """Return the plans, newest first; without `every` no name and no job that is outdated."""
        return planbook.stored_plans(self._database, every=every)

    def write_beside(self, file: str, suffix: str, data: bytes) -> Path:
        """Write a picture or page, whose name ends in `suffix`, beside the document `file`."""
        return planbook.write_beside(self.folder, file, suffix, data)

    # ------------------------------------------------------------------ flights

    def begin_flight(
        self, *, plan_name: str, plan_digest: str, vehicle: str, mission_uid: str = "",
        started_utc: datetime | None = None, clock: Callable[[], float] = time.monotonic,
        launch: Launch | None = None,
    ) -> FlightLog:  # fmt: skip
        """Open the record of a flight, with what is known at its launch, before it takes off.

        Raises
        ------
        StoreError
            When the record cannot be written: then do not fly.
        """
        head = Head(uid=self._new_uid(), mission_uid=mission_uid, plan_name=plan_name,
                    plan_digest=plan_digest, vehicle=vehicle,
                    started_utc=started_utc or self._now())  # fmt: skip
        return flightbook.begin(self._database, self.folder, head, clock=clock, launch=launch)

    def save_flight(
        self, record: FlightRecord, *, mission_uid: str = "", tlog: Path | None = None,
        log: tuple[Path, AircraftLog] | None = None, launch: Launch | None = None,
    ) -> StoredFlight:  # fmt: skip
        """Store a flight that is over: its files in ``flights/``, then its row.

        Parameters
        ----------
        record : FlightRecord
            The flight.
        mission_uid : str
            The plan that was flown, "" when it is not of this farm.
        tlog : Path or None
            A telemetry log to keep beside it.
        log : (Path, AircraftLog), optional
            The aircraft's own log, of which the track is; its file is moved here.
        launch : Launch, optional
            What was known when it was launched.
        """
        keys = self._new_uid(), mission_uid
        return flightbook.save(self._database, self.folder, keys, record, tlog=tlog, log=log,
                               launch=launch)  # fmt: skip

    def replace_track(
        self, flight: StoredFlight, record: FlightRecord, log: tuple[Path, AircraftLog]
    ) -> StoredFlight:
        """Put a track of the aircraft's own log in the place of the heard one, which is kept."""
        return flightbook.replace_track(self._database, self.folder, flight, record, log)

    def heard_flight(self, flight: StoredFlight) -> FlightRecord:
        """Return a flight as it was heard on the ground, whatever took its place since."""
        return flightbook.heard(self.folder, flight)

    def launch_of(self, flight: StoredFlight) -> Launch | None:
        """Return what was known when a flight was launched, None when that was not kept."""
        return launches.read_launch(self.flight_folder(flight))

    def flights(self) -> tuple[StoredFlight, ...]:
        """Return the flights, newest first; those whose recording died as unfinished."""
        return flightbook.stored_flights(self._database, self.folder)

    def flight(self, uid: str) -> StoredFlight:
        """Return one flight by its key or a beginning of it that is unique.

        Raises
        ------
        NotFound
            When none or several have it.
        """
        return flightbook.stored_flight(self._database, self.folder, uid)

    def load_flight(self, uid: str) -> FlightRecord:
        """Return a flight's whole record; of an unfinished one what was kept, outcome "lost".

        Raises
        ------
        NotFound
            When there is no such flight.
        StoreError
            When its record cannot be read.
        """
        return flightbook.load(self._database, self.folder, uid)

    def flight_folder(self, flight: StoredFlight) -> Path:
        """Return the folder of a flight's files."""
        return flightbook.folder_of(self.folder, flight)

    def save_applied(self, flight: StoredFlight, applied: AppliedRecord) -> AppliedRecord:
        """Store what a flight applied in place of what was there; a tank unread stays as read."""
        return flightbook.save_applied(self._database, flight, applied, self._new_uid)

    def applied_of(self, flight: StoredFlight) -> AppliedRecord | None:
        """Return what a flight applied, None when that was not worked out."""
        return flightbook.applied_of(self._database, flight)

    def applied(self) -> tuple[AppliedRecord, ...]:
        """Return what all flights applied, newest first."""
        return flightbook.stored_applied(self._database)

    def recover(self) -> tuple[StoredFlight, ...]:
        """Close the flights whose recording died, as "lost" unless their end was kept."""
        return flightbook.recover(self._database, self.folder)

    # ------------------------------------------------------------------ care

    def backup(self) -> Path:
        """Write ``backups/farm-<utc>``, a farm of its own, and return it; the last ten stay."""
        return backups.backup(self._database, self.folder, now=self._now())

    def restore(self, backup: Path) -> Path:
        """Bring the farm back to a backup; return the backup made of what was there.

        Files that are gone come back; the audit record is only replaced when it is missing or
        broken, for what was done since was done.

        Raises
        ------
        StoreError
            When `backup` is damaged or not a farm; nothing is changed then.
        """
        newest = migrations.current_version()
        before = backups.restore(self._database, self.folder, backup, newest_version=newest,
                                 now=self._now())  # fmt: skip
        migrations.bring_up_to_date(self._database, self.folder, now=self._now())
        return before

    def copy_to(self, folder: Path, *, database: str = "") -> None:
        """Copy the farm, tables and files, to a new folder: to a GeoPackage, or to `database`.

        Raises
        ------
        BadInput
            When the folder is not empty, or a row spoilt elsewhere cannot stand in PostgreSQL.
        StoreError
            When a disk or a database cannot do it; there is no copy then.
        """
        moving.copy_farm(self._database, self.folder, folder, name=self.farm_name,
                         address=database)  # fmt: skip

    def check(self) -> list[Finding]:
        """Look whether all is well with the database, its rows and the files beside it."""
        return care.check(self._database, self.folder)
