"""GeoTIFF: what is written comes back, the foreign is read as meant, the hostile refused."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from rasterio import Affine

from agri.errors import AgriError, BadInput, NotFound
from agri.grid import Grid
from imagery.raster import grids, read_grid, write_grid
from tests.sizes import of_full

PLACE = (0.5, 0.0, 657_000.0, 0.0, -0.5, 2_332_000.0)
Make = Callable[..., Path]


def key_of(error: pytest.ExceptionInfo[AgriError]) -> str:
    return error.value.message.key


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write a GeoTIFF as another program might."""

    def write(values: np.ndarray[Any, Any], *, name: str = "other.tif", **options: Any) -> Path:
        bands = values if values.ndim == 3 else values[None]
        after = {key: options.pop(key) for key in ("scales", "offsets", "units") if key in options}
        profile: dict[str, Any] = {
            "driver": "GTiff",
            "count": len(bands),
            "height": bands.shape[1],
            "width": bands.shape[2],
            "dtype": str(bands.dtype),
            "crs": "EPSG:32648",
            "transform": Affine(*PLACE),
        }
        with rasterio.open(tmp_path / name, "w", **{**profile, **options}) as target:
            target.write(bands)
            for key, value in after.items():
                setattr(target, key, value)
        return tmp_path / name

    return write


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from(["", "EGM96", "EGM2008", "EGM84", "Hòn Dấu", "ellipsoid"]),
    st.sampled_from([(32648, PLACE), (5899, (1, 0.1, 371000, 0.1, -1, 2332000)),
                     (4326, (1e-5, 0, 106.5, 0, -1e-5, 21.1))]),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
@settings(max_examples=40)
def test_what_is_written_comes_back_equal_and_is_written_alike_each_time(
    tmp_path_factory: pytest.TempPathFactory,
    height: int,
    width: int,
    datum: str,
    placed: tuple[int, tuple[float, ...]],
    seed: int,
) -> None:
    path = tmp_path_factory.mktemp("grid") / "g.tif"
    chance = np.random.default_rng(seed)
    values = chance.normal(100.0, 30.0, (height, width)).astype(np.float32).astype(np.float64)
    values[chance.random((height, width)) < 0.2] = np.nan
    values[0, 0] = 7.0
    grid = Grid(values=values, affine=placed[1], epsg=placed[0], unit="m", datum=datum)  # type: ignore[arg-type]
    write_grid(path, grid)
    first = path.read_bytes()
    write_grid(path, grid)
    back = read_grid(path)
    assert path.read_bytes() == first
    assert np.array_equal(back.values, values, equal_nan=True)
    assert (back.affine, back.epsg) == (grid.affine, grid.epsg)
    assert (back.unit, back.datum, back.name) == ("m", datum, "g.tif")


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "g.tif"
    grid = Grid(values=np.ones((3, 3)), affine=PLACE, epsg=32648)
    write_grid(path, grid)
    before = path.read_bytes()
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(AgriError) as caught:
        write_grid(path, Grid(values=np.zeros((3, 3)), affine=PLACE, epsg=32648))
    assert key_of(caught) == "error.disk_full"
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["g.tif"]


def test_the_nodata_value_of_any_kind_of_number_is_no_value(make: Make) -> None:
    for kind, none in (("int16", -9999), ("uint16", 65535), ("float32", -32767.0), ("uint8", 0)):
        values = np.full((3, 4), 9).astype(kind)
        values[1, 2] = none
        found = read_grid(make(values, nodata=none)).values
        assert np.argwhere(np.isnan(found)).tolist() == [[1, 2]]


def test_a_forgotten_nodata_value_is_none_among_heights_only(make: Make) -> None:
    path = make(np.array([[12.5, -9999.0, np.inf, -32767.0]], np.float32))
    assert np.isnan(read_grid(path, unit="m").values).tolist() == [[False, True, True, True]]
    assert np.isnan(read_grid(path, unit="").values).tolist() == [[False, False, True, False]]


def test_an_inner_mask_is_obeyed(make: Make, tmp_path: Path) -> None:
    path = make(np.full((4, 4), 5, np.uint8))
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(path, "r+") as target,
    ):
        target.write_mask(np.eye(4, dtype=bool))
    found = read_grid(path).values
    assert np.array_equal(np.isfinite(found), np.eye(4, dtype=bool))


