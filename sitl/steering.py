"""From where the aircraft should be to the thrust that brings it there.

Position error becomes a velocity, velocity error an acceleration, and a slow integral leans
against steady wind: ArduCopter's cascade with its gains (PSC_POSXY_P 1, PSC_VELXY_P 2,
PSC_VELXY_I 1, PSC_POSZ_P 1, PSC_VELZ_P 5), fed forward with the target's own velocity and
acceleration. Heading turns toward what is asked at no more than ATC_SLEW_YAW.
"""

from __future__ import annotations

import math

from sitl.legs import Target
from sitl.vehicle import Multicopter

POSITION_GAIN = 1.0
VELOCITY_GAIN = 2.0
INTEGRAL_GAIN = 1.0
INTEGRAL_LIMIT_M_S2 = 10.0
CLIMB_GAIN = 5.0
YAW_GAIN = 3.0


class Steering:
    """The position controller and its memory of the wind."""

    __slots__ = ("_i_east", "_i_north")

    def __init__(self) -> None:
        self._i_east = self._i_north = 0.0

    def reset(self) -> None:
        """Forget the wind, as on the ground."""
        self._i_east = self._i_north = 0.0

    def demand(self, body: Multicopter, target: Target, dt_s: float) -> tuple[float, float, float]:
        """Return the acceleration (east, north, up) to ask of thrust, m/s²."""
        error_e = target.v_east + POSITION_GAIN * (target.east_m - body.east_m) - body.v_east
        error_n = target.v_north + POSITION_GAIN * (target.north_m - body.north_m) - body.v_north
        self._i_east = self._bounded(self._i_east + INTEGRAL_GAIN * error_e * dt_s)
        self._i_north = self._bounded(self._i_north + INTEGRAL_GAIN * error_n * dt_s)
        climb = target.v_up + POSITION_GAIN * (target.up_m - body.up_m) - body.v_up
        return (
            target.a_east + VELOCITY_GAIN * error_e + self._i_east,
            target.a_north + VELOCITY_GAIN * error_n + self._i_north,
            target.a_up + CLIMB_GAIN * climb,
        )

    @staticmethod
    def _bounded(value: float) -> float:
        return max(-INTEGRAL_LIMIT_M_S2, min(INTEGRAL_LIMIT_M_S2, value))


def turn(body: Multicopter, wanted_rad: float | None, slew_rad_s: float, dt_s: float) -> None:
    """Turn the heading toward `wanted_rad` for one step; None holds it."""
    if wanted_rad is None:
        body.yaw_rate = 0.0
        return
    error = (wanted_rad - body.yaw_rad + math.pi) % (2.0 * math.pi) - math.pi
    body.yaw_rate = max(-slew_rad_s, min(slew_rad_s, YAW_GAIN * error))
    body.yaw_rad = (body.yaw_rad + body.yaw_rate * dt_s) % (2.0 * math.pi)
