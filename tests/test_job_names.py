"""A job is found by the name a person types for it, with or without its marks."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import pytest

from agri.operations.farm import import_boundaries, start_farm
from agri.operations.sorties import sorties_of
from agri.operations.spray import SprayRequest, plan_job
from agri.weather import Wind
from agri.workspace import Workspace
from missions.catalogue import sprayer
from missions.sprayer.job import Product

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
SORTIES = ["Chằm vụ mùa 1/2", "Chằm vụ mùa 2/2"]


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("names") / "farm"
    made = start_farm(folder, name="Nông trại thử")
    boundaries = resources.files("agri.operations") / "demo_farm.geojson"
    import_boundaries(made, [Path(str(boundaries))])
    request = SprayRequest(
        fields=("Ruộng Đồng Chằm",),
        sprayer=sprayer(),
        product=Product(name="Nước sạch", dose_per_ha=0.0),
        rate_l_ha=20.0,
        wind=Wind(speed_m_s=2.0, from_deg=180.0),
        name="Chằm vụ mùa",
    )
    plan_job(made, request, language="vi", now=NOW)
    return made


@pytest.mark.parametrize(
    "typed", ["Chằm vụ mùa", "cham vu mua", "vu mua", "Chằm vụ mùa 2/2", "CHẰM VỤ MÙA 1/2"]
)
def test_a_job_of_several_sorties_is_found_by_what_a_person_types(
    farm: Workspace, typed: str
) -> None:
    assert [plan.name for _, plan in sorties_of(farm, typed)] == SORTIES
