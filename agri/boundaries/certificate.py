"""Corner tables: the coordinates of a Vietnamese land certificate typed into a spreadsheet.

Theory of operation
-------------------
A certificate ("sổ đỏ", "sổ hồng") lists each corner's number, X, Y and often the length of the
side to the next corner, in VN-2000. X is the northing (about 2,3xx,xxx in Quảng Ninh) and Y the
easting, the reverse of what every program means by them. People type the table with or without
diacritics, with decimal commas or points, with or without thousands separators, apart by
semicolons, tabs or commas, and sometimes with the two columns swapped; spreadsheets also hold
longitude and latitude. So:

* finding the columns and reading the numbers is `formats.table`'s work;
* a pair whose X looks like an easting and whose Y like a northing is put right, with a finding;
* a row unlike all the others is refused by its line number, because one wrong digit moves a fence;
* side lengths, where given, are compared with the coordinates: a difference over 0.1 m is a
  WARNING, for it is how a mistyped digit shows.

A column ``thửa`` (or ``tên``) or blank lines part several parcels. The last corner may repeat the
first. Pure: text in, outlines out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from agri.boundaries.formats.table import (
    Table,
    find_table,
    is_pair,
    names_columns,
    read_number,
    read_pair,
)
from agri.boundaries.outlines import OutlineFile, check_count, make_outline, tidy_name
from agri.errors import BadInput
from agri.findings import Finding

SIDE_TOLERANCE_M = 0.1
"""A side that differs by more from its coordinates is worth a look."""
_MAX_TOLD = 10


@dataclass(slots=True)
class _Parcel:
    """One parcel while its rows are read: (first, second) pairs, line numbers, side lengths."""

    name: str
    pairs: list[tuple[float, float]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    sides: list[float | None] = field(default_factory=list)


def read_certificate(text: str, *, file: str) -> OutlineFile:
    r"""Read a corner table.

    Parameters
    ----------
    text : str
        The table.
    file : str
        The file's name, for findings and errors.

    Returns
    -------
    OutlineFile
        One outline a parcel, closed, x = easting or longitude.

    Raises
    ------
    BadInput
        When a row cannot be read or is unlike the others.

    Examples
    --------
    >>> table = "Điểm;X;Y\n1;2332000;371000\n2;2332000;371100\n3;2332100;371100"
    >>> read_certificate(table, file="so-do.csv").outlines[0].polygons[0][0][0].tolist()
    [371000.0, 2332000.0]
    """
    table = find_table(text)
    if table is None:
        raise BadInput("error.certificate_header", file=file)
    parcels = [parcel for parcel in _parcels(table, file) if parcel.pairs]
    check_count(len(parcels), file)
    findings: list[Finding] = []
    degrees = table.in_degrees or _mostly(parcels, lambda pair: max(map(abs, pair)) <= 180.0)
    if not degrees:
        _put_right(parcels, file, findings)
    outlines = []
    for position, parcel in enumerate(parcels, 1):
        _drop_repeat(parcel)
        ordered = parcel.pairs if degrees else [(east, north) for north, east in parcel.pairs]
        ring = [list(pair) for pair in (*ordered, ordered[0])]
        named = {"thua": parcel.name}
        outlines.append(make_outline([("Polygon", [ring])], named, position=position))
        if not degrees:
            findings += _side_findings(parcel, outlines[-1].name or file)
    return OutlineFile(
        outlines=tuple(outlines),
        crs="EPSG:4326" if table.in_degrees else "",
        findings=tuple(findings),
        from_certificate=not degrees,
    )


def _parcels(table: Table, file: str) -> Iterator[_Parcel]:
    """Yield the parcels in their order; those named the same are one."""
    by_name: dict[str, _Parcel] = {}
    current = _Parcel("")
    named = "parcel" in table.columns and not _names_points(table)
    for line, cells in table.rows:
        filled = [cell.strip() for cell in cells if cell.strip()]
        if not filled or names_columns(cells):
            if not named and current.pairs:
                yield current
                current = _Parcel("")
            continue
        if len(filled) == 1 and read_number(filled[0]) is None:
            if not named:
                if current.pairs:
                    yield current
                current = _Parcel(tidy_name(filled[0]))
            continue
        if named and (name := tidy_name(table.cell(cells, "parcel"))):
            current = by_name.setdefault(name, _Parcel(name))
        elif named:
            current = by_name.setdefault(current.name, current)
        _add_row(current, table, cells, line, file)
    if not named:
        yield current
    yield from by_name.values()


def _names_points(table: Table) -> bool:
    """Return whether the column taken for parcels names every corner differently."""
    names = [name for _, cells in table.rows if (name := table.cell(cells, "parcel"))]
    return len(names) > 2 and len(set(names)) == len(names)


def _add_row(parcel: _Parcel, table: Table, cells: Sequence[str], line: int, file: str) -> None:
    first, second = (cells[place] if place < len(cells) else "" for place in table.pair)
    side = read_number(table.cell(cells, "side"), thousands=False)
    if not first.strip() and not second.strip() and side is not None and parcel.sides:
        parcel.sides[-1] = side if parcel.sides[-1] is None else parcel.sides[-1]
        return
    pair = read_pair(first, second, in_degrees=table.in_degrees)
    if pair is None:
        raise BadInput(
            "error.certificate_row",
            file=file,
            line=line,
            value=tidy_name(f"{first}; {second}"[:60]),
        )
    parcel.pairs.append(pair)
    parcel.lines.append(line)
    parcel.sides.append(side)


def _mostly(parcels: Sequence[_Parcel], test: Callable[[tuple[float, float]], bool]) -> bool:
    pairs = [pair for parcel in parcels for pair in parcel.pairs]
    return 2 * sum(map(test, pairs)) > len(pairs)


def _put_right(parcels: Sequence[_Parcel], file: str, findings: list[Finding]) -> None:
    """Swap the pairs that stand the wrong way round; refuse a row unlike all others."""
    if not _mostly(parcels, lambda pair: is_pair(*pair) or is_pair(*pair[::-1])):
        return
    swapped = rows = 0
    for parcel in parcels:
        for place, (first, second) in enumerate(parcel.pairs):
            rows += 1
            if is_pair(second, first):
                swapped += 1
                parcel.pairs[place] = (second, first)
            elif not is_pair(first, second):
                raise BadInput(
                    "error.certificate_row",
                    file=file,
                    line=parcel.lines[place],
                    value=f"{first:.3f}; {second:.3f}",
                )
    if swapped == rows:
        findings.append(Finding.info("finding.certificate_columns", file))
    elif swapped:
        findings.append(Finding.warning("finding.certificate_rows", file, count=swapped))


def _drop_repeat(parcel: _Parcel) -> None:
    if len(parcel.pairs) > 1 and math.dist(parcel.pairs[0], parcel.pairs[-1]) <= 0.001:
        parcel.pairs.pop()
        parcel.sides.pop()


def _side_findings(parcel: _Parcel, label: str) -> list[Finding]:
    """Compare given side lengths with the coordinates.

    A length stands with the corner it starts from; tables that put it with the corner it ends at
    are told by the better fit.
    """
    count = len(parcel.pairs)
    ends = [parcel.pairs[(place + 1) % count] for place in range(count)]
    lengths = [math.dist(one, other) for one, other in zip(parcel.pairs, ends, strict=True)]
    best: list[tuple[int, float]] | None = None
    for shift in (0, 1):
        wrong = [
            (place, stated)
            for row, stated in enumerate(parcel.sides)
            if stated is not None
            and abs(stated - lengths[place := (row - shift) % count]) > SIDE_TOLERANCE_M
        ]
        best = wrong if best is None or len(wrong) < len(best) else best
    return [
        Finding.warning(
            "finding.certificate_side",
            label,
            start=place + 1,
            end=(place + 1) % count + 1,
            stated_m=stated,
            computed_m=lengths[place],
        )
        for place, stated in (best or [])[:_MAX_TOLD]
    ]
