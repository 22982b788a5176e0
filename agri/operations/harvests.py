"""What trees and fields gave, and what was counted: from the farm's records, or from a table.

Theory of operation. By default all comes from the farm's field records (`agri records`). A table
stands in for them: a CSV with a heading, comma, semicolon or tab between columns and either decimal
sign. Columns are known by their words without accents: a tree or a row (else the line is of the
whole field), the season, kilograms; or a tree and what was counted on it, which is how the list of
``agri sample-trees`` comes back when its last column has been filled in. Several lines of one tree
and season are added up: pickers come twice. A cell that is no number is told with its line.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from agri.errors import BadInput
from agri.field_records import Bloom, Count, Harvest
from agri.field_records.crop import Counted
from agri.files import read_text_limited
from agri.names import fold
from agri.workspace import Workspace
from models.features import Harvests

MOST_BYTES = 20_000_000
WORDS = {
    "tree": ("cay", "tree", "ma cay", "so cay", "cay so", "tree id"),
    "row": ("hang", "row", "luong"),
    "field": ("thua", "field", "vuon", "ruong"),
    "season": ("vu", "season", "nam", "year"),
    "kg": ("kg", "san luong", "yield", "khoi luong", "yield kg", "san luong kg"),
    "count": ("so dem", "count", "counted", "so qua", "fruits", "fruit", "qua"),
}
"""Headings by column, folded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """What a tree, a row or the field gave in a season.

    Parameters
    ----------
    season : int
        Year of the harvest.
    kg : float
    tree, row : str
        "" when it is of the whole field.
    """

    season: int
    kg: float
    tree: str = ""
    row: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeCount:
    """Fruit counted on a tree.

    Parameters
    ----------
    tree : str
    fruits : float
        On the whole tree.
    day : date
    """

    tree: str
    fruits: float
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeBloom:
    """A share in flower that was seen: of one tree, or of the field's trees when none is named."""

    season: int
    tree: str
    share: float
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a forecast takes from records.

    Parameters
    ----------
    picked : tuple of Picked
    counts : tuple of TreeCount
    blooms : tuple of TreeBloom
    """

    picked: tuple[Picked, ...] = ()
    counts: tuple[TreeCount, ...] = ()
    blooms: tuple[TreeBloom, ...] = ()


def kept_by(farm: Workspace, field: str) -> Kept:
    """Return what the farm's records tell of a field."""
    harvests = farm.records.read(Harvest, field=field)
    counts = [one for one in farm.records.read(Count, field=field)
              if one.what is Counted.FRUIT and one.tree and one.trees == 1]  # fmt: skip
    blooms = [one for one in farm.records.read(Bloom, field=field) if 51 <= one.bbch < 70]
    return Kept(
        picked=tuple(Picked(season=one.season, kg=one.mass_kg, tree=one.tree, row=one.row)
                     for one in harvests),
        counts=tuple(TreeCount(tree=one.tree, fruits=one.total, day=one.day) for one in counts),
        blooms=tuple(TreeBloom(season=one.season, tree=one.tree, share=one.share, day=one.day)
                     for one in blooms),
    )  # fmt: skip


def read_harvests(path: Path, *, field: str = "") -> tuple[Picked, ...]:
    """Read a table of harvests.

    Parameters
    ----------
    path : Path
        CSV with a season, kilograms, and where told a tree or a row.
    field : str
        Lines of other fields are left out; "" takes all.

    Raises
    ------
    BadInput
        When a column is missing or a cell is no number.
    """
    found = []
    for line, cells in _rows(path, ("season", "kg")):
        told = fold(cells.get("field", ""))
        if field and told and told != fold(field):
            continue
        kg, season = _number(path, line, cells["kg"]), _number(path, line, cells["season"])
        if math.isnan(kg):
            continue
        if not season.is_integer() or not 1900 <= season < 2200:
            raise BadInput(
                "error.table_cell", name=path.name, line=line, value=cells["season"][:40]
            )
        found.append(Picked(season=int(season), kg=kg, tree=cells.get("tree", ""),
                            row=cells.get("row", "")))  # fmt: skip
    return tuple(found)


