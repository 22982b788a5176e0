"""The XMP packet of a photo, as a mapping of names to texts.

Theory of operation
-------------------
XMP is RDF in XML, and cameras write it in every way RDF allows: values as attributes of
``rdf:Description`` (DJI, Sequoia), as elements (MicaSense), as ``rdf:Seq`` or ``rdf:Bag`` of
``rdf:li`` (MicaSense: one number each; Sequoia: one ``li`` with commas), spread over several
``rdf:Description``. All become ``{"Camera:BandName": ("Blue",)}``: a name and its texts in order.

The prefix is the one this room gives to a namespace, whatever the file calls it: Pix4D's
namespace has been written in four ways. A name told twice keeps what came first.

The parser is defusedxml's: no document type, no entities, nothing fetched. A packet of more than
`MAX_BYTES` is not parsed, nor one nested deeper than XMP is.

`numbers` reads what stands in the texts: "a/b", "+39.80", lists with commas or spaces.
`irradiances` reads Sequoia's list of what its sunshine sensor measured.

Sources: Adobe XMP Specification Part 1 (2012) §7; Parrot Sequoia application note SEQ-AN-01
(records of 28 bytes: µs, channel 0 and 1, gain, exposure in ms, yaw, pitch, roll).
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, ParseError

Texts = Mapping[str, tuple[str, ...]]

MAX_BYTES = 4_000_000
MAX_NAMES = 2_000
MAX_NUMBERS = 4_000
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_PREFIXES = (
    ("pix4d.com", "Camera"),
    ("micasense.com/dls", "DLS"),
    ("micasense.com", "MicaSense"),
    ("dji.com", "drone-dji"),
    ("sentera", "Sentera"),
    ("sensefly", "sensefly"),
    ("parrot", "Parrot"),
    ("exif/1.0/aux", "aux"),
    ("adobe.com/exif", "exif"),
    ("adobe.com/tiff", "tiff"),
    ("xap/1.0/mm", "xmpMM"),
    ("xap/1.0", "xmp"),
)
_PACKET = re.compile(rb"<x:xmpmeta[\s>].*?</x:xmpmeta\s*>", re.DOTALL)
_BARE = re.compile(rb"<rdf:RDF[\s>].*?</rdf:RDF\s*>", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_RECORD = struct.Struct("<QHHHHfff")


@dataclass(frozen=True, slots=True)
class SunReading:
    """What Sequoia's sunshine sensor measured once.

    Parameters
    ----------
    time_s : float
        Seconds on the camera's clock.
    counts : tuple of int
        Channels 0 and 1.
    gain, exposure_ms : int
        Of the measurement.
    yaw_deg, pitch_deg, roll_deg : float
        Of the sensor.
    """

    time_s: float
    counts: tuple[int, int]
    gain: int
    exposure_ms: int
    yaw_deg: float
    pitch_deg: float
    roll_deg: float


def packet(data: bytes) -> bytes:
    """Return the XMP packet found in bytes, b"" when there is none."""
    found = _PACKET.search(data) or _BARE.search(data)
    return found.group() if found and len(found.group()) <= MAX_BYTES else b""


def read_xmp(data: bytes) -> dict[str, tuple[str, ...]]:
    """Return the names and texts of the XMP packet found in `data`.

    Parameters
    ----------
    data : bytes
        A packet, with or without what stands around it.

    Returns
    -------
    dict of str to tuple of str
        ``{"Camera:CentralWavelength": ("475",)}``; empty when there is no packet or it cannot be
        read as XMP.

    Examples
    --------
    >>> read_xmp(b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    ...          b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    ...          b'xmlns:C="http://pix4d.com/camera/1.0/" C:BandName="NIR"/></rdf:RDF></x:xmpmeta>')
    {'Camera:BandName': ('NIR',)}
    """
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    found = packet(data)
    if not found:
        return {}
    try:
        root = fromstring(found, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, RecursionError, LookupError):
        return {}
    texts: dict[str, tuple[str, ...]] = {}
    for description in root.iter(_RDF + "Description"):
        _describe(description, texts)
    return texts


def _describe(description: Element, texts: dict[str, tuple[str, ...]]) -> None:
    """Add what one description tells: its attributes, then its elements."""
    told: list[tuple[str, tuple[str, ...]]] = [
        (name, (value,)) for name, value in description.attrib.items()
    ]
    told += [(child.tag, _values(child)) for child in description]
    for name, values in told:
        if name.startswith(_RDF) or len(texts) >= MAX_NAMES:
            continue
        trimmed = tuple(value.strip() for value in values if value.strip())
        if trimmed:
            texts.setdefault(_named(name), trimmed[:MAX_NUMBERS])


def _values(element: Element) -> tuple[str, ...]:
    items = [item.text or "" for item in element.iter(_RDF + "li")]
    return tuple(items) if items else (element.text or "",)


def _named(name: str) -> str:
    """Return ``prefix:name`` with this room's prefix."""
    space, _, local = name.rpartition("}")
    folded = space.lower()
    prefix = next((short for part, short in _PREFIXES if part in folded), "")
    return f"{prefix or space.rstrip('/').rpartition('/')[2]}:{local}"


def numbers(texts: Sequence[str] | str) -> tuple[float, ...]:
    """Return every number that stands in texts, in order.

    Examples
    --------
    >>> numbers("1/4"), numbers(("0.5,-2e-3 +7",)), numbers("560(+/-16)nm"), numbers("")
    ((0.25,), (0.5, -0.002, 7.0), (560.0, 16.0), ())
    """
    joined = texts if isinstance(texts, str) else " ".join(texts)
    found: list[float] = []
    for piece in re.split(r"[\s,;()\[\]]+", joined):
        number = _number(piece.removeprefix("+/-"))
        if number is not None:
            found.append(number)
        if len(found) >= MAX_NUMBERS:
            break
    return tuple(found)


def _number(piece: str) -> float | None:
    """Return the number a piece begins with, a ratio when it is one; None for none."""
    first = _NUMBER.match(piece)
    if first is None:
        return None
    value = float(first.group())
    rest = piece[first.end() :]
    if rest.startswith("/"):
        second = _NUMBER.match(rest[1:])
        below = float(second.group()) if second else 0.0
        if below == 0.0:
            return None
        value /= below
    return value if math.isfinite(value) else None


def irradiances(text: str) -> tuple[SunReading, ...]:
    """Return the readings in Sequoia's ``Camera:IrradianceList``, () when it is not one.

    Parameters
    ----------
    text : str
        Base64 of records of 28 bytes.

    Examples
    --------
    >>> record = struct.pack("<QHHHHfff", 2_000_000, 300, 150, 1, 100, 10.0, 0.5, -0.5)
    >>> irradiances(base64.b64encode(record).decode())[0].counts
    (300, 150)
    """
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return ()
    if not data or len(data) % _RECORD.size or len(data) > MAX_BYTES:
        return ()
    return tuple(_reading(record) for record in _RECORD.iter_unpack(data))


def _reading(record: tuple[Any, ...]) -> SunReading:
    micros, first, second, gain, exposure, *angles = record
    yaw, pitch, roll = (float(angle) for angle in angles)
    return SunReading(micros / 1e6, (first, second), gain, exposure, yaw, pitch, roll)
