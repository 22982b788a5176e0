"""The values that cross the link, and the one place where MAVLink encodes them.

The machines of `missions.wire.transfer`, `missions.wire.delivery` and `missions.wire.commands` know
only the small frozen values below; `encode` and `decode` turn them into pymavlink messages and
back. So a machine can be read, typed and tested without a byte of MAVLink, and a message no machine
knows never reaches one.

`decode` never raises: a message that cannot be understood (an item out of range, a plan type
that does not exist) becomes None or an item of None, which no comparison can match.

Two rules about who is heard stand here, in `Pair`: a message counts only when it comes from the
one aircraft this link is for, and is addressed to us or to everyone. Another ground station's
traffic on the same radio has driven state machines before.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agri.errors import BadInput
from missions.items import INT_TWIN, Frame, MissionItem, MissionType

BROADCAST = 0
"""System or component id that means everyone."""
TO_INT_TWIN = {frame: number for number, frame in INT_TWIN.items()}
"""The MAV_FRAME_*_INT number that MISSION_ITEM_INT carries for a frame with a place."""
PARAM_TYPE_REAL32 = 9
"""MAV_PARAM_TYPE of every value sent: ArduPilot casts to the parameter's own type."""


@dataclass(frozen=True, slots=True)
class Address:
    """A MAVLink system and component id."""

    system: int
    component: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """MISSION_COUNT: so many items follow."""

    mission_type: MissionType
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """MISSION_REQUEST or MISSION_REQUEST_INT: send me this item; sent always as the latter."""

    mission_type: MissionType
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """MISSION_ITEM_INT; `item` is None when what came is no item agri could build."""

    mission_type: MissionType
    seq: int
    item: MissionItem | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """MISSION_ACK with its MAV_MISSION_RESULT."""

    mission_type: MissionType
    result: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """MISSION_REQUEST_LIST: how many items do you hold?"""

    mission_type: MissionType


@dataclass(frozen=True, slots=True, kw_only=True)
class Clear:
    """MISSION_CLEAR_ALL of one plan type."""

    mission_type: MissionType


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLong:
    """COMMAND_LONG; positions are never sent this way."""

    command: int
    confirmation: int = 0
    params: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandAck:
    """COMMAND_ACK with its MAV_RESULT; progress in percent, 255 when not told."""

    command: int
    result: int
    progress: int = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterRequest:
    """PARAM_REQUEST_READ by name."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterSet:
    """PARAM_SET."""

    name: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterValue:
    """PARAM_VALUE."""

    name: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSync:
    """TIMESYNC: a question (`answered_ns` 0) or an answer, which repeats the question's time."""

    asked_ns: int
    answered_ns: int = 0


Body = (
    Count
    | Request
    | Item
    | Ack
    | ListRequest
    | Clear
    | CommandLong
    | CommandAck
    | ParameterRequest
    | ParameterSet
    | ParameterValue
    | TimeSync
)
"""Everything a machine sends or hears."""


