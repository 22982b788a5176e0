"""The link to one aircraft: everything agri can ask of it, each with a deadline and an answer.

`missions.link.radio` puts every message into a queue; the service thread (`missions.link.service`)
takes them out, folds the telemetry, feeds the machines of `missions.wire.delivery` and
`missions.wire.commands` and sends what they say. A method called here, from any thread, adds a
machine, waits for it and raises its error. So `hold`, `return_home` and `land` are always one call
away, also while an upload runs or a flight is watched; their first packets leave before anything is
waited for.

**Heartbeats are a dead man's handle.** They go out once a second of the aircraft's time, but
only while the application keeps asking something of the link. A program that hangs falls silent,
and the aircraft's own failsafe acts. A link gap or a dead program changes nothing on board.

**What is on board is known only after proof.** `arm` needs the `Verified` of the last delivery;
an upload begun, broken or refused, or a restart of the aircraft, takes it away. Arming is never
forced, and nothing is uploaded to an armed aircraft.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from agri.errors import AgriError, LinkError, Refused
from agri.words import Message
from missions.flightplan import FlightPlan
from missions.link import stops
from missions.link.address import LinkAddress, read_address
from missions.link.asking import Asking, OnProgress
from missions.link.clock import elapsed_s
from missions.link.ordering import STATE_WAIT_S, Orders
from missions.link.radio import QuietVehicle, Radio, open_radio
from missions.link.service import Service, our_address
from missions.link.signing import Signing, SigningState
from missions.link.tlog import TelemetryLog
from missions.wire.commands import FRESH_S, Parameter, ParameterReading, ParameterSetting
from missions.wire.delivery import Delivery, Fetching, OnBoard, Verified
from missions.wire.pump import find_pump
from missions.wire.sightings import (
    Sighting,
    SightingKind,
    VehicleIdentity,
    board_number,
    build_text,
    version_text,
)
from missions.wire.telemetry import CopterMode, PumpServo, StatusText, Telemetry, mode_name

TEXT_WAIT_S = 1.0

REQUEST_MESSAGE, CAPABILITIES = 512, 520
"""MAV_CMD numbers that are commanded, not planned."""
ID_VERSION, ID_HOME = 148, 242
"""Ids of messages asked for one by one."""


class Link(Asking):
    """An open link to one aircraft; use it in a ``with`` block, or `close` it.

    Every method may be called from any thread. Made by `connect`.
    """

    def __init__(
        self, address: LinkAddress, radio: Radio, service: Service, clock: Callable[[], float]
    ) -> None:
        super().__init__(address, radio, service, clock)
        self._transfer = threading.Lock()
        self._proof: tuple[Verified, int] | None = None
        self._tokens: set[str] = set()
        self._plain_pump: PumpServo | None = None
        self._given = Orders(self)

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        deadline_s: float = 30.0,
        source_system: int = 255,
        tlog: Path | None = None,
        clock: Callable[[], float] = elapsed_s,
        vehicle_system: int | None = None,
        signing: Signing | None = None,
        quiet: bool = False,
    ) -> Self:
        """Open a connection and wait for an aircraft's heartbeat.

        Parameters
        ----------
        url : str
            See `missions.link.address`.
        deadline_s : float
            For everything, opening and first heartbeat.
        source_system : int
            Our MAVLink system id.
        tlog : Path or None
            File for every frame, both ways; it must not exist yet.
        clock : callable
            Monotonic seconds.
        vehicle_system : int or None
            The aircraft's system id; None takes the first heard.
        signing : Signing or None
            The aircraft's key; then only what is signed with it is heard.
        quiet : bool
            Send no heartbeats: for one who only measures, or looks before he says that he is there
            (`speak`): heartbeats keep the failsafe of a flying aircraft from acting.

        Raises
        ------
        BadInput
            When the address is not one.
        LinkError
            When it cannot be opened or no aircraft is heard in time.
        StoreError
            When the log cannot be made, or what signing must remember cannot be written.
        """
        began_s = clock()
        address = read_address(url)
        log = TelemetryLog(tlog) if tlog is not None else None
        try:
            radio = open_radio(
                address,
                source_system=source_system,
                deadline_s=deadline_s,
                log=log,
                signing=signing,
                clock=clock,
            )
        except AgriError:
            if log is not None:
                log.close()
            raise
        us = our_address(source_system)
        service = Service(radio, us, clock, vehicle_system, quiet=quiet)
        link = cls(address, radio, service, clock)
        service.begin()
        try:
            left_s = max(0.1, deadline_s - (clock() - began_s))
            link.wait(lambda: service.pair is not None, left_s, "error.link_no_aircraft", url=url)
        except BaseException as trouble:
            link.close()
            refused = radio.refused.for_signature
            if refused and isinstance(trouble, LinkError):
                raise LinkError("error.link_signature", count=refused) from trouble
            raise
        return link

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop talking and close the port; the aircraft goes on as it is."""
        self.service.end()
        self.radio.close()

    # What the aircraft says

    @property
    def vehicle(self) -> QuietVehicle:
        """The live view of the aircraft that dronekit keeps, for reading; orders belong here."""
        return self.radio.vehicle

    @property
    def alive(self) -> bool:
        """Whether the connection is open."""
        return self.service.alive

    @property
    def rate(self) -> float:
        """How many times faster than our clock the aircraft's runs; 1 for a real one."""
        return self.service.rate

    def telemetry(self) -> Telemetry:
        """Return what the aircraft last told; asking keeps our heartbeats going."""
        self.service.feed()
        return self.service.telemetry

    def speak(self) -> None:
        """Be the aircraft's ground station from now on, though the link was opened quietly."""
        self.service.speak()

    def patience(self) -> contextlib.AbstractContextManager[None]:
        """Return a ``with`` block in which a person may think: heartbeats go on, on the ground."""
        return self.service.patience()

    def watch(self) -> contextlib.AbstractContextManager[queue.SimpleQueue[Sighting]]:
        """Return a ``with`` block that gives a queue of every sighting, none left out."""
        return self.service.watch()

    def identify(self) -> VehicleIdentity:
        """Ask what aircraft this is, and where its home is.

        Version and serial number stay empty when it will not say.
        """
        for command, params in 2 * ((REQUEST_MESSAGE, (ID_VERSION,)), (CAPABILITIES, (1,))):
            if self.service.version is not None:
                break
            with contextlib.suppress(LinkError):
                self._call(command, [float(p) for p in params], word="identify", tries=4)
                self.wait(lambda: self.service.version is not None, 2.0, "error.link_lost")
        with contextlib.suppress(LinkError):
            self._call(REQUEST_MESSAGE, [float(ID_HOME)], word="home", tries=4)
        telemetry, version, pair = self.telemetry(), self.service.version, self.pair()
        return VehicleIdentity(
            vehicle_type=telemetry.vehicle_type,
            autopilot=telemetry.autopilot,
            version="" if version is None else version_text(version.flight_sw_version),
            system=pair.vehicle.system,
            capabilities=0 if version is None else version.capabilities,
            uid="" if version is None else board_number(version),
            build="" if version is None else build_text(version.flight_custom_version),
        )

    def request(self, message: int) -> None:
        """Have one message sent once, by its id; nothing else changes on board.

        Raises
        ------
        LinkError
            When the aircraft does not answer or does not know it.
        """
        self._call(REQUEST_MESSAGE, [float(message)], word="identify", tries=4)

    # Parameters

    def read_parameters(self, names: Sequence[str]) -> tuple[Parameter, ...]:
        """Read parameters by name; an unknown one has the value None.

        Raises
        ------
        LinkError
            When none was answered.
        """
        machine = ParameterReading(self.pair(), names)
        self.run(machine)
        return machine.parameters

    def set_parameter(self, name: str, value: float) -> Parameter:
        """Set one parameter and read it back.

        Raises
        ------
        LinkError
            When it does not answer, or keeps another value.
        """
        self.run(ParameterSetting(self.pair(), name, value))
        return Parameter(name, value)

    def require_simulation(self) -> None:
        """Make sure that the aircraft is a simulation.

        Raises
        ------
        Refused
            When it has no SIM_SPEEDUP: it is real, or will not tell.
        """
        with contextlib.suppress(LinkError):
            if self.read_parameters(["SIM_SPEEDUP"])[0].value is not None:
                return
        raise Refused("error.link_not_simulation")

    def is_simulation(self) -> bool:
        """Return whether the aircraft is a simulation on this computer."""
        with contextlib.suppress(Refused, LinkError):
            if self.address.is_this_computer:
                self.require_simulation()
                return True
        return False

    def require_key(self) -> None:
        """Make sure that an aircraft that signs is spoken to with its key.

        On a cable it obeys without one.

        Raises
        ------
        Refused
            When it signs and we have no key.
        """
        if self.signing is SigningState.NO_KEY and not self.address.is_serial:
            raise Refused("error.link_key_needed")

    def set_speedup(self, times: float) -> None:
        """Let a simulation run `times` faster than the clock.

        Raises
        ------
        Refused
            When the aircraft is not a simulation.
        LinkError
            When it does not answer.
        """
        self.require_simulation()
        self.set_parameter("SIM_SPEEDUP", times)
        self.service.expect_rate(times)

    def watch_pump(self, channel: int = 0) -> PumpServo | None:
        """Find the sprayer's pump (`missions.wire.pump.find_pump`) and have its output told.

        Without a `channel` it is ArduPilot's own; None when there is none.
        """
        pump = find_pump(self.read_parameters, channel)
        self._plain_pump = pump if channel else None
        self.service.watch_pump(pump)
        return pump

    # The plan on board

    def upload(self, plan: FlightPlan, on_progress: OnProgress | None = None) -> Verified:
        """Bring fence, rally points and mission on board and prove it.

        Returns
        -------
        Verified
            The proof that `arm` asks for.

        Raises
        ------
        Refused
            When the aircraft is armed.
        LinkError
            When the plan was refused, or it is not certain what is on board.
        """
        if self.telemetry().armed:
            raise Refused("error.link_armed_upload")
        return self._deliver(Delivery(plan, self.pair()), on_progress)

    def verify(self, plan: FlightPlan, on_progress: OnProgress | None = None) -> Verified:
        """Download everything and compare it with `plan`.

        Raises
        ------
        LinkError
            When the aircraft holds something else or does not answer.
        """
        return self._deliver(Delivery(plan, self.pair(), send=False), on_progress)

    def download(self, on_progress: OnProgress | None = None) -> OnBoard:
        """Return what the aircraft holds.

        Raises
        ------
        LinkError
            When it does not answer.
        """
        machine = Fetching(self.pair())
        with self._transfer:
            self.run(machine, on_progress=on_progress)
        if machine.onboard is None:
            raise LinkError("error.link_lost")
        return machine.onboard

    @property
    def proof(self) -> Verified | None:
        """What is proved to be on board, None when it is not known."""
        if self._proof is None or self._proof[1] != self.service.restarts:
            return None
        return self._proof[0]

    # Orders

    def claim(self, token: str) -> None:
        """Use up a launch token, so that one launch happens once.

        Raises
        ------
        Refused
            When it was used before.
        """
        with self.service.changed:
            if token in self._tokens:
                raise Refused("error.launch_repeated", token=token)
            self._tokens.add(token)

    def arm(self, proof: Verified) -> None:
        """Arm the motors; `proof` must be of what is on board now.

        Raises
        ------
        Refused
            When what is on board is not known, is not what was proved, or was proved more than a
            minute ago.
        LinkError
            When the aircraft refuses; its own words are in the sentence.
        """
        old = self._clock() - proof.verified_s > FRESH_S
        if self.proof is None or self.proof != proof or old:
            raise Refused("error.arm_unproved")
        before = self.service.telemetry.texts
        try:
            self._call(stops.ARM, [1.0, 0.0], word="arm", careful=True)
        except LinkError as trouble:
            reason = self._said_of_arming(before)
            if reason:
                raise LinkError("error.link_arm_refused", reason=reason) from trouble
            raise
        self.wait(lambda: self.service.telemetry.armed, STATE_WAIT_S, "error.link_not_armed")

    def _said_of_arming(self, before: tuple[StatusText, ...]) -> str:
        """Return why the aircraft will not arm; its sentence may come after its refusal."""

        def said() -> list[str]:
            texts = (t for t in self.service.telemetry.texts if t not in before)
            return [t.text for t in texts if t.text.startswith(("Arm:", "PreArm:"))]

        with contextlib.suppress(LinkError):
            self.wait(lambda: bool(said()), TEXT_WAIT_S, "error.link_lost")
        return next(iter(said()), "")

    def disarm(self) -> None:
        """Stop the motors; the autopilot refuses in the air, and is never forced."""
        self._call(stops.ARM, [0.0, 0.0], word="disarm")
        self.wait(lambda: not self.service.telemetry.armed, STATE_WAIT_S, "error.link_not_disarmed")

    def set_mode(self, mode: CopterMode) -> None:
        """Change the flight mode and wait until the aircraft says so."""
        self._call(stops.SET_MODE, [1.0, float(mode)], word="mode", careful=True)
        self._wait_mode(mode)

    def start_mission(self) -> None:
        """Start the mission; sent once, since a second start in the air begins it anew."""
        self._call(stops.MISSION_START, [], word="start", tries=1, every_s=3.0)

    def hold(self) -> None:
        """Stop and hover (BRAKE); sprayer and camera off."""
        self._stop(CopterMode.BRAKE)

    def return_home(self) -> None:
        """Fly home and land (RTL); sprayer and camera off."""
        self._stop(CopterMode.RTL)

    def land(self) -> None:
        """Land here (LAND); sprayer and camera off."""
        self._stop(CopterMode.LAND)

    def sprayer_off(self) -> None:
        """Switch the sprayer off; the flight goes on as it is."""
        for call in stops.off_calls(self.pair(), self._plain_pump, camera=False):
            self.run(call)

    def spray_no_more(self) -> None:
        """Switch the sprayer off and have it kept off by whoever watches this flight."""
        seen = self.service.telemetry
        self.service.tell(Sighting(kind=SightingKind.SPRAY_NO_MORE, telemetry=seen))
        self.sprayer_off()

    def remark(self, message: Message) -> None:
        """Have something written into the record of the flight that is watched."""
        seen = self.service.telemetry
        self.service.tell(Sighting(kind=SightingKind.REMARK, telemetry=seen, remark=message))

    # Inside

    def _stop(self, mode: CopterMode) -> None:
        self._given.give(mode, self._plain_pump)

    def _wait_mode(self, mode: CopterMode) -> None:
        self.wait(
            lambda: self.service.telemetry.mode == mode,
            STATE_WAIT_S,
            "error.link_mode",
            mode=mode_name(mode),
        )

    def _deliver(self, machine: Delivery, on_progress: OnProgress | None) -> Verified:
        with self._transfer:
            self._proof = None
            restarts = self.service.restarts
            self.run(machine, on_progress=on_progress)
            if machine.verified is None:
                raise LinkError("error.link_lost")
            self._proof = (machine.verified, restarts)
            return machine.verified
