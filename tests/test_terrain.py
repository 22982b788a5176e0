"""Heights over ground that is not flat: planes, steps, cones, hills and trees of known shape."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, Point, box

from agri.errors import BadInput, Refused
from agri.field import Obstacle, ObstacleKind
from agri.findings import Severity
from agri.geo import LonLat
from agri.grid import FloatArray, Grid
from missions.airspace.route import Place
from missions.flightplan import FlightPlan
from missions.items import Command, Frame, item_at
from missions.preflight.vehicle import needed_parameters
from missions.terrain.fit import Slopes, fewest, lifted, lowered
from missions.terrain.heights import AboveTerrain, Agreed, Flat, Heights, along_ways
from missions.terrain.model import (
    SHARE,
    HeightModel,
    Profile,
)
from missions.terrain.relief import Layer, Relief, joined, missing_shares, plane_fit
from tests.reliefs import (
    LOCAL,
    cone,
    grid_of,
    hills,
    plane,
    relief_of,
    terraces,
    trees,
)

ACROSS: list[Place] = [(-100.0, -50.0), (100.0, -50.0), (100.0, -45.0), (-100.0, -45.0)]
UP: list[Place] = [(0.0, -100.0), (0.0, 100.0)]


def model(relief: Relief, **settings: Any) -> HeightModel:
    plain = {"home": (0.0, 0.0), "height_m": 3.0, "speed_m_s": 4.0, "swath_m": 5.0}
    return HeightModel(relief=relief, **{**plain, **settings})


def dense(way: tuple[tuple[Place, float], ...], step_m: float) -> tuple[FloatArray, FloatArray]:
    """(N, 3) places and heights along the legs, and (N, 2) unit vectors across them."""
    points, across = [], []
    for ((e0, n0), h0), ((e1, n1), h1) in pairwise(way):
        length = math.hypot(e1 - e0, n1 - n0)
        if length == 0.0:
            continue
        count = max(2, math.ceil(length / step_m) + 1)
        points.append(np.linspace((e0, n0, h0), (e1, n1, h1), count))
        across.append(np.tile([-(n1 - n0) / length, (e1 - e0) / length], (count, 1)))
    return np.concatenate(points), np.concatenate(across)


def read(layer: Layer, east: FloatArray, north: FloatArray) -> FloatArray:
    return layer.grid.sample(*LOCAL.to_lonlat(east, north))


def measured(found: HeightModel, profile: Profile) -> tuple[FloatArray, FloatArray, float]:
    """Heights over the centre line, over everything in the strip, steepest leg: seen densely."""
    relief = found.relief
    layer = relief.surface or relief.ground
    way, across = dense(profile.waypoints, 0.2)
    home_m = float(read(relief.ground, *np.array([found.home]).T)[0])
    flown = way[:, 2] + home_m
    over = flown - read(layer, way[:, 0], way[:, 1])
    offsets = np.linspace(-found.swath_m / 2.0, found.swath_m / 2.0, 21)
    strip = np.array([flown - read(layer, *(way[:, :2] + offset * across).T) for offset in offsets])
    legs = pairwise(profile.waypoints)
    rises = [(h1 - h0) / math.dist(a, b) for (a, h0), (b, h1) in legs if math.dist(a, b) > 0.0]
    climb = max(rises, default=0.0) * found.speed_m_s / found.climb_m_s
    sink = -min(rises, default=0.0) * found.speed_m_s / found.descent_m_s
    return over, strip, max(climb, sink)


# ---- one height


@pytest.mark.parametrize(
    ("heights", "frame"),
    [(Flat(height_m=3.0), Frame.RELATIVE), (AboveTerrain(height_m=3.0), Frame.TERRAIN)],
)
def test_one_height_is_kept_at_every_place(heights: Heights, frame: Frame) -> None:
    assert heights.along(ACROSS) == [(place, 3.0) for place in ACROSS]
    assert heights.frame is frame


def test_a_flight_above_terrain_names_what_it_depends_on() -> None:
    (low,) = AboveTerrain(height_m=3.0).findings
    assert "RNGFND1_TYPE" in low.text("vi")
    assert "TERRAIN_ENABLE" in low.text("en")
    (high,) = AboveTerrain(height_m=60.0).findings
    assert "RNGFND1_TYPE" not in high.text("en")


def test_before_a_flight_above_terrain_its_parameters_are_asked_for() -> None:
    place = LonLat(lon_deg=106.51, lat_deg=21.08)
    names = {}
    for frame in (Frame.RELATIVE, Frame.TERRAIN):
        items = (item_at(Command.NAV_WAYPOINT, place, 3.0, frame=frame),)
        plan = FlightPlan(name="p", home=place, items=items)
        names[frame] = {need.name: need for need in needed_parameters(plan)}
    extra = set(names[Frame.TERRAIN]) - set(names[Frame.RELATIVE])
    older_and_newer = {"WPNAV_RFND_USE", "WP_RFND_USE"}  # the one that the firmware has is judged
    assert extra == {"TERRAIN_ENABLE", "RNGFND1_TYPE", *older_and_newer}
    finder = names[Frame.TERRAIN]["RNGFND1_TYPE"]
    assert not finder.fits(0.0)
    assert finder.fits(10.0)
    assert not finder.settable


# ---- grounds of known shape


def test_on_level_ground_nothing_is_added_and_the_height_is_the_wished_one() -> None:
    assert model(relief_of(plane(0.0, 0.0))).along(ACROSS) == [(place, 3.0) for place in ACROSS]


@given(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3), st.floats(0.0, 6.0))
@settings(max_examples=30)
def test_on_a_slope_that_can_be_flown_no_corner_is_added(
    to_east: float, to_north: float, turn: float
) -> None:
    relief = relief_of(plane(to_east, to_north), pixel_m=2.0, turn=turn)
    found = model(relief, min_clearance_m=1.0)
    profile = found.profile(ACROSS)
    assert len(profile.waypoints) == len(ACROSS)
    over, strip, steep = measured(found, profile)
    assert over.min() > 2.5 - 1e-3
    assert over.max() < 3.5 + 1e-3
    assert profile.clearance_m == pytest.approx(strip.min(), abs=0.01)
    assert steep <= 1.0


def test_a_slope_too_steep_for_the_speed_is_flown_higher_and_the_right_speed_is_named() -> None:
    found = model(relief_of(plane(0.5, 0.0)))
    (finding,) = found.check(ACROSS)
    assert finding.key == "finding.terrain_too_fast"
    speed = found.speed_that_holds(ACROSS)
    assert speed is not None
    assert speed == pytest.approx(SHARE * 1.5 / 0.5, abs=0.11)
    slower = model(relief_of(plane(0.5, 0.0)), speed_m_s=speed)
    assert slower.check(ACROSS) == []
    faster = model(relief_of(plane(0.5, 0.0)), speed_m_s=speed + 0.2)
    assert faster.check(ACROSS) != []


def test_a_flight_far_above_the_wished_height_is_an_error_and_over_the_ceiling_too() -> None:
    found = model(relief_of(plane(0.7, 0.0)))
    assert {f.key for f in found.check(ACROSS) if f.severity is Severity.ERROR} == {
        "finding.terrain_too_fast",
        "finding.terrain_ceiling",
    }


def test_before_a_step_up_the_flight_rises_and_behind_a_step_down_it_sinks() -> None:
    step = relief_of(lambda e, n: np.where(np.abs(n) < 20.0, 24.0, 20.0) + 0.0 * e, pixel_m=0.5)
    found = model(step, home=(0.0, -90.0), speed_m_s=2.0)
    profile = found.profile(UP)
    heights = np.array([h for _, h in profile.waypoints])
    north = np.array([p[1] for p, _ in profile.waypoints])
    at = np.interp([-80.0, -20.2, 0.0, 20.2, 80.0], north, heights)
    assert at[[0, 4]] == pytest.approx(3.0, abs=0.5)
    assert at[1] >= 4.0 + 2.5 - 1.0
    assert at[2] == pytest.approx(7.0, abs=0.5)
    over, _, steep = measured(found, profile)
    assert over.min() >= 2.5 - 0.02
    assert steep <= 1.0
    (finding,) = found.check(UP)
    assert finding.key in ("finding.terrain_not_held", "finding.terrain_too_fast")


def test_a_gentle_hill_is_followed_within_the_tolerance_with_a_handful_of_corners() -> None:
    found = model(relief_of(cone(15.0, 60.0)))
    profile = found.profile([(-100.0, 0.0), (100.0, 0.0)])
    assert profile.over_m == 0.0
    assert len(profile.waypoints) <= 6
    over, strip, _ = measured(found, profile)
    assert over.min() >= 2.5 - 0.01
    assert over.max() <= 3.5 + 0.01
    assert strip.min() >= 1.5


def test_a_pole_beside_the_centre_line_lifts_the_flight() -> None:
    def pole(east: FloatArray, north: FloatArray) -> FloatArray:
        return np.where(np.hypot(east - 20.0, north - 2.0) < 0.3, 26.0, 20.0)

    relief = relief_of(plane(0.0, 0.0), pole, pixel_m=0.25, half_m=60.0)
    found = model(relief, home=(-40.0, 0.0))
    profile = found.profile([(-50.0, 0.0), (50.0, 0.0)])
    east, heights = np.array([(p[0], h) for p, h in profile.waypoints]).T
    assert np.interp(20.0, east, heights) >= 6.0 + 1.5
    assert profile.clearance_m >= 1.5
    narrow = model(relief, home=(-40.0, 0.0), swath_m=2.0).profile([(-50.0, 0.0), (50.0, 0.0)])
    assert [h for _, h in narrow.waypoints] == [3.0, 3.0]


def test_a_crop_told_as_a_function_is_flown_over() -> None:
    ground = joined(LOCAL, grid_of(plane(0.0, 0.0)), "mean")
    relief = Relief(local=LOCAL, ground=ground, canopy=lambda e, _: np.where(e > 0.0, 2.0, 0.0))
    way = model(relief, home=(-80.0, 0.0)).along([(-90.0, 0.0), (90.0, 0.0)])
    assert way[0][1] == pytest.approx(3.0, abs=0.5)
    assert way[-1][1] == pytest.approx(5.0, abs=0.5)


def test_a_spot_is_as_high_as_what_stands_around_it_asks() -> None:
    relief = relief_of(plane(0.0, 0.0), trees(plane(0.0, 0.0), 3), pixel_m=0.25, half_m=60.0)
    ((_, height),) = model(relief).along([(10.0, 10.0)])
    east, north = np.meshgrid(np.arange(7.5, 12.6, 0.1), np.arange(7.5, 12.6, 0.1))
    assert relief.surface is not None
    tallest = np.nanmax(read(relief.surface, east.ravel(), north.ravel()))
    assert height + 20.0 >= tallest + 1.5
    again = model(relief).along([(10.0, 10.0), (10.0, 10.0)])
    assert again == [((10.0, 10.0), height)] * 2


# ---- always


@given(
    st.integers(0, 10_000),
    st.sampled_from([0.2, 0.5, 1.5]),
    st.sampled_from([0.5, 2.0, 5.0]),
    st.booleans(),
    st.floats(0.5, 6.0),
    st.lists(st.tuples(st.integers(-45, 45), st.integers(-45, 45)), min_size=2, max_size=5),
)
@settings(max_examples=40)
def test_whatever_the_ground_it_is_cleared_followed_and_never_too_steep(
    seed: int, tolerance_m: float, pixel_m: float, wooded: bool, speed_m_s: float, points: Any
) -> None:
    ground = hills(seed)
    surface = trees(ground, seed) if wooded else None
    relief = relief_of(ground, surface, pixel_m=pixel_m, half_m=75.0, turn=seed % 7)
    found = model(relief, tolerance_m=tolerance_m, speed_m_s=speed_m_s)
    way: list[Place] = [(float(e), float(n)) for e, n in points]
    profile = found.profile(way)
    asked = iter(place for place, _ in profile.waypoints)
    assert all(point in asked for point in way), "every point, in its order"
    if len(set(way)) < 2:
        return
    over, strip, steep = measured(found, profile)
    assert strip.min() >= found.min_clearance_m - 1e-6
    assert over.min() >= found.height_m - tolerance_m - 0.05 - 0.2 * wooded * pixel_m
    assert steep <= 1.0 + 0.02 * speed_m_s
    assert profile.clearance_m <= strip.min() + 1e-6
    if profile.over_m == 0.0 and not wooded:
        assert over.max() <= found.height_m + tolerance_m + 0.05


@given(st.integers(0, 10_000), st.floats(1.0, 6.0))
@settings(max_examples=25)
def test_more_tolerance_is_never_held_worse_and_costs_no_more_corners(
    seed: int, speed_m_s: float
) -> None:
    relief = relief_of(hills(seed, size_m=6.0), pixel_m=2.0)
    counts, over = [], []
    for tolerance_m in (0.25, 0.5, 1.0, 2.0):
        profile = model(relief, tolerance_m=tolerance_m, speed_m_s=speed_m_s).profile(ACROSS)
        counts.append(len(profile.waypoints))
        over.append(profile.over_m)
    assert all(b <= a + 0.02 for a, b in pairwise(over))
    assert counts[-1] <= counts[0]
    assert all(b <= a + 1 for a, b in pairwise(counts))


@given(
    st.lists(st.floats(0.0, 20.0), min_size=2, max_size=60),
    st.floats(0.05, 3.0),
    st.floats(0.05, 3.0),
)
def test_the_lifted_profile_is_the_lowest_that_keeps_the_slopes(
    low: list[float], up: float, down: float
) -> None:
    far, bound = np.arange(float(len(low))), np.array(low)
    slopes = Slopes(up=up, down=down)
    found = lifted(far, bound, slopes)
    assert (found >= bound).all()
    assert (np.diff(found) <= up + 1e-9).all()
    assert (np.diff(found) >= -down - 1e-9).all()
    reach = far[None, :] - far[:, None]
    asked = bound[None, :] - np.where(reach > 0.0, up * reach, -down * reach)
    assert found == pytest.approx(asked.max(axis=1))
    mirror = lowered(far, -bound, Slopes(up=down, down=up))
    assert mirror == pytest.approx(-found)


@given(
    st.lists(st.floats(0.0, 10.0), min_size=3, max_size=80),
    st.floats(0.01, 3.0),
    st.integers(0, 79),
)
def test_the_fitted_line_stays_between_its_bounds_and_keeps_every_corner(
    low: list[float], room_m: float, corner: int
) -> None:
    far, slopes = np.arange(float(len(low))), Slopes(up=0.8, down=0.5)
    bound = lifted(far, np.array(low), slopes)
    last = len(low) - 1
    corners = sorted({0, corner % len(low), last})
    found = fewest(far, bound, bound + room_m, slopes, corners)
    index = [i for i, _ in found]
    assert set(corners) <= set(index)
    assert index == sorted(set(index))
    line = np.interp(far, far[index], [h for _, h in found])
    assert (line >= bound - 1e-6).all()
    assert (line <= bound + room_m + 1e-6).all()
    assert (np.diff(line) <= 0.8 + 1e-6).all()
    assert (np.diff(line) >= -0.5 - 1e-6).all()


@given(st.integers(1, 6), st.integers(0, 1000))
def test_a_line_of_few_straight_pieces_is_found_with_few_corners(pieces: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    knees = np.concatenate(
        [[0], np.sort(chance.choice(np.arange(5, 195), pieces - 1, False)), [199]]
    )
    heights = np.cumsum(chance.uniform(-5.0, 5.0, pieces + 1))
    far = np.arange(200.0)
    line = np.interp(far, knees, heights)
    found = fewest(far, line - 0.2, line + 0.2, Slopes(up=5.0, down=5.0), [0, 199])
    assert len(found) <= pieces + 2


# ---- ways and returns


def test_a_way_clears_everything_beneath_it_by_ten_metres() -> None:
    found = model(relief_of(cone(15.0, 60.0)), home=(-100.0, 0.0))
    assert found.transit_height([(-100.0, 0.0), (100.0, 0.0)]) == pytest.approx(25.0, abs=0.4)
    assert found.transit_height([(-100.0, 0.0), (-90.0, 0.0)]) == pytest.approx(10.0)
    assert found.transit_height([(-100.0, 0.0)]) == pytest.approx(10.0)


def test_a_return_clears_what_lies_between_any_place_and_home() -> None:
    found = model(relief_of(cone(15.0, 40.0)), home=(-100.0, 0.0))
    assert found.return_height(box(60.0, -20.0, 100.0, 20.0)) == pytest.approx(25.0, abs=0.4)
    assert found.return_height(box(-90.0, -20.0, -60.0, 20.0)) == pytest.approx(10.0)


def test_an_obstacle_beneath_counts_with_the_ground_it_stands_on() -> None:
    found = model(relief_of(plane(0.0, 0.1)), home=(0.0, 0.0))

    def pylon(east: float) -> Obstacle:
        shape = LOCAL.geometry_to_lonlat(Point(east, 50.0))
        return Obstacle(kind=ObstacleKind.OTHER, geometry=shape, height_m=12.0)

    way: list[Place] = [(0.0, 0.0), (0.0, 80.0)]
    assert found.transit_height(way) == pytest.approx(8.5 + 10.0, abs=0.2)
    assert found.transit_height(way, obstacles=[pylon(3.0)]) == pytest.approx(5 + 12 + 10, abs=0.2)
    assert found.transit_height(way, obstacles=[pylon(20.0)]) == pytest.approx(18.5, abs=0.2)


def test_a_way_over_the_ceiling_is_refused_with_the_figure() -> None:
    found = model(relief_of(cone(45.0, 80.0)), home=(-100.0, 0.0))
    for ask in (
        lambda: found.transit_height([(-100.0, 0.0), (100.0, 0.0)]),
        lambda: found.return_height(box(60.0, -20.0, 100.0, 20.0)),
    ):
        with pytest.raises(Refused) as caught:
            ask()
        assert caught.value.message.key == "error.terrain_ceiling"
        assert "55 m" in caught.value.text("en")


# ---- what grids tell


@given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))
@settings(max_examples=20)
def test_the_lean_of_a_field_is_found(to_east: float, to_north: float) -> None:
    area = LOCAL.geometry_to_lonlat(box(-60.0, -40.0, 60.0, 40.0))
    slope = plane_fit(grid_of(plane(to_east, to_north), pixel_m=2.0), area)
    assert slope.rise == pytest.approx(math.hypot(to_east, to_north), abs=1e-4)
    if slope.rise > 0.01:
        expected = math.degrees(math.atan2(to_east, to_north)) % 360.0
        assert abs((slope.direction_deg - expected + 180.0) % 360.0 - 180.0) < 0.1


def test_the_share_without_heights_is_told_apart_from_the_share_outside() -> None:
    grid = grid_of(plane(0.0, 0.0), half_m=50.0)
    values = grid.values.copy()
    values[40:60, 40:60] = np.nan
    holed = Grid(values=values, affine=grid.affine, epsg=grid.epsg)
    outside, gaps = missing_shares(Layer(local=LOCAL, grid=holed), box(-50.0, -50.0, 150.0, 50.0))
    assert outside == pytest.approx(0.5, abs=0.01)
    assert gaps == pytest.approx(0.02, abs=0.003)


@given(st.integers(0, 500), st.sampled_from([0.3, 1.0, 4.0]), st.floats(0.0, 6.3))
@settings(max_examples=30)
def test_nothing_in_a_strip_is_higher_than_said(seed: int, pixel_m: float, turn: float) -> None:
    chance = np.random.default_rng(seed)
    flat = grid_of(plane(0.0, 0.0), pixel_m=pixel_m, half_m=20 * pixel_m, turn=turn)
    rough = chance.normal(size=flat.shape) ** 5
    layer = Layer(local=LOCAL, grid=Grid(values=rough, affine=flat.affine, epsg=flat.epsg))
    relief = Relief(local=LOCAL, ground=layer)
    half, reach = 3.0 * pixel_m, 10.0 * pixel_m
    leg = np.linspace(-reach, reach, 41)
    said = relief.highest_beneath(leg, np.zeros(41), half)
    fine_e, fine_n = np.meshgrid(np.linspace(-reach, reach, 801), np.linspace(-half, half, 121))
    seen = read(layer, fine_e.ravel(), fine_n.ravel()).reshape(fine_e.shape).max(axis=0)
    assert (np.interp(fine_e[0], leg, said) >= seen - 1e-6).all()
    assert said.max() <= rough.max() + 1e-9


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("height_m", 0.5),
        ("height_m", 60.0),
        ("speed_m_s", 0.0),
        ("tolerance_m", math.nan),
        ("min_clearance_m", 3.5),
        ("ceiling_m", 130.0),
    ],
)
def test_settings_out_of_range_are_named(name: str, value: float) -> None:
    with pytest.raises(BadInput) as caught:
        model(relief_of(plane(0.0, 0.0), pixel_m=10.0), **{name: value})
    assert caught.value.message.key == "error.terrain_setting"
    assert name in caught.value.text("vi")


def test_ground_not_told_is_named_with_its_place() -> None:
    relief = relief_of(plane(0.0, 0.0), half_m=50.0)
    with pytest.raises(BadInput) as caught:
        model(relief, home=(80.0, 0.0))
    assert caught.value.message.key == "error.terrain_no_pad"
    found = model(relief)
    with pytest.raises(BadInput) as caught:
        found.along([(0.0, 0.0), (80.0, 0.0)])
    assert caught.value.message.key == "error.terrain_gap_at"
    assert "106.510" in caught.value.text("en")
    with pytest.raises(BadInput) as caught:
        found.along([])
    assert caught.value.message.key == "error.terrain_no_points"
    with pytest.raises(BadInput) as caught:
        found.transit_height([(200.0, 0.0), (220.0, 0.0)])
    assert caught.value.message.key == "error.terrain_gap"
    with pytest.raises(BadInput) as caught:
        plane_fit(grid_of(plane(0.0, 0.0), half_m=20.0), LOCAL.geometry_to_lonlat(
            LineString([(500.0, 0.0), (600.0, 0.0)]).buffer(20.0)))  # fmt: skip
    assert caught.value.message.key == "error.terrain_gap"


def test_the_same_ground_gives_the_same_heights_whatever_they_are_above() -> None:
    """An ellipsoid's heights differ from the sea's by some 25 m here: home's are taken off."""
    shape = hills(5)
    lower = model(relief_of(shape)).along(ACROSS)
    higher = model(relief_of(lambda e, n: shape(e, n) - 25.0)).along(ACROSS)
    assert [p for p, _ in lower] == [p for p, _ in higher]
    assert [h for _, h in lower] == pytest.approx([h for _, h in higher], abs=0.011)


