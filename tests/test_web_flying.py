"""A flight from a plan's page: who may ask, who may say yes, how, and that anybody may stop it."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from anyio.to_thread import current_default_thread_limiter
from fastapi.concurrency import run_in_threadpool

from agri import audit
from agri.findings import Finding
from agri.operations.apron import Apron
from agri.operations.sight import Stage
from agri.people import Role, Verdict
from agri.web import watching
from agri.web.rights import RIGHTS
from agri.web.sessions import Sessions
from agri.workspace import PlanRecord, Workspace
from missions.flight.launch import FlightProgress
from missions.flight.phases import Phase
from tests import farms, flights
from tests.scripted_link import standing
from tests.stand_in import NEED, StandIn, store
from tests.web_farm import BASE, SECRET, Browser, Clock, Served, small_farm

PLAN = replace(flights.small_plan("Ruộng chợ"), survey=None)
WAIT_S = 20.0


class Field(Served):
    """An app whose flights are flown by a stand-in."""

    def __init__(self, farm: Workspace) -> None:
        self.flown = StandIn()
        super().__init__(farm, apron=Apron(farm, now=self.now, fly=self.fly))
        self.stored = next((one for one in farm.plans() if one.digest == PLAN.digest), None)

    def now(self) -> datetime:
        return farms.START + timedelta(seconds=self.clock.now_s)

    def fly(self, *given: Any, **named: Any) -> Any:
        return self.flown(*given, **named)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with small_farm(tmp_path_factory.mktemp("flying") / "farm") as farm:
        store(farm, PLAN)
        yield farm


@pytest.fixture
def field(made: Workspace) -> Iterator[Field]:
    served = Field(made)
    yield served
    served.flown.down.set()
    assert served.apron is not None
    served.apron.close()


@pytest.fixture
def plan(field: Field) -> PlanRecord:
    assert field.stored is not None
    return field.stored


def told(text: str) -> str:
    """What a page complains of."""
    found = re.search(
        r'<p class="state stop" role="alert"><span[^>]*>.</span> (.*?)</p>', text, re.S
    )
    return found[1] if found else ""


def fields_of(text: str, action: str) -> dict[str, str]:
    """What a page's form holds that a person does not type."""
    form = re.search(rf'<form method="post" action="{action}".*?</form>', text, re.S)
    assert form is not None, text
    return dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', form[0]))


def ask(browser: Browser, plan: PlanRecord, **changes: str) -> Any:
    path = f"/plans/{plan.uid}/fly"
    form = fields_of(browser.get(path).text, path)
    values = {**form, "where": "sim", "speedup": "1", **changes}
    return browser.http.post(path, data=values, headers={"origin": BASE})


def begun(browser: Browser, plan: PlanRecord) -> str:
    answer = ask(browser, plan)
    assert answer.status_code == 303, told(answer.text)
    return str(answer.headers["location"])


def until(browser: Browser, path: str, stage: Stage) -> dict[str, Any]:
    end_s = time.monotonic() + WAIT_S
    while (state := browser.get(f"{path}/state").json())["stage"] != stage:
        assert time.monotonic() < end_s, state
        time.sleep(0.002)
    return dict(state)


def launch(browser: Browser, path: str, **changes: str) -> Any:
    form = fields_of(browser.get(path).text, f"{path}/launch")
    values = {**form, "password": SECRET, **changes}
    return browser.http.post(f"{path}/launch", data=values, headers={"origin": BASE})


def flying(browser: Browser, plan: PlanRecord) -> str:
    path = begun(browser, plan)
    until(browser, path, Stage.BRIEFING)
    assert launch(browser, path).status_code == 303
    until(browser, path, Stage.FLYING)
    return path


def kinds(field: Field) -> list[str]:
    return [entry.kind for entry in audit.verify(field.farm.folder).entries]


# ------------------------------------------------------------------ asking


