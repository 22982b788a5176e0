"""Who else is on the link: other aircraft, other ground stations, strangers, refused frames.

A link is for one aircraft and one ground station. What comes from anybody else is never acted on
(`missions.wire.messages.Pair`, `missions.link.peer`); here it is counted, so that a person can be
told. `Hearing` collects on the service thread; `Heard` is the value given to others.

A ground station that calls itself by our own number is worse than any other: the aircraft cannot
tell its heartbeats from ours, so it would not notice when we fall silent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeVar

from missions.link.signing import MAVLINK_1, SIGNED_FLAG
from missions.wire.messages import Address

T = TypeVar("T")
MOST_KEPT = 50
"""Numbers remembered of each kind; more are not needed to say that something is wrong."""
GROUND_STATION, NO_AUTOPILOT = 6, 8
"""MAV_TYPE_GCS and MAV_AUTOPILOT_INVALID."""
UNKNOWN_LEVEL = 255
DECIBELS = 1.9
"""SiK radios count 1.9 steps a decibel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RadioStatus:
    """RADIO_STATUS: how a telemetry radio hears, in its own steps (255: not told).

    Parameters
    ----------
    rssi, noise : int
        Signal and noise here.
    remote_rssi, remote_noise : int
        Signal and noise at the aircraft.
    room_pct : int
        Free part of its transmit buffer.
    errors : int
        Receive errors so far.
    """

    rssi: int
    noise: int
    remote_rssi: int
    remote_noise: int
    room_pct: int
    errors: int

    @property
    def margin_db(self) -> float:
        """Signal above noise at the worse end, decibels; NaN when neither is told.

        Examples
        --------
        >>> RadioStatus(rssi=120, noise=63, remote_rssi=255, remote_noise=60, room_pct=100,
        ...             errors=0).margin_db
        30.0
        """
        ends = ((self.rssi, self.noise), (self.remote_rssi, self.remote_noise))
        told = [(s - n) / DECIBELS for s, n in ends if UNKNOWN_LEVEL not in (s, n)]
        return min(told, default=math.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Frames that came and were not taken.

    Parameters
    ----------
    unsigned, old, forged : int
        Without a signature, in MAVLink 1, with a wrong or used signature, while a key is set.
    garbled : int
        With a wrong checksum, or no frames at all.
    """

    unsigned: int = 0
    old: int = 0
    forged: int = 0
    garbled: int = 0

    @property
    def for_signature(self) -> int:
        """All that were refused for want of a good signature."""
        return self.unsigned + self.old + self.forged


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What was heard besides the aircraft.

    Parameters
    ----------
    aircraft : tuple of int
        System ids of other aircraft.
    stations : tuple of Address
        Other ground stations.
    twin : bool
        Whether one of them has our own number.
    strangers : int
        Packets from network addresses that are not the aircraft's.
    refused : Refused
        Frames that were not taken.
    signed : bool
        Whether the aircraft signs.
    old : bool
        Whether the aircraft speaks MAVLink 1.
    radio : RadioStatus or None
        The last.
    """

    aircraft: tuple[int, ...] = ()
    stations: tuple[Address, ...] = ()
    twin: bool = False
    strangers: int = 0
    refused: Refused = Refused()
    signed: bool = False
    old: bool = False
    radio: RadioStatus | None = None


class Hearing:
    """Collects who is heard.

    Parameters
    ----------
    us : Address
        Ours.
    """

    def __init__(self, us: Address) -> None:
        self._us = us
        self._aircraft: set[int] = set()
        self._stations: set[Address] = set()
        self._radio: RadioStatus | None = None
        self._signed = self._old = False

    def take(self, message: Any, vehicle: Address | None) -> None:
        """Take one message, whoever sent it; `vehicle` is the link's aircraft once it is known."""
        kind = message.get_type()
        sender = Address(message.get_srcSystem(), message.get_srcComponent())
        if kind == "RADIO_STATUS":
            self._radio = RadioStatus(
                rssi=message.rssi,
                noise=message.noise,
                remote_rssi=message.remrssi,
                remote_noise=message.remnoise,
                room_pct=message.txbuf,
                errors=message.rxerrors,
            )
        elif sender == vehicle:
            frame = message.get_msgbuf()
            self._old = bool(frame) and frame[0] == MAVLINK_1
            self._signed = bool(frame) and not self._old and bool(frame[2] & SIGNED_FLAG)
        elif kind == "HEARTBEAT" and message.type == GROUND_STATION:
            _keep(self._stations, sender)
        elif kind == "HEARTBEAT" and message.autopilot != NO_AUTOPILOT:
            _keep(self._aircraft, sender.system)

    def heard(self, *, strangers: int, refused: Refused, vehicle: Address | None) -> Heard:
        """Return what was heard so far."""
        stations = sorted(self._stations, key=lambda a: (a.system, a.component))
        own = vehicle.system if vehicle else None
        return Heard(
            aircraft=tuple(sorted(n for n in self._aircraft if n != own)),
            stations=tuple(stations),
            twin=any(station.system == self._us.system for station in stations),
            strangers=strangers,
            refused=refused,
            signed=self._signed,
            old=self._old,
            radio=self._radio,
        )


def _keep(into: set[T], value: T) -> None:
    if len(into) < MOST_KEPT:
        into.add(value)
