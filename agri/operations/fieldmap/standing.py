"""How every field stands: last flown, last mapped, what waits, what is amiss; and which are wanted.

What is told here is read from rows and lists alone, so that a table of hundreds of fields comes at
once: plans are not checked anew and no raster is opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from agri.field import Field
from agri.findings import Finding
from agri.names import same
from agri.operations.fieldmap.rasters import listed, raster_layers
from agri.operations.fieldmap.stress import spots_of
from agri.people import Review, Verdict
from agri.units import INDOCHINA_TIME
from agri.workspace import Outcome, PlanRecord, StoredFlight, Workspace

WELL = (Outcome.LANDED, Outcome.FLYING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one field stands.

    Parameters
    ----------
    field : Field
    flown : date or None
        Local day of the last flight.
    mapped : date or None
        Local day of the newest map of photos.
    waiting : tuple of PlanRecord
        Plans that nobody has judged.
    warnings : tuple of Finding
        What is amiss.
    """

    field: Field
    flown: date | None
    mapped: date | None
    waiting: tuple[PlanRecord, ...]
    warnings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which fields are wanted; what is not told does not count.

    Parameters
    ----------
    crop : str
        By name, however it is cased.
    least_m2, most_m2 : float or None
        Of their area.
    not_flown_days, not_mapped_days : int
        Only those with no flight, or map, within so many days; 0 for all.
    waiting, amiss : bool
        Only those with a plan that waits, or with a warning.
    """

    crop: str = ""
    least_m2: float | None = None
    most_m2: float | None = None
    not_flown_days: int = 0
    not_mapped_days: int = 0
    waiting: bool = False
    amiss: bool = False

    def takes(self, one: Standing, today: date) -> bool:
        """Return whether a field is wanted on a day."""
        area_m2 = one.field.area_m2
        return (
            (not self.crop or same(self.crop) == same(one.field.crop))
            and (self.least_m2 is None or area_m2 >= self.least_m2)
            and (self.most_m2 is None or area_m2 <= self.most_m2)
            and _older(one.flown, self.not_flown_days, today)
            and _older(one.mapped, self.not_mapped_days, today)
            and (not self.waiting or bool(one.waiting))
            and (not self.amiss or bool(one.warnings))
        )


def _older(day: date | None, days: int, today: date) -> bool:
    return not days or day is None or (today - day).days > days


def standings(farm: Workspace) -> tuple[Standing, ...]:
    """Return how every field of a farm stands, in the order of its fields."""
    site, _ = farm.farm_with_findings()
    plans, every = farm.plans(), farm.plans(every=True)
    flights, products = farm.flights(), listed(farm.folder)
    said: dict[tuple[str, str], Review] = {}
    for review in farm.people.reviews():
        said.setdefault((review.plan_uid, review.plan_digest), review)
    found = []
    for field in site.fields:
        uids = {one.uid for one in every if one.field_uid == field.uid}
        own = [one for one in flights
               if one.mission_uid in uids and one.outcome is not Outcome.STAYED]  # fmt: skip
        newest = [one for one in plans if one.field_uid == field.uid]
        maps = raster_layers(products, field.boundary)
        judged = [said.get((one.uid, one.digest)) for one in newest]
        spots = spots_of(farm.folder, products, field.boundary)
        found.append(
            Standing(
                field=field,
                flown=_last_day(own),
                mapped=max((one.day for one in maps), default=None),
                waiting=tuple(one for one, review in zip(newest, judged, strict=True)
                              if review is None),
                warnings=(
                    *_sent_back(newest, judged), *_ended(own),
                    *([Finding.warning("finding.places_changed", count=len(spots))]
                      if spots else []),
                ),
            )
        )  # fmt: skip
    return tuple(found)


def _last_day(flights: Sequence[StoredFlight]) -> date | None:
    last: datetime | None = max((one.started_utc for one in flights), default=None)
    return last.astimezone(INDOCHINA_TIME).date() if last is not None else None


def _sent_back(plans: Sequence[PlanRecord], judged: Sequence[Review | None]) -> list[Finding]:
    return [
        Finding.warning("finding.plan_sent_back", name=one.name)
        for one, review in zip(plans, judged, strict=True)
        if review is not None and review.verdict is Verdict.SENT_BACK
    ]


def _ended(flights: Sequence[StoredFlight]) -> list[Finding]:
    last = max(flights, key=lambda one: one.started_utc, default=None)
    if last is None or last.outcome in WELL:
        return []
    return [Finding.warning("finding.last_flight_ended", name=last.plan_name)]
