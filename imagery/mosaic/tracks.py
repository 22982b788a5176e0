"""Places seen in several photos: matches joined to tracks, and few enough of them kept.

Theory of operation
-------------------
Matches are edges between features; the connected parts of that graph are tracks, each the image of
one place on the ground. A track that holds two features of the same photo contradicts itself and
is dropped whole. Of the others the longest are kept, evenly over each photo (a grid of cells), as
long as one of its photos still needs ties there: a hundred well spread ties hold a photo as firmly
as three thousand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagery.mosaic.features import Features
from imagery.mosaic.matching import PairMatches

CELLS = 8
"""Cells across a photo's longer side."""
PER_CELL = 3
"""Ties wanted in each cell."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tracks:
    """What the photos see of tie points.

    Parameters
    ----------
    photo : (O,) intp
        Photo of each sighting.
    track : (O,) intp
        Tie point of each sighting, 0 … count − 1, ascending.
    feature : (O,) intp
        Feature of that photo.
    points_px : (O, 2) float64
        Where in the photo: right and down from its centre, feature pixels.
    count : int
        Tie points.
    """

    photo: NDArray[np.intp]
    track: NDArray[np.intp]
    feature: NDArray[np.intp]
    points_px: NDArray[np.float64]
    count: int

    def keep(self, chosen: NDArray[np.bool_]) -> Tracks:
        """Return the chosen sightings of tie points that are then still seen twice."""
        seen = np.bincount(self.track[chosen], minlength=self.count)
        chosen = chosen & (seen[self.track] >= 2)
        left, numbers = np.unique(self.track[chosen], return_inverse=True)
        return Tracks(
            photo=self.photo[chosen],
            track=numbers.astype(np.intp),
            feature=self.feature[chosen],
            points_px=self.points_px[chosen],
            count=len(left),
        )


def join_tracks(features: Sequence[Features], pairs: Sequence[PairMatches]) -> Tracks:
    """Join the matches of all pairs.

    Parameters
    ----------
    features : sequence of Features
        Of every photo.
    pairs : sequence of PairMatches
        Matches that agree.

    Returns
    -------
    Tracks
        Without those that contradict themselves.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    starts = np.concatenate([[0], np.cumsum([len(each.points_px) for each in features])])
    total = int(starts[-1])
    edges = np.concatenate(
        [pair.features + starts[[pair.first, pair.second]] for pair in pairs]
        or [np.empty((0, 2), dtype=np.intp)]
    )
    graph = coo_array((np.ones(len(edges), dtype=np.int8), edges.T), shape=(total, total))
    _, label = connected_components(graph, directed=False)
    used = np.unique(edges)
    photo = (np.searchsorted(starts, used, side="right") - 1).astype(np.intp)
    label = label[used]
    order = np.lexsort((photo, label))
    used, photo, label = used[order], photo[order], label[order]
    twice = (np.diff(label) == 0) & (np.diff(photo) == 0)
    good = ~np.isin(label, label[1:][twice])
    used, photo, label = used[good], photo[good], label[good]
    left, track = np.unique(label, return_inverse=True)
    feature = used - starts[photo]
    points = [features[p].points_px[f] for p, f in zip(photo, feature, strict=True)]
    return Tracks(
        photo=photo,
        track=track.astype(np.intp),
        feature=feature.astype(np.intp),
        points_px=np.array(points, dtype=np.float64).reshape(-1, 2),
        count=len(left),
    )


def thin_tracks(tracks: Tracks, *, cells: int = CELLS, per_cell: int = PER_CELL) -> Tracks:
    """Return the longest tie points, as many as each part of each photo needs.

    Parameters
    ----------
    tracks : Tracks
        All of them.
    cells : int
        Cells across a photo.
    per_cell : int
        Ties wanted in each cell of each photo.
    """
    if tracks.count == 0:
        return tracks
    half = np.abs(tracks.points_px).max() + 1e-6
    cell = np.floor((tracks.points_px / half + 1.0) * (cells / 2.0)).astype(np.intp)
    where = (tracks.photo * cells + np.clip(cell[:, 1], 0, cells - 1)) * cells
    where += np.clip(cell[:, 0], 0, cells - 1)
    length = np.bincount(tracks.track, minlength=tracks.count)
    starts = np.concatenate([[0], np.cumsum(length)])
    filled = np.zeros(int(where.max()) + 1, dtype=np.intp)
    kept = np.zeros(tracks.count, dtype=bool)
    for number in np.argsort(-length, kind="stable"):
        places = where[starts[number] : starts[number + 1]]
        if (filled[places] < per_cell).any():
            kept[number] = True
            filled[places] += 1
    return tracks.keep(kept[tracks.track])
