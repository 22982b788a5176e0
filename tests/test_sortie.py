"""Sorties: nothing lost, nothing doubled, home again from anywhere; several aircraft apart."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import settings as trying
from hypothesis import strategies as st
from shapely.geometry import box

from agri.errors import BadInput, Refused
from agri.weather import Wind
from missions.flightplan import VehicleLimits
from missions.passes.energy import estimate_spray, spray_legs
from missions.passes.items import item_count
from missions.passes.pieces import LegKind, course
from missions.passes.route import Pass, SprayRoute
from missions.sortie import items_of, share_out, split_sorties
from missions.sortie.cutting import LEAST_PART_M
from missions.sortie.reach import pack_need_wh, usable_wh
from missions.sprayer.job import SpraySettings
from tests.sizes import of_full
from tests.sorties import lawn, route, routes, settings, spots, sprayer

jobs = st.builds(
    lambda tank, pack, wind, overlap: settings(
        sprayer=sprayer(tank, pack), wind=wind, resume_overlap_m=overlap
    ),
    st.floats(4.0, 30.0),
    st.floats(400.0, 1500.0),
    st.sampled_from([Wind(speed_m_s=0.0), Wind(speed_m_s=3.0), Wind(speed_m_s=4.0, from_deg=70.0)]),
    st.sampled_from([0.0, 0.0, 3.0, 15.0]),
)


def again_m(one: SprayRoute, other: SprayRoute) -> float:
    """How much of the end of one sortie the next sprays again."""
    end, start = one.passes[-1], other.passes[0]
    shared = shapely.LineString([*end.points] * 2 if end.is_spot else end.points).intersection(
        shapely.LineString([*start.points] * 2 if start.is_spot else start.points)
    )
    return float(shared.length)


def put_together(sorties: tuple[SprayRoute, ...], overlap_m: float) -> list[Pass]:
    """Join the sorties' passes again where one was cut, the overlap taken off."""
    joined: list[Pass] = []
    for number, sortie in enumerate(sorties):
        for first, work in enumerate(sortie.passes):
            cut = number > 0 and first == 0 and not work.is_spot and is_rest(joined[-1], work)
            if not cut:
                joined.append(work)
                continue
            before = joined[-1]
            lap_m = min(overlap_m, before.length_m)
            rest = work.part(lap_m, work.length_m) if lap_m > 0.0 else work
            assert math.dist(before.points[-1], rest.points[0]) < 1e-6
            joined[-1] = replace(before, points=(*before.points, *rest.points[1:]))
    return joined


def is_rest(before: Pass, work: Pass) -> bool:
    """Whether `work` begins on the line of `before`, which did not end where a pass ends."""
    if before.is_spot:
        return False
    return shapely.LineString(before.points).distance(shapely.Point(work.points[0])) < 1e-6


def check_nothing_lost(whole: SprayRoute, asked: SpraySettings) -> tuple[SprayRoute, ...]:
    sorties = split_sorties(whole, asked)
    joined = put_together(sorties, asked.resume_overlap_m)
    assert len(joined) == len(whole.passes)
    for found, planned in zip(joined, whole.passes, strict=True):
        assert found.length_m == pytest.approx(planned.length_m, abs=1e-6)
        assert found.litres == pytest.approx(planned.litres, rel=1e-9)
        assert np.allclose(found.points[0], planned.points[0], atol=1e-6)
        assert np.allclose(found.points[-1], planned.points[-1], atol=1e-6)
        if not planned.is_spot:
            line = shapely.LineString(planned.points)
            assert line.hausdorff_distance(shapely.LineString(found.points)) < 1e-6
    if asked.resume_overlap_m == 0.0:
        assert sum(s.litres for s in sorties) == pytest.approx(whole.litres, rel=1e-9)
        assert sum(s.work_m for s in sorties) == pytest.approx(whole.work_m, abs=1e-6)
    return sorties


def check_home_again(sorties: tuple[SprayRoute, ...], asked: SpraySettings) -> None:
    for sortie in sorties:
        assert sortie.litres <= asked.sprayer.usable_l + 1e-6
        assert pack_need_wh(sortie, asked) <= usable_wh(asked) * (1.0 + 1e-9)
        assert estimate_spray(sortie, asked).energy_wh <= usable_wh(asked)


