"""Zones that an aircraft can follow: no speckles, no zone too small, no change of rate too soon.

Theory of operation
-------------------
Rows of the lattice are passes, columns lie along them. In rounds, until nothing changes:

* a run of cells of one class along a pass that is shorter than the pump can follow goes to the run
  before or after it, whichever its cells belong to more;
* a connected piece of a class (sides, not corners) that is smaller than the least zone goes to the
  class with which it has the longest border.

Before, each cell settles among its neighbours (Besag 1986, iterated conditional modes): it takes
the class for which its own share, and the share of its four neighbours that are of that class times
the asked weight, come to most. A single odd cell follows those around it, but a belt only one cell
wide, between a weak zone and a strong one, stays: half of each cell's neighbours are its own. (The
mean of shares over 3 × 3 cells drowns such belts.) Pieces that have no
neighbour (islands of a field) stay as they are. At the end no piece is too small; a run may be
short only where the field itself is.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

ROUNDS = 100
"""More rounds are never needed on real fields; it bounds the work."""


def shaped(
    shares: FloatArray,
    cell_m2: FloatArray,
    *,
    least_zone_m2: float,
    least_run: int = 1,
    smoothing: float = 1.0,
) -> IntArray:
    """Return classes of cells that an aircraft can follow.

    Parameters
    ----------
    shares : (H, W, C) float64
        How much a cell belongs to each class; NaN where it has none.
    cell_m2 : (H, W) float64
        How much of each cell lies in the field.
    least_zone_m2 : float
        Smallest connected piece.
    least_run : int
        Fewest cells of one class in a row along a pass.
    smoothing : float
        How much all four neighbours together count beside the cell's own share; 0 for nothing.

    Returns
    -------
    (H, W) intp
        Class from 0, −1 where there is none.

    Examples
    --------
    >>> shares = np.zeros((3, 6, 2)); shares[:, :3, 0] = shares[:, 3:, 1] = 1.0
    >>> shares[1, 1] = (0.0, 1.0)
    >>> shaped(shares, np.full((3, 6), 25.0), least_zone_m2=100.0, smoothing=0)[1].tolist()
    [0, 0, 0, 1, 1, 1]
    """
    told: NDArray[np.bool_] = np.asarray(~np.isnan(shares).any(axis=2))
    known = np.where(told[..., None], shares, 0.0)
    labels = _settled(known, told, smoothing)
    for _ in range(ROUNDS):
        before = labels.copy()
        _join_short_runs(labels, known, least_run)
        _join_small_pieces(labels, cell_m2, least_zone_m2)
        if (labels == before).all():
            break
    return labels


def _settled(shares: FloatArray, told: NDArray[np.bool_], weight: float) -> IntArray:
    """Return each cell's class as it settles among its neighbours, every other cell in turn."""
    labels = np.where(told, shares.argmax(axis=2), -1).astype(np.intp)
    if weight <= 0.0:
        return labels
    light = np.indices(told.shape).sum(axis=0) % 2 == 0
    for _ in range(ROUNDS):
        before = labels.copy()
        for turn in (light, ~light):
            near = _near(labels, shares.shape[2])
            labels = np.where(turn & told, (shares + weight * near).argmax(axis=2), labels)
        if (labels == before).all():
            break
    return labels


def _near(labels: IntArray, number: int) -> FloatArray:
    """Return which share of a cell's neighbours across its sides is of each class, (H, W, C)."""
    around = np.pad(labels, 1, constant_values=-1)
    sides = (around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:])
    counts = np.sum([side[..., None] == np.arange(number) for side in sides], axis=0)
    found: FloatArray = counts / np.maximum(counts.sum(axis=2, keepdims=True), 1)
    return found


def runs(line: IntArray) -> Iterator[tuple[int, int]]:
    """Yield first and end of the runs of one class in a row, without those that have none.

    Examples
    --------
    >>> list(runs(np.array([0, 0, -1, 1, 1, 0])))
    [(0, 2), (3, 5), (5, 6)]
    """
    cuts = np.flatnonzero(np.diff(line)) + 1
    limits = [0, *cuts.tolist(), len(line)]
    for first, end in pairwise(limits):
        if line[first] >= 0:
            yield first, end


