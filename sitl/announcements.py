"""The messages that tell of an event: a text, a picture, a number, a wish for terrain."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pymavlink.dialects.v20 import ardupilotmega as mavlink

if TYPE_CHECKING:
    from sitl.copter import Copter
    from sitl.payload import Picture


def param_value(copter: Copter, name: str, index: int, count: int) -> Any:
    """PARAM_VALUE of one parameter."""
    table = copter.parameters
    return mavlink.MAVLink_param_value_message(
        name.encode("ascii"), table[name], table.kind(name), count, index
    )


def statustexts(severity: int, text: str, text_id: int) -> list[Any]:
    """STATUSTEXT, in parts of fifty letters that share an id when one is not enough."""
    raw = text.encode("utf-8")
    parts = [raw[start : start + 50] for start in range(0, max(1, len(raw)), 50)]
    if len(parts) == 1:
        return [mavlink.MAVLink_statustext_message(severity, raw)]
    return [
        mavlink.MAVLink_statustext_message(severity, part, text_id, number)
        for number, part in enumerate(parts)
    ]


def named_value(copter: Copter, name: str, value: float) -> Any:
    """NAMED_VALUE_FLOAT of a script on board."""
    return mavlink.MAVLink_named_value_float_message(
        int(copter.now_s * 1000.0), name.encode("ascii"), value
    )


def camera_feedback(copter: Copter, picture: Picture) -> Any:
    """CAMERA_FEEDBACK of one picture."""
    lat, lon = copter.ground.e7(picture.east_m, picture.north_m)
    amsl_m = copter.field_elevation_m + picture.up_m
    home_m = copter.home[2] if copter.home else copter.field_elevation_m
    return mavlink.MAVLink_camera_feedback_message(
        int(picture.time_s * 1e6),
        0,
        0,
        picture.index & 0xFFFF,
        lat,
        lon,
        amsl_m,
        amsl_m - home_m,
        math.degrees(picture.roll_rad),
        math.degrees(picture.pitch_rad),
        math.degrees(picture.yaw_rad),
        0.0,
        0,
        picture.index & 0xFFFF,
    )


def terrain_request(copter: Copter) -> Any:
    """TERRAIN_REQUEST around home."""
    origin = copter.ground.origin
    spacing = max(1, min(65535, int(copter.parameters["TERRAIN_SPACING"])))
    return mavlink.MAVLink_terrain_request_message(
        origin.lat_e7, origin.lon_e7, spacing, (1 << 56) - 1
    )
