"""Which ArduCopter the simulation plays: its version, its build, its board, its parameters' names.

By default the one it was compared with, 4.6.0-dev of May 2024 (fbb78585), on a board that tells no
serial number. Another version changes what AUTOPILOT_VERSION says and, from 4.7 on, the names and
units of some parameters: it has ARMING_SKIPCHK (checks to be skipped, 0 for none) and no
ARMING_CHECK, and heights and speeds in metres. How it flies stays that of 4.6.

The simulation itself goes on reading the older names; `Renamed` turns one into the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agri.errors import BadInput

DEV, OFFICIAL = 0, 255
"""FIRMWARE_VERSION_TYPE."""
EVERY_CHECK = 0x1FFFFE
"""Bits 1 to 20 of ARMING_SKIPCHK, one for each check."""
SI_NAMES_FROM = (4, 7, 0)
BOARD_BYTES, BUILD_BYTES = 18, 8
INT32, REAL32 = 6, 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """A parameter under its newer name.

    Parameters
    ----------
    name : str
        The newer name.
    kind : int
        MAV_PARAM_TYPE.
    default : float
        Its value before anyone sets it.
    older : callable
        From its value to that of the older name.
    """

    name: str
    kind: int
    default: float
    older: Callable[[float], float]


def _hundredfold(value: float) -> float:
    return 100.0 * value


def _checks(skipped: float) -> float:
    bits = int(skipped)
    return 1.0 if bits == 0 else float(~bits & EVERY_CHECK)


SI_NAMES: Mapping[str, Renamed] = {
    "ARMING_CHECK": Renamed(name="ARMING_SKIPCHK", kind=INT32, default=0.0, older=_checks),
    "RTL_ALT": Renamed(name="RTL_ALT_M", kind=REAL32, default=15.0, older=_hundredfold),
    "WPNAV_SPEED": Renamed(name="WP_SPD", kind=REAL32, default=10.0, older=_hundredfold),
    "WPNAV_RADIUS": Renamed(name="WP_RADIUS_M", kind=REAL32, default=2.0, older=_hundredfold),
    "SYSID_THISMAV": Renamed(name="MAV_SYSID", kind=INT32, default=1.0, older=float),
}
"""Older name to what 4.7 has instead, as far as the simulation knows the parameter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Firmware:
    """What AUTOPILOT_VERSION tells.

    Parameters
    ----------
    version : tuple of three int
        Major, minor and patch.
    release : int
        FIRMWARE_VERSION_TYPE: 0 dev, 64 alpha, 128 beta, 192 rc, 255 official.
    build : str
        First eight letters of the hash it was built from.
    board : str
        The board's serial number (uid2), hexadecimal; "" tells none.

    Raises
    ------
    BadInput
        When the board's number is none, or too long.

    Examples
    --------
    >>> Firmware().number == 0x04060000, Firmware(version=(4, 7, 0)).renamed["RTL_ALT"].name
    (True, 'RTL_ALT_M')
    """

    version: tuple[int, int, int] = (4, 6, 0)
    release: int = DEV
    build: str = "fbb78585"
    board: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "version", tuple(self.version))
        try:
            told = bytes.fromhex(self.board)
        except ValueError:
            told = bytes(BOARD_BYTES + 1)
        if len(told) > BOARD_BYTES:
            raise BadInput("error.simulator_parameter_value", name="board", value=self.board)

    @property
    def number(self) -> int:
        """flight_sw_version."""
        major, minor, patch = self.version
        return major << 24 | minor << 16 | patch << 8 | self.release

    @property
    def build_bytes(self) -> list[int]:
        """flight_custom_version."""
        return list(self.build.encode("ascii")[:BUILD_BYTES].ljust(BUILD_BYTES, b"\0"))

    @property
    def board_bytes(self) -> list[int]:
        """uid2."""
        return list(bytes.fromhex(self.board).ljust(BOARD_BYTES, b"\0"))

    @property
    def renamed(self) -> Mapping[str, Renamed]:
        """Older name to what this version has instead."""
        return SI_NAMES if self.version >= SI_NAMES_FROM else {}
