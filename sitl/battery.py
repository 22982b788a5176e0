"""The flight battery: charge used, voltage, and what is left by the count.

As in ArduPilot's own simulator the pack is endless and stiff by default: SIM_BATT_CAP_AH 0 holds
SIM_BATT_VOLTAGE however much is drawn, and only the count of milliampere hours falls, so that
only failsafes by charge (BATT_LOW_MAH, BATT_CRT_MAH) can fire. Give SIM_BATT_CAP_AH a size and
the voltage sags with load and falls as the pack empties, along a lithium-polymer curve
(per cell 4.2 V full, 3.7 V at 20 %, 3.3 V empty; the inner resistance of 5 Ah is 3 mΩ, that of a
larger pack as many times less).
"""

from __future__ import annotations

import itertools

CELL_VOLTS = ((0.0, 3.30), (0.05, 3.50), (0.2, 3.68), (0.5, 3.82), (0.8, 4.02), (1.0, 4.20))
"""Share of charge left → open-circuit volts of one cell."""
CELL_OHM_AH = 0.015
"""Inner resistance of one cell times its charge."""


def cell_volts(share: float) -> float:
    """Return the open-circuit voltage of one cell with `share` (0 to 1) of its charge left.

    Examples
    --------
    >>> cell_volts(1.0), round(cell_volts(0.35), 3)
    (4.2, 3.75)
    """
    share = max(0.0, min(1.0, share))
    for (low, low_v), (high, high_v) in itertools.pairwise(CELL_VOLTS):
        if share <= high:
            return low_v + (high_v - low_v) * (share - low) / (high - low)
    return CELL_VOLTS[-1][1]


class Battery:
    """One pack.

    Parameters
    ----------
    full_volts : float
        Voltage of the full pack at rest (SIM_BATT_VOLTAGE); gives the number of cells.
    size_ah : float
        Real size (SIM_BATT_CAP_AH); 0 is an endless pack.

    Attributes
    ----------
    used_mah, used_wh : float
        Drawn since it was put in.
    volts, amps : float
        Now, under load.
    """

    __slots__ = ("amps", "full_volts", "size_ah", "used_mah", "used_wh", "volts")

    def __init__(self, full_volts: float, size_ah: float = 0.0) -> None:
        self.full_volts = full_volts
        self.size_ah = size_ah
        self.used_mah = self.used_wh = 0.0
        self.volts = full_volts
        self.amps = 0.0

    @property
    def empty(self) -> bool:
        """Whether a pack with a size has nothing left."""
        return self.size_ah > 0.0 and self.used_mah >= 1000.0 * self.size_ah

    def draw(self, power_w: float, dt_s: float) -> None:
        """Draw `power_w` for `dt_s` seconds."""
        if self.size_ah > 0.0:
            cells = self.full_volts / CELL_VOLTS[-1][1]
            left = 1.0 - self.used_mah / (1000.0 * self.size_ah)
            ohm = CELL_OHM_AH / self.size_ah
            self.volts = cells * (cell_volts(left) - ohm * self.amps)
        else:
            self.volts = self.full_volts
        self.amps = power_w / max(self.volts, 1.0)
        hours = dt_s / 3600.0
        self.used_mah += self.amps * hours * 1000.0
        self.used_wh += power_w * hours

    def left_percent(self, counted_capacity_mah: float) -> int:
        """Return what ArduPilot would say is left, by its own BATT_CAPACITY, 0 to 100."""
        if counted_capacity_mah <= 0.0:
            return -1
        return max(0, min(100, int(100.0 * (1.0 - self.used_mah / counted_capacity_mah))))
