"""What sprays: tank, pump, nozzles, swath and the aircraft that carries them.

A sprayer is data (``sprayers.toml``, read by `missions.catalogue`), every figure with its source or
marked as an assumption. What follows from it for a job (flow, speed, parameters) is
`missions.sprayer.dose`.

Three ways a pump is driven decide what can be planned for it:

* ``speed``: ArduPilot's own sprayer (servo function 22): output follows the ground speed;
* ``servo``: a pump on a plain channel, set by DO_SET_SERVO in steps, blind to the speed;
* ``export``: another maker's controller; agri writes its route file, not its pump.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from agri.errors import BadInput
from missions.energy import Aircraft


class DropletClass(StrEnum):
    """Spray quality, ASABE S572.3 / ISO 25358."""

    VERY_FINE = "very_fine"
    FINE = "fine"
    MEDIUM = "medium"
    COARSE = "coarse"
    VERY_COARSE = "very_coarse"


class PumpControl(StrEnum):
    """How the pump is driven."""

    SPEED = "speed"
    SERVO = "servo"
    EXPORT = "export"


@dataclass(frozen=True, slots=True, kw_only=True)
class PumpPoint:
    """One point of a pump's curve, all nozzles together.

    Parameters
    ----------
    output : float
        Share of full output, 0 to 1.
    flow_l_min : float
        Flow there.
    """

    output: float
    flow_l_min: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SwathPoint:
    """Effective swath width at a height above the crop and a speed."""

    height_m: float
    speed_m_s: float
    width_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sprayer:
    """A spraying aircraft as far as planning must know it.

    Parameters
    ----------
    name : str
        Catalogue name.
    aircraft : Aircraft
        The aircraft with an **empty** tank: its mass, pack, hover power; masses and powers with
        liquid follow from it (1 kg per litre).
    tank_l, dead_l : float
        Tank, and what of it the pump cannot draw.
    pump : tuple of PumpPoint
        At least two, output and flow rising; between them straight lines.
    control : PumpControl
        How the pump is driven.
    nozzles : int
        Number of nozzles.
    droplets : DropletClass
        Spray quality as delivered.
    swath : tuple of SwathPoint
        At least one.
    min_height_m, max_height_m : float
        Height above the crop at which the swath figures hold.
    max_speed_m_s : float
        Fastest spraying.
    hose_s : float
        From pump to full flow at the nozzle, and from pump off to the last drop with a check valve.
    endurance_full_min, endurance_empty_min : float
        Hovering time as published or assumed, for judging the energy model.
    confidence : {"high", "medium", "low"}
        Of the entry as a whole.
    source : str
        Where the figures come from; assumptions are named as such.
    """

    name: str
    aircraft: Aircraft
    tank_l: float
    dead_l: float
    pump: tuple[PumpPoint, ...]
    control: PumpControl
    nozzles: int
    droplets: DropletClass
    swath: tuple[SwathPoint, ...]
    min_height_m: float
    max_height_m: float
    max_speed_m_s: float
    hose_s: float
    endurance_full_min: float
    endurance_empty_min: float
    confidence: str
    source: str

    def __post_init__(self) -> None:
        rising = all(a.output < b.output and a.flow_l_min < b.flow_l_min
                     for a, b in pairwise(self.pump))  # fmt: skip
        wrong = {
            "tank_l": not 0.0 <= self.dead_l < self.tank_l <= 200.0,
            "pump": len(self.pump) < 2 or not rising or self.pump[0].output < 0.0
            or not 0.0 < self.pump[-1].output <= 1.0 or self.pump[0].flow_l_min < 0.0,
            "nozzles": self.nozzles < 1,
            "swath": not self.swath or min(p.width_m for p in self.swath) <= 0.0,
            "min_height_m": not 0.0 < self.min_height_m <= self.max_height_m <= 20.0,
            "max_speed_m_s": not 0.0 < self.max_speed_m_s <= 20.0,
            "hose_s": not 0.0 <= self.hose_s <= 5.0,
        }  # fmt: skip
        for field, bad in wrong.items():
            if bad:
                raise BadInput("error.sprayer_value", sprayer=self.name, name=field)

    @property
    def usable_l(self) -> float:
        """What of a full tank can be sprayed."""
        return self.tank_l - self.dead_l

    @property
    def min_flow_l_min(self) -> float:
        """Least flow at which the nozzles still spray as they should."""
        return self.pump[0].flow_l_min

    @property
    def max_flow_l_min(self) -> float:
        """Most the pump gives."""
        return self.pump[-1].flow_l_min
