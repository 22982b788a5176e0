"""Where the photos lie, roughly: headings from matches, then one panorama fitted to GPS.

Theory of operation
-------------------
Looking straight down on flat ground from one height, a photo is a map of it, turned and moved. A
place at ``u = right + i·up`` in the picture lies at ``s · exp(−i·ψ) · u + t`` on the ground, ψ the
heading and s the same for all photos of a flight. Three linear steps find all of them without any
first guess, so that neither heading nor height need be told:

1. Matches of a pair give the difference of their headings. A tree of the surest pairs gives every
   heading, least squares over all pairs (differences wrapped into half a turn) better ones.
2. With headings known, that matches coincide is linear in the photos' places: the panorama.
3. The panorama is turned, scaled and moved onto the places that GPS tells, by one similarity for
   all. (Solving scale and places together would shrink the block: a smaller map disagrees less.)

In all steps the weight of what disagrees is taken down (Huber 1964). Scale × focal length is the
height. A pair that disagrees with all others by more than tilts can explain (a field's rows look
alike) is named, so that its matches are not used. A tilted photo fits only roughly, which is enough
for the adjustment to begin with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagery.mosaic.features import Features
from imagery.mosaic.matching import PairMatches

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

ROUNDS = 5
MIN_TIED = 3
"""Photos that are tied together count as a part of the mosaic from this many on."""
TURN_RAD = 0.05
"""Disagreement of headings that is taken as it is."""
TIE_SHARE = 0.03
"""The same of places, as a share of the focal length (a tilt of 2°)."""
MOST_TURN_RAD, MOST_SHARE = 0.5, 0.5
"""Disagreement that two tilted photos of uneven ground may show; a pair beyond it is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layout:
    """Where each photo lies.

    Parameters
    ----------
    part : (N,) intp
        Which photos hang together: numbers from 0, −1 for photos tied to too few others; the
        other figures are NaN for these.
    yaw_rad : (N,) float64
        Heading of the picture's upper edge, clockwise from north.
    height_m : (N,) float64
        Of the lens above the ground.
    centre_m : (N, 2) float64
        East and north of what the picture's centre shows.
    agreeing : (M,) bool
        Which pairs agree with the layout.
    """

    part: NDArray[np.intp]
    yaw_rad: FloatArray
    height_m: FloatArray
    centre_m: FloatArray
    agreeing: NDArray[np.bool_]


def lay_out(
    positions_m: FloatArray,
    focal_px: FloatArray,
    features: Sequence[Features],
    pairs: Sequence[PairMatches],
) -> Layout:
    """Lay the photos out.

    Parameters
    ----------
    positions_m : (N, 2) float64
        East and north by GPS.
    focal_px : (N,) float64
        Focal length, feature pixels.
    features : sequence of Features
        Of every photo.
    pairs : sequence of PairMatches
        Matches that agree.

    Returns
    -------
    Layout
    """
    count = len(positions_m)
    part = tied_parts(count, pairs)
    yaw, height = np.full(count, np.nan), np.full(count, np.nan)
    centre = np.full((count, 2), np.nan)
    agreeing = np.zeros(len(pairs), dtype=bool)
    seen = [_rays(features, focal_px, pair) for pair in pairs]
    for number in range(int(part.max(initial=-1)) + 1):
        inside = part == number
        chosen = [k for k, pair in enumerate(pairs) if inside[pair.first]]
        ends = np.array([(pairs[k].first, pairs[k].second) for k in chosen])
        local = (np.cumsum(inside) - 1)[ends]
        rays = [seen[k] for k in chosen]
        turn, turn_off = _headings(local, rays)
        place, off = _panorama(local, rays, turn)
        agreeing[chosen] = (np.abs(turn_off) < MOST_TURN_RAD) & (off < MOST_SHARE)
        true = positions_m[inside] @ np.array([1.0, 1.0j])
        scale, shift = _similarity(place, true)
        yaw[inside] = turn - np.angle(scale)
        height[inside] = abs(scale)
        ground = scale * place + shift
        centre[inside] = np.column_stack([ground.real, ground.imag])
    return Layout(part=part, yaw_rad=yaw, height_m=height, centre_m=centre, agreeing=agreeing)


