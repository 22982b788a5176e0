"""How fast legs are flown where it is not simply the speed asked: from rest, short, between runs.

Theory of operation
-------------------
ArduCopter flies each leg between two waypoints as one S-curve from rest to rest, its jerk bounded
by WPNAV_JERK, and blends it with its neighbours where it does not stop. Seen on ArduCopter 4.6-dev:

* From rest to a speed v takes 2 √(v / j), 4 s to 4 m/s with the jerk j of 1 m/s³, as long as that
  asks no more than the acceleration allowed (`change_s`).
* A leg of length d flown for itself is never faster than (d / 2)^⅔ · j^⅓ (`leg_peak_m_s`). Round
  polygons of 8 to 16 corners and 1 to 5 m radius the aircraft kept the speed asked within 3 % up to
  0.84 of that peak; at 0.92 it was 7 % short, above the peak 12 to 30 %. A pump that holds its flow
  gives so much more than asked. `steady_m_s` is the speed that is kept.
* A speed that was told stays until another is. Behind a ring flown at half a metre a second the way
  to the next tree is flown no faster unless it is told (`transit_speeds`).
* A slower speed told at a corner comes too late for the leg behind it, which has begun already: it
  is flown on to the top of its S-curve. A ring entered from a way at 2 m/s was begun at 1 m/s
  instead of 0.4 and got 11 % too little. A run slower than the way to it therefore begins from a
  stop, where no leg has begun (`begins_at_rest`); so does one that is come to too fast for its
  run-up (`missions.passes.flight`).
"""

from __future__ import annotations

import math
from itertools import pairwise

from missions.passes.flight import Flight, Run
from missions.passes.timing import JERK_M_S3

STEADY = 0.8
"""Share of a short leg's peak up to which the speed asked is kept."""
STOP_S = 1.0
"""How long a run without run-out stops at its end."""
HURRY_S = 5.0
"""A way between runs is flown at the job's speed where that saves more than this: stopping at its
end costs as much."""
SLOWER = 0.9
"""A run at less than this share of the speed before it begins from a stop."""


def leg_peak_m_s(length_m: float) -> float:
    """Return the speed that a leg flown from rest to rest reaches when only jerk bounds it.

    Examples
    --------
    >>> leg_peak_m_s(2.0), leg_peak_m_s(16.0)
    (1.0, 4.0)
    """
    return float((length_m / 2.0) ** (2.0 / 3.0) * JERK_M_S3 ** (1.0 / 3.0))


def steady_m_s(leg_m: float) -> float:
    """Return the greatest speed that is kept round a ring with legs of a length.

    Examples
    --------
    >>> round(steady_m_s(0.8), 2)
    0.43
    """
    return STEADY * leg_peak_m_s(leg_m)


def change_s(speed_m_s: float, acceleration_m_s2: float) -> float:
    """Return how long it takes to come to a speed from rest, or to rest, jerk bounded.

    Examples
    --------
    >>> change_s(4.0, 2.5), change_s(10.0, 2.5)
    (4.0, 6.5)
    """
    if speed_m_s * JERK_M_S3 < acceleration_m_s2**2:
        return 2.0 * math.sqrt(speed_m_s / JERK_M_S3)
    return speed_m_s / acceleration_m_s2 + acceleration_m_s2 / JERK_M_S3


def from_rest_m_s2(length_m: float, speed_m_s: float, acceleration_m_s2: float) -> float:
    """Return the mean acceleration from rest to a speed, or to what a leg's length allows.

    Examples
    --------
    >>> from_rest_m_s2(100.0, 4.0, 2.5), from_rest_m_s2(2.0, 4.0, 2.5)
    (1.0, 0.5)
    """
    top = min(speed_m_s, leg_peak_m_s(length_m))
    return top / change_s(top, acceleration_m_s2) if top > 0.0 else acceleration_m_s2


def transit_speeds(flown: Flight, job_m_s: float) -> list[float]:
    """Return the speed of each transit of a flight.

    It is the job's, also behind rings or swaths that are flown slower; only where the way is so
    short that hurrying saves next to nothing is the slower speed kept on.

    Parameters
    ----------
    flown : Flight
        As it is flown.
    job_m_s : float
        The job's speed.
    """
    now = job_m_s
    found = [now]
    for run, way in zip(flown.runs, flown.transits[1:], strict=True):
        if not run.is_spot:
            now = run.passes[-1].speed_m_s
        length_m = sum(math.dist(a, b) for a, b in pairwise(way))
        if now > job_m_s or length_m * (1.0 / now - 1.0 / job_m_s) > HURRY_S:
            now = job_m_s
        found.append(now)
    found[-1] = job_m_s
    return found


def begins_at_rest(run: Run, way_m_s: float) -> bool:
    """Return whether a run begins from a stop: it is much slower than the way, or come to too fast.

    Examples
    --------
    >>> from missions.passes.route import Pass
    >>> ring = Pass(points=((0, 0), (9, 0)), width_m=4.0, rate_l_ha=80.0, speed_m_s=0.5)
    >>> run = Run(points=ring.points, passes=(ring,))
    >>> begins_at_rest(run, 2.0), begins_at_rest(run, 0.5)
    (True, False)
    """
    slower = not run.is_spot and run.passes[0].speed_m_s < SLOWER * way_m_s
    return run.from_rest or slower
