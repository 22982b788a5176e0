"""Before a launch: can the aircraft itself notice that its pack is low?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from agri.findings import Severity
from missions.flight.phases import Begin, FlightState, Identified, Order, Phase, Read
from missions.preflight.battery import (
    CELL_CRITICAL_V,
    CELL_LIMIT_V,
    KEPT,
    PLANNED,
    check_limits,
    flight_needs_pct,
    way_home_needs_pct,
)
from missions.wire.telemetry import Telemetry
from tests import spray_flown, test_flight
from tests.test_flight import COPTER, FLYING, PLAN, READY, begin, orders, parameters, play, saw

DELIVERED_V = 10.5
"""BATT_LOW_VOLT as ArduCopter is delivered."""


def refused(limit_v: float | None, limit_mah: float | None, volts: float) -> bool:
    aboard = {"BATT_LOW_VOLT": limit_v, "BATT_LOW_MAH": limit_mah}
    found = check_limits(PLAN, aboard, Telemetry(voltage_v=volts))
    assert all(finding.severity is Severity.ERROR for finding in found)
    return bool(found)


@pytest.mark.parametrize("cell_v", [3.6, 3.85, 4.2, 4.35])
@pytest.mark.parametrize("cells", [4, 6, 12, 14])
def test_the_limit_of_three_cells_never_acts_on_a_larger_pack(cells: int, cell_v: float) -> None:
    assert refused(DELIVERED_V, 0.0, cells * cell_v)
    assert not refused(CELL_LIMIT_V * cells, 0.0, cells * cell_v)
    assert not refused(DELIVERED_V, 3000.0, cells * cell_v), "it goes by what was drawn"


@pytest.mark.parametrize("cell_v", [3.6, 3.85, 4.2, 4.35])
def test_as_delivered_it_acts_on_the_three_cells_it_is_meant_for(cell_v: float) -> None:
    assert not refused(DELIVERED_V, 0.0, 3 * cell_v)


def test_what_is_not_told_is_not_judged() -> None:
    assert not refused(None, 0.0, 50.4)
    assert not refused(DELIVERED_V, None, 50.4)
    assert not refused(0.0, 0.0, float("nan"))
    assert not refused(0.0, 0.0, 0.0)
    assert refused(0.0, 0.0, 12.6)


def test_a_spraying_asks_for_a_limit_at_which_it_lands() -> None:
    """Stopped by its fence with nobody near, it would stand until it falls."""
    good = {"BATT_LOW_VOLT": 43.2, "BATT_LOW_MAH": 0.0, "BATT_CRT_MAH": 0.0}
    full = Telemetry(voltage_v=50.4)
    for limit_v, told in ((0.0, True), (12 * CELL_CRITICAL_V, False)):
        found = check_limits(spray_flown.plan(), {**good, "BATT_CRT_VOLT": limit_v}, full)
        assert [f.key for f in found] == ["finding.battery_critical_limit"] * told
        assert check_limits(PLAN, {**good, "BATT_CRT_VOLT": limit_v}, full) == []
    by_charge = {**good, "BATT_CRT_VOLT": 0.0, "BATT_CRT_MAH": 500.0}
    assert check_limits(spray_flown.plan(), by_charge, full) == []


@pytest.mark.parametrize("cell_v", [3.6, 3.85, 4.2])
@pytest.mark.parametrize("cells", [6, 12, 14])
def test_a_spraying_does_not_begin_with_an_aircraft_that_counts_too_large_a_pack(
    cells: int, cell_v: float
) -> None:
    """Told of half a pack when it is empty, nobody would call it home."""
    limits = {"BATT_LOW_MAH": 1000.0, "BATT_CRT_MAH": 500.0, "BATT_LOW_VOLT": 0.0,
              "BATT_CRT_VOLT": 0.0}  # fmt: skip
    plan = spray_flown.plan()
    assert plan.aircraft is not None
    true_mah = 1000.0 * plan.aircraft.battery_wh / (3.7 * cells)
    seen = Telemetry(voltage_v=cells * cell_v)

    def told(mah: float | None) -> list[str]:
        return [f.key for f in check_limits(plan, {**limits, "BATT_CAPACITY": mah}, seen)]

    assert told(true_mah) == told(3300.0) == told(0.0) == told(None) == []
    assert told(1.5 * true_mah) == told(2.0 * true_mah) == ["finding.battery_capacity"]
    assert check_limits(PLAN, {**limits, "BATT_CAPACITY": 1e6}, seen) == []


def briefed(volts: float, limit_v: float) -> tuple[FlightState, list[Order]]:
    told = parameters(BATT_LOW_VOLT=limit_v, BATT_LOW_MAH=0.0)
    ready = replace(READY, voltage_v=volts)
    state, said = play(begin(PLAN), Begin(), Identified(COPTER), Read(told), saw(ready))
    return state, orders(said)


def test_a_flight_does_not_begin_with_an_aircraft_that_cannot_notice_its_low_pack() -> None:
    state, asked = briefed(50.4, DELIVERED_V)
    assert asked[-1] is not Order.UPLOAD
    assert state.phase is Phase.REFUSED
    assert "finding.battery_limit" in {finding.key for finding in state.findings}
    _, asked = briefed(50.4, 43.2)
    assert asked[-1] is Order.UPLOAD


def test_it_is_called_home_while_a_fifth_will_be_left_and_not_as_long_as_all_goes_as_planned() -> (
    None
):
    aircraft = PLAN.aircraft
    assert aircraft is not None
    for away_m in (0.0, 100.0, 400.0, 900.0, 3000.0):
        here = replace(FLYING, place=test_flight.FRAME.place(0.0, away_m))
        needed = way_home_needs_pct(PLAN, here)
        slow_m = min(here.height_m, 10.0)
        time_s = (
            away_m / aircraft.cruise_speed_m_s
            + (here.height_m - slow_m) / aircraft.descent_m_s
            + slow_m / aircraft.land_speed_m_s
        )
        way = 100.0 * time_s * aircraft.hover_power_w / 3600.0 / aircraft.battery_wh
        assert needed is not None
        assert needed - way < 100.0 * aircraft.reserve, "as planned, this is left and more"
        if needed < way + 100.0 * PLANNED * aircraft.reserve - 0.5:
            assert needed == pytest.approx(1.5 * way + 100.0 * KEPT * aircraft.reserve, abs=0.5)
    assert flight_needs_pct(replace(PLAN, aircraft=None)) is None
