"""What comes after a flight: the job's next sortie, or the rest of what was broken off."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from agri.errors import AgriError
from agri.operations.pictures_left import pictures_left
from agri.operations.sorties import reckoned_left_l, sorties_of
from agri.track import FlightRecord
from agri.workspace import Outcome, Workspace
from missions.flightplan import FlightPlan, job_of
from missions.formats.document import read_document
from missions.sortie.unphotographed import unphotographed_m
from missions.sprayer.job import SprayJob

NOT_FLOWN = (Outcome.FLYING, Outcome.STAYED)
DRY_SHARE = 0.15
"""A flight that put out less of its mixture than the rest of this flew passes with a still pump:
wind and pump alone are good for a tenth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """What may come after a flight.

    Parameters
    ----------
    next_uid, next_name : str
        Key and name of the job's next sortie; "" when it was the last, or is not done yet.
    rest : bool
        Whether something of it was left undone that a plan can be made of.
    left_l : float or None
        Litres of mixture that the tank still holds by the record, after a spraying with a rest.
    """

    next_uid: str = ""
    next_name: str = ""
    rest: bool = False
    left_l: float | None = None


def after_flight(farm: Workspace, uid: str) -> After:
    """Return what comes after a flight; for one that did nothing, nothing does.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    uid : str
        Key of the flight.
    """
    with suppress(AgriError):
        flight = farm.flight(uid)
        plan = read_document(farm.plan(flight.mission_uid)[1]) if flight.mission_uid else None
        if plan is None or flight.outcome in NOT_FLOWN:
            return After()
        if flight.outcome is not Outcome.LANDED:
            return _rest(plan, farm.load_flight(uid))
        if plan.spray is not None:
            left = _flown_dry(plan, farm.load_flight(uid))
            return _with_next(farm, flight.mission_uid, plan.spray, left)
        found = pictures_left(plan, farm.load_flight(uid), uid)
        return After(rest=found is not None and found.key == "finding.photos_left")
    return After()


def _with_next(farm: Workspace, plan_uid: str, job: SprayJob, left: After) -> After:
    """Return `left` with the sortie after the one flown, unless the job was planned anew since."""
    if job.sortie == job.sorties:
        return left
    if plan_uid not in {one.uid for one in farm.plans()}:
        return left
    record = sorties_of(farm, plan_uid)[job.sortie][0]
    return replace(left, next_uid=record.uid, next_name=record.name)


def _flown_dry(plan: FlightPlan, record: FlightRecord) -> After:
    """Return the rest of a spraying that came to its end with the sprayer off for much of it."""
    left = _rest(plan, record)
    dry = left.left_l is not None and left.left_l > DRY_SHARE * job_of(plan).estimate.litres
    return left if dry else After()


def _rest(plan: FlightPlan, record: FlightRecord) -> After:
    """Return what a flight that was broken off leaves to be done."""
    if plan.spray is None:
        return After(rest=bool(record.photos) and unphotographed_m(plan, record.photos) > 0.0)
    if not np.isfinite(record.track.pump_share).any():
        return After()
    return After(rest=True, left_l=reckoned_left_l(plan, record))