@dataclass(frozen=True, slots=True)
class Received:
    """A body with who sent it and to whom; `target` None for a message that names nobody."""

    body: Body
    sender: Address
    target: Address | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The two ends of a link: the aircraft and us.

    Examples
    --------
    >>> pair = Pair(vehicle=Address(1, 1), us=Address(255, 190))
    >>> body = Ack(mission_type=MissionType.MISSION, result=0)
    >>> pair.admits(Received(body, Address(1, 1), Address(255, 190)))
    True
    >>> pair.admits(Received(body, Address(1, 1), Address(254, 190)))
    False
    """

    vehicle: Address
    us: Address

    def admits(self, received: Received) -> bool:
        """Return whether a message is from our aircraft and addressed to us or to everyone."""
        if received.sender != self.vehicle:
            return False
        target = received.target
        return target is None or (
            target.system in (BROADCAST, self.us.system)
            and target.component in (BROADCAST, self.us.component)
        )


def encode(body: Body, target: Address) -> Any:
    """Return the pymavlink message that carries `body` to `target`."""
    to = (target.system, target.component)
    match body:
        case Count():
            message = mavlink.MAVLink_mission_count_message(*to, body.count, body.mission_type)
        case Request():
            message = mavlink.MAVLink_mission_request_int_message(*to, body.seq, body.mission_type)
        case Item():
            message = _encode_item(body, to)
        case Ack():
            message = mavlink.MAVLink_mission_ack_message(*to, body.result, body.mission_type)
        case ListRequest():
            message = mavlink.MAVLink_mission_request_list_message(*to, body.mission_type)
        case Clear():
            message = mavlink.MAVLink_mission_clear_all_message(*to, body.mission_type)
        case CommandLong():
            params = (*body.params, *[0.0] * 7)[:7]
            again = min(body.confirmation, 255)
            message = mavlink.MAVLink_command_long_message(*to, body.command, again, *params)
        case CommandAck():
            told = (body.command, body.result, body.progress, 0)
            message = mavlink.MAVLink_command_ack_message(*told, *to)
        case ParameterRequest():
            name = body.name.encode("ascii")
            message = mavlink.MAVLink_param_request_read_message(*to, name, -1)
        case ParameterSet():
            name = body.name.encode("ascii")
            message = mavlink.MAVLink_param_set_message(*to, name, body.value, PARAM_TYPE_REAL32)
        case ParameterValue():
            name = body.name.encode("ascii")
            message = mavlink.MAVLink_param_value_message(name, body.value, PARAM_TYPE_REAL32, 1, 0)
        case TimeSync():
            message = mavlink.MAVLink_timesync_message(body.answered_ns, body.asked_ns)
    return message


def _encode_item(body: Item, to: tuple[int, int]) -> Any:
    item = body.item
    if item is None:
        raise BadInput("error.item_command", value=None)
    return mavlink.MAVLink_mission_item_int_message(
        *to,
        body.seq,
        TO_INT_TWIN.get(item.frame, int(item.frame)),
        item.command,
        0,
        1,
        *item.params,
        item.x,
        item.y,
        whole_centimetres(item.z) if item.is_located else item.z,
        body.mission_type,
    )


def whole_centimetres(height_m: float) -> float:
    """Return a height that ArduPilot stores as the nearest whole centimetre.

    It multiplies the float32 by 100 and cuts, so 0.53 m becomes 52 cm. Four tenths of a
    centimetre more make it 53 for every height within 10 km (tried for all of them).

    Examples
    --------
    >>> round(whole_centimetres(0.53), 3), round(whole_centimetres(-0.53), 3)
    (0.534, -0.534)
    """
    rounded = round(height_m, 2)
    return rounded + math.copysign(0.004, rounded) if rounded else 0.0


def decode(message: Any) -> Received | None:
    """Return what a pymavlink message says, or None when no machine asks for it."""
    body = _decode_body(message)
    if body is None:
        return None
    target = None
    if hasattr(message, "target_system"):
        target = Address(message.target_system, message.target_component)
    return Received(body, Address(message.get_srcSystem(), message.get_srcComponent()), target)


def _decode_body(message: Any) -> Body | None:
    kind = message.get_type()
    if kind == "COMMAND_ACK":
        return CommandAck(command=message.command, result=message.result, progress=message.progress)
    if kind == "PARAM_VALUE":
        return ParameterValue(name=_text(message.param_id), value=float(message.param_value))
    if kind == "TIMESYNC":
        return TimeSync(asked_ns=message.ts1, answered_ns=message.tc1)
    reader = _PLAN_MESSAGES.get(kind)
    if reader is None:
        return None
    try:
        return reader(message, MissionType(message.mission_type))
    except ValueError:
        return None


_PLAN_MESSAGES: dict[str, Callable[[Any, MissionType], Body]] = {
    "MISSION_COUNT": lambda m, of: Count(mission_type=of, count=m.count),
    "MISSION_REQUEST": lambda m, of: Request(mission_type=of, seq=m.seq),
    "MISSION_REQUEST_INT": lambda m, of: Request(mission_type=of, seq=m.seq),
    "MISSION_ITEM_INT": lambda m, of: Item(mission_type=of, seq=m.seq, item=_decode_item(m)),
    "MISSION_ACK": lambda m, of: Ack(mission_type=of, result=m.type),
}


def _decode_item(message: Any) -> MissionItem | None:
    try:
        return MissionItem(
            command=message.command,
            frame=INT_TWIN[message.frame] if message.frame in INT_TWIN else Frame(message.frame),
            param1=message.param1,
            param2=message.param2,
            param3=message.param3,
            param4=message.param4,
            x=message.x,
            y=message.y,
            z=message.z,
        )
    except (BadInput, ValueError):
        return None


def _text(raw: str | bytes) -> str:
    text = raw.decode("ascii", "replace") if isinstance(raw, bytes) else raw
    return text.rstrip("\x00")
