"""NDVI and NDRE of a generated five-band orthomosaic as a COG: what it costs, beside others.

    python benchmarks/indices.py --sizes 10240 20480

Each method runs in a process of its own, one after the other; what counts is the processor time of
the whole process, imports included, and its greatest memory. Walls depend on what else the machine
does. The scene is uint16, five bands, DEFLATE, tiles of 512, pixel-interleaved.

* ``decode_only``: all bands read, nothing written: nobody can be cheaper;
* ``floor_float32``: all bands read and finished float32 results written, DEFLATE 6 with predictor
  3, by GDAL's COG driver, without any arithmetic: what every two-step pipeline pays;
* ``floor_int16``: the same with 16-bit results and ZSTD 1;
* ``rasterio_windows``: windows of 512, NumPy, float32, then GDAL's COG driver;
* ``gdal_calc``, ``rioxarray_dask``: where they are installed (Debian's python3-gdal; the extra
  ``bench``);
* ``agri_int16``, ``agri_float32``, ``agri_deflate``: the engine, scaled 16-bit numbers (error at
  most 0.00005), every bit, and 16-bit numbers as Deflate.

JSON on standard output, for each size: seconds of processor and wall, peak MB, MB written, ratio to
the float32 floor; the products are compared pixel by pixel and validated.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

TILE = 512
NAMES = ("Blue 475 nm", "Green 560 nm", "Red 668 nm", "Red edge 717 nm", "NIR 842 nm")
FLOAT32 = {"compress": "DEFLATE", "level": "6", "predictor": "3"}
INT16 = {"compress": "ZSTD", "level": "1", "predictor": "2"}


def windows(size: int) -> Iterator[Any]:
    from rasterio.windows import Window

    for row in range(0, size, TILE):
        for column in range(0, size, TILE):
            yield Window(column, row, min(TILE, size - column), min(TILE, size - row))


def profile(size: int, count: int, dtype: str) -> dict[str, Any]:
    import rasterio

    return {
        "driver": "GTiff", "width": size, "height": size, "count": count, "dtype": dtype,
        "crs": "EPSG:32648", "transform": rasterio.Affine(0.05, 0, 656000, 0, -0.05, 2332000),
        "tiled": True, "blockxsize": TILE, "blockysize": TILE, "BIGTIFF": "IF_SAFER",
    }  # fmt: skip


def generate(path: Path, size: int) -> None:
    """Write rows of trees over soil, with noise, and a margin without data."""
    import rasterio

    chance = np.random.default_rng(7)
    y, x = np.mgrid[0:TILE, 0:TILE].astype(np.float32)
    options = profile(size, 5, "uint16") | {
        "compress": "deflate", "interleave": "pixel", "nodata": 0, "num_threads": "all_cpus",
    }  # fmt: skip
    with rasterio.open(path, "w", **options) as target:
        for window in windows(size):
            rows, columns = y + window.row_off, x + window.col_off
            crown = np.clip(np.sin(rows / 25) * np.sin(columns / 25) * 2 + 0.3, 0, 1)
            bands = np.stack([
                0.09 - 0.06 * crown, 0.12 - 0.04 * crown, 0.18 - 0.14 * crown,
                0.22 - 0.07 * crown, 0.28 + 0.22 * crown,
            ])  # fmt: skip
            bands *= 1 + 0.03 * chance.standard_normal(bands.shape, dtype=np.float32)
            stored = np.clip(bands * 10_000, 1, 65_535).astype(np.uint16)
            stored[:, (rows + columns) < size // 10] = 0
            target.write(stored[:, : window.height, : window.width], window=window)
        for number, name in enumerate(NAMES, 1):
            target.set_band_description(number, name)


def ratios(bands: Any) -> Any:
    red, edge, near = (band.astype(np.float32) for band in bands)
    with np.errstate(all="ignore"):
        found = np.stack([(near - red) / (near + red), (near - edge) / (near + edge)])
    found[:, bands[0] == 0] = np.nan
    return found


def to_cog(source: Path, target: Path, options: dict[str, str]) -> None:
    import rasterio.shutil

    rasterio.shutil.copy(
        str(source), str(target), driver="COG", compress=options["compress"],
        level=options["level"], predictor=options["predictor"], overview_resampling="average",
        blocksize=TILE, bigtiff="IF_SAFER",
    )  # fmt: skip


def decode_only(scene: Path, _folder: Path, size: int) -> None:
    import rasterio

    with rasterio.open(scene) as source:
        for window in windows(size):
            source.read(window=window)


def rasterio_windows(scene: Path, folder: Path, size: int) -> Path:
    import rasterio

    step = folder / "step.tif"
    options = profile(size, 2, "float32") | {"nodata": np.nan}
    with rasterio.open(scene) as source, rasterio.open(step, "w", **options) as target:
        for window in windows(size):
            target.write(ratios(source.read([3, 4, 5], window=window)), window=window)
    to_cog(step, folder / "out.tif", FLOAT32)
    return folder / "out.tif"


def floor(scene: Path, folder: Path, size: int, kind: str) -> Path:
    """Read every band and write results that are finished, without arithmetic."""
    import rasterio

    step = folder / "step.tif"
    ready = np.memmap(folder.parent / f"ready_{kind}", kind, "r", shape=(2, size, size))
    nodata = np.nan if kind == "float32" else -32768
    options = profile(size, 2, kind) | {"nodata": nodata}
    with rasterio.open(scene) as source, rasterio.open(step, "w", **options) as target:
        for window in windows(size):
            source.read(window=window)
            target.write(ready[(slice(None), *window.toslices())], window=window)
    to_cog(step, folder / "out.tif", FLOAT32 if kind == "float32" else INT16)
    return folder / "out.tif"


def prepare(scene: Path, folder: Path, size: int) -> None:
    """Keep finished results for the floors."""
    import rasterio

    shape = (2, size, size)
    real = np.memmap(folder / "ready_float32", "float32", "w+", shape=shape)
    whole = np.memmap(folder / "ready_int16", "int16", "w+", shape=shape)
    with rasterio.open(scene) as source:
        for window in windows(size):
            found = ratios(source.read([3, 4, 5], window=window))
            part = (slice(None), *window.toslices())
            real[part] = found
            whole[part] = np.nan_to_num(np.rint(found * 10_000), nan=-32768)
    real.flush()
    whole.flush()


def gdal_calc(scene: Path, folder: Path, _size: int) -> Path:
    """One call for each index, as its users do, then one COG of both."""
    parts = []
    for name, band in (("ndvi", 3), ("ndre", 4)):
        parts.append(folder / f"{name}.tif")
        subprocess.run(
            [str(shutil.which("gdal_calc.py")), "-A", str(scene), "--A_band=5", "-B", str(scene),
             f"--B_band={band}", f"--outfile={parts[-1]}", "--type=Float32", "--quiet",
             "--calc=(A.astype(float32)-B)/(A.astype(float32)+B)", "--co=TILED=YES",
             "--NoDataValue=-9999"],
            check=True,
        )  # fmt: skip
        to_cog(parts[-1], folder / f"{name}_cog.tif", FLOAT32)
    return folder / "ndvi_cog.tif"


def rioxarray_dask(scene: Path, folder: Path, _size: int) -> Path:
    import rioxarray
    import xarray

    data = rioxarray.open_rasterio(scene, chunks={"x": 2048, "y": 2048}).astype("float32")
    red, edge, near = data[2], data[3], data[4]
    both = xarray.concat([(near - red) / (near + red), (near - edge) / (near + edge)], "band")
    both.attrs.clear()
    both.rio.write_crs(data.rio.crs).rio.to_raster(
        folder / "step.tif", tiled=True, lock=False, dtype="float32"
    )
    to_cog(folder / "step.tif", folder / "out.tif", FLOAT32)
    return folder / "out.tif"


def agri(scene: Path, folder: Path, _size: int, kind: Any, packing: Any) -> Path:
    from imagery.indices.maps import index_map
    from imagery.raster import open_ortho
    from imagery.raster.tiles import Encoding

    path = folder / "out.tif"
    index_map(
        path, open_ortho(scene), ["NDVI", "NDRE"], encoding=Encoding(kind=kind, packing=packing)
    )
    return path


METHODS: dict[str, Any] = {
    "decode_only": decode_only,
    "floor_float32": lambda *a: floor(*a, "float32"),
    "floor_int16": lambda *a: floor(*a, "int16"),
    "rasterio_windows": rasterio_windows,
    "gdal_calc": gdal_calc,
    "rioxarray_dask": rioxarray_dask,
    "agri_int16": lambda *a: agri(*a, "int16", "zstd"),
    "agri_float32": lambda *a: agri(*a, "float32", "zstd"),
    "agri_deflate": lambda *a: agri(*a, "int16", "deflate"),
}


def peak_mb() -> int:
    """Return the greatest memory of this process alone, not of the one it was forked from."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return round(int(lines["VmHWM"].split()[0]) / 1024)


