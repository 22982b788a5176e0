"""What is drawn, planned and reviewed in a browser is what the farm then holds."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from agri import audit
from agri.errors import BadInput, NotFound
from agri.field_records import Harvest
from agri.operations.spray import PLANNED_WIND
from agri.people import Role, Verdict
from agri.weather import Wind
from agri.web.forms import number, outline
from agri.web.outlining import corners
from agri.words import Message
from agri.workspace import PlanRecord, Workspace
from missions.flightplan import job_of
from missions.formats.document import read_document
from tests import farms
from tests.web_farm import Browser, Served, small_farm

CORNERS = "21.0800, 106.5300\n21.0800, 106.5305\n21.0804, 106.5305\n21.0804, 106.5300"
SURVEY = {"camera": "MicaSense RedEdge-P multispectral", "gsd_cm": "3", "aircraft": ""}
SPRAY = {"product": "Nước lã", "dose": "0", "unit": "ml", "phi_days": "0", "rate_l_ha": "20",
         "crop_height_m": "1", "sprayer": ""}  # fmt: skip


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A farm with a field drawn in the browser and a survey and a spraying planned for it."""
    folder = tmp_path_factory.mktemp("planned") / "farm"
    with small_farm(folder) as farm:
        served = Served(farm)
        planner = served.signed_in(Role.PLANNER)
        form = {"name": "Ruộng mới", "crop": "lúa", "corners": CORNERS}
        drawn = planner.post("/fields/new", form)
        assert drawn.status_code == 303
        where = drawn.headers["location"]
        for path, asked in (("survey", SURVEY), ("spray", SPRAY)):
            done = planner.post(f"{where}/{path}", asked)
            assert done.status_code == 303, done.text
            assert done.headers["location"].startswith("/plans/")
        flown = farm.plans()[-1]
        farm.save_flight(
            farms.flight(plan_name=flown.name, plan_digest=flown.digest), mission_uid=flown.uid
        )
    return folder


@pytest.fixture
def served(tmp_path: Path, planned: Path) -> Iterator[Served]:
    shutil.copytree(planned, tmp_path / "farm")
    with Workspace.open(tmp_path / "farm") as copy:
        yield Served(copy)


def told(text: str) -> str:
    """What a page complains of."""
    found = re.search(r'role="alert"><span[^>]*>.</span> (.*?)</p>', text, re.S)
    return found[1] if found else ""


def test_a_field_is_drawn_anew_under_its_key_and_old_plans_are_judged_by_it(
    served: Served,
) -> None:
    farm, planner = served.farm, served.signed_in(Role.PLANNER)
    field = farm.field("Ruộng mới")
    path = f"/fields/{field.uid}/edit"
    page = planner.get(path).text
    was = re.search(r'name="was" value="([0-9a-f]{16})"', page)
    assert was is not None
    assert "21.0800000, 106.5300000" in page
    form = {"name": "Ruộng chợ", "crop": "ngô", "was": was[1]}
    same = planner.post(path, {**form, "corners": corners(field)})
    assert same.headers["location"] == f"/fields/{field.uid}"
    assert farm.field(field.uid) == replace(field, name="Ruộng chợ", crop="ngô")
    plan = next(one for one in farm.plans() if one.kind == "spray" and one.field_uid == field.uid)
    assert "hãy lập lại kế hoạch bay" not in planner.get(f"/plans/{plan.uid}").text
    half = CORNERS.replace("21.0804", "21.0802")
    now = {"was": outlining_mark(planner.get(path))}
    assert planner.post(path, {**form, **now, "corners": half}).status_code == 303
    assert farm.field(field.uid).area_m2 == pytest.approx(field.area_m2 / 2, rel=1e-3)
    page = planner.get(f"/plans/{plan.uid}").text
    assert "hãy lập lại kế hoạch bay" in page
    late = planner.post(path, {**form, "corners": CORNERS})
    assert late.status_code == 400
    assert "vừa sửa" in told(late.text)
    assert served.signed_in(Role.VIEWER).get(path).status_code == 403
    assert planner.get("/fields/nowhere/edit").status_code == 404


