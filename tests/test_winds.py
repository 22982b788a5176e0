"""Any wind a plan is for and packs in every order: the aircraft comes home with charge left.

Surveys and sprayings are planned for a wind and flown on the embedded vehicle, in any wind up to
that, from anywhere, with gusts, and with packs that hold less than they did when they were new.
Everything that agri asks to be set before such a flight is set; the vehicle's battery sags and
empties along a lithium-polymer curve, and it counts by the capacity of a new pack. agri's watch
hears it over a radio and may call it home; so may its own failsafe.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import pytest
import shapely

from agri.field import ObstacleKind
from agri.geo import LocalFrame
from agri.operations import simulated
from agri.weather import Wind
from missions.catalogue import aircraft, camera, sprayer
from missions.coverage.survey import plan_survey
from missions.flight.watching import Note, watch
from missions.flightplan import FlightPlan
from missions.preflight.battery import CELL_CRITICAL_V, CELL_LIMIT_V, flight_needs_pct
from missions.preflight.vehicle import needed_parameters
from missions.sprayer.job import Product, SpraySettings
from missions.survey import SurveySettings
from missions.wire.commands import CommandCall
from missions.wire.sightings import Sighting, SightingKind
from sitl.parameters import Parameters
from sitl.vehicle import Airframe
from tests.guarded import GuardedFlight
from tests.sites import Draft
from tests.sizes import of_full
from tests.spray_jobs import plan_job
from tests.virtual_air import PAIR, awake_autopilot

CELLS, CELL_V = 12, 3.85
"""A pack of twelve; what a cell gives on the average of its charge."""
PAD_M = 3.0
LEAST = 0.2
"""What is left of a pack that is in order."""
IN_ORDER = 0.9
"""A pack that holds this share of what it held when it was new, and more, is in order."""
LONGEST_S = 3600.0
FENCE_STATUS = 162


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """How a flight in the wind ended."""

    away_m: float
    left: float
    pump_rests: bool
    called_home: bool


class Windy(GuardedFlight):
    """A flight whose watch may hold it and call it home, while it hears it."""

    hears = True

    def _watch(self) -> None:
        if not self.hears:
            return
        sighting = Sighting(kind=SightingKind.POSITION, telemetry=self.telemetry)
        self.watched, wishes = watch(self.plan, self.watched, sighting)
        for wish in wishes:
            if isinstance(wish, Note):
                self.notes.append(wish.message.key)
            else:
                self._order(wish)
        self.air.crossed.clear()


def planned(dice: random.Random, wind_m_s: float) -> FlightPlan:
    """A survey or a sortie that takes most of a pack, planned for a wind."""
    wide_m, long_m = dice.uniform(90.0, 260.0), dice.uniform(90.0, 260.0)
    site = Draft(turn_deg=dice.uniform(0.0, 180.0)).site(
        shapely.box(0.0, 0.0, wide_m, long_m), (-dice.uniform(15.0, 80.0), long_m / 2.0)
    )
    if dice.random() < 0.5:
        asked = SurveySettings(camera=camera("M3E"), height_m=30.0, speed_m_s=5.0)
        craft = aircraft("650 quad 6S")
        plan = plan_survey(site, asked, aircraft=craft, name="Gió", wind_m_s=wind_m_s)
    else:
        kind = dice.choice(["16 L", "10 L"])
        wish = SpraySettings(
            sprayer=sprayer(kind), product=Product(name="nước", dose_per_ha=0.0), rate_l_ha=15.0,
            height_m=3.0, speed_m_s=4.0, swath_m=4.0, wind=Wind(speed_m_s=wind_m_s),
        )  # fmt: skip
        plan = plan_job(site, wish).plans[0]
    needed_pct = flight_needs_pct(plan)
    assert needed_pct is not None
    # what one pack is not enough for does not fly, and what hardly uses one proves little
    return plan if 60.0 < needed_pct <= 100.0 else planned(dice, wind_m_s)


def fly(plan: FlightPlan, wind: Wind, health: float, dice: random.Random) -> Landed:
    """Fly a plan in a wind to its end."""
    flight = in_the_air(plan, wind, health, dice)
    flight.until(lambda: flight.watched.ended, LONGEST_S)
    return how_it_ended(flight)


def in_the_air(
    plan: FlightPlan, wind: Wind, health: float, dice: random.Random, *, thirst: float = 1.0,
    **more: float,
) -> Windy:  # fmt: skip
    """Begin a flight in a wind, with a pack that holds a share of what it held when it was new."""
    assert plan.aircraft is not None
    new_ah = plan.aircraft.battery_wh / (CELLS * CELL_V)
    known = Parameters()
    asked = {need.name: need.wanted for need in needed_parameters(plan) if need.settable}
    aboard = {
        **{name: value for name, value in asked.items() if name in known},
        **simulated._fitted(plan, None),
        **simulated._guarded(plan),
        "BATT_CAPACITY": 1000.0 * new_ah, "SIM_BATT_CAP_AH": health * new_ah,
        "SIM_BATT_VOLTAGE": 4.2 * CELLS, "BATT_LOW_VOLT": CELL_LIMIT_V * CELLS,
        "SIM_WIND_SPD": wind.speed_m_s, "SIM_WIND_DIR": wind.from_deg or 0.0,
        "SIM_WIND_TURB": 0.2 * wind.speed_m_s, "SIM_WIND_T": 1.0, **more,
    }  # fmt: skip
    frame = Airframe(
        mass_kg=plan.aircraft.mass_kg, hover_power_w=thirst * plan.aircraft.hover_power_w
    )
    pilot = awake_autopilot(
        home=plan.home, parameters=aboard, airframe=frame, seed=dice.randrange(1 << 30),
        sprayer=simulated._gear(plan.spray) if plan.spray else None,
    )  # fmt: skip
    flight = Windy(plan, None, pilot=pilot)
    flight.air.drive(CommandCall(PAIR, 511, (FENCE_STATUS, 5e5), word="mode"))
    return flight


def how_it_ended(flight: Windy) -> Landed:
    battery, body = flight.copter.battery, flight.copter.body
    return Landed(
        away_m=math.hypot(body.east_m, body.north_m),
        left=1.0 - battery.used_mah / (1000.0 * battery.size_ah),
        pump_rests=not flight.copter.sprayer.spraying,
        called_home="event.battery_return" in flight.notes,
    )


def drawn(number: int) -> tuple[FlightPlan, Wind, float, random.Random]:
    """One case of many: a plan, the wind it is flown in, how good the pack is still."""
    dice = random.Random(f"wind {number}")
    wind_m_s = dice.uniform(0.5, 3.5)
    plan = planned(dice, wind_m_s)
    wind = Wind(speed_m_s=dice.uniform(0.0, wind_m_s), from_deg=dice.uniform(0.0, 359.0))
    return plan, wind, dice.uniform(0.75, 1.0), dice


def flown(numbers: range) -> list[tuple[float, Landed]]:
    found = []
    for number in numbers:
        plan, wind, health, dice = drawn(number)
        found.append((health, fly(plan, wind, health, dice)))
    return found


def judge(health: float, landed: Landed) -> None:
    assert landed.away_m <= PAD_M, (health, landed)
    assert landed.pump_rests, (health, landed)
    assert landed.left >= (LEAST if health >= IN_ORDER else LEAST / 2.0), (health, landed)


def test_three_winds_and_packs_bring_the_aircraft_home() -> None:
    for health, landed in flown(range(3)):
        judge(health, landed)


@pytest.mark.slow
def test_two_hundred_winds_and_packs_bring_the_aircraft_home(record_property) -> None:
    ends = flown(range(of_full(200, at_least=2)))
    record_property("winds", len(ends))
    record_property("winds_away_m", max(landed.away_m for _, landed in ends))
    record_property("winds_left", min(e.left for health, e in ends if health >= IN_ORDER))
    record_property("winds_left_old", min((e.left for h, e in ends if h < IN_ORDER), default=1.0))
    for health, landed in ends:
        judge(health, landed)


def test_what_no_plan_reckoned_with_calls_the_aircraft_home_with_a_fifth_left() -> None:
    """A survey that takes most of a pack, in three times its wind, a third too thirsty."""
    site = Draft().site(shapely.box(0.0, 0.0, 250.0, 250.0), (-20.0, 125.0))
    asked = SurveySettings(camera=camera("M3E"), height_m=30.0, speed_m_s=6.0)
    plan = plan_survey(site, asked, aircraft=aircraft("650 quad 6S"), name="Bão", wind_m_s=3.0)
    wind = Wind(speed_m_s=9.0, from_deg=90.0)
    flight = in_the_air(plan, wind, 1.0, random.Random(1), thirst=1.33, BATT_LOW_VOLT=0.0)
    flight.until(lambda: flight.watched.ended, LONGEST_S)
    landed = how_it_ended(flight)
    assert landed.called_home
    assert landed.away_m <= PAD_M
    assert landed.left >= LEAST


def over_a_house() -> FlightPlan:
    """A sortie behind a house that stands in the field, between its far end and the pad."""
    draft = Draft()
    house = draft.obstacle(ObstacleKind.HOUSE, shapely.box(45.0, 30.0, 57.0, 90.0), 6.0)
    site = draft.site(shapely.box(0.0, 0.0, 130.0, 120.0), (-20.0, 60.0), (house,))
    wish = SpraySettings(
        sprayer=sprayer("16 L"), product=Product(name="nước", dose_per_ha=0.0), rate_l_ha=15.0,
        height_m=3.0, speed_m_s=4.0, swath_m=4.0, wind=Wind(speed_m_s=1.0), angle_deg=0.0,
    )  # fmt: skip
    return plan_job(site, wish).plans[0]


def apart_m(flight: Windy) -> float:
    """How far it stands from the pad or the nearest place in the field that is kept free for it."""
    frame, body = LocalFrame(flight.plan.home), flight.copter.body
    places = [frame.metres(rally.place) for rally in flight.plan.rally_points]
    return min(math.dist(place, (body.east_m, body.north_m)) for place in [(0.0, 0.0), *places])


def behind_the_house() -> Windy:
    """That sortie, its failsafe acting where the house stands between it and the pad."""
    flight = in_the_air(
        over_a_house(), Wind(speed_m_s=1.0, from_deg=0.0), 1.0, random.Random(2),
        BATT_CRT_VOLT=CELL_CRITICAL_V * CELLS,
    )  # fmt: skip
    body = flight.copter.body
    flight.until(lambda: body.east_m > 100.0 and abs(body.north_m) < 8.0, LONGEST_S)
    flight.copter.parameters.set("BATT_LOW_VOLT", 60.0)
    return flight


def test_a_failsafe_behind_a_house_is_stopped_by_the_fence_and_called_home_above_the_roof() -> None:
    flight = behind_the_house()
    flight.until(lambda: flight.watched.ended, LONGEST_S)
    landed = how_it_ended(flight)
    assert "event.fence_return" in flight.notes
    assert apart_m(flight) <= PAD_M
    assert landed.left >= LEAST
    assert landed.pump_rests


def test_stopped_there_with_nobody_near_it_lands_before_its_pack_is_empty() -> None:
    flight = behind_the_house()
    flight.hears = False
    flight.until(lambda: not flight.copter.armed, LONGEST_S)
    landed = how_it_ended(flight)
    assert apart_m(flight) > PAD_M
    assert 0.0 < landed.left < LEAST
    assert flight.copter.body.touchdown_m_s < 1.5
    assert landed.pump_rests
