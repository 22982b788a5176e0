"""A farm's app on a socket, and a page of headless Chromium that notes whatever goes wrong."""

from __future__ import annotations

import importlib
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from agri.web.app import make_app
from agri.workspace import Workspace
from tests.web_farm import CHEAP, KEY

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NO_CHROMIUM = CHROMIUM is None
QUIET = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")  # fmt: skip


@contextmanager
def running(farm: Workspace) -> Iterator[str]:
    """Serve a farm on the loopback; yield its address."""
    uvicorn = importlib.import_module("uvicorn")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        app = make_app(farm, hosts=frozenset({"127.0.0.1"}), setup_key=KEY, passwords=CHEAP)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def browser_page(address: str, *, width: int = 360, height: int = 740) -> Iterator[Any]:
    """Open a page whose `wrong` holds errors of scripts and requests that leave the machine."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as program:
        browser = program.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        size = {"width": width, "height": height}
        page = browser.new_context(viewport=size, base_url=address).new_page()
        page.wrong = []
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.on("console", lambda said: said.type == "error" and page.wrong.append(said.text))
        page.on("request", lambda one: one.url.startswith((address, "data:"))
                or page.wrong.append(f"asked elsewhere: {one.url}"))  # fmt: skip
        yield page
        browser.close()


def settled(page: Any) -> Any:
    """Return a page once its style and scripts are there.

    A click that leads to another page goes on as soon as the first words of that page are there:
    what is measured then is the size of a page without its style.
    """
    page.wait_for_load_state("load")
    return page


def width_of(page: Any) -> int:
    """Return how wide a page is in its own style, px: more than its screen makes it slide."""
    return int(settled(page).evaluate("document.documentElement.scrollWidth"))
