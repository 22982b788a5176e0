"""Coverage plans: whole, inside, no further than needed, and the same however the field lies.

Plans are judged by their legs alone. Reference fields and rivals' figures are shared beside the
project; without them those tests are skipped.
"""

from __future__ import annotations

import json
import math
import os
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
import shapely
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from shapely import affinity
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput
from agri.field import Field
from missions.coverage.planning import Coverage, LegKind, plan_coverage
from tests.sizes import of_full
from tests.strategies import KINDS, fields

SHARED = Path(os.environ.get("AGRI_SHARED", Path(__file__).resolve().parents[2] / "shared"))
MISSIONS = SHARED / "data" / "missions"
needs_shared = pytest.mark.skipif(
    not (MISSIONS / "fields.geojson").is_file(), reason="the shared reference fields are not here"
)
WIDTHS_M = (4.0, 6.0, 9.0)
INSIDE_M = 0.01
ONE_PIECE = tuple(kind for kind in KINDS if kind != "parts")


def swept_by(plan: Coverage, width_m: float) -> BaseGeometry:
    """The ground within half a width of the working legs, found apart from the planner."""
    lines = [LineString(leg.points) for leg in plan.legs if leg.works]
    swaths = shapely.buffer(lines, width_m / 2.0, cap_style="flat", join_style="round")
    return shapely.union_all(swaths, grid_size=1e-6)


def coverage_of(plan: Coverage, field: BaseGeometry, width_m: float) -> float:
    return float(swept_by(plan, width_m).intersection(field).area / field.area)


def overspray_of(plan: Coverage, field: BaseGeometry, width_m: float) -> float:
    covered = swept_by(plan, width_m)
    return float(covered.difference(field).area / covered.area)


def assert_flyable(plan: Coverage, allowed: BaseGeometry) -> None:
    """Each leg begins where the one before ended, and all of it is allowed."""
    for before, after in pairwise(plan.legs):
        assert math.dist(before.points[-1], after.points[0]) < 1e-9
    roomy = allowed.buffer(INSIDE_M, join_style="mitre")
    for leg in plan.legs:
        assert len(leg.points) >= 2
        assert LineString(leg.points).difference(roomy).length == 0.0


# --- the reference fields ------------------------------------------------------------------------


@cache
def reference() -> dict[str, BaseGeometry]:
    document = json.loads((MISSIONS / "fields.geojson").read_text(encoding="utf-8"))
    found = {}
    for feature in document["features"]:
        name = feature["properties"]["name"]
        field = Field(name=name, boundary=shapely.geometry.shape(feature["geometry"]))
        found[name] = field.frame.geometry_to_local(field.boundary)
    return found


@cache
def routed_by_rival() -> dict[tuple[str, float], float]:
    document = json.loads((MISSIONS / "rival_results.json").read_text(encoding="utf-8"))
    return {
        (run["field"], run["swath_m"]): run["route_length_m"]
        for run in document["runs"]
        if run["headland"] == "none" and run["decomposition"] == "none"
    }


@cache
def reference_plans(width_m: float) -> dict[str, Coverage]:
    return {name: plan_coverage(area, width_m=width_m) for name, area in reference().items()}


@needs_shared
@pytest.mark.parametrize("width_m", WIDTHS_M)
def test_reference_fields_are_covered_whole_and_nothing_beside_them(width_m: float) -> None:
    plans = reference_plans(width_m)
    shares = []
    for name, area in reference().items():
        shares.append(coverage_of(plans[name], area, width_m))
        assert shares[-1] >= (0.98 if width_m > 6.0 else 0.99), name
        assert overspray_of(plans[name], area, width_m) <= 0.001, name
    assert sum(shares) / len(shares) >= 0.997


@needs_shared
@pytest.mark.parametrize("width_m", WIDTHS_M)
def test_no_leg_over_a_reference_field_leaves_it(width_m: float) -> None:
    for name, area in reference().items():
        assert_flyable(reference_plans(width_m)[name], area)


@needs_shared
@pytest.mark.parametrize("width_m", WIDTHS_M)
def test_flights_are_no_longer_than_a_rivals_that_covers_less(width_m: float) -> None:
    for name, area in reference().items():
        if area.area >= 10_000.0:
            limit_m = 1.02 * routed_by_rival()[name, width_m]
            assert reference_plans(width_m)[name].path_m <= limit_m, name


# --- random fields -------------------------------------------------------------------------------


def opened(field: BaseGeometry, width_m: float) -> float:
    """The share of a field that a swath fits into."""
    inner = field.buffer(-width_m / 2.0, join_style="mitre")
    return float(inner.buffer(width_m / 2.0, join_style="mitre").area / field.area)


