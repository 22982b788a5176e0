"""Every rule catches the spraying that breaks it, and only that; a sound one passes with figures.

One thing of a sound plan is changed at a time; the exact list of warnings and errors is asserted.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from shapely.geometry import LineString, MultiPolygon, Point, box

from agri.field import Obstacle, ObstacleKind, SensitiveKind, SensitiveSite
from agri.findings import Severity, blocks
from agri.weather import Wind
from agri.words import Language
from missions.checks.path import path_of
from missions.checks.plan import check_plan
from missions.checks.spray import check_spray, sprays
from missions.checks.switching import check_switching
from missions.checks.trace import gone_m, speed_near, spots, stretches
from missions.checks.work import believed_width_m
from missions.drift.buffers import buffers
from missions.drift.limits import SprayLimits
from missions.flightplan import FlightPlan
from missions.items import Command, Frame, MissionItem, item_at
from missions.legs import flown_legs
from missions.spray.mission import plan_spray
from missions.spray.planning import enclosures
from missions.sprayer.gear import PumpControl
from missions.sprayer.job import EdgeClearance, SprayPass
from tests import plans
from tests.plans import local, lonlat, speed
from tests.spray_settings import PAD_AT, SITE, SPRAY_M, SPRAYER
from tests.spraying import (
    JOB,
    PLAN,
    RTL,
    asked,
    beside,
    carried_by,
    changed,
    estimated,
    exchanged,
    found,
    inserted,
    land_start,
    passes,
    servo,
    spray_items,
    sprayer,
    the,
    told,
    waypoint,
    with_items,
    without,
)
from tests.test_winds import drawn

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


def errors(*keys: str) -> list[tuple[str, Severity]]:
    return [(f"spray_{key}", ERROR) for key in keys]


def warnings(*keys: str) -> list[tuple[str, Severity]]:
    return [(f"spray_{key}", WARNING) for key in keys]


def held(distance_m: float) -> MissionItem:
    return MissionItem(command=Command.CONDITION_DISTANCE, param1=distance_m)


# --- a sound plan ---------------------------------------------------------------------------


def test_a_sound_spraying_is_told_with_its_figures() -> None:
    assert told(PLAN) == []
    assert [f.key for f in found(PLAN)] == ["finding.checked_spray", "finding.spray_past_edge"]
    figures = the(PLAN, "checked_spray")
    assert figures["passes"] == 4
    assert figures["limit_l"] == 10.0
    late_m = gone_m(0.0, 5.0, 0.5)
    assert figures["percent"] == pytest.approx(100.0 * (1.0 - late_m / 60.0), abs=0.05)
    assert figures["litres"] == pytest.approx(4.8 * (1.0 - late_m / 60.0), abs=0.01)
    assert figures["twice_pct"] == pytest.approx(0.0, abs=0.02)
    assert the(PLAN, "spray_past_edge") == {"distance_m": 10.0}


def test_the_whole_check_finds_nothing_against_it() -> None:
    findings = check_plan(PLAN)
    assert not blocks(findings)
    assert [f for f in findings if f.severity is WARNING] == []
    assert "finding.checked_spray" in [f.key for f in findings]


def test_every_finding_speaks_both_languages() -> None:
    bad = [
        without(20), without(21), without(23), without(7), exchanged(23, sprayer(1)),
        asked(wind=Wind(speed_m_s=4.5, gust_m_s=9.0)), carried_by(max_speed_m_s=5.0, tank_l=4.0),
        estimated(energy_wh=900.0, litres=9.0, length_m=9.0), changed(4, z=9.0), inserted(3, RTL),
        beside(sensitive_sites=(pond(35, 0, 60, 20),)), replace(PLAN, spray=None), PLAN,
        exchanged(3, speed(6.9)), with_items(*PLAN.items[:3], *PLAN.items[7:]),
        replace(PLAN, spray=replace(JOB, passes=())),
    ]  # fmt: skip
    for plan in bad:
        for finding in found(plan):
            for language in ("vi", "en"):
                text = finding.text(language)
                assert "{" not in text
                assert "finding." not in text, text
                assert "page." not in text, text


# --- what is judged -------------------------------------------------------------------------


def test_a_survey_and_a_plan_without_spray_are_not_judged() -> None:
    off = (*plans.PLAN.items[:2], sprayer(0), *plans.PLAN.items[2:])
    on = (*plans.PLAN.items[:2], sprayer(1), *plans.PLAN.items[2:])
    for items in (plans.PLAN.items, off, on):
        plan = replace(plans.PLAN, items=items)
        assert not sprays(plan)
        assert check_spray(plan, path_of(plan)) == []
    assert ("finding.sprayer_on", ERROR) in plans.told(replace(plans.PLAN, items=on))
    assert not sprays(replace(plans.PLAN, survey=None, items=off))
    assert sprays(replace(plans.PLAN, survey=None, items=on))
    assert sprays(replace(plans.PLAN, survey=None, spray=JOB))


def test_a_strangers_spraying_is_held_to_switching_and_the_least_buffers() -> None:
    stranger = replace(PLAN, spray=None)
    assert told(stranger) == warnings("not_told")
    assert told(replace(without(20), spray=None)) == errors("no_land_start") + warnings("not_told")
    wet = beside(stranger, sensitive_sites=(pond(75, -20, 90, 20),))
    assert told(wet) == warnings("not_told") + errors("in_buffer")
    far = beside(stranger, sensitive_sites=(pond(80.2, -20, 90, 20),))
    assert told(far) == warnings("not_told")
    homeless = replace(PLAN, spray=None, site=None)
    assert told(homeless) == warnings("not_told")
    assert "finding.survey_not_told" not in [f.key for f in check_plan(stranger)]


def test_a_spraying_that_never_sprays_is_wrong() -> None:
    dry = with_items(*(i for i in PLAN.items if not (i.command == 216 and i.param1)))
    assert told(dry)[0] == ("spray_never_on", ERROR)


# --- P2: where it falls ---------------------------------------------------------------------


def pond(west: float, south: float, east: float, north: float) -> SensitiveSite:
    return SensitiveSite(
        name="Ao", kind=SensitiveKind.WATER, geometry=lonlat(box(west, south, east, north))
    )


def moved(north_m: float) -> FlightPlan:
    """The northernmost pass laid further north, in items and passes alike."""
    norths = (-15.0, -5.0, 5.0, 15.0 + north_m)
    return replace(PLAN, items=spray_items(norths), spray=replace(JOB, passes=passes(norths)))


def test_a_swath_over_the_border_is_found_from_centimetres_on() -> None:
    assert told(moved(0.04)) == []
    assert told(moved(0.2)) == errors("outside")
    assert the(moved(0.2), "spray_outside")["item"] == 18
    assert the(moved(1.0), "spray_outside")["area_m2"] == pytest.approx(54.0, abs=4.0)


def test_a_swath_that_runs_on_over_the_headland_is_found() -> None:
    def ending(east_m: float) -> FlightPlan:
        long = replace(JOB.passes[0], places=(local(-30, -15), local(east_m, -15)))
        job = replace(JOB, passes=(long, *JOB.passes[1:]))
        return replace(exchanged(6, waypoint(east_m, -15)), spray=job)

    assert told(ending(30.3)) == []
    assert told(ending(31.0)) == errors("outside")
    assert the(ending(31.0), "spray_outside")["item"] == 6


@pytest.mark.parametrize(
    ("kind", "distance_m"),
    [
        (SensitiveKind.WATER, 20.0),
        (SensitiveKind.BEES, 20.0),
        (SensitiveKind.ORGANIC, 20.0),
        (SensitiveKind.HOUSE, 30.0),
        (SensitiveKind.RUOI, 50.0),
    ],
)
def test_a_place_against_the_wind_keeps_its_distance(
    kind: SensitiveKind, distance_m: float
) -> None:
    """The wind comes from the east; what lies there is upwind of the paddy's edge at 30 m."""

    def beyond(gap_m: float) -> FlightPlan:
        shape = box(30.0 + gap_m, -20, 130.0, 20)
        place = SensitiveSite(name="Kia", kind=kind, geometry=lonlat(shape))
        return beside(sensitive_sites=(place,))

    assert told(beyond(distance_m + 0.1)) == []
    assert told(beyond(distance_m - 1.0)) == errors("in_buffer")


