"""As applied: what a flight put where, from its record, against what its plan asked for.

Theory of operation
-------------------
The way sprayed (`missions.applied.sprayed_way`) is laid on a grid of square cells
(`missions.applied.footprint`) that is aligned with the UTM zone of the place, and whose cells are
`cell_m` on the ground (`missions.applied.floor`). The plan's passes are laid on the same grid,
which gives for every cell how often it was to be sprayed and at what rate.

What the figures mean:

* **litres**: the pump's curve over the time, all of it, wherever it fell.
* **sprayed**: the ground under the footprints, each place once, however often it was sprayed.
* **missed**: cells whose middle may be sprayed, that lie under this plan's passes by a quarter or
  more, and got less than `MISSED` of what those passes give there. What another sortie or none was
  to spray is not missed. What of it lies where a pass begins, no longer than the sprayer may come
  on late, is told apart (**late**): nobody takes off for that (`missions.sortie.resume`).
* **outside**: footprints beyond what may be sprayed; their litres, and the ground they cover.
* **off the swaths**: litres that fell between passes: turns, the way home. One `Stray` for every
  run of it.
* **uniformity**: the coefficient of variation (standard deviation over mean) of the cells' rate
  over the rate asked, in cells at least half a swath within the edge of all passes, holes counted
  as they are. Ground that the plan itself sprays twice counts as twice too much. NaN where no cell
  is so far inside, as around single trees.
* **worst**: lowest and highest share of the rate asked, in the same cells.

With crosshatch two layers of passes at half the rate make the rate asked; elsewhere it is the rate
of the passes over the cell, the mean where several have a part of it. Over single trees, which get
litres and not a rate, it is all that the passes put there: the middle of a ring is meant to get
more than its rim.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput, Refused
from agri.geo import LonLat
from agri.grid import Grid
from agri.track import FlightRecord
from agri.units import INDOCHINA_TIME
from missions.applied.floor import DISC_SIDES, Floor, band, pieces_of
from missions.applied.footprint import Ground
from missions.applied.sprayed_way import SprayedWay, areas, sprayed_way
from missions.flightplan import FlightPlan, job_of
from missions.sortie.resume import LATE_S
from missions.sprayer.job import SprayJob

FloatArray = NDArray[np.float64]

MISSED = 0.5
"""Cells with less than this share of their rate are missed."""
COVERED = 0.25
"""Least part of a cell under passes for it to be one that could be missed."""
SEAM_M = 0.2
"""A gap between two passes of less than twice this is rounding, not an edge."""
MOST_CELLS = 16_000_000
"""1,600 ha at 1 m; a grid takes 8 bytes a cell, some five of them at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """A run of spraying off the swaths.

    Parameters
    ----------
    time_s : float
        When it began, seconds since the record began.
    place : LonLat
        Where it began.
    length_m, litres : float
        How far it went, and what it cost.
    """

    time_s: float
    place: LonLat
    length_m: float
    litres: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Applied:
    """What a flight applied.

    Parameters
    ----------
    grid : Grid
        L/ha in every cell, NaN where nothing fell; UTM, north up.
    share : Grid
        The same as shares of what the passes over the cell were to put there; NaN where less than a
        quarter of it lies under any.
    cell_m2 : float
        Ground of one cell.
    litres : float
        All that left the nozzles.
    sprayed_m2 : float
        Ground sprayed, each place once.
    missed_m2 : float
        Ground to be sprayed by this plan that got less than half of its rate.
    late_m2 : float
        What of it lies at beginnings of passes.
    outside_m2, outside_l : float
        Ground sprayed that may not be, and what fell there.
    off_swath_l : float
        What fell between the swaths.
    strays : tuple of Stray
        Of what runs that is made, in order.
    cv_pct : float
        Coefficient of variation, per cent; NaN where it has no meaning.
    lowest_share, highest_share : float
        Worst under- and overdose in the same cells, as shares of the rate asked; NaN likewise.
    unknown_s : float
        Time in which nothing was heard from the aircraft; nothing was counted for it.
    sprayed : shapely.Polygon or MultiPolygon
        The ground sprayed, WGS 84 (lon, lat) degrees.
    """

    grid: Grid
    share: Grid
    cell_m2: float
    litres: float
    sprayed_m2: float
    missed_m2: float
    late_m2: float
    outside_m2: float
    outside_l: float
    off_swath_l: float
    strays: tuple[Stray, ...]
    cv_pct: float
    lowest_share: float
    highest_share: float
    unknown_s: float
    sprayed: BaseGeometry

    @property
    def rate_l_ha(self) -> float:
        """Litres per hectare of ground sprayed; 0 where none was."""
        return self.litres / self.sprayed_m2 * 10_000.0 if self.sprayed_m2 > 0.0 else 0.0


