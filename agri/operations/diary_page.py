"""The field diary as a page to print on A4 and as a table for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any

from agri.crop_cards import crop_told
from agri.field_records import (
    KINDS,
    Bloom,
    Count,
    Fertiliser,
    Harvest,
    Irrigation,
    Note,
    Price,
    Record,
    SprayRecord,
)
from agri.files import make_folder, write_text
from agri.operations.diary import SIMULATED, Diary
from agri.operations.lot_label import DIGEST_SHOWN, code_svg, code_text, page_name
from agri.operations.records import area, described, dose, npk
from agri.operations.sheets import sheet
from agri.units import square_metres_to_hectares, square_metres_to_sao
from agri.words import Language, day_text, say

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0")
"""What a spreadsheet takes for the beginning of a formula."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One table of the diary.

    Parameters
    ----------
    title : str
        What it is of.
    heads : tuple of str
        Its columns.
    rows : tuple of tuple of str
        As wide as `heads`.
    """

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptDiary:
    """Where a diary is, and what its code holds.

    Parameters
    ----------
    page, table : Path
        The page and the table.
    code : str
        What the lot's code holds; "" without a lot.
    """

    page: Path
    table: Path
    code: str


def keep_diary(diary: Diary, folder: Path, language: Language, *, base_url: str = "") -> KeptDiary:
    """Write a diary's page and table into a folder.

    Raises
    ------
    BadInput
        When a lot is asked for and the library that draws codes is missing, or the address is none.
    """
    stem = page_name(diary)
    text = code_text(diary, language, base_url) if diary.lot else ""
    page = render_diary(diary, language, code=text)
    make_folder(folder)
    kept = KeptDiary(page=folder / f"{stem}.html", table=folder / f"{stem}.csv", code=text)
    write_text(kept.page, page)
    write_text(kept.table, "\ufeff" + diary_table(diary, language))
    return kept


def render_diary(diary: Diary, language: Language, *, code: str = "") -> str:
    """Return the diary as a page of its own: HTML with print style, no script, nothing loaded.

    Parameters
    ----------
    diary : Diary
        The diary.
    language : {"vi", "en"}
        Of its words.
    code : str
        What its QR code holds; "" for none.
    """
    return sheet("diary", language, style="diary", **diary_values(diary, language, code))


def diary_values(diary: Diary, language: Language, code: str = "") -> dict[str, Any]:
    """Return what the template of the diary shows, for its own page and for any other around it."""
    from markupsafe import Markup

    worries = sorted(diary.findings, key=lambda finding: -finding.severity)
    return {
        "diary": diary, "facts": _facts(diary, language), "sections": sections(diary, language),
        "worries": [one.text(language) for one in worries],
        "address": code if code.startswith("http") else "",
        "digest": diary.digest[:DIGEST_SHOWN],
        # our own drawing: not text from strangers
        "code": Markup(code_svg(code)) if code else "",  # noqa: S704
    }  # fmt: skip


def _facts(diary: Diary, language: Language) -> list[tuple[str, str]]:
    area_m2 = diary.field.area_m2
    ground = say("page.diary_area", language, sao=square_metres_to_sao(area_m2),
                 ha=square_metres_to_hectares(area_m2))  # fmt: skip
    facts = [
        ("farm", diary.farm_name), ("field", diary.field.name),
        ("crop", crop_told(diary.field.crop, language)),
        ("ground", ground), ("season", str(diary.season)), ("lot", diary.lot),
        ("harvested", say("page.told_kg", language, value=round(diary.harvested_kg, 1))),
        ("made", day_text(diary.made, language)),
    ]  # fmt: skip
    return [(say(f"page.diary_{key}", language), value) for key, value in facts if value]


Cells = Callable[[Any], tuple[str, ...]]


def sections(diary: Diary, language: Language) -> tuple[Section, ...]:
    """Return the diary's tables, the empty ones too: that nothing was done is told."""

    def number(value: float | None) -> str:
        return "" if value is None else say("page.told_number", language, value=round(value, 3))

    def day(one: Record) -> str:
        return day_text(one.day, language)

    def place(one: Record) -> str:
        return " · ".join(part for part in (one.row, one.tree) if part)

    def spray(one: SprayRecord) -> tuple[str, ...]:
        first = one.first_harvest
        return (day(one), one.product, one.active, one.target, dose(one, language),
                number(one.water_l_ha), area(one.area_m2, language) or place(one),
                "?" if one.phi_days is None else str(one.phi_days),
                "?" if first is None else day_text(first, language), _who(one, language),
                _notes(one.label, one.remark))  # fmt: skip

    made: list[tuple[str, tuple[str, ...], type[Record] | tuple[type[Record], ...], Cells]] = [
        ("spray", ("day", "product", "active", "target", "dose", "water_l_ha", "area", "phi",
                   "first", "by", "remark"), SprayRecord, spray),
        ("fertiliser", ("day", "product", "npk", "mass_kg", "trees", "area", "method", "by",
                        "remark"), Fertiliser,
         lambda one: (day(one), one.product, npk(one), number(one.mass_kg),
                      "" if one.trees is None else str(one.trees),
                      area(one.area_m2, language) or place(one), one.method, one.by, one.remark)),
        ("irrigation", ("day", "volume_m3", "hours", "area", "water", "by", "remark"), Irrigation,
         lambda one: (day(one), number(one.volume_m3), number(one.hours),
                      area(one.area_m2, language) or place(one), one.water, one.by, one.remark)),
        ("harvest", ("day", "lot", "place", "mass_kg", "crates", "grade", "by", "remark"), Harvest,
         lambda one: (day(one), one.lot, place(one), number(one.mass_kg), number(one.crates),
                      one.grade, one.by, one.remark)),
        ("price", ("day", "lot", "vnd_kg", "mass_kg", "grade", "buyer", "remark"), Price,
         lambda one: (day(one), one.lot, number(one.vnd_kg), number(one.mass_kg), one.grade,
                      one.buyer, one.remark)),
        ("seen", ("day", "place", "told", "by"), (Bloom, Count, Note),
         lambda one: (day(one), place(one), described(one, language), one.by)),
    ]  # fmt: skip
    found = [_section(*one, records=diary.records, language=language) for one in made]
    if diary.replaced:
        found.append(_section(
            "replaced", ("day", "kind", "told", "by"), Record,
            lambda one: (day(one), say(f"page.kind_{one.kind}", language),
                         described(one, language), one.by),
            records=diary.replaced, language=language,
        ))  # fmt: skip
    return tuple(found)


