"""Dose: what the pump gives is what was asked, or it is refused with what would do."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agri.errors import BadInput, Refused
from agri.weather import Wind
from missions.catalogue import sprayer, sprayers
from missions.sprayer.dose import (
    dose_for,
    fitting_speed_m_s,
    flow_l_min,
    held_flow_l_min,
    pump_flow_l_min,
    pump_output,
    servo_pwm,
    swath_at,
)
from missions.sprayer.gear import PumpControl, PumpPoint, Sprayer, SwathPoint
from missions.sprayer.job import Product, SpraySettings
from missions.sprayer.parameters import dose_error, spray_parameters

WATER = Product(name="nước", dose_per_ha=0.0)
HEXA = sprayer("16 L")


def asked(**changes: Any) -> SpraySettings:
    return SpraySettings(**{
        "sprayer": HEXA, "product": WATER, "rate_l_ha": 20.0, "height_m": 2.5, "speed_m_s": 5.0,
        "swath_m": 5.0, "wind": Wind(speed_m_s=1.0), **changes,
    })  # fmt: skip


@st.composite
def pumped(draw: st.DrawFn) -> Sprayer:
    """A sprayer with some rising pump curve of two to six points."""
    count = draw(st.integers(2, 6))
    outputs = sorted(draw(st.sets(st.integers(5, 100), min_size=count, max_size=count)))
    steps = draw(st.lists(st.floats(0.1, 3.0), min_size=count, max_size=count))
    flows = [sum(steps[: n + 1]) for n in range(count)]
    curve = tuple(
        PumpPoint(output=o / 100.0, flow_l_min=q) for o, q in zip(outputs, flows, strict=True)
    )
    return replace(HEXA, pump=curve)


@given(st.floats(1.0, 300.0), st.floats(1.0, 12.0), st.floats(0.3, 10.0))
def test_litres_on_a_hectare_are_the_rate(rate: float, swath: float, speed: float) -> None:
    minutes = 10_000.0 / (swath * speed) / 60.0
    assert flow_l_min(rate, swath, speed) * minutes == pytest.approx(rate)
    kmh = speed * 3.6
    assert flow_l_min(rate, swath, speed) == pytest.approx(rate * kmh * swath / 600.0)


@given(pumped(), st.floats(0.0, 1.0))
def test_output_and_flow_are_inverse_along_the_curve(found: Sprayer, share: float) -> None:
    flow = found.min_flow_l_min + share * (found.max_flow_l_min - found.min_flow_l_min)
    assert pump_flow_l_min(found, pump_output(found, flow)) == pytest.approx(flow)
    first, last = found.pump[0], found.pump[-1]
    assert pump_flow_l_min(found, first.output) == pytest.approx(first.flow_l_min)
    assert pump_flow_l_min(found, 1.0) == pytest.approx(last.flow_l_min)
    assert pump_flow_l_min(found, 0.0) == 0.0


@pytest.mark.parametrize("flow", [0.0, 0.99, 6.01, -1.0, float("nan")])
def test_a_flow_off_the_curve_is_refused(flow: float) -> None:
    with pytest.raises(Refused, match=r"1\.00 to 6\.00"):
        pump_output(HEXA, flow)


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan")])
def test_an_output_that_is_no_share_is_refused(bad: float) -> None:
    with pytest.raises(BadInput):
        pump_flow_l_min(HEXA, bad)
    with pytest.raises(BadInput):
        swath_at(HEXA, bad - 2.0, 5.0)
    with pytest.raises(BadInput):
        flow_l_min(20.0, 5.0, bad * -1e6 if bad > 0 else bad)


def test_the_swath_is_the_measured_one_at_a_measured_point() -> None:
    for found in sprayers().values():
        for point in found.swath:
            assert swath_at(found, point.height_m, point.speed_m_s) == point.width_m


@given(st.floats(0.5, 8.0), st.floats(0.5, 12.0))
def test_the_swath_is_never_taken_wider_than_the_points_around_it(
    height: float, speed: float
) -> None:
    width = swath_at(HEXA, height, speed)
    assert 0.0 < width <= max(point.width_m for point in HEXA.swath)
    lower = swath_at(HEXA, height * 0.9, speed)
    assert lower <= width
    beside = [p.width_m for p in HEXA.swath
              if p.height_m >= height and abs(p.speed_m_s - speed) <= 3.0]  # fmt: skip
    if beside and 3.0 <= speed <= 6.0:
        assert width <= max(beside)


def test_between_two_speeds_the_narrower_swath_counts() -> None:
    two = replace(HEXA, swath=(
        SwathPoint(height_m=2.0, speed_m_s=3.0, width_m=5.0),
        SwathPoint(height_m=2.0, speed_m_s=6.0, width_m=4.0),
    ))  # fmt: skip
    assert [swath_at(two, 2.0, v) for v in (2.0, 3.0, 4.5, 6.0, 7.0)] == [5.0, 5.0, 4.0, 4.0, 4.0]
    assert swath_at(two, 1.0, 3.0) == 2.5


@given(pumped(), st.floats(0.5, 300.0), st.floats(2.0, 8.0), st.floats(0.3, 6.0), st.booleans())
def test_a_dose_is_given_or_refused_with_what_would_do(
    found: Sprayer, rate: float, swath: float, speed: float, crosshatch: bool
) -> None:
    settings = asked(
        sprayer=found, rate_l_ha=rate, swath_m=swath, speed_m_s=speed, crosshatch=crosshatch
    )
    try:
        dose = dose_for(settings)
    except Refused as error:
        values = dict(error.message.values)
        better = replace(settings, rate_l_ha=values["fits"])
        dose = dose_for(better)
        offered = values.get("slower", values.get("faster"))
        if error.message.key in ("error.dose_over", "error.dose_under") and offered >= 0.3:
            assert dose_for(replace(settings, speed_m_s=min(offered, 6.0))).flow_l_min > 0.0
        return
    passes = 2.0 if crosshatch else 1.0
    assert dose.rate_l_ha == pytest.approx(rate / passes)
    assert dose.flow_l_min / (swath * speed * 0.006) == pytest.approx(rate / passes)
    assert found.min_flow_l_min - 1e-6 <= dose.flow_l_min <= found.max_flow_l_min + 1e-6


def test_the_sentence_tells_speed_and_rate_in_both_languages() -> None:
    with pytest.raises(Refused) as over:
        dose_for(asked(rate_l_ha=100.0, speed_m_s=5.0))
    assert "at most 2 m/s" in over.value.text("en")
    assert "at most 40 L/ha" in over.value.text("en")
    assert re.search(r"nhiều nhất 2 m/s .* 40 L/ha", over.value.text("vi"))
    with pytest.raises(Refused) as under:
        dose_for(asked(rate_l_ha=5.0, speed_m_s=2.0))
    assert "at least 6.67 m/s" not in under.value.text("en")  # faster than it may fly
    assert "at least 16.7 L/ha" in under.value.text("en")
    with pytest.raises(Refused, match=r"at least 3\.34 m/s"):
        dose_for(asked(rate_l_ha=10.0, speed_m_s=2.0))


@given(pumped(), st.floats(0.5, 300.0), st.floats(2.0, 8.0))
def test_the_fitting_speed_is_the_fastest_the_pump_can_follow(
    found: Sprayer, rate: float, swath: float
) -> None:
    try:
        speed = fitting_speed_m_s(found, rate, swath)
    except Refused as error:
        fits = dict(error.message.values)["fits"]
        assert 0.29 < fitting_speed_m_s(found, fits, swath) <= found.max_speed_m_s
        return
    assert 0.3 * (1 - 1e-6) <= speed <= found.max_speed_m_s
    assert flow_l_min(rate, swath, speed) <= found.max_flow_l_min * (1 + 1e-6)
    assert flow_l_min(rate, swath, speed) >= found.min_flow_l_min * (1 - 1e-6)
    if speed < found.max_speed_m_s:
        assert flow_l_min(rate, swath, speed * 1.001) > found.max_flow_l_min


def test_a_rate_of_nothing_has_no_speed() -> None:
    with pytest.raises(BadInput):
        fitting_speed_m_s(HEXA, 0.0, 4.0)


# What ArduPilot does with the parameters, written down here once more and apart from the planner.
def ardupilot_percent(parameters: dict[str, float], speed_m_s: float) -> float:
    if speed_m_s * 100.0 < parameters["SPRAY_SPEED_MIN"]:
        return 0.0
    position = speed_m_s * 100.0 * parameters["SPRAY_PUMP_RATE"]
    position = max(position, 100.0 * int(parameters["SPRAY_PUMP_MIN"]))
    return min(position, 10_000.0) / 100.0


@given(pumped(), st.floats(0.5, 300.0), st.floats(2.0, 8.0), st.floats(0.3, 6.0))
def test_ardupilot_gives_the_dose_at_job_speed_within_two_percent(
    found: Sprayer, rate: float, swath: float, speed: float
) -> None:
    settings = asked(sprayer=found, rate_l_ha=rate, swath_m=swath, speed_m_s=speed)
    try:
        parameters = spray_parameters(settings)
    except Refused:
        assume(False)
        return
    assert 0.0 <= parameters["SPRAY_PUMP_RATE"] <= 100.0
    assert parameters["SPRAY_PUMP_MIN"] == int(parameters["SPRAY_PUMP_MIN"]) <= 100.0
    assert parameters["SPRAY_SPEED_MIN"] <= 50.0 * speed + 0.5
    assert parameters["WPNAV_SPEED"] == pytest.approx(100.0 * speed, abs=0.5)
    flow = pump_flow_l_min(found, ardupilot_percent(parameters, speed) / 100.0)
    held = parameters["SPRAY_PUMP_RATE"] == 0.0
    if held:  # slow and strong: the nearest whole percent is all there is
        percent = parameters["SPRAY_PUMP_MIN"]
        near = [pump_flow_l_min(found, min(1.0, max(0.0, (percent + d) / 100.0)))
                for d in (-1.0, 1.0)]  # fmt: skip
        wanted = flow_l_min(rate, swath, speed)
        assert near[0] <= wanted <= near[1] or flow == pytest.approx(wanted, rel=0.02)
    else:
        assert flow / (0.006 * swath * speed) == pytest.approx(rate, rel=0.02)
        assert dose_error(settings, speed) == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize("name", ["16 L", "hexa 10"])
@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0, 3.0, 4.5, 6.0])
def test_the_catalogues_pumps_are_right_within_two_percent_at_every_job_speed(
    name: str, speed: float
) -> None:
    found = sprayer(name)
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        flow = found.min_flow_l_min + share * (found.max_flow_l_min - found.min_flow_l_min)
        rate = flow / (0.006 * 4.0 * speed)
        settings = asked(sprayer=found, rate_l_ha=rate, swath_m=4.0, speed_m_s=speed)
        assert abs(dose_error(settings, speed)) <= 0.02


def test_a_curved_pump_under_doses_when_it_flies_slower_and_that_is_told() -> None:
    settings = asked()
    assert dose_error(settings, 5.0) == pytest.approx(0.0, abs=1e-4)
    assert dose_error(settings, 2.5) == pytest.approx(-0.10, abs=0.005)
    assert dose_error(settings, 1.25) > 0.3  # held at the nozzles' least flow


def test_a_hover_holds_a_flow_at_no_speed() -> None:
    found = spray_parameters(asked(), hover=True, flow_l_min=held_flow_l_min(HEXA, 3.0))
    assert found["SPRAY_SPEED_MIN"] == 0.0
    assert found["SPRAY_PUMP_RATE"] == 0.0
    percent = ardupilot_percent(found, 0.0)
    assert pump_flow_l_min(HEXA, percent / 100.0) == held_flow_l_min(HEXA, 3.0)
    assert spray_parameters(asked(), hover=True)["SPRAY_PUMP_MIN"] == 51.0


@given(pumped(), st.floats(0.0, 1.0))
def test_a_held_flow_is_one_of_whole_percents_near_what_was_wanted(
    found: Sprayer, share: float
) -> None:
    wanted = found.min_flow_l_min + share * (found.max_flow_l_min - found.min_flow_l_min)
    held = held_flow_l_min(found, wanted)
    assert held_flow_l_min(found, held) == pytest.approx(held)
    assert abs(pump_output(found, held) - pump_output(found, wanted)) <= 0.005 + 1e-9


def test_another_makers_pump_gets_no_ardupilot_settings() -> None:
    with pytest.raises(Refused, match="DJI Agras T40"):
        spray_parameters(asked(sprayer=sprayer("T40"), rate_l_ha=15.0))


def test_a_servo_pump_gets_a_plain_channel_and_pulses_along_its_curve() -> None:
    servo = sprayer("servo")
    assert servo.control is PumpControl.SERVO
    found = spray_parameters(asked(sprayer=servo, rate_l_ha=20.0, swath_m=4.0, speed_m_s=4.0))
    assert found == {
        "SERVO9_FUNCTION": 0.0,
        "SERVO9_MIN": 1100.0,
        "SERVO9_MAX": 1900.0,
        "WPNAV_SPEED": 400.0,
    }
    pulses = [servo_pwm(servo, q) for q in (0.0, 1.4, 2.0, 3.0)]
    assert pulses == sorted(pulses)
    assert pulses[0] == 1100
    assert pulses[-1] == 1900
    for flow in (1.4, 1.9, 2.5, 3.0):
        output = (servo_pwm(servo, flow) - 1100) / 800.0
        assert pump_flow_l_min(servo, output) == pytest.approx(flow, rel=0.005)