def judge(field: BaseGeometry, width_m: float) -> None:
    try:
        plan = plan_coverage(field, width_m=width_m)
    except BadInput:
        if isinstance(field, MultiPolygon):
            return  # nothing joins its parts
        raise
    assert_flyable(plan, field)
    assert plan.legs
    assert 0.0 <= plan.angle_deg < 180.0
    assert plan.spacing_m <= width_m
    if opened(field, width_m) >= 0.97 and field.area > 30.0 * width_m**2:
        assert coverage_of(plan, field, width_m) >= 0.98
        assert overspray_of(plan, field, width_m) <= 0.002


widths = st.sampled_from([3.0, *WIDTHS_M])


@settings(max_examples=70, deadline=None)
@given(field=fields(max_ha=1.5), width_m=widths)
def test_whatever_the_field_the_plan_is_whole_joined_and_inside(
    field: BaseGeometry, width_m: float
) -> None:
    judge(field, width_m)


@pytest.mark.slow
@settings(max_examples=of_full(10_000), deadline=None, suppress_health_check=list(HealthCheck))
@given(field=fields(max_ha=20.0), width_m=widths)
def test_ten_thousand_fields_are_covered_from_inside(field: BaseGeometry, width_m: float) -> None:
    judge(field, width_m)


IRREGULAR = {
    "five corners": Polygon([(0, 0), (143, 11), (151, 88), (60, 131), (-22, 70)]),
    "bent": Polygon([(0, 0), (130, 7), (126, 60), (58, 51), (49, 133), (-9, 120)]),
    "pond": Polygon(
        [(0, 0), (122, -8), (137, 77), (13, 93)], [[(40, 30), (71, 33), (66, 55), (37, 49)]]
    ),
}


@pytest.mark.parametrize("turn_deg", [33.0, 90.0, 201.7])
@pytest.mark.parametrize("name", IRREGULAR)
def test_a_moved_and_turned_field_has_the_moved_and_turned_plan(name: str, turn_deg: float) -> None:
    field = IRREGULAR[name]
    here = plan_coverage(field, width_m=6.0)
    moved = affinity.translate(affinity.rotate(field, turn_deg, origin=(0.0, 0.0)), 311.0, 77.0)
    there = plan_coverage(moved, width_m=6.0)
    assert [leg.kind for leg in here.legs] == [leg.kind for leg in there.legs]
    for before, after in zip(here.legs, there.legs, strict=True):
        path = affinity.rotate(LineString(before.points), turn_deg, origin=(0.0, 0.0))
        for (e, n), other in zip(path.coords, after.points, strict=True):
            assert math.dist((e + 311.0, n + 77.0), other) <= 0.05


@settings(max_examples=10, deadline=None)
@given(field=fields(max_ha=1.0, kinds=ONE_PIECE), turn_deg=st.floats(0.0, 360.0))
def test_however_a_field_lies_its_flight_is_as_long(field: Polygon, turn_deg: float) -> None:
    assume(field.area > 60.0 * 4.0**2 and opened(field, 4.0) > 0.97)
    here = plan_coverage(field, width_m=4.0)
    there = plan_coverage(affinity.rotate(field, turn_deg), width_m=4.0)
    assert there.path_m == pytest.approx(here.path_m, rel=0.05)


@settings(max_examples=8, deadline=None)
@given(field=fields(max_ha=1.0, kinds=ONE_PIECE), width_m=widths)
def test_the_same_field_has_the_same_plan(field: Polygon, width_m: float) -> None:
    assert plan_coverage(field, width_m=width_m) == plan_coverage(field, width_m=width_m)


# --- particular cases ----------------------------------------------------------------------------

PADDY = box(0.0, 0.0, 120.0, 60.0)


def test_a_rectangle_is_covered_along_its_longer_side() -> None:
    plan = plan_coverage(PADDY, width_m=6.0)
    assert plan.angle_deg == pytest.approx(90.0, abs=0.01)
    assert coverage_of(plan, PADDY, 6.0) >= 0.995
    assert plan.path_m <= 1.08 * PADDY.area / 6.0


def test_the_direction_asked_for_is_flown() -> None:
    plan = plan_coverage(PADDY, width_m=6.0, angle_deg=30.0)
    lines = [leg for leg in plan.legs if leg.kind is LegKind.LINE]
    assert plan.angle_deg == 30.0
    for line in lines:
        (e0, n0), (e1, n1) = line.points
        assert math.degrees(math.atan2(e1 - e0, n1 - n0)) % 180.0 == pytest.approx(30.0, abs=0.01)


def test_the_edge_pass_keeps_half_a_width_from_every_border() -> None:
    pond = Point(60.0, 30.0).buffer(10.0, quad_segs=6)
    field = PADDY.difference(pond)
    plan = plan_coverage(field, width_m=6.0)
    edges = [LineString(leg.points) for leg in plan.legs if leg.kind is LegKind.EDGE]
    assert edges
    for edge in edges:
        assert edge.distance(field.boundary) >= 3.0 - 0.03


