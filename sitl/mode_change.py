"""Changing the flight mode: what is refused, and what the aircraft then begins to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sitl import returning
from sitl.modes import FLOWN, NEEDS_POSITION, PILOT_THROTTLE, Mode, known

if TYPE_CHECKING:
    from sitl.copter import Copter


def change(copter: Copter, number: int, pause_s: float) -> bool:
    """Change the flight mode; return whether that was possible.

    Disarmed, every mode that can be flown may be chosen: arming is what is refused. Armed, a mode
    that needs a position must have one, and AUTO a mission that begins with a take-off if the
    aircraft stands on the ground.
    """
    mode = known(number)
    present = Mode.AUTO_RTL if copter.auto_rtl else copter.mode
    if mode is present:
        return True
    if mode is Mode.AUTO_RTL:
        return returning.auto_return(copter)
    if mode is None:
        copter.say(4, f"No such mode {number}")
        return False
    reason = _refusal(copter, mode)
    if reason is not None:
        copter.say(4, f"Mode change to {mode.name} failed: {reason}")
        return False
    if copter.mode is Mode.AUTO and mode is not Mode.AUTO:
        copter.mission.stop()
    copter.mode, copter.auto_rtl, copter.mode_changed = mode, False, True
    copter.pilot.forget_speeds()
    copter.fence.recover(copter.now_s)
    _enter(copter, mode, pause_s)
    return True


def _refusal(copter: Copter, mode: Mode) -> str | None:
    if mode not in FLOWN:
        return "init failed"
    if not copter.armed:
        return None
    if mode in NEEDS_POSITION and not copter.ready.position_good:
        return "requires position"
    if mode is Mode.AUTO and len(copter.mission_plan.items) <= 1:
        return "init failed"
    if mode is Mode.AUTO and copter.landed and not copter.mission.begins_with_takeoff():
        copter.say(2, "Auto: Missing Takeoff Cmd")
        return "init failed"
    return None


def _enter(copter: Copter, mode: Mode, pause_s: float) -> None:
    pilot = copter.pilot
    copter.forget_take_off()
    if mode is Mode.AUTO:
        copter.auto.wait_to_start()
    if not copter.armed:
        return
    if copter.landed:
        pilot.rest()
    if mode in PILOT_THROTTLE:
        pilot.fly_by_throttle(drop=mode is Mode.STABILIZE)
    elif copter.landed:
        return
    elif mode is Mode.RTL:
        returning.begin(copter)
    elif mode is Mode.LAND:
        pilot.land(pause_s)
    else:
        pilot.hold(hard=mode is Mode.BRAKE)
