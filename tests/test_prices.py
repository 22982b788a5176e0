"""A flight costs what the farm's own prices say, and where one is missing there is no sum."""

from __future__ import annotations

from pathlib import Path

import pytest
from shapely.geometry import MultiLineString

from agri.errors import BadInput
from agri.operations.costs import PRICES, keep_prices, read_prices, work_of
from agri.people import Role
from agri.prices import Cost, Part, Prices, Work, costs_of, total_vnd
from agri.workspace import PlanRecord, Workspace
from missions.formats.document import write_document
from tests import farms, plans, spraying
from tests.web_farm import Served

FUNGICIDE = "Thuốc & nấm"
SPRAYING = Work(
    time_s=1800.0, packs=2, sprayed_m2=7_200.0, product=FUNGICIDE, product_amount=0.5,
    product_unit="kg",
)  # fmt: skip
OWN = Prices(products=((FUNGICIDE, 200_000.0),), battery_vnd=15_000.0, labour_vnd_h=60_000.0)


def test_product_batteries_and_work_are_added_up() -> None:
    assert total_vnd(costs_of(SPRAYING, OWN)) == 100_000.0 + 30_000.0 + 30_000.0


def test_a_hired_spraying_costs_its_area_and_its_product_and_nothing_twice() -> None:
    hired = Prices(products=OWN.products, battery_vnd=15_000.0, hire_vnd_ha=1_000_000.0)
    costs = costs_of(SPRAYING, hired)
    assert [one.part for one in costs] == [Part.PRODUCT, Part.HIRE]
    assert total_vnd(costs) == 100_000.0 + 720_000.0
    survey = costs_of(Work(time_s=600.0, packs=1), hired)
    assert [one.part for one in survey] == [Part.BATTERY, Part.LABOUR]


@pytest.mark.parametrize("missing", ["products", "battery_vnd", "labour_vnd_h"])
def test_with_a_price_missing_there_is_no_sum(missing: str) -> None:
    told = {name: getattr(OWN, name) for name in ("products", "battery_vnd", "labour_vnd_h")}
    told[missing] = () if missing == "products" else None
    costs = costs_of(SPRAYING, Prices(**told))
    assert sum(one.vnd is None for one in costs) == 1
    assert total_vnd(costs) is None
    assert Cost(part=Part.LABOUR, amount=1.0, price_vnd=0.0).vnd == 0.0


@pytest.mark.parametrize("slip", [-1.0, float("nan"), 2e9])
def test_what_cannot_be_a_price_is_refused(slip: float) -> None:
    with pytest.raises(BadInput):
        Prices(battery_vnd=slip)


def test_of_the_product_counts_what_is_filled_in() -> None:
    plan = spraying.PLAN
    work = work_of(plan)
    assert work is not None
    assert plan.spray is not None
    settings, estimate = plan.spray.settings, plan.spray.estimate
    litres = estimate.litres + settings.sprayer.dead_l
    needed = settings.product.dose_per_ha * litres / settings.rate_l_ha / 1000.0
    assert work.product_amount == pytest.approx(needed, rel=0.05)
    assert work.sprayed_m2 == estimate.area_m2
    assert (work.time_s, work.packs) == (estimate.time_s, 1)


def test_prices_are_kept_whole_and_a_spoilt_file_is_said_to_be_so(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "farm", farm_name="Trại") as farm:
        assert read_prices(farm) == Prices()
        keep_prices(farm, OWN)
        assert read_prices(farm) == OWN
        for spoilt in ("{}", "[]", '{"products": [["a", "b"]]}', '{"products": [], "x": 1}'):
            (farm.folder / PRICES).write_text(spoilt, "utf-8")
            with pytest.raises(BadInput):
                read_prices(farm)


def test_the_owner_enters_prices_and_the_plan_tells_its_cost(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "farm", farm_name="Trại") as farm:
        farm.add_fields([plans.FIELD])
        row = PlanRecord(name=plans.PLAN.name, kind="survey", digest=plans.PLAN.digest,
                         created_utc=farms.START, path=MultiLineString())  # fmt: skip
        stored = farm.save_plan(row, write_document(plans.PLAN)).uid
        served = Served(farm)
        owner, planner = served.signed_in(Role.OWNER), served.signed_in(Role.PLANNER)
        path = f"/plans/{stored}"
        assert "chưa nhập giá" in owner.get(path).text
        assert "/prices" in owner.get(path).text
        assert "Chủ trang trại nhập giá" in planner.get(path).text
        form = {"battery": "15k", "labour": "60.000", "product": FUNGICIDE,
                "product_vnd": "200k/kg", "hire": ""}  # fmt: skip
        assert owner.post("/prices", form, seen="/prices").status_code == 303
        assert read_prices(farm) == OWN
        told = planner.get(path).text
        assert "chưa nhập giá" not in told
        assert "15.000 đ" in told
        again = {"battery": "15k", "labour": "60.000", "hire": "36k", "product_0": "200.000"}
        assert owner.post("/prices", again, seen="/prices").status_code == 303
        assert read_prices(farm).hire_vnd_ha == pytest.approx(1_000_000.0)
        assert read_prices(farm).products == OWN.products
        wrong = owner.post("/prices", {**again, "labour": "much"}, seen="/prices")
        assert wrong.status_code == 400
        assert "much" in wrong.text
        kept = read_prices(farm)
        for slip, sentence in (
            ({"labour": "40,5"}, "chưa tới 100 đồng"),
            ({"product": "Phân <b>"}, "Phân &lt;b&gt; chưa có giá"),
            ({"product_vnd": "90k"}, "chưa ghi tên thuốc"),
        ):
            refused = owner.post("/prices", {**again, **slip}, seen="/prices")
            assert refused.status_code == 400
            assert sentence in refused.text
            assert read_prices(farm) == kept
        own = owner.post("/prices", {**again, "labour": "0", "product_vnd": " "}, seen="/prices")
        assert own.status_code == 303, "one's own work may cost nothing"
        assert read_prices(farm).labour_vnd_h == 0.0
        (farm.folder / PRICES).write_text("{", "utf-8")
        assert owner.get("/prices").status_code == 200
        assert planner.get(path).status_code == 200
