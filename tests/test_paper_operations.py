"""A plan judged by the farm's papers: its fence, its ceiling, its time and its full tank count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import shapely
from shapely.geometry import Point

from agri.errors import BadInput
from agri.findings import Severity
from agri.geo import LocalFrame, LonLat
from agri.operations.papers import ASSUMED_S, Place, intent_of, judge_plan, locate
from agri.papers import circle
from agri.workspace import Workspace
from missions.flightplan import FlightPlan
from tests import plans, spraying
from tests.papers import LICENCE, MAP_CHECK, MORNING, PERMIT, REGISTRATION

CENTRE = plans.PLAN.home


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Workspace]:
    """A farm whose papers are good for 400 m around the plan's take-off place."""
    with Workspace.create(tmp_path / "farm", farm_name="Trại") as workspace:
        around = circle(CENTRE, 400.0)
        workspace.papers.add(replace(PERMIT, area=around))
        workspace.papers.add(LICENCE)
        workspace.papers.add(REGISTRATION)
        workspace.papers.add(replace(MAP_CHECK, area=around))
        workspace.add_fields([plans.FIELD])
        yield workspace


def errors(farm: Workspace, plan: FlightPlan) -> set[str]:
    found = judge_plan(farm, plan, pilot=LICENCE.holder, aircraft="A77", starts=MORNING)
    return {finding.key for finding in found if finding.severity is Severity.ERROR}


def test_a_plan_within_its_papers_may_go_and_one_without_may_not(
    farm: Workspace, tmp_path: Path
) -> None:
    assert errors(farm, plans.PLAN) == set()
    assert errors(farm, replace(plans.PLAN, ceiling_m=60.0)) == {"finding.permit_ceiling"}
    far = circle(plans.local(0.0, 350.0), 100.0)
    corners = [LonLat(lon_deg=x, lat_deg=y) for x, y in shapely.get_coordinates(far)[:-1]]
    outside = replace(plans.PLAN, fence_polygons=(replace(plans.FENCE, vertices=tuple(corners)),))
    assert errors(farm, outside) == {"finding.permit_outside", "finding.map_unchecked"}
    with Workspace.create(tmp_path / "bare", farm_name="Trại") as bare:
        assert len(errors(bare, plans.PLAN)) == 4


def test_a_plan_is_seen_by_its_fence_its_time_and_its_full_tank() -> None:
    survey = intent_of(plans.PLAN, pilot="A", aircraft="B", starts=MORNING)
    assert survey.area.area == pytest.approx(
        shapely.Polygon([(v.lon_deg, v.lat_deg) for v in plans.FENCE.vertices]).area
    )
    assert survey.ends - survey.starts == timedelta(seconds=330.0)
    assert (survey.sprays, survey.programmed) == (False, True)
    assert plans.PLAN.aircraft is not None
    assert survey.takeoff_kg == plans.PLAN.aircraft.mass_kg
    plan = spraying.PLAN
    assert plan.spray is not None
    assert plan.aircraft is not None
    spray = intent_of(plan, pilot="A", aircraft="B", starts=MORNING)
    assert spray.sprays
    assert spray.takeoff_kg == plan.aircraft.mass_kg + plan.spray.settings.sprayer.tank_l


def test_a_plan_without_fence_or_estimate_is_seen_by_the_ground_it_spans() -> None:
    bare = replace(plans.PLAN, fence_polygons=(), survey=None)
    seen = intent_of(bare, pilot="A", aircraft="B", starts=MORNING)
    assert seen.ends - seen.starts == timedelta(seconds=ASSUMED_S)
    local = plans.FRAME.geometry_to_local(seen.area).buffer(0.1)
    assert all(local.covers(Point(plans.FRAME.metres(item.place))) for item in bare.items if item.x)
    assert local.covers(Point(plans.FRAME.metres(bare.home)))
    with pytest.raises(BadInput) as unknown:
        intent_of(replace(bare, aircraft=None), pilot="A", aircraft="B", starts=MORNING)
    assert unknown.value.message.key == "error.paper_mass"


def test_ground_around_a_field_is_that_wide_on_every_side(farm: Workspace) -> None:
    name, area = locate(farm, Place(fields=("ruong thu",), radius_m=50.0))
    assert name == plans.FIELD.name
    frame = LocalFrame.around(area)
    outline = frame.geometry_to_local(plans.FIELD.boundary)
    wide = frame.geometry_to_local(area)
    assert wide.covers(outline.buffer(49.5))
    assert outline.buffer(50.5).covers(wide)
    alone = locate(farm, Place(fields=("ruong thu",)))[1]
    assert alone.equals(plans.FIELD.boundary)
    for wrong in (Place(), Place(fields=("x",), centre=CENTRE, radius_m=5.0)):
        with pytest.raises(BadInput) as unclear:
            locate(farm, wrong)
        assert unclear.value.message.key == "error.paper_place"
