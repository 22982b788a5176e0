"""What changed and needs a look, ranked, and the order in which to walk there.

Theory of operation. `agri change` writes its lists as GeoJSON and the catalogue names them. Here
the lists of a field are read together and ranked anew by area times confidence. What may be behind
a place, and what to look at there, is said from its sense and shape in the reader's own language;
of lists that do not tell these, in the words that the list holds.

The walk is an open way from a start through the chosen places, as `missions.orchard.tour` orders
trees. It goes as the crow flies: nobody told where dykes and hedges are. The GPX file holds the
places and that order, and nothing of the farm beyond.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from agri.errors import AgriError
from agri.files import inside, read_json_limited
from agri.geo import LocalFrame, LonLat
from agri.operations.fieldmap.rasters import of_kind
from agri.operations.fieldmap.shapes import area_of
from agri.units import INDOCHINA_TIME
from agri.words import Language, say
from imagery.change.anomalies import Anomaly
from imagery.stac import Product
from missions.orchard.tour import tour

MOST_SPOTS = 500
MOST_LISTS = 6
MOST_WALKED = 60
SENSES = ("falls", "rises", "shrinks", "grows")
SHAPES = ("one", "patch", "line")
WORDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A place that changed.

    Parameters
    ----------
    key : str
        Names it in an address; the same as long as its list is the same.
    day : date
        Of the later flight.
    trees : str
        Numbers of its trees, "" for a patch.
    measure : str
        What changed, and by how much: `change`.
    change, area_m2, confidence : float
    outline : Polygon or MultiPolygon
        WGS 84 degrees.
    anomaly : Anomaly or None
        What speaks of causes; None for lists that do not tell enough.
    may_be, look_at : str
        The list's own words.
    """

    key: str
    day: date
    trees: str
    measure: str
    change: float
    area_m2: float
    confidence: float
    outline: Polygon | MultiPolygon
    anomaly: Anomaly | None
    may_be: str = ""
    look_at: str = ""

    @property
    def weight(self) -> float:
        """What it is ranked by."""
        return self.area_m2 * self.confidence

    @property
    def place(self) -> LonLat:
        """A point of it to walk to, inside it."""
        point = self.outline.representative_point()
        return LonLat(lon_deg=float(point.x), lat_deg=float(point.y))

    def causes(self, language: Language) -> tuple[str, ...]:
        """Return what may be behind it: possibilities."""
        if self.anomaly is not None:
            return tuple(one.text(language) for one in self.anomaly.causes)
        return (self.may_be,) if self.may_be else ()

    def looks(self, language: Language) -> tuple[str, ...]:
        """Return what to look at there."""
        if self.anomaly is not None:
            return tuple(one.text(language) for one in self.anomaly.look)
        return (self.look_at,) if self.look_at else ()


def spots_of(farm: Path, products: Sequence[Product], ground: BaseGeometry) -> tuple[Spot, ...]:
    """Return the places of a field that changed, the most worth a walk first.

    Parameters
    ----------
    farm : Path
        The farm's folder.
    products : sequence of Product
        The catalogue's.
    ground : shapely geometry
        The field, WGS 84 degrees: places beyond it are left out.
    """
    found: list[Spot] = []
    for product in of_kind(products, "change", ground)[:MOST_LISTS]:
        path = inside(farm, product.files[0].name)
        if path.suffix.lower() != ".geojson":
            continue
        try:
            found += [one for one in _read(path, product) if one.outline.intersects(ground)]
        except AgriError:
            continue
    found.sort(key=lambda one: (-one.weight, one.key))
    return tuple(found[:MOST_SPOTS])


def _read(path: Path, product: Product) -> list[Spot]:
    body = read_json_limited(path)
    features = body.get("features") if isinstance(body, dict) else None
    day = product.end.astimezone(INDOCHINA_TIME).date()
    found = []
    for feature in features if isinstance(features, list) else []:
        try:
            found.append(_spot(feature["properties"], area_of(feature["geometry"]), product, day))
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
    return found


