"""Following straight legs from waypoint to waypoint, cutting corners as ArduCopter does.

A leg is flown along its line with a jerk-limited speed profile that ends at rest. At a waypoint
without delay the aircraft does not stop: while it slows down for the corner the profile of the
next leg begins as well, and the two motions add up, which rounds the corner. The next leg may
begin as soon as the corner, seen half-way through what is left of the braking, stays within
WPNAV_RADIUS, below the leg's own speed and below twice WPNAV_ACCEL (or WPNAV_ACCEL_C). At a 90°
corner flown at 10 m/s the real ArduCopter slows to 2.97 m/s and passes 1.3 m from the waypoint;
this model slows to 2.9 m/s. Straight through, the speed hardly drops. The waypoint counts as
reached when the next leg has the upper hand; one where the aircraft must stop, when the line has
been flown to its end and the aircraft is within WPNAV_RADIUS.

An order that comes in flight, or between other places than expected, starts its leg at the point
where the aircraft would come to rest; the motion toward that point is added to the leg's own.

Splines are flown as straight legs. A pause slows the passing of time along the leg; an aircraft
that cannot keep up (wind) slows it too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sitl.profile import Change, Profile

Place = tuple[float, float, float]
STOP_ACCEL, STOP_JERK = 2.5, 5.0
"""With what an interrupted motion is brought to rest, m/s² and m/s³."""
MOVING_M_S = 0.1
LEASH_M = 6.0
"""How far the aircraft may lag behind before its target waits for it."""


@dataclass(slots=True)
class Target:
    """Where the aircraft should be now, how fast, and with what acceleration.

    Metres east, north, up of the origin; m/s; m/s².
    """

    east_m: float = 0.0
    north_m: float = 0.0
    up_m: float = 0.0
    v_east: float = 0.0
    v_north: float = 0.0
    v_up: float = 0.0
    a_east: float = 0.0
    a_north: float = 0.0
    a_up: float = 0.0

    def rest(self) -> None:
        """Stop moving."""
        self.v_east = self.v_north = self.v_up = 0.0
        self.a_east = self.a_north = self.a_up = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Speeds and accelerations of a leg (m/s, m/s², m/s³) and the corner's radius (m)."""

    speed: float
    up: float
    down: float
    accel: float
    accel_up: float
    jerk: float
    corner: float
    radius_m: float


class Leg:
    """One straight line and the profile it is flown with.

    Parameters
    ----------
    start, end : (east, north, up)
        Metres.
    limits : Limits
        What it may be flown with; the slower of the horizontal and the vertical limit holds.
    entry : float
        Speed along the line at its start.
    """

    __slots__ = ("end", "length_m", "limits", "profile", "speed", "start", "time_s", "unit")

    def __init__(self, start: Place, end: Place, limits: Limits, entry: float = 0.0) -> None:
        self.start, self.end, self.limits = start, end, limits
        away = (end[0] - start[0], end[1] - start[1], end[2] - start[2])
        self.length_m = math.sqrt(away[0] ** 2 + away[1] ** 2 + away[2] ** 2)
        scale = 1.0 / self.length_m if self.length_m > 1e-6 else 0.0
        self.unit = (away[0] * scale, away[1] * scale, away[2] * scale)
        flat = math.hypot(self.unit[0], self.unit[1])
        rise = self.unit[2]
        self.speed, accel = limits.speed, limits.accel
        if abs(rise) > 1e-6:
            vertical = limits.up if rise > 0.0 else limits.down
            self.speed = min(limits.speed / max(flat, 1e-6), vertical / abs(rise))
            accel = min(limits.accel / max(flat, 1e-6), limits.accel_up / abs(rise))
        self.profile = Profile(
            self.length_m, speed=self.speed, accel=accel, jerk=limits.jerk, start=entry
        )
        self.time_s = 0.0

    @property
    def left_s(self) -> float:
        """Time until its end."""
        return max(0.0, self.profile.time_s - self.time_s)

    def add_to(self, target: Target, from_end: bool) -> None:
        """Add this leg's motion now to `target`, as way from its start or its end."""
        way, speed, accel = self.profile.at(self.time_s)
        if from_end:
            way -= self.length_m
        east, north, up = self.unit
        target.east_m += way * east
        target.north_m += way * north
        target.up_m += way * up
        target.v_east += speed * east
        target.v_north += speed * north
        target.v_up += speed * up
        target.a_east += accel * east
        target.a_north += accel * north
        target.a_up += accel * up