def test_scale_and_offset_are_applied(make: Make) -> None:
    path = make(np.array([[100, 250]], np.int16), scales=(0.01,), offsets=(2.0,))
    assert read_grid(path).values.tolist() == [[3.0, 4.5]]


def test_feet_become_metres_by_band_unit_and_by_vertical_system(make: Make) -> None:
    values = np.array([[100.0]], np.float32)
    assert read_grid(make(values, units=("ft",)), unit="m").values[0, 0] == pytest.approx(30.48)
    feet = make(values, crs="EPSG:2263+6360")
    assert read_grid(feet, unit="m").values[0, 0] == pytest.approx(30.48, abs=1e-3)


def test_a_unit_that_nobody_knows_and_depths_are_refused_by_name(make: Make) -> None:
    values = np.array([[100.0]], np.float32)
    assert read_grid(make(values, units=("cm",)), unit="m").values[0, 0] == pytest.approx(1.0)
    with pytest.raises(BadInput, match="cubits") as caught:
        read_grid(make(values, units=("cubits",)), unit="m")
    assert key_of(caught) == "error.raster_unit"
    assert read_grid(make(values, units=("cubits",))).values[0, 0] == 100.0
    with pytest.raises(BadInput, match="depth") as caught:
        read_grid(make(values, crs="EPSG:32648+5715"), unit="m")
    assert key_of(caught) == "error.raster_depths"


@pytest.mark.parametrize(
    ("crs", "epsg", "datum"),
    [
        ("EPSG:32648+5714", 32648, "MSL"),
        ("EPSG:32648+5773", 32648, "EGM96"),
        ("EPSG:32648+3855", 32648, "EGM2008"),
        ("EPSG:5899+5727", 5899, "Hòn Dấu"),
        ("EPSG:4979", 4326, "ellipsoid"),
        ("EPSG:32648+5703", 32648, "NAVD88 height"),
        ("EPSG:32648", 32648, ""),
    ],
)
def test_what_heights_are_above_is_told(make: Make, crs: str, epsg: int, datum: str) -> None:
    grid = read_grid(make(np.ones((2, 2), np.float32), crs=crs))
    assert (grid.epsg, grid.datum) == (epsg, datum)


def test_only_the_wanted_part_is_read_and_lies_where_it_lay(make: Make) -> None:
    values = np.arange(400 * 600, dtype=np.float32).reshape(400, 600)
    path = make(values, tiled=True, blockxsize=64, blockysize=64)
    whole = read_grid(path)
    back = Transformer.from_crs(32648, 4326, always_xy=True)
    lon, lat = back.transform([657_100.0, 657_150.0], [2_331_850.0, 2_331_900.0])
    part = read_grid(path, area=(lon[0], lat[0], lon[1], lat[1]), margin_m=5.0)
    assert part.values.size < whole.values.size / 4
    east, north = np.meshgrid(np.linspace(*lon, 9), np.linspace(*lat, 9))
    expected = whole.sample(east, north)
    assert np.isfinite(expected).all()
    assert part.sample(east, north) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    ("coarsen", "reduce"), [("mean", np.mean), ("max", np.max), ("min", np.min)]
)
def test_too_many_pixels_are_read_coarser_without_losing_the_highest(
    make: Make, monkeypatch: pytest.MonkeyPatch, coarsen: Any, reduce: Any
) -> None:
    monkeypatch.setattr(grids, "STRIP_PIXELS", 500)
    values = np.random.default_rng(5).normal(50.0, 9.0, (60, 90)).astype(np.float32)
    grid = read_grid(make(values), coarsen=coarsen, max_pixels=600)
    blocks = values.astype(float).reshape(20, 3, 30, 3).swapaxes(1, 2)
    assert grid.values == pytest.approx(reduce(blocks, axis=(2, 3)))
    assert grid.affine == (1.5, 0.0, PLACE[2], 0.0, -1.5, PLACE[5])


def test_a_coarser_pixel_has_no_value_only_where_none_has_one(make: Make) -> None:
    values = np.full((5, 5), 4.0, np.float32)
    values[:2, :3] = np.nan
    values[4, 4] = 8.0
    grid = read_grid(make(values), coarsen="max", max_pixels=9)
    assert np.isnan(grid.values).tolist() == [[True, False, False], [False] * 3, [False] * 3]
    assert grid.values[2, 2] == 8.0


