"""A way, sampled: what is beneath it, and beneath its strip, every half pixel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from agri.grid import FloatArray
from missions.airspace.route import Place
from missions.terrain.relief import Relief

SAME_M = 1e-6
"""Two points closer than this are one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaySamples:
    """What is beneath a way; heights are above what the grids' heights are above.

    Parameters
    ----------
    places : (N, 2) float64
        East and north of the samples, metres.
    far_m : (N,) float64
        Distances along the way.
    corners : tuple of int
        The sample of each point of the way.
    top_m : (N,) float64
        Surface beneath the centre line.
    strip_m : (N,) float64
        Highest in the strip; between two samples the straight line between them holds.
    ground_m : (N,) float64
        Ground beneath the centre line.
    """

    places: NDArray[np.float64]
    far_m: FloatArray
    corners: tuple[int, ...]
    top_m: FloatArray
    strip_m: FloatArray
    ground_m: FloatArray


def sample_way(relief: Relief, points: Sequence[Place], half_width_m: float) -> WaySamples:
    """Return samples of the way through `points`, half a pixel apart or closer.

    Parameters
    ----------
    relief : Relief
        What lies beneath.
    points : sequence of (east_m, north_m)
        At least one.
    half_width_m : float
        Half the width of the strip.

    Raises
    ------
    BadInput
        When there is no point, or ground or surface are not told somewhere.
    """
    if not points:
        raise BadInput("error.terrain_no_points")
    step_m = relief.step_m(*points[0])
    corners, places = [0], [np.array([points[0]], dtype=np.float64)]
    strips = [np.full(1, np.nan)]
    for a, b in pairwise(points):
        length_m = math.dist(a, b)
        steps = math.ceil(length_m / step_m) if length_m > SAME_M else 0
        corners.append(corners[-1] + steps)
        if steps == 0:
            continue
        leg = np.linspace(a, b, steps + 1)
        strip = relief.highest_beneath(leg[:, 0], leg[:, 1], half_width_m)
        strips[-1][-1] = np.fmax(strips[-1][-1], strip[0])
        places.append(leg[1:])
        strips.append(strip[1:])
    if len(places) == 1:
        strips = [_spot(relief, points[0], half_width_m, step_m)]
    xy = np.concatenate(places)
    found = WaySamples(
        places=xy,
        far_m=np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))]),
        corners=tuple(corners),
        top_m=relief.top_at(xy[:, 0], xy[:, 1]),
        strip_m=np.concatenate(strips),
        ground_m=relief.ground_at(xy[:, 0], xy[:, 1]),
    )
    _refuse_gaps(relief, found)
    return found


def _spot(relief: Relief, place: Place, half_width_m: float, step_m: float) -> FloatArray:
    """Return the highest in a square around one place."""
    half = max(half_width_m, step_m)
    east = place[0] + np.linspace(-half, half, 2 * math.ceil(half / step_m) + 1)
    strip = relief.highest_beneath(east, np.full(len(east), place[1]), half_width_m)
    return np.array([np.nanmax(strip)]) if np.isfinite(strip).any() else np.full(1, np.nan)


def _refuse_gaps(relief: Relief, found: WaySamples) -> None:
    gaps = ~np.isfinite(found.top_m + found.strip_m + found.ground_m)
    if gaps.any():
        east, north = found.places[int(np.argmax(gaps))]
        place = relief.local.place(float(east), float(north))
        raise BadInput(
            "error.terrain_gap_at",
            name=relief.ground.grid.name,
            lat=place.lat_deg,
            lon=place.lon_deg,
        )
