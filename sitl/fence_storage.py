"""What ArduCopter keeps of fence items and rally points, and what makes a fence whole."""

from __future__ import annotations

import math

from sitl.storage import FRAMES, Item, Result, byte, check_place, single

FENCE_FRAMES = frozenset({0, 3, 5, 6, 10, 11})
POLYGONS = frozenset({5001, 5002})
CIRCLES = frozenset({5003, 5004})
FENCE_COMMANDS = frozenset({5000, *POLYGONS, *CIRCLES})
RALLY_COMMAND = 5100
FENCE_FRAME_BYTES = 5
"""What a fence's storage holds besides its items."""


def keep_fence(item: Item) -> Item | Result:
    """Return what is stored of a fence item, or why it is refused."""
    if item.frame not in FENCE_FRAMES:
        return Result.UNSUPPORTED_FRAME
    if item.command not in FENCE_COMMANDS:
        return Result.UNSUPPORTED
    first = single(item.params[0])
    if item.command in POLYGONS:
        first = byte(first)
    elif item.command == 5000:
        first = 0.0
    return Item(command=item.command, params=(first, 0.0, 0.0, 0.0), x=item.x, y=item.y)


def keep_rally(item: Item) -> Item | Result:
    """Return what is stored of a rally point, or why it is refused: whole metres only."""
    if item.command != RALLY_COMMAND:
        return Result.UNSUPPORTED
    refusal = check_place(item)
    if refusal:
        return refusal
    if not abs(item.z) <= 32767.0:
        return Result.INVALID_PARAM7
    if item.frame not in FENCE_FRAMES:
        return Result.UNSUPPORTED_FRAME
    return Item(
        command=item.command,
        frame=FRAMES[item.frame],
        x=item.x,
        y=item.y,
        z=float(math.trunc(item.z)),
    )


def fence_bytes(items: list[Item]) -> int:
    """Return the storage a fence takes: 8 bytes a place, 2 before each polygon, 5 a circle."""
    size = FENCE_FRAME_BYTES
    left = 0
    for item in items:
        if item.command in POLYGONS:
            size += 8 if left else 10
            left = (left or int(item.params[0])) - 1
        else:
            size, left = size + (13 if item.command in CIRCLES else 9), 0
    return size


def check_fence(items: list[Item]) -> bool:
    """Return whether the fence as a whole is one: whole polygons of three corners or more.

    Examples
    --------
    >>> check_fence([Item(command=5001, params=(2.0, 0, 0, 0))] * 2)
    False
    """
    index = 0
    while index < len(items):
        head = items[index]
        if head.command in POLYGONS:
            count = int(head.params[0])
            corners = items[index : index + count]
            alike = all((c.command, c.params) == (head.command, head.params) for c in corners)
            if count < 3 or len(corners) < count or not alike:
                return False
            index += count
        else:
            if head.command in CIRCLES and not head.params[0] > 0.0:
                return False
            index += 1
    return True
