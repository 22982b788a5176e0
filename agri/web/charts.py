"""Small pictures inside pages: a ramp with its numbers, a histogram, values over the dates.

Theory of operation. Pages hold no style and no script, so a chart is SVG written by the template
`charts.html.j2` from places that are reckoned here, in a box of `WIDTH` by a height. The colours of
bars are those of the map. Every chart has its figures beside it as text, for who cannot see it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from agri.operations.fieldmap.figures import Figures
from agri.operations.fieldmap.histories import History
from agri.operations.maps.tiles import Sight, colours
from agri.words import Language, day_text, say

WIDTH = 320
BARS_HEIGHT = 90
LINE_HEIGHT = 110
RAMP_STEPS = 16
TICKS = 5
MOST_DECIMALS = 3
ROUNDED = 0.05
"""Of a step between two numbers of an axis, that rounding may move them."""
SIDE = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """Colours with numbers: (x, width, colour) of steps, (x, text, anchor) of numbers."""

    steps: tuple[tuple[float, float, str], ...]
    ticks: tuple[tuple[float, str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """A histogram: (x, y, width, height, colour) of bars, (x, text, anchor) of numbers."""

    bars: tuple[tuple[float, float, float, float, str], ...]
    ticks: tuple[tuple[float, str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Values over dates: the way of the line, (x, y) of dots, words at the ends."""

    path: str
    dots: tuple[tuple[float, float], ...]
    first: str
    last: str
    high: str
    low: str


def figure(value: float, language: Language) -> str:
    """Return a value of a map as it is read here, with as many decimals as it needs."""
    if not math.isfinite(value):
        return "–"
    return say("page.web_figure_fine" if abs(value) < 100.0 else "page.web_figure", language,
               value=value)  # fmt: skip


def colour_at(sight: Sight, value: float) -> str:
    """Return the colour that a value has on the map, "" for a picture."""
    if sight.ramp is None:
        return ""
    low, high = sight.ends[0]
    share = min(max((value - low) / (high - low), 0.0), 1.0)
    red, green, blue, _ = colours(sight.ramp)[round(255 * share)].tolist()
    return f"#{red:02x}{green:02x}{blue:02x}"


def ramp_of(sight: Sight, language: Language) -> Ramp | None:
    """Return the legend of a layer, None for a picture: its ends are fixed for its index."""
    if sight.ramp is None:
        return None
    low, high = sight.ends[0]
    wide = WIDTH / RAMP_STEPS
    steps = tuple(
        (number * wide, wide + 0.5,
         colour_at(sight, low + (number + 0.5) / RAMP_STEPS * (high - low)))
        for number in range(RAMP_STEPS)
    )  # fmt: skip
    return Ramp(steps=steps, ticks=_ticks(low, high, language))


def _ticks(low: float, high: float, language: Language) -> tuple[tuple[float, str, str], ...]:
    """Return numbers below an axis, with no more decimals than tell them apart: a phone is narrow.

    Examples
    --------
    >>> [[text for _, text, _ in _ticks(*ends, "en")] for ends in ((-0.6, 0.6), (0.18, 0.9))]
    [['-0.6', '-0.3', '0.0', '0.3', '0.6'], ['0.18', '0.36', '0.54', '0.72', '0.90']]
    >>> [text for _, text, _ in _ticks(-1e-9, 400.0, "en")]
    ['0', '100', '200', '300', '400']
    """
    anchors = {0: "start", TICKS - 1: "end"}
    step = (high - low) / (TICKS - 1)
    values = [low + step * number for number in range(TICKS)]
    fine = [d for d in range(MOST_DECIMALS)
            if all(abs(round(value, d) - value) <= ROUNDED * step for value in values)]  # fmt: skip
    decimals = fine[0] if fine else MOST_DECIMALS
    return tuple(
        (WIDTH * number / (TICKS - 1),
         say("page.web_tick", language, value=round(value, decimals) + 0.0, decimals=decimals),
         anchors.get(number, "middle"))
        for number, value in enumerate(values)
    )  # fmt: skip


def bars_of(
    figures: Figures,
    sight: Sight,
    language: Language,
    *,
    span: tuple[float, float] | None = None,
) -> Bars | None:
    """Return the histogram of a layer's figures, over the values there are.

    Parameters
    ----------
    figures : Figures
        With bars.
    sight : Sight
        Of the same layer: its colours.
    language : {"vi", "en"}
        Of the numbers.
    span : (float, float), optional
        Values at both ends, so that several can be held against one another; by default this
        layer's own.
    """
    some = [number for number, ground in enumerate(figures.bars_m2) if ground > 0.0]
    if not some:
        return None
    edges, most = figures.edges, max(figures.bars_m2)
    low, high = span or (edges[some[0]], edges[some[-1] + 1])
    scale = WIDTH / ((high - low) or 1.0)
    bars = []
    for number in some:
        tall = BARS_HEIGHT * figures.bars_m2[number] / most
        left, right = edges[number], edges[number + 1]
        bars.append((round((left - low) * scale, 2), round(BARS_HEIGHT - tall, 2),
                     round((right - left) * scale, 2), round(tall, 2),
                     colour_at(sight, (left + right) / 2.0)))  # fmt: skip
    return Bars(bars=tuple(bars), ticks=_ticks(low, high, language))


def line_of(history: History, language: Language) -> Line | None:
    """Return values over the dates, None with fewer than two of them."""
    told: Sequence[tuple[date, float]] = sorted(
        (one.day, one.value) for one in history.points if one.day is not None
    )
    if len(told) < 2 or told[0][0] == told[-1][0]:
        return None
    days = [(day - told[0][0]).days for day, _ in told]
    values = [value for _, value in told]
    low, high = min(values), max(values)
    spread = (high - low) or 1.0
    dots = tuple(
        (round(SIDE + (WIDTH - 2 * SIDE) * at / days[-1], 1),
         round(SIDE + (LINE_HEIGHT - 2 * SIDE) * (1.0 - (value - low) / spread), 1))
        for at, value in zip(days, values, strict=True)
    )  # fmt: skip
    return Line(
        path=" ".join(f"{'L' if number else 'M'}{x} {y}" for number, (x, y) in enumerate(dots)),
        dots=dots, first=day_text(told[0][0], language), last=day_text(told[-1][0], language),
        high=figure(high, language), low=figure(low, language),
    )  # fmt: skip
