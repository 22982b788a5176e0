"""A farm in PostgreSQL: shared by many, copied to a file and back, and honest when cut off."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from shapely.geometry import Point
from sqlalchemy import text

from agri import audit
from agri.errors import AgriError, BadInput, NotFound, StoreError
from agri.field_records import Note
from agri.findings import Severity
from agri.jobs import Asked, Kind
from agri.map_notes import MapNote
from agri.people import Person, Review, Role, Verdict
from agri.workspace import Workspace, migrations, opening, postgis
from agri.workspace.address import Address
from agri.workspace.columns import Real
from agri.workspace.layers import metadata
from tests import farms, papers, postgres
from tests.farm_programs import assert_all_kept, heard, two_writers_two_readers
from tests.farms import edit

ROOT = Path(__file__).resolve().parents[1]
KILL = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND datname = current_database()"""


@pytest.fixture(scope="module", autouse=True)
def _server() -> Iterator[str]:
    with postgres.signed_in() as address:
        yield address.replace("/agri", "/alone")


@pytest.fixture
def at() -> str:
    """A database that no other test works in, whose connections may be cut."""
    return postgres.address("alone", password="")


@pytest.fixture
def farm(tmp_path: Path, at: str) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "farm", farm_name="Trại Bình Khê", database=at) as made:
        yield made


def fill(farm: Workspace) -> None:
    """One of everything."""
    farm.add_fields(farms.FIELDS)
    farm.add_obstacles(farms.OBSTACLES)
    farm.add_sensitive_sites(farms.SITES)
    farm.add_pads(farms.PADS)
    farm.add_no_fly_zones(farms.ZONES)
    farm.save_plan(farms.plan(), "document")
    farm.save_applied(farm.save_flight(farms.flight()), farms.applied("x"))
    for paper in (papers.PERMIT, papers.LICENCE, papers.REGISTRATION, papers.MAP_CHECK):
        farm.papers.add(paper)
    farm.records.add(Note(day=farms.START.date(), field="Ruộng Đồng", text="Tỉa cành"))
    farm.notes.add(MapNote(field_uid="f", geometry=Point(106.5, 21.08), text="Lá vàng",
                           by="An", at_utc=farms.START, photo_day=farms.START.date()))  # fmt: skip
    farm.people.review(Review(plan_uid="p", plan_digest="d", verdict=Verdict.SENT_BACK,
                              remark="Gần nhà", by="Bình", at_utc=farms.START))  # fmt: skip
    asked = Asked(kind=Kind.INDEX, source="lo-mosaic")
    farm.jobs.ask(asked, by="An", language="vi", now=farms.START)
    owner = Person(name="An", role=Role.OWNER, password_hash="x", created_utc=farms.START)
    farm.people.add_first(owner)
    (farm.folder / "maps").mkdir()
    (farm.folder / "maps" / "a.tif").write_bytes(b"tif")
    audit.append(farm.folder, kind="launch", who="Đức", at_utc=farms.START)


def all_of(farm: Workspace) -> tuple[object, ...]:
    """All that a farm tells."""
    plan, document = farm.plan(farms.plan().name)
    return (
        farm.farm_with_findings(), plan, document, farm.flights(), farm.applied(),
        farm.papers.read(), farm.records.read(), farm.people.all(), farm.people.reviews(),
        farm.notes.of_field(every=True), farm.jobs.all(), audit.verify(farm.folder),
        (farm.folder / "maps" / "a.tif").read_bytes(),
    )  # fmt: skip


def key_of(told: pytest.ExceptionInfo[AgriError]) -> str:
    """The sentence's key; the sentence holds no password."""
    for language in ("vi", "en"):
        assert postgres.PASSWORD not in told.value.text(language)
        assert "{" not in told.value.text(language)
    return told.value.message.key


# ---------------------------------------------------------------- copies


def test_a_farm_goes_from_a_file_into_a_database_and_back_and_nothing_is_lost(
    tmp_path: Path, at: str
) -> None:
    with Workspace.create(tmp_path / "a", farm_name="Trại", now=farms.ticking()) as first:
        fill(first)
        before = all_of(first)
        first.copy_to(tmp_path / "b", database=at)
        assert all_of(first) == before
    with Workspace.open(tmp_path / "b") as shared:
        assert all_of(shared) == before
        assert shared.check() == []
        shared.add_pads([replace(farms.PADS[0], name="Sân mới", uid="")])
        with pytest.raises(StoreError, match="kept as they were written"):
            edit(shared, "DELETE FROM records")
        changed = all_of(shared)
        shared.copy_to(tmp_path / "c")
    with Workspace.open(tmp_path / "c") as back:
        assert all_of(back) == changed != before
        assert back.check() == []
        told = "SELECT table_name FROM gpkg_contents"
        assert farms.rows(farms.gpkg(back), told) == farms.rows(tmp_path / "a/farm.gpkg", told)
    assert not (tmp_path / "c" / opening.LINK).exists()
    with pytest.raises(BadInput):
        back.copy_to(tmp_path / "b")


