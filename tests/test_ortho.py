"""Orthomosaics: what a file tells of itself, and windows that give every pixel once."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from agri.errors import AgriError, BadInput
from imagery.bands import Role, sensor
from imagery.raster import Window, blocks, open_ortho
from tests.ortho_files import reflectances, write_ortho
from tests.sizes import of_full

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("AGRI_SHARED", ROOT.parent / "shared")) / "data" / "imagery"
Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(values: NDArray[Any], names: tuple[str, ...] = (), **options: Any) -> Path:
        path = tmp_path / "ortho.tif"
        profile = {
            "driver": "GTiff", "count": len(values), "height": values.shape[1],
            "width": values.shape[2], "dtype": values.dtype, "crs": "EPSG:32648",
            "transform": rasterio.Affine(0.05, 0, 656000, 0, -0.05, 2332000),
        }  # fmt: skip
        with rasterio.open(path, "w", **(profile | options)) as target:
            target.write(values)
            for number, name in enumerate(names, 1):
                target.set_band_description(number, name)
        return path

    return made


def scene(seed: int = 1, shape: tuple[int, int, int] = (5, 150, 170)) -> NDArray[np.uint16]:
    return np.random.default_rng(seed).integers(1, 9000, shape, dtype=np.uint16)


def whole(path: Path, bands: Any, **options: Any) -> NDArray[np.float32]:
    facts = open_ortho(path)
    found = np.full((len(bands), facts.height, facts.width), 777, np.float32)
    for window, values in blocks(facts, bands, **options):
        assert (found[(slice(None), *window.slices)] == 777).all()
        found[(slice(None), *window.slices)] = values
    return found


@pytest.mark.parametrize(
    "layout",
    [
        {"tiled": True, "blockxsize": 64, "blockysize": 32},
        {"tiled": True, "blockxsize": 16, "blockysize": 16, "interleave": "pixel"},
        {"tiled": False, "blockysize": 7},
        {"tiled": False, "blockysize": 150},
    ],
)
@pytest.mark.parametrize("side", [20, 64, 1000])
def test_windows_cover_every_pixel_once_in_any_layout(
    make: Make, layout: dict[str, Any], side: int
) -> None:
    values = scene()
    path = make(values, compress="deflate", **layout)
    assert np.array_equal(whole(path, [4, 1], side=side), values[[3, 0]])


def test_a_part_is_read_as_the_same_pixels(make: Make) -> None:
    values = scene()
    facts = open_ortho(make(values, tiled=True, blockxsize=32, blockysize=32))
    area = Window(column=41, row=13, width=77, height=101)
    found = np.zeros((1, facts.height, facts.width))
    for window, part in blocks(facts, [2], side=32, area=area):
        found[(slice(None), *window.slices)] = part
    assert np.array_equal(found[0][area.slices], values[1][area.slices])
    found[0][area.slices] = 0
    assert not found.any()


def test_nodata_alpha_and_mask_become_nan_in_their_own_bands_only(make: Make) -> None:
    values = scene()
    values[0, 3:9, 4:11] = 0
    values[4] = 65535
    values[4, 20:30, 40:50] = 0
    path = make(values, ("Red", "NIR", "x", "y", "alpha"), nodata=0)
    facts = open_ortho(path, bands=("Red", "NIR", "-", "-", "alpha"))
    assert facts.alpha == 5
    assert facts.bands[2:] == (None, None, None)
    ((_, found),) = blocks(facts, [Role.R, 2])
    hidden, none = np.zeros((2, 150, 170), bool)
    hidden[20:30, 40:50] = True
    none[3:9, 4:11] = True
    assert np.array_equal(np.isnan(found[0]), hidden | none)
    assert np.array_equal(np.isnan(found[1]), hidden)


def test_an_internal_mask_counts(make: Make) -> None:
    path = make(scene())
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as target:
        mask = np.full((150, 170), 255, np.uint8)
        mask[:40] = 0
        target.write_mask(mask)
    assert open_ortho(path).masked
    assert np.array_equal(np.isnan(whole(path, [3])[0]), mask == 0)


def test_scale_and_offset_are_applied_and_infinities_are_none(make: Make) -> None:
    values = np.array([[[0.1, np.inf, -np.inf, np.nan, 0.5]]], np.float32)
    assert np.array_equal(
        whole(make(values), [1])[0, 0], np.float32([0.1, np.nan, np.nan, np.nan, 0.5]),
        equal_nan=True,
    )  # fmt: skip
    path = make(scene())
    with rasterio.open(path, "r+") as target:
        target.scales, target.offsets = (0.0001,) * 5, (-0.1,) * 5
    assert open_ortho(path).reflectance_at == 1.0
    np.testing.assert_allclose(whole(path, [2])[0], scene()[1] * 1e-4 - 0.1, atol=1e-6)


def test_a_nodata_value_that_the_numbers_cannot_hold_hides_nothing(make: Make) -> None:
    values = np.full((1, 20, 20), 55536, np.uint16)  # -10000 wraps to this
    facts = open_ortho(make(values))
    told = replace(facts, nodata=(-10000.0,))
    ((_, found),) = blocks(told, [1])
    assert not np.isnan(found).any()


def test_bands_are_known_by_name_wavelength_or_the_caller_never_by_position(make: Make) -> None:
    assert open_ortho(make(scene())).bands == (None,) * 5
    named = open_ortho(make(scene(), ("Blue", "Green", "Red", "NIR", "Red edge 717 nm")))
    assert named.roles == {Role.B: 1, Role.G: 2, Role.R: 3, Role.N: 4, Role.RE1: 5}
    assert named.bands[4] is not None
    assert named.bands[4].label == "Red edge 717 nm"
    told = open_ortho(make(scene()), bands=("N", "R", "RE1", "G", "B"))
    assert told.roles[Role.N] == 1
    camera = open_ortho(make(scene()), sensor=sensor("RedEdge-MX"), in_camera_order=True)
    assert [band.centre_nm for band in camera.bands if band] == [475, 560, 668, 842, 717]


def test_a_wavelength_in_a_band_tag_is_believed(make: Make) -> None:
    path = make(scene(shape=(2, 9, 9)))
    with rasterio.open(path, "r+") as target:
        target.update_tags(1, wavelength="842", fwhm="57")
        target.update_tags(2, ns="IMAGERY", CENTRAL_WAVELENGTH_UM="0.668", FWHM_UM="0.014")
    assert open_ortho(path).roles == {Role.N: 1, Role.R: 2}


def test_colours_are_believed_for_a_picture_but_not_for_a_multispectral_file(make: Make) -> None:
    rgb = make(scene(shape=(3, 20, 20)).astype(np.uint8), photometric="RGB")
    assert open_ortho(rgb).roles == {Role.R: 1, Role.G: 2, Role.B: 3}
    assert open_ortho(make(scene(), photometric="RGB")).roles == {}


def test_what_stands_for_full_reflectance_is_declared_told_or_unknown(make: Make) -> None:
    assert open_ortho(make(scene())).reflectance_at is None
    assert open_ortho(make(scene()), reflectance_at=10000).reflectance_at == 10000
    assert open_ortho(make(scene().astype(np.float32))).reflectance_at == 1.0
    with pytest.raises(BadInput, match="above 0"):
        open_ortho(make(scene()), reflectance_at=0.0)


def test_a_band_that_is_not_there_is_refused_naming_those_that_are(make: Make) -> None:
    facts = open_ortho(make(scene(), ("Green", "Red", "NIR", "x", "y")))
    with pytest.raises(BadInput, match=r"known as RE1.*1 Green \(G\).*3 NIR \(N\)"):
        list(blocks(facts, [Role.RE1]))
    with pytest.raises(BadInput, match="no band 6"):
        list(blocks(facts, [6]))
    with pytest.raises(BadInput, match="2 names"):
        open_ortho(facts.path, bands=("a", "b"))


def huge(path: Path, width: int, height: int, tile: int) -> Path:
    entries = [
        (256, 4, width), (257, 4, height), (258, 3, 16), (259, 3, 1), (262, 3, 1), (277, 3, 1),
        (322, 3, tile), (323, 3, tile), (324, 4, 8), (325, 4, 8), (33550, 12, 200),
        (33922, 12, 224), (34735, 3, 280),
    ]  # fmt: skip
    count = {33550: 3, 33922: 6, 34735: 8}
    data = struct.pack("<2sHIH", b"II", 42, 8, len(entries))
    for tag, kind, value in entries:
        data += struct.pack("<HHII", tag, kind, count.get(tag, 1), value)
    data = (data + bytes(4)).ljust(200, b"\0") + struct.pack("<9d", 1, 1, 0, 0, 0, 0, 1, 1, 0)
    data = data.ljust(280, b"\0") + struct.pack("<8H", 1, 1, 0, 1, 3072, 0, 1, 32648)
    path.write_bytes(data.ljust(400, b"\0"))
    return path


def test_a_header_that_asks_for_too_much_is_refused_before_a_pixel(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="200000"):
        open_ortho(huge(tmp_path / "a.tif", 200_000, 200_000, 512))
    with pytest.raises(BadInput):
        open_ortho(huge(tmp_path / "b.tif", 90_000, 90_000, 32_768))


def test_every_cut_of_an_ortho_is_told_in_one_sentence(make: Make, tmp_path: Path) -> None:
    data = make(scene(shape=(2, 60, 60)), compress="deflate", tiled=True,
                blockxsize=16, blockysize=16).read_bytes()  # fmt: skip
    told = 0
    for size in range(8, len(data) - 1, 131):
        cut = tmp_path / "cut.tif"
        cut.write_bytes(data[:size])
        try:
            list(blocks(open_ortho(cut), [1]))
        except AgriError:
            told += 1
    assert told > 50


@pytest.mark.skipif(not SHARED.exists(), reason="reference data is not here (set AGRI_SHARED)")
def test_a_real_orthomosaic_with_alpha_is_read_as_its_picture() -> None:
    facts = open_ortho(SHARED / "ortho_misc" / "pix4d_alpha_nodata.tif")
    assert facts.alpha == 4
    assert facts.roles == {Role.R: 1, Role.G: 2, Role.B: 3}
    seen = sum(int(np.isfinite(values).sum()) for _, values in blocks(facts, [1]))
    with rasterio.open(facts.path) as source:
        assert seen == int((source.read(4) > 0).sum())
    plot = open_ortho(SHARED / "ortho_plantcv_mpl2" / "615.tif")
    assert plot.bands == (None,) * 5
    assert plot.reflectance_at == 1.0
    for _, values in blocks(plot, [1, 2, 3, 4, 5]):
        assert np.nanmin(values) > -1.0


FUZZ = """
import itertools, logging, random, resource, sys
from pathlib import Path
from agri.errors import AgriError
from imagery.indices.maps import index_map
from imagery.raster import blocks, open_ortho
logging.disable(logging.CRITICAL)
folder, count, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
sources = [path.read_bytes() for path in sorted(folder.glob("*.tif"))]
resource.setrlimit(resource.RLIMIT_AS, (3_000_000_000, 3_000_000_000))
chance, told, read = random.Random(seed), 0, 0
for number in range(count):
    data = bytearray(chance.choice(sources))
    reach = min(len(data), 1500) if chance.random() < 0.7 else len(data)
    for _ in range(chance.choice([1, 1, 2, 4, 16])):
        at = chance.randrange(4, reach)
        data[at] = chance.choice([0, 1, 255, chance.randrange(256), data[at] ^ 128])
    (folder / "mutant").write_bytes(data)
    try:
        facts = open_ortho(folder / "mutant", bands=("B", "G", "R", "RE1", "N"))
        for _ in itertools.islice(blocks(facts, [1, 5]), 4):
            pass
        if facts.width * facts.height < 250_000 and number % 4 == 0:
            index_map(folder / "out", facts, ["NDVI"], masks=["soil"], workers=1)
        read += 1
    except AgriError as error:
        error.text("vi")
        told += 1
