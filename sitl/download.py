"""A file from ArduPilot's server: over https only, of limited size, in limited time, whole.

The server's certificate is verified by Python's usual rules; a redirect is followed only to https.
Nothing is written here: what did not arrive whole was never there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from http.client import HTTPException, IncompleteRead
from typing import Any

from agri.errors import LinkError, NotFound, Refused

WAIT_S, WHOLE_S = 20.0, 900.0
"""For an answer to go on; for all of it: 7 MB at 8 kB a second."""
PIECE_BYTES = 1 << 16
NOT_THERE = (404, 410)

Progress = Callable[[float, float], None]
OpenUrl = Callable[[str], AbstractContextManager[Any]]
"""Gives an answer with ``headers`` and ``read1(size)``, as ``http.client.HTTPResponse`` does."""


def open_https(url: str) -> AbstractContextManager[Any]:
    """Open a page over https.

    Raises
    ------
    Refused
        When it is, or leads to, anything but https.
    OSError, HTTPException
        When it cannot be had.
    """
    from urllib.request import Request, build_opener

    opener = build_opener(_redirects_to_https())
    asked = Request(_secure(url), headers={"User-Agent": "agri"})  # noqa: S310  (https only)
    answer: AbstractContextManager[Any] = opener.open(asked, timeout=WAIT_S)
    return answer


def _secure(url: str) -> str:
    if not url.startswith("https://"):
        raise Refused("error.sitl_not_https", url=url[:200])
    return url


def _redirects_to_https() -> Any:
    from urllib.request import HTTPRedirectHandler

    class OnlyHttps(HTTPRedirectHandler):
        def redirect_request(self, *asked: Any) -> Any:
            *_, newurl = asked
            _secure(newurl)
            return super().redirect_request(*asked)

    return OnlyHttps()


def download(
    url: str,
    *,
    limit_bytes: int,
    open_url: OpenUrl,
    on_progress: Progress | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> bytes:
    """Return a file of at most `limit_bytes`.

    Parameters
    ----------
    url : str
        Where it is.
    limit_bytes : int
        More is refused, told beforehand or not.
    open_url : callable
        Opens it, `open_https`.
    on_progress : callable, optional
        Given bytes so far, and of all (0 when not told).
    clock : callable
        Seconds.

    Raises
    ------
    NotFound
        When the server has no such file.
    LinkError
        When the server cannot be reached, the answer breaks off, or it takes too long.
    Refused
        When it is larger than `limit_bytes`, or not to be had over https.
    """
    until_s = clock() + WHOLE_S
    data = bytearray()
    try:
        with open_url(url) as answer:
            told = answer.headers.get("Content-Length") or ""
            total = int(told) if told.isdecimal() else 0
            while max(total, len(data)) <= limit_bytes and (piece := answer.read1(PIECE_BYTES)):
                data += piece
                if on_progress is not None:
                    on_progress(len(data), total)
                if clock() > until_s:
                    raise LinkError("error.sitl_slow", url=url, minutes=WHOLE_S / 60.0)
    except IncompleteRead:
        raise LinkError("error.sitl_cut_off", url=url, bytes=len(data)) from None
    except (OSError, HTTPException) as trouble:
        if getattr(trouble, "code", 0) in NOT_THERE:
            raise NotFound("error.sitl_no_such_build", url=url) from None
        why = getattr(trouble, "reason", None) or trouble
        reason = getattr(why, "strerror", None) or str(why) or type(why).__name__
        raise LinkError("error.sitl_offline", url=url, reason=reason[:200]) from None
    if max(total, len(data)) > limit_bytes:
        raise Refused("error.sitl_too_large", url=url, limit_mb=limit_bytes / 1e6)
    if len(data) < total:
        raise LinkError("error.sitl_cut_off", url=url, bytes=len(data))
    return bytes(data)
