"""Statistics of zones over rasters: one streaming pass, exact at every zone's edge.

Theory of operation
-------------------
Layers on the same grid of pixels are read together, so their zones' cover is worked out once.
Windows that no zone reaches into are not read. A zone's figures are made as soon as its last pixel
has passed; what is in memory is a window and the zones under it (`imagery.zonal.gathering`). Zones
too large to hold their values for quantiles have their blocks read twice; without quantiles nothing
is.

Each zone is taken by itself, so zones may overlap. A zone that lies outside a raster, or where the
raster has no data, is a finding and gets a row without numbers; coverage tells for every row how
much of the zone has data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from agri.errors import BadInput
from agri.findings import Finding
from agri.zone import Zone
from imagery.raster.ortho import Window
from imagery.zonal.coverage import Edges, edges_of, touching
from imagery.zonal.gathering import Gathering
from imagery.zonal.layers import Layers
from imagery.zonal.places import too_large
from imagery.zonal.placing import in_pixels, sizes_m2
from imagery.zonal.refining import Refining
from imagery.zonal.tally import Figures, Tally

FloatArray = NDArray[np.float64]
Progress = Callable[[float], None]

QUANTILES = (0.1, 0.5, 0.9)
"""Taken when none are named."""
PARTLY = 0.9
"""Zones with data on less than this share are a finding."""
REFINED_BYTES = 64_000_000
"""Most bytes of counters in one pass over zones too large to hold."""
MAX_QUANTILES, MAX_BINS = 20, 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneStatistics:
    """The figures of one layer within one zone.

    Parameters
    ----------
    zone : Zone
        Where.
    label : str
        The layer.
    area_m2 : float
        Of the zone, on the ground.
    coverage : float
        Share of the zone that has data, 0 to 1.
    mean, sd, least, greatest : float
        Weighted by the covered share of each pixel; NaN where there is no data.
    quantiles : tuple of float
        In the order asked for.
    histogram : tuple of float
        Square metres of the zone in each bin.
    """

    zone: Zone
    label: str
    area_m2: float
    coverage: float
    mean: float
    sd: float
    least: float
    greatest: float
    quantiles: tuple[float, ...] = ()
    histogram: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ZonalTable:
    """Statistics of many zones over many layers.

    Parameters
    ----------
    rows : tuple of ZoneStatistics
        Zone after zone as given, within a zone layer after layer.
    labels : tuple of str
        The layers.
    quantiles : tuple of float
        What was asked for.
    bin_edges : tuple of float
        Of the histogram; () for none.
    """

    rows: tuple[ZoneStatistics, ...]
    labels: tuple[str, ...]
    quantiles: tuple[float, ...] = ()
    bin_edges: tuple[float, ...] = ()

    def of(self, label: str) -> tuple[ZoneStatistics, ...]:
        """Return one layer's rows, in the order of the zones."""
        return tuple(row for row in self.rows if row.label == label)


def zonal_statistics(
    layers: Layers | Sequence[Layers],
    zones: Sequence[Zone],
    *,
    quantiles: Sequence[float] = QUANTILES,
    bin_edges: Sequence[float] = (),
    progress: Progress | None = None,
) -> tuple[ZonalTable, tuple[Finding, ...]]:
    """Take exact area-weighted statistics of zones.

    Parameters
    ----------
    layers : Layers or sequence of Layers
        Rasters; those on one grid are read in one pass. No two layers may have the same label.
    zones : sequence of Zone
        In WGS 84; they may overlap.
    quantiles : sequence of float
        0 to 1; none is quicker. Defined as exactextract defines its own
        (`imagery.zonal.order`).
    bin_edges : sequence of float
        Ascending edges of a histogram; values outside are in no bin.
    progress : callable, optional
        Is told the share done, 0 to 1.

    Returns
    -------
    table : ZonalTable
    findings : tuple of Finding
        Zones outside a raster, without data, or with data on less than `PARTLY`.

    Raises
    ------
    BadInput
        When there is no zone or layer, labels repeat, quantiles or edges make no sense, or a file
        cannot be read.

    Examples
    --------
    >>> from imagery.zonal.layers import ArrayLayers
    >>> ramp = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    >>> grid = ArrayLayers(values=ramp, affine=(0.001, 0, 106.0, 0, -0.001, 21.0), epsg=4326,
    ...                    labels=("ramp",))
    >>> half = Zone(name="half", area=shapely.box(106.0, 20.9985, 106.002, 21.0))
    >>> table, findings = zonal_statistics(grid, [half], quantiles=(0.5,))
    >>> round(table.rows[0].mean, 6), round(table.rows[0].coverage, 6), findings
    (1.833333, 1.0, ())
    """
    sources = list(layers) if isinstance(layers, Sequence) else [layers]
    edges = np.asarray(bin_edges, dtype=np.float64)
    _check(sources, zones, quantiles, edges)
    asked = tuple(float(share) for share in quantiles)
    areas = sizes_m2(zones).tolist()
    labels = tuple(label for source in sources for label in source.labels)
    found: dict[tuple[int, str], ZoneStatistics] = {}
    findings: list[tuple[int, Finding]] = []
    groups = _groups(sources)
    for number, group in enumerate(groups):
        job = _Job(group, zones, asked, edges if len(edges) else None)
        for zone, bands in job.figures(_part(progress, number, len(groups))):
            size = float(job.sizes[zone])
            layered = _rows(zones[zone], group, bands, size, areas[zone])
            found.update(((zone, row.label), row) for row in layered)
            told = _told(zones[zone], group, layered, outside=job.outside(zone))
            findings += [(zone, finding) for finding in told]
    rows = tuple(found[zone, label] for zone in range(len(zones)) for label in labels)
    findings.sort(key=lambda told: told[0])
    table = ZonalTable(rows=rows, labels=labels, quantiles=asked, bin_edges=tuple(edges.tolist()))
    return table, tuple(finding for _, finding in findings)


