"""What an advice says, as a value that cannot be without grounds.

Theory of operation. An `Advice` is one piece of work of the coming week. It carries one of three
verdicts: do it (now or in the windows told), wait (nothing forbids it, but it is not time), not now
(something forbids it, and the blockers say what). Each day of the week has a mark of its own.

Decisions. An advice without a source cannot be built; one that says "not now" without a blocker, or
"do" against one, cannot either. So whatever goes wrong above, no page shows an order that was
forbidden.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from agri.advising import AdviceRule, Topic, least_sure
from agri.crop import Sourced
from agri.errors import BadInput
from agri.labels import Label
from agri.rules import Confidence
from agri.words import Message

WEEK_DAYS = 7
"""An advice looks this many days ahead, today counted."""


class Verdict(StrEnum):
    """Whether to do it."""

    DO = "do"
    WAIT = "wait"
    NOT_NOW = "not_now"


class Mark(StrEnum):
    """What one day is for a work."""

    DO = "do"
    WAIT = "wait"
    NO = "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of time in which to do it.

    Parameters
    ----------
    start, end : datetime
        With a time zone; the end is not counted.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise BadInput("error.advice_span", start=self.start, end=self.end)

    @property
    def message(self) -> Message:
        """The stretch in words."""
        return Message.of("advice.span", day=self.start.date(), start=f"{self.start:%H:%M}",
                          end=f"{self.end:%H:%M}")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where an advice, or a figure in it, is from.

    Parameters
    ----------
    name : str
        The rule or number.
    source : str
        Where it is from; "" for an assumed one.
    confidence : Confidence
        How sure it is.
    assumed : bool
        Whether it is a guess.
    """

    name: str
    source: str
    confidence: Confidence
    assumed: bool


def grounds(rule: AdviceRule, numbers: Iterable[Sourced] = ()) -> tuple[Ground, ...]:
    """Return what an advice stands on: its rule, then the numbers that it used."""
    return (
        Ground(name=rule.id, source=rule.source, confidence=rule.confidence, assumed=rule.assumed),
        *(
            Ground(name=one.name, source=one.source, confidence=one.confidence,
                   assumed=one.assumed)
            for one in numbers
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class DayMark:
    """What one day is for a work.

    Parameters
    ----------
    day : date
        Which.
    mark : Mark
        What it is.
    why : Message or None
        The first thing that forbids it, None when nothing does.
    """

    day: date
    mark: Mark
    why: Message | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One piece of work of the coming week.

    Parameters
    ----------
    rule : str
        Id of the rule it is given by.
    topic : Topic
        What kind of work.
    verdict : Verdict
        Whether to do it.
    what : Message
        The work.
    reasons : tuple of Message
        Why, with figures.
    blockers : tuple of Message
        What forbids it; none unless the verdict is "not now".
    windows : tuple of Span
        Hours to do it in, for work that hangs on the weather.
    days : tuple of DayMark
        The week, day by day.
    grounds : tuple of Ground
        Where it is from; at least the rule.
    label : Label or None
        The label whose dose and interval hold; None when none was entered or none is needed.
    cautions : tuple of Message
        What to heed while doing it.

    Raises
    ------
    BadInput
        When it has no ground, or its verdict and its blockers contradict each other.
    """

    rule: str
    topic: Topic
    verdict: Verdict
    what: Message
    reasons: tuple[Message, ...] = ()
    blockers: tuple[Message, ...] = ()
    windows: tuple[Span, ...] = ()
    days: tuple[DayMark, ...] = ()
    grounds: tuple[Ground, ...]
    label: Label | None = None
    cautions: tuple[Message, ...] = ()

    def __post_init__(self) -> None:
        grounded = any(one.source.strip() or one.assumed for one in self.grounds)
        if not grounded:
            raise BadInput("error.advice_groundless", rule=self.rule)
        if (self.verdict is Verdict.NOT_NOW) != bool(self.blockers):
            raise BadInput("error.advice_verdict", rule=self.rule)

    @property
    def confidence(self) -> Confidence:
        """As sure as its weakest ground."""
        return least_sure(one.confidence for one in self.grounds)

    @property
    def assumed(self) -> tuple[str, ...]:
        """Names of what is a guess."""
        return tuple(one.name for one in self.grounds if one.assumed)


def settled(found: Iterable[Message]) -> tuple[Message, ...]:
    """Return messages without repeats, in order."""
    return tuple(dict.fromkeys(found))
