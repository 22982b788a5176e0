"""The quick look (PNG) beside every raster product: map, legend, scale bar, north arrow.

An index map is read by its colours, so they are chosen to be told apart by everybody: one ramp
from brown over white to green for how green a crop is, viridis for amounts, a ramp with a pale
middle for change. The legend's ends are the 2nd and the 98th percentile of what is shown, or what
the caller knows, and values beyond them keep the end's colour: one bright roof must not make a
field look all the same. Where there is no value nothing is drawn.

The map is drawn in the raster's own CRS; where that is in degrees the scale bar and the shape are
those of its middle latitude. The same raster gives the same bytes.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from agri.geo import projected
from agri.grid import Grid
from agri.operations.layers import Layer
from agri.operations.picture import draw_layer, layer_legend, round_length
from agri.words import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Ramp = Literal["green", "amount", "change", "height"]
RAMPS: dict[Ramp, str] = {
    "green": "BrBG", "amount": "viridis", "change": "PuOr", "height": "cividis",
}  # fmt: skip
"""Matplotlib's names, each safe for eyes that mix up red and green."""
ZONES = ("#440154", "#31688E", "#35B779", "#FDE725", "#D55E00", "#CC79A7", "#6B6B6B", "#56B4E9")
"""Colours of classes, the first ones from viridis: lighter is more."""
ENDS_PCT = (2.0, 98.0)
METRES_PER_DEGREE = 111_320.0
WIDTH_PX = 1155
"""Of every picture, however large on paper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a raster is to be shown.

    Parameters
    ----------
    title : str
        Heading.
    legend : str
        What the values are, with their unit.
    ramp : {"green", "amount", "change", "height"}
        Colours.
    ends : (float, float), optional
        Values at the legend's ends; by default percentiles of what is shown. The middle of
        "change" is always zero.
    classes : mapping of int to str, optional
        Names of classes, for rasters that hold numbers of classes and no amounts.
    colours : sequence of str
        Of the classes, in order.
    facts : sequence of (str, str)
        Label and value, written below the map.
    size_in : (float, float)
        Width and height on paper, inches; letters are as large on every size.
    """

    title: str
    legend: str
    ramp: Ramp = "green"
    ends: tuple[float, float] | None = None
    classes: Mapping[int, str] | None = None
    colours: Sequence[str] = ZONES
    facts: Sequence[tuple[str, str]] = ()
    size_in: tuple[float, float] = (10.5, 8.0)


def draw_quicklook(
    grid: Grid, look: Look, *, layers: Sequence[Layer] = (), language: Language
) -> bytes:
    """Return a PNG of a raster with legend, scale bar and north arrow.

    Parameters
    ----------
    grid : Grid
        Values, NaN where there is none.
    look : Look
        Title, colours, facts.
    layers : sequence of Layer
        Outlines and points over it, WGS 84.
    language : {"vi", "en"}
        Of the layers' legend.

    Returns
    -------
    bytes
        The PNG file.
    """
    figure, axes = _sheet(look)
    _show_values(figure, axes, grid, look, language)
    _around(axes, grid, layers, language)
    return _finished(figure, axes, look)


def draw_photo_map(
    picture: NDArray[np.uint8],
    grid: Grid,
    look: Look,
    *,
    layers: Sequence[Layer] = (),
    language: Language,
) -> bytes:
    """Return a PNG of a picture that lies on the earth: a mosaic, an orthomosaic.

    Parameters
    ----------
    picture : (H, W, 4) uint8
        Red, green, blue, opacity.
    grid : Grid
        Where it lies; its values are not shown.
    look : Look
        Title and facts.
    layers, language
        As in `draw_quicklook`.
    """
    figure, axes = _sheet(look)
    axes.imshow(picture, extent=(0, grid.shape[1], grid.shape[0], 0), transform=_placed(axes, grid))
    _around(axes, grid, layers, language)
    return _finished(figure, axes, look)


