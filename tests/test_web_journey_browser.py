"""One spraying from an empty farm to its report, as owner, adviser and pilot live through it.

The same steps on a phone and on a laptop, in Vietnamese and in English: set-up, people, a field
imported from a file, the plan, sent back and approved, launched in the simulator, stopped in
flight, its rest flown to the end, what was applied, the report. Every word that is waited for or
pressed is the app's own, from its dictionary. No step may leave the machine or trip a script.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agri.operations.background.worker import Worker
from agri.people import Verdict
from agri.words import Language, say
from agri.workspace import Outcome, Workspace
from tests.test_web_access import grave
from tests.web_browser import NO_CHROMIUM, browser_page, running, width_of
from tests.web_farm import KEY, SECRET

OWNER, AGENT, PILOT = "Bà Hường", "Chị Lan", "Anh Sơn"
FIELD = "Ruộng Cửa Đình"
KML = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><name>Ruộng Cửa Đình</name>
<Polygon><outerBoundaryIs><LinearRing><coordinates>
106.5300,21.0800 106.53055,21.0800 106.53055,21.08035 106.5300,21.08035 106.5300,21.0800
</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark></Document></kml>
"""
SPRAYING = {"product": "Chế phẩm sinh học", "dose": "500", "phi_days": "0", "rate_l_ha": "20",
            "crop_height_m": "0.5"}  # fmt: skip
SPEEDUP = "20"
HELD_MS = 2200
PATIENCE_MS = 90_000
PHONE, LAPTOP = (360, 740), (1280, 800)
pytestmark = [pytest.mark.browser, pytest.mark.skipif(NO_CHROMIUM, reason="no Chromium here")]