def test_what_another_program_spoilt_is_copied_as_unusable_or_named(
    tmp_path: Path, at: str
) -> None:
    with Workspace.create(tmp_path / "a", farm_name="Trại") as first:
        first.add_no_fly_zones(farms.ZONES)
        first.add_obstacles(farms.OBSTACLES)
        edit(first, "UPDATE no_fly_zones SET geom = x'00', uid = NULL")
        first.copy_to(tmp_path / "b", database=at)
        with Workspace.open(tmp_path / "b") as shared:
            wrong = [f for f in shared.farm_with_findings()[1] if f.severity is Severity.ERROR]
            assert [f.where for f in wrong] == ["no_fly_zones #1 Trạm biến áp"]
        there = len(postgis.farms_in(Address.read(at)))
        for column, value in (("height_m", "'cao'"), ("name", "x'00ff'")):
            edit(first, f"UPDATE obstacles SET {column} = {value} WHERE fid = 1")  # noqa: S608
            with pytest.raises(BadInput) as told:
                first.copy_to(tmp_path / "c", database=at)
            assert key_of(told) == "error.copy_row"
            assert "obstacles #1" in told.value.text("vi")
            edit(first, "UPDATE obstacles SET height_m = 3.0 WHERE fid = 1")
        assert len(postgis.farms_in(Address.read(at))) == there
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c"]
        assert list((tmp_path / "c").iterdir()) == []


