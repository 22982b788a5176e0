"""Mission files: find a plan by its name or file, check it, export it for other programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agri.errors import BadInput, Refused
from agri.files import read_bytes_limited, write_bytes, write_text
from agri.findings import Finding, blocks
from agri.names import slug
from agri.operations.planning import surroundings
from agri.operations.since_planned import judge_site
from agri.workspace import PlanRecord, Workspace
from missions.checks.plan import check_plan
from missions.flightplan import FlightPlan
from missions.formats import FORMATS, export_notes, export_plan, read_mission_file
from missions.formats.document import read_document
from missions.formats.plan import write_plan


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
    stranger = _from_file(Path(name))
    if stranger is not None:
        return stranger, None
    with _farm(folder) as farm:
        record, document = farm.plan(name)
    return read_document(document), record


def check_named(name: str, folder: Path | None) -> Checked:
    """Load a plan as `load_plan` does, and check it by every rule that applies."""
    stranger = _from_file(Path(name))
    if stranger is not None:
        return check_loaded(stranger, None)
    with _farm(folder) as farm:
        record, document = farm.plan(name)
        return check_loaded(read_document(document), record, farm)


def _from_file(path: Path) -> FlightPlan | None:
    if not path.suffix or not path.is_file():
        return None
    return read_mission_file(read_bytes_limited(path), name=path.stem, suffix=path.suffix)


def _farm(folder: Path | None) -> Workspace:
    return Workspace.open(folder) if folder else Workspace.find(Path.cwd())


def check_loaded(
    plan: FlightPlan, record: PlanRecord | None, farm: Workspace | None = None
) -> Checked:
    """Check a plan by every rule that applies, a farm's own also by what changed there since."""
    since = () if farm is None else judge_site(farm, plan)
    around = () if plan.site is None else (surroundings(plan.site),)
    found = sorted([*around, *since, *check_plan(plan)], key=lambda finding: -finding.severity)
    return Checked(plan=plan, findings=tuple(found), record=record)


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
        raise BadInput("error.unknown_format", value=to, formats=", ".join(FORMATS))
    checked = check_named(name, farm)
    if blocks(checked.findings):
        worst = next(f for f in checked.findings if blocks([f]))
        raise Refused("error.export_blocked", plan=checked.plan.name, finding=worst.message)
    return write_export(checked.plan, to, folder_or_file or Path(), simple=simple)


def export_notes_named(name: str, to: str, *, farm: Path | None) -> list[Finding]:
    """Return what the format called `to` leaves out of a plan, named as in `load_plan`."""
    return export_notes(load_plan(name, farm)[0], to)


def write_export(
    plan: FlightPlan, to: str, where: Path, *, simple: bool = False
) -> tuple[Path, ...]:
    """Write the file or files of a plan that has been checked.

    Parameters
    ----------
    plan : FlightPlan
        Without ERROR findings: seeing to that is the caller's part.
    to : str
        A key of `missions.formats.FORMATS`.
    where : Path
        A folder, or the name of the file.
    simple : bool
        Simple items instead of a survey item in a ``.plan``.

    Returns
    -------
    tuple of Path
        The files written; ``waypoints`` knows no fence, so fence and rally points get their own.
    """
    suffix = FORMATS[to][0]
    target = where / f"{slug(plan.name, empty='plan')}{suffix}" if where.is_dir() else where
    stem = target.with_name(target.name.removesuffix(suffix))
    whole = write_plan(plan, complex_item=not simple) if to == "plan" else export_plan(plan, to)
    written = {target: whole}
    if to == "waypoints":
        parts = {"fence": plan.fence_polygons or plan.fence_circles, "rally": plan.rally_points}
        for part in (name for name, there in parts.items() if there):
            written[stem.with_name(stem.name + FORMATS[part][0])] = export_plan(plan, part)
    for file, content in written.items():
        if isinstance(content, bytes):
            write_bytes(file, content)
        else:
            write_text(file, content)
    return tuple(written)
