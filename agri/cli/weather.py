"""The weather: whether a plan may be sprayed now, and what a season was like."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from agri.cli.shelf import FieldOption, OutOption, field_needed, open_shelf, weather_known
from agri.cli.tree import FarmOption, app

if TYPE_CHECKING:
    from agri.findings import Finding
    from agri.operations.maps.shelf import Shelf
    from agri.operations.season import Season


@app.command(help="cli.help.weather")
def weather(
    what: Annotated[str, Argument(help="cli.help.weather_what", show_default=False)] = "",
    wind: Annotated[str, Option(help="cli.help.wind_now", show_default=False)] = "",
    wind_from: Annotated[str, Option(help="cli.help.wind_from_now", show_default=False)] = "",
    gust: Annotated[str, Option(help="cli.help.gust", show_default=False)] = "",
    temperature: Annotated[str, Option(help="cli.help.temperature", show_default=False)] = "",
    humidity: Annotated[str, Option(help="cli.help.humidity", show_default=False)] = "",
    rain: Annotated[str, Option(help="cli.help.rain", show_default=False)] = "",
    station: Annotated[str, Option(help="cli.help.station", show_default=False)] = "",
    fetch: Annotated[str, Option(help="cli.help.weather_fetch", show_default=False)] = "",
    first: Annotated[str, Option("--from", help="cli.help.day_from", show_default=False)] = "",
    last: Annotated[str, Option("--to", help="cli.help.day_to", show_default=False)] = "",
    base: Annotated[float, Option(help="cli.help.degree_base")] = 10.0,
    upper: Annotated[float | None, Option(help="cli.help.degree_upper", show_default=False)] = None,
    field: FieldOption = "",
    out: OutOption = None,
    farm: FarmOption = None,
) -> int:
    """Say whether the weather is right for a spray plan now, or show a season's weather."""
    if wind:
        return _judge_plan(what, wind=wind, wind_from=wind_from, gust=gust, humidity=humidity,
                           temperature=temperature, rain=rain, farm=farm)  # fmt: skip
    from agri.amounts import read_day
    from agri.errors import BadInput
    from agri.operations.season import draw_season, season_of

    start = read_day(first, name="--from") if first else None
    stop = read_day(last, name="--to") if last else None
    with open_shelf(out, farm) as shelf:
        if what and not Path(what).is_file():
            raise BadInput("error.weather_what", what=what)
        if fetch and not what:
            _fetch(shelf, fetch, start, stop, field)
        series, told = weather_known(Path(what) if what else None, shelf, station=station,
                                     service=fetch)  # fmt: skip
        season = season_of(series, base_c=base, upper_c=upper, first=start, last=stop)
        picture = shelf.keep_picture(what or season.days.source, "weather",
                                     draw_season(season, language=shelf.language))  # fmt: skip
    return _show(season, told, picture)


def _judge_plan(
    plan: str, *, wind: str, wind_from: str, gust: str, temperature: str, humidity: str,
    rain: str, farm: Path | None,
) -> int:  # fmt: skip
    from agri.cli import read
    from agri.cli.show import show_weather
    from agri.errors import BadInput
    from agri.operations.mission_files import load_plan
    from agri.operations.sorties import weather_for

    if not plan:
        raise BadInput("error.weather_plan_needed")
    now = datetime.now(UTC)
    measured = read.read_weather(
        wind=wind, wind_from=wind_from, gust=gust, temperature=temperature, humidity=humidity,
        rain=rain, now=now,
    )  # fmt: skip
    assert measured is not None  # noqa: S101 - there is a wind
    found = load_plan(plan, farm)[0]
    return show_weather(found.name, weather_for(found, measured, now=now))


def _fetch(shelf: Shelf, service: str, first: date | None, last: date | None, field: str) -> None:
    """Fetch what is missing; without a net say so and go on with what is kept."""
    from agri.cli.show import complain_of
    from agri.errors import BadInput, Unreachable
    from agri.operations.weather import SERVICES, refresh

    if service not in SERVICES:
        raise BadInput("error.weather_service", service=service, known=", ".join(SERVICES))
    if shelf.farm is None:
        raise BadInput("error.weather_what_needed")
    now = datetime.now(UTC)
    stop = last or now.date()
    place = field_needed(shelf, field).frame.origin
    try:
        refresh(shelf.farm.folder, service, place,  # type: ignore[arg-type]
                first or stop - timedelta(days=365), stop, now=now)  # fmt: skip
    except Unreachable as error:
        complain_of(error)


def _show(season: Season, told: tuple[Finding, ...], picture: Path) -> int:
    from agri.cli.show import local_number, show_table
    from agri.cli.show_maps import show_products
    from agri.operations.season import months

    def cell(value: float, spec: str) -> str:
        return "–" if math.isnan(value) else local_number(value, spec)

    rows = [
        (one.name, str(one.known), cell(one.low_c, ".1f"), cell(one.high_c, ".1f"),
         *(cell(value, ",.0f") for value in (one.rain_mm, one.degree_days, one.cold_h, one.cool_h,
                                             one.wet_h, one.et0_mm)))
        for one in months(season)
    ]  # fmt: skip
    show_table(("cli.head_month", "cli.head_known_days", "cli.head_low_c", "cli.head_high_c",
                "cli.head_rain_mm", "cli.head_degree_days", "cli.head_cold_h", "cli.head_cool_h",
                "cli.head_wet_h", "cli.head_et0"), rows)  # fmt: skip
    return show_products((), (*told, *season.findings), (picture,))
