"""Field records entered, told in words, and corrected.

Theory of operation. A record names a field of the farm, and is kept with the field's own key, so
that a field that is renamed keeps what was done on it. Its season is the one told; else that of
`agri.field_records.season_of` by the month in which the crop's harvest ends: the latest of the crop
cards that the field's crop may mean. A harvest and a price are of the year they are in, however
late. A correction names the figures that change and keeps the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields as fields_of
from dataclasses import replace
from datetime import date
from typing import Any, TypeVar

from agri.crop import CropCard
from agri.crop_cards import crop_cards
from agri.errors import BadInput
from agri.field import Field
from agri.field_records import (
    Bloom,
    Count,
    Fertiliser,
    Harvest,
    Irrigation,
    Note,
    Price,
    Record,
    SprayRecord,
    season_of,
)
from agri.names import choose
from agri.units import square_metres_to_sao
from agri.words import Language, say
from agri.workspace import Workspace

R = TypeVar("R", bound=Record)


def harvest_ends(crop: str, cards: Sequence[CropCard]) -> int:
    """Return the month in which the harvest of a crop ends, 12 when no card tells.

    Examples
    --------
    >>> from agri.crop_cards import crop_cards
    >>> harvest_ends("Vải PH40", crop_cards()), harvest_ends("khoai", crop_cards())
    (5, 12)
    """
    meant = choose(crop, [one.id for one in cards]) or choose(crop, [one.name_vi for one in cards])
    days = []
    for card in (cards[index] for index in meant):
        if card.has("harvest"):
            last = card.number("harvest").high
            length = card.number("harvest_length").high if card.has("harvest_length") else 0.0
            days.append(last + length)
    return max(1, min(12, int(max(days) / 30.44) + 1)) if days else 12


def enter(farm: Workspace, record: R, *, season: int = 0) -> R:
    """Return a record as the farm keeps it: its field named in full, its season told.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    record : Record
        Its field by any name or key.
    season : int
        As told, 0 when not.

    Raises
    ------
    NotFound
        When the farm has no such field.
    """
    if not record.field:
        return replace(record, season=season or record.day.year)
    return placed(record, farm.field(record.field), season=season)


def season_at(field: Field, day: date) -> int:
    """Return the season of a field that a day belongs to: the year in which its harvest falls."""
    return season_of(day, harvest_ends(field.crop, crop_cards()) if field.crop else 12)


def placed(record: R, field: Field, *, season: int = 0) -> R:
    """Return a record with its field's name and key and its season."""
    if not season:
        of_year = isinstance(record, Harvest | Price)
        season = record.day.year if of_year else season_at(field, record.day)
    return replace(record, field=field.name, field_uid=field.uid, season=season)


def changed(record: R, changes: Mapping[str, Any]) -> R:
    """Return a record with some of its figures changed.

    Raises
    ------
    BadInput
        When this kind of record has no such figure; the sentence names those it has.
    """
    own = [one.name for one in fields_of(record) if one.name not in _KEPT]
    for name in changes:
        if name not in own:
            raise BadInput("error.record_no_figure", name=name, names=", ".join(own))
    return replace(record, **changes)


def corrected(farm: Workspace, old: R, changes: Mapping[str, Any]) -> R:
    """Return a record corrected; a season that followed from the day follows from the new one.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    old : Record
        As it stands.
    changes : mapping of str to object
        Figures by name.
    """
    new = changed(old, changes)
    if not changes.keys() & {"day", "field"}:
        return new
    told = "season" in changes or enter(farm, old).season != old.season
    return enter(farm, new, season=new.season if told else 0)


def withdrawn(old: Record, why: str) -> Note:
    """Return the note that stands in the place of a record that was entered by mistake.

    Raises
    ------
    BadInput
        When no reason is told.
    """
    if not why.strip():
        raise BadInput("error.record_no_reason")
    return Note(day=old.day, field=old.field, tree=old.tree, row=old.row, lot=old.lot,
                season=old.season, field_uid=old.field_uid, text=why.strip())  # fmt: skip


_KEPT = ("uid", "entered_utc", "replaces", "field_uid", "source")


def described(record: Record, language: Language) -> str:
    """Return what a record tells beside day and place, in a few words.

    Examples
    --------
    >>> from datetime import date
    >>> described(Harvest(day=date(2027, 5, 21), field="V", mass_kg=46.5, crates=3), "vi")
    '46,5 kg, 3 sọt'
    """
    parts = [text for text in _parts(record, language) if text]
    return ", ".join([*parts, record.remark] if record.remark else parts)


def _parts(record: Record, language: Language) -> list[str]:
    def told(key: str, value: Any, **values: Any) -> str:
        if value is None or value == "":
            return ""
        shown = round(value, 2) if isinstance(value, float) else value
        return say(f"page.told_{key}", language, value=shown, **values)

    parts: list[str] = []
    match record:
        case Harvest():
            parts = [told("kg", record.mass_kg), told("crates", record.crates), record.grade,
                     told("moisture", record.moisture_pct),
                     area(record.area_m2, language)]  # fmt: skip
        case Count():
            what = say(f"page.counted_{record.what.value}", language)
            share = None if record.share == 1.0 else 100.0 * record.share
            trees = None if record.trees == 1 else record.trees
            parts = [told("count", record.number, what=what), told("share", share),
                    told("trees", trees), told("size", record.size_mm)]  # fmt: skip
        case Bloom():
            parts = [told("bbch", record.bbch), told("reached", 100.0 * record.share)]
        case SprayRecord():
            parts = [record.product, dose(record, language), record.target,
                    told("phi", record.phi_days) or say("page.told_no_phi", language)]  # fmt: skip
        case Fertiliser():
            parts = [record.product, told("kg", record.mass_kg), npk(record), record.method]
        case Irrigation():
            parts = [told("m3", record.volume_m3), told("hours", record.hours), record.water]
        case Price():
            parts = [told("vnd", record.vnd_kg), told("kg", record.mass_kg), record.grade,
                    record.buyer]  # fmt: skip
        case Note():
            parts = [record.text]
    return parts


def dose(record: SprayRecord, language: Language) -> str:
    """Return a spray's dose with its unit, "" when it is not told."""
    if record.dose is None:
        return ""
    return say("page.told_dose", language, value=record.dose, unit=record.unit.value)


def area(area_m2: float | None, language: Language) -> str:
    """Return ground in square metres and sào, "" when it is not told."""
    if area_m2 is None:
        return ""
    return say("page.told_area", language, area_m2=area_m2, sao=square_metres_to_sao(area_m2))


def npk(record: Fertiliser) -> str:
    """Return what a fertiliser holds, N–P–K, "" when it is not told."""
    parts = (record.n_pct, record.p2o5_pct, record.k2o_pct)
    if all(one is None for one in parts):
        return ""
    return "–".join("?" if one is None else f"{one:g}" for one in parts)
