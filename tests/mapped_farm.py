"""A farm with maps of four dates, trees, zones, a list of changes: its truth is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Point

from agri.field import Field
from agri.files import write_json, write_text
from agri.geo import projected
from agri.operations.maps.change import map_change
from agri.operations.maps.shelf import Shelf
from agri.workspace import Workspace
from imagery import catalogue
from imagery.raster import open_ortho
from imagery.stac import Product
from imagery.trees.crown import Crown
from imagery.trees.numbering import first_numbers, next_numbers
from imagery.trees.output import write_trees
from imagery.trees.passport import register_text
from tests.ortho_files import write_ortho

EPSG = 32648
WEST, NORTH = 656_000.0, 2_332_000.0
PIXEL_M, SIZE = 0.2, 400
"""80 m; the lowest quarter of every map holds nothing."""
FIRST = datetime(2026, 2, 11, 2, 0, tzinfo=UTC)
NAMES = ("ngay-1", "ngay-2", "ngay-3", "ngay-4")
DAYS = tuple(FIRST + timedelta(days=30 * number) for number in range(4))
STEP_M, ROWS, PLACES = 8.0, 5, 8


def box(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    """A box of metres from the maps' upper left corner, south counted down, in degrees."""
    ground = shapely.box(WEST + west, NORTH - south, WEST + east, NORTH - north)
    return projected(ground, EPSG, 4326)  # type: ignore[return-value]


def place(east_m: float, south_m: float) -> tuple[float, float]:
    """Latitude and longitude of a place of the maps."""
    point = projected(Point(WEST + east_m, NORTH - south_m), EPSG, 4326)
    return float(point.y), float(point.x)


FIELD = Field(
    name="Vườn <b>vải</b>", boundary=MultiPolygon([box(5, 75, 75, 5)]), crop="vải"
)  # fmt: skip


def ndvi(number: int) -> NDArray[np.int16]:
    """NDVI × 10,000 of a date: 0.5 in the west, 0.8 in the east, a patch that fell at the last."""
    values = np.full((1, SIZE, SIZE), 5000 + 100 * number, np.int16)
    values[:, :, SIZE // 2 :] = 8000
    ground = np.random.default_rng(7).normal(0.0, 200.0, (SIZE // 4, SIZE // 4))
    light = np.random.default_rng(number).normal(0.0, 30.0, (SIZE, SIZE))
    values[0] += (ground.repeat(4, 0).repeat(4, 1) + light).astype(np.int16)
    if number == 3:
        values[0, 60:110, 260:330] -= 3500
        values[0, 150:180, 60:90] -= 2500
    values[:, 3 * SIZE // 4 :] = -32768
    return values


def listed(
    farm: Workspace, name: str, values: NDArray[np.generic], band: str, when: datetime
) -> Product:
    """Write an index into the farm and list it."""
    folder = farm.folder / "maps"
    folder.mkdir(exist_ok=True)
    turn = rasterio.Affine(PIXEL_M, 0, WEST, 0, -PIXEL_M, NORTH)
    path = write_ortho(folder / f"{name}.tif", values, (band,), nodata=-32768, transform=turn,
                       blockxsize=128, blockysize=128)  # fmt: skip
    with rasterio.open(path, "r+") as target:
        target.scales = (0.0001,)
        target.build_overviews([2, 4])
    edge = "R" if band == "NDVI" else "RE"
    told = catalogue.ortho_product(
        farm.folder, open_ortho(path), name=name, kind="index", start=when,
        formula=f"{band} = (N - {edge}) / (N + {edge})",
    )  # fmt: skip
    catalogue.add(farm.folder, told)
    return told


def crowns(number: int) -> list[Crown]:
    """The trees of a date, in a grid; one is missing from the third on."""
    found = []
    for row in range(ROWS):
        for spot in range(PLACES):
            if number >= 2 and (row, spot) == (1, 2):
                continue
            x, y = WEST + 12.0 + spot * STEP_M, NORTH - 12.0 - row * STEP_M
            found.append(
                Crown(top=(x, y), outline=Point(x, y).buffer(2.5, 4), height_m=3.0 + 0.2 * number,
                      volume_m3=20.0 + number, indices={"GLI": 0.1 + 0.01 * number})
            )  # fmt: skip
    return found


def list_areas(farm: Workspace, path: Path, kind: str, when: datetime) -> None:
    product = Product(
        name=path.stem, kind=kind, footprint=FIELD.boundary, start=when, end=when,  # type: ignore[arg-type]
        files=catalogue.file_facts(farm.folder, [path]),
    )  # fmt: skip
    catalogue.add(farm.folder, product)


def add_trees(farm: Workspace, names: Sequence[str] = NAMES) -> None:
    """List the trees of all dates, with their register."""
    numbered = first_numbers(crowns(0), epsg=EPSG, flight=names[0])
    for number, name in enumerate(names[1:], 1):
        numbered = next_numbers(numbered.register, crowns(number), epsg=EPSG, flight=name)
    path = farm.folder / "maps" / "vuon-trees.gpkg"
    write_trees(path, numbered.crowns, epsg=EPSG)
    write_text(path.with_suffix(".json"), register_text(numbered.register))
    list_areas(farm, path, "trees", DAYS[-1])


def add_zones(farm: Workspace) -> None:
    """List two zones: west and east."""
    zones = {"1": box(5, 55, 40, 5), "2": box(40, 55, 75, 5)}
    features = [
        {"type": "Feature", "properties": {"name": name, "mean": 0.5, "area_m2": 1750.0},
         "geometry": shapely.geometry.mapping(zone)}
        for name, zone in zones.items()
    ]  # fmt: skip
    path = farm.folder / "maps" / "vuon-zones.geojson"
    write_json(path, {"type": "FeatureCollection", "features": features})
    list_areas(farm, path, "zones", DAYS[-1])


def mapped_farm(folder: Path) -> Workspace:
    """The farm, open."""
    farm = Workspace.create(folder, farm_name="Trại")
    farm.add_fields([FIELD])
    for number, (name, when) in enumerate(zip(NAMES, DAYS, strict=True)):
        listed(farm, name, ndvi(number), "NDVI", when)
    listed(farm, "ngay-1-ndre", ndvi(0), "NDRE", DAYS[0])
    add_trees(farm)
    add_zones(farm)
    shelf = Shelf(folder=farm.folder / "maps", language="vi", farm=farm)
    map_change(farm.folder / "maps" / "ngay-3.tif", farm.folder / "maps" / "ngay-4.tif", shelf)
    return farm


def tile_of(east_m: float, south_m: float, zoom: int) -> tuple[int, int, int, int]:
    """Column and row of the web's tile, and of the pixel in it, of a place of the maps."""
    lat, lon = place(east_m, south_m)
    count = 2.0**zoom
    x = (lon + 180.0) / 360.0 * count
    y = (1.0 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2.0 * count
    return int(x), int(y), int(x % 1.0 * 256), int(y % 1.0 * 256)
