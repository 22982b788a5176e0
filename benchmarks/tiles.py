"""How fast tiles of an index are, beside a bare rio-tiler route in the same run.

``python benchmarks/tiles.py [--side 10000] [--tiles 60] [--threads 2]`` makes an index raster as
agri stores it (int16 × 10,000, DEFLATE, blocks of 512, overviews), lists it in a farm's catalogue
and prints one JSON object. The same tiles, spread over five zooms, are asked for in turn from

* ``agri``: `agri.operations.maps.tiles.draw_tile`, the guard and the look-up of colours with it;
* ``shelf``: `agri.web.products.TileShelf` when it has drawn them before;
* ``rio_tiler``: `rio_tiler.io.Reader` as its own documentation has it: open, read, rescale, colour,
  encode (WebP, the same quality);
* ``titiler``: its tile route, called as a server would call it but without a socket, where
  ``titiler.core`` is installed (it is not among our packages).

Told are the median and the 95th percentile in milliseconds of one thread, processor time per tile,
bytes per tile, and tiles per second of ``--threads`` threads.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

PIXEL_M = 0.05
WEST, NORTH = 656_000.0, 2_332_000.0
BLOCK = 512
NAME = "bench-ndvi"


def make(farm: Path, side: int) -> None:
    """Write the raster, smooth with noise as crops are, and list it."""
    import rasterio

    from imagery import catalogue
    from imagery.raster import open_ortho

    chance = np.random.default_rng(0)
    (farm / "maps").mkdir()
    path = farm / "maps" / f"{NAME}.tif"
    with rasterio.open(path, "w", driver="GTiff", width=side, height=side, count=1, nodata=-32768,
                       dtype="int16", crs="EPSG:32648", tiled=True, blockxsize=BLOCK,
                       blockysize=BLOCK, compress="deflate", predictor=2,
                       transform=rasterio.Affine(PIXEL_M, 0, WEST, 0, -PIXEL_M, NORTH),
                       ) as target:  # fmt: skip
        for row in range(0, side, BLOCK):
            high = min(BLOCK, side - row)
            y, x = np.mgrid[row : row + high, 0:side].astype(np.float32)
            values = 0.5 + 0.3 * np.sin(x / 171) * np.cos(y / 133)
            values += chance.normal(0.0, 0.02, values.shape).astype(np.float32)
            stored = np.round(values * 10_000).astype(np.int16)
            target.write(stored, 1, window=rasterio.windows.Window(0, row, side, high))
        target.scales = (0.0001,)
        target.set_band_description(1, "NDVI")
        target.build_overviews(
            [2**k for k in range(1, max(2, math.ceil(math.log2(side / 512)) + 1))]
        )
    product = catalogue.ortho_product(farm, open_ortho(path), name=NAME, kind="index",
                                      start=datetime(2026, 11, 22, tzinfo=UTC))  # fmt: skip
    catalogue.add(farm, product)


def chosen(side: int, count: int) -> list[tuple[int, int, int]]:
    """Return tiles inside the raster, spread over five zooms, always the same."""
    from pyproj import Transformer

    draw = random.Random(1)
    to_degrees = Transformer.from_crs(32648, 4326, always_xy=True)
    found = []
    for number in range(count):
        zoom = 22 - number % 5
        across = draw.uniform(0.05, 0.95) * side * PIXEL_M
        down = draw.uniform(0.05, 0.95) * side * PIXEL_M
        lon, lat = to_degrees.transform(WEST + across, NORTH - down)
        tiles = 2.0**zoom
        y = (1.0 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2.0 * tiles
        found.append((zoom, int((lon + 180.0) / 360.0 * tiles), int(y)))
    return found


def ways(farm: Path) -> dict[str, Callable[[int, int, int], bytes]]:
    """Return what draws a tile, by name."""
    from rio_tiler.colormap import cmap
    from rio_tiler.io import Reader

    from agri.operations.maps.tiles import QUALITY, draw_tile, sight_of
    from agri.web.products import TileShelf

    sight = sight_of(farm, NAME)
    shelf = TileShelf(farm)
    colours = cmap.get("brbg")
    path = str(sight.path)

    def bare(z: int, x: int, y: int) -> bytes:
        with Reader(path) as reader:
            image = reader.tile(x, y, z, indexes=1)
        image.rescale(in_range=((-10_000, 10_000),))
        return bytes(image.render(img_format="WEBP", colormap=colours, quality=QUALITY))

    found: dict[str, Callable[[int, int, int], bytes]] = {
        "agri": lambda z, x, y: draw_tile(sight, z, x, y),
        "rio_tiler": bare,
        "shelf": lambda z, x, y: shelf.tile(NAME, 1, z, x, y),
    }
    if find_spec("titiler"):
        found["titiler"] = titiler(path)
    return found


def titiler(path: str) -> Callable[[int, int, int], bytes]:
    """Return titiler's route for the tiles of one file, asked without a socket."""
    from fastapi import FastAPI
    from titiler.core.factory import TilerFactory  # type: ignore[import-not-found]

    app = FastAPI()
    app.include_router(TilerFactory().router)
    asked = {"url": path, "bidx": 1, "rescale": "-10000,10000", "colormap_name": "brbg"}
    query = urlencode(asked).encode()

    async def answer(place: str) -> bytes:
        scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1",
                 "method": "GET", "scheme": "http", "path": place, "raw_path": place.encode(),
                 "query_string": query, "root_path": "", "headers": [(b"host", b"here")],
                 "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80)}  # fmt: skip
        body, status = b"", 0

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            nonlocal body, status
            status = message.get("status", status)
            body += message.get("body", b"")

        await app(scope, receive, send)
        if status != 200:
            raise RuntimeError(f"titiler answered {status}: {body[:200]!r}")
        return body

    return lambda z, x, y: asyncio.run(answer(f"/tiles/WebMercatorQuad/{z}/{x}/{y}.webp"))


def measured(draw: Callable[[int, int, int], bytes], tiles: list[Any], threads: int) -> Any:
    """Return the figures of one way."""
    draw(*tiles[0])
    times, sizes = [], []
    cpu_s = time.process_time()
    for tile in tiles:
        began_s = time.perf_counter()
        sizes.append(len(draw(*tile)))
        times.append((time.perf_counter() - began_s) * 1000.0)
    cpu_s = time.process_time() - cpu_s
    began_s = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda tile: draw(*tile), tiles))
    together_s = time.perf_counter() - began_s
    return {
        "median_ms": round(float(np.median(times)), 2),
        "p95_ms": round(float(np.percentile(times, 95)), 2),
        "cpu_ms": round(cpu_s / len(tiles) * 1000.0, 2),
        "bytes": int(np.median(sizes)),
        "tiles_per_s": round(len(tiles) / together_s, 1),
    }


def main() -> None:
    """Make the raster, draw the tiles, print the figures."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--side", type=int, default=10_000)
    asked.add_argument("--tiles", type=int, default=60)
    asked.add_argument("--threads", type=int, default=2)
    told = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        farm = Path(folder)
        make(farm, told.side)
        tiles = chosen(told.side, told.tiles)
        found = ways(farm)
        for tile in tiles:
            found["shelf"](*tile)
        figures = {name: measured(draw, tiles, told.threads) for name, draw in found.items()}
    print(json.dumps({"side": told.side, "tiles": told.tiles, **figures}, indent=1))


if __name__ == "__main__":
    main()
