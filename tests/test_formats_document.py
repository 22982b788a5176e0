"""agri's own file holds the whole plan, reads back as an equal value and shows every change."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from shapely.geometry import GeometryCollection, LineString, MultiPoint, Point

from agri.errors import BadInput
from agri.field import Obstacle, ObstacleKind
from missions.flightplan import FenceCircle, FlightPlan
from missions.formats.document import read_document, write_document
from missions.survey import survey_geometry
from tests.plans import PLAN, SETTINGS, SITE, changed, job, local, lonlat

SHAPES = (
    Point(3.3, 4.4),
    MultiPoint([(0.1, 0.2), (5.5, 6.6)]),
    LineString([(1, 2, 3.5), (4, 5, 6.5)]),
    GeometryCollection([Point(0.1, 0.3), LineString([(1, 2), (3, 4)])]),
)
FULL = replace(
    PLAN,
    name='Bình Khê "A" \u2028 <vải> 𝔄',
    fence_circles=(FenceCircle(inclusion=False, centre=local(0, 300), radius_m=9.0),),
    site=replace(
        SITE,
        obstacles=tuple(
            Obstacle(kind=ObstacleKind.OTHER, geometry=lonlat(shape), height_m=1 / 3)
            for shape in SHAPES
        ),
    ),
)


def edited(change: Callable[[dict[str, Any]], object], *, sealed: bool = True) -> str:
    """The plan's file with a change; `sealed` makes its checksum right again."""
    document = json.loads(write_document(FULL))
    change(document)
    if sealed:
        text = json.dumps(
            document["plan"], ensure_ascii=False, sort_keys=True, separators=(",", ":")
        )
        document["checksum"] = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return json.dumps(document)


def key(text: str | bytes) -> str:
    with pytest.raises(BadInput) as caught:
        read_document(text, "tệp")
    for language in ("vi", "en"):
        assert "{" not in caught.value.text(language)
    return caught.value.message.key.removeprefix("error.")


@pytest.mark.parametrize(
    "plan",
    [
        PLAN,
        FULL,
        replace(PLAN, site=None, aircraft=None, survey=None),
        replace(PLAN, items=(), fence_polygons=(), rally_points=()),
        replace(PLAN, survey=job(settings=replace(SETTINGS, angle_deg=None, lead_in_m=0.1 + 0.2))),
    ],
)
def test_a_plan_reads_back_equal(plan: FlightPlan) -> None:
    assert read_document(write_document(plan)) == plan


def test_writing_twice_gives_the_same_bytes() -> None:
    assert write_document(FULL) == write_document(read_document(write_document(FULL)))


def test_a_camera_without_a_shortest_interval_reads_back() -> None:
    settings = replace(SETTINGS, camera=replace(SETTINGS.camera, min_interval_s=0.0))
    plan = replace(PLAN, survey=job(settings=settings, geometry=survey_geometry(settings)))
    back = read_document(write_document(plan))
    assert back == plan
    assert back.survey is not None
    assert back.survey.geometry.max_speed_m_s == math.inf


def test_a_free_yaw_reads_back_as_not_a_number() -> None:
    plan = changed(23, param4=math.nan)
    back = read_document(write_document(plan))
    assert math.isnan(back.items[22].param4)
    assert back == plan
    assert back.digest == plan.digest


def test_the_file_names_itself_its_version_and_the_flight() -> None:
    document = json.loads(write_document(FULL))
    assert list(document) == ["kind", "version", "digest", "checksum", "plan"]
    assert document["kind"] == "agri flight plan"
    assert document["version"] == 1
    assert document["digest"] == FULL.digest
    assert document["plan"]["home"] == {
        "lon_deg": FULL.home.lon_deg,
        "lat_deg": FULL.home.lat_deg,
    }


def test_names_are_written_as_they_are() -> None:
    assert "Bình Khê" in write_document(FULL)


def test_a_changed_item_is_refused_even_with_a_right_checksum() -> None:
    def lower(document: dict[str, Any]) -> None:
        document["plan"]["items"][4]["z"] = 4.0

    assert key(edited(lower, sealed=False)) == "file_changed"
    assert key(edited(lower)) == "file_changed"


def test_a_changed_site_is_refused() -> None:
    def away(document: dict[str, Any]) -> None:
        document["plan"]["site"]["obstacles"] = []

    assert key(edited(away, sealed=False)) == "file_changed"


def test_a_missing_seal_is_refused() -> None:
    assert key(edited(lambda d: d.pop("digest"))) == "file_changed"
    assert key(edited(lambda d: d.pop("checksum"), sealed=False)) == "file_changed"


def test_a_newer_version_is_refused_as_such() -> None:
    assert key(edited(lambda d: d.update(version=2))) == "file_version"
    assert key(edited(lambda d: d.update(version=0))) == "file_version"
    assert key(edited(lambda d: d.pop("version"))) == "file_missing"
    assert key(edited(lambda d: d.update(version="1"))) == "file_value"


