"""The pass over a grid's windows: in one piece, or shared out among workers.

Theory of operation
-------------------
A window no zone reaches into is not read. A zone's figures are made as soon as its last window has
passed; zones too large to hold their values for quantiles have their windows read twice.

A share owns some of the zones, those whose first windows follow one another, and reads the windows
they reach into. It knows the outlines of all zones that reach into these windows, not only its own:
so each window's cover is worked out from the same numbers in the same order, each of its zones
meets the same windows in the same order, and its figures are those of a single pass to the last
bit. Windows on the border of two shares are read by both. A share is a pure function of the file:
when its worker dies, another one does it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from agri.zone import Zone
from imagery.raster.ortho import Window
from imagery.zonal.coverage import Edges, edges_of, ranges, touching
from imagery.zonal.gathering import Gathering
from imagery.zonal.layers import Layers
from imagery.zonal.places import too_large
from imagery.zonal.placing import in_pixels
from imagery.zonal.refining import Refining
from imagery.zonal.tally import Figures, Tally

FloatArray = NDArray[np.float64]
Progress = Callable[[float], None]
Found = tuple[int, list[Figures]]
"""A zone, and the figures of its layers."""

REFINED_BYTES = 64_000_000
"""Most bytes of counters in one pass over zones too large to hold."""
LEAST_WINDOWS = 4
"""Fewer windows a share are not worth reading its border windows twice."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Share:
    """Zones of one grid of pixels, and what is asked of them.

    Parameters
    ----------
    group : tuple of Layers
        All on the same grid.
    zone : (Z,) intp
        What number each has among all zones.
    edges : Edges
        Of the zones.
    whole : (Z,) int64
        Pixels of each zone's box that lie on the raster; 0 for those of other shares.
    counted : (Z,) bool
        Zones too large to hold their values.
    quantiles : tuple of float
    bin_edges : (K + 1,) float64, optional
    """

    group: tuple[Layers, ...]
    zone: NDArray[np.intp]
    edges: Edges
    whole: NDArray[np.int64]
    counted: NDArray[np.bool_]
    quantiles: tuple[float, ...]
    bin_edges: FloatArray | None

    @property
    def bands(self) -> int:
        """Layers read together."""
        return sum(len(source.labels) for source in self.group)

    def windows(self) -> Iterator[tuple[Window, NDArray[np.intp]]]:
        """Yield every window with the zones that are asked for and reach into it."""
        for window in self.group[0].windows(self.bands):
            place = (window.column, window.row, window.width, window.height)
            reached = touching(self.edges, *place)
            yield window, reached[self.whole[reached] > 0]


def everything(
    group: Sequence[Layers],
    zones: Sequence[Zone],
    quantiles: tuple[float, ...],
    bin_edges: FloatArray | None,
) -> tuple[Share, FloatArray]:
    """Return all zones as one share, and their sizes in pixels, (Z,)."""
    first = group[0]
    placed = in_pixels(zones, first.epsg, first.affine)
    sizes: FloatArray = shapely.area(placed)
    edges = edges_of(placed)
    bounds = np.nan_to_num(edges.bounds, nan=0.0)
    whole = _overlap(bounds[:, 0], bounds[:, 2], 0, first.width)
    whole *= _overlap(bounds[:, 1], bounds[:, 3], 0, first.height)
    bands = sum(len(source.labels) for source in group)
    counted = too_large(edges, sizes, bands) if quantiles else np.zeros(len(sizes), dtype=np.bool_)
    return Share(group=tuple(group), zone=np.arange(len(sizes)), edges=edges, whole=whole,
                 counted=counted, quantiles=quantiles, bin_edges=bin_edges), sizes  # fmt: skip