def applied(record: FlightRecord, plan: FlightPlan, *, cell_m: float = 1.0) -> Applied:
    """Return what a flight applied.

    Parameters
    ----------
    record : FlightRecord
        The flight, with the output of its pump.
    plan : FlightPlan
        The spray plan that was flown.
    cell_m : float
        Side of a cell on the ground, 0.1 to 20 m.

    Raises
    ------
    BadInput
        When the plan does not spray, or the cell's size is out of range.
    Refused
        When the aircraft did not tell its pump, or the grid would be too large.
    """
    job = job_of(plan)
    if not 0.1 <= cell_m <= 20.0:
        raise BadInput("error.applied_cell", value=cell_m)
    floor = Floor(job, cell_m)
    track = record.track
    places = floor.metres(track.lon_deg, track.lat_deg)
    way = sprayed_way(track, places, job.settings.sprayer, floor.widths)
    return _Measured(floor, way).result()


def phi_end(record: FlightRecord, job: SprayJob) -> date:
    """Return the first day on which what was sprayed may be harvested, by Vietnam's calendar.

    The pre-harvest interval of the label counts from the day on which the spraying ended.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from types import SimpleNamespace as Any
    >>> late = Any(started_utc=datetime(2026, 11, 22, 17, 30, tzinfo=UTC), duration_s=600.0)
    >>> job = Any(settings=Any(product=Any(phi_days=14)))
    >>> str(phi_end(late, job))  # 0.30 o'clock of the 23rd
    '2026-12-07'
    """
    ended = record.started_utc + timedelta(seconds=record.duration_s)
    return ended.astimezone(INDOCHINA_TIME).date() + timedelta(days=job.settings.product.phi_days)


