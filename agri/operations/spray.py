"""Plan the spraying of fields: from what is asked to checked sorties, their pages and the mix card.

One job may take several sorties, and several aircraft. Each sortie is a plan of its own in the
farm, complete for its flight and named after the job: "Ruộng Đình phun 2/3". The job's mix card is
a page beside theirs.

What is asked is made whole here: a swath from the sprayer's height and speed, a speed that its pump
can follow. What comes of it is the planners' (`missions.spray.planning`, `missions.orchard.trees`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from shapely.geometry.base import BaseGeometry

from agri.crop_cards import grows_on_trees
from agri.errors import BadInput
from agri.field import Field
from agri.findings import Finding, blocks
from agri.geo import LonLat
from agri.operations.heights import Ground, ground_grid, heights_over, slope_of
from agri.operations.mix_card import keep_card, mix_card
from agri.operations.planning import PlannedFlight, Update, keep_plan, nothing, site_of
from agri.operations.tank import last_flow_findings
from agri.units import INDOCHINA_TIME
from agri.weather import Wind
from agri.words import Language, say
from agri.workspace import Workspace
from agri.zone import RateMap, RatePatch
from missions.checks.plan import check_plan
from missions.drift.buffers import buffers
from missions.flightplan import DEFAULT_LIMITS, FlightPlan, Site, VehicleLimits
from missions.passes.energy import estimate_spray
from missions.passes.items import item_count
from missions.passes.rates import rated
from missions.passes.route import SprayRoute
from missions.sortie import split_sorties
from missions.sortie.reach import usable_wh
from missions.spray.mission import flown_settings, fly_route, several_fields
from missions.spray.planning import plan_route
from missions.sprayer.dose import dose_for, fitting_speed_m_s, swath_at
from missions.sprayer.gear import Sprayer
from missions.sprayer.job import EdgeClearance, Objective, Product, SpraySettings
from missions.terrain.heights import Heights
from missions.terrain.model import HeightModel

PLANNED_WIND = Wind(speed_m_s=3.0)
"""Wind that a job is planned for unless another is told: the most to start in, from any side."""
USUAL_HEIGHT_M = 2.5
"""Height above the crop where none is told: 2 to 3 m is usual in trials and in practice."""
TREE_SPEED_M_S = 2.0
"""Speed between trees where none is told: crowns are near."""
MOST_CUTS, SPARED_WH = 4, 1.0
"""Times a job over hills is cut anew, and what is spared each time besides what was missing."""
SAME_WIDTH = 0.01
"""Swaths whose widths differ by less than this get the same dose from one setting of the pump."""
LEAST_TREE_M = 1.0
"""A crop of trees that is said to be lower has not been measured."""
LEVEL = Ground()
"""Nothing is known of the ground: it is taken for level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SprayRequest:
    """What a user asks for, before anything is worked out.

    Parameters
    ----------
    fields : tuple of str
        Names or keys; several are flown in one job from one pad.
    sprayer : Sprayer
        What sprays.
    product : Product
        With what, from the label.
    rate_l_ha : float
        Litres of mixture per hectare.
    height_m : float or None
        Above the crop; None takes `USUAL_HEIGHT_M`, or what comes next in the sprayer's range.
    speed_m_s, swath_m : float or None
        None takes what fits sprayer and rate.
    crop_height_m : float
        Height of the crop.
    wind : Wind
        Planned for.
    angle_deg : float or None
        Direction of the lines; None chooses by the objective.
    objective : Objective
        Time or energy.
    edge_pass, crosshatch : bool
        As in `SpraySettings`.
    clearance_m : float
        Distance kept from every edge.
    edges : tuple of EdgeClearance
        Distances kept from single edges.
    resume_overlap_m : float
        As in `SpraySettings`.
    rate_map : RateMap or None
        Rates place by place instead of `rate_l_ha`.
    ground : Ground
        Terrain and canopy to fly over.
    pad : LonLat or None
        Take-off place; None takes the farm's nearest pad or suggests one.
    ceiling_m : float
        Permitted height above ground.
    limits : VehicleLimits
        What the aircraft stores.
    name : str
        The job's name; "" makes one of the field.

    Raises
    ------
    BadInput
        When an edge is told twice, or edges are told for several fields.
    """

    fields: tuple[str, ...]
    sprayer: Sprayer
    product: Product
    rate_l_ha: float
    height_m: float | None = None
    speed_m_s: float | None = None
    swath_m: float | None = None
    crop_height_m: float = 0.0
    wind: Wind = PLANNED_WIND
    angle_deg: float | None = None
    objective: Objective = Objective.TIME
    edge_pass: bool = True
    crosshatch: bool = False
    clearance_m: float = 0.0
    edges: tuple[EdgeClearance, ...] = ()
    resume_overlap_m: float = 0.0
    rate_map: RateMap | None = None
    ground: Ground = LEVEL
    pad: LonLat | None = None
    ceiling_m: float = 50.0
    limits: VehicleLimits = DEFAULT_LIMITS
    name: str = ""

    def __post_init__(self) -> None:
        numbers = [edge.edge for edge in self.edges]
        if numbers and len(self.fields) > 1:
            raise BadInput("error.edges_one_field", count=len(self.fields))
        for number in numbers:
            if numbers.count(number) > 1:
                raise BadInput("error.edge_twice", edge=number)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedJob:
    """A spray job that is in the farm.

    Parameters
    ----------
    name : str
        The job's name.
    sorties : tuple of PlannedFlight
        In flying order.
    card : Path or None
        The mix card; None when a finding forbids the job.
    """

    name: str
    sorties: tuple[PlannedFlight, ...]
    card: Path | None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found of any sortie, each once."""
        return tuple(dict.fromkeys(f for sortie in self.sorties for f in sortie.findings))


def settings_of(request: SprayRequest, *, by_ground: bool = True) -> SpraySettings:
    """Return the planner's settings: swath and speed that fit the sprayer.

    Parameters
    ----------
    request : SprayRequest
        As asked.
    by_ground : bool
        Whether the rate is poured over the ground on the way, so that the pump must give it at the
        job's speed; trees get theirs one by one.

    Raises
    ------
    Refused
        When the pump cannot give the rate.
    BadInput
        When a figure is out of the sprayer's reach.
    """
    sprayer = request.sprayer
    usual_m = min(max(USUAL_HEIGHT_M, sprayer.min_height_m), sprayer.max_height_m)
    height_m = usual_m if request.height_m is None else request.height_m
    speed_m_s = request.speed_m_s
    share = 2.0 if request.crosshatch else 1.0
    swath_m = request.swath_m or swath_at(sprayer, height_m, speed_m_s or sprayer.max_speed_m_s)
    if speed_m_s is None and not by_ground:
        speed_m_s = min(TREE_SPEED_M_S, sprayer.max_speed_m_s)
    if speed_m_s is None:
        speed_m_s = fitting_speed_m_s(sprayer, request.rate_l_ha / share, swath_m)
        if request.swath_m is None:
            swath_m = swath_at(sprayer, height_m, speed_m_s)
            speed_m_s = fitting_speed_m_s(sprayer, request.rate_l_ha / share, swath_m)
    settings = SpraySettings(
        sprayer=sprayer,
        product=request.product,
        rate_l_ha=request.rate_l_ha,
        height_m=height_m,
        speed_m_s=speed_m_s,
        swath_m=swath_m,
        crop_height_m=request.crop_height_m,
        wind=request.wind,
        angle_deg=request.angle_deg,
        objective=request.objective,
        edge_pass=request.edge_pass,
        crosshatch=request.crosshatch,
        clearance_m=request.clearance_m,
        edges=request.edges,
        resume_overlap_m=request.resume_overlap_m,
    )
    if by_ground:
        dose_for(settings)
    return settings


def plan_job(
    farm: Workspace,
    request: SprayRequest,
    *,
    language: Language,
    now: datetime,
    update: Update = nothing,
) -> PlannedJob:
    """Plan the spraying of fields and keep every sortie in the farm, with the mix card.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    request : SprayRequest
        What is asked for.
    language : {"vi", "en"}
        Language of pictures, pages and card.
    now : datetime
        Wall clock, UTC.
    update : callable
        Told (done, total) steps.

    Returns
    -------
    PlannedJob
        Sorties may carry ERROR findings: they are kept, but neither exported nor flown.

    Raises
    ------
    BadInput, Refused
        When the request cannot be planned.
    NotFound
        When the farm has no such field.
    """
    everything, stored = farm.farm_with_findings()
    fields = [farm.field(name) for name in request.fields]
    _each_once(fields)
    _over_trees(fields, request)
    settings = settings_of(request)
    name = request.name or _job_name([field.name for field in fields], language)
    first, findings = site_of(everything, fields[0], request.pad)
    if len(fields) == 1:
        site = first
        dem = ground_grid(request.ground, site)
        route = plan_route(site, settings, buffers=zones_of(site, settings),
                           limits=request.limits, slope=slope_of(dem, site))  # fmt: skip
    else:
        others = [site_of(everything, field, first.pad.place) for field in fields[1:]]
        findings += [one for _, found in others for one in found if one not in findings]
        sites = [replace(one, pad=first.pad) for one in (first, *(site for site, _ in others))]
        zones = [zones_of(one, settings) for one in sites]
        dem = None
        site, route = several_fields(
            sites, settings, name=name, buffers=zones, limits=request.limits
        )
    settings = flown_settings(route, settings)
    rate_map = request.rate_map or _one_rate(route, settings, site)
    if rate_map is not None:
        passes = rated(route.passes, rate_map, site.field.frame, settings)
        route = replace(route, passes=passes)
    heights, over = heights_over(request.ground, site, settings, ceiling_m=request.ceiling_m,
                                 dem=dem)  # fmt: skip
    return keep_job(
        farm,
        site,
        settings,
        route,
        name=name,
        kind="field",
        heights=heights,
        ceiling_m=request.ceiling_m,
        limits=request.limits,
        findings=(
            *stored,
            *findings,
            *over,
            *route.findings,
            *last_flow_findings(farm, settings.sprayer),
        ),
        language=language,
        now=now,
        update=update,
    )


def _each_once(fields: Sequence[Field]) -> None:
    keys = [field.uid for field in fields]
    for field in fields:
        if keys.count(field.uid) > 1:
            raise BadInput("error.field_twice", name=field.name)


def _over_trees(fields: Sequence[Field], request: SprayRequest) -> None:
    """Refuse to fly over trees as if they were grass, unless their heights are in the ground."""
    known = request.ground.dsm is not None or request.ground.terrain_frame
    if known or request.crop_height_m >= LEAST_TREE_M:
        return
    for field in fields:
        if grows_on_trees(field.crop):
            raise BadInput("error.crop_height_tree", field=field.name, crop=field.crop,
                           height_m=request.crop_height_m)  # fmt: skip


def _one_rate(route: SprayRoute, settings: SpraySettings, site: Site) -> RateMap | None:
    """Return the job's rate as a map where swaths of several widths are flown, None otherwise.

    A pump that follows the speed gives every metre of way the same, whatever the swath's width. So
    what fields of different widths need is what a rate map needs: a speed for each.
    """
    widths = [work.width_m for work in route.passes if not work.is_spot]
    if not widths or max(widths) < min(widths) * (1.0 + SAME_WIDTH):
        return None
    area = site.field.frame.geometry_to_lonlat(route.treatable.convex_hull.buffer(10.0))
    return RateMap(
        patches=(RatePatch(area=area, rate_l_ha=settings.rate_l_ha),), name=site.field.name
    )


def _job_name(fields: Sequence[str], language: Language) -> str:
    return say("page.job_spray", language, fields=" + ".join(fields))


def zones_of(site: Site, settings: SpraySettings) -> list[BaseGeometry]:
    """Return the drift buffers of a job, local metres of the field's frame."""
    return [zone.area for zone in buffers(site, settings, site.field.frame)]


