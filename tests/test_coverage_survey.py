"""Whole survey plans on synthetic sites, judged on their items alone."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pyproj import Geod
from shapely import affinity
from shapely.geometry import LineString, Point, Polygon, box

from agri.errors import AgriError, BadInput, Refused
from agri.field import NO_OVERFLIGHT, ObstacleKind
from agri.findings import Severity
from agri.geo import LocalFrame
from missions.airspace.fence import FENCE_MARGIN_M
from missions.airspace.keepouts import filled
from missions.catalogue import aircraft, camera
from missions.checks.plan import check_plan
from missions.coverage.survey import plan_survey
from missions.flightplan import FlightPlan, Site, VehicleLimits
from missions.items import Command, Frame
from missions.legs import FlownLeg, flown_legs
from missions.survey import SurveySettings
from tests.sites import DONG_TRIEU, SITES, TROMSO, Draft, house_in_field, open_paddy

QUAD = aircraft("X500")
GEOD = Geod(ellps="WGS84")
CAMERAS = {"M3E": 50.0, "RedEdge-MX": 40.0, "GoPro Hero4 Black": 30.0}


def asked(name: str = "M3E", **changes: Any) -> SurveySettings:
    wanted: dict[str, Any] = {"camera": camera(name), "height_m": CAMERAS[name], "speed_m_s": 5.0}
    return SurveySettings(**{**wanted, **changes})


@cache
def planned(site: str, name: str) -> FlightPlan:
    return plan_survey(SITES[site](Draft()), asked(name), QUAD, name=site)


every_plan = pytest.mark.parametrize(
    ("site", "name"), [(site, name) for site in sorted(SITES) for name in CAMERAS]
)


def legs_of(plan: FlightPlan) -> tuple[tuple[FlownLeg, ...], list[LineString], LocalFrame]:
    assert plan.site is not None
    frame = plan.site.field.frame
    legs = flown_legs(plan.items, plan.home)
    return legs, [LineString([frame.metres(g.start), frame.metres(g.end)]) for g in legs], frame


def fence_of(plan: FlightPlan, frame: LocalFrame) -> tuple[Polygon, list[Polygon]]:
    shapes = [Polygon([frame.metres(v) for v in f.vertices]) for f in plan.fence_polygons]
    return shapes[0], shapes[1:]


@every_plan
def test_the_checks_written_apart_find_nothing_wrong(site: str, name: str) -> None:
    found = check_plan(planned(site, name))
    bad = [f.text("en") for f in found if f.severity is Severity.ERROR]
    assert bad == []


@every_plan
def test_every_leg_keeps_the_margin_inside_the_fence_and_off_the_exclusions(
    site: str, name: str
) -> None:
    plan = planned(site, name)
    _, lines, frame = legs_of(plan)
    inclusion, exclusions = fence_of(plan, frame)
    inside = inclusion.buffer(-(FENCE_MARGIN_M + 2.9))
    for line in lines:
        assert inside.covers(line)
        for exclusion in exclusions:
            assert exclusion.distance(line) >= FENCE_MARGIN_M + 0.9


@every_plan
def test_nothing_that_must_not_be_crossed_is_crossed(site: str, name: str) -> None:
    plan = planned(site, name)
    assert plan.site is not None
    _, lines, frame = legs_of(plan)
    height = CAMERAS[name]
    for thing in plan.site.obstacles:
        if thing.kind in NO_OVERFLIGHT or thing.height_m + 10.0 > height:
            shape = frame.geometry_to_local(thing.geometry)
            assert min(line.distance(shape) for line in lines) >= thing.clearance_m
    for zone in plan.site.no_fly_zones:
        area = frame.geometry_to_local(zone.area)
        assert not any(line.intersects(area) for line in lines)


def footprints(plan: FlightPlan) -> shapely.Geometry:
    """The union of all pictures: one at each line's start and one each trigger distance."""
    assert plan.survey is not None
    legs, lines, _ = legs_of(plan)
    across = plan.survey.geometry.footprint_across_m
    along = plan.survey.geometry.footprint_along_m
    pictures = []
    for leg, line in zip(legs, lines, strict=True):
        if not leg.trigger_m:
            continue
        (e0, n0), (e1, n1) = line.coords
        bearing = math.degrees(math.atan2(n1 - n0, e1 - e0))
        frame = box(-along / 2, -across / 2, along / 2, across / 2)
        for far in np.arange(0.0, line.length + 1e-6, leg.trigger_m):
            at = line.interpolate(far)
            turned = affinity.rotate(frame, bearing, origin=(0.0, 0.0))
            pictures.append(affinity.translate(turned, at.x, at.y))
    return shapely.union_all(pictures)


