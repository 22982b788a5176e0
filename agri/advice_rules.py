"""Rules of advice from files: those that come with agri (``advice_rules.toml``) and the user's own.

Theory of operation. The file holds ``[sources]`` under short names and one ``[[rule]]`` after the
other, each with its ``[rule.numbers]`` written as on a crop card. Labels of products,
``[[label]]``, are read here too, from the user's file alone. Unknown words are refused, because a
misspelt "asumed" would otherwise pass unseen, and whatever is wrong becomes one sentence that names
the rule.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from datetime import date, datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from agri.advising import AdviceRule, AdviceRules, Topic
from agri.crop import CropKind
from agri.crop_cards import number_from
from agri.errors import BadInput
from agri.files import read_text_limited
from agri.labels import Label, ProductKind
from agri.rules import Confidence

MAX_BYTES = 256_000
RULE_WORDS = {
    "id", "topic", "kinds", "from_bbch", "to_bbch", "months", "aliases", "numbers", "source",
    "confidence", "assumed",
}  # fmt: skip
LABEL_WORDS = {
    "product", "kind", "crops", "targets", "dose_low", "dose_high", "unit", "phi_days",
    "interval_days", "most_uses", "rain_free_h", "bees", "read_by", "read_on", "registration",
}  # fmt: skip


@cache
def advice_rules() -> AdviceRules:
    """Return the rules that come with agri.

    Examples
    --------
    >>> advice_rules().rule("feed").value("after_harvest_from")
    7.0
    """
    text = resources.files("agri").joinpath("advice_rules.toml").read_text("utf-8")
    return rules_from_text(text, name="advice_rules.toml")


def read_rules(path: Path) -> AdviceRules:
    """Return agri's rules with those of the user's own file in their places.

    Raises
    ------
    BadInput
        When the file is too big, no TOML, a rule in it is not sound, or it replaces none.
    """
    own = rules_from_text(read_text_limited(path, limit_bytes=MAX_BYTES), name=path.name)
    for one in own.rules:
        advice_rules().rule(one.id)
    changed = {one.id: one for one in own.rules}
    return AdviceRules(rules=tuple(changed.get(one.id, one) for one in advice_rules().rules))


def rules_from_text(text: str, *, name: str = "rules") -> AdviceRules:
    """Return the rules written in a TOML text.

    Raises
    ------
    BadInput
        When it is no TOML, or a rule is not sound; the sentence names the rule.
    """
    entry = _toml(text, name, {"sources", "rule"})
    told = entry.get("sources", {})
    if not isinstance(told, dict):
        raise BadInput("error.advice_rule", rule=name, field="sources")
    sources = {key: str(value) for key, value in told.items()}
    return AdviceRules(
        rules=tuple(_rule(one, sources, name) for one in _entries(entry, "rule", name))
    )


def _rule(entry: Mapping[str, Any], sources: Mapping[str, str], file: str) -> AdviceRule:
    name = entry.get("id")
    if not isinstance(name, str):
        raise BadInput("error.advice_rule", rule=file, field="id")
    _known(entry, RULE_WORDS, name)
    numbers = entry.get("numbers", {})
    if not isinstance(numbers, dict):
        raise BadInput("error.advice_rule", rule=name, field="numbers")
    source, assumed = entry.get("source", ""), entry.get("assumed", False)
    if not isinstance(source, str) or not isinstance(assumed, bool):
        raise BadInput("error.advice_rule", rule=name, field="source, assumed")
    try:
        topic, confidence = Topic(entry.get("topic", "")), Confidence(entry.get("confidence", ""))
        kinds = tuple(CropKind(kind) for kind in entry.get("kinds", []))
        months = tuple(int(month) for month in entry.get("months", []))
        stages = int(entry.get("from_bbch", 0)), int(entry.get("to_bbch", 100))
        aliases = _texts(entry.get("aliases", []))
    except (TypeError, ValueError) as error:
        raise BadInput("error.advice_rule", rule=name, field=_first_line(error)) from error
    return AdviceRule(
        id=name, topic=topic, kinds=kinds, from_bbch=stages[0], to_bbch=stages[1], months=months,
        aliases=aliases, confidence=confidence, assumed=assumed,
        source=sources.get(source, source),
        numbers=tuple(number_from(key, value, sources) for key, value in numbers.items()),
    )  # fmt: skip


def read_labels(path: Path) -> tuple[Label, ...]:
    """Return the labels that the user entered in a file.

    Raises
    ------
    BadInput
        When the file is too big, no TOML, or a label in it is not sound.
    """
    return labels_from_text(read_text_limited(path, limit_bytes=MAX_BYTES), name=path.name)


def labels_from_text(text: str, *, name: str = "labels") -> tuple[Label, ...]:
    """Return the labels written in a TOML text, in order.

    Raises
    ------
    BadInput
        When it is no TOML, or a label is not sound; the sentence names the product.

    Examples
    --------
    >>> labels_from_text('''
    ... [[label]]
    ... product = "Thuốc A"
    ... kind = "fungicide"
    ... crops = ["vải"]
    ... targets = ["sương mai"]
    ... phi_days = 14
    ... read_by = "Hoa"
    ... read_on = 2027-03-01
    ... ''')[0].phi_days
    14
    """
    entry = _toml(text, name, {"label"})
    return tuple(_label(one, name) for one in _entries(entry, "label", name))


def _label(entry: Mapping[str, Any], file: str) -> Label:
    product = entry.get("product")
    if not isinstance(product, str):
        raise BadInput("error.label", product=file, field="product")
    _known(entry, LABEL_WORDS, product)
    try:
        kind = ProductKind(entry.get("kind", ""))
    except ValueError as error:
        raise BadInput("error.label", product=product, field="kind") from error
    for field, kinds in (("phi_days", int), ("interval_days", int), ("most_uses", int),
                         ("dose_low", (int, float)), ("dose_high", (int, float)),
                         ("rain_free_h", (int, float)), ("unit", str), ("registration", str),
                         ("read_by", str), ("bees", bool), ("read_on", date)):  # fmt: skip
        value = entry.get(field)
        wrong = (isinstance(value, bool) and kinds is not bool) or isinstance(value, datetime)
        if field in entry and (wrong or not isinstance(value, kinds)):
            raise BadInput("error.label", product=product, field=field)
    rest = {key: entry[key] for key in entry if key not in ("kind", "crops", "targets")}
    try:
        crops, targets = _texts(entry.get("crops", [])), _texts(entry.get("targets", []))
    except TypeError as error:
        raise BadInput("error.label", product=product, field="crops, targets") from error
    for field in ("read_by", "read_on"):
        if field not in entry:
            raise BadInput("error.label", product=product, field=field)
    return Label(kind=kind, crops=crops, targets=targets, **rest)


def _toml(text: str, name: str, words: set[str]) -> dict[str, Any]:
    try:
        entry = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadInput("error.advice_file", file=name, reason=_first_line(error)) from error
    _known(entry, words, name)
    return entry


def _entries(entry: Mapping[str, Any], word: str, name: str) -> list[dict[str, Any]]:
    found = entry.get(word, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise BadInput("error.advice_rule", rule=name, field=f"[[{word}]]")
    return found


def _known(entry: Mapping[str, Any], words: set[str], name: str) -> None:
    for word in entry:
        if word not in words:
            raise BadInput("error.advice_word", rule=name, word=word,
                           known=", ".join(sorted(words)))  # fmt: skip


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        raise TypeError("texts")
    return tuple(values)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:80] if str(error) else "?"


def label_text(label: Label) -> str:
    """Return a label as TOML; what was not entered is left out.

    Examples
    --------
    >>> one = Label(product='Thuốc "A"', kind=ProductKind.OTHER, crops=("vải",), targets=("mối",),
    ...             read_by="Hoa", read_on=date(2027, 3, 1))
    >>> labels_from_text(label_text(one)) == (one,)
    True
    """
    lines = ["[[label]]"]
    for one in fields(label):
        value = getattr(label, one.name)
        if value is None or value == "" or value is False:
            continue
        if isinstance(value, tuple):
            told = "[" + ", ".join(_quoted(text) for text in value) + "]"
        elif isinstance(value, date):
            told = value.isoformat()
        elif isinstance(value, bool):
            told = "true"
        else:
            told = _quoted(str(value)) if isinstance(value, str) else repr(value)
        lines.append(f"{one.name} = {told}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Return a text as TOML writes it: JSON's escapes are a part of TOML's."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
