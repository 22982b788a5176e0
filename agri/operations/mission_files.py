"""Mission files: find a plan by its name or file, check it, export it for other programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agri.errors import NotFound, Refused
from agri.files import read_text
from agri.findings import Finding, blocks
from agri.workspace import PlanRecord, Workspace
from missions.checks import check_plan
from missions.flightplan import FlightPlan
from missions.formats import FORMATS, read_mission_file
from missions.formats.document import read_document


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A plan and what its checks found.

    Parameters
    ----------
    plan : FlightPlan
        The plan.
    findings : tuple of Finding
        What was found.
    record : PlanRecord or None
        Its row in the farm, None for a file from elsewhere.
    """

    plan: FlightPlan
    findings: tuple[Finding, ...]
    record: PlanRecord | None


def load_plan(name: str, folder: Path | None) -> tuple[FlightPlan, PlanRecord | None]:
    """Return the plan meant by `name`: one of the farm's, or a mission file.

    Parameters
    ----------
    name : str
        A plan's name in the farm, or the path of an agri, ``.plan`` or ``.waypoints`` file.
    folder : Path or None
        The farm; None finds the one the current folder stands in.

    Raises
    ------
    NotFound
        When there is neither such a plan nor such a file.
    BadInput
        When the file cannot be read.
    """
    path = Path(name)
    if path.suffix and path.is_file():
        return read_mission_file(read_text(path), name=path.stem, suffix=path.suffix), None
    with Workspace.open(folder) if folder else Workspace.find(Path.cwd()) as farm:
        record, document = farm.plan(name)
    return read_document(document), record


def check_named(name: str, folder: Path | None) -> Checked:
    """Load a plan and check it by every rule that applies."""
    plan, record = load_plan(name, folder)
    return Checked(plan=plan, findings=tuple(check_plan(plan)), record=record)


def export_named(
    name: str, to: str, *, folder_or_file: Path | None, farm: Path | None, simple: bool = False
) -> tuple[Path, ...]:
    """Export a plan; an ERROR finding blocks it.

    Parameters
    ----------
    name : str
        As in `load_plan`.
    to : str
        A key of `missions.formats.FORMATS`.
    folder_or_file : Path or None
        Where to write; None the current folder.
    farm : Path or None
        The farm's folder.
    simple : bool
        Write simple items instead of a survey item, where the format has the choice.

    Returns
    -------
    tuple of Path
        The files written: some formats need one each for mission, fence and rally points.

    Raises
    ------
    Refused
        When the checks found an error.
    """
    if to not in FORMATS:
        raise NotFound("error.unknown_format", value=to, formats=", ".join(FORMATS))
    checked = check_named(name, farm)
    if blocks(checked.findings):
        worst = next(f for f in checked.findings if blocks([f]))
        raise Refused("error.export_blocked", plan=checked.plan.name, finding=worst.text())
    return write_export(checked.plan, to, folder_or_file or Path(), simple=simple)


def write_export(plan: FlightPlan, to: str, where: Path, *, simple: bool) -> tuple[Path, ...]:
    """Write a checked plan's file or files and return their paths."""
    raise NotImplementedError
