"""Buffers keep spray from what lives near by, further downwind, never less for worse weather."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity
from shapely.geometry import LineString, MultiPoint, MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput, Refused
from agri.field import Field, Obstacle, ObstacleKind, SensitiveKind, SensitiveSite
from agri.findings import Finding, Severity
from agri.geo import LonLat
from agri.weather import Weather, Wind, delta_t_c
from missions.drift.buffers import (
    DISTANCES,
    Buffer,
    BufferKind,
    SprayLimits,
    border_edges,
    buffers,
    default_buffers,
    go_no_go,
    is_ruoi_field,
    past_edge_m,
)
from missions.drift.droplets import (
    CALM_M_S,
    FINE_PART_UM,
    REFERENCE,
    SWING_DEG,
    Conditions,
    carried_m,
    fall_m_s,
    stretch,
)
from missions.drift.limits import LOW_SUN_DEG
from missions.drift.sweep import DISC_STEPS, grown, reach, reach_m
from missions.flightplan import Site
from missions.sprayer.gear import DropletClass
from missions.sprayer.job import EdgeClearance, SpraySettings
from tests.plans import FRAME, box, local, lonlat
from tests.spray_settings import SETTINGS, SITE, SPRAYER

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
CLASSES = tuple(DropletClass)
"""From the finest to the coarsest."""
TINY_M2 = 1e-6


def living(kind: SensitiveKind, shape: BaseGeometry, name: str = "") -> SensitiveSite:
    return SensitiveSite(name=name, kind=kind, geometry=lonlat(shape))


def around(*sites: SensitiveSite, obstacles: tuple[Obstacle, ...] = ()) -> Site:
    return replace(SITE, sensitive_sites=sites, obstacles=obstacles)


POND = around(living(SensitiveKind.WATER, box(60, -20, 90, 20), "Ao"))


def asked(**values: Any) -> SpraySettings:
    return replace(SETTINGS, **values)


def one(site: Site, wind: Wind | None = None, **values: Any) -> Buffer:
    (only,) = buffers(site, asked(**values), FRAME, wind)
    return only


def wind(speed_m_s: float, from_deg: float | None = 90.0) -> Wind:
    return Wind(speed_m_s=speed_m_s, from_deg=from_deg)


def room_m(buffer: Buffer, place: BaseGeometry, towards_deg: float) -> float:
    """How far from `place` the buffer ends, on the side from which `place` lies `towards_deg`."""
    turn = math.radians(towards_deg)
    far = LineString(
        [place.centroid, Point(place.centroid.x - 1000 * math.sin(turn),
                               place.centroid.y - 1000 * math.cos(turn))]
    )  # fmt: skip
    inside = far.intersection(buffer.area)
    return float(inside.length)


# --- droplets -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("diameter_um", "measured_m_s"),
    [(100.0, 0.27), (200.0, 0.72), (300.0, 1.17), (400.0, 1.62), (500.0, 2.06)],
)
def test_droplets_fall_as_fast_as_gunn_and_kinzer_measured(
    diameter_um: float, measured_m_s: float
) -> None:
    assert fall_m_s(diameter_um) == pytest.approx(measured_m_s, rel=0.11)


def test_the_smallest_droplets_fall_by_stokes_law() -> None:
    stokes = (996.0 - 1.165) * 9.81 * (10e-6) ** 2 / (18.0 * 1.86e-5)
    assert fall_m_s(10.0) == pytest.approx(stokes, rel=0.01)


@given(st.floats(1.0, 999.0), st.floats(0.001, 1.0))
def test_larger_droplets_fall_faster(diameter_um: float, more_um: float) -> None:
    assert fall_m_s(diameter_um + more_um) > fall_m_s(diameter_um)


@pytest.mark.parametrize("diameter_um", [0.99, 1000.01, math.nan])
def test_what_is_no_droplet_is_refused(diameter_um: float) -> None:
    with pytest.raises(BadInput, match="no spray droplet"):
        fall_m_s(diameter_um)
    assert fall_m_s(1.0) > 0.0
    assert fall_m_s(1000.0) > fall_m_s(999.0)


def test_drift_agrees_with_ontarios_figure_and_grows_evenly_with_wind() -> None:
    """100 µm from 1 m at 15 km/h: up to 16 m."""
    assert FINE_PART_UM[DropletClass.FINE] == 100.0
    at_15_kmh = carried_m(1.0, 15.0 / 3.6, DropletClass.FINE)
    assert at_15_kmh == pytest.approx(16.0, rel=0.1)
    assert carried_m(1.0, 30.0 / 3.6, DropletClass.FINE) == pytest.approx(2.0 * at_15_kmh)
    assert carried_m(3.0, 15.0 / 3.6, DropletClass.FINE) == pytest.approx(3.0 * at_15_kmh)


def test_distances_stretch_past_the_reference_and_never_shrink_below_it() -> None:
    assert stretch(REFERENCE) == 1.0
    assert stretch(replace(REFERENCE, wind_m_s=2.999)) == 1.0
    assert stretch(replace(REFERENCE, wind_m_s=3.3)) == pytest.approx(1.1)
    assert stretch(replace(REFERENCE, height_m=2.9)) == 1.0
    assert stretch(replace(REFERENCE, height_m=3.3)) == pytest.approx(1.1)
    finer = stretch(replace(REFERENCE, droplets=DropletClass.VERY_FINE))
    assert finer == pytest.approx(fall_m_s(100.0) / fall_m_s(60.0))
    assert finer > 2.0
    assert stretch(replace(REFERENCE, droplets=DropletClass.MEDIUM)) == 1.0


# --- the shape of a reach -------------------------------------------------------------------


@pytest.mark.parametrize("from_deg", [0.0, 33.0, 90.0, 200.0, 315.0])
@pytest.mark.parametrize("half_deg", [10.0, 45.0, 80.0])
def test_a_reach_lies_outside_the_true_curve_by_little(from_deg: float, half_deg: float) -> None:
    shape = Polygon(reach(20.0, 50.0, from_deg, half_deg))
    for off_deg in np.linspace(-180.0, 180.0, 721):
        turn = math.radians(from_deg + off_deg)
        ray = LineString([(0, 0), (200 * math.sin(turn), 200 * math.cos(turn))])
        drawn_m = ray.intersection(shape).length
        true_m = reach_m(20.0, 50.0, off_deg, half_deg)
        assert true_m - 1e-9 <= drawn_m <= true_m * 1.006 + 0.05


def test_a_reach_for_any_direction_holds_every_known_one() -> None:
    everywhere = Polygon(reach(20.0, 50.0, None, SWING_DEG))
    for from_deg in range(0, 360, 7):
        assert everywhere.contains(Polygon(reach(20.0, 50.0, from_deg, SWING_DEG)))
    assert everywhere.area == pytest.approx(math.pi * 50.0**2, rel=0.01)


def test_without_more_downwind_a_reach_is_a_circle() -> None:
    for downwind_m in (20.0, 10.0):
        corners = reach(20.0, downwind_m, 45.0, SWING_DEG)
        assert len(corners) == DISC_STEPS
        assert np.hypot(*corners.T) == pytest.approx(20.0 / math.cos(math.pi / DISC_STEPS))


@given(st.floats(-360, 360), st.floats(0.01, 0.5))
def test_the_distance_has_no_step_between_directions(off_deg: float, more_deg: float) -> None:
    first, second = (reach_m(20.0, 50.0, off_deg + m, SWING_DEG) for m in (0.0, more_deg))
    assert abs(first - second) <= 2.0 * more_deg
    assert 20.0 - 1e-9 <= first <= 50.0 + 1e-9


shapes = st.sampled_from(
    [
        Point(5.0, 3.0),
        MultiPoint([(0, 0), (300, 20)]),
        LineString([(0, 0), (40, 10), (30, 60)]),
        box(0, 0, 30, 20),
        Polygon([(0, 0), (50, 0), (50, 50), (40, 10), (0, 50)]),
        box(0, 0, 300, 300).difference(box(20, 20, 280, 280)),
        MultiPolygon([box(0, 0, 10, 10), box(400, 0, 420, 10)]),
    ]
)


@settings(max_examples=60, deadline=None)
@given(shapes, st.one_of(st.none(), st.floats(0, 360)), st.randoms(use_true_random=False))
def test_a_grown_area_is_the_union_of_the_reach_from_all_its_places(
    shape: BaseGeometry, from_deg: float | None, chance: Any
) -> None:
    """Drawn at places of the shape by chance, and asked at places by chance."""
    corners = reach(20.0, 50.0, from_deg, SWING_DEG)
    whole = grown(shape, corners)
    assert whole.is_valid
    border = shape if shape.area == 0.0 else shape.boundary
    for _ in range(10):
        place = border if shape.geom_type in {"Point", "MultiPoint"} else border.interpolate(
            chance.random(), normalized=True
        )  # fmt: skip
        east, north = shapely.get_coordinates(place)[0]
        assert affinity.translate(Polygon(corners), east, north).difference(whole).area < TINY_M2
    assert shape.difference(whole).area == 0.0
    west, south, east, north = whole.bounds
    for _ in range(40):
        asked_at = Point(chance.uniform(west, east), chance.uniform(south, north))
        mirrored = affinity.translate(Polygon(-corners), asked_at.x, asked_at.y)
        if not mirrored.buffer(1e-6).intersects(shape):
            assert not whole.buffer(-1e-6).contains(asked_at)
        if mirrored.buffer(-1e-6).intersects(shape):
            assert whole.buffer(1e-6).contains(asked_at)


def test_nothing_grows_from_nothing() -> None:
    assert grown(Polygon(), reach(20.0, 50.0, None, SWING_DEG)).is_empty


# --- buffers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "around_m", "downwind_m"),
    [
        (SensitiveKind.WATER, 20.0, 50.0),
        (SensitiveKind.BEES, 20.0, 50.0),
        (SensitiveKind.ORGANIC, 20.0, 50.0),
        (SensitiveKind.HOUSE, 30.0, 50.0),
        (SensitiveKind.RUOI, 50.0, 100.0),
    ],
)
def test_every_kind_of_place_keeps_its_distance_and_more_downwind(
    kind: SensitiveKind, around_m: float, downwind_m: float
) -> None:
    place = Point(10.0, 10.0)
    buffer = one(around(living(kind, place, "Chỗ này")), wind(2.0, 90.0))
    assert (buffer.name, buffer.kind.value) == ("Chỗ này", kind.value)
    assert (buffer.around_m, buffer.downwind_m) == (around_m, downwind_m)
    assert room_m(buffer, place, 270.0) == pytest.approx(downwind_m, rel=0.005)  # east of it
    assert room_m(buffer, place, 90.0) == pytest.approx(around_m, rel=0.005)  # west of it
    assert room_m(buffer, place, 0.0) < downwind_m
    assert room_m(buffer, place, 270.0) >= downwind_m - 0.001
    assert room_m(buffer, place, 90.0) >= around_m - 0.001
    for towards_deg in range(0, 360, 10):
        told_m = buffer.distance_m(towards_deg)
        assert told_m - 0.001 <= room_m(buffer, place, towards_deg) <= told_m * 1.006 + 0.05


@pytest.mark.parametrize("kind", [ObstacleKind.HOUSE, ObstacleKind.ROAD])
def test_houses_and_roads_among_the_obstacles_are_kept_clear_too(kind: ObstacleKind) -> None:
    thing = Obstacle(name="Đường", kind=kind, geometry=lonlat(box(60, 0, 70, 9)), height_m=0.0)
    buffer = one(around(obstacles=(thing,)), wind(2.0, None))
    assert buffer.kind.value == kind.value
    assert (buffer.around_m, buffer.downwind_m) == (30.0, 50.0)
    assert buffer.area.bounds[0] == pytest.approx(10.0, abs=0.3)


@pytest.mark.parametrize(
    "kind",
    [ObstacleKind.TREE, ObstacleKind.POLE, ObstacleKind.POWER_LINE, ObstacleKind.OTHER],
)
def test_other_obstacles_need_no_distance_from_spray(kind: ObstacleKind) -> None:
    thing = Obstacle(kind=kind, geometry=lonlat(Point(60, 0)), height_m=5.0)
    assert buffers(around(obstacles=(thing,)), SETTINGS, FRAME) == ()


def test_the_wind_turns_the_buffer() -> None:
    place = Point(0.0, 0.0)
    site = around(living(SensitiveKind.WATER, place))
    for from_deg in (0.0, 45.0, 123.0, 300.0):
        buffer = one(site, wind(2.0, from_deg))
        assert room_m(buffer, place, from_deg + 180.0) == pytest.approx(50.0, rel=0.005)
        assert room_m(buffer, place, from_deg) == pytest.approx(20.0, rel=0.005)
        east = buffer.area.centroid.x * math.sin(math.radians(from_deg))
        north = buffer.area.centroid.y * math.cos(math.radians(from_deg))
        assert east + north > 5.0


def test_the_wind_a_job_is_planned_for_is_taken_when_none_is_given() -> None:
    assert one(POND).area.equals(one(POND, SETTINGS.wind).area)


@pytest.mark.parametrize("speed_m_s", [0.0, CALM_M_S - 0.01])
def test_in_a_calm_every_side_is_downwind(speed_m_s: float) -> None:
    calm, light = one(POND, wind(speed_m_s)), one(POND, wind(CALM_M_S))
    unknown = one(POND, wind(CALM_M_S, None))
    assert calm.from_deg is None
    assert light.from_deg == 90.0
    assert calm.area.equals(unknown.area)
    assert light.area.difference(calm.area).area < TINY_M2
    assert calm.area.area > light.area.area * 1.2


def test_an_unknown_direction_holds_every_known_one() -> None:
    unknown = one(POND, wind(2.0, None))
    for from_deg in range(0, 360, 20):
        known = one(POND, wind(2.0, from_deg))
        assert known.area.difference(unknown.area).area < TINY_M2
        assert known.distance_m(10.0) <= unknown.distance_m(10.0) == 50.0


@settings(max_examples=80, deadline=None)
@given(
    st.floats(CALM_M_S, 12.0),
    st.floats(0.0, 6.0),
    st.sampled_from(range(5)),
    st.integers(0, 4),
    st.floats(2.0, 4.0),
    st.floats(0.0, 2.0),
    st.one_of(st.none(), st.floats(0.0, 360.0)),
    st.sampled_from(list(SensitiveKind)),
)
def test_more_wind_finer_droplets_and_greater_height_never_shrink_a_buffer(
    speed_m_s: float,
    more_m_s: float,
    coarse: int,
    finer: int,
    height_m: float,
    higher_m: float,
    from_deg: float | None,
    kind: SensitiveKind,
) -> None:
    site = around(living(kind, box(60, -20, 90, 20)))

    def drawn(speed: float, droplets: DropletClass, height: float) -> Buffer:
        settings = asked(
            sprayer=replace(SPRAYER, droplets=droplets, max_height_m=6.0), height_m=height
        )
        (only,) = buffers(site, settings, FRAME, wind(speed, from_deg))
        return only

    milder = drawn(speed_m_s, CLASSES[coarse], height_m)
    worse = drawn(
        speed_m_s + more_m_s, CLASSES[max(0, coarse - finer)], min(6.0, height_m + higher_m)
    )
    assert worse.downwind_m >= milder.downwind_m
    assert worse.around_m >= milder.around_m
    assert milder.area.difference(worse.area).area < TINY_M2


def test_a_strong_wind_stretches_the_distance_downwind_evenly() -> None:
    assert one(POND, wind(3.0)).downwind_m == 50.0
    assert one(POND, wind(6.0)).downwind_m == pytest.approx(100.0)
    assert one(POND, wind(6.0)).around_m == 20.0


def test_the_crops_own_height_counts() -> None:
    assert one(POND, wind(3.0), crop_height_m=3.0).downwind_m == pytest.approx(100.0)


def test_a_stricter_label_wins_and_a_milder_one_does_not() -> None:
    def labelled(label_m: float) -> tuple[float, float]:
        product = replace(SETTINGS.product, label_buffer_m=label_m)
        buffer = one(POND, product=product)
        return buffer.around_m, buffer.downwind_m

    assert labelled(0.0) == labelled(20.0) == (20.0, 50.0)
    assert labelled(20.5) == (20.5, 50.0)
    assert labelled(50.5) == (50.5, 50.5)


def test_the_place_itself_lies_in_its_buffer() -> None:
    overlapping = box(-10, -30, 10, 0)
    for kind in SensitiveKind:
        buffer = one(around(living(kind, overlapping)))
        assert overlapping.difference(buffer.area).area < TINY_M2


def test_buffers_come_in_the_order_of_the_site_and_tell_why() -> None:
    house = Obstacle(kind=ObstacleKind.HOUSE, geometry=lonlat(Point(99, 9)), height_m=5.0)
    site = around(
        living(SensitiveKind.BEES, Point(80, 0)), living(SensitiveKind.RUOI, Point(90, 0)),
        obstacles=(house,),
    )  # fmt: skip
    found = buffers(site, asked(clearance_m=1.0), FRAME)
    assert [b.kind for b in found] == [
        BufferKind.BEES, BufferKind.RUOI, BufferKind.HOUSE, BufferKind.EDGE,
    ]  # fmt: skip
    for buffer in found:
        for language in ("vi", "en"):
            assert "{" not in buffer.message.text(language)
            assert not buffer.message.text(language).startswith("page.")
    assert set(DISTANCES) == set(BufferKind)


def test_nothing_told_means_wind_from_anywhere_at_the_tables_distances() -> None:
    (buffer,) = default_buffers(POND, FRAME)
    assert buffer.from_deg is None
    assert (buffer.around_m, buffer.downwind_m) == (20.0, 50.0)


# --- edges ----------------------------------------------------------------------------------


def test_edges_are_numbered_ring_by_ring_part_by_part() -> None:
    first = box(0, 0, 4, 4).difference(box(1, 1, 2, 2))
    edges = border_edges(MultiPolygon([first, box(9, 0, 10, 1)]))
    assert len(edges) == 12
    assert edges[0].coords[0] == first.exterior.coords[0]
    assert edges[4].coords[0] == first.interiors[0].coords[0]
    assert edges[8].coords[0][0] >= 9.0


def test_a_distance_told_for_an_edge_is_doubled_when_it_lies_downwind() -> None:
    """The paddy's edges: 1 to the south, 2 east, 3 north, 4 west."""
    settings = asked(edges=(EdgeClearance(edge=4, clearance_m=5.0),))
    buffer = buffers(SITE, settings, FRAME, wind(2.0, 90.0))[0]
    assert (buffer.name, buffer.around_m, buffer.downwind_m) == ("4", 5.0, 10.0)
    assert buffer.area.bounds[2] == pytest.approx(-20.0, abs=0.05)  # the edge lies downwind
    upwind = buffers(SITE, settings, FRAME, wind(2.0, 270.0))[0]
    assert upwind.area.bounds[2] == pytest.approx(-25.0, abs=0.05)
    strong = buffers(SITE, settings, FRAME, wind(6.0, 90.0))[0]
    assert strong.downwind_m == pytest.approx(20.0)


