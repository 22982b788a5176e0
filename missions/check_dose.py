"""What a spraying gives: coverage, dose, litres, and whether sprayer and pack can (P4 to P6).

Measured on the wet stretches of the items (`missions.spray_trace`). Each wet piece belongs to the
pass of the plan it runs along, whose width and rate are the plan's word; a piece that runs along
none is sprayed where nothing was meant to be, on a turn or a transit.

The dose is what the pump gives there: set as the job's parameter file sets it, at the speed the
items fly, through the pump's own curve. Litres are added up from that, not from the estimate, and
compared with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
import shapely.ops
from numpy.typing import NDArray
from shapely.geometry import LineString, Point
from shapely.geometry.base import BaseGeometry

from agri.errors import AgriError
from agri.findings import Finding
from missions.check_path import Path
from missions.check_survey import LEAST_RESERVE, LENGTH_SLACK
from missions.dose import SERVO_MAX_US, SERVO_MIN_US, flow_l_min, pump_flow_l_min
from missions.flightplan import FlightPlan
from missions.spray_job import SprayJob, SprayPass
from missions.spray_limits import SprayLimits, wind_findings
from missions.spray_parameters import job_parameters
from missions.spray_trace import Spot, Stretch, WetPiece, speed_of
from missions.sprayers import PumpControl

Ground = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
"""Longitudes and latitudes to metres of the ground above home."""

ALONG_PASS_M = 0.5
"""A wet piece no further from a pass than this runs along it."""
ALONG_PASS_DEG = 5.0
"""And turned from it by no more than this."""
NARROWEST = 0.6
"""A pass told narrower than this share of the job's swath is taken to be as wide as the swath."""
ENOUGH = 0.98
"""Share of the treatable area that must be sprayed (P4)."""
TWICE = 0.10
"""Share that may be sprayed twice (P4)."""
SMALL_M2 = 1000.0
"""On smaller areas borders weigh too much for shares to say anything (P4: 0.1 ha)."""
DOSE_SLACK = 0.02
"""The dose may be off by this much (P5)."""
LITRES_SLACK = 0.02
"""The estimate's litres may differ from the items' by this share,"""
LITRES_ROUNDING = 0.1
"""and by this much."""
HEIGHT_SLACK_M = 0.05
"""Heights are whole centimetres on the wire."""
ROUNDING = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """A wet piece and the pass it runs along.

    Parameters
    ----------
    stretch : int
        Number of the stretch it is of, from 0.
    piece : WetPiece
        What is wet.
    given : SprayPass
        The pass, whose rate and width it is judged by.
    width_m : float
        Width believed.
    """

    stretch: int
    piece: WetPiece
    given: SprayPass
    width_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """All that a flight sprays.

    Parameters
    ----------
    pieces : tuple of Worked
        Wet pieces along passes.
    spots : tuple of (Spot, SprayPass)
        Waits over spots of the plan.
    off_passes : tuple of Finding
        What is sprayed along no pass.
    """

    pieces: tuple[Worked, ...]
    spots: tuple[tuple[Spot, SprayPass], ...]
    off_passes: tuple[Finding, ...]

    def strips(self, side_m: float = 0.0, along_m: float = 0.0) -> list[tuple[int, BaseGeometry]]:
        """Return the ground of every stretch and spot, with its item's number.

        Parameters
        ----------
        side_m, along_m : float
            How much is taken off each side, and off both ends of a stretch.
        """
        found: list[tuple[int, BaseGeometry]] = []
        for number in sorted({work.stretch for work in self.pieces}):
            mine = [work for work in self.pieces if work.stretch == number]
            found.append((mine[0].piece.seq, _strip(mine, side_m, along_m)))
        for spot, given in self.spots:
            round_m = given.width_m / 2.0 - side_m
            found.append((spot.seq, Point(spot.east_m, spot.north_m).buffer(round_m)))
        return found


def _strip(mine: Sequence[Worked], side_m: float, along_m: float) -> BaseGeometry:
    strips = []
    for place, work in enumerate(mine):
        line = work.piece.line
        first = along_m if place == 0 else 0.0
        last = along_m if place == len(mine) - 1 else 0.0
        if line.length > first + last + ROUNDING:
            cut = shapely.ops.substring(line, first, line.length - last)
            strips.append(cut.buffer(work.width_m / 2.0 - side_m, cap_style="flat"))
    strip: BaseGeometry = shapely.union_all(strips)
    return strip


