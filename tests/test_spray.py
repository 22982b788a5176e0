"""Routes over fields: what is treated, how lines are laid, what wind, slope and clearances do."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Point, Polygon, box

from agri.errors import BadInput, Refused
from agri.field import ObstacleKind, SensitiveKind, SensitiveSite
from agri.findings import Severity
from agri.geo import LocalFrame
from agri.weather import Wind
from missions.catalogue import sprayer
from missions.checks.plan import check_plan
from missions.coverage.tracks import swept
from missions.drift import buffers as drift
from missions.passes.flight import flight
from missions.passes.route import SprayRoute
from missions.spray.mission import plan_spray, several_fields
from missions.spray.planning import Treatable, plan_route, treatable_area, unevenly, untreated
from missions.sprayer.dose import dose_for
from missions.sprayer.job import EdgeClearance, Objective, SpraySettings
from missions.terrain.relief import Slope
from tests.sites import DONG_TRIEU, Draft
from tests.sprays import SETTINGS
from tests.strategies import fields

CALM = replace(SETTINGS, wind=Wind(speed_m_s=0.0), edges=())
PADDY = box(-60, -30, 60, 30)
DRAFT = Draft()
PAD = (-70.0, -40.0)
SMALL_KINDS = ("rectangle", "trapezoid", "L", "U", "holes", "parts", "star", "terrace", "round")
REFUSALS = {
    "error.swath_too_wide", "error.swath_does_not_fit", "error.pad_cut_off", "error.fence_full",
    "error.spray_all_buffer", "error.spray_all_closed", "error.pad_near_closed",
}  # fmt: skip


def sprayed(route: SprayRoute) -> shapely.Geometry:
    return shapely.union_all([swept([work.points], work.width_m) for work in route.passes])


def plan(field=PADDY, asked: SpraySettings = CALM, pad=PAD, **more) -> SprayRoute:
    return plan_route(DRAFT.site(field, pad), asked, **more)


def line_angles(route: SprayRoute) -> list[float]:
    ends = [(work.points[0], work.points[-1]) for work in route.passes]
    return [math.degrees(math.atan2(b[0] - a[0], b[1] - a[1])) % 180.0 for a, b in ends]


def test_a_pad_keeps_from_what_lives_there_what_places_are_rounded_by():
    """A centimetre off the hives it was planned from, and then refused by its own check."""

    def beside(east_m: float) -> SprayRoute:
        hives = SensitiveSite(
            name="ong", kind=SensitiveKind.BEES, geometry=DRAFT(box(PAD[0] - 9, -50, east_m, -30))
        )
        site = DRAFT.site(PADDY, PAD, sensitive=(hives,))
        return plan_route(site, CALM)

    with pytest.raises(Refused) as refused:
        beside(PAD[0] - 0.01)
    assert refused.value.message.key == "error.pad_not_clear"
    assert beside(PAD[0] - 0.5).passes


def test_lines_laid_closer_down_to_the_pumps_least_flow_can_be_set():
    """Seven lines of 2.857 m ask 1.0 L/min, the least: rounded to 2.8571 m they asked less."""
    carrier = sprayer("16 L")
    rate = carrier.min_flow_l_min * 7.0 / (0.006 * 20.0 * 1.5)
    asked = replace(CALM, sprayer=carrier, rate_l_ha=rate, speed_m_s=1.5, swath_m=3.0)
    made = plan_spray(DRAFT.site(box(-10, -5, 10, 5), (11.8, -5.9)), asked, name="Hẹp")
    assert made.spray is not None
    flown = made.spray.settings
    assert flown.swath_m < 2.9
    # ground is drawn to the millimetre: seven lines fill 20 m to a hair
    assert dose_for(flown).flow_l_min == pytest.approx(carrier.min_flow_l_min, rel=1e-4)
    assert not [f for f in check_plan(made) if f.severity is Severity.ERROR]


# --- what is treated ------------------------------------------------------------------------------


def test_a_paddy_is_sprayed_wholly_and_nothing_beyond_it():
    route = plan()
    ground = sprayed(route)
    assert ground.intersection(route.treatable).area >= 0.998 * PADDY.area
    assert ground.difference(route.treatable).area <= 0.0005 * ground.area
    assert route.work_m * route.passes[0].width_m <= 1.01 * PADDY.area


def test_every_corner_of_a_rectangle_is_sprayed_once():
    route = plan(box(0, 0, 40, 20), replace(CALM, swath_m=5.0), pad=(-9.0, -9.0))
    total_m2 = sum(swept([w.points], w.width_m).area for w in route.passes)
    assert total_m2 == pytest.approx(sprayed(route).area, rel=0.003)
    assert sprayed(route).area == pytest.approx(800.0, rel=0.003)


@pytest.mark.parametrize("clearance_m", [2.0, 7.5])
def test_a_clearance_is_kept_from_every_edge(clearance_m):
    route = plan(asked=replace(CALM, clearance_m=clearance_m))
    left = box(-60, -30, 60, 30).buffer(-clearance_m, join_style="mitre")
    assert route.treatable.symmetric_difference(_at_field(left)).area < 2.0
    assert sprayed(route).difference(_at_field(left)).area <= 0.002 * left.area


def _at_field(shape: Polygon, field: Polygon = PADDY) -> Polygon:
    """A shape in metres of the draft in metres of the field's own frame."""
    frame = DRAFT.site(field, PAD).field.frame
    return frame.geometry_to_local(DRAFT(shape))


