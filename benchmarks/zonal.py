"""How fast and how exact statistics of zones are, beside what else there is.

``python benchmarks/zonal.py [--side 10240] [--plots 500] [--crowns 5000] [--rounds 1]`` makes an
index raster (float32, DEFLATE, tiles of 512) and prints one JSON object. Each way runs in a process
of its own, once with mean, deviation, least and greatest, once with the quantiles 0.1, 0.5 and 0.9
too; the plots lie turned by 3° on the whole raster, the crowns (radius 0.3 to 2.2 m) overlap:

* ``floor``: every block decoded once, nothing else;
* ``agri``: `imagery.zonal.zonal_statistics`; ``agri_two``: two files in one pass (the same one
  twice, so twice the floor is its own);
* ``exactextract``: feature by feature; ``exactextract_raster``: its other strategy;
* ``mask``: `rasterio.mask` for each zone (pixels by their middles); ``rasterstats`` if installed.

Told are ``cpu_s`` (processor time of the work, the least of the rounds, without imports),
``ratio`` (to the floor's), ``rss_mb`` (the process's peak, imports included) and ``off`` (greatest
difference of a mean from exactextract's).
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import affinity

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

PIXEL_M = 0.05
WEST, NORTH = 657_000.0, 2_332_000.0
SHARES = (0.1, 0.5, 0.9)
BLOCK = 512
WAYS = ("agri", "agri_two", "exactextract", "exactextract_raster", "mask", "rasterstats")


def make(path: Path, side: int) -> None:
    """Write NDVI of whole numbers as cameras give them: slow waves, noise, a strip without data."""
    import rasterio

    rng = np.random.default_rng(0)
    with rasterio.open(path, "w", driver="GTiff", width=side, height=side, count=1, nodata=math.nan,
                       dtype="float32", crs="EPSG:32648", tiled=True, blockxsize=BLOCK,
                       blockysize=BLOCK, compress="deflate", predictor=3,
                       transform=rasterio.Affine(PIXEL_M, 0, WEST, 0, -PIXEL_M, NORTH),
                       ) as target:  # fmt: skip
        for row in range(0, side, BLOCK):
            high = min(BLOCK, side - row)
            y, x = np.mgrid[row : row + high, 0:side]
            index = 0.6 + 0.2 * np.sin(x / 311.0) * np.cos(y / 407.0)
            index += rng.normal(0.0, 0.03, index.shape)
            red = rng.normal(1500.0, 100.0, index.shape)
            near = np.round(red * (1.0 + index) / (1.0 - index))
            values = (near - np.round(red)) / (near + np.round(red))
            values[:, :40] = np.nan
            window = rasterio.windows.Window(0, row, side, high)
            target.write(values.astype(np.float32), 1, window=window)


def plots(side: int, count: int) -> list[shapely.Polygon]:
    """Plots side by side, turned a little, on nearly all of the raster."""
    width = side * PIXEL_M
    rows = max(1, round(math.sqrt(count * 0.8)))
    columns = math.ceil(count / rows)
    wide, high = width / columns, width / rows
    boxes = [
        shapely.box(c * wide + 0.03 * wide, r * high + 0.03 * high,
                    (c + 0.97) * wide, (r + 0.97) * high)
        for r in range(rows) for c in range(columns)
    ]  # fmt: skip
    return [placed(affinity.rotate(one, 3.0)) for one in boxes[:count]]


def crowns(side: int, count: int) -> list[shapely.Polygon]:
    """Discs anywhere, overlapping."""
    rng = np.random.default_rng(1)
    width = side * PIXEL_M
    at, radius = rng.uniform(2.5, width - 2.5, (count, 2)), rng.uniform(0.3, 2.2, count)
    return [placed(shapely.Point(x, y).buffer(r)) for (x, y), r in zip(at, radius, strict=True)]


def placed(area: shapely.Polygon) -> shapely.Polygon:
    return affinity.affine_transform(area, [1, 0, 0, -1, WEST, NORTH])


def floor(path: Path, _: Any, __: bool) -> None:
    import rasterio

    with rasterio.open(path) as source:
        for _window in source.block_windows(1):
            source.read(1, window=_window[1])


def prepare_agri(areas: list[shapely.Polygon]) -> Any:
    from agri.geo import transformer
    from agri.zone import Zone

    def degrees(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(transformer(32648, 4326).transform(*xy.T))

    return [Zone(name=str(k), area=shapely.transform(a, degrees)) for k, a in enumerate(areas)]


def agri(path: Path, zones: Any, quantiles: bool, copies: int = 1) -> list[float]:
    from imagery.raster import open_ortho
    from imagery.zonal import OrthoLayers, zonal_statistics

    ortho = open_ortho(path)
    layers = [OrthoLayers(ortho=ortho, bands=(1,), labels=(f"v{k}",)) for k in range(copies)]
    table, _ = zonal_statistics(layers, zones, quantiles=SHARES if quantiles else ())
    return [row.mean for row in table.of("v0")]


def agri_two(path: Path, zones: Any, quantiles: bool) -> list[float]:
    return agri(path, zones, quantiles, copies=2)


def prepare_frame(areas: list[shapely.Polygon]) -> Any:
    import geopandas

    return geopandas.GeoDataFrame(geometry=areas, crs=32648)


def exact(path: Path, frame: Any, quantiles: bool, strategy: str = "feature-sequential") -> Any:
    import exactextract

    asked = ["mean", "stdev", "min", "max"]
    asked += [f"quantile(q={share})" for share in SHARES] if quantiles else []
    found = exactextract.exact_extract(str(path), frame, asked, output="pandas", strategy=strategy)
    return found["mean"].tolist()


def exact_raster(path: Path, frame: Any, quantiles: bool) -> Any:
    return exact(path, frame, quantiles, "raster-sequential")


def mask(path: Path, areas: Any, quantiles: bool) -> list[float]:
    import rasterio
    import rasterio.mask

    means = []
    with rasterio.open(path) as source:
        for area in areas:
            values, _ = rasterio.mask.mask(source, [area], crop=True, nodata=math.nan)
            told = values[~np.isnan(values)]
            means.append(float(told.mean(dtype=np.float64)) if told.size else math.nan)
            if told.size:
                told.std(dtype=np.float64), told.min(), told.max()
                if quantiles:
                    np.quantile(told, SHARES)
    return means


def rasterstats(path: Path, areas: Any, quantiles: bool) -> list[float]:
    from rasterstats import zonal_stats

    asked = ["mean", "std", "min", "max"]
    asked += [f"percentile_{100 * share:g}" for share in SHARES] if quantiles else []
    return [one["mean"] for one in zonal_stats(areas, str(path), stats=asked)]


MODULES = {"agri": ("imagery.raster", "imagery.zonal"), "exactextract": ("exactextract",),
           "rasterstats": ("rasterstats",)}  # fmt: skip
"""What each way imports before its time is taken."""
WORK: dict[str, tuple[Callable[[Any], Any], Callable[[Path, Any, bool], Any]]] = {
    "floor": (lambda areas: areas, floor),
    "agri": (prepare_agri, agri),
    "agri_two": (prepare_agri, agri_two),
    "exactextract": (prepare_frame, exact),
    "exactextract_raster": (prepare_frame, exact_raster),
    "mask": (lambda areas: areas, mask),
    "rasterstats": (lambda areas: areas, rasterstats),
}


def one(way: str, path: Path, what: str, *, side: int, count: int, quantiles: bool) -> None:
    """Do one way's work in this process and print what it took."""
    areas = {"plots": plots, "crowns": crowns}[what](side, count)
    prepare, work = WORK[way]
    ready = prepare(areas)
    for module in ("rasterio.mask", *MODULES.get(way.split("_", maxsplit=1)[0], ())):
        importlib.import_module(module)
    begun = time.process_time()
    means = work(path, ready, quantiles)
    cpu_s = time.process_time() - begun
    print(json.dumps({"cpu_s": cpu_s, "rss_mb": peak_mb(), "means": means}))


