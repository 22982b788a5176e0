"""Flights whose program is killed: the farm, the aircraft on a UDP port, and what both tell then.

`kill_flight` does one whole round: a child flies, dies at a chosen moment, the aircraft is watched
in silence until it has come home, and a new child starts as a person would who opens agri again.
"""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import shapely
from pymavlink import mavutil

from agri.geo import LocalFrame, LonLat, distance_m
from agri.operations.mission_files import load_plan
from agri.operations.simulated import simulator_for
from agri.papers import circle
from agri.workspace import Workspace
from missions.flightplan import FlightPlan, job_of
from sitl.simulator import Simulator
from sitl.spray_gear import Deposit
from tests.flight_child import Order
from tests.papers import add_papers
from tests.spray_farm import MIX, feature, write_features

ROOT = Path(__file__).resolve().parents[1]
PLAN = "Phun"
PATIENCE_S = 240.0
ALONE_SPEEDUP = 60.0
"""How fast an aircraft flies on once nobody watches it but the test."""
STAGES = {
    "upload": ("upload", 0.15),
    "arming": ("yes", 0.4),
    "take-off": ("event.armed", 0.4),
    "transit": ("event.took_off", 0.5),
    "spraying": ("spraying", 3.0),
    "return": ("item 45", 0.9),
}
"""Where a flight may die: the word that begins it, and for how long it may go on, seconds."""
PUMP_OFF_US, PUMP_SLACK_US = 1100, 12


def make_farm(folder: Path) -> Path:
    """A farm with papers that hold and one small paddy to spray."""
    from agri.cli import main

    paddy = feature(shapely.box(0, 0, 45, 18), name="Ruộng", kind="field", crop="lúa")
    pad = feature(shapely.Point(-10, -8), name="Sân", kind="pad")
    places = write_features(folder / "places.geojson", paddy, pad)
    farm = folder / "farm"
    assert main(["init", str(farm), "--name", "Trại"]) == 0
    assert main(["fields", "add", str(places), "--farm", str(farm)]) == 0
    words = ["plan", "spray", "Ruộng", "--rate", "20", *MIX, "--wind", "2", "--name", PLAN]
    assert main([*words, "--farm", str(farm)]) == 0
    plan, _ = load_plan(PLAN, farm)
    with Workspace.open(farm) as workspace:
        add_papers(workspace, circle(plan.home, 3_000.0), datetime.now(UTC))
    return farm


class Nursery:
    """A program that flies what it is told, in children that may be killed."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.flight_child"], cwd=ROOT, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip
        self._rest = b""
        self.child = 0

    def begin(self, order: Order) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(order.line().encode())
        self.process.stdin.flush()
        self.child = int(self.next().removeprefix("born "))

    def next(self, within_s: float = PATIENCE_S) -> str:
        """The next line said; "" when there is none in time."""
        assert self.process.stdout is not None
        until_s = time.monotonic() + within_s
        while b"\n" not in self._rest:
            left_s = until_s - time.monotonic()
            handle = self.process.stdout.fileno()
            if left_s <= 0.0 or not select.select([handle], [], [], left_s)[0]:
                return ""
            data = os.read(handle, 65536)
            assert data, "the nursery died"
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()

    def until(self, word: str, within_s: float = PATIENCE_S) -> list[str]:
        """All lines up to one that begins with `word`, or the child's end."""
        told: list[str] = []
        until_s = time.monotonic() + within_s
        while not told or not (told[-1].startswith(word) or told[-1].startswith("gone")):
            line = self.next(until_s - time.monotonic())
            assert line, f"never said {word!r}: {told[-8:]}"
            told.append(line)
        return told

    def kill(self) -> list[str]:
        """Kill the child and return what it had said by then."""
        os.kill(self.child, signal.SIGKILL)
        return self.until("gone")

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30.0)
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextmanager
def nursery() -> Iterator[Nursery]:
    opened = Nursery()
    try:
        yield opened
    finally:
        opened.close()


@dataclass(slots=True)
class Seen:
    """One look at the aircraft."""

    armed: bool
    mode: int
    place: LonLat | None
    height_m: float
    pump_us: int
    time_s: float


