"""As applied: where a flight sprayed how much, as a map, a raster, a layer and a page."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agri.findings import Finding, Severity
from agri.grid import areas_where
from agri.operations.found import marked, was_simulated
from agri.operations.layers import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    Layer,
    nearby,
    site_layers,
)
from agri.operations.page import Table
from agri.operations.report import Facts, Report, drawn, fact, keep_report
from agri.operations.sorties import flight_named, plan_of
from agri.operations.tank import (
    TankRead,
    tank_balance,
    tank_fact,
    tank_findings,
    tank_reading,
)
from agri.track import FlightRecord
from agri.units import square_metres_to_hectares, square_metres_to_sao
from agri.words import Language, day_text, say
from agri.workspace import AppliedRecord, StoredFlight, Workspace
from imagery.raster import write_grid
from missions.applied.account import Applied, applied, phi_end
from missions.flightplan import FlightPlan, job_of

CLASSES: tuple[tuple[str, float, float, str, float], ...] = (
    ("none", 0.0, 0.02, VERMILION, 0.35),
    ("little", 0.02, 0.5, ORANGE, 0.55),
    ("low", 0.5, 0.85, SKY, 0.6),
    ("right", 0.85, 1.15, GREEN, 0.6),
    ("high", 1.15, 1.6, BLUE, 0.55),
    ("much", 1.6, math.inf, PURPLE, 0.6),
)
"""Name of a class, its lowest and highest share of the rate asked, colour and opacity."""
GAP_M2 = 10.0
"""Ground missed, but for passes begun late, that is worth a look."""
ASTRAY_L, ASTRAY = 0.05, 0.015
"""Litres that fell off the swaths or outside, and their share of all, of which the greater is worth
a look. On a small paddy flown well some 1 % falls a hand's breadth past its border; a pump that
runs on for one turn gives more than either."""
WELL = "finding.applied_well"
EVEN_DONE = 0.9
"""Share of the ground done from which on its evenness has a meaning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedMap:
    """A flight's as-applied map, kept in the farm.

    Parameters
    ----------
    applied : Applied
        The figures and the grid.
    facts : tuple of (str, str)
        Label and value.
    findings : tuple of Finding
        What of it deserves a look.
    picture, page, raster : Path
        The files that show it.
    """

    applied: Applied
    facts: tuple[tuple[str, str], ...]
    findings: tuple[Finding, ...]
    picture: Path
    page: Path
    raster: Path


def map_flight(
    farm: Workspace, wanted: str, *, language: Language, tank: TankRead | None = None
) -> AppliedMap:
    """Work out what a flight applied, and keep raster, layer, picture and page in the farm.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    wanted : str
        As in `agri.operations.sorties.flight_named`.
    language : {"vi", "en"}
        Language of picture and page.
    tank : TankRead or None
        What the tank held, to be held against the pump; None takes what the farm keeps of an
        earlier reading.

    Raises
    ------
    NotFound
        When there is no such flight, or its plan is not in the farm.
    Refused
        When the flight did not tell its pump's output.
    BadInput
        When more is left in the tank than was in it.
    """
    flight = flight_named(farm, wanted)
    record = farm.load_flight(flight.uid)
    return map_record(farm, flight, plan_of(farm, flight), record, language=language, tank=tank)


