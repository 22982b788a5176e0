"""What ArduCopter keeps of a mission, fence or rally item, and what it gives back.

An item has fifteen bytes of storage, so much of what is sent is lost: altitudes become whole
centimetres, a waypoint keeps only its delay in whole seconds, items without a place come back in
frame 0 with every field they do not use at zero, and a frame loses its ``_INT``. Those losses were
read off ArduCopter 4.6-dev by writing items and reading them back. They are made here **when the
item is stored**, so that a stored item is at once what a download answers.

Arithmetic is single precision where the real one's is, because it shows: 35.17 m comes back as
35.16. Whole numbers keep their low bits only, as C does: a delay of −1 s becomes 65,535. Where C
leaves the conversion undefined (a delay of 10¹⁰ s; one such value once stopped an autopilot) this
storage takes what an x86 processor makes of it.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

_CENTI = struct.unpack("<f", struct.pack("<f", 0.01))[0]
Params = tuple[float, float, float, float]

FRAMES = {0: 0, 2: 0, 5: 0, 3: 3, 6: 3, 10: 10, 11: 10}
"""MAV_FRAME accepted for an item with a place → the frame it comes back in."""
LOCATED = frozenset({16, 17, 18, 19, 21, 22, 30, 31, 82, 84, 85, 92, 94, 179, 188, 189, 191, 201})
"""Mission commands stored with a place."""
YAW_MAY_BE_NAN = frozenset({16, 21, 22})
ALTITUDE_LIMIT_M = 83_000.0


class Result(IntEnum):
    """MAV_MISSION_RESULT, as far as ArduCopter answers it."""

    ACCEPTED = 0
    ERROR = 1
    UNSUPPORTED_FRAME = 2
    UNSUPPORTED = 3
    NO_SPACE = 4
    INVALID = 5
    INVALID_PARAM1 = 6
    INVALID_PARAM2 = 7
    INVALID_PARAM3 = 8
    INVALID_PARAM4 = 9
    INVALID_PARAM5_X = 10
    INVALID_PARAM6_Y = 11
    INVALID_PARAM7 = 12
    INVALID_SEQUENCE = 13
    DENIED = 14
    OPERATION_CANCELLED = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item, as sent or as stored: the fields of MISSION_ITEM_INT that mean something.

    Parameters
    ----------
    command, frame : int
        MAV_CMD and MAV_FRAME.
    params : tuple of four float
        param1 to param4.
    x, y : int
        Latitude and longitude in degrees × 10⁷, or the fifth and sixth parameter.
    z : float
        Metres, or the seventh parameter.
    """

    command: int
    frame: int = 0
    params: Params = (0.0, 0.0, 0.0, 0.0)
    x: int = 0
    y: int = 0
    z: float = 0.0


class Plan:
    """What one of the three storages holds: mission (item 0 is home), fence or rally points.

    Attributes
    ----------
    items : list of Item
        In order.
    version : int
        Goes up whenever the items change.
    """

    __slots__ = ("items", "version")

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.version = 0

    def replace(self, items: list[Item]) -> None:
        """Put a whole plan in place."""
        self.items = items
        self.version += 1

    def put(self, seq: int, item: Item) -> bool:
        """Overwrite item `seq`, or add it when it is the next; return whether there was room."""
        if seq < len(self.items):
            self.items[seq] = item
        elif seq == len(self.items):
            self.items.append(item)
        else:
            return False
        self.version += 1
        return True

    def truncate(self, count: int) -> None:
        """Forget what lies beyond the first `count` items."""
        if len(self.items) > count:
            del self.items[count:]
            self.version += 1


def single(value: float) -> float:
    """Round to single precision, as every number on the wire is.

    Examples
    --------
    >>> single(0.1) == 0.1, single(0.5) == 0.5
    (False, True)
    """
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def _cut(value: float) -> int:
    """Return a float as an x86 processor cuts it to a 32-bit integer."""
    return math.trunc(value) if abs(value) < 2.0**31 else -(2**31)


