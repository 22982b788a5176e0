"""What the aircraft does by itself when something it relies on is lost.

Radio (FS_THR_ENABLE), ground station (FS_GCS_ENABLE, FS_GCS_TIMEOUT), battery (BATT_LOW_…,
BATT_CRT_…), fence (FENCE_ACTION) and position (FS_EKF_ACTION), each with ArduCopter's exceptions
(FS_OPTIONS; on the ground it disarms) and its announcement. `Failsafes.look` is called with every
tick and decides by itself how often each is looked at, as ArduCopter's scheduler does: fence
25 times a second, battery 10, ground station 3.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from sitl.fence import ALT_MAX, GIVE_UP_M
from sitl.modes import NEEDS_POSITION, Mode

if TYPE_CHECKING:
    from sitl.copter import Copter

RADIO_LOST_S = 1.0
EKF_PATIENCE_S = 10.0
LAND_PAUSE_S = 4.0
"""A landing ordered by a failsafe hovers so long before it sinks."""


class Action(IntEnum):
    """What to do: BATT_FS_LOW_ACT's numbers."""

    NONE = 0
    LAND = 1
    RTL = 2
    SMART_RTL = 3
    SMART_RTL_OR_LAND = 4
    TERMINATE = 5
    AUTO_RTL = 6
    BRAKE_OR_LAND = 7


THROTTLE_ACTIONS = {
    0: Action.NONE,
    1: Action.RTL,
    2: Action.RTL,
    3: Action.LAND,
    4: Action.SMART_RTL,
    5: Action.SMART_RTL_OR_LAND,
    6: Action.AUTO_RTL,
    7: Action.BRAKE_OR_LAND,
}
"""FS_THR_ENABLE → action; any other value lands."""
GCS_ACTIONS = {
    0: Action.NONE,
    1: Action.RTL,
    2: Action.RTL,
    3: Action.SMART_RTL,
    4: Action.SMART_RTL_OR_LAND,
    5: Action.LAND,
    6: Action.AUTO_RTL,
    7: Action.BRAKE_OR_LAND,
}
"""FS_GCS_ENABLE → action; any other value returns."""
RC_GO_ON_IN_AUTO, GCS_GO_ON_IN_AUTO, RC_GO_ON_IN_GUIDED, GO_ON_LANDING, GCS_GO_ON_MANUAL = (
    1,
    2,
    4,
    8,
    16,
)
"""Bits of FS_OPTIONS."""
FENCE_TRIES = {
    1: (Mode.RTL, Mode.LAND),
    2: (Mode.LAND,),
    3: (Mode.SMART_RTL, Mode.RTL, Mode.LAND),
    4: (Mode.BRAKE, Mode.LAND),
    5: (Mode.SMART_RTL, Mode.LAND),
}
"""FENCE_ACTION → modes tried in turn; 0 only reports."""