def keep_job(
    farm: Workspace,
    site: Site,
    settings: SpraySettings,
    route: SprayRoute,
    *,
    name: str,
    kind: str,
    heights: Heights | None,
    ceiling_m: float,
    limits: VehicleLimits = DEFAULT_LIMITS,
    findings: tuple[Finding, ...],
    language: Language,
    now: datetime,
    update: Update = nothing,
    with_card: bool = True,
) -> PlannedJob:
    """Cut a route into sorties, make a checked plan of each, keep them and their mix card.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    site, settings, route
        The site, what was asked, and the whole work.
    name, kind : str
        The job's name, and "field", "trees" or "rows".
    heights : Heights or None
        Terrain flown over, None for level ground.
    ceiling_m : float
        Permitted height above ground.
    limits : VehicleLimits
        What the aircraft stores.
    findings : tuple of Finding
        What the user should know of every sortie besides its checks.
    language, now, update
        As in `plan_job`.
    with_card : bool
        Whether the tank is empty, so that a card can say what to pour in.
    """
    update(1.0, 3.0)
    made = list(
        plan_sorties(
            site, settings, route, name=name, kind=kind, heights=heights, ceiling_m=ceiling_m,
            limits=limits,
        )
    )  # fmt: skip
    kept = []
    for plan, judgement in made:
        found = tuple(dict.fromkeys((*findings, *judgement)))
        kept.append(keep_plan(farm, plan, found, language=language, now=now))
        done = plan.spray.sortie / plan.spray.sorties if plan.spray else 1.0
        update(1.0 + 2.0 * done, 3.0)
    job = PlannedJob(name=name, sorties=tuple(kept), card=None)
    if not with_card:
        return job
    return replace(job, card=keep_job_card(farm, job, language=language, now=now))


