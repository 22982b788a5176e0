"""What stands before every page: hosts, sizes, rates, and what every answer carries.

Theory of operation. Pure ASGI, round the whole app, so nothing goes past it.

* **Host.** A page of another site can point its own name at this computer and so read the farm
  through the farmer's browser (DNS rebinding). Only names and addresses in `hosts` are answered.
* **Size.** A body is at most `LARGEST_BODY` bytes, a piece of a file at most `LARGEST_PIECE`,
  counted while it comes, whatever it says of itself.
* **Rate.** So many requests of an address in a window, and far fewer that change something; a stop
  is never one too many of those.
* **Headers.** No script or style but our own files, no frame, no other site, no guessing of types;
  pages are not kept by the browser, for the next person at the same phone.

What is behind the gate speaks as one speaks in the app (`agri.words.in_the_app`).
A browser is told in both languages when it is turned away here, since nothing is known of it yet.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from agri.web.patience import Rate
from agri.words import LANGUAGES, in_the_app, say

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LARGEST_BODY = 1_000_000
LARGEST_PIECE = 8_000_000
WINDOW_S = 60.0
MOST_REQUESTS, MOST_COMMANDS, MOST_PIECES = 3_000, 120, 1_500
"""Of one address in a window; a map being moved about asks for some hundred tiles."""
PIECE = re.compile(r"/uploads/[0-9a-z-]{1,40}/piece")
SAFE_METHODS = frozenset({"GET", "HEAD"})

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"geolocation=(self), camera=(), microphone=(), payment=(), usb=()"),
)
KEPT_NOT = (b"cache-control", b"no-store")


class TooLarge(Exception):
    """A body grew beyond the limit while it came; the app answers that it did."""


class Gate:
    """The app with its gate.

    Parameters
    ----------
    app : ASGI app
        What is behind.
    hosts : set of str
        Names and addresses that this server is called by, small letters, without port.
    clock : callable
        Seconds, never going back.
    """

    def __init__(self, app: App, *, hosts: frozenset[str], clock: Callable[[], float]) -> None:
        self._app = app
        self._hosts = hosts
        self._all = Rate(clock, most=MOST_REQUESTS, window_s=WINDOW_S)
        self._commands = Rate(clock, most=MOST_COMMANDS, window_s=WINDOW_S)
        self._pieces = Rate(clock, most=MOST_PIECES, window_s=WINDOW_S)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or turn it away."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        refused = self._refused(scope)
        if refused:
            await _turn_away(send, *refused)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": with_headers(list(message.get("headers", [])))}
            await send(message)

        with in_the_app():
            await self._app(scope, _counted(receive, largest(scope)), answer)

    def _refused(self, scope: Scope) -> tuple[int, str] | None:
        """Return status and sentence of a request that goes no further."""
        if host_of(header(scope, b"host")) not in self._hosts:
            return 421, "page.web_wrong_host"
        address = address_of(scope)
        command = scope["method"] not in SAFE_METHODS and not is_stop(scope["path"])
        rate = self._pieces if is_piece(scope) else self._commands
        if not self._all.allows(address) or (command and not rate.allows(address)):
            return 429, "page.web_too_many"
        length = header(scope, b"content-length")
        if length and (not length.isascii() or not length.isdigit() or len(length) > 12
                       or int(length) > largest(scope)):  # fmt: skip
            return 413, "page.web_too_large"
        return None


def is_piece(scope: Scope) -> bool:
    """Return whether a request brings a piece of a file."""
    return scope["method"] == "POST" and PIECE.fullmatch(scope["path"]) is not None


def largest(scope: Scope) -> int:
    """Return how many bytes the body of a request may have."""
    return LARGEST_PIECE if is_piece(scope) else LARGEST_BODY


def is_stop(path: str) -> bool:
    """Return whether a path is that of an order that makes a flight safer.

    Examples
    --------
    >>> is_stop("/flying/7f/stop"), is_stop("/flying/7f/launch"), is_stop("/plans/7f/stop")
    (True, False, False)
    """
    return path.startswith("/flying/") and path.endswith(("/stop", "/sprayer-off"))


def header(scope: Scope, name: bytes) -> str:
    """Return a header of a request, "" when there is none; told twice it is none either."""
    found = [value for key, value in scope["headers"] if key.lower() == name]
    return found[0].decode("latin-1").strip() if len(found) == 1 else ""


def host_of(told: str) -> str:
    """Return the name in a Host header, small letters, without its port.

    Examples
    --------
    >>> host_of("Farm.local:8000"), host_of("[::1]:8000"), host_of("127.0.0.1"), host_of("a:b:c")
    ('farm.local', '[::1]', '127.0.0.1', '')
    """
    name, port = told.lower(), ""
    if name.startswith("["):
        name, _, rest = name.partition("]")
        name, port = f"{name}]", rest.removeprefix(":")
        if rest and not rest.startswith(":"):
            return ""
    elif ":" in name:
        name, _, port = name.partition(":")
    return name if not port or (port.isascii() and port.isdigit()) else ""


def address_of(scope: Scope) -> str:
    """Return the address a request came from; no header is believed about that."""
    client = scope.get("client")
    return str(client[0]) if client else "?"


def with_headers(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer with ours; what may be kept says so itself."""
    there = {name.lower() for name, _ in headers}
    ours = (*HEADERS, KEPT_NOT)
    return [*headers, *(pair for pair in ours if pair[0] not in there)]


def _counted(receive: Receive, most: int) -> Receive:
    total = 0

    async def counted() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > most:
            raise TooLarge
        return message

    return counted


async def _turn_away(send: Send, status: int, key: str) -> None:
    text = "\n\n".join(say(key, language) for language in LANGUAGES) + "\n"
    headers = with_headers([(b"content-type", b"text/plain; charset=utf-8")])
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
