"""Harvest and counts: when to pick, with how many people, and when counting narrows the forecast.

Theory of operation. The harvest window is that of the phenology. Picking is forbidden before the
pre-harvest interval of every spray on record is over; a spray whose interval nobody entered
forbids it as well, because nothing says that it is safe. People needed come from the forecast,
spread over the days of picking, and from what one person picks in a day; the latter has no source
and is told to be assumed. Counts are asked for at the gates of the forecast, unless one stands on
record.
"""

from __future__ import annotations

import math
from datetime import date, timedelta

from agri.advising import AdviceRule, Topic
from agri.field_records import Count, Counted, SprayRecord
from agri.words import Message
from models.advice.outcome import Advice, DayMark, Mark, Verdict, grounds, settled
from models.advice.situation import Situation

COUNTS = {"count_panicles": (Counted.PANICLE, Counted.FLUSH)}
"""What counts for a gate; fruit for the others."""


def harvest_blockers(situation: Situation, day: date) -> tuple[Message, ...]:
    """Return what forbids picking on a day: sprays whose interval is not over or not known."""
    rule = situation.rules.rule("harvest")
    since = situation.today - timedelta(days=round(rule.value("spray_back")))
    told = []
    for one in situation.of(SprayRecord):
        free = one.first_harvest
        if free is None and one.day >= since:
            told.append(Message.of("advice.spray_no_phi", product=one.product, day=one.day))
        elif free is not None and day < free:
            told.append(Message.of("advice.spray_phi", product=one.product, day=one.day,
                                   days=one.phi_days, free=free))  # fmt: skip
    return settled(told)


def harvest_advice(situation: Situation) -> Advice | None:
    """Return when to pick and with how many; None when no harvest is near."""
    rule = situation.rules.rule("harvest")
    ripe = situation.stages.harvest if situation.stages is not None else None
    if ripe is None or situation.picked_out:
        return None
    if (ripe.p10 - situation.today).days > rule.value("ahead"):
        return None
    used = [rule.number("ahead")]
    reasons = [Message.of("advice.harvest_window", p10=ripe.p10, p50=ripe.p50, p90=ripe.p90)]
    if situation.forecast is not None:
        reasons += _people(situation, rule)
        used += [rule.number("picking_days"), rule.number("kg_person_day")]
    marks = tuple(_mark(situation, day, ripe.p10) for day in situation.week)
    ripe_days = [one for one in marks if one.day >= ripe.p10]
    verdict, blockers = Verdict.WAIT, tuple[Message, ...]()
    if any(one.mark is Mark.DO for one in marks):
        verdict = Verdict.DO
    elif ripe_days:
        verdict, blockers = Verdict.NOT_NOW, harvest_blockers(situation, ripe_days[0].day)
    if verdict is Verdict.DO and harvest_blockers(situation, situation.today):
        reasons += harvest_blockers(situation, situation.today)
    cool = (Message.of("advice.harvest_cool"),) if verdict is Verdict.DO else ()
    return Advice(
        rule="harvest", topic=rule.topic, verdict=verdict, days=marks, reasons=tuple(reasons),
        what=Message.of("advice.what_harvest"), blockers=blockers, grounds=grounds(rule, used),
        cautions=cool,
    )  # fmt: skip


def _mark(situation: Situation, day: date, ripe: date) -> DayMark:
    blockers = harvest_blockers(situation, day)
    if blockers:
        return DayMark(day=day, mark=Mark.NO, why=blockers[0])
    return DayMark(day=day, mark=Mark.DO if day >= ripe else Mark.WAIT)


def pickers(forecast_kg: float, days: float, kg_person_day: float) -> int:
    """Return the people needed to pick so much in so many days.

    Examples
    --------
    >>> pickers(5000.0, 7.0, 80.0)
    9
    """
    return math.ceil(forecast_kg / days / kg_person_day)


def _people(situation: Situation, rule: AdviceRule) -> list[Message]:
    assert situation.forecast is not None  # noqa: S101 - asked for before
    days, rate = rule.value("picking_days"), rule.number("kg_person_day")
    found = situation.forecast
    return [
        Message.of("advice.harvest_forecast", low_kg=found.low_kg, kg=found.kg,
                   high_kg=found.high_kg),
        Message.of("advice.harvest_people", people=pickers(found.kg, days, rate.value),
                   least=pickers(found.low_kg, days, rate.high),
                   most=pickers(found.high_kg, days, rate.low), days=days, rate=rate.value),
    ]  # fmt: skip


def count_advice(situation: Situation) -> tuple[Advice, ...]:
    """Return the counts of this week that would narrow the forecast."""
    return tuple(
        one for one in (
            _count(situation, rule) for rule in situation.rules.of(Topic.COUNT, situation.card)
        ) if one is not None
    )  # fmt: skip


def _count(situation: Situation, rule: AdviceRule) -> Advice | None:
    chances = [situation.chance(rule, day) or 0.0 for day in situation.week]
    if max(chances) < 0.5:
        return None
    kinds = COUNTS.get(rule.id, (Counted.FRUIT,))
    done = [one.day for one in situation.of(Count) if one.what in kinds]
    again = done[-1] + timedelta(days=round(rule.value("counted"))) if done else None
    marks = tuple(
        DayMark(day=day, mark=Mark.DO if chance >= 0.5 and (again is None or day >= again)
                else Mark.WAIT)
        for day, chance in zip(situation.week, chances, strict=True)
    )  # fmt: skip
    reasons = [Message.of(f"advice.why_{rule.id}")]
    if again is not None:
        reasons.append(Message.of("advice.counted", day=done[-1]))
    verdict = Verdict.DO if marks[0].mark is Mark.DO else Verdict.WAIT
    return Advice(rule=rule.id, topic=rule.topic, verdict=verdict, days=marks,
                  what=Message.of(f"advice.what_{rule.id}"), reasons=tuple(reasons),
                  grounds=grounds(rule, rule.numbers))  # fmt: skip
