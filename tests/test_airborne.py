"""A flight begun from afar: asked for once, armed once by whom it must be, stopped by anybody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agri.errors import Refused
from agri.findings import Finding, blocks
from agri.operations.airborne import Airborne, LaunchAsked
from agri.operations.apron import MOST_AT_ONCE, Apron
from agri.operations.clearance import Launcher
from agri.operations.fly import fly_plan
from agri.operations.reviews import judge_reviews
from agri.operations.sight import MOST_SPOTS, MOST_TOLD, Stage, Trail
from agri.people import Person, Review, Role, Verdict
from agri.words import Message
from agri.workspace import PlanRecord, Workspace
from missions.flight.briefing import Blocked
from missions.wire.telemetry import Telemetry
from tests import farms, flights
from tests.sizes import of_full
from tests.stand_in import NEED, StandIn, store

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
PLAN = replace(flights.small_plan("Ruộng chợ"), survey=None)
WAIT_S = 20.0


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with Workspace.create(tmp_path_factory.mktemp("airborne") / "farm", farm_name="Trại") as made:
        yield made


@pytest.fixture(scope="module")
def stored(farm: Workspace) -> PlanRecord:
    return store(farm, PLAN)


@pytest.fixture
def apron(farm: Workspace) -> Iterator[Callable[..., tuple[Apron, StandIn]]]:
    made: list[tuple[Apron, StandIn]] = []

    def make(stand_in: StandIn | None = None, **more: Any) -> tuple[Apron, StandIn]:
        flown = stand_in or StandIn()
        made.append((Apron(farm, now=lambda: NOW, fly=flown, **more), flown))
        return made[-1]

    yield make
    for one, flown in made:
        flown.down.set()
        one.close()


def asked(stored: PlanRecord, **changes: Any) -> LaunchAsked:
    values = {
        "plan": PLAN, "stored": stored, "connect": "sim", "simulated": True, "language": "vi",
        "launcher": Launcher(pilot="An", aircraft="Máy 1"), "person_uid": "an", "once": "1",
    }  # fmt: skip
    return LaunchAsked(**{**values, **changes})  # type: ignore[arg-type]


def until(flight: Airborne, stage: Stage) -> Any:
    end_s = time.monotonic() + WAIT_S
    while flight.sight().stage is not stage:
        assert time.monotonic() < end_s, flight.sight()
        assert not flight.sight().stage.ended, flight.sight()
        time.sleep(0.002)
    return flight.sight()


def ended(flight: Airborne) -> Any:
    assert flight.join(WAIT_S)
    return flight.sight()


def refusal(what: Callable[[], object]) -> str:
    with pytest.raises(Refused) as refused:
        what()
    return refused.value.message.key


Make = Callable[..., tuple[Apron, StandIn]]


def test_a_flight_is_asked_for_looked_at_said_yes_to_flown_and_over(
    apron: Make, stored: PlanRecord
) -> None:
    hangar, flown = apron(StandIn(needs=(NEED,), found=(Finding.info("finding.plan_approved"),)))
    flight = hangar.begin(asked(stored))
    question = until(flight, Stage.PARAMETERS).question
    assert [need.name for need in question.needs] == ["FENCE_ENABLE"]
    flight.set_parameters(question.token, yes=True, person_uid="an")
    seen = until(flight, Stage.BRIEFING)
    assert seen.question.findings == flown.found
    assert flown.armed == []
    flight.launch(seen.question.token, digest=PLAN.digest, person_uid="an")
    assert until(flight, Stage.FLYING).question is None
    while not flown.armed:
        time.sleep(0.002)
    assert hangar.find(flight.uid) is flight
    assert hangar.under_way() == (flight,)
    flown.down.set()
    seen = ended(flight)
    assert (seen.stage, seen.outcome, seen.flight, seen.done) == (Stage.OVER, "landed", "f1", 1.0)
    assert "event.took_off" in [one.message.key for one in flight.since(0)[0]]
    assert hangar.under_way() == ()


def test_only_the_right_yes_arms_and_it_arms_once(apron: Make, stored: PlanRecord) -> None:
    hangar, flown = apron()
    flight = hangar.begin(asked(stored))
    token = until(flight, Stage.BRIEFING).question.token
    other = "ab" * 32
    for wrong, key in (
        (lambda: flight.launch("x", digest=PLAN.digest, person_uid="an"), "error.launch_not_asked"),
        (lambda: flight.launch(token, digest=other, person_uid="an"), "error.launch_other_plan"),
        (lambda: flight.launch(token, digest="é", person_uid="an"), "error.launch_other_plan"),
        (lambda: flight.launch(token, digest=PLAN.digest, person_uid="binh"),
         "error.launch_other_person"),
        (lambda: flight.set_parameters(token, yes=True, person_uid="an"), "error.launch_not_asked"),
    ):  # fmt: skip
        assert refusal(wrong) == key
    assert flight.sight().stage is Stage.BRIEFING
    flight.launch(token, digest=PLAN.digest, person_uid="an")
    again = lambda: flight.launch(token, digest=PLAN.digest, person_uid="an")  # noqa: E731
    assert refusal(again) == "error.launch_not_asked"
    flown.down.set()
    ended(flight)
    assert refusal(again) == "error.launch_not_asked"
    assert flown.armed == [PLAN.digest]


def test_without_a_yes_in_time_or_with_a_no_nothing_is_armed(
    apron: Make, stored: PlanRecord
) -> None:
    hangar, flown = apron(answer_s=0.0)
    seen = ended(hangar.begin(asked(stored)))
    assert (seen.stage, seen.why.key) == (Stage.FAILED, "error.launch_no_answer")
    patient, calm = apron()
    flight = patient.begin(asked(stored))
    token = until(flight, Stage.BRIEFING).question.token
    flight.order("stop")
    assert refusal(lambda: flight.launch(token, digest=PLAN.digest, person_uid="an")) == (
        "error.launch_not_asked"
    )
    seen = ended(flight)
    assert (seen.stage, seen.why.key) == (Stage.FAILED, "error.launch_called_off")
    assert flown.armed == calm.armed == calm.link.given == []


def test_the_link_is_kept_awake_while_a_person_thinks(apron: Make, stored: PlanRecord) -> None:
    hangar, flown = apron(answer_s=0.6)
    ended(hangar.begin(asked(stored)))
    assert flown.link.asked >= 1


def test_the_end_of_the_program_ends_launches_and_calls_home_what_flies(
    apron: Make, stored: PlanRecord
) -> None:
    hangar, flown = apron()
    flight = hangar.begin(asked(stored))
    flight.launch(until(flight, Stage.BRIEFING).question.token, digest=PLAN.digest, person_uid="an")
    until(flight, Stage.FLYING)
    hangar.call_home()
    while flown.link.given != ["return_home"]:
        time.sleep(0.002)
    closing = threading.Thread(target=hangar.close)
    closing.start()
    closing.join(0.05)
    assert closing.is_alive(), "it waits until the aircraft is down"
    assert [one.key for one in flown.link.remarks] == ["event.program_ended"], "nobody pressed it"
    flown.down.set()
    closing.join(WAIT_S)
    assert flown.link.given == ["return_home"], "what a person ordered after it would stand"
    assert refusal(lambda: hangar.begin(asked(stored, once="2"))) == "error.flights_too_many"
    waiting, calm = apron()
    flight = waiting.begin(asked(stored))
    until(flight, Stage.BRIEFING)
    waiting.close()
    assert (flight.sight().stage, calm.armed) == (Stage.FAILED, [])


@pytest.mark.parametrize(
    ("verb", "call"),
    [
        ("stop", "hold"),
        ("return", "return_home"),
        ("land", "land"),
        ("sprayer_off", "spray_no_more"),
    ],
)
def test_each_order_is_the_links_own_and_is_told(
    apron: Make, stored: PlanRecord, verb: str, call: str
) -> None:
    hangar, flown = apron()
    flight = hangar.begin(asked(stored))
    flight.launch(until(flight, Stage.BRIEFING).question.token, digest=PLAN.digest, person_uid="an")
    flight.order(verb)
    while not (flown.link.given and flown.link.remarks):
        time.sleep(0.002)
    assert flown.link.given == [call]
    assert f"event.asked_{verb}" in [one.message.key for one in flight.since(0)[0]]
    assert [one.key for one in flown.link.remarks] == [f"event.asked_{verb}"]
    with pytest.raises(KeyError):
        flight.order("arm")


def test_an_order_that_the_network_brings_after_a_newer_one_is_not_carried_out(
    apron: Make, stored: PlanRecord
) -> None:
    """A stop always is; and what other pages number is no matter of this one's."""
    hangar, flown = apron()
    flight = hangar.begin(asked(stored))
    flight.launch(until(flight, Stage.BRIEFING).question.token, digest=PLAN.digest, person_uid="an")
    done: list[str] = []

    def ordered(verb: str, call: str, *, page: str, nth: int) -> None:
        flight.order(verb, page=page, nth=nth)
        done.append(call)
        while len(flown.link.given) < len(done):
            time.sleep(0.002)

    ordered("stop", "hold", page="a", nth=3)
    flight.order("return", page="a", nth=2)
    flight.order("land", page="a", nth=1)
    ordered("stop", "hold", page="a", nth=1)
    ordered("land", "land", page="b", nth=1)
    ordered("return", "return_home", page="a", nth=3)
    ordered("land", "land", page="", nth=0)
    ordered("sprayer_off", "spray_no_more", page="a", nth=1)
    assert flown.link.given == done


