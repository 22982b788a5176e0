"""Lenses undone and bands laid on each other, with an error that can be believed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, map_coordinates

from agri.errors import BadInput
from imagery.bands import Band
from imagery.calibration.alignment import align, plane_start, rig_start, warped
from imagery.calibration.capture import capture_picture
from imagery.calibration.certificate import typed_certificate
from imagery.calibration.lens import bent_points, straight_points, undistorted
from imagery.calibration.panel import PanelReading, read_panel
from imagery.calibration.radiance import radiance
from imagery.calibration.reflectance import ground_calibration
from imagery.photo import BrownLens, FisheyeLens, Lens, Photo
from tests.real_captures import CERTIFICATE, rededge, sequoia

WIDTH, HEIGHT = 480, 360
BROWN = BrownLens(focal_x_px=700.0, focal_y_px=705.0, centre_x_px=242.0, centre_y_px=177.0,
                  k1=-0.1, k2=0.14, k3=-0.02, p1=3e-4, p2=6e-4)  # fmt: skip
FISHEYE = FisheyeLens(affine=(830.0, 0.0, 0.0, 830.0), polynomial=(0.0, 1.0, 0.0096, -0.1455),
                      centre_x_px=241.0, centre_y_px=175.0)  # fmt: skip


def photo(lens: Lens | None, **more: object) -> Photo:
    return Photo(path=Path("a.tif"), width_px=WIDTH, height_px=HEIGHT, bits=16, lens=lens,
                 **more)  # type: ignore[arg-type]  # fmt: skip


def texture(seed: int, shape: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    """Trees and soil: blobs of many sizes."""
    rng = np.random.default_rng(seed)
    layers = [size * gaussian_filter(rng.normal(size=shape), size) for size in (1.5, 3.0, 8.0)]
    return np.asarray(np.sum(layers, axis=0))


def seen_through(picture: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """What a band shows whose pixel matrix · p is the picture's pixel p."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(float)
    back = np.linalg.inv(matrix) @ np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    found = map_coordinates(picture, [back[1] / back[2], back[0] / back[2]], order=3, cval=np.nan)
    return np.asarray(found.reshape(HEIGHT, WIDTH))


@pytest.mark.parametrize("lens", [BROWN, FISHEYE])
def test_a_lens_bent_and_straightened_gives_the_points_back(lens: Lens) -> None:
    x, y = np.meshgrid(np.linspace(5, WIDTH - 6, 23), np.linspace(5, HEIGHT - 6, 17))
    points = np.column_stack([x.ravel(), y.ravel()])
    np.testing.assert_allclose(straight_points(lens, bent_points(lens, points)), points, atol=1e-5)


def test_brown_s_lens_is_opencv_s() -> None:
    cv2 = pytest.importorskip("cv2")
    matrix = np.array([[700.0, 0, 242.0], [0, 705.0, 177.0], [0, 0, 1.0]])
    bent = np.array([[12.0, 30.0], [460.0, 20.0], [233.0, 350.0]])
    theirs = cv2.undistortPoints(
        bent[:, None], matrix, np.array([-0.1, 0.14, 3e-4, 6e-4, -0.02]), P=matrix
    )
    np.testing.assert_allclose(straight_points(BROWN, bent), theirs[:, 0], atol=0.01)


@pytest.mark.parametrize("lens", [BROWN, FISHEYE])
def test_a_straight_line_seen_bent_is_straight_again(lens: Lens) -> None:
    straight = gaussian_filter(texture(1), 6.0)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(float)
    origin = straight_points(lens, np.column_stack([x.ravel(), y.ravel()]))
    bent = map_coordinates(straight, [origin[:, 1], origin[:, 0]], order=1, cval=np.nan)
    back = undistorted(photo(lens), bent.reshape(HEIGHT, WIDTH).astype(np.float32))
    inside = np.isfinite(back)
    assert inside.mean() > 0.9
    assert float(np.abs(back - straight)[inside].max()) < 0.05 * float(straight.std())


