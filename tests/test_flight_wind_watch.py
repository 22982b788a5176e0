"""The wind over a spraying: what stops the work, what does not, and who goes on."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agri.weather import Wind
from agri.words import Message
from missions.drift.limits import DEFAULT_SPRAY_LIMITS, go_no_go
from missions.flight.phases import Order, Phase, Saw
from missions.flight.steps import begin, step
from missions.flight.watching import Watched
from missions.flight.wind_watch import (
    CALM_S,
    OLD_S,
    OVER_S,
    TURNED_S,
    UNKNOWN_S,
    WindWatched,
    judge_wind,
    wind_limit_m_s,
)
from missions.flightplan import FlightPlan
from missions.wire.sightings import Sighting, SightingKind
from missions.wire.telemetry import CopterMode, Telemetry, fold
from sitl.modes import Mode
from sitl.parameters import Parameters
from sitl.vehicle import Wind as Air
from sitl.wind_estimate import WindEstimate
from tests import spray_flown as spraying
from tests.scenario_flights import Embedded, Watcher
from tests.scenario_flights import plan as flown_plan

PLAN = spraying.plan()
LIMIT_M_S = 4.0
FLYING = Telemetry(
    time_s=100.0, armed=True, mode=CopterMode.AUTO, place=spraying.FRAME.place(60.0, 20.0),
    height_m=5.0, speed_m_s=5.0, fix_type=3, ekf_ok=True, mission_current=5, mission_state=3,
    home=spraying.HOME,
)  # fmt: skip


def told(*winds: float, hz: float = 2.0, from_deg: float = 10.0, **more: object) -> list[Telemetry]:
    """One sighting after another, with these winds."""
    return [
        replace(
            FLYING, time_s=100.0 + n / hz, wind_s=100.0 + n / hz, wind_m_s=wind_m_s,
            wind_from_deg=from_deg, **more,
        )
        for n, wind_m_s in enumerate(winds)
    ]  # fmt: skip


def play(
    *seen: Telemetry, plan: FlightPlan = PLAN, before: WindWatched | None = None
) -> tuple[WindWatched, list[tuple[float, str]]]:
    after, said = before or WindWatched(), []
    for now in seen:
        after, wishes = judge_wind(plan, after, now)
        said += [(now.time_s - 100.0, w.key if isinstance(w, Message) else w) for w in wishes]
    return after, said


def words(said: list[tuple[float, str]]) -> list[str]:
    return [word for _, word in said]


# ---- what stops


def test_a_wind_that_stays_over_its_limit_switches_off_and_stops_once():
    _, said = play(*told(*[3.9] * 60, *[4.1] * 18))
    assert words(said) == ["event.wind_over", "spray_off", "hold"]
    assert said[0][0] == 29.5 + OVER_S


def test_a_wind_under_its_limit_and_one_that_is_over_it_for_a_moment_stop_nothing():
    moment = round(2.0 * OVER_S) - 1
    assert play(*told(*[LIMIT_M_S] * 200))[1] == []
    assert play(*told(*([9.0] * moment + [3.0] * 2 * moment) * 5))[1] == []


def test_a_wind_that_sways_about_its_limit_is_not_forgiven_at_each_sway():
    assert words(play(*told(*[4.2, 3.8] * 25))[1])[-1] == "hold"
    assert play(*told(*[4.2, 3.8, 3.8] * 40))[1] == []


def estimated(*truth: float) -> list[float]:
    """What the vehicle's slow estimate makes of a wind, second after second, settled at first."""
    estimate = WindEstimate(Parameters({"EK3_DRAG_MCOEF": 0.2}))
    air = Air(speed_m_s=truth[0])
    estimate.velocity = air.velocity()
    winds = []
    for air.speed_m_s in truth:
        estimate.step(air, 1.0, flying=True)
        winds.append(max(0.1, math.hypot(*estimate.velocity)))
    return winds


@given(st.floats(0.0, 3.0), st.floats(0.0, 7.0), st.integers(1, 3))
def test_no_single_gust_of_three_seconds_stops_a_flight(base, gust, lasts_s):
    truth = [base] * 10 + [max(base, gust)] * lasts_s + [base] * 40
    assert play(*told(*estimated(*truth), hz=1.0))[1] == []


def test_gusts_a_minute_apart_do_not_add_up_and_a_gusty_wind_stops():
    gust = [3.0] * 57 + [7.0] * 3
    assert play(*told(*estimated(*gust * 10), hz=1.0))[1] == []
    gusty = [3.0] * 5 + [7.0] * 5
    assert words(play(*told(*estimated(*gusty * 6), hz=1.0))[1])[-1] == "hold"


