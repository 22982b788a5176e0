"""A whole orthomosaic at a glance: the means of its pixels, whatever overviews it has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling

from imagery.raster import open_ortho
from imagery.raster.overview import glance

RNG = np.random.default_rng(5)


def write(path: Path, values: NDArray[np.uint16], *, overviews: bool) -> Path:
    bands, height, width = values.shape
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=bands, dtype="uint16",
        crs="EPSG:32648", transform=rasterio.Affine(0.1, 0, 656_800.0, 0, -0.1, 2_332_000.0),
        nodata=0, tiled=True, blockxsize=128, blockysize=128,
    ) as target:  # fmt: skip
        target.write(values)
        if overviews:
            target.build_overviews([2, 4, 8], Resampling.average)
    return path


def means(values: NDArray[np.uint16], factor: int) -> NDArray[np.float64]:
    """The coarse raster, told plainly: one block after another."""
    _, height, width = values.shape
    rows, columns = -(-height // factor), -(-width // factor)
    found = np.full((len(values), rows, columns), np.nan)
    for band, plane in enumerate(values):
        for row in range(rows):
            for column in range(columns):
                part = plane[row * factor : (row + 1) * factor, column * factor :][:, :factor]
                if (part > 0).any():
                    found[band, row, column] = part[part > 0].mean()
    return found


@pytest.mark.parametrize(("height", "width", "most"), [(300, 500, 1_500), (257, 131, 900)])
def test_what_is_seen_is_the_mean_of_what_is_known(
    tmp_path: Path, height: int, width: int, most: int
) -> None:
    values = RNG.integers(1, 3_000, (2, height, width)).astype(np.uint16)
    values[:, 40:140, 200:] = 0
    ortho = open_ortho(write(tmp_path / "a.tif", values, overviews=False))
    seen, affine = glance(ortho, [2, 1], max_pixels=most)
    assert seen[0].size <= most
    factor = round(affine[0] / 0.1)
    np.testing.assert_allclose(seen, means(values, factor)[::-1], rtol=1e-5)
    assert affine == pytest.approx((0.1 * factor, 0, 656_800.0, 0, -0.1 * factor, 2_332_000.0))


def test_overviews_are_used_and_show_the_same(tmp_path: Path) -> None:
    smooth = np.add.outer(np.arange(512.0), np.arange(768.0))
    values = np.stack([100.0 + smooth]).astype(np.uint16)
    plain = open_ortho(write(tmp_path / "plain.tif", values, overviews=False))
    with_levels = open_ortho(write(tmp_path / "levels.tif", values, overviews=True))
    first, affine = glance(plain, [1], max_pixels=6_144)
    second, other = glance(with_levels, [1], max_pixels=6_144)
    assert affine == pytest.approx(other)
    np.testing.assert_allclose(first, second, atol=1.0)


def test_a_small_raster_is_seen_as_it_is(tmp_path: Path) -> None:
    values = RNG.integers(1, 90, (1, 20, 30)).astype(np.uint16)
    ortho = open_ortho(write(tmp_path / "small.tif", values, overviews=False))
    seen, affine = glance(ortho, [1])
    np.testing.assert_array_equal(seen[0], values[0].astype(np.float32))
    assert affine == ortho.affine
