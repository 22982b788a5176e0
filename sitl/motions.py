"""The tasks of the pilot, and the simplest motions: stopping over the ground, and rising."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from sitl.legs import Target
from sitl.profile import Change, Profile


class Task(Enum):
    """What is being flown."""

    GROUND = auto()
    TAKEOFF = auto()
    HOLD = auto()
    LEGS = auto()
    LAND = auto()
    CLIMB_RATE = auto()
    RETURN = auto()
    DROP = auto()


class Stage(Enum):
    """Stages of a return."""

    CLIMB = auto()
    HOME = auto()
    WAIT = auto()
    DESCEND = auto()


@dataclass(slots=True)
class Stop:
    """A straight stop over the ground."""

    east_m: float
    north_m: float
    unit_e: float
    unit_n: float
    change: Change
    time_s: float = 0.0

    def step(self, target: Target, dt_s: float) -> None:
        """Move the target on toward its standstill."""
        self.time_s = min(self.time_s + dt_s, self.change.time_s)
        way, speed, accel = self.change.at(self.time_s)
        if self.time_s >= self.change.time_s:
            way, speed, accel = self.change.length_m, 0.0, 0.0
        target.east_m, target.north_m = (
            self.east_m + way * self.unit_e,
            (self.north_m + way * self.unit_n),
        )
        target.v_east, target.v_north = speed * self.unit_e, speed * self.unit_n
        target.a_east, target.a_north = accel * self.unit_e, accel * self.unit_n


@dataclass(slots=True)
class Rise:
    """A straight climb or descent to a height."""

    start_m: float
    sign: float
    profile: Profile
    time_s: float = 0.0

    def step(self, target: Target, dt_s: float) -> bool:
        """Move the target on; return whether it has arrived."""
        self.time_s += dt_s
        way, speed, accel = self.profile.at(self.time_s)
        target.up_m = self.start_m + self.sign * way
        target.v_up, target.a_up = self.sign * speed, self.sign * accel
        return self.time_s >= self.profile.time_s
