"""A farmer's way through the app in a real browser, at a phone's size, without a network."""

from __future__ import annotations

import importlib
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agri.web.app import make_app
from agri.workspace import Workspace
from tests.web_farm import CHEAP, KEY, SECRET, small_farm

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")  # fmt: skip
PRESSED = "main a.button, main a.card, button, nav a, input:not([type=hidden]), select"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Workspace, str]]:
    uvicorn = importlib.import_module("uvicorn")
    with small_farm(tmp_path / "farm") as farm, socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        app = make_app(farm, hosts=frozenset({"127.0.0.1"}), setup_key=KEY, passwords=CHEAP)
        running = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="none"))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        while not running.started:
            time.sleep(0.01)
        yield farm, f"http://127.0.0.1:{listener.getsockname()[1]}"
        running.should_exit = True
        thread.join()


@pytest.fixture
def phone(server: tuple[Workspace, str]) -> Iterator[Any]:
    """A page of 360 × 740 that notes what goes wrong and what it asks elsewhere."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as program:
        browser = program.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        page = browser.new_page(viewport={"width": 360, "height": 740}, base_url=server[1])
        page.wrong = []
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.on("console", lambda said: said.type == "error" and page.wrong.append(said.text))
        page.on("request", lambda one: one.url.startswith((server[1], "data:"))
                or page.wrong.append(f"asked elsewhere: {one.url}"))  # fmt: skip
        yield page
        browser.close()


def large_enough(page: Any) -> list[str]:
    """What can be pressed but is smaller than a thumb needs."""
    script = """(pressed) => [...document.querySelectorAll(pressed)]
      .filter(e => e.checkVisibility())
      .map(e => [e.textContent || e.name, e.getBoundingClientRect()])
      .filter(([, box]) => box.height < 48 || box.width < 44).map(([name]) => name)"""
    return list(page.evaluate(script, PRESSED))


def test_a_farm_is_set_up_and_a_field_drawn_by_tapping_on_a_phone(
    server: tuple[Workspace, str], phone: Any
) -> None:
    farm, _ = server
    phone.goto(f"/setup?key={KEY}")
    for name in ("password", "again"):
        phone.fill(f"[name={name}]", SECRET)
    phone.fill("[name=name]", "Bà Hường")
    phone.click("main button")
    phone.wait_for_selector("#map[data-ready=yes]")
    assert phone.locator("main a.card").count() == 2
    assert phone.locator("#map path").count() >= 2
    phone.click("text=Vẽ thửa ruộng")
    phone.wait_for_selector("#draw[data-ready=yes]")
    assert large_enough(phone) == []
    for x, y in ((120, 90), (260, 90), (260, 210)):
        phone.locator("#draw").click(position={"x": x, "y": y})
    assert re.fullmatch(r"Khoảng [\d.,]+ sào", phone.inner_text("#size"))
    phone.fill("[name=name]", "Ruộng <b>vẽ</b>")
    phone.click("text=Lưu thửa ruộng")
    phone.wait_for_selector("#map[data-ready=yes]")
    assert phone.inner_text("h1") == "Ruộng <b>vẽ</b>"
    drawn = farm.field("Ruộng <b>vẽ</b>")
    assert len(drawn.boundary.geoms[0].exterior.coords) == 4
    assert phone.evaluate("document.documentElement.scrollWidth") == 360
    phone.click("text=English")
    phone.wait_for_selector("text=Sign out")
    assert large_enough(phone) == []
    assert phone.wrong == []
