"""Several farms behind one address: a browser is in one of them at a time.

Theory of operation. Each farm keeps its own app, with its own people, sessions and audit record;
nothing is shared between them but the address. A cookie of the browser's tells which farm it is in;
who has none is shown the list. The cookie gives no right: a session of one farm is nothing to the
others, so who changes farms signs in there, as whoever they are there. The list tells the names of
the farms to everybody who can reach the server, as the sign-in page tells that of one. Who is
signed in to a farm of which a flight is under way stays in it, for there Stop is at hand.

Other programs keep no cookie. Their token was made in one farm and says which they read: the farm
that knows it answers, and it alone. A token that no farm knows is refused as by a farm that does
not know it: what else the request could be known by is taken off it first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from agri.errors import AgriError, Refused
from agri.web.gate import App, Receive, Scope, Send, header
from agri.web.pages import page
from agri.web.read_tokens import digest_of, token_in
from agri.web.rights import for_machines
from agri.web.visit import Routes, Turned, visit_of

YEAR_S = 365 * 86_400
LIST = "/farms"
OPEN = ("/static/", "/language/", "/farms/", "/worker.js", "/unreachable")
"""What a browser is answered that has not chosen a farm."""
TELLS_WHO = frozenset({b"authorization", b"cookie"})
"""Headers by which a farm could know somebody."""
KnowsToken = Callable[[str], bool]
"""Whether a farm knows a token by its digest."""


def cookie_name(port: int | None) -> str:
    """Return the name of the cookie of a server, which has its port in it (why: `visit`)."""
    return f"agri-farm-{port or 'web'}"


class Neighbours:
    """The apps of several farms as one.

    Parameters
    ----------
    apps : mapping of str to app
        By the farm's key; each knows the others' names (`agri.web.visit.Desk.neighbours`).
    knows : mapping of str to callable
        By the farm's key: whether it knows a token.
    """

    def __init__(self, apps: Mapping[str, App], knows: Mapping[str, KnowsToken]) -> None:
        self._apps, self._knows = dict(apps), dict(knows)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the farm answer that the browser is in, without one any farm show the list."""
        path = str(scope.get("path", ""))
        program = scope["type"] == "http" and for_machines(path)
        token = token_in(header(scope, b"authorization")) if program else ""
        chosen = await run_in_threadpool(self._knowing, token) if token else _chosen(scope)
        app = self._apps.get(chosen)
        if app is None:
            app = next(iter(self._apps.values()))
            if program:
                told = scope.get("headers", ())
                scope = {**scope, "headers": [one for one in told if one[0] not in TELLS_WHO]}
            elif scope.get("method") in ("GET", "HEAD") and not path.startswith(OPEN):
                scope = {**scope, "path": LIST, "raw_path": LIST.encode()}
        await app(scope, receive, send)

    def _knowing(self, token: str) -> str:
        """Return the key of the farm in which a token was made, "" for none."""
        digest = digest_of(token)
        for key, knows in self._knows.items():
            with suppress(AgriError):  # a farm out of reach takes the others none away
                if knows(digest):
                    return key
        return ""


def _chosen(scope: Scope) -> str:
    told = b"; ".join(value for name, value in scope.get("headers", ()) if name == b"cookie")
    server = scope.get("server") or ("", None)
    try:
        cookies = SimpleCookie(told.decode("latin-1"))
    except CookieError:
        return ""
    names = {cookie_name(server[1]), cookie_name(None)}
    return next((one.value for name, one in cookies.items() if name in names), "")


def farms(request: Request) -> Response:
    """Show the farms of this server."""
    visit = visit_of(request)
    return page(request, visit, "farms", farms=visit.desk.neighbours)


def enter(request: Request, key: str) -> Response:
    """Let the browser be in a farm from now on."""
    visit = visit_of(request)
    if key not in {one for one, _ in visit.desk.neighbours}:
        raise Turned(404, "page.web_not_found")
    if visit.person is not None and visit.desk.apron.under_way():
        raise Refused("error.flying_here")
    response = RedirectResponse("/", status_code=303)
    response.set_cookie(
        cookie_name(request.scope["server"][1] if request.scope.get("server") else None), key,
        max_age=YEAR_S, httponly=True, samesite="strict", secure=request.url.scheme == "https",
    )  # fmt: skip
    return response


ROUTES: Routes = [("GET", LIST, farms), ("GET", "/farms/{key}", enter)]
