"""Whether zones are the same from date to date.

A zone that shows on one date may be a cloud's shadow or a wet spell. Every date is divided by
itself into the same number of classes (numbered from the least values up, so that they can be
compared); what share of the dates gives a cell its commonest class is its stability, and Cohen's
kappa tells for each two dates how far their maps agree beyond chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from imagery.zones.clustering import Method, agreement, classify

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stability:
    """How far zones of several dates agree.

    Parameters
    ----------
    dates : tuple of str
    labels : (D, H, W) intp
        Each date's classes, −1 where there is none.
    commonest : (H, W) intp
        The class of most dates; of several the lowest.
    share : (H, W) float64
        Of the dates with data, those that have the commonest class; NaN without data.
    kappa : (D, D) float64
        Agreement of each two dates, 1 for the same.
    """

    dates: tuple[str, ...]
    labels: IntArray
    commonest: IntArray
    share: FloatArray
    kappa: FloatArray

    @property
    def mean(self) -> float:
        """Mean stability of the field's cells."""
        return float(np.nanmean(self.share))


def stability(
    values: FloatArray, dates: Sequence[str], *, classes: int, method: Method = "fuzzy"
) -> Stability:
    """Divide every date into classes and compare.

    Parameters
    ----------
    values : (H, W, D) float64
        One layer for each date; NaN where there is none.
    dates : sequence of str
        Their names.
    classes : int
        How many.
    method : {"fuzzy", "ward"}

    Raises
    ------
    BadInput
        When there are fewer than two dates, or as `imagery.zones.clustering.classify`.

    Examples
    --------
    >>> one = np.repeat([[0.2, 0.2, 0.2, 0.8, 0.8, 0.8]], 4, axis=0)
    >>> found = stability(np.stack([one, 1.1 * one], axis=2), ("a", "b"), classes=2)
    >>> found.mean, float(found.kappa[0, 1])
    (1.0, 1.0)
    """
    if values.shape[2] != len(dates) or len(dates) < 2:
        raise BadInput("error.zones_dates", count=len(dates))
    found = np.stack(
        [
            classify(values[:, :, k : k + 1], classes=classes, method=method).labels
            for k in range(len(dates))
        ]
    )
    votes = np.stack([(found == k).sum(axis=0) for k in range(classes)])
    told = votes.sum(axis=0)
    share = np.where(told > 0, votes.max(axis=0) / np.maximum(told, 1), np.nan)
    kappa = np.array([[agreement(one, other) for other in found] for one in found])
    commonest = np.where(told > 0, votes.argmax(axis=0), -1).astype(np.intp)
    return Stability(
        dates=tuple(dates), labels=found, share=share, kappa=kappa, commonest=commonest
    )
