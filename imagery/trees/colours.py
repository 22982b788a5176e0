"""Crowns from colours alone: round green things of about a crown's size.

Theory of operation
-------------------
Without heights a crown is a blob: greener than what is round it, as wide as crowns are. So

1. the picture becomes one value a pixel: NDVI when near infrared was seen, else the green leaf
   index GLI (2G − R − B) / (2G + R + B), both between −1 and 1, which no change of brightness
   changes;
2. pixels are made coarser, by their mean, to about `PIXELS_ACROSS` a crown: the leaves of a 2 cm
   picture say nothing about crowns, and what a method was tuned for at 10 cm fails on them. A
   picture of fewer than `FEWEST_ACROSS` pixels a crown is refused;
3. each pixel gets the strongest response of the scale-normalised Laplacian of Gaussian over the
   widths that crowns may have (Lindeberg, Int. J. Comput. Vis. 30 (1998) 79): a disk of diameter d
   answers most at σ = d / √8, and the answer is zero about at its edge. It is counted in standard
   deviations of the picture's values;
4. what is not vegetation by Otsu's threshold (IEEE Trans. SMC 9 (1979) 62) is left out;
5. tops of the response and what they flood are crowns, as with heights (`flooding`): the same in
   pieces as in one.

It knows no trees: a green bush of a tree's size is one, and two crowns that grow into one another
without a shadow between them are one. Check a list from colours against the picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from agri.errors import BadInput
from agri.grid import FloatArray, Grid
from imagery.metric import pixel_m, same_lattice
from imagery.trees.crown import Crown
from imagery.trees.finding import TILE, TRUNCATE, Canopy, find_crowns
from imagery.trees.flooding import CrownRule
from imagery.trees.tops import WindowRule

PIXELS_ACROSS = 24
FEWEST_ACROSS = 6
BINS = 4096
"""Of the histogram over −1 to 1 from which threshold and deviation come."""
WEAKEST = 0.1
"""Least response of a top, in standard deviations of the picture."""
EDGE = 0.005
"""Least response of a crown's pixel."""


def vegetation(bands: Mapping[str, Grid]) -> Grid:
    """Return how green a picture is: NDVI, or GLI where there is no near infrared.

    Parameters
    ----------
    bands : mapping of str to Grid
        ``"red"`` with ``"nir"``, or ``"red"``, ``"green"``, ``"blue"``, on the same pixels; any
        unit that is the same for all.

    Returns
    -------
    Grid
        −1 to 1; NaN where a band has no value or the sum of all is not positive.

    Raises
    ------
    BadInput
        When bands are missing or lie on different pixels.

    Examples
    --------
    >>> def flat(value):
    ...     return Grid(values=np.full((1, 1), value), affine=(1, 0, 0, 0, -1, 0), epsg=32648)
    >>> round(float(vegetation({"red": flat(0.1), "nir": flat(0.5)}).values[0, 0]), 3)
    0.667
    """
    if {"nir", "red"} <= bands.keys():
        used = [bands["nir"], bands["red"]]
        weights = [(1.0, 1.0), (-1.0, 1.0)]
    elif {"red", "green", "blue"} <= bands.keys():
        used = [bands["green"], bands["red"], bands["blue"]]
        weights = [(2.0, 2.0), (-1.0, 1.0), (-1.0, 1.0)]
    else:
        raise BadInput("error.crowns_bands", bands=", ".join(sorted(bands)))
    if not all(same_lattice(used[0], other) for other in used[1:]):
        raise BadInput("error.crowns_lattice", name=used[0].name)
    more = sum(over * grid.values for (over, _), grid in zip(weights, used, strict=True))
    total = np.asarray(sum(w * grid.values for (_, w), grid in zip(weights, used, strict=True)))
    known = np.isfinite(total) & (total > 0.0)
    values = np.where(known, more / np.where(known, total, 1.0), np.nan)
    return replace(used[0], values=np.clip(values, -1.0, 1.0), unit="", datum="")