def _check(
    sources: Sequence[Layers], zones: Sequence[Zone], quantiles: Sequence[float], edges: FloatArray
) -> None:
    labels = [label for source in sources for label in source.labels]
    if not zones or not labels:
        raise BadInput("error.zonal_nothing")
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise BadInput("error.zonal_label", label=twice[:40])
    wrong = [share for share in quantiles if not 0.0 <= share <= 1.0]
    if wrong or len(quantiles) > MAX_QUANTILES:
        raise BadInput("error.zonal_quantile", value=wrong[0] if wrong else len(quantiles),
                       most=MAX_QUANTILES)  # fmt: skip
    ascending = np.isfinite(edges).all() and (np.diff(edges) > 0.0).all()
    if len(edges) and (not ascending or not 2 <= len(edges) <= MAX_BINS + 1):
        raise BadInput("error.zonal_bins", most=MAX_BINS)


def _groups(sources: Sequence[Layers]) -> list[list[Layers]]:
    """Put rasters on the same grid of pixels together."""
    by_grid: dict[tuple[object, ...], list[Layers]] = {}
    for source in sources:
        key = (source.width, source.height, source.epsg, tuple(source.affine))
        by_grid.setdefault(key, []).append(source)
    return list(by_grid.values())


def _part(progress: Progress | None, number: int, total: int) -> Progress:
    def told(share: float) -> None:
        if progress is not None:
            progress((number + share) / total)

    return told


