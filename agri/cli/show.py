"""What the terminal shows: sentences, findings, tables and progress bars."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agri.cli.speech import language
from agri.errors import AgriError
from agri.findings import Finding, Severity, blocks
from agri.words import dictionary, say

if TYPE_CHECKING:
    from rich.console import Console

    from agri.operations.aircraft_log import Imported
    from agri.operations.applied import AppliedMap
    from agri.operations.batch import Batch
    from agri.operations.demonstration.living import Lived
    from agri.operations.fly import Flown
    from agri.operations.planning import PlannedFlight
    from agri.operations.spray import PlannedJob
    from agri.track import FlightRecord
    from missions.flight.launch import FlightProgress
    from missions.flightplan import FlightPlan

STYLE = {Severity.INFO: "green", Severity.WARNING: "yellow", Severity.ERROR: "bold red"}
Progress = Callable[[float, float], None]


@cache
def console(*, error: bool = False) -> Console:
    """Return the terminal: standard output, or standard error for complaints."""
    from rich.console import Console

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    return Console(stderr=error, highlight=False, soft_wrap=True)


def tell(key: str, /, **values: Any) -> None:
    """Print one sentence."""
    console().print(say(key, language.get(), **values), markup=False)


def complain(key: str, /, **values: Any) -> None:
    """Print one sentence of complaint to standard error."""
    console(error=True).print(say(key, language.get(), **values), markup=False, style="bold red")


def complain_of(error: AgriError) -> None:
    """Print an error's sentence to standard error."""
    console(error=True).print(error.text(language.get()), markup=False, style="bold red")


def complain_of_usage(wrong: Any) -> None:
    """Say in one sentence what is wrong with the words of a command."""
    kind = type(wrong).__name__
    param = getattr(wrong, "param", None)
    written = param.opts[0] if param and param.param_type_name == "option" else ""
    name = getattr(wrong, "option_name", "") or written or getattr(param, "name", "")
    keys = {"NoSuchOption": "cli.no_such_option", "MissingParameter": "cli.missing_argument"}
    if f"cli.name_{name}" in dictionary("en"):
        name = say(f"cli.name_{name}", language.get())
    if kind in keys:
        complain(keys[kind], name=name)
    elif name:
        complain("cli.bad_option", name=name)
    else:
        extra = re.search(r"extra argument.* \((.*)\)$", wrong.message)
        if extra:
            complain("cli.extra_word", word=extra[1])
            return
        told, _, meant = wrong.message.partition(" Did you mean ")
        quoted = re.search(r"'(.*)'", told)
        word, near = quoted[1] if quoted else "agri", re.findall(r"'([a-z-]+)'", meant)
        complain("cli.bad_command_near" if near else "cli.bad_command",
                 word=word, near=", ".join(near))  # fmt: skip


def complain_of_fault(fault: BaseException) -> None:
    """Keep the details of a fault of agri's own in a file and say where."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    log = Path(tempfile.gettempdir()) / f"agri-{stamp}-{os.getpid()}.log"
    details = "".join(traceback.format_exception(fault))
    try:
        log.write_text(details, encoding="utf-8")
    except OSError:
        complain("cli.fault_unlogged", fault=type(fault).__name__)
        return
    complain("cli.fault", fault=type(fault).__name__, log=log)


def show_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Print label and value, a line each."""
    for label, value in facts:
        console().print(f"  {label}: {value}", markup=False)


def show_findings(findings: Iterable[Finding]) -> None:
    """Print findings, the gravest first, each with a symbol as well as a colour."""
    for finding in sorted(findings, key=lambda f: -f.severity):
        line = f"{finding.symbol} {finding.text(language.get())}"
        console().print(line, markup=False, style=STYLE[finding.severity])


def show_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; heads are dictionary keys."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in heads:
        table.add_column(say(head, language.get()))
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console().print(table)


def local_number(value: float, spec: str) -> str:
    """Return a number as the current language writes it."""
    text = format(value, spec)
    return text.translate(str.maketrans(",.", ".,")) if language.get() == "vi" else text


def show_verdict(name: str, findings: Sequence[Finding]) -> int:
    """Print what checks found and what follows; return the exit code, 1 when a finding blocks."""
    show_findings(findings)
    stopped = blocks(findings)
    complain("cli.check_stop", plan=name) if stopped else tell("cli.check_ok", plan=name)
    return int(stopped)


def show_plan(planned: PlannedFlight) -> int:
    """Print a plan at a glance, its findings and its files."""
    from agri.operations.report import plan_facts

    show_facts(plan_facts(planned.plan, language.get()))
    code = show_verdict(planned.plan.name, planned.findings)
    tell("cli.files", picture=planned.picture, page=planned.page)
    return code


def show_job(job: PlannedJob) -> int:
    """Print a spray job at a glance, its findings and its files."""
    from agri.operations.report import plan_facts

    show_facts(plan_facts(job.sorties[0].plan, language.get()))
    if show_verdict(job.name, job.findings):
        complain("cli.no_card", job=job.name)
        return 1
    return show_sorties(job)


