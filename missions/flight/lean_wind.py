"""The wind as the aircraft's lean tells it, with a drag that it finds out by itself. Pure.

Theory of operation
-------------------
A multicopter has no push but along its rotors. Flying steadily it leans just as much as the air
holds against it; so the horizontal part of its thrust, g · tan(lean), less what accelerates it, is
the air's drag, and points against the way it goes through the air::

    thrust − acceleration = s · u · (1 + u / V0) · (direction of u)        u = airspeed
    wind = ground velocity − u

The two terms are those ArduPilot's own estimator has: drag of the rotors, which grows with speed
(EK3_DRAG_MCOEF), and of the body, which grows with its square (EK3_DRAG_BCOEF). `V0`, where they
are alike, is assumed; the size `s` differs ten times between aircraft and is found in flight: the
wind must come out the same before and after the aircraft has changed its own speed. Every such
change within `APART_S` votes, weighted by its square, for the `s` of a fixed row that leaves the
least difference. A hover after the take-off and the way to the first line are enough. Votes fade,
for a tank empties. Only moments count in which it hardly speeds up or slows down (`STEADY_M_S2`):
attitude and place are not told in the same instant.

Against a real ArduCopter in its own simulator, 5 m/s, wind of 0, 6, 9 and 2 m/s: 0.3, 5.2, 7.7 and
1.8 m/s, some seconds after each step; it is a third off at worst. The autopilot's own estimate
(4.6-dev) came to 0.3, 6.1, 9.4 and stayed at 9.4 for the rest of the flight: a step that large it
takes for an error, and neither rise nor fall of such a size can be left to it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from missions.wire.telemetry import Telemetry

V0_M_S = 6.0
DRAGS_PER_S = tuple(0.02 * 1.25**number for number in range(16))
"""The row of `s`: 0.02 (a slick body without rotor drag) to 0.57."""
SETTLING_S = 5.0
"""Time constant of what is told: a gust of 3 s shows to less than a half."""
MEAN_S = 0.8
"""Over so long thrust and speed are averaged, which also gives the acceleration."""
STEADY_M_S2 = 0.6
APART_S = 7.0
"""So far apart two moments are compared, at most: longer ago the wind itself was another."""
LEAST_CHANGE_M_S = 2.0
ENOUGH = 45.0
"""Votes (squared change of speed times seconds) from which on `s` is believed."""
FADING_S = 120.0
CLOSEST_S, GAP_S = 0.15, 1.5
"""Sightings nearer to each other are one; over a longer gap everything but the votes is dropped."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Ground velocity (m/s) and drag to overcome (m/s²) at one time; east, north."""

    time_s: float
    v_east: float
    v_north: float
    east: float
    north: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LeanWind:
    """What is known by the lean so far.

    Parameters
    ----------
    heard : tuple of Moment
        The last sightings, with thrust in place of drag.
    steady : tuple of Moment
        Means over `MEAN_S`, over `APART_S`.
    misfits : tuple of float
        For each of `DRAGS_PER_S` how much the wind came out different.
    votes : float
        How much that is worth.
    east_m_s, north_m_s : float
        The air's velocity over the ground; NaN while `s` is not known.
    """

    heard: tuple[Moment, ...] = ()
    steady: tuple[Moment, ...] = ()
    misfits: tuple[float, ...] = (0.0,) * len(DRAGS_PER_S)
    votes: float = 0.0
    east_m_s: float = math.nan
    north_m_s: float = math.nan

    @property
    def drag_per_s(self) -> float:
        """The drag's size found; NaN while it is not known."""
        if self.votes < ENOUGH:
            return math.nan
        return DRAGS_PER_S[self.misfits.index(min(self.misfits))]

    @property
    def speed_m_s(self) -> float:
        """How strong the wind is; NaN while that is not known."""
        return math.hypot(self.east_m_s, self.north_m_s)

    @property
    def from_deg(self) -> float:
        """Where it comes from, degrees clockwise from true north, −180 to 180."""
        return math.degrees(math.atan2(-self.east_m_s, -self.north_m_s))


