"""The farm folder keeps what it is given, for many at once, in a form QGIS reads."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import shapely
from shapely.geometry import MultiPolygon, Point

from agri.errors import AgriError, BadInput, NotFound, StoreError
from agri.field import Field, Pad
from agri.files import TEMPORARY
from agri.findings import Severity
from agri.workspace import DATABASE, Workspace, flightlog, geopackage
from agri.workspace.records import Outcome
from tests import farms
from tests.farms import edit, gpkg
from tests.names import odd_names
from tests.postgres import IN_A_FILE

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def farm(tmp_path: Path, home: str) -> Iterator[Workspace]:
    """A new farm with a clock and keys that count."""
    with Workspace.create(
        tmp_path / "Trang trại",
        farm_name="Trang trại Bình Khê",
        now=farms.ticking(),
        new_uid=farms.counting(),
        database=home,
    ) as workspace:
        yield workspace


@pytest.fixture
def full_farm(farm: Workspace) -> Workspace:
    """A farm with one of everything."""
    farm.add_fields(farms.FIELDS)
    farm.add_obstacles(farms.OBSTACLES)
    farm.add_sensitive_sites(farms.SITES)
    farm.add_pads(farms.PADS)
    farm.add_no_fly_zones(farms.ZONES)
    farm.save_plan(farms.plan(), "document")
    farm.save_flight(farms.flight())
    return farm


# ---------------------------------------------------------------- values come back


def test_every_value_comes_back_equal_with_its_key(farm: Workspace) -> None:
    stored = (
        farm.add_fields(farms.FIELDS),
        farm.add_obstacles(farms.OBSTACLES),
        farm.add_sensitive_sites(farms.SITES),
        farm.add_pads(farms.PADS),
        farm.add_no_fly_zones(farms.ZONES),
    )
    with Workspace.open(farm.folder) as again:
        found, findings = again.farm_with_findings()
        assert again.farm() == found
    assert findings == []
    assert found.name == "Trang trại Bình Khê"
    assert (
        found.fields, found.obstacles, found.sensitive_sites, found.pads, found.no_fly_zones,
    ) == stored  # fmt: skip
    given = (farms.FIELDS, farms.OBSTACLES, farms.SITES, farms.PADS, farms.ZONES)
    for values, originals in zip(stored, given, strict=True):
        for value, original in zip(values, originals, strict=True):
            assert value.uid
            assert replace(value, uid="") == original  # type: ignore[type-var]


def test_heights_in_a_drawing_are_left_out_and_names_are_kept_in_one_form(farm: Workspace) -> None:
    decomposed = " Ruo\u0323\u0302ng "
    with_z = shapely.force_3d(farms.box(), 5.0)
    farm.add_fields([Field(name=decomposed, boundary=MultiPolygon([with_z]))])
    (field,) = farm.fields()
    assert field.name == "Ruộng"
    assert not field.boundary.has_z
    assert field.boundary.equals(farms.box())


def test_a_plan_comes_back_with_its_document(farm: Workspace) -> None:
    document = '{"tên": "Ruộng Đồng"}\n'
    stored = farm.save_plan(farms.plan(field_uid="f"), document)
    assert replace(stored, uid="", file="") == farms.plan(field_uid="f")
    assert stored.file.startswith("plans/ruong-dong-50-m-")
    assert (farm.folder / stored.file).read_text("utf-8") == document
    for name in (stored.uid, "Ruộng Đồng 50 m", "ruong dong 50 m"):
        assert farm.plan(name) == (stored, document)


def test_the_same_plan_saved_again_is_one_plan(farm: Workspace) -> None:
    first = farm.save_plan(farms.plan(), "a")
    again = farm.save_plan(farms.plan(created_utc=farms.ticking(step_s=60)()), "a")
    assert again == first
    assert farm.plans(every=True) == (first,)


def test_a_plan_made_again_after_another_stands_in_front_once_more(farm: Workspace) -> None:
    """Who plans as before, after having planned otherwise, means to fly as before."""
    first = farm.save_plan(farms.plan(), "a")
    farm.save_plan(farms.plan(digest="cd" * 32), "b")
    again = farm.save_plan(farms.plan(created_utc=farms.ticking(step_s=60)()), "a")
    assert again.uid != first.uid
    assert farm.plans() == (again,)
    assert farm.plan(again.name) == (again, "a")


def test_only_sprayings_are_counted_in_sorties(farm: Workspace) -> None:
    """A survey of a field called "Ruộng 2/3" is no sortie; nor is a job of another field."""
    kept = [
            farm.save_plan(farms.plan(name=name, kind=kind, field_uid=field), name + field)
            for name, kind, field in (("Lô 1/2", "survey", ""), ("Lô 2/3", "survey", ""),
                                      ("Na 1/2", "spray", "a"), ("Na 1/3", "spray", "b"))
    ]  # fmt: skip
    assert set(farm.plans()) == set(kept)
    newest = farm.save_plan(farms.plan(name="Na", kind="spray", field_uid="a"), "one")
    assert set(farm.plans()) == {newest, *kept} - {kept[2]}


def test_a_new_plan_of_an_old_name_stands_in_front_and_the_old_one_stays(farm: Workspace) -> None:
    old = farm.save_plan(farms.plan(), "old")
    new = farm.save_plan(farms.plan(digest="cd" * 32), "new")
    assert farm.plans() == (new,)
    assert farm.plans(every=True) == (new, old)
    assert farm.plan(old.name) == (new, "new")
    assert farm.plan(old.uid) == (old, "old")


@IN_A_FILE
def test_a_plan_changed_or_lost_outside_agri_is_refused(farm: Workspace) -> None:
    stored = farm.save_plan(farms.plan(), "document")
    (farm.folder / stored.file).write_text("documenT")
    with pytest.raises(StoreError) as changed:
        farm.plan(stored.name)
    assert changed.value.message.key == "error.plan_changed"
    (farm.folder / stored.file).unlink()
    with pytest.raises(StoreError) as missing:
        farm.plan(stored.name)
    assert missing.value.message.key == "error.plan_missing"
    assert [f.key for f in farm.check()] == ["finding.file"]


@IN_A_FILE
def test_a_row_that_points_outside_the_farm_is_not_followed(farm: Workspace) -> None:
    stored = farm.save_plan(farms.plan(), "document")
    (farm.folder.parent / "secret.json").write_text("document")
    flight = farm.save_flight(farms.flight())
    for name in ("../../secret.json", "/etc/passwd", "plans/../../secret.json"):
        edit(farm, "UPDATE missions SET file = ?", name)
        edit(farm, "UPDATE flights SET folder = ?", name)
        with pytest.raises(BadInput):
            farm.plan(stored.name)
        with pytest.raises(BadInput):
            farm.load_flight(flight.uid)


@IN_A_FILE
def test_a_picture_stands_beside_its_plan(farm: Workspace) -> None:
    stored = farm.save_plan(farms.plan(), "document")
    path = farm.write_beside(stored.file, ".png", b"\x89PNG")
    assert path == (farm.folder / stored.file).with_suffix(".png")
    assert path.read_bytes() == b"\x89PNG"
    with pytest.raises(BadInput):
        farm.write_beside("../x.json", ".png", b"")


def test_a_flight_comes_back_to_the_last_bit(farm: Workspace, tmp_path: Path) -> None:
    (tmp_path / "log.tlog").write_bytes(os.urandom(100_000))
    record = farms.flight(positions=300)
    stored = farm.save_flight(record, mission_uid="m", tlog=tmp_path / "log.tlog")
    assert farm.flights() == (stored,)
    assert farm.flight(stored.uid) == stored == farm.flight(stored.uid[:8] + stored.uid[8:])
    assert (stored.outcome, stored.photos, stored.mission_uid) == (Outcome.LANDED, 3, "m")
    assert stored.duration_s == pytest.approx(record.duration_s)
    assert stored.path is not None
    assert shapely.get_num_coordinates(stored.path) == 300
    assert farms.same_flight(farm.load_flight(stored.uid), record)
    folder = farm.flight_folder(stored)
    assert folder.name.startswith("20261122-073000-ruong-dong-50-m-")
    assert (folder / flightlog.TLOG).read_bytes() == (tmp_path / "log.tlog").read_bytes()
    table = (folder / "track.csv").read_text().splitlines()
    assert table[0] == "time_s,lon_deg,lat_deg,height_m,speed_m_s,battery_pct,pump_share"
    assert len(table) == 301
    assert (folder / "photos.csv").read_text().splitlines()[2].startswith("1,2.5,106.51,21.08,")


@pytest.mark.parametrize("positions", [0, 1])
def test_a_flight_that_hardly_moved_is_kept_too(farm: Workspace, positions: int) -> None:
    record = farms.flight(positions=positions)
    stored = farm.save_flight(record)
    assert stored.path is None
    assert farm.flights() == (stored,)
    assert farms.same_flight(farm.load_flight(stored.uid), record)


# ---------------------------------------------------------------- names


def test_a_name_that_is_taken_is_refused_and_nothing_is_stored(farm: Workspace) -> None:
    farm.add_fields(farms.FIELDS[:1])
    for names in (["Vườn", "RUỘNG ĐỒNG"], ["Vườn", "vườn "], ["Ruộng  Đồng"]):
        with pytest.raises(BadInput) as refusal:
            farm.add_fields([replace(farms.FIELDS[1], name=name) for name in names])
        assert refusal.value.message.key == "error.name_taken"
    assert len(farm.fields()) == 1
    farm.add_fields([replace(farms.FIELDS[1], name="Ruộng Đông")])
    with pytest.raises(BadInput) as twice:
        farm.add_fields([farm.fields()[0]])
    assert twice.value.message.key == "error.already_stored"


def test_a_field_is_found_without_case_and_diacritics_unless_two_are_meant(
    farm: Workspace,
) -> None:
    first, second = farm.add_fields(farms.FIELDS)
    assert farm.field("ruong dong") == farm.field(first.uid) == first
    assert farm.field("VUON VAI THIEU") == second
    with pytest.raises(NotFound) as missing:
        farm.field("vuon na")
    assert "Vườn vải thiều" in missing.value.text("vi")
    farm.add_fields([replace(farms.FIELDS[1], name="Ruộng Đông")])
    with pytest.raises(BadInput) as unclear:
        farm.field("ruong dong")
    assert "Ruộng Đồng, Ruộng Đông" in unclear.value.text("vi")


def test_a_plan_is_found_like_a_field(farm: Workspace) -> None:
    farm.save_plan(farms.plan("Ruộng Đồng"), "a")
    farm.save_plan(farms.plan("Ruộng Đông"), "b")
    assert farm.plan("RUỘNG ĐÔNG")[1] == "b"
    with pytest.raises(BadInput) as unclear:
        farm.plan("ruong dong")
    assert unclear.value.message.key == "error.ambiguous"
    with pytest.raises(NotFound) as missing:
        farm.plan("vườn")
    assert "Ruộng Đông" in missing.value.text("vi")
    with pytest.raises(BadInput):
        farms.plan(" ")
    with pytest.raises(BadInput):
        farms.plan(created_utc=farms.START.replace(tzinfo=None))


def test_the_first_pad_is_taken_unless_one_is_named(farm: Workspace) -> None:
    assert farm.pad() is None
    farm.add_pads([*farms.PADS, Pad(name="Bờ kênh", place=farms.PADS[0].place)])
    first, named = farm.pad(), farm.pad("bo kenh")
    assert first is not None
    assert named is not None
    assert (first.name, named.name) == ("Sân kho", "Bờ kênh")
    with pytest.raises(NotFound):
        farm.pad("sân bay")


def test_what_is_removed_is_gone_and_its_plans_stay(full_farm: Workspace) -> None:
    everything = full_farm.farm()
    full_farm.remove(everything.fields[0].uid)
    full_farm.remove(everything.obstacles[0].uid)
    with pytest.raises(NotFound):
        full_farm.remove(everything.obstacles[0].uid)
    assert full_farm.farm().fields == everything.fields[1:]
    assert full_farm.farm().obstacles == everything.obstacles[1:]
    assert len(full_farm.plans()) == 1
    assert full_farm.check() == []


def test_two_thousand_odd_names_are_kept_as_labels_and_write_nothing_outside(
    farm: Workspace,
) -> None:
    before = {path for path in farm.folder.parent.rglob("*") if farm.folder not in path.parents}
    fields, plans = [], 0
    for number, name in enumerate(odd_names(2000)):
        if name.strip():
            fields.append(replace(farms.FIELDS[1], name=f"{number} {name}"))
        if number % 40 == 0 and name.strip():
            stored = farm.save_plan(farms.plan(name), "document")
            assert farm.plan(stored.uid)[1] == "document"
            assert (farm.folder / stored.file).parent == farm.folder / "plans"
            plans += 1
    assert farm.add_fields(fields) == farm.fields()
    assert plans > 40
    flight = farm.save_flight(farms.flight(plan_name="../../..\x00\u202e" + "x" * 500))
    assert farm.load_flight(flight.uid).outcome == "landed"
    after = {path for path in farm.folder.parent.rglob("*") if farm.folder not in path.parents}
    assert after == before


# ---------------------------------------------------------------- opening and making


def test_a_farm_is_found_from_any_folder_inside_it(farm: Workspace, tmp_path: Path) -> None:
    with Workspace.find(farm.folder / "plans") as found:
        assert found.folder == farm.folder
    for start in (tmp_path, tmp_path / "absent"):
        with pytest.raises(NotFound) as missing:
            Workspace.find(start)
        assert str(start) in missing.value.text("vi")
    with pytest.raises(NotFound):
        Workspace.open(tmp_path)


def test_no_farm_is_made_inside_another_one_which_it_would_hide(
    farm: Workspace, tmp_path: Path
) -> None:
    for inside in (farm.folder / "farm", farm.folder / "plans" / "mới", farm.folder / "x/../y"):
        with pytest.raises(BadInput) as nested:
            Workspace.create(inside, farm_name="Trong")
        assert nested.value.message.key == "error.farm_inside_farm"
        assert str(farm.folder) in nested.value.text("vi")
        assert not inside.exists()
    with pytest.raises(BadInput):
        farm.copy_to(farm.folder / "copy")
    Workspace.create(tmp_path / "beside", farm_name="Cạnh").close()


def test_a_farm_is_made_only_where_nothing_else_is(farm: Workspace, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as exists:
        Workspace.create(farm.folder, farm_name="Khác")
    assert exists.value.message.key == "error.farm_exists"
    assert farm.farm_name == "Trang trại Bình Khê"
    other = tmp_path / "other"
    other.mkdir()
    (other / ".DS_Store").touch()
    (other / "photo.jpg").touch()
    with pytest.raises(BadInput) as full:
        Workspace.create(other, farm_name="Khác")
    assert full.value.message.key == "error.folder_not_empty"
    (other / "photo.jpg").unlink()
    with pytest.raises(BadInput):
        Workspace.create(other, farm_name="  ")
    Workspace.create(other, farm_name="Khác").close()
    names = {entry.name for entry in other.iterdir()}
    assert {"farm.gpkg", "plans", "flights", "reports", "backups", ".DS_Store"} >= names
    assert not any(name.endswith(TEMPORARY) for name in names)


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"", "error.not_a_farm"),
        (b"not a database" * 100, "error.store_corrupt"),
        (b"SQLite format 3\x00" + bytes(range(256)) * 40, "error.store_corrupt"),
    ],
)
def test_a_file_that_is_no_farm_is_refused_in_one_sentence(
    tmp_path: Path, content: bytes, key: str
) -> None:
    (tmp_path / DATABASE).write_bytes(content)
    with pytest.raises(StoreError) as refusal:
        Workspace.open(tmp_path)
    assert refusal.value.message.key == key


def test_keeping_a_farm_needs_none_of_the_slow_libraries(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from agri.workspace import Workspace
from tests import farms
with Workspace.create(Path(sys.argv[1]) / "farm", farm_name="x") as farm:
    farm.add_fields(farms.FIELDS)
    farm.save_plan(farms.plan(), "x")
    farm.save_flight(farms.flight())
    farm.farm(), farm.check(), farm.backup()
slow = {"psycopg", "pyogrio", "geopandas", "pandas", "rasterio", "matplotlib", "sklearn"}
print(slow & set(sys.modules))
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.stdout.strip() == "set()", result.stderr


@IN_A_FILE
def test_every_connection_keeps_what_it_acknowledges(farm: Workspace) -> None:
    with farm._database.plain() as connection:
        pragmas = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 30_000,
    }


# ---------------------------------------------------------------- a disk that fails


@IN_A_FILE
def test_a_full_database_is_told_and_keeps_what_it_had(
    full_farm: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = full_farm.farm()
    big = MultiPolygon([Point(farms.LON, farms.LAT).buffer(0.001, quad_segs=5000)])
    ((pages,),) = farms.rows(gpkg(full_farm), "PRAGMA page_count")
    real = geopackage.prepare

    def crowded(connection: sqlite3.Connection, *, busy_s: float) -> None:
        real(connection, busy_s=busy_s)
        connection.execute(f"PRAGMA max_page_count = {pages}")

    monkeypatch.setattr(geopackage, "prepare", crowded)
    with pytest.raises(StoreError) as full:
        full_farm.add_fields([Field(name="Lớn", boundary=big)])
    monkeypatch.undo()
    assert full.value.message.key == "error.disk_full"
    assert full_farm.farm() == before
    assert full_farm.check() == []
    full_farm.add_fields([Field(name="Lớn", boundary=big)])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB of its own."""
    mount = shutil.which("mount")
    point = tmp_path / "disk"
    point.mkdir()
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(point)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small disk here")
    yield point
    subprocess.run(["umount", "-l", str(point)], check=True)


