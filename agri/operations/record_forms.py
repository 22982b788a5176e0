"""Field records from forms: which figures are asked for each kind, and what was written, as values.

Theory of operation. A form is a list of `Asked`; a page shows them in this order, and what comes
back is text by their names. Amounts are read as everywhere in agri (`agri.amounts`): "2 tạ 35 kg",
"18 ml/sào", "35.000". What is left empty is not told. The sentence that refuses a text names the
figure as the form does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from agri.amounts import (
    read_amount,
    read_area_m2,
    read_day,
    read_mass_kg,
    read_npk,
    read_rate,
    read_vnd_kg,
)
from agri.crop import CropCard
from agri.crop_cards import crop_cards
from agri.errors import BadInput
from agri.field import Field
from agri.field_records import (
    KINDS,
    Counted,
    RateUnit,
    Record,
)
from agri.names import choose
from agri.operations.read_records import (
    read_counted,
    read_share,
    read_size_mm,
    read_spread_kg,
    read_volume_m3,
    read_whole,
)
from agri.words import Language, say


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One figure or text that a form asks for.

    Parameters
    ----------
    name : str
        Of the text that comes back.
    label : str
        Key of what it is called.
    mode : {"text", "date", "numeric", "decimal", "choice"}
        How it is typed.
    need : bool
        Whether it must be told.
    hint : str
        Key of a sentence that helps, "" for none.
    options : tuple of (str, str)
        Of a choice: value and words.
    """

    name: str
    label: str
    mode: str = "text"
    need: bool = False
    hint: str = ""
    options: tuple[tuple[str, str], ...] = ()


def _asked(text: str) -> tuple[tuple[str, bool, str], ...]:
    """Read ``name!:mode`` words: ``!`` for what must be told."""
    parts = [word.partition(":") for word in text.split()]
    return tuple((name.rstrip("!"), name.endswith("!"), mode or "text") for name, _, mode in parts)


_FORMS = {
    "harvest": _asked("mass_kg!:hint grade lot tree crates:decimal area_m2:hint"),
    "count": _asked("what!:choice number!:decimal share:hint trees:numeric size_mm:decimal tree"),
    "bloom": _asked("bbch!:choice share:hint tree"),
    "spray": _asked("product! dose:hint water_l_ha:decimal phi_days:hint target active area_m2:hint"
                    " label lot"),
    "fertiliser": _asked("product! spread!:hint npk:hint trees:numeric method"),
    "irrigation": _asked("volume_m3:hint hours:decimal water"),
    "price": _asked("vnd_kg!:hint mass_kg:hint grade buyer lot"),
    "note": _asked("text!"),
}  # fmt: skip
"""Kinds in the order a page offers them, and what each asks beside day, who and remark."""
KIND_ORDER = tuple(_FORMS)
_OTHER_LABELS = {"spread": "page.record_spread", "npk": "page.record_npk"}


def form_of(kind: str, field: Field, language: Language) -> tuple[Asked, ...]:
    """Return what the form of a kind asks for.

    Raises
    ------
    BadInput
        When there is no such kind.
    """
    if kind not in _FORMS:
        raise BadInput("error.not_a_choice", name=say("page.record_kind", language),
                       value=kind[:40], choices=", ".join(_FORMS))  # fmt: skip
    middle = [
        Asked(
            name=name, label=_OTHER_LABELS.get(name, f"page.record_{name}"), need=need,
            mode="text" if mode == "hint" else mode,
            hint=f"page.record_hint_{name}" if mode == "hint" else "",
            options=_options(name, field, language) if mode == "choice" else (),
        )
        for name, need, mode in _FORMS[kind]
    ]  # fmt: skip
    remark = () if kind == "note" else (Asked(name="remark", label="page.record_remark"),)
    return (
        Asked(name="day", label="page.record_day", mode="date", need=True), *middle,
        Asked(name="by", label="page.record_by"), *remark,
    )  # fmt: skip


def _options(name: str, field: Field, language: Language) -> tuple[tuple[str, str], ...]:
    if name == "what":
        return tuple((one.value, say(f"page.counted_{one.value}", language)) for one in Counted)
    cards = crop_cards()
    stages = {
        stage.bbch: stage.name_vi if language == "vi" else stage.name_en
        for card in reversed(_meant(field.crop, cards) or cards)
        for stage in card.stages
    }
    return tuple((str(bbch), f"{bbch:02d} {words}") for bbch, words in sorted(stages.items()))


def _meant(crop: str, cards: Sequence[CropCard]) -> tuple[CropCard, ...]:
    meant = choose(crop, [one.id for one in cards]) or choose(crop, [one.name_vi for one in cards])
    return tuple(cards[index] for index in meant)


def record_told(
    kind: str, texts: Mapping[str, str], field: Field, *, language: Language, today: date
) -> Record:
    """Return the record that a form tells.

    Parameters
    ----------
    kind : str
        One of `KIND_ORDER`.
    texts : mapping of str to str
        By the names of `form_of`.
    field : Field
        Of the farm.
    language : {"vi", "en"}
        In which a refusal names the figure.
    today : date
        The day, when none is told; a later one is refused.

    Raises
    ------
    BadInput
        When a text cannot be read, what must be told is not, or the figure cannot be.
    """
    told: dict[str, Any] = {}
    for one in form_of(kind, field, language):
        text = texts.get(one.name, "").strip()
        if one.need and not text and one.name != "day":
            raise BadInput("error.record_untold", name=say(one.label, language))
        if text:
            label = say(one.label, language)
            told |= _read(one.name, text, label, texts, field)
    told.setdefault("day", today)
    if told["day"] > today:
        raise BadInput("error.record_future", day=told["day"])
    return KINDS[kind](field=field.name, **told)


def changes_told(
    kind: str, texts: Mapping[str, str], field: Field, *, language: Language, today: date
) -> dict[str, Any]:
    """Return the figures that a form of corrections tells; what it leaves empty stays as it is.

    Raises
    ------
    BadInput
        When a text cannot be read, none is told, or the day has not come.
    """
    told: dict[str, Any] = {}
    for one in form_of(kind, field, language):
        text = texts.get(one.name, "").strip()
        if text:
            told |= _read(one.name, text, say(one.label, language), texts, field)
    if not told:
        raise BadInput("error.record_no_change")
    if told.get("day", today) > today:
        raise BadInput("error.record_future", day=told["day"])
    return told


def _read(
    name: str, text: str, label: str, texts: Mapping[str, str], field: Field
) -> dict[str, Any]:
    """Return one figure by the name it has in the record, or several that one text tells."""
    if name == "dose":
        amount, unit = read_rate(text, name=label)
        return {"dose": amount, "unit": RateUnit(unit)}
    if name == "npk":
        return dict(zip(("n_pct", "p2o5_pct", "k2o_pct"), read_npk(text, name=label), strict=True))
    if name == "spread":
        trees = texts.get("trees", "").strip()
        number = read_whole(trees, name=label) if trees else None
        kg = read_spread_kg(text, area_m2=field.area_m2, trees=number, name=label)
        return {"mass_kg": kg}
    readers: dict[str, Any] = {
        "day": read_day, "mass_kg": read_mass_kg, "area_m2": read_area_m2, "share": read_share,
        "vnd_kg": read_vnd_kg, "what": read_counted, "size_mm": read_size_mm,
        "volume_m3": read_volume_m3,
        **dict.fromkeys(("trees", "bbch", "phi_days"), read_whole),
        **dict.fromkeys(("crates", "number", "water_l_ha", "hours"), read_amount),
    }  # fmt: skip
    return {name: readers[name](text, name=label) if name in readers else text}
