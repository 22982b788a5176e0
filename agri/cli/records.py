"""The farm's field records: enter, list, correct."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from agri.cli.shelf import OutOption
from agri.cli.speech import language
from agri.cli.tree import FarmOption, app, open_farm

if TYPE_CHECKING:
    from pathlib import Path

    from agri.field_records import Record

records = typer.Typer(no_args_is_help=True, help="cli.help.records")
add = typer.Typer(no_args_is_help=True, help="cli.help.records_add")
app.add_typer(records, name="records")
records.add_typer(add, name="add")

FieldArgument = Annotated[str, Argument(help="cli.help.record_field", show_default=False)]
OfFieldOption = Annotated[str, Option("--field", help="cli.help.record_field", show_default=False)]
DayOption = Annotated[str, Option("--day", help="cli.help.record_day", show_default=False)]
TreeOption = Annotated[str, Option("--tree", help="cli.help.record_tree", show_default=False)]
RowOption = Annotated[str, Option("--row", help="cli.help.record_row", show_default=False)]
LotOption = Annotated[str, Option("--lot", help="cli.help.record_lot", show_default=False)]
SeasonOption = Annotated[int, Option("--season", help="cli.help.record_season", show_default=False)]
ByOption = Annotated[str, Option("--by", help="cli.help.record_by", show_default=False)]
RemarkOption = Annotated[str, Option("--remark", help="cli.help.record_remark", show_default=False)]
AreaOption = Annotated[str, Option("--area", help="cli.help.record_area", show_default=False)]
GradeOption = Annotated[str, Option("--grade", help="cli.help.record_grade", show_default=False)]
TreesOption = Annotated[str, Option("--trees", help="cli.help.record_trees", show_default=False)]


def _day(text: str) -> date:
    from agri.cli.read_papers import read_day
    from agri.units import INDOCHINA_TIME

    return read_day(text, name="--day") if text else datetime.now(INDOCHINA_TIME).date()


def _amount(text: str, name: str) -> float | None:
    from agri.amounts import read_amount

    return read_amount(text, name=name) if text else None


def _area(text: str) -> float | None:
    from agri.amounts import read_area_m2

    return read_area_m2(text, name="--area") if text else None


def _whole(text: str, name: str) -> int | None:
    from agri.cli.read_records import read_whole

    return read_whole(text, name=name) if text else None


def _keep(record: Record, season: int, farm: Path | None) -> None:
    """Store a record and say so."""
    from agri.cli.show import tell
    from agri.operations.records import described, enter

    with open_farm(farm) as workspace:
        stored = workspace.records.add(enter(workspace, record, season=season))
    tell("cli.record_kept", uid=stored.uid[:8], told=described(stored, language.get()),
         field=stored.field or "–", day=stored.day, season=str(stored.season))  # fmt: skip


@add.command("harvest", help="cli.help.record_harvest")
def harvest(
    field: FieldArgument,
    mass: Annotated[str, Argument(help="cli.help.record_mass", show_default=False)] = "",
    crates: Annotated[str, Option(help="cli.help.record_crates", show_default=False)] = "",
    crate_kg: Annotated[str, Option(help="cli.help.record_crate_kg", show_default=False)] = "",
    grade: GradeOption = "", area: AreaOption = "",
    moisture: Annotated[str, Option(help="cli.help.record_moisture", show_default=False)] = "",
    tree: TreeOption = "", row: RowOption = "", lot: LotOption = "", day: DayOption = "",
    season: SeasonOption = 0, by: ByOption = "", remark: RemarkOption = "",
    farm: FarmOption = None,
) -> None:  # fmt: skip
    """Enter what was picked or cut."""
    from agri.amounts import read_mass_kg
    from agri.errors import BadInput
    from agri.field_records import Harvest

    number = _amount(crates, "--crates")
    if mass:
        mass_kg = read_mass_kg(mass, name="MASS")
    elif number is not None and crate_kg:
        mass_kg = number * read_mass_kg(crate_kg, name="--crate-kg")
    else:
        raise BadInput("error.record_no_mass")
    share = _amount(moisture.rstrip("% "), "--moisture")
    _keep(Harvest(day=_day(day), field=field, tree=tree, row=row, lot=lot, by=by, remark=remark,
                  mass_kg=mass_kg, crates=number, grade=grade, area_m2=_area(area),
                  moisture_pct=share), season, farm)  # fmt: skip


@add.command("count", help="cli.help.record_count")
def count(
    field: FieldArgument,
    what: Annotated[str, Argument(help="cli.help.record_what", show_default=False)],
    number: Annotated[str, Argument(help="cli.help.record_number", show_default=False)],
    share: Annotated[str, Option(help="cli.help.record_share_of")] = "100%",
    size: Annotated[str, Option(help="cli.help.record_size", show_default=False)] = "",
    trees: TreesOption = "", tree: TreeOption = "", row: RowOption = "", day: DayOption = "",
    season: SeasonOption = 0, by: ByOption = "", remark: RemarkOption = "",
    farm: FarmOption = None,
) -> None:  # fmt: skip
    """Enter what was counted."""
    from agri.amounts import read_amount
    from agri.cli.read_records import read_counted, read_share, read_size_mm
    from agri.field_records import Count

    _keep(Count(day=_day(day), field=field, tree=tree, row=row, by=by, remark=remark,
                what=read_counted(what, name="WHAT"), number=read_amount(number, name="NUMBER"),
                share=read_share(share, name="--share"), trees=_whole(trees, "--trees") or 1,
                size_mm=read_size_mm(size, name="--size") if size else None),
          season, farm)  # fmt: skip


@add.command("bloom", help="cli.help.record_bloom")
def bloom(
    field: FieldArgument,
    stage: Annotated[int, Argument(help="cli.help.record_stage", show_default=False)],
    share: Annotated[str, Option(help="cli.help.record_share")] = "100%",
    tree: TreeOption = "", row: RowOption = "", day: DayOption = "", season: SeasonOption = 0,
    by: ByOption = "", remark: RemarkOption = "", farm: FarmOption = None,
) -> None:  # fmt: skip
    """Enter a stage of growth that was seen."""
    from agri.cli.read_records import read_share
    from agri.field_records import Bloom

    _keep(Bloom(day=_day(day), field=field, tree=tree, row=row, by=by, remark=remark, bbch=stage,
                share=read_share(share, name="--share")), season, farm)  # fmt: skip


@add.command("spray", help="cli.help.record_spray")
def spray(
    field: FieldArgument,
    product: Annotated[str, Argument(help="cli.help.record_product", show_default=False)],
    dose: Annotated[str, Option(help="cli.help.record_dose", show_default=False)] = "",
    water: Annotated[str, Option(help="cli.help.record_water_l_ha", show_default=False)] = "",
    phi: Annotated[str, Option(help="cli.help.record_phi", show_default=False)] = "",
    target: Annotated[str, Option(help="cli.help.record_target", show_default=False)] = "",
    active: Annotated[str, Option(help="cli.help.record_active", show_default=False)] = "",
    label: Annotated[str, Option(help="cli.help.record_label", show_default=False)] = "",
    flight: Annotated[str, Option(help="cli.help.record_flight", show_default=False)] = "",
    area: AreaOption = "", tree: TreeOption = "", row: RowOption = "", lot: LotOption = "",
    day: DayOption = "", season: SeasonOption = 0, by: ByOption = "", remark: RemarkOption = "",
    farm: FarmOption = None,
) -> None:  # fmt: skip
    """Enter what was sprayed by hand, or what is to be known of a flight's spraying."""
    from agri.amounts import read_rate
    from agri.field_records import RateUnit, SprayRecord

    amount, unit = read_rate(dose, name="--dose") if dose else (None, RateUnit.ML_HA.value)
    if flight:
        with open_farm(farm) as workspace:
            flight = workspace.flight(flight).uid
    _keep(SprayRecord(day=_day(day), field=field, tree=tree, row=row, lot=lot, by=by, remark=remark,
                      product=product, dose=amount, unit=RateUnit(unit),
                      water_l_ha=_amount(water, "--water"), area_m2=_area(area),
                      phi_days=_whole(phi, "--phi"), target=target, active=active, label=label,
                      flight=flight), season, farm)  # fmt: skip


