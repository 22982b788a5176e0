"""Radiance: the maker's own figures on real files, and every forward model turned round."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agri.errors import BadInput
from agri.geo import LonLat
from imagery.bands import Band
from imagery.calibration.light import Downwelling, downwelling, transmission
from imagery.calibration.radiance import fall_off, radiance, temperature_c
from imagery.calibration.sun import Sun, leaning_deg, sun_at
from imagery.photo import (
    Attitude,
    Exposure,
    Light,
    Photo,
    PlaneVignette,
    RadialVignette,
    SunshineReading,
)
from tests.real_captures import golden, rededge, sequoia

WIDTH, HEIGHT = 64, 48
TRUTH = np.random.default_rng(7).uniform(0.01, 0.16, (HEIGHT, WIDTH))
X, Y = np.meshgrid(np.arange(WIDTH, dtype=float), np.arange(HEIGHT, dtype=float))
FILES = [(capture, number) for capture in ("IMG_0000", "IMG_0001") for number in range(1, 6)]


def keys(found: object) -> set[str]:
    return {finding.key for finding in getattr(found, "findings", ())}


@pytest.mark.parametrize(("capture", "number"), FILES)
def test_radiance_of_real_captures_equals_the_maker_s_own_library(
    capture: str, number: int
) -> None:
    photo, counts = rededge(capture, number)
    expected = golden()[photo.path.name]
    found = radiance(photo, counts)
    assert found.absolute
    assert float(found.values.mean()) == pytest.approx(expected["radiance_mean"], rel=1e-5)
    assert float(found.values[480, 640]) == pytest.approx(expected["radiance_center"], rel=1e-5)


@pytest.mark.parametrize(("capture", "number"), FILES)
def test_light_on_a_level_plane_equals_the_maker_s_own_library(capture: str, number: int) -> None:
    photo, counts = rededge(capture, number)
    expected = golden()[photo.path.name]
    found = downwelling(photo)
    assert isinstance(found, Downwelling)
    assert found.value == pytest.approx(expected["horizontal_irr"], rel=1e-4)
    assert found.sun is not None
    assert found.leaning_deg is not None
    assert found.sun.elevation_deg == pytest.approx(expected["sun_elev_deg"], abs=0.01)
    assert found.sun.azimuth_deg == pytest.approx(expected["sun_azim_deg"], abs=0.01)
    assert found.leaning_deg == pytest.approx(expected["sun_sensor_angle_deg"], abs=0.01)
    assert transmission(found.leaning_deg) == pytest.approx(expected["fresnel"], rel=1e-4)
    level = math.pi * float(radiance(photo, counts).values.mean()) / found.value
    assert level == pytest.approx(expected["reflectance_dls_mean"], rel=1e-4)


def micasense(**more: object) -> Photo:
    facts: dict[str, object] = {
        "path": Path("IMG_0001_1.tif"),
        "make": "MicaSense",
        "model": "RedEdge-M",
        "width_px": WIDTH,
        "height_px": HEIGHT,
        "bits": 16,
        "bands": (Band.at("Red", 668.0, 10.0),),
        "exposure": Exposure(time_s=0.0003, gain=2.0),
        "black_level": 4800.0,
        "vignette": RadialVignette(
            centre_x_px=30.0, centre_y_px=25.0, coefficients=(1e-4, -9e-5, 1e-7)
        ),
        "row_gradient": (1.5e-4, 1.2e-7, 1.4e-6),
    }
    return Photo(**{**facts, **more})  # type: ignore[arg-type]


def stored(values: np.ndarray) -> np.ndarray:
    assert values.max() < 65000
    assert values.min() >= 0
    return np.round(values).astype(np.uint16)


def test_micasense_s_model_turned_round_gives_the_light_back() -> None:
    radius = np.hypot(X - 30.0, Y - 25.0)
    lens = 1.0 + 1e-4 * radius - 9e-5 * radius**2 + 1e-7 * radius**3
    rows = 1.0 + 1.2e-7 * Y / 0.0003 - 1.4e-6 * Y
    counts = stored(4800.0 + TRUTH * lens * rows * 65536.0 * 2.0 * 0.0003 / 1.5e-4)
    found = radiance(micasense(), counts)
    step = 1.5e-4 / 65536.0 / 2.0 / 0.0003 / lens.min()
    assert np.abs(found.values - TRUTH).max() < step
    assert keys(found) == set()


def test_a_fall_off_over_the_plane_is_undone_too() -> None:
    plane = PlaneVignette(powers=((0, 0), (1, 0), (0, 2), (2, 1)),
                          coefficients=(0.9, 0.2, -0.3, -0.1))  # fmt: skip
    u, v = X / WIDTH, Y / HEIGHT
    lens = 0.9 + 0.2 * u - 0.3 * v**2 - 0.1 * u**2 * v
    counts = stored(4800.0 + TRUTH * lens * 65536.0 * 2.0 * 0.0003 / 1.5e-4)
    found = radiance(micasense(vignette=plane, row_gradient=(1.5e-4, 0.0, 0.0)), counts)
    np.testing.assert_allclose(found.values, TRUTH, atol=5e-6)


def test_dji_s_fall_off_multiplies_and_its_unit_stays_relative() -> None:
    radius = np.hypot(X - 31.0, Y - 22.0)
    gain_back = 1.0 + 1e-3 * radius + 2e-5 * radius**2
    counts = stored(3200.0 + TRUTH * 65536.0 * 8.0 * 0.01 / gain_back)
    vignette = RadialVignette(
        centre_x_px=31.0, centre_y_px=22.0, coefficients=(1e-3, 2e-5), multiply=True
    )
    photo = micasense(make="DJI", model="M3M", row_gradient=None, black_level=3200.0,
                      vignette=vignette, exposure=Exposure(time_s=0.01, gain=8.0))  # fmt: skip
    found = radiance(photo, counts)
    np.testing.assert_allclose(found.values, TRUTH, atol=2e-4)
    assert not found.absolute
    assert keys(found) == {"finding.radiance_relative"}


def test_phantom_4_divides_by_one_less_than_a_full_word() -> None:
    photo = micasense(make="DJI", model="FC6360", row_gradient=None, black_level=0.0,
                      vignette=None, exposure=Exposure(time_s=1.0, gain=1.0))  # fmt: skip
    found = radiance(photo, np.full((HEIGHT, WIDTH), 13107, np.uint16))
    assert float(found.values[0, 0]) == pytest.approx(0.2, rel=1e-6)
    assert "finding.photo_no_vignette" in keys(found)


def test_sequoia_s_own_formula_turned_round_gives_the_light_back() -> None:
    a, b, c = 280652.5, 4863.1, 2764.2
    lens = 0.76 + 0.5 * X / WIDTH - 0.4 * (X / WIDTH) ** 2
    vignette = PlaneVignette(powers=((0, 0), (1, 0), (2, 0)), coefficients=(0.76, 0.5, -0.4))
    counts = stored((TRUTH * 4.0 * (a * 0.003 * 100.0 + c) / 2.2**2 + b) * lens)
    photo = micasense(make="Parrot", model="Sequoia", row_gradient=None, sensor_model=(a, b, c),
                      vignette=vignette,
                      exposure=Exposure(time_s=0.003, gain=100.0, aperture=2.2))  # fmt: skip
    np.testing.assert_allclose(radiance(photo, counts).values, 4.0 * TRUTH, atol=1e-4)


@pytest.mark.parametrize("name", ["GRE", "RED", "REG", "NIR"])
def test_real_sequoia_files_give_light_that_is_finite_and_said_to_be_relative(name: str) -> None:
    photo, counts = sequoia(name)
    found = radiance(photo, counts)
    assert np.isfinite(found.values).all()
    assert 0.0 < float(np.median(found.values)) < 1e4
    assert not found.absolute
    assert photo.vignette is not None
    lens = fall_off(photo.vignette, 1280, 960)
    assert 0.4 < float(lens.min()) < float(lens.max()) < 1.1


def test_sequoia_s_dark_corners_lie_below_its_black_level_as_its_note_has_it() -> None:
    """Why B is subtracted after the fall-off: dark corners hold V · B, not B."""
    photo, counts = sequoia("REG")
    assert photo.sensor_model is not None
    assert photo.vignette is not None
    corner = np.s_[-100:, :100]
    dark = float(np.percentile(counts[corner], 1))
    lens = float(fall_off(photo.vignette, 1280, 960)[corner].mean())
    assert dark < 0.95 * photo.sensor_model[1]
    assert dark > 0.95 * photo.sensor_model[1] * lens


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(*[st.floats(-1e3, 1e3)] * 3) | st.none(),
    st.tuples(*[st.floats(-1e7, 1e7)] * 3) | st.none(),
    st.lists(st.floats(-1.0, 1.0), max_size=6),
    st.floats(1e-300, 1e300),
    st.floats(1e-300, 1e300),
    st.booleans(),
)
def test_whatever_a_file_tells_light_is_finite_and_not_negative_or_refused(
    rows: tuple[float, float, float] | None,
    model: tuple[float, float, float] | None,
    fall: list[float],
    time_s: float,
    gain: float,
    multiply: bool,
) -> None:
    photo = micasense(
        make="Parrot" if model else "MicaSense", row_gradient=rows, sensor_model=model,
        exposure=Exposure(time_s=time_s, gain=gain),
        vignette=RadialVignette(centre_x_px=9.0, centre_y_px=9.0, coefficients=tuple(fall),
                                multiply=multiply),
    )  # fmt: skip
    try:
        found = radiance(photo, np.full((HEIGHT, WIDTH), 9000, np.uint16))
    except BadInput:
        return
    assert np.isfinite(found.values).all()
    assert float(found.values.min()) >= 0.0


def test_old_firmware_s_wrong_exposure_is_mended_and_told() -> None:
    wrong = micasense(exposure=Exposure(time_s=1.0 / 6329.0, gain=1.0))
    right = micasense(exposure=Exposure(time_s=0.000274, gain=1.0))
    counts = np.full((HEIGHT, WIDTH), 9000, np.uint16)
    np.testing.assert_array_equal(radiance(wrong, counts).values, radiance(right, counts).values)
    assert keys(radiance(wrong, counts)) == {"finding.photo_exposure_mended"}
    altum = micasense(exposure=Exposure(time_s=1.0 / 6329.0, gain=1.0), model="Altum")
    assert keys(radiance(altum, counts)) == set()


def test_light_below_black_is_none_and_overexposed_pixels_are_marked() -> None:
    counts = np.full((HEIGHT, WIDTH), 4000, np.uint16)
    counts[:10] = 65520
    found = radiance(micasense(), counts)
    assert float(found.values[20:].max()) == 0.0
    assert found.saturated[:10].all()
    assert not found.saturated[10:].any()
    assert "finding.photo_saturated" in keys(found)


def test_what_cannot_be_measured_is_refused() -> None:
    counts = np.zeros((HEIGHT, WIDTH), np.uint16)
    with pytest.raises(BadInput, match="exposure"):
        radiance(micasense(exposure=None), counts)
    with pytest.raises(BadInput, match="48 × 63"):
        radiance(micasense(), counts[:, :63])
    thermal = micasense(bands=(Band.at("LWIR", 11000.0, 6000.0),))
    with pytest.raises(BadInput, match="thermal"):
        radiance(thermal, counts)
    with pytest.raises(BadInput, match="not a thermal"):
        temperature_c(micasense(), counts)
    dark = RadialVignette(centre_x_px=0.0, centre_y_px=0.0, coefficients=(-0.05,))
    with pytest.raises(BadInput, match="vignette"):
        radiance(micasense(vignette=dark), counts)


def test_a_thermal_band_holds_hundredths_of_a_kelvin() -> None:
    thermal = micasense(bands=(Band.at("LWIR", 11000.0, 6000.0),))
    found = temperature_c(thermal, np.full((HEIGHT, WIDTH), 30015, np.uint16))
    assert float(found[0, 0]) == pytest.approx(27.0, abs=1e-3)


@pytest.mark.parametrize(
    ("lon", "lat", "utc", "elevation", "azimuth"),
    [
        (-105.1786, 39.742476, datetime(2003, 10, 17, 19, 30, 30, tzinfo=UTC), 39.888, 194.340),
        (0.0, 51.4769, datetime(2020, 6, 20, 21, 44, tzinfo=UTC), None, None),
    ],
)
def test_the_sun_stands_where_the_almanac_has_it(
    lon: float, lat: float, utc: datetime, elevation: float | None, azimuth: float | None
) -> None:
    """The first row is the worked example of NREL's SPA report (Reda and Andreas, 2003)."""
    found = sun_at(LonLat(lon_deg=lon, lat_deg=lat), utc)
    if elevation is None:
        assert found.elevation_deg < 0.0
        return
    assert found.elevation_deg == pytest.approx(elevation, abs=0.01)
    assert found.azimuth_deg == pytest.approx(azimuth, abs=0.01)