def child(method: str, scene: Path, folder: Path, size: int) -> None:
    """Run one method and print what it cost."""
    import resource

    os.environ["GDAL_CACHEMAX"] = "256"
    began = time.monotonic()
    path = METHODS[method](scene, folder, size)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(json.dumps({
        "cpu_s": round(sum(u.ru_utime + u.ru_stime for u in used), 2),
        "wall_s": round(time.monotonic() - began, 2),
        "peak_mb": max(peak_mb(), round(used[1].ru_maxrss / 1024)),
        "written_mb": round(path.stat().st_size / 1e6, 1) if path else 0.0,
    }))  # fmt: skip


def judged(path: Path, folder: Path, size: int) -> dict[str, Any]:
    """Validate a product and compare every pixel of it with the finished results."""
    import rasterio
    from rio_cogeo.cogeo import cog_validate

    ready = np.memmap(folder / "ready_float32", "float32", "r", shape=(2, size, size))
    worst, gaps = 0.0, True
    with rasterio.open(path) as found:
        for window in windows(size):
            seen = found.read(window=window, masked=True).astype(np.float64)
            scale = np.array(found.scales)[:, None, None]
            truth = ready[(slice(None), *window.toslices())]
            gaps &= bool(np.array_equal(np.ma.getmaskarray(seen), np.isnan(truth)))
            error = np.abs(np.ma.filled(seen * scale, np.nan) - truth)
            if np.isfinite(error).any():
                worst = max(worst, float(np.nanmax(error)))
    return {"valid_cog": cog_validate(path, strict=True)[0], "worst_error": worst,
            "same_gaps": gaps}  # fmt: skip


