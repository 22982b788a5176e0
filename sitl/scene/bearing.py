"""What the trees of a scene bear, season by season, with the truth of why.

Theory of operation
-------------------
A tree's yield is made of the parts that a forecast must find again: what its crown can carry
(volume, less where it is sick, times a part of its own that lasts), whether it flowers (rarer after
a heavy crop, and for all trees in a bad winter), what the season gives, what its part of the
orchard gives in that season, and chance. What an aircraft and a person would see of it is planted
with it: a flowering index from above, and fruit counted shortly before the harvest. Nothing here is
taken from measurements of lychee: none by tree exist.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sitl.scene.land import FloatArray, Scene

LEVEL_SPREAD = 0.4
"""Deviation of the logarithm of seasons' levels."""
LASTING, CHANCE, PATCH = 0.25, 0.3, 0.12
"""Deviations of logarithms: of a tree for life, of a tree in a season, of a part in a season."""
REST = 0.9
"""By how many logits a tree that bore twice the mean flowers less in the season after."""
FRUIT_KG = 0.053
PATCH_M = 30.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Borne:
    """What S seasons of N trees were.

    Parameters
    ----------
    seasons : tuple of int
        Years of the harvests, S long.
    kg : (S, N) float64
        What each tree bore; 0 where it did not flower.
    flowering_index : (S, N) float64
        0 to 1, as an aircraft sees it when panicles are out.
    vigour : (S, N) float64
        A vegetation index before the winter.
    fruits : (S, N) float64
        As a person counts them before the harvest.
    level_kg, flowered : (S,) float64
        Truth: the season's level, kg for a mean tree that flowers; share of trees that did.
    carries : (N,) float64
        Truth: what each crown can carry beside the others, the mean crown about 1.
    patch : (N,) intp
        Part of the orchard that each tree stands in.
    """

    seasons: tuple[int, ...]
    kg: FloatArray
    flowering_index: FloatArray
    vigour: FloatArray
    fruits: FloatArray
    level_kg: FloatArray
    flowered: FloatArray
    carries: FloatArray
    patch: NDArray[np.intp]


def bear(
    scene: Scene, *, seasons: int = 6, first: int = 2021, level_kg: float = 45.0, seed: int = 0
) -> Borne:
    """Return what the trees of a scene bear.

    Parameters
    ----------
    scene : Scene
        With trees.
    seasons : int
        How many.
    first : int
        Year of the first harvest.
    level_kg : float
        Of a mean tree that flowers in a middling season.
    seed : int
        The same scene and seed give the same yields.

    Examples
    --------
    >>> from sitl.scene import orchard
    >>> borne = bear(orchard(cell_m=1.0), seasons=3)
    >>> borne.kg.shape == (3, len(orchard(cell_m=1.0).trees)), bool((borne.kg >= 0).all())
    (True, True)
    """
    rng = np.random.default_rng(seed)
    size = np.array([tree.radius_m**2 * tree.height_m for tree in scene.trees])
    sick = np.array([tree.sick for tree in scene.trees])
    spots = np.array([(tree.east_m, tree.north_m) for tree in scene.trees])
    count = len(size)
    carries = (size / size.mean()) * (1.0 - 0.7 * sick) * np.exp(rng.normal(0, LASTING, count))
    squares = np.floor((spots - spots.min(axis=0)) / PATCH_M).astype(np.intp)
    patch = np.unique(squares, axis=0, return_inverse=True)[1].ravel()
    levels = level_kg * np.exp(rng.normal(0.0, LEVEL_SPREAD, seasons))
    usual = rng.normal(2.4, 0.9, seasons)
    last: FloatArray = np.ones(count)
    kg, index, fruits = (np.zeros((seasons, count)) for _ in range(3))
    for row in range(seasons):
        logits = usual[row] - REST * (last - 1.0) + rng.normal(0.0, 0.5, count)
        flowers = rng.random(count) < 1.0 / (1.0 + np.exp(-logits))
        parts = np.exp(rng.normal(0.0, PATCH, int(patch.max()) + 1))[patch]
        given = carries * parts * np.exp(rng.normal(0.0, CHANCE, count) - 0.15 * (last - 1.0))
        kg[row] = np.where(flowers, levels[row] * given, 0.0)
        seen = np.where(flowers, rng.uniform(0.45, 0.95, count), 0.05)
        index[row] = np.clip(seen + rng.normal(0.0, 0.08, count), 0.0, 1.0)
        fruits[row] = np.round(kg[row] / FRUIT_KG * rng.normal(1.0, 0.05, count))
        last = np.clip(kg[row] / max(float(kg[row].mean()), 1e-9), 0.0, 3.0)
    return Borne(
        seasons=tuple(range(first, first + seasons)), kg=kg, flowering_index=index, fruits=fruits,
        vigour=0.82 - 0.25 * sick + rng.normal(0.0, 0.02, (seasons, count)), level_kg=levels,
        flowered=(kg > 0).mean(axis=1), carries=carries, patch=patch,
    )  # fmt: skip
