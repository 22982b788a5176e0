"""A field's map tells the numbers behind its colours, and whose tree or zone is tapped."""

from __future__ import annotations

import io
import json
import re
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from PIL import Image

from agri.errors import StoreError
from agri.geo import LonLat
from agri.map_notes import MapNote
from agri.operations.fieldmap.difference import SHARE
from agri.operations.fieldmap.figures import figures_within
from agri.operations.fieldmap.stress import spots_of, walk_through
from agri.operations.maps.change import tree_change
from agri.operations.maps.shelf import Shelf
from agri.operations.maps.tiles import colours, sight_of
from agri.people import Role
from agri.workspace import Workspace
from imagery import catalogue
from tests import mapped_farm as mapped
from tests.web_farm import Browser, Served


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with mapped.mapped_farm(tmp_path_factory.mktemp("mapped") / "farm") as made:
        yield made


@pytest.fixture(scope="module")
def served(farm: Workspace) -> Served:
    return Served(farm)


@pytest.fixture(scope="module")
def viewer(served: Served) -> Browser:
    return served.signed_in(Role.VIEWER)


@pytest.fixture(scope="module")
def uid(farm: Workspace) -> str:
    return farm.fields()[0].uid


def at(viewer: Browser, uid: str, east_m: float, south_m: float, show: str = "ngay-4.1") -> str:
    lat, lon = mapped.place(east_m, south_m)
    answer = viewer.get(f"/fields/{uid}/at?lat={lat:.8f}&lon={lon:.8f}&show={show}")
    assert answer.status_code == 200
    return str(answer.text)


def shown(text: str) -> str:
    """The value of the map that is shown, as the page tells it."""
    found = re.search(r'<p class="value (\w+)"><span>[^<]*</span> <b>([^<]*)</b>', text)
    assert found is not None
    return f"{found[1]}: {found[2]}"


# ------------------------------------------------------------------ figures and values


@pytest.mark.parametrize(("east_m", "south_m"), [(20.3, 30.1), (60.1, 15.7), (58.1, 16.3)])
def test_a_place_has_its_pixels_own_value(
    viewer: Browser, uid: str, east_m: float, south_m: float
) -> None:
    stored = mapped.ndvi(3)[0, int(south_m / mapped.PIXEL_M), int(east_m / mapped.PIXEL_M)]
    told = f"{stored / 10_000:.3f}".replace(".", ",")
    assert shown(at(viewer, uid, east_m, south_m)) == f"told: {told}"


def test_where_nothing_was_measured_and_where_no_map_reaches_it_says_so(
    viewer: Browser, uid: str
) -> None:
    assert shown(at(viewer, uid, 40, 70)).startswith("none: Không có giá trị")
    assert shown(at(viewer, uid, -40, 70)).startswith("outside: Bản đồ không tới")
    assert viewer.get(f"/fields/{uid}/at?lat=200&lon=1").status_code == 400


def test_figures_of_an_area_are_those_of_its_pixels(farm: Workspace) -> None:
    sight = sight_of(farm.folder, "ngay-1")
    area = mapped.box(10, 50, 30, 10)
    inner = mapped.ndvi(0)[0, 50:250, 50:150] / 10_000.0
    told = figures_within(sight, area)
    assert told is not None
    assert told.mean == pytest.approx(inner.mean(), abs=2e-5)
    assert told.sd == pytest.approx(inner.std(), abs=2e-4)
    assert told.quantiles[2] == pytest.approx(np.median(inner), abs=2e-4)
    assert told.coverage == pytest.approx(1.0, abs=1e-6)
    assert told.cell_m == pytest.approx(mapped.PIXEL_M, rel=1e-3)
    assert sum(told.bars_m2) == pytest.approx(told.area_m2, rel=1e-6)
    counted, _ = np.histogram(inner, told.edges)
    assert np.abs(np.array(told.bars_m2) - counted * 0.04).max() < 0.02 * told.area_m2
    assert figures_within(sight, mapped.box(200, 260, 260, 200)) is None


def test_of_a_large_area_means_of_squares_are_taken_and_it_is_told(farm: Workspace) -> None:
    sight = sight_of(farm.folder, "ngay-1")
    area = mapped.box(5, 55, 75, 5)
    whole, coarse = (figures_within(sight, area, max_pixels=most) for most in (10**6, 2_000))
    assert whole is not None
    assert coarse is not None
    assert coarse.mean == pytest.approx(whole.mean, abs=2e-3)
    assert whole.cell_m == pytest.approx(0.2, rel=1e-3)
    assert coarse.cell_m > 1.0


