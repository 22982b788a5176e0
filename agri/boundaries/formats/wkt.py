"""WKT text: one geometry, or one a line with its name before it (``name;WKT``).

Theory of operation
-------------------
Lines are joined until their brackets close, so a long polygon may be wrapped. ``SRID=…;`` (EWKT)
is heeded and must be the same throughout. The grammar is small: a tag, then brackets holding
either brackets or positions, apart by commas; Z and M are read past. A ring need not be closed
here: that is repaired later, where it can be told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from agri.boundaries.outlines import MAX_DEPTH, OutlineFile, check_count, make_outline, tidy_name
from agri.errors import BadInput

_START = re.compile(
    r"(?:SRID\s{0,9}=\s{0,9}(?P<srid>\d{4,6})\s{0,9};\s{0,9})?"
    r"(?P<tag>(?:MULTI)?(?:POLYGON|LINESTRING|POINT)|GEOMETRYCOLLECTION)"
    r"\s{0,9}(?:ZM|[ZM])?\s{0,9}(?:\(|EMPTY)",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"[(),]|[^\s(),]+")
_LEVELS = {"POINT": 1, "LINESTRING": 1, "POLYGON": 2, "MULTILINESTRING": 2, "MULTIPOLYGON": 3}


def holds_wkt(text: str) -> bool:
    """Return whether one of the first lines starts with WKT, a name before it allowed.

    Examples
    --------
    >>> holds_wkt("Ruộng 1;POLYGON((0 0, 1 0, 1 1))"), holds_wkt("Điểm;X;Y")
    (True, False)
    """
    return any(_start(line) for line in text[:100_000].splitlines()[:50])


def read_wkt(text: str, *, file: str) -> OutlineFile:
    """Read WKT text.

    Parameters
    ----------
    text : str
        The document.
    file : str
        The file's name, for error sentences.

    Raises
    ------
    BadInput
        When a line is neither WKT nor blank, its brackets do not match, or codes differ.

    Examples
    --------
    >>> found = read_wkt("Ruộng 1;POLYGON((0 0, 1 0, 1 1))", file="a.wkt")
    >>> found.outlines[0].name, found.outlines[0].polygons[0][0].shape
    ('Ruộng 1', (3, 2))
    """
    outlines = []
    codes: set[str] = set()
    for position, entry in enumerate(_entries(text), 1):
        check_count(position, file)
        start = _start(entry)
        if start is None:
            raise BadInput("error.boundary_wkt", file=file, line=tidy_name(entry[:40]))
        name, match = start
        label = tidy_name(name) or f"#{position}"
        reader = _Reader(match.string[match.start("tag") :], label)
        parts = reader.geometry(0)
        reader.expect("")
        codes.add(match["srid"] or "")
        outlines.append(make_outline(parts, {"name": name.strip(' "')}, position=position))
    if len(codes) > 1:
        raise BadInput("error.boundary_mixed_crs", file=file)
    code = codes.pop() if codes else ""
    return OutlineFile(outlines=tuple(outlines), crs=f"EPSG:{code}" if code else "")


def _start(line: str) -> tuple[str, re.Match[str]] | None:
    if match := _START.match(line.strip()):
        return "", match
    name, _, rest = line.partition(";")
    match = _START.match(rest.strip())
    return (name, match) if match else None


def _entries(text: str) -> Iterator[str]:
    lines: list[str] = []
    depth = 0
    for line in text.splitlines():
        if not lines and not line.strip():
            continue
        lines.append(line)
        depth += line.count("(") - line.count(")")
        if depth <= 0:
            yield " ".join(lines)
            lines, depth = [], 0
    if lines:
        yield " ".join(lines)


class _Reader:
    """Reads one geometry from its tokens, left to right."""

    def __init__(self, text: str, label: str) -> None:
        self.tokens = [match[0] for match in _TOKEN.finditer(text)]
        self.place = 0
        self.label = label

    @property
    def next(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self) -> str:
        token = self.next
        self.place += 1
        return token

    def expect(self, *wanted: str) -> str:
        token = self.take()
        if token not in wanted:
            shown = token or "…"
            raise BadInput(
                "error.boundary_coordinates", name=self.label, value=tidy_name(shown[:40])
            )
        return token

    def geometry(self, depth: int) -> list[tuple[str, Any]]:
        """Read a tag and its brackets; return parts as `make_outline` takes them."""
        tag = self.take().upper()
        measured = False
        while self.next.upper() in {"Z", "M", "ZM"}:
            measured = self.take().upper() == "M"
        if self.next.upper() == "EMPTY":
            self.take()
            return []
        if tag == "GEOMETRYCOLLECTION":
            return self.collection(depth)
        if tag == "MULTIPOINT":
            return [("Point", point) for point in self.points(measured)]
        if tag not in _LEVELS:
            raise BadInput("error.boundary_geometry", name=self.label, kind=tidy_name(tag[:20]))
        body = self.brackets(_LEVELS[tag], measured)
        if tag.startswith("MULTI"):
            return [(tag.removeprefix("MULTI").title().replace("string", "String"), part)
                    for part in body]  # fmt: skip
        return {"POINT": [("Point", body[0])], "LINESTRING": [("LineString", body)]}.get(
            tag, [("Polygon", body)]
        )

    def collection(self, depth: int) -> list[tuple[str, Any]]:
        parts: list[tuple[str, Any]] = []
        self.expect("(")
        while True:
            if depth >= MAX_DEPTH:
                raise BadInput(
                    "error.boundary_geometry", name=self.label, kind="GEOMETRYCOLLECTION"
                )
            parts += self.geometry(depth + 1)
            if self.expect(",", ")") == ")":
                return parts

    def brackets(self, levels: int, measured: bool) -> list[Any]:
        """Read brackets nested `levels` deep; the innermost hold positions."""
        inner: list[Any] = []
        self.expect("(")
        while True:
            if levels > 1:
                inner.append(self.brackets(levels - 1, measured))
            else:
                inner.append(self.position(measured))
            if self.expect(",", ")") == ")":
                return inner

    def points(self, measured: bool) -> list[Any]:
        """Read MULTIPOINT, whose positions may stand in brackets of their own or not."""
        if self.tokens[self.place + 1 : self.place + 2] == ["("]:
            return [inner[0] for inner in self.brackets(2, measured)]
        return self.brackets(1, measured)

    def position(self, measured: bool) -> list[float]:
        numbers = []
        while self.next not in {"(", ")", ",", ""}:
            numbers.append(self.number(self.take()))
        return numbers[:2] if measured else numbers

    def number(self, token: str) -> float:
        try:
            if "_" in token:
                raise ValueError
            return float(token)
        except ValueError:
            raise BadInput(
                "error.boundary_coordinates", name=self.label, value=tidy_name(token[:40])
            ) from None
