"""KML 2.2 for Google Earth: field, fence, flight path, places of the pictures, rally points; of a
spray plan also what may be sprayed, what may not, and where the sprayer is on.

Heights above home are written ``relativeToGround``: the field is taken as flat, as the plan does,
and the path is drawn with curtains to the ground so that its height can be seen. Places where
pictures will be taken follow from the trigger distance along each line. Names come from the
dictionaries; Vietnamese unless asked otherwise.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from xml.sax.saxutils import escape

from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from agri.geo import LocalFrame, LonLat
from agri.words import Language, say
from missions.flightplan import FlightPlan
from missions.formats.circles import circle_ring
from missions.items import Frame
from missions.legs import FlownLeg, flown_legs
from missions.wire.pump import pump_channel

STYLES = {
    "field": ("ff73b700", "3073b700", 3),
    "no_fly": ("ff005ed5", "60005ed5", 2),
    "fence_in": ("ffa779cc", "00ffffff", 3),
    "fence_out": ("ff005ed5", "40005ed5", 2),
    "lines": ("ffb27200", "30b27200", 3),
    "transit": ("ff6b6b6b", "206b6b6b", 2),
}
SPRAY_STYLES = {
    "spray": ("ffb27200", "60b27200", 4),
    "treatable": ("ffe9b456", "50e9b456", 2),
    "unsprayed": ("ff009fe6", "50009fe6", 2),
    "sensitive": ("ffa779cc", "60a779cc", 2),
}
"""Line colour and fill colour (KML's aabbggrr, of Okabe and Ito's set), line width in pixels."""
ICONS = {"pad": ("ff009fe6", 1.2, 1), "rally": ("ffa779cc", 1.0, 1), "photos": ("ff009fe6", 0.4, 0)}
"""Colour of point icons, their size and that of their labels."""
MAX_PHOTOS = 20_000
"""More places than this would make Google Earth stall; the rest is left out."""
ROUNDING_M = 0.05
"""Rounding of two places on the wire: the last picture of a line is not lost to it."""

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _text(value: str) -> str:
    return escape(_FORBIDDEN.sub("\ufffd", value))


def _at(place: LonLat, height_m: float = 0.0) -> str:
    return f"{place.lon_deg:.7f},{place.lat_deg:.7f},{height_m:.2f}"


def _styles(plan: FlightPlan) -> Iterator[str]:
    styles = STYLES | SPRAY_STYLES if plan.spray else STYLES
    for name, (line, fill, width) in styles.items():
        yield (
            f'<Style id="{name}"><LineStyle><color>{line}</color><width>{width}</width></LineStyle>'
            f"<PolyStyle><color>{fill}</color></PolyStyle></Style>"
        )
    for name, (colour, scale, label) in ICONS.items():
        yield (
            f'<Style id="{name}"><IconStyle><color>{colour}</color><scale>{scale}</scale>'
            f"</IconStyle><LabelStyle><scale>{label}</scale></LabelStyle></Style>"
        )


def _placemark(style: str, name: str, geometry: str) -> str:
    return (
        f"<Placemark><name>{_text(name)}</name><styleUrl>#{style}</styleUrl>{geometry}</Placemark>"
    )


def _ring(tag: str, ring: BaseGeometry) -> str:
    corners = " ".join(f"{point[0]:.7f},{point[1]:.7f},0" for point in ring.coords)
    return f"<{tag}><LinearRing><coordinates>{corners}</coordinates></LinearRing></{tag}>"


def _area(geometry: BaseGeometry) -> str:
    parts = [part for part in getattr(geometry, "geoms", [geometry]) if isinstance(part, Polygon)]
    polygons = []
    for part in parts:
        rings = [_ring("outerBoundaryIs", part.exterior)]
        rings += [_ring("innerBoundaryIs", hole) for hole in part.interiors]
        polygons.append(f"<Polygon><tessellate>1</tessellate>{''.join(rings)}</Polygon>")
    return f"<MultiGeometry>{''.join(polygons)}</MultiGeometry>"


def _polygon(places: tuple[LonLat, ...]) -> str:
    ring = [(place.lon_deg, place.lat_deg) for place in (*places, places[0])]
    return _area(MultiPolygon([Polygon(ring)]))


def _point(place: LonLat, height_m: float, mode: str) -> str:
    return (
        f"<Point><altitudeMode>{mode}</altitudeMode>"
        f"<coordinates>{_at(place, height_m)}</coordinates></Point>"
    )


def _line(leg: FlownLeg, mode: str) -> str:
    ends = f"{_at(leg.start, leg.start_height_m)} {_at(leg.end, leg.end_height_m)}"
    return (
        f"<LineString><extrude>1</extrude><altitudeMode>{mode}</altitudeMode>"
        f"<coordinates>{ends}</coordinates></LineString>"
    )


def photo_places(legs: Iterable[FlownLeg]) -> Iterator[tuple[LonLat, float]]:
    """Yield where pictures are taken: at a line's start and every trigger distance along it.

    Parameters
    ----------
    legs : iterable of FlownLeg
        Legs whose ``trigger_m`` is 0 take none.

    Yields
    ------
    LonLat, float
        Place and height in metres, as the leg's.
    """
    for leg in legs:
        if leg.trigger_m <= 0.0:
            continue
        frame = LocalFrame(leg.start)
        east, north = frame.metres(leg.end)
        length = math.hypot(east, north)
        last = math.floor(min((length + ROUNDING_M) / leg.trigger_m, MAX_PHOTOS))
        for step in range(last + 1):
            share = min(1.0, step * leg.trigger_m / length)
            rise = leg.end_height_m - leg.start_height_m
            yield frame.place(east * share, north * share), leg.start_height_m + share * rise


def _folder(name: str, marks: Iterable[str]) -> str:
    body = "".join(marks)
    return f"<Folder><name>{_text(name)}</name>{body}</Folder>\n" if body else ""


def _mark(geometry: BaseGeometry) -> str:
    """Write a point, a line or an area on the ground."""
    if "Polygon" in geometry.geom_type:
        return _area(geometry)
    parts = getattr(geometry, "geoms", [geometry])
    written = []
    for part in parts:
        tag = "Point" if part.geom_type == "Point" else "LineString"
        corners = " ".join(f"{at[0]:.7f},{at[1]:.7f},0" for at in part.coords)
        written.append(f"<{tag}><coordinates>{corners}</coordinates></{tag}>")
    return f"<MultiGeometry>{''.join(written)}</MultiGeometry>"


def _ground(plan: FlightPlan, language: Language) -> Iterator[str]:
    """Yield what a spraying treats, what of the field it leaves, and the places it spares."""
    if plan.spray is None:
        return
    areas: dict[str, BaseGeometry] = {"treatable": plan.spray.treatable}
    if plan.site is not None:
        areas["unsprayed"] = plan.site.field.boundary.difference(plan.spray.treatable)
        for place in plan.site.sensitive_sites:
            kind = say(f"page.layer.sensitive_{place.kind.value}", language)
            yield _folder(
                kind, [_placemark("sensitive", place.name or kind, _mark(place.geometry))]
            )
    for key, area in areas.items():
        name = say(f"page.layer.{key}", language)
        yield _folder(name, [] if area.is_empty else [_placemark(key, name, _area(area))])


def _lines(plan: FlightPlan, language: Language, mode: str) -> Iterator[str]:
    """Yield the way flown: what is sprayed, what is photographed, and the rest."""
    legs = flown_legs(plan.items, plan.home, pump_channel=pump_channel(plan))
    rest = "transit_dry" if plan.spray else "transit"
    kinds = {
        ("spray", "spray_lines"): [leg for leg in legs if leg.spray_on],
        ("lines", "lines"): [leg for leg in legs if leg.trigger_m > 0.0 and not leg.spray_on],
        ("transit", rest): [leg for leg in legs if not leg.trigger_m and not leg.spray_on],
    }
    for (style, key), chosen in kinds.items():
        name = say(f"page.layer.{key}", language)
        yield _folder(name, [_placemark(style, f"{a.seq}", _line(a, mode)) for a in chosen])


def _folders(plan: FlightPlan, language: Language) -> Iterator[str]:
    named = {
        key: say(f"page.layer.{key}", language)
        for key in ("field", "no_fly", "fence_in", "fence_out")
    }
    legs = flown_legs(plan.items, plan.home, pump_channel=pump_channel(plan))
    above_sea = any(i.is_located and i.frame is Frame.GLOBAL for i in plan.items)
    mode = "absolute" if above_sea else "relativeToGround"
    if plan.site is not None:
        field, zones = plan.site.field, plan.site.no_fly_zones
        yield _folder(named["field"], [_placemark("field", field.name, _area(field.boundary))])
        yield _folder(named["no_fly"], [_placemark("no_fly", z.name, _area(z.area)) for z in zones])
    for inclusion, key in ((True, "fence_in"), (False, "fence_out")):
        rings = [p.vertices for p in plan.fence_polygons if p.inclusion is inclusion]
        rings += [circle_ring(c) for c in plan.fence_circles if c.inclusion is inclusion]
        yield _folder(named[key], [_placemark(key, named[key], _polygon(ring)) for ring in rings])
    yield from _ground(plan, language)
    yield from _lines(plan, language, mode)
    photos = islice(photo_places(legs), MAX_PHOTOS)
    yield _folder(
        say("page.layer.photos_planned", language),
        (
            _placemark("photos", str(number), _point(place, height, mode))
            for number, (place, height) in enumerate(photos, start=1)
        ),
    )
    pad = _placemark(
        "pad", say("page.layer.pad", language), _point(plan.home, 0.0, "clampToGround")
    )
    rally = say("page.layer.rally", language)
    points = (
        _placemark("rally", rally, _point(p.place, p.altitude_m, "relativeToGround"))
        for p in plan.rally_points
    )
    yield _folder(rally, [pad, *points])


def write_kml(plan: FlightPlan, *, language: Language = "vi") -> str:
    """Return the plan as KML 2.2.

    Parameters
    ----------
    plan : FlightPlan
        Any plan.
    language : {"vi", "en"}
        Language of the names.

    Returns
    -------
    str
        XML that Google Earth opens.
    """
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<kml xmlns="http://www.opengis.net/kml/2.2">\n<Document>\n'
        f"<name>{_text(plan.name)}</name>\n"
        + "\n".join(_styles(plan))
        + "\n"
        + "".join(_folders(plan, language))
        + "</Document>\n</kml>\n"
    )
