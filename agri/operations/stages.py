"""The stages of a crop's season, from a card and a weather series, as a table and a picture.

Theory of operation. A series from a station or a service holds this season's days and those of past
years alike. It is checked and its short gaps closed; what stays open parts it into pieces without
gaps. The piece that reaches into the season is what was measured so far; all pieces together are
the past years that stand for the weather to come (`models.phenology`). Days after the day that is
asked about count as not yet measured, so a past season can be looked at as it was seen then.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from agri.crop import CropCard
from agri.errors import BadInput
from agri.findings import Finding
from agri.operations.picture import days_below
from agri.weather.filling import fill
from agri.weather.quality import checked, runs
from agri.weather.series import Days, Hours, days_from_hours
from agri.words import Language, Message, say
from models.phenology.clock import clock_from
from models.phenology.induction import (
    InductionOutlook,
    induction_from,
    induction_outlook,
    winter_before,
)
from models.phenology.season import (
    LONGER,
    FloweringIndex,
    SeasonOutlook,
    Seen,
    Window,
    season_outlook,
)
from models.phenology.temperatures import Temperatures, ensemble

TEMPERATURES = ("", "page.weather_low_c", "page.weather_high_c", "page.weather_temperature_c")
"""Columns whose gaps and faults matter here; "" stands for the whole table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRow:
    """One stage of a season.

    Parameters
    ----------
    bbch : int
        Its number.
    name_vi, name_en : str
        Its name.
    window : Window or None
        When it begins; None when the weather that may come ends before.
    chance : float
        Of standing at it on the day asked about.
    """

    bbch: int
    name_vi: str
    name_en: str
    window: Window | None
    chance: float

    def name(self, language: Language) -> str:
        """Return its name in `language`."""
        return self.name_vi if language == "vi" else self.name_en


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StageReport:
    """Where a crop stands in its season, and what is to come.

    Parameters
    ----------
    card : CropCard
        Of the crop.
    year : int
        In which its first stage lies.
    day : date
        That it is told for.
    outlook : SeasonOutlook
        The dates.
    rows : tuple of StageRow
        One for each stage, in order.
    not_begun : float
        Chance that the season has not begun on the day.
    induction : InductionOutlook or None
        How the trees will flower, for crops that need a cool winter.
    findings : tuple of Finding
        What all this leans on.
    """

    card: CropCard
    year: int
    day: date
    outlook: SeasonOutlook
    rows: tuple[StageRow, ...]
    not_begun: float
    induction: InductionOutlook | None
    findings: tuple[Finding, ...]


def season_year(card: CropCard, day: date) -> int:
    """Return the year of the season that a day belongs to: the first whose harvest is not past.

    Examples
    --------
    >>> from agri.crop_cards import crop_card
    >>> season_year(crop_card("vai_ph40"), date(2026, 3, 1))
    2026
    >>> season_year(crop_card("vai_ph40"), date(2026, 11, 22))
    2027
    """
    length = timedelta(days=LONGER * clock_from(card).length_days)
    first = card.number("first_stage")
    return next(y for y in range(day.year - 1, day.year + 3) if first.day(y) + length >= day)


def stages_of(
    card: CropCard,
    weather: Hours | Days,
    *,
    day: date,
    year: int | None = None,
    began: date | None = None,
    seen: Sequence[Seen | FloweringIndex] = (),
    flush_share: float | None = None,
) -> StageReport:
    """Return the stages of a season.

    Parameters
    ----------
    card : CropCard
        With stages and a base temperature.
    weather : Hours or Days
        Of the place: this season's days and past years.
    day : date
        Days after it are not looked at.
    year : int, optional
        In which the first stage lies; by default that of the season `day` belongs to.
    began : date, optional
        When the first stage began; for rice the day of planting.
    seen : sequence of Seen or FloweringIndex
        What was seen.
    flush_share : float, optional
        Share of shoots seen flushing in the winter, 0 to 1.

    Raises
    ------
    BadInput
        When the card lacks a number, or the weather does not hold enough years.
    """
    pieces, told = _pieces(weather, day)
    year = began.year if began is not None else year or season_year(card, day)
    anchor = began or card.number("first_stage").day(year)
    so_far = next((one for one in reversed(pieces) if one.first <= anchor <= one.last), None)
    outlook = season_outlook(card, year, pieces, so_far=so_far, first_stage=began, seen=seen)
    chances = dict(outlook.chances(day))
    rows = tuple(
        StageRow(
            bbch=stage, name_vi=card.stage(stage).name_vi, name_en=card.stage(stage).name_en,
            window=_window(outlook, stage), chance=chances[stage],
        )
        for stage in outlook.stages
    )  # fmt: skip
    induction = _induction(card, pieces, year, flush_share)
    led = () if induction is None else induction.findings
    findings = tuple(dict.fromkeys((*told, *outlook.findings, *led)))
    return StageReport(card=card, year=year, day=day, outlook=outlook, rows=rows,
                       not_begun=chances[-1], induction=induction, findings=findings)  # fmt: skip


