"""A list of counted trees brought in: one tree a line, its count named so or in the last column.

Theory of operation. It is the list `agri sample-trees` writes, filled in by hand or in a
spreadsheet, or any table with a head that names the tree. A line without a count is a tree not
counted yet; it is passed over and their number told. A count that cannot be read without doubt
leaves its line out, by name. A line entered before is not entered again, and one that says
something else now is told.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from agri.amounts import read_amount
from agri.boundaries.old_letters import decode, guess_encoding
from agri.errors import BadInput
from agri.field_records import Count
from agri.files import read_bytes_limited
from agri.findings import Finding
from agri.names import clean, fold
from agri.operations.records import placed
from agri.workspace import Workspace
from models.harvest_logs.pickers import read_log_day

MOST_BYTES, MOST_LINES = 20_000_000, 200_000
HEADS = {
    "tree": ("tree", "cay", "so cay", "cay so", "ma cay", "tree no"),
    "row": ("row", "so hang"),
    "day": ("day", "date", "ngay", "ngay dem"),
    "count": ("count", "number", "so dem", "dem duoc", "so qua", "qua", "so chum", "chum", "dem"),
    "remark": ("note", "remark", "ghi chu"),
}
_COLUMN = {word: column for column, words in HEADS.items() for word in words}


@dataclass(frozen=True, slots=True, kw_only=True)
class CountsIn:
    """What a list of counted trees brought.

    Parameters
    ----------
    counts : tuple of Count
        Those that were new.
    known : int
        How many the farm had.
    left_out : int
        Lines that could not be read.
    findings : tuple of Finding
        Each of these lines, and how many trees are not counted yet.
    """

    counts: tuple[Count, ...]
    known: int
    left_out: int
    findings: tuple[Finding, ...]


def bring_counts(
    farm: Workspace, path: Path, pattern: Count, *, season: int = 0, only_look: bool = False
) -> CountsIn:
    """Enter the counts of a list, all or none.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    path : Path
        The list, CSV.
    pattern : Count
        What all have in common: field by any name, day, what was counted, share, who.
    season : int
        As told, 0 when not.
    only_look : bool
        Enter nothing.

    Raises
    ------
    BadInput
        When the table names no tree, or is too long.
    """
    field = farm.field(pattern.field)
    there = {one.source: one for one in farm.records.read(Count, every=True) if one.source}
    new: list[Count] = []
    findings: list[Finding] = []
    known = left_out = empty = 0
    for number, cells in _lines(path):
        where = f"{path.name}:{number}"
        if not cells.get("count"):
            empty += 1
            continue
        try:
            one = placed(_count(cells, replace(pattern, source=where)), field, season=season)
        except BadInput as wrong:
            left_out += 1
            findings.append(Finding.warning("finding.log_cannot_be", where, reason=wrong.message))
            continue
        before = there.get(where)
        if before is None:
            new.append(one)
            continue
        known += 1
        if (before.tree, before.number, before.day) != (one.tree, one.number, one.day):
            findings.append(Finding.warning("finding.log_line_changed", where, uid=before.uid[:8]))
    if empty:
        findings.append(Finding.info("finding.count_empty", path.name, count=empty))
    if new and not only_look:
        farm.records.add_many(new)
    return CountsIn(counts=tuple(new), known=known, left_out=left_out, findings=tuple(findings))


def _count(cells: Mapping[str, str], pattern: Count) -> Count:
    day = read_log_day(cells["day"]) if cells.get("day") else pattern.day
    if day is None:
        raise BadInput("error.not_a_day", name="day", value=cells["day"][:30])
    if not cells.get("tree"):
        raise BadInput("error.count_without_tree")
    return replace(
        pattern, day=day, tree=cells["tree"], row=cells.get("row", ""),
        remark=cells.get("remark", ""), number=read_amount(cells["count"], name="count"),
    )  # fmt: skip


def _lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each line's number and what it tells, by column."""
    data = read_bytes_limited(path, limit_bytes=MOST_BYTES)
    lines = decode(data, guess_encoding(data)).splitlines()
    if len(lines) > MOST_LINES:
        raise BadInput("error.log_lines", name=path.name, count=len(lines), most=MOST_LINES)
    delimiter = max(";,\t", key=lines[0].count) if lines else ","
    try:
        rows = list(csv.reader(lines, delimiter=delimiter))
    except csv.Error:
        rows = []
    columns: dict[str, int] = {}
    for at, head in enumerate(rows[0] if rows else ()):
        column = _COLUMN.get(" ".join(re.sub(r"[_\-./()]+", " ", fold(head)).split()))
        if column is not None:
            columns.setdefault(column, at)
    if "tree" not in columns or len(rows[0]) < 2:
        raise BadInput("error.count_no_head", name=path.name)
    columns.setdefault("count", len(rows[0]) - 1)
    for number, row in enumerate(rows[1:], 2):
        if any(cell.strip() for cell in row):
            yield number, {key: clean(row[at]) for key, at in columns.items() if at < len(row)}
