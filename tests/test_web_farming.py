"""What a farmer reads and writes on a phone is what the farm's book holds."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import date

import pytest
from shapely.geometry import MultiPolygon

from agri import audit
from agri.crop_cards import crop_cards
from agri.field import Field
from agri.field_records import Count, Harvest, SprayRecord
from agri.people import Role
from agri.words import LANGUAGES, Message
from agri.workspace import Workspace
from tests import farms, spray_flown
from tests.web_farm import Browser, Served

LYCHEE = Field(name="Vườn <vải>", boundary=MultiPolygon([farms.box(0.004)]), crop="Vải PH40")
PADDY = Field(name="Ruộng", boundary=MultiPolygon([farms.box()]), crop="lúa")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("farming") / "farm"
    with Workspace.create(folder, farm_name="Trại") as farm:
        farm.add_fields([LYCHEE, PADDY])
        spray_flown.kept_flight(farm, 5)
        yield Served(farm)


@pytest.fixture(scope="module")
def planner(served: Served) -> Browser:
    return served.signed_in(Role.PLANNER)


@pytest.fixture(scope="module")
def uid(served: Served) -> str:
    return served.farm.field(LYCHEE.name).uid


def entered(planner: Browser, uid: str, **form: str) -> str:
    """Enter a record; return where it leads, or what the page complains of."""
    path = f"/fields/{uid}/records/new"
    answer = planner.post(path, form, seen=path)
    if answer.status_code == 303:
        return str(answer.headers["location"])
    assert answer.status_code == 400
    found = re.search(r'role="alert"><span[^>]*>.</span> (.*?)</p>', answer.text, re.S)
    assert found is not None
    return found[1]


def test_records_written_as_people_write_them_stand_in_the_book_and_in_the_diary(
    served: Served, planner: Browser, uid: str
) -> None:
    forms = [
        {"kind": "harvest", "day": "2026-05-20", "mass_kg": "2 tạ 35 kg", "lot": "VL-1",
         "crates": "9,5", "by": "Bà Hường"},
        {"kind": "count", "day": "2026-04-02", "what": "fruit", "number": "120", "share": "25 %"},
        {"kind": "bloom", "day": "2026-02-20", "bbch": "65", "share": "50%"},
        {"kind": "spray", "day": "2026-05-15", "product": "Thuốc nấm", "dose": "20 ml/16 lít",
         "phi_days": "7", "target": "sương mai"},
        {"kind": "fertiliser", "day": "2026-01-05", "product": "NPK", "spread": "12 kg/sào",
         "npk": "16-16-8"},
        {"kind": "irrigation", "day": "2026-04-05", "volume_m3": "500 lít"},
        {"kind": "price", "day": "2026-05-22", "vnd_kg": "35k", "mass_kg": "235", "lot": "VL-1"},
        {"kind": "note", "day": "2026-05-23", "text": "Tỉa cành"},
    ]  # fmt: skip
    for form in forms:
        assert entered(planner, uid, **form) == f"/fields/{uid}/diary?season=2026", form
    told = {one.kind: one for one in served.farm.records.read(field=uid)}
    assert set(told) == {form["kind"] for form in forms}
    picked, counted, sprayed = told["harvest"], told["count"], told["spray"]
    assert isinstance(picked, Harvest)
    assert (picked.mass_kg, picked.crates, picked.by) == (235.0, 9.5, "Bà Hường")
    assert isinstance(counted, Count)
    assert counted.total == 480.0
    assert isinstance(sprayed, SprayRecord)
    assert (sprayed.dose, sprayed.unit.value, sprayed.phi_days) == (1.25, "ml/l", 7)
    sao = served.farm.field(uid).area_m2 / 360.0
    assert getattr(told["fertiliser"], "mass_kg") == pytest.approx(12.0 * sao)  # noqa: B009
    page = planner.get(f"/fields/{uid}/diary?season=2026").text
    for words in ("Vườn &lt;vải&gt;", "Thuốc nấm", "235", "Tỉa cành", "chưa được bán là an toàn"):
        assert words in page, words
    assert "<vải>" not in page
    last = audit.verify(served.farm.folder).entries[-1]
    assert (last.kind, last.who) == ("record_entered", "Người planner")
    lot = planner.get(f"/fields/{uid}/diary?season=2026&lot=vl-1").text
    assert lot.count("<svg") == 1
    assert planner.get(f"/fields/{uid}/diary?season=2026&lot=none").status_code == 404
    table = planner.get(f"/fields/{uid}/diary.csv?season=2026")
    assert len(list(csv.reader(io.StringIO(table.text)))) == 1 + len(forms)


def test_what_cannot_be_read_is_named_and_nothing_is_written(
    served: Served, planner: Browser, uid: str
) -> None:
    before = len(served.farm.records.read())
    wrong = [
        ({"kind": "harvest", "mass_kg": ""}, "Khối lượng"),
        ({"kind": "harvest", "mass_kg": "nhiều"}, "Khối lượng"),
        ({"kind": "harvest", "mass_kg": "5", "day": "2031-01-01"}, "01/01/2031"),
        ({"kind": "harvest", "mass_kg": "5", "day": "hôm qua"}, "Ngày"),
        ({"kind": "count", "what": "lá", "number": "5"}, "Đếm gì"),
        ({"kind": "count", "what": "fruit", "number": "5", "share": "0"}, "Phần"),
        ({"kind": "spray", "product": "X", "dose": "2 nắp"}, "Liều lượng"),
        ({"kind": "fertiliser", "product": "X", "spread": "1 kg/cây"}, "Lượng phân"),
        ({"kind": "price", "vnd_kg": "0"}, "Giá"),
        ({"kind": "note", "text": "a" * 5000}, ""),
    ]
    for form, name in wrong:
        told = entered(planner, uid, **form)
        assert name in told, (form, told)
        assert 15 < len(told) < 300, told
    other = planner.post(f"/fields/{uid}/records/new", {"kind": "<b>"}, seen="/account")
    assert other.status_code == 400
    assert "<b>" not in other.text
    assert len(served.farm.records.read()) == before


def test_the_same_twice_is_asked_about_and_then_entered(
    served: Served, planner: Browser, uid: str
) -> None:
    form = {"kind": "harvest", "day": "2026-05-26", "mass_kg": "84"}
    before = len(served.farm.records.read(Harvest))
    assert entered(planner, uid, **form).startswith("/fields/")
    assert "đánh dấu" in entered(planner, uid, **form)
    assert len(served.farm.records.read(Harvest)) == before + 1
    assert entered(planner, uid, **form, again="yes").startswith("/fields/")
    assert len(served.farm.records.read(Harvest)) == before + 2


def test_the_crops_that_advice_is_made_for_are_named_in_the_readers_language(
    served: Served, planner: Browser
) -> None:
    paddy = served.farm.field(PADDY.name).uid
    for language in LANGUAGES:
        planner.get(f"/language/{language}?back=/")
        shown = planner.get(f"/fields/{paddy}/week").text
        for card in crop_cards():
            others = {card.name("vi"), card.name("en")} - {card.name(language)}
            assert card.name(language) in shown
            assert not any(f"{other}, " in shown or f", {other}" in shown for other in others)
    planner.get("/language/vi?back=/")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_week_is_told_for_a_known_crop_and_refused_in_a_sentence_for_another(
    served: Served, planner: Browser, uid: str, language: str
) -> None:
    planner.get(f"/language/{language}?back=/")
    own = planner.get(f"/fields/{uid}/week").text
    assert 'class="strip"' in own
    assert own.count('scope="row"') >= 1
    assert "Vườn &lt;vải&gt;" in own
    paddy = served.farm.field(PADDY.name).uid
    other = planner.get(f"/fields/{paddy}/week").text
    assert "lúa" in other
    assert 'class="strip"' not in other
    farm = planner.get("/week").text
    for field in (uid, paddy):
        assert f"/fields/{field}/week" in farm
    for text in (own, other, farm):
        assert not re.search(r"(?<![\w.])(cli|finding|error|page)\.[a-z_]+", text)
        assert not re.search(r"<style|\sstyle=|<script(?![^>]*\bsrc=)", text)


def test_an_entry_is_corrected_and_withdrawn_and_the_old_one_stays_to_be_read(
    served: Served, planner: Browser, uid: str
) -> None:
    form = {"kind": "harvest", "day": "2026-06-02", "mass_kg": "500", "lot": "VL-9", "by": "Bà"}
    assert entered(planner, uid, **form).endswith("season=2026")
    book = served.farm.records
    (old,) = book.read(field=uid, lot="VL-9")
    path = f"/records/{old.uid}"
    planner.get("/language/vi?back=/")
    assert path in planner.get(f"/fields/{uid}/diary?season=2026").text
    empty = planner.post(f"{path}/correct", {}, seen=path)
    assert empty.status_code == 400
    assert "chưa sửa gì" in empty.text
    late = planner.post(f"{path}/correct", {"day": "2027-12-01"}, seen=path)
    assert late.status_code == 400
    assert planner.post(f"{path}/correct", {"mass_kg": "50"}, seen=path).status_code == 303
    (new,) = book.read(field=uid, lot="VL-9")
    assert isinstance(new, Harvest)
    assert (new.mass_kg, new.day, new.replaces, new.by) == (
        50.0, old.day, old.uid, "Bà",
    )  # fmt: skip
    assert planner.get(path).headers["location"] == f"/records/{new.uid}"
    late = planner.post(f"{path}/correct", {"mass_kg": "61"}, seen="/")
    assert late.status_code == 409
    assert "vừa được người khác sửa" in late.text
    assert re.search(r"50(,0)? kg", late.text), "as it stands now"
    assert 'value="61"' in late.text, "what was typed is kept"
    assert f'action="/records/{new.uid}/correct"' in late.text
    assert book.read(field=uid, lot="VL-9") == (new,)
    assert planner.get("/records/0000").status_code == 404
    path = f"/records/{new.uid}"
    unsaid = planner.post(f"{path}/withdraw", {"why": " "}, seen=path)
    assert unsaid.status_code == 400
    assert planner.post(f"{path}/withdraw", {"why": "nhầm thửa"}, seen=path).status_code == 303
    (note,) = book.read(field=uid, lot="VL-9")
    assert (note.kind, note.replaces, note.by) == ("note", new.uid, "Người planner")
    assert len(book.read(field=uid, lot="VL-9", every=True)) == 3
    kinds = [entry.kind for entry in audit.verify(served.farm.folder).entries]
    assert {"record_corrected", "record_withdrawn"} <= set(kinds)


FORECAST = {
    "field": LYCHEE.name, "season": 2026, "trees": 100,
    "gates": [{"gate": 1, "about": "2026-01-11", "kg_p10": 3000.0, "kg_p50": 7000.0,
               "kg_p90": 16000.0, "counted": 0, "seasons": 5, "used": [],
               "error_kg": {"flowering": 400.0, "pattern": 500.0, "level": 4000.0}, "parts": {}}],
    "language": "vi",
    "findings": [{"key": "x", "text": "4 % <số> cây"},
                 {"key": "finding.novelty_season", "text": "cũ",
                  "message": {"key": "finding.novelty_season", "values": {"percent": 40.0}}},
                 {"key": "finding.of_a_newer_agri", "text": "mới",
                  "message": {"key": "finding.of_a_newer_agri", "values": {}}}],
}  # fmt: skip


def test_a_kept_forecast_is_shown_with_its_range_and_without_one_how_to_make_it(
    served: Served, planner: Browser, uid: str
) -> None:
    planner.get("/language/vi?back=/")
    without = planner.get(f"/fields/{uid}/forecast").text
    assert "Hãy bấm nút" in without
    assert "agri forecast" not in without
    maps = served.farm.folder / "maps"
    maps.mkdir(exist_ok=True)
    (maps / "vuon-vai-forecast.json").write_text(json.dumps(FORECAST), "utf-8")
    (maps / "vuon-vai-forecast-gates.png").write_bytes(b"PNG")
    page = planner.get(f"/fields/{uid}/forecast").text
    for words in ("7.000 kg", "từ 3.000 đến 16.000 kg", "4 % &lt;số&gt; cây", "11/01/2026"):
        assert words in page, words
    picture = planner.get(f"/fields/{uid}/forecast/forecast-gates.png")
    assert (picture.status_code, picture.content) == (200, b"PNG")
    shown = (
        planner.get("/language/en").headers["location"]
        and planner.get(f"/fields/{uid}/forecast").text
    )
    told = Message.of("finding.novelty_season", percent=40.0)
    assert told.text("vi") in page
    assert told.text("en") in shown
    assert "mới" in shown
    gates = f"/fields/{uid}/forecast/forecast-gates.png"
    assert planner.get(gates).content == b"PNG", "there is none in English: better than none"
    (maps / "vuon-vai-forecast-gates-en.png").write_bytes(b"EN")
    assert planner.get(gates).content == b"EN"
    planner.get("/language/vi")
    assert planner.get(gates).content == b"PNG"
    for kind in ("forecast", "forecast-check", "..%2f..%2ffarm", "trees"):
        assert planner.get(f"/fields/{uid}/forecast/{kind}.png").status_code == 404
    (maps / "vuon-vai-forecast.json").write_text('{"season": "x"}', "utf-8")
    assert planner.get(f"/fields/{uid}/forecast").status_code == 400
    assert planner.get(f"/fields/{uid}/week").status_code == 200


def test_what_a_flight_applied_is_shown_in_litres_and_on_a_map_and_kept_on_request(
    served: Served, planner: Browser
) -> None:
    (flight,) = served.farm.flights()
    assert f"/flights/{flight.uid}/applied" in planner.get(f"/flights/{flight.uid}").text
    page = planner.get(f"/flights/{flight.uid}/applied").text
    assert "6,0 L" in page
    assert 'class="state look"' in page  # one of six lines is missing
    features = planner.get(f"/flights/{flight.uid}/applied.geojson").json()["features"]
    names = {one["properties"]["name"] for one in features}
    assert names >= {"Đúng liều, 85–115 %", "Chỗ có thể phun"}
    assert served.farm.applied_of(flight) is None
    path = f"/flights/{flight.uid}/applied"
    assert planner.post(path, {}, seen=path).status_code == 303
    kept = served.farm.applied_of(flight)
    assert kept is not None
    assert kept.litres == pytest.approx(6.0, rel=0.02)
    assert kept.phi_end == date(2026, 12, 6)
    other = served.farm.save_flight(farms.flight())
    page = planner.get(f"/flights/{other.uid}/applied").text
    assert "aria-hidden" in page
    assert "#map" not in page
    assert planner.get(f"/flights/{other.uid}/applied.geojson").status_code == 404
