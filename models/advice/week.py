"""The week: every advice there is, in the order to do it.

Theory of operation. What is to be done comes first, and of that the work whose time ends first;
then what waits, by the day it may begin; what is forbidden comes last, each with why. Ties go by
how dear a missed day is: harvest, spray, water, fertiliser, counting, looking.
"""

from __future__ import annotations

from datetime import date

from agri.advising import Topic
from models.advice.feeding import feed_advice
from models.advice.outcome import Advice, Mark, Verdict
from models.advice.pests import blight_advice, borer_advice, look_advice
from models.advice.picking import count_advice, harvest_advice
from models.advice.situation import Situation
from models.advice.watering import water_advice

TOPICS = (Topic.HARVEST, Topic.SPRAY, Topic.WATER, Topic.FEED, Topic.COUNT, Topic.LOOK)
VERDICTS = (Verdict.DO, Verdict.WAIT, Verdict.NOT_NOW)


def advise(situation: Situation) -> tuple[Advice, ...]:
    """Return the advice of a week, what to do first.

    Parameters
    ----------
    situation : Situation
        The field.

    Returns
    -------
    tuple of Advice
        Empty when nothing is known that any rule could say something about.
    """
    found = [
        harvest_advice(situation), blight_advice(situation), borer_advice(situation),
        water_advice(situation), feed_advice(situation),
        *count_advice(situation), *look_advice(situation),
    ]  # fmt: skip
    return tuple(sorted((one for one in found if one is not None), key=_order))


def _order(one: Advice) -> tuple[int, date, int, str]:
    days = [mark.day for mark in one.days if mark.mark is Mark.DO]
    when = date.max
    if days:
        when = days[-1] if one.verdict is Verdict.DO else days[0]
    return VERDICTS.index(one.verdict), when, TOPICS.index(one.topic), one.rule
