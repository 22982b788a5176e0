"""The commands of the farm's papers: enter, list, remove, and ask whether a flight may go by them;
the rules themselves; and the record of who confirmed what.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from agri.cli.speech import language
from agri.cli.tree import FarmOption, app, open_farm, papers

if TYPE_CHECKING:
    from agri.operations.papers import Place

FieldsOption = Annotated[
    list[str] | None, Option("--field", help="cli.help.paper_field", show_default=False)
]
CentreOption = Annotated[str, Option(help="cli.help.paper_centre", show_default=False)]
RadiusOption = Annotated[str, Option(help="cli.help.paper_radius", show_default=False)]
AreaOption = Annotated[Path | None, Option(help="cli.help.paper_area", show_default=False)]
NumberOption = Annotated[str, Option(help="cli.help.paper_number", show_default=False)]
LastOption = Annotated[str, Option(help="cli.help.paper_last", show_default=False)]


def _place(fields: list[str] | None, centre: str, radius_m: float, area: Path | None) -> Place:
    from agri.cli.read import read_place
    from agri.operations.papers import Place

    return Place(
        fields=tuple(fields or ()),
        centre=read_place(centre, name="--centre") if centre else None,
        radius_m=radius_m,
        file=area,
    )


@papers.command("permit", help="cli.help.paper_permit")
def permit(
    number: Annotated[str, Argument(help="cli.help.paper_number", show_default=False)],
    holder: Annotated[str, Option(help="cli.help.paper_holder", show_default=False)],
    first: Annotated[str, Option(help="cli.help.paper_first", show_default=False)],
    last: LastOption,
    by: Annotated[str, Option(help="cli.help.paper_by")] = "tỉnh",
    hours: Annotated[str, Option(help="cli.help.paper_hours")] = "0:00-24:00",
    ceiling: Annotated[str, Option(help="cli.help.ceiling")] = "50m",
    aircraft: Annotated[str, Option(help="cli.help.paper_for_aircraft", show_default=False)] = "",
    purpose: Annotated[str, Option(help="cli.help.paper_purpose", show_default=False)] = "",
    fields: FieldsOption = None,
    centre: CentreOption = "",
    radius: RadiusOption = "",
    area: AreaOption = None,
    farm: FarmOption = None,
) -> None:
    """Enter a permit to fly."""
    from agri.amounts import read_day
    from agri.cli import read_papers as read
    from agri.cli.show import tell
    from agri.cli.show_papers import hectares
    from agri.operations.papers import locate
    from agri.papers import Permit
    from agri.units import read_length_m

    from_time, to_time = read.read_hours(hours, name="--hours")
    radius_m = read_length_m(radius, name="--radius") if radius else 0.0
    place = _place(fields, centre, radius_m, area)
    with open_farm(farm) as workspace:
        stored = workspace.papers.add(
            Permit(
                number=number,
                authority=read.read_authority(by, name="--by"),
                holder=holder,
                aircraft=aircraft,
                area=locate(workspace, place)[1],
                first_day=read_day(first, name="--first"),
                last_day=read_day(last, name="--last"),
                from_time=from_time,
                to_time=to_time,
                ceiling_m=read_length_m(ceiling, name="--ceiling"),
                purpose=purpose,
            )
        )
    tell("cli.permit_kept", number=stored.number, first=stored.first_day,
         last=stored.last_day, ceiling_m=stored.ceiling_m,
         area=hectares(stored.area))  # fmt: skip


@papers.command("licence", help="cli.help.paper_licence")
def licence(
    holder: Annotated[str, Argument(help="cli.help.paper_pilot", show_default=False)],
    number: NumberOption,
    last: LastOption,
    licence_class: Annotated[str, Option("--class", help="cli.help.paper_class")] = "thiết bị",
    farm: FarmOption = None,
) -> None:
    """Enter a pilot's licence."""
    from agri.amounts import read_day
    from agri.cli import read_papers as read
    from agri.cli.show import tell
    from agri.papers import Licence
    from agri.words import Message

    paper = Licence(
        holder=holder,
        number=number,
        licence_class=read.read_licence_class(licence_class, name="--class"),
        last_day=read_day(last, name="--last"),
    )
    with open_farm(farm) as workspace:
        stored = workspace.papers.add(paper)
    kind = Message.of(f"page.licence_{stored.licence_class.value}")
    tell("cli.licence_kept", holder=stored.holder, kind=kind, last=stored.last_day)


@papers.command("aircraft", help="cli.help.paper_aircraft")
def aircraft(
    name: Annotated[str, Argument(help="cli.help.paper_name", show_default=False)],
    number: NumberOption,
    mass: Annotated[str, Option(help="cli.help.paper_mass", show_default=False)],
    serial: Annotated[str, Option(help="cli.help.paper_serial", show_default=False)] = "",
    last: Annotated[str, Option(help="cli.help.paper_last_if", show_default=False)] = "",
    farm: FarmOption = None,
) -> None:
    """Enter an aircraft's registration."""
    from agri.amounts import read_day
    from agri.cli.read import read_mass_kg
    from agri.cli.show import tell
    from agri.papers import Registration
    from agri.rules import mass_class

    paper = Registration(
        aircraft=name,
        number=number,
        serial=serial,
        takeoff_kg=read_mass_kg(mass, name="--mass"),
        last_day=read_day(last, name="--last") if last else None,
    )
    with open_farm(farm) as workspace:
        stored = workspace.papers.add(paper)
    tell("cli.registration_kept", aircraft=stored.aircraft, number=stored.number,
         mass_kg=stored.takeoff_kg, group=mass_class(stored.takeoff_kg))  # fmt: skip