@dataclass
class Journey:
    """Somebody at a screen, in a language."""

    farm: Workspace
    page: Any
    language: Language
    seen: Callable[[str], None]

    def word(self, key: str, **values: str) -> str:
        """Return the app's own word."""
        return say(key, self.language, **values)

    def press(self, key: str, within: str = "main", **values: str) -> None:
        """Press what bears a word."""
        pressed = self.page.locator(f"{within} :is(a, button, summary)")
        pressed.filter(has_text=self.word(key, **values)).first.click()

    def wait(self, shape: str) -> None:
        try:
            self.page.wait_for_selector(shape, timeout=PATIENCE_MS)
        except Exception as late:
            shown = self.page.inner_text("body")
            raise AssertionError(f"no {shape} at {self.page.url}, which shows:\n{shown}") from late

    def wait_word(self, key: str) -> None:
        self.wait(f"text={self.word(key)}")

    def look(self, name: str) -> None:
        """No page is wider than its screen, and each is in the language chosen."""
        width = self.page.viewport_size["width"]
        assert width_of(self.page) <= width, name
        assert self.page.get_attribute("html", "lang") == self.language
        self.seen(name)

    # ---------------------------------------------------------------- people

    def set_up(self) -> None:
        self.page.goto(f"/language/{self.language}?to=/")
        self.page.goto(f"/setup?key={KEY}")
        self.page.fill("[name=name]", OWNER)
        self._twice()
        self.look("setup")
        self.page.click("main button")
        self.wait("nav")
        for role, name in (("agent", AGENT), ("pilot", PILOT)):
            self.page.goto("/people")
            self.page.fill("form[action='/people'] [name=name]", name)
            self.page.check(f"[name=role][value={role}]")
            self._twice()
            self.page.click("form[action='/people'] > button")
            self.wait(f"h2:has-text('{name}')")
        self.look("people")

    def _twice(self) -> None:
        for name in ("password", "again"):
            self.page.fill(f"[name={name}]", SECRET)

    def change_to(self, name: str) -> None:
        self.page.click("form[action='/sign-out'] button")
        self.wait("form[action='/sign-in']")
        self.page.fill("form[action='/sign-in'] [name=name]", name)
        self.page.fill("form[action='/sign-in'] [name=password]", SECRET)
        self.page.click("form[action='/sign-in'] button")
        self.wait("nav")

    # ---------------------------------------------------------------- field and plan

    def bring_field(self) -> None:
        """Send a KML file, and see the field that was made of it."""
        self.page.goto("/uploads/new?purpose=boundaries")
        self.page.click("main form button")
        self.wait("#upload[data-ready=yes]")
        file = {"name": "ruộng.kml", "mimeType": "application/xml", "buffer": KML.encode()}
        self.page.set_input_files("#files", [file])
        self.wait("#done button:enabled")
        self.look("upload")
        self.page.click("#done button")
        self.wait("[data-state=done]")
        self.page.reload()
        self.look("job")
        self.page.click(f"main a.button:has-text('{FIELD}')")
        self.wait("#map[data-ready=yes]")
        assert self.page.inner_text("h1") == FIELD
        self.look("field")

    def plan_spraying(self) -> str:
        """Ask for a spraying; return the plan's key."""
        self.press("page.web_plan_a_spray")
        for name, told in SPRAYING.items():
            self.page.fill(f"[name={name}]", told)
        self.look("spray")
        self.page.click("form.sheet > button")
        self.wait("#map[data-ready=yes]")
        self.look("plan")
        (plan,) = self.farm.plans()
        assert self.page.url.endswith(plan.uid)
        self.press("card.title")
        self.wait(f"text={SPRAYING['product']}")
        self.look("mix card")
        assert grave(self.page) == []
        self.page.click(f"a[href='/plans/{plan.uid}']")
        self.wait("#map[data-ready=yes]")
        return plan.uid

    def send_back_then_approve(self, plan: str) -> None:
        """What was sent back is offered to nobody to fly; the last word counts."""
        self.page.goto(f"/plans/{plan}")
        assert self.page.locator("a[href$='/fly']").count() == 0, "an adviser does not fly"
        self.page.fill("[name=remark]", "Gió chiều hay đổi.")
        self.page.click("[name=verdict][value=sent_back]")
        self.wait("text=Gió chiều hay đổi.")
        self.look("sent back")
        assert self.farm.people.reviews(plan)[0].verdict is Verdict.SENT_BACK
        self.page.click("[name=verdict][value=approved]")
        self.wait_word("page.web_review_approved")
        assert self.farm.people.reviews(plan)[0].verdict is Verdict.APPROVED

    # ---------------------------------------------------------------- in the air

    def ask(self, plan: str) -> None:
        """Ask for a simulated flight, say yes to what must be set, and read the briefing."""
        self.page.goto(f"/plans/{plan}")
        assert AGENT in self.page.inner_text("main") or len(self.farm.plans()) > 1
        self.page.click(f"a[href='/plans/{plan}/fly']")
        self.page.select_option("[name=speedup]", SPEEDUP)
        self.look("fly")
        self.press("page.fly_look")
        self.wait("[name=answer], #hold")
        if self.page.locator("[name=answer]").count():
            self.page.click("[name=answer][value=yes]")
        self.wait("#hold")

    def call_off(self, plan: str) -> None:
        """Before anything flies, one press calls it off."""
        self.ask(plan)
        self.nothing_starts_without_scripts()
        self.page.reload()
        self.page.click(".orders .stop button")  # at once: a press counts as soon as it can be made
        self.wait("#flight[data-stage=failed]")
        self.look("called off")

    def nothing_starts_without_scripts(self) -> None:
        """While a page waits for its scripts, no key in it starts anything, and it says so."""
        context = self.page.context.browser.new_context(
            java_script_enabled=False,
            storage_state=self.page.context.storage_state(),
            viewport=self.page.viewport_size,
        )
        bare = context.new_page()
        bare.goto(self.page.url)
        assert bare.inner_text("#hold-how") == self.word("page.live_hold_wait")
        bare.focus("[name=password]")
        bare.keyboard.type(SECRET)
        bare.keyboard.press("Enter")
        assert bare.locator("#hold").is_disabled()
        bare.reload()
        assert bare.get_attribute("#flight", "data-stage") == "briefing"
        context.close()

    def hold(self, milliseconds: int) -> None:
        self.page.fill("[name=password]", SECRET)
        self.page.locator("#hold").scroll_into_view_if_needed()
        self.page.hover("#hold")
        self.page.mouse.down()
        self.page.wait_for_timeout(milliseconds)
        self.page.mouse.up()

    def let_go_too_soon(self) -> None:
        self.hold(400)
        assert self.page.inner_text("#hold-how") == self.word("page.live_hold_again")
        assert self.page.get_attribute("#flight", "data-stage") == "briefing"
        self.look("briefing")

    def launch(self) -> None:
        """Hold until it flies; a yes that grew old on a busy machine is given once more."""
        for _ in range(3):
            self.hold(HELD_MS)
            self.wait("#live[data-ready=yes], #flight[data-stage=briefing] [role=alert]")
            if self.page.locator("#live").count():
                return
        raise AssertionError(self.page.inner_text("main"))

    def stop_and_land(self) -> None:
        """Stop it over the field by one press, and set it down."""
        self.wait_word("page.live_spraying")
        self.page.dispatch_event(".orders .stop button", "pointerdown")
        self.wait_word("page.live_stopped")
        self.orders_are_in_reach()
        self.look("stopped")
        assert grave(self.page) == []
        self.page.click("[data-order=land] button")
        self.wait("#flight[data-stage=over]")
        said = self.page.inner_text("#told")
        for key in ("event.took_off", "event.asked_stop", "event.asked_land", "event.landed"):
            assert self.word(key) in said
        self.look("landed")

    def orders_are_in_reach(self) -> None:
        """All orders stand low on the screen, large enough for a thumb."""
        height = self.page.viewport_size["height"]
        boxes = {
            form.get_attribute("data-order"): form.locator("button").bounding_box()
            for form in self.page.locator("form[data-order]").all()
        }
        assert set(boxes) == {"stop", "return", "land", "sprayer-off"}
        for order, box in boxes.items():
            assert box["height"] >= 56, order
            assert height * 0.6 < box["y"] < height - box["height"], order

    def fly_the_rest(self) -> None:
        """Plan what is left, and fly it until it is down by itself."""
        self.press("page.live_rest")
        self.wait_word("page.rest_planned")
        self.look("rest-told")
        self.page.click("main a.button[href^='/plans/']")
        self.wait("#map[data-ready=yes]")
        rest = self.page.url.rsplit("/", 1)[1]
        assert rest in {plan.uid for plan in self.farm.plans()}
        self.look("rest")
        self.ask(rest)
        self.launch()
        self.wait("#flight[data-stage=over]")

    # ---------------------------------------------------------------- afterwards

    def see_what_was_applied(self) -> None:
        pressed = self.word("event.asked_stop")
        for number, flight in enumerate(reversed(self.farm.flights())):
            self.page.goto(f"/flights/{flight.uid}")
            self.wait("#map[data-ready=yes]")
            assert (pressed in self.page.inner_text("main")) == (number == 0)
            self.look("flight")
            self.press("page.see_applied")
            self.wait("#map[data-ready=yes]")
            assert self.page.locator(".facts b").count() >= 3
            self.look("applied")
            self.page.click("form[action$='/applied'] button")
            self.wait_word("page.applied_kept")
        kept = [self.farm.applied_of(flight) for flight in self.farm.flights()]
        assert all(one is not None and one.litres > 0.0 for one in kept)

    def report(self) -> None:
        (field,) = self.farm.fields()
        self.page.goto(f"/fields/{field.uid}/report")
        self.page.fill("textarea", "Xem lại sau mưa.")
        self.look("report")
        self.page.click("form.sheet button")
        self.wait("text=Xem lại sau mưa.")
        self.page.emulate_media(media="print")
        assert not self.page.locator("nav").is_visible()
        assert not any(one.is_visible() for one in self.page.locator("form, .screen").all())
        assert self.page.locator("img").count() >= 1
        self.page.emulate_media(media="screen")


