"""The tank as a person reads it, held against what the pump was told.

Nothing aboard measures what leaves the nozzles; whoever refills the tank can. What is read is asked
for with the map of a flight and with the rest of one, and never made up: without it the page says
that the flow was not measured. What was told with the map is kept in the farm with it, so it is
told once, and the next job of the same sprayer hears of it: a sprayer that gave too little or too
much is calibrated before it flies again. The same sprayer is one of its name with the same nozzles
and pump's table; with a new table it was calibrated, and the old reading tells nothing of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from agri.errors import AgriError
from agri.findings import Finding
from agri.operations.found import was_simulated
from agri.track import TankReading
from agri.units import INDOCHINA_TIME
from agri.words import Language, say
from agri.workspace import AppliedRecord, Outcome, Workspace
from missions.applied.account import Applied
from missions.applied.balance import TankBalance, balance_findings
from missions.flightplan import FlightPlan, job_of
from missions.formats.document import read_document
from missions.sprayer.gear import Sprayer
from missions.sprayer.mixture import mixture


@dataclass(frozen=True, slots=True, kw_only=True)
class TankRead:
    """What a person read at the tank.

    Parameters
    ----------
    left_l : float
        Litres in it after the landing, to the bottom.
    filled_l : float or None
        Litres in it at the take-off; None when it was filled as the mix card says.
    """

    left_l: float
    filled_l: float | None = None


def tank_reading(plan: FlightPlan, tank: TankRead) -> TankReading:
    """Return what a person read, with what the mix card says where the filling was not told.

    Raises
    ------
    BadInput
        When more is left than was filled in.
    """
    filled_l = tank.filled_l
    if filled_l is None:
        filled_l = mixture(job_of(plan), empty_tank=True).litres
    return TankReading(filled_l=filled_l, left_l=tank.left_l)


def tank_balance(
    plan: FlightPlan, found: Applied | AppliedRecord, tank: TankReading, *, lost: bool = False
) -> TankBalance:
    """Return what left the tank on a flight, against what its pump was told.

    Parameters
    ----------
    plan : FlightPlan
        What was to be flown.
    found : Applied or AppliedRecord
        What was flown, by the pump.
    tank : TankReading
        What the tank held.
    lost : bool
        Whether the record breaks off in the air: then any amount may have gone out unheard.
    """
    most_l_min = max(point.flow_l_min for point in job_of(plan).settings.sprayer.pump)
    return TankBalance(
        tank=tank,
        pumped_l=found.litres,
        unheard_l=tank.filled_l if lost else most_l_min * found.unknown_s / 60.0,
    )


def tank_findings(plan: FlightPlan, balance: TankBalance | None) -> list[Finding]:
    """Return what the tank tells of nozzles and hoses; nothing when nobody read it."""
    nozzles = job_of(plan).settings.sprayer.nozzles
    return [] if balance is None else balance_findings(balance, nozzles)


def tank_fact(balance: TankBalance | None, language: Language) -> tuple[str, str]:
    """Return label and value of what left the tank, or how to tell it."""
    label = say("page.fact_tank", language)
    if balance is None:
        return label, say("page.fact_tank_unread", language)
    values = {"used": balance.tank.used_l, "left": balance.tank.left_l, "pumped": balance.pumped_l}
    return label, say("page.fact_tank_value", language, **values)


def last_flow_findings(farm: Workspace, sprayer: Sprayer) -> list[Finding]:
    """Return what the last reading of a sprayer's tank tells whoever plans with it now.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    sprayer : Sprayer
        What is to spray.

    Returns
    -------
    list of Finding
        One when that flight gave more or less than its pump was told, beyond doubt. A flight of a
        simulator, or whose plan cannot be read any more, is passed over.
    """
    flights = {flight.uid: flight for flight in farm.flights()}
    for found in farm.applied():
        flight = flights.get(found.flight_uid)
        if found.tank is None or flight is None or not flight.mission_uid:
            continue
        if was_simulated(farm, flight):
            continue
        try:
            plan = read_document(farm.plan(flight.mission_uid)[1])
        except AgriError:
            continue
        if plan.spray is None or not _same_sprayer(plan.spray.settings.sprayer, sprayer):
            continue
        lost = flight.outcome not in (Outcome.LANDED, Outcome.ABORTED)
        off = tank_balance(plan, found, found.tank, lost=lost).beyond_doubt
        if off == 0.0 or math.isinf(off):
            return []
        key = "finding.last_flow_low" if off < 0.0 else "finding.last_flow_high"
        day = found.sprayed_utc.astimezone(INDOCHINA_TIME).date()
        return [Finding.warning(key, sprayer=sprayer.name, pct=100.0 * abs(off), day=day)]
    return []


def _same_sprayer(one: Sprayer, other: Sprayer) -> bool:
    return (one.name, one.nozzles, one.pump) == (other.name, other.nozzles, other.pump)
