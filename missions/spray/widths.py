"""Which widths, narrower than the full swath, lines may have so that they fill a ground evenly.

Theory of operation
-------------------
A swath's width is the spacing at which the pattern is even, not an edge. Where the field's width is
no multiple of it, lines at the full width would overlap somewhere; so all passes share one narrower
width that fits, found among the even divisions of the ground across the lines and fine steps
between; the pump gives less in proportion, and must be able to. The ground's measures tell which
few are worth laying out.
"""

from __future__ import annotations

import math

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from missions.airspace.keepouts import explode
from missions.coverage.scanlines import chord_lengths, edges_of
from missions.coverage.swaths import Fit, levels, line_count, turn_matrix
from missions.coverage.ties import ranked
from missions.spray.directions import ALIKE, LARGE_M2, WAY
from missions.sprayer.dose import L_MIN_PER_L_HA_M_M_S
from missions.sprayer.job import SpraySettings

NARROWEST = 0.6
"""The swath is fitted down to this share of its width."""
EVENLY = 1.0005
"""How much wider than an even division of the ground a swath is tried."""
STEPS_OF = 0.01
"""How finely, in shares of its width, a narrower swath is sought."""
LEVELS = (-0.47, -0.24, 0.003, 0.23, 0.48)
"""Where in a strip, in shares of its depth, its length is looked for; not where evenly drawn fields
have their corners."""
HUGE_M2 = 600_000.0
"""On ground larger than this the width is taken as it is: what overlaps is a small share."""
MOST, FEW = 3, 1
"""How many narrower widths are laid out for each way to judge them, and on large ground."""

FloatArray = NDArray[np.float64]


def widths(
    ground: BaseGeometry, angle_deg: float, settings: SpraySettings, rate_l_ha: float
) -> list[float]:
    """Return the narrower widths that promise most, by the ground's measures alone.

    Parameters
    ----------
    ground : shapely.Polygon or MultiPolygon
        What is sprayed, local metres.
    angle_deg : float
        Direction of the lines, clockwise from north.
    settings : SpraySettings
        Full width, sprayer, whether the edge is flown.
    rate_l_ha : float
        Of one pass.
    """
    if ground.area > HUGE_M2:
        return []
    full_m = settings.swath_m
    least_m = least_width_m(settings, rate_l_ha)
    turn = turn_matrix(angle_deg)
    tried = [full_m - STEPS_OF * full_m * n for n in range(1, round(1.0 / STEPS_OF))]
    for part in explode(ground):
        extent_m = float(np.ptp((shapely.get_coordinates(part) @ turn.T)[:, 1]))
        count = math.ceil(extent_m / full_m - 1e-3)
        # a hair wider, so that places rounded to the centimetre cannot ask for one line more
        tried += [extent_m / n * EVENLY for n in (count, count + 1)]
    narrower = sorted((w for w in tried if least_m <= w < 0.999 * full_m), reverse=True)
    promises = [_promises(ground, width_m, turn, settings) for width_m in narrower]
    found: list[float] = []
    for scores in zip(*promises, strict=True):
        most = len(found) + (FEW if ground.area > LARGE_M2 else MOST)
        for number in ranked(scores, 4 * MOST, tie=ALIKE):
            if all(abs(narrower[number] - other) > STEPS_OF * full_m for other in found):
                found.append(narrower[number])
            if len(found) == most:
                break
    return found


def least_width_m(settings: SpraySettings, rate_l_ha: float) -> float:
    """Return the narrowest swath that is worth flying and that the pump can give."""
    per_m = L_MIN_PER_L_HA_M_M_S * rate_l_ha * settings.speed_m_s
    least_m = max(NARROWEST * settings.swath_m, settings.sprayer.min_flow_l_min / per_m)
    return min(settings.swath_m, least_m)


def _promises(
    ground: BaseGeometry, width_m: float, turn: FloatArray, settings: SpraySettings
) -> tuple[float, float]:
    """Return what a width is likely to spray twice and fly more, shares of the ground, two ways.

    The edge sprays its length times the width on what lies outside the ground it leaves. Lines
    overlap by how much their even spacing over a part's whole extent falls short of the width;
    or, where a part has arms, by what their own chords tell.
    """
    rest, ring_m = ground, 0.0
    if settings.edge_pass:
        rest = ground.buffer(-width_m, join_style="mitre", mitre_limit=3.0)
        ring_m = ground.buffer(-width_m / 2.0, join_style="mitre", mitre_limit=3.0).length
    edge_m2 = max(0.0, ring_m * width_m - (ground.area - rest.area))
    even_m2 = arms_m2 = 0.0
    for part in explode(rest):
        edges = edges_of(part) @ turn.T
        extent_m = float(np.ptp(edges[:, :, 1]))
        even_m2 += part.area * (line_count(extent_m, width_m) * width_m / extent_m - 1.0)
        lines_m = min(_lines_m(edges, width_m, fit) for fit in (Fit.EVEN, Fit.LOW, Fit.HIGH))
        arms_m2 += max(0.0, lines_m * width_m - part.area)
    more_way = WAY * (settings.swath_m / width_m - 1.0)
    return (
        (edge_m2 + even_m2) / ground.area + more_way,
        (edge_m2 + arms_m2) / ground.area + more_way,
    )


def _lines_m(edges: FloatArray, width_m: float, fit: Fit) -> float:
    """Return about how long the lines over turned ground are, infinite without the fit."""
    at = levels(edges, width_m, fit)
    if len(at) == 0:
        return math.inf
    spacing_m = at[1] - at[0] if len(at) > 1 else float(np.ptp(edges[:, :, 1]))
    within = at[None, :] + np.array(LEVELS)[:, None] * spacing_m
    reached = chord_lengths(edges, within.ravel()).reshape(within.shape)
    return float(reached.max(axis=0).sum())
