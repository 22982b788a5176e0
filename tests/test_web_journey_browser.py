"""From an empty farm to a report on a laptop, in English: owner, adviser and pilot in turn."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from agri.people import Verdict
from agri.workspace import Workspace
from tests.web_browser import NO_CHROMIUM, browser_page, running
from tests.web_farm import KEY, SECRET

CORNERS = "21.0800, 106.5300\n21.0800, 106.5306\n21.0805, 106.5306\n21.0805, 106.5300"
PEOPLE = {"agent": "Chị Lan", "pilot": "Anh Sơn"}
pytestmark = [pytest.mark.browser, pytest.mark.skipif(NO_CHROMIUM, reason="no Chromium here")]


def passwords(page: Any) -> None:
    for name in ("password", "again"):
        page.fill(f"[name={name}]", SECRET)


def sign_in(page: Any, name: str) -> None:
    page.click("text=Sign out")
    page.fill("[name=name]", name)
    page.fill("[name=password]", SECRET)
    page.click("main button")


def test_a_farm_is_set_up_planned_approved_and_reported_on_a_laptop(tmp_path: Path) -> None:
    with (
        Workspace.create(tmp_path / "farm", farm_name="Trại Bình Khê") as farm,
        running(farm) as address,
        browser_page(address, width=1280, height=800) as page,
    ):
        page.goto("/language/en?back=/")
        page.goto(f"/setup?key={KEY}")
        page.fill("[name=name]", "Bà Hường")
        passwords(page)
        page.click("main button")
        page.wait_for_selector("text=Sign out")
        for role, name in PEOPLE.items():
            page.goto("/people")
            page.fill("form[action='/people'] [name=name]", name)
            page.check(f"[name=role][value={role}]")
            passwords(page)
            page.click("text=Add somebody >> nth=-1")
            page.wait_for_selector(f"h2:has-text('{name}')")
        page.goto("/fields/new")
        page.wait_for_selector("#draw[data-ready=yes]")
        page.fill("[name=name]", "Vườn đồi")
        page.fill("[name=crop]", "Vải PH40")
        page.click("summary")
        page.fill("#corners", CORNERS)
        page.click("form.sheet > button")
        page.wait_for_selector("#map[data-ready=yes]")
        assert page.inner_text("h1") == "Vườn đồi"

        sign_in(page, PEOPLE["agent"])
        page.click("text=Vườn đồi >> nth=0")
        page.click("text=Plan a survey")
        page.click("form.sheet > button")
        page.wait_for_selector("#map[data-ready=yes]")
        plan = page.url
        assert page.locator(f"a[href$='{plan.rpartition('/')[2]}/fly']").count() == 0
        page.click("text=✓ Approve")
        page.wait_for_selector("text=Approved")
        (kept,) = farm.plans()
        assert farm.people.reviews(kept.uid)[0].verdict is Verdict.APPROVED

        page.goto(f"/fields/{kept.field_uid}/report")
        page.fill("textarea", "Come back after the rain.")
        page.click("form.sheet button")
        page.wait_for_selector("text=Come back after the rain.")
        page.emulate_media(media="print")
        assert not page.locator("nav").is_visible()
        assert page.locator("img").count() >= 1
        page.emulate_media(media="screen")

        sign_in(page, PEOPLE["pilot"])
        page.goto(plan)
        assert "Chị Lan" in page.inner_text("main")
        page.click("a[href$='/fly']")
        assert re.search(r"/plans/[0-9a-f-]+/fly$", page.url)
        assert page.wrong == []
