"""From a lot back to all that was done to it, and whether harvests kept the label's intervals.

Theory of operation. A lot is what its harvests say it is: their fields, their trees and rows if all
of them name some, and the days up to the last of them. Of the records of those fields a lot's are
those that may have touched it: a spray on row 3 is not of a lot from row 5, a spray on the whole
field is. What the record does not tell counts as touching.

A harvest keeps an interval when it is not earlier than the first day the label allows
(day of spraying plus the pre-harvest interval). A spray whose interval nobody told is a warning of
its own for each harvest within `LOOKED_BACK` of it: agri never calls a harvest safe that it cannot
know to be.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import fields as fields_of
from datetime import timedelta

from agri.field_records.crop import Harvest
from agri.field_records.inputs import SprayRecord
from agri.field_records.record import Record
from agri.findings import Finding
from agri.names import fold, same

LOOKED_BACK = timedelta(days=120)
"""How long before a harvest a spray of unknown interval is told; an assumption, longer than the
intervals on labels of vegetables and fruit usually are."""


def _same_field(one: Record, other: Record) -> bool:
    if one.field_uid and other.field_uid:
        return one.field_uid == other.field_uid
    return fold(one.field) == fold(other.field)


def may_touch(one: Record, other: Record) -> bool:
    """Return whether two records may be of the same plants.

    Examples
    --------
    >>> from datetime import date
    >>> spray = SprayRecord(day=date(2027, 5, 1), field="V", row="3", product="A")
    >>> picked = Harvest(day=date(2027, 5, 21), field="V", row="5", mass_kg=20.0)
    >>> may_touch(spray, picked), may_touch(picked, picked)
    (False, True)
    """
    if not _same_field(one, other):
        return False
    for name in ("tree", "row"):
        mine, yours = getattr(one, name), getattr(other, name)
        if mine and yours and same(mine) != same(yours):
            return False
    return True


def lot_records(records: Sequence[Record], lot: str) -> tuple[Record, ...]:
    """Return what was done to a lot, its harvests among it, by day.

    Of another season are only the sprays whose interval had not ended, or is not known, when the
    lot was picked.

    Parameters
    ----------
    records : sequence of Record
        All that stand.
    lot : str
        The lot's name, case aside.

    Returns
    -------
    tuple of Record
        Empty when no harvest is of this lot.
    """
    picked = [one for one in records if isinstance(one, Harvest) and same(one.lot) == same(lot)]
    if not picked:
        return ()
    last = max(one.day for one in picked)
    seasons = {one.season for one in picked}
    found = [
        one for one in records
        if same(one.lot) == same(lot)
        or (
            not one.lot
            and not isinstance(one, Harvest)
            and one.day <= last
            and (one.season in seasons or _in_doubt(one, picked))
            and any(may_touch(one, harvest) for harvest in picked)
        )
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda one: one.day))


def _in_doubt(record: Record, picked: Sequence[Harvest]) -> bool:
    """Return whether a spray of another season may still be on what was picked."""
    return isinstance(record, SprayRecord) and bool(interval_findings([record], picked))


def interval_findings(
    sprays: Sequence[SprayRecord], harvests: Sequence[Harvest]
) -> tuple[Finding, ...]:
    """Return what harvests lie before an interval's end, or after a spray of unknown interval.

    Parameters
    ----------
    sprays : sequence of SprayRecord
        All of the fields, of earlier seasons too.
    harvests : sequence of Harvest
        To be judged.

    Examples
    --------
    >>> from datetime import date
    >>> spray = SprayRecord(day=date(2027, 5, 12), field="V", product="A", phi_days=14)
    >>> picked = Harvest(day=date(2027, 5, 21), field="V", mass_kg=20.0)
    >>> [one.key for one in interval_findings([spray], [picked])]
    ['finding.harvest_too_early']
    """
    findings = []
    for spray in sorted(sprays, key=lambda one: one.day):
        after = [one for one in harvests if one.day >= spray.day and may_touch(spray, one)]
        first = spray.first_harvest
        if first is None:
            near = [one.day for one in after if one.day - spray.day <= LOOKED_BACK]
            if near:
                findings.append(Finding.warning(
                    "finding.interval_unknown", where=spray.field, product=spray.product,
                    day=spray.day, harvest=min(near),
                ))  # fmt: skip
            continue
        early = sorted({one.day for one in after if one.day < first})
        if early:
            findings.append(Finding.warning(
                "finding.harvest_too_early", where=spray.field, product=spray.product,
                day=spray.day, interval=spray.phi_days, first=first, harvest=early[0],
                count=len(early),
            ))  # fmt: skip
    return tuple(findings)


def digest(records: Sequence[Record]) -> str:
    """Return the SHA-256 of what records tell, without keys and times of entering.

    Two prints of a lot's record tell the same exactly when their digests are the same.

    Examples
    --------
    >>> from datetime import date
    >>> digest([Harvest(day=date(2027, 5, 21), field="V", mass_kg=20.0)])[:8]
    'e16a9a4d'
    """
    left_out = {"uid", "entered_utc", "replaces", "field_uid"}
    told = [
        {"kind": one.kind}
        | {f.name: str(getattr(one, f.name)) for f in fields_of(one) if f.name not in left_out}
        for one in records
    ]
    told.sort(key=lambda one: json.dumps(one, sort_keys=True))
    text = json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
