"""The whole way, as a user walks it: from a boundary file to a flown, recorded survey."""

from __future__ import annotations

import json
import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pymavlink import mavutil, mavwp

from agri.cli import main
from agri.operations.mission_files import load_plan
from agri.papers import circle
from agri.workspace import Workspace
from missions.items import digest
from tests.papers import LICENCE, add_papers

BOUNDARIES = Path(__file__).resolve().parents[1] / "agri" / "operations" / "demo_farm.geojson"
FIELD = "Ruộng Cửa Đình"


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A farm with the demonstration's fields and one survey plan."""
    folder = tmp_path_factory.mktemp("farms") / "nông trại"
    before = Path.cwd()
    assert main(["init", str(folder), "--name", "Nông trại thử"]) == 0
    os.chdir(folder)
    try:
        assert main(["fields", "add", str(BOUNDARIES)]) == 0
        assert main(["plan", "survey", "cua dinh", "--gsd", "3cm", "--name", "Cửa Đình"]) == 0
    finally:
        os.chdir(before)
    return folder


def test_every_field_of_the_boundary_file_is_in_the_farm(farm: Path) -> None:
    with Workspace.open(farm) as workspace:
        everything = workspace.farm()
    assert everything.fields[0].name == FIELD
    assert len(everything.fields) == 5
    assert {pad.name for pad in everything.pads} >= {"Sân Cửa Đình", "Sân vườn vải"}


def test_a_plan_leaves_its_document_its_picture_and_its_page(farm: Path) -> None:
    plan, record = load_plan("Cửa Đình", farm)
    assert record is not None
    stem = Path(record.file).stem
    assert (farm / "reports" / f"{stem}.png").stat().st_size > 10_000
    assert plan.digest[:12] in (farm / "reports" / f"{stem}.html").read_text("utf-8")


def test_the_same_request_gives_the_same_plan(farm: Path) -> None:
    words = ["plan", "survey", "cua dinh", "--gsd", "3cm", "--name", "Cửa Đình lần hai"]
    assert main([*words, "--farm", str(farm)]) == 0
    first, _ = load_plan("Cửa Đình", farm)
    second, _ = load_plan("Cửa Đình lần hai", farm)
    assert first.digest == second.digest


def test_every_export_can_be_read_by_those_it_is_for(farm: Path, tmp_path: Path) -> None:
    for form in ("plan", "waypoints", "kml", "geojson"):
        words = ["export", "Cửa Đình", "--to", form, "--out", str(tmp_path), "--farm", str(farm)]
        assert main(words) == 0
    plan, _ = load_plan("Cửa Đình", farm)
    for suffix in (".plan", ".waypoints"):
        (file,) = (f for f in tmp_path.glob(f"*{suffix}") if f.name.count(".") == 1)
        again, _ = load_plan(str(file), None)
        assert digest(again.items) == digest(plan.items)
    loader = mavwp.MAVWPLoader()
    assert loader.load(str(tmp_path / "cua-dinh.waypoints")) == len(plan.items) + 1
    assert 21.0 < loader.wp(3).x < 21.2
    assert json.loads((tmp_path / "cua-dinh.geojson").read_text("utf-8"))["features"]


