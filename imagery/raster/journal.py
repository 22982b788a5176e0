"""What is finished of a product that is being made, so that a killed run goes on where it was.

Theory of operation
-------------------
Beside the product stands a hidden folder ``.NAME.work`` with one file of packed tiles per level
and a journal. When a row of tiles is finished its tiles are appended to the level's file,
then one line is appended to the journal: level, row, sizes, tallies, a checksum of the tiles and
one of the line. A row counts when its line is whole and its tiles are those of the line, so nothing
needs to be forced to the disk on the way; what stands behind the last such row is cut off when the
work is taken up again. The first line names the job (input, formula, settings,
version): another job starts anew.

The folder is locked while somebody works in it, by a lock that the system drops with the program.
"""

from __future__ import annotations

import json
import os
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from agri.errors import Refused
from agri.files import told
from agri.locks import lock_now
from imagery.raster.tiff import LEADER, framed
from imagery.raster.tiles import Tally, TileRow

MAX_LINE_BYTES = 4_000_000
"""A journal's line is never longer; what is, was not written here."""


@dataclass(slots=True, kw_only=True)
class Kept:
    """What a level has so far.

    Parameters
    ----------
    rows : int
        Finished rows of tiles.
    sizes : list of int
        Bytes of each tile, in the order of the file.
    stored : int
        Bytes of them.
    open_sizes, open_crc, open_tallies, open_counts
        The same of the row that is being appended.
    """

    rows: int = 0
    sizes: list[int] = field(default_factory=list)
    stored: int = 0
    open_sizes: list[int] = field(default_factory=list)
    open_crc: int = 0
    open_tallies: list[Tally] = field(default_factory=list)
    open_counts: list[int] = field(default_factory=list)


