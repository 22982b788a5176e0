"""What left the tank against what its pump was told: finds a blocked nozzle that nothing measures.

ArduPilot's sprayer has no flow sensor and no tank level: it drives the pump and believes it. (A
flow meter can be told as a second battery, BATT2_MONITOR 11; agri does not read one.) So every
figure of `missions.applied.account` is the pump's curve over the time. The tank knows better. A
person who reads it after the landing can say how much really went out; when that is off by more
than `OFF` of what the pump was told, the field got another dose than the plan says:

* **Too little**: nozzles or the filter are blocked, the pump is worn, air is in the hose.
* **Too much**: a hose leaks, nozzles are worn or of another size than the pump's table is for.

A tank is read to some `READING_L`, twice, so a difference of less tells nothing; nor does what the
pump may have put out while nothing was heard of the aircraft.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from agri.errors import BadInput
from agri.findings import Finding
from agri.track import TankReading

OFF = 0.10
READING_L = 0.2
"""A tank's marks are a litre apart, as a rule (assumption)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TankBalance:
    """Litres of one flight, by the tank and by the pump.

    Parameters
    ----------
    tank : TankReading
        What the tank held, what the pump cannot draw included.
    pumped_l : float
        What the pump was told, by its curve.
    unheard_l : float
        What it may have put out besides while nothing was heard.

    Raises
    ------
    BadInput
        When litres are negative or not finite.

    Examples
    --------
    >>> balance = TankBalance(tank=TankReading(filled_l=10.0, left_l=4.5), pumped_l=7.2)
    >>> balance.tank.used_l, round(balance.off, 2)
    (5.5, -0.24)
    """

    tank: TankReading
    pumped_l: float
    unheard_l: float = 0.0

    def __post_init__(self) -> None:
        for value in (self.pumped_l, self.unheard_l):
            if not (math.isfinite(value) and value >= 0.0):
                raise BadInput("error.tank_litres", value=value)

    @property
    def off(self) -> float:
        """By what share of the pump's litres the tank's differ; NaN when the pump never ran."""
        return self.tank.used_l / self.pumped_l - 1.0 if self.pumped_l > 0.0 else math.nan

    @property
    def beyond_doubt(self) -> float:
        """By what share the nozzles gave more or less, 0 where reading and silence explain it.

        Below 0 against what the pump was told; above 0 against the most it may have put out, which
        may be infinitely more than nothing.

        Examples
        --------
        >>> read = [TankReading(filled_l=10.0, left_l=left) for left in (6.0, 4.75, 1.0)]
        >>> [TankBalance(tank=one, pumped_l=5.0, unheard_l=1.0).beyond_doubt for one in read]
        [-0.2, 0.0, 0.5]
        """
        most_l, used_l = self.pumped_l + self.unheard_l, self.tank.used_l
        if self.pumped_l - used_l > max(OFF * self.pumped_l, READING_L):
            return self.off
        if used_l - most_l > max(OFF * most_l, READING_L):
            return used_l / most_l - 1.0 if most_l > 0.0 else math.inf
        return 0.0


def balance_findings(balance: TankBalance, nozzles: int) -> list[Finding]:
    """Return what the difference between tank and pump tells.

    Parameters
    ----------
    balance : TankBalance
        The litres.
    nozzles : int
        How many the sprayer has.

    Returns
    -------
    list of Finding
        One, or none when tank and pump agree.
    """
    used_l, pumped_l = balance.tank.used_l, balance.pumped_l
    if balance.beyond_doubt < 0.0:
        pct = -100.0 * balance.beyond_doubt
        return [
            Finding.warning(
                "finding.flow_low", used=used_l, pumped=pumped_l, pct=pct, nozzles=nozzles
            )
        ]
    if balance.beyond_doubt > 0.0:
        more_l = used_l - pumped_l - balance.unheard_l
        return [Finding.warning("finding.flow_high", used=used_l, pumped=pumped_l, litres=more_l)]
    return []
