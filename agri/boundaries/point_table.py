"""Tables of points: trees, poles or beehives, one a row, from a spreadsheet or a phone.

Theory of operation
-------------------
Columns and numbers are found as in corner tables (`formats.table`); what else stands in a row is
the point's properties under the header's own words, so that a height or a crown's width is read as
it is from any other format. Longitude and latitude may stand under their names or under x and y; a
northing and an easting in either order. A row whose place is none, or is not like the others', is
refused by its line number: a tree elsewhere would be flown to.

A point without a name of its own is called after file and line. Pure: text in, outlines out.
"""

from __future__ import annotations

from collections.abc import Sequence

from agri.boundaries.formats.table import Table, find_table, is_pair, names_columns, read_pair
from agri.boundaries.kinds import KIND_KEYS, What, meaning
from agri.boundaries.outlines import OutlineFile, check_count, make_outline, plain, tidy_name
from agri.errors import BadInput
from agri.findings import Finding

NUMBER_KEYS = ("cay", "cay so", "ma cay", "tree", "tree id", "id", "stt", "so thu tu", "no")
"""Columns, folded, by which points without a name are known."""
POINTS: frozenset[What] = frozenset({"tree", "pole", "house", "other", "bees", "pad"})
"""Kinds of things that a single point can stand for."""

Row = tuple[int, dict[str, str], tuple[float, float]]
"""Line number, properties, and the pair as it stands in the table."""


def tells_points(table: Table) -> bool:
    r"""Return whether every row of a table says that it is a thing of its own.

    Examples
    --------
    >>> tells_points(find_table("loại,lon,lat\ncây,106.51,21.08"))
    True
    >>> tells_points(find_table("thửa,lon,lat\n12,106.51,21.08"))
    False
    """
    where = [at for at, cell in enumerate(table.header) if plain(cell) in KIND_KEYS]
    rows = [cells for _, cells in table.rows if any(cell.strip() for cell in cells)]
    return bool(where and rows) and all(
        len(cells) > where[0] and meaning(cells[where[0]]) in POINTS for cells in rows
    )


def read_points(text: str, *, file: str) -> OutlineFile:
    r"""Read a table of points.

    Parameters
    ----------
    text : str
        The table.
    file : str
        The file's name, for findings and errors.

    Returns
    -------
    OutlineFile
        One outline a row, x = easting or longitude.

    Raises
    ------
    BadInput
        When there are no columns of coordinates, or a row has none like the others.

    Examples
    --------
    >>> [tree] = read_points("lon;lat;cao\n106,51;21,08;3,5", file="cay.csv").outlines
    >>> tree.name, tree.points[0].tolist(), dict(tree.properties)["cao"]
    ('cay.csv:2', [[106.51, 21.08]], '3,5')
    """
    table = find_table(text)
    if table is None:
        raise BadInput("error.points_header", file=file)
    rows = [row for line, cells in table.rows for row in _row(table, line, cells, file)]
    check_count(len(rows), file)
    degrees = table.in_degrees or 2 * sum(_on_earth(pair) for _, _, pair in rows) > len(rows)
    findings: list[Finding] = []
    places = _in_degrees(rows, file) if degrees else _in_metres(rows, file, findings)
    return OutlineFile(
        outlines=tuple(
            make_outline([("Point", list(place))], properties, position=position)
            for position, ((_, properties, _), place) in enumerate(
                zip(rows, places, strict=True), start=1
            )
        ),
        crs="EPSG:4326" if table.in_degrees else "",
        findings=tuple(findings),
    )


def _row(table: Table, line: int, cells: Sequence[str], file: str) -> list[Row]:
    """Return what a line tells: one point, or nothing where it is empty or a header again."""
    if not any(cell.strip() for cell in cells) or names_columns(cells):
        return []
    first, second = (cells[place] if place < len(cells) else "" for place in table.pair)
    pair = read_pair(first, second, in_degrees=table.in_degrees)
    if pair is None:
        raise _wrong(file, line, f"{first}; {second}")
    told = {
        key: cell
        for place, (key, cell) in enumerate(zip(table.header, cells, strict=False))
        if key.strip() and cell.strip() and place not in table.pair
    }
    words = {plain(key): cell for key, cell in told.items()}
    number = next((words[key] for key in NUMBER_KEYS if key in words), "")
    named = any(key in ("name", "ten") for key in words)
    return [(line, told if named else {**told, "name": number or f"{file}:{line}"}, pair)]


def _wrong(file: str, line: int, value: str) -> BadInput:
    return BadInput("error.points_row", file=file, line=line, value=tidy_name(value[:60]))


def _on_earth(pair: tuple[float, float]) -> bool:
    return abs(pair[0]) <= 180.0 and abs(pair[1]) <= 180.0 and min(map(abs, pair)) <= 90.0


def _in_degrees(rows: Sequence[Row], file: str) -> list[tuple[float, float]]:
    for line, _, pair in rows:
        if not _on_earth(pair):
            raise _wrong(file, line, f"{pair[0]:g}; {pair[1]:g}")
    return [pair for _, _, pair in rows]


def _in_metres(
    rows: Sequence[Row], file: str, findings: list[Finding]
) -> list[tuple[float, float]]:
    """Return (easting, northing) of every row, whichever way round it stands."""
    known = sum(is_pair(*pair) or is_pair(*pair[::-1]) for _, _, pair in rows)
    if 2 * known <= len(rows):
        return [pair[::-1] for _, _, pair in rows]
    places = []
    for line, _, (first, second) in rows:
        if is_pair(first, second):
            places.append((second, first))
        elif is_pair(second, first):
            places.append((first, second))
        else:
            raise _wrong(file, line, f"{first:.3f}; {second:.3f}")
    turned = [place == pair for place, (_, _, pair) in zip(places, rows, strict=True)]
    if any(turned) and not all(turned):
        findings.append(Finding.warning("finding.certificate_rows", file, count=sum(turned)))
    return places
