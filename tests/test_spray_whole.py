"""From a field to its route and its plan: what is reached, told, refused, and in which order."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import shapely
from shapely import affinity
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box

from agri.errors import Refused
from agri.field import ObstacleKind
from agri.weather import Wind
from missions.airspace.keepouts import keep_outs
from missions.flightplan import Site
from missions.passes.energy import estimate_spray
from missions.passes.flight import flight
from missions.passes.route import Pass, SprayRoute
from missions.spray.mission import _nearest_first, fly_route, plan_spray, several_fields
from missions.spray.planning import (
    Treatable,
    check_pad,
    enclosures,
    open_piece,
    pad_shut,
    plan_route,
    treatable_area,
    unevenly,
)
from tests.sites import Draft
from tests.sprays import SETTINGS

CALM = replace(SETTINGS, wind=Wind(speed_m_s=0.0), edges=())
DRAFT = Draft()
FIELD = box(-60, -30, 60, 30)
PAD = (-70.0, -40.0)


def site(shape: Polygon = FIELD, pad: tuple[float, float] = PAD) -> Site:
    return DRAFT.site(shape, pad)


# ---- what may be sprayed


SLANTED = [
    Polygon([(0, 0), (90, 0), (70, 45), (40, 30), (20, 60)]),
    Polygon([(0, 0), (80, 10), (75, 70), (50, 25), (30, 80), (-10, 50)]),
    box(0, 0, 90, 70).difference(Polygon([(30, 20), (62, 28), (50, 50), (25, 40)])),
]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("turn_deg", [0.0, 33.0])
@pytest.mark.parametrize("shape", SLANTED)
def test_a_clearance_is_kept_from_slanted_corners_that_bend_in(
    shape: Polygon, turn_deg: float, turned: bool
) -> None:
    """Nowhere nearer to the border than asked, and little more is left out than it takes."""
    shape = affinity.rotate(shape, turn_deg, origin=(0, 0))
    asked = replace(CALM, clearance_m=4.0, swath_m=1.0)
    there = site(shape.reverse() if turned else shape, (-30.0, -30.0))
    frame = there.field.frame
    border = frame.geometry_to_local(there.field.boundary).boundary
    found = treatable_area(there, asked, (), frame).area
    assert found.distance(border) >= 4.0 - 0.005
    assert found.area >= 0.97 * shape.buffer(-4.0, join_style="mitre").area
    assert found.area <= shape.buffer(-4.0).area + 1.0


def test_ground_narrower_than_the_swath_is_dropped_and_told() -> None:
    there = site(FIELD.union(box(60, -2, 90, 2)))
    frame = there.field.frame
    found = treatable_area(there, CALM, (), frame)
    assert found.dropped.area == pytest.approx(30.0 * 4.0, rel=0.01)
    assert found.area.area == pytest.approx(7200.0, rel=1e-3)
    wide = treatable_area(there, replace(CALM, swath_m=3.9), (), frame)
    assert wide.dropped.is_empty
    assert wide.area.area == pytest.approx(7320.0, rel=1e-3)


@pytest.mark.parametrize(("side_m", "kept"), [(4.9, False), (5.3, True)])
def test_a_part_a_swath_wide_is_kept(side_m: float, kept: bool) -> None:
    parts = MultiPolygon([box(-60, -30, 60, 30), box(80, 0, 80 + side_m, side_m)])
    there = site(parts)  # type: ignore[arg-type]
    found = treatable_area(there, CALM, (), there.field.frame)
    assert len(getattr(found.area, "geoms", [found.area])) == 1 + kept


def test_round_cuts_with_fewer_corners_keep_all_of_the_round_dry() -> None:
    there = site()
    frame = there.field.frame
    pond = Point(frame.metres(DRAFT.place(0, 0))).buffer(12.0, quad_segs=32)
    found = treatable_area(there, CALM, (pond,), frame)
    assert found.area.intersection(pond).area == pytest.approx(0.0, abs=1e-3)
    assert 0.0 < found.rounded_m2 < 0.12 * pond.length * 2.0
    total = found.area.area + found.dropped.area + found.rounded_m2 + pond.area
    assert total == pytest.approx(7200.0, rel=1e-3)
    square = treatable_area(there, CALM, (pond.envelope,), frame)
    assert square.rounded_m2 == 0.0


# ---- what is told of a whole job


def rows(*norths: float, width_m: float = 5.0) -> SprayRoute:
    ground = box(0, 0, 60, 50)
    return SprayRoute(
        passes=tuple(
            Pass(points=((0.0, n), (60.0, n)) if k % 2 else ((60.0, n), (0.0, n)),
                 width_m=width_m, rate_l_ha=20.0, speed_m_s=4.0)
            for k, n in enumerate(norths)
        ),
        home=(-20.0, -20.0), allowed=ground.buffer(40.0), treatable=ground, angle_deg=90.0,
    )  # fmt: skip


EVENLY = [2.5 + 5.0 * k for k in range(10)]


def told(route: SprayRoute, asked=CALM, **ground: float) -> dict[str, float]:
    whole = Treatable(area=box(0, 0, 60, 50), dropped=Polygon(), **ground)
    return {
        finding.key: float(dict(finding.message.values)["percent"])
        for finding in unevenly(route, whole, asked)
    }


def test_of_a_crosshatch_each_layer_counts_half() -> None:
    crossed = replace(CALM, crosshatch=True)
    twice = rows(*EVENLY, *EVENLY)
    assert told(twice, crossed) == {}
    assert told(rows(*EVENLY, *EVENLY))["finding.spray_twice"] == pytest.approx(100.0, abs=3.0)
    lapped = rows(*EVENLY, *EVENLY, *EVENLY[:3])
    assert told(lapped, crossed)["finding.spray_twice"] == pytest.approx(15.0, abs=1.0)


def test_ground_lost_to_rounding_counts_as_missed() -> None:
    """300 m² of 3300 m²: 9.1 %."""
    found = told(rows(*EVENLY), rounded_m2=300.0)
    assert found == {"finding.spray_missed": pytest.approx(100.0 / 11.0, abs=0.7)}


def test_what_is_sprayed_off_the_ground_is_not_sprayed_twice() -> None:
    outside = rows(*EVENLY, 70.0, 80.0, 90.0)
    assert told(outside) == {}


# ---- which fence


def test_the_wide_fence_is_not_drawn_for_ground_it_wins_nothing_of() -> None:
    """A strip too narrow for the swath is left out with either fence."""
    there = site(FIELD.union(box(60, -2, 90, 2)))
    frame = there.field.frame
    route = plan_route(there, CALM)
    home = frame.metres(there.pad.place)
    narrow, wide = (
        open_piece(fence.allowed, home) for fence in enclosures(there, CALM.flying_height_m, frame)
    )
    assert narrow is not None
    assert wide is not None
    assert wide.area > narrow.area + 1.0
    assert route.allowed.equals(narrow)
    assert [finding.key for finding in route.findings] == ["finding.spray_left_out"]


@pytest.mark.parametrize(("out_m", "held"), [(0.07, True), (0.13, False)])
def test_a_route_may_stick_out_of_the_margins_by_a_tenth_of_a_metre(
    out_m: float, held: bool
) -> None:
    there = site()
    frame = there.field.frame
    home = frame.metres(there.pad.place)
    *_, wide = enclosures(there, CALM.flying_height_m, frame)
    _, south, _, north = wide.allowed.bounds
    above = [(e, n) for e, n in wide.allowed.exterior.coords if abs(n - north) < 1e-6]
    middle = sum(e for e, _ in above) / len(above)
    assert north > south
    route = SprayRoute(
        passes=(Pass(points=((middle - 2.0, north - 12.0), (middle, north + out_m)), width_m=5.0,
                     rate_l_ha=20.0, speed_m_s=4.0),),
        home=home, allowed=Point(home).buffer(900.0), treatable=box(-60, -30, 60, 30),
        angle_deg=0.0,
    )  # fmt: skip
    out = LineString([p for run in flight(route).runs for p in run.points])
    route = replace(
        route,
        passes=tuple(
            replace(w, points=tuple((e, n - (out.bounds[3] - north - out_m)) for e, n in w.points))
            for w in route.passes
        ),
    )
    estimate = estimate_spray(route, CALM)
    if held:
        fly_route(there, CALM, route, name="Phun", estimate=estimate)
        return
    with pytest.raises(Refused) as refused:
        fly_route(there, CALM, route, name="Phun", estimate=estimate)
    assert refused.value.message.key == "error.spray_no_fence"


# ---- what is refused, and in whose name


def test_a_pad_is_refused_by_what_stands_on_it() -> None:
    house = DRAFT.obstacle(ObstacleKind.HOUSE, box(-75, -45, -65, -35), 5.0, "Nhà kho")
    there = replace(site(), obstacles=(house,))
    with pytest.raises(Refused) as refused:
        check_pad(there, there.field.frame)
    assert refused.value.message.key == "error.pad_not_clear"
    values = dict(refused.value.message.values)
    assert values == {"pad": there.pad.name, "obstacle": "Nhà kho"}
    check_pad(site(), site().field.frame)


@pytest.mark.parametrize(
    ("away_m", "key"), [(4.9, "error.pad_near_closed"), (5.1, "error.pad_cut_off")]
)
def test_a_pad_shut_in_is_told_by_what_is_nearest(away_m: float, key: str) -> None:
    near = DRAFT.obstacle(ObstacleKind.HOUSE, box(-75, -45, -65, -35), 5.0, "Nhà gần")
    far = DRAFT.obstacle(ObstacleKind.HOUSE, box(0, 90, 10, 99), 5.0, "Nhà xa")
    there = replace(site(), obstacles=(far, near))
    frame = there.field.frame
    closed = dict(keep_outs(there, CALM.flying_height_m, frame))
    east, _, _, _ = closed["Nhà gần"].bounds
    north = closed["Nhà gần"].centroid.y
    pad = replace(there.pad, place=frame.place(east - away_m, north))
    refused = pad_shut(replace(there, pad=pad), CALM.flying_height_m, frame)
    assert refused.message.key == key
    assert dict(refused.message.values)["obstacle"] == "Nhà gần"


# ---- several fields


def route_of(*ways: tuple[tuple[float, float], ...]) -> SprayRoute:
    return SprayRoute(
        passes=tuple(
            Pass(points=way, width_m=5.0, rate_l_ha=20.0, speed_m_s=4.0) for way in ways
        ),
        home=(0.0, 0.0), allowed=box(-500, -500, 500, 500), treatable=box(0, 0, 1, 1),
        angle_deg=0.0,
    )  # fmt: skip


FREE = box(-500, -500, 500, 500)
ONE = route_of(((10.0, 0.0), (55.0, 0.0)), ((60.0, 5.0), (70.0, 5.0), (120.0, 5.0)))
TWO = route_of(((20.0, 40.0), (130.0, 40.0)), ((130.0, 45.0), (20.0, 45.0)))
THREE = route_of(((140.0, 30.0), (200.0, 30.0)))
FOUR = route_of(((200.0, 100.0), (220.0, 100.0)))


def test_the_next_field_is_the_one_whose_first_pass_begins_nearest_to_the_last_ones_end() -> None:
    """From the first field's end the third is nearer; from its beginning the second was."""
    fields = [(site(), TWO), (site(), FOUR), (site(), THREE), (site(), ONE)]
    order, shut = _nearest_first(fields, (0.0, 0.0), FREE)
    assert shut is None
    assert order == [ONE, THREE, FOUR, TWO]