def test_a_field_left_out_takes_its_default_where_it_has_one() -> None:
    back = read_document(edited(lambda d: d["plan"].pop("ceiling_m")))
    assert back.ceiling_m == 50.0
    assert key(edited(lambda d: d["plan"].pop("home"))) == "file_missing"


BAD: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda p: p.update(unknown=1), "file_value"),
    (lambda p: p.update(name=3), "file_value"),
    (lambda p: p.update(name="\ud800"), "file_value"),
    (lambda p: p.update(ceiling_m=None), "file_value"),
    (lambda p: p.update(ceiling_m="inf"), "file_value"),
    (lambda p: p.update(ceiling_m=True), "file_value"),
    (lambda p: p.update(home=[1, 2]), "file_value"),
    (lambda p: p["home"].update(lat_deg=91), "file_part"),
    (lambda p: p.update(items="many"), "file_value"),
    (lambda p: p["items"].append(3), "file_value"),
    (lambda p: p["items"][0].update(param1=None), "file_value"),
    (lambda p: p["items"][0].update(param1=1e7), "file_part"),
    (lambda p: p["items"][0].update(x=1.5), "file_value"),
    (lambda p: p["items"][0].update(x=True), "file_value"),
    (lambda p: p["items"][0].update(x=2**53), "file_value"),
    (lambda p: p["items"][0].update(command=70000), "file_part"),
    (lambda p: p["items"][0].update(frame=7), "file_value"),
    (lambda p: p["items"].extend([p["items"][0]] * 5000), "file_too_many_items"),
    (lambda p: p["site"]["field"].update(name=""), "file_part"),
    (lambda p: p["site"]["field"].update(boundary=None), "file_value"),
    (lambda p: p["site"]["field"].update(boundary={"type": "Cube"}), "file_value"),
    (lambda p: p["site"]["field"].update(boundary={"type": 5}), "file_value"),
    (
        lambda p: p["site"]["field"].update(boundary={"type": "Point", "coordinates": [1, 2]}),
        "file_value",
    ),
    (
        lambda p: p["site"]["field"]["boundary"].update(coordinates=[[[["a", 1]]]]),
        "file_value",
    ),
    (lambda p: p["site"]["field"]["boundary"].update(coordinates=[[[1, 2]]]), "file_value"),
    (
        lambda p: p["site"]["field"]["boundary"].update(
            coordinates=[[[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]]
        ),
        "file_part",
    ),
    (lambda p: p["site"]["obstacles"][0].update(kind="tower"), "file_value"),
    (lambda p: p["site"]["obstacles"][0].update(height_m=-1), "file_part"),
    (lambda p: p["site"]["obstacles"][0].update(overflight_approved=1), "file_value"),
    (lambda p: p["fence_circles"][0].update(radius_m=0), "file_part"),
    (lambda p: p["fence_polygons"][0].update(vertices=[]), "file_part"),
    (lambda p: p["rally_points"][0].update(altitude_m=1e9), "item_altitude"),
    (lambda p: p["aircraft"].update(reserve=0.9), "file_part"),
    (lambda p: p["survey"]["geometry"].update(gsd_cm="inf"), "file_value"),
    (lambda p: p["survey"]["settings"]["camera"].update(bands=["rgb", 1]), "file_value"),
]


@pytest.mark.parametrize(("change", "expected"), BAD)
def test_what_is_wrong_is_one_sentence(
    change: Callable[[dict[str, Any]], object], expected: str
) -> None:
    assert key(edited(lambda document: change(document["plan"]))) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", "file_kind"),
        ('{"kind": "agri flight plan"}', "file_missing"),
        ('{"kind": "agri flight plan", "version": 1}', "file_missing"),
        ('{"kind": "agri flight plan", "version": 1, "plan": []}', "file_value"),
        ('{"kind": ', "file_not_json"),
        ("[" * 100_000, "file_too_deep"),
        ('{"a": ' * 65 + "1" + "}" * 65, "file_too_deep"),
        (b"\xff", "file_not_text"),
        ("\ud800", "file_not_text"),
    ],
)
def test_what_is_not_a_plan_is_refused(text: str | bytes, expected: str) -> None:
    assert key(text) == expected


def test_brackets_inside_strings_are_not_depth() -> None:
    assert key('{"kind": "' + "[" * 500 + '\\""}') == "file_kind"
    assert key('{"a": ' * 63 + "{}" + "}" * 63) == "file_kind"


def test_a_wrong_value_is_told_where_it_stands() -> None:
    with pytest.raises(BadInput) as caught:
        read_document(edited(lambda d: d["plan"]["items"][3].update(frame=7)), "a.json")
    assert str(caught.value) == (
        "a.json: plan.items[3].frame cannot be 7; correct it or save the file again."
    )