def test_a_place_downwind_keeps_more_and_the_wind_decides_which_that_is() -> None:
    west = beside(sensitive_sites=(pond(-90, -20, -80.3, 20),))
    near = beside(sensitive_sites=(pond(-90, -20, -78.0, 20),))
    assert told(west) == []
    assert told(near) == errors("in_buffer")
    assert told(asked(near, wind=Wind(speed_m_s=2.0, from_deg=270.0))) == []
    assert told(asked(west, wind=Wind(speed_m_s=3.0, from_deg=90.0))) == []
    assert told(asked(west, wind=Wind(speed_m_s=3.5, from_deg=90.0))) == [
        *errors("in_buffer"), *warnings("wind_high"),
    ]  # fmt: skip


def test_the_plans_own_word_on_what_may_be_sprayed_is_not_believed() -> None:
    wide = MultiPolygon([lonlat(box(-500, -500, 500, 500))])
    near = beside(sensitive_sites=(pond(35, -20, 60, 20),))
    for treatable in (JOB.treatable, wide):
        plan = replace(near, spray=replace(JOB, treatable=treatable))
        assert told(plan)[0] == ("spray_in_buffer", ERROR)
    values = the(near, "spray_in_buffer")
    assert (values["item"], values["count"]) == (6, 4)
    assert values["area_m2"] == pytest.approx(2.0 * (14.5 + 13.7) * 9.9, rel=0.01)
    assert "Ao" in values["why"].text("vi")


def test_water_and_ruoi_inside_the_field_are_never_sprayed() -> None:
    for kind in (SensitiveKind.WATER, SensitiveKind.RUOI):
        inside = SensitiveSite(kind=kind, geometry=lonlat(Point(0, 0)))
        assert ("spray_in_buffer", ERROR) in told(beside(sensitive_sites=(inside,)))


def test_what_stands_in_the_field_is_not_sprayed_on() -> None:
    grave = Obstacle(
        name="Mộ", kind=ObstacleKind.OTHER, geometry=lonlat(box(0, -6, 2, -4)), height_m=1.0
    )
    assert told(beside(obstacles=(grave,))) == errors("outside")
    assert the(beside(obstacles=(grave,)), "spray_outside")["area_m2"] == pytest.approx(
        4.0, abs=0.5
    )
    pole = replace(grave, kind=ObstacleKind.POLE, geometry=lonlat(Point(0, 0)))
    assert told(beside(obstacles=(pole,))) == []