def test_an_aircraft_has_one_flight_and_a_form_sent_twice_is_the_same(
    apron: Make, stored: PlanRecord
) -> None:
    hangar, _ = apron()
    flight = hangar.begin(asked(stored))
    assert hangar.begin(asked(stored)) is flight
    second = asked(stored, once="2")
    assert refusal(lambda: hangar.begin(second)) == "error.aircraft_under_way"
    stranger = asked(stored, person_uid="binh")
    assert refusal(lambda: hangar.begin(stranger)) == "error.aircraft_under_way"
    for number in range(1, MOST_AT_ONCE):
        launcher = Launcher(pilot="An", aircraft=f"Máy {number + 1}")
        hangar.begin(asked(stored, once=f"{number + 2}", launcher=launcher))
    more = asked(stored, once="9", launcher=Launcher(pilot="An", aircraft="Máy 9"))
    assert refusal(lambda: hangar.begin(more)) == "error.flights_too_many"


def test_a_plan_made_anew_or_changed_is_not_flown(apron: Make, farm: Workspace) -> None:
    old_plan = replace(PLAN, name="Ruộng cũ")
    old = store(farm, old_plan)
    store(farm, replace(old_plan, rally_points=()))
    hangar, flown = apron()
    wanted = asked(old, plan=old_plan)
    assert refusal(lambda: hangar.begin(wanted)) == "error.launch_old_plan"
    newest = farm.plans()[0]
    changed = asked(newest, plan=replace(old_plan, items=old_plan.items[:-2]))
    assert refusal(lambda: hangar.begin(changed)) == "error.launch_old_plan"
    assert flown.armed == []


