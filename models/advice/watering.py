"""Water: the balance of rain and evapotranspiration in the ground that roots reach.

Theory of operation (FAO Irrigation and Drainage Paper 56, chapter 8). The ground holds so much
water that roots can take: soil water per metre × depth of roots. Each day the crop takes its share
of the reference evapotranspiration, rain and watering give back, and what would overfill runs off.
When the deficit passes the share that roots easily reach, water is due.

Decisions. A balance needs a start: it is taken from the longest run of days without a gap up to
today, at most `history` days, and starts half drawn down; when rain has filled the ground since,
the start no longer matters, otherwise it is said to be assumed. Before flower initiation, in
winter, a lychee is not watered: a moderate want of water helps flowering (Carr and Menzel 2014).
Which soil the field has is an assumption until somebody digs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from agri.advising import AdviceRule
from agri.errors import BadInput
from agri.field_records import Irrigation
from agri.weather.series import Days, FloatArray
from agri.weather.water import evapotranspiration
from agri.words import Message
from models.advice.outcome import Advice, DayMark, Mark, Verdict, grounds
from models.advice.situation import Situation

LEAST_DAYS = 10
"""Fewer known days up to today do not make a balance."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Balance:
    """Water wanting in the ground, day by day.

    Parameters
    ----------
    first : date
        The first day.
    deficit_mm : (N,) float64
        At the end of each day; 0 is full.
    easy_mm : float
        Deficit from which water is due.
    settled : bool
        Whether the ground was full once up to today, so that the start no longer matters.
    """

    first: date
    deficit_mm: FloatArray
    easy_mm: float
    settled: bool

    def deficit(self, day: date) -> float:
        """Return the deficit at the end of a day; NaN when not known."""
        place = (day - self.first).days
        return float(self.deficit_mm[place]) if 0 <= place < self.deficit_mm.size else math.nan


def water_balance(
    need_mm: FloatArray, rain_mm: FloatArray, given_mm: FloatArray, *, start_mm: float,
    most_mm: float,
) -> FloatArray:  # fmt: skip
    """Return the deficit of water at the end of each day, FAO 56 eq. 85 without capillary rise.

    Parameters
    ----------
    need_mm, rain_mm, given_mm : (N,) float64
        What the crop takes, and what comes.
    start_mm, most_mm : float
        Deficit before the first day, and the most there can be.

    Examples
    --------
    >>> import numpy as np
    >>> water_balance(np.full(3, 4.0), np.array([0.0, 30.0, 0.0]), np.zeros(3),
    ...               start_mm=10.0, most_mm=100.0).tolist()
    [14.0, 0.0, 4.0]
    """
    deficit, found = start_mm, np.empty(need_mm.size)
    for k in range(need_mm.size):
        deficit = min(max(deficit + need_mm[k] - rain_mm[k] - given_mm[k], 0.0), most_mm)
        found[k] = deficit
    return found


def balance_of(situation: Situation, rule: AdviceRule) -> Balance | None:
    """Return the balance of a field; None when too little weather is known."""
    if situation.water_days is None or (situation.place or situation.water_days.place) is None:
        return None
    days = _known(situation, rule)
    if days is None:
        return None
    et0 = evapotranspiration(days, place=situation.place).et0_mm
    holds = 1000.0 * rule.value("soil_water") * rule.value("root_depth")
    easy = holds * rule.value("drawn_down")
    found = water_balance(rule.value("crop_factor") * et0, days.rain_mm, _given(situation, days),
                          start_mm=easy / 2.0, most_mm=holds)  # fmt: skip
    past = (situation.today - days.first).days + 1
    return Balance(first=days.first, deficit_mm=found, easy_mm=easy,
                   settled=bool((found[:past] <= 0.0).any()))  # fmt: skip


