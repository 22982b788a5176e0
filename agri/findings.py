"""Findings: what is wrong, repaired or worth knowing about a file, a plan or a flight.

A finding is data, not an exception: checks return lists of them, and the caller decides.
An error-level finding blocks export, upload and arming.

What blocks nothing is of two kinds, which nobody must take for each other: a rule that was applied
and kept (ticked), and what is only worth knowing, such as a paper not entered for a flight that
needs none. A check tells the first by its key: ``finding.checked_…``, or one of `PASSES`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from agri.words import Language, Message


class Severity(IntEnum):
    """How much a finding weighs; an ERROR blocks what would follow."""

    INFO = 0
    WARNING = 1
    ERROR = 2


PASSES = frozenset({
    "finding.aircraft_known", "finding.dem_agrees", "finding.firmware_tried", "finding.link_good",
    "finding.log_same_mission", "finding.map_clear", "finding.permit_covers",
    "finding.plan_approved", "finding.spray_go",
})  # fmt: skip
"""Findings, beside ``finding.checked_…``, that say of something looked at that it is in order."""
CHECKED = "finding.checked_"
NOTE_SYMBOL = "·"
SYMBOLS = {Severity.INFO: "✓", Severity.WARNING: "⚠", Severity.ERROR: "✕"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found.

    Parameters
    ----------
    severity : Severity
        INFO (repaired or worth knowing), WARNING (look before you go on) or ERROR (blocks).
    message : Message
        The sentence, by key (``finding.…``): what, which value, what to do next.
    where : str
        The feature, item or file it is about, "" for the whole.

    Examples
    --------
    >>> Finding.info("finding.ring_closed", where="Ruộng 1").text("en")
    'Ruộng 1: the ring was not closed; it has been closed.'
    """

    severity: Severity
    message: Message
    where: str = ""

    @classmethod
    def info(cls, key: str, /, where: str = "", **values: Any) -> Finding:
        """Build an INFO finding."""
        return cls(Severity.INFO, Message.of(key, **values), where)

    @classmethod
    def warning(cls, key: str, /, where: str = "", **values: Any) -> Finding:
        """Build a WARNING finding."""
        return cls(Severity.WARNING, Message.of(key, **values), where)

    @classmethod
    def error(cls, key: str, /, where: str = "", **values: Any) -> Finding:
        """Build an ERROR finding."""
        return cls(Severity.ERROR, Message.of(key, **values), where)

    @property
    def key(self) -> str:
        """The message's key, the finding's stable name."""
        return self.message.key

    @property
    def passed(self) -> bool:
        """Whether it says of something looked at that it is in order.

        Examples
        --------
        >>> Finding.info("finding.link_good").passed, Finding.info("finding.permit_missing").passed
        (True, False)
        """
        return self.severity is Severity.INFO and (
            self.key in PASSES or self.key.startswith(CHECKED)
        )

    @property
    def symbol(self) -> str:
        """The sign before it: a tick is for what was looked at and is in order alone."""
        told = self.severity is not Severity.INFO or self.passed
        return SYMBOLS[self.severity] if told else NOTE_SYMBOL

    def text(self, language: Language = "en") -> str:
        """Return the sentence in `language`, led by where it was found."""
        sentence = self.message.text(language)
        return f"{self.where}: {sentence}" if self.where else sentence


def blocks(findings: Iterable[Finding]) -> bool:
    """Return whether any finding is an ERROR.

    Examples
    --------
    >>> blocks([Finding.info("finding.ring_closed")])
    False
    """
    return any(finding.severity is Severity.ERROR for finding in findings)