def _section(
    name: str, columns: Sequence[str], kinds: type[Record] | tuple[type[Record], ...],
    cells: Cells, *, records: Sequence[Record], language: Language,
) -> Section:  # fmt: skip
    return Section(
        title=say(f"page.diary_of_{name}", language),
        heads=tuple(say(f"page.column_{column}", language) for column in columns),
        rows=tuple(cells(one) for one in records if isinstance(one, kinds)),
    )


def _who(one: SprayRecord, language: Language) -> str:
    if not one.flight:
        return one.by
    flown = say("page.diary_flown", language, by=one.by)
    simulated = one.source.endswith(SIMULATED)
    return f"{say('page.live_simulated', language)}; {flown}" if simulated else flown


def _notes(*texts: str) -> str:
    return "; ".join(text for text in texts if text)


def diary_table(diary: Diary, language: Language) -> str:
    """Return all records of a diary as CSV, a column for each figure.

    What a spreadsheet would take for a formula gets a quote mark before it.
    """
    left_out = {"field_uid", "entered_utc"}
    names = ["kind", *dict.fromkeys(
        one.name for kind in KINDS.values() for one in fields_of(kind) if one.name not in left_out
    )]  # fmt: skip
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\r\n")
    writer.writerow([say(f"page.record_{name}", language) for name in names])
    for one in diary.records:
        writer.writerow([guarded(getattr(one, name, None)) for name in names])
    return sheet.getvalue()


def guarded(value: Any) -> str:
    """Return a cell of a table for spreadsheets: no text of it is taken for a formula.

    Examples
    --------
    >>> guarded("=1+1"), guarded(-2.5), guarded(None), guarded("-")
    ("'=1+1", '-2.5', '', "'-")
    """
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.10g}"
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) and not isinstance(value, int) else text
