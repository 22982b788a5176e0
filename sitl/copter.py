"""The flight software: modes, arming, home, time. It knows nothing of MAVLink messages.

`Copter.tick` lets 0.02 s pass: the failsafes look, the mission goes on, the pilot flies, physics
answers, the payload works. What is to be told waits in `texts` and `named`, in the camera's
pictures and in the mission's reached items until the MAVLink side (`sitl.autopilot`) takes it.

It behaves as ArduCopter 4.6-dev does in its own simulator, down to what surprises: AUTO must be
told to start (MISSION_START) once armed; an order for a speed is forgotten when AUTO is left; the
sprayer stays on whatever happens; disarming sends the mission back to its first item, and a mission
that was still running then begins again, on the ground, without motors.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping

from agri.geo import LonLat
from sitl import arming, instruments, mode_change, orders, returning, spray_guard
from sitl.auto import AutoCrew
from sitl.battery import Battery
from sitl.failsafes import Failsafes
from sitl.faults import Fault, Faults
from sitl.fence import Fence
from sitl.firmware import Firmware
from sitl.flying import Pilot
from sitl.ground import Ground
from sitl.landing import LandingWatch
from sitl.mission_run import MissionRun, State
from sitl.modes import PILOT_THROTTLE, Mode
from sitl.motions import Stage, Task
from sitl.parameters import Parameters
from sitl.payload import Camera
from sitl.radio import Radio
from sitl.readiness import Readiness
from sitl.spray_gear import SprayGear, SprayHardware
from sitl.sprayer import Sprayer
from sitl.storage import Item, Plan
from sitl.vehicle import Airframe, Multicopter, Wind
from sitl.wind_estimate import WindEstimate

STEP_S = 0.02
PERSONALITIES = {"copter": (2, 3), "plane": (1, 3), "rover": (10, 3), "px4": (2, 12)}
"""Name → MAV_TYPE and MAV_AUTOPILOT of the heartbeat."""
IDLE_W = 30.0
STORM_M_S = 60.0
"""No wind is stronger here."""
ARMING_DELAY_S = 2.0
TAKE_OFF_UNASKED = 2
CONTINUE_AFTER_LAND = 4


class Copter:
    """State and behaviour of the vehicle.

    Parameters
    ----------
    home : LonLat
        Where it is switched on; the origin of all metres.
    home_altitude_m : float
        Height of that place, and of the flat ground, above sea level.
    yaw_deg : float
        Heading.
    parameters : mapping of str to float or None
        What differs from the defaults.
    ready_after_s : float or None
        When it can be armed; None is 41.5 s.
    personality : str
        Key of `PERSONALITIES`.
    seed : int
        Seed of gusts.
    airframe : Airframe
        What it is, with an empty tank.
    sprayer : SprayHardware
        What hangs on the sprayer's servo.
    faults : iterable of Fault
        What breaks on the way.
    firmware : Firmware
        Which ArduCopter it plays.
    """

    def __init__(
        self,
        *,
        home: LonLat,
        home_altitude_m: float = 10.0,
        yaw_deg: float = 0.0,
        parameters: Mapping[str, float] | None = None,
        ready_after_s: float | None = None,
        personality: str = "copter",
        seed: int = 0,
        airframe: Airframe | None = None,
        sprayer: SprayHardware | None = None,
        faults: Iterable[Fault] = (),
        firmware: Firmware | None = None,
    ) -> None:
        self.firmware = firmware or Firmware()
        p = self.parameters = Parameters(parameters, self.firmware.renamed)
        self.ground = Ground(home)
        self.field_elevation_m = home_altitude_m
        self.body = Multicopter(airframe or Airframe(), math.radians(yaw_deg))
        self.wind, self.wind_estimate = Wind(), WindEstimate(p)
        self.battery = Battery(p["SIM_BATT_VOLTAGE"], p["SIM_BATT_CAP_AH"])
        self.dice = random.Random(seed)  # noqa: S311  (gusts, not secrets)
        self.personality = PERSONALITIES[personality]
        self.mission_plan, self.fence_plan, self.rally_plan = Plan(), Plan(), Plan()
        self.ready = Readiness(p, ready_after_s)
        self.pilot = Pilot(self.body, p)
        self.pilot.climb_rate = lambda: self.radio.climb_rate(self.now_s, self.failsafes.radio)
        self.radio = Radio(p)
        self.auto = AutoCrew(self)
        self.mission = MissionRun(self.mission_plan, self.auto)
        self.fence = Fence(self.fence_plan, p, self.ground)
        self.failsafes = Failsafes(self)
        self.sprayer = Sprayer(p)
        self.gear = SprayGear(sprayer or SprayHardware())
        self.faults = Faults(faults)
        self.camera = Camera(p)
        self.texts: list[tuple[int, str]] = []
        self.named: list[tuple[str, float]] = []
        self.servos: dict[int, int] = {}
        self.now_s = 0.0
        self.mode = Mode.STABILIZE
        self.armed = self.auto_armed = self.auto_rtl = False
        self.landed = True
        self.down = LandingWatch()
        self.terrain_known = False
        self.prearm = arming.PreArm()
        self.battery_charge_state = 1
        self.home: tuple[int, int, float] | None = None
        self.home_changed = self.mode_changed = False
        self._ticks = 0
        self._armed_s = self._idle_since_s = self.disarmed_s = 0.0
        self._take_off_m: float | None = None
        self.home_locked = False

    # ---- what is told

    def say(self, severity: int, text: str) -> None:
        """Tell every ground station (MAV_SEVERITY)."""
        self.texts.append((severity, text))

    @property
    def landing(self) -> bool:
        """Whether it is on its last way down."""
        task = self.pilot.task
        return task is Task.LAND or (task is Task.RETURN and self.pilot.stage is Stage.DESCEND)

    @property
    def crashed(self) -> bool:
        """Whether it ever hit the ground hard."""
        return self.down.crashed

    @property
    def manual(self) -> bool:
        """Whether the sticks fly it."""
        return self.mode in PILOT_THROTTLE

    @property
    def throttle_low(self) -> bool:
        """Whether the throttle stick is at its end."""
        return self.radio.throttle(self.now_s) <= self.parameters["RC3_MIN"] + 30.0

    @property
    def height_amsl_m(self) -> float:
        """Height above sea level."""
        return self.field_elevation_m + self.body.up_m

    @property
    def height_above_home_m(self) -> float:
        """Height above home."""
        return self.height_amsl_m - (self.home[2] if self.home else self.field_elevation_m)

    def home_place(self) -> tuple[float, float]:
        """Return where home is: metres east, north of the origin."""
        return self.ground.metres(self.home[0], self.home[1]) if self.home else (0.0, 0.0)

    def up_of(self, frame: int, z_m: float) -> float:
        """Return metres above the origin of a height in frame 0 (sea), 3 (home), 10 (ground)."""
        if frame == 0:
            return z_m - self.field_elevation_m
        base_m = self.home[2] - self.field_elevation_m if self.home and frame == 3 else 0.0
        return base_m + z_m

    def amsl_of(self, frame: int, z_m: float) -> float:
        """Return the height above sea level of a height in a frame."""
        return self.field_elevation_m + self.up_of(frame, z_m)

    def home_item(self) -> Item:
        """Return what item 0 of the mission reads as: home, or nowhere before it is set."""
        lat, lon, amsl_m = self.home or (0, 0, 0.0)
        return Item(command=16, x=lat, y=lon, z=round(amsl_m, 2))

    def may_clear_mission(self) -> bool:
        """Whether the mission may be cleared: not while it is flown."""
        return not (self.armed and self.mission.state is State.RUNNING)

    @property
    def wants_terrain(self) -> bool:
        """Whether it asks the ground for terrain heights."""
        if self.terrain_known or not self.ready.has_origin:
            return False
        return arming.needs_terrain(self) and self.parameters["TERRAIN_ENABLE"] != 0.0

    # ---- time

    def tick(self) -> None:
        """Let one step of time pass."""
        self._ticks += 1
        self.now_s = self._ticks * STEP_S
        self.ready.look(self.now_s)
        if self._ticks % 50 == 0:
            self._each_second()
        self.faults.look(self)
        self.failsafes.look(self._ticks)
        spray_guard.look(self, self._ticks)
        if self.mode is Mode.AUTO:
            self.auto.run()
        self._fly()
        self.down.look(self)
        self.wind_estimate.step(self.wind, STEP_S, flying=self.armed and not self.landed)
        here = (self.body.east_m, self.body.north_m)
        self._spray(here)
        by_distance = self.mode is Mode.AUTO or self.parameters["CAM_AUTO_ONLY"] == 0.0
        self.camera.step(self.now_s, here, by_distance and self.ready.gps_fix, self._view)
        if self._ticks % 5 == 0:
            self._disarm_idle()

    def _spray(self, here: tuple[float, float]) -> None:
        gear = self.gear
        self.sprayer.step(self.body.speed_m_s, self.now_s)
        pulse_us = self.servos.get(gear.hardware.channel, 0)
        output = gear.output(self.sprayer, pulse_us, self.parameters)
        gear.step(output, self.now_s, STEP_S, here)
        self.body.load_kg = gear.load_kg

    def _view(self) -> tuple[float, float, float, float]:
        roll, pitch = instruments.lean(self)
        return self.body.up_m, roll, pitch, self.body.yaw_rad

    def _each_second(self) -> None:
        p = self.parameters
        self.gear.look(p)
        self.wind.speed_m_s = max(-STORM_M_S, min(STORM_M_S, p["SIM_WIND_SPD"]))
        self.wind.from_deg = p["SIM_WIND_DIR"]
        self.wind.gust_m_s = min(STORM_M_S, p["SIM_WIND_TURB"])
        self.battery.full_volts, self.battery.size_ah = p["SIM_BATT_VOLTAGE"], p["SIM_BATT_CAP_AH"]
        self.texts += [(6, text) for text in self.ready.news()]
        if self.home is None and self.ready.has_origin:
            origin = self.ground.origin
            self.say(6, f"Field Elevation Set: {self.field_elevation_m:.0f}m")
            self.home = (origin.lat_e7, origin.lon_e7, self.field_elevation_m)
            self.home_changed = True
        if not self.armed:
            self.prearm.look(self)

    def _fly(self) -> None:
        body = self.body
        self.wind.step(STEP_S, self.dice)
        if self._take_off_m is not None and self.armed and self.auto_armed:
            self.pilot.take_off(self._take_off_m, self.now_s - self._armed_s)
            self._take_off_m = None
        was_up = not body.on_ground
        if not self.armed or self.battery.empty:
            if was_up:
                body.fall(self.wind, STEP_S)
            else:
                body.stand()
        elif self.pilot.task is Task.GROUND or (self.landed and not self.pilot.lifting):
            body.stand()
            body.power_w = IDLE_W
            self.pilot.wait(STEP_S)
        else:
            self.pilot.step(self.wind, STEP_S, blind=self.ready.lost)
            if self.landed and not body.on_ground and self.pilot.lifting:
                self.landed = False
                self.down.lifted()
        if was_up and body.on_ground:
            self.say(6, f"SIM Hit ground at {body.touchdown_m_s:f} m/s")
        self.battery.draw(body.power_w, STEP_S)

    def _disarm_idle(self) -> None:
        if self.down.disarms(self):
            self.disarm()
            return
        if not (self.armed and self.landed and self.throttle_low) or self._starting:
            self._idle_since_s = self.now_s
            return
        delay_s = self.parameters["DISARM_DELAY"]
        if delay_s > 0.0 and self.now_s - self._idle_since_s >= delay_s:
            self.disarm()

    @property
    def _starting(self) -> bool:
        return self.pilot.task is Task.TAKEOFF and self.auto_armed

    # ---- arming

    def arm(self, force: bool = False) -> bool:
        """Arm the motors; return whether they are armed now."""
        if self.armed:
            return True
        if not force and arming.refuse(self):
            return False
        self.armed, self.auto_armed = True, False
        self._armed_s = self._idle_since_s = self.now_s
        self.pilot.armed_yaw_rad = self.body.yaw_rad
        self.say(6, "Arming motors")
        if self.home is not None and not self.home_locked:
            orders.set_home_here(self, lock=False)
        if int(self.parameters["AUTO_OPTIONS"]) & TAKE_OFF_UNASKED and self.mode is Mode.AUTO:
            self.auto_armed = True
        return True

    def disarm(self, gently: bool = False) -> bool:
        """Stop the motors; `gently` refuses in flight. The mission goes back to its first item."""
        if not self.armed:
            return True
        if gently and not self.landed:
            return False
        self.armed = self.auto_armed = False
        self._take_off_m, self.disarmed_s = None, self.now_s
        self.say(6, "Disarming motors")
        self.mission.reset()
        self.pilot.rest()
        return True

    @property
    def disarms_on_failsafe(self) -> bool:
        """Whether a failsafe now disarms instead of flying."""
        if self.armed and self.now_s - self._armed_s < ARMING_DELAY_S:
            return True
        if self.mode is Mode.STABILIZE:
            return self.throttle_low or self.landed
        if self.mode is Mode.AUTO:
            return not self.auto_armed and self.landed
        return self.landed

    # ---- modes

    def set_mode(self, number: int, pause_s: float = 0.0) -> bool:
        """Change the flight mode; return whether that was possible.

        Parameters
        ----------
        number : int
            custom_mode.
        pause_s : float
            Seconds a landing hovers before it sinks.
        """
        return mode_change.change(self, number, pause_s)

    def begin_return(self) -> None:
        """Start the way to the nearest of home and the rally points."""
        returning.begin(self)

    @property
    def returned(self) -> bool:
        """Whether a return has come to its end."""
        pilot = self.pilot
        on_the_way_down = pilot.task is Task.RETURN and pilot.stage is Stage.DESCEND
        if self.parameters["RTL_ALT_FINAL"] > 0.0:
            return on_the_way_down and pilot.done
        return on_the_way_down and self.landed

    @property
    def goes_on_after_landing(self) -> bool:
        """Whether MIS_OPTIONS lets the mission go on with a take-off after a landing."""
        if not int(self.parameters["MIS_OPTIONS"]) & CONTINUE_AFTER_LAND:
            return False
        found = self.mission.next_nav(self.mission.nav + 1)
        return found is not None and found[1].command == 22

    def order_take_off(self, up_m: float) -> None:
        """Take off (metres above the origin) once that is allowed; in the air, climb at once."""
        if self.landed:
            self._take_off_m = up_m
            self.pilot.rest()
        else:
            self.pilot.take_off(up_m, self.now_s - self._armed_s)

    def forget_take_off(self) -> None:
        """Take back a take-off that has not begun."""
        self._take_off_m = None

    @property
    def took_off(self) -> bool:
        """Whether a take-off has come to its height."""
        return self._take_off_m is None and self.pilot.task is Task.TAKEOFF and self.pilot.done