def test_a_lens_that_cannot_be_undone_is_refused() -> None:
    wild = BrownLens(focal_x_px=20.0, focal_y_px=20.0, centre_x_px=240.0, centre_y_px=180.0,
                     k1=-0.3, k2=0.2)  # fmt: skip
    with pytest.raises(BadInput, match="lens"):
        straight_points(wild, np.array([[0.0, 0.0]]))
    with pytest.raises(BadInput, match="lens"):
        undistorted(photo(None), np.zeros((HEIGHT, WIDTH), np.float32))


def homography(shift: tuple[float, float], turn_deg: float, grow: float) -> np.ndarray:
    turn = np.radians(turn_deg)
    middle = np.array([[1, 0, WIDTH / 2], [0, 1, HEIGHT / 2], [0, 0, 1.0]])
    inner = np.array([
        [grow * np.cos(turn), -np.sin(turn), shift[0]],
        [np.sin(turn), grow * np.cos(turn), shift[1]],
        [1e-5, -1e-5, 1.0],
    ])  # fmt: skip
    return np.asarray(middle @ inner @ np.linalg.inv(middle))


@settings(max_examples=3, deadline=None)
@given(
    st.tuples(st.floats(-18, 18), st.floats(-18, 18)),
    st.floats(-1.2, 1.2),
    st.floats(0.985, 1.015),
    st.integers(0, 99),
)
def test_a_band_moved_by_a_known_homography_is_brought_back_and_its_error_is_true(
    shift: tuple[float, float], turn: float, grow: float, seed: int
) -> None:
    scene = texture(seed)
    known = homography(shift, turn, grow)
    other = seen_through(-0.4 * scene, known)  # dark where the first is bright
    found = align([scene.astype(np.float32), other.astype(np.float32)])
    corners = np.array([(0, 0, 1), (WIDTH, 0, 1), (WIDTH, HEIGHT, 1), (0, HEIGHT, 1.0)])
    true, mine = (corners @ m.T for m in (known, found.bands[1].matrix))
    error = np.hypot(*(true[:, :2] / true[:, 2:] - mine[:, :2] / mine[:, 2:]).T)
    assert float(error.max()) < 0.5
    assert found.bands[1].residual_px < 0.15
    assert not found.findings


def test_what_remains_apart_is_measured_and_told() -> None:
    scene = texture(4)
    parallax = np.where(np.arange(WIDTH) % 200 < 100, 2.5, -2.5)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(float)
    other = map_coordinates(scene, [y, x + parallax], order=3, mode="nearest")
    found = align([scene.astype(np.float32), other.astype(np.float32)], names=["R", "NIR"])
    assert found.bands[1].residual_90_px > 2.0
    assert not found.bands[1].good
    assert [f.where for f in found.findings] == ["NIR"]


def test_a_band_that_cannot_be_brought_within_a_pixel_names_its_residual() -> None:
    scene = texture(4)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(float)
    wavy = 3.0 * np.sin(2.0 * np.pi * x / 160.0)
    other = map_coordinates(scene, [y + wavy, x], order=3, mode="nearest")
    found = align([scene.astype(np.float32), other.astype(np.float32)], names=["R", "NIR"])
    assert found.bands[1].residual_px > 1.0
    assert [(f.key, f.where) for f in found.findings] == [("finding.bands_apart", "NIR")]


def test_bands_that_have_nothing_in_common_are_never_called_aligned() -> None:
    for seed in range(2):
        pair = [texture(seed).astype(np.float32), texture(seed + 50).astype(np.float32)]
        found = align(pair)
        assert not found.bands[1].good
        assert found.findings


def test_a_picture_without_any_texture_cannot_be_aligned() -> None:
    flat = np.full((HEIGHT, WIDTH), 0.3, np.float32)
    found = align([texture(1).astype(np.float32), flat])
    assert [f.key for f in found.findings] == ["finding.bands_unknown"]


def test_bands_of_different_sizes_are_refused() -> None:
    with pytest.raises(BadInput, match="size"):
        align([np.zeros((9, 9), np.float32), np.zeros((9, 8), np.float32)])
    with pytest.raises(BadInput, match="reference"):
        align([np.zeros((9, 9), np.float32)], reference=3)