def test_only_who_may_fly_is_offered_to(field: Field, plan: PlanRecord) -> None:
    offered = {
        role: "/fly" in field.signed_in(role).get(f"/plans/{plan.uid}").text for role in Role
    }
    assert [role for role in Role if offered[role]] == [Role.PILOT, Role.OWNER]


def test_a_form_sent_twice_is_one_flight_and_a_changed_one_none(
    field: Field, plan: PlanRecord
) -> None:
    pilot = field.signed_in(Role.PILOT)
    assert ask(pilot, plan, digest="ab" * 32).status_code == 400
    for wrong in ({"where": "moon"}, {"once": "short"}, {"speedup": "1000"},
                  {"where": "real", "link": "file:///etc/passwd"}, {"where": "real"}):  # fmt: skip
        answer = ask(pilot, plan, **wrong)
        assert answer.status_code == 400, wrong
        assert len(told(answer.text)) > 20
    path = f"/plans/{plan.uid}/fly"
    form = fields_of(pilot.get(path).text, path) | {"where": "sim", "speedup": "1"}
    ways = {
        pilot.http.post(path, data=form, headers={"origin": BASE}).headers["location"]
        for _ in range(3)
    }
    assert len(ways) == 1
    until(pilot, ways.pop(), Stage.BRIEFING)
    other = ask(field.signed_in(Role.OWNER), plan)
    assert other.status_code == 400
    assert "Người pilot" in told(other.text)


def test_a_plan_sent_back_is_neither_offered_nor_begun_nor_launched(
    field: Field, plan: PlanRecord
) -> None:
    pilot, agent = field.signed_in(Role.PILOT), field.signed_in(Role.AGENT)

    def say(verdict: Verdict) -> None:
        form = {"digest": PLAN.digest, "verdict": verdict.value, "remark": "gần nhà dân"}
        assert agent.post(f"/plans/{plan.uid}/review", form).status_code == 303

    assert "Chưa có cán bộ nào xem" in pilot.get(f"/plans/{plan.uid}/fly").text
    path = begun(pilot, plan)
    until(pilot, path, Stage.BRIEFING)
    say(Verdict.SENT_BACK)
    refused = launch(pilot, path)
    assert refused.status_code == 409
    assert "gần nhà dân" in told(refused.text)
    assert pilot.post(f"{path}/stop", {}).status_code == 303
    until(pilot, path, Stage.FAILED)
    shown = pilot.get(f"/plans/{plan.uid}/fly").text
    assert "gần nhà dân" in shown
    assert 'name="where"' not in shown
    assert f'href="/plans/{plan.uid}/fly"' not in pilot.get(f"/plans/{plan.uid}").text
    form = {"digest": PLAN.digest, "where": "sim", "once": "x" * 20, "speedup": "1"}
    assert pilot.post(f"/plans/{plan.uid}/fly", form).status_code == 409
    say(Verdict.APPROVED)
    assert "Người agent đã duyệt" in pilot.get(f"/plans/{plan.uid}/fly").text
    assert field.flown.armed == []


# ------------------------------------------------------------------ saying yes


