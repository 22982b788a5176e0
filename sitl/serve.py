"""The socket rim of the simulator: MAVLink over TCP or UDP, paced by SIM_SPEEDUP.

``python -m sitl.serve --home 21.08,106.51,10 --port 5760`` stands in for a real simulated
aircraft and says one line when it can be connected to: ``ready tcp:127.0.0.1:5760``. It ends on
SIGTERM or Ctrl-C, and by itself when the process that started it is gone. `Simulator` starts it as
a process of its own and stops it again.

Only the loopback address is listened on unless another is asked for: whoever reaches this port
commands the vehicle. Several ground stations may connect; each TCP connection and each UDP
address is a channel of its own. Simulated time runs SIM_SPEEDUP times as fast as the wall clock
as far as the machine can follow; it never makes up for what it lost, and it waits for a TCP
reader that cannot keep up, unless that one takes nothing at all for two seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import signal
import socket
import struct
import sys
import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agri.errors import AgriError, BadInput
from agri.geo import LonLat
from sitl.autopilot import COMPONENT, Autopilot
from sitl.faults import Fault, FaultKind
from sitl.firmware import Firmware
from sitl.signing import SignedParser
from sitl.simulator import DEPOSIT, Simulator
from sitl.spray_gear import SprayHardware
from sitl.vehicle import Airframe

__all__ = ["Simulator", "main", "serve"]

SLICE_S = 0.02
"""Longest wall-clock time between two looks at the sockets."""
BACKLOG_BYTES = 65_536
STUCK_S = 2.0
FORGET_UDP_S = 60.0


@dataclass(slots=True)
class _Peer:
    """One ground station: its MAVLink parser, and bytes the socket has not taken yet."""

    source: Hashable
    connection: socket.socket
    parser: SignedParser
    address: Any = None
    waiting: bytearray = field(default_factory=bytearray)
    moved_s: float = 0.0

    def decode(self, data: bytes) -> list[Any]:
        return self.parser.parse_buffer(data) or []

    def encode(self, messages: Sequence[Any], system: int) -> None:
        self.parser.srcSystem, self.parser.srcComponent = system, COMPONENT
        for message in messages:
            packet = message.pack(self.parser)
            self.parser.seq = (self.parser.seq + 1) % 256
            if self.address is None:
                self.waiting += packet
            else:
                self.connection.sendto(packet, self.address)

    def flush(self, now_s: float) -> None:
        """Hand over what the socket takes; what a stuck reader leaves is dropped."""
        if not self.waiting:
            self.moved_s = now_s
            return
        try:
            sent = self.connection.send(self.waiting)
        except BlockingIOError:
            sent = 0
        if sent:
            del self.waiting[:sent]
            self.moved_s = now_s
        elif now_s - self.moved_s > STUCK_S:
            self.waiting.clear()


class _Server:
    """The sockets around one `Autopilot`."""

    def __init__(
        self, autopilot: Autopilot, host: str, port: int, protocol: str, *, wired: bool
    ) -> None:
        self.autopilot = autopilot
        self._wired = wired
        autopilot.detach(None)
        kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
        self._listener = socket.socket(socket.AF_INET, kind)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((host, port))
        self._listener.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._peers: dict[Hashable, _Peer] = {}
        self.port = int(self._listener.getsockname()[1])
        if protocol == "tcp":
            self._listener.listen()
        self._selector.register(
            self._listener,
            selectors.EVENT_READ,
            self._accept if protocol == "tcp" else self._datagram,
        )

    def turn(self, wait_s: float) -> None:
        """Look at the sockets once, waiting for at most `wait_s` seconds."""
        for key, _ in self._selector.select(wait_s):
            if isinstance(key.data, _Peer):
                self._read(key.data)
            else:
                key.data()
        self.flush()

    def flush(self) -> None:
        """Send what the vehicle has to say to everyone."""
        now_s = time.monotonic()
        for peer in list(self._peers.values()):
            try:
                peer.encode(self.autopilot.take(peer.source), self.autopilot.system_id)
                peer.flush(now_s)
            except OSError:
                self._drop(peer)

    @property
    def held_up(self) -> bool:
        """Whether a reader is so far behind that time should wait."""
        return any(len(peer.waiting) > BACKLOG_BYTES for peer in self._peers.values())

    def close(self) -> None:
        """Close every socket."""
        for peer in list(self._peers.values()):
            self._drop(peer)
        self._listener.close()
        self._selector.close()

    def forget_silent(self, now_s: float) -> None:
        """Forget UDP addresses nothing has come from for a while."""
        for peer in list(self._peers.values()):
            if peer.address is not None and now_s - peer.moved_s > FORGET_UDP_S:
                self._drop(peer)

    def _accept(self) -> None:
        connection, address = self._listener.accept()
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = _Peer(address, connection, self._parser(), moved_s=time.monotonic())
        self._peers[address] = peer
        self.autopilot.attach(address)
        self._selector.register(connection, selectors.EVENT_READ, peer)

    def _parser(self) -> SignedParser:
        return SignedParser(self.autopilot.signing, wired=self._wired)

    def _datagram(self) -> None:
        try:
            data, address = self._listener.recvfrom(65_535)
        except OSError:
            return
        peer = self._peers.get(address)
        if peer is None:
            peer = self._peers[address] = _Peer(address, self._listener, self._parser(), address)
            self.autopilot.attach(address)
        peer.moved_s = time.monotonic()
        self._take(peer, data)

    def _read(self, peer: _Peer) -> None:
        try:
            data = peer.connection.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._take(peer, data)
        else:
            self._drop(peer)

    def _take(self, peer: _Peer, data: bytes) -> None:
        for message in peer.decode(data):
            self.autopilot.receive(message, peer.source)

    def _drop(self, peer: _Peer) -> None:
        if self._peers.pop(peer.source, None) is None:
            return
        self.autopilot.detach(peer.source)
        if peer.address is None:
            self._selector.unregister(peer.connection)
            peer.connection.close()


def serve(
    autopilot: Autopilot,
    *,
    host: str,
    port: int,
    protocol: str,
    parent: int | None = None,
    announce: Any = sys.stdout,
    deposits: Path | None = None,
    wired: bool = True,
) -> None:
    """Serve one vehicle until SIGTERM, SIGINT or the end of the parent process.

    Parameters
    ----------
    autopilot : Autopilot
        The vehicle.
    host, port : str, int
        Address to listen on; port 0 lets the system choose.
    protocol : {"tcp", "udp"}
        What to listen with.
    parent : int, optional
        Process whose end ends this one; the one that started it when not given. It is asked for
        before anything is announced, as the parent may be gone right after.
    announce : text file
        Where the one line ``ready …`` is written.
    deposits : Path, optional
        File to which what leaves the nozzles is added (`sitl.simulator.DEPOSIT` rows).
    wired : bool
        Whether unsigned frames are taken although a key is set, as on ArduPilot's USB port.
    """
    parent = os.getppid() if parent is None else parent
    ended: list[int] = []
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda number, _: ended.append(number))
    server = _Server(autopilot, host, port, protocol, wired=wired)
    scheme = "tcp" if protocol == "tcp" else "udpout"
    announce.write(f"ready {scheme}:{host}:{server.port}\n")
    announce.flush()
    try:
        _run(server, lambda: bool(ended) or os.getppid() != parent, deposits)
    finally:
        _keep_deposits(autopilot, deposits)
        server.close()


def _keep_deposits(autopilot: Autopilot, path: Path | None) -> None:
    fresh = autopilot.copter.gear.deposits
    if path is not None and fresh:
        with path.open("ab") as file:
            file.write(b"".join(struct.pack(DEPOSIT, *deposit) for deposit in fresh))
        fresh.clear()


def _run(server: _Server, over: Any, deposits: Path | None) -> None:
    autopilot = server.autopilot
    last_s = time.monotonic()
    ahead_s = 0.0
    while not over():
        now_s = time.monotonic()
        speedup = max(0.01, autopilot.copter.parameters["SIM_SPEEDUP"])
        ahead_s += min(now_s - last_s, 0.1) * speedup
        last_s = now_s
        busy_until_s = now_s + SLICE_S
        while ahead_s >= autopilot.step_s and not server.held_up:
            slice_s = min(ahead_s, 1.0)
            before_s = autopilot.now_s
            autopilot.advance(before_s + slice_s)
            ahead_s -= autopilot.now_s - before_s
            server.flush()
            if time.monotonic() > busy_until_s:
                ahead_s = 0.0
        wait_s = 0.0 if ahead_s >= autopilot.step_s else (autopilot.step_s - ahead_s) / speedup
        server.turn(SLICE_S if server.held_up else min(SLICE_S, max(0.0, wait_s)))
        server.forget_silent(now_s)
        _keep_deposits(autopilot, deposits)


def _home(text: str) -> tuple[LonLat, float, float]:
    parts = text.split(",")
    try:
        numbers = [float(part) for part in parts]
        lat, lon, altitude = numbers[:3]
        yaw = numbers[3] if len(numbers) == 4 else 0.0
        if len(numbers) > 4:
            raise ValueError
    except ValueError:
        raise BadInput("error.simulator_home", value=text) from None
    return LonLat(lon_deg=lon, lat_deg=lat), altitude, yaw


def _parameters(texts: Sequence[str]) -> dict[str, float]:
    changed = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            changed[name] = float(value)
        except ValueError:
            raise BadInput("error.simulator_parameter_value", name=name, value=value) from None
    return changed


def _sprayer(text: str) -> SprayHardware | None:
    if not text:
        return None
    values = json.loads(text)
    pump = tuple((float(output), float(flow)) for output, flow in values.pop("pump"))
    return SprayHardware(pump=pump, **values)


def _fault(text: str) -> Fault:
    values = json.loads(text)
    at_m = values.pop("at_m")
    return Fault(
        kind=FaultKind(values.pop("kind")), at_m=None if at_m is None else tuple(at_m), **values
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sitl.serve", description=__doc__)
    add = parser.add_argument
    add("--home", required=True, help="lat,lon,altitude[,yaw]: degrees, metres above sea")
    add("--host", default="127.0.0.1", help="address to listen on")
    add("--port", type=int, default=0, help="port; 0 lets the system choose")
    add("--protocol", choices=("tcp", "udp"), default="tcp")
    add("--speedup", type=float, default=1.0, help="SIM_SPEEDUP at the start")
    add("--radio", action="store_true", help="take only signed frames once a key is set")
    add("--seed", type=int, default=0)
    add("--wind", type=float, default=0.0, help="mean wind, m/s")
    add("--wind-from", type=float, default=0.0, help="where it blows from, degrees")
    add("--ready-after", type=float, default=None, help="simulated seconds until armable")
    add("--personality", choices=("copter", "plane", "rover", "px4"), default="copter")
    add("--parent", type=int, default=os.getppid(), help="end when this process does")
    add("--airframe", default="", metavar="JSON", help="values of sitl.vehicle.Airframe")
    add("--sprayer", default="", metavar="JSON", help="values of sitl.spray_gear.SprayHardware")
    add("--firmware", default="", metavar="JSON", help="values of sitl.firmware.Firmware")
    add("--fault", action="append", default=[], metavar="JSON", help="a sitl.faults.Fault")
    add("--deposits", type=Path, default=None, help="file for what leaves the nozzles")
    add("--param", action="append", default=[], metavar="NAME=VALUE")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server from the command line; return the exit status."""
    options = _options(arguments)
    try:
        place, altitude_m, yaw_deg = _home(options.home)
        autopilot = Autopilot(
            home=place,
            home_altitude_m=altitude_m,
            yaw_deg=yaw_deg,
            wind_m_s=options.wind,
            wind_from_deg=options.wind_from,
            ready_after_s=options.ready_after,
            seed=options.seed,
            parameters={**_parameters(options.param), "SIM_SPEEDUP": options.speedup},
            personality=options.personality,
            airframe=Airframe(**json.loads(options.airframe)) if options.airframe else None,
            sprayer=_sprayer(options.sprayer),
            faults=[_fault(text) for text in options.fault],
            firmware=Firmware(**json.loads(options.firmware)) if options.firmware else None,
        )
        serve(
            autopilot,
            host=options.host,
            port=options.port,
            protocol=options.protocol,
            parent=options.parent,
            deposits=options.deposits,
            wired=not options.radio,
        )
    except AgriError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