def work_of(job: SprayJob, path: Path, runs: Sequence[Stretch], waits: Sequence[Spot]) -> Work:
    """Return what is sprayed along which pass.

    Parameters
    ----------
    job : SprayJob
        The plan's passes.
    path : Path
        The flight.
    runs, waits
        Its stretches and spots.
    """
    ways = [(_local(path, p), p) for p in job.passes if len(p.places) > 1]
    trees = [(_local(path, p), p) for p in job.passes if len(p.places) == 1]
    pieces: list[Worked] = []
    lost: list[tuple[int, float]] = []
    for number, run in enumerate(runs):
        for piece in run.wet:
            given = _pass_along(piece.line, ways)
            if given is None:
                lost.append((piece.seq, piece.line.length))
            else:
                width_m = believed_width_m(job, given)
                pieces.append(Worked(stretch=number, piece=piece, given=given, width_m=width_m))
    spots = []
    for spot in waits:
        place = Point(spot.east_m, spot.north_m)
        near = [entry for entry in trees if entry[0].distance(place) <= ALONG_PASS_M]
        if near:
            spots.append((spot, min(near, key=lambda entry: entry[0].distance(place))[1]))
        else:
            lost.append((spot.seq, 0.0))
    return Work(pieces=tuple(pieces), spots=tuple(spots), off_passes=tuple(_off(lost)))


def _off(lost: Sequence[tuple[int, float]]) -> Iterator[Finding]:
    if lost:
        yield Finding.error(
            "finding.spray_off_pass",
            item=lost[0][0],
            count=len({seq for seq, _ in lost}),
            length_m=sum(length for _, length in lost),
        )


def _local(path: Path, given: SprayPass) -> BaseGeometry:
    places = [path.frame.metres(place) for place in given.places]
    return LineString(places) if len(places) > 1 else Point(places[0])


def believed_width_m(job: SprayJob, given: SprayPass) -> float:
    """Return the width of a pass, the job's swath where the pass tells one too narrow for it."""
    if job.kind == "field" and given.width_m < NARROWEST * job.settings.swath_m - ROUNDING:
        return job.settings.swath_m
    return given.width_m


def _pass_along(
    line: LineString, ways: Sequence[tuple[BaseGeometry, SprayPass]]
) -> SprayPass | None:
    """Return the pass that a wet piece runs along, None when it runs along none."""
    middle = line.interpolate(0.5, normalized=True)
    near = []
    for way, given in ways:
        if way.distance(middle) <= ALONG_PASS_M:
            turned = _turned_deg(line, way, middle)
            if turned <= ALONG_PASS_DEG:
                near.append((turned, given))
    return min(near, key=lambda entry: entry[0])[1] if near else None


def _turned_deg(line: LineString, way: BaseGeometry, middle: Point) -> float:
    """Return the angle between a line and the nearest part of a way, 0 to 90 degrees."""
    at = way.project(middle)
    before, after = way.interpolate(max(0.0, at - 0.2)), way.interpolate(at + 0.2)
    start, end = shapely.get_coordinates(line)[[0, -1]]
    bearing = math.atan2(after.x - before.x, after.y - before.y)
    turned = math.degrees(math.atan2(end[0] - start[0], end[1] - start[1]) - bearing)
    return abs(math.remainder(turned, 180.0))


def check_limits(
    plan: FlightPlan,
    path: Path,
    runs: Sequence[Stretch],
    limits: SprayLimits,
    ground: Ground | None,
) -> Iterator[Finding]:
    """Yield what sprayer, height, speed and wind do not allow.

    Parameters
    ----------
    plan : FlightPlan
        A plan that tells its spraying.
    path, runs
        Its flight and stretches.
    limits : SprayLimits
        Wind, height, speed.
    ground : callable or None
        The ground's height above home.
    """
    job = plan.spray
    if job is None:
        return
    sprayer = job.settings.sprayer
    yield from wind_findings(job.settings.wind, limits, sprayer.aircraft.max_wind_m_s)
    on = [index for run in runs for index in run.legs]
    if not on:
        return
    fastest, seq = max((speed_of(path.legs[n]), path.legs[n].seq) for n in on)
    if fastest > sprayer.max_speed_m_s + ROUNDING:
        yield Finding.error(
            "finding.spray_too_fast", item=seq, speed_m_s=fastest, limit_m_s=sprayer.max_speed_m_s
        )
    elif fastest > limits.speed_m_s + ROUNDING:
        yield Finding.warning(
            "finding.spray_fast", item=seq, speed_m_s=fastest, limit_m_s=limits.speed_m_s
        )
    over = _over_crop(path, on, job.settings.crop_height_m, ground)
    low_m, high_m = sprayer.min_height_m, sprayer.max_height_m
    wrong = [min(over)] if min(over)[0] < low_m - HEIGHT_SLACK_M else []
    wrong += [max(over)] if max(over)[0] > high_m + HEIGHT_SLACK_M else []
    for height_m, leg in wrong:
        yield Finding.error(
            "finding.spray_height", item=leg, height_m=height_m, low_m=low_m, high_m=high_m
        )
    if not wrong and max(over)[0] > limits.height_m + HEIGHT_SLACK_M:
        yield Finding.warning(
            "finding.spray_high", item=max(over)[1], height_m=max(over)[0],
            limit_m=limits.height_m,
        )  # fmt: skip