def _sheet(look: Look) -> tuple[Figure, Axes]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    dpi = round(WIDTH_PX / look.size_in[0])
    figure = Figure(figsize=look.size_in, dpi=dpi, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _placed(axes: Axes, grid: Grid) -> Any:
    """Return the way from columns and rows to the sheet, by the raster's six numbers."""
    from matplotlib.transforms import Affine2D

    a, b, c, d, e, f = grid.affine
    return Affine2D(np.array([[a, b, c], [d, e, f], [0.0, 0.0, 1.0]])) + axes.transData


def _show_values(figure: Figure, axes: Axes, grid: Grid, look: Look, language: Language) -> None:
    from matplotlib.colors import BoundaryNorm, ListedColormap, Normalize
    from matplotlib.patches import Patch
    from matplotlib.ticker import FuncFormatter

    values = np.ma.masked_invalid(grid.values)
    placed = _placed(axes, grid)
    extent = (0, grid.shape[1], grid.shape[0], 0)
    if look.classes is not None:
        numbers = sorted(look.classes)
        colours = [look.colours[k % len(look.colours)] for k in range(len(numbers))]
        edges = [*(n - 0.5 for n in numbers), numbers[-1] + 0.5]
        axes.imshow(values, cmap=ListedColormap(colours), norm=BoundaryNorm(edges, len(numbers)),
                    extent=extent, transform=placed, interpolation="nearest")  # fmt: skip
        handles = [
            Patch(facecolor=colour, label=look.classes[number])
            for number, colour in zip(numbers, colours, strict=True)
        ]
        figure.legend(handles=handles, title=look.legend, loc="outside right center",
                      frameon=False, fontsize=10)  # fmt: skip
        return
    low, high = _ends(values, look)
    shown = axes.imshow(values, cmap=RAMPS[look.ramp], norm=Normalize(low, high), extent=extent,
                        transform=placed, interpolation="nearest")  # fmt: skip
    beyond = ("min" if values.min() < low else "", "max" if values.max() > high else "")
    extend = {("min", "max"): "both", ("min", ""): "min", ("", "max"): "max"}.get(beyond, "neither")
    marks = FuncFormatter(lambda value, _: _number(value, language))
    figure.colorbar(shown, ax=axes, shrink=0.75, label=look.legend, extend=extend, format=marks)


def _number(value: float, language: Language) -> str:
    text = f"{round(value, 6):g}".replace("-", "−")
    return text.replace(".", ",") if language == "vi" else text


def _ends(values: Any, look: Look) -> tuple[float, float]:
    """Return the values at the legend's ends, never the same."""
    if look.ends is not None:
        low, high = look.ends
    else:
        known = values.compressed()
        low, high = map(float, np.percentile(known, ENDS_PCT)) if known.size else (0.0, 1.0)
    if look.ramp == "change":
        high = max(abs(low), abs(high))
        low = -high
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    return low, high


def _around(axes: Axes, grid: Grid, layers: Sequence[Layer], language: Language) -> None:
    """Draw what lies over the raster, and what tells its size and where north is."""
    west, south, east, north = _bounds(grid)
    axes.set(xlim=(west, east), ylim=(south, north), xticks=[], yticks=[])
    for layer in layers:
        draw_layer(axes, layer, projected(layer.geometry, 4326, grid.epsg))
    axes.set(xlim=(west, east), ylim=(south, north))
    across_m = _metres_per_unit(grid, 0.5 * (south + north))
    axes.set_aspect(1.0 if across_m == 1.0 else METRES_PER_DEGREE / across_m)
    _scale_and_north(axes, across_m)
    if layers:
        layer_legend(axes, layers, language, below=True)


def _finished(figure: Figure, axes: Axes, look: Look) -> bytes:
    axes.set_title(look.title, fontsize=14, fontweight="bold", loc="left")
    if look.facts:
        text = "\n".join(f"{label}: {value}" for label, value in look.facts)
        figure.supxlabel(text, fontsize=10, ha="left", x=0.02)
    png = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # an emoji in a name is drawn as a box
        figure.savefig(png, format="png", metadata={"Software": "agri"})
    return png.getvalue()


def _bounds(grid: Grid) -> tuple[float, float, float, float]:
    a, b, c, d, e, f = grid.affine
    rows, columns = grid.shape
    corners = np.array([(0, 0), (columns, 0), (0, rows), (columns, rows)], dtype=float)
    x = a * corners[:, 0] + b * corners[:, 1] + c
    y = d * corners[:, 0] + e * corners[:, 1] + f
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def _metres_per_unit(grid: Grid, middle_y: float) -> float:
    """Return how many metres one unit of the raster's x axis is."""
    crs = CRS.from_epsg(grid.epsg)
    if crs.is_geographic:
        return METRES_PER_DEGREE * math.cos(math.radians(middle_y))
    return float(crs.axis_info[0].unit_conversion_factor)


def _scale_and_north(axes: Axes, unit_m: float) -> None:
    """Draw the scale bar, and the arrow to the north, which is up on the sheet."""
    west, east = axes.get_xlim()
    south, north = axes.get_ylim()
    bar_m = round_length((east - west) * unit_m / 4.0)
    left, low = west + (east - west) * 0.03, south + (north - south) * 0.03
    right = left + bar_m / unit_m
    for colour, width in (("white", 6.0), ("black", 3.0)):
        axes.plot([left, right], [low, low], color=colour, linewidth=width, solid_capstyle="butt")
    box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "alpha": 0.8, "linewidth": 0}
    axes.annotate(f"{bar_m:g} m", ((left + right) / 2.0, low), xytext=(0, 6), fontsize=9,
                  ha="center", textcoords="offset points", bbox=box)  # fmt: skip
    axes.annotate("B / N", (0.97, 0.975), (0.97, 0.86), xycoords="axes fraction", ha="center",
                  va="top", fontsize=9, bbox=box,
                  arrowprops={"arrowstyle": "-|>", "color": "black", "linewidth": 1.5})  # fmt: skip
