"""From a synthetic orchard's photos back to its reflectance, by their files' tags alone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from imagery.calibration.flight import CapturePixels, calibrate_flight
from imagery.calibration.reflectance import Wanted, reflectance
from imagery.intake import counts_of, take_in
from sitl.camera import MULTISPECTRAL, Station, photograph, photograph_panel
from sitl.camera.flight import STARTED
from sitl.camera.rendering import seen_through
from sitl.scene.light import Daylight
from sitl.scene.orchard import orchard
from sitl.scene.spectra import BANDS

CAMERA = MULTISPECTRAL.of_width(240)
LAND = orchard(seed=3, size_m=(40.0, 30.0), cell_m=0.1)
STATION = Station(east_m=1.0, north_m=-1.0, height_m=30.0, yaw_deg=20.0)
CLOUDY = Daylight(irradiance=tuple(0.6 * value for value in Daylight().irradiance))
CASES: list[tuple[Daylight, tuple[Wanted, ...]]] = [
    (Daylight(), ("best", "panel")),
    (CLOUDY, ("best", "light")),
]


@pytest.mark.parametrize(("light", "wanted"), CASES)
def test_an_orchard_s_reflectance_comes_back_from_its_photos(
    tmp_path: Path, light: Daylight, wanted: tuple[Wanted, ...]
) -> None:
    """95 of 100 pixels to 0.01, all bands; the panel was photographed under a clear sky."""
    taken = photograph(LAND, CAMERA, [STATION], tmp_path, light=light, fine=1)
    photograph_panel(
        CAMERA, tmp_path, place=taken[0].told, taken_utc=STARTED - timedelta(minutes=2)
    )
    card = take_in(tmp_path, readers=1)
    truth = seen_through(LAND, CAMERA, STATION, LAND.reflectance, fine=1)
    flown = [photo for capture in card.captures for photo in capture.photos]
    panels = [photo for capture in card.panel_captures for photo in capture.photos]
    assert (len(flown), len(panels)) == (5, 5)
    with counts_of(card.source) as read:
        for choice in wanted:
            flight = calibrate_flight(flown, panels, read=read, wanted=choice)
            assert len(flight.readings) == 5
            for photo in flown:
                found = reflectance(photo, read(photo), flight.calibration)
                assert not found.relative
                assert photo.band is not None
                error = np.abs(found.values - truth[:, :, BANDS.index(photo.band.name)])
                assert float(np.nanpercentile(error, 95)) <= 0.01, (photo.band.label, choice)
        picture = CapturePixels.of(flight, read).picture(flown)
    corners = np.array([(0, 0, 1), (240, 0, 1), (240, 180, 1), (0, 180, 1.0)])
    for band in picture.alignment.bands:  # all were taken through one lens
        moved = corners @ band.matrix.T
        assert band.good
        assert float(np.abs(moved[:, :2] / moved[:, 2:] - corners[:, :2]).max()) < 0.75
