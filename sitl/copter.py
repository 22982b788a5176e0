"""The flight software of the simulated copter, without MAVLink (see `sitl.autopilot` for that)."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

from agri.geo import LonLat
from sitl.battery import Battery
from sitl.ground import Ground
from sitl.modes import Mode
from sitl.parameters import Parameters
from sitl.storage import Item, Plan
from sitl.vehicle import Airframe, Multicopter, Wind

STEP_S = 0.02
READY_S = 41.5
PERSONALITIES = {"copter": (2, 3), "plane": (1, 3), "rover": (10, 3), "px4": (2, 12)}


class Copter:
    """State and behaviour of the vehicle."""

    def __init__(
        self,
        *,
        home: LonLat,
        home_altitude_m: float,
        yaw_deg: float,
        parameters: Mapping[str, float] | None,
        ready_after_s: float | None,
        personality: str,
        seed: int,
    ) -> None:
        self.parameters = Parameters(parameters)
        self.ground = Ground(home)
        self.field_elevation_m = home_altitude_m
        self.body = Multicopter(Airframe(), math.radians(yaw_deg))
        self.wind = Wind()
        self.battery = Battery(
            self.parameters["SIM_BATT_VOLTAGE"], self.parameters["SIM_BATT_CAP_AH"]
        )
        self.dice = random.Random(seed)  # noqa: S311
        self.personality = PERSONALITIES[personality]
        self.ready_s = READY_S if ready_after_s is None else ready_after_s
        self.now_s = 0.0
        self.mode = Mode.STABILIZE
        self.armed = False
        self.home: tuple[int, int, float] | None = None
        self.mission_plan, self.fence_plan, self.rally_plan = Plan(), Plan(), Plan()
        self.texts: list[tuple[int, str]] = []
        self.mission_seq = 0
        self.mission_state = 1
        self.mission_mode = 0
        self.fence_breached = False
        self.throttle_percent = 0
        self.battery_charge_state = 1

    def say(self, severity: int, text: str) -> None:
        """Tell every ground station."""
        self.texts.append((severity, text))

    @property
    def initialised(self) -> bool:
        """Whether the autopilot has come up far enough to take a mission."""
        return self.now_s >= self.ready_s * 3.0 / READY_S

    @property
    def gps_fix(self) -> bool:
        return self.now_s >= self.ready_s * 10.0 / READY_S

    @property
    def has_origin(self) -> bool:
        return self.now_s >= self.ready_s * 20.0 / READY_S

    @property
    def position_good(self) -> bool:
        return self.now_s >= self.ready_s

    @property
    def prearm_good(self) -> bool:
        return self.position_good

    @property
    def ekf_flags(self) -> int:
        return 831 if self.position_good else 167

    @property
    def base_mode(self) -> int:
        return 81 | (128 if self.armed else 0)

    @property
    def system_status(self) -> int:
        return 3

    @property
    def height_amsl_m(self) -> float:
        return self.field_elevation_m + self.body.up_m

    @property
    def height_above_home_m(self) -> float:
        return self.height_amsl_m - (self.home[2] if self.home else self.field_elevation_m)

    def home_item(self) -> Item:
        """Return what item 0 of the mission reads as."""
        lat, lon, alt = self.home or (0, 0, 0.0)
        return Item(command=16, x=lat, y=lon, z=round(alt, 2))

    def lean(self) -> tuple[float, float]:
        return 0.0, 0.0

    def servo_outputs(self) -> list[int]:
        return [0] * 16

    def rc_inputs(self) -> list[int]:
        return [1500, 1500, 1000, 1500, 1800, 1000, 1000, 1800] + [0] * 10

    def to_target(self) -> tuple[float, float]:
        return 0.0, 0.0

    def fence_report(self) -> tuple[int, int, int, int]:
        return 0, 0, 0, 0

    def tick(self) -> None:
        """Let one step of time pass."""
        self.now_s += STEP_S
        if self.home is None and self.has_origin:
            origin = self.ground.origin
            self.home = (origin.lat_e7, origin.lon_e7, self.field_elevation_m)
