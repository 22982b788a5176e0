"""The same work on a cluster: stretches or whole pieces made by Dask's workers.

Theory of operation
-------------------
Two ways, both the graph of `imagery.raster.engine`:

* **one file** (`executor`): the workers make the stretches, this program writes the product as
  they come. The bytes are those that threads give; interrupted runs are taken up the same way.
* **a mosaic of pieces** (`write_mosaic`), for what one disk or one network card should not carry:
  the raster is cut into squares of whole tiles, every worker writes its pieces as COGs of their own
  into a folder that all machines see. A piece has its name when it is whole. The index
  ``mosaic.vrt``, which makes one raster of them for GDAL and QGIS, is written last: a folder
  without it is not finished. A rerun makes what is missing, and keeps pieces of the same job alone.

Workers must see input and output under the same names. A worker that dies loses the stretch it was
at; Dask gives that to another one. Nothing is ever forked after GDAL's threads run: local clusters
start their workers by spawn, or as threads.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from pyproj import CRS

from agri import __version__
from agri.errors import AgriError, BadInput, Refused
from agri.files import make_folder, read_json_limited, write_json, write_text
from imagery.extras import extra
from imagery.raster.engine import VERSION, Product, Progress, stamp_of, write_product
from imagery.raster.ortho import Ortho, Window
from imagery.raster.stretch import Recipe
from imagery.raster.tiff import TILE
from imagery.raster.tiles import NONE, Encoding

PIECE_SIDE = 8192
"""Pixels a side of a mosaic's piece."""
CONNECT_S = 20.0
WAITS, WAIT_S = 1200, 0.25
"""How often and how long a piece in another worker's hands is waited for."""
INDEX = "mosaic.vrt"
JOB = "mosaic.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A square of a mosaic.

    Parameters
    ----------
    name : str
        File name.
    window : Window
        Its pixels in the whole raster.
    """

    name: str
    window: Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Mosaic:
    """A finished mosaic.

    Parameters
    ----------
    index : Path
        The file that makes one raster of the pieces.
    pieces : tuple of Piece
        All of them.
    made : int
        How many this run made; the others were there.
    counts : tuple of int
        What the recipe counted, over pieces that this run made.
    """

    index: Path
    pieces: tuple[Piece, ...]
    made: int
    counts: tuple[int, ...]


@contextmanager
def executor(address: str) -> Iterator[Executor]:
    """Connect to a cluster and give it as an executor for `write_product` and `index_map`.

    Parameters
    ----------
    address : str
        Of the scheduler: "tcp://10.0.0.5:8786", or "threads" for a cluster inside this program.

    Raises
    ------
    BadInput
        When Dask is missing, the address is none, or nobody answers within 20 seconds.
    """
    with connected(address) as client:
        yield client.get_executor(pure=False)


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Connect to a cluster; otherwise as `executor`, giving Dask's client."""
    distributed = extra("distributed", extra="cluster")
    inside = address == "threads"
    if not inside and not address.startswith(("tcp://", "tls://")):
        raise BadInput("error.cluster_address", address=address[:60])
    try:
        client = (
            distributed.Client(processes=False, dashboard_address=None)
            if inside
            else distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
        )
    except (OSError, TimeoutError, ValueError):
        raise BadInput("error.cluster_silent", address=address[:60]) from None
    with client:
        yield client