def _known(situation: Situation, rule: AdviceRule) -> Days | None:
    """Return the run of known days around today; None when it is too short or does not reach it."""
    first = situation.today - timedelta(days=round(rule.value("history")))
    assert situation.water_days is not None  # noqa: S101 - asked for before
    try:
        days = situation.water_days.between(first, situation.week[-1])
    except BadInput:
        return None
    known = np.isfinite(days.low_c) & np.isfinite(days.high_c) & np.isfinite(days.rain_mm)
    place = (situation.today - days.first).days
    if not 0 <= place < known.size or not known[place]:
        return None
    gaps = np.flatnonzero(~known)
    start = int(gaps[gaps < place].max()) + 1 if (gaps < place).any() else 0
    stop = int(gaps[gaps > place].min()) if (gaps > place).any() else known.size
    if place - start + 1 < LEAST_DAYS:
        return None
    return days.between(days.first + timedelta(days=start), days.first + timedelta(days=stop - 1))


def _given(situation: Situation, days: Days) -> FloatArray:
    given = np.zeros(len(days))
    for one in situation.of(Irrigation):
        place = (one.day - days.first).days
        if not 0 <= place < len(days) or one.volume_m3 is None:
            continue
        area = one.area_m2 or situation.area_m2
        if area:
            given[place] += 1000.0 * one.volume_m3 / area
    return given


def water_advice(situation: Situation) -> Advice | None:
    """Return what to do about water; None where it is no matter of this crop."""
    rule = situation.rules.rule("water")
    if not rule.suits(situation.card):
        return None
    hold = _hold(situation)
    if hold is not None:
        return hold
    found = balance_of(situation, rule)
    used = [rule.number(name) for name in ("crop_factor", "root_depth", "soil_water", "drawn_down")]
    what = Message.of("advice.what_water")
    if found is None:
        blocker = Message.of("advice.water_unknown", days=LEAST_DAYS)
        marks = tuple(DayMark(day=day, mark=Mark.NO, why=blocker) for day in situation.week)
        return Advice(rule="water", topic=rule.topic, verdict=Verdict.NOT_NOW, what=what,
                      blockers=(blocker,), days=marks, grounds=grounds(rule, used))  # fmt: skip
    due = [day for day in situation.week if found.deficit(day) >= found.easy_mm]
    now = found.deficit(situation.today)
    reasons = [Message.of("advice.water_deficit", deficit_mm=now, easy_mm=found.easy_mm)]
    if due:
        reasons += _amount(found.deficit(due[0]), due[0], situation)
    if not found.settled:
        reasons.append(Message.of("advice.water_start_assumed"))
    marks = tuple(DayMark(day=day, mark=Mark.DO if day in due else Mark.WAIT)
                  for day in situation.week)  # fmt: skip
    verdict = Verdict.DO if due and (due[0] - situation.today).days <= 1 else Verdict.WAIT
    return Advice(rule="water", topic=rule.topic, verdict=verdict, what=what,
                  reasons=tuple(reasons), days=marks, grounds=grounds(rule, used))  # fmt: skip


def _amount(deficit_mm: float, day: date, situation: Situation) -> list[Message]:
    told = [Message.of("advice.water_due", day=day, deficit_mm=deficit_mm)]
    if situation.area_m2 is not None:
        told.append(Message.of("advice.water_field",
                               volume_m3=deficit_mm * situation.area_m2 / 1000.0))  # fmt: skip
        if situation.trees:
            litres = deficit_mm * situation.area_m2 / situation.trees
            told.append(Message.of("advice.water_tree", litres=litres))
    return told


def _hold(situation: Situation) -> Advice | None:
    rule = situation.rules.rule("hold_water")
    if not rule.suits(situation.card) or situation.today.month not in rule.months:
        return None
    chance = None
    if situation.stages is not None:
        chance = situation.stages.chance(situation.today, rule.to_bbch, 100)
    if chance is not None and chance >= 0.5:
        return None
    marks = tuple(DayMark(day=day, mark=Mark.WAIT) for day in situation.week)
    return Advice(rule="hold_water", topic=rule.topic, verdict=Verdict.WAIT, days=marks,
                  what=Message.of("advice.what_water"), grounds=grounds(rule),
                  reasons=(Message.of("advice.why_hold_water"),))  # fmt: skip
