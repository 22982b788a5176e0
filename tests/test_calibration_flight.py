"""A flight from the card: taken in, panel found, calibrated, captures made pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agri.errors import BadInput
from agri.geo import LonLat
from imagery.bands import Band
from imagery.calibration.certificate import typed_certificate
from imagery.calibration.flight import CapturePixels, calibrate_flight, coarser
from imagery.calibration.light_series import light_series
from imagery.calibration.radiance import radiance
from imagery.calibration.reflectance import reflectance
from imagery.intake import Intake, counts_of, take_in
from imagery.photo import Light, Photo
from tests.real_captures import CERTIFICATE, golden, imagery_folder

PAPER = typed_certificate("RP02-1603036-SC", CERTIFICATE)


@pytest.fixture(scope="module")
def card() -> Intake:
    return take_in(imagery_folder() / "micasense_rededge_mit" / "0000SET", readers=1)


@pytest.fixture(scope="module")
def read(card: Intake) -> Iterator[Any]:
    with counts_of(card.source) as counts:
        yield counts


def files_of(card: Intake, capture: str) -> list[Photo]:
    taken = [*card.captures, *card.panel_captures]
    photos = [photo for one in taken for photo in one.photos]
    return [photo for photo in photos if photo.path.name.startswith(capture)]


def test_what_intake_reads_of_real_files_gives_the_maker_s_own_radiance(
    card: Intake, read: Any
) -> None:
    photos = [*files_of(card, "IMG_0000"), *files_of(card, "IMG_0001")]
    assert len(photos) == 10
    for photo in photos:
        expected = golden()[photo.path.name]
        found = radiance(photo, read(photo))
        assert found.absolute
        assert float(found.values.mean()) == pytest.approx(expected["radiance_mean"], rel=1e-3)


def test_a_real_flight_is_calibrated_from_its_card(card: Intake, read: Any) -> None:
    panels, flown = files_of(card, "IMG_0000"), files_of(card, "IMG_0001")
    flight = calibrate_flight(flown, [*panels, *flown], read=read, certificate=PAPER)
    assert len(flight.readings) == 5
    assert {one.ground for one in flight.calibration.bands} == {"panel and light"}
    assert not flight.findings
    for reading in flight.readings:
        found = reflectance(reading.photo, read(reading.photo), flight.calibration)
        inside = np.array(reading.place.corners_px).mean(axis=0).astype(int)
        square = found.values[inside[1] - 40 : inside[1] + 40, inside[0] - 40 : inside[0] + 40]
        assert float(np.nanmean(square)) == pytest.approx(reading.albedo, rel=0.01)


def test_captures_reach_the_mosaic_calibrated_and_aligned(card: Intake, read: Any) -> None:
    flown = files_of(card, "IMG_0001")
    flight = calibrate_flight(flown, files_of(card, "IMG_0000"), read=read, certificate=PAPER)
    source = CapturePixels.of(flight, read)
    picture = source.source(flown[:2])(4)
    assert picture.shape == (240, 320, 2)
    assert 0.0 < float(np.nanmedian(picture)) < 0.6
    assert not source.findings


def test_bands_that_cannot_lie_with_the_others_are_left_out_and_told(
    card: Intake, read: Any
) -> None:
    flown = files_of(card, "IMG_0001")[:2]
    thermal = replace(flown[0], bands=(Band.at("LWIR", 11000.0, 6000.0),))
    sharp = replace(flown[0], width_px=2464, bands=(Band.at("Panchro", 634.5, 463.0),))
    colour = replace(flown[0], channels=3, bands=())
    source = CapturePixels.of(calibrate_flight([*flown, thermal, sharp], read=read), read)
    assert source.picture([*flown, thermal, sharp, colour]).values.shape == (2, 960, 1280)
    left = {f.where for f in source.findings if f.key == "finding.band_left_out"}
    assert left == {"LWIR 11000 nm", "Panchro 634.5 nm", "RGB"}
    with pytest.raises(BadInput, match="None of the capture"):
        source.picture([thermal])


def test_without_its_certificate_the_panel_is_named_and_light_is_used(
    card: Intake, read: Any
) -> None:
    flight = calibrate_flight(files_of(card, "IMG_0001"), files_of(card, "IMG_0000"), read=read)
    assert not flight.readings
    assert {one.ground for one in flight.calibration.bands} == {"light"}
    keys = {finding.key for finding in flight.findings}
    assert keys == {"finding.panel_no_certificate", "finding.calibrated_by_light"}
    assert any("RP02-1603036-SC" in finding.text("vi") for finding in flight.findings)


def test_pixels_that_are_not_the_photo_s_are_refused(card: Intake, read: Any) -> None:
    photo = files_of(card, "IMG_0001")[0]
    with pytest.raises(BadInput, match="1279"):
        radiance(replace(photo, width_px=1279), read(photo))
    with pytest.raises(BadInput, match="float32"):
        radiance(photo, read(photo).astype(np.float32))


def test_a_coarser_picture_keeps_means_and_gaps() -> None:
    picture = np.arange(30, dtype=np.float32).reshape(5, 3, 2)
    picture[0, 0, 1] = np.nan
    small = coarser(picture, 2)
    assert small.shape == (3, 2, 2)
    assert small[0, 0, 0] == np.mean([0, 2, 6, 8])
    assert np.isnan(small[0, 0, 1])
    assert small[2, 1, 0] == 28.0


def under(light: float, minute: float) -> Photo:
    return Photo(
        path=Path(f"IMG_{minute:06.2f}.tif"),
        width_px=2,
        height_px=2,
        bits=16,
        bands=(Band.at("Red", 668.0, 10.0),),
        taken_utc=datetime(2026, 5, 1, 3, tzinfo=UTC) + timedelta(minutes=minute),
        place=LonLat(lon_deg=106.51, lat_deg=21.08),
        light=Light(kind="dls2", absolute=True, horizontal_irradiance=light),
    )


def test_clouds_over_a_flight_are_told_from_the_sun_s_own_course() -> None:
    rng = np.random.default_rng(1)
    sky = 0.8 + 0.01 * np.arange(40) + rng.normal(0.0, 0.005, 40)
    sky[12:20] *= 0.6
    photos = [under(value, minute) for minute, value in enumerate(sky)]
    (series,) = light_series([*photos[::-1], replace(photos[0], light=None)])
    assert [n for n, cloudy in enumerate(series.cloudy) if cloudy] == list(range(12, 20))
    assert series.photos[0] == photos[0]
    assert (series.missing, series.absolute) == (1, True)
    assert [f.key for f in series.findings] == ["finding.flight_cloudy"]
    clear = light_series([under(0.8 + 0.02 * minute, minute) for minute in range(20)])
    assert not clear[0].findings
    assert clear[0].expected == pytest.approx(clear[0].light)


def test_a_flight_without_a_light_sensor_has_no_curve() -> None:
    assert light_series([replace(under(1.0, 0.0), light=None)]) == ()
    assert light_series([under(1.0, 0.0)])[0].expected == (1.0,)
