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
borders covers by rounding alone: pixels covered by less than `SLIVER` are left out there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imagery.zonal.coverage import Cover, Edges, cover
from imagery.zonal.order import Counted, Ordered, Sorted, ranks_near, weighted_quantile

FloatArray = NDArray[np.float64]
Values = NDArray[np.float32]

SLIVER = 1e-6
"""Share of a pixel below which it does not count for least and greatest values."""
HELD_BYTES = 80_000_000
"""Most bytes of values that are held for quantiles."""
_HALF = 65_536
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
    """

    def __init__(
        self,
        edges: Edges,
        bands: int,
        *,
        quantiles: Sequence[float] = (),
        bin_edges: FloatArray | None = None,
        counted: NDArray[np.bool_],
    ) -> None:
        self.edges, self.bands = edges, bands
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
        clean = [not math.isnan(float(band.min())) for band in values]
        for area, cells, runs in _by_area(found):
            tallies = self._tallies(area)
            place = _inner_place(found, runs)
            for band, tally in enumerate(tallies):
                inner = _inner(values[band], place)
                self._take(tally, inner if clean[band] else inner[~np.isnan(inner)])
                outline = values[band][found.row[cells], found.column[cells]].astype(np.float64)
                self._take_outline(tally, outline, found.weight[cells])

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
                tally.classes = np.zeros(_HALF, dtype=np.int64)
            tally.classes += np.bincount(ordered_bits(inner) >> 16, minlength=_HALF)
        elif self.quantiles:
            tally.held.append(inner)
        if self.bin_edges is not None and not (self.quantiles and not tally.counted):
            tally.histogram += _in_bins(np.sort(inner), self.bin_edges)

    def _take_outline(self, tally: Tally, values: FloatArray, weights: FloatArray) -> None:
        told = ~np.isnan(values)
        if not told.all():
            values, weights = values[told], weights[told]
        if not values.size:
            return
        weight = float(weights.sum())
        mean = float((weights * values).sum()) / weight
        apart = values - mean
        real = values[weights > SLIVER]
        least = float(real.min()) if real.size else math.inf
        greatest = float(real.max()) if real.size else -math.inf
        tally.add(weight, mean, float((weights * apart * apart).sum()), least, greatest)
        if self.quantiles:
            tally.outline.append(values)
            tally.shares.append(weights)
        if self.bin_edges is not None:
            tally.histogram += np.histogram(values, self.bin_edges, weights=weights)[0]

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
            inner: Ordered = Sorted(values)
            quantiles = tuple(
                weighted_quantile(inner, outline, weights, share) for share in self.quantiles
            )
            if self.bin_edges is not None:
                tally.histogram += _in_bins(values, self.bin_edges)
        return figures(tally, quantiles)

    def take_counted(self, area: int) -> list[Tally]:
        """Return what was counted of an area too large to hold, and let it go."""
        return self._open.pop(area, self._nothing())


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
        self, edges: Edges, tallies: dict[int, list[Tally]], quantiles: Sequence[float]
    ) -> None:
        self.edges, self.tallies, self.quantiles = edges, tallies, tuple(quantiles)
        self._chosen: dict[tuple[int, int], NDArray[np.int64]] = {}
        self._counts: dict[tuple[int, int], NDArray[np.int64]] = {}
        for area, bands in tallies.items():
            for band, tally in enumerate(bands):
                chosen = needed_classes(tally, self.quantiles)
                self._chosen[area, band] = chosen
                self._counts[area, band] = np.zeros(len(chosen) * _HALF, dtype=np.int64)

    def add(self, column: int, row: int, values: NDArray[np.float32]) -> None:
        """Take a block once more; see `Gathering.add`."""
        _, height, width = values.shape
        found = cover(self.edges, column, row, width, height)
        for area, _, runs in _by_area(found):
            if area not in self.tallies:
                continue
            place = _inner_place(found, runs)
            for band in range(len(values)):
                inner = _inner(values[band], place)
                self._count(area, band, inner[~np.isnan(inner)])

    def _count(self, area: int, band: int, inner: Values) -> None:
        chosen = self._chosen[area, band]
        if not inner.size or not len(chosen):
            return
        number = np.full(_HALF, -1, dtype=np.int64)
        number[chosen] = np.arange(len(chosen))
        bits = ordered_bits(inner)
        which = number[bits >> 16]
        taken = which >= 0
        key = (which[taken] << 16) | (bits[taken] & 0xFFFF)
        self._counts[area, band] += np.bincount(key, minlength=len(chosen) * _HALF)

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
            inner: Ordered = Sorted(np.empty(0, np.float32))
            return tuple(weighted_quantile(inner, outline, weights, q) for q in self.quantiles)
        ends = np.cumsum(tally.classes)
        chosen = self._chosen[area, band]
        counts = self._counts[area, band].reshape(len(chosen), _HALF)
        found = []
        for share in self.quantiles:
            near = _classes(ends, tally.inner, float(weights.sum()), share)
            rows = np.searchsorted(chosen, near)
            told = np.argwhere(counts[rows] > 0)
            bits = (near[told[:, 0]] << 16) | told[:, 1]
            before = int(ends[near[0]] - tally.classes[near[0]])
            numbers = counts[rows][told[:, 0], told[:, 1]]
            stretch = Counted(values=from_ordered_bits(bits), ends=before + np.cumsum(numbers),
                              before=before, size=tally.inner)  # fmt: skip
            found.append(weighted_quantile(stretch, outline, weights, share))
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


def too_large(edges: Edges, sizes: FloatArray, bands: int, limit: int = HELD_BYTES) -> NDArray[
    np.bool_
]:  # fmt: skip
    """Return which areas are counted rather than held, so that what is held stays small.

    Parameters
    ----------
    edges : Edges
        Of the areas.
    sizes : (Z,) float64
        Their areas in pixels.
    bands : int
        Bands of a block.
    limit : int
        Most bytes of values held.

    Returns
    -------
    (Z,) bool
        The fewest of the largest areas.

    Notes
    -----
    Blocks come row by row, so an area is held while the stream is between its first and last row.
    """
    tops, bottoms = edges.bounds[:, 1], edges.bounds[:, 3]
    need = 4.0 * bands * np.nan_to_num(sizes)
    order = np.argsort(need, kind="stable")
    low, high = 0, len(order)  # how many of the smallest are held
    while low < high:
        middle = (low + high + 1) // 2
        held = order[:middle]
        places = np.concatenate([tops[held], bottoms[held]])
        change = np.concatenate([need[held], -need[held]])
        peak = np.cumsum(change[np.lexsort((-change, places))]).max()
        low, high = (middle, high) if peak <= limit else (low, middle - 1)
    found = np.zeros(len(order), dtype=np.bool_)
    found[order[low:]] = True
    return found


def _by_area(found: Cover) -> Iterator[tuple[int, slice, slice]]:
    """Yield each area with its cells and runs."""
    areas = np.union1d(found.area, found.run_area)
    limits = [
        np.searchsorted(of, areas, side=side).tolist()
        for of in (found.area, found.run_area)
        for side in ("left", "right")
    ]
    for area, a, b, c, d in zip(areas.tolist(), *limits, strict=True):
        yield area, slice(a, b), slice(c, d)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an area's whole pixels lie in a block: a box, and which pixels of it if not all."""

    box: tuple[slice, slice]
    mask: NDArray[np.bool_] | None


