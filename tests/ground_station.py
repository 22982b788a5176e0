"""A small ground station for tests of the simulator: it talks to an `Autopilot` in memory.

It knows the MAVLink messages, not the code under test beyond `receive`, `advance` and `now_s`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agri.geo import LonLat
from sitl.autopilot import Autopilot
from sitl.ground import Ground

HOME = LonLat(lon_deg=106.512, lat_deg=21.083)
GROUND = Ground(HOME)
GCS, ME = 255, 190
AUTO, GUIDED, LOITER, RTL, LAND, BRAKE, STABILIZE, AUTO_RTL = 3, 4, 5, 6, 9, 17, 0, 27
ACCEPTED, DENIED, UNSUPPORTED, FAILED = 0, 2, 3, 4
Item = dict[str, Any]


def waypoint(east_m: float, north_m: float, z: float, command: int = 16, **more: Any) -> Item:
    lat, lon = GROUND.e7(east_m, north_m)
    return {"command": command, "frame": 6, "x": lat, "y": lon, "z": z, **more}


def take_off(z: float) -> Item:
    return {"command": 22, "frame": 6, "z": z}


def do(command: int, *params: float, **more: Any) -> Item:
    return {"command": command, "frame": 2, "params": (*params, *[0.0] * (4 - len(params))), **more}


def ring(corners: Iterable[tuple[float, float]], command: int = 5001) -> list[Item]:
    corners = list(corners)
    return [
        {**waypoint(*corner, 0.0, command), "frame": 0, "params": (float(len(corners)), 0, 0, 0)}
        for corner in corners
    ]


HOME_ITEM = {"command": 16, "frame": 0, "x": HOME.lat_e7, "y": HOME.lon_e7, "z": 10.0}
RETURN = {"command": 20, "frame": 3}


def item_message(seq: int, item: Item, kind: int = 0, **more: Any) -> Any:
    params = item.get("params", (0.0, 0.0, 0.0, 0.0))
    return mavlink.MAVLink_mission_item_int_message(
        more.get("target", 1),
        1,
        seq,
        item["frame"],
        item["command"],
        0,
        1,
        *params,
        item.get("x", 0),
        item.get("y", 0),
        item.get("z", 0.0),
        kind,
    )


class Station:
    """One ground station and its vehicle."""

    def __init__(self, vehicle: Autopilot | None = None, **options: Any) -> None:
        options.setdefault("ready_after_s", 2.0)
        self.vehicle = vehicle or Autopilot(home=HOME, **options)
        self.copter = self.vehicle.copter
        self.log: list[tuple[float, Any]] = []

    @property
    def now_s(self) -> float:
        return self.vehicle.now_s

    def send(self, message: Any, source: Any = None, system: int = GCS) -> None:
        message.get_header().srcSystem, message.get_header().srcComponent = system, ME
        self.vehicle.receive(message, source)

    def wait(self, seconds: float) -> list[Any]:
        """Let time pass; return what came."""
        came = self.vehicle.advance(self.now_s + seconds)
        self.log += [(self.now_s, message) for message in came]
        return came

    def answer(self, message: Any, *types: str) -> Any:
        """Send a message; return the first answer of one of the types, None without one."""
        self.send(message)
        came = self.wait(0.1)
        return next((reply for reply in came if reply.get_type() in types), None)

    def until(self, true: Callable[[], bool], limit_s: float = 600.0) -> float:
        """Let time pass until something is true; return how long it took."""
        began_s = self.now_s
        while not true():
            assert self.now_s - began_s < limit_s, f"not within {limit_s} s: {self.texts()[-8:]}"
            self.wait(0.1)
        return self.now_s - began_s

    def of(self, kind: str) -> list[Any]:
        return [message for _, message in self.log if message.get_type() == kind]

    def texts(self) -> list[str]:
        return [message.text for message in self.of("STATUSTEXT")]

    def command(self, number: int, *params: float) -> int | None:
        """Send COMMAND_LONG; return its MAV_RESULT, None without an answer."""
        values = [*params, *[0.0] * (7 - len(params))]
        reply = self.answer(
            mavlink.MAVLink_command_long_message(1, 1, number, 0, *values), "COMMAND_ACK"
        )
        return None if reply is None else int(reply.result)

    def mode(self, number: int) -> int | None:
        return self.command(176, 1, number)

    def set(self, name: str, value: float) -> None:
        self.send(mavlink.MAVLink_param_set_message(1, 1, name.encode(), value, 9))
        self.wait(0.02)

    def ready(self) -> None:
        self.until(lambda: self.copter.ready.position_good, 100.0)
        self.wait(1.1)

    def upload(self, items: list[Item], kind: int = 0) -> int:
        """Upload a plan; return MISSION_ACK's result."""
        self.send(mavlink.MAVLink_mission_count_message(1, 1, len(items), kind))
        while True:
            replies = [
                m for m in self.wait(0.1) if m.get_type() in ("MISSION_REQUEST", "MISSION_ACK")
            ]
            assert replies, "the vehicle fell silent"
            if replies[-1].get_type() == "MISSION_ACK":
                return int(replies[-1].type)
            self.send(item_message(replies[-1].seq, items[replies[-1].seq], kind))

    def download(self, kind: int = 0) -> list[Any]:
        count = self.answer(
            mavlink.MAVLink_mission_request_list_message(1, 1, kind), "MISSION_COUNT"
        ).count
        return [
            self.answer(
                mavlink.MAVLink_mission_request_int_message(1, 1, seq, kind), "MISSION_ITEM_INT"
            )
            for seq in range(count)
        ]

    def start(self, items: list[Item]) -> None:
        """Upload a mission (home is put before it) and let the aircraft fly it."""
        self.ready()
        assert self.upload([HOME_ITEM, *items]) == 0
        for order in ((176, 1, GUIDED), (400, 1), (176, 1, AUTO), (300,)):
            assert self.command(*order) == ACCEPTED, (order, self.texts())

    def landed(self, limit_s: float = 600.0) -> float:
        """Wait until the motors stop."""
        return self.until(lambda: not self.copter.armed, limit_s)

    @property
    def place(self) -> tuple[float, float, float]:
        body = self.copter.body
        return body.east_m, body.north_m, body.up_m
