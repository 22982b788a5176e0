"""The farm's papers at work: for which place one holds, and whether a flight may go by them.

A place is told in one of three ways: fields of the farm (with so much ground around them), a
middle and a radius, or a boundary file. It is kept as one area, WGS 84.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import shapely
from shapely.geometry import MultiPoint, MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput
from agri.findings import Finding
from agri.geo import LocalFrame, LonLat
from agri.paper_checks import FlightIntent, rule_findings
from agri.papers import circle
from agri.workspace import Workspace
from missions.flightplan import FlightPlan

ASSUMED_S = 1800.0
"""How long a plan without an estimate is taken to last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place as a person tells it.

    Parameters
    ----------
    fields : tuple of str
        Names of the farm's fields.
    centre : LonLat or None
        The middle of a circle.
    radius_m : float
        The circle's radius, or how much ground around the fields.
    file : Path or None
        A boundary file.
    """

    fields: tuple[str, ...] = ()
    centre: LonLat | None = None
    radius_m: float = 0.0
    file: Path | None = None


def locate(farm: Workspace, place: Place) -> tuple[str, MultiPolygon]:
    """Return what a place is called and its area, WGS 84 (lon, lat) degrees.

    Raises
    ------
    BadInput
        When it is not told in exactly one way, or the file holds no area.
    NotFound
        When the farm has no such field.
    """
    told = (bool(place.fields), place.centre is not None, place.file is not None)
    if sum(told) != 1:
        raise BadInput("error.paper_place")
    if place.centre is not None:
        where = f"{place.centre.lat_deg:.5f},{place.centre.lon_deg:.5f}"
        return where, _areas(circle(place.centre, place.radius_m))
    if place.file is not None:
        from agri.boundaries import read_boundaries

        found = read_boundaries(place.file).fields
        if not found:
            raise BadInput("error.geometry_no_area", name=str(place.file))
        return place.file.stem, _areas(shapely.union_all([one.boundary for one in found]))
    fields = [farm.field(name) for name in place.fields]
    area = shapely.union_all([field.boundary for field in fields])
    if place.radius_m > 0.0:
        frame = LocalFrame.around(area)
        area = frame.geometry_to_lonlat(frame.geometry_to_local(area).buffer(place.radius_m))
    return ", ".join(field.name for field in fields), _areas(area)


def _areas(geometry: BaseGeometry) -> MultiPolygon:
    parts = [part for part in shapely.get_parts(geometry) if part.geom_type == "Polygon"]
    return MultiPolygon(parts)


def intent_of(plan: FlightPlan, *, pilot: str, aircraft: str, starts: datetime) -> FlightIntent:
    """Return a flight plan as the law sees it.

    Parameters
    ----------
    plan : FlightPlan
        The plan. Its place is all its fence lets it reach, or the ground its items span when it
        has no fence; its time is the one estimated, or half an hour when none is; its mass is the
        aircraft's with a full tank.
    pilot, aircraft : str
        Who flies, and with what: name in the farm, registration or serial number.
    starts : datetime
        When, with its time zone.

    Raises
    ------
    BadInput
        When the plan does not tell its aircraft's mass.
    """
    if plan.aircraft is None:
        raise BadInput("error.paper_mass", aircraft=aircraft)
    job = plan.spray or plan.survey
    time_s = job.estimate.time_s if job else ASSUMED_S
    tank_kg = plan.spray.settings.sprayer.tank_l if plan.spray else 0.0
    return FlightIntent(
        area=_reach(plan),
        starts=starts,
        ends=starts + timedelta(seconds=time_s),
        ceiling_m=plan.ceiling_m,
        takeoff_kg=plan.aircraft.mass_kg + tank_kg,
        pilot=pilot,
        aircraft=aircraft,
        sprays=plan.spray is not None,
    )


def _reach(plan: FlightPlan) -> BaseGeometry:
    fences = [
        Polygon([(corner.lon_deg, corner.lat_deg) for corner in polygon.vertices])
        for polygon in plan.fence_polygons
        if polygon.inclusion
    ]
    if fences:
        return shapely.union_all(fences)
    places = [plan.home, *(item.place for item in plan.items if item.x or item.y)]
    return MultiPoint([(place.lon_deg, place.lat_deg) for place in places]).convex_hull


def judge_plan(
    farm: Workspace, plan: FlightPlan, *, pilot: str, aircraft: str, starts: datetime
) -> list[Finding]:
    """Judge by the farm's papers whether a plan may be flown (as `intent_of` sees it)."""
    papers, found = farm.papers.read()
    flight = intent_of(plan, pilot=pilot, aircraft=aircraft, starts=starts)
    return [*found, *rule_findings(papers, flight)]


def judge_field(
    farm: Workspace,
    field: str,
    *,
    pilot: str,
    aircraft: str,
    starts: datetime,
    minutes: float,
    ceiling_m: float,
    takeoff_kg: float | None = None,
    sprays: bool = False,
) -> tuple[str, list[Finding]]:
    """Judge by the farm's papers whether a field may be flown.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    field : str
        The field's name.
    pilot, aircraft : str
        Who flies, and with what.
    starts : datetime
        When, with its time zone.
    minutes : float
        For how long.
    ceiling_m : float
        Above the ground; the flight stays below.
    takeoff_kg : float, optional
        Largest take-off mass; by default the one registered.
    sprays : bool
        Whether it sprays.

    Returns
    -------
    str
        The field's own name.
    list of Finding
        What was found.

    Raises
    ------
    NotFound
        When the farm has no such field.
    BadInput
        When the mass is told neither here nor by a registration.
    """
    meant = farm.field(field)
    papers, found = farm.papers.read()
    mass_kg = takeoff_kg
    if mass_kg is None:
        registered = [one for one in papers.registrations if one.is_called(aircraft)]
        if not registered:
            raise BadInput("error.paper_mass", aircraft=aircraft)
        mass_kg = registered[0].takeoff_kg
    flight = FlightIntent(
        area=meant.boundary,
        starts=starts,
        ends=starts + timedelta(minutes=minutes),
        ceiling_m=ceiling_m,
        takeoff_kg=mass_kg,
        pilot=pilot,
        aircraft=aircraft,
        sprays=sprays,
    )
    return meant.name, [*found, *rule_findings(papers, flight)]
