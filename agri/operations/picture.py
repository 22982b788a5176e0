"""The picture (PNG) that every plan and flight leaves beside its numbers.

Drawn with matplotlib in local metres, so that shapes and the scale bar are true; DejaVu Sans, which
matplotlib ships, has every Vietnamese letter. The same layers give the same bytes.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from agri.geo import LocalFrame
from agri.operations.layers import Layer
from agri.words import Language, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS_PER_PIXEL = 0.75
WIDTH_PX = 1155
"""Of every picture, however large on paper."""
SMALL_IN = 8.0
MOST_COLUMNS = 4
"""Of a legend below a map."""
LEGEND_WIDE = 0.85
"""Share of the picture's width that such a legend may take."""


def _parts(geometry: BaseGeometry) -> list[Any]:
    return list(getattr(geometry, "geoms", [geometry]))


def _draw_area(axes: Axes, part: Any, layer: Layer) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    rings = [np.asarray(ring.coords)[:, :2] for ring in (part.exterior, *part.interiors)]
    codes = [c for r in rings for c in [Path.MOVETO, *[Path.LINETO] * (len(r) - 2), Path.CLOSEPOLY]]
    outline = Path(np.concatenate(rings), codes)
    if layer.fill:
        axes.add_patch(PathPatch(outline, facecolor=layer.colour, alpha=layer.fill, linewidth=0))
    axes.add_patch(PathPatch(outline, facecolor="none", edgecolor=layer.colour, **_pen(layer)))


def _pen(layer: Layer) -> dict[str, Any]:
    width = layer.width * POINTS_PER_PIXEL
    dash = tuple(d * POINTS_PER_PIXEL / width for d in layer.dash)
    return {"linewidth": width, "linestyle": (0, dash) if dash else "-"}


def draw_layer(axes: Axes, layer: Layer, geometry: BaseGeometry) -> None:
    """Draw a layer whose geometry is given in the units of the axes."""
    for part in _parts(geometry):
        if part.geom_type == "Polygon":
            _draw_area(axes, part, layer)
        elif part.geom_type == "LineString":
            axes.plot(*np.asarray(part.coords)[:, :2].T, color=layer.colour, **_pen(layer))
        else:
            axes.plot(
                [part.x],
                [part.y],
                "o",
                markersize=layer.radius * 1.2 * POINTS_PER_PIXEL,
                markeredgecolor=layer.colour,
                markerfacecolor=layer.colour if layer.fill else "white",
            )
    if layer.label:
        spot = geometry.representative_point()
        axes.annotate(
            layer.label,
            (spot.x, spot.y),
            xytext=(0, 9),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=8,
            bbox={
                "boxstyle": "round,pad=0.15",
                "facecolor": "white",
                "alpha": 0.75,
                "linewidth": 0,
            },
        )