def test_houses_and_roads_keep_people_out_of_the_spray() -> None:
    road = Obstacle(
        kind=ObstacleKind.ROAD, geometry=lonlat(LineString([(50, -90), (50, 90)])), height_m=0.0
    )
    assert told(beside(obstacles=(road,)))[0] == ("spray_in_buffer", ERROR)
    far = replace(road, geometry=lonlat(LineString([(60.1, -90), (60.1, 90)])))
    assert told(beside(obstacles=(far,))) == []


def test_an_edge_told_to_be_a_neighbours_is_kept() -> None:
    plan = asked(edges=(EdgeClearance(edge=2, clearance_m=5.0),))
    assert told(plan)[0] == ("spray_in_buffer", ERROR)
    unknown = asked(edges=(EdgeClearance(edge=9, clearance_m=5.0),))
    assert told(unknown) == errors("buffers_unknown")
    assert "dge 9" in the(unknown, "spray_buffers_unknown")["why"].text("en")


@pytest.mark.parametrize("told_it", [True, False])
def test_a_ruoi_paddy_is_refused_whoever_asks(told_it: bool) -> None:
    field = replace(SITE.field, crop="rươi")
    plan = beside(site_plan(told_it), field=field)
    assert ("spray_ruoi", ERROR) in told(plan)


def site_plan(told_it: bool) -> FlightPlan:
    return PLAN if told_it else replace(PLAN, spray=None)


def test_the_hose_shifts_what_is_wet() -> None:
    late = replace(SPRAYER, hose_s=0.4)
    run = stretches(path_of(PLAN), late)[0]
    start, end = np.array(run.line.coords)[[0, -1]]
    assert start[0] == pytest.approx(-30.0 + gone_m(0.0, 5.0, 0.9), abs=0.02)
    assert end[0] == pytest.approx(30.0 + 1.2 * 0.4, abs=0.02)
    assert ("spray_outside", ERROR) not in told(carried_by(hose_s=0.4))
    assert ("spray_outside", ERROR) in told(carried_by(hose_s=0.5))


def test_at_a_stop_the_hose_empties_where_the_aircraft_stands() -> None:
    late = replace(SPRAYER, hose_s=0.4)
    stopped = changed(6, param1=1.0)
    run = stretches(path_of(stopped), late)[0]
    assert np.array(run.line.coords)[-1, 0] == pytest.approx(30.0, abs=0.02)


def test_a_run_up_and_a_run_out_let_the_spray_begin_and_end_at_the_border() -> None:
    """On 4 m, off 2.5 m before the border, at 5 m/s with half a second of hose."""
    items = [*PLAN.items[:3], waypoint(-50, -15), held(84.5), sprayer(1), held(22.5), sprayer(0)]
    items += [waypoint(50, -15), sprayer(0), *PLAN.items[7:]]
    plan = replace(carried_by(hose_s=0.5), items=tuple(items))
    path = path_of(plan)
    run = stretches(path, plan.spray.settings.sprayer)[0]  # type: ignore[union-attr]
    west, east = np.array(run.line.coords)[[0, -1], 0]
    assert west == pytest.approx(-34.5 + 5.0, abs=0.05)
    assert east == pytest.approx(27.5 + 2.5, abs=0.05)
    assert [leg.spray_on for leg in path.legs if leg.seq == 9] == [False, True, False]
    assert all(key != "spray_off_held_back" for key, _ in told(plan))


def test_nothing_is_wet_when_the_off_comes_before_the_liquid() -> None:
    items = [*PLAN.items[:4], sprayer(1), held(59.5), sprayer(0), waypoint(30, -15), sprayer(0)]
    plan = with_items(*items, *PLAN.items[7:])
    run = stretches(path_of(plan), SPRAYER)[0]
    assert run.wet == ()
    assert run.line.is_empty
    assert run.length_m == 0.0


def test_the_way_gone_from_a_corner_is_that_of_even_acceleration() -> None:
    assert gone_m(0.0, 50.0, 2.0) == pytest.approx(1.2 * 2.0 + 1.35 * 2.0)
    assert gone_m(0.0, 50.0, 2.0) == pytest.approx(
        sum(speed_near(gone_m(0.0, 50.0, n / 1000.0), 50.0) for n in range(2000)) / 1000.0, abs=0.01
    )
    assert gone_m(1000.0, 4.0, 0.5) == 2.0


def test_what_the_planner_lays_around_a_pond_is_found_sound_and_with_another_wind_not() -> None:
    hexa = replace(SPRAYER, hose_s=0.3, max_speed_m_s=6.0)
    wanted = replace(JOB.settings, sprayer=hexa, swath_m=4.0, speed_m_s=4.0)
    site = replace(SITE, sensitive_sites=(pond(-90, -20, -70, 20),))
    kept = [buffer.area for buffer in buffers(site, wanted, site.field.frame)]
    plan = plan_spray(site, wanted, name="Phun", buffers=kept)
    assert [f.key for f in found(plan)] == ["finding.checked_spray", "finding.spray_past_edge"]
    assert the(plan, "checked_spray")["percent"] > 98.0
    turned = asked(plan, wind=Wind(speed_m_s=2.0, from_deg=None))
    assert told(turned) == []
    windy = asked(plan, wind=Wind(speed_m_s=3.9, from_deg=90.0))
    assert errors("in_buffer")[0] in told(windy)
    careless = plan_spray(site, wanted, name="Phun")
    assert told(careless)[0] == ("spray_in_buffer", ERROR)


