"""What to do this week on a field, and why."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from agri.cli.shelf import OutOption, field_needed, open_shelf, weather_known
from agri.cli.speech import language
from agri.cli.tree import FarmOption, app

if TYPE_CHECKING:
    from agri.crop import CropCard
    from agri.field_records import Record
    from agri.findings import Finding
    from agri.operations.advice import AdviceReport, Orchard
    from agri.operations.maps.shelf import Shelf
    from agri.weather.series import Days, Hours


labels_group = typer.Typer(no_args_is_help=True, help="cli.help.labels")
app.add_typer(labels_group, name="labels")


@labels_group.command("add", help="cli.help.labels_add")
def add_label(
    product: Annotated[str, Argument(help="cli.help.label_product")],
    kind: Annotated[str, Option(help="cli.help.label_kind")],
    crops: Annotated[str, Option("--crop", help="cli.help.label_crop")],
    targets: Annotated[str, Option("--target", help="cli.help.label_target")],
    by: Annotated[str, Option(help="cli.help.label_by")],
    dose: Annotated[str, Option(help="cli.help.label_dose", show_default=False)] = "",
    unit: Annotated[str, Option(help="cli.help.label_unit")] = "ml/l",
    phi: Annotated[int | None, Option(help="cli.help.label_phi", show_default=False)] = None,
    interval: Annotated[
        int | None, Option(help="cli.help.label_interval", show_default=False)
    ] = None,
    most: Annotated[int | None, Option(help="cli.help.label_most", show_default=False)] = None,
    bees: Annotated[bool, Option("--bees", help="cli.help.label_bees")] = False,
    read_on: Annotated[str, Option("--day", help="cli.help.label_day", show_default=False)] = "",
    farm: FarmOption = None,
) -> int:
    """Keep what stands on a product's label."""
    from agri.amounts import read_day
    from agri.cli.shelf import words_in
    from agri.cli.show import tell
    from agri.cli.tree import open_farm
    from agri.errors import BadInput
    from agri.labels import Label, ProductKind
    from agri.operations.advice import keep_label
    from agri.units import INDOCHINA_TIME

    if kind not in set(ProductKind):
        raise BadInput("error.label", product=product, field="--kind")
    low, high = _dose_range(dose) if dose else (None, None)
    label = Label(
        product=product, kind=ProductKind(kind), crops=tuple(words_in(crops)),
        targets=tuple(words_in(targets)), dose_low=low, dose_high=high,
        unit=unit if dose else "", phi_days=phi, interval_days=interval, most_uses=most,
        bees=bees, read_by=by,
        read_on=read_day(read_on, name="--day") if read_on
        else datetime.now(INDOCHINA_TIME).date(),
    )  # fmt: skip
    with open_farm(farm) as workspace:
        tell("cli.label_kept", product=label.product, file=keep_label(workspace, label))
    return 0


def _dose_range(text: str) -> tuple[float, float]:
    """Read a dose, one figure or low/high."""
    from agri.cli.read import read_number
    from agri.errors import BadInput

    if text.count("/") > 1:
        raise BadInput("error.not_a_number", name="--dose", value=text[:40])
    parts = [read_number(part.strip(), name="--dose") for part in text.split("/")]
    return parts[0], parts[-1]


