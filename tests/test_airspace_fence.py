"""The fence holds what must be inside, shuts what must stay out, and fits in the vehicle."""

from __future__ import annotations

import math

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import affinity
from shapely.geometry import LineString, Point, Polygon, box

from agri.errors import Refused
from agri.field import CLEARANCE_M, ObstacleKind, SensitiveKind, SensitiveSite
from agri.geo import LocalFrame
from missions.airspace.fence import (
    KEEP_INSIDE_M,
    KEEP_OFF_M,
    RALLY_LIMIT_M,
    enclose,
    generate_fence,
    generate_rally,
)
from missions.airspace.keepouts import filled, is_closed, keep_outs, widened
from missions.flightplan import (
    DEFAULT_LIMITS,
    FencePolygon,
    VehicleLimits,
    fence_from_items,
    fence_items,
)
from tests.sites import SITES, Draft, house_in_field, open_paddy, pad_outside


def star(seed: tuple[float, ...], radius_m: float = 90.0) -> Polygon:
    steps = [2.0 * math.pi * i / len(seed) for i in range(len(seed))]
    return Polygon(
        [
            (radius_m * r * math.cos(a), radius_m * r * math.sin(a))
            for r, a in zip(seed, steps, strict=True)
        ]
    )


stars = st.lists(st.floats(0.3, 1.0), min_size=5, max_size=24).map(tuple).map(star)
spots = st.tuples(st.floats(-120.0, 120.0), st.floats(-120.0, 120.0))


def local(polygon: FencePolygon, frame: LocalFrame) -> Polygon:
    return Polygon([frame.metres(vertex) for vertex in polygon.vertices])


@given(area=stars, home=spots, lead_in=st.floats(0.0, 20.0), wide=st.booleans())
def test_field_pad_and_lead_in_lie_inside_every_margin(
    area: Polygon, home: tuple[float, float], lead_in: float, wide: bool
) -> None:
    fence = enclose(area, Point(home), [], lead_in_m=lead_in, wide=wide)
    assert fence.vertices <= DEFAULT_LIMITS.fence_vertices
    assert fence.inclusion.is_valid
    allowed = fence.allowed.buffer(0.01)
    assert allowed.covers(area.buffer(lead_in * 0.99))
    assert allowed.covers(Point(home))
    assert allowed.geom_type == "Polygon", "pad and field hang together"
    assert fence.inclusion.exterior.distance(area) >= KEEP_INSIDE_M + lead_in * 0.99 - 0.01


@given(
    area=stars,
    places=st.lists(spots, min_size=1, max_size=40),
    size=st.floats(1.0, 8.0),
    turn=st.floats(0.0, 90.0),
)
def test_every_keep_out_inside_is_shut_whole_within_the_storage(
    area: Polygon, places: list[tuple[float, float]], size: float, turn: float
) -> None:
    closed = [
        affinity.rotate(Point(p).buffer(size, quad_segs=3), turn) if i % 2 else
        box(p[0] - size, p[1] - size, p[0] + size, p[1] + size)
        for i, p in enumerate(places)
    ]  # fmt: skip
    fence = enclose(area, Point(-130.0, 0.0), closed)
    assert fence.vertices <= DEFAULT_LIMITS.fence_vertices
    shut = shapely.union_all(list(fence.exclusions)).buffer(0.002)
    inside = shapely.union_all(closed).intersection(fence.inclusion)
    assert inside.is_empty or shut.covers(inside)
    assert inside.is_empty or fence.allowed.distance(inside) >= KEEP_OFF_M - 0.01
    assert all(exclusion.is_valid for exclusion in fence.exclusions)


