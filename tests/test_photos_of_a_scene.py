"""Flight, photos, intake, mosaic: what comes out is held against the land that was photographed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
import rasterio.warp
from numpy.typing import NDArray

from agri.findings import Severity
from imagery.calibration.lens import undistorted
from imagery.calibration.panel import read_panel
from imagery.calibration.reflectance import ground_calibration, reflectance
from imagery.decoding.pixels import reduced
from imagery.intake import Intake, pictures_of, take_in
from imagery.mosaic import Mosaic, MosaicSettings, make_mosaic
from imagery.mosaic.accuracy import CheckPoint
from imagery.mosaic.from_photos import shots_from_photos, straightened
from imagery.mosaic.shots import PixelSource
from imagery.photo import Photo
from sitl.camera import (
    COLOUR,
    MULTISPECTRAL,
    SceneCamera,
    Taken,
    photograph,
    photograph_panel,
    stations_over,
)
from sitl.camera.lens import seen_at
from sitl.camera.rendering import visible_places
from sitl.camera.stations import Station
from sitl.scene import Daylight, Scene, orchard, paddy
from sitl.scene.spectra import Material

CAMERA = COLOUR.of_width(320)
HEIGHT_M = 25.0
GPS_M = (0.05, 0.2)
"""Standard errors: the whole flight's, each picture's own."""


@pytest.fixture(scope="module")
def flight(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scene, tuple[Taken, ...], Intake]:
    folder = tmp_path_factory.mktemp("flight")
    land = orchard(seed=6, size_m=(56.0, 44.0), cell_m=0.12)
    stations = stations_over(
        land, CAMERA, height_m=HEIGHT_M, front_overlap=0.75, side_overlap=0.7, margin_m=7.0
    )
    taken = photograph(land, CAMERA, stations, folder, gps_error_m=GPS_M, fine=1)
    return land, taken, take_in(folder, readers=1)


def column_row(camera: SceneCamera, station: Station, places: NDArray[np.float64]):
    """Where the true station shows places, by the simulator's own geometry."""
    start = [station.east_m, station.north_m, station.height_m]
    away = (places - start) @ station.axes().T
    return seen_at(camera, away[:, 0] / away[:, 2], away[:, 1] / away[:, 2])


def marked(land: Scene, taken: Sequence[Taken], count: int = 25) -> list[CheckPoint]:
    """Bare places measured without error, and marked in every photo that shows them."""
    bare = np.argwhere(land.covered_by(Material.SOIL, Material.GRASS))
    rng = np.random.default_rng(0)
    east, north = land.places()
    points = []
    for row, column in bare[rng.choice(len(bare), 6 * count, replace=False)]:
        place = np.array([[east[column], north[row], land.ground_m[row, column]]])
        if (np.abs(place[0, :2]) > np.array(land.half_m) - 8.0).any():
            continue
        sightings = []
        for each in taken:
            x, y = (float(v[0]) for v in column_row(CAMERA, each.station, place))
            if 0 <= x < CAMERA.width_px and 0 <= y < CAMERA.height_px:
                sightings.append((each.files[0].name, x, y))
        if sightings:
            told = land.frame.place(float(place[0, 0]), float(place[0, 1]))
            points.append(CheckPoint(name=str(row), place=told, sightings=tuple(sightings)))
    return points[:count]


@pytest.fixture(scope="module")
def mosaic(
    flight: tuple[Scene, tuple[Taken, ...], Intake], tmp_path_factory: pytest.TempPathFactory
) -> Mosaic:
    land, taken, intake = flight
    shares: list[float] = []
    with pictures_of(intake.source) as decode:
        shots, findings = shots_from_photos(intake.photos, pixels=straightened(decode))
        made = make_mosaic(
            shots,
            tmp_path_factory.mktemp("mosaic") / "mosaic.tif",
            terrain=land.grid("ground"),
            check_points=marked(land, taken),
            settings=MosaicSettings(quality="full"),
            band_names=("Red", "Green", "Blue"),
            progress=shares.append,
        )
    assert not findings
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    return made


def test_what_the_simulators_camera_writes_is_taken_in_without_a_finding(
    flight: tuple[Scene, tuple[Taken, ...], Intake],
) -> None:
    land, taken, intake = flight
    assert not intake.findings
    assert len(intake.photos) == len(taken)
    for photo, each in zip(intake.photos, taken, strict=True):
        assert photo.place is not None
        east, north = land.frame.metres(photo.place)
        true_east, true_north = land.frame.metres(each.told)
        assert (east, north) == pytest.approx((true_east, true_north), abs=0.002)
        assert photo.camera is not None
        assert photo.camera.pitch_deg == pytest.approx(each.station.pitch_deg - 90.0, abs=0.01)


def test_a_mosaic_lies_within_a_pixel_and_a_half_and_the_error_of_gps(
    flight: tuple[Scene, tuple[Taken, ...], Intake], mosaic: Mosaic
) -> None:
    found = mosaic.accuracy
    gsd = CAMERA.gsd_m(HEIGHT_M)
    assert found.placed == found.photos == len(flight[1])
    assert found.reprojection_px <= 0.5
    assert found.check_points >= 15
    assert found.check_m <= 1.5 * gsd + np.hypot(*GPS_M)
    assert found.native_m == pytest.approx(gsd, rel=0.05)
    assert [finding.key for finding in mosaic.findings] == ["finding.mosaic_checked"]