# --- P3: switching --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (without(7), errors("on_twice")),
        (inserted(5, sprayer(1)), errors("on_twice")),
        (inserted(7, sprayer(0)), []),
        (inserted(3, sprayer(1)), errors("on_at_takeoff", "on_twice")),
        (exchanged(1, sprayer(1)), errors("on_at_takeoff", "on_twice")),
        (without(1), []),
        (without(20, 21, 22, 23), errors("no_land_start")),
        (without(21), errors("land_start_first")),
        (inserted(21, speed(5.0)), errors("land_start_first")),
        (without(23), errors("land_start_again")),
        (without(22), errors("land_start_again")),
        (exchanged(21, sprayer(2)), []),
        (exchanged(21, sprayer(1)), errors("land_start_first", "on_in_return")),
        (inserted(24, sprayer(1)), errors("on_at_return", "on_in_return")),
    ],
)
def test_each_mistake_of_switching_is_found(
    plan: FlightPlan, expected: list[tuple[str, Severity]]
) -> None:
    channel_free = check_switching(plan.items)
    assert [(f.key.removeprefix("finding."), f.severity) for f in channel_free] == expected


def test_the_item_found_is_told() -> None:
    assert the(without(7), "spray_on_twice") == {"item": 8}
    assert the(without(21), "spray_land_start_first") == {"item": 20}
    assert the(inserted(24, sprayer(1)), "spray_on_at_return") == {"item": 25}
    assert the(inserted(24, sprayer(1)), "spray_on_in_return") == {"item": 24}


def test_a_sprayer_left_on_over_a_landing_is_found_too() -> None:
    landed = exchanged(24, item_at(Command.NAV_LAND, local(*PAD_AT), 0.0))
    assert told(landed) == []
    left_on = with_items(*PLAN.items[:18], landed.items[-1])
    assert errors("on_at_return")[0] in told(left_on)


def test_an_off_that_is_only_held_back_is_not_relied_on() -> None:
    def orders(*behind: MissionItem) -> list[tuple[str, Severity]]:
        items = [*PLAN.items[:5], held(10.0), sprayer(0), waypoint(30, -15), *behind]
        plan = with_items(*items, *PLAN.items[7:])
        return [(f.key.removeprefix("finding."), f.severity) for f in check_switching(plan.items)]

    assert orders(sprayer(0)) == []
    assert orders() == errors("off_held_back")
    last = with_items(*PLAN.items[:17], held(10.0), sprayer(0), waypoint(-30, 15), RTL)
    keys = [f.key for f in check_switching(last.items)]
    assert keys == ["finding.spray_on_at_return", "finding.spray_no_land_start"]


def test_what_is_held_back_at_the_way_home_does_not_count() -> None:
    items = [*PLAN.items[:22], held(5.0), sprayer(0), RTL]
    assert [f.key for f in check_switching(items)] == ["finding.spray_land_start_again"]


def test_a_way_home_may_begin_by_climbing_on_the_spot() -> None:
    climb = MissionItem(command=Command.NAV_WAYPOINT, frame=Frame.RELATIVE, z=15.0)
    plan = with_items(*PLAN.items[:21], climb, waypoint(*PAD_AT, 15.0), sprayer(0), RTL)
    assert told(plan) == []
    assert not blocks(check_plan(plan))
    elsewhere = inserted(8, climb)
    assert "finding.no_place" in [f.key for f in check_plan(elsewhere)]


def test_a_bare_mark_of_the_way_home_needs_no_height_of_its_own() -> None:
    bare = exchanged(20, MissionItem(command=Command.DO_LAND_START))
    assert not blocks(check_plan(bare))


def test_spraying_through_a_turn_is_found_though_it_stays_in_the_field() -> None:
    through = without(7, 9)
    assert told(through)[0] == ("spray_off_pass", ERROR)
    values = the(through, "spray_off_pass")
    assert values["item"] == 7
    assert values["length_m"] == pytest.approx(10.0, abs=0.1)


def test_a_pass_that_the_plan_does_not_tell_is_sprayed_for_nothing() -> None:
    plan = replace(PLAN, spray=replace(JOB, passes=passes()[:3]))
    assert told(plan)[0] == ("spray_off_pass", ERROR)
    near = replace(PLAN, spray=replace(JOB, passes=passes((-15.0, -5.0, 5.0, 15.4))))
    assert ("spray_off_pass", ERROR) not in told(near)
    far = replace(PLAN, spray=replace(JOB, passes=passes((-15.0, -5.0, 5.0, 15.6))))
    assert ("spray_off_pass", ERROR) in told(far)


@pytest.mark.parametrize(
    ("turned_deg", "known"), [(0.0, True), (4.9, True), (5.1, False), (90.0, False)]
)
def test_a_pass_that_lies_across_does_not_tell_what_is_sprayed(
    turned_deg: float, known: bool
) -> None:
    """Both cross at their middles; only their directions differ."""
    turn = math.radians(turned_deg)
    east_m, north_m = 30.0 * math.cos(turn), 30.0 * math.sin(turn)
    places = (local(-east_m, 15.0 - north_m), local(east_m, 15.0 + north_m))
    across = replace(passes()[3], places=places)
    plan = replace(PLAN, spray=replace(JOB, passes=(*passes()[:3], across)))
    assert (("spray_off_pass", ERROR) not in told(plan)) is known


