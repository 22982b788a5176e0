"""Reflectance: the real panel its certificate, known fields their truth, and doubts told."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agri.errors import BadInput
from agri.findings import Finding
from agri.geo import LonLat
from imagery.bands import Band
from imagery.calibration.certificate import Certificate, code_certificate, typed_certificate
from imagery.calibration.panel import PanelReading, find_panel, read_panel
from imagery.calibration.radiance import radiance
from imagery.calibration.reflectance import ground_calibration, reflectance
from imagery.photo import (
    Attitude,
    BrownLens,
    Exposure,
    Light,
    PanelFacts,
    Photo,
    PlaneVignette,
    RadialVignette,
    SunshineReading,
)
from tests.real_captures import CERTIFICATE, rededge

PAPER = typed_certificate("RP02-1603036-SC", CERTIFICATE)
NOON = datetime(2026, 5, 1, 5, tzinfo=UTC)
WIDTH, HEIGHT = 80, 60
X, Y = np.meshgrid(np.arange(WIDTH, dtype=float), np.arange(HEIGHT, dtype=float))
SQUARE = ((30.0, 20.0), (50.0, 20.0), (50.0, 40.0), (30.0, 40.0))
NUMBERS = range(1, 6)


def read(photo: Photo, counts: np.ndarray, **more: object) -> PanelReading:
    found = read_panel(photo, counts, **more)  # type: ignore[arg-type]
    assert isinstance(found, PanelReading), found
    return found


@pytest.mark.parametrize("number", NUMBERS)
def test_the_real_panel_is_found_where_the_maker_s_library_fails(number: int) -> None:
    """Its grey square, 216 to 224 pixels wide, was measured by eye in each band's picture."""
    photo, counts = rededge("IMG_0000", number)
    place = find_panel(photo, counts)
    assert place is not None
    assert (place.serial, place.how) == ("RP02-1603036-SC", "code")
    middle = np.mean(place.corners_px, axis=0)
    by_eye = {1: (730, 537), 2: (691, 550), 3: (690, 579), 4: (751, 581), 5: (726, 561)}
    assert np.hypot(*(middle - by_eye[number])) < 20.0
    assert read(photo, counts, certificate=PAPER).uneven < 0.03


@pytest.mark.parametrize("number", NUMBERS)
def test_the_panel_is_found_however_wrong_the_lens_that_the_file_tells(number: int) -> None:
    photo, counts = rededge("IMG_0000", number)
    bare = read(replace(photo, lens=None), counts, certificate=PAPER)
    assert bare.radiance == pytest.approx(read(photo, counts, certificate=PAPER).radiance, rel=0.01)


@pytest.mark.parametrize("number", NUMBERS)
def test_the_real_panel_reflects_what_its_certificate_says(number: int) -> None:
    """Calibrated by the square that the code shows, the whole sheet (drawn by eye) is measured."""
    photo, counts = rededge("IMG_0000", number)
    reading = read(photo, counts, certificate=PAPER)
    calibration = ground_calibration([photo], [reading])
    found = reflectance(photo, counts, calibration)
    corners = np.array(reading.place.corners_px)
    left, top = (corners.mean(axis=0) - 85.0).astype(int)
    sheet = found.values[top : top + 170, left : left + 170]
    assert found.ground == "panel and light"
    assert not found.relative
    assert photo.band is not None
    expected = PAPER.at(photo.band.centre_nm or 0.0)
    assert float(np.nanmean(sheet)) == pytest.approx(expected, rel=0.01)


def test_a_real_field_seen_by_panel_and_light_is_a_field() -> None:
    """IMG_0001 was taken 91 s later from 70 m: soil and crop, NIR above red."""
    values = {}
    for number in NUMBERS:
        reading = read(*rededge("IMG_0000", number), certificate=PAPER)
        photo, counts = rededge("IMG_0001", number)
        found = reflectance(photo, counts, ground_calibration([photo], [reading]))
        assert photo.band is not None
        values[photo.band.name] = float(np.nanmedian(found.values))
    assert all(0.01 < value < 0.7 for value in values.values()), values
    assert values["NIR"] > values["Red edge"] > values["Red"] > values["Blue"]


# What a camera would store, written from the makers' formulas the other way round.


