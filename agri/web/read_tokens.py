"""What lets a program of somebody's read the farm: made of chance, kept as a digest.

Theory of operation. A token is 256 bits of chance, so a plain SHA-256 of it is enough to keep:
there is nothing to guess. It opens the pages for programs (`agri.web.rights.for_machines`), which
are only ever read, with the power to look and no other; whatever its owner may do in the app, it
may not. A program sends it as ``Authorization: Bearer …``, or as the password of any name where it
knows only those (``Basic``).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from fastapi import Request

from agri.people import Person, Role

if TYPE_CHECKING:
    from agri.web.visit import Desk

BEGINNING = "agri_"
LONGEST = 200


def fresh_token() -> str:
    """Return a new token."""
    return BEGINNING + secrets.token_urlsafe(32)


def digest_of(token: str) -> str:
    """Return what is kept of a token.

    Examples
    --------
    >>> digest_of("agri_x")[:8]
    'e5acc254'
    """
    return hashlib.sha256(token.encode()).hexdigest()


def token_in(header: str) -> str:
    """Return the token of an ``Authorization`` header, "" when there is none.

    Examples
    --------
    >>> token_in("Bearer agri_x"), token_in("Basic bWU6YWdyaV94"), token_in("Basic %"), token_in("")
    ('agri_x', 'agri_x', '', '')
    """
    scheme, _, told = header.strip().partition(" ")
    told = told.strip()
    if scheme.lower() == "basic":
        try:
            told = base64.b64decode(told, validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            return ""
    elif scheme.lower() != "bearer":
        return ""
    return told if told.startswith(BEGINNING) and len(told) <= LONGEST and told.isascii() else ""


def program_of(request: Request, desk: Desk) -> Person | None:
    """Return for whom a program reads, as one who may only look; None when it may not."""
    token = token_in(request.headers.get("authorization", ""))
    person = desk.farm.people.with_token(digest_of(token)) if token else None
    return None if person is None else replace(person, role=Role.VIEWER)
