"""Photos and maps from the command line, held against the truth of a made orchard and paddy."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from shapely.geometry import MultiPolygon, box, shape

from agri.cli import main
from agri.field import Field
from agri.operations.rates import read_rates
from agri.workspace import Workspace
from imagery import catalogue
from sitl.scene.land import Scene
from sitl.scene.orchard import orchard
from sitl.scene.paddy import paddy
from sitl.scene.spectra import BANDS, WAVELENGTHS_NM
from tests.ortho_files import write_ortho


def write_scene(path: Path, scene: Scene, change: NDArray[np.float32] | None = None) -> Path:
    """The scene's own reflectance as an orthomosaic, × 10000."""
    values = scene.reflectance if change is None else change
    stored = np.clip(np.round(np.moveaxis(values, -1, 0) * 10_000.0), 1, 65_535).astype(np.uint16)
    return write_ortho(
        path,
        stored,
        tuple(f"{name} {nm:g} nm" for name, nm in zip(BANDS, WAVELENGTHS_NM, strict=True)),
        transform=rasterio.Affine(*scene.affine),
        crs=f"EPSG:{scene.epsg}",
    )


def write_heights(path: Path, scene: Scene, layer: str) -> Path:
    grid = scene.grid(layer)
    with rasterio.open(
        path, "w", driver="GTiff", dtype="float32", count=1, width=grid.shape[1],
        height=grid.shape[0], crs=f"EPSG:{grid.epsg}", transform=rasterio.Affine(*grid.affine),
    ) as target:  # fmt: skip
        target.write(grid.values.astype(np.float32), 1)
    return path


def whole(scene: Scene, margin_m: float = 1.0) -> MultiPolygon:
    east, north = (half - margin_m for half in scene.half_m)
    return MultiPolygon([scene.frame.geometry_to_lonlat(box(-east, -north, east, north))])


@pytest.fixture(scope="module")
def trees() -> Scene:
    return orchard(seed=4, size_m=(60.0, 48.0), cell_m=0.15)


@pytest.fixture(scope="module")
def rice() -> Scene:
    return paddy(seed=2)


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory, trees: Scene, rice: Scene) -> Path:
    folder = tmp_path_factory.mktemp("farms") / "nông trại"
    fields = (Field(name="Vườn vải", boundary=whole(trees), crop="vải"),
              Field(name="Ruộng Đình", boundary=whole(rice), crop="lúa"))  # fmt: skip
    with Workspace.create(folder, farm_name="Nông trại") as workspace:
        workspace.add_fields(fields)
    return folder


@pytest.fixture(scope="module")
def paddy_map(tmp_path_factory: pytest.TempPathFactory, rice: Scene) -> Path:
    return write_scene(tmp_path_factory.mktemp("maps") / "lua-0622.tif", rice)


def run(farm: Path, *words: object) -> int:
    return main(["--lang", "en", *map(str, words), "--farm", str(farm)])


def made(farm: Path, name: str) -> Path:
    found = farm / "maps" / name
    assert found.is_file(), sorted(p.name for p in (farm / "maps").iterdir())
    return found


@pytest.fixture(scope="module")
def ndvi(farm: Path, paddy_map: Path) -> Path:
    words = ("index", paddy_map, "--indices", "ndvi,ndre", "--scale", "10000")
    assert run(farm, *words, "--field", "ruong dinh") == 0
    return made(farm, "lua-0622-ndvi-ndre.tif")


def test_indices_are_those_of_the_ground_and_each_has_its_picture(
    farm: Path, ndvi: Path, rice: Scene
) -> None:
    with rasterio.open(ndvi) as raster:
        stored, scale = raster.read(1), raster.scales[0]
        assert raster.descriptions == ("NDVI", "NDRE")
    red, near = (rice.reflectance[..., BANDS.index(name)] for name in ("Red", "NIR"))
    truth = (near - red) / (near + red)
    np.testing.assert_allclose(stored * scale, truth, atol=0.002)
    for name in ("lua-0622-ndvi.png", "lua-0622-ndre.png"):
        assert made(farm, name).read_bytes().startswith(b"\x89PNG")


