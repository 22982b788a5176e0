"""The guard over the sprayer: what is seen, what is ordered, and how soon the pump is still."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink
from shapely.geometry import box

from missions.applied.account import applied
from missions.flight import launch
from missions.flight.launch import fly, prepare
from missions.flight.phases import FlightState, Order, Phase, Read, Saw
from missions.flight.spray_watch import AGAIN_S, OUTSIDE_S, TRIES, SprayWatched, guard
from missions.flight.steps import begin, step
from missions.flight.watching import Note, Watched
from missions.flightplan import FlightPlan
from missions.link.link import Link
from missions.link.stops import off_calls
from missions.wire.commands import Parameter
from missions.wire.sightings import Sighting, SightingKind
from missions.wire.telemetry import CopterMode, PumpServo, Telemetry
from sitl.simulator import Simulator
from sitl.spray_gear import SprayHardware
from sitl.storage import Item
from tests import spray_flown as spraying
from tests.ground_station import ring
from tests.guarded import PUMP, GuardedFlight
from tests.sizes import of_full
from tests.virtual_air import PAIR, bad_radio

PLAN = spraying.plan()
SIX = SprayHardware(pump=((0.0, 0.0), (1.0, 6.0)), kg_per_l=0.0)
INSIDE, OUTSIDE = spraying.FRAME.place(60.0, 20.0), spraying.FRAME.place(60.0, 60.0)
ON = Telemetry(
    time_s=100.0, armed=True, mode=CopterMode.AUTO, place=INSIDE, height_m=5.0, speed_m_s=5.0,
    fix_type=3, ekf_ok=True, pump=PUMP, pump_share=0.5, mission_current=5, mission_state=3,
    home=spraying.HOME,
)  # fmt: skip


def play(*seen: Telemetry, plan: FlightPlan = PLAN) -> tuple[SprayWatched, list[tuple[float, str]]]:
    """Show one after the other; return what is remembered, and the wishes with their time."""
    after, said = SprayWatched(), []
    for now in seen:
        after, wishes = guard(plan, after, now)
        said += [(now.time_s, w if isinstance(w, str) else w.key) for w in wishes]
    return after, said


def lasting(seen: Telemetry, seconds: float, hz: float = 10.0) -> list[Telemetry]:
    count = round(seconds * hz) + 1
    return [replace(seen, time_s=seen.time_s + n / hz) for n in range(count)]


# ---- what is judged


def test_spraying_where_it_may_be_sprayed_asks_for_nothing():
    assert play(*lasting(ON, 60.0))[1] == []


def test_a_pump_outside_for_more_than_a_second_is_switched_off_within_half_a_second():
    _, said = play(*lasting(replace(ON, place=OUTSIDE), 1.9))
    assert [word for _, word in said] == ["event.sprayer_off_outside", "spray_off"]
    assert OUTSIDE_S < said[0][0] - 100.0 <= OUTSIDE_S + 0.5


def test_lead_and_lag_of_less_than_a_second_are_left_alone():
    def end_of_line(start_s: float) -> list[Telemetry]:
        over = replace(ON, place=OUTSIDE, time_s=start_s)
        turn = replace(over, time_s=start_s + 1.0, pump_share=0.0)
        return [*lasting(over, 0.9), *lasting(turn, 3.0), replace(ON, time_s=start_s + 5.0)]

    assert play(*(seen for n in range(10) for seen in end_of_line(100.0 + 10.0 * n)))[1] == []


def test_a_still_pump_outside_is_no_trouble_and_one_that_is_not_told_neither():
    for share in (0.0, 0.009, math.nan):
        still = replace(ON, place=OUTSIDE, pump_share=share)
        assert play(*lasting(still, 30.0))[1] == []


def test_a_pump_that_stays_on_is_ordered_off_each_second_and_then_the_aircraft_stopped():
    _, said = play(*lasting(replace(ON, place=OUTSIDE), 4.35))
    offs = [at_s for at_s, word in said if word == "spray_off"]
    assert len(offs) == TRIES + 1
    assert all(b - a == pytest.approx(AGAIN_S, abs=0.11) for a, b in pairwise(offs))
    assert [word for at_s, word in said if at_s == offs[-1]] == [
        "spray_off", "event.sprayer_stays_on", "hold",
    ]  # fmt: skip
    assert [word for _, word in said].count("event.sprayer_off_outside") == 1


@pytest.mark.parametrize(
    "mode", [CopterMode.RTL, CopterMode.LAND, CopterMode.AUTO_RTL, CopterMode.BRAKE,
             CopterMode.LOITER, CopterMode.STABILIZE, 99],
)  # fmt: skip
def test_leaving_auto_switches_off_at_once_whatever_the_mode(mode):
    _, said = play(ON, replace(ON, mode=mode, time_s=100.1))
    assert said == [(100.1, "event.sprayer_off_mode"), (100.1, "spray_off")]


@pytest.mark.parametrize("share", [0.0, math.nan])
def test_leaving_auto_with_a_pump_at_rest_or_unknown_switches_off_without_a_word(share):
    out = replace(ON, mode=CopterMode.BRAKE, pump_share=share)
    assert play(ON, *lasting(out, 5.0))[1] == [(100.0, "spray_off")]


def test_a_pump_that_starts_again_out_of_auto_is_switched_off_again():
    brake = replace(ON, mode=CopterMode.BRAKE, pump_share=0.0, time_s=101.0)
    home = replace(ON, mode=CopterMode.RTL, time_s=110.0)
    _, said = play(ON, *lasting(brake, 5.0), home, replace(home, time_s=110.5, pump_share=0.0))
    assert [word for _, word in said] == ["spray_off", "event.sprayer_off_mode", "spray_off"]
    assert said[-1][0] == 110.0


def test_back_in_auto_and_out_again_is_a_new_leaving():
    out = replace(ON, mode=CopterMode.BRAKE, pump_share=0.0, time_s=101.0)
    again = replace(out, time_s=103.0)
    _, said = play(ON, out, replace(ON, time_s=102.0), again)
    assert said == [(101.0, "spray_off"), (103.0, "spray_off")]


@pytest.mark.parametrize("bad", [{"fix_type": 2}, {"ekf_ok": False}])
def test_a_position_that_cannot_be_trusted_switches_the_pump_off(bad):
    _, said = play(ON, replace(ON, time_s=100.2, **bad))
    assert said == [(100.2, "event.sprayer_off_position"), (100.2, "spray_off")]
    assert play(replace(ON, pump_share=0.0, **bad))[1] == []


def test_more_put_out_than_the_tank_holds_stops_the_flight_once():
    full_s = spraying.SPRAYER.usable_l / 3.0 * 60.0
    after, said = play(*lasting(ON, full_s + 60.0, hz=5.0))
    assert after.litres == pytest.approx(3.0 * (full_s + 60.0) / 60.0, rel=1e-3)
    assert [word for _, word in said] == ["event.tank_empty", "spray_off", "hold"]
    assert said[0][0] - 100.0 == pytest.approx(full_s, abs=0.5)


def test_what_was_put_out_while_nothing_was_heard_is_not_made_up():
    after, _ = play(ON, replace(ON, time_s=101.0), replace(ON, time_s=161.0))
    assert after.litres == pytest.approx(3.0 / 60.0)


def test_a_plan_that_does_not_spray_and_an_aircraft_on_the_ground_are_not_guarded():
    trouble = replace(ON, place=OUTSIDE, mode=CopterMode.RTL)
    assert play(*lasting(trouble, 5.0), plan=replace(PLAN, spray=None))[1] == []
    assert play(*lasting(replace(trouble, armed=False), 5.0))[1] == []


# ---- what the flight makes of it


def in_the_air() -> FlightState:
    watched = Watched(airborne=True, armed=True, furthest=5)
    return replace(begin(PLAN), phase=Phase.WATCH, seen=ON, watched=watched)


def show(state: FlightState, *seen: Telemetry) -> tuple[FlightState, list[Any]]:
    said: list[Any] = []
    for now in seen:
        state, commands = step(state, Saw(Sighting(kind=SightingKind.STATE, telemetry=now)), 0.0)
        said += commands
    return state, said


def test_the_guards_wishes_become_orders_of_the_flight():
    _, said = show(in_the_air(), replace(ON, mode=CopterMode.RTL))
    assert Order.SPRAYER_OFF in said
    assert {n.message.key for n in said if isinstance(n, Note)} == {
        "event.taken_over", "event.sprayer_off_mode",
    }  # fmt: skip


def test_at_the_end_the_sprayer_is_switched_off_once_more_whatever_came_before():
    state, said = show(in_the_air(), replace(ON, armed=False, pump_share=0.0, place=None))
    assert state.over
    assert [c for c in said if isinstance(c, Order)] == [Order.SPRAYER_OFF]
    survey = replace(in_the_air(), plan=replace(PLAN, spray=None))
    assert Order.SPRAYER_OFF not in show(survey, replace(ON, armed=False))[1]


def test_an_aircraft_without_a_spray_pump_is_not_launched_for_spraying():
    state = replace(begin(PLAN), phase=Phase.READ)
    read = (Parameter("FS_THR_ENABLE", 1.0),)
    keys = {f.key for f in step(state, Read(read), 0.0)[0].findings}
    assert "finding.spray_no_pump" in keys
    keys = {f.key for f in step(state, Read(read, PUMP), 0.0)[0].findings}
    assert "finding.spray_no_pump" not in keys


# ---- against the simulated aircraft, over a radio, on its clock


def guarded(radio: Any = None, **parameters: float) -> GuardedFlight:
    return GuardedFlight(PLAN, SIX, radio, **{**spraying.FITTED, **parameters})


@pytest.mark.parametrize("mode", [6, 9, 17, 5, 4])
@pytest.mark.parametrize("east_m", [30.0, 100.0])
def test_a_pilots_change_of_mode_stills_the_pump_within_a_second_and_a_half(mode, east_m):
    flight = guarded()
    flight.spray_to(east_m)
    flight.order_mode(mode)
    took_s = flight.until(lambda: not flight.copter.sprayer.running)
    assert took_s <= 0.5
    assert flight.copter.sprayer.pump_share == 0.0
    flight.until(lambda: flight.air.now_s > 0 and not flight.copter.gear.flow_l_min)
    assert "event.sprayer_off_mode" in flight.notes
    before_l = flight.copter.gear.sprayed_l
    for _ in range(500):
        flight.step()
    assert flight.copter.gear.sprayed_l == before_l


@pytest.mark.parametrize("east_m", [30.0, 100.0])
def test_a_sprayer_that_a_person_switched_off_stays_off_for_all_passes_that_follow(east_m):
    """The plan's next pass switches it on; that is as long as the radio takes."""
    flight = guarded()
    flight.spray_to(east_m)
    flight.spray_no_more()
    assert flight.until(lambda: not flight.copter.sprayer.running) <= 0.5
    runs, lasted_s = 0, 0.0
    while flight.copter.mode == 3 and flight.copter.armed:
        flight.step()
        if flight.copter.sprayer.running:
            runs += lasted_s == 0.0
            lasted_s = lasted_s or flight.air.now_s
            assert flight.air.now_s - lasted_s <= 0.5
        else:
            lasted_s = 0.0
    assert runs >= 2, "the plan did switch it on"
    assert flight.copter.sprayer.pump_share == 0.0
    assert flight.watched.spray.tries == 0
    assert flight.copter.gear.sprayed_l < 1.2 * (east_m + 12.0) / 100.0


