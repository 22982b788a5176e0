"""The server killed in a flight: the aircraft comes home dry, and the page says what happened."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from agri import audit
from agri.operations.mission_files import load_plan
from agri.operations.simulated import simulator_for
from agri.people import Person, Role
from agri.workspace import Workspace
from agri.workspace.records import Outcome
from tests.flights_killed import PLAN, ROOT, Watcher, make_farm, outside_m
from tests.papers import LICENCE
from tests.sizes import of_full
from tests.web_farm import HASH, SECRET

WAIT_S = 60.0
PUMP_TURNS_US = 1112
STAGES = {"briefing": 0.0, "taking off": 0.1, "in the air": 1.0}
ROUNDS = of_full(30, at_least=5)


class Nursery:
    """A program that serves farms in children that may be killed."""

    def __init__(self) -> None:
        self.program = subprocess.Popen(
            [sys.executable, "-m", "tests.served_child"], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip
        self.child = 0

    def serve(self, farm: Path) -> str:
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        assert self.program.stdin is not None
        assert self.program.stdout is not None
        self.program.stdin.write(f"{farm} {port}\n")
        self.program.stdin.flush()
        self.child = int(self.program.stdout.readline().removeprefix("born "))
        return f"http://127.0.0.1:{port}"

    def kill(self) -> None:
        assert self.program.stdout is not None
        os.kill(self.child, signal.SIGKILL)
        assert self.program.stdout.readline().startswith("gone")

    def close(self) -> None:
        self.program.kill()
        self.program.communicate()


class Phone:
    """A pilot's browser on a real socket."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.http = httpx.Client(base_url=base, headers={"accept": "text/html"}, timeout=WAIT_S)

    def page(self, path: str) -> str:
        return str(self.http.get(path).text)

    def post(self, path: str, form: dict[str, str], *, seen: str) -> httpx.Response:
        fields = dict(re.findall(r'name="([a-z_]+)" value="([^"]*)"', self.page(seen)))
        return self.http.post(path, data={**fields, **form}, headers={"origin": self.base})

    def sign_in(self) -> None:
        end_s = time.monotonic() + WAIT_S
        while True:
            with suppress(httpx.ConnectError):
                self.page("/sign-in")
                break
            assert time.monotonic() < end_s
            time.sleep(0.02)
        form = {"name": LICENCE.holder, "password": SECRET}
        assert self.post("/sign-in", form, seen="/sign-in").status_code == 303

    def until(self, path: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        end_s = time.monotonic() + WAIT_S
        while True:
            state: dict[str, Any] = self.http.get(f"{path}/state").json()
            if wanted(state):
                return state
            assert state["stage"] not in ("failed", "over"), state
            assert time.monotonic() < end_s, state
            time.sleep(0.02)

    def launch(self, plan: str, link: str) -> str:
        """Go as far as the briefing of a real aircraft; return the flight's page."""
        form = {"where": "real", "link": link, "speedup": "1"}
        where = self.post(f"/plans/{plan}/fly", form, seen=f"/plans/{plan}/fly")
        assert where.status_code == 303, where.text
        path = str(where.headers["location"])
        stage = self.until(path, lambda told: told["stage"] in ("parameters", "briefing"))
        if stage["stage"] == "parameters":
            self.post(f"{path}/parameters", {"answer": "yes"}, seen=path)
        self.until(path, lambda told: told["stage"] == "briefing")
        return path

    def say_yes(self, path: str) -> httpx.Response:
        return self.post(f"{path}/launch", {"password": SECRET}, seen=path)


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    opened = Nursery()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_farm(tmp_path_factory.mktemp("killed"))
    with Workspace.open(folder) as farm:
        farm.people.add(Person(name=LICENCE.holder, role=Role.OWNER, password_hash=HASH,
                               created_utc=datetime.now(UTC)))  # fmt: skip
    return folder


def kill_in(stage: str, nursery: Nursery, template: Path, farm: Path, later_s: float) -> None:
    """Launch from the page, kill the server, look at aircraft, farm and the next server's pages."""
    shutil.copytree(template, farm)
    plan, stored = load_plan(PLAN, farm)
    assert stored is not None
    with simulator_for(plan, udp=True) as aircraft:
        phone = Phone(nursery.serve(farm))
        phone.sign_in()
        path = phone.launch(stored.uid, aircraft.url)
        page = phone.page(path)
        if stage != "briefing":
            assert phone.say_yes(path).status_code == 303
        if stage == "in the air":
            phone.until(path, lambda told: len(told["spots"]) > 5)
        time.sleep(later_s)
        nursery.kill()
        watcher = Watcher(aircraft.url)
        try:
            watcher.hurry()
            flown, again = watcher.until_down()
            phone = Phone(nursery.serve(farm))
            phone.sign_in()
            check_pages(phone, path, page, flown_once=any(seen.armed for seen in flown))
            nursery.kill()
            assert not again
            assert not watcher.look().armed
        finally:
            watcher.close()
        aircraft.stop()
        assert flown[-1].pump_us <= PUMP_TURNS_US
        assert outside_m(plan, aircraft.deposits()) < 1.0
    check_farm(farm, stage, armed=any(seen.armed for seen in flown))


def check_pages(phone: Phone, path: str, before: str, *, flown_once: bool) -> None:
    """What the farmer's phone is told once it has signed in again."""
    gone = phone.http.get(path)
    assert gone.status_code == 404
    assert "Không có gì được cất cánh lại" in gone.text
    for page in (gone.text, phone.page("/flights")):
        assert ("bị đứt" in page) or not flown_once
    token = re.search(r'name="token" value="([^"]+)"', before)
    assert token is not None
    late = {"password": SECRET, "token": token[1]}
    assert phone.post(f"{path}/launch", late, seen="/account").status_code == 404
    assert phone.post(f"{path}/stop", {}, seen="/account").status_code == 404


def check_farm(folder: Path, stage: str, *, armed: bool) -> None:
    """One launch at most was used up and written down; its record is there and readable."""
    with Workspace.open(folder) as farm:
        verdict = audit.verify(farm.folder)
        assert verdict.whole
        kinds = [entry.kind for entry in verdict.entries]
        claims = list((farm.folder / "launches").glob("*"))
        assert kinds.count("flight_asked") == 1
        assert 1 >= len(claims) >= kinds.count("launch_confirmed") >= len(farm.flights())
        assert (len(farm.flights()) == 1) >= armed
        assert [one.outcome for one in farm.flights()] in ([], [Outcome.UNFINISHED])
        if stage == "briefing":
            assert (armed, claims) == (False, [])


def test_a_server_killed_in_a_flight_leaves_an_aircraft_at_home_and_says_so(
    nursery: Nursery, template: Path, tmp_path: Path
) -> None:
    kill_in("in the air", nursery, template, tmp_path / "farm", 0.3)


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_servers_killed_at_any_moment_relaunch_nothing(
    nursery: Nursery, template: Path, tmp_path: Path, stage: str, record_property
) -> None:
    record_property("servers_killed", ROUNDS // len(STAGES))
    for number in range(ROUNDS // len(STAGES)):
        later_s = STAGES[stage] * number / 4.0
        kill_in(stage, nursery, template, tmp_path / f"farm{number}", later_s)
