"""Who asks, whether they may, and that a command is of our own page, and written down.

Theory of operation. `Door.admit` runs before every route. In this order, so that nothing is told
to those who may not know it:

1. the route's right is looked up by method and path as written; no right, no page;
2. the cookie's session tells the person; a page they may not see sends them to sign in (or, with
   nobody in the farm yet, to set it up), anything else is refused;
3. a command must name our own address in ``Origin`` and bring back the form's token, which only a
   page given to the same cookie has; a piece of a file brings it in a header, which no other site
   can send, and is not read before;
4. a command is written into the audit record. If that fails, it is not done; an urgent one
   (`agri.web.rights`) is done first.

Cookies are HttpOnly and SameSite=Strict, Secure on an encrypted connection. Their names have the
port in them, for browsers do not keep the cookies of two servers on one computer apart. Before
signing in, a form is bound to a cookie of its own, so that following a link from elsewhere, which
comes without the session's cookie, never takes the place of a session.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from agri import audit
from agri.audit import Confirmed
from agri.operations.apron import Apron
from agri.people import Person
from agri.web.gate import SAFE_METHODS
from agri.web.passwords import Passwords
from agri.web.patience import Patience
from agri.web.read_tokens import program_of
from agri.web.rights import RIGHTS, Right, for_machines
from agri.web.sessions import Sessions, fresh_value
from agri.words import LANGUAGES, Language
from agri.workspace import Workspace

TOKEN_FIELD = "form_token"  # noqa: S105 - a field's name
TOKEN_HEADER = "x-form-token"  # noqa: S105 - a header's name
LANGUAGE_COOKIE = "agri-language"
Routes = list[tuple[str, str, Callable[..., Response | Awaitable[Response]]]]
"""Method, path and what answers."""
MOST_FIELDS = 100
MOST_STREAMS = 80
"""Pages that are told of flights without asking; the server's other connections stay free."""
LONGEST_TOLD = 300
MOST_PIECES, PIECE_S = 8, 180.0
"""Pieces of files read at once, and how long one may take to come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """All that the pages of one farm work with.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    farm_name : str
        Its name when the server was started; errors of the disk are told under it too.
    sessions, patience, passwords
        See their rooms.
    now : callable
        The wall clock, UTC.
    setup_key : str
        What the first owner must type, as shown in the terminal.
    shelf : TileShelf
        Tiles drawn lately (`agri.web.products`).
    apron : Apron
        The flights under way.
    language : {"vi", "en"}
        Of people who have not chosen one.
    neighbours : tuple of (str, str)
        Key and name of every farm of this server; empty when it serves one (`neighbours`).
    wake : callable
        Tells the worker that a job was asked for.
    streams : semaphore
        Counts the pages that are told of flights without asking.
    """

    farm: Workspace
    farm_name: str
    sessions: Sessions
    patience: Patience
    passwords: Passwords
    now: Callable[[], datetime]
    setup_key: str = field(repr=False)
    shelf: object
    apron: Apron
    language: Language = "vi"
    neighbours: tuple[tuple[str, str], ...] = ()
    wake: Callable[[], object] = lambda: None
    streams: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(MOST_STREAMS)
    )


@dataclass(slots=True, kw_only=True)
class Visit:
    """One request, and who makes it.

    Parameters
    ----------
    desk : Desk
        What pages work with.
    person : Person or None
        Who is signed in.
    language : {"vi", "en"}
        Of the answer.
    cookie : str
        The browser's value; a fresh one is sent when it had none.
    has_cookie : bool
        Whether the browser sent it.
    form : mapping of str to str
        Fields of a command's form; of a field sent twice, the last.
    address : str
        Where the request came from.
    path : str
        Its path, for links back to it.
    piece : bytes
        What came of a file.
    """

    desk: Desk
    person: Person | None
    language: Language
    cookie: str
    has_cookie: bool
    form: Mapping[str, str]
    address: str
    path: str
    piece: bytes = b""

    @property
    def token(self) -> str:
        """What this browser's forms send back."""
        return self.desk.sessions.form_token(self.cookie)

    @property
    def who(self) -> Person:
        """The person; only for pages that ask for a power."""
        assert self.person is not None  # noqa: S101 - such a page is not reached by nobody
        return self.person


class Turned(Exception):
    """A request that goes no further: a status, and a sentence or a way to go.

    Parameters
    ----------
    status : int
        HTTP status.
    key : str
        Sentence.
    to : str
        Path to go to instead, "" for none.
    """

    def __init__(self, status: int, key: str = "", *, to: str = "", **values: Any) -> None:
        super().__init__(key or to)
        self.status, self.key, self.to, self.values = status, key, to, values


