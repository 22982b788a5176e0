"""What breaks in flight, on purpose: at a time or at a place, for a while or for good.

A `Fault` is a value; a test gives some to the simulator, `Faults` brings them about. Nothing is
announced: what the aircraft says of it is what a real one would say.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from agri.errors import BadInput

if TYPE_CHECKING:
    from sitl.copter import Copter


class FaultKind(StrEnum):
    """What breaks, and what `Fault.value` is then."""

    TANK_EMPTY = "tank_empty"
    """The tank has nothing left (a leak, a wrong filling)."""
    NOZZLES_BLOCKED = "nozzles_blocked"
    """A share of the nozzles, 0 to 1, gives nothing."""
    PUMP_STUCK = "pump_stuck"
    """The pump turns at this share of its output, 0 to 1, whatever its servo says."""
    BATTERY_SAG = "battery_sag"
    """The pack gives so many volts less."""
    WIND_STEP = "wind_step"
    """The mean wind is so many m/s, from `from_deg`."""
    GPS_GLITCH = "gps_glitch"
    """The GPS gives nothing the estimator takes; `value` is not used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that breaks.

    Parameters
    ----------
    kind : FaultKind
        What.
    value : float
        How much; see `FaultKind`.
    from_deg : float
        Where a wind comes from, degrees clockwise from north.
    at_s : float or None
        When: simulated seconds since the motors were first armed.
    at_m : (east, north) or None
        Where, once in the air: metres from where the aircraft was switched on.
    within_m : float
        How near to that place.
    lasts_s : float
        For how long; for good when not given.

    Raises
    ------
    BadInput
        When it has neither time nor place, or a value that cannot be.
    """

    kind: FaultKind
    value: float = 0.0
    from_deg: float = 0.0
    at_s: float | None = None
    at_m: tuple[float, float] | None = None
    within_m: float = 3.0
    lasts_s: float = math.inf

    def __post_init__(self) -> None:
        shares = (FaultKind.NOZZLES_BLOCKED, FaultKind.PUMP_STUCK)
        good = 0.0 <= self.value <= (1.0 if self.kind in shares else 100.0)
        if not good or (self.at_s is None) == (self.at_m is None):
            raise BadInput("error.simulator_fault", kind=self.kind, value=self.value)


class Faults:
    """Faults that wait for their moment, and those that last.

    Parameters
    ----------
    faults : iterable of Fault
        All of them.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._waiting = list(faults)
        self._lasting: list[tuple[float, Callable[[], object]]] = []
        self._armed_s: float | None = None

    def add(self, fault: Fault) -> None:
        """Let one more wait for its moment; one whose moment is over comes at once."""
        self._waiting.append(fault)

    def look(self, copter: Copter) -> None:
        """Bring about what is due, and end what has lasted long enough."""
        if self._armed_s is None and copter.armed:
            self._armed_s = copter.now_s
        for fault in [fault for fault in self._waiting if self._is_due(fault, copter)]:
            self._waiting.remove(fault)
            self._lasting.append((copter.now_s + fault.lasts_s, _begin(copter, fault)))
        over = [(until_s, end) for until_s, end in self._lasting if until_s <= copter.now_s]
        for ended in over:
            ended[1]()
            self._lasting.remove(ended)

    def _is_due(self, fault: Fault, copter: Copter) -> bool:
        if self._armed_s is None:
            return False
        if fault.at_s is not None:
            return copter.now_s - self._armed_s >= fault.at_s
        body = copter.body
        here = (body.east_m, body.north_m)
        return not copter.landed and math.dist(here, fault.at_m or here) <= fault.within_m


def _begin(copter: Copter, fault: Fault) -> Callable[[], object]:
    """Bring a fault about; return what ends it."""
    gear, p = copter.gear, copter.parameters
    match fault.kind:
        case FaultKind.TANK_EMPTY:
            gear.tank_l = 0.0
            return lambda: None
        case FaultKind.NOZZLES_BLOCKED:
            gear.blocked = fault.value
            return lambda: setattr(gear, "blocked", 0.0)
        case FaultKind.PUMP_STUCK:
            gear.stuck = fault.value
            return lambda: setattr(gear, "stuck", None)
        case FaultKind.BATTERY_SAG:
            return _hold(copter, SIM_BATT_VOLTAGE=p["SIM_BATT_VOLTAGE"] - fault.value)
        case FaultKind.WIND_STEP:
            return _hold(copter, SIM_WIND_SPD=fault.value, SIM_WIND_DIR=fault.from_deg)
        case FaultKind.GPS_GLITCH:
            return _hold(copter, SIM_GPS_DISABLE=1.0)


def _hold(copter: Copter, **values: float) -> Callable[[], object]:
    p = copter.parameters
    before = {name: p[name] for name in values}
    for name, value in values.items():
        p.set(name, value)

    def back() -> None:
        for name, value in before.items():
            p.set(name, value)

    return back
