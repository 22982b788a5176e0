"""How fast along a straight line: speed profiles with bounded acceleration and jerk.

A `Profile` covers a length from a starting speed to rest. It speeds up to a cruise, keeps it, and
slows down; each change of speed ramps the acceleration up and down at the jerk limit, so it takes
|Δv|/a + a/j seconds (or 2 √(|Δv|/j) when the change is too small to reach a) and covers the mean
speed times that. ArduCopter flies its legs so (WPNAV_ACCEL, WPNAV_JERK), with a raised cosine
where this takes a straight ramp: the difference on a leg is some centimetres.

When the length does not allow the cruise speed asked, the highest that fits is found by halving;
when it does not even allow stopping, the braking is made as hard as it takes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """One change of speed.

    Parameters
    ----------
    start, end : float
        Speeds, m/s.
    accel, jerk : float
        Limits, m/s² and m/s³.
    """

    start: float
    end: float
    accel: float
    jerk: float

    @property
    def ramp_s(self) -> float:
        """Time in which the acceleration builds up, and in which it dies down."""
        change = abs(self.end - self.start)
        if change * self.jerk >= self.accel * self.accel:
            return self.accel / self.jerk
        return math.sqrt(change / self.jerk)

    @property
    def peak(self) -> float:
        """Acceleration reached, with its sign."""
        return math.copysign(self.ramp_s * self.jerk, self.end - self.start)

    @property
    def time_s(self) -> float:
        """Whole time.

        Examples
        --------
        >>> Change(0.0, 10.0, 2.5, 1.0).time_s
        6.5
        """
        change = abs(self.end - self.start)
        if change <= 0.0:
            return 0.0
        return self.ramp_s + change / abs(self.peak)

    @property
    def length_m(self) -> float:
        """Whole length: mean speed times time."""
        return 0.5 * (self.start + self.end) * self.time_s

    def at(self, time_s: float) -> tuple[float, float, float]:
        """Return (way, speed, acceleration) `time_s` seconds after the beginning."""
        total_s = self.time_s
        if total_s <= 0.0:
            return self.start * time_s, self.start, 0.0
        ramp_s, peak = self.ramp_s, self.peak
        jerk = math.copysign(self.jerk, peak)
        if time_s <= ramp_s:
            way = self.start * time_s + jerk * time_s**3 / 6.0
            return way, self.start + 0.5 * jerk * time_s**2, jerk * time_s
        left_s = total_s - time_s
        if left_s <= ramp_s:
            way = self.length_m - (self.end * left_s - jerk * left_s**3 / 6.0)
            return way, self.end - 0.5 * jerk * left_s**2, jerk * left_s
        since_s = time_s - ramp_s
        speed = self.start + 0.5 * jerk * ramp_s**2
        way = self.start * ramp_s + jerk * ramp_s**3 / 6.0
        return (
            way + speed * since_s + 0.5 * peak * since_s**2,
            speed + peak * since_s,
            peak,
        )


def _cruise(length_m: float, start: float, speed: float, accel: float, jerk: float) -> float:
    """Return the highest cruise speed at which `length_m` still allows speeding up and stopping."""

    def needed(cruise: float) -> float:
        up = Change(start, cruise, accel, jerk)
        return up.length_m + Change(cruise, 0.0, accel, jerk).length_m

    if needed(speed) <= length_m:
        return speed
    low, high = min(start, speed), speed
    for _ in range(30):
        middle = 0.5 * (low + high)
        if needed(middle) <= length_m:
            low = middle
        else:
            high = middle
    return low


class Profile:
    """Way along a line of `length_m`, from `start` speed to rest at its end.

    Parameters
    ----------
    length_m : float
        Length, metres.
    speed, accel, jerk : float
        Limits: m/s, m/s², m/s³.
    start : float
        Speed at the beginning, m/s.

    Examples
    --------
    >>> profile = Profile(100.0, speed=10.0, accel=2.5, jerk=1.0)
    >>> profile.time_s, [round(value, 3) for value in profile.at(8.25)]
    (16.5, [50.0, 10.0, 0.0])
    """

    __slots__ = ("_brake", "_brake_s", "_up", "_up_s", "length_m", "time_s")

    def __init__(
        self, length_m: float, *, speed: float, accel: float, jerk: float, start: float = 0.0
    ) -> None:
        speed, accel, jerk = max(speed, 0.05), max(accel, 0.05), max(jerk, 0.05)
        start = max(0.0, start)
        while start > 0.0 and Change(start, 0.0, accel, jerk).length_m > length_m:
            accel, jerk = accel * 1.3, jerk * 1.5
            if accel > 100.0:
                start = 0.0
        cruise = _cruise(length_m, start, speed, accel, jerk)
        self._up = Change(start, cruise, accel, jerk)
        self._brake = Change(cruise, 0.0, accel, jerk)
        self._up_s = self._up.time_s
        steady_m = max(0.0, length_m - self._up.length_m - self._brake.length_m)
        self._brake_s = self._up_s + (steady_m / cruise if cruise > 0.0 else 0.0)
        self.length_m = length_m
        self.time_s = self._brake_s + self._brake.time_s

    @property
    def brake_s(self) -> float:
        """When it begins to slow down for the end."""
        return self._brake_s

    def at(self, time_s: float) -> tuple[float, float, float]:
        """Return (way, speed, acceleration) after `time_s` seconds."""
        if time_s >= self.time_s:
            return self.length_m, 0.0, 0.0
        if time_s < self._up_s:
            return self._up.at(max(0.0, time_s))
        if time_s < self._brake_s:
            return self._up.length_m + self._up.end * (time_s - self._up_s), self._up.end, 0.0
        left_m, speed, accel = self._brake.at(time_s - self._brake_s)
        return self.length_m - self._brake.length_m + left_m, speed, accel
