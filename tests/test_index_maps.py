"""Maps of indices: right pixels, exact masks with the ground they take, and honest words."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rio_cogeo.cogeo import cog_validate

from agri.errors import BadInput
from imagery.bands import Role
from imagery.indices.catalogue import custom
from imagery.indices.maps import IndexMap, index_map, index_recipe
from imagery.indices.reflectance import conventions, judge_reflectance
from imagery.masks import find_mask, mask_of, otsu, pixel_area_m2, sampled
from imagery.raster import Ortho, open_ortho, read_grid
from imagery.raster.tiles import Encoding
from tests.ortho_files import reflectances, write_ortho


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Soil on the left, crop on the right, a pond, a shadow and a cloud."""
    stored = np.zeros((5, 600, 700), np.uint16)
    for band, (soil, crop, pond, shadow, cloud) in enumerate([
        (900, 300, 600, 80, 6000), (1200, 800, 500, 200, 6100), (1800, 400, 300, 100, 6000),
        (2200, 1500, 200, 350, 6200), (2800, 5000, 100, 1200, 6300),
    ]):  # fmt: skip
        stored[band, :, :300], stored[band, :, 300:] = soil, crop
        stored[band, 100:140, 400:440] = pond
        stored[band, 200:260, 500:503] = shadow
        stored[band, 511:513, 511:513] = cloud
    stored[:, :10, :] = 0
    noise = np.random.default_rng(2).normal(1, 0.02, stored.shape)
    return write_ortho(
        tmp_path_factory.mktemp("scene") / "scene.tif",
        np.where(stored == 0, 0, np.maximum(1, stored * noise)).astype(np.uint16),
    )


def opened(path: Path, at: float | None = 10_000) -> Ortho:
    return open_ortho(path, reflectance_at=at)


def made(path: Path, ortho: Ortho, names: Any, **options: Any) -> IndexMap:
    found = index_map(path, ortho, names, **options)
    assert found is not None
    return found


def keys(found: IndexMap) -> list[str]:
    return [finding.key for finding in found.findings]


def test_several_indices_in_one_pass_are_right_and_their_error_is_as_told(tmp_path: Path) -> None:
    stored = reflectances(600, 530)
    ortho = opened(write_ortho(tmp_path / "a.tif", stored))
    names = ["ndvi", "NDRE", "SAVI", "TGI", "CIG", "MCARI2"]
    found = made(tmp_path / "out.tif", ortho, names)
    recipe = index_recipe(ortho, names)
    values = np.where(stored == 0, np.nan, stored / 10_000)
    bands = {name: values[layer - 1] for role, layer in ortho.roles.items() for name in [role]}
    bands["RE"] = bands[Role.RE1]
    assert cog_validate(tmp_path / "out.tif", strict=True)[0]
    with rasterio.open(tmp_path / "out.tif") as file:
        for number, (entry, row) in enumerate(zip(recipe.indices, found.summaries, strict=True), 1):
            truth = entry.term({str(k): v for k, v in bands.items()})
            seen = file.read(number, masked=True) * file.scales[number - 1]
            assert np.array_equal(np.ma.getmaskarray(seen), np.isnan(truth))
            worst = np.nanmax(np.abs(np.ma.filled(seen, np.nan) - truth))
            assert worst <= row.error * 1.02 + 2e-6 * np.nanmax(np.abs(truth))
            assert row.mean == pytest.approx(np.nanmean(truth), abs=row.error)
            assert row.pixels == np.isfinite(truth).sum()
            tags = file.tags(number)
            assert float(tags["ERROR"]) == row.error == entry.scale / 2
            assert tags["FORMULA"].startswith(entry.formula)
            assert tags["SOURCE"]
        assert file.tags(3)["FORMULA"].endswith("with L = 0.5")
        assert "RE = Red edge 717 nm" in file.tags(2)["BANDS"]
    assert keys(found) == ["finding.index_red_edge"]


def test_float32_keeps_every_bit(tmp_path: Path) -> None:
    stored = reflectances(100, 90)
    ortho = opened(write_ortho(tmp_path / "a.tif", stored))
    made(tmp_path / "out.tif", ortho, ["NDVI"], encoding=Encoding(kind="float32"))
    assert cog_validate(tmp_path / "out.tif", strict=True)[0]
    values = stored.astype(np.float32) * np.float32(1e-4)
    with np.errstate(all="ignore"):
        truth = (values[4] - values[2]) / (values[4] + values[2])
    truth[(stored[2] == 0) | (stored[4] == 0)] = np.nan
    with rasterio.open(tmp_path / "out.tif") as file:
        assert np.array_equal(file.read(1), truth, equal_nan=True)