@pytest.mark.parametrize("speed_m_s", [5.0, 6.0, 9.0, 14.0])
def test_a_wind_that_comes_up_and_stays_stops_within_seconds(speed_m_s):
    _, said = play(*told(*estimated(*[1.0] * 20, *[speed_m_s] * 40), hz=1.0))
    assert words(said)[:3] == ["event.wind_over", "spray_off", "hold"]
    assert 20.0 + OVER_S <= said[0][0] < 20.0 + OVER_S + 7.5 * math.log(speed_m_s) + 1.0


def test_a_wind_that_turns_out_of_the_buffers_swing_stops_too():
    assert PLAN.spray is not None
    settings = replace(PLAN.spray.settings, wind=Wind(speed_m_s=2.0, from_deg=350.0))
    plan = replace(PLAN, spray=replace(PLAN.spray, settings=settings))
    many = [2.0] * round(2.0 * TURNED_S + 2)
    for from_deg in (34.0, -54.0):
        assert play(*told(*many, from_deg=from_deg), plan=plan)[1] == []
    for from_deg in (36.0, -56.0, 170.0):
        _, said = play(*told(*many, from_deg=from_deg), plan=plan)
        assert words(said) == ["event.wind_turned", "spray_off", "hold"]
        assert said[0][0] == TURNED_S
    assert play(*told(*[1.4] * 60, from_deg=170.0), plan=plan)[1] == []
    assert play(*told(*many, from_deg=170.0))[1] == []  # buffers all around: no direction planned


def test_an_aircraft_that_has_nothing_left_to_spray_is_not_stopped_on_its_way_home():
    home = len(PLAN.items)
    assert play(*told(*[9.0] * 60, mission_current=home))[1] == []
    assert words(play(*told(*[9.0] * 60, mission_current=home - 3))[1])[-1] == "hold"


def test_only_plans_that_spray_and_aircraft_in_the_air_are_judged():
    assert play(*told(*[9.0] * 60), plan=replace(PLAN, spray=None))[1] == []
    assert play(*told(*[9.0] * 60, armed=False))[1] == []


# ---- the limit


@given(
    st.floats(0.5, 3.0), st.floats(2.0, 8.0), st.sampled_from(["very_fine", "fine", "coarse"]),
    st.floats(1.5, 8.0),
)  # fmt: skip
def test_the_limit_is_what_no_go_before_the_flight_would_say(planned, aircraft, class_, height):
    """Just below it a spraying may start in that wind, just above it not."""
    job = spraying.settings()
    sprayer = replace(
        job.sprayer, aircraft=replace(job.sprayer.aircraft, max_wind_m_s=aircraft),
        droplets=type(job.sprayer.droplets)(class_),
    )  # fmt: skip
    settings = replace(
        job, sprayer=sprayer, height_m=height, wind=Wind(speed_m_s=planned, from_deg=0.0)
    )
    limit = wind_limit_m_s(settings)
    assert limit <= min(DEFAULT_SPRAY_LIMITS.stop_m_s, aircraft)

    def no_go(speed_m_s: float) -> set[str]:
        from agri.weather import Weather

        weather = Weather(wind=Wind(speed_m_s=speed_m_s, from_deg=0.0, gust_m_s=speed_m_s))
        stops = {"finding.spray_wind_stop", "finding.spray_wind_grown"}
        return stops & {finding.key for finding in go_no_go(weather, settings)}

    assert no_go(limit * 0.999) == set()
    assert no_go(limit * 1.001) != set()


# ---- a wind that is not known


def test_a_wind_of_exactly_nothing_is_none_told():
    seen = fold(FLYING, mavlink.MAVLink_wind_message(-180.0, 0.0, 0.0), 0.0)
    assert math.isnan(seen.wind_m_s)
    seen = fold(seen, mavlink.MAVLink_wind_message(-90.0, 3.5, 0.0), 0.0)
    assert (seen.wind_m_s, seen.wind_from_deg, seen.wind_s) == (3.5, -90.0, 100.0)
    assert math.isnan(fold(seen, mavlink.MAVLink_wind_message(-180.0, 0.0, 0.0), 0.0).wind_m_s)


def test_an_aircraft_that_tells_no_wind_is_told_of_once():
    count = round(2.0 * UNKNOWN_S)
    _, said = play(*told(*[math.nan] * (3 * count)))
    assert said == [(UNKNOWN_S, "event.wind_unknown")]
    assert play(*told(*[math.nan] * (count - 1), *[2.0] * 40))[1] == []


def test_an_old_word_of_the_wind_counts_for_nothing():
    first = told(*[9.0] * 3)
    stale = [replace(first[-1], time_s=101.0 + OLD_S + n) for n in range(1, 10)]
    assert play(*first, *stale)[1] == []


# ---- going on


def standing(*winds: float) -> list[Telemetry]:
    seen = told(*winds, hz=1.0, mode=CopterMode.BRAKE)
    return [replace(now, time_s=now.time_s + 10.0, wind_s=now.wind_s + 10.0) for now in seen]


