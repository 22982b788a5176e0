"""Ways between many pairs of places, inside one region.

Most ways between passes are straight: all are tried at once, and only those that something bars
are searched for (`missions.route.shortest_way`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import shapely
from shapely.geometry.base import BaseGeometry

from agri.errors import Refused
from missions.route import TOLERANCE_M, Place, shortest_way


def ways(region: BaseGeometry, pairs: Sequence[tuple[Place, Place]]) -> list[tuple[Place, ...]]:
    """Return the shortest way inside `region` for each pair of places.

    Raises
    ------
    Refused
        When there is none.
    """
    roomy = region.buffer(TOLERANCE_M, join_style="mitre")
    shapely.prepare(roomy)
    free = shapely.covers(roomy, shapely.linestrings(pairs))
    found: list[tuple[Place, ...]] = []
    for (start, end), straight in zip(pairs, free, strict=True):
        way = (start, end) if straight else shortest_way(region, start, end)
        if way is None:
            raise Refused("error.no_way", distance_m=math.dist(start, end))
        found.append(way)
    return found
