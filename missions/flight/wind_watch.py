"""The wind over a spraying: when it stops the work, and what may be said of going on. Pure.

What is judged is the wind by the aircraft's lean (`missions.flight.lean_wind`), and until that is
known the one its autopilot estimates (`Telemetry.wind_m_s`), which is slow and may stay where it is
after a large step. Either is a running mean over some seconds: a gust hardly moves it, and one
figure is never enough here:

* **Over the limit** for `OVER_S`: sprayer off and hold. Time under it is taken off again at half
  the pace, so that a wind that sways about the limit is not forgiven at each sway, and single gusts
  far apart do not add up. From a wind good to start in, no gust of 3 s up to 7 m/s stops a flight.
* **The limit** is the least of three: agri's own for spraying (`missions.drift.limits`), the
  aircraft's, and the wind up to which the buffers of this plan reach.
* **Turned** out of the swing that the plan's buffers allow for, for `TURNED_S`, and strong enough
  for a direction to mean something: the same. What lies downwind now has no buffer.
* Only where there is still something to spray: an aircraft on its way home is not stopped in it.

Nothing goes on by itself. The aircraft stands, agri says why, and once the wind has been good to
start in for `CALM_S` agri says that too, and takes it back if it grows again. A person looks at
the windsock and decides: on with the plan by the remote control, or home and the rest later. A
plan gone on with is judged anew. A hold that did not help is asked for again.

An aircraft by which no wind is known is told of once: then a person must watch it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from agri.weather import Wind
from agri.words import Message
from missions.drift.droplets import SWING_DEG, conditions, downwind_of, stretch
from missions.drift.limits import DEFAULT_SPRAY_LIMITS
from missions.flight.lean_wind import LeanWind, learn
from missions.flightplan import FlightPlan
from missions.legs import ordered_legs
from missions.sprayer.job import SpraySettings
from missions.wire.pump import pump_channel
from missions.wire.telemetry import CopterMode, Telemetry

OVER_S = 5.0
"""How long the estimate must be over its limit: longer than one gust keeps it there."""
FORGIVEN = 0.5
"""Of each second under the limit."""
LONGEST_STEP_S = 1.0
"""More than this between two sightings is not counted."""
TURNED_S = 10.0
STEADY_M_S = 1.5
"""Below this the direction of an estimate is off by more than the buffers' swing."""
CALM_S = 60.0
OLD_S = 5.0
"""A wind told longer ago than this is not known any more."""
UNKNOWN_S = 30.0
"""When by then neither lean nor autopilot tells a wind, none is known."""
_MOST_M_S = 40.0
UNLEARNT = LeanWind()

