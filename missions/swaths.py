"""Fitted lines: parallel swaths that miss no strip and waste no line.

Theory of operation
-------------------
The ground to be swept is turned so that the lines run east. Its extent across, H, takes
n = ceil(H / width) lines, and their spacing is shrunk to H / n: the first and the last lie half a
spacing from the ground's edge and nothing is left between. `STRETCH` lets a swath be asked to
reach a hair further than its width before one more line is flown: 4 mm on each metre, far below
what a swath's edge is known to.

A line must reach as far as any point of its strip, or slanted borders leave saw teeth; but its flat
end must not spray beyond the border. `reach` is the first bound, the strip's extent along the
line; `caps` the second, taken from the chords of the field along both sides of the swath.

`sweep_cost` scores a direction without cutting any polygon: one scan line per swath, crossed with
all edges at once. It ranks directions; the best few are then laid out in full.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from missions.keepouts import explode

FloatArray = NDArray[np.float64]
STRETCH = 0.004
"""Share of the width that the spacing may exceed it before another line is flown."""
SHORTEST_M = 0.2
"""A line shorter than this is not flown."""
_CAP_SLACK_M = 0.01
"""A swath's side may come this near to a border and count as inside it."""


def _turn(direction_deg: float) -> FloatArray:
    """Return the rotation that lays compass direction `direction_deg` along +x."""
    angle = math.radians(90.0 - direction_deg)
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, sin], [-sin, cos]])


def line_count(extent_m: float, width_m: float) -> int:
    """Return how many swaths cover `extent_m` across.

    Examples
    --------
    >>> line_count(12.0, 6.0), line_count(12.5, 6.0), line_count(2.0, 6.0)
    (2, 3, 1)
    """
    return max(1, math.ceil(extent_m / (width_m * (1.0 + STRETCH)) - 1e-9))


def sweep_cost(
    ground: BaseGeometry,
    direction_deg: float,
    *,
    width_m: float,
    speed_m_s: float,
    acceleration_m_s2: float,
) -> float:
    """Return a quick estimate of the time to sweep `ground` in a direction, seconds.

    Line length and line changes at `speed_m_s`, and for each line v/a lost in braking and v/a in
    gathering speed (the kinematics of a stop at constant acceleration).
    """
    turn = _turn(direction_deg)
    length_m, pieces = 0.0, 0
    for part in explode(ground):
        if not isinstance(part, Polygon):
            continue
        rings = [
            shapely.get_coordinates(ring) @ turn.T for ring in (part.exterior, *part.interiors)
        ]
        low, high = float(rings[0][:, 1].min()), float(rings[0][:, 1].max())
        count = line_count(high - low, width_m)
        scan = low + (np.arange(count) + 0.5) * (high - low) / count
        start = np.concatenate([ring[:-1] for ring in rings])
        end = np.concatenate([ring[1:] for ring in rings])
        y0, y1 = start[:, 1][:, None], end[:, 1][:, None]
        crossed = (y0 <= scan) != (y1 <= scan)
        share = np.where(crossed, (scan - y0) / np.where(y0 == y1, 1.0, y1 - y0), 0.0)
        x = start[:, 0][:, None] + share * (end[:, 0] - start[:, 0])[:, None]
        signed = np.where(crossed, np.where(y1 > y0, x, -x), 0.0)
        length_m += float(np.abs(signed.sum(axis=0)).sum())
        pieces += int(crossed.sum()) // 2
    changes_s = pieces * (width_m / speed_m_s + 2.0 * speed_m_s / acceleration_m_s2)
    return length_m / speed_m_s + changes_s


def lay_lines(
    ground: BaseGeometry,
    direction_deg: float,
    *,
    width_m: float,
    field: BaseGeometry | None = None,
) -> tuple[list[FloatArray], float]:
    """Lay fitted lines over `ground`.

    Parameters
    ----------
    ground : shapely.Polygon or MultiPolygon
        What the lines must cover, local metres.
    direction_deg : float
        Direction of the lines, degrees clockwise from north.
    width_m : float
        Swath width.
    field : shapely.Polygon or MultiPolygon, optional
        What flat swath ends may not reach beyond; None lets lines run as far as their strip.

    Returns
    -------
    lines : list of (2, 2) float64
        Ends of each line, local metres, strip by strip.
    spacing_m : float
        The widest spacing used, `width_m` when there is no line.
    """
    turn = _turn(direction_deg)

    def turned(shape: BaseGeometry) -> BaseGeometry:
        return shapely.transform(shape, lambda xy: xy @ turn.T)

    bound = None if field is None else turned(field)
    lines: list[FloatArray] = []
    spacings: list[float] = []
    for part in explode(ground):
        if not isinstance(part, Polygon):
            continue
        shape = turned(part)
        west, low, east, high = shape.bounds
        count = line_count(high - low, width_m)
        spacing = (high - low) / count
        spacings.append(spacing)
        for number in range(count):
            strip_low = low + number * spacing
            strip = shapely.box(west - 1.0, strip_low, east + 1.0, strip_low + spacing)
            y = strip_low + spacing / 2.0
            for reach in _reaches(shapely.intersection(shape, strip), least_m2=0.02 * width_m):
                for x0, x1 in [reach] if bound is None else _capped(reach, y, width_m, bound):
                    if x1 - x0 >= SHORTEST_M:
                        lines.append(np.array([[x0, y], [x1, y]]) @ turn)
    return lines, min(width_m, max(spacings, default=width_m))


def _reaches(strip: BaseGeometry, *, least_m2: float) -> list[tuple[float, float]]:
    """Return the extents along x of the pieces of a strip, joined where they overlap."""
    found = sorted(
        (piece.bounds[0], piece.bounds[2])
        for piece in explode(strip)
        if isinstance(piece, Polygon) and piece.area > least_m2
    )
    joined: list[tuple[float, float]] = []
    for x0, x1 in found:
        if joined and x0 <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], x1))
        else:
            joined.append((x0, x1))
    return joined


def _chords(field: BaseGeometry, y: float) -> list[tuple[float, float]]:
    west, _, east, _ = field.bounds
    cut = shapely.intersection(field, LineString([(west - 1.0, y), (east + 1.0, y)]))
    return [(c.bounds[0], c.bounds[2]) for c in explode(cut) if isinstance(c, LineString)]


def _capped(
    reach: tuple[float, float], y: float, width_m: float, field: BaseGeometry
) -> list[tuple[float, float]]:
    """Return the pieces of a line whose flat ends stay in the field on both sides."""
    half = width_m / 2.0 - _CAP_SLACK_M
    sides = [_chords(field, y + half), _chords(field, y - half)]
    pieces = []
    for middle in _chords(field, y):
        x0, x1 = max(reach[0], middle[0]), min(reach[1], middle[1])
        for chords in sides:
            x0, x1 = _within(chords, x0, x1)
        pieces.append((x0, x1))
    return pieces


def _within(chords: Sequence[tuple[float, float]], x0: float, x1: float) -> tuple[float, float]:
    """Return the line cut to the chords that go with a good part of it; none leaves it whole."""
    beside = [c for c in chords if min(c[1], x1) - max(c[0], x0) > 0.3 * (x1 - x0)]
    if not beside:
        return x0, x1
    return max(x0, min(c[0] for c in beside)), min(x1, max(c[1] for c in beside))
