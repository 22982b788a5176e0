"""Mission items, their canonical form and their digest.

A `MissionItem` is what MAVLink's MISSION_ITEM_INT carries: command, frame, four parameters and
x, y, z. It is checked when built, so that nothing out of range can reach an autopilot (a param1
of 1e10 once crashed one: ardupilot issue 31902).

ArduPilot does not store all it is sent: frames lose their ``_INT``, altitudes round to the
centimetre, a waypoint keeps only its delay in whole seconds, a rally point its height in
whole metres, DO_ items come back in frame 0.
Two lists of items therefore mean the same on board exactly if their **canonical forms** are
equal, and the `digest` is taken over those. What `canonical` drops was seen on ArduCopter
4.6-dev. canonical(canonical(x)) == canonical(x).

Item 0, the home that ArduPilot rewrites by itself, is never among a plan's items: it is added
when a file or the wire asks for it, and left out of every digest.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from agri.errors import BadInput
from agri.geo import LonLat


class Frame(IntEnum):
    """MAV_FRAME without the ``_INT`` twins, which are folded into these."""

    GLOBAL = 0
    MISSION = 2
    RELATIVE = 3
    TERRAIN = 10


INT_TWIN = {5: Frame.GLOBAL, 6: Frame.RELATIVE, 11: Frame.TERRAIN}
"""MAV_FRAME_*_INT to the frame agri writes."""


class MissionType(IntEnum):
    """MAV_MISSION_TYPE: the three plans a vehicle holds."""

    MISSION = 0
    FENCE = 1
    RALLY = 2


class Command(IntEnum):
    """The MAV_CMD numbers that agri plans with (MAVLink common and ardupilotmega dialects)."""

    NAV_WAYPOINT = 16
    NAV_LOITER_TIME = 19
    NAV_RETURN_TO_LAUNCH = 20
    NAV_LAND = 21
    NAV_TAKEOFF = 22
    NAV_SPLINE_WAYPOINT = 82
    NAV_DELAY = 93
    CONDITION_DISTANCE = 114
    CONDITION_YAW = 115
    DO_JUMP = 177
    DO_CHANGE_SPEED = 178
    DO_SET_SERVO = 183
    DO_LAND_START = 189
    DO_SET_ROI_LOCATION = 195
    DO_DIGICAM_CONTROL = 203
    DO_MOUNT_CONTROL = 205
    DO_SET_CAM_TRIGG_DIST = 206
    DO_SPRAYER = 216
    DO_GIMBAL_MANAGER_PITCHYAW = 1000
    IMAGE_START_CAPTURE = 2000
    IMAGE_STOP_CAPTURE = 2001
    FENCE_RETURN_POINT = 5000
    FENCE_INCLUSION_POLYGON = 5001
    FENCE_EXCLUSION_POLYGON = 5002
    FENCE_INCLUSION_CIRCLE = 5003
    FENCE_EXCLUSION_CIRCLE = 5004
    RALLY_POINT = 5100


LOCATED = frozenset(
    {
        Command.NAV_WAYPOINT,
        Command.NAV_LOITER_TIME,
        Command.NAV_LAND,
        Command.NAV_TAKEOFF,
        Command.NAV_SPLINE_WAYPOINT,
        Command.DO_LAND_START,
        Command.DO_SET_ROI_LOCATION,
        *(command for command in Command if command >= Command.FENCE_RETURN_POINT),
    }
)
"""Commands whose x and y are a place (degrees × 10⁷) and z a height."""

NAN_ALLOWED_P4 = frozenset({Command.NAV_WAYPOINT, Command.NAV_LAND, Command.NAV_TAKEOFF})
"""Commands whose param4 (yaw) may be NaN; ArduPilot refuses NaN anywhere else."""

PARAM_LIMIT = 1.0e6
"""No parameter agri knows needs more; larger ones have crashed autopilots."""
ALTITUDE_LIMIT_M = 10_000.0
"""MAVLink heights outside ± 10 km are refused here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissionItem:
    """One item as MISSION_ITEM_INT carries it.

    Parameters
    ----------
    command : int
        MAV_CMD number, 0 to 65535.
    frame : Frame
        Frame of x, y and z; ``Frame.MISSION`` for items without a place.
    param1, param2, param3, param4 : float
        The command's parameters; NaN only where `NAN_ALLOWED_P4` says.
    x, y : int
        Latitude and longitude in degrees × 10⁷ for a located command; otherwise the command's
        fifth and sixth parameters.
    z : float
        Height in metres above what the frame says, or the seventh parameter.

    Raises
    ------
    BadInput
        When a number is not finite or out of range.
    """

    command: int
    frame: Frame = Frame.MISSION
    param1: float = 0.0
    param2: float = 0.0
    param3: float = 0.0
    param4: float = 0.0
    x: int = 0
    y: int = 0
    z: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.command <= 0xFFFF:
            raise BadInput("error.item_command", value=self.command)
        for number, value in enumerate(self.params, start=1):
            if number == 4 and math.isnan(value) and self.command in NAN_ALLOWED_P4:
                continue
            if not math.isfinite(value) or abs(value) > PARAM_LIMIT:
                raise BadInput("error.item_param", command=self.command, number=number, value=value)
        if not math.isfinite(self.z) or abs(self.z) > ALTITUDE_LIMIT_M:
            raise BadInput("error.item_altitude", command=self.command, value=self.z)
        located = self.command in LOCATED
        limit_x, limit_y = (900_000_000, 1_800_000_000) if located else (2**31 - 1, 2**31 - 1)
        if abs(self.x) > limit_x or abs(self.y) > limit_y:
            raise BadInput("error.item_position", command=self.command, x=self.x, y=self.y)

    @property
    def params(self) -> tuple[float, float, float, float]:
        """The four parameters."""
        return self.param1, self.param2, self.param3, self.param4

    @property
    def is_located(self) -> bool:
        """Whether x and y are a place."""
        return self.command in LOCATED

    @property
    def place(self) -> LonLat:
        """The item's place; only for a located command."""
        return LonLat.from_e7(lon_e7=self.y, lat_e7=self.x)