def test_a_backup_opens_without_postgresql_and_an_older_one_is_brought_up_to_date(
    farm: Workspace, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(farm)
    before = farm.farm()
    backup = farm.backup()
    with Workspace.open(backup) as alone:
        assert alone.farm() == before
        assert alone.check() == []
    farm.remove(before.fields[0].uid)
    now = migrations.current_version()
    steps = (*migrations.STEPS, migrations.Step(now + 1, edit_schema))
    monkeypatch.setattr(migrations, "STEPS", steps)
    farm.restore(backup)
    assert farm.farm() == before
    assert farms.told(farm, "SELECT max(version), max(variety) FROM agri_schema, fields") == [
        (now + 1, "PH40")
    ]


def edit_schema(connection: object) -> None:
    connection.exec_driver_sql("ALTER TABLE fields ADD COLUMN variety TEXT")  # type: ignore[attr-defined]
    connection.exec_driver_sql("UPDATE fields SET variety = 'PH40'")  # type: ignore[attr-defined]


def test_every_column_has_a_type_that_loses_nothing_in_either_database(farm: Workspace) -> None:
    figures = [c for t in metadata.tables.values() for c in t.c if "REAL" in str(c.type)]
    assert figures
    assert all(isinstance(c.type, Real) for c in figures), "agri.workspace.columns.Real"
    kinds = farms.told(farm, "SELECT DISTINCT data_type FROM information_schema.columns"
                             " WHERE table_schema = current_schema()")  # fmt: skip
    assert {kind for (kind,) in kinds} == {
        "integer", "text", "double precision", "boolean", "date", "timestamp with time zone",
        "USER-DEFINED",
    }  # fmt: skip
    made = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    assert {name for (name,) in farms.told(farm, made)} == {*metadata.tables, "agri_schema"}


# ---------------------------------------------------------------- many at once


def test_two_writing_and_two_reading_programs_lose_nothing_and_see_whole_transactions(
    farm: Workspace,
) -> None:
    commits, reads = 12, 12
    told = heard(two_writers_two_readers(farm, commits, reads))
    assert_all_kept(farm, told, commits)


def test_writers_of_a_farm_wait_and_those_of_another_do_not(
    farm: Workspace, tmp_path: Path, at: str
) -> None:
    with Workspace.create(tmp_path / "other", farm_name="Khác", database=at) as other:
        farm._database = postgis.PostGIS(Address.read(at), linked(farm), busy_s=0.05)
        with Workspace.open(farm.folder) as same, same._database.writing():
            other.add_fields(farms.FIELDS)
            assert farm.fields() == ()
            with pytest.raises(StoreError) as told:
                farm.add_fields(farms.FIELDS)
            assert key_of(told) == "error.store_busy"
        farm.add_fields(farms.FIELDS)
        assert len(farm.fields()) == 2


def linked(farm: Workspace) -> str:
    return opening.linked(farm.folder)[1]


def test_one_workspace_serves_many_threads(farm: Workspace) -> None:
    added = farms.added_by_threads(farm, threads=25, each=3)
    assert len(farm.fields()) == added


# ---------------------------------------------------------------- sudden ends


def test_programs_killed_while_they_write_have_kept_all_they_acknowledged_and_nothing_half(
    farm: Workspace,
) -> None:
    command = [sys.executable, "-m", "tests.farm_child", "nursery"]
    told: list[list[str]] = []
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as nursery:
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        for seed in (3, 8, 11):
            nursery.stdin.write(f"{farm.folder} {seed}\n")
            nursery.stdin.flush()
            child = int(nursery.stdout.readline().split()[1])
            told += [nursery.stdout.readline().split() for _ in range(seed)]
            assert ["gone"] not in [line[:1] for line in told[-seed:]], "it died by itself"
            os.kill(child, signal.SIGKILL)
            while (line := nursery.stdout.readline().split())[0] != "gone":
                told.append(line)
        nursery.stdin.close()
    fields = {field.uid for field in farm.fields()}
    plans = {plan.uid for plan in farm.plans(every=True)}
    flights = {flight.uid for flight in farm.flights()}
    for word, *rest in told:
        assert word == "farm" or rest[0] in {"field": fields, "plan": plans}.get(word, flights)
    assert len(told) > 20
    assert not [f for f in farm.check() if f.severity is Severity.ERROR]
    farm.add_fields([replace(farms.FIELDS[1], name="Sau đó")])


def test_a_farm_whose_making_was_cut_short_was_never_there(tmp_path: Path, at: str) -> None:
    before = postgis.farms_in(Address.read(at))

    def begin() -> None:
        with postgis.new_farm(Address.read(at), "farm_cut_1") as made:
            migrations.create_tables(made, name="Cụt", uid="u", now=farms.START)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        begin()
    assert postgis.farms_in(Address.read(at)) == before


def cut(farm: Workspace) -> None:
    """Cut this program's connections to the farm, as a lost network or a stopped server does."""
    with postgis._whole(Address.read(postgres.address("alone"))) as other:
        other.execute(text(KILL))


def write_and_cut(farm: Workspace, *, go_on: bool) -> None:
    with farm._database.writing() as connection:
        connection.exec_driver_sql("UPDATE farm SET name = 'nửa'")
        cut(farm)
        if go_on:
            connection.exec_driver_sql("SELECT 1")


def test_a_connection_lost_between_two_uses_is_not_noticed(farm: Workspace) -> None:
    farm.add_fields(farms.FIELDS)
    cut(farm)
    assert len(farm.fields()) == 2
    cut(farm)
    farm.add_pads(farms.PADS)


def test_a_connection_lost_while_writing_has_changed_nothing(farm: Workspace) -> None:
    with pytest.raises(StoreError) as told:
        write_and_cut(farm, go_on=True)
    assert key_of(told) == "error.database_lost"
    assert farm.farm_name == "Trại Bình Khê"


def test_a_connection_lost_at_the_very_end_is_told_as_not_known(farm: Workspace) -> None:
    with pytest.raises(StoreError) as told:
        write_and_cut(farm, go_on=False)
    assert key_of(told) == "error.database_unsure"
    assert farm.farm_name == "Trại Bình Khê"


# ---------------------------------------------------------------- what cannot be opened


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"password": "sai"}, "error.database_password"),
        ({"user": "nobody", "password": "x"}, "error.database_password"),
        ({"database": "khong_co"}, "error.database_missing"),
        ({"database": "bare"}, "error.database_without_postgis"),
        ({"port": 1}, "error.database_unreachable"),
        ({"options": (("host", "/nowhere"),)}, "error.database_unreachable"),
    ],
)
def test_a_database_that_cannot_be_opened_is_told_in_one_sentence(
    tmp_path: Path, change: dict[str, object], key: str
) -> None:
    right = Address.read(postgres.address("alone"))
    where = replace(right, **change)  # type: ignore[arg-type]
    shown = where.shown.replace("@", f":{where.password}@".replace(" ", "%20"), 1)
    with pytest.raises(StoreError) as told:
        Workspace.create(tmp_path / "new", farm_name="Trại", database=shown)
    assert key_of(told) == key
    assert list((tmp_path / "new").iterdir()) == []


