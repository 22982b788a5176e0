"""Scenes and their photos: the truth is known, and the files tell it as cameras do."""

from __future__ import annotations

import io
import math
from pathlib import Path

import exifread
import numpy as np
import pytest
import tifffile

from agri.geo import LonLat
from agri.track import Photo
from sitl.camera import (
    COLOUR,
    MULTISPECTRAL,
    Station,
    photograph,
    photograph_panel,
    stations_over,
    stations_taken,
)
from sitl.camera.exif import gps_tags, tiff
from sitl.camera.lens import directions, seen_at
from sitl.camera.rendering import visible_places
from sitl.camera.sensor import RADIANCE_FACTORS, ROW_FACTORS
from sitl.scene import Daylight, orchard, paddy
from sitl.scene.light import shading
from sitl.scene.spectra import Material

SMALL = MULTISPECTRAL.of_width(160)
SIZE = {"size_m": (60.0, 48.0), "cell_m": 0.2}


def test_the_same_seed_gives_the_same_land_and_another_one_other_land() -> None:
    for make in (orchard, paddy):
        first, again, other = (make(seed=seed, **SIZE) for seed in (4, 4, 5))
        np.testing.assert_array_equal(first.reflectance, again.reflectance)
        np.testing.assert_array_equal(first.surface_m, again.surface_m)
        assert not np.array_equal(first.reflectance, other.reflectance)


def test_trees_stand_where_they_are_said_to_stand_and_gaps_are_bare() -> None:
    land = orchard(seed=2, **SIZE)
    canopy = land.grid("canopy")
    lon, lat = land.frame.to_lonlat([t.east_m for t in land.trees], [t.north_m for t in land.trees])
    heights = canopy.sample(lon, lat)
    wanted = np.array([tree.height_m for tree in land.trees])
    assert np.abs(heights - wanted).max() < 0.7
    lon, lat = land.frame.to_lonlat([g.east_m for g in land.gaps], [g.north_m for g in land.gaps])
    assert canopy.sample(lon, lat).max() < 0.2
    assert [tree.number for tree in land.trees] == list(range(1, len(land.trees) + 1))
    places = {(each.row, each.column) for each in (*land.trees, *land.gaps)}
    assert len(places) == len(land.trees) + len(land.gaps)


def test_sick_leaves_lie_within_the_sick_area_and_reflect_less_near_infrared() -> None:
    land = orchard(seed=2, **SIZE)
    sick = land.covered_by(Material.SICK)
    east, north = land.places()
    rows, columns = np.nonzero(sick)
    reach = math.sqrt(land.sick_area.area / math.pi) + 2.5
    core = land.sick_area.centroid
    assert np.hypot(east[columns] - core.x, north[rows] - core.y).max() < reach
    leaf = land.covered_by(Material.LEAF)
    assert land.reflectance[sick, 4].mean() < 0.8 * land.reflectance[leaf, 4].mean()


def test_a_paddy_has_three_zones_that_differ_and_bunds_between() -> None:
    land = paddy(seed=2, **SIZE)
    assert set(np.unique(land.zone)) == {0, 1, 2, 3}
    rice = land.covered_by(Material.RICE)
    vigour = [land.reflectance[rice & (land.zone == zone), 4].mean() for zone in (1, 2, 3)]
    assert vigour[0] < vigour[1] < vigour[2]
    assert land.ground_m[land.covered_by(Material.BUND)].mean() > 0.2
    assert not land.sick_area.is_empty


def test_a_scenes_raster_lies_on_the_earth_where_its_frame_says() -> None:
    land = orchard(seed=2, **SIZE)
    tree = land.trees[7]
    column, row = land.grid("surface").pixels(*land.frame.to_lonlat([tree.east_m], [tree.north_m]))
    i, j = land.cells(np.array([tree.east_m]), np.array([tree.north_m]))
    assert float(column[0]) - 0.5 == pytest.approx(float(j[0]), abs=0.01)
    assert float(row[0]) - 0.5 == pytest.approx(float(i[0]), abs=0.01)
    assert land.outline().bounds[0] < land.crown(tree).centroid.x < land.outline().bounds[2]


