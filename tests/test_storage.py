"""What the vehicle stores: told once, planned by, kept with the plan and checked by ever after."""

from __future__ import annotations

from dataclasses import replace

import pytest
from shapely.geometry import box

from agri.errors import BadInput, Refused
from agri.field import ObstacleKind
from agri.findings import blocks
from agri.weather import Wind
from missions.checks.plan import check_plan
from missions.flightplan import DEFAULT_LIMITS, VehicleLimits
from missions.formats.document import read_document, write_document
from missions.spray.mission import plan_spray
from tests.sites import DONG_TRIEU, Draft
from tests.sprays import SETTINGS

DRAFT = Draft(DONG_TRIEU)
CALM = replace(SETTINGS, wind=Wind(speed_m_s=0.0), edges=())
POLES = tuple(
    DRAFT.obstacle(ObstacleKind.POLE, box(x, y, x + 0.4, y + 0.4), 9.0)
    for x in (50, 150, 250, 350, 450)
    for y in (50, 150, 250, 350)
)
SITE = DRAFT.site(box(0, 0, 500, 400), (-8.0, -8.0), POLES)
ROOMY = VehicleLimits(fence_vertices=400, items=2000)


def test_a_field_full_of_poles_needs_a_board_that_stores_more() -> None:
    with pytest.raises(Refused) as told:
        plan_spray(SITE, CALM, name="Cột")
    assert told.value.message.key == "error.fence_full"
    assert "--fence-points" in told.value.text("vi")
    plan = plan_spray(SITE, CALM, name="Cột", limits=ROOMY)
    assert plan.limits == ROOMY
    corners = sum(len(polygon.vertices) for polygon in plan.fence_polygons)
    assert DEFAULT_LIMITS.fence_vertices < corners <= ROOMY.fence_vertices


def test_a_plan_read_back_is_checked_by_what_it_was_made_for() -> None:
    plan = plan_spray(SITE, CALM, name="Cột", limits=ROOMY)
    again = read_document(write_document(plan))
    assert again.limits == ROOMY
    keys = [finding.key for finding in check_plan(again)]
    assert "finding.too_many_fence_vertices" not in keys
    assert "finding.limits_told" in keys
    plain = check_plan(replace(again, limits=DEFAULT_LIMITS))
    assert blocks(plain)
    assert "finding.too_many_fence_vertices" in [finding.key for finding in plain]
    assert "finding.limits_told" not in [finding.key for finding in plain]


@pytest.mark.parametrize("wrong", [{"items": 0}, {"fence_vertices": 9000}, {"rally_points": -1}])
def test_a_storage_that_no_vehicle_has_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(BadInput) as told:
        VehicleLimits(**wrong)
    assert told.value.message.key == "error.vehicle_limits"
    for language in ("en", "vi"):
        text = told.value.text(language)  # type: ignore[arg-type]
        assert str(next(iter(wrong.values()))) in text.replace(",", "").replace(".", "")
