"""Physics, profiles, legs and steering of the embedded simulator."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agri.geo import LocalFrame, LonLat
from sitl.battery import Battery
from sitl.ground import Ground
from sitl.legs import Leg, LegFollower, Limits, Target
from sitl.profile import Change, Profile
from sitl.steering import Steering
from sitl.vehicle import GRAVITY_M_S2, Airframe, Multicopter, Wind

DT = 0.02
LIMITS = Limits(
    speed=10.0,
    up=2.5,
    down=1.5,
    accel=2.5,
    accel_up=1.0,
    jerk=1.0,
    corner=5.0,
    radius_m=2.0,
)
LEAN = math.radians(30.0)


def fly(places: list[tuple[float, float, float]], wind: Wind, seed: int = 0):
    """Fly straight from place to place; yield the aircraft and its target after each step."""
    dice = random.Random(seed)
    target = Target()
    follower, steering, body = LegFollower(target), Steering(), Multicopter(Airframe())
    body.up_m, body.on_ground = places[0][2], False
    follower.meet(places[0], (0.0, 0.0, 0.0))
    for index in range(1, len(places)):
        then = places[index + 1] if index + 1 < len(places) else None
        follower.go(places[index], LIMITS, then)
        for _ in range(20_000):
            wind.step(DT, dice)
            lag_m = math.hypot(target.east_m - body.east_m, target.north_m - body.north_m)
            follower.step(DT, lag_m)
            body.fly(steering.demand(body, target, DT), LEAN, wind, DT)
            yield body, target
            if follower.finished and (then is not None or lag_m < 2.0):
                break
        else:
            pytest.fail("never arrived")
    for _ in range(250):
        follower.step(DT, 0.0)
        body.fly(steering.demand(body, target, DT), LEAN, wind, DT)
        yield body, target


@given(st.floats(-3000.0, 3000.0), st.floats(-3000.0, 3000.0), st.floats(-60.0, 60.0))
def test_the_quick_plane_agrees_with_the_true_frame(east_m, north_m, lat_deg):
    origin = LonLat(lon_deg=106.512, lat_deg=lat_deg)
    place = LocalFrame(origin).place(east_m, north_m)
    quick = Ground(origin).metres(place.lat_e7, place.lon_e7)
    reach_m = max(1.0, math.hypot(east_m, north_m))
    assert math.dist(quick, (east_m, north_m)) < 0.02 + 6e-5 * reach_m
    lat, lon = Ground(origin).e7(*quick)
    assert abs(lat - place.lat_e7) <= 1
    assert abs(lon - place.lon_e7) <= 1


@given(
    st.floats(0.0, 20.0),
    st.floats(0.0, 20.0),
    st.floats(0.5, 8.0),
    st.floats(0.3, 10.0),
)
def test_a_change_of_speed_keeps_its_limits_and_is_continuous(start, end, accel, jerk):
    change = Change(start, end, accel, jerk)
    total_s = change.time_s
    last = change.at(0.0)
    for step in range(1, 101):
        now = change.at(total_s * step / 100.0)
        dt_s = total_s / 100.0
        assert abs(now[2]) <= accel + 1e-6
        assert abs(now[1] - last[1]) <= accel * dt_s + 1e-6
        assert abs(now[0] - last[0]) <= max(start, end) * dt_s + 1e-6
        last = now
    assert last[0] == pytest.approx(change.length_m, abs=1e-6)
    assert last[1] == pytest.approx(end, abs=1e-6)


@given(st.floats(0.01, 2000.0), st.floats(0.2, 20.0), st.floats(0.0, 15.0))
def test_a_profile_covers_its_length_and_ends_at_rest(length_m, speed, start):
    profile = Profile(length_m, speed=speed, accel=2.5, jerk=1.0, start=start)
    way, last_speed, _ = profile.at(profile.time_s * (1.0 - 1e-9))
    assert way == pytest.approx(length_m, rel=1e-4, abs=1e-3)
    assert last_speed == pytest.approx(0.0, abs=0.05)
    fastest = max(profile.at(profile.time_s * k / 200.0)[1] for k in range(200))
    assert fastest <= max(speed, start) + 1e-6


def test_a_leg_of_10_m_s_ends_within_half_a_metre():
    bodies = [(b.east_m, b.north_m, b.up_m) for b, _ in fly([(0, 0, 20), (0, 200, 20)], Wind())]
    after = [math.dist(place, (0.0, 200.0, 20.0)) for place in bodies[-250:]]
    assert max(after) < 0.5
    assert max(north for _, north, _ in bodies) < 200.5


def test_speed_and_acceleration_stay_within_the_parameters():
    last = (0.0, 0.0)
    fastest = hardest = 0.0
    places = [(0, 0, 20), (0, 150, 20), (150, 150, 20), (150, 0, 35)]
    for body, _ in fly(places, Wind()):
        fastest = max(fastest, body.speed_m_s)
        gain = math.dist((body.v_east, body.v_north), last) / DT
        hardest = max(hardest, gain)
        last = (body.v_east, body.v_north)
    assert 9.5 < fastest < 10.3
    assert hardest < 2.0 * LIMITS.accel


def test_climb_and_descent_keep_their_own_limits():
    climbs = [body.v_up for body, _ in fly([(0, 0, 20), (30, 0, 60), (60, 0, 20)], Wind())]
    assert 2.0 < max(climbs) < 2.7
    assert -1.7 < min(climbs) < -1.2


def test_a_square_corner_is_rounded_within_the_radius_and_slowly():
    closest, slowest = math.inf, math.inf
    for body, _ in fly([(0, 0, 20), (0, 150, 20), (150, 150, 20)], Wind()):
        away = math.dist((body.east_m, body.north_m), (0.0, 150.0))
        closest = min(closest, away)
        if away < 10.0:
            slowest = min(slowest, body.speed_m_s)
    assert closest < 2.0
    assert 2.4 < slowest < 3.4  # the real ArduCopter: 2.97 m/s


def test_straight_through_a_waypoint_the_speed_hardly_drops():
    speeds = [
        body.speed_m_s
        for body, _ in fly([(0, 0, 20), (0, 150, 20), (0, 300, 20)], Wind())
        if 100.0 < body.north_m < 200.0
    ]
    assert min(speeds) > 8.0


def test_a_turn_back_comes_nearly_to_a_stop():
    speeds = [
        body.speed_m_s
        for body, _ in fly([(0, 0, 20), (0, 150, 20), (0, 0, 20)], Wind())
        if body.north_m > 147.0
    ]
    assert min(speeds) < 0.6


def test_the_target_waits_for_an_aircraft_the_wind_holds_back():
    wind = Wind(speed_m_s=15.0, from_deg=0.0)
    lags = [
        math.hypot(target.east_m - body.east_m, target.north_m - body.north_m)
        for body, target in fly([(0, 0, 20), (0, 100, 20)], wind)
    ]
    assert max(lags) < 15.0


def test_thrust_cannot_lean_beyond_its_limit():
    body = Multicopter(Airframe())
    body.up_m, body.on_ground = 50.0, False
    for _ in range(500):
        body.fly((100.0, 0.0, 0.0), LEAN, Wind(), DT)
    assert body.a_east <= GRAVITY_M_S2 * math.tan(LEAN) + 1e-9
    assert body.v_east < 21.0  # 30° of lean hold 20 m/s against the air


def test_a_wind_stronger_than_the_lean_carries_the_aircraft_away():
    body, steering, target = Multicopter(Airframe()), Steering(), Target(up_m=20.0)
    body.up_m, body.on_ground = 20.0, False
    wind = Wind(speed_m_s=25.0, from_deg=270.0)
    for _ in range(1500):
        body.fly(steering.demand(body, target, DT), LEAN, wind, DT)
    assert body.east_m > 20.0


def test_energy_falls_and_wind_costs_more_of_it():
    def used_wh(wind: Wind) -> float:
        battery = Battery(12.6)
        for body, _ in fly([(0, 0, 20), (0, 200, 20), (0, 0, 20)], wind):
            battery.draw(body.power_w, DT)
        return battery.used_wh

    calm = used_wh(Wind())
    assert 2.0 < calm < 8.0
    assert used_wh(Wind(speed_m_s=8.0, from_deg=0.0)) > 1.05 * calm


def test_hover_draws_thirty_amperes():
    body, battery = Multicopter(Airframe()), Battery(12.6)
    body.up_m, body.on_ground = 20.0, False
    for _ in range(50):
        body.fly((0.0, 0.0, 0.0), LEAN, Wind(), DT)
        battery.draw(body.power_w, DT)
    assert battery.amps == pytest.approx(30.0, rel=0.01)


def test_a_pack_without_a_size_never_sags_and_one_with_a_size_empties():
    stiff, real = Battery(12.6), Battery(12.6, size_ah=1.0)
    for _ in range(60 * 50):
        stiff.draw(378.0, DT)
        real.draw(378.0, DT)
    assert stiff.volts == 12.6
    assert stiff.used_mah == pytest.approx(500.0, rel=0.01)
    assert 9.0 < real.volts < 11.8
    while not real.empty:
        real.draw(378.0, 1.0)
    assert real.volts < 10.0


def test_gusts_are_the_same_for_the_same_seed_and_have_the_size_asked_for():
    def gusts(seed: int) -> list[float]:
        wind, dice = Wind(gust_m_s=2.0), random.Random(seed)
        felt = []
        for _ in range(20_000):
            wind.step(DT, dice)
            felt.append(wind.gust_east_m_s)
        return felt

    felt = gusts(1)
    assert felt == gusts(1)
    assert felt != gusts(2)
    spread = math.sqrt(sum(value * value for value in felt) / len(felt))
    assert 1.5 < spread < 2.5


def test_falling_without_motors_ends_on_the_ground():
    body = Multicopter(Airframe())
    body.up_m, body.on_ground = 20.0, False
    while not body.on_ground:
        body.fall(Wind(), DT)
    assert 12.0 < body.touchdown_m_s < 20.0
    assert body.up_m == 0.0


@given(st.floats(0.0, 20.0), st.floats(-math.pi, math.pi))
def test_an_interrupted_motion_is_brought_to_rest_before_the_new_leg(speed, heading):
    target = Target()
    follower = LegFollower(target)
    velocity = (speed * math.sin(heading), speed * math.cos(heading), 0.0)
    follower.meet((0.0, 0.0, 20.0), velocity)
    follower.go((0.0, 300.0, 20.0), LIMITS)
    follower.step(DT, 0.0)
    assert math.hypot(target.v_east, target.v_north) == pytest.approx(speed, abs=0.25)
    for _ in range(600):
        follower.step(0.1, 0.0)
    assert math.dist((target.east_m, target.north_m), (0.0, 300.0)) < 0.01
    assert follower.finished


def test_a_leg_without_length_is_done_at_once():
    leg = Leg((1.0, 2.0, 3.0), (1.0, 2.0, 3.0), LIMITS)
    assert leg.left_s < 2.0
    target = Target()
    leg.add_to(target, from_end=False)
    assert (target.east_m, target.v_east) == (0.0, 0.0)