def _whole(value: float) -> float:
    return float(_cut(value) & 0xFFFF)


def byte(value: float) -> float:
    """Return what is left of a float in an unsigned byte."""
    return float(_cut(value) & 0xFF)


def _signed(value: float) -> float:
    return float((_cut(value) + 128 & 0xFF) - 128)


def _short(value: float) -> float:
    return float((_cut(value) + 32768 & 0xFFFF) - 32768)


def _sign(value: float) -> float:
    return -1.0 if value < 0.0 else 1.0


def _loiter_turns(p: Params) -> Params:
    """Keep turns and radius in one 16-bit word: parts of a turn in 256ths, far radii in 10 m."""
    part = 0.0 < p[0] < 1.0
    radius = abs(p[2])
    far = radius > 255.0
    kept = min(255, _cut(radius * 0.1 if far else radius))
    word = (_cut(min(255.0, p[0] * 256.0 if part else p[0])) & 0xFFFF) | kept << 8
    turns = (word & 0xFF) / (256.0 if part else 1.0)
    return turns, 0.0, (word >> 8) * (10.0 if far else 1.0) * _sign(p[2]), float(p[3] > 0.0)


_KEEP: dict[int, Callable[[Params], Params]] = {
    16: lambda p: (_whole(p[0]), 0.0, 0.0, 0.0),
    17: lambda p: (0.0, 0.0, _whole(abs(p[2])) * _sign(p[2]), 0.0),
    18: _loiter_turns,
    19: lambda p: (_whole(p[0]), 0.0, _sign(p[2]), float(p[3] > 0.0)),
    20: lambda _: (0.0, 0.0, 0.0, 0.0),
    21: lambda p: (_whole(p[0]), 0.0, 0.0, 1.0 if math.isnan(p[3]) else _sign(p[3])),
    22: lambda p: (_whole(p[0]), 0.0, 0.0, 0.0),
    30: lambda p: (_whole(p[0]), 0.0, 0.0, 0.0),
    31: lambda p: (0.0, _whole(abs(p[1])) * _sign(p[1]), 0.0, float(p[3] > 0.0)),
    82: lambda p: (_whole(p[0]), 0.0, 0.0, 0.0),
    84: lambda _: (0.0, 0.0, 0.0, 0.0),
    85: lambda p: (_whole(p[0]), 0.0, 0.0, 0.0),
    92: lambda p: (_whole(p[0]), 0.0, 0.0, 0.0),
    93: lambda p: (p[0], _signed(p[1]), _signed(p[2]), _signed(p[3])),
    94: lambda p: (_whole(single(p[0] * 100.0)) / 100.0, 0.0, 0.0, 0.0),
    112: lambda p: (p[0], 0.0, 0.0, 0.0),
    114: lambda p: (p[0], 0.0, 0.0, 0.0),
    115: lambda p: (p[0], p[1], _signed(p[2]), byte(p[3])),
    177: lambda p: (_whole(p[0]), _short(p[1]), 0.0, 0.0),
    178: lambda p: (byte(p[0]), p[1], p[2], 0.0),
    179: lambda p: (_whole(p[0]), 0.0, 0.0, 0.0),
    181: lambda p: (byte(p[0]), byte(p[1]), 0.0, 0.0),
    183: lambda p: (byte(p[0]), _whole(p[1]), 0.0, 0.0),
    188: lambda _: (0.0, 0.0, 0.0, 0.0),
    189: lambda _: (0.0, 0.0, 0.0, 0.0),
    191: lambda _: (0.0, 0.0, 0.0, 0.0),
    193: lambda p: (_whole(p[0]), 0.0, 0.0, 0.0),
    201: lambda p: (_whole(p[0]), 0.0, 0.0, 0.0),
    203: lambda p: (byte(p[0]), byte(p[1]), _signed(p[2]), byte(p[3])),
    205: lambda p: (p[0], p[1], p[2], 0.0),
    206: lambda p: (p[0], 0.0, byte(p[2]), 0.0),
    207: lambda p: (_whole(p[0]), 0.0, 0.0, 0.0),
    208: lambda p: (_whole(p[0]), 0.0, 0.0, 0.0),
    211: lambda p: (byte(p[0]), byte(p[1]), 0.0, 0.0),
    215: lambda p: (_whole(p[0]), 0.0, 0.0, 0.0),
    216: lambda p: (_whole(p[0]), 0.0, 0.0, 0.0),
    222: lambda p: (_whole(p[0]), p[1], p[2], p[3]),
    600: lambda p: (_whole(p[0]), 0.0, 0.0, 0.0),
    601: lambda p: (_whole(p[0]), _short(p[1]), 0.0, 0.0),
    1000: lambda p: (_signed(p[0]), _short(p[1]), _signed(p[2]), _signed(p[3])),
    2000: lambda p: (byte(p[0]), p[1], _whole(p[2]), _whole(p[3])),
    2001: lambda p: (_whole(p[0]), 0.0, 0.0, 0.0),
    2500: lambda p: (byte(p[0]), 0.0, 0.0, 0.0),
    2501: lambda p: (byte(p[0]), 0.0, 0.0, 0.0),
}
"""Command → what is kept of its four parameters. A command that is missing is refused."""


