"""A farmer's way through the app in a real browser, at a phone's size, without a network."""

from __future__ import annotations

import filecmp
import hashlib
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agri.operations.uploads.journal import read_upload
from agri.operations.uploads.keeping import files_of, photos_of
from agri.people import Person, Role
from agri.words import Message, say
from agri.workspace import Workspace
from tests import farms
from tests.web_browser import NO_CHROMIUM, browser_page, running, settled, width_of
from tests.web_farm import HASH, KEY, SECRET, small_farm

PRESSED = "main a.button, main a.card, button, nav a, input:not([type=hidden]), select"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(NO_CHROMIUM, reason="Chromium is not installed"),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Workspace, str]]:
    with small_farm(tmp_path / "farm") as farm, running(farm) as address:
        yield farm, address


@pytest.fixture
def phone(server: tuple[Workspace, str]) -> Iterator[Any]:
    """A page of 360 × 740 that notes what goes wrong and what it asks elsewhere."""
    with browser_page(server[1]) as page:
        yield page


def large_enough(page: Any) -> list[str]:
    """What can be pressed but is smaller than a thumb needs."""
    script = """(pressed) => [...document.querySelectorAll(pressed)]
      .filter(e => e.checkVisibility())
      .map(e => [e.textContent || e.name, e.getBoundingClientRect()])
      .filter(([, box]) => box.height < 48 || box.width < 44).map(([name]) => name)"""
    return list(settled(page).evaluate(script, PRESSED))


def test_a_farm_is_set_up_and_a_field_drawn_by_tapping_on_a_phone(
    server: tuple[Workspace, str], phone: Any
) -> None:
    farm, _ = server
    phone.goto(f"/setup?key={KEY}")
    for name in ("password", "again"):
        phone.fill(f"[name={name}]", SECRET)
    phone.fill("[name=name]", "Bà Hường")
    phone.click("main button")
    phone.wait_for_selector("#map[data-ready=yes]")
    assert phone.locator("main a.card").count() == 2
    assert phone.locator("#map path").count() >= 2
    phone.click("text=Vẽ thửa ruộng")
    phone.wait_for_selector("#draw[data-ready=yes]")
    assert large_enough(phone) == []
    for x, y in ((120, 90), (260, 90), (260, 210)):
        phone.locator("#draw").click(position={"x": x, "y": y})
    assert re.fullmatch(r"Khoảng [\d.,]+ sào", phone.inner_text("#size"))
    drawn = phone.input_value("#corners")
    corner = phone.locator(".map .corner").nth(0)
    corner.drag_to(phone.locator("#draw"), target_position={"x": 60, "y": 60})
    assert phone.input_value("#corners").split("\n")[1:] == drawn.split("\n")[1:]
    assert phone.input_value("#corners") != drawn
    phone.click("#undo")
    assert phone.input_value("#corners") == drawn
    phone.fill("[name=name]", "Ruộng <b>vẽ</b>")
    phone.reload()
    phone.wait_for_selector("#draw[data-ready=yes]")
    assert phone.input_value("#corners") == drawn
    assert phone.input_value("[name=name]") == "Ruộng <b>vẽ</b>"
    assert phone.locator(".map .corner").count() == 3
    phone.click("text=Lưu thửa ruộng")
    phone.wait_for_selector("#map[data-ready=yes]")
    assert phone.inner_text("h1") == "Ruộng <b>vẽ</b>"
    drawn = farm.field("Ruộng <b>vẽ</b>")
    assert len(drawn.boundary.geoms[0].exterior.coords) == 4
    phone.goto("/fields/new")
    phone.wait_for_selector("#draw[data-ready=yes]")
    assert phone.input_value("#corners") == phone.input_value("[name=name]") == ""
    phone.go_back()
    phone.wait_for_selector("#map[data-ready=yes]")
    assert width_of(phone) == 360
    phone.click("text=English")
    phone.wait_for_selector("text=Sign out")
    assert large_enough(phone) == []
    assert phone.wrong == []


