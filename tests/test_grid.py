"""Grids: places to pixels and back, and what lies between pixel centres."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer

from agri.errors import BadInput
from agri.grid import Grid

UTM = 32648
TO_UTM = Transformer.from_crs(4326, UTM, always_xy=True)
EAST0, NORTH0 = 657_000.0, 2_332_000.0

Affine = tuple[float, float, float, float, float, float]


@st.composite
def affines(draw: st.DrawFn) -> Affine:
    """Any pixel size, turned any way, north up or down, near Đông Triều in UTM."""
    size_m = draw(st.sampled_from([0.05, 0.5, 1.0, 10.0]))
    turn = math.radians(draw(st.floats(0.0, 360.0)))
    squash = draw(st.sampled_from([1.0, -1.0, 0.5]))
    cos, sin = size_m * math.cos(turn), size_m * math.sin(turn)
    return (cos, squash * sin, EAST0, sin, -squash * cos, NORTH0)


def lonlat(affine: Affine, column: float, row: float) -> tuple[float, float]:
    a, b, c, d, e, f = affine
    x, y = a * column + b * row + c, d * column + e * row + f
    lon, lat = TO_UTM.transform(x, y, direction="INVERSE")
    return float(lon), float(lat)


@given(affines(), st.floats(-50.0, 50.0), st.floats(-50.0, 50.0))
def test_a_place_made_from_a_pixel_comes_back_as_that_pixel(
    affine: Affine, column: float, row: float
) -> None:
    grid = Grid(values=np.zeros((4, 5)), affine=affine, epsg=UTM)
    back = grid.pixels(*lonlat(affine, column, row))
    size_m = math.hypot(affine[0], affine[3])
    assert back[0] == pytest.approx(column, abs=2e-5 / size_m)
    assert back[1] == pytest.approx(row, abs=4e-5 / size_m)


@given(
    affines(),
    st.tuples(*[st.floats(-3.0, 3.0)] * 3),
    st.lists(st.tuples(st.floats(0.5, 8.5), st.floats(0.5, 6.5)), min_size=1, max_size=20),
)
def test_between_pixel_centres_a_plane_is_met_exactly(
    affine: Affine, plane: tuple[float, float, float], places: list[tuple[float, float]]
) -> None:
    rows, columns = np.indices((7, 9)) + 0.5
    across, down, base = plane
    grid = Grid(values=base + across * columns + down * rows, affine=affine, epsg=UTM)
    column, row = np.array(places).T
    assert grid.at(column, row) == pytest.approx(base + across * column + down * row, abs=1e-9)
    lon, lat = np.array([lonlat(affine, c, r) for c, r in places]).T
    size_m = math.hypot(affine[0], affine[3])
    assert grid.sample(lon, lat) == pytest.approx(
        base + across * column + down * row, abs=1e-4 / size_m + 1e-9, nan_ok=True
    )


@given(st.integers(0, 8), st.integers(0, 6), st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_the_nearest_value_is_the_pixels_own(
    column: int, row: int, right: float, down: float
) -> None:
    values = np.arange(63.0).reshape(7, 9)
    grid = Grid(values=values, affine=(1, 0, EAST0, 0, -1, NORTH0), epsg=UTM)
    found = grid.at(np.array(column + right), np.array(row + down), nearest=True)
    assert float(found) == values[row, column]


def test_in_the_outer_half_pixel_the_edge_holds_and_beyond_there_is_nothing() -> None:
    grid = Grid(values=np.array([[1.0, 3.0]]), affine=(1, 0, EAST0, 0, -1, NORTH0), epsg=UTM)
    column, row = np.array([0.0, 0.25, 1.9, 2.0, -0.01, 2.01]), np.full(6, 0.5)
    assert grid.at(column, row).tolist()[:4] == [1.0, 1.0, 3.0, 3.0]
    assert np.isnan(grid.at(column, row)[4:]).all()


def test_a_gap_spoils_only_what_it_weighs_in() -> None:
    values = np.array([[1.0, np.nan, 3.0, 5.0]])
    grid = Grid(values=values, affine=(1, 0, EAST0, 0, -1, NORTH0), epsg=UTM)
    column = np.array([0.5, 0.6, 1.5, 2.4, 2.5, 3.0])
    found = grid.at(column, np.full(6, 0.5))
    assert found[[0, 4, 5]].tolist() == [1.0, 3.0, 4.0]
    assert np.isnan(found[[1, 2, 3]]).all()


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("error.grid_shape", {"values": np.zeros(3)}),
        ("error.grid_shape", {"values": np.zeros((0, 3))}),
        ("error.grid_affine", {"affine": (1.0, 2.0, 0.0, 2.0, 4.0, 0.0)}),
        ("error.grid_affine", {"affine": (1.0, 0.0, math.nan, 0.0, 1.0, 0.0)}),
        ("error.grid_crs", {"epsg": 999_999}),
    ],
)
def test_a_grid_that_lies_nowhere_cannot_be(key: str, wrong: dict[str, object]) -> None:
    good = {"values": np.zeros((2, 2)), "affine": (1.0, 0.0, 0.0, 0.0, -1.0, 0.0), "epsg": UTM}
    with pytest.raises(BadInput) as caught:
        Grid(**{**good, **wrong})  # type: ignore[arg-type]
    assert caught.value.message.key == key
