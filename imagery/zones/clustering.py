"""How many kinds of ground there are in a field, and which cell is of which.

Theory of operation
-------------------
Every cell of a lattice has a few numbers (an index, or one for each date). They are brought to
one scale and divided into c classes, for c = 2 to the most asked for, by one of

* fuzzy c-means (Bezdek 1981) with exponent 2: every cell belongs to every class by a share, u. The
  spatial form (Chuang et al. 2006, p = q = 1) multiplies u in every round by the mean u of the
  3 × 3 cells around, so that a single odd cell follows its neighbours;
* Ward's clustering of neighbours only (scikit-learn, connectivity of the lattice): classes are
  connected areas.

The number of classes is chosen by a criterion, and the whole curve is returned so that a person can
judge it:

* the fuzziness performance index, FPI = 1 − (c F − 1) / (c − 1), F = mean of Σ u² (Roubens 1982):
  0 where cells belong wholly to one class;
* the normalised classification entropy, NCE = H / ln c, H = − mean of Σ u ln u: 0 likewise. Both
  are least where classes are most distinct (Odeh et al. 1992; Fridgen et al. 2004). They are taken
  from the shares that distance alone gives, without neighbours. The number with the least mean of
  the two is chosen;
* the mean silhouette (Rousseeuw 1987) of at most `SAMPLE` cells evenly taken, greatest is best.

Which kinds there are is found on medians of as many cells in a row as are given (``along``: the
least run of the sprayer), because cells that are a part of a run carry much of the noise of single
rows and gaps, and a wide scatter within one kind would pass for two kinds. Means would do so too,
but at every border they make ground that is neither: where weak growth lies beside strong, a kind
between them that nobody planted. Each cell's shares then come from its own numbers, so that a
border still lies where the crop changes.

Nothing is drawn by chance: class centres begin at quantiles along the first principal axis.
Classes are numbered by the mean of their cells' first number, the least first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
Method = Literal["fuzzy", "ward"]
Criterion = Literal["fuzziness", "silhouette"]

ROUNDS = 300
SETTLED = 1e-5
"""Change of the shares at which fuzzy c-means ends."""
SAMPLE = 2000
"""Cells of which silhouettes are taken."""
MAX_CLASSES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What speaks for one number of classes.

    Parameters
    ----------
    classes : int
    fpi, nce : float
        Fuzziness performance index and normalised classification entropy, 0 (distinct) to 1.
    silhouette : float
        −1 to 1 (distinct).
    """

    classes: int
    fpi: float
    nce: float
    silhouette: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Classes:
    """Cells in classes.

    Parameters
    ----------
    labels : (H, W) intp
        0 is the class with the least values; −1 where a cell has none.
    shares : (H, W, C) float64
        How much a cell belongs to each class; sums to 1, NaN where there is none.
    curve : tuple of Choice
        What was weighed.
    criterion : {"fuzziness", "silhouette", "given"}
        By what the number was chosen.
    """

    labels: IntArray
    shares: FloatArray
    curve: tuple[Choice, ...]
    criterion: str

    @property
    def number(self) -> int:
        """How many classes there are."""
        return int(self.shares.shape[2])