def test_the_page_has_legend_histogram_and_figures_of_the_map_that_is_chosen(
    viewer: Browser, uid: str
) -> None:
    text = viewer.get(f"/fields/{uid}/map?show=ngay-1.1").text
    assert 'data-tiles="/tiles/ngay-1/{z}/{x}/{y}.webp?layer=1&amp;of=' in text
    assert "NDVI · 11/02/2026" in text
    assert ">-1,0<" in text
    assert ">1,0<" in text
    assert text.count('stroke-width="0.4"') > 10
    assert "<b>vải" not in text
    newest = viewer.get(f"/fields/{uid}/map").text
    assert 'value="ngay-4.1" selected' in newest
    assert viewer.get(f"/fields/{uid}/map?show=../x.1").status_code == 404
    assert "data-tiles" not in viewer.get(f"/fields/{uid}/map?show=none").text


# ------------------------------------------------------------------ trees, zones, overlays


def test_a_tapped_tree_tells_its_number_and_its_values_over_the_dates(
    viewer: Browser, uid: str
) -> None:
    text = at(viewer, uid, 12.0 + 3 * 8.0, 12.0 + 2 * 8.0)
    number = re.search(r"<h3>Cây ([\w-]+)</h3>", text)
    assert number is not None
    section = text[number.end() : text.index("<h3>", number.end())]
    heights = re.findall(r"<td>(3,\d{3})</td>", section.partition("Tán cây")[0])
    assert heights == ["3,000", "3,200", "3,400", "3,600"]
    assert section.count("<svg") >= 4
    assert "12/05/2026" in section


def test_a_tapped_zone_tells_its_means_over_the_dates(viewer: Browser, uid: str) -> None:
    text = at(viewer, uid, 34.0, 8.5)
    section = text[text.index("<h3>Vùng 1") :]
    means = [float(found.replace(",", ".")) for found in re.findall(r"<td>(0,\d+)</td>", section)]
    assert means[:3] == pytest.approx([0.50, 0.51, 0.52], abs=0.003)
    assert "4,9 sào" in section


def test_what_is_laid_over_the_map_is_what_the_farm_has(viewer: Browser, uid: str) -> None:
    def features(kind: str) -> list[dict[str, object]]:
        answer = viewer.get(f"/fields/{uid}/map/{kind}.geojson")
        assert answer.status_code == 200
        return answer.json()["features"]  # type: ignore[no-any-return]

    assert len(features("trees")) == mapped.ROWS * mapped.PLACES - 1
    assert len(features("zones")) == 2
    assert features("changes")
    assert features("plans") == features("nonsense") == []
    page = viewer.get(f"/fields/{uid}/map").text
    kinds = ("plans", "flights", "trees", "zones", "changes")
    assert [kind for kind in kinds if f'value="{kind}"' in page] == ["trees", "zones", "changes"]


# ------------------------------------------------------------------ two dates


def pixel(viewer: Browser, path: str, east_m: float, south_m: float) -> NDArray[np.int64]:
    x, y, column, row = mapped.tile_of(east_m, south_m, 20)
    answer = viewer.get(path.format(z=20, x=x, y=y))
    assert answer.status_code == 200
    picture = np.array(Image.open(io.BytesIO(answer.content)).convert("RGBA"))
    return picture[row, column].astype(np.int64)  # type: ignore[no-any-return]


def test_the_earlier_of_two_dates_is_before_whichever_was_chosen_first(
    viewer: Browser, uid: str
) -> None:
    """The other way round, what withered would be shown as grown."""
    shown = [viewer.get(f"/fields/{uid}/dates?a={one}&b={other}&way=difference").text
             for one, other in (("ngay-3.1", "ngay-4.1"), ("ngay-4.1", "ngay-3.1"))]  # fmt: skip
    firsts = [re.findall(r'data-first="([^"]+)"', text) for text in shown]
    assert firsts[0] == firsts[1] != []