@pytest.mark.parametrize("seed", range(5))
def test_a_third_of_all_packets_lost_only_delays_the_off(seed):
    flight = guarded(bad_radio(seed))
    flight.spray_to(60.0)
    flight.order_mode(6)
    assert flight.until(lambda: not flight.copter.sprayer.running) <= 4.0


@pytest.mark.parametrize(
    ("trigger", "parameters"),
    [("radio", {"FS_THR_ENABLE": 1}), ("battery", {"BATT_FS_LOW_ACT": 2}), ("fence", {})],
)
def test_a_failsafes_own_return_is_dry_too(trigger, parameters):
    flight = guarded(**parameters)
    flight.spray_to(60.0)
    copter = flight.copter
    if trigger == "radio":
        copter.parameters.set("SIM_RC_FAIL", 1.0)
    elif trigger == "battery":
        copter.parameters.set("BATT_LOW_MAH", 3299.0)
    else:
        corners = [(-50, -50), (80, -50), (80, 100), (-50, 100)]
        _fence(flight, corners)
    flight.until(lambda: copter.mode != 3)
    assert flight.until(lambda: not copter.sprayer.running) <= 1.5


def _fence(flight: GuardedFlight, corners: list[tuple[float, float]]) -> None:
    copter = flight.copter
    items = []
    for item in ring(corners):
        lat, lon = copter.ground.e7(*corners[len(items)])
        items.append(Item(command=5001, frame=0, params=item["params"], x=lat, y=lon))
    copter.fence_plan.replace(items)
    for name, value in (("FENCE_TYPE", 4.0), ("FENCE_ACTION", 1.0), ("FENCE_ENABLE", 1.0)):
        copter.parameters.set(name, value)


