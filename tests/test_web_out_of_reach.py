"""What a phone shows when the farm's computer is out of reach, and that nothing old is shown."""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from agri.people import Role
from agri.web.app import make_app
from agri.web.static_files import static_files
from agri.words import LANGUAGES, say
from agri.workspace import Workspace
from tests import web_browser
from tests.web_browser import NO_CHROMIUM, browser_page, width_of
from tests.web_farm import CHEAP, KEY, SECRET, Served, small_farm


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Workspace]:
    with small_farm(tmp_path / "farm") as made:
        yield made


# ------------------------------------------------------------------ what is served


def kept_of(worker: str) -> list[str]:
    """The addresses that the worker keeps."""
    found = re.search(r"^const KEPT = (\[.*\]);$", worker, re.MULTILINE)
    assert found is not None
    return list(json.loads(found[1]))


def test_the_worker_acts_for_the_whole_app_and_its_text_is_asked_for_each_time(
    farm: Workspace,
) -> None:
    answer = Served(farm).browser().get("/worker.js")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "set-cookie" not in answer.headers


def test_what_the_worker_keeps_is_named_by_what_is_in_it_and_is_no_page(farm: Workspace) -> None:
    browser = Served(farm).browser()
    kept = kept_of(browser.get("/worker.js").text)
    assert any("leaflet.js" in path for path in kept)
    assert sum(path.endswith(".woff2") for path in kept) == 4
    for path in kept:
        assert path.startswith("/static/vendor/") or re.search(r"\?v=[0-9a-f]{12}$", path), path
        answer = browser.get(path)
        assert answer.status_code == 200, path
        assert "immutable" in answer.headers["cache-control"], path
    styled = next(path for path in kept if "app.css" in path)
    other = browser.get(styled[:-1] + ("0" if styled[-1] != "0" else "1"))
    assert other.headers["cache-control"] == "no-cache", "of another wheel: asked for again"


def test_the_page_keeps_nothing_of_the_farm_and_says_the_same_in_both_languages(
    farm: Workspace,
) -> None:
    answer = Served(farm).browser().get("/unreachable")
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    assert "Triều" not in answer.text
    for language in LANGUAGES:
        for key in ("away_what", "away_mission", "away_failsafe", "away_nearer", "away_radio"):
            assert say(f"page.{key}", language).replace("'", "&#39;") in answer.text
    asked = set(re.findall(r'(?:src|href)="(/[^"]+)"', answer.text))
    assert asked <= set(kept_of(Served(farm).browser().get("/worker.js").text))


