"""The two dictionaries say the same things, and the code says nothing that is not in them."""

from __future__ import annotations

import ast
import importlib
import re
import string
import unicodedata
from collections.abc import Collection
from pathlib import Path

import pytest

from agri.words import APP_FORM, LANGUAGES, Language, Message, dictionary, in_the_app, say

ROOT = Path(__file__).resolve().parents[1]
GROUPS = "advice|crop|error|finding|cli|page|event|demo|link|card|rule|rule_source"
KEY = re.compile(rf"({GROUPS})\.[a-z0-9_.]*[a-z0-9]")
BEGINNING = re.compile(rf"({GROUPS})\.[a-z0-9_.]*")
SOURCES = [
    path
    for package in ("agri", "missions", "imagery", "models", "sitl")
    for path in (ROOT / package).rglob("*.py")
]


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def spoken(files: Collection[Path] = SOURCES) -> tuple[set[str], set[str]]:
    """Whole keys in the code, and the beginnings of keys that an f-string completes."""
    keys: set[str] = set()
    beginnings: set[str] = set()
    for path in files:
        parts: set[int] = set()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts.update(id(part) for part in node.values)
                first = node.values[0]
                if isinstance(first, ast.Constant) and BEGINNING.fullmatch(str(first.value)):
                    beginnings.add(str(first.value))
            elif (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and id(node) not in parts
                and KEY.fullmatch(node.value)
            ):
                keys.add(node.value)
    for path in (ROOT / "agri").rglob("*.j2"):
        keys.update(m[1] for m in re.finditer(r"say\('([a-z0-9_.]+)'", path.read_text("utf-8")))
    return keys, beginnings


def test_both_dictionaries_have_the_same_keys() -> None:
    assert dictionary("vi").keys() == dictionary("en").keys()


def test_both_dictionaries_have_the_same_placeholders() -> None:
    for key, english in dictionary("en").items():
        assert placeholders(english) == placeholders(dictionary("vi")[key]), key


def test_every_key_the_code_speaks_is_in_the_dictionaries() -> None:
    known = dictionary("en")
    keys, beginnings = spoken()
    missing = [key for key in keys if key not in known]
    missing += [part for part in beginnings if not any(key.startswith(part) for key in known)]
    assert not missing, sorted(missing)


def test_no_sentence_is_kept_that_nobody_speaks() -> None:
    keys, beginnings = spoken()
    unused = [
        key
        for key in (key.removeprefix(APP_FORM) for key in dictionary("en"))
        if key not in keys
        and key.removesuffix("_value") not in keys
        and not any(key.startswith(part) for part in beginnings)
    ]
    assert not unused, unused


def test_one_of_something_is_told_as_one() -> None:
    assert say("page.fact_phi_value", "en", days=1) == "1 day"
    assert say("page.fact_phi_value", "en", days=14) == "14 days"
    assert say("page.fact_phi_value", "en", days=0) == "0 days"
    assert say("page.fact_phi_value", "vi", days=1) == "1 ngày"
    assert say("finding.forecast_age", "en", hours=1.2) == "The kept forecast is 1 hour old."
    assert say("finding.forecast_age", "en", hours=1.6) == "The kept forecast is 2 hours old."
    told = say("finding.harvest_too_early", "en", harvest="", product="", day="", first="",
               interval=1, count=1)  # fmt: skip
    assert "interval of 1 day:" in told
    assert "(1 harvest day too early)" in told


COUNTED = re.compile(
    r"(?<!of )\{(count|days|trees|flights|seasons|hours)(:[^}?]*)?\} [a-z]+s\b(?!:)"
)


def test_what_may_be_one_has_a_singular_in_english() -> None:
    """A noun behind a count has both its forms, but where one alone is never told."""
    several = {
        "finding.batteries", "finding.litchi_many", "finding.log_other_fence",
        "finding.photos_several_days", "finding.photos_several_flights",
        "finding.too_many_fence_vertices", "finding.too_many_items",
        "page.fact_next_panicles_value", "page.web_planned_several", "page.zonal_many",
    }  # fmt: skip
    found = {key for key, text in dictionary("en").items() if COUNTED.search(text)}
    assert {key for key in found if not key.startswith(("error.", "app.error."))} <= several


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
    assert say("page.fact_gsd_value", "en", gsd_cm=1234.5) == "1234.50 cm"
    assert say("page.fact_gsd_value", "vi", gsd_cm=1234.5) == "1234,50 cm"


