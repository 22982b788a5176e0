"""Shapefiles, as they come: several parts with one stem in a zip archive.

Theory of operation
-------------------
The parts are checked (magic numbers, the index no longer than the limit of features) and packed
anew, uncompressed and under names of our own, into an archive in memory that GDAL reads. Other
parts beside them (styles, spatial indexes, metadata) are left out. The ``.prj`` part is not for
GDAL either: its text goes to `crs`, which takes it only when nothing in it names a file.

Attribute text has no reliable encoding. GDAL is told ISO 8859-1, which keeps every byte apart;
the bytes are then read by `old_letters`, all of a layer's together, with the ``.cpg`` part's
word where it fits.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping

from agri.boundaries.formats.gdal import read_layer
from agri.boundaries.old_letters import decode, guess_encoding
from agri.boundaries.outlines import OutlineFile, check_count
from agri.errors import BadInput
from agri.findings import Finding

SHAPE_PARTS = frozenset({".shp", ".shx", ".dbf", ".prj", ".cpg"})
"""The parts read."""
_MAGIC = struct.pack(">i", 9994)
_MAX_PRJ = 20_000


def is_shape(data: bytes) -> bool:
    """Return whether `data` starts as a .shp or .shx part does."""
    return data[:4] == _MAGIC and len(data) >= 100 and data[28:32] == struct.pack("<i", 1000)


def read_shapefile(parts: Mapping[str, bytes], *, file: str) -> OutlineFile:
    """Read one shapefile from its parts.

    Parameters
    ----------
    parts : mapping of str to bytes
        Content by ending; ``.shp``, ``.shx`` and ``.dbf`` are needed.
    file : str
        Its name, for error sentences.

    Raises
    ------
    BadInput
        When a part is missing or broken.
    """
    for ending in (".shp", ".shx", ".dbf"):
        if ending not in parts:
            raise BadInput("error.shapefile_part", file=file, part=ending)
    _check(parts, file)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for ending in (".shp", ".shx", ".dbf"):
            archive.writestr(f"layer{ending}", parts[ending])
        archive.writestr("layer.cpg", "ISO-8859-1")
    letters = _Letters(decode(parts.get(".cpg", b"")[:40], "utf-8"))
    found = read_layer(
        packed.getvalue(), "layer", driver="ESRI Shapefile", file=file, decoded=letters.read
    )
    findings = list(found.findings)
    if letters.old:
        findings.append(Finding.warning("finding.old_letters", file, encoding=letters.old))
    prj = decode(parts.get(".prj", b"")[:_MAX_PRJ], "utf-8").strip()
    return OutlineFile(outlines=found.outlines, crs=prj, findings=tuple(findings))


def _check(parts: Mapping[str, bytes], file: str) -> None:
    if not (is_shape(parts[".shp"]) and is_shape(parts[".shx"])):
        raise BadInput("error.boundary_unreadable", file=file)
    check_count((len(parts[".shx"]) - 100) // 8, file)
    dbf = parts[".dbf"]
    if len(dbf) < 32:
        raise BadInput("error.boundary_unreadable", file=file)
    rows, header, width = struct.unpack("<IHH", dbf[4:12])
    check_count(rows, file)
    if header + (rows - 1) * width > len(dbf):
        raise BadInput("error.boundary_unreadable", file=file)


class _Letters:
    """Reads a layer's text, and remembers when it was of an old encoding."""

    def __init__(self, stated: str) -> None:
        self.stated = stated
        self.old = ""

    def read(self, texts: list[str]) -> list[str]:
        raws = [text.encode("latin-1", "replace") for text in texts]
        encoding = guess_encoding(b"\n".join(raws), self.stated)
        if encoding not in {"utf-8", "utf-16"}:
            self.old = encoding
        return [decode(raw, encoding) for raw in raws]
