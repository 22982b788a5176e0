"""When the pump must be told, and how fast the aircraft is there.

Theory of operation
-------------------
Seen on ArduCopter 4.6-dev (default WPNAV_ACCEL 2.5, WPNAV_JERK 1, WPNAV_RADIUS 2), logged at 50 Hz:

* From the corner at which a leg begins (1.1 to 1.3 m/s are kept through it) the speed is near
  sqrt(1.2² + 2 · 1.35 · far), up to the leg's: 3.7 m/s after 3.5 m, 4.1 to 4.4 after 5.5 m.
  `RUN_UP_M_S2` makes the run-up 6.25 m at 5 m/s, 3.5 m at 3 m/s, where the room is there.
* **On** takes effect 0.33 to 0.67 s after DO_SPRAYER 1, evenly spread: the sprayer looks three
  times a second; the first look sees speed above SPRAY_SPEED_MIN, the next finds 0.1 s passed and
  turns the pump. Of 32 switchings the mean was 0.50 s. **Off** is at once.
* The hose gives full flow, and the last drop, `hose_s` after the pump.

* A gentle bend is taken at the speed the leg before it reached, and a short one reaches little: an
  S-curve from rest to rest with a jerk of 1 m/s³ tops at (L/2)^(2/3). At a bend of 10° behind a
  corner and a leg of 4, 8, 15 and 40 m it came at 1.5, 2.4, 3.2 and 3.2 m/s, asked for 4; the
  swath behind it then began as for full speed behind the longest alone.

So the order to spray is given ``v · (0.5 + 0.1 + hose)`` before the swath begins (0.1 s on the
safe side, 0.4 m at most), less what the aircraft still gains in that time, and the order to stop
``v · hose`` before it ends. At 5 m/s the swath begins 1.2 m before to 0.4 m behind its line.

**Orders that a bend eats.** What is held back when a waypoint is reached is forgotten; one flown
through is reached when the target is there, the aircraft a little behind. Of 150 orders 0.05 to 3 m
before a bend of 5 to 30°, at 0.4 to 6 m/s, in still air and in gusts of 7 m/s, most nearer than
0.2 m were lost and none further than 0.3 m; with position control half as stiff some at 0.7 m, at
6 m/s (0.12 s). At a right angle 0.5 m is lost too; before a stop nothing is. An order to begin
keeps `on_lost_m` from a bend, four times the worst; one to stop or to slow down `NEAR_M`, because
what is ordered off must be off.
"""

from __future__ import annotations

import math

from missions.passes.route import Pass
from missions.sprayer.gear import PumpControl, Sprayer

PUMP_ON_S = 0.5
"""From DO_SPRAYER 1 to a turning pump, mean; it spreads by `PUMP_JITTER_S` to either side."""
PUMP_JITTER_S = 1.0 / 6.0
EARLY_S = 0.1
"""How much sooner than its mean the pump is told to begin: a metre sprayed twice where the ground
before is sprayed anyhow weighs less than a metre missed. Over the reference fields it lifts what
is sprayed from 99.4 to 99.7 % and the dose's CV by 0.5 points."""
EARLY_M = 0.4
"""But no further than this before the swath: at the border what comes before it is a neighbour's,
and `missions.checks.spray` lets a stretch begin half a metre off."""
ROUNDING_M = 0.05
"""What places and orders rounded on the wire may add to a pass."""
RUN_UP_M_S2 = 2.0
"""A run-up is as long as this acceleration takes to the pass's speed."""
GAIN_M_S2 = 1.35
"""Acceleration over the first metres of a leg, as measured: S-curves begin gently."""
NEAR_M = 3.0
"""An order nearer to the next waypoint than this may be lost: WPNAV_RADIUS, by which corners are
cut, and what the aircraft lags behind its target."""
LOST_S, LOST_M = 0.5, 0.5
"""An on in less time, or nearer, before a bend may be lost."""
JERK_M_S3 = 1.0
"""WPNAV_JERK, by which a leg's speed grows."""
CORNER_M_S = 1.2
"""Speed kept through a sharp corner."""


def speed_after(far_m: float, speed_m_s: float) -> float:
    """Return the speed at a distance from a leg's beginning.

    Examples
    --------
    >>> round(speed_after(5.5, 5.0), 1), speed_after(50.0, 5.0)
    (4.0, 5.0)
    """
    return min(speed_m_s, math.sqrt(CORNER_M_S**2 + 2.0 * GAIN_M_S2 * max(0.0, far_m)))


def full_leg_m(speed_m_s: float) -> float:
    """Return how long a leg must be for its speed to be kept through a gentle bend at its end.

    Examples
    --------
    >>> full_leg_m(4.0), full_leg_m(1.0)
    (16.0, 2.0)
    """
    return 2.0 * math.sqrt(speed_m_s**3 / JERK_M_S3)


