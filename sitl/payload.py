"""What the autopilot drives besides motors: the camera, and every servo output.

The camera takes a picture every so many metres, measured in a straight line from the last
picture, or every so many seconds. It exists only when CAM1_TYPE was set at switch-on. Distance
triggering is never switched off by a mode, except that CAM_AUTO_ONLY keeps it to AUTO.

The sprayer's servos (function 22 the pump, 23 the spinner) stay at 0 until it first ran and have
SERVOx_MIN when it is off; without such a function there is no output.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from sitl.parameters import Parameters
from sitl.sprayer import Sprayer

PUMP, SPINNER, CAMERA_TRIGGER = 22, 23, 10
MOTOR_FIRST, MOTOR_LAST = 33, 36
CHANNELS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture: its number, and the aircraft when it was taken.

    Place in metres, angles in radians.
    """

    index: int
    time_s: float
    east_m: float
    north_m: float
    up_m: float
    roll_rad: float
    pitch_rad: float
    yaw_rad: float


class Camera:
    """The camera of instance 1.

    Attributes
    ----------
    pictures : list of Picture
        Pictures not yet told about.
    count : int
        Pictures taken since switch-on.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self.exists = parameters["CAM1_TYPE"] > 0.0
        self.pictures: list[Picture] = []
        self.count = 0
        self.spacing_m = 0.0
        self._last: tuple[float, float] | None = None
        self._interval_s = 0.0
        self._remaining = 0
        self._taken_s = -math.inf
        self._wanted = False

    def trigger_every(self, spacing_m: float, now: bool) -> bool:
        """Take a picture every `spacing_m` metres (0 stops); `now` takes one at once."""
        if not self.exists:
            return False
        self.spacing_m = max(0.0, spacing_m)
        if self.spacing_m <= 0.0:
            self._last = None
        self._wanted = self._wanted or now
        return True

    def shoot(self) -> bool:
        """Take one picture; return whether there is a camera."""
        self._wanted = self._wanted or self.exists
        return self.exists

    def trigger_by_time(self, interval_s: float, count: int) -> bool:
        """Take `count` pictures (0 for no end) every `interval_s` seconds."""
        if not self.exists:
            return False
        if count == 1 or interval_s <= 0.0:
            return self.shoot()
        self._interval_s, self._remaining = interval_s, count if count > 0 else -1
        self._wanted = True
        if self._remaining > 0:
            self._remaining -= 1
        return True

    def stop(self) -> bool:
        """End triggering by time."""
        self._remaining = 0
        return self.exists

    def pulse(self, now_s: float) -> bool:
        """Return whether the trigger servo is held on now."""
        return now_s - self._taken_s < self._parameters["CAM1_DURATION"]

    def step(
        self,
        now_s: float,
        here: tuple[float, float],
        by_distance: bool,
        view: Callable[[], tuple[float, float, float, float]],
    ) -> None:
        """Let time pass.

        Parameters
        ----------
        now_s : float
            Simulated seconds.
        here : (east, north)
            Metres.
        by_distance : bool
            Whether the flight mode allows triggering by distance.
        view : callable
            Returns height (m above the origin), roll, pitch and yaw (radians).
        """
        if not self.exists:
            return
        due = self._wanted
        if not due and self._remaining != 0:
            due = now_s - self._taken_s > self._interval_s
            self._remaining -= 1 if due and self._remaining > 0 else 0
        elif not due and self.spacing_m > 0.0 and by_distance:
            if self._last is None:
                self._last = here
            due = math.dist(here, self._last) >= self.spacing_m
        if due and now_s - self._taken_s >= self._parameters["CAM1_INTRVAL_MIN"]:
            self._take(now_s, here, view())

    def _take(
        self, now_s: float, here: tuple[float, float], view: tuple[float, float, float, float]
    ) -> None:
        self._wanted = False
        self._taken_s = now_s
        self._last = here
        self.count += 1
        up_m, roll_rad, pitch_rad, yaw_rad = view
        self.pictures.append(
            Picture(
                index=self.count,
                time_s=now_s,
                east_m=here[0],
                north_m=here[1],
                up_m=up_m,
                roll_rad=roll_rad,
                pitch_rad=pitch_rad,
                yaw_rad=yaw_rad,
            )
        )


def servo_outputs(
    parameters: Parameters,
    sprayer: Sprayer,
    camera: Camera,
    *,
    motors: float | None,
    ordered: dict[int, int],
    now_s: float,
) -> list[int]:
    """Return the sixteen servo outputs, microseconds, 0 for none.

    Parameters
    ----------
    parameters, sprayer, camera
        Whose outputs they are.
    motors : float or None
        Throttle 0 to 1; None while disarmed.
    ordered : dict of int to int
        Channel (1 to 16) → output set by DO_SET_SERVO.
    now_s : float
        Simulated seconds.
    """
    outputs = []
    for channel in range(1, CHANNELS + 1):
        function = int(parameters[f"SERVO{channel}_FUNCTION"])
        low = parameters[f"SERVO{channel}_MIN"]
        span = parameters[f"SERVO{channel}_MAX"] - low
        value = float(ordered.get(channel, 0))
        if MOTOR_FIRST <= function <= MOTOR_LAST:
            value = 1000.0 if motors is None else 1100.0 + 800.0 * motors
        elif function == PUMP and sprayer.ever_ran:
            value = low + span * sprayer.pump_share
        elif function == SPINNER and sprayer.ever_ran:
            value = parameters["SPRAY_SPINNER"] if sprayer.spraying else low
        elif function == CAMERA_TRIGGER and camera.exists:
            pulse = camera.pulse(now_s)
            value = parameters["CAM1_SERVO_ON" if pulse else "CAM1_SERVO_OFF"]
        outputs.append(max(0, min(65535, round(value))))
    return outputs
