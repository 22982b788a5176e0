"""Crop cards: every number tells its range, unit, source and how sure it is."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agri.crop import CropCard, CropKind, Sourced
from agri.crop_cards import card_from_text, crop_card, crop_cards, read_crop_card
from agri.errors import AgriError, BadInput
from agri.rules import Confidence

HEAD = """
id = "mine"
name_vi = "Vải nhà"
name_en = "My lychee"
kind = "lychee"
species = "Litchi chinensis"
[sources]
book = "The farm's book, 2024"
[numbers]
"""
GOOD = 'value = 18, low = 17, high = 20, unit = "°Bx", source = "book", confidence = "high"'


def card_with(number: str, *, name: str = "brix") -> CropCard:
    return card_from_text(f"{HEAD}{name} = {{ {number} }}\n", name="mine.toml")


def test_the_cards_that_come_with_agri_are_these() -> None:
    assert {card.name_vi for card in crop_cards()} == {
        "Vải PH40", "Vải sớm Bình Khê", "Vải Phương Nam", "Vải thiều", "Na dai", "Lúa xuân",
        "Lúa mùa", "Rau mẫu",
    }  # fmt: skip


@pytest.mark.parametrize("card", crop_cards(), ids=lambda card: card.id)
def test_no_number_of_a_card_stands_without_source_unless_it_says_it_is_assumed(
    card: CropCard,
) -> None:
    heats = [stage.heat for stage in card.stages]
    for one in [*card.numbers, *heats]:
        assert one.unit
        assert one.assumed or len(one.source) > 5, one.name
        assert one.low <= one.value <= one.high
        if one.assumed:
            assert one.confidence in (Confidence.LOW, Confidence.UNSURE)
            assert "giả định" in one.text("vi")
    assert card.stages[-1] is card.harvest_stage


@pytest.mark.parametrize("card", crop_cards(), ids=lambda card: card.id)
def test_no_source_of_a_card_is_a_short_name_left_unexplained(card: CropCard) -> None:
    for one in [*card.numbers, *(stage.heat for stage in card.stages)]:
        assert not one.source or len(one.source) > 12, (one.name, one.source)


def test_the_figures_of_ph40_are_those_its_breeders_tell() -> None:
    card = crop_card("vai_ph40")
    assert (card.number("fruit_mass").low, card.number("fruit_mass").high) == (50.0, 55.0)
    assert card.number("harvest").day(2024) == date(2024, 5, 22)
    assert card.number("yield_at_5_years").value == 17.5
    curve = card.table("yield_by_age")
    assert curve.assumed
    assert [curve.at(age, "yield") for age in (1, 5, 13, 40)] == [0.0, 17.5, 58.9, 95.0]
    assert "base_temperature" in card.assumed
    assert "harvest" not in card.assumed


@pytest.mark.parametrize("name", ["vai_ph40", "vai_binh_khe", "vai_phuong_nam", "vai_thieu"])
def test_fertiliser_follows_the_age_and_its_rounds_make_the_whole(name: str) -> None:
    card = crop_card(name)
    assert card.table("fertiliser").row_from(9)["urea"] == 0.9
    assert card.table("fertiliser").row_from(40)["potassium_chloride"] == 3.4
    with pytest.raises(BadInput, match="no row"):
        card.table("fertiliser").row_from(0)
    rounds = card.table("fertiliser_split")
    for column in rounds.columns[1:]:
        assert sum(rounds.at(k, column) for k in (1, 2, 3)) == 100.0


def test_a_sound_number_of_the_users_own_is_read_with_its_source_written_out(
    tmp_path: Path,
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f"{HEAD}brix = {{ {GOOD} }}\n", "utf-8")
    brix = read_crop_card(path).number("brix")
    assert brix.source == "The farm's book, 2024"
    assert brix.text("vi") == "18 °Bx (17 đến 20)"


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (GOOD.replace('"book"', '""'), "brix: the source is missing"),
        (GOOD.replace(', source = "book"', ""), "brix: the source is missing"),
        (GOOD.replace("low = 17", "low = 19"), "brix: 18.0 does not lie between"),
        (GOOD.replace(", low = 17", ""), "brix: low is missing"),
        (GOOD.replace("high = 20", "high = nan"), "brix: 18.0 does not lie"),
        (GOOD.replace("value = 18", "value = true"), "brix: value is missing or wrong"),
        (GOOD.replace("value = 18", 'value = "18"'), "brix: value is missing or wrong"),
        (GOOD.replace('"°Bx"', '""'), "brix: unit is missing"),
        (GOOD.replace('"high"', '"sure"'), "brix: confidence is missing"),
        (GOOD + ", assumed = true", "brix: an assumed number cannot have high"),
        (GOOD + ', assumed = "yes"', "brix: assumed is missing or wrong"),
        (GOOD.replace("high = 20", "hihg = 20"), "brix: the word “hihg” is not known"),
    ],
)
def test_a_number_that_lacks_something_is_refused_in_one_sentence_that_names_it(
    number: str, said: str
) -> None:
    with pytest.raises(BadInput) as caught:
        card_with(number)
    assert str(caught.value).startswith(said)
    assert caught.value.text("vi").startswith("brix: ")


def test_a_date_is_written_as_month_and_day_and_no_other_way() -> None:
    day = 'low = "05-20", high = "05-24", unit = "day_of_year", source = "book"'
    told = card_with(f'value = "05-22", {day}, confidence = "high"', name="harvest")
    assert told.number("harvest").day(2028) == date(2028, 5, 22)
    with pytest.raises(BadInput, match="harvest: value is missing or wrong"):
        card_with(f'value = "22/5", {day}, confidence = "high"', name="harvest")
    with pytest.raises(BadInput, match="not a day of the year"):
        card_with(GOOD).number("brix").day(2024)


def test_what_is_not_on_the_card_and_what_stands_twice_is_told() -> None:
    with pytest.raises(BadInput, match="“price” is not on the crop card"):
        card_with(GOOD).number("price")
    with pytest.raises(BadInput, match="vai_ph40"):
        crop_card("mít")
    one = Sourced(
        name="a", value=1, low=1, high=1, unit="m", confidence=Confidence.LOW, assumed=True
    )
    with pytest.raises(BadInput, match="stands twice"):
        CropCard(
            id="x", name_vi="x", name_en="x", kind=CropKind.RICE, species="x", numbers=(one, one)
        )


@pytest.mark.parametrize("name", ["../mine", "Mine", "a b", "", "a" * 61])
def test_an_id_that_is_no_plain_file_name_is_refused(name: str) -> None:
    with pytest.raises(BadInput) as caught:
        card_from_text(HEAD.replace('"mine"', f'"{name}"'))
    assert "id" in str(caught.value)


def test_stages_out_of_order_are_refused() -> None:
    stage = """
[[stages]]
bbch = {bbch}
name_vi = "a"
name_en = "a"
heat = {{ value = {heat}, low = {heat}, high = {heat}, unit = "degree_day", confidence = "low", \
assumed = true }}
"""
    text = HEAD + stage.format(bbch=51, heat=0) + stage.format(bbch=65, heat=400)
    assert [one.bbch for one in card_from_text(text).stages] == [51, 65]
    with pytest.raises(BadInput, match="BBCH 60"):
        card_from_text(text + stage.format(bbch=60, heat=900))
    with pytest.raises(BadInput, match="BBCH 89"):
        card_from_text(text + stage.format(bbch=89, heat=300))


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda b: b.decode("latin-1")))
def test_whatever_stands_in_a_file_it_is_a_card_or_one_sentence(text: str) -> None:
    for whole in (text, HEAD + text):
        with suppress(AgriError):
            assert card_from_text(whole).name_vi


@pytest.mark.parametrize("cut", range(0, 2000, 97))
def test_a_card_cut_short_is_a_card_or_one_sentence(cut: int) -> None:
    text = (Path(__file__).parents[1] / "agri/crops/na.toml").read_text("utf-8")
    with suppress(BadInput):
        assert card_from_text(text[:cut]).id == "na"
