"""Questions and answers of a link that is measured: which count, when they end, what is lost."""

from __future__ import annotations

import math

import pytest

from missions.wire.messages import Ack, Address, MissionType, Pair, Received, TimeSync
from missions.wire.pinging import Pinging, loss_up

US, AIRCRAFT, OTHER = Address(255, 190), Address(1, 1), Address(2, 1)
PAIR = Pair(vehicle=AIRCRAFT, us=US)


def asking(count: int = 3, every_s: float = 0.5) -> Pinging:
    return Pinging(PAIR, count, every_s)


def answer(question: TimeSync, *, sender: Address = AIRCRAFT, answered_ns: int = 7) -> Received:
    body = TimeSync(asked_ns=question.asked_ns, answered_ns=answered_ns)
    return Received(body=body, sender=sender, target=US)


def test_it_asks_as_often_and_as_seldom_as_it_is_told() -> None:
    ping = asking()
    assert ping.wake_s == math.inf
    asked = [(100.0, len(ping.start(100.0)))]
    for time_s in (100.0, 100.49, 100.5, 100.6, 101.0, 101.5, 102.0):
        asked.append((time_s, len(ping.tick(time_s))))
    assert [time_s for time_s, count in asked if count] == [100.0, 100.5, 101.0]
    assert ping.sent == 3
    assert ping.error is None


def test_the_last_answers_have_two_seconds() -> None:
    ping = asking(1)
    ping.start(100.0)
    assert ping.wake_s == 102.0
    assert ping.tick(101.99) == ()
    assert not ping.finished
    assert ping.tick(102.0) == ()
    assert ping.finished
    assert ping.trips_s == []


def test_a_late_turn_does_not_ask_twice_at_once() -> None:
    ping = asking()
    ping.start(100.0)
    assert len(ping.tick(103.0)) == 1
    assert ping.wake_s == 103.0
    assert len(ping.tick(103.0)) == 1
    assert ping.wake_s == 105.0


def test_each_answer_is_a_trip_and_the_last_ends_it() -> None:
    ping = asking(2)
    (first,) = ping.start(100.0)
    assert isinstance(first, TimeSync)
    assert ping.receive(answer(first), 100.06) == ()
    assert not ping.finished
    (second,) = ping.tick(100.5)
    assert isinstance(second, TimeSync)
    assert not ping.finished
    ping.receive(answer(second), 100.58)
    assert ping.finished
    assert ping.trips_s == pytest.approx([0.06, 0.08])


def test_questions_carry_our_clock_and_differ_even_at_one_time() -> None:
    ping = asking(3, 0.0)
    asked = [*ping.start(100.0), *ping.tick(100.0), *ping.tick(100.0)]
    times = [one.asked_ns for one in asked if isinstance(one, TimeSync)]
    assert times[0] == 100_000_000_000
    assert len({*times}) == 3
    assert times == sorted(times)
    assert all(one.answered_ns == 0 for one in asked if isinstance(one, TimeSync))


def test_what_is_no_answer_to_us_does_not_count() -> None:
    ping = asking(1)
    (question,) = ping.start(100.0)
    assert isinstance(question, TimeSync)
    for wrong in (
        answer(question, sender=OTHER),
        answer(question, answered_ns=0),
        answer(TimeSync(asked_ns=question.asked_ns + 1)),
        Received(body=Ack(mission_type=MissionType.MISSION, result=0), sender=AIRCRAFT, target=US),
    ):
        ping.receive(wrong, 100.1)
    assert (ping.trips_s, ping.finished) == ([], False)
    ping.receive(answer(question), 100.2)
    ping.receive(answer(question), 100.3)
    assert ping.trips_s == pytest.approx([0.2])


@pytest.mark.parametrize(
    ("sent", "answered", "down", "loss", "margin"),
    [
        (100, 100, 0.0, 0.0, 1.96 * math.sqrt(0.01 / 100)),
        (100, 50, 0.0, 0.5, 1.96 * math.sqrt(0.25 / 100)),
        (100, 40, 0.2, 0.5, 1.96 * math.sqrt(0.24 / 100) / 0.8),
        (100, 90, 0.2, 0.0, 1.96 * math.sqrt(0.09 / 100) / 0.8),
        (100, 0, 0.5, 1.0, 1.96 * math.sqrt(0.01 / 100) / 0.5),
        (1, 0, 0.9, 1.0, 1.0),
        (4, 3, 0.0, 0.25, 1.96 * math.sqrt(0.25 / 4)),
    ],
)
def test_the_loss_on_the_way_up_is_what_the_way_down_does_not_explain(
    sent: int, answered: int, down: float, loss: float, margin: float
) -> None:
    assert loss_up(sent, answered, down) == (pytest.approx(loss), pytest.approx(margin))


@pytest.mark.parametrize(("sent", "down"), [(0, 0.0), (100, 1.0)])
def test_nothing_asked_or_nothing_heard_says_nothing(sent: int, down: float) -> None:
    assert all(map(math.isnan, loss_up(sent, 0, down)))
