"""Whatever spraying is planned, the flights keep the promises a farmer under them relies on.

Random fields of every awkward kind, 0.02 to 20 ha, at any angle, with what may stand and live
around them, wind from anywhere, and every wish a farmer may have. The promises of one job are
measured in `tests.spray_promises`; here are those of two: repeated, moved, kept off further, broken
off, written and read. Names P1 … P15 are those of the safety invariants.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
import shapely
from hypothesis import currently_in_test_context, given, note, settings
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink
from shapely import affinity
from shapely.geometry import MultiPolygon, Point, Polygon

from agri.errors import AgriError
from agri.field import ObstacleKind
from agri.findings import Severity
from agri.geo import LonLat
from agri.weather import Wind
from missions.catalogue import sprayer
from missions.checks.plan import check_plan
from missions.drift.buffers import buffers
from missions.flightplan import FlightPlan
from missions.formats import export_plan, read_mission_file
from missions.items import MissionItem, MissionType, digest
from missions.passes.energy import estimate_spray
from missions.passes.route import SprayRoute
from missions.sortie import done_until, remainder, route_of
from missions.spray.mission import fly_route
from missions.sprayer.job import SpraySettings
from missions.wire.messages import Address, Item, decode, encode
from tests.sites import TROMSO, Draft
from tests.sizes import of_full
from tests.spray_jobs import SPRAYERS, WATER, Case, Job, cases, drafts, plan_job
from tests.spray_promises import (
    ALONG_M,
    OUTSIDE,
    TOLERANCE_M,
    is_right,
    keeps_every_promise,
    late,
)
from tests.spray_reading import Flown
from tests.spray_refusals import dry_m

# --- random jobs ----------------------------------------------------------------------------------


def judged(case: Case, draft: Draft) -> str:
    """Plan and measure; return how it ended: "planned", "told" or the refusal's key."""
    site = case.site(draft)
    try:
        job = plan_job(site, case.asked)
    except AgriError as refused:
        if not is_right(case, site, refused.message.key):
            raise
        return refused.message.key
    return keeps_every_promise(job)


WISH = SpraySettings(
    sprayer=SPRAYERS[0], product=WATER, rate_l_ha=40.0, height_m=3.0, speed_m_s=4.0, swath_m=4.0,
    wind=Wind(speed_m_s=1.0),
)  # fmt: skip
SMALL_HA, LARGE_HA = (0.08,) * 15 + (0.3,) * 4 + (1.0,), (0.3,) * 10 + (2.0,) * 9 + (20.0,)


def run(examples: int, sizes_ha: tuple[float, ...]) -> Counter[str]:
    """Judge `examples` random jobs and count how they ended."""
    ends: Counter[str] = Counter()

    @settings(max_examples=examples, database=None)
    @given(st.sampled_from(sizes_ha).flatmap(cases), drafts())
    def judge(case: Case, draft: Draft) -> None:
        note(case.told())
        ends[judged(case, draft)] += 1

    judge()
    return ends


def mostly_planned(ends: Counter[str]) -> None:
    total = sum(ends.values())
    assert ends["planned"] >= 0.5 * total, ends
    assert ends["told"] <= 0.15 * total, ends


def test_five_hundred_random_jobs_are_flown_as_promised() -> None:
    ends = run(500, SMALL_HA)
    assert ends["planned"] >= 100, ends  # a short run begins with simple and odd jobs


@pytest.mark.slow
def test_ten_thousand_random_jobs_are_flown_as_promised(record_property) -> None:
    ends = run(of_full(10_000), LARGE_HA)
    record_property("spray_jobs", sum(ends.values()))
    record_property("spray_jobs_planned", ends["planned"])
    if sum(ends.values()) > 1000:  # a short run begins with simple and odd jobs
        mostly_planned(ends)


def paddy(wide_m: float, long_m: float, away_m: float, **values: float) -> Case:
    """A bare block and a pad beside its long side."""
    asked = replace(WISH, **values)
    return Case(
        field=MultiPolygon([shapely.box(-wide_m / 2, -long_m / 2, wide_m / 2, long_m / 2)]),
        pad=(wide_m / 2.0 + away_m, 0.0), things=(), sensitive=(), zones=(), crop="lúa",
        asked=asked,
    )  # fmt: skip


def right(case: Case, key: str) -> bool:
    return is_right(case, case.site(Draft()), key)


REFUSALS = ("spray_too_short", "spray_pack_too_small", "spray_out_of_reach", "spray_all_buffer",
            "spray_all_closed", "swath_too_wide", "swath_does_not_fit", "pad_not_clear",
            "pad_near_closed", "pad_cut_off", "no_way", "tank_below_swath", "dose_over",
            "ruoi_field", "whatever")  # fmt: skip