def test_a_disk_that_fills_up_takes_nothing_away(small_disk: Path) -> None:
    acknowledged: dict[str, list[str]] = {"field": [], "plan": [], "flight": []}
    refused: list[AgriError] = []
    with Workspace.create(small_disk / "farm", farm_name="Trại") as farm:
        for number in range(130):
            try:
                name = str(number)
                field = replace(farms.FIELDS[0], name=name)
                acknowledged["field"] += [f.uid for f in farm.add_fields([field])]
                document = name + "x" * 5000
                acknowledged["plan"].append(farm.save_plan(farms.plan(name), document).uid)
                acknowledged["flight"].append(farm.save_flight(farms.flight()).uid)
            except AgriError as error:
                refused.append(error)
        assert len(refused) > 20
        assert all(isinstance(error, StoreError) for error in refused)
        assert {error.message.key for error in refused} <= {"error.disk_full", "error.disk"}
        assert "error.disk_full" in {error.message.key for error in refused}
        with pytest.raises(StoreError):
            farm.backup()
        for path in (small_disk / "farm").rglob(f".*{TEMPORARY}"):
            assert path.is_dir() or not path.exists()
    with Workspace.open(small_disk / "farm") as farm:
        assert {field.uid for field in farm.fields()} >= set(acknowledged["field"])
        assert all(farm.plan(uid)[1].endswith("xxx") for uid in acknowledged["plan"])
        assert all(farm.load_flight(uid).photos for uid in acknowledged["flight"])
        assert [f for f in farm.check() if f.severity is Severity.ERROR] == []


