"""The field diary: each thing once, no interval hidden, and a lot's code that can be read back."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agri.cli import main
from agri.errors import BadInput, NotFound
from agri.field_records import (
    Fertiliser,
    Harvest,
    Note,
    Price,
    Record,
    SprayRecord,
)
from agri.field_records.tracing import digest, interval_findings, lot_records, may_touch
from agri.operations.diary import Diary, field_diary
from agri.operations.diary_page import diary_table, keep_diary, render_diary
from agri.operations.lot_label import LONGEST, code_svg, code_text
from agri.operations.open_data import table
from agri.operations.records import corrected, enter, season_at
from agri.people import Role
from agri.words import LANGUAGES, Language, say
from agri.workspace import Launch, Workspace
from tests import farms, spray_farm
from tests.terminal import run
from tests.web_farm import Served

FIELD = "Vườn vải thiều"
HEAD: dict[str, Any] = {"field": FIELD}
TODAY = date(2027, 6, 1)
SPRAY = SprayRecord(**HEAD, day=date(2027, 5, 1), product="Thuốc A", dose=500.0, phi_days=14)
PICKED = Harvest(**HEAD, day=date(2027, 5, 20), lot="VL-1", mass_kg=120.0, tree="A-1")


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "farm", farm_name="Trại") as workspace:
        workspace.add_fields([farms.FIELDS[0], replace(farms.FIELDS[1], crop="vải PH40")])
        yield workspace


def keep(farm: Workspace, *records: Record) -> list[Record]:
    return [farm.records.add(enter(farm, one)) for one in records]


def made(farm: Workspace, lot: str = "", **changes: Any) -> Diary:
    return field_diary(farm, FIELD, **({"season": 2027, "lot": lot, "made": TODAY} | changes))


# ---------------------------------------------------------------- intervals


@pytest.mark.parametrize(
    ("day", "keys"),
    [
        (date(2027, 4, 30), []),
        (date(2027, 5, 1), ["finding.harvest_too_early"]),
        (date(2027, 5, 14), ["finding.harvest_too_early"]),
        (date(2027, 5, 15), []),
    ],
)
def test_a_harvest_before_the_first_day_the_label_allows_is_told(
    day: date, keys: list[str]
) -> None:
    assert SPRAY.first_harvest == date(2027, 5, 15)
    found = interval_findings([SPRAY], [replace(PICKED, day=day)])
    assert [one.key for one in found] == keys
    for language in LANGUAGES:
        assert not any("{" in one.text(language) for one in found)


def test_an_interval_nobody_told_is_told_for_each_harvest_that_follows() -> None:
    unknown = replace(SPRAY, phi_days=None)
    assert [one.key for one in interval_findings([unknown], [PICKED])] == [
        "finding.interval_unknown"
    ]
    assert not interval_findings([unknown], [replace(PICKED, day=date(2027, 12, 1))])
    assert not interval_findings([replace(SPRAY, phi_days=0)], [replace(PICKED, day=SPRAY.day)])


def test_what_was_sprayed_elsewhere_is_not_of_this_harvest_and_what_is_not_told_is() -> None:
    early = replace(PICKED, day=date(2027, 5, 2))
    assert not interval_findings([replace(SPRAY, field="Ruộng")], [early])
    assert not interval_findings([replace(SPRAY, tree="A-2")], [early])
    assert interval_findings([replace(SPRAY, row="3")], [early])
    assert may_touch(replace(SPRAY, field_uid="x"), replace(early, field_uid="x", field="Tên mới"))


def test_a_lot_is_traced_to_its_own_field_season_and_trees() -> None:
    before = replace(SPRAY, day=date(2026, 5, 1), season=2026)
    after = replace(SPRAY, day=date(2027, 5, 25))
    other = replace(PICKED, lot="VL-2")
    tree = replace(SPRAY, tree="B-9")
    sold = Price(day=date(2027, 5, 30), lot="vl-1", vnd_kg=35_000.0)
    of_lot = lot_records([SPRAY, PICKED, before, after, other, tree, sold], "VL-1")
    assert of_lot == (SPRAY, PICKED, sold)
    assert lot_records([SPRAY], "VL-1") == ()


def test_a_spray_counted_to_another_season_stands_with_the_lot_it_may_still_be_on(
    farm: Workspace,
) -> None:
    late = replace(PICKED, day=date(2027, 5, 12))
    next_years = replace(SPRAY, season=2028)
    untold = replace(next_years, product="Thuốc B", phi_days=None)
    long_ago = replace(SPRAY, day=date(2027, 4, 1), season=2026)
    farm.records.add_many([late, next_years, untold, long_ago])
    diary = made(farm, lot="VL-1")
    products = [one.product for one in diary.records if isinstance(one, SprayRecord)]
    assert products == ["Thuốc A", "Thuốc B"]
    told = {str(dict(one.message.values)["product"]) for one in diary.findings}
    assert told == set(products), "what is warned of is what is listed"


def test_the_digest_changes_with_what_is_told_and_with_nothing_else() -> None:
    kept = replace(SPRAY, uid="a", entered_utc=datetime(2027, 5, 1, tzinfo=UTC))
    assert digest([SPRAY, PICKED]) == digest([PICKED, kept])
    assert digest([SPRAY]) != digest([replace(SPRAY, phi_days=7)])


# ---------------------------------------------------------------- the diary


def test_a_season_holds_what_was_done_for_its_harvest_and_what_was_corrected(
    farm: Workspace,
) -> None:
    spread = Fertiliser(**HEAD, day=date(2026, 6, 3), product="NPK", mass_kg=20.0)
    entered = keep(farm, spread, SPRAY, PICKED, Note(**HEAD, day=date(2027, 6, 2), text="Tỉa"))
    farm.records.correct(entered[2].uid, replace(PICKED, mass_kg=12.0, season=2027))
    diary = made(farm)
    assert [one.kind for one in diary.records] == ["fertiliser", "spray", "harvest"]
    assert diary.harvested_kg == 12.0
    assert [one.uid for one in diary.replaced] == [entered[2].uid]
    assert diary.findings == ()
    assert [one.kind for one in made(farm, season=2028).records] == ["note"]


def test_a_season_that_followed_from_the_day_follows_the_corrected_day(farm: Workspace) -> None:
    (wrong,) = keep(farm, Note(**HEAD, day=date(2150, 7, 1), text="Tỉa"))
    assert wrong.season == 2151
    assert corrected(farm, wrong, {"day": date(2026, 7, 1)}).season == 2027
    told = replace(wrong, season=2026)
    assert corrected(farm, told, {"day": date(2026, 7, 1)}).season == 2026
    assert corrected(farm, wrong, {"text": "Cắt"}).season == 2151


def test_a_lot_that_is_not_there_is_told_with_those_that_are(farm: Workspace) -> None:
    keep(farm, PICKED)
    with pytest.raises(NotFound, match="VL-1"):
        made(farm, lot="VL-9")
    keep(farm, replace(PICKED, field="Ruộng Đồng"))
    found = [one.key for one in made(farm, lot="vl-1").findings]
    assert found == ["finding.lot_other_fields"]


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A farm whose paddy was sprayed by a flight of a plan that tells an interval of 14 days."""
    folder = spray_farm.make_farm(tmp_path_factory.mktemp("flown"))
    words = ("plan", "spray", spray_farm.PADDY, "--rate", "20", *spray_farm.MIX)
    assert (
        main([*words, "--wind", "2", "--phi", "14", "--name", "Phun", "--farm", str(folder)]) == 0
    )
    with Workspace.open(folder) as farm:
        plan = farm.plan("Phun")[0]
        paddy = farm.field(spray_farm.PADDY)
        for _ in range(2):
            flight = farm.save_flight(
                farms.flight(plan_name="Phun", plan_digest=plan.digest), mission_uid=plan.uid
            )
        farm.save_applied(flight, farms.applied(flight.uid, area=paddy.boundary))
    return folder