def test_a_single_edge_keeps_its_own_clearance_by_the_number_it_is_drawn_with():
    corners = [(-60, -30), (60, -30), (60, 30), (-60, 30)]
    asked = replace(CALM, edges=(EdgeClearance(edge=2, clearance_m=20.0),))
    route = plan(Polygon(corners), asked)
    assert route.treatable.area == pytest.approx(100 * 60, rel=1e-3)
    assert _at_field(box(-60, -30, 40, 30)).buffer(0.05).covers(route.treatable)


def test_an_edge_that_the_field_has_not_is_refused():
    with pytest.raises(BadInput, match="dge") as told:
        plan(asked=replace(CALM, edges=(EdgeClearance(edge=5, clearance_m=3.0),)))
    assert told.value.message.key == "error.edge_unknown"


def test_holes_and_obstacles_with_their_clearance_stay_dry():
    pond = box(-10, -8, 6, 8)
    field = Polygon(PADDY.exterior.coords, [pond.exterior.coords])
    tree = DRAFT.obstacle(ObstacleKind.TREE, Point(35, 5), 6.0)
    route = plan_route(DRAFT.site(field, PAD, obstacles=(tree,)), CALM)
    wet = sprayed(route)
    assert wet.intersection(_at_field(pond, field)).area < 0.5
    assert wet.distance(_at_field(Point(35, 5), field)) >= tree.clearance_m - 0.05
    for way in flight(route).transits:
        assert len(way) < 2 or route.allowed.buffer(0.02).covers(shapely.LineString(way))


def test_parts_too_narrow_for_a_swath_are_dropped_and_told():
    field = MultiPolygon([box(-60, -30, 20, 30), box(40, -30, 43, 30)])
    site = DRAFT.site(field, PAD)
    ground = treatable_area(site, CALM, (), site.field.frame)
    assert ground.area.area == pytest.approx(80 * 60, rel=1e-3)
    assert ground.dropped.area == pytest.approx(3 * 60, rel=1e-2)
    [told] = untreated(ground, site)
    assert told.key == "finding.spray_left_out"
    assert "180" in told.text("en")


