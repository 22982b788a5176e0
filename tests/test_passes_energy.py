"""Time, energy and mixture of a sortie: by hand, against the simulator and against ArduCopter."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given

from agri.errors import NotFound
from agri.geo import LocalFrame
from agri.weather import Wind
from missions.checks.trace import gone_m, speed_near
from missions.energy import corner_speeds, cruise_power_w, level_time_s, with_payload
from missions.legs import ordered_legs
from missions.passes.energy import estimate_spray, fill_l, spray_legs, treated_m2
from missions.passes.flight import flight
from missions.passes.items import spray_items
from missions.passes.pieces import LegKind, course
from missions.passes.route import SprayRoute
from missions.passes.speeds import STOP_S, change_s
from missions.passes.timing import PUMP_ON_S
from missions.sortie.reach import pack_need_wh
from missions.sprayer.job import SpraySettings
from sitl.spray_gear import SprayHardware
from tests.ground_station import HOME, Station
from tests.sorties import STILL, flyer, items_for, lawn, routes, settings, spots

FITTED = {"SPRAY_ENABLE": 1, "SERVO9_FUNCTION": 22, "SERVO10_FUNCTION": 23}
FULL_L_MIN = 6.0


def test_the_legs_add_up_to_the_estimate() -> None:
    route, asked = lawn(40.0, 80.0), settings()
    legs, whole = spray_legs(route, asked), estimate_spray(route, asked)
    assert [legs[0].kind, legs[-1].kind] == [LegKind.CLIMB, LegKind.LAND]
    assert sum(leg.time_s for leg in legs) == pytest.approx(whole.time_s)
    assert sum(leg.energy_wh for leg in legs) == pytest.approx(whole.energy_wh)
    swaths_l = sum(leg.litres for leg in legs)
    assert swaths_l == pytest.approx(40 * 80 / 1e4 * 20.0)
    early_m, short_m = 0.4, 0.15  # begun on purpose, and where the hose empties while it slows
    per_m = 8 * 5.0 / 1e4 * 20.0
    assert (early_m - short_m) * per_m <= whole.litres - swaths_l <= early_m * per_m
    assert whole.sprayed_m == pytest.approx(8 * 80.0)
    assert whole.area_m2 == pytest.approx(40.0 * 80.0)


def test_many_short_passes_take_what_their_items_spray() -> None:
    """Of a pass of a metre, what it begins early and ends short is as much as the rest of it."""
    short, asked = lawn(200.0, 1.0), settings()
    frame, hose_s = LocalFrame(HOME), asked.sprayer.hose_s
    items = spray_items(short, asked, frame, frame.place(*short.home))
    wet_m = 0.0
    for leg in ordered_legs(items, frame.place(*short.home)):
        for on_m, off_m in leg.stretches:
            begun_m = on_m + gone_m(on_m, 5.0, PUMP_ON_S + hose_s)
            wet_m += off_m + speed_near(leg.length_m - off_m, 5.0) * hose_s - begun_m
    assert 40.0 < wet_m < 40.0 * (1.0 + 0.4)
    assert estimate_spray(short, asked).litres == pytest.approx(wet_m * 5.0 / 1e4 * 20.0, rel=0.02)


def test_a_route_without_passes_takes_nothing() -> None:
    nothing = replace(lawn(10.0, 20.0), passes=())
    assert spray_legs(nothing, settings()) == ()
    assert estimate_spray(nothing, settings()).energy_wh == 0.0
    assert pack_need_wh(nothing, settings()) == 0.0


def test_the_mass_falls_by_what_is_sprayed_from_a_tank_filled_with_no_more_than_that() -> None:
    route, asked = lawn(40.0, 80.0), settings()
    legs = spray_legs(route, asked)
    empty_kg, dead_l = asked.sprayer.aircraft.mass_kg, asked.sprayer.dead_l
    assert fill_l(route, asked) == pytest.approx(6.4 + dead_l)
    assert legs[0].mass_kg == pytest.approx(empty_kg + 6.4 + dead_l)
    assert legs[-1].mass_kg == pytest.approx(empty_kg + dead_l)
    assert all(a.mass_kg - b.mass_kg == pytest.approx(a.litres) for a, b in pairwise(legs))


def power_w(asked: SpraySettings, load_kg: float, airspeed_m_s: float) -> float:
    """Hover at the whole mass, less what momentum theory saves, plus drag, by hand."""
    loaded = with_payload(asked.sprayer.aircraft, load_kg)
    drag_w = cruise_power_w(loaded, airspeed_m_s) - loaded.hover_power_w
    induced_m_s = 0.6 * loaded.hover_power_w / (9.81 * loaded.mass_kg)
    half = (airspeed_m_s / induced_m_s) ** 2 / 2.0
    factor = math.sqrt(math.hypot(half, 1.0) - half)
    return loaded.hover_power_w * (0.3 + 0.7 * factor) + drag_w


def test_a_swath_by_hand() -> None:
    route, asked = lawn(5.0, 200.0), settings(wind=STILL)
    (swath,) = (leg for leg in spray_legs(route, asked) if leg.kind is LegKind.SPRAY)
    assert swath.time_s == pytest.approx(200.0 / 5.0, abs=0.6)
    watts = power_w(asked, asked.sprayer.dead_l + 2.0 / 2.0, 5.0)
    assert swath.energy_wh == pytest.approx(watts * swath.time_s / 3600.0, rel=1e-3)


def test_the_second_half_of_a_tank_costs_less_than_the_first() -> None:
    legs = spray_legs(lawn(10.0, 300.0), settings(wind=STILL, rate_l_ha=20.0))
    first, second = (leg for leg in legs if leg.kind is LegKind.SPRAY)
    assert second.energy_wh < first.energy_wh * 0.95


def test_a_wind_of_unknown_direction_costs_as_much_as_the_worst_that_it_can_be() -> None:
    route = lawn(5.0, 200.0, home=(2.5, -10.0))

    def swath_wh(wind: Wind) -> float:
        legs = spray_legs(route, settings(wind=wind))
        return sum(leg.energy_wh for leg in legs if leg.kind is LegKind.SPRAY)

    for speed in (2.0, 6.0, 14.0):
        worst = max(swath_wh(Wind(speed_m_s=speed, from_deg=d)) for d in (0.0, 90.0, 180.0, 250.0))
        assert swath_wh(Wind(speed_m_s=speed)) == pytest.approx(worst)
    assert swath_wh(Wind(speed_m_s=14.0, from_deg=0.0)) > swath_wh(STILL)


def test_an_airspeed_is_the_ground_speed_less_the_wind() -> None:
    asked = settings(wind=Wind(speed_m_s=3.0, from_deg=90.0))
    legs = spray_legs(lawn(5.0, 200.0), asked)
    (swath,) = (leg for leg in legs if leg.kind is LegKind.SPRAY)
    watts = power_w(asked, swath.mass_kg - 23.0 - swath.litres / 2.0, math.hypot(5.0, 3.0))
    assert swath.energy_wh == pytest.approx(watts * swath.time_s / 3600.0, rel=1e-3)


def test_a_spot_adds_its_dwelling_and_stops_the_aircraft() -> None:
    one, two = (estimate_spray(spots(count), settings()) for count in (1, 2))
    assert two.time_s - one.time_s > 12.0
    assert two.litres - one.litres == pytest.approx(0.8)
    assert two.sprayed_m == 0.0
    assert treated_m2(spots(1)) == pytest.approx(math.pi * 4.0, rel=0.01)


@given(route=routes())
def test_at_one_speed_the_time_is_that_of_the_survey_flights_model_and_of_the_stops(
    route: SprayRoute,
) -> None:
    speed = route.passes[0].speed_m_s or 5.0
    pieces = course(route, transit_speed_m_s=speed, acceleration_m_s2=2.5)
    path = [pieces[0].start, *(piece.end for piece in pieces)]
    assert all(math.dist(a.end, b.start) < 0.02 for a, b in pairwise(pieces))
    if not route.passes[0].is_spot:
        over_s = sum(piece.time_s for piece in pieces) - level_time_s(path, speed, 2.5)
        stops = sum(run.tail_m == 0.0 for run in flight(route).runs)
        assert over_s >= stops * STOP_S - 0.02
        if all(len(work.points) == 2 for work in route.passes):
            assert over_s <= stops * STOP_S + (stops + 2) * 2.0 * change_s(speed, 2.5)
        assert len(corner_speeds(path, speed, 2.5)) == len(pieces) + 1


@given(route=routes())
def test_no_point_of_a_sortie_is_left_out_of_what_its_pack_must_hold(route: SprayRoute) -> None:
    asked = settings()
    assert pack_need_wh(route, asked) >= estimate_spray(route, asked).energy_wh * 0.995


# ---- flown


def flown(route: SprayRoute, asked: SpraySettings) -> tuple[float, float, float]:
    """Fly a route in the simulator; return time, s, energy, Wh, and litres sprayed."""
    wind = asked.wind
    job_speed = 100.0 * asked.speed_m_s
    rate = asked.rate_l_ha * asked.swath_m * 0.006 / FULL_L_MIN * 100.0
    station = Station(
        parameters={**FITTED, "WPNAV_SPEED": job_speed, "SPRAY_PUMP_RATE": rate},
        wind_m_s=wind.speed_m_s, wind_from_deg=wind.from_deg or 0.0,
        airframe=flyer(asked),
        sprayer=SprayHardware(
            tank_l=fill_l(route, asked), pump=((0.0, 0.0), (1.0, FULL_L_MIN)), hose_s=0.3
        ),
    )  # fmt: skip
    station.start(items_for(route, asked))
    battery = station.copter.battery
    battery.used_wh = 0.0
    time_s = station.landed(2000.0)
    return time_s, battery.used_wh, fill_l(route, asked) - station.copter.gear.tank_l


@pytest.mark.parametrize(
    ("route", "wind"),
    [
        (lawn(30.0, 100.0, home=(0.0, 0.0)), STILL),
        (lawn(40.0, 40.0, home=(0.0, 0.0), speed_m_s=4.0), STILL),
        (lawn(20.0, 200.0, home=(0.0, 0.0)), Wind(speed_m_s=3.0, from_deg=0.0)),
        (lawn(30.0, 80.0, home=(0.0, 0.0)), Wind(speed_m_s=3.0, from_deg=60.0)),
    ],
    ids=["plain", "short and slow", "along the wind", "across the wind"],
)
def test_the_simulator_flies_it_in_the_time_and_with_the_energy_told(
    route: SprayRoute, wind: Wind
) -> None:
    asked = settings(wind=wind, speed_m_s=route.passes[0].speed_m_s)
    told = estimate_spray(route, asked)
    time_s, energy_wh, litres = flown(route, asked)
    assert told.time_s == pytest.approx(time_s, rel=0.10)
    assert told.energy_wh == pytest.approx(energy_wh, rel=0.10)
    assert told.energy_wh > energy_wh * 0.99
    assert litres == pytest.approx(told.litres, rel=0.10)


@pytest.mark.ardupilot
@pytest.mark.parametrize(
    "route",
    [lawn(20.0, 100.0, home=(0.0, 0.0)), lawn(24.0, 30.0, home=(0.0, 0.0), speed_m_s=3.0)],
    ids=["long", "short and slow"],
)
def test_a_real_arducopter_flies_it_in_the_time_told(route: SprayRoute) -> None:
    from sitl.ardupilot import ArduPilot, find_arducopter

    try:
        find_arducopter()
    except NotFound as missing:
        pytest.skip(str(missing))
    from tests.test_sitl_ardupilot import Wire

    asked = settings(wind=STILL, speed_m_s=route.passes[0].speed_m_s)
    told = estimate_spray(route, asked)
    parameters = {**FITTED, "WPNAV_SPEED": 100.0 * asked.speed_m_s}
    with ArduPilot(HOME, speedup=20.0, parameters=parameters) as vehicle:
        wire = Wire(vehicle)
        outcome = wire.fly(items_for(route, asked))
        wire.link.close()
    assert told.time_s == pytest.approx(outcome["time_s"], rel=0.15)