def test_camera_numbers_give_ratios_with_a_warning_and_nothing_that_means_reflectance(
    tmp_path: Path, scene: Path
) -> None:
    raw = opened(scene, None)
    found = made(tmp_path / "raw.tif", raw, ["NDVI"])
    assert keys(found) == ["finding.reflectance_likely"]
    assert "10000" in found.findings[0].text("en")
    with rasterio.open(tmp_path / "raw.tif") as file:
        assert file.tags()["CALIBRATION"].startswith("none")
    calibrated = made(tmp_path / "cal.tif", opened(scene), ["NDVI"], calibration="panel 12:01")
    assert calibrated.findings == ()
    with rasterio.open(tmp_path / "raw.tif") as a, rasterio.open(tmp_path / "cal.tif") as b:
        assert np.abs(a.read(1).astype(int) - b.read(1)).max() <= 1
        assert b.tags()["CALIBRATION"] == "panel 12:01"
    for name in ("SAVI", "EVI", "OSAVI", "MSAVI", "MCARI", "TGI"):
        with pytest.raises(BadInput, match="needs reflectance"):
            index_recipe(raw, [name])


def test_what_cannot_be_made_is_refused_before_anything_is_read(
    tmp_path: Path, scene: Path
) -> None:
    ortho = opened(scene)
    with pytest.raises(BadInput, match=r"NDMI needs S1.*1 Blue 475 nm \(B\)"):
        index_recipe(ortho, [custom("NDMI", "(N - S1) / (N + S1)")])
    with pytest.raises(BadInput, match="each once"):
        index_recipe(ortho, ["NDVI", "ndvi"])
    with pytest.raises(BadInput, match="at least one"):
        index_recipe(ortho, [])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "rows", "columns"),
    [
        ("soil", slice(10, 600), slice(0, 300)),
        ("water", slice(100, 140), slice(400, 440)),
        ("shadow", slice(200, 260), slice(500, 503)),
        ("cloud", slice(511, 513), slice(511, 513)),
    ],
)
def test_a_mask_takes_exactly_its_ground_and_tells_how_much(
    tmp_path: Path, scene: Path, name: str, rows: slice, columns: slice
) -> None:
    wanted = np.zeros((600, 700), bool)
    wanted[rows, columns] = True
    also = np.zeros_like(wanted)  # a pond is dark as a shadow and bare as soil; so are the others
    also[100:140, 400:440] = name in ("soil", "shadow")
    also[511:513, 511:513] = name == "soil"
    found = made(tmp_path / "out.tif", opened(scene), ["NDVI", "GNDVI"], masks=[name])
    with rasterio.open(tmp_path / "out.tif") as file:
        for band in (1, 2):
            gone = np.ma.getmaskarray(file.read(band, masked=True)).copy()
            assert gone[:10].all()
            gone[:10] = False
            assert np.array_equal(gone, (wanted | also)), name
        assert file.tags()["MASKS"].startswith(f"{name}: ")
    together, alone = found.removed
    pixels = int((wanted | also).sum())
    assert together.pixels == alone.pixels == pixels
    assert alone.area_m2 == pytest.approx(pixels * 0.0025)
    assert alone.share == pytest.approx(pixels / (590 * 700))
    assert "finding.mask_removed" in keys(found)


def test_masks_together_count_what_they_share_once(tmp_path: Path, scene: Path) -> None:
    ortho = opened(scene)
    own = mask_of("bare", "(N - R) / (N + R)", ortho, below=0.4)
    found = made(tmp_path / "out.tif", ortho, ["NDVI"], masks=["soil", "water", own])
    together, *each = found.removed
    assert together.pixels < sum(part.pixels for part in each)
    assert together.pixels == 590 * 300 + 1600 + 4
    assert found.summaries[0].pixels == 590 * 700 - together.pixels


def test_a_mask_that_the_bands_do_not_allow_is_refused(tmp_path: Path, scene: Path) -> None:
    ortho = opened(scene)
    picture = np.random.default_rng(1).integers(1, 255, (3, 40, 50), dtype=np.uint8)
    rgb = open_ortho(write_ortho(tmp_path / "rgb.tif", picture, ("R", "G", "B")))
    with pytest.raises(BadInput, match="needs N"):
        find_mask("water", rgb)
    with pytest.raises(BadInput, match="holds camera numbers"):
        find_mask("cloud", rgb)
    with pytest.raises(BadInput, match="choose soil, shadow"):
        find_mask("fog", ortho)
    with pytest.raises(BadInput, match="no band N"):
        mask_of("mine", "N", rgb, below=1.0)
    for limits in ({}, {"below": 1.0, "above": 2.0}, {"below": float("nan")}):
        with pytest.raises(BadInput, match="exactly one threshold"):
            mask_of("mine", "N", ortho, **limits)
    assert find_mask("soil", rgb).formula.startswith("(2 * G")
    assert find_mask("shadow", rgb).threshold > 0


