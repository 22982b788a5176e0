"""Papers are entered, shown and taken out in the app, and a launch then goes by them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape

import pytest

from agri import audit
from agri.findings import blocks
from agri.operations.papers import intent_of, judge_plan
from agri.paper_checks import covers
from agri.papers import Shown
from agri.people import Role
from agri.web.ways import WAYS
from agri.words import dictionary
from agri.workspace import Workspace
from tests import farms, plans
from tests.papers import MORNING
from tests.test_web_access import route_of
from tests.web_farm import Browser, Served

PERMIT = {
    "kind": "permit", "number": "12/GP", "authority": "province", "holder": "HTX Bình Khê",
    "first": "2026-11-01", "last": "2026-12-31", "from": "06:00", "to": "17:30", "ceiling": "50",
    "fields": "every", "around": "500",
}  # fmt: skip
LICENCE = {"kind": "licence", "holder": "Người pilot", "number": "GP-1", "class": "instrument",
           "last": "2027-12-31"}  # fmt: skip
AIRCRAFT = {"kind": "aircraft", "aircraft": "Máy 1", "number": "QN-1", "mass": "45", "last": ""}
LOOK = {"kind": "map", "fields": "every", "around": "500", "shown": "clear"}


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Workspace.create(tmp_path_factory.mktemp("papers") / "farm", farm_name="Trại") as farm:
        farm.add_fields([plans.FIELD])
        yield Served(farm)


def entered(pilot: Browser, **form: str) -> str:
    """Enter a paper; return "" or what the page complains of."""
    answer = pilot.post("/papers/new", form, seen=f"/papers/new?kind={form['kind']}")
    if answer.status_code == 303:
        return ""
    assert answer.status_code == 400
    found = re.search(r'role="alert"><span[^>]*>.</span> (.*?)</p>', answer.text, re.S)
    return unescape(found[1]) if found else answer.text


def test_a_flight_goes_by_the_papers_that_its_pilot_entered(served: Served) -> None:
    pilot = served.signed_in(Role.PILOT)
    plan, starts = plans.PLAN, MORNING

    def findings() -> list[str]:
        told = judge_plan(served.farm, plan, pilot="Người pilot", aircraft="Máy 1", starts=starts)
        return [one.key for one in told if blocks([one])]

    assert len(findings()) == 4
    for form in (PERMIT, LICENCE, AIRCRAFT, LOOK):
        assert entered(pilot, **form) == ""
    assert findings() == []
    papers = served.farm.papers.read()[0]
    assert papers.map_checks[0].by == "Người pilot"
    assert papers.map_checks[0].shown is Shown.CLEAR
    assert papers.permits[0].from_time.hour == 6
    area = intent_of(plan, pilot="", aircraft="", starts=starts).area
    assert covers(papers.permits[0].area, area)
    kinds = [entry.kind for entry in audit.verify(served.farm.folder).entries]
    assert kinds.count("paper_entered") == 4
    shown = served.signed_in(Role.VIEWER).get("/papers").text
    assert all(words in shown for words in ("12/GP", "Máy 1", "QN-1", "còn hạn"))
    assert "/papers/new" not in shown
    pilot.post(f"/papers/{papers.licences[0].uid}/remove", {}, seen="/papers")
    assert findings() == ["finding.licence_missing"]


def test_a_permit_for_a_circle_is_kept_as_that_circle(served: Served) -> None:
    pilot = served.signed_in(Role.PILOT)
    form = {**PERMIT, "centre": f"{farms.LAT}, {farms.LON}", "radius": "300"}
    assert entered(pilot, **form) == ""
    west, south, _, north = served.farm.papers.read()[0].permits[0].area.bounds
    assert (north - south) * 111_000 == pytest.approx(600, rel=0.02)
    assert west < farms.LON


@pytest.mark.parametrize(
    ("form", "key"),
    [
        ({**LOOK, "shown": ""}, "error.record_untold"),
        ({**LOOK, "shown": "fine"}, "error.not_a_choice"),
        ({**PERMIT, "last": "2026-10-01"}, "error.permit_days"),
        ({**PERMIT, "from": "25:00"}, "error.not_a_time"),
        ({**PERMIT, "centre": "21.08"}, "error.not_a_place"),
        ({**PERMIT, "ceiling": ""}, "error.record_untold"),
        ({**PERMIT, "fields": ""}, "error.record_untold"),
        ({**PERMIT, "around": ""}, "error.record_untold"),
        ({**AIRCRAFT, "mass": "heavy"}, "error.amount"),
        ({**LICENCE, "last": "soon"}, "error.not_a_day"),
    ],
)
def test_what_cannot_stand_on_a_paper_is_refused_in_one_sentence(
    served: Served, form: dict[str, str], key: str
) -> None:
    told = entered(served.signed_in(Role.PILOT), **form)
    stem = dictionary("vi").get(key, "").partition("{")[2].partition("}")[2].partition("{")[0]
    assert told
    assert stem.strip() in told
    papers = served.farm.papers.read()[0]
    assert papers == replace(papers, permits=(), licences=(), registrations=(), map_checks=())


def test_an_empty_farm_says_what_to_do_first(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Workspace.create(tmp_path_factory.mktemp("none") / "farm", farm_name="Trại") as farm:
        assert "vẽ thửa" in entered(Served(farm).signed_in(Role.PILOT), **LOOK)


def test_every_way_leads_to_a_page_and_every_finding_on_it_is_one() -> None:
    for pattern, path, words in WAYS:
        assert route_of(path.format(plan="7f", field="7f").partition("?")[0]), path
        assert words in dictionary("vi")
        assert any(key.startswith(pattern.rstrip("*")) for key in dictionary("vi")), pattern
