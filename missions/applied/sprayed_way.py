"""From the track of a flight to the pieces of ground it sprayed, each with its litres.

Between two position reports the aircraft is taken to fly straight, and what left its nozzles is the
mean of the flows at both ends. The flow is the pump's curve at the output told, `hose_s` later:
what leaves the pump now leaves the nozzles then. The output between two reports is a straight line
too: a pump that comes on somewhere between them is right on average.

A piece is as long as the way and as wide as the swath. Neighbouring pieces share the edge between
them, square to the mean of both directions, so that a bend leaves no gap and no doubling; where the
way turns sharper than `SHARPEST` each keeps its own. An aircraft that hardly moves sprays a disc.

Over a silence longer than `SILENCE_S` nothing is made up: neither litres nor ground; its time is
told. A pump that was not told at all is refused: an unknown dose is not a dose of nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agri.errors import Refused
from agri.track import Track
from missions.sprayer.dose import pump_flows_l_min
from missions.sprayer.gear import Sprayer

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

SILENCE_S = 2.0
"""Longest time between two position reports that is bridged."""
STILL_M_S = 0.3
"""Below this speed it hovers: the direction of its way is noise."""
SHARPEST = 0.5
"""Cosine of the sharpest turn (60°) at which two pieces share an edge."""
TRACE = 0.002
"""Share of the pump's full flow below which nothing is sprayed."""
GROUND_M = 1.0
"""The output may be missing from reports before the take-off."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SprayedWay:
    """What was sprayed, piece by piece in the order flown.

    Parameters
    ----------
    time_s : (N,) float64
        Start of each piece, seconds since the record began.
    start, end : (N, 2) float64
        Where it begins and ends, metres.
    corners : (N, 4, 2) float64
        The piece of ground of a swath, metres, in order around.
    width_m : (N,) float64
        Its width; of a disc the diameter.
    litres : (N,) float64
        What fell on it.
    still : (N,) bool
        Whether it is a disc around the middle of start and end.
    step_s : (N,) float64
        How long it took.
    unknown_s : float
        Time over which nothing was heard.
    """

    time_s: FloatArray
    start: FloatArray
    end: FloatArray
    corners: FloatArray
    width_m: FloatArray
    litres: FloatArray
    still: BoolArray
    step_s: FloatArray
    unknown_s: float

    @property
    def middle(self) -> FloatArray:
        """Middle of every piece, (N, 2) metres."""
        return np.asarray((self.start + self.end) / 2.0)

    @property
    def length_m(self) -> FloatArray:
        """Length of every piece, (N,)."""
        return np.asarray(np.hypot(*(self.end - self.start).T))


def sprayed_way(
    track: Track,
    places: FloatArray,
    sprayer: Sprayer,
    width_m: Callable[[FloatArray], FloatArray],
) -> SprayedWay:
    """Return the pieces of ground that a flight sprayed.

    Parameters
    ----------
    track : Track
        The flight.
    places : (M, 2) float64
        The track's places, metres.
    sprayer : Sprayer
        Whose pump and hose.
    width_m : callable
        Takes places (N, 2), returns the width sprayed there, (N,) metres.

    Returns
    -------
    SprayedWay

    Raises
    ------
    Refused
        When the aircraft did not tell its pump.
    """
    flow = _flow_l_min(track, sprayer)
    step_s = np.diff(track.time_s)
    litres = (flow[:-1] + flow[1:]) / 2.0 * step_s / 60.0
    bridged = step_s <= SILENCE_S
    wet = litres > TRACE * sprayer.max_flow_l_min * step_s / 60.0
    chosen = bridged & wet
    start, end = places[:-1], places[1:]
    still = np.hypot(*(end - start).T) < STILL_M_S * step_s
    widths = np.zeros(len(step_s))
    widths[chosen] = width_m((start + end)[chosen] / 2.0)
    corners = corners_of(start, end, widths, chosen & ~still)
    return SprayedWay(
        time_s=track.time_s[:-1][chosen],
        start=start[chosen],
        end=end[chosen],
        corners=corners[chosen],
        width_m=widths[chosen],
        litres=litres[chosen],
        still=still[chosen],
        step_s=step_s[chosen],
        unknown_s=float(np.sum(step_s[~bridged])),
    )


def _flow_l_min(track: Track, sprayer: Sprayer) -> FloatArray:
    """Return the flow at the nozzles at every report."""
    share = track.pump_share
    told = ~np.isnan(share)
    first = int(np.argmax(told)) if told.any() else len(share)
    early = track.height_m[:first] < GROUND_M
    if not told.any() or not told[first:].all() or not early.all():
        raise Refused("error.applied_pump_not_told")
    pumped = pump_flows_l_min(sprayer, np.where(told, share, 0.0))
    late_s = track.time_s - sprayer.hose_s
    return np.asarray(np.interp(late_s, track.time_s, pumped, left=0.0))


def corners_of(
    start: FloatArray, end: FloatArray, width_m: FloatArray, moves: BoolArray
) -> FloatArray:
    """Return the ground under a way, piece by piece.

    Parameters
    ----------
    start, end : (N, 2) float64
        Both ends of every piece, metres, in the order flown.
    width_m : (N,) float64
        Its width.
    moves : (N,) bool
        Whether it has a direction; the corners of the others mean nothing.

    Returns
    -------
    (N, 4, 2) float64
        Corners in order around: left of the start, left of the end, right of both.
    """
    way = end - start
    length = np.hypot(*way.T)
    along = way / np.where(length > 0.0, length, 1.0)[:, None]
    side = np.column_stack((-along[:, 1], along[:, 0]))
    first, last = side.copy(), side.copy()
    cosine = np.sum(along[:-1] * along[1:], axis=1)
    joined = moves[:-1] & moves[1:] & (cosine >= SHARPEST)
    shared = (side[:-1] + side[1:]) / (1.0 + cosine)[:, None].clip(1e-9)
    last[:-1][joined] = shared[joined]
    first[1:][joined] = shared[joined]
    half = width_m[:, None] / 2.0
    return np.stack(
        (start + first * half, end + last * half, end - last * half, start - first * half), axis=1
    )


def areas(corners: FloatArray) -> FloatArray:
    """Return the areas of four-sided pieces, (N,) of (N, 4, 2).

    Examples
    --------
    >>> areas(np.array([[[0.0, 0.0], [2.0, 0.0], [2.0, 3.0], [0.0, 3.0]]])).tolist()
    [6.0]
    """
    x, y = corners[:, :, 0], corners[:, :, 1]
    across = x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1)
    return np.asarray(np.abs(across.sum(axis=1)) / 2.0)
