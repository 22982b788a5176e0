"""How bright each photo is beside its neighbours, from the places they share.

Theory of operation
-------------------
Two photos show a tie point with the same light on it; what differs is exposure. The logarithm of
the ratio of what they show, the median over a pair's ties, is the difference of two numbers, one
for each photo and band: sparse least squares, with a weak wish that a photo stays as it is, so
that the mosaic's mean does not drift. Photos of calibrated reflectance are left alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imagery.mosaic.features import Features
from imagery.mosaic.tracks import Tracks

STAYS = 0.05
"""Weight of the wish that a photo stays as it is, beside one pair's."""
MOST = 1.0
"""Largest change, as a natural logarithm."""
MIN_TIES = 3


def exposure_gains(features: Sequence[Features], tracks: Tracks) -> NDArray[np.float32]:
    """Return what each photo and band is to be multiplied by.

    Parameters
    ----------
    features : sequence of Features
        Of every photo, with the shades round their features.
    tracks : Tracks
        Which of them show the same place.

    Returns
    -------
    (N, B) float32
        1 for photos that share nothing.
    """
    bands = min(each.shades.shape[1] for each in features)
    pairs, first, second = _meetings(tracks, len(features))
    shades = np.array(
        [features[p].shades[f, :bands] for p, f in zip(tracks.photo, tracks.feature, strict=True)],
        dtype=np.float64,
    ).reshape(-1, bands)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(shades[first]) - np.log(shades[second])
    rows, targets = [], []
    for pair in np.unique(pairs):
        among = ratio[pairs == pair]
        among = among[np.isfinite(among).all(axis=1)]
        if len(among) >= MIN_TIES:
            rows.append((pair // len(features), pair % len(features)))
            targets.append(np.median(among, axis=0))
    gains = np.zeros((len(features), bands))
    if rows:
        gains = _levelled(np.array(rows), np.array(targets), len(features))
    return np.asarray(np.exp(np.clip(gains, -MOST, MOST)), dtype=np.float32)


def _meetings(
    tracks: Tracks, photos: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return every two sightings of a tie point: number of the photos' pair, and the sightings."""
    firsts, seconds = [], []
    count = len(tracks.track)
    for gap in range(1, int(np.bincount(tracks.track).max(initial=1))):
        first = np.arange(count - gap)
        same = tracks.track[first] == tracks.track[first + gap]
        firsts.append(first[same])
        seconds.append(first[same] + gap)
    first = np.concatenate(firsts or [np.empty(0, dtype=np.intp)])
    second = np.concatenate(seconds or [np.empty(0, dtype=np.intp)])
    return tracks.photo[first] * photos + tracks.photo[second], first, second


def _levelled(
    pairs: NDArray[np.intp], targets: NDArray[np.float64], count: int
) -> NDArray[np.float64]:
    """Return logarithms of gains: gain of the second − gain of the first = first − second shade."""
    from scipy.sparse import coo_array, csr_array, eye_array, vstack
    from scipy.sparse.linalg import splu

    number = np.arange(len(pairs))
    signs = np.concatenate([-np.ones(len(pairs)), np.ones(len(pairs))])
    at = (np.concatenate([number, number]), np.concatenate([pairs[:, 0], pairs[:, 1]]))
    differences = coo_array((signs, at), shape=(len(pairs), count))
    matrix = csr_array(vstack([differences, STAYS * eye_array(count)]))
    target = np.concatenate([targets, np.zeros((count, targets.shape[1]))])
    return np.asarray(splu((matrix.T @ matrix).tocsc()).solve(matrix.T @ target))