def run_up_m(speed_m_s: float) -> float:
    """Return how long a run-up is made where there is room."""
    return max(NEAR_M + 0.5, speed_m_s**2 / (2.0 * RUN_UP_M_S2))


def on_before_m(
    lead_m: float,
    speed_m_s: float,
    hose_s: float,
    *,
    pump_s: float = PUMP_ON_S,
    before_m: float = 0.0,
) -> float:
    """Return how far before a swath's beginning the sprayer is switched on.

    Parameters
    ----------
    lead_m : float
        Run-up there is.
    speed_m_s : float
        Speed of the pass.
    hose_s : float
        From pump to full flow at the nozzle.
    pump_s : float
        From the order to a turning pump, mean; a plain servo turns at once.
    before_m : float
        How far before the run-up the last corner lies.

    Examples
    --------
    >>> on_before_m(100.0, 4.0, 0.3), on_before_m(100.0, 4.0, 0.3, pump_s=0.0)
    (3.6, 1.6)
    >>> round(on_before_m(4.0, 5.0, 0.3), 2)
    2.56
    """
    left_s = pump_s + early_m(speed_m_s) / speed_m_s + hose_s
    here_m, step_s = 0.0, 0.01
    while left_s > 1e-9 and here_m < lead_m:
        from_corner_m = before_m + lead_m - here_m
        here_m += speed_after(from_corner_m, speed_m_s) * min(step_s, left_s)
        left_s -= step_s
    return round(min(here_m, lead_m), 3)


def on_lost_m(speed_m_s: float) -> float:
    """Return how near before a bend an order to begin may be lost.

    Examples
    --------
    >>> on_lost_m(0.4), on_lost_m(4.0), on_lost_m(8.0)
    (0.5, 2.0, 3.0)
    """
    return min(NEAR_M, max(LOST_M, LOST_S * speed_m_s))


def on_from_corner_m(speed_m_s: float, hose_s: float, *, pump_s: float = PUMP_ON_S) -> float:
    """Return how far before a swath's beginning an order to begin is given at a corner.

    Examples
    --------
    >>> round(on_from_corner_m(5.0, 0.3), 2), round(on_from_corner_m(1.0, 0.3), 2)
    (1.57, 0.9)
    """
    left_s = pump_s + early_m(speed_m_s) / speed_m_s + hose_s
    return round(gone_m(0.0, speed_m_s, left_s), 3)


def gone_m(from_corner_m: float, speed_m_s: float, time_s: float) -> float:
    """Return how far the aircraft gets in a time, some way past a corner.

    Examples
    --------
    >>> round(gone_m(50.0, 4.0, 0.5), 3), round(gone_m(0.0, 4.0, 1.0), 2)
    (2.0, 1.87)
    """
    far_m, step_s = 0.0, 0.01
    for _ in range(round(time_s / step_s)):
        far_m += speed_after(from_corner_m + far_m, speed_m_s) * step_s
    return far_m


def early_m(speed_m_s: float) -> float:
    """Return how far before a swath's beginning it is sprayed on purpose.

    Examples
    --------
    >>> early_m(2.0), early_m(6.0)
    (0.2, 0.4)
    """
    return min(EARLY_S * speed_m_s, EARLY_M)


def early_l(work: Pass) -> float:
    """Return what a pass takes by beginning early, rounding on the wire counted; 0 for a spot."""
    if work.is_spot:
        return 0.0
    return work.litres / work.length_m * (early_m(work.speed_m_s) + ROUNDING_M)


def off_before_m(tail_m: float, speed_m_s: float, hose_s: float, *, after_m: float = 0.0) -> float:
    """Return how far before a swath's end the sprayer is switched off.

    The speed is that at the order, before the aircraft slows for the corner `after_m` behind the
    run-out: so the last drop rather falls a little short than beyond.

    Examples
    --------
    >>> off_before_m(0.0, 5.0, 0.3), off_before_m(3.5, 5.0, 0.3)
    (0.36, 1.16)
    >>> off_before_m(3.5, 5.0, 0.3, after_m=50.0)
    1.5
    """
    slowing_m = speed_m_s * hose_s if tail_m > 0.0 else 0.0
    return round(speed_after(tail_m + slowing_m + after_m, speed_m_s) * hose_s, 3)


def pump_on_s(sprayer: Sprayer) -> float:
    """Return the mean time from the order to a turning pump; a plain servo turns at once."""
    return 0.0 if sprayer.control is PumpControl.SERVO else PUMP_ON_S


def full_after_s(sprayer: Sprayer) -> float:
    """Return the time from the order to spray to full flow at the nozzle, mean, seconds.

    Examples
    --------
    >>> from missions.catalogue import sprayer
    >>> full_after_s(sprayer("16 L hexa"))
    0.8
    """
    return sprayer.hose_s + pump_on_s(sprayer)
