"""Before the rest of a spraying is planned, the tank is asked for; the plan goes by it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agri.operations.rests import after_flight
from agri.people import Role
from agri.words import say
from agri.workspace import Outcome, StoredFlight, Workspace
from tests import farms
from tests import spray_flown as spraying
from tests.web_farm import Browser, Served


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "farm", farm_name="Trại", now=farms.ticking()) as workspace:
        yield workspace


def broken_off(farm: Workspace) -> StoredFlight:
    """A spraying that was called home after three lines of six."""
    landed = spraying.kept_flight(farm, 3)
    record = replace(farm.load_flight(landed.uid), outcome="aborted")
    return farm.save_flight(record, mission_uid=landed.mission_uid)


def asked(browser: Browser, path: str) -> str:
    """The litres that the flight's page shows in its form."""
    found = re.search(r'name="left_l"[^>]* value="([^"]*)"', browser.get(path).text)
    assert found is not None
    return found[1]


def test_the_record_says_what_the_tank_holds_and_left_standing_it_stays_reckoned(
    farm: Workspace,
) -> None:
    flight = broken_off(farm)
    planner = Served(farm).signed_in(Role.PLANNER)
    left_l = after_flight(farm, flight.uid).left_l
    assert left_l is not None
    assert left_l > 0.0
    shown = asked(planner, f"/flights/{flight.uid}")
    assert shown == f"{left_l:.1f}".replace(".", ",")
    for told in (shown, "", " "):
        text = planner.post(f"/flights/{flight.uid}/rest", {"left_l": told}).text
        assert "Trong bình có thể còn khoảng" in text, "reckoned"
        assert say("page.rest_planned", "vi") in text


def test_what_was_read_says_how_much_to_fill_in_and_that_nozzles_are_blocked(
    farm: Workspace,
) -> None:
    flight = broken_off(farm)
    planner = Served(farm).signed_in(Role.PLANNER)
    text = planner.post(f"/flights/{flight.uid}/rest", {"left_l": "6,4"}).text
    assert "Trong bình có thể còn khoảng" not in text
    assert "6,4 L" in text
    assert "béc phun" in text
    way = re.search(r'href="(/plans/[0-9a-z-]+)"', text)
    assert way is not None
    assert planner.get(way[1]).status_code == 200
    back = planner.get(f"/flights/{flight.uid}/rest")
    assert back.headers["location"] == f"/flights/{flight.uid}"


@pytest.mark.parametrize("told", ["viele", "-1", "5000", "1e9"])
def test_what_is_no_amount_of_mixture_plans_nothing(farm: Workspace, told: str) -> None:
    flight = broken_off(farm)
    planner, before = Served(farm).signed_in(Role.PLANNER), len(farm.plans())
    answer = planner.post(f"/flights/{flight.uid}/rest", {"left_l": told})
    assert answer.status_code == 400
    assert say("page.rest_tank", "vi") in answer.text
    assert f'action="/flights/{flight.uid}/rest"' in answer.text
    assert f'name="left_l" type="text" value="{told}"' in answer.text
    assert len(farm.plans()) == before


@pytest.mark.parametrize(("lines", "rest"), [(3, True), (6, False)])
def test_a_flight_that_landed_with_its_sprayer_off_for_half_of_it_has_a_rest(
    farm: Workspace, lines: int, rest: bool
) -> None:
    flight = spraying.kept_flight(farm, lines)
    assert flight.outcome is Outcome.LANDED
    after = after_flight(farm, flight.uid)
    assert after.rest is rest
    assert (after.left_l is not None) is rest
    page = Served(farm).signed_in(Role.PLANNER).get(f"/flights/{flight.uid}").text
    assert (f"/flights/{flight.uid}/rest" in page) is rest