def _over_crop(
    path: Path, on: Sequence[int], crop_m: float, ground: Ground | None
) -> list[tuple[float, int]]:
    """Return the heights over the crop at both ends of every leg sprayed on, with its item."""
    places = [p for n in on for p in (path.legs[n].start, path.legs[n].end)]
    flown = path.heights_m[list(on)].reshape(-1)
    below: Any = 0.0
    if ground is not None:
        below = ground(np.array([p.lon_deg for p in places]), np.array([p.lat_deg for p in places]))
    over = flown - below - crop_m
    seqs = [path.legs[n].seq for n in on for _ in range(2)]
    return [(float(height), seq) for height, seq in zip(over, seqs, strict=True)]


def check_work(
    plan: FlightPlan, path: Path, work: Work, treatable: BaseGeometry | None
) -> tuple[list[Finding], dict[str, Any]]:
    """Return what is wrong with coverage, dose, litres and energy, and the figures found.

    Parameters
    ----------
    plan : FlightPlan
        A plan that tells its spraying.
    path : Path
        Its flight.
    work : Work
        What it sprays.
    treatable : shapely geometry or None
        What may be sprayed, None when it is not known.
    """
    job = plan.spray
    if job is None:
        return [], {}
    dosed, litres = _doses(job, work)
    found = [*dosed, *_tank(job, litres), *_pack(plan, job, path)]
    covered, twice = _shares(job, work, treatable)
    found += _coverage(job, treatable, covered, twice)
    figures = {
        "passes": len(job.passes),
        "litres": litres,
        "limit_l": job.settings.sprayer.usable_l,
        "percent": 100.0 * covered,
        "twice_pct": 100.0 * twice,
        "energy_wh": job.estimate.energy_wh,
    }
    return found, figures


def _shares(job: SprayJob, work: Work, treatable: BaseGeometry | None) -> tuple[float, float]:
    """Return the shares of the treatable area sprayed, and sprayed more often than meant."""
    strips = [strip for _, strip in work.strips()]
    if treatable is None or treatable.is_empty or not strips:
        return 0.0, 0.0
    inside = [strip.intersection(treatable) for strip in strips]
    once = float(shapely.union_all(inside).area)
    times = 2.0 if job.settings.crosshatch else 1.0
    twice = sum(float(strip.area) for strip in inside) / times - once
    return once / float(treatable.area), max(0.0, twice) / once if once > 0.0 else 0.0


def _coverage(
    job: SprayJob, treatable: BaseGeometry | None, covered: float, twice: float
) -> Iterator[Finding]:
    if treatable is None or treatable.area < SMALL_M2 or job.kind != "field":
        return
    if job.sorties == 1 and covered < ENOUGH:
        yield Finding.warning("finding.spray_missed", percent=100.0 * (1.0 - covered))
    if twice > TWICE:
        yield Finding.warning("finding.spray_twice", percent=100.0 * twice)


