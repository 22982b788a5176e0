"""Crop cards: what is known of a crop, every number with its range, its unit and where it is from.

Theory of operation. A `CropCard` holds `Sourced` numbers, `SourcedTable`s (yield by age,
fertiliser by age) and the `Stage`s of growth, each with the heat it takes. Whatever computes with a
crop takes its figures from here, so that a figure that is doubted can be found, and changed, in one
place. Cards are data (``crops/*.toml``); `agri.crop_cards` reads them, the user's own too.

Decisions. A number cannot exist without low and high, unit and confidence; without a source it
exists only when it says of itself that it is assumed ("giả định"), and then it never claims more
than low confidence. Dates are days of a year of 365 days, written "05-22" in the files. Stages are
counted by the general BBCH scale of two digits (51 flower buds appear, 65 full bloom, 71 fruit
set, 89 ripe), which lychee's own scale of three digits (Wei 2013, doi
10.1016/j.scienta.2013.07.017) refines.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise

from agri.errors import BadInput
from agri.rules import Confidence
from agri.words import Language, Message

DAY_OF_YEAR = "day_of_year"
"""The unit of a date without a year."""


ID = re.compile("[a-z0-9_]{1,60}")
"""What a card may be called in files: nothing that leads out of a folder."""


class CropKind(StrEnum):
    """What kind of crop a card is of."""

    LYCHEE = "lychee"
    CUSTARD_APPLE = "custard_apple"
    RICE = "rice"
    VEGETABLE = "vegetable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourced:
    """A number that tells where it comes from and how sure it is.

    Parameters
    ----------
    name : str
        What it is, such as "fruit_mass".
    value, low, high : float
        Low ≤ value ≤ high; low and high are the range told or thought likely.
    unit : str
        Such as "g", "t/ha", "day_of_year".
    source : str
        Where it is from; may be "" only for an assumed number.
    confidence : Confidence
        How sure it is; at most low for an assumed number.
    assumed : bool
        Whether it is a guess, to be replaced by the farm's own records.

    Raises
    ------
    BadInput
        When any of this is not so; the sentence names the number.

    Examples
    --------
    >>> mass = Sourced(
    ...     name="fruit_mass", value=53.0, low=50.0, high=55.0, unit="g",
    ...     source="VAAS", confidence=Confidence.HIGH,
    ... )
    >>> mass.text("en")
    '53 g (50 to 55)'
    """

    name: str
    value: float
    low: float
    high: float
    unit: str
    source: str = ""
    confidence: Confidence
    assumed: bool = False

    def __post_init__(self) -> None:
        figures = (self.low, self.value, self.high)
        if not all(map(math.isfinite, figures)) or not self.low <= self.value <= self.high:
            raise BadInput(
                "error.crop_range",
                number=self.name, low=self.low, value=self.value, high=self.high,
            )  # fmt: skip
        if not self.unit.strip():
            raise BadInput("error.crop_unit", number=self.name)
        _check_source(self.name, self.source, self.confidence, assumed=self.assumed)

    @property
    def spread(self) -> float:
        """A standard deviation for computing: the range is taken for 90 % of a normal spread."""
        return (self.high - self.low) / (2.0 * 1.645)

    @property
    def message(self) -> Message:
        """The number with its range; an assumed one says so and asks for the farm's own."""
        key = "crop.number_assumed" if self.assumed else "crop.number"
        return Message.of(key, value=self.value, low=self.low, high=self.high, unit=self.unit)

    def text(self, language: Language = "en") -> str:
        """Return the number with its range, in `language`."""
        return self.message.text(language)

    def day(self, year: int) -> date:
        """Return the date in `year` of a number that is a day of the year.

        Raises
        ------
        BadInput
            When the number is no date.
        """
        if self.unit != DAY_OF_YEAR:
            raise BadInput("error.crop_not_a_date", number=self.name, unit=self.unit)
        return day_in_year(self.value, year)