def test_a_sensor_tipped_towards_the_sun_meets_it_more_steeply() -> None:
    sun = Sun(elevation_deg=40.0, azimuth_deg=90.0)
    nose_east = Attitude(yaw_deg=90.0, pitch_deg=-10.0, roll_deg=0.0)
    right_side_east = Attitude(yaw_deg=0.0, pitch_deg=0.0, roll_deg=10.0)
    assert leaning_deg(sun, nose_east) == pytest.approx(40.0, abs=1e-9)
    assert leaning_deg(sun, right_side_east) == pytest.approx(40.0, abs=1e-9)


def lit(**light: object) -> Photo:
    facts: dict[str, object] = {"kind": "dls2", "absolute": True, **light}
    return micasense(
        light=Light(**facts),  # type: ignore[arg-type]
        firmware="v7.5.0",
        place=LonLat(lon_deg=106.51, lat_deg=21.08),
        taken_utc=datetime(2026, 6, 21, 3, tzinfo=UTC),
    )


def test_dls2_is_believed_only_from_the_firmware_that_reckons_rightly() -> None:
    photo = lit(horizontal_irradiance=1.2, direct_irradiance=1.0, scattered_irradiance=0.3)
    new = downwelling(photo)
    old = downwelling(replace(photo, firmware="v5.1.6"))
    bare = downwelling(
        replace(lit(horizontal_irradiance=1.2), firmware="v5.1.6", model="RedEdge-MX")
    )
    assert isinstance(new, Downwelling)
    assert isinstance(old, Downwelling)
    assert new.value == 1.2
    assert old.sun is not None
    assert old.value == pytest.approx(math.sin(math.radians(old.sun.elevation_deg)) + 0.3)
    assert "finding.light_old_firmware" in keys(bare)
    newer = downwelling(replace(photo, firmware="v1.0.0", model="RedEdge-P"))
    assert isinstance(newer, Downwelling)
    assert newer.value == 1.2