def test_trees_throw_shadows_away_from_the_sun_and_none_under_an_overcast_sky() -> None:
    land = orchard(seed=2, gap_share=0.0, **SIZE)
    assert (shading(land, Daylight(direct_share=0.0)) == 1.0).all()
    bright = shading(land, Daylight(direct_share=0.8, elevation_deg=45.0, azimuth_deg=90.0))
    tree = land.trees[len(land.trees) // 2]
    east = np.array([tree.east_m - tree.radius_m - 0.5, tree.east_m + tree.radius_m + 0.5])
    row, column = (np.rint(v).astype(int) for v in land.cells(east, np.full(2, tree.north_m)))
    assert bright[row[0], column[0]] == pytest.approx(0.2, abs=0.02)
    assert bright[row[1], column[1]] > 0.7


def test_a_camera_that_looks_straight_down_sees_north_above_and_east_to_the_right() -> None:
    axes = Station(east_m=0, north_m=0, height_m=10).axes()
    np.testing.assert_allclose(axes, [[1, 0, 0], [0, -1, 0], [0, 0, -1]], atol=1e-12)
    east = Station(east_m=0, north_m=0, height_m=10, yaw_deg=90).axes()
    np.testing.assert_allclose(east, [[0, -1, 0], [-1, 0, 0], [0, 0, -1]], atol=1e-12)


def test_nose_up_looks_forward_and_right_side_down_looks_left() -> None:
    up = Station(east_m=0, north_m=0, height_m=10, pitch_deg=10).axes()[2]
    assert up[1] == pytest.approx(math.sin(math.radians(10)))
    rolled = Station(east_m=0, north_m=0, height_m=10, roll_deg=10).axes()[2]
    assert rolled[0] == pytest.approx(-math.sin(math.radians(10)))


def test_every_pixel_sees_the_place_that_the_lens_shows_there() -> None:
    land = orchard(seed=2, **SIZE)
    station = Station(east_m=3, north_m=-4, height_m=40, yaw_deg=33, pitch_deg=4, roll_deg=-3)
    places = visible_places(land, SMALL, station)
    away = (places - [3, -4, 40]) @ station.axes().T
    column, row = seen_at(SMALL, away[..., 0] / away[..., 2], away[..., 1] / away[..., 2])
    wanted_row, wanted_column = np.indices(column.shape)
    np.testing.assert_allclose(column, wanted_column, atol=1e-6)
    np.testing.assert_allclose(row, wanted_row, atol=1e-6)
    i, j = (np.rint(v).astype(int) for v in land.cells(places[..., 0], places[..., 1]))
    within = (i >= 0) & (j >= 0) & (i < land.shape[0]) & (j < land.shape[1])
    off = places[..., 2][within] - land.surface_m[i[within], j[within]]
    assert np.quantile(np.abs(off), 0.9) < 0.02
    assert off.max() < 0.3


def test_rays_are_the_lens_turned_round() -> None:
    rays = directions(MULTISPECTRAL)
    column, row = seen_at(MULTISPECTRAL, rays[..., 0], rays[..., 1])
    wanted_row, wanted_column = np.indices(column.shape)
    assert np.abs(column - wanted_column).max() < 1e-6
    assert np.abs(row - wanted_row).max() < 1e-6


def test_counts_turn_back_into_the_lands_reflectance(tmp_path: Path) -> None:
    land = paddy(seed=2, **SIZE)
    light = Daylight()
    station = Station(east_m=0, north_m=0, height_m=30)
    taken = photograph(land, SMALL, [station], tmp_path, light=light, fine=1)[0]
    places = visible_places(land, SMALL, station)
    row, column = (np.rint(v).astype(int) for v in land.cells(places[..., 0], places[..., 1]))
    for number, band in ((1, 0), (4, 4)):
        path = taken.files[number - 1]
        with path.open("rb") as file:
            tags = exifread.process_file(file, details=False)
        time_s = float(tags["EXIF ExposureTime"].values[0])
        counts = tifffile.imread(path).astype(float)
        x = np.arange(SMALL.width_px) - SMALL.centre_px[0]
        y = np.arange(SMALL.height_px)[:, None] - SMALL.centre_px[1]
        radius = np.hypot(x, y) / (math.hypot(SMALL.width_px, SMALL.height_px) / 2.0)
        vignette = 1.0 - 0.25 * radius**2 - 0.10 * radius**3
        rows = np.arange(SMALL.height_px)[:, None]
        gradient = 1.0 / (1.0 + ROW_FACTORS[0] * rows / time_s - ROW_FACTORS[1] * rows)
        radiance = (counts - 4800.0) / vignette * gradient
        radiance *= RADIANCE_FACTORS[band] / (65536.0 * SMALL.gain * time_s)
        found = radiance * math.pi / light.irradiance[band]
        truth = land.reflectance[row, column, band]
        assert abs(found.mean() - truth.mean()) < 0.002
        assert np.corrcoef(found.ravel(), truth.ravel())[0, 1] > 0.8
        assert counts.max() < 65000


def test_a_photo_tells_where_it_was_taken_to_a_millimetre() -> None:
    place = LonLat(lon_deg=-83.30540729, lat_deg=-41.03478761)
    tags = exifread.process_file(io.BytesIO(b"\xff\xd8\xff\xe1\x01\x00Exif\0\0" + tiff(
        [], [], gps_tags(place, -3.25))), details=False)  # fmt: skip
    for name, value, reference in (("Latitude", 41.03478761, "S"), ("Longitude", 83.30540729, "W")):
        degrees, minutes, seconds = (float(part) for part in tags[f"GPS GPS{name}"].values)
        assert degrees + minutes / 60 + seconds / 3600 == pytest.approx(value, abs=1e-8)
        assert str(tags[f"GPS GPS{name}Ref"]) == reference
    assert float(tags["GPS GPSAltitude"].values[0]) == 3.25
    assert tags["GPS GPSAltitudeRef"].values == [1]


def test_the_same_flight_writes_the_same_bytes(tmp_path: Path) -> None:
    land = orchard(seed=2, **SIZE)
    camera = COLOUR.of_width(160)
    stations = stations_over(land, camera, height_m=40, margin_m=14)[:2]
    files = [
        photograph(land, camera, stations, tmp_path / name, fine=1, gps_error_m=(1, 1))
        for name in ("a", "b")
    ]
    for first, second in zip(*files, strict=True):
        assert first.files[0].read_bytes() == second.files[0].read_bytes()
        assert first.told != land.frame.place(first.station.east_m, first.station.north_m)


def test_a_panels_picture_tells_where_the_panel_is_and_what_it_reflects(tmp_path: Path) -> None:
    taken = photograph_panel(SMALL, tmp_path, place=LonLat(lon_deg=106.5, lat_deg=21.0))
    words = taken.files[3].read_bytes().decode("latin-1")
    assert "<MicaSense:CalibrationPicture>2<" in words
    assert "<MicaSense:Albedo>0.52<" in words
    counts = tifffile.imread(taken.files[3]).astype(float)
    middle = counts[50:70, 70:90]
    assert middle.std() / middle.mean() < 0.02
    assert middle.mean() > 2.0 * counts[:20].mean()


def test_stations_follow_the_pictures_that_a_flight_recorded() -> None:
    land = orchard(seed=2, **SIZE)
    place = land.frame.place(5.0, 6.0)
    photo = Photo(index=1, time_s=0.0, place=place, height_m=40.0, yaw_deg=90.0)
    (station,) = stations_taken([photo], land.frame, home_height_m=1.0)
    assert (round(station.east_m, 3), round(station.north_m, 3)) == (5.0, 6.0)
    assert (station.height_m, station.yaw_deg) == (41.0, 90.0)


def test_stations_stand_as_far_apart_as_the_overlaps_ask() -> None:
    land = orchard(seed=2, **SIZE)
    stations = stations_over(land, SMALL, height_m=30, tilt_deg=0.0)
    gsd = SMALL.gsd_m(30.0)
    norths = sorted({round(s.north_m, 6) for s in stations})
    assert np.diff(norths) == pytest.approx(gsd * SMALL.height_px * 0.2)
    assert {round(s.yaw_deg) for s in stations} == {0, 180}