def micasense(
    radiance_: np.ndarray, light: float, minutes: float = 0.0
) -> tuple[Photo, np.ndarray]:
    radius = np.hypot(X - 41.0, Y - 29.0)
    lens = 1.0 - 2e-4 * radius - 6e-5 * radius**2
    rows = 1.0 + 1e-7 * Y / 0.0004 - 2e-6 * Y
    counts = 4800.0 + radiance_ * lens * rows * 65536.0 * 0.0004 / 1.1e-4
    photo = Photo(
        path=Path(f"IMG_{minutes:04.0f}_4.tif"), make="MicaSense", model="RedEdge-MX",
        firmware="v7.5.0", width_px=WIDTH, height_px=HEIGHT, bits=16,
        bands=(Band.at("NIR", 842.0, 57.0),), black_level=4800.0,
        exposure=Exposure(time_s=0.0004, gain=1.0), row_gradient=(1.1e-4, 1e-7, 2e-6),
        vignette=RadialVignette(centre_x_px=41.0, centre_y_px=29.0, coefficients=(-2e-4, -6e-5)),
        place=LonLat(lon_deg=106.51, lat_deg=21.08), taken_utc=NOON + timedelta(minutes=minutes),
        light=Light(kind="dls2", absolute=True, horizontal_irradiance=light),
    )  # fmt: skip
    return photo, counts


def dji(radiance_: np.ndarray, light: float, minutes: float = 0.0) -> tuple[Photo, np.ndarray]:
    radius = np.hypot(X - 38.0, Y - 31.0)
    back = 1.0 + 4e-4 * radius + 5e-5 * radius**2
    counts = 3200.0 + 0.37 * radiance_ / 1.21 * 65536.0 * 4.0 * 0.002 / back * 60.0
    photo = Photo(
        path=Path(f"DJI_{minutes:04.0f}_MS_NIR.TIF"), make="DJI", model="M3M",
        width_px=WIDTH, height_px=HEIGHT, bits=16, bands=(Band.at("NIR", 860.0, 52.0),),
        black_level=3200.0, exposure=Exposure(time_s=0.002, gain=4.0),
        vignette=RadialVignette(centre_x_px=38.0, centre_y_px=31.0, coefficients=(4e-4, 5e-5),
                                multiply=True),
        taken_utc=NOON + timedelta(minutes=minutes),
        light=Light(kind="dji", absolute=False, spectral_irradiance=5200.0 * light,
                    sensor_gain_adjustment=1.21),
    )  # fmt: skip
    return photo, counts


def sequoia(radiance_: np.ndarray, light: float, minutes: float = 0.0) -> tuple[Photo, np.ndarray]:
    a, b, c = 280652.5, 4863.1, 2764.2
    lens = 0.8 + 0.4 * X / WIDTH - 0.4 * (X / WIDTH) ** 2
    counts = (2.5 * radiance_ * (a * 0.004 * 100.0 + c) / 2.2**2 * 0.9 + b) * lens
    level = Attitude(yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0)
    record = SunshineReading(time_us=1, channel0=round(20000 * light), channel1=9, gain=1,
                             exposure_ms=100, attitude=level)  # fmt: skip
    photo = Photo(
        path=Path(f"IMG_{minutes:04.0f}_NIR.TIF"), make="Parrot", model="Sequoia",
        width_px=WIDTH, height_px=HEIGHT, bits=16, bands=(Band.at("NIR", 790.0, 40.0),),
        black_level=b, sensor_model=(a, b, c),
        exposure=Exposure(time_s=0.004, gain=100.0, aperture=2.2),
        vignette=PlaneVignette(powers=((0, 0), (1, 0), (2, 0)), coefficients=(0.8, 0.4, -0.4)),
        taken_utc=NOON + timedelta(minutes=minutes),
        light=Light(kind="sequoia", absolute=False, readings=(record,)),
    )  # fmt: skip
    return photo, counts


CAMERAS = {"MicaSense": micasense, "DJI": dji, "Sequoia": sequoia}


def shot(
    camera: str, field: np.ndarray, light: float, minutes: float, seed: int
) -> tuple[Photo, np.ndarray]:
    """A photo of a field of known reflectance under a light, with 0.5 % of noise."""
    noise = np.random.default_rng(seed).normal(1.0, 0.005, field.shape)
    photo, counts = CAMERAS[camera](field * light / math.pi * noise, light, minutes)
    assert counts.max() < 65000
    return photo, np.round(counts).astype(np.uint16)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.4, 1.1))