def _check_params(item: Item) -> Result:
    for number, value in enumerate(item.params):
        excused = number == 3 and item.command in YAW_MAY_BE_NAN
        if math.isinf(value) or (math.isnan(value) and not excused):
            return Result(Result.INVALID_PARAM1 + number)
    return Result.ACCEPTED


def check_place(item: Item) -> Result:
    """Return why the place of an item cannot be one, ACCEPTED when it can."""
    if abs(item.x) > 900_000_000:
        return Result.INVALID_PARAM5_X
    if abs(item.y) > 1_800_000_000:
        return Result.INVALID_PARAM6_Y
    if not abs(item.z) < ALTITUDE_LIMIT_M:
        return Result.INVALID_PARAM7
    return Result.ACCEPTED


def keep_mission(item: Item) -> Item | Result:
    """Return what is stored of a mission item, or why it is refused.

    Examples
    --------
    >>> sent = Item(command=16, frame=6, params=(1.7, 2.0, 0.0, float("nan")), x=1, y=2, z=5.019)
    >>> keep_mission(sent)
    Item(command=16, frame=3, params=(1.0, 0.0, 0.0, 0.0), x=1, y=2, z=5.01)
    >>> keep_mission(Item(command=2003))
    <Result.UNSUPPORTED: 3>
    """
    refusal = _check_params(item)
    if not refusal and item.command in (0, 1):
        refusal = Result.INVALID
    kept = _KEEP.get(item.command)
    if refusal or kept is None:
        return refusal or Result.UNSUPPORTED
    sent: Params = tuple(single(value) for value in item.params)  # type: ignore[assignment]
    params = kept(sent)
    if item.command not in LOCATED:
        return _without_place(item, params)
    refusal = check_place(item)
    if refusal or item.frame not in FRAMES:
        return refusal or Result.UNSUPPORTED_FRAME
    centimetres = math.trunc(single(single(item.z) * 100.0))
    return Item(
        command=item.command,
        frame=FRAMES[item.frame],
        params=params,
        x=item.x,
        y=item.y,
        z=single(centimetres * _CENTI),
    )


def _without_place(item: Item, params: Params) -> Item:
    x = y = 0
    z = 0.0
    if item.command == 203:
        x, y = int(byte(item.x)), int(byte(item.y))
    elif item.command == 1000:
        x, z = int(byte(item.x)), byte(item.z)
    return Item(command=item.command, params=params, x=x, y=y, z=z)
