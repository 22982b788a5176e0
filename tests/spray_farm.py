"""A farm for the spraying commands: paddies, a rươi paddy beside one, an orchard, ground and rates.

Everything lies by metres east and north of `CORNER`, so that what a test expects can be reckoned by
hand. Files are made as a user would bring them: GeoJSON and GeoTIFF.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin
from shapely.geometry import LineString, Point, box, mapping
from shapely.geometry.base import BaseGeometry

from agri.cli import main
from agri.geo import LocalFrame, LonLat
from agri.workspace import Workspace

CORNER = LonLat(lon_deg=106.51, lat_deg=21.08)
FRAME = LocalFrame(CORNER)
PADDY, SMALL, NARROW = "Ruộng Đình", "Ruộng Bé", "Ruộng Hẹp"
RUOI, LARGE, ORCHARD = "Ruộng Rươi", "Ruộng Lớn", "Vườn Vải"
PADDY_AT = (0.0, 0.0, 60.0, 30.0)
ORCHARD_AT = (900.0, 0.0, 950.0, 40.0)
MIX = ("--product", "Thuốc A", "--dose", "500ml", "--phi", "14")
Values = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
"""(H, W) metres east and north of `CORNER` to a value at each."""


def feature(shape: BaseGeometry, **properties: Any) -> dict[str, Any]:
    """A feature whose shape is told in metres."""
    geometry = mapping(FRAME.geometry_to_lonlat(shape))
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def write_features(path: Path, *features: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    return path


def write_raster(path: Path, values: Values, *, within: tuple[float, float, float, float],
                 crs: str | None = "EPSG:32648", step_m: float = 2.0) -> Path:  # fmt: skip
    """A GeoTIFF whose pixels get `values` at their middles."""
    west, south, east, north = within
    x, y = np.meshgrid(np.arange(west, east, step_m) + step_m / 2.0,
                       np.arange(north, south, -step_m) - step_m / 2.0)  # fmt: skip
    band = np.asarray(values(x, y), dtype=np.float32)
    left, top = utm(west, north)
    with rasterio.open(path, "w", driver="GTiff", height=band.shape[0], width=band.shape[1],
                       count=1, dtype="float32", crs=crs,
                       transform=from_origin(left, top, step_m, step_m)) as file:  # fmt: skip
        file.write(band, 1)
    return path


def utm(east_m: float, north_m: float) -> tuple[float, float]:
    """Metres of UTM 48N, which leans against the local frame by less than a pixel here."""
    from pyproj import Transformer

    place = FRAME.place(0.0, 0.0)
    x, y = Transformer.from_crs(4326, 32648, always_xy=True).transform(place.lon_deg, place.lat_deg)
    return x + east_m, y + north_m


def make_farm(folder: Path) -> Path:
    """Return a farm's folder, its fields brought in from a file as a user would."""
    places = [
        feature(box(*PADDY_AT), name=PADDY, kind="field", crop="lúa"),
        feature(box(70, 0, 120, 28), name=SMALL, kind="field", crop="lúa"),
        feature(Point(-12, -12), name="Sân", kind="pad"),
        feature(Point(-80, -80), name="Cây đa", kind="tree", height_m=8),
        feature(box(300, 0, 340, 12), name=NARROW, kind="field", crop="lúa"),
        feature(box(300, 13, 340, 43), name="Đầm rươi", kind="ruoi"),
        feature(box(600, 0, 660, 40), name=RUOI, kind="field", crop="rươi"),
        feature(box(0, 120, 150, 240), name=LARGE, kind="field", crop="lúa"),
        feature(box(*ORCHARD_AT), name=ORCHARD, kind="field", crop="vải"),
        feature(Point(890, -8), name="Sân vườn", kind="pad"),
    ]
    boundaries = write_features(folder / "places.geojson", *places)
    farm = folder / "nông trại"
    assert main(["init", str(farm), "--name", "Nông trại phun"]) == 0
    assert main(["fields", "add", str(boundaries), "--farm", str(farm)]) == 0
    return farm