class Watcher:
    """One who listens to the aircraft and sends no heartbeat."""

    def __init__(self, url: str) -> None:
        self.link = mavutil.mavlink_connection(url, source_system=254, source_component=1)
        self._last: dict[str, Any] = {}

    def look(self) -> Seen:
        """Wait for the next heartbeat and return what is known with it."""
        until_s = time.monotonic() + 20.0
        asked_s = 0.0
        while True:
            now_s = time.monotonic()
            assert now_s < until_s, "the aircraft is silent"
            if now_s - asked_s > 1.0:
                asked_s = now_s
                self.link.mav.request_data_stream_send(1, 1, 0, 10, 1)
            message = self.link.recv_match(blocking=True, timeout=0.2)
            if message is None:
                continue
            self._last[message.get_type()] = message
            known = {"HEARTBEAT", "GLOBAL_POSITION_INT", "SERVO_OUTPUT_RAW"} <= set(self._last)
            if message.get_type() == "HEARTBEAT" and known:
                return self._seen()

    def _seen(self) -> Seen:
        beat, at = self._last["HEARTBEAT"], self._last["GLOBAL_POSITION_INT"]
        return Seen(
            armed=bool(beat.base_mode & 128),
            mode=beat.custom_mode,
            place=LonLat(lon_deg=at.lon / 1e7, lat_deg=at.lat / 1e7),
            height_m=at.relative_alt / 1000.0,
            pump_us=self._last["SERVO_OUTPUT_RAW"].servo9_raw,
            time_s=at.time_boot_ms / 1000.0,
        )

    def hurry(self) -> None:
        """Let simulated time run."""
        for _ in range(3):
            self.link.mav.param_set_send(1, 1, b"SIM_SPEEDUP", ALONE_SPEEDUP, 9)

    def until_down(self, *, still_s: float = 15.0) -> tuple[list[Seen], bool]:
        """Watch until the motors have been off for a while; whether they were ever on again."""
        seen: list[Seen] = []
        off_s: float | None = None
        again = False
        while off_s is None or seen[-1].time_s - off_s < still_s:
            seen.append(self.look())
            if seen[-1].armed:
                again = again or off_s is not None
                off_s = None
            elif off_s is None:
                off_s = seen[-1].time_s
            assert seen[-1].time_s - seen[0].time_s < 1200.0, "never came down"
        return seen, again

    def close(self) -> None:
        self.link.close()


@dataclass(slots=True)
class Killed:
    """What became of one killed flight."""

    stage: str
    before: list[str]
    """What the child said until it was dead."""
    killed_utc: datetime
    flown: list[Seen]
    armed_again: bool
    home_m: float
    deposits: tuple[Deposit, ...]
    in_between: list[str] = field(default_factory=list)
    """What a start found while the aircraft was still in the air."""
    after: list[str] = field(default_factory=list)
    """What the next start said."""

    @property
    def last(self) -> str:
        """What it was doing when it died, by what it had said."""
        said = set(self.before)
        for stage, word in (
            ("down", "event.landed"), ("return", "home"), ("spraying", "spraying"),
            ("transit", "event.took_off"), ("take-off", "event.started"), ("arming", "yes"),
            ("upload", "upload"),
        ):  # fmt: skip
            if word in said:
                return stage
        return "before"


def kill_flight(
    nursery: Nursery, farm: Path, plan: FlightPlan, stage: str, seed: int, *, speedup: float = 20.0
) -> Killed:
    """Fly, kill at a seeded moment of a stage, watch the aircraft home, start anew."""
    chance = random.Random(seed)
    word, longest_s = STAGES[stage]
    with simulator_for(plan, speedup=speedup, udp=True) as aircraft:
        order = Order(farm=str(farm), plan=PLAN, url=aircraft.url, speedup=speedup,
                      token=f"launch-{stage}-{seed}")  # fmt: skip
        nursery.begin(order)
        before = nursery.until(word)
        time.sleep(chance.uniform(0.0, longest_s))
        killed_utc = datetime.now(UTC)
        if not before[-1].startswith("gone"):
            before += nursery.kill()
        between: list[str] = []
        if chance.random() < 0.4:
            nursery.begin(Order(farm=str(farm), plan=PLAN, url=aircraft.url, yes=False))
            between = nursery.until("gone")
        return _watched(nursery, order, aircraft, plan, stage, before, between, killed_utc)


def _watched(
    nursery: Nursery, order: Order, aircraft: Simulator, plan: FlightPlan, stage: str,
    before: list[str], between: list[str], killed_utc: datetime,
) -> Killed:  # fmt: skip
    watcher = Watcher(aircraft.url)
    try:
        watcher.hurry()
        seen, again = watcher.until_down()
        last = seen[-1]
        assert last.place is not None
        killed = Killed(
            stage=stage, before=before, killed_utc=killed_utc, flown=seen, armed_again=again,
            home_m=distance_m(plan.home, last.place), deposits=(), in_between=between,
        )  # fmt: skip
        link = watcher.link
        for _ in range(3):
            link.mav.param_set_send(1, 1, b"SIM_SPEEDUP", 10.0, 9)
        used = any(path.stem == order.token for path in Path(order.farm, "launches").glob("*"))
        again_order = Order(farm=order.farm, plan=PLAN, url=order.url, yes=used,
                            token=order.token if used else "")  # fmt: skip
        nursery.begin(again_order)
        killed.after = nursery.until("gone")
        killed.armed_again = killed.armed_again or watcher.look().armed
    finally:
        watcher.close()
    aircraft.stop()
    killed.deposits = aircraft.deposits()
    return killed


def outside_m(plan: FlightPlan, deposits: tuple[Deposit, ...]) -> float:
    """How far from what may be sprayed the farthest drop fell, metres."""
    if not deposits:
        return 0.0
    frame = LocalFrame(plan.home)
    ground = frame.geometry_to_local(job_of(plan).treatable)
    drops = shapely.points([(d.east_m, d.north_m) for d in deposits if d.flow_l_min > 0.0])
    return float(shapely.distance(ground, drops).max()) if len(drops) else 0.0
