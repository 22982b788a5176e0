"""What lands where: a spray flight flown on paper, drop by drop.

Theory of operation
-------------------
The items are read as the aircraft reads them (`missions.legs`), flown with the speeds
measured on ArduCopter (`missions.passes.timing`) and sprayed as its sprayer does:

* **Speed.** A leg is an S-curve from rest to rest blended with its neighbours. Through a corner of
  θ the greater of 1.2 m/s and speed · (1 − θ / 90°) is kept; from it the speed grows as measured;
  a leg of L metres never gets faster than (jerk · L² / 4)^(1/3), which is where a jerk-limited
  start meets its stop.
* **Corners** are cut as by an aircraft that is always at the mean of the places within `CUT_M`.
* **Pump.** Looked after three times a second, from a given instant on. Ordered on, it turns at the
  second look that finds the aircraft above 1 m/s and then follows the speed at each look; below
  1 m/s for more than a second it rests. Off is at once. A pump on a plain servo obeys at once.
* **Hose.** All of it reaches the nozzles `hose_s` later.
* **Swath.** The flow is spread evenly over the width of the job's passes, square to the way. That
  is what an effective width means where swaths meet; a real pattern is smoother. Wind is left out:
  it shifts all swaths alike.

The dose is counted in cells of `CELL_M`; what is sprayed and what is missed is measured exactly,
from the outline of the ground that got any.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput
from agri.geo import LocalFrame, LonLat
from missions.coverage.tracks import swept
from missions.flightplan import FlightPlan
from missions.items import MissionItem
from missions.legs import OrderedLeg, Setting, ordered_legs
from missions.passes.timing import CORNER_M_S, GAIN_M_S2
from missions.sprayer.job import SpraySettings

CELL_M = 1.0
"""Side of a cell of the dose map."""
STEP_M = 0.1
"""How finely the way and the width are divided."""
JERK_M_S3 = 1.0
"""ArduCopter's WPNAV_JERK."""
CUT_M = 1.0
"""A right angle is cut by a third of this, as measured with WPNAV_RADIUS 2."""
HOOK_M = 0.02
"""Bends smaller than this, as where a cut corner ends at a stop, do not turn a swath's end."""
LOOK_S = 1.0 / 3.0
"""Between two looks of the sprayer."""
TURN_ON_S = 0.1
SHUT_OFF_S = 1.0
SPEED_MIN_M_S = 1.0
"""ArduPilot's SPRAY_SPEED_MIN and its two delays."""

CHUNK = 20_000
"""Steps spread over the swath at a time."""

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Deposit:
    """What a flight leaves on the ground.

    Parameters
    ----------
    litres_m2 : (H, W) float64
        Litres per square metre in cells of `CELL_M`, row 0 in the south.
    west_m, south_m : float
        South-west corner of cell (0, 0), local metres.
    sprayed : shapely geometry
        Ground that got any, local metres.
    sprayed_share : float
        Of the treatable ground.
    outside_share : float
        Of the sprayed ground: how much lies outside what may be sprayed.
    cv : float
        Standard deviation over mean of the cells further than half a swath from the edge of the
        treatable ground; NaN when there is none.
    mean_l_ha : float
        Mean dose of the same cells.
    litres : float
        All that was sprayed.
    transit_l : float
        What was sprayed where no pass is planned, beyond half a swath from any.
    time_s : float
        Level flight, stays included.
    """

    litres_m2: FloatArray
    west_m: float
    south_m: float
    sprayed: BaseGeometry
    sprayed_share: float
    outside_share: float
    cv: float
    mean_l_ha: float
    litres: float
    transit_l: float
    time_s: float


@dataclass(frozen=True, slots=True)
class _Way:
    """The way flown in N short steps: middles, directions, durations, speeds, orders."""

    at: FloatArray
    ahead: FloatArray
    step_s: FloatArray
    speed: FloatArray
    on: NDArray[np.bool_]
    output: FloatArray

    @property
    def time_s(self) -> FloatArray:
        """The middle of each step."""
        middle: FloatArray = np.cumsum(self.step_s) - self.step_s / 2.0
        return middle


