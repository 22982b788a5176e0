"""The figures of a spraying's checks against plain arithmetic, and each limit at its edge."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from shapely.geometry import LineString, box

from missions.checks.dose import check_work
from missions.checks.items import speed_at
from missions.checks.path import path_of
from missions.checks.plan import check_plan
from missions.checks.spray import check_spray
from missions.checks.trace import Spot, Stretch, WetPiece, gone_m, speed_near, spots
from missions.checks.work import Work, Worked, believed_width_m, work_of
from missions.drift.limits import SprayLimits
from missions.items import Command, MissionItem
from missions.sprayer.gear import PumpControl
from missions.sprayer.job import SprayPass
from missions.sprayer.parameters import job_parameters
from tests import plans
from tests.plans import local
from tests.spraying import JOB, PLAN, the, told

PATH = path_of(PLAN)
GIVEN = JOB.passes[0]
"""60 m from west to east, 15 m south of the middle, 10 m wide, 20 L/ha."""


def wet(
    *points: tuple[float, float], seq: int = 6, speed_m_s: float = 6.0, pump_us: float = 0.0
) -> WetPiece:
    """Points in the metres of the plans' own frame, brought into the path's."""
    moved = [PATH.frame.metres(local(*point)) for point in points]
    return WetPiece(seq=seq, line=LineString(moved), speed_m_s=speed_m_s, pump_us=pump_us)


def spot(east: float, north: float, dwell_s: float = 4.0, seq: int = 9) -> Spot:
    at = PATH.frame.metres(local(east, north))
    return Spot(seq=seq, dwell_s=dwell_s, pump_us=0.0, east_m=at[0], north_m=at[1])


def tree(east: float, north: float, **more: Any) -> SprayPass:
    values = {"width_m": 4.0, "rate_l_ha": 0.0, "speed_m_s": 0.0, "spot_l": 0.2, "dwell_s": 4.0}
    return SprayPass(places=(local(east, north),), **(values | more))


def work(*pieces: WetPiece, spots: tuple[tuple[Spot, SprayPass], ...] = ()) -> Work:
    worked = [Worked(stretch=0, piece=piece, given=GIVEN, width_m=10.0) for piece in pieces]
    return Work(pieces=tuple(worked), spots=spots, off_passes=())


# ---- the ground of a stretch


@pytest.mark.parametrize(
    ("side_m", "along_m", "area_m2"),
    [(0.0, 0.0, 600.0), (1.0, 0.0, 480.0), (0.0, 5.0, 500.0), (0.5, 10.0, 360.0)],
)
def test_a_strip_loses_its_sides_and_both_ends(
    side_m: float, along_m: float, area_m2: float
) -> None:
    ((seq, strip),) = work(wet((-30, -15), (30, -15))).strips(side_m, along_m)
    assert seq == 6
    assert strip.area == pytest.approx(area_m2, rel=1e-3)


def test_a_stretch_of_several_pieces_loses_only_its_own_ends() -> None:
    bent = work(wet((-30, -15), (0, -15), seq=6), wet((0, -15), (30, -15), seq=7))
    ((seq, strip),) = bent.strips(0.0, 5.0)
    assert seq == 6
    assert strip.area == pytest.approx(500.0, rel=1e-3)
    assert strip.geom_type == "Polygon"


def test_a_stretch_that_its_ends_take_whole_is_no_ground() -> None:
    ((_, strip),) = work(wet((-30, -15), (-20.1, -15))).strips(0.0, 5.0)
    assert strip.is_empty
    ((_, strip),) = work(wet((-30, -15), (-19, -15))).strips(0.0, 5.0)
    assert strip.area == pytest.approx(10.0, rel=0.05)


def test_stretches_stay_apart_and_spots_are_round() -> None:
    two = Work(
        pieces=(
            Worked(stretch=1, piece=wet((0, 0), (10, 0), seq=12), given=GIVEN, width_m=5.0),
            Worked(stretch=0, piece=wet((0, 9), (10, 9), seq=8), given=GIVEN, width_m=5.0),
        ),
        spots=((spot(20, 20), tree(20, 20)),),
        off_passes=(),
    )
    found = two.strips(0.5)
    assert [seq for seq, _ in found] == [8, 12, 9]
    assert [shape.area for _, shape in found] == pytest.approx(
        [40.0, 40.0, math.pi * 1.5**2], rel=0.01
    )


# ---- which pass a wet piece runs along


def stretch(*pieces: WetPiece) -> Stretch:
    return Stretch(seq=pieces[0].seq, legs=(0,), wet=pieces)


def test_of_two_passes_a_piece_belongs_to_the_one_it_lies_along() -> None:
    slanted = replace(GIVEN, places=(local(-30, -16), local(30, -14)), rate_l_ha=30.0)
    job = replace(JOB, passes=(slanted, GIVEN))
    found = work_of(job, PATH, [stretch(wet((-30, -15), (30, -15)))], [])
    assert [one.given for one in found.pieces] == [GIVEN]
    assert found.off_passes == ()
    back = work_of(job, PATH, [stretch(wet((30, -15), (-30, -15)))], [])
    assert [one.given for one in back.pieces] == [GIVEN]


@pytest.mark.parametrize("turn_deg", [0.0, 45.0, 90.0, 135.0, 200.0])
def test_a_piece_may_run_along_its_pass_in_any_direction(turn_deg: float) -> None:
    turn = math.radians(turn_deg)
    ends = [(30.0 * math.sin(turn) * sign, 30.0 * math.cos(turn) * sign) for sign in (-1, 1)]
    job = replace(JOB, passes=(replace(GIVEN, places=tuple(local(*end) for end in ends)),))
    for way in (ends, ends[::-1]):
        assert work_of(job, PATH, [stretch(wet(*way))], []).off_passes == ()


def test_what_runs_along_none_is_counted_with_its_length() -> None:
    job = replace(JOB, passes=(GIVEN,))
    runs = [stretch(wet((-30, 5), (30, 5), seq=14), wet((30, 5), (30, 15), seq=15))]
    found = work_of(job, PATH, runs, [spot(0, 40, seq=20)])
    (off,) = found.off_passes
    values = dict(off.message.values)
    assert (values["item"], values["count"]) == (14, 3)
    assert values["length_m"] == pytest.approx(70.0, rel=1e-3)
    (alone,) = work_of(job, PATH, [], [spot(0, 40, seq=20)]).off_passes
    assert dict(alone.message.values) == {"item": 20, "count": 1, "length_m": 0.0}


def test_a_wait_belongs_to_the_nearest_tree_within_half_a_metre() -> None:
    trees = (tree(0.0, 0.0), tree(0.6, 0.0))
    job = replace(JOB, passes=trees, kind="trees")
    found = work_of(job, PATH, [], [spot(0.2, 0.0), spot(0.4, 0.0), spot(-0.49, 0.0)])
    assert [given for _, given in found.spots] == [trees[0], trees[1], trees[0]]
    assert work_of(job, PATH, [], [spot(-0.51, 0.0)]).spots == ()


@pytest.mark.parametrize(
    ("kind", "width_m", "believed_m"),
    [
        ("field", 6.0, 6.0), ("field", 5.99, 10.0), ("part", 5.99, 10.0), ("rows", 5.99, 5.99),
        ("field", 12.0, 12.0),
    ],
)  # fmt: skip
def test_a_width_below_six_tenths_of_the_swath_is_not_believed(
    kind: str, width_m: float, believed_m: float
) -> None:
    job = replace(JOB, kind=kind)
    assert believed_width_m(job, replace(GIVEN, width_m=width_m)) == believed_m


# ---- doses, litres, shares


def figures(of: Work, treatable: Any = None, **job: Any) -> tuple[list[str], dict[str, Any]]:
    plan = replace(PLAN, spray=replace(JOB, **job))
    found, figures_ = check_work(plan, PATH, of, treatable)
    return [finding.key.removeprefix("finding.") for finding in found], figures_


EXPORT = replace(JOB.settings, sprayer=replace(JOB.settings.sprayer, control=PumpControl.EXPORT))


def test_litres_are_flow_times_time() -> None:
    """60 m of 10 m at 20 L/ha are 1.2 L; at another speed they are the same."""
    for speed_m_s in (4.0, 5.0, 6.0):
        piece = wet((-30, -15), (30, -15), speed_m_s=speed_m_s)
        _, found = figures(work(piece), settings=EXPORT)
        assert found["litres"] == pytest.approx(1.2, rel=1e-3)
    _, found = figures(work(spots=((spot(0, 0), tree(0, 0)),)), settings=EXPORT, kind="trees")
    assert found["litres"] == pytest.approx(0.2)


@pytest.mark.parametrize(("dwell_s", "wrong"), [(4.0, []), (1.0, ["spray_flow"])])
def test_a_tree_asks_for_its_litres_in_its_time(dwell_s: float, wrong: list[str]) -> None:
    """0.2 L in 4 s are 3 L/min; in 1 s 12, more than the pump's 8."""
    given = tree(0, 0, dwell_s=dwell_s)
    found, _ = figures(
        work(spots=((spot(0, 0), given),)), settings=EXPORT, kind="trees",
        estimate=replace(JOB.estimate, litres=0.2),
    )  # fmt: skip
    assert [key for key in found if key.startswith("spray")] == wrong