def trees(path: Path, count: int = 15, **sizes: Any) -> Path:
    """Trees 8 m apart in rows 9 m apart, all with the same `sizes`."""
    west, south, _, _ = ORCHARD_AT
    return write_features(
        path,
        *(
            feature(Point(west + 6 + 8 * (i % 5), south + 6 + 9 * (i // 5)), name=f"Vải {i + 1}",
                    **sizes)
            for i in range(count)
        ),
    )  # fmt: skip


def make_files(folder: Path) -> None:
    """Write what the commands are given: ground heights, rate maps and trees, good and bad."""
    field, wide = (-10.0, -10.0, 70.0, 40.0), (-250.0, -250.0, 350.0, 350.0)

    def hill(x: NDArray[np.float64], _: NDArray[np.float64]) -> NDArray[np.float64]:
        return 10.0 + 0.05 * x

    def two_rates(x: NDArray[np.float64], _: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(x < 30.0, 15.0, 25.0)

    write_raster(folder / "dem.tif", hill, within=wide)
    write_raster(folder / "dem-far.tif", hill, within=(5000.0, 5000.0, 5200.0, 5200.0))
    write_raster(folder / "dem-no-pad.tif", hill, within=(-1.0, -1.0, 70.0, 40.0))
    write_raster(folder / "dem-half.tif", hill, within=(-250.0, -250.0, 30.0, 350.0))
    write_raster(folder / "dem-no-crs.tif", hill, within=wide, crs=None)
    write_raster(folder / "dem-navd.tif", hill, within=wide, crs="EPSG:32648+5703")
    write_raster(folder / "dem-vn2000.tif", hill, within=wide, crs="EPSG:5899")
    write_raster(folder / "dsm-below.tif", lambda x, y: hill(x, y) - 30.0, within=wide)
    write_raster(folder / "dem-hole.tif", within=wide, values=lambda x, y: np.where(
        (abs(x - 30.0) < 6.0) & (abs(y - 15.0) < 6.0), np.nan, hill(x, y)))  # fmt: skip
    write_raster(folder / "rates.tif", two_rates, within=field, step_m=5.0)
    gap = write_raster(folder / "rates-gap.tif", two_rates, within=field, step_m=5.0)
    with rasterio.open(gap, "r+") as file:
        file.write(np.where(file.read(1) < 20.0, np.nan, 25.0), 1)
    write_raster(folder / "rates-negative.tif", lambda x, y: -two_rates(x, y), within=field)
    west, east = box(-5, -5, 30, 35), box(30, -5, 65, 35)
    write_features(folder / "rates.geojson", feature(west, name="Tây", rate_l_ha=15),
                   feature(east, name="Đông", rate_l_ha=25))  # fmt: skip
    write_features(folder / "rates-gap.geojson", feature(west, name="Tây", rate_l_ha=15))
    write_features(folder / "rates-negative.geojson", feature(west, name="Tây", rate_l_ha=-15))
    write_features(folder / "rates-untold.geojson", feature(west, name="Tây"))
    write_features(folder / "rates-strong.geojson", feature(west, name="Tây", rate_l_ha=15),
                   feature(east, name="Đông", rate_l_ha=400))  # fmt: skip
    write_features(folder / "rates-twice.geojson", feature(west, name="Tây", rate_l_ha=15),
                   feature(box(20, -5, 65, 35), name="Đông", rate_l_ha=25))  # fmt: skip
    trees(folder / "trees.geojson", crown_diameter_m=4.0, height_m=3.0)
    trees(folder / "trees-sizeless.geojson")
    trees(folder / "trees-flat.geojson", crown_diameter_m=4.0)
    trees(folder / "trees-tall.geojson", crown_diameter_m=4.0, height_m=60.0)
    lost = feature(Point(0, 0), name="Lạc", crown_diameter_m=4.0, height_m=3.0)
    write_features(folder / "trees-outside.geojson", lost)
    write_features(folder / "trees-line.geojson", feature(LineString([(906, 6), (916, 6)])))
    write_features(folder / "nothing.geojson")
    (folder / "note.txt").write_text("không phải bản đồ", "utf-8")


def state(farm: Path, *, sound: bool = True) -> dict[str, str]:
    """All that a user could lose: every field, plan and flight, and every file's content.

    A farm that is read to be compared later is looked through then.
    """
    with Workspace.open(farm) as workspace:
        assert not sound or workspace.check() == []
        kept = {f"field {f.uid}": f"{f.name} {f.boundary.wkt}" for f in workspace.farm().fields}
        kept |= {f"plan {p.uid}": f"{p.name} {p.digest}" for p in workspace.plans(every=True)}
        kept |= {f"flight {f.uid}": f"{f.plan_name} {f.outcome}" for f in workspace.flights()}
    for part in ("plans", "reports", "flights"):
        for file in sorted((farm / part).rglob("*")):
            if file.is_file():
                kept[str(file.relative_to(farm))] = hashlib.sha256(file.read_bytes()).hexdigest()
    return kept
