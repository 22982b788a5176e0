"""The field diary: all that was done on a field in a season, to print, to keep and to show.

Theory of operation. The diary joins two books: what people entered (`Workspace.records`) and what
flights sprayed (`Workspace.applied`). A flight's spraying stands in the diary once: as the flight
has it, and where a person entered a spray record that names the flight, with what that record adds
(target, active ingredient, label). Of two intervals told for one flight the longer holds, and it is
said. The interval of a spray plan is 0 where nobody told one; here that reads as not told.

Its tables have the columns that VietGAP diaries in Vietnam commonly ask: date, product and active
ingredient, target, dose, ground, interval, who; fertiliser; harvest by lot; sales. They follow what
Decision 379/QĐ-BNN-KHCN (2008) and TCVN 11892-1:2017 are known to ask to be recorded; the wording
of the standard's own forms could not be read, and the page says so. What agri does not keep
(purchase of inputs, seedlings, soil and water tests, training, empty packaging) is listed to be
kept by hand or in notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput, NotFound
from agri.field import Field
from agri.field_records import Harvest, RateUnit, Record, SprayRecord
from agri.field_records.tracing import digest, interval_findings, lot_records
from agri.findings import Finding
from agri.names import same
from agri.operations.found import was_simulated
from agri.operations.records import placed
from agri.operations.rests import NOT_FLOWN
from agri.operations.sorties import plan_of
from agri.units import INDOCHINA_TIME
from agri.workspace import AppliedRecord, StoredFlight, Workspace
from missions.flightplan import job_of
from missions.sprayer.job import Product

FROM_FLIGHT = "flight"
"""What a spray record's source begins with when it is made from a flight."""
SIMULATED = "simulated"
"""What it ends with when that flight was one in the simulator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diary:
    """A field's season, or one lot of it.

    Parameters
    ----------
    farm_name : str
        The farm's name.
    field : Field
        The field.
    season : int
        The year in which its harvest falls.
    lot : str
        The lot, "" for the whole season.
    records : tuple of Record
        What stands, by day; the flights' sprays among it.
    replaced : tuple of Record
        What was corrected, as it was before.
    findings : tuple of Finding
        Intervals not kept or not known, flights not worked out, rows not readable.
    made : date
        The day it was made.
    """

    farm_name: str
    field: Field
    season: int
    lot: str
    records: tuple[Record, ...]
    replaced: tuple[Record, ...]
    findings: tuple[Finding, ...]
    made: date

    @property
    def digest(self) -> str:
        """SHA-256 of what the records tell."""
        return digest(self.records)

    @property
    def harvested_kg(self) -> float:
        """All that was harvested."""
        return sum(one.mass_kg for one in self.records if isinstance(one, Harvest))


def field_diary(
    farm: Workspace, field_name: str, *, season: int, lot: str = "", made: date
) -> Diary:
    """Return the diary of a field's season, or of one lot.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    field_name : str
        The field.
    season : int
        The year in which its harvest falls.
    lot : str
        One lot of it; "" for all.
    made : date
        Today.

    Raises
    ------
    NotFound
        When there is no such field, or no harvest of this lot in it.
    """
    field = farm.field(field_name)
    stored, found = farm.records.read_with_findings(every=True)
    of_field = [
        one for one in stored
        if field.uid == one.field_uid or one.field == field.name
        or (lot and not one.field and same(one.lot) == same(lot))
    ]  # fmt: skip
    keys = {one.uid for one in farm.records.read()}
    standing = [one for one in of_field if one.uid in keys]
    flown, told = flight_sprays(farm, field, standing)
    merged = {one.flight for one in flown}
    every = [*(one for one in standing if getattr(one, "flight", "") not in merged - {""}), *flown]
    every.sort(key=lambda one: one.day)
    wanted = [one for one in every if one.season == season]
    if lot:
        may_be = [one for one in every if one.season == season or isinstance(one, SprayRecord)]
        wanted = [*lot_records(may_be, lot)]
        if not wanted:
            raise NotFound("error.no_lot", lot=lot, field=field.name, season=str(season),
                           lots=", ".join(_lots(every)) or "–")  # fmt: skip
    harvests = [one for one in wanted if isinstance(one, Harvest)]
    sprays = [one for one in every if isinstance(one, SprayRecord)]
    others = {one.field for one in farm.records.read(Harvest, season=season, lot=lot)
              if lot and one not in harvests}  # fmt: skip
    if others:
        told = (*told, Finding.warning("finding.lot_other_fields", where=lot,
                                       fields=", ".join(sorted(others))))  # fmt: skip
    shown = {one.replaces for one in wanted if one.replaces}
    return Diary(
        farm_name=farm.farm_name, field=field, season=season, lot=lot, records=tuple(wanted),
        replaced=tuple(one for one in of_field if one.uid not in keys and (
            one.uid in shown or (one.season == season and not lot))),
        findings=(*interval_findings(sprays, harvests), *told, *found), made=made,
    )  # fmt: skip


def _lots(records: Sequence[Record]) -> list[str]:
    return sorted({one.lot for one in records if isinstance(one, Harvest) and one.lot})


def flight_sprays(
    farm: Workspace, field: Field, records: Sequence[Record]
) -> tuple[tuple[SprayRecord, ...], tuple[Finding, ...]]:
    """Return what flights sprayed on a field as records, joined with what people added.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    field : Field
        The field.
    records : sequence of Record
        What people entered of the field.
    """
    added = {one.flight: one for one in records if isinstance(one, SprayRecord) and one.flight}
    plans = {one.uid: one.field_uid for one in farm.plans(every=True)}
    worked_out = {one.flight_uid: one for one in farm.applied()}
    sprays: list[SprayRecord] = []
    findings: list[Finding] = []
    for flight in farm.flights():
        told = worked_out.get(flight.uid)
        meant = plans.get(flight.mission_uid, "")
        if meant and meant != field.uid:
            continue
        product = _product(farm, flight)
        ground = flight.path if told is None else told.area
        if not meant and not _mostly_over(ground, field):
            continue
        if told is not None:
            spray = _sprayed(flight, told, product, field)
            if was_simulated(farm, flight):
                spray = replace(spray, source=f"{spray.source} {SIMULATED}")
                findings.append(
                    Finding.warning("finding.diary_simulated", product=spray.product, day=spray.day)
                )
            sprays.append(_joined(spray, added.get(flight.uid), findings))
        elif product is not None and flight.outcome not in NOT_FLOWN:
            name, key = flight.plan_name, flight.uid[:8]
            findings.append(Finding.warning("finding.flight_not_applied", where=name, key=key))
    return tuple(sprays), tuple(findings)


def _mostly_over(ground: BaseGeometry | None, field: Field) -> bool:
    """Return whether most of what a flight of no known field did lies on this one."""
    if ground is None or ground.is_empty:
        return False
    there = ground.intersection(field.boundary)
    return bool(there.area > 0.5 * ground.area or there.length > 0.5 * ground.length)


def _product(farm: Workspace, flight: StoredFlight) -> Product | None:
    """Return what a flight's plan was to spray; None when it is no spray plan, or gone."""
    try:
        return job_of(plan_of(farm, flight)).settings.product
    except (NotFound, BadInput):
        return None


