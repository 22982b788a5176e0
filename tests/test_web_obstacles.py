"""What stands around a field is entered on its map, drawn there, and kept away from."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from shapely.geometry import Point, box

from agri import audit
from agri.field import Obstacle, ObstacleKind
from agri.geo import LocalFrame
from agri.operations.mission_files import load_plan
from agri.people import Role
from agri.workspace import Workspace
from missions.checks.plan import check_plan
from tests.web_browser import NO_CHROMIUM, browser_page, running, width_of
from tests.web_farm import SECRET, Served, small_farm

SURVEY = {"camera": "MicaSense RedEdge-P multispectral", "gsd_cm": "3", "aircraft": ""}


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Workspace]:
    with small_farm(tmp_path / "farm") as made:
        yield made


def spot(farm: Workspace, east: float = 0.5, north: float = 0.5) -> str:
    """A place by its share of the first field's bounds, as a form tells it."""
    west, south, east_end, north_end = farm.fields()[0].boundary.bounds
    lon, lat = west + east * (east_end - west), south + north * (north_end - south)
    return f"{lat:.7f}, {lon:.7f}"


def told(farm: Workspace, **changes: str) -> dict[str, str]:
    line = f"{spot(farm, -0.1, 1.2)}\n{spot(farm, 1.1, 1.2)}"
    return {"what": "power_line", "kind": "line", "places": line, "height_m": "9,5",
            "name": "Đường điện <b>hạ thế</b>", **changes}  # fmt: skip


def test_a_power_line_is_entered_once_drawn_and_kept_away_from(farm: Workspace) -> None:
    served = Served(farm)
    planner, path = served.signed_in(Role.PLANNER), f"/fields/{farm.fields()[0].uid}/obstacles"
    agent = served.signed_in(Role.AGENT)
    for _ in range(2):
        assert planner.post(path, told(farm)).headers["location"] == path
    (line,) = farm.farm().obstacles
    assert (line.kind, line.height_m, line.clearance_m) == (ObstacleKind.POWER_LINE, 9.5, 10.0)
    assert line.geometry.geom_type == "LineString"
    shown = planner.get(path).text
    assert "Đường điện, cao 9,5 m" in shown
    assert "&lt;b&gt;hạ thế" in shown
    drawn = planner.get(f"{path}.geojson").json()
    labels = [one["properties"]["label"] for one in drawn["features"]]
    assert any("9,5 m" in label and "hạ thế" in label for label in labels)
    notes = [one.what.note for one in audit.verify(farm.folder).entries
             if one.kind == "obstacle_entered"]  # fmt: skip
    assert len(notes) == 2
    assert "power_line" in notes[0]
    uid = farm.fields()[0].uid
    assert agent.post(f"/fields/{uid}/survey", SURVEY).status_code == 303
    plan, _ = load_plan(farm.plans()[0].name, farm.folder)
    assert plan.site is not None
    assert [one.kind for one in plan.site.obstacles] == [ObstacleKind.POWER_LINE]
    assert not [one for one in check_plan(plan) if one.key == "finding.leg_near_obstacle"]


def test_the_fields_page_opens_at_the_field_whatever_else_stands_around(
    farm: Workspace,
) -> None:
    """A dot in an empty map tells nobody which field it is; all of it is there to zoom out to."""
    viewer, uid = Served(farm).signed_in(Role.VIEWER), farm.fields()[0].uid
    far = LocalFrame.around(farm.fields()[0].boundary).place(200.0, 0.0)
    place = Point(far.lon_deg, far.lat_deg)
    farm.add_obstacles([Obstacle(name="Cột", kind=ObstacleKind.POLE, height_m=8.0, geometry=place)])
    drawn = viewer.get(f"/fields/{uid}/obstacles.geojson").json()
    view, whole, field = box(*drawn["view"]), box(*drawn["bbox"]), farm.fields()[0].boundary
    assert whole.covers(place)
    assert view.covers(field)
    assert not view.covers(place)
    assert "view" not in viewer.get(f"/fields/{uid}.geojson").json()


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"what": "volcano"}, "error.obstacle_place"),
        ({"kind": "blob"}, "error.obstacle_place"),
        ({"places": ""}, "error.obstacle_place"),
        ({"places": "anywhere"}, "error.corner"),
        ({"kind": "point"}, "error.obstacle_line"),
        ({"height_m": "0"}, "error.form_number"),
        ({"height_m": "tall"}, "error.form_number"),
        ({"what": "tree", "kind": "point", "places": "21.9, 106.9"}, "error.obstacle_far"),
        ({"what": "house", "kind": "area", "places": "21.08, 106.5\n21.09, 106.51\n"
          "21.08, 106.51\n21.09, 106.5"}, "error.geometry_invalid"),
    ],
)  # fmt: skip
def test_what_cannot_stand_there_is_said_and_nothing_is_kept(
    farm: Workspace, wrong: dict[str, str], key: str
) -> None:
    planner = Served(farm).signed_in(Role.PLANNER)
    answer = planner.post(f"/fields/{farm.fields()[0].uid}/obstacles", told(farm, **wrong))
    assert answer.status_code == 400
    begins = re.split(r"[{“]", json.loads(LOCALE.read_text("utf-8"))[key])[0].strip()
    assert begins in answer.text
    assert not farm.farm().obstacles


