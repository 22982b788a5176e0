"""Whether a survey's pictures are all there, and when not whether they show the field all the same.

Theory of operation. A plan counts one picture at the start of each line and one each trigger
distance. A camera triggers late rather than early, by up to the way flown between two looks of the
autopilot, and the first picture comes when the line has been reached: on a long line the last one
may then fall beyond its end, so that a flight without any fault has a few pictures fewer. Their
number alone therefore says little. What counts is what the plan was judged by: the share of the
field that is seen, and the share overlapped as asked (`missions.checks.coverage`), here of the
stretches that pictures confirm (`missions.sortie.unphotographed`). What was enough for a plan is
enough for its flight; a field so small that its own plan shows less is asked for no more than that.
"""

from __future__ import annotations

from dataclasses import replace

from agri.errors import AgriError, BadInput, NotFound
from agri.findings import Finding, Severity
from agri.track import FlightRecord
from agri.workspace import Outcome, StoredFlight, Workspace
from missions.checks.coverage import ENOUGH, shares_of_field
from missions.checks.path import path_of
from missions.flightplan import FlightPlan
from missions.formats.document import read_document
from missions.sortie.unphotographed import photographed


def survey_flown(farm: Workspace, flight: StoredFlight) -> FlightPlan | None:
    """Return the survey plan that a flight flew, None when it flew no survey of the farm's."""
    if not flight.mission_uid:
        return None
    try:
        plan = read_document(farm.plan(flight.mission_uid)[1])
    except (BadInput, NotFound):
        return None
    return plan if plan.survey is not None else None


def shows_the_field(plan: FlightPlan, record: FlightRecord) -> bool:
    """Return whether the confirmed pictures show as much of the field as is enough for a plan.

    Parameters
    ----------
    plan : FlightPlan
        A survey by agri.
    record : FlightRecord
        Its flight.

    Raises
    ------
    BadInput
        When it is no survey by agri.
    """
    job, site, path = plan.survey, plan.site, path_of(plan)
    if job is None or site is None:
        raise BadInput("error.not_a_survey_plan", plan=plan.name)
    before = photographed(plan, record.photos)
    if before is None:
        return False
    dark = replace(path, legs=tuple(replace(leg, trigger_m=0.0) for leg in path.legs))
    shown = shares_of_field(plan, site, replace(job, before=before), dark)
    promised = shares_of_field(plan, site, job, path)
    return all(here >= min(ENOUGH, there) for here, there in zip(shown, promised, strict=True))


def pictures_left(plan: FlightPlan, record: FlightRecord, uid: str) -> Finding | None:
    """Return what a survey flight lacks of its pictures; None where it lacks none.

    Parameters
    ----------
    plan : FlightPlan
        What was flown.
    record : FlightRecord
        How.
    uid : str
        Key of the flight in the farm.

    Returns
    -------
    Finding or None
        A warning when the rest is to be flown, or when the camera told of no picture; a note when
        fewer were taken than planned and the field is shown all the same.
    """
    if plan.survey is None or plan.site is None:
        return None
    taken, planned = len(record.photos), plan.survey.estimate.photos
    landed = record.outcome == Outcome.LANDED
    if taken == 0:
        return Finding.warning("finding.photos_untold", planned=planned) if landed else None
    if landed and shows_the_field(plan, record):
        return Finding.info("finding.photos_enough", photos=taken, planned=planned) if (
            taken < planned) else None  # fmt: skip
    if not landed and taken >= planned:
        return None
    return Finding.warning("finding.photos_left", photos=taken, planned=planned, flight=uid[:8])


def pictures_fall_short(left: Finding | None, outcome: str) -> bool:
    """Return whether a flight came to its end and its pictures are not enough all the same."""
    return left is not None and left.severity > Severity.INFO and outcome == Outcome.LANDED


def pictures_of(farm: Workspace, flight: StoredFlight) -> Finding | None:
    """Return what a kept flight that flew to its end lacks of its pictures."""
    plan = survey_flown(farm, flight) if flight.outcome is Outcome.LANDED else None
    if plan is None:
        return None
    try:
        return pictures_left(plan, farm.load_flight(flight.uid), flight.uid)
    except AgriError:
        return None
