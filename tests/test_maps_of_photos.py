"""From a card of photos to reflectance and indices by the commands, held against the land."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import rasterio
import tifffile
from numpy.typing import NDArray
from pyproj import Transformer

from agri.cli import main
from agri.workspace import Workspace
from imagery import catalogue
from sitl.camera import COLOUR, MULTISPECTRAL, photograph, photograph_panel, stations_over
from sitl.camera.flight import STARTED
from sitl.scene import Scene, orchard
from sitl.scene.spectra import BANDS
from tests.ortho_files import write_ortho

CAMERA = MULTISPECTRAL.of_width(200)
LAND = orchard(seed=5, size_m=(44.0, 36.0), cell_m=0.12)


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cards") / "bay-sang"
    stations = stations_over(LAND, CAMERA, height_m=24.0, front_overlap=0.75, side_overlap=0.7,
                             margin_m=8.0)  # fmt: skip
    taken = photograph(LAND, CAMERA, stations, folder, gps_error_m=(0.0, 0.05), fine=1)
    photograph_panel(CAMERA, folder, place=taken[0].told, taken_utc=STARTED - timedelta(minutes=2))
    return folder


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("farms") / "farm"
    Workspace.create(folder, farm_name="Nông trại").close()
    return folder


def run(farm: Path, *words: object) -> int:
    return main(["--lang", "en", *map(str, words), "--farm", str(farm)])


def truth_at(scene: Scene, raster: rasterio.DatasetReader) -> tuple[NDArray[np.float32], ...]:
    """The scene's reflectance at the raster's pixels, NaN outside it."""
    row, column = np.indices((raster.height, raster.width)) + 0.5
    a, b, c, d, e, f = raster.transform[:6]
    lon, lat = Transformer.from_crs(raster.crs, 4326, always_xy=True).transform(
        a * column + b * row + c, d * column + e * row + f
    )
    at_row, at_column = scene.cells(*scene.frame.to_local(lon, lat))
    r, k = np.rint(at_row).astype(int), np.rint(at_column).astype(int)
    inside = (r >= 0) & (k >= 0) & (r < scene.shape[0]) & (k < scene.shape[1])
    found = scene.reflectance[np.clip(r, 0, scene.shape[0] - 1), np.clip(k, 0, scene.shape[1] - 1)]
    return tuple(np.where(inside, found[..., band], np.nan) for band in range(len(BANDS)))


def coarse(values: NDArray[np.float64], cells: int = 8) -> NDArray[np.float64]:
    """Means of squares: what remains of a picture when half a pixel's shift does not count."""
    rows, columns = (size // cells * cells for size in values.shape)
    squares = values[:rows, :columns].reshape(rows // cells, cells, columns // cells, cells)
    return squares.mean(axis=(1, 3))


def test_single_bands_become_a_mosaic_of_reflectance_and_then_an_index(
    farm: Path, card: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(farm, "mosaic", card, "--quality", "full") == 0
    assert "left out" not in capsys.readouterr().out
    mosaic = farm / "maps" / "bay-sang-mosaic.tif"
    with rasterio.open(mosaic) as raster:
        assert raster.count == 5
        truth = dict(zip(BANDS, truth_at(LAND, raster), strict=True))
        for number, name in enumerate(raster.descriptions, 1):
            band = next(key for key in sorted(BANDS, key=len, reverse=True) if key in name)
            off = coarse(raster.read(number).astype(np.float64)) - coarse(truth[band])
            known = off[np.isfinite(off)]
            assert known.size > 200
            assert abs(float(np.median(known))) <= 0.02, name
            assert float(np.percentile(np.abs(known), 90)) <= 0.08, name
    assert not list((farm / "maps").glob(".*"))
    assert run(farm, "index", mosaic, "--indices", "ndvi,ndre", "--scale", "1") == 0
    with rasterio.open(farm / "maps" / "bay-sang-mosaic-ndvi-ndre.tif") as raster:
        red, near = (truth_at(LAND, raster)[BANDS.index(name)] for name in ("Red", "NIR"))
        off = coarse(raster.read(1) * raster.scales[0]) - coarse((near - red) / (near + red))
        assert abs(float(np.nanmedian(off))) <= 0.05
    traced = [one.kind for one in catalogue.trace(farm, "bay-sang-mosaic-ndvi-ndre")]
    assert traced == ["index", "orthomosaic", "photos"]
    sheet = json.loads((farm / "maps" / "bay-sang-photos.json").read_text("utf-8"))
    assert len(sheet["photos"]) == len(list(card.glob("*.tif")))


def test_captures_are_calibrated_and_kept_as_pictures_of_all_bands(farm: Path, card: Path) -> None:
    assert run(farm, "calibrate", card) == 0
    files = sorted((farm / "maps" / "bay-sang-calibrated").glob("*.tif"))
    assert len(files) > 8
    values = tifffile.imread(files[len(files) // 2])
    assert values.shape == (5, CAMERA.height_px, CAMERA.width_px)
    near = values[BANDS.index("NIR")] if BANDS.index("NIR") < 5 else values[-1]
    assert 0.1 < float(np.nanmedian(near)) < 0.7
    assert run(farm, "calibrate", card, "--by", "panel") == 0


def test_a_plain_map_is_calibrated_by_targets(farm: Path, tmp_path: Path) -> None:
    numbers = np.full((3, 60, 90), 40.0)
    numbers[:, 5:25, 5:25] = 30.0
    numbers[:, 5:25, 60:80] = 210.0
    names = ("Red 650 nm", "Green 560 nm", "Blue 450 nm")
    ortho = write_ortho(tmp_path / "tho.tif", numbers.astype(np.uint8), names, nodata=None)
    turn = Transformer.from_crs(32648, 4326, always_xy=True)

    def square(column: int, row: int) -> list[list[float]]:
        corners = [(0, 0), (14, 0), (14, 14), (0, 14), (0, 0)]
        return [
            list(turn.transform(656000 + 0.05 * (column + x), 2332000 - 0.05 * (row + y)))
            for x, y in corners
        ]

    targets = tmp_path / "tam-mau.geojson"
    features = [
        {"type": "Feature", "properties": {"name": name, "reflectance": value},
         "geometry": {"type": "Polygon", "coordinates": [square(column, 8)]}}
        for name, value, column in (("đen", 0.05, 8), ("trắng", 0.5, 63))
    ]  # fmt: skip
    targets.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    assert run(farm, "calibrate", ortho, "--targets", targets) == 0
    with rasterio.open(farm / "maps" / "tho-reflectance.tif") as raster:
        values = raster.read(1) * raster.scales[0]
    assert values[15, 15] == pytest.approx(0.05, abs=1e-3)
    assert values[15, 70] == pytest.approx(0.5, abs=1e-3)
    assert values[50, 50] == pytest.approx(0.05 + 10.0 * 0.45 / 180.0, abs=1e-3)


def test_what_cannot_be_calibrated_is_told_in_one_sentence(
    farm: Path, card: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "panel.json"
    wrong.write_text("{}", "utf-8")
    colour = tmp_path / "mau"
    stations = stations_over(LAND, COLOUR.of_width(160), height_m=30.0, margin_m=14.0)
    photograph(LAND, COLOUR.of_width(160), stations[:3], colour, fine=1)
    for words, part in (
        ((card, "--certificate", wrong), "panel.json"),
        ((card, "--by", "guess"), "guess"),
        ((colour,), "single bands"),
        ((tmp_path / "nothing.tif", "--targets", wrong), "nothing.tif"),
    ):
        capsys.readouterr()
        assert run(farm, "calibrate", *words) == 2
        said = capsys.readouterr().err.strip().splitlines()
        assert len(said) == 1
        assert part in said[0]
