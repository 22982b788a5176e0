"""Backups bring a farm back; an older farm is brought up to date; a newer one is left alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Connection

from agri import audit, files
from agri.errors import StoreError
from agri.field_records import Note
from agri.findings import Severity
from agri.jobs import Asked, Kind
from agri.papers import Papers
from agri.people import Person, Role
from agri.track import TankReading
from agri.workspace import DATABASE, Workspace, backups, migrations, tables
from agri.workspace.migrations import Step
from agri.workspace.paper_layers import EVERY_LAYER
from tests import farms, papers
from tests.postgres import IN_A_FILE

_PLACE = "fid:INTEGER geom:{} uid:TEXT name:TEXT"
TABLES = {
    1: {
        "farm": "fid:INTEGER uid:TEXT name:TEXT created_utc:DATETIME",
        "fields": f"{_PLACE.format('MULTIPOLYGON')} crop:TEXT",
        "obstacles": f"{_PLACE.format('GEOMETRY')} kind:TEXT height_m:REAL clearance_m:REAL"
        " overflight_approved:BOOLEAN",
        "sensitive_sites": f"{_PLACE.format('GEOMETRY')} kind:TEXT",
        "pads": _PLACE.format("POINT"),
        "no_fly_zones": _PLACE.format("MULTIPOLYGON"),
        "missions": f"{_PLACE.format('MULTILINESTRING')} field_uid:TEXT kind:TEXT digest:TEXT"
        " file:TEXT created_utc:DATETIME camera:TEXT height_m:REAL gsd_cm:REAL time_s:REAL"
        " photos:INTEGER sha256:TEXT",
        "flights": "fid:INTEGER geom:MULTILINESTRING uid:TEXT mission_uid:TEXT plan_name:TEXT"
        " plan_digest:TEXT vehicle:TEXT started_utc:DATETIME outcome:TEXT photos:INTEGER"
        " duration_s:REAL folder:TEXT",
    },
}
TABLES[2] = {
    **TABLES[1],
    "applied": "fid:INTEGER geom:MULTIPOLYGON uid:TEXT flight_uid:TEXT product:TEXT"
    " sprayed_utc:DATETIME phi_end:DATE target_l_ha:REAL rate_l_ha:REAL litres:REAL"
    " sprayed_m2:REAL missed_m2:REAL outside_m2:REAL outside_l:REAL off_swath_l:REAL"
    " unknown_s:REAL cv_pct:REAL file:TEXT",
}
TABLES[3] = {
    **TABLES[2],
    "permits": "fid:INTEGER geom:MULTIPOLYGON uid:TEXT number:TEXT authority:TEXT holder:TEXT"
    " aircraft:TEXT first_day:DATE last_day:DATE from_time:TEXT to_time:TEXT ceiling_m:REAL"
    " purpose:TEXT",
    "licences": "fid:INTEGER uid:TEXT holder:TEXT number:TEXT licence_class:TEXT last_day:DATE",
    "registrations": "fid:INTEGER uid:TEXT aircraft:TEXT number:TEXT serial:TEXT takeoff_kg:REAL"
    " last_day:DATE",
    "map_checks": "fid:INTEGER geom:MULTIPOLYGON uid:TEXT place:TEXT looked_by:TEXT"
    " looked_utc:DATETIME shown:TEXT",
}
TABLES[4] = {**TABLES[3], "flights": f"{TABLES[1]['flights']} source:TEXT"}
TABLES[5] = {
    **TABLES[4],
    "registrations": f"{TABLES[3]['registrations']} system:INTEGER board:TEXT",
}
TABLES[6] = {
    **TABLES[5],
    "applied": f"{TABLES[2]['applied']} tank_filled_l:REAL tank_left_l:REAL tank_used_l:REAL"
    " flow_share:REAL",
}
TABLES[7] = {
    **TABLES[6],
    "records": "fid:INTEGER uid:TEXT kind:TEXT day:DATE field:TEXT tree:TEXT tree_row:TEXT"
    " lot:TEXT season:INTEGER done_by:TEXT source:TEXT remark:TEXT field_uid:TEXT replaces:TEXT"
    " entered_utc:DATETIME mass_kg:REAL crates:REAL grade:TEXT area_m2:REAL moisture_pct:REAL"
    " what:TEXT number:REAL share:REAL trees:INTEGER size_mm:REAL bbch:INTEGER product:TEXT"
    " dose:REAL unit:TEXT water_l_ha:REAL phi_days:INTEGER target:TEXT active:TEXT label:TEXT"
    " flight:TEXT n_pct:REAL p2o5_pct:REAL k2o_pct:REAL organic:BOOLEAN method:TEXT"
    " volume_m3:REAL hours:REAL water:TEXT vnd_kg:REAL buyer:TEXT text:TEXT",
}
TABLES[9] = TABLES[8] = TABLES[7]  # their tables are agri's own, untold to other programs
TABLES[10] = {
    **TABLES[9],
    "map_notes": "fid:INTEGER geom:GEOMETRY uid:TEXT field_uid:TEXT remark:TEXT noted_by:TEXT"
    " at_utc:DATETIME photo_day:DATE takes_back:TEXT",
}
TABLES[11] = TABLES[10]
"""The columns of each version: a table may only change together with the version."""
NOW = migrations.current_version()
TANK = TankReading(filled_l=10.0, left_l=2.95)


@pytest.fixture
def farm(tmp_path: Path, home: str) -> Iterator[Workspace]:
    with Workspace.create(
        tmp_path / "farm",
        farm_name="Trại",
        now=farms.ticking(),
        new_uid=farms.counting(),
        database=home,
    ) as workspace:
        workspace.add_fields(farms.FIELDS)
        workspace.add_obstacles(farms.OBSTACLES)
        yield workspace


def add_variety(connection: Connection) -> None:
    connection.exec_driver_sql("ALTER TABLE fields ADD COLUMN variety TEXT")
    connection.exec_driver_sql("UPDATE fields SET variety = 'PH40'")


def add_owner(connection: Connection) -> None:
    connection.exec_driver_sql("ALTER TABLE fields ADD COLUMN owner TEXT")


# ---------------------------------------------------------------- backups


def test_a_backup_holds_all_that_is_acknowledged_and_brings_it_back(farm: Workspace) -> None:
    before = farm.farm()
    path = farm.backup()
    assert path.parent == farm.folder / "backups"
    assert farms.rows(path / DATABASE, "PRAGMA integrity_check") == [("ok",)]
    assert farms.rows(path / DATABASE, "PRAGMA application_id") == [(0x47504B47,)]
    assert farms.rows(path / DATABASE, "PRAGMA user_version") == [(10300,)]
    farm.remove(before.fields[0].uid)
    farm.add_pads(farms.PADS)
    changed = farm.farm()
    undo = farm.restore(path)
    assert farm.farm() == before
    farm.add_fields([replace(farms.FIELDS[0], name="Sau đó")])
    assert farm.check() == []
    farm.restore(undo)
    assert farm.farm() == changed


@IN_A_FILE
def test_a_backup_alone_is_a_farm(farm: Workspace, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    files.copy_file(farm.backup() / DATABASE, tmp_path / "new" / DATABASE)
    with Workspace.open(tmp_path / "new") as copy:
        assert copy.farm() == farm.farm()
        copy.add_pads(farms.PADS)


@IN_A_FILE
def test_the_last_ten_backups_stay(farm: Workspace) -> None:
    made = [farm.backup() for _ in range(12)]
    assert sorted((farm.folder / "backups").iterdir()) == made[2:]
    assert len(set(made)) == 12


@IN_A_FILE
def test_two_backups_of_the_same_moment_are_two(farm: Workspace) -> None:
    now = farms.START
    made = [backups.backup(farm._database, farm.folder, now=now) for _ in range(3)]
    assert sorted(made) == made
    assert len(set(made)) == 3


@pytest.mark.parametrize("spoil", ["absent", "cut", "other", "newer"])
def test_a_backup_that_cannot_be_used_changes_nothing(farm: Workspace, spoil: str) -> None:
    path = farm.backup() / DATABASE
    if spoil == "absent":
        path.unlink()
    elif spoil == "cut":
        path.write_bytes(path.read_bytes()[:-5000])
    else:
        with closing(sqlite3.connect(path)) as connection:
            newer = "INSERT INTO agri_schema VALUES (99, '')"
            connection.execute(newer if spoil == "newer" else "DROP TABLE agri_schema")
            connection.commit()
    before = farm.farm()
    with pytest.raises(StoreError) as refusal:
        farm.restore(path)
    assert refusal.value.message.key == "error.backup_unusable"
    assert farm.farm() == before


# ---------------------------------------------------------------- versions


@IN_A_FILE
def test_the_tables_change_only_together_with_the_version(farm: Workspace) -> None:
    path = farm.folder / DATABASE
    columns = {
        str(name): " ".join(
            f"{column}:{kind}"
            for _, column, kind, *_ in farms.rows(path, f"PRAGMA table_info({name})")
        )
        for (name,) in farms.rows(path, "SELECT table_name FROM gpkg_contents")
    }
    assert columns == TABLES[migrations.current_version()]


def columns_of(path: Path) -> dict[str, str]:
    names = [str(name) for (name,) in farms.rows(path, "SELECT table_name FROM gpkg_contents")]
    return {
        name: " ".join(
            f"{column}:{kind}"
            for _, column, kind, *_ in farms.rows(path, f"PRAGMA table_info({name})")
        )
        for name in names
    }


def without_later_columns(folder: Path, version: int) -> None:
    """Make the tables what they were in an older version."""
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        if version < 11:
            connection.execute("DROP TABLE agri_read_tokens")
        if version < 9:
            connection.execute("DROP TABLE agri_jobs")
        for table in ("agri_people", "agri_reviews") if version < 8 else ():
            connection.execute(f"DROP TABLE {table}")
        if version < 4:
            connection.execute("ALTER TABLE flights DROP COLUMN source")
        for column in ("system", "board"):
            if version < 5 and "registrations" in TABLES[version]:
                connection.execute(f"ALTER TABLE registrations DROP COLUMN {column}")
        for column in ("tank_filled_l", "tank_left_l", "tank_used_l", "flow_share"):
            if version < 6 and "applied" in TABLES[version]:
                connection.execute(f"ALTER TABLE applied DROP COLUMN {column}")
        connection.commit()


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
def test_a_farm_of_before_spraying_papers_logs_tanks_or_records_gets_their_layers_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    known = tuple(layer for layer in EVERY_LAYER if layer.name in TABLES[version])
    monkeypatch.setattr(migrations, "STEPS", migrations.STEPS[: version - 1])
    monkeypatch.setattr(migrations, "EVERY_LAYER", known)
    with Workspace.create(tmp_path / "farm", farm_name="Trại") as old:
        old.add_fields(farms.FIELDS)
        flown = old.save_flight(farms.flight())
        if version > 1:
            old.save_applied(flown, farms.applied(flown.uid))
    path = tmp_path / "farm" / DATABASE
    without_later_columns(tmp_path / "farm", version)
    assert columns_of(path) == TABLES[version]
    monkeypatch.undo()
    with Workspace.open(tmp_path / "farm") as farm:
        assert columns_of(path) == TABLES[NOW]
        steps = farms.rows(path, "SELECT version FROM agri_schema")
        assert steps == [(number,) for number in range(version, NOW + 1)]
        assert farm.check() == []
        assert farm.flights() == (flown,)
        assert flown.source == "telemetry"
        assert [field.name for field in farm.farm().fields] == [f.name for f in farms.FIELDS]
        before = farm.applied_of(flown)
        assert (before is not None) == (version > 1)
        assert before is None or before == farms.applied(flown.uid, uid=before.uid)
        told = farms.rows(path, "SELECT tank_filled_l, tank_left_l, flow_share FROM applied")
        assert told == [(None, None, None)] * (version > 1)
        read = farm.save_applied(flown, farms.applied(flown.uid, tank=TANK))
        assert farm.applied_of(flown) == read
        assert read.tank == TANK
        assert farm.papers.read() == (Papers(), [])
        noted = farm.records.add(Note(day=date(2027, 1, 2), field="Ruộng Đồng", text="Tỉa cành"))
        assert farm.records.read() == (noted,)
        with pytest.raises(sqlite3.IntegrityError, match="kept as they were written"):
            farms.rows(path, "DELETE FROM records")
        owner = Person(name="An", role=Role.OWNER, password_hash="x", created_utc=farms.START)
        assert (farm.people.add_first(owner),) == farm.people.all()
        job = farm.jobs.ask(Asked(kind=Kind.TREES), by="An", language="vi", now=farms.START)
        assert farm.jobs.all() == (job,)
        permit = farm.papers.add(papers.PERMIT)
        assert farm.papers.read()[0].permits == (permit,)
        paper = farm.papers.add(papers.REGISTRATION)
        kept = farm.papers.keep_autopilot(paper.uid, system=7, board="a1")
        assert farm.papers.read()[0].registrations == (kept,)
        assert farm.check() == []
    (backup,) = (tmp_path / "farm" / "backups").iterdir()
    assert columns_of(backup / DATABASE) == TABLES[version]


def test_an_older_farm_is_backed_up_and_brought_up_to_date_once(
    farm: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = farm.farm()
    monkeypatch.setattr(migrations, "STEPS", (Step(NOW + 1, add_variety), Step(NOW + 2, add_owner)))
    for _ in range(2):
        with Workspace.open(farm.folder) as newer:
            assert newer.farm() == before
            assert newer.check() == []
    assert farms.told(farm, "SELECT variety, owner FROM fields") == [("PH40", None)] * 2
    versions = "SELECT version FROM agri_schema ORDER BY version"
    assert farms.told(farm, versions) == [(NOW,), (NOW + 1,), (NOW + 2,)]
    (backup,) = (farm.folder / "backups").iterdir()
    assert farms.rows(backup / DATABASE, "SELECT version FROM agri_schema") == [(NOW,)]
    monkeypatch.setattr(migrations, "STEPS", (Step(NOW + 1, add_variety), Step(NOW + 2, add_owner)))
    Workspace.open(farm.folder).restore(backup)
    assert farms.told(farm, versions)[-1] == (NOW + 2,), "migrated again"


def test_a_step_that_fails_leaves_the_farm_as_it_was(
    farm: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(connection: Connection) -> None:
        add_owner(connection)
        connection.exec_driver_sql("ALTER TABLE absent ADD COLUMN x TEXT")

    monkeypatch.setattr(migrations, "STEPS", (Step(NOW + 1, add_variety), Step(NOW + 2, broken)))
    with pytest.raises(StoreError):
        Workspace.open(farm.folder)
    monkeypatch.undo()
    with Workspace.open(farm.folder) as again:
        assert again.farm() == farm.farm()
    with farm._database.reading() as connection:
        columns = tables.columns_of(connection, "fields")
    assert columns == ("fid", "geom", "uid", "name", "crop")


def whole(farm: Workspace) -> object:
    """All there is of a farm's database."""
    file = farm.folder / DATABASE
    return file.read_bytes() if file.exists() else farms.told(farm, "SELECT * FROM fields")