peak = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
left = [p.name for p in folder.iterdir() if p.name.startswith(".")]
print(told, read, int(peak) // 1000, len(left))
"""


def fuzz(folder: Path, count: int, seed: int) -> tuple[int, ...]:
    values = reflectances(90, 100)
    write_ortho(folder / "a.tif", values, blockxsize=32, blockysize=32)
    write_ortho(folder / "b.tif", values, compress="zstd", interleave="band")
    write_ortho(folder / "c.tif", values, tiled=False, compress="lzw", blockysize=4)
    write_ortho(folder / "d.tif", values.astype(np.float32), BIGTIFF="YES", nodata=-10000)
    done = subprocess.run(
        [sys.executable, "-c", FUZZ, str(folder), str(count), str(seed)],
        capture_output=True, text=True, cwd=ROOT, timeout=1200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return tuple(map(int, done.stdout.split()))


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory by setrlimit, reads /proc")
@pytest.mark.parametrize(
    ("count", "seed"), [(150, 1), pytest.param(of_full(10_000), 2, marks=pytest.mark.slow)]
)
def test_broken_orthos_are_told_in_a_sentence_and_never_eat_the_memory(
    tmp_path: Path, count: int, seed: int, record_property
) -> None:
    told, read, peak_mb, left = fuzz(tmp_path, count, seed)
    record_property("broken_orthos", count)
    record_property("ortho_peak_mb", peak_mb)
    assert told + read == count
    assert min(told, read) > count / 10
    assert peak_mb < 900
    assert left == 0
