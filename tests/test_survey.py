"""Camera geometry against the golden survey, against trigonometry, and at its limits."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agri.errors import BadInput
from missions.catalogue import camera, cameras
from missions.survey import (
    SPEED_M_S,
    Camera,
    SurveySettings,
    fitting_speed_m_s,
    gsd_cm,
    height_for_gsd,
    photo_count,
    survey_geometry,
)

GOPRO = camera("GoPro Hero4 Black")


def settings(**changes: Any) -> SurveySettings:
    asked = {"camera": GOPRO, "height_m": 100.0, "front_overlap": 0.8, "side_overlap": 0.8}
    return SurveySettings(**{**asked, **changes})


def test_the_golden_survey_comes_out_to_the_last_digit_known() -> None:
    found = survey_geometry(settings(speed_m_s=5.0))
    assert found.gsd_cm == pytest.approx(5.176, abs=0.0005)
    assert found.line_spacing_m == pytest.approx(41.41, abs=0.005)
    assert found.trigger_m == pytest.approx(31.06, abs=0.005)
    assert found.interval_s == pytest.approx(31.06 / 5.0, abs=0.001)
    assert found.blur_px == pytest.approx(5.0 * 0.001 / 0.05176, abs=0.001)
    assert found.max_speed_m_s == pytest.approx(31.06 / 0.5, abs=0.01)


@pytest.mark.parametrize("name", sorted(cameras()))
def test_a_footprint_is_what_the_angle_of_view_sees_not_height_times_angle(name: str) -> None:
    lens = camera(name)
    found = survey_geometry(settings(camera=lens, height_m=60.0))
    half = math.atan(lens.sensor_width_mm / 2.0 / lens.focal_length_mm)
    assert found.footprint_across_m == pytest.approx(2.0 * 60.0 * math.tan(half))
    assert found.footprint_along_m == pytest.approx(
        60.0 * lens.sensor_height_mm / lens.focal_length_mm, rel=0.01
    )


@pytest.mark.parametrize(
    ("name", "metres_per_cm", "within"),
    [("M3E", 37.5, 0.01), ("P4M", 18.9, 0.01), ("RedEdge-MX", 120.0 / 8.0, 0.05)],
)
def test_a_pixel_agrees_with_the_makers_own_rule(
    name: str, metres_per_cm: float, within: float
) -> None:
    assert gsd_cm(camera(name), metres_per_cm) == pytest.approx(1.0, rel=within)


@given(lens=st.sampled_from(sorted(cameras())), gsd=st.floats(0.3, 30.0))
def test_height_for_a_pixel_gives_that_pixel_back(lens: str, gsd: float) -> None:
    assert gsd_cm(camera(lens), height_for_gsd(camera(lens), gsd)) == pytest.approx(gsd)


@given(
    height=st.floats(5.0, 400.0),
    front=st.floats(0.0, 0.95),
    side=st.floats(0.0, 0.95),
    factor=st.floats(1.0, 1.2),
)
def test_everything_on_the_ground_grows_with_height(
    height: float, front: float, side: float, factor: float
) -> None:
    low = survey_geometry(settings(height_m=height, front_overlap=front, side_overlap=side))
    high = survey_geometry(
        settings(height_m=height * factor, front_overlap=front, side_overlap=side)
    )
    assert high.line_spacing_m == pytest.approx(low.line_spacing_m * factor)
    assert high.trigger_m == pytest.approx(low.trigger_m * factor)
    assert high.blur_px <= low.blur_px


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"height_m": 4.9}, "error.survey_height"),
        ({"height_m": 501.0}, "error.survey_height"),
        ({"height_m": math.nan}, "error.survey_height"),
        ({"front_overlap": 0.96}, "error.survey_front_overlap"),
        ({"front_overlap": 75.0}, "error.survey_front_overlap"),
        ({"side_overlap": -0.1}, "error.survey_side_overlap"),
        ({"speed_m_s": 0.0}, "error.survey_speed"),
        ({"speed_m_s": 26.0}, "error.survey_speed"),
        ({"angle_deg": 181.0}, "error.survey_angle"),
        ({"angle_deg": math.inf}, "error.survey_angle"),
        ({"lead_in_m": -1.0}, "error.survey_lead_in"),
    ],
)
def test_settings_that_cannot_be_flown_cannot_exist(changes: dict[str, Any], key: str) -> None:
    with pytest.raises(BadInput) as caught:
        settings(**changes)
    assert caught.value.message.key == key
    for language in ("vi", "en"):
        assert key not in caught.value.text(language)


@pytest.mark.parametrize("field", ["sensor_width_mm", "focal_length_mm", "image_height_px"])
@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
def test_a_camera_without_a_size_cannot_exist(field: str, value: float) -> None:
    figures: dict[str, Any] = {
        "name": "x", "sensor_width_mm": 6.0, "sensor_height_mm": 4.5, "focal_length_mm": 4.0,
        "image_width_px": 4000, "image_height_px": 3000, "min_interval_s": 1.0, "exposure_s": 0.001,
    }  # fmt: skip
    with pytest.raises(BadInput):
        Camera(**{**figures, field: value})


@pytest.mark.parametrize("gsd", [0.0, -2.0, math.nan, math.inf])
def test_no_height_is_given_for_a_pixel_that_is_none(gsd: float) -> None:
    with pytest.raises(BadInput):
        height_for_gsd(GOPRO, gsd)


def test_a_fitting_speed_never_outruns_the_camera_nor_smears_the_picture() -> None:
    slow = settings(camera=camera("M3M"), height_m=20.0, front_overlap=0.85, speed_m_s=10.0)
    speed = fitting_speed_m_s(slow)
    flown = survey_geometry(
        SurveySettings(
            camera=slow.camera, height_m=20.0, front_overlap=0.85, side_overlap=0.8, speed_m_s=speed
        )
    )
    assert SPEED_M_S[0] < speed < 10.0
    assert flown.interval_s >= slow.camera.min_interval_s
    assert flown.blur_px <= 1.0
    assert fitting_speed_m_s(settings(speed_m_s=5.0)) == 5.0


@given(length=st.floats(0.0, 2000.0), trigger=st.floats(0.5, 100.0))
def test_pictures_are_one_at_the_start_and_one_for_each_full_distance(
    length: float, trigger: float
) -> None:
    taken, place = 0, 0.0
    while place <= length + 1e-9 * trigger:
        taken += 1
        place = taken * trigger
    assert photo_count(length, trigger) == taken