def item_at(
    command: Command,
    place: LonLat,
    altitude_m: float,
    *,
    frame: Frame = Frame.RELATIVE,
    param1: float = 0.0,
    param4: float = 0.0,
) -> MissionItem:
    """Build a located item at `place`, `altitude_m` above what `frame` says.

    Examples
    --------
    >>> item = item_at(Command.NAV_WAYPOINT, LonLat(lon_deg=106.5, lat_deg=21.0), 50.0)
    >>> item.x, item.y, item.z
    (210000000, 1065000000, 50.0)
    """
    return MissionItem(
        command=command,
        frame=frame,
        x=place.lat_e7,
        y=place.lon_e7,
        z=altitude_m,
        param1=param1,
        param4=param4,
    )


_KEPT_PARAMS: dict[int, str] = {
    Command.NAV_WAYPOINT: "i---",
    Command.NAV_SPLINE_WAYPOINT: "i---",
    Command.NAV_LOITER_TIME: "i---",
    Command.NAV_RETURN_TO_LAUNCH: "----",
    Command.NAV_LAND: "i---",
    Command.NAV_TAKEOFF: "i---",
    Command.DO_LAND_START: "----",
    Command.DO_SET_CAM_TRIGG_DIST: "f-i-",
    Command.DO_SPRAYER: "i---",
    Command.DO_CHANGE_SPEED: "fff-",
    Command.DO_SET_SERVO: "ii--",
    Command.FENCE_RETURN_POINT: "----",
    Command.FENCE_INCLUSION_POLYGON: "i---",
    Command.FENCE_EXCLUSION_POLYGON: "i---",
    Command.FENCE_INCLUSION_CIRCLE: "f---",
    Command.FENCE_EXCLUSION_CIRCLE: "f---",
    Command.RALLY_POINT: "----",
}
"""What ArduCopter keeps of each parameter: i whole number, f float32, - nothing."""


def _float32(value: float) -> float:
    kept: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return kept + 0.0


def _kept(value: float, how: str) -> float:
    if how == "-" or math.isnan(value):
        return 0.0
    return float(math.trunc(value)) + 0.0 if how == "i" else _float32(value)


def canonical(item: MissionItem) -> MissionItem:
    """Return `item` as ArduCopter would give it back.

    Examples
    --------
    >>> item = MissionItem(command=Command.NAV_WAYPOINT, frame=Frame.RELATIVE, param1=1.9,
    ...                    param4=float("nan"), x=210000000, y=1065000000, z=49.999)
    >>> kept = canonical(item)
    >>> kept.param1, kept.param4, kept.z
    (1.0, 0.0, 50.0)
    """
    how = _KEPT_PARAMS.get(item.command, "ffff")
    param1, param2, param3, param4 = (_kept(v, h) for v, h in zip(item.params, how, strict=True))
    fence = item.command >= Command.FENCE_RETURN_POINT
    located = item.is_located
    keeps_height = located and (not fence or item.command == Command.RALLY_POINT)
    frame = item.frame
    if not located:
        frame = Frame.MISSION
    elif fence:
        frame = Frame.GLOBAL if item.command != Command.RALLY_POINT else Frame.RELATIVE
    z = round(item.z, 2) + 0.0 if keeps_height else 0.0
    if item.command == Command.RALLY_POINT:
        z = float(math.trunc(z))
    x, y = (item.x, item.y) if located else (0, 0)
    if item.command == Command.NAV_TAKEOFF:
        x, y = 0, 0
    return MissionItem(
        command=item.command, frame=frame, param1=param1, param2=param2, param3=param3,
        param4=param4, x=x, y=y, z=z,
    )  # fmt: skip


def digest(items: Iterable[MissionItem]) -> str:
    """Return the SHA-256 of the canonical forms of `items`, in order, as 64 hex digits.

    Two lists with the same digest are the same flight on board.

    Examples
    --------
    >>> digest([])[:12]
    'e3b0c44298fc'
    """
    sha = hashlib.sha256()
    for item in items:
        kept = canonical(item)
        sha.update(
            struct.pack(
                "<HB4fiii",
                kept.command,
                kept.frame,
                *kept.params,
                kept.x,
                kept.y,
                round(kept.z * 100),
            )
        )
    return sha.hexdigest()


def located_items(items: Sequence[MissionItem]) -> list[MissionItem]:
    """Return the items the aircraft flies to, take-off and places off the map left out."""
    return [
        item
        for item in items
        if item.is_located and item.command < Command.FENCE_RETURN_POINT and (item.x or item.y)
    ]