def test_without_a_password_and_with_that_of_the_environment(
    farm: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PGPASSWORD")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(StoreError) as told:
        Workspace.open(farm.folder)
    assert key_of(told) == "error.database_password"
    with Workspace.open(farm.folder, database=postgres.address("alone")) as given:
        assert given.farm_name == farm.farm_name
        assert postgres.PASSWORD not in repr(given._database.address) + given._database.name
    stored = (farm.folder / opening.LINK).read_text("utf-8")
    assert json.loads(stored).keys() == {"database", "schema"}
    assert postgres.PASSWORD not in stored


def test_a_schema_that_is_gone_newer_or_spoilt_is_refused(farm: Workspace, at: str) -> None:
    edit(farm, "INSERT INTO agri_schema VALUES (99, '')")
    with pytest.raises(StoreError) as newer:
        Workspace.open(farm.folder)
    assert key_of(newer) == "error.farm_newer"
    edit(farm, "DROP INDEX fields_geom")
    assert [(f.key, f.where) for f in farm.check()] == [("finding.index_damaged", "fields")]
    postgis.drop_farm(Address.read(at), linked(farm))
    with pytest.raises(StoreError) as gone:
        farm.fields()
    assert key_of(gone) == "error.not_a_farm"
    farm.close()
    with pytest.raises(StoreError) as closed:
        Workspace.open(farm.folder)
    assert key_of(closed) == "error.not_a_farm"


def test_a_user_without_the_right_reads_and_is_refused_to_write(farm: Workspace, at: str) -> None:
    farm.add_fields(farms.FIELDS)
    schema = linked(farm)
    with postgis._whole(Address.read(at)) as other:
        for statement in (
            "DROP ROLE IF EXISTS reader", "CREATE ROLE reader LOGIN PASSWORD 'r'",
            f"GRANT USAGE ON SCHEMA {schema} TO reader",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO reader",
        ):  # fmt: skip
            other.execute(text(statement))
    with Workspace.open(farm.folder) as mine:
        reader = replace(Address.read(at), user="reader", password="r")
        mine._database = postgis.PostGIS(reader, schema)
        assert len(mine.fields()) == 2
        with pytest.raises(StoreError) as told:
            mine.add_pads(farms.PADS)
        assert key_of(told) == "error.database_forbidden"
        mine.close()
    with postgis._whole(Address.read(at)) as other:
        other.execute(text("DROP OWNED BY reader"))


def test_a_server_that_may_forget_is_told(farm: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert farms.told(farm, "SHOW synchronous_commit") == [("on",)]
    assert farm.check() == []
    monkeypatch.setattr(postgis, "DURABLE", (*postgis.DURABLE, "autovacuum"))
    told = [(f.key, dict(f.message.values)["setting"]) for f in farm.check()]
    assert told == [("finding.server_forgets", "autovacuum")], "what is off on this server"


def test_a_folder_that_means_no_farm_or_two_is_refused(
    farm: Workspace, tmp_path: Path, at: str
) -> None:
    link = farm.folder / opening.LINK
    told = link.read_text("utf-8")
    for spoilt in ("{}", "[]", '{"database": 1, "schema": "x"}', told.replace("farm_", "pg_")):
        link.write_text(spoilt, "utf-8")
        with pytest.raises(BadInput) as refused:
            Workspace.open(farm.folder)
        assert key_of(refused) == "error.database_link"
    link.write_text(told, "utf-8")
    with pytest.raises(BadInput) as elsewhere:
        Workspace.open(farm.folder, database=at.replace("/alone", "/bare"))
    assert key_of(elsewhere) == "error.database_other"
    (farm.folder / opening.DATABASE).touch()
    with pytest.raises(BadInput) as two:
        Workspace.open(farm.folder)
    assert key_of(two) == "error.two_databases"
    with Workspace.create(tmp_path / "file", farm_name="Trại") as plain:
        pass
    with pytest.raises(BadInput) as in_file:
        Workspace.open(plain.folder, database=at)
    assert key_of(in_file) == "error.farm_in_file"


@pytest.mark.parametrize(
    "odd",
    ["", "postgresql://", "postgresql:///", "mysql://an@h/db", "postgresql://h:x/db", "an@h/db",
     "postgresql://h/a/b", "postgresql://h/db?password=p", "postgresql://h/db?x", "file:///etc"],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_repeating_it(odd: str) -> None:
    with pytest.raises(BadInput) as told:
        Address.read(odd)
    assert told.value.message.key in ("error.database_address", "error.database_option")
    assert len(odd) < 16 or odd not in told.value.text("vi")


# ---------------------------------------------------------------- farms of one database


def test_the_farms_of_a_database_are_listed_with_their_folders_and_one_can_be_given_a_folder(
    farm: Workspace, tmp_path: Path, at: str
) -> None:
    farm.add_fields(farms.FIELDS)
    found = {one.schema: folder for one, folder in opening.farms_beside(tmp_path, at)}
    assert found[linked(farm)] == farm.folder
    assert set(found.values()) <= {farm.folder, None}
    opening.attach(tmp_path / "again", at, linked(farm))
    with Workspace.open(tmp_path / "again") as again:
        assert again.fields() == farm.fields()
    with pytest.raises(BadInput):
        opening.attach(tmp_path / "again", at, linked(farm))
    with pytest.raises(NotFound):
        opening.database_of(tmp_path)
