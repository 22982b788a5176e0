"""The forecast of a field: trees, past harvests and counts make a range and a map."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agri.cli import main
from agri.crop_cards import crop_card
from agri.errors import BadInput, Refused
from agri.field_records import Bloom, Count, Harvest
from agri.field_records.crop import Counted
from agri.operations.forecast import Asked, Forecast, forecast_field
from agri.operations.forecast_kept import PICTURES, card_limits, forecast_facts, read_forecast
from agri.operations.harvests import Kept, kept_by, read_counts, read_harvests
from agri.operations.maps.shelf import Shelf
from agri.operations.season_inputs import gate_days, moved
from agri.weather.series import Days
from agri.words import LANGUAGES
from agri.workspace import Workspace
from imagery.raster import read_grid
from models.saved.card import Card, Trial
from models.yields.gates import Gate
from tests.forecast_farm import farm_files, planted_field

DAY = date(2026, 5, 10)


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("farm")
    scene, borne, register, harvests, counts = farm_files(folder)
    kept = Kept(picked=read_harvests(harvests), counts=read_counts(counts, day=date(2026, 5, 8)))
    asked = Asked(card=crop_card("vai_ph40"), day=DAY, register=register, kept=kept)
    return planted_field(scene), borne, asked, folder, (register, harvests, counts)


def said(farm, folder: Path, **other: object) -> Forecast:
    field, _, asked, _, _ = farm
    told = replace(asked, **{"maps": False, **other})  # type: ignore[arg-type]
    return forecast_field(field, told, Shelf(folder=folder, language="vi"))


@pytest.fixture(scope="module")
def whole(farm, tmp_path_factory: pytest.TempPathFactory) -> Forecast:
    return said(farm, tmp_path_factory.mktemp("out"), check=True, maps=True)


def test_the_field_is_told_within_fifteen_per_cent_before_its_harvest(farm, whole) -> None:
    true = float(farm[1].kg[5].sum())
    assert abs(whole.last.kg / true - 1.0) < 0.15
    assert whole.last.total.p10 < true < whole.last.total.p90
    assert [one.gate for one in whole.gates] == list(Gate)
    assert whole.last.counted == 18


def test_what_is_written_is_what_is_said(whole) -> None:
    told, points, raster, *pictures = whole.files
    document = json.loads(told.read_text("utf-8"))
    assert document["gates"][-1]["kg_p50"] == pytest.approx(whole.last.kg, abs=0.1)
    trees = json.loads(points.read_text("utf-8"))["features"]
    assert sum(one["properties"]["kg"] for one in trees) == pytest.approx(whole.last.kg, rel=1e-3)
    assert all(106.5 < one["geometry"]["coordinates"][0] < 106.52 for one in trees)
    values = read_grid(raster).values
    assert np.nanmax(values) == pytest.approx(whole.last.trees.kg.max(), rel=1e-3)
    assert len(pictures) == 3
    for picture in pictures:
        with Image.open(picture) as image:
            assert min(image.size) > 500


def test_a_kept_forecast_is_read_back_as_it_was_said(whole) -> None:
    told = next(file for file in whole.files if file.suffix == ".json")
    kept = read_forecast(told)
    assert kept.season == whole.last.season
    assert kept.trees == len(whole.last.trees.kg)
    assert [one.gate for one in kept.gates] == [int(one.gate) for one in whole.gates]
    assert kept.last.kg == pytest.approx(whole.last.total.p50, abs=0.05)
    assert (kept.last.low_kg, kept.last.high_kg) == (
        pytest.approx(whole.last.total.p10, abs=0.05),
        pytest.approx(whole.last.total.p90, abs=0.05),
    )
    assert [kind for kind, _ in kept.pictures] == list(PICTURES)
    for language in LANGUAGES:
        assert list(kept.said(language)) == [one.text(language) for one in whole.findings]
    drawn = {language: kept.picture("forecast-gates", language) for language in LANGUAGES}
    assert len({path.read_bytes() for path in drawn.values() if path}) == len(LANGUAGES)
    assert drawn[kept.language] == dict(kept.pictures)["forecast-gates"]
    assert kept.picture("farm", "vi") is None
    facts = forecast_facts(kept, whole.field, "vi")
    assert facts == list(whole.facts)[: len(facts)]
    told.with_name("x-forecast.json").write_text('{"season": 2026, "gates": []}', "utf-8")
    with pytest.raises(BadInput):
        read_forecast(told.with_name("x-forecast.json"))


def test_a_day_in_spring_forecasts_wider_and_says_what_to_count(farm, tmp_path, whole) -> None:
    early = said(farm, tmp_path, day=date(2026, 3, 1))
    assert [one.gate for one in early.gates] == [Gate.INDUCTION, Gate.PANICLE, Gate.FRUIT_SET]
    assert early.last.counted == 0
    assert early.last.total.p90 - early.last.total.p10 > 3 * (
        whole.last.total.p90 - whole.last.total.p10
    )
    assert early.advice is not None
    assert early.advice.kind == "count"
    assert early.advice_gate >= Gate.FRUIT_20MM


def test_seasons_after_the_day_are_not_read(farm, tmp_path) -> None:
    kept = farm[2].kept
    later = [replace(one, season=2026, kg=900.0) for one in kept.picked[:50]]
    other = replace(kept, picked=(*kept.picked, *later))
    first = said(farm, tmp_path, day=date(2026, 3, 1))
    assert said(farm, tmp_path, day=date(2026, 3, 1), kept=other).last.kg == first.last.kg


def test_nothing_recorded_is_refused_in_plain_words(farm, tmp_path) -> None:
    with pytest.raises(Refused) as why:
        said(farm, tmp_path, kept=Kept())
    assert "agri sample-trees" in why.value.message.text("vi")


def test_counts_alone_are_told_with_too_few_seasons(farm, tmp_path) -> None:
    found = said(farm, tmp_path, kept=replace(farm[2].kept, picked=()))
    assert "Chưa đủ vụ" in found.findings[0].text("vi")
    low, high = found.last.field_quantile(0.05), found.last.field_quantile(0.95)
    assert low < farm[1].kg[5].sum() < high


def test_a_count_before_fruit_or_of_an_unknown_tree_is_refused(farm, tmp_path) -> None:
    counts = farm[2].kept.counts
    soon = replace(farm[2].kept, counts=(replace(counts[0], day=date(2026, 2, 10)),))
    with pytest.raises(BadInput) as why:
        said(farm, tmp_path, kept=soon)
    assert why.value.message.key == "error.count_too_early"
    strange = replace(farm[2].kept, counts=(replace(counts[0], tree="99-99"),))
    with pytest.raises(BadInput) as why:
        said(farm, tmp_path, kept=strange)
    assert why.value.message.key == "error.count_tree"


def test_weather_dates_the_gates_and_a_warm_winter_lowers_the_share_that_flowers(
    farm, tmp_path
) -> None:
    first = date(2022, 7, 1)
    at = np.arange((date(2026, 3, 1) - first).days)
    wave = np.cos(2 * np.pi * (at - 15) / 365.25)
    lows = {"cold": 20.0 + 7.0 * wave, "warm": 24.0 + 3.0 * wave}
    found = {
        name: said(farm, tmp_path, day=date(2026, 2, 1),
                   weather=Days(first=first, low_c=low, high_c=low + 7.0))
        for name, low in lows.items()
    }  # fmt: skip
    cold, warm = found["cold"].last, found["warm"].last
    assert warm.parts.flowering.mean() < cold.parts.flowering.mean() - 0.1
    assert warm.kg < cold.kg
    assert list(found["cold"].days) == sorted(found["cold"].days)
    assert found["cold"].days != gate_days(crop_card("vai_ph40"), 2026)


def test_trees_without_a_record_are_said_to_be_not_weighed(farm, tmp_path) -> None:
    fewer = tuple(one for one in farm[2].kept.picked if one.season != 2023 or one.kg > 0)
    found = said(farm, tmp_path, kept=replace(farm[2].kept, picked=fewer))
    assert [one.key for one in found.findings].count("finding.forecast_unweighed") == 1


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("vụ,cây\n2024,1\n", "error.table_column"),
        ("vụ,kg\n2024,nhiều\n", "error.table_cell"),
        ("vụ,kg\n2024,-4\n", "error.table_cell"),
        ("vụ,kg\n20.5,4\n", "error.table_cell"),
        ("", "error.table_empty"),
    ],
)
def test_tables_that_cannot_be_are_refused(tmp_path: Path, text: str, key: str) -> None:
    path = tmp_path / "thu.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as why:
        read_harvests(path)
    assert why.value.message.key == key


def test_a_table_may_use_semicolons_decimal_commas_and_hold_other_fields(tmp_path: Path) -> None:
    path = tmp_path / "thu.csv"
    path.write_text("Thửa;Năm;Hàng;kg\nVườn A;2024;3;12,5\nVườn B;2024;1;9\n;2025;;\n", "utf-8")
    [one] = read_harvests(path, field="vườn a")
    assert (one.season, one.kg, one.row, one.tree) == (2024, 12.5, "3", "")


def test_a_moved_gate_never_passes_the_next() -> None:
    days = gate_days(crop_card("vai_ph40"), 2026)
    late = moved(days, Gate.PANICLE, (days[3] - days[0]))
    assert list(late) == sorted(late)
    assert late[1] == date.fromordinal(days[2].toordinal() - 1)


def test_records_of_the_farm_are_read_and_the_command_tells_them(
    farm, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    field, borne, asked, _, (register, harvests, counts) = farm
    place = tmp_path / "nông trại"
    picked = tuple(one for one in asked.kept.picked if one.season >= 2024)
    few = tmp_path / "thu.csv"
    lines = harvests.read_text("utf-8").splitlines()
    few.write_text("\n".join([lines[0], *(one for one in lines[1:] if one[:4] >= "2024")]), "utf-8")
    with Workspace.create(place, farm_name="Thử") as book:
        book.add_fields([field])
        book.records.add_many([
            Harvest(day=date(one.season, 5, 22), field=field.name, tree=one.tree, mass_kg=one.kg)
            for one in picked
        ])  # fmt: skip
        book.records.add_many([
            Count(day=one.day, field=field.name, tree=one.tree, what=Counted.FRUIT,
                  number=one.fruits / 2, share=0.5) for one in asked.kept.counts
        ])  # fmt: skip
        book.records.add(Bloom(day=date(2026, 2, 20), field=field.name, bbch=65, share=0.9))
        kept = kept_by(book, field.name)
    assert kept.picked == picked
    assert sorted(one.fruits for one in kept.counts) == sorted(
        one.fruits for one in asked.kept.counts
    )
    assert kept.blooms[0].share == 0.9
    words = ["--lang", "vi", "forecast", field.name, "--trees", str(register), "--day",
             "10/5/2026", "--out", str(tmp_path / "out"), "--farm", str(place)]  # fmt: skip
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "Trước thu hoạch" in out
    assert "18 cây đã đếm" in out
    table = [*words, "--harvests", str(few), "--counts", str(counts), "--counted-on",
             "8/5/2026", "--flowering", "90%", "--fruit-mass", "53g"]  # fmt: skip
    assert main([*table, "--keep"]) == 0
    assert "số 1" in capsys.readouterr().out
    told = tmp_path / "out" / "vuon-vai-forecast.json"
    learnt = json.loads(told.read_text("utf-8"))["gates"][-1]["kg_p50"]
    assert main([*table, "--model", "1"]) == 0
    assert json.loads(told.read_text("utf-8"))["gates"][-1]["kg_p50"] == learnt
    assert main([*table, "--model", "7"]) == 2
    assert borne.kg.shape[0] == 6


def test_a_cards_limits_are_told_in_the_readers_language() -> None:
    trials = (Trial(split="season", measure="r2", value=0.5),)
    limits = ("this field / vườn này", "my own a/b", "a / b / c")
    card = Card(name="x", target="yield", unit="kg", features=("age",), rows=9, seasons=3,
                made=datetime(2026, 11, 1, tzinfo=UTC), data_digest="0" * 64, headline="season",
                trials=trials, limits=limits)  # fmt: skip
    assert card_limits(card, "vi") == ("vườn này", "my own a/b", "a / b / c")
    assert card_limits(card, "en") == ("this field", "my own a/b", "a / b / c")
