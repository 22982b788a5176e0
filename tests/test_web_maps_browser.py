"""A field's map on a phone in a real browser: tapped, wiped by keys, noted on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from agri.operations.fieldmap.basemap import FILE
from agri.operations.fieldmap.tile_store import write_store
from agri.people import Person, Role
from agri.workspace import Workspace
from tests import mapped_farm as mapped
from tests.test_web_basemap import EVIL, png
from tests.web_browser import NO_CHROMIUM, browser_page, running, width_of
from tests.web_farm import HASH, SECRET

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(NO_CHROMIUM, reason="Chromium is not installed"),
]


@pytest.fixture
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with mapped.mapped_farm(tmp_path_factory.mktemp("maps") / "farm") as made:
        made.people.add(Person(name="Lan", role=Role.AGENT, password_hash=HASH,
                               created_utc=mapped.FIRST))  # fmt: skip
        x, y, *_ = mapped.tile_of(40, 30, 17)
        write_store(made.folder / FILE, [((17, x, y), png(99))], name="b", source=EVIL)
        yield made


def tap(page: Any, across: float, down: float) -> None:
    box = page.locator("#fieldmap").bounding_box()
    at = {"x": box["width"] * across, "y": box["height"] * down}
    page.locator("#fieldmap").click(position=at)


def test_a_map_is_tapped_wiped_and_noted_on(farm: Workspace) -> None:
    uid = farm.fields()[0].uid
    with running(farm) as address, browser_page(address) as page:
        page.set_default_timeout(10_000)
        page.goto("/sign-in")
        page.fill("[name=name]", "Lan")
        page.fill("[name=password]", SECRET)
        page.click("main button")

        page.goto(f"/fields/{uid}/map")
        page.wait_for_selector("#fieldmap[data-ready=yes]")
        page.wait_for_selector("text=© Cục Đo đạc")
        page.check("input[value=zones]")
        page.select_option("[name=show]", "ngay-1.1")
        page.wait_for_selector("#told h2:has-text('11/02/2026')")
        tap(page, 0.3, 0.4)
        page.wait_for_selector("#answer .value.told")
        assert "Vùng 1" in page.inner_text("#answer")

        page.click("#noting > summary")
        page.check("#noting [value=area]")
        for across, down in ((0.3, 0.3), (0.6, 0.3), (0.6, 0.6)):
            tap(page, across, down)
        page.fill("#noting [name=text]", EVIL)
        page.click("#noting button:not([type])")
        page.wait_for_selector("ul.notes .said")
        assert page.inner_text("ul.notes .said") == EVIL
        (note,) = farm.notes.of_field(uid)
        assert len(note.geometry.exterior.coords) == 4
        assert note.photo_day == mapped.FIRST.date()
        assert width_of(page) == 360

        page.goto(f"/fields/{uid}/dates")
        page.wait_for_selector("#twodates[data-ready=yes]")
        shape = "document.querySelector('.leaflet-cover-pane').style.clipPath"
        before = page.evaluate(shape)
        page.focus("#swiper input")
        page.keyboard.press("End")
        assert page.input_value("#swiper input") == "100"
        assert page.evaluate(shape) != before
        assert width_of(page) == 360
        assert page.wrong == []
