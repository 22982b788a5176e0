"""Fertiliser by the age of the trees and the stage they stand at.

Theory of operation. The crop's card holds what a tree of an age is given in a year, and how that is
split over three rounds: 7 to 10 days after harvest, at the first flowers, and when fruit is 0.5 to
1.0 cm across. Which round it is time for is told by the harvest that was recorded, by the chance of
the stage, and by fruit that was measured. What the farm's book says was given since the round began
is taken off, as far as names tell what it was.

Decisions. Heavy rain in the two days after spreading washes it away: such days are not offered. A
tree whose age nobody told gets no figure. Other crops have rounds only when their cards tell them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from agri.advising import AdviceRule
from agri.crop import CropCard
from agri.errors import BadInput
from agri.field_records import Fertiliser
from agri.names import fold
from agri.words import Message
from models.advice.outcome import Advice, DayMark, Ground, Mark, Verdict, grounds
from models.advice.situation import Situation

KINDS = ("organic", "urea", "superphosphate", "potassium_chloride")
NAMES = {
    "urea": ("ure", "urea", "dam"),
    "superphosphate": ("lan", "super lan", "superphosphate", "supe lan"),
    "potassium_chloride": ("kali", "kcl", "kali clorua", "potash"),
}
"""How people call them, folded; a name that begins so counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """A round of fertiliser and the days it is for.

    Parameters
    ----------
    number : int
        1 after harvest, 2 at first flowers, 3 at small fruit.
    first, last : date
        From and to, both counted.
    reason : Message
        Why now.
    """

    number: int
    first: date
    last: date
    reason: Message


def rations(card: CropCard, age_years: float, number: int) -> dict[str, tuple[float, float]]:
    """Return what one tree gets in a round, kg from and to, by kind.

    Parameters
    ----------
    card : CropCard
        With the tables "fertiliser" and "fertiliser_split".
    age_years : float
        Of the tree.
    number : int
        The round, 1 to 3.

    Raises
    ------
    BadInput
        When the card lacks the tables, or the tree is younger than their first row.

    Examples
    --------
    >>> from agri.crop_cards import crop_card
    >>> parts = rations(crop_card("vai_ph40"), 9, 3)
    >>> [round(parts[kind][1], 3) for kind in ("organic", "urea", "potassium_chloride")]
    [0.0, 0.225, 0.65]
    """
    year = card.table("fertiliser").row_from(age_years)
    split = card.table("fertiliser_split").row_from(number)
    return {
        kind: (
            year.get(f"{kind}_low", year.get(kind, 0.0)) * split[kind] / 100.0,
            year.get(f"{kind}_high", year.get(kind, 0.0)) * split[kind] / 100.0,
        )
        for kind in KINDS
    }


def feed_advice(situation: Situation) -> Advice | None:
    """Return what to do about fertiliser; None where it is no matter of this crop or time."""
    rule = situation.rules.rule("feed")
    if not rule.suits(situation.card) or not _has_tables(situation.card):
        return None
    due = round_due(situation, rule)
    if due is None:
        return None
    used = [rule.number("heavy_rain"), rule.number("stage_chance")]
    table = situation.card.table("fertiliser")
    stands_on = (*grounds(rule, used), Ground(name="fertiliser", source=table.source,
                 confidence=table.confidence, assumed=table.assumed))  # fmt: skip
    what = Message.of("advice.what_feed", number=due.number)
    blockers, reasons, cautions = _ration_told(situation, due)
    marks = tuple(_mark(situation, rule, due, day, blockers) for day in situation.week)
    if not blockers and not any(one.mark is Mark.DO for one in marks):
        inside = [one for one in marks if due.first <= one.day <= due.last]
        blockers = tuple(one.why for one in inside[:1] if one.why is not None)
        verdict = Verdict.NOT_NOW if blockers else Verdict.WAIT
    else:
        verdict = Verdict.NOT_NOW if blockers else Verdict.DO
    if not blockers and _given_all(situation, due):
        return None
    return Advice(
        rule="feed", topic=rule.topic, verdict=verdict, what=what, days=marks,
        reasons=(due.reason, *reasons), blockers=blockers, grounds=stands_on,
        cautions=cautions if verdict is Verdict.DO else (),
    )  # fmt: skip


def _has_tables(card: CropCard) -> bool:
    try:
        card.table("fertiliser"), card.table("fertiliser_split")
    except BadInput:
        return False
    return True


def round_due(situation: Situation, rule: AdviceRule) -> Round | None:
    """Return the round that falls into the coming week; None when none does."""
    found = [one for one in (_third(situation, rule), _second(situation, rule),
                             _first(situation, rule)) if one is not None]  # fmt: skip
    last_day = situation.week[-1]
    return next((one for one in found
                 if one.first <= last_day and one.last >= situation.today), None)  # fmt: skip


def _first(situation: Situation, rule: AdviceRule) -> Round | None:
    over = situation.harvested_on
    if over is None:
        return None
    first = over + timedelta(days=round(rule.value("after_harvest_from")))
    best = over + timedelta(days=round(rule.value("after_harvest_to")))
    last = over + timedelta(days=round(rule.value("after_harvest_late")))
    key = "advice.feed_after_harvest" if situation.today <= best else "advice.feed_late"
    return Round(number=1, first=first, last=last,
                 reason=Message.of(key, over=over, first=first, last=best))  # fmt: skip