# --- a pump on a plain servo ----------------------------------------------------------------


def by_servo(pulse_us: float = 1694.0, rest_us: float = 1100.0) -> FlightPlan:
    """The plan for a pump on channel 9: 6 L/min of 1 to 8 between 0.1 and 1 is 74.3 %."""
    plan = carried_by(control=PumpControl.SERVO)
    items = [
        servo(pulse_us if item.param1 else rest_us) if item.command == 216 else item
        for item in PLAN.items
    ]
    return replace(plan, items=tuple(items))


def test_a_pump_on_a_plain_servo_is_read_from_its_own_items() -> None:
    share = 0.1 + 0.9 * (6.0 - 1.0) / (8.0 - 1.0)
    plan = by_servo(round(1100.0 + 800.0 * share))
    assert told(plan) == []
    assert the(plan, "checked_spray")["litres"] == pytest.approx(4.8, abs=0.02)
    assert not blocks(check_plan(plan))
    assert "finding.command_unknown" not in [f.key for f in check_plan(plan)]


def test_its_dose_follows_the_pulse() -> None:
    right = 1100.0 + 800.0 * (0.1 + 0.9 * 5.0 / 7.0)
    a_percent = 0.06 * 800.0 * 0.9 / 7.0
    for percents, expected in ((1.8, []), (-1.8, []), (2.3, ["dose"]), (-2.3, ["dose"])):
        assert told(by_servo(right + percents * a_percent)) == errors(*expected)


def test_only_its_own_rest_switches_it_off() -> None:
    plan = by_servo(1694.0)
    items = list(plan.items)
    items[20] = sprayer(0)
    wrong = replace(plan, items=tuple(items))
    assert errors("land_start_first")[0] in told(wrong)
    items = list(plan.items)
    items[20:21] = [sprayer(0), servo(1100.0)]
    assert told(replace(plan, items=tuple(items))) == []
    dripping = by_servo(1694.0, rest_us=1101.0)
    assert told(dripping)[0][1] is ERROR
    other = by_servo(1694.0)
    stray = replace(other, items=(*other.items[:4], servo(1900.0, channel=5), *other.items[4:]))
    assert told(stray) == []


# --- P4: coverage and overlap ---------------------------------------------------------------


def test_a_swath_left_out_is_told_with_its_share() -> None:
    three = (-15.0, -5.0, 5.0)
    plan = replace(estimated(litres=3.6), items=spray_items(three))
    plan = replace(plan, spray=replace(plan.spray, passes=passes(three)))  # type: ignore[type-var]
    assert told(plan) == warnings("missed")
    assert the(plan, "spray_missed")["percent"] == pytest.approx(26.0, abs=0.3)
    assert plan.spray is not None
    part = replace(plan, spray=replace(plan.spray, sorties=2))
    assert told(part) == []
    rows = replace(plan, spray=replace(plan.spray, kind="rows"))
    assert told(rows) == []


def test_coverage_is_judged_on_both_sides_of_its_limit() -> None:
    """Passes begin 0.77 m late; 60 m passes over a wider paddy leave its ends out."""
    for east_m, expected in ((30.3, []), (30.8, ["missed"])):
        field = replace(SITE.field, boundary=MultiPolygon([lonlat(box(-30, -20, east_m, 20))]))
        assert told(beside(field=field)) == warnings(*expected)


def test_on_a_small_paddy_shares_say_nothing() -> None:
    """A paddy 60 m wide and as deep as told, of which one pass of 10 m is sprayed."""
    for deep_m, expected in ((16.6, []), (16.8, ["missed"])):
        shape = lonlat(box(-30, -20, 30, -20 + deep_m))
        field = replace(SITE.field, boundary=MultiPolygon([shape]))
        plan = replace(beside(estimated(litres=1.2), field=field), items=spray_items((-15.0,)))
        plan = replace(plan, spray=replace(plan.spray, passes=passes((-15.0,))))  # type: ignore[type-var]
        assert told(plan) == warnings(*expected)


def test_ground_sprayed_twice_is_told() -> None:
    for north, expected in ((0.5, ["twice"]), (4.0, [])):
        norths = (-15.0, -5.0, 5.0, north if expected else 15.0)
        plan = replace(PLAN, items=spray_items(norths))
        plan = replace(plan, spray=replace(JOB, passes=passes(norths), sorties=2))
        assert told(plan) == warnings(*expected)
    closer = (-15.0, -6.0, 3.0, 12.0)
    plan = replace(PLAN, items=spray_items(closer))
    plan = replace(plan, spray=replace(JOB, passes=passes(closer), sorties=2))
    assert told(plan) == []
    assert the(plan, "checked_spray")["twice_pct"] == pytest.approx(100.0 * 3.0 / 37.0, abs=0.2)
    closest = (-15.0, -6.0, 2.5, 11.0)
    plan = replace(PLAN, items=spray_items(closest))
    plan = replace(plan, spray=replace(JOB, passes=passes(closest), sorties=2))
    assert told(plan) == warnings("twice")