def _join_short_runs(labels: IntArray, shares: FloatArray, least_run: int) -> None:
    for row, line in enumerate(labels):
        for _ in range(len(line)):
            short = _shortest(line, least_run)
            if short is None:
                break
            first, end, near = short
            inside = shares[row, first:end].sum(axis=0)
            line[first:end] = max(near, key=lambda label: float(inside[label]))


def _shortest(line: IntArray, least_run: int) -> tuple[int, int, list[int]] | None:
    """Return the shortest run below the limit that has neighbours, with their classes."""
    found = []
    for first, end in runs(line):
        near = [int(line[k]) for k in (first - 1, end) if 0 <= k < len(line) and line[k] >= 0]
        if end - first < least_run and near:
            found.append((end - first, first, end, near))
    if not found:
        return None
    _, first, end, near = min(found)
    return first, end, near


def _join_small_pieces(labels: IntArray, cell_m2: FloatArray, least_m2: float) -> None:
    """Join small pieces, the smallest first; one that grew meanwhile is measured anew before."""
    for _ in range(ROUNDS):
        changed = np.zeros(labels.shape, dtype=np.bool_)
        small = [piece for piece in _pieces(labels, cell_m2) if piece[0] < least_m2]
        for _, box, mask in sorted(small, key=lambda piece: piece[0]):
            around = labels[box]
            own = int(around[mask][0])
            grew = changed[box] & (around == own) & _beside(mask)
            near = np.empty(0, dtype=np.intp) if grew.any() else _border(around, mask)
            if near.size:
                around[mask] = int(np.bincount(near).argmax())
                changed[box] |= mask
        if not changed.any():
            return


Box = tuple[slice, slice]


def _pieces(
    labels: IntArray, cell_m2: FloatArray
) -> Iterator[tuple[float, Box, NDArray[np.bool_]]]:
    """Yield size, a box one cell wider, and the cells in that box, of every connected piece."""
    from scipy import ndimage

    for label in np.unique(labels[labels >= 0]):
        numbered, count = ndimage.label(labels == label)
        sizes = ndimage.sum_labels(cell_m2, numbered, np.arange(1, count + 1))
        for k, (box, size) in enumerate(
            zip(ndimage.find_objects(numbered), np.atleast_1d(sizes).tolist(), strict=True), start=1
        ):
            rows, columns = (
                slice(max(side.start - 1, 0), min(side.stop + 1, limit))
                for side, limit in zip(box, labels.shape, strict=True)
            )
            wider = (rows, columns)
            yield float(size), wider, numbered[wider] == k


def pieces(labels: IntArray, cell_m2: FloatArray) -> list[tuple[float, NDArray[np.bool_]]]:
    """Return size (m²) and cells, (H, W), of every connected piece of a class."""
    found = []
    for size, box, mask in _pieces(labels, cell_m2):
        whole = np.zeros(labels.shape, dtype=np.bool_)
        whole[box] = mask
        found.append((size, whole))
    return found


def _beside(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the cells beside a piece."""
    found = np.zeros_like(mask)
    found[1:] |= mask[:-1]
    found[:-1] |= mask[1:]
    found[:, 1:] |= mask[:, :-1]
    found[:, :-1] |= mask[:, 1:]
    return found & ~mask


def _border(labels: IntArray, mask: NDArray[np.bool_]) -> IntArray:
    """Return the classes across the border of a piece, one for each side of a cell."""
    own = labels[mask][0]
    found = []
    for ours, theirs in (
        (np.s_[1:, :], np.s_[:-1, :]),
        (np.s_[:-1, :], np.s_[1:, :]),
        (np.s_[:, 1:], np.s_[:, :-1]),
        (np.s_[:, :-1], np.s_[:, 1:]),
    ):
        across = labels[theirs][mask[ours]]
        found.append(across[(across >= 0) & (across != own)])
    return np.concatenate(found)
