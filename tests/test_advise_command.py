"""agri advise: the farm's book, weather and labels become a week of work, a page and JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from agri.errors import BadInput
from agri.field_records import Bloom, Harvest, Price, SprayRecord
from agri.labels import Label
from agri.operations import hours_ahead
from agri.operations.advice import AdviceReport, Orchard, advise_field, air_limits
from agri.operations.advice_page import as_document, free_days, money_lines, render_advice
from agri.weather.series import Days, Hours
from agri.weather.table import write_table
from agri.words import LANGUAGES
from missions.drift.limits import DEFAULT_SPRAY_LIMITS
from models.advice.outcome import DayMark, Mark, Verdict
from models.advice.situation import Forecast
from tests.advice_cases import FUNGICIDE, INSECTICIDE, LIMITS, PLACE, TODAY, mild_hours

ORCHARD = Orchard(age_years=9.0, trees=300.0, forecast=Forecast(low_kg=3e3, kg=4e3, high_kg=5e3))


def past_years(last: date = TODAY + timedelta(days=8)) -> Days:
    first = date(2023, 1, 1)
    day = np.array([(first + timedelta(days=k)).timetuple().tm_yday
                    for k in range((last - first).days + 1)])  # fmt: skip
    mean = 23.0 - 7.0 * np.cos(2.0 * np.pi * (day - 20) / 365.0)
    return Days(first=first, low_c=mean - 3.5, high_c=mean + 4.0,
                rain_mm=np.where(day % 5 == 0, 9.0, 0.0), place=PLACE)  # fmt: skip


@pytest.fixture(scope="module")
def report() -> AdviceReport:
    wet = np.zeros(216)
    wet[96:104] = 2.0
    return advise_field(
        "Vườn <vải>", replace_card(), today=TODAY, place=PLACE, area_m2=10_800.0,
        past=past_years(), coming=mild_hours(rain_mm=wet), orchard=ORCHARD,
        labels=(FUNGICIDE, INSECTICIDE),
        records=(Price(day=TODAY - timedelta(days=300), vnd_kg=35e3),),
    )  # fmt: skip


def replace_card():  # type: ignore[no-untyped-def]
    from agri.crop_cards import crop_card

    return crop_card("vai_ph40")


def test_an_hour_that_advice_offers_is_judged_by_the_limits_of_a_flight() -> None:
    assert air_limits() == LIMITS
    tight = air_limits(replace(DEFAULT_SPRAY_LIMITS, start_m_s=2.0, temperature_c=28.0))
    assert (tight.wind_m_s, tight.temperature_c) == (2.0, 28.0)


def test_the_stage_comes_from_weather_and_the_week_from_all_that_is_known(
    report: AdviceReport,
) -> None:
    assert report.stages is not None
    assert {one.rule for one in report.week} >= {"blight", "water", "borer", "look_stinkbug"}
    blight = next(one for one in report.week if one.rule == "blight")
    assert blight.verdict is Verdict.DO
    assert report.economics is not None
    assert report.economics.income_vnd[1] == pytest.approx(140e6)


def test_the_page_escapes_names_loads_nothing_and_tells_dose_source_and_why_not(
    report: AdviceReport,
) -> None:
    page = render_advice(report, language="vi", strip=b"PNG")
    assert "Vườn &lt;vải&gt;" in page
    assert "<vải>" not in page
    assert "1 đến 2 ml/l, cách ly 7 ngày" in page
    assert "default-src 'none'" in page
    assert "data:image/png;base64," in page
    assert "http://" not in page
    assert "Nguồn: J. SCAU 2019" in page
    assert "page.advice" not in page
    assert "advice." not in page


def test_the_document_holds_every_day_source_and_blocker_in_both_languages(
    report: AdviceReport,
) -> None:
    for language in LANGUAGES:
        document = json.loads(json.dumps(as_document(report, language), ensure_ascii=False))
        assert document["schema"] == "agri/advice/1"
        for one in document["week"]:
            assert len(one["days"]) == 7
            assert all(each["source"] or each["assumed"] for each in one["sources"])
            assert (one["verdict"] == "not_now") == bool(one["blockers"])
        assert any("sào" in value for _, value in money_lines(report, language))


def test_without_weather_labels_or_records_there_is_still_an_honest_answer() -> None:
    blind = advise_field("V", replace_card(), today=TODAY)
    assert blind.economics is None
    assert {one.key for one in blind.findings} >= {"finding.no_stage", "finding.no_forecast",
                                                   "finding.no_labels"}  # fmt: skip
    assert all(one.verdict is not Verdict.DO for one in blind.week if one.topic == "spray")


def test_a_bloom_that_was_seen_late_makes_the_harvest_late() -> None:
    plain = advise_field("V", replace_card(), today=TODAY, past=past_years(), place=PLACE)
    assert plain.stages is not None
    expected = plain.stages.outlook.when(65).p50
    seen = Bloom(day=expected + timedelta(days=7), field="V", bbch=65, share=0.6)
    late = advise_field("V", replace_card(), today=TODAY, past=past_years(), records=(seen,))
    assert late.stages is not None
    assert late.stages.outlook.harvest.p50 > plain.stages.outlook.harvest.p50


def test_the_last_picking_ends_a_harvest_only_when_the_season_is_past() -> None:
    picked = Harvest(day=TODAY - timedelta(days=12), field="V", mass_kg=50.0)
    spring = advise_field("V", replace_card(), today=TODAY, past=past_years(), records=(picked,))
    assert spring.situation.harvested_on is None
    day = date(2027, 8, 1)
    late = Harvest(day=date(2027, 6, 1), field="V", mass_kg=50.0)
    summer = advise_field("V", replace_card(), today=day, past=past_years(day), records=(late,))
    assert summer.situation.harvested_on == late.day
    old = replace(late, day=date(2026, 6, 1), season=2026)
    again = advise_field("V", replace_card(), today=TODAY, past=past_years(), records=(old,))
    assert again.situation.harvested_on is None


def test_measured_days_win_over_forecast_ones_and_the_calendar_has_no_hole() -> None:
    past = Days(first=TODAY - timedelta(days=2), low_c=[1.0, 2.0], high_c=[5.0, 6.0])
    joined = hours_ahead.days_with(past, mild_hours(TODAY - timedelta(days=1), 3))
    assert joined is not None
    assert len(joined) == 4
    assert joined.low_c.tolist() == [1.0, 2.0, 25.0, 25.0]
    assert hours_ahead.days_with(None, None) is None


def test_a_kept_forecast_is_not_asked_for_again_and_an_old_one_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[date, date]] = []

    def fetch(service: str, place: object, first: date, last: date, *, address: str) -> Hours:
        asked.append((first, last))
        return replace(mild_hours(first, 16), place=PLACE)

    monkeypatch.setattr(hours_ahead, "fetch", fetch)
    now = datetime(2027, 4, 20, 1, tzinfo=UTC)
    for hour, times in ((0, 1), (2, 1), (4, 2)):
        later = now + timedelta(hours=hour)
        hours, told = hours_ahead.forecast_for(tmp_path, PLACE, now=later, fetching=True)
        assert hours is not None
        assert not told
        assert len(asked) == times
    assert asked[0] == (date(2027, 4, 13), date(2027, 4, 28))
    stale = now + timedelta(days=3)
    hours, told = hours_ahead.forecast_for(tmp_path, PLACE, now=stale, fetching=False)
    assert hours is None
    assert told[0].key == "finding.forecast_old"


def test_the_command_prints_what_to_do_first_and_writes_page_and_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from agri.cli import main

    (tmp_path / "past.csv").write_bytes(write_table(replace(past_years(), place=None)))
    (tmp_path / "next.csv").write_bytes(write_table(replace(mild_hours(), place=None)))
    words = ["advise", "--crop", "vai_ph40", "--weather", str(tmp_path / "past.csv"),
             "--forecast", str(tmp_path / "next.csv"), "--today", "2027-04-20",
             "--out", str(tmp_path), "--age", "9"]  # fmt: skip
    assert main(["--lang", "en", *words]) == 0
    told = capsys.readouterr().out
    assert told.index("DO IT") < told.index("NOT NOW")
    assert {one.suffix for one in tmp_path.glob("*-advice.*")} == {".html", ".png"}
    assert main(["--lang", "vi", *words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["crop"] == "vai_ph40"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--yield", "5/4/3"], "out of order"),
        (["--price", "1/2"], "low/middle/high"),
        (["--age", "old"], "--age"),
        (["--today", "yesterday-ish"], "--today"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from agri.cli import main

    assert main(["--lang", "en", "advise", "--crop", "vai_ph40", *words]) != 0
    assert told in capsys.readouterr().err


def test_labels_in_the_farms_folder_are_found(tmp_path: Path) -> None:
    from agri.operations.advice import farm_labels

    file = tmp_path / "own.toml"
    file.write_text('[[label]]\nproduct = "A"\n', "utf-8")
    with pytest.raises(BadInput, match="A"):
        farm_labels(None, file)
    found: tuple[Label, ...] = farm_labels(None, None)
    assert found == ()


def test_days_to_do_it_never_span_a_day_that_is_forbidden(report: AdviceReport) -> None:
    feed = report.week[0]
    for pattern in ("dndwwdd", "nnnnnnn", "ddddddd", "wdwdwdw"):
        marks = {"d": Mark.DO, "n": Mark.NO, "w": Mark.WAIT}
        days = tuple(DayMark(day=one.day, mark=marks[letter])
                     for one, letter in zip(feed.days, pattern, strict=True))  # fmt: skip
        told = {first + timedelta(days=k) for first, last in free_days(replace(feed, days=days))
                for k in range((last - first).days + 1)}  # fmt: skip
        assert told == {one.day for one in days if one.mark is Mark.DO}


def test_a_spray_in_the_farms_book_forbids_picking(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from agri.cli import main
    from agri.names import slug
    from agri.operations.records import enter
    from agri.workspace import Workspace
    from tests import farms

    plain = advise_field("V", replace_card(), today=TODAY, past=past_years())
    assert plain.stages is not None
    ripe = plain.stages.outlook.harvest.p50
    with Workspace.create(tmp_path / "farm", farm_name="Trại") as farm:
        farm.add_fields([replace(farms.FIELDS[1], crop="vải PH40")])
        field = farm.fields()[0]
        spray = SprayRecord(day=ripe - timedelta(days=3), field=field.name, product="Thuốc nấm",
                            target="sương mai", phi_days=14)  # fmt: skip
        farm.records.add(enter(farm, spray))
        (farm.folder / "labels.toml").write_text(
            '[[label]]\nproduct = "Thuốc nấm"\nkind = "fungicide"\ncrops = ["vải"]\n'
            'targets = ["sương mai"]\nphi_days = 14\nread_by = "Hoa"\nread_on = 2027-03-01\n',
            "utf-8",
        )
        (tmp_path / "past.csv").write_bytes(write_table(replace(past_years(ripe), place=None)))
    words = ["advise", field.name, "--weather", str(tmp_path / "past.csv"), "--today",
             ripe.isoformat(), "--farm", str(tmp_path / "farm"), "--json"]  # fmt: skip
    assert main(["--lang", "en", *words]) == 0
    week = {one["rule"]: one for one in json.loads(capsys.readouterr().out)["week"]}
    assert week["harvest"]["verdict"] == "not_now"
    assert week["harvest"]["blocked_by"] == ["advice.spray_phi"]
    kept = {"gate": 4, "about": ripe.isoformat(), "kg_p10": 3000.0, "kg_p50": 7000.0,
            "kg_p90": 16000.0, "counted": 18, "seasons": 5,
            "error_kg": {"flowering": 1.0, "pattern": 1.0, "level": 1.0}}  # fmt: skip
    document = {"field": field.name, "season": ripe.year, "trees": 100, "gates": [kept],
                "findings": []}  # fmt: skip
    file = tmp_path / "farm" / "maps" / f"{slug(field.name)}-forecast.json"
    for season, known in ((ripe.year, True), (ripe.year - 1, False)):
        file.write_text(json.dumps(document | {"season": season}), "utf-8")
        assert main(["--lang", "en", *words, "--price", "30000"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["economics"] is not None) == known, told


def test_a_label_entered_at_the_terminal_is_the_one_that_advice_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from agri.cli import main
    from agri.operations.advice import farm_labels
    from agri.workspace import Workspace

    with Workspace.create(tmp_path / "farm", farm_name="Trại"):
        pass
    words = ["labels", "add", 'Thuốc "A"', "--kind", "fungicide", "--crop", "vải, na", "--target",
             "sương mai", "--dose", "1,5/2", "--by", "Hoa", "--day", "1/3/2027",
             "--farm", str(tmp_path / "farm")]  # fmt: skip
    assert main(["--lang", "en", *words, "--phi", "10"]) == 0
    assert main(["--lang", "en", *words, "--phi", "14"]) == 0
    assert main(["--lang", "en", *words, "--phi", "-1"]) != 0
    assert main(["--lang", "en", *words[:4], "poison", *words[5:]]) != 0
    assert "Traceback" not in capsys.readouterr().err
    with Workspace.open(tmp_path / "farm") as farm:
        (label,) = farm_labels(farm, None)
    assert (label.dose_low, label.dose_high, label.unit) == (1.5, 2.0, "ml/l")
    assert (label.phi_days, label.crops) == (14, ("vải", "na"))
