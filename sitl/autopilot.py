"""MAVLink as ArduCopter speaks it, without a socket and without a clock.

Messages are given with `Autopilot.receive`, simulated time with `Autopilot.advance`, and what the
vehicle would send comes back. Ground stations are told apart by `source`, any hashable value; each
has its own channel with its own message rates. The default source ``None`` is always there, so
that a test with one ground station need not name it; a server drops it with `detach`.

Time moves only in `advance`: answers to what was received wait until then. The simulation steps by
`STEP_S`, so the same calls give the same messages for the same seed.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

from agri.geo import LonLat
from sitl import messages
from sitl.channel import PARAMETERS_PER_TICK, Channel
from sitl.copter import STEP_S, Copter
from sitl.item_messages import Sender
from sitl.mission_store import FENCE, MISSION, RALLY, PlanServer

COMPONENT = 1


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
        Simulated seconds until it can be armed; None is the real 41.5 s. GPS fix and EKF origin
        come at 10/41.5 and 20/41.5 of it.
    seed : int
        Seed of everything random.
    parameters : mapping of str to float, optional
        Parameters that differ from ArduCopter's defaults.
    personality : {"copter", "plane", "rover", "px4"}
        What the heartbeat says it is.

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
    ) -> None:
        changed = dict(parameters or {})
        if wind_m_s:
            changed = {"SIM_WIND_SPD": wind_m_s, "SIM_WIND_DIR": wind_from_deg, **changed}
        self.copter = Copter(
            home=home,
            home_altitude_m=home_altitude_m,
            yaw_deg=yaw_deg,
            parameters=changed,
            ready_after_s=ready_after_s,
            personality=personality,
            seed=seed,
        )
        self._channels: dict[Hashable, Channel] = {}
        self._servers = {
            kind: PlanServer(
                kind,
                plan,
                send=self._send,
                say=self.copter.say,
                home=self.copter.home_item,
            )
            for kind, plan in (
                (MISSION, self.copter.mission_plan),
                (FENCE, self.copter.fence_plan),
                (RALLY, self.copter.rally_plan),
            )
        }
        self._handlers: dict[str, Callable[[Any, Sender], None]] = {
            "PARAM_REQUEST_LIST": self._on_param_list,
            "PARAM_REQUEST_READ": self._on_param_read,
            "PARAM_SET": self._on_param_set,
            "REQUEST_DATA_STREAM": self._on_data_stream,
        }
        self.attach(None)

    @property
    def step_s(self) -> float:
        """Length of one step of simulated time."""
        return STEP_S

    @property
    def now_s(self) -> float:
        """Simulated seconds since it was switched on."""
        return self.copter.now_s

    @property
    def system_id(self) -> int:
        """MAVLink system id (SYSID_THISMAV)."""
        return int(self.copter.parameters["SYSID_THISMAV"]) & 0xFF

    def attach(self, source: Hashable) -> None:
        """Open a channel for a ground station."""
        self._channels.setdefault(source, Channel(self.now_s))

    def detach(self, source: Hashable) -> None:
        """Close a ground station's channel."""
        self._channels.pop(source, None)

    def receive(self, message: Any, source: Hashable = None) -> None:
        """Take one decoded MAVLink message; what it asks is answered at the next `advance`."""
        self.attach(source)
        if not self._for_us(message):
            return
        sender = Sender(source, message.get_srcSystem(), message.get_srcComponent())
        kind = message.get_type()
        if kind.startswith("MISSION_"):
            server = self._servers.get(getattr(message, "mission_type", 0))
            if server is not None:
                server.handle(message, sender, self.now_s)
        elif kind in self._handlers:
            self._handlers[kind](message, sender)

    def advance(self, to_s: float) -> list[Any]:
        """Let simulated time pass until `to_s`; return what the default source would receive."""
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

    def _for_us(self, message: Any) -> bool:
        system = getattr(message, "target_system", 0)
        component = getattr(message, "target_component", 0)
        return system in (0, self.system_id) and component in (0, COMPONENT)

    def _send(self, channel: Hashable, message: Any) -> None:
        header = message.get_header()
        header.srcSystem, header.srcComponent = self.system_id, COMPONENT
        if channel in self._channels:
            self._channels[channel].outbox.append(message)

    def _broadcast(self, message: Any) -> None:
        for source in self._channels:
            self._send(source, message)

    def _tick(self) -> None:
        copter = self.copter
        copter.tick()
        for server in self._servers.values():
            server.ready = copter.initialised
            server.tick(copter.now_s)
        for severity, text in copter.texts:
            self._broadcast(messages.statustext(severity, text))
        copter.texts.clear()
        for source, channel in self._channels.items():
            for message_id in channel.due(copter.now_s):
                self._send(source, messages.TELEMETRY[message_id](copter))
            for _ in range(min(PARAMETERS_PER_TICK, len(channel.parameters))):
                name, index, count = channel.parameters.popleft()
                self._send(source, messages.param_value(copter, name, index, count))

    def _on_param_list(self, _: Any, sender: Sender) -> None:
        listed = self.copter.parameters.listed()
        channel = self._channels[sender.channel]
        channel.parameters.clear()
        channel.parameters.extend((name, i, len(listed)) for i, name in enumerate(listed))

    def _on_param_read(self, message: Any, sender: Sender) -> None:
        listed = self.copter.parameters.listed()
        index, name = message.param_index, message.param_id
        if 0 <= index < len(listed):
            name = listed[index]
        elif name in self.copter.parameters:
            index = 65535
        else:
            return
        self._send(sender.channel, messages.param_value(self.copter, name, index, len(listed)))

    def _on_param_set(self, message: Any, _: Sender) -> None:
        table = self.copter.parameters
        name = message.param_id
        if table.set(name, message.param_value):
            self._broadcast(messages.param_value(self.copter, name, 65535, len(table.listed())))

    def _on_data_stream(self, message: Any, sender: Sender) -> None:
        rate = float(message.req_message_rate) if message.start_stop == 1 else 0.0
        self._channels[sender.channel].set_stream(message.req_stream_id, rate, self.now_s)