def test_twice_at_half_the_rate_is_meant_with_a_crosshatch() -> None:
    norths = (*(-15.0, -5.0, 5.0, 15.0), *(-15.0, -5.0, 5.0, 15.0))
    half = tuple(replace(p, rate_l_ha=10.0) for p in passes(norths))
    plan = replace(asked(crosshatch=True), items=spray_items(norths))
    assert plan.spray is not None
    plan = replace(plan, spray=replace(plan.spray, passes=half))
    plan = estimated(plan, length_m=900.0)
    assert told(plan) == []
    assert the(plan, "checked_spray")["twice_pct"] == pytest.approx(0.0, abs=0.1)
    assert the(plan, "checked_spray")["litres"] == pytest.approx(4.74, abs=0.02)


# --- P5: dose -------------------------------------------------------------------------------


def test_the_pump_follows_the_speed_but_its_curve_is_not_a_straight_line() -> None:
    """From 6 L/min at 5 m/s, 74.3 %, down to v: (74.3 v / 5 − 10) · 7 / 90 + 1 against 1.2 v."""

    def flown_at(speed_m_s: float) -> list[tuple[str, Severity]]:
        return told(exchanged(3, speed(speed_m_s)))

    assert flown_at(5.0) == []
    assert flown_at(4.9) == []
    off = (74.2857 * 4.0 / 5.0 - 10.0) * 7.0 / 90.0 + 1.0
    assert abs(off / 4.8 - 1.0) > 0.005
    assert flown_at(4.0) == (errors("dose") if abs(off / 4.8 - 1.0) > 0.02 else [])
    assert errors("dose")[0] in flown_at(2.0) or errors("flow")[0] in flown_at(2.0)


def test_a_flow_beyond_the_pump_is_found_on_both_sides() -> None:
    for low, high, expected in (
        (1.0, 6.0, []), (1.0, 5.99, ["flow"]), (5.9, 8.0, []), (6.01, 8.0, ["flow"]),
    ):  # fmt: skip
        points = tuple(
            replace(point, flow_l_min=flow)
            for point, flow in zip(SPRAYER.pump, (low, high), strict=True)
        )
        keys = [key for key, _ in told(carried_by(pump=points))]
        assert ("spray_pump_unset" in keys or "spray_flow" in keys) == bool(expected), (low, high)


def test_a_pass_of_another_rate_than_the_pump_is_set_for_is_found() -> None:
    for rate, expected in ((20.15, []), (20.7, ["dose"]), (22.0, ["pump_unset"])):
        odd = (*passes()[:3], replace(passes()[3], rate_l_ha=rate))
        assert told(replace(PLAN, spray=replace(JOB, passes=odd))) == errors(*expected)
    odd = (*passes()[:3], replace(passes()[3], rate_l_ha=20.7))
    off = the(replace(PLAN, spray=replace(JOB, passes=odd)), "spray_dose")
    assert off["item"] == 6
    assert abs(off["percent"]) > 2.0


def test_another_makers_controller_gives_what_is_asked_within_its_pump() -> None:
    assert told(carried_by(control=PumpControl.EXPORT)) == []
    fast = exchanged(3, speed(6.8))
    plan = replace(fast, spray=carried_by(control=PumpControl.EXPORT).spray)
    assert errors("flow")[0] in told(plan)


def test_a_width_told_too_narrow_is_not_believed() -> None:
    for width, believed in ((6.0, 6.0), (5.9, 10.0), (10.0, 10.0)):
        assert believed_width_m(JOB, replace(JOB.passes[0], width_m=width)) == believed
    rows = replace(JOB, kind="rows")
    assert believed_width_m(rows, replace(JOB.passes[0], width_m=3.0)) == 3.0


# --- P6: tank, pack, speed, height, wind ----------------------------------------------------


def test_more_than_the_tank_holds_is_found_by_the_items_and_by_the_estimate() -> None:
    assert told(carried_by(tank_l=5.85)) == []
    assert told(carried_by(tank_l=5.75)) == errors("tank")
    assert told(carried_by(tank_l=5.7)) == errors("tank")
    swollen = estimated(litres=10.1)
    assert told(swollen) == errors("tank", "litres")
    small = replace(carried_by(tank_l=5.7), spray=None)
    assert small.spray is None


def test_litres_that_the_items_do_not_spray_are_found() -> None:
    by_items = the(PLAN, "checked_spray")["litres"]
    room = 0.02 * by_items + 0.1
    for litres, expected in (
        (by_items + room - 0.01, []), (by_items + room + 0.01, ["litres"]),
        (by_items - room + 0.01, []), (by_items - room - 0.01, ["litres"]),
    ):  # fmt: skip
        assert told(estimated(litres=litres)) == errors(*expected)


def test_the_pack_keeps_its_reserve() -> None:
    assert told(estimated(energy_wh=420.0)) == []
    assert told(estimated(energy_wh=420.1)) == errors("energy")
    aircraft = replace(SPRAYER.aircraft, reserve=0.29)
    assert told(carried_by(aircraft=aircraft)) == [("reserve_low", ERROR)]


def test_an_estimate_of_a_shorter_way_is_old() -> None:
    length_m = float(sum(line.length for line in path_of(PLAN).lines))
    assert told(estimated(length_m=0.981 * length_m)) == []
    assert told(estimated(length_m=0.979 * length_m)) == [("estimate_old", ERROR)]


def test_an_aircraft_with_a_smaller_pack_than_planned_is_found() -> None:
    same = replace(PLAN, aircraft=replace(SPRAYER.aircraft, battery_wh=600.0))
    assert told(same) == []
    assert told(replace(PLAN, aircraft=None)) == []
    less = replace(PLAN, aircraft=replace(SPRAYER.aircraft, battery_wh=599.0))
    assert told(less) == errors("other_pack")