LOCALE = Path(__file__).resolve().parents[1] / "agri" / "locale" / "vi.json"


def test_only_who_may_approve_takes_one_away_and_nothing_else_goes_with_it(
    farm: Workspace,
) -> None:
    served = Served(farm)
    planner, agent = served.signed_in(Role.PLANNER), served.signed_in(Role.AGENT)
    field = farm.fields()[0]
    planner.post(f"/fields/{field.uid}/obstacles", told(farm))
    path = f"/obstacles/{farm.farm().obstacles[0].uid}/remove"
    assert path not in planner.get(f"/fields/{field.uid}/obstacles").text
    assert planner.post(path, {"field": field.uid}).status_code == 403
    other = agent.post(f"/obstacles/{field.uid}/remove", {"field": field.uid})
    assert other.status_code == 404
    assert len(farm.fields()) == 2, "a field is no obstacle"
    assert agent.post(path, {"field": field.uid}).status_code == 303
    assert not farm.farm().obstacles
    assert agent.post(path, {"field": field.uid}).status_code == 404


def test_a_finding_that_nothing_is_known_around_a_field_leads_to_where_it_is_entered(
    farm: Workspace,
) -> None:
    agent, field = Served(farm).signed_in(Role.AGENT), farm.fields()[1]
    assert agent.post(f"/fields/{field.uid}/survey", SURVEY).status_code == 303
    shown = agent.get(f"/plans/{farm.plans()[0].uid}").text
    assert f'href="/fields/{field.uid}/obstacles"' in shown
    assert "mục “Chướng ngại” trên trang của thửa" in shown


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(NO_CHROMIUM, reason="no Chromium here")
def test_on_a_phone_a_house_is_tapped_and_stands_on_the_map(farm: Workspace) -> None:
    Served(farm).signed_in(Role.OWNER)
    field = farm.fields()[0]
    with running(farm) as address, browser_page(address) as page:
        page.goto("/language/vi?back=/sign-in")
        page.fill("[name=name]", f"Người {Role.OWNER.value}")
        page.fill("[name=password]", SECRET)
        page.click("main button")
        page.wait_for_selector("footer")
        page.goto(f"/fields/{field.uid}/obstacles")
        page.wait_for_selector("#standing[data-ready=yes]")
        page.select_option("[name=what]", "house")
        assert page.is_checked("[name=kind][value=area]"), "a house is gone round"
        for x, y in ((150, 100), (190, 100), (190, 140), (150, 140)):
            page.locator("#standing").click(position={"x": x, "y": y})
        page.fill("[name=height_m]", "5")
        page.fill("[name=name]", "Nhà ông Bảy")
        if folder := os.environ.get("AGRI_PICTURES"):
            page.screenshot(path=Path(folder) / "obstacles-vi.png", full_page=True)
        page.click("#placing > button")
        page.wait_for_selector("text=Nhà, cao 5,0 m")
        page.wait_for_selector("#standing[data-ready=yes]")
        if folder := os.environ.get("AGRI_PICTURES"):
            page.screenshot(path=Path(folder) / "obstacles-there-vi.png", full_page=True)
        assert width_of(page) <= 360
        assert page.wrong == []
    (house,) = farm.farm().obstacles
    assert (house.kind, house.name) == (ObstacleKind.HOUSE, "Nhà ông Bảy")
    assert len(house.geometry.exterior.coords) == 5


def test_a_road_has_no_height_to_tell(farm: Workspace) -> None:
    field = farm.fields()[0]
    farm.add_obstacles([Obstacle(name="Đường liên thôn", kind=ObstacleKind.ROAD, height_m=0.0,
                                 geometry=field.boundary.geoms[0].exterior)])  # fmt: skip
    planner = Served(farm).signed_in(Role.PLANNER)
    shown = planner.get(f"/fields/{field.uid}/obstacles").text
    assert "Đường liên thôn" in shown
    assert "0,0 m" not in shown