def test_nothing_goes_on_by_itself_and_a_good_minute_is_told_and_taken_back():
    stopped, _ = play(*told(*[6.0] * 12))
    assert stopped.stopped
    minute = int(CALM_S)
    _, said = play(*standing(*[3.5] * 40, *[2.5] * (minute + 1), *[5.0] * 7, *[2.5] * 30),
                   before=stopped)  # fmt: skip
    assert words(said) == ["event.wind_calm", "event.wind_again"]
    assert said[0][0] == 10.0 + 40.0 + CALM_S
    assert said[1][0] == 10.0 + 40.0 + minute + OVER_S
    assert play(*standing(*[2.5] * 200))[1] == []  # it was not the wind that stopped it


def test_a_plan_gone_on_with_in_too_much_wind_is_stopped_again():
    stopped, _ = play(*told(*[6.0] * 12))
    waiting, _ = play(*standing(*[6.0] * 5), before=stopped)
    assert waiting.left
    gone_on, said = play(*told(*[6.0] * 12), before=waiting)
    assert not gone_on.left
    assert said[0][0] == OVER_S
    assert words(said) == ["event.wind_over", "spray_off", "hold"]


def test_a_hold_that_did_not_help_is_asked_for_again():
    _, said = play(*told(*[6.0] * 44))
    assert [at_s for at_s, word in said if word == "hold"] == [OVER_S * n for n in range(1, 5)]


def test_the_wishes_become_orders_of_the_flight():
    watched = Watched(airborne=True, armed=True, furthest=5)
    state = replace(begin(PLAN), phase=Phase.WATCH, seen=FLYING, watched=watched)
    orders: list[object] = []
    for now in told(*[6.0] * 12):
        sighting = Sighting(kind=SightingKind.POSITION, telemetry=now)
        state, commands = step(state, Saw(sighting), 0.0)
        orders += [command for command in commands if isinstance(command, Order)]
    assert orders == [Order.SPRAYER_OFF, Order.HOLD]


# ---- the embedded vehicle


def test_a_vehicle_that_knows_its_drag_tells_the_wind_slowly_and_another_tells_none():
    knowing = WindEstimate(Parameters({"EK3_DRAG_BCOEF_X": 17.0}))
    plain, air = WindEstimate(Parameters()), Air(speed_m_s=6.0, from_deg=90.0)
    shares = []
    for tick in range(700):
        knowing.step(air, 0.02, flying=tick >= 0)
        plain.step(air, 0.02, flying=True)
        shares.append(-knowing.velocity[0] / 6.0)
    assert shares[400] == pytest.approx(0.66, abs=0.03)
    assert shares[-1] == pytest.approx(0.85, abs=0.03)
    assert knowing.velocity[1] == pytest.approx(0.0, abs=1e-9)
    assert plain.velocity == (0.0, 0.0)


def sprayed(watcher: Watcher) -> Watcher:
    watcher.take_off()
    watcher.until(lambda: watcher.places and watcher.sprays and watcher.places[-1][1] > 40.0)
    return watcher


def test_a_person_goes_on_once_the_wind_is_down_and_the_plan_is_flown_to_its_end():
    watcher = sprayed(Watcher(Embedded(), flown_plan()))
    watcher.set("SIM_WIND_SPD", 8.0)
    watcher.until(lambda: watcher.mode == Mode.BRAKE, 30.0)
    assert "event.wind_over" in watcher.notes
    watcher.set("SIM_WIND_SPD", 1.0)
    watcher.until(lambda: "event.wind_calm" in watcher.notes, 120.0)
    assert watcher.mode == Mode.BRAKE
    watcher.command(176, 1.0, 3.0)
    watcher.until(lambda: not watcher.armed)
    assert watcher.mode == Mode.AUTO
    assert watcher.notes.count("event.wind_over") == 1


UNTOLD = {"EK3_DRAG_BCOEF_X": 0.0, "EK3_DRAG_BCOEF_Y": 0.0, "EK3_DRAG_MCOEF": 0.0}


def test_an_autopilot_that_estimates_no_wind_is_stopped_by_its_lean():
    watcher = sprayed(Watcher(Embedded(**UNTOLD), flown_plan()))
    watcher.set("SIM_WIND_SPD", 8.0)
    began_s = watcher.now_s
    watcher.until(lambda: watcher.mode == Mode.BRAKE, 30.0)
    assert math.isnan(watcher.telemetry.wind_m_s)
    assert watcher.now_s - began_s < 12.0


def test_an_aircraft_that_tells_neither_wind_nor_lean_is_flown_to_the_end_and_the_pilot_told():
    watcher = Watcher(Embedded(**UNTOLD), flown_plan())
    watcher.unheard = {"ATTITUDE"}
    sprayed(watcher).set("SIM_WIND_SPD", 8.0)
    watcher.until(lambda: not watcher.armed)
    assert watcher.notes.count("event.wind_unknown") == 1
    assert "event.wind_over" not in watcher.notes
