"""Where photos were taken: outside the field, with gaps in the flight, with ground not seen.

Theory of operation
-------------------
**Another field.** A photo belongs to a field when its camera was above it or within `NEAR_M`, or
one and a half times its height, of its border.

**Gaps in the flight.** Captures in the order taken make a path. A step of more than `GAP_STEPS`
times the middle step that goes straight on (within `STRAIGHT_DEG` of the step before or after)
is a gap: photos are missing there, where a turn to the next line would have changed direction.

**Ground seen.** Where height above the ground (`imagery.intake.heights`), focal length and pixel
pitch are known, each capture's footprint is the rectangle below it, turned by its yaw (flat ground,
camera straight down); where nobody tells the yaw, the circle that every turn of the rectangle
holds. `counted` counts on a grid how many footprints hold each place; what that means for a field
`imagery.overlap` judges.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
import shapely
from numpy.typing import NDArray

from agri.field import Field
from agri.findings import Finding
from agri.geo import LocalFrame, LonLat, transformer, turn_deg
from agri.grid import Grid
from imagery.intake.captures import Capture
from imagery.intake.heights import Heights
from imagery.intake.quality import some
from imagery.overlap import CELLS
from imagery.photo import Photo

FloatArray = NDArray[np.float64]

NEAR_M = 50.0
GAP_STEPS = 2.4
STRAIGHT_DEG = 20.0
FEWEST = 6
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


def judge_coverage(captures: Sequence[Capture]) -> tuple[Finding, ...]:
    """Return what is wrong with where captures were taken.

    Parameters
    ----------
    captures : sequence of Capture
        In the order taken, without those of the panel.
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


def counted(captures: Sequence[Capture], heights: Heights) -> Grid | None:
    """Return how many captures see each place; None when too few tell where they looked.

    Parameters
    ----------
    captures : sequence of Capture
        In the order taken.
    heights : Heights
        Of them, above the ground.

    Returns
    -------
    Grid or None
        UTM, counts, NaN where nothing is seen.
    """
    pairs = zip(captures, heights.metres, strict=True)
    known = [(c, place, h) for c, h in pairs if (place := c.place) is not None and h is not None]
    marks = [m for c, place, h in known if (m := _footprint(c, place, h)) is not None]
    if len(marks) < FEWEST or 2 * len(marks) < len(captures):
        return None
    frame = LocalFrame(known[0][1])
    turn = transformer(4326, frame.utm_epsg)
    x, y = (np.asarray(v) for v in turn.transform(*_degrees([mark.place for mark in marks])))
    reach = np.array([mark.reach_m for mark in marks])
    west, north = float((x - reach).min()), float((y + reach).max())
    wide, high = float((x + reach).max()) - west, north - float((y - reach).min())
    side = max(0.2, math.sqrt(wide * high / CELLS))
    counts = np.zeros((math.ceil(high / side), math.ceil(wide / side)))
    for mark, east, up in zip(marks, x - west, north - y, strict=True):
        _count(counts, mark, east / side, up / side, side)
    values = np.where(counts > 0.0, counts, np.nan)
    affine = (side, 0.0, west, 0.0, -side, north)
    return Grid(values=values, affine=affine, epsg=frame.utm_epsg)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Footprint:
    """The ground that a capture saw: half its sides, and its yaw in radians if anybody tells it."""

    place: LonLat
    half_width_m: float
    half_height_m: float
    yaw_rad: float | None

    @property
    def reach_m(self) -> float:
        """From its middle to its corners."""
        return math.hypot(self.half_width_m, self.half_height_m)


def _count(counts: FloatArray, mark: _Footprint, column: float, row: float, side: float) -> None:
    """Add one to the cells that a footprint holds, whose middle lies at a column and row."""
    reach = mark.reach_m / side
    rows = np.arange(max(0, int(row - reach)), min(counts.shape[0], int(row + reach) + 2))
    columns = np.arange(max(0, int(column - reach)), min(counts.shape[1], int(column + reach) + 2))
    x = ((columns + 0.5 - column) * side)[None, :]
    y = ((row - rows - 0.5) * side)[:, None]
    if mark.yaw_rad is None:  # however it was turned, this much of it was seen
        inside = np.hypot(x, y) <= min(mark.half_width_m, mark.half_height_m)
    else:
        right = x * math.cos(mark.yaw_rad) - y * math.sin(mark.yaw_rad)
        ahead = x * math.sin(mark.yaw_rad) + y * math.cos(mark.yaw_rad)
        inside = (np.abs(right) <= mark.half_width_m) & (np.abs(ahead) <= mark.half_height_m)
    if rows.size and columns.size:
        counts[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += inside


def _footprint(capture: Capture, place: LonLat, height_m: float) -> _Footprint | None:
    """Return the ground that a capture saw, None when its camera does not tell how wide it sees."""
    for photo in capture.photos:
        if photo.focal_mm is None or photo.pixel_um is None:
            continue
        gsd_m = height_m * photo.pixel_um / photo.focal_mm / 1000.0
        attitude = photo.camera or photo.aircraft
        return _Footprint(
            place=place,
            half_width_m=photo.width_px * gsd_m / 2.0,
            half_height_m=photo.height_px * gsd_m / 2.0,
            yaw_rad=None if attitude is None else math.radians(attitude.yaw_deg),
        )
    return None
