"""What is left out of a map: soil, shadow, cloud, water, and how much ground that is.

Theory of operation
-------------------
A mask is a formula and a threshold, judged pixel by pixel, so it has no seams and no soft edges. A
pixel whose bands have no value is not the mask's: it has no value anyway.

* **soil**: NDVI below a threshold that parts the scene in two (Otsu 1979), held between 0.2 and 0.5
  so that a field all green or all bare is not cut in halves; with a plain camera the same with
  excess green of chromatic coordinates, between 0.02 and 0.15.
* **shadow**: near infrared (or, without it, the mean of the visible bands) below 0.35 of the
  scene's median. Leaves are bright there, so what is dark lies in shadow, or is water.
* **cloud**: every visible band brighter than 0.30 (0.35 without blue): white and bright. It
  wants reflectance.
* **water**: NDWI (McFeeters 1996) above 0.

Thresholds that depend on the scene are found once, on a sample spread evenly over it
(`SAMPLES` windows), before the map is made; the product tells them, and what they took away in
square metres.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Geod

from agri.errors import BadInput
from agri.words import Message
from imagery.indices.catalogue import available
from imagery.indices.expression import Term, parse
from imagery.raster.ortho import Ortho, Window, blocks

SAMPLES = 5
"""Sample windows along each side of the raster."""
SAMPLE_SIDE = 128
KINDS = ("soil", "shadow", "cloud", "water")
SOIL_NDVI, SOIL_EXG = (0.2, 0.5), (0.02, 0.15)
SHADOW_SHARE = 0.35
CLOUD_WITH_BLUE, CLOUD_WITHOUT = 0.30, 0.35


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """What is left out.

    Parameters
    ----------
    name : str
        "soil", "shadow", "cloud", "water" or the caller's own.
    term : Term
        What is judged.
    formula : str
        The same, as written.
    threshold : float
        Where it parts.
    above : bool
        Whether values above the threshold are left out, or those below.
    """

    name: str
    term: Term
    formula: str
    threshold: float
    above: bool

    def hides(self, bands: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
        """Return which pixels are left out; never one without a value."""
        values = self.term(bands)
        hidden: NDArray[np.bool_] = (
            values > self.threshold if self.above else values < self.threshold
        )
        return hidden

    @property
    def rule(self) -> str:
        """What is left out: "(N - R) / (N + R) < 0.31"."""
        return f"{self.formula} {'>' if self.above else '<'} {self.threshold:.6g}"

    @property
    def told(self) -> str:
        """The mask in a product's tags: "soil: (N - R) / (N + R) < 0.31"."""
        return f"{self.name}: {self.rule}"

    @property
    def spoken(self) -> Message | str:
        """Its name in the language of who reads it; the caller's own as it was given."""
        return Message.of(f"page.mask_{self.name}") if self.name in KINDS else self.name


def mask_of(
    name: str, formula: str, ortho: Ortho, *, below: float | None = None, above: float | None = None
) -> Mask:
    """Return a mask of a formula that somebody wrote.

    Parameters
    ----------
    name : str
        How it is called.
    formula : str
        See `imagery.indices.expression.parse`.
    ortho : Ortho
        Whose bands it may use.
    below, above : float
        One of them: which values are left out.

    Raises
    ------
    BadInput
        When the formula is none, or not exactly one threshold is given.
    """
    threshold = above if below is None else below
    both = (below is None) == (above is None)
    if both or threshold is None or not math.isfinite(threshold):
        raise BadInput("error.mask_threshold", name=name[:40])
    term = parse(formula, known=tuple(sorted(available(ortho.bands))))
    return Mask(
        name=name[:40], term=term, formula=formula, threshold=threshold, above=below is None
    )


def find_mask(name: str, ortho: Ortho) -> Mask:
    """Return one of the known masks with the threshold that fits this scene.

    Parameters
    ----------
    name : {"soil", "shadow", "cloud", "water"}
        Which.
    ortho : Ortho
        The scene; some windows of it are read.

    Raises
    ------
    BadInput
        When there is no such mask, the bands do not allow it, or it wants reflectance and nobody
        knows what stands for 1.
    """
    makers: dict[str, Callable[[Ortho, set[str]], Mask]] = {
        "soil": _soil, "shadow": _shadow, "cloud": _cloud, "water": _water,
    }  # fmt: skip
    if name not in makers:
        raise BadInput("error.mask_unknown", name=name[:40], known=", ".join(KINDS))
    return makers[name](ortho, set(available(ortho.bands)))


def _soil(ortho: Ortho, names: set[str]) -> Mask:
    if {"N", "R"} <= names:
        formula, limits = "(N - R) / (N + R)", SOIL_NDVI
    else:
        _want("soil", names, {"R", "G", "B"})
        formula, limits = "(2 * G - R - B) / (R + G + B)", SOIL_EXG
    term = parse(formula)
    threshold = min(max(otsu(sampled(ortho, term)), limits[0]), limits[1])
    return Mask(name="soil", term=term, formula=formula, threshold=threshold, above=False)


