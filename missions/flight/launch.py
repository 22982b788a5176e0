"""Flying a plan: the rim that carries out what `missions.flight.steps` orders, over a `Link`.

`fly` does the whole flight and returns its record; `missions.flight.briefing` has what comes
before.

The pure machine decides; here are only the calls. Everything seen while a call was busy is shown
to the machine before the call's result, so that a gap in the link is known before the next order.
`Link.hold`, `return_home` and `land` may be called from another thread at any time; `fly` sees that
it was so and writes it down.

When the program is stopped in the air, the aircraft goes on: its plan, fence and failsafes carry
it home. What was seen until then is in the log.
"""

from __future__ import annotations

import contextlib
import queue
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from agri.errors import AgriError, LinkError
from agri.findings import Finding, Severity
from agri.track import FlightRecord
from agri.weather import Wind
from agri.words import Message
from missions.checks.plan import check_plan
from missions.flight.briefing import (
    Blocked,
    Briefing,
    look,
    next_sighting,
    prepare,
    read_needed,
    trust_in,
)
from missions.flight.phases import (
    AT_ANY_TIME,
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
from missions.flight.recording import FlightLog, Recording
from missions.flight.steps import begin, step
from missions.flight.watching import Note
from missions.flight.wind_watch import known_wind
from missions.flightplan import FlightPlan
from missions.link.clock import elapsed_s
from missions.link.link import Link
from missions.wire.commands import Parameter
from missions.wire.delivery import Progress
from missions.wire.pump import pump_channel
from missions.wire.sightings import Sighting
from missions.wire.telemetry import CopterMode, Telemetry

__all__ = [
    "Blocked",
    "Briefing",
    "Confirm",
    "FlightProgress",
    "OnProgress",
    "fly",
    "look",
    "prepare",
]

OUTCOMES = {Phase.LANDED: "landed", Phase.ABORTED: "aborted", Phase.LOST: "lost"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightProgress:
    """How a flight is going.

    Parameters
    ----------
    phase : Phase
        Where it stands.
    telemetry : Telemetry
        The aircraft.
    photos : int
        Pictures told so far.
    items : int
        Items of the plan; `telemetry.mission_current` is the one flown to.
    transfer : Progress or None
        How far the upload or the comparison is.
    message : Message or None
        An event that was just written down.
    wind : Wind or None
        As far as anything aboard knows it.
    """

    phase: Phase
    telemetry: Telemetry
    photos: int
    items: int
    transfer: Progress | None = None
    message: Message | None = None
    wind: Wind | None = None


Confirm = Callable[[Briefing], bool]
OnProgress = Callable[[FlightProgress], None]


def fly(
    link: Link,
    plan: FlightPlan,
    *,
    confirm: Confirm,
    findings: tuple[Finding, ...] = (),
    keyed: str = "",
    on_progress: OnProgress | None = None,
    speedup: float | None = None,
    token: str | None = None,
    log: FlightLog | None = None,
    clock: Callable[[], float] = elapsed_s,
    utc: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> FlightRecord:
    """Fly a plan from the checks before to the landing.

    Parameters
    ----------
    link : Link
        To the aircraft.
    plan : FlightPlan
        What is flown.
    confirm : callable
        Shown a `Briefing` when everything is checked and on board; its True arms. It is asked
        again when a minute passed or the link was broken in between.
    findings : tuple of Finding
        What was judged beforehand by other rules than the plan's and the aircraft's (papers,
        weather): they join the briefing, and an ERROR among them forbids the flight.
    keyed : str
        Name of the signing key that the aircraft was given, "" for none: then it is launched over
        a link signed with it only.
    on_progress : callable, optional
        Told what happens, often.
    speedup : float, optional
        How much faster than the clock a simulation shall run once it is in the air (on the
        ground its eight seconds of patience for a mission item would run as fast).
    token : str, optional
        Names this launch: a second `fly` with the same one on the same link is refused.
    log : FlightLog, optional
        Where positions, pictures and events go at once.
    clock, utc : callable
        Monotonic seconds; the time of day.

    Returns
    -------
    FlightRecord
        The flight; its outcome is "landed" (plan flown to its end), "aborted" (came down
        otherwise) or "lost" (the link broke and stayed so).

    Raises
    ------
    Blocked
        When a finding forbids it; with all findings.
    Refused
        When it was not confirmed, or was launched before.
    LinkError
        When the aircraft refused or fell silent on the ground.
    """
    link.claim(token or uuid.uuid4().hex)
    if speedup is not None:
        link.require_simulation()
    with link.watch() as inbox:
        return _Flight(
            link,
            plan,
            inbox,
            findings=findings,
            keyed=keyed,
            confirm=confirm,
            on_progress=on_progress,
            log=log,
            speedup=speedup,
            clock=clock,
            utc=utc,
        ).run()


class _Flight:
    """One call of `fly`: the machine's state, the record, and the calls it asks for."""

    def __init__(
        self,
        link: Link,
        plan: FlightPlan,
        inbox: queue.SimpleQueue[Sighting],
        *,
        findings: tuple[Finding, ...],
        keyed: str,
        confirm: Confirm,
        on_progress: OnProgress | None,
        log: FlightLog | None,
        speedup: float | None,
        clock: Callable[[], float],
        utc: Callable[[], datetime],
    ) -> None:
        self.state: FlightState = begin(plan, (*check_plan(plan), *findings))
        self._link = link
        self._plan = plan
        self._inbox = inbox
        self._keyed = keyed
        self._confirm = confirm
        self._on_progress = on_progress
        self._log = log
        self._speedup = speedup
        self._clock = clock
        self._utc = utc
        self._orders: deque[Order] = deque()
        self._recording: Recording | None = None
        self._parameters: tuple[Parameter, ...] = ()
        self._started_utc = utc()

    def run(self) -> FlightRecord:
        """Turn until the flight is over."""
        self._feed(Begin())
        while not self.state.over:
            if self._orders:
                self._drain()
                self._carry_out(self._orders.popleft())
            else:
                self._turn()
        if Order.SPRAYER_OFF in self._orders:
            self._leave_off()
        return self._result()

    def _carry_out(self, order: Order) -> None:
        """Do what was ordered, unless what was seen meanwhile has ended what it was for."""
        if self.state.over or order not in (self.state.pending, *AT_ANY_TIME):
            return
        event = self._perform(order)
        self._drain()
        self._feed(event)

    def _leave_off(self) -> None:
        """Leave no sprayer on: ArduPilot keeps it on through disarming, into the next flight."""
        if self._plan.spray is None or not self._link.alive:
            return
        try:
            self._link.sprayer_off()
        except AgriError as trouble:
            self._note(Message.of("event.order_failed", reason=trouble.message))

    def _hurry(self) -> None:
        """Speed a simulation up once it flies; one that will not hurry flies on as it does."""
        times, self._speedup = self._speedup, None
        if times is not None:
            with contextlib.suppress(AgriError):
                self._link.set_speedup(times)

    def _turn(self) -> None:
        if self.state.flown and self._speedup is not None:
            self._hurry()
        sighting = next_sighting(self._inbox, self._link)
        if sighting is not None:
            self._saw(sighting)
        if not self._link.alive:
            self._feed(Gone())
        elif sighting is None or self._inbox.empty():
            self._feed(Tick(self._link.silence_s))

    def _drain(self) -> None:
        while not self._inbox.empty():
            self._saw(self._inbox.get_nowait())

    def _saw(self, sighting: Sighting) -> None:
        if self._recording is not None:
            if sighting.remark is not None:
                self._recording.note(self.state.seen.time_s, sighting.remark)
                return
            self._recording.take(sighting)
        self._feed(Saw(sighting, self._link.rate))
        self._tell()

    def _feed(self, event: Event) -> None:
        self.state, commands = step(self.state, event, self._clock())
        for command in commands:
            if isinstance(command, Note):
                self._note(command.message)
            else:
                self._orders.append(command)

    def _note(self, message: Message) -> None:
        if self._recording is not None:
            self._recording.note(self.state.seen.time_s, message)
        self._tell(message=message)

    def _tell(self, *, transfer: Progress | None = None, message: Message | None = None) -> None:
        if self._on_progress is None:
            return
        recording = self._recording
        self._on_progress(
            FlightProgress(
                phase=self.state.phase,
                telemetry=self.state.seen,
                photos=len(recording.photos) if recording is not None else 0,
                items=len(self._plan.items),
                transfer=transfer,
                message=message,
                wind=known_wind(self.state.watched.wind.lean, self.state.seen),
            )
        )

    def _perform(self, order: Order) -> Event:
        self._tell()
        try:
            return self._ask(order) or self._act(order)
        except AgriError as trouble:
            if not self._link.alive:
                return Gone()
            return Failed(order, trouble)

    def _ask(self, order: Order) -> Event | None:
        link, plan = self._link, self._plan
        match order:
            case Order.IDENTIFY:
                return Identified(link.identify())
            case Order.READ:
                parameters = read_needed(link, plan)
                self._parameters = parameters
                pump = link.watch_pump(pump_channel(plan)) if plan.spray is not None else None
                return Read(parameters, pump, trust_in(link, keyed=self._keyed))
            case Order.UPLOAD:
                return Proved(link.upload(plan, lambda now: self._tell(transfer=now)))
            case Order.PROVE:
                return Proved(link.verify(plan, lambda now: self._tell(transfer=now)))
            case Order.CONFIRM:
                with link.patience():
                    return Answered(self._confirm(self._briefing()))
            case _:
                return None

    def _act(self, order: Order) -> Event:
        link = self._link
        match order:
            case Order.GUIDED:
                link.set_mode(CopterMode.GUIDED)
            case Order.ARM:
                self._arm()
            case Order.AUTO:
                link.set_mode(CopterMode.AUTO)
            case Order.START:
                link.start_mission()
            case Order.HOLD:
                link.hold()
            case Order.RETURN:
                link.return_home()
            case Order.SPRAYER_OFF:
                link.sprayer_off()
            case Order.DISARM:
                self._leave_off()
                link.disarm()
        return Did(order)

    def _arm(self) -> None:
        if self.state.proof is None:
            raise LinkError("error.link_lost")
        self._started_utc = self._utc()
        self._recording = Recording(self._link.telemetry().time_s, self._log)
        self._link.arm(self.state.proof)

    def _briefing(self) -> Briefing:
        identity = self.state.identity
        if identity is None:
            raise LinkError("error.link_lost")
        return Briefing(
            identity=identity,
            findings=self.state.findings,
            plan_digest=self._plan.digest,
            telemetry=self._link.telemetry(),
            parameters=self._parameters,
        )

    def _result(self) -> FlightRecord:
        state, recording = self.state, self._recording
        outcome = OUTCOMES.get(state.phase)
        if outcome is None or recording is None or not (state.flown or outcome == "lost"):
            self._refuse()
        assert recording is not None  # noqa: S101  (_refuse raises)
        if recording.missing_photos:
            missing = Message.of("event.photos_missing", count=recording.missing_photos)
            recording.note(state.seen.time_s, missing)
        return recording.record(
            plan_name=self._plan.name,
            plan_digest=self._plan.digest,
            started_utc=self._started_utc,
            vehicle=state.identity.name if state.identity is not None else "",
            outcome=outcome or "lost",
        )

    def _refuse(self) -> None:
        state = self.state
        if any(f.severity is Severity.ERROR for f in state.findings):
            raise Blocked(state.findings)
        raise state.failure or LinkError("error.launch_no_take_off")
