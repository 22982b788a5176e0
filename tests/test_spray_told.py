"""What is kept dry beside an edge, what a route misses; what a plan tells, refuses and climbs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
import shapely
from shapely.geometry import MultiPolygon, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from agri.errors import Refused
from agri.field import ObstacleKind
from agri.findings import Severity
from agri.weather import Wind
from missions.flightplan import FlightPlan, Site
from missions.passes.energy import estimate_spray
from missions.passes.flight import beyond_m, flight
from missions.passes.route import Pass, SprayRoute
from missions.spray.mission import (
    _climb_home_m,
    _nearest_first,
    flown_settings,
    fly_route,
    plan_spray,
)
from missions.spray.planning import (
    Treatable,
    enclosures,
    plan_route,
    treatable_area,
    unevenly,
    untreated,
)
from missions.sprayer.gear import PumpControl
from missions.sprayer.job import EdgeClearance, SpraySettings
from missions.terrain.model import HeightModel
from missions.terrain.relief import Relief, joined
from tests.reliefs import grid_of, plane
from tests.sites import Draft
from tests.sprays import SETTINGS

CALM = replace(SETTINGS, wind=Wind(speed_m_s=0.0), edges=())
DRAFT = Draft()
FIELD = box(-60, -30, 60, 30)
PAD = (-70.0, -40.0)


def site(shape: Polygon | MultiPolygon = FIELD, pad: tuple[float, float] = PAD) -> Site:
    return DRAFT.site(shape, pad)


# ---- beside one edge

ELL = Polygon([(0, 0), (60, 0), (60, 20), (20, 20), (20, 60), (0, 60)])
NOTCHED = ((20.0, 20.0), (40.0, 20.0), (30.0, 30.0), (40.0, 40.0), (20.0, 40.0))
FRAMED = Polygon([(0, 0), (60, 0), (60, 60), (0, 60)], [NOTCHED])


def dry(shape: Polygon, edge: int, clearance_m: float = 4.0) -> BaseGeometry:
    """What is left out of a field for the clearance of one of its edges, in the shape's metres."""
    there = site(shape, (-20.0, -20.0))
    asked = replace(CALM, swath_m=1.0, edges=(EdgeClearance(edge=edge, clearance_m=clearance_m),))
    found = treatable_area(there, asked, (), there.field.frame)
    earth = there.field.frame.geometry_to_lonlat(shapely.union(found.area, found.dropped))
    return shape.difference(DRAFT.frame.geometry_to_local(earth)).buffer(-0.01).buffer(0.01)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(
    ("edge", "expected"),
    [
        (1, box(0, 0, 60, 4)), (2, box(56, 0, 60, 20)),
        (3, box(16, 16, 60, 24)), (4, box(16, 16, 24, 60)), (5, box(0, 56, 20, 60)),
    ],
)  # fmt: skip
def test_the_strip_of_an_edge_goes_on_only_round_the_corner_that_bends_in(
    edge: int, expected: Polygon, backwards: bool
) -> None:
    """The corner at (20, 20) is the end of the third edge and the begin of the fourth."""
    shape, number = (ELL.reverse(), 7 - edge) if backwards else (ELL, edge)
    found = dry(shape, number)
    assert found.symmetric_difference(expected.intersection(ELL)).area < 0.5


@pytest.mark.parametrize("backwards", [False, True])
def test_an_edge_is_as_long_as_it_is_where_the_next_goes_straight_on(backwards: bool) -> None:
    """A boundary stone in the middle of a side: only one half of it keeps its distance."""
    half = Polygon([(0, 0), (30, 0), (60, 0), (60, 40), (0, 40)])
    found = dry(half.reverse() if backwards else half, 5 if backwards else 1)
    assert found.symmetric_difference(box(0, 0, 30, 4)).area < 0.5


def test_round_a_hole_with_a_notch_its_strips_together_keep_the_distance() -> None:
    """All that is nearer than 4 m, and no more than its corners drawn square."""
    hole = Polygon(NOTCHED)
    ring = shapely.union_all([dry(FRAMED, edge) for edge in range(5, 10)])
    assert ring.covers(hole.buffer(3.97).difference(hole.buffer(0.03)))
    assert hole.buffer(4.02 * math.sqrt(2.0)).covers(ring)
    assert ring.area <= hole.buffer(4.0).area - hole.area + 35.0