def test_a_large_number_is_written_out_and_never_as_a_power_of_ten() -> None:
    told = {language: say("card.amount_g", language, value=1e7) for language in LANGUAGES}
    assert told == {"en": "10,000,000 g", "vi": "10.000.000 g"}
    assert say("card.amount_g", "en", value=999_999.0) == "999999 g"
    assert say("card.amount_g", "en", value=0.25) == "0.25 g"


def test_a_missing_key_shows_itself_instead_of_failing() -> None:
    assert Message.of("nothing.such", value=3).text("vi") == "nothing.such value=3"


# ------------------------------------------------------------------ in the app

TYPED = re.compile(r"(?<![\w-])--[a-z]|(?<!\w)agri (?:{names})(?![\w-])|pip install|apt install")
"""An option, or a command of the terminal, in a sentence; "agri flies" is none."""
NEVER_IN_A_PAGE = {
    # told before the server listens, or where a farm's folder is opened
    "error.arducopter_missing", "error.database_link", "error.farm_in_file", "error.no_farm",
    "error.no_such_address", "error.owner_first", "error.port_taken", "error.sitl_no_such_build",
    # of choices that no form of the app has
    "error.base_url", "error.dsm_without_dem", "error.edges_one_field", "error.gsd_or_height",
    "error.key_exists", "error.no_rule", "error.paper_place", "error.signing_key_bytes",
    "error.speedup_real", "error.terrain_twice", "error.trees_nothing",
    "error.weather_which_place",
}  # fmt: skip


def reached_by_the_app() -> set[Path]:
    """The modules that the app's rooms import, also inside functions."""
    files = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in SOURCES}
    files |= {name.removesuffix(".__init__"): path for name, path in files.items()}
    waiting = [name for name in files if name.startswith("agri.web")]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in files:
            continue
        seen.add(name)
        for node in ast.walk(ast.parse(files[name].read_text("utf-8"))):
            if isinstance(node, ast.Import):
                waiting += [one.name for one in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                waiting += [node.module, *(f"{node.module}.{one.name}" for one in node.names)]
    return {files[name] for name in seen}


def test_nobody_with_the_app_before_them_is_told_what_to_type() -> None:
    typer = pytest.importorskip("typer")
    commands = importlib.import_module("agri.cli.commands")
    names = "|".join(typer.main.get_command(commands.app).commands)
    typed = re.compile(TYPED.pattern.replace("{names}", names))
    files = reached_by_the_app()
    assert not any("cli" in path.parts for path in files)
    keys, beginnings = spoken(files)
    loud = [
        (key, language)
        for language in LANGUAGES
        for key, sentence in dictionary(language).items()
        if (key in keys or key.startswith((*beginnings, APP_FORM)))
        and key not in NEVER_IN_A_PAGE
        and typed.search(dictionary(language).get(APP_FORM + key, sentence))
    ]
    assert not loud, loud
    assert keys >= NEVER_IN_A_PAGE, "spoken by the app no more: take it out of the list"


def test_a_form_for_the_app_tells_no_figure_that_the_sentence_does_not() -> None:
    english = dictionary("en")
    for key in english:
        if key.startswith(APP_FORM):
            assert placeholders(english[key]) <= placeholders(english[key.removeprefix(APP_FORM)])


def test_in_the_app_a_sentence_inside_another_takes_its_form_too() -> None:
    inner = Message.of("finding.weather_not_entered")
    outer = Message.of("error.fly_blocked", plan="Lô 1", finding=inner)
    assert "--wind" in outer.text("vi")
    with in_the_app():
        assert "--wind" not in outer.text("vi")
        assert "trang cất cánh" in outer.text("vi")
    assert "--wind" in outer.text("vi")


SPEAKS = re.compile(r"(Finding\.(info|warning|error)|Message\.of|say|[A-Z][A-Za-z]+)")
"""Calls that say a sentence as it is; others add to what they are given."""


def test_each_sentence_is_given_all_that_it_tells() -> None:
    """Two rooms that take one key for two sentences are found here, and not by a visitor."""
    english, said = dictionary("en"), 0
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not SPEAKS.fullmatch(ast.unparse(node.func)):
                continue
            key = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else 0
            if key not in english or any(word.arg is None for word in node.keywords):
                continue
            given = {word.arg for word in node.keywords}
            needed = {name.partition(".")[0] for name in placeholders(english[str(key)])}
            said += 1
            assert needed <= given, f"{path.name}:{node.lineno} {key} needs {needed - given}"
    assert said > 1500