def test_the_briefing_is_shown_and_only_the_pilots_own_password_launches(
    field: Field, plan: PlanRecord
) -> None:
    field.flown = StandIn(needs=(NEED,), found=(Finding.warning("finding.weather_not_entered"),))
    pilot, owner = field.signed_in(Role.PILOT), field.signed_in(Role.OWNER)
    path = begun(pilot, plan)
    until(pilot, path, Stage.PARAMETERS)
    page = pilot.get(path).text
    assert "FENCE_ENABLE = 1" in page
    assert f'action="{path}/parameters"' not in owner.get(path).text
    answer = {**fields_of(page, f"{path}/parameters"), "answer": "yes"}
    assert pilot.http.post(f"{path}/parameters", data=answer,
                           headers={"origin": BASE}).status_code == 303  # fmt: skip
    until(pilot, path, Stage.BRIEFING)
    page = pilot.get(path).text
    assert PLAN.digest[:12] in page
    assert "thời tiết" in page
    assert f'action="{path}/launch"' not in owner.get(path).text
    stolen = fields_of(page, f"{path}/launch")
    wrong = launch(pilot, path, password="không phải")
    assert (wrong.status_code, "Mật khẩu" in told(wrong.text)) == (403, True)
    for changes in ({"digest": "ab" * 32}, {"token": "x"}, {"token": ""}, {"digest": "é"}):
        refused = launch(pilot, path, **changes)
        assert refused.status_code == 409, changes
    taken = {"token": stolen["token"], "digest": stolen["digest"], "password": SECRET}
    assert owner.post(f"{path}/launch", taken).status_code == 409
    assert field.flown.armed == []
    assert launch(pilot, path).status_code == 303
    assert pilot.post(f"{path}/launch", taken).status_code == 409
    until(pilot, path, Stage.FLYING)
    field.flown.down.set()
    until(pilot, path, Stage.OVER)
    assert field.flown.armed == [PLAN.digest]
    assert "flight_asked" in kinds(field)
    last = [one for one in audit.verify(field.farm.folder).entries if one.kind == "launch_asked"][
        -1
    ]
    assert SECRET not in str(last)


def test_who_guesses_the_password_waits(field: Field, plan: PlanRecord) -> None:
    pilot = field.signed_in(Role.PILOT)
    path = begun(pilot, plan)
    until(pilot, path, Stage.BRIEFING)
    wrong = launch(pilot, path, password="sai sai sai")
    assert f'href="{path}"' not in wrong.text, "it is on this page, nothing calls one to it"
    assert [launch(pilot, path, password="sai sai sai").status_code for _ in range(4)] == [403] * 4
    assert launch(pilot, path).status_code == 429
    assert field.flown.armed == []


# ------------------------------------------------------------------ stopping


def test_whoever_may_look_stops_it_and_only_who_may_fly_sends_it_elsewhere(
    field: Field, plan: PlanRecord
) -> None:
    pilot, viewer = field.signed_in(Role.PILOT), field.signed_in(Role.VIEWER)
    path = flying(pilot, plan)
    page = viewer.get(path).text
    assert f'action="{path}/stop"' in page
    assert f'action="{path}/land"' not in page
    assert path in viewer.get("/").text, "a way to it on every page"
    for verb, status in (("stop", 303), ("sprayer-off", 303), ("return", 403), ("land", 403)):
        assert viewer.post(f"{path}/{verb}", {}).status_code == status, verb
    for verb in ("return", "land"):
        assert pilot.post(f"{path}/{verb}", {}).status_code == 303
    given = field.flown.link.given
    assert sorted(given) == ["hold", "land", "return_home", "spray_no_more"]
    assert {"stop_ordered", "return_ordered", "land_ordered"} <= set(kinds(field))
    assert (
        viewer.http.post(f"{path}/stop", data={"a": "b"}, headers={"origin": BASE}).status_code
        == 403
    )


