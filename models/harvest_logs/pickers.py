"""Pickers' logs cleaned: who picked how much from which tree on which day, as harvests.

Theory of operation. Each line of the log becomes one harvest or is left out, and there is a finding
wherever the harvest is not word for word the line: `Cleaned.taken` and `Cleaned.left_out`
together are all lines. The rules, in their order:

1. A line that sums up others ("Tổng", "Cộng", "Total") is left out.
2. A day is day/month/year or year-month-day; of two-digit years 27 is 2027. A line without a day
   has the day of the line above, as in a notebook. A day that cannot be read, or is later than the
   last one allowed, leaves the line out.
3. Whether a comma or a point stands for decimals is the same in the whole file: what any number
   of it shows without doubt (46,5). Where none does, 1.250 is left out rather than guessed.
4. Mass is what was weighed; without it the crates times the mass of a crate told for the line or
   for the log. Where both are told and differ by more than `CRATES_DIFFER` the weighed one is
   kept and the line named. A line with neither, or with what is no number, is left out.
5. A tree is compared by its letters and numbers alone, so "cây 7-1" is 07-01 and the 12.0 of a
   spreadsheet is 12. A tree the orchard does not have loses its name, not its fruit: the harvest
   stays with the field.
6. Names of pickers that differ in case, accents or blanks are one: the one written most often.
7. A line equal to an earlier one in all it tells is left out as written twice, unless more than
   `REPEATS_USUAL` of the lines are so: then crates were noted one by one, and all stay.
8. A mass beyond the far fences (three interquartile ranges outside the quartiles: J. W. Tukey,
   Exploratory Data Analysis, 1977, §2C) stays and is named for a second look.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from agri.amounts import MASS_KG, Decimal, read_amount, read_mass_kg
from agri.errors import BadInput
from agri.field_records import Harvest
from agri.findings import Finding
from agri.names import clean, fold

CRATES_DIFFER = 0.2
"""Share by which a weighed mass and its crates may differ."""
REPEATS_USUAL = 0.1
"""Share of repeated lines from which they are crates alike, not lines written twice."""
FENCES, FEWEST = 3.0, 6
"""Interquartile ranges to the far fences, and the fewest lines that have quartiles."""
_SUMS = ("tong", "cong", "total", "sum", "tong cong", "tong so")
_TREE_WORDS = {"cay", "so", "tree", "no", "goc"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line of a log.

    Parameters
    ----------
    number : int
        In its file, from 1.
    cells : mapping of str to str
        What it tells, by column: day, mass, mass_unit, crates, crate_kg, tree, row, by, grade,
        lot, remark, ticket.
    """

    number: int
    cells: Mapping[str, str]

    def cell(self, name: str) -> str:
        """Return what stands in a column, "" for nothing."""
        return clean(self.cells.get(name, ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFacts:
    """What is known of a log beside its lines.

    Parameters
    ----------
    name : str
        Its file's name.
    field : str
        The field it is of.
    last_day : date
        Later days are mistakes.
    crate_kg : float or None
        What a full crate holds.
    trees : tuple of str or None
        Names of the orchard's trees; None when not known.
    lot : str
        For lines that tell none.
    keep_repeats : bool or None
        Whether repeated lines stay; None decides by how many there are.
    """

    name: str
    field: str
    last_day: date
    crate_kg: float | None = None
    trees: tuple[str, ...] | None = None
    lot: str = ""
    keep_repeats: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """A log cleaned.

    Parameters
    ----------
    harvests : tuple of Harvest
        One for each line taken.
    taken, left_out : tuple of int
        Numbers of the lines.
    findings : tuple of Finding
        What was changed, left out or is doubtful, each with its line.
    """

    harvests: tuple[Harvest, ...]
    taken: tuple[int, ...]
    left_out: tuple[int, ...]
    findings: tuple[Finding, ...]


class _LeftOut(Exception):
    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.key, self.values = key, values


def clean_log(lines: Sequence[LogLine], facts: LogFacts) -> Cleaned:
    """Return the harvests a picker's log tells, and all that was done to its lines.

    Examples
    --------
    >>> line = LogLine(number=2, cells={"day": "21/5/2027", "mass": "46,5", "tree": "cây 12"})
    >>> facts = LogFacts(name="hai.csv", field="Vườn vải", last_day=date(2027, 6, 1))
    >>> (picked,) = clean_log([line], facts).harvests
    >>> picked.mass_kg, picked.tree, picked.source
    (46.5, '12', 'hai.csv:2')
    """
    desk = _Desk(lines, facts)
    days = desk.days(lines)
    repeated = _repeated(lines, days)
    keep = facts.keep_repeats
    if keep is None:
        keep = len(repeated) > REPEATS_USUAL * len(lines)
    taken: list[tuple[int, Harvest]] = []
    for line in lines:
        if line.number not in days:
            continue
        if line.number in repeated and not keep:
            desk.leave_out(line, "finding.log_repeat", earlier=repeated[line.number])
            continue
        harvest = desk.harvest(line, days[line.number])
        if harvest is not None:
            taken.append((line.number, harvest))
    if keep and repeated and facts.keep_repeats is None:
        desk.tell(0, Finding.warning("finding.log_repeats_kept", facts.name, count=len(repeated)))
    for number, finding in _far_out(taken, facts):
        desk.tell(number, finding)
    return Cleaned(
        harvests=tuple(one for _, one in taken),
        taken=tuple(number for number, _ in taken),
        left_out=tuple(sorted(desk.left_out)),
        findings=tuple(one for _, one in sorted(desk.told, key=lambda one: one[0])),
    )


class _Desk:
    """Where the lines of one log are worked on: what is known of it, and what was said so far."""

    def __init__(self, lines: Sequence[LogLine], facts: LogFacts) -> None:
        self.facts = facts
        self.decimal = _decimal(lines)
        self.names = _one_name(lines)
        self.trees = None if facts.trees is None else {_tree_key(one): one for one in facts.trees}
        self.told: list[tuple[int, Finding]] = []
        self.left_out: list[int] = []

    def tell(self, number: int, finding: Finding) -> None:
        self.told.append((number, finding))

    def note(self, line: LogLine, key: str, **values: object) -> None:
        where = f"{self.facts.name}:{line.number}"
        self.tell(line.number, Finding.info(key, where, **values))

    def doubt(self, line: LogLine, key: str, **values: object) -> None:
        where = f"{self.facts.name}:{line.number}"
        self.tell(line.number, Finding.warning(key, where, **values))

    def leave_out(self, line: LogLine, key: str, **values: object) -> None:
        self.left_out.append(line.number)
        self.doubt(line, key, **values)

    def days(self, lines: Sequence[LogLine]) -> dict[int, date]:
        """Return the day of each line that has one; the others are left out."""
        found: dict[int, date] = {}
        above: date | None = None
        for line in lines:
            text = line.cell("day")
            day = read_log_day(text) if text else above
            if any(fold(line.cell(n)).rstrip(":") in _SUMS for n in ("day", "by", "tree", "row")):
                self.leave_out(line, "finding.log_sum")
            elif day is None:
                self.leave_out(line, "finding.log_no_day", value=text[:30])
            elif day > self.facts.last_day:
                self.leave_out(line, "finding.log_day_later", day=day, last=self.facts.last_day)
            else:
                above = found[line.number] = day
                if not text:
                    self.note(line, "finding.log_day_above", day=day)
        return found

    def harvest(self, line: LogLine, day: date) -> Harvest | None:
        """Return what a line tells, None when it is left out."""
        try:
            mass_kg, crates = self._mass_kg(line)
            by = line.cell("by")
            return Harvest(
                day=day, field=self.facts.field, mass_kg=mass_kg, crates=crates,
                by=self._name(line, by), tree=self._tree(line), row=line.cell("row"),
                lot=line.cell("lot") or self.facts.lot, grade=line.cell("grade"),
                remark=line.cell("remark"), source=f"{self.facts.name}:{line.number}",
            )  # fmt: skip
        except _LeftOut as why:
            self.leave_out(line, why.key, **why.values)
        except BadInput as wrong:
            self.leave_out(line, "finding.log_cannot_be", reason=wrong.message)
        return None

    def _number(self, line: LogLine, name: str) -> float | None:
        text = line.cell(name)
        try:
            return read_amount(text, name=name, decimal=self.decimal) if text else None
        except BadInput:
            raise _LeftOut("finding.log_number", value=text[:30]) from None

    def _mass_kg(self, line: LogLine) -> tuple[float, float | None]:
        """Return the mass of a line, weighed or by its crates, and the crates."""
        crates, crate_kg = self._number(line, "crates"), self._number(line, "crate_kg")
        crate_kg = crate_kg if crate_kg is not None else self.facts.crate_kg
        by_crates = None if crates is None or crate_kg is None else crates * crate_kg
        text = line.cell("mass")
        if not text:
            if by_crates is None:
                raise _LeftOut("finding.log_no_mass")
            self.note(line, "finding.log_by_crates", crates=crates, crate_kg=crate_kg,
                      mass_kg=by_crates)  # fmt: skip
            return by_crates, crates
        unit = line.cell("mass_unit")
        try:
            weighed = read_mass_kg(text, name="kg", decimal=self.decimal,
                                   default=unit if unit in MASS_KG else "kg")  # fmt: skip
        except BadInput:
            raise _LeftOut("finding.log_number", value=text[:30]) from None
        if by_crates and abs(weighed - by_crates) > CRATES_DIFFER * by_crates:
            self.doubt(line, "finding.log_crates_differ", weighed=weighed, crates=by_crates)
        return weighed, crates

    def _name(self, line: LogLine, by: str) -> str:
        same = self.names.get(fold(by), by)
        if same != by:
            self.note(line, "finding.log_name", name=by, taken=same)
        return same

    def _tree(self, line: LogLine) -> str:
        text = line.cell("tree")
        if not text:
            return ""
        if self.trees is None:
            plain = re.sub(r"(?i)^(?:cây|cay|tree|gốc|goc)?\s*(?:số|so|no\.?)?\s*", "", text)
            return re.sub(r"[.,]0+$", "", plain) or text
        tree = self.trees.get(_tree_key(text))
        if tree is None:
            self.doubt(line, "finding.log_tree", tree=text[:30])
        return tree or ""


def read_log_day(text: str) -> date | None:
    """Return a day as logs write it, with or without a time of day; None when it is none.

    Examples
    --------
    >>> read_log_day("1/6/27 07:30"), read_log_day("2027-06-01"), read_log_day("31/2/2027")
    (datetime.date(2027, 6, 1), datetime.date(2027, 6, 1), None)
    """
    match = re.match(r"(\d{1,4})[-/.](\d{1,2})[-/.](\d{4}|\d{1,2})(?:$|[ T])", text.strip())
    if match is None:
        return None
    first, month, last = match[1], int(match[2]), match[3]
    if len(first) == 4:
        year, day = int(first), int(last)
    elif len(first) <= 2:
        year, day = int(last) + (2000 if len(last) <= 2 else 0), int(first)
    else:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _decimal(lines: Iterable[LogLine]) -> Decimal:
    """Return what stands for decimals in a log: what its numbers show without doubt."""
    votes: Counter[Decimal] = Counter()
    for line in lines:
        for name in ("mass", "crates", "crate_kg"):
            marks = re.findall(r"([.,])(\d+)", line.cell(name))
            if len(marks) == 2 and marks[0][0] != marks[1][0]:
                votes["," if marks[1][0] == "," else "."] += 1
            elif len(marks) == 1 and len(marks[0][1]) != 3:
                votes["," if marks[0][0] == "," else "."] += 1
    return next(iter(votes)) if len(votes) == 1 else ""


def _repeated(lines: Sequence[LogLine], days: Mapping[int, date]) -> dict[int, int]:
    """Return the lines equal to an earlier one, with that one's number."""
    first: dict[tuple[object, ...], int] = {}
    found = {}
    for line in lines:
        if line.number not in days:
            continue
        cells = sorted((name, fold(t)) for name, t in line.cells.items() if t and name != "day")
        told = (days[line.number], *cells)
        if told in first:
            found[line.number] = first[told]
        first.setdefault(told, line.number)
    return found


def _one_name(lines: Iterable[LogLine]) -> dict[str, str]:
    """Return for each name as compared the way it is written most often."""
    written = Counter(line.cell("by") for line in lines if line.cell("by"))
    found: dict[str, str] = {}
    for name, _ in written.most_common():
        found.setdefault(fold(name), name)
    return found


def _tree_key(text: str) -> tuple[str | int, ...]:
    plain = re.sub(r"[.,]0+$", "", fold(text))
    parts = [one for one in re.findall(r"[0-9]+|[a-z]+", plain) if one not in _TREE_WORDS]
    return tuple(int(one) if one.isdecimal() else one for one in parts)


def _far_out(taken: Sequence[tuple[int, Harvest]], facts: LogFacts) -> list[tuple[int, Finding]]:
    """Return the masses beyond the far fences, to be looked at again."""
    masses = np.array([one.mass_kg for _, one in taken])
    if len(masses) < FEWEST:
        return []
    low, high = np.quantile(masses, [0.25, 0.75])
    spread = FENCES * (high - low)
    return [
        (number, Finding.warning("finding.log_far_out", f"{facts.name}:{number}",
                                 mass_kg=one.mass_kg, low=max(0.0, low - spread),
                                 high=high + spread))
        for number, one in taken
        if spread > 0.0 and not low - spread <= one.mass_kg <= high + spread
    ]  # fmt: skip


def by_day(harvests: Sequence[Harvest]) -> dict[date, float]:
    """Return kilograms by day, for a look at the whole.

    Examples
    --------
    >>> picked = Harvest(day=date(2027, 5, 21), field="V", mass_kg=20.0)
    >>> by_day([picked, picked])
    {datetime.date(2027, 5, 21): 40.0}
    """
    found: dict[date, float] = {}
    for one in sorted(harvests, key=lambda one: one.day):
        found[one.day] = found.get(one.day, 0.0) + one.mass_kg
    return found
