"""How passwords are kept and checked: Argon2id, slow on purpose.

Theory of operation. Only the hash is kept, with its own salt and costs in it (RFC 9106, the second
recommended setting: 64 MiB, three passes, four lanes). A name that nobody has is checked against a
hash all the same, so that the time tells nobody which names exist. At most two are worked out at a
time, so that tries cannot eat the machine's memory. A password has at least `SHORTEST` letters and
no other rule; it is taken in Unicode form NFKC, so that the same Vietnamese letters typed on two
keyboards are the same password.

The set-up key is made at a start and shown in the terminal: who can read it has the machine.
"""

from __future__ import annotations

import secrets
import threading
import unicodedata

from agri.errors import BadInput

SHORTEST, LONGEST = 8, 200
KEY_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that are mistaken for others."""


class Passwords:
    """Makes and checks hashes.

    Parameters
    ----------
    memory_kib, passes, lanes : int
        What a hash costs; the defaults are for people, tests take less.

    Raises
    ------
    BadInput
        When the extra “web” is not installed.
    """

    def __init__(self, *, memory_kib: int = 65_536, passes: int = 3, lanes: int = 4) -> None:
        try:
            import argon2
        except ImportError:
            raise BadInput("error.extra_missing", library="argon2-cffi", extra="web") from None
        self._hasher = argon2.PasswordHasher(
            time_cost=passes, memory_cost=memory_kib, parallelism=lanes
        )
        self._wrong: tuple[type[Exception], ...] = (
            argon2.exceptions.VerificationError,
            argon2.exceptions.InvalidHashError,
        )
        self._two = threading.BoundedSemaphore(2)
        self._nobody = self._hasher.hash(secrets.token_hex(16))

    def hash_of(self, password: str) -> str:
        """Return what is kept of a new password.

        Raises
        ------
        BadInput
            When it is too short or too long.
        """
        typed = _typed(password)
        if not SHORTEST <= len(typed) <= LONGEST:
            raise BadInput("error.password_length", shortest=SHORTEST, longest=LONGEST)
        with self._two:
            return self._hasher.hash(typed)

    def is_right(self, password: str, kept: str | None) -> bool:
        """Return whether a password is the one of a hash; None is nobody's and takes as long."""
        typed = _typed(password)[: LONGEST + 1]
        with self._two:
            try:
                right = self._hasher.verify(kept or self._nobody, typed)
            except self._wrong:
                return False
        return right and kept is not None


def _typed(password: str) -> str:
    return unicodedata.normalize("NFKC", password.encode("utf-8", "replace").decode("utf-8"))


def setup_key() -> str:
    """Return a key of 60 random bits that can be read aloud and typed: ``abcd-efgh-jkmn``."""
    letters = "".join(secrets.choice(KEY_LETTERS) for _ in range(12))
    return "-".join(letters[at : at + 4] for at in (0, 4, 8))