def there(method: str) -> bool:
    if method == "gdal_calc":
        return shutil.which("gdal_calc.py") is not None
    if method == "rioxarray_dask":
        return importlib.util.find_spec("rioxarray") is not None
    return True


def measure(method: str, scene: Path, folder: Path, size: int) -> dict[str, Any]:
    own = folder / method
    own.mkdir()
    try:
        done = subprocess.run(
            [sys.executable, __file__, "--child", method, "--scene", str(scene), "--folder",
             str(own), "--sizes", str(size)],
            check=True, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        if method.startswith("agri"):
            found |= judged(own / "out.tif", folder, size)
    finally:
        shutil.rmtree(own, ignore_errors=True)
    return found


def compared(chosen: list[str], scene: Path, folder: Path, size: int) -> dict[str, Any]:
    """Run the methods one after the other on one scene."""
    prepare(scene, folder, size)
    results = {}
    for method in chosen:
        if there(method):
            results[method] = measure(method, scene, folder, size)
            print(f"{size} {method:18} {results[method]}", file=sys.stderr)
    floor_s = results.get("floor_float32", {}).get("cpu_s")
    for row in results.values():
        row["ratio"] = round(row["cpu_s"] / floor_s, 3) if floor_s else None
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[4096])
    parser.add_argument("--only", default="", help="methods, with commas between")
    parser.add_argument("--folder", type=Path, help="where there is room for the scenes")
    parser.add_argument("--child", choices=METHODS)
    parser.add_argument("--scene", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child, given.scene, given.folder, given.sizes[0])
        return
    chosen = [name for name in METHODS if not given.only or name in given.only.split(",")]
    sizes = {}
    for size in given.sizes:
        with tempfile.TemporaryDirectory(prefix="indices_", dir=given.folder) as name:
            scene = Path(name) / "scene.tif"
            generate(scene, size)
            sizes[str(size)] = compared(chosen, scene, Path(name), size)
    print(json.dumps({"cores": os.cpu_count(), "sizes": sizes}, indent=2))


if __name__ == "__main__":
    main()