def test_shares_are_of_the_ground_that_may_be_sprayed() -> None:
    ground = box(*LineString([PATH.frame.metres(local(-30, -20)),
                              PATH.frame.metres(local(30, 20))]).bounds)  # fmt: skip
    one = wet((-30, -15), (30, -15))
    _, found = figures(work(one), ground)
    assert found["percent"] == pytest.approx(25.0, rel=1e-2)
    assert found["twice_pct"] == pytest.approx(0.0, abs=0.1)
    twice = Work(
        pieces=tuple(
            Worked(stretch=n, piece=one, given=GIVEN, width_m=10.0) for n in range(2)
        ), spots=(), off_passes=(),
    )  # fmt: skip
    _, found = figures(twice, ground)
    assert found["twice_pct"] == pytest.approx(100.0, rel=1e-2)
    crossed = replace(JOB.settings, crosshatch=True)
    assert figures(twice, ground, settings=crossed)[1]["twice_pct"] == pytest.approx(0.0, abs=0.1)
    for none in (None, box(0, 0, 0, 0)):
        _, found = figures(work(one), none)
        assert (found["percent"], found["twice_pct"]) == (0.0, 0.0)
    _, found = figures(work(), ground)
    assert (found["percent"], found["twice_pct"]) == (0.0, 0.0)
    away = box(5000, 5000, 5100, 5100)
    _, found = figures(work(one), away)
    assert (found["percent"], found["twice_pct"]) == (0.0, 0.0)


