"""A product in pieces: for what one file, one disk or one network card should not carry.

Theory of operation
-------------------
The raster is cut into squares of whole tiles. Each is a cloud-optimised GeoTIFF of its own in a
folder ``NAME-pieces``, made by a worker of a cluster (`imagery.scale`) or here, one after the
other, by threads. Beside the folder, written last, stands the index ``NAME.vrt``
(`imagery.raster.pieces`), which makes one raster of them: a product without it is not finished, and
an older one of that name stays whole until the new index takes its place.

A piece counts when its note does: a hidden file with its size, SHA-256 and what was counted in it,
written after it. A rerun of the same job makes what is missing, whoever died meanwhile: a worker,
the scheduler, this program. Pieces' names carry the job, so two jobs are never mixed. What the
index tells (statistics, gaps, what masks left out) is added up from the notes; pixels and
statistics are those of one file, to the bit for whole numbers. What other jobs left in the folder
is taken away at the end. One program at a time works in a folder: the system's lock, which a crash
gives back.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agri import __version__
from agri.errors import AgriError, BadInput, Refused
from agri.files import make_folder, read_json_limited, told, write_json, write_text
from agri.locks import lock_now
from imagery.extras import extra
from imagery.raster.engine import VERSION, Product, Progress, file_sha256, stamp_of, write_product
from imagery.raster.index import SUFFIX
from imagery.raster.labels import Plan
from imagery.raster.ortho import Ortho, Window
from imagery.raster.pieces import Place, index_text
from imagery.raster.stretch import Recipe, fit_to_travel
from imagery.raster.tiff import TILE
from imagery.raster.tiles import Encoding, Tally

PIECE_SIDE = 8192
"""Pixels a side of a piece."""
FOLDER_ENDING = "-pieces"
WAITS, WAIT_S = 1200, 0.25
"""How often and how long a piece in another worker's hands is waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A square of the raster.

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
class Note:
    """What is known of a finished piece.

    Parameters
    ----------
    size : int
        Bytes of its file.
    sha256 : str
        Of its bytes.
    tallies : tuple of Tally
        What was counted, one for each band.
    counts : tuple of int
        What the recipe counted.
    """

    size: int
    sha256: str
    tallies: tuple[Tally, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """A finished raster in pieces.

    Parameters
    ----------
    product : Product
        Its path is the index.
    pieces : tuple of Piece
        All of them.
    made : int
        How many this run made; the others were there.
    """

    product: Product
    pieces: tuple[Piece, ...]
    made: int


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


def write_pieces(
    path: Path,
    ortho: Ortho,
    recipe: Recipe,
    client: Any = None,
    *,
    encoding: Encoding | None = None,
    side: int = PIECE_SIDE,
    tags: Sequence[tuple[str, str]] = (),
    workers: int | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
) -> Pieces | None:
    """Make a product in pieces, with an index that makes one raster of them.

    Parameters
    ----------
    path : Path
        The index, ``….vrt``; it appears last. On a cluster all workers must see its folder.
    ortho, recipe, encoding, tags, workers, progress, stop
        As `imagery.raster.engine.write_product`.
    client : distributed.Client, optional
        From `imagery.scale.connected`; this program's own threads otherwise.
    side : int
        Pixels a side of a piece.

    Returns
    -------
    Pieces, or None when it was stopped.

    Raises
    ------
    BadInput
        When the name does not end in ``.vrt``, the input is damaged, or changes meanwhile.
    Refused
        When another program is making the same product.
    StoreError
        When the disk will not take it.
    """
    if path.suffix != SUFFIX:
        raise BadInput("error.pieces_name", name=path.name[:60])
    encoding = encoding or Encoding()
    stamp = stamp_of(ortho.path)
    plan = _plan(ortho, recipe, encoding, tags)
    job = _job(ortho, recipe, plan, side, stamp)
    pieces = pieces_of(ortho, side, job)
    folder = make_folder(path.with_name(path.stem + FOLDER_ENDING))
    with _alone(folder, path), ThreadPoolExecutor(1) as pool:
        digest = pool.submit(file_sha256, ortho.path)
        notes = {piece.name: _noted(folder, piece) for piece in pieces}
        missing = [piece for piece in pieces if notes[piece.name] is None]
        task = _Task(folder=folder, ortho=ortho, recipe=recipe, encoding=encoding,
                     tags=tuple(tags))  # fmt: skip
        ways = _here(task, missing, workers) if client is None else _there(task, missing, client)
        done = len(pieces) - len(missing)
        with closing(ways):
            for piece, note in ways:
                notes[piece.name] = note
                done += 1
                if progress:
                    progress(done / len(pieces))
                if stop and done < len(pieces) and stop():
                    return None
        if stamp_of(ortho.path) != stamp:
            raise BadInput("error.raster_changed", name=ortho.name)
        known = [note for note in notes.values() if note is not None]
        sha256 = digest.result()
        tallies, counts = _added_up(known, len(recipe.layers))
        more = [("INPUT_SHA256", sha256), ("PIECES_SHA256", _together(known))]
        places = [_place(piece) for piece in pieces]
        write_text(path, index_text(plan, places, folder.name, tallies=tallies, more_tags=more))
        _tidy(folder, {piece.name for piece in pieces})
    product = Product(path=path, layers=recipe.layers, tallies=tallies, counts=counts,
                      pixels=ortho.width * ortho.height, input_sha256=sha256,
                      resumed_rows=0)  # fmt: skip
    return Pieces(product=product, pieces=pieces, made=len(missing))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """What all pieces of a job have in common."""

    folder: Path
    ortho: Ortho
    recipe: Recipe
    encoding: Encoding
    tags: tuple[tuple[str, str], ...]


def _here(
    task: _Task, missing: Sequence[Piece], workers: int | None
) -> Generator[tuple[Piece, Note], None, None]:
    """Make pieces one after the other with this program's threads."""
    for piece in missing:
        yield piece, make_piece(task, piece, workers=workers)


def _there(
    task: _Task, missing: Sequence[Piece], client: Any
) -> Generator[tuple[Piece, Note], None, None]:
    """Have pieces made by a cluster's workers, and yield them as they come."""
    distributed = extra("distributed", extra="cluster")
    futures = {client.submit(make_piece, task, piece, pure=False): piece for piece in missing}
    try:
        for future, note in distributed.as_completed(
            list(futures), loop=client.loop, with_results=True
        ):
            piece = futures.pop(future)
            future.release()
            yield piece, note
    finally:
        client.cancel(list(futures))


def make_piece(task: _Task, piece: Piece, *, workers: int | None = 1) -> Note:
    """Make one piece where this runs, and its note.

    A worker of a run that was stopped may still be at the same piece: it is waited for.
    """
    path = task.folder / piece.name
    for _ in range(WAITS):
        try:
            with fit_to_travel():
                product = write_product(
                    path,
                    task.ortho,
                    task.recipe,
                    encoding=task.encoding,
                    tags=task.tags,
                    area=piece.window,
                    workers=workers,
                    hash_input=False,
                )
        except Refused:
            time.sleep(WAIT_S)
            continue
        assert product is not None  # noqa: S101 - nobody asks it to stop
        with told(path):
            size = path.stat().st_size
        note = Note(size=size, sha256=file_sha256(path), tallies=product.tallies,
                    counts=product.counts)  # fmt: skip
        told_of = asdict(note)
        told_of["tallies"] = [asdict(one) if one.count else {} for one in note.tallies]
        write_json(_note_path(task.folder, piece.name), told_of)
        return note
    raise Refused("error.product_in_work", path=str(path))


def _note_path(folder: Path, name: str) -> Path:
    return folder / f".{name}.json"


def _noted(folder: Path, piece: Piece) -> Note | None:
    """Return the note of a piece that is there, None when it is to be made."""
    try:
        told_of: Any = read_json_limited(_note_path(folder, piece.name))
        note = Note(
            size=int(told_of["size"]),
            sha256=str(told_of["sha256"]),
            tallies=tuple(Tally(**one) for one in told_of["tallies"]),
            counts=tuple(int(one) for one in told_of["counts"]),
        )
        return note if (folder / piece.name).stat().st_size == note.size else None
    except (AgriError, OSError, KeyError, TypeError, ValueError):
        return None


def _added_up(notes: Sequence[Note], bands: int) -> tuple[tuple[Tally, ...], tuple[int, ...]]:
    tallies = tuple(Tally() for _ in range(bands))
    for note in notes:
        for total, part in zip(tallies, note.tallies, strict=True):
            total.add(part)
    return tallies, tuple(map(sum, zip(*(note.counts for note in notes), strict=True)))


def _together(notes: Sequence[Note]) -> str:
    """Return one SHA-256 of all pieces, in their order."""
    return hashlib.sha256("".join(note.sha256 for note in notes).encode()).hexdigest()


def _plan(
    ortho: Ortho, recipe: Recipe, encoding: Encoding, tags: Sequence[tuple[str, str]]
) -> Plan:
    return Plan(width=ortho.width, height=ortho.height, epsg=ortho.epsg, affine=ortho.affine,
                layers=recipe.layers, encoding=encoding,
                tags=(("INPUT", ortho.name), *tags))  # fmt: skip


def _place(piece: Piece) -> Place:
    window = piece.window
    return Place(name=piece.name, column=window.column, row=window.row, width=window.width,
                 height=window.height)  # fmt: skip


def _job(ortho: Ortho, recipe: Recipe, plan: Plan, side: int, stamp: tuple[int, int]) -> str:
    words = (VERSION, __version__, stamp, ortho, recipe.identity, plan, side)
    return hashlib.sha256(repr(words).encode()).hexdigest()


@contextmanager
def _alone(folder: Path, path: Path) -> Iterator[None]:
    """Keep other programs from making a product in the same folder meanwhile."""
    with told(folder):
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if not lock_now(handle):
            raise Refused("error.product_in_work", path=str(path))
        yield
    finally:
        os.close(handle)


def _tidy(folder: Path, names: set[str]) -> None:
    """Take away what other jobs left in the folder."""
    kept = names | {_note_path(folder, name).name for name in names} | {".lock"}
    for old in folder.iterdir():
        if old.name in kept or not old.name.lstrip(".").startswith("piece_"):
            continue
        if old.is_dir():
            shutil.rmtree(old, ignore_errors=True)
        else:
            with suppress(OSError):
                old.unlink()
