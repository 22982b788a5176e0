"""Noise that looks like land: coarse and fine together, the same for the same seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def noise(shape: tuple[int, int], coarse: float, rng: np.random.Generator) -> FloatArray:
    """Return smooth noise of mean 0 and standard deviation 1.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns.
    coarse : float
        Size of its patches, cells; between random values on a grid of that size it is bilinear.
    rng : numpy.random.Generator
        Where randomness comes from.

    Examples
    --------
    >>> values = noise((40, 50), 5.0, np.random.default_rng(1))
    >>> values.shape, round(float(values.std()), 3), abs(round(float(values.mean()), 3))
    ((40, 50), 1.0, 0.0)
    """
    rows, columns = (int(np.ceil(size / coarse)) + 2 for size in shape)
    knots = rng.normal(size=(rows, columns))
    row, column = np.arange(shape[0]) / coarse, np.arange(shape[1]) / coarse
    i, j = row.astype(np.intp), column.astype(np.intp)
    s, t = (row - i)[:, None], (column - j)[None, :]
    upper = knots[i][:, j] * (1 - t) + knots[i][:, j + 1] * t
    lower = knots[i + 1][:, j] * (1 - t) + knots[i + 1][:, j + 1] * t
    values = upper * (1 - s) + lower * s
    return np.asarray((values - values.mean()) / max(float(values.std()), 1e-9))


def rough(shape: tuple[int, int], rng: np.random.Generator, sizes: tuple[float, ...]) -> FloatArray:
    """Return noise of several sizes at once, each as strong as the others, deviation 1."""
    total = np.sum([noise(shape, size, rng) for size in sizes], axis=0)
    return np.asarray(total / max(float(total.std()), 1e-9))
