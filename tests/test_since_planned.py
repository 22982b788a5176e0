"""A plan knows what the farm knew when it was made; what came since is judged before a flight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import shapely
from shapely.geometry import MultiPolygon, Point

from agri.field import Field, NoFlyZone, Obstacle, ObstacleKind, SensitiveKind, SensitiveSite
from agri.findings import Severity, blocks
from agri.operations.clearance import Launcher, judge_launch
from agri.operations.mission_files import check_loaded, check_named
from agri.operations.since_planned import judge_site
from agri.operations.spray import SprayRequest, plan_job
from agri.operations.survey import SurveyRequest, plan_field
from agri.workspace import Workspace
from missions.catalogue import aircraft, camera, sprayer
from missions.flightplan import FlightPlan
from missions.sprayer.job import DoseUnit, Product
from tests import farms

CAMERA = "MicaSense RedEdge-P multispectral"
WEST, SOUTH = 106.515, 21.081
SIZE = 0.0008
"""Degrees: about 83 by 88 m."""


def square(east: float = 0.0, north: float = 0.0, size: float = SIZE) -> MultiPolygon:
    return MultiPolygon([shapely.box(WEST + east, SOUTH + north,
                                     WEST + east + size, SOUTH + north + size)])  # fmt: skip


MIDDLE = Point(WEST + SIZE / 2, SOUTH + SIZE / 2)


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Workspace, dict[str, FlightPlan]]]:
    with Workspace.create(tmp_path_factory.mktemp("since") / "farm", farm_name="Trại") as farm:
        (field,) = farm.add_fields([Field(name="Ruộng", boundary=square(), crop="lúa")])
        farm.add_sensitive_sites([SensitiveSite(name="Ao", kind=SensitiveKind.WATER,
                                                geometry=Point(WEST - 0.002, SOUTH))])  # fmt: skip
        seen = SurveyRequest(
            field=field.uid, camera=camera(CAMERA), aircraft=aircraft(), gsd_m=0.03
        )
        survey = plan_field(farm, seen, language="vi", now=farms.START)
        product = Product(name="Nước lã", dose_per_ha=0.0, unit=DoseUnit.ML, phi_days=0)
        asked = SprayRequest(fields=(field.uid,), sprayer=sprayer(), product=product,
                             rate_l_ha=20.0, crop_height_m=1.0)  # fmt: skip
        spray = plan_job(farm, asked, language="vi", now=farms.START).sorties[0]
        yield farm, {"survey": survey.plan, "spray": spray.plan}


@pytest.fixture
def farm(made: tuple[Workspace, dict[str, FlightPlan]]) -> Iterator[Workspace]:
    """The farm, put back as it was afterwards."""
    farm = made[0]
    field = farm.fields()[0]
    known = {one.uid for kind in (farm.farm().obstacles, farm.farm().sensitive_sites,
                                  farm.farm().no_fly_zones) for one in kind}  # fmt: skip
    yield farm
    for kind in (farm.farm().obstacles, farm.farm().sensitive_sites, farm.farm().no_fly_zones):
        for one in kind:
            if one.uid not in known:
                farm.remove(one.uid)
    farm.change_field(field)


@pytest.mark.parametrize("kind", ["survey", "spray"])
def test_nothing_new_says_nothing(
    farm: Workspace, made: tuple[Workspace, dict[str, FlightPlan]], kind: str
) -> None:
    assert judge_site(farm, made[1][kind]) == ()


@pytest.mark.parametrize("kind", ["survey", "spray"])
@pytest.mark.parametrize("what", ["pole", "zone"])
def test_what_stands_in_the_way_since_forbids_the_flight_everywhere(
    farm: Workspace, made: tuple[Workspace, dict[str, FlightPlan]], kind: str, what: str
) -> None:
    plan = made[1][kind]
    if what == "pole":
        farm.add_obstacles([Obstacle(name="Cột mới", kind=ObstacleKind.POLE, geometry=MIDDLE,
                                     height_m=200.0)])  # fmt: skip
    else:
        zone = square(SIZE / 4, SIZE / 4, SIZE / 2)
        farm.add_no_fly_zones([NoFlyZone(name="Cột mới", area=zone)])
    told = judge_site(farm, plan)
    assert told[0].key == "finding.site_changed_refused"
    assert "Cột mới" in told[0].text("vi")
    assert len(told) > 1
    assert blocks(check_named(plan.name, farm.folder).findings)
    record = next(one for one in farm.plans() if one.name == plan.name)
    assert blocks(check_loaded(plan, record, farm).findings)
    assert not blocks(check_loaded(plan, record).findings)
    for simulated in (True, False):
        launcher = Launcher(pilot="An")
        judged = judge_launch(farm, plan, launcher, now=farms.START, simulated=simulated)
        assert {one.key for one in judged if one.severity is Severity.ERROR} >= {
            "finding.site_changed_refused"
        }


def test_a_pond_dug_beside_the_field_forbids_the_spraying_and_not_the_survey(
    farm: Workspace, made: tuple[Workspace, dict[str, FlightPlan]]
) -> None:
    pond = Point(WEST + SIZE + 1e-4, SOUTH)
    farm.add_sensitive_sites(
        [SensitiveSite(name="Đầm rươi", kind=SensitiveKind.RUOI, geometry=pond)]
    )
    assert blocks(judge_site(farm, made[1]["spray"]))
    assert [one.key for one in judge_site(farm, made[1]["survey"])] == ["finding.site_changed"]


def test_a_field_drawn_smaller_is_not_sprayed_by_the_old_plan(
    farm: Workspace, made: tuple[Workspace, dict[str, FlightPlan]]
) -> None:
    field = farm.fields()[0]
    farm.change_field(replace(field, boundary=square(size=SIZE / 2)))
    told = judge_site(farm, made[1]["spray"])
    assert blocks(told)
    assert "Ruộng" in told[0].text("vi")


def test_a_new_name_or_a_house_far_off_changes_nothing(
    farm: Workspace, made: tuple[Workspace, dict[str, FlightPlan]]
) -> None:
    farm.change_field(replace(farm.fields()[0], name="Ruộng chợ", crop="ngô"))
    farm.add_obstacles([Obstacle(name="Nhà", kind=ObstacleKind.HOUSE,
                                 geometry=Point(WEST + 0.05, SOUTH), height_m=7.0)])  # fmt: skip
    assert judge_site(farm, made[1]["spray"]) == ()
    assert judge_site(farm, made[1]["survey"]) == ()


def test_without_its_field_a_plan_is_judged_around_where_it_was(
    farm: Workspace, made: tuple[Workspace, dict[str, FlightPlan]]
) -> None:
    field = farm.fields()[0]
    farm.remove(field.uid)
    before = judge_site(farm, made[1]["survey"])
    farm.add_no_fly_zones([NoFlyZone(name="Cột mới", area=square())])
    after = judge_site(farm, made[1]["survey"])
    farm.add_fields([field])
    assert before == ()
    assert blocks(after)
