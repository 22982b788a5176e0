"""Choosing among near equals so that the same field, turned or moved, gives the same plan.

Symmetric fields have directions, orders and starts that are equally good but for the millimetres
that turning coordinates costs. Whoever takes the least of such values takes chance's pick; here
the first of those within a tolerance of the least is taken.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

TIE_M = 0.02
"""Ways that differ by less are equal."""


def first_least(values: Sequence[float] | NDArray[np.float64], tie: float = TIE_M) -> int:
    """Return the index of the first value within `tie` of the least.

    Examples
    --------
    >>> first_least([3.0, 1.001, 1.0])
    1
    """
    given = np.asarray(values, dtype=np.float64)
    return int(np.argmax(given <= given.min() + tie))


def ranked(values: Sequence[float], most: int | None = None, tie: float = TIE_M) -> list[int]:
    """Return the indices of the values from the least on, each time the first of the near equals.

    Examples
    --------
    >>> ranked([3.0, 1.001, 1.0, 2.0], 3)
    [1, 2, 3]
    """
    given = np.asarray(values, dtype=np.float64)
    left = np.ones(len(given), dtype=bool)
    order: list[int] = []
    while left.any() and (most is None or len(order) < most):
        number = first_least(np.where(left, given, np.inf), tie)
        order.append(number)
        left[number] = False
    return order


def seen_from(ground: BaseGeometry, place: tuple[float, float]) -> BaseGeometry:
    """Return the same ground, its rings begun at the corners nearest to a place, near parts first.

    Set operations begin rings wherever their sweep comes by, which turns with the axes.

    Parameters
    ----------
    ground : shapely.Polygon or MultiPolygon
        Local metres.
    place : (east_m, north_m)
        That moves and turns with the ground: the pad.

    Examples
    --------
    >>> seen_from(shapely.box(0, 0, 40, 20), (45.0, 25.0)).exterior.coords[0]
    (40.0, 20.0)
    """
    parts = [part for part in getattr(ground, "geoms", [ground]) if isinstance(part, Polygon)]
    turned = [
        Polygon(_begun(part.exterior, place), _holes(part, place))
        for part in shapely.orient_polygons(parts)
    ]
    turned.sort(key=lambda part: round(float(part.exterior.distance(shapely.Point(place))), 2))
    return turned[0] if len(turned) == 1 else MultiPolygon(turned)


def _holes(part: Polygon, place: tuple[float, float]) -> list[NDArray[np.float64]]:
    """Return a polygon's holes, each begun at its corner nearest to a place, near ones first."""
    here = shapely.Point(place)
    holes = sorted(part.interiors, key=lambda ring: round(float(ring.distance(here)), 2))
    return [_begun(ring, place) for ring in holes]


def _begun(ring: BaseGeometry, place: tuple[float, float]) -> NDArray[np.float64]:
    corners = shapely.get_coordinates(ring)[:-1]
    first = first_least(np.hypot(*(corners - place).T))
    return np.roll(corners, -first, axis=0)
