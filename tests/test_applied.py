"""As applied: synthetic flights whose litres, gaps and evenness are known beforehand."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Point, Polygon, box

from agri.errors import BadInput, Refused
from agri.geo import LocalFrame, LonLat
from agri.operations.applied import applied_findings
from agri.track import FlightRecord
from missions.applied.account import Applied, applied, phi_end
from missions.applied.footprint import Ground
from missions.flightplan import FlightPlan
from missions.sprayer.dose import pump_flows_l_min
from missions.sprayer.gear import PumpPoint
from missions.sprayer.job import SprayPass
from tests import spray_flown as flown

PLAN = flown.plan()
WEST, SOUTH, EAST, NORTH = flown.FIELD
HZ, SPEED = 5.0, 5.0


def line(north: float, *, start: float = WEST, end: float = EAST) -> tuple[np.ndarray, np.ndarray]:
    """Places along one swath, one a metre."""
    count = round(abs(end - start) * HZ / SPEED) + 1
    east = np.linspace(start, end, count)
    return east, np.full(count, north)


def lines(
    norths: tuple[float, ...] = flown.NORTHS,
    *,
    share: float = 0.5,
    gap_s: float = 10.0,
    **ends: Any,
) -> FlightRecord:
    """Every swath flown exactly, with a silence between two: nothing is known of the turns."""
    east, north, time, on = [], [], [], []
    now_s = 0.0
    for y in norths:
        x, ys = line(y, **ends)
        east.append(x)
        north.append(ys)
        time.append(now_s + np.arange(len(x)) / HZ)
        on.append(np.full(len(x), share))
        now_s = time[-1][-1] + gap_s
    return flown.record(*(np.concatenate(c) for c in (time, east, north, on)))


# ---- exact truth


def test_a_field_flown_exactly_gets_its_rate_everywhere_and_nothing_else():
    got = applied(lines(), PLAN)
    assert got.litres == pytest.approx(7.2, rel=1e-9)
    assert got.sprayed_m2 == pytest.approx(3600.0, rel=1e-4)
    assert got.rate_l_ha == pytest.approx(20.0, rel=1e-4)
    assert got.cv_pct < 0.01
    assert (got.lowest_share, got.highest_share) == pytest.approx((1.0, 1.0), abs=2e-4)
    assert got.missed_m2 == 0.0
    assert got.outside_m2 < 1.0
    assert got.outside_l < 0.002
    assert got.off_swath_l == pytest.approx(0.0, abs=1e-9)
    assert got.strays == ()
    assert got.unknown_s == pytest.approx(50.0)


def test_the_map_shows_the_rate_at_its_place_on_the_earth():
    grid = applied(lines(), PLAN).grid
    assert (grid.epsg, grid.unit) == (32648, "l/ha")
    inside = flown.FRAME.to_lonlat(*np.meshgrid(np.linspace(15, 125, 12), np.linspace(15, 35, 6)))
    assert grid.sample(*inside) == pytest.approx(20.0, abs=0.02)
    outside = flown.FRAME.to_lonlat([5.0, 135.0, 60.0, 60.0], [25.0, 25.0, 5.0, 45.0])
    assert np.isnan(grid.sample(*outside)).all()
    a, b, _, d, e, _ = grid.affine
    assert (b, d) == (0.0, 0.0)
    assert a == -e == pytest.approx(1.0, abs=4e-4)


@pytest.mark.parametrize("cell_m", [0.5, 1.0, 2.5])
def test_the_maps_litres_are_the_flights_whatever_its_cells(cell_m):
    got = applied(lines(), PLAN, cell_m=cell_m)
    assert np.nansum(got.grid.values) * cell_m**2 / 10_000.0 == pytest.approx(7.2, rel=2e-3)
    assert got.cv_pct < 0.01


@settings(max_examples=25)
@given(turn_deg=st.floats(0.0, 180.0), cell_m=st.sampled_from([0.7, 1.0, 2.0]))
def test_the_figures_do_not_depend_on_the_direction_of_the_lines(turn_deg, cell_m):
    def turned(record: FlightRecord) -> FlightRecord:
        x, y = flown.FRAME.to_local(record.track.lon_deg, record.track.lat_deg)
        sin, cos = math.sin(math.radians(turn_deg)), math.cos(math.radians(turn_deg))
        lon, lat = flown.FRAME.to_lonlat(x * cos - y * sin, x * sin + y * cos)
        return replace(record, track=replace(record.track, lon_deg=lon, lat_deg=lat))

    def about(place: LonLat) -> LonLat:
        x, y = flown.FRAME.metres(place)
        sin, cos = math.sin(math.radians(turn_deg)), math.cos(math.radians(turn_deg))
        return flown.FRAME.place(x * cos - y * sin, x * sin + y * cos)

    job = PLAN.spray
    assert job is not None
    ring = [about(LonLat(lon_deg=x, lat_deg=y)) for x, y in job.treatable.geoms[0].exterior.coords]
    plan = replace(PLAN, spray=replace(
        job,
        treatable=MultiPolygon([Polygon([(p.lon_deg, p.lat_deg) for p in ring])]),
        passes=tuple(replace(w, places=tuple(map(about, w.places))) for w in job.passes),
    ))  # fmt: skip
    got = applied(turned(lines()), plan, cell_m=cell_m)
    assert got.litres == pytest.approx(7.2, rel=1e-9)
    assert got.sprayed_m2 == pytest.approx(3600.0, rel=1e-3)
    assert got.cv_pct < 0.5
    assert got.missed_m2 == 0.0
    assert got.outside_m2 < 2.0


# ---- gaps, overlaps, strays


def test_a_swath_left_out_is_missed_and_lowers_the_evenness():
    got = applied(lines(tuple(n for n in flown.NORTHS if n != 22.5)), PLAN)
    assert got.missed_m2 == pytest.approx(600.0, abs=5.0)
    assert got.litres == pytest.approx(6.0)
    assert got.lowest_share == 0.0
    assert got.cv_pct > 40.0


def test_what_a_sprayer_begins_late_is_told_apart_and_sends_nobody_back():
    """Two metres at 5 m/s are what a look three times a second costs; an end left early is not."""
    job = PLAN.spray
    assert job is not None
    east = [replace(w, places=tuple(sorted(w.places, key=lambda p: p.lon_deg))) for w in job.passes]
    plan = replace(PLAN, spray=replace(job, passes=tuple(east)))

    def judged(**ends: float) -> tuple[Applied, list[str]]:
        found = replace(applied(lines(**ends), plan), unknown_s=0.0)  # the turns are not recorded
        return found, [finding.key for finding in applied_findings(plan, found)]

    late, told = judged(start=WEST + 2.0)
    assert late.missed_m2 == late.late_m2 == pytest.approx(60.0, abs=1.0)
    assert told == ["finding.applied_well", "finding.applied_late"]
    early, told = judged(end=EAST - 4.0)
    assert (early.missed_m2, early.late_m2) == (pytest.approx(120.0, abs=1.0), 0.0)
    assert told == ["finding.applied_missed"]
    much, told = judged(start=WEST + 6.0)
    assert (much.missed_m2, much.late_m2) == pytest.approx((180.0, 60.0), abs=1.0)
    assert told == ["finding.applied_missed"]


def test_a_pump_that_stops_for_forty_metres_leaves_a_gap_of_that_size():
    record = lines()
    x, y = flown.FRAME.to_local(record.track.lon_deg, record.track.lat_deg)
    share = np.where((np.abs(y - 27.5) < 1.0) & (x > 50.01) & (x < 89.99), 0.0, 0.5)
    got = applied(replace(record, track=replace(record.track, pump_share=share)), PLAN)
    assert got.missed_m2 == pytest.approx(200.0, abs=10.0)
    assert got.litres == pytest.approx(7.2 - 39.0 * 5.0 * 20.0 / 10_000.0, rel=1e-3)


def test_a_swath_flown_twice_is_sprayed_once_in_area_and_twice_in_rate():
    got = applied(lines((*flown.NORTHS, 22.5)), PLAN)
    assert got.sprayed_m2 == pytest.approx(3600.0, rel=1e-3)
    assert got.litres == pytest.approx(8.4)
    assert got.highest_share == pytest.approx(2.0, abs=1e-3)
    assert got.missed_m2 == 0.0


def test_half_the_flow_is_half_the_rate_and_just_not_missed():
    just = applied(lines(share=0.252), PLAN)
    assert (just.lowest_share, just.missed_m2) == (pytest.approx(0.504, abs=1e-3), 0.0)
    short = applied(lines(share=0.24), PLAN)
    assert short.missed_m2 == pytest.approx(3600.0, rel=0.02)
    assert short.cv_pct < 0.02


def test_spraying_on_the_way_home_is_outside_and_off_the_swaths_with_its_litres():
    record = lines()
    home_x = np.linspace(130.0, 130.0 + 60.0, 61)
    way = flown.record(1000.0 + np.arange(61) / HZ, home_x, np.full(61, 60.0), np.full(61, 0.5))
    both = joined(record, way)
    got = applied(both, PLAN)
    extra_l = 60.0 * 5.0 * 20.0 / 10_000.0
    assert got.litres == pytest.approx(7.2 + extra_l)
    assert got.outside_l == pytest.approx(extra_l, rel=5e-3)
    assert got.outside_m2 == pytest.approx(300.0, rel=5e-3)
    (stray,) = got.strays
    assert stray.litres == pytest.approx(extra_l)
    assert stray.length_m == pytest.approx(60.0, rel=1e-3)
    assert stray.time_s == pytest.approx(1000.0)
    assert flown.FRAME.metres(stray.place) == pytest.approx((130.0, 60.0), abs=0.01)
    assert got.cv_pct < 0.01


def joined(one: FlightRecord, other: FlightRecord) -> FlightRecord:
    names = one.track.__slots__
    columns = {n: np.concatenate([getattr(r.track, n) for r in (one, other)]) for n in names}
    return replace(one, track=replace(one.track, **columns))


def test_a_swath_run_past_the_edge_is_outside_by_what_it_overran():
    got = applied(lines(end=EAST + 8.0), PLAN)
    assert got.outside_m2 == pytest.approx(8.0 * 30.0, rel=0.01)
    assert got.outside_l == pytest.approx(8.0 * 30.0 * 20.0 / 10_000.0, rel=0.01)
    assert len(got.strays) == 6


def test_ground_that_may_not_be_sprayed_within_the_field_counts_as_outside():
    pond = box(60.0, 20.0, 80.0, 30.0)
    plan = flown.plan(treatable=box(*flown.FIELD).difference(pond))
    got = applied(lines(), plan)
    assert got.outside_m2 == pytest.approx(200.0, rel=0.01)
    assert got.outside_l == pytest.approx(0.4, rel=0.01)


# ---- hose, silence, hovering


def test_the_hose_shifts_what_falls_by_its_time_along_the_way():
    plan = flown.plan(hose_s=1.0)
    east, north = line(22.5, start=WEST - 20.0, end=EAST + 20.0)
    time = np.arange(len(east)) / HZ
    share = np.where((east >= 50.0) & (east < 100.0), 0.5, 0.0)
    got = applied(flown.record(time, east, north, share), plan)
    assert got.litres == pytest.approx(50.0 * 5.0 * 20.0 / 10_000.0, rel=0.01)
    x = np.arange(40.5, 125.0, 1.0)
    rate = got.grid.sample(*flown.FRAME.to_lonlat(x, np.full(len(x), 22.5)), nearest=True)
    wet = x[np.nan_to_num(rate) > 10.0]
    assert (wet.min(), wet.max()) == (pytest.approx(55.0, abs=1.1), pytest.approx(104.0, abs=1.1))


def test_a_silence_with_the_pump_on_is_not_bridged_and_told():
    record = lines()
    keep = np.ones(len(record.track.time_s), bool)
    keep[30:61] = False
    track = replace(record.track, **{n: getattr(record.track, n)[keep]
                                     for n in record.track.__slots__})  # fmt: skip
    got = applied(replace(record, track=track), PLAN)
    assert got.unknown_s == pytest.approx(50.0 + 6.4)
    assert got.litres == pytest.approx(7.2 - 3.0 * 6.4 / 60.0)
    assert got.missed_m2 == pytest.approx(32.0 * 5.0, abs=6.0)


def trees() -> FlightPlan:
    spots = [(40.0, 20.0), (50.0, 20.0), (60.0, 20.0)]
    job = flown.job(treatable=shapely.union_all([Point(p).buffer(2.5) for p in spots]))
    passes = tuple(
        SprayPass(places=(flown.FRAME.place(*spot),), width_m=4.0, spot_l=0.2, dwell_s=4.0)
        for spot in spots
    )
    return replace(PLAN, spray=replace(job, passes=passes, kind="trees"))


def test_hovering_over_trees_gives_each_its_litres_on_a_disc():
    rows = []
    for number, x in enumerate((40.0, 50.0, 60.0)):
        for tick in range(21):
            sway = 0.01 * math.sin(tick)
            rows.append((20.0 * number + tick / HZ, x + sway, 20.0 - sway, 0.5))
    got = applied(flown.record(*np.array(rows).T), trees())
    assert got.litres == pytest.approx(0.6)
    assert got.sprayed_m2 == pytest.approx(3 * math.pi * 4.0, rel=0.02)
    assert got.missed_m2 == 0.0
    assert got.outside_l == pytest.approx(0.0, abs=1e-6)
    assert got.strays == ()
    assert math.isnan(got.cv_pct)
    lon, lat = flown.FRAME.to_lonlat([50.0], [20.0])
    assert got.grid.sample(lon, lat, nearest=True)[0] == pytest.approx(
        0.2 / (math.pi * 4.0) * 10_000.0, rel=0.01
    )


def test_a_tree_passed_over_is_missed():
    rows = [(tick / HZ, 40.0, 20.0, 0.5) for tick in range(21)]
    got = applied(flown.record(*np.array(rows).T), trees())
    assert got.missed_m2 == pytest.approx(2 * math.pi * 4.0, rel=0.35)


def test_noise_of_centimetres_neither_tears_the_swath_nor_doubles_it():
    dice = np.random.default_rng(7)
    record = lines()
    shift = dice.normal(0.0, 0.02, (2, len(record.track.time_s)))
    x, y = flown.FRAME.to_local(record.track.lon_deg, record.track.lat_deg)
    lon, lat = flown.FRAME.to_lonlat(x + shift[0], y + shift[1])
    got = applied(replace(record, track=replace(record.track, lon_deg=lon, lat_deg=lat)), PLAN)
    assert got.litres == pytest.approx(7.2)
    assert got.sprayed_m2 == pytest.approx(3600.0, rel=5e-3)
    assert got.cv_pct < 4.0
    assert got.missed_m2 == 0.0


def test_crosshatch_asks_twice_half_the_rate():
    job = PLAN.spray
    assert job is not None
    half = tuple(replace(w, rate_l_ha=10.0) for w in job.passes)
    across = tuple(
        SprayPass(places=(flown.FRAME.place(x, SOUTH), flown.FRAME.place(x, NORTH)),
                  width_m=5.0, rate_l_ha=10.0, speed_m_s=5.0)
        for x in np.arange(WEST + 2.5, EAST, 5.0)
    )  # fmt: skip
    settings = replace(job.settings, crosshatch=True)
    plan = replace(PLAN, spray=replace(job, passes=(*half, *across), settings=settings))
    one = lines(share=0.25)
    other = []
    for number, x in enumerate(np.arange(WEST + 2.5, EAST, 5.0)):
        ys = np.linspace(SOUTH, NORTH, 31)
        other.append((2000.0 + 20.0 * number + np.arange(31) / HZ, np.full(31, x), ys,
                      np.full(31, 0.25)))  # fmt: skip
    second = flown.record(*(np.concatenate(c) for c in zip(*other, strict=True)))
    got = applied(joined(one, second), plan)
    assert got.litres == pytest.approx(7.2)
    assert (got.lowest_share, got.highest_share) == pytest.approx((1.0, 1.0), abs=1e-3)
    assert got.missed_m2 == 0.0
    first_layer = applied(one, plan)
    assert first_layer.lowest_share == pytest.approx(0.5, abs=1e-3)


# ---- refusals


def with_share(record: FlightRecord, share: np.ndarray, height_m: float = 5.0) -> FlightRecord:
    heights = np.full(len(share), height_m)
    return replace(record, track=replace(record.track, pump_share=share, height_m=heights))


def test_a_pump_that_was_not_told_is_refused_and_not_taken_for_nothing():
    record = lines()
    count = len(record.track.time_s)
    never, once = np.full(count, np.nan), record.track.pump_share.copy()
    once[100] = np.nan
    early = record.track.pump_share.copy()
    early[:3] = np.nan
    for share in (never, once, early):
        with pytest.raises(Refused) as told:
            applied(with_share(record, share), PLAN)
        assert told.value.message.key == "error.applied_pump_not_told"
    standing = with_share(record, early)
    standing.track.height_m[:3] = 0.1
    assert applied(standing, PLAN).litres == pytest.approx(7.2 - 2.5 * 0.01, abs=1e-9)


def test_what_cannot_be_worked_out_is_refused():
    with pytest.raises(BadInput):
        applied(lines(), replace(PLAN, spray=None))
    for cell_m in (0.05, 30.0, math.nan):
        with pytest.raises(BadInput):
            applied(lines(), PLAN, cell_m=cell_m)
    far = joined(lines(), flown.record([5000.0, 5000.2], [9e4, 9e4 + 1], [9e4, 9e4], [0.5, 0.5]))
    with pytest.raises(Refused) as told:
        applied(far, PLAN)
    assert told.value.message.key == "error.applied_too_large"


def test_a_flight_that_sprayed_nothing_has_missed_all():
    got = applied(lines(share=0.0), PLAN)
    assert (got.litres, got.sprayed_m2, got.outside_l, got.rate_l_ha) == (0.0, 0.0, 0.0, 0.0)
    assert got.missed_m2 == pytest.approx(3600.0, rel=0.02)
    assert np.isnan(got.grid.values).all()
    nothing = flown.record([], [], [], [])
    with pytest.raises(Refused):
        applied(nothing, PLAN)


# ---- the pieces it stands on


def test_the_pumps_curve_begins_at_rest_and_keeps_what_is_not_told():
    sprayer = replace(flown.SPRAYER, pump=(PumpPoint(output=0.2, flow_l_min=1.0),
                                           PumpPoint(output=1.0, flow_l_min=5.0)))  # fmt: skip
    flows = pump_flows_l_min(sprayer, [0.0, 0.1, 0.2, 0.6, 1.0, math.nan])
    assert flows[:5] == pytest.approx([0.0, 0.5, 1.0, 3.0, 5.0])
    assert math.isnan(flows[5])


@given(
    st.floats(-5.0, 12.0), st.floats(-5.0, 12.0), st.floats(0.2, 6.0), st.floats(0.2, 6.0),
    st.floats(0.0, 360.0),
)  # fmt: skip
def test_a_piece_lies_in_the_cells_it_covers(x, y, long, wide, turn_deg):
    sin, cos = math.sin(math.radians(turn_deg)), math.cos(math.radians(turn_deg))
    corners = [(a * long / 2, b * wide / 2) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    piece = np.array([[(x + a * cos - b * sin, y + a * sin + b * cos) for a, b in corners]])
    ground = Ground(7, 9)
    ground.lay_pieces(piece, np.array([3.0]))
    truth = np.array([
        [3.0 * Polygon(piece[0]).intersection(box(c, r, c + 1, r + 1)).area for c in range(9)]
        for r in range(7)
    ])  # fmt: skip
    assert ground.amounts() == pytest.approx(truth, abs=3.0 * 1.5 / 16.0)
    assert ground.amounts().sum() == pytest.approx(truth.sum(), abs=3.0 * 1.5 * long / 16.0 + 0.3)


def test_pieces_that_share_edges_cover_evenly_to_the_last_bit():
    dice = np.random.default_rng(3)
    cuts = np.sort(np.concatenate(([0.0, 10.0], dice.uniform(0.0, 10.0, 30))))
    lean = dice.uniform(-0.4, 0.4, 32)
    lean[0] = lean[-1] = 0.0
    left, right = cuts + lean, cuts - lean
    order = np.all(np.diff([left, right]) > 0.0)
    left, right = (left, right) if order else (cuts, cuts)
    top, bottom = np.full(31, 1.3), np.full(31, 6.3)
    corners = ((left[:-1], top), (left[1:], top), (right[1:], bottom), (right[:-1], bottom))
    pieces = np.stack([np.column_stack(corner) for corner in corners], axis=1)
    ground = Ground(8, 10)
    ground.lay_pieces(pieces, np.ones(31))
    assert ground.amounts()[2:6] == pytest.approx(1.0, abs=1e-12)


def test_a_disc_covers_its_area():
    ground = Ground(12, 12)
    ground.lay_discs(np.array([[6.2, 5.7]]), np.array([3.3]), np.array([1.0]))
    assert ground.amounts().sum() == pytest.approx(math.pi * 3.3**2, rel=2e-3)
    assert ground.amounts()[5, 6] == pytest.approx(1.0)


# ---- the day of harvest


@pytest.mark.parametrize(
    ("started", "minutes", "expected"),
    [
        (datetime(2026, 11, 22, 1, 30, tzinfo=UTC), 10, date(2026, 12, 6)),
        (datetime(2026, 11, 22, 16, 55, tzinfo=UTC), 4, date(2026, 12, 6)),
        (datetime(2026, 11, 22, 16, 55, tzinfo=UTC), 6, date(2026, 12, 7)),
        (datetime(2024, 2, 20, 0, 0, tzinfo=UTC), 1, date(2024, 3, 5)),
    ],
)
def test_the_interval_before_harvest_counts_from_the_local_day_the_spraying_ended(
    started, minutes, expected
):
    record = flown.record([0.0, minutes * 60.0], [0, 0], [0, 0], [0, 0], started_utc=started)
    job = PLAN.spray
    assert job is not None
    assert phi_end(record, job) == expected


@pytest.mark.slow
def test_a_hundred_hectares_at_a_metre_stay_within_memory() -> None:
    import tracemalloc

    tracemalloc.start()
    got = big(1000.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert got.sprayed_m2 == pytest.approx(1e6, rel=1e-3)
    assert got.cv_pct < 0.1
    assert peak < 1.5e9


def big(side_m: float) -> Applied:
    """A square field of 5 m swaths."""
    norths = np.arange(2.5, side_m, 5.0)
    frame = LocalFrame(flown.HOME)
    job = flown.job(treatable=box(0, 0, side_m, side_m))
    passes = tuple(
        SprayPass(places=(frame.place(0.0, n), frame.place(side_m, n)), width_m=5.0,
                  rate_l_ha=20.0, speed_m_s=5.0)
        for n in norths
    )  # fmt: skip
    plan = replace(PLAN, spray=replace(job, passes=passes))
    return applied(lines(tuple(norths), start=0.0, end=side_m), plan)


def test_a_larger_field_is_even_too():
    got = big(200.0)
    assert got.sprayed_m2 == pytest.approx(40_000.0, rel=1e-3)
    assert got.cv_pct < 0.1
    assert got.missed_m2 == 0.0
