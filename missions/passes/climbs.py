"""What ground that is not level adds to the time and energy of a spraying.

Theory of operation
-------------------
`missions.passes.energy` reckons a level flight: up to the flying height, along, down. Over a height
file every metre the aircraft rises besides is paid as lift of the full tank's mass; what sinking
gives back is not counted. Between take-off and the way home no time is added: the legs are planned
no steeper than the aircraft climbs and sinks at the job's speed (`missions.terrain.model`). The way
home takes the climb on the spot, and the landing from up there.

It is read off the items, so whatever was planned is counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from missions.energy import EFFICIENCY, GRAVITY_M_S2
from missions.items import Command, MissionItem
from missions.passes.energy import KG_PER_L, hover_power_w, landing_cost
from missions.sprayer.job import SprayEstimate, SpraySettings

HEIGHTS = (Command.NAV_TAKEOFF, Command.NAV_WAYPOINT)
"""Items whose height is flown to."""


def ascent_m(items: Sequence[MissionItem]) -> float:
    """Return how many metres a flight rises in all, take-off counted.

    Examples
    --------
    >>> up = MissionItem(command=Command.NAV_TAKEOFF, z=3.0)
    >>> on = [MissionItem(command=Command.NAV_WAYPOINT, z=z) for z in (4.0, 1.0, 2.5)]
    >>> ascent_m([up, *on])
    5.5
    """
    return sum(max(0.0, high - low) for low, high in pairwise([0.0, *_heights(items)]))


def _heights(items: Sequence[MissionItem]) -> Iterator[float]:
    yield from (item.z for item in items if item.command in HEIGHTS)


def with_climbs(
    estimate: SprayEstimate, items: Sequence[MissionItem], settings: SpraySettings
) -> SprayEstimate:
    """Return an estimate of a level flight with what its heights add.

    Parameters
    ----------
    estimate : SprayEstimate
        Of the same flight over level ground (`missions.passes.energy.estimate_spray`).
    items : sequence of MissionItem
        The flight, heights above home.
    settings : SpraySettings
        The job's.
    """
    aircraft, level_m = settings.sprayer.aircraft, settings.flying_height_m
    full_kg = aircraft.mass_kg + KG_PER_L * (estimate.litres + settings.sprayer.dead_l)
    heights = list(_heights(items))
    mass = np.array([full_kg])
    high_s, high_wh = landing_cost(aircraft, mass, max(heights[-1], level_m))
    low_s, low_wh = landing_cost(aircraft, mass, level_m)
    on_the_spot_s = _climbed_on_the_spot_m(items) / aircraft.climb_m_s
    lift_j = full_kg * GRAVITY_M_S2 * max(0.0, ascent_m(items) - level_m) / EFFICIENCY
    hover_wh = float(hover_power_w(aircraft, mass)[0]) * on_the_spot_s / 3600.0
    return replace(
        estimate,
        time_s=estimate.time_s + on_the_spot_s + high_s - low_s,
        energy_wh=estimate.energy_wh + hover_wh + float((high_wh - low_wh)[0]) + lift_j / 3600.0,
    )


def _climbed_on_the_spot_m(items: Sequence[MissionItem]) -> float:
    """Return how far the way home climbs before it goes anywhere."""
    flown = [item for item in items if item.command in HEIGHTS]
    return sum(
        max(0.0, item.z - before.z)
        for before, item in pairwise(flown)
        if item.command == Command.NAV_WAYPOINT and not (item.x or item.y)
    )