@add.command("fertiliser", help="cli.help.record_fertiliser")
def fertiliser(
    field: FieldArgument,
    product: Annotated[str, Argument(help="cli.help.record_product", show_default=False)],
    mass: Annotated[str, Argument(help="cli.help.record_spread", show_default=False)],
    parts: Annotated[str, Option("--npk", help="cli.help.record_npk", show_default=False)] = "",
    organic: Annotated[bool, Option("--organic", help="cli.help.record_organic")] = False,
    method: Annotated[str, Option(help="cli.help.record_method", show_default=False)] = "",
    trees: TreesOption = "", area: AreaOption = "", tree: TreeOption = "", row: RowOption = "",
    day: DayOption = "", season: SeasonOption = 0, by: ByOption = "", remark: RemarkOption = "",
    farm: FarmOption = None,
) -> None:  # fmt: skip
    """Enter what was spread."""
    from agri.amounts import read_npk
    from agri.cli.read_records import read_spread_kg
    from agri.field_records import Fertiliser

    ground_m2, of = _area(area), _whole(trees, "--trees")
    if "/" in mass and ground_m2 is None:
        with open_farm(farm) as workspace:
            ground_m2 = workspace.field(field).area_m2
    n, p, k = read_npk(parts, name="--npk") if parts else (None, None, None)
    _keep(Fertiliser(day=_day(day), field=field, tree=tree, row=row, by=by, remark=remark,
                     product=product, organic=organic, trees=of, area_m2=_area(area), n_pct=n,
                     p2o5_pct=p, k2o_pct=k, method=method,
                     mass_kg=read_spread_kg(mass, area_m2=ground_m2, trees=of, name="MASS")),
          season, farm)  # fmt: skip