def test_a_light_sensor_that_cannot_be_trusted_gives_no_light_but_a_reason() -> None:
    night = replace(lit(horizontal_irradiance=1.0), taken_utc=datetime(2026, 6, 21, 15, tzinfo=UTC))
    away = lit(kind="dls1", spectral_irradiance=1.0,
               attitude=Attitude(yaw_deg=0.0, pitch_deg=0.0, roll_deg=170.0))  # fmt: skip
    cases = {
        "finding.light_missing": micasense(),
        "finding.light_invalid": lit(horizontal_irradiance=1.0, valid=False),
        "finding.sun_low": night,
        "finding.light_unusable": lit(),
        "finding.light_turned_away": away,
    }
    assert {key: getattr(downwelling(photo), "key", "") for key, photo in cases.items()} == {
        key: key for key in cases
    }


def test_without_a_place_dls1_is_used_unlevelled_and_says_so() -> None:
    photo = replace(lit(kind="dls1", spectral_irradiance=1.0), place=None)
    assert keys(downwelling(photo)) == {"finding.light_not_levelled"}


def test_sequoia_s_light_is_the_middle_of_its_records_without_the_blinded_one() -> None:
    level = Attitude(yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0)
    records = tuple(
        SunshineReading(
            time_us=n, channel0=count, channel1=5, gain=2, exposure_ms=100, attitude=level
        )
        for n, count in enumerate((2000, 2200, 65535, 2100))
    )
    found = downwelling(lit(kind="sequoia", absolute=False, readings=records))
    assert isinstance(found, Downwelling)
    assert found.value == pytest.approx(10.5)
    assert not found.absolute


