"""Other programs read the farm: features, imagery, files; nobody writes, and no path comes in."""

from __future__ import annotations

import base64
import code
import csv
import importlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import MultiPolygon, Point, shape

from agri import audit
from agri.errors import Refused
from agri.field import Field
from agri.field_records import Harvest, Note
from agri.operations.records import enter
from agri.people import Person, ReadToken, Role
from agri.web.open_document import PATHS, document
from agri.web.read_tokens import digest_of, fresh_token
from agri.web.rights import RIGHTS, for_machines
from agri.workspace import Workspace
from agri.workspace.peoplebook import MOST_TOKENS
from imagery import catalogue
from imagery.trees.passport import Passport, Register, Visit, register_text
from tests import farms
from tests.sizes import of_full
from tests.test_field_report import listed_index
from tests.web_browser import NO_CHROMIUM, browser_page, running, settled, width_of
from tests.web_farm import BASE, HASH, SECRET, Browser, Served

NAME = "=Vườn; <b>"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("open") / "farm"
    with Workspace.create(folder, farm_name="Trại") as farm:
        far = Field(name="Xa", boundary=MultiPolygon([farms.box(0.5)]), crop="lúa")
        farm.add_fields([Field(name=NAME, boundary=MultiPolygon([farms.box()]), crop="vải"), far])
        farm.add_obstacles(farms.OBSTACLES)
        for day in range(4):
            plan = farm.save_plan(
                farms.plan(name=f"P{day}", created_utc=farms.START + timedelta(days=day)), "{}"
            )
        flight = farm.save_flight(farms.flight(), mission_uid=plan.uid)
        farm.save_applied(flight, farms.applied(flight.uid))
        farm.records.add_many([
            enter(farm, Harvest(day=date(2026, 5, 20), field=NAME, mass_kg=46.5, remark="-2+3")),
            enter(farm, Note(day=date(2026, 6, 1), text="@SUM(A1)")),
        ])  # fmt: skip
        listed_index(farm, "ndvi-1", 2, 0.3)
        seen = Visit(flight="1", seen=True, middle=(656_010.0, 2_331_990.0), height_m=4.0)
        trees = tuple(
            Passport(name=f"01-0{n}", row=1, place=n, spot=(656_000.0 + 5 * n, 2_331_990.0),
                     visits=(seen,)) for n in (1, 2)
        )  # fmt: skip
        book = Register(passports=trees, epsg=32648, spacing_m=(6.0, 5.0))
        (folder / "maps" / "vuon-trees.json").write_text(register_text(book), "utf-8")
        yield Served(farm)


@pytest.fixture(scope="module")
def viewer(served: Served) -> Browser:
    return served.signed_in(Role.VIEWER)


def read(viewer: Browser, path: str) -> dict[str, Any]:
    answer = viewer.get(path)
    assert answer.status_code == 200, (path, answer.text)
    return dict(answer.json())


def keys(viewer: Browser, path: str) -> list[str]:
    return [one["id"] for one in read(viewer, path)["features"]]


# ------------------------------------------------------------------ features


def test_every_link_of_the_farms_pages_for_programs_leads_somewhere(viewer: Browser) -> None:
    waiting, seen = ["/api/", "/stac/"], set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = viewer.get(path)
        assert answer.status_code == 200, path
        kind = answer.headers["content-type"]
        if "json" not in kind:
            continue
        found = re.findall(r'"href":"([^"]+)"', answer.text)
        assert all(href.startswith(BASE) for href in found), path
        waiting += [href.removeprefix(BASE) for href in found]
    assert len(seen) > 30
    assert {"/stac/assets/ndvi-1/data", "/stac/collections/index/items/ndvi-1"} <= seen