def test_a_flights_spraying_stands_in_the_diary_once_with_what_people_add(flown: Path) -> None:
    with Workspace.open(flown) as farm:
        first = field_diary(farm, spray_farm.PADDY, season=2026, made=TODAY)
        (spray,) = first.records
        assert isinstance(spray, SprayRecord)
        assert (spray.phi_days, spray.water_l_ha, spray.area_m2) == (14, 19.6, 3597.5)
        assert spray.dose_per_ha
        assert [one.key for one in first.findings] == ["finding.flight_not_applied"]
        added = SprayRecord(field=spray_farm.PADDY, day=spray.day, product="?", phi_days=21,
                            target="rầy nâu", flight=spray.flight)  # fmt: skip
        keep(farm, added)
        keep(farm, Harvest(field=spray_farm.PADDY, day=date(2026, 12, 10), mass_kg=900.0))
        second = field_diary(farm, spray_farm.PADDY, season=2026, made=TODAY)
        (joined, _) = second.records
        assert isinstance(joined, SprayRecord)
        assert (joined.target, joined.phi_days, joined.dose) == ("rầy nâu", 21, spray.dose)
        assert {one.key for one in second.findings} == {
            "finding.flight_not_applied", "finding.intervals_differ", "finding.harvest_too_early",
        }  # fmt: skip