@papers.command("map-checked", help="cli.help.paper_map")
def map_checked(
    by: Annotated[str, Option(help="cli.help.paper_looked_by", show_default=False)],
    shows: Annotated[str, Option(help="cli.help.paper_shows", show_default=False)],
    fields: FieldsOption = None,
    centre: CentreOption = "",
    radius: Annotated[str, Option(help="cli.help.paper_radius")] = "500m",
    area: AreaOption = None,
    farm: FarmOption = None,
) -> int:
    """Note that somebody looked at the official map."""
    from agri.cli.read_papers import read_shown
    from agri.cli.show import tell
    from agri.cli.show_papers import hectares
    from agri.operations.papers import locate
    from agri.papers import MapCheck, Shown
    from agri.units import read_length_m

    shown = read_shown(shows, name="--shows")
    place = _place(fields, centre, read_length_m(radius, name="--radius"), area)
    with open_farm(farm) as workspace:
        name, outline = locate(workspace, place)
        stored = workspace.papers.add(
            MapCheck(by=by, place=name, area=outline, looked_utc=datetime.now(UTC), shown=shown)
        )
    tell(f"cli.map_{stored.shown.value}", by=stored.by, place=stored.place,
         area=hectares(stored.area))  # fmt: skip
    return int(stored.shown is Shown.FORBIDDEN)


@papers.command("list", help="cli.help.paper_list")
def list_papers(farm: FarmOption = None) -> None:
    """List the farm's papers."""
    from agri.cli.show import show_findings
    from agri.cli.show_papers import show_papers

    with open_farm(farm) as workspace:
        kept, findings = workspace.papers.read()
    show_findings(findings)
    show_papers(kept, now=datetime.now(UTC))


@papers.command("remove", help="cli.help.paper_remove")
def remove(
    key: Annotated[str, Argument(help="cli.help.paper_key", show_default=False)],
    farm: FarmOption = None,
) -> None:
    """Take a paper out."""
    from agri.cli.show import tell

    with open_farm(farm) as workspace:
        paper = workspace.papers.find(key)
        workspace.papers.remove(paper.uid)
    tell("cli.paper_removed", name=paper.title)


@papers.command("check", help="cli.help.paper_check")
def check(
    pilot: Annotated[str, Option(help="cli.help.paper_pilot", show_default=False)],
    aircraft: Annotated[str, Option(help="cli.help.paper_name", show_default=False)],
    field: Annotated[str, Argument(help="cli.help.field", show_default=False)] = "",
    plan: Annotated[str, Option(help="cli.help.paper_plan", show_default=False)] = "",
    at: Annotated[str, Option(help="cli.help.paper_at", show_default=False)] = "",
    minutes: Annotated[int, Option(help="cli.help.paper_minutes", min=1, max=1440)] = 30,
    ceiling: Annotated[str, Option(help="cli.help.paper_ceiling")] = "50m",
    mass: Annotated[str, Option(help="cli.help.paper_mass_now", show_default=False)] = "",
    spray: Annotated[bool, Option("--spray", help="cli.help.paper_spray")] = False,
    farm: FarmOption = None,
) -> int:
    """Say whether a field or a plan may be flown by the farm's papers."""
    from agri.cli.read import read_mass_kg
    from agri.cli.read_papers import read_moment
    from agri.cli.show_papers import show_papers_verdict
    from agri.errors import BadInput
    from agri.operations.mission_files import load_plan
    from agri.operations.papers import judge_field, judge_plan
    from agri.units import read_length_m

    if bool(field) == bool(plan):
        raise BadInput("error.paper_what")
    starts = read_moment(at, name="--at", now=datetime.now(UTC))
    with open_farm(farm) as workspace:
        if plan:
            told = load_plan(plan, farm)[0]
            found = judge_plan(workspace, told, pilot=pilot, aircraft=aircraft, starts=starts)
            return show_papers_verdict(told.name, found)
        name, findings = judge_field(
            workspace,
            field,
            pilot=pilot,
            aircraft=aircraft,
            starts=starts,
            minutes=minutes,
            ceiling_m=read_length_m(ceiling, name="--ceiling"),
            takeoff_kg=read_mass_kg(mass, name="--mass") if mass else None,
            sprays=spray,
        )
    return show_papers_verdict(name, findings)


@app.command(help="cli.help.rules")
def rules(
    topic: Annotated[str, Argument(help="cli.help.rules_topic", show_default=False)] = "",
) -> None:
    """List the rules."""
    from agri.cli.show_papers import read_topic, show_rules
    from agri.rules import rules as every

    chosen = read_topic(topic) if topic else ""
    show_rules([rule for rule in every() if not chosen or rule.topic == chosen], language.get())


@app.command(help="cli.help.audit")
def audit(
    last: Annotated[int, Option(help="cli.help.audit_last", min=1, max=100_000)] = 20,
    aside: Annotated[bool, Option("--set-aside", help="cli.help.audit_aside")] = False,
    who: Annotated[str, Option(help="cli.help.audit_who", show_default=False)] = "",
    farm: FarmOption = None,
) -> int:
    """Show who confirmed what, and whether the record is whole."""
    from agri.audit import set_aside, verify
    from agri.cli.show import tell
    from agri.cli.show_papers import show_audit

    with open_farm(farm) as workspace:
        folder = workspace.folder
    if aside:
        kept = set_aside(folder, who=who, at_utc=datetime.now(UTC))
        tell("cli.audit_aside", file=kept)
    return show_audit(verify(folder), last=last)
