"""The tank as a person reads it, held against what the pump was told.

Nothing aboard measures what leaves the nozzles; whoever refills the tank can. What is read is asked
for with the map of a flight and with the rest of one, and never made up: without it the page says
that the flow was not measured.
"""

from __future__ import annotations

from dataclasses import dataclass

from agri.findings import Finding
from agri.words import Language, say
from missions.applied.account import Applied
from missions.applied.balance import TankBalance, balance_findings
from missions.flightplan import FlightPlan, job_of
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


def tank_balance(
    plan: FlightPlan, found: Applied, tank: TankRead, *, lost: bool = False
) -> TankBalance:
    """Return what left the tank on a flight, against what its pump was told.

    Parameters
    ----------
    plan : FlightPlan
        What was to be flown.
    found : Applied
        What was flown, by the pump.
    tank : TankRead
        What the tank held.
    lost : bool
        Whether the record breaks off in the air: then any amount may have gone out unheard.

    Raises
    ------
    BadInput
        When more is left than was filled in.
    """
    job = job_of(plan)
    filled_l = mixture(job, empty_tank=True).litres if tank.filled_l is None else tank.filled_l
    most_l_min = max(point.flow_l_min for point in job.settings.sprayer.pump)
    return TankBalance(
        filled_l=filled_l,
        left_l=tank.left_l,
        pumped_l=found.litres,
        unheard_l=filled_l if lost else most_l_min * found.unknown_s / 60.0,
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
    values = {"used": balance.used_l, "left": balance.left_l, "pumped": balance.pumped_l}
    return label, say("page.fact_tank_value", language, **values)
