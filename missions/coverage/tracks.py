"""Values of a coverage plan under way: what is flown, what works, what ground that reaches.

A `Track` is a working path that may be flown from either end; a `Layout` is a set of them that
covers a field, not yet in order; a `Leg` is a piece of the finished flight. A track that ends
where it began is a ring and may be begun anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString
from shapely.geometry.base import BaseGeometry

from missions.airspace.route import Place

FloatArray = NDArray[np.float64]
GRID_M = 1e-5
"""Exact unions are worked out on this grid: in floating point, swaths whose edges nearly coincide
have been seen to vanish from them (GEOS 3.14)."""


class LegKind(StrEnum):
    """What a leg is for."""

    EDGE = "edge"
    LINE = "line"
    LEAD_IN = "lead_in"
    TRANSIT = "transit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A straight or bent path flown in one go.

    Parameters
    ----------
    kind : LegKind
        EDGE and LINE work; LEAD_IN leads to and from a line; TRANSIT joins.
    points : tuple of (east_m, north_m)
        At least two, local metres.
    """

    kind: LegKind
    points: tuple[Place, ...]

    @property
    def length_m(self) -> float:
        """Length of the path."""
        return sum(math.dist(a, b) for a, b in pairwise(self.points))

    @property
    def works(self) -> bool:
        """Whether camera or sprayer works on it."""
        return self.kind in (LegKind.EDGE, LegKind.LINE)


@dataclass(frozen=True, slots=True)
class Track:
    """A working track.

    Parameters
    ----------
    kind : LegKind
        EDGE or LINE.
    points : (N, 2) float64
        Its corners, local metres.
    lead : pair of (2,) float64, optional
        Where its lead-in begins and its lead-out ends.
    """

    kind: LegKind
    points: FloatArray
    lead: tuple[FloatArray, FloatArray] | None = None

    @property
    def closed(self) -> bool:
        """Whether it is a ring."""
        return len(self.points) > 3 and math.dist(self.points[0], self.points[-1]) < 1e-9

    @property
    def ends(self) -> tuple[FloatArray, FloatArray]:
        """Where flying it begins and ends, leads included."""
        return self.lead or (self.points[0], self.points[-1])

    @property
    def length_m(self) -> float:
        """Length of its working part."""
        return float(np.hypot(*np.diff(self.points, axis=0).T).sum())

    def turned(self) -> Track:
        """Return the track flown from its end to its beginning."""
        lead = self.lead and (self.lead[1], self.lead[0])
        return replace(self, points=self.points[::-1], lead=lead)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Tracks that cover a field, in no order yet.

    Parameters
    ----------
    tracks : tuple of Track
        Edge tracks first.
    angle_deg : float
        Direction of the lines, degrees clockwise from north, 0 ≤ angle < 180.
    spacing_m : float
        Widest spacing of the lines.
    missed_m2 : float
        Ground that no swath reaches.
    least_m : float
        What flying it costs at the least, metres of way, whatever it misses.
    """

    tracks: tuple[Track, ...]
    angle_deg: float
    spacing_m: float
    missed_m2: float
    least_m: float

    @property
    def work_m(self) -> float:
        """Length of all tracks."""
        return sum(track.length_m for track in self.tracks)


def swept(
    paths: Iterable[Sequence[Place] | FloatArray], width_m: float, *, exact: bool = True
) -> BaseGeometry:
    """Return the ground within half a width of paths; flat ends, round bends.

    Without `exact` it is found in floating point, in half the time: enough to compare layouts.

    Examples
    --------
    >>> swept([[(0.0, 0.0), (10.0, 0.0)]], 4.0).area
    40.0
    """
    lines = [LineString(points) for points in paths]
    swaths = shapely.buffer(lines, width_m / 2.0, cap_style="flat", join_style="round")
    return shapely.union_all(swaths, grid_size=GRID_M if exact else None)
