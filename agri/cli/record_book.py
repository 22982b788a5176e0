"""The book of field records: listed, corrected, filled from logs, and printed as a diary."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from agri.cli.records import (
    ByOption,
    DayOption,
    FieldArgument,
    LotOption,
    OfFieldOption,
    SeasonOption,
    amount_of,
    day_of,
    records,
)
from agri.cli.records import (
    keep as keep_record,
)
from agri.cli.shelf import OutOption
from agri.cli.speech import language
from agri.cli.tree import FarmOption, app, open_farm

if TYPE_CHECKING:
    from agri.field_records import Record


@records.command("list", help="cli.help.records_list")
def list_records(
    field: OfFieldOption = "",
    kind: Annotated[str, Option(help="cli.help.record_kind", show_default=False)] = "",
    season: Annotated[int, Option(help="cli.help.record_of_season", show_default=False)] = 0,
    lot: LotOption = "",
    every: Annotated[bool, Option("--every", help="cli.help.records_every")] = False,
    farm: FarmOption = None,
) -> int:
    """List the records that stand."""
    from agri.cli.show import show_findings, tell
    from agri.errors import BadInput
    from agri.field_records import KINDS

    if kind and kind not in KINDS:
        raise BadInput("error.not_a_choice", name="--kind", value=kind, choices=", ".join(KINDS))
    with open_farm(farm) as workspace:
        name = workspace.field(field).uid if field else ""
        wanted: Any = KINDS[kind] if kind else None
        found = workspace.records.read(wanted, field=name, season=season, lot=lot, every=every)
        findings = workspace.records.read_with_findings()[1]
    show_findings(findings)
    if not found:
        tell("cli.records_none")
        return 0
    _show(found)
    return 0


def _show(found: tuple[Record, ...]) -> None:
    from agri.cli.show import show_table
    from agri.operations.records import described
    from agri.words import day_text, say

    spoken = language.get()
    rows = [
        (one.uid[:8] + (f" ← {one.replaces[:8]}" if one.replaces else ""),
         day_text(one.day, spoken).replace(" ", "\u00a0"),
         " ".join(part for part in (one.field, one.row, one.tree) if part) or "–",
         f"{say(f'page.kind_{one.kind}', spoken)}: {described(one, spoken)}",
         " · ".join(part for part in (one.lot, one.by) if part))
        for one in found
    ]  # fmt: skip
    show_table(("page.record_uid", "page.record_day", "cli.head_where", "cli.head_told",
                "cli.head_lot_who"), rows)  # fmt: skip


@records.command("correct", help="cli.help.records_correct")
def correct(
    key: Annotated[str, Argument(help="cli.help.record_key", show_default=False)],
    sets: Annotated[
        list[str], Option("--set", help="cli.help.record_set", show_default=False)
    ] = [],  # noqa: B006
    withdraw: Annotated[str, Option(help="cli.help.record_withdraw", show_default=False)] = "",
    by: ByOption = "",
    farm: FarmOption = None,
) -> None:
    """Put a corrected record in the place of an earlier one, which stays to be read."""
    from dataclasses import replace

    from agri.cli.show import tell
    from agri.errors import BadInput
    from agri.operations.read_records import read_change
    from agri.operations.records import corrected, described, withdrawn

    changes: dict[str, Any] = {}
    for text in sets:
        name, sign, value = text.partition("=")
        if not sign:
            raise BadInput("error.record_set", value=text[:40])
        changes |= read_change(name.strip(), value.strip())
    if bool(changes) == bool(withdraw):
        raise BadInput("error.record_correct_what")
    with open_farm(farm) as workspace:
        old = workspace.records.find(key)
        if withdraw:
            new: Record = withdrawn(old, withdraw)
        else:
            new = corrected(workspace, old, changes)
        stored = workspace.records.correct(old.uid, replace(new, by=by or old.by))
    tell("cli.record_corrected", uid=stored.uid[:8], old=old.uid[:8],
         told=described(stored, language.get()))  # fmt: skip


@records.command("import", help="cli.help.records_import")
def import_log(
    file: Annotated[Path, Argument(help="cli.help.log_file", show_default=False)],
    field: OfFieldOption,
    crate_kg: Annotated[str, Option(help="cli.help.record_crate_kg", show_default=False)] = "",
    trees: Annotated[int, Option(help="cli.help.log_trees", show_default=False)] = 0,
    register: Annotated[
        Path | None, Option(help="cli.help.log_register", show_default=False)
    ] = None,
    repeats: Annotated[str, Option(help="cli.help.log_repeats", show_default=False)] = "",
    counts: Annotated[str, Option("--counts", help="cli.help.log_counts", show_default=False)] = "",
    share: Annotated[str, Option(help="cli.help.record_share_of")] = "100%",
    day: DayOption = "",
    lot: LotOption = "",
    season: SeasonOption = 0,
    look: Annotated[bool, Option("--look", help="cli.help.log_look")] = False,
    farm: FarmOption = None,
) -> int:
    """Bring in a picker's log, or a list of counted trees."""
    if counts:
        return _import_counts(file, field, counts, share, day, season, look=look, farm=farm)
    from agri.amounts import read_mass_kg
    from agri.cli.show import tell
    from agri.cli.show_maps import show_products
    from agri.errors import BadInput
    from agri.operations.picked import bring_in, trees_known
    from agri.words import day_text
    from models.harvest_logs.pickers import LogFacts

    if repeats not in ("", "keep", "drop"):
        raise BadInput("error.not_a_choice", name="--repeats", value=repeats, choices="keep, drop")
    facts = LogFacts(
        name=file.name, field=field, last_day=day_of(""), lot=lot,
        crate_kg=read_mass_kg(crate_kg, name="--crate-kg") if crate_kg else None,
        trees=trees_known(register, trees), keep_repeats=repeats == "keep" if repeats else None,
    )  # fmt: skip
    with open_farm(farm) as workspace:
        found = bring_in(workspace, file, facts, season=season, language=language.get(),
                         only_look=look)  # fmt: skip
    tell("cli.log_looked" if look else "cli.log_entered", entered=found.entered, known=found.known,
         left_out=len(found.cleaned.left_out))  # fmt: skip
    days = [(day_text(day, language.get()), f"{_kg(kg)} kg") for day, kg in found.days.items()]
    return show_products(days, found.cleaned.findings, (found.table,))


