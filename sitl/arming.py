"""Why the aircraft cannot be armed, in ArduCopter's own words.

The checks run once a second while disarmed (SYS_STATUS shows the outcome) and at every attempt
to arm. What they say is what ArduCopter 4.6-dev says; the list is the part that a simulated
aircraft can fail. ARMING_CHECK 0 leaves only the checks that cannot be skipped, forcing (the magic
number 21196) leaves none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sitl.fence import ALT_MAX, CIRCLE, POLYGON
from sitl.modes import ARMABLE, NEEDS_POSITION, Mode

if TYPE_CHECKING:
    from sitl.copter import Copter

REMIND_S = 30.0
ALLOW_ARMING_IN_AUTO = 1
TERRAIN_FRAME = 10


def reasons(copter: Copter) -> list[str]:
    """Return everything the pre-arm checks find wrong now."""
    found = list(_mandatory(copter))
    if copter.parameters["ARMING_CHECK"] != 0.0:
        found += _parameters(copter)
        found += _radio_and_ground(copter)
        found += _battery(copter)
        found += _fence(copter)
        found += _mission(copter)
    return found


def mode_reason(copter: Copter) -> str | None:
    """Return why the present mode cannot be armed in, None when it can."""
    allowed = copter.mode in ARMABLE
    if copter.mode is Mode.AUTO:
        allowed = bool(int(copter.parameters["AUTO_OPTIONS"]) & ALLOW_ARMING_IN_AUTO)
    return None if allowed else f"{copter.mode.name} mode not armable"


def refuse(copter: Copter) -> bool:
    """Say why the aircraft cannot be armed; return whether it cannot."""
    found = reasons(copter)
    mode_found = mode_reason(copter)
    if mode_found and not found:
        found = [mode_found]
    for reason in found:
        copter.say(2, f"Arm: {reason}")
    return bool(found)


class PreArm:
    """The checks that run once a second while disarmed.

    Attributes
    ----------
    good : bool
        Whether the last of them found nothing wrong.
    """

    def __init__(self) -> None:
        self.good = False
        self._reminded_s = 0.0

    def look(self, copter: Copter) -> None:
        """Check, and say what is wrong when it is news or half a minute old."""
        found = reasons(copter)
        news = bool(found) and self.good
        self.good = not found
        if found and (news or copter.now_s - self._reminded_s >= REMIND_S):
            self._reminded_s = copter.now_s
            for reason in found:
                copter.say(2, f"PreArm: {reason}")


def needs_terrain(copter: Copter) -> bool:
    """Return whether the mission holds heights above terrain."""
    return any(item.frame == TERRAIN_FRAME for item in copter.mission_plan.items)


def _mandatory(copter: Copter) -> Iterator[str]:
    ready = copter.ready
    if not ready.ahrs_ready and copter.parameters["ARMING_CHECK"] != 0.0:
        yield "Accels inconsistent"
    if not ready.ekf_started:
        yield "AHRS: not using configured AHRS type"
    fence_needs = bool(copter.fence.enabled & (CIRCLE | POLYGON))
    if copter.mode in NEEDS_POSITION:
        if not ready.has_origin:
            yield "AHRS: waiting for home"
        elif not ready.position_good:
            yield "GPS 1: Bad fix" if not ready.gps_fix else "Need Position Estimate"
    elif fence_needs and not ready.position_good:
        yield "Fence enabled, need position estimate"


def _parameters(copter: Copter) -> Iterator[str]:
    p = copter.parameters
    low = p["FS_THR_VALUE"]
    if p["FS_THR_ENABLE"] != 0.0 and (p["RC3_MIN"] <= low + 10.0 or low < 910.0):
        yield "Check FS_THR_VALUE"
    if p["FS_GCS_ENABLE"] == 2.0:
        yield "FS_GCS_ENABLE=2 removed, see FS_OPTIONS"
    if not 1000.0 <= p["ANGLE_MAX"] <= 8000.0:
        yield "Check ANGLE_MAX"
    if p["PILOT_SPEED_UP"] <= 0.0:
        yield "Check PILOT_SPEED_UP"


def _radio_and_ground(copter: Copter) -> Iterator[str]:
    if copter.failsafes.gcs:
        yield "GCS failsafe on"
    if copter.failsafes.radio:
        yield "Radio failsafe on"


def _battery(copter: Copter) -> Iterator[str]:
    p, battery = copter.parameters, copter.battery
    if p["BATT_MONITOR"] == 0.0:
        return
    if copter.failsafes.battery:
        yield "Battery failsafe"
    if battery.volts < p["BATT_ARM_VOLT"]:
        yield "Battery 1 below minimum arming voltage"
    elif p["BATT_CAPACITY"] - battery.used_mah < p["BATT_ARM_MAH"]:
        yield "Battery 1 below minimum arming capacity"
    if 0.0 < p["BATT_LOW_VOLT"] <= p["BATT_CRT_VOLT"]:
        yield "Battery 1 voltage failsafe critical >= low"


def _fence(copter: Copter) -> Iterator[str]:
    p, fence = copter.parameters, copter.fence
    if p["FENCE_ENABLE"] == 0.0:
        return
    if fence.enabled == 0:
        yield "Fences enabled, but none selected"
        return
    if not copter.ready.position_good:
        return
    body = copter.body
    off_m = math.dist((body.east_m, body.north_m), copter.home_place())
    outside = fence.enabled & POLYGON and fence.worst_m(body.east_m, body.north_m) >= 0.0
    outside = outside or (fence.enabled & CIRCLE and off_m >= p["FENCE_RADIUS"])
    outside = outside or (
        fence.enabled & ALT_MAX and copter.height_above_home_m >= p["FENCE_ALT_MAX"]
    )
    if outside:
        yield "vehicle outside fence"


def _mission(copter: Copter) -> Iterator[str]:
    items = copter.mission_plan.items
    if copter.mode is Mode.AUTO and len(items) <= 1:
        yield "Mode requires mission"
    terrain = needs_terrain(copter)
    if terrain and copter.parameters["TERRAIN_ENABLE"] == 0.0:
        yield "terrain disabled"
    elif terrain and not copter.terrain_known:
        yield "waiting for terrain data"
