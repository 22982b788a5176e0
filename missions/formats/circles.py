"""A fence circle as a ring of places, for formats that know no circles."""

from __future__ import annotations

import math

from agri.geo import LocalFrame, LonLat
from missions.flightplan import FenceCircle

SIDES = 72
"""Sides of the ring; it runs on the circle within 0.1 % of the radius."""


def circle_ring(circle: FenceCircle) -> tuple[LonLat, ...]:
    """Return the circle as a ring of places, not closed, counter-clockwise from east.

    Parameters
    ----------
    circle : FenceCircle
        Centre and radius in metres on the ground.

    Returns
    -------
    tuple of LonLat
        `SIDES` places.
    """
    frame = LocalFrame(circle.centre)
    turns = [math.tau * side / SIDES for side in range(SIDES)]
    return tuple(
        frame.place(circle.radius_m * math.cos(turn), circle.radius_m * math.sin(turn))
        for turn in turns
    )