def _inner_place(found: Cover, runs: slice) -> _Place | None:
    rows, starts, stops = found.run_row[runs], found.run_start[runs], found.run_stop[runs]
    if not len(rows):
        return None
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    left, right = int(starts.min()), int(stops.max())
    box = (slice(top, bottom), slice(left, right))
    if len(rows) == bottom - top and int(starts.max()) == left and int(stops.min()) == right:
        return _Place(box, None)
    marks = np.zeros((bottom - top, right - left + 1), dtype=np.int8)
    marks[rows - top, starts - left] = 1
    marks[rows - top, stops - left] = -1
    mask = np.cumsum(marks[:, :-1], axis=1, dtype=np.int8).view(np.bool_)
    return _Place(box, mask)


def _inner(values: Values, place: _Place | None) -> Values:
    """Return the whole pixels' values, a new array."""
    if place is None:
        return np.empty(0, dtype=np.float32)
    part = values[place.box]
    return part.ravel().copy() if place.mask is None else part[place.mask]


def _in_bins(values: Values, bin_edges: FloatArray) -> FloatArray:
    """Return how many of sorted values lie in each bin."""
    ends = np.searchsorted(values, bin_edges[:-1].astype(np.float64), side="left")
    last = np.searchsorted(values, bin_edges[-1], side="right")
    return np.diff(np.append(ends, last)).astype(np.float64)
