"""The app put together: routes, the door before them, the gate round them.

Theory of operation. `make_app` takes the open farm, clocks and what hashes cost, and returns one
ASGI app; nothing else is global. Every route must stand in `agri.web.rights`, and every right must
have its route, or the app is not made. FastAPI's own pages are off: they load scripts from
elsewhere.

What goes wrong becomes a page with one sentence: `agri.errors` speak for themselves, anything else
is a fault of agri's own, told without details and written to the server's log.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from agri.errors import AgriError, NotFound, Refused, StoreError
from agri.operations.apron import Apron
from agri.web import (
    basemap,
    downloading,
    farming,
    field_map,
    field_table,
    jobs,
    launching,
    looking,
    mixing,
    notes,
    obstacles,
    open_document,
    open_features,
    open_stac,
    out_of_reach,
    outlining,
    paperwork,
    planning,
    pricing,
    products,
    recording,
    reporting,
    signing_in,
    sprayed,
    starting,
    static_files,
    stress,
    tokens,
    two_dates,
    uploads,
    watching,
)
from agri.web import (
    neighbours as neighbour_pages,
)
from agri.web.gate import App, Gate, TooLarge
from agri.web.pages import page
from agri.web.passwords import Passwords
from agri.web.patience import Patience
from agri.web.rights import RIGHTS, for_machines
from agri.web.sessions import Sessions, fresh_value
from agri.web.visit import Desk, Door, Routes, Turned, Visit, language_of
from agri.words import Language, Message
from agri.workspace import Workspace

LOG = logging.getLogger("agri.web")


def _now() -> datetime:
    return datetime.now(UTC)


def make_app(
    farm: Workspace,
    *,
    hosts: frozenset[str],
    setup_key: str,
    language: Language = "vi",
    passwords: Passwords | None = None,
    now: Callable[[], datetime] = _now,
    clock: Callable[[], float] = time.monotonic,
    wake: Callable[[], object] = lambda: None,
    apron: Apron | None = None,
    neighbours: tuple[tuple[str, str], ...] = (),
) -> App:
    """Return the app of one farm.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    hosts : set of str
        Names and addresses it is called by, small letters, without port.
    setup_key : str
        What the first owner must type.
    language : {"vi", "en"}
        Of people who have not chosen one.
    passwords : Passwords, optional
        How passwords are kept.
    now : callable
        The wall clock, UTC.
    clock : callable
        Seconds, never going back.
    wake : callable
        Tells who does jobs in the background that there is one.
    apron : Apron, optional
        Where flights are begun; without it, one that knows of no keys.
    neighbours : tuple of (str, str)
        Key and name of every farm of this server when there are several.
    """
    desk = Desk(
        farm=farm,
        farm_name=farm.farm_name, sessions=Sessions(clock), patience=Patience(clock),
        passwords=passwords or Passwords(), now=now, setup_key=setup_key,
        shelf=products.TileShelf(farm.folder), language=language, wake=wake,
        apron=apron or Apron(farm, now=now),
        neighbours=neighbours,
    )  # fmt: skip
    app = FastAPI(
        docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(Door(desk).admit)]
    )
    app.router.redirect_slashes = False
    for method, path, answer in routes():
        app.add_api_route(path, answer, methods=[method], response_model=None)
    _all_in_the_table(app)
    _speak_of_errors(app, desk)
    return Gate(app, hosts=hosts, clock=clock)


def routes() -> Routes:
    """Return every route: method, path, and what answers."""
    return [
        *signing_in.ROUTES,
        *tokens.ROUTES,
        *planning.ROUTES,
        *pricing.ROUTES,
        *paperwork.ROUTES,
        *outlining.ROUTES,
        *farming.ROUTES,
        *recording.ROUTES,
        *reporting.ROUTES,
        *downloading.ROUTES,
        *open_features.ROUTES,
        *open_stac.ROUTES,
        *open_document.ROUTES,
        *sprayed.ROUTES,
        *looking.ROUTES,
        *mixing.ROUTES,
        *neighbour_pages.ROUTES,
        *starting.ROUTES,
        *products.ROUTES,
        *jobs.ROUTES,
        *uploads.ROUTES,
        *launching.ROUTES,
        *watching.ROUTES,
        *basemap.ROUTES,
        *field_map.ROUTES,
        *field_table.ROUTES,
        *two_dates.ROUTES,
        *stress.ROUTES,
        *notes.ROUTES,
        *obstacles.ROUTES,
        *out_of_reach.ROUTES,
        ("GET", "/static/{name:path}", static_files.static_file),
    ]


def _all_in_the_table(app: FastAPI) -> None:
    there = {
        (method, route.path)
        for route in app.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    other = [route for route in app.routes if not isinstance(route, APIRoute)]
    if other or there != RIGHTS.keys():
        message = f"routes without a right, or rights without a route: {there ^ RIGHTS.keys()}"
        raise RuntimeError(message)


def _speak_of_errors(app: FastAPI, desk: Desk) -> None:
    def told(request: Request, status: int, message: Message) -> Response:
        visit: Visit = getattr(request.state, "visit", None) or _nobody(request, desk)
        if for_machines(request.url.path):
            return open_features.told_wrong(status, message.text(visit.language))
        return page(request, visit, "sentence", status=status, text=message.text(visit.language))

    def turned(request: Request, error: Exception) -> Response:
        assert isinstance(error, Turned)  # noqa: S101 - registered for nothing else
        if error.to:
            return RedirectResponse(error.to, status_code=303)
        return told(request, error.status, Message.of(error.key, **error.values))

    def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, AgriError)  # noqa: S101 - registered for nothing else
        kinds = {NotFound: 404, Refused: 409, StoreError: 503}
        status = next((kinds[kind] for kind in kinds if isinstance(error, kind)), 400)
        return told(request, status, error.message)

    def too_large(request: Request, error: Exception) -> Response:
        del error
        return told(request, 413, Message.of("page.web_too_large"))

    def unknown(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        return told(request, status, Message.of("page.web_not_found"))

    def fault(request: Request, error: Exception) -> Response:
        LOG.error("a fault of agri's own", exc_info=error)
        return told(request, 500, Message.of("page.web_fault"))

    app.add_exception_handler(Turned, turned)
    app.add_exception_handler(AgriError, refused)
    app.add_exception_handler(TooLarge, too_large)
    app.add_exception_handler(RequestValidationError, unknown)
    app.add_exception_handler(HTTPException, unknown)
    app.add_exception_handler(Exception, fault)


def _nobody(request: Request, desk: Desk) -> Visit:
    """Return a visit of nobody known, for what went wrong before there was one."""
    return Visit(
        desk=desk, person=None, language=language_of(request, desk), cookie=fresh_value(),
        has_cookie=True, form={}, address="?", path=request.url.path,
    )  # fmt: skip
