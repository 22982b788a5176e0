"""Tiles: bytes that come back, means that leave out gaps, sums that are exact."""

from __future__ import annotations

import warnings
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from agri.errors import BadInput
from imagery.raster.tiff import level_shapes
from imagery.raster.tiles import (
    NONE,
    Encoding,
    Layer,
    halved,
    pack,
    rounded,
    stored_of,
    tally,
    unpack,
    values_of,
)


def gappy(seed: int, share: float, shape: tuple[int, int] = (512, 512)) -> NDArray[np.float32]:
    chance = np.random.default_rng(seed)
    values = chance.integers(-32_767, 32_767, shape).astype(np.float32)
    values[chance.random(shape) < share] = np.nan
    return values


@pytest.mark.parametrize("kind", ["int16", "float32"])
@pytest.mark.parametrize("packing", ["zstd", "deflate"])
@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_packed_tiles_come_back_bit_by_bit(kind: Any, packing: Any, share: float) -> None:
    values = gappy(1, share)
    stored = stored_of(values, kind)
    assert np.array_equal(
        unpack(pack(stored, packing), Encoding(kind=kind, packing=packing)), stored,
        equal_nan=kind == "float32",
    )  # fmt: skip
    assert np.array_equal(values_of(stored), values, equal_nan=True)
    assert (kind == "float32") or (stored[np.isnan(values)] == NONE).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 999), st.sampled_from([0.0, 0.1, 0.7, 1.0]), st.booleans())
def test_halves_are_means_of_what_has_a_value(seed: int, share: float, whole: bool) -> None:
    values = gappy(seed, share, (8, 12))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        four = np.stack([values[a::2, b::2] for a in (0, 1) for b in (0, 1)]).astype(float)
        truth = np.nanmean(four, axis=0)
    found = halved(values, whole=whole)
    if whole:
        assert np.array_equal(found, np.floor(truth + 0.5), equal_nan=True)
    else:
        np.testing.assert_allclose(found, truth, rtol=1e-6, atol=1e-2)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 999), st.sampled_from([0.0, 0.3, 0.999, 1.0]))
def test_sums_are_those_of_double_precision(seed: int, share: float) -> None:
    values = gappy(seed, share, (16, 512))
    known = values[~np.isnan(values)].astype(float)
    found = tally(values)
    assert found.count == known.size
    assert found.total == known.sum()
    if known.size:
        assert (found.low, found.high) == (known.min(), known.max())
        assert found.squares == (known**2).sum()
        assert found.deviation == pytest.approx(known.std(), rel=1e-9, abs=1e-3)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=40))
def test_rounding_is_off_by_half_a_step_at_most_and_counts_what_is_cut(values: list[float]) -> None:
    plain = np.array(values, np.float32)
    stored = plain.copy()
    beyond = rounded(stored, 1e-4)
    inside = np.abs(plain) <= 3.2767
    assert beyond == np.count_nonzero(np.abs(np.rint(plain * np.float32(1e4))) > 32_767)
    assert np.abs(stored[inside] * 1e-4 - plain[inside]).max(initial=0) <= 5e-5 + 4e-7
    assert np.abs(stored).max() <= 32_767


@given(st.integers(1, 100_000), st.integers(1, 100_000))
def test_overviews_go_down_to_one_tile(width: int, height: int) -> None:
    shapes = level_shapes(width, height)
    assert max(shapes[-1]) <= 512
    for fine, coarse in pairwise(shapes):
        assert max(fine) > 512
        assert coarse == (-(-fine[0] // 2), -(-fine[1] // 2))


def test_a_storage_step_must_be_a_number_above_nought() -> None:
    for scale in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(BadInput, match="step"):
            Layer(name="x", scale=scale)
