"""A combine's yield monitor cleaned: what was cut where, and what of it cannot be trusted.

Theory of operation. The rules are those of Yield Editor (Sudduth and Drummond 2007, Agronomy
Journal 99:1471) and what it grew from: passes' ends and overlap (Blackmore and Moore 1999,
Precision Agriculture 1:53), outliers against neighbours (Simbahan, Dobermann and Ping 2004,
Agronomy Journal 96:1091). In this order, each record left out for the first reason it meets:

1. header up, or no grain or no way told;
2. `DELAY`: grain is put back where it was cut (`passes.grain_delay_s`, or as told); records whose
   grain was measured after the pass had ended, or before it began, have none;
3. speed below `SLOW` or above `FAST` of the field's median, or changed by more than `JUMP` from
   the record before (grain lags behind a change of speed);
4. the first and last `RAMP_S` seconds of a pass, in which the machine fills and empties;
5. ground that another pass had harvested before by more than `OVERLAP`; a smaller share makes the
   swath narrower instead;
6. passes of fewer than `SHORT` records;
7. yield more than `FAR_FIELD` robust deviations from the field's median;
8. yield more than `FAR_NEAR` robust deviations from that of the `NEIGHBOURS` nearest records.

Limits are shares of the field's own figures, so that they hold for a rice combine of 2 m at 1 m/s
as for one of 9 m at 2.5 m/s. The total harvested is not touched by all this: it is the sum of what
the sensor told with the header down.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from agri.errors import BadInput
from agri.findings import Finding
from models.harvest_logs.passes import grain_delay_s, harvested_before, pass_numbers

FloatArray = NDArray[np.float64]

SLOW, FAST, JUMP = 0.4, 1.6, 0.2
RAMP_S = 4.0
OVERLAP = 0.5
SHORT = 8
FAR_FIELD, FAR_NEAR = 5.0, 3.0
"""The field's is wide: a weak corner is part of the field, and its neighbours vouch for it."""
NEIGHBOURS = 24
FEWEST = 30
"""Records with the header down that are needed."""
STANDARD_PCT = 14.0
"""Moisture that yields are told at; 14 % is usual for paddy rice."""


class Reason(StrEnum):
    """Why a record is left out."""

    HEADER = "header"
    DELAY = "delay"
    SPEED = "speed"
    ENDS = "ends"
    OVERLAP = "overlap"
    SHORT = "short"
    FIELD = "field"
    NEAR = "near"


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorLog:
    """A combine's log, in the order of time.

    Parameters
    ----------
    x_m, y_m : (N,) float64
        Local metres.
    time_s : (N,) float64
        Any origin.
    flow_kg_s : (N,) float64
        Grain at the sensor, wet.
    interval_s, distance_m, swath_m : (N,) float64
        Since the record before; width cut.
    moisture_pct : (N,) float64
        NaN where not told.
    down : (N,) bool
        Whether the header is down.
    """

    x_m: FloatArray
    y_m: FloatArray
    time_s: FloatArray
    flow_kg_s: FloatArray
    interval_s: FloatArray
    distance_m: FloatArray
    swath_m: FloatArray
    moisture_pct: FloatArray
    down: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class YieldPoints:
    """What was cut where.

    Parameters
    ----------
    kept : (K,) int64
        Which records stay.
    yield_t_ha : (K,) float64
        Dry to the standard moisture, tonnes by the hectare.
    moisture_pct : (K,) float64
        NaN where not told.
    pass_number : (K,) int64
        From 0.
    reasons : dict of Reason to int
        How many were left out, and why.
    records : int
        All there were.
    delay_s : float
        By which grain was put back.
    total_kg : float
        All that was harvested, wet, untouched by cleaning.
    area_m2 : float
        Ground harvested, what was harvested twice counted once.
    deviation_t_ha : (float, float)
        Spread of the yields before and after.
    findings : tuple of Finding
        What deserves a look.
    """

    kept: NDArray[np.int64]
    yield_t_ha: FloatArray
    moisture_pct: FloatArray
    pass_number: NDArray[np.int64]
    reasons: dict[Reason, int]
    records: int
    delay_s: float
    total_kg: float
    area_m2: float
    deviation_t_ha: tuple[float, float]
    findings: tuple[Finding, ...]


class _Sieve:
    """Which records still stay, and why the others do not."""

    def __init__(self, count: int) -> None:
        self.stays = np.ones(count, bool)
        self.reasons: dict[Reason, int] = {}

    def drop(self, wrong: NDArray[np.bool_], reason: Reason) -> None:
        self.reasons[reason] = int((self.stays & wrong).sum())
        self.stays &= ~wrong


