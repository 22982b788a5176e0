"""A spray plan flown over one hazard of `sitl.scenarios`, watched by agri's own watch loop.

`Watcher` is the ground station: it hears MAVLink, folds it into telemetry, watches as a flight does
and orders what it wishes. `Embedded` and `Real` are the two ways it is joined to a vehicle; what
crosses is the same. What is measured is the pulse of the pump's servo on the vehicle's own clock,
looked at fifty times a second.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import pytest
import shapely
from pymavlink import mavutil
from pymavlink.dialects.v20 import ardupilotmega as mavlink
from shapely.geometry import LineString, box

from missions.flight.watching import Note, Watched, watch
from missions.flightplan import FlightPlan
from missions.items import Command, Frame, MissionItem, MissionType, item_at
from missions.wire.messages import encode
from missions.wire.sightings import Sighting, SightingKind
from missions.wire.telemetry import Telemetry, fold
from sitl import scenarios
from sitl.ardupilot import ArduPilot
from sitl.autopilot import Autopilot
from sitl.faults import Fault
from sitl.modes import Mode
from sitl.scenarios import SPRAYING, Breaks, Ending, Scenario
from sitl.spray_gear import SprayHardware
from tests import spray_flown as spraying
from tests.guarded import PUMP, calls_for
from tests.virtual_air import VEHICLE

SWATH_M, SPEED_M_S = 5.0, 5.0
REST_US = 1100
LATEST_S = 900.0
PAD_M, BELOW_M = 3.0, 30.0
TOLD = ((36, 2e4), (33, 1e5), (0, 1e5), (1, 2e5), (193, 2e5), (24, 2e5), (42, 2e5), (162, 2e5),
        (242, 5e5), (168, 1e6), (30, 2e5))  # fmt: skip
SIGHTED = {"HEARTBEAT", "GLOBAL_POSITION_INT", "MISSION_CURRENT", "SYS_STATUS", "STATUSTEXT"}
"""What is shown to the watch, ten times a second and more; the rest is folded in."""
START = ((176, 1, 4), (400, 1), (176, 1, 3), (300,))
HARDWARE = SprayHardware(pump=((0.0, 0.0), (1.0, 6.0)), nozzles=4, kg_per_l=0.0)
GUARDED = {"SCR_ENABLE": 1.0, "SPGD_VER": 1.0}


def plan() -> FlightPlan:
    """Two lines of the field and a way home that begins with the sprayer off."""
    norths = spraying.NORTHS[2:4]
    home = MissionItem(command=Command.NAV_RETURN_TO_LAUNCH)
    leg = (
        MissionItem(command=Command.DO_LAND_START, frame=Frame.RELATIVE),
        spraying.sprayer_item(False),
        item_at(Command.NAV_WAYPOINT, spraying.FRAME.place(0.0, 5.0), 5.0),
        spraying.sprayer_item(False),
        home,
    )
    flown = spraying.plan(norths=norths)
    return replace(flown, items=(*spraying.items(norths)[:-1], *leg))


class Vehicle(Protocol):
    """What a ground station needs of either vehicle."""

    def send(self, message: Any, system: int = 255) -> None: ...
    def hear(self) -> Iterable[Any]: ...
    def breaks(self, deed: Breaks) -> None: ...
    def empties(self) -> None: ...


class Embedded:
    """The embedded vehicle, in memory."""

    def __init__(self, **parameters: float) -> None:
        self.pilot = Autopilot(
            home=spraying.HOME, ready_after_s=1.0, sprayer=HARDWARE,
            parameters={**SPRAYING, **GUARDED, **parameters},
        )  # fmt: skip
        self.copter = self.pilot.copter

    def send(self, message: Any, system: int = 255) -> None:
        message.get_header().srcSystem, message.get_header().srcComponent = system, 190
        self.pilot.receive(message)

    def hear(self) -> Iterable[Any]:
        return self.pilot.advance(self.pilot.now_s + 0.04)

    def breaks(self, deed: Breaks) -> None:
        self.copter.faults.add(Fault(kind=deed.kind, value=deed.value, at_s=0.0))

    def empties(self) -> None:
        self.copter.gear.tank_l = 0.0


class Real:
    """A real ArduCopter, at a socket."""

    def __init__(self, running: ArduPilot) -> None:
        self.link = mavutil.mavlink_connection(running.url, source_system=255)
        self.link.wait_heartbeat(timeout=60.0)
        self.link.mav.request_data_stream_send(1, 1, 0, 4, 1)

    def send(self, message: Any, system: int = 255) -> None:
        self.link.mav.srcSystem, self.link.mav.srcComponent = system, 190
        self.link.mav.send(message)

    def hear(self) -> Iterable[Any]:
        message = self.link.recv_match(blocking=True, timeout=1.0)
        return () if message is None else (message,)

    def breaks(self, deed: Breaks) -> None:
        pytest.skip(f"a real vehicle has no {deed.kind}")

    def empties(self) -> None:
        """Its tank is endless; what is put out is what its pump was told."""


@dataclass(slots=True)
class Flown:
    """What one flight over a hazard came to."""

    noticed_after_s: float = 0.0
    still_after_s: float = math.inf
    ending: Ending | None = None
    modes: set[int] = field(default_factory=set)
    outside_m2: float = 0.0
    breached: bool = False
    texts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Watcher:
    """A ground station with agri's watch, and a log of what the vehicle told."""

    def __init__(self, vehicle: Vehicle, flight: FlightPlan) -> None:
        self.vehicle, self.plan = vehicle, flight
        self.telemetry, self.watched = Telemetry(pump=PUMP), Watched()
        self.speaks = self.hears = True
        self.unheard: set[str] = set()
        self.pulses: list[tuple[float, int]] = []
        self.places: list[tuple[float, float, float]] = []
        self.texts: list[tuple[float, str]] = []
        self.notes: list[str] = []
        self.noted_s: dict[str, float] = {}
        self.mode, self.armed, self.healthy, self.breached = -1, False, False, False
        self.position_good, self.height_m = False, 0.0
        self.spoke_s = -1.0
        self.last: dict[str, Any] = {}

    @property
    def now_s(self) -> float:
        return self.pulses[-1][0] if self.pulses else 0.0

    @property
    def sprays(self) -> bool:
        return bool(self.pulses) and self.pulses[-1][1] > REST_US + 300

    def until(self, true: Callable[[], Any], limit_s: float = LATEST_S) -> None:
        began_s, end_s = self.now_s, time.monotonic() + 300.0
        while not true():
            late = self.now_s - began_s > limit_s or time.monotonic() > end_s
            assert not late, f"never came: {self.mode} {self.texts[-6:]} {self.notes[-6:]}"
            self.listen()

    def listen(self) -> None:
        for message in self.vehicle.hear():
            if message.get_srcSystem() == 1 and message.get_type() != "BAD_DATA":
                self._take(message)
        if self.speaks and self.now_s - self.spoke_s >= 0.5:
            self.spoke_s = self.now_s
            self.vehicle.send(mavlink.MAVLink_heartbeat_message(6, 8, 0, 0, 4, 3))

    def _take(self, message: Any) -> None:
        kind = message.get_type()
        self.last[kind] = message
        match kind:
            case "SERVO_OUTPUT_RAW":
                self.pulses.append((message.time_usec / 1e6, message.servo9_raw))
            case "HEARTBEAT":
                self.mode, self.armed = message.custom_mode, bool(message.base_mode & 128)
            case "GLOBAL_POSITION_INT":
                east, north = spraying.FRAME.to_local(message.lon / 1e7, message.lat / 1e7)
                self.places.append((self.now_s, float(east), float(north)))
                self.height_m = message.relative_alt / 1e3
            case "STATUSTEXT":
                self.texts.append((self.now_s, message.text))
            case "SYS_STATUS":
                self.healthy = bool(message.onboard_control_sensors_health & 0x10000000)
            case "EKF_STATUS_REPORT":
                self.position_good = bool(message.flags & 16)
            case "FENCE_STATUS":
                self.breached = self.breached or bool(message.breach_status)
        if self.hears and kind not in self.unheard:
            self.telemetry = fold(self.telemetry, message, self.now_s)
            if kind in SIGHTED:
                self._watch(SightingKind.TEXT if kind == "STATUSTEXT" else SightingKind.POSITION)

    def _watch(self, kind: SightingKind) -> None:
        seen = Sighting(kind=kind, telemetry=self.telemetry)
        self.watched, wishes = watch(self.plan, self.watched, seen)
        for wish in wishes:
            if isinstance(wish, Note):
                self.notes.append(wish.message.key)
                self.noted_s.setdefault(wish.message.key, self.now_s)
                continue
            for call in calls_for(wish):
                for body in call.start(self.now_s):
                    self.vehicle.send(encode(body, VEHICLE))

    # ---- orders

    def command(self, number: int, *params: float, system: int = 255) -> None:
        values = [*params, *[0.0] * (7 - len(params))]
        message = mavlink.MAVLink_command_long_message(1, 1, number, 0, *values)
        self.last.pop("COMMAND_ACK", None)
        self.vehicle.send(message, system)
        self.until(lambda: self._acked(number), 20.0)
        assert self.last["COMMAND_ACK"].result == 0, (number, params, self.texts[-3:])

    def _acked(self, number: int) -> bool:
        ack = self.last.get("COMMAND_ACK")
        return ack is not None and ack.command == number

    def told(self, name: str) -> bool:
        """Whether the vehicle's last word of a parameter was of this one."""
        value = self.last.get("PARAM_VALUE")
        return value is not None and value.param_id == name

    def set(self, name: str, value: float) -> None:
        self.vehicle.send(mavlink.MAVLink_param_set_message(1, 1, name.encode(), value, 9))

    def upload(self, kind: MissionType) -> None:
        items = self.plan.wire_items(kind)
        if kind is MissionType.MISSION:
            items = (item_at(Command.NAV_WAYPOINT, self.plan.home, 0.0), *items)
        self.last.pop("MISSION_ACK", None)
        self.vehicle.send(mavlink.MAVLink_mission_count_message(1, 1, len(items), int(kind)))
        while True:
            for name in ("MISSION_REQUEST", "MISSION_REQUEST_INT"):
                self.last.pop(name, None)
            self.until(lambda: self.last.keys() & {"MISSION_REQUEST", "MISSION_REQUEST_INT",
                                                   "MISSION_ACK"}, 20.0)  # fmt: skip
            if "MISSION_ACK" in self.last:
                assert self.last["MISSION_ACK"].type == 0
                return
            asked = self.last.get("MISSION_REQUEST") or self.last["MISSION_REQUEST_INT"]
            item = items[asked.seq]
            self.vehicle.send(
                mavlink.MAVLink_mission_item_int_message(
                    1,
                    1,
                    asked.seq,
                    int(item.frame),
                    item.command,
                    0,
                    1,
                    item.param1,
                    item.param2,
                    item.param3,
                    item.param4,
                    item.x,
                    item.y,
                    item.z,
                    int(kind),
                )
            )

    def take_off(self) -> None:
        """Bring the plan on board and begin to fly it."""
        self.until(lambda: "HEARTBEAT" in self.last, 60.0)
        for message_id, every_us in TOLD:
            values = (float(message_id), every_us, 0.0, 0.0, 0.0, 0.0, 0.0)
            self.vehicle.send(mavlink.MAVLink_command_long_message(1, 1, 511, 0, *values))
        self.until(lambda: self.healthy and self.position_good)
        self.upload(MissionType.FENCE)
        self.upload(MissionType.MISSION)
        began_s = self.now_s
        self.until(lambda: self.now_s > began_s + 2.0 and self.healthy)
        for order in START:
            self.command(int(order[0]), *order[1:])
        assert not self.breached


