"""The head of a cloud-optimised GeoTIFF, byte by byte: directories first, then the tiles.

Theory of operation
-------------------
A COG is an ordinary (Big)TIFF whose parts stand in an order: header, GDAL's note on the layout,
the directory (IFD) of the full image, those of its overviews from large to small, each with its
values behind it; then the tiles of the smallest overview, of the next larger one, and of the full
image last. Who reads over a network has all directories after one request.

The sizes of all tiles are known when the head is made, so every offset follows by adding up; the
file is written once, front to back. Each tile stands between its size (4 bytes) and its last 4
bytes again, as GDAL's COG driver writes and announces it. Bands lie in separate planes, so that
reading one index does not decode the others.

Sources: TIFF 6.0; BigTIFF (Aware Systems); GDAL "COG – Cloud Optimized GeoTIFF generator".
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

TILE = 512
"""Pixels a side of a tile."""
MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First bytes of TIFF and BigTIFF, both byte orders."""
LARGEST_CLASSIC = 4_000_000_000
"""Bytes from which on a file is BigTIFF."""
SHORT, LONG, ASCII, DOUBLE, LONG8 = 3, 4, 2, 12, 16
_SIZE = {ASCII: 1, SHORT: 2, LONG: 4, DOUBLE: 8, LONG8: 8}
_CODE = {SHORT: "H", LONG: "I", DOUBLE: "d", LONG8: "Q"}
LEADER = 4
"""Bytes before a tile that tell its size; as many after it repeat its last ones."""

Tag = tuple[int, int, tuple[int | float, ...] | bytes]
"""Number, type, values (bytes for text)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """The full image or one overview.

    Parameters
    ----------
    width, height : int
        Pixels.
    sizes : tuple of int
        Bytes of each tile (without leader), in the order in which the tiles stand in the file:
        row by row, in a row from left to right, at a place band by band.
    """

    width: int
    height: int
    sizes: tuple[int, ...]

    @property
    def across(self) -> int:
        """Tiles in a row of one band."""
        return -(-self.width // TILE)

    @property
    def down(self) -> int:
        """Rows of tiles."""
        return -(-self.height // TILE)

    @property
    def stored(self) -> int:
        """Bytes that all its tiles take, leaders and trailers with them."""
        return sum(self.sizes) + 2 * LEADER * len(self.sizes)


def level_shapes(width: int, height: int) -> list[tuple[int, int]]:
    """Return (width, height) of the image and its overviews, down to a single tile.

    Examples
    --------
    >>> level_shapes(1300, 700)
    [(1300, 700), (650, 350), (325, 175)]
    """
    shapes = [(width, height)]
    while max(shapes[-1]) > TILE:
        wide, high = shapes[-1]
        shapes.append(((wide + 1) // 2, (high + 1) // 2))
    return shapes


def framed(tile: bytes) -> bytes:
    """Return a tile between its size and its last four bytes again."""
    return struct.pack("<I", len(tile)) + tile + tile[-LEADER:].rjust(LEADER, b"\0")


def cog_head(levels: Sequence[Level], *, bands: int, common: Sequence[Tag],
             first: Sequence[Tag]) -> bytes:  # fmt: skip
    """Return everything that stands before the tiles.

    Parameters
    ----------
    levels : sequence of Level
        The full image, then its overviews from large to small.
    bands : int
        Planes.
    common : sequence of Tag
        What every directory says beside size and tiles (kind of number, compression …).
    first : sequence of Tag
        What the full image says alone (georeference, statistics …).

    Returns
    -------
    bytes
        The tiles follow at once: the smallest overview's first, the full image's last.
    """
    total = sum(level.stored for level in levels)
    for big in (False, True):
        note = _note(bands)
        start = (16 if big else 8) + len(note)
        starts = [0] * len(levels)
        size = start
        for _ in range(2):  # the head's own length does not depend on what the offsets are
            at = size
            for index in reversed(range(len(levels))):
                starts[index], at = at, at + levels[index].stored
            directories = _directories(
                levels, starts, start, bands=bands, common=common, first=first, big=big
            )
            size = start + len(directories)
        if big or size + total < LARGEST_CLASSIC:
            break
    header = struct.pack("<2sHHHQ", b"II", 43, 8, 0, start) if big else struct.pack(
        "<2sHI", b"II", 42, start)  # fmt: skip
    return header + note + directories


def _note(bands: int) -> bytes:
    lines = ["LAYOUT=IFDS_BEFORE_DATA"]
    if bands == 1:
        lines.append("BLOCK_ORDER=ROW_MAJOR")
    lines += ["BLOCK_LEADER=SIZE_AS_UINT4", "BLOCK_TRAILER=LAST_4_BYTES_REPEATED",
              "KNOWN_INCOMPATIBLE_EDITION=NO"]  # fmt: skip
    text = "".join(line + "\n" for line in lines).encode() + b" "
    note = b"GDAL_STRUCTURAL_METADATA_SIZE=%06d bytes\n" % len(text) + text
    return note + b"\0" * (-len(note) % 16)  # directories begin at even places


def _directories(
    levels: Sequence[Level],
    starts: Sequence[int],
    at: int,
    *,
    bands: int,
    common: Sequence[Tag],
    first: Sequence[Tag],
    big: bool,
) -> bytes:  # fmt: skip
    parts: list[bytes] = []
    for index, (level, start) in enumerate(zip(levels, starts, strict=True)):
        offsets, sizes = _in_planes(level, start, bands)
        tags: list[Tag] = [
            (254, LONG, (min(index, 1),)),
            (256, LONG, (level.width,)),
            (257, LONG, (level.height,)),
            (322, SHORT, (TILE,)),
            (323, SHORT, (TILE,)),
            (324, LONG8 if big else LONG, offsets),
            (325, LONG, sizes),
            *common,
            *(first if index == 0 else ()),
        ]
        directory = _directory(sorted(tags), at, big, last=index == len(levels) - 1)
        parts.append(directory)
        at += len(directory)
    return b"".join(parts)


def _in_planes(level: Level, start: int, bands: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return offsets and sizes in the order TIFF wants: a plane after the other."""
    ends = accumulate((size + 2 * LEADER for size in level.sizes), initial=start + LEADER)
    placed = list(zip(ends, level.sizes, strict=False))
    ordered = [place for band in range(bands) for place in placed[band::bands]]
    return tuple(p[0] for p in ordered), tuple(p[1] for p in ordered)


def _directory(tags: Iterable[Tag], at: int, big: bool, *, last: bool) -> bytes:
    """Return one directory that stands at `at`, its longer values behind it."""
    tags = list(tags)
    inline = 8 if big else 4
    length = (8 if big else 2) + len(tags) * (20 if big else 12) + inline
    behind = at + length
    entries, values = b"", b""
    for number, kind, value in tags:
        data = value if isinstance(value, bytes) else struct.pack(
            f"<{len(value)}{_CODE[kind]}", *value)  # fmt: skip
        count = len(data) // _SIZE[kind]
        if len(data) <= inline:
            field = data.ljust(inline, b"\0")
        else:
            field = struct.pack("<Q" if big else "<I", behind + len(values))
            values += data + b"\0" * (-len(data) % 8)
        entries += struct.pack("<HHQ" if big else "<HHI", number, kind, count) + field
    values += b"\0" * (-(length + len(values)) % 16)
    following = 0 if last else behind + len(values)
    head = struct.pack("<Q" if big else "<H", len(tags))
    return head + entries + struct.pack("<Q" if big else "<I", following) + values