def test_ground_lost_where_round_cuts_were_given_fewer_corners_is_told():
    """However little is left of it: what counts is what might have been sprayed."""
    site = DRAFT.site(MultiPolygon([box(-50, -10, 50, 10)]), PAD)
    route = plan_route(site, CALM)
    part = box(-50, -4, 50, 5.9)
    lost = Treatable(area=part, dropped=Polygon(), rounded_m2=60.0)
    assert [f.key for f in unevenly(route, lost, CALM)] == ["finding.spray_missed"]
    whole = Treatable(area=part, dropped=Polygon(), rounded_m2=9.0)
    assert not list(unevenly(route, whole, CALM))


def test_ground_too_short_for_a_drop_to_fall_is_refused_in_one_sentence():
    field = Polygon(
        [(-0.25, -10.2), (2.86, -6.03), (4.28, -3.6), (6.63, -2.04), (10.62, 1.29), (9.02, 5.5),
         (4.46, 6.41), (1.25, 7.44), (-3.45, 10.51), (-4.9, 5.09), (-9.03, 2.95), (-10.66, -1.71),
         (-6.75, -5.03), (-2.61, -5.56)]
    )  # fmt: skip
    barred = (Point(-0.2025682, -8.4238489).buffer(12.0, quad_segs=3),)
    asked = replace(
        CALM, sprayer=sprayer("servo"), rate_l_ha=25.5, swath_m=3.729, speed_m_s=4.51,
        angle_deg=0.0, crop_height_m=1.2, edge_pass=False, height_m=3.0,
    )  # fmt: skip
    with pytest.raises(Refused) as caught:
        plan_route(DRAFT.site(field, (-3.86, -27.52), (), barred), asked)
    assert caught.value.message.key == "error.spray_too_short"


NEAR_HOLES = (
    "POLYGON ((-17.206852497593655 -9.051627255507011, -9.051627255507011 17.206852497593655, "
    "17.206852497593655 9.051627255507011, 9.051627255507011 -17.206852497593655, "
    "-17.206852497593655 -9.051627255507011), (2.913066628751225 -9.782039289399474, "
    "2.533287536591252 -10.383871632784217, 2.5053053666468945 -11.09496327705451, "
    "2.8366179187572134 -11.724777790383607, 3.438450262141954 -12.104556882543582, "
    "4.149541906412248 -12.132539052487939, 4.779356419741344 -11.801226500377622, "
    "5.159135511901318 -11.19939415699288, 5.187117681845676 -10.488302512722589, "
    "4.855805129735359 -9.858487999393489, 4.253972786350618 -9.478708907233516, "
    "3.542881142080325 -9.450726737289157, 2.913066628751225 -9.782039289399474), "
    "(7.769894098693706 -3.5657089025212114, 7.140079585364608 -3.89702145463153, "
    "6.760300493204635 -4.49885379801627, 6.732318323260277 -5.209945442286564, "
    "7.063630875370595 -5.839759955615662, 7.665463218755336 -6.219539047775635, "
    "8.37655486302563 -6.247521217719994, 9.006369376354726 -5.916208665609675, "
    "9.386148468514701 -5.314376322224934, 9.414130638459058 -4.603284677954642, "
    "9.082818086348741 -3.9734701646255433, 8.480985742964 -3.59369107246557, "
    "7.769894098693706 -3.5657089025212114))"
)
"""Moved in and out again, mitred, the border of this field crosses itself beside its holes."""


def test_borders_that_cross_when_they_are_moved_are_mended():
    pole = DRAFT.obstacle(ObstacleKind.POLE, Point(-10.292620275947389, 14.549024860962458), 1.0)
    field = MultiPolygon([shapely.from_wkt(NEAR_HOLES)])
    site = DRAFT.site(field, (-38.16022939841288, -20.074105508103774), (pole,))
    route = plan_route(site, replace(CALM, swath_m=3.8886257974712786, speed_m_s=1.5))
    assert route.treatable.is_valid
    assert sprayed(route).area >= 0.9 * route.treatable.area


def test_buffers_that_leave_nothing_are_refused_in_one_sentence():
    with pytest.raises(Refused) as told:
        plan(buffers=[box(-200, -200, 200, 200)])
    assert told.value.message.key == "error.spray_all_buffer"


