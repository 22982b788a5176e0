"""Management zones of a field, from rasters to areas with names."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon

from agri.findings import Finding
from agri.zone import Zone
from imagery.zonal import Layers
from imagery.zones.clustering import Classes, Criterion, Method, classify
from imagery.zones.lattice import Lattice, cell_values, lattice, parts_of, run_length_m
from imagery.zones.shaping import shaped

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

LEAST_ZONE_M2 = 360.0
"""One sào."""
LEAST_SHARE, LEAST_RUNS = 1.0 / 15.0, 4.0
"""On a field of less than fifteen sào a whole sào would leave small fields without zones: there a
fifteenth of the field is enough, as long as it is so many of the least runs."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ZoneMap:
    """Management zones of a field.

    Parameters
    ----------
    cells : Lattice
        What they are made of.
    values : (H, W, L) float64
        The cells' means.
    classes : Classes
        As divided, with the curve by which their number was chosen.
    labels : (H, W) intp
        As shaped for flying: class from 0 (least values), −1 where there is none.
    zones : tuple of Zone
        One for each class that is left, named "1", "2", …, of kind "zone".
    means : (C, L) float64
        Each zone's mean of every layer, weighted by ground.
    """

    cells: Lattice
    values: FloatArray
    classes: Classes
    labels: IntArray
    zones: tuple[Zone, ...]
    means: FloatArray


def find_zones(
    layers: Layers | Sequence[Layers],
    area: Polygon | MultiPolygon,
    *,
    direction_deg: float,
    swath_m: float,
    speed_m_s: float,
    reaction_s: float,
    least_zone_m2: float | None = None,
    classes: int | None = None,
    most: int = 6,
    method: Method = "fuzzy",
    criterion: Criterion = "fuzziness",
    smoothing: float = 1.0,
    progress: Callable[[float], None] | None = None,
) -> tuple[ZoneMap, tuple[Finding, ...]]:
    """Divide a field into zones that the sprayer can follow.

    Parameters
    ----------
    layers : Layers or sequence of Layers
        One or more indices, or one index on several dates.
    area : shapely.Polygon or MultiPolygon
        The field, WGS 84 degrees.
    direction_deg : float
        Bearing of the passes.
    swath_m, speed_m_s, reaction_s : float
        Of the sprayer: a zone is at least a swath wide, and along a pass as long as
        `imagery.zones.lattice.run_length_m` says.
    least_zone_m2 : float, optional
        Smallest connected piece of a zone; by default as `least_zone` says.
    classes, most, method, criterion
        As in `imagery.zones.clustering.classify`.
    smoothing : float
        How much a cell's neighbours count, as in `imagery.zones.shaping.shaped`.
    progress : callable, optional
        Is told the share done.

    Returns
    -------
    found : ZoneMap
    findings : tuple of Finding
        Cells without data; how many zones there are and why.

    Raises
    ------
    BadInput
        As the parts do.
    """
    along_m = run_length_m(speed_m_s, reaction_s)
    area_m2 = Zone(name="", area=area).area_m2
    least_m2 = least_zone(area_m2, swath_m * along_m) if least_zone_m2 is None else least_zone_m2
    parts = parts_of(along_m, across_m=swath_m, area_m2=area_m2)
    cells = lattice(area, direction_deg=direction_deg, across_m=swath_m, along_m=along_m / parts)
    values, findings = cell_values(layers, cells, progress=progress)
    divided = classify(values, classes=classes, most=most, method=method, criterion=criterion,
                       along=parts)  # fmt: skip
    labels = shaped(divided.shares, cells.inside_m2, least_zone_m2=least_m2,
                    least_run=parts, smoothing=smoothing)  # fmt: skip
    kept = np.unique(labels[labels >= 0])
    labels = np.where(labels >= 0, np.searchsorted(kept, labels), -1).astype(np.intp)
    zones, means = _named(cells, labels, values, len(kept))
    told = Finding.info("finding.zones_found", count=len(kept), classes=divided.number,
                        along_m=along_m, across_m=swath_m)  # fmt: skip
    found = ZoneMap(cells=cells, values=values, classes=divided, labels=labels, zones=zones,
                    means=means)  # fmt: skip
    return found, (*findings, told)


def least_zone(area_m2: float, run_m2: float) -> float:
    """Return the smallest connected piece of a zone that is worth a rate of its own, m².

    Parameters
    ----------
    area_m2 : float
        Of the field.
    run_m2 : float
        Ground of the least run that the pump can follow, one swath wide.

    Examples
    --------
    >>> least_zone(20_000.0, 32.0), round(least_zone(2_700.0, 32.0)), least_zone(900.0, 32.0)
    (360.0, 180, 128.0)
    """
    return min(LEAST_ZONE_M2, max(LEAST_SHARE * area_m2, LEAST_RUNS * run_m2))


def _named(
    cells: Lattice, labels: IntArray, values: FloatArray, number: int
) -> tuple[tuple[Zone, ...], FloatArray]:
    zones, means = [], np.full((number, values.shape[2]), math.nan)
    for label in range(number):
        mine = labels == label
        zones.append(Zone(name=str(label + 1), area=cells.area_of(mine), kind="zone"))
        weight = np.where(np.isnan(values[mine]), 0.0, cells.inside_m2[mine][:, None])
        means[label] = (weight * np.nan_to_num(values[mine])).sum(axis=0) / weight.sum(axis=0)
    return tuple(zones), means