def _second(situation: Situation, rule: AdviceRule) -> Round | None:
    days = _stage_days(situation, rule, 60, 65)
    if not days:
        return None
    return Round(number=2, first=days[0], last=days[-1],
                 reason=Message.of("advice.feed_flowers"))  # fmt: skip


def _third(situation: Situation, rule: AdviceRule) -> Round | None:
    low, high = rule.value("fruit_low"), rule.value("fruit_high")
    sizes = situation.sizes()
    if sizes and (situation.today - sizes[-1].day).days <= 14:
        size = sizes[-1].size_mm or 0.0
        if size > high:
            return None
        if size >= low:
            reason = Message.of("advice.feed_size", size_mm=size, day=sizes[-1].day)
            return Round(number=3, first=situation.today, last=situation.week[-1], reason=reason)
    days = _stage_days(situation, rule, 71, 75)
    if not days:
        return None
    return Round(number=3, first=days[0], last=days[-1],
                 reason=Message.of("advice.feed_fruit", low=low, high=high))  # fmt: skip


def _stage_days(situation: Situation, rule: AdviceRule, low: int, high: int) -> list[date]:
    if situation.stages is None:
        return []
    limit = rule.value("stage_chance") / 100.0
    chances = [(day, situation.stages.chance(day, low, high)) for day in situation.week]
    return [day for day, chance in chances if chance is not None and chance >= limit]


def _ration_told(
    situation: Situation, due: Round
) -> tuple[tuple[Message, ...], tuple[Message, ...], tuple[Message, ...]]:
    """Return blockers, reasons and cautions of the ration."""
    if situation.age_years is None:
        return (Message.of("advice.no_age"),), (), ()
    try:
        parts = rations(situation.card, situation.age_years, due.number)
    except BadInput:
        return (Message.of("advice.too_young", years=situation.age_years),), (), ()
    reasons = [_of_tree(parts, situation.age_years)]
    if situation.trees is not None:
        reasons.append(_of_field(parts, situation.trees))
        given = _given(situation, due)
        if any(given.values()):
            reasons.append(Message.of("advice.feed_given", **{k: given[k] for k in KINDS}))
    cautions = [Message.of("advice.feed_trench")]
    if due.number == 1:
        cautions.append(Message.of("advice.feed_ph"))
    return (), tuple(reasons), tuple(cautions)


def _of_tree(parts: Mapping[str, tuple[float, float]], age_years: float) -> Message:
    low, high = parts["organic"]
    key = "advice.feed_tree_organic" if high > 0.0 else "advice.feed_tree"
    told = {kind: parts[kind][1] for kind in KINDS[1:]}
    extra = {"low": low, "high": high} if high > 0.0 else {}
    return Message.of(key, years=age_years, **extra, **told)


def _of_field(parts: Mapping[str, tuple[float, float]], trees: float) -> Message:
    low, high = (one * trees for one in parts["organic"])
    key = "advice.feed_field_organic" if high > 0.0 else "advice.feed_field"
    extra = {"low": low, "high": high} if high > 0.0 else {}
    return Message.of(key, trees=trees, **extra,
                      **{kind: parts[kind][1] * trees for kind in KINDS[1:]})  # fmt: skip


def _given(situation: Situation, due: Round) -> dict[str, float]:
    """Return what was given since shortly before the round began, kg by kind."""
    since = due.first - timedelta(days=21)
    given = dict.fromkeys(KINDS, 0.0)
    for one in situation.of(Fertiliser):
        if one.day < since:
            continue
        if one.organic:
            given["organic"] += one.mass_kg
            continue
        name = fold(one.product)
        for kind, begins in NAMES.items():
            if name.startswith(begins):
                given[kind] += one.mass_kg
                break
    return given


def _given_all(situation: Situation, due: Round) -> bool:
    """Return whether nine tenths of every part of the round were given."""
    if situation.age_years is None or situation.trees is None:
        return False
    parts, given = rations(situation.card, situation.age_years, due.number), _given(situation, due)
    return all(given[kind] >= 0.9 * parts[kind][0] * situation.trees for kind in KINDS)


def _mark(
    situation: Situation, rule: AdviceRule, due: Round, day: date, blockers: tuple[Message, ...]
) -> DayMark:
    if not due.first <= day <= due.last:
        return DayMark(day=day, mark=Mark.WAIT)
    if blockers:
        return DayMark(day=day, mark=Mark.NO, why=blockers[0])
    rain = rain_of(situation, day, 2)
    if not math.isnan(rain) and rain > rule.value("heavy_rain"):
        why = Message.of("advice.feed_rain", rain_mm=rain, limit_mm=rule.value("heavy_rain"))
        return DayMark(day=day, mark=Mark.NO, why=why)
    return DayMark(day=day, mark=Mark.DO)


def rain_of(situation: Situation, day: date, count: int) -> float:
    """Return the rain known of some days from a day on, mm; NaN when none is known."""
    days = situation.water_days
    if days is None:
        return math.nan
    start = (day - days.first).days
    rain = days.rain_mm[max(0, start) : max(0, start + count)]
    known = rain[np.isfinite(rain)]
    return float(known.sum()) if known.size else math.nan
