"""The mixture holds the label's dose, fills what is sprayed, and says where rounding is coarse."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from missions.sprayer.job import DoseUnit, SprayJob
from missions.sprayer.mixture import COARSE_SHARE, FINE_BELOW_L, measurable, mixture
from tests.sprays import PRODUCT, SETTINGS, SPRAYER, spray_job


def job(litres: float, *, dose: float = 400.0, rate: float = 20.0, unit: str = "ml") -> SprayJob:
    product = replace(PRODUCT, dose_per_ha=dose, unit=DoseUnit(unit))
    plain = spray_job(settings=replace(SETTINGS, product=product, rate_l_ha=rate))
    estimate = replace(plain.estimate, litres=litres, area_m2=litres / rate * 10_000.0)
    return replace(plain, estimate=estimate)


def test_nine_litres_at_twenty_per_hectare_hold_the_dose_of_nine_sao_and_a_half() -> None:
    found = mixture(job(9.0))
    assert (found.litres, found.product_amount, found.water_l) == (9.0, 180.0, 8.8)
    assert found.area_m2 == pytest.approx(4500.0)
    assert not found.is_coarse


def test_an_empty_tank_takes_what_the_pump_cannot_draw_mixed_like_the_rest() -> None:
    first, refill = mixture(job(9.0), empty_tank=True), mixture(job(9.0))
    assert SPRAYER.dead_l == 0.4
    assert (first.litres, first.rest_l, refill.rest_l) == (9.4, 0.4, 0.0)
    assert first.exact_amount == pytest.approx(188.0)
    assert first.exact_amount / first.litres == pytest.approx(refill.exact_amount / refill.litres)


def test_a_powder_takes_no_room() -> None:
    found = mixture(job(9.0, unit="g"))
    assert (found.product_amount, found.water_l, found.unit) == (180.0, 9.0, DoseUnit.G)


def test_clear_water_is_water() -> None:
    found = mixture(job(9.0, dose=0.0))
    assert (found.product_amount, found.water_l, found.rounding_share) == (0.0, 9.0, 0.0)


def test_too_little_to_measure_out_is_told() -> None:
    found = mixture(job(0.6, dose=15.0))
    assert found.exact_amount == pytest.approx(0.45)
    assert found.product_amount == 0.5
    assert found.is_coarse
    assert found.rounding_share == pytest.approx(0.111, abs=0.001)


def test_a_tenth_of_a_litre_is_filled_up_never_down() -> None:
    assert mixture(job(9.01)).litres == 9.1
    assert mixture(job(9.1)).litres == 9.1
    assert mixture(job(0.3 * 3)).litres == 0.9


@given(st.floats(0.01, 1e6))
def test_rounding_is_to_the_nearest_step_that_can_be_measured(amount: float) -> None:
    step = 0.5 if amount < 10 else 1.0 if amount < 100 else 5.0 if amount < 1000 else 10.0
    assert abs(measurable(amount) - amount) <= step / 2 + 1e-6
    assert measurable(amount) % 0.5 == 0.0


@given(
    st.floats(0.2, 40.0),
    st.floats(1.0, 5000.0),
    st.floats(2.0, 400.0),
    st.booleans(),
    st.sampled_from(("ml", "g")),
)
def test_every_mixture_holds_the_dose_and_enough_to_spray(
    litres: float, dose: float, rate: float, empty: bool, unit: str
) -> None:
    found = mixture(job(litres, dose=dose, rate=rate, unit=unit), empty_tank=empty)
    assert -1e-9 <= found.litres - found.sprayed_l - found.rest_l <= 0.1 + 1e-9
    assert found.exact_amount == pytest.approx(dose * found.litres / rate)
    assert found.is_coarse is (abs(found.rounding_share) > COARSE_SHARE)
    room_l = found.product_amount / 1000.0 if unit == "ml" else 0.0
    if room_l < found.litres:
        step = 0.01 if found.litres < FINE_BELOW_L else 0.1
        assert found.water_l + room_l == pytest.approx(found.litres, abs=step / 2 + 1e-9)
        assert abs(found.water_l + room_l - found.litres) <= max(0.01 * found.litres, 0.005) + 1e-9
    # amounts of 25 ml or g and more are never coarse: a step of 1 is at most 2 % there
    assert not (found.is_coarse and found.exact_amount >= 25.0)