def find_crowns_by_colour(
    green: Canopy | Grid,
    *,
    crown_m: tuple[float, float] = (3.0, 4.2),
    threshold: float | None = None,
    tile: int = TILE,
    progress: Callable[[float], None] | None = None,
) -> tuple[Crown, ...]:
    """Return the crowns that colours show.

    Parameters
    ----------
    green : Canopy or Grid
        As `vegetation` gives it, −1 to 1.
    crown_m : (narrowest, widest)
        Diameter of usual crowns, metres; they are found down to about two thirds and up to one and
        a half times of these.
    threshold : float, optional
        Less is no crown; by default Otsu's of the picture, which tells soil from what is green.
        Where grass grows between the trees give a value between grass and leaves.
    tile : int
        Rows and columns looked at in one go; no influence on the result.
    progress : callable, optional
        Told the share done.

    Returns
    -------
    tuple of Crown
        Without heights and volumes; in reading order.

    Raises
    ------
    BadInput
        When the widths are the wrong way round, or pixels are not in metres or too coarse for
        such crowns.
    """
    narrow, wide = crown_m
    whole = Canopy.of(green) if isinstance(green, Grid) else green
    fine = pixel_m(whole.place)
    if narrow > wide:
        raise BadInput("error.crown_widths", narrow=narrow, wide=wide)
    if not 0.3 <= narrow <= wide <= 30.0 or fine * FEWEST_ACROSS > narrow:
        raise BadInput("error.crowns_too_coarse", pixel_m=fine, narrow=narrow, wide=wide,
                       limit_m=narrow / FEWEST_ACROSS)  # fmt: skip
    factor = max(1, math.floor(narrow / PIXELS_ACROSS / fine))
    pixel = factor * fine
    soft = whole.coarser(factor, "mean").smoothed(0.1 * narrow / pixel)
    counts = _counted(soft)
    if not counts.any():
        return ()
    middles = (np.arange(BINS) + 0.5) / BINS * 2.0 - 1.0
    mean = float(np.average(middles, weights=counts))
    spread = math.sqrt(float(np.average((middles - mean) ** 2, weights=counts)))
    least = _otsu(middles, counts) if threshold is None else threshold
    widths = sorted({narrow, math.sqrt(narrow * wide), wide})
    sigmas = [width / math.sqrt(8.0) / pixel for width in widths]

    def response(part: FloatArray) -> FloatArray:
        known = np.isfinite(part)
        level = (np.where(known, part, mean) - mean) / max(spread, 1e-6)
        best = np.max([_answer(level, sigma) for sigma in sigmas], axis=0)
        return np.where(known & (part >= least), best, np.nan)

    answered = soft.changed(response, math.ceil(TRUNCATE * sigmas[-1]) + 1)
    rule = CrownRule(
        window=WindowRule(slope=0.0, base_m=narrow / 3.0, lowest_m=WEAKEST),
        share=0.2, widest_m=2.0 * wide, least_m2=math.pi * narrow**2 / 16.0, floor=EDGE,
    )  # fmt: skip
    found = find_crowns(answered, rule, tile=tile, progress=progress)
    return tuple(replace(one, height_m=math.nan, volume_m3=math.nan) for one in found)


def _answer(level: FloatArray, sigma: float) -> FloatArray:
    answer = ndimage.gaussian_laplace(level, sigma, truncate=TRUNCATE)
    return np.asarray(-(sigma**2) * answer)


def _counted(green: Canopy) -> NDArray[np.int64]:
    """Return the histogram of all values, read in pieces."""
    counts = np.zeros(BINS, dtype=np.int64)
    rows, columns = green.shape
    for row in range(0, rows, TILE):
        for column in range(0, columns, TILE):
            part = green.read(row, column, min(TILE, rows - row), min(TILE, columns - column))
            known = np.clip(part[np.isfinite(part)], -1.0, 1.0)
            counts += np.histogram(known, bins=BINS, range=(-1.0, 1.0))[0]
    return counts


def _otsu(middles: FloatArray, counts: NDArray[np.int64]) -> float:
    """Return the threshold that parts values into two classes of least spread."""
    below, above = np.cumsum(counts), np.cumsum(counts[::-1])[::-1]
    total = counts * middles
    low = np.cumsum(total)[:-1] / np.maximum(below[:-1], 1)
    high = np.cumsum(total[::-1])[::-1][1:] / np.maximum(above[1:], 1)
    between = below[:-1].astype(np.float64) * above[1:] * (low - high) ** 2
    return float(middles[np.argmax(between)])
