"""A pilot's way through a flight on a phone: held to launch, watched, stopped, landed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from agri.people import Person, Role
from agri.workspace import Workspace
from tests import farms, spraying
from tests.stand_in import store
from tests.test_web_access import grave
from tests.web_browser import NO_CHROMIUM, browser_page, running
from tests.web_farm import HASH, SECRET, small_farm

PILOT = "Anh Sơn"
HELD_MS = 2200
PATIENCE_MS = 60_000
PLAN = spraying.PLAN
pytestmark = [pytest.mark.browser, pytest.mark.skipif(NO_CHROMIUM, reason="no Chromium here")]


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with small_farm(tmp_path_factory.mktemp("pilot") / "farm") as made:
        made.people.add(Person(name="Chị Hoa", role=Role.OWNER, password_hash=HASH,
                               created_utc=farms.START))  # fmt: skip
        made.people.add(Person(name=PILOT, role=Role.PILOT, password_hash=HASH,
                               created_utc=farms.START))  # fmt: skip
        store(made, PLAN)
        yield made


def sign_in(phone: Any) -> None:
    phone.goto("/sign-in")
    phone.fill("[name=name]", PILOT)
    phone.fill("[name=password]", SECRET)
    phone.click("main button")


def ask(phone: Any, plan: str) -> None:
    """Ask for a simulated flight, say yes to what must be set, and read the briefing."""
    phone.goto(f"/plans/{plan}")
    phone.click(f"a[href='/plans/{plan}/fly']")
    phone.select_option("[name=speedup]", "20")
    phone.click("text=Kết nối máy bay")
    phone.wait_for_selector("[name=answer], #hold", timeout=PATIENCE_MS)
    if phone.locator("[name=answer]").count():
        phone.click("[name=answer][value=yes]")
    phone.wait_for_selector("#hold", timeout=PATIENCE_MS)


def hold(phone: Any, milliseconds: int) -> None:
    phone.fill("[name=password]", SECRET)
    phone.locator("#hold").scroll_into_view_if_needed()
    phone.hover("#hold")
    phone.mouse.down()
    phone.wait_for_timeout(milliseconds)
    phone.mouse.up()


def launch(phone: Any) -> None:
    """Hold until it flies; a yes that grew old on a busy machine is given once more."""
    for _ in range(3):
        hold(phone, HELD_MS)
        phone.wait_for_selector("#live[data-ready=yes], #flight[data-stage=briefing] [role=alert]",
                                timeout=PATIENCE_MS)  # fmt: skip
        if phone.locator("#live").count():
            return
    raise AssertionError(phone.inner_text("main"))


def boxes(phone: Any) -> dict[str, tuple[float, float]]:
    """Top edge and height of each order's button."""
    return {
        form.get_attribute("data-order"): (box["y"], box["height"])
        for form in phone.locator("form[data-order]").all()
        if (box := form.locator("button").bounding_box())
    }


def test_a_flight_is_held_to_launch_watched_stopped_landed_and_its_rest_planned(
    farm: Workspace,
) -> None:
    (plan,) = farm.plans()
    with running(farm) as address, browser_page(address) as phone:
        sign_in(phone)
        ask(phone, plan.uid)
        phone.reload()
        phone.click(".orders .stop button")  # at once: a press counts as soon as it can be made
        phone.wait_for_selector("#flight[data-stage=failed]", timeout=PATIENCE_MS)
        assert "Đã hủy cất cánh" in phone.inner_text("#state")
        ask(phone, plan.uid)
        hold(phone, 400)
        assert "Thả tay sớm quá" in phone.inner_text("#hold-how")
        assert phone.get_attribute("#flight", "data-stage") == "briefing"
        launch(phone)
        phone.wait_for_selector("text=Đang phun.", timeout=PATIENCE_MS)
        phone.dispatch_event(".orders .stop button", "pointerdown")
        phone.wait_for_selector("text=Đã dừng; máy bay đứng yên", timeout=PATIENCE_MS)
        orders = boxes(phone)
        assert set(orders) == {"stop", "return", "land", "sprayer-off"}
        assert all(height >= 56 for _, height in orders.values())
        assert all(740 * 0.6 < top < 740 - height for top, height in orders.values())
        assert phone.evaluate("document.documentElement.scrollWidth") == 360
        assert grave(phone) == []
        phone.click("text=Hạ cánh")
        phone.wait_for_selector("#flight[data-stage=over]", timeout=PATIENCE_MS)
        said = phone.inner_text("#told")
        for words in ("Đã cất cánh.", "Đã bấm Dừng.", "Đã bấm Hạ cánh.", "Đã hạ cánh"):
            assert words in said
        (flight,) = farm.flights()
        assert phone.locator(f"a[href='/flights/{flight.uid}']").count() == 1
        phone.click("text=Lập kế hoạch phần còn lại")
        phone.wait_for_selector("#map[data-ready=yes]")
        assert phone.locator("text=▲ Bay").count() == 1
        assert len(farm.plans()) == 2
        assert phone.wrong == []