WindWish = Message | Literal["spray_off", "hold"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindWatched:
    """What is remembered of the wind; all times by the aircraft's clock.

    Parameters
    ----------
    lean : LeanWind
        What the aircraft's lean tells.
    seen_s : float
        When it was last judged.
    over_s : float
        For how long it has been too strong, time under the limit half taken off.
    turned_s : float or None
        Since when it has been out of the plan's direction.
    stopped : bool
        Whether it stopped the aircraft, and nobody has gone on since.
    left : bool
        Whether the aircraft has left AUTO after that.
    calm_s : float or None
        Since when it has been good to start in, while the aircraft stands.
    calm_told : bool
        Whether that was said.
    unknown_s : float or None
        Since when no wind was told in the air.
    unknown_told : bool
        Whether that was said.
    """

    lean: LeanWind = UNLEARNT
    seen_s: float = -math.inf
    over_s: float = 0.0
    turned_s: float | None = None
    stopped: bool = False
    left: bool = False
    calm_s: float | None = None
    calm_told: bool = False
    unknown_s: float | None = None
    unknown_told: bool = False


Judged = tuple[WindWatched, list[WindWish]]


def wind_limit_m_s(settings: SpraySettings) -> float:
    """Return the most wind that a spraying goes on in.

    Parameters
    ----------
    settings : SpraySettings
        The job, with the wind its buffers were drawn for.

    Returns
    -------
    float
        m/s: the least of agri's limit, the aircraft's, and what the buffers reach for.
    """
    own = min(DEFAULT_SPRAY_LIMITS.stop_m_s, settings.sprayer.aircraft.max_wind_m_s)
    reached = stretch(conditions(settings, settings.wind))
    strongest = stretch(conditions(settings, Wind(speed_m_s=_MOST_M_S)))
    # Drift grows in proportion to the wind (`missions.drift.droplets.carried_m`).
    drawn_m_s = max(settings.wind.speed_m_s, _MOST_M_S * reached / strongest)
    return min(own, drawn_m_s)


def judge_wind(plan: FlightPlan, before: WindWatched, seen: Telemetry) -> Judged:
    """Judge the wind at one moment in the air.

    Parameters
    ----------
    plan : FlightPlan
        What is flown.
    before : WindWatched
        What is remembered so far.
    seen : Telemetry
        The aircraft now.

    Returns
    -------
    after : WindWatched
        What is remembered then.
    wishes : list of Message, "spray_off" or "hold"
        What to write down and what to order, in order.
    """
    if plan.spray is None or not seen.armed:
        return before, []
    before = replace(before, lean=learn(before.lean, seen))
    wind = known_wind(before.lean, seen)
    if wind is None:
        return _unknown(before, seen)
    limit_m_s = wind_limit_m_s(plan.spray.settings)
    if seen.mode != CopterMode.AUTO:
        after = _counted(before, seen.time_s, wind, limit_m_s)
        after = replace(after, turned_s=None, left=after.stopped)
        return _standing(after, seen.time_s, wind, limit_m_s)
    if before.left:
        before = WindWatched(lean=before.lean, unknown_told=before.unknown_told)
    after = _counted(before, seen.time_s, wind, limit_m_s)
    planned = downwind_of(plan.spray.settings.wind)
    after = replace(after, turned_s=_since(after.turned_s, seen.time_s, _turned(planned, wind)))
    said = _reason(after, seen.time_s, wind, limit_m_s, planned)
    if said is None or not _work_ahead(plan, seen):
        return after, []
    stopped = replace(after, stopped=True, over_s=0.0, turned_s=None)
    return stopped, [said, "spray_off", "hold"]


def known_wind(lean: LeanWind, seen: Telemetry) -> Wind | None:
    """Return the wind as far as anything aboard knows it: by the lean, else by the autopilot."""
    speed_m_s, from_deg = lean.speed_m_s, lean.from_deg
    if math.isnan(speed_m_s) and seen.time_s - seen.wind_s <= OLD_S:
        speed_m_s, from_deg = seen.wind_m_s, seen.wind_from_deg
    if not math.isfinite(speed_m_s + from_deg):
        return None
    return Wind(speed_m_s=min(_MOST_M_S, speed_m_s), from_deg=from_deg % 360.0 % 360.0)


def _counted(before: WindWatched, now_s: float, wind: Wind, limit_m_s: float) -> WindWatched:
    passed_s = min(LONGEST_STEP_S, max(0.0, now_s - before.seen_s))
    if math.isinf(before.seen_s):
        passed_s = 0.0
    more_s = passed_s if wind.speed_m_s > limit_m_s else -FORGIVEN * passed_s
    over_s = min(OVER_S, max(0.0, before.over_s + more_s))
    return replace(before, seen_s=now_s, over_s=over_s, unknown_s=None)


def _since(since_s: float | None, now_s: float, true: bool) -> float | None:
    if not true:
        return None
    return now_s if since_s is None else since_s


def _turned(planned_deg: float | None, wind: Wind) -> bool:
    if planned_deg is None or wind.from_deg is None or wind.speed_m_s < STEADY_M_S:
        return False
    return abs(math.remainder(wind.from_deg - planned_deg, 360.0)) > SWING_DEG


def _reason(
    after: WindWatched, now_s: float, wind: Wind, limit_m_s: float, planned_deg: float | None
) -> Message | None:
    if after.over_s >= OVER_S and wind.speed_m_s > limit_m_s:
        return Message.of("event.wind_over", wind_m_s=wind.speed_m_s, limit_m_s=limit_m_s)
    if after.turned_s is not None and now_s - after.turned_s >= TURNED_S:
        return Message.of("event.wind_turned", from_deg=wind.from_deg, planned_deg=planned_deg)
    return None


def _work_ahead(plan: FlightPlan, seen: Telemetry) -> bool:
    """Return whether anything is left to spray on or after the leg that is flown."""
    legs = ordered_legs(plan.items, plan.home, pump_channel=pump_channel(plan))
    wet = [leg.seq for leg in legs if any(order.on for _, order in leg.orders)]
    return bool(wet) and seen.mission_current <= wet[-1]


def _standing(after: WindWatched, now_s: float, wind: Wind, limit_m_s: float) -> Judged:
    """Say when a wind that stopped the aircraft is good again, and when it no longer is."""
    if not after.stopped:
        return after, []
    start_m_s = min(DEFAULT_SPRAY_LIMITS.start_m_s, limit_m_s)
    calm_s = _since(after.calm_s, now_s, wind.speed_m_s <= start_m_s)
    after = replace(after, calm_s=calm_s)
    if after.calm_told and after.over_s >= OVER_S:
        said = Message.of("event.wind_again", wind_m_s=wind.speed_m_s, limit_m_s=limit_m_s)
        return replace(after, calm_told=False), [said]
    if after.calm_told or calm_s is None or now_s - calm_s < CALM_S:
        return after, []
    said = Message.of("event.wind_calm", wind_m_s=wind.speed_m_s)
    return replace(after, calm_told=True), [said]


def _unknown(before: WindWatched, seen: Telemetry) -> Judged:
    """Forget what was counted; say once that nobody aboard knows the wind."""
    since_s = seen.time_s if before.unknown_s is None else before.unknown_s
    after = replace(
        before, seen_s=-math.inf, over_s=0.0, turned_s=None, calm_s=None, unknown_s=since_s
    )
    if before.unknown_told or seen.time_s - since_s < UNKNOWN_S:
        return after, []
    limit_m_s = DEFAULT_SPRAY_LIMITS.stop_m_s
    return replace(after, unknown_told=True), [
        Message.of("event.wind_unknown", limit_m_s=limit_m_s)
    ]
