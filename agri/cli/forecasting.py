"""What a field will bear."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from agri.cli.agronomy import _share, card_named
from agri.cli.shelf import OutOption, field_needed, open_shelf, weather_known
from agri.cli.speech import language
from agri.cli.tree import FarmOption, app

if TYPE_CHECKING:
    from datetime import date

    from agri.operations.forecast import Forecast
    from agri.operations.harvests import Kept
    from agri.operations.maps.shelf import Shelf


@app.command(help="cli.help.forecast")
def forecast(
    field: Annotated[str, Argument(help="cli.help.forecast_field", show_default=False)] = "",
    crop: Annotated[str, Option(help="cli.help.stage_crop", show_default=False)] = "",
    trees: Annotated[
        Path | None, Option(help="cli.help.forecast_trees", show_default=False)
    ] = None,
    harvests: Annotated[
        Path | None, Option(help="cli.help.forecast_harvests", show_default=False)
    ] = None,
    counts: Annotated[
        Path | None, Option(help="cli.help.forecast_counts", show_default=False)
    ] = None,
    counted_on: Annotated[
        str, Option(help="cli.help.forecast_counted_on", show_default=False)
    ] = "",
    flowering: Annotated[str, Option(help="cli.help.forecast_flowering", show_default=False)] = "",
    fruit_mass: Annotated[str, Option(help="cli.help.forecast_fruit", show_default=False)] = "",
    weather: Annotated[
        Path | None, Option(help="cli.help.stage_weather", show_default=False)
    ] = None,
    station: Annotated[str, Option(help="cli.help.station", show_default=False)] = "",
    season: Annotated[int, Option(help="cli.help.forecast_season", show_default=False)] = 0,
    day: Annotated[str, Option(help="cli.help.forecast_day", show_default=False)] = "",
    check: Annotated[bool, Option("--check", help="cli.help.forecast_check")] = False,
    keep: Annotated[bool, Option("--keep", help="cli.help.forecast_keep")] = False,
    version: Annotated[
        int | None, Option("--model", help="cli.help.forecast_model", show_default=False, min=0)
    ] = None,
    out: OutOption = None,
    farm: FarmOption = None,
) -> int:
    """Forecast what a field will bear."""
    from agri.amounts import read_day
    from agri.cli.read import read_number
    from agri.cli.show import tell
    from agri.cli.show_maps import show_products
    from agri.operations.forecast import Asked, forecast_field, keep_models
    from agri.units import INDOCHINA_TIME

    today = read_day(day, name="--day") if day else datetime.now(INDOCHINA_TIME).date()
    counted = read_day(counted_on, name="--counted-on") if counted_on else today
    with open_shelf(out, farm) as shelf:
        place = field_needed(shelf, field)
        series = weather_known(weather, shelf, station=station)[0] if weather else None
        fruit = fruit_mass.lower().removesuffix("g").strip()
        asked = Asked(
            card=card_named(crop or place.crop), day=today, season=season, weather=series,
            check=check,
            version=version,
            register=trees or shelf.place(place.name, "trees", ".json"),
            kept=_kept(shelf, place.name, harvests, counts, counted),
            fruit_kg=read_number(fruit, name="--fruit-mass") / 1000.0 if fruit else None,
            flowering=_share(flowering, "--flowering") if flowering else None,
        )  # fmt: skip
        found = forecast_field(place, asked, shelf)
        if keep:
            number = keep_models(place, asked, shelf, now=datetime.now(INDOCHINA_TIME))
            tell("cli.forecast_kept", number=number)
    _show_gates(found)
    return show_products(found.facts, found.findings, found.files)


def _kept(
    shelf: Shelf, field: str, harvests: Path | None, counts: Path | None, counted_on: date
) -> Kept:
    """Return what the records tell, tables in their place where given."""
    from dataclasses import replace

    from agri.operations.harvests import Kept, kept_by, read_counts, read_harvests

    found = kept_by(shelf.farm, field) if shelf.farm is not None else Kept()
    if harvests is not None:
        found = replace(found, picked=read_harvests(harvests, field=field))
    if counts is not None:
        found = replace(found, counts=read_counts(counts, day=counted_on))
    return found


def _show_gates(found: Forecast) -> None:
    from agri.cli.show import local_number, show_table
    from agri.words import day_text, say

    spoken = language.get()
    rows = [
        (say(f"page.gate_{int(one.gate)}", spoken), day_text(found.days[one.gate - 1], spoken),
         *(local_number(kg, ",.0f") for kg in (one.total.p10, one.total.p50, one.total.p90)),
         *(local_number(100.0 * kg / max(one.kg, 1e-9), ".0f")
           for kg in (one.error.flowering_kg, one.error.pattern_kg, one.error.level_kg)))
        for one in found.gates
    ]  # fmt: skip
    show_table(("cli.head_gate", "cli.head_about", "cli.head_kg_p10", "cli.head_kg_p50",
                "cli.head_kg_p90", "cli.head_part_flowering", "cli.head_part_pattern",
                "cli.head_part_level"), rows)  # fmt: skip
