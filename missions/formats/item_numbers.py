"""Where the fifth to seventh number of an item means a place and where it does not.

Files write seven plain numbers per item; a `MissionItem` holds x and y as whole numbers. For a
command that goes to a place these are degrees × 10⁷. For the others they are the parameter
itself. A command agri does not know is taken as QGroundControl takes it on the way to the
vehicle: a place if its frame is a global one. Reading and writing share this room, so that what
is read from a file and written again is the same item.
"""

from __future__ import annotations

import math
from decimal import Decimal

from agri.units import e7_to_degrees
from missions.items import LOCATED, NAN_ALLOWED_P4, Command, Frame, MissionItem

_KNOWN = frozenset(int(command) for command in Command)


def holds_degrees(command: int, frame: Frame) -> bool:
    """Return whether x and y of such an item are degrees × 10⁷.

    Examples
    --------
    >>> holds_degrees(Command.NAV_WAYPOINT, Frame.RELATIVE)
    True
    >>> holds_degrees(Command.DO_DIGICAM_CONTROL, Frame.RELATIVE)
    False
    """
    if command in _KNOWN:
        return command in LOCATED
    return frame is not Frame.MISSION


def numbers_from_xy(item: MissionItem) -> tuple[float, float]:
    """Return the fifth and sixth number of `item` as a file says them."""
    if holds_degrees(item.command, item.frame):
        return e7_to_degrees(item.x), e7_to_degrees(item.y)
    return float(item.x), float(item.y)


def seventh(item: MissionItem) -> float:
    """Return the seventh number: a height to the centimetre, or the parameter as it is."""
    return round(item.z, 2) + 0.0 if item.is_located else item.z


def param_or_zero(command: int, number: int, value: float) -> float:
    """Return a parameter with NaN, "not set", as 0 wherever the vehicle would refuse it.

    Examples
    --------
    >>> param_or_zero(Command.DO_SPRAYER, 4, float("nan"))
    0.0
    """
    if not math.isnan(value):
        return value
    return math.nan if number == 4 and command in NAN_ALLOWED_P4 else 0.0


def plain(value: float) -> str:
    """Write a number so that reading it gives the same number, without an exponent.

    Examples
    --------
    >>> plain(25.0), plain(0.1), plain(1e-7)
    ('25', '0.1', '0.0000001')
    """
    text = format(Decimal(repr(float(value))), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
