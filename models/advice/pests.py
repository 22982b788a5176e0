"""When downy blight and the fruit borer ask for a spray, and what is to be looked for.

Theory of operation.

**Blight.** Spells of wet leaves, of the last days and of those forecast, are given a severity
(`models.advice.blight`). One that holds rain and comes to the rule's limit, at a stage that can be
infected, asks for a spray before it begins; one that has passed lately is told as well. A spray on
record protects for the label's interval (or an assumed number of days) until enough rain has washed
it off.

**Borer.** Only adults at egg-laying are reached, and eggs are laid when the fruit is about 20 mm
long: so the fruit is measured, not the calendar; the size on record is taken for its length. Two
measurements tell how fast it grows and when it will be there. No degree-day threshold for this moth
was found, and none is made up. Once a spray stands on record, one looks again before the next.

**To look for.** Rules without weather: a stage or a month, and what to look at.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from agri.advising import AdviceRule, Topic
from agri.crop import Sourced
from agri.field_records import Count, SprayRecord
from agri.words import Message
from models.advice.allowed import label_for
from models.advice.blight import Infection, infections
from models.advice.outcome import Advice, DayMark, Ground, Mark, Verdict, grounds
from models.advice.situation import Situation
from models.advice.spraying import spray_advice, wait_advice


def _stage_told(situation: Situation, rule: AdviceRule, day: date) -> bool:
    chance = situation.chance(rule, day)
    return chance is not None and 100.0 * chance >= rule.value("stage_chance")


def _ground(number: Sourced) -> Ground:
    return Ground(name=number.name, source=number.source, confidence=number.confidence,
                  assumed=number.assumed)  # fmt: skip


# ---------------------------------------------------------------- blight


def blight_advice(situation: Situation) -> Advice | None:
    """Return what to do about downy blight; None where it is no matter of this crop or stage."""
    rule = situation.rules.rule("blight")
    if not rule.suits(situation.card) or not _blight_stage(situation, rule):
        return None
    if situation.hours is None:
        return _no_hours(situation, rule)
    last_day = situation.week[-1]
    since = situation.today - timedelta(days=round(rule.value("look_back")))
    grave = [
        one for one in infections(situation.hours)
        if one.severity >= rule.value("act") and one.rain_mm >= rule.value("splash")
        and since <= one.start.date() <= last_day
    ]  # fmt: skip
    numbers = ("act", "splash", "look_back", "stage_chance")
    if not grave:
        return wait_advice(situation, "blight", numbers=numbers,
                           reasons=(Message.of("advice.blight_quiet"),))  # fmt: skip
    covered = _covered(situation, rule)
    if covered is not None and covered >= max(one.start.date() for one in grave):
        return wait_advice(
            situation, "blight", numbers=(*numbers, "protects"), from_day=covered,
            reasons=(Message.of("advice.blight_covered", until=covered),),
        )  # fmt: skip
    coming = [one for one in grave if one.end.date() >= situation.today
              and (situation.now is None or one.start > situation.now)
              and one.start.date() >= situation.today]  # fmt: skip
    reasons = tuple(_spell(one, coming=one in coming) for one in (coming[:1] or grave[-1:]))
    if any(not one.fitted for one in (coming[:1] or grave[-1:])):
        reasons += (Message.of("advice.blight_not_fitted"),)
    reasons += (Message.of("advice.wet_assumed"), Message.of("advice.blight_not_tried"))
    return spray_advice(situation, "blight", reasons=reasons, numbers=numbers,
                        until=coming[0].start if coming else None)  # fmt: skip


def _blight_stage(situation: Situation, rule: AdviceRule) -> bool:
    if situation.harvested_on is not None and situation.stages is None:
        return False
    return situation.stages is None or any(
        _stage_told(situation, rule, day) for day in situation.week
    )


def _no_hours(situation: Situation, rule: AdviceRule) -> Advice:
    blocker = Message.of("advice.no_hours")
    days = tuple(DayMark(day=day, mark=Mark.NO, why=blocker) for day in situation.week)
    return Advice(
        rule=rule.id, topic=rule.topic, verdict=Verdict.NOT_NOW, blockers=(blocker,), days=days,
        what=Message.of("advice.what_blight"), grounds=grounds(rule),
    )  # fmt: skip


def _spell(one: Infection, *, coming: bool) -> Message:
    key = "advice.blight_coming" if coming else "advice.blight_passed"
    return Message.of(key, day=one.start.date(), hours=one.wet_h, mean_c=one.mean_c,
                      rain_mm=one.rain_mm, percent=100.0 * one.severity)  # fmt: skip


def _covered(situation: Situation, rule: AdviceRule) -> date | None:
    """Return the last day that the last spray against blight protects; None without one."""
    known = {label.product.casefold() for label in label_for(situation, rule)}
    sprays = [
        *situation.sprays_for((rule.id, *rule.aliases)),
        *(one for one in situation.of(SprayRecord) if one.product.casefold() in known),
    ]
    if not sprays:
        return None
    last = max(one.day for one in sprays)
    intervals = [label.interval_days for label in label_for(situation, rule)]
    days = min([one for one in intervals if one is not None], default=rule.value("protects"))
    until = last + timedelta(days=round(days))
    washed = _washed_off(situation, last)
    return until if washed is None else min(until, washed)


def _washed_off(situation: Situation, since: date) -> date | None:
    """Return the day on which rain since a spray has come to what washes it off."""
    hours = situation.hours
    if hours is None:
        return None
    days = np.array([hours.time(k).date().toordinal() for k in range(len(hours))])
    rain = np.where(days > since.toordinal(), np.nan_to_num(hours.rain_mm), 0.0)
    total = np.cumsum(rain)
    limit = situation.rules.rule("spraying").value("wash_off")
    if total[-1] < limit:
        return None
    return date.fromordinal(int(days[int(np.argmax(total >= limit))]))


# ---------------------------------------------------------------- borer


def borer_advice(situation: Situation) -> Advice | None:
    """Return what to do about the fruit borer; None where it is no matter of this crop or stage."""
    rule = situation.rules.rule("borer")
    card = situation.card
    if not rule.suits(card) or not card.has("borer_fruit_length"):
        return None
    if situation.stages is None or not any(
        _stage_told(situation, rule, day) for day in situation.week
    ):
        return None
    wanted = card.number("borer_fruit_length")
    more = (_ground(wanted),)
    numbers = ("size_old", "stage_chance")
    last = _last_size(situation, rule)
    if last is None:
        measure = Message.of("advice.borer_measure", low=wanted.low)
        return wait_advice(situation, "borer", numbers=numbers, more=more, reasons=(measure,))
    size = last.size_mm or 0.0
    measured = Message.of("advice.borer_size", size_mm=size, day=last.day, low=wanted.low)
    if size < wanted.low:
        return _grows(situation, wanted, measured, more)
    sprayed = situation.sprays_for((rule.id, *rule.aliases))
    again = round(rule.value("look_again"))
    if sprayed and (situation.today - sprayed[-1].day).days < again:
        return wait_advice(
            situation, "borer", numbers=(*numbers, "look_again"), more=more,
            from_day=sprayed[-1].day + timedelta(days=again),
            reasons=(Message.of("advice.borer_look_again", last=sprayed[-1].day, days=again),),
        )  # fmt: skip
    reasons = (measured, Message.of("advice.borer_adults"))
    return spray_advice(situation, "borer", reasons=reasons, numbers=numbers, more=more)


def _last_size(situation: Situation, rule: AdviceRule) -> Count | None:
    """Return the last measurement; one below the limit that is old tells nothing any more."""
    sizes = situation.sizes()
    if not sizes:
        return None
    wanted = situation.card.number("borer_fruit_length")
    old = (situation.today - sizes[-1].day).days > rule.value("size_old")
    return None if old and (sizes[-1].size_mm or 0.0) < wanted.low else sizes[-1]


def _grows(
    situation: Situation, wanted: Sourced, measured: Message, more: tuple[Ground, ...]
) -> Advice:
    """Return the advice to wait, and until when, as far as two measurements tell."""
    sizes = [one for one in situation.sizes() if one.size_mm is not None]
    reached = None
    if len(sizes) >= 2 and sizes[-1].day > sizes[-2].day:
        older, newer = sizes[-2].size_mm or 0.0, sizes[-1].size_mm or 0.0
        rate = (newer - older) / (sizes[-1].day - sizes[-2].day).days
        if rate > 0.0:
            reached = sizes[-1].day + timedelta(days=min(60, round((wanted.low - newer) / rate)))
    told = (Message.of("advice.borer_when", day=reached) if reached is not None
            else Message.of("advice.borer_measure_again"))  # fmt: skip
    return wait_advice(situation, "borer", numbers=("size_old", "stage_chance"), more=more,
                       reasons=(measured, told), from_day=reached)  # fmt: skip


# ---------------------------------------------------------------- to look for


def look_advice(situation: Situation) -> tuple[Advice, ...]:
    """Return what to look for this week."""
    found = []
    for rule in situation.rules.of(Topic.LOOK, situation.card):
        days = [day for day in situation.week if _is_time(situation, rule, day)]
        if not days:
            continue
        marks = tuple(DayMark(day=day, mark=Mark.DO if day in days else Mark.WAIT)
                      for day in situation.week)  # fmt: skip
        verdict = Verdict.DO if marks[0].mark is Mark.DO else Verdict.WAIT
        found.append(Advice(
            rule=rule.id, topic=rule.topic, verdict=verdict, days=marks, grounds=grounds(rule),
            what=Message.of(f"advice.what_{rule.id}"),
            reasons=(Message.of(f"advice.why_{rule.id}"),),
        ))  # fmt: skip
    return tuple(found)


def _is_time(situation: Situation, rule: AdviceRule, day: date) -> bool:
    if rule.months and day.month not in rule.months:
        return False
    if (rule.from_bbch, rule.to_bbch) == (0, 100):
        return True
    chance = situation.chance(rule, day)
    return chance is not None and chance >= 0.5