@app.command(help="cli.help.advise")
def advise(
    field: Annotated[str, Argument(help="cli.help.advise_field", show_default=False)] = "",
    today: Annotated[str, Option(help="cli.help.advise_today", show_default=False)] = "",
    weather: Annotated[
        Path | None, Option(help="cli.help.stage_weather", show_default=False)
    ] = None,
    station: Annotated[str, Option(help="cli.help.station", show_default=False)] = "",
    forecast: Annotated[
        Path | None, Option(help="cli.help.advise_forecast", show_default=False)
    ] = None,
    fetch: Annotated[bool, Option("--fetch", help="cli.help.advise_fetch")] = False,
    labels: Annotated[
        Path | None, Option(help="cli.help.advise_labels", show_default=False)
    ] = None,
    rules: Annotated[Path | None, Option(help="cli.help.advise_rules", show_default=False)] = None,
    crop: Annotated[str, Option(help="cli.help.stage_crop", show_default=False)] = "",
    age: Annotated[str, Option(help="cli.help.advise_age", show_default=False)] = "",
    trees: Annotated[str, Option(help="cli.help.advise_trees", show_default=False)] = "",
    harvested: Annotated[str, Option(help="cli.help.advise_harvested", show_default=False)] = "",
    dose: Annotated[str, Option(help="cli.help.advise_dose", show_default=False)] = "",
    yields: Annotated[
        str, Option("--yield", help="cli.help.advise_yield", show_default=False)
    ] = "",
    price: Annotated[str, Option(help="cli.help.advise_price", show_default=False)] = "",
    cost: Annotated[str, Option(help="cli.help.advise_cost", show_default=False)] = "",
    cost_kg: Annotated[str, Option(help="cli.help.advise_cost_kg", show_default=False)] = "",
    wait: Annotated[str, Option(help="cli.help.advise_wait")] = "7",
    as_json: Annotated[bool, Option("--json", help="cli.help.advise_json")] = False,
    out: OutOption = None,
    farm: FarmOption = None,
) -> int:
    """Tell what to do this week, what waits, and what is forbidden and why."""
    from agri.amounts import read_day
    from agri.units import INDOCHINA_TIME

    clock = datetime.now(INDOCHINA_TIME)
    day = read_day(today, name="--today") if today else clock.date()
    told = _orchard(age=age, trees=trees, harvested=harvested, dose=dose, yields=yields,
                    price=price, cost=cost, cost_kg=cost_kg, wait=wait)  # fmt: skip
    with open_shelf(out, farm) as shelf:
        report, findings = _report(
            shelf, field, crop, day, now=clock, orchard=told, rules=rules, labels=labels,
            files=(weather, station, forecast, fetch),
        )  # fmt: skip
        pages = () if as_json else _keep(report, shelf)
    return _show_json(report) if as_json else _show(report, findings, pages)


def _report(
    shelf: Shelf, field: str, crop: str, day: date, *, now: datetime, orchard: Orchard,
    rules: Path | None, labels: Path | None, files: tuple[Path | None, str, Path | None, bool],
) -> tuple[AdviceReport, tuple[Finding, ...]]:  # fmt: skip
    from agri.advice_rules import read_rules
    from agri.cli.agronomy import card_named
    from agri.operations.advice import advise_field, farm_labels, farm_records
    from agri.operations.field_week import expected_yield
    from agri.operations.stages import season_year

    place = field_needed(shelf, field) if field or not crop else None
    card: CropCard = card_named(crop or (place.crop if place is not None else ""))
    past, told = _past(shelf, files[0], files[1])
    coming, more = _coming(shelf, place.frame.origin if place else None, files[2],
                           now=now, fetching=files[3])  # fmt: skip
    records: tuple[Record, ...] = ()
    found: tuple[Finding, ...] = ()
    if place is not None and shelf.farm is not None:
        records, found = farm_records(shelf.farm, place)
    if place is not None and shelf.farm is not None and orchard.forecast is None:
        season = season_year(card, day)
        expected, trees = expected_yield(shelf.farm, place, season)
        orchard = replace(orchard, forecast=expected, trees=orchard.trees or trees)
    where = place.frame.origin if place is not None else None
    if where is None and past is not None:
        where = past.place
    report = advise_field(
        place.name if place is not None else card.name(language.get()), card, today=day,
        now=now if day == now.date() else None, place=where, past=past, coming=coming,
        area_m2=place.area_m2 if place is not None else None, records=records, orchard=orchard,
        labels=farm_labels(shelf.farm, labels), rules=read_rules(rules) if rules else None,
    )  # fmt: skip
    return report, (*told, *more, *found)


def _past(
    shelf: Shelf, file: Path | None, station: str
) -> tuple[Hours | Days | None, tuple[Finding, ...]]:
    """Return past weather; what is not kept is missing, a file that is wrong is an error."""
    from agri.errors import NotFound

    if file is None and shelf.farm is None:
        return None, ()
    try:
        return weather_known(file, shelf, station=station)
    except NotFound:
        if file is not None:
            raise
        return None, ()


def _coming(
    shelf: Shelf, place: object, file: Path | None, *, now: datetime, fetching: bool
) -> tuple[Hours | None, tuple[Finding, ...]]:
    from agri.errors import BadInput
    from agri.geo import LonLat
    from agri.operations.hours_ahead import forecast_for
    from agri.operations.season import read_station
    from agri.weather.series import Hours

    if file is not None:
        found, told = read_station(file)
        if not isinstance(found, Hours):
            raise BadInput("error.forecast_days", file=file.name)
        return found, told
    if shelf.farm is None or not isinstance(place, LonLat):
        if fetching:
            raise BadInput("error.weather_what_needed")
        return None, ()
    return forecast_for(shelf.farm.folder, place, now=now, fetching=fetching)


