"""A spray plan passes through every format: what is sprayed, where and with what is kept."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from pymavlink import mavutil, mavwp
from shapely.geometry import shape

from agri.cli import main
from agri.errors import BadInput
from agri.operations.mission_files import write_export
from missions.checks.plan import check_plan
from missions.flightplan import FlightPlan
from missions.formats import export_notes, export_plan, read_mission_file
from missions.formats.document import read_document, write_document
from missions.formats.geojson import write_geojson
from missions.formats.kml import write_kml
from missions.formats.plan import read_plan, write_plan
from missions.formats.waypoints import read_waypoints, write_waypoints
from missions.formats.wpml import validate_wpml
from missions.items import Command, MissionItem, MissionType, digest
from missions.sprayer.gear import PumpControl
from missions.sprayer.job import DoseUnit, Objective
from tests.plans import PLAN
from tests.sprays import SETTINGS, SPRAYER, spray_job, spray_plan, terrain_plan, tree_plan

PLANS = [spray_plan(), tree_plan(), terrain_plan()]
KML = "{http://www.opengis.net/kml/2.2}"


def edited(change: Callable[[dict[str, Any]], object]) -> str:
    """The spray plan's document with a change and its checksum made right again."""
    document = json.loads(write_document(spray_plan()))
    change(document["plan"])
    body = json.dumps(document["plan"], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    document["checksum"] = hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()
    return json.dumps(document)


def key(text: str) -> str:
    with pytest.raises(BadInput) as caught:
        read_document(text, "tệp")
    return caught.value.message.key.removeprefix("error.")


# --- agri's own file ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "plan",
    [
        *PLANS,
        spray_plan(
            settings=replace(
                SETTINGS,
                angle_deg=None,
                objective=Objective.ENERGY,
                crosshatch=True,
                rate_l_ha=0.1 + 0.2,
                product=replace(SETTINGS.product, unit=DoseUnit.G, name='"X" <5> \u2028'),
                wind=replace(SETTINGS.wind, from_deg=None, gust_m_s=None),
            )
        ),
        replace(spray_plan(), survey=PLAN.survey),
        spray_plan(passes=()),
    ],
)
def test_a_spray_plan_reads_back_equal(plan: FlightPlan) -> None:
    text = write_document(plan)
    back = read_document(text)
    assert back == plan
    assert back.spray == plan.spray
    assert back.digest == plan.digest
    assert write_document(back) == text


def test_the_job_is_sealed_as_the_items_are() -> None:
    for name, value in (("rate_l_ha", 200.0), ("swath_m", 6.0)):
        document = json.loads(write_document(spray_plan()))
        document["plan"]["spray"]["settings"][name] = value
        assert key(json.dumps(document)) == "file_changed"


def test_another_dose_is_the_same_flight_and_another_file() -> None:
    stronger = replace(SETTINGS, product=replace(SETTINGS.product, dose_per_ha=800.0))
    one, two = spray_plan(), spray_plan(settings=stronger)
    assert one.digest == two.digest
    sums = {json.loads(write_document(plan))["checksum"] for plan in (one, two)}
    assert len(sums) == 2


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda p: p["spray"].update(angle_deg=None), "file_value"),
        (lambda p: p["spray"].update(angle_deg="inf"), "file_value"),
        (lambda p: p["spray"]["settings"].update(rate_l_ha=None), "file_value"),
        (lambda p: p["spray"]["settings"].update(rate_l_ha="inf"), "file_value"),
        (lambda p: p["spray"]["settings"].update(rate_l_ha=0), "file_part"),
        (lambda p: p["spray"]["settings"].update(speed_m_s=70), "file_part"),
        (lambda p: p["spray"]["settings"]["sprayer"].update(control="magic"), "file_value"),
        (lambda p: p["spray"]["settings"]["sprayer"].update(dead_l=99), "file_part"),
        (lambda p: p["spray"]["settings"]["sprayer"].update(max_speed_m_s="inf"), "file_part"),
        (lambda p: p["spray"]["settings"]["product"].update(phi_days=1.5), "file_value"),
        (lambda p: p["spray"]["settings"]["product"].update(phi_days=-1), "file_part"),
        (lambda p: p["spray"]["settings"]["wind"].update(speed_m_s=99), "file_part"),
        (lambda p: p["spray"]["estimate"].update(litres=None), "file_value"),
        (lambda p: p["spray"]["passes"][0].update(spot_l="inf"), "file_value"),
        (lambda p: p["spray"]["passes"][0].update(places=[[1, 2]]), "file_value"),
        (lambda p: p["spray"].update(treatable=None), "file_value"),
        (lambda p: p["spray"].update(sortie=1.5), "file_value"),
        (lambda p: p["spray"].pop("settings"), "file_missing"),
        (lambda p: p["spray"].update(pump="on"), "file_value"),
    ],
)
def test_what_is_wrong_with_a_job_is_one_sentence(
    change: Callable[[dict[str, Any]], object], expected: str
) -> None:
    assert key(edited(change)) == expected


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_an_angle_that_is_no_number_cannot_be_read_back_as_one(bad: float) -> None:
    text = write_document(replace(spray_plan(), spray=spray_job(angle_deg=bad)))
    assert key(text) == "file_value"


