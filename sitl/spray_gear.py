"""What hangs on the sprayer's servo: tank, pump, hose, nozzles, and the truth of what fell where.

The pump turns as its servo's pulse says and gives what its curve says (straight lines between its
points, from nothing at rest to the first of them), as long as there is something in the tank. What
leaves the pump leaves the nozzles `hose_s` later, at the beginning as at the end. All nozzles give
the same; a blocked one gives nothing, and the others no more for it.

`SprayGear.deposits` is the truth no telemetry tells: one row for every step of time in which
something left the nozzles.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from agri.errors import BadInput
from sitl.parameters import Parameters
from sitl.payload import CHANNELS, PUMP
from sitl.sprayer import Sprayer


@dataclass(frozen=True, slots=True, kw_only=True)
class SprayHardware:
    """What is fitted to the aircraft.

    Parameters
    ----------
    tank_l : float
        Litres in it at switch-on; infinite weighs nothing and never ends.
    pump : tuple of (output, flow_l_min)
        The pump's curve: share of full output and flow, both rising.
    hose_s : float
        From pump to nozzle.
    nozzles : int
        How many.
    channel : int
        Servo of a pump that DO_SET_SERVO drives; 0 is the one with function 22.
    kg_per_l : float
        Weight of the mixture.

    Raises
    ------
    BadInput
        When a figure cannot be.
    """

    tank_l: float = math.inf
    pump: tuple[tuple[float, float], ...] = ((0.0, 0.0), (1.0, 2.0))
    hose_s: float = 0.0
    nozzles: int = 1
    channel: int = 0
    kg_per_l: float = 1.0

    def __post_init__(self) -> None:
        rising = all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(self.pump))
        wrong = {
            "tank_l": not self.tank_l >= 0.0,
            "pump": not self.pump or not rising or min(self.pump[0]) < 0.0,
            "hose_s": not 0.0 <= self.hose_s <= 10.0,
            "nozzles": self.nozzles < 1,
            "channel": not 0 <= self.channel <= CHANNELS,
            "kg_per_l": not 0.0 <= self.kg_per_l <= 3.0,
        }
        for name, bad in wrong.items():
            if bad:
                raise BadInput("error.simulator_sprayer", name=name)

    def flow_l_min(self, share: float) -> float:
        """Return the pump's flow at a share of its full output.

        Examples
        --------
        >>> hardware = SprayHardware(pump=((0.2, 1.0), (1.0, 5.0)))
        >>> [hardware.flow_l_min(share) for share in (0.0, 0.1, 0.6, 1.0)]
        [0.0, 0.5, 3.0, 5.0]
        """
        low, low_flow = 0.0, 0.0
        for output, flow in self.pump:
            if share <= output:
                part = (share - low) / (output - low) if output > low else 0.0
                return low_flow + (flow - low_flow) * part if share > 0.0 else 0.0
            low, low_flow = output, flow
        return low_flow


class Deposit(NamedTuple):
    """What left the nozzles in one step of time.

    Parameters
    ----------
    time_s : float
        Simulated seconds since switch-on.
    east_m, north_m : float
        Where the aircraft was, metres from where it was switched on.
    flow_l_min : float
        Flow of all nozzles.
    """

    time_s: float
    east_m: float
    north_m: float
    flow_l_min: float


class SprayGear:
    """The hardware at work.

    Parameters
    ----------
    hardware : SprayHardware
        What is fitted.

    Attributes
    ----------
    tank_l, sprayed_l : float
        Litres left in the tank, and litres that left the nozzles.
    flow_l_min : float
        Flow of all nozzles now.
    blocked : float
        Share of the nozzles that give nothing.
    stuck : float or None
        Share of full output at which the pump turns whatever its servo says.
    deposits : list of Deposit
        The truth; whoever writes it down elsewhere clears it.
    """

    def __init__(self, hardware: SprayHardware) -> None:
        self.hardware = hardware
        self.tank_l = hardware.tank_l
        self.sprayed_l = self.flow_l_min = self.blocked = 0.0
        self.stuck: float | None = None
        self.deposits: list[Deposit] = []
        self._hose: deque[tuple[float, float]] = deque()
        self._has_pump = False

    @property
    def load_kg(self) -> float:
        """Weight of what is in the tank, 0 for an endless one."""
        return self.tank_l * self.hardware.kg_per_l if math.isfinite(self.tank_l) else 0.0

    @property
    def nozzle_flows_l_min(self) -> tuple[float, ...]:
        """Flow of every nozzle now; the blocked ones are the first."""
        count = self.hardware.nozzles
        closed = round(self.blocked * count)
        each = self.flow_l_min / (count - closed) if closed < count else 0.0
        return (*[0.0] * closed, *[each] * (count - closed))

    def look(self, parameters: Parameters) -> None:
        """Take up which servo the pump hangs on."""
        channel = self.hardware.channel
        chosen = [channel] if channel else range(1, CHANNELS + 1)
        wanted = 0 if channel else PUMP
        self._has_pump = any(parameters[f"SERVO{n}_FUNCTION"] == wanted for n in chosen)

    def output(self, sprayer: Sprayer, pulse_us: int, parameters: Parameters) -> float:
        """Return the share of its full output at which the pump turns.

        Parameters
        ----------
        sprayer : Sprayer
            The autopilot's; drives a pump with the function.
        pulse_us : int
            What DO_SET_SERVO last set the pump's own channel to, 0 for nothing.
        parameters : Parameters
            Range of that channel.
        """
        if self.stuck is not None:
            return self.stuck
        if not self._has_pump:
            return 0.0
        channel = self.hardware.channel
        if not channel:
            return sprayer.pump_share
        low, high = parameters[f"SERVO{channel}_MIN"], parameters[f"SERVO{channel}_MAX"]
        if pulse_us <= 0 or high <= low:
            return 0.0
        return max(0.0, min(1.0, (pulse_us - low) / (high - low)))

    def step(self, output: float, now_s: float, dt_s: float, here: tuple[float, float]) -> None:
        """Let `dt_s` seconds pass with the pump at a share of its full output, at a place."""
        hardware = self.hardware
        if output > 0.0:
            open_share = 1.0 - round(self.blocked * hardware.nozzles) / hardware.nozzles
            wanted_l = hardware.flow_l_min(output) * open_share * dt_s / 60.0
            drawn_l = min(wanted_l, self.tank_l)
            self.tank_l -= drawn_l
            if drawn_l > 0.0:
                self._hose.append((now_s + hardware.hose_s, drawn_l))
        out_l = 0.0
        while self._hose and self._hose[0][0] <= now_s + 1e-9:
            out_l += self._hose.popleft()[1]
        self.flow_l_min = out_l / dt_s * 60.0
        if out_l > 0.0:
            self.sprayed_l += out_l
            self.deposits.append(Deposit(now_s, *here, self.flow_l_min))
