"""Noticing that the aircraft is down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sitl.modes import Mode
from sitl.motions import Task

if TYPE_CHECKING:
    from sitl.copter import Copter

LANDED_S = 1.8
"""So long it must rest on the ground, as the real land detector takes."""
CRASH_M_S = 3.0


class LandingWatch:
    """The land detector: down is who rests on the ground without wanting to be elsewhere.

    Attributes
    ----------
    came_down : bool
        Whether the last landing was one that was flown, not a fall.
    crashed : bool
        Whether the ground was ever hit faster than 3 m/s.
    """

    def __init__(self) -> None:
        self.came_down = self.crashed = False
        self._since_s: float | None = None

    def lifted(self) -> None:
        """Hear that it has left the ground."""
        self.came_down, self._since_s = False, None

    def look(self, copter: Copter) -> None:
        """Look whether it has landed by now."""
        body, pilot = copter.body, copter.pilot
        powerless = not copter.armed or copter.battery.empty
        resting = powerless or pilot.sinking or pilot.target.up_m < 0.0
        if copter.landed or not body.on_ground or not resting:
            self._since_s = None
        elif self._since_s is None:
            self._since_s = copter.now_s
            self.crashed = self.crashed or body.touchdown_m_s > CRASH_M_S
        elif copter.now_s - self._since_s >= LANDED_S:
            self._down(copter)

    def _down(self, copter: Copter) -> None:
        copter.landed = True
        self.came_down = copter.landing
        if copter.battery.empty:
            copter.disarm()
        elif copter.pilot.task is not Task.CLIMB_RATE and copter.mode is not Mode.AUTO:
            copter.pilot.rest()

    def disarms(self, copter: Copter) -> bool:
        """Return whether the flight mode now switches the motors off by itself."""
        down = copter.mode is Mode.LAND or (copter.mode is Mode.RTL and self.came_down)
        return copter.armed and copter.landed and down