# ---- the way out of a corner


@pytest.mark.parametrize(
    ("corner_m", "speed_m_s", "expected"),
    [(0.0, 5.0, 1.2), (-3.0, 5.0, 1.2), (0.0, 1.0, 1.0), (1.0, 5.0, math.sqrt(1.44 + 2.7)),
     (100.0, 5.0, 5.0)],
)  # fmt: skip
def test_the_speed_grows_with_the_way_from_a_corner(
    corner_m: float, speed_m_s: float, expected: float
) -> None:
    assert speed_near(corner_m, speed_m_s) == pytest.approx(expected)


@pytest.mark.parametrize("time_s", [0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("corner_m", [0.0, 2.0, 9.0])
def test_the_way_gone_is_the_sum_of_its_speeds(time_s: float, corner_m: float) -> None:
    here_m, count = corner_m, 4000
    for _ in range(count):
        here_m += speed_near(here_m, 5.0) * time_s / count
    assert gone_m(corner_m, 5.0, time_s) == pytest.approx(here_m - corner_m, abs=0.01)


# ---- the limits of tank, pack and estimate


@pytest.mark.parametrize(
    ("litres", "expected"), [(10.0, True), (10.001, True), (4.8, False), (4.4, True), (5.05, True)]
)
def test_litres_and_tank_are_held_against_each_other(litres: float, expected: bool) -> None:
    plan = replace(PLAN, spray=replace(JOB, estimate=replace(JOB.estimate, litres=litres)))
    keys = [key for key, _ in told(plan)]
    assert bool(keys) is expected
    assert ("spray_tank" in keys) is (litres > 10.0)


def test_what_the_pack_may_give_is_what_its_reserve_leaves() -> None:
    aircraft = JOB.settings.sprayer.aircraft
    usable_wh = aircraft.battery_wh * (1.0 - aircraft.reserve)
    for energy_wh, wrong in ((usable_wh, False), (usable_wh * 1.001, True)):
        plan = replace(
            PLAN, spray=replace(JOB, estimate=replace(JOB.estimate, energy_wh=energy_wh))
        )
        assert (("spray_energy") in [key for key, _ in told(plan)]) is wrong
    values = the(plan, "spray_energy")
    assert values["limit_wh"] == pytest.approx(usable_wh)


# ---- a survey's camera, and a speed that is never set


@pytest.mark.parametrize(("limit_s", "slow"), [(1.0, False), (1.0009, False), (1.0011, True)])
def test_a_camera_has_its_time_to_a_thousandth_of_a_second(limit_s: float, slow: bool) -> None:
    """A picture each 10 m at 10 m/s."""
    camera = replace(plans.SETTINGS.camera, min_interval_s=limit_s)
    settings = replace(plans.SETTINGS, camera=camera)
    items = tuple(
        replace(item, param2=10.0) if item.command == Command.DO_CHANGE_SPEED else item
        for item in plans.PLAN.items
    )
    plan = replace(plans.PLAN, items=items, survey=plans.job(settings=settings))
    found = [finding.key for finding in check_plan(plan)]
    assert ("finding.camera_too_slow" in found) is slow


def test_before_it_is_set_there_is_no_speed() -> None:
    set_ = MissionItem(command=Command.DO_CHANGE_SPEED, param1=1.0, param2=6.0)
    climb = replace(set_, param1=2.0, param2=3.0)
    air = replace(set_, param1=0.0, param2=7.0)
    fly = MissionItem(command=Command.NAV_WAYPOINT)
    assert speed_at([fly, climb, fly, set_, fly, air]) == {
        1: 0.0, 2: 0.0, 3: 0.0, 4: 6.0, 5: 6.0, 6: 7.0,
    }  # fmt: skip


# ---- what a person is told


def test_a_height_that_sprays_too_high_is_told_with_its_metres() -> None:
    limits = SprayLimits(height_m=2.0)
    low = path_of(PLAN)
    (told_,) = [f for f in check_spray(PLAN, low, limits=limits) if f.key == "finding.spray_high"]
    values = dict(told_.message.values)
    over_m = max(item.z for item in PLAN.items[3:19] if item.command == Command.NAV_WAYPOINT)
    crop_m = JOB.settings.crop_height_m
    assert values["height_m"] == pytest.approx(over_m - crop_m)
    assert values["limit_m"] == 2.0


@pytest.mark.parametrize(("share", "percent"), [(1.1, 10.0), (0.9, -10.0)])
def test_a_wrong_dose_is_told_by_how_much(share: float, percent: float) -> None:
    servo = replace(JOB.settings.sprayer, control=PumpControl.SERVO)
    flow = 6.0 * 20.0 * 10.0 * 60.0 / 10_000.0
    pulse_us = 1100.0 + 800.0 * (0.1 + 0.9 * (share * flow - 1.0) / 7.0)
    piece = wet((-30, -15), (30, -15), pump_us=pulse_us)
    plan = replace(PLAN, spray=replace(JOB, settings=replace(JOB.settings, sprayer=servo)))
    found, _ = check_work(plan, PATH, work(piece), None)
    (dose,) = [finding for finding in found if finding.key == "finding.spray_dose"]
    values = dict(dose.message.values)
    assert values["percent"] == pytest.approx(percent, abs=0.01)
    assert values["slack_pct"] == 2.0
    assert values["item"] == 6


def test_a_plain_servo_is_no_pump_unless_it_is_told_to_be() -> None:
    first = MissionItem(command=Command.DO_SET_SERVO, param1=1.0, param2=1900.0)
    there = replace(PLAN.items[3], param1=5.0)
    assert spots([first, there], PATH) == ()
    assert [one.seq for one in spots([first, there], PATH, 1)] == [2]


def test_a_reserve_that_is_too_small_is_told_in_percent() -> None:
    aircraft = replace(JOB.settings.sprayer.aircraft, reserve=0.25)
    thin = replace(JOB.settings, sprayer=replace(JOB.settings.sprayer, aircraft=aircraft))
    plan = replace(PLAN, spray=replace(JOB, settings=thin))
    values = the(plan, "reserve_low")
    assert values["reserve_pct"] == pytest.approx(25.0)
    assert values["limit_pct"] == pytest.approx(30.0)


def test_a_pump_that_follows_the_speed_rests_below_its_least_speed() -> None:
    sprayer = replace(JOB.settings.sprayer, control=PumpControl.SPEED)
    following = replace(JOB.settings, sprayer=sprayer)
    least_m_s = job_parameters(replace(JOB, settings=following))["SPRAY_SPEED_MIN"] / 100.0
    given = {}
    for speed_m_s in (least_m_s, least_m_s - 0.01):
        piece = wet((-30, -15), (30, -15), speed_m_s=speed_m_s)
        given[speed_m_s] = figures(work(piece), settings=following)[1]["litres"]
    assert given[least_m_s] > 0.0
    assert given[least_m_s - 0.01] == 0.0


@pytest.mark.parametrize(("share", "told_"), [(1.0, []), (1.019, []), (1.021, ["spray_dose"])])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_dose_may_be_off_by_a_fiftieth(share: float, told_: list[str], sign: float) -> None:
    servo = replace(JOB.settings.sprayer, control=PumpControl.SERVO)
    flow = 6.0 * 20.0 * 10.0 * 60.0 / 10_000.0
    share = 1.0 + sign * (share - 1.0)
    pulse_us = 1100.0 + 800.0 * (0.1 + 0.9 * (share * flow - 1.0) / 7.0)
    found, _ = figures(
        work(wet((-30, -15), (30, -15), pump_us=pulse_us)),
        settings=replace(JOB.settings, sprayer=servo),
        estimate=replace(JOB.estimate, litres=1.2),
    )
    assert [key for key in found if key.startswith("spray")] == told_


@pytest.mark.parametrize(
    ("litres", "wrong"), [(1.2 * 1.02 + 0.09, False), (1.2 * 1.02 + 0.11, True), (1.07, True)]
)
def test_litres_may_differ_by_a_fiftieth_and_a_decilitre(litres: float, wrong: bool) -> None:
    found, figures_ = figures(
        work(wet((-30, -15), (30, -15))),
        settings=EXPORT,
        estimate=replace(JOB.estimate, litres=litres),
    )
    assert figures_["litres"] == pytest.approx(1.2, rel=1e-3)
    assert ("spray_litres" in found) is wrong


@pytest.mark.parametrize(("area_m2", "told_"), [(990.0, False), (1010.0, True)])
@pytest.mark.parametrize(("kind", "counts"), [("field", True), ("part", False), ("trees", False)])
def test_what_is_missed_is_told_of_a_whole_field_of_a_tenth_of_a_hectare(
    area_m2: float, told_: bool, kind: str, counts: bool
) -> None:
    ground = box(0, 0, area_m2 / 10.0, 10).union(box(-5000, 0, -4999, 1))
    found, _ = figures(work(wet((-30, -15), (30, -15))), ground, settings=EXPORT, kind=kind)
    assert ("spray_missed" in found) is (told_ and counts)
    split, _ = figures(
        work(wet((-30, -15), (30, -15))), ground, settings=EXPORT, kind=kind, sorties=2
    )
    assert "spray_missed" not in split


@pytest.mark.parametrize(("lapped_m", "told_"), [(5.9, False), (6.1, True)])
def test_more_than_a_tenth_sprayed_twice_is_told(lapped_m: float, told_: bool) -> None:
    """60 m by 10 m once, and so much of it again: of 600 m² a tenth is 60 m²."""
    west, north = PATH.frame.metres(local(-30, -20))
    ground = box(west, north, west + 60.0, north + 20.0)
    again = Worked(
        stretch=1, piece=wet((-30, -15), (-30 + lapped_m, -15)), given=GIVEN, width_m=10.0
    )
    once = work(wet((-30, -15), (30, -15))).pieces
    found, _ = figures(Work(pieces=(*once, again), spots=(), off_passes=()), ground,
                       settings=EXPORT)  # fmt: skip
    assert ("spray_twice" in found) is told_


def test_of_the_pack_in_the_aircraft_and_the_one_reckoned_with_the_smaller_is_told() -> None:
    pack_wh = JOB.settings.sprayer.aircraft.battery_wh
    assert PLAN.aircraft is not None
    for more_wh, wrong in ((0.0, False), (1.0, False), (-1.0, True)):
        other = replace(PLAN.aircraft, battery_wh=pack_wh + more_wh)
        assert ("spray_other_pack" in [k for k, _ in told(replace(PLAN, aircraft=other))]) is wrong
    assert the(replace(PLAN, aircraft=other), "spray_other_pack") == {
        "battery_wh": pack_wh - 1.0, "expected_wh": pack_wh,
    }  # fmt: skip