class _Measured:
    """The grids and figures of one flight."""

    def __init__(self, floor: Floor, way: SprayedWay) -> None:
        self.floor, self.way = floor, way
        self.planned = floor.under_passes()
        reach_m = float(np.max(way.width_m, initial=0.0))
        bounds = [floor.treatable.bounds, self.planned.bounds]
        if len(way.time_s):
            both = np.concatenate((way.start, way.end))
            bounds.append((*(both.min(axis=0) - reach_m), *(both.max(axis=0) + reach_m)))
        boxes = np.array(bounds)
        cell_m = floor.cell_m
        self.west = (math.floor(np.nanmin(boxes[:, 0]) / cell_m) - 1) * cell_m
        self.north = (math.ceil(np.nanmax(boxes[:, 3]) / cell_m) + 1) * cell_m
        self.columns = math.ceil((float(np.nanmax(boxes[:, 2])) - self.west) / cell_m) + 1
        self.rows = math.ceil((self.north - float(np.nanmin(boxes[:, 1]))) / cell_m) + 1
        if self.rows * self.columns > MOST_CELLS:
            raise Refused("error.applied_too_large", rows=self.rows, columns=self.columns)

    def _cells(self, xy: FloatArray) -> FloatArray:
        """Return metres as (column, row)."""
        out = np.stack((xy[..., 0] - self.west, self.north - xy[..., 1]), axis=-1)
        return np.asarray(out / self.floor.cell_m)

    def result(self) -> Applied:
        """Return all that is asked."""
        rate = self._laid_l_ha()
        asked, cover = self._asked_l_ha()
        sprayed = self._sprayed()
        outside = shapely.difference(sprayed, self.floor.treatable)
        missed = self._missed(rate, asked, cover)
        strays = self._strays()
        cv_pct, lowest, highest = self._evenness(rate, asked)
        step = self.floor.cell_m * self.floor.scale
        east, north = self.floor.origin
        grid = Grid(
            values=np.where(rate > 0.0, rate, np.nan),
            affine=(step, 0.0, east + self.west * self.floor.scale,
                    0.0, -step, north + self.north * self.floor.scale),
            epsg=self.floor.epsg,
            unit="l/ha",
            name=self.floor.job.job,
        )  # fmt: skip
        wanted = np.where(cover >= COVERED, asked * np.minimum(1.0, cover), np.nan)
        return Applied(
            grid=grid,
            share=replace(grid, values=rate / wanted, unit=""),
            cell_m2=self.floor.cell_m**2,
            litres=float(np.sum(self.way.litres)),
            sprayed_m2=float(sprayed.area),
            missed_m2=self._ground_m2(missed),
            late_m2=self._ground_m2(self._middles_in(missed, self.floor.beginnings(LATE_S))),
            outside_m2=float(outside.area),
            outside_l=self._outside_l(),
            off_swath_l=sum(stray.litres for stray in strays),
            strays=strays,
            cv_pct=cv_pct,
            lowest_share=lowest,
            highest_share=highest,
            unknown_s=self.way.unknown_s,
            sprayed=shapely.transform(sprayed, self.floor.lonlat),
        )

    def _laid_l_ha(self) -> FloatArray:
        way, ground = self.way, Ground(self.rows, self.columns)
        moved, still = ~way.still, way.still
        area = areas(way.corners[moved])
        good = area > 0.0
        density = way.litres[moved][good] / area[good] * 10_000.0
        ground.lay_pieces(self._cells(way.corners[moved][good]), density)
        radius_m = way.width_m[still] / 2.0
        discs_l_ha = way.litres[still] / (math.pi * radius_m**2) * 10_000.0
        centres = self._cells(way.middle[still])
        ground.lay_discs(centres, radius_m / self.floor.cell_m, discs_l_ha)
        return ground.amounts()

    def _asked_l_ha(self) -> tuple[FloatArray, FloatArray]:
        """Return the rate asked in every cell (0 outside passes) and how often it is covered."""
        given, cover = Ground(self.rows, self.columns), Ground(self.rows, self.columns)
        for work, points in zip(self.floor.job.passes, self.floor.passes, strict=True):
            if len(points) == 1:
                radius = np.array([work.width_m / 2.0 / self.floor.cell_m])
                spot_l_ha = work.spot_l / (math.pi * work.width_m**2 / 4.0) * 10_000.0
                given.lay_discs(self._cells(points), radius, np.array([spot_l_ha]))
                cover.lay_discs(self._cells(points), radius, np.ones(1))
                continue
            pieces = self._cells(pieces_of(points, work.width_m))
            given.lay_pieces(pieces, np.full(len(pieces), work.rate_l_ha))
            cover.lay_pieces(pieces, np.ones(len(pieces)))
        often = cover.amounts()
        if self.floor.job.kind == "trees":
            part = np.minimum(1.0, often)
            return given.amounts() / np.where(often > 0.0, part, 1.0), often
        layers = 2.0 if self.floor.job.settings.crosshatch else 1.0
        rate = given.amounts() / np.where(often > 0.0, often, 1.0)
        return rate * layers, often / layers

    def _sprayed(self) -> BaseGeometry:
        """Return the ground sprayed, metres."""
        way = self.way
        if len(way.time_s) == 0:
            return shapely.Polygon()
        breaks = np.flatnonzero(
            (np.abs(way.start[1:] - way.end[:-1]).max(axis=1) > 1e-6)
            | (way.width_m[1:] != way.width_m[:-1])
            | way.still[1:]
            | way.still[:-1]
        )
        bands = []
        for run in np.split(np.arange(len(way.time_s)), breaks + 1):
            width_m = float(way.width_m[run[0]])
            if way.still[run[0]]:
                bands.append(band(shapely.Point(way.middle[run[0]]), width_m))
            else:
                points = np.vstack((way.start[run[:1]], way.end[run]))
                line = shapely.simplify(shapely.LineString(points), 0.02)
                bands.append(band(line, width_m))
        return shapely.union_all(bands)

    def _missed(self, rate: FloatArray, asked: FloatArray, cover: FloatArray) -> NDArray[np.bool_]:
        wanted = asked * np.minimum(1.0, cover)
        short = (cover >= COVERED) & (rate < MISSED * wanted)
        return self._middles_in(short, self.floor.treatable)

    def _ground_m2(self, cells: NDArray[np.bool_]) -> float:
        return float(np.count_nonzero(cells)) * self.floor.cell_m**2

    def _middles_in(self, cells: NDArray[np.bool_], shape: BaseGeometry) -> NDArray[np.bool_]:
        """Return those of some cells whose middle lies in a shape."""
        row, column = np.nonzero(cells)
        cell_m = self.floor.cell_m
        x, y = self.west + (column + 0.5) * cell_m, self.north - (row + 0.5) * cell_m
        shapely.prepare(shape)
        found = np.zeros_like(cells)
        found[row, column] = shapely.contains_xy(shape, x, y)
        return found

    def _outside_l(self) -> float:
        way, treatable = self.way, self.floor.treatable
        if len(way.time_s) == 0:
            return 0.0
        shapes = [shapely.polygons(way.corners[~way.still]), shapely.buffer(
            shapely.points(way.middle[way.still]), way.width_m[way.still] / 2.0,
            quad_segs=DISC_SIDES)]  # fmt: skip
        litres = np.concatenate((way.litres[~way.still], way.litres[way.still]))
        pieces = np.concatenate([np.atleast_1d(np.asarray(shape)) for shape in shapes])
        pieces = np.asarray(shapely.make_valid(pieces))
        share = np.zeros(len(pieces))
        doubtful = ~shapely.covers(treatable, pieces)
        area = np.maximum(shapely.area(pieces[doubtful]), 1e-12)
        met = shapely.area(shapely.intersection(pieces[doubtful], treatable))
        share[doubtful] = 1.0 - np.minimum(1.0, met / area)
        return float(np.sum(share * litres))

    def _strays(self) -> tuple[Stray, ...]:
        way = self.way
        if len(way.time_s) == 0:
            return ()
        shapely.prepare(self.planned)
        off = ~np.asarray(shapely.intersects_xy(self.planned, *way.middle.T))
        late = np.diff(way.time_s, prepend=way.time_s[0]) > 1.5 * np.maximum(way.step_s, 1e-3)
        before = np.concatenate((np.zeros(1, dtype=bool), off[:-1]))
        new = off & (late | ~before)
        runs = np.split(np.arange(len(off)), np.flatnonzero(new))
        found = []
        for run in runs:
            wet = run[off[run]]
            if len(wet):
                lon, lat = self.floor.lonlat(way.start[wet[:1]])[0]
                found.append(
                    Stray(
                        time_s=float(way.time_s[wet[0]]),
                        place=LonLat(lon_deg=float(lon), lat_deg=float(lat)),
                        length_m=float(np.sum(way.length_m[wet])),
                        litres=float(np.sum(way.litres[wet])),
                    )
                )
        return tuple(found)

    def _evenness(self, rate: FloatArray, asked: FloatArray) -> tuple[float, float, float]:
        """Return the coefficient of variation, per cent, and the lowest and highest share."""
        widths = [work.width_m for work in self.floor.job.passes]
        if not widths:
            return math.nan, math.nan, math.nan
        closed = shapely.buffer(self.planned, SEAM_M, join_style="mitre")
        within = shapely.intersection(closed, self.floor.treatable)
        deep = shapely.buffer(within, -SEAM_M - max(widths) / 2.0)
        inside = self._middles_in(asked > 0.0, deep)
        if not inside.any():
            return math.nan, math.nan, math.nan
        share = rate[inside] / asked[inside]
        mean = float(np.mean(share))
        cv_pct = 100.0 * float(np.std(share)) / mean if mean > 0.0 else math.nan
        return cv_pct, float(np.min(share)), float(np.max(share))