def test_a_label_that_leaves_nothing_is_named_and_not_the_wind():
    pond = SensitiveSite(name="Ao", kind=SensitiveKind.WATER, geometry=DRAFT(box(70, -30, 90, 30)))
    site = DRAFT.site(PADDY, PAD, sensitive=(pond,))
    asked = replace(CALM, product=replace(CALM.product, label_buffer_m=300.0))
    zones = [zone.area for zone in drift.buffers(site, asked, site.field.frame)]
    with pytest.raises(Refused) as told:
        plan_route(site, asked, buffers=zones)
    assert told.value.message.key == "error.spray_all_label"
    assert "300 m" in told.value.text("en")


def test_a_corner_left_out_is_told_and_most_of_a_field_left_out_is_warned_of():
    site = DRAFT.site(PADDY, PAD)
    for left_m2, severity in ((100.0, Severity.INFO), (3600.0, Severity.WARNING)):
        ground = Treatable(
            area=box(-60, -30, 60, 30), dropped=box(0, 0, left_m2, 1), rounded_m2=0.0
        )
        (told,) = untreated(ground, site)
        assert (told.key, told.severity) == ("finding.spray_left_out", severity)


@pytest.mark.parametrize("wind", [Wind(speed_m_s=0.0), Wind(speed_m_s=3.0, from_deg=90.0)])
def test_a_clearance_that_leaves_nothing_is_named_with_what_was_asked(wind):
    asked = replace(CALM, clearance_m=29.0, wind=wind)
    site = DRAFT.site(PADDY, PAD)
    zones = [zone.area for zone in drift.buffers(site, asked, site.field.frame)]
    assert zones
    with pytest.raises(Refused) as told:
        plan_route(site, asked, buffers=zones)
    assert told.value.message.key == "error.spray_clearance"
    assert "29.0 m" in told.value.text("en")
    assert "60 m across" in told.value.text("en")
    water = shapely.box(-500, -500, 500, 500)
    with pytest.raises(Refused) as told:
        plan_route(site, asked, buffers=[*zones, water])
    assert told.value.message.key == "error.spray_all_buffer"


def test_a_swath_wider_than_the_field_is_refused():
    with pytest.raises(Refused) as told:
        plan(box(-60, -2, 60, 2), pad=(-70.0, 0.0))
    assert told.value.message.key == "error.swath_too_wide"


# --- lines, wind and slope ------------------------------------------------------------------------


def test_lines_follow_the_long_side_and_the_width_fits_the_field():
    route = plan(asked=replace(CALM, swath_m=5.4))
    assert route.angle_deg == pytest.approx(90.0, abs=1.0)
    width_m = route.passes[0].width_m
    assert width_m <= 5.4
    assert 60.0 / width_m == pytest.approx(round(60.0 / width_m), abs=0.06)


def test_an_angle_that_is_asked_is_flown():
    route = plan(asked=replace(CALM, angle_deg=30.0))
    lines = [a for a in line_angles(route) if abs(math.remainder(a - 30.0, 180.0)) < 1.0]
    assert len(lines) >= 8


def test_crosshatch_sprays_every_place_twice_at_half_the_rate():
    route = plan(asked=replace(CALM, crosshatch=True))
    assert {work.rate_l_ha for work in route.passes} == {CALM.rate_l_ha / 2.0}
    assert route.litres == pytest.approx(CALM.rate_l_ha * PADDY.area / 1e4, rel=0.03)
    assert {round(a) % 180 for a in line_angles(route)} >= {0, 90}


def test_a_known_wind_turns_the_lines_of_a_square_across_itself():
    square = box(-40, -40, 40, 40)
    for from_deg in (0.0, 90.0):
        asked = replace(CALM, wind=Wind(speed_m_s=3.0, from_deg=from_deg))
        route = plan(square, asked, pad=(-50.0, -50.0))
        assert abs(math.remainder(route.angle_deg - from_deg - 90.0, 180.0)) < 2.0


