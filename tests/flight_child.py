"""A program of its own that flies a farm's plan as ``agri fly`` does, for tests of sudden death.

``python -m tests.flight_child`` loads once, then forks a flight for each line of JSON it reads, the
values of `Order`, tells its number, what happens, and its end. A flight says yes to all, or no when
it is asked to arm.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from agri.errors import AgriError
from agri.findings import Finding
from agri.operations.clearance import Launcher
from agri.operations.fly import Pilot, fly_plan
from agri.operations.mission_files import load_plan
from agri.workspace import Workspace
from missions.flight.briefing import Blocked, Briefing
from missions.flight.launch import FlightProgress
from missions.flight.phases import Phase
from missions.flight.watching import goes_home
from missions.link.link import Link
from tests.papers import LICENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a child is asked to fly; `patience_s` is our own time that a busy machine may be silent
    for before the aircraft turns home."""

    farm: str
    plan: str
    url: str
    token: str = ""
    yes: bool = True
    speedup: float = 20.0
    patience_s: float = 1.0

    def line(self) -> str:
        return json.dumps(asdict(self)) + "\n"


def tell(*words: object) -> None:
    """Say a line at once and whole."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


class Person:
    """Says yes, or no to the arming, and tells each new thing once."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.link: Link | None = None
        self.told: set[str] = set()

    def once(self, *words: object) -> None:
        text = " ".join(map(str, words))
        if text not in self.told:
            self.told.add(text)
            tell(text)

    def on_link(self, link: Link) -> None:
        self.link = link
        self.once("connected")

    def on_found(self, found: tuple[Finding, ...]) -> None:
        for finding in found:
            self.once("found", finding.key)

    def may_arm(self, briefing: Briefing) -> bool:
        for finding in briefing.findings:
            self.once("briefed", finding.key)
        assert self.link is not None
        patience = max(5.0, self.order.patience_s * self.order.speedup)
        self.link.set_parameter("FS_GCS_TIMEOUT", patience)
        self.once("yes" if self.order.yes else "no")
        return self.order.yes

    def on_progress(self, progress: FlightProgress) -> None:
        seen = progress.telemetry
        if progress.transfer is not None:
            self.once("upload")
        if progress.phase is Phase.WATCH and "hurried" not in self.told:
            self.told.add("hurried")
            assert self.link is not None
            self.link.set_speedup(self.order.speedup)
        self.once("phase", progress.phase.name)
        if progress.message is not None:
            self.once(progress.message.key)
        if "event.took_off" in self.told:
            self.once("item", seen.mission_current)
            if seen.pump_share > 0.05:
                self.once("spraying")
            if self.goes_home(progress):
                self.once("home")

    def goes_home(self, progress: FlightProgress) -> bool:
        seen = progress.telemetry
        return seen.mode_name in ("RTL", "AUTO_RTL") or goes_home(self.plan, seen)

    def fly(self) -> None:
        order = self.order
        self.plan, stored = load_plan(order.plan, Path(order.farm))
        pilot = Pilot(may_set=lambda _: True, may_arm=self.may_arm, on_link=self.on_link,
                      on_progress=self.on_progress, on_found=self.on_found)  # fmt: skip
        with Workspace.open(Path(order.farm)) as farm:
            flown = fly_plan(farm, self.plan, stored, connect=order.url, pilot=pilot, language="vi",
                             now=datetime.now(UTC), launcher=Launcher(pilot=LICENCE.holder),
                             token=order.token)  # fmt: skip
        tell("flown", flown.record.outcome)


def fly(order: Order) -> None:
    """Fly, and tell what came of it."""
    try:
        Person(order).fly()
    except Blocked as blocked:
        for finding in blocked.findings:
            tell("blocked", finding.key)
    except AgriError as error:
        held = f"{error.holder.who}|{error.holder.pid}" if getattr(error, "holder", None) else ""
        tell("refused", error.message.key, held)


def nursery() -> None:
    """Fork a flight for each line read; tell its number and its end."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                fly(Order(**json.loads(line)))
            except BaseException:
                traceback.print_exc()
                tell("fault")
                os._exit(1)
            os._exit(0)
        tell("born", child)
        os.waitpid(child, 0)
        tell("gone", child)


if __name__ == "__main__":
    nursery()
