"""What is gathered of every area while blocks of rasters stream past, and the figures it gives.

Theory of operation
-------------------
A block (a window of the raster, all its bands) is met once. For every area that reaches into it the
exact cover (`imagery.zonal.coverage`) tells inner pixels, which count 1, and outline pixels, which
count by their covered share; pixels without data (NaN) count nothing. Of each piece mean and sum of
squared deviations are taken in double precision and joined to those of the pieces before (Chan,
Golub & LeVeque 1983), so the order of blocks does not matter beyond the last digits.

Quantiles need the values themselves. They are held until the area's last block has passed, then
sorted once and let go, so only areas under the stream are in memory. Areas too large to hold
(`too_large`) are counted instead: the 65,536 classes by the upper half of a float's 32 bits, put in
order by turning its sign; after the pass it is known in which few classes each quantile lies, and a
second pass over those areas' blocks counts the lower half there. That is exact as well, at 0.5 MB
for each class.

Least and greatest values, unlike means, would see a sliver of a pixel that a line drawn along pixel
borders covers by rounding alone: pixels covered by less than `imagery.zonal.pieces.SLIVER` are
left out there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imagery.zonal.coverage import Edges, cover, of_areas
from imagery.zonal.order import Sorted, weighted_quantiles
from imagery.zonal.pieces import Pieces, few_of, in_parts, inner_pieces, outline_pieces
from imagery.zonal.places import inner_places, inner_values
from imagery.zonal.tally import HALF, Figures, FloatArray, Tally, Values, figures, ordered_bits


class Gathering:
    """Gathers areas' figures from blocks.

    Parameters
    ----------
    edges : Edges
        Of the areas, in the raster's pixels.
    bands : int
        Bands of a block.
    quantiles : sequence of float
        0 to 1; none holds no values.
    bin_edges : (K + 1,) float64, optional
        Ascending; bins include their lower edge, the last one both.
    counted : (Z,) bool
        Areas whose values are counted by class instead of held.
    wanted : (Z,) bool, optional
        Areas that are gathered; all unless told.
    """

    def __init__(
        self,
        edges: Edges,
        bands: int,
        *,
        quantiles: Sequence[float] = (),
        bin_edges: FloatArray | None = None,
        counted: NDArray[np.bool_],
        wanted: NDArray[np.bool_] | None = None,
    ) -> None:
        self.edges, self.bands = edges, bands
        self.wanted = None if wanted is None or wanted.all() else wanted
        self.quantiles = tuple(quantiles)
        self.bin_edges = bin_edges
        self.counted = counted
        self._open: dict[int, list[Tally]] = {}

    def add(self, column: int, row: int, values: NDArray[np.float32]) -> None:
        """Take a block.

        Parameters
        ----------
        column, row : int
            Its first pixel.
        values : (B, h, w) float32
            NaN where there is no data.
        """
        _, height, width = values.shape
        found = cover(self.edges, column, row, width, height)
        if self.wanted is not None:
            found = of_areas(found, self.wanted)
        few = few_of(found) & ~self.counted[found.run_area]
        for number, band in enumerate(values):
            self._take_outlines(number, outline_pieces(band, found))
            for part in in_parts(found, few):
                self._take_few(number, inner_pieces(band, found, part))
        clean = [not math.isnan(float(band.min())) for band in values]
        for area, place in inner_places(found, ~few):
            for number, band in enumerate(values):
                inner = inner_values(band, place)
                inner = inner if clean[number] else inner[~np.isnan(inner)]
                self._take(self._tallies(area)[number], inner)

    def _tallies(self, area: int) -> list[Tally]:
        if area not in self._open:
            bins = 0 if self.bin_edges is None else len(self.bin_edges) - 1
            counted = bool(self.counted[area])
            self._open[area] = [Tally(counted, bins) for _ in range(self.bands)]
        return self._open[area]

    def _take(self, tally: Tally, inner: Values) -> None:
        if not inner.size:
            return
        tally.inner += inner.size
        exact = inner.astype(np.float64)
        mean = float(exact.sum()) / inner.size
        exact -= mean
        np.square(exact, out=exact)
        tally.add(float(inner.size), mean, float(exact.sum()), float(inner.min()),
                  float(inner.max()))  # fmt: skip
        if self.quantiles and tally.counted:
            if tally.classes is None:
                tally.classes = np.zeros(HALF, dtype=np.int64)
            tally.classes += np.bincount(ordered_bits(inner) >> 16, minlength=HALF)
        elif self.quantiles:
            tally.held.append(inner)
        if self.bin_edges is not None and not (self.quantiles and not tally.counted):
            tally.histogram += _in_bins(np.sort(inner), self.bin_edges)

    def _take_few(self, number: int, pieces: Pieces) -> None:
        for area, begin, end, told in pieces.each():
            tally = self._tallies(area)[number]
            tally.inner += end - begin
            tally.add(*told)
            if self.quantiles:
                tally.held.append(pieces.values[begin:end])
            elif self.bin_edges is not None:
                tally.histogram += _in_bins(np.sort(pieces.values[begin:end]), self.bin_edges)

    def _take_outlines(self, number: int, pieces: Pieces) -> None:
        for area, begin, end, told in pieces.each():
            tally = self._tallies(area)[number]
            tally.add(*told)
            values, shares = pieces.values[begin:end], pieces.shares[begin:end]
            if self.quantiles:
                tally.outline.append(values.astype(np.float64))
                tally.shares.append(shares)
            if self.bin_edges is not None:
                exact = values.astype(np.float64)
                tally.histogram += np.histogram(exact, self.bin_edges, weights=shares)[0]

    def close(self, area: int) -> list[Figures]:
        """Return the figures of an area's bands, and let its values go."""
        return [self._figures(tally) for tally in self._open.pop(area, self._nothing())]

    def _nothing(self) -> list[Tally]:
        bins = 0 if self.bin_edges is None else len(self.bin_edges) - 1
        return [Tally(counted=False, bins=bins) for _ in range(self.bands)]

    def _figures(self, tally: Tally) -> Figures:
        quantiles = (math.nan,) * len(self.quantiles)
        if tally.weight > 0.0 and self.quantiles and not tally.counted:
            values = np.concatenate(tally.held) if tally.held else np.empty(0, np.float32)
            values.sort()
            outline, weights = tally.woven()
            quantiles = weighted_quantiles(Sorted(values), outline, weights, self.quantiles)
            if self.bin_edges is not None:
                tally.histogram += _in_bins(values, self.bin_edges)
        return figures(tally, quantiles)

    def take_counted(self, area: int) -> list[Tally]:
        """Return what was counted of an area too large to hold, and let it go."""
        return self._open.pop(area, self._nothing())


def _in_bins(values: Values, bin_edges: FloatArray) -> FloatArray:
    """Return how many of sorted values lie in each bin.

    Edges become the floats next above or below, so that no value is rounded to compare it.
    """
    single = bin_edges.astype(np.float32)
    above = np.where(single < bin_edges, np.nextafter(single, np.float32(np.inf)), single)
    last = single[-1]
    if float(last) > bin_edges[-1]:
        last = np.nextafter(last, np.float32(-np.inf))
    ends = np.searchsorted(values, above[:-1])
    return np.diff(np.append(ends, np.searchsorted(values, last, side="right"))).astype(np.float64)
