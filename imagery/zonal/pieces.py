"""Many areas' pieces of one block worked out together, without a loop over areas.

Thousands of crowns have a few hundred pixels each; asking numpy for each of them apart would cost
more than the pixels. So pixels of all areas are laid one behind the other, area after area, and
summed in stretches. Areas with many pixels in the block go by themselves (`imagery.zonal.places`):
for them a mask is cheaper than a list of pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagery.zonal.coverage import Cover, IntArray, ranges
from imagery.zonal.tally import FloatArray, Values

FEW = 8192
"""Most whole pixels of an area in a block that are listed."""
LISTED = 1_000_000
"""About how many pixels are listed at once."""
SLIVER = 1e-6
"""Share of a pixel below which it does not count for least and greatest values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """Figures of areas' pieces, and the values themselves area after area.

    Parameters
    ----------
    area : (K,) intp
        Rising; only areas that have data.
    first : (K + 1,) intp
        Where each area's values begin.
    weight, mean, squares, least, greatest : (K,) float64
        As `imagery.zonal.tally.Tally.add` takes them.
    values : (N,) float32
    shares : (N,) float64
        What each value counts.
    """

    area: IntArray
    first: IntArray
    weight: FloatArray
    mean: FloatArray
    squares: FloatArray
    least: FloatArray
    greatest: FloatArray
    values: Values
    shares: FloatArray

    def each(self) -> Iterator[tuple[int, int, int, tuple[float, float, float, float, float]]]:
        """Yield each area, where its values begin and end, and its figures."""
        figures = zip(self.weight.tolist(), self.mean.tolist(), self.squares.tolist(),
                      self.least.tolist(), self.greatest.tolist(), strict=True)  # fmt: skip
        first = self.first.tolist()
        for k, (area, told) in enumerate(zip(self.area.tolist(), figures, strict=True)):
            yield area, first[k], first[k + 1], told


def outline_pieces(band: Values, found: Cover) -> Pieces:
    """Return the pieces of outlines in one band of a block.

    Parameters
    ----------
    band : (h, w) float32
        NaN where there is no data.
    found : Cover
        Of the block.
    """
    return _together(found.area, band[found.row, found.column], found.weight)


def few_of(found: Cover) -> NDArray[np.bool_]:
    """Return which runs belong to areas with few whole pixels in the block, (R,)."""
    if not len(found.run_area):
        return np.zeros(0, dtype=np.bool_)
    number = found.run_area - found.run_area[0]
    pixels = np.bincount(number, weights=found.run_stop - found.run_start)
    return np.asarray(pixels[number] <= FEW)


def in_parts(found: Cover, chosen: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
    """Yield the chosen runs, (R,), in parts of about `LISTED` pixels, no area in two."""
    lengths = np.where(chosen, found.run_stop - found.run_start, 0)
    firsts = np.flatnonzero(np.diff(found.run_area, prepend=-1))
    before = (np.cumsum(lengths) - lengths)[firsts]
    part = np.repeat(before // LISTED, np.diff(firsts, append=len(lengths)))
    for number in np.unique(part[chosen]):
        yield chosen & (part == number)


def inner_pieces(band: Values, found: Cover, runs: NDArray[np.bool_]) -> Pieces:
    """Return the pieces of whole pixels in one band of a block, of the chosen runs.

    Parameters
    ----------
    band : (h, w) float32
    found : Cover
    runs : (R,) bool
        Which, as `few_of` tells.
    """
    lengths = (found.run_stop - found.run_start)[runs]
    begins = (found.run_row * band.shape[1] + found.run_start)[runs]
    values = band.ravel()[ranges(begins, lengths)]
    return _together(np.repeat(found.run_area[runs], lengths), values, None)


def _together(area: IntArray, values: Values, shares: FloatArray | None) -> Pieces:
    told = ~np.isnan(values)
    if not told.all():
        area, values = area[told], values[told]
        shares = None if shares is None else shares[told]
    starts = np.flatnonzero(np.diff(area, prepend=-1))
    first = np.append(starts, len(area)).astype(np.intp)
    counts = np.diff(first)
    exact = values.astype(np.float64)
    if not len(starts):
        none = np.empty(0)
        return Pieces(area=area, first=first, weight=none, mean=none, squares=none, least=none,
                      greatest=none, values=values, shares=none)  # fmt: skip
    weight = counts.astype(np.float64) if shares is None else np.add.reduceat(shares, starts)
    mean = np.add.reduceat(exact if shares is None else exact * shares, starts) / weight
    apart = exact - np.repeat(mean, counts)
    apart *= apart
    if shares is not None:
        apart *= shares
    real = None if shares is None else shares > SLIVER
    low = exact if real is None else np.where(real, exact, np.inf)
    high = exact if real is None else np.where(real, exact, -np.inf)
    return Pieces(
        area=area[starts],
        first=first,
        weight=weight,
        mean=mean,
        squares=np.add.reduceat(apart, starts),
        least=np.minimum.reduceat(low, starts),
        greatest=np.maximum.reduceat(high, starts),
        values=values,
        shares=np.empty(0) if shares is None else shares,
    )