def _shadow(ortho: Ortho, names: set[str]) -> Mask:
    visible = [name for name in ("R", "G", "B") if name in names]
    if "N" not in names and len(visible) < 2:
        _want("shadow", names, {"N"})
    formula = "N" if "N" in names else f"({' + '.join(visible)}) / {len(visible)}"
    term = parse(formula)
    values = sampled(ortho, term)
    middle = float(np.median(values)) if values.size else 0.0
    return Mask(
        name="shadow", term=term, formula=formula, threshold=SHADOW_SHARE * middle, above=False
    )


def _cloud(ortho: Ortho, names: set[str]) -> Mask:
    _want("cloud", names, {"R", "G"})
    if ortho.reflectance_at is None:
        raise BadInput("error.mask_reflectance", name=ortho.name)
    blue = "B" in names
    formula = "min(min(R, G), B)" if blue else "min(R, G)"
    threshold = CLOUD_WITH_BLUE if blue else CLOUD_WITHOUT
    return Mask(name="cloud", term=parse(formula), formula=formula, threshold=threshold, above=True)


def _water(ortho: Ortho, names: set[str]) -> Mask:  # noqa: ARG001
    _want("water", names, {"G", "N"})
    formula = "(G - N) / (G + N)"
    return Mask(name="water", term=parse(formula), formula=formula, threshold=0.0, above=True)


def _want(name: str, have: set[str], need: set[str]) -> None:
    if not need <= have:
        raise BadInput(
            "error.mask_bands",
            name=name,
            need=", ".join(sorted(need - have)),
            have=", ".join(sorted(have)) or "–",
        )


def sampled(ortho: Ortho, term: Term) -> NDArray[np.float32]:
    """Return a formula's values in windows spread evenly over the scene, without gaps.

    Parameters
    ----------
    ortho : Ortho
        The scene.
    term : Term
        The formula; bands are given to it as reflectance where that is known.

    Returns
    -------
    (n,) float32
    """
    names = available(ortho.bands)
    layers = [names[band] for band in term.bands]
    factor = np.float32(1.0 / (ortho.reflectance_at or 1.0))
    found = [np.empty(0, np.float32)]
    for area in _spread(ortho):
        for _, values in blocks(ortho, layers, area=area):
            known = term(dict(zip(term.bands, values * factor, strict=True)))
            found.append(known[np.isfinite(known)])
    return np.concatenate(found)


def _spread(ortho: Ortho) -> Iterator[Window]:
    wide, high = min(SAMPLE_SIDE, ortho.width), min(SAMPLE_SIDE, ortho.height)
    columns = {(ortho.width - wide) * i // (SAMPLES - 1) for i in range(SAMPLES)}
    rows = {(ortho.height - high) * i // (SAMPLES - 1) for i in range(SAMPLES)}
    for row in sorted(rows):
        for column in sorted(columns):
            yield Window(column=column, row=row, width=wide, height=high)


def otsu(values: NDArray[np.float32]) -> float:
    """Return the value that parts a sample in two with the least variance inside both.

    Parameters
    ----------
    values : (n,) float32
        Finite.

    Returns
    -------
    float
        0 when the sample is empty.

    Notes
    -----
    Otsu 1979, IEEE Trans. Syst. Man Cybern. 9:62, on 256 steps between the 0.1 and 99.9 %
    quantiles.

    Examples
    --------
    >>> two = np.float32([0.1, 0.12, 0.14, 0.7, 0.72, 0.75, 0.71])
    >>> 0.14 <= otsu(two) <= 0.7
    True
    """
    if not values.size:
        return 0.0
    low, high = (float(q) for q in np.quantile(values, (0.001, 0.999)))
    if high <= low:
        return low
    counts, edges = np.histogram(values, 256, (low, high))
    centres = (edges[:-1] + edges[1:]) / 2
    weight = counts.cumsum().astype(float)
    total = (counts * centres).cumsum()
    rest = weight[-1] - weight
    with np.errstate(all="ignore"):
        between = weight * rest * (total / weight - (total[-1] - total) / rest) ** 2
    best = np.nan_to_num(between, nan=-1.0)
    at_most = np.flatnonzero(best >= best.max() * (1 - 1e-12))  # a gap: its middle
    return float(edges[1:][at_most].mean())


def pixel_area_m2(ortho: Ortho) -> float:
    """Return the ground that a pixel in the middle of the scene covers, square metres.

    Examples
    --------
    >>> from pathlib import Path
    >>> scene = Ortho(path=Path("a.tif"), name="a.tif", width=2, height=2, epsg=32648,
    ...     affine=(0.05, 0, 656000, 0, -0.05, 2332000), bands=(), dtypes=(), scales=(),
    ...     offsets=(), nodata=())
    >>> round(pixel_area_m2(scene), 6)
    0.0025
    """
    a, b, c, d, e, f = ortho.affine
    crs = CRS.from_epsg(ortho.epsg)
    if crs.is_projected:
        unit = crs.axis_info[0].unit_conversion_factor
        return float(abs(a * e - b * d) * unit * unit)
    column, row = ortho.width / 2, ortho.height / 2
    corners = [(column + i, row + j) for i, j in ((0, 0), (1, 0), (1, 1), (0, 1))]
    lon = [a * i + b * j + c for i, j in corners]
    lat = [d * i + e * j + f for i, j in corners]
    return abs(float(Geod(ellps="WGS84").polygon_area_perimeter(lon, lat)[0]))