MAY_BE_REFUSED = ("error.spray_pack_too_small", "error.tank_below_tree", "error.tank_below_swath")


def random_route_is_split_without_loss(whole: SprayRoute, asked: SpraySettings) -> None:
    try:
        sorties = check_nothing_lost(whole, asked)
    except (BadInput, Refused) as refused:
        if refused.message.key not in MAY_BE_REFUSED:
            raise
        return
    check_home_again(sorties, asked)


@trying(max_examples=200)
@given(whole=routes(), asked=jobs)
def test_splitting_neither_loses_nor_doubles_anything(
    whole: SprayRoute, asked: SpraySettings
) -> None:
    random_route_is_split_without_loss(whole, asked)


@pytest.mark.slow
@trying(max_examples=of_full(10_000))
@given(whole=routes(), asked=jobs)
def test_splitting_ten_thousand_routes_neither_loses_nor_doubles_anything(
    whole: SprayRoute, asked: SpraySettings
) -> None:
    random_route_is_split_without_loss(whole, asked)


def test_a_route_that_one_tank_and_one_pack_hold_stays_whole() -> None:
    whole = lawn(20.0, 60.0)
    (only,) = split_sorties(whole, settings())
    assert only.passes == whole.passes


def test_a_route_without_passes_has_no_sorties() -> None:
    assert split_sorties(replace(lawn(10.0, 10.0), passes=()), settings()) == ()


def test_the_number_of_sorties_is_the_least_that_the_tank_allows() -> None:
    whole, asked = lawn(200.0, 120.0), settings(sprayer=sprayer(battery_wh=3000.0))
    assert len(split_sorties(whole, asked)) == math.ceil(whole.litres / asked.sprayer.usable_l)


def test_a_small_pack_makes_more_sorties_than_the_tank_asks() -> None:
    whole = lawn(200.0, 120.0)
    large, small = (
        split_sorties(whole, settings(sprayer=sprayer(battery_wh=wh))) for wh in (3000.0, 600.0)
    )
    assert len(small) > len(large)


def test_more_wind_makes_more_sorties_of_less_work() -> None:
    whole = lawn(200.0, 400.0, home=(-150.0, -10.0))
    counts = [
        len(
            split_sorties(
                whole,
                settings(
                    sprayer=sprayer(tank_l=40.0, battery_wh=500.0),
                    wind=Wind(speed_m_s=speed),
                ),
            )
        )
        for speed in (0.0, 8.0, 12.0)
    ]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


def test_the_last_sortie_is_no_splinter() -> None:
    asked = settings(sprayer=sprayer(battery_wh=3000.0))
    for metres in range(120, 400, 20):
        litres = [s.litres for s in split_sorties(lawn(float(metres), 120.0), asked)]
        assert min(litres) > 0.4 * max(litres), (metres, litres)


def test_cuts_fall_at_the_end_of_passes_where_that_costs_no_sortie() -> None:
    whole = lawn(200.0, 120.0)
    sorties = split_sorties(whole, settings(sprayer=sprayer(battery_wh=3000.0)))
    assert len(sorties) > 2
    assert all(work in whole.passes for sortie in sorties for work in sortie.passes)


def test_of_two_ends_of_passes_the_one_near_the_pad_is_taken() -> None:
    sorties = split_sorties(
        lawn(60.0, 300.0, home=(30.0, -10.0)), settings(sprayer=sprayer(battery_wh=3000.0))
    )
    assert len(sorties) > 1
    assert all(sortie.passes[-1].points[-1][1] < 1.0 for sortie in sorties)


def test_a_swath_longer_than_a_tank_is_cut_on_the_way_and_begun_again_before_the_cut() -> None:
    whole = lawn(5.0, 900.0, rate_l_ha=60.0)
    asked = settings(sprayer=sprayer(battery_wh=8000.0), resume_overlap_m=6.0)
    sorties = check_nothing_lost(whole, asked)
    assert len(sorties) == 2
    stop, start = sorties[0].passes[-1].points[-1], sorties[1].passes[0].points[0]
    assert stop[1] - start[1] == pytest.approx(6.0)
    assert min(p.length_m for s in sorties for p in s.passes) >= LEAST_PART_M