def day_in_year(day_of_year: float, year: int) -> date:
    """Return the date of a day counted in a year of 365 days; 29 February is never meant.

    Examples
    --------
    >>> day_in_year(142, 2023), day_in_year(142, 2024)
    (datetime.date(2023, 5, 22), datetime.date(2024, 5, 22))
    """
    plain = date(2023, 1, 1) + timedelta(days=round(day_of_year) - 1)
    return date(year + plain.year - 2023, plain.month, plain.day)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcedTable:
    """Rows of numbers from one source, such as fertiliser by age.

    Parameters
    ----------
    name : str
        What it is.
    columns, units : tuple of str
        Of equal length.
    rows : tuple of tuple of float
        As wide as `columns`; the first column rises.
    source, confidence, assumed
        As for `Sourced`.

    Raises
    ------
    BadInput
        When the table is crooked or does not tell its source.

    Examples
    --------
    >>> curve = SourcedTable(
    ...     name="yield_by_age", columns=("age", "yield"), units=("year", "kg"),
    ...     rows=((3, 0), (5, 17.5), (12, 58.9)), confidence=Confidence.LOW, assumed=True,
    ... )
    >>> curve.at(4, "yield"), curve.at(30, "yield")
    (8.75, 58.9)
    """

    name: str
    columns: tuple[str, ...]
    units: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]
    source: str = ""
    confidence: Confidence
    assumed: bool = False

    def __post_init__(self) -> None:
        widths = {len(row) for row in self.rows} | {len(self.units)}
        finite = all(math.isfinite(value) for row in self.rows for value in row)
        if not self.rows or widths != {len(self.columns)} or not finite:
            raise BadInput("error.crop_table", number=self.name)
        first = [row[0] for row in self.rows]
        if any(b <= a for a, b in pairwise(first)):
            raise BadInput("error.crop_table", number=self.name)
        if not all(unit.strip() for unit in self.units):
            raise BadInput("error.crop_unit", number=self.name)
        _check_source(self.name, self.source, self.confidence, assumed=self.assumed)

    def at(self, position: float, column: str) -> float:
        """Return `column` at a position of the first one: straight between rows, level outside.

        Raises
        ------
        BadInput
            When there is no such column.
        """
        pairs = [(row[0], row[self._index(column)]) for row in self.rows]
        if position <= pairs[0][0]:
            return pairs[0][1]
        for (x0, y0), (x1, y1) in pairwise(pairs):
            if position <= x1:
                return y0 + (y1 - y0) * (position - x0) / (x1 - x0)
        return pairs[-1][1]

    def row_from(self, position: float) -> dict[str, float]:
        """Return the row that holds from its first column on, by column.

        Raises
        ------
        BadInput
            When `position` lies before the first row.
        """
        holding = [row for row in self.rows if row[0] <= position]
        if not holding:
            raise BadInput("error.crop_no_row", number=self.name, position=position)
        return dict(zip(self.columns, holding[-1], strict=True))

    def _index(self, column: str) -> int:
        if column not in self.columns:
            raise BadInput("error.crop_no_number", card=self.name, number=column)
        return self.columns.index(column)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A stage of growth and the heat it takes from the card's first stage.

    Parameters
    ----------
    bbch : int
        Two digits, 0 to 99.
    name_vi, name_en : str
        For sentences.
    heat : Sourced
        Degree days above the card's base temperature since its first stage began.
    """

    bbch: int
    name_vi: str
    name_en: str
    heat: Sourced

    def __post_init__(self) -> None:
        if not 0 <= self.bbch <= 99 or not (self.name_vi and self.name_en):
            raise BadInput("error.crop_stage", stage=self.bbch)

    def name(self, language: Language = "en") -> str:
        """Return its name in `language`."""
        return self.name_vi if language == "vi" else self.name_en


@dataclass(frozen=True, slots=True, kw_only=True)
class CropCard:
    """All that is told of one crop.

    Parameters
    ----------
    id, name_vi, name_en : str
        Its name for files (small letters, digits and _), and for people.
    kind : CropKind
        What kind it is.
    species : str
        Latin name.
    numbers : tuple of Sourced
        Each name once.
    tables : tuple of SourcedTable
        Each name once.
    stages : tuple of Stage
        In order, the first with no heat; empty when the card tells none.
    notes : tuple of str
        What does not fit into a number, with its source.

    Raises
    ------
    BadInput
        When the id is none, a name stands twice or the stages are out of order.
    """

    id: str
    name_vi: str
    name_en: str
    kind: CropKind
    species: str
    numbers: tuple[Sourced, ...] = ()
    tables: tuple[SourcedTable, ...] = ()
    stages: tuple[Stage, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (ID.fullmatch(self.id) and self.name_vi and self.name_en):
            raise BadInput("error.crop_name", card=self.id or "?")
        names = [one.name for one in self.numbers] + [one.name for one in self.tables]
        for name in names:
            if names.count(name) > 1:
                raise BadInput("error.crop_twice", card=self.id, number=name)
        for before, after in pairwise(self.stages):
            if after.bbch <= before.bbch or after.heat.value <= before.heat.value:
                raise BadInput("error.crop_stage", stage=after.bbch)
        if self.stages and self.stages[0].heat.value != 0.0:
            raise BadInput("error.crop_stage", stage=self.stages[0].bbch)

    def name(self, language: Language = "en") -> str:
        """Return its name in `language`."""
        return self.name_vi if language == "vi" else self.name_en

    def has(self, name: str) -> bool:
        """Return whether the card tells this number."""
        return any(one.name == name for one in self.numbers)

    def number(self, name: str) -> Sourced:
        """Return one of its numbers.

        Raises
        ------
        BadInput
            When the card does not tell it.
        """
        for one in self.numbers:
            if one.name == name:
                return one
        raise BadInput("error.crop_no_number", card=self.name_vi, number=name)

    def table(self, name: str) -> SourcedTable:
        """Return one of its tables.

        Raises
        ------
        BadInput
            When the card does not hold it.
        """
        for one in self.tables:
            if one.name == name:
                return one
        raise BadInput("error.crop_no_number", card=self.name_vi, number=name)

    def stage(self, bbch: int) -> Stage:
        """Return one of its stages.

        Raises
        ------
        BadInput
            When the card does not tell it.
        """
        for one in self.stages:
            if one.bbch == bbch:
                return one
        raise BadInput("error.crop_no_number", card=self.name_vi, number=f"BBCH {bbch}")

    @property
    def harvest_stage(self) -> Stage:
        """The last stage, at which the crop is harvested.

        Raises
        ------
        BadInput
            When the card tells no stages.
        """
        if not self.stages:
            raise BadInput("error.crop_no_number", card=self.name_vi, number="stages")
        return self.stages[-1]

    @property
    def assumed(self) -> tuple[str, ...]:
        """Names of everything on the card that is a guess."""
        numbers = [one.name for one in self.numbers if one.assumed]
        tables = [one.name for one in self.tables if one.assumed]
        return (*numbers, *tables, *(one.heat.name for one in self.stages if one.heat.assumed))


def _check_source(name: str, source: str, confidence: Confidence, *, assumed: bool) -> None:
    if not assumed and not source.strip():
        raise BadInput("error.crop_source", number=name)
    if assumed and confidence in (Confidence.HIGH, Confidence.MEDIUM):
        raise BadInput("error.crop_assumed", number=name, confidence=confidence.value)
