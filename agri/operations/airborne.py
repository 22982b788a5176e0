"""One flight under way, flown in the background of a program that people talk to from afar.

Theory of operation. A thread of its own goes the way of `agri.operations.fly.fly_plan`, which
stays the only way to fly. Where that asks a person, the thread waits for an answer, keeps the link
awake meanwhile, and after `ANSWER_S` takes silence for a no. An answer names the question it is
to, by a token that is used up with it; a yes to arm also names the plan and comes from the person
who asked for the flight. So a doubled, late or strange yes arms nothing.

What a person far away may order are four verbs: stop, return, land, sprayer off. They are sent
from threads of their own and wait for nobody; before the yes to arm there is nothing to stop but
the launch itself, and it ends. After the yes and before the take-off a stop ends it too
(`missions.flight.steps`).

The heartbeats to the aircraft hang on this thread, never on a browser: with the program they end,
and the aircraft's own failsafe brings it home. A person who looks away changes nothing.
"""

from __future__ import annotations

import hmac
import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from agri.errors import AgriError, Refused
from agri.findings import Finding
from agri.operations.clearance import Launcher
from agri.operations.fly import Flown, Pilot
from agri.operations.sight import Question, Sight, Spot, Sprayed, Stage, Told, Trail
from agri.words import Language, Message
from agri.workspace import PlanRecord
from missions.flight.briefing import Blocked, Briefing
from missions.flight.launch import FlightProgress
from missions.flight.phases import ENDS
from missions.flightplan import FlightPlan
from missions.link.link import Link
from missions.preflight.requirements import Requirement
from missions.wire.telemetry import Telemetry