class _Job:
    """The zones of one grid of pixels."""

    def __init__(
        self,
        group: Sequence[Layers],
        zones: Sequence[Zone],
        quantiles: tuple[float, ...],
        bin_edges: FloatArray | None,
    ) -> None:
        first = group[0]
        self.group, self.quantiles, self.bin_edges = group, quantiles, bin_edges
        self.width, self.height = first.width, first.height
        placed = in_pixels(zones, first.epsg, first.affine)
        self.sizes: FloatArray = shapely.area(placed)
        self.edges: Edges = edges_of(placed)
        self.bands = sum(len(source.labels) for source in group)
        self.whole = self._clipped()
        self.left = self.whole.copy()

    def _clipped(self) -> NDArray[np.int64]:
        """Return how many pixels of each zone's box lie on the raster."""
        bounds = np.nan_to_num(self.edges.bounds, nan=0.0)
        wide = _overlap(bounds[:, 0], bounds[:, 2], 0, self.width)
        return wide * _overlap(bounds[:, 1], bounds[:, 3], 0, self.height)

    def outside(self, zone: int) -> bool:
        """Return whether a zone lies wholly outside the raster."""
        return bool(self.whole[zone] == 0)

    def figures(self, progress: Progress) -> Iterator[tuple[int, list[Figures]]]:
        """Yield every zone with the figures of its layers, as they become ready."""
        counted = np.zeros(len(self.sizes), dtype=np.bool_)
        if self.quantiles:
            counted = too_large(self.edges, self.sizes, self.bands)
        gathering = Gathering(self.edges, self.bands, quantiles=self.quantiles,
                              bin_edges=self.bin_edges, counted=counted)  # fmt: skip
        for away in np.flatnonzero(self.left == 0).tolist():
            yield away, gathering.close(away)
        again: dict[int, list[Tally]] = {}
        share = 0.5 if counted.any() else 1.0
        for zone in self._pass(gathering.add, lambda done: progress(share * done)):
            if counted[zone]:
                again[zone] = gathering.take_counted(zone)
            else:
                yield zone, gathering.close(zone)
        if again:
            yield from self._refined(again, lambda done: progress(0.5 + 0.5 * done))
        progress(1.0)

    def _refined(
        self, again: dict[int, list[Tally]], progress: Progress
    ) -> Iterator[tuple[int, list[Figures]]]:
        done, total = 0, len(again)
        while again:
            few: dict[int, list[Tally]] = {}
            refining = Refining(self.edges, few, self.quantiles)
            while again and (not few or refining.bytes < REFINED_BYTES):
                zone, tallies = again.popitem()
                few[zone] = tallies
                refining.take_up(zone)
            self.left = np.where(np.isin(np.arange(len(self.left)), list(few)), self.whole, 0)
            for zone in self._pass(refining.add, lambda _: None):
                yield zone, refining.close(zone)
            done += len(few)
            progress(done / total)

    def _pass(
        self, add: Callable[[int, int, NDArray[np.float32]], None], progress: Progress
    ) -> Iterator[int]:
        """Read every window that a zone still needs; yield zones once their last has passed."""
        wanted = list(self.group[0].windows(self.bands))
        with ExitStack() as stack:
            reads = [stack.enter_context(source.reading()) for source in self.group]
            for number, window in enumerate(wanted, start=1):
                place = (window.column, window.row, window.width, window.height)
                reached = touching(self.edges, *place)
                reached = reached[self.left[reached] > 0]
                if len(reached):
                    parts = [read(window) for read in reads]
                    values = parts[0] if len(parts) == 1 else np.concatenate(parts)
                    add(window.column, window.row, values)
                    self.left[reached] -= self._within(reached, window)
                    yield from reached[self.left[reached] == 0].tolist()
                progress(number / len(wanted))

    def _within(self, zones: NDArray[np.intp], window: Window) -> NDArray[np.int64]:
        bounds = self.edges.bounds[zones]
        column, row = window.column, window.row
        wide = _overlap(bounds[:, 0], bounds[:, 2], column, column + window.width)
        return wide * _overlap(bounds[:, 1], bounds[:, 3], row, row + window.height)


def _overlap(low: FloatArray, high: FloatArray, first: int, stop: int) -> NDArray[np.int64]:
    """Return how many whole numbers from first to stop − 1 lie between floor and ceiling."""
    begin, end = np.clip(np.floor(low), first, stop), np.clip(np.ceil(high), first, stop)
    found: NDArray[np.int64] = np.maximum(end - begin, 0.0).astype(np.int64)
    return found


def _rows(
    zone: Zone, group: Iterable[Layers], bands: Sequence[Figures], size: float, area_m2: float
) -> list[ZoneStatistics]:
    labels = [label for source in group for label in source.labels]
    per_pixel_m2 = area_m2 / size if size > 0.0 else 0.0
    return [
        ZoneStatistics(
            zone=zone,
            label=label,
            area_m2=area_m2,
            coverage=min(found.pixels / size, 1.0) if size > 0.0 else 0.0,
            mean=found.mean,
            sd=found.sd,
            least=found.least,
            greatest=found.greatest,
            quantiles=found.quantiles,
            histogram=tuple(per_pixel_m2 * pixels for pixels in found.histogram),
        )
        for label, found in zip(labels, bands, strict=True)
    ]


def _told(
    zone: Zone, group: Sequence[Layers], rows: Sequence[ZoneStatistics], *, outside: bool
) -> list[Finding]:
    """Return what is missing of a zone's rows, in one sentence for each layer at most."""
    if outside:
        labels = ", ".join(label for source in group for label in source.labels)
        return [Finding.warning("finding.zone_outside", zone.name, layers=labels[:120])]
    found = []
    for row in rows:
        if math.isnan(row.mean):
            found.append(Finding.warning("finding.zone_no_data", zone.name, layer=row.label))
        elif row.coverage < PARTLY:
            found.append(Finding.info("finding.zone_partly", zone.name, layer=row.label,
                                      share=100.0 * row.coverage))  # fmt: skip
    return found
