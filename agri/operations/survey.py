"""Plan a survey of one of the farm's fields, check it, keep it and show it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime

from agri.errors import BadInput
from agri.geo import LonLat
from agri.operations.planning import PlannedFlight, keep_plan, site_of
from agri.words import Language
from agri.workspace import Workspace
from missions.checks.plan import check_plan
from missions.coverage.survey import plan_survey
from missions.energy import Aircraft
from missions.flightplan import DEFAULT_LIMITS, VehicleLimits
from missions.survey import (
    HEIGHT_M,
    Camera,
    SurveySettings,
    fitting_speed_m_s,
    gsd_cm,
    height_for_gsd,
)


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
    limits : VehicleLimits
        What the aircraft stores.
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
    limits: VehicleLimits = DEFAULT_LIMITS
    name: str = ""


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
        _refuse_out_of_reach(request, height_m)
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


def _refuse_out_of_reach(request: SurveyRequest, height_m: float) -> None:
    """Refuse a pixel size that no height gives, by the sizes that this camera has."""
    assert request.gsd_m is not None  # noqa: S101 - told to the type checker
    least_m, most_m = HEIGHT_M
    if least_m <= height_m <= most_m:
        return
    most_m = max(least_m, min(most_m, request.ceiling_m))
    low_cm, high_cm = (gsd_cm(request.camera, one) for one in (least_m, most_m))
    raise BadInput("error.survey_gsd_reach", value=request.gsd_m * 100.0,
                   low=math.ceil(100.0 * low_cm) / 100.0, high=math.floor(100.0 * high_cm) / 100.0,
                   camera=request.camera.name, least_m=least_m, most_m=most_m)  # fmt: skip


def plan_field(
    farm: Workspace, request: SurveyRequest, *, language: Language, now: datetime
) -> PlannedFlight:
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
    PlannedFlight
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
    plan = plan_survey(site, settings, request.aircraft, name=name, ceiling_m=request.ceiling_m,
                       limits=request.limits)  # fmt: skip
    found = (*stored, *findings, *check_plan(plan))
    return keep_plan(farm, plan, found, language=language, now=now)