def do(watcher: Watcher, deed: scenarios.Deed) -> None:
    """Do to the vehicle what the scenario says, and hear its answer if it gives one.

    The answer stands among what the vehicle tells at the very time it acted, however far behind
    a busy machine hears it.
    """
    match deed:
        case scenarios.Setting(name, value):
            watcher.last.pop("PARAM_VALUE", None)
            watcher.set(name, value)
            watcher.until(lambda: watcher.told(name), 20.0)
        case scenarios.Order(command, params, system):
            watcher.command(command, *params, system=system)
        case scenarios.GoTo(wanted):
            numbers = [n for n, i in enumerate(watcher.plan.items, 1) if i.command == wanted]
            watcher.command(224, numbers[0])
        case scenarios.Silence():
            watcher.speaks = watcher.hears = False
        case Breaks():
            watcher.vehicle.breaks(deed)
        case scenarios.Empties():
            watcher.vehicle.empties()
            watcher.plan = _holding(watcher.plan, watcher.watched.spray.litres)
        case scenarios.MovesHome(east_m, north_m):
            place = spraying.FRAME.place(east_m, north_m)
            watcher.vehicle.send(
                mavlink.MAVLink_command_int_message(
                    1, 1, 0, 179, 0, 0, 0.0, 0.0, 0.0, 0.0, place.lat_e7, place.lon_e7, 10.0
                )
            )
        case _:
            raise AssertionError(f"{deed} is not done in the air")