def test_dji_s_own_matrices_give_the_start() -> None:
    one, two = homography((3.0, -4.0), 0.3, 1.0), homography((-5.0, 2.0), -0.2, 1.01)
    base = photo(None, homography=tuple(np.linalg.inv(one).ravel()))
    band = photo(None, homography=tuple(np.linalg.inv(two).ravel()))
    start = plane_start(base, band)
    assert start is not None
    expected = two @ np.linalg.inv(one)
    np.testing.assert_allclose(start, expected / expected[2, 2], atol=1e-9)
    assert plane_start(base, photo(None)) is None


def test_lenses_and_the_rig_s_turns_give_the_start() -> None:
    turned = photo(BROWN, rig_rotation_deg=(0.0, 0.0, 1.0))
    start = rig_start(photo(BROWN), turned)
    assert start is not None
    middle = start @ np.array([242.0, 177.0, 1.0])
    np.testing.assert_allclose(middle[:2] / middle[2], [242.0, 177.0], atol=1e-9)
    assert np.degrees(np.arctan2(start[1, 0] * 700.0 / 705.0, start[0, 0])) == pytest.approx(1.0)
    assert rig_start(photo(None), turned) is None


def straightened(capture: str, number: int) -> np.ndarray:
    taken, counts = rededge(capture, number)
    return undistorted(taken, radiance(taken, counts).values)


def test_the_bands_of_a_real_field_lie_within_a_third_of_a_pixel() -> None:
    pictures = [straightened("IMG_0001", number) for number in range(1, 6)]
    starts = [rig_start(rededge("IMG_0001", 2)[0], rededge("IMG_0001", n)[0]) for n in range(1, 6)]
    found = align(pictures, starts=starts, reference=1)
    assert not found.findings
    assert max(band.residual_px for band in found.bands) < 0.33
    assert max(band.residual_90_px for band in found.bands) < 0.8
    assert warped(pictures[0], found.bands[0]).shape == pictures[0].shape


def test_a_real_close_up_whose_depth_no_homography_can_take_is_told_of() -> None:
    pictures = []
    for name in ("GRE", "NIR"):
        taken, counts = sequoia(name)
        pictures.append(undistorted(taken, radiance(taken, counts).values)[:480, :640])
    assert [f.where for f in align(pictures, names=["GRE", "NIR"]).findings] == ["NIR"]


def test_a_whole_real_capture_becomes_one_picture_of_reflectance() -> None:
    paper = typed_certificate("RP02-1603036-SC", CERTIFICATE)
    readings = [read_panel(*rededge("IMG_0000", n), certificate=paper) for n in range(1, 6)]
    kept = [reading for reading in readings if isinstance(reading, PanelReading)]
    photos = [rededge("IMG_0001", number)[0] for number in range(1, 6)]
    calibration = ground_calibration(photos, kept)
    told: list[float] = []

    def read(taken: Photo) -> np.ndarray:
        return rededge("IMG_0001", (taken.band_index or 0) + 1)[1]

    found = capture_picture(photos, read, calibration, progress=told.append)
    assert found.values.shape == (5, 960, 1280)
    assert found.relative == (False,) * 5
    assert not found.findings
    assert told == sorted(told)
    assert told[-1] == 1.0
    red, nir = found.values[2], found.values[3]
    ndvi = (nir - red) / (nir + red)
    assert 0.5 < float(np.nanquantile(ndvi, 0.9)) < 0.95  # vines and trees
    assert -0.1 < float(np.nanquantile(ndvi, 0.1)) < 0.35  # the track and bare soil
    again = capture_picture(photos, read, calibration, before=found.alignment)
    assert {band.how for band in again.alignment.bands} <= {"reference", "told"}


def test_a_photo_without_a_known_band_or_lens_is_refused_or_told() -> None:
    taken, counts = rededge("IMG_0001", 1)
    calibration = ground_calibration([taken])
    with pytest.raises(BadInput, match="one file"):
        capture_picture([replace(taken, bands=())], lambda _: counts, calibration)
    bent = replace(taken, lens=None)
    found = capture_picture([bent], lambda _: counts, calibration)
    assert "finding.photo_no_lens" in {f.key for f in found.findings}
    assert found.bands == (Band.at("Blue", 475.0, 20.0),)
