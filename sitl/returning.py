"""Where a return goes and how high, and the return that the mission itself contains.

RTL goes to the nearest of the rally points and home (rally points farther than RALLY_LIMIT_KM do
not count), at no less than RTL_ALT, the rally point's own height, or the present one; less close
to the goal (RTL_CONE_SLOPE), and below the fence's ceiling. AUTO_RTL is AUTO from the nearest
DO_LAND_START (or the first DO_RETURN_PATH_START, where the real one looks for the nearest leg of
that path) on.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sitl.fence import ALT_MAX
from sitl.mission_run import DO_LAND_START, DO_RETURN_PATH_START, State
from sitl.modes import Mode

if TYPE_CHECKING:
    from sitl.copter import Copter

LEAST_M = 0.3
SHALLOWEST_SLOPE = 0.5


def goal(copter: Copter) -> tuple[float, float, float]:
    """Return where a return would go: metres east, north, and height above home."""
    body, p = copter.body, copter.parameters
    here = (body.east_m, body.north_m)
    home = copter.home_place()
    home_amsl_m = copter.home[2] if copter.home else copter.field_elevation_m
    best: tuple[float, float, float, float] | None = None
    for item in copter.rally_plan.items:
        east_m, north_m = copter.ground.metres(item.x, item.y)
        away_m = math.dist(here, (east_m, north_m))
        if best is None or away_m < best[0]:
            best = (away_m, east_m, north_m, copter.amsl_of(item.frame, item.z) - home_amsl_m)
    limit_m = p["RALLY_LIMIT_KM"] * 1000.0
    if best is None or 0.0 < limit_m < best[0]:
        return *home, 0.0
    if p["RALLY_INCL_HOME"] != 0.0 and math.dist(here, home) <= best[0]:
        return *home, 0.0
    return best[1:]


def height_m(copter: Copter, away_m: float, goal_height_m: float) -> float:
    """Return the height above home at which to return over `away_m` metres."""
    p = copter.parameters
    now_m = copter.height_above_home_m
    least_m = max(LEAST_M, now_m + max(0.0, p["RTL_CLIMB_MIN"] / 100.0))
    wanted_m = max(0.0, goal_height_m, p["RTL_ALT"] / 100.0, least_m)
    slope = p["RTL_CONE_SLOPE"]
    if slope >= SHALLOWEST_SLOPE:
        wanted_m = min(wanted_m, max(away_m * slope, least_m))
    if copter.fence.enabled & ALT_MAX:
        wanted_m = min(wanted_m, p["FENCE_ALT_MAX"] - p["FENCE_MARGIN"])
    return max(wanted_m, now_m)


def begin(copter: Copter) -> None:
    """Start a return."""
    east_m, north_m, goal_height_m = goal(copter)
    body = copter.body
    away_m = math.dist((body.east_m, body.north_m), (east_m, north_m))
    up_m = copter.up_of(3, height_m(copter, away_m, goal_height_m))
    copter.pilot.return_to(
        east_m, north_m, up_m, max(0.0, copter.parameters["RTL_ALT_FINAL"] / 100.0)
    )


def landing_sequence(copter: Copter) -> int | None:
    """Return the item a return by mission begins with, None without one."""
    body = copter.body
    nearest: tuple[float, int] | None = None
    for seq, item in enumerate(copter.mission_plan.items):
        if seq == 0:
            continue
        if item.command == DO_RETURN_PATH_START:
            return seq
        if item.command == DO_LAND_START:
            place = copter.ground.metres(item.x, item.y) if item.x or item.y else (0.0, 0.0)
            away_m = math.dist(place, (body.east_m, body.north_m))
            nearest = min(nearest or (math.inf, 0), (away_m, seq))
    return nearest[1] if nearest else None


def auto_return(copter: Copter) -> bool:
    """Enter AUTO at the landing sequence; return whether there is one and it could be entered."""
    seq = landing_sequence(copter)
    if seq is None or not copter.mission.set_current(seq):
        copter.say(4, "Unable to start landing sequence")
        copter.say(4, "Mode change to AUTO RTL failed: No return path or landing sequence found")
        return False
    if copter.mission.state is State.STOPPED:
        copter.mission.resume()
    copter.say(6, "Landing sequence start")
    if copter.mode is not Mode.AUTO and not copter.set_mode(Mode.AUTO):
        return False
    copter.auto_rtl = copter.mode_changed = True
    return True