def pieces_of(ortho: Ortho, side: int = PIECE_SIDE, job: str = "") -> tuple[Piece, ...]:
    """Cut a raster into squares of whole tiles.

    Parameters
    ----------
    ortho : Ortho
        The raster.
    side : int
        Pixels a side; made a multiple of 512.
    job : str
        Goes into the names, so that pieces of two jobs are never taken for each other.
    """
    side = max(1, side // TILE) * TILE
    return tuple(
        Piece(
            name=f"piece_{job[:8]}_{row // side:03d}_{column // side:03d}.tif",
            window=Window(
                column=column,
                row=row,
                width=min(side, ortho.width - column),
                height=min(side, ortho.height - row),
            ),
        )
        for row in range(0, ortho.height, side)
        for column in range(0, ortho.width, side)
    )


def write_mosaic(
    folder: Path,
    ortho: Ortho,
    recipe: Recipe,
    client: Any,
    *,
    encoding: Encoding | None = None,
    side: int = PIECE_SIDE,
    tags: Sequence[tuple[str, str]] = (),
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
) -> Mosaic | None:
    """Make a product as a mosaic of COGs, each by one worker.

    Parameters
    ----------
    folder : Path
        That all workers see; ``mosaic.vrt`` appears in it last.
    ortho, recipe, encoding, tags, progress, stop
        As `imagery.raster.engine.write_product`.
    client : distributed.Client
        From `connected`.
    side : int
        Pixels a side of a piece.

    Returns
    -------
    Mosaic, or None when it was stopped.

    Raises
    ------
    BadInput
        When the input is damaged, or changes meanwhile.
    StoreError
        When the disk will not take it.
    """
    distributed = extra("distributed", extra="cluster")
    encoding = encoding or Encoding()
    stamp = stamp_of(ortho.path)
    job = _job(ortho, recipe, encoding, side, stamp)
    pieces = pieces_of(ortho, side, job)
    make_folder(folder)
    _begin(folder, job)
    missing = [piece for piece in pieces if not (folder / piece.name).exists()]
    futures = [
        client.submit(
            make_piece,
            folder,
            piece,
            ortho=ortho,
            recipe=recipe,
            encoding=encoding,
            tags=tuple(tags),
            pure=False,
        )
        for piece in missing
    ]
    counts: tuple[int, ...] = ()
    done = len(pieces) - len(missing)
    try:
        for future, found in distributed.as_completed(futures, with_results=True):
            future.release()
            counts = tuple(map(sum, zip(counts, found, strict=True))) if counts else found
            done += 1
            if progress:
                progress(done / len(pieces))
            if stop and done < len(pieces) and stop():
                return None
    finally:
        client.cancel(futures)
    if stamp_of(ortho.path) != stamp:
        raise BadInput("error.raster_changed", name=ortho.name)
    write_text(folder / INDEX, vrt(ortho, recipe, encoding, pieces))
    return Mosaic(index=folder / INDEX, pieces=pieces, made=len(missing), counts=counts)


def make_piece(
    folder: Path,
    piece: Piece,
    *,
    ortho: Ortho,
    recipe: Recipe,
    encoding: Encoding,
    tags: tuple[tuple[str, str], ...],
) -> tuple[int, ...]:
    """Make one piece where this runs, with one thread, and return what the recipe counted.

    A worker of a run that was stopped may still be at the same piece: it is waited for.
    """
    for _ in range(WAITS):
        try:
            product: Product | None = write_product(
                folder / piece.name,
                ortho,
                recipe,
                encoding=encoding,
                tags=tags,
                area=piece.window,
                workers=1,
                hash_input=False,
            )
        except Refused:
            time.sleep(WAIT_S)
        else:
            return product.counts if product is not None else ()
    raise Refused("error.product_in_work", path=str(folder / piece.name))


def vrt(ortho: Ortho, recipe: Recipe, encoding: Encoding, pieces: Sequence[Piece]) -> str:
    """Return the index that makes one raster of the pieces, as GDAL's VRT."""
    whole = encoding.kind == "int16"
    kind, nodata = ("Int16", str(NONE)) if whole else ("Float32", "nan")
    a, b, c, d, e, f = ortho.affine
    wkt = CRS.from_epsg(ortho.epsg).to_wkt()
    parts = [
        f'<VRTDataset rasterXSize="{ortho.width}" rasterYSize="{ortho.height}">',
        f"  <SRS>{escape(wkt)}</SRS>",
        f"  <GeoTransform>{c!r}, {a!r}, {b!r}, {f!r}, {d!r}, {e!r}</GeoTransform>",
    ]
    for number, layer in enumerate(recipe.layers, 1):
        parts.append(f'  <VRTRasterBand dataType="{kind}" band="{number}">')
        parts.append(f"    <Description>{escape(layer.name)}</Description>")
        parts.append(f"    <NoDataValue>{nodata}</NoDataValue>")
        if whole:
            parts.append(f"    <Scale>{layer.scale!r}</Scale><Offset>0</Offset>")
        parts += [_source(piece, number) for piece in pieces]
        parts.append("  </VRTRasterBand>")
    return "\n".join([*parts, "</VRTDataset>", ""])


def _source(piece: Piece, number: int) -> str:
    window = piece.window
    size = f'xSize="{window.width}" ySize="{window.height}"'
    return (
        f'    <SimpleSource><SourceFilename relativeToVRT="1">{piece.name}</SourceFilename>'
        f"<SourceBand>{number}</SourceBand>"
        f'<SrcRect xOff="0" yOff="0" {size}/>'
        f'<DstRect xOff="{window.column}" yOff="{window.row}" {size}/></SimpleSource>'
    )


def _job(
    ortho: Ortho, recipe: Recipe, encoding: Encoding, side: int, stamp: tuple[int, int]
) -> str:
    told = repr((VERSION, __version__, stamp, ortho, recipe.identity, encoding, side))
    return hashlib.sha256(told.encode()).hexdigest()


def _begin(folder: Path, job: str) -> None:
    """Take away what another job left in the folder, and say whose it is now."""
    try:
        before: Any = read_json_limited(folder / JOB)
    except AgriError:
        before = None
    (folder / INDEX).unlink(missing_ok=True)
    if before != {"job": job}:
        for old in folder.glob("piece_*.tif"):
            old.unlink()
        write_json(folder / JOB, {"job": job})
