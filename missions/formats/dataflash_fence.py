"""What a dataflash log tells of the fence and the rally points that were on board.

Theory of operation. ArduCopter (4.1 and later for the fence) writes both into the log whenever it
begins one and whenever they are uploaded: the message ``New fence`` or ``New rally``, then a record
FNCE or RALY for every corner, circle or point, each with the number of them all (Tot) and its own
(Seq). So a telling without records is an empty fence, and no telling at all is a log that does not
say. Both numbers are one byte: they begin again at 0 after 255, and are read so.

The last telling before the landing counts, and only when it is whole; an earlier one is no longer
what was on board. Taking rally points away (MISSION_CLEAR_ALL) is the one change that ArduCopter
does not write down, so points told may be gone: a caller must not hold that against a plan that
has none. A log tells which fence was stored; whether it was in force is told by the parameters
(FENCE_ENABLE, FENCE_TYPE).

Seen in logs of ArduCopter 4.6-dev. Names and numbers: ArduPilot's ``AC_Fence/LogStructure.h``,
``AP_Logger/LogStructure.h`` (RALY), ``AC_PolyFence_loader.h`` (types of fence),
``AP_Rally/AP_Rally.h`` (flags of a rally point).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from agri.errors import BadInput
from missions.items import Command, Frame, MissionItem

FENCE_COLUMNS = ("Tot", "Seq", "Type", "Lat", "Lng", "Count", "Radius")
RALLY_COLUMNS = ("Tot", "Seq", "Lat", "Lng", "Alt", "Flags")
NEW_FENCE, NEW_RALLY = "New fence", "New rally"
BYTE = 256
KINDS = {
    98: Command.FENCE_INCLUSION_POLYGON,
    97: Command.FENCE_EXCLUSION_POLYGON,
    96: Command.FENCE_EXCLUSION_CIRCLE,
    95: Command.FENCE_RETURN_POINT,
    94: Command.FENCE_INCLUSION_CIRCLE,
    93: Command.FENCE_EXCLUSION_CIRCLE,
    92: Command.FENCE_INCLUSION_CIRCLE,
}
"""ArduPilot's AC_PolyFenceType; 94 and 96 are circles of whole metres, as older ones stored."""
FRAME_TOLD, FRAME_SHIFT, FRAME_MASK = 4, 3, 3
FRAMES = (Frame.GLOBAL, Frame.RELATIVE, None, Frame.TERRAIN)
"""Location::AltFrame; above the filter's origin (2) is no frame of a mission."""

Told = tuple[float, tuple[float, ...]]
"""When, and a record's columns; without columns it is the message that a new telling begins."""


def fence_told(told: Sequence[Told]) -> tuple[MissionItem, ...] | None:
    """Return the fence that was told last, None when it was not told whole.

    Parameters
    ----------
    told : sequence of (float, tuple of float)
        In the log's order: time, and `FENCE_COLUMNS` of each FNCE, or () for `NEW_FENCE`.
    """
    return _items(told, _fence_item)


def rally_told(told: Sequence[Told]) -> tuple[MissionItem, ...] | None:
    """Return the rally points that were told last, None when they were not told whole.

    Parameters
    ----------
    told : sequence of (float, tuple of float)
        In the log's order: time, and `RALLY_COLUMNS` of each RALY, or () for `NEW_RALLY`.
    """
    return _items(told, _rally_item)


def _items(
    told: Sequence[Told], item_of: Callable[[tuple[float, ...]], MissionItem]
) -> tuple[MissionItem, ...] | None:
    last = _last_telling([values for _, values in told])
    if last is None or (last and (len(last) - int(last[-1][0])) % BYTE):
        return None
    try:
        return tuple(item_of(values) for values in last)
    except (BadInput, ValueError, KeyError):
        return None


def _last_telling(told: Sequence[tuple[float, ...]]) -> list[tuple[float, ...]] | None:
    """Return the records of the last telling, None when one of them is missing or spoiled."""
    telling: list[tuple[float, ...]] | None = None
    for values in told:
        if not values:
            telling = []
            continue
        total, place = values[:2]
        if not (math.isfinite(total) and math.isfinite(place)):
            telling = None
        elif telling is not None and place == len(telling) % BYTE:
            telling.append(values)
        else:
            telling = [values] if place == 0.0 else None
    return telling


def _fence_item(values: tuple[float, ...]) -> MissionItem:
    _, _, kind, lat, lon, count, radius_m = values
    command = KINDS[int(kind)]
    circle = command in (Command.FENCE_INCLUSION_CIRCLE, Command.FENCE_EXCLUSION_CIRCLE)
    size = 0.0 if command is Command.FENCE_RETURN_POINT else radius_m if circle else count
    return MissionItem(command=command, frame=Frame.GLOBAL, param1=size, x=round(lat * 1e7),
                       y=round(lon * 1e7))  # fmt: skip


def _rally_item(values: tuple[float, ...]) -> MissionItem:
    _, _, lat, lon, height_m, flags = values
    bits = int(flags) if math.isfinite(flags) else 0
    frame = FRAMES[bits >> FRAME_SHIFT & FRAME_MASK] if bits & FRAME_TOLD else Frame.RELATIVE
    if frame is None:
        raise ValueError(flags)
    return MissionItem(command=Command.RALLY_POINT, frame=frame, x=round(lat * 1e7),
                       y=round(lon * 1e7), z=height_m)  # fmt: skip
