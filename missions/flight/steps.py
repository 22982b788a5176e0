"""One flight, from the first question to the record: a pure step function.

`step(state, event, now_s)` returns the next state and what to do; it opens nothing, waits for
nothing and knows no clock. `missions.flight.launch` performs the orders over a `Link` and comes
back with what happened. The table `FLIGHT` says which phase takes which event; an event that a
phase does not take changes nothing, so an answer to a question long forgotten cannot arm anything.

    IDENTIFY → READ → READY → UPLOAD → CONFIRM → PROVE → GUIDED → ARM → AUTO → START → WATCH → end

What is held at every step, whatever the order of events (a stateful test tries):

* ARM is ordered only with a proof of what is on board and a person's yes, each less than
  `FRESH_S` old; one yes arms once. Findings of level ERROR end the launch before the upload, and
  the aircraft's own state (place, home, battery, checks) is judged once more right before ARM.
* What is on board is proved once more after the yes: while a person reads, another station may put
  another mission there, and the aircraft tells nobody. (Once is enough: over a link so slow that
  the yes grows old meanwhile, the next yes is not followed by another proof if the last is fresh.)
* After more than `GAP_S` without a heartbeat, awake or asleep, nothing that arms or starts is
  ordered until a person says yes again. In the air nothing that arms or starts is ordered at all.
* MISSION_START is ordered again only while the aircraft stands on the ground (in the air it would
  begin the mission anew).
* Whoever orders a stop, a return or a landing before the aircraft flies ends the launch: nothing
  that arms or starts follows, and motors that may run are switched off; should it just have left
  the ground, it is held there.
* A pilot who takes over is not fought: a mode that is not AUTO is written down, no more.
* What goes wrong in AUTO is answered once: a low battery with RETURN, a wrong item or a wrong
  height with HOLD. GPS and position estimate are the autopilot's to act on; they are told.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from agri.errors import AgriError, LinkError, Refused
from agri.findings import Finding, blocks
from agri.words import Message
from missions.flight.phases import (
    Answered,
    Begin,
    Did,
    Event,
    Failed,
    FlightState,
    Gone,
    Identified,
    Order,
    Phase,
    Proved,
    Read,
    Saw,
    Tick,
)
from missions.flight.watching import Note, watch
from missions.flightplan import FlightPlan
from missions.preflight.battery import check_limits
from missions.preflight.firmware import check_firmware
from missions.preflight.guard import check_guard, check_guard_still, waits_for_guard
from missions.preflight.vehicle import check_identity, check_parameters, check_readiness, is_ready
from missions.wire.commands import FRESH_S, GAP_S
from missions.wire.sightings import SightingKind
from missions.wire.telemetry import MissionState, Telemetry

HICCUP_S = 1.0
"""Our own second that is forgiven when a simulation runs faster than the clock."""
READY_S = 90.0
"""How long, on the aircraft's clock, its own checks are waited for."""
START_AGAIN_S = 4.0
STARTS = 3
BACK_S, FAILSAFE_S, LOST_S = 1.5, 5.0, 120.0
"""Silence of a link that is back; after which the aircraft's own failsafe acts; after which the
flight counts as lost to us."""
LISTEN_S = 10.0
"""A silence is listened to for at least this long before the flight counts as lost: a computer that
slept has not listened, and the aircraft may be heard the next moment."""
ON_GROUND_M = 0.8
MOTORS = frozenset({Phase.ARM, Phase.AUTO, Phase.START})
"""Phases of a launch in which the motors may run."""
LAUNCHING = MOTORS | {
    Phase.IDENTIFY, Phase.READ, Phase.READY, Phase.UPLOAD, Phase.CONFIRM, Phase.PROVE, Phase.GUIDED,
}  # fmt: skip

Command = Order | Note
Result = tuple[FlightState, tuple[Command, ...]]


def begin(plan: FlightPlan, findings: tuple[Finding, ...] = ()) -> FlightState:
    """Return the first state of a flight.

    `findings` are those of the plan's own checks and of all else that was judged before: papers,
    weather. An ERROR among them ends the launch before the aircraft is asked anything.
    """
    return FlightState(plan=plan, findings=findings)