def tied_parts(count: int, pairs: Sequence[PairMatches]) -> NDArray[np.intp]:
    """Return which photos hang together, −1 for those with fewer than two others.

    Examples
    --------
    >>> nothing = np.empty((0, 2), dtype=np.intp)
    >>> tied_parts(4, [PairMatches(first=a, second=a + 1, features=nothing) for a in (0, 1)])
    array([ 0,  0,  0, -1])
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ends = np.array([(pair.first, pair.second) for pair in pairs], dtype=np.intp).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends)), ends.T), shape=(count, count))
    _, part = connected_components(graph, directed=False)
    tied = np.bincount(part)[part] >= MIN_TIED
    numbers = np.full(count, -1, dtype=np.intp)
    numbers[tied] = np.unique(part[tied], return_inverse=True)[1]
    return numbers


def _rays(
    features: Sequence[Features], focal_px: FloatArray, pair: PairMatches
) -> tuple[ComplexArray, ComplexArray]:
    """Return the matches of a pair as right + i·up, over the focal length."""
    both = []
    for photo, column in ((pair.first, 0), (pair.second, 1)):
        points = features[photo].points_px[pair.features[:, column]] / focal_px[photo]
        both.append(points @ np.array([1.0, -1.0j]))
    return both[0], both[1]


def _headings(
    ends: NDArray[np.intp], rays: Sequence[tuple[ComplexArray, ComplexArray]]
) -> tuple[FloatArray, FloatArray]:
    """Return each photo's heading, the first one's being zero, and each pair's disagreement."""
    from scipy.sparse import coo_array, csr_array
    from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree
    from scipy.sparse.linalg import lsqr

    count, number = int(ends.max()) + 1, np.arange(len(ends))
    difference = np.array(
        [np.angle(np.vdot(first - first.mean(), second - second.mean())) for first, second in rays]
    )
    matches = np.array([len(first) for first, _ in rays], dtype=np.float64)
    tree = minimum_spanning_tree(csr_array((1.0 / matches, ends.T), shape=(count, count)))
    order, before = breadth_first_order(tree, 0, directed=False)
    known = {(int(i), int(j)): step for (i, j), step in zip(ends, difference, strict=True)}
    known.update({(j, i): -step for (i, j), step in known.items()})
    heading = np.zeros(count)
    for photo in order[1:]:
        heading[photo] = heading[before[photo]] + known[int(before[photo]), int(photo)]
    signs = np.concatenate([np.ones(len(ends)), -np.ones(len(ends))])
    at = (np.concatenate([number, number]), np.concatenate([ends[:, 1], ends[:, 0]]))
    matrix = csr_array(coo_array((signs, at), shape=(len(ends), count)))
    for _ in range(ROUNDS):
        off = _wrapped(difference - (heading[ends[:, 1]] - heading[ends[:, 0]]))
        trust = np.sqrt(np.minimum(matches, 100.0) / np.maximum(np.abs(off) / TURN_RAD, 1.0))
        heading = heading + lsqr(matrix.multiply(trust[:, None]), off * trust)[0]
    return np.asarray(heading), _wrapped(difference - (heading[ends[:, 1]] - heading[ends[:, 0]]))


def _wrapped(angles_rad: FloatArray) -> FloatArray:
    return np.asarray((angles_rad + np.pi) % (2.0 * np.pi) - np.pi)


def _panorama(
    ends: NDArray[np.intp], rays: Sequence[tuple[ComplexArray, ComplexArray]], turn: FloatArray
) -> tuple[ComplexArray, FloatArray]:
    """Return the photos' places in focal lengths, up to a shift, and how far pairs are off."""
    from scipy.sparse import coo_array, csr_array
    from scipy.sparse.linalg import spsolve

    count, number = int(ends.max()) + 1, np.arange(len(ends))
    offset = np.array(
        [
            (np.exp(-1j * turn[i]) * first - np.exp(-1j * turn[j]) * second).mean()
            for (i, j), (first, second) in zip(ends, rays, strict=True)
        ]
    )
    matches = np.array([min(len(first), 100) for first, _ in rays], dtype=np.float64)
    signs = np.concatenate([np.ones(len(ends)), -np.ones(len(ends))])
    at = (np.concatenate([number, number]), np.concatenate([ends[:, 1], ends[:, 0]]))
    matrix = csr_array(coo_array((signs, at), shape=(len(ends), count)))[:, 1:]
    place = np.zeros(count, dtype=np.complex128)
    trust = matches
    for _ in range(ROUNDS):
        weighted = matrix.multiply(trust[:, None]).T
        place[1:] = spsolve((weighted @ matrix).tocsc(), weighted @ offset)
        off = np.abs(place[ends[:, 1]] - place[ends[:, 0]] - offset)
        trust = matches / np.maximum(off / TIE_SHARE, 1.0)
    return place, np.abs(place[ends[:, 1]] - place[ends[:, 0]] - offset)


def _similarity(place: ComplexArray, true: ComplexArray) -> tuple[complex, complex]:
    """Return scale (with its turn) and shift that take places nearest to the true ones."""
    trust = np.ones(len(place))
    scale, shift = 1.0 + 0.0j, 0.0j
    for _ in range(ROUNDS):
        share = trust / trust.sum()
        middle, true_middle = (share * place).sum(), (share * true).sum()
        centred = place - middle
        power = float((share * np.abs(centred) ** 2).sum())
        scale = complex((share * centred.conj() * (true - true_middle)).sum() / max(power, 1e-12))
        shift = complex(true_middle - scale * middle)
        off = np.abs(scale * place + shift - true)
        trust = 1.0 / np.maximum(off / max(float(np.median(off)), 1e-6), 1.0)
    return scale, shift
