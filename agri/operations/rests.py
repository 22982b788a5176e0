"""What comes after a flight: the job's next sortie, or the rest of what was broken off."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from agri.errors import AgriError
from agri.operations.sorties import sorties_of
from agri.workspace import Outcome, Workspace
from missions.formats.document import read_document

NOT_FLOWN = (Outcome.FLYING, Outcome.STAYED)


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """What may come after a flight.

    Parameters
    ----------
    next_uid, next_name : str
        Key and name of the job's next sortie; "" when it was the last, or is not done yet.
    rest : bool
        Whether something of this sortie was left unsprayed that a plan can be made of.
    """

    next_uid: str = ""
    next_name: str = ""
    rest: bool = False


def after_flight(farm: Workspace, uid: str) -> After:
    """Return what comes after a flight; for one that sprayed nothing, nothing does.

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
        if plan is None or plan.spray is None or flight.outcome in NOT_FLOWN:
            return After()
        if flight.outcome is not Outcome.LANDED:
            told = np.isfinite(farm.load_flight(uid).track.pump_share).any()
            return After(rest=bool(told))
        if plan.spray.sortie < plan.spray.sorties:
            record = sorties_of(farm, plan.name)[plan.spray.sortie][0]
            return After(next_uid=record.uid, next_name=record.name)
    return After()
