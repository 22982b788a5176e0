"""The messages of the plan transfer: acknowledgement, request, count and the items themselves."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sitl.storage import LOCATED, Item
from sitl.storage import single as f32

WITH_PLACE = LOCATED | {5000, 5001, 5002, 5003, 5004, 5100}
"""Commands whose x and y are degrees: × 10⁷ in MISSION_ITEM_INT, plain in MISSION_ITEM."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who a message came from: the channel it arrived on, and its MAVLink ids."""

    channel: Hashable
    system: int
    component: int


def ack(sender: Sender, result: int, kind: int) -> Any:
    """MISSION_ACK."""
    return mavlink.MAVLink_mission_ack_message(sender.system, sender.component, int(result), kind)


def request(sender: Sender, seq: int, kind: int) -> Any:
    """MISSION_REQUEST, the deprecated form that ArduPilot still asks with."""
    return mavlink.MAVLink_mission_request_message(sender.system, sender.component, seq, kind)


def count(sender: Sender, items: int, kind: int) -> Any:
    """MISSION_COUNT."""
    return mavlink.MAVLink_mission_count_message(sender.system, sender.component, items, kind)


def mission_item_int(item: Item, seq: int, sender: Sender, kind: int) -> Any:
    """MISSION_ITEM_INT, the answer to MISSION_REQUEST_INT."""
    return mavlink.MAVLink_mission_item_int_message(
        sender.system,
        sender.component,
        seq,
        item.frame,
        item.command,
        0,
        int(kind == 0),
        *item.params,
        item.x,
        item.y,
        item.z,
        kind,
    )


def mission_item(item: Item, seq: int, sender: Sender, kind: int) -> Any:
    """MISSION_ITEM, the single-precision answer to MISSION_REQUEST."""
    place = item.command in WITH_PLACE
    x = f32(item.x * 1.0e-7) if place else float(item.x)
    y = f32(item.y * 1.0e-7) if place else float(item.y)
    return mavlink.MAVLink_mission_item_message(
        sender.system,
        sender.component,
        seq,
        item.frame,
        item.command,
        0,
        int(kind == 0),
        *item.params,
        x,
        y,
        item.z,
        kind,
    )