def test_ground_beside_a_pointed_cut_is_left_out_a_foot_beyond_its_tip_at_most() -> None:
    """A round pond runs out to a tip of 10°."""
    there = site()
    frame = there.field.frame
    round_pond = Point(0, 0).buffer(8.0).union(Polygon([(0, 4), (0, -4), (40, 0)]))
    found = treatable_area(there, replace(CALM, swath_m=0.5), (round_pond,), frame)
    ground = frame.geometry_to_local(there.field.boundary)
    left_out = ground.difference(shapely.union(found.area, found.dropped)).buffer(-0.01)
    assert left_out.difference(round_pond.buffer(0.25)).is_empty


# ---- told of what is left out, missed and sprayed twice


@pytest.mark.parametrize(
    ("share", "severity"), [(0.15, Severity.INFO), (0.19, Severity.INFO), (0.21, Severity.WARNING)]
)
def test_whoever_leaves_out_more_than_a_fifth_is_warned(share: float, severity: Severity) -> None:
    ground = Treatable(
        area=box(0, 0, 1000.0 * (1.0 - share), 1), dropped=box(0, 0, 1000 * share, 1)
    )
    [told] = untreated(ground, site())
    assert told.severity is severity
    assert dict(told.message.values)["percent"] == pytest.approx(100.0 * share)


@pytest.mark.parametrize(("left_m2", "count"), [(4.9, 0), (5.1, 1)])
def test_less_than_five_square_metres_left_out_are_not_spoken_of(
    left_m2: float, count: int
) -> None:
    ground = Treatable(area=box(0, 0, 100, 10), dropped=box(0, 0, left_m2, 1))
    assert len(untreated(ground, site())) == count


GROUND = box(0, 0, 30, 50)
EVENLY = [2.5 + 5.0 * k for k in range(10)]


def rows(
    norths: Sequence[float], west_m: float = 40.0, east_m: float = 70.0, parts: int = 1
) -> SprayRoute:
    """Rows of 30 m flown east, each in touching parts, with so much room to run up and out."""
    places = [30.0 * share / parts for share in range(parts + 1)]
    return SprayRoute(
        passes=tuple(
            Pass(points=((a, n), (b, n)), width_m=5.0, rate_l_ha=20.0, speed_m_s=6.0)
            for n in norths
            for a, b in pairwise(places)
        ),
        home=(-0.1, -0.1), allowed=box(-west_m, -40, east_m, 90), treatable=GROUND, angle_deg=90.0,
    )  # fmt: skip


def told(route: SprayRoute, asked: SpraySettings = CALM) -> dict[str, float]:
    whole = Treatable(area=GROUND, dropped=Polygon())
    return {
        finding.key: float(dict(finding.message.values)["percent"])
        for finding in unevenly(route, whole, asked)
    }


@pytest.mark.parametrize("parts", [1, 2, 3])
@pytest.mark.parametrize("control", [PumpControl.SPEED, PumpControl.SERVO])
def test_what_is_begun_late_and_ended_short_is_missed(control: PumpControl, parts: int) -> None:
    """Each run is late where it begins and short where it ends, in however many parts it is."""
    asked = replace(CALM, sprayer=replace(CALM.sprayer, control=control, hose_s=0.9))
    route = rows(EVENLY, 0.5, 33.2, parts)
    runs = flight(route).runs
    assert len(runs) == 10
    pump_s = 0.0 if control is PumpControl.SERVO else 0.5
    lost = [beyond_m(run, 0.9, pump_s=pump_s) for run in runs]
    assert all(late_m < -0.5 and short_m < -0.1 for late_m, short_m in lost)
    missed_m = -sum(late_m + short_m for late_m, short_m in lost)
    found = told(route, asked)
    assert found["finding.spray_missed"] == pytest.approx(100.0 * missed_m / 300.0, abs=0.01)


def test_where_there_is_room_nothing_is_missed_and_what_is_begun_early_is_sprayed_twice() -> None:
    assert told(rows(EVENLY)) == {}
    twice = told(rows([*EVENLY, *EVENLY]))["finding.spray_twice"]
    assert twice == pytest.approx(100.0 * (60.0 + 2.0 * 0.4) / 30.0 - 100.0, abs=0.01)
    little = told(rows([*EVENLY, 2.5]))
    assert little["finding.spray_twice"] == pytest.approx(
        100.0 * 11.0 * 30.4 / 300.0 - 100.0, abs=0.01
    )
    assert told(rows([*EVENLY, 0.0])) == {}


def test_less_than_a_tenth_of_a_hectare_is_not_judged_by_shares() -> None:
    small = Treatable(area=box(0, 0, 30, 33), dropped=Polygon())
    assert list(unevenly(rows(EVENLY[:2]), small, CALM)) == []
    large = replace(small, area=box(0, 0, 30, 34))
    assert [found.key for found in unevenly(rows(EVENLY[:2]), large, CALM)] == [
        "finding.spray_missed"
    ]