def _sprayed(
    flight: StoredFlight, told: AppliedRecord, product: Product | None, field: Field
) -> SprayRecord:
    day = told.sprayed_utc.astimezone(INDOCHINA_TIME).date()
    phi_days = (told.phi_end - day).days
    spray = SprayRecord(
        day=day, field=field.name, product=told.product or "?", flight=flight.uid,
        dose=product.dose_per_ha or None if product else None,
        unit=RateUnit(f"{product.unit.value}/ha") if product else RateUnit.ML_HA,
        water_l_ha=round(told.rate_l_ha, 1) or None,
        area_m2=told.sprayed_m2 if told.sprayed_m2 > 0.0 else None,
        phi_days=phi_days if 0 < phi_days <= 365 else None,
        by=flight.vehicle, source=f"{FROM_FLIGHT} {flight.uid[:8]}",
    )  # fmt: skip
    return placed(spray, field)


def _joined(spray: SprayRecord, added: SprayRecord | None, findings: list[Finding]) -> SprayRecord:
    """Return a flight's spray with what a person added to it."""
    if added is None:
        return spray
    days = [one for one in (spray.phi_days, added.phi_days) if one is not None]
    if len(set(days)) > 1:
        findings.append(
            Finding.warning("finding.intervals_differ", where=spray.field, product=spray.product,
                            day=spray.day, held=max(days))
        )  # fmt: skip
    return replace(
        spray, uid=added.uid, entered_utc=added.entered_utc, replaces=added.replaces,
        target=added.target, active=added.active, label=added.label, lot=added.lot,
        remark=added.remark, season=added.season, by=added.by or spray.by,
        dose=spray.dose if spray.dose is not None else added.dose,
        unit=spray.unit if spray.dose is not None else added.unit,
        phi_days=max(days) if days else None,
    )  # fmt: skip