def test_items_are_the_farms_things_with_their_keys_and_places(
    served: Served, viewer: Browser
) -> None:
    items = read(viewer, "/api/collections/fields/items")
    assert items["numberMatched"] == items["numberReturned"] == 2
    for told, field in zip(items["features"], served.farm.fields(), strict=True):
        assert told["id"] == field.uid
        assert told["properties"]["name"] == field.name
        assert shape(told["geometry"]).equals_exact(field.boundary, 1e-8)
    one = read(viewer, f"/api/collections/fields/items/{served.farm.fields()[0].uid}")
    assert one["properties"] == items["features"][0]["properties"]
    trees = read(viewer, "/api/collections/trees/items")["features"]
    assert [tree["properties"]["tree"] for tree in trees] == ["01-01", "01-02"]
    assert Point(trees[0]["geometry"]["coordinates"]).distance(Point(106.503, 21.08)) < 0.05
    assert trees[0]["properties"]["area_m2"] is None
    records = read(viewer, "/api/collections/records/items")["features"]
    assert [one["properties"]["kind"] for one in records] == ["harvest", "note"]
    assert records[1]["geometry"] is None
    names = ("flights", "plans", "applied")
    text = "".join(viewer.get(f"/api/collections/{name}/items").text for name in names)
    assert "flights/2026" not in text
    assert "plans/" not in text.replace("collections/plans/", "")


def test_a_box_a_period_and_pages_choose_the_items(viewer: Browser) -> None:
    fields, plans = "/api/collections/fields/items", "/api/collections/plans/items"
    near = f"{farms.LON - 0.01},{farms.LAT - 0.01},{farms.LON + 0.01},{farms.LAT + 0.01}"
    assert len(keys(viewer, f"{fields}?bbox={near}")) == 1
    assert len(keys(viewer, f"{fields}?bbox=170,-10,-170,10")) == 0
    assert len(keys(viewer, f"{fields}?bbox=100,0,-170,60")) == 2
    assert len(keys(viewer, f"{fields}?bbox=100,0,-5,110,60,5")) == 2
    assert len(keys(viewer, f"{fields}?datetime=1999-01-01")) == 2
    for period, count in (
        ("2026-11-22", 1), ("2026-11-23/..", 3), ("../2026-11-23", 2), ("2026-11-23/2026-11-24", 2),
        ("2026-11-22T07:30:00Z", 1), ("2030-01-01/..", 0),
    ):  # fmt: skip
        assert len(keys(viewer, f"{plans}?datetime={period}")) == count, period
    every, path = [], f"{plans}?limit=3"
    while path:
        page = read(viewer, path)
        every += [one["id"] for one in page["features"]]
        onward = [one["href"] for one in page["links"] if one["rel"] == "next"]
        path = onward[0].removeprefix(BASE) if onward else ""
    assert len(every) == len(set(every)) == 4


@pytest.mark.parametrize("query", [
    "bbox=1,2,3", "bbox=a,b,c,d", "bbox=0,10,1,5", "bbox=nan,0,1,1", "bbox=0,0,1e300,1",
    "limit=0", "limit=-1", "limit=x", "limit=1e2", "limit=²", "offset=-1", "offset=99999999999",
    "datetime=yesterday", "datetime=2026-13-01", "datetime=a/b/c", "datetime=2026-02-01/2026-01-01",
])  # fmt: skip
def test_what_is_asked_wrongly_is_told_by_its_name(viewer: Browser, query: str) -> None:
    for path in ("/api/collections/plans/items", "/stac/collections/index/items"):
        answer = viewer.get(f"{path}?{query}")
        assert answer.status_code == 400, query
        told = answer.json()
        assert told["code"] == "400"
        assert query.partition("=")[0] in told["description"]


