"""What can be asked of the vehicle besides a flight mode: the bodies of commands and do items."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sitl.legs import Place
from sitl.mission_run import State
from sitl.modes import Mode
from sitl.motions import Task
from sitl.storage import ALTITUDE_LIMIT_M

if TYPE_CHECKING:
    from sitl.copter import Copter

CLIMB_SPEED, SINK_SPEED = 2, 3


def start_mission(copter: Copter) -> bool:
    """Enter AUTO if need be, allow the motors to lift, and run the mission (MISSION_START)."""
    if not copter.set_mode(Mode.AUTO):
        return False
    copter.auto_armed = copter.armed
    if not copter.auto.waiting and copter.mission.state is not State.RUNNING:
        copter.mission.start_or_resume(copter.parameters["MIS_RESTART"] == 1.0)
    return True


def take_off(copter: Copter, above_home_m: float) -> bool:
    """Take off in GUIDED (or a mode flown by throttle) to a height above home."""
    allowed = copter.mode in (Mode.GUIDED, Mode.LOITER, Mode.ALT_HOLD, Mode.POSHOLD)
    up_m = copter.up_of(3, above_home_m)
    if not (copter.armed and copter.landed and allowed) or up_m <= copter.body.up_m:
        return False
    copter.auto_armed = True
    copter.order_take_off(up_m)
    return True


def go_to(copter: Copter, place: Place) -> bool:
    """Fly straight to a place (metres east, north, up of the origin) in GUIDED."""
    if copter.mode is not Mode.GUIDED or not all(map(math.isfinite, place)):
        return False
    if copter.armed and not copter.landed:
        copter.pilot.fly_legs()
        copter.pilot.legs.go(place, copter.pilot.limits())
    return True


def change_speed(copter: Copter, kind: float, speed_m_s: float) -> bool:
    """Order a speed (DO_CHANGE_SPEED): over the ground, or kind 2 climbing, 3 sinking."""
    if not (math.isfinite(speed_m_s) and speed_m_s > 0.0):
        return False
    pilot = copter.pilot
    if int(kind) == CLIMB_SPEED:
        pilot.climb_m_s = speed_m_s
    elif int(kind) == SINK_SPEED:
        pilot.sink_m_s = speed_m_s
    else:
        pilot.change_speed(speed_m_s)
    return True


def pause(copter: Copter, go_on: bool) -> bool:
    """Stop on the leg, or go on (DO_PAUSE_CONTINUE); only while legs are flown."""
    legs = copter.pilot.legs
    if copter.mode not in (Mode.AUTO, Mode.GUIDED):
        return False
    if copter.mode is Mode.AUTO and copter.pilot.task is not Task.LEGS:
        return False
    if not go_on and copter.mode is Mode.AUTO and (legs.paused or legs.finished):
        return False
    legs.paused = not go_on
    return True


def turn_to(copter: Copter, degrees: float, direction: float, relative: bool) -> None:
    """Turn the heading (CONDITION_YAW); relative to the present one if asked."""
    pilot, body = copter.pilot, copter.body
    angle = math.radians(degrees)
    if relative:
        angle = body.yaw_rad + math.copysign(1.0, direction) * angle
    pilot.fixed_yaw_rad = angle % (2.0 * math.pi)


def set_home(copter: Copter, lat_e7: int, lon_e7: int, amsl_m: float, *, lock: bool = True) -> bool:
    """Move home; `lock` keeps it when the aircraft is armed. Return whether it could be moved."""
    if not copter.ready.has_origin or not abs(amsl_m) < ALTITUDE_LIMIT_M:
        return False
    copter.home = (lat_e7, lon_e7, amsl_m)
    copter.home_locked = copter.home_locked or lock
    copter.home_changed = True
    return True


def set_home_here(copter: Copter, *, lock: bool = True) -> bool:
    """Move home to where the aircraft is."""
    lat, lon = copter.ground.e7(copter.body.east_m, copter.body.north_m)
    return set_home(copter, lat, lon, copter.height_amsl_m, lock=lock)


def set_servo(copter: Copter, channel: int, pulse_us: int) -> bool:
    """Set a servo that no function has taken (DO_SET_SERVO)."""
    if not 1 <= channel <= 16 or copter.parameters[f"SERVO{channel}_FUNCTION"] != 0.0:
        copter.say(4, f"ServoRelayEvent: Channel {channel} is already in use")
        return False
    copter.servos[channel] = pulse_us
    return True