def test_no_faster_than_the_sprayer_sprays() -> None:
    slow = carried_by(max_speed_m_s=5.0)
    assert told(slow) == []
    assert errors("too_fast")[0] in told(replace(exchanged(3, speed(5.01)), spray=slow.spray))
    quick = carried_by(max_speed_m_s=9.0)
    for speed_m_s, expected in ((7.0, []), (7.01, warnings("fast"))):
        plan = replace(exchanged(3, speed(speed_m_s)), spray=quick.spray)
        assert [entry for entry in told(plan) if "fast" in entry[0]] == expected


def test_a_speed_that_is_never_set_is_the_vehicles_own() -> None:
    assert the(without(3), "spray_too_fast")["speed_m_s"] == 10.0


def at_height(height_m: float) -> FlightPlan:
    items = [replace(i, z=height_m) if i.command == Command.NAV_WAYPOINT else i for i in PLAN.items]
    return with_items(*items)


@pytest.mark.parametrize(
    ("height_m", "expected"),
    [
        (1.94, errors("height")),
        (1.96, []),
        (3.04, []),
        (3.06, warnings("high")),
        (4.0, warnings("high")),
        (4.06, errors("height")),
    ],
)
def test_the_height_over_the_crop_is_the_sprayers(
    height_m: float, expected: list[tuple[str, Severity]]
) -> None:
    assert told(at_height(height_m)) == expected


def test_the_crops_height_is_taken_off() -> None:
    assert told(asked(at_height(5.0), crop_height_m=2.0)) == []
    assert errors("height")[0] in told(asked(crop_height_m=2.0))