def _holding(flight: FlightPlan, litres: float) -> FlightPlan:
    """The same plan for a tank that held just so much."""
    assert flight.spray is not None
    settings = flight.spray.settings
    sprayer = replace(settings.sprayer, tank_l=litres)
    return replace(flight, spray=replace(flight.spray, settings=replace(settings, sprayer=sprayer)))


def fly(
    vehicle: Vehicle, scenario: Scenario, dice: random.Random, *, watched: bool = True
) -> Flown:
    """Fly the plan, do the deed at a chance moment of a sprayed line, see how it ends.

    Without `watched` agri's watch sees nothing: what is done is done on board.
    """
    watcher = Watcher(vehicle, plan())
    watcher.hears = watched
    watcher.take_off()
    first, east_m = dice.random() < 0.5, dice.uniform(18.0, 122.0)
    first = first or bool(scenario.noted)  # what takes seconds to be judged needs a line ahead
    outward = spraying.NORTHS[2] if first else spraying.NORTHS[3]

    def there() -> bool:
        _, east, north = watcher.places[-1]
        return watcher.sprays and abs(north - outward) < 1.0 and abs(east - east_m) < 3.0

    watcher.until(lambda: watcher.places and there())
    spoken = len(watcher.texts)
    do(watcher, scenario.deed)
    began_s = watcher.now_s
    return _to_the_end(watcher, scenario, began_s, spoken)