def classify(
    values: FloatArray,
    *,
    classes: int | None = None,
    most: int = 6,
    method: Method = "fuzzy",
    criterion: Criterion = "fuzziness",
    spatial: bool = True,
    along: int = 1,
) -> Classes:
    """Divide cells into classes.

    Parameters
    ----------
    values : (H, W, L) float64
        NaN where a cell has no value in a layer; such cells get no class.
    classes : int, optional
        How many; None chooses by the criterion.
    most : int
        Most classes weighed, at most 8.
    method : {"fuzzy", "ward"}
    criterion : {"fuzziness", "silhouette"}
    spatial : bool
        Whether neighbours count in fuzzy c-means.
    along : int
        Of how many cells in a row medians are taken to find what kinds there are; see above.

    Returns
    -------
    Classes

    Raises
    ------
    BadInput
        When there are too few cells with values, they are all the same, or the number makes no
        sense.

    Examples
    --------
    >>> west = np.concatenate([np.full((6, 5, 1), 0.3), np.full((6, 5, 1), 0.8)], axis=1)
    >>> found = classify(west + 0.01 * np.sin(np.arange(60)).reshape(6, 10, 1), most=4)
    >>> found.number, found.labels[0].tolist()
    (2, [0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    """
    told: NDArray[np.bool_] = np.asarray(~np.isnan(values).any(axis=2))
    _check(values, told, classes, most)
    steady = _along(values, told, along)[told]
    features, calm = _scaled(values[told], steady), _scaled(steady, steady)
    numbers = [classes] if classes is not None else list(range(2, most + 1))
    tried = {number: _divide(features, calm, told, number, method, spatial=spatial)
             for number in numbers}  # fmt: skip
    curve = tuple(_weigh(features, number, shares) for number, shares in tried.items())
    best = classes if classes is not None else _best(curve, criterion)
    shares = _ordered(tried[best], values[told][:, 0])
    labels = np.full(told.shape, -1, dtype=np.intp)
    labels[told] = shares.argmax(axis=1)
    spread = np.full((*told.shape, best), np.nan)
    spread[told] = shares
    return Classes(labels=labels, shares=spread, curve=curve,
                   criterion="given" if classes is not None else criterion)  # fmt: skip


def _check(values: FloatArray, told: NDArray[np.bool_], classes: int | None, most: int) -> None:
    number = classes if classes is not None else most
    if not 2 <= number <= MAX_CLASSES:
        raise BadInput("error.zones_number", value=number, most=MAX_CLASSES)
    if told.sum() < 4 * number:
        raise BadInput("error.zones_few_cells", count=int(told.sum()), need=4 * number)
    if not (np.ptp(values[told], axis=0) > 1e-9).any():
        raise BadInput("error.zones_all_same")


def _along(values: FloatArray, told: NDArray[np.bool_], length: int) -> FloatArray:
    """Return the median of as many cells in a row as asked, about each cell that has a value."""
    if length <= 1:
        return values
    beside = length // 2
    known = np.where(told[..., None], values, np.nan)
    wide = np.pad(known, ((0, 0), (beside, beside), (0, 0)), constant_values=np.nan)
    rows = np.lib.stride_tricks.sliding_window_view(wide, 2 * beside + 1, axis=1)
    found = np.full(values.shape, np.nan)
    found[told] = np.nanmedian(rows[told], axis=-1)
    return found


def _scaled(features: FloatArray, measure: FloatArray) -> FloatArray:
    """Bring layers to a measure's mean 0 and deviation 1; one that is all the same is nothing."""
    sd = measure.std(axis=0)
    found: FloatArray = (features - measure.mean(axis=0)) / np.where(sd > 1e-12, sd, 1.0)
    return found


def _beginnings(features: FloatArray, number: int) -> FloatArray:
    """Return class centres at quantiles along the first principal axis."""
    _, _, axes = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)
    axis = axes[0] * (1.0 if axes[0][np.argmax(np.abs(axes[0]))] > 0 else -1.0)
    order = np.argsort(features @ axis, kind="stable")
    parts = np.array_split(order, number)
    return np.array([features[part].mean(axis=0) for part in parts])


def _memberships(features: FloatArray, centres: FloatArray) -> FloatArray:
    """Return fuzzy c-means' shares for exponent 2: inverse squared distances, summing to 1."""
    apart = ((features[:, None, :] - centres[None]) ** 2).sum(axis=2)
    near = 1.0 / np.maximum(apart, 1e-18)
    found: FloatArray = near / near.sum(axis=1, keepdims=True)
    return found


def _divide(
    features: FloatArray,
    calm: FloatArray,
    told: NDArray[np.bool_],
    number: int,
    method: Method,
    *,
    spatial: bool,
) -> FloatArray:
    if method == "ward":
        return _ward(features, told, number)
    centres = _beginnings(calm, number)
    shares = _memberships(calm, centres)
    for _ in range(ROUNDS):
        weights = (_with_neighbours(shares, told) if spatial else shares) ** 2
        centres = (weights.T @ calm) / weights.sum(axis=0)[:, None]
        moved = _memberships(calm, centres)
        change, shares = float(np.abs(moved - shares).max()), moved
        if change < SETTLED:
            break
    shares = _memberships(features, centres)
    return _with_neighbours(shares, told) if spatial else shares


