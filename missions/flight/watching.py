"""Watching a flight: what is worth writing down, and what asks for a stop. Pure.

`watch` takes what is remembered (`Watched`) and one sighting; it returns what is then remembered
and a list of wishes: a `Note` to write down, ``"hold"``, ``"return"`` or ``"spray_off"``. Each
rule is a small function of its own and wishes at most once for one trouble; what the caller makes
of the wishes stands in `missions.flight.steps`. A mode that is not AUTO switches every wish off but
that for a still sprayer (`missions.flight.spray_watch`): whoever has taken over, a pilot or the
autopilot's own failsafe, flies now. BRAKE alone is flown by nobody: the aircraft stands there until
its pack is empty, and falls. Stopped by its fence it is called home after `FENCE_STANDS_S`, however
it came to stand when the charge is what the way home takes.

MISSION_CURRENT goes back to 0 when the aircraft disarms, and the last position comes before the
last heartbeat; so what was reached is remembered and not read at the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from agri.words import Message
from missions.flight.home_watch import HomeWatched, HomeWish, judge_home
from missions.flight.spray_watch import SprayWatched, SprayWish, at_end, guard
from missions.flight.wind_watch import WindWatched, WindWish, judge_wind
from missions.flightplan import FlightPlan
from missions.items import Command, Frame, MissionItem
from missions.preflight.battery import way_home_needs_pct
from missions.wire.sightings import Sighting, SightingKind
from missions.wire.telemetry import CopterMode, MissionState, Telemetry, mode_name

AIRBORNE_M, AIRBORNE_SHARE = 1.5, 0.6
"""Height from which an aircraft flies, and the share of its take-off height that is enough: a
spraying may be flown no higher than 1.5 m, and a height told on the ground may be half a metre
off."""
HEIGHT_OFF_M = 2.0
HEIGHT_OFF_S = 4.0
"""How far off the plan's height, and for how long, before it is stopped."""
FENCE_STANDS_S = 10.0
"""So long an aircraft that its fence has stopped is left to a person; then it is called home."""
UNSPRAYED, UNBLOWN, AT_HOME = SprayWatched(), WindWatched(), HomeWatched()
SPOKEN_SEVERITY = 4
"""Sentences of the autopilot up to this severity (warning) are written down."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something to write down as an event."""

    message: Message