def test_another_wheel_is_another_worker(farm: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from agri.web import out_of_reach

    now = out_of_reach.worker_text()
    css = static_files()["app.css"]
    for cached in (out_of_reach.kept, out_of_reach.worker_text):
        cached.cache_clear()
    changed = {**static_files(), "app.css": type(css)(
        plain=b"p{}", packed=b"", kind=css.kind, tag='"00000000000000000000"')}  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr(out_of_reach, "static_files", lambda: changed)
        patch.setattr("agri.web.static_files.static_files", lambda: changed)
        other = out_of_reach.worker_text()
    for cached in (out_of_reach.kept, out_of_reach.worker_text):
        cached.cache_clear()
    assert other.splitlines()[0] != now.splitlines()[0]
    assert out_of_reach.worker_text() == now


# ------------------------------------------------------------------ in a browser

KEPT = """async () => (await Promise.all((await caches.keys()).map(async (name) =>
  (await (await caches.open(name)).keys()).map((one) => one.url)))).flat().sort()"""
UPDATED = """async () => {
  const one = await navigator.serviceWorker.getRegistration();
  await one.update();
  const worker = one.installing || one.waiting || one.active;
  while (worker.state !== "activated")
    await new Promise((go) => worker.addEventListener("statechange", go, {once: true})); }"""
STATE = "fetch('/jobs.json').then(() => 'answered', () => 'failed')"


@contextmanager
def serving(farm: Workspace, port: int) -> Iterator[int]:
    """Serve a farm on the loopback at a port, 0 for any free one; connections end with it."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        hosts = frozenset({"127.0.0.1", "farm.test"})
        app = make_app(farm, hosts=hosts, setup_key=KEY, passwords=CHEAP)
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def picture(page: Any, name: str) -> None:
    """Keep what a page looks like, where somebody wants to look at it."""
    if folder := os.environ.get("AGRI_PICTURES"):
        page.screenshot(path=Path(folder) / name, full_page=True)


def signed_in(page: Any, language: str) -> None:
    """Sign the owner in, and wait for the worker."""
    page.goto(f"/language/{language}?back=/sign-in")
    page.fill("[name=name]", f"Người {Role.OWNER.value}")
    page.fill("[name=password]", SECRET)
    page.click("main button")
    page.wait_for_selector("footer")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()
    assert page.evaluate("navigator.serviceWorker.controller !== null")


@pytest.mark.browser
@pytest.mark.skipif(NO_CHROMIUM, reason="no Chromium here")
@pytest.mark.parametrize(
    ("language", "width", "height"),
    [("vi", 360, 740), pytest.param("en", 1280, 800, marks=pytest.mark.slow)],
)
def test_a_phone_out_of_reach_says_so_and_shows_the_real_page_again_once_it_can(
    farm: Workspace, language: str, width: int, height: int
) -> None:
    Served(farm).signed_in(Role.OWNER)
    with ExitStack() as browsing:
        with serving(farm, 0) as port:
            at = f"http://127.0.0.1:{port}"
            page = browsing.enter_context(browser_page(at, width=width, height=height))
            signed_in(page, language)
            page.goto("/plans")
            kept = page.evaluate(KEPT)
            assert not any("/plans" in path for path in kept), kept
            assert page.wrong == []
        page.goto("/plans")
        assert page.url == f"{at}/plans"
        assert page.title() == say("page.away_title", language)
        assert page.locator("html").get_attribute("lang") == language
        told = page.inner_text("main")
        assert say("page.away_failsafe", language) in told
        other = next(one for one in LANGUAGES if one != language)
        assert say("page.away_failsafe", other) not in told
        assert page.evaluate("getComputedStyle(document.querySelector('h1')).fontWeight") == "700"
        assert width_of(page) <= width
        assert page.evaluate(STATE) == "failed", "nothing else is answered"
        picture(page, f"away-{language}.png")
        with serving(farm, port):
            page.wait_for_selector(
                "main h1:has-text('{}')".format(say("page.web_sign_in", language))
            )
            assert page.evaluate(KEPT) == kept


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(NO_CHROMIUM, reason="no Chromium here")
def test_a_newer_wheels_worker_takes_over_at_once_and_keeps_nothing_of_the_last(
    farm: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agri.web import out_of_reach

    Served(farm).signed_in(Role.OWNER)
    with serving(farm, 0) as port, browser_page(f"http://127.0.0.1:{port}") as page:
        signed_in(page, "vi")
        before = page.evaluate("caches.keys()")
        text = out_of_reach.worker_text()
        newer = re.sub(r'VERSION = "[0-9a-f]+"', 'VERSION = "newer"', text)
        monkeypatch.setattr(out_of_reach, "worker_text", lambda: newer)
        page.evaluate(UPDATED)
        assert page.evaluate("caches.keys()") == ["agri-newer"] != before
        assert page.wrong == []


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(NO_CHROMIUM, reason="no Chromium here")
def test_an_unencrypted_name_knows_no_worker_and_nothing_complains(
    farm: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolved = "--host-resolver-rules=MAP farm.test 127.0.0.1"
    monkeypatch.setattr(web_browser, "QUIET", (*web_browser.QUIET, resolved))
    Served(farm).signed_in(Role.OWNER)
    with serving(farm, 0) as port, browser_page(f"http://farm.test:{port}") as page:
        page.goto("/sign-in")
        assert not page.evaluate("isSecureContext")
        assert page.evaluate("navigator.serviceWorker === undefined")
        assert page.evaluate("localStorage.getItem('agri-language')") == "vi"
        told = [one for one in page.wrong if "Cross-Origin-Opener-Policy" not in one]
        assert told == [], "but of a header that counts on encrypted connections alone"
