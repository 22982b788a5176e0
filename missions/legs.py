"""The straight legs a list of items flies, and whether camera or sprayer works on each.

One reading of the items serves formats, pages and pictures: where the aircraft goes, at what
height, and what is switched on. A DO_ item runs when the navigation item before it is reached,
that is, on the leg to the next one (seen on ArduCopter).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agri.geo import LonLat
from missions.items import Command, MissionItem

_FLOWN_TO = frozenset(
    {
        Command.NAV_WAYPOINT,
        Command.NAV_SPLINE_WAYPOINT,
        Command.NAV_LOITER_TIME,
        Command.NAV_LAND,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlownLeg:
    """One straight leg between two places.

    Parameters
    ----------
    seq : int
        Number on board of the item flown to (the first item is 1; home is 0).
    start, end : LonLat
        From where to where.
    start_height_m, end_height_m : float
        In the items' frame, above home for RELATIVE.
    trigger_m : float
        Distance between pictures on this leg, 0 when the camera rests.
    spray_on : bool
        Whether the sprayer is switched on (DO_SPRAYER with a first parameter of 1; anything else
        switches it off, as ArduCopter reads it).
    """

    seq: int
    start: LonLat
    end: LonLat
    start_height_m: float
    end_height_m: float
    trigger_m: float
    spray_on: bool = False


def flown_legs(items: Sequence[MissionItem], home: LonLat) -> tuple[FlownLeg, ...]:
    """Return the legs flown from `home` through `items`, RETURN_TO_LAUNCH back to `home`.

    Parameters
    ----------
    items : sequence of MissionItem
        Without item 0; item i of the list is number i + 1 on board.
    home : LonLat
        Take-off place.

    Returns
    -------
    tuple of FlownLeg
        In flying order; vertical take-off and landing have no leg.
    """
    legs: list[FlownLeg] = []
    here, height_m, trigger_m, spray_on = home, 0.0, 0.0, False
    for seq, item in enumerate(items, start=1):
        if item.command == Command.NAV_TAKEOFF:
            height_m = item.z
        elif item.command == Command.DO_SET_CAM_TRIGG_DIST:
            trigger_m = max(item.param1, 0.0)
        elif item.command == Command.DO_SPRAYER:
            spray_on = item.param1 == 1.0
        elif item.command == Command.NAV_RETURN_TO_LAUNCH or item.command in _FLOWN_TO:
            returns = item.command == Command.NAV_RETURN_TO_LAUNCH
            located = bool(item.x or item.y) and not returns
            there = item.place if located else home if returns else here
            end_height_m = height_m if returns else item.z
            if there != here:
                legs.append(
                    FlownLeg(
                        seq=seq,
                        start=here,
                        end=there,
                        start_height_m=height_m,
                        end_height_m=end_height_m,
                        trigger_m=trigger_m,
                        spray_on=spray_on,
                    )
                )
            here, height_m = there, end_height_m
    return tuple(legs)
