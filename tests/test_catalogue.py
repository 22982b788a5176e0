"""The catalogues: every figure makes sense, wrong ones are refused, names are found."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from agri.errors import BadInput
from agri.findings import Severity
from missions.catalogue import (
    aircraft,
    aircraft_entries,
    all_aircraft,
    camera,
    camera_entries,
    cameras,
    validate_camera,
)
from missions.energy import AIR_KG_M3, GRAVITY_M_S2

ENTRIES = {entry["name"]: entry for entry in camera_entries()}


def fields(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Máy thử", "sensor_width_mm": 13.2, "sensor_height_mm": 8.8,
        "focal_length_mm": 8.8, "image_width_px": 5472, "image_height_px": 3648,
        "min_interval_s": 1.0, "exposure_s": 0.001, "source": "data sheet", **changes,
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_every_shipped_camera_makes_sense_and_says_where_it_comes_from(name: str) -> None:
    entry = ENTRIES[name]
    assert [finding.text("en") for finding in validate_camera(entry)] == []
    assert entry["confidence"] in ("high", "medium", "low")
    assert len(entry["source"]) > 20
    assert "exposure_s" in entry["assumed"]
    assert set(entry["assumed"]) <= set(entry)
    assert entry["bands"]


def test_the_catalogue_is_large_and_its_names_are_its_own() -> None:
    assert len(cameras()) == len(camera_entries()) >= 35
    short = [alias.casefold() for entry in camera_entries() for alias in entry.get("aliases", [])]
    assert len(short) == len(set(short))
    for entry in camera_entries():
        for alias in (entry["name"], *entry.get("aliases", [])):
            assert camera(alias).name == entry["name"], alias


@pytest.mark.parametrize(
    ("name", "bands"),
    [
        ("DJI Mavic 3M multispectral", {"green", "red", "red_edge", "nir"}),
        ("DJI Mavic 3M RGB", {"rgb"}),
        ("DJI Phantom 4 Multispectral", {"blue", "green", "red", "red_edge", "nir"}),
        ("MicaSense RedEdge-MX", {"blue", "green", "red", "red_edge", "nir"}),
        ("MicaSense RedEdge-P multispectral", {"blue", "green", "red", "red_edge", "nir"}),
        ("MicaSense RedEdge-P panchromatic", {"pan"}),
        ("MicaSense Altum-PT multispectral", {"blue", "green", "red", "red_edge", "nir"}),
        ("MicaSense Altum-PT panchromatic", {"pan"}),
        ("Parrot Sequoia multispectral", {"green", "red", "red_edge", "nir"}),
        ("Parrot Sequoia RGB", {"rgb"}),
        ("Sentera 6X multispectral", {"blue", "green", "red", "red_edge", "nir"}),
        ("Sentera 6X RGB", {"rgb"}),
    ],
)
def test_the_multispectral_heads_that_farms_use_are_there(name: str, bands: set[str]) -> None:
    assert set(camera(name).bands) == bands


def test_the_two_wrong_entries_of_the_known_ground_stations_are_refused() -> None:
    flir = fields(
        name="Flir Duo R", sensor_width_mm=160, sensor_height_mm=120,
        focal_length_mm=1.9, image_width_px=1920, image_height_px=1080,
    )  # fmt: skip
    sony = fields(
        name="Sony a7R2", sensor_width_mm=6.16, sensor_height_mm=4.62,
        focal_length_mm=5.0, image_width_px=4608, image_height_px=3456,
    )  # fmt: skip
    assert {f.key for f in validate_camera(flir)} >= {
        "finding.camera_pixels_not_square",
        "finding.camera_pitch",
    }
    assert {f.key for f in validate_camera(sony)} == {"finding.camera_body_width"}


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"sensor_height_mm": 9.3}, "finding.camera_pixels_not_square"),
        ({"image_width_px": 4608}, "finding.camera_pixels_not_square"),
        ({"sensor_width_mm": 132.0, "sensor_height_mm": 88.0}, "finding.camera_pitch"),
        ({"sensor_width_mm": 1.32, "sensor_height_mm": 0.88}, "finding.camera_pitch"),
        ({"pixel_pitch_um": 3.3}, "finding.camera_pitch_declared"),
        ({"image_height_px": 1000, "sensor_height_mm": 2.412}, "finding.camera_aspect"),
        ({"focal_length_mm": 0.5}, "finding.camera_focal"),
        ({"focal_length_mm": 240.0}, "finding.camera_focal"),
        ({"focal_length_mm": 2.4}, "finding.camera_view"),
        ({"min_interval_s": 700.0}, "finding.camera_interval"),
        ({"source": "  "}, "finding.camera_without_source"),
        ({"confidence": "sure"}, "finding.camera_confidence"),
        ({"sensor_width_mm": -1}, "finding.camera_figures"),
        ({"bands": ["thermal"]}, "finding.camera_pitch"),
        ({"name": "GoPro Hero4 Silver"}, "finding.camera_body_width"),
    ],
)
def test_each_way_an_entry_can_be_wrong_is_found(changes: dict[str, Any], key: str) -> None:
    assert validate_camera(fields()) == []
    found = validate_camera(fields(**changes))
    assert key in {finding.key for finding in found}
    for finding in found:
        assert finding.severity is Severity.ERROR
        for language in ("vi", "en"):
            assert "finding." not in finding.text(language)


def test_an_entry_without_a_figure_is_refused_by_name() -> None:
    entry = fields()
    del entry["focal_length_mm"]
    (found,) = validate_camera(entry)
    assert "focal_length_mm" in found.text("vi")


def qgc_entries(data: Path) -> Iterator[dict[str, Any]]:
    listed = json.loads((data / "missions/qgc/CameraMetaData.json").read_text("utf-8"))
    for one in listed["cameraMetaData"]:
        yield fields(
            name=one["canonicalName"], sensor_width_mm=one["sensorWidth"],
            sensor_height_mm=one["sensorHeight"], focal_length_mm=one["focalLength"],
            image_width_px=one["imageWidth"], image_height_px=one["imageHeight"],
            min_interval_s=one["minTriggerInterval"], source="QGroundControl",
        )  # fmt: skip


def mission_planner_entries(data: Path) -> Iterator[dict[str, Any]]:
    tree = ET.parse(data / "missions/missionplanner/camerasBuiltin.xml")  # noqa: S314
    for one in tree.getroot():
        told = {part.tag: part.text or "" for part in one}
        yield fields(
            name=told["name"], sensor_width_mm=float(told["senw"]),
            sensor_height_mm=float(told["senh"]), focal_length_mm=float(told["flen"]),
            image_width_px=int(told["imgw"]), image_height_px=int(told["imgh"]),
            source="Mission Planner",
        )  # fmt: skip


def rejected(entries: Iterator[dict[str, Any]]) -> dict[str, set[str]]:
    found = {}
    for entry in entries:
        if any(word in entry["name"] for word in ("Flir", "FLIR", "Thermal")):
            entry["bands"] = ["thermal"]
        keys = {finding.key.removeprefix("finding.camera_") for finding in validate_camera(entry)}
        if keys:
            found[entry["name"]] = keys
    return found


def test_of_qgroundcontrols_list_just_the_wrong_ones_are_refused(shared_data: Path) -> None:
    assert len(list(qgc_entries(shared_data))) == 35
    assert rejected(qgc_entries(shared_data)) == {
        "Flir Duo R": {"pixels_not_square", "pitch", "view"},
        "Workswell Wiris Security Visual Camera": {"pixels_not_square"},
    }


def test_of_mission_planners_list_just_the_wrong_ones_are_refused(shared_data: Path) -> None:
    assert len(list(mission_planner_entries(shared_data))) == 31
    assert rejected(mission_planner_entries(shared_data)) == {
        "Canon ELPH 115-130 IS": {"pixels_not_square"},
        "Canon 5D Mk2": {"view"},
        "WX 500": {"pixels_not_square"},
        "Sony a7R2": {"body_width"},
    }


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("gopro hero4 black", "GoPro Hero4 Black"),
        ("  GOPRO-hero4 ", "GoPro Hero4 Black"),
        ("rededge mx", "MicaSense RedEdge-MX"),
        ("m3m", "DJI Mavic 3M multispectral"),
        ("soda", "senseFly S.O.D.A."),
        ("pan altum", "MicaSense Altum-PT panchromatic"),
        ("DJI Mavic 3E", "DJI Mavic 3E wide"),
    ],
)
def test_a_camera_is_found_however_it_is_written(said: str, meant: str) -> None:
    assert camera(said).name == meant


@pytest.mark.parametrize("said", ["gopro hero 9", "", "sony", "a7r", "máy ảnh"])
def test_a_name_that_fits_none_or_several_is_answered_with_near_ones(said: str) -> None:
    with pytest.raises(BadInput) as caught:
        camera(said)
    sentence = caught.value.text("vi")
    assert any(name in sentence for name in cameras())


def test_an_aircraft_is_found_however_it_is_written_and_one_is_the_default() -> None:
    assert aircraft() is aircraft("650 quad 6s") is aircraft("X650")
    assert aircraft("td860").mass_kg > aircraft().mass_kg > aircraft("x500").mass_kg
    with pytest.raises(BadInput) as caught:
        aircraft("Boeing")
    assert any(name in caught.value.text("en") for name in all_aircraft())


@pytest.mark.parametrize("entry", aircraft_entries(), ids=lambda entry: entry["name"])
def test_hover_power_follows_from_mass_and_rotors_as_the_file_says(entry: dict[str, Any]) -> None:
    area = entry["rotors"] * math.pi * (entry["rotor_diameter_m"] / 2.0) ** 2
    thrust = entry["mass_kg"] * GRAVITY_M_S2
    watts = thrust**1.5 / math.sqrt(2.0 * AIR_KG_M3 * area) / entry["figure_of_merit"]
    assert entry["hover_power_w"] == pytest.approx(watts, rel=0.02)
    assert {"mass_kg", "hover_power_w"} <= set(entry["assumed"])
    assert entry["reserve"] >= 0.3
    minutes = entry["battery_wh"] * (1.0 - entry["reserve"]) / entry["hover_power_w"] * 60.0
    assert 10.0 < minutes < 30.0
