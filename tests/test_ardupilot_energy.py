"""The energy of a sortie against a real ArduCopter that flies a spraying hexacopter of our own.

Needs the program ``arducopter`` (AGRI_ARDUCOPTER or on the path) and skips without it.

**What is compared.** ArduPilot simulates an aircraft that is told to it by figures: mass, power in
hover, pack, motors, air resistance. Here they are those of the catalogue's spraying copters. It
flies the sortie, and volts × amperes of its BATTERY_STATUS are summed over the flight, from the
order to take off until the motors stop, and set beside `estimate_spray`. What is proven so is how
long the aircraft climbs, flies, turns, waits and lands, and what it draws meanwhile, its pack
sagging under the load.

**What is not.** The power in hover is told to both and so proves nothing about a real aircraft.
The simulated one takes no less power in forward flight than in hover (a real rotor does, and the
estimate counts it: 5 to 7 % at 5 m/s), nor more to climb at a steady speed. And its mass cannot
fall as it sprays: it flies with half the tank's filling aboard all the way, and the estimate it is
held against is of the same. What that changes is shown to be little: the estimate of the tank that
empties differs from it by less than 1 %.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from agri.geo import LocalFrame
from missions.catalogue import sprayer
from missions.energy import Aircraft, with_payload
from missions.passes.energy import estimate_spray, fill_l
from missions.passes.items import spray_items
from missions.passes.route import SprayRoute
from missions.sprayer.job import SpraySettings
from tests.ground_station import HOME
from tests.sorties import STILL, lawn, settings
from tests.two_copters import real, skip_without_arducopter

skip_without_arducopter()
pytestmark = pytest.mark.ardupilot
NEXT_TO_NONE_L_HA = 0.1
LOOKS_US = 100_000.0
HEAVY = {
    "FRAME_CLASS": 2, "MOT_BAT_VOLT_MAX": 50.4, "MOT_BAT_VOLT_MIN": 39.6, "MOT_THST_HOVER": 0.4,
    "SIM_BATT_VOLTAGE": 50.4,
    **{f"ATC_RAT_{axis}_{term}": 0.5 for axis in ("RLL", "PIT") for term in "PI"},
    "ATC_RAT_RLL_D": 0.004, "ATC_RAT_PIT_D": 0.004, "ATC_RAT_YAW_P": 0.5, "ATC_RAT_YAW_I": 0.05,
}  # fmt: skip
"""A pack of 12 cells and the slow turning of a wide airframe."""


def figures(aircraft: Aircraft, rotor_m: float) -> dict[str, float]:
    """The aircraft as ArduPilot's simulated frames are told, at its mass now.

    A lean of 10° holds 10 m/s; a pack of 12 cells with 20 mΩ.
    """
    cells_v = 44.4
    return {
        "mass": aircraft.mass_kg, "diagonal_size": 1.6, "num_motors": 6.0,
        "refSpd": 10.0, "refAngle": 10.0, "refVoltage": cells_v,
        "refCurrent": aircraft.hover_power_w / cells_v, "refAlt": 10.0, "refTempC": 20.0,
        "refBatRes": 0.02, "maxVoltage": 50.4, "battCapacityAh": aircraft.battery_wh / cells_v,
        "propExpo": 0.65, "hoverThrOut": 0.4, "disc_area": 6.0 * 0.785 * rotor_m**2,
        "mdrag_coef": 0.1,
    }  # fmt: skip


def held(route: SprayRoute, asked: SpraySettings) -> tuple[SprayRoute, SpraySettings]:
    """The same sortie with half of its filling carried all the way, and nothing sprayed."""
    aircraft = with_payload(asked.sprayer.aircraft, fill_l(route, asked) / 2.0)
    heavy = replace(asked.sprayer, aircraft=aircraft, dead_l=0.0)
    dry = tuple(replace(work, rate_l_ha=NEXT_TO_NONE_L_HA) for work in route.passes)
    return (
        replace(route, passes=dry),
        replace(asked, sprayer=heavy, rate_l_ha=NEXT_TO_NONE_L_HA),
    )


@pytest.mark.parametrize(
    ("name", "rotor_m", "route"),
    [
        ("16 L", 0.762, lawn(30.0, 200.0, home=(0.0, 0.0))),
        ("16 L", 0.762, lawn(24.0, 30.0, home=(0.0, 0.0), speed_m_s=3.0)),
        ("10 L", 0.610, lawn(20.0, 100.0, home=(0.0, 0.0), speed_m_s=4.0)),
    ],
    ids=["16 L, long", "16 L, short and slow", "10 L"],
)
def test_a_real_arducopter_takes_the_energy_told(
    name: str, rotor_m: float, route: SprayRoute
) -> None:
    speed = route.passes[0].speed_m_s
    asked = settings(sprayer=sprayer(name), wind=STILL, speed_m_s=speed)
    route_held, asked_held = held(route, asked)
    told = estimate_spray(route_held, asked_held)
    emptying = estimate_spray(route, asked)
    assert emptying.energy_wh == pytest.approx(told.energy_wh, rel=0.01)
    frame = LocalFrame(HOME)
    log = real(
        spray_items(route, asked, frame, frame.place(*route.home)),
        HOME,
        {**HEAVY, "WPNAV_SPEED": 100.0 * speed, "SPRAY_ENABLE": 1.0, "SERVO9_FUNCTION": 22.0},
        frame=figures(asked_held.sprayer.aircraft, rotor_m),
        looks_us=LOOKS_US,
        speedup=20.0,
    )
    assert told.time_s == pytest.approx(log.duration_s, rel=0.15)
    assert told.energy_wh == pytest.approx(log.energy_wh, rel=0.15)
