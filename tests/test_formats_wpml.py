"""DJI route files hold to the published rules and carry the way flown; a broken one is seen."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agri.errors import BadInput
from missions.flightplan import FlightPlan
from missions.formats.wpml import TARGETS, validate_wpml, wpml_notes, write_wpml
from missions.formats.wpml_rules import DRONES, PAYLOADS, TEMPLATE, WAYLINES, WPML_NAMESPACE
from missions.items import Command, Frame, MissionItem, item_at
from tests.plans import PLAN, local, waypoint
from tests.sprays import TREE_S, spray_plan, terrain_plan, tree_plan

NS = {"k": "http://www.opengis.net/kml/2.2", "w": WPML_NAMESPACE}


def texts(data: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def zipped(parts: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return packed.getvalue()


def root(data: bytes, name: str = WAYLINES) -> ElementTree.Element:
    return ElementTree.fromstring(texts(data)[name])  # noqa: S314 (our own file)


def said(data: bytes, tag: str, name: str = WAYLINES) -> list[str]:
    return [str(node.text) for node in root(data, name).iter(f"{{{WPML_NAMESPACE}}}{tag}")]


def plan_of(*items: MissionItem) -> FlightPlan:
    return FlightPlan(name="x", home=local(0.0, 0.0), items=items)


def key(plan: FlightPlan, target: str = "") -> str:
    with pytest.raises(BadInput) as caught:
        write_wpml(plan, target=target)
    for language in ("vi", "en"):
        assert "{" not in caught.value.text(language)
    return caught.value.message.key.removeprefix("error.")


# --- what is written ----------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["", *TARGETS])
@pytest.mark.parametrize("plan", [PLAN, spray_plan(), tree_plan()], ids=lambda plan: plan.name)
def test_every_file_written_holds_to_the_published_rules(plan: FlightPlan, target: str) -> None:
    assert validate_wpml(write_wpml(plan, target=target)) == []


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(-400, 400), st.floats(-400, 400), st.floats(0, 120), st.floats(0.01, 30),
            st.sampled_from((0.0, 3.0)), st.sampled_from((0.0, 12.5)),
        ),
        min_size=2, max_size=12, unique_by=lambda stop: (round(stop[0]), round(stop[1])),
    )
)  # fmt: skip
def test_any_way_makes_a_valid_file(way: list[tuple[float, ...]]) -> None:
    items = []
    for east, north, height, pace, wait, trigger in way:
        items += [
            item_at(Command.NAV_WAYPOINT, local(east, north), height, param1=wait),
            MissionItem(command=Command.DO_CHANGE_SPEED, param1=1.0, param2=pace),
            MissionItem(command=Command.DO_SET_CAM_TRIGG_DIST, param1=trigger),
        ]
    data = write_wpml(plan_of(*items))
    assert validate_wpml(data) == []
    assert len(said(data, "index")) == len(way)


def test_places_heights_and_speeds_are_those_of_the_plan() -> None:
    plan = spray_plan(lines=2)
    data = write_wpml(plan)
    flown = [item for item in plan.items if item.command == Command.NAV_WAYPOINT]
    for name in (TEMPLATE, WAYLINES):
        found = [
            tuple(float(v) for v in str(node.text).split(","))
            for node in root(data, name).iterfind(".//k:coordinates", NS)
        ]
        assert found == [(i.place.lon_deg, i.place.lat_deg) for i in flown]
    assert [float(h) for h in said(data, "executeHeight")] == [2.5] * 4 + [10.0]
    assert [float(h) for h in said(data, "height", TEMPLATE)] == [2.5] * 4 + [10.0]
    # 4 m/s along the swaths; the way home, from the last swath's end, is flown at 7 m/s
    assert [float(v) for v in said(data, "waypointSpeed")] == [4.0, 4.0, 4.0, 7.0, 7.0]
    assert said(data, "executeHeightMode") == ["relativeToStartPoint"]
    assert said(data, "heightMode", TEMPLATE) == ["relativeToStartPoint"]
    assert said(data, "takeOffSecurityHeight") == ["10"]
    assert said(data, "globalRTHHeight") == ["10"]


def test_it_comes_home_when_done_and_when_the_remote_is_lost() -> None:
    data = write_wpml(spray_plan())
    for name in (TEMPLATE, WAYLINES):
        assert said(data, "finishAction", name) == ["goHome"]
        assert said(data, "exitOnRCLost", name) == ["executeLostAction"]
        assert said(data, "executeRCLostAction", name) == ["goBack"]
    landing = plan_of(waypoint(0, 0), waypoint(9, 0), MissionItem(command=Command.NAV_LAND))
    assert said(write_wpml(landing), "finishAction") == ["autoLand"]
    assert len(said(write_wpml(landing), "index")) == 2


def test_it_never_goes_home_lower_than_the_plan_has_cleared() -> None:
    rally = replace(PLAN.rally_points[0], altitude_m=66.0)
    data = write_wpml(replace(PLAN, rally_points=(rally,)))
    assert said(data, "globalRTHHeight") == ["66"]


def test_pictures_go_by_distance_and_waits_become_hovering() -> None:
    data = write_wpml(PLAN)
    assert said(data, "actionTriggerType") == ["multipleDistance"] * 5
    assert said(data, "actionTriggerParam") == ["10"] * 5
    starts, ends = said(data, "actionGroupStartIndex"), said(data, "actionGroupEndIndex")
    assert starts == ["0", "2", "4", "6", "8"]
    assert [int(end) - int(start) for start, end in zip(starts, ends, strict=True)] == [1] * 5
    trees = write_wpml(tree_plan())
    assert [float(wait) for wait in said(trees, "hoverTime")] == [TREE_S] * 3


@pytest.mark.parametrize(("target", "drone", "sub", "payload"), [
    ("m3m", 77, 2, 68), ("m3e", 77, 0, 66), ("m30t", 67, 1, 53), ("m350", 89, 0, 65534),
])  # fmt: skip
def test_the_aircraft_is_numbered_as_published(
    target: str, drone: int, sub: int, payload: int
) -> None:
    data = write_wpml(PLAN, target=target)
    for name in (TEMPLATE, WAYLINES):
        assert said(data, "droneEnumValue", name) == [str(drone)]
        assert said(data, "droneSubEnumValue", name) == [str(sub)]
        assert said(data, "payloadEnumValue", name) == [str(payload)]
    assert all(t.drone in DRONES and t.payload in PAYLOADS for t in TARGETS.values())


def test_the_same_plan_gives_the_same_bytes() -> None:
    one, two = write_wpml(PLAN), write_wpml(PLAN)
    assert one == two
    with zipfile.ZipFile(io.BytesIO(one)) as archive:
        assert archive.namelist() == [TEMPLATE, WAYLINES]
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_no_name_of_a_stranger_gets_into_the_file() -> None:
    evil = replace(PLAN, name="</wpml:author><!DOCTYPE x>")
    assert write_wpml(evil) == write_wpml(PLAN)


def test_the_pump_is_not_in_the_file_and_that_is_said() -> None:
    plan = spray_plan()
    assert not re.search("spray|pump", "".join(texts(write_wpml(plan)).values()), re.IGNORECASE)
    keys = {note.key for note in wpml_notes(plan)}
    assert {"finding.export_without_pump", "finding.wpml_not_agras"} <= keys
    for note in wpml_notes(plan):
        assert all("{" not in note.text(language) for language in ("vi", "en"))  # type: ignore[arg-type]
    assert "finding.wpml_camera" in {note.key for note in wpml_notes(PLAN)}
    assert "finding.wpml_not_agras" not in {note.key for note in wpml_notes(PLAN)}


def test_faster_than_the_format_knows_is_slowed_and_told() -> None:
    fast = plan_of(
        MissionItem(command=Command.DO_CHANGE_SPEED, param1=1.0, param2=22.0),
        waypoint(0, 0),
        waypoint(90, 0),
        waypoint(90, 90),
    )
    assert set(said(write_wpml(fast), "waypointSpeed")) == {"15"}
    assert "finding.export_slower" in {note.key for note in wpml_notes(fast)}


def test_what_is_held_back_along_a_leg_counts_from_its_end() -> None:
    pace = [MissionItem(command=Command.DO_CHANGE_SPEED, param1=1.0, param2=v) for v in (3.0, 5.0)]
    late = MissionItem(command=Command.CONDITION_DISTANCE, param1=20.0)
    way = plan_of(pace[0], waypoint(0, 0), late, pace[1], waypoint(90, 0), waypoint(90, 90))
    assert said(write_wpml(way), "waypointSpeed") == ["3", "5", "5"]


def test_what_cannot_be_said_in_waypoints_is_refused() -> None:
    assert key(terrain_plan()) == "stops_frame"
    sea = item_at(Command.NAV_WAYPOINT, local(0, 0), 50.0, frame=Frame.GLOBAL)
    assert key(plan_of(sea, waypoint(9, 0))) == "stops_frame"
    jump = MissionItem(command=Command.DO_JUMP, param1=1.0, param2=2.0)
    assert key(plan_of(waypoint(0, 0), waypoint(9, 0), jump)) == "stops_jump"
    assert key(plan_of(waypoint(0, 0), waypoint(0, 0))) == "stops_few"
    assert key(PLAN, "t40") == "wpml_target"


# --- what is not good ---------------------------------------------------------------------------

SWAPS = [
    (WAYLINES, "<wpml:finishAction>goHome</wpml:finishAction>", ""),
    (WAYLINES, ">goHome<", ">fly_home<"),
    (WAYLINES, ">executeLostAction<", ">sometimes<"),
    (WAYLINES, "<wpml:executeRCLostAction>goBack</wpml:executeRCLostAction>", ""),
    (WAYLINES, "<wpml:takeOffSecurityHeight>40<", "<wpml:takeOffSecurityHeight>0.5<"),
    (WAYLINES, "<wpml:takeOffSecurityHeight>40<", "<wpml:takeOffSecurityHeight>1501<"),
    (WAYLINES, "<wpml:takeOffSecurityHeight>40<", "<wpml:takeOffSecurityHeight>nan<"),
    (WAYLINES, "<wpml:globalRTHHeight>40</wpml:globalRTHHeight>", ""),
    (WAYLINES, "<wpml:globalTransitionalSpeed>6<", "<wpml:globalTransitionalSpeed>16<"),
    (WAYLINES, "<wpml:globalTransitionalSpeed>6<", "<wpml:globalTransitionalSpeed>0<"),
    (WAYLINES, "<wpml:droneEnumValue>77<", "<wpml:droneEnumValue>78<"),
    (WAYLINES, "<wpml:droneSubEnumValue>2<", "<wpml:droneSubEnumValue>3<"),
    (WAYLINES, "<wpml:payloadEnumValue>68<", "<wpml:payloadEnumValue>1<"),
    (WAYLINES, "<wpml:payloadPositionIndex>0<", "<wpml:payloadPositionIndex>3<"),
    (WAYLINES, "<wpml:index>1<", "<wpml:index>2<"),
    (WAYLINES, "<wpml:index>1<", "<wpml:index>one<"),
    (WAYLINES, "<wpml:executeHeight>40</wpml:executeHeight>", ""),
    (WAYLINES, "<wpml:executeHeight>40<", "<wpml:executeHeight>high<"),
    (WAYLINES, "<wpml:waypointSpeed>6<", "<wpml:waypointSpeed>-6<"),
    (WAYLINES, ">relativeToStartPoint<", ">EGM96<"),
    (WAYLINES, ">followWayline<", ">smoothTransition<"),
    (WAYLINES, ">followBadArc<", ">shortest<"),
    (WAYLINES, ">toPointAndStopWithDiscontinuityCurvature<", ">stop<"),
    (WAYLINES, ">toPointAndStopWithDiscontinuityCurvature<",
     ">toPointAndPassWithContinuityCurvature<"),
    (WAYLINES, "<wpml:waypointTurnDampingDist>0<", "<wpml:waypointTurnDampingDist>-1<"),
    (WAYLINES, "<wpml:actionTriggerParam>10</wpml:actionTriggerParam>", ""),
    (WAYLINES, "<wpml:actionTriggerParam>10<", "<wpml:actionTriggerParam>0<"),
    (WAYLINES, "<wpml:actionGroupEndIndex>1<", "<wpml:actionGroupEndIndex>99<"),
    (WAYLINES, "<wpml:actionGroupId>1<", "<wpml:actionGroupId>0<"),
    (WAYLINES, ">takePhoto<", ">spray<"),
    (WAYLINES, ">takePhoto<", ">hover<"),
    (WAYLINES, "<Folder>", "<Folder><wpml:pump>1</wpml:pump>"),
    (WAYLINES, "http://www.dji.com/wpmz/1.0.2", "http://www.dji.com/other"),
    (WAYLINES, "http://www.opengis.net/kml/2.2", "http://www.opengis.net/kml/9"),
    (WAYLINES, "<coordinates>106", "<coordinates>206"),
    (WAYLINES, "<coordinates>106", "<coordinates>,106"),
    (WAYLINES, "<Document>", "<Document>&undefined;"),
    (WAYLINES, "<kml", "<!DOCTYPE kml [<!ENTITY a 'b'>]><kml"),
    (WAYLINES, "</kml>", ""),
    (WAYLINES, "<wpml:templateId>0<", "<wpml:templateId>1<"),
    (WAYLINES, "<wpml:waylineId>0<", "<wpml:waylineId>70000<"),
    (TEMPLATE, "<wpml:templateType>waypoint<", "<wpml:templateType>mapping2d<"),
    (TEMPLATE, "<wpml:coordinateMode>WGS84<", "<wpml:coordinateMode>VN2000<"),
    (TEMPLATE, "<wpml:ellipsoidHeight>40</wpml:ellipsoidHeight>", ""),
    (TEMPLATE, "<wpml:height>40</wpml:height>", ""),
    (TEMPLATE, "<wpml:waypointSpeed>6</wpml:waypointSpeed>", ""),
    (TEMPLATE, "<wpml:useGlobalTurnParam>1<", "<wpml:useGlobalTurnParam>0<"),
    (TEMPLATE, "<wpml:useGlobalHeadingParam>1<", "<wpml:useGlobalHeadingParam>0<"),
    (TEMPLATE, "<wpml:useGlobalHeight>0<", "<wpml:useGlobalHeight>yes<"),
    (TEMPLATE, ">manual<", ">usePointSetting<"),
    (TEMPLATE, "<wpml:globalHeight>40</wpml:globalHeight>", ""),
    (TEMPLATE, "<wpml:autoFlightSpeed>6<", "<wpml:autoFlightSpeed>fast<"),
    (TEMPLATE, "<wpml:author>agri<", "<wpml:author><"),
    (TEMPLATE, ">goHome<", ">noAction<"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new"), SWAPS)
def test_a_changed_file_fails(name: str, old: str, new: str) -> None:
    parts = texts(write_wpml(PLAN, target="m3m"))
    assert old in parts[name]
    parts[name] = parts[name].replace(old, new, 1)
    assert validate_wpml(zipped(parts))


@pytest.mark.parametrize("name", [TEMPLATE, WAYLINES])
def test_leaving_out_any_required_element_is_seen(name: str) -> None:
    """Each element of the file is left out in turn; only what the rules call optional may go."""
    whole = texts(write_wpml(tree_plan(), target="m350"))
    tags = set(re.findall(r"<(wpml:\w+|Point|Folder|coordinates)>", whole[name]))
    unseen = set()
    for tag in tags:
        cut = re.sub(rf"<{tag}>.*?</{tag}>", "", whole[name], count=1, flags=re.DOTALL)
        if not validate_wpml(zipped(whole | {name: cut})):
            unseen.add(tag.removeprefix("wpml:"))
    # an action group may go; the damping distance and the author are optional as published,
    # and a drone without sub types needs none
    optional = {"actionGroup", "droneSubEnumValue"}
    optional |= {"author"} if name == TEMPLATE else {"waypointTurnDampingDist"}
    assert unseen == optional


@pytest.mark.parametrize("name", [TEMPLATE, WAYLINES])
def test_elements_out_of_the_published_order_are_seen(name: str) -> None:
    parts = texts(write_wpml(PLAN))
    lines = parts[name].splitlines()
    swapped = 0
    for at, (line, after) in enumerate(pairwise(lines)):
        leaf = re.compile(r"<wpml:(\w+)>[^<]*</wpml:\1>")
        if leaf.fullmatch(line) and leaf.fullmatch(after):
            mixed = [*lines[:at], after, line, *lines[at + 2 :]]
            assert validate_wpml(zipped(parts | {name: "\n".join(mixed)})), (line, after)
            swapped += 1
            if swapped > 25:
                break
    assert swapped > 10


@pytest.mark.parametrize("name", [TEMPLATE, WAYLINES])
def test_a_missing_file_is_seen(name: str) -> None:
    parts = texts(write_wpml(PLAN))
    del parts[name]
    assert validate_wpml(zipped(parts))


@pytest.mark.parametrize("data", [b"", b"PK", b"hello", b"PK\x03\x04" + b"\x00" * 80])
def test_what_is_no_zip_is_seen(data: bytes) -> None:
    assert validate_wpml(data)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_broken_bytes_never_raise(data: st.DataObject) -> None:
    whole = bytearray(write_wpml(PLAN))
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    assert isinstance(validate_wpml(bytes(whole[:cut])), list)
    assert isinstance(validate_wpml(bytes(whole)), list)