def cookie_name(request: Request, *, signed_in: bool = True) -> str:
    """Return the name of the session's cookie on this server, or of that before signing in."""
    secure = request.url.scheme == "https"
    name = f"{'__Host-' if secure else ''}agri-{request.url.port or 'web'}"
    return name if signed_in else f"{name}-visit"


def language_of(request: Request, desk: Desk) -> Language:
    """Return the language a browser has chosen, else the server's."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    return next((one for one in LANGUAGES if one == chosen), desk.language)


class Door:
    """Admits requests to routes.

    Parameters
    ----------
    desk : Desk
        What pages work with.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._pieces = 0

    async def admit(self, request: Request) -> None:
        """Look whether a request may reach its route, and keep the `Visit` for it.

        Raises
        ------
        Turned
            When it may not.
        AgriError
            When a command cannot be written down.
        """
        right = RIGHTS.get((_method(request), request.scope["route"].path))
        if right is None:
            raise Turned(404, "page.web_not_found")
        value = request.cookies.get(cookie_name(request), "")
        session = self._desk.sessions.seen(value, alive=not right.quiet) if value else None
        person = session.person if session else None
        if session is None:
            value = request.cookies.get(cookie_name(request, signed_in=False), "")
        command = request.method not in SAFE_METHODS
        form = await _form(request) if command and not right.piece else {}
        visit = Visit(
            desk=self._desk,
            person=person,
            language=language_of(request, self._desk),
            cookie=value or fresh_value(),
            has_cookie=bool(value),
            form=form,
            address=request.client.host if request.client else "?",
            path=request.url.path,
        )
        request.state.visit = visit
        if person is None and for_machines(request.url.path):
            visit.person = person = await run_in_threadpool(program_of, request, self._desk)
        if not right.allows(person.role if person else None):
            machine = for_machines(request.url.path)
            raise await run_in_threadpool(self._away, person, plain=command or machine)
        if command:
            told = (
                request.headers.get(TOKEN_HEADER, "") if right.piece else form.get(TOKEN_FIELD, "")
            )
            _own_page(request, visit, told)
            if right.piece:
                visit.piece = await self._piece(request)
            if right.kind and not right.urgent:
                await run_in_threadpool(self._write_down, request, visit, right)

    def _away(self, person: Person | None, *, plain: bool) -> Turned:
        if person is not None:
            return Turned(403, "page.web_not_allowed")
        if plain:
            return Turned(401, "page.web_signed_out")
        there = self._desk.farm.people.all()
        return Turned(303, to="/sign-in" if there else "/setup")

    async def _piece(self, request: Request) -> bytes:
        """Return a piece of a file; of many at once, those too many are sent again later."""
        if self._pieces >= MOST_PIECES:
            raise Turned(503, "page.web_too_many")
        self._pieces += 1
        try:
            return await asyncio.wait_for(request.body(), PIECE_S)
        except (TimeoutError, ClientDisconnect):
            raise Turned(408, "page.web_too_slow") from None
        finally:
            self._pieces -= 1

    def _write_down(self, request: Request, visit: Visit, right: Right) -> None:
        told = [f"{name}: {visit.form.get(name, '')[:LONGEST_TOLD]}" for name in right.told]
        write_down(visit, right.kind, "; ".join([request.url.path, *told]))


def write_down(visit: Visit, kind: str, note: str) -> None:
    """Write what is about to happen into the farm's audit record.

    Raises
    ------
    AuditUnwritable
        When that cannot be done: then it must not happen.
    """
    who = visit.person.name if visit.person else f"? ({visit.address})"
    audit.append(
        visit.desk.farm.folder, kind=kind, who=who, at_utc=visit.desk.now(),
        what=Confirmed(note=note),
    )  # fmt: skip


def _method(request: Request) -> str:
    return "GET" if request.method == "HEAD" else request.method


def _own_page(request: Request, visit: Visit, token: str) -> None:
    """Refuse a command that does not come from a page of ours, given to this browser."""
    ours = f"{request.url.scheme}://{request.headers.get('host', '')}"
    right_origin = request.headers.get("origin", "").lower() == ours.lower()
    right_token = visit.has_cookie and visit.desk.sessions.is_form_token(visit.cookie, token)
    if not right_origin or not right_token:
        raise Turned(403, "page.web_not_our_page")


async def _form(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Turned(415, "page.web_not_our_page")
    try:
        text = (await request.body()).decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except (ValueError, UnicodeError):
        raise Turned(400, "page.web_not_our_page") from None
    return dict(pairs)


def visit_of(request: Request) -> Visit:
    """Return the visit that `Door.admit` kept."""
    visit: Visit = request.state.visit
    return visit
