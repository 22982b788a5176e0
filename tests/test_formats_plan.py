"""A .plan is what QGroundControl writes and loads, and reads back as the same flight.

The tables are the keys and types that QGroundControl requires when it loads a file and writes when
it saves one (its source, commit 365ada69).
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import MultiPolygon

from agri.errors import BadInput
from agri.field import Field
from agri.geo import LonLat
from missions.checks.plan import check_plan
from missions.flightplan import FenceCircle, FlightPlan, RallyPoint
from missions.formats.plan import can_edit_as_survey, read_plan, write_plan
from missions.items import Command, Frame, MissionItem, digest, item_at
from tests.plans import (
    FENCE,
    PLAN,
    SETTINGS,
    SITE,
    TREE,
    box,
    changed,
    job,
    local,
    lonlat,
    site_with,
    waypoint,
)

NUMBER, TEXT, FLAG, LIST, THING = (int, float), str, bool, list, dict
SIMPLE_KEYS = {"autoContinue", "command", "doJumpId", "frame", "params", "type"}
ALTITUDE_KEYS = {"AMSLAltAboveTerrain", "Altitude", "AltitudeMode"}
SURVEY_KEYS = {
    "TransectStyleComplexItem": THING,
    "angle": NUMBER,
    "complexItemType": TEXT,
    "entryLocation": NUMBER,
    "flyAlternateTransects": FLAG,
    "polygon": LIST,
    "splitConcavePolygons": FLAG,
    "type": TEXT,
    "version": NUMBER,
}
TRANSECT_KEYS = {
    "CameraCalc": THING,
    "CameraShots": NUMBER,
    "CameraTriggerInTurnAround": FLAG,
    "HoverAndCapture": FLAG,
    "Items": LIST,
    "Refly90Degrees": FLAG,
    "TurnAroundDistance": NUMBER,
    "VisualTransectPoints": LIST,
    "version": NUMBER,
}
CAMERA_KEYS = {
    "AdjustedFootprintFrontal": NUMBER,
    "AdjustedFootprintSide": NUMBER,
    "CameraName": TEXT,
    "DistanceMode": NUMBER,
    "DistanceToSurface": NUMBER,
    "FixedOrientation": FLAG,
    "FocalLength": NUMBER,
    "FrontalOverlap": NUMBER,
    "ImageDensity": NUMBER,
    "ImageHeight": NUMBER,
    "ImageWidth": NUMBER,
    "Landscape": FLAG,
    "MinTriggerInterval": NUMBER,
    "SensorHeight": NUMBER,
    "SensorWidth": NUMBER,
    "SideOverlap": NUMBER,
    "ValueSetIsDistance": FLAG,
    "version": NUMBER,
}
MISSION_KEYS = {
    "cruiseSpeed": NUMBER,
    "firmwareType": NUMBER,
    "globalPlanAltitudeMode": NUMBER,
    "hoverSpeed": NUMBER,
    "items": LIST,
    "plannedHomePosition": LIST,
    "vehicleType": NUMBER,
    "version": NUMBER,
}

OPEN = site_with(no_fly_zones=(), sensitive_sites=())
"""The plan in open country: QGroundControl may lay its lines anew."""


def written(plan: FlightPlan, **options: bool) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(write_plan(plan, **options))
    return loaded


def survey_item(plan: FlightPlan) -> dict[str, Any]:
    first, survey, last = written(plan)["mission"]["items"]
    assert first["command"] == 22
    assert last["command"] in (20, 21)
    found: dict[str, Any] = survey
    return found


def has_keys(thing: dict[str, Any], kinds: dict[str, Any]) -> None:
    assert set(thing) == set(kinds)
    for key, kind in kinds.items():
        assert isinstance(thing[key], kind), key
        assert isinstance(thing[key], bool) == (kind is FLAG), key


# --- written ----------------------------------------------------------------------------------


def test_the_file_has_the_keys_that_qgroundcontrol_writes() -> None:
    document = written(OPEN)
    assert set(document) == {
        "fileType",
        "geoFence",
        "groundStation",
        "mission",
        "rallyPoints",
        "version",
    }
    assert document["fileType"] == "Plan"
    assert document["version"] == 1
    assert document["groundStation"] == "QGroundControl"
    has_keys(document["mission"], MISSION_KEYS)
    assert document["mission"]["version"] == 2
    assert document["mission"]["firmwareType"] == 3
    assert document["mission"]["vehicleType"] == 2
    assert document["mission"]["globalPlanAltitudeMode"] == 1
    assert document["mission"]["plannedHomePosition"] == [
        PLAN.home.lat_e7 / 1e7,
        PLAN.home.lon_e7 / 1e7,
        12.3,
    ]


def test_a_survey_item_has_the_keys_types_and_versions_of_qgroundcontrol() -> None:
    survey = survey_item(OPEN)
    has_keys(survey, SURVEY_KEYS)
    has_keys(survey["TransectStyleComplexItem"], TRANSECT_KEYS)
    has_keys(survey["TransectStyleComplexItem"]["CameraCalc"], CAMERA_KEYS)
    assert (survey["type"], survey["complexItemType"], survey["version"]) == (
        "ComplexItem",
        "survey",
        5,
    )
    assert survey["TransectStyleComplexItem"]["version"] == 2
    for item in survey["TransectStyleComplexItem"]["Items"]:
        assert set(item) == SIMPLE_KEYS
        assert len(item["params"]) == 7
    for corner in survey["polygon"]:
        assert len(corner) == 2
    assert survey["flyAlternateTransects"] is False
    assert survey["splitConcavePolygons"] is False


def test_the_camera_calculation_is_the_plans() -> None:
    transect = survey_item(OPEN)["TransectStyleComplexItem"]
    calc = transect["CameraCalc"]
    assert calc["version"] == 2
    assert calc["AdjustedFootprintSide"] == pytest.approx(24.0)
    assert calc["AdjustedFootprintFrontal"] == pytest.approx(10.0)
    assert calc["DistanceToSurface"] == 40.0
    assert calc["DistanceMode"] == 1
    assert calc["FrontalOverlap"] == pytest.approx(75.0)
    assert calc["SideOverlap"] == pytest.approx(60.0)
    assert calc["ImageDensity"] == pytest.approx(100 * 60 / 5472)
    assert calc["SensorWidth"] == 13.2
    assert calc["SensorHeight"] == 8.8
    assert calc["FocalLength"] == 8.8
    assert calc["ImageWidth"] == 5472
    assert calc["ImageHeight"] == 3648
    assert calc["MinTriggerInterval"] == 1.0
    assert calc["Landscape"] is True
    assert calc["ValueSetIsDistance"] is True
    assert calc["FixedOrientation"] is False
    assert calc["CameraName"] == "Custom Camera"
    assert transect["CameraShots"] == 105
    assert transect["TurnAroundDistance"] == 0.0
    assert transect["CameraTriggerInTurnAround"] is False
    assert transect["HoverAndCapture"] is False
    assert transect["Refly90Degrees"] is False


def test_qgroundcontrol_gets_the_same_camera_figures_from_the_specification() -> None:
    """Its own formula, cm per pixel from the height, then the footprints less the overlaps."""
    calc = survey_item(OPEN)["TransectStyleComplexItem"]["CameraCalc"]
    density = (
        calc["DistanceToSurface"]
        * calc["SensorWidth"]
        * 100.0
        / (calc["ImageWidth"] * calc["FocalLength"])
    )
    side = calc["ImageWidth"] * density / 100.0 * (1.0 - calc["SideOverlap"] / 100.0)
    front = calc["ImageHeight"] * density / 100.0 * (1.0 - calc["FrontalOverlap"] / 100.0)
    assert calc["ImageDensity"] == pytest.approx(density)
    assert calc["AdjustedFootprintSide"] == pytest.approx(side)
    assert calc["AdjustedFootprintFrontal"] == pytest.approx(front)


def test_the_survey_item_carries_our_own_items_with_their_numbers() -> None:
    transect = survey_item(OPEN)["TransectStyleComplexItem"]
    assert [item["doJumpId"] for item in transect["Items"]] == list(range(2, 24))
    assert [item["command"] for item in transect["Items"]] == [
        int(item.command) for item in OPEN.items[1:-1]
    ]
    assert transect["Items"][0]["params"] == [1, 6, -1, 0, 0, 0, 0]
    assert transect["Items"][1]["params"][4:] == [
        OPEN.items[2].x / 1e7,
        OPEN.items[2].y / 1e7,
        40,
    ]
    assert transect["VisualTransectPoints"] == [
        [i.x / 1e7, i.y / 1e7] for i in OPEN.items[1:-1] if i.is_located
    ]
    assert written(OPEN)["mission"]["items"][2]["doJumpId"] == 24


def test_nothing_makes_qgroundcontrol_lay_the_lines_anew() -> None:
    """It does when it expects another speed at the survey than the 5 m/s it starts from."""
    document = written(OPEN)
    assert document["mission"]["hoverSpeed"] == 5
    before = document["mission"]["items"][0]
    assert before["command"] == 22
    assert document["mission"]["items"][1]["type"] == "ComplexItem"


def test_the_polygon_is_the_fields_border_not_closed() -> None:
    polygon = survey_item(OPEN)["polygon"]
    ring = list(SITE.field.boundary.geoms[0].exterior.coords)[:-1]
    assert polygon == [[round(lat, 7), round(lon, 7)] for lon, lat in ring]


@pytest.mark.parametrize(
    ("angle_deg", "order", "corner"),
    [
        (90.0, (-48, -24, 0, 24, 48), 3),
        (90.0, (48, 24, 0, -24, -48), 2),
        (0.0, (-48, -24, 0, 24, 48), 2),
        (0.0, (48, 24, 0, -24, -48), 0),
    ],
)
def test_the_entry_corner_is_seen_along_the_lines(
    angle_deg: float, order: tuple[int, ...], corner: int
) -> None:
    """The first line begins in the west: at 90 degrees, right of it is south, and it is behind."""
    from tests.plans import survey_items

    items = survey_items(tuple(float(north) for north in order))
    plan = replace(OPEN, items=items, survey=job(angle_deg=angle_deg))
    assert survey_item(plan)["angle"] == angle_deg
    assert survey_item(plan)["entryLocation"] == corner


def test_simple_items_say_how_their_height_is_meant() -> None:
    items = written(PLAN, complex_item=False)["mission"]["items"]
    assert len(items) == 24
    for number, (entry, item) in enumerate(zip(items, PLAN.items, strict=True), start=1):
        assert set(entry) == SIMPLE_KEYS | (ALTITUDE_KEYS if item.is_located else set())
        assert entry["type"] == "SimpleItem"
        assert entry["autoContinue"] is True
        assert entry["doJumpId"] == number
    assert items[2]["Altitude"] == 40
    assert items[2]["AltitudeMode"] == 1
    assert items[2]["AMSLAltAboveTerrain"] is None


@pytest.mark.parametrize(
    ("frame", "mode", "whole"), [(Frame.GLOBAL, 2, 0), (Frame.TERRAIN, 4, 0), (Frame.MISSION, 0, 0)]
)
def test_each_frame_has_its_altitude_mode(frame: Frame, mode: int, whole: int) -> None:
    document = written(changed(23, frame=frame), complex_item=False)
    entry = document["mission"]["items"][22]
    assert entry.get("AltitudeMode", 0) == mode
    assert ("Altitude" in entry) == bool(mode)
    assert document["mission"]["globalPlanAltitudeMode"] == whole


def test_all_items_in_one_frame_make_the_plans_mode() -> None:
    items = tuple(replace(i, frame=Frame.GLOBAL) for i in PLAN.items)
    assert written(replace(PLAN, items=items))["mission"]["globalPlanAltitudeMode"] == 2


def test_a_take_off_without_a_place_is_drawn_at_home() -> None:
    entry = written(changed(1, x=0, y=0))["mission"]["items"][0]
    assert entry["params"][4:] == [PLAN.home.lat_e7 / 1e7, PLAN.home.lon_e7 / 1e7, 40]


def test_a_free_yaw_is_null() -> None:
    entry = written(changed(23, param4=math.nan))["mission"]["items"][22]
    assert entry["params"][3] is None


def test_fence_and_rally_points_are_version_two() -> None:
    circle = FenceCircle(inclusion=False, centre=local(0.0, 200.0), radius_m=12.5)
    document = written(replace(PLAN, fence_circles=(circle,)))
    fence, rally = document["geoFence"], document["rallyPoints"]
    assert set(fence) == {"circles", "polygons", "version"}
    assert fence["version"] == 2
    assert fence["polygons"] == [
        {
            "inclusion": True,
            "polygon": [[v.lat_e7 / 1e7, v.lon_e7 / 1e7] for v in FENCE.vertices],
            "version": 1,
        }
    ]
    assert fence["circles"] == [
        {
            "circle": {
                "center": [circle.centre.lat_e7 / 1e7, circle.centre.lon_e7 / 1e7],
                "radius": 12.5,
            },
            "inclusion": False,
            "version": 1,
        }
    ]
    assert rally == {
        "points": [[PLAN.home.lat_e7 / 1e7, PLAN.home.lon_e7 / 1e7, 40]],
        "version": 2,
    }


# --- when QGroundControl may edit ---------------------------------------------------------------


def test_a_survey_in_open_country_may_be_edited() -> None:
    assert can_edit_as_survey(OPEN)
    landed = replace(OPEN, items=(*OPEN.items[:-1], item_at(Command.NAV_LAND, PLAN.home, 0.0)))
    assert can_edit_as_survey(landed)


def multipart() -> FlightPlan:
    parts = MultiPolygon([lonlat(box(-100, -60, 0, 60)), lonlat(box(10, -60, 100, 60))])
    return replace(OPEN, site=replace(OPEN.site, field=Field(name="F", boundary=parts)))


@pytest.mark.parametrize(
    "plan",
    [
        site_with(TREE, no_fly_zones=()),
        site_with(),
        replace(OPEN, site=None),
        replace(OPEN, survey=None),
        replace(OPEN, survey=job(settings=replace(SETTINGS, edge_pass=True))),
        replace(OPEN, survey=job(settings=replace(SETTINGS, lead_in_m=15.1))),
        replace(OPEN, fence_polygons=()),
        replace(OPEN, fence_polygons=(FENCE, replace(FENCE, inclusion=False))),
        replace(
            OPEN,
            fence_circles=(FenceCircle(inclusion=True, centre=PLAN.home, radius_m=500.0),),
        ),
        replace(OPEN, items=OPEN.items[1:]),
        replace(OPEN, items=OPEN.items[:-1]),
        replace(OPEN, items=(OPEN.items[0], OPEN.items[-1])),
        replace(OPEN, items=changed(5, frame=Frame.GLOBAL).items),
        multipart(),
    ],
)
def test_elsewhere_simple_items_are_written(plan: FlightPlan) -> None:
    assert not can_edit_as_survey(plan)
    assert {i["type"] for i in written(plan)["mission"]["items"]} == {"SimpleItem"}


def test_a_lead_in_that_stays_inside_the_fence_does_no_harm() -> None:
    plan = replace(OPEN, survey=job(settings=replace(SETTINGS, lead_in_m=14.9)))
    assert survey_item(plan)["TransectStyleComplexItem"]["TurnAroundDistance"] == 14.9


def test_simple_items_can_be_asked_for() -> None:
    kinds = {i["type"] for i in written(OPEN, complex_item=False)["mission"]["items"]}
    assert kinds == {"SimpleItem"}


# --- read back ----------------------------------------------------------------------------------


@pytest.mark.parametrize("plan", [PLAN, OPEN])
@pytest.mark.parametrize("complex_item", [True, False])
def test_reading_back_gives_the_same_flight(plan: FlightPlan, complex_item: bool) -> None:
    back = read_plan(write_plan(plan, complex_item=complex_item), "back")
    assert back.items == plan.items
    assert back.home.lat_e7 == plan.home.lat_e7
    assert back.home.lon_e7 == plan.home.lon_e7
    assert back.home_altitude_m == 12.3
    assert digest(back.items) == digest(plan.items)
    assert back.digest == plan.digest
    assert back.name == "back"
    assert (back.site, back.survey, back.aircraft) == (None, None, None)


def test_every_number_survives() -> None:
    items = (
        item_at(Command.NAV_TAKEOFF, local(0, 0), 2.01),
        replace(waypoint(1.0, 1.0, -9999.99), param1=0.1, param2=1e-7, param4=math.nan),
        MissionItem(command=Command.DO_SET_CAM_TRIGG_DIST, param1=31.057046979865774),
        MissionItem(command=Command.DO_DIGICAM_CONTROL, x=1, y=-2, z=3.5),
        MissionItem(command=201, frame=Frame.RELATIVE, x=476035618, y=-1220463910, z=5.0),
        MissionItem(command=530, param2=2.0, x=7),
        MissionItem(command=Command.NAV_WAYPOINT, frame=Frame.TERRAIN, x=-1, y=1800000000, z=0.07),
    )
    plan = replace(
        PLAN,
        items=items,
        rally_points=(RallyPoint(place=local(3.0, 4.0), altitude_m=33.33),),
    )
    back = read_plan(write_plan(plan), "x")
    assert repr(back.items) == repr(tuple(replace(i, command=int(i.command)) for i in items))
    assert back.digest == plan.digest
    assert back.rally_points[0].altitude_m == 33.33


def test_heights_round_to_the_centimetre_as_on_board() -> None:
    plan = changed(23, z=40.006)
    back = read_plan(write_plan(plan), "x")
    assert back.items[22].z == 40.01
    assert back.digest == plan.digest


# --- other people's files -----------------------------------------------------------------------


def minimal(*items: Any, **top: Any) -> str:
    mission = {"version": 2, "plannedHomePosition": [21.0, 106.5, 5], "items": list(items)}
    return json.dumps({"fileType": "Plan", "version": 1, "mission": mission, **top})


def simple(command: int = 16, **values: Any) -> dict[str, Any]:
    entry = {
        "type": "SimpleItem",
        "command": command,
        "frame": 3,
        "autoContinue": True,
        "params": [0, 0, 0, None, 21.0, 106.5, 30],
    }
    return entry | values


def test_a_plan_may_leave_fence_and_rally_points_out() -> None:
    plan = read_plan(minimal(simple()), "m")
    assert len(plan.items) == 1
    assert math.isnan(plan.items[0].param4)
    assert plan.fence_polygons == ()
    assert plan.rally_points == ()


def test_home_without_a_height_stands_at_zero() -> None:
    for home in ([21.0, 106.5], [21.0, 106.5, None]):
        mission = {"plannedHomePosition": home, "items": []}
        text = json.dumps({"fileType": "Plan", "version": 1, "mission": mission})
        assert read_plan(text, "m").home_altitude_m == 0.0


def test_null_is_zero_where_the_vehicle_takes_no_free_value() -> None:
    plan = read_plan(minimal(simple(82), simple(530, frame=2, params=[0, 2] + [None] * 5)), "m")
    assert plan.items[0].param4 == 0.0
    assert plan.items[1] == MissionItem(command=530, param2=2.0)


def test_older_items_keep_place_and_parameters_apart() -> None:
    beside = simple(coordinate=[21.0, 106.5, 30], params=[1, 0, 0, 0])
    one_by_one = {k: v for k, v in beside.items() if k != "params"}
    one_by_one |= {"type": "missionItem", "param1": 1, "param2": 0, "param3": 0, "param4": 0}
    plan = read_plan(minimal(beside, one_by_one), "m")
    assert plan.items[0] == plan.items[1]
    assert plan.items[0].param1 == 1.0
    assert plan.items[0].place == LonLat(lon_deg=106.5, lat_deg=21.0)


def test_twin_frames_are_folded() -> None:
    plan = read_plan(minimal(simple(frame=5), simple(frame=6), simple(frame=11)), "m")
    assert [i.frame for i in plan.items] == [Frame.GLOBAL, Frame.RELATIVE, Frame.TERRAIN]


def test_a_height_still_to_come_from_terrain_is_a_terrain_height() -> None:
    entry = simple(frame=0, AltitudeMode=3, Altitude=80, params=[0, 0, 0, None, 21.0, 106.5, None])
    item = read_plan(minimal(entry), "m").items[0]
    assert (item.frame, item.z) == (Frame.TERRAIN, 80.0)
    worked_out = simple(
        frame=0, AltitudeMode=3, Altitude=80, params=[0, 0, 0, None, 21.0, 106.5, 95.5]
    )
    item = read_plan(minimal(worked_out), "m").items[0]
    assert (item.frame, item.z) == (Frame.GLOBAL, 95.5)


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("kind", ["survey", "CorridorScan"])
def test_complex_items_are_read_by_the_items_inside(kind: str, version: int) -> None:
    inner = {"version": 2, "Items": [simple(), simple(206, params=[10, 0, 1, 0, 0, 0, 0])]}
    entry = {
        "type": "ComplexItem",
        "complexItemType": kind,
        "version": version,
        "TransectStyleComplexItem": inner,
    }
    plan = read_plan(minimal(simple(22), entry, simple(20)), "m")
    assert [i.command for i in plan.items] == [22, 16, 206, 20]


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "ComplexItem", "complexItemType": "survey", "version": 3, "grid": {}},
        {"type": "ComplexItem", "complexItemType": "StructureScan"},
        {"type": "ComplexItem", "TransectStyleComplexItem": {"Items": []}},
        {"type": "ComplexItem", "TransectStyleComplexItem": {"Items": 3}},
        {"type": "ComplexItem", "TransectStyleComplexItem": []},
    ],
)
def test_complex_items_without_items_are_refused(entry: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as caught:
        read_plan(minimal(simple(), entry), "m")
    assert caught.value.message.key == "error.plan_complex"
    assert dict(caught.value.message.values)["item"] == 2


def test_circles_and_polygons_are_read() -> None:
    fence = {
        "version": 2,
        "polygons": [
            {"inclusion": False, "polygon": [[21, 106], [21, 106.1], [21.1, 106], [21, 106]]}
        ],
        "circles": [{"inclusion": True, "circle": {"center": [21, 106.5], "radius": 50}}],
    }
    plan = read_plan(
        minimal(geoFence=fence, rallyPoints={"version": 2, "points": [[21, 106.5, 9]]})
    )
    (polygon,), (circle,) = plan.fence_polygons, plan.fence_circles
    assert not polygon.inclusion
    assert len(polygon.vertices) == 3
    assert circle.inclusion
    assert circle.radius_m == 50.0
    assert plan.rally_points == (
        RallyPoint(place=LonLat(lon_deg=106.5, lat_deg=21.0), altitude_m=9.0),
    )


def test_an_older_fence_is_taken_only_when_it_is_empty() -> None:
    assert read_plan(minimal(geoFence={"polygon": [], "version": 1})).fence_polygons == ()
    assert read_plan(minimal(rallyPoints={"points": []})).rally_points == ()


GOOD_RING = [[21, 106], [21, 106.1], [21.1, 106]]
LONG = "9" * 400


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("", "file_not_json"),
        ("[]", "file_not_json"),
        ('{"fileType": NaN}', "file_not_json"),
        ("9" * 5000, "file_not_json"),
        ("{}", "file_kind"),
        ('{"fileType": "Mission"}', "file_kind"),
        ('{"fileType": "Plan", "version": 1}', "file_missing"),
        ('{"fileType": "Plan", "version": 2}', "file_version"),
        ('{"fileType": "Plan"}', "file_version"),
        ('{"fileType": "Plan", "version": 1, "mission": 1}', "file_value"),
        ('{"fileType": "Plan", "version": 1, "mission": {"items": []}}', "file_missing"),
        (minimal().replace("[21.0, 106.5, 5]", "[21.0]"), "file_value"),
        (minimal().replace("[21.0, 106.5, 5]", "[121.0, 106.5]"), "file_value"),
        (minimal().replace("[21.0, 106.5, 5]", "[106.5, 21.0]"), "file_swapped"),
        (minimal().replace("[21.0, 106.5, 5]", "[21.0, 106.5, 1e999]"), "file_value"),
        (minimal(3), "file_value"),
        (minimal({"type": "Other"}), "file_value"),
        (minimal({"type": "SimpleItem"}), "file_missing"),
        (minimal(simple(1.5)), "file_value"),
        (minimal(simple(True)), "file_value"),
        (minimal(simple(70000)), "file_item"),
        (minimal(simple(frame=1)), "file_value"),
        (minimal(simple(frame=None)), "file_value"),
        (minimal(simple(params=[0] * 6)), "file_value"),
        (minimal(simple(params="0000000")), "file_value"),
        (minimal(simple(params=[1e10, 0, 0, 0, 21, 106, 3])), "file_item"),
        (minimal(simple(params=["1", 0, 0, 0, 21, 106, 3])), "file_value"),
        (minimal(simple(params=[0, 0, 0, 0, 106, 21, 3])), "file_swapped"),
        (minimal(simple(params=[0, 0, 0, 0, 21, 206, 3])), "file_value"),
        (minimal(simple(params=[0, 0, 0, 0, 21, 106, None])), "file_value"),
        (minimal(simple(params=[0, 0, 0, 0, 21, 106, 1e6])), "file_item"),
        (minimal(simple(178, frame=2, params=[0, 0, 0, 0, 3e9, 0, 0])), "file_value"),
        (minimal(simple(params=[0, 0, 0, 0, 21, 106, 1])).replace("21,", LONG + ","), "file_value"),
        (minimal(simple(AltitudeMode=3, params=[0, 0, 0, 0, 1, 1, None])), "file_missing"),
        (minimal(geoFence=[]), "file_value"),
        (minimal(geoFence={"version": 3}), "file_version"),
        (minimal(geoFence={"polygon": GOOD_RING, "version": 1}), "file_version"),
        (minimal(rallyPoints={"points": [[1, 2, 3]]}), "file_version"),
        (minimal(geoFence={"version": 2, "polygons": [3]}), "file_value"),
        (minimal(geoFence={"version": 2, "polygons": [{"polygon": GOOD_RING}]}), "file_missing"),
        (
            minimal(geoFence={"version": 2, "polygons": [{"inclusion": 1, "polygon": GOOD_RING}]}),
            "file_value",
        ),
        (
            minimal(
                geoFence={
                    "version": 2,
                    "polygons": [{"inclusion": True, "polygon": GOOD_RING[:2]}],
                }
            ),
            "fence_vertices",
        ),
        (
            minimal(geoFence={"version": 2, "polygons": [{"inclusion": True, "polygon": [[1]]}]}),
            "file_value",
        ),
        (minimal(geoFence={"version": 2, "circles": [{"inclusion": True}]}), "file_missing"),
        (
            minimal(
                geoFence={
                    "version": 2,
                    "circles": [
                        {"inclusion": True, "circle": {"center": [21, 106], "radius": 0.5}}
                    ],
                }
            ),
            "fence_radius",
        ),
        (minimal(rallyPoints={"version": 2, "points": [[21, 106]]}), "file_value"),
        (minimal(rallyPoints={"version": 2, "points": [[21, 106, 1e7]]}), "file_item"),
    ],
)
def test_what_is_wrong_is_one_sentence(text: str, key: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_plan(text, "tệp")
    assert caught.value.message.key == f"error.{key}"
    for language in ("vi", "en"):
        sentence = caught.value.text(language)
        assert len(sentence) < 400
        assert "{" not in sentence


def test_too_many_items_are_refused() -> None:
    many = [simple()] * 2500
    inner = {"type": "ComplexItem", "TransectStyleComplexItem": {"Items": many}}
    assert len(read_plan(minimal(inner, inner)).items) == 5000
    with pytest.raises(BadInput) as caught:
        read_plan(minimal(inner, inner, simple()))
    assert caught.value.message.key == "error.file_too_many_items"


def test_an_item_is_told_by_its_number_on_board() -> None:
    inner = {"type": "ComplexItem", "TransectStyleComplexItem": {"Items": [simple()] * 3}}
    with pytest.raises(BadInput) as caught:
        read_plan(minimal(simple(22), inner, simple(params=[1e10, 0, 0, 0, 21, 106, 3])), "a.plan")
    assert dict(caught.value.message.values)["item"] == 5
    assert "a.plan, item 5: Mission command 16: parameter 1" in str(caught.value)


# --- reference files ----------------------------------------------------------------------------


def test_the_reference_plans_of_qgroundcontrol_are_read(shared_data: Path) -> None:
    section = read_plan((shared_data / "missions/qgc/SectionTest.plan").read_bytes(), "s")
    assert [i.command for i in section.items] == [22, 16, 16, 205, 16]
    assert section.items[1].place == LonLat(lon_deg=-122.0892502, lat_deg=47.6336911)
    assert section.items[3].z == 2.0
    terrain = read_plan(
        (shared_data / "missions/qgc/TerrainTest-ArduCopter.plan").read_bytes(), "t"
    )
    assert [(i.command, i.frame.name, i.z) for i in terrain.items[:8]] == [
        (22, "RELATIVE", 30.0),
        (16, "RELATIVE", 60.0),
        (178, "MISSION", 0.0),
        (16, "GLOBAL", 159.26),
        (201, "RELATIVE", 0.0),
        (16, "TERRAIN", 80.0),
        (19, "RELATIVE", 100.0),
        (16, "TERRAIN", 50.0),
    ]
    back = read_plan(write_plan(terrain), "t")
    assert repr(back) == repr(terrain)


def test_the_faulty_sample_is_read_and_found_faulty(shared_data: Path) -> None:
    """Another planner's file: air speed, camera shots without a plan, no fence."""
    path = shared_data / "missions/hot_1.0.0_sample.plan"
    plan = read_plan(path.read_bytes(), "hot")
    keys = {f.key for f in check_plan(plan)}
    assert {"finding.speed_in_air", "finding.no_fence", "finding.above_ceiling"} <= keys
