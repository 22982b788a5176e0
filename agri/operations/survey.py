"""Plan a survey of one of the farm's fields, check it, keep it and show it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from shapely.geometry import LineString, MultiLineString

from agri.errors import BadInput
from agri.field import Farm, Field, Pad
from agri.findings import Finding
from agri.geo import LonLat
from agri.operations.report import keep_report, report_plan
from agri.words import Language
from agri.workspace import PlanRecord, Workspace
from missions.checks import check_plan
from missions.energy import Aircraft
from missions.flightplan import FlightPlan, Site
from missions.formats.document import write_document
from missions.legs import flown_legs
from missions.pads import NEAR_M, nearest_pad, suggest_pad
from missions.survey import Camera, SurveySettings, fitting_speed_m_s, height_for_gsd
from missions.survey_mission import plan_survey

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyRequest:
    """What a user asks for, before anything is worked out.

    Parameters
    ----------
    field : str
        Name or key of the field.
    camera : Camera
        The camera flown.
    aircraft : Aircraft
        The aircraft flown.
    gsd_m, height_m : float or None
        Size of a pixel on the ground, or height above take-off: one of the two.
    front_overlap, side_overlap : float
        Shares, 0 to 0.95.
    speed_m_s : float or None
        None takes the aircraft's survey speed, slower where the camera asks for it.
    angle_deg : float or None
        Direction of the lines, degrees clockwise from north; None finds the best.
    edge_pass : bool
        Whether to fly round the border as well.
    lead_in_m : float
        How far lines begin before and go on after the field.
    pad : LonLat or None
        Take-off place; None takes the farm's nearest pad or suggests one.
    ceiling_m : float
        Permitted height above ground.
    name : str
        The plan's name; "" makes one of field and height.
    """

    field: str
    camera: Camera
    aircraft: Aircraft
    gsd_m: float | None = None
    height_m: float | None = None
    front_overlap: float = 0.75
    side_overlap: float = 0.70
    speed_m_s: float | None = None
    angle_deg: float | None = None
    edge_pass: bool = False
    lead_in_m: float = 0.0
    pad: LonLat | None = None
    ceiling_m: float = 50.0
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSurvey:
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


def _near(field: Field, geometry: BaseGeometry) -> bool:
    frame = field.frame
    area = frame.geometry_to_local(field.boundary)
    return bool(area.distance(frame.geometry_to_local(geometry)) <= NEAR_M)


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
        Warnings when the pad is only suggested, and when nothing is known that could be hit.
    """
    obstacles = tuple(o for o in farm.obstacles if _near(field, o.geometry))
    zones = tuple(z for z in farm.no_fly_zones if _near(field, z.area))
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
    if not obstacles and not zones:
        findings.append(Finding.warning("finding.no_obstacles_known", near_m=NEAR_M))
    site = Site(
        field=field,
        pad=chosen,
        obstacles=obstacles,
        sensitive_sites=tuple(s for s in farm.sensitive_sites if _near(field, s.geometry)),
        no_fly_zones=zones,
    )
    return site, findings


def settings_of(request: SurveyRequest) -> SurveySettings:
    """Return the planner's settings: height from the pixel size, speed the camera can follow.

    Raises
    ------
    BadInput
        When neither or both of pixel size and height are given.
    """
    if (request.gsd_m is None) == (request.height_m is None):
        raise BadInput("error.gsd_or_height")
    height_m = request.height_m
    if height_m is None:
        assert request.gsd_m is not None  # noqa: S101 - told to the type checker
        height_m = height_for_gsd(request.camera, request.gsd_m * 100.0)
    settings = SurveySettings(
        camera=request.camera,
        height_m=round(height_m, 2),
        front_overlap=request.front_overlap,
        side_overlap=request.side_overlap,
        speed_m_s=request.speed_m_s or request.aircraft.cruise_speed_m_s,
        angle_deg=request.angle_deg,
        edge_pass=request.edge_pass,
        lead_in_m=request.lead_in_m,
    )
    if request.speed_m_s is None:
        settings = replace(settings, speed_m_s=fitting_speed_m_s(settings))
    return settings


def plan_path(plan: FlightPlan) -> MultiLineString:
    """Return the legs of a plan as one geometry, WGS 84 (lon, lat) degrees."""
    legs = flown_legs(plan.items, plan.home)
    return MultiLineString(
        [
            LineString([(g.start.lon_deg, g.start.lat_deg), (g.end.lon_deg, g.end.lat_deg)])
            for g in legs
        ]
    )


def plan_field(
    farm: Workspace, request: SurveyRequest, *, language: Language, now: datetime
) -> PlannedSurvey:
    """Plan a survey and keep it in the farm with its picture and page.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    request : SurveyRequest
        What is asked for.
    language : {"vi", "en"}
        Language of picture and page.
    now : datetime
        Wall clock, UTC.

    Returns
    -------
    PlannedSurvey
        The plan may carry ERROR findings: it is kept, but neither exported nor flown.

    Raises
    ------
    BadInput
        When the request cannot be planned.
    NotFound
        When the farm has no such field.
    """
    everything, stored = farm.farm_with_findings()
    field = farm.field(request.field)
    site, findings = site_of(everything, field, request.pad)
    settings = settings_of(request)
    name = request.name or f"{field.name} {settings.height_m:.0f} m"
    plan = plan_survey(site, settings, request.aircraft, name=name, ceiling_m=request.ceiling_m)
    found = (*stored, *findings, *check_plan(plan))
    return keep_plan(farm, plan, found, language=language, now=now)


def keep_plan(
    farm: Workspace,
    plan: FlightPlan,
    findings: tuple[Finding, ...],
    *,
    language: Language,
    now: datetime,
) -> PlannedSurvey:
    """Keep a plan in the farm: its document and row, then its picture and page."""
    job = plan.survey
    record = farm.save_plan(
        PlanRecord(
            name=plan.name,
            kind="survey" if job else "mission",
            digest=plan.digest,
            created_utc=now,
            path=plan_path(plan),
            field_uid=plan.site.field.uid if plan.site else "",
            camera=job.settings.camera.name if job else "",
            height_m=job.settings.height_m if job else None,
            gsd_cm=job.geometry.gsd_cm if job else None,
            time_s=job.estimate.time_s if job else None,
            photos=job.estimate.photos if job else 0,
        ),
        write_document(plan),
    )
    picture, page = keep_report(farm, Path(record.file).stem, report_plan(plan, findings, language))
    return PlannedSurvey(plan=plan, record=record, findings=findings, picture=picture, page=page)