def test_a_difference_has_the_colour_of_later_less_earlier(viewer: Browser, uid: str) -> None:
    text = viewer.get(f"/fields/{uid}/dates?a=ngay-3.1&b=ngay-4.1&way=difference").text
    found = re.search(r'data-first="([^"]+)"', text)
    assert found is not None
    path = found[1].replace("&amp;", "&")
    before, after = (mapped.ndvi(number)[0].astype(float) / 10_000 for number in (2, 3))
    for east_m, south_m in ((58.5, 16.5), (20.5, 12.5), (70.5, 40.5)):
        row, column = int(south_m / mapped.PIXEL_M), int(east_m / mapped.PIXEL_M)
        share = (after[row, column] - before[row, column] + 2 * SHARE) / (4 * SHARE)
        expected = colours("change")[round(255 * min(max(share, 0.0), 1.0))].astype(np.int64)
        assert np.abs(pixel(viewer, path, east_m, south_m) - expected).max() <= 24
    assert pixel(viewer, path, 40, 70)[3] == 0
    assert ">-0,50<" in text
    assert ">0,50<" in text


def test_two_maps_that_are_not_of_one_index_are_not_subtracted_but_told_so(
    viewer: Browser, uid: str
) -> None:
    way = f"/fields/{uid}/dates?a=ngay-1-ndre.1&b=ngay-4.1"
    refused = viewer.get(f"{way}&way=difference")
    assert refused.status_code == 400
    assert "không cùng một chỉ số" in refused.text
    assert "data-first" not in refused.text
    assert viewer.get(f"{way}&way=swipe").status_code == 200
    tile = viewer.get("/difference/ngay-4.1/20/1/1.webp?less=ngay-1-ndre.1")
    assert tile.status_code == 400
    assert viewer.get("/difference/ngay-4.1/20/1/1.webp?less=x/../y.1").status_code == 404


# ------------------------------------------------------------------ what needs a look


def test_what_fell_stands_in_the_list_and_the_walk_leads_through_it(
    viewer: Browser, uid: str, farm: Workspace
) -> None:
    spots = spots_of(farm.folder, catalogue.products(farm.folder), mapped.FIELD.boundary)
    weights = [one.weight for one in spots]
    assert weights == sorted(weights, reverse=True)
    fell = mapped.box(52, 22, 66, 12), mapped.box(12, 36, 18, 30)
    assert all(any(one.outline.intersects(patch) for one in spots) for patch in fell)
    assert spots[0].outline.intersects(fell[0])
    text = viewer.get(f"/fields/{uid}/stress").text
    assert "<p>Có thể là " in text
    assert "<p>→ Xem lá" in text
    told = viewer.get(f"/fields/{uid}/stress.geojson?pick={spots[1].key}").json()
    stops = [one["properties"].get("stop") for one in told["features"]]
    assert [stop for stop in stops if stop] == [1]
    gpx = viewer.get(f"/fields/{uid}/stress.gpx")
    space = "{http://www.topografix.com/GPX/1/1}"
    root = ET.fromstring(gpx.text)  # noqa: S314 - our own
    assert len(root.findall(f"{space}wpt")) == len(root.findall(f"{space}rte/{space}rtept"))
    assert len(root.findall(f"{space}wpt")) == min(len(spots), 10)
    assert "attachment" in gpx.headers["content-disposition"]


def test_trees_that_changed_are_listed_too_with_their_numbers(
    tmp_path: Path, farm: Workspace
) -> None:
    shutil.copytree(farm.folder, tmp_path / "farm")
    with Workspace.open(tmp_path / "farm") as copy:
        book = copy.folder / "maps" / "vuon-trees.json"
        told = json.loads(book.read_text("utf-8"))
        sick = told["passports"][12]
        sick["visits"][-1]["indices"]["GLI"] = -0.3
        book.write_text(json.dumps(told), "utf-8")
        shelf = Shelf(folder=copy.folder / "maps", language="vi", farm=copy)
        tree_change(book, shelf, measure="GLI")
        spots = spots_of(copy.folder, catalogue.products(copy.folder), mapped.FIELD.boundary)
        trees = [one for one in spots if one.trees]
        assert [one.trees for one in trees] == [sick["name"]]
        uid, browser = copy.fields()[0].uid, Served(copy).signed_in(Role.VIEWER)
        text = browser.get(f"/fields/{uid}/stress")
        assert f"Cây {sick['name']}" in text.text
        listed = {one.name for one in catalogue.products(copy.folder) if one.kind == "change"}
        maps = re.findall(r'href="(/maps/[^"]+)"', browser.get(f"/fields/{uid}").text)
        assert maps
        assert all(browser.get(address).status_code == 200 for address in maps)
        lists = [name for name in sorted(listed) if f"/maps/{name}" not in maps]
        assert lists
        assert {browser.get(f"/maps/{name}").status_code for name in lists} == {404}


