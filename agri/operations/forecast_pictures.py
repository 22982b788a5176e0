"""Pictures of a forecast: trees on a map, the range gate by gate, and how past seasons went.

Colours are told apart by everybody (viridis, and the set of Okabe and Ito); what the model has seen
nothing like is ringed, and never only coloured.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agri.words import Language, day_text, say
from models.validation import BASELINES, Comparison
from models.yields.forecasting import GateForecast
from models.yields.gates import Gate
from models.yields.hindcast import Told

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FloatArray = NDArray[np.float64]
PARTS = {"flowering": "#CC79A7", "pattern": "#56B4E9", "level": "#E69F00"}
ORANGE, BLUE, GREEN, GREY = "#D55E00", "#0072B2", "#009E73", "#777777"


def draw_tree_map(
    xy_m: FloatArray, forecast: GateForecast, *, name: str, language: Language
) -> bytes:
    """Return a PNG: what is expected of every tree, those unlike any known ringed.

    Parameters
    ----------
    xy_m : (N, 2) float64
        Places, metres.
    forecast : GateForecast
    name : str
        Of the field.
    language : {"vi", "en"}
    """
    east, north = (xy_m - xy_m.min(axis=0)).T
    tall = float(np.clip(np.ptp(north) / max(float(np.ptp(east)), 1.0), 0.5, 1.4))
    figure = _figure(8.0, 1.9 + 6.0 * tall)
    axes = figure.subplots()
    size = 5000.0 / max(float(np.sqrt(len(xy_m))) ** 1.6, 20.0)
    drawn = axes.scatter(east, north, c=forecast.trees.kg, s=size, cmap="viridis", linewidths=0.0)
    bar = figure.colorbar(drawn, ax=axes, shrink=0.75)
    bar.set_label(say("page.forecast_kg_tree", language))
    strange = np.zeros(len(xy_m), dtype=bool)
    if forecast.novelty is not None:
        strange = forecast.novelty.dissimilarity > forecast.novelty.limit
    if strange.any():
        axes.scatter(east[strange], north[strange], s=1.7 * size, facecolors="none",
                     edgecolors=ORANGE, linewidths=1.6,
                     label=say("page.forecast_strange", language,
                               count=int(strange.sum())))  # fmt: skip
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.09), frameon=False, fontsize=9)
    axes.set_aspect("equal")
    axes.set_xlabel(say("page.sample_axes", language), fontsize=9)
    _plain(axes)
    total = forecast.total
    _title(figure, say("page.forecast_map_title", language, name=name, season=forecast.season,
                       kg=total.p50, low=total.p10, high=total.p90))  # fmt: skip
    return _png(figure)


def draw_gates(
    gates: Sequence[GateForecast], days: Sequence[date], *, name: str, language: Language
) -> bytes:
    """Return a PNG: the range at each gate that has come, and where its error comes from."""
    figure = _figure(9.0, 7.0)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    for one in gates:
        total, at = one.total, int(one.gate)
        above.plot([at, at], [total.p10, total.p90], lw=16, color=BLUE, alpha=0.3,
                   solid_capstyle="butt")  # fmt: skip
        above.plot([at], [total.p50], "o", color=BLUE, ms=9)
        above.annotate(say("page.forecast_gate_range", language, kg=total.p50, low=total.p10,
                           high=total.p90), (at, total.p50), xytext=(13, 0), va="center",
                       textcoords="offset points", fontsize=8.5)  # fmt: skip
    for part, colour in PARTS.items():
        side = list(PARTS).index(part) - 1
        values = [getattr(one.error, f"{part}_kg") for one in gates]
        below.bar([int(one.gate) + 0.22 * side for one in gates], values, width=0.2, color=colour,
                  label=say(f"page.forecast_part_{part}", language))  # fmt: skip
    below.set_ylim(0.0, 1.3 * max(max(one.error.flowering_kg, one.error.pattern_kg,
                                      one.error.level_kg) for one in gates))  # fmt: skip
    below.legend(frameon=False, fontsize=9, ncols=3, loc="upper right")
    below.set_ylabel(say("page.forecast_error_axis", language), fontsize=9)
    above.set_ylabel(say("page.forecast_field_axis", language), fontsize=9)
    top = max(one.total.p90 for one in gates)
    above.set_ylim(0.0, 1.08 * top)
    labels = [f"{say(f'page.gate_{int(gate)}', language)}\n{day_text(day, language)}"
              for gate, day in zip(Gate, days, strict=True)]  # fmt: skip
    below.set_xticks([int(gate) for gate in Gate], labels, fontsize=8.5)
    below.set_xlim(0.5, 6.0)
    for axes in (above, below):
        _plain(axes)
        axes.grid(axis="y", alpha=0.3)
    title = say("page.forecast_gates_title", language, name=name, season=gates[-1].season)
    _title(figure, title)
    return _png(figure)


def draw_check(
    done: Comparison, true: FloatArray, told: Sequence[Told], *, name: str, language: Language
) -> bytes:
    """Return a PNG: predicted against observed by split, and whether intervals held by season.

    Parameters
    ----------
    done : Comparison
    true : (R,) float64
        What the compared records bore.
    told : sequence of Told
        Past seasons as they would have been forecast.
    name : str
        Of the field.
    language : {"vi", "en"}
    """
    scores = [one for one in done.scores if one.model not in BASELINES]
    figure = _figure(11.0, 7.2)
    grid = figure.add_gridspec(2, max(len(scores), 2))
    top = float(np.nanquantile(true, 0.995)) * 1.05
    for at, one in enumerate(scores):
        axes = figure.add_subplot(grid[0, at])
        headline = one.split is done.deployment
        axes.scatter(one.predicted, true, s=5, color=ORANGE if headline else GREY, alpha=0.35,
                     linewidths=0.0)  # fmt: skip
        axes.plot([0, top], [0, top], color="black", lw=0.8)
        axes.set_xlim(0, top)
        axes.set_ylim(0, top)
        axes.set_title(say("page.forecast_split", language, r2=one.r2, rmse=one.rmse,
                           split=say(f"page.split_{one.split}", language)), fontsize=9,
                       fontweight="bold" if headline else "normal")  # fmt: skip
        axes.set_xlabel(say("page.forecast_said", language), fontsize=8.5)
        if at == 0:
            axes.set_ylabel(say("page.forecast_bore", language), fontsize=8.5)
        _plain(axes)
    _draw_coverage(figure.add_subplot(grid[1, 0:2]), told, language)
    if len(scores) > 2:
        _draw_fields(figure.add_subplot(grid[1, 2:]), told, language)
    _title(figure, say("page.forecast_check_title", language, name=name))
    return _png(figure)


def _draw_coverage(axes: Axes, told: Sequence[Told], language: Language) -> None:
    """Draw the share of trees inside nominal intervals, against what was promised."""
    promised = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
    for gate, colour in ((Gate.INDUCTION, GREEN), (Gate.HARVEST, BLUE)):
        here = [one for one in told if one.forecast.gate is gate]
        held = [np.mean([found.share for one in here if (found := one.trees_held(float(level)))])
                for level in promised]  # fmt: skip
        axes.plot(100 * promised, 100 * np.array(held), "o-", color=colour,
                  label=say(f"page.gate_{int(gate)}", language))  # fmt: skip
    axes.plot([50, 95], [50, 95], color="black", lw=0.8)
    axes.set_xlabel(say("page.forecast_promised", language), fontsize=9)
    axes.set_ylabel(say("page.forecast_held", language), fontsize=9)
    axes.legend(frameon=False, fontsize=8.5)
    _plain(axes)


def _draw_fields(axes: Axes, told: Sequence[Told], language: Language) -> None:
    """Draw each past season's range before the harvest, and what the field gave."""
    here = [one for one in told if one.forecast.gate is Gate.HARVEST]
    for one in here:
        scale = one.said_kg / one.forecast.kg if one.forecast.kg > 0 else 1.0
        low, high = (scale * one.forecast.field_quantile(share) for share in (0.05, 0.95))
        axes.plot([one.forecast.season] * 2, [low, high], lw=12, color=BLUE, alpha=0.3,
                  solid_capstyle="butt")  # fmt: skip
        axes.plot([one.forecast.season], [one.field_kg], "D", color=ORANGE, ms=7)
    axes.set_xticks([one.forecast.season for one in here])
    axes.set_ylim(bottom=0.0)
    axes.set_xlabel(say("page.forecast_fields", language), fontsize=9)
    axes.set_ylabel(say("page.forecast_field_axis", language), fontsize=9)
    _plain(axes)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _plain(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=8.5)


def _title(figure: Figure, text: str) -> None:
    figure.suptitle(text, fontsize=12.5, fontweight="bold", x=0.01, ha="left")


def _png(figure: Figure) -> bytes:
    png = io.BytesIO()
    told: dict[str, Any] = {"Software": "agri"}
    figure.savefig(png, format="png", metadata=told)
    return png.getvalue()
