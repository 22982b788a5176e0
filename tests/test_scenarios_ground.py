"""Hazards before the flight: what must never leave the ground, and is told why.

The same list on both vehicles; the embedded one alone can be what a real one is not (a plane).
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from agri.errors import AgriError, LinkError, NotFound
from missions.flight import launch
from missions.flight.launch import Blocked, fly
from missions.flight.phases import Failed, Order, Phase
from missions.flight.steps import FRESH_S, begin, step
from missions.flightplan import FlightPlan
from missions.items import Command, item_at
from missions.link.link import Link
from missions.wire.delivery import Delivery
from sitl.ardupilot import ArduPilot, find_arducopter
from sitl.scenarios import ON_THE_GROUND, SPRAYING, Fitted, Replaces, Scenario, When
from sitl.simulator import Simulator
from tests import spray_flown as spraying
from tests.scenario_flights import plan
from tests.virtual_air import PAIR, VirtualAir, awake_autopilot

SPEEDUP, REAL_SPEEDUP = 20.0, 8.0
CUTS = 12


def those(when: When) -> Any:
    found = [scenario for scenario in ON_THE_GROUND if scenario.when is when]
    return pytest.mark.parametrize("scenario", found, ids=lambda scenario: scenario.name)


EMBEDDED, REAL = "embedded", "arducopter"
BOTH = pytest.mark.parametrize(
    "vehicle", [EMBEDDED, pytest.param(REAL, marks=pytest.mark.ardupilot)]
)


@contextmanager
def beside(fitted: Fitted, vehicle: str = EMBEDDED) -> Iterator[tuple[Link, str]]:
    """A link to an aircraft set for spraying but for what is said; and an address for others."""
    if vehicle == REAL:
        with real_beside(fitted) as found:
            yield found
        return
    with Simulator(
        spraying.HOME, speedup=SPEEDUP, ready_after_s=4.0, personality=fitted.personality,
        parameters={**SPRAYING, "FS_GCS_TIMEOUT": 90.0, **dict(fitted.parameters)},
    ) as running, Link.connect(running.url) as link:  # fmt: skip
        yield link, running.url


@contextmanager
def real_beside(fitted: Fitted) -> Iterator[tuple[Link, str]]:
    try:
        find_arducopter()
    except NotFound as missing:
        pytest.skip(str(missing))
    parameters = {**SPRAYING, "FS_GCS_TIMEOUT": 90.0, **dict(fitted.parameters)}
    with (
        ArduPilot(spraying.HOME, speedup=REAL_SPEEDUP, parameters=parameters) as running,
        Link.connect(running.url, deadline_s=60.0) as link,
    ):
        yield link, running.more_urls[0]


@pytest.fixture(autouse=True)
def _a_plan_whose_own_checks_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "check_plan", lambda _: [])


@BOTH
@those(When.CONNECTED)
def test_an_aircraft_the_plan_is_not_for_is_refused_with_the_reason(
    scenario: Scenario, vehicle: str
) -> None:
    if vehicle == REAL and not scenario.real:
        pytest.skip("a real ArduCopter is a copter")
    asked: list[object] = []
    with beside(scenario.deed, vehicle) as (link, _):
        with pytest.raises(AgriError) as refused:
            fly(link, plan(), confirm=lambda b: bool(asked.append(b)))
        assert not link.telemetry().armed
    assert asked == []
    assert isinstance(refused.value, Blocked)
    assert set(scenario.told) <= {finding.key for finding in refused.value.findings}


def other(deed: Replaces) -> FlightPlan:
    """What somebody else puts on board."""
    flight = plan()
    if deed.whole:
        return replace(flight, items=spraying.items(spraying.NORTHS[:1]))
    place = spraying.FRAME.place(22.0, 5.0)
    items = [
        item_at(Command.NAV_WAYPOINT, place, 5.0) if number == 2 else item
        for number, item in enumerate(flight.items)
    ]
    return replace(flight, items=tuple(items))


@BOTH
@those(When.CONFIRMED)
@pytest.mark.parametrize("waited_s", [0.0, pytest.param(FRESH_S + 1.0, marks=pytest.mark.slow)])
def test_a_mission_replaced_behind_our_back_is_found_before_arming(
    scenario: Scenario, waited_s: float, vehicle: str
) -> None:
    late_s = 0.0

    def confirm(_: object, url: str) -> bool:
        nonlocal late_s
        with Link.connect(url, source_system=254) as stranger:
            stranger.upload(other(scenario.deed))
        late_s = waited_s
        return True

    with beside(Fitted(), vehicle) as (link, url):
        with pytest.raises(LinkError) as refused:
            fly(
                link, plan(), confirm=lambda b: confirm(b, url),
                clock=lambda: time.monotonic() + late_s,
            )  # fmt: skip
        assert not link.telemetry().armed
    assert refused.value.message.key == "error.link_mission_differs"


def cut_after(messages: int) -> tuple[Delivery, VirtualAir]:
    """A delivery whose link is cut for good after so many messages, either way."""
    left = messages

    def crossing(message: Any, _: float) -> list[Any]:
        nonlocal left
        if message.get_type().startswith("MISSION_"):
            left -= 1
        return [message] if left > 0 else []

    air = VirtualAir(awake_autopilot(), to_vehicle=crossing, to_us=crossing)
    delivery = Delivery(plan(), PAIR)
    air.drive(delivery)
    return delivery, air


def never_arms(messages: int) -> None:
    delivery, air = cut_after(messages)
    assert delivery.verified is None
    assert isinstance(delivery.error, LinkError)
    state = replace(begin(plan()), phase=Phase.UPLOAD, pending=Order.UPLOAD)
    state, orders = step(state, Failed(Order.UPLOAD, delivery.error), 0.0)
    assert state.phase is Phase.REFUSED
    assert orders == ()
    assert not air.autopilot.copter.armed


def whole() -> int:
    """How many mission messages a whole delivery takes, both ways."""
    air = VirtualAir(awake_autopilot())
    air.drive(Delivery(plan(), PAIR))
    return sum(message.get_type().startswith("MISSION_") for _, _, message in air.crossed)


@those(When.UPLOADING)
def test_a_link_cut_during_the_upload_leaves_nothing_that_may_be_armed(scenario: Scenario) -> None:
    dice, count = random.Random(scenario.name), whole()
    for _ in range(CUTS):
        never_arms(dice.randrange(1, count - 1))


@pytest.mark.slow
@those(When.UPLOADING)
def test_a_link_cut_at_every_message_leaves_nothing_that_may_be_armed(scenario: Scenario) -> None:
    for messages in range(1, whole() - 1):
        never_arms(messages)