def read_counts(path: Path, *, day: date) -> tuple[TreeCount, ...]:
    """Read counted trees: the list of ``agri sample-trees``, filled in.

    Raises
    ------
    BadInput
        When a column is missing or a cell is no number.
    """
    found = []
    for line, cells in _rows(path, ("tree", "count")):
        fruits = _number(path, line, cells["count"])
        if not math.isnan(fruits):
            found.append(TreeCount(tree=cells["tree"], fruits=fruits, day=day))
    return tuple(found)


def summed(picked: Iterable[Picked]) -> dict[int, dict[str, float]]:
    """Return kg by season and tree; "" is the field's total of what was not weighed by tree.

    Examples
    --------
    >>> summed([Picked(season=2025, kg=3.0, tree="1"), Picked(season=2025, kg=4.0, tree="1"),
    ...         Picked(season=2024, kg=900.0, row="7"), Picked(season=2024, kg=100.0)])
    {2025: {'1': 7.0}, 2024: {'': 1000.0}}
    """
    found: dict[int, dict[str, float]] = {}
    for one in picked:
        of_season = found.setdefault(one.season, {})
        of_season[one.tree] = of_season.get(one.tree, 0.0) + one.kg
    return found


def weighed_trees(path: Path, *, seasons: int = 1) -> dict[int, dict[str, float]]:
    """Read what single trees gave, kg by season and tree; lines of whole rows or fields are left.

    Parameters
    ----------
    path : Path
        CSV as in `read_harvests`.
    seasons : int
        So many are needed.

    Raises
    ------
    BadInput
        When a column is missing, a cell is no number, no line is of a tree, or the seasons are
        too few.
    """
    found = {
        season: {tree: kg for tree, kg in given.items() if tree}
        for season, given in sorted(summed(read_harvests(path)).items())
    }
    found = {season: given for season, given in found.items() if given}
    if not found:
        raise BadInput("error.table_no_trees", name=path.name)
    if len(found) < seasons:
        raise BadInput("error.table_seasons", name=path.name, count=len(found), least=seasons)
    return found


def harvest_log(path: Path, *, seasons: int = 1) -> Harvests:
    """Return what single trees gave as the arrays that models take.

    Parameters and faults are those of `weighed_trees`.
    """
    lines = [
        (tree, season, kg)
        for season, given in weighed_trees(path, seasons=seasons).items()
        for tree, kg in given.items()
    ]
    trees, years, kg = zip(*lines, strict=True)
    return Harvests(unit=np.array(trees), season=np.array(years), yield_kg=np.array(kg))


def _rows(path: Path, needed: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    text = read_text_limited(path, limit_bytes=MOST_BYTES).lstrip("\ufeff")
    first = text.split("\n", 1)[0]
    sign = max(",;\t", key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=sign))
    except csv.Error as error:
        raise BadInput("error.table_not_csv", name=path.name, reason=str(error)) from None
    if not any(cell.strip() for row in rows for cell in row):
        raise BadInput("error.table_empty", name=path.name)
    names = [fold(cell) for cell in rows[0]]
    where = {column: at for column, words in WORDS.items()
             for at, name in enumerate(names) if name in words}  # fmt: skip
    missing = [column for column in needed if column not in where]
    if missing:
        raise BadInput("error.table_column", name=path.name,
                       words=", ".join(WORDS[missing[0]][:3]))  # fmt: skip
    return [
        (line, {column: row[at].strip() if at < len(row) else "" for column, at in where.items()})
        for line, row in enumerate(rows[1:], 2) if any(cell.strip() for cell in row)
    ]  # fmt: skip


def _number(path: Path, line: int, text: str) -> float:
    """Return a number of 0 or more, NaN for an empty cell."""
    if not text:
        return math.nan
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = -1.0
    if not 0.0 <= value < 1e9:
        raise BadInput("error.table_cell", name=path.name, line=line, value=text[:40])
    return value