def test_strangers_are_told_401_and_what_is_not_there_404_in_json(
    served: Served, viewer: Browser
) -> None:
    stranger = served.browser()
    for method, path in RIGHTS:
        if not for_machines(path):
            continue
        assert method == "GET"
        asked = re.sub(r"\{[a-z_]+\}", "fields", path)
        answer = stranger.get(asked)
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json()["code"] == "401"
    for path in (
        "/api/collections/people", "/api/collections/agri_people/items", "/api/x", "/stac/x",
        "/api/collections/fields/items/none", "/stac/collections/index/items/none",
        "/stac/collections/trees", "/stac/assets/ndvi-1/file00001", "/stac/assets/none/data",
        "/stac/assets/..%2f..%2ffarm.gpkg/data", "/stac/assets/ndvi-1/..%2f..%2ffarm.gpkg",
        "/download/agri_people.csv", "/download/fields.exe", "/download/missions.csv",
    ):  # fmt: skip
        answer = viewer.get(path)
        assert answer.status_code == 404, path
        assert b"SQLite" not in answer.content
        if for_machines(path):
            assert answer.json()["code"] == "404"
    assert viewer.http.post("/api/", headers={"origin": BASE}).status_code == 405


# ------------------------------------------------------------------ tokens


def test_a_token_reads_open_data_and_nothing_else_until_it_is_revoked(served: Served) -> None:
    owner = served.signed_in(Role.OWNER)
    assert owner.post("/account/tokens", {"name": " "}).status_code == 400
    shown = owner.post("/account/tokens", {"name": "QGIS <b>"})
    (token,) = re.findall(r"<code class=\"secret\">(agri_[A-Za-z0-9_-]{43})</code>", shown.text)
    again = owner.get("/account").text
    assert token not in again
    assert "QGIS &lt;b&gt;" in again
    kept = (served.farm.folder / "farm.gpkg").read_bytes() + (
        served.farm.folder / audit.FILE).read_bytes()  # fmt: skip
    assert token.encode() not in kept
    basic = base64.b64encode(f"ai cũng được:{token}".encode()).decode()
    program = served.browser()
    for told in (f"Bearer {token}", f"bearer {token}", f"Basic {basic}"):
        for path in ("/api/", "/api/collections/fields/items", "/stac/assets/ndvi-1/data"):
            assert program.get(path, authorization=told).status_code == 200, (told, path)
        for path in ("/", "/people", "/fields.geojson", "/download/fields.csv", "/account"):
            assert program.get(path, authorization=told).status_code == 303, path
        order = program.http.post("/people", headers={"origin": BASE, "authorization": told},
                                  data={"name": "x"})  # fmt: skip
        assert order.status_code == 401
    for wrong in ("", "Bearer", f"Bearer {token}x", f"Bearer {token[:-1]}", f"Digest {token}",
                  "Basic %%%", f"Bearer {digest_of(token)}", "Basic " + "A" * 4000):  # fmt: skip
        assert program.get("/api/", authorization=wrong).status_code == 401, wrong
    viewer, (mine,) = served.signed_in(Role.VIEWER), re.findall(r"/account/tokens/([^/]+)/", again)
    assert viewer.post(f"/account/tokens/{mine}/remove", {}).status_code == 404
    assert program.get("/api/", authorization=f"Bearer {token}").status_code == 200
    assert owner.post(f"/account/tokens/{mine}/remove", {}).status_code == 303
    assert program.get("/api/", authorization=f"Bearer {token}").status_code == 401


def test_the_tokens_of_somebody_who_is_taken_out_open_nothing(served: Served) -> None:
    people = served.farm.people
    person = people.add(Person(name="Bình", role=Role.AGENT, password_hash=HASH,
                               created_utc=farms.START))  # fmt: skip
    told = ReadToken(person_uid=person.uid, name="x", digest=digest_of("agri_y"),
                     created_utc=farms.START)  # fmt: skip
    stored = people.add_token(told)
    assert people.tokens(person.uid) == (stored,)
    assert people.with_token(told.digest) == person
    for _ in range(MOST_TOKENS - 1):
        people.add_token(replace(told, digest=digest_of(fresh_token())))
    with pytest.raises(Refused):
        people.add_token(replace(told, digest=digest_of(fresh_token())))
    people.remove(person.uid)
    assert people.with_token(told.digest) is None
    assert people.tokens(person.uid) == ()


