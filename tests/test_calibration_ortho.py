"""Finished orthomosaics: calibrated by targets, and their numbers' scale settled or doubted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from rasterio import Affine

from agri.errors import BadInput
from agri.zone import Zone
from imagery.bands import Band
from imagery.calibration.calibrated_ortho import calibrate_ortho
from imagery.calibration.certificate import grey_certificate, typed_certificate
from imagery.calibration.empirical import Target, fit_line, fit_lines, known_reflectance
from imagery.calibration.number_scale import judge_scale, number_scale
from imagery.raster import Ortho, blocks, open_ortho

WEST, NORTH, PIXEL_M = 657_000.0, 2_332_000.0, 0.05


def written(path: Path, bands: np.ndarray, names: tuple[str, ...], **more: object) -> Ortho:
    """A GeoTIFF in UTM 48N, opened as its facts."""
    with rasterio.open(
        path, "w", driver="GTiff", count=len(bands), height=bands.shape[1], width=bands.shape[2],
        dtype=str(bands.dtype), crs="EPSG:32648",
        transform=Affine(PIXEL_M, 0.0, WEST, 0.0, -PIXEL_M, NORTH),
    ) as file:  # fmt: skip
        file.write(bands)
        file.descriptions = names
        file.update_tags(**{key: str(value) for key, value in more.items()})
    return open_ortho(path)


def zone(name: str, column: int, row: int, side: int) -> Zone:
    """A square of pixels on the ground."""
    west, south, east, north = (
        WEST + column * PIXEL_M, NORTH - (row + side) * PIXEL_M,
        WEST + (column + side) * PIXEL_M, NORTH - row * PIXEL_M,
    )  # fmt: skip
    turn = Transformer.from_crs(32648, 4326, always_xy=True)
    x, y = turn.transform([west, east, east, west], [south, south, north, north])
    return Zone(name=name, area=shapely.Polygon(zip(x, y, strict=True)))


@pytest.fixture
def field(tmp_path: Path) -> tuple[Ortho, np.ndarray, list[Target]]:
    """Two bands of known reflectance stored by lines of their own, and four grey tarpaulins."""
    rng = np.random.default_rng(11)
    truth = rng.uniform(0.03, 0.5, (2, 200, 240))
    targets = []
    for number, value in enumerate((0.03, 0.12, 0.24, 0.48)):
        column = 20 + 50 * number
        truth[:, 30:60, column : column + 30] = value
        targets.append(Target(zone=zone(f"tarp {number}", column + 4, 34, 20),
                              certificate=grey_certificate(value)))  # fmt: skip
    noise = rng.normal(1.0, 0.01, truth.shape)
    gain, offset = np.array([9000.0, 15000.0]), np.array([600.0, 250.0])
    stored = truth * noise * gain[:, None, None] + offset[:, None, None]
    ortho = written(tmp_path / "field.tif", np.round(stored).astype(np.uint16), ("Red", "NIR"))
    return ortho, truth, targets


def test_targets_calibrate_a_plain_orthomosaic(
    field: tuple[Ortho, np.ndarray, list[Target]],
) -> None:
    ortho, truth, targets = field
    lines, findings = fit_lines(ortho, targets)
    assert [line.band for line in lines] == ["Red", "NIR"]
    assert not findings
    with rasterio.open(ortho.path) as file:
        stored = file.read().astype(np.float32)
    for line, numbers, known in zip(lines, stored, truth, strict=True):
        assert line.r2 > 0.999
        assert line.rmse < 0.002
        assert line.left_out_rmse is not None
        assert line.left_out_rmse < 0.005
        error = np.abs(line.reflectance(numbers) - known)
        assert float(np.percentile(error, 95)) <= 0.01
        assert line.outside(line.reflectance(numbers)) == 0
        assert line.outside(np.array([0.9, np.nan, 0.3], np.float32)) == 1


def test_two_targets_calibrate_but_their_perfect_fit_is_not_believed(
    field: tuple[Ortho, np.ndarray, list[Target]],
) -> None:
    ortho, _, targets = field
    lines, findings = fit_lines(ortho, [targets[0], targets[3]])
    assert {line.left_out_rmse for line in lines} == {None}
    assert [f.key for f in findings] == ["finding.empirical_two"] * 2


def test_a_target_whose_paper_is_wrong_shows_in_the_error(
    field: tuple[Ortho, np.ndarray, list[Target]],
) -> None:
    ortho, _, targets = field
    wrong = Target(zone=targets[2].zone, certificate=grey_certificate(0.4))
    lines, findings = fit_lines(ortho, [*targets[:2], wrong, targets[3]])
    assert {f.key for f in findings} == {"finding.empirical_poor"}
    assert max(line.rmse for line in lines) > 0.04


def test_an_outline_over_the_edge_of_a_target_is_told_of(
    field: tuple[Ortho, np.ndarray, list[Target]],
) -> None:
    ortho, _, targets = field
    loose = Target(zone=zone("loose", 160, 25, 40), certificate=grey_certificate(0.48))
    _, findings = fit_lines(ortho, [*targets[:3], loose])
    assert ("finding.target_uneven", "loose") in {(f.key, f.where) for f in findings}


def test_the_calibrated_orthomosaic_tells_what_it_stands_on(
    field: tuple[Ortho, np.ndarray, list[Target]], tmp_path: Path
) -> None:
    pytest.importorskip("imagecodecs")
    ortho, truth, targets = field
    named = replace(ortho, bands=(Band.at("Red", 650.0, 32.0), Band.at("NIR", 860.0, 52.0)))
    lines, _ = fit_lines(named, targets)
    made = calibrate_ortho(tmp_path / "reflectance.tif", named, lines)
    assert made is not None
    assert not made.findings
    again = open_ortho(made.product.path)
    assert [band and (band.name, band.centre_nm) for band in again.bands] == [
        ("Red", 650.0), ("NIR", 860.0)]  # fmt: skip
    assert again.reflectance_at == 1.0
    for _, values in blocks(again, [1, 2]):
        error = np.abs(values - truth[:, : values.shape[1], : values.shape[2]])
        assert float(np.percentile(error, 95)) <= 0.01
    with rasterio.open(made.product.path) as file:
        assert float(file.tags(2)["ERROR_OF_TARGETS"]) < 0.005
        assert file.tags()["CALIBRATION"].startswith("empirical")
    with pytest.raises(BadInput, match="other bands"):
        calibrate_ortho(tmp_path / "no.tif", named, lines[::-1])


def test_reflectance_far_from_the_targets_is_told_of(
    field: tuple[Ortho, np.ndarray, list[Target]], tmp_path: Path
) -> None:
    pytest.importorskip("imagecodecs")
    ortho, _, targets = field
    lines, _ = fit_lines(ortho, targets[:3])
    made = calibrate_ortho(tmp_path / "dark.tif", ortho, lines)
    assert made is not None
    assert {f.key for f in made.findings} == {"finding.empirical_beyond"}


@settings(max_examples=60)
@given(
    st.lists(st.floats(0.02, 0.9), min_size=3, max_size=8, unique=True),
    st.floats(1e-6, 10.0),
    st.floats(-0.2, 0.2),
)
def test_a_line_through_points_on_a_line_is_that_line(
    known: list[float], gain: float, offset: float
) -> None:
    if max(known) - min(known) < 0.05:
        return
    line = fit_line("Red", [(value - offset) / gain for value in known], known)
    assert line.gain == pytest.approx(gain, rel=1e-6)
    assert line.offset == pytest.approx(offset, abs=1e-6)
    assert line.r2 == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize(
    ("measured", "known", "key"),
    [
        ([100.0], [0.1], "error.empirical_targets"),
        ([100.0, 100.0], [0.1, 0.5], "error.empirical_alike"),
        ([100.0, 900.0], [0.5, 0.1], "error.empirical_falling"),
        ([100.0, float("nan")], [0.1, 0.5], "error.empirical_empty"),
    ],
)
def test_targets_that_carry_no_line_are_refused(
    measured: list[float], known: list[float], key: str
) -> None:
    with pytest.raises(BadInput) as error:
        fit_line("Red", measured, known)
    assert error.value.message.key == key


def test_targets_too_alike_are_warned_of() -> None:
    line = fit_line("Red", [100.0, 200.0, 300.0], [0.1, 0.12, 0.14])
    assert [f.key for f in line.findings] == ["finding.empirical_narrow"]


def test_a_coloured_target_needs_a_band_of_known_wavelength() -> None:
    leaf = Target(zone=zone("leaf", 0, 0, 4),
                  certificate=typed_certificate("", {560.0: 0.12, 840.0: 0.5}))  # fmt: skip
    assert known_reflectance(leaf, Band.at("NIR", 840.0)) == 0.5
    with pytest.raises(BadInput, match="leaf"):
        known_reflectance(leaf, Band.named("Green"))


LEAVES = np.random.default_rng(3).uniform(0.35, 0.5, 900).astype(np.float32)


@pytest.mark.parametrize("scale", [1.0, 100.0, 10_000.0, 32_768.0])
def test_the_scale_of_vegetation_is_settled_by_its_numbers(scale: float) -> None:
    found = judge_scale(top=0.62 * scale, red=LEAVES * 0.1 * scale, nir=LEAVES * scale,
                        kind="uint16")  # fmt: skip
    assert (found.reflectance_at, found.why) == (scale, "numbers")
    assert [f.key for f in found.findings] == ["finding.scale_assumed"]


def test_bare_soil_could_be_on_two_scales_and_is_not_guessed() -> None:
    soil = np.full(100, 2500.0, np.float32)
    found = judge_scale(top=5000.0, red=0.8 * soil, nir=soil, kind="uint16")
    assert (found.reflectance_at, found.why) == (None, "unknown")
    assert found.findings[0].text("en").endswith("10000, 32768.")


def test_eight_bits_are_no_reflectance() -> None:
    found = judge_scale(top=250.0, red=LEAVES * 30, nir=LEAVES * 300, kind="uint8")
    assert found.reflectance_at is None
    assert found.findings[0].key == "finding.scale_eight_bits"


def test_a_declared_scale_that_the_numbers_contradict_is_not_believed() -> None:
    found = judge_scale(top=6200.0, red=LEAVES * 1000, nir=LEAVES * 10_000, kind="float32",
                        declared=1.0)  # fmt: skip
    assert (found.reflectance_at, found.why) == (10_000.0, "numbers")
    assert found.findings[0].key == "finding.scale_contradicted"
    right = judge_scale(top=0.62, red=LEAVES * 0.1, nir=LEAVES, kind="float32", declared=1.0)
    assert (right.reflectance_at, right.why, right.findings) == (1.0, "declared", ())


def test_what_a_program_always_writes_settles_bare_soil_too(tmp_path: Path) -> None:
    soil = np.full((2, 300, 500), 8000, np.uint16)
    words = {"TIFFTAG_SOFTWARE": "Agisoft Metashape Professional"}
    ortho = written(tmp_path / "soil.tif", soil, ("Red", "NIR"), **words)
    found = number_scale(ortho)
    assert (found.reflectance_at, found.why) == (32_768.0, "program")


def test_a_file_s_own_sample_settles_its_scale(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    nir = rng.uniform(3000.0, 5000.0, (900, 700))
    bands = np.stack([nir * 0.1, nir]).astype(np.uint16)
    bands[:, :200] = 0
    found = number_scale(written(tmp_path / "rice.tif", bands, ("Red", "NIR")))
    assert (found.reflectance_at, found.why) == (10_000.0, "numbers")


def test_layers_that_nothing_names_leave_the_scale_unknown_and_two_reds_are_refused(
    tmp_path: Path,
) -> None:
    bands = np.full((2, 60, 60), 3000, np.uint16)
    nameless = replace(written(tmp_path / "a.tif", bands, ("x", "y")), bands=(None, None))
    found = number_scale(nameless)
    assert (found.reflectance_at, found.why) == (None, "unknown")
    twice = replace(nameless, bands=(Band.at("Red", 650.0, 16.0), Band.at("Red", 668.0, 14.0)))
    with pytest.raises(BadInput, match="668 nm"):
        number_scale(twice)


def test_a_declared_scale_that_nothing_can_replace_leaves_it_unknown() -> None:
    found = judge_scale(top=5000.0, red=None, nir=None, kind="float32", declared=1.0)
    assert (found.reflectance_at, found.why) == (None, "unknown")
