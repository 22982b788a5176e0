"""A picker's log brought into the farm: read, cleaned, told line by line, and kept.

Theory of operation. The head of the table is the first of the leading lines in which a day and a
mass or crates are recognised, by its words without accents or case ("hạng", the class, and "hàng",
the row, keep their accents). `models.harvest_logs.pickers` decides about each line. What the farm
has already is not entered twice, so the same file may be brought in again after it grew. What was
done to the lines is written beside the log's harvests as a table, whole.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from agri.boundaries.old_letters import decode, guess_encoding
from agri.errors import BadInput
from agri.field_records import Harvest
from agri.files import make_folder, read_bytes_limited, read_text_limited, write_text
from agri.findings import Finding
from agri.names import clean, fold, slug
from agri.operations.maps.trees import REGISTER_BYTES
from agri.operations.records import placed
from agri.words import Language, say
from agri.workspace import Workspace
from imagery.trees.passport import register_from
from models.harvest_logs.pickers import Cleaned, LogFacts, LogLine, by_day, clean_log

MOST_BYTES, MOST_LINES, HEAD_LINES = 20_000_000, 200_000, 30
HEADS: dict[str, tuple[str, ...]] = {
    "day": ("ngay", "ngay hai", "ngay thu", "ngay thu hoach", "ngay thang", "date", "day"),
    "mass": ("kg", "khoi luong", "can nang", "so kg", "so can", "weight", "mass", "net", "kl",
             "trong luong", "san luong"),
    "crates": ("sot", "so sot", "thung", "so thung", "khay", "ro", "so ro", "crates", "boxes"),
    "crate_kg": ("kg sot", "kg moi sot", "khoi luong sot", "kg thung", "crate kg"),
    "tree": ("cay", "so cay", "ma cay", "cay so", "tree", "tree no", "tree number"),
    "row": ("so hang", "luong", "row"),
    "by": ("nguoi hai", "nguoi", "ten", "ho ten", "ho va ten", "cong nhan", "nguoi lam", "picker",
           "worker", "name"),
    "grade": ("loai", "hang qua", "phan loai", "grade", "class"),
    "lot": ("lo", "ma lo", "lot"),
    "remark": ("ghi chu", "note", "notes", "remark"),
    "ticket": ("phieu", "so phieu", "gio", "ticket", "time"),
}  # fmt: skip
_COLUMN = {word: column for column, words in HEADS.items() for word in words}
_ACCENTED = {"hạng": "grade", "hàng": "row"}
_UNIT = re.compile(r"[(\[]\s*([^)\]]*?)\s*[)\]]\s*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """A log as it was brought in.

    Parameters
    ----------
    cleaned : Cleaned
        The harvests and what was done to the lines.
    entered : int
        How many harvests were new to the farm.
    known : int
        How many it had.
    days : dict of date to float
        Kilograms by day, of the whole log.
    table : Path
        What was done to each line.
    """

    cleaned: Cleaned
    entered: int
    known: int
    days: dict[date, float]
    table: Path


def read_log(data: bytes, name: str) -> tuple[LogLine, ...]:
    r"""Return the lines of a picker's log.

    Raises
    ------
    BadInput
        When it is too long, or no head with a day and a mass or crates is found.

    Examples
    --------
    >>> log = "Ngày;Cây;Khối lượng (kg)\n21/5/2027;A-1;46,5\n".encode()
    >>> read_log(log, "hai.csv")[0].cells["mass"]
    '46,5'
    """
    text = decode(data, guess_encoding(data))
    lines = text.splitlines()
    if len(lines) > MOST_LINES:
        raise BadInput("error.log_lines", name=name, count=len(lines), most=MOST_LINES)
    for number, line in enumerate(lines[:HEAD_LINES]):
        for delimiter in (";", "\t", ",", "|"):
            columns = _columns(line.split(delimiter))
            if "day" in columns and columns.keys() & {"mass", "crates"}:
                unit = _UNIT.search(line.split(delimiter)[columns.get("mass", 0)].strip(' "'))
                told = {"mass_unit": fold(unit[1])} if unit and "mass" in columns else {}
                reader = csv.reader(lines[number + 1 :], delimiter=delimiter)
                try:
                    return tuple(_lines(reader, columns, told, number + 1))
                except csv.Error:
                    raise BadInput("error.log_no_head", name=name) from None
    raise BadInput("error.log_no_head", name=name)


def _columns(heads: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for place, head in enumerate(heads):
        bare = _UNIT.sub("", clean(head).strip('" ')).strip()
        plain = " ".join(re.sub(r"[_\-./]+", " ", fold(bare)).split())
        column = _ACCENTED.get(bare.casefold()) or _COLUMN.get(plain)
        if column is not None:
            found.setdefault(column, place)
    return found


def _lines(
    reader: Any, columns: dict[str, int], told: dict[str, str], before: int
) -> Iterator[LogLine]:
    for row in reader:
        cells = {key: row[at].strip() for key, at in columns.items() if at < len(row)}
        if any(cells.values()):
            yield LogLine(number=before + reader.line_num, cells=cells | told)


def trees_known(register: Path | None, count: int) -> tuple[str, ...] | None:
    """Return the names of an orchard's trees, from its register or counted; None unknown."""
    if register is not None:
        text = read_text_limited(register, limit_bytes=REGISTER_BYTES)
        return tuple(one.name for one in register_from(text).passports)
    return tuple(str(one) for one in range(1, count + 1)) if count else None


def bring_in(
    farm: Workspace, path: Path, facts: LogFacts, *, season: int, language: Language,
    only_look: bool = False,
) -> Picked:  # fmt: skip
    """Clean a picker's log and enter the harvests that are new to the farm, all or none.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    path : Path
        The log.
    facts : LogFacts
        Its field by any name.
    season : int
        As told, 0 when not.
    language : {"vi", "en"}
        Of the table.
    only_look : bool
        Enter nothing.
    """
    field = farm.field(facts.field)
    lines = read_log(read_bytes_limited(path, limit_bytes=MOST_BYTES), path.name)
    cleaned = clean_log(lines, replace(facts, name=path.name, field=field.name))
    harvests = [placed(one, field, season=season) for one in cleaned.harvests]
    new, changed = _new(farm, harvests)
    if new and not only_look:
        farm.records.add_many(new)
    cleaned = replace(cleaned, findings=(*changed, *cleaned.findings))
    folder = make_folder(farm.reports)
    table = folder / f"{slug(path.stem)}-lines.csv"
    write_text(table, "\ufeff" + _table(cleaned.findings, language))
    return Picked(cleaned=cleaned, entered=len(new), known=len(harvests) - len(new),
                  days=by_day(cleaned.harvests), table=table)  # fmt: skip


def _new(farm: Workspace, harvests: Sequence[Harvest]) -> tuple[list[Harvest], tuple[Finding, ...]]:
    """Return the harvests of lines not entered before, and lines that say something else now."""
    there = {one.source: one for one in farm.records.read(Harvest, every=True) if one.source}
    new, findings = [], []
    for one in harvests:
        before = there.get(one.source)
        if before is None:
            new.append(one)
        elif (before.day, before.mass_kg, before.tree) != (one.day, one.mass_kg, one.tree):
            findings.append(Finding.warning("finding.log_line_changed", one.source,
                                            uid=before.uid[:8]))  # fmt: skip
    return new, tuple(findings)


def _table(findings: tuple[Finding, ...], language: Language) -> str:
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\r\n")
    writer.writerow([say("cli.head_line", language), say("cli.head_told", language)])
    writer.writerows([one.where, one.message.text(language)] for one in findings)
    return sheet.getvalue()