@pytest.mark.parametrize(
    ("crop", "height", "fine"),
    [("vải", "0", False), ("Vải PH40", "0,9", False), ("vải", "4", True), ("lúa", "0", True)],
)
def test_trees_are_not_sprayed_as_if_they_were_grass(
    served: Served, crop: str, height: str, fine: bool
) -> None:
    """At the height over the ground that suits rice the aircraft would fly among their crowns."""
    planner = served.signed_in(Role.PLANNER)
    field = served.farm.field("Ruộng mới")
    served.farm.change_field(replace(field, crop=crop))
    path = f"/fields/{field.uid}/spray"
    asked = {**SPRAY, "product": "Nước giếng", "crop_height_m": height}
    answer = planner.post(path, asked)
    assert answer.status_code == (303 if fine else 400)
    if not fine:
        assert crop in told(answer.text)
        assert 'value="Nước giếng"' in answer.text, "what was typed is kept"
    empty = planner.post(path, {**asked, "crop_height_m": ""})
    assert empty.status_code == 400, "nobody's trees are 0 m high unasked"


def test_a_field_of_several_parts_keeps_them_and_gets_a_new_name(served: Served) -> None:
    farm, planner = served.farm, served.signed_in(Role.PLANNER)
    field = farm.fields()[0]
    path = f"/fields/{field.uid}/edit"
    page = planner.get(path).text
    assert 'name="corners"' not in page
    assert "QGIS" in page
    was = re.search(r'name="was" value="([0-9a-f]{16})"', page)
    assert was is not None
    form = {"name": "Ruộng hai mảnh", "crop": "", "was": was[1], "corners": CORNERS}
    assert planner.post(path, form).status_code == 303
    assert farm.field(field.uid).boundary.equals_exact(field.boundary, 0.0)
    now = {"name": "Vườn vải thiều", "was": outlining_mark(planner.get(path))}
    taken = planner.post(path, {**form, **now})
    assert taken.status_code == 400
    assert "Vườn vải thiều" in told(taken.text)


def test_of_two_who_change_a_field_the_second_is_told_and_loses_nothing(served: Served) -> None:
    """Also when both leave the outline alone: a crop changed back unseen is another dose."""
    farm, first, second = served.farm, *(served.signed_in(Role.PLANNER) for _ in range(2))
    field = farm.field("Ruộng mới")
    path, same = f"/fields/{field.uid}/edit", {"corners": corners(field)}
    was = outlining_mark(second.get(path))
    assert first.post(path, {**same, "was": was, "name": "Ruộng Bắc", "crop": "bắp"}).status_code
    kept = farm.field(field.uid)
    late = second.post(path, {**same, "was": was, "name": "Ruộng mới", "crop": "Lúa nếp"})
    assert late.status_code == 400
    assert farm.field(field.uid) == kept
    assert "giờ tên là Ruộng Bắc, cây trồng bắp" in told(late.text)
    assert 'value="Lúa nếp"' in late.text, "what was typed is kept"
    meant = {**same, "was": outlining_mark(late), "name": "Ruộng mới", "crop": "Lúa nếp"}
    assert second.post(path, meant).status_code == 303
    assert farm.field(field.uid).crop == "Lúa nếp"


