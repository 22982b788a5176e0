"""What the terminal shows of papers, rules and the audit record."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from shapely.geometry.base import BaseGeometry

from agri.audit import Verdict
from agri.cli.show import complain, console, local_number, show_findings, show_table, tell
from agri.cli.speech import language
from agri.errors import BadInput
from agri.findings import Finding, blocks
from agri.geo import LocalFrame
from agri.names import fold
from agri.papers import Papers, Permit, Registration
from agri.rules import TOPICS, Rule
from agri.units import INDOCHINA_TIME, square_metres_to_hectares
from agri.words import LANGUAGES, Language, day_text, dictionary, say

KEY_LETTERS = 8


def hectares(area: BaseGeometry) -> str:
    """Return the size of an area (WGS 84) in hectares."""
    local = LocalFrame.around(area).geometry_to_local(area)
    return local_number(square_metres_to_hectares(local.area), ".1f")


def _state(first: date | None, last: date | None, today: date) -> str:
    """Return whether a paper holds today, in words."""
    if first is not None and today < first:
        key = "cli.paper_not_yet"
    elif last is not None and last < today:
        key = "cli.paper_ended"
    else:
        key = "cli.paper_holds"
    return say(key, language.get())


def show_papers(papers: Papers, *, now: datetime) -> None:
    """Print the farm's papers, each kind in a table of its own."""
    today = now.astimezone(INDOCHINA_TIME).date()
    spoken = language.get()
    tell("cli.paper_permits" if papers.permits else "cli.paper_permits_none")
    for permit in papers.permits:
        _show_permit(permit, today)
    tables = (
        ("cli.paper_licences", "cli.paper_licences_none", ("pilot", "number", "licence", "last"), [
            (
                one.holder,
                one.number,
                say(f"page.licence_{one.licence_class.value}", spoken),
                day_text(one.last_day, spoken),
                _state(None, one.last_day, today),
                one.uid[:KEY_LETTERS],
            )
            for one in papers.licences
        ]),
        ("cli.paper_registrations", "cli.paper_registrations_none",
         ("aircraft", "number", "mass", "autopilot", "last"), [
            (
                one.aircraft,
                one.number,
                local_number(one.takeoff_kg, ".1f"),
                _autopilot(one),
                day_text(one.last_day, spoken) if one.last_day else "–",
                _state(None, one.last_day, today),
                one.uid[:KEY_LETTERS],
            )
            for one in papers.registrations
        ]),
        ("cli.paper_looks", "cli.paper_looks_none", ("place", "pilot_looked", "looked"), [
            (
                one.place,
                one.by,
                day_text(one.looked_utc.astimezone(INDOCHINA_TIME).date(), spoken),
                say(f"cli.shown_{one.shown.value}", spoken),
                one.uid[:KEY_LETTERS],
            )
            for one in papers.map_checks
        ]),
    )  # fmt: skip
    for title, none, heads, rows in tables:
        if rows:
            tell(title)
            named = [f"cli.head_paper_{head}" for head in heads]
            show_table((*named, "cli.head_paper_state", "cli.head_paper_key"), rows)
        else:
            tell(none)


def _autopilot(paper: Registration) -> str:
    """Return what the aircraft's autopilot told of itself, shortened."""
    return f"{paper.system} {paper.board[:KEY_LETTERS]}".rstrip() if paper.system else "–"


def _show_permit(permit: Permit, today: date) -> None:
    """Print a permit in two lines: too much stands on one for a table."""
    spoken = language.get()
    first = say(
        "cli.permit_line",
        spoken,
        number=permit.number,
        state=_state(permit.first_day, permit.last_day, today),
        first=permit.first_day,
        last=permit.last_day,
        hours=f"{permit.from_time:%H:%M}–{permit.to_time:%H:%M}",
        ceiling_m=permit.ceiling_m,
        area=hectares(permit.area),
    )
    second = say(
        "cli.permit_line_2",
        spoken,
        holder=permit.holder,
        by=say(f"page.authority_{permit.authority.value}", spoken),
        aircraft=permit.aircraft or "–",
        key=permit.uid[:KEY_LETTERS],
    )
    console().print(f"• {first}\n  {second}", markup=False)


def show_papers_verdict(field: str, findings: Sequence[Finding]) -> int:
    """Print whether a field may be flown by the papers; 1 when it may not."""
    show_findings(findings)
    stopped = blocks(findings)
    complain("cli.papers_stop", field=field) if stopped else tell("cli.papers_ok", field=field)
    return int(stopped)


def read_topic(text: str) -> str:
    """Return the topic of rules meant by a word in either language.

    Raises
    ------
    BadInput
        When there is none.
    """
    for topic in TOPICS:
        names = [say(f"cli.topic_{topic}", one) for one in LANGUAGES]
        if fold(text) in [topic, *map(fold, names)]:
            return topic
    choices = ", ".join(say(f"cli.topic_{topic}", language.get()) for topic in TOPICS)
    raise BadInput("error.not_a_choice", name="agri rules", value=text, choices=choices)


def show_rules(rules: Sequence[Rule], spoken: Language) -> None:
    """Print rules by topic, each with its source, its date and how sure it is."""
    topic = ""
    for rule in rules:
        if rule.topic != topic:
            topic = rule.topic
            title = say(f"cli.topic_{topic}", spoken)
            console().print(f"\n{title[:1].upper()}{title[1:]}", markup=False, style="bold")
        console().print(f"• {rule.message.text(spoken)}", markup=False)
        console().print(f"  {_grounds(rule, spoken)}", markup=False, style="dim")
    console().print()
    tell("cli.rules_end")


def _grounds(rule: Rule, spoken: Language) -> str:
    parts = [rule.source.text(spoken)]
    if rule.dated:
        dated = "/".join(part.lstrip("0") for part in reversed(rule.dated.split("-")))
        key = "cli.rule_in_force" if rule.in_force else "cli.rule_issued"
        parts.append(say(key, spoken, day=dated))
    parts.append(say(f"cli.confidence_{rule.confidence.value}", spoken))
    if rule.document != "own":
        reading = say(f"cli.reading_{rule.reading.value}", spoken)
        parts.append(f"{reading}: {rule.seen}" if rule.seen else reading)
    return " · ".join(parts)


def show_audit(verdict: Verdict, *, last: int) -> int:
    """Print the last entries of the audit record and whether it is whole; 1 when it is not."""
    spoken = language.get()
    rows = [
        (
            str(entry.number),
            f"{entry.at_utc.astimezone(INDOCHINA_TIME):%d/%m/%Y %H:%M:%S}",
            say(key, spoken) if (key := f"cli.audit_kind_{entry.kind}") in dictionary(spoken)
            else entry.kind,
            entry.who,
            entry.what.plan_name or "–",
            entry.what.aircraft or "–",
            entry.digest[:KEY_LETTERS],
        )
        for entry in verdict.entries[-last:]
    ]  # fmt: skip
    if rows:
        show_table(
            ("cli.head_audit_number", "cli.head_audit_when", "cli.head_audit_what",
             "cli.head_audit_who", "cli.head_audit_plan", "cli.head_aircraft",
             "cli.head_audit_hash"), rows,
        )  # fmt: skip
    show_findings(verdict.findings)
    number, digest = verdict.remembered
    if not verdict.whole:
        complain("cli.audit_broken")
        return 1
    if number:
        tell("cli.audit_whole", count=number, digest=digest[:16])
    else:
        tell("cli.audit_empty")
    return 0
