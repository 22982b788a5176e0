"""What the crop gave and showed: harvests, counts, stages seen, prices; and notes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import ClassVar

from agri.field_records.record import (
    MOST_KG,
    MOST_M2,
    MOST_NUMBER,
    Record,
    above_nothing,
    told,
    within,
)
from agri.units import HECTARE_M2


class Counted(StrEnum):
    """What was counted."""

    FRUIT = "fruit"
    PANICLE = "panicle"
    FLUSH = "flush"
    TREE = "tree"


@dataclass(frozen=True, slots=True, kw_only=True)
class Harvest(Record):
    """What was picked or cut.

    Parameters
    ----------
    mass_kg : float
        The fruit or grain alone.
    crates : float or None
        How many crates it filled, when it was counted in crates.
    grade : str
        Its class, such as "loại 1".
    area_m2 : float or None
        The ground it is from, when not the whole field.
    moisture_pct : float or None
        Water in the grain, per cent of its mass.

    Examples
    --------
    >>> picked = Harvest(day=date(2027, 5, 21), field="Vườn vải", tree="A-12", mass_kg=46.5)
    >>> picked.season, picked.mass_kg
    (2027, 46.5)
    """

    kind: ClassVar[str] = "harvest"

    mass_kg: float
    crates: float | None = None
    grade: str = ""
    area_m2: float | None = None
    moisture_pct: float | None = None

    def __post_init__(self) -> None:
        Record.__post_init__(self)
        within(self, "mass_kg", MOST_KG)
        within(self, "crates", MOST_NUMBER)
        above_nothing(self, "area_m2", MOST_M2)
        within(self, "moisture_pct", 100.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Count(Record):
    """What was counted on a tree, or on several together.

    Parameters
    ----------
    what : Counted
        Fruits, panicles, flushes or trees.
    number : float
        As counted.
    share : float
        The share of the tree or trees that was looked at, above 0 up to 1.
    trees : int
        How many trees were counted together.
    size_mm : float or None
        The mean fruit's diameter.

    Examples
    --------
    >>> Count(day=date(2027, 4, 2), field="V", what=Counted.FRUIT, number=120, share=0.25).total
    480.0
    """

    kind: ClassVar[str] = "count"

    what: Counted
    number: float
    share: float = 1.0
    trees: int = 1
    size_mm: float | None = None

    def __post_init__(self) -> None:
        Record.__post_init__(self)
        within(self, "number", MOST_NUMBER)
        above_nothing(self, "share", 1.0)
        above_nothing(self, "trees", MOST_NUMBER)
        above_nothing(self, "size_mm", 500.0)

    @property
    def total(self) -> float:
        """What the whole tree or trees have, were the rest like the share looked at."""
        return self.number / self.share

    @property
    def per_tree(self) -> float:
        """`total` of the mean tree."""
        return self.total / self.trees


@dataclass(frozen=True, slots=True, kw_only=True)
class Bloom(Record):
    """A stage of growth that was seen.

    Parameters
    ----------
    bbch : int
        The stage by the general BBCH scale, 0 to 99: 51 flower buds, 65 full bloom, 71 fruit set.
    share : float
        The share of the shoots, or of the trees when no tree is named, that have reached it.

    Examples
    --------
    >>> Bloom(day=date(2027, 2, 20), field="Vườn vải", bbch=65, share=0.5).bbch
    65
    """

    kind: ClassVar[str] = "bloom"

    bbch: int
    share: float = 1.0

    def __post_init__(self) -> None:
        Record.__post_init__(self)
        within(self, "bbch", 99)
        within(self, "share", 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price(Record):
    """What a kilogram was sold for, or was told to be worth.

    Parameters
    ----------
    vnd_kg : float
        Đồng for a kilogram.
    mass_kg : float or None
        How much was sold at it; None for a price only heard of.
    grade : str
        For which class.
    buyer : str
        Who bought, or where the price was heard.

    Examples
    --------
    >>> Price(day=date(2027, 5, 22), vnd_kg=35_000.0, mass_kg=120.0).income_vnd
    4200000.0
    """

    kind: ClassVar[str] = "price"
    of_farm: ClassVar[bool] = True

    vnd_kg: float
    mass_kg: float | None = None
    grade: str = ""
    buyer: str = ""

    def __post_init__(self) -> None:
        Record.__post_init__(self)
        above_nothing(self, "vnd_kg", 100_000_000.0)
        above_nothing(self, "mass_kg", MOST_KG)

    @property
    def income_vnd(self) -> float | None:
        """Đồng received; None for a price only heard of."""
        return None if self.mass_kg is None else self.vnd_kg * self.mass_kg


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Record):
    """Anything else that was done or seen: pruning, a storm, empty bottles handed in.

    Parameters
    ----------
    text : str
        What.
    """

    kind: ClassVar[str] = "note"
    of_farm: ClassVar[bool] = True

    text: str

    def __post_init__(self) -> None:
        Record.__post_init__(self)
        told(self, "text")


def season_of(day: date, harvest_ends: int = 12) -> int:
    """Return the season a day belongs to: the year in which its harvest falls.

    Parameters
    ----------
    day : date
        Any.
    harvest_ends : int
        The month in which the crop's harvest ends, 1 to 12; what is done after it is for the next
        season. 12 makes seasons calendar years.

    Examples
    --------
    >>> season_of(date(2026, 12, 1), 6), season_of(date(2027, 6, 30), 6)
    (2027, 2027)
    """
    return day.year + (day.month > harvest_ends)


def tonnes_per_ha(mass_kg: float, area_m2: float) -> float:
    """Return a harvest as tonnes by the hectare.

    Examples
    --------
    >>> tonnes_per_ha(180.0, 360.0)
    5.0
    """
    return mass_kg / 1000.0 / (area_m2 / HECTARE_M2)