def test_heights_over_rising_ground_are_measured_from_it() -> None:
    def rising(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
        return 2.0 + 0.0 * lon * lat

    plan = at_height(5.0)
    assert errors("height")[0] in told(plan)
    assert [f for f in check_spray(plan, path_of(plan), ground=rising) if f.severity] == []
    keys = [f.key for f in check_plan(plan, ground=rising)]
    assert "finding.spray_height" not in keys
    assert "finding.spray_height" in [f.key for f in check_plan(PLAN, ground=rising)]


def test_a_spraying_may_fly_as_low_as_its_sprayer_sprays_and_no_lower() -> None:
    low = asked(carried_by(at_height(1.5), min_height_m=1.5), height_m=1.5)
    items = (low.items[0], replace(low.items[1], z=1.5), *low.items[2:])
    plan = replace(low, items=items)
    assert "finding.too_low" not in [f.key for f in check_plan(plan)]
    assert "finding.too_low" in [f.key for f in check_plan(replace(plan, spray=None))]
    lower = replace(plan, items=(items[0], replace(items[1], z=1.4), *items[2:]))
    assert "finding.too_low" in [f.key for f in check_plan(lower)]


@pytest.mark.parametrize(
    ("wind", "expected"),
    [
        (Wind(speed_m_s=3.0, from_deg=90.0), []),
        (Wind(speed_m_s=3.1, from_deg=90.0), warnings("wind_high")),
        (Wind(speed_m_s=4.0, from_deg=90.0), warnings("wind_high")),
        (Wind(speed_m_s=4.1, from_deg=90.0), errors("wind_stop")),
        (Wind(speed_m_s=2.0, from_deg=90.0, gust_m_s=5.0), []),
        (Wind(speed_m_s=2.0, from_deg=90.0, gust_m_s=5.1), errors("gust")),
    ],
)
def test_the_wind_it_is_planned_for_is_one_to_spray_in(
    wind: Wind, expected: list[tuple[str, Severity]]
) -> None:
    assert told(asked(wind=wind)) == expected


def test_tighter_limits_are_kept() -> None:
    tight = SprayLimits(start_m_s=1.5, speed_m_s=4.0, height_m=2.5)
    keys = [f.key for f in check_spray(PLAN, path_of(PLAN), limits=tight) if f.severity]
    assert keys == ["finding.spray_wind_high", "finding.spray_fast", "finding.spray_high"]


# --- spots ----------------------------------------------------------------------------------


def over_trees(*easts: float, dwell_s: float = 6.0) -> FlightPlan:
    """Spots of 0.6 L in 6 s: 6 L/min, by a pump on a plain servo."""
    pulse_us = float(round(1100.0 + 800.0 * (0.1 + 0.9 * 5.0 / 7.0)))
    items = [servo(1100.0), PLAN.items[1], speed(5.0)]
    for east in easts:
        delay = MissionItem(command=Command.NAV_DELAY, param1=dwell_s, param2=-1.0)
        items += [waypoint(east, 0.0), servo(pulse_us), delay, servo(1100.0)]
    items += [land_start(), servo(1100.0), waypoint(*PAD_AT), servo(1100.0), RTL]
    trees = tuple(
        SprayPass(places=(local(east, 0.0),), width_m=4.0, spot_l=0.6, dwell_s=6.0)
        for east in (-20.0, 0.0, 20.0)
    )
    plan = estimated(carried_by(control=PumpControl.SERVO), litres=0.6 * len(easts))
    assert plan.spray is not None
    job = replace(plan.spray, kind="trees", passes=trees)
    return replace(plan, items=tuple(items), spray=job)


def test_trees_sprayed_one_by_one_pass() -> None:
    assert told(over_trees(-20.0, 0.0, 20.0)) == []
    figures = the(over_trees(-20.0, 0.0, 20.0), "checked_spray_trees")
    assert figures["litres"] == pytest.approx(1.8, abs=0.01)
    assert figures["passes"] == 3


@pytest.mark.parametrize(("language", "word"), [("en", "3 trees"), ("vi", "3 cây")])
def test_of_a_plan_for_trees_trees_are_told_and_of_a_spraying_no_camera(
    language: Language, word: str
) -> None:
    said = [finding.text(language) for finding in check_plan(over_trees(-20.0, 0.0, 20.0))]
    assert any(text.startswith(word) for text in said)
    assert not [t for t in said if any(w in t for w in ("swath", "luống", "camera", "máy ảnh"))]
    assert "camera" in next(
        f.text("en") for f in check_plan(plans.PLAN) if f.key == "finding.checked_items"
    )


def test_a_spot_beside_its_tree_or_in_a_buffer_is_found() -> None:
    assert told(over_trees(-20.0, 0.0, 20.4)) == []
    assert told(over_trees(-20.0, 0.0, 20.6))[0] == ("spray_off_pass", ERROR)
    wet = beside(over_trees(-20.0, 0.0, 20.0), sensitive_sites=(pond(35, -5, 50, 5),))
    assert told(wet) == errors("in_buffer")


def test_a_short_stop_at_the_end_of_a_pass_is_no_spot() -> None:
    assert told(changed(6, param1=1.0)) == []
    assert told(changed(6, param1=2.0)) == errors("off_pass")
    assert spots(changed(7, param1=0.0).items, path_of(PLAN)) == ()


# --- the legs as they are read --------------------------------------------------------------


def legs(*items: MissionItem) -> list[tuple[int, bool, float]]:
    """Number, sprayer and length of what is flown 100 m east and back."""
    start = [item_at(Command.NAV_TAKEOFF, local(0, 0), SPRAY_M)]
    flown = flown_legs([*start, *items], local(0, 0))
    path = path_of(FlightPlan(name="", home=local(0, 0), items=(*start, *items)))
    assert path.legs == flown
    return [(leg.seq, leg.spray_on, round(line.length, 1))
            for leg, line in zip(path.legs, path.lines, strict=True)]  # fmt: skip


def test_what_is_held_back_happens_where_the_waypoint_is_that_near() -> None:
    assert legs(held(30.0), sprayer(1), waypoint(100, 0)) == [(4, False, 70.0), (4, True, 30.0)]
    assert legs(held(130.0), sprayer(1), waypoint(100, 0)) == [(4, True, 100.0)]
    assert legs(held(0.0), sprayer(1), waypoint(100, 0)) == [(4, False, 100.0)]
    both = legs(held(80.0), sprayer(1), held(30.0), sprayer(0), waypoint(100, 0))
    assert both == [(6, False, 20.0), (6, True, 50.0), (6, False, 30.0)]


def test_conditions_wait_for_each_other() -> None:
    late = legs(held(30.0), sprayer(1), held(80.0), speed(3.0), waypoint(100, 0))
    assert late == [(6, False, 70.0), (6, True, 30.0)]


def test_what_is_still_held_back_at_the_waypoint_is_forgotten() -> None:
    assert legs(waypoint(100, 0), held(0.0), sprayer(1), waypoint(0, 0), waypoint(50, 0)) == [
        (2, False, 100.0), (5, False, 100.0), (6, False, 50.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("parameter", "on"), [(0.0, False), (1.0, True), (1.9, True), (2.0, False), (-1.0, False)]
)
def test_the_sprayers_parameter_is_a_whole_number(parameter: float, on: bool) -> None:
    item = MissionItem(command=Command.DO_SPRAYER, param1=parameter)
    assert legs(item, waypoint(100, 0)) == [(3, on, 100.0)]


def test_heights_on_the_pieces_of_a_climbing_leg_lie_on_it() -> None:
    items = [item_at(Command.NAV_TAKEOFF, local(0, 0), 3.0), held(25.0), sprayer(1),
             waypoint(100, 0, 7.0)]  # fmt: skip
    first, second = flown_legs(items, local(0, 0))
    assert (first.start_height_m, second.end_height_m) == (3.0, 7.0)
    assert first.end_height_m == second.start_height_m == pytest.approx(6.0, abs=0.01)
    assert first.end == second.start


def test_numbers_of_the_hand_laid_plan_are_what_they_say() -> None:
    assert [item.command for item in PLAN.items[:7]] == [216, 22, 178, 16, 216, 16, 216]
    assert PLAN.items[19].command == Command.DO_LAND_START
    assert math.isclose(SITE.field.area_m2, 2400.0, rel_tol=1e-3)


def test_a_fence_across_the_straight_way_home_is_an_error() -> None:
    """Its action is to brake: there the aircraft would stand until its pack is empty."""
    plan, *_ = drawn(20)
    assert plan.site is not None
    assert plan.spray is not None
    frame = plan.site.field.frame
    narrow = next(enclosures(plan.site, plan.spray.settings.flying_height_m, frame))
    close = replace(narrow, outer=None).polygons(frame)
    for flown, wrong in ((plan, False), (replace(plan, fence_polygons=close), True)):
        keys = {f.key for f in check_plan(flown) if f.severity is ERROR}
        assert keys == ({"finding.fence_bars_home"} if wrong else set())