def shares_of(whole: Share, count: int) -> list[Share]:
    """Share zones out so that each share reads about as many windows.

    Parameters
    ----------
    whole : Share
        From `everything`.
    count : int
        Shares at most; fewer when there are few windows. Figures do not depend on it.
    """
    told = [reached for _, reached in whole.windows()]
    read = [reached for reached in told if len(reached)]
    count = max(1, min(count, len(read) // LEAST_WINDOWS))
    owner = np.full(len(whole.zone), -1)
    for number, reached in enumerate(read):
        fresh = reached[owner[reached] < 0]
        owner[fresh] = number * count // len(read)
    beside = [np.zeros(len(owner), dtype=np.bool_) for _ in range(count)]
    for window, reached in whole.windows():
        known = touching(whole.edges, window.column, window.row, window.width, window.height)
        for share in np.unique(owner[reached]).tolist():
            beside[share][known] = True
    return [_part(whole, owner == share, beside[share]) for share in range(count)]


def _part(whole: Share, own: NDArray[np.bool_], beside: NDArray[np.bool_]) -> Share:
    kept = np.flatnonzero(own | beside)
    first = whole.edges.first
    counts = first[kept + 1] - first[kept]
    which = ranges(first[kept], counts)
    edges = Edges(begin=whole.edges.begin[which], end=whole.edges.end[which],
                  first=np.concatenate([[0], np.cumsum(counts)]).astype(np.intp),
                  bounds=whole.edges.bounds[kept])  # fmt: skip
    return replace(whole, zone=kept, edges=edges, counted=whole.counted[kept],
                   whole=np.where(own[kept], whole.whole[kept], 0))  # fmt: skip


def all_figures(share: Share) -> list[Found]:
    """Return every zone of a share with its figures, where this runs."""
    return list(figures(share, lambda _: None))


def figures(share: Share, progress: Progress) -> Iterator[Found]:
    """Yield every zone of a share with the figures of its layers, as they become ready."""
    own = share.whole > 0
    gathering = Gathering(share.edges, share.bands, quantiles=share.quantiles,
                          bin_edges=share.bin_edges, counted=share.counted,
                          wanted=own)  # fmt: skip
    again: dict[int, list[Tally]] = {}
    part = 0.5 if (share.counted & own).any() else 1.0
    for zone in _pass(share, own, gathering.add, lambda done: progress(part * done)):
        if share.counted[zone]:
            again[zone] = gathering.take_counted(zone)
        else:
            yield int(share.zone[zone]), gathering.close(zone)
    if again:
        yield from _refined(share, again, lambda done: progress(0.5 + 0.5 * done))
    progress(1.0)


def nothing(share: Share) -> list[Figures]:
    """Return the figures of a zone that lies outside the raster."""
    none = np.zeros(len(share.zone), dtype=np.bool_)
    return Gathering(share.edges, share.bands, quantiles=share.quantiles,
                     bin_edges=share.bin_edges, counted=none).close(0)  # fmt: skip


def _refined(share: Share, again: dict[int, list[Tally]], progress: Progress) -> Iterator[Found]:
    done, total = 0, len(again)
    while again:
        few: dict[int, list[Tally]] = {}
        refining = Refining(share.edges, few, share.quantiles)
        while again and (not few or refining.bytes < REFINED_BYTES):
            zone, tallies = again.popitem()
            few[zone] = tallies
            refining.take_up(zone)
        chosen = np.isin(np.arange(len(share.zone)), list(few))
        for zone in _pass(share, chosen, refining.add, lambda _: None):
            yield int(share.zone[zone]), refining.close(zone)
        done += len(few)
        progress(done / total)


def _pass(
    share: Share,
    chosen: NDArray[np.bool_],
    add: Callable[[int, int, NDArray[np.float32]], None],
    progress: Progress,
) -> Iterator[int]:
    """Read every window that a chosen zone needs; yield zones once their last has passed."""
    left = np.where(chosen, share.whole, 0)
    wanted = list(share.windows())
    with ExitStack() as stack:
        reads = [stack.enter_context(source.reading()) for source in share.group]
        for number, (window, zones) in enumerate(wanted, start=1):
            reached = zones[left[zones] > 0]
            if len(reached):
                parts = [read(window) for read in reads]
                values = parts[0] if len(parts) == 1 else np.concatenate(parts)
                add(window.column, window.row, values)
                left[reached] -= _within(share.edges.bounds[reached], window)
                yield from reached[left[reached] == 0].tolist()
            progress(number / len(wanted))


def _within(bounds: FloatArray, window: Window) -> NDArray[np.int64]:
    column, row = window.column, window.row
    wide = _overlap(bounds[:, 0], bounds[:, 2], column, column + window.width)
    return wide * _overlap(bounds[:, 1], bounds[:, 3], row, row + window.height)


def _overlap(low: FloatArray, high: FloatArray, first: int, stop: int) -> NDArray[np.int64]:
    """Return how many whole numbers from first to stop − 1 lie between floor and ceiling."""
    begin, end = np.clip(np.floor(low), first, stop), np.clip(np.ceil(high), first, stop)
    found: NDArray[np.int64] = np.maximum(end - begin, 0.0).astype(np.int64)
    return found