def map_record(
    farm: Workspace,
    flight: StoredFlight,
    plan: FlightPlan,
    record: FlightRecord,
    *,
    language: Language,
    tank: TankRead | None = None,
) -> AppliedMap:
    """Work out what a record applied, and keep raster, layer, picture and page in the farm.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    flight : StoredFlight
        Its row.
    plan, record : FlightPlan, FlightRecord
        What was to be flown, and what was flown.
    language : {"vi", "en"}
        Language of picture and page.
    tank : TankRead or None
        As in `map_flight`.

    Raises
    ------
    Refused
        When the record does not tell the pump's output.
    BadInput
        When more is left in the tank than was in it.
    """
    found = applied(record, plan)
    read = None if tank is None else tank_reading(plan, tank)
    stem = f"{Path(flight.folder).name}-{say('page.file_applied', language)}"
    raster = farm.flight_folder(flight) / "applied.tif"
    write_grid(raster, found.grid)
    row = _row(flight, plan, record, found, raster.relative_to(farm.folder))
    kept = farm.save_applied(flight, replace(row, tank=read)).tank
    lost = record.outcome == "lost"
    balance = None if kept is None else tank_balance(plan, found, kept, lost=lost)
    facts = [*applied_facts(plan, record, found, language), tank_fact(balance, language)]
    findings = _all_findings(plan, found, tank_findings(plan, balance))
    report = report_applied(plan, found, facts, language, findings=findings,
                            simulated=was_simulated(farm, flight))  # fmt: skip
    picture, page = keep_report(farm, stem, report)
    return AppliedMap(
        applied=found,
        facts=tuple(facts),
        findings=findings,
        picture=picture,
        page=page,
        raster=raster,
    )


def _row(
    flight: StoredFlight, plan: FlightPlan, record: FlightRecord, found: Applied, raster: Path
) -> AppliedRecord:
    job = job_of(plan)
    settings = job.settings
    return AppliedRecord(
        flight_uid=flight.uid,
        product=settings.product.name,
        sprayed_utc=record.started_utc + timedelta(seconds=record.duration_s),
        target_l_ha=settings.rate_l_ha,
        rate_l_ha=found.rate_l_ha,
        litres=found.litres,
        sprayed_m2=found.sprayed_m2,
        missed_m2=found.missed_m2,
        outside_m2=found.outside_m2,
        outside_l=found.outside_l,
        off_swath_l=found.off_swath_l,
        cv_pct=found.cv_pct,
        unknown_s=found.unknown_s,
        phi_end=phi_end(record, job),
        area=found.sprayed,
        file=raster.as_posix(),
    )


def applied_layers(plan: FlightPlan, found: Applied) -> tuple[Layer, ...]:
    """Return the map layers of what was applied, lowest first."""
    ground = job_of(plan).treatable
    layers = nearby(site_layers(plan.site), ground) if plan.site else []
    layers.append(
        Layer(key="page.layer.treatable", geometry=ground, colour=VERMILION, width=2.0, dash=(6, 4))
    )
    for name, mask, colour, fill in _classes(found):
        area = areas_where(found.grid, mask)
        if not area.is_empty:
            key = f"page.layer.applied_{name}"
            layers.append(Layer(key=key, geometry=area, colour=colour, fill=fill, width=0.3))
    return tuple(layers)


def _classes(found: Applied) -> list[tuple[str, NDArray[np.bool_], str, float]]:
    share = found.share.values
    return [
        (name, (share >= low) & (share < high), colour, fill)
        for name, low, high, colour, fill in CLASSES
    ]


def applied_facts(
    plan: FlightPlan, record: FlightRecord, found: Applied, language: Language
) -> Facts:
    """Return label and value of what was applied."""
    facts: Facts = []
    job = job_of(plan)
    product = job.settings.product
    fact(facts, language, "page.fact_product", name=product.name, dose=product.dose_per_ha,
         unit=product.unit.value)  # fmt: skip
    fact(facts, language, "page.fact_sprayed_litres", litres=found.litres,
         planned=job.estimate.litres)  # fmt: skip
    fact(facts, language, "page.fact_treated", ha=square_metres_to_hectares(found.sprayed_m2),
         sao=square_metres_to_sao(found.sprayed_m2))  # fmt: skip
    fact(facts, language, "page.fact_missed", area_m2=found.missed_m2,
         sao=square_metres_to_sao(found.missed_m2))  # fmt: skip
    if product.phi_days:
        day = day_text(phi_end(record, job), language)
        facts.append((say("page.fact_harvest_from", language), day))
    if job.kind == "trees":
        facts.append((say("page.fact_trees", language), str(len(job.passes))))
    else:
        fact(facts, language, "page.fact_mean_rate", rate_l_ha=found.rate_l_ha,
             asked=job.settings.rate_l_ha)  # fmt: skip
    whole = found.missed_m2 < (1.0 - EVEN_DONE) * (found.sprayed_m2 + found.missed_m2)
    if job.kind != "trees" and whole and math.isfinite(found.cv_pct):
        fact(facts, language, "page.fact_evenness", cv=found.cv_pct)
    fact(facts, language, "page.fact_outside", area_m2=found.outside_m2, litres=found.outside_l)
    fact(facts, language, "page.fact_stray", litres=found.off_swath_l)
    return facts


