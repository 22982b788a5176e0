"""Heights of a plan judged over the ground, and height rasters judged before they are believed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import MultiPoint, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput
from agri.field import Field, Obstacle, ObstacleKind, Pad
from agri.findings import Finding, Severity
from agri.grid import FloatArray, Grid
from agri.weather import Wind
from missions.airspace.route import Place
from missions.catalogue import sprayer
from missions.checks.path import path_of
from missions.checks.plan import check_plan
from missions.checks.terrain import check_terrain
from missions.flightplan import FlightPlan, Site
from missions.items import Command, Frame, MissionItem, item_at
from missions.preflight.vehicle import return_height_m
from missions.spray.mission import plan_spray
from missions.sprayer.job import Product, SpraySettings
from missions.terrain.ground_data import height_model
from missions.terrain.heights import Flat, Heights
from missions.terrain.model import HeightModel
from tests.reliefs import LOCAL, Shape, cone, grid_of, hills, plane, relief_of

WAY: list[Place] = [(-80.0, -40.0), (80.0, -40.0), (80.0, -35.0), (-80.0, -35.0)]
PAD: Place = (-80.0, -60.0)


def model(ground: Shape, surface: Shape | None = None, **settings: Any) -> HeightModel:
    plain = {"home": PAD, "height_m": 3.0, "speed_m_s": 4.0, "swath_m": 5.0}
    return HeightModel(relief=relief_of(ground, surface), **{**plain, **settings})


def plan_of(heights: Heights, **changes: Any) -> FlightPlan:
    """Up, to the field, two swaths with the sprayer on, and home."""
    way = heights.along([PAD, *WAY])
    frame = heights.frame
    items = [item_at(Command.NAV_TAKEOFF, LOCAL.place(*PAD), way[0][1], frame=frame)]
    items.append(MissionItem(command=Command.DO_CHANGE_SPEED, param1=1.0, param2=4.0, param3=-1.0))
    for (place, height), (next_place, _) in zip(way[1:], [*way[2:], way[-1]], strict=True):
        items.append(item_at(Command.NAV_WAYPOINT, LOCAL.place(*place), height, frame=frame))
        on = abs(place[1] - next_place[1]) < 0.1 and place != way[-1][0]
        items.append(MissionItem(command=Command.DO_SPRAYER, param1=1.0 if on else 0.0))
    items.append(MissionItem(command=Command.NAV_RETURN_TO_LAUNCH))
    plain = {"name": "p", "home": LOCAL.place(*PAD), "items": tuple(items)}
    return FlightPlan(**{**plain, **changes})


def judged(plan: FlightPlan, heights: HeightModel) -> list[Finding]:
    return check_terrain(plan, heights, path_of(plan))


def keys(found: list[Finding], least: Severity = Severity.WARNING) -> set[str]:
    return {finding.key for finding in found if finding.severity >= least}


def raised(plan: FlightPlan, number: int, metres: float) -> FlightPlan:
    """The same plan with one waypoint higher."""
    places = [i for i, item in enumerate(plan.items) if item.command == Command.NAV_WAYPOINT]
    items = list(plan.items)
    items[places[number]] = replace(items[places[number]], z=items[places[number]].z + metres)
    return replace(plan, items=tuple(items))


@given(st.integers(0, 2000), st.sampled_from([0.3, 0.5, 1.0]))
@settings(max_examples=12)
def test_what_the_height_model_plans_passes(seed: int, tolerance_m: float) -> None:
    heights = model(hills(seed, size_m=2.5), tolerance_m=tolerance_m, speed_m_s=4.0)
    plan = plan_of(heights)
    found = judged(plan, heights)
    too_fast = heights.profile([PAD, *WAY]).over_m > 0.05
    # a plan made by hand carries no ground: its return height is the vehicle's own
    needed_m = heights.return_height(MultiPoint([PAD, *WAY]).convex_hull)
    too_low = needed_m > return_height_m(plan)
    assert keys(found, Severity.ERROR) == set()
    allowed = {"finding.terrain_off_wish"} if too_fast else set()
    assert keys(found) <= allowed | ({"finding.terrain_return_low"} if too_low else set())
    if not keys(found):
        (passed,) = found
        assert passed.key == "finding.checked_terrain"


def test_a_flat_flight_over_a_slope_is_caught_at_its_worst_place() -> None:
    found = judged(plan_of(Flat(height_m=3.0)), model(plane(0.05, 0.0)))
    assert keys(found) == {
        "finding.terrain_too_low",
        "finding.terrain_off_wish",
        "finding.terrain_return_low",
    }
    (worst,) = [f for f in found if f.key == "finding.terrain_too_low"]
    told = dict(worst.message.values)
    assert told["lon"] == pytest.approx(LOCAL.place(80.0, -40.0).lon_deg, abs=1e-6)
    assert told["height_m"] == pytest.approx(3.0 - 0.05 * 162.5, abs=0.02)


@pytest.mark.parametrize(
    ("metres", "expected"),
    [
        (-1.8, {"finding.terrain_too_low", "finding.terrain_off_wish"}),
        (1.2, {"finding.terrain_off_wish"}),
        (49.0, {"finding.terrain_too_high", "finding.terrain_off_wish"}),
    ],
)
def test_one_waypoint_off_is_caught(metres: float, expected: set[str]) -> None:
    heights = model(plane(0.02, 0.0))
    plan = plan_of(heights)
    assert keys(judged(plan, heights)) == set()
    assert keys(judged(raised(plan, 1, metres), heights)) == expected


def test_a_swath_steeper_than_the_aircraft_climbs_is_caught_at_its_speed() -> None:
    heights = model(plane(0.6, 0.0), speed_m_s=2.0, tolerance_m=1.0)
    plan = plan_of(heights)
    found = judged(plan, heights)
    assert "finding.terrain_climb" in keys(found), "the plan flies 4 m/s where 2 was reckoned with"
    slow = tuple(
        replace(i, param2=2.0) if i.command == Command.DO_CHANGE_SPEED else i for i in plan.items
    )
    assert "finding.terrain_climb" not in keys(judged(replace(plan, items=slow), heights))


@pytest.mark.parametrize(
    ("number", "key", "metres", "caught"),
    [
        (1, "too_low", -1.63, False), (1, "too_low", -1.67, True),
        (1, "too_high", 47.05, False), (1, "too_high", 47.15, True),
        (1, "off_wish", 0.55, False), (1, "off_wish", 0.65, True),
        (1, "off_wish", -0.55, False), (1, "off_wish", -0.65, True),
        (1, "climb", 62.0, False), (1, "climb", 66.0, True),
        (2, "climb", 42.0, False), (2, "climb", 46.0, True),
    ],
)  # fmt: skip
def test_every_limit_of_height_and_climb_has_a_tenth_of_slack(
    number: int, key: str, metres: float, caught: bool
) -> None:
    """Level ground, 3 m up, wished to half a metre; at 4 m/s the swaths take 40 s each."""
    heights = model(plane(0.0, 0.0), tolerance_m=0.5, min_clearance_m=1.45, climb_m_s=1.5,
                    descent_m_s=1.0)  # fmt: skip
    found = judged(raised(plan_of(heights), number, metres), heights)
    assert (f"finding.terrain_{key}" in {finding.key for finding in found}) is caught


@pytest.mark.parametrize(
    ("aside_m", "caught"), [(-4.6, False), (-2.0, True), (0.0, True), (2.0, True), (9.6, False)]
)
def test_what_stands_under_the_swath_is_cleared_and_what_stands_beside_it_is_not_asked(
    aside_m: float, caught: bool
) -> None:
    """A wall of 2.4 m along two swaths, 5 m beside each other, 5 m wide and flown 3 m high."""

    def wall(east: FloatArray, north: FloatArray) -> FloatArray:
        stands = (np.abs(north + 40.0 - aside_m) < 0.8) & (np.abs(east) < 60.0)
        return 20.0 + 2.4 * stands

    level = plane(0.0, 0.0)
    plan = plan_of(model(level))
    found = judged(plan, model(level, wall, min_clearance_m=1.5, tolerance_m=3.0))
    assert ("finding.terrain_too_low" in {finding.key for finding in found}) is caught


def test_the_worst_place_is_told_with_its_item_and_figures() -> None:
    heights = model(plane(0.0, 0.0), climb_m_s=1.5, descent_m_s=1.0)
    found = judged(raised(plan_of(heights), 2, 46.0), heights)
    told = {finding.key: dict(finding.message.values) for finding in found}
    assert told["finding.terrain_climb"] == {
        "item": 9, "rate_m_s": pytest.approx(46.0 / 40.0, rel=1e-3),
        "speed_m_s": 4.0, "limit_m_s": 1.0,
    }  # fmt: skip
    off = told["finding.terrain_off_wish"]
    assert (off["item"], off["wish_m"]) == (9, 3.0)
    assert off["height_m"] == pytest.approx(49.0, abs=0.01)
    assert off["lat"] == pytest.approx(LOCAL.place(80.0, -35.0).lat_deg, abs=1e-7)


def test_ground_under_another_frame_is_caught() -> None:
    heights = model(plane(0.1, 0.0))
    plan = plan_of(heights)
    mixed = tuple(replace(i, frame=Frame.TERRAIN) if i.is_located else i for i in plan.items)
    found = keys(judged(replace(plan, items=mixed), heights))
    assert {"finding.terrain_frame", "finding.terrain_off_wish"} <= found


def test_a_flight_above_terrain_is_measured_from_the_ground_and_told_its_conditions() -> None:
    class Ten:
        frame = Frame.TERRAIN

        def along(self, points: Any) -> list[tuple[Place, float]]:
            return [(point, 3.0) for point in points]

    heights = model(plane(0.1, 0.05))
    assert keys(judged(plan_of(Ten()), heights)) == {"finding.terrain_frame"}


def test_a_hill_between_field_and_pad_asks_for_a_higher_return() -> None:
    def hill(east: Any, north: Any) -> Any:
        return cone(9.0, 15.0)(east, north + 48.0)

    heights = model(hill)
    plan = plan_of(heights)
    found = judged(plan, heights)
    (finding,) = [f for f in found if f.key == "finding.terrain_return_low"]
    assert finding.severity is Severity.WARNING
    high = model(lambda e, n: cone(20.0, 15.0)(e, n + 48.0))
    (finding,) = [f for f in judged(plan, high) if f.key == "finding.terrain_return_low"]
    assert finding.severity is Severity.ERROR
    higher = model(lambda e, n: cone(45.0, 15.0)(e, n + 48.0))
    assert "error.terrain_ceiling" in keys(judged(plan, higher), Severity.ERROR)


def test_an_obstacle_of_the_site_raises_the_return_that_is_planned() -> None:
    heights = model(plane(0.0, 0.0))
    mast = Obstacle(
        kind=ObstacleKind.OTHER, geometry=LOCAL.geometry_to_lonlat(Point(0, -38)), height_m=12.0
    )
    field = Field(name="r", boundary=LOCAL.geometry_to_lonlat(box(-80, -45, 80, -30)))
    site = Site(field=field, pad=Pad(name="s", place=LOCAL.place(*PAD)), obstacles=(mast,))
    assert keys(judged(plan_of(heights, site=site), heights)) == set()


def test_ground_not_known_beneath_a_leg_is_an_error() -> None:
    heights = model(plane(0.0, 0.0))
    way = [(place, 3.0) for place in [(0.0, 0.0), (400.0, 0.0)]]
    items = [item_at(Command.NAV_WAYPOINT, LOCAL.place(*p), h) for p, h in way]
    plan = FlightPlan(name="p", home=LOCAL.place(*PAD), items=tuple(items))
    assert keys(judged(plan, heights), Severity.ERROR) == {"finding.terrain_unknown"}


def test_only_swaths_need_the_wished_height() -> None:
    heights = model(plane(0.0, 0.0))
    plan = raised(plan_of(heights), 0, 10.0)
    assert "finding.terrain_off_wish" in keys(judged(plan, heights))
    dry = tuple(
        replace(i, param1=0.0) if i.command == Command.DO_SPRAYER else i for i in plan.items
    )
    assert keys(judged(replace(plan, items=dry), heights)) == set()


# ---- height rasters

FIELD: BaseGeometry = LOCAL.geometry_to_lonlat(box(-60.0, -40.0, 60.0, 40.0))


def built(ground: Grid, **changes: Any) -> HeightModel:
    plain = {"area": FIELD, "local": LOCAL, "home": (0.0, -60.0), "height_m": 3.0,
             "speed_m_s": 4.0, "swath_m": 5.0}  # fmt: skip
    return height_model(ground=ground, **{**plain, **changes})


def holed(grid: Grid, change: Callable[[Any], None]) -> Grid:
    values = grid.values.copy()
    change(values)
    return replace(grid, values=values)


def test_a_fit_raster_makes_a_model_and_says_what_was_not_compared() -> None:
    found = built(grid_of(plane(0.05, 0.0), name="dem.tif"))
    assert [f.key for f in found.findings] == ["finding.dem_not_compared"]
    assert found.along([(0.0, 0.0), (50.0, 0.0)])[0][1] == pytest.approx(3.0, abs=0.01)


def _hole(values: Any) -> None:
    values[140:160, 140:160] = np.nan


@pytest.mark.parametrize(
    ("key", "ground", "changes"),
    [
        ("error.dem_outside", grid_of(plane(0, 0), half_m=50.0), {}),
        ("error.dem_holes", holed(grid_of(plane(0, 0)), _hole), {}),
        ("error.dem_coarse", grid_of(plane(0, 0), pixel_m=12.0), {}),
        ("error.dem_coarse", grid_of(plane(0, 0), pixel_m=31.0, half_m=310.0),
         {"height_m": 30.0}),
        ("error.dem_slope", grid_of(plane(1.0, 0.0, base_m=200.0)), {}),
        ("error.dem_heights", grid_of(plane(0, 0, base_m=-300.0)), {}),
        ("error.dem_heights", grid_of(plane(0, 0, base_m=7000.0)), {}),
        ("error.terrain_no_pad", grid_of(plane(0, 0)), {"home": (400.0, 0.0)}),
        ("error.dem_datum", grid_of(plane(0, 0), datum="NAVD88 height"), {}),
        ("error.dem_datums", grid_of(plane(0, 0), datum="EGM96"),
         {"surface": grid_of(plane(0, 0), datum="ellipsoid")}),
        ("error.dem_sunk", grid_of(plane(0, 0)), {"surface": grid_of(plane(0, 0, base_m=-8.0))}),
        ("error.dem_holes", grid_of(plane(0, 0)), {"surface": holed(grid_of(plane(0, 0)), _hole)}),
        ("error.dem_pad", grid_of(plane(0, 0), datum="EGM96"), {"home_altitude_m": 26.0}),
        ("error.dem_pad", grid_of(plane(0, 0)), {"home_altitude_m": -6.0}),
    ],
)  # fmt: skip
def test_an_unfit_raster_is_refused_by_its_fault(
    key: str, ground: Grid, changes: dict[str, Any]
) -> None:
    with pytest.raises(BadInput) as caught:
        built(ground, **changes)
    assert caught.value.message.key == key
    for language in ("vi", "en"):
        assert "{" not in caught.value.text(language)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "datum", "altitude_m"),
    [
        ("finding.dem_agrees", "EGM96", 22.0),
        ("finding.dem_agrees", "Hòn Dấu", 18.0),
        ("finding.dem_agrees", "", 20.5),
        ("finding.dem_other_zero", "ellipsoid", 45.0),
        ("finding.dem_not_compared", "EGM96", None),
    ],
)
def test_the_pads_known_height_is_compared_where_it_can_be(
    key: str, datum: str, altitude_m: float | None
) -> None:
    found = built(grid_of(plane(0, 0), datum=datum), home_altitude_m=altitude_m)
    assert [f.key for f in found.findings] == [key]


def test_pixels_that_may_hide_a_wall_are_warned_of() -> None:
    found = built(grid_of(plane(0, 0), pixel_m=5.0))
    assert "finding.dem_coarse" in [f.key for f in found.findings]
    fine = built(grid_of(plane(0, 0), pixel_m=0.5, half_m=90.0))
    assert "finding.dem_coarse" not in [f.key for f in fine.findings]


def test_a_border_that_cuts_pixels_is_no_gap() -> None:
    triangle = LOCAL.geometry_to_lonlat(Polygon([(-60, -40), (60, -40), (0, 40)]))
    assert built(grid_of(plane(0, 0), half_m=60.6), area=triangle).findings


# ---- a whole spraying


def test_a_spraying_planned_over_hills_passes_on_its_items() -> None:
    field = Field(name="r", boundary=LOCAL.geometry_to_lonlat(box(-50, -30, 50, 30)))
    site = Site(field=field, pad=Pad(name="s", place=LOCAL.place(-40.0, -20.0)))
    asked = SpraySettings(
        sprayer=sprayer("16 L"),
        product=Product(name="nước", dose_per_ha=0.0),
        rate_l_ha=20.0,
        height_m=3.0,
        speed_m_s=4.0,
        swath_m=4.0,
        wind=Wind(speed_m_s=1.0, from_deg=90.0),
    )
    frame = field.frame
    heights = height_model(
        area=field.boundary,
        local=frame,
        home=frame.metres(site.pad.place),
        ground=grid_of(hills(4, size_m=3.0)),
        height_m=3.0,
        speed_m_s=4.0,
        swath_m=4.0,
    )
    flat = plan_spray(site, asked, name="p")
    plan = plan_spray(site, asked, name="p", heights=heights)
    assert keys(judged(plan, heights)) <= {"finding.terrain_return_low"}
    assert "finding.terrain_off_wish" in keys(judged(flat, heights))
    by_its_own_ground = {finding.key for finding in check_plan(plan)}
    assert {"finding.terrain_as_planned", "finding.checked_terrain"} <= by_its_own_ground
    assert "finding.terrain_as_planned" not in {f.key for f in check_plan(plan, heights=heights)}
    assert "finding.checked_terrain" not in {finding.key for finding in check_plan(flat)}
    assert len(flat.items) < len(plan.items) < 1.2 * len(flat.items)
