"""EXIF's own form of bytes, written by hand: a TIFF, whole or as the head of a JPEG.

Theory of operation
-------------------
EXIF is a TIFF without a picture (CIPA DC-008): a header, a list of tags, and two further lists that
it points to, one of the camera, one of GPS. The same bytes with pixels behind them are the file of
a five-band camera; in a JPEG they stand in a segment of their own, before the picture. Writing them
here, rather than by the library that will read them, keeps the simulator an honest opponent.

Places are told to a ten-millionth of a second of arc, as rational numbers.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from agri.geo import LonLat

ASCII, SHORT, LONG, RATIONAL, BYTE, UNDEFINED = 2, 3, 4, 5, 1, 7
_SIZES = {ASCII: 1, SHORT: 2, LONG: 4, RATIONAL: 8, BYTE: 1, UNDEFINED: 1}
_EXIF_IFD, _GPS_IFD, _STRIPS, _STRIP_BYTES = 0x8769, 0x8825, 0x111, 0x117
XMP_TAG = 700


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag: number, kind, and its values as bytes."""

    number: int
    kind: int
    data: bytes

    @property
    def count(self) -> int:
        """Values."""
        return len(self.data) // _SIZES[self.kind]


def text(number: int, value: str) -> Tag:
    """Return a tag of text."""
    return Tag(number, ASCII, value.encode("ascii", "replace") + b"\0")


def short(number: int, *values: int) -> Tag:
    """Return a tag of small whole numbers."""
    return Tag(number, SHORT, struct.pack(f"<{len(values)}H", *values))


def long(number: int, *values: int) -> Tag:
    """Return a tag of whole numbers."""
    return Tag(number, LONG, struct.pack(f"<{len(values)}I", *values))


def ratio(number: int, *values: float, over: int = 1_000_000) -> Tag:
    """Return a tag of fractions of `over`.

    Examples
    --------
    >>> ratio(0x920A, 5.5, over=10).data.hex()
    '370000000a000000'
    """
    parts = [part for value in values for part in (round(value * over), over)]
    return Tag(number, RATIONAL, struct.pack(f"<{len(parts)}I", *parts))


def gps_tags(place: LonLat, altitude_m: float) -> list[Tag]:
    """Return the tags of a place and an altitude above the sea."""
    tags = [Tag(0, BYTE, bytes((2, 3, 0, 0)))]
    for number, value, names in (
        (1, place.lat_deg, ("N", "S")),
        (3, place.lon_deg, ("E", "W")),
    ):
        degree, rest = divmod(abs(value), 1.0)
        minute, rest = divmod(rest * 60.0, 1.0)
        tags.append(text(number, names[0] if value >= 0.0 else names[1]))
        parts = (int(degree), 1, int(minute), 1, round(rest * 60.0 * 10_000_000), 10_000_000)
        tags.append(Tag(number + 1, RATIONAL, struct.pack("<6I", *parts)))
    tags.append(Tag(5, BYTE, bytes((0 if altitude_m >= 0.0 else 1,))))
    tags.append(ratio(6, abs(altitude_m), over=1000))
    return tags


def moment_tags(taken_utc: datetime) -> list[Tag]:
    """Return the camera's tags of a moment, UTC, with its fraction of a second."""
    words = taken_utc.strftime("%Y:%m:%d %H:%M:%S")
    return [
        text(0x9003, words),
        text(0x9004, words),
        text(0x9011, "+00:00"),
        text(0x9291, f"{taken_utc.microsecond:06d}"),
    ]


def tiff(
    image: Sequence[Tag],
    camera: Sequence[Tag],
    gps: Sequence[Tag],
    pixels: NDArray[np.uint16] | None = None,
) -> bytes:
    """Return a TIFF.

    Parameters
    ----------
    image, camera, gps : sequence of Tag
        Of the picture, of the camera (EXIF), of the place.
    pixels : (H, W) uint16, optional
        The picture; without it the bytes are a JPEG's EXIF.
    """
    first = list(image)
    if pixels is not None:
        height, width = pixels.shape
        first += [long(0x100, width), long(0x101, height), short(0x102, 16), short(0x103, 1),
                  short(0x106, 1), short(0x115, 1), long(0x116, height), short(0x11C, 1),
                  long(_STRIPS, 0), long(_STRIP_BYTES, 2 * height * width)]  # fmt: skip
    first += [long(_EXIF_IFD, 0), long(_GPS_IFD, 0)]
    start = 8
    camera_at = start + _length(first)
    gps_at = camera_at + _length(camera)
    pixels_at = gps_at + _length(gps)
    places = {_EXIF_IFD: camera_at, _GPS_IFD: gps_at, _STRIPS: pixels_at}
    first = [long(t.number, places[t.number]) if t.number in places else t for t in first]
    lists = [_listed(first, start), _listed(camera, camera_at), _listed(gps, gps_at)]
    tail = b"" if pixels is None else pixels.astype("<u2").tobytes()
    return b"II*\0" + struct.pack("<I", start) + b"".join(lists) + tail


def _length(tags: Sequence[Tag]) -> int:
    """Return how many bytes a list takes with what it points to."""
    return 6 + sum(12 + (len(t.data) + len(t.data) % 2 if len(t.data) > 4 else 0) for t in tags)


def _listed(tags: Sequence[Tag], start: int) -> bytes:
    """Return a list of tags that stands at `start`, and behind it the values too long for it."""
    entries, behind = b"", b""
    aside = start + 6 + 12 * len(tags)
    for tag in sorted(tags, key=lambda each: each.number):
        entries += struct.pack("<HHI", tag.number, tag.kind, tag.count)
        if len(tag.data) <= 4:
            entries += tag.data.ljust(4, b"\0")
        else:
            entries += struct.pack("<I", aside + len(behind))
            behind += tag.data + b"\0" * (len(tag.data) % 2)
    return struct.pack("<H", len(tags)) + entries + b"\0\0\0\0" + behind


def into_jpeg(jpeg: bytes, exif: bytes, xmp: str) -> bytes:
    """Return a JPEG with EXIF and XMP before its picture.

    Raises
    ------
    ValueError
        When a segment would be longer than JPEG allows.
    """
    segments = b""
    for head, body in (
        (b"Exif\0\0", exif),
        (b"http://ns.adobe.com/xap/1.0/\0", xmp.encode()),
    ):
        if len(head + body) > 65_000:
            raise ValueError(len(body))
        segments += b"\xff\xe1" + struct.pack(">H", len(head + body) + 2) + head + body
    return jpeg[:2] + segments + jpeg[2:]