def test_the_figures_of_a_field_are_its_own_not_those_of_its_neighbours(
    tmp_path: Path, paddy_map: Path, rice: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who asks for a field's index reads its figures first, and those of the whole map as such."""
    west, south, _, north = rice.frame.geometry_to_local(whole(rice)).bounds
    corner = box(west, (south + north) / 2, west / 2, north)
    half = MultiPolygon([rice.frame.geometry_to_lonlat(corner)])
    with Workspace.create(tmp_path / "farm", farm_name="Nông trại") as workspace:
        workspace.add_fields([Field(name="Góc ruộng", boundary=half)])
    words = ("index", paddy_map, "--indices", "ndvi", "--scale", "10000", "--field", "Góc ruộng")
    assert run(tmp_path / "farm", *words) == 0
    said = " ".join(capsys.readouterr().out.split())
    pattern = r"NDVI · (Góc ruộng|the whole map)\W+([0-9.]+) on average"
    told = {name: float(value) for name, value in re.findall(pattern, said)}
    red, near = (rice.reflectance[..., BANDS.index(name)] for name in ("Red", "NIR"))
    truth = (near - red) / (near + red)
    down, across = np.indices(truth.shape)
    x, y = rasterio.Affine(*rice.affine) @ (across + 0.5, down + 0.5)
    turn = Transformer.from_crs(rice.epsg, 4326, always_xy=True)
    east, north = rice.frame.to_local(*turn.transform(x, y))
    mine = truth[(east > corner.bounds[0]) & (east < corner.bounds[2])
                 & (north > corner.bounds[1]) & (north < corner.bounds[3])].mean()  # fmt: skip
    assert told["the whole map"] == pytest.approx(truth.mean(), abs=0.002)
    assert abs(mine - truth.mean()) > 0.005, "the corner is not like the rest"
    assert told["Góc ruộng"] == pytest.approx(mine, abs=0.002)
    assert list(told) == ["Góc ruộng", "the whole map"]


def test_without_an_index_those_its_bands_allow_are_listed(
    paddy_map: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--lang", "en", "index", str(paddy_map)]) == 0
    said = capsys.readouterr().out
    assert "NDVI" in said
    assert "NDRE" in said
    assert "NDWI" in said


def test_plots_of_one_sao_are_measured(farm: Path, ndvi: Path, rice: Scene) -> None:
    assert run(farm, "zonal", ndvi, "--field", "Ruộng Đình", "--sao") == 0
    table = geopandas.read_file(made(farm, f"{ndvi.stem}-zonal.gpkg"))
    area = whole(rice)
    metres = rice.frame.geometry_to_local(area).area
    assert len(table) == pytest.approx(metres / 360.0, rel=0.35)
    assert table["ndvi_mean"].between(-0.2, 1.0).all()
    assert table["ndvi_mean"].std() > 0.01


def test_zones_are_the_planted_ones(farm: Path, ndvi: Path, rice: Scene) -> None:
    assert run(farm, "zones", ndvi, "--field", "Ruộng Đình", "--classes", "3") == 0
    found = json.loads(made(farm, "ruong-dinh-zones.geojson").read_text("utf-8"))["features"]
    assert [f["properties"]["name"] for f in found] == ["1", "2", "3"]
    means = [f["properties"]["mean"] for f in found]
    assert means == sorted(means)
    grid = rice.grid("zone")
    rows, columns = np.indices(grid.shape)
    planted = grid.values.ravel()
    a, b, c, d, e, f = grid.affine
    x = a * (columns + 0.5) + b * (rows + 0.5) + c
    y = d * (columns + 0.5) + e * (rows + 0.5) + f
    lon, lat = (
        geopandas.GeoSeries.from_xy(x.ravel()[::97], y.ravel()[::97], crs=grid.epsg)
        .to_crs(4326)
        .get_coordinates()
        .to_numpy()
        .T
    )
    seen = np.zeros(len(lon))
    for number, feature in enumerate(found, 1):
        seen[shapely.contains_xy(shape(feature["geometry"]), lon, lat)] = number
    known = (seen > 0) & (planted[::97] > 0)
    pairs = np.zeros((4, 8))
    np.add.at(pairs, (seen[known].astype(int), planted[::97][known].astype(int)), 1.0)
    right = sum(row.max() for row in pairs) / known.sum()
    assert right > 0.75


def test_a_rate_map_is_read_back_by_the_sprayers_planner(farm: Path, ndvi: Path) -> None:
    words = ("rate-map", ndvi, "--field", "Ruộng Đình", "--rule", "0.3:30,0.8:15", "--step", "0.5",
             "--least", "12", "--most", "30", "--to", "tif,shp,geojson,isoxml,dji")  # fmt: skip
    assert run(farm, *words) == 0
    for name in ("ruong-dinh-rates.tif", "ruong-dinh-rates.geojson", "ruong-dinh-rates-shp.zip",
                 "ruong-dinh-rates-isoxml.zip", "ruong-dinh-rates-dji.tif",
                 "ruong-dinh-rates.png"):  # fmt: skip
        made(farm, name)
    with Workspace.open(farm) as workspace:
        field = workspace.field("Ruộng Đình")
    middle = field.boundary.centroid
    rates = {
        round(read_rates(made(farm, name))[0].rate_at(middle.x, middle.y), 3)
        for name in ("ruong-dinh-rates.tif", "ruong-dinh-rates.geojson")
    }
    assert len(rates) == 1
    assert 12.0 <= rates.pop() <= 30.0


def test_too_little_in_the_store_blocks(
    farm: Path, ndvi: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("rate-map", ndvi, "--field", "Ruộng Đình", "--rule", "0.3:30,0.8:15", "--have", "0.1")
    assert run(farm, *words) == 1
    assert "0.1" in capsys.readouterr().out


def test_trees_are_found_numbered_and_the_missing_listed(
    farm: Path, trees: Scene, tmp_path: Path
) -> None:
    ortho = write_scene(tmp_path / "vuon-1.tif", trees)
    surface = write_heights(tmp_path / "dsm.tif", trees, "surface")
    ground = write_heights(tmp_path / "dtm.tif", trees, "ground")
    heights = ("--dsm", surface, "--dtm", ground)
    assert run(farm, "trees", ortho, *heights, "--field", "Vườn vải") == 0
    found = geopandas.read_file(made(farm, "vuon-vai-trees.gpkg"), layer="trees")
    assert len(found) == pytest.approx(len(trees.trees), abs=0.04 * len(trees.trees))
    assert found["name"].is_unique
    assert {"height_m", "area_m2", "NDVI"} <= set(found.columns)
    with made(farm, "vuon-vai-replant.csv").open(encoding="utf-8") as file:
        listed = list(csv.DictReader(file))
    inner = [gap for gap in trees.gaps if abs(gap.east_m) < 26.0 and abs(gap.north_m) < 20.0]
    places = np.array([(float(row["lon"]), float(row["lat"])) for row in listed])
    east, north = trees.frame.to_local(places[:, 0], places[:, 1])
    for gap in inner:
        assert np.hypot(east - gap.east_m, north - gap.north_m).min() < 1.5
    numbers = dict(zip(found["name"], found.geometry.centroid, strict=True))

    later = write_scene(tmp_path / "vuon-2.tif", trees)
    assert run(farm, "trees", later, *heights, "--field", "Vườn vải", "--as", "tháng 7") == 0
    again = geopandas.read_file(made(farm, "vuon-vai-trees.gpkg"), layer="trees")
    assert set(again["name"]) == set(numbers)
    for name, place in zip(again["name"], again.geometry.centroid, strict=True):
        assert numbers[name].distance(place) < 0.5


def test_a_patch_that_fell_ill_is_the_first_to_be_looked_at(
    farm: Path, rice: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    east, north = np.meshgrid(*rice.places())
    ill = np.hypot(east - 4.0, north + 3.0) < 5.0
    changed = rice.reflectance.copy()
    near = BANDS.index("NIR")
    changed[ill, near] *= 0.6
    maps = []
    for name, values in (("truoc", None), ("sau", changed)):
        ortho = write_scene(tmp_path / f"{name}.tif", rice, values)
        assert run(farm, "index", ortho, "--indices", "ndvi", "--scale", "10000") == 0
        maps.append(made(farm, f"{name}-ndvi.tif"))
    capsys.readouterr()
    assert run(farm, "change", *maps, "--field", "Ruộng Đình") == 0
    said = capsys.readouterr().out
    assert "1. a patch" in said
    assert "Look:" in said
    first = json.loads(made(farm, "truoc-ndvi-sau-ndvi-change.geojson").read_text("utf-8"))[
        "features"
    ][0]
    patch = rice.frame.geometry_to_local(shape(first["geometry"]))
    truth = shapely.Point(4.0, -3.0).buffer(5.0)
    assert patch.intersection(truth).area >= 0.8 * truth.area
    assert patch.area <= 1.6 * truth.area
    assert first["properties"]["change"] < -0.05


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("index", "nothing.tif", "--indices", "ndvi"), "nothing.tif"),
        (("zonal", "nothing.tif"), "nothing.tif"),
        (("zones", "nothing.tif"), "--field"),
        (("rate-map", "nothing.tif", "--rule", "a:b"), "a:b"),
        (("rate-map", "nothing.tif", "--rule", "0.3:20", "--unit", "t/ha"), "t/ha"),
        (("trees",), "--dsm"),
        (("trees", "nothing.tif", "--crown", "5-3"), "5-3"),
        (("mosaic", "nowhere"), "nowhere"),
        (("mosaic", ".", "--quality", "best"), "best"),
        (("photos", "check", "nowhere"), "nowhere"),
        (("photos", "check", ".", "--field", "Xa lạ"), "Xa lạ"),
        (("change", "nothing.tif", "other.tif"), "nothing.tif"),
        (("change", "nothing.json"), "nothing.json"),
    ],
)
def test_what_cannot_be_used_is_named_in_one_sentence(
    farm: Path, words: tuple[str, ...], part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(farm, *words) == 2
    said = capsys.readouterr()
    assert part in said.err
    assert len(said.err.strip().splitlines()) == 1


def test_every_product_traces_to_what_it_was_made_from(
    farm: Path, ndvi: Path, paddy_map: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(farm, "zones", ndvi, "--field", "Ruộng Đình", "--classes", "2") == 0
    listed = {one.name: one for one in catalogue.products(farm)}
    index, zones = listed["lua-0622-ndvi-ndre"], listed["ruong-dinh-zones"]
    assert zones.sources == (index.name,)
    assert index.facts["input_1"] == paddy_map.name
    assert index.facts["input_1_sha256"] == hashlib.sha256(paddy_map.read_bytes()).hexdigest()
    assert [one.name for one in catalogue.trace(farm, zones.name)] == [zones.name, index.name]
    capsys.readouterr()
    assert run(farm, "catalogue", "--check") == 0
    assert "whole" in capsys.readouterr().out
    with made(farm, "ruong-dinh-zones.geojson").open("ab") as file:
        file.write(b" ")
    assert run(farm, "catalogue", "--check") == 1
    assert run(farm, "zones", ndvi, "--field", "Ruộng Đình", "--classes", "3") == 0
    assert run(farm, "catalogue", "--check") == 0


def test_a_map_made_again_keeps_its_place_unless_others_were_made_of_it(
    farm: Path, ndvi: Path, paddy_map: Path
) -> None:
    assert run(farm, "zones", ndvi, "--field", "Ruộng Đình", "--classes", "2") == 0
    before = [one.name for one in catalogue.products(farm)]
    words = ("index", paddy_map, "--indices", "ndvi,ndre", "--scale", "10000", "--mask", "soil")
    assert run(farm, *words) == 0
    after = [one.name for one in catalogue.products(farm)]
    assert set(after) - set(before) == {"lua-0622-ndvi-ndre-2"}
    assert run(farm, "catalogue", "--check") == 0


def test_a_flights_name_may_hold_anything_a_person_types(
    farm: Path, trees: Scene, tmp_path: Path
) -> None:
    canopy = write_heights(tmp_path / "chm.tif", trees, "canopy")
    for _ in range(2):
        words = ("trees", "--chm", canopy, "--field", "Vườn vải", "--out", tmp_path, "--as", "a\nb")
        assert run(farm, *words) == 0
    register = json.loads((tmp_path / "vuon-vai-trees.json").read_text("utf-8"))
    flights = {visit["flight"] for one in register["passports"] for visit in one["visits"]}
    assert len(flights) == 2
    assert "a\nb" in flights
