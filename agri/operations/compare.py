"""How near a flight came to its plan, and one flight of a plan to another.

The figure is the 95th percentile of the cross-track difference: the horizontal distance from each
reported position, at survey height, to the nearest point of the line it is compared with.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, MultiLineString
from shapely.geometry.base import BaseGeometry

from agri.geo import LocalFrame
from agri.track import FlightRecord
from missions.flightplan import FlightPlan
from missions.items import Command
from missions.legs import flown_legs
from missions.wire.pump import pump_channel

AT_HEIGHT = 0.9
"""Share of the plan's take-off height above which a position counts as flown on a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two flights of one plan, side by side.

    Parameters
    ----------
    cross_track_p95_m : float
        95th percentile of the distance of the second track from the first, metres.
    first_s, second_s : float
        Flight times.
    first_photos, second_photos : int
        Pictures taken.
    same_outcome : bool
        Whether both ended in the same state.
    """

    cross_track_p95_m: float
    first_s: float
    second_s: float
    first_photos: int
    second_photos: int
    same_outcome: bool


def planned_photos(plan: FlightPlan) -> int:
    """Return the number of pictures a plan will take, 0 when it does not tell."""
    return plan.survey.estimate.photos if plan.survey else 0


def _takeoff_height(plan: FlightPlan) -> float:
    return next((i.z for i in plan.items if i.command == Command.NAV_TAKEOFF), 0.0)


def _positions_at_height(
    plan: FlightPlan, record: FlightRecord, frame: LocalFrame
) -> NDArray[np.object_]:
    track = record.track
    high = track.height_m >= AT_HEIGHT * _takeoff_height(plan)
    east, north = frame.to_local(track.lon_deg[high], track.lat_deg[high])
    return np.asarray(shapely.points(np.column_stack([east, north])), dtype=np.object_)


def _p95(points: NDArray[np.object_], line: BaseGeometry) -> float:
    if len(points) == 0 or line.is_empty:
        return float("nan")
    return float(np.percentile(shapely.distance(points, line), 95))


def off_plan_p95_m(plan: FlightPlan, record: FlightRecord) -> float:
    """Return the 95th percentile of the distance from the planned legs, metres.

    Parameters
    ----------
    plan : FlightPlan
        What was to be flown.
    record : FlightRecord
        What was flown; positions below 90 % of the take-off height are left out.

    Returns
    -------
    float
        Metres, NaN when no position was at height.
    """
    frame = LocalFrame(plan.home)
    legs = flown_legs(plan.items, plan.home, pump_channel=pump_channel(plan))
    lines = MultiLineString(
        [LineString([frame.metres(leg.start), frame.metres(leg.end)]) for leg in legs]
    )
    return _p95(_positions_at_height(plan, record, frame), lines)


def compare_flights(plan: FlightPlan, first: FlightRecord, second: FlightRecord) -> Comparison:
    """Compare the second flight of a plan with the first.

    Parameters
    ----------
    plan : FlightPlan
        The plan both flew.
    first, second : FlightRecord
        For instance the embedded simulator's flight and real ArduCopter's.

    Returns
    -------
    Comparison
        Track, time, pictures and end state side by side.
    """
    frame = LocalFrame(plan.home)
    reference = _positions_at_height(plan, first, frame)
    line = LineString(reference.tolist()) if len(reference) > 1 else LineString()
    return Comparison(
        cross_track_p95_m=_p95(_positions_at_height(plan, second, frame), line),
        first_s=first.duration_s,
        second_s=second.duration_s,
        first_photos=len(first.photos),
        second_photos=len(second.photos),
        same_outcome=first.outcome == second.outcome,
    )
