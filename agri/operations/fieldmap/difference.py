"""One date less another, in tiles: what became greener and what did not.

Theory of operation. Both maps are laid on the tile's own grid and subtracted there, so
the two files need not share grid, resolution or system. Two maps are only subtracted when they are
of the same index: the same name, the same formula where both tell one, the same range of colours.
The colours' ends are fixed for the index, a quarter of its range on either side of no change, so
one difference can be held against another; where one of the two has no value there is none.

Nothing is moved: where the two maps do not lie on one another to the pixel, edges show as lines.
`agri change` lays one on the other first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput, NotFound
from agri.operations.maps.tiles import (
    DEEPEST,
    Sight,
    coloured,
    empty_tile,
    read_tile,
    webp,
)

SHARE = 0.25
"""Of an index's range: the change that gets the strongest colour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two maps of one index; `later` less `earlier` is shown.

    Parameters
    ----------
    earlier, later : Sight
        Of the same index and range.

    Raises
    ------
    BadInput
        When they cannot be subtracted.
    """

    earlier: Sight
    later: Sight

    def __post_init__(self) -> None:
        one, other = self.earlier, self.later
        both = one.product.kind == other.product.kind == "index"
        if not both or one.title != other.title or one.ends != other.ends or not _alike(one, other):
            raise BadInput("error.difference_apart", one=_called(one), other=_called(other))

    @property
    def ends(self) -> tuple[float, float]:
        """Changes that get the first and the last colour."""
        low, high = self.earlier.ends[0]
        most = SHARE * (high - low)
        return -most, most

    @property
    def sight(self) -> Sight:
        """How the difference is shown."""
        return replace(self.later, ends=(self.ends,), ramp="change")


def _called(sight: Sight) -> str:
    return (sight.title or sight.product.name)[:60]


def _alike(one: Sight, other: Sight) -> bool:
    """Return whether two layers have one formula, as far as both tell theirs."""
    formulas = {_formula(one), _formula(other)} - {""}
    return len(formulas) < 2


def _formula(sight: Sight) -> str:
    for part in sight.product.formula.split(";"):
        name, _, formula = part.partition("=")
        if name.strip() == sight.title:
            return formula.strip()
    return ""


def draw_difference(difference: Difference, z: int, x: int, y: int) -> bytes:
    """Return a tile of a difference, WebP.

    Raises
    ------
    NotFound
        When there is no such tile on the earth.
    BadInput
        When a file is damaged.
    """
    if not (0 <= z <= DEEPEST and 0 <= x < 1 << z and 0 <= y < 1 << z):
        raise NotFound("error.no_tile")
    parts = [read_tile(one, z, x, y) for one in (difference.earlier, difference.later)]
    if parts[0] is None or parts[1] is None:
        return empty_tile()
    (before, seen), (after, seen_too) = parts[0], parts[1]
    known: NDArray[np.bool_] = seen & seen_too
    if not known.any():
        return empty_tile()
    return webp(coloured(difference.sight, after - before, known))