# ------------------------------------------------------------------ imagery


def test_the_catalogue_is_stac_that_its_own_library_reads(served: Served, viewer: Browser) -> None:
    pystac = pytest.importorskip("pystac")
    root = pystac.Catalog.from_dict(read(viewer, "/stac/"))
    assert root.id == "imagery"
    kept = pystac.Collection.from_dict(read(viewer, "/stac/collections/index"))
    (item,) = read(viewer, "/stac/collections/index/items")["features"]
    told = pystac.Item.from_dict(item)
    assert told.collection_id == kept.id == "index"
    west, south, east, north = kept.extent.spatial.bboxes[0]
    assert west <= told.bbox[0] < told.bbox[2] <= east
    assert south <= told.bbox[1] < told.bbox[3] <= north
    href = told.assets["data"].href.removeprefix(BASE)
    whole = (served.farm.folder / "maps" / "ndvi-1.tif").read_bytes()
    answer = viewer.get(href)
    assert answer.content == whole
    assert answer.headers["content-type"] == "image/tiff; application=geotiff"
    part = viewer.get(href, range="bytes=10-19")
    assert (part.status_code, part.content) == (206, whole[10:20])
    assert told.assets["data"].extra_fields["file:size"] == len(whole)


def test_a_file_that_left_the_farm_is_not_given_away(
    served: Served, viewer: Browser, tmp_path: Path
) -> None:
    there = served.farm.folder / "imagery" / "ndvi-1" / "ndvi-1.json"
    kept = there.read_text("utf-8")
    for name in ("../../../../etc/passwd", "/etc/passwd", "maps/../farm.gpkg"):
        there.write_text(kept.replace("maps/ndvi-1.tif", name), "utf-8")
        answer = viewer.get("/stac/assets/ndvi-1/data")
        assert answer.status_code in (400, 404), name
        assert b"root:" not in answer.content
        assert b"SQLite" not in answer.content
    there.write_text(kept, "utf-8")
    assert catalogue.check(served.farm.folder) == ()


# ------------------------------------------------------------------ files and notebooks


class Prompt(code.InteractiveConsole):
    """Python's own prompt, which stops at the first fault."""

    def write(self, data: str) -> None:
        """Take what the prompt would complain of."""
        raise AssertionError(data)


def pasted(lines: str) -> dict[str, Any]:
    """What is there after lines were pasted into a fresh Python, one after the other."""
    scope: dict[str, Any] = {}
    prompt = Prompt(scope)
    for line in (*lines.split("\n"), ""):
        prompt.push(line)
    return scope


@pytest.mark.skipif(NO_CHROMIUM, reason="chromium is not installed")
def test_on_a_phone_no_line_of_a_snippet_is_cut(served: Served) -> None:
    served.signed_in(Role.VIEWER)
    with running(served.farm) as address, browser_page(address) as page:
        page.goto("/sign-in")
        page.fill("[name=name]", f"Người {Role.VIEWER.value}")
        page.fill("[name=password]", SECRET)
        page.click("main form button")
        settled(page).goto("/downloads")
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        boxes = page.evaluate(
            "[...document.querySelectorAll('.snippet')]"
            ".map(one => [one.scrollWidth, one.clientWidth])"
        )
        assert len(boxes) == 11 * 4 + 4 + 1
        assert all(0 < whole <= shown for whole, shown in boxes)
        assert width_of(page) == 360


