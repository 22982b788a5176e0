"""The law as data: every rule tells its source and how sure it is, and the figures decide."""

from __future__ import annotations

import math
import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agri import rules as law
from agri.errors import BadInput
from agri.rules import Authority, Confidence, LicenceClass, Reading, Rule, rule_from, rules
from agri.words import LANGUAGES, Language, dictionary

MASSES = st.floats(min_value=0.01, max_value=500.0)
CEILINGS = st.floats(min_value=1.0, max_value=500.0)


def entry(**changes: object) -> dict[str, object]:
    whole: dict[str, object] = {
        "id": "permit",
        "topic": "permit",
        "document": "law",
        "number": "49/2024/QH15",
        "in_force": "2025-07-01",
        "read": "reported",
        "seen": "vietbao.vn",
        "confidence": "high",
    }
    return {name: value for name, value in {**whole, **changes}.items() if value is not None}


def test_every_rule_has_its_sentence_and_every_sentence_its_rule() -> None:
    told = {key.removeprefix("rule.") for key in dictionary("en") if key.startswith("rule.")}
    ids = [rule.id for rule in rules()]
    assert told == set(ids)
    assert len(ids) == len(set(ids)) > 30


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_has_a_hole_and_each_figure_of_a_rule_is_spoken(language: Language) -> None:
    for rule in rules():
        for message in (rule.message, rule.source):
            text = message.text(language)
            assert text
            assert not re.search(r"[{}]|rule", text), text
        template = dictionary(language)[f"rule.{rule.id}"]
        named = {name for name, _ in rule.figures}
        spoken = set(re.findall(r"\{(\w+)", template))
        assert spoken == named, rule.id


def test_every_rule_tells_its_source_its_date_and_how_sure_it_is() -> None:
    for rule in rules():
        assert rule.confidence in list(Confidence)
        if rule.confidence in (Confidence.HIGH, Confidence.MEDIUM):
            assert rule.seen, rule.id
        if rule.dated:
            whole = rule.dated if len(rule.dated) == 10 else f"{rule.dated}-01"
            assert date(2008, 1, 1) <= date.fromisoformat(whole) <= date(2026, 12, 31), rule.id
        else:
            assert rule.document in ("own", "site"), rule.id


def test_nothing_is_told_as_read_in_full_and_what_was_not_found_is_unsure() -> None:
    assert not [rule.id for rule in rules() if rule.reading is Reading.FULL]
    for rule in rules():
        doubtful = rule.confidence in (Confidence.LOW, Confidence.UNSURE)
        assert doubtful == (rule.reading is Reading.MISSING), rule.id
        if rule.confidence is Confidence.UNSURE:
            said = rule.message.text("en") + rule.message.text("vi")
            assert re.search(r"not (found|known|seen)|was not seen", said), rule.id
            assert re.search(r"[Cc]hưa|[Kk]hông rõ", said), rule.id


@pytest.mark.parametrize(
    "changes",
    [
        {"read": "dreamt"},
        {"confidence": "sure"},
        {"confidence": None},
        {"topic": "tax"},
        {"document": "rumour"},
        {"number": ""},
        {"seen": ""},
        {"read": "missing"},
        {"figures": {"below_m": "high"}},
    ],
)
def test_an_entry_without_source_or_confidence_is_refused(changes: dict[str, object]) -> None:
    assert rule_from(entry()).confidence is Confidence.HIGH
    with pytest.raises(BadInput) as refusal:
        rule_from(entry(**changes))
    assert refusal.value.message.key == "error.rule_entry"


def test_a_rule_is_found_by_its_name() -> None:
    assert isinstance(law.rule("permit"), Rule)
    with pytest.raises(BadInput) as missing:
        law.rule("tax")
    assert "tax" in missing.value.text("vi")


@given(ceiling_m=CEILINGS, more_m=CEILINGS)
def test_a_higher_flight_never_asks_a_lower_authority(ceiling_m: float, more_m: float) -> None:
    ranks = list(Authority)
    low, high = sorted((ceiling_m, more_m))
    for provinces in (1, 2):
        below = law.authority_for(low, provinces=provinces)
        above = law.authority_for(high, provinces=provinces)
        assert ranks.index(below) <= ranks.index(above)
    assert (law.authority_for(low) is Authority.PROVINCE) == (low <= 50.0)
    assert law.authority_for(low, near_aerodrome=True) is Authority.OPERATIONS
    assert law.authority_for(low, provinces=2) is not Authority.PROVINCE


def test_who_permits_by_height_as_the_circular_draws_the_lines() -> None:
    found = [law.authority_for(metres) for metres in (10.0, 50.0, 50.1, 120.0, 120.1)]
    province, region, operations = Authority
    assert found == [province, province, region, region, operations]
    assert law.authority_for(50.0, provinces=2) is region
    assert law.authority_for(60.0, provinces=2) is operations


@given(mass_kg=MASSES)
def test_a_mass_falls_into_one_class_that_grows_with_it(mass_kg: float) -> None:
    found = law.mass_class(mass_kg)
    limits = (0.0, 0.25, 2.0, 25.0, 150.0, math.inf)
    assert limits[found - 1] <= mass_kg < limits[found]


@given(mass_kg=MASSES, programmed=st.booleans(), in_sight=st.booleans())
def test_the_licence_asked_is_the_strictest_any_reading_asks(
    mass_kg: float, programmed: bool, in_sight: bool
) -> None:
    found = law.licence_needed(mass_kg, programmed=programmed, in_sight=in_sight)
    if programmed or not in_sight or mass_kg >= 2.0:
        assert found is LicenceClass.INSTRUMENT
    else:
        assert found is (LicenceClass.VISUAL if mass_kg >= 0.25 else None)


def test_an_instrument_licence_is_enough_for_both() -> None:
    visual, instrument = LicenceClass
    assert instrument.covers(visual)
    assert instrument.covers(instrument)
    assert visual.covers(visual)
    assert not visual.covers(instrument)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_what_is_no_height_and_no_mass_is_refused(value: float) -> None:
    for ask in (
        law.authority_for,
        law.mass_class,
        lambda kg: law.licence_needed(kg, programmed=True),
    ):
        with pytest.raises(BadInput):
            ask(value)