def test_a_stop_is_given_though_the_disk_is_full_and_however_often_one_presses(
    field: Field, plan: PlanRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    pilot = field.signed_in(Role.PILOT)
    path = flying(pilot, plan)
    token = pilot.token("/account")

    asked = {"origin": BASE, "accept": "application/json"}

    def press(verb: str) -> int:
        answer = pilot.http.post(f"{path}/{verb}", data={"form_token": token},
                                 headers=asked)  # fmt: skip
        return int(answer.status_code)

    def full(*_: Any, **__: Any) -> None:
        raise audit.AuditUnwritable("error.audit_unwritable", reason="đĩa đầy", path="x")

    monkeypatch.setattr(audit, "append", full)
    assert press("stop") == 200
    assert field.flown.link.given == ["hold"]
    monkeypatch.setattr(field.app._commands, "_most", 2)
    assert {press("stop") for _ in range(9)} == {200}
    assert [press("land") for _ in range(3)][-1] == 429


def test_a_stop_waits_for_no_other_page(field: Field, plan: PlanRecord) -> None:
    pilot = field.signed_in(Role.PILOT)
    path, token = flying(pilot, plan), pilot.token("/account")
    busy, free = threading.Event(), threading.Semaphore(0)

    async def pressed() -> list[str]:
        def page() -> None:
            free.release()
            busy.wait(WAIT_S)

        threads = int(current_default_thread_limiter().total_tokens)
        pages = [asyncio.create_task(run_in_threadpool(page)) for _ in range(threads)]
        for _ in range(threads):
            while not free.acquire(blocking=False):
                await asyncio.sleep(0.001)
        stop = asyncio.create_task(pilot.http.client.post(
            f"{path}/stop", data={"form_token": token}, headers={"origin": BASE}))  # fmt: skip
        while not field.flown.link.given:
            await asyncio.sleep(0.001)
        given = list(field.flown.link.given)
        assert not stop.done(), "it is written down when a thread is free"
        busy.set()
        assert (await stop).status_code == 303
        await asyncio.gather(*pages)
        return given

    assert pilot.http.loop.run_until_complete(asyncio.wait_for(pressed(), WAIT_S)) == ["hold"]


def test_orders_are_the_only_urgent_commands() -> None:
    urgent = {path for (_, path), right in RIGHTS.items() if right.urgent}
    assert urgent == {f"/flying/{{uid}}/{one}" for one in ("stop", "sprayer-off", "return", "land")}
    assert all(right.kind for right in RIGHTS.values() if right.urgent)


# ------------------------------------------------------------------ watching


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(data) for data in re.findall(r"^event: state\ndata: (.*)$", text, re.M)]


def test_what_happens_is_told_once_and_the_rest_after_a_break(
    field: Field, plan: PlanRecord
) -> None:
    pilot = field.signed_in(Role.PILOT)
    path = flying(pilot, plan)
    pilot.post(f"{path}/stop", {})
    field.flown.down.set()
    last = until(pilot, path, Stage.OVER)
    text = pilot.get(f"{path}/events").text
    assert text.endswith("event: over\ndata: {}\n\n")
    (state,) = events(text)
    assert state["number"] == last["number"] == int(re.findall(r"^id: (\d+)$", text, re.M)[-1])
    assert [one[2] for one in state["told"]] == ["Đã cất cánh.", "Đã bấm Dừng."]
    first = state["told"][0][0]
    (rest,) = events(pilot.get(f"{path}/events", **{"last-event-id": str(first)}).text)
    assert [one[2] for one in rest["told"]] == ["Đã bấm Dừng."]
    assert pilot.get(f"{path}/state?after={last['number']}").json()["told"] == []
    english = field.signed_in(Role.VIEWER)
    english.get("/language/en")
    assert english.get(f"{path}/state").json()["told"][1][2] == "Stop was pressed."


def watched(field: Field, path: str, seconds: Clock) -> tuple[Any, Any, Any, str]:
    """A flight, the desk of who watches it, and their open session."""
    assert field.apron is not None
    flight = field.apron.find(path.rpartition("/")[2])
    sessions = Sessions(seconds)
    person = field.farm.people.named("Người pilot")
    assert person is not None
    desk = SimpleNamespace(sessions=sessions, streams=threading.BoundedSemaphore(1))
    return flight, desk, sessions, sessions.begin(person)


def numbers(chunks: list[str]) -> list[int]:
    return [int(found[1]) for chunk in chunks if (found := re.match(r"id: (\d+)", chunk))]


