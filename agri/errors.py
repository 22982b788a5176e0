"""What agri raises when it cannot go on.

One base, `AgriError`; a child exists only where a caller acts differently. An error carries a
`agri.words.Message`, so it can be spoken in either language: what, which value, what to do next.
What is wrong with a plan or a file is not an error but a `agri.findings.Finding`.
"""

from __future__ import annotations

from typing import Any

from agri.words import Language, Message


class AgriError(Exception):
    """The one base of every error that agri raises on purpose.

    Parameters
    ----------
    key : str
        Key of the sentence in both dictionaries (``error.…``).
    **values
        Values of its placeholders.

    Examples
    --------
    >>> str(BadInput("error.not_a_number", name="gsd", value="2xm"))
    "gsd: '2xm' is not a number; write for example 2.5."
    """

    def __init__(self, key: str, /, **values: Any) -> None:
        self.message = Message.of(key, **values)
        super().__init__(key)

    def text(self, language: Language = "en") -> str:
        """Return the sentence in `language`."""
        return self.message.text(language)

    def __str__(self) -> str:
        return self.text("en")

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows (IPython asks for it by this name): the sentence alone.

        The way to it is in ``__traceback__``, and ``%debug`` goes there.
        """
        return [str(self)]


class BadInput(AgriError):
    """What the user gave cannot be used: a file, an option, a value."""


class NotFound(AgriError):
    """What the user named is not in the farm."""


class Refused(AgriError):
    """agri could do it but will not, because it would not be safe."""


class StoreError(AgriError):
    """The farm folder cannot be read or written; what was acknowledged before is still there."""


class Unreachable(AgriError):
    """A service on the net does not answer or answers wrongly; what is kept is still there."""


class LinkError(AgriError):
    """The aircraft does not answer, or answers what cannot be trusted."""