def clean_monitor(
    log: MonitorLog, *, delay_s: float | None = None, standard_pct: float = STANDARD_PCT
) -> YieldPoints:
    """Return what a combine cut where, without what cannot be trusted.

    Parameters
    ----------
    log : MonitorLog
        The log.
    delay_s : float or None
        By how long grain is measured after it was cut; None finds it.
    standard_pct : float
        Moisture that yields are told at.

    Raises
    ------
    BadInput
        When fewer than `FEWEST` records have the header down and grain.
    """
    track = pass_numbers(log.x_m, log.y_m, log.time_s, log.down)
    sieve = _Sieve(len(track))
    works = log.down & (log.flow_kg_s > 0.0) & (log.distance_m > 0.0) & (log.swath_m > 0.0)
    sieve.drop(~works, Reason.HEADER)
    if works.sum() < FEWEST:
        raise BadInput("error.monitor_few", count=int(works.sum()), fewest=FEWEST)
    findings: list[Finding] = []
    interval_s = float(np.median(log.interval_s[works]))
    if delay_s is None:
        delay_s = _delay(log, track, works, interval_s, findings)
    grain, moisture = _put_back(log, track, round(delay_s / interval_s), sieve)
    before = np.zeros(len(track))
    before[works] = harvested_before(log.x_m[works], log.y_m[works], log.swath_m[works],
                                     log.distance_m[works], track[works])  # fmt: skip
    area_m2 = log.swath_m * log.distance_m * (1.0 - before)
    dry = np.where(np.isnan(moisture), 1.0, (100.0 - moisture) / (100.0 - standard_pct))
    with np.errstate(divide="ignore", invalid="ignore"):
        yields = 10.0 * grain * dry / area_m2
        raw = 10.0 * log.flow_kg_s * log.interval_s / (log.swath_m * log.distance_m)
    _machine(log, track, sieve, interval_s)
    sieve.drop(before > OVERLAP, Reason.OVERLAP)
    sieve.drop(np.bincount(track, sieve.stays)[track] < SHORT, Reason.SHORT)
    _outliers(log, yields, sieve)
    kept = np.flatnonzero(sieve.stays)
    share = len(kept) / len(track)
    if share < 0.5:
        findings.append(Finding.warning("finding.monitor_much_left_out", percent=100.0 * share))
    if np.isnan(log.moisture_pct[works]).all():
        findings.append(Finding.warning("finding.monitor_no_moisture"))
    return YieldPoints(
        kept=kept, yield_t_ha=yields[kept], moisture_pct=moisture[kept], pass_number=track[kept],
        reasons=sieve.reasons, records=len(track), delay_s=delay_s,
        total_kg=float((log.flow_kg_s * log.interval_s)[works].sum()),
        area_m2=float(area_m2[works].sum()),
        deviation_t_ha=(float(raw[works].std()), float(yields[kept].std()) if len(kept) else 0.0),
        findings=tuple(findings),
    )  # fmt: skip


def _delay(
    log: MonitorLog, track: NDArray[np.int64], works: NDArray[np.bool_], interval_s: float,
    findings: list[Finding],
) -> float:  # fmt: skip
    found = grain_delay_s(log.x_m[works], log.y_m[works], log.flow_kg_s[works], track[works],
                          distance_m=log.distance_m[works], interval_s=interval_s,
                          swath_m=float(np.median(log.swath_m[works])))  # fmt: skip
    if found is None:
        findings.append(Finding.warning("finding.monitor_no_delay"))
    elif found > 0.0:
        findings.append(Finding.info("finding.monitor_delay", delay_s=found))
    elif found < 0.0:
        findings.append(Finding.info("finding.monitor_delay_back", back_s=-found))
    return found or 0.0


def _put_back(
    log: MonitorLog, track: NDArray[np.int64], steps: int, sieve: _Sieve
) -> tuple[FloatArray, FloatArray]:
    """Return the grain and moisture of each record, as measured `steps` records later."""
    there = np.arange(len(track)) + steps
    at = np.clip(there, 0, len(track) - 1)
    lost = (at != there) | (track[at] != track)
    sieve.drop(lost | ~(log.flow_kg_s[at] > 0.0), Reason.DELAY)
    return log.flow_kg_s[at] * log.interval_s, log.moisture_pct[at]


def _machine(log: MonitorLog, track: NDArray[np.int64], sieve: _Sieve, interval_s: float) -> None:
    """Leave out records of unsteady speed, and the ends of passes."""
    with np.errstate(divide="ignore", invalid="ignore"):
        speed = log.distance_m / log.interval_s
        change = np.abs(np.diff(speed)) / speed[:-1]
    usual = np.median(speed[sieve.stays]) if sieve.stays.any() else 1.0
    jumped = np.zeros(len(track), bool)
    jumped[1:] = ~(change <= JUMP) & (track[1:] == track[:-1])
    sieve.drop((speed < SLOW * usual) | (speed > FAST * usual) | jumped, Reason.SPEED)
    at = np.arange(len(track))
    first = np.searchsorted(track, track)
    last = np.searchsorted(track, track, side="right") - 1
    ramp = round(RAMP_S / interval_s)
    sieve.drop((at - first < ramp) | (last - at < ramp), Reason.ENDS)


def _outliers(log: MonitorLog, yields: FloatArray, sieve: _Sieve) -> None:
    """Leave out yields far from the field's, then far from their neighbours'."""
    there = np.flatnonzero(sieve.stays)
    far = np.zeros(len(yields), bool)
    if len(there):
        middle, spread = _robust(yields[there])
        far[there] = np.abs(yields[there] - middle) > FAR_FIELD * spread
    sieve.drop(far, Reason.FIELD)
    there = np.flatnonzero(sieve.stays)
    odd = np.zeros(len(yields), bool)
    if len(there) > NEIGHBOURS:
        places = np.stack([log.x_m, log.y_m], axis=1)[there]
        _, near = cKDTree(places).query(places, k=NEIGHBOURS + 1)
        around = yields[there][near[:, 1:]]
        middle = np.median(around, axis=1)
        spread = 1.4826 * np.median(np.abs(around - middle[:, None]), axis=1)
        odd[there] = np.abs(yields[there] - middle) > FAR_NEAR * np.maximum(spread, 1e-9)
    sieve.drop(odd, Reason.NEAR)


def _robust(values: FloatArray) -> tuple[float, float]:
    middle = float(np.median(values))
    return middle, max(1.4826 * float(np.median(np.abs(values - middle))), 1e-9)
