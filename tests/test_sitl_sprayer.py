"""The simulated sprayer: what its servo is told, what leaves the nozzles, and what can break."""

from __future__ import annotations

import itertools
import math

import pytest
from pymavlink import mavutil
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agri.errors import BadInput
from sitl.faults import Fault, FaultKind
from sitl.simulator import Simulator
from sitl.spray_gear import Deposit, SprayGear, SprayHardware
from sitl.vehicle import Airframe
from tests.ground_station import (
    ACCEPTED,
    AUTO_RTL,
    BRAKE,
    HOME,
    HOME_ITEM,
    LAND,
    RETURN,
    RTL,
    Item,
    Station,
    do,
    take_off,
    waypoint,
)

FITTED = {"SPRAY_ENABLE": 1, "SERVO9_FUNCTION": 22, "SERVO10_FUNCTION": 23}
SIX = SprayHardware(pump=((0.0, 0.0), (1.0, 6.0)), kg_per_l=0.0)
CARRIER = Airframe(mass_kg=12.0, hover_power_w=1500.0)
LEG = [{"command": 189, "frame": 6}, do(216, 0.0), waypoint(-20, 20, 15.0),
       {"command": 21, "frame": 6}]  # fmt: skip


def line(*more: Item) -> list[Item]:
    return [
        take_off(5.0), do(178, 1.0, 5.0, -1.0), waypoint(0, 30, 5.0), do(216, 1.0),
        waypoint(150, 30, 5.0), do(216, 0.0), waypoint(150, 40, 5.0), RETURN, *more,
    ]  # fmt: skip


def spraying(*leg: Item, parameters: dict[str, float] | None = None, **options) -> Station:
    """An aircraft 60 m into its line, with the pump on."""
    options.setdefault("sprayer", SIX)
    station = Station(parameters={**FITTED, **(parameters or {})}, **options)
    station.start(line(*leg))
    station.until(lambda: station.place[0] > 60.0)
    return station


def servos(station: Station) -> tuple[int, int]:
    ask = mavlink.MAVLink_command_long_message(1, 1, 512, 0, 36, 0, 0, 0, 0, 0, 0)
    told = station.answer(ask, "SERVO_OUTPUT_RAW")
    return told.servo9_raw, told.servo10_raw


# ---- what the autopilot tells


def test_pump_and_spinner_say_nothing_before_the_first_order_and_their_least_after_it():
    station = Station(parameters=FITTED)
    station.ready()
    assert servos(station) == (0, 0)
    assert station.command(216, 1) == ACCEPTED
    station.wait(0.5)
    assert servos(station) == (1100, 1100)
    station.command(216, 0)
    assert servos(station) == (1100, 1100)
    flying = spraying()
    assert servos(flying) == (pytest.approx(1500, abs=15), 1300)


def test_the_servos_are_told_as_often_as_asked():
    station = spraying()
    assert station.command(511, 36, 100_000) == ACCEPTED
    station.log.clear()
    station.wait(4.0)
    assert len(station.of("SERVO_OUTPUT_RAW")) == pytest.approx(40, abs=1)


@pytest.mark.parametrize("mode", [RTL, LAND, BRAKE])
def test_whatever_the_mode_the_flag_stays_on_and_only_the_speed_stills_the_pump(mode):
    station = spraying()
    assert station.mode(mode) == ACCEPTED
    station.wait(1.0)
    assert station.copter.sprayer.running
    assert station.copter.gear.flow_l_min > 0.0  # still braking
    if mode != BRAKE:
        station.landed()
        assert station.copter.sprayer.running
        assert station.command(216, 0) == ACCEPTED
    assert station.command(216, 0) == ACCEPTED
    assert not station.copter.sprayer.running


def test_a_return_sprays_on_the_way_home():
    station = spraying()
    before_l = station.copter.gear.sprayed_l
    station.mode(RTL)
    station.landed()
    outside = [d for d in station.copter.gear.deposits if abs(d.north_m - 30.0) > 3.0]
    metres = sum(math.dist(a[1:3], b[1:3]) for a, b in itertools.pairwise(outside))
    assert 30.0 < metres < 80.0  # 36 to 95 m on the real one
    assert station.copter.gear.sprayed_l > before_l + 0.5


def test_losing_the_radio_with_a_landing_leg_stills_the_pump_within_a_second_and_a_half():
    station = spraying(*LEG, parameters={"FS_THR_ENABLE": 6})
    station.set("SIM_RC_FAIL", 1)
    lost_s = station.now_s
    station.until(lambda: not station.copter.sprayer.running)
    assert station.now_s - lost_s <= 1.5
    assert station.of("HEARTBEAT")[-1].custom_mode == AUTO_RTL
    assert station.copter.gear.deposits[-1].time_s - lost_s <= 1.5
    station.landed()
    assert not station.copter.sprayer.running


