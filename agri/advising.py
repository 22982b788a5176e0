"""Rules of advice as values: when each may be given, its figures, and where they are from.

Theory of operation. A rule is data: which crops and stages it is for, under which names people
write its pest or disease, the figures it judges by. `agri.advice_rules` reads those that come with
agri and the user's own; `models.advice` works with them and with nothing else, so a figure that is
doubted is found, and changed, in one place.

Decisions. A rule without a source cannot exist unless it says of itself that it is assumed, and
then it never claims more than low confidence; the same holds for each of its numbers
(`agri.crop.Sourced`). Doses and pre-harvest intervals are in no rule: they stand on labels alone
(`agri.labels`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from agri.crop import ID, CropCard, CropKind, Sourced
from agri.errors import BadInput
from agri.rules import Confidence

SURENESS = (Confidence.UNSURE, Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH)
"""From least to most sure."""


class Topic(StrEnum):
    """What kind of work an advice is of."""

    HARVEST = "harvest"
    SPRAY = "spray"
    FEED = "feed"
    WATER = "water"
    COUNT = "count"
    LOOK = "look"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceRule:
    """One rule of advice.

    Parameters
    ----------
    id : str
        Its name; its sentences stand under ``advice.what_<id>`` and ``advice.why_<id>``.
    topic : Topic
        What work it is of.
    kinds : tuple of CropKind
        Crops it is for; empty for all.
    from_bbch, to_bbch : int
        Stages it is for: from the first up to and without the second, 0 to 100.
    months : tuple of int
        Months it is for; empty for all.
    aliases : tuple of str
        Names by which labels and records may call its pest or disease.
    numbers : tuple of Sourced
        What it judges by, each name once.
    source : str
        Where the rule is from; may be "" only when it is assumed.
    confidence : Confidence
        How sure it is; at most low when assumed.
    assumed : bool
        Whether it is a guess.

    Raises
    ------
    BadInput
        When it has no source and is not said to be assumed, or cannot be a rule.
    """

    id: str
    topic: Topic
    kinds: tuple[CropKind, ...] = ()
    from_bbch: int = 0
    to_bbch: int = 100
    months: tuple[int, ...] = ()
    aliases: tuple[str, ...] = ()
    numbers: tuple[Sourced, ...] = ()
    source: str = ""
    confidence: Confidence
    assumed: bool = False

    def __post_init__(self) -> None:
        if not ID.fullmatch(self.id):
            raise BadInput("error.advice_rule", rule=self.id or "?", field="id")
        if not 0 <= self.from_bbch < self.to_bbch <= 100:
            raise BadInput("error.advice_rule", rule=self.id, field="from_bbch, to_bbch")
        if not set(self.months) <= set(range(1, 13)):
            raise BadInput("error.advice_rule", rule=self.id, field="months")
        names = [one.name for one in self.numbers]
        for name in names:
            if names.count(name) > 1:
                raise BadInput("error.advice_twice", name=f"{self.id}.{name}")
        if not self.assumed and not self.source.strip():
            raise BadInput("error.crop_source", number=self.id)
        if self.assumed and SURENESS.index(self.confidence) > SURENESS.index(Confidence.LOW):
            raise BadInput("error.crop_assumed", number=self.id, confidence=self.confidence.value)

    def number(self, name: str) -> Sourced:
        """Return one of its numbers.

        Raises
        ------
        BadInput
            When it has none of that name.
        """
        for one in self.numbers:
            if one.name == name:
                return one
        raise BadInput("error.advice_unknown", name=f"{self.id}.{name}")

    def value(self, name: str) -> float:
        """Return the value of one of its numbers; see `number`."""
        return self.number(name).value

    def suits(self, card: CropCard) -> bool:
        """Return whether it is for a crop."""
        return not self.kinds or card.kind in self.kinds


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceRules:
    """All the rules advice is given by.

    Parameters
    ----------
    rules : tuple of AdviceRule
        Each id once.
    """

    rules: tuple[AdviceRule, ...]

    def __post_init__(self) -> None:
        ids = [one.id for one in self.rules]
        for name in ids:
            if ids.count(name) > 1:
                raise BadInput("error.advice_twice", name=name)

    def rule(self, name: str) -> AdviceRule:
        """Return a rule by its id.

        Raises
        ------
        BadInput
            When there is none.
        """
        for one in self.rules:
            if one.id == name:
                return one
        raise BadInput("error.advice_unknown", name=name)

    def of(self, topic: Topic, card: CropCard) -> tuple[AdviceRule, ...]:
        """Return the rules of a topic that are for a crop."""
        return tuple(one for one in self.rules if one.topic is topic and one.suits(card))


def least_sure(found: Iterable[Confidence]) -> Confidence:
    """Return the least sure of several; an advice is as sure as its weakest ground.

    Examples
    --------
    >>> least_sure([Confidence.HIGH, Confidence.LOW]).value
    'low'
    """
    return min(found, key=SURENESS.index, default=Confidence.UNSURE)