@every_plan
def test_the_pictures_cover_the_field(site: str, name: str) -> None:
    plan = planned(site, name)
    assert plan.site is not None
    _, _, frame = legs_of(plan)
    _, exclusions = fence_of(plan, frame)
    field = filled(frame.geometry_to_local(plan.site.field.boundary))
    wanted = field.difference(shapely.union_all(exclusions)) if exclusions else field
    assert footprints(plan).intersection(wanted).area / wanted.area >= 0.995


@every_plan
def test_the_camera_works_on_lines_only_and_never_in_a_turn(site: str, name: str) -> None:
    plan = planned(site, name)
    assert plan.survey is not None
    legs, lines, _ = legs_of(plan)
    switches = [i.param1 for i in plan.items if i.command == Command.DO_SET_CAM_TRIGG_DIST]
    assert all(bool(a) != bool(b) for a, b in pairwise(switches))
    assert switches[0] == pytest.approx(plan.survey.geometry.trigger_m, abs=0.006)
    assert switches[-1] == 0.0
    turn = plan.survey.angle_deg
    for leg, line in zip(legs, lines, strict=True):
        if leg.trigger_m:
            (e0, n0), (e1, n1) = line.coords
            compass = math.degrees(math.atan2(e1 - e0, n1 - n0))
            assert abs(math.sin(math.radians(compass - turn))) < 0.01


@every_plan
def test_the_items_begin_and_end_as_the_autopilot_needs_them(site: str, name: str) -> None:
    plan = planned(site, name)
    commands = [item.command for item in plan.items]
    assert commands[:2] == [Command.NAV_TAKEOFF, Command.DO_CHANGE_SPEED]
    assert commands[-1] == Command.NAV_RETURN_TO_LAUNCH
    assert commands.count(Command.NAV_TAKEOFF) == commands.count(Command.NAV_RETURN_TO_LAUNCH) == 1
    speed = plan.items[1]
    assert (speed.param1, speed.param2, speed.param3) == (1.0, 5.0, -1.0)
    assert {item.frame for item in plan.items if item.is_located} == {Frame.RELATIVE}
    assert {item.z for item in plan.items if item.is_located} == {CAMERAS[name]}
    last = [item for item in plan.items if item.command == Command.NAV_WAYPOINT][-1]
    assert last.place.lat_e7 == plan.home.lat_e7
    assert last.place.lon_e7 == plan.home.lon_e7
    off = max(i for i, c in enumerate(commands) if c == Command.DO_SET_CAM_TRIGG_DIST)
    assert off < commands.index(Command.NAV_RETURN_TO_LAUNCH) - 1
    assert len(plan.items) <= 650


@every_plan
def test_the_estimate_counts_what_the_items_fly(site: str, name: str) -> None:
    plan = planned(site, name)
    assert plan.survey is not None
    legs, lines, _ = legs_of(plan)
    estimate = plan.survey.estimate
    flown_m = sum(line.length for line in lines)
    assert estimate.length_m == pytest.approx(flown_m, rel=0.001) or (
        estimate.batteries > 1 and estimate.length_m > flown_m
    )
    taken = sum(
        math.floor(line.length / leg.trigger_m + 1e-3) + 1
        for leg, line in zip(legs, lines, strict=True)
        if leg.trigger_m
    )
    assert estimate.photos == pytest.approx(taken, abs=2)
    usable_wh = QUAD.battery_wh * (1.0 - QUAD.reserve)
    assert (estimate.batteries - 1) * usable_wh * 0.5 < estimate.energy_wh
    assert estimate.energy_wh <= estimate.batteries * usable_wh