def test_a_plain_pump_is_driven_by_the_missions_own_servo_items():
    plain = SprayHardware(pump=((0.0, 0.0), (1.0, 6.0)), channel=7, kg_per_l=0.0)
    station = Station(sprayer=plain, parameters={"SERVO7_MIN": 1000, "SERVO7_MAX": 2000})
    items = [i if i["command"] != 216 else do(183, 7, 1500.0 if i["params"][0] else 1000.0)
             for i in line()]  # fmt: skip
    station.start(items)
    station.until(lambda: station.place[0] > 60.0)
    assert station.copter.gear.flow_l_min == pytest.approx(3.0)
    assert station.command(183, 7, 1000) == ACCEPTED
    station.wait(0.1)
    assert station.copter.gear.flow_l_min == 0.0


def test_without_a_servo_for_it_nothing_leaves_the_nozzles():
    station = Station(parameters={"SPRAY_ENABLE": 1}, sprayer=SIX)
    station.start(line())
    station.until(lambda: station.place[0] > 60.0)
    assert station.copter.sprayer.spraying
    assert station.copter.gear.deposits == []


# ---- what leaves the nozzles


def test_deposits_are_the_flow_of_the_curve_at_every_place_and_add_up_to_the_litres():
    station = spraying()
    station.landed()
    gear = station.copter.gear
    middle = [d for d in gear.deposits if 40.0 < d.east_m < 110.0]
    assert all(d.flow_l_min == pytest.approx(3.0, rel=0.03) for d in middle)
    assert sum(d.flow_l_min for d in gear.deposits) * 0.02 / 60.0 == pytest.approx(gear.sprayed_l)
    assert gear.sprayed_l == pytest.approx(3.0 * 147.0 / 5.0 / 60.0, rel=0.1)


def test_the_hose_delays_beginning_and_end_alike():
    hose = SprayGear(SprayHardware(pump=((0.0, 0.0), (1.0, 6.0)), hose_s=0.5))
    hose.stuck = 1.0
    for step in range(100):
        hose.stuck = 1.0 if 10 <= step < 60 else 0.0
        hose.step(hose.stuck, step * 0.02, 0.02, (float(step), 0.0))
    assert [hose.deposits[0].time_s, hose.deposits[-1].time_s] == pytest.approx([0.70, 1.68])
    assert hose.sprayed_l == pytest.approx(6.0 * 50 * 0.02 / 60.0)


def test_the_pumps_curve_begins_at_nothing_and_ends_at_its_last_point():
    curve = SprayHardware(pump=((0.2, 1.0), (0.6, 4.0), (1.0, 5.0)))
    flows = [curve.flow_l_min(share) for share in (0.0, 0.1, 0.2, 0.4, 1.0, 1.5)]
    assert flows == pytest.approx([0.0, 0.5, 1.0, 2.5, 5.0, 5.0])


def test_an_emptying_tank_draws_less_from_the_battery():
    def hover_w(litres: float) -> float:
        station = Station(parameters=FITTED, airframe=CARRIER,
                          sprayer=SprayHardware(tank_l=litres))  # fmt: skip
        station.start([take_off(5.0), waypoint(0, 0, 5.0), waypoint(0, 0, 5.0, 17), RETURN])
        station.until(lambda: station.place[2] > 4.9)
        station.wait(10.0)
        return station.copter.body.power_w

    assert hover_w(8.0) / hover_w(0.0) == pytest.approx((20.0 / 12.0) ** 1.5, rel=0.01)
    station = spraying(airframe=CARRIER, sprayer=SprayHardware(tank_l=8.0, pump=SIX.pump))
    gear, body = station.copter.gear, station.copter.body
    assert body.load_kg == pytest.approx(8.0 - gear.sprayed_l)
    assert body.load_kg < 7.6


@pytest.mark.parametrize(
    "wrong",
    [{"tank_l": -1.0}, {"pump": ()}, {"pump": ((0.0, 1.0), (1.0, 1.0))}, {"hose_s": 11.0},
     {"nozzles": 0}, {"channel": 17}, {"kg_per_l": 9.0}, {"tank_l": math.nan}],
)  # fmt: skip
def test_hardware_that_cannot_be_is_refused(wrong):
    with pytest.raises(BadInput) as told:
        SprayHardware(**wrong)
    assert dict(told.value.message.values)["name"] == next(iter(wrong))


# ---- what breaks


def broken(kind: FaultKind, value: float = 0.0, **more) -> Station:
    """Flown to 60 m; the fault comes at 90 m."""
    more.setdefault("at_m", (90.0, 30.0))
    fault = Fault(kind=kind, value=value, **more)
    station = spraying(faults=[fault], sprayer=SprayHardware(pump=SIX.pump, nozzles=4, tank_l=8.0,
                                                             kg_per_l=0.0))  # fmt: skip
    assert station.copter.gear.flow_l_min == pytest.approx(3.0, rel=0.03)
    station.until(lambda: station.place[0] > 95.0)
    return station


def test_an_empty_tank_sprays_nothing_while_the_pump_turns_on():
    station = broken(FaultKind.TANK_EMPTY)
    assert station.copter.gear.flow_l_min == 0.0
    assert servos(station)[0] > 1450
    assert max(d.east_m for d in station.copter.gear.deposits) == pytest.approx(90.0, abs=3.5)


