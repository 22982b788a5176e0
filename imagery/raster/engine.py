"""One pass over an orthomosaic: read, reckon, pack, write, with every core and little memory.

Theory of operation
-------------------
The work is a graph of independent stretches (`Stretch`: 512 rows by a few tiles). Each is read
from the file, handed to the recipe (`Recipe`: from bands to layers), turned into stored numbers,
packed and halved, by whoever is free: threads of this program (GDAL, NumPy and the codecs let go of
the interpreter's lock) or workers of a cluster (`imagery.scale`), for a stretch knows all it needs
and its result does not depend on who made it. Results are taken in order and go to the writer
(`imagery.raster.cog`).

Only so many stretches are under way that memory stays bounded. Where the file's blocks are wider or
higher than a stretch, stretches grow with them, so that no block is decoded twice. Every source is
opened by the guard; each thread has its own handle.

While the product is made, the input's SHA-256 is reckoned too. An input that changes meanwhile
makes no product.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from agri import __version__
from agri.errors import BadInput
from agri.files import told
from imagery.raster.cog import CogWriter
from imagery.raster.index import is_index, piece_files
from imagery.raster.labels import Plan
from imagery.raster.ortho import Ortho, Window
from imagery.raster.stretch import Recipe, Sources, Stretch, in_strips, make
from imagery.raster.tiff import TILE
from imagery.raster.tiles import Encoding, Layer, Tally, TileRow, codecs

Progress = Callable[[float], None]
MOST_TILES = 8
"""Tiles of all bands together that one stretch packs, where the file's blocks allow it."""
MOST_WORKERS = 8
CLUSTER_AHEAD = 32
"""Stretches under way on a cluster."""
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Numbers of glibc's mallopt(3)."""
VERSION = 1
"""Of the bytes this room writes; a change makes interrupted work begin anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """What was written.

    Parameters
    ----------
    path : Path
        The file.
    layers : tuple of Layer
        Its bands.
    tallies : tuple of Tally
        What was counted, in stored numbers, for each band.
    counts : tuple of int
        What the recipe counted.
    pixels : int
        Of one band.
    input_sha256 : str
        Of the orthomosaic; "" when it was not asked for.
    resumed_rows : int
        Rows of tiles taken over from an interrupted run.
    """

    path: Path
    layers: tuple[Layer, ...]
    tallies: tuple[Tally, ...]
    counts: tuple[int, ...]
    pixels: int
    input_sha256: str
    resumed_rows: int


def write_product(
    path: Path,
    ortho: Ortho,
    recipe: Recipe,
    *,
    encoding: Encoding | None = None,
    tags: Sequence[tuple[str, str]] = (),
    area: Window | None = None,
    workers: int | None = None,
    cluster: Executor | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
    hash_input: bool = True,
) -> Product | None:
    """Make a product from an orthomosaic in one pass.

    Parameters
    ----------
    path : Path
        Takes this name when it is whole. An interrupted run of the same job is taken up.
    ortho : Ortho
        From `imagery.raster.open_ortho`.
    recipe : Recipe
        What is reckoned.
    encoding : Encoding, optional
        How values are stored; scaled 16-bit numbers otherwise.
    tags : sequence of (str, str)
        What the product tells of itself beside input, hash and version.
    area : Window, optional
        Only this part.
    workers : int, optional
        Threads; as many as cores (at most 8) otherwise.
    cluster : Executor, optional
        Who makes the stretches instead of threads.
    progress : callable, optional
        Called with the share that is done, 0 to 1.
    stop : callable, optional
        Asked between rows; when it says True, what is finished is kept for the next run.
    hash_input : bool
        Whether the input's SHA-256 is reckoned.

    Returns
    -------
    Product, or None when it was stopped.

    Raises
    ------
    BadInput
        When the input is damaged or changes meanwhile, or imagecodecs is missing.
    Refused
        When another program is making the same product.
    StoreError
        When the disk will not take it.
    """
    codecs()
    keep_freed_memory()
    if path.exists() and path.samefile(ortho.path):
        raise BadInput("error.product_is_input", name=ortho.name)
    encoding = encoding or Encoding()
    area = area or Window(column=0, row=0, width=ortho.width, height=ortho.height)
    plan = Plan(
        width=area.width,
        height=area.height,
        epsg=ortho.epsg,
        affine=ortho.affine_of(area),
        layers=recipe.layers,
        encoding=encoding,
        tags=(("INPUT", ortho.name), *tags),
    )
    stamp = stamp_of(ortho.path)
    job = hashlib.sha256(repr((VERSION, __version__, stamp, ortho, recipe.identity, plan)).encode())
    workers = workers or min(MOST_WORKERS, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers, thread_name_prefix="raster") as pool:
        digest = pool.submit(file_sha256, ortho.path) if hash_input else None
        writer = CogWriter(path, plan, job.hexdigest())
        done = writer.next_row
        sources = Sources(ortho)
        ahead = CLUSTER_AHEAD if cluster else 2 * workers
        run = _Run(ortho, recipe, encoding, area, ahead, cluster or pool,
                   None if cluster else sources)  # fmt: skip
        try:
            if not run.feed(writer, progress, stop):
                writer.leave(discard=False)
                return None
            sha256 = digest.result() if digest else ""
            if stamp_of(ortho.path) != stamp:
                raise BadInput("error.raster_changed", name=ortho.name)
            more = [("INPUT_SHA256", sha256)] if sha256 else []
            tallies, counts = writer.finish(more)
        except BadInput:
            writer.leave(discard=True)
            raise
        except BaseException:
            writer.leave(discard=False)
            raise
        finally:
            sources.close()
    return Product(
        path=path,
        layers=recipe.layers,
        tallies=tuple(tallies),
        counts=tuple(counts),
        pixels=area.width * area.height,
        input_sha256=sha256,
        resumed_rows=done,
    )


@dataclass(slots=True)
class _Run:
    """The stretches of one product, some of them under way."""

    ortho: Ortho
    recipe: Recipe
    encoding: Encoding
    area: Window
    most: int
    executor: Executor
    sources: Sources | None

    def feed(
        self, writer: CogWriter, progress: Progress | None, stop: Callable[[], bool] | None
    ) -> bool:
        """Hand all rows that are wanted to the writer; return False when stopped before."""
        high, wide = self._shape()
        rows = list(range(0, self.area.height, high))
        started = writer.next_row * TILE // high
        ahead = self._ahead(rows[started:], high, wide)
        under_way: deque[Future[list[TileRow]]] = deque()
        across = -(-self.area.width // wide)
        try:
            for index in range(started, len(rows)):
                first = index * high // TILE
                wanted, lower = first == writer.next_row, []
                for _ in range(across):
                    while len(under_way) < self.most and (task := next(ahead, None)):
                        under_way.append(self.executor.submit(make, task, self.sources))
                    upper, *others = under_way.popleft().result()
                    if wanted:  # else an interrupted run has it
                        writer.add(upper)
                    lower.append(others)
                for number, row in enumerate(zip(*lower, strict=True), first + 1):
                    for part in row if number == writer.next_row else ():
                        writer.add(part)
                if progress:
                    progress((index + 1) / len(rows))
                if stop and index + 1 < len(rows) and stop():
                    return False
            return True
        finally:
            for future in under_way:
                future.cancel()
            wait(under_way)  # a handle in use must not be closed

    def _shape(self) -> tuple[int, int]:
        """Return rows and columns of a stretch, whole tiles that hold the file's blocks."""
        if in_strips(self.ortho):
            return TILE, -(-self.area.width // TILE) * TILE
        rows, columns = self.ortho.block
        side = max(1, MOST_TILES // len(self.recipe.layers))
        tiles = max(side, min(8, -(-columns // TILE)))
        return min(4, max(1, rows // TILE)) * TILE, tiles * TILE

    def _ahead(self, rows: list[int], high: int, wide: int) -> Iterator[Stretch]:
        for row in rows:
            for column in range(0, self.area.width, wide):
                yield Stretch(
                    ortho=self.ortho,
                    recipe=self.recipe,
                    encoding=self.encoding,
                    window=Window(
                        column=self.area.column + column,
                        row=self.area.row + row,
                        width=min(wide, self.area.width - column),
                        height=min(high, self.area.height - row),
                    ),
                )


@cache
def keep_freed_memory() -> None:
    """Ask the C library (glibc) not to hand arrays' memory back and fetch it again all the time.

    A stretch makes and frees arrays of some megabytes many times a second; clearing fresh pages for
    each of them costs a sixth of the run. At most 64 MB more stay with the program.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return
    mallopt(M_MMAP_THRESHOLD, 32 << 20)
    mallopt(M_TRIM_THRESHOLD, 64 << 20)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with told(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stamp_of(path: Path) -> tuple[int, int]:
    """Return size and time of a file, or of an index with its pieces, which change when it does."""
    files = (path, *piece_files(path)) if is_index(path) else (path,)
    with told(path):
        found = [file.stat() for file in files]
    return sum(one.st_size for one in found), max(one.st_mtime_ns for one in found)