def evenness(found: Deposit, treatable: BaseGeometry, off_m: float) -> float:
    """Return the dose's standard deviation over its mean, further from the edge than `off_m`.

    Parameters
    ----------
    found : Deposit
        What a flight leaves.
    treatable : shapely geometry
        What may be sprayed, metres of the same frame.
    off_m : float
        A swath leaves out the edge's own, in which flat ends of lines meet slanted sides.

    Returns
    -------
    float
        NaN where there are no such cells.
    """
    inner = _inner_cells(found.litres_m2.shape, found.west_m, found.south_m, treatable, off_m)
    cells = found.litres_m2[inner]
    mean = float(cells.mean()) if cells.size else 0.0
    return float(cells.std() / mean) if mean > 0.0 else math.nan


def deposit(plan: FlightPlan, *, look_s: float = 0.0) -> Deposit:
    """Return what a spray plan leaves on the ground of its field.

    Parameters
    ----------
    plan : FlightPlan
        A spraying made by agri.
    look_s : float
        When the sprayer first looks, 0 to 1/3 s after take-off; chance in a real flight.

    Raises
    ------
    BadInput
        When the plan is no spraying.
    """
    if plan.spray is None or plan.site is None:
        raise BadInput("error.not_a_spraying", name=plan.name)
    frame = plan.site.field.frame
    passes = [
        LineString([frame.metres(place) for place in work.places])
        for work in plan.spray.passes
        if len(work.places) > 1
    ]
    return deposit_items(
        plan.items,
        plan.home,
        plan.spray.settings,
        frame,
        frame.geometry_to_local(plan.spray.treatable),
        passes=passes,
        look_s=look_s,
    )


def deposit_items(
    items: Sequence[MissionItem],
    home: LonLat,
    settings: SpraySettings,
    frame: LocalFrame,
    treatable: BaseGeometry,
    *,
    passes: Sequence[LineString] = (),
    look_s: float = 0.0,
) -> Deposit:
    """Return what a list of items leaves on the ground.

    Parameters
    ----------
    items : sequence of MissionItem
        Without item 0.
    home : LonLat
        The pad.
    settings : SpraySettings
        Rate, width and sprayer that the pump is set for.
    frame : LocalFrame
        Of `treatable` and the answer.
    treatable : shapely.Polygon or MultiPolygon
        What may be sprayed.
    passes : sequence of LineString
        Where passes are planned; without them nothing counts as sprayed in transit.
    look_s : float
        When the sprayer first looks.
    """
    way = _flown(ordered_legs(items, home), frame, settings.speed_m_s)
    litre_per_m = settings.rate_l_ha * settings.swath_m / 1e4
    if settings.crosshatch:
        litre_per_m /= 2.0
    full_l_s = settings.sprayer.max_flow_l_min / 60.0
    flow = _at_nozzle(way, _pumped(way, litre_per_m, full_l_s, look_s), settings.sprayer.hose_s)
    return _landed(way, flow, settings.swath_m, treatable, passes)


def _flown(legs: Sequence[OrderedLeg], frame: LocalFrame, speed_m_s: float) -> _Way:
    """Return the way of all legs in short steps, corners rounded."""
    legs = [leg for leg in legs if leg.length_m > 0.01 or leg.stay_s > 0.0]
    lon = [legs[0].start.lon_deg, *(leg.end.lon_deg for leg in legs)]
    lat = [legs[0].start.lat_deg, *(leg.end.lat_deg for leg in legs)]
    corners = np.column_stack(frame.to_local(lon, lat))
    kept = _corner_speeds(corners, legs, speed_m_s)
    parts = [
        _steps(leg, corners[k : k + 2], kept[k : k + 2], speed_m_s) for k, leg in enumerate(legs)
    ]
    at, ahead, step_s, speed, on, output = (np.concatenate(c) for c in zip(*parts, strict=True))
    return _Way(_rounded(at), ahead, step_s, speed, on > 0.5, output)


def _asked(setting: Setting, speed_m_s: float) -> float:
    return setting.speed_m_s or speed_m_s


def _corner_speeds(corners: FloatArray, legs: Sequence[OrderedLeg], speed_m_s: float) -> FloatArray:
    """Return the speed at the beginning of every leg and at the end of the last."""
    speeds = np.zeros(len(legs) + 1)
    steps = np.diff(corners, axis=0)
    bearing = np.arctan2(steps[:, 0], steps[:, 1])
    tops = [_top(leg, speed_m_s) for leg in legs]
    for k in range(1, len(legs)):
        top = min(tops[k - 1], tops[k])
        turn = abs(math.degrees(math.remainder(bearing[k] - bearing[k - 1], math.tau)))
        kept = max(min(CORNER_M_S, top), top * (1.0 - turn / 90.0))
        speeds[k] = 0.0 if legs[k - 1].stay_s > 0.0 else kept
    return speeds