def test_one_distance_may_be_told_for_all_edges_and_another_for_one() -> None:
    settings = asked(clearance_m=2.0, edges=(EdgeClearance(edge=2, clearance_m=7.0),))
    found = buffers(SITE, settings, FRAME)
    assert [(b.name, b.around_m) for b in found] == [("1, 3, 4", 2.0), ("2", 7.0)]
    freed = asked(clearance_m=2.0, edges=(EdgeClearance(edge=2, clearance_m=0.0),))
    assert [b.name for b in buffers(SITE, freed, FRAME)] == ["1, 3, 4"]


def test_an_edge_the_field_has_not_is_refused() -> None:
    assert len(buffers(SITE, asked(edges=(EdgeClearance(edge=4, clearance_m=1.0),)), FRAME)) == 1
    with pytest.raises(BadInput, match="dge 5"):
        buffers(SITE, asked(edges=(EdgeClearance(edge=5, clearance_m=1.0),)), FRAME)


def test_how_far_a_neighbour_downwind_should_stand_is_told() -> None:
    assert past_edge_m(SETTINGS) == 10.0
    assert past_edge_m(asked(wind=wind(6.0))) == pytest.approx(20.0)


# --- rươi -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "crop"),
    [("Ruộng", "rươi"), ("Ruộng", "Ruoi"), ("Bãi rươi 2", ""), ("ruoi-1", "lúa"),
     ("Đầm RƯƠI", ""), ("Ruộng", "lúa, rươi"), ("Ruơi", ""), ("ru\u031bo\u031bi", "")],
)  # fmt: skip
def test_a_ruoi_paddy_is_refused_for_any_product(name: str, crop: str) -> None:
    site = replace(SITE, field=replace(SITE.field, name=name, crop=crop))
    assert is_ruoi_field(site.field)
    for draw in (lambda: buffers(site, SETTINGS, FRAME), lambda: default_buffers(site, FRAME)):
        with pytest.raises(Refused, match="rươi paddy"):
            draw()
    water = asked(product=replace(SETTINGS.product, name="Nước", dose_per_ha=0.0))
    with pytest.raises(Refused):
        buffers(site, water, FRAME)