def test_a_map_without_any_value_and_one_cut_off_are_told(tmp_path: Path, scene: Path) -> None:
    ortho = opened(scene)
    nothing = mask_of("all", "N", ortho, above=-1.0)
    found = made(tmp_path / "out.tif", ortho, ["NDVI"], masks=[nothing])
    assert "finding.index_empty" in keys(found)
    assert found.removed[0].share == 1.0
    wide = made(tmp_path / "cut.tif", ortho, [custom("big", "N / R * 50", low=-1, high=1)])
    assert "finding.index_clipped" in keys(wide)
    for finding in (*found.findings, *wide.findings):
        assert finding.text("vi") != finding.text("en")


@pytest.mark.parametrize(
    ("full", "kind", "fits"),
    [
        (10_000, "uint16", (10_000,)), (32_768, "uint16", (32_768,)), (255, "uint8", (255,)),
        (1, "float32", (1,)), (100, "float32", (100,)), (65_535, "uint16", (65_535, 32_768)),
        (1_000_000, "float32", ()),
    ],
)  # fmt: skip
def test_a_few_pixels_tell_which_convention_a_file_may_follow(
    tmp_path: Path, full: int, kind: str, fits: tuple[float, ...]
) -> None:
    stored = (reflectances(300, 300) / 10_000 * full * 1.25).astype(kind)
    ortho = open_ortho(write_ortho(tmp_path / "a.tif", stored))
    assert set(conventions(ortho)) >= set(fits[:1])
    assert len(conventions(ortho)) <= 2
    told = [finding.key for finding in judge_reflectance(ortho)]
    if kind == "float32":  # decimal numbers count as reflectance until they cannot be
        assert told == ([] if full == 1 else ["finding.reflectance_bright"])
    else:
        assert told == ["finding.reflectance_likely"]
    known = replace(ortho, reflectance_at=float(full))
    assert judge_reflectance(known) == []


def test_a_product_is_read_back_as_a_grid_and_never_replaces_its_input(
    tmp_path: Path, scene: Path
) -> None:
    made(tmp_path / "out.tif", opened(scene), ["GNDVI", "NDVI"])
    grid = read_grid(tmp_path / "out.tif", band=2)
    with rasterio.open(tmp_path / "out.tif") as file:
        seen = np.ma.filled(file.read(2, masked=True) * 1e-4, np.nan)
    assert np.array_equal(np.isnan(grid.values), np.isnan(seen))
    np.testing.assert_allclose(grid.values, seen, atol=1e-9)
    before = scene.read_bytes()
    with pytest.raises(BadInput, match="input and product"):
        index_map(scene, opened(scene), ["NDVI"])
    assert scene.read_bytes() == before


def test_otsu_parts_two_heaps_and_survives_one() -> None:
    chance = np.random.default_rng(1)
    two = np.concatenate([chance.normal(0.2, 0.03, 5000), chance.normal(0.8, 0.05, 3000)])
    assert 0.3 < otsu(two.astype(np.float32)) < 0.65
    assert otsu(np.full(9, 0.5, np.float32)) == 0.5
    assert otsu(np.empty(0, np.float32)) == 0.0


def test_a_sample_is_spread_over_the_scene_and_the_pixel_s_area_is_on_the_earth(
    tmp_path: Path, scene: Path
) -> None:
    ortho = opened(scene)
    mask = find_mask("water", ortho)
    assert sampled(ortho, mask.term).size > 100_000
    degrees = 0.05 / 111_320
    flat = write_ortho(
        tmp_path / "deg.tif", reflectances(20, 20), crs="EPSG:4326",
        transform=rasterio.Affine(degrees, 0, 106.5, 0, -degrees, 21.08),
    )  # fmt: skip
    assert pixel_area_m2(open_ortho(flat)) == pytest.approx(
        0.0025 * np.cos(np.radians(21.08)), rel=0.01
    )


def test_a_recipe_can_be_sent_to_another_machine(scene: Path) -> None:
    recipe = index_recipe(opened(scene), ["NDVI", "NDRE"], masks=["water"])
    again = pickle.loads(pickle.dumps(recipe))  # noqa: S301 - our own bytes
    assert again == recipe
    assert again.identity == recipe.identity
