"""The service thread of a link: takes messages, folds telemetry, drives the machines, keeps time.

Nothing here waits for anything but the next message or the next moment a machine has something
to do. A fault in one message is counted and passed over; the thread must not die.
"""

from __future__ import annotations

import contextlib
import logging
import math
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, Protocol

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agri.errors import AgriError
from missions.link.hearing import Heard, Hearing
from missions.link.radio import OUR_COMPONENT, Radio
from missions.link.signing import SigningState
from missions.wire.commands import CommandCall
from missions.wire.messages import Address, Pair, Received, decode, encode
from missions.wire.sightings import Sighting, SightingKind, photo_of
from missions.wire.telemetry import PumpServo, Telemetry, fold
from missions.wire.transfer import Sends

DEADMAN_S = 3.0
"""GCS heartbeats go out only this long after the application last asked for something."""
STREAMS = ((0, 0), (2, 2), (6, 4), (12, 1))
"""MAV_DATA_STREAM and Hz: none but extended status, position, and the estimator's report. All of
them at 4 Hz would fill two thirds of a 57,600-baud radio."""
PUMP_RATES = ((36, 10.0), (33, 5.0), (30, 5.0), (242, 0.5))
"""SERVO_OUTPUT_RAW, GLOBAL_POSITION_INT, ATTITUDE and HOME_POSITION, and Hz, while a pump is
watched: what was sprayed where, in what wind, and where a return would lead, is worked out of them.
1 kB a second, a sixth of a 57,600-baud radio."""
SET_INTERVAL = 511
"""MAV_CMD_SET_MESSAGE_INTERVAL."""
STREAMED = ("GLOBAL_POSITION_INT", "GPS_RAW_INT", "EKF_STATUS_REPORT")
STREAM_EVERY_S = 3.0
"""The streams are asked for again when one of them is missing this long."""
RATE_WINDOW_S = 1.0
FIRST_WINDOW_S = 0.15
"""The aircraft's clock is compared with ours over the first, and for the first time over the
second."""
HURRY_S, HURRY_EVERY_S = 5.0, 0.1
"""Until that first time, but not for longer than the first, a heartbeat goes out every so often: a
fast simulation would take one a second for silence."""
SLOWEST_SIMULATION, FASTEST = 1.3, 200.0
"""A clock that differs by less is a real one on a jerky link."""
REBOOT_S = 5.0
"""The aircraft's clock going back by more than this is a restart."""
NAP_S = 0.05

_VEHICLE_KINDS = {
    "GLOBAL_POSITION_INT": SightingKind.POSITION,
    "HEARTBEAT": SightingKind.STATE,
    "MISSION_CURRENT": SightingKind.STATE,
    "MISSION_ITEM_REACHED": SightingKind.STATE,
    "SYS_STATUS": SightingKind.STATE,
    "FENCE_STATUS": SightingKind.STATE,
    "SERVO_OUTPUT_RAW": SightingKind.STATE,
    "CAMERA_FEEDBACK": SightingKind.PHOTO,
    "STATUSTEXT": SightingKind.TEXT,
}

_log = logging.getLogger(__name__)


class Machine(Protocol):
    """What the service thread drives: see `missions.wire.transfer`, `delivery` and `commands`."""

    @property
    def finished(self) -> bool:
        """Whether it is over."""

    @property
    def error(self) -> AgriError | None:
        """Why it failed."""

    @property
    def wake_s(self) -> float:
        """When it has something to do."""

    def start(self, now_s: float) -> Sends:
        """Begin."""

    def receive(self, received: Received, now_s: float) -> Sends:
        """Take a message."""

    def tick(self, now_s: float) -> Sends:
        """Let time pass."""