def _to_the_end(watcher: Watcher, scenario: Scenario, began_s: float, spoken: int) -> Flown:
    flown = Flown()
    at = watcher.places[-1][1:]
    noticed_s = began_s
    if scenario.notice:
        watcher.until(lambda: any(scenario.notice in t for _, t in watcher.texts[spoken:]), 60.0)
        noticed_s = next(s for s, t in watcher.texts[spoken:] if scenario.notice in t)
        flown.noticed_after_s = noticed_s - began_s
        at = watcher.places[-1][1:]
    if scenario.noted:
        watcher.until(lambda: scenario.noted in watcher.noted_s, 120.0)
        noticed_s = watcher.noted_s[scenario.noted]
        flown.noticed_after_s = noticed_s - began_s
    modes = {watcher.mode}

    def over() -> bool:
        modes.add(watcher.mode)
        if scenario.ending is Ending.HOLDS:
            return watcher.now_s > noticed_s + 20.0
        return not watcher.armed

    watcher.until(over)
    flown.modes = modes
    flown.ending = _ending(watcher, scenario, at)
    _pump(flown, watcher, began_s, noticed_s)
    flown.breached = watcher.breached
    flown.texts, flown.notes = [text for _, text in watcher.texts[spoken:]], watcher.notes
    return flown


def _ending(watcher: Watcher, scenario: Scenario, at: tuple[float, float]) -> Ending:
    here = watcher.places[-1][1:]
    if watcher.armed:
        assert watcher.height_m > 2.0
        return Ending.HOLDS
    if math.hypot(*here) <= PAD_M:
        return Ending.FLOWN if watcher.mode == Mode.AUTO else Ending.PAD
    if scenario.ending is Ending.BELOW and math.dist(here, at) <= BELOW_M:
        return Ending.BELOW
    return Ending.AWAY


def _pump(flown: Flown, watcher: Watcher, began_s: float, noticed_s: float) -> None:
    """When it came to rest for good, and what was sprayed beside the field until then."""
    after = [(at_s, pulse) for at_s, pulse in watcher.pulses if at_s >= began_s]
    wet = [at_s for at_s, pulse in after if pulse > REST_US]
    last_s = wet[-1] + 0.02 if wet else began_s
    flown.still_after_s = max(0.0, last_s - noticed_s)
    way = [place[1:] for place in watcher.places if began_s - 0.2 <= place[0] <= last_s + 0.2]
    if len(way) > 1:
        sprayed = LineString(way).buffer(SWATH_M / 2.0, cap_style="flat")
        field_ground = box(*spraying.FIELD)
        flown.outside_m2 = float(shapely.difference(sprayed, field_ground).area)