@IN_A_FILE
def test_a_folder_that_may_not_be_written_is_told_and_left_alone(full_farm: Workspace) -> None:
    full_farm.close()
    before = {p: p.read_bytes() for p in full_farm.folder.rglob("*") if p.is_file()}
    script = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from agri.workspace import Workspace
from agri.errors import StoreError
from tests import farms
from tests.farms import edit, gpkg
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    Workspace.open(Path(sys.argv[1])).add_fields(farms.FIELDS[:1])
except StoreError as error:
    print(error.message.key)
try:
    Workspace.create(Path(sys.argv[1]).parent / "locked" / "new", farm_name="x")
except StoreError as error:
    print(error.message.key)
"""
    locked = full_farm.folder.parent / "locked"
    locked.mkdir()
    for path in [*full_farm.folder.rglob("*"), full_farm.folder, locked]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    for parent in full_farm.folder.parents[:3]:
        if parent.stat().st_uid == os.geteuid() and "pytest" in str(parent):
            parent.chmod(0o755)
    try:
        result = subprocess.run(
            [sys.executable, "-c", script, str(full_farm.folder)],
            cwd="/", capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        for path in [full_farm.folder, *full_farm.folder.rglob("*"), locked]:
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert result.stdout.split() == ["error.not_permitted"] * 2, result.stderr
    assert before == {p: p.read_bytes() for p in full_farm.folder.rglob("*") if p.is_file()}
