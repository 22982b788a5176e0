"""What each received message does: one table, message name → handler."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sitl import item_messages, orders, signing
from sitl.commands import ACCEPTED as DONE
from sitl.commands import ALTITUDE_FRAMES, WITH_PLACE, Call, integer, obey
from sitl.item_messages import Sender
from sitl.storage import Item, Result, keep_mission, single

if TYPE_CHECKING:
    from sitl.autopilot import Autopilot

GUIDED_GO, GUIDED_CLIMB = 2, 3
"""MISSION_ITEM.current that makes it an order for GUIDED instead of an item of a mission."""
IGNORE_POSITION = 0b111


def _plan(vehicle: Autopilot, message: Any, sender: Sender) -> None:
    kind = getattr(message, "mission_type", 0)
    server = vehicle.servers.get(kind)
    if server is not None:
        server.handle(message, sender, vehicle.now_s)
    elif message.get_type() not in ("MISSION_REQUEST", "MISSION_REQUEST_INT"):
        vehicle.send(sender.channel, item_messages.ack(sender, Result.UNSUPPORTED, kind))


def _item(vehicle: Autopilot, message: Any, sender: Sender) -> None:
    if message.current not in (GUIDED_GO, GUIDED_CLIMB):
        _plan(vehicle, message, sender)
        return
    whole = message.get_type() == "MISSION_ITEM_INT"
    x = message.x if whole else integer(single(single(message.x) * 1e7))
    y = message.y if whole else integer(single(single(message.y) * 1e7))
    params = (message.param1, message.param2, message.param3, message.param4)
    kept = keep_mission(
        Item(command=message.command, frame=message.frame, params=params, x=x, y=y, z=message.z)
    )
    result = kept if isinstance(kept, Result) else _guided(vehicle, kept, message.current)
    vehicle.send(sender.channel, item_messages.ack(sender, result, 0))


def _guided(vehicle: Autopilot, item: Item, current: int) -> Result:
    copter = vehicle.copter
    body = copter.body
    place = (*copter.ground.metres(item.x, item.y), copter.up_of(item.frame, item.z))
    if current == GUIDED_CLIMB:
        place = (body.east_m, body.north_m, place[2])
    went = item.command == 16 and orders.go_to(copter, place)
    return Result.ACCEPTED if went else Result.ERROR


def _set_current(vehicle: Autopilot, message: Any, sender: Sender) -> None:
    if vehicle.copter.mission.set_current(message.seq):
        vehicle.send_once(sender, mavlink.MAVLINK_MSG_ID_MISSION_CURRENT)


def _long(vehicle: Autopilot, message: Any, sender: Sender) -> None:
    scale = 1e7 if message.command in WITH_PLACE else 1.0
    call = Call(
        command=message.command,
        p=(message.param1, message.param2, message.param3, message.param4),
        x=integer(message.param5 * scale),
        y=integer(message.param6 * scale),
        z=message.param7,
        frame=3,
        whole=False,
        sender=sender,
    )
    _answer(vehicle, call)


def _int(vehicle: Autopilot, message: Any, sender: Sender) -> None:
    call = Call(
        command=message.command,
        p=(message.param1, message.param2, message.param3, message.param4),
        x=message.x,
        y=message.y,
        z=message.z,
        frame=message.frame,
        whole=True,
        sender=sender,
    )
    _answer(vehicle, call)


def _answer(vehicle: Autopilot, call: Call) -> None:
    _ack(vehicle, call.sender, call.command, obey(vehicle, call))


def _ack(vehicle: Autopilot, sender: Sender, command: int, result: int) -> None:
    message = mavlink.MAVLink_command_ack_message(
        command, result, 0, 0, sender.system, sender.component
    )
    vehicle.send(sender.channel, message)


def _mode(vehicle: Autopilot, message: Any, sender: Sender) -> None:
    result = 2
    if message.base_mode & 1:
        result = DONE if vehicle.copter.set_mode(message.custom_mode) else 4
    _ack(vehicle, sender, mavlink.MAVLINK_MSG_ID_SET_MODE, result)


def _heartbeat(vehicle: Autopilot, _: Any, sender: Sender) -> None:
    copter = vehicle.copter
    if sender.system == int(copter.parameters["SYSID_MYGCS"]):
        copter.failsafes.gcs_seen_s = copter.now_s


def _override(vehicle: Autopilot, message: Any, sender: Sender) -> None:
    copter = vehicle.copter
    if sender.system == int(copter.parameters["SYSID_MYGCS"]):
        values = [getattr(message, f"chan{number}_raw", 0) for number in range(1, 9)]
        copter.radio.override(values, copter.now_s)


def _position_target(vehicle: Autopilot, message: Any, _: Sender) -> None:
    copter = vehicle.copter
    frame = ALTITUDE_FRAMES.get(message.coordinate_frame)
    if message.type_mask & IGNORE_POSITION or frame is None or not math.isfinite(message.alt):
        return
    if abs(message.lat_int) > 900_000_000 or abs(message.lon_int) > 1_800_000_000:
        return
    east_m, north_m = copter.ground.metres(message.lat_int, message.lon_int)
    orders.go_to(copter, (east_m, north_m, copter.up_of(frame, message.alt)))


def _parameter_list(vehicle: Autopilot, _: Any, sender: Sender) -> None:
    vehicle.list_parameters(sender)


def _parameter_read(vehicle: Autopilot, message: Any, sender: Sender) -> None:
    listed = vehicle.copter.parameters.listed()
    if 0 <= message.param_index < len(listed):
        index = message.param_index
        vehicle.send(sender.channel, vehicle.parameter_message(listed[index], index))
    elif message.param_id in vehicle.copter.parameters:
        vehicle.send(sender.channel, vehicle.parameter_message(message.param_id))


def _parameter_set(vehicle: Autopilot, message: Any, _: Sender) -> None:
    vehicle.set_parameter(message.param_id, message.param_value)


def _stream(vehicle: Autopilot, message: Any, sender: Sender) -> None:
    rate_hz = float(message.req_message_rate) if message.start_stop == 1 else 0.0
    vehicle.set_stream(sender, message.req_stream_id, rate_hz)


def _version(vehicle: Autopilot, _: Any, sender: Sender) -> None:
    vehicle.send_once(sender, mavlink.MAVLINK_MSG_ID_AUTOPILOT_VERSION)


def _timesync(vehicle: Autopilot, message: Any, sender: Sender) -> None:
    if message.tc1 == 0:
        now_ns = int(vehicle.now_s * 1e9)
        vehicle.send(sender.channel, mavlink.MAVLink_timesync_message(now_ns, message.ts1))


def _signing(vehicle: Autopilot, message: Any, _: Sender) -> None:
    if not vehicle.copter.armed:
        signing.set_up(vehicle.signing, message.secret_key, message.initial_timestamp)


def _terrain(vehicle: Autopilot, *_: object) -> None:
    vehicle.copter.terrain_known = True


Handler = Callable[["Autopilot", Any, Sender], None]
HANDLERS: dict[str, Handler] = {
    "MISSION_COUNT": _plan,
    "MISSION_ITEM": _item,
    "MISSION_ITEM_INT": _item,
    "MISSION_REQUEST_LIST": _plan,
    "MISSION_REQUEST": _plan,
    "MISSION_REQUEST_INT": _plan,
    "MISSION_CLEAR_ALL": _plan,
    "MISSION_WRITE_PARTIAL_LIST": _plan,
    "MISSION_SET_CURRENT": _set_current,
    "COMMAND_LONG": _long,
    "COMMAND_INT": _int,
    "SET_MODE": _mode,
    "HEARTBEAT": _heartbeat,
    "RC_CHANNELS_OVERRIDE": _override,
    "SET_POSITION_TARGET_GLOBAL_INT": _position_target,
    "PARAM_REQUEST_LIST": _parameter_list,
    "PARAM_REQUEST_READ": _parameter_read,
    "PARAM_SET": _parameter_set,
    "REQUEST_DATA_STREAM": _stream,
    "AUTOPILOT_VERSION_REQUEST": _version,
    "TIMESYNC": _timesync,
    "SETUP_SIGNING": _signing,
    "TERRAIN_DATA": _terrain,
}
"""Every message the vehicle listens to."""