def plan_sorties(
    site: Site,
    settings: SpraySettings,
    route: SprayRoute,
    *,
    name: str,
    kind: str,
    heights: Heights | None = None,
    ceiling_m: float = 50.0,
    limits: VehicleLimits = DEFAULT_LIMITS,
) -> Iterator[tuple[FlightPlan, tuple[Finding, ...]]]:
    """Cut a route into sorties and yield the plan of each with what its checks find.

    Over a height file sorties are cut for a level flight first; where climbing makes one take more
    than its pack gives, they are cut again with that much less.

    Parameters
    ----------
    site, settings, route, name, kind, heights, ceiling_m, limits
        As in `keep_job`.
    """
    counted = partial(item_count, settings=settings, heights=heights)
    spared_wh = 0.0
    for _ in range(MOST_CUTS if isinstance(heights, HeightModel) else 1):
        parts = split_sorties(
            route,
            _sparing(settings, spared_wh),
            item_count=None if heights is None else counted,
            limits=limits,
        )
        plans = [
            fly_route(
                site,
                settings,
                part,
                name=name if len(parts) == 1 else f"{name} {number}/{len(parts)}",
                estimate=estimate_spray(part, settings),
                sortie=number,
                sorties=len(parts),
                job=name,
                kind=kind,
                heights=heights,
                ceiling_m=ceiling_m,
                limits=limits,
            )
            for number, part in enumerate(parts, start=1)
        ]
        most_wh = max((plan.spray.estimate.energy_wh for plan in plans if plan.spray), default=0.0)
        if most_wh <= usable_wh(settings):
            break
        spared_wh += most_wh - usable_wh(settings) + SPARED_WH
    for plan in plans:
        yield plan, judged(plan, heights)


def _sparing(settings: SpraySettings, spared_wh: float) -> SpraySettings:
    """Return the settings with a smaller pack: what climbing takes is not to be cut with."""
    aircraft = settings.sprayer.aircraft
    left_wh = aircraft.battery_wh - spared_wh / (1.0 - aircraft.reserve)
    if left_wh <= 0.0:
        return settings
    smaller = replace(aircraft, battery_wh=left_wh)
    return replace(settings, sprayer=replace(settings.sprayer, aircraft=smaller))


def judged(plan: FlightPlan, heights: Heights | None) -> tuple[Finding, ...]:
    """Return what the checks find, over the height files themselves where there are any."""
    return tuple(check_plan(plan, heights=heights if isinstance(heights, HeightModel) else None))


def keep_job_card(
    farm: Workspace, job: PlannedJob, *, language: Language, now: datetime
) -> Path | None:
    """Write the mix card of a job and return its path; a job that may not fly gets none."""
    if blocks(job.findings):
        return None
    day = now.astimezone(INDOCHINA_TIME).date()
    card = mix_card([sortie.plan for sortie in job.sorties], day=day, language=language)
    stem = Path(job.sorties[0].record.file).stem
    return keep_card(farm, f"{stem}-{say('page.file_card', language)}", card)
