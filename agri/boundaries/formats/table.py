"""Tables of corners: which separator, which columns, which numbers.

Theory of operation
-------------------
A table typed in Vietnam comes with headers with or without diacritics, decimal commas or points,
with or without thousands separators, apart by semicolons, tabs, commas or spaces. The separator
is the one under which a header row with both coordinate columns appears, in one row or, as on
certificates, in two ("Tọa độ" over "X" and "Y"). A table without header is known by a column whose
numbers can all be Vietnamese northings and one whose numbers can all be eastings.

A single point or comma with three digits after it may part thousands or decimals; `read_pair`
takes the reading that makes the pair a plausible northing and easting, else the plain one.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from agri.boundaries.outlines import plain

NORTHING_M = (800_000.0, 2_700_000.0)
"""Northings of Vietnam, 8° to 24° N."""
EASTING_M = (100_000.0, 900_000.0)
"""Eastings of a zone whose middle is at 500 km."""
_HEADER_LINES = 40
_ROLES = {
    "north": "x|x m|xm|toa do x|x bac|bac|northing|n|north|toa do bac|x north|x n",
    "east": "y|y m|ym|toa do y|y dong|dong|easting|e|east|toa do dong|y east|y e",
    "lon": "lon|lng|long|longitude|kinh do|kinh do dong|kinh do e|lon deg|x lon|kinh",
    "lat": "lat|latitude|vi do|vi do bac|vi do n|lat deg|y lat|vi",
    "side": "canh|chieu dai|chieu dai canh|kich thuoc canh|kich thuoc|side|length|do dai"
    "|do dai canh|canh m|s|s m|chieu dai m|khoang cach|kc|d|dai canh",
    "parcel": "thua|thua dat|so thua|thua so|so hieu thua|ten thua|ten|name|parcel|field|lo|lo dat"
    "|ten ruong|ruong|plot",
}
_ASIDE = frozenset({"side", "parcel"})
_ROLE_OF = {word: role for role, words in _ROLES.items() for word in words.split("|")}


@dataclass(frozen=True, slots=True)
class Table:
    """A table of corners.

    Parameters
    ----------
    rows : tuple of (int, tuple of str)
        Line number and cells of every row below the header.
    columns : dict of str to int
        Where each role stands: north and east, or lon and lat; side and parcel where there are.
    header : tuple of str
        The row that names the columns, () for a table without one.
    """

    rows: tuple[tuple[int, tuple[str, ...]], ...]
    columns: dict[str, int]
    header: tuple[str, ...] = ()

    @property
    def in_degrees(self) -> bool:
        """Whether the header says longitude and latitude."""
        return "lon" in self.columns

    @property
    def pair(self) -> tuple[int, int]:
        """Columns of (northing, easting) or of (longitude, latitude)."""
        first, second = ("lon", "lat") if self.in_degrees else ("north", "east")
        return self.columns[first], self.columns[second]

    def cell(self, cells: Sequence[str], role: str) -> str:
        """Return the cell of a role, "" when there is none."""
        place = self.columns.get(role, len(cells))
        return cells[place].strip() if place < len(cells) else ""


def read_number(text: str, *, thousands: bool = True) -> float | None:
    """Return the number a person wrote, None when it is none.

    Parameters
    ----------
    text : str
        Such as ``2.332.000,12``, ``2,332,000.12``, ``2 332 000,12`` or ``371000.55``.
    thousands : bool
        Whether a single separator before exactly three digits may part thousands: then it does
        when at most three digits stand before it.

    Examples
    --------
    >>> read_number("2.332.000,12"), read_number("371.000"), read_number("25,125", thousands=False)
    (2332000.12, 371000.0, 25.125)
    >>> read_number("1.2.3") is None
    True
    """
    bare = re.sub(r"[\s'’]", "", text) if len(text) <= 60 else ""
    if not re.fullmatch(r"[-+]?[0-9][0-9.,]*", bare):
        return None
    points, commas = bare.count("."), bare.count(",")
    if points and commas:
        decimal = max(".", ",", key=bare.rfind)
    elif points + commas == 1:
        decimal = "." if points else ","
        grouped = re.fullmatch(r"[-+]?[0-9]{1,3}[.,][0-9]{3}", bare)
        if thousands and grouped and not bare.lstrip("+-").startswith("0"):
            decimal = ""
    else:
        decimal = ""
    whole, mark, part = bare.rpartition(decimal) if decimal else (bare, "", "")
    if not mark:
        whole, part = bare, ""
    if "." in part or "," in part:
        return None
    grouping = re.fullmatch(r"[-+]?[0-9]{1,3}([.,])[0-9]{3}(?:\1[0-9]{3})*", whole)
    if re.search("[.,]", whole) and (grouping is None or grouping[1] == decimal):
        return None
    return float(re.sub("[.,]", "", whole) + ("." + part if part else ""))


def find_table(text: str) -> Table | None:
    r"""Find the separator and the columns; None when this is no corner table.

    Examples
    --------
    >>> find_table("Số hiệu điểm;X(m);Y(m);Cạnh\n1;2332000,1;371000,2;25,1").columns
    {'north': 1, 'east': 2, 'side': 3}
    >>> find_table("a,b\n1,2") is None
    True
    """
    lines = text.splitlines()
    for separator in (";", "\t", ",", "|", " "):
        top = _cells(lines[:_HEADER_LINES], separator)
        for place, (_, cells) in enumerate(top):
            if columns := _columns([row for _, row in top[max(place - 2, 0) : place]], cells):
                rows = tuple(_cells(lines, separator)[place + 1 :])
                return Table(rows, columns, tuple(cells))
    for separator in (";", "\t", ",", "|", " "):
        if columns := _columns_by_values(_cells(lines[:_HEADER_LINES], separator)):
            return Table(tuple(_cells(lines, separator)), columns)
    return None


def _cells(lines: Sequence[str], separator: str) -> list[tuple[int, tuple[str, ...]]]:
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    rows: list[tuple[int, tuple[str, ...]]] = []
    while True:
        try:
            rows.append((reader.line_num + 1, tuple(next(reader))))
        except StopIteration:
            return rows
        except csv.Error:  # a field too long, or a NUL
            return []


def _columns(above: Sequence[Sequence[str]], header: Sequence[str]) -> dict[str, int]:
    """Return where each role stands; empty unless both coordinates are there.

    Certificates have headers of two rows ("Tọa độ" over "X" and "Y"): roles missing in the row
    that names the coordinates are looked for in the rows above it.
    """
    columns: dict[str, int] = {}
    for row in (header, *reversed(above)):
        for place, cell in enumerate(row):
            role = _ROLE_OF.get(plain(cell).removesuffix(" m"))
            if role and place not in columns.values() and (row is header or role in _ASIDE):
                columns.setdefault(role, place)
    if {"lon", "lat"} <= columns.keys():
        return {role: place for role, place in columns.items() if role not in {"north", "east"}}
    if {"north", "east"} <= columns.keys():
        return {role: place for role, place in columns.items() if role not in {"lon", "lat"}}
    return {}


def names_columns(cells: Sequence[str]) -> bool:
    """Return whether a row is a header, such as one repeated on a second page."""
    return bool(_columns([], cells))


def _columns_by_values(rows: Sequence[tuple[int, Sequence[str]]]) -> dict[str, int]:
    """Return the columns of a table without header, by what their numbers can be."""
    filled = [cells for _, cells in rows if any(cell.strip() for cell in cells)]
    if len(filled) < 3:
        return {}
    width = min(len(cells) for cells in filled)
    found: dict[str, int] = {}
    for role, (least, most) in (("north", NORTHING_M), ("east", EASTING_M)):
        for place in range(width):
            values = [read_number(cells[place]) for cells in filled]
            if all(value is not None and least <= value <= most for value in values):
                found.setdefault(role, place)
    return found if len(found) == 2 else {}


def read_pair(first: str, second: str, *, in_degrees: bool) -> tuple[float, float] | None:
    """Return the two numbers of a row, None when one of them is none.

    Examples
    --------
    >>> read_pair("2.332.000", "371.000", in_degrees=False)
    (2332000.0, 371000.0)
    >>> read_pair("106.512", "21.081", in_degrees=False)
    (106.512, 21.081)
    """
    readings = [
        [value for grouped in (True, False)
         if (value := read_number(text, thousands=grouped and not in_degrees)) is not None]
        for text in (first, second)
    ]  # fmt: skip
    if not all(readings):
        return None
    for one in readings[0]:
        for other in readings[1]:
            if is_pair(one, other) or is_pair(other, one):
                return one, other
    return readings[0][-1], readings[1][-1]


def is_pair(north: float, east: float) -> bool:
    """Return whether two metres can be a northing and an easting in Vietnam."""
    return NORTHING_M[0] <= north <= NORTHING_M[1] and EASTING_M[0] <= east <= EASTING_M[1]
