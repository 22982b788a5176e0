"""What planning of every kind shares: the site of a flight, and the plan kept with its pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from shapely.geometry import LineString, MultiLineString

from agri.field import Farm, Field, NoFlyZone, Obstacle, Pad, SensitiveSite
from agri.findings import Finding
from agri.geo import LonLat
from agri.operations.report import keep_report, report_plan
from agri.words import Language
from agri.workspace import PlanRecord, Workspace
from missions.airspace.pads import NEAR_M, nearest_pad, suggest_pad
from missions.flightplan import FlightPlan, Site
from missions.formats.document import write_document
from missions.legs import flown_legs
from missions.wire.pump import pump_channel

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

Update = Callable[[float, float], None]
"""Told (done, total) while something long goes on."""


def nothing(done: float, total: float) -> None:
    """Tell nobody how far it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFlight:
    """A plan that is in the farm, and what its checks say.

    Parameters
    ----------
    plan : FlightPlan
        The plan.
    record : PlanRecord
        Its row in the farm.
    findings : tuple of Finding
        What the checks found.
    picture, page : Path
        The files that show it.
    """

    plan: FlightPlan
    record: PlanRecord
    findings: tuple[Finding, ...]
    picture: Path
    page: Path


def near_m(field: Field, geometry: BaseGeometry) -> float:
    """Return how far something lies from a field's border, metres; 0 inside."""
    frame = field.frame
    area = frame.geometry_to_local(field.boundary)
    return float(area.distance(frame.geometry_to_local(geometry)))


def standing_near(
    farm: Farm, field: Field
) -> tuple[tuple[Obstacle, ...], tuple[SensitiveSite, ...], tuple[NoFlyZone, ...]]:
    """Return what stands and lives within `NEAR_M` of a field."""
    return (
        tuple(o for o in farm.obstacles if near_m(field, o.geometry) <= NEAR_M),
        tuple(s for s in farm.sensitive_sites if near_m(field, s.geometry) <= NEAR_M),
        tuple(z for z in farm.no_fly_zones if near_m(field, z.area) <= NEAR_M),
    )


def site_of(farm: Farm, field: Field, pad: LonLat | None) -> tuple[Site, list[Finding]]:
    """Return the site of a flight over `field`: its pad and what stands within `NEAR_M`.

    Parameters
    ----------
    farm : Farm
        All that the farm knows.
    field : Field
        The field to be flown.
    pad : LonLat or None
        A take-off place named by the user.

    Returns
    -------
    site : Site
        What the planner is told.
    findings : list of Finding
        When the pad is only suggested, and what is known that could be hit.
    """
    obstacles, sensitive, zones = standing_near(farm, field)
    findings: list[Finding] = []
    if pad is not None:
        chosen: Pad | None = Pad(name=field.name, place=pad)
    else:
        chosen = nearest_pad(field, farm.pads)
    if chosen is None:
        chosen = suggest_pad(field, obstacles, zones)
        findings.append(
            Finding.warning(
                "finding.pad_suggested",
                place=f"{chosen.place.lat_deg:.6f}, {chosen.place.lon_deg:.6f}",
            )
        )
    site = Site(
        field=field,
        pad=chosen,
        obstacles=obstacles,
        sensitive_sites=sensitive,
        no_fly_zones=zones,
    )
    return site, [*findings, surroundings(site)]


def surroundings(site: Site) -> Finding:
    """Return what is to be said of what stands around: a plan keeps clear of what it knows alone.

    A single pole entered says nothing of the trees beside it, so how many are known is told then.
    """
    if not site.obstacles:
        return Finding.warning("finding.no_obstacles_known", near_m=NEAR_M)
    return Finding.info("finding.obstacles_known", near_m=NEAR_M, count=len(site.obstacles))


def plan_path(plan: FlightPlan) -> MultiLineString:
    """Return the legs of a plan as one geometry, WGS 84 (lon, lat) degrees."""
    legs = flown_legs(plan.items, plan.home, pump_channel=pump_channel(plan))
    return MultiLineString(
        [
            LineString([(g.start.lon_deg, g.start.lat_deg), (g.end.lon_deg, g.end.lat_deg)])
            for g in legs
        ]
    )


def keep_plan(
    farm: Workspace,
    plan: FlightPlan,
    findings: tuple[Finding, ...],
    *,
    language: Language,
    now: datetime,
) -> PlannedFlight:
    """Keep a plan in the farm: its document and row, then its picture and page."""
    record = farm.save_plan(record_of(plan, now), write_document(plan))
    picture, page = keep_report(farm, Path(record.file).stem, report_plan(plan, findings, language))
    return PlannedFlight(plan=plan, record=record, findings=findings, picture=picture, page=page)


def record_of(plan: FlightPlan, now: datetime) -> PlanRecord:
    """Return the row of a plan made at `now`."""
    survey, spray = plan.survey, plan.spray
    estimate = survey.estimate if survey else spray.estimate if spray else None
    height_m = survey.settings.height_m if survey else None
    return PlanRecord(
        name=plan.name,
        kind="survey" if survey else "spray" if spray else "mission",
        digest=plan.digest,
        created_utc=now,
        path=plan_path(plan),
        field_uid=plan.site.field.uid if plan.site else "",
        camera=survey.settings.camera.name if survey else "",
        height_m=spray.settings.flying_height_m if spray else height_m,
        gsd_cm=survey.geometry.gsd_cm if survey else None,
        time_s=estimate.time_s if estimate else None,
        photos=survey.estimate.photos if survey else 0,
    )
