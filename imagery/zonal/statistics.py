"""Statistics of zones over rasters: one streaming pass, exact at every zone's edge.

Theory of operation
-------------------
Layers on the same grid of pixels are read together, so their zones' cover is worked out once. The
pass (`imagery.zonal.shares`) reads the windows that zones reach into; what is in memory is a window
and the zones under it (`imagery.zonal.gathering`). On a cluster it is shared out by zones, and the
figures are the same to the last bit.

Each zone is taken by itself, so zones may overlap. A zone that lies outside a raster, or where the
raster has no data, is a finding and gets a row without numbers; coverage tells for every row how
much of the zone has data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from agri.findings import Finding
from agri.zone import Zone
from imagery.scale import each_done
from imagery.zonal.layers import Layers
from imagery.zonal.placing import sizes_m2
from imagery.zonal.shares import Found, Share, all_figures, everything, figures, nothing, shares_of
from imagery.zonal.tally import Figures

FloatArray = NDArray[np.float64]
Progress = Callable[[float], None]

QUANTILES = (0.1, 0.5, 0.9)
"""Taken when none are named."""
PARTLY = 0.9
"""Zones with data on less than this share are a finding."""
MAX_QUANTILES, MAX_BINS = 20, 256
SHARES = 64
"""Shares that a cluster is given: enough to keep many workers busy to the end."""


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
    client: Any = None,
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
    client : distributed.Client, optional
        From `imagery.scale.connected`: its workers do it; they must see the files.

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
    >>> from shapely.geometry import box
    >>> from imagery.zonal.layers import ArrayLayers
    >>> ramp = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    >>> grid = ArrayLayers(values=ramp, affine=(0.001, 0, 106.0, 0, -0.001, 21.0), epsg=4326,
    ...                    labels=("ramp",))
    >>> half = Zone(name="half", area=box(106.0, 20.9985, 106.002, 21.0))
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
        whole, sizes = everything(group, zones, asked, edges if len(edges) else None)
        for zone, bands in _figures(whole, client, _part(progress, number, len(groups))):
            layered = _rows(zones[zone], group, bands, float(sizes[zone]), areas[zone])
            found.update(((zone, row.label), row) for row in layered)
            outside = bool(whole.whole[zone] == 0)
            told = _told(zones[zone], group, layered, outside=outside)
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


def _figures(whole: Share, client: Any, progress: Progress) -> Iterator[Found]:
    """Yield every zone with its figures, made here or by a cluster's workers."""
    for away in np.flatnonzero(whole.whole == 0).tolist():
        yield away, nothing(whole)
    if client is None:
        yield from figures(whole, progress)
        return
    shares = shares_of(whole, SHARES)
    for number, made in enumerate(each_done(client, all_figures, shares), start=1):
        yield from made
        progress(number / len(shares))


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