@pytest.mark.parametrize(
    ("size", "language"),
    [
        pytest.param(PHONE, "vi", id="phone-vi"),
        pytest.param(LAPTOP, "en", id="laptop-en"),
        pytest.param(PHONE, "en", id="phone-en", marks=pytest.mark.slow),
        pytest.param(LAPTOP, "vi", id="laptop-vi", marks=pytest.mark.slow),
    ],
)
def test_a_spraying_from_an_empty_farm_to_its_report(
    tmp_path: Path, size: tuple[int, int], language: Language, pictures: Callable[[Any, str], None]
) -> None:
    width, height = size
    with (
        Workspace.create(tmp_path / "farm", farm_name="Trại Bình Khê") as farm,
        Worker(farm, now=lambda: datetime.now(UTC)),
        running(farm) as address,
        browser_page(address, width=width, height=height) as page,
    ):
        name = f"{'phone' if size == PHONE else 'laptop'}-{language}"
        here = Journey(farm=farm, page=page, language=language,
                       seen=lambda step: pictures(page, f"{name}-{step}"))  # fmt: skip
        here.set_up()
        here.bring_field()
        plan = here.plan_spraying()
        here.change_to(AGENT)
        here.send_back_then_approve(plan)
        here.change_to(PILOT)
        here.call_off(plan)
        here.ask(plan)
        here.let_go_too_soon()
        here.launch()
        here.stop_and_land()
        here.fly_the_rest()
        assert [flight.outcome for flight in farm.flights()].count(Outcome.LANDED) == 1
        here.see_what_was_applied()
        here.change_to(AGENT)
        here.report()
        assert page.wrong == []


@pytest.fixture
def pictures() -> Callable[[Any, str], None]:
    """Keep a picture of each step where ``AGRI_PICTURES`` names a folder; else nothing."""
    folder = os.environ.get("AGRI_PICTURES", "")
    number = iter(range(1, 100))

    def keep(page: Any, name: str) -> None:
        if folder:
            page.screenshot(path=f"{folder}/{next(number):02d}-{name}.png")

    return keep