def step(state: FlightState, event: Event, now_s: float) -> Result:
    """Take one event.

    Parameters
    ----------
    state : FlightState
        Where the flight stands.
    event : Event
        What happened.
    now_s : float
        Our monotonic clock.

    Returns
    -------
    state : FlightState
        Where it stands then.
    commands : tuple of Order or Note
        What to do and what to write down, in order.

    Examples
    --------
    >>> from agri.geo import LonLat
    >>> plan = FlightPlan(name="p", home=LonLat(lon_deg=106.51, lat_deg=21.08), items=())
    >>> state, orders = step(begin(plan), Begin(), 0.0)
    >>> state.phase.name, orders
    ('IDENTIFY', (<Order.IDENTIFY: 1>,))
    """
    if state.over:
        return state, ()
    if isinstance(event, Saw):
        state = _look(state, event)
        if event.sighting.kind is SightingKind.ORDER:
            if state.phase in LAUNCHING:
                return _stopped(state)
            if state.phase is Phase.WATCH and not state.flown and _stands(state.seen):
                return _stopped_standing(state, event, now_s)
    handler = FLIGHT.get((state.phase, type(event))) or EVERYWHERE.get(type(event))
    return (state, ()) if handler is None else handler(state, event, now_s)


def _order(state: FlightState, phase: Phase, order: Order, *notes: Note) -> Result:
    return replace(state, phase=phase, pending=order), (*notes, order)


def _refuse(state: FlightState, error: AgriError) -> Result:
    return replace(state, phase=Phase.REFUSED, failure=error, pending=None), ()


def _look(state: FlightState, event: Saw) -> FlightState:
    """Keep what was seen; a gap between two heartbeats takes the yes away.

    So does the aircraft's own clock when it has moved on without us: our computer may have slept
    with a clock that stood still.
    """
    seen, before, rate = event.sighting.telemetry, state.seen, event.rate
    gap_s = seen.heard_s - before.heard_s
    its_gap_s = seen.time_s - before.time_s
    if rate > 1.0:
        gap_s = (gap_s - HICCUP_S) * rate
        its_gap_s -= HICCUP_S * rate
    broken = math.isfinite(before.heard_s) and gap_s > GAP_S
    slept = before.time_s > 0.0 and its_gap_s > GAP_S
    return replace(state, seen=seen, gap=state.gap or broken or slept)


def _on_begin(state: FlightState, _: Begin, __: float) -> Result:
    if blocks(state.findings):
        return _refuse(state, Refused("error.preflight_blocked"))
    return _order(state, Phase.IDENTIFY, Order.IDENTIFY)


def _on_identified(state: FlightState, event: Identified, _: float) -> Result:
    found = (
        *state.findings,
        *check_identity(event.identity),
        *check_firmware(event.identity),
    )
    state = replace(state, findings=found, identity=event.identity)
    if blocks(found):
        return _refuse(state, Refused("error.preflight_blocked"))
    return _order(state, Phase.READ, Order.READ)


def _on_read(state: FlightState, event: Read, _: float) -> Result:
    found = (*state.findings, *event.trust, *check_parameters(state.plan, event.parameters))
    if state.plan.spray is not None and event.pump is None:
        found = (*found, Finding.error("finding.spray_no_pump"))
    if state.plan.spray is not None:
        found = (*found, Finding.info("finding.spray_flow_unmeasured"))
    return replace(
        state, findings=found, parameters=event.parameters, phase=Phase.READY, pending=None
    ), ()


def _on_wait_ready(state: FlightState, event: Saw, _: float) -> Result:
    seen = event.sighting.telemetry
    since_s = seen.time_s if state.ready_from_s is None else state.ready_from_s
    state = replace(state, ready_from_s=since_s)
    waited_s = seen.time_s - since_s
    if waits_for_guard(state.plan, seen, waited_s):
        return state, ()
    if not is_ready(seen) and waited_s < READY_S:
        return state, ()
    values = {parameter.name: parameter.value for parameter in state.parameters}
    found = (
        *state.findings,
        *check_guard(state.plan, seen, values),
        *check_limits(state.plan, values, seen),
        *check_readiness(state.plan, seen),
    )
    state = replace(state, findings=found)
    if blocks(found):
        return _refuse(state, Refused("error.preflight_blocked"))
    return _order(state, Phase.UPLOAD, Order.UPLOAD)


def _on_uploaded(state: FlightState, event: Proved, _: float) -> Result:
    return _order(replace(state, proof=event.proof), Phase.CONFIRM, Order.CONFIRM)


def _on_answered(state: FlightState, event: Answered, now_s: float) -> Result:
    if state.pending is not Order.CONFIRM:
        return state, ()
    if not event.yes:
        return _refuse(state, Refused("error.launch_not_confirmed"))
    return _toward_arming(replace(state, confirmed_s=now_s, gap=False), now_s)


def _on_proved_again(state: FlightState, event: Proved, now_s: float) -> Result:
    return _toward_arming(replace(state, proof=event.proof, proved_again=True), now_s)