def test_what_is_missing_is_named(make: Make, tmp_path: Path) -> None:
    good = np.ones((2, 2), np.float32)
    nameless = "+proj=tmerc +lon_0=107.3 +k=0.9997 +x_0=12345 +datum=WGS84"
    cases = {
        "error.raster_no_crs": make(good, name="a.tif", crs=None),
        "error.raster_crs_not_epsg": make(good, name="b.tif", crs=nameless),
        "error.grid_affine": make(good, name="c.tif", transform=Affine.identity()),
        "error.raster_empty": make(good * np.nan, name="d.tif"),
        "error.raster_numbers": make(good.astype(np.complex64), name="e.tif"),
    }
    for key, path in cases.items():
        with pytest.raises(BadInput) as caught:
            read_grid(path)
        assert key_of(caught) == key
    with pytest.raises(BadInput) as caught:
        read_grid(make(good), band=2)
    assert key_of(caught) == "error.raster_band"
    with pytest.raises(BadInput) as caught:
        read_grid(make(good), area=(100.0, 10.0, 100.1, 10.1))
    assert key_of(caught) == "error.raster_elsewhere"
    with pytest.raises(NotFound):
        read_grid(tmp_path / "none.tif")
    with pytest.raises(BadInput) as caught:
        read_grid(tmp_path)
    assert key_of(caught) == "error.not_a_file"


def test_another_format_under_a_tiff_name_is_not_opened(make: Make, tmp_path: Path) -> None:
    real = make(np.ones((4, 4), np.float32))
    secret = f"<VRTDataset rasterXSize='4' rasterYSize='4'><VRTRasterBand dataType='Float32' band='1'><SimpleSource><SourceFilename>{real}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"  # noqa: E501
    for text in (secret, "GIF89a", "", "II", "%PDF-1.7"):
        path = tmp_path / "trick.tif"
        path.write_text(text)
        with pytest.raises(BadInput) as caught:
            read_grid(path)
        assert key_of(caught) == "error.raster_kind"


@pytest.mark.parametrize(
    "name", ["/vsicurl/http://127.0.0.1:9/a.tif", "/vsizip/a.zip/a.tif", "GTIFF_DIR:1:other.tif"]
)
def test_names_that_mean_something_to_gdal_are_only_names(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    make(np.ones((4, 4), np.float32))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFound):
        read_grid(Path(name))


def test_side_files_change_nothing(make: Make) -> None:
    path = make(np.full((4, 4), 3.0, np.float32))
    before = read_grid(path)
    path.with_name(path.name + ".aux.xml").write_text(
        "<PAMDataset><SRS>EPSG:4326</SRS><GeoTransform>0,1,0,0,0,-1</GeoTransform>"
        "<PAMRasterBand band='1'><NoDataValue>3</NoDataValue><Scale>9</Scale></PAMRasterBand>"
        "</PAMDataset>"
    )
    path.with_suffix(".tfw").write_text("1\n0\n0\n-1\n0\n0\n")
    after = read_grid(path)
    assert np.array_equal(after.values, before.values)
    assert (after.affine, after.epsg) == (before.affine, before.epsg)
    bare = make(np.full((4, 4), 3.0, np.float32), name="bare.tif", transform=None)
    bare.with_suffix(".tfw").write_text("1\n0\n0\n-1\n0\n0\n")
    with pytest.raises(BadInput) as caught:
        read_grid(bare)
    assert key_of(caught) == "error.grid_affine"


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("error.raster_size", {"width": 50_000, "height": 8, "tiled": False}),
        ("error.raster_size", {"width": 8, "height": 8, "count": 21}),
        (
            "error.raster_block",
            {"width": 9000, "height": 9000, "blockysize": 9000, "compress": "deflate"},
        ),
        (
            "error.raster_block",
            {"width": 8192, "height": 8192, "tiled": True, "blockxsize": 8192, "blockysize": 8192},
        ),
    ],
)
def test_a_header_that_asks_for_too_much_is_refused_before_reading(
    tmp_path: Path, key: str, options: dict[str, Any]
) -> None:
    path = tmp_path / "bomb.tif"
    plain = {"driver": "GTiff", "count": 1, "dtype": "uint16", "crs": "EPSG:32648"}
    with rasterio.open(path, "w", **{**plain, **options}, transform=Affine(*PLACE), SPARSE_OK=True):
        pass
    assert path.stat().st_size < 400_000
    with pytest.raises(BadInput) as caught:
        read_grid(path)
    assert key_of(caught) == key


