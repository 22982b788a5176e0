"""The season of a crop: where it stands, and what is to come."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from agri.cli.shelf import FieldOption, OutOption, field_asked, open_shelf, weather_known
from agri.cli.speech import language
from agri.cli.tree import FarmOption, app

if TYPE_CHECKING:
    from agri.crop import CropCard
    from agri.findings import Finding
    from agri.operations.stages import StageReport
    from models.phenology.season import FloweringIndex, Seen


@app.command(help="cli.help.stage")
def stage(
    crop: Annotated[str, Argument(help="cli.help.stage_crop", show_default=False)] = "",
    weather: Annotated[
        Path | None, Option(help="cli.help.stage_weather", show_default=False)
    ] = None,
    station: Annotated[str, Option(help="cli.help.station", show_default=False)] = "",
    began: Annotated[str, Option(help="cli.help.stage_began", show_default=False)] = "",
    seen: Annotated[list[str], Option(help="cli.help.stage_seen", show_default=False)] = [],  # noqa: B006
    blooming: Annotated[list[str], Option(help="cli.help.stage_bloom", show_default=False)] = [],  # noqa: B006
    fading: Annotated[list[str], Option(help="cli.help.stage_fading", show_default=False)] = [],  # noqa: B006
    flush: Annotated[str, Option(help="cli.help.stage_flush", show_default=False)] = "",
    day: Annotated[str, Option(help="cli.help.stage_day", show_default=False)] = "",
    field: FieldOption = "",
    out: OutOption = None,
    farm: FarmOption = None,
) -> int:
    """Tell the stages of a crop's season and its harvest window."""
    from agri.amounts import read_day
    from agri.operations.stages import draw_stages, stages_of
    from agri.units import INDOCHINA_TIME

    today = read_day(day, name="--day") if day else datetime.now(INDOCHINA_TIME).date()
    start = read_day(began, name="--began") if began else None
    notes: list[Seen | FloweringIndex] = [*_stages_seen(seen)]
    notes += [*_bloom(blooming, rising=True), *_bloom(fading, rising=False)]
    with open_shelf(out, farm) as shelf:
        place = field_asked(shelf, field)
        card = card_named(crop or (place.crop if place is not None else ""))
        series, told = weather_known(weather, shelf, station=station)
        report = stages_of(card, series, day=today, began=start, seen=notes,
                           flush_share=_share(flush, "--flush") if flush else None)  # fmt: skip
        png = draw_stages(report, place=place.name if place else "", language=shelf.language)
        picture = shelf.keep_picture(card.id, "stages", png)
    return _show(report, told, picture)


@app.command("sample-trees", help="cli.help.sample_trees")
def sample_trees_command(
    register: Annotated[Path, Argument(help="cli.help.sample_register", show_default=False)],
    counts: Annotated[
        Path | None, Option(help="cli.help.sample_counts", show_default=False)
    ] = None,
    spread: Annotated[str, Option(help="cli.help.sample_spread", show_default=False)] = "",
    error: Annotated[str, Option(help="cli.help.sample_error")] = "15%",
    trees: Annotated[int | None, Option(help="cli.help.sample_trees_n", show_default=False)] = None,
    seed: Annotated[int, Option(help="cli.help.sample_seed")] = 0,
    out: OutOption = None,
    farm: FarmOption = None,
) -> int:
    """Choose the trees to count."""
    from agri.cli.show import show_table
    from agri.cli.show_maps import MOST_ROWS, show_products
    from agri.operations.counting import sample_trees, spread_of

    counted = spread_of(counts, _share(spread, "--spread") if spread else None)
    with open_shelf(out, farm) as shelf:
        found = sample_trees(register, shelf, counted=counted, target=_share(error, "--error"),
                             trees=trees, seed=seed)  # fmt: skip
    rows = [(str(number), tree.name, f"{tree.lat_deg:.6f}, {tree.lon_deg:.6f}")
            for number, tree in enumerate(found.trees[:MOST_ROWS], 1)]  # fmt: skip
    show_table(("cli.head_walk", "cli.head_tree", "cli.head_place"), rows)
    return show_products(found.facts, found.findings, found.files)


def card_named(crop: str) -> CropCard:
    """Return the card of that name, or of the user's own file."""
    from agri.crop_cards import crop_card, crop_cards, read_crop_card
    from agri.errors import BadInput

    if not crop:
        raise BadInput("error.stage_crop_needed", known=", ".join(c.id for c in crop_cards()))
    return read_crop_card(Path(crop)) if crop.endswith(".toml") else crop_card(crop)


def _stages_seen(texts: list[str]) -> list[Seen]:
    from agri.amounts import read_day
    from agri.errors import BadInput
    from models.phenology.season import Seen

    found = []
    for text in texts:
        number, sign, when = text.partition("=")
        if not sign or not number.strip().isdecimal():
            raise BadInput("error.stage_seen", value=text[:40])
        found.append(Seen(bbch=int(number), day=read_day(when.strip(), name="--seen")))
    return found


def _bloom(texts: list[str], *, rising: bool) -> list[FloweringIndex]:
    from agri.amounts import read_day
    from agri.errors import BadInput
    from models.phenology.season import FloweringIndex

    name = "--blooming" if rising else "--fading"
    found = []
    for text in texts:
        when, sign, share = text.partition("=")
        if not sign:
            raise BadInput("error.stage_bloom", name=name, value=text[:40])
        found.append(FloweringIndex(day=read_day(when.strip(), name=name), rising=rising,
                                    in_bloom=_share(share, name)))  # fmt: skip
    return found


def _share(text: str, name: str) -> float:
    """Read a share: 0.4 or 40 %."""
    from agri.cli.read import read_number

    plain = text.strip()
    if plain.endswith("%"):
        return read_number(plain[:-1].strip(), name=name) / 100.0
    return read_number(plain, name=name)


def _show(report: StageReport, of_table: tuple[Finding, ...], picture: Path) -> int:
    from agri.cli.show import local_number, show_table, tell
    from agri.cli.show_maps import show_products
    from agri.operations.stages import of_temperature
    from agri.words import day_text

    spoken = language.get()
    rows = []
    for row in report.rows:
        window = row.window
        dates = (window.p10, window.p50, window.p90) if window else ()
        told = [day_text(day, spoken) for day in dates] or ["–"] * 3
        chance = local_number(100.0 * row.chance, ".0f")
        rows.append((str(row.bbch), row.name(spoken), *told, chance))
    show_table(("cli.head_bbch", "cli.head_stage", "cli.head_p10", "cli.head_p50", "cli.head_p90",
                "cli.head_chance_today"), rows)  # fmt: skip
    if report.not_begun > 0.01:
        tell("cli.stage_not_begun", percent=100.0 * report.not_begun, day=report.day)
    return show_products((), (*of_temperature(of_table), *report.findings), (picture,))
