"""KML: the placemarks of a document, and nothing it points to.

Theory of operation
-------------------
The XML is read by expat as a stream of events; no tree is built. A document type declaration is
refused outright, and with it every entity trick (expansion bombs, external files). NetworkLinks,
styles, icons, overlays and schemas are passed over, so nothing is ever fetched. What is kept of a
Placemark: its name, its ExtendedData (both forms), and its Polygons, LineStrings, LinearRings and
Points, in MultiGeometry or not. KML is WGS 84 by definition, longitude first.

Elements are told by their local names: files with a wrong or missing namespace are common.
"""

from __future__ import annotations

from typing import Any
from xml.parsers import expat

from agri.boundaries.outlines import Outline, OutlineFile, check_count, make_outline, tidy_name
from agri.errors import BadInput
from agri.findings import Finding

_MAX_OPEN = 100
_RINGS = {"outerBoundaryIs", "innerBoundaryIs"}
_TEXTS = {"name", "value", "SimpleData", "coordinates"}
_ROOTS = {"kml", "Document", "Folder", "Placemark"}


def read_kml(data: bytes, *, file: str) -> OutlineFile:
    """Read a KML document.

    Parameters
    ----------
    data : bytes
        The document in the encoding its XML declaration names.
    file : str
        The file's name, for error sentences.

    Raises
    ------
    BadInput
        When it is not well-formed, not KML, declares a document type, or a placemark cannot be
        read.

    Examples
    --------
    >>> found = read_kml(b"<kml><Placemark><name>A</name><Point><coordinates>106.5,21.1"
    ...                  b"</coordinates></Point></Placemark></kml>", file="a.kml")
    >>> found.outlines[0].name, found.outlines[0].points[0].tolist()
    ('A', [[106.5, 21.1]])
    """
    document = _Document(file)
    parser = expat.ParserCreate()
    parser.StartElementHandler = document.start
    parser.EndElementHandler = document.end
    parser.CharacterDataHandler = document.text
    parser.StartDoctypeDeclHandler = document.doctype
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise BadInput("error.boundary_xml", file=file, line=error.lineno) from None
    except (ValueError, LookupError):
        raise BadInput("error.boundary_xml", file=file, line=1) from None
    links = (Finding.warning("finding.kml_link", where=file),) if document.links else ()
    return OutlineFile(
        outlines=tuple(document.outlines), crs="EPSG:4326", findings=links, rings_turn=True
    )


class _Document:
    """Hears the parser's events and keeps the placemarks."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.outlines: list[Outline] = []
        self.links = 0
        self.open: list[str] = []
        self.words: list[str] | None = None
        self.key = ""
        self.label = ""
        self.properties: dict[str, Any] | None = None
        self.parts: list[tuple[str, Any]] = []

    def doctype(self, *_: object) -> None:
        raise BadInput("error.boundary_doctype", file=self.file)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if not self.open and name not in _ROOTS:
            raise BadInput("error.boundary_not_kml", file=self.file, root=tidy_name(name[:40]))
        self.open.append(name)
        if len(self.open) > _MAX_OPEN:
            raise BadInput("error.boundary_xml", file=self.file, line=1)
        if name == "NetworkLink":
            self.links += 1
        if name == "Placemark":
            self.properties, self.parts = {}, []
        if self.properties is None:
            return
        if name in _TEXTS:
            self.words = []
        if name in {"Data", "SimpleData"}:
            self.key = attributes.get("name", "")
        if name == "Polygon":
            self.parts.append(("Polygon", []))

    def text(self, words: str) -> None:
        if self.words is not None:
            self.words.append(words)

    def end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        self.open.pop()
        if self.properties is None:
            return
        if name in _TEXTS and self.words is not None:
            self.keep(name, "".join(self.words).strip())
            self.words = None
        if name == "Placemark":
            check_count(len(self.outlines) + 1, self.file)
            position = len(self.outlines) + 1
            self.outlines.append(make_outline(self.parts, self.properties, position=position))
            self.properties = None

    def keep(self, name: str, words: str) -> None:
        """Keep one text of the open placemark, by where it stands."""
        properties = self.properties if self.properties is not None else {}
        parent = self.open[-1] if self.open else ""
        if name == "name" and parent == "Placemark":
            properties["name"] = words
        elif (name == "value" and parent == "Data") or name == "SimpleData":
            properties.setdefault(self.key, words)
        elif name == "coordinates":
            label = tidy_name(str(properties.get("name", ""))) or f"#{len(self.outlines) + 1}"
            self.place(_positions(words, label))

    def place(self, positions: list[list[float]]) -> None:
        """Put a run of coordinates where the open elements say it belongs."""
        above = self.open[-3:]
        if above[-1:] == ["Point"]:
            self.parts += [("Point", position) for position in positions[:1]]
        elif above[-1:] == ["LineString"]:
            self.parts.append(("LineString", positions))
        elif above[-1:] == ["LinearRing"] and len(above) == 3 and above[1] in _RINGS:
            rings = self.parts[-1][1] if self.parts and self.parts[-1][0] == "Polygon" else []
            rings.insert(0 if above[1] == "outerBoundaryIs" else len(rings), positions)
        elif above[-1:] == ["LinearRing"]:
            self.parts.append(("Polygon", [positions]))


def _positions(words: str, label: str) -> list[list[float]]:
    """Read ``lon,lat[,height]`` groups; a space after a comma is forgiven."""
    groups: list[list[str]] = []
    joined = False
    for word in words.replace(",", " , ").split():
        if word == ",":
            joined = bool(groups)
        elif joined:
            groups[-1].append(word)
            joined = False
        else:
            groups.append([word])
    return [[_number(word, label) for word in group] for group in groups]


def _number(word: str, label: str) -> float:
    try:
        if "_" in word:
            raise ValueError
        return float(word)
    except ValueError:
        raise BadInput(
            "error.boundary_coordinates", name=label, value=tidy_name(word[:40])
        ) from None
