"""Commands (COMMAND_LONG, COMMAND_INT) and what ArduCopter answers to each.

`obey` looks a command up in one table and returns its MAV_RESULT. An unknown command is
UNSUPPORTED. What is told here of results was tried on ArduCopter 4.6-dev: a command that the state
of the vehicle forbids is FAILED, wrong values are DENIED, a sprayer that is not fitted is ACCEPTED.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sitl import arming, orders, returning
from sitl.modes import Mode

if TYPE_CHECKING:
    from sitl.autopilot import Autopilot
    from sitl.item_messages import Sender

ACCEPTED, REJECTED, DENIED, UNSUPPORTED, FAILED = 0, 1, 2, 3, 4
FORCE = 21196.0
CUSTOM_MODE_FLAG = 1
WITH_PLACE = frozenset({16, 17, 21, 22, 179, 192, 195, 201})
"""Commands whose fifth and sixth parameter are degrees in COMMAND_LONG."""
ALTITUDE_FRAMES = {0: 0, 5: 0, 3: 3, 6: 3, 10: 10, 11: 10}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One command as received.

    Parameters
    ----------
    command : int
        MAV_CMD.
    p : tuple of four float
        param1 to param4.
    x, y : int
        Degrees × 10⁷, or the fifth and sixth parameter.
    z : float
        Seventh parameter.
    frame : int
        MAV_FRAME; COMMAND_LONG counts as relative to home.
    whole : bool
        Whether it came as COMMAND_INT.
    sender : Sender
        Who asked.
    """

    command: int
    p: tuple[float, float, float, float]
    x: int
    y: int
    z: float
    frame: int
    whole: bool
    sender: Sender


def integer(value: float) -> int:
    """Return a float as C would cut it, 0 for what is no number.

    Examples
    --------
    >>> integer(2.9), integer(float("nan")), integer(1e300)
    (2, 0, 2147483647)
    """
    if math.isnan(value):
        return 0
    return int(max(-2147483648.0, min(2147483647.0, value)))


def obey(vehicle: Autopilot, call: Call) -> int:
    """Carry out a command; return its MAV_RESULT."""
    handler = _HANDLERS.get(call.command)
    return UNSUPPORTED if handler is None else handler(vehicle, call)


def _done(worked: bool) -> int:
    return ACCEPTED if worked else FAILED


def _arm(vehicle: Autopilot, call: Call) -> int:
    copter, forced = vehicle.copter, call.p[1] == FORCE
    if call.p[0] == 1.0:
        return _done(copter.arm(force=forced))
    if call.p[0] == 0.0:
        return _done(copter.disarm(gently=not forced))
    return UNSUPPORTED


def _mode(vehicle: Autopilot, call: Call) -> int:
    if not integer(call.p[0]) & CUSTOM_MODE_FLAG:
        return DENIED
    return _done(vehicle.copter.set_mode(integer(call.p[1])))


def _into(mode: Mode) -> Callable[[Autopilot, Call], int]:
    return lambda vehicle, _: _done(vehicle.copter.set_mode(mode))


def _start_mission(vehicle: Autopilot, _: Call) -> int:
    return _done(orders.start_mission(vehicle.copter))


def _take_off(vehicle: Autopilot, call: Call) -> int:
    if call.whole and call.frame not in (3, 6):
        return DENIED
    if not math.isfinite(call.z):
        return FAILED
    return _done(orders.take_off(vehicle.copter, call.z))


def _pause(vehicle: Autopilot, call: Call) -> int:
    wanted = integer(call.p[0])
    if wanted not in (0, 1):
        return DENIED
    worked = orders.pause(vehicle.copter, go_on=wanted == 1)
    if not worked:
        vehicle.copter.say(6, "Failed to resume" if wanted else "Failed to pause")
    return _done(worked)


def _spray(vehicle: Autopilot, call: Call) -> int:
    if call.p[0] in (0.0, 1.0):
        vehicle.copter.sprayer.order(call.p[0] == 1.0)
    return ACCEPTED


def _set_home(vehicle: Autopilot, call: Call) -> int:
    copter = vehicle.copter
    if call.p[0] == 1.0:
        return _done(orders.set_home_here(copter))
    if (call.x == 0 and call.y == 0) or not math.isfinite(call.z):
        return FAILED
    frame = ALTITUDE_FRAMES.get(call.frame if call.whole else 0)
    if frame is None or abs(call.x) > 900_000_000 or abs(call.y) > 1_800_000_000:
        return DENIED
    return _done(orders.set_home(copter, call.x, call.y, copter.amsl_of(frame, call.z)))


def _speed(vehicle: Autopilot, call: Call) -> int:
    kind = 0.0 if math.isnan(call.p[0]) else call.p[0]
    return _done(orders.change_speed(vehicle.copter, integer(kind), call.p[1]))


def _set_current(vehicle: Autopilot, call: Call) -> int:
    mission = vehicle.copter.mission
    seq = integer(call.p[0])
    if not 0 <= seq < mission.count:
        return DENIED
    if call.p[1] == 1.0:
        mission.reset()
    return _done(mission.set_current(seq))