@pytest.mark.parametrize("key", REFUSALS)
def test_a_refusal_of_an_ordinary_paddy_would_be_caught(key: str) -> None:
    assert judged(paddy(60.0, 80.0, 10.0), Draft()) == "planned"
    assert not right(paddy(60.0, 80.0, 10.0), f"error.{key}")


def test_lanes_are_called_too_short_only_where_no_drop_falls() -> None:
    key, most_m = "error.spray_too_short", dry_m(WISH)
    assert 2.0 < most_m < 5.0
    assert right(paddy(12.0, most_m, 5.0, angle_deg=0.0), key)
    assert not right(paddy(12.0, most_m + 1.0, 5.0, angle_deg=0.0), key)
    assert right(paddy(most_m, 7.9, 5.0), key)  # less than two swaths wide in every direction
    assert judged(paddy(12.0, most_m + 2.0, 5.0, angle_deg=0.0), Draft()) == "planned"


def test_a_pack_is_called_too_small_only_where_it_does_not_last() -> None:
    """The planner's own least distance is a twentieth further than what is surely near enough."""
    key = "error.spray_pack_too_small"
    near, far = paddy(40.0, 60.0, 420.0, speed_m_s=1.5), paddy(40.0, 60.0, 620.0, speed_m_s=1.5)
    assert judged(near, Draft()) == "planned"
    assert not right(near, key)
    assert judged(far, Draft()) == key
    assert not right(replace(far, asked=replace(far.asked, speed_m_s=2.5)), key)


# --- repeated, moved and turned, kept off further, broken off, written and read -------------------


def planned(case: Case, draft: Draft | None = None, **more: float) -> Job | None:
    if currently_in_test_context():
        note(case.told())
    try:
        return plan_job(case.site(draft or Draft()), case.asked, **more)
    except AgriError:
        return None


@settings(max_examples=15, database=None)
@given(cases(0.1))
def test_the_same_job_gives_the_same_bytes(case: Case) -> None:
    """P11."""
    texts = []
    for _ in range(2):
        job = planned(case)
        plans = () if job is None else job.plans
        texts.append([export_plan(p, to) for p in plans for to in ("agri", "plan", "waypoints")])
    assert texts[0] == texts[1]


@settings(max_examples=20, database=None)
@given(
    case=cases(0.1, bare=True),
    turn_deg=st.floats(-180.0, 180.0),
    origin=st.sampled_from([TROMSO, LonLat(lon_deg=106.7, lat_deg=20.9)]),
)
def test_a_job_moved_and_turned_is_flown_moved_and_turned(
    case: Case, turn_deg: float, origin: LonLat
) -> None:
    """P12: every pass to 0.05 m."""
    first, draft = planned(case), Draft(origin, turn_deg)
    wind, angle_deg = case.asked.wind, case.asked.angle_deg
    if wind.from_deg is not None:
        wind = replace(wind, from_deg=wind.from_deg - turn_deg)
    if angle_deg is not None:
        angle_deg = (angle_deg - turn_deg) % 180.0
    second = planned(
        replace(case, asked=replace(case.asked, wind=wind, angle_deg=angle_deg)), draft
    )
    assert (first is None) == (second is None)
    if first is None or second is None:
        return
    ends = [_ends(first, Draft()), _ends(second, draft)]
    apart = [math.dist(a, b) for a, b in zip(*ends, strict=True)]
    assert max(apart) <= TOLERANCE_M


def _ends(job: Job, draft: Draft) -> list[tuple[float, float]]:
    """Ends of the passes, in the metres the site was drawn in."""
    frame = job.site.field.frame
    found = []
    for work in job.route.passes:
        for point in (work.points[0], work.points[-1]):
            place = Point(draft.frame.metres(frame.place(*point)))
            found.append(affinity.rotate(place, -draft.turn_deg, origin=(0.0, 0.0)).coords[0])
    return found


@settings(max_examples=20, database=None)
@given(case=cases(0.2), wider_m=st.floats(0.5, 8.0))
def test_wider_buffers_never_add_sprayed_ground(case: Case, wider_m: float) -> None:
    """P13: what is sprayed lies in what may be sprayed with the buffers drawn wider."""
    job = planned(case, extra_m=wider_m)
    if job is None:
        return
    flights = [Flown(plan) for plan in job.plans]
    width_m = job.flown.swath_m - 2.0 * TOLERANCE_M
    fallen = shapely.union_all(
        [w.ground(width_m, late(w), ALONG_M) for f in flights for w in f.wets]
    )
    for zone in buffers(job.site, job.asked, job.site.field.frame):
        kept = zone.area.buffer(wider_m - 2.0 * TOLERANCE_M)
        assert fallen.intersection(kept).area <= OUTSIDE * fallen.area + 0.1
    narrower = planned(case)
    assert narrower is not None
    assert job.route.treatable.difference(narrower.route.treatable.buffer(0.2)).area <= 0.5
    assert fallen.area <= narrower.route.treatable.area + 0.5