def test_the_mosaics_pixels_show_the_lands_colours_where_they_are(
    flight: tuple[Scene, tuple[Taken, ...], Intake], mosaic: Mosaic
) -> None:
    land = flight[0]
    with rasterio.open(mosaic.path) as source:
        pixels = source.read(1).astype(float)
        mask = source.dataset_mask() > 0
        east, north = land.places()
        inner = np.abs(east) < land.half_m[0] - 12.0, np.abs(north) < land.half_m[1] - 12.0
        blurred = cv2.blur(land.reflectance[:, :, 2], (3, 3))
        truth = blurred[np.ix_(inner[1], inner[0])]
        places = np.meshgrid(east[inner[0]], north[inner[1]])
        lon, lat = land.frame.to_lonlat(*(each.ravel() for each in places))
        x, y = rasterio.warp.transform("EPSG:4326", source.crs, lon, lat)
        rows, columns = rasterio.transform.rowcol(source.transform, x, y)
    rows, columns = np.array(rows), np.array(columns)
    assert mask[rows, columns].all()
    red = pixels[rows, columns]
    assert np.corrcoef(red, truth.ravel() ** (1 / 2.4))[0, 1] > 0.8
    shifted = pixels[rows + 8, columns]
    assert np.corrcoef(shifted, truth.ravel() ** (1 / 2.4))[0, 1] < 0.7


def test_a_flights_bands_become_the_lands_reflectance_by_the_panel(tmp_path: Path) -> None:
    land = paddy(seed=6, size_m=(40.0, 30.0), cell_m=0.15)
    camera = MULTISPECTRAL.of_width(160)
    light = Daylight()
    station = Station(east_m=1.0, north_m=-2.0, height_m=24.0, yaw_deg=20.0, roll_deg=2.0)
    photograph_panel(camera, tmp_path, place=land.frame.origin, light=light)
    photograph(land, camera, [station], tmp_path, light=light, fine=1)
    intake = take_in(tmp_path, readers=1)
    assert len(intake.panel_captures) == 1
    readings = []
    for photo in intake.panel_captures[0].photos:
        reading = read_panel(photo, cv2.imread(str(photo.path), cv2.IMREAD_UNCHANGED))
        readings += [reading] if not isinstance(reading, tuple) else [reading[0]]
    calibration = ground_calibration(intake.photos, readings)
    places = visible_places(land, camera, station)
    row, column = (np.rint(v).astype(int) for v in land.cells(places[..., 0], places[..., 1]))
    inside = (row >= 0) & (row < land.shape[0]) & (column >= 0) & (column < land.shape[1])
    order = {"Blue": 0, "Green": 1, "Red": 2, "Red edge": 3, "NIR": 4}
    for photo in intake.photos:
        counts = cv2.imread(str(photo.path), cv2.IMREAD_UNCHANGED)
        found = reflectance(photo, counts, calibration).values
        assert photo.band is not None
        truth = land.reflectance[row[inside], column[inside], order[photo.band.name]]
        assert np.quantile(np.abs(found[inside] - truth), 0.95) <= 0.01


def test_calibrated_bands_become_one_mosaic_of_reflectance(tmp_path: Path) -> None:
    land = orchard(seed=8, size_m=(44.0, 36.0), cell_m=0.15)
    camera = MULTISPECTRAL.of_width(256)
    stations = stations_over(
        land, camera, height_m=26.0, margin_m=8.0, front_overlap=0.7, side_overlap=0.6
    )
    taken = photograph(land, camera, stations, tmp_path, gps_error_m=(0.0, 0.05), fine=1)
    intake = take_in(tmp_path, readers=1)
    assert {finding.severity for finding in intake.findings} <= {Severity.INFO}
    calibration = ground_calibration(intake.photos)
    by_path = {photo.path.name: photo for photo in intake.photos}
    files = {each.files[1].name: [file.name for file in each.files] for each in taken}

    def pixels(green: Photo) -> PixelSource:
        def read(reduction: int) -> NDArray[np.float32]:
            bands = []
            for name in files[green.path.name]:
                photo = by_path[name]
                counts = cv2.imread(str(photo.path), cv2.IMREAD_UNCHANGED)
                bands.append(undistorted(photo, reflectance(photo, counts, calibration).values))
            return reduced(np.stack(bands, axis=-1), reduction)

        return read

    greens = [by_path[name] for name in files]
    shots, findings = shots_from_photos(greens, pixels=pixels)
    assert not findings
    settings = MosaicSettings(quality="full", even_exposure=False)
    made = make_mosaic(shots, tmp_path / "m.tif", terrain=land.grid("ground"), settings=settings)
    assert made.accuracy.placed_share == 1.0
    assert made.accuracy.reprojection_px <= 0.5
    with rasterio.open(made.path) as source:
        assert (source.count, source.dtypes[0]) == (5, "float32")
        east, north = (each[::4] for each in land.places())
        rows, columns = np.meshgrid(np.arange(0, land.shape[0], 4), np.arange(0, land.shape[1], 4),
                                    indexing="ij")  # fmt: skip
        lon, lat = land.frame.to_lonlat(*(each.ravel() for each in np.meshgrid(east, north)))
        x, y = rasterio.warp.transform("EPSG:4326", source.crs, lon, lat)
        found = np.array(list(source.sample(zip(x, y, strict=True))))
    truth = land.reflectance[rows.ravel(), columns.ravel()]
    inner = (np.abs(np.meshgrid(east, north)[0].ravel()) < 14.0) & (
        np.abs(np.meshgrid(east, north)[1].ravel()) < 10.0
    )
    assert np.isfinite(found[inner]).all()
    order = [0, 1, 2, 4, 3]
    for band, true in enumerate(order):
        off = found[inner, band] - truth[inner, true]
        assert abs(float(np.median(off))) <= 0.01
    assert np.corrcoef(found[inner, 3], truth[inner, 4])[0, 1] > 0.75
