"""Choosing among near equals so that the same field, turned or moved, gives the same plan.

Symmetric fields have directions, orders and starts that are equally good but for the millimetres
that turning coordinates costs. Whoever takes the least of such values takes chance's pick; here
the first of those within a tolerance of the least is taken.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

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