def _top(leg: OrderedLeg, speed_m_s: float) -> float:
    """Return how fast a leg can get by its length."""
    asked = max(_asked(setting, speed_m_s) for _, setting in leg.orders)
    return float(min(asked, (JERK_M_S3 * leg.length_m**2 / 4.0) ** (1.0 / 3.0)))


def _steps(
    leg: OrderedLeg, ends: FloatArray, kept: FloatArray, speed_m_s: float
) -> tuple[FloatArray, ...]:
    """Return a leg in steps, as the columns of `_Way`, the stay at its end included."""
    count = max(1, math.ceil(leg.length_m / STEP_M)) if leg.length_m > 0.0 else 0
    stays = math.ceil(leg.stay_s / 0.05)
    step_m = leg.length_m / max(count, 1)
    far = (np.arange(count) + 0.5) * step_m
    begins = np.array([at for at, _ in leg.orders])
    number = np.searchsorted(begins, np.append(far, np.full(stays, leg.length_m)), "right") - 1
    asked = np.array([_asked(setting, speed_m_s) for _, setting in leg.orders])[number]
    grown = np.sqrt(np.maximum(kept[0], 0.3) ** 2 + 2.0 * GAIN_M_S2 * far)
    slowed = np.sqrt(np.maximum(kept[1], 0.3) ** 2 + 2.0 * GAIN_M_S2 * (leg.length_m - far))
    top = max(_top(leg, speed_m_s), float(kept.max()), 0.3)
    speed = np.minimum(np.minimum(grown, slowed), np.minimum(asked[:count], top))
    ahead = (ends[1] - ends[0]) / max(leg.length_m, 1e-9)
    return (
        np.vstack([ends[0] + far[:, None] * ahead, np.repeat(ends[1:], stays, axis=0)]),
        np.repeat(ahead[None, :], count + stays, axis=0),
        np.append(step_m / speed, np.full(stays, leg.stay_s / max(stays, 1))),
        np.append(speed, np.zeros(stays)),
        np.array([float(setting.on) for _, setting in leg.orders])[number],
        np.array([setting.output for _, setting in leg.orders])[number],
    )


def _rounded(at: FloatArray) -> FloatArray:
    """Return a way whose corners are cut: each place the mean of those within `CUT_M`."""
    half = round(CUT_M / STEP_M)
    if len(at) < 2 * half + 1:
        return at
    total = np.vstack([np.zeros(2), np.cumsum(at, axis=0)])
    low = np.maximum(np.arange(len(at)) - half, 0)
    high = np.minimum(np.arange(len(at)) + half + 1, len(at))
    reach = np.minimum(np.arange(len(at)) - low, high - 1 - np.arange(len(at)))
    low, high = np.arange(len(at)) - reach, np.arange(len(at)) + reach + 1
    return np.asarray((total[high] - total[low]) / (high - low)[:, None])


def _pumped(way: _Way, litre_per_m: float, full_l_s: float, look_s: float) -> FloatArray:
    """Return the flow the pump gives on each step, litres a second."""
    time_s = way.time_s
    looks = np.arange(look_s, time_s[-1], LOOK_S)
    seen = np.searchsorted(time_s, looks)
    rests = np.append(0, np.cumsum(~way.on))
    given = np.zeros(len(looks))
    turning, over_s, under_s, before = False, -1.0, -1.0, 0
    for number, (now_s, step) in enumerate(zip(looks, seen, strict=True)):
        if rests[step] > rests[before] or not way.on[step]:
            turning, under_s = False, -1.0
        before = step
        if not way.on[step]:
            continue
        speed = float(way.speed[step])
        if speed >= SPEED_MIN_M_S:
            under_s = -1.0
            if not turning and over_s < 0.0:
                over_s = now_s
            elif not turning and now_s - over_s > TURN_ON_S:
                turning, over_s = True, -1.0
        else:
            over_s = -1.0
            under_s = now_s if turning and under_s < 0.0 else under_s
            turning = turning and now_s - under_s <= SHUT_OFF_S
        given[number] = litre_per_m * speed if turning else 0.0
    last = np.searchsorted(looks, time_s, "right") - 1
    follows = np.where(last >= 0, given[np.maximum(last, 0)], 0.0)
    flow = np.where(way.output > 0.0, way.output * full_l_s, follows)
    return np.where(way.on, np.minimum(flow, full_l_s), 0.0)


