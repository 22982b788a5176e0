"""Field records entered, one command for each kind; `agri.cli.record_book` has the rest."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from agri.cli.speech import language
from agri.cli.tree import FarmOption, app, open_farm

if TYPE_CHECKING:
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


def day_of(text: str) -> date:
    """Return the day told, today when none is."""
    from agri.amounts import read_day
    from agri.units import INDOCHINA_TIME

    return read_day(text, name="--day") if text else datetime.now(INDOCHINA_TIME).date()


def amount_of(text: str, name: str) -> float | None:
    """Return a number that may be left out."""
    from agri.amounts import read_amount

    return read_amount(text, name=name) if text else None


def _area(text: str) -> float | None:
    from agri.amounts import read_area_m2

    return read_area_m2(text, name="--area") if text else None


def _whole(text: str, name: str) -> int | None:
    from agri.operations.read_records import read_whole

    return read_whole(text, name=name) if text else None


def keep(record: Record, season: int, farm: Path | None) -> None:
    """Store a record and say so."""
    from agri.cli.show import complain, tell
    from agri.operations.records import described, enter

    with open_farm(farm) as workspace:
        stored = workspace.records.add(enter(workspace, record, season=season))
    tell("cli.record_kept", uid=stored.uid[:8], told=described(stored, language.get()),
         field=stored.field or "–", day=stored.day, season=str(stored.season))  # fmt: skip
    if stored.day > day_of(""):
        complain("cli.record_future", day=stored.day, uid=stored.uid[:8])


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

    number = amount_of(crates, "--crates")
    if mass:
        mass_kg = read_mass_kg(mass, name="MASS")
    elif number is not None and crate_kg:
        mass_kg = number * read_mass_kg(crate_kg, name="--crate-kg")
    else:
        raise BadInput("error.record_no_mass")
    share = amount_of(moisture.rstrip("% "), "--moisture")
    keep(Harvest(day=day_of(day), field=field, tree=tree, row=row, lot=lot, by=by, remark=remark,
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
    from agri.field_records import Count
    from agri.operations.read_records import read_counted, read_share, read_size_mm

    keep(Count(day=day_of(day), field=field, tree=tree, row=row, by=by, remark=remark,
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
    from agri.field_records import Bloom
    from agri.operations.read_records import read_share

    keep(Bloom(day=day_of(day), field=field, tree=tree, row=row, by=by, remark=remark, bbch=stage,
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
    keep(SprayRecord(day=day_of(day), field=field, tree=tree, row=row, lot=lot, by=by,
                     remark=remark, product=product, dose=amount, unit=RateUnit(unit),
                      water_l_ha=amount_of(water, "--water"), area_m2=_area(area),
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
    from agri.field_records import Fertiliser
    from agri.operations.read_records import read_spread_kg

    ground_m2, of = _area(area), _whole(trees, "--trees")
    if "/" in mass and ground_m2 is None:
        with open_farm(farm) as workspace:
            ground_m2 = workspace.field(field).area_m2
    n, p, k = read_npk(parts, name="--npk") if parts else (None, None, None)
    keep(Fertiliser(day=day_of(day), field=field, tree=tree, row=row, by=by, remark=remark,
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
    from agri.field_records import Irrigation
    from agri.operations.read_records import read_volume_m3

    keep(Irrigation(day=day_of(day), field=field, tree=tree, row=row, by=by, remark=remark,
                     volume_m3=read_volume_m3(volume, name="--volume") if volume else None,
                     hours=amount_of(hours, "--hours"), area_m2=_area(area), water=water),
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

    keep(Price(day=day_of(day), field=field, lot=lot, by=by, remark=remark, grade=grade,
               buyer=buyer, vnd_kg=read_vnd_kg(value, name="PRICE"),
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

    keep(Note(day=day_of(day), field=field, tree=tree, row=row, lot=lot, by=by, text=text), season,
          farm)  # fmt: skip