@pytest.mark.parametrize("name", ["Hai sào rưỡi", "Ruồi vàng", "Trường học", "Mười"])
def test_words_that_only_look_like_it_are_no_ruoi(name: str) -> None:
    assert not is_ruoi_field(Field(name=name, boundary=SITE.field.boundary))


# --- go or no go ----------------------------------------------------------------------------

HERE = LonLat(lon_deg=106.51, lat_deg=21.08)
MORNING = datetime(2026, 5, 1, 1, 30, tzinfo=UTC)
"""Half past eight in Đông Triều."""
GOOD = Weather(
    wind=Wind(speed_m_s=2.0, from_deg=90.0, gust_m_s=4.0),
    temperature_c=26.0,
    humidity_pct=65.0,
    rain_mm_h=0.0,
    time_utc=MORNING,
    source="handheld meter",
)


def judged(weather: Weather = GOOD, **values: Any) -> list[Finding]:
    keywords: dict[str, Any] = {"place": HERE} | values
    job = keywords.pop("job", SETTINGS)
    return go_no_go(weather, job, **keywords)


def keys(findings: list[Finding], least: Severity = WARNING) -> list[tuple[str, Severity]]:
    return [
        (f.key.removeprefix("finding.spray_"), f.severity) for f in findings if f.severity >= least
    ]


