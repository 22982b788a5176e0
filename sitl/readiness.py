"""How the autopilot comes up: what it can do how many seconds after it was switched on.

The times are those of ArduCopter 4.6-dev in its own simulator, on the simulated clock: it takes
missions from 2.5 s, the GPS has a fix at 10 s, the EKF its origin (and home) at 20 s, it can be
armed in modes that need no position at 23.5 s and in the others at 41.5 s. A shorter time until
ready shortens all of them in proportion.
"""

from __future__ import annotations

from sitl.parameters import Parameters

READY_S = 41.5
INIT_S, EKF_S, GPS_S, ORIGIN_S, AHRS_S = 2.5, 6.0, 10.0, 20.0, 23.5
MILESTONES = {
    "initialised": "ArduPilot Ready",
    "ekf_started": "EKF3 IMU0 tilt alignment complete",
    "has_origin": "EKF3 IMU0 origin set",
    "position_good": "EKF3 IMU0 is using GPS",
}
"""What ArduCopter says when something has come up."""
FLAGS_STARTING, FLAGS_LEVEL, FLAGS_LOST, FLAGS_GOOD = 1024, 167, 39, 831
"""EKF_STATUS_REPORT flags: before start, level only, dead reckoning lost, position good."""


class Readiness:
    """What has come up by now.

    Attributes
    ----------
    initialised, gps_fix, ahrs_ready, has_origin, position_good : bool
        See the module.
    lost : bool
        Whether the position was lost in flight; set by the failsafes.
    """

    __slots__ = (
        "_parameters",
        "_scale",
        "_told",
        "ahrs_ready",
        "ekf_started",
        "gps_fix",
        "has_origin",
        "initialised",
        "lost",
        "position_good",
    )

    def __init__(self, parameters: Parameters, ready_after_s: float | None) -> None:
        self._parameters = parameters
        self._scale = 1.0 if ready_after_s is None else max(0.0, ready_after_s) / READY_S
        self.lost = False
        self._told: set[str] = set()
        self.look(0.0)

    def look(self, now_s: float) -> None:
        """Bring everything up to date for `now_s`, seconds after switch-on."""
        scale = self._scale
        self.initialised = now_s >= INIT_S * scale
        self.ekf_started = now_s >= EKF_S * scale
        self.gps_fix = now_s >= GPS_S * scale and self._parameters["SIM_GPS_DISABLE"] == 0.0
        self.has_origin = now_s >= ORIGIN_S * scale
        self.ahrs_ready = now_s >= AHRS_S * scale
        self.position_good = now_s >= READY_S * scale and not self.lost

    def news(self) -> list[str]:
        """Return what is to be said of what has come up since last asked."""
        up = [text for name, text in MILESTONES.items() if getattr(self, name)]
        fresh = [text for text in up if text not in self._told]
        self._told.update(fresh)
        return fresh

    @property
    def ekf_flags(self) -> int:
        """EKF_STATUS_REPORT flags."""
        if self.position_good:
            return FLAGS_GOOD
        if self.lost:
            return FLAGS_LOST
        return FLAGS_LEVEL if self.ekf_started else FLAGS_STARTING
