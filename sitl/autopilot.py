"""MAVLink as ArduCopter speaks it, without a socket and without a clock.

Messages are given with `Autopilot.receive`, simulated time with `Autopilot.advance`, and what the
vehicle would send comes back. Ground stations are told apart by `source`, any hashable value; each
has its own channel with its own message rates. The default source ``None`` is always there, so
that a test with one ground station need not name it; a server drops it with `detach`.

Answers to a message wait in the channel of its sender and are handed out by the next `advance` (or
by `take`, which lets no time pass). The simulation steps by 0.02 s, so the same calls give the same
messages for the same seed. Messages come as unpacked MAVLink objects of the ardupilotmega dialect,
with their source ids set; pack them to send them.

Nothing that is received may raise: wrong targets are ignored, unknown messages too, numbers that
are none are refused or read as C would.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agri.geo import LonLat
from sitl import announcements, messages
from sitl.channel import PARAMETERS_PER_TICK, Channel
from sitl.copter import STEP_S, Copter
from sitl.faults import Fault
from sitl.firmware import Firmware
from sitl.item_messages import Sender
from sitl.listening import HANDLERS
from sitl.mission_store import FENCE, MISSION, RALLY, PlanServer
from sitl.signing import signing_state
from sitl.spray_gear import SprayHardware
from sitl.storage import single
from sitl.vehicle import Airframe

COMPONENT = 1
TOTALS = {MISSION: "MIS_TOTAL", FENCE: "FENCE_TOTAL", RALLY: "RALLY_TOTAL"}
TERRAIN_ASK_S = 2.0


class Autopilot:
    """A simulated ArduCopter that takes and gives MAVLink messages.

    Parameters
    ----------
    home : LonLat
        Where it stands when it is switched on.
    home_altitude_m : float
        Height of that place above sea level.
    yaw_deg : float
        Heading at the start.
    wind_m_s, wind_from_deg : float
        Mean wind.
    ready_after_s : float or None
        Simulated seconds until it can be armed; None is the real 41.5 s.
    seed : int
        Seed of everything random.
    parameters : mapping of str to float, optional
        Parameters that differ from ArduCopter's defaults.
    personality : {"copter", "plane", "rover", "px4"}
        What the heartbeat says it is.
    airframe : Airframe, optional
        What it is, with an empty tank; ArduPilot's own simulated quadcopter when not given.
    sprayer : SprayHardware, optional
        Tank, pump and nozzles; an endless tank that weighs nothing when not given.
    faults : iterable of Fault
        What breaks on the way.
    firmware : Firmware, optional
        Which ArduCopter it plays; 4.6.0-dev when not given.

    Attributes
    ----------
    copter : Copter
        The vehicle itself, for tests that look behind the messages.
    servers : dict of int to PlanServer
        Mission, fence and rally storage by MAV_MISSION_TYPE.
    signing : MAVLinkSigning
        Key and timestamps; frames are read and written with `sitl.signing.SignedParser`.

    Raises
    ------
    BadInput
        When a parameter does not exist.

    Examples
    --------
    >>> vehicle = Autopilot(home=LonLat(lon_deg=106.51, lat_deg=21.08))
    >>> [message.get_type() for message in vehicle.advance(0.5)]
    ['HEARTBEAT']
    """

    def __init__(
        self,
        *,
        home: LonLat,
        home_altitude_m: float = 10.0,
        yaw_deg: float = 0.0,
        wind_m_s: float = 0.0,
        wind_from_deg: float = 0.0,
        ready_after_s: float | None = None,
        seed: int = 0,
        parameters: Mapping[str, float] | None = None,
        personality: str = "copter",
        airframe: Airframe | None = None,
        sprayer: SprayHardware | None = None,
        faults: Iterable[Fault] = (),
        firmware: Firmware | None = None,
    ) -> None:
        changed = dict(parameters or {})
        if wind_m_s:
            changed = {"SIM_WIND_SPD": wind_m_s, "SIM_WIND_DIR": wind_from_deg, **changed}
        self._built_with: dict[str, Any] = {
            "home": home,
            "home_altitude_m": home_altitude_m,
            "yaw_deg": yaw_deg,
            "ready_after_s": ready_after_s,
            "personality": personality,
            "seed": seed,
            "airframe": airframe,
            "sprayer": sprayer,
            "faults": tuple(faults),
            "firmware": firmware,
        }
        self._before_boot_s = 0.0
        self._channels: dict[Hashable, Channel] = {}
        self.signing = signing_state()
        self.copter = Copter(parameters=changed, **self._built_with)
        self.servers = self._new_servers()
        self._versions = dict.fromkeys(TOTALS, -1)
        self._terrain_asked_s = 0.0
        self._text_id = 0
        self.attach(None)

    @property
    def step_s(self) -> float:
        """Length of one step of simulated time."""
        return STEP_S

    @property
    def now_s(self) -> float:
        """Simulated seconds since it was first switched on."""
        return self._before_boot_s + self.copter.now_s

    @property
    def system_id(self) -> int:
        """MAVLink system id (SYSID_THISMAV)."""
        return int(self.copter.parameters["SYSID_THISMAV"]) & 0xFF

    # ---- in and out

    def attach(self, source: Hashable) -> None:
        """Open a channel for a ground station, if it has none yet."""
        if source not in self._channels:
            self._channels[source] = Channel(self.now_s)

    def detach(self, source: Hashable) -> None:
        """Close a ground station's channel."""
        self._channels.pop(source, None)

    def receive(self, message: Any, source: Hashable = None) -> None:
        """Take one decoded MAVLink message.

        Parameters
        ----------
        message : MAVLink_message
            Decoded, of the ardupilotmega dialect; its source ids are those of its header.
        source : hashable
            Whose channel it came by.
        """
        self.attach(source)
        handler = HANDLERS.get(message.get_type())
        if handler is None or not self._for_us(message):
            return
        sender = Sender(source, message.get_srcSystem(), message.get_srcComponent())
        handler(self, message, sender)

    def advance(self, to_s: float) -> list[Any]:
        """Let simulated time pass until `to_s` (see `now_s`).

        Returns
        -------
        list of MAVLink_message
            What the default source would receive, answers included, in order.
        """
        while self.now_s + STEP_S <= to_s + 1e-9:
            self._tick()
        return self.take(None)

    def take(self, source: Hashable = None) -> list[Any]:
        """Return, and forget, what waits to be sent to one ground station."""
        channel = self._channels.get(source)
        if channel is None:
            return []
        waiting, channel.outbox = channel.outbox, []
        return waiting

    def send(self, source: Hashable, message: Any) -> None:
        """Put a message into one ground station's channel."""
        channel = self._channels.get(source)
        if channel is not None:
            header = message.get_header()
            header.srcSystem, header.srcComponent = self.system_id, COMPONENT
            channel.outbox.append(message)

    def broadcast(self, message: Any) -> None:
        """Put a message into every channel."""
        for source in self._channels:
            self.send(source, message)

    # ---- what handlers ask for

    def list_parameters(self, sender: Sender) -> None:
        """Send every parameter, some with each step of time."""
        listed = self.copter.parameters.listed()
        channel = self._channels[sender.channel]
        channel.parameters.clear()
        channel.parameters.extend((name, i, len(listed)) for i, name in enumerate(listed))

    def set_interval(self, sender: Sender, message_id: int, interval_us: float) -> bool:
        """Send a message every so many microseconds: −1 never, 0 by its stream again."""
        if message_id not in messages.TELEMETRY:
            return False
        channel = self._channels[sender.channel]
        interval_s = interval_us / 1e6 if interval_us > 0.0 else None
        if interval_us == 0.0 and message_id == mavlink.MAVLINK_MSG_ID_HEARTBEAT:
            interval_s = 1.0
        channel.set_interval(message_id, interval_s, self.now_s)
        return True

    def set_stream(self, sender: Sender, stream: int, rate_hz: float) -> None:
        """Set the rate of a data stream."""
        self._channels[sender.channel].set_stream(stream, rate_hz, self.now_s)

    def send_interval(self, sender: Sender, message_id: int) -> bool:
        """Tell how often a message is sent."""
        if not 0 <= message_id <= 65535:
            return False
        interval_s = self._channels[sender.channel].interval_s(message_id)
        microseconds = 0 if message_id not in messages.TELEMETRY else -1
        if interval_s is not None:
            microseconds = round(interval_s * 1e6)
        self.send(
            sender.channel, mavlink.MAVLink_message_interval_message(message_id, microseconds)
        )
        return True

    def send_once(self, sender: Sender, message_id: int) -> bool:
        """Send one message now; return whether there is such a one."""
        build = messages.TELEMETRY.get(message_id)
        if build is None:
            return False
        self.send(sender.channel, build(self.copter))
        return True

    def reboot(self) -> None:
        """Switch off and on again: parameters, plans and key stay, all else begins anew."""
        old = self.copter
        self._before_boot_s += old.now_s
        kept = {name: old.parameters[name] for name in old.parameters}
        self.copter = Copter(parameters=kept, **self._built_with)
        for plan, before in (
            (self.copter.mission_plan, old.mission_plan),
            (self.copter.fence_plan, old.fence_plan),
            (self.copter.rally_plan, old.rally_plan),
        ):
            plan.replace(before.items)
        self.servers = self._new_servers()
        self._versions = dict.fromkeys(TOTALS, -1)
        self.signing.stream_timestamps.clear()

    # ---- inside

    def _new_servers(self) -> dict[int, PlanServer]:
        copter = self.copter
        plans = {MISSION: copter.mission_plan, FENCE: copter.fence_plan, RALLY: copter.rally_plan}
        servers = {
            kind: PlanServer(kind, plan, send=self.send, say=copter.say, home=copter.home_item)
            for kind, plan in plans.items()
        }
        servers[MISSION].may_clear = copter.may_clear_mission
        servers[MISSION].cleared = copter.mission.forget
        on_card_kb = copter.parameters["BRD_SD_MISSION"]
        if on_card_kb > 0.0:
            servers[MISSION].limit = int((on_card_kb * 1024.0 - 4.0) / 15.0)
        on_card_kb = copter.parameters["BRD_SD_FENCE"]
        if on_card_kb > 0.0:
            servers[FENCE].limit = 255
            servers[FENCE].fence_bytes = int(on_card_kb * 1024.0)
        return servers

    def _for_us(self, message: Any) -> bool:
        system = getattr(message, "target_system", 0)
        component = getattr(message, "target_component", 0)
        return system in (0, self.system_id) and component in (0, COMPONENT)

    def _tick(self) -> None:
        copter = self.copter
        copter.tick()
        for kind, server in self.servers.items():
            server.ready = copter.ready.initialised
            if server.receiving:
                server.tick(self.now_s)
            if server.plan.version != self._versions[kind]:
                self._versions[kind] = server.plan.version
                copter.parameters.set(TOTALS[kind], float(len(server.plan.items)))
        self._tell_events(copter)
        for source, channel in self._channels.items():
            for message_id in channel.due(self.now_s):
                self.send(source, messages.TELEMETRY[message_id](copter))
            for _ in range(min(PARAMETERS_PER_TICK, len(channel.parameters))):
                name, index, count = channel.parameters.popleft()
                self.send(source, announcements.param_value(copter, name, index, count))

    def _tell_events(self, copter: Copter) -> None:
        if copter.texts:
            for severity, text in copter.texts:
                self._text_id = self._text_id % 65535 + 1
                for part in announcements.statustexts(severity, text, self._text_id):
                    self.broadcast(part)
            copter.texts.clear()
        for name, value in copter.named:
            self.broadcast(announcements.named_value(copter, name, value))
        copter.named.clear()
        if copter.mode_changed:
            copter.mode_changed = False
            self.broadcast(messages.heartbeat(copter))
        if copter.home_changed:
            copter.home_changed = False
            self.broadcast(messages.gps_global_origin(copter))
            self.broadcast(messages.home_position(copter))
        if copter.auto.reached:
            self.broadcast(mavlink.MAVLink_mission_item_reached_message(copter.auto.reached[-1]))
            copter.auto.reached.clear()
        for picture in copter.camera.pictures:
            self.broadcast(announcements.camera_feedback(copter, picture))
        copter.camera.pictures.clear()
        if copter.wants_terrain and self.now_s - self._terrain_asked_s >= TERRAIN_ASK_S:
            self._terrain_asked_s = self.now_s
            self.broadcast(announcements.terrain_request(copter))

    def parameter_message(self, name: str, index: int | None = None) -> Any:
        """Return PARAM_VALUE of a parameter; index 65535 when it was asked for by name."""
        count = len(self.copter.parameters.listed())
        return announcements.param_value(
            self.copter, name, 65535 if index is None else index, count
        )

    def set_parameter(self, name: str, value: float) -> None:
        """Set a parameter and tell everyone what it is now; nothing for an unknown one."""
        if self.copter.parameters.set(name, single(value)):
            self.broadcast(self.parameter_message(name))
