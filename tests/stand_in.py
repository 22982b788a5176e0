"""A stand-in for what flies a plan: asks the person as it must, and counts how often it armed.

No wire and no clock: for tests of who may start what, in which order, how often.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from agri.errors import Refused
from agri.findings import Finding
from agri.operations.fly import Flown, Pilot
from agri.operations.mission_files import check_loaded
from agri.operations.planning import record_of
from agri.words import Message
from agri.workspace import PlanRecord, Workspace
from missions.flight.briefing import Briefing
from missions.flight.launch import FlightProgress
from missions.flight.phases import Phase
from missions.flightplan import FlightPlan
from missions.formats.document import write_document
from missions.preflight.requirements import Requirement
from missions.wire.sightings import VehicleIdentity
from missions.wire.telemetry import CopterMode
from tests import farms, flights
from tests.scripted_link import standing

COPTER = VehicleIdentity(vehicle_type=2, autopilot=3, version="4.6.0")
NEED = Requirement(
    name="FENCE_ENABLE", wanted=1.0, fits=lambda value: value == 1.0,
    reason=Message.of("page.web_skip"),
)  # fmt: skip


class Orders:
    """A link that only notes what was ordered."""

    silence_s = 0.0

    def __init__(self) -> None:
        self.given: list[str] = []
        self.remarks: list[Message] = []
        self.asked = 0

    def telemetry(self) -> None:
        self.asked += 1

    def hold(self) -> None:
        self.given.append("hold")

    def return_home(self) -> None:
        self.given.append("return_home")

    def land(self) -> None:
        self.given.append("land")

    def spray_no_more(self) -> None:
        self.given.append("spray_no_more")

    def remark(self, message: Message) -> None:
        self.remarks.append(message)


@dataclass
class StandIn:
    """Takes the place of `agri.operations.fly.fly_plan`; `land` ends its flights."""

    needs: tuple[Requirement, ...] = ()
    found: tuple[Finding, ...] = ()
    armed: list[str] = field(default_factory=list)
    link: Orders = field(default_factory=Orders)
    down: threading.Event = field(default_factory=threading.Event)

    def __call__(
        self, farm: Workspace, plan: FlightPlan, stored: PlanRecord, *, pilot: Pilot, **_: Any
    ) -> Flown:
        del farm, stored
        pilot.on_link(self.link)  # type: ignore[arg-type]
        seen = standing(plan)
        pilot.on_progress(self._at(plan, Phase.READY, seen))
        if self.needs:
            pilot.may_set(self.needs)
        briefing = Briefing(identity=COPTER, findings=self.found, plan_digest=plan.digest,
                            telemetry=seen)  # fmt: skip
        if not pilot.may_arm(briefing):
            raise Refused("error.launch_not_confirmed")
        self.armed.append(plan.digest)
        flying = standing(plan)
        for name in ("armed", "mode", "height_m", "mission_current"):
            value = {"armed": True, "mode": CopterMode.AUTO, "height_m": 4.0, "mission_current": 3}
            object.__setattr__(flying, name, value[name])
        pilot.on_progress(self._at(plan, Phase.WATCH, flying, Message.of("event.took_off")))
        self.down.wait(30.0)
        record = flights.small_record(plan)
        return Flown(plan=plan, record=record, stored=SimpleNamespace(uid="f1"),  # type: ignore[arg-type]
                     findings=(), picture=Path("p"), page=Path("p"))  # fmt: skip

    def _at(self, plan: FlightPlan, phase: Phase, seen: Any, said: Any = None) -> FlightProgress:
        return FlightProgress(phase=phase, telemetry=seen, photos=0, items=len(plan.items),
                              message=said)  # fmt: skip


def store(farm: Workspace, plan: FlightPlan) -> PlanRecord:
    """Keep a plan in a farm, as planning does."""
    assert not [f for f in check_loaded(plan, None).findings if f.severity.name == "ERROR"]
    return farm.save_plan(record_of(plan, farms.START), write_document(plan))
