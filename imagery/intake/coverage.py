"""Where photos were taken: outside the field, with gaps in the flight, with ground not seen.

Theory of operation
-------------------
**Another field.** A photo belongs to a field when its camera was above it or within `NEAR_M`, or
one and a half times its height, of its border.

**Gaps in the flight.** Captures in the order taken make a path. A step of more than `GAP_STEPS`
times the middle step that goes straight on (within `STRAIGHT_DEG` of the step before or after)
is a gap: photos are missing there, where a turn to the next line would have changed direction.

**Ground not seen.** Where height above take-off, focal length and pixel pitch are known, each
capture's footprint is the rectangle below it, turned by its yaw (flat ground, camera straight
down). Points all over the field are counted by the footprints that hold them: none means not
seen; fewer than `ENOUGH` means that a mosaic will be poor there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

import numpy as np
import shapely
from numpy.typing import NDArray

from agri.field import Field
from agri.findings import Finding
from agri.geo import LocalFrame, LonLat, turn_deg
from imagery.intake.captures import Capture
from imagery.intake.quality import some
from imagery.photo import Photo

FloatArray = NDArray[np.float64]

NEAR_M = 50.0
GAP_STEPS = 2.4
STRAIGHT_DEG = 20.0
FEWEST = 6
ENOUGH = 3
"""Photos that should see a point so that a mosaic can be made of them."""
MOST_UNSEEN = 0.01
MOST_THIN = 0.05
POINTS = 3_000
STEEP_DEG = 20.0
"""From straight down; beyond it a photo is oblique."""


def elsewhere(captures: Sequence[Capture], field: Field) -> list[Capture]:
    """Return the captures that were taken away from a field.

    Parameters
    ----------
    captures : sequence of Capture
        Those without place are not judged.
    field : Field
        Where they should be.
    """
    frame = field.frame
    border = frame.geometry_to_local(field.boundary)
    found = []
    for capture in captures:
        place = capture.place
        if place is None:
            continue
        home = capture.photos[0].height_home
        away = border.distance(shapely.Point(frame.metres(place)))
        if away > max(NEAR_M, 1.5 * home.metres if home else 0.0):
            found.append(capture)
    return found


def judge_coverage(captures: Sequence[Capture], field: Field | None) -> tuple[Finding, ...]:
    """Return what is wrong with where captures were taken.

    Parameters
    ----------
    captures : sequence of Capture
        In the order taken, without those of the panel.
    field : Field, optional
        What should be covered.
    """
    findings: list[Finding] = []
    without = [capture.name for capture in captures if capture.place is None]
    if without:
        severe = Finding.error if len(without) == len(captures) else Finding.warning
        findings.append(
            severe(
                "finding.photos_without_place",
                count=len(without),
                of=len(captures),
                names=some(without),
            )
        )
    findings += gaps(captures)
    oblique = [capture.name for capture in captures if _is_oblique(capture.photos[0])]
    if oblique:
        names = some(oblique)
        findings.append(Finding.warning("finding.photos_oblique", count=len(oblique), names=names))
    if field is not None:
        findings += unseen(captures, field)
    return tuple(findings)


def _is_oblique(photo: Photo) -> bool:
    return photo.camera is not None and photo.camera.pitch_deg > -90.0 + STEEP_DEG


def gaps(captures: Sequence[Capture]) -> list[Finding]:
    """Return the places where photos are missing along the flight."""
    placed = [(capture, place) for capture in captures if (place := capture.place) is not None]
    if len(placed) < FEWEST:
        return []
    frame = LocalFrame(placed[0][1])
    path = np.column_stack(frame.to_local(*_degrees([place for _, place in placed])))
    steps = np.hypot(*np.diff(path, axis=0).T)
    moved = steps[steps > 0.5]
    if len(moved) < FEWEST - 1:
        return []
    usual = float(median(moved.tolist()))
    findings = []
    for index in np.flatnonzero(steps > GAP_STEPS * usual):
        if _straight_on(path, int(index)):
            findings.append(
                Finding.warning(
                    "finding.flight_gap",
                    where=placed[index][0].name,
                    length_m=float(steps[index]),
                    usual_m=usual,
                    count=max(1, round(float(steps[index]) / usual) - 1),
                )
            )
    return findings


def _degrees(places: Sequence[LonLat]) -> tuple[list[float], list[float]]:
    return [place.lon_deg for place in places], [place.lat_deg for place in places]


def _straight_on(path: FloatArray, index: int) -> bool:
    """Return whether step `index` goes on as the step before it, and the step after as it did."""
    turns = []
    for first in (index - 1, index):
        if first >= 0 and first + 2 < len(path):
            into, out = path[first : first + 2], path[first + 1 : first + 3]
            turns.append(turn_deg(into, out))
    return bool(turns) and all(turn <= STRAIGHT_DEG for turn in turns)


def unseen(captures: Sequence[Capture], field: Field) -> list[Finding]:
    """Return how much of a field no photo, or too few photos, saw; none when sizes are not told."""
    frame = field.frame
    footprints = [mark for c in captures if (mark := _footprint(c, frame)) is not None]
    if len(footprints) < FEWEST or 2 * len(footprints) < len(captures):
        return []
    points = _points(frame.geometry_to_local(field.boundary))
    seen = np.zeros(len(points), dtype=np.int64)
    for east, north, yaw, half_width, half_height in footprints:
        x, y = points[:, 0] - east, points[:, 1] - north
        right = x * math.cos(yaw) - y * math.sin(yaw)
        ahead = x * math.sin(yaw) + y * math.cos(yaw)
        seen += (np.abs(right) <= half_width) & (np.abs(ahead) <= half_height)
    hidden, thin = float(np.mean(seen == 0)), float(np.mean(seen < ENOUGH))
    area = field.area_m2
    if hidden > MOST_UNSEEN:
        return [Finding.warning("finding.field_not_seen", where=field.name,
                                share_pct=100.0 * hidden, area_m2=hidden * area)]  # fmt: skip
    if thin > MOST_THIN:
        return [Finding.warning("finding.field_thinly_seen", where=field.name,
                                share_pct=100.0 * thin, enough=ENOUGH)]  # fmt: skip
    return []


def _footprint(
    capture: Capture, frame: LocalFrame
) -> tuple[float, float, float, float, float] | None:
    """Return east, north, yaw (radians) and half the sides of the ground a capture saw."""
    place = capture.place
    for photo in capture.photos:
        attitude = photo.camera or photo.aircraft
        if photo.height_home is None or attitude is None or photo.height_home.metres < 2.0:
            continue
        if place is None or photo.focal_mm is None or photo.pixel_um is None:
            continue
        gsd_m = photo.height_home.metres * photo.pixel_um / photo.focal_mm / 1000.0
        east, north = frame.metres(place)
        yaw = math.radians(attitude.yaw_deg)
        return east, north, yaw, photo.width_px * gsd_m / 2.0, photo.height_px * gsd_m / 2.0
    return None


def _points(area: shapely.MultiPolygon) -> FloatArray:
    """Return about `POINTS` points on a square grid within an area, local metres."""
    west, south, east, north = area.bounds
    step = max(0.2, math.sqrt(area.area / POINTS))
    xs = np.arange(west + step / 2.0, east, step)
    ys = np.arange(south + step / 2.0, north, step)
    grid = np.column_stack([axis.ravel() for axis in np.meshgrid(xs, ys)])
    inside = shapely.contains_xy(area, grid[:, 0], grid[:, 1])
    if not inside.any():
        centre = area.representative_point()
        return np.array([[centre.x, centre.y]])
    points: FloatArray = grid[inside]
    return points