def _interval(vehicle: Autopilot, call: Call) -> int:
    message_id, interval_us = integer(call.p[0]), call.p[1]
    if math.isnan(interval_us) or not vehicle.set_interval(call.sender, message_id, interval_us):
        return FAILED
    return ACCEPTED


def _get_interval(vehicle: Autopilot, call: Call) -> int:
    return _done(vehicle.send_interval(call.sender, integer(call.p[0])))


def _request(vehicle: Autopilot, call: Call) -> int:
    return _done(vehicle.send_once(call.sender, integer(call.p[0])))


def _capabilities(vehicle: Autopilot, call: Call) -> int:
    return _done(call.p[0] == 1.0 and vehicle.send_once(call.sender, 148))


def _get_home(vehicle: Autopilot, call: Call) -> int:
    return _done(vehicle.copter.home is not None and vehicle.send_once(call.sender, 242))


def _reposition(vehicle: Autopilot, call: Call) -> int:
    if not call.whole:
        return UNSUPPORTED
    copter = vehicle.copter
    frame = ALTITUDE_FRAMES.get(call.frame)
    sane = abs(call.x) <= 900_000_000 and abs(call.y) <= 1_800_000_000 and math.isfinite(call.z)
    if frame is None or not sane:
        return DENIED
    if copter.mode is not Mode.GUIDED:
        if not integer(call.p[1]) & 1:
            return DENIED
        if not copter.set_mode(Mode.GUIDED):
            return FAILED
    east_m, north_m = copter.ground.metres(call.x, call.y)
    return _done(orders.go_to(copter, (east_m, north_m, copter.up_of(frame, call.z))))


def _check(vehicle: Autopilot, _: Call) -> int:
    copter = vehicle.copter
    if copter.armed:
        return REJECTED
    for reason in arming.reasons(copter):
        copter.say(2, f"PreArm: {reason}")
    return ACCEPTED


def _trigger(vehicle: Autopilot, call: Call) -> int:
    spacing_m = call.p[0] if math.isfinite(call.p[0]) else 0.0
    vehicle.copter.camera.trigger_every(spacing_m, now=call.p[2] == 1.0)
    return ACCEPTED


def _shoot(vehicle: Autopilot, call: Call) -> int:
    if call.x == 1:
        vehicle.copter.camera.shoot()
    return ACCEPTED


def _shoot_by_time(vehicle: Autopilot, call: Call) -> int:
    if not math.isfinite(call.p[1]):
        return DENIED
    return _done(vehicle.copter.camera.trigger_by_time(call.p[1], integer(call.p[2])))


def _stop_shooting(vehicle: Autopilot, _: Call) -> int:
    return _done(vehicle.copter.camera.stop())


def _turn(vehicle: Autopilot, call: Call) -> int:
    if not (math.isfinite(call.p[0]) and 0.0 <= call.p[0] <= 360.0):
        return FAILED
    orders.turn_to(vehicle.copter, call.p[0], call.p[2], call.p[3] == 1.0)
    return ACCEPTED


def _servo(vehicle: Autopilot, call: Call) -> int:
    pulse = max(0, min(65535, integer(call.p[1])))
    return _done(orders.set_servo(vehicle.copter, integer(call.p[0]), pulse))


def _fence(vehicle: Autopilot, call: Call) -> int:
    wanted = integer(call.p[0])
    if wanted not in (0, 1):
        return FAILED
    return _done(vehicle.copter.parameters.set("FENCE_ENABLE", float(wanted)))


def _land_start(vehicle: Autopilot, _: Call) -> int:
    return _done(returning.auto_return(vehicle.copter))


def _reboot(vehicle: Autopilot, call: Call) -> int:
    if vehicle.copter.armed:
        return FAILED
    if call.p[0] not in (1.0, 3.0):
        return UNSUPPORTED
    vehicle.reboot()
    return ACCEPTED


def _terminate(vehicle: Autopilot, call: Call) -> int:
    return _done(call.p[0] > 0.5 and vehicle.copter.disarm())


def _accept(*_: object) -> int:
    return ACCEPTED


_HANDLERS: dict[int, Callable[[Autopilot, Call], int]] = {
    17: _into(Mode.LOITER),
    20: _into(Mode.RTL),
    21: _into(Mode.LAND),
    22: _take_off,
    115: _turn,
    176: _mode,
    178: _speed,
    179: _set_home,
    181: _accept,
    183: _servo,
    185: _terminate,
    188: _land_start,
    189: _land_start,
    192: _reposition,
    193: _pause,
    203: _shoot,
    206: _trigger,
    207: _fence,
    216: _spray,
    224: _set_current,
    246: _reboot,
    300: _start_mission,
    400: _arm,
    401: _check,
    410: _get_home,
    510: _get_interval,
    511: _interval,
    512: _request,
    520: _capabilities,
    2000: _shoot_by_time,
    2001: _stop_shooting,
}
