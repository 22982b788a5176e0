"""Before a launch: is the aircraft's firmware one that agri's flights were tried on?

What an autopilot does with a mission, a failsafe or a sprayer changes from version to version, and
agri relies on much of it. ``firmware.toml`` lists the versions its flights were tried on, with day
and source, and the oldest that may fly. Older is an ERROR, and so is a version that is not told: it
may be older. A version that is not on the list is a WARNING: the person may fly it, with water and
room first. A development version is told every time; under the same number it may be another
program tomorrow, so only the very build that was tried counts as tried.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources

from agri.findings import Finding
from agri.words import Message
from missions.wire.sightings import VehicleIdentity

FILE = "firmware.toml"
VERSION = re.compile(r"([0-9]+)\.([0-9]+)\.([0-9]+)(-.+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A firmware that flights were tried on.

    Parameters
    ----------
    version : str
        As the aircraft tells it.
    build : str
        Beginning of the hash it was built from; "" where only the version counts.
    day : date
        When.
    where : {"simulator", "aircraft"}
        In what.
    source : str
        What was flown.
    """

    version: str
    build: str = ""
    day: date
    where: str
    source: str

    def is_(self, identity: VehicleIdentity) -> bool:
        """Return whether an aircraft has this firmware."""
        return identity.version == self.version and identity.build.startswith(self.build)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareList:
    """The versions tried, and the oldest that may fly."""

    minimum: str
    minimum_source: str
    tried: tuple[Tried, ...]


@cache
def firmware_list() -> FirmwareList:
    """Return what ``firmware.toml`` holds.

    Examples
    --------
    >>> firmware_list().minimum
    '4.2.0'
    """
    text = resources.files(__package__).joinpath(FILE).read_text("utf-8")
    told = tomllib.loads(text)
    return FirmwareList(
        minimum=told["minimum"]["version"],
        minimum_source=told["minimum"]["source"],
        tried=tuple(Tried(**row) for row in told["tried"]),
    )


def version_order(version: str) -> tuple[int, int, int, bool] | None:
    """Return what sorts versions, a release after all that came before it; None for no version.

    Examples
    --------
    >>> version_order("4.2.0-rc") < version_order("4.2.0") < version_order("4.10.0")
    True
    >>> version_order("") is None
    True
    """
    match = VERSION.fullmatch(version)
    if match is None:
        return None
    return int(match[1]), int(match[2]), int(match[3]), match[4] is None


def check_firmware(identity: VehicleIdentity, known: FirmwareList | None = None) -> list[Finding]:
    """Return how far the aircraft's firmware is known.

    Parameters
    ----------
    identity : VehicleIdentity
        The aircraft; [] when it is none that agri flies (`missions.preflight.vehicle` says so).
    known : FirmwareList, optional
        By default the one that comes with agri.
    """
    if not identity.is_arducopter:
        return []
    known = known or firmware_list()
    order, least = version_order(identity.version), version_order(known.minimum)
    if order is None or least is None:
        return [Finding.error("finding.firmware_unknown", minimum=known.minimum)]
    told = {"version": identity.version, "build": identity.build or "?"}
    if order < least:
        return [Finding.error("finding.firmware_old", **told, minimum=known.minimum)]
    for tried in known.tried:
        if tried.is_(identity):
            where = Message.of(f"link.tried_{tried.where}")
            return [Finding.info("finding.firmware_tried", **told, day=tried.day, how=where)]
    listed = ", ".join(f"{one.version} {one.build}".strip() for one in known.tried)
    released = order[-1]
    key = "finding.firmware_untried" if released else "finding.firmware_unreleased"
    return [Finding.warning(key, **told, tried=listed)]
