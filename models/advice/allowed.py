"""What forbids a product on a day: the label, the bloom, the days before harvest, the dose.

Theory of operation. Every question is answered for one label and one day by itself, and all answers
are given, so that a page can say all that stands in the way. What is not known forbids: a label
without an interval, a harvest without a date, a bloom nobody can tell. No dose is ever worked out
here; the label's own is shown, and a wish above it is refused.

* **Bloom.** What harms bees is not sprayed on a day on which flowers may be open, nor some days
  before they may open, since residues last. A bloom that was seen holds until fruit set is seen or
  enough days have gone by.
* **Pre-harvest interval.** The day plus the label's days must not pass the earliest day on which
  fruit may be picked: P10 of the harvest, or the day picking began.
* **Repeats.** The label's least days between two uses, and its most uses in a season.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from agri.advising import AdviceRule
from agri.field_records import SprayRecord
from agri.labels import Label
from agri.names import fold
from agri.words import Message
from models.advice.situation import Situation

SEASON_DAYS = 365
"""Uses of the last year count towards the label's most in a season, when nothing tells seasons
apart: stricter than the calendar."""


def day_blockers(
    label: Label | None, day: date, situation: Situation, rule: AdviceRule
) -> tuple[Message, ...]:
    """Return what forbids a product on a day; none when nothing does.

    Parameters
    ----------
    label : Label or None
        Of the product; None when the user entered none.
    day : date
        Of spraying.
    situation : Situation
        The field.
    rule : AdviceRule
        Whose pest or disease it is against.
    """
    if label is None:
        return (Message.of("advice.no_label", pest=Message.of(f"advice.name_{rule.id}")),)
    return (
        *_of_label(label, situation, rule),
        *_bloom(label, day, situation),
        *_before_harvest(label, day, situation),
        *_repeats(label, day, situation),
    )


def label_for(situation: Situation, rule: AdviceRule) -> tuple[Label, ...]:
    """Return the labels entered that name the crop and the pest or disease."""
    names = (rule.id, *rule.aliases)
    return tuple(one for one in situation.labels
                 if one.is_on(situation.card) and one.is_for(names))  # fmt: skip


def _of_label(label: Label, situation: Situation, rule: AdviceRule) -> Iterator[Message]:
    if not label.is_on(situation.card):
        yield Message.of("advice.label_crop", product=label.product)
    if not label.is_for((rule.id, *rule.aliases)):
        yield Message.of("advice.label_target", product=label.product)
    if label.dose_high is None:
        yield Message.of("advice.label_no_dose", product=label.product)
    elif situation.dose is not None and not 0.0 < situation.dose <= label.dose_high:
        yield Message.of("advice.label_dose", product=label.product, dose=situation.dose,
                         most=label.dose_high, unit=label.unit)  # fmt: skip
    if label.read_on > situation.today:
        yield Message.of("advice.label_future", product=label.product, day=label.read_on)


def _bloom(label: Label, day: date, situation: Situation) -> Iterator[Message]:
    if not label.harms_bees:
        return
    rule = situation.rules.rule("bees")
    seen = situation.last_seen()
    if seen is not None and rule.from_bbch <= seen.bbch < rule.to_bbch:
        until = seen.day + timedelta(days=round(rule.value("bloom_seen")))
        if day <= until:
            yield Message.of("advice.bloom_seen", day=seen.day, until=until)
            return
    residue = round(rule.value("residue"))
    ahead = [situation.chance(rule, day + timedelta(days=k)) for k in range(residue + 1)]
    known = [one for one in ahead if one is not None]
    if not known or ahead[0] is None:
        yield Message.of("advice.bloom_unknown")
    elif 100.0 * max(known) > rule.value("bloom_chance"):
        key = (
            "advice.bloom" if 100.0 * known[0] > rule.value("bloom_chance") else "advice.bloom_soon"
        )
        yield Message.of(key, percent=100.0 * max(known), days=residue)


def _before_harvest(label: Label, day: date, situation: Situation) -> Iterator[Message]:
    if label.phi_days is None:
        yield Message.of("advice.label_no_phi", product=label.product)
        return
    early = situation.first_picking
    if early is None:
        yield Message.of("advice.harvest_unknown", phi_days=label.phi_days)
    elif day + timedelta(days=label.phi_days) > early:
        yield Message.of("advice.phi", phi_days=label.phi_days, day=day, early=early,
                         safe=day + timedelta(days=label.phi_days))  # fmt: skip


def _repeats(label: Label, day: date, situation: Situation) -> Iterator[Message]:
    uses = uses_of(label, situation)
    if not uses:
        return
    if label.interval_days is not None:
        free = uses[-1].day + timedelta(days=label.interval_days)
        if day < free:
            yield Message.of("advice.too_soon", last=uses[-1].day, days=label.interval_days,
                             free=free)  # fmt: skip
    since = day - timedelta(days=SEASON_DAYS)
    used = sum(one.day > since for one in uses)
    if label.most_uses is not None and used >= label.most_uses:
        yield Message.of("advice.too_often", used=used, most=label.most_uses)


def uses_of(label: Label, situation: Situation) -> tuple[SprayRecord, ...]:
    """Return the recorded uses of a product, by day."""
    return tuple(one for one in situation.of(SprayRecord)
                 if fold(one.product) == fold(label.product))  # fmt: skip
