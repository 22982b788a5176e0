"""What the farm's advisers said of a plan, judged when it is to be flown.

Only what was said of exactly this plan counts, by its fingerprint, and of that the latest: a plan
sent back is not flown, also not in a simulation, until somebody approves it or another is made. A
plan that nobody looked at may be flown; where the farm has advisers, that is said.
"""

from __future__ import annotations

from agri.findings import Finding
from agri.people import Review, Role, Verdict
from agri.workspace import Workspace
from missions.flightplan import FlightPlan


def latest_review(farm: Workspace, plan: FlightPlan) -> Review | None:
    """Return what was said last of exactly this plan, None when nothing was."""
    said = (one for one in farm.people.reviews() if one.plan_digest == plan.digest)
    return next(said, None)


def judge_reviews(farm: Workspace, plan: FlightPlan) -> tuple[Finding, ...]:
    """Return what reviews say of flying a plan.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    plan : FlightPlan
        What is to be flown.

    Returns
    -------
    tuple of Finding
        An ERROR for a plan sent back; empty in a farm without advisers.
    """
    review = latest_review(farm, plan)
    if review is None:
        advised = any(one.role is Role.AGENT for one in farm.people.all())
        return (Finding.warning("finding.plan_not_reviewed"),) if advised else ()
    if review.verdict is Verdict.SENT_BACK:
        return (Finding.error("finding.review_sent_back", who=review.by, why=review.remark),)
    return (Finding.info("finding.plan_approved", who=review.by),)