# --- other programs -----------------------------------------------------------------------------


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_the_flight_is_the_same_in_every_mission_file(plan: FlightPlan) -> None:
    assert read_mission_file(export_plan(plan, "agri")).digest == plan.digest
    assert read_plan(write_plan(plan)).digest == plan.digest
    assert digest(read_waypoints(write_waypoints(plan)).items) == digest(plan.items)


def test_qgroundcontrol_gets_simple_items_with_the_sprayer_and_the_landing_start() -> None:
    plan = spray_plan()
    items = json.loads(write_plan(plan))["mission"]["items"]
    assert {item["type"] for item in items} == {"SimpleItem"}
    assert [item["command"] for item in items] == [int(item.command) for item in plan.items]
    on = [item["params"][0] for item in items if item["command"] == 216]
    assert on == [1, 0] * 5 + [0, 0, 0]
    (start,) = (item for item in items if item["command"] == 189)
    assert start["params"][4:6] == pytest.approx([plan.home.lat_deg, plan.home.lon_deg], abs=1e-7)
    (servo,) = (item for item in items if item["command"] == 183)
    assert servo["params"][:2] == [9, 1000]
    (wait, *_) = (item for item in json.loads(write_plan(tree_plan()))["mission"]["items"]
                  if item["command"] == 93)  # fmt: skip
    assert wait["params"][:4] == [4, -1, -1, -1]


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_pymavlink_reads_the_waypoint_text(plan: FlightPlan, tmp_path: Path) -> None:
    (file,) = (f for f in write_export(plan, "waypoints", tmp_path) if f.stem.count(".") == 0)
    loader = mavwp.MAVWPLoader()
    assert loader.load(str(file)) == len(plan.items) + 1
    read = [loader.wp(number) for number in range(1, loader.count())]
    assert [wp.command for wp in read] == [int(item.command) for item in plan.items]
    back = [
        MissionItem(
            command=wp.command,
            frame=item.frame,
            param1=wp.param1,
            param2=wp.param2,
            param3=wp.param3,
            param4=wp.param4,
            x=round(wp.x * 1e7) if item.is_located else round(wp.x),
            y=round(wp.y * 1e7) if item.is_located else round(wp.y),
            z=wp.z,
        )
        for wp, item in zip(read, plan.items, strict=True)
    ]
    assert digest(back) == digest(plan.items)
    assert mavutil.mavlink.MAV_CMD_DO_SPRAYER in {wp.command for wp in read}


def test_wire_items_are_the_items() -> None:
    for plan in PLANS:
        assert plan.wire_items(MissionType.MISSION) == plan.items


# --- maps ---------------------------------------------------------------------------------------


def features(plan: FlightPlan, kind: str) -> list[dict[str, Any]]:
    everything = json.loads(write_geojson(plan))["features"]
    return [feature for feature in everything if feature["properties"]["kind"] == kind]


def test_geojson_says_where_the_sprayer_is_on() -> None:
    legs = features(spray_plan(), "leg")
    on = [leg for leg in legs if leg["properties"]["spray_on"]]
    assert len(on) == 5
    assert all(leg["properties"]["length_m"] == pytest.approx(180.0, abs=0.05) for leg in on)
    assert not legs[0]["properties"]["spray_on"]
    assert not legs[-1]["properties"]["spray_on"]


def test_geojson_has_the_treatable_area_and_the_sites_kept_clear_of() -> None:
    plan = spray_plan()
    (area,) = features(plan, "treatable")
    assert plan.spray is not None
    assert shape(area["geometry"]).equals_exact(plan.spray.treatable, 1e-6)
    assert area["properties"]["rate_l_ha"] == 20.0
    assert area["properties"]["product"] == SETTINGS.product.name
    (pond,) = features(plan, "sensitive_site")
    assert pond["properties"]["what"] == "water"
    assert not features(PLAN, "treatable")


