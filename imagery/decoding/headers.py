"""What a file is by its first bytes, and how large its image claims to be.

Theory of operation
-------------------
A name's ending says nothing. JPEG's frame header and TIFF's first directory are read here with
seeks and short reads only, so that a file which claims 200,000 × 200,000 pixels is known for it
within a millisecond and nothing of it is decoded. What this room reads is bounded: at most
`MAX_SEGMENTS` JPEG segments and `MAX_ENTRIES` TIFF entries, of each value at most
`MAX_VALUES` numbers.

A TIFF that carries GeoTIFF's keys is a map, not a photo; one that carries a DNG version is a raw
photo whose first image is a thumbnail.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO, Literal

Kind = Literal["jpeg", "tiff", "png", "jp2", "zip", "other"]

MAX_SEGMENTS = 2_000
MAX_ENTRIES = 2_000
MAX_VALUES = 64

_JP2 = (b"\x00\x00\x00\x0cjP  ", b"\xff\x4f\xff\x51")
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_TIFF = {b"II*\0": ("<", False), b"MM\0*": (">", False),
         b"II+\0": ("<", True), b"MM\0+": (">", True)}  # fmt: skip
_TYPE_CODES = {1: "B", 3: "H", 4: "I", 16: "Q"}
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES, _ROWS = 256, 257, 258, 259, 277, 278
_TILE_WIDTH, _TILE_HEIGHT, _SAMPLE_FORMAT = 322, 323, 339
_GEO = frozenset({33550, 34264, 34735})
_DNG = 50706


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a file says of itself before anything is decoded.

    Parameters
    ----------
    kind : str
        By content: "jpeg", "tiff", "png", "jp2", "zip" or "other".
    width, height : int
        Pixels claimed, 0 when it is not told.
    samples, bits : int
        Numbers a pixel and the bits of each.
    block_bytes : int
        Bytes of the largest strip or tile, decoded.
    placed : bool
        Whether it carries GeoTIFF's keys: a map.
    raw : bool
        Whether it is a DNG.
    compressed : bool
        Whether TIFF's image is compressed.
    """

    kind: Kind
    width: int = 0
    height: int = 0
    samples: int = 0
    bits: int = 0
    block_bytes: int = 0
    placed: bool = False
    raw: bool = False
    compressed: bool = False

    @property
    def decoded_bytes(self) -> int:
        """Bytes of the whole image, decoded."""
        return self.width * self.height * self.samples * self.bits // 8


class Unreadable(ValueError):
    """The header is cut short or contradicts itself."""


def read_header(file: BinaryIO) -> Header:
    r"""Return what a file is and what its image claims to be.

    Parameters
    ----------
    file : binary file
        Opened for reading, able to seek; it is read from its beginning.

    Raises
    ------
    Unreadable
        When it begins as an image and does not go on as one.

    Examples
    --------
    >>> import io
    >>> read_header(io.BytesIO(b"PK\x03\x04 and more")).kind
    'zip'
    """
    file.seek(0)
    magic = file.read(12)
    try:
        if magic[:3] == b"\xff\xd8\xff":
            return _jpeg(file)
        if magic[:4] in _TIFF:
            return _tiff(file, *_TIFF[magic[:4]])
        if magic[:8] == b"\x89PNG\r\n\x1a\n":
            return _png(file)
    except (struct.error, OverflowError, OSError) as error:
        raise Unreadable(str(error)) from error
    if magic.startswith(_JP2):
        return Header(kind="jp2")
    return Header(kind="zip" if magic.startswith(_ZIP) else "other")


def _jpeg(file: BinaryIO) -> Header:
    """Walk from segment to segment until the frame header tells the size."""
    place = 2
    for _ in range(MAX_SEGMENTS):
        file.seek(place)
        head = file.read(4)
        while head[:2] == b"\xff\xff" and len(head) == 4:  # fill bytes before a marker
            place += 1
            file.seek(place)
            head = file.read(4)
        marker, length = struct.unpack(">HH", head)
        if marker < 0xFF01 or marker == 0xFFDA:
            raise Unreadable("no frame header")
        if 0xFFC0 <= marker <= 0xFFCF and marker not in (0xFFC4, 0xFFC8, 0xFFCC):
            bits, height, width, samples = struct.unpack(">BHHB", file.read(6))
            if not (width and height and samples in (1, 3, 4)):
                raise Unreadable("frame without size")
            return Header(kind="jpeg", width=width, height=height, samples=samples,
                          bits=8 * -(-bits // 8), compressed=True)  # fmt: skip
        place += 2 + length
        if length < 2:
            raise Unreadable("segment without length")
    raise Unreadable("too many segments")


def _png(file: BinaryIO) -> Header:
    file.seek(16)
    width, height, bits, colour = struct.unpack(">IIBB", file.read(10))
    samples = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}.get(colour, 4)
    return Header(kind="png", width=width, height=height, samples=samples, bits=max(bits, 8),
                  compressed=True)  # fmt: skip


def _tiff(file: BinaryIO, order: str, big: bool) -> Header:
    """Read the first directory's entries that tell of size."""
    file.seek(8 if big else 4)
    (place,) = struct.unpack(order + ("Q" if big else "I"), file.read(8 if big else 4))
    file.seek(place)
    (count,) = struct.unpack(order + ("Q" if big else "H"), file.read(8 if big else 2))
    if not 0 < count <= MAX_ENTRIES:
        raise Unreadable("directory without entries")
    size = 20 if big else 12
    entries = file.read(size * count)
    if len(entries) < size * count:
        raise Unreadable("directory cut short")
    told: dict[int, tuple[int, ...]] = {}
    for start in range(0, len(entries), size):
        tag, values = _entry(file, order, big, entries[start : start + size])
        told.setdefault(tag, values)
    return _image(told)


def _entry(file: BinaryIO, order: str, big: bool, entry: bytes) -> tuple[int, tuple[int, ...]]:
    """Return an entry's tag and its whole numbers; none for other types."""
    tag, kind, count = struct.unpack(order + ("HHQ" if big else "HHI"), entry[: 12 if big else 8])
    inline = entry[12 if big else 8 :]
    code = _TYPE_CODES.get(kind)
    if code is None or not count:
        return tag, ()
    count = min(count, MAX_VALUES)
    length = struct.calcsize(order + code) * count
    if length > len(inline):
        (place,) = struct.unpack(order + ("Q" if big else "I"), inline)
        file.seek(place)
        inline = file.read(length)
    return tag, struct.unpack(f"{order}{count}{code}", inline[:length])


def _image(told: dict[int, tuple[int, ...]]) -> Header:
    def one(tag: int, otherwise: int) -> int:
        values = told.get(tag, ())
        return values[0] if values else otherwise

    width, height = one(_WIDTH, 0), one(_HEIGHT, 0)
    if not (width and height):
        raise Unreadable("image without size")
    samples, bits = one(_SAMPLES, 1), max(told.get(_BITS, ()), default=1)
    across = one(_TILE_WIDTH, width)
    down = one(_TILE_HEIGHT, min(one(_ROWS, height), height))
    return Header(
        kind="tiff",
        width=width,
        height=height,
        samples=samples,
        bits=bits,
        block_bytes=across * down * samples * bits // 8,
        placed=bool(_GEO & told.keys()),
        raw=_DNG in told,
        compressed=one(_COMPRESSION, 1) != 1,
    )