@pytest.mark.parametrize("camera", list(CAMERAS))
def test_known_reflectance_comes_back_whatever_the_light_does(
    camera: str, seed: int, cloud: float
) -> None:
    field = np.random.default_rng(seed).uniform(0.02, 0.6, (HEIGHT, WIDTH))
    target = np.full((HEIGHT, WIDTH), 0.5)
    paper = Certificate(albedo=((840.0, 0.5),)) if camera != "Sequoia" else Certificate(
        albedo=((790.0, 0.5),)
    )  # fmt: skip
    panel = read(*shot(camera, target, 0.9, 0.0, seed), outline=SQUARE, certificate=paper)
    photo, counts = shot(camera, field, 0.9 * cloud, 5.0, seed + 1)
    found = reflectance(photo, counts, ground_calibration([photo], [panel]))
    error = np.abs(found.values - field)
    assert found.ground == "panel and light"
    assert not found.relative
    assert float(np.percentile(error, 95)) <= 0.01


def test_the_panel_alone_is_right_in_steady_light_and_warns_when_it_changed() -> None:
    field = np.full((HEIGHT, WIDTH), 0.3)
    paper = Certificate(albedo=((842.0, 0.5),))
    panel = read(*shot("MicaSense", field * 0.5 / 0.3, 0.9, 0.0, 1), outline=SQUARE,
                 certificate=paper)  # fmt: skip
    steady = [shot("MicaSense", field, 0.9, minute, 2) for minute in (1.0, 2.0)]
    cloudy = [
        shot("MicaSense", field, light, minute, 3) for minute, light in ((1.0, 0.9), (2, 0.5))
    ]
    calm = ground_calibration([photo for photo, _ in steady], [panel], "panel")
    found = reflectance(*steady[0], calm)
    assert found.ground == "panel"
    assert float(np.median(found.values)) == pytest.approx(0.3, abs=0.003)
    assert not calm.findings
    changed = ground_calibration([photo for photo, _ in cloudy], [panel], "panel")
    assert [f.key for f in changed.findings] == ["finding.light_varied"]


def test_between_two_panel_photos_the_light_is_taken_to_change_evenly() -> None:
    paper = Certificate(albedo=((842.0, 0.5),))
    target, field = np.full((HEIGHT, WIDTH), 0.5), np.full((HEIGHT, WIDTH), 0.2)
    ends = [read(*shot("MicaSense", target, light, minute, 4), outline=SQUARE, certificate=paper)
            for light, minute in ((1.0, 0.0), (0.8, 20.0))]  # fmt: skip
    photo, counts = shot("MicaSense", field, 0.9, 10.0, 5)
    found = reflectance(photo, counts, ground_calibration([photo], ends, "panel"))
    assert float(np.median(found.values)) == pytest.approx(0.2, abs=0.002)


def test_two_panel_photos_that_contradict_the_light_sensor_are_told_of() -> None:
    paper = Certificate(albedo=((842.0, 0.5),))
    target = np.full((HEIGHT, WIDTH), 0.5)
    first = read(*shot("MicaSense", target, 1.0, 0.0, 1), outline=SQUARE, certificate=paper)
    dirty = read(*shot("MicaSense", 0.85 * target, 1.0, 9.0, 2), outline=SQUARE, certificate=paper)
    photo, _ = shot("MicaSense", target, 1.0, 4.0, 3)
    calibration = ground_calibration([photo], [first, dirty])
    assert [f.key for f in calibration.findings] == ["finding.panel_drift"]


def test_without_a_panel_only_an_absolute_camera_gives_reflectance() -> None:
    field = np.full((HEIGHT, WIDTH), 0.3)
    photo, counts = shot("MicaSense", field, 0.9, 0.0, 1)
    found = reflectance(photo, counts, ground_calibration([photo]))
    assert (found.ground, found.relative) == ("light", False)
    assert float(np.median(found.values)) == pytest.approx(0.3, abs=0.003)
    assert {f.key for f in found.findings} == {"finding.calibrated_by_light"}


