"""What the crop was given: sprays, fertiliser, water."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import ClassVar

from agri.errors import BadInput
from agri.field_records.record import (
    MOST_KG,
    MOST_M2,
    MOST_NUMBER,
    Record,
    above_nothing,
    label,
    told,
    within,
)


class RateUnit(StrEnum):
    """What a product is measured in: by the hectare, or by the litre of water in the tank."""

    ML_HA = "ml/ha"
    L_HA = "l/ha"
    G_HA = "g/ha"
    KG_HA = "kg/ha"
    ML_L = "ml/l"
    G_L = "g/l"

    @property
    def by_area(self) -> bool:
        """Whether it is by the hectare."""
        return self.value.endswith("/ha")


@dataclass(frozen=True, slots=True, kw_only=True)
class SprayRecord(Record):
    """A product that was sprayed.

    Parameters
    ----------
    product : str
        As on the label.
    dose : float or None
        As used, in `unit`; None when not told.
    unit : RateUnit
        By the hectare or by the litre of water.
    water_l_ha : float or None
        Litres of spray by the hectare.
    area_m2 : float or None
        Ground sprayed, when not the whole field.
    phi_days : int or None
        Pre-harvest interval of the label; None when not told, which is not 0.
    target : str
        The pest or disease it was for.
    active : str
        The active ingredient.
    label : str
        Where dose and interval were read, by whom and when.
    flight : str
        Key of the flight that sprayed it, "" when sprayed by hand.

    Examples
    --------
    >>> spray = SprayRecord(
    ...     day=date(2027, 5, 1), field="Vườn vải", product="Thuốc A", dose=1.5,
    ...     unit=RateUnit.ML_L, water_l_ha=400.0, phi_days=14,
    ... )
    >>> spray.dose_per_ha, spray.first_harvest.isoformat()
    (600.0, '2027-05-15')
    """

    kind: ClassVar[str] = "spray"

    product: str
    dose: float | None = None
    unit: RateUnit = RateUnit.ML_HA
    water_l_ha: float | None = None
    area_m2: float | None = None
    phi_days: int | None = None
    target: str = ""
    active: str = ""
    label: str = ""
    flight: str = ""

    def __post_init__(self) -> None:
        Record.__post_init__(self)
        told(self, "product")
        above_nothing(self, "dose", 1_000_000.0)
        above_nothing(self, "water_l_ha", 20_000.0)
        above_nothing(self, "area_m2", MOST_M2)
        within(self, "phi_days", 365)

    @property
    def dose_per_ha(self) -> float | None:
        """Product by the hectare, in ml, l, g or kg as `unit` has it; None when not known."""
        if self.dose is None or self.unit.by_area:
            return self.dose
        return None if self.water_l_ha is None else self.dose * self.water_l_ha

    @property
    def first_harvest(self) -> date | None:
        """First day on which the label lets harvest; None when no interval is told."""
        return None if self.phi_days is None else self.day + timedelta(days=self.phi_days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fertiliser(Record):
    """A fertiliser, manure or lime that was spread.

    Parameters
    ----------
    product : str
        As on the bag.
    mass_kg : float
        All that was spread.
    n_pct, p2o5_pct, k2o_pct : float or None
        What it holds, per cent of its mass.
    organic : bool
        Whether it is manure, compost or the like.
    trees : int or None
        How many trees had it.
    area_m2 : float or None
        The ground it was spread on, when not the whole field.
    method : str
        How, such as "rãnh mép tán".

    Examples
    --------
    >>> npk = Fertiliser(day=date(2027, 3, 1), field="V", product="NPK", mass_kg=25.0, n_pct=16.0)
    >>> npk.n_kg, npk.k2o_kg
    (4.0, None)
    """

    kind: ClassVar[str] = "fertiliser"

    product: str
    mass_kg: float
    n_pct: float | None = None
    p2o5_pct: float | None = None
    k2o_pct: float | None = None
    organic: bool = False
    trees: int | None = None
    area_m2: float | None = None
    method: str = ""

    def __post_init__(self) -> None:
        Record.__post_init__(self)
        told(self, "product")
        above_nothing(self, "mass_kg", MOST_KG)
        parts = ("n_pct", "p2o5_pct", "k2o_pct")
        for name in parts:
            within(self, name, 100.0)
        total = sum(getattr(self, name) or 0.0 for name in parts)
        if total > 100.0:
            raise BadInput("error.record_parts", product=self.product, percent=total)
        above_nothing(self, "trees", MOST_NUMBER)
        above_nothing(self, "area_m2", MOST_M2)

    def _part(self, percent: float | None) -> float | None:
        return None if percent is None else self.mass_kg * percent / 100.0

    @property
    def n_kg(self) -> float | None:
        """Nitrogen; None when not told."""
        return self._part(self.n_pct)

    @property
    def p2o5_kg(self) -> float | None:
        """Phosphate as P₂O₅; None when not told."""
        return self._part(self.p2o5_pct)

    @property
    def k2o_kg(self) -> float | None:
        """Potash as K₂O; None when not told."""
        return self._part(self.k2o_pct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Irrigation(Record):
    """Water that was given.

    Parameters
    ----------
    volume_m3 : float or None
        Cubic metres; None when only the time is known.
    hours : float or None
        How long.
    area_m2 : float or None
        The ground watered, when not the whole field.
    water : str
        Where it is from, such as "hồ Bến Châu".

    Examples
    --------
    >>> given = Irrigation(day=date(2027, 4, 1), field="V", volume_m3=36.0, area_m2=3600.0)
    >>> given.depth_mm
    10.0
    """

    kind: ClassVar[str] = "irrigation"

    volume_m3: float | None = None
    hours: float | None = None
    area_m2: float | None = None
    water: str = ""

    def __post_init__(self) -> None:
        Record.__post_init__(self)
        if self.volume_m3 is None and self.hours is None:
            raise BadInput("error.record_untold", name=label("volume_m3"))
        above_nothing(self, "volume_m3", 1_000_000.0)
        above_nothing(self, "hours", 1000.0)
        above_nothing(self, "area_m2", MOST_M2)

    @property
    def depth_mm(self) -> float | None:
        """Water as a depth; None when volume or ground is not known."""
        if self.volume_m3 is None or self.area_m2 is None:
            return None
        return 1000.0 * self.volume_m3 / self.area_m2
