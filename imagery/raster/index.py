"""The index of a raster in pieces, taken apart before GDAL gets it.

Theory of operation
-------------------
A GDAL virtual raster (``.vrt``) makes one map of many files (`imagery.raster.pieces`). It is also
how a stranger would make GDAL read any file or address. So an index is never handed to GDAL as it
stands. `judged_index` takes it apart and believes it only if it is of the form that
`imagery.raster.pieces.index_text` writes: known elements and attributes, numbers where numbers
belong, a coordinate system by its EPSG number, and as sources nothing but GeoTIFFs named as pieces
are, in one folder beside the index. From what was believed a new text is made, with full paths;
that is what GDAL gets (`imagery.raster.guard`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from agri.errors import BadInput
from agri.files import read_text_limited, told
from imagery.extras import extra
from imagery.raster.tiff import MAGIC

SUFFIX = ".vrt"
BEGINS = b"<VRTDataset"
MAX_INDEX_BYTES = 8_000_000
_SOURCE = re.compile(
    r'[^/\\:*?"<>|.\0-\x1f][^/\\:*?"<>|\0-\x1f]{0,150}/piece_[0-9a-f]{8}_\d{3}_\d{3}\.tif'
)
_WHOLE, _NUMBER = r"\d{1,7}", r"-?\d{1,12}(?:\.\d{1,17})?(?:e[+-]?\d{1,3})?"
_WORD = re.compile(r"[^\0]{0,4000}", re.DOTALL)
_NUMBERS = re.compile(rf"{_NUMBER}(?:, {_NUMBER})*")
_CORNER = {"xOff": _WHOLE, "yOff": _WHOLE, "xSize": _WHOLE, "ySize": _WHOLE}
_FORM: dict[str, tuple[dict[str, str], re.Pattern[str] | None, tuple[str, ...]]] = {
    "VRTDataset": ({"rasterXSize": _WHOLE, "rasterYSize": _WHOLE}, None,
                   ("SRS", "GeoTransform", "Metadata", "VRTRasterBand", "OverviewList")),
    "SRS": ({}, re.compile(r"EPSG:\d{4,6}"), ()),
    "GeoTransform": ({}, _NUMBERS, ()),
    "Metadata": ({}, None, ("MDI",)),
    "MDI": ({"key": r"[A-Z0-9_]{1,40}"}, _WORD, ()),
    "OverviewList": ({"resampling": "average"}, re.compile(r"[\d ]{1,80}"), ()),
    "VRTRasterBand": (
        {"dataType": "Int16|Float32", "band": _WHOLE, "blockXSize": _WHOLE, "blockYSize": _WHOLE},
        None, ("Description", "NoDataValue", "Scale", "Offset", "Metadata", "SimpleSource")),
    "Description": ({}, _WORD, ()),
    "NoDataValue": ({}, re.compile(r"-32768|nan"), ()),
    "Scale": ({}, re.compile(_NUMBER), ()),
    "Offset": ({}, re.compile("0"), ()),
    "SimpleSource": (
        {}, None, ("SourceFilename", "SourceBand", "SourceProperties", "SrcRect", "DstRect")),
    "SourceFilename": ({"relativeToVRT": "1"}, _SOURCE, ()),
    "SourceBand": ({}, re.compile(_WHOLE), ()),
    "SourceProperties": (
        {"RasterXSize": _WHOLE, "RasterYSize": _WHOLE, "DataType": "Int16|Float32",
         "BlockXSize": _WHOLE, "BlockYSize": _WHOLE}, None, ()),
    "SrcRect": (_CORNER, None, ()),
    "DstRect": (_CORNER, None, ()),
}  # fmt: skip
"""Of each element: attributes (all needed), text, and what may stand in it."""


def is_index(path: Path) -> bool:
    """Return whether a file has the name of an index and begins like one."""
    if path.suffix.lower() != SUFFIX:
        return False
    with told(path), path.open("rb") as file:
        return file.read(len(BEGINS)) == BEGINS


def piece_files(path: Path) -> tuple[Path, ...]:
    """Return the files that an index makes one raster of, in their order.

    Raises
    ------
    BadInput
        As `judged_index`.
    """
    return _judged(path, _stamp(path))[1]


def judged_index(path: Path) -> str:
    """Return an index as it may be given to GDAL, with the full paths of its pieces.

    Parameters
    ----------
    path : Path
        The index.

    Raises
    ------
    BadInput
        When it is not one that was written here, or a piece is missing or no GeoTIFF.
    """
    text, files = _judged(path, _stamp(path))
    for file in files:
        with told(file):
            if file.is_symlink() or not file.is_file():
                raise BadInput("error.piece_missing", name=path.name[:60], piece=file.name)
            with file.open("rb") as piece:
                magic = piece.read(4)
        if magic not in MAGIC:
            raise BadInput("error.piece_missing", name=path.name[:60], piece=file.name)
    return text


def _stamp(path: Path) -> tuple[int, int]:
    with told(path):
        found = path.stat()
    return found.st_size, found.st_mtime_ns


@lru_cache(maxsize=8)
def _judged(path: Path, _: tuple[int, int]) -> tuple[str, tuple[Path, ...]]:
    """Return the text made of what was believed, and the pieces; kept while it is the same."""
    trees = extra("defusedxml.ElementTree")
    home = path.resolve().parent
    try:
        root = trees.fromstring(read_text_limited(path, limit_bytes=MAX_INDEX_BYTES))
    except (SyntaxError, ValueError):  # ParseError is a SyntaxError, what is forbidden a ValueError
        raise BadInput("error.index_form", name=path.name[:60]) from None
    files: dict[Path, None] = {}
    if root.tag != "VRTDataset" or not _believed(root, home, files):
        raise BadInput("error.index_form", name=path.name[:60])
    if len({file.parent for file in files}) != 1:
        raise BadInput("error.index_form", name=path.name[:60])
    return str(trees.tostring(root, encoding="unicode")), tuple(files)


def _believed(element: Any, home: Path, files: dict[Path, None]) -> bool:
    """Return whether an element is as `index_text` writes it; sources get their full paths."""
    if element.tag not in _FORM:
        return False
    attributes, text, within = _FORM[element.tag]
    if set(element.attrib) != set(attributes):
        return False
    if not all(re.fullmatch(attributes[key], value) for key, value in element.attrib.items()):
        return False
    told_too = (element.text or "").strip()
    if (text.fullmatch(told_too) if text else not told_too) in (None, False):
        return False
    if (element.tail or "").strip():
        return False
    if element.tag == "SourceFilename":
        path = home / told_too
        files[path] = None
        element.text = str(path)
        element.set("relativeToVRT", "0")
    return all(child.tag in within and _believed(child, home, files) for child in element)