def test_lines_copied_from_the_page_open_every_file_that_was_downloaded(
    viewer: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import html

    page = viewer.get("/downloads").text
    monkeypatch.chdir(tmp_path)
    found = re.findall(r'<pre class="snippet" data-file="([^"]+)">(.*?)</pre>', page, re.S)
    addresses = dict(re.findall(r'href="([^"]+)" download="([^"]+)"', page))
    assert len(found) == len(addresses) == 11 * 4 + 4 + 1
    for address, file in addresses.items():
        if not re.match(r"fields|records|trees|applied|track|ndvi", file):
            continue
        answer = viewer.get(address)
        assert answer.status_code == 200, address
        (tmp_path / file).write_bytes(answer.content)
        lines = html.unescape(dict(found)[file])
        scope = pasted(lines)
        if file.endswith(".tif"):
            assert scope["values"].max() == pytest.approx(0.7)
            continue
        table = scope["table"]
        assert table.crs.to_epsg() == 4326, file
        count = {"fields": 2, "records": 2, "trees": 2, "applied": 1, "track": 20}
        assert len(table) == count[re.match("[a-z]+", file)[0]], file  # type: ignore[index]
        assert "uid" in table.columns
        if file.startswith("fields"):
            guard = "'" if file.endswith("csv") else ""
            assert table["name"].tolist() == [guard + NAME, "Xa"]


def test_a_spreadsheet_takes_no_cell_of_a_table_for_a_formula(viewer: Browser) -> None:
    for name in ("fields", "records"):
        text = viewer.get(f"/download/{name}.csv").content.decode("utf-8-sig")
        cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
        assert not [cell for cell in cells if cell[:1] in "=+-@\t\r" and cell], name
    assert "'@SUM(A1)" in text
    assert "'-2+3" in text


# ------------------------------------------------------------------ the document


def test_the_document_tells_of_exactly_what_there_is(viewer: Browser) -> None:
    told = read(viewer, "/api/openapi.json")
    there = {path for method, path in RIGHTS if method == "GET" and for_machines(path)}
    there -= {"/api", "/stac"}  # the same without a slash
    assert viewer.get("/api").text == viewer.get("/api/").text
    assert set(told["paths"]) == there == {row[0] for row in PATHS}
    assert told["openapi"] == "3.0.3"
    assert json.dumps(document("", "en")["paths"]).count("page.open") == 0
    page = viewer.get("/api/docs").text
    for path in there:
        assert f"GET {path}" in page
    assert not re.search(r'<script(?! type="module" src="/static/)|<style', page)


def fuzzed(served: Served, viewer: Browser, most: int) -> int:
    """Ask for whatever the document allows, and hold every answer against it."""
    schemathesis = pytest.importorskip("schemathesis")
    hypothesis = pytest.importorskip("hypothesis")
    looks = importlib.import_module("schemathesis.checks")
    openapi = importlib.import_module("schemathesis.specs.openapi.checks")
    checks = [looks.not_a_server_error, openapi.status_code_conformance,
              openapi.content_type_conformance, openapi.response_schema_conformance]  # fmt: skip
    asked = 0
    for result in schemathesis.openapi.from_dict(document("", "en")).get_all_operations():

        @hypothesis.settings(max_examples=most, deadline=None, database=None,
                             phases=[hypothesis.Phase.generate],
                             suppress_health_check=list(hypothesis.HealthCheck))  # fmt: skip
        @hypothesis.given(case=result.ok().as_strategy())
        def ask(case: Any) -> None:
            nonlocal asked
            asked += 1
            if asked % 200 == 0:
                served.clock.now_s += 61.0
            told = case.as_transport_kwargs(base_url=BASE)
            answer = viewer.http.request(told["method"], told["url"], params=told.get("params"))
            assert answer.status_code in (200, 400, 404), (told, answer.text)
            case.validate_response(answer, checks=checks)

        ask()
    return asked


def test_whatever_the_document_allows_is_answered_without_a_fault(
    served: Served, viewer: Browser
) -> None:
    assert fuzzed(served, viewer, 2) >= 15


@pytest.mark.slow
def test_two_thousand_requests_of_the_document_meet_no_fault(
    served: Served, viewer: Browser, record_property
) -> None:
    asked = fuzzed(served, viewer, of_full(500, at_least=20))
    record_property("requests_of_the_document", asked)
    assert asked >= of_full(2000)