def _import_counts(
    file: Path, field: str, what: str, share: str, day: str, season: int, *, look: bool,
    farm: Path | None,
) -> int:  # fmt: skip
    from agri.cli.show import tell
    from agri.cli.show_maps import show_products
    from agri.field_records import Count
    from agri.operations.counted_trees import bring_counts
    from agri.operations.read_records import read_counted, read_share

    pattern = Count(day=day_of(day), field=field, number=0.0,
                    what=read_counted(what, name="--counts"),
                    share=read_share(share, name="--share"))  # fmt: skip
    with open_farm(farm) as workspace:
        found = bring_counts(workspace, file, pattern, season=season, only_look=look)
    tell("cli.log_looked" if look else "cli.log_entered", entered=len(found.counts),
         known=found.known, left_out=found.left_out)  # fmt: skip
    return show_products((), found.findings, ())


def _kg(value: float) -> str:
    from agri.cli.show import local_number

    return local_number(value, ",.1f")


@records.command("yields", help="cli.help.records_yields")
def yields(
    file: Annotated[Path, Argument(help="cli.help.monitor_file", show_default=False)],
    delay: Annotated[str, Option(help="cli.help.monitor_delay", show_default=False)] = "",
    moisture: Annotated[float, Option(help="cli.help.monitor_moisture")] = 14.0,
    keep: Annotated[str, Option("--keep", help="cli.help.monitor_keep", show_default=False)] = "",
    day: DayOption = "",
    lot: LotOption = "",
    season: SeasonOption = 0,
    out: OutOption = None,
    farm: FarmOption = None,
) -> int:
    """Clean a combine's yield monitor log and map it."""
    import numpy as np

    from agri.cli.shelf import open_shelf
    from agri.cli.show import local_number
    from agri.cli.show_maps import show_products
    from agri.errors import BadInput
    from agri.field_records import Harvest
    from agri.operations.yield_map import map_yields
    from agri.words import say

    with open_shelf(out, farm) as shelf:
        if keep and shelf.farm is None:
            raise BadInput("error.field_without_farm", name=keep)
        field = shelf.farm.field(keep) if keep and shelf.farm is not None else None
        found = map_yields(file, shelf, delay_s=amount_of(delay.rstrip("s "), "--delay"),
                           standard_pct=moisture)  # fmt: skip
    points, spoken = found.points, language.get()
    if field is not None:
        wet = points.moisture_pct[np.isfinite(points.moisture_pct)]
        cut = day_of(day) if day or found.day is None else found.day
        keep_record(Harvest(day=cut, field=field.name, mass_kg=round(points.total_kg, 1), lot=lot,
                            area_m2=round(points.area_m2, 1), source=file.name,
                            moisture_pct=round(float(wet.mean()), 2) if len(wet) else None),
                    season, farm)  # fmt: skip
    facts = [
        (say("page.yields_records", spoken), f"{len(points.kept)} / {points.records}"),
        *((say(f"page.left_out_{why.value}", spoken), str(count))
          for why, count in points.reasons.items() if count),
        (say("page.yields_total", spoken), f"{_kg(points.total_kg)} kg"),
        (say("page.yields_mean", spoken), local_number(float(np.median(points.yield_t_ha)), ".2f")),
    ]  # fmt: skip
    return show_products(facts, points.findings, (found.table, found.picture))


@app.command("diary", help="cli.help.diary")
def diary(
    field: FieldArgument,
    season: Annotated[int, Option(help="cli.help.diary_season", show_default=False)] = 0,
    lot: Annotated[str, Option(help="cli.help.diary_lot", show_default=False)] = "",
    base_url: Annotated[
        str, Option("--base-url", help="cli.help.base_url", show_default=False)
    ] = "",
    out: OutOption = None,
    farm: FarmOption = None,
) -> int:
    """Write a field's diary of a season, or of a lot."""
    from agri.cli.show import show_findings, tell
    from agri.operations.diary import field_diary
    from agri.operations.diary_page import keep_diary
    from agri.operations.records import season_at

    today = day_of("")
    with open_farm(farm) as workspace:
        season = season or season_at(workspace.field(field), today)
        found = field_diary(workspace, field, season=season, lot=lot, made=today)
        kept = keep_diary(found, out or workspace.reports, language.get(), base_url=base_url)
    tell("cli.diary_kept", count=len(found.records), kg=found.harvested_kg)
    show_findings(found.findings)
    if kept.code:
        tell("cli.diary_code", text=kept.code)
    for file in (kept.page, kept.table):
        tell("cli.exported", file=file)
    return 0