@settings(max_examples=30, database=None)
@given(case=cases(0.15), which=st.floats(0.0, 0.999), share=st.floats(0.0, 1.0))
def test_the_rest_of_a_sortie_broken_off_is_sprayed_once(
    case: Case, which: float, share: float
) -> None:
    """P14: gap or overlap of at most a metre where it was broken off, none elsewhere."""
    rest_is_sprayed_once(case, which, share)


NO_ROOM = Case(
    field=MultiPolygon([Polygon([(7.4175, 0.0), (1.7510, 12.9987), (-7.4175, 8.0336),
                                 (-7.4175, -8.0336), (1.7510, -12.9987)])]),
    pad=(10.631648876907743, -12.75789148738257),
    things=((ObstacleKind.POLE, Point(0.5825, 0.0), 1.0),), sensitive=(), zones=(), crop="lúa",
    asked=SpraySettings(sprayer=sprayer("16 L hexa"), product=WATER, rate_l_ha=15.0, height_m=2.0,
                        speed_m_s=4.0, swath_m=5.0, crop_height_m=0.0, wind=Wind(speed_m_s=1.0),
                        resume_overlap_m=0.0),
)  # fmt: skip
"""A patch of 4 m beside a pole; broken off at the half, its rest has no room for a run-up."""


def test_the_rest_begins_in_time_where_there_is_no_room_for_a_run_up() -> None:
    """Come to at full speed, 1.4 m of it would be missed."""
    rest_is_sprayed_once(NO_ROOM, 0.0, 0.5)


def broken_off(plan: FlightPlan, far_m: float) -> SprayRoute | None:
    """Return what is left of a sortie that was sprayed so far."""
    route, index, at_m = route_of(plan), 0, far_m
    while index + 1 < len(route.passes) and at_m > route.passes[index].length_m:
        at_m -= route.passes[index].length_m
        index += 1
    return remainder(plan, done_until(route, index, at_m))


def rest_is_sprayed_once(case: Case, which: float, share: float) -> None:
    job = planned(case)
    if job is None:
        return
    plan = job.plans[int(which * len(job.plans))]
    route = route_of(plan)
    far_m = share * route.work_m
    rest = broken_off(plan, far_m)
    left_m = route.work_m - far_m
    if rest is None:
        assert left_m <= 1.0 + TOLERANCE_M
        return
    assert abs(rest.work_m - left_m) <= 1.0 + TOLERANCE_M
    again = fly_route(
        job.site, job.flown, rest, name="Nốt", estimate=estimate_spray(rest, job.flown)
    )
    errors = [f.text("en") for f in check_plan(again) if f.severity is Severity.ERROR]
    assert not errors, errors
    left = Flown(again).wets
    before = Flown(plan).wets[-len(left) :]
    apart = [
        math.dist(one.points[end], other.points[end])
        for one, other in zip(before, left, strict=True)
        for end in (0, -1)
        if max(one.line.length, other.line.length) > NOTHING_M or one is before[0]
    ]
    assert max(apart[1::2]) <= END_M
    assert sum(apart[1:]) <= 1.0 + ROUGHLY_M * len(left)
    stopped = before[0].line.project(Point(rest.passes[0].points[0]))
    begun = before[0].line.project(Point(left[0].points[0]))
    assert abs(begun - stopped) <= 1.0


NOTHING_M = 0.2
"""A way on which the hose has hardly filled when the sprayer is off again."""
END_M, ROUGHLY_M = 0.25, 0.1
"""A plan's fence is rounded: the rest may have 5 cm more room to run up."""


@settings(max_examples=25, database=None)
@given(cases(0.15))
def test_a_job_written_and_read_is_the_same_flight(case: Case) -> None:
    """P15: agri's own file, ``.plan``, waypoint text and the wire."""
    job = planned(case)
    for plan in () if job is None else job.plans:
        assert read_mission_file(export_plan(plan, "agri")) == plan
        assert read_mission_file(export_plan(plan, "plan")).digest == plan.digest
        assert digest(read_mission_file(export_plan(plan, "waypoints")).items) == digest(plan.items)
        for kind in MissionType:
            items = plan.wire_items(kind)
            assert digest(over_the_wire(kind, items)) == digest(items)


def over_the_wire(kind: MissionType, items: Sequence[MissionItem]) -> list[MissionItem]:
    """Pack items into MAVLink frames and read them out of the bytes."""
    sender = mavlink.MAVLink(None, srcSystem=255, srcComponent=190)
    reader = mavlink.MAVLink(None)
    found = []
    for seq, item in enumerate(items):
        body = Item(mission_type=kind, seq=seq, item=item)
        frame = encode(body, Address(1, 1)).pack(sender)
        heard = decode(reader.decode(bytearray(frame)))
        assert heard is not None
        assert isinstance(heard.body, Item)
        assert heard.body.item is not None
        found.append(heard.body.item)
    return found