LOG = logging.getLogger(__name__)
ANSWER_S = 300.0
"""How long a question waits for its answer; then the aircraft stays on the ground."""
AWAKE_S = 0.5
MOST_ORDERS = 40
"""Orders under way at once; each is repeated by itself, so more say nothing new."""
MOST_PAGES = 1000
VERBS: dict[str, Callable[[Link], None]] = {
    "stop": lambda link: link.hold(),
    "return": lambda link: link.return_home(),
    "land": lambda link: link.land(),
    "sprayer_off": lambda link: link.spray_no_more(),
}
"""All that may be ordered of a flight under way."""
OUTDATED = ("return", "land")
"""What is not carried out after a newer order from the same page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchAsked:
    """A flight that a person asks for.

    Parameters
    ----------
    plan, stored : FlightPlan, PlanRecord
        What is to be flown, and its row in the farm.
    connect : str
        As in `agri.operations.fly.fly_plan`.
    simulated : bool
        Whether no real aircraft flies.
    launcher : Launcher
        Who flies what, in which weather.
    person_uid : str
        Key of the person who asks: nobody else launches it.
    language : {"vi", "en"}
        Of picture and page.
    speedup : float or None
        How much faster than the clock a simulation flies.
    key : str
        Name of the signing key to speak with, "" for none.
    once : str
        Names this asking: asked again it is the same flight.
    """

    plan: FlightPlan
    stored: PlanRecord
    connect: str
    simulated: bool
    launcher: Launcher
    person_uid: str
    language: Language
    speedup: float | None = None
    key: str = ""
    once: str = ""


Run = Callable[[Pilot], Flown]


class Airborne:
    """A flight under way; every method may be called from any thread.

    Parameters
    ----------
    uid : str
        Its key among the flights of this program.
    asked : LaunchAsked
        What was asked for.
    run : callable
        Flies it with the `Pilot` given, and returns when it is over.
    now : callable
        The wall clock, UTC.
    clock : callable
        Seconds, never going back.
    answer_s : float
        How long a question waits.
    """

    def __init__(
        self, uid: str, asked: LaunchAsked, run: Run, *, now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic, answer_s: float = ANSWER_S,
    ) -> None:  # fmt: skip
        self.uid, self.asked = uid, asked
        self._run, self._now, self._clock, self._answer_s = run, now, clock, answer_s
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._fly, name=f"flight {uid}", daemon=True)
        self._trail, self._sprayed = Trail(), Sprayed(asked.plan)
        self._link: Link | None = None
        self._number = 1
        self._stage = Stage.LOOKING
        self._progress: FlightProgress | None = None
        self._furthest = 0
        self._question: Question | None = None
        self._answer: bool | None = None
        self._briefed = False
        self._called_off: Message | None = None
        self._findings: tuple[Finding, ...] = ()
        self._why: Message | None = None
        self._flown: Flown | None = None
        self._orders: list[threading.Thread] = []
        self._pressed: dict[str, int] = {}
        self._no_more = self._left = False
        self._stopped_by = ""

    def begin(self) -> None:
        """Start looking at the aircraft."""
        self._thread.start()

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait for its end; return whether it has come."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    # ------------------------------------------------------------------ what is seen

    def sight(self) -> Sight:
        """Return the flight as it is now."""
        with self._changed:
            progress, flown, link = self._progress, self._flown, self._link
            items = len(self.asked.plan.items)
            landed = flown is not None and flown.record.outcome == "landed"
            return Sight(
                number=self._number,
                stage=self._stage,
                phase=progress.phase if progress else None,
                seen=progress.telemetry if progress else Telemetry(),
                wind=progress.wind if progress else None,
                photos=progress.photos if progress else 0,
                done=1.0 if landed else max(0, self._furthest - 1) / items if items else 0.0,
                litres=self._sprayed.litres,
                no_more=self._no_more,
                silence_s=link.silence_s if link and not _ended(progress) else 0.0,
                transfer=_transfer(progress),
                question=self._question,
                findings=self._findings,
                why=self._why,
                flight=flown.stored.uid if flown else "",
                outcome=flown.record.outcome if flown else "",
            )

    def since(self, number: int) -> tuple[tuple[Told, ...], tuple[Spot, ...]]:
        """Return the sentences and the places after a number."""
        with self._changed:
            return self._trail.told_since(number), self._trail.spots_since(number)

    # ------------------------------------------------------------------ what a person says

    def set_parameters(self, token: str, *, yes: bool, person_uid: str) -> None:
        """Answer whether the parameters shown may be set.

        Raises
        ------
        Refused
            When that is not asked (any more), or somebody else asked for the flight.
        """
        self._say(Stage.PARAMETERS, token, person_uid, yes=yes)

    def launch(self, token: str, *, digest: str, person_uid: str) -> None:
        """Say yes to the briefing shown: the aircraft may be armed.

        Parameters
        ----------
        token : str
            Of the briefing.
        digest : str
            Of the plan that was shown with it.
        person_uid : str
            Who says so.

        Raises
        ------
        Refused
            When that is not asked (any more), another plan was shown, or somebody else asked for
            the flight: nothing is armed by it.
        """
        if not hmac.compare_digest(digest.encode(), self.asked.plan.digest.encode()):
            raise Refused("error.launch_other_plan")
        self._say(Stage.BRIEFING, token, person_uid, yes=True)

    def order(
        self, verb: str, *, by: str = "", page: str = "", nth: int = 0, told: Message | None = None
    ) -> None:
        """Order stop, return, land or sprayer off; return before the aircraft has answered.

        Before the yes to arm it ends the launch, whatever the verb.

        Parameters
        ----------
        verb : str
            A key of `VERBS`.
        by : str
            Name of who orders.
        page : str
            What it was pressed on, "" when that does not number its orders.
        nth : int
            Its number there: a network brings an old order after a newer one, and an old one to
            return or land is not carried out then. A stop always is.
        told : Message, optional
            What the record says of it, by default that it was pressed.
        """
        send, asked = VERBS[verb], told or Message.of(f"event.asked_{verb}")
        with self._changed:
            if self._outdated(verb, page, nth):
                return
            if verb != "sprayer_off":
                self._stopped_by = by
            self._no_more = self._no_more or verb == "sprayer_off"
            self._tell(asked)
            link = self._link if self._stage is Stage.FLYING else None
            if link is None:
                self._call_off(Message.of("error.launch_called_off"))
                return
            self._orders = [one for one in self._orders if one.is_alive()]
            if len(self._orders) >= MOST_ORDERS:
                return
            thread = threading.Thread(target=self._send, args=(send, link), daemon=True)
            self._orders.append(thread)
        thread.start()
        link.remark(asked)

    def _outdated(self, verb: str, page: str, nth: int) -> bool:
        """Return whether a page gave a newer order than this one to return or land; note it."""
        newest = self._pressed.get(page, 0)
        if not page or nth < newest:
            return bool(page) and verb in OUTDATED
        if page in self._pressed or len(self._pressed) < MOST_PAGES:
            self._pressed[page] = nth
        return False

    def leave(self) -> None:
        """End a launch that nobody said yes to; bring home what flies: the program is ending."""
        with self._changed:
            if self._left:
                return  # what a person orders after it stands
            self._left = True
        self.order("return", told=Message.of("event.program_ended"))

    # ------------------------------------------------------------------ inside

    def _say(self, stage: Stage, token: str, person_uid: str, *, yes: bool) -> None:
        with self._changed:
            question = self._question
            open_still = question is not None and self._stage is stage and self._answer is None
            if (
                question is None or not open_still or self._called_off is not None
                or self._clock() >= question.until_s
                or not hmac.compare_digest(token.encode(), question.token.encode())
            ):  # fmt: skip
                raise Refused("error.launch_not_asked")
            if person_uid != self.asked.person_uid:
                raise Refused("error.launch_other_person", who=self.asked.launcher.pilot)
            self._answer, self._question = yes, None
            self._to(Stage.FLYING if yes and stage is Stage.BRIEFING else Stage.LOOKING)
            self._changed.notify_all()

    def _send(self, send: Callable[[Link], None], link: Link) -> None:
        try:
            send(link)
        except AgriError as trouble:
            if trouble.message.key == "error.link_command_overtaken":
                return  # the newer order is told of
            with self._changed:
                self._tell(Message.of("event.order_failed", reason=trouble.message))

    def _call_off(self, why: Message) -> None:
        if self._called_off is None and not self._stage.ended:
            self._called_off = why
        self._changed.notify_all()

    def _tell(self, message: Message) -> None:
        self._number += 1
        self._trail.tell(self._number, self._now(), message)

    def _to(self, stage: Stage) -> None:
        self._number += 1
        self._stage = stage

    def _fly(self) -> None:
        pilot = Pilot(may_set=self._may_set, may_arm=self._may_arm, on_link=self._on_link,
                      on_progress=self._on_progress, on_found=self._on_found,
                      stopped_by=lambda: self._stopped_by)  # fmt: skip
        flown, why, found = None, None, self._findings
        try:
            flown = self._run(pilot)
        except Blocked as blocked:
            why, found = blocked.message, blocked.findings
        except AgriError as error:
            why = self._called_off or error.message
        except Exception:
            LOG.exception("a fault of agri's own in a flight")
            why = Message.of("error.flight_fault")
        with self._changed:
            self._link, self._question = None, None
            self._flown, self._why = flown, why
            self._findings = found if why else self._findings
            self._to(Stage.FAILED if flown is None else Stage.OVER)
            self._changed.notify_all()

    # the pilot's part, on the flight's own thread

    def _on_link(self, link: Link) -> None:
        with self._changed:
            self._link = link
            self._number += 1

    def _on_found(self, found: tuple[Finding, ...]) -> None:
        with self._changed:
            self._findings = found

    def _on_progress(self, progress: FlightProgress) -> None:
        with self._changed:
            if self._called_off is not None and self._stage is not Stage.FLYING:
                raise Refused("error.launch_called_off")
            self._number += 1
            self._progress = progress
            seen = progress.telemetry
            if seen.armed:
                self._furthest = max(self._furthest, seen.mission_current)
            self._sprayed.take(seen)
            self._trail.move(self._number, seen)
            if progress.message is not None:
                self._tell(progress.message)

    def _may_set(self, needs: tuple[Requirement, ...]) -> bool:
        token = secrets.token_urlsafe(16)
        settable = tuple(need for need in needs if need.settable)
        return self._ask(Stage.PARAMETERS, token, needs=settable)

    def _may_arm(self, briefing: Briefing) -> bool:
        with self._changed:
            self._findings = briefing.findings
        return self._ask(Stage.BRIEFING, secrets.token_urlsafe(16), briefing=briefing)

    def _ask(
        self, stage: Stage, token: str, *, needs: tuple[Requirement, ...] = (),
        briefing: Briefing | None = None,
    ) -> bool:  # fmt: skip
        """Wait for a person's answer while the link is kept awake; silence is a no."""
        until_s = self._clock() + self._answer_s
        with self._changed:
            self._answer = None
            self._question = Question(
                token=token, until_s=until_s, needs=needs,
                findings=briefing.findings if briefing else (),
                vehicle=briefing.identity.name if briefing else "",
                again=briefing is not None and self._briefed,
            )  # fmt: skip
            self._briefed = self._briefed or briefing is not None
            self._to(stage)
            while self._answer is None and self._called_off is None and self._clock() < until_s:
                self._changed.wait(AWAKE_S)
                if self._link is not None:
                    self._link.telemetry()
            if self._answer is None and self._called_off is None:
                self._called_off = Message.of("error.launch_no_answer", minutes=self._answer_s / 60)
            if self._question is not None:
                self._question = None
                self._to(Stage.LOOKING)
            return bool(self._answer) and self._called_off is None


def _transfer(progress: FlightProgress | None) -> Message | None:
    return progress.transfer.message if progress and progress.transfer else None


def _ended(progress: FlightProgress | None) -> bool:
    return progress is not None and progress.phase in ENDS
