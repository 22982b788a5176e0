"""ArduCopter's flight modes: their numbers, and what the autopilot says about each."""

from __future__ import annotations

from enum import IntEnum


class Mode(IntEnum):
    """ArduCopter's custom_mode numbers."""

    STABILIZE = 0
    ACRO = 1
    ALT_HOLD = 2
    AUTO = 3
    GUIDED = 4
    LOITER = 5
    RTL = 6
    CIRCLE = 7
    LAND = 9
    DRIFT = 11
    SPORT = 13
    FLIP = 14
    AUTOTUNE = 15
    POSHOLD = 16
    BRAKE = 17
    THROW = 18
    AVOID_ADSB = 19
    GUIDED_NOGPS = 20
    SMART_RTL = 21
    FLOWHOLD = 22
    FOLLOW = 23
    ZIGZAG = 24
    AUTO_RTL = 27


FLOWN = frozenset(
    {
        Mode.STABILIZE,
        Mode.ALT_HOLD,
        Mode.AUTO,
        Mode.GUIDED,
        Mode.LOITER,
        Mode.RTL,
        Mode.LAND,
        Mode.POSHOLD,
        Mode.BRAKE,
        Mode.AUTO_RTL,
    }
)
"""Modes this simulator flies; the others are refused as a build without them would."""

NEEDS_POSITION = frozenset(
    {
        Mode.AUTO,
        Mode.GUIDED,
        Mode.LOITER,
        Mode.RTL,
        Mode.POSHOLD,
        Mode.BRAKE,
        Mode.AUTO_RTL,
    }
)
ARMABLE = frozenset({Mode.STABILIZE, Mode.ALT_HOLD, Mode.GUIDED, Mode.LOITER, Mode.POSHOLD})
"""Modes that may be armed in; AUTO joins them with AUTO_OPTIONS bit 0."""
PILOT_THROTTLE = frozenset({Mode.STABILIZE, Mode.ALT_HOLD, Mode.LOITER, Mode.POSHOLD})
"""Modes in which the throttle stick (low in this simulator) commands the climb."""


def known(number: int) -> Mode | None:
    """Return the mode of a custom_mode number, None when this vehicle has none such.

    Examples
    --------
    >>> known(3), known(99)
    (<Mode.AUTO: 3>, None)
    """
    try:
        return Mode(number)
    except ValueError:
        return None


AUTOPILOT_MODES = NEEDS_POSITION | {Mode.CIRCLE, Mode.FOLLOW, Mode.SMART_RTL}
"""Modes in which HEARTBEAT says that the autopilot guides."""
