"""The app lets in whom it should, and nobody else gets anything done."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

import pytest

from agri import audit
from agri.errors import Refused
from agri.people import Person, Power, Role
from agri.web.gate import LARGEST_BODY, MOST_COMMANDS, MOST_REQUESTS
from agri.web.patience import FIRST_S, FREE, FREE_ADDRESS
from agri.web.rights import RIGHTS, for_machines
from agri.web.sessions import LONGEST_S
from agri.workspace import Workspace
from tests import farms
from tests.web_farm import BASE, HASH, KEY, SECRET, Browser, Served, small_farm

EVERYBODY = (None, *Role)
WRITES_ITSELF = {("POST", "/setup"), ("POST", "/sign-in")}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "farm"
    small_farm(folder).close()
    return folder


@pytest.fixture
def farm(tmp_path: Path, made: Path) -> Iterator[Workspace]:
    shutil.copytree(made, tmp_path / "farm")
    with Workspace.open(tmp_path / "farm") as copy:
        yield copy


@pytest.fixture
def served(farm: Workspace) -> Served:
    return Served(farm)


def filled(path: str) -> str:
    """A path with something in its places that is not there."""
    return re.sub(r"\{[a-z_]+(:path)?\}", "none", path)


def kinds(farm: Workspace) -> list[str]:
    return [entry.kind for entry in audit.verify(farm.folder).entries]


# ------------------------------------------------------------------ who may


def test_every_command_is_written_down_and_no_page_is() -> None:
    for (method, path), right in RIGHTS.items():
        written = bool(right.kind) or (method, path) in WRITES_ITSELF or right.piece
        assert written == (method != "GET"), (method, path)
        assert not {"password", "again", "old", "key"} & set(right.told)


def test_a_page_for_everybody_shows_nothing_of_the_farm() -> None:
    public = {path for (_, path), right in RIGHTS.items() if right.power is None}
    assert public == {
        "/setup", "/sign-in", "/language/{language}", "/static/{name:path}", "/farms",
        "/farms/{key}", "/worker.js", "/unreachable",
    }  # fmt: skip


def test_every_route_asks_every_role_for_its_right_and_refuses_by_default(served: Served) -> None:
    browsers = {role: served.signed_in(role) for role in Role} | {None: served.browser()}
    tokens = {role: browsers[role].token("/account" if role else "/sign-in") for role in EVERYBODY}
    for (method, path), right in RIGHTS.items():
        served.clock.now_s += 2.0
        if right.power is None or path in ("/sign-out", "/account"):
            continue
        for role in EVERYBODY:
            http = browsers[role].http
            asked = filled(path)
            if method == "GET":
                status = http.get(asked).status_code
            else:
                fields = {"form_token": tokens[role]}
                headers = {"origin": BASE, "x-form-token": tokens[role]}
                status = http.post(asked, data=fields, headers=headers).status_code
            told = (method, path, role, status)
            if role is None:
                page = method == "GET" and not for_machines(path)
                assert status == (303 if page else 401), told
            elif right.allows(role):
                assert status in (200, 303, 400, 404), told
            else:
                assert status == 403, told


def test_no_method_and_no_path_beside_the_table_is_answered(served: Served) -> None:
    owner = served.signed_in(Role.OWNER)
    for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        assert owner.http.request(method, "/", headers={"origin": BASE}).status_code >= 400
    for path in ("/docs", "/openapi.json", "/redoc", "/static", "/admin", "/plans/"):
        assert owner.get(path).status_code == 404, path


def test_each_role_has_the_powers_it_is_said_to_have() -> None:
    assert {role: len(role.powers) for role in Role} == {
        Role.VIEWER: 1, Role.PLANNER: 2, Role.AGENT: 3, Role.PILOT: 3, Role.OWNER: 5,
    }  # fmt: skip
    assert [role for role in Role if Power.FLY in role.powers] == [Role.PILOT, Role.OWNER]
    assert [role for role in Role if Power.RULE in role.powers] == [Role.OWNER]


# ------------------------------------------------------------------ set-up and signing in


def owner_form(**changes: str) -> dict[str, str]:
    return {"key": KEY, "name": "An", "password": SECRET, "again": SECRET, **changes}


def test_a_farm_is_set_up_once_by_who_reads_the_key_on_the_computer_itself(served: Served) -> None:
    browser = served.browser()
    assert browser.get("/").headers["location"] == "/setup"
    away = served.browser(address="192.168.1.7")
    assert away.get("/setup").status_code == 403
    wrong = browser.post("/setup", owner_form(key="abcd-efgh-jkmm"), seen="/setup")
    assert wrong.status_code == 400
    assert browser.post("/setup", owner_form(again="khác hẳn"), seen="/setup").status_code == 400
    assert browser.post("/setup", owner_form(password="ngắn", again="ngắn"),
                        seen="/setup").status_code == 400  # fmt: skip
    assert served.farm.people.all() == ()
    done = browser.post("/setup", owner_form(), seen="/setup")
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert browser.get("/").status_code == 200
    (owner,) = served.farm.people.all()
    assert (owner.name, owner.role) == ("An", Role.OWNER)
    assert SECRET not in owner.password_hash
    assert kinds(served.farm) == ["owner_set"]
    other = served.browser()
    assert other.get("/setup").headers["location"] == "/sign-in"
    again = other.post("/setup", owner_form(name="Bình"), seen="/sign-in")
    assert again.status_code == 409
    assert len(served.farm.people.all()) == 1


def test_signing_in_gives_a_new_cookie_that_scripts_and_other_sites_do_not_see(
    served: Served,
) -> None:
    served.signed_in(Role.VIEWER)
    browser = served.browser()
    before = browser.get("/sign-in").headers["set-cookie"]
    answer = browser.post("/sign-in", {"name": "người VIEWER", "password": SECRET}, seen="/sign-in")
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert "agri-8000=" in cookie
    for part in ("HttpOnly", "SameSite=strict", "Path=/"):
        assert part in cookie
        assert part in before
    assert browser.get("/").status_code == 200
    assert browser.post("/sign-out", {}).status_code == 303
    assert browser.get("/").headers["location"] == "/sign-in"


def test_what_a_page_left_behind_still_asks_for_does_not_shut_the_form_that_followed_it(
    served: Served,
) -> None:
    """A script whose session is over is led to the form, and may be answered after it."""
    served.signed_in(Role.VIEWER)
    browser = served.browser()
    token = browser.token("/sign-in")
    kept = dict(browser.http.cookies)
    for asked, path in (("*/*", "/jobs.json"), ("*/*", "/sign-in"), ("image/*", "/sign-in")):
        stray = served.browser().http.get(path, headers={"accept": asked}, follow_redirects=True)
        assert stray.history == [] or stray.history[0].status_code == 303
        browser.http.cookies.update(stray.cookies)
        assert "set-cookie" not in stray.headers
    assert dict(browser.http.cookies) == kept
    form = {"form_token": token, "name": "Người viewer", "password": SECRET}
    assert browser.http.post("/sign-in", data=form, headers={"origin": BASE}).status_code == 303


def test_an_unknown_name_and_a_wrong_password_get_the_same_answer(served: Served) -> None:
    served.signed_in(Role.VIEWER)
    browser = served.browser()
    answers = [
        browser.post("/sign-in", {"name": name, "password": "x" * 9}, seen="/sign-in")
        for name in ("Người viewer", "Không có ai")
    ]
    assert [answer.status_code for answer in answers] == [403, 403]
    shown = [re.search(r'role="alert".*?</p>', answer.text, re.S) for answer in answers]
    assert shown[0] is not None
    assert shown[1] is not None
    assert shown[0][0] == shown[1][0]


def test_who_tries_too_often_waits_longer_each_time_even_with_the_right_password(
    served: Served,
) -> None:
    served.signed_in(Role.OWNER)
    browser = served.browser()
    name = "Người owner"

    def attempt(password: str) -> int:
        form = {"name": name, "password": password}
        return int(browser.post("/sign-in", form, seen="/sign-in").status_code)

    assert [attempt("sai sai sai") for _ in range(FREE)] == [403] * FREE
    assert attempt(SECRET) == 429
    served.clock.now_s += FIRST_S + 1
    assert attempt("sai sai sai") == 403
    served.clock.now_s += FIRST_S + 1
    assert attempt(SECRET) == 429
    served.clock.now_s += FIRST_S + 1
    assert attempt(SECRET) == 303
    assert attempt("sai sai sai") == 403


def test_right_passwords_keep_nobody_waiting_and_buy_no_tries_of_others(served: Served) -> None:
    """An owner, signed out after each rest, signs in more often than `FREE_ADDRESS` in a day."""
    served.signed_in(Role.OWNER)
    browser = served.browser()

    def attempt(name: str, password: str) -> int:
        form = {"name": name, "password": password}
        return int(browser.post("/sign-in", form, seen="/sign-in").status_code)

    right = ("Người owner", SECRET)
    assert {attempt(*right) for _ in range(2 * FREE_ADDRESS)} == {303}
    wrong = [attempt(f"Ai đó {nth}", "sai sai sai") for nth in range(FREE_ADDRESS)]
    assert wrong == [403] * FREE_ADDRESS
    assert attempt(*right) == 429


def test_a_stranger_who_tries_without_end_keeps_nobody_out_of_the_computer_itself(
    served: Served,
) -> None:
    served.signed_in(Role.OWNER)
    name = "Người owner"
    for last in range(1, 3 * FREE):
        stranger = served.browser(address=f"192.168.1.{last}")
        form = {"name": name, "password": "sai sai sai"}
        stranger.post("/sign-in", form, seen="/sign-in")
    form = {"name": name, "password": SECRET}
    phone = served.browser(address="192.168.1.200")
    assert phone.post("/sign-in", form, seen="/sign-in").status_code == 429
    assert served.browser().post("/sign-in", form, seen="/sign-in").status_code == 303


def test_of_many_who_set_a_farm_up_at_once_one_becomes_its_owner(farm: Workspace) -> None:
    def attempt(number: int) -> bool:
        person = Person(
            name=f"Người {number}", role=Role.OWNER, password_hash=HASH, created_utc=farms.START
        )
        with suppress(Refused):
            return farm.people.add_first(person) is not None
        return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 1
    assert len(farm.people.all()) == 1


@pytest.mark.parametrize(
    ("role", "idle_s"), [(Role.PILOT, 900), (Role.OWNER, 900), (Role.AGENT, 8 * 3600)]
)
def test_a_session_ends_when_nobody_is_seen_for_as_long_as_the_role_says(
    served: Served, role: Role, idle_s: int
) -> None:
    browser = served.signed_in(role)
    for _ in range(2):
        served.clock.now_s += idle_s - 1
        assert browser.get("/").status_code == (200 if served.clock.now_s < LONGEST_S else 303)
    served.clock.now_s += idle_s + 1
    assert browser.get("/").headers["location"] == "/sign-in"
    assert browser.get("/plans").status_code == 303


def test_no_session_outlives_a_working_day(served: Served) -> None:
    browser = served.signed_in(Role.OWNER)
    for _ in range(int(LONGEST_S / 600)):
        served.clock.now_s += 600
        assert browser.get("/flights").status_code == 200
    served.clock.now_s += 600
    assert browser.get("/flights").status_code == 303


def test_a_server_that_starts_knows_nobody(served: Served, farm: Workspace) -> None:
    browser = served.signed_in(Role.OWNER)
    restarted = Browser(Served(farm).app)
    restarted.http.client.cookies = browser.http.cookies
    assert restarted.get("/").status_code == 303


def test_whoever_is_taken_out_or_changed_is_signed_out_at_once(served: Served) -> None:
    owner, planner = served.signed_in(Role.OWNER), served.signed_in(Role.PLANNER)
    viewer = served.signed_in(Role.VIEWER)
    uids = {person.role: person.uid for person in served.farm.people.all()}
    changed = owner.post(f"/people/{uids[Role.PLANNER]}/role", {"role": "pilot"})
    assert changed.status_code == 303
    assert owner.post(f"/people/{uids[Role.VIEWER]}/remove", {}).status_code == 303
    assert planner.get("/").status_code == 303
    assert viewer.get("/").status_code == 303
    assert {person.role for person in served.farm.people.all()} == {Role.OWNER, Role.PILOT}
    for path, form in (("role", {"role": "viewer"}), ("remove", {})):
        last = owner.post(f"/people/{uids[Role.OWNER]}/{path}", form)
        assert last.status_code == 400
    assert served.farm.people.with_key(uids[Role.OWNER]).role is Role.OWNER  # type: ignore[union-attr]


def test_a_password_is_changed_by_who_knows_the_old_one(served: Served) -> None:
    browser, phone = served.signed_in(Role.PILOT), served.signed_in(Role.PILOT)
    new = {"password": "mật khẩu mới", "again": "mật khẩu mới"}
    assert browser.post("/account", {"old": "sai sai sai", **new}).status_code == 400
    assert browser.post("/account", {"old": SECRET, **new}).status_code == 303
    assert browser.get("/").status_code == 200
    assert phone.get("/").status_code == 303
    again = served.browser()
    form = {"name": "Người pilot", "password": "mật khẩu mới"}
    assert again.post("/sign-in", form, seen="/sign-in").status_code == 303


# ------------------------------------------------------------------ other sites


STRANGE_HOSTS = (
    "evil.example", "127.0.0.1.evil.example", "localhost.evil", "", "127.0.0.1:80:80", "[::1",
    "[::1]x", "127.0.0.1:x", "192.168.1.7", "127.0.0.1@evil.example",
)  # fmt: skip


def test_a_name_that_is_not_ours_is_not_answered(served: Served) -> None:
    owner = served.signed_in(Role.OWNER)
    for host in STRANGE_HOSTS:
        answer = owner.get("/", host=host)
        assert answer.status_code == 421, host
        assert "Trại" not in answer.text


STRANGE_ORIGINS = (
    "", "null", "http://evil.example", "https://127.0.0.1:8000", "http://127.0.0.1",
    "http://127.0.0.1:8001", "http://localhost:8000", f"{BASE}.evil.example", "file://",
)  # fmt: skip


def test_a_command_from_another_origin_does_nothing(served: Served) -> None:
    owner = served.signed_in(Role.OWNER)
    form = {"name": "Kẻ lạ", "role": "owner", "password": SECRET, "again": SECRET}
    before = kinds(served.farm)
    for origin in STRANGE_ORIGINS:
        assert owner.post("/people", form, origin=origin).status_code == 403, origin
    assert len(served.farm.people.all()) == 1
    assert kinds(served.farm) == before


def test_a_command_needs_the_token_of_a_page_given_to_this_browser(served: Served) -> None:
    owner, other = served.signed_in(Role.OWNER), served.signed_in(Role.OWNER)
    form = {"name": "Kẻ lạ", "role": "owner", "password": SECRET, "again": SECRET}
    for token in ("", "0" * 64, other.token("/account"), owner.token("/account")[:-1], "ô" * 64):
        answer = owner.post("/people", {**form, "form_token": token})
        assert answer.status_code == 403, token
    text = owner.http.post("/people", content=b"{}", headers={
        "origin": BASE, "content-type": "text/plain"})  # fmt: skip
    assert text.status_code == 415
    assert len(served.farm.people.all()) == 1


def test_following_a_link_from_elsewhere_does_not_end_a_session(served: Served) -> None:
    owner = served.signed_in(Role.OWNER)
    kept = owner.http.cookies.get("agri-8000")
    stranger = served.browser()  # as the browser comes from another site: without the cookie
    assert stranger.get("/").headers["location"] == "/sign-in"
    given = stranger.get("/sign-in").headers["set-cookie"]
    assert given.startswith("agri-8000-visit=")
    owner.http.cookies.set("agri-8000-visit", "x")
    assert owner.http.cookies.get("agri-8000") == kept
    assert owner.get("/").status_code == 200


def test_every_answer_forbids_foreign_scripts_frames_and_keeping(served: Served) -> None:
    owner = served.signed_in(Role.OWNER)
    answers = [owner.get(path) for path in ("/", "/plans", "/none", "/static/app.css", "/people")]
    answers.append(owner.get("/", host="evil.example"))
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "access-control-allow-origin" not in answer.headers
    assert answers[0].headers["cache-control"] == "no-store"


def test_no_page_has_a_script_or_a_style_of_its_own_or_an_address_elsewhere(
    served: Served,
) -> None:
    owner = served.signed_in(Role.OWNER)
    uid = served.farm.fields()[0].uid
    for path in ("/", f"/fields/{uid}", "/plans", "/flights", "/people", "/account"):
        text = owner.get(path).text
        assert "<style" not in text
        assert not re.search(r"<script(?![^>]*\bsrc=)", text)
        assert not re.search(r"\s(on\w+|style)=", text)
        assert not re.search(r"(src|href|action)=\"(?!/(?!/)|#)", text), path


def test_too_much_and_too_often_is_turned_away(served: Served) -> None:
    browser = served.browser()
    large = browser.http.post("/sign-in", content=b"x" * (LARGEST_BODY + 1))
    assert large.status_code == 413

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(3 * LARGEST_BODY // 100_000):
            yield b"x" * 100_000

    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert browser.http.post("/sign-in", content=endless(), headers=kind).status_code == 413
    status = [browser.http.post("/sign-in").status_code for _ in range(MOST_COMMANDS)]
    assert status[0] == 415
    assert status[-1] == 429
    assert browser.get("/sign-in").status_code == 303
    served.clock.now_s += 61
    assert browser.http.post("/sign-in").status_code == 415
    assert MOST_COMMANDS < MOST_REQUESTS


# ------------------------------------------------------------------ strange names


XSS = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'-alert(1)-'", "</title><b>",
    "{{7*7}}", "{% raw %}", "javascript:alert(1)", "Đặng <svg/onload=x> Thị Hường", "\u202egpj.exe",
)  # fmt: skip


def test_a_name_is_only_ever_text(served: Served) -> None:
    owner = served.signed_in(Role.OWNER)
    for name in XSS:
        only_text(served, owner, name)
        served.clock.now_s += 61.0


def only_text(served: Served, owner: Browser, name: str) -> None:
    form = {"name": name, "role": "viewer", "password": SECRET, "again": SECRET}
    answer = owner.post("/people", form)
    page = owner.get("/people").text
    if answer.status_code == 303:
        assert [p.name for p in served.farm.people.all()][-1] == name
    for text in (page, answer.text, served.browser().post(
            "/sign-in", {"name": name, "password": "x"}, seen="/sign-in").text):  # fmt: skip
        assert "<script>" not in text
        assert "<img src=x" not in text
        assert "<svg/onload" not in text
        assert "</title><b>" not in text
    assert name != "{{7*7}}" or name in page


def test_names_of_fields_are_text_on_pages_and_in_drawings(served: Served, farm: Workspace) -> None:
    farms.edit(farm, "UPDATE fields SET name = ?, crop = ?", XSS[0], XSS[1])
    viewer = served.signed_in(Role.VIEWER)
    uid = farm.fields()[0].uid
    for path in ("/", f"/fields/{uid}"):
        assert "<script>alert" not in viewer.get(path).text
        assert "&lt;script&gt;alert" in viewer.get(path).text
    drawing = viewer.get("/fields.geojson")
    assert drawing.headers["content-type"] == "application/geo+json"
    assert drawing.json()["features"][0]["properties"]["label"] == XSS[0]


TRAVERSALS = (
    "../../farm.gpkg", "..%2f..%2ffarm.gpkg", "%2e%2e/%2e%2e/farm.gpkg", "....//farm.gpkg",
    "/etc/passwd", "%00", "app.css%00.js", "vendor/leaflet-1.9.4/SHA256SUMS", "C:%5cx", "con",
)  # fmt: skip


def test_no_path_leads_out_of_the_files_the_wheel_brings(served: Served) -> None:
    viewer = served.signed_in(Role.VIEWER)
    places = ("/static/{}", "/plans/{}", "/fields/{}", "/flights/{}.geojson")
    for path in (place.format(name) for name in TRAVERSALS for place in places):
        answer = viewer.get(path)
        assert answer.status_code in (303, 400, 404), path
        assert b"SQLite" not in answer.content


def test_the_way_to_the_other_language_leads_to_where_one_is(served: Served) -> None:
    """Also to the choices in the address, and after a form that was refused."""
    planner = served.signed_in(Role.PLANNER)

    def back(text: str) -> str:
        return unquote(re.findall(r'href="/language/en\?back=([^"]+)"', text)[0])

    uid = served.farm.fields()[0].uid
    for path in ("/plans", f"/fields/{uid}/records/new?kind=spray", f"/fields/{uid}?planned=3"):
        assert back(planner.get(path).text) == path
    refused = planner.post(f"/fields/{uid}/survey", {"gsd_cm": "x"})
    assert back(refused.text) == f"/fields/{uid}/survey"
    refused = planner.post(f"/fields/{uid}/notes", {"text": ""})
    assert back(refused.text) == f"/fields/{uid}"
    assert planner.get(back(refused.text)).status_code == 200


def test_choosing_a_language_leads_back_here_and_nowhere_else(served: Served) -> None:
    browser = served.browser()
    there = browser.get("/language/en?back=/sign-in")
    assert there.headers["location"] == "/sign-in"
    served.signed_in(Role.VIEWER)
    assert "Sign in" in browser.get("/sign-in").text
    for back in (
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil",
        "/%0d%0a",
    ):
        assert browser.get(f"/language/vi?back={back}").headers["location"] in ("/", "/%0D%0A")
    assert "Đăng nhập" in browser.get("/sign-in").text
    assert browser.get("/language/fr").status_code == 404


# ------------------------------------------------------------------ the record


def test_a_command_that_cannot_be_written_down_is_not_done(served: Served) -> None:
    owner = served.signed_in(Role.OWNER)
    record = served.farm.folder / audit.FILE
    record.write_bytes(record.read_bytes().replace(b"signed_in", b"signed_up"))
    form = {"name": "Bình", "role": "viewer", "password": SECRET, "again": SECRET}
    assert owner.post("/people", form).status_code == 503
    assert len(served.farm.people.all()) == 1


def test_the_record_tells_who_did_what_and_never_a_password(served: Served) -> None:
    owner = served.signed_in(Role.OWNER)
    form = {"name": "Bình", "role": "agent", "password": SECRET, "again": SECRET}
    assert owner.post("/people", form).status_code == 303
    verdict = audit.verify(served.farm.folder)
    assert verdict.whole
    assert [entry.kind for entry in verdict.entries] == ["signed_in", "person_added"]
    assert verdict.entries[-1].who == "Người owner"
    assert verdict.entries[-1].what.note == "/people; name: Bình; role: agent"
    assert SECRET not in (served.farm.folder / audit.FILE).read_text("utf-8")
    assert HASH not in repr(served.farm.people.all())


def test_the_first_page_with_its_map_is_light_enough_for_a_poor_connection(served: Served) -> None:
    viewer = served.signed_in(Role.VIEWER)
    waiting, weight = ["/", "/fields.geojson"], 0
    seen: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = viewer.get(path, **{"accept-encoding": "gzip"})
        assert answer.status_code == 200, path
        weight += int(answer.headers.get("content-length") or len(answer.content))
        found = re.findall(r'(?:src|href)="(/static/[^"]+)"', answer.text)
        beside = re.findall(r'(?:from|import) *"\./([^"]+)"', answer.text)
        waiting += found + [f"{path.rpartition('/')[0]}/{name}" for name in beside]
    assert any("leaflet" in path for path in seen)
    assert 20_000 < weight <= 150_000


def test_an_owner_gives_who_forgot_theirs_a_new_password_and_their_sessions_end(
    served: Served,
) -> None:
    owner, planner = served.signed_in(Role.OWNER), served.signed_in(Role.PLANNER)
    person = served.farm.people.named("Người planner")
    assert person is not None
    path = f"/people/{person.uid}/password"
    assert planner.post(path, {}).status_code == 403
    shown = owner.post(path, {}, seen="/people").text
    made = re.search(r'class="secret">([a-z0-9-]+)<', shown)
    assert made is not None
    assert planner.get("/plans").status_code == 303, "signed out"
    assert made[1] not in owner.get("/people").text, "shown once"
    for password, status in ((SECRET, 403), (made[1], 303)):
        form = {"name": "Người planner", "password": password}
        assert served.browser().post("/sign-in", form, seen="/sign-in").status_code == status
    entry = audit.verify(served.farm.folder).entries
    given = [one for one in entry if one.kind == "password_given"]
    assert person.uid in given[-1].what.note
    assert made[1] not in given[-1].what.note
    served.farm.people.change(person.uid, password_hash=HASH)
