"""The wind by the aircraft's lean: what it finds out of itself, and how near to the truth it is."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from missions.flight.lean_wind import GAP_S, LeanWind, learn
from missions.wire.telemetry import CopterMode, Telemetry, fold
from tests.scenario_flights import Embedded, Watcher, plan

FLYING = Telemetry(armed=True, mode=CopterMode.AUTO)
Air = tuple[float, float]


def lines(legs: int = 2, hz: float = 5.0) -> list[tuple[float, float, float]]:
    """Time, velocity east and north of a flight of lines: 12 s at 5 m/s, a step aside, and back."""
    rows, v = [], (0.0, 0.0)
    wanted = [(0.0, 0.0, 3.0)]
    for leg in range(legs):
        wanted += [((-1.0) ** leg * 5.0, 0.0, 12.0), (0.0, 2.0, 2.0)]
    time_s = 0.0
    for east, north, lasts_s in wanted:
        for _ in range(round(lasts_s * hz)):
            step = 2.5 / hz
            v = tuple(
                a + max(-step, min(step, b - a)) for a, b in zip(v, (east, north), strict=True)
            )
            time_s += 1.0 / hz
            rows.append((time_s, *v))
    return rows


def leant(rows, blows, rotor_per_s, body_per_m, dice=None) -> list[Telemetry]:
    """What an aircraft with these drags tells of such a flight in the wind `blows(time)`."""
    seen = []
    for before, (time_s, east, north) in pairwise([rows[0], *rows]):
        dt_s = max(1e-6, time_s - before[0])
        air = blows(time_s)
        through = (east - air[0], north - air[1])
        drag = rotor_per_s + body_per_m * math.hypot(*through)
        noise = (dice.gauss(0.0, 0.05), dice.gauss(0.0, 0.05)) if dice else (0.0, 0.0)
        push = [
            drag * u + (now - old) / dt_s + jitter
            for u, now, old, jitter in zip(through, (east, north), before[1:], noise, strict=True)
        ]
        seen.append(
            replace(
                FLYING, time_s=time_s, v_east_m_s=east, v_north_m_s=north,
                thrust_east_m_s2=push[0], thrust_north_m_s2=push[1],
            )
        )  # fmt: skip
    return seen


def known(seen: list[Telemetry], before: LeanWind | None = None) -> LeanWind:
    after = before or LeanWind()
    for now in seen:
        after = learn(after, now)
    return after


WINDS = st.tuples(st.floats(0.0, 9.0), st.floats(0.0, 2.0 * math.pi)).map(
    lambda polar: (polar[0] * math.sin(polar[1]), polar[0] * math.cos(polar[1]))
)


@settings(max_examples=25)
@given(WINDS, st.floats(0.06, 0.4), st.floats(0.0, 0.06), st.integers(0, 99))
def test_whatever_the_drag_a_steady_wind_is_found_to_a_third(air, rotor, body, seed):
    lean = known(leant(lines(), lambda _: air, rotor, body, random.Random(seed)))
    error = math.dist((lean.east_m_s, lean.north_m_s), air)
    assert error <= 0.5 + 0.33 * math.hypot(*air)


@settings(max_examples=15)
@given(st.floats(4.0, 12.0), st.floats(0.0, 360.0), st.floats(0.1, 0.3), st.floats(0.01, 0.05))
def test_a_wind_that_comes_up_on_a_line_is_seen_within_seconds(speed, from_deg, rotor, body):
    toward = math.radians(from_deg + 180.0)
    late = (speed * math.sin(toward), speed * math.cos(toward))
    rows = [row for row in lines() if row[0] < 29.0]
    seen = leant(rows, lambda at_s: late if at_s > 21.0 else (0.0, 0.0), rotor, body)
    before = known([now for now in seen if now.time_s < 20.9])
    assert before.speed_m_s < 0.5
    after = known([now for now in seen if now.time_s >= 20.9], before)
    assert 0.4 * speed < after.speed_m_s < 1.6 * speed
    assert abs(math.remainder(after.from_deg - from_deg, 360.0)) < 30.0


def test_an_aircraft_that_has_not_changed_its_speed_knows_nothing_yet():
    rows = [(0.2 * n, 0.0, 0.0) for n in range(600)]
    assert math.isnan(known(leant(rows, lambda _: (6.0, 0.0), 0.2, 0.02)).speed_m_s)


def test_how_often_it_is_seen_makes_no_difference():
    found = [
        known(leant(lines(hz=hz), lambda _: (3.0, -2.0), 0.2, 0.02)).speed_m_s
        for hz in (3.0, 5.0, 50.0)
    ]
    assert max(found) - min(found) < 0.3


def test_a_gap_drops_what_was_heard_but_not_what_was_learnt():
    before = known(leant(lines(), lambda _: (2.0, 0.0), 0.2, 0.02))
    later = replace(leant([(1000.0, 0.0, 0.0)], lambda _: (0.0, 0.0), 0.2, 0.02)[0])
    assert later.time_s - lines()[-1][0] > GAP_S
    after = learn(before, later)
    assert len(after.heard) == 1
    assert after.drag_per_s == before.drag_per_s
    assert after.speed_m_s == before.speed_m_s


def test_sightings_a_tenth_of_a_second_apart_are_one():
    rows = [(1.0, 5.0, 0.0), (1.1, 5.0, 0.0), (1.14, 5.0, 0.0), (1.16, 5.0, 0.0), (1.3, 5.0, 0.0)]
    heard = known(leant(rows, lambda _: (0.0, 0.0), 0.2, 0.02)).heard
    assert [now.time_s for now in heard] == [1.0, 1.16]


def test_what_was_learnt_of_a_full_tank_fades_as_it_empties():
    full = known(leant(lines(20), lambda _: (2.0, -1.0), 0.1, 0.0))
    end_s = lines(20)[-1][0]
    rows = [(end_s + time_s, east, north) for time_s, east, north in lines(8)]
    empty = known(leant(rows, lambda _: (2.0, -1.0), 0.25, 0.0), full)
    assert empty.drag_per_s > 1.5 * full.drag_per_s


def test_an_aircraft_without_attitude_teaches_nothing():
    seen = [replace(now, thrust_east_m_s2=math.nan) for now in
            leant(lines(), lambda _: (3.0, 0.0), 0.2, 0.02)]  # fmt: skip
    assert known(seen) == LeanWind()


@pytest.mark.parametrize(
    ("roll", "pitch", "yaw", "east", "north"),
    [(0, 0, 77, 0, 0), (0, -45, 0, 0, 1), (0, -45, 90, 1, 0), (45, 0, 0, 1, 0), (45, 0, 90, 0, -1),
     (0, 45, 180, 0, 1)],
)  # fmt: skip
def test_a_lean_pushes_where_it_leans(roll, pitch, yaw, east, north):
    told = mavlink.MAVLink_attitude_message(0, *map(math.radians, (roll, pitch, yaw)), 0, 0, 0)
    seen = fold(FLYING, told, 0.0)
    assert seen.thrust_east_m_s2 == pytest.approx(9.80665 * east, abs=1e-6)
    assert seen.thrust_north_m_s2 == pytest.approx(9.80665 * north, abs=1e-6)


def test_a_rolled_over_aircraft_tells_no_lean():
    told = mavlink.MAVLink_attitude_message(0, math.pi / 2.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert math.isnan(fold(FLYING, told, 0.0).thrust_east_m_s2)


@pytest.mark.parametrize(
    ("wind_m_s", "from_deg", "gusts"), [(0.0, 0.0, 0.0), (2.0, 0.0, 0.3), (3.0, 45.0, 0.3)]
)
def test_the_embedded_vehicles_wind_is_found_on_its_lines(wind_m_s, from_deg, gusts):
    vehicle = Embedded(SIM_WIND_SPD=wind_m_s, SIM_WIND_DIR=from_deg, SIM_WIND_TURB=gusts)
    watcher = Watcher(vehicle, plan())
    watcher.take_off()
    found: list[float] = []

    def home() -> bool:
        if watcher.sprays:
            found.append(watcher.watched.wind.lean.speed_m_s)
        return watcher.telemetry.mission_current >= 18 or not watcher.armed

    watcher.until(home, 200.0)
    assert len(found) > 200
    late = found[len(found) // 2 :]
    assert sum(late) / len(late) == pytest.approx(wind_m_s, rel=0.35, abs=0.6)
