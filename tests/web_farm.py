"""An app on a farm as small as can be, with a clock that only tests move."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from agri.operations.apron import Apron
from agri.people import Person, Role
from agri.web.app import make_app
from agri.web.passwords import Passwords
from agri.workspace import Workspace
from tests import farms

HOST = "127.0.0.1:8000"
BASE = f"http://{HOST}"
KEY = "abcd-efgh-jkmn"
SECRET = "bốn từ liền nhau"
CHEAP = Passwords(memory_kib=8, passes=1, lanes=1)
HASH = CHEAP.hash_of(SECRET)


@dataclass
class Clock:
    """Seconds that go on when told."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Served:
    """A farm, its app, and browsers that look at it."""

    farm: Workspace
    clock: Clock = field(default_factory=Clock)
    app: Any = None
    wake: Callable[[], object] = lambda: None
    apron: Apron | None = None

    def __post_init__(self) -> None:
        self.app = make_app(
            self.farm,
            hosts=frozenset({"127.0.0.1", "localhost"}),
            setup_key=KEY,
            passwords=CHEAP,
            clock=self.clock,
            apron=self.apron,
            now=lambda: farms.START + timedelta(seconds=self.clock.now_s),
            wake=self.wake,
        )

    def browser(self, *, address: str = "127.0.0.1") -> Browser:
        return Browser(self.app, address=address)

    def signed_in(self, role: Role) -> Browser:
        """A browser of somebody with this role, who is entered when not there yet."""
        name = f"Người {role.value}"
        if self.farm.people.named(name) is None:
            person = Person(name=name, role=role, password_hash=HASH, created_utc=farms.START)
            self.farm.people.add(person)
        browser = self.browser()
        answer = browser.post("/sign-in", {"name": name, "password": SECRET}, seen="/sign-in")
        assert answer.status_code == 303, answer.text
        return browser


class Http:
    """A client of the app itself, without a socket; one loop serves all of them."""

    loop = asyncio.new_event_loop()

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    @property
    def cookies(self) -> httpx.Cookies:
        return self.client.cookies

    def request(self, method: str, path: str, **values: Any) -> httpx.Response:
        return self.loop.run_until_complete(self.client.request(method, path, **values))

    def get(self, path: str, **values: Any) -> httpx.Response:
        return self.request("GET", path, **values)

    def post(self, path: str, **values: Any) -> httpx.Response:
        return self.request("POST", path, **values)


class Browser:
    """What a browser does: keeps cookies, sends its Origin, brings the form's token back."""

    def __init__(self, app: Any, *, address: str = "127.0.0.1") -> None:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 50_000))
        self.http = Http(
            httpx.AsyncClient(transport=transport, base_url=BASE, headers={"accept": "text/html"})
        )

    def get(self, path: str, **headers: str) -> Any:
        return self.http.get(path, headers=headers)

    def token(self, path: str) -> str:
        """The token in a page's form."""
        found = re.search(r'name="form_token" value="([0-9a-f]{64})"', self.get(path).text)
        return found[1] if found else ""

    def post(
        self, path: str, form: Mapping[str, str], *, seen: str = "/account", **headers: str
    ) -> Any:
        """Send a form of the page `seen`."""
        fields = {"form_token": self.token(seen), **form}
        return self.http.post(path, data=fields, headers={"origin": BASE, **headers})


def small_farm(folder: Path) -> Workspace:
    """Two fields and no people."""
    farm = Workspace.create(folder, farm_name="Trại <b>Đông</b> Triều")
    farm.add_fields(farms.FIELDS)
    return farm
