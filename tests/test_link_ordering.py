"""Of the orders that stop a flight only the newest stands, however bad the radio is."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agri.errors import AgriError, LinkError
from missions.link import ordering
from missions.link.address import read_address
from missions.link.link import Link
from missions.link.service import Service
from missions.wire.messages import Address
from missions.wire.telemetry import CopterMode
from tests.test_link import NoRadio, from_vehicle, heartbeat

AUTO, LOITER = 3, 5
MODES = {"hold": CopterMode.BRAKE, "return_home": CopterMode.RTL, "land": CopterMode.LAND}
PAIRS = list(itertools.permutations(MODES, 2))
WAIT_S = 10.0


class Aircraft(NoRadio):
    """A copter behind a radio that loses what it is told to lose."""

    def __init__(self) -> None:
        super().__init__()
        self.mode = AUTO
        self.ordered: list[int] = []
        self.obeys: Callable[[int], bool] = lambda _: True
        self.taken_over: Callable[[int], None] = lambda _: None
        self.answers = True
        self.unsaid: list[Any] = []

    def send(self, message: Any) -> None:
        kind = message.get_type()
        if kind == "HEARTBEAT":
            self.beat()
        if kind != "COMMAND_LONG" or message.command not in (176, 216, 206):
            return
        if message.command == 176:
            self.ordered.append(int(message.param2))
            if not self.obeys(int(message.param2)):
                return
            self.mode = int(message.param2)
            self.taken_over(self.mode)
        self.unsaid.append(from_vehicle(mavlink.MAVLink_command_ack_message(message.command, 0)))
        if self.answers:
            self.say()

    def beat(self) -> None:
        self.inbox.put(heartbeat(self.mode, armed=True))

    def say(self) -> None:
        """Let every answer that was held back come."""
        said, self.unsaid = self.unsaid, []
        for message in said:
            self.inbox.put(message)


@contextmanager
def spoken_to(aircraft: Aircraft) -> Iterator[Link]:
    service = Service(aircraft, Address(255, 190), time.monotonic)  # type: ignore[arg-type]
    link = Link(read_address("udp:127.0.0.1:14550"), aircraft, service, time.monotonic)  # type: ignore[arg-type]
    aircraft.beat()
    service.begin()
    try:
        link.wait(lambda: service.telemetry.mode == AUTO, WAIT_S, "error.link_lost")
        yield link
    finally:
        service.end()


class Ordering(threading.Thread):
    """Somebody who gives an order and waits for what comes of it."""

    def __init__(self, link: Link, order: str, *told: CopterMode) -> None:
        super().__init__(daemon=True)
        self.give = partial(getattr(link, order), *told)
        self.error: AgriError | None = None
        self.start()

    def run(self) -> None:
        try:
            self.give()
        except AgriError as error:
            self.error = error

    def ended(self) -> str:
        self.join(WAIT_S)
        assert not self.is_alive()
        return self.error.message.key if self.error else ""


def until(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.002)


@pytest.mark.parametrize(("first", "then"), PAIRS)
def test_an_older_order_is_never_sent_again_after_a_newer_one(first: str, then: str) -> None:
    """No answer comes through, so each order is repeated as long as it stands."""
    aircraft = Aircraft()
    aircraft.answers = False
    with spoken_to(aircraft) as link:
        older = Ordering(link, first)
        until(lambda: aircraft.ordered.count(MODES[first]) >= 2)
        newer = Ordering(link, then)
        until(lambda: aircraft.ordered.count(MODES[then]) >= 4)
        aircraft.answers = True
        aircraft.say()
        assert newer.ended() == ""
        assert older.ended() == "error.link_command_overtaken"
    turned = aircraft.ordered.index(MODES[then])
    assert set(aircraft.ordered[turned:]) == {MODES[then]}
    assert aircraft.mode == MODES[then]


@pytest.mark.parametrize("order", MODES)
def test_a_mode_that_the_launch_still_asks_for_is_not_asked_for_after_a_stop(order: str) -> None:
    aircraft = Aircraft()
    aircraft.answers = False
    with spoken_to(aircraft) as link:
        launch = Ordering(link, "set_mode", CopterMode.GUIDED)
        until(lambda: CopterMode.GUIDED in aircraft.ordered)
        aircraft.answers = True
        getattr(link, order)()
        assert launch.ended() == "error.link_command_overtaken"
        time.sleep(0.8)  # it would have been repeated by now
    assert aircraft.ordered.count(CopterMode.GUIDED) == 1
    assert aircraft.mode == MODES[order]


@pytest.mark.parametrize(("first", "then"), PAIRS)
def test_the_late_answer_to_an_older_order_is_not_taken_for_the_newer_ones(
    first: str, then: str
) -> None:
    """The newer order is lost on its way, and the older one's answer comes just then."""
    aircraft = Aircraft()
    aircraft.answers = False
    lost = iter(range(3))

    def obeys(mode: int) -> bool:
        if mode == MODES[then] and next(lost, None) is not None:
            aircraft.say()
            return False
        return True

    aircraft.obeys = obeys
    with spoken_to(aircraft) as link:
        older = Ordering(link, first)
        until(lambda: aircraft.mode == MODES[first])
        newer = Ordering(link, then)
        until(lambda: aircraft.mode == MODES[then])
        aircraft.answers = True
        aircraft.say()
        assert newer.ended() == ""
        assert older.ended() == "error.link_command_overtaken"
    assert aircraft.mode == MODES[then]


def test_a_refusal_of_an_older_order_does_not_end_the_newer_one() -> None:
    aircraft = Aircraft()
    refused = from_vehicle(mavlink.MAVLink_command_ack_message(176, 4))
    lost = iter(range(2))

    def obeys(mode: int) -> bool:
        if mode == CopterMode.LAND and next(lost, None) is None:
            return True
        aircraft.inbox.put(refused)
        return False

    aircraft.obeys = obeys
    with spoken_to(aircraft) as link:
        with pytest.raises(LinkError) as told:
            link.return_home()
        assert told.value.message.key == "error.link_command_refused"
        link.land()
    assert aircraft.mode == CopterMode.LAND


def test_a_pilot_who_takes_over_after_an_order_is_not_argued_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ordering, "STATE_WAIT_S", 1.5)
    aircraft = Aircraft()

    def taken_over(mode: int) -> None:
        aircraft.mode = LOITER if mode == CopterMode.BRAKE else mode

    aircraft.taken_over = taken_over
    with spoken_to(aircraft) as link:
        link.return_home()
        with pytest.raises(LinkError) as told:
            link.hold()
    assert told.value.message.key == "error.link_mode"
    assert aircraft.ordered == [CopterMode.RTL, CopterMode.BRAKE]
    assert aircraft.mode == LOITER
