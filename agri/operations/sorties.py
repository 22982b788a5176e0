"""The sorties of a spray job after it was planned: shown together, shared out, gone on with.

A job is found by its own name or any of its sorties'. What a flight left unsprayed is planned from
its plan and its record alone (`missions.sortie.resume`); the job's other sorties stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np

from agri.errors import NotFound, Refused
from agri.findings import Finding
from agri.names import choose, same
from agri.operations.found import how_it_ended, rehearsed, unseen
from agri.operations.heights import Ground, heights_over
from agri.operations.planning import PlannedFlight
from agri.operations.spray import PlannedJob, keep_job, keep_job_card
from agri.operations.tank import TankRead, tank_balance, tank_findings, tank_reading
from agri.track import FlightRecord, TankReading
from agri.weather import Weather
from agri.words import Language, say
from agri.workspace import Outcome, PlanRecord, StoredFlight, Workspace
from missions.applied.account import applied
from missions.checks.plan import check_plan
from missions.drift.limits import go_no_go
from missions.flightplan import FlightPlan, Site, job_of
from missions.formats.document import read_document
from missions.items import Command, Frame
from missions.passes.route import SprayRoute
from missions.sortie.progress import progress_on
from missions.sortie.resume import remainder, route_of
from missions.sortie.sharing import share_out
from missions.sprayer.job import SprayJob
from missions.terrain.carrying import as_planned, own_heights
from missions.terrain.heights import Heights

PUMP_RUNS = 0.01
"""Share of the pump's output above which it runs: its servo's pulse is told in microseconds."""
SEAM_M = 1.0
"""How far before a stop the rest begins when nobody says otherwise: ArduPilot's sprayer comes on up
to a third of a second late, and a metre sprayed twice weighs less than two that are missed."""


def _spray_plan(farm: Workspace, wanted: str) -> tuple[FlightPlan, SprayJob]:
    """Return a spray plan of the farm by its key, its own name or its job's."""
    records = farm.plans()
    own = [one.uid for one in records if wanted == one.uid or same(one.name) == same(wanted)]
    jobs = {record.job: record.name for record in records if record.kind == "spray"}
    meant = choose(wanted, list(jobs))
    of_job = [list(jobs.values())[meant[0]]] if len(meant) == 1 else []
    _, document = farm.plan((own or of_job or [wanted])[0])
    plan = read_document(document)
    if plan.spray is None:
        raise NotFound("error.not_a_spray_job", name=plan.name)
    return plan, plan.spray


def sorties_of(farm: Workspace, wanted: str) -> tuple[tuple[PlanRecord, FlightPlan], ...]:
    """Return the sorties of a job in flying order.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    wanted : str
        The job's name, or name or key of any of its sorties.

    Raises
    ------
    NotFound
        When there is no such job, or a sortie of it is not there.
    """
    plan, job = _spray_plan(farm, wanted)
    if job.sorties == 1:
        return ((farm.plan(plan.name)[0], plan),)
    found = []
    for number in range(1, job.sorties + 1):
        record, document = farm.plan(f"{job.job} {number}/{job.sorties}")
        found.append((record, read_document(document)))
    return tuple(found)


def job_named(farm: Workspace, wanted: str, *, language: Language, now: datetime) -> PlannedJob:
    """Return a job that is in the farm, with a mix card for today.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    wanted : str
        The job's name, or any of its sorties'.
    language, now
        As in `agri.operations.spray.plan_job`.
    """
    kept = sorties_of(farm, wanted)
    job = PlannedJob(
        name=job_of(kept[0][1]).job,
        sorties=tuple(
            PlannedFlight(
                plan=plan,
                record=record,
                findings=tuple(check_plan(plan)),
                picture=farm.reports / f"{Path(record.file).stem}.png",
                page=farm.reports / f"{Path(record.file).stem}.html",
            )
            for record, plan in kept
        ),
        card=None,
    )
    return replace(job, card=keep_job_card(farm, job, language=language, now=now))


def _part(kind: str) -> str:
    """Return the kind of a share or a rest of a job."""
    return "part" if kind == "field" else kind


def _whole_route(plans: Sequence[FlightPlan]) -> SprayRoute:
    routes = [route_of(plan) for plan in plans]
    return replace(routes[0], passes=tuple(work for route in routes for work in route.passes))