TRAIL = """places => import("/static/trail.js").then(({ trail }) => {
  const map = L.map(document.body.appendChild(document.createElement("div")))
    .setView([21.08, 106.51], 19);
  const draw = trail(map, 5);
  places.forEach((one, number) => draw([[number, ...one]]));
  const found = { bands: [], spots: [] };
  map.eachLayer(one => {
    if (one instanceof L.Circle) found.spots.push([one.getLatLng().lng, one.getRadius()]);
    else if (one.options.weight > 2) found.bands.push(one.getLatLngs().map(at => at.lng));
  });
  return found;
})"""


def test_what_is_sprayed_standing_still_is_drawn_too_and_a_swath_ends_where_it_ends(
    server: tuple[Workspace, str], phone: Any
) -> None:
    """Places of a flight as the server tells them: over a tree nothing moves while it sprays."""
    phone.goto("/sign-in")
    phone.evaluate("import('/static/vendor/leaflet-1.9.4/leaflet.js')")
    tree, start, end, metre = 106.5100, 106.5102, 106.5104, 1e-5
    flown = [
        (106.5099, 0), (tree, 1), (tree + 0.1 * metre, 0),
        (start - metre, 0), (start, 1), (start + 9 * metre, 1), (end, 0), (end + metre, 0),
    ]  # fmt: skip
    drawn = phone.evaluate(TRAIL, [[21.08, lon, wet] for lon, wet in flown])
    assert drawn["spots"] == [[tree, 2.5]]
    assert drawn["bands"] == [[tree, tree + 0.1 * metre], [start, start + 9 * metre, end]]


def test_who_changes_the_language_in_a_form_goes_on_with_what_was_typed(
    server: tuple[Workspace, str], phone: Any
) -> None:
    farm, _ = server
    owner = Person(name="An", role=Role.OWNER, password_hash=HASH, created_utc=farms.START)
    farm.people.add_first(owner)
    phone.goto("/sign-in")
    phone.fill("[name=name]", "An")
    phone.fill("[name=password]", SECRET)
    phone.click("header a[hreflang=en]")
    phone.wait_for_selector("html[lang=en]")
    assert phone.input_value("[name=name]") == "An"
    assert phone.input_value("[name=password]") == "", "a password is kept nowhere"
    phone.fill("[name=password]", SECRET)
    phone.click("main button")
    uid = farm.fields()[0].uid
    phone.goto(f"/fields/{uid}/records/new?kind=spray")
    phone.fill("[name=product]", "Thuốc <b>")
    phone.fill("[name=dose]", "18 ml/sào")
    phone.click("header a[hreflang=vi]")
    phone.wait_for_selector("html[lang=vi]")
    assert phone.url.endswith("?kind=spray"), "the same form"
    assert phone.input_value("[name=product]") == "Thuốc <b>"
    assert phone.input_value("[name=dose]") == "18 ml/sào"
    phone.goto("/prices")
    phone.goto(f"/fields/{uid}/records/new?kind=spray")
    assert phone.input_value("[name=product]") == "", "once, and nowhere else"
    assert phone.wrong == []