Wish = Note | Literal["hold", "return", "spray_off"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What is remembered of a flight under way.

    Parameters
    ----------
    airborne : bool
        Whether it ever was off the ground.
    armed : bool
        Whether it ever was armed.
    ended : bool
        Whether it was armed and is not any more.
    completed : bool
        Whether the last item was reached for in AUTO.
    mode : int
        The mode last seen.
    ordered : int or None
        The mode agri itself last asked for.
    furthest : int
        Highest item flown to.
    off_height_s : float or None
        The aircraft's clock when its height went off the plan.
    told : frozenset of str
        What was already wished or written and is not to be again.
    spray : SprayWatched
        What the guard over the sprayer remembers.
    wind : WindWatched
        What is remembered of the wind.
    home : HomeWatched
        What is remembered of the point of return.
    stopped_s : float or None
        The aircraft's clock when its fence stopped it, infinity once it was called home.
    """

    airborne: bool = False
    armed: bool = False
    ended: bool = False
    completed: bool = False
    mode: int = CopterMode.AUTO
    ordered: int | None = None
    furthest: int = 0
    off_height_s: float | None = None
    told: frozenset[str] = frozenset()
    spray: SprayWatched = UNSPRAYED
    wind: WindWatched = UNBLOWN
    home: HomeWatched = AT_HOME
    stopped_s: float | None = None


Result = tuple[Watched, list[Wish]]
Rule = Callable[[FlightPlan, Watched, Telemetry], Result]


def watch(plan: FlightPlan, before: Watched, sighting: Sighting) -> Result:
    """Take one sighting of a flight.

    Parameters
    ----------
    plan : FlightPlan
        What it should be doing.
    before : Watched
        What is remembered so far.
    sighting : Sighting
        What was seen.

    Returns
    -------
    after : Watched
        What is remembered then.
    wishes : list of Note, "hold", "return" or "spray_off"
        In order.
    """
    if before.ended:
        return before, []
    seen = sighting.telemetry
    if sighting.kind is SightingKind.ORDER:
        return replace(before, ordered=sighting.mode), []
    if sighting.kind is SightingKind.SPRAY_NO_MORE:
        return replace(before, spray=replace(before.spray, no_more=True)), []
    if sighting.kind is SightingKind.TEXT:
        return before, _spoken(seen)
    wishes: list[Wish] = []
    after = before
    for rule in RULES:
        after, more = rule(plan, after, seen)
        wishes += more
    return after, wishes


def _spoken(seen: Telemetry) -> list[Wish]:
    last = seen.texts[-1] if seen.texts else None
    if last is None or last.severity > SPOKEN_SEVERITY:
        return []
    return [_note("aircraft_says", text=last.text)]


def _note(word: str, **values: object) -> Note:
    return Note(Message.of(f"event.{word}", **values))


def _once(watched: Watched, word: str, *wishes: Wish) -> Result:
    if word in watched.told:
        return watched, []
    return replace(watched, told=watched.told | {word}), list(wishes)


def _flies(watched: Watched, seen: Telemetry) -> bool:
    return watched.airborne and seen.armed and seen.mode == CopterMode.AUTO


def _airborne_m(plan: FlightPlan) -> float:
    """Return the height above home from which the plan's flight has begun."""
    up = [item.z for item in plan.items if item.command == Command.NAV_TAKEOFF]
    return min(AIRBORNE_M, AIRBORNE_SHARE * up[0]) if up else AIRBORNE_M


def _leaves_ground(plan: FlightPlan, watched: Watched, seen: Telemetry) -> Result:
    watched = replace(watched, armed=watched.armed or seen.armed)
    if watched.airborne or not seen.armed or not seen.height_m > _airborne_m(plan):
        return watched, []
    return replace(watched, airborne=True), [_note("took_off")]


def _mode(_: FlightPlan, watched: Watched, seen: Telemetry) -> Result:
    if seen.mode == watched.mode or not seen.armed:
        return watched, []
    name = mode_name(seen.mode)
    if seen.mode == CopterMode.AUTO:
        note = _note("back_to_plan")
    elif seen.mode == watched.ordered:
        note = _note("ordered", mode=name)
    else:
        note = _note("taken_over", mode=name)
    return replace(watched, mode=seen.mode), [note]


def _sprayer(plan: FlightPlan, watched: Watched, seen: Telemetry) -> Result:
    spray, wishes = guard(plan, watched.spray, seen)
    return replace(watched, spray=spray), [_worded(wish) for wish in wishes]


def _wind(plan: FlightPlan, watched: Watched, seen: Telemetry) -> Result:
    if not watched.airborne:
        return watched, []
    wind, wishes = judge_wind(plan, watched.wind, seen)
    return replace(watched, wind=wind), [_worded(wish) for wish in wishes]


def _worded(wish: SprayWish | WindWish | HomeWish) -> Wish:
    return Note(wish) if isinstance(wish, Message) else wish


def _item(plan: FlightPlan, watched: Watched, seen: Telemetry) -> Result:
    if not _flies(watched, seen) or seen.mission_current == 0:
        return watched, []
    last = last_navigation(plan)
    current, furthest = seen.mission_current, max(watched.furthest, seen.mission_current)
    done = last <= current <= len(plan.items) or seen.mission_state == MissionState.COMPLETE
    after = replace(watched, completed=watched.completed or done, furthest=furthest)
    jumps = any(item.command == Command.DO_JUMP for item in plan.items)
    if current > len(plan.items) or (current < watched.furthest and not jumps):
        return _once(
            after, "item", _note("wrong_item", item=current, expected=watched.furthest), "hold"
        )
    return after, []


def _height(plan: FlightPlan, watched: Watched, seen: Telemetry) -> Result:
    band = height_band(plan, seen.mission_current) if _flies(watched, seen) else None
    fits = band is None or band[0] - HEIGHT_OFF_M <= seen.height_m <= band[1] + HEIGHT_OFF_M
    if fits or band is None:
        return replace(watched, off_height_s=None), []
    since_s = seen.time_s if watched.off_height_s is None else watched.off_height_s
    watched = replace(watched, off_height_s=since_s)
    if seen.time_s - since_s < HEIGHT_OFF_S:
        return watched, []
    planned_m = min(max(seen.height_m, band[0]), band[1])
    note = _note("off_height", height_m=seen.height_m, planned_m=planned_m)
    return _once(watched, "height", note, "hold")


def _battery(plan: FlightPlan, watched: Watched, seen: Telemetry) -> Result:
    waits = watched.airborne and seen.armed and seen.mode == CopterMode.BRAKE
    if not (waits or _flies(watched, seen)) or math.isnan(seen.battery_pct):
        return watched, []
    needed_pct = way_home_needs_pct(plan, seen)
    comes = goes_home(plan, seen) and not waits
    if needed_pct is None or seen.battery_pct >= needed_pct or comes:
        return watched, []
    note = _note("battery_return", left_pct=seen.battery_pct, needed_pct=needed_pct)
    return _once(watched, "battery", note, "return")


def _fence(_: FlightPlan, watched: Watched, seen: Telemetry) -> Result:
    if not seen.fence_breached:
        return replace(watched, told=watched.told - {"fence"}, stopped_s=None), []
    watched, wishes = _once(watched, "fence", _note("fence_breached"))
    by_it = seen.mode == CopterMode.BRAKE and watched.ordered != CopterMode.BRAKE
    if not (by_it and seen.armed and watched.airborne):
        return replace(watched, stopped_s=None), wishes
    since_s = seen.time_s if watched.stopped_s is None else watched.stopped_s
    if seen.time_s - since_s < FENCE_STANDS_S:
        return replace(watched, stopped_s=since_s), wishes
    note = _note("fence_return", seconds=FENCE_STANDS_S)
    return replace(watched, stopped_s=math.inf), [*wishes, note, "return"]


def _home(plan: FlightPlan, watched: Watched, seen: Telemetry) -> Result:
    home, wishes = judge_home(plan, watched.home, seen, flies=watched.airborne)
    return replace(watched, home=home), [_worded(wish) for wish in wishes]


def _position(_: FlightPlan, watched: Watched, seen: Telemetry) -> Result:
    if seen.fix_type >= 3 and seen.ekf_ok:
        return replace(watched, told=watched.told - {"position"}), []
    if not watched.airborne:
        return watched, []
    return _once(watched, "position", _note("position_bad", satellites=seen.satellites))


def _comes_down(plan: FlightPlan, watched: Watched, seen: Telemetry) -> Result:
    if not watched.armed or seen.armed:
        return watched, []
    word = "landed" if watched.airborne else "disarmed"
    last = [_worded(wish) for wish in at_end(plan)]
    return replace(watched, ended=True), [_note(word), *last]


RULES: tuple[Rule, ...] = (
    _leaves_ground,
    _mode,
    _sprayer,
    _wind,
    _item,
    _height,
    _battery,
    _fence,
    _home,
    _position,
    _comes_down,
)
"""Every rule, in the order they are asked."""


def last_navigation(plan: FlightPlan) -> int:
    """Return the number on board of the last item the aircraft flies to (home is 0).

    Examples
    --------
    >>> from agri.geo import LonLat
    >>> plan = FlightPlan(name="p", home=LonLat(lon_deg=106.51, lat_deg=21.08), items=(
    ...     MissionItem(command=22), MissionItem(command=20), MissionItem(command=206)))
    >>> last_navigation(plan)
    2
    """
    numbers = [n for n, item in enumerate(plan.items, start=1) if item.command <= 95]
    return numbers[-1] if numbers else 0


def goes_home(plan: FlightPlan, seen: Telemetry) -> bool:
    """Return whether the item flown to already is the way home."""
    item = item_on_board(plan, seen.mission_current)
    return item is not None and item.command in (
        Command.NAV_RETURN_TO_LAUNCH,
        Command.NAV_LAND,
    )


def item_on_board(plan: FlightPlan, number: int) -> MissionItem | None:
    """Return the item with this number on board (1 is the first), None when there is none."""
    return plan.items[number - 1] if 1 <= number <= len(plan.items) else None


def height_band(plan: FlightPlan, number: int) -> tuple[float, float] | None:
    """Return the heights above home between which the leg to an item is flown.

    Only between two waypoints (or take-off and one) with heights above home; None otherwise.

    Examples
    --------
    >>> from agri.geo import LonLat
    >>> from missions.items import item_at
    >>> here = LonLat(lon_deg=106.51, lat_deg=21.08)
    >>> plan = FlightPlan(name="p", home=here, items=(
    ...     item_at(Command.NAV_TAKEOFF, here, 40.0), item_at(Command.NAV_WAYPOINT, here, 50.0)))
    >>> height_band(plan, 2), height_band(plan, 1)
    ((40.0, 50.0), None)
    """
    item = item_on_board(plan, number)
    if item is None or item.command != Command.NAV_WAYPOINT or item.frame is not Frame.RELATIVE:
        return None
    before = [i for i in plan.items[: number - 1] if i.command <= 95]
    if not before or before[-1].command not in (Command.NAV_WAYPOINT, Command.NAV_TAKEOFF):
        return None
    start_m = before[-1].z
    return min(start_m, item.z), max(start_m, item.z)
