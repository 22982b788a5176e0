"""Who orders a stop before the aircraft flies stops the launch, whatever it was waiting for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from agri.errors import LinkError, Refused
from agri.track import FlightRecord
from missions.flight.launch import fly
from missions.flight.phases import Did, Failed, FlightState, Order, Phase, Saw
from missions.flight.steps import LAUNCHING, MOTORS, step
from missions.flight.watching import Note, Watched
from missions.wire.sightings import Sighting, SightingKind
from missions.wire.telemetry import CopterMode
from tests import plans
from tests.scripted_link import ScriptedLink
from tests.test_flight import FLYING, PLAN, READY

WAY_UP = ("identify", "upload", "verify", "mode GUIDED", "arm", "mode AUTO", "start_mission")


class Pressed(ScriptedLink):
    """Stop is pressed during one of its calls, or while the person reads the briefing."""

    when = ""

    def _do(self, name: str, value: Any = None) -> None:
        super()._do(name, value)
        if name == self.when != "start_mission":
            self.press()

    def start_mission(self) -> None:
        super().start_mission()
        if self.when == "start_mission":
            self.press()

    def press(self) -> None:
        self.asked.append("pressed")
        self.tell(SightingKind.ORDER, ordered=int(CopterMode.BRAKE), mode=int(CopterMode.BRAKE))

    @contextlib.contextmanager
    def patience(self) -> Iterator[None]:
        yield
        if self.when == "yes":
            self.press()


def flown(when: str) -> tuple[Pressed, FlightRecord | Refused]:
    link = Pressed(plans.PLAN)
    link.when = when
    try:
        return link, fly(link, link.plan, confirm=lambda _: True, clock=link.clock)  # type: ignore[arg-type]
    except Refused as refused:
        return link, refused


@pytest.mark.parametrize("when", [*WAY_UP[:-1], "yes"])
def test_after_a_stop_nothing_arms_or_starts_and_the_motors_are_switched_off(when: str) -> None:
    link, outcome = flown(when)
    assert isinstance(outcome, Refused)
    assert outcome.message.key == "error.launch_stopped"
    after = link.asked[link.asked.index("pressed") + 1 :]
    assert not {"arm", "mode AUTO", "start_mission", "upload"} & set(after)
    assert not link.seen.armed
    assert ("disarm" in after) == (when in ("arm", "mode AUTO"))


def test_a_stop_as_it_leaves_the_ground_holds_it_there() -> None:
    link, outcome = flown("start_mission")
    assert isinstance(outcome, Refused)
    assert outcome.message.key == "error.launch_stopped"
    after = link.asked[link.asked.index("pressed") + 1 :]
    assert after[0] == "hold"
    assert not {"start_mission", "mode AUTO", "arm"} & set(after)
    assert not link.seen.armed


def test_after_the_start_but_before_it_rises_a_stop_switches_the_motors_off() -> None:
    standing = FlightState(plan=PLAN, phase=Phase.WATCH)
    low = replace(FLYING, height_m=0.1)
    press = Saw(Sighting(kind=SightingKind.ORDER, telemetry=low, mode=CopterMode.BRAKE))
    after, orders = step(standing, press, 1.0)
    assert orders == (Order.DISARM,)
    assert isinstance(after.failure, Refused)
    assert after.watched.ordered == CopterMode.BRAKE
    refused, told = step(after, Failed(Order.DISARM, LinkError("error.link_lost")), 2.0)
    assert refused.phase is Phase.WATCH, "one that has risen refuses, and is watched on"
    assert [one.message.key for one in told if isinstance(one, Note)] == ["event.order_failed"]
    off = replace(after, seen=replace(low, armed=False))
    for answer in (Did(Order.DISARM), Failed(Order.DISARM, LinkError("error.link_lost"))):
        assert step(off, answer, 2.0)[0].phase is Phase.ABORTED
        assert step(after, answer, 2.0)[0].phase is Phase.WATCH
    for high in (replace(FLYING, height_m=2.0), replace(FLYING, armed=False)):
        seen = Saw(Sighting(kind=SightingKind.ORDER, telemetry=high, mode=CopterMode.BRAKE))
        assert Order.DISARM not in step(standing, seen, 1.0)[1]
    risen = replace(standing, watched=Watched(airborne=True))
    assert Order.DISARM not in step(risen, press, 1.0)[1], "it lands; the autopilot sees to that"


def order_seen(armed: bool) -> Saw:
    seen = FLYING if armed else READY
    return Saw(Sighting(kind=SightingKind.ORDER, telemetry=seen, mode=CopterMode.BRAKE))


@pytest.mark.parametrize("phase", sorted(LAUNCHING, key=lambda one: one.value))
def test_every_phase_of_a_launch_ends_by_a_stop(phase: Phase) -> None:
    state, orders = step(FlightState(plan=PLAN, phase=phase), order_seen(armed=False), 1.0)
    assert state.stopped
    assert isinstance(state.failure, Refused)
    assert state.phase is (Phase.GIVE_UP if phase in MOTORS else Phase.REFUSED)
    assert orders == ((Order.DISARM,) if phase in MOTORS else ())
    flying, held = step(FlightState(plan=PLAN, phase=phase), order_seen(armed=True), 1.0)
    assert flying.phase is (Phase.WATCH if phase in MOTORS else Phase.REFUSED)
    assert held == ((Order.HOLD,) if phase in MOTORS else ())


@pytest.mark.parametrize(
    "answer", [Did(Order.DISARM), Failed(Order.DISARM, LinkError("error.link_lost"))]
)
def test_what_flies_after_all_when_its_motors_were_to_be_off_is_held(answer: Did | Failed) -> None:
    state = FlightState(
        plan=PLAN, phase=Phase.GIVE_UP, pending=Order.DISARM, stopped=True, seen=FLYING
    )
    after, orders = step(state, answer, 1.0)
    assert (after.phase, orders) == (Phase.WATCH, (Order.HOLD,))