def test_more_readings_that_are_none_and_clocks_without_a_zone() -> None:
    dark = lit(kind="dls1", spectral_irradiance=0.0)
    dji = lit(kind="dji", absolute=False, spectral_irradiance=-1.0)
    blind = lit(kind="sequoia", absolute=False)
    for photo in (dark, dji, blind):
        assert getattr(downwelling(photo), "key", "") == "finding.light_unusable"
    told = replace(lit(horizontal_irradiance=1.0, solar_elevation_deg=3.0), place=None)
    assert getattr(downwelling(told), "key", "") == "finding.sun_low"
    with pytest.raises(BadInput):
        sun_at(LonLat(lon_deg=106.51, lat_deg=21.08), datetime(2026, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize(("hour", "low", "high"), [(23, -3.0, 12.0), (16, -80.0, -20.0)])
def test_refraction_is_reckoned_low_over_and_below_the_horizon(
    hour: int, low: float, high: float
) -> None:
    """23 h UTC is six in the morning at Đông Triều, 16 h eleven at night."""
    found = sun_at(LonLat(lon_deg=106.51, lat_deg=21.08), datetime(2026, 6, 21, hour, tzinfo=UTC))
    assert low < found.elevation_deg < high


def test_a_band_without_black_level_says_so_and_a_wrong_sensor_model_is_refused() -> None:
    counts = np.full((HEIGHT, WIDTH), 9000, np.uint16)
    assert "finding.photo_no_black" in keys(radiance(micasense(black_level=None), counts))
    parrot = micasense(make="Parrot", row_gradient=None, sensor_model=(-1e9, 0.0, 1.0))
    with pytest.raises(BadInput, match="sensor model"):
        radiance(parrot, counts)
    with pytest.raises(BadInput, match="row gradient"):
        radiance(micasense(row_gradient=(1e-4, 0.0, 1.0)), counts)