# ---- refused


def refused(there: Site, asked: SpraySettings) -> str:
    with pytest.raises(Refused) as told:
        plan_route(there, asked)
    return told.value.message.key


def test_a_clearance_is_named_even_where_a_metre_of_it_would_be_too_much() -> None:
    strip = site(box(-60, -3, 60, 3), (-70.0, 0.0))
    assert refused(strip, replace(CALM, clearance_m=1.5)) == "error.spray_clearance"
    edges = (EdgeClearance(edge=2, clearance_m=1.5),)
    assert refused(strip, replace(CALM, edges=edges)) == "error.spray_clearance"
    assert refused(strip, replace(CALM, clearance_m=1.5, swath_m=6.5)) == "error.swath_too_wide"


# ---- which fence holds a route


def pass_over(*points: tuple[float, float]) -> Pass:
    return Pass(points=points, width_m=5.0, rate_l_ha=20.0, speed_m_s=4.0)


def route_of(*works: Pass, there: Site, angle_deg: float = 0.0) -> SprayRoute:
    home = there.field.frame.metres(there.pad.place)
    return SprayRoute(passes=works, home=home, allowed=Point(home).buffer(900.0), treatable=FIELD,
                      angle_deg=angle_deg)  # fmt: skip


HOUSE = DRAFT.obstacle(ObstacleKind.HOUSE, box(-3, -3, 3, 3), 6.0)


@pytest.mark.parametrize(
    ("works", "held"),
    [
        ((pass_over((-40.0, -20.0), (40.0, -20.0)),), True),
        ((pass_over((-40.0, 0.0), (40.0, 0.0)), pass_over((40.0, -25.0), (-40.0, -25.0))), False),
        ((pass_over((-40.0, -20.0), (-20.0, 0.0)), pass_over((20.0, 0.0), (40.0, -20.0))), False),
    ],
)
def test_neither_a_pass_nor_a_way_between_two_may_lead_over_a_house(
    works: tuple[Pass, ...], held: bool
) -> None:
    there = replace(site(), obstacles=(HOUSE,))
    route = route_of(*works, there=there)
    estimate = estimate_spray(route, CALM)
    if held:
        fly_route(there, CALM, route, name="Phun", estimate=estimate)
        return
    with pytest.raises(Refused) as told:
        fly_route(there, CALM, route, name="Phun", estimate=estimate)
    assert told.value.message.key == "error.spray_no_fence"


# ---- what a plan tells


def flown(there: Site, route: SprayRoute, asked: SpraySettings = CALM) -> FlightPlan:
    return fly_route(there, asked, route, name="Phun", estimate=estimate_spray(route, asked))


@pytest.mark.parametrize(
    ("angle_deg", "told_deg"), [(135.0, 135.0), (270.0, 90.0), (math.nan, 0.0), (0.0, 0.0)]
)
def test_a_plan_tells_the_direction_of_its_lines_and_the_ceiling(
    angle_deg: float, told_deg: float
) -> None:
    there = site()
    work = pass_over((-40.0, 0.0), (40.0, 0.0))
    plan = flown(there, route_of(work, there=there, angle_deg=angle_deg))
    assert plan.spray is not None
    assert plan.spray.angle_deg == told_deg
    assert plan.ceiling_m == 50.0
    assert (plan.spray.sortie, plan.spray.sorties, plan.spray.job) == (1, 1, "Phun")


@pytest.mark.parametrize(("height_m", "flies"), [(10.0, True), (10.1, False)])
def test_a_flight_may_go_fifty_metres_high_when_nothing_else_is_asked(
    height_m: float, flies: bool
) -> None:
    there, high = site(), replace(CALM.sprayer, max_height_m=20.0)
    asked = replace(CALM, sprayer=high, crop_height_m=40.0, height_m=height_m)
    route = route_of(pass_over((-40.0, 0.0), (40.0, 0.0)), there=there)
    if flies:
        assert flown(there, route, asked).ceiling_m == 50.0
        assert plan_spray(there, asked, name="Phun").ceiling_m == 50.0
        return
    with pytest.raises(Refused, match="above the permitted 50 m"):
        flown(there, route, asked)
    with pytest.raises(Refused, match="above the permitted 50 m"):
        plan_spray(there, asked, name="Phun")


@pytest.mark.parametrize("count", [1, 2])
def test_the_width_that_all_swaths_have_is_told(count: int) -> None:
    there = site()
    works = [replace(pass_over((-40.0, 5.0 * k), (40.0, 5.0 * k)), width_m=4.2)
             for k in range(count)]  # fmt: skip
    assert flown_settings(route_of(*works, there=there), CALM).swath_m == 4.2
    mixed = route_of(*works, pass_over((-40.0, 20.0), (40.0, 20.0)), there=there)
    assert flown_settings(mixed, CALM) == CALM