@pytest.mark.parametrize("origin", [DONG_TRIEU, TROMSO], ids=["21°N", "70°N"])
@pytest.mark.parametrize("angle", [0.0, 37.0, 90.0])
def test_line_spacing_is_true_on_the_ground_at_any_latitude(origin: Any, angle: float) -> None:
    plan = plan_survey(open_paddy(Draft(origin)), asked(angle_deg=angle), QUAD, name="spacing")
    assert plan.survey is not None
    lines = [leg for leg in flown_legs(plan.items, plan.home) if leg.trigger_m]
    first, offsets = lines[0], []
    for line in lines:
        along, _, _ = GEOD.inv(
            line.start.lon_deg, line.start.lat_deg, line.end.lon_deg, line.end.lat_deg
        )
        assert math.sin(math.radians(along - angle)) == pytest.approx(0.0, abs=0.001)
        bearing, _, away = GEOD.inv(
            first.start.lon_deg, first.start.lat_deg, line.start.lon_deg, line.start.lat_deg
        )
        offsets.append(away * math.sin(math.radians(bearing - angle)))
    gaps = [b - a for a, b in pairwise(sorted(offsets)) if b - a > 1.0]
    assert len(gaps) >= 4
    assert gaps == pytest.approx([plan.survey.fitted_spacing_m] * len(gaps), rel=0.001)
    assert max(gaps) <= plan.survey.geometry.line_spacing_m * 1.001


def test_the_same_site_gives_the_same_flight_to_the_bit() -> None:
    first, second = (
        plan_survey(house_in_field(Draft()), asked(), QUAD, name="twice") for _ in range(2)
    )
    assert first == second
    assert first.digest == second.digest


@pytest.mark.parametrize("turn", [37.0, 111.0])
@pytest.mark.parametrize("site", ["l_shape", "slanted_strip"])
def test_a_turned_site_has_the_turned_flight(site: str, turn: float) -> None:
    frame = Draft().frame

    def waypoints(turn_deg: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        plan = plan_survey(SITES[site](Draft(turn_deg=turn_deg)), asked(), QUAD, name="turned")
        places = [i.place for i in plan.items if i.command == Command.NAV_WAYPOINT]
        flown = LineString([frame.metres(place) for place in places])
        return np.array(affinity.rotate(flown, -turn_deg, origin=(0.0, 0.0)).coords)

    assert waypoints(turn) == pytest.approx(waypoints(0.0), abs=0.05)


def test_more_side_overlap_means_more_lines_and_more_flight() -> None:
    plans = [
        plan_survey(open_paddy(Draft()), asked(side_overlap=side), QUAD, name="overlap")
        for side in (0.5, 0.65, 0.8, 0.9)
    ]
    lengths = [plan.survey.estimate.length_m for plan in plans if plan.survey]
    assert lengths == sorted(lengths)
    assert len(lengths) == 4


def test_a_lead_in_lets_lines_begin_before_the_field() -> None:
    site = open_paddy(Draft())
    frame = site.field.frame
    field = frame.geometry_to_local(site.field.boundary)
    plan = plan_survey(site, asked(lead_in_m=12.0, angle_deg=90.0), QUAD, name="lead")
    assert [f for f in check_plan(plan) if f.severity is Severity.ERROR] == []
    _, lines, _ = legs_of(plan)
    over = max(Point(end).distance(field) for line in lines for end in line.coords)
    assert over == pytest.approx(12.0, abs=0.1)


def test_an_edge_pass_photographs_the_border_with_the_camera_resting_at_corners() -> None:
    plan = plan_survey(open_paddy(Draft()), asked(edge_pass=True), QUAD, name="edge")
    found = [f for f in check_plan(plan) if f.severity is not Severity.INFO]
    assert [f.text("en") for f in found if f.severity is Severity.ERROR] == []
    assert "finding.camera_on_in_turn" not in {f.key for f in found}
    legs, lines, _ = legs_of(plan)
    working = [line for leg, line in zip(legs, lines, strict=True) if leg.trigger_m]
    ways = [np.diff(line.coords, axis=0)[0] for line in working]
    assert {bool(abs(east) > abs(north)) for east, north in ways} == {True, False}


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"height_m": 60.0}, "error.above_ceiling"),
        ({"height_m": 20.0, "front_overlap": 0.9, "speed_m_s": 9.0}, "error.camera_too_slow"),
    ],
)
def test_settings_that_permit_or_camera_forbid_are_refused(
    change: dict[str, Any], key: str
) -> None:
    with pytest.raises(AgriError) as caught:
        plan_survey(open_paddy(Draft()), asked("M3E", **change), QUAD, name="no")
    assert caught.value.message.key == key
    for language in ("vi", "en"):
        assert "error." not in caught.value.text(language)