def test_a_mission_that_sprays_past_the_fields_edge_is_switched_off_and_flies_on():
    narrow = spraying.plan(treatable=box(10, 10, 70, 40))
    flight = guarded()
    edge_m = 70.0
    flight.until(lambda: flight.copter.body.east_m > edge_m and flight.copter.sprayer.spraying)
    flight.plan = narrow
    took_s = flight.until(lambda: not flight.copter.sprayer.running)
    assert 1.0 < took_s <= 1.7
    assert flight.copter.mode == 3
    last = flight.copter.gear.deposits[-1]
    assert last.east_m - edge_m < 5.2 * 1.7


def test_a_whole_flight_tells_its_pump_and_leaves_the_sprayer_off(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(launch, "check_plan", lambda _: [])
    plan = spraying.plan(norths=(12.5,))
    with Simulator(
        spraying.HOME, speedup=25.0, ready_after_s=4.0, sprayer=SIX,
        parameters={**spraying.FITTED, "FS_GCS_TIMEOUT": 90.0},
    ) as running, Link.connect(running.url) as link:  # fmt: skip
        prepare(link, plan)
        record = fly(link, plan, confirm=lambda _: True)
        output = link.telemetry().pump_share
        assert math.isfinite(link.telemetry().thrust_east_m_s2)  # what the wind is judged by
    assert record.outcome == "landed"
    assert output == 0.0
    share = record.track.pump_share
    assert not math.isnan(share[-1])
    east, north = spraying.FRAME.to_local(record.track.lon_deg, record.track.lat_deg)
    swath = (east > 30.0) & (east < 110.0) & (north > 11.0) & (north < 19.0)
    assert swath.sum() > 50
    assert np.median(share[swath]) == pytest.approx(0.5, abs=0.02)
    assert np.max(share[east < 5.0], initial=0.0) == 0.0
    got = applied(record, plan)
    fell = running.deposits()
    assert got.litres == pytest.approx(sum(d.flow_l_min for d in fell) * 0.02 / 60.0, rel=0.03)
    assert got.litres == pytest.approx(1.2, rel=0.05)
    late_m = min(d.east_m for d in fell) - spraying.FIELD[0]
    assert 0.0 < late_m < 6.0  # no lead was planned for pump and radio
    assert got.missed_m2 == pytest.approx(5.0 * late_m, abs=12.0)
    assert got.outside_l < 0.03


def test_the_off_is_a_command_that_arducopter_takes_at_any_time():
    (call,) = off_calls(PAIR, camera=False)
    (first,) = call.start(0.0)
    assert (first.command, first.params[0]) == (mavlink.MAV_CMD_DO_SPRAYER, 0.0)
    plain = off_calls(PAIR, PumpServo(channel=7, min_us=1000.0, max_us=2000.0, reversed=True))
    sent = [call.start(0.0)[0] for call in plain]
    assert [(s.command, tuple(s.params[:2])) for s in sent] == [
        (216, (0.0,)), (183, (7.0, 2000.0)), (206, (0.0,)),
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("mode", [6, 9, 17, 5, 4])
def test_at_fifty_places_of_the_field_the_pump_is_still_in_time(mode, record_property):
    record_property("places", of_full(50))
    for number in range(of_full(50)):
        flight = guarded()
        flight.spray_to(12.0 + 115.0 * number / 49.0)
        flight.order_mode(mode)
        assert flight.until(lambda flight=flight: not flight.copter.sprayer.running) <= 1.5