def _doses(job: SprayJob, work: Work) -> tuple[list[Finding], float]:
    """Return where the dose is wrong or the pump cannot give it, and the litres, NaN if unknown."""
    try:
        pump = _pump(job)
    except AgriError as error:
        return [Finding.error("finding.spray_pump_unset", why=error.message)], math.nan
    found: dict[str, Finding] = {}
    litres = 0.0
    for worked in work.pieces:
        piece, given = worked.piece, worked.given
        wanted = flow_l_min(given.rate_l_ha, worked.width_m, piece.speed_m_s)
        flow = pump(piece.speed_m_s, piece.pump_us, wanted)
        litres += flow * piece.line.length / piece.speed_m_s / 60.0
        for finding in _judged(job, piece.seq, flow, wanted):
            found.setdefault(finding.key, finding)
    for spot, given in work.spots:
        wanted = 60.0 * given.spot_l / given.dwell_s
        flow = pump(0.0, spot.pump_us, wanted)
        litres += flow * given.dwell_s / 60.0
        for finding in _judged(job, spot.seq, flow, wanted):
            found.setdefault(finding.key, finding)
    return list(found.values()), litres


def _judged(job: SprayJob, seq: int, flow: float, wanted: float) -> Iterator[Finding]:
    low, high = job.settings.sprayer.min_flow_l_min, job.settings.sprayer.max_flow_l_min
    if not low * (1.0 - ROUNDING) <= wanted <= high * (1.0 + ROUNDING):
        yield Finding.error(
            "finding.spray_flow", item=seq, flow_l_min=wanted, low_l_min=low, high_l_min=high
        )
    elif abs(flow - wanted) > DOSE_SLACK * wanted + ROUNDING:
        yield Finding.error(
            "finding.spray_dose",
            item=seq,
            percent=100.0 * (flow / wanted - 1.0),
            slack_pct=100.0 * DOSE_SLACK,
        )


def _pump(job: SprayJob) -> Callable[[float, float, float], float]:
    """Return what the pump gives, L/min, at a speed and a pulse when a flow is wanted."""
    sprayer = job.settings.sprayer
    if sprayer.control is PumpControl.SERVO:

        def by_servo(_speed: float, pulse_us: float, _wanted: float) -> float:
            share = (pulse_us - SERVO_MIN_US) / (SERVO_MAX_US - SERVO_MIN_US)
            return pump_flow_l_min(sprayer, min(1.0, max(0.0, share)))

        return by_servo
    if sprayer.control is PumpControl.EXPORT:
        return lambda _speed, _pulse, wanted: wanted
    told = job_parameters(job)
    rate, least = told["SPRAY_PUMP_RATE"], told["SPRAY_PUMP_MIN"]
    slowest_m_s = told["SPRAY_SPEED_MIN"] / 100.0

    def by_speed(speed_m_s: float, _pulse: float, _wanted: float) -> float:
        if speed_m_s < slowest_m_s:
            return 0.0
        return pump_flow_l_min(sprayer, min(100.0, max(speed_m_s * rate, least)) / 100.0)

    return by_speed


def _tank(job: SprayJob, litres: float) -> Iterator[Finding]:
    usable_l = job.settings.sprayer.usable_l
    most = max(job.estimate.litres, litres)
    if most > usable_l * (1.0 + ROUNDING):
        yield Finding.error("finding.spray_tank", litres=most, limit_l=usable_l)
    if abs(litres - job.estimate.litres) > LITRES_SLACK * litres + LITRES_ROUNDING:
        yield Finding.error("finding.spray_litres", litres=litres, estimated_l=job.estimate.litres)


def _pack(plan: FlightPlan, job: SprayJob, path: Path) -> Iterator[Finding]:
    aircraft = job.settings.sprayer.aircraft
    if aircraft.reserve < LEAST_RESERVE - ROUNDING:
        yield Finding.error(
            "finding.reserve_low",
            reserve_pct=100.0 * aircraft.reserve,
            limit_pct=100.0 * LEAST_RESERVE,
        )
    usable_wh = aircraft.battery_wh * (1.0 - aircraft.reserve)
    if job.estimate.energy_wh > usable_wh * (1.0 + ROUNDING):
        yield Finding.error(
            "finding.spray_energy", energy_wh=job.estimate.energy_wh, limit_wh=usable_wh
        )
    length_m = float(sum(line.length for line in path.lines))
    if job.estimate.length_m < length_m * (1.0 - LENGTH_SLACK):
        yield Finding.error(
            "finding.estimate_old", length_m=length_m, estimated_m=job.estimate.length_m
        )
    if plan.aircraft is not None and plan.aircraft.battery_wh < aircraft.battery_wh:
        yield Finding.error(
            "finding.spray_other_pack",
            battery_wh=plan.aircraft.battery_wh,
            expected_wh=aircraft.battery_wh,
        )
