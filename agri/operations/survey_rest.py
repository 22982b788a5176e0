"""The rest of a survey flight that was broken off: what no picture confirms is planned again."""

from __future__ import annotations

from datetime import datetime

from agri.errors import NotFound, Refused
from agri.findings import Finding
from agri.operations.found import how_it_ended, rehearsed
from agri.operations.planning import PlannedFlight, keep_plan
from agri.words import Language, say
from agri.workspace import Outcome, StoredFlight, Workspace
from missions.checks.plan import check_plan
from missions.formats.document import read_document
from missions.sortie.unphotographed import survey_rest


def rest_of_survey(
    farm: Workspace, flight: StoredFlight, *, language: Language, now: datetime
) -> PlannedFlight | None:
    """Plan what a survey flight left without pictures, and keep it.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    flight : StoredFlight
        The flight; its plan is a survey of the farm's.
    language : {"vi", "en"}
        Of name, picture and page.
    now : datetime
        Wall clock, UTC.

    Returns
    -------
    PlannedFlight or None
        None when nothing is left. It is checked, approved and launched like any other plan.

    Raises
    ------
    NotFound
        When its plan is not in the farm.
    BadInput
        When it is no survey.
    Refused
        When the flight is still being recorded.
    """
    if flight.outcome is Outcome.FLYING:
        raise Refused("error.resume_flying", plan=flight.plan_name)
    if not flight.mission_uid:
        raise NotFound("error.flight_without_plan", plan=flight.plan_name)
    plan = read_document(farm.plan(flight.mission_uid)[1])
    record = farm.load_flight(flight.uid)
    rest = survey_rest(plan, record.photos, name=say("page.job_rest", language, plan=plan.name))
    if rest is None:
        return None
    left = Finding.info(
        "finding.survey_rest",
        left_m=rest.left_m,
        line_m=rest.line_m,
        photos=len(record.photos),
    )
    found = (*rehearsed(farm, flight), *how_it_ended(farm, flight), left, *check_plan(rest.plan))
    return keep_plan(farm, rest.plan, found, language=language, now=now)
