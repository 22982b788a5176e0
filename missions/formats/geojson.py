"""GeoJSON (RFC 7946) for maps and notebooks: a FeatureCollection with one feature per thing.

Every feature has a ``kind``: ``home``, ``field``, ``obstacle``, ``no_fly_zone``, ``fence``,
``rally``, ``leg`` or ``waypoint``; a spray plan has ``treatable`` (what may be sprayed),
``unsprayed`` (the rest of the field: buffers and clearances) and ``spot`` (a tree) as well, and a
``sensitive_site`` is one that spray must not reach. Every leg says whether the sprayer is on.
Property names carry their units. Longitude comes before latitude, both with seven decimals;
heights are above what the item's frame says.
"""

from __future__ import annotations

import json
from typing import Any

import shapely
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from agri.geo import LonLat, distance_m
from missions.flightplan import FenceCircle, FlightPlan
from missions.formats.circles import circle_ring
from missions.items import Command
from missions.legs import flown_legs
from missions.wire.pump import pump_channel

Json = dict[str, Any]
DECIMALS = 7


def _position(place: LonLat) -> list[float]:
    return [round(place.lon_deg, DECIMALS), round(place.lat_deg, DECIMALS)]


def _feature(kind: str, geometry: Json, **properties: Any) -> Json:
    return {"type": "Feature", "properties": {"kind": kind, **properties}, "geometry": geometry}


def _point(kind: str, place: LonLat, **properties: Any) -> Json:
    return _feature(kind, {"type": "Point", "coordinates": _position(place)}, **properties)


def _shape(kind: str, geometry: BaseGeometry, **properties: Any) -> Json:
    rounded = shapely.transform(geometry, lambda xy: xy.round(DECIMALS))
    return _feature(kind, mapping(rounded), **properties)


def _ring(places: tuple[LonLat, ...]) -> Json:
    ring = [_position(place) for place in (*places, places[0])]
    return {"type": "Polygon", "coordinates": [ring]}


def _site(plan: FlightPlan) -> list[Json]:
    if plan.site is None:
        return []
    field = plan.site.field
    return [
        _shape(
            "field",
            field.boundary,
            name=field.name,
            crop=field.crop,
            area_m2=round(field.area_m2, 1),
        ),
        *(
            _shape(
                "obstacle",
                obstacle.geometry,
                name=obstacle.name,
                what=obstacle.kind.value,
                height_m=obstacle.height_m,
                clearance_m=obstacle.clearance_m,
            )
            for obstacle in plan.site.obstacles
        ),
        *(_shape("no_fly_zone", zone.area, name=zone.name) for zone in plan.site.no_fly_zones),
        *(
            _shape("sensitive_site", site.geometry, name=site.name, what=site.kind.value)
            for site in plan.site.sensitive_sites
        ),
    ]


def _spray(plan: FlightPlan) -> list[Json]:
    if plan.spray is None:
        return []
    job, told = plan.spray, plan.spray.settings
    area = _shape(
        "treatable",
        job.treatable,
        product=told.product.name,
        dose_per_ha=told.product.dose_per_ha,
        dose_unit=told.product.unit.value,
        rate_l_ha=told.rate_l_ha,
        sortie=job.sortie,
        sorties=job.sorties,
    )
    spots = [
        _point("spot", work.places[0], litres=work.spot_l, dwell_s=work.dwell_s)
        for work in job.passes
        if len(work.places) == 1
    ]
    left = plan.site.field.boundary.difference(job.treatable) if plan.site else None
    return [area, *([_shape("unsprayed", left)] if left else []), *spots]


def _circle(circle: FenceCircle) -> Json:
    return _feature(
        "fence",
        _ring(circle_ring(circle)),
        inclusion=circle.inclusion,
        radius_m=circle.radius_m,
    )


def _safety(plan: FlightPlan) -> list[Json]:
    return [
        *(
            _feature("fence", _ring(polygon.vertices), inclusion=polygon.inclusion)
            for polygon in plan.fence_polygons
        ),
        *(_circle(circle) for circle in plan.fence_circles),
        *(_point("rally", p.place, height_m=p.altitude_m) for p in plan.rally_points),
    ]


def _path(plan: FlightPlan) -> list[Json]:
    legs = [
        _feature(
            "leg",
            {"type": "LineString", "coordinates": [_position(leg.start), _position(leg.end)]},
            to_item=leg.seq,
            length_m=round(distance_m(leg.start, leg.end), 2),
            height_m=round(leg.end_height_m, 2),
            trigger_m=leg.trigger_m,
            spray_on=leg.spray_on,
        )
        for leg in flown_legs(plan.items, plan.home, pump_channel=pump_channel(plan))
    ]
    waypoints = [
        _point(
            "waypoint",
            item.place,
            item=number,
            command=Command(item.command).name,
            frame=item.frame.name,
            height_m=round(item.z, 2),
        )
        for number, item in enumerate(plan.items, start=1)
        if item.is_located and (item.x or item.y)
    ]
    return [*legs, *waypoints]


def write_geojson(plan: FlightPlan) -> str:
    """Return the plan as a GeoJSON FeatureCollection.

    Parameters
    ----------
    plan : FlightPlan
        Any plan.

    Returns
    -------
    str
        JSON, one line for each feature.
    """
    features = [
        _point("home", plan.home, name=plan.name, altitude_m=plan.home_altitude_m),
        *_site(plan),
        *_spray(plan),
        *_safety(plan),
        *_path(plan),
    ]
    lines = ",\n".join(json.dumps(f, ensure_ascii=False, allow_nan=False) for f in features)
    return f'{{"type": "FeatureCollection", "features": [\n{lines}\n]}}\n'
