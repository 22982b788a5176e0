"""What a survey by agri promised of its pictures and its packs.

Measured on the items, not taken from the plan's own word: distances between pictures, and the
time between them at the speed flown, are compared with what was asked and with what the camera
can do; the energy with what the packs give. Coverage has a room of its own
(`missions.checks.coverage`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import shapely

from agri.findings import Finding
from agri.geo import turn_deg
from missions.checks.items import MAX_TURN_DEG
from missions.checks.path import Path
from missions.energy import Aircraft
from missions.flightplan import SurveyJob
from missions.survey import blur_px

DEFAULT_SPEED_M_S = 10.0
"""ArduCopter's WPNAV_SPEED: flown when the mission sets no speed."""
TRIGGER_ROUNDING_M = 0.01
"""Trigger distances are whole centimetres."""
INTERVAL_ROUNDING_S = 0.001
"""A millisecond is nothing to a camera."""
SHARP_PX = 1.0
"""More motion than this shows in the pictures."""
LEAST_RESERVE = 0.3
"""Share of the pack kept on landing (P6)."""
HEIGHT_SLACK_M = 0.5
"""Heights may differ this much from the one asked."""
LENGTH_SLACK = 0.02
"""Share by which the estimate's path may be shorter than the items' (corners cut)."""


def line_speeds(speeds_m_s: Mapping[int, float]) -> dict[int, float]:
    """Return the speed flown to each item, the vehicle's default where none is set."""
    return {number: speed or DEFAULT_SPEED_M_S for number, speed in speeds_m_s.items()}


def check_turns(path: Path) -> list[Finding]:
    """Return where the camera works on through a turn."""
    found = []
    for first, second in zip(range(len(path.legs)), range(1, len(path.legs)), strict=False):
        both = path.legs[first].trigger_m > 0.0 and path.legs[second].trigger_m > 0.0
        if both and _angle_deg(path, first, second) > MAX_TURN_DEG:
            found.append(path.legs[second].seq)
    if not found:
        return []
    return [Finding.warning("finding.camera_on_in_turn", item=found[0], count=len(found))]


def _angle_deg(path: Path, first: int, second: int) -> float:
    into, out = (shapely.get_coordinates(path.lines[leg]) for leg in (first, second))
    return turn_deg(into, out)


def check_pictures(job: SurveyJob, path: Path, speeds_m_s: Mapping[int, float]) -> list[Finding]:
    """Return where pictures come too late, too seldom, blurred, or at another height.

    Parameters
    ----------
    job : SurveyJob
        What was asked.
    path : Path
        The flight.
    speeds_m_s : mapping of int to float
        Speed set for the leg to each item, 0 for none.
    """
    works = [n for n, leg in enumerate(path.legs) if leg.trigger_m > 0.0]
    if not works:
        return [Finding.error("finding.camera_never_on")]
    return [
        *_speed_unset(path, works, speeds_m_s),
        *_intervals(job, path, works, line_speeds(speeds_m_s)),
        *_spacing_along(job, path, works),
        *_sharpness(job, path, works, line_speeds(speeds_m_s)),
        *_height(job, path, works),
    ]


def _speed_unset(path: Path, works: list[int], speeds: Mapping[int, float]) -> Iterator[Finding]:
    unset = [path.legs[n].seq for n in works if not speeds[path.legs[n].seq]]
    if unset:
        yield Finding.warning("finding.speed_not_set", item=unset[0], speed_m_s=DEFAULT_SPEED_M_S)


def _intervals(
    job: SurveyJob, path: Path, works: list[int], speeds: Mapping[int, float]
) -> Iterator[Finding]:
    least_s = job.settings.camera.min_interval_s
    interval_s, leg = min(
        (path.legs[n].trigger_m / speeds[path.legs[n].seq], path.legs[n].seq) for n in works
    )
    if interval_s < least_s - INTERVAL_ROUNDING_S:
        yield Finding.error(
            "finding.camera_too_slow", item=leg, interval_s=interval_s, limit_s=least_s
        )


def _spacing_along(job: SurveyJob, path: Path, works: list[int]) -> Iterator[Finding]:
    trigger_m, leg = max((path.legs[n].trigger_m, path.legs[n].seq) for n in works)
    if trigger_m > job.geometry.trigger_m + TRIGGER_ROUNDING_M:
        yield Finding.error(
            "finding.pictures_too_far_apart",
            item=leg,
            trigger_m=trigger_m,
            limit_m=job.geometry.trigger_m,
        )


def _sharpness(
    job: SurveyJob, path: Path, works: list[int], speeds: Mapping[int, float]
) -> Iterator[Finding]:
    fastest = max(speeds[path.legs[n].seq] for n in works)
    blur = blur_px(fastest, job.settings.camera.exposure_s, job.geometry.gsd_cm)
    if blur > SHARP_PX:
        yield Finding.warning("finding.blurred", blur_px=blur, speed_m_s=fastest)


def _height(job: SurveyJob, path: Path, works: list[int]) -> Iterator[Finding]:
    off = np.abs(path.heights_m[works] - job.settings.height_m).max(axis=1)
    if off.max() > HEIGHT_SLACK_M:
        leg = works[int(np.argmax(off))]
        yield Finding.error(
            "finding.other_height",
            item=path.legs[leg].seq,
            height_m=float(path.heights_m[leg].max()),
            asked_m=job.settings.height_m,
        )


def check_energy(job: SurveyJob, aircraft: Aircraft, path: Path) -> list[Finding]:
    """Return what is wrong with energy and speed for this aircraft.

    Parameters
    ----------
    job : SurveyJob
        Its estimate counts packs that each keep their reserve.
    aircraft : Aircraft
        What flies.
    path : Path
        The flight, whose length the estimate must have been made for.
    """
    estimate = job.estimate
    findings = []
    if aircraft.reserve < LEAST_RESERVE - 1e-9:
        findings.append(
            Finding.error(
                "finding.reserve_low",
                reserve_pct=100.0 * aircraft.reserve,
                limit_pct=100.0 * LEAST_RESERVE,
            )
        )
    usable_wh = estimate.batteries * aircraft.battery_wh * (1.0 - aircraft.reserve)
    if estimate.energy_wh > usable_wh * (1.0 + 1e-6):
        findings.append(
            Finding.error("finding.energy_short", energy_wh=estimate.energy_wh, limit_wh=usable_wh)
        )
    length_m = float(sum(line.length for line in path.lines))
    if estimate.length_m < length_m * (1.0 - LENGTH_SLACK):
        findings.append(
            Finding.error("finding.estimate_old", length_m=length_m, estimated_m=estimate.length_m)
        )
    if estimate.batteries > 1:
        findings.append(Finding.warning("finding.batteries", count=estimate.batteries))
    if job.settings.speed_m_s > aircraft.cruise_speed_m_s + 1e-9:
        findings.append(
            Finding.warning(
                "finding.faster_than_usual",
                speed_m_s=job.settings.speed_m_s,
                limit_m_s=aircraft.cruise_speed_m_s,
            )
        )
    return findings
