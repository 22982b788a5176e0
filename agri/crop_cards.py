"""Crop cards from files: those that come with agri (``crops/*.toml``) and the user's own.

Theory of operation. A card is a TOML file: who it is, ``[sources]`` under short names,
``[numbers]`` and ``[tables]`` by name, and ``[[stages]]``. Each number is written
``{ value, low, high, unit, source, confidence }``; ``source`` is one of the short names or a text
of its own. A number without source must say ``assumed = true``. Unknown words are refused,
because a misspelt "hihg" would otherwise pass unseen.

Decisions. A stranger's file may hold anything: it is read with a limit of size, and whatever is
wrong with it becomes one sentence that names the number. A date is written "05-22", month and day.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from agri.crop import DAY_OF_YEAR, CropCard, CropKind, Sourced, SourcedTable, Stage
from agri.errors import BadInput
from agri.files import read_text_limited
from agri.rules import Confidence
from agri.words import Language

MAX_CARD_BYTES = 256_000
CARD_WORDS = {
    "id", "name_vi", "name_en", "kind", "species", "notes", "sources", "numbers", "tables",
    "stages",
}  # fmt: skip
NUMBER_WORDS = {"value", "low", "high", "unit", "source", "confidence", "assumed"}
TABLE_WORDS = {"columns", "units", "rows", "source", "confidence", "assumed"}
STAGE_WORDS = {"bbch", "name_vi", "name_en", "heat"}
TREE_KINDS = {CropKind.LYCHEE, CropKind.CUSTARD_APPLE}
TREE_WORDS = (
    "vải", "nhãn", "na", "mãng cầu", "xoài", "bưởi", "cam", "chanh", "quýt", "quất", "ổi", "mít",
    "hồng", "táo", "bơ", "sầu riêng", "chôm chôm", "dừa", "cau", "mận", "đào", "mơ", "lê", "khế",
    "trứng gà", "keo", "bạch đàn", "thông", "quế", "hồi", "cao su", "cà phê", "hồ tiêu", "điều",
    "cây ăn quả", "cây ăn trái", "lychee", "litchi", "longan", "custard apple", "mango", "orange",
    "pomelo", "citrus", "guava", "jackfruit", "persimmon", "apple", "durian", "coconut", "plum",
    "peach", "acacia", "eucalyptus", "pine", "rubber", "coffee", "orchard", "fruit trees",
)  # fmt: skip
"""How names of crops that stand higher than a person begin; a card's own kind goes first."""


@cache
def crop_cards() -> tuple[CropCard, ...]:
    """Return the cards that come with agri, by file name.

    Examples
    --------
    >>> [card.name_vi for card in crop_cards()][-1]
    'Vải thiều'
    """
    folder = resources.files("agri").joinpath("crops")
    files = sorted((one for one in folder.iterdir() if one.name.endswith(".toml")), key=str)
    return tuple(card_from_text(one.read_text("utf-8"), name=one.name) for one in files)


def crop_card(name: str) -> CropCard:
    """Return the card whose id or name, in either language, is `name`; case does not matter.

    Raises
    ------
    BadInput
        When there is none; the sentence names those there are.

    Examples
    --------
    >>> crop_card("vải ph40").number("fruit_mass").value
    53.0
    """
    for card in crop_cards():
        if name.strip().casefold() in {
            card.id.casefold(), card.name_vi.casefold(), card.name_en.casefold()
        }:  # fmt: skip
            return card
    known = ", ".join(card.id for card in crop_cards())
    raise BadInput("error.crop_unknown", name=name, known=known)


def crop_told(crop: str, language: Language) -> str:
    """Return a crop as readers of a language call it; one that no card knows stays as written.

    Examples
    --------
    >>> crop_told("lúa xuân", "en"), crop_told("Nhãn lồng", "en")
    ('Spring rice', 'Nhãn lồng')
    """
    try:
        return crop_card(crop).name(language)
    except BadInput:
        return crop


@dataclass(frozen=True, slots=True)
class CropNames:
    """What a sentence names when it tells which crops there are: all that a card tells of.

    Examples
    --------
    >>> CropNames().text("en").split(", ")[0] in [card.name_en for card in crop_cards()]
    True
    """

    def text(self, language: Language) -> str:
        """Return the cards' names in `language`."""
        return ", ".join(card.name(language) for card in crop_cards())


def grows_on_trees(crop: str) -> bool:
    """Return whether a crop, by the name a user gave it, is one of trees.

    Examples
    --------
    >>> [grows_on_trees(name) for name in ("Vải PH40", "vải", "nhãn lồng", "lúa", "nấm", "")]
    [True, True, True, False, False, False]
    """
    name = " ".join(crop.casefold().split())
    for card in crop_cards():
        if name in {card.id.casefold(), card.name_vi.casefold(), card.name_en.casefold()}:
            return card.kind in TREE_KINDS
    return any(name == word or name.startswith(word + " ") for word in TREE_WORDS)


def read_crop_card(path: Path) -> CropCard:
    """Return the card in the user's own file.

    Raises
    ------
    BadInput
        When the file is too big, no TOML, or not a sound card.
    """
    return card_from_text(read_text_limited(path, limit_bytes=MAX_CARD_BYTES), name=path.name)


