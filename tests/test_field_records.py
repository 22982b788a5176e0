"""Field records: what cannot have been cannot be written, and what was written is kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agri.amounts import read_amount, read_area_m2, read_mass_kg, read_rate, read_vnd_kg
from agri.errors import BadInput, NotFound, StoreError
from agri.field_records import (
    KINDS,
    Bloom,
    Count,
    Counted,
    Fertiliser,
    Harvest,
    Irrigation,
    Note,
    Price,
    RateUnit,
    Record,
    SprayRecord,
    season_of,
)
from agri.words import LANGUAGES
from agri.workspace import DATABASE, Workspace
from tests import farms
from tests.farms import edit, spoil

DAY = date(2027, 5, 21)
HEAD: dict[str, Any] = {"day": DAY, "field": "Vườn vải"}
ONE_OF_EACH: tuple[Record, ...] = (
    Harvest(**HEAD, tree="A-12", mass_kg=46.5, crates=3, grade="loại 1", by="Lan", lot="VL-1"),
    Count(**HEAD, what=Counted.PANICLE, number=30, share=0.25, trees=2, size_mm=20.5),
    Bloom(**HEAD, row="3", bbch=65, share=0.4),
    SprayRecord(**HEAD, product="Thuốc A", dose=1.5, unit=RateUnit.ML_L, water_l_ha=400.0,
                phi_days=14, target="sâu đục quả", label="nhãn chai, Hùng, 01/05/2027"),
    Fertiliser(**HEAD, product="NPK 16-16-8", mass_kg=25.0, n_pct=16.0, organic=True, trees=18),
    Irrigation(**HEAD, volume_m3=36.0, area_m2=3600.0, water="hồ"),
    Price(day=DAY, vnd_kg=35_000.0, mass_kg=120.0, buyer="chị Hoa"),
    Note(day=DAY, text="Mưa đá", season=2028),
)  # fmt: skip
EARTHLY = st.floats(0.001, 1e6).map(lambda x: round(x, 3))
LETTERS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("records") / "farm"
    with Workspace.create(folder, farm_name="Trại", now=farms.ticking()) as workspace:
        yield workspace


@pytest.fixture
def empty(tmp_path: Path, home: str) -> Iterator[Workspace]:
    with Workspace.create(
        tmp_path / "farm",
        farm_name="Trại",
        now=farms.ticking(),
        new_uid=farms.counting(),
        database=home,
    ) as workspace:
        yield workspace


def test_there_is_one_example_of_each_kind() -> None:
    assert [type(one) for one in ONE_OF_EACH] == list(KINDS.values())


@pytest.mark.parametrize(
    ("kind", "wrong", "key"),
    [
        (Harvest, {"mass_kg": -1.0}, "figure"),
        (Harvest, {"mass_kg": float("nan")}, "figure"),
        (Harvest, {"mass_kg": 1.0, "moisture_pct": 101.0}, "figure"),
        (Harvest, {"mass_kg": 1.0, "day": date(1027, 5, 1)}, "year"),
        (Harvest, {"mass_kg": 1.0, "season": 27}, "year"),
        (Harvest, {"mass_kg": 1.0, "field": " "}, "without_field"),
        (Harvest, {"mass_kg": 1.0, "tree": "x" * 201}, "long"),
        (Count, {"what": Counted.FRUIT, "number": 1, "share": 0.0}, "nothing"),
        (Count, {"what": Counted.FRUIT, "number": 1, "trees": 0}, "nothing"),
        (Bloom, {"bbch": 100}, "figure"),
        (Bloom, {"bbch": 65, "share": 3.0}, "figure"),
        (SprayRecord, {"product": ""}, "untold"),
        (SprayRecord, {"product": "A", "phi_days": -1}, "figure"),
        (SprayRecord, {"product": "A", "dose": 0.0}, "nothing"),
        (Fertiliser, {"product": "A", "mass_kg": 1.0, "n_pct": 60.0, "k2o_pct": 60.0}, "parts"),
        (Irrigation, {}, "untold"),
        (Price, {"vnd_kg": 0.0}, "nothing"),
        (Note, {"text": " "}, "untold"),
    ],
)
def test_what_cannot_have_been_cannot_be_written(
    kind: type[Record], wrong: dict[str, Any], key: str
) -> None:
    with pytest.raises(BadInput) as refusal:
        kind(**(HEAD | wrong))
    assert refusal.value.message.key.startswith("error.record_")
    assert key in refusal.value.message.key
    for language in LANGUAGES:
        text = refusal.value.text(language)
        assert "error." not in text
        assert "page." not in text
        assert "{" not in text


def test_an_interval_that_is_not_told_never_reads_as_none_needed() -> None:
    unknown = SprayRecord(**HEAD, product="A")
    assert unknown.first_harvest is None
    assert replace(unknown, phi_days=0).first_harvest == DAY


def test_a_dose_by_the_litre_needs_the_water_to_be_a_dose_by_the_hectare() -> None:
    by_litre = SprayRecord(**HEAD, product="A", dose=2.0, unit=RateUnit.G_L)
    assert by_litre.dose_per_ha is None
    assert replace(by_litre, water_l_ha=500.0).dose_per_ha == 1000.0


@pytest.mark.parametrize(
    ("day", "ends", "season"),
    [
        (date(2026, 6, 3), 5, 2027),
        (date(2026, 6, 3), 6, 2026),
        (date(2026, 12, 31), 12, 2026),
        (date(2027, 1, 1), 5, 2027),
    ],
)
def test_what_is_done_after_the_harvest_is_for_the_next_season(
    day: date, ends: int, season: int
) -> None:
    assert season_of(day, ends) == season


def test_every_kind_is_kept_and_read_back_equal(empty: Workspace) -> None:
    stored = empty.records.add_many(ONE_OF_EACH)
    assert len({one.uid for one in stored}) == len(ONE_OF_EACH)
    with Workspace.open(empty.folder) as again:
        assert again.records.read() == stored
        assert again.records.read(SprayRecord) == (stored[3],)
        assert again.records.read(season=2028) == (stored[7],)
        assert again.records.read(lot="vl-1") == (stored[0],)
        assert len(again.records.read(field="vuon vai")) == 6
        assert again.records.read(since=date(2027, 5, 22)) == ()
        assert again.records.known([*ONE_OF_EACH[:1], replace(ONE_OF_EACH[0], tree="A-13")]) == (
            True, False,
        )  # fmt: skip
        assert again.check() == []


@given(mass_kg=EARTHLY, tree=LETTERS, remark=LETTERS, season=st.integers(1900, 2199))
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_is_written_comes_back_as_it_was(
    farm: Workspace, mass_kg: float, tree: str, remark: str, season: int
) -> None:
    told = Harvest(**HEAD, mass_kg=mass_kg, tree=tree, remark=remark, season=season)
    stored = farm.records.add(told)
    found = farm.records.find(stored.uid)
    assert found == stored
    assert replace(found, uid="", entered_utc=None) == told


@given(script=st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=12))
@settings(max_examples=4, deadline=None)
def test_of_any_corrections_the_last_stands_and_none_is_lost(
    tmp_path_factory: pytest.TempPathFactory, script: list[tuple[bool, int]]
) -> None:
    folder = tmp_path_factory.mktemp("corrected") / "farm"
    stands: dict[str, str] = {}
    with Workspace.create(folder, farm_name="T") as farm:
        entered = 0
        for corrects, which in script:
            entered += 1
            record = Harvest(**HEAD, mass_kg=float(entered))
            if corrects and stands:
                old = list(stands)[which % len(stands)]
                new = farm.records.correct(old, record)
                assert [one.uid for one in farm.records.history(new.uid)][:2] == [new.uid, old]
                with pytest.raises(BadInput, match="corrected before"):
                    farm.records.correct(old, record)
                del stands[old]
            else:
                new = farm.records.add(record)
            stands[new.uid] = new.uid
        assert {one.uid for one in farm.records.read()} == set(stands)
        assert sorted(one.mass_kg for one in farm.records.read(Harvest, every=True)) == list(
            range(1, entered + 1)
        )


def test_a_record_that_was_a_mistake_is_taken_back_by_a_note(empty: Workspace) -> None:
    wrong = empty.records.add(Harvest(**HEAD, mass_kg=4650.0))
    note = empty.records.correct(wrong.uid, Note(**HEAD, text="Ghi nhầm thửa"))
    assert empty.records.read(Harvest) == ()
    assert empty.records.history(note.uid) == (note, wrong)


def test_what_is_not_there_cannot_be_corrected_nor_two_at_once(empty: Workspace) -> None:
    first = empty.records.add(Harvest(**HEAD, mass_kg=1.0))
    with pytest.raises(NotFound):
        empty.records.correct("feed", first)
    with pytest.raises(NotFound):
        empty.records.find(first.uid[:3])
    twice = [Harvest(**HEAD, mass_kg=kg, replaces=first.uid) for kg in (2.0, 3.0)]
    with pytest.raises(BadInput, match="corrected before"):
        empty.records.add_many(twice)
    assert empty.records.read() == (first,)


def test_rows_written_elsewhere_are_read_with_care_and_can_change_nothing(
    empty: Workspace, home: str
) -> None:
    first = empty.records.add(Harvest(**HEAD, mass_kg=1.0))
    for change in ("UPDATE records SET mass_kg = 9", "DELETE FROM records"):
        with pytest.raises((sqlite3.IntegrityError, StoreError), match="agri records correct"):
            farms.rows(empty.folder / DATABASE, change) if not home else edit(empty, change)
    odd = 0
    for values in (
        "('harvest', '2027-05-22', 'V', 2, '')", "('harvest', '2027-05-22', 'V', 'ba', '')",
        "('harvest', 'hôm qua', 'V', 2, '')", "('party', '2027-05-22', 'V', 2, '')",
        "('harvest', '2027-05-22', '', 2, '')", "('note', '2027-05-22', 'V', NULL, 'self')",
    ):  # fmt: skip
        statement = f"INSERT INTO records (kind, day, field, mass_kg, replaces) VALUES {values}"  # noqa: S608
        odd += spoil(empty, statement)
    edit(empty, "INSERT INTO records (kind, day, uid, replaces, text)"
                " VALUES ('note', '2027-05-22', 'u', 'u', 'of itself')")  # fmt: skip
    kept, findings = empty.records.read_with_findings()
    assert [type(one) for one in kept] == [Harvest, Harvest, Note]
    assert kept[0] == first
    assert len(findings) == odd - 1 == (3 if home else 5)
    for language in LANGUAGES:
        assert not any("error." in one.text(language) for one in findings)


# ---------------------------------------------------------------- amounts as farmers write them


@given(value=st.floats(0.0, 9e8).map(lambda x: round(x, 2)))
@settings(max_examples=60, deadline=None)
def test_a_number_reads_the_same_however_its_thousands_and_decimals_are_marked(
    value: float,
) -> None:
    english = f"{value:,.2f}"
    vietnamese = english.translate(str.maketrans(",.", ".,"))
    for text in (english, vietnamese, vietnamese.replace(".", " "), f"{value:.2f}"):
        assert read_amount(text, name="x") == pytest.approx(value)


@given(text=st.text("0123456789.,  /%kgtạấnsàomlha²\u00a0-", max_size=60))
@settings(max_examples=150, deadline=None)
def test_any_text_is_an_amount_or_one_sentence(text: str) -> None:
    for reader in (read_amount, read_mass_kg, read_area_m2, read_vnd_kg, read_rate):
        try:
            found = reader(text, name="x")
        except BadInput:
            continue
        value = found[0] if isinstance(found, tuple) else found
        assert 0.0 <= value < float("inf")


def test_a_text_made_to_be_slow_is_refused_at_once() -> None:
    for text in ("1a" + "22a" * 5000, "1" * 100_000 + "x", "1 " * 50_000):
        for reader in (read_mass_kg, read_rate):
            with pytest.raises(BadInput):
                reader(text, name="x")