@pytest.mark.parametrize("from_deg", [0.0, 180.0])
def test_work_begins_downwind_and_advances_upwind(from_deg):
    route = plan(asked=replace(CALM, wind=Wind(speed_m_s=2.0, from_deg=from_deg)))
    lines = [w for w in route.passes if abs(w.points[0][1] - w.points[-1][1]) < 1.0]
    inner = [w.points[0][1] for w in lines if abs(w.points[0][1]) < 24.0]
    against = [y if from_deg == 0.0 else -y for y in inner]
    assert len(against) >= 6
    assert against == sorted(against)


def test_on_a_slope_lines_follow_the_contour():
    square = box(-40, -40, 40, 40)
    for toward_deg in (0.0, 90.0):
        route = plan(square, pad=(-50.0, -50.0), slope=Slope(rise=0.2, direction_deg=toward_deg))
        assert abs(math.remainder(route.angle_deg - toward_deg - 90.0, 180.0)) < 2.0


def test_energy_as_the_objective_gives_a_whole_plan_too():
    asked = replace(CALM, objective=Objective.ENERGY, wind=Wind(speed_m_s=3.0, from_deg=90.0))
    assert sprayed(plan(asked=asked)).area >= 0.998 * PADDY.area


# --- several fields -------------------------------------------------------------------------------


def two_fields(gap_m: float):
    west, east = box(-60, -30, 0, 30), box(gap_m, -30, gap_m + 60, 30)
    return [DRAFT.site(west, PAD), DRAFT.site(east, PAD)]


@pytest.mark.parametrize("named", [1, -1], ids=["west first", "east first"])
def test_two_fields_are_flown_in_one_job_nearest_first(named):
    site, route = several_fields(two_fields(8.0)[::named], CALM, name="Hai ruộng")
    wet = sprayed(route)
    assert wet.area == pytest.approx(2 * 3600, rel=0.01)
    first = [p.points[0][0] < 0.0 for p in route.passes]
    assert first == sorted(first, reverse=True)
    assert site.field.area_m2 == pytest.approx(7200, rel=1e-3)
    assert all(route.allowed.buffer(0.02).covers(shapely.LineString(w))
               for w in flight(route).transits if len(w) > 1)  # fmt: skip


def test_a_road_between_two_fields_means_land_and_carry():
    road = DRAFT.obstacle(ObstacleKind.ROAD, shapely.LineString([(30, -400), (30, 400)]), 0.0)
    sites = [replace(site, obstacles=(road,)) for site in two_fields(60.0)]
    with pytest.raises(Refused) as told:
        several_fields(sites, CALM, name="Hai ruộng")
    assert told.value.message.key == "error.carry_aircraft"


# --- random fields --------------------------------------------------------------------------------


def routed(field, asked=CALM, buffers=()) -> SprayRoute | None:
    corner = next(iter(shapely.get_coordinates(field)))
    outward = corner / max(np.hypot(*corner), 1.0) * 4.0
    try:
        return plan(field, asked, pad=tuple(corner + outward), buffers=buffers)
    except Refused as refused:
        if refused.message.key not in REFUSALS:
            raise
        return None


@settings(max_examples=8)
@given(fields(max_ha=0.6, kinds=SMALL_KINDS))
def test_what_is_sprayed_of_any_field_stays_in_what_may_be_sprayed(field):
    """P2, and P1 for the legs: sprayed or not, none leaves the allowed region."""
    route = routed(field)
    if route is None:
        return
    ground = sprayed(route)
    assert ground.difference(route.treatable).area <= 0.002 * ground.area
    roomy = route.allowed.buffer(0.05)
    flown = flight(route)
    assert all(roomy.covers(shapely.LineString(w)) for w in flown.transits if len(w) > 1)
    assert all(roomy.covers(shapely.LineString(run.points)) for run in flown.runs)
    if route.treatable.area > 1000.0:
        assert ground.intersection(route.treatable).area >= 0.97 * route.treatable.area