def test_a_permit_for_more_lets_the_survey_fly_higher() -> None:
    plan = plan_survey(
        open_paddy(Draft()), asked(height_m=80.0), QUAD, name="high", ceiling_m=120.0
    )
    assert plan.ceiling_m == 120.0
    assert {item.z for item in plan.items if item.is_located} == {80.0}


def test_wind_beyond_the_aircraft_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        plan_survey(open_paddy(Draft()), asked(), QUAD, name="gale", wind_m_s=9.0)
    assert caught.value.message.key == "error.too_windy"


def refusal(site: Site, **changes: Any) -> str:
    with pytest.raises(AgriError) as caught:
        plan_survey(site, asked(**changes), QUAD, name="no")
    assert "error." not in caught.value.text("vi")
    return caught.value.message.key


def test_a_pad_under_a_tree_is_refused_however_high_the_flight() -> None:
    draft = Draft()
    tree = draft.obstacle(ObstacleKind.TREE, Point(9, 8), 6.0, "Cây xoài")
    assert refusal(draft.site(box(0, 0, 200, 120), (8.0, 8.0), (tree,))) == "error.pad_not_clear"


def test_a_pad_hard_by_a_road_is_refused() -> None:
    draft = Draft()
    road = draft.obstacle(ObstacleKind.ROAD, LineString([(-50, -6), (250, -6)]), 0.0, "Đường")
    site = draft.site(box(0, 0, 200, 120), (50.0, -0.5), (road,))
    assert refusal(site) == "error.pad_near_closed"


def test_a_field_cut_in_two_by_a_power_line_is_refused_and_halved_it_is_not() -> None:
    draft = Draft()
    line = draft.obstacle(ObstacleKind.POWER_LINE, LineString([(-900, 60), (900, 60)]), 9.0)
    whole = draft.site(box(0, 0, 300, 200), (10.0, 10.0), (line,))
    assert refusal(whole, height_m=25.0) == "error.field_out_of_reach"
    half = draft.site(box(0, 0, 300, 45), (10.0, 10.0), (line,))
    plan = plan_survey(half, asked(height_m=25.0), QUAD, name="half")
    assert [f for f in check_plan(plan) if f.severity is Severity.ERROR] == []


def test_an_approved_crossing_is_flown_when_high_enough() -> None:
    draft = Draft()
    line = replace(
        draft.obstacle(ObstacleKind.POWER_LINE, LineString([(-900, 60), (900, 60)]), 9.0),
        overflight_approved=True,
    )
    site = draft.site(box(0, 0, 300, 120), (10.0, 10.0), (line,))
    plan = plan_survey(site, asked(height_m=30.0), QUAD, name="over")
    assert len(plan.fence_polygons) == 1
    assert [f for f in check_plan(plan) if f.severity is Severity.ERROR] == []
    assert refusal(site, height_m=15.0) == "error.field_out_of_reach"


def test_a_pad_behind_a_long_row_of_houses_is_refused() -> None:
    draft = Draft()
    houses = draft.obstacle(ObstacleKind.HOUSE, box(-400, -30, 600, -22), 6.0, "Dãy nhà")
    assert (
        refusal(draft.site(box(0, 0, 200, 120), (100.0, -60.0), (houses,))) == "error.pad_cut_off"
    )


def test_a_house_wall_in_the_way_is_flown_round() -> None:
    draft = Draft()
    houses = draft.obstacle(ObstacleKind.HOUSE, box(30, -30, 170, -22), 6.0, "Dãy nhà")
    site = draft.site(box(0, 0, 200, 120), (100.0, -60.0), (houses,))
    plan = plan_survey(site, asked(), QUAD, name="round")
    assert [f for f in check_plan(plan) if f.severity is Severity.ERROR] == []


def test_a_survey_too_long_for_the_vehicle_says_so() -> None:
    with pytest.raises(BadInput) as caught:
        plan_survey(open_paddy(Draft()), asked(), QUAD, name="full", limits=VehicleLimits(items=20))
    assert caught.value.message.key == "error.too_many_items"


