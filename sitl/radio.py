"""The pilot's sticks: centred, with the throttle at its end, unless a ground station overrides.

So stand the sticks of ArduPilot's own simulator (RC3 at 1000), which is why a switch to LOITER
there sinks and lands. RC_CHANNELS_OVERRIDE moves them; an override that is not repeated within
three seconds lapses.
"""

from __future__ import annotations

from collections.abc import Sequence

from sitl.parameters import Parameters

STICKS = (1500, 1500, 1000, 1500, 1800, 1000, 1000, 1800)
OVERRIDE_S = 3.0
CHANNELS = 18
IGNORE = 65535


class Radio:
    """Sticks as the receiver reports them."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._overrides: dict[int, tuple[int, float]] = {}

    def override(self, values: Sequence[int], now_s: float) -> None:
        """Take RC_CHANNELS_OVERRIDE: 0 gives a channel back, 65535 leaves it as it is."""
        for channel, value in enumerate(values, start=1):
            if value == 0:
                self._overrides.pop(channel, None)
            elif value != IGNORE and channel <= CHANNELS:
                self._overrides[channel] = (value, now_s + OVERRIDE_S)

    def channels(self, now_s: float) -> list[int]:
        """Return all eighteen channels, microseconds; 0 for those that do not exist."""
        values = [*STICKS, *[0] * (CHANNELS - len(STICKS))]
        if self._parameters["SIM_RC_FAIL"] == 1.0:
            values = [0] * CHANNELS
        for channel, (value, until_s) in self._overrides.items():
            if now_s < until_s:
                values[channel - 1] = value
        return values

    def throttle(self, now_s: float) -> float:
        """Return the throttle channel, microseconds."""
        value, until_s = self._overrides.get(3, (0, -1.0))
        return float(value if now_s < until_s else STICKS[2])

    def climb_rate(self, now_s: float, lost: bool) -> float:
        """Return the climb rate the throttle stick asks for, m/s; nothing while it is lost."""
        if lost:
            return 0.0
        p = self._parameters
        up = p["PILOT_SPEED_UP"] / 100.0
        down = p["PILOT_SPEED_DN"] / 100.0 or up
        middle = 0.5 * (p["RC3_MIN"] + p["RC3_MAX"])
        half = max(1.0, 0.5 * (p["RC3_MAX"] - p["RC3_MIN"]))
        dead = p["THR_DZ"]
        off = self.throttle(now_s) - middle
        if abs(off) <= dead:
            return 0.0
        share = min(1.0, (abs(off) - dead) / max(1.0, half - dead))
        return up * share if off > 0.0 else -down * share
