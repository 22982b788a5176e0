"""People who watch a flight on their phones: how late they see it, how long their pages take.

    python benchmarks/watching.py [--clients 50] [--minutes 10]

A server in a process of its own serves a farm with a flight that reports ten times a second, each
report carrying the moment it was made. Every client has an address of its own on this computer,
signs in, is told of the flight by server-sent events, and opens a page every three seconds: the
farm, the flight, its plan, its field. The baseline beside it is the same with one client.

JSON on standard output: how late a state reached a client (s), how long a page took (s), states
and pages that came, what went wrong, processor time of the server, and its memory after a tenth of
the time and at the end. The figures asked for: pages 0.3 s (95 of 100), states 1 s (99 of 100).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from agri.errors import Refused
from agri.geo import LonLat
from agri.operations.apron import Apron
from agri.people import Person, Role
from agri.web.app import make_app
from agri.web.serving import few_pools
from agri.workspace import Workspace
from missions.flight.briefing import Briefing
from missions.flight.launch import FlightProgress
from missions.flight.phases import Phase
from missions.wire.telemetry import CopterMode
from tests import farms, flights
from tests.scripted_link import standing
from tests.stand_in import COPTER, Orders, store
from tests.web_farm import CHEAP, HASH, KEY, SECRET, small_farm

EVERY_S = 3.0
HERTZ = 10.0
LON, LAT = 106.51, 21.08
DEGREE_S = 1e-6
"""Degrees of longitude that stand for a second of the computer's steady clock."""
NAME = "Chị Hoa"


def reporting(minutes: float, over: threading.Event) -> Any:
    """Return what flies a plan: it reports ten times a second from where the clock is."""

    def fly(farm: Workspace, plan: Any, stored: Any, *, pilot: Any, **_: Any) -> Any:
        del farm, stored
        pilot.on_link(Orders())
        seen = standing(plan)
        briefing = Briefing(identity=COPTER, findings=(), plan_digest=plan.digest, telemetry=seen)
        if not pilot.may_arm(briefing):
            raise Refused("error.launch_not_confirmed")
        end_s, at_s = time.monotonic() + 60.0 * minutes, time.monotonic()
        while at_s < end_s and not over.is_set():
            place = LonLat(lon_deg=LON + DEGREE_S * time.monotonic(), lat_deg=LAT)
            flying = replace(seen, armed=True, mode=CopterMode.AUTO, height_m=4.0, place=place,
                             mission_current=3, battery_pct=80.0)  # fmt: skip
            pilot.on_progress(FlightProgress(phase=Phase.WATCH, telemetry=flying, photos=0,
                                             items=len(plan.items)))  # fmt: skip
            at_s += 1.0 / HERTZ
            time.sleep(max(0.0, at_s - time.monotonic()))
        raise Refused("error.launch_not_confirmed")

    return fly


def serve(port: int, minutes: float) -> None:
    """Serve a farm with one plan that can be flown, until the standard input closes."""
    import uvicorn

    few_pools()

    over = threading.Event()
    with tempfile.TemporaryDirectory() as folder, small_farm(Path(folder) / "farm") as farm:
        farm.people.add(Person(name=NAME, role=Role.OWNER, password_hash=HASH,
                               created_utc=farms.START))  # fmt: skip
        stored = store(farm, replace(flights.small_plan("Ruộng chợ"), survey=None))
        apron = Apron(farm, now=lambda: farms.START, fly=reporting(minutes, over))
        app = make_app(farm, hosts=frozenset({"127.0.0.1"}), setup_key=KEY, passwords=CHEAP,
                       apron=apron)  # fmt: skip
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, ws="none",
                                               log_level="error", lifespan="off"))  # fmt: skip
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        print(stored.uid, flush=True)
        sys.stdin.read()
        over.set()
        server.should_exit = True
        thread.join()
        apron.close()


def found(pattern: str, text: str) -> str:
    """Return what a page holds."""
    match = re.search(pattern, text)
    if match is None:
        message = f"{pattern} is not in {text[:500]}"
        raise RuntimeError(message)
    return match[1]


def went_on(answer: httpx.Response) -> str:
    """Return where a command sends its browser."""
    if answer.status_code != 303:
        raise RuntimeError(answer.text)
    return answer.headers["location"]