def test_a_job_planned_anew_stands_in_front_of_every_sortie_it_had(served: Served) -> None:
    """Else sorties of another dose would lie beside the new ones, ready to be flown."""
    farm, planner = served.farm, served.signed_in(Role.PLANNER)
    pilot, uid = served.signed_in(Role.PILOT), farm.field("Vườn vải thiều").uid
    path, trees = f"/fields/{uid}/spray", {**SPRAY, "crop_height_m": "4"}

    def sorties(rate_l_ha: str) -> list[PlanRecord]:
        planner.post(path, {**trees, "rate_l_ha": rate_l_ha})
        return [one for one in farm.plans() if one.kind == "spray" and one.field_uid == uid]

    many = sorties("60")
    few = sorties("12")
    assert len(many) > len(few)
    assert {one.uid for one in many} & {one.uid for one in few} == set()
    old = many[0].uid
    page = planner.get(f"/plans/{old}").text
    assert f'href="/plans/{few[-1].uid}"' in page, "the first of the new ones"
    assert "Bay được" not in page
    assert f'href="/plans/{old}/fly"' not in pilot.get(f"/plans/{old}").text
    assert "kế hoạch mới hơn" in pilot.get(f"/plans/{old}/fly").text
    flown = {"digest": many[0].digest, "where": "sim", "once": "a" * 20}
    assert pilot.post(f"/plans/{old}/fly", flown).status_code == 409
    assert planner.get(f"/plans/{old}/mix").headers["location"] == f"/plans/{old}"
    with pytest.raises(NotFound):
        farm.plan(many[0].name)
    again = sorties("60")
    assert {one.digest for one in again} == {one.digest for one in many}, "as it was"
    assert "kế hoạch mới hơn" in planner.get(f"/plans/{few[0].uid}").text


def test_a_plan_sent_back_is_not_also_green_and_a_remark_is_kept_once(served: Served) -> None:
    agent, plan = served.signed_in(Role.AGENT), served.farm.plans()[0]
    said = {"digest": plan.digest, "verdict": "sent_back", "remark": "Gần nhà quá"}
    assert "Bay được" in agent.get(f"/plans/{plan.uid}").text
    for _ in range(2):
        assert agent.post(f"/plans/{plan.uid}/review", said).status_code == 303
    page = agent.get(f"/plans/{plan.uid}").text
    assert "Bay được" not in page
    assert page.count("Gần nhà quá") == 1
    agent.post(f"/plans/{plan.uid}/review", {**said, "remark": "Vẫn gần nhà"})
    assert len(served.farm.people.reviews(plan.uid)) == 2


def test_a_field_drawn_is_in_the_farm_and_on_its_page(served: Served) -> None:
    field = served.farm.field("Ruộng mới")
    assert field.area_m2 == pytest.approx(51.94 * 44.29, rel=2e-3)
    viewer = served.signed_in(Role.VIEWER)
    page = viewer.get(f"/fields/{field.uid}").text
    assert "6,4 sào" in page
    assert "lúa" in page
    assert "lít thuốc pha" in page
    assert "1 pin" in page
    assert "/spray" not in page
    assert "/fields/new" not in viewer.get("/").text
    shape = viewer.get(f"/fields/{field.uid}.geojson").json()
    assert shape["bbox"] == [106.53, 21.08, 106.5305, 21.0804]
    assert shape["features"][0]["properties"]["link"] == ""


def test_a_field_as_large_as_a_commune_is_kept_when_somebody_says_that_it_is(
    served: Served,
) -> None:
    planner = served.signed_in(Role.PLANNER)
    wide = "21.08, 106.50\n21.08, 106.52\n21.09, 106.52\n21.09, 106.50"
    form = {"name": "Cánh đồng", "crop": "lúa", "corners": wide}
    asked = planner.post("/fields/new", form)
    assert asked.status_code == 400
    assert "Cánh đồng rộng tới 6.391,6 sào" in told(asked.text)
    assert 'name="large" value="yes"' in asked.text
    assert wide in asked.text
    assert "Cánh đồng" not in {one.name for one in served.farm.fields()}
    assert 'name="large"' not in planner.post("/fields/new", {**form, "corners": "21.08"}).text
    assert planner.post("/fields/new", {**form, "large": "yes"}).status_code == 303
    kept = served.farm.field("Cánh đồng")
    path, was = f"/fields/{kept.uid}/edit", outlining_mark(planner.get(f"/fields/{kept.uid}/edit"))
    same = {"name": "Cánh đồng lớn", "crop": "lúa", "was": was, "corners": corners(kept)}
    assert planner.post(path, same).status_code == 303
    assert planner.post(path, same).status_code == 303, "the button pressed twice"
    now = {"was": outlining_mark(planner.get(path))}
    wider = {**same, **now, "corners": wide.replace("21.09", "21.10")}
    assert "Cánh đồng lớn rộng tới" in told(planner.post(path, wider).text)


