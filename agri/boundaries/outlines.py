"""Outlines: features as a stranger's file gives them, before anything is checked or repaired.

Theory of operation
-------------------
Every format is read into the same plain value, an `Outline`: a name, its properties as text, and
rings, lines and points as arrays of numbers. Nothing is a polygon yet, because a polygon library
would already close rings, reorder them or fail without saying which feature was at fault; here
the numbers stay as written until `repair` looks at them.

The text formats (`formats.geojson`, `kml`, `wkt`) are read by our own few lines rather than
by GDAL: a general reader follows links, guesses formats and loads drivers, and none of that is
wanted for a file from outside. What GDAL is good for, the binary formats, is in
`formats.shapefile` and `formats.geopackage`. Nesting, features and corners are bounded.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from agri.boundaries.repair import MAX_VERTICES
from agri.boundaries.rings import Ring, Rings
from agri.errors import BadInput
from agri.findings import Finding
from agri.names import fold

MAX_FEATURES = 10_000
"""More features than this in one file are refused."""
MAX_DEPTH = 12
"""Geometry collections nested deeper than this are refused."""
MAX_NAME = 80
"""Longer names are cut, and end in "…"."""
_NAME_KEYS = (
    "name", "ten", "ten ruong", "ten thua", "ten vuon", "title", "tieu de", "label", "nhan",
    "thua", "thua dat", "so thua", "thua so", "sothua", "shthua", "parcel",
)  # fmt: skip
_PARCEL_KEYS = frozenset(_NAME_KEYS[9:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """One feature as a file gives it.

    Parameters
    ----------
    name : str
        What the file calls it, "" when nothing.
    properties : tuple of (str, str)
        Its properties as text; keys folded (no case, no diacritics, words apart by one space).
    polygons : tuple of tuple of (N, 2) float64
        Rings of each polygon, x and y in the file's coordinates, closed or not.
    lines, points : tuple of (N, 2) float64
        Lines, and points as arrays of one row.
    with_heights : bool
        Whether a third coordinate other than zero stood in the file.
    """

    name: str = ""
    properties: tuple[tuple[str, str], ...] = ()
    polygons: tuple[Rings, ...] = ()
    lines: tuple[Ring, ...] = ()
    points: tuple[Ring, ...] = ()
    with_heights: bool = False

    @property
    def arrays(self) -> Iterator[Ring]:
        """Every coordinate array of the feature."""
        for rings in self.polygons:
            yield from rings
        yield from self.lines
        yield from self.points

    def mapped(self, change: Callable[[Ring], Ring]) -> Outline:
        """Return the same feature with `change` done to each coordinate array."""
        return replace(
            self,
            polygons=tuple(tuple(change(ring) for ring in rings) for rings in self.polygons),
            lines=tuple(change(line) for line in self.lines),
            points=tuple(change(point) for point in self.points),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlineFile:
    """All features of one file and the coordinate system it states.

    Parameters
    ----------
    outlines : tuple of Outline
        The features.
    crs : str
        EPSG code or WKT of the coordinate system, "" when the file states none.
    findings : tuple of Finding
        What was seen while reading.
    rings_turn : bool
        Whether the format fixes which way rings turn (border counter-clockwise).
    from_certificate : bool
        Whether the numbers were typed from a land certificate.
    """

    outlines: tuple[Outline, ...]
    crs: str = ""
    findings: tuple[Finding, ...] = ()
    rings_turn: bool = False
    from_certificate: bool = False


def tidy_name(text: str) -> str:
    r"""Return `text` fit to be shown: one line, NFC, no control or direction marks, not too long.

    Examples
    --------
    >>> tidy_name("  Ruộng\u202e\n 1 ")
    'Ruộng 1'
    """
    shown = "".join(
        " " if unicodedata.category(sign)[0] == "Z" or sign in "\t\r\n" else sign
        for sign in unicodedata.normalize("NFC", text[: 10 * MAX_NAME])
        if unicodedata.category(sign)[0] != "C" or sign in "\t\r\n"
    )
    line = " ".join(shown.split())
    return line if len(line) <= MAX_NAME else f"{line[: MAX_NAME - 1].rstrip()}…"


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """Return a column or property name as it is compared: folded, words apart by one space.

    Examples
    --------
    >>> plain("Số_hiệu điểm (m)")
    'so hieu diem m'
    """
    return " ".join(re.findall(r"[a-z0-9]+", fold(text[:200])))


def check_count(count: int, file: str) -> None:
    """Refuse a file whose `count` of features is over `MAX_FEATURES`."""
    if count > MAX_FEATURES:
        raise BadInput("error.boundary_features", file=file, limit=MAX_FEATURES)


def make_outline(
    geometry: Iterable[tuple[str, Any]], properties: Mapping[str, Any], *, position: int
) -> Outline:
    """Build an `Outline` from parts of geometry and raw properties.

    Parameters
    ----------
    geometry : iterable of (str, nested lists of numbers)
        Parts as ("Polygon", rings), ("LineString", positions) or ("Point", position).
    properties : mapping of str to object
        The feature's properties; values become text, nested ones are left out.
    position : int
        Its place in the file, 1 for the first; names it where it has no name.

    Raises
    ------
    BadInput
        When a coordinate is not a number or there are too many of them.
    """
    texts = {plain(str(key)): tidy_name(_text(value)) for key, value in properties.items()}
    name = _name_from(texts)
    label = name or f"#{position}"
    kept: dict[str, list[Any]] = {"Polygon": [], "LineString": [], "Point": []}
    seen = _Positions(label)
    for kind, part in geometry:
        if kind == "Polygon":
            kept[kind].append(tuple(seen.array(ring) for ring in as_list(part, label)))
        else:
            kept[kind].append(seen.array([part] if kind == "Point" else part))
    return Outline(
        name=name,
        properties=tuple(sorted((key, value) for key, value in texts.items() if value)),
        polygons=tuple(rings for rings in kept["Polygon"] if rings),
        lines=tuple(kept["LineString"]),
        points=tuple(kept["Point"]),
        with_heights=seen.with_heights,
    )


def shown(value: Any) -> str:
    """Return a value from a file as it may stand in an error sentence: short, never nested."""
    if isinstance(value, dict):
        return "{…}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(shown(part) for part in value[:3])}]" if _is_flat(value) else "[[…]]"
    return tidy_name(str(value)[:40])


def _is_flat(values: Sequence[Any]) -> bool:
    return not any(isinstance(value, dict | list | tuple) for value in values[:3])


def _text(value: Any) -> str:
    if value is None or isinstance(value, dict | list | tuple | bytes):
        return ""
    if isinstance(value, float):
        if not math.isfinite(value):
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else str(value)
    return str(value)


def _name_from(texts: Mapping[str, str]) -> str:
    for key in _NAME_KEYS:
        if found := texts.get(key):
            return f"Thửa {found}" if key in _PARCEL_KEYS and found.isdigit() else found
    return ""


def as_list(value: Any, label: str) -> Sequence[Any]:
    """Return `value` when it is a list, else refuse the coordinates of `label`."""
    if not isinstance(value, list | tuple):
        raise BadInput("error.boundary_coordinates", name=label, value=shown(value))
    return value


class _Positions:
    """Turns nested lists into arrays, counting corners and noticing heights."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.count = 0
        self.with_heights = False

    def array(self, positions: Any) -> Ring:
        listed = as_list(positions, self.label)
        self.count += len(listed)
        if self.count > MAX_VERTICES:
            raise BadInput("error.boundary_vertices", name=self.label, limit=MAX_VERTICES)
        rows = [self._row(position) for position in listed]
        return np.array(rows, dtype=np.float64).reshape(-1, 2)

    def _row(self, position: Any) -> tuple[float, float]:
        parts = as_list(position, self.label)
        try:
            if len(parts) < 2 or any(isinstance(part, bool | str) for part in parts[:2]):
                raise TypeError
            if len(parts) > 2 and parts[2]:
                self.with_heights = True
            return float(parts[0]), float(parts[1])
        except (TypeError, ValueError, OverflowError):
            raise BadInput(
                "error.boundary_coordinates", name=self.label, value=shown(position)
            ) from None
