"""What every cell of a field is to get: rates on the lattice, as patches and as a grid.

A `Prescription` comes from zones (one rate for each) or from cells (a rate for each, in steps). Its
patches and its grid say the same, because both are the lattice: the grid is turned as the passes
are. Rates are numbers that 32 bits hold exactly, so a GeoTIFF gives back what was written. What it
pours in all is worked out from the ground within the field.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon

from agri.errors import BadInput
from agri.findings import Finding
from agri.grid import Grid
from agri.units import HECTARE_M2
from agri.zone import RateMap, RatePatch, SpreadMap, Zone
from imagery.zones.lattice import Lattice
from imagery.zones.management import ZoneMap
from imagery.zones.rules import RateRule, Unit

FloatArray = NDArray[np.float64]

FAR = 0.25
"""Share by which the mean rate may differ from the usual one without a word."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prescription:
    """Rates over a field.

    Parameters
    ----------
    cells : Lattice
    rates : (H, W) float64
        In `unit`; NaN where nothing is said.
    unit : {"l/ha", "kg/ha"}
    name : str
        For sentences and files.

    Raises
    ------
    BadInput
        When no cell of the field has a rate.
    """

    cells: Lattice
    rates: FloatArray
    unit: Unit
    name: str

    def __post_init__(self) -> None:
        if not np.isfinite(self.rates[self.cells.inside]).any():
            raise BadInput("error.rate_map_empty", name=self.name or "?")

    @property
    def different(self) -> tuple[float, ...]:
        """The rates that occur, rising."""
        inside = self.rates[self.cells.inside]
        return tuple(np.unique(inside[np.isfinite(inside)]).tolist())

    @property
    def patches(self) -> tuple[tuple[float, MultiPolygon], ...]:
        """Each rate with its ground, WGS 84 degrees."""
        return tuple((rate, self.cells.area_of(self.rates == rate)) for rate in self.different)

    @property
    def grid(self) -> Grid:
        """The rates as a grid along the passes; NaN outside the field."""
        values = np.where(self.cells.inside, self.rates, math.nan)
        return self.cells.grid(values, unit=self.unit, name=self.name)

    def total(self) -> float:
        """Return what is poured in all, litres or kilograms."""
        given = np.nan_to_num(np.where(self.cells.inside, self.rates, 0.0))
        return float((given * self.cells.inside_m2).sum() / HECTARE_M2 / self._stretch())

    def area_m2(self) -> float:
        """Return the ground that gets anything at all."""
        given = np.nan_to_num(np.where(self.cells.inside, self.rates, 0.0)) > 0.0
        return float(self.cells.inside_m2[given].sum() / self._stretch())

    def _stretch(self) -> float:
        """UTM's square metres in one on the ground."""
        return float(self.cells.inside_m2.sum()) / Zone(name="", area=self.cells.field).area_m2

    def rate_map(self) -> RateMap:
        """Return the patches as a rate map.

        Raises
        ------
        BadInput
            When the rates are kilograms.
        """
        self._must_be("l/ha")
        patches = tuple(
            RatePatch(area=area, rate_l_ha=rate, name=f"{rate:g} L/ha")
            for rate, area in self.patches
        )
        return RateMap(patches=patches, name=self.name)

    def rate_grid(self) -> RateMap:
        """Return the grid as a rate map; raises as `rate_map`."""
        self._must_be("l/ha")
        return RateMap(grid=self.grid, name=self.name)

    def spread_map(self) -> SpreadMap:
        """Return the grid as a map for a spreader.

        Raises
        ------
        BadInput
            When the rates are litres.
        """
        self._must_be("kg/ha")
        return SpreadMap(grid=self.grid, name=self.name)

    def _must_be(self, unit: Unit) -> None:
        if self.unit != unit:
            raise BadInput("error.prescription_unit", name=self.name, unit=self.unit, other=unit)


def prescribe_zones(found: ZoneMap, rule: RateRule, *, name: str, layer: int = 0) -> Prescription:
    """Give each zone one rate, by its mean.

    Parameters
    ----------
    found : ZoneMap
    rule : RateRule
        Also says what places without data get; None there refuses them.
    name : str
    layer : int
        Which layer's mean the rule looks at.

    Raises
    ------
    BadInput
        When a place has no data and the rule no rate for it.
    """
    by_zone = rule.rates(found.means[:, layer])
    rates = np.full(found.labels.shape, math.nan)
    told = found.labels >= 0
    rates[told] = by_zone[found.labels[told]]
    blind = found.cells.inside & ~told
    if blind.any():
        rates[blind] = rule.rates(np.full(int(blind.sum()), math.nan))
    return Prescription(cells=found.cells, rates=rates, unit=rule.unit, name=name)


def prescribe_cells(
    cells: Lattice, index: FloatArray, rule: RateRule, *, name: str
) -> Prescription:
    """Give each cell its own rate, in the rule's steps.

    Parameters
    ----------
    cells : Lattice
    index : (H, W) float64
        NaN where there is none.
    rule : RateRule
    name : str

    Raises
    ------
    BadInput
        As `prescribe_zones`.
    """
    rates = np.full(cells.shape, math.nan)
    rates[cells.inside] = rule.rates(index[cells.inside])
    return Prescription(cells=cells, rates=rates, unit=rule.unit, name=name)


def check_total(
    asked: Prescription, *, available: float | None = None, usual_rate: float | None = None
) -> tuple[Finding, ...]:
    """Judge what a prescription pours in all.

    Parameters
    ----------
    asked : Prescription
    available : float, optional
        Litres or kilograms that there are.
    usual_rate : float, optional
        What the field gets evenly, in the prescription's unit.

    Returns
    -------
    tuple of Finding
        The total; an ERROR when there is not enough, a WARNING when the mean rate is more than
        `FAR` away from the usual one.
    """
    total, ground_m2 = asked.total(), asked.area_m2()
    mean = total / (ground_m2 / HECTARE_M2) if ground_m2 > 0.0 else 0.0
    unit = asked.unit.split("/", maxsplit=1)[0]
    told = {"total": total, "unit": unit.upper() if unit == "l" else unit,
            "area_ha": ground_m2 / HECTARE_M2, "mean": mean}  # fmt: skip
    found = [Finding.info("finding.prescription_total", asked.name, **told)]
    if available is not None and total > available:
        found.append(Finding.error("finding.prescription_over", asked.name, available=available,
                                   total=total, unit=told["unit"]))  # fmt: skip
    if usual_rate is not None and abs(mean - usual_rate) > FAR * usual_rate:
        found.append(Finding.warning("finding.prescription_far", asked.name, mean=mean,
                                     usual=usual_rate, unit=told["unit"]))  # fmt: skip
    return tuple(found)


def zone_rates(found: ZoneMap, asked: Prescription) -> Sequence[tuple[Zone, float]]:
    """Return each zone with its rate; NaN for a zone with several."""
    rates = []
    for label, zone in enumerate(found.zones):
        here = np.unique(asked.rates[found.labels == label])
        rates.append((zone, float(here[0]) if len(here) == 1 else math.nan))
    return rates