def card_from_text(text: str, *, name: str = "card") -> CropCard:
    """Return the card written in a TOML text.

    Parameters
    ----------
    text : str
        The whole file.
    name : str
        What to call it in a sentence.

    Raises
    ------
    BadInput
        When it is no TOML or not a sound card; the sentence names the number.
    """
    try:
        entry = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadInput("error.crop_file", file=name, reason=str(error)[:80]) from error
    _refuse_unknown(entry, CARD_WORDS, name)
    sources = {key: str(value) for key, value in _mapping(entry, "sources", name).items()}
    stages = entry.get("stages", [])
    notes = entry.get("notes", [])
    if not isinstance(stages, list) or not isinstance(notes, list):
        raise BadInput("error.crop_field", number=name, field="stages, notes")
    return CropCard(
        id=_text(entry, "id", name),
        name_vi=_text(entry, "name_vi", name),
        name_en=_text(entry, "name_en", name),
        kind=_kind(entry, name),
        species=_text(entry, "species", name),
        numbers=tuple(
            number_from(key, value, sources)
            for key, value in _mapping(entry, "numbers", name).items()
        ),
        tables=tuple(
            table_from(key, value, sources)
            for key, value in _mapping(entry, "tables", name).items()
        ),
        stages=tuple(_stage(one, sources) for one in stages),
        notes=tuple(str(note) for note in notes),
    )


def number_from(name: str, entry: object, sources: Mapping[str, str]) -> Sourced:
    """Return the number that an entry of a card tells.

    Parameters
    ----------
    name : str
        What the number is called on the card.
    entry : object
        What stands in the file.
    sources : mapping of str to str
        The card's sources by short name.

    Raises
    ------
    BadInput
        When something is missing or wrong; the sentence names the number.

    Examples
    --------
    >>> number_from("brix", {"value": 18, "low": 17, "high": 20, "unit": "°Bx"}, {})
    Traceback (most recent call last):
    ...
    agri.errors.BadInput: brix: confidence is missing or wrong; write it on the crop card.
    """
    told = _checked(name, entry, NUMBER_WORDS)
    unit = _text(told, "unit", name)
    return Sourced(
        name=name,
        value=_figure(told, "value", name, unit),
        low=_figure(told, "low", name, unit),
        high=_figure(told, "high", name, unit),
        unit=unit,
        **_standing(name, told, sources),
    )


def table_from(name: str, entry: object, sources: Mapping[str, str]) -> SourcedTable:
    """Return the table that an entry of a card tells.

    Raises
    ------
    BadInput
        When it is crooked or something is missing; the sentence names it.
    """
    told = _checked(name, entry, TABLE_WORDS)
    try:
        rows = tuple(tuple(float(value) for value in row) for row in told["rows"])
        columns = tuple(str(value) for value in told["columns"])
        units = tuple(str(value) for value in told["units"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadInput("error.crop_table", number=name) from error
    return SourcedTable(
        name=name, columns=columns, units=units, rows=rows, **_standing(name, told, sources)
    )


def _stage(entry: object, sources: Mapping[str, str]) -> Stage:
    told = _checked("stages", entry, STAGE_WORDS)
    bbch = told.get("bbch")
    if not isinstance(bbch, int) or isinstance(bbch, bool):
        raise BadInput("error.crop_field", number="stages", field="bbch")
    name = f"heat_{bbch}"
    return Stage(
        bbch=bbch,
        name_vi=_text(told, "name_vi", name),
        name_en=_text(told, "name_en", name),
        heat=number_from(name, told.get("heat"), sources),
    )


def _standing(name: str, told: Mapping[str, Any], sources: Mapping[str, str]) -> dict[str, Any]:
    source = told.get("source", "")
    assumed = told.get("assumed", False)
    if not isinstance(source, str):
        raise BadInput("error.crop_field", number=name, field="source")
    if not isinstance(assumed, bool):
        raise BadInput("error.crop_field", number=name, field="assumed")
    try:
        confidence = Confidence(told.get("confidence", ""))
    except ValueError as error:
        raise BadInput("error.crop_field", number=name, field="confidence") from error
    return {"source": sources.get(source, source), "confidence": confidence, "assumed": assumed}


def _figure(told: Mapping[str, Any], field: str, name: str, unit: str) -> float:
    value = told.get(field)
    try:
        if unit == DAY_OF_YEAR and isinstance(value, str):
            return float(date.fromisoformat(f"2023-{value}").timetuple().tm_yday)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    except (ValueError, OverflowError) as error:
        raise BadInput("error.crop_field", number=name, field=field) from error
    raise BadInput("error.crop_field", number=name, field=field)


def _text(told: Mapping[str, Any], field: str, name: str) -> str:
    value = told.get(field)
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise BadInput("error.crop_field", number=name, field=field)
    return value


def _kind(entry: Mapping[str, Any], name: str) -> CropKind:
    try:
        return CropKind(_text(entry, "kind", name))
    except ValueError as error:
        raise BadInput("error.crop_field", number=name, field="kind") from error


def _mapping(entry: Mapping[str, Any], field: str, name: str) -> Mapping[str, Any]:
    value = entry.get(field, {})
    if not isinstance(value, dict):
        raise BadInput("error.crop_field", number=name, field=field)
    return value


def _checked(name: str, entry: object, words: set[str]) -> Mapping[str, Any]:
    if not isinstance(entry, dict):
        raise BadInput("error.crop_entry", number=name)
    _refuse_unknown(entry, words, name)
    return entry


def _refuse_unknown(entry: Mapping[str, Any], words: set[str], name: str) -> None:
    for word in entry:
        if word not in words:
            raise BadInput(
                "error.crop_word", number=name, word=word, known=", ".join(sorted(words))
            )
