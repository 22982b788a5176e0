"""Other programs read the farm, edit it and work on it at the same time."""

from __future__ import annotations

import sqlite3
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest
import shapely
from shapely.geometry import MultiPolygon, Point, Polygon

from agri.errors import AgriError, BadInput, NotFound, StoreError
from agri.field import ObstacleKind, SensitiveKind
from agri.findings import Severity
from agri.map_notes import MapNote
from agri.workspace import Workspace
from agri.workspace.geopackage import GeoPackage
from agri.workspace.gpkg import to_blob
from tests import farms, papers
from tests.farm_programs import assert_all_kept, heard, two_writers_two_readers
from tests.farms import edit, gpkg

ROOT = Path(__file__).resolve().parents[1]
NOWHERE = to_blob(Polygon([(0, 0), (1, 2), (1, 1), (0, 0)])).replace(
    struct.pack("<d", 2.0), struct.pack("<d", float("nan"))
)
LAYERS = {
    "fields": "MultiPolygon",
    "obstacles": "Unknown",
    "sensitive_sites": "Unknown",
    "pads": "Point",
    "no_fly_zones": "MultiPolygon",
    "missions": "MultiLineString",
    "flights": "MultiLineString",
    "applied": "MultiPolygon",
    "permits": "MultiPolygon",
    "map_checks": "MultiPolygon",
    "map_notes": "Unknown",
}
TABLES = {"farm": None, "licences": None, "registrations": None, "records": None}


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Workspace]:
    """A new farm with a clock and keys that count."""
    with Workspace.create(
        tmp_path / "Trang trại",
        farm_name="Trang trại Bình Khê",
        now=farms.ticking(),
        new_uid=farms.counting(),
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
    farm.save_applied(farm.save_flight(farms.flight()), farms.applied("f"))
    for paper in (papers.PERMIT, papers.LICENCE, papers.REGISTRATION, papers.MAP_CHECK):
        farm.papers.add(paper)  # type: ignore[type-var]
    farm.notes.add(MapNote(field_uid="f", geometry=farms.box(), text="Lá vàng", by="An",
                           at_utc=farms.START))  # fmt: skip
    return farm


# ---------------------------------------------------------------- other programs


def test_gdal_reads_every_layer_with_its_type_and_place(full_farm: Workspace) -> None:
    pyogrio = pytest.importorskip("pyogrio")
    path = gpkg(full_farm)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        listed = dict(pyogrio.list_layers(path))
        assert listed == {**LAYERS, **TABLES}
        counts = {}
        for layer in LAYERS:
            info = pyogrio.read_info(path, layer=layer)
            assert info["crs"] == "EPSG:4326"
            frame = pyogrio.read_dataframe(path, layer=layer)
            assert frame["uid"].str.len().eq(36).all()
            counts[layer] = len(frame)
            bounds = frame.total_bounds
            assert 106 < bounds[0] <= bounds[2] < 107
            assert 21 < bounds[1] <= bounds[3] < 22
    assert counts == {
        "fields": 2, "obstacles": 3, "sensitive_sites": 2, "pads": 1, "no_fly_zones": 1,
        "missions": 1, "flights": 1, "applied": 1, "permits": 1, "map_checks": 1,
        "map_notes": 1,
    }  # fmt: skip
    fields = pyogrio.read_dataframe(path, layer="fields")
    assert list(fields["name"]) == [field.name for field in farms.FIELDS]
    assert fields.geometry.iloc[0].equals(farms.FIELDS[0].boundary)
    obstacles = pyogrio.read_dataframe(path, layer="obstacles")
    assert list(obstacles.geometry.geom_type) == ["Point", "LineString", "Polygon"]
    assert list(obstacles["overflight_approved"]) == [False, False, True]
    (applied,) = pyogrio.read_dataframe(path, layer="applied").to_dict("records")
    assert str(applied["phi_end"])[:10] == "2026-12-06"
    assert (applied["litres"], applied["missed_m2"], applied["cv_pct"]) == (7.05, 4.0, 6.5)
    (permit,) = pyogrio.read_dataframe(path, layer="permits").to_dict("records")
    assert (permit["number"], str(permit["last_day"])[:10]) == ("12/GP-BCHQS", "2026-12-31")
    (licence,) = pyogrio.read_dataframe(path, layer="licences").to_dict("records")
    assert licence["holder"] == "Nguyễn Văn Đức"
    missions = pyogrio.read_dataframe(path, layer="missions")
    assert str(missions["created_utc"].iloc[0]).startswith("2026-11-22 07:30:00")


def test_a_layer_comes_as_a_frame_equal_to_what_gdal_reads(full_farm: Workspace) -> None:
    geopandas = pytest.importorskip("geopandas")
    for layer in LAYERS:
        ours = full_farm.frame(layer)
        theirs = geopandas.read_file(gpkg(full_farm), layer=layer)
        assert ours.crs == theirs.crs
        assert ours.geometry.geom_equals(theirs.geometry.set_axis(ours.index)).all()
        assert list(ours["uid"]) == list(theirs["uid"])
        assert set(theirs.columns) == set(ours.columns)
    with pytest.raises(NotFound):
        full_farm.frame("sqlite_master")


def test_gdal_asks_the_spatial_index_for_a_window(full_farm: Workspace) -> None:
    pyogrio = pytest.importorskip("pyogrio")
    window = farms.box(0.0041, 0.0001, 0.0001).bounds

    def names() -> list[str]:
        frame = pyogrio.read_dataframe(gpkg(full_farm), layer="fields", bbox=window)
        return list(frame["name"])

    assert names() == ["Vườn vải thiều"]
    edit(full_farm, "DELETE FROM rtree_fields_geom")
    assert names() == [], "the window was answered from the index"
    assert "finding.index_damaged" in [finding.key for finding in full_farm.check()]


def test_the_file_is_not_kept_open_between_calls(full_farm: Workspace) -> None:
    """GDAL's own SQLite in this program, closing the file, would drop our locks on it."""
    handles = Path("/proc/self/fd")
    if not handles.is_dir():
        pytest.skip("this system does not list open files")
    full_farm.add_pads([replace(farms.PADS[0], name="x")])
    for act in (full_farm.farm, full_farm.plans, full_farm.check, full_farm.backup):
        act()
    full_farm.frame("fields")
    log = full_farm.begin_flight(plan_name="x", plan_digest="", vehicle="")
    opened = []
    for handle in handles.iterdir():
        with suppress(OSError):
            opened.append(handle.readlink().name)
    log.close()
    assert "track.jsonl" in opened, "open files are seen"
    assert not [name for name in opened if name.startswith("farm.gpkg")]


def test_the_index_follows_every_kind_of_change(full_farm: Workspace) -> None:
    def index() -> dict[int, tuple[float, float]]:
        found = farms.rows(gpkg(full_farm), "SELECT id, minx, maxx FROM rtree_fields_geom")
        return {row[0]: (row[1], row[2]) for row in found}  # type: ignore[misc, index]

    moved = to_blob(MultiPolygon([farms.box(0.5)]))
    edit(full_farm, "UPDATE fields SET geom = ? WHERE fid = 1", moved)
    assert index()[1][0] == pytest.approx(farms.LON + 0.5, abs=1e-4)
    edit(full_farm, "UPDATE fields SET fid = 9 WHERE fid = 1")
    assert set(index()) == {2, 9}
    edit(full_farm, "UPDATE fields SET geom = NULL WHERE fid = 9")
    assert set(index()) == {2}
    edit(full_farm, "UPDATE fields SET geom = ?, fid = 4 WHERE fid = 9", moved)
    assert set(index()) == {2, 4}
    edit(full_farm, "UPDATE fields SET geom = NULL, fid = 5 WHERE fid = 4")
    assert set(index()) == {2}
    edit(full_farm, "UPDATE fields SET geom = ? WHERE fid = 5", moved)
    edit(full_farm, "DELETE FROM fields WHERE fid = 2")
    assert set(index()) == {5}
    assert [f for f in full_farm.check() if f.severity is Severity.ERROR] == []


def test_a_field_drawn_in_another_program_is_seen_and_gets_a_key(full_farm: Workspace) -> None:
    geopandas = pytest.importorskip("geopandas")
    drawn = geopandas.GeoDataFrame(
        {"name": ["Vẽ trong QGIS", None]}, geometry=[farms.box(0.05), farms.box(0.06)], crs=4326
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="A geometry of type POLYGON")
        drawn.to_file(gpkg(full_farm), layer="fields", mode="a", engine="pyogrio")
    found, findings = full_farm.farm_with_findings()
    assert [field.name for field in found.fields[2:]] == ["Vẽ trong QGIS", "#4"]
    assert [finding.key for finding in findings] == ["finding.row_without_name"]
    uids = {field.uid for field in found.fields}
    assert len(uids) == 4
    assert all(len(uid) == 36 and uid[14] == "4" for uid in uids if not uid.startswith("0000"))
    full_farm.add_fields([replace(farms.FIELDS[1], name="Sau đó")])
    assert full_farm.field("ve trong qgis").boundary.equals(farms.box(0.05))
    assert full_farm.check() == findings


@pytest.mark.parametrize(
    ("statement", "key", "expected"),
    [
        ("UPDATE obstacles SET height_m = NULL", "finding.row_height", {"height_m": 500.0}),
        ("UPDATE obstacles SET height_m = 'cao'", "finding.row_height", {"height_m": 500.0}),
        ("UPDATE obstacles SET height_m = -3", "finding.row_height", {"height_m": 500.0}),
        ("UPDATE obstacles SET kind = NULL", "finding.row_kind", {"kind": ObstacleKind.HOUSE}),
        ("UPDATE obstacles SET kind = 'nhà'", "finding.row_kind", {"kind": ObstacleKind.HOUSE}),
        ("UPDATE obstacles SET kind = 'Power line'", "", {"kind": ObstacleKind.POWER_LINE}),
        ("UPDATE obstacles SET clearance_m = NULL", "", {"clearance_m": 10.0}),
        ("UPDATE obstacles SET clearance_m = 2", "finding.row_clearance", {"clearance_m": 10.0}),
        ("UPDATE obstacles SET overflight_approved = 'no'", "", {"overflight_approved": False}),
        ("UPDATE obstacles SET overflight_approved = 2", "", {"overflight_approved": False}),
        ("UPDATE obstacles SET overflight_approved = 1", "", {"overflight_approved": True}),
        ("UPDATE obstacles SET name = 7", "", {"name": "7"}),
    ],
)
def test_a_power_line_edited_elsewhere_is_never_taken_for_less(
    farm: Workspace, statement: str, key: str, expected: dict[str, object]
) -> None:
    farm.add_obstacles([replace(farms.OBSTACLES[1], clearance_m=10.0)])
    edit(farm, statement)
    found, findings = farm.farm_with_findings()
    (obstacle,) = found.obstacles
    assert {name: getattr(obstacle, name) for name in expected} == expected
    assert [finding.key for finding in findings] == ([key] if key else [])
    assert all(finding.severity is Severity.WARNING for finding in findings)
    assert farm.farm().obstacles == (obstacle,)


@pytest.mark.parametrize("layer", ["obstacles", "sensitive_sites", "no_fly_zones"])
@pytest.mark.parametrize("geom", [None, b"", b"GP broken", NOWHERE, "text", 7])
def test_what_keeps_aircraft_away_and_cannot_be_read_stops_planning(
    full_farm: Workspace, layer: str, geom: object
) -> None:
    edit(full_farm, f"DROP TRIGGER rtree_{layer}_geom_update1")
    edit(full_farm, f"UPDATE {layer} SET geom = ? WHERE fid = 1", geom)  # noqa: S608
    findings = full_farm.farm_with_findings()[1]
    assert [(f.key, f.severity) for f in findings] == [("finding.row_unusable", Severity.ERROR)]
    with pytest.raises(BadInput) as refusal:
        full_farm.farm()
    assert f"{layer} #1" in refusal.value.text("vi")
    assert full_farm.fields()


@pytest.mark.parametrize("kind", [None, "", "ao cá", 3])
def test_a_sensitive_site_of_unknown_kind_is_taken_for_the_strictest(
    farm: Workspace, kind: object
) -> None:
    farm.add_sensitive_sites(farms.SITES[1:])
    edit(farm, "UPDATE sensitive_sites SET kind = ?", kind)
    found, findings = farm.farm_with_findings()
    assert found.sensitive_sites[0].kind is SensitiveKind.RUOI
    assert [finding.key for finding in findings] == ["finding.row_kind"]


def test_a_pad_without_a_name_is_called_by_its_number(farm: Workspace) -> None:
    farm.add_pads(farms.PADS)
    edit(farm, "UPDATE pads SET name = ' '")
    found, findings = farm.farm_with_findings()
    assert found.pads[0].name == "#1"
    assert [finding.key for finding in findings] == ["finding.row_without_name"]


def test_plans_and_flights_whose_rows_were_spoiled_are_left_out_with_a_warning(
    full_farm: Workspace,
) -> None:
    edit(full_farm, "UPDATE missions SET created_utc = 'yesterday'")
    edit(full_farm, "UPDATE flights SET outcome = 'fine'")
    assert (full_farm.plans(), full_farm.flights()) == ((), ())
    assert [(f.key, f.severity) for f in full_farm.check()] == [
        ("finding.row_unusable", Severity.WARNING)
    ] * 2


def test_a_crossed_outline_keeps_all_it_covered_clear(farm: Workspace) -> None:
    corners = [(0, 0), (2, 0), (2, 2), (0, 2), (0, 0), (3, 1), (3, 3), (1, 3), (1, 1), (3, 1)]
    crossed = shapely.Polygon([(farms.LON + x / 1e3, farms.LAT + y / 1e3) for x, y in corners])
    assert not crossed.is_valid
    farm.add_no_fly_zones(farms.ZONES)
    farm.add_obstacles(farms.OBSTACLES[2:])
    for layer in ("no_fly_zones", "obstacles"):
        edit(farm, f"UPDATE {layer} SET geom = ?", to_blob(crossed))  # noqa: S608
    found, findings = farm.farm_with_findings()
    assert [finding.key for finding in findings] == ["finding.row_repaired"] * 2
    for shape in (found.no_fly_zones[0].area, found.obstacles[0].geometry):
        for x, y in [(0.5, 0.5), (1.5, 1.5), (2.5, 2.5), (0.5, 1.5), (2.5, 1.2)]:
            inside = Point(farms.LON + x / 1e3, farms.LAT + y / 1e3)
            assert shape.covers(inside), (x, y)


def test_a_field_or_pad_that_cannot_be_used_is_left_out_with_a_warning(
    full_farm: Workspace,
) -> None:
    edit(full_farm, "UPDATE fields SET geom = NULL WHERE fid = 1")
    edit(full_farm, "UPDATE pads SET geom = NULL")
    found = full_farm.farm()
    assert ([field.name for field in found.fields], found.pads) == (["Vườn vải thiều"], ())
    findings = full_farm.farm_with_findings()[1]
    assert [(f.where, f.severity) for f in findings] == [
        ("fields #1 Ruộng Đồng", Severity.WARNING),
        ("pads #1 Sân kho", Severity.WARNING),
    ]
    assert full_farm.check() == findings


def test_the_farm_may_be_renamed_elsewhere(farm: Workspace) -> None:
    edit(farm, "UPDATE farm SET name = 'Tên mới'")
    assert farm.farm_name == farm.farm().name == "Tên mới"
    edit(farm, "UPDATE farm SET name = NULL")
    assert farm.farm_name == farm.folder.name


def test_a_program_that_set_the_log_mode_back_does_no_harm(full_farm: Workspace) -> None:
    farms.rows(gpkg(full_farm), "PRAGMA journal_mode = DELETE")
    full_farm.add_fields([replace(farms.FIELDS[1], name="Sau đó")])
    assert full_farm.check() == []
    assert len(full_farm.fields()) == 3


def test_a_program_that_holds_the_file_brings_one_sentence_not_a_locked_database(
    full_farm: Workspace,
) -> None:
    full_farm._database = GeoPackage(gpkg(full_farm), busy_s=0.05)
    with closing(sqlite3.connect(gpkg(full_farm), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError) as busy:
            full_farm.add_fields([replace(farms.FIELDS[1], name="Sau đó")])
        assert busy.value.message.key == "error.store_busy"
        assert len(full_farm.fields()) == 2, "reading goes on"
        other.execute("ROLLBACK")
    full_farm.add_fields([replace(farms.FIELDS[1], name="Sau đó")])


# ---------------------------------------------------------------- many at once


def test_two_writing_and_two_reading_programs_never_meet_a_locked_database(
    farm: Workspace,
) -> None:
    commits, reads = 25, 20
    children = two_writers_two_readers(farm, commits, reads)
    pyogrio = pytest.importorskip("pyogrio")
    seen = []
    while any(child.poll() is None for child in children[:2]):
        seen.append(len(pyogrio.read_dataframe(gpkg(farm), layer="fields")))
        seen.append(len(farm.fields()))
    told = heard(children)
    assert seen
    assert all(count % 3 == 0 for count in seen)
    assert [len(out.split("read")) - 1 for out in told[2:]] == [reads, reads]
    assert_all_kept(farm, told, commits)


def test_one_workspace_serves_many_threads(farm: Workspace) -> None:
    added = farms.added_by_threads(farm, threads=8, each=10)
    assert len(farm.fields()) == added


def test_two_that_make_the_same_farm_make_one(tmp_path: Path) -> None:
    outcomes: list[object] = []

    def make(number: int) -> None:
        try:
            with Workspace.create(tmp_path / "farm", farm_name=f"Trại {number}") as made:
                outcomes.append(made.farm_name)
        except AgriError as error:
            outcomes.append(error.message.key)

    threads = [threading.Thread(target=make, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = [outcome for outcome in outcomes if str(outcome).startswith("Trại")]
    assert len(made) == 1
    assert {*outcomes} - {*made} <= {
        "error.farm_exists", "error.file_exists", "error.folder_not_empty",
    }  # fmt: skip
    with Workspace.open(tmp_path / "farm") as farm:
        assert farm.farm_name == made[0]
        assert farm.check() == []