def _spot(
    told: Mapping[str, Any], outline: Polygon | MultiPolygon, product: Product, day: date
) -> Spot:
    change, area_m2, confidence = (
        float(told[name]) for name in ("change", "area_m2", "confidence")
    )
    if not all(map(math.isfinite, (change, area_m2, confidence))):
        raise ValueError(told)
    trees, measure = str(told.get("trees", ""))[:WORDS], str(told["measure"])[:40]
    digest = hashlib.sha256(f"{product.name} {outline.wkt} {measure}".encode()).hexdigest()
    anomaly = None
    sense, shape = told.get("sense"), told.get("shape")
    if sense in SENSES and shape in SHAPES and (trees or shape != "one"):
        names = tuple(name.strip() for name in trees.split(",") if name.strip())
        anomaly = Anomaly(names=names, outline=outline, measure=measure, change=change,
                          confidence=confidence, sense=sense, shape=shape)  # fmt: skip
    return Spot(
        key=digest[:12], day=day, trees=trees, measure=measure, change=change, area_m2=area_m2,
        confidence=confidence, outline=outline, anomaly=anomaly,
        may_be=str(told.get("may_be", ""))[:WORDS], look_at=str(told.get("look_at", ""))[:WORDS],
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """An order of places, and how far that is.

    Parameters
    ----------
    spots : tuple of Spot
        In the order of the walk.
    start : LonLat or None
        Where it begins.
    length_m : float
        From the start to the last place, straight from one to the next.
    """

    spots: tuple[Spot, ...]
    start: LonLat | None
    length_m: float

    @property
    def line(self) -> tuple[tuple[float, float], ...]:
        """The way, (lon, lat) degrees."""
        places = [*([self.start] if self.start else []), *(one.place for one in self.spots)]
        return tuple((one.lon_deg, one.lat_deg) for one in places)


def walk_through(spots: Sequence[Spot], start: LonLat | None = None) -> Walk:
    """Return a short walk through places.

    Parameters
    ----------
    spots : sequence of Spot
        At most `MOST_WALKED` of them, the first ones.
    start : LonLat, optional
        Where one comes from: a pad, a gate.
    """
    some = list(spots[:MOST_WALKED])
    if not some:
        return Walk(spots=(), start=start, length_m=0.0)
    frame = LocalFrame.around(some[0].outline)
    points = np.array([frame.metres(one.place) for one in some])
    first = frame.metres(start) if start is not None else None
    order = tour(points, start=first)
    way = points[order] if first is None else np.vstack([first, points[order]])
    length_m = float(np.hypot(*np.diff(way, axis=0).T).sum()) if len(way) > 1 else 0.0
    return Walk(spots=tuple(some[k] for k in order), start=start, length_m=length_m)


def gpx_of(walk: Walk, title: str, language: Language) -> str:
    """Return a walk as GPX 1.1: a waypoint for each place, and a route through them.

    Parameters
    ----------
    walk : Walk
    title : str
        Of the route.
    language : {"vi", "en"}
        Of what is said of each place.
    """
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<gpx version="1.1" creator="agri" xmlns="http://www.topografix.com/GPX/1/1">',
    ]
    points = []
    for number, spot in enumerate(walk.spots, 1):
        at = f'lat="{spot.place.lat_deg:.7f}" lon="{spot.place.lon_deg:.7f}"'
        name = _xml(f"{number}. {spot.trees[:60] or spot.measure}")
        about = _xml(" ".join((*spot.causes(language), *spot.looks(language))))
        lines.append(f"<wpt {at}><name>{name}</name><desc>{about}</desc></wpt>")
        points.append(f"<rtept {at}><name>{name}</name></rtept>")
    lines += [f"<rte><name>{_xml(title)}</name>", *points, "</rte>", "</gpx>"]
    return "\n".join(lines) + "\n"


def _xml(text: str) -> str:
    """Return text that XML can hold: no control characters."""
    return escape("".join(letter for letter in text if letter.isprintable()))


def spot_title(spot: Spot, language: Language) -> str:
    """Return what changed at a place, in few words."""
    return say("page.web_spot", language, measure=spot.measure, change=spot.change)
