"""A product written in one pass: stretches of tiles in, a cloud-optimised GeoTIFF out.

Theory of operation
-------------------
Stretches of the full image come in order, row of tiles by row of tiles. The halves of an upper row
are held; as soon as those of the lower row come, tiles of the first overview are made of both, and
their halves go up to the next overview in the same way (`_carry`). So of each level half a row of
tiles is in memory, and memory grows with the width of the image and not with its area: about 512
bytes for each column and band. Packed tiles go to the journal's files (`imagery.raster.journal`).
When the last row is there, the head is made (`imagery.raster.tiff`) and the files are put behind
it, smallest overview first; the product takes its name when it is whole, and not before.

The bytes depend on the pixels and the settings alone: not on threads, nor on whether the run was
interrupted and taken up again. What a product tells of itself is in `imagery.raster.labels`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agri.files import replacing
from imagery.raster.journal import Journal
from imagery.raster.labels import Plan, common_tags, geo_tags, metadata_tag
from imagery.raster.tiff import TILE, Level, cog_head, level_shapes
from imagery.raster.tiles import (
    Encoding,
    Tally,
    TileRow,
    halved,
    none_of,
    pack,
    stored_of,
    tally,
    unpack,
    values_of,
)


def encoded(
    tiles: Iterable[NDArray[np.float32]], encoding: Encoding, *, counted: bool = False
) -> TileRow:
    """Pack tiles that stand side by side, and halve them.

    Parameters
    ----------
    tiles : iterable of (K, 512, 512) float32
        Stored numbers (see `imagery.raster.tiles`) from left to right; NaN for none.
    encoding : Encoding
        How they are stored.
    counted : bool
        Whether their values are counted and summed.
    """
    packed, halves = [], []
    sums: list[Tally] = []
    for planes in tiles:
        if counted:
            sums = sums or [Tally() for _ in planes]
            for total, band in zip(sums, planes, strict=True):
                total.add(tally(band))
        packed.append(
            tuple(pack(stored_of(band, encoding.kind), encoding.packing) for band in planes)
        )
        halves.append(stored_of(halved(planes, whole=encoding.kind == "int16"), encoding.kind))
    return TileRow(
        tiles=tuple(packed),
        half=np.concatenate(halves, axis=2),
        tallies=sums,
    )


class CogWriter:
    """Writes one product, row of tiles by row of tiles.

    Parameters
    ----------
    path : Path
        Takes this name when it is whole; a file of that name is replaced then.
    plan : Plan
        What is written.
    job : str
        What distinguishes this job: the same words take up what an interrupted run finished.

    Attributes
    ----------
    next_row : int
        The row of tiles that is wanted next; not 0 when an interrupted run is taken up.
    """

    def __init__(self, path: Path, plan: Plan, job: str) -> None:
        self.path, self.plan = path, plan
        self._shapes = level_shapes(plan.width, plan.height)
        self._column = [0] * len(self._shapes)
        self._upper: dict[int, NDArray[Any]] = {}
        self._pending: dict[int, NDArray[Any]] = {}
        self._journal = Journal(path, job, len(self._shapes))
        try:
            self._replay()
        except BaseException:
            self._journal.close(discard=False)
            raise

    @property
    def next_row(self) -> int:
        """The row of tiles that is wanted next."""
        return self._journal.kept[0].rows

    def add(self, part: TileRow) -> None:
        """Keep the next stretch of the full image."""
        self._put(0, part)

    def finish(self, more_tags: Sequence[tuple[str, str]] = ()) -> tuple[list[Tally], list[int]]:
        """Give the product its name; return what was counted.

        Parameters
        ----------
        more_tags : sequence of (str, str)
            What the product tells of itself beside `Plan.tags`.
        """
        journal, plan = self._journal, self.plan
        levels = [
            Level(width=width, height=height, sizes=tuple(kept.sizes))
            for (width, height), kept in zip(self._shapes, journal.kept, strict=True)
        ]
        head = cog_head(
            levels,
            bands=len(plan.layers),
            common=common_tags(plan),
            first=[
                *geo_tags(plan.epsg, plan.affine),
                metadata_tag(plan, journal.tallies, more_tags),
            ],
        )
        with replacing(self.path) as target:
            target.write(head)
            journal.pour(target)
        journal.close(discard=True)
        return journal.tallies, journal.counts

    def leave(self, *, discard: bool) -> None:
        """Stop before the end: keep what is finished for the next run, or throw it away."""
        self._journal.close(discard=discard)

    def _put(self, level: int, part: TileRow) -> None:
        """Append a stretch to a level's row, and hand its half up."""
        number, column = self._journal.kept[level].rows, self._column[level]
        self._journal.append(level, part)
        self._column[level] += len(part.tiles)
        last = self._column[level] == self._across(level)
        if last:
            self._journal.end_row(level)
            self._column[level] = 0
        self._carry(level, number, column, part.half, last=last)

    def _carry(
        self, level: int, number: int, column: int, half: NDArray[Any], *, last: bool
    ) -> None:
        """Hold the half of an upper row; make the next level's tiles of it and a lower one's.

        `number` is the row, `column` the first tile of the stretch whose half it is; `last` says
        that the row ends with it.
        """
        above = level + 1
        if above == len(self._shapes) or number // 2 < self._journal.kept[above].rows:
            return
        part = slice(column * TILE // 2, column * TILE // 2 + half.shape[2])
        if number % 2 == 0 and (number + 1) * TILE < self._shapes[level][1]:
            wide = self._across(level) * TILE // 2
            if above not in self._upper:
                self._upper[above] = self._nothing(TILE // 2, wide)
            self._upper[above][:, :, part] = half
            return
        upper = half if number % 2 == 0 else self._upper[above][:, :, part]
        lower = self._nothing(*half.shape[1:]) if number % 2 == 0 else half
        both = np.concatenate([upper, lower], axis=1)
        if above in self._pending:
            both = np.concatenate([self._pending.pop(above), both], axis=2)
        while both.shape[2] >= TILE or (last and both.shape[2]):
            tile = self._nothing(TILE, TILE)
            tile[:, :, : min(TILE, both.shape[2])] = both[:, :, :TILE]
            both = both[:, :, TILE:]
            self._put(above, encoded(in_tiles(tile), self.plan.encoding))
        if both.shape[2]:
            self._pending[above] = both

    def _across(self, level: int) -> int:
        return -(-self._shapes[level][0] // TILE)

    def _nothing(self, height: int, width: int) -> NDArray[Any]:
        return none_of((len(self.plan.layers), height, width), self.plan.encoding)

    def _replay(self) -> None:
        """Fill the rows being filled, and overviews that are behind, from finished tiles."""
        bands, encoding = len(self.plan.layers), self.plan.encoding
        for level in reversed(range(len(self._shapes) - 1)):  # what is carried up finds its row
            across = self._across(level)
            for number in range(2 * self._journal.kept[level + 1].rows,
                                self._journal.kept[level].rows):  # fmt: skip
                tiles = self._journal.tiles(level, number, bands * across)
                for column in range(across):
                    place = tiles[column * bands : (column + 1) * bands]
                    values = np.stack([values_of(unpack(tile, encoding)) for tile in place])
                    half = stored_of(halved(values, whole=encoding.kind == "int16"), encoding.kind)
                    self._carry(level, number, column, half, last=column == across - 1)


def in_tiles(stored: NDArray[Any]) -> Iterator[NDArray[np.float32]]:
    """Yield the tiles of stored numbers, (K, 512, w), as `encoded` takes them."""
    for left in range(0, stored.shape[2], TILE):
        yield values_of(stored[:, :, left : left + TILE])