def test_what_a_flight_sprayed_is_offered_for_correction_only_once_a_person_added_to_it(
    farm: Workspace,
) -> None:
    """It stands in the diary without being in the book, so there is nothing to correct."""
    orchard = farm.field(FIELD)
    flight = farm.save_flight(farms.flight())
    told = farms.applied(flight.uid, area=orchard.boundary, rate_l_ha=20.2061)
    farm.save_applied(flight, told)
    season = season_at(orchard, farms.flight().started_utc.date())
    (spray,) = (one for one in made(farm, season=season).records if isinstance(one, SprayRecord))
    assert (spray.uid, spray.water_l_ha) == ("", 20.2)
    browser = Served(farm).signed_in(Role.OWNER)
    page = browser.get(f"/fields/{orchard.uid}/diary?season={season}").text
    assert spray.product in page
    assert 'href="/records/' not in page
    written = farm.records.add(replace(spray, target="sâu đục quả"))
    page = browser.get(f"/fields/{orchard.uid}/diary?season={season}").text
    assert re.findall('href="(/records/[^"]*)"', page) == [f"/records/{written.uid}"]


@pytest.mark.parametrize("simulated", [True, False])
def test_a_spraying_in_the_simulator_is_told_as_one_wherever_it_is_shown(
    farm: Workspace, simulated: bool
) -> None:
    """Nothing was put on that field; a diary that does not say so would be handed in."""
    orchard = farm.field(FIELD)
    launch = Launch(parameters=(), findings=(), simulated=simulated)
    plan = farm.save_plan(farms.plan(kind="spray", field_uid=orchard.uid), "{}")
    flight = farm.save_flight(farms.flight(plan_digest=plan.digest), mission_uid=plan.uid,
                              launch=launch)  # fmt: skip
    farm.save_applied(flight, farms.applied(flight.uid, area=orchard.boundary))
    day = farms.flight().started_utc.date()
    diary = made(farm, season=season_at(orchard, day))
    assert len(diary.records) == 1
    for name in ("flights", "applied"):
        assert table(farm, name)["simulated"].tolist() == [simulated], name
    assert ("finding.diary_simulated" in [one.key for one in diary.findings]) is simulated
    browser = Served(farm).signed_in(Role.OWNER)
    for language in LANGUAGES:
        word = say("page.live_simulated", language)
        browser.get(f"/language/{language}?back=/")
        for path in ("/flights", f"/flights/{flight.uid}", f"/fields/{orchard.uid}/report",
                     f"/fields/{orchard.uid}/diary?season={diary.season}"):  # fmt: skip
            assert (word in browser.get(path).text) is simulated, path
        about = browser.get(f"/fields/{orchard.uid}").text
        product = farms.applied(flight.uid).product
        assert (f"{product} · {word}" in about) is simulated
        assert product in about


def test_the_diary_opens_at_the_season_that_today_belongs_to(farm: Workspace) -> None:
    """In November an early lychee is on its way to next year's harvest."""
    orchard = farm.field(FIELD)
    keep(farm, replace(SPRAY, day=date(2026, 11, 22)))
    text = Served(farm).signed_in(Role.OWNER).get(f"/fields/{orchard.uid}/diary").text
    assert farms.START.year == 2026
    assert 'season=2027" aria-current="page"' in text


