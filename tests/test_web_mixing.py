"""The mix card in the app: what goes into the tank, on a page of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from agri.people import Role
from agri.web.static_files import file_at
from agri.words import say
from tests import spraying
from tests.stand_in import store
from tests.web_farm import Served, small_farm


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_plan_leads_to_its_mix_card_and_the_card_back(tmp_path: Path, language: str) -> None:
    with small_farm(tmp_path / "farm") as farm:
        store(farm, spraying.PLAN)
        (plan,) = farm.plans()
        browser = Served(farm).signed_in(Role.VIEWER)
        browser.get(f"/language/{language}?to=/")
        assert f'href="/plans/{plan.uid}/mix"' in browser.get(f"/plans/{plan.uid}").text
        answer = browser.get(f"/plans/{plan.uid}/mix")
        assert answer.status_code == 200
        assert say("card.title", language) in answer.text  # type: ignore[arg-type]
        assert spraying.PLAN.spray is not None
        assert spraying.PLAN.spray.settings.product.name in answer.text
        assert f'href="/plans/{plan.uid}"' in answer.text
        style = file_at("paper/mix_card.css")
        assert f'href="{style}"' in answer.text
        assert "<style" not in answer.text, "the app allows no style within a page"
        assert browser.get(style).status_code == 200


def test_what_sprays_nothing_or_may_not_fly_has_no_card(tmp_path: Path) -> None:
    with small_farm(tmp_path / "farm") as farm:
        browser = Served(farm).signed_in(Role.PLANNER)
        survey = {"camera": "MicaSense RedEdge-P multispectral", "gsd_cm": "3", "aircraft": ""}
        browser.post(f"/fields/{farm.fields()[1].uid}/survey", survey)
        (plan,) = farm.plans()
        assert "/mix" not in browser.get(f"/plans/{plan.uid}").text
        answer = browser.get(f"/plans/{plan.uid}/mix")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/plans/{plan.uid}")