def blowing(
    speed_m_s: float, from_deg: float | None = 90.0, gust_m_s: float | None = None
) -> Weather:
    gust = max(speed_m_s, 4.0) if gust_m_s is None else gust_m_s
    return replace(GOOD, wind=Wind(speed_m_s=speed_m_s, from_deg=from_deg, gust_m_s=gust))


def test_good_weather_says_go_with_its_figures() -> None:
    findings = judged()
    assert keys(findings, INFO) == [("go", INFO)]
    assert dict(findings[0].message.values) == {
        "wind_m_s": 2.0, "temperature_c": 26.0, "humidity_pct": 65.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("weather", "expected"),
    [
        (blowing(0.5), []),
        (blowing(3.0), []),
        (blowing(3.01), [("wind_high", WARNING)]),
        (blowing(4.0), [("wind_high", WARNING)]),
        (blowing(4.01, gust_m_s=5.0), [("wind_stop", ERROR)]),
        (blowing(2.0, gust_m_s=5.0), []),
        (blowing(2.0, gust_m_s=5.01), [("gust", ERROR)]),
        (replace(GOOD, temperature_c=32.0), []),
        (replace(GOOD, temperature_c=32.01), [("hot", ERROR)]),
        (replace(GOOD, temperature_c=12.0, humidity_pct=40.0), []),
        (replace(GOOD, temperature_c=12.0, humidity_pct=39.9), [("dry", ERROR)]),
        (replace(GOOD, rain_mm_h=0.01), [("rain", ERROR)]),
        (replace(GOOD, temperature_c=28.0, humidity_pct=90.0), [("delta_t_low", WARNING)]),
        (replace(GOOD, temperature_c=31.0, humidity_pct=45.0), [("delta_t_high", WARNING)]),
        (replace(GOOD, temperature_c=32.0, humidity_pct=40.0), [("delta_t_high", WARNING)]),
    ],
)
def test_each_figure_is_judged_on_both_sides_of_its_limit(
    weather: Weather, expected: list[tuple[str, Severity]]
) -> None:
    job = replace(SETTINGS, wind=wind(5.0, None))
    assert keys(judged(weather, job=job)) == expected


