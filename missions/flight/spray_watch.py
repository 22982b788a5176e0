"""The guard over a sprayer in flight: when the pump must be off, and what says so. Pure.

ArduPilot's sprayer is switched by orders alone: it stays on through a return, a failsafe, a
landing and a disarm. A small script on board is quicker than any radio; this is the second line,
and the only one where no script runs. Only plans that spray are guarded. What is watched is the
pump's own output (`Telemetry.pump_share`), not what was ordered:

* **Outside** what may be sprayed, with the pump on for longer than `OUTSIDE_S`: off. The second is
  what lead and lag at a swath's ends may take.
* **Out of AUTO**: off at once, whether the pump turns or not, since an aircraft that brakes stands
  with a still pump and sprays again on its way home. An output that is not told counts as on.
* **Position or estimate bad** with the pump on: off.
* **More put out than the tank holds**, by the pump's curve: the pump runs dry; off, and stop.
* **A person wants it off**: off, and off again whenever a pass of the plan switches it on.
* **At the end** off once more: the flag would live on into the next flight.

An off that did not help is ordered again every `AGAIN_S`; after `TRIES` of them, outside in AUTO,
the aircraft is stopped, for ArduPilot's pump rests below its least speed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import shapely

from agri.words import Message
from missions.flightplan import FlightPlan
from missions.sprayer.dose import pump_flows_l_min
from missions.sprayer.job import SprayJob
from missions.wire.telemetry import CopterMode, Telemetry, mode_name

ON_SHARE = 0.01
"""An output above this is a pump that turns; a servo's pulse is told to 1/800 of its range."""
OUTSIDE_S = 1.0
AGAIN_S = 1.0
TRIES = 3
LONGEST_STEP_S = 1.0
"""Over a longer silence nothing is added to the litres: what the pump did is not known."""

BAD_POSITION = Message.of("event.sprayer_off_position")
SprayWish = Message | Literal["spray_off", "hold"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SprayWatched:
    """What is remembered of the sprayer.

    Parameters
    ----------
    in_auto : bool
        Whether the plan was flown when last seen.
    outside_s : float or None
        The aircraft's clock since when the pump has been on outside what may be sprayed.
    off_s : float
        The aircraft's clock when off was last asked for.
    tries : int
        How often it was, for the same trouble.
    litres : float
        Put out so far, by the pump's curve.
    seen_s : float
        The aircraft's clock when last seen.
    dry : bool
        Whether the empty tank was told.
    no_more : bool
        Whether a person wants it off to the end of the flight.
    """

    in_auto: bool = True
    outside_s: float | None = None
    off_s: float = -math.inf
    tries: int = 0
    litres: float = 0.0
    seen_s: float = -math.inf
    dry: bool = False
    no_more: bool = False


Guarded = tuple[SprayWatched, list[SprayWish]]


def guard(plan: FlightPlan, before: SprayWatched, seen: Telemetry) -> Guarded:
    """Judge the sprayer at one moment of a flight.

    Parameters
    ----------
    plan : FlightPlan
        What is flown.
    before : SprayWatched
        What is remembered so far.
    seen : Telemetry
        The aircraft now.

    Returns
    -------
    after : SprayWatched
        What is remembered then.
    wishes : list of Message, "spray_off" or "hold"
        What to write down and what to order, in order.
    """
    if plan.spray is None or not seen.armed:
        return before, []
    after = _counted(plan.spray, before, seen)
    if seen.mode != CopterMode.AUTO:
        return _out_of_auto(after, seen)
    after = replace(after, in_auto=True)
    if not seen.pump_share > ON_SHARE:
        return replace(after, outside_s=None, tries=0), []
    if after.no_more or seen.fix_type < 3 or not seen.ekf_ok:
        return _off(after, seen, *(() if after.no_more else (BAD_POSITION,)))
    if after.litres > plan.spray.settings.sprayer.usable_l and not after.dry:
        said = Message.of("event.tank_empty", litres=after.litres)
        return replace(after, dry=True, off_s=seen.time_s), [said, "spray_off", "hold"]
    return _where(plan.spray, after, seen)


def at_end(plan: FlightPlan) -> list[SprayWish]:
    """Return what a flight that is over still wants: the sprayer's flag taken back."""
    return [] if plan.spray is None else ["spray_off"]


def _counted(job: SprayJob, before: SprayWatched, seen: Telemetry) -> SprayWatched:
    step_s = seen.time_s - before.seen_s
    flow_l_min = float(pump_flows_l_min(job.settings.sprayer, seen.pump_share))
    known = 0.0 < step_s <= LONGEST_STEP_S and not math.isnan(flow_l_min)
    more_l = flow_l_min * step_s / 60.0 if known else 0.0
    return replace(before, seen_s=seen.time_s, litres=before.litres + more_l)


def _out_of_auto(after: SprayWatched, seen: Telemetry) -> Guarded:
    left = after.in_auto
    after = replace(after, in_auto=False, outside_s=None)
    on = seen.pump_share > ON_SHARE
    told: list[SprayWish] = [Message.of("event.sprayer_off_mode", mode=mode_name(seen.mode))]
    if left:
        after = replace(after, off_s=seen.time_s, tries=1 if on else 0)
        return after, [*(told if on else []), "spray_off"]
    if not on:
        return replace(after, tries=0), []
    return _off(after, seen, told[0])


def _where(job: SprayJob, after: SprayWatched, seen: Telemetry) -> Guarded:
    place = seen.place
    if place is None or shapely.intersects_xy(job.treatable, place.lon_deg, place.lat_deg):
        return replace(after, outside_s=None, tries=0), []
    since_s = seen.time_s if after.outside_s is None else after.outside_s
    after = replace(after, outside_s=since_s)
    if seen.time_s - since_s <= OUTSIDE_S:
        return after, []
    stays = after.tries == TRIES and seen.time_s - after.off_s >= AGAIN_S
    after, wishes = _off(after, seen, Message.of("event.sprayer_off_outside"))
    return after, [*wishes, Message.of("event.sprayer_stays_on"), "hold"] if stays else wishes


def _off(after: SprayWatched, seen: Telemetry, *said: SprayWish) -> Guarded:
    """Ask for off, and again while it does not help; say why the first time."""
    if after.tries and seen.time_s - after.off_s < AGAIN_S:
        return after, []
    wishes: list[SprayWish] = [*(said if after.tries == 0 else ()), "spray_off"]
    return replace(after, off_s=seen.time_s, tries=after.tries + 1), wishes