def test_every_cut_of_a_file_is_told_as_damaged(make: Make, tmp_path: Path) -> None:
    whole = make(np.random.default_rng(2).normal(size=(30, 30)), compress="deflate").read_bytes()
    for size in range(4, len(whole) - 1, 97):
        path = tmp_path / "cut.tif"
        path.write_bytes(whole[:size])
        with pytest.raises(BadInput) as caught:
            read_grid(path)
        assert key_of(caught) in (
            "error.raster_damaged",
            "error.raster_no_crs",
            "error.grid_affine",
        )


FUZZ = """
import logging, random, resource, sys
from pathlib import Path
import numpy, rasterio
from agri.errors import AgriError
from imagery.raster import read_grid
logging.disable(logging.CRITICAL)
folder, count, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
sources = [path.read_bytes() for path in sorted(folder.glob("*.tif"))]
resource.setrlimit(resource.RLIMIT_AS, (2_000_000_000, 2_000_000_000))
chance, told, read = random.Random(seed), 0, 0
for number in range(count):
    data = bytearray(chance.choice(sources))
    if chance.random() < 0.15:
        del data[chance.randrange(4, len(data)):]
    else:
        reach = min(len(data), 1500) if chance.random() < 0.7 else len(data)
        for _ in range(chance.choice([1, 1, 2, 4, 16])):
            at = chance.randrange(4, reach)
            data[at] = chance.choice([0, 1, 255, chance.randrange(256), data[at] ^ 128])
    (folder / "mutant").write_bytes(data)
    try:
        read_grid(folder / "mutant", unit="m")
        read += 1
    except AgriError:
        told += 1
try:  # ru_maxrss counts what the parent had before this program took its place
    status = Path("/proc/self/status").read_text()
    peak_kb = int(status.split("VmHWM:")[1].split()[0])
except OSError:
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(told, read, peak_kb // 1000)
"""


def fuzz(make: Make, folder: Path, count: int, seed: int) -> tuple[int, int, int]:
    values = np.random.default_rng(4).normal(100.0, 30.0, (90, 100))
    write_grid(folder / "cog.tif", Grid(values=values, affine=PLACE, epsg=32648, datum="EGM96"))
    make(values.astype(np.int16), name="lzw.tif", compress="lzw", nodata=-9999)
    make(np.stack([values] * 3), name="many.tif", compress="packbits", interleave="pixel")
    make(values.astype(np.uint8), name="jpeg.tif", compress="jpeg", tiled=True,
         blockxsize=64, blockysize=64)  # fmt: skip
    make(values.astype(np.float32), name="big.tif", compress="deflate", BIGTIFF="YES")
    command = [sys.executable, "-c", textwrap.dedent(FUZZ), str(folder), str(count), str(seed)]
    root = Path(grids.__file__).resolve().parents[2]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=1200)
    assert done.returncode == 0, done.stderr[-2000:]
    told, read, peak_mb = map(int, done.stdout.split())
    return told, read, peak_mb


@pytest.mark.skipif(sys.platform == "win32", reason="limits memory by setrlimit")
def test_broken_bytes_are_told_in_a_sentence_and_never_eat_the_memory(
    make: Make, tmp_path: Path
) -> None:
    told, read, peak_mb = fuzz(make, tmp_path, 500, 1)
    assert told > 100
    assert read > 50
    assert peak_mb < 600


@pytest.mark.slow
def test_broken_bytes_ten_thousand_times(make: Make, tmp_path: Path, record_property) -> None:
    told, read, peak_mb = fuzz(make, tmp_path, of_full(10_000), 2)
    record_property("broken_rasters", told + read)
    record_property("raster_peak_mb", peak_mb)
    assert told + read == of_full(10_000)
    assert peak_mb < 600


def test_real_rasters_are_read(shared_data: Path) -> None:
    grid = read_grid(
        shared_data / "imagery" / "chm_foresttools_gpl3" / "CHM_test.tif", unit="m", coarsen="max"
    )
    assert grid.epsg == 32611
    assert grid.shape == (471, 570)
    assert 10.0 < np.nanmax(grid.values) < 60.0
    plant = shared_data / "imagery" / "ortho_plantcv_mpl2" / "gray.tif"
    heights = read_grid(plant, unit="m").values
    assert np.isnan(heights).any()
    assert np.nanmin(heights) > -500.0