def test_a_newer_farm_is_refused_and_left_alone(
    farm: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "STEPS", (Step(NOW + 1, add_variety),))
    Workspace.open(farm.folder).close()
    monkeypatch.undo()
    before = whole(farm)
    with pytest.raises(StoreError) as refusal:
        Workspace.open(farm.folder)
    assert refusal.value.message.key == "error.farm_newer"
    assert str(NOW + 1) in refusal.value.text("vi")
    assert whole(farm) == before


# ---------------------------------------------------------------- looking after it


@IN_A_FILE
def test_a_change_to_the_audit_record_is_found(farm: Workspace) -> None:
    audit.append(farm.folder, kind="launch_confirmed", who="Đức", at_utc=farms.START)
    assert farm.check() == []
    path = farm.folder / audit.FILE
    path.write_bytes(path.read_bytes().replace(b"launch", b"Launch"))
    assert [finding.key for finding in farm.check()] == ["finding.audit_changed"]


@IN_A_FILE
def test_damage_to_the_file_is_found(farm: Workspace) -> None:
    farm.add_fields([replace(farms.FIELDS[0], name=f"Ruộng {n}") for n in range(300)])
    path = farm.folder / DATABASE
    ((page,),) = farms.rows(path, "SELECT rootpage FROM sqlite_master WHERE name = 'fields'")
    ((size,),) = farms.rows(path, "PRAGMA page_size")
    data = bytearray(path.read_bytes())
    start = (int(str(page)) - 1) * int(str(size))
    data[start + 8 : start + 200] = b"\xff" * 192
    path.write_bytes(data)
    try:
        keys = [finding.key for finding in farm.check()]
    except StoreError as error:
        keys = [error.message.key]
    assert keys[0] in ("finding.store_damaged", "error.store_corrupt")


@IN_A_FILE
def test_leftovers_of_an_interrupted_write_are_told_and_taken_for_nothing(farm: Workspace) -> None:
    leftover = files.temporary_beside(farm.folder / "plans" / "a.json")
    leftover.write_text("half")
    (farm.folder / "flights" / ".x.tmp").mkdir()
    assert [(f.key, f.severity) for f in farm.check()] == [
        ("finding.leftover_files", Severity.INFO)
    ]
    assert farm.plans() == ()
    assert farm.flights() == ()


def test_two_fields_of_one_name_made_elsewhere_are_told(farm: Workspace) -> None:
    farms.edit(farm, "UPDATE fields SET name = 'ruộng'")
    assert [finding.key for finding in farm.check()] == ["finding.name_twice"]
