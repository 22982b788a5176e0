"""What the terminal shows of imagery: facts, findings, and where the products are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agri.cli.show import complain, local_number, show_facts, show_findings, show_table, tell
from agri.cli.speech import language
from agri.findings import Finding, Severity, blocks
from agri.words import day_text, say

if TYPE_CHECKING:
    from imagery.change.anomalies import Anomaly
    from imagery.indices.catalogue import Index
    from imagery.stac import Product
    from imagery.zonal import ZonalTable

MOST_ALIKE = 2
"""Findings of one kind that are printed."""
MOST_ROWS = 30
"""Of a table; the whole of it is in its file."""


def show_photos(name: str, findings: Sequence[Finding]) -> int:
    """Print what is wrong with photos and whether they will do; return the exit code."""
    show_few(findings)
    stopped = blocks(findings)
    complain("cli.photos_stop", name=name) if stopped else tell("cli.photos_ok", name=name)
    return int(stopped)


def show_few(findings: Sequence[Finding]) -> None:
    """Print findings; of many that are alike but not grave the first ones."""
    told = Counter(finding.key for finding in findings)
    shown: Counter[str] = Counter()
    few = []
    for finding in findings:
        shown[finding.key] += 1
        grave = finding.severity is Severity.ERROR
        if grave or told[finding.key] <= MOST_ALIKE + 1 or shown[finding.key] <= MOST_ALIKE:
            few.append(finding)
    show_findings(few)
    if len(few) < len(findings):
        tell("cli.more_alike", count=len(findings) - len(few))


def show_products(
    facts: Iterable[tuple[str, str]],
    findings: Sequence[Finding],
    files: Iterable[Path | None],
) -> int:
    """Print what was made, what is to know of it, and where it is; return the exit code."""
    show_facts(facts)
    show_few(findings)
    for file in files:
        if file is not None:
            tell("cli.exported", file=file)
    return int(blocks(findings))


def show_offers(found: Iterable[Index]) -> None:
    """Print the indices that an orthomosaic allows, with what they are for."""
    rows = [(one.name, say(f"page.index_{one.purpose}", language.get()), one.formula)
            for one in found]  # fmt: skip
    if rows:
        show_table(("cli.head_index", "cli.head_purpose", "cli.head_formula"), rows)  # fmt: skip


def show_zones(table: ZonalTable) -> None:
    """Print the first rows of a table of zones."""
    rows = [
        (row.zone.name, row.label, local_number(row.area_m2, ",.0f"),
         local_number(100.0 * row.coverage, ".0f"), local_number(row.mean, ".3f"),
         local_number(row.sd, ".3f"))
        for row in table.rows[:MOST_ROWS]
    ]  # fmt: skip
    show_table(("cli.head_zone", "cli.head_layer", "cli.head_area_m2", "cli.head_coverage",
                "cli.head_mean", "cli.head_sd"), rows)  # fmt: skip
    if len(table.rows) > MOST_ROWS:
        tell("cli.more_rows", count=len(table.rows) - MOST_ROWS)


def show_anomalies(found: Sequence[Anomaly]) -> None:
    """Print what changed, the most worth a walk first, and what to look at there."""
    spoken = language.get()
    for number, one in enumerate(found[:MOST_ROWS], 1):
        where = ", ".join(one.names[:6]) or say("cli.a_patch", spoken)
        tell("cli.anomaly", number=number, where=where, measure=one.measure, change=one.change,
             area_m2=one.area_m2, percent=100.0 * one.confidence)  # fmt: skip
        tell("cli.may_be", causes="; ".join(cause.text(spoken) for cause in one.causes))
        tell("cli.look_at", look=" ".join(look.text(spoken) for look in one.look))
    if len(found) > MOST_ROWS:
        tell("cli.more_rows", count=len(found) - MOST_ROWS)


def show_list(found: Sequence[Product]) -> None:
    """Print the catalogue's products, each with what it was made from."""
    if not found:
        tell("cli.catalogue_empty")
        return
    rows = [
        (one.name, say(f"cli.kind_{one.kind}", language.get()), day_text(one.start, language.get()),
         ", ".join(one.sources), ", ".join(file.name for file in one.files))
        for one in found
    ]  # fmt: skip
    show_table(("cli.head_name", "cli.head_kind", "cli.head_seen", "cli.head_made_of",
                "cli.head_file"), rows)  # fmt: skip