class Journal:
    """The work folder of one product.

    Parameters
    ----------
    path : Path
        The product's name; it is not touched here.
    job : str
        What distinguishes this job from others.
    levels : int
        The full image and its overviews.

    Raises
    ------
    Refused
        When another program is making the same product now.
    StoreError
        When the disk will not take it.
    """

    def __init__(self, path: Path, job: str, levels: int) -> None:
        self.path = path
        self.folder = work_folder(path)
        self.kept = [Kept() for _ in range(levels)]
        self.tallies: list[Tally] = []
        self.counts: list[int] = []
        self._files: list[IO[bytes]] = []
        with told(self.folder):
            self.folder.mkdir(exist_ok=True)
            self._lines = (self.folder / "journal").open("a+b")
            if not lock_now(self._lines.fileno()):
                self._lines.close()
                raise Refused("error.product_in_work", path=str(path))
            self._take_up(job)

    def append(self, level: int, part: TileRow) -> None:
        """Append a stretch of the row that a level is at."""
        kept, file = self.kept[level], self._files[level]
        with told(self.folder):
            for tile in (tile for place in part.tiles for tile in place):
                data = framed(tile)
                file.write(data)
                kept.open_sizes.append(len(tile))
                kept.open_crc = zlib.crc32(data, kept.open_crc)
        kept.open_tallies = kept.open_tallies or [Tally() for _ in part.tallies]
        for total, found in zip(kept.open_tallies, part.tallies, strict=True):
            total.add(found)
        before = kept.open_counts or [0] * len(part.counts)
        kept.open_counts = [a + b for a, b in zip(before, part.counts, strict=True)]

    def end_row(self, level: int) -> None:
        """Say that the row is whole; on return it survives the program."""
        kept = self.kept[level]
        sums = [[t.count, t.total, t.squares, t.low, t.high, t.clipped] for t in kept.open_tallies]
        with told(self.folder):
            self._files[level].flush()
            self._say({"level": level, "row": kept.rows, "sizes": kept.open_sizes,
                       "tallies": sums, "counts": kept.open_counts,
                       "crc": kept.open_crc})  # fmt: skip
        self._count(level, kept.open_sizes, kept.open_tallies, kept.open_counts)
        kept.open_sizes, kept.open_crc, kept.open_tallies, kept.open_counts = [], 0, [], []

    def tiles(self, level: int, row: int, per_row: int) -> list[bytes]:
        """Return the packed tiles of a finished row, in the order of the file."""
        kept = self.kept[level]
        before = kept.sizes[: row * per_row]
        at = sum(before) + 2 * LEADER * len(before)
        found = []
        with told(self.folder):
            for size in kept.sizes[row * per_row : (row + 1) * per_row]:
                self._files[level].seek(at + LEADER)
                found.append(self._files[level].read(size))
                at += size + 2 * LEADER
        return found

    def pour(self, target: IO[bytes]) -> None:
        """Append all tiles to a file: the smallest overview's first, the full image's last."""
        target.flush()
        for file, kept in zip(reversed(self._files), reversed(self.kept), strict=True):
            with told(self.folder):
                _copy(file, target, kept.stored)

    def close(self, *, discard: bool) -> None:
        """Leave the folder as it is, to go on later, or remove it."""
        for file in (*self._files, self._lines):
            file.close()
        if discard:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _take_up(self, job: str) -> None:
        """Read what the journal holds of this job; begin anew when it is another one."""
        for level in range(len(self.kept)):
            self._files.append((self.folder / f"level{level}").open("a+b"))
        self._lines.seek(0)
        end, first = 0, True
        for line, entry in _whole_lines(self._lines):
            if first and entry.get("job") != job:
                break
            if not first and not self._recall(entry):
                break
            first, end = False, end + len(line)
        self._lines.truncate(end)
        self._lines.seek(0, os.SEEK_END)
        for file, kept in zip(self._files, self.kept, strict=True):
            file.truncate(kept.stored)
        if end == 0:
            self._say({"job": job})

    def _recall(self, entry: dict[str, Any]) -> bool:
        """Count a journal's entry if it follows from those before and its tiles are there."""
        level, sizes = entry["level"], entry["sizes"]
        if level >= len(self.kept) or entry["row"] != self.kept[level].rows:
            return False
        self._files[level].seek(self.kept[level].stored)
        data = self._files[level].read(sum(sizes) + 2 * LEADER * len(sizes))
        if zlib.crc32(data) != entry["crc"]:
            return False
        names = ("count", "total", "squares", "low", "high", "clipped")
        tallies = [Tally(**dict(zip(names, row, strict=True))) for row in entry["tallies"]]
        self._count(level, sizes, tallies, entry["counts"])
        return True

    def _count(self, level: int, sizes: list[int], tallies: list[Tally], counts: list[int]) -> None:
        kept = self.kept[level]
        kept.rows += 1
        kept.sizes += sizes
        kept.stored += sum(sizes) + 2 * LEADER * len(sizes)
        if level == 0:
            self.tallies = self.tallies or [Tally() for _ in tallies]
            for total, part in zip(self.tallies, tallies, strict=True):
                total.add(part)
            self.counts = [
                a + b for a, b in zip(self.counts or [0] * len(counts), counts, strict=True)
            ]

    def _say(self, entry: dict[str, Any]) -> None:
        text = json.dumps(entry, separators=(",", ":")).encode()
        self._lines.write(b"%08x %s\n" % (zlib.crc32(text), text))
        self._lines.flush()


def work_folder(path: Path) -> Path:
    """Return the hidden folder in which the product `path` is made."""
    return path.with_name(f".{path.name}.work")


def _whole_lines(file: IO[bytes]) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Yield lines with their entries as far as their checksums hold."""
    while line := file.readline(MAX_LINE_BYTES):
        mark, _, text = line.rstrip(b"\n").partition(b" ")
        if not line.endswith(b"\n") or mark != b"%08x" % zlib.crc32(text):
            return
        yield line, json.loads(text)


def _copy(source: IO[bytes], target: IO[bytes], length: int) -> None:
    """Append the first `length` bytes of a file, inside the kernel where it can."""
    at = 0
    if hasattr(os, "copy_file_range"):
        try:
            while at < length:
                done = os.copy_file_range(
                    source.fileno(), target.fileno(), length - at, offset_src=at
                )
                if not done:
                    break
                at += done
        except OSError:
            pass
        target.seek(0, os.SEEK_END)
    source.seek(at)
    while at < length:
        data = source.read(min(1 << 20, length - at))
        if not data:
            raise OSError("the work file is shorter than its journal says")
        target.write(data)
        at += len(data)
    target.flush()