def learn(before: LeanWind, seen: Telemetry) -> LeanWind:
    """Take one sighting of an aircraft in the air.

    Parameters
    ----------
    before : LeanWind
        What was known.
    seen : Telemetry
        The aircraft now; without velocity or attitude nothing is learnt.
    """
    last_s = before.heard[-1].time_s if before.heard else -math.inf
    now = Moment(seen.time_s, seen.v_east_m_s, seen.v_north_m_s,
                 seen.thrust_east_m_s2, seen.thrust_north_m_s2)  # fmt: skip
    whole = math.isfinite(now.v_east + now.v_north + now.east + now.north)
    if not whole or 0.0 <= seen.time_s - last_s < CLOSEST_S:
        return before
    if not 0.0 <= seen.time_s - last_s <= GAP_S:
        return replace(before, heard=(now,), steady=())
    heard = (*(m for m in before.heard if now.time_s - m.time_s <= MEAN_S), now)
    after = replace(before, heard=heard)
    mean = _mean(heard) if len(heard) > 2 else None
    return after if mean is None else _steadied(after, mean, now.time_s - last_s)


def _mean(heard: tuple[Moment, ...]) -> Moment | None:
    """Return the mean of some moments, with what accelerated the aircraft taken off its thrust."""
    first, last, count = heard[0], heard[-1], len(heard)
    span_s = last.time_s - first.time_s
    faster = ((last.v_east - first.v_east) / span_s, (last.v_north - first.v_north) / span_s)
    if math.hypot(*faster) > STEADY_M_S2:
        return None
    return Moment(
        last.time_s,
        math.fsum(m.v_east for m in heard) / count,
        math.fsum(m.v_north for m in heard) / count,
        math.fsum(m.east for m in heard) / count - faster[0],
        math.fsum(m.north for m in heard) / count - faster[1],
    )


def _steadied(before: LeanWind, now: Moment, step_s: float) -> LeanWind:
    steady = (*(m for m in before.steady if now.time_s - m.time_s <= APART_S), now)
    after = _voted(replace(before, steady=steady), now, step_s)
    drag = after.drag_per_s
    if math.isnan(drag):
        return after
    east, north = air(now, drag)
    if math.isnan(after.east_m_s):
        return replace(after, east_m_s=east, north_m_s=north)
    part = 1.0 - math.exp(-step_s / SETTLING_S)
    return replace(
        after,
        east_m_s=after.east_m_s + (east - after.east_m_s) * part,
        north_m_s=after.north_m_s + (north - after.north_m_s) * part,
    )


def _voted(before: LeanWind, now: Moment, step_s: float) -> LeanWind:
    """Let a change of the aircraft's own speed vote on its drag."""
    old = next((m for m in reversed(before.steady) if _apart2(m, now) >= LEAST_CHANGE_M_S**2), None)
    if old is None:
        return before
    keep, weight = math.exp(-step_s / FADING_S), _apart2(old, now) * step_s
    pairs = ((air(now, drag), air(old, drag)) for drag in DRAGS_PER_S)
    misfits = tuple(
        misfit * keep + weight * ((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2)
        for misfit, (a, b) in zip(before.misfits, pairs, strict=True)
    )
    return replace(before, misfits=misfits, votes=before.votes * keep + weight)


def _apart2(one: Moment, other: Moment) -> float:
    return (one.v_east - other.v_east) ** 2 + (one.v_north - other.v_north) ** 2


def air(moment: Moment, drag_per_s: float) -> tuple[float, float]:
    """Return the air's velocity (east, north) that a moment tells, for a size of the drag.

    Examples
    --------
    >>> air(Moment(0.0, 5.0, 0.0, 0.3 * 8.0 * (1.0 + 8.0 / 6.0), 0.0), 0.3)
    (-3.0, 0.0)
    """
    force = math.hypot(moment.east, moment.north)
    if force == 0.0:
        return moment.v_east, moment.v_north
    airspeed = V0_M_S / 2.0 * (math.sqrt(1.0 + 4.0 * force / (drag_per_s * V0_M_S)) - 1.0)
    share = airspeed / force
    return moment.v_east - share * moment.east, moment.v_north - share * moment.north