# ------------------------------------------------------------------ races


def race(apron: Make, stored: PlanRecord, number: int) -> int:
    """Two who press at once, to ask and to say yes; return how often it armed."""
    hangar, flown = apron(StandIn())
    gate = threading.Barrier(2)
    begun: list[Airborne] = []

    def press(once: str) -> None:
        gate.wait(WAIT_S)
        with suppress(Refused):
            flight = hangar.begin(asked(stored, once=once))
            begun.append(flight)
            seen = flight.sight()
            while not (seen.question or seen.stage.ended or seen.stage is Stage.FLYING):
                seen = flight.sight()
            token = seen.question.token if seen.question else "too late"
            flight.launch(token, digest=PLAN.digest, person_uid="an")

    names = ("same", "same") if number % 2 else ("one", "two")
    pressed = [threading.Thread(target=press, args=(name,)) for name in names]
    for one in pressed:
        one.start()
    for one in pressed:
        one.join(WAIT_S)
    flown.down.set()
    assert all(one.join(WAIT_S) for one in begun)
    assert len(set(begun)) == 1
    return len(flown.armed)


def test_of_two_who_launch_at_once_at_most_one_does(apron: Make, stored: PlanRecord) -> None:
    assert [race(apron, stored, number) for number in range(50)] == [1] * 50