def test_geojson_has_trees_as_spots() -> None:
    spots = features(tree_plan(), "spot")
    assert [spot["properties"]["litres"] for spot in spots] == [2.0, 2.0, 2.0]
    assert not features(spray_plan(), "spot")


@pytest.mark.parametrize(
    ("language", "on", "off", "area"),
    [
        ("en", "Sprayer on", "Flown with the sprayer off", "May be sprayed"),
        ("vi", "Đường phun", "Đoạn bay không phun", "Chỗ có thể phun"),
    ],
)
def test_kml_colours_spraying_and_flying_apart(language: Any, on: str, off: str, area: str) -> None:
    root = ElementTree.fromstring(write_kml(spray_plan(), language=language))  # noqa: S314
    folders = {folder.findtext(f"{KML}name"): folder for folder in root.iter(f"{KML}Folder")}
    assert len(list(folders[on].iter(f"{KML}Placemark"))) == 5
    assert {u.text for u in folders[on].iter(f"{KML}styleUrl")} == {"#spray"}
    assert {u.text for u in folders[off].iter(f"{KML}styleUrl")} == {"#transit"}
    assert len(list(folders[area].iter(f"{KML}Polygon"))) == 1
    styles = {style.get("id") for style in root.iter(f"{KML}Style")}
    assert {"spray", "treatable", "sensitive"} <= styles


# --- the register -------------------------------------------------------------------------------


def test_files_of_bytes_and_of_text_are_written_as_they_are(tmp_path: Path) -> None:
    plan = spray_plan()
    (kmz,) = write_export(plan, "wpml", tmp_path)
    assert kmz.suffix == ".kmz"
    assert validate_wpml(kmz.read_bytes()) == []
    (table,) = write_export(plan, "litchi", tmp_path)
    assert table.name.endswith(".litchi.csv")
    assert table.read_text("utf-8") == export_plan(plan, "litchi")


def test_what_a_format_cannot_carry_is_told() -> None:
    for form in ("wpml", "litchi"):
        keys = {note.key for note in export_notes(spray_plan(), form)}
        assert {"finding.export_without_pump", "finding.export_without_fence"} <= keys
        assert "finding.export_without_pump" not in {n.key for n in export_notes(PLAN, form)}
    assert export_notes(spray_plan(), "plan") == []


def test_a_sprayer_with_its_own_controller_is_said_not_to_read_ardupilots_files() -> None:
    plan = spray_plan()
    assert plan.spray is not None
    agras = replace(plan.spray.settings.sprayer, name="T40", control=PumpControl.EXPORT)
    job = replace(plan.spray, settings=replace(plan.spray.settings, sprayer=agras))
    other = replace(plan, spray=job)
    for form in ("plan", "waypoints", "fence", "rally"):
        [note] = export_notes(other, form)
        assert note.key == "finding.export_other_controller"
        for language in ("en", "vi"):
            text = note.text(language)
            assert "T40" in text
            assert "KMZ" in text
    assert "finding.export_other_controller" not in {n.key for n in export_notes(other, "wpml")}
    told = [f.key for f in check_plan(other)]
    assert "finding.spray_own_controller" in told
    assert "finding.spray_own_controller" not in [f.key for f in check_plan(plan)]


@pytest.mark.parametrize(("form", "suffix"), [("wpml", ".kmz"), ("litchi", ".litchi.csv")])
def test_the_terminal_tells_what_a_file_does_not_carry(
    form: str, suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from agri.cli.show import console

    console.cache_clear()
    source = tmp_path / "bay.plan"
    source.write_text(write_plan(PLAN, complex_item=False), "utf-8")
    words = ("--lang", "vi", "export", str(source), "--to", form, "--out", str(tmp_path))
    code = main(words)
    told = capsys.readouterr()
    assert code == 0, told.err
    assert (tmp_path / f"bay{suffix}").is_file()
    assert "không mang theo hàng rào bay" in " ".join(told.out.split())


def test_the_sprayer_of_the_tests_is_what_they_say() -> None:
    plan = spray_plan()
    assert plan.spray is not None
    assert plan.spray.estimate.litres == pytest.approx(
        sum(20.0 * p.width_m * 180.0 / 10_000.0 for p in plan.spray.passes)
    )
    assert SPRAYER.usable_l == pytest.approx(15.6)
    assert sum(item.command == Command.DO_SPRAYER for item in plan.items) == 13