def _pieces(weather: Hours | Days, day: date) -> tuple[list[Temperatures], list[Finding]]:
    """Return the stretches without gaps up to a day, and what was filled or left open."""
    if isinstance(weather, Hours):
        hours, findings = checked(weather)
        days = days_from_hours(hours)
    else:
        days, findings = checked(weather)
    if days.first > day:
        raise BadInput("error.stage_weather_later", first=days.first,
                       day=day)  # fmt: skip
    days, told = fill(days.between(None, day))
    known = np.isfinite(days.low_c) & np.isfinite(days.high_c)
    pieces = [
        Temperatures.from_days(days.between(days.first + timedelta(days=start),
                                            days.first + timedelta(days=start + count - 1)))
        for start, count in runs(known)
    ]  # fmt: skip
    if not pieces:
        raise BadInput("error.stage_no_weather")
    return pieces, of_temperature([*findings, *told])


def of_temperature(findings: Sequence[Finding]) -> list[Finding]:
    """Return those findings on a weather series that are of its temperatures, or of all of it."""
    return [one for one in findings if _column(one) in TEMPERATURES]


def _column(finding: Finding) -> str:
    column = dict(finding.message.values).get("column")
    return column.key if isinstance(column, Message) else ""


def _window(outlook: SeasonOutlook, stage: int) -> Window | None:
    try:
        return outlook.when(stage)
    except BadInput:
        return None


def _induction(
    card: CropCard, pieces: Sequence[Temperatures], year: int, flush_share: float | None
) -> InductionOutlook | None:
    """Return how the trees will flower; None for crops without, and where no winter is known."""
    if not card.has("cool_days_needed"):
        return None
    first, last = winter_before(year)
    so_far = next((one for one in reversed(pieces) if one.first <= first <= one.last), None)
    winters = ensemble(so_far, pieces, first, last)
    return induction_outlook(induction_from(card), winters, flush_share=flush_share)


def draw_stages(report: StageReport, *, place: str = "", language: Language) -> bytes:
    """Return a PNG of a season: one bar for each stage from P10 to P90, and the day."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [row for row in report.rows if row.window is not None]
    if not rows:
        raise BadInput("error.stage_no_dates")
    figure = Figure(figsize=(9.0, 1.6 + 0.52 * len(rows)), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    last = rows[-1].bbch
    for at, row in enumerate(rows):
        window = row.window
        assert window is not None  # noqa: S101 - the others were left out
        colour = "#D55E00" if row.bbch == last else "#009E73"
        axes.plot([_at(window.p10), _at(window.p90)], [at, at], color=colour, lw=9.0, alpha=0.4,
                  solid_capstyle="butt")  # fmt: skip
        axes.plot([_at(window.p50)], [at], "o", color=colour, ms=8.0)
        axes.annotate(f"{window.p50:%d/%m}", (_at(window.p90), at), xytext=(6, 0), fontsize=10,
                      textcoords="offset points", va="center", fontweight="bold")  # fmt: skip
    axes.axvline(_at(report.day), color="#0072B2", lw=2.0, ls="--")
    axes.annotate(say("page.stage_day", language, day=report.day),
                  (_at(report.day), len(rows) - 0.4), color="#0072B2", fontsize=9,
                  xytext=(4, 0), textcoords="offset points")  # fmt: skip
    axes.set_yticks(range(len(rows)), [row.name(language) for row in rows], fontsize=10)
    axes.set_ylim(len(rows) - 0.2, -0.8)
    axes.margins(x=0.12)
    days_below(axes, "%d/%m/%y")
    axes.grid(axis="x", alpha=0.3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    name = report.card.name(language)
    title = say("page.stage_title", language, crop=name, year=report.year)
    figure.suptitle(f"{title} · {place}" if place else title, fontsize=13, fontweight="bold",
                    x=0.01, ha="left")  # fmt: skip
    note = say("page.stage_note", language).replace(". ", ".\n")
    figure.supxlabel(note, fontsize=9, x=0.01, ha="left")
    png = io.BytesIO()
    figure.savefig(png, format="png", metadata={"Software": "agri"})
    return png.getvalue()


def _at(day: date) -> float:
    """Return a day as pictures count them: since 1970."""
    return float((day - date(1970, 1, 1)).days)