class Service:
    """The thread and what it knows.

    Parameters
    ----------
    radio : Radio
        The open connection.
    us : Address
        Our system and component id.
    clock : callable
        Monotonic seconds.
    vehicle_system : int or None
        The aircraft to talk to; None takes the first whose heartbeat is heard.
    quiet : bool
        Send no heartbeats of our own, and leave the telemetry of an armed aircraft as it is: for
        one who only measures.

    Attributes
    ----------
    telemetry : Telemetry
        The latest.
    pair : Pair or None
        Who talks to whom, once an aircraft was heard.
    version : Any or None
        AUTOPILOT_VERSION, once it came.
    rate : float
        How many times faster than our clock the aircraft's runs (1 for a real one).
    restarts : int
        How often the aircraft's clock went back.
    faults : int
        Messages that could not be taken.
    """

    def __init__(
        self,
        radio: Radio,
        us: Address,
        clock: Callable[[], float],
        vehicle_system: int | None = None,
        *,
        quiet: bool = False,
    ) -> None:
        self.telemetry = Telemetry()
        self.pair: Pair | None = None
        self.version: Any = None
        self.rate = 1.0
        self.restarts = 0
        self.faults = 0
        self.changed = threading.Condition(threading.RLock())
        self._radio = radio
        self._us = us
        self._quiet = quiet
        self._peer: Any = None
        self._hearing = Hearing(us)
        self._listeners: list[Callable[[Any, float], None]] = []
        self._clock = clock
        self._wanted = vehicle_system
        self._machines: list[Machine] = []
        self._watchers: list[queue.SimpleQueue[Sighting]] = []
        self._closing = threading.Event()
        self._fed_s = clock()
        self._patient = 0
        self._beat_s = self._asked_s = -math.inf
        self._streamed_s = dict.fromkeys(STREAMED, -math.inf)
        self._anchor: tuple[float, float] | None = None
        self._measured = False
        self._met_s = math.inf
        self._thread = threading.Thread(target=self._run, name="agri-link", daemon=True)

    def begin(self) -> None:
        """Start the thread."""
        self._thread.start()

    def end(self) -> None:
        """Stop the thread and wait for it."""
        self._closing.set()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout=2.0)

    @property
    def alive(self) -> bool:
        """Whether messages still can come."""
        return self._radio.alive and not self._closing.is_set()

    def speak(self) -> None:
        """Send heartbeats from now on, though it was begun quietly."""
        self._quiet = False

    def feed(self) -> None:
        """Say that the application is alive."""
        self._fed_s = self._clock()

    @contextlib.contextmanager
    def patience(self) -> Iterator[None]:
        """Count the application as alive while a person thinks, as long as nothing is armed."""
        self._patient += 1
        try:
            yield
        finally:
            self._patient -= 1
            self.feed()

    def add(self, machine: Machine) -> None:
        """Start a machine; its first packets leave before this returns."""
        with self.changed:
            self._machines.append(machine)
            self._emit(machine.start(self._clock()))

    def overtake(
        self, undone: Callable[[CommandCall], bool], machines: Iterable[Machine]
    ) -> tuple[CommandCall, ...]:
        """Drop the commands that are undone and start machines, with nothing sent in between.

        Parameters
        ----------
        undone : callable
            Tells which of the commands that wait for an answer are never to be sent again.
        machines : iterable of Machine
            What takes their place, in this order.

        Returns
        -------
        tuple of CommandCall
            Those that were dropped.
        """
        with self.changed:
            calls = [one for one in self._machines if isinstance(one, CommandCall)]
            dropped = tuple(one for one in calls if not one.finished and undone(one))
            for one in dropped:
                one.overtake()
                self._machines.remove(one)
            for machine in machines:
                self.add(machine)
            self.changed.notify_all()
        return dropped

    def remove(self, machine: Machine) -> None:
        """Drop a machine, finished or not."""
        with self.changed:
            if machine in self._machines:
                self._machines.remove(machine)

    @contextlib.contextmanager
    def watch(self) -> Iterator[queue.SimpleQueue[Sighting]]:
        """Give a queue in which every sighting is put until the block ends."""
        inbox: queue.SimpleQueue[Sighting] = queue.SimpleQueue()
        with self.changed:
            self._watchers.append(inbox)
        try:
            yield inbox
        finally:
            with self.changed:
                self._watchers.remove(inbox)

    def tell(self, sighting: Sighting) -> None:
        """Put a sighting into every watcher's queue."""
        with self.changed:
            for watcher in self._watchers:
                watcher.put(sighting)

    def heard(self) -> Heard:
        """Return who else was heard on this link."""
        with self.changed:
            return self._hearing.heard(
                strangers=self._radio.strangers,
                refused=self._radio.refused,
                vehicle=self.pair.vehicle if self.pair else None,
            )

    @property
    def signing(self) -> SigningState:
        """How far this link is signed."""
        if self._radio.signs:
            return SigningState.ON
        return SigningState.NO_KEY if self.heard().signed else SigningState.OFF

    @contextlib.contextmanager
    def listen(self, listener: Callable[[Any, float], None]) -> Iterator[None]:
        """Hand every message of the aircraft, and when it came, to `listener` for a while."""
        with self.changed:
            self._listeners.append(listener)
        try:
            yield
        finally:
            with self.changed:
                self._listeners.remove(listener)

    def watch_pump(self, pump: PumpServo | None) -> None:
        """Have a pump's output told from now on (None: not any more)."""
        with self.changed:
            self.telemetry = replace(self.telemetry, pump=pump, pump_share=math.nan)
            self._streamed_s.pop("SERVO_OUTPUT_RAW", None)
            if pump is not None:
                self._streamed_s["SERVO_OUTPUT_RAW"] = self._asked_s = -math.inf

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                message = self._radio.inbox.get(timeout=self._nap_s())
            except queue.Empty:
                message = None
            now_s = self._clock()
            with self.changed:
                if message is not None:
                    self._guard(self.take, message, now_s)
                self._guard(self.pass_time, now_s)
                self.changed.notify_all()

    def _guard(self, work: Callable[..., None], *given: Any) -> None:
        try:
            work(*given)
        except Exception:
            self.faults += 1
            _log.exception("a message or a moment could not be handled")

    def _nap_s(self) -> float:
        now_s = self._clock()
        wakes = [machine.wake_s for machine in list(self._machines)]
        soonest = min([*wakes, self._beat_s + self._beat_every_s(now_s)])
        return min(NAP_S, max(0.001, soonest - now_s))

    def take(self, message: Any, now_s: float) -> None:
        """Take one message that came at `now_s`."""
        sender = Address(message.get_srcSystem(), message.get_srcComponent())
        kind = message.get_type()
        if self.pair is None and kind == "HEARTBEAT":
            self._meet(message, sender, now_s)
        if self._peer not in (None, getattr(message, "peer", None)):
            return
        self._hearing.take(message, self.pair.vehicle if self.pair else None)
        if self.pair is None or sender != self.pair.vehicle:
            return
        for listener in self._listeners:
            listener(message, now_s)
        self.telemetry = fold(self.telemetry, message, now_s)
        if kind in self._streamed_s:
            self._streamed_s[kind] = now_s
        if kind == "GLOBAL_POSITION_INT":
            self._measure(message.time_boot_ms / 1000.0, now_s)
        elif kind == "AUTOPILOT_VERSION":
            self.version = message
        received = decode(message)
        if received is not None:
            for machine in list(self._machines):
                self._emit(machine.receive(received, now_s))
        silent_pump = kind == "SERVO_OUTPUT_RAW" and self.telemetry.pump is None
        if kind in _VEHICLE_KINDS and not silent_pump:
            self._show(_VEHICLE_KINDS[kind], message)

    def _meet(self, message: Any, sender: Address, now_s: float) -> None:
        ground = message.type == mavlink.MAV_TYPE_GCS
        pilotless = message.autopilot == mavlink.MAV_AUTOPILOT_INVALID
        if ground or pilotless or self._wanted not in (None, sender.system):
            return
        self.pair = Pair(vehicle=sender, us=self._us)
        self._met_s = now_s
        self._peer = getattr(message, "peer", None)
        self._radio.aim(sender.system, self._peer)

    def _show(self, kind: SightingKind, message: Any) -> None:
        photo = photo_of(message, self.telemetry) if kind is SightingKind.PHOTO else None
        sighting = Sighting(kind=kind, telemetry=self.telemetry, photo=photo)
        for watcher in self._watchers:
            watcher.put(sighting)

    def _measure(self, boot_s: float, now_s: float) -> None:
        if self._anchor is None or boot_s < self._anchor[0] - REBOOT_S:
            self.restarts += self._anchor is not None
            self._anchor = (boot_s, now_s)
            return
        passed_s = now_s - self._anchor[1]
        if passed_s >= (RATE_WINDOW_S if self._measured else FIRST_WINDOW_S):
            measured = (boot_s - self._anchor[0]) / passed_s
            self.expect_rate(measured)
            self._measured = True
            self._anchor = (boot_s, now_s)

    def expect_rate(self, times: float) -> None:
        """Take it that the aircraft's clock runs `times` faster than ours, until measured."""
        self.rate = min(FASTEST, times) if times > SLOWEST_SIMULATION else 1.0

    def _beat_every_s(self, now_s: float) -> float:
        if not self._measured and now_s - self._met_s < HURRY_S:
            return HURRY_EVERY_S
        return 1.0 / self.rate

    def pass_time(self, now_s: float) -> None:
        """Let the machines' time pass; send a heartbeat and ask for telemetry when it is time."""
        for machine in list(self._machines):
            self._emit(machine.tick(now_s))
            if machine.finished:
                self._machines.remove(machine)
        if self._patient and not self.telemetry.armed:
            self._fed_s = now_s
        alive = now_s - self._fed_s <= DEADMAN_S
        if alive and now_s - self._beat_s >= self._beat_every_s(now_s):
            self._beat_s = now_s
            self._beat()
        heard_s = max(self._asked_s, min(self._streamed_s.values()))
        wanting = now_s - heard_s > STREAM_EVERY_S and not (self._quiet and self.telemetry.armed)
        if alive and wanting and self.pair is not None:
            self._asked_s = now_s
            self._ask_streams(self.pair.vehicle)

    def _beat(self) -> None:
        """Say that we are there; one who only measures asks for the time instead."""
        kind, nobody = mavlink.MAV_TYPE_GCS, mavlink.MAV_AUTOPILOT_INVALID
        self._radio.send(
            mavlink.MAVLink_timesync_message(0, 0)
            if self._quiet
            else mavlink.MAVLink_heartbeat_message(kind, nobody, 0, 0, 4, 3)
        )

    def _ask_streams(self, to: Address) -> None:
        for stream, rate_hz in STREAMS:
            self._radio.send(
                mavlink.MAVLink_request_data_stream_message(
                    to.system, to.component, stream, rate_hz, int(rate_hz > 0)
                )
            )
        for message, hz in PUMP_RATES if self.telemetry.pump is not None else ():
            every_us = 1e6 / hz
            self._radio.send(
                mavlink.MAVLink_command_long_message(
                    to.system, to.component, SET_INTERVAL, 0, message, every_us, 0, 0, 0, 0, 0
                )
            )

    def _emit(self, sends: Sends) -> None:
        if self.pair is not None:
            for body in sends:
                self._radio.send(encode(body, self.pair.vehicle))


def our_address(source_system: int) -> Address:
    """Return the address we send from."""
    return Address(source_system, OUR_COMPONENT)
