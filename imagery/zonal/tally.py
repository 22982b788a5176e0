"""What is known so far of one band of one area, and the figures it gives.

Of every piece of an area mean and sum of squared deviations are taken in double precision and
joined to those of the pieces before (Chan, Golub & LeVeque 1983), so the order in which pieces come
does not matter beyond the last digits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Values = NDArray[np.float32]

HALF = 65_536
"""Classes of a float's upper, and of its lower, 16 bits."""


@dataclass(slots=True)
class Tally:
    """What is known so far of one band of one area.

    Parameters
    ----------
    counted : bool
        Whether values are counted by class instead of held.
    bins : int
        Number of histogram bins.
    """

    counted: bool
    bins: int
    weight: float = 0.0
    mean: float = 0.0
    squares: float = 0.0
    least: float = math.inf
    greatest: float = -math.inf
    inner: int = 0
    held: list[Values] = field(default_factory=list)
    outline: list[FloatArray] = field(default_factory=list)
    shares: list[FloatArray] = field(default_factory=list)
    classes: NDArray[np.int64] | None = None
    histogram: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        self.histogram = np.zeros(self.bins)

    def add(self, weight: float, mean: float, squares: float, least: float, most: float) -> None:
        """Join a piece's weight, mean, sum of squared deviations and extremes."""
        total = self.weight + weight
        apart = mean - self.mean
        self.squares += squares + apart * apart * self.weight * weight / total
        self.mean += apart * weight / total
        self.weight = total
        self.least, self.greatest = min(self.least, least), max(self.greatest, most)

    def woven(self) -> tuple[FloatArray, FloatArray]:
        """Return the outline's values, ascending, and their weights."""
        if not self.outline:
            return np.empty(0), np.empty(0)
        values, weights = np.concatenate(self.outline), np.concatenate(self.shares)
        order = np.argsort(values, kind="stable")
        return values[order], weights[order]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of one band within one area; NaN where it has no data.

    Parameters
    ----------
    pixels : float
        Covered pixels that have data, in parts of pixels.
    mean, sd, least, greatest : float
        Weighted by cover; the standard deviation is that of all pixels, not of a sample.
    quantiles : tuple of float
        As asked.
    histogram : tuple of float
        Pixels in each bin.
    """

    pixels: float
    mean: float
    sd: float
    least: float
    greatest: float
    quantiles: tuple[float, ...]
    histogram: tuple[float, ...]


def figures(tally: Tally, quantiles: tuple[float, ...]) -> Figures:
    """Return a tally's figures with quantiles found elsewhere."""
    told = tally.weight > 0.0
    seen = told and tally.least <= tally.greatest
    return Figures(
        pixels=tally.weight,
        mean=tally.mean if told else math.nan,
        sd=math.sqrt(max(tally.squares / tally.weight, 0.0)) if told else math.nan,
        least=tally.least if seen else tally.mean if told else math.nan,
        greatest=tally.greatest if seen else tally.mean if told else math.nan,
        quantiles=quantiles,
        histogram=tuple(tally.histogram.tolist()),
    )


def ordered_bits(values: Values) -> NDArray[np.uint32]:
    """Return whole numbers that are in the same order as the floats.

    Examples
    --------
    >>> bits = ordered_bits(np.array([-2.0, -1.0, 0.5, 3.0], dtype=np.float32))
    >>> bool((np.diff(bits.astype(np.int64)) > 0).all()), from_ordered_bits(bits).tolist()
    (True, [-2.0, -1.0, 0.5, 3.0])
    """
    bits = np.ascontiguousarray(values).view(np.uint32)
    sign = (bits >> np.uint32(31)).astype(bool)
    found: NDArray[np.uint32] = bits ^ np.where(sign, np.uint32(0xFFFFFFFF), np.uint32(0x80000000))
    return found


def from_ordered_bits(bits: NDArray[np.int64] | NDArray[np.uint32]) -> FloatArray:
    """Return the floats of `ordered_bits`."""
    whole = bits.astype(np.uint32)
    positive = (whole >> np.uint32(31)).astype(bool)
    plain = whole ^ np.where(positive, np.uint32(0x80000000), np.uint32(0xFFFFFFFF))
    return plain.view(np.float32).astype(np.float64)