def _toward_arming(state: FlightState, now_s: float) -> Result:
    if state.gap or now_s - state.confirmed_s > FRESH_S:
        return _order(state, Phase.CONFIRM, Order.CONFIRM)
    proof = state.proof if state.proved_again else None
    if proof is None or now_s - proof.verified_s > FRESH_S:
        return _order(state, Phase.PROVE, Order.PROVE)
    return _order(state, Phase.GUIDED, Order.GUIDED)


def _on_guided(state: FlightState, event: Did, now_s: float) -> Result:
    if event.order is not state.pending:
        return state, ()
    ready, commands = _toward_arming(state, now_s)
    if ready.phase is not Phase.GUIDED:
        return ready, commands
    now_wrong = [f for f in check_readiness(state.plan, state.seen) if blocks([f])]
    now_wrong += check_guard_still(state.findings, state.seen)
    if now_wrong:
        state = replace(state, findings=(*state.findings, *now_wrong))
        return _refuse(state, Refused("error.preflight_blocked"))
    return _order(replace(state, confirmed_s=-math.inf), Phase.ARM, Order.ARM)


def _on_armed(state: FlightState, event: Did, _: float) -> Result:
    if event.order is not state.pending:
        return state, ()
    if state.gap:
        return _give_up(state, LinkError("error.launch_gap"))
    return _order(state, Phase.AUTO, Order.AUTO, Note(Message.of("event.armed")))


def _on_auto(state: FlightState, event: Did, _: float) -> Result:
    if event.order is not state.pending:
        return state, ()
    return _start(state)


def _start(state: FlightState) -> Result:
    if state.gap or not state.seen.armed:
        return _give_up(state, LinkError("error.launch_gap"))
    state = replace(state, starts=state.starts + 1, again_s=math.inf)
    return _order(state, Phase.START, Order.START)


def _on_started(state: FlightState, event: Did, _: float) -> Result:
    return _under_way(state) if event.order is state.pending else (state, ())


def _under_way(state: FlightState) -> Result:
    note = Note(Message.of("event.started"))
    return replace(state, phase=Phase.WATCH, pending=None), (note,)


def _on_start_failed(state: FlightState, event: Failed, now_s: float) -> Result:
    """A start without an answer may have worked: look, and try again only on the ground."""
    if event.order is not state.pending:
        return state, ()
    if _flies(state.seen):
        return _under_way(state)
    if state.starts >= STARTS:
        return _give_up(state, event.error)
    return replace(state, pending=None, again_s=now_s + START_AGAIN_S), ()


def _on_start_tick(state: FlightState, event: Tick, now_s: float) -> Result:
    state, notes = _silence(state, event.silence_s, now_s)
    if state.pending is not None or now_s < state.again_s:
        return state, notes
    state, commands = _under_way(state) if _flies(state.seen) else _start(state)
    return state, (*notes, *commands)


def _flies(seen: Telemetry) -> bool:
    high = not math.isnan(seen.height_m) and seen.height_m > ON_GROUND_M
    return seen.armed and (high or seen.mission_state == MissionState.ACTIVE)


def _give_up(state: FlightState, error: AgriError) -> Result:
    """End on the ground: switch the motors off, if they may be on and it has not left it."""
    state = replace(state, failure=error)
    if _flies(state.seen):
        return replace(state, phase=Phase.WATCH, pending=None), ()
    return _order(state, Phase.GIVE_UP, Order.DISARM)


def _stopped(state: FlightState) -> Result:
    """A person stopped a launch: it does not go on, whatever it was waiting for."""
    state = replace(state, stopped=True)
    error = Refused("error.launch_stopped")
    if state.phase not in MOTORS:
        return _refuse(state, error)
    state, orders = _give_up(state, error)
    return (state, (Order.HOLD,)) if state.phase is Phase.WATCH else (state, orders)


def _stopped_standing(state: FlightState, event: Saw, now_s: float) -> Result:
    """A person stopped it after its start and before it rose: the motors are to be off too."""
    state, commands = _on_watched(state, event, now_s)
    failure = state.failure or Refused("error.launch_stopped")
    return replace(state, stopped=True, failure=failure), (*commands, Order.DISARM)


def _stands(seen: Telemetry) -> bool:
    return seen.armed and seen.height_m <= ON_GROUND_M


def _on_gave_up(state: FlightState, event: Did | Failed, _: float) -> Result:
    if event.order is not Order.DISARM:
        return state, ()
    if _flies(state.seen):
        held = (Order.HOLD,) if state.stopped else ()
        return replace(state, phase=Phase.WATCH, pending=None), held
    return replace(state, phase=Phase.REFUSED, pending=None), ()