def share_job(
    farm: Workspace, wanted: str, aircraft: int, *, language: Language, now: datetime
) -> PlannedJob:
    """Share a job out among aircraft that work at the same time, and keep the new sorties.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    wanted : str
        The job's name, or any of its sorties'.
    aircraft : int
        How many.
    language, now
        As in `agri.operations.spray.plan_job`.

    Returns
    -------
    PlannedJob
        All sorties of all aircraft, aircraft after aircraft.

    Raises
    ------
    Refused
        When the work cannot be shared with the aircraft kept apart.
    """
    plans = [plan for _, plan in sorties_of(farm, wanted)]
    job, site = job_of(plans[0]), _site(plans[0])
    heights, over = _heights(plans[0], None)
    routes = share_out(_whole_route(plans), job.settings, aircraft, limits=plans[0].limits)
    parts = [
        keep_job(
            farm,
            site,
            job.settings,
            route,
            name=say("page.job_share", language, job=job.job, number=number, of=len(routes)),
            kind=_part(job.kind),
            heights=heights,
            ceiling_m=plans[0].ceiling_m,
            limits=plans[0].limits,
            findings=tuple(over),
            language=language,
            now=now,
            with_card=False,
        )
        for number, route in enumerate(routes, start=1)
    ]
    shared = PlannedJob(
        name=job.job, sorties=tuple(sortie for part in parts for sortie in part.sorties), card=None
    )
    return replace(shared, card=keep_job_card(farm, shared, language=language, now=now))


def _site(plan: FlightPlan) -> Site:
    if plan.site is None:
        raise Refused("error.plan_without_site", name=plan.name)
    return plan.site


def _heights(plan: FlightPlan, dem: Path | None) -> tuple[Heights | None, tuple[Finding, ...]]:
    """Return the heights to go on with: those of the ground that a plan carries, where it does.

    A plan that follows the ground without carrying it needs its height file.
    """
    job, site = job_of(plan), _site(plan)
    own = own_heights(plan)
    if own is not None and job.ground is not None:
        return own, (as_planned(job.ground, own),)
    ground = _ground(plan, dem)
    return heights_over(ground, site, job.settings, ceiling_m=plan.ceiling_m)


def _ground(plan: FlightPlan, dem: Path | None) -> Ground:
    """Return what a plan that carries no ground was made over: level, terrain frame, a DEM told."""
    flown = [item for item in plan.items if item.command == Command.NAV_WAYPOINT]
    if any(item.frame is Frame.TERRAIN for item in flown):
        return Ground(terrain_frame=True)
    spraying = job_of(plan).settings.flying_height_m
    if dem is None and sum(abs(item.z - spraying) > 0.05 for item in flown) > len(flown) / 2:
        raise Refused("error.terrain_told_again", name=plan.name)
    return Ground(dem=dem)


def weather_for(plan: FlightPlan, weather: Weather, *, now: datetime) -> tuple[Finding, ...]:
    """Return what speaks for or against spraying a plan in this weather.

    Parameters
    ----------
    plan : FlightPlan
        The sortie to be flown.
    weather : Weather
        As measured at the field.
    now : datetime
        When it would begin, UTC.

    Raises
    ------
    BadInput
        When the plan sprays nothing.
    """
    return tuple(go_no_go(weather, job_of(plan).settings, place=plan.home, now=now))


def flight_named(farm: Workspace, wanted: str) -> StoredFlight:
    """Return a flight by key or plan name; "" means the newest that sprayed.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    wanted : str
        A flight's key or a beginning of it, a plan's name, or "".

    Raises
    ------
    NotFound
        When there is none.
    """
    flights = farm.flights()
    named = [one for one in flights if wanted and same(one.plan_name) == same(wanted)]
    if named:
        return named[0]
    if wanted and flights:
        try:
            return farm.flight(wanted)
        except NotFound:
            names = ", ".join(list(dict.fromkeys(one.plan_name for one in flights))[:5])
            raise NotFound("error.flight_unknown", wanted=wanted, names=names) from None
    sprays = {record.uid for record in farm.plans(every=True) if record.kind == "spray"}
    newest = next((one for one in flights if one.mission_uid in sprays), None)
    if newest is None:
        raise NotFound("error.no_spray_flight")
    return newest


