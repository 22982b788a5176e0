"""The point of return while an aircraft flies: what it means that somebody moved it. Pure.

Any ground station on the link may move it, by one touch of its map, and the aircraft says nothing
but the new place. Return, every failsafe and the return at the end of a plan then lead there, and
heights above home are counted from there. agri does not put it back: whoever moved it may have had
a reason, such as people on the pad. It judges:

* **Moved** by more than `HOME_LIMIT_M`: said at once with distance and bearing, and again whenever
  it moves on; when it lies outside the plan's own fence that is said instead, since a return would
  break the fence. The plan goes on: its lines do not depend on home.
* **At the plan's own way home**, if that is RETURN_TO_LAUNCH: hold, once. The aircraft would land
  where nobody looked. A person puts home back, or lands it by hand. Gone on with, it is let go.
* **Coming home by itself** (a failsafe, a pilot's switch): said, and not fought.
* **Another height** by more than `HEIGHT_M` since the take-off: every height of the plan is off by
  that much, so sprayer off and hold.
* **Back** where it was: said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import shapely

from agri.geo import LocalFrame, LonLat, distance_m
from agri.words import Message
from missions.flightplan import FlightPlan
from missions.items import Command
from missions.preflight.safeguards import HOME_LIMIT_M
from missions.wire.telemetry import CopterMode, Telemetry

HEIGHT_M = 2.0
HOMEWARD = frozenset({CopterMode.RTL, CopterMode.SMART_RTL, CopterMode.AUTO_RTL})

HomeWish = Message | Literal["spray_off", "hold"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeWatched:
    """What is remembered of the point of return.

    Parameters
    ----------
    amsl_m : float
        Its height above the sea at the take-off; NaN before.
    told : LonLat or None
        The place last said to be wrong; None when none is.
    going : bool
        Whether it was said that the aircraft goes there now.
    held : bool
        Whether the aircraft was held before its way home.
    high : bool
        Whether its height was said to be wrong.
    """

    amsl_m: float = math.nan
    told: LonLat | None = None
    going: bool = False
    held: bool = False
    high: bool = False


Judged = tuple[HomeWatched, list[HomeWish]]


def judge_home(plan: FlightPlan, before: HomeWatched, seen: Telemetry, *, flies: bool) -> Judged:
    """Judge the point of return at one moment.

    Parameters
    ----------
    plan : FlightPlan
        What is flown.
    before : HomeWatched
        What is remembered so far.
    seen : Telemetry
        The aircraft now.
    flies : bool
        Whether it has left the ground.

    Returns
    -------
    after : HomeWatched
        What is remembered then.
    wishes : list of Message, "spray_off" or "hold"
        What to write down and what to order, in order.
    """
    if seen.home is None or not seen.armed:
        return before, []
    after, wishes = _place(plan, before, seen, seen.home)
    if not flies:
        return after, wishes
    after, more = _height(after, seen)
    return after, [*wishes, *more]


def _place(plan: FlightPlan, before: HomeWatched, seen: Telemetry, home: LonLat) -> Judged:
    apart_m = distance_m(plan.home, home)
    if apart_m <= HOME_LIMIT_M:
        said = [] if before.told is None else [Message.of("event.home_back")]
        return replace(before, told=None, going=False), list[HomeWish](said)
    wishes: list[HomeWish] = []
    if before.told is None or distance_m(before.told, home) > HOME_LIMIT_M:
        before = replace(before, told=home, going=False, held=False)
        key = "event.home_moved" if _within(plan, home) else "event.home_moved_outside"
        bearing_deg = _bearing_deg(plan.home, home)
        wishes.append(Message.of(key, distance_m=apart_m, bearing_deg=bearing_deg))
    after, more = _on_its_way(plan, before, seen, apart_m)
    return after, [*wishes, *more]


def _on_its_way(plan: FlightPlan, after: HomeWatched, seen: Telemetry, apart_m: float) -> Judged:
    if seen.mode == CopterMode.AUTO and not after.held and _returns(plan, seen):
        held = replace(after, held=True)
        return held, [Message.of("event.home_held", distance_m=apart_m), "spray_off", "hold"]
    if seen.mode in HOMEWARD and not after.going:
        return replace(after, going=True), [Message.of("event.home_going", distance_m=apart_m)]
    return after, []


def _returns(plan: FlightPlan, seen: Telemetry) -> bool:
    """Return whether the item flown to is a return to wherever home is."""
    number = seen.mission_current
    inside = 1 <= number <= len(plan.items)
    return inside and plan.items[number - 1].command == Command.NAV_RETURN_TO_LAUNCH


def _height(before: HomeWatched, seen: Telemetry) -> Judged:
    if math.isnan(before.amsl_m) or math.isnan(seen.home_amsl_m):
        return replace(before, amsl_m=seen.home_amsl_m), []
    off_m = seen.home_amsl_m - before.amsl_m
    if abs(off_m) <= HEIGHT_M:
        return replace(before, high=False), []
    if before.high or seen.mode != CopterMode.AUTO:
        return before, []
    said = Message.of("event.home_height", off_m=abs(off_m))
    return replace(before, high=True), [said, "spray_off", "hold"]


def _within(plan: FlightPlan, home: LonLat) -> bool:
    """Return whether a place lies in every polygon of the fence that is to be stayed in."""
    frame = LocalFrame(plan.home)
    rings = [
        shapely.Polygon([frame.to_local(corner.lon_deg, corner.lat_deg) for corner in one.vertices])
        for one in plan.fence_polygons
        if one.inclusion
    ]
    east_m, north_m = frame.to_local(home.lon_deg, home.lat_deg)
    return all(shapely.intersects_xy(ring, float(east_m), float(north_m)) for ring in rings)


def _bearing_deg(start: LonLat, end: LonLat) -> float:
    east_m, north_m = LocalFrame(start).to_local(end.lon_deg, end.lat_deg)
    return math.degrees(math.atan2(float(east_m), float(north_m))) % 360.0
