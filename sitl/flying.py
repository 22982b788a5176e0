"""What the aircraft does between two orders: hold, take off, follow legs, return, land.

`Pilot` moves the target that the steering follows. Its tasks are what ArduCopter's modes are made
of; the modes themselves (`sitl.copter`) only choose among them. Stopping from flight takes a
jerk-limited deceleration whose figures were fitted to the real ArduCopter in simulation: from
5 m/s it needs 7 m in GUIDED, LAND and at the start of RTL, and 8.7 m in BRAKE. Landing sinks with
WPNAV_SPEED_DN (or LAND_SPEED_HIGH) down to LAND_ALT_LOW above the take-off place and with
LAND_SPEED from there. The ground is flat, so that heights above terrain are heights above home.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from sitl.legs import LegFollower, Limits, Place, Target
from sitl.motions import Rise, Stage, Stop, Task
from sitl.parameters import Parameters
from sitl.profile import Change, Profile
from sitl.steering import Steering, turn
from sitl.vehicle import Multicopter, Wind

SNAP_S = 0.15
"""Time ArduCopter takes to build up jerk, which its legs are longer by at each change of speed."""
SPOOL_S = 1.5
ARMING_S = 3.5
"""Motors need this long after the order, and after arming, before they lift."""
MAX_LEAN_DEG = 80.0
GENTLE_STOP = (2.5, 5.0)
BRAKE_STOP = (2.0, 3.0)
"""Deceleration (m/s²) and jerk (m/s³) of a stop."""


class Pilot:
    """The target, the steering behind it, and the task it is on.

    Parameters
    ----------
    body : Multicopter
        The aircraft.
    parameters : Parameters
        Read at every use, as ArduPilot does.

    Attributes
    ----------
    task, stage : Task, Stage
        What is being flown, and of a return which part.
    done : bool
        Whether the task has come to its end (a take-off at its height, legs flown).
    speed_m_s, climb_m_s, sink_m_s : float or None
        Speeds ordered (DO_CHANGE_SPEED); None takes the parameter's.
    yaw_rad, fixed_yaw_rad : float or None
        Heading asked for by the task, None holds; and by a condition, which comes first.
    climb_rate : callable
        Returns the pilot's climb rate in modes flown by throttle, m/s.
    """

    def __init__(self, body: Multicopter, parameters: Parameters) -> None:
        self.body = body
        self.parameters = parameters
        self.target = Target()
        self.legs = LegFollower(self.target)
        self.steering = Steering()
        self.task = Task.GROUND
        self.stage = Stage.CLIMB
        self.done = False
        self.speed_m_s: float | None = None
        self.climb_m_s: float | None = None
        self.sink_m_s: float | None = None
        self.yaw_rad: float | None = None
        self.fixed_yaw_rad: float | None = None
        self.armed_yaw_rad = 0.0
        self.climb_rate: Callable[[], float] = lambda: 0.0
        self.home_up_m = 0.0
        self._stop: Stop | None = None
        self._rise: Rise | None = None
        self._goal: Place = (0.0, 0.0, 0.0)
        self._final_m = 0.0
        self._since_s = 0.0
        self._lift_after_s = 0.0
        self._pause_s = 0.0
        self._limits = self.limits()

    # ---- what legs are flown with

    def limits(self) -> Limits:
        """Return the limits of a leg now."""
        p = self.parameters
        accel = p["WPNAV_ACCEL"] / 100.0
        corner = p["WPNAV_ACCEL_C"] / 100.0
        jerk = max(0.1, p["WPNAV_JERK"])
        return Limits(
            speed=self.speed_m_s or p["WPNAV_SPEED"] / 100.0,
            up=self.climb_m_s or p["WPNAV_SPEED_UP"] / 100.0,
            down=self.sink_m_s or p["WPNAV_SPEED_DN"] / 100.0,
            accel=accel,
            accel_up=p["WPNAV_ACCEL_Z"] / 100.0,
            jerk=accel / (accel / jerk + SNAP_S) if accel > 0.0 else jerk,
            corner=corner if corner > 0.0 else 2.0 * accel,
            radius_m=p["WPNAV_RADIUS"] / 100.0,
        )

    def change_speed(self, speed_m_s: float) -> None:
        """Fly on at another speed over the ground."""
        self.speed_m_s = speed_m_s
        if self.task is Task.LEGS:
            self.legs.change_limits(self.limits())

    def forget_speeds(self) -> None:
        """Go back to the parameters' speeds."""
        self.speed_m_s = self.climb_m_s = self.sink_m_s = None
        self.fixed_yaw_rad = None

    # ---- orders

    def take_off(self, up_m: float, armed_for_s: float) -> None:
        """Climb straight up to `up_m` above the origin."""
        self._meet_body()
        self.task, self.done = Task.TAKEOFF, False
        self._since_s = 0.0
        self._lift_after_s = max(SPOOL_S, ARMING_S - armed_for_s) if self.body.on_ground else 0.0
        self._climb_to(up_m)
        self.yaw_rad = None

    def hold(self, hard: bool = False) -> None:
        """Stop and stay there; `hard` as BRAKE does."""
        self._stop_here(hard)
        self.task, self.done = Task.HOLD, True
        self.yaw_rad = None

    def fly_legs(self) -> None:
        """Follow the legs that `legs` is given."""
        if self.task is not Task.LEGS:
            self._meet_legs()
        self.task, self.done = Task.LEGS, False
        self.fixed_yaw_rad = None

    def land(self, pause_s: float = 0.0) -> None:
        """Stop, hover for a while, sink and touch down here."""
        self._stop_here(hard=False)
        self.task, self.done = Task.LAND, False
        self.yaw_rad = self.fixed_yaw_rad = None
        self._pause_s = pause_s

    def fly_by_throttle(self, drop: bool) -> None:
        """Let the throttle command the climb; `drop` when it does so without any control."""
        self._stop_here(hard=False)
        self.task, self.done = (Task.DROP if drop else Task.CLIMB_RATE), True
        self.yaw_rad = None

    def return_to(self, east_m: float, north_m: float, up_m: float, final_m: float) -> None:
        """Climb to `up_m`, fly to a place, wait, and land or sink to `final_m` above home."""
        self._meet_legs()
        self.task, self.stage, self.done = Task.RETURN, Stage.CLIMB, False
        self._goal, self._final_m = (east_m, north_m, up_m), final_m
        self.yaw_rad = None
        ordered, rtl = self.speed_m_s, self.parameters["RTL_SPEED"] / 100.0
        self.speed_m_s = rtl if rtl > 0.0 else None
        limits = self.limits()
        self.speed_m_s = ordered
        place = (self.target.east_m, self.target.north_m, up_m)
        self.legs.go(place, limits, self._goal)
        self._limits = limits

    def rest(self) -> None:
        """Stand on the ground."""
        self.task, self.done = Task.GROUND, True
        self.steering.reset()
        self._meet_legs()

    # ---- time

    @property
    def lifting(self) -> bool:
        """Whether the motors carry, or are to carry, the aircraft."""
        if self.task is Task.TAKEOFF:
            return self._since_s >= self._lift_after_s
        if self.task in (Task.CLIMB_RATE, Task.HOLD) and self.body.on_ground:
            return self.task is Task.CLIMB_RATE and self.climb_rate() > 0.0
        return self.task is not Task.GROUND

    @property
    def sinking(self) -> bool:
        """Whether touching the ground means landing."""
        if self.task is Task.LAND or self.task is Task.DROP:
            return True
        if self.task is Task.CLIMB_RATE:
            return self.climb_rate() <= 0.0
        return self.task is Task.RETURN and self.stage is Stage.DESCEND

    def wait(self, dt_s: float) -> None:
        """Spend one step with the motors idling on the ground."""
        self._since_s += dt_s

    def step(self, wind: Wind, dt_s: float, blind: bool = False) -> None:
        """Fly one step; `blind` without a position, level and at the mercy of the wind."""
        body, target = self.body, self.target
        self._since_s += dt_s
        if self.task is Task.DROP and self.climb_rate() <= 0.0:
            body.fall(wind, dt_s)
            return
        self._move_target(dt_s)
        wanted = self.yaw_rad if self.fixed_yaw_rad is None else self.fixed_yaw_rad
        turn(body, wanted, math.radians(self.parameters["ATC_SLEW_YAW"] / 100.0), dt_s)
        lean_max = math.radians(max(0.0, min(MAX_LEAN_DEG, self.parameters["ANGLE_MAX"] / 100.0)))
        demand = self.steering.demand(body, target, dt_s)
        body.fly((0.0, 0.0, demand[2]) if blind else demand, lean_max, wind, dt_s)

    def lag_m(self) -> float:
        """Return how far the aircraft is from its target over the ground."""
        target, body = self.target, self.body
        return math.hypot(target.east_m - body.east_m, target.north_m - body.north_m)

    def arrived(self, stop: bool) -> bool:
        """Return whether the present leg is done; `stop` asks for the aircraft itself as well."""
        if not self.legs.finished:
            return False
        return not stop or self.lag_m() <= self.parameters["WPNAV_RADIUS"] / 100.0

    def _move_target(self, dt_s: float) -> None:
        target = self.target
        if self.task is Task.LEGS:
            self._follow(dt_s)
            return
        if self.task is Task.RETURN and self._return(dt_s):
            return
        if self._stop is not None:
            self._stop.step(target, dt_s)
        if self.task is Task.TAKEOFF:
            self.done = self._rising(dt_s)
        elif self.task is Task.LAND:
            self._pause_s -= dt_s
            if self._pause_s <= 0.0:
                self._sink(dt_s)
            else:
                self._rising(dt_s)
        elif self.task in (Task.CLIMB_RATE, Task.DROP):
            self._steer_climb(self.climb_rate(), 2.5, dt_s)
        elif self.task is Task.HOLD:
            self._rising(dt_s)

    def _follow(self, dt_s: float) -> None:
        self.legs.step(dt_s, self.lag_m())
        self.done = self.legs.finished
        if self.parameters["WP_YAW_BEHAVIOR"] in (1, 2) and self.task is Task.LEGS:
            bearing = self.legs.bearing_rad
            self.yaw_rad = self.yaw_rad if bearing is None else bearing

    def _return(self, dt_s: float) -> bool:
        """Fly one step of a return; whether the target has been moved."""
        if self.stage is Stage.CLIMB:
            self._follow(dt_s)
            if self.legs.finished:
                self.stage = Stage.HOME
                self.legs.go(self._goal, self._limits)
                if self.parameters["WP_YAW_BEHAVIOR"] == 1:
                    self.yaw_rad = self.legs.bearing_rad
            return True
        if self.stage is Stage.HOME:
            self._follow(dt_s)
            if self.arrived(stop=True):
                self.stage, self._since_s = Stage.WAIT, 0.0
                if self.parameters["WP_YAW_BEHAVIOR"] != 0:
                    self.yaw_rad = self.armed_yaw_rad
            return True
        if self.stage is Stage.WAIT:
            self.target.rest()
            if self._since_s >= self.parameters["RTL_LOIT_TIME"] / 1000.0:
                self.stage, self.done = Stage.DESCEND, False
                self._stop = self._rise = None
            return True
        if self._final_m > 0.0:
            self._descend_to_final(dt_s)
        else:
            self._sink(dt_s)
        return True

    def _descend_to_final(self, dt_s: float) -> None:
        if self._rise is None:
            self._climb_to(self.home_up_m + self._final_m)
        self.done = self._rising(dt_s)

    # ---- parts

    def _meet_body(self) -> None:
        body, target = self.body, self.target
        target.rest()
        target.east_m, target.north_m, target.up_m = body.east_m, body.north_m, body.up_m
        target.v_east, target.v_north = body.v_east, body.v_north
        self._stop = self._rise = None

    def _meet_legs(self) -> None:
        body = self.body
        self._meet_body()
        self.legs.meet(
            (body.east_m, body.north_m, body.up_m), (body.v_east, body.v_north, body.v_up)
        )

    def _stop_here(self, hard: bool) -> None:
        self._meet_body()
        body = self.body
        speed = body.speed_m_s
        accel, jerk = BRAKE_STOP if hard else GENTLE_STOP
        unit = (body.v_east / speed, body.v_north / speed) if speed > 1e-6 else (0.0, 0.0)
        self._stop = Stop(
            body.east_m, body.north_m, unit[0], unit[1], Change(speed, 0.0, accel, jerk)
        )
        settle_m = 0.25 * body.v_up * abs(body.v_up)
        self._climb_to(max(0.0, body.up_m + settle_m))

    def _climb_to(self, up_m: float) -> None:
        limits = self.limits()
        way = up_m - self.target.up_m
        profile = Profile(
            abs(way),
            speed=limits.up if way >= 0.0 else limits.down,
            accel=limits.accel_up,
            jerk=max(0.5, self.parameters["PSC_JERK_Z"]),
            start=max(0.0, self.body.v_up * math.copysign(1.0, way)),
        )
        self._rise = Rise(self.target.up_m, math.copysign(1.0, way), profile)

    def _rising(self, dt_s: float) -> bool:
        return self._rise is None or self._rise.step(self.target, dt_s)

    def _sink(self, dt_s: float) -> None:
        p = self.parameters
        slow = max(0.05, p["LAND_SPEED"] / 100.0)
        fast = (p["LAND_SPEED_HIGH"] or p["WPNAV_SPEED_DN"]) / 100.0
        above_m = self.target.up_m - self.home_up_m - max(1.0, p["LAND_ALT_LOW"] / 100.0)
        rate = min(max(fast, slow), slow + math.sqrt(max(0.0, above_m)))
        self._steer_climb(-rate, p["WPNAV_ACCEL_Z"] / 100.0, dt_s)

    def _steer_climb(self, rate: float, accel: float, dt_s: float) -> None:
        target = self.target
        change = max(-accel * dt_s, min(accel * dt_s, rate - target.v_up))
        target.a_up = change / dt_s
        target.v_up += change
        target.up_m = max(-1.0, target.up_m + target.v_up * dt_s)