@settings(max_examples=6)
@given(fields(max_ha=0.4, kinds=SMALL_KINDS), st.floats(2.0, 12.0), st.floats(1.0, 6.0))
def test_a_wider_buffer_never_adds_treated_ground(field, near_m, more_m):
    """P13: treatable areas nest, and no drop of the wider buffer's plan leaves the narrower's."""
    site = DRAFT.site(field, tuple(shapely.get_coordinates(field)[0] * 1.05 + 3.0))
    frame = site.field.frame
    ditch = shapely.LineString(shapely.get_coordinates(frame.geometry_to_local(
        site.field.boundary))[:2])  # fmt: skip
    grounds = [
        treatable_area(site, CALM, [ditch.buffer(wide_m)], frame).area
        for wide_m in (near_m, near_m + more_m)
    ]
    assert grounds[1].difference(grounds[0].buffer(0.15)).area <= 0.5
    route = routed(field, buffers=[ditch.buffer(near_m + more_m)])
    if route is not None:
        wet = sprayed(route)
        assert wet.intersection(ditch.buffer(near_m + more_m - 0.02)).area <= 0.002 * wet.area


@settings(max_examples=3)
@given(fields(max_ha=0.4, kinds=("rectangle", "trapezoid", "L", "U")), st.floats(5.0, 80.0))
def test_a_turned_field_gives_the_turned_route(field, turn_deg):
    """P12."""
    routes = []
    for turned in (0.0, turn_deg):
        draft = Draft(DONG_TRIEU, turned)
        corner = shapely.get_coordinates(field)[0] * 1.08
        try:
            routes.append(plan_route(draft.site(field, tuple(corner)), CALM))
        except Refused:
            return
    one, two = routes
    assert len(one.passes) == len(two.passes)
    assert one.work_m == pytest.approx(two.work_m, rel=1e-3, abs=0.5)
    angle = math.radians(turn_deg)
    back = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    frames = [LocalFrame.around(Draft(DONG_TRIEU, t)(field)) for t in (0.0, turn_deg)]
    origin = [np.array(LocalFrame(DONG_TRIEU).metres(frame.origin)) for frame in frames]
    for a, b in itertools.islice(zip(one.passes, two.passes, strict=True), 40):
        for p, q in zip(a.points, b.points, strict=True):
            there = back @ (np.array(p) + origin[0])
            assert math.dist(there, np.array(q) + origin[1]) <= 0.15


def test_the_same_field_gives_the_same_route():
    """P11."""
    assert plan(buffers=[box(40, -40, 90, 40)]) == plan(buffers=[box(40, -40, 90, 40)])


def test_parts_that_only_the_wide_fence_joins_are_sprayed():
    """A tree at the neck of a crooked field: round it the narrow fence leaves no way."""
    bends = [
        (7.798, -14.113), (0.494, -12.008), (-1.981, -5.818), (-1.238, 3.095), (-11.761, 2.477),
        (-14.236, 8.667), (-9.408, 12.752), (-6.932, 6.562), (3.591, 7.180), (2.847, -1.733),
        (5.323, -7.923), (12.627, -10.028),
    ]  # fmt: skip
    trees = (
        DRAFT.obstacle(ObstacleKind.TREE, Point(-1.239, 3.085), 22.0, "Cây lớn"),
        DRAFT.obstacle(ObstacleKind.TREE, Point(12.627, -10.028), 1.0, "Cây nhỏ"),
    )
    site = DRAFT.site(MultiPolygon([Polygon(bends)]), (35.0, -28.2), trees)
    asked = replace(CALM, swath_m=3.0, speed_m_s=1.5, rate_l_ha=39.0, height_m=3.0,
                    wind=Wind(speed_m_s=0.5))  # fmt: skip
    route = plan_route(site, asked)
    sides = [part.intersection(sprayed(route)).area for part in route.treatable.geoms]
    assert len(sides) == 2
    assert min(sides) > 20.0