class Failsafes:
    """Which of them are on, and since when their causes last.

    Attributes
    ----------
    radio, gcs, battery : bool
        Whether that failsafe is on.
    gcs_seen_s : float or None
        When the last heartbeat of the ground station (SYSID_MYGCS) came, None before the first.
    """

    def __init__(self, copter: Copter) -> None:
        self._copter = copter
        self.radio = self.gcs = self.battery = False
        self.gcs_seen_s: float | None = None
        self._radio_lost_s: float | None = None
        self._low_since_s: float | None = None
        self._critical_since_s: float | None = None
        self._low = self._critical = False
        self._position_lost_s: float | None = None
        self._ekf = False

    @property
    def any_on(self) -> bool:
        """Whether any of them is on."""
        return self.radio or self.gcs or self.battery or self._ekf

    def look(self, tick: int) -> None:
        """Look at everything that is due; `tick` counts steps of 0.02 s."""
        self._look_at_radio()
        if tick % 2 == 0:
            self._look_at_fence()
        if tick % 5 == 0:
            self._look_at_battery()
            self._look_at_position()
        if tick % 16 == 0:
            self._look_at_gcs()

    # ---- radio

    def _look_at_radio(self) -> None:
        copter = self._copter
        p, now_s = copter.parameters, copter.now_s
        lost = p["SIM_RC_FAIL"] != 0.0 and p["FS_THR_ENABLE"] != 0.0
        if not lost:
            self._radio_lost_s = None
            if self.radio:
                self.radio = False
                copter.say(4, "Radio Failsafe Cleared")
            return
        if self._radio_lost_s is None:
            self._radio_lost_s = now_s
        if self.radio or now_s - self._radio_lost_s < RADIO_LOST_S:
            return
        self.radio = True
        if not self._disarms("Radio"):
            self._radio_event()

    def _radio_event(self) -> None:
        copter = self._copter
        options = int(copter.parameters["FS_OPTIONS"])
        action = THROTTLE_ACTIONS.get(int(copter.parameters["FS_THR_ENABLE"]), Action.LAND)
        if self._goes_on_landing("Radio", options):
            action = Action.LAND
        elif copter.mode is Mode.AUTO and options & RC_GO_ON_IN_AUTO:
            copter.say(4, "Radio Failsafe - Continuing Auto")
            return
        elif copter.mode is Mode.GUIDED and options & RC_GO_ON_IN_GUIDED:
            copter.say(4, "Radio Failsafe - Continuing Guided Mode")
            return
        else:
            copter.say(4, "Radio Failsafe")
        self.act(action)

    # ---- ground station

    def _look_at_gcs(self) -> None:
        copter = self._copter
        p = copter.parameters
        if p["FS_GCS_ENABLE"] == 0.0 or self.gcs_seen_s is None:
            return
        silent = copter.now_s - self.gcs_seen_s > p["FS_GCS_TIMEOUT"]
        if silent == self.gcs:
            return
        self.gcs = silent
        if not silent:
            copter.say(4, "GCS Failsafe Cleared")
            return
        if not copter.armed:
            copter.say(4, "GCS Failsafe")
        elif not self._disarms("GCS"):
            self._gcs_event()

    def _gcs_event(self) -> None:
        copter = self._copter
        options = int(copter.parameters["FS_OPTIONS"])
        action = GCS_ACTIONS.get(int(copter.parameters["FS_GCS_ENABLE"]), Action.RTL)
        if self._goes_on_landing("GCS", options):
            action = Action.LAND
        elif copter.mode is Mode.AUTO and options & GCS_GO_ON_IN_AUTO:
            copter.say(4, "GCS Failsafe - Continuing Auto Mode")
            return
        elif options & GCS_GO_ON_MANUAL and copter.manual:
            copter.say(4, "GCS Failsafe - Continuing Pilot Control")
            return
        else:
            copter.say(4, "GCS Failsafe")
        self.act(action)

    # ---- battery

    def _look_at_battery(self) -> None:
        copter = self._copter
        p, battery, now_s = copter.parameters, copter.battery, copter.now_s
        if p["BATT_MONITOR"] == 0.0:
            return
        left_mah = p["BATT_CAPACITY"] - battery.used_mah
        low_v = 0.0 < battery.volts < p["BATT_LOW_VOLT"]
        critical_v = 0.0 < battery.volts < p["BATT_CRT_VOLT"]
        self._low_since_s = (self._low_since_s or now_s) if low_v else None
        self._critical_since_s = (self._critical_since_s or now_s) if critical_v else None
        patience_s = p["BATT_LOW_TIMER"]
        critical = self._long(self._critical_since_s, patience_s) or (
            p["BATT_CRT_MAH"] > 0.0 and left_mah < p["BATT_CRT_MAH"]
        )
        low = self._long(self._low_since_s, patience_s) or (
            p["BATT_LOW_MAH"] > 0.0 and left_mah < p["BATT_LOW_MAH"]
        )
        if critical and not self._critical:
            self._critical = self._low = True
            self._battery_event("critical", int(p["BATT_FS_CRT_ACT"]))
        elif low and not self._low:
            self._low = True
            self._battery_event("low", int(p["BATT_FS_LOW_ACT"]))

    def _long(self, since_s: float | None, patience_s: float) -> bool:
        return since_s is not None and self._copter.now_s - since_s >= patience_s

    def _battery_event(self, degree: str, number: int) -> None:
        copter = self._copter
        battery = copter.battery
        used = round(battery.used_mah)
        copter.say(4, f"Battery 1 is {degree} {battery.volts:.2f}V used {used} mAh")
        copter.battery_charge_state = 3 if degree == "critical" else 2
        try:
            action = Action(number)
        except ValueError:
            action = Action.NONE
        if action is Action.NONE or not copter.armed:
            return
        self.battery = True
        options = int(copter.parameters["FS_OPTIONS"])
        if self._disarms("Battery"):
            return
        if copter.landing and options & GO_ON_LANDING:
            copter.say(4, "Battery Failsafe - Continuing Landing")
            action = Action.LAND
        else:
            copter.say(4, "Battery Failsafe")
        self.act(action)

    # ---- fence

    def _look_at_fence(self) -> None:
        copter = self._copter
        fence = copter.fence
        if not fence.enabled:
            fence.breaches = 0
            return
        body = copter.body
        place = (body.east_m, body.north_m, copter.height_above_home_m)
        new = fence.look(place, copter.home_place(), copter.now_s)
        if not new or not copter.armed:
            return
        if not copter.landed:
            copter.say(5, "Fence Breached")
        action = int(copter.parameters["FENCE_ACTION"])
        if action == 0:
            return
        if copter.landed or (copter.manual and copter.throttle_low and not new & ALT_MAX):
            copter.disarm()
            return
        tries = (
            (Mode.LAND,) if fence.beyond_m > GIVE_UP_M else FENCE_TRIES.get(action, FENCE_TRIES[1])
        )
        for mode in tries:
            if copter.set_mode(mode):
                return

    # ---- position

    def _look_at_position(self) -> None:
        copter = self._copter
        if copter.ready.gps_fix or not copter.home:
            self._position_lost_s = None
            copter.ready.lost = False
            self._ekf = False
            return
        if self._position_lost_s is None:
            self._position_lost_s = copter.now_s
        if copter.now_s - self._position_lost_s < EKF_PATIENCE_S or self._ekf:
            return
        copter.ready.lost = self._ekf = True
        copter.say(2, "EKF variance")
        if not copter.armed or copter.landed or copter.mode not in NEEDS_POSITION:
            return
        copter.set_mode(Mode.ALT_HOLD if copter.parameters["FS_EKF_ACTION"] == 2.0 else Mode.LAND)
        copter.say(2, f"EKF Failsafe: changed to {copter.mode.name} Mode")

    # ---- acting

    def _disarms(self, name: str) -> bool:
        copter = self._copter
        if not copter.disarms_on_failsafe:
            return False
        copter.say(4, f"{name} Failsafe - Disarming")
        copter.disarm()
        return True

    def _goes_on_landing(self, name: str, options: int) -> bool:
        copter = self._copter
        if not copter.landing:
            return False
        if self.battery and self._critical:
            copter.say(4, f"{name} + Battery Failsafe - Continuing Landing")
            return True
        if options & GO_ON_LANDING:
            copter.say(4, f"{name} Failsafe - Continuing Landing")
            return True
        return False

    def act(self, action: Action) -> None:
        """Carry out a failsafe's action, falling back as ArduCopter does."""
        copter = self._copter
        if action is Action.NONE:
            return
        if action is Action.TERMINATE:
            copter.disarm()
            return
        if action in (Action.SMART_RTL, Action.SMART_RTL_OR_LAND):
            land = action is Action.SMART_RTL_OR_LAND
            word = "Land" if land else "RTL"
            copter.say(4, f"SmartRTL Unavailable, Trying {word} Mode")
            action = Action.LAND if land else Action.RTL
        if action is Action.AUTO_RTL:
            if copter.set_mode(Mode.AUTO_RTL):
                return
            copter.say(4, "Trying RTL Mode")
            action = Action.RTL
        if action is Action.BRAKE_OR_LAND and copter.set_mode(Mode.BRAKE):
            return
        if action is Action.RTL and copter.set_mode(Mode.RTL):
            return
        copter.set_mode(Mode.LAND, pause_s=LAND_PAUSE_S)
