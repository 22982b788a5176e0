"""What a spraying gives: coverage, dose, litres, and whether sprayer and pack can (P4 to P6).

Measured on the wet pieces of the items and the passes they run along (`missions.checks.work`).

The dose is what the pump gives there: set as the job's parameter file sets it, at the speed the
items fly, through the pump's own curve. Litres are added up from that, not from the estimate, and
compared with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from agri.errors import AgriError
from agri.findings import Finding
from missions.checks.path import Path
from missions.checks.survey import LEAST_RESERVE, LENGTH_SLACK
from missions.checks.trace import Stretch, speed_of
from missions.checks.work import Work
from missions.drift.limits import SprayLimits, wind_findings
from missions.flightplan import FlightPlan
from missions.sprayer.dose import SERVO_MAX_US, SERVO_MIN_US, flow_l_min, pump_flow_l_min
from missions.sprayer.gear import PumpControl
from missions.sprayer.job import SprayJob
from missions.sprayer.parameters import job_parameters

Ground = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
"""Longitudes and latitudes to metres of the ground above home."""

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
    if treatable is None or not treatable.area or not strips:
        return 0.0, 0.0
    inside = [strip.intersection(treatable) for strip in strips]
    once = float(shapely.union_all(inside).area)
    times = 2.0 if job.settings.crosshatch else 1.0
    twice = sum(float(strip.area) for strip in inside) / times - once
    return once / float(treatable.area), max(0.0, twice) / once if once > 0.0 else 0.0


def _coverage(
    job: SprayJob, treatable: BaseGeometry | None, covered: float, twice: float
) -> Iterator[Finding]:
    if treatable is None or treatable.area < SMALL_M2 or job.kind not in ("field", "part"):
        return
    if job.kind == "field" and job.sorties == 1 and covered < ENOUGH:
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