def show_sorties(job: PlannedJob) -> int:
    """Print the sorties of a spray job and where its pages are; 1 when it may not fly."""
    from agri.units import square_metres_to_sao

    estimates = [(sortie.plan.name, sortie.plan.spray) for sortie in job.sorties]
    rows = [
        (
            name,
            local_number(spray.estimate.litres, ".1f"),
            local_number(square_metres_to_sao(spray.estimate.area_m2), ".1f"),
            local_number(spray.estimate.time_s / 60.0, ".1f"),
            local_number(spray.estimate.energy_wh, ".0f"),
        )
        for name, spray in estimates if spray
    ]  # fmt: skip
    show_table(
        ("cli.head_sortie", "cli.head_litres", "cli.head_area", "cli.head_minutes",
         "cli.head_energy"), rows,
    )  # fmt: skip
    litres = sum(spray.estimate.litres for _, spray in estimates if spray)
    tell("cli.job", job=job.name, count=len(rows), litres=local_number(litres, ".1f"))
    for sortie in job.sorties:
        tell("cli.files", picture=sortie.picture, page=sortie.page)
    if job.card:
        tell("cli.card", card=job.card)
        return 0
    if blocks(job.findings):
        complain("cli.no_card", job=job.name)
        return 1
    tell("cli.no_card_rest", job=job.name)
    return 0


def show_batch(batch: Batch) -> int:
    """Print how many fields may be sprayed, the first reasons of others, and where the table is."""
    good = [one for one in batch.results if one.may_fly]
    if batch.done_before:
        tell("cli.batch_taken_up", fields=batch.done_before)
    for one in [one for one in batch.results if not one.may_fly][:10]:
        complain("cli.batch_not", field=one.field, why=one.why)
    litres = local_number(sum(one.litres for one in good), ".0f")
    total = len(batch.results)
    tell("cli.batch", good=len(good), total=total, litres=litres, table=batch.table)
    return int(len(good) < len(batch.results))


def show_weather(name: str, findings: Sequence[Finding]) -> int:
    """Print whether a plan may be sprayed in this weather; 1 when it may not."""
    show_findings(findings)
    stopped = blocks(findings)
    complain("cli.weather_stop", plan=name) if stopped else tell("cli.weather_ok", plan=name)
    return int(stopped)


def show_applied(shown: AppliedMap) -> None:
    """Print what a flight sprayed and where its map is."""
    show_facts(shown.facts)
    show_findings(shown.findings)
    tell("cli.files", picture=shown.picture, page=shown.page)
    tell("cli.exported", file=shown.raster)


def ask(key: str) -> bool:
    """Ask a question; only yes, y, có or c mean yes, and no terminal means no."""
    if not sys.stdin.isatty():
        return False
    answer = console().input(say(key, language.get()) + " ", markup=False)
    return answer.strip().lower() in ("yes", "y", "có", "co", "c")


def flight_line(progress: FlightProgress) -> str:
    """Return one line that tells how a flight is going."""
    seen = progress.telemetry
    if progress.transfer is not None:
        return progress.transfer.message.text(language.get())
    values = {
        "mode": seen.mode_name,
        "height": local_number(seen.height_m, ".0f"),
        "speed": local_number(seen.speed_m_s, ".1f"),
        "battery": local_number(seen.battery_pct, ".0f"),
        "item": max(seen.mission_current, 0),
        "items": progress.items,
        "photos": progress.photos,
    }
    return say("cli.flight_line", language.get(), **values)


def show_flight(flown: Flown) -> int:
    """Print a flight, its files and what is left; return 0 when it landed as planned."""
    from agri.operations.report import flight_facts

    show_facts(flight_facts(flown.plan, flown.record, language.get()))
    left = _show_outcome(flown.plan, flown.record, flown.stored.uid)
    tell("cli.files", picture=flown.picture, page=flown.page)
    if flown.applied:
        show_applied(flown.applied)
    show_findings(left)
    return int(flown.record.outcome != "landed")


def show_imported(imported: Imported) -> int:
    """Print a flight brought in from a log; return the exit code, 0 when it landed as planned."""
    from agri.operations.report import flight_facts

    record = imported.record
    tell("cli.log_imported", plan=record.plan_name, count=len(record.track.time_s))
    show_findings(imported.findings)
    if imported.plan is not None:
        show_facts(flight_facts(imported.plan, record, language.get()))
    left = _show_outcome(imported.plan, record, imported.flight.uid)
    if imported.page:
        tell("cli.files", picture=imported.picture, page=imported.page)
    if imported.applied:
        show_applied(imported.applied)
    show_findings(left)
    return int(record.outcome != "landed")


def _show_outcome(plan: FlightPlan | None, record: FlightRecord, uid: str) -> Sequence[Finding]:
    """Say how a flight ended; return what it lacks of its pictures, to be said last."""
    from agri.operations.pictures_left import pictures_fall_short, pictures_left

    left = pictures_left(plan, record, uid) if plan else None
    if pictures_fall_short(left, record.outcome):
        tell("page.flight_landed_short")
    else:
        tell(f"page.flight_{record.outcome}")
    return [left] if left else []


def show_season(lived: Lived) -> int:
    """Print how right a season was; return 0 when every figure is as it should be."""
    from agri.operations.demonstration.page import score_told

    rows = [(symbol, what, value, asked) for symbol, what, value, asked in
            (score_told(score, language.get()) for score in lived.scores)]  # fmt: skip
    show_table(("", "cli.head_score", "cli.head_figure", "cli.head_asked"), rows)
    met = sum(score.met for score in lived.scores)
    tell("cli.demo_took", minutes=lived.seconds / 60.0, met=met, whole=len(lived.scores))
    tell("cli.demo_done", folder=lived.folder, page=lived.page)
    return int(met < len(lived.scores))


@contextmanager
def progress(key: str, /, **values: Any) -> Iterator[Progress]:
    """Show a progress bar while the block runs; the block is given ``update(done, total)``."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    bar = Progress(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
                   TimeElapsedColumn(), console=console())  # fmt: skip
    with bar:
        task = bar.add_task(say(key, language.get(), **values), total=None)
        try:
            yield lambda done, total: bar.update(task, completed=done, total=max(total, 1e-9))
        except BaseException:
            bar.live.transient = True
            raise