class LegFollower:
    """The motion of the target along leg after leg.

    Attributes
    ----------
    target : Target
        Where the aircraft should be.
    finished : bool
        Whether the present leg has been flown to its end (or into the next).
    paused : bool
        Whether the target should come to a stop and wait.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.finished = True
        self.paused = False
        self._start: Place = (target.east_m, target.north_m, target.up_m)
        self._last: Leg | None = None
        self._this: Leg | None = None
        self._next: Leg | None = None
        self._pace = 1.0
        self._pace_rate = 0.0

    def meet(self, place: Place, velocity: Place) -> None:
        """Forget every leg and come to rest from a motion; the next leg starts there.

        Parameters
        ----------
        place, velocity : (east, north, up)
            Metres and m/s.
        """
        self._last = self._this = self._next = None
        self.finished, self.paused = True, False
        self._pace, self._pace_rate = 1.0, 0.0
        target = self.target
        target.rest()
        speed = math.hypot(velocity[0], velocity[1])
        up_m = place[2] + 0.5 * velocity[2] * abs(velocity[2])
        self._start = (place[0], place[1], up_m)
        if speed > MOVING_M_S:
            way = Change(speed, 0.0, STOP_ACCEL, STOP_JERK).length_m / speed
            self._start = (place[0] + velocity[0] * way, place[1] + velocity[1] * way, up_m)
            stopping = Limits(
                speed=speed,
                up=speed,
                down=speed,
                accel=STOP_ACCEL,
                accel_up=STOP_ACCEL,
                jerk=STOP_JERK,
                corner=0.0,
                radius_m=0.0,
            )
            self._last = Leg((place[0], place[1], up_m), self._start, stopping, speed)
        target.east_m, target.north_m, target.up_m = self._start

    @property
    def destination(self) -> Place | None:
        """End of the present leg."""
        return self._this.end if self._this else None

    @property
    def has_next(self) -> bool:
        """Whether the corner at the end of the present leg may be cut."""
        return self._next is not None

    @property
    def bearing_rad(self) -> float | None:
        """Direction of the present leg over the ground, None when it is too short to have one."""
        leg = self._this
        if leg is None or math.hypot(leg.end[0] - leg.start[0], leg.end[1] - leg.start[1]) < 2.0:
            return None
        return math.atan2(leg.unit[0], leg.unit[1])

    def go(self, end: Place, limits: Limits, then: Place | None = None) -> None:
        """Fly to `end`; `then`, the place after it, lets the corner be rounded.

        Parameters
        ----------
        end, then : (east, north, up)
            Metres.
        limits : Limits
            For both legs.
        """
        if self._next is not None and self._next.end == end and self._next.limits == limits:
            self._last, self._this = self._this, self._next
        else:
            if self._this is not None:
                t = self.target
                self.meet((t.east_m, t.north_m, t.up_m), (t.v_east, t.v_north, t.v_up))
            self._this = Leg(self._start, end, limits)
        self._next = None if then is None else Leg(end, then, limits)
        self.finished = False

    def change_limits(self, limits: Limits) -> None:
        """Fly on to the same places within other limits."""
        leg, following, t = self._this, self._next, self.target
        if leg is None or self.finished or (following is not None and following.time_s > 0.0):
            return
        self._last = None
        here = (t.east_m, t.north_m, t.up_m)
        along = t.v_east * leg.unit[0] + t.v_north * leg.unit[1] + t.v_up * leg.unit[2]
        self._this = Leg(here, leg.end, limits, max(0.0, along))
        self._next = None if following is None else Leg(leg.end, following.end, limits)

    def step(self, dt_s: float, lag_m: float) -> None:
        """Move the target on by `dt_s` seconds; `lag_m` is how far the aircraft is behind it."""
        leg = self._this
        if leg is None:
            self.target.rest()
            return
        dt_s *= self._adjust_pace(dt_s, lag_m, leg)
        leg.time_s += dt_s
        if self._last is not None:
            self._last.time_s += dt_s
        following = self._next
        if following is not None:
            if following.time_s > 0.0 or self._may_turn(leg, following):
                following.time_s += dt_s
            if following.time_s >= leg.left_s > 0.0:
                self.finished = True
        if leg.left_s <= 0.0:
            self.finished = True
        self._place_target(leg)

    def _adjust_pace(self, dt_s: float, lag_m: float, leg: Leg) -> float:
        wanted = 0.0 if self.paused else max(0.0, min(1.0, 2.0 - lag_m / LEASH_M))
        rate = leg.limits.accel / max(leg.speed, 1.0)
        change = max(-rate * dt_s, min(rate * dt_s, wanted - self._pace))
        self._pace += change
        self._pace_rate = change / dt_s
        return self._pace

    @staticmethod
    def _may_turn(leg: Leg, following: Leg) -> bool:
        left_s = leg.left_s
        if leg.time_s < leg.profile.brake_s or left_s >= 0.5 * following.profile.time_s:
            return False
        way, speed, accel = leg.profile.at(leg.time_s + 0.5 * left_s)
        on, next_speed, next_accel = following.profile.at(0.5 * left_s)
        short = leg.length_m - way
        u, w = leg.unit, following.unit
        off_m = math.sqrt(sum((on * b - short * a) ** 2 for a, b in zip(u, w, strict=True)))
        flat_v = math.hypot(speed * u[0] + next_speed * w[0], speed * u[1] + next_speed * w[1])
        flat_a = math.hypot(accel * u[0] + next_accel * w[0], accel * u[1] + next_accel * w[1])
        return (
            off_m < leg.limits.radius_m
            and flat_v < min(leg.speed, following.speed)
            and flat_a < leg.limits.corner
        )

    def _place_target(self, leg: Leg) -> None:
        target = self.target
        target.rest()
        target.east_m, target.north_m, target.up_m = leg.start
        leg.add_to(target, from_end=False)
        if self._last is not None:
            self._last.add_to(target, from_end=True)
            if self._last.left_s <= 0.0:
                self._last = None
        if self._next is not None and self._next.time_s > 0.0:
            self._next.add_to(target, from_end=False)
        if self._pace < 1.0:
            self._slow(target)

    def _slow(self, target: Target) -> None:
        """Scale the motion with the pace: v p, and a p² + v dp/dt."""
        pace, rate = self._pace, self._pace_rate
        target.a_east = target.a_east * pace * pace + target.v_east * rate
        target.a_north = target.a_north * pace * pace + target.v_north * rate
        target.a_up = target.a_up * pace * pace + target.v_up * rate
        target.v_east *= pace
        target.v_north *= pace
        target.v_up *= pace