def test_the_mixture_of_the_overlap_has_its_place_in_the_tank() -> None:
    whole = lawn(5.0, 2000.0, rate_l_ha=100.0)
    asked = settings(sprayer=sprayer(battery_wh=30_000.0), resume_overlap_m=20.0)
    sorties = check_nothing_lost(whole, asked)
    assert len(sorties) > 5
    check_home_again(sorties, asked)


def test_a_tree_is_never_cut_and_every_tree_is_sprayed_once() -> None:
    whole = spots(40)
    sorties = check_nothing_lost(whole, settings())
    assert len(sorties) > 1
    assert [p for s in sorties for p in s.passes] == list(whole.passes)


def test_a_tank_smaller_than_one_tree_is_refused_with_both_figures() -> None:
    with pytest.raises(BadInput) as refused:
        split_sorties(spots(3, litres=5.0), settings(sprayer=sprayer(tank_l=4.0)))
    assert refused.value.message.key == "error.tank_below_tree"
    assert "5.00 L" in refused.value.text()
    assert "3.60 L" in refused.value.text()


def test_a_tank_smaller_than_the_shortest_piece_of_a_swath_is_refused() -> None:
    with pytest.raises(BadInput) as refused:
        split_sorties(lawn(5.0, 100.0, rate_l_ha=2000.0), settings(sprayer=sprayer(tank_l=5.0)))
    assert refused.value.message.key == "error.tank_below_swath"


def test_a_field_out_of_reach_is_refused_with_distance_and_energy() -> None:
    far = lawn(50.0, 50.0, west_m=3000.0)
    with pytest.raises(Refused) as refused:
        split_sorties(far, settings())
    values = dict(refused.value.message.values)
    assert values["need_wh"] > values["usable_wh"] == pytest.approx(700.0)
    assert values["distance_m"] == pytest.approx(3012.0, abs=10.0)


def test_the_way_home_goes_round_what_stands_in_between() -> None:
    whole = lawn(60.0, 60.0)
    wall = box(-40.0, -6.0, 75.0, -4.0)
    barred = replace(whole, allowed=whole.allowed.buffer(30.0).difference(wall))
    assert pack_need_wh(barred, settings()) > 1.02 * pack_need_wh(whole, settings())


def test_every_sortie_fits_the_mission_storage() -> None:
    whole = lawn(300.0, 20.0)
    asked = settings(sprayer=sprayer(tank_l=100.0, battery_wh=20_000.0, dead_l=1.0))
    (one,) = split_sorties(whole, asked)
    limit = 300
    assert item_count(one, asked) > limit
    sorties = split_sorties(whole, asked, limits=VehicleLimits(items=limit))
    assert len(sorties) > 1
    assert max(item_count(sortie, asked) for sortie in sorties) <= limit


def test_an_item_writer_that_needs_more_is_believed() -> None:
    whole = lawn(400.0, 20.0)
    asked = settings(sprayer=sprayer(tank_l=100.0, battery_wh=20_000.0, dead_l=1.0))

    def many(sortie: SprayRoute) -> int:
        return 40 * len(sortie.passes)

    sorties = split_sorties(whole, asked, item_count=many)
    assert max(map(many, sorties)) <= 650
    with pytest.raises(BadInput):
        split_sorties(whole, asked, item_count=lambda _: 700)


@given(whole=routes())
def test_the_items_guessed_are_never_fewer_than_those_written(whole: SprayRoute) -> None:
    assert items_of(whole) >= item_count(whole, settings())


@given(whole=routes(), data=st.data())
def test_a_stretch_is_never_cheaper_in_parts_than_worked_out_leg_by_leg(
    whole: SprayRoute, data: st.DataObject
) -> None:
    asked = settings(sprayer=sprayer(battery_wh=data.draw(st.floats(500.0, 900.0))))
    try:
        sorties = split_sorties(whole, asked)
    except (BadInput, Refused):
        assume(False)
    check_home_again(sorties, asked)


# ---- several aircraft