def test_a_narrow_storage_is_kept_too_and_an_impossible_one_refused() -> None:
    area = box(0, 0, 300, 300)
    trees = [Point(x, y).buffer(4.0) for x in range(20, 300, 40) for y in range(20, 300, 40)]
    fence = enclose(area, Point(-10, 150), trees, limits=VehicleLimits(fence_vertices=40))
    assert fence.vertices <= 40
    assert shapely.union_all(list(fence.exclusions)).buffer(0.002).covers(shapely.union_all(trees))
    far = [Point(x, y).buffer(2.0) for x in range(0, 2000, 200) for y in range(0, 2000, 200)]
    with pytest.raises(Refused) as caught:
        enclose(box(0, 0, 2000, 2000), Point(-5, 5), far)
    assert caught.value.message.key == "error.fence_full"


def test_keep_outs_outside_the_fence_cost_no_storage() -> None:
    far = [Point(x, 900.0).buffer(20.0) for x in range(0, 2000, 50)]
    assert enclose(box(0, 0, 200, 100), Point(-10, 50), far).exclusions == ()


@given(
    shape=st.one_of(
        spots.map(Point),
        st.lists(spots, min_size=2, max_size=6, unique=True).map(LineString),
        stars,
    ),
    by=st.floats(1.0, 30.0),
)
def test_widening_never_gives_less_than_asked(shape: shapely.Geometry, by: float) -> None:
    wide = widened(shape, by, facing=Point(500.0, 0.0))
    assert wide.buffer(1e-6).covers(shape.buffer(by * 0.999))
    assert not wide.covers(shape.buffer(by * 2.0 + 1.0))


@pytest.mark.parametrize("kind", list(ObstacleKind))
@pytest.mark.parametrize("approved", [False, True])
@pytest.mark.parametrize(("top_m", "height_m"), [(6.0, 50.0), (6.0, 16.0), (6.0, 15.9)])
def test_what_may_be_flown_over_depends_on_kind_approval_and_height(
    kind: ObstacleKind, approved: bool, top_m: float, height_m: float
) -> None:
    draft = Draft()
    thing = draft.obstacle(kind, Point(0, 0), top_m)
    if approved:
        thing = type(thing)(
            kind=kind, geometry=thing.geometry, height_m=top_m, overflight_approved=True
        )
    never = kind in (ObstacleKind.HOUSE, ObstacleKind.ROAD, ObstacleKind.POWER_LINE)
    too_low = height_m < top_m + 10.0
    assert is_closed(thing, height_m) == (too_low or (never and not approved))


def test_clearances_are_those_of_the_obstacle() -> None:
    draft = Draft()
    site = house_in_field(draft)
    frame = site.field.frame
    ((name, shape),) = keep_outs(site, 50.0, frame)
    house = frame.geometry_to_local(site.obstacles[0].geometry)
    assert name == "Nhà vườn"
    assert shape.exterior.distance(house) >= CLEARANCE_M[ObstacleKind.HOUSE] - 0.01


@pytest.mark.parametrize("name", sorted(SITES))
@pytest.mark.parametrize("height_m", [20.0, 50.0])
def test_the_fence_of_every_site_goes_over_the_wire_and_back(name: str, height_m: float) -> None:
    site = SITES[name](Draft())
    fence = generate_fence(site, height_m=height_m)
    assert [polygon.inclusion for polygon in fence] == [True] + [False] * (len(fence) - 1)
    assert sum(len(polygon.vertices) for polygon in fence) <= 60
    assert all(len(polygon.vertices) >= 3 for polygon in fence)
    back, circles = fence_from_items(fence_items(fence, ()))
    assert circles == ()
    frame = site.field.frame
    for sent, kept in zip(fence, back, strict=True):
        assert local(kept, frame).hausdorff_distance(local(sent, frame)) < 0.02
    field = filled(frame.geometry_to_local(site.field.boundary))
    assert local(back[0], frame).covers(field.buffer(KEEP_INSIDE_M - 0.05))


def test_a_turned_site_has_the_turned_fence() -> None:
    straight = house_in_field(Draft())
    turned = house_in_field(Draft(turn_deg=37.0))
    before = generate_fence(straight, height_m=50.0)
    after = generate_fence(turned, height_m=50.0)
    origin = Draft().frame
    for first, second in zip(before, after, strict=True):
        expected = affinity.rotate(local(first, origin), 37.0, origin=(0.0, 0.0))
        assert local(second, origin).hausdorff_distance(expected) < 0.05