def test_an_aircraft_that_bears_less_wind_stops_earlier() -> None:
    weak = replace(SPRAYER, aircraft=replace(SPRAYER.aircraft, max_wind_m_s=3.5))
    assert keys(judged(blowing(3.4), job=asked(sprayer=weak, wind=wind(5.0)))) == [
        ("wind_high", WARNING)
    ]
    assert keys(judged(blowing(3.6), job=asked(sprayer=weak, wind=wind(5.0)))) == [
        ("wind_stop", ERROR)
    ]


@pytest.mark.parametrize("high_c", [6.0, 7.9])
def test_drying_is_judged_on_both_sides_of_its_limits(high_c: float) -> None:
    delta_c = delta_t_c(26.0, 45.0)
    for stop_c, high, expected in (
        (10.0, delta_c, []),
        (10.0, delta_c - 0.01, [("delta_t_high", WARNING)]),
        (delta_c, high_c, [("delta_t_high", WARNING)]),
        (delta_c - 0.01, high_c, [("delta_t_stop", ERROR)]),
    ):
        limits = SprayLimits(delta_t_stop_c=stop_c, delta_t_high_c=min(high, 8.0))
        dry = replace(GOOD, humidity_pct=45.0)
        if delta_c > 8.0 and expected == []:
            continue
        assert keys(judged(dry, limits=limits)) == expected
    damp_c = delta_t_c(26.0, 70.0)
    damp = replace(GOOD, humidity_pct=70.0)
    assert keys(judged(damp, limits=SprayLimits(delta_t_low_c=damp_c))) == []
    assert keys(judged(damp, limits=SprayLimits(delta_t_low_c=damp_c + 0.01))) == [
        ("delta_t_low", WARNING)
    ]


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ({"wind": None}, ["unknown_wind"]),
        ({"wind": Wind(speed_m_s=2.0, from_deg=90.0)}, ["unknown_gust"]),
        ({"temperature_c": None}, ["unknown_temperature"]),
        ({"humidity_pct": None}, ["unknown_humidity"]),
        ({"rain_mm_h": None}, ["unknown_rain"]),
        ({"time_utc": None}, ["unknown_daylight", "unknown_time"]),
    ],
)
def test_what_is_not_known_is_said_and_never_taken_for_good(
    missing: dict[str, Any], expected: list[str]
) -> None:
    assert keys(judged(replace(GOOD, **missing))) == [(key, WARNING) for key in expected]
    assert keys(judged(replace(GOOD, **missing)), INFO) == [(key, WARNING) for key in expected]