def applied_findings(plan: FlightPlan, found: Applied) -> tuple[Finding, ...]:
    """Return what of the map deserves a look."""
    findings = []
    if found.missed_m2 - found.late_m2 > GAP_M2:
        findings.append(Finding.warning("finding.applied_missed", area_m2=found.missed_m2))
    astray_l = max(ASTRAY_L, ASTRAY * found.litres)
    if found.off_swath_l > astray_l:
        findings.append(Finding.warning("finding.applied_stray", litres=found.off_swath_l))
    living = plan.site.sensitive_sites if plan.site else ()
    if found.outside_l > astray_l or any(s.geometry.intersects(found.sprayed) for s in living):
        findings.append(
            Finding.warning("finding.applied_outside", area_m2=found.outside_m2,
                            litres=found.outside_l)
        )  # fmt: skip
    if found.unknown_s > 1.0:
        findings.append(Finding.warning("finding.applied_unknown", seconds=found.unknown_s))
    if not findings:
        findings.append(Finding.info(WELL, plan=plan.name))
        if found.missed_m2 > GAP_M2:
            findings.append(Finding.info("finding.applied_late", area_m2=found.missed_m2))
    return tuple(findings)


def _all_findings(plan: FlightPlan, found: Applied, tank: list[Finding]) -> tuple[Finding, ...]:
    """Return what map and tank say; what looks well on the map is not when the tank says else."""
    mapped = applied_findings(plan, found)
    return (*tank, *(finding for finding in mapped if not tank or finding.key != WELL))


def report_applied(
    plan: FlightPlan,
    found: Applied,
    facts: Facts,
    language: Language,
    *,
    findings: tuple[Finding, ...] | None = None,
    simulated: bool = False,
) -> Report:
    """Draw what was applied: its picture and its page.

    Parameters
    ----------
    plan : FlightPlan
        What was to be flown.
    found : Applied
        What the flight put where.
    facts : list of (str, str)
        Label and value, as `applied_facts` tells them.
    language : {"vi", "en"}
        Language of both files.
    findings : tuple of Finding, optional
        What deserves a look; by default what `applied_findings` finds.
    simulated : bool
        Whether it was flown in the simulator: the page says so.
    """
    layers = applied_layers(plan, found)
    findings = applied_findings(plan, found) if findings is None else findings
    look = any(finding.severity is not Severity.INFO for finding in findings)
    state = "look" if look else "ok"
    kind = marked(say("page.kind_applied", language), simulated, language)
    return drawn(
        layers,
        kind=kind,
        title=plan.name,
        state=state,
        state_text=say(f"page.applied_{state}", language),
        facts=facts,
        findings=findings,
        tables=[applied_table(found, language)],
        language=language,
    )


def applied_table(found: Applied, language: Language) -> Table:
    """Return how much ground got how much of the rate asked."""
    cell_m2 = found.cell_m2
    rows = tuple(
        (
            say(f"page.layer.applied_{name}", language),
            say("page.fact_missed_value", language, area_m2=mask.sum() * cell_m2,
                sao=square_metres_to_sao(mask.sum() * cell_m2)),
        )
        for name, mask, _, _ in _classes(found)
    )  # fmt: skip
    heads = (say("page.head_share", language), say("page.fact_area", language))
    return Table(title=say("page.table_applied", language), heads=heads, rows=rows, open=True)
