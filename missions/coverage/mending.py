"""Styles of covering, and short lines over what the long ones miss.

Theory of operation
-------------------
The last per cent of a field costs the most way: tips of strips beside slanted borders, corners,
slivers. A `Style` says how far to go for it. `THOROUGH` flies to whatever it can, `LEAN` and
`SPARING` let go what costs more than it is worth; which is right for a field is found by planning
in each. A patch that stays uncovered gets a line along its longer axis where the patch is large
enough and the line pays; a line that would spray beyond the border is left out, but for
`MOST_WASTE` of the field: a neighbour's field is worth more than a needle's tip.

Cameras see beyond a line's end and the border, so their lines are not mended but completed: ground
that a line would have shown had it not run in a keep-out is a **pocket**, and gets lines of its own
in the same direction.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import LineString, MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from missions.airspace.keepouts import explode
from missions.coverage.swaths import SHORTEST_M, cut_strips
from missions.coverage.ties import ranked
from missions.coverage.tracks import FloatArray, LegKind, Track, swept

POCKET = 0.02
"""Share of a square swath from which on a pocket in a map gets a line."""
MOST_WASTE = 0.0005
"""Share of the field that lines into narrow corners may spray beyond it, all together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How far to go for the last of the ground.

    Parameters
    ----------
    trim : float
        Share of the width below which the tip of a strip is not flown to.
    patch : float
        Uncovered ground of this share of a square swath may get a line of its own.
    worth : float
        How many metres of way, in swath lengths of the patch's area, such a line may cost.
    """

    trim: float
    patch: float
    worth: float


THOROUGH = Style(trim=0.02, patch=0.12, worth=20.0)
LEAN = Style(trim=0.25, patch=0.25, worth=3.0)
SPARING = Style(trim=0.42, patch=0.3, worth=2.0)
SWEEP = Style(trim=0.0, patch=math.inf, worth=0.0)
"""Lines alone, as far as their strips reach: for cameras, which see beyond a line's end."""
LARGE_STYLES = (LEAN, SPARING)
"""On large fields, where the last of the ground is a small share, and planning takes longest."""
STYLES = (THOROUGH, LEAN, SPARING)
SMALL_STYLES = (THOROUGH, LEAN)
"""On small fields, where the last of the ground is worth its way."""


def pieces_in(lines: list[FloatArray], region: BaseGeometry) -> Iterator[FloatArray]:
    """Yield the pieces of lines that lie in a region, in the sense of the lines.

    Examples
    --------
    >>> line = np.array([[-3.0, 1.0], [9.0, 1.0]])
    >>> [piece.tolist() for piece in pieces_in([line], shapely.box(0, 0, 5, 2))]
    [[[0.0, 1.0], [5.0, 1.0]]]
    """
    shapely.prepare(region)
    for line in lines:
        drawn = LineString(line)
        if region.covers(drawn):
            yield line
            continue
        for piece in explode(shapely.intersection(drawn, region)):
            ends = shapely.get_coordinates(piece)[[0, -1]]
            if isinstance(piece, LineString) and math.dist(*ends) >= SHORTEST_M:
                yield ends if (ends[1] - ends[0]) @ (line[1] - line[0]) > 0 else ends[::-1]


def in_order(parts: list[Polygon], field: BaseGeometry) -> list[Polygon]:
    """Return parts by their distance from the field's first corner, however it lies."""
    corner = Point(shapely.get_coordinates(field)[0])
    return [parts[k] for k in ranked([part.centroid.distance(corner) for part in parts])]


def mend(
    left: BaseGeometry,
    ground: BaseGeometry,
    region: BaseGeometry,
    *,
    width_m: float,
    style: Style,
    needed: bool,
) -> tuple[list[Track], float]:
    """Return a short line for each uncovered patch that is worth it, and what they gain.

    Parameters
    ----------
    left : shapely geometry
        What no track reaches.
    ground, region : shapely.Polygon or MultiPolygon
        What is to be covered, and where lines may run.
    width_m : float
        Swath width.
    style : Style
        What a patch is worth.
    needed : bool
        Whether there is no other track, so that any line is better than none.

    Returns
    -------
    tracks : list of Track
        Lines over the patches.
    gained_m2 : float
        What of `left` they reach.
    """
    least_m2, spare_m2 = style.patch * width_m**2, MOST_WASTE * ground.area
    patches = [p for p in explode(left) if isinstance(p, Polygon)]
    found: list[Track] = []
    gained_m2 = 0.0
    for patch in in_order([p for p in patches if needed or p.area >= least_m2], ground):
        axis = _long_axis(patch)
        way_m = math.dist(*axis) + 2.0 * width_m
        if not needed and way_m > style.worth * patch.area / width_m:
            continue
        for piece in pieces_in([axis], region):
            swath = swept([piece], width_m, exact=False)
            gain_m2 = shapely.intersection(swath, patch).area
            waste_m2 = shapely.difference(swath, ground).area
            pays = way_m <= style.worth * gain_m2 / width_m
            if needed or (pays and gain_m2 > least_m2 and waste_m2 <= spare_m2):
                found.append(Track(LegKind.LINE, piece))
                gained_m2 += gain_m2
                spare_m2 -= waste_m2
    return found, gained_m2


def pockets(
    left: BaseGeometry, region: BaseGeometry, *, direction_deg: float, width_m: float
) -> tuple[list[Track], float]:
    """Return lines over ground that the lines of a map leave out, and what they gain.

    Parameters
    ----------
    left : shapely geometry
        What no line reaches.
    region : shapely.Polygon or MultiPolygon
        Where lines may run.
    direction_deg, width_m : float
        Direction and spacing of the lines.

    Examples
    --------
    >>> corridor = shapely.box(0, 0, 60, 9)
    >>> lines, gained_m2 = pockets(corridor, corridor, direction_deg=90.0, width_m=30.0)
    >>> [line.points.tolist() for line in lines], gained_m2
    ([[[0.0, 4.5], [60.0, 4.5]]], 540.0)
    """
    patches = [p for p in explode(left) if isinstance(p, Polygon)]
    large = MultiPolygon([p for p in patches if p.area >= POCKET * width_m**2])
    strips = cut_strips(large, direction_deg, width_m=width_m)
    found = [Track(LegKind.LINE, piece) for piece in pieces_in(strips.lines(), region)]
    gained = swept((track.points for track in found), width_m, exact=False)
    return found, float(shapely.intersection(gained, left).area)


def _long_axis(patch: Polygon) -> FloatArray:
    """Return the middle line of the smallest box round a patch, along its longer side."""
    a, b, c, d = shapely.get_coordinates(patch.minimum_rotated_rectangle)[:4]
    if math.dist(a, b) >= math.dist(b, c):
        return np.array([(a + d) / 2.0, (b + c) / 2.0])
    return np.array([(a + b) / 2.0, (c + d) / 2.0])