def outlining_mark(page: Any) -> str:
    """The outline that a page of a field tells to be there."""
    return re.findall(r'name="was" value="([0-9a-f]{16})"', page.text)[0]


def test_a_spraying_of_several_tanks_says_how_many_flights_were_planned(served: Served) -> None:
    planner = served.signed_in(Role.PLANNER)
    uid = served.farm.field("Vườn vải thiều").uid
    done = planner.post(f"/fields/{uid}/spray", {**SPRAY, "rate_l_ha": "60", "crop_height_m": "4"})
    jobs = [one for one in served.farm.plans() if one.field_uid == uid]
    assert len(jobs) > 1
    assert done.headers["location"] == f"/fields/{uid}?planned={len(jobs)}"
    page = planner.get(done.headers["location"]).text
    assert f"thành {len(jobs)} chuyến" in page
    for wrong in ("", "x", "1e3", "<b>", "1234"):
        page = planner.get(f"/fields/{uid}?planned={wrong}").text
        assert "mỗi chuyến một bình" not in page


def test_a_field_drawn_by_mistake_is_taken_away_and_one_with_a_plan_or_a_record_stays(
    served: Served,
) -> None:
    farm, planner = served.farm, served.signed_in(Role.PLANNER)
    used = farm.field("Ruộng mới")
    answer = planner.post(f"/fields/{used.uid}/remove", {})
    assert answer.status_code == 400
    assert "Thửa Ruộng mới đã có kế hoạch bay" in told(answer.text)
    planner.post("/fields/new", {"name": "Vẽ nhầm", "crop": "", "corners": CORNERS})
    slip = farm.field("Vẽ nhầm")
    assert f'action="/fields/{slip.uid}/remove"' in planner.get(f"/fields/{slip.uid}/edit").text
    farm.records.add(Harvest(day=date(2026, 5, 20), field=slip.name, field_uid=slip.uid,
                             season=2026, mass_kg=10.0))  # fmt: skip
    assert planner.post(f"/fields/{slip.uid}/remove", {}).status_code == 400
    planner.post("/fields/new", {"name": "Vẽ nhầm 2", "crop": "", "corners": CORNERS})
    slip = farm.field("Vẽ nhầm 2")
    assert planner.post(f"/fields/{slip.uid}/remove", {}).headers["location"] == "/"
    assert slip.uid not in {one.uid for one in farm.fields()}
    assert planner.post(f"/fields/{slip.uid}/remove", {}).status_code == 404
    assert farm.field("Ruộng mới") == used


def test_plans_made_here_are_those_the_terminal_makes_with_the_same_words(served: Served) -> None:
    spray, survey = served.farm.plans()
    assert (survey.kind, survey.gsd_cm) == ("survey", pytest.approx(3.0, rel=0.01))
    assert spray.kind == "spray"
    viewer = served.signed_in(Role.VIEWER)
    for plan in (spray, survey):
        page = viewer.get(f"/plans/{plan.uid}").text
        assert plan.digest[:12] in page
        assert 'class="state look"' in page
        drawing = viewer.get(f"/plans/{plan.uid}.geojson").json()
        names = {feature["properties"]["name"] for feature in drawing["features"]}
        assert {"Thửa ruộng, vườn", "Nơi cất, hạ cánh"} <= names
        assert "/review" not in page
    assert set(re.findall(r"/plans/([0-9a-f-]{36})", viewer.get("/plans").text)) == {
        spray.uid, survey.uid,
    }  # fmt: skip


