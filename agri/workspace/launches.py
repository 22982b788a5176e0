"""What was known when a flight was launched, and of which log its track is.

``launch.json`` holds the aircraft's parameters and the findings that a person saw before saying
yes; it is written before the arming. ``log.json`` tells which log of the aircraft took the place of
the track heard on the ground; the log itself stands beside it under a name made of its SHA-256, so
that a second log never covers a first.
"""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from agri import files
from agri.errors import StoreError
from agri.findings import Finding, Severity
from agri.workspace.flightlog import plain, read_message

LAUNCH = "launch.json"
LOG = "log.json"
_BROKEN = (ValueError, TypeError, LookupError, AttributeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What was known when a flight was launched.

    Parameters
    ----------
    parameters : tuple of (str, float)
        Of the aircraft, by name.
    findings : tuple of Finding
        What the briefing showed.
    simulated : bool
        Whether it was known that no real aircraft flies; older records do not tell.
    """

    parameters: tuple[tuple[str, float], ...]
    findings: tuple[Finding, ...]
    simulated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AircraftLog:
    """The log of the aircraft that a flight's track is of.

    Parameters
    ----------
    file : str
        What it was called where it came from.
    sha256 : str
        Of its content, 64 hex digits.
    imported_utc : datetime
        When it was brought in.
    started_utc : datetime or None
        When the flight began, by GPS.
    boot_s : float
        The same by the aircraft's clock.
    offset_s : float
        From the record's seconds to the log's, counted from its beginning.
    accuracy_m : float or None
        What the receiver thought of its own error, 95 % of the time.
    mission_digest : str
        Digest of the mission on board, "" when the log does not tell it.
    damaged_bytes : int
        What of the log could not be read.
    """

    file: str
    sha256: str
    imported_utc: datetime
    started_utc: datetime | None
    boot_s: float
    offset_s: float
    accuracy_m: float | None
    mission_digest: str
    damaged_bytes: int

    @property
    def kept_as(self) -> str:
        """The log's name in the flight's folder."""
        return f"flight-{self.sha256[:12]}.bin"


def write_launch(folder: Path, launch: Launch) -> None:
    """Keep what was known at a launch.

    Raises
    ------
    StoreError
        When the disk cannot take it.
    """
    parameters = {name: value for name, value in launch.parameters if math.isfinite(value)}
    findings = [
        {"severity": finding.severity.name, "where": finding.where,
         "message": plain(finding.message)}
        for finding in launch.findings
    ]  # fmt: skip
    told = {"parameters": parameters, "findings": findings, "simulated": launch.simulated}
    files.write_json(folder / LAUNCH, told)


def read_launch(folder: Path) -> Launch | None:
    """Return what was known at a launch, None when it was not kept.

    Raises
    ------
    StoreError
        When it cannot be read.
    """
    stored = _read(folder / LAUNCH)
    if stored is None:
        return None
    try:
        return Launch(
            parameters=tuple((str(n), float(v)) for n, v in stored["parameters"].items()),
            findings=tuple(
                Finding(Severity[one["severity"]], read_message(one["message"]), str(one["where"]))
                for one in stored["findings"]
            ),
            simulated=bool(stored.get("simulated", False)),
        )
    except _BROKEN:
        raise StoreError("error.flight_unreadable", path=str(folder / LAUNCH)) from None


def keep_log(folder: Path, path: Path, log: AircraftLog) -> None:
    """Move a log that is on the same disk into a flight's folder, and note what it is.

    Raises
    ------
    StoreError
        When the disk cannot take it.
    """
    with files.told(folder / log.kept_as):
        os.replace(path, folder / log.kept_as)  # noqa: PTH105 - the system call is what is meant
        files.sync_folder(folder)
    stored = asdict(log)
    for name in ("imported_utc", "started_utc"):
        stored[name] = stored[name].isoformat() if stored[name] else None
    files.write_json(folder / LOG, stored)


def read_log(folder: Path) -> AircraftLog | None:
    """Return of which log a flight's track is, None when of none.

    Raises
    ------
    StoreError
        When that cannot be read.
    """
    stored = _read(folder / LOG)
    if stored is None:
        return None
    try:
        for name in ("imported_utc", "started_utc"):
            stored[name] = datetime.fromisoformat(stored[name]) if stored[name] else None
        return AircraftLog(**stored)
    except _BROKEN:
        raise StoreError("error.flight_unreadable", path=str(folder / LOG)) from None


def _read(path: Path) -> Any:
    with files.told(path):
        there = path.is_file()
    return files.read_json_limited(path) if there else None
