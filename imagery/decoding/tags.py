"""EXIF and GPS tags of a photo, as a mapping of names to texts and numbers.

Theory of operation
-------------------
JPEG is read by exifread, TIFF by tifffile; both become one mapping with EXIF's own names
(``ExposureTime``, ``GPSLatitude``). A value is a text or a tuple of numbers; ratios are numbers,
one with nothing below the line is left out. Only the names in `RATIOS`, `NUMBERS` and `TEXTS`
are kept: nothing else is asked for, so nothing else can do harm. Maker notes and thumbnails are
not read. A tag that makes its library stumble is a tag that is not there.

Source: CIPA DC-008 (EXIF 2.32); DNG 1.6 (BlackLevel).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from imagery.decoding.xmp import MAX_BYTES, packet, read_xmp

Value = str | tuple[float, ...]

RATIOS = frozenset({
    "ExposureTime", "FNumber", "FocalLength", "FocalPlaneXResolution", "FocalPlaneYResolution",
    "GPSLatitude", "GPSLongitude", "GPSAltitude", "GPSTimeStamp", "GPSDOP", "GPSImgDirection",
})  # fmt: skip
"""Numbers that EXIF keeps as ratios."""
NUMBERS = frozenset({
    "ISOSpeedRatings", "ISOSpeed", "PhotographicSensitivity", "BlackLevel", "WhiteLevel",
    "GPSAltitudeRef", "FocalPlaneResolutionUnit", "FocalLengthIn35mmFilm", "Orientation",
    "RecommendedExposureIndex", "ExifImageWidth", "BitsPerSample", "PhotometricInterpretation",
})  # fmt: skip
TEXTS = frozenset({
    "Make", "Model", "Software", "DateTime", "DateTimeOriginal", "SubSecTime",
    "SubSecTimeOriginal", "OffsetTime", "OffsetTimeOriginal", "GPSLatitudeRef", "GPSLongitudeRef",
    "GPSDateStamp", "GPSStatus", "GPSMapDatum", "ImageDescription", "BodySerialNumber",
    "CameraSerialNumber", "SpectralSensitivity", "ImageUniqueID", "UniqueCameraModel",
})  # fmt: skip
OTHER_NAMES = {"GPSDate": "GPSDateStamp", "PixelXDimension": "ExifImageWidth"}
"""What one of the libraries calls a tag, and the name kept here."""
MAX_TEXT = 400
MAX_NUMBERS = 64
_JPEG_HEAD = 2_000_000
"""Bytes from a JPEG's beginning in which its XMP must stand."""
_RATIO_TYPES = (5, 10)
_SUBTREES = (34665, 34853)
_XMP_TAG = 700


def read_jpeg(path: Path) -> tuple[dict[str, Value], dict[str, tuple[str, ...]]]:
    """Return the EXIF tags and the XMP names of a JPEG."""
    import exifread

    logging.getLogger("exifread").setLevel(logging.CRITICAL)
    with path.open("rb") as file:
        xmp = read_xmp(file.read(_JPEG_HEAD))
        file.seek(0)
        try:
            found = exifread.process_file(file, details=False, extract_thumbnail=False)
        except Exception:  # noqa: BLE001, RUF100 - whatever a stranger's tags do to the library
            found = {}
    tags: dict[str, Value] = {}
    for name, tag in found.items():
        kind, _, plain = str(name).partition(" ")
        if kind != "Thumbnail":
            _keep(tags, plain, getattr(tag, "values", ""))
    return tags, xmp


def read_tiff(path: Path) -> tuple[dict[str, Value], dict[str, tuple[str, ...]]]:
    """Return the tags of a TIFF's first image, EXIF and GPS among them, and its XMP names."""
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    tags: dict[str, Value] = {}
    xmp: dict[str, tuple[str, ...]] = {}
    with tifffile.TiffFile(path) as file:
        for tag in file.pages.first.tags:
            try:
                value = tag.value
            except Exception:  # noqa: BLE001, RUF100, S112 - a damaged tag is no tag
                continue
            if tag.code == _XMP_TAG:
                xmp = read_xmp(_bytes(value))
            elif tag.code in _SUBTREES and isinstance(value, dict):
                for name, inner in value.items():
                    _keep(tags, str(name), _pairs(inner) if _plain(name) in RATIOS else inner)
            else:
                _keep(tags, tag.name, _pairs(value) if tag.dtype in _RATIO_TYPES else value)
    return tags, xmp


def _bytes(value: Any) -> bytes:
    data = value.encode("utf-8", "replace") if isinstance(value, str) else value
    return packet(data[:MAX_BYTES]) if isinstance(data, bytes) else b""


def _plain(name: Any) -> str:
    return OTHER_NAMES.get(str(name), str(name)).replace("Subsec", "SubSec")


def _keep(tags: dict[str, Value], name: str, value: Any) -> None:
    """Add a value under its name, when it is one that is asked for and can be read."""
    name = _plain(name)
    if name in TEXTS:
        text = _text(value)
        if text:
            tags.setdefault(name, text)
    elif name in RATIOS or name in NUMBERS:
        found = _numbers(value)
        if found:
            tags.setdefault(name, found)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, list | tuple):
        value = value[0] if len(value) == 1 else ""
    text = str(value).partition("\0")[0].strip()
    return "".join(c for c in text if c.isprintable())[:MAX_TEXT]


def _pairs(value: Any) -> list[float]:
    """Return the quotients of numbers that stand in pairs, as tifffile tells ratios."""
    if not isinstance(value, tuple) or len(value) % 2:
        return []
    return [a / b for a, b in zip(value[::2], value[1::2], strict=True) if b]


def _numbers(value: Any) -> tuple[float, ...]:
    items: Iterable[Any] = value if isinstance(value, list | tuple) else (value,)
    found: list[float] = []
    for item in list(items)[:MAX_NUMBERS]:
        try:
            number = float(item)
        except (TypeError, ValueError, ArithmeticError):
            return ()
        if not math.isfinite(number):
            return ()
        found.append(number)
    return tuple(found)