@add.command("irrigation", help="cli.help.record_irrigation")
def irrigation(
    field: FieldArgument,
    volume: Annotated[str, Option(help="cli.help.record_volume", show_default=False)] = "",
    hours: Annotated[str, Option(help="cli.help.record_hours", show_default=False)] = "",
    water: Annotated[str, Option(help="cli.help.record_water", show_default=False)] = "",
    area: AreaOption = "", tree: TreeOption = "", row: RowOption = "", day: DayOption = "",
    season: SeasonOption = 0, by: ByOption = "", remark: RemarkOption = "",
    farm: FarmOption = None,
) -> None:  # fmt: skip
    """Enter water that was given."""
    from agri.cli.read_records import read_volume_m3
    from agri.field_records import Irrigation

    _keep(Irrigation(day=_day(day), field=field, tree=tree, row=row, by=by, remark=remark,
                     volume_m3=read_volume_m3(volume, name="--volume") if volume else None,
                     hours=_amount(hours, "--hours"), area_m2=_area(area), water=water),
          season, farm)  # fmt: skip


@add.command("price", help="cli.help.record_price")
def price(
    value: Annotated[str, Argument(help="cli.help.record_vnd", show_default=False)],
    mass: Annotated[str, Option(help="cli.help.record_sold", show_default=False)] = "",
    buyer: Annotated[str, Option(help="cli.help.record_buyer", show_default=False)] = "",
    grade: GradeOption = "", field: OfFieldOption = "", lot: LotOption = "", day: DayOption = "",
    season: SeasonOption = 0, by: ByOption = "", remark: RemarkOption = "",
    farm: FarmOption = None,
) -> None:  # fmt: skip
    """Enter what a kilogram was sold for."""
    from agri.amounts import read_mass_kg, read_vnd_kg
    from agri.field_records import Price

    _keep(Price(day=_day(day), field=field, lot=lot, by=by, remark=remark, grade=grade, buyer=buyer,
                vnd_kg=read_vnd_kg(value, name="PRICE"),
                mass_kg=read_mass_kg(mass, name="--mass") if mass else None),
          season, farm)  # fmt: skip


@add.command("note", help="cli.help.record_note")
def note(
    text: Annotated[str, Argument(help="cli.help.record_text", show_default=False)],
    field: OfFieldOption = "", tree: TreeOption = "", row: RowOption = "", lot: LotOption = "",
    day: DayOption = "", season: SeasonOption = 0, by: ByOption = "", farm: FarmOption = None,
) -> None:  # fmt: skip
    """Enter anything else."""
    from agri.field_records import Note

    _keep(Note(day=_day(day), field=field, tree=tree, row=row, lot=lot, by=by, text=text), season,
          farm)  # fmt: skip


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

    from agri.cli.read_records import read_change
    from agri.cli.show import tell
    from agri.errors import BadInput
    from agri.field_records import Note
    from agri.operations.records import changed, described, enter

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
            new: Record = Note(day=old.day, field=old.field, tree=old.tree, row=old.row,
                               lot=old.lot, season=old.season, field_uid=old.field_uid,
                               text=withdraw)  # fmt: skip
        else:
            new = changed(old, changes)
        if "field" in changes:
            new = enter(workspace, new, season=new.season)
        stored = workspace.records.correct(old.uid, replace(new, by=by or old.by))
    tell("cli.record_corrected", uid=stored.uid[:8], old=old.uid[:8],
         told=described(stored, language.get()))  # fmt: skip


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

    today = _day("")
    with open_farm(farm) as workspace:
        found = field_diary(workspace, field, season=season or today.year, lot=lot, made=today)
        kept = keep_diary(found, out or workspace.reports, language.get(), base_url=base_url)
    tell("cli.diary_kept", count=len(found.records), kg=found.harvested_kg)
    show_findings(found.findings)
    if kept.code:
        tell("cli.diary_code", text=kept.code)
    for file in (kept.page, kept.table):
        tell("cli.exported", file=file)
    return 0