def test_a_large_field_takes_several_packs_and_says_so() -> None:
    site = Draft().site(box(0, 0, 500, 400), (250.0, -10.0))
    plan = plan_survey(site, asked(height_m=25.0), QUAD, name="large")
    assert plan.survey is not None
    assert plan.survey.estimate.batteries >= 2


corners = st.lists(st.floats(0.35, 1.0), min_size=4, max_size=14)


@hypothesis_settings(max_examples=40)
@given(
    shape=corners,
    radius=st.floats(15.0, 160.0),
    things=st.lists(
        st.tuples(
            st.sampled_from(list(ObstacleKind)),
            st.floats(-150.0, 150.0),
            st.floats(-150.0, 150.0),
            st.floats(0.0, 40.0),
        ),
        max_size=6,
    ),
    pad=st.tuples(st.floats(-60.0, 60.0), st.floats(-60.0, 60.0)),
)
def test_any_site_is_planned_without_an_error_or_refused_in_words(
    shape: list[float],
    radius: float,
    things: list[tuple[ObstacleKind, float, float, float]],
    pad: tuple[float, float],
) -> None:
    draft = Draft()
    steps = [2.0 * math.pi * i / len(shape) for i in range(len(shape))]
    ring = [
        (radius * r * math.cos(a), radius * r * math.sin(a))
        for r, a in zip(shape, steps, strict=True)
    ]
    obstacles = tuple(
        draft.obstacle(kind, Point(e, n) if e < 0 else LineString([(e, n), (e + 20, n + 9)]), top)
        for kind, e, n, top in things
    )
    site = draft.site(Polygon(ring), pad, obstacles)
    try:
        plan = plan_survey(site, asked("GoPro Hero4 Black"), QUAD, name="any")
    except AgriError as refused:
        said = refused.text("vi")
        if "error." in said:
            pytest.fail(f"not in the dictionary: {said}")
        return
    errors = [f for f in check_plan(plan) if f.severity is Severity.ERROR]
    assert [f.text("en") for f in errors] == []


# ---- pockets that keep-outs leave


def house(draft: Draft, x: float, y: float) -> Any:
    return draft.obstacle(ObstacleKind.HOUSE, Point(x, y).buffer(6.0, cap_style="square"), 12.0)


def test_a_pocket_between_a_house_and_the_border_gets_a_line_of_its_own() -> None:
    """Its line would run in the house's keep-out; what is left beside that is shown too."""
    draft = Draft()
    field = shapely.MultiPolygon([box(-65.0, -28.0, 65.0, 28.0)])
    site = draft.site(field, (-70.0, -28.0), (house(draft, 0.0, 0.0), house(draft, 20.0, 0.0)))
    wanted = asked("GoPro Hero4 Black", height_m=45.0, side_overlap=0.625, angle_deg=90.0)
    plan = plan_survey(site, wanted, QUAD, name="Nhà giữa ruộng")
    _, lines, frame = legs_of(plan)
    pocket = box(-5.0, 19.5, 25.0, 28.0)
    works = [leg.trigger_m > 0.0 for leg in flown_legs(plan.items, plan.home)]
    inside = [line.intersection(pocket).length for line, on in zip(lines, works, strict=True) if on]
    assert max(inside) == pytest.approx(30.0, abs=0.1)
    told = {finding.key for finding in check_plan(plan)}
    assert not told & {"finding.gaps_between_lines", "finding.not_all_seen"}
    assert frame.metres(plan.home) == pytest.approx((-70.0, -28.0), abs=0.1)


def test_a_tip_that_a_house_cuts_off_is_flown_to_round_it() -> None:
    draft = Draft()
    field = shapely.MultiPolygon([Polygon([(6.5, 28.1), (31.4, -28.1), (-31.4, -20.4)])])
    things = (house(draft, 3.2, 1.9), house(draft, 11.2, 1.9))
    site = draft.site(field, (-46.9, -12.2), things)
    wanted = asked(height_m=50.0, front_overlap=0.6, side_overlap=0.7)
    plan = plan_survey(site, wanted, QUAD, name="Mũi đất")
    legs, lines, _ = legs_of(plan)
    assert any(
        leg.trigger_m and line.bounds[1] > 18.0 for leg, line in zip(legs, lines, strict=True)
    )
    assert "finding.not_all_seen" not in {finding.key for finding in check_plan(plan)}
