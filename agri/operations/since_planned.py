"""What has changed on the ground since a plan was made: a plan knows only what the farm knew then.

Theory of operation. A plan carries the site it was made around. When it is shown, checked or to be
flown, the same site is taken anew from the farm as it stands. Is it another (a house entered since,
a pole moved, the field's edge drawn anew), the plan is checked once more, around the present site.
What it fails forbids it, and is told with what is new. A change that touches no rule is only told.

The take-off place is the plan's own: who moves a pad in the farm has not moved the aircraft. A part
of the farm that cannot be read as it stands keeps aircraft away as it does when planning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shapely.geometry.base import BaseGeometry

from agri.field import Farm, Field, NoFlyZone, Obstacle, SensitiveSite
from agri.findings import Finding, Severity
from agri.operations.planning import site_of
from agri.workspace import Workspace
from missions.checks.plan import check_plan
from missions.flightplan import FlightPlan, Site

MOST_NAMED = 3
SAME_DEG = 1e-9
"""Corners nearer than this, 0.1 mm, are where they were."""
Thing = Field | Obstacle | SensitiveSite | NoFlyZone


def judge_site(farm: Workspace, plan: FlightPlan) -> tuple[Finding, ...]:
    """Return what changes of the farm since a plan was made say of flying it.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    plan : FlightPlan
        One of its plans.

    Returns
    -------
    tuple of Finding
        ERRORs when the plan must not be flown any more; empty when nothing near it has changed.
    """
    if plan.site is None:
        return ()
    values, findings = farm.farm_with_findings()
    unread = [one for one in findings if one.severity is Severity.ERROR]
    field = next((one for one in values.fields if one.uid == plan.site.field.uid), None)
    now = present_site(values, plan.site, field)
    changed = _changed(plan.site, now)
    return (*unread, *(_judged(plan, now, changed) if changed else ()))


def present_site(farm: Farm, site: Site, field: Field | None) -> Site:
    """Return a plan's site as the farm knows it now; without the field, around where it was."""
    found, _ = site_of(farm, field or site.field, site.pad.place)
    return replace(found, pad=site.pad)


def _judged(plan: FlightPlan, now: Site, changed: Sequence[Thing]) -> tuple[Finding, ...]:
    what = ", ".join(one.name or "?" for one in changed[:MOST_NAMED])
    fails = [one for one in check_plan(replace(plan, site=now)) if one.severity is Severity.ERROR]
    if not fails:
        return (Finding.info("finding.site_changed", what=what),)
    return (Finding.error("finding.site_changed_refused", what=what), *fails)


def _changed(before: Site, now: Site) -> list[Thing]:
    """Return what is new or is not as it was."""
    return [one for one in _things(now) if not any(_same(one, was) for was in _things(before))]


def _things(site: Site) -> tuple[Thing, ...]:
    return (site.field, *site.obstacles, *site.sensitive_sites, *site.no_fly_zones)


def _same(one: Thing, other: Thing) -> bool:
    (shape, told), (was_shape, was_told) = _rules_of(one), _rules_of(other)
    return told == was_told and bool(shape.equals_exact(was_shape, SAME_DEG))


def _rules_of(one: Thing) -> tuple[BaseGeometry, tuple[object, ...]]:
    """Return where something is, and what rules look at: a new name changes nothing."""
    if isinstance(one, Obstacle):
        return one.geometry, (one.kind, one.height_m, one.clearance_m, one.overflight_approved)
    if isinstance(one, SensitiveSite):
        return one.geometry, (one.kind,)
    return (one.boundary if isinstance(one, Field) else one.area), (type(one),)
