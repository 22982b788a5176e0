"""Care of the farm folder: looking whether all is well with the database, files and audit."""

from __future__ import annotations

from pathlib import Path

from agri import audit, files
from agri.errors import AgriError
from agri.findings import Finding
from agri.names import same
from agri.workspace import flightbook, flightlog, planbook
from agri.workspace.database import Database
from agri.workspace.paper_layers import EVERY_LAYER
from agri.workspace.records import Outcome


def check(database: Database, root: Path) -> list[Finding]:
    """Look at everything: the database's pages and indexes, every row, every file, the audit."""
    mapped = [layer.name for layer in EVERY_LAYER if "geom" in layer.table.c]
    findings = database.damage(mapped)
    if not findings:
        findings += _check_rows(database) + _check_files(database, root)
    findings += audit.verify(root).findings
    leftovers = [path for path in root.rglob(f".*{files.TEMPORARY}") if path.name[0] == "."]
    if leftovers:
        findings.append(Finding.info("finding.leftover_files", count=len(leftovers)))
    return findings


def _check_rows(database: Database) -> list[Finding]:
    findings: list[Finding] = []
    with database.reading() as connection:
        for layer in EVERY_LAYER:
            values, found = layer.read(connection)
            findings += found
            if layer.name in ("fields", "pads"):
                names = [same(value.name) for value in values]
                twice = sorted({name for name in names if names.count(name) > 1})
                findings += [
                    Finding.warning("finding.name_twice", where=layer.name, name=name)
                    for name in twice
                ]
    return findings


def _check_files(database: Database, root: Path) -> list[Finding]:
    findings: list[Finding] = []
    for plan in planbook.stored_plans(database, every=True):
        try:
            planbook.read(database, root, plan)
        except AgriError as error:
            findings.append(Finding.error("finding.file", where=plan.name, reason=error.message))
    for flight in flightbook.stored_flights(database, root):
        try:
            flightlog.read_record(flightbook.folder_of(root, flight))
        except AgriError as error:
            findings.append(
                Finding.error("finding.file", where=flight.folder, reason=error.message)
            )
        if flight.outcome is Outcome.UNFINISHED:
            findings.append(Finding.warning("finding.flight_unfinished", where=flight.folder))
    return findings