@pytest.mark.parametrize(
    ("camera", "key"),
    [("DJI", "finding.calibrated_relative"), ("Sequoia", "finding.calibrated_relative_band")],
)
def test_a_relative_camera_keeps_ratios_between_photos_and_says_that_a_factor_is_missing(
    camera: str, key: str
) -> None:
    bright, dim = np.full((HEIGHT, WIDTH), 0.4), np.full((HEIGHT, WIDTH), 0.1)
    one, two = shot(camera, bright, 1.0, 0.0, 1), shot(camera, dim, 0.5, 1.0, 2)
    calibration = ground_calibration([one[0], two[0]])
    first, second = (reflectance(*each, calibration) for each in (one, two))
    ratio = float(np.median(first.values) / np.median(second.values))
    assert ratio == pytest.approx(4.0, rel=0.01)
    assert first.relative
    assert {f.key for f in first.findings} == {key}


def test_with_neither_panel_nor_light_the_product_says_so() -> None:
    photo, counts = shot("MicaSense", np.full((HEIGHT, WIDTH), 0.3), 0.9, 0.0, 1)
    dark = replace(photo, light=None)
    found = reflectance(dark, counts, ground_calibration([dark]))
    assert (found.ground, found.relative) == ("none", True)
    assert "finding.not_calibrated" in {f.key for f in found.findings}
    np.testing.assert_array_equal(found.values, radiance(dark, counts).values)


def test_a_photo_whose_light_sensor_failed_stays_empty_rather_than_wrong() -> None:
    paper = Certificate(albedo=((842.0, 0.5),))
    target = np.full((HEIGHT, WIDTH), 0.5)
    panel = read(*shot("MicaSense", target, 1.0, 0.0, 1), outline=SQUARE, certificate=paper)
    shots = [shot("MicaSense", target, 1.0, float(n), n) for n in range(20)]
    failed = replace(shots[7][0], light=None)
    photos = [failed if n == 7 else photo for n, (photo, _) in enumerate(shots)]
    calibration = ground_calibration(photos, [panel])
    assert calibration.bands[0].ground == "panel and light"
    found = reflectance(failed, shots[7][1], calibration)
    assert np.isnan(found.values).all()
    assert "finding.photo_without_light" in {f.key for f in found.findings}


def test_saturated_pixels_are_left_empty() -> None:
    photo, counts = shot("MicaSense", np.full((HEIGHT, WIDTH), 0.3), 0.9, 0.0, 1)
    counts[5, 6] = 65535
    found = reflectance(photo, counts, ground_calibration([photo]))
    assert np.isnan(found.values[5, 6])
    assert int(np.isnan(found.values).sum()) == 1


def refused(photo: Photo, counts: np.ndarray, **more: object) -> str:
    found = read_panel(photo, counts, **more)  # type: ignore[arg-type]
    assert isinstance(found, Finding), found
    return found.key


def test_what_is_no_good_panel_is_no_measurement() -> None:
    paper = Certificate(albedo=((842.0, 0.5),))
    photo, counts = shot("MicaSense", np.full((HEIGHT, WIDTH), 0.5), 0.9, 0.0, 1)
    shaded, blown = counts.copy(), counts.copy()
    shaded[:, :40] = 4800 + (shaded[:, :40] - 4800) // 2
    blown[20:40, 30:50] = 65535
    tiny = ((30.0, 20.0), (35.0, 20.0), (35.0, 25.0))
    assert refused(photo, counts, certificate=paper) == "finding.panel_not_found"
    assert refused(photo, shaded, outline=SQUARE, certificate=paper) == "finding.panel_uneven"
    assert refused(photo, blown, outline=SQUARE, certificate=paper) == "finding.panel_saturated"
    assert refused(photo, counts, outline=tiny, certificate=paper) == "finding.panel_small"
    assert refused(photo, counts, outline=SQUARE) == "finding.panel_no_certificate"
    with pytest.raises(BadInput, match="842 nm"):
        read_panel(photo, counts, outline=SQUARE, certificate=Certificate(albedo=((560.0, 0.5),)))
    with pytest.raises(BadInput, match="corners"):
        read_panel(photo, counts, outline=((1.0, 1.0), (99.0, 1.0), (1.0, 9.0)), certificate=paper)


