"""The one place that opens a socket or a serial port: dronekit, kept on a short lead.

dronekit (dronekit2 3) carries the connection: it opens the port, parses the stream on its own
thread and hands every message on. Around it stand what was found on its way:

* Opening can hang (an address that does not answer, a name that does not resolve), so it runs in
  a thread of its own under our deadline. A connection that comes after the deadline is closed.
* Its receive thread also sends GCS heartbeats, asks for every parameter as soon as it has seen
  one, and shuts the port after 30 s of silence. Those three loops are taken out: a heartbeat may
  only be sent by one who knows that the application is alive (`missions.link.link`), a thousand
  parameters choke a radio, and a silent aircraft must stay within reach.
* On the end of a TCP stream it would spin for ever; here the receive thread ends.
* Listeners run on the receive thread, so ours only puts the message into a queue.

* It opens a UDP port that another program listens on already; `refuse_shared_port` does not.
* Its parser gives up at every frame that is wrong, and waits; ours is told to pass over them.

Frames are tapped both ways for the telemetry log, but never the one that carries a signing key.
`MAVLink 2` is asked for before anything else. Signing and its rules stand in
`missions.link.signing`, who is heard on a UDP port in `missions.link.peer`.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import queue
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

from agri.errors import AgriError, LinkError
from missions.link.address import LinkAddress
from missions.link.clock import elapsed_s
from missions.link.hearing import Refused
from missions.link.peer import UdpPeer
from missions.link.signing import (
    MAVLINK_1,
    RESERVE,
    SIGNED_FLAG,
    Memory,
    Signing,
    Stamps,
    carries_key,
    remembered,
    start_signing,
)
from missions.link.tlog import TelemetryLog

os.environ.setdefault("MAVLINK20", "1")

import dronekit
from dronekit.mavlink import MAVConnection
from pymavlink import mavutil

OUR_COMPONENT = 190
"""MAV_COMP_ID_MISSIONPLANNER: what ground stations call themselves."""

_log = logging.getLogger(__name__)
for _name in ("dronekit", "autopilot"):
    logging.getLogger(_name).addHandler(logging.NullHandler())
    logging.getLogger(_name).propagate = False  # dronekit would give the root logger a handler


def _speak(*words: object, **_: object) -> None:
    """Take what pymavlink would print on the terminal."""
    _log.debug(" ".join(str(word) for word in words))


mavutil.print = _speak
mavutil.set_dialect("ardupilotmega")


class QuietVehicle(dronekit.Vehicle):
    """dronekit's vehicle without the loops that talk on their own."""

    def __init__(self, handler: MAVConnection) -> None:
        super().__init__(handler)
        self.handler = handler
        handler.loop_listeners.clear()


class _Tap:
    """What pymavlink writes its frames to: the log, then dronekit's queue."""

    def __init__(self, writer: Any, note: Callable[[bytes], None]) -> None:
        self._writer = writer
        self._note = note

    def write(self, frame: bytes) -> None:
        self._note(bytes(frame))
        self._writer.write(frame)


