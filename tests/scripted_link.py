"""A link without a wire: what it was asked to do, one after the other, and an aircraft that obeys.

For tests of what `missions.flight.launch` and `missions.flight.briefing` ask for and in which
order. Nothing waits: every question for the next sighting brings one, by a clock of its own.
"""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from agri.errors import AgriError, LinkError
from agri.geo import LonLat
from agri.track import Photo
from missions.flightplan import FlightPlan
from missions.link.hearing import Heard
from missions.link.signing import SigningState
from missions.preflight.vehicle import needed_parameters
from missions.wire.commands import Parameter
from missions.wire.delivery import Verified
from missions.wire.sightings import Sighting, SightingKind, VehicleIdentity
from missions.wire.telemetry import CopterMode, MissionState, PumpServo, Telemetry


def standing(plan: FlightPlan) -> Telemetry:
    """An aircraft on its pad that is ready."""
    return Telemetry(
        time_s=60.0, heard_s=0.0, heartbeats=60, vehicle_type=2, autopilot=3, mode=0,
        place=plan.home, height_m=0.0, speed_m_s=0.0, battery_pct=98.0, fix_type=3, satellites=14,
        hdop=0.8, ekf_ok=True, prearm_ok=True, home=plan.home, home_amsl_m=10.0, landed=True,
    )  # fmt: skip


class ScriptedLink:
    """A link to an aircraft that flies from item to item, one for each sighting.

    Parameters
    ----------
    plan : FlightPlan
        What it will be asked to fly: it has the parameters for it.
    trouble : dict of str to error
        Name of a method: what it raises.
    parameters : dict of str to float or None
        Parameters that are otherwise.
    """

    def __init__(
        self,
        plan: FlightPlan,
        *,
        trouble: dict[str, AgriError] | None = None,
        parameters: dict[str, float | None] | None = None,
    ) -> None:
        self.plan, self.trouble = plan, trouble or {}
        self.held: dict[str, float | None] = {
            need.name: need.wanted for need in needed_parameters(plan)
        } | (parameters or {})
        self.seen = standing(plan)
        self.asked: list[str] = []
        self.values: dict[str, Any] = {}
        self.alive, self.rate, self.silence_s = True, 1.0, 0.0
        self.signing, self.address = SigningState.OFF, SimpleNamespace(is_serial=True)
        self.inbox: queue.SimpleQueue[Sighting] = queue.SimpleQueue()
        self.now_s = 0.0
        self.on_step: Callable[[ScriptedLink], None] = lambda _: None
        self.patient = False

    # ---- what is asked

    def _do(self, name: str, value: Any = None) -> None:
        self.asked.append(name)
        self.values[name] = value
        if name in self.trouble:
            raise self.trouble[name]

    def claim(self, token: str) -> None:
        self._do("claim", token)

    def require_simulation(self) -> None:
        self._do("require_simulation")

    def require_key(self) -> None:
        self._do("require_key")

    def is_simulation(self) -> bool:
        return False

    def heard(self) -> Heard:
        return Heard()

    def set_speedup(self, times: float) -> None:
        self._do("set_speedup", times)

    def identify(self) -> VehicleIdentity:
        self._do("identify")
        return VehicleIdentity(vehicle_type=2, autopilot=3, version="4.6.0")

    def read_parameters(self, names: Sequence[str]) -> tuple[Parameter, ...]:
        self._do("read_parameters", [*self.values.get("read_parameters", []), *names])
        return tuple(Parameter(name, self.held.get(name)) for name in names)

    def set_parameter(self, name: str, value: float) -> Parameter:
        self._do(f"set {name}", value)
        self.held[name] = value
        return Parameter(name, value)

    def watch_pump(self, channel: int = 0) -> PumpServo | None:
        self._do("watch_pump", channel)
        return PumpServo(channel=9, min_us=1000.0, max_us=2000.0)

    def upload(self, plan: FlightPlan, on_progress: Any = None) -> Verified:
        self._do("upload")
        on_progress("half")
        return self._proof(plan)

    def verify(self, plan: FlightPlan, on_progress: Any = None) -> Verified:
        self._do("verify")
        on_progress("half again")
        return self._proof(plan)

    def _proof(self, plan: FlightPlan) -> Verified:
        return Verified(
            plan_digest=plan.digest, mission_digest="m", fence_digest="f", rally_digest="r",
            verified_s=self.now_s,
        )  # fmt: skip

    @contextlib.contextmanager
    def patience(self) -> Iterator[None]:
        self.patient = True
        yield
        self.patient = False

    @contextlib.contextmanager
    def watch(self) -> Iterator[queue.SimpleQueue[Sighting]]:
        yield self.inbox

    def arm(self, proof: Verified) -> None:
        self._do("arm", proof)
        self.tell(armed=True)

    def disarm(self) -> None:
        self._do("disarm")
        self.tell(armed=False)

    def set_mode(self, mode: CopterMode) -> None:
        self._do(f"mode {mode.name}")
        self.tell(mode=int(mode))

    def start_mission(self) -> None:
        self._do("start_mission")
        self.tell(mission_current=1, mission_state=int(MissionState.ACTIVE))

    def hold(self) -> None:
        self._do("hold")
        self.tell(mode=int(CopterMode.BRAKE))

    def return_home(self) -> None:
        self._do("return_home")
        self.tell(mode=int(CopterMode.RTL))

    def sprayer_off(self) -> None:
        self._do("sprayer_off")

    # ---- what is seen

    def telemetry(self) -> Telemetry:
        """The aircraft now; when nothing waits to be seen, it moves on by a step."""
        if self.inbox.empty():
            self.step()
        return self.seen

    def clock(self) -> float:
        return self.now_s

    def step(self) -> None:
        """Half a second passes; in AUTO it flies to the next item, and lands after the last."""
        self.now_s += 0.5
        number = self.seen.mission_current
        if self.seen.mission_state == MissionState.ACTIVE and self.seen.armed:
            if self.seen.mode != CopterMode.AUTO or number >= len(self.plan.items):
                self.tell(armed=False, height_m=0.0, mission_current=0, mission_state=2)
            else:
                item = self.plan.items[number]
                near = item.is_located and item.z > 0.0
                place: LonLat | None = item.place if near else self.seen.place
                height_m = item.z if near else self.seen.height_m
                self.tell(mission_current=number + 1, place=place, height_m=height_m)
        else:
            self.tell()
        self.on_step(self)

    def tell(self, kind: SightingKind = SightingKind.POSITION, **changes: Any) -> None:
        """Show the aircraft with changes; its own clock moves a tenth of a second."""
        photo: Photo | None = changes.pop("photo", None)
        mode = changes.pop("ordered", None)
        moved = {"time_s": self.seen.time_s + 0.1, "heard_s": self.now_s} | changes
        self.seen = replace(self.seen, **moved)
        self.inbox.put(Sighting(kind=kind, telemetry=self.seen, photo=photo, mode=mode))


def silent(word: str = "x") -> LinkError:
    """What a link says when nothing answers."""
    return LinkError("error.link_command_silent", command=word)
