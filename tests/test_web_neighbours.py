"""Several farms behind one address keep their people, sessions and names for fields apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest

from agri import audit
from agri.operations.apron import Apron
from agri.people import Person, ReadToken, Role
from agri.web.app import make_app
from agri.web.neighbours import Neighbours
from agri.web.read_tokens import digest_of
from agri.workspace import Workspace
from tests import farms
from tests.web_farm import CHEAP, HASH, KEY, SECRET, Browser

NAMES = {"a": "Trại An", "b": "Trại Bình <b>"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Workspace]]:
    root = tmp_path_factory.mktemp("shared")
    made = {key: Workspace.create(root / key, farm_name=name) for key, name in NAMES.items()}
    for key, farm in made.items():
        farm.add_fields([replace(farms.FIELDS[0], name=f"Ruộng {key}")])
        person = Person(name=f"Chủ {key}", role=Role.OWNER, password_hash=HASH,
                        created_utc=farms.START)  # fmt: skip
        farm.people.add_first(person)
    yield made
    for farm in made.values():
        farm.close()


@pytest.fixture
def browser(shared: dict[str, Workspace]) -> Browser:
    apps = {
        key: make_app(farm, hosts=frozenset({"127.0.0.1"}), setup_key=KEY, passwords=CHEAP,
                      neighbours=tuple(NAMES.items()))
        for key, farm in shared.items()
    }  # fmt: skip
    knows = {
        key: lambda digest, farm=farm: farm.people.with_token(digest) is not None
        for key, farm in shared.items()
    }
    return Browser(Neighbours(apps, knows))


def sign_in(browser: Browser, name: str) -> int:
    answer = browser.post("/sign-in", {"name": name, "password": SECRET}, seen="/sign-in")
    return int(answer.status_code)


def test_a_browser_that_is_in_no_farm_is_shown_the_list_and_nothing_of_a_farm(
    browser: Browser,
) -> None:
    for path in ("/", "/plans", "/fields.geojson", "/sign-in", "/farms"):
        answer = browser.get(path)
        assert answer.status_code == 200
        assert 'href="/farms/a"' in answer.text
        assert "Trại Bình &lt;b&gt;" in answer.text
        assert "Ruộng" not in answer.text
    assert browser.get("/static/app.css").status_code == 200
    assert browser.get("/farms/c").status_code == 404
    for path in ("/api/", "/api/collections", "/stac/"):
        assert browser.get(path).status_code == 401
    assert browser.get("/", host="evil.example").status_code == 421
    assert sign_in(browser, "Chủ a") in (401, 403), "no farm, no form, no session"


def test_who_is_signed_in_to_one_farm_is_nobody_in_another(
    browser: Browser, shared: dict[str, Workspace]
) -> None:
    assert browser.get("/farms/a").headers["location"] == "/"
    assert sign_in(browser, "Chủ b") == 403, "no such person here"
    assert sign_in(browser, "Chủ a") == 303
    home = browser.get("/").text
    assert "Ruộng a" in home
    assert "Ruộng b" not in home
    assert 'href="/farms"' in home, "the way to the other farms"
    before = len(audit.verify(shared["b"].folder).entries)
    browser.get("/farms/b")
    assert browser.get("/").headers["location"] == "/sign-in"
    assert browser.get("/plans").status_code == 303
    assert browser.post("/people", {"name": "X"}, seen="/sign-in").status_code == 401
    assert len(audit.verify(shared["b"].folder).entries) == before
    assert sign_in(browser, "Chủ b") == 303
    assert "Ruộng b" in browser.get("/").text
    assert [person.name for person in shared["a"].people.all()] == ["Chủ a"]


@pytest.mark.parametrize("odd", ["c", "", "../a", '"', "a; b", "=" * 500])
def test_a_cookie_that_names_no_farm_chooses_none(browser: Browser, odd: str) -> None:
    answer = browser.get("/plans", cookie=f"agri-farm-8000={odd}")
    assert answer.status_code == 200
    assert 'href="/farms/b"' in answer.text


def test_nobody_leaves_a_farm_whose_aircraft_is_in_the_air(
    browser: Browser, shared: dict[str, Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.get("/farms/a")
    assert sign_in(browser, "Chủ a") == 303
    flight = SimpleNamespace(uid="f", asked=SimpleNamespace(plan=SimpleNamespace(name="Bay")))
    monkeypatch.setattr(Apron, "under_way", lambda _: (flight,))
    answer = browser.get("/farms/b")
    assert answer.status_code == 409
    assert "Dừng" in answer.text
    monkeypatch.undo()
    assert browser.get("/farms/b").status_code == 303


def test_a_program_reads_the_farm_in_which_its_token_was_made_and_no_other(
    browser: Browser, shared: dict[str, Workspace]
) -> None:
    for key, farm in shared.items():
        owner = farm.people.all()[0]
        farm.people.add_token(
            ReadToken(person_uid=owner.uid, name="p", digest=digest_of(f"agri_{key}"),
                      created_utc=farms.START)
        )  # fmt: skip
    path = "/api/collections/fields/items"
    for key, other in (("a", "b"), ("b", "a")):
        told = browser.get(path, authorization=f"Bearer agri_{key}")
        assert told.status_code == 200
        assert f"Ruộng {key}" in told.text
        assert f"Ruộng {other}" not in told.text
        assert browser.get("/stac", authorization=f"Bearer agri_{key}").status_code == 200
    browser.get("/farms/a")
    assert sign_in(browser, "Chủ a") == 303
    refused = browser.get(path, authorization="Bearer agri_c")
    assert refused.status_code == 401, "whoever the browser is"
    assert refused.json()["code"] == "401"
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert "Trại" not in refused.text
    told = browser.get(path, authorization="Bearer agri_b")
    assert "Ruộng b" in told.text, "the token, not the farm a browser is in"