def test_nothing_known_is_a_list_of_all_that_is_missing() -> None:
    assert [key for key, _ in keys(judged(Weather(), place=None))] == [
        "unknown_wind", "unknown_temperature", "unknown_humidity", "unknown_rain",
        "unknown_daylight", "unknown_time",
    ]  # fmt: skip


def test_without_place_day_cannot_be_told_from_night() -> None:
    assert keys(judged(place=None)) == [("unknown_daylight", WARNING)]


def test_nothing_is_sprayed_at_night() -> None:
    """The sun rose at 5:28 and set at 18:23 that day, to some minutes."""
    midnight = datetime(2026, 4, 30, 17, tzinfo=UTC)
    for minutes, expected in (
        (5 * 60 + 20, ["night"]), (5 * 60 + 36, []), (18 * 60 + 15, []), (18 * 60 + 31, ["night"]),
        (0, ["night"]), (12 * 60, []),
    ):  # fmt: skip
        time = midnight + timedelta(minutes=minutes)
        assert [key for key, _ in keys(judged(replace(GOOD, time_utc=time)))] == expected
    assert keys(judged(now=midnight))[0] == ("night", ERROR)


def test_a_calm_under_a_low_sun_is_told_as_inversion_and_by_day_as_calm() -> None:
    job = asked(wind=wind(2.0, None))
    dawn = MORNING - timedelta(hours=2, minutes=30)
    late = MORNING - timedelta(hours=1, minutes=30)
    still = Wind(speed_m_s=0.49, from_deg=90.0, gust_m_s=1.0)
    at_dawn = replace(GOOD, wind=still, time_utc=dawn)
    assert keys(judged(at_dawn, job=job)) == [("inversion", WARNING)]
    assert keys(judged(replace(at_dawn, time_utc=late), job=job)) == [("calm", WARNING)]
    assert keys(judged(replace(at_dawn, wind=replace(still, speed_m_s=0.5)), job=job)) == []
    assert ("inversion", WARNING) in keys(judged(at_dawn, job=job, place=None))
    assert LOW_SUN_DEG == 15.0


