"""Spray windows against one pest or disease, and what stands in their way.

Theory of operation. For each label that names crop and pest every day of the week is asked what
forbids the product (`models.advice.allowed`), and every hour of an allowed day what forbids the air
(`models.advice.air`). Hours with no blocker, joined, are the windows. The label with the earliest
window is taken, and its own dose and interval are shown; where there is none, the first label's
blockers are told, and without a label the advice is to read one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from agri.labels import Label, ProductKind
from agri.words import Message
from models.advice.air import SprayHour, spans, spray_hours
from models.advice.allowed import day_blockers, label_for
from models.advice.outcome import (
    Advice,
    DayMark,
    Ground,
    Mark,
    Span,
    Verdict,
    grounds,
    settled,
)
from models.advice.situation import Situation


@dataclass(frozen=True, slots=True, kw_only=True)
class SprayWeek:
    """What one label may do this week.

    Parameters
    ----------
    label : Label or None
        Which; None when none was entered.
    windows : tuple of Span
        Hours without a blocker.
    days : tuple of DayMark
        The week.
    blockers : tuple of Message
        What stands in the way, of the whole week; none when there are windows.
    cautions : tuple of Message
        What to heed in the windows.
    """

    label: Label | None
    windows: tuple[Span, ...]
    days: tuple[DayMark, ...]
    blockers: tuple[Message, ...]
    cautions: tuple[Message, ...]


def rain_free_h(label: Label, situation: Situation) -> float:
    """Return the hours without rain a product needs: the label's, or the rule's when longer.

    A label may shorten nothing: the stricter of both holds.
    """
    rule = situation.rules.rule("spraying")
    name = "rain_free_fungicide" if label.kind is ProductKind.FUNGICIDE else "rain_free_other"
    return max(rule.value(name), label.rain_free_h or 0.0)


def spray_week(situation: Situation, rule_id: str, *, until: datetime | None = None) -> SprayWeek:
    """Return the windows of the label that can be sprayed earliest.

    Parameters
    ----------
    situation : Situation
        The field.
    rule_id : str
        Whose pest or disease it is against.
    until : datetime, optional
        Windows must end by then.
    """
    rule = situation.rules.rule(rule_id)
    labels = label_for(situation, rule)
    if not labels:
        told = day_blockers(None, situation.today, situation, rule)
        days = tuple(DayMark(day=day, mark=Mark.NO, why=told[0]) for day in situation.week)
        return SprayWeek(label=None, windows=(), days=days, blockers=told, cautions=())
    weeks = [_of_label(situation, rule_id, label, until) for label in labels]
    free = [one for one in weeks if one.windows]
    if free:
        return min(free, key=lambda one: one.windows[0].start)
    return min(weeks, key=lambda one: len(one.blockers))


def _of_label(
    situation: Situation, rule_id: str, label: Label, until: datetime | None
) -> SprayWeek:
    rule = situation.rules.rule(rule_id)
    hours = _hours(situation, label)
    windows: list[Span] = []
    marks: list[DayMark] = []
    told: list[Message] = []
    cautions: list[Message] = []
    for day in situation.week:
        blockers = day_blockers(label, day, situation, rule)
        here = [one for one in hours if one.start.date() == day]
        found = () if blockers else _spans(situation, here, until)
        windows += found
        if not found:
            blockers = blockers or (_why_no_hour(here, situation),)
            told += blockers
        else:
            inside = [one for one in here if not one.blockers and one.cautions]
            cautions += [caution for one in inside for caution in one.cautions[:1]][:1]
        marks.append(DayMark(day=day, mark=Mark.DO if found else Mark.NO,
                             why=None if found else blockers[0]))  # fmt: skip
    return SprayWeek(
        label=label, windows=tuple(windows), days=tuple(marks), cautions=settled(cautions),
        blockers=() if windows else settled(told),
    )  # fmt: skip


def _hours(situation: Situation, label: Label) -> tuple[SprayHour, ...]:
    if situation.hours is None:
        return ()
    return spray_hours(situation.hours, situation.place, situation.limits, situation.week,
                       rain_free_h=rain_free_h(label, situation), now=situation.now)  # fmt: skip


def _spans(
    situation: Situation, hours: list[SprayHour], until: datetime | None
) -> tuple[Span, ...]:
    shortest = situation.rules.rule("spraying").value("shortest_window")
    kept = hours if until is None else [one for one in hours if one.start < until]
    return spans(kept, shortest_h=shortest)


def _why_no_hour(hours: list[SprayHour], situation: Situation) -> Message:
    """Return what stands in the way of most daylight hours of a day."""
    if situation.hours is None:
        return Message.of("advice.no_hours")
    if not hours:
        return Message.of("advice.no_forecast")
    told: dict[str, tuple[int, Message]] = {}
    for one in hours:
        if any(blocker.key == "advice.air_night" for blocker in one.blockers):
            continue
        for blocker in one.blockers:
            count, first = told.get(blocker.key, (0, blocker))
            told[blocker.key] = (count + 1, first)
    if not told:
        return Message.of("advice.no_window")
    return max(told.values(), key=lambda pair: pair[0])[1]


def spray_advice(
    situation: Situation,
    rule_id: str,
    *,
    reasons: tuple[Message, ...],
    numbers: tuple[str, ...],
    until: datetime | None = None,
    more: tuple[Ground, ...] = (),
) -> Advice:
    """Return the advice to spray against a pest or disease, or why not.

    Parameters
    ----------
    situation : Situation
        The field.
    rule_id : str
        Whose pest or disease it is against.
    reasons : tuple of Message
        Why a spray is asked for.
    numbers : tuple of str
        Names of the rule's numbers that were used.
    until : datetime, optional
        Windows must end by then; when there is none, later ones are taken.
    more : tuple of Ground
        What else it stands on.
    """
    rule = situation.rules.rule(rule_id)
    week = spray_week(situation, rule_id, until=until)
    if until is not None and not week.windows and week.label is not None:
        later = spray_week(situation, rule_id)
        if later.windows:
            week = later
            reasons = (*reasons, Message.of("advice.only_after"))
    used = [rule.number(name) for name in numbers]
    general = situation.rules.rule("spraying")
    used += [general.number("shortest_window")]
    if week.label is not None:
        used.append(general.number(
            "rain_free_fungicide" if week.label.kind is ProductKind.FUNGICIDE
            else "rain_free_other"))  # fmt: skip
    return Advice(
        rule=rule_id, topic=rule.topic, what=Message.of(f"advice.what_{rule_id}"),
        verdict=Verdict.DO if week.windows else Verdict.NOT_NOW,
        reasons=reasons, blockers=week.blockers, windows=week.windows, days=week.days,
        grounds=(*grounds(rule, used), *more), label=week.label,
        cautions=(*week.cautions, Message.of("advice.look_at_wind")) if week.windows else (),
    )  # fmt: skip


def wait_advice(
    situation: Situation,
    rule_id: str,
    *,
    reasons: tuple[Message, ...],
    numbers: tuple[str, ...] = (),
    more: tuple[Ground, ...] = (),
    what: str = "",
    from_day: date | None = None,
) -> Advice:
    """Return the advice to wait with a work, and why; days from `from_day` on are marked to do."""
    rule = situation.rules.rule(rule_id)
    days = tuple(
        DayMark(day=day, mark=Mark.WAIT if from_day is None or day < from_day else Mark.DO)
        for day in situation.week
    )
    return Advice(
        rule=rule_id, topic=rule.topic, verdict=Verdict.WAIT, reasons=reasons, days=days,
        what=Message.of(what or f"advice.what_{rule_id}"),
        grounds=(*grounds(rule, [rule.number(name) for name in numbers]), *more),
    )  # fmt: skip