def layer_legend(
    axes: Axes, layers: Sequence[Layer], language: Language, *, below: bool = False
) -> None:
    """Name each kind of layer once, beside the map or below it, in columns that fit the paper."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: dict[str, Any] = {}
    for layer in layers:
        name = say(layer.key, language)
        kind = _parts(layer.geometry)[0].geom_type
        if kind == "Point":
            face = layer.colour if layer.fill else "white"
            handles[name] = Line2D(
                [], [], marker="o", linestyle="", markeredgecolor=layer.colour, markerfacecolor=face
            )
        elif kind == "Polygon":
            handles[name] = Patch(
                facecolor=(layer.colour, layer.fill), edgecolor=layer.colour, **_pen(layer)
            )
        else:
            handles[name] = Line2D([], [], color=layer.colour, **_pen(layer))
    usual: dict[str, Any] = {
        "handles": list(handles.values()), "labels": list(handles), "frameon": False, "fontsize": 9,
    }  # fmt: skip
    if not below:
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), **usual)
        return
    figure: Any = axes.figure
    for columns in range(min(MOST_COLUMNS, len(handles)), 0, -1):
        legend = axes.legend(
            loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=columns, **usual
        )
        wide = legend.get_window_extent(figure.canvas.get_renderer()).width
        if wide <= LEGEND_WIDE * figure.bbox.width:
            return


def round_length(reach_m: float) -> float:
    """Return the longest of 1, 2, 5 × 10ⁿ metres that is no more than `reach_m`.

    Examples
    --------
    >>> round_length(73.0)
    50.0
    """
    tens = 10.0 ** np.floor(np.log10(reach_m))
    return float(tens * max(step for step in (1.0, 2.0, 5.0) if step * tens <= reach_m))


def _scale_and_north(axes: Axes) -> None:
    west, east = axes.get_xlim()
    south, north = axes.get_ylim()
    bar_m = round_length((east - west) / 4.0)
    left, low = west + (east - west) * 0.03, south + (north - south) * 0.03
    axes.plot([left, left + bar_m], [low, low], color="black", linewidth=3, solid_capstyle="butt")
    axes.annotate(f"{bar_m:g} m", (left + bar_m / 2, low), xytext=(0, 5), fontsize=9, ha="center",
                  textcoords="offset points")  # fmt: skip
    axes.annotate("", (0.97, 0.98), (0.97, 0.88), xycoords="axes fraction",
                  arrowprops={"arrowstyle": "-|>", "color": "black", "linewidth": 1.5})  # fmt: skip
    axes.annotate(
        "B / N", (0.97, 0.86), xycoords="axes fraction", ha="center", va="top", fontsize=9
    )


def draw_picture(
    layers: Sequence[Layer],
    *,
    title: str,
    facts: Sequence[tuple[str, str]],
    language: Language,
    size_in: tuple[float, float] = (10.5, 7.5),
) -> bytes:
    """Return a PNG of the layers with title, facts, legend, scale bar and north arrow.

    Parameters
    ----------
    layers : sequence of Layer
        Lowest first; at least one.
    title : str
        Heading.
    facts : sequence of (str, str)
        Label and value, written below the map.
    language : {"vi", "en"}
        Language of the legend.
    size_in : (float, float)
        Width and height on paper, inches; on a smaller one than usual the legend stands below.

    Returns
    -------
    bytes
        The PNG file.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    frame = LocalFrame.around(unary_union([layer.geometry.envelope for layer in layers]))
    figure = Figure(figsize=size_in, dpi=round(WIDTH_PX / size_in[0]), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for layer in layers:
        draw_layer(axes, layer, frame.geometry_to_local(layer.geometry))
    axes.set_aspect("equal")
    axes.margins(0.05)
    axes.autoscale_view()
    axes.set(xticks=[], yticks=[])
    _scale_and_north(axes)
    layer_legend(axes, layers, language, below=size_in[0] < SMALL_IN)
    axes.set_title(title, fontsize=14, fontweight="bold", loc="left")
    half = (len(facts) + 1) // 2
    for column, rows in enumerate((facts[:half], facts[half:])):
        text = "\n".join(f"{label}: {value}" for label, value in rows)
        axes.annotate(text, (0.0, -0.02), xycoords="axes fraction", va="top", fontsize=10,
                      xytext=(330 * column, 0), textcoords="offset points")  # fmt: skip
    png = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # an emoji in a name is drawn as a box
        figure.savefig(png, format="png", metadata={"Software": "agri"})
    return png.getvalue()


def days_below(axes: Axes, form: str) -> None:
    """Write days below a picture's axis, few enough that they stand apart on six inches.

    Parameters
    ----------
    axes : Axes
        Whose horizontal axis is days.
    form : str
        Of a day, as `datetime.strftime` takes it.
    """
    from matplotlib.dates import AutoDateLocator, DateFormatter

    axes.xaxis.set_major_locator(AutoDateLocator(maxticks=7))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(DateFormatter(form))  # type: ignore[no-untyped-call]
