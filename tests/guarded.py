"""A spray plan flown by the simulated autopilot, guarded over a radio, all on the fake clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from agri.track import FlightRecord
from missions.flight.recording import Recording
from missions.flight.watching import Note, Watched, watch
from missions.flightplan import FlightPlan
from missions.link.stops import mode_call, off_calls
from missions.wire.commands import CommandCall
from missions.wire.delivery import Delivery
from missions.wire.sightings import Sighting, SightingKind
from missions.wire.telemetry import CopterMode, PumpServo, Telemetry, fold
from missions.wire.transfer import Sends
from sitl.autopilot import Autopilot
from sitl.chaos import Chaos
from sitl.spray_gear import SprayHardware
from tests.virtual_air import PAIR, VirtualAir, awake_autopilot

PUMP = PumpServo(channel=9, min_us=1100.0, max_us=1900.0)
TOLD = ((511, 36, 1e5), (511, 33, 2e5), (511, 1, 5e5), (511, 193, 5e5), (511, 24, 5e5))
"""SERVO_OUTPUT_RAW ten times a second, the position five times, what is needed besides twice."""


class Crew:
    """Several machines driven as one."""

    def __init__(self) -> None:
        self.machines: list[CommandCall] = []
        self.finished = False

    def receive(self, received: Any, now_s: float) -> Sends:
        return tuple(s for m in self.machines for s in m.receive(received, now_s))

    def tick(self, now_s: float) -> Sends:
        return tuple(s for m in self.machines for s in m.tick(now_s))


def calls_for(wish: str) -> list[CommandCall]:
    """What a ground station says to an aircraft for a wish of the watch: the sprayer off first."""
    calls: list[CommandCall] = list(off_calls(PAIR, camera=False))
    if wish != "spray_off":
        calls.append(mode_call(PAIR, CopterMode.BRAKE if wish == "hold" else CopterMode.RTL))
    return calls


class GuardedFlight:
    """A plan flown by the simulated autopilot, with the watch on the other end of the radio."""

    def __init__(
        self,
        plan: FlightPlan,
        hardware: SprayHardware | None,
        radio: tuple[Chaos[bytes], Chaos[bytes]] | None = None,
        pilot: Autopilot | None = None,
        **parameters: float,
    ) -> None:
        pilot = pilot or awake_autopilot(parameters=parameters, sprayer=hardware)
        self.air, self.copter, self.crew = VirtualAir(pilot), pilot.copter, Crew()
        self.telemetry, self.watched = Telemetry(pump=PUMP), Watched()
        self.plan, self.notes = plan, list[str]()
        self.air.drive(Delivery(plan, PAIR))
        for order in (*TOLD, (176, 1, 4), (400, 1), (176, 1, 3), (300,)):
            self.air.drive(CommandCall(PAIR, int(order[0]), order[1:], word="mode"))
        if radio is not None:
            self.air.up, self.air.down = radio
        self.recording = Recording(self.telemetry.time_s)

    def step(self) -> None:
        before = len(self.air.crossed)
        self.air.step(self.crew)
        for now_s, way, message in self.air.crossed[before:]:
            if way == "down":
                self.telemetry = fold(self.telemetry, message, now_s)
                self._watch()

    def spray_no_more(self) -> None:
        """A person's own press."""
        self._watch(SightingKind.SPRAY_NO_MORE)
        self._order("spray_off")

    def _watch(self, kind: SightingKind = SightingKind.POSITION) -> None:
        sighting = Sighting(kind=kind, telemetry=self.telemetry)
        self.recording.take(sighting)
        self.watched, wishes = watch(self.plan, self.watched, sighting)
        for wish in wishes:
            if isinstance(wish, Note):
                self.notes.append(wish.message.key)
            elif wish == "spray_off":
                self._order(wish)

    def _order(self, wish: str) -> None:
        calls = calls_for(wish)
        self.crew.machines += calls
        for call in calls:
            self.air.transmit(call.start(self.air.now_s))

    def until(self, true: Any, limit_s: float = 300.0) -> float:
        began_s = self.air.now_s
        while not true():
            assert self.air.now_s - began_s < limit_s, "never came"
            self.step()
        return self.air.now_s - began_s

    def spray_to(self, east_m: float) -> None:
        self.until(lambda: self.copter.body.east_m > east_m and self.copter.sprayer.spraying)

    def order_mode(self, mode: int) -> None:
        """The pilot's own switch, not ours."""
        assert self.copter.set_mode(mode)

    def record(self) -> FlightRecord:
        """The flight as it was told."""
        return self.recording.record(
            plan_name=self.plan.name, plan_digest=self.plan.digest, vehicle="simulated",
            started_utc=datetime(2026, 11, 22, 1, 30, tzinfo=UTC), outcome="landed",
        )  # fmt: skip