def minutes(part: SprayRoute, asked: SpraySettings) -> float:
    sorties = split_sorties(part, asked)
    return sum(leg.time_s for sortie in sorties for leg in spray_legs(sortie, asked)) / 60.0


@pytest.mark.parametrize("count", [2, 3, 4])
def test_aircraft_take_about_the_same_time(count: int) -> None:
    whole, asked = lawn(400.0, 200.0, home=(200.0, -10.0)), settings()
    bands = share_out(whole, asked, count)
    times = [minutes(band, asked) for band in bands]
    assert max(times) < 1.1 * min(times)
    assert sum(band.litres for band in bands) == pytest.approx(whole.litres)
    assert sum(band.work_m for band in bands) == pytest.approx(whole.work_m)


def test_the_bands_of_two_aircraft_lie_side_by_side() -> None:
    first, second = share_out(lawn(200.0, 120.0), settings(), 2)
    easts = [[e for p in band.passes for e, _ in p.points] for band in (first, second)]
    assert max(easts[0]) < min(easts[1]) or max(easts[1]) < min(easts[0])


def test_an_edge_pass_is_cut_where_it_leaves_a_band() -> None:
    whole = lawn(200.0, 120.0)
    ring = replace(whole.passes[0], points=((0, 0), (0, 120), (200, 120), (200, 0), (0, 0)))
    edged = route([ring, *whole.passes], whole.treatable, whole.home)
    bands = share_out(edged, settings(), 2)
    assert sum(band.work_m for band in bands) == pytest.approx(edged.work_m)
    shapes = [shapely.MultiLineString([p.points for p in band.passes]) for band in bands]
    assert shapes[0].intersection(shapes[1]).length < 1e-6


def spraying_at(band: SprayRoute, asked: SpraySettings) -> list[tuple[float, float, float]]:
    """Seconds since the start and place, every second in which it sprays, until it first lands."""
    sortie = split_sorties(band, asked)[0]
    now_s = spray_legs(sortie, asked)[0].time_s
    found = []
    for piece in course(sortie, transit_speed_m_s=5.0, acceleration_m_s2=2.5):
        if piece.kind is LegKind.SPRAY:
            for tick in range(math.ceil(now_s), math.ceil(now_s + piece.time_s)):
                share = (tick - now_s) / piece.time_s
                found.append((tick, *(a + share * (b - a) for a, b in
                                      zip(piece.start, piece.end, strict=True))))  # fmt: skip
        now_s += piece.time_s
    return found


def test_two_that_spray_at_the_same_moment_keep_their_distance() -> None:
    asked = settings()
    bands = share_out(lawn(300.0, 150.0), asked, 3, separation_m=30.0)
    for one, other in combinations([spraying_at(band, asked) for band in bands], 2):
        there = {tick: (e, n) for tick, e, n in other}
        near = [math.dist((e, n), there[tick]) for tick, e, n in one if tick in there]
        assert near
        assert min(near) >= 29.0


def test_a_field_too_narrow_to_keep_apart_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        share_out(lawn(20.0, 40.0), settings(), 3, separation_m=30.0)
    assert refused.value.message.key in ("error.share_too_near", "error.share_too_little")


def test_each_aircraft_gets_the_pad_on_its_side() -> None:
    pads = ((210.0, 60.0), (-10.0, 60.0))
    whole = lawn(200.0, 120.0)
    open_ground = replace(whole, allowed=whole.allowed.buffer(20.0))
    bands = share_out(open_ground, settings(), 2, pads=pads)
    for band in bands:
        middle = np.mean([e for p in band.passes for e, _ in p.points])
        assert band.home == (pads[0] if middle > 100.0 else pads[1])


def test_numbers_of_aircraft_and_pads_that_make_no_sense_are_told() -> None:
    whole = lawn(100.0, 100.0)
    for count, pads in ((0, ()), (7, ()), (2, ((0.0, 0.0),))):
        with pytest.raises(BadInput):
            share_out(whole, settings(), count, pads=pads)
    assert share_out(whole, settings(), 1) == (whole,)


def test_sharing_is_deterministic() -> None:
    whole = lawn(200.0, 120.0)
    assert share_out(whole, settings(), 3) == share_out(whole, settings(), 3)
