"""Virtual time and a bad radio between agri's machines and the simulated autopilot.

Everything crosses as bytes: packed by pymavlink on one side and parsed on the other, so that what
the tests see is what a radio would carry. No thread, no socket, no clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agri.geo import LocalFrame, LonLat
from missions.flightplan import FencePolygon, FlightPlan, RallyPoint
from missions.items import Command, Frame, MissionItem, MissionType, digest, item_at
from missions.wire.messages import Address, Pair, Received, decode, encode
from missions.wire.transfer import Sends
from sitl.autopilot import Autopilot
from sitl.chaos import Chaos

HOME = LonLat(lon_deg=106.51, lat_deg=21.08)
VEHICLE, US = Address(1, 1), Address(255, 190)
PAIR = Pair(vehicle=VEHICLE, us=US)
STEP_S = 0.04

Filter = Callable[[Any, float], list[Any]]


class Machine(Protocol):
    @property
    def finished(self) -> bool: ...
    def start(self, now_s: float) -> Sends: ...
    def receive(self, received: Received, now_s: float) -> Sends: ...
    def tick(self, now_s: float) -> Sends: ...


def bad_radio(seed: int, *, loss: float = 0.3) -> tuple[Chaos[bytes], Chaos[bytes]]:
    """30 % loss, 5 % doubled, 5 % late, 30 ms and jitter, each way; both seeded."""
    up, down = (
        Chaos[bytes](
            loss=loss,
            duplicate=0.05,
            late=0.05,
            late_s=1.5,
            delay_s=0.03,
            jitter_s=0.02,
            seed=2 * seed + way,
        )
        for way in (0, 1)
    )
    return up, down


def good_radio() -> tuple[Chaos[bytes], Chaos[bytes]]:
    return Chaos[bytes](delay_s=0.03), Chaos[bytes](delay_s=0.03)


class VirtualAir:
    """One autopilot, one ground station, two directions of radio between them.

    `to_vehicle` and `to_us` may change, drop or add pymavlink messages on their way: they are given
    a message and the time and return what is passed on.
    """

    def __init__(
        self,
        autopilot: Autopilot,
        radio: tuple[Chaos[bytes], Chaos[bytes]] | None = None,
        *,
        to_vehicle: Filter | None = None,
        to_us: Filter | None = None,
    ) -> None:
        self.autopilot = autopilot
        self.up, self.down = radio or good_radio()
        self.to_vehicle = to_vehicle or (lambda message, _: [message])
        self.to_us = to_us or (lambda message, _: [message])
        self.now_s = autopilot.now_s
        self.crossed: list[tuple[float, str, Any]] = []
        self._ours = mavlink.MAVLink(None, srcSystem=US.system, srcComponent=US.component)
        self._theirs = mavlink.MAVLink(None, srcSystem=VEHICLE.system)
        self._at_vehicle, self._at_us = mavlink.MAVLink(None), mavlink.MAVLink(None)
        self._at_vehicle.robust_parsing = self._at_us.robust_parsing = True

    def transmit(self, sends: Sends) -> None:
        for body in sends:
            self.put_up(encode(body, VEHICLE))

    def put_up(self, message: Any, sender: Address = US) -> None:
        """Put a message on the way to the vehicle, from us or from somebody else."""
        self._ours.srcSystem, self._ours.srcComponent = sender.system, sender.component
        self.up.send(message.pack(self._ours), self.now_s)
        self._ours.seq = (self._ours.seq + 1) % 256

    def put_down(self, message: Any, sender: Address = VEHICLE) -> None:
        """Put a message on the way to us, from the vehicle or from somebody else."""
        self._theirs.srcSystem, self._theirs.srcComponent = sender.system, sender.component
        self.down.send(message.pack(self._theirs), self.now_s)
        self._theirs.seq = (self._theirs.seq + 1) % 256

    def step(self, machine: Machine | None = None) -> None:
        self.now_s += STEP_S
        for frame in self.up.due(self.now_s):
            for message in _whole(self._at_vehicle, frame):
                for passed in self.to_vehicle(message, self.now_s):
                    self.crossed.append((self.now_s, "up", passed))
                    self.autopilot.receive(passed)
        for message in self.autopilot.advance(self.now_s):
            for passed in self.to_us(message, self.now_s):
                self.put_down(passed)
        for frame in self.down.due(self.now_s):
            for message in _whole(self._at_us, frame):
                self.crossed.append((self.now_s, "down", message))
                received = decode(message)
                if machine is not None and received is not None:
                    self.transmit(machine.receive(received, self.now_s))
        if machine is not None:
            self.transmit(machine.tick(self.now_s))

    def drive(self, machine: Machine, limit_s: float = 1500.0) -> float:
        """Run a machine to its end; return how long it took, seconds."""
        began_s = self.now_s
        self.transmit(machine.start(self.now_s))
        while not machine.finished:
            assert self.now_s - began_s < limit_s, "the machine never ends"
            self.step(machine)
        return self.now_s - began_s

    def wait(self, seconds: float) -> None:
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.step()


def _whole(parser: Any, frame: bytes) -> list[Any]:
    """The messages in `frame`; what fails its checksum is dropped, as every receiver does."""
    return [m for m in parser.parse_buffer(frame) or [] if m.get_type() != "BAD_DATA"]


def awake_autopilot(**options: Any) -> Autopilot:
    """An autopilot that has initialised and may be armed."""
    autopilot = Autopilot(**{"home": HOME, "ready_after_s": 1.0, **options})
    autopilot.advance(2.0)
    return autopilot


def plan_of(count: int, *, offset_m: float = 0.0) -> FlightPlan:
    """A plan whose mission has `count` items, with a fence of four corners and a rally point."""
    frame = LocalFrame(HOME)
    items = [item_at(Command.NAV_TAKEOFF, HOME, 20.0)]
    for number in range(count - 2):
        if number % 7 == 3:
            items.append(MissionItem(command=Command.DO_SET_CAM_TRIGG_DIST, param1=7.25, param3=1))
            continue
        east, north = 5.0 * (number % 10) + offset_m, 3.0 * (number // 10)
        items.append(item_at(Command.NAV_WAYPOINT, frame.place(east, north), 20.0 + 0.11 * number))
    items.append(MissionItem(command=Command.NAV_RETURN_TO_LAUNCH))
    corners = tuple(frame.place(e, n) for e, n in ((-60, -60), (200, -60), (200, 200), (-60, 200)))
    return FlightPlan(
        name="virtual",
        home=HOME,
        items=tuple(items[-count:]),
        fence_polygons=(FencePolygon(inclusion=True, vertices=corners),),
        rally_points=tuple(
            RallyPoint(place=frame.place(5.0 * n, 5.0), altitude_m=15.0 + n) for n in range(3)
        ),
    )


def stored(autopilot: Autopilot, mission_type: MissionType) -> tuple[MissionItem, ...]:
    """What the vehicle really holds, read from its storage and not over any radio."""
    plan = {
        MissionType.MISSION: autopilot.copter.mission_plan,
        MissionType.FENCE: autopilot.copter.fence_plan,
        MissionType.RALLY: autopilot.copter.rally_plan,
    }[mission_type]
    skip = 1 if mission_type is MissionType.MISSION else 0
    return tuple(
        MissionItem(
            command=item.command,
            frame=Frame(item.frame),
            param1=item.params[0],
            param2=item.params[1],
            param3=item.params[2],
            param4=item.params[3],
            x=item.x,
            y=item.y,
            z=item.z,
        )
        for item in plan.items[skip:]
    )


def holds(autopilot: Autopilot, plan: FlightPlan) -> bool:
    """Whether the vehicle's storage is this plan, all three lists of it."""
    return all(
        digest(stored(autopilot, kind)) == digest(plan.wire_items(kind)) for kind in MissionType
    )