@pytest.mark.parametrize("width_m", [4.0, 30.0, 80.0])
def test_lines_alone_reach_as_far_as_the_field(width_m: float) -> None:
    plan = plan_coverage(PADDY, width_m=width_m, edge_pass=False)
    assert {leg.kind for leg in plan.legs} <= {LegKind.LINE, LegKind.TRANSIT}
    assert coverage_of(plan, PADDY, width_m) >= 0.999


def test_lead_ins_go_before_and_after_every_line_where_they_are_allowed() -> None:
    allowed = PADDY.buffer(20.0, join_style="mitre")
    plan = plan_coverage(
        PADDY, width_m=20.0, edge_pass=False, angle_deg=90.0, lead_in_m=15.0, allowed=allowed
    )
    assert_flyable(plan, allowed)
    lines = sum(leg.kind is LegKind.LINE for leg in plan.legs)
    leads = [leg for leg in plan.legs if leg.kind is LegKind.LEAD_IN]
    assert len(leads) == 2 * lines
    assert all(leg.length_m == pytest.approx(15.0) for leg in leads)


def test_lead_ins_end_where_the_allowed_ground_ends() -> None:
    allowed = PADDY.buffer(4.0, join_style="mitre")
    plan = plan_coverage(
        PADDY, width_m=20.0, edge_pass=False, angle_deg=90.0, lead_in_m=15.0, allowed=allowed
    )
    leads = [leg for leg in plan.legs if leg.kind is LegKind.LEAD_IN]
    assert leads
    assert all(leg.length_m == pytest.approx(4.0, abs=0.01) for leg in leads)


@pytest.mark.parametrize("edge_pass", [False, True])
def test_legs_go_round_what_is_excluded_from_the_allowed_ground(edge_pass: bool) -> None:
    house = box(50.0, 20.0, 70.0, 45.0)
    allowed = PADDY.buffer(15.0).difference(house)
    start = (-10.0, 30.0)
    plan = plan_coverage(PADDY, width_m=8.0, edge_pass=edge_pass, allowed=allowed, start=start)
    assert_flyable(plan, allowed)
    assert plan.legs[0].points[0] == start
    assert coverage_of(plan, PADDY.difference(house), 8.0) >= 0.99


def test_a_start_far_off_is_joined_to_the_first_track() -> None:
    allowed = shapely.union_all([PADDY, box(-200.0, 20.0, 0.0, 40.0)])
    plan = plan_coverage(PADDY, width_m=6.0, allowed=allowed, start=(-190.0, 30.0))
    assert plan.legs[0].kind is LegKind.TRANSIT
    assert_flyable(plan, allowed)


@pytest.mark.parametrize("long_m", [1.0, 3.0, 30.0, 300.0])
@pytest.mark.parametrize("edge_pass", [False, True])
def test_ground_narrower_than_the_swath_gets_a_line_along_it(
    long_m: float, edge_pass: bool
) -> None:
    strip = affinity.rotate(box(0.0, 0.0, long_m, 1.0), 33.0)
    plan = plan_coverage(strip, width_m=6.0, edge_pass=edge_pass)
    assert_flyable(plan, strip)
    assert coverage_of(plan, strip, 6.0) >= 0.95


def test_parts_that_nothing_joins_are_refused_and_parts_within_allowed_ground_are_not() -> None:
    parts = MultiPolygon([box(0, 0, 50, 50), box(60, 0, 110, 50)])
    with pytest.raises(BadInput) as refusal:
        plan_coverage(parts, width_m=6.0)
    assert refusal.value.message.key == "error.coverage_disconnected"
    allowed = box(-5, -5, 120, 60)
    plan = plan_coverage(parts, width_m=6.0, allowed=allowed)
    assert_flyable(plan, allowed)
    assert coverage_of(plan, parts, 6.0) >= 0.99


@pytest.mark.parametrize("width_m", [0.0, -1.0, math.nan])
def test_no_width_is_refused(width_m: float) -> None:
    with pytest.raises(BadInput) as refusal:
        plan_coverage(PADDY, width_m=width_m)
    assert refusal.value.message.key == "error.swath_width"


def test_ground_that_is_nowhere_allowed_is_refused() -> None:
    with pytest.raises(BadInput) as refusal:
        plan_coverage(PADDY, width_m=6.0, allowed=box(500, 0, 600, 60))
    assert refusal.value.message.key == "error.coverage_empty"


def test_narrow_corners_are_not_sprayed_beyond_the_border() -> None:
    needle = Polygon([(0.0, 0.0), (230.0, 0.0), (230.0, 30.0)])
    plan = plan_coverage(needle, width_m=6.0)
    assert overspray_of(plan, needle, 6.0) <= 0.001
    assert coverage_of(plan, needle, 6.0) >= 0.95
