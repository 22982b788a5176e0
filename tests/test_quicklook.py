"""Quick looks: what is drawn, read back from the picture's own pixels."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib import colormaps, image
from numpy.typing import NDArray
from shapely.geometry import box

from agri.grid import Grid
from agri.operations.layers import Layer
from agri.operations.maps.quicklook import RAMPS, Look, draw_photo_map, draw_quicklook
from agri.operations.picture import draw_picture
from tests import plans

UTM = (0.5, 0.0, 656_800.0, 0.0, -0.5, 2_332_000.0)


def grid_of(values: NDArray[np.float64], epsg: int = 32648) -> Grid:
    affine = UTM if epsg == 32648 else (5e-6, 0.0, 106.51, 0.0, -5e-6, 21.08)
    return Grid(values=values, affine=affine, epsg=epsg)


def pixels(png: bytes) -> NDArray[np.float64]:
    return np.asarray(image.imread(io.BytesIO(png)), dtype=np.float64)[..., :3]


def share(picture: NDArray[np.float64], colour: tuple[float, ...]) -> float:
    near = np.abs(picture - np.array(colour[:3])).max(axis=-1) < 0.02
    return float(near.mean())


def test_low_and_high_values_get_the_colours_of_the_ramps_ends() -> None:
    values = np.zeros((80, 120))
    values[:, 60:] = 1.0
    drawn = pixels(
        draw_quicklook(grid_of(values), Look(title="NDVI", legend="NDVI"), language="en")
    )
    ramp = colormaps[RAMPS["green"]]
    left, right = share(drawn, ramp(0.0)), share(drawn, ramp(1.0))
    assert left > 0.2
    assert right == pytest.approx(left, rel=0.1)


def test_nothing_is_drawn_where_there_is_no_value() -> None:
    values = np.full((80, 120), 0.5)
    whole = pixels(draw_quicklook(grid_of(values), Look(title="t", legend="l"), language="vi"))
    values[:, 60:] = np.nan
    half = pixels(draw_quicklook(grid_of(values), Look(title="t", legend="l"), language="vi"))
    white = (1.0, 1.0, 1.0)
    assert share(half, white) > share(whole, white) + 0.2
    nothing = grid_of(np.full((8, 9), np.nan))
    assert draw_quicklook(nothing, Look(title="t", legend="l"), language="vi").startswith(
        b"\x89PNG"
    )


@pytest.mark.parametrize("east_m", [400.0, 60.0])
def test_the_legend_of_a_small_map_is_not_cut_at_the_papers_edge(east_m: float) -> None:
    """Beside a narrow field there is room; below it a row of long names ran off the paper."""
    keys = ("field", "sensitive_ruoi", "photos_planned", "power_line", "no_fly", "sensitive_bees")
    field = plans.FIELD.frame.geometry_to_lonlat(box(0.0, 0.0, east_m, 300.0))
    layers = [Layer(key=f"page.layer.{key}", geometry=field, colour="#000000", fill=0.2)
              for key in keys]  # fmt: skip
    drawn = pixels(draw_picture(layers, title="", facts=(), language="vi", size_in=(5.0, 4.1)))
    assert drawn[:, :8].min() == 1.0, "nothing at the left edge"
    assert drawn[:, -8:].min() == 1.0, "nothing at the right edge"
    assert drawn[-8:].min() == 1.0, "nothing at the lower edge"


def test_one_bright_roof_does_not_make_the_field_look_all_the_same() -> None:
    values = np.tile(np.linspace(0.2, 0.6, 200), (100, 1))
    values[0, 0] = 1000.0
    drawn = pixels(draw_quicklook(grid_of(values), Look(title="t", legend="l"), language="vi"))
    assert len({tuple(c) for c in (drawn[300, 50:700:5] * 20).round().tolist()}) > 8


def test_change_is_drawn_about_zero() -> None:
    values = np.full((80, 120), -0.02)
    values[:, :60] = 0.4
    look = Look(title="t", legend="l", ramp="change")
    drawn = pixels(draw_quicklook(grid_of(values), look, language="vi"))
    ramp = colormaps[RAMPS["change"]]
    assert share(drawn, ramp(0.5 - 0.02 / 0.8)) > 0.2
    assert share(drawn, ramp(1.0)) > 0.2


def test_a_raster_in_degrees_keeps_the_shape_of_the_ground() -> None:
    values = np.zeros((100, 100))
    drawn = pixels(
        draw_quicklook(
            grid_of(values, 4326), Look(title="", legend="", ends=(0.0, 1.0)), language="vi"
        )
    )
    brown = np.abs(drawn - np.array(colormaps[RAMPS["green"]](0.0)[:3])).max(axis=-1) < 0.02
    brown[:, int(brown.shape[1] * 0.88) :] = False  # the legend
    rows, columns = np.flatnonzero(brown.any(axis=1)), np.flatnonzero(brown.any(axis=0))
    wide, high = np.ptp(columns), np.ptp(rows)
    assert wide / high == pytest.approx(np.cos(np.radians(21.08)), rel=0.03)


def test_classes_have_a_colour_each_and_a_photo_map_its_own() -> None:
    values = np.repeat([[1.0, 2.0, 3.0]], 30, axis=1).repeat(60, axis=0)
    look = Look(title="Vùng", legend="Vùng", classes={1: "yếu", 2: "vừa", 3: "tốt"})
    drawn = pixels(draw_quicklook(grid_of(values), look, language="vi"))
    colours = ((0.267, 0.004, 0.329), (0.192, 0.408, 0.557), (0.208, 0.718, 0.475))
    assert all(share(drawn, colour) > 0.1 for colour in colours)
    picture = np.zeros((60, 90, 4), np.uint8)
    picture[..., 0], picture[:, :45, 3] = 250, 255
    shown = pixels(
        draw_photo_map(picture, grid_of(values), Look(title="", legend=""), language="vi")
    )
    assert 0.15 < share(shown, (0.98, 0.0, 0.0)) < 0.5


def test_the_same_raster_gives_the_same_bytes() -> None:
    values = np.random.default_rng(3).random((40, 50))
    look = Look(title="Lúa", legend="NDVI", facts=(("Ngày", "22/11/2026"),))
    first, again = (draw_quicklook(grid_of(values), look, language="vi") for _ in range(2))
    assert first == again