def _at_nozzle(way: _Way, flow: FloatArray, hose_s: float) -> FloatArray:
    """Return the flow at the nozzles on each step."""
    time_s = way.time_s
    source = np.searchsorted(time_s, time_s - hose_s, "right") - 1
    return np.where(source >= 0, flow[np.maximum(source, 0)], 0.0)


def _landed(
    way: _Way,
    flow: FloatArray,
    width_m: float,
    treatable: BaseGeometry,
    passes: Sequence[LineString],
) -> Deposit:
    """Return what the flow leaves on the ground."""
    wet = np.flatnonzero(flow > 0.0)
    litres = flow[wet] * way.step_s[wet]
    grid, west, south = _dose_map(way, wet, litres, width_m, treatable)
    runs = np.split(wet, np.flatnonzero(np.diff(wet) > 1) + 1)
    lines = [way.at[run] for run in runs if len(run) > 1]
    sprayed = swept([np.array(LineString(line).simplify(HOOK_M).coords) for line in lines], width_m)
    inside = shapely.intersection(sprayed, treatable).area
    cells = grid[_inner_cells(grid.shape, west, south, treatable, width_m / 2.0)]
    transit_l = 0.0
    if len(passes) and len(wet):
        near = shapely.union_all(shapely.buffer(list(passes), width_m / 2.0))
        shapely.prepare(near)
        transit_l = float(litres[~shapely.contains_xy(near, *way.at[wet].T)].sum())
    mean = float(cells.mean()) if cells.size else math.nan
    return Deposit(
        litres_m2=grid,
        west_m=west,
        south_m=south,
        sprayed=sprayed,
        sprayed_share=float(inside / treatable.area),
        outside_share=max(0.0, 1.0 - float(inside / sprayed.area)) if sprayed.area else 0.0,
        cv=float(cells.std() / mean) if cells.size and mean > 0.0 else math.nan,
        mean_l_ha=1e4 * mean,
        litres=float(litres.sum()),
        transit_l=transit_l,
        time_s=float(way.step_s.sum()),
    )


def _dose_map(
    way: _Way, wet: NDArray[np.intp], litres: FloatArray, width_m: float, treatable: BaseGeometry
) -> tuple[FloatArray, float, float]:
    """Return litres per square metre by cells, and the corner of the first."""
    w, s, e, n = treatable.buffer(width_m).bounds
    west, south = math.floor(w), math.floor(s)
    columns, rows = math.ceil((e - west) / CELL_M), math.ceil((n - south) / CELL_M)
    grid = np.zeros(rows * columns)
    across = max(1, math.ceil(width_m / STEP_M))
    offsets = ((np.arange(across) + 0.5) / across - 0.5) * width_m
    for begin in range(0, len(wet), CHUNK):
        part = wet[begin : begin + CHUNK]
        aside = np.stack([way.ahead[part, 1], -way.ahead[part, 0]], axis=1)
        east = way.at[part, 0, None] + offsets * aside[:, 0, None]
        north = way.at[part, 1, None] + offsets * aside[:, 1, None]
        column = ((east - west) / CELL_M).astype(np.int64)
        row = ((north - south) / CELL_M).astype(np.int64)
        there = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        share = np.broadcast_to(litres[begin : begin + CHUNK, None] / across, there.shape)
        grid += np.bincount(
            (row * columns + column)[there], weights=share[there], minlength=grid.size
        )
    return grid.reshape(rows, columns) / CELL_M**2, float(west), float(south)


def _inner_cells(
    size: tuple[int, ...], west: float, south: float, treatable: BaseGeometry, off_m: float
) -> NDArray[np.bool_]:
    """Return which cells lie, as a whole, so far from the edge."""
    inner = treatable.buffer(-(off_m + CELL_M / math.sqrt(2.0)))
    row, column = np.indices((size[0], size[1]))
    found = np.zeros(size, dtype=bool)
    if not inner.is_empty:
        shapely.prepare(inner)
        east = west + (column.ravel() + 0.5) * CELL_M
        north = south + (row.ravel() + 0.5) * CELL_M
        found = np.asarray(shapely.contains_xy(inner, east, north)).reshape(size)
    return found