def test_the_pad_is_always_a_rally_point_and_alone_where_all_is_open() -> None:
    site = open_paddy(Draft())
    frame = site.field.frame
    home = Point(frame.metres(site.pad.place))
    area = frame.geometry_to_local(site.field.boundary)
    fence = enclose(area, home, [])
    path = [(home.x, home.y), (90.0, 50.0), (home.x, home.y)]
    (only,) = generate_rally(site, fence, path, altitude_m=42.0)
    assert only.place == site.pad.place
    assert only.altitude_m == 42.0


def wall_site(crop: str = "lúa", wet: bool = False, tall_m: float = 45.0) -> tuple[Draft, object]:
    draft = Draft()
    houses = draft.obstacle(ObstacleKind.HOUSE, box(20, 90, 180, 96), tall_m, "Dãy nhà")
    water = SensitiveSite(
        name="Đầm", kind=SensitiveKind.RUOI, geometry=draft(box(0, 100, 200, 260))
    )
    return draft, draft.site(
        box(0, 0, 200, 200), (100.0, -10.0), (houses,), sensitive=(water,) if wet else (), crop=crop
    )


def rally_of(site: object) -> tuple[list[tuple[float, float]], object, LocalFrame]:
    frame = site.field.frame  # type: ignore[attr-defined]
    home = frame.metres(site.pad.place)  # type: ignore[attr-defined]
    closed = [shape for _, shape in keep_outs(site, 50.0, frame)]  # type: ignore[arg-type]
    area = frame.geometry_to_local(site.field.boundary)  # type: ignore[attr-defined]
    fence = enclose(area, Point(home), closed)
    path = [home, (-95.0, -50.0), (-95.0, 90.0), (95.0, 90.0), (95.0, -50.0), home]
    points = generate_rally(site, fence, path, altitude_m=50.0)  # type: ignore[arg-type]
    return [frame.metres(point.place) for point in points], fence, frame


def test_a_row_of_tall_houses_on_the_way_home_earns_a_place_behind_it() -> None:
    draft, site = wall_site()
    places, fence, frame = rally_of(site)
    assert 2 <= len(places) <= 4
    row = frame.geometry_to_local(draft(box(20, 90, 180, 96)))
    for place in places[1:]:
        assert fence.allowed.covers(Point(place))  # type: ignore[attr-defined]
        assert Point(place).distance(row) >= 10.0
        assert math.dist(place, places[0]) <= RALLY_LIMIT_M
    assert any(place[1] > frame.metres(draft.place(0, 96))[1] for place in places[1:])


def test_low_houses_are_passed_over_on_a_return_in_need() -> None:
    _, site = wall_site(tall_m=6.0)
    places, fence, _ = rally_of(site)
    assert len(places) == 1
    assert fence.exclusions  # type: ignore[attr-defined]


@pytest.mark.parametrize(("crop", "wet"), [("vải PH40", False), ("", False), ("lúa", True)])
def test_no_rally_point_among_trees_unknown_crops_or_in_a_worm_paddy(crop: str, wet: bool) -> None:
    draft, site = wall_site(crop, wet)
    places, _, frame = rally_of(site)
    mud = frame.geometry_to_local(draft(box(0, 100, 200, 260)))
    assert len(places) == 1 or (wet and all(mud.distance(Point(p)) > 0 for p in places[1:]))


def test_a_pad_far_away_is_joined_by_a_corridor_not_by_the_whole_neighbourhood() -> None:
    site = pad_outside(Draft())
    frame = site.field.frame
    narrow, wide = (
        local(generate_fence(site, height_m=50.0, wide=wide)[0], frame) for wide in (False, True)
    )
    area = frame.geometry_to_local(site.field.boundary).area
    assert narrow.area < 1.45 * area
    assert wide.area > narrow.area