def _with_neighbours(shares: FloatArray, told: NDArray[np.bool_]) -> FloatArray:
    """Multiply shares by the mean share of the 3 × 3 cells around, and bring the sum to 1."""
    height, width = told.shape
    picture = np.zeros((height + 2, width + 2, shares.shape[1]))
    picture[1:-1, 1:-1][told] = shares
    around = sum(picture[r : r + height, c : c + width] for r in range(3) for c in range(3))
    both = shares * np.asarray(around)[told]
    found: FloatArray = both / np.maximum(both.sum(axis=1, keepdims=True), 1e-300)
    return found


def _ward(features: FloatArray, told: NDArray[np.bool_], number: int) -> FloatArray:
    """Return shares of Ward's classes: distances to their means, but the own class the greatest."""
    from sklearn.cluster import AgglomerativeClustering
    from sklearn.feature_extraction.image import grid_to_graph

    graph = grid_to_graph(*told.shape, mask=told)
    model = AgglomerativeClustering(n_clusters=number, linkage="ward", connectivity=graph)
    labels: IntArray = model.fit_predict(features)
    centres = np.array([features[labels == k].mean(axis=0) for k in range(number)])
    shares = _memberships(features, centres)
    own = shares.max(axis=1) + 1e-6
    shares[np.arange(len(labels)), labels] = own
    found: FloatArray = shares / shares.sum(axis=1, keepdims=True)
    return found


def _weigh(features: FloatArray, number: int, shares: FloatArray) -> Choice:
    labels = shares.argmax(axis=1)
    weights = shares**2
    centres = (weights.T @ features) / np.maximum(weights.sum(axis=0)[:, None], 1e-300)
    plain = _memberships(features, centres)
    partition = float((plain**2).sum(axis=1).mean())
    entropy = float(-(plain * np.log(np.maximum(plain, 1e-300))).sum(axis=1).mean())
    return Choice(
        classes=number,
        fpi=1.0 - (number * partition - 1.0) / (number - 1.0),
        nce=entropy / float(np.log(number)),
        silhouette=_silhouette(features, labels),
    )


def _silhouette(features: FloatArray, labels: IntArray) -> float:
    from sklearn.metrics import silhouette_score

    step = max(1, -(-len(labels) // SAMPLE))
    few, of = features[::step], labels[::step]
    if len(np.unique(of)) < 2 or len(np.unique(of)) >= len(of):
        return -1.0
    return float(silhouette_score(few, of))


def _best(curve: Sequence[Choice], criterion: Criterion) -> int:
    if criterion == "silhouette":
        return max(curve, key=lambda choice: choice.silhouette).classes
    return min(curve, key=lambda choice: choice.fpi + choice.nce).classes


def _ordered(shares: FloatArray, first: FloatArray) -> FloatArray:
    """Return the classes in the order of their first layer's mean."""
    means = (shares.T @ first) / np.maximum(shares.sum(axis=0), 1e-300)
    return shares[:, np.argsort(means, kind="stable")]


def agreement(first: IntArray, second: IntArray) -> float:
    """Return Cohen's kappa of two maps of classes where both have one, 1 for the same.

    Parameters
    ----------
    first, second : (H, W) intp
        −1 where there is none.

    Examples
    --------
    >>> agreement(np.array([[0, 1, 1]]), np.array([[0, 1, -1]]))
    1.0
    """
    both = (first >= 0) & (second >= 0)
    if not both.any():
        return float("nan")
    number = int(max(first[both].max(), second[both].max())) + 1
    counts: Any = np.zeros((number, number))
    np.add.at(counts, (first[both], second[both]), 1.0)
    counts /= counts.sum()
    chance = float(counts.sum(axis=0) @ counts.sum(axis=1))
    alike = float(np.trace(counts))
    return 1.0 if chance >= 1.0 else (alike - chance) / (1.0 - chance)