def peak_mb() -> float:
    """The most memory this program has had; `getrusage` would tell its parent's too."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(x for x in status.read_text("ascii").splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(arguments: list[str], rounds: int) -> dict[str, Any]:
    found = []
    for _ in range(rounds):
        said = subprocess.run([sys.executable, __file__, "--one", *arguments], check=True,
                              capture_output=True, text=True)  # fmt: skip
        found.append(json.loads(said.stdout.strip().splitlines()[-1]))
    return min(found, key=lambda result: float(result["cpu_s"]))


def judge(
    path: Path, what: str, *, side: int, count: int, rounds: int, ways: list[str]
) -> dict[str, Any]:
    told: dict[str, Any] = {}
    base = measured(["floor", str(path), what, str(side), str(count), "0"], rounds)
    told["floor"] = {"cpu_s": round(base["cpu_s"], 3), "rss_mb": round(base["rss_mb"])}
    for quantiles in (False, True):
        found = {
            way: measured(
                [way, str(path), what, str(side), str(count), str(int(quantiles))], rounds
            )
            for way in ways
        }
        exactly = (
            np.array(found["exactextract"]["means"], float) if "exactextract" in found else None
        )
        for way, result in found.items():
            row = {"cpu_s": round(result["cpu_s"], 3), "rss_mb": round(result["rss_mb"]),
                   "ratio": round(result["cpu_s"] / base["cpu_s"], 2)}  # fmt: skip
            if exactly is not None and len(result["means"]) == len(exactly):
                apart = np.abs(np.array(result["means"], float) - exactly)
                row["off"] = float(f"{np.nanmax(apart):.2g}")
            told[way + ("+quantiles" if quantiles else "")] = row
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=10_240)
    parser.add_argument("--plots", type=int, default=500)
    parser.add_argument("--crowns", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=WAYS)
    asked = parser.parse_args()
    ways = [way for way in asked.ways
            if way != "rasterstats" or importlib.util.find_spec("rasterstats")]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.tif"
        make(path, asked.side)
        common: dict[str, Any] = {"side": asked.side, "rounds": asked.rounds, "ways": ways}
        told = {
            "side": asked.side,
            "file_mb": round(path.stat().st_size / 1e6, 1),
            "plots": judge(path, "plots", count=asked.plots, **common),
            "crowns": judge(path, "crowns", count=asked.crowns, **common),
        }
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        way, path, what, side, count, quantiles = sys.argv[2:8]
        one(way, Path(path), what, side=int(side), count=int(count), quantiles=quantiles == "1")
    else:
        main()