def test_a_panel_that_the_camera_itself_outlined_and_knows_needs_no_code() -> None:
    photo, counts = shot("MicaSense", np.full((HEIGHT, WIDTH), 0.5), 0.9, 0.0, 1)
    told = replace(photo, panel=PanelFacts(serial="RP06-2052007-OB", albedo=0.5, corners_px=SQUARE))
    found = read(told, counts)
    assert (found.place.how, found.albedo, found.pixels) == ("camera", 0.5, 400)
    assert found.irradiance == pytest.approx(0.9, rel=0.002)


def test_a_newer_panel_s_code_carries_its_reflectance() -> None:
    paper = code_certificate("RP06-2052007-OB" + "0400512" + "0900498")
    assert paper is not None
    assert paper.at(400.0) == pytest.approx(0.512)
    assert paper.at(650.0) == pytest.approx(0.505)
    assert code_certificate("RP06-2052007-OB") is None
    assert code_certificate("RP04-2052007-OB" + "0900512" + "0400498") is None


@pytest.mark.parametrize("rows", [(), ((560.0, 1.2),), ((560.0, 0.5), (475.0, 0.5))])
def test_an_impossible_certificate_is_refused(rows: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(BadInput):
        Certificate(albedo=rows)


@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize("generation", ["RP02", "RP04", "RP06"])
def test_a_drawn_panel_of_any_generation_is_found_however_it_lies(
    generation: str, turn: int
) -> None:
    """A panel drawn after the maker's measures: code, and a sheet four times the square read."""
    zxing = pytest.importorskip("zxingcpp")
    code = zxing.create_barcode(f"{generation}-2052007-OB", zxing.BarcodeFormat.QRCode)
    modules = np.asarray(zxing.write_barcode_to_image(code, scale=1, add_quiet_zones=False))
    scale = 3.0 if generation == "RP02" else 4.0
    side_mm, sheet_mm, (right_mm, down_mm) = {
        "RP02": (42.0, 76.2, (0.0, 71.6)),
        "RP04": (45.0, 50.0, (0.0, 72.9)),
        "RP06": (41.0, 50.0, (0.0, -65.42)),
    }[generation]
    picture = np.full((900, 900), 9000, np.uint16)
    size = round(side_mm * scale / len(modules)) * len(modules)
    scale = size / side_mm
    big = np.kron(modules, np.ones((size // len(modules),) * 2)).astype(bool)
    top = 450 - size // 2
    picture[top - 20 : top + size + 20, top - 20 : top + size + 20] = 50000
    picture[top : top + size, top : top + size] = np.where(big, 50000, 6000)
    half, cx, cy = sheet_mm * scale / 2.0, 450 + right_mm * scale, 450 + down_mm * scale
    picture[round(cy - half) : round(cy + half), round(cx - half) : round(cx + half)] = 40000
    picture = np.rot90(picture, turn).copy()
    photo = Photo(path=Path("p.tif"), width_px=900, height_px=900, bits=16,
                  exposure=Exposure(time_s=1.0, gain=1.0))  # fmt: skip
    place = find_panel(photo, picture)
    assert place is not None
    for x, y in place.corners_px:
        assert picture[round(y), round(x)] == 40000


def test_a_dark_picture_s_code_is_read_too() -> None:
    photo, counts = rededge("IMG_0000", 3)
    dim = (4800 + (counts.astype(np.int64) - 4800) // 40).astype(np.uint16)
    assert find_panel(photo, dim) is not None


def test_an_outline_from_the_camera_that_lies_nowhere_is_no_panel() -> None:
    photo, counts = shot("MicaSense", np.full((HEIGHT, WIDTH), 0.5), 0.9, 0.0, 1)
    away = ((1e300, 1e300), (2e300, 1e300), (2e300, 2e300))
    told = replace(photo, panel=PanelFacts(albedo=0.5, corners_px=away))
    assert refused(told, counts) == "finding.panel_small"


def test_a_wrong_lens_does_not_break_the_search_for_a_panel() -> None:
    photo, counts = rededge("IMG_0000", 1)
    bad = BrownLens(focal_x_px=20.0, focal_y_px=20.0, centre_x_px=640.0, centre_y_px=480.0,
                    k1=-0.3, k2=0.2)  # fmt: skip
    place = find_panel(replace(photo, lens=bad), counts)
    assert place is not None
    assert place.serial == "RP02-1603036-SC"