def plan_of(farm: Workspace, flight: StoredFlight) -> FlightPlan:
    """Return the spray plan that a flight flew.

    Raises
    ------
    NotFound
        When it is not in the farm.
    BadInput
        When it sprays nothing.
    """
    if not flight.mission_uid:
        raise NotFound("error.flight_without_plan", plan=flight.plan_name)
    plan = read_document(farm.plan(flight.mission_uid)[1])
    job_of(plan)
    return plan


def _reading(
    farm: Workspace, flight: StoredFlight, plan: FlightPlan, tank: TankRead | None
) -> TankReading | None:
    """Return what is told of the tank, kept with the flight's map; else what is kept there."""
    row = farm.applied_of(flight)
    if tank is None:
        return None if row is None else row.tank
    reading = tank_reading(plan, tank)
    if row is not None:
        farm.save_applied(flight, replace(row, tank=reading))
    return reading


def reckoned_left_l(plan: FlightPlan, record: FlightRecord) -> float:
    """Return the litres of mixture still in the tank after a spraying, reckoned from its pump."""
    return max(0.0, job_of(plan).estimate.litres - applied(record, plan).litres)


def _in_tank(
    plan: FlightPlan, record: FlightRecord, tank: TankReading | None, needed_l: float
) -> list[Finding]:
    """Return what is still in the tank, read or reckoned, and what that tells of the nozzles."""
    if tank is None:
        left_l = reckoned_left_l(plan, record)
        return [Finding.warning("finding.resume_tank", litres=left_l, needed=needed_l)]
    job, found = job_of(plan), applied(record, plan)
    lost = record.outcome == "lost"
    balance = tank_balance(plan, found, tank, lost=lost)
    usable_l = max(0.0, tank.left_l - job.settings.sprayer.dead_l)
    missing_l = max(0.0, needed_l - usable_l)
    refill = Finding.info(
        "finding.resume_refill", litres=usable_l, needed=needed_l, missing=missing_l
    )
    return [refill, *tank_findings(plan, balance)]


def resume_flight(
    farm: Workspace,
    wanted: str,
    *,
    overlap_m: float,
    language: Language,
    now: datetime,
    dem: Path | None = None,
    tank: TankRead | None = None,
) -> PlannedJob | None:
    """Plan what a flight left unsprayed, and keep it.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    wanted : str
        As in `flight_named`.
    overlap_m : float
        How far before a stop spraying begins again.
    language, now
        As in `agri.operations.spray.plan_job`.
    dem : Path, optional
        Ground heights, for a plan that follows the ground and carries none.
    tank : TankRead, optional
        What the tank held; without it, and where the farm keeps no reading of this flight, what is
        left is reckoned from the pump.

    Returns
    -------
    PlannedJob or None
        None when nothing is left. It has no mix card: what the first flight left may still be in
        the tank, and a finding says how much.

    Raises
    ------
    Refused
        When the flight is still being recorded, or did not tell its pump's output, so that nobody
        knows what it sprayed.
    """
    flight = flight_named(farm, wanted)
    if flight.outcome is Outcome.FLYING:
        raise Refused("error.resume_flying", plan=flight.plan_name)
    plan = plan_of(farm, flight)
    record = farm.load_flight(flight.uid)
    ended = (
        *rehearsed(farm, flight),
        *how_it_ended(farm, flight),
        *unseen(farm, flight, record, plan),
    )
    track = record.track
    if not np.isfinite(track.pump_share).any():
        raise Refused("error.pump_not_told", plan=plan.name)
    done = progress_on(
        plan,
        time_s=track.time_s,
        lon_deg=track.lon_deg,
        lat_deg=track.lat_deg,
        pump_on=np.nan_to_num(track.pump_share) > PUMP_RUNS,
        speed_m_s=track.speed_m_s,
    )
    reading = _reading(farm, flight, plan, tank)
    route = remainder(plan, done, overlap_m=overlap_m)
    if route is None:
        return None
    job, site = job_of(plan), _site(plan)
    heights, over = _heights(plan, dem)
    left = Finding.info("finding.resume_left", litres=route.litres, length_m=route.work_m)
    in_tank = _in_tank(plan, record, reading, route.litres)
    return keep_job(
        farm,
        site,
        job.settings,
        route,
        name=say("page.job_rest", language, plan=plan.name),
        kind=_part(job.kind),
        heights=heights,
        ceiling_m=plan.ceiling_m,
        limits=plan.limits,
        findings=(*ended, left, *in_tank, *over),
        language=language,
        now=now,
        with_card=False,
    )