def _on_failed(state: FlightState, event: Failed, _: float) -> Result:
    """An order on the ground failed: that is the end of this launch."""
    if event.order is not state.pending:
        return state, ()
    if state.phase in (Phase.ARM, Phase.AUTO):
        return _give_up(state, event.error)
    return _refuse(state, event.error)


def _on_watched(state: FlightState, event: Saw, _: float) -> Result:
    watched, wishes = watch(state.plan, state.watched, event.sighting)
    state = replace(state, watched=watched)
    if watched.ended:
        outcome = Phase.LANDED if watched.completed else Phase.ABORTED
        if not watched.airborne and state.failure is None:
            state = replace(state, failure=LinkError("error.launch_no_take_off"))
        state = replace(state, phase=outcome)
    orders = {"hold": Order.HOLD, "return": Order.RETURN, "spray_off": Order.SPRAYER_OFF}
    return state, tuple(w if isinstance(w, Note) else orders[w] for w in wishes)


def _on_order_done(state: FlightState, event: Did, _: float) -> Result:
    """Motors off before it ever rose end it, even if it was never seen with its motors on."""
    over = event.order is Order.DISARM and not (state.flown or state.seen.armed)
    return (replace(state, phase=Phase.ABORTED), ()) if over else (state, ())


def _on_order_failed_in_the_air(state: FlightState, event: Failed, now_s: float) -> Result:
    if event.order is Order.DISARM and not state.seen.armed:
        return _on_order_done(state, Did(event.order), now_s)
    return state, (Note(Message.of("event.order_failed", reason=event.error.message)),)


def _on_tick(state: FlightState, event: Tick, now_s: float) -> Result:
    return _silence(state, event.silence_s, now_s)


def _silence(state: FlightState, silence_s: float, now_s: float) -> Result:
    if silence_s <= GAP_S:
        state = replace(state, silent_from_s=math.inf)
    elif state.silent_from_s > now_s:
        state = replace(state, silent_from_s=now_s)
    listened = now_s - state.silent_from_s >= LISTEN_S
    if silence_s >= LOST_S and listened and state.phase is Phase.WATCH:
        return replace(state, phase=Phase.LOST), (Note(Message.of("event.link_lost")),)
    if silence_s > GAP_S:
        state = replace(state, gap=True)
    if silence_s > FAILSAFE_S and state.silent < 2:
        return replace(state, silent=2), (Note(Message.of("event.link_failsafe")),)
    if silence_s > GAP_S and state.silent < 1:
        return replace(state, silent=1), (Note(Message.of("event.link_silent")),)
    if silence_s < BACK_S and state.silent:
        return replace(state, silent=0), (Note(Message.of("event.link_back")),)
    return state, ()


def _on_gone(state: FlightState, _: Gone, __: float) -> Result:
    if state.phase in (Phase.WATCH, Phase.START):
        return replace(state, phase=Phase.LOST), (Note(Message.of("event.link_lost")),)
    return _refuse(state, LinkError("error.link_lost"))


Handler = Callable[[FlightState, Any, float], Result]

FLIGHT: dict[tuple[Phase, type], Handler] = {
    (Phase.IDENTIFY, Begin): _on_begin,
    (Phase.IDENTIFY, Identified): _on_identified,
    (Phase.READ, Read): _on_read,
    (Phase.READY, Saw): _on_wait_ready,
    (Phase.UPLOAD, Proved): _on_uploaded,
    (Phase.CONFIRM, Answered): _on_answered,
    (Phase.PROVE, Proved): _on_proved_again,
    (Phase.GUIDED, Did): _on_guided,
    (Phase.ARM, Did): _on_armed,
    (Phase.AUTO, Did): _on_auto,
    (Phase.START, Did): _on_started,
    (Phase.START, Failed): _on_start_failed,
    (Phase.START, Tick): _on_start_tick,
    (Phase.START, Saw): _on_watched,
    (Phase.WATCH, Saw): _on_watched,
    (Phase.WATCH, Did): _on_order_done,
    (Phase.WATCH, Failed): _on_order_failed_in_the_air,
    (Phase.GIVE_UP, Did): _on_gave_up,
    (Phase.GIVE_UP, Failed): _on_gave_up,
}
"""Phase × event → what is done."""

EVERYWHERE: dict[type, Handler] = {Failed: _on_failed, Tick: _on_tick, Gone: _on_gone}
"""What is done in a phase that has no row of its own for the event."""