def test_a_blocked_nozzle_takes_its_share_of_the_flow():
    station = broken(FaultKind.NOZZLES_BLOCKED, 0.25)
    assert station.copter.gear.flow_l_min == pytest.approx(2.25, rel=0.03)
    assert station.copter.gear.nozzle_flows_l_min == pytest.approx(
        [0.0, 0.75, 0.75, 0.75], rel=0.03
    )


def test_a_pump_that_sticks_ignores_its_servo():
    station = broken(FaultKind.PUMP_STUCK, 1.0)
    assert station.copter.gear.flow_l_min == pytest.approx(6.0)
    station.command(216, 0)
    station.wait(1.0)
    assert servos(station)[0] == 1100
    assert station.copter.gear.flow_l_min == pytest.approx(6.0)
    assert broken(FaultKind.PUMP_STUCK, 0.0).copter.gear.flow_l_min == 0.0


def test_a_fault_that_lasts_ends_and_comes_only_once():
    station = broken(FaultKind.NOZZLES_BLOCKED, 1.0, lasts_s=2.0)
    assert station.copter.gear.flow_l_min == 0.0
    station.wait(2.0)
    assert station.copter.gear.flow_l_min == pytest.approx(3.0, rel=0.03)


def test_a_sagging_battery_and_a_step_of_wind_and_a_lost_gps_show_as_on_a_real_one():
    volts = broken(FaultKind.BATTERY_SAG, 2.0)
    volts.wait(1.0)
    assert volts.copter.battery.volts == pytest.approx(10.6)
    windy = broken(FaultKind.WIND_STEP, 6.0, from_deg=90.0)
    windy.wait(1.0)
    assert windy.copter.wind.velocity() == (pytest.approx(-6.0), pytest.approx(0.0, abs=1e-9))
    blind = broken(FaultKind.GPS_GLITCH, lasts_s=3.0)
    assert not blind.copter.ready.gps_fix
    blind.wait(3.5)
    assert blind.copter.ready.gps_fix


def test_a_fault_at_a_time_counts_from_the_first_arming():
    fault = Fault(kind=FaultKind.TANK_EMPTY, at_s=5.0)
    station = Station(parameters=FITTED, sprayer=SprayHardware(tank_l=3.0), faults=[fault])
    station.ready()
    station.wait(30.0)
    assert station.copter.gear.tank_l == 3.0
    station.start(line())
    armed_s = station.now_s
    station.until(lambda: station.copter.gear.tank_l == 0.0)
    assert station.now_s - armed_s == pytest.approx(5.0, abs=0.5)


@pytest.mark.parametrize(
    "wrong",
    [{"kind": FaultKind.PUMP_STUCK, "value": 1.5, "at_s": 1.0}, {"kind": FaultKind.TANK_EMPTY},
     {"kind": FaultKind.TANK_EMPTY, "at_s": 1.0, "at_m": (0.0, 0.0)},
     {"kind": FaultKind.WIND_STEP, "value": math.nan, "at_s": 1.0}],
)  # fmt: skip
def test_a_fault_that_cannot_be_is_refused(wrong):
    with pytest.raises(BadInput):
        Fault(**wrong)


# ---- through the door


def test_a_simulator_of_its_own_tells_what_left_its_nozzles_even_after_its_end():
    hardware = SprayHardware(tank_l=1.0, pump=((0.0, 0.0), (1.0, 60.0)), hose_s=0.1, nozzles=2)
    fault = Fault(kind=FaultKind.PUMP_STUCK, value=1.0, at_s=0.0)
    other = Fault(kind=FaultKind.WIND_STEP, value=3.0, at_m=(1.0, 2.0))
    with Simulator(
        HOME, speedup=20.0, ready_after_s=1.0, parameters=FITTED, airframe=CARRIER,
        sprayer=hardware, faults=[fault, other],
    ) as simulator:  # fmt: skip
        assert simulator.deposits() == ()
        link = mavutil.mavlink_connection(simulator.url, source_system=255)
        assert link.wait_heartbeat(timeout=20)
        link.mav.command_long_send(1, 1, 400, 0, 1, 21196, 0, 0, 0, 0, 0)
        for _ in range(2000):
            link.recv_match(blocking=True, timeout=0.05)
            if sum(d.flow_l_min for d in simulator.deposits()) * 0.02 / 60.0 > 0.999:
                break
        link.close()
    rows = simulator.deposits()
    assert all(isinstance(row, Deposit) for row in rows)
    assert rows[0].flow_l_min == pytest.approx(60.0)
    assert (rows[0].east_m, rows[0].north_m) == (0.0, 0.0)
    assert sum(row.flow_l_min for row in rows) * 0.02 / 60.0 == pytest.approx(1.0)


def test_a_mission_sent_home_by_the_end_of_its_items_has_switched_its_sprayer_off():
    station = spraying()
    station.landed()
    assert not station.copter.sprayer.running
    assert station.upload([HOME_ITEM, *line()]) == 0
