"""Which trees to count so that the orchard's total is known well enough, as a list to walk with.

Theory of operation. The trees are those of an orchard's register (`agri trees`). How many depends
on how unlike trees are (`models.yields.sampling.trees_needed`): measured on the farm's own counts
where there are some, else told, else `ASSUMED_SPREAD`, and then it is said. Which ones is drawn
over map and crown size, so the mean of the counted trees, each with its weight, is the orchard's.
The same register and seed give the same trees. The list is in the order of
the shortest walk (`missions.orchard.tour`).
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from agri.files import read_text_limited, write_text
from agri.findings import Finding
from agri.geo import transformer
from agri.operations.maps.shelf import Shelf
from agri.operations.maps.trees import REGISTER_BYTES
from agri.operations.report import Facts, fact
from agri.words import Language, say
from imagery.trees.passport import Passport, register_from
from missions.orchard.tour import tour
from models.yields.sampling import plan_sample, trees_needed

FloatArray = NDArray[np.float64]

ASSUMED_SPREAD = 0.75
"""Of 813 coffee trees over five years it was 0.65 to 0.89 (agridat `paez.coffee.uniformity`); no
figure for lychee was found."""
FEWEST_COUNTS = 5
COUNTS_BYTES = 5_000_000
SIZES = ("volume_m3", "area_m2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How unlike trees are.

    Parameters
    ----------
    spread : float
        Standard deviation over mean between trees.
    findings : tuple of Finding
        Where it comes from, when not from the farm.
    """

    spread: float
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToCount:
    """One tree to count.

    Parameters
    ----------
    name : str
        Its number in the orchard.
    lon_deg, lat_deg : float
        Where it stands, WGS 84.
    weight : float
        Share of the orchard it stands for.
    """

    name: str
    lon_deg: float
    lat_deg: float
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The trees to count, and the files that hold them.

    Parameters
    ----------
    trees : tuple of ToCount
        In the order to walk.
    orchard : int
        How many trees stand in the orchard.
    error : float
        Expected relative error of the orchard's mean, one standard deviation.
    facts, findings, files
        As other products.
    """

    trees: tuple[ToCount, ...]
    orchard: int
    error: float
    facts: Facts
    findings: tuple[Finding, ...]
    files: tuple[Path, ...]


def spread_of(path: Path | None, told: float | None) -> Counted:
    """Return how unlike trees are: from counts, else as told, else as assumed.

    Parameters
    ----------
    path : Path or None
        A CSV of counts with a heading, one tree a line, the count in its last column.
    told : float or None
        Standard deviation over mean, 0.6 = 60 %.

    Raises
    ------
    BadInput
        When the file holds fewer than five counts, a negative one, or nothing but zeros.
    """
    if path is None:
        if told is not None:
            return Counted(spread=told)
        assumed = Finding.warning("finding.sample_spread_assumed", percent=100.0 * ASSUMED_SPREAD)
        return Counted(spread=ASSUMED_SPREAD, findings=(assumed,))
    counts = np.array(_counts(path))
    if len(counts) < FEWEST_COUNTS or not counts.mean() > 0.0:
        raise BadInput("error.sample_counts", name=path.name, count=len(counts),
                       least=FEWEST_COUNTS)  # fmt: skip
    spread = float(counts.std(ddof=1) / counts.mean())
    return Counted(spread=max(spread, 0.01))


def _counts(path: Path) -> list[float]:
    rows = list(csv.reader(io.StringIO(read_text_limited(path, limit_bytes=COUNTS_BYTES))))
    found = []
    for number, row in enumerate(rows[1:], 2):
        text = row[-1].strip() if row else ""
        if not text:
            continue
        try:
            value = float(text.replace(",", "."))
        except ValueError:
            value = math.nan
        if not 0.0 <= value < 1e6:
            raise BadInput("error.sample_count", name=path.name, line=number, value=text[:40])
        found.append(value)
    return found


def sample_trees(
    register: Path,
    shelf: Shelf,
    *,
    counted: Counted,
    target: float = 0.15,
    trees: int | None = None,
    seed: int = 0,
) -> Sample:
    """Choose the trees to count, and write the list and a map.

    Parameters
    ----------
    register : Path
        ``…-trees.json`` of an orchard.
    shelf : Shelf
        Where list and map go.
    counted : Counted
        From `spread_of`.
    target : float
        Wanted relative error of the mean, one standard deviation.
    trees : int, optional
        How many to count, whatever the target.
    seed : int
        Another one draws other trees.

    Raises
    ------
    BadInput
        When no tree stands in the register, or more are asked for than stand.
    """
    book = register_from(read_text_limited(register, limit_bytes=REGISTER_BYTES))
    standing = [one for one in book.passports if one.stands]
    if not standing:
        raise BadInput("error.sample_no_trees", name=register.name)
    spots = np.array([one.visits[-1].middle for one in standing], dtype=np.float64)
    wanted = trees if trees is not None else trees_needed(counted.spread, target, len(standing))
    drawn = plan_sample(spots, _sizes(standing), wanted, np.random.default_rng(seed))
    chosen = spots[drawn.tree]
    lon, lat = transformer(book.epsg, 4326).transform(*chosen.T)
    found = [
        ToCount(name=standing[k].name, lon_deg=float(x), lat_deg=float(y), weight=float(weight))
        for k, x, y, weight in zip(drawn.tree, lon, lat, drawn.weight, strict=True)
    ]
    order = tour(chosen)
    walk = tuple(found[k] for k in order)
    error = counted.spread / math.sqrt(wanted) * math.sqrt(1.0 - wanted / len(standing))
    facts: Facts = []
    fact(facts, shelf.language, "page.fact_sample_trees", count=wanted, orchard=len(standing))
    fact(facts, shelf.language, "page.fact_sample_error", percent=100.0 * error)
    path = shelf.place(register.name, "count", ".csv")
    write_text(path, _csv(walk, shelf.language))
    png = _draw(spots, walk, chosen[order], name=register.stem, language=shelf.language)
    return Sample(trees=walk, orchard=len(standing), error=error, facts=facts,
                  findings=counted.findings,
                  files=(path, shelf.keep_picture(register.name, "count", png)))  # fmt: skip


def _sizes(standing: Sequence[Passport]) -> FloatArray:
    """Return the size of each crown: its volume, where no height is known its area."""
    found = np.array([[getattr(one.visits[-1], name) for name in SIZES] for one in standing])
    known = np.isfinite(found).any(axis=0)
    column = int(np.argmax(known)) if known.any() else 0
    return np.asarray(found[:, column], dtype=np.float64)


def _csv(walk: Sequence[ToCount], language: Language) -> str:
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(say(f"page.column_{name}", language)
                  for name in ("walk", "tree", "lat", "lon", "weight", "count"))  # fmt: skip
    for number, tree in enumerate(walk, 1):
        rows.writerow([number, tree.name, f"{tree.lat_deg:.7f}", f"{tree.lon_deg:.7f}",
                       f"{tree.weight:.5f}", ""])  # fmt: skip
    return file.getvalue()


def _draw(
    spots: FloatArray, walk: Sequence[ToCount], at: FloatArray, *, name: str, language: Language
) -> bytes:
    """Return a PNG: all trees, those to count with their numbers, the way between them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 8.0), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    origin = spots.min(axis=0)
    east, north = (spots - origin).T
    axes.scatter(east, north, s=26.0, color="#009E73", alpha=0.35, linewidths=0.0)
    way = at - origin
    axes.plot(way[:, 0], way[:, 1], color="#0072B2", lw=1.0, ls=":")
    axes.scatter(way[:, 0], way[:, 1], s=110.0, color="#D55E00", zorder=3)
    for number, (tree, (x, y)) in enumerate(zip(walk, way.tolist(), strict=True), 1):
        axes.annotate(f"{number}: {tree.name}", (x, y), xytext=(7, 5), fontsize=9,
                      textcoords="offset points", fontweight="bold")  # fmt: skip
    axes.set_aspect("equal")
    axes.margins(0.09)
    axes.set_xlabel(say("page.sample_axes", language), fontsize=9)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    title = say("page.sample_title", language, count=len(walk), name=name)
    figure.suptitle(title, fontsize=13, fontweight="bold", x=0.01, ha="left")
    png = io.BytesIO()
    figure.savefig(png, format="png", metadata={"Software": "agri"})
    return png.getvalue()