def test_of_fields_as_near_the_first_named_is_flown_first() -> None:
    east, west = route_of(((30.0, 0.0), (60.0, 0.0))), route_of(((-30.04, 0.0), (-60.0, 0.0)))
    for fields in ([east, west], [west, east]):
        order, _ = _nearest_first([(site(), one) for one in fields], (0.0, 0.0), FREE)
        assert order == fields


def test_a_field_that_no_way_leads_to_is_named() -> None:
    here, there = site(), replace(site(), pad=replace(site().pad, name="Bên kia"))
    allowed = box(-50, -50, 135, 50)
    order, shut = _nearest_first([(there, THREE), (here, ONE)], (0.0, 0.0), allowed)
    assert order == [ONE]
    assert shut is there


def test_every_field_has_its_own_buffers_or_none_has() -> None:
    sites = [site(box(0, 0, 40, 30), (-5.0, -5.0)), site(box(50, 0, 90, 30), (-5.0, -5.0))]
    with pytest.raises(ValueError, match="zip"):
        several_fields(sites, CALM, name="Hai", buffers=[()])
    dry = box(-100, -100, 100, 100)
    with pytest.raises(Refused) as refused:
        several_fields(sites, CALM, name="Hai", buffers=[(), (dry,)])
    assert refused.value.message.key == "error.spray_all_buffer"


# ---- the way home


def test_the_way_home_is_level_where_nothing_stands_between() -> None:
    """A house beside the field, but on no straight way from it to the pad."""

    def climbs(east: float, north: float) -> float:
        house = DRAFT.obstacle(ObstacleKind.HOUSE, box(east, north, east + 5.0, north + 5.0), 6.0)
        there = replace(DRAFT.site(box(-20, -15, 20, 15), (-30.0, 0.0)), obstacles=(house,))
        items = plan_spray(there, CALM, name="Phun").items
        start = max(n for n, item in enumerate(items) if item.command == 189)
        return max(item.z for item in items[start + 1 :] if item.command == 16)

    assert climbs(-2.0, -2.0) > CALM.flying_height_m
    assert climbs(200.0, 200.0) == CALM.flying_height_m


def test_a_route_is_told_in_the_fields_own_metres() -> None:
    there = site()
    route = plan_route(there, CALM)
    assert route.home == pytest.approx(there.field.frame.metres(there.pad.place))
    assert route.allowed.covers(Point(route.home))
    assert shapely.union_all([LineString(w.points) for w in route.passes]).within(
        route.treatable.buffer(0.02)
    )
    assert math.isclose(route.angle_deg % 180.0, 90.0, abs_tol=0.1)
