"""Import of boundary files: fields, and what stands around them, from whatever people have.

Theory of operation
-------------------
The file is read once, within its size limit, and told by its content: zipped Shapefile, KMZ,
GeoPackage, KML, GeoJSON, WKT text, or a table of corners such as a land certificate. A wrong
ending does not matter. The readers in `formats` turn it into outlines, `crs` finds the
coordinate system, `repair` makes sound areas, and what comes out are the checked values of
`agri.field` with a `Finding` for all that was assumed, repaired or passed over.

A polygon is a field unless a property ``kind`` or ``loai`` says otherwise (`kinds`). Lines and
points mean nothing without such a word and are passed over with a finding; a no-fly zone that is
no area is refused, because passing it over would be to forget it.

A feature that cannot be repaired stops the import with one sentence that names it. Importing
the rest would leave a farm with a hole in it that nobody was told of twice.

The path is only read. Nothing is written, unpacked, followed or fetched, and no file beside the
given one is opened. The name of the file is only a label.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import numpy as np
from shapely.geometry import LineString, MultiLineString, Point
from shapely.geometry.base import BaseGeometry

from agri.boundaries.crs import far_away_m
from agri.boundaries.formats.table import read_number
from agri.boundaries.kinds import What, meaning, word_for_kind
from agri.boundaries.outlines import MAX_NAME, Outline, tidy_name
from agri.boundaries.placed import read_placed
from agri.boundaries.repair import check_numbers, repair_area
from agri.errors import BadInput
from agri.field import (
    Field,
    NoFlyZone,
    Obstacle,
    ObstacleKind,
    Pad,
    SensitiveKind,
    SensitiveSite,
)
from agri.findings import Finding
from agri.geo import LonLat
from agri.names import same

ASSUMED_HEIGHT_M = {
    ObstacleKind.TREE: 30.0,
    ObstacleKind.POLE: 45.0,
    ObstacleKind.POWER_LINE: 45.0,
    ObstacleKind.HOUSE: 20.0,
    ObstacleKind.ROAD: 6.0,
    ObstacleKind.OTHER: 50.0,
}
"""Heights taken where a file gives none: assumptions, on the tall side, and said to be so."""
_HEIGHT_KEYS = ("height m", "height", "chieu cao m", "chieu cao", "do cao", "cao")
_CLEARANCE_KEYS = ("clearance m", "clearance", "khoang cach an toan", "khoang cach")
_CROP_KEYS = ("crop", "cay trong", "giong cay")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundaryFile:
    """What one file told.

    Parameters
    ----------
    fields : tuple of Field
        Fields, with names that differ; ``uid`` is "".
    obstacles, pads, sensitive_sites, no_fly_zones : tuple
        What stands around them.
    findings : tuple of Finding
        What was assumed, repaired or passed over; none is an ERROR.
    """

    fields: tuple[Field, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    pads: tuple[Pad, ...] = ()
    sensitive_sites: tuple[SensitiveSite, ...] = ()
    no_fly_zones: tuple[NoFlyZone, ...] = ()
    findings: tuple[Finding, ...] = ()


def read_boundaries(
    path: Path,
    *,
    province: str = "Quảng Ninh",
    name: str | None = None,
    crs_epsg: int | None = None,
) -> BoundaryFile:
    """Read a boundary file.

    Parameters
    ----------
    path : Path
        The file; only read.
    province : str
        Whose VN-2000 zone holds where the file names no coordinate system.
    name : str, optional
        Name for the field; several fields get numbers after it.
    crs_epsg : int, optional
        EPSG code of the coordinates, when the user knows better than the file.

    Returns
    -------
    BoundaryFile
        Fields and their surroundings, WGS 84.

    Raises
    ------
    NotFound
        When there is no such file.
    BadInput
        When it cannot be read, or a feature cannot be repaired; the sentence names it.
    """
    file = tidy_name(path.name)
    placed, findings = read_placed(path, province=province, crs_epsg=crs_epsg)
    found = _Found(province, findings=findings)
    for one in placed:
        found.add(one.outline, one.label, rings_turn=one.rings_turn)
    return found.result(file, name)


@dataclass
class _Found:
    """Collects the values of one file."""

    province: str
    fields: list[Field] = field(default_factory=list)
    obstacles: list[Obstacle] = field(default_factory=list)
    pads: list[Pad] = field(default_factory=list)
    sensitive_sites: list[SensitiveSite] = field(default_factory=list)
    no_fly_zones: list[NoFlyZone] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def add(self, outline: Outline, label: str, *, rings_turn: bool) -> None:
        """Add what one outline (in degrees) is, by its word and shape."""
        properties = dict(outline.properties)
        word = word_for_kind(properties)
        what = meaning(word) if word else "field"
        if what is None:
            what = "field"
            self.findings.append(Finding.warning("finding.kind_unknown", label, word=word))
        if what == "field":
            self.add_field(outline, label, properties, rings_turn=rings_turn)
        elif what == "pad":
            self.add_pads(outline, label)
        elif what == "no_fly":
            self.add_no_fly(outline, label)
        else:
            self.add_things(outline, label, what, properties)

    def add_field(
        self, outline: Outline, label: str, properties: Mapping[str, str], *, rings_turn: bool
    ) -> None:
        aside = len(outline.lines) + len(outline.points)
        if aside:
            self.findings.append(Finding.warning("finding.not_an_area", label, count=aside))
        if not outline.polygons:
            return
        area, findings = repair_area(outline.polygons, name=label, rings_turn=rings_turn)
        self.findings += findings
        made = Field(name=label, boundary=area, crop=_first(properties, _CROP_KEYS))
        self.fields.append(made)
        far_m = far_away_m(made.frame.origin, self.province)
        if far_m:
            self.findings.append(Finding.warning("finding.far_away", label, km=far_m / 1000.0))

    def add_pads(self, outline: Outline, label: str) -> None:
        places = [shape.representative_point() for shape in self.shapes(outline, label)
                  if shape.geom_type in {"Point", "MultiPolygon"}]  # fmt: skip
        if outline.lines:
            self.findings.append(
                Finding.warning("finding.not_an_area", label, count=len(outline.lines))
            )
        for position, point in enumerate(places, 1):
            named = label if len(places) == 1 else f"{label} {position}"
            self.pads.append(Pad(name=named, place=LonLat(lon_deg=point.x, lat_deg=point.y)))

    def add_no_fly(self, outline: Outline, label: str) -> None:
        if outline.lines or outline.points:
            raise BadInput("error.no_fly_not_area", name=label)
        area, findings = repair_area(outline.polygons, name=label)
        self.findings += findings
        self.no_fly_zones.append(NoFlyZone(name=label, area=area))

    def add_things(
        self, outline: Outline, label: str, what: What, properties: Mapping[str, str]
    ) -> None:
        """Add obstacles and sensitive sites; a house is both."""
        for shape in self.shapes(outline, label):
            if what in set(ObstacleKind):
                kind = ObstacleKind(what)
                self.obstacles.append(
                    Obstacle(
                        name=label,
                        kind=kind,
                        geometry=shape,
                        height_m=self.height_m(kind, label, properties),
                        clearance_m=_length_m(properties, _CLEARANCE_KEYS) or -1.0,
                    )
                )
            if what in set(SensitiveKind):
                self.sensitive_sites.append(
                    SensitiveSite(name=label, kind=SensitiveKind(what), geometry=shape)
                )

    def height_m(self, kind: ObstacleKind, label: str, properties: Mapping[str, str]) -> float:
        stated = _length_m(properties, _HEIGHT_KEYS)
        if stated is not None:
            return stated
        assumed = ASSUMED_HEIGHT_M[kind]
        self.findings.append(Finding.warning("finding.height_assumed", label, height_m=assumed))
        return assumed

    def shapes(self, outline: Outline, label: str) -> Iterator[BaseGeometry]:
        """Yield an area, a line and points as far as the outline has them."""
        if outline.polygons:
            area, findings = repair_area(outline.polygons, name=label)
            self.findings += findings
            yield area
        if outline.lines or outline.points:
            check_numbers([*outline.lines, *outline.points], name=label)
        lines = [line for line in outline.lines if len(np.unique(line, axis=0)) > 1]
        if len(lines) < len(outline.lines):
            raise BadInput("error.boundary_few_corners", name=label)
        if lines:
            drawn = [LineString(line) for line in lines]
            yield MultiLineString(drawn) if len(drawn) > 1 else drawn[0]
        for point in outline.points:
            yield Point(point[0])

    def result(self, file: str, name: str | None) -> BoundaryFile:
        things = (self.obstacles, self.pads, self.sensitive_sites, self.no_fly_zones)
        if not self.fields and not any(things):
            raise BadInput("error.boundary_nothing", file=file)
        fields = tuple(self.named(tidy_name(name) if name else ""))
        return BoundaryFile(
            fields=fields,
            obstacles=tuple(self.obstacles),
            pads=tuple(self.pads),
            sensitive_sites=tuple(self.sensitive_sites),
            no_fly_zones=tuple(self.no_fly_zones),
            findings=tuple(self.findings),
        )

    def named(self, name: str) -> Iterator[Field]:
        """Yield the fields under names that differ, `name` (if any) before all others."""
        taken: set[str] = set()
        for position, made in enumerate(self.fields, 1):
            label = made.name
            if name:
                label = name if len(self.fields) == 1 else f"{name} {position}"
            if same(label) in taken:
                self.findings.append(Finding.info("finding.name_doubled", label))
                numbered = (f"{label[: MAX_NAME - 6]} ({number})" for number in count(2))
                label = next(other for other in numbered if same(other) not in taken)
            taken.add(same(label))
            yield replace(made, name=label)


def _first(properties: Mapping[str, str], keys: Sequence[str]) -> str:
    return next((properties[key] for key in keys if properties.get(key)), "")


def _length_m(properties: Mapping[str, str], keys: Sequence[str]) -> float | None:
    text = _first(properties, keys).strip().lower().removesuffix("m")
    return read_number(text, thousands=False) if text else None
