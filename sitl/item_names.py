"""How ArduCopter calls mission items in its texts, and how it treats which of them."""

from __future__ import annotations

NAMES = {
    16: "WP",
    17: "LoitUnlim",
    18: "LoitTurns",
    19: "LoitTime",
    20: "RTL",
    21: "Land",
    22: "Takeoff",
    31: "LoitAltitude",
    82: "SplineWP",
    92: "GuidedEnable",
    93: "Delay",
    94: "PayloadPlace",
    112: "CondDelay",
    114: "CondDist",
    115: "CondYaw",
    178: "ChangeSpeed",
    179: "SetHome",
    181: "SetRelay",
    183: "SetServo",
    188: "ReturnPathStart",
    189: "LandStart",
    193: "PauseContinue",
    201: "SetROI",
    203: "DigiCamCtrl",
    205: "MountControl",
    206: "SetCamTrigDst",
    207: "FenceEnable",
    211: "Gripper",
    215: "SetRepeatDist",
    216: "Sprayer",
    222: "GuidedLimits",
    1000: "GimbalPitchYaw",
    2000: "ImageStartCapture",
    2001: "ImageStopCapture",
}
ROUNDED = frozenset({16, 17, 19, 82})
"""Navigation items before which the corner is cut."""
REACHED_TEXT = frozenset({16, 19, 82})
SILENT_DO = frozenset({203, 206, 216, 183, 181, 215, 1000, 2000, 2001, 211})
"""Do items for which ArduPilot sends no MISSION_ITEM_REACHED."""
