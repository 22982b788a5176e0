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

Frames are tapped both ways for the telemetry log. `MAVLink 2` is asked for before anything else.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

from agri.errors import LinkError
from missions.link.address import LinkAddress
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
    """

    def __init__(self, vehicle: QuietVehicle, log: TelemetryLog | None) -> None:
        self.vehicle = vehicle
        self.inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._handler = vehicle.handler
        self._log = log
        self._sending = threading.Lock()
        self._closed = False
        master = self._handler.master
        master.mav.file = _Tap(master.mav.file, self._note)
        if hasattr(master, "handle_eof"):
            master.handle_eof = _end_of_stream
        vehicle.add_message_listener("*", self._listen)
        self._handler.start()

    @property
    def alive(self) -> bool:
        """Whether the receive thread still runs."""
        thread = self._handler.mavlink_thread_in
        return not self._closed and thread is not None and thread.is_alive()

    def aim(self, system: int) -> None:
        """Tell dronekit which system the messages go to."""
        self._handler.target_system = system

    def send(self, message: Any) -> None:
        """Send one pymavlink message; any thread may."""
        with self._sending:
            if not self._closed:
                self._handler.master.mav.send(message)

    def close(self) -> None:
        """Close the port and end dronekit's threads."""
        with self._sending:
            if self._closed:
                return
            self._closed = True
        self._handler.close()
        if self._log is not None:
            self._log.close()

    def _listen(self, _vehicle: Any, _name: str, message: Any) -> None:
        if message.get_type() != "BAD_DATA":
            self._note(bytes(message.get_msgbuf()))
            self.inbox.put(message)

    def _note(self, frame: bytes) -> None:
        if self._log is not None:
            self._log.write(frame, time.time_ns() // 1000)


def open_radio(
    address: LinkAddress, *, source_system: int, deadline_s: float, log: TelemetryLog | None
) -> Radio:
    """Open a connection within `deadline_s` seconds.

    Raises
    ------
    LinkError
        When it cannot be opened, or not in time.
    """
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
    return Radio(result, log)


def _reason(trouble: Exception) -> str:
    text = getattr(trouble, "strerror", None) or str(trouble) or type(trouble).__name__
    return str(text)


def _end_of_stream() -> NoReturn:
    raise OSError(errno.ECONNABORTED, "the other end closed the connection")