class Watcher:
    """A phone: an address, a session, what it was told when."""

    def __init__(self, number: int, port: int) -> None:
        address = f"127.0.{1 + number // 200}.{1 + number % 200}"
        self.base = f"http://127.0.0.1:{port}"
        transport = httpx.AsyncHTTPTransport(local_address=address)
        self.http = httpx.AsyncClient(transport=transport, base_url=self.base, timeout=30.0,
                                      headers={"accept": "text/html"})  # fmt: skip
        self.late_s: list[float] = []
        self.page_s: list[float] = []
        self.wrong: list[str] = []

    async def post(self, path: str, form: dict[str, str], seen: str) -> str:
        """Send a form of the page `seen`; return where it leads."""
        page = await self.http.get(seen)
        token = found(r'name="form_token" value="([0-9a-f]{64})"', page.text)
        return went_on(await self.http.post(path, data={"form_token": token, **form},
                                            headers={"origin": self.base}))  # fmt: skip

    async def sign_in(self) -> None:
        """Begin a session."""
        await self.post("/sign-in", {"name": NAME, "password": SECRET}, "/sign-in")

    async def listen(self, flight: str, until_s: float) -> None:
        """Note how late each state comes."""
        try:
            async with self.http.stream("GET", f"/flying/{flight}/events") as events:
                async for line in events.aiter_lines():
                    now_s = time.monotonic()
                    if line.startswith("data: {") and '"place": [' in line:
                        place = json.loads(line[6:])["place"]
                        self.late_s.append(now_s - (place[1] - LON) / DEGREE_S)
                    elif line.startswith("event: ") and line != "event: state":
                        self.wrong.append(line)
                    if now_s > until_s:
                        return
        except httpx.HTTPError as error:
            self.wrong.append(repr(error))

    async def look(self, pages: list[str], until_s: float, begin_s: float) -> None:
        """Open pages, and note how long each takes."""
        await asyncio.sleep(begin_s)
        at = 0
        while time.monotonic() < until_s:
            began_s = time.monotonic()
            try:
                answer = await self.http.get(pages[at % len(pages)])
                self.page_s.append(time.monotonic() - began_s)
                if answer.status_code != 200:
                    self.wrong.append(f"{pages[at % len(pages)]} {answer.status_code}")
            except httpx.HTTPError as error:
                self.wrong.append(repr(error))
            at += 1
            await asyncio.sleep(max(0.0, EVERY_S - (time.monotonic() - began_s)))


async def launched(watcher: Watcher, plan: str) -> str:
    """Ask for a flight and say yes to it; return its key."""
    page = (await watcher.http.get(f"/plans/{plan}/fly")).text
    digest, once = (found(rf'name="{name}" value="([^"]+)"', page) for name in ("digest", "once"))
    form = {"digest": digest, "once": once, "where": "sim", "speedup": "1"}
    flying = await watcher.post(f"/plans/{plan}/fly", form, f"/plans/{plan}/fly")
    end_s = time.monotonic() + 30.0
    while 'name="token"' not in page and time.monotonic() < end_s:
        page = (await watcher.http.get(flying)).text
        await asyncio.sleep(0.05)
    yes = {"token": found(r'name="token" value="([^"]+)"', page), "digest": digest,
           "password": SECRET}  # fmt: skip
    await watcher.post(f"{flying}/launch", yes, flying)
    return flying.rpartition("/")[2]


def memory_mb(pid: int) -> float:
    return round(int(found(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())) / 1024, 1)


def cpu_s(pid: int) -> float:
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(ticks[11]) + int(ticks[12])) / 100.0


async def watched(port: int, plan: str, pid: int, clients: int, seconds: float) -> dict[str, Any]:
    watchers = [Watcher(number, port) for number in range(clients)]
    for one in watchers:
        await one.sign_in()
    flight = await launched(watchers[0], plan)
    pages = ["/", f"/flying/{flight}", f"/plans/{plan}"]
    began_s, cpu = time.monotonic(), cpu_s(pid)
    until_s = began_s + seconds
    memory = [memory_mb(pid)]

    async def weigh() -> None:
        await asyncio.sleep(seconds / 10)
        memory.append(memory_mb(pid))

    await asyncio.gather(
        weigh(),
        *(one.listen(flight, until_s) for one in watchers),
        *(one.look(pages, until_s, EVERY_S * number / clients)
          for number, one in enumerate(watchers)),
    )  # fmt: skip
    memory.append(memory_mb(pid))
    late = np.concatenate([one.late_s for one in watchers])
    page = np.concatenate([one.page_s for one in watchers])
    wrong = [what for one in watchers for what in one.wrong]
    return {
        "clients": clients, "seconds": seconds, "states": len(late), "pages": len(page),
        "states_per_client_s": round(len(late) / clients / seconds, 2),
        "late_s": {f"p{p}": round(float(np.percentile(late, p)), 3) for p in (50, 95, 99, 100)},
        "page_s": {f"p{p}": round(float(np.percentile(page, p)), 3) for p in (50, 95, 99, 100)},
        "wrong": len(wrong), "first_wrong": wrong[:3],
        "server_cpu_share": round((cpu_s(pid) - cpu) / seconds, 3), "memory_mb": memory,
    }  # fmt: skip


def measured(clients: int, minutes: float, port: int) -> dict[str, Any]:
    server = subprocess.Popen(
        [sys.executable, __file__, "--child", str(port), "--minutes", str(minutes + 1.0)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        plan = server.stdout.readline().strip() if server.stdout else ""
        return asyncio.run(watched(port, plan, server.pid, clients, 60.0 * minutes))
    finally:
        server.communicate(timeout=60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--child", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        serve(given.child, given.minutes)
        return
    alone = measured(1, min(given.minutes, 0.5), given.port)
    many = measured(given.clients, given.minutes, given.port + 1)
    ratio = many["page_s"]["p95"] / alone["page_s"]["p95"]
    print(json.dumps({"alone": alone, "many": many, "page_p95_ratio": round(ratio, 2)}, indent=1))


if __name__ == "__main__":
    main()
