"""What can be read off the vehicle: the values that its telemetry is filled with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sitl.fence import ALT_MAX, ALT_MIN
from sitl.mission_run import State
from sitl.modes import AUTOPILOT_MODES, Mode
from sitl.motions import Task
from sitl.payload import servo_outputs
from sitl.vehicle import GRAVITY_M_S2

if TYPE_CHECKING:
    from sitl.copter import Copter

STANDBY, ACTIVE, CRITICAL = 3, 4, 5
NO_MISSION, NOT_STARTED, RUNNING, PAUSED, COMPLETE = 1, 2, 3, 4, 5
MOTOR_OUTPUTS = {33: 0, 34: 1, 35: 2, 36: 3}


def lean(copter: Copter) -> tuple[float, float]:
    """Return roll and pitch, radians, as the thrust leans now."""
    body = copter.body
    sin, cos = math.sin(body.yaw_rad), math.cos(body.yaw_rad)
    ahead = body.a_north * cos + body.a_east * sin
    right = body.a_east * cos - body.a_north * sin
    return math.atan2(right, GRAVITY_M_S2), -math.atan2(ahead, GRAVITY_M_S2)


def throttle(copter: Copter) -> float:
    """Return the throttle, 0 to 1."""
    if not copter.armed or copter.landed or not copter.pilot.lifting:
        return 0.0
    lift = 1.0 + copter.body.a_up / GRAVITY_M_S2
    return max(0.0, min(1.0, copter.parameters["MOT_THST_HOVER"] * lift))


def custom_mode(copter: Copter) -> int:
    """Return HEARTBEAT's custom_mode: AUTO on its way home is shown as AUTO_RTL."""
    return int(Mode.AUTO_RTL if copter.auto_rtl else copter.mode)


def base_mode(copter: Copter) -> int:
    """Return HEARTBEAT's base_mode."""
    guided = 8 if copter.mode in AUTOPILOT_MODES else 0
    return 81 | guided | (128 if copter.armed else 0)


def system_status(copter: Copter) -> int:
    """Return HEARTBEAT's MAV_STATE."""
    if copter.failsafes.any_on:
        return CRITICAL
    if copter.landed and copter.ready.initialised:
        return STANDBY
    return ACTIVE


def mission_state(copter: Copter) -> int:
    """Return MISSION_CURRENT's mission_state."""
    if len(copter.mission_plan.items) < 2:
        return NO_MISSION
    if copter.mission.state is State.COMPLETE:
        return COMPLETE
    if copter.mission.state is State.STOPPED:
        return NOT_STARTED
    return PAUSED if copter.pilot.legs.paused else RUNNING


def to_target(copter: Copter) -> tuple[float, float]:
    """Return bearing (degrees) and distance (metres) to what it flies to."""
    end = copter.pilot.legs.destination
    if end is None or copter.pilot.task not in (Task.LEGS, Task.RETURN):
        return 0.0, 0.0
    east, north = end[0] - copter.body.east_m, end[1] - copter.body.north_m
    return math.degrees(math.atan2(east, north)) % 360.0, math.hypot(east, north)


def fence_report(copter: Copter) -> tuple[int, int, int, int]:
    """Return FENCE_STATUS: broken now, times, what was broken, when (ms since boot)."""
    fence = copter.fence
    kind = 0
    if fence.breaches:
        kind = 1 if fence.breaches & ALT_MIN else 2 if fence.breaches & ALT_MAX else 3
    return int(fence.breaches != 0), fence.count & 0xFFFF, kind, int(fence.broken_s * 1000.0)


def servos(copter: Copter) -> list[int]:
    """Return the sixteen servo outputs, microseconds."""
    return servo_outputs(
        copter.parameters,
        copter.sprayer,
        copter.camera,
        motors=throttle(copter) if copter.armed else None,
        ordered=copter.servos,
        now_s=copter.now_s,
    )