def test_a_walk_is_never_longer_than_in_the_order_of_the_list(farm: Workspace) -> None:
    from dataclasses import replace

    first = spots_of(farm.folder, catalogue.products(farm.folder), mapped.FIELD.boundary)[0]
    chance = np.random.default_rng(3).uniform(0, 70, (30, 2)).tolist()
    spots = [
        replace(first, outline=mapped.box(x, y + 1, x + 1, y), key=str(number))
        for number, (x, y) in enumerate(chance)
    ]
    lat, lon = mapped.place(0, 0)
    walk = walk_through(spots, LonLat(lon_deg=lon, lat_deg=lat))
    assert {one.key for one in walk.spots} == {one.key for one in spots}
    places = np.array([(0.0, 0.0), *((x + 0.5, y + 0.5) for x, y in chance)])
    listed_m = np.hypot(*np.diff(places, axis=0).T).sum()
    shortest_known_m = 0.7124 * np.sqrt(70.0 * 70.0 * 30)
    assert walk.length_m < 0.5 * listed_m
    assert walk.length_m < 1.35 * shortest_known_m


# ------------------------------------------------------------------ notes

EVIL = '<script>alert(1)</script>"\'><img src=x onerror=alert(2)> cây bị "sâu" & nấm'


def test_a_note_is_kept_shown_as_text_exported_and_taken_back_by_who_may(
    tmp_path: Path, farm: Workspace
) -> None:
    shutil.copytree(farm.folder, tmp_path / "farm")
    with Workspace.open(tmp_path / "farm") as copy:
        served = Served(copy)
        uid = copy.fields()[0].uid
        planner, viewer = served.signed_in(Role.PLANNER), served.signed_in(Role.VIEWER)
        spots = (mapped.place(*one) for one in ((20, 20), (30, 20), (30, 30)))
        corners = "\n".join(f"{lat:.7f}, {lon:.7f}" for lat, lon in spots)
        form = {"text": EVIL, "kind": "area", "places": corners, "photo_day": "2026-05-12"}
        for _ in range(2):
            assert planner.post(f"/fields/{uid}/notes", form).status_code == 303
        assert len(copy.notes.of_field(uid)) == 1, "a button pressed twice is one note"
        assert viewer.post(f"/fields/{uid}/notes", form).status_code == 403
        for wrong in ({"text": " "}, {"kind": "x"}, {"places": "a"}, {"photo_day": "mai"},
                      {"photo_day": "2099-01-01"}):  # fmt: skip
            assert planner.post(f"/fields/{uid}/notes", form | wrong).status_code == 400
        text = viewer.get(f"/fields/{uid}/map").text
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "&lt;script&gt;alert(1)" in text
        assert "12/05/2026" in text
        (told,) = viewer.get(f"/notes.geojson?field={uid}").json()["features"]
        assert told["properties"]["text"] == EVIL
        assert told["properties"]["by"] == "Người planner"
        area = shapely.geometry.shape(told["geometry"])
        half = mapped.box(20, 30, 30, 20).area / 2
        assert area.area == pytest.approx(half, rel=1e-3)
        (note,) = copy.notes.of_field(uid)
        assert viewer.post(f"/notes/{note.uid}/back", {}).status_code == 403
        other = served.signed_in(Role.PILOT)
        assert other.post(f"/notes/{note.uid}/back", {}).status_code == 403
        assert served.signed_in(Role.AGENT).post(f"/notes/{note.uid}/back", {}).status_code == 303
        assert copy.notes.of_field(uid) == ()
        assert planner.post(f"/notes/{note.uid}/back", {}).status_code == 404
        first, last = reversed(copy.notes.of_field(every=True))
        assert (first.text, last.takes_back, last.by) == (EVIL, first.uid, "Người agent")


def test_a_farms_file_refuses_to_change_or_delete_a_note(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "farm", farm_name="Trại") as new:
        new.notes.add(MapNote(field_uid="f", geometry=shapely.Point(106.5, 21.1), text="ốc",
                              by="Lan", at_utc=mapped.FIRST))  # fmt: skip
        for statement in ("DELETE FROM map_notes", "UPDATE map_notes SET remark = 'khác'"):
            with (
                pytest.raises(StoreError, match="notes are kept"),
                new.notes._database.writing() as connection,
            ):
                connection.exec_driver_sql(statement)
        assert [one.text for one in new.notes.of_field("f")] == ["ốc"]
