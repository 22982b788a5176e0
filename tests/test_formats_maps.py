"""KML and GeoJSON show the plan where it is; the register finds every format by name."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
from shapely.geometry import MultiPolygon, Polygon, shape

from agri.errors import BadInput
from agri.field import Field
from agri.geo import LocalFrame, LonLat
from missions.flightplan import FenceCircle, FlightPlan
from missions.formats import FORMATS, export_plan, read_mission_file
from missions.formats.circles import circle_ring
from missions.formats.geojson import write_geojson
from missions.formats.kml import MAX_PHOTOS, photo_places, write_kml
from missions.items import Command, Frame, MissionItem, digest, item_at
from missions.legs import flown_legs
from tests.plans import FENCE, PLAN, SITE, box, local, lonlat

NS = {"k": "http://www.opengis.net/kml/2.2"}
CIRCLE = FenceCircle(inclusion=False, centre=local(0.0, 200.0), radius_m=50.0)
FULL = replace(
    PLAN, fence_polygons=(FENCE, replace(FENCE, inclusion=False)), fence_circles=(CIRCLE,)
)


def kml(plan: FlightPlan, language: str = "vi") -> ElementTree.Element:
    text = write_kml(plan, language=language)  # type: ignore[arg-type]
    return ElementTree.fromstring(text.encode("utf-8"))  # noqa: S314 (our own text)


def each(element: ElementTree.Element, tag: str) -> Iterator[ElementTree.Element]:
    return element.iter(f"{{{NS['k']}}}{tag}")


def folders(plan: FlightPlan, language: str = "vi") -> dict[str, ElementTree.Element]:
    return {
        str(folder.findtext("k:name", namespaces=NS)): folder
        for folder in kml(plan, language).iterfind("k:Document/k:Folder", NS)
    }


def coordinates(element: ElementTree.Element) -> list[list[tuple[float, float, float]]]:
    found = []
    for node in element.iterfind(".//k:coordinates", NS):
        found.append(
            [tuple(float(v) for v in point.split(",")) for point in str(node.text).split()]
        )
    return found  # type: ignore[return-value]


# --- KML --------------------------------------------------------------------------------------


def test_the_kml_has_a_folder_for_each_thing_in_the_language_asked() -> None:
    assert list(folders(FULL, "en")) == [
        "Field",
        "No-fly zone",
        "Fence: stay inside",
        "Fence: keep out",
        "Lines with pictures",
        "Flown without pictures",
        "Pictures to be taken",
        "Alternative landing place",
    ]
    assert set(folders(FULL)).isdisjoint(folders(FULL, "en"))


def test_longitude_comes_before_latitude() -> None:
    for folder in folders(FULL).values():
        for line in coordinates(folder):
            for lon, lat, _ in line:
                assert 106.4 < lon < 106.6
                assert 21.0 < lat < 21.2


def test_every_style_used_is_defined() -> None:
    document = kml(FULL)
    defined = {"#" + str(style.get("id")) for style in each(document, "Style")}
    used = {str(node.text) for node in each(document, "styleUrl")}
    assert used == defined
    assert len(used) == 9
    for style in each(document, "Style"):
        for colour in each(style, "color"):
            assert len(str(colour.text)) == 8
            int(str(colour.text), 16)


def test_lines_hang_at_their_height_above_the_ground() -> None:
    works = folders(FULL, "en")["Lines with pictures"]
    assert {node.text for node in each(works, "altitudeMode")} == {"relativeToGround"}
    lines = coordinates(works)
    assert len(lines) == 5
    assert {point[2] for line in lines for point in line} == {40.0}
    rests = folders(FULL, "en")["Flown without pictures"]
    assert len(coordinates(rests)) == 7 - 1 + 1
    first = PLAN.items[2].place
    assert lines[0][0][:2] == (round(first.lon_deg, 7), round(first.lat_deg, 7))


def test_heights_above_the_sea_are_drawn_absolute() -> None:
    items = tuple(replace(i, frame=Frame.GLOBAL) for i in PLAN.items)
    works = folders(replace(PLAN, items=items), "en")["Lines with pictures"]
    assert {node.text for node in each(works, "altitudeMode")} == {"absolute"}


def test_pictures_stand_every_trigger_distance_along_a_line() -> None:
    photos = coordinates(folders(FULL, "en")["Pictures to be taken"])
    assert len(photos) == 5 * 21
    frame = LocalFrame(local(0.0, 0.0))
    east, north = frame.to_local(*zip(*((p[0][0], p[0][1]) for p in photos[:21]), strict=True))
    assert list(east) == pytest.approx([-100.0 + 10.0 * n for n in range(21)], abs=0.05)
    assert list(north) == pytest.approx([-48.0] * 21, abs=0.05)


def test_pictures_on_a_sloping_line_have_their_own_heights() -> None:
    items = (
        item_at(Command.NAV_WAYPOINT, local(0, 0), 20.0),
        MissionItem(command=Command.DO_SET_CAM_TRIGG_DIST, param1=25.0),
        item_at(Command.NAV_WAYPOINT, local(0, 60), 50.0),
    )
    found = list(photo_places(flown_legs(items, local(0, -1))))
    assert [height for _, height in found] == pytest.approx([20.0, 32.5, 45.0], abs=0.01)


@pytest.mark.parametrize("trigger_m", [0.01, 1e-9, 1e-320])
def test_a_countless_number_of_pictures_is_cut(trigger_m: float) -> None:
    items = [i if i.param1 != 10.0 else replace(i, param1=trigger_m) for i in PLAN.items]
    photos = folders(replace(PLAN, items=tuple(items)), "en")["Pictures to be taken"]
    assert len(coordinates(photos)) == MAX_PHOTOS


def test_holes_parts_and_fences_are_drawn() -> None:
    parts = MultiPolygon(
        [
            lonlat(box(-100, -60, 0, 60).difference(box(-50, -10, -40, 10))),
            lonlat(box(10, -60, 100, 60)),
        ]
    )
    plan = replace(FULL, site=replace(SITE, field=Field(name="<F> & \x07", boundary=parts)))
    folder = folders(plan, "en")["Field"]
    assert len(list(each(folder, "Polygon"))) == 2
    assert len(list(each(folder, "innerBoundaryIs"))) == 1
    assert folder.findtext("k:Placemark/k:name", namespaces=NS) == "<F> & \ufffd"
    rings = coordinates(folders(plan, "en")["Fence: keep out"])
    assert [len(ring) for ring in rings] == [5, 73]
    assert rings[0][0] == rings[0][-1]


def test_a_bare_plan_is_drawn_too() -> None:
    bare = FlightPlan(name="", home=local(0, 0), items=())
    assert list(folders(bare, "en")) == ["Alternative landing place"]


# --- GeoJSON ----------------------------------------------------------------------------------


def features(plan: FlightPlan) -> dict[str, list[dict[str, Any]]]:
    document = json.loads(write_geojson(plan))
    assert document["type"] == "FeatureCollection"
    assert "crs" not in document
    found: dict[str, list[dict[str, Any]]] = {}
    for feature in document["features"]:
        assert set(feature) == {"type", "properties", "geometry"}
        assert feature["type"] == "Feature"
        found.setdefault(feature["properties"]["kind"], []).append(feature)
    return found


def test_every_thing_is_a_feature_of_its_kind() -> None:
    counts = Counter({kind: len(found) for kind, found in features(FULL).items()})
    assert counts == {
        "home": 1,
        "field": 1,
        "obstacle": 3,
        "no_fly_zone": 1,
        "sensitive_site": 1,
        "fence": 3,
        "rally": 1,
        "leg": 12,
        "waypoint": 12,
    }
    bare = features(FlightPlan(name="x", home=local(0, 0), items=()))
    assert set(bare) == {"home"}


def test_geometries_are_where_they_are_with_seven_decimals() -> None:
    found = features(FULL)
    field = shape(found["field"][0]["geometry"])
    assert field.symmetric_difference(SITE.field.boundary).area < 1e-9
    for feature in (f for each in found.values() for f in each):
        bounds = shape(feature["geometry"]).bounds
        assert bounds[0] > 106.4
        assert bounds[3] < 21.2
        for number in str(feature["geometry"]["coordinates"]).replace("(", "[").split(","):
            digits = number.strip(" []()").partition(".")[2]
            assert len(digits) <= 7


def test_properties_carry_units_and_numbers_on_board() -> None:
    found = features(FULL)
    first, second = found["leg"][0]["properties"], found["leg"][1]["properties"]
    assert first == {
        "kind": "leg",
        "to_item": 3,
        "length_m": pytest.approx(104.99, abs=0.02),
        "height_m": 40.0,
        "trigger_m": 0.0,
        "spray_on": False,
    }
    assert (second["to_item"], second["trigger_m"]) == (5, 10.0)
    assert found["waypoint"][1]["properties"] == {
        "kind": "waypoint",
        "item": 3,
        "command": "NAV_WAYPOINT",
        "frame": "RELATIVE",
        "height_m": 40.0,
    }
    assert found["waypoint"][0]["properties"]["command"] == "NAV_TAKEOFF"
    assert found["field"][0]["properties"] == {
        "kind": "field",
        "name": "Ruộng thử",
        "crop": "",
        "area_m2": pytest.approx(24000.0, rel=1e-3),
    }
    assert found["obstacle"][0]["properties"] == {
        "kind": "obstacle",
        "name": "Cây vải",
        "what": "tree",
        "height_m": 8.0,
        "clearance_m": 3.0,
    }
    assert found["fence"][0]["properties"] == {"kind": "fence", "inclusion": True}
    assert found["fence"][2]["properties"] == {
        "kind": "fence",
        "inclusion": False,
        "radius_m": 50.0,
    }
    assert found["rally"][0]["properties"] == {"kind": "rally", "height_m": 40.0}
    assert found["home"][0]["properties"] == {
        "kind": "home",
        "name": "Bay thử",
        "altitude_m": 12.3,
    }
    assert found["home"][0]["geometry"]["coordinates"] == [
        round(PLAN.home.lon_deg, 7),
        round(PLAN.home.lat_deg, 7),
    ]


def test_rings_are_closed() -> None:
    for feature in features(FULL)["fence"]:
        ring = feature["geometry"]["coordinates"][0]
        assert ring[0] == ring[-1]


def test_an_item_without_a_place_is_not_on_the_map() -> None:
    items = (MissionItem(command=Command.NAV_LAND, frame=Frame.RELATIVE), *PLAN.items[2:4])
    assert len(features(replace(PLAN, items=items))["waypoint"]) == 1


def test_a_circle_is_a_ring_of_its_radius() -> None:
    ring = circle_ring(CIRCLE)
    frame = LocalFrame(CIRCLE.centre)
    area = Polygon([frame.metres(place) for place in ring])
    assert area.is_valid
    assert area.area == pytest.approx(3.14159 * 50.0**2, rel=0.002)
    assert area.exterior.is_ccw


# --- the register -------------------------------------------------------------------------------


def test_the_register_holds_every_format() -> None:
    assert {name: suffix for name, (suffix, _) in FORMATS.items()} == {
        "agri": ".agri.json",
        "plan": ".plan",
        "waypoints": ".waypoints",
        "fence": ".fence.waypoints",
        "rally": ".rally.waypoints",
        "kml": ".kml",
        "geojson": ".geojson",
        "param": ".param",
        "wpml": ".kmz",
        "litchi": ".litchi.csv",
    }
    for name, (_, writer) in FORMATS.items():
        if name == "param":  # for sprayings only
            continue
        assert export_plan(PLAN, name) == writer(PLAN)
        assert export_plan(PLAN, name) == export_plan(PLAN, name)


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(BadInput) as caught:
        export_plan(PLAN, "dwg")
    assert caught.value.message.key == "error.unknown_format"


@pytest.mark.parametrize(("name", "whole"), [("agri", True), ("plan", True), ("waypoints", False)])
def test_a_mission_file_is_known_by_its_content(name: str, whole: bool) -> None:
    for content in (export_plan(PLAN, name), export_plan(PLAN, name).encode()):
        back = read_mission_file(content, name="x", suffix=".txt")
        assert digest(back.items) == digest(PLAN.items)
        assert (back.digest == PLAN.digest) is whole
    assert read_mission_file("\n  " + export_plan(PLAN, name)).items == PLAN.items


@pytest.mark.parametrize("content", ["", "hello", "<kml/>", b"\x89PNG", "{}", "[1]", "1 2\n3 4\n"])
def test_other_files_are_refused(content: str | bytes) -> None:
    with pytest.raises(BadInput) as caught:
        read_mission_file(content, name="a", suffix=".doc")
    assert caught.value.message.key in ("error.file_kind", "error.file_not_text")


def test_a_place_far_south_and_west_keeps_its_signs() -> None:
    here = LonLat(lon_deg=-70.123, lat_deg=-33.456)
    plan = FlightPlan(name="s", home=here, items=(item_at(Command.NAV_WAYPOINT, here, 30.0),))
    for name in ("plan", "waypoints", "agri"):
        assert read_mission_file(export_plan(plan, name)).items == plan.items
    assert "-70.1230000,-33.4560000" in export_plan(plan, "kml")