def test_terraces_are_flown_with_a_corner_or_three_for_each_step() -> None:
    found = model(relief_of(terraces(step_m=1.5), pixel_m=0.5), speed_m_s=2.0)
    profile = found.profile(UP)
    assert len(profile.waypoints) <= 2 + 3 * 7
    over, strip, steep = measured(found, profile)
    assert over.min() >= 2.5 - 0.02
    assert strip.min() >= 1.5
    assert steep <= 1.04


@given(st.integers(0, 500), st.integers(1, 4))
@settings(max_examples=15)
def test_ways_asked_for_at_once_agree_where_they_meet(seed: int, count: int) -> None:
    chance = np.random.default_rng(seed)
    corners = [(float(e), float(n)) for e, n in chance.uniform(-40.0, 40.0, (2 * count + 1, 2))]
    ways = [corners[2 * n : 2 * n + 3] for n in range(count)]
    ways.append([(5.0, 5.0), (45.0, 45.0)])
    found = model(relief_of(hills(seed, size_m=6.0), half_m=75.0))
    told = along_ways(found, ways)
    for asked, way in zip(ways, told, strict=True):
        assert (way[0][0], way[-1][0]) == (asked[0], asked[-1])
        inner = iter(place for place, _ in way)
        assert all(place in inner for place in asked)
    for before, after in pairwise(told[:-1]):
        assert before[-1] == after[0]
    agreed = Agreed(heights=found, ways=tuple(tuple(way) for way in ways))
    assert [agreed.along(way) for way in ways] == told
    assert agreed.along(ways[0][:1]) == told[0][:1]
    assert agreed.along([(1.0, 2.0)]) == found.along([(1.0, 2.0)])
    assert agreed.frame is Frame.RELATIVE


def test_ways_asked_for_one_by_one_agree_where_the_ground_is_gentle() -> None:
    found = model(relief_of(plane(0.1, 0.05)))
    ways: list[list[Place]] = [[(0.0, 0.0), (40.0, 10.0)], [(40.0, 10.0), (-40.0, 20.0)]]
    first, second = (found.along(way) for way in ways)
    assert first[-1][1] == second[0][1] == pytest.approx(3.0 + 4.0 + 0.5, abs=0.011)