# ---------------------------------------------------------------- page, table and code


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_tells_all_in_one_language_and_loads_nothing(
    farm: Workspace, language: Language, tmp_path: Path
) -> None:
    keep(farm, replace(SPRAY, phi_days=None, product="<b>A</b>"), PICKED,
         Price(day=TODAY, lot="VL-1", vnd_kg=35_000.0, remark="=1+1"))  # fmt: skip
    diary = made(farm, lot="VL-1")
    kept = keep_diary(diary, tmp_path / "out", language)
    page = kept.page.read_text("utf-8")
    assert "&lt;b&gt;A&lt;/b&gt;" in page
    assert not re.search(r"\b(src|href)=|<script|url\(", page)
    assert not re.search(r"(?<![\w.])(cli|finding|error|page)\.[a-z_]+", page)
    assert diary.digest[:16] in page
    assert "379/QĐ-BNN-KHCN" in page
    rows = list(csv.DictReader(io.StringIO(kept.table.read_text("utf-8-sig"))))
    assert len(rows) == len(diary.records) == 3
    assert "'=1+1" in [value for row in rows for value in row.values()]


def read_back(svg: str) -> str:
    """What a phone reads of the drawing, each module drawn as five dots."""
    zxing = pytest.importorskip("zxingcpp")
    size = int(re.search(r'viewBox="0 0 (\d+) ', svg)[1])  # type: ignore[index]
    grey = np.full((size, size), 255, np.uint8)
    for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", svg):
        grey[int(y), int(x)] = 0
    (found,) = zxing.read_barcodes(np.kron(grey, np.ones((5, 5), np.uint8)))
    return str(found.text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_code_reads_back_as_the_lots_record_with_every_early_harvest(
    farm: Workspace, language: Language
) -> None:
    keep(farm, replace(SPRAY, day=date(2027, 5, 12)), PICKED)
    diary = made(farm, lot="VL-1")
    text = code_text(diary, language)
    assert read_back(code_svg(text)) == text
    for told in ("VL-1", "Thuốc A", diary.digest[:16], "120"):
        assert told in text
    assert {"vi": "CHÚ Ý", "en": "WARNING"}[language] in text
    assert code_svg(text) in render_diary(diary, language, code=text)


def test_a_code_with_an_address_leads_to_the_page_that_was_written(
    farm: Workspace, tmp_path: Path
) -> None:
    keep(farm, PICKED)
    kept = keep_diary(made(farm, lot="VL-1"), tmp_path, "vi", base_url="https://vuonvai.vn/lo/")
    assert read_back(code_svg(kept.code)) == f"https://vuonvai.vn/lo/{kept.page.name}"
    for wrong in ("vuonvai.vn", "javascript:alert(1)", "https://", "https://a b.vn", "http://[::1"):
        with pytest.raises(BadInput, match="address"):
            code_text(made(farm, lot="VL-1"), "vi", wrong)


def test_a_code_of_many_sprays_stays_small_and_says_what_it_leaves_out(farm: Workspace) -> None:
    keep(farm, *(replace(SPRAY, day=date(2027, 1, 1 + day), product=f"Thuốc số {day}")
                 for day in range(30)), PICKED)  # fmt: skip
    text = code_text(made(farm, lot="VL-1"), "vi")
    assert len(text.encode()) <= LONGEST
    assert "30 lần" in text
    shown = text.count("cách ly 14")
    assert f"và {30 - shown} lần phun trước đó" in text
    assert read_back(code_svg(text)) == text


def test_a_table_of_no_records_still_has_its_heads(farm: Workspace) -> None:
    assert len(diary_table(made(farm), "en").splitlines()) == 1


# ---------------------------------------------------------------- at the terminal


DONE: tuple[tuple[tuple[str, ...], str], ...] = (
    (("harvest", "vuon", "1 tạ 20 kg", "--tree", "A-1", "--lot", "VL-1"), "120 kg"),
    (("harvest", "vuon", "--crates", "12", "--crate-kg", "20,5"), "246 kg, 12 sọt"),
    (("count", "vuon", "quả", "120", "--share", "25%", "--size", "2cm"), "120 quả, trên 25 %"),
    (("bloom", "vuon", "65", "--share", "40%"), "BBCH 65, 40 %"),
    (("spray", "vuon", "A", "--dose", "20ml/16l", "--phi", "14"), "1,25 ml/l, cách ly 14 ngày"),
    (("fertiliser", "vuon", "NPK", "0,5kg/cây", "--trees", "40", "--npk", "16-16-8"), "20 kg"),
    (("fertiliser", "vuon", "Vôi", "10kg/sào", "--area", "2 sào"), "Vôi, 20 kg"),
    (("irrigation", "vuon", "--volume", "36m3"), "36 m³"),
    (("price", "3,5 triệu/tạ", "--mass", "2 tạ", "--lot", "VL-1"), "35.000 đ/kg, 200 kg"),
    (("note", "Tỉa cành", "--field", "vuon"), "Tỉa cành"),
)
WRONG: tuple[tuple[str, ...], ...] = (
    ("add", "harvest", "vuon"), ("add", "harvest", "vuon", "1.250"),
    ("add", "harvest", "vuon", "ba"), ("add", "fertiliser", "vuon", "N", "3", "--npk", "1"),
    ("add", "harvest", "Chưa có", "3kg"), ("add", "harvest", "vuon", "3kg", "--day", "32/5/2027"),
    ("add", "count", "vuon", "dưa", "3"), ("add", "bloom", "vuon", "650"),
    ("add", "spray", "vuon", "A", "--dose", "nhiều"), ("add", "spray", "vuon", "A", "--phi", "x"),
    ("add", "fertiliser", "vuon", "NPK", "3kg/cây"),
    ("add", "irrigation", "vuon"), ("add", "price", "đắt"), ("add", "note", " "),
    ("list", "--kind", "party"), ("correct", "feedfeed", "--set", "mass_kg=1"),
    ("correct", "feedfeed"), ("add", "spray", "vuon", "A", "--flight", "feedfeed"),
)  # fmt: skip


def test_records_are_entered_listed_and_corrected_at_the_terminal(
    farm: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(farm.folder)
    monkeypatch.setenv("AGRI_LANG", "vi")
    monkeypatch.setenv("COLUMNS", "200")
    for words, told in DONE:
        code, text = run(capsys, "records", "add", *words)
        assert (code, told in text) == (0, True), text
    assert len(farm.records.read()) == len(DONE)
    key = farm.records.read(lot="VL-1")[0].uid[:8]
    code, text = run(capsys, "records", "add", "note", "x", "--day", "1/1/2150")
    assert (code, "01/01/2150 chưa tới" in text) == (0, True)
    changes = ("--set", "mass_kg=12", "--set", "tree=A-2", "--set", "day=1/6/2027")
    code, text = run(capsys, "records", "correct", key, *changes, "--by", "Lan")
    assert (code, "12 kg" in text) == (0, True)
    newest = farm.records.history(farm.records.read(Harvest, lot="VL-1")[0].uid)[0]
    assert (newest.tree, newest.day, newest.by) == ("A-2", date(2027, 6, 1), "Lan")
    code, text = run(capsys, "records", "correct", newest.uid, "--set", "phi_days=3")
    assert (code, "mass_kg" in text) == (2, True)
    code, _ = run(capsys, "records", "correct", newest.uid, "--withdraw", "nhầm thửa")
    assert (code, farm.records.read(Harvest, lot="VL-1")) == (0, ())
    code, text = run(capsys, "--lang", "en", "records", "list", "--every", "--field", "vuon")
    assert (code, "Harvest" in text, f"← {key}" in text) == (0, True, True)


def test_what_cannot_be_entered_is_refused_in_one_sentence(
    farm: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(farm.folder)
    for number, words in enumerate(WRONG):
        code, text = run(capsys, "--lang", LANGUAGES[number % 2], "records", *words)
        assert (code, len(text.strip().splitlines())) == (2, 1), (words, text)
    assert farm.records.read() == ()


def test_the_diary_is_written_at_the_terminal(
    farm: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(farm.folder)
    keep(farm, SPRAY, PICKED)
    code, text = run(capsys, "--lang", "en", "diary", "vuon", "--season", "2027", "--lot", "vl-1")
    assert (code, "Lot vl-1" in text, "120.0 kg" in text) == (0, True, True)
    assert (farm.reports / "vuon-vai-thieu-2027-vl-1.html").is_file()
    code, text = run(capsys, "--lang", "en", "diary", "vuon", "--lot", "VL-9", "--season", "2027")
    assert (code, "VL-1" in text) == (2, True)
