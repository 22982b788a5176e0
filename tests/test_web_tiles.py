"""A tile shows what its raster holds, in colours that never depend on the tile."""

from __future__ import annotations

import io
import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from PIL import Image
from pyproj import Transformer
from rasterio.enums import ColorInterp, Resampling

from agri.operations.maps import tiles
from agri.people import Role
from agri.workspace import Workspace
from imagery import catalogue
from imagery.raster import open_ortho
from imagery.raster.laying import lay
from tests import farms
from tests.ortho_files import write_ortho
from tests.web_farm import Browser, Served, small_farm

LOW, HIGH = 0.2, 0.9
ZOOM = 19
SIZE = 1600
"""80 m: 0.2 in the western half, 0.9 in the eastern, nothing in the northernmost tenth."""


def index_values() -> NDArray[np.int16]:
    values = np.full((1, SIZE, SIZE), round(LOW * 10_000), np.int16)
    values[:, :, SIZE // 2 :] = round(HIGH * 10_000)
    values[:, : SIZE // 10] = -32768
    return values


def listed(farm: Workspace, name: str, values: NDArray[np.generic], band: str, kind: str) -> None:
    """Write a raster into the farm and list it."""
    (farm.folder / "maps").mkdir(exist_ok=True)
    path = farm.folder / "maps" / f"{name}.tif"
    nodata = -32768 if values.dtype == np.int16 else None
    names = (band,) if band else ("Red", "Green", "Blue")
    write_ortho(path, values, names, nodata=nodata)
    with rasterio.open(path, "r+") as target:
        if values.dtype == np.int16:
            target.scales = (0.0001,)
        target.build_overviews([2, 4, 8])
    product = catalogue.ortho_product(
        farm.folder,
        open_ortho(path),
        name=name,
        kind=kind,
        start=farms.START,  # type: ignore[arg-type]
    )
    catalogue.add(farm.folder, product)


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mapped") / "farm"
    with small_farm(folder) as farm:
        listed(farm, "west-ndvi", index_values(), "NDVI", "index")
        picture = np.full((3, 400, 400), 200, np.uint8)
        picture[2] = 40
        listed(farm, "west-mosaic", picture, "", "orthomosaic")
    return folder


@pytest.fixture
def served(tmp_path: Path, mapped: Path) -> Iterator[Served]:
    shutil.copytree(mapped, tmp_path / "farm")
    with Workspace.open(tmp_path / "farm") as copy:
        yield Served(copy)


def tile_at(east_m: float, south_m: float, zoom: int = ZOOM) -> tuple[int, int, int, float, float]:
    """The tile, and the pixel in it, of a place of the raster, by the web's own formula."""
    lon, lat = Transformer.from_crs(32648, 4326, always_xy=True).transform(
        656_000 + east_m, 2_332_000 - south_m
    )
    count = 2.0**zoom
    x = (lon + 180.0) / 360.0 * count
    y = (1.0 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2.0 * count
    return zoom, int(x), int(y), x % 1.0 * 256, y % 1.0 * 256


def pixels(browser: Browser, name: str, zoom: int, x: int, y: int) -> NDArray[np.uint8]:
    answer = browser.get(f"/tiles/{name}/{zoom}/{x}/{y}.webp")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/webp"
    return np.array(Image.open(io.BytesIO(answer.content)).convert("RGBA"))


def shown(
    browser: Browser, name: str, east_m: float, south_m: float, zoom: int = ZOOM
) -> list[int]:
    z, x, y, column, row = tile_at(east_m, south_m, zoom)
    return pixels(browser, name, z, x, y)[int(row), int(column)].tolist()  # type: ignore[no-any-return]


def expected(value: float) -> NDArray[np.uint8]:
    """NDVI from −1 to 1, in the ramp of the quick looks."""
    return tiles.colours("green")[round((value + 1.0) / 2.0 * 255)]


@pytest.mark.parametrize("zoom", [17, 19, 21])
def test_a_value_has_the_colour_of_its_index_wherever_and_however_near(
    served: Served, zoom: int
) -> None:
    viewer = served.signed_in(Role.VIEWER)
    for east_m, south_m, value in ((8, 20, LOW), (30, 70, LOW), (50, 20, HIGH), (70, 70, HIGH)):
        colour = shown(viewer, "west-ndvi", east_m, south_m, zoom)
        assert colour[3] == 255
        assert np.abs(np.array(colour) - expected(value)).max() <= 12


def test_without_a_value_and_outside_the_raster_a_tile_is_clear_and_no_error(
    served: Served,
) -> None:
    viewer = served.signed_in(Role.VIEWER)
    assert shown(viewer, "west-ndvi", 20, 3)[3] == 0
    assert shown(viewer, "west-ndvi", 20, -200)[3] == 0
    assert pixels(viewer, "west-ndvi", 0, 0, 0).shape == (256, 256, 4)
    assert not pixels(viewer, "west-ndvi", 10, 5, 5)[..., 3].any()


def test_a_photo_map_keeps_its_colours(served: Served) -> None:
    viewer = served.signed_in(Role.VIEWER)
    colour = shown(viewer, "west-mosaic", 10, 10)
    assert np.abs(np.array(colour) - [200, 200, 40, 255]).max() <= 8


def test_a_tile_is_found_by_a_name_of_the_catalogue_and_by_nothing_else(served: Served) -> None:
    viewer = served.signed_in(Role.VIEWER)
    for name in (
        "none",
        "..%2f..",
        "%2e%2e%2f",
        "..%2fmaps%2fwest-ndvi",
        "http:%2f%2fx",
        "x" * 300,
        "%00",
    ):
        for path in (f"/tiles/{name}/1/0/0.webp", f"/maps/{name}", f"/maps/{name}.geojson"):
            assert viewer.get(path).status_code in (400, 404), path
    for rest in ("1/2/0", "1/0/2", "-1/0/0", "99/0/0", "a/0/0", "1/0/0%2f"):
        assert viewer.get(f"/tiles/west-ndvi/{rest}.webp").status_code == 404, rest
    for layer in ("2", "0", "-1", "x", "²", "99999999"):
        assert viewer.get(f"/tiles/west-ndvi/1/0/0.webp?layer={layer}").status_code == 404, layer
    url = viewer.get("/tiles/west-ndvi/1/0/0.webp?url=http://127.0.0.1/x.tif")
    assert url.content == tiles.empty_tile() or url.status_code == 200


def test_a_tile_is_drawn_once_as_long_as_its_file_is_the_same(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = served.signed_in(Role.VIEWER)
    z, x, y, *_ = tile_at(20, 40)
    path = f"/tiles/west-ndvi/{z}/{x}/{y}.webp"
    first = viewer.get(path)
    assert "private" in first.headers["cache-control"]

    def never(*_: object) -> bytes:
        raise AssertionError

    with monkeypatch.context() as patched:
        patched.setattr("agri.web.products.draw_tile", never)
        assert viewer.get(path).content == first.content
    file = served.farm.folder / "maps" / "west-ndvi.tif"
    with rasterio.open(file, "r+") as target:
        target.write(np.full((SIZE, SIZE), 10_000, np.int16), 1)
        target.build_overviews([2, 4, 8])
    assert viewer.get(path).content != first.content


def test_the_map_page_has_its_tiles_its_legend_and_its_fields(served: Served) -> None:
    viewer = served.signed_in(Role.VIEWER)
    page = viewer.get("/maps/west-ndvi").text
    assert 'data-tiles="/tiles/west-ndvi/{z}/{x}/{y}.webp?layer=1&amp;of=' in page
    assert ">-1,0<" in page
    assert ">1,0<" in page
    outline = viewer.get("/maps/west-ndvi.geojson").json()
    assert outline["features"][0]["geometry"]["type"] in ("Polygon", "MultiPolygon")
    assert served.browser().get("/maps/west-ndvi").headers["location"] == "/sign-in"


@pytest.mark.parametrize("kind", ["nodata", "nan", "alpha", "mask", "plain"])
@pytest.mark.parametrize("zoom", [16, 18, 20, 22])
def test_tiles_hold_the_pixels_that_rio_tiler_finds(tmp_path: Path, kind: str, zoom: int) -> None:
    from rio_tiler.io import Reader

    path = tmp_path / "one.tif"
    speckled(path, kind)
    for east_m, south_m in ((1.0, 1.0), (20.0, 33.0), (70.0, 55.0)):
        z, x, y, *_ = tile_at(east_m, south_m, zoom)
        laid = lay(path, "one", (1,), within=tiles.bounds_of(z, x, y), width=256, height=256)
        assert laid is not None
        with Reader(str(path)) as reader:
            tile = reader.tile(x, y, z, indexes=1).array
        known = ~np.ma.getmaskarray(tile)[0]
        assert known.any()
        assert (laid.known == known).mean() > 0.999
        both = laid.known & known
        assert (laid.stored[0][both] == tile.data[0][both]).mean() > 0.99


def speckled(path: Path, kind: str) -> None:
    """A raster of noise with holes, told in one of the ways that files tell them."""
    chance = np.random.default_rng(5)
    side = 1600
    values = chance.integers(0, 200, (1, side, side)).astype(
        "float32" if kind == "nan" else "uint8"
    )
    holes = chance.random((side // 40, side // 40)).repeat(40, 0).repeat(40, 1) < 0.3
    nodata = {"nodata": 255, "nan": np.nan}.get(kind)
    if nodata is not None:
        values[:, holes] = nodata
    shape = rasterio.Affine(0.05, 0.0, 656_000.0, 0.0, -0.05, 2_332_000.0)
    profile = {"driver": "GTiff", "width": side, "height": side, "dtype": values.dtype,
               "crs": "EPSG:32648", "transform": shape, "tiled": True, "blockxsize": 256,
               "blockysize": 256, "count": 1 + (kind == "alpha"), "nodata": nodata}  # fmt: skip
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK="YES"), rasterio.open(path, "w", **profile) as target:
        target.write(values[0], 1)
        if kind == "alpha":
            target.colorinterp = (ColorInterp.gray, ColorInterp.alpha)
            target.write(np.where(holes, 0, 255).astype(np.uint8), 2)
        if kind == "mask":
            target.write_mask(~holes)
        target.build_overviews([2, 4, 8], Resampling.nearest)