def test_a_flight_is_shown_with_its_map_and_how_it_ended(served: Served) -> None:
    viewer = served.signed_in(Role.VIEWER)
    (flight,) = served.farm.flights()
    assert flight.uid in viewer.get("/flights").text
    page = viewer.get(f"/flights/{flight.uid}").text
    assert "nhưng còn thiếu ảnh" in page, "three of more than a hundred were taken"
    assert f"/plans/{flight.mission_uid}" in page
    drawing = viewer.get(f"/flights/{flight.uid}.geojson").json()
    assert "Vệt đã bay" in {one["properties"]["name"] for one in drawing["features"]}


def test_an_agent_approves_or_sends_back_exactly_the_plan_that_was_on_the_page(
    served: Served,
) -> None:
    agent = served.signed_in(Role.AGENT)
    plan = served.farm.plans()[0]
    path = f"/plans/{plan.uid}/review"

    def say(**form: str) -> Browser:
        return agent.post(path, {"digest": plan.digest, **form})  # type: ignore[no-any-return]

    other = agent.post(path, {"digest": "ab" * 32, "verdict": "approved", "remark": ""})
    assert other.status_code == 400
    assert "đã thay đổi" in told(other.text)
    assert say(verdict="sent_back", remark=" ").status_code == 400
    assert say(verdict="flown", remark="x").status_code == 400
    assert served.farm.people.reviews() == ()
    assert say(verdict="sent_back", remark="Gần <b>nhà</b> quá").status_code == 303
    assert "Gần &lt;b&gt;nhà&lt;/b&gt; quá" in agent.get(f"/plans/{plan.uid}").text
    assert say(verdict="approved", remark="").status_code == 303
    approved, sent_back = served.farm.people.reviews(plan.uid)
    assert (approved.verdict, sent_back.verdict) == (Verdict.APPROVED, Verdict.SENT_BACK)
    assert approved.by == "Người agent"
    assert "Đã duyệt" in agent.get("/plans").text
    last = audit.verify(served.farm.folder).entries[-1]
    assert last.kind == "plan_reviewed"
    assert plan.digest in last.what.note


def test_what_a_form_cannot_mean_is_one_sentence_and_changes_nothing(served: Served) -> None:
    planner = served.signed_in(Role.PLANNER)
    uid = served.farm.field("Ruộng mới").uid
    before = (len(served.farm.fields()), len(served.farm.plans(every=True)))
    wrong = [
        ("/fields/new", {"name": "Ruộng mới", "corners": CORNERS}),
        ("/fields/new", {"name": "", "corners": CORNERS}),
        ("/fields/new", {"name": "x", "corners": "21.08, 106.51\n21.09, 106.51"}),
        ("/fields/new", {"name": "x", "corners": "21, 106\n22, 107\n22, 106\n21, 107"}),
        (f"/fields/{uid}/survey", {**SURVEY, "gsd_cm": "hai"}),
        (f"/fields/{uid}/survey", {**SURVEY, "gsd_cm": "0"}),
        (f"/fields/{uid}/survey", {**SURVEY, "camera": "<b>"}),
        (f"/fields/{uid}/survey", {}),
        (f"/fields/{uid}/spray", {**SPRAY, "rate_l_ha": "900"}),
        (f"/fields/{uid}/spray", {**SPRAY, "unit": "kg"}),
        (f"/fields/{uid}/spray", {**SPRAY, "product": ""}),
        (f"/fields/{uid}/spray", {**SPRAY, "phi_days": "1e3"}),
    ]
    for path, form in wrong:
        answer = planner.post(path, form)
        assert answer.status_code == 400, (path, form)
        assert len(told(answer.text)) > 20, (path, form)
        assert "<b>" not in told(answer.text)
    assert (len(served.farm.fields()), len(served.farm.plans(every=True))) == before