def test_files_are_sent_in_pieces_and_the_list_of_jobs_keeps_itself_true_on_a_phone(
    server: tuple[Workspace, str], phone: Any
) -> None:
    farm, _ = server
    owner = Person(name="An", role=Role.OWNER, password_hash=HASH, created_utc=farms.START)
    farm.people.add_first(owner)
    phone.goto("/sign-in")
    phone.fill("[name=name]", "An")
    phone.fill("[name=password]", SECRET)
    phone.click("main button")
    phone.goto("/uploads/new?purpose=boundaries")
    phone.click("main button")
    phone.wait_for_selector("#upload[data-ready=yes]")
    assert large_enough(phone) == []
    hashed = """bytes => import("/static/sha256.js").then(m =>
      m.sha256(new Uint8Array(bytes).buffer, null))"""
    for size in (0, 55, 56, 64, 1000):
        data = bytes(range(256)) * 4
        told = phone.evaluate(hashed, list(data[:size]))
        assert told == hashlib.sha256(data[:size]).hexdigest(), size
    phone.goto("/uploads/new?purpose=ortho")
    phone.click("main button")
    phone.wait_for_selector("#upload[data-ready=yes]")
    png = {"name": "bản đồ.tif", "mimeType": "image/tiff", "buffer": b"\x89PNG\r\n" + b" " * 99}
    phone.set_input_files("#files", [png])
    phone.wait_for_selector("#trouble:visible")
    said = phone.inner_text("#why")
    assert "Không nhận (1): bản đồ.tif. " in said
    assert say("page.upload_no_map", "vi") in said
    assert phone.is_disabled("#done button")
    phone.goto("/uploads/new?purpose=boundaries")
    phone.click("main button")
    phone.wait_for_selector("#upload[data-ready=yes]")
    data = b"<kml>" + b" " * 3_000_000
    file = {"name": "Ruộng/../mới.kml", "mimeType": "text/plain", "buffer": data}
    phone.set_input_files("#files", [file])
    phone.wait_for_selector("#done button:enabled")
    assert "Đã nhận đủ 1 tệp" in phone.inner_text("#said")
    phone.click("#done button")
    phone.wait_for_selector("[data-state=queued]")
    (job,) = farm.jobs.all()
    _, (path,) = files_of(farm.folder, job.asked.source)
    assert path.read_bytes() == data
    now = datetime.now(UTC)
    assert farm.jobs.claim("r", now=now) is not None
    phone.reload()
    phone.wait_for_selector("[data-state=running] progress")
    farm.jobs.fail(job.uid, "r", Message.of("error.job_memory"), now=now)
    phone.wait_for_selector("[data-state=failed]")
    assert say("error.job_memory", "vi") in phone.inner_text("main")
    assert large_enough(phone) == []
    assert width_of(phone) == 360
    assert phone.wrong == []


@pytest.mark.slow
def test_a_server_killed_while_a_phone_sends_goes_on_where_it_stopped(
    tmp_path: Path, phone: Any
) -> None:
    """The server itself, killed twice; its people sign in again in another tab."""
    file = tmp_path / "DJI_0001.JPG"
    with file.open("wb") as out:
        out.write(b"\xff\xd8\xff\xe0")
        out.truncate(120_000_000)
    with small_farm(tmp_path / "other") as farm, socket.socket() as free:
        owner = Person(name="An", role=Role.OWNER, password_hash=HASH, created_utc=farms.START)
        farm.people.add_first(owner)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    words = ["serve", "--port", str(port), "--farm", str(farm.folder)]
    code = "import sys; from agri.cli import main; sys.exit(main(sys.argv[1:]))"

    def served() -> subprocess.Popen[str]:
        program = subprocess.Popen([sys.executable, "-u", "-c", code, *words], text=True,
                                   stdout=subprocess.PIPE)  # fmt: skip
        assert program.stdout is not None
        assert any("Ctrl-C" in line for line in program.stdout)
        return program

    def sign_in(page: Any) -> None:
        page.goto(f"{base}/sign-in")
        page.fill("[name=name]", "An")
        page.fill("[name=password]", SECRET)
        page.click("main button")
        page.wait_for_selector("nav")

    server = served()
    sign_in(phone)
    phone.goto(f"{base}/uploads/new")
    phone.click("main button")
    phone.wait_for_selector("#upload[data-ready=yes]")
    phone.set_input_files("#files", str(file))
    uid = phone.url.rsplit("/", 1)[1]
    kept = 0
    for _ in range(2):
        while not (files := read_upload(farm.folder, uid).files) or files[0].kept <= kept:
            time.sleep(0.01)
        server.kill()
        server.wait()
        (one,) = read_upload(farm.folder, uid).files
        assert kept < one.kept < one.told.size
        kept = one.kept
        phone.wait_for_selector("#trouble:visible")
        server = served()
        phone.wait_for_selector("#sign-in:visible")
        sign_in(phone.context.new_page())
        phone.wait_for_selector("#sign-in", state="hidden")
    phone.wait_for_selector("#done button:enabled", timeout=120_000)
    phone.click("#done button")
    phone.wait_for_selector("[data-state]")
    server.send_signal(signal.SIGINT)
    assert server.wait(60) == 0
    _, folder = photos_of(farm.folder, uid)
    assert (folder / file.name).stat().st_size == 120_000_000
    assert filecmp.cmp(folder / file.name, file, shallow=False)