def _orchard(
    *, age: str, trees: str, harvested: str, dose: str, yields: str, price: str, cost: str,
    cost_kg: str, wait: str,
) -> Orchard:  # fmt: skip
    from agri.amounts import read_day, read_vnd_kg
    from agri.cli.read import read_number
    from agri.operations.advice import Orchard
    from models.advice.economics import Costs, Prices
    from models.advice.situation import Forecast

    def number(text: str, name: str) -> float | None:
        return read_number(text, name=name) if text else None

    forecast, prices = None, None
    if yields:
        low, middle, high = _three(yields, "--yield", read_number)
        forecast = Forecast(low_kg=low, kg=middle, high_kg=high, source="--yield")
    if price:
        low, middle, high = _three(price, "--price", read_vnd_kg)
        prices = Prices(low=low, middle=middle, high=high)
    costs = Costs(field_vnd=read_vnd_kg(cost, name="--cost") if cost else 0.0,
                  kg_vnd=read_vnd_kg(cost_kg, name="--cost-kg") if cost_kg else 0.0)  # fmt: skip
    return Orchard(
        age_years=number(age, "--age"), trees=number(trees, "--trees"), forecast=forecast,
        harvested_on=read_day(harvested, name="--harvested") if harvested else None,
        prices=prices, costs=costs, wait_days=read_number(wait, name="--wait"),
        dose=number(dose, "--dose"),
    )  # fmt: skip


def _three(text: str, name: str, read: object) -> tuple[float, float, float]:
    """Read low, middle and high, parted by a slash; one figure stands for all three."""
    from agri.errors import BadInput

    parts = [part.strip() for part in text.strip().removesuffix("/kg").split("/")]
    if len(parts) not in (1, 3) or not callable(read):
        raise BadInput("error.advice_three", name=name, value=text[:40])
    figures = [float(read(part, name=name)) for part in parts]
    return (figures[0], figures[len(parts) // 2], figures[-1])


def _keep(report: AdviceReport, shelf: Shelf) -> tuple[Path, ...]:
    """Write the page and the strip; nothing when there is no advice."""
    from agri.files import write_text
    from agri.operations.advice_page import draw_week, render_advice

    if not report.week:
        return ()
    png = draw_week(report, language=shelf.language)
    page = shelf.place(report.name, "advice", ".html")
    write_text(page, render_advice(report, language=shelf.language, strip=png))
    return (page, shelf.keep_picture(report.name, "advice", png))


def _show_json(report: AdviceReport) -> int:
    from agri.cli.show import console
    from agri.operations.advice_page import as_document

    document = as_document(report, language.get())
    text = json.dumps(document, ensure_ascii=False, indent=2)
    console().print(text, markup=False, soft_wrap=True)
    return 0


def _show(report: AdviceReport, findings: tuple[Finding, ...], pages: tuple[Path, ...]) -> int:
    from agri.cli.show import console, show_facts, tell
    from agri.cli.show_maps import show_products
    from agri.operations import advice_page as page
    from models.advice.outcome import Verdict

    spoken = language.get()
    tell("cli.advise_head", field=report.name, crop=report.situation.card.name(spoken),
         day=report.situation.today)  # fmt: skip
    if not report.week:
        tell("page.advice_none")
    for verdict in Verdict:
        chosen = [one for one in report.week if one.verdict is verdict]
        if chosen:
            tell(f"cli.advise_{verdict.value}")
        for one in chosen:
            lines = [f"{page.VERDICT_SYMBOL[verdict]} {one.what.text(spoken)}"]
            if verdict is Verdict.DO:
                lines += [page.when_line(one, spoken), page.label_line(one, spoken)]
            lines += [f"✕ {each.text(spoken)}" for each in one.blockers]
            lines += [each.text(spoken) for each in one.reasons]
            lines += [f"⚠ {each.text(spoken)}" for each in one.cautions]
            lines.append(page.source_line(one, spoken))
            for number, line in enumerate(filter(None, lines)):
                console().print(("  " if number == 0 else "      ") + line, markup=False)
    money = page.money_lines(report, spoken)
    if money:
        tell("page.money_title")
        show_facts(money)
        tell("page.money_note")
    return show_products((), (*findings, *report.findings), pages)