class Radio:
    """An open connection: messages come out of `inbox`, `send` puts them on the air.

    Parameters
    ----------
    vehicle : QuietVehicle
        dronekit's, not yet started.
    log : TelemetryLog or None
        Where every frame is kept.
    signing : Signing or None
        The aircraft's key; without one nothing is signed and all is heard.
    clock, wall : callable
        Monotonic seconds; seconds since 1970 UTC, asked for once for the first signature.

    Raises
    ------
    StoreError
        When what signing must remember cannot be written.
    """

    def __init__(
        self,
        vehicle: QuietVehicle,
        log: TelemetryLog | None,
        *,
        signing: Signing | None = None,
        clock: Callable[[], float] = elapsed_s,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.vehicle = vehicle
        self.inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._handler = vehicle.handler
        self._log = log
        self._clock, self._wall = clock, wall
        self._sending = threading.RLock()
        self._closed = False
        self._signing: Signing | None = None
        self._stamps: Stamps | None = None
        self._written = 0
        self._refused = dict.fromkeys(("unsigned", "old", "forged", "garbled"), 0)
        master = self._handler.master
        master.mav.file = _Tap(master.mav.file, self._note)
        master.mav.robust_parsing = True
        self._udp = UdpPeer(master) if hasattr(master, "udp_server") else None
        if hasattr(master, "handle_eof"):
            master.handle_eof = _end_of_stream
        if signing is not None:
            self.sign(signing)
        vehicle.add_message_listener("*", self._listen)
        self._handler.start()

    @property
    def alive(self) -> bool:
        """Whether the receive thread still runs."""
        thread = self._handler.mavlink_thread_in
        return not self._closed and thread is not None and thread.is_alive()

    @property
    def signs(self) -> bool:
        """Whether a key is set: what is sent is signed, what is heard was signed."""
        return self._signing is not None

    @property
    def refused(self) -> Refused:
        """Frames that were not taken."""
        return Refused(**self._refused)

    @property
    def strangers(self) -> int:
        """Packets from network addresses that are not the peer's."""
        return 0 if self._udp is None else self._udp.strangers

    def sign(self, signing: Signing) -> None:
        """Sign from now on, and refuse what is not signed.

        Raises
        ------
        StoreError
            When what must be remembered cannot be written; then nothing is changed.
        """
        mav = self._handler.master.mav
        with self._sending:
            kept = max(signing.memory.timestamp, mav.signing.timestamp)
            stamps = Stamps(kept=kept, unix_s=self._wall(), now_s=self._clock())
            self._written = stamps.last + RESERVE
            signing.keep(Memory(timestamp=self._written, streams=signing.memory.streams))
            start_signing(mav, signing, self._sending)
            mav.signing.timestamp = stamps.last
            self._signing, self._stamps = signing, stamps

    def next_timestamp(self, signing: Signing) -> int:
        """Return the timestamp with which an aircraft that gets this key shall begin."""
        heard = max(signing.memory.timestamp, self._handler.master.mav.signing.timestamp)
        return Stamps(kept=heard, unix_s=self._wall(), now_s=self._clock()).last

    def aim(self, system: int, peer: Any = None) -> None:
        """Tell dronekit which system the messages go to, and hear one network address alone."""
        self._handler.target_system = system
        if self._udp is not None:
            self._udp.pin(peer)

    def send(self, message: Any) -> None:
        """Send one pymavlink message; any thread may."""
        mav = self._handler.master.mav
        with self._sending:
            if self._closed:
                return
            if self._stamps is not None:
                heard = mav.signing.timestamp
                mav.signing.timestamp = self._stamps.take(self._clock(), heard=heard)
            mav.send(message)
            if self._stamps is not None and self._stamps.last > self._written - RESERVE // 2:
                self._written = self._stamps.last + RESERVE
                threading.Thread(target=self._remember, args=(RESERVE,), daemon=True).start()

    def close(self) -> None:
        """Close the port and end dronekit's threads."""
        with self._sending:
            if self._closed:
                return
            self._closed = True
        self._handler.close()
        self._remember(0)
        if self._log is not None:
            self._log.close()

    def _listen(self, _vehicle: Any, _name: str, message: Any) -> None:
        kind = message.get_type()
        if kind == "BAD_DATA":
            self._refused[_fault_of(message)] += 1
        elif kind.startswith("UNKNOWN") and self.signs:
            self._refused["unsigned"] += 1  # pymavlink checks no signature of what it cannot read
        else:
            self._note(bytes(message.get_msgbuf()))
            self.inbox.put(message)

    def _note(self, frame: bytes) -> None:
        if self._log is not None and not carries_key(frame):
            self._log.write(frame, time.time_ns() // 1000)

    def _remember(self, reserve: int) -> None:
        """Have what signing must remember written; a link in use does not end for want of it."""
        with self._sending:
            if self._signing is None or self._stamps is None:
                return
            keep = self._signing.keep
            memory = remembered(self._handler.master.mav, self._stamps, reserve=reserve)
        try:
            keep(memory)
        except AgriError as trouble:
            _log.error("what signing must remember was not written: %s", trouble)


def open_radio(
    address: LinkAddress,
    *,
    source_system: int,
    deadline_s: float,
    log: TelemetryLog | None,
    signing: Signing | None = None,
    clock: Callable[[], float] = elapsed_s,
) -> Radio:
    """Open a connection within `deadline_s` seconds.

    Raises
    ------
    LinkError
        When it cannot be opened, or not in time.
    StoreError
        When what signing must remember cannot be written.
    """
    refuse_shared_port(address)
    opened: queue.SimpleQueue[QuietVehicle | Exception] = queue.SimpleQueue()
    late = threading.Event()

    def work() -> None:
        try:
            vehicle = dronekit.connect(
                address.device,
                _initialize=False,
                vehicle_class=QuietVehicle,
                baud=address.baud,
                source_system=source_system,
                source_component=OUR_COMPONENT,
            )
        except Exception as trouble:
            opened.put(trouble)
            return
        opened.put(vehicle)
        if late.is_set():
            vehicle.handler.close()

    threading.Thread(target=work, name="agri-open", daemon=True).start()
    try:
        result = opened.get(timeout=deadline_s)
    except queue.Empty:
        late.set()
        with contextlib.suppress(queue.Empty):
            result = opened.get_nowait()
            if isinstance(result, QuietVehicle):
                result.handler.close()
        raise LinkError("error.link_open_timeout", device=address.device) from None
    if isinstance(result, Exception):
        raise LinkError(
            "error.link_open", device=address.device, reason=_reason(result)
        ) from result
    try:
        return Radio(result, log, signing=signing, clock=clock)
    except AgriError:
        result.handler.close()
        raise


def refuse_shared_port(address: LinkAddress) -> None:
    """Make sure that no other program listens on this UDP port.

    The connection library lets two programs open the same port, and then only one of them hears.

    Raises
    ------
    LinkError
        When the port is taken.
    """
    kind, _, place = address.device.partition(":")
    if kind != "udpin":
        return
    host, _, port = place.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, int(port)))
        except OSError as trouble:
            if trouble.errno == errno.EADDRINUSE:
                raise LinkError("error.link_port_taken", device=address.device) from trouble


def _fault_of(bad: Any) -> str:
    """Return what is wrong with a frame that pymavlink could not take."""
    frame = bytes(bad.data)
    if bad.reason != "Invalid signature":
        return "garbled"
    if frame[0] == MAVLINK_1:
        return "old"
    return "forged" if frame[2] & SIGNED_FLAG else "unsigned"


def _reason(trouble: Exception) -> str:
    text = getattr(trouble, "strerror", None) or str(trouble) or type(trouble).__name__
    return str(text)


def _end_of_stream() -> NoReturn:
    raise OSError(errno.ECONNABORTED, "the other end closed the connection")
