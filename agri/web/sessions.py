"""Who is signed in, and for how long.

Theory of operation. A browser holds one random value in a cookie that scripts cannot read. The
server keeps only its SHA-256, with the person's key and when they were last seen. Nothing of it is
written to the disk: a server that starts knows nobody, and everybody signs in again. The value is
a new one at each signing in and is worth nothing after signing out. A session ends when its person
is not seen for as long as the role says (`agri.people.Role.idle`), and in any case after
`LONGEST_S`. Whoever's role or password changes, or who is taken out, has no sessions left: only the
app changes people, so a session may keep its person as they were when it began.

Time is passed in, from a clock that only goes forward, in seconds.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from agri.people import Person

LONGEST_S = 12 * 3600.0
"""No session outlives a working day."""
MOST = 1_000
"""Sessions kept; the one seen longest ago goes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One signed-in browser: whose, since when, and when last seen, in seconds of the clock."""

    person: Person
    since_s: float
    seen_s: float


def fresh_value() -> str:
    """Return a value for a cookie that nobody can guess: 256 random bits."""
    return secrets.token_urlsafe(32)


class Sessions:
    """All sessions of one server; several threads may use it.

    Parameters
    ----------
    clock : callable
        Seconds, never going back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}
        self._key = secrets.token_bytes(32)

    def begin(self, person: Person) -> str:
        """Begin a session and return its cookie's value."""
        value = fresh_value()
        now = self._clock()
        with self._lock:
            if len(self._sessions) >= MOST:
                oldest = min(self._sessions, key=lambda key: self._sessions[key].seen_s)
                del self._sessions[oldest]
            self._sessions[_digest(value)] = Session(person=person, since_s=now, seen_s=now)
        return value

    def seen(self, value: str, *, alive: bool = True) -> Session | None:
        """Return the session of a cookie and note that it was seen; None when it is over.

        What a page asks by itself is no sign of life of its person: then it is not `alive`.
        """
        key, now = _digest(value), self._clock()
        with self._lock:
            session = self._sessions.get(key)
            if session is None:
                return None
            if _over(session, now):
                del self._sessions[key]
                return None
            if alive:
                self._sessions[key] = replace(session, seen_s=now)
            return session

    def end(self, value: str) -> None:
        """End the session of a cookie, if there is one."""
        with self._lock:
            self._sessions.pop(_digest(value), None)

    def end_all_of(self, person_uid: str) -> None:
        """End every session of a person."""
        with self._lock:
            for key in [k for k, s in self._sessions.items() if s.person.uid == person_uid]:
                del self._sessions[key]

    def form_token(self, value: str) -> str:
        """Return what a form of the page of this cookie must send back.

        It is bound to the cookie and to this server, so no other site can know it, and it changes
        at signing in.
        """
        return hmac.new(self._key, value.encode(), hashlib.sha256).hexdigest()

    def is_form_token(self, value: str, token: str) -> bool:
        """Return whether a form sent back what its page was given."""
        return hmac.compare_digest(
            self.form_token(value).encode(), token.encode("utf-8", "replace")
        )


def _over(session: Session, now_s: float) -> bool:
    idle = now_s - session.seen_s > session.person.role.idle.total_seconds()
    return idle or now_s - session.since_s > LONGEST_S


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()
