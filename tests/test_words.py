"""The two dictionaries say the same things, and the code says nothing that is not in them."""

from __future__ import annotations

import ast
import re
import string
import unicodedata
from pathlib import Path

import pytest

from agri.words import LANGUAGES, Language, Message, dictionary, say

ROOT = Path(__file__).resolve().parents[1]
KEY = re.compile(r"(error|finding|cli|page|unit|event|picture|demo)\.[a-z0-9_.]+")
SOURCES = [
    path
    for package in ("agri", "missions", "imagery", "models", "sitl")
    for path in (ROOT / package).rglob("*.py")
]


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def keys_in_code() -> set[str]:
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and KEY.fullmatch(node.value)
            ):
                found.add(node.value)
    for path in (ROOT / "agri").rglob("*.j2"):
        found.update(m[1] for m in re.finditer(r"say\('([a-z0-9_.]+)'", path.read_text("utf-8")))
    return found


def test_both_dictionaries_have_the_same_keys() -> None:
    assert dictionary("vi").keys() == dictionary("en").keys()


def test_both_dictionaries_have_the_same_placeholders() -> None:
    for key, english in dictionary("en").items():
        assert placeholders(english) == placeholders(dictionary("vi")[key]), key


def test_every_key_the_code_speaks_is_in_the_dictionaries() -> None:
    missing = sorted(key for key in keys_in_code() if key not in dictionary("en"))
    assert not missing, missing


def test_no_sentence_is_kept_that_nobody_speaks() -> None:
    text = "\n".join(p.read_text("utf-8") for p in [*SOURCES, *(ROOT / "agri").rglob("*.j2")])
    prefixes = set(re.findall(r"f\"([a-z_.]+\.)\{", text))
    unused = [
        key
        for key in dictionary("en")
        if key.removesuffix("_value") not in text
        and not any(key.startswith(prefix) for prefix in prefixes)
    ]
    assert not unused, unused


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_in_composed_unicode_and_not_empty(language: Language) -> None:
    for key, sentence in dictionary(language).items():
        assert sentence.strip() == sentence, key
        assert sentence, key
        assert unicodedata.is_normalized("NFC", sentence), key


def test_vietnamese_sentences_are_vietnamese() -> None:
    """Longer sentences carry diacritics; one without is most likely untranslated."""
    plain = [
        key
        for key, sentence in dictionary("vi").items()
        if len(sentence) > 40 and sentence.isascii()
    ]
    assert not plain, plain


def test_numbers_follow_the_language() -> None:
    assert say("unit.hectares", "en", area_ha=1234.5) == "1234.50 ha"
    assert say("unit.hectares", "vi", area_ha=1234.5) == "1234,50 ha"


def test_a_missing_key_shows_itself_instead_of_failing() -> None:
    assert Message.of("nothing.such", value=3).text("vi") == "nothing.such value=3"