@pytest.mark.slow
def test_a_thousand_races_of_two_end_with_no_double_launch(
    apron: Make, stored: PlanRecord, record_property: Callable[[str, object], None]
) -> None:
    armed = [race(apron, stored, number) for number in range(of_full(1_000))]
    record_property("races", len(armed))
    record_property("double_launches", sum(count > 1 for count in armed))
    assert armed == [1] * len(armed)


# ------------------------------------------------------------------ reviews


def person(role: Role) -> Person:
    return Person(name=f"Chị {role}", role=role, password_hash="x", created_utc=farms.START)


def test_a_plan_sent_back_is_not_flown_not_even_simulated_until_it_is_approved(
    tmp_path: Path,
) -> None:
    with Workspace.create(tmp_path / "farm", farm_name="Trại") as farm:
        assert judge_reviews(farm, PLAN) == ()
        farm.people.add(person(Role.OWNER))
        assert judge_reviews(farm, PLAN) == ()
        farm.people.add(person(Role.AGENT))
        assert [f.key for f in judge_reviews(farm, PLAN)] == ["finding.plan_not_reviewed"]
        stored = store(farm, PLAN)

        def say(verdict: Verdict, digest: str = PLAN.digest) -> tuple[str, bool]:
            farm.people.review(Review(plan_uid=stored.uid, plan_digest=digest, verdict=verdict,
                                      remark="gần nhà", by="Chị Mai", at_utc=NOW))  # fmt: skip
            (found,) = judge_reviews(farm, PLAN)
            return found.key, blocks([found])

        assert say(Verdict.SENT_BACK, "ab" * 32) == ("finding.plan_not_reviewed", False)
        assert say(Verdict.SENT_BACK) == ("finding.review_sent_back", True)
        with pytest.raises(Blocked) as blocked:
            fly_plan(farm, PLAN, stored, connect="sim", pilot=None, language="vi",  # type: ignore[arg-type]
                     now=NOW)  # fmt: skip
        assert "finding.review_sent_back" in [f.key for f in blocked.value.findings]
        assert say(Verdict.APPROVED) == ("finding.plan_approved", False)


# ------------------------------------------------------------------ what is kept of the way


def test_a_trail_is_thinned_bounded_and_given_from_a_number_on() -> None:
    trail = Trail()
    for number in range(3 * MOST_TOLD):
        trail.tell(number, NOW, Message.of("event.took_off"))
    assert len(trail.told_since(-1)) == MOST_TOLD
    assert [one.number for one in trail.told_since(3 * MOST_TOLD - 3)] == [598, 599]
    home = PLAN.home
    here = Telemetry(place=home, armed=True)
    for number in range(10):
        trail.move(number, here)
    trail.move(10, replace(here, pump_share=0.5))
    trail.move(11, replace(here, armed=False, place=replace(home, lat_deg=21.1)))
    assert [(one.number, one.wet) for one in trail.spots_since(-1)] == [(0, False), (10, True)]
    for number in range(20, 20 + 2 * MOST_SPOTS):
        trail.move(number, replace(here, place=replace(home, lat_deg=21.0 + number * 2e-5)))
    assert len(trail.spots_since(-1)) == MOST_SPOTS
