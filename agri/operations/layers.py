"""What a plan or a flight looks like, as map layers; pictures and pages draw the same ones.

Colours come from the colour-blind-safe set of Okabe and Ito (2008); every layer also differs in
dash or shape, so that a black-and-white print and bright sun lose nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from shapely import make_valid
from shapely.geometry import (
    GeometryCollection,
    LineString,
    MultiLineString,
    MultiPoint,
    MultiPolygon,
    Point,
    Polygon,
)
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from agri.field import (
    Field,
    NoFlyZone,
    Obstacle,
    ObstacleKind,
    SensitiveKind,
    SensitiveSite,
)
from agri.geo import LocalFrame, LonLat, distance_m
from agri.track import FlightRecord
from missions.airspace.keepouts import polygons
from missions.flightplan import FencePolygon, FlightPlan, Site
from missions.legs import FlownLeg, flown_legs, ordered_legs
from missions.sprayer.job import SprayJob
from missions.wire.pump import pump_channel

BLUE, ORANGE, GREEN, VERMILION, GREY, SKY, BLACK, PURPLE = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#6B6B6B",
    "#56B4E9",
    "#000000",
    "#CC79A7",
)
AROUND_M = 40.0
"""What stands farther from the ground and the flight is left off the map."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One thing on the map.

    Parameters
    ----------
    key : str
        Dictionary key of its name in the legend (``page.layer.…``).
    geometry : shapely geometry
        WGS 84 (lon, lat) degrees.
    colour : str
        ``#RRGGBB``.
    label : str
        Name written at it, "" for none.
    fill : float
        Opacity of the inside, 0 to 1.
    width : float
        Line width in pixels.
    dash : tuple of float
        On and off in pixels, () for a whole line.
    radius : float
        Size of points in pixels.
    """

    key: str
    geometry: BaseGeometry
    colour: str
    label: str = ""
    fill: float = 0.0
    width: float = 2.0
    dash: tuple[float, ...] = ()
    radius: float = 6.0


def _point(place: LonLat) -> Point:
    return Point(place.lon_deg, place.lat_deg)


def _ring(polygon: FencePolygon) -> Polygon:
    return Polygon([(v.lon_deg, v.lat_deg) for v in polygon.vertices])


def _lines(legs: Iterable[FlownLeg]) -> MultiLineString:
    return MultiLineString(
        [
            LineString([(a.start.lon_deg, a.start.lat_deg), (a.end.lon_deg, a.end.lat_deg)])
            for a in legs
        ]
    )


def site_layers(site: Site) -> list[Layer]:
    """Return the layers of a site: field, what stands and lives around it, no-fly zones."""
    return around_layers(site.field, site.obstacles, site.sensitive_sites, site.no_fly_zones)


def around_layers(
    field: Field,
    obstacles: Sequence[Obstacle],
    sensitive_sites: Sequence[SensitiveSite],
    no_fly_zones: Sequence[NoFlyZone],
) -> list[Layer]:
    """Return the layers of a field and of what is around it."""
    layers = [
        Layer(
            key="page.layer.field",
            geometry=field.boundary,
            colour=GREEN,
            fill=0.18,
            width=2.5,
        )
    ]
    layers += [
        Layer(
            key=f"page.layer.{obstacle.kind.value}",
            geometry=obstacle.geometry,
            colour=BLACK if obstacle.kind is not ObstacleKind.TREE else GREEN,
            label=obstacle.name,
            fill=0.5,
            width=3.0,
            dash=(1, 5) if obstacle.kind is ObstacleKind.POWER_LINE else (),
        )
        for obstacle in obstacles
    ]
    layers += [
        Layer(
            key=f"page.layer.sensitive_{place.kind.value}",
            geometry=place.geometry,
            colour=GREY if place.kind is SensitiveKind.HOUSE else SKY,
            label=place.name,
            fill=0.35,
            width=2.0,
        )
        for place in sensitive_sites
    ]
    layers += [
        Layer(
            key="page.layer.no_fly",
            geometry=zone.area,
            colour=VERMILION,
            label=zone.name,
            fill=0.3,
            width=2.0,
        )
        for zone in no_fly_zones
    ]
    return layers


def _ground_layers(job: SprayJob, site: Site | None) -> list[Layer]:
    """Return what is sprayed, and what of the field is not."""
    layers = [
        Layer(key="page.layer.treatable", geometry=job.treatable, colour=SKY, fill=0.35, width=1.0)
    ]
    if site is not None:
        left = MultiPolygon(polygons(site.field.boundary.difference(job.treatable)))
        layers.append(
            Layer(
                key="page.layer.unsprayed",
                geometry=left,
                colour=ORANGE,
                fill=0.3,
                width=1.0,
                dash=(2, 3),
            )
        )
    return layers


def _leg_layers(plan: FlightPlan) -> list[Layer]:
    """Return the way: where nothing works, where the camera does, where the sprayer does."""
    legs = flown_legs(plan.items, plan.home, pump_channel=pump_channel(plan))
    return [
        Layer(
            key="page.layer.transit_off" if plan.spray else "page.layer.transit",
            geometry=_lines(a for a in legs if not a.trigger_m and not a.spray_on),
            colour=GREY,
            width=1.6,
            dash=(3, 4),
        ),
        Layer(
            key="page.layer.lines",
            geometry=_lines(a for a in legs if a.trigger_m),
            colour=BLUE,
            width=2.5,
        ),
        Layer(
            key="page.layer.spray_lines",
            geometry=_lines(a for a in legs if a.spray_on),
            colour=BLUE,
            width=3.0,
        ),
    ]


def _spot_layers(plan: FlightPlan) -> list[Layer]:
    """Return the ground under where the aircraft stands and sprays, as over a tree."""
    if plan.spray is None:
        return []
    legs = ordered_legs(plan.items, plan.home, pump_channel=pump_channel(plan))
    spots = [leg.end for leg in legs if leg.stay_s > 0.0 and leg.orders[-1][1].on]
    frame = LocalFrame(plan.home)
    wet = MultiPoint([frame.metres(place) for place in spots]).buffer(
        plan.spray.settings.swath_m / 2
    )
    return [
        Layer(
            key="page.layer.spray_spots",
            geometry=frame.geometry_to_lonlat(wet),
            colour=BLUE,
            fill=0.15,
            width=1.5,
        )
    ]


def beside(ground: BaseGeometry) -> BaseGeometry:
    """Return the box of some ground, `AROUND_M` larger on each side; WGS 84 (lon, lat) degrees."""
    frame = LocalFrame.around(ground)
    box = frame.geometry_to_local(ground.envelope).envelope
    return frame.geometry_to_lonlat(box.buffer(AROUND_M, join_style="mitre"))


def nearby(layers: Sequence[Layer], ground: BaseGeometry) -> list[Layer]:
    """Return what of layers lies beside some ground, so that the map shows that large.

    Parameters
    ----------
    layers : sequence of Layer
        What stands and lives around.
    ground : shapely geometry
        What the map is about, WGS 84 (lon, lat) degrees.

    Returns
    -------
    list of Layer
        Cut where they leave the box `beside` it.
    """
    view = beside(ground)
    cut = [replace(layer, geometry=make_valid(layer.geometry) & view) for layer in layers]
    return [layer for layer in cut if not layer.geometry.is_empty]


def plan_layers(plan: FlightPlan) -> tuple[Layer, ...]:
    """Return the layers of a plan, lowest first.

    Field, fence, pad and flight are shown whole; of what stands around them what is near.
    """
    stay_in = [_ring(p) for p in plan.fence_polygons if p.inclusion]
    keep_out = [_ring(p) for p in plan.fence_polygons if not p.inclusion]
    layers: list[Layer] = []
    around: list[Layer] = []
    if stay_in:
        layers.append(
            Layer(
                key="page.layer.fence_in",
                geometry=MultiPolygon(stay_in),
                colour=PURPLE,
                dash=(10, 6),
            )
        )
    if plan.site is not None:
        field, *around = site_layers(plan.site)
        layers.append(field)
    if keep_out:
        around.append(
            Layer(
                key="page.layer.fence_out",
                geometry=unary_union(keep_out),
                colour=VERMILION,
                fill=0.12,
                dash=(4, 4),
            )
        )
    above = [] if plan.spray is None else _ground_layers(plan.spray, plan.site)
    above += _leg_layers(plan)
    above += _spot_layers(plan)
    others = [p.place for p in plan.rally_points if distance_m(p.place, plan.home) > 1.0]
    if others:
        above.append(
            Layer(
                key="page.layer.rally",
                geometry=MultiPoint([_point(place) for place in others]),
                colour=PURPLE,
                radius=5.0,
            )
        )
    above.append(
        Layer(key="page.layer.pad", geometry=_point(plan.home), colour=ORANGE, fill=1.0, radius=9.0)
    )
    above = [layer for layer in above if not layer.geometry.is_empty]
    whole = GeometryCollection([layer.geometry.envelope for layer in (*layers, *above)])
    return (*layers, *nearby(around, whole), *above)


def flight_layers(plan: FlightPlan, record: FlightRecord) -> tuple[Layer, ...]:
    """Return the plan's layers with the track flown and the pictures taken on top."""
    layers = list(plan_layers(plan))
    path = list(zip(record.track.lon_deg, record.track.lat_deg, strict=True))
    if len(path) > 1:
        layers.append(
            Layer(
                key="page.layer.track",
                geometry=LineString(path).simplify(2e-7),
                colour=VERMILION,
                width=2.0,
            )
        )
    if record.photos:
        layers.append(
            Layer(
                key="page.layer.photos",
                geometry=MultiPoint([_point(p.place) for p in record.photos]),
                colour=BLACK,
                fill=1.0,
                radius=1.5,
            )
        )
    return tuple(layers)
