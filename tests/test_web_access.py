"""Every page that can be reached is read by axe-core, on a phone and on a laptop.

Both sizes in both languages; in a hurry, the phone's in Vietnamese. The pages are found by
following links from the first one, so a page that is new is read too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import rasterio
import shapely
from rasterio.warp import transform_bounds
from shapely.geometry import MultiPolygon

from agri.field import Field
from agri.findings import Finding
from agri.jobs import Asked, Kind, Result
from agri.operations.uploads.keeping import take
from agri.people import Role
from agri.web.rights import RIGHTS
from agri.workspace import Workspace
from tests import farms
from tests.test_uploads import JPEG, begun, piece
from tests.test_web_tiles import index_values, listed
from tests.web_browser import NO_CHROMIUM, browser_page, running, settled, width_of
from tests.web_farm import SECRET, Browser, Served, small_farm

SURVEY = {"camera": "MicaSense RedEdge-P multispectral", "gsd_cm": "3", "aircraft": ""}
GRAVE = {"serious", "critical"}
PAGE_LINK = r'<a (?![^>]*(?:\.pdf"| download="))[^>]*href="(/[^"#]*)'
"""A link to a page; files to download are none."""
LEAVES = {"/fields/{uid}/report", "/flights/{uid}/applied", "/api/docs"}
"""Pages that lead nowhere new, and take long: one of each is enough."""
pytestmark = [pytest.mark.browser, pytest.mark.skipif(NO_CHROMIUM, reason="no Chromium here")]


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A farm that has one of everything."""
    folder = tmp_path_factory.mktemp("access") / "farm"
    with small_farm(folder) as made:
        owner = Served(made).signed_in(Role.OWNER)
        field = made.fields()[1]
        assert owner.post(f"/fields/{field.uid}/survey", SURVEY).status_code == 303
        plan = made.plans()[0]
        flight = made.save_flight(
            farms.flight(plan_name=plan.name, plan_digest=plan.digest), mission_uid=plan.uid
        )
        made.save_applied(flight, farms.applied(flight.uid))
        done = made.jobs.ask(Asked(kind=Kind.PHOTOS), by="An", language="vi", now=farms.START)
        made.jobs.claim("r", now=farms.START)
        damaged = Finding.warning("finding.photo_damaged", where="a.jpg")
        made.jobs.finish(done.uid, "r", Result(findings=(damaged,)), now=farms.START)
        made.jobs.ask(Asked(kind=Kind.TREES), by="An", language="vi", now=farms.START)
        take(made.folder, begun(made.folder), piece(JPEG, 0, 1000))
        for name in ("west-ndvi", "west-ndvi-later"):
            listed(made, name, index_values(), "NDVI", "index")
        over = shapely.box(*bounds_of(made))
        made.add_fields([Field(name="Vườn tây", boundary=MultiPolygon([over]), crop="vải")])
        yield made


def bounds_of(farm: Workspace) -> tuple[float, float, float, float]:
    """The raster's corner in degrees."""
    with rasterio.open(farm.folder / "maps" / "west-ndvi.tif") as raster:
        return transform_bounds(raster.crs, "EPSG:4326", *raster.bounds)


def route_of(path: str) -> str:
    """The route that answers a path, "" for none."""
    for method, route in RIGHTS:
        shape = re.sub(r"\\{\w+:path\\}", ".+", re.escape(route))
        if method == "GET" and re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", shape), path):
            return route
    return ""


def reachable(browser: Browser) -> dict[str, str]:
    """One address of every route whose page can be reached by following links."""
    found: dict[str, str] = {}
    waiting, seen = ["/"], {"/"}
    while waiting:
        path = waiting.pop()
        route = route_of(path.partition("?")[0])
        if (
            not route
            or route.startswith(("/static", "/language"))
            or route in LEAVES & found.keys()
        ):
            continue
        answer = browser.get(path)
        if answer.headers.get("content-type", "").startswith("text/html"):
            found.setdefault(route, path)
            links = set(re.findall(PAGE_LINK, answer.text)) - seen
            seen |= links
            waiting += sorted(links)
    return found


def grave(page: Any) -> list[str]:
    """What axe-core finds serious or critical on a page."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    told = axe.run(settled(page)).response["violations"]
    return [f"{one['id']}: {node['html'][:160]}" for one in told if one["impact"] in GRAVE
            for node in one["nodes"]]  # fmt: skip


@pytest.mark.parametrize(
    ("width", "height", "language"),
    [
        (360, 740, "vi"),
        pytest.param(1280, 800, "en", marks=pytest.mark.slow),
        pytest.param(360, 740, "en", marks=pytest.mark.slow),
        pytest.param(1280, 800, "vi", marks=pytest.mark.slow),
    ],
)
def test_no_page_has_a_serious_fault_for_people_who_see_or_move_less_well(
    farm: Workspace, width: int, height: int, language: str
) -> None:
    served = Served(farm)
    paths = reachable(served.signed_in(Role.OWNER))
    assert {
        "/",
        "/fields/{uid}",
        "/plans/{uid}",
        "/maps/{name}",
        "/fields/{uid}/dates",
    } <= paths.keys()
    faults: dict[str, list[str]] = {}
    with running(farm) as address, browser_page(address, width=width, height=height) as page:
        page.goto(f"/language/{language}?to=/")
        page.goto("/sign-in")
        faults["/sign-in"] = grave(page)
        page.fill("[name=name]", f"Người {Role.OWNER.value}")
        page.fill("[name=password]", SECRET)
        page.click("main button")
        for route, path in paths.items():
            page.goto(path)
            assert page.locator("html").get_attribute("lang") == language, path
            assert width_of(page) <= width, path
            faults[route] = grave(page)
        assert page.wrong == []
    assert {path: told for path, told in faults.items() if told} == {}
