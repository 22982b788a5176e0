"""Quantiles of areas too large to hold, found in a second pass over their blocks.

The first pass (`imagery.zonal.gathering`) counted their values by the upper half of a float's bits.
That tells in which few classes each quantile lies; here the lower half is counted in these classes,
after which the values near each quantile are known exactly. Each class takes 0.5 MB.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from imagery.zonal.coverage import Edges, cover
from imagery.zonal.order import Counted, Sorted, ranks_near, weighted_quantiles
from imagery.zonal.places import inner_places, inner_values
from imagery.zonal.tally import (
    HALF,
    Figures,
    Tally,
    Values,
    figures,
    from_ordered_bits,
    ordered_bits,
)


class Refining:
    """Finds the quantiles of areas that were counted by class, in a second pass over their blocks.

    Parameters
    ----------
    edges : Edges
        Of all areas.
    tallies : mapping of int to list of Tally
        What the first pass counted of each such area, by band.
    quantiles : sequence of float
        0 to 1.
    """

    def __init__(
        self, edges: Edges, tallies: Mapping[int, list[Tally]], quantiles: Sequence[float]
    ) -> None:
        self.edges, self.tallies, self.quantiles = edges, tallies, tuple(quantiles)
        self._chosen: dict[tuple[int, int], NDArray[np.int64]] = {}
        self._counts: dict[tuple[int, int], NDArray[np.int64]] = {}
        for area in tallies:
            self.take_up(area)

    def take_up(self, area: int) -> None:
        """Make counters for one area of `tallies`."""
        for band, tally in enumerate(self.tallies[area]):
            chosen = needed_classes(tally, self.quantiles)
            self._chosen[area, band] = chosen
            self._counts[area, band] = np.zeros(len(chosen) * HALF, dtype=np.int64)

    @property
    def bytes(self) -> int:
        """What the counters take in memory."""
        return sum(counts.nbytes for counts in self._counts.values())

    def add(self, column: int, row: int, values: NDArray[np.float32]) -> None:
        """Take a block once more; see `Gathering.add`."""
        _, height, width = values.shape
        found = cover(self.edges, column, row, width, height)
        mine = np.isin(found.run_area, list(self.tallies))
        for area, place in inner_places(found, mine):
            for band in range(len(values)):
                inner = inner_values(values[band], place)
                self._count(area, band, inner[~np.isnan(inner)])

    def _count(self, area: int, band: int, inner: Values) -> None:
        chosen = self._chosen[area, band]
        if not inner.size or not len(chosen):
            return
        number = np.full(HALF, -1, dtype=np.int64)
        number[chosen] = np.arange(len(chosen))
        bits = ordered_bits(inner)
        which = number[bits >> 16]
        taken = which >= 0
        key = (which[taken] << 16) | (bits[taken] & 0xFFFF)
        self._counts[area, band] += np.bincount(key, minlength=len(chosen) * HALF)

    def close(self, area: int) -> list[Figures]:
        """Return the figures of an area's bands."""
        return [
            figures(tally, self._quantiles(area, band, tally))
            for band, tally in enumerate(self.tallies[area])
        ]

    def _quantiles(self, area: int, band: int, tally: Tally) -> tuple[float, ...]:
        if tally.weight <= 0.0:
            return (math.nan,) * len(self.quantiles)
        outline, weights = tally.woven()
        if tally.classes is None:
            nothing = Sorted(np.empty(0, np.float32))
            return weighted_quantiles(nothing, outline, weights, self.quantiles)
        ends = np.cumsum(tally.classes)
        chosen = self._chosen[area, band]
        counts = self._counts[area, band].reshape(len(chosen), HALF)
        found: list[float] = []
        for share in self.quantiles:
            near = _classes(ends, tally.inner, float(weights.sum()), share)
            rows = np.searchsorted(chosen, near)
            told = np.argwhere(counts[rows] > 0)
            bits = (near[told[:, 0]] << 16) | told[:, 1]
            before = int(ends[near[0]] - tally.classes[near[0]])
            numbers = counts[rows][told[:, 0], told[:, 1]]
            stretch = Counted(values=from_ordered_bits(bits), ends=before + np.cumsum(numbers),
                              before=before, size=tally.inner)  # fmt: skip
            found += weighted_quantiles(stretch, outline, weights, (share,))
        return tuple(found)


def needed_classes(tally: Tally, quantiles: Sequence[float]) -> NDArray[np.int64]:
    """Return the classes of values on which quantiles can depend, ascending."""
    if tally.classes is None:
        return np.empty(0, dtype=np.int64)
    ends = np.cumsum(tally.classes)
    weight = float(sum(float(shares.sum()) for shares in tally.shares))
    near = [_classes(ends, tally.inner, weight, share) for share in quantiles]
    return np.unique(np.concatenate(near)) if near else np.empty(0, dtype=np.int64)


def _classes(
    ends: NDArray[np.int64], inner: int, outline_weight: float, share: float
) -> NDArray[np.int64]:
    low, high = ranks_near(share, inner, outline_weight)
    first = int(np.searchsorted(ends, low, side="right"))
    last = int(np.searchsorted(ends, high, side="right"))
    filled = np.flatnonzero(np.diff(ends, prepend=0))
    return filled[(filled >= first) & (filled <= last)].astype(np.int64)
