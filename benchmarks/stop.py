"""How long a Stop takes from the press on a phone to the packet on its way to the aircraft.

    python benchmarks/stop.py [--presses 100] [--watchers 20]

A server in this process serves a farm on a socket of the loopback, with passwords as dear as they
are; the aircraft is the simulator, ten times faster than the clock, over a link that is written
down frame by frame (the flight's own ``.tlog``, whose times are of the same clock). People watch
the flight by server-sent events, and one of them presses Stop again and again, each press a POST
with its form as the page sends it. A press counts from before its request leaves to the moment the
order to brake was written down as sent. The baseline beside it is the same order given to the
link without any server (`missions.link.link.Link.hold`).

JSON on standard output, milliseconds: both as median, 95 of 100 and longest; the figure asked for
is 300 ms from press to packet.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from pymavlink import mavutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from agri.operations.simulated import simulator_for
from agri.people import Person, Role
from agri.web.app import make_app
from agri.web.passwords import Passwords
from agri.workspace import Workspace
from agri.workspace.flightlog import TLOG
from missions.flightplan import FlightPlan
from missions.link.link import Link
from missions.wire.telemetry import CopterMode
from tests import flights
from tests.stand_in import store
from tests.web_farm import KEY, SECRET, small_farm

NAME = "Chị Hoa"
SET_MODE = 176
ASKED_MS = 300.0
PAUSE_S = 0.15


@contextmanager
def served(farm: Workspace) -> Iterator[str]:
    """Serve the farm and give its address."""
    uvicorn = importlib.import_module("uvicorn")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        app = make_app(farm, hosts=frozenset({"127.0.0.1"}), setup_key=KEY)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


class Phone:
    """One signed-in browser."""

    def __init__(self, base: str) -> None:
        self.http = httpx.Client(base_url=base, headers={"accept": "text/html"}, timeout=60.0)
        self.base = base
        self.post("/sign-in", {"name": NAME, "password": SECRET}, seen="/sign-in")

    def fields(self, path: str) -> dict[str, str]:
        """Return what the page's forms hold that nobody types."""
        return dict(re.findall(r'name="([a-z_]+)" value="([^"]*)"', self.http.get(path).text))

    def post(self, path: str, form: dict[str, str], *, seen: str) -> httpx.Response:
        """Send a form of a page."""
        data = {**self.fields(seen), **form}
        return self.http.post(path, data=data, headers={"origin": self.base})

    def until(self, path: str, *stages: str) -> str:
        """Wait for one of some stages of a flight."""
        while True:
            stage = str(self.http.get(f"{path}/state").json()["stage"])
            if stage in stages:
                return stage
            if stage in ("failed", "over"):
                raise RuntimeError(self.http.get(f"{path}/state").text)
            time.sleep(0.05)

    def launch(self, plan: str) -> str:
        """Fly a plan in the simulator; return the flight's page."""
        fly = f"/plans/{plan}/fly"
        answer = self.post(fly, {"where": "sim", "speedup": "5"}, seen=fly)
        path = str(answer.headers["location"])
        if self.until(path, "parameters", "briefing") == "parameters":
            self.post(f"{path}/parameters", {"answer": "yes"}, seen=path)
        while self.until(path, "briefing", "flying") == "briefing":
            self.post(f"{path}/launch", {"password": SECRET}, seen=path)
        while len(self.http.get(f"{path}/state").json()["spots"]) < 3:
            time.sleep(0.1)
        return path


def watch(base: str, cookies: Any, path: str, over: threading.Event) -> None:
    """Listen to a flight as a page does."""
    with (
        httpx.Client(base_url=base, cookies=cookies, timeout=60.0) as http,
        http.stream("GET", f"{path}/events") as answer,
    ):
        for _ in answer.iter_lines():
            if over.is_set():
                return


def presses(phone: Phone, path: str, count: int) -> list[float]:
    """Press Stop so often; return when, seconds since 1970."""
    form = {"form_token": phone.fields(path)["form_token"]}
    headers = {"origin": phone.base, "accept": "application/json"}
    pressed = []
    for _ in range(count):
        pressed.append(time.time())
        answer = phone.http.post(f"{path}/stop", data=form, headers=headers)
        answer.raise_for_status()
        time.sleep(PAUSE_S)
    return pressed


def brakes(tlog: Path) -> list[float]:
    """Return when orders to brake went out, seconds since 1970."""
    log = mavutil.mavlink_connection(str(tlog))
    sent = []
    while (message := log.recv_msg()) is not None:
        order = message.get_type() in ("COMMAND_LONG", "COMMAND_INT")
        if order and message.command == SET_MODE and message.param2 == CopterMode.BRAKE:
            sent.append(float(message._timestamp))
    log.close()
    return sent


def delays_ms(pressed: list[float], sent: list[float]) -> np.ndarray:
    """Return for each press how long the first order after it took."""
    first = [next((at for at in sent if at >= began), np.inf) for began in pressed]
    return 1000.0 * (np.array(first) - np.array(pressed))


def told(values: np.ndarray) -> dict[str, float]:
    """Return median, 95 of 100 and longest."""
    return {
        "median_ms": round(float(np.median(values)), 1),
        "p95_ms": round(float(np.percentile(values, 95)), 1),
        "longest_ms": round(float(values.max()), 1),
    }


def over_the_web(plan: FlightPlan, count: int, watchers: int) -> np.ndarray:
    """Press Stop in the app; return each press's delay, milliseconds."""
    with tempfile.TemporaryDirectory() as folder, small_farm(Path(folder) / "farm") as farm:
        owner = Person(name=NAME, role=Role.OWNER, password_hash=Passwords().hash_of(SECRET),
                       created_utc=datetime.now(UTC))  # fmt: skip
        farm.people.add(owner)
        record = store(farm, plan)
        over = threading.Event()
        with served(farm) as base:
            phone = Phone(base)
            path = phone.launch(record.uid)
            listening = [
                threading.Thread(target=watch, args=(base, phone.http.cookies, path, over))
                for _ in range(watchers)
            ]
            for one in listening:
                one.start()
            pressed = presses(phone, path, count)
            phone.post(f"{path}/land", {}, seen=path)
            over.set()
            phone.until(path, "over")
            for one in listening:
                one.join()
        (flight,) = farm.flights()
        return delays_ms(pressed, brakes(farm.flight_folder(flight) / TLOG))


def without_a_server(plan: FlightPlan, count: int) -> np.ndarray:
    """Give the same order to a link; return each one's delay, milliseconds."""
    with tempfile.TemporaryDirectory() as folder, simulator_for(plan) as aircraft:
        tlog = Path(folder) / "link.tlog"
        pressed = []
        with Link.connect(aircraft.url, tlog=tlog) as link:
            for _ in range(count):
                pressed.append(time.time())
                link.hold()
                time.sleep(PAUSE_S)
        return delays_ms(pressed, brakes(tlog))


def main() -> None:
    """Measure both and print them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--presses", type=int, default=100)
    parser.add_argument("--watchers", type=int, default=20)
    asked = parser.parse_args()
    plan = replace(flights.small_plan("Ruộng chợ"), survey=None)
    web = over_the_web(plan, asked.presses, asked.watchers)
    print(
        json.dumps(
            {
                "presses": asked.presses,
                "watchers": asked.watchers,
                "asked_ms": ASKED_MS,
                "press_to_packet": told(web),
                "link_alone": told(without_a_server(plan, asked.presses)),
                "within": float(np.mean(web <= ASKED_MS)),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