def test_a_wind_the_plan_was_not_made_for_stops_it() -> None:
    assert keys(judged(blowing(3.0))) == []  # the table's distances hold up to there
    assert keys(judged(blowing(3.5))) == [("wind_grown", ERROR), ("wind_high", WARNING)]
    assert keys(judged(blowing(3.5), job=asked(wind=wind(3.5)))) == [("wind_high", WARNING)]
    half = SWING_DEG / 2.0
    for turned, expected in (
        (half, []), (-half, []), (half + 0.1, ["wind_turned"]), (-half - 0.1, ["wind_turned"]),
        (180.0, ["wind_turned"]),
    ):  # fmt: skip
        assert [k for k, _ in keys(judged(blowing(2.0, 90.0 + turned)))] == expected
    north = asked(wind=wind(2.0, 355.0))
    assert keys(judged(blowing(2.0, 5.0), job=north)) == []
    anywhere = asked(wind=wind(2.0, None))
    assert keys(judged(blowing(2.0, 270.0), job=anywhere)) == []


def test_a_direction_not_known_stops_a_plan_that_relies_on_one() -> None:
    assert keys(judged(blowing(2.0, None))) == [
        ("wind_unsteady", ERROR), ("unknown_direction", WARNING),
    ]  # fmt: skip
    anywhere = asked(wind=wind(2.0, None))
    assert keys(judged(blowing(2.0, None), job=anywhere)) == [("unknown_direction", WARNING)]
    calm = blowing(0.4)
    assert keys(judged(calm)) == [("wind_unsteady", ERROR), ("calm", WARNING)]