def test_what_is_wrong_is_named_as_the_form_names_it_and_in_figures_people_write(
    served: Served,
) -> None:
    planner = served.signed_in(Role.PLANNER)
    uid = served.farm.field("Ruộng mới").uid
    for name, wrong, sentence in (
        ("phi_days", "-1", "Số ngày cách ly trước thu hoạch: “-1” không được"),
        ("rate_l_ha", "900", "Lượng nước thuốc cho 1 ha, lít: “900” không được"),
        ("dose", "x", "hãy viết một số từ 0 đến 100.000."),
        ("dose", "1.500", "có thể là 1500 hoặc 1,5"),
        ("dose", "1,500", "có thể là 1500 hoặc 1,5"),
    ):
        assert sentence in told(planner.post(f"/fields/{uid}/spray", {**SPRAY, name: wrong}).text)
    assert number({"x": "1.500"}, "x", Message.of("page.web_dose"), low=0.0, high=300.0) == 1.5
    many = Message.of("error.form_number", name="x", value="y", low=0.5, high=1e7)
    assert many.text("en").endswith("from 0.5 to 10,000,000.")


@pytest.mark.parametrize(
    ("form", "wind"),
    [
        ({}, PLANNED_WIND),
        ({"wind": "2,5", "wind_from": "s"}, Wind(speed_m_s=2.5, from_deg=180.0)),
        ({"wind_from": "nw"}, replace(PLANNED_WIND, from_deg=315.0)),
        ({"wind": "1", "wind_from": "up"}, Wind(speed_m_s=1.0)),
    ],
)
def test_a_spraying_is_planned_for_the_wind_that_is_told(
    served: Served, form: dict[str, str], wind: Wind
) -> None:
    """Beside a sensitive site only a known side leaves room; refusals say to tell it."""
    planner = served.signed_in(Role.PLANNER)
    path = f"/fields/{served.farm.field('Ruộng mới').uid}/spray"
    assert 'name="wind_from"' in planner.get(path).text
    done = planner.post(path, {**SPRAY, **form})
    plan = read_document(served.farm.plan(done.headers["location"].rpartition("/")[2])[1])
    assert job_of(plan).settings.wind == wind
    assert planner.post(path, {**SPRAY, "wind": "nhẹ"}).status_code == 400


def test_an_interval_before_harvest_is_never_cut_short(served: Served) -> None:
    planner = served.signed_in(Role.PLANNER)
    uid = served.farm.field("Ruộng mới").uid
    done = planner.post(f"/fields/{uid}/spray", {**SPRAY, "phi_days": "13,5"})
    plan = read_document(served.farm.plan(done.headers["location"].rpartition("/")[2])[1])
    assert job_of(plan).settings.product.phi_days == 14


def test_a_pixel_that_no_height_gives_is_refused_by_the_pixels_that_there_are(
    served: Served,
) -> None:
    planner = served.signed_in(Role.PLANNER)
    path = f"/fields/{served.farm.field('Ruộng mới').uid}/survey"
    for gsd_cm in ("50", "0,3"):
        said = told(planner.post(path, {**SURVEY, "gsd_cm": gsd_cm}).text)
        assert f"điểm ảnh {gsd_cm} cm; hãy ghi từ " in said
        low, high = re.findall(r"từ ([\d,]+) đến ([\d,]+) cm", said)[0]
        for possible in (low, high):
            assert told(planner.post(path, {**SURVEY, "gsd_cm": possible}).text) == "", possible
        assert float(low.replace(",", ".")) < float(high.replace(",", "."))


@pytest.mark.parametrize(
    "line", ["21", "21.08", "a, b", "21.08, 181", "95, 106", "1e3, 5", "21.08, 106.5, 3", "²¹, ¹"]
)
def test_a_line_that_is_no_corner_is_named(line: str) -> None:
    with pytest.raises(BadInput) as refusal:
        outline(f"21.08, 106.51\n{line}\n21.09, 106.52\n21.07, 106.52")
    assert refusal.value.message.key == "error.corner"
    assert dict(refusal.value.message.values)["number"] == 2


@pytest.mark.parametrize(
    "line", ["21.08, 106.51", "21.08,106.51", "21,08; 106,51", "21,08 106,51", " 21.08\t106.51 "]
)
def test_a_corner_is_read_as_people_write_it(line: str) -> None:
    area = outline(f"{line}\n21.09, 106.52\n21.07, 106.52")
    assert (106.51, 21.08) in list(area.geoms[0].exterior.coords)