def test_a_slow_watcher_gets_the_newest_and_nothing_queues_up(
    field: Field, plan: PlanRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "EVERY_S", 0.0)
    path = flying(field.signed_in(Role.PILOT), plan)
    flight, desk, _, cookie = watched(field, path, Clock())
    visit = SimpleNamespace(desk=desk, cookie=cookie, language="vi")

    async def slowly() -> list[str]:
        got, told = [], watching.stream(visit, flight, 0)  # type: ignore[arg-type]
        got.append(await anext(told))
        for _ in range(3):
            for _ in range(500):
                flight._on_progress(
                    FlightProgress(phase=Phase.WATCH, telemetry=standing(PLAN), photos=0, items=9)
                )
            got.append(await anext(told))
        full = [one async for one in watching.stream(visit, flight, 0)]  # type: ignore[arg-type]
        assert full == ["event: full\ndata: {}\n\n"]
        await told.aclose()
        return got

    seen = numbers(asyncio.run(slowly()))
    assert len(seen) == 3
    assert seen[1] - seen[0] == seen[2] - seen[1] == 500
    assert desk.streams.acquire(blocking=False), "a stream that was left is free again"


def test_a_stream_ends_with_the_session_which_lasts_while_the_aircraft_flies(
    field: Field, plan: PlanRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "EVERY_S", 0.0)
    monkeypatch.setattr(watching, "AT_LEAST_S", 0.0)
    pilot, seconds = field.signed_in(Role.PILOT), Clock()
    path = begun(pilot, plan)
    until(pilot, path, Stage.BRIEFING)
    flight, desk, sessions, cookie = watched(field, path, seconds)
    visit = SimpleNamespace(desk=desk, cookie=cookie, language="vi")
    idle_s = Role.PILOT.idle.total_seconds()

    async def later() -> list[str]:
        told = watching.stream(visit, flight, 0)  # type: ignore[arg-type]
        got = [await anext(told)]
        for _ in range(4):
            seconds.now_s += 0.4 * idle_s
            got.append(await anext(told, "ended"))
        return got

    waiting = asyncio.run(later())
    assert waiting[-2:] == ["event: signed-out\ndata: {}\n\n", "ended"]
    assert sessions.seen(cookie, alive=False) is None
    assert launch(pilot, path).status_code == 303
    until(pilot, path, Stage.FLYING)
    visit.cookie = sessions.begin(field.farm.people.named("Người pilot"))
    assert asyncio.run(later())[-1].startswith("id: ")
    assert sessions.seen(visit.cookie, alive=False) is not None
    sessions.end(visit.cookie)
    assert asyncio.run(later())[1].startswith("event: signed-out")


def test_a_flight_that_is_not_known_is_told_by_the_record(field: Field) -> None:
    viewer = field.signed_in(Role.VIEWER)
    gone = viewer.get("/flying/" + "0" * 32)
    assert gone.status_code == 404
    assert "Không có gì được cất cánh lại" in gone.text
    for path in ("state", "events"):
        assert viewer.get(f"/flying/{'0' * 32}/{path}").status_code == 404


# ------------------------------------------------------------------ races


def test_of_two_phones_that_launch_at_once_one_does(field: Field, plan: PlanRecord) -> None:
    """Through the app: the same form sent twice in the same moment, and two forms of one pilot."""
    pilot = field.signed_in(Role.PILOT)
    loop = pilot.http.loop

    async def both(path: str, *forms: dict[str, str]) -> list[int]:
        sent = [pilot.http.client.post(path, data=form, headers={"origin": BASE}) for form in forms]
        return sorted(answer.status_code for answer in await asyncio.gather(*sent))

    for number in range(2):
        field.flown = StandIn()
        path = f"/plans/{plan.uid}/fly"
        form = fields_of(pilot.get(path).text, path) | {"where": "sim", "speedup": "1"}
        other = form if number % 2 else {**form, "once": f"another name {number:09d}"}
        asked = loop.run_until_complete(both(path, form, other))
        assert asked == ([303, 303] if number % 2 else [303, 400])
        assert field.apron is not None
        (flight,) = field.apron.under_way()
        here = f"/flying/{flight.uid}"
        until(pilot, here, Stage.BRIEFING)
        yes = {**fields_of(pilot.get(here).text, f"{here}/launch"), "password": SECRET}
        assert loop.run_until_complete(both(f"{here}/launch", yes, yes)) == [303, 409]
        field.flown.down.set()
        until(pilot, here, Stage.OVER)
        assert field.flown.armed == [PLAN.digest]