def test_old_weather_is_told() -> None:
    for minutes, expected in ((30, []), (31, ["weather_old"]), (-31, ["weather_old"])):
        found = keys(judged(now=MORNING + timedelta(minutes=minutes)))
        assert [key for key, _ in found] == expected


def test_findings_on_weather_come_worst_first_and_speak_both_languages() -> None:
    bad = Weather(
        wind=Wind(speed_m_s=0.2, gust_m_s=9.0), temperature_c=40.0, humidity_pct=20.0,
        rain_mm_h=3.0, time_utc=MORNING - timedelta(hours=8),
    )  # fmt: skip
    found = judged(bad, now=MORNING - timedelta(hours=5)) + judged(blowing(3.5)) + judged(Weather())
    found += judged(blowing(2.0, 200.0)) + judged(blowing(4.5)) + judged()
    assert [f.severity for f in judged(bad)] == sorted(
        (f.severity for f in judged(bad)), reverse=True
    )
    for finding in found:
        for language in ("vi", "en"):
            text = finding.text(language)
            assert "{" not in text
            assert not text.startswith("finding."), text


# --- limits ---------------------------------------------------------------------------------

TIGHTER = {
    "calm_m_s": 0.6, "start_m_s": 2.9, "stop_m_s": 3.9, "gust_m_s": 4.9, "temperature_c": 31.0,
    "humidity_pct": 41.0, "delta_t_low_c": 2.1, "delta_t_high_c": 7.9, "delta_t_stop_c": 9.9,
    "rain_mm_h": 0.0, "height_m": 2.9, "speed_m_s": 6.9, "age_min": 29.0,
}  # fmt: skip
WIDER = {
    "calm_m_s": 0.4, "start_m_s": 3.1, "stop_m_s": 4.1, "gust_m_s": 5.1, "temperature_c": 33.0,
    "humidity_pct": 39.0, "delta_t_low_c": 1.9, "delta_t_high_c": 8.1, "delta_t_stop_c": 10.1,
    "rain_mm_h": 0.1, "height_m": 3.1, "speed_m_s": 7.1, "age_min": 31.0,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(TIGHTER))
def test_a_limit_may_be_drawn_tighter_and_never_wider(name: str) -> None:
    assert getattr(SprayLimits(**{name: TIGHTER[name]}), name) == TIGHTER[name]
    tight = SprayLimits().tightened(**{name: TIGHTER[name]})
    assert getattr(tight, name) == TIGHTER[name]
    for value in (WIDER[name], math.nan, math.inf):
        with pytest.raises(Refused, match="wider than agri's limit"):
            SprayLimits(**{name: value})
    if name != "rain_mm_h":
        with pytest.raises(Refused):
            tight.tightened(**{name: getattr(SprayLimits(), name)})


def test_tighter_limits_stop_earlier() -> None:
    assert keys(judged(limits=SprayLimits(temperature_c=25.0))) == [("hot", ERROR)]
    assert keys(judged(limits=SprayLimits(start_m_s=1.5))) == [("wind_high", WARNING)]


def test_the_reference_is_what_a_paddy_is_sprayed_at() -> None:
    assert Conditions(height_m=3.0, wind_m_s=3.0, droplets=DropletClass.FINE) == REFERENCE
    assert local(0, 0) == HERE