def test_a_plan_that_must_not_fly_is_neither_exported_nor_flown(
    farm: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plan whose permitted height was changed by hand is not what was approved."""
    _, record = load_plan("Cửa Đình", farm)
    assert record is not None
    text = (farm / record.file).read_text("utf-8").replace('"ceiling_m": 50.0', '"ceiling_m": 30.0')
    broken = tmp_path / "broken.json"
    broken.write_text(text, "utf-8")
    assert (
        main(["--lang", "en", "export", str(broken), "--to", "plan", "--out", str(tmp_path)]) == 2
    )
    assert "changed" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.plan"))


def test_a_survey_is_flown_on_the_simulator_recorded_and_shown(farm: Path) -> None:
    words = ["fly", "Cửa Đình", "--connect", "sim", "--speedup", "60", "--yes"]
    assert main([*words, "--farm", str(farm)]) == 0
    with Workspace.open(farm) as workspace:
        (stored,) = workspace.flights()
        record = workspace.load_flight(stored.uid)
    plan, plan_row = load_plan("Cửa Đình", farm)
    assert plan_row is not None
    assert stored.outcome == "landed"
    assert stored.mission_uid == plan_row.uid
    assert record.plan_digest == plan.digest
    assert plan.survey is not None
    assert abs(len(record.photos) - plan.survey.estimate.photos) <= 2
    assert record.duration_s == pytest.approx(plan.survey.estimate.time_s, rel=0.15)
    folder = farm / stored.folder
    log = mavutil.mavlink_connection(str(folder / "flight.tlog"))
    assert log.recv_match(type="CAMERA_FEEDBACK") is not None
    assert (farm / "reports" / f"{folder.name}.png").is_file()
    assert not list((farm / "flights").glob("*.tlog"))


def test_real_aircraft_are_never_flown_without_a_question(
    farm: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--lang", "en", "fly", "Cửa Đình", "--connect", "udp:127.0.0.1:14999", "--yes"]
    assert main([*words, "--farm", str(farm)]) == 2
    assert "Someone must look" in capsys.readouterr().err


def test_a_serial_port_that_is_not_there_is_named(
    farm: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--lang", "en", "fly", "Cửa Đình", "--connect", "serial:/dev/ttyNOPE:57600"]
    words += ["--farm", str(farm)]
    assert main(words) == 2
    assert "--pilot" in capsys.readouterr().err
    words += ["--pilot", LICENCE.holder]
    assert main(words) == 1
    assert "✕" in capsys.readouterr().out
    plan, _ = load_plan("Cửa Đình", farm)
    with Workspace.open(farm) as workspace:
        add_papers(workspace, circle(plan.home, 3_000.0), datetime.now(UTC))
    assert main(words) == 1
    said = capsys.readouterr().err
    assert "/dev/ttyNOPE" in said
    assert "module" not in said


def test_five_fields_are_surveyed_and_a_paddy_and_trees_sprayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    farm = tmp_path / "nông trại"
    assert main(["init", str(farm), "--name", "Nông trại thử"]) == 0
    monkeypatch.chdir(farm)
    assert main(["fields", "add", str(BOUNDARIES)]) == 0
    with Workspace.open(farm) as workspace:
        names = [field.name for field in workspace.fields()]
    for name in names:
        assert main(["plan", "survey", name, "--gsd", "3cm", "--name", name]) == 0
    mix = [
        "--product",
        "Nước",
        "--dose",
        "500ml",
        "--phi",
        "14",
        "--wind",
        "2",
        "--wind-from",
        "nam",
    ]
    assert main(["plan", "spray", FIELD, "--rate", "20", *mix]) == 0
    trees = str(BOUNDARIES.with_name("demo_trees.geojson"))
    assert main(["plan", "trees", "vườn vải", "--trees", trees, "--per-m3", "0.0125", *mix]) == 0
    with Workspace.open(farm) as workspace:
        plans = [(plan.name, plan.kind) for plan in workspace.plans()]
    for name, kind in plans:
        for form in ("plan", "waypoints", *(("param", "litchi") if kind == "spray" else ())):
            assert main(["export", name, "--to", form]) == 0
        assert main(["fly", name, "--connect", "sim", "--speedup", "100", "--yes"]) == 0
    with Workspace.open(farm) as workspace:
        flights = workspace.flights()
        applied = [workspace.applied_of(flight) for flight in flights]
        assert {flight.outcome for flight in flights} == {"landed"}
        assert workspace.check() == []
    kinds = Counter(kind for _, kind in plans)
    assert kinds["survey"] == 5
    assert kinds["spray"] >= 2
    assert len(flights) == kinds.total()
    assert sum(one is not None for one in applied) == kinds["spray"]
    assert all(one is None or one.off_swath_l < 0.05 for one in applied)
    assert len(list(farm.rglob("*.plan"))) == len(flights)
    assert len(list(farm.rglob("*.param"))) == kinds["spray"]