def test_what_climbing_takes_is_told_with_a_hill_and_not_without() -> None:
    there = site()
    frame = there.field.frame
    work = pass_over((-40.0, 0.0), (40.0, 0.0))
    route = route_of(work, there=there)
    route = replace(route, allowed=next(enclosures(there, 2.5, frame)).allowed)
    estimate = estimate_spray(route, CALM)
    heights = HeightModel(
        relief=Relief(local=frame, ground=joined(frame, grid_of(plane(0.15, 0.0)), "mean"),
                      surface=None, canopy=None),
        home=route.home, height_m=2.5, speed_m_s=4.0, swath_m=5.0,
    )  # fmt: skip
    level, hill = (
        fly_route(there, CALM, route, name="Phun", estimate=estimate, heights=given).spray
        for given in (None, heights)
    )
    assert level is not None
    assert hill is not None
    assert level.estimate == estimate
    assert hill.estimate.energy_wh > estimate.energy_wh


# ---- the way home


def climbed(there: Site, *works: Pass) -> float:
    route = route_of(*works, there=there)
    fences = [f for f in enclosures(there, 2.5, there.field.frame) if f.exclusions]
    route = replace(route, allowed=fences[0].allowed)
    return _climb_home_m(there, fences[0], flight(route), 2.5, 50.0)


def test_the_way_home_climbs_only_where_something_stands_before_its_first_bend() -> None:
    """East of the house a straight way to the pad is shut, and the way round it bends first."""
    there = replace(site(FIELD, (-70.0, 0.0)), obstacles=(HOUSE,))
    west = pass_over((-40.0, -20.0), (-40.0, 20.0))
    assert climbed(there, west) == 0.0
    assert climbed(there, west, pass_over((-30.0, 20.0), (-30.0, -20.0))) == 0.0
    east = pass_over((40.0, -20.0), (40.0, 20.0))
    assert climbed(there, west, east) == 16.0
    high = replace(there, obstacles=(replace(HOUSE, height_m=45.0),))
    assert climbed(high, west, east) == 50.0


def test_what_counts_is_the_way_to_the_first_bend_and_not_to_the_pad() -> None:
    """From beside the house's corner its clearance shuts the pad, not the next corner."""
    there = replace(site(FIELD, (-70.0, 0.0)), obstacles=(HOUSE,))
    beside = pass_over((20.0, 16.2), (14.0, 16.2))
    assert climbed(there, beside) == 0.0
    assert climbed(there, pass_over((-40.0, -20.0), (-40.0, 20.0)), beside) == 0.0
    there_and_back = pass_over((40.0, -20.0), (40.0, 20.0)), pass_over((46.0, 20.0), (46.0, -20.0))
    assert climbed(there, *there_and_back) == 16.0


def test_over_a_forbidden_place_the_way_home_climbs_ten_metres() -> None:
    there = DRAFT.site(FIELD, (-70.0, 0.0), zones=(box(-12, -12, 12, 12),))
    west, east = (pass_over((e, -20.0), (e, 20.0)) for e in (-40.0, 40.0))
    assert climbed(there, west, east) == 10.0


# ---- several fields


def test_the_nearest_field_is_the_one_whose_first_pass_begins_nearest() -> None:
    """Where that pass ends, and where the others begin, does not matter."""
    there = site()
    long = route_of(pass_over((10.0, 0.0), (200.0, 0.0)), pass_over((300.0, 5.0), (220.0, 5.0)),
                    there=there)  # fmt: skip
    short = route_of(pass_over((20.0, 40.0), (12.0, 40.0)), there=there)
    order, _ = _nearest_first(
        [(there, short), (there, long)], (0.0, 0.0), box(-500, -500, 500, 500)
    )
    assert order == [long, short]


@pytest.mark.parametrize(("nearer_m", "first"), [(0.04, 0), (0.3, 1)])
def test_a_field_a_foot_nearer_is_flown_first_and_one_a_hand_nearer_is_not(
    nearer_m: float, first: int
) -> None:
    there = site()
    ways = [pass_over((30.0, 0.0), (60.0, 0.0)), pass_over((nearer_m - 30.0, 0.0), (-60.0, 0.0))]
    fields = [(there, replace(route_of(way, there=there), home=(0.0, 0.0))) for way in ways]
    order, shut = _nearest_first(fields, (0.0, 0.0), box(-500, -500, 500, 500))
    assert shut is None
    assert order[0] is fields[first][1]
