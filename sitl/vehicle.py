"""The multicopter as physics knows it: motion, wind and power, without any autopilot.

A point mass with a heading. Thrust can be turned to any side, but only so far that the lean stays
below a limit, and it follows what is asked with the lag of a real attitude loop. Air resistance
grows with the square of the airspeed (a lean of 30° holds 20 m/s), so wind pushes the aircraft
and must be leant against. The ground is a flat plane at the height of the take-off place.

Power is what hover costs, scaled with thrust to the power 1.5 and with the induced velocity of
momentum theory in forward flight (Leishman, *Principles of Helicopter Aerodynamics*, ch. 2), plus
the power that drags the airframe through the air. A load (a tank) raises the hover power with the
mass to the power 1.5, the induced velocity with its root; both fall as the tank empties. The hover
figure, 378 W (30 A at 12.6 V), is what ArduPilot's own simulated quadcopter draws.

Wind has a mean and a gust that wanders as an Ornstein-Uhlenbeck process (time constant 2 s), from
a seeded generator handed in. Integration is semi-implicit Euler with the fixed step of the caller
(0.02 s in this simulator).
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

GRAVITY_M_S2 = 9.80665
GUST_TIME_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Airframe:
    """What the aircraft is.

    Parameters
    ----------
    mass_kg : float
        Mass without what is in a tank.
    hover_power_w : float
        Electric power in still air.
    drag_per_m : float
        Deceleration by air resistance per squared airspeed, 1/m.
    hover_induced_m_s : float
        Induced velocity of the rotors in hover.
    lean_lag_s, thrust_lag_s : float
        Time constants with which lean and thrust follow what is asked.
    """

    mass_kg: float = 1.5
    hover_power_w: float = 378.0
    drag_per_m: float = 0.0142
    hover_induced_m_s: float = 5.0
    lean_lag_s: float = 0.15
    thrust_lag_s: float = 0.05


@dataclass(slots=True, kw_only=True)
class Wind:
    """The air's own motion.

    Parameters
    ----------
    speed_m_s, from_deg : float
        Mean speed, and where it blows from, degrees clockwise from north.
    gust_m_s : float
        Standard deviation of the gust in each of east and north.
    """

    speed_m_s: float = 0.0
    from_deg: float = 0.0
    gust_m_s: float = 0.0
    gust_east_m_s: float = 0.0
    gust_north_m_s: float = 0.0

    def velocity(self) -> tuple[float, float]:
        """Return (east, north) of the air now, m/s."""
        toward = math.radians(self.from_deg + 180.0)
        return (
            self.speed_m_s * math.sin(toward) + self.gust_east_m_s,
            self.speed_m_s * math.cos(toward) + self.gust_north_m_s,
        )

    def step(self, dt_s: float, dice: random.Random) -> None:
        """Let the gust wander for `dt_s` seconds."""
        if self.gust_m_s <= 0.0:
            self.gust_east_m_s = self.gust_north_m_s = 0.0
            return
        keep = math.exp(-dt_s / GUST_TIME_S)
        kick = self.gust_m_s * math.sqrt(1.0 - keep * keep)
        self.gust_east_m_s = keep * self.gust_east_m_s + kick * dice.gauss(0.0, 1.0)
        self.gust_north_m_s = keep * self.gust_north_m_s + kick * dice.gauss(0.0, 1.0)


class Multicopter:
    """Position, velocity and heading, moved by thrust and air.

    Parameters
    ----------
    airframe : Airframe
        What it is.
    yaw_rad : float
        Heading at the start, clockwise from north.

    Attributes
    ----------
    east_m, north_m, up_m : float
        Place; up is above the ground at the origin.
    v_east, v_north, v_up : float
        Velocity over the ground, m/s.
    a_east, a_north, a_up : float
        Acceleration that thrust gives, gravity already taken off, m/s².
    power_w : float
        Electric power drawn in the last step.
    touchdown_m_s : float
        Sinking speed of the last contact with the ground.
    load_kg : float
        What it carries besides its own mass.
    """

    __slots__ = (
        "a_east",
        "a_north",
        "a_up",
        "airframe",
        "east_m",
        "load_kg",
        "north_m",
        "on_ground",
        "power_w",
        "touchdown_m_s",
        "up_m",
        "v_east",
        "v_north",
        "v_up",
        "yaw_rad",
        "yaw_rate",
    )

    def __init__(self, airframe: Airframe, yaw_rad: float = 0.0) -> None:
        self.airframe = airframe
        self.east_m = self.north_m = self.up_m = 0.0
        self.v_east = self.v_north = self.v_up = 0.0
        self.a_east = self.a_north = self.a_up = 0.0
        self.yaw_rad = yaw_rad
        self.yaw_rate = 0.0
        self.power_w = 0.0
        self.touchdown_m_s = self.load_kg = 0.0
        self.on_ground = True

    @property
    def heavier(self) -> float:
        """How many times its own mass it weighs now."""
        return 1.0 + self.load_kg / self.airframe.mass_kg

    @property
    def speed_m_s(self) -> float:
        """Speed over the ground."""
        return math.hypot(self.v_east, self.v_north)

    def stand(self) -> None:
        """Spend one step with the motors off on the ground."""
        self.v_east = self.v_north = self.v_up = 0.0
        self.a_east = self.a_north = self.a_up = 0.0
        self.yaw_rate = self.power_w = 0.0

    def fall(self, wind: Wind, dt_s: float) -> None:
        """Spend one step with the motors off in the air."""
        self.a_east = self.a_north = 0.0
        self.a_up = -GRAVITY_M_S2
        self.power_w = self.yaw_rate = 0.0
        self._move(wind.velocity(), dt_s)

    def fly(
        self,
        demand: tuple[float, float, float],
        lean_max_rad: float,
        wind: Wind,
        dt_s: float,
    ) -> None:
        """Spend one step with the motors on.

        Parameters
        ----------
        demand : tuple of three float
            Acceleration asked of thrust: east, north, up (gravity apart), m/s².
        lean_max_rad : float
            Lean limit.
        wind : Wind
            The air.
        dt_s : float
            Step, seconds.
        """
        east, north, up = demand
        up = max(-0.8 * GRAVITY_M_S2, min(GRAVITY_M_S2, up))
        limit = GRAVITY_M_S2 * math.tan(lean_max_rad)
        asked = math.hypot(east, north)
        if asked > limit >= 0.0:
            east, north = east * limit / asked, north * limit / asked
        lean = dt_s / (self.airframe.lean_lag_s + dt_s)
        self.a_east += (east - self.a_east) * lean
        self.a_north += (north - self.a_north) * lean
        self.a_up += (up - self.a_up) * dt_s / (self.airframe.thrust_lag_s + dt_s)
        air = wind.velocity()
        self._draw_power(air)
        self._move(air, dt_s)

    def _draw_power(self, air: tuple[float, float]) -> None:
        frame, heavier = self.airframe, self.heavier
        ratio2 = (self.v_east - air[0]) ** 2 + (self.v_north - air[1]) ** 2 + self.v_up**2
        lift = GRAVITY_M_S2 + self.a_up
        thrust2 = (lift * lift + self.a_east**2 + self.a_north**2) / GRAVITY_M_S2**2
        x2 = ratio2 / (frame.hover_induced_m_s**2 * heavier)
        induced = math.sqrt(max(0.0, math.sqrt(0.25 * x2 * x2 + 1.0) - 0.5 * x2))
        drag_w = frame.mass_kg * frame.drag_per_m * ratio2**1.5 / 0.6
        hover_w = frame.hover_power_w * heavier**1.5
        self.power_w = hover_w * (0.3 + 0.7 * thrust2**0.75 * induced) + drag_w

    def _move(self, air: tuple[float, float], dt_s: float) -> None:
        east, north, up = self.v_east - air[0], self.v_north - air[1], self.v_up
        airspeed = math.sqrt(east * east + north * north + up * up)
        brake = self.airframe.drag_per_m * airspeed / self.heavier
        self.v_east += (self.a_east - brake * east) * dt_s
        self.v_north += (self.a_north - brake * north) * dt_s
        self.v_up += (self.a_up - brake * up) * dt_s
        self.east_m += self.v_east * dt_s
        self.north_m += self.v_north * dt_s
        self.up_m += self.v_up * dt_s
        stood, self.on_ground = self.on_ground, self.up_m <= 0.0
        if self.on_ground:
            if not stood:
                self.touchdown_m_s = max(0.0, -self.v_up)
            self.up_m = 0.0
            self.v_up = max(0.0, self.v_up)
            self.v_east = self.v_north = 0.0
