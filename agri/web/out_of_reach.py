"""What a phone shows when the farm's computer is out of reach: a worker in the browser, one page.

Theory of operation. Where the browser allows it (an encrypted connection that it trusts, or the
computer itself), our own script registers a service worker for the whole app. It keeps the map
library, the letters and the styles, each by an address that changes with what is in it
(`agri.web.static_files`), so nothing old is ever shown; and the page made here, which is the answer
to a page that the computer no longer gives. Everything else goes past it: pages, tiles, states,
event streams and whatever changes something are neither kept nor answered by it. The page is in
both languages; a script hides the one that was not read last.

The worker's text begins with a fingerprint of all it keeps, so another wheel is another worker: it
takes over at once and throws away what the last one kept. An unencrypted address in the village's
network knows no workers, and nothing is different there.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from agri.web.pages import bare_page
from agri.web.static_files import file_at, static_files
from agri.web.visit import Routes

PAGE = "/unreachable"
OURS = ("app.css", "maps.css", "icon.svg", "out_of_reach.js", "keeping.js")
"""Our own files among those that are kept; the map library and the letters are kept whole."""


@cache
def kept() -> tuple[str, ...]:
    """Return the addresses that the worker keeps, beside the page."""
    return tuple(
        file_at(name) for name in static_files() if name.startswith("vendor/") or name in OURS
    )


@cache
def worker_text() -> str:
    """Return the worker's script, with what it keeps and the fingerprint of that."""
    body = static_files()["worker.js"].plain.decode()
    told = hashlib.sha256((body + page_text() + "".join(kept())).encode()).hexdigest()[:20]
    named = {"VERSION": told, "PAGE": PAGE, "KEPT": kept()}
    head = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in named.items())
    return head + body


@cache
def page_text() -> str:
    """Return the page that is shown when the computer is out of reach, in both languages."""
    return bare_page("unreachable")


def worker(request: Request) -> Response:
    """Answer with the worker; from the top, for it may only act below its own address."""
    del request
    return Response(
        worker_text(), media_type="text/javascript; charset=utf-8",
        headers={"cache-control": "no-cache"},
    )  # fmt: skip


def unreachable(request: Request) -> Response:
    """Answer with the page; whoever sees it learns nothing of the farm."""
    del request
    return HTMLResponse(page_text())


ROUTES: Routes = [("GET", "/worker.js", worker), ("GET", PAGE, unreachable)]
