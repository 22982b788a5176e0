"""What the link tells those who watch: the aircraft's identity, and one sighting after the other.

Values only; the link makes them, `missions.flight.steps` judges them, `missions.flight.launch`
records them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from agri.errors import BadInput
from agri.geo import LonLat
from agri.track import Photo
from agri.words import Message
from missions.wire.telemetry import Telemetry

ARDUPILOT = 3
"""MAV_AUTOPILOT_ARDUPILOTMEGA."""
MULTIROTORS = {
    2: "quadrotor",
    13: "hexarotor",
    14: "octorotor",
    15: "tricopter",
    29: "dodecarotor",
    35: "decarotor",
}
"""MAV_TYPE of what agri flies, and its name."""
OTHERS = {1: "plane", 4: "helicopter", 10: "rover", 12: "submarine"}
"""Those of some that it does not."""
RELEASES = {0: "dev", 64: "alpha", 128: "beta", 192: "rc", 255: ""}
"""FIRMWARE_VERSION_TYPE to the suffix of a version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleIdentity:
    """What aircraft this is.

    Parameters
    ----------
    vehicle_type, autopilot : int
        MAV_TYPE and MAV_AUTOPILOT.
    version : str
        Firmware version, for example ``4.6.0`` or ``4.6.0-dev``; "" when not told.
    system : int
        MAVLink system id.
    capabilities : int
        MAV_PROTOCOL_CAPABILITY bits, 0 when not told.
    uid : str
        The board's serial number, hexadecimal, "" when not told.
    build : str
        Beginning of the hash that the firmware was built from, "" when not told.
    """

    vehicle_type: int
    autopilot: int
    version: str = ""
    system: int = 1
    capabilities: int = 0
    uid: str = ""
    build: str = ""

    @property
    def is_arducopter(self) -> bool:
        """Whether it is an ArduPilot multirotor."""
        return self.autopilot == ARDUPILOT and self.vehicle_type in MULTIROTORS

    @property
    def name(self) -> str:
        """Type, firmware and system id as one word for the record.

        Examples
        --------
        >>> VehicleIdentity(vehicle_type=2, autopilot=3, version="4.6.0").name
        'ArduPilot quadrotor 4.6.0, system 1'
        """
        firmware = "ArduPilot" if self.autopilot == ARDUPILOT else f"autopilot {self.autopilot}"
        kind = (MULTIROTORS | OTHERS).get(self.vehicle_type, f"type {self.vehicle_type}")
        return f"{firmware} {kind} {self.version}".rstrip() + f", system {self.system}"


def version_text(flight_sw_version: int) -> str:
    """Return AUTOPILOT_VERSION's flight_sw_version as text.

    Examples
    --------
    >>> version_text(0x040600FF), version_text(0x04060000)
    ('4.6.0', '4.6.0-dev')
    """
    major, minor, patch = (flight_sw_version >> shift & 0xFF for shift in (24, 16, 8))
    release = RELEASES.get(flight_sw_version & 0xFF, str(flight_sw_version & 0xFF))
    return f"{major}.{minor}.{patch}" + (f"-{release}" if release else "")


def build_text(flight_custom_version: Sequence[int]) -> str:
    """Return AUTOPILOT_VERSION's flight_custom_version, the beginning of a hash, as text.

    Examples
    --------
    >>> build_text([102, 98, 98, 55, 0, 0, 0, 0]), build_text([0] * 8), build_text([200] * 8)
    ('fbb7', '', '')
    """
    text = bytes(flight_custom_version).rstrip(b"\0").decode("ascii", "replace")
    return text if text.isascii() and text.isalnum() else ""


def board_number(version: Any) -> str:
    """Return the board's serial number of an AUTOPILOT_VERSION, hexadecimal; "" when not told."""
    long = bytes(version.uid2).rstrip(b"\0").hex()
    return long or (f"{version.uid:x}" if version.uid else "")


class SightingKind(Enum):
    """What a sighting is about."""

    POSITION = auto()
    STATE = auto()
    PHOTO = auto()
    TEXT = auto()
    ORDER = auto()
    SPRAY_NO_MORE = auto()
    REMARK = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One thing seen, with the whole telemetry as it was then.

    Parameters
    ----------
    kind : SightingKind
        POSITION (a position report), STATE (heartbeat, mission, system), PHOTO (a picture taken),
        TEXT (the autopilot said something: last of telemetry.texts), ORDER (hold, return or land
        was asked through this link), SPRAY_NO_MORE (a person wants the sprayer off to the end),
        REMARK (something of this flight that no packet tells, for its record).
    telemetry : Telemetry
        The aircraft then.
    photo : Photo or None
        The picture; its time is the aircraft's clock.
    mode : int or None
        The mode ordered.
    remark : Message or None
        What is remarked.
    """

    kind: SightingKind
    telemetry: Telemetry
    photo: Photo | None = None
    mode: int | None = None
    remark: Message | None = None


def photo_of(message: Any, telemetry: Telemetry) -> Photo | None:
    """Return the picture that CAMERA_FEEDBACK tells of, None when its place is impossible."""
    try:
        place = LonLat.from_e7(lon_e7=message.lng, lat_e7=message.lat)
    except BadInput:
        return None
    return Photo(
        index=message.img_idx,
        time_s=telemetry.time_s,
        place=place,
        height_m=message.alt_rel,
        yaw_deg=message.yaw % 360.0,
    )
