"""The order of tracks: each once, from the better end, and near the shortest there is."""

from __future__ import annotations

from itertools import pairwise, permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from missions.coverage.visiting import GAIN_M, Visit, order_tracks

places = st.tuples(st.integers(-50, 50), st.integers(-50, 50))


def between_ends(ends: list[tuple[int, int]]) -> NDArray[np.float64]:
    at = np.array(ends, dtype=float)
    return np.asarray(np.hypot(*np.moveaxis(at[:, None] - at[None], 2, 0)), dtype=np.float64)


def way_m(order: list[Visit], between: NDArray[np.float64], begin: NDArray[np.float64]) -> float:
    entered = [2 * track + backward for track, backward in order]
    hops = sum(between[a ^ 1, b] for a, b in pairwise(entered))
    return float(begin[entered[0]] + hops)


def shortest_m(between: NDArray[np.float64], begin: NDArray[np.float64]) -> float:
    tracks = len(between) // 2
    return min(
        way_m(list(zip(order, senses, strict=True)), between, begin)
        for order in permutations(range(tracks))
        for senses in product([False, True], repeat=tracks)
    )


@settings(max_examples=50, deadline=None)
@given(ends=st.lists(st.tuples(places, places), min_size=1, max_size=4), home=places)
def test_few_tracks_are_flown_in_nearly_the_shortest_order(
    ends: list[tuple[tuple[int, int], tuple[int, int]]], home: tuple[int, int]
) -> None:
    flat = [end for pair in ends for end in pair]
    between = between_ends([*flat, home])
    begin = between[-1, :-1]
    order = order_tracks(between[:-1, :-1], begin)
    assert sorted(track for track, _ in order) == list(range(len(ends)))
    best_m = shortest_m(between[:-1, :-1], begin)
    assert way_m(order, between, begin) <= 1.3 * best_m + 3.0 * GAIN_M


@pytest.mark.parametrize("lines", [1, 2, 7, 30])
def test_parallel_lines_are_flown_to_and_fro(lines: int) -> None:
    ends = [(x, 6 * k) for k in range(lines) for x in (0, 100)]
    order = order_tracks(between_ends(ends))
    assert way_m(order, between_ends(ends), np.zeros(2 * lines)) == 6.0 * (lines - 1)


def test_a_shorter_line_is_begun_where_that_spares_the_way_back() -> None:
    ends = [(45, 0), (100, 0), *((x, 9 * k) for k in range(1, 6) for x in (0, 100))]
    order = order_tracks(between_ends(ends))
    assert way_m(order, between_ends(ends), np.zeros(len(ends))) == 45.0


def test_no_tracks_have_no_order() -> None:
    assert order_tracks(np.empty((0, 0))) == []
