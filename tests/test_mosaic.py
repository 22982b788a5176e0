"""Mosaics: the block against synthetic truth, real photos, and what goes wrong."""

from __future__ import annotations

import csv
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from agri.errors import BadInput, LinkError, Refused
from agri.geo import Height, LocalFrame, LonLat, transformer
from agri.grid import Grid
from imagery.calibration.lens import straight_points
from imagery.decoding.pixels import picture, reduced
from imagery.intake import pictures_of
from imagery.mosaic import MosaicSettings, Shot, place_photos
from imagery.mosaic.accuracy import accuracy
from imagery.mosaic.adjustment import adjust
from imagery.mosaic.block import Block, project
from imagery.mosaic.exposure import exposure_gains
from imagery.mosaic.features import Features
from imagery.mosaic.from_photos import shots_from_photos, straight_pixels, straightened
from imagery.mosaic.ground import find_ground, laid_on
from imagery.mosaic.ground_control import read_check_points
from imagery.mosaic.layout import lay_out
from imagery.mosaic.making import _features, sheet_of
from imagery.mosaic.matching import PairMatches, neighbours
from imagery.mosaic.overlap import overlap_of
from imagery.mosaic.painting import Sheet, View, paint
from imagery.mosaic.shots import PixelSource
from imagery.mosaic.survey_grade import survey_grade_mosaic
from imagery.mosaic.tracks import Tracks, join_tracks, thin_tracks
from imagery.photo import Attitude, BrownLens, Photo
from imagery.raster.canvas import CanvasShape, open_canvas
from imagery.raster.journal import work_folder
from imagery.raster.workroom import work_room

SHARED = Path(os.environ.get("AGRI_SHARED", Path(__file__).resolve().parents[2] / "shared"))
SENECA = SHARED / "data" / "imagery" / "seneca_nir_cc0"
FRAME = LocalFrame(LonLat(lon_deg=106.51, lat_deg=21.08))
FOCAL_PX, HALF = 800.0, np.array([600.0, 450.0])

FloatArray = NDArray[np.float64]


def flight(lines: int = 3, photos: int = 5) -> FloatArray:
    """Poses of a survey flown there and back, 50 m up, with tilts of a few degrees."""
    rng = np.random.default_rng(5)
    poses = []
    for line in range(lines):
        for photo in range(photos):
            along = photo if line % 2 == 0 else photos - 1 - photo
            yaw = np.radians(20.0 if line % 2 == 0 else 200.0)
            place = along * 18.0, line * 25.0, 50.0 + rng.normal(0.0, 0.5)
            poses.append((*place, yaw + rng.normal(0, 0.05), *rng.normal(0.0, 0.05, 2)))
    return np.array(poses)


def sightings(
    poses: FloatArray, lens: FloatArray, *, relief_m: float = 0.0
) -> tuple[list[Features], list[PairMatches], FloatArray]:
    """Features and matches of the photos of random places on rolling ground."""
    rng = np.random.default_rng(7)
    points = np.column_stack(
        [rng.uniform(-40, 115, 2500), rng.uniform(-40, 95, 2500), np.zeros(2500)]
    )
    points[:, 2] = 1.5 * np.sin(points[:, 0] / 30.0) + rng.uniform(0.0, 2.0, 2500)
    if relief_m:
        points[:, 2] = relief_m * np.sin(points[:, 0] / 30.0)
    features, ids = [], []
    for pose in poses:
        seen = project(np.tile(pose, (2500, 1)), np.full(2500, FOCAL_PX), lens, points)
        inside = (np.abs(seen) < HALF).all(axis=1)
        ids.append(np.flatnonzero(inside))
        noisy = seen[inside] + rng.normal(0.0, 0.2, (int(inside.sum()), 2))
        features.append(
            Features(
                points_px=noisy,
                descriptors=np.zeros((len(noisy), 128), dtype=np.uint8),
                shades=np.ones((len(noisy), 1), dtype=np.float32),
                reduction=1.0,
            )
        )
    pairs = []
    for i, j in neighbours(poses[:, :2]):
        _, first, second = np.intersect1d(ids[i], ids[j], return_indices=True)
        if len(first) >= 12:
            matches = np.column_stack([first, second])
            pairs.append(PairMatches(first=i, second=j, features=matches))
    return features, pairs, points


def adjusted(
    poses: FloatArray, features: list[Features], pairs: list[PairMatches], gps_m: float
) -> Any:
    rng = np.random.default_rng(11)
    gps = poses[:, :3] + rng.normal(0.0, gps_m, (len(poses), 3)) + [0.0, 0.0, 230.0]
    focal = np.full(len(poses), FOCAL_PX)
    layout = lay_out(gps[:, :2], focal, features, pairs)
    good = [pair for pair, ok in zip(pairs, layout.agreeing, strict=True) if ok]
    return adjust(
        layout,
        thin_tracks(join_tracks(features, good)),
        focal_px=focal,
        gps_m=gps,
        gps_error_m=np.full((len(poses), 3), max(gps_m, 0.05)),
        tilt_rad=np.full((len(poses), 2), np.nan),
    )


def test_the_written_out_jacobian_is_the_derivative_of_the_residuals() -> None:
    rng = np.random.default_rng(3)
    block = Block(
        photo=np.repeat([0, 1, 2], 4),
        track=np.tile(np.arange(4), 3),
        seen_px=rng.uniform(-300, 300, (12, 2)),
        focal_px=np.array([700.0, 800.0, 900.0]),
        gps_m=rng.normal(0, 5, (3, 3)),
        gps_error_m=np.full((3, 3), 2.0),
        tilt_rad=np.array([[0.1, np.nan], [np.nan, 0.0], [0.0, 0.0]]),
        points=4,
    )
    poses = np.column_stack(
        [rng.normal(0, 5, (3, 2)), np.full(3, 50.0), rng.normal(0, 0.3, (3, 3))]
    )
    at = np.concatenate([poses.ravel(), [0.02, -0.05], rng.normal(0, 10, 12)])
    exact = block.jacobian(at).toarray()
    for column in range(len(at)):
        step = np.zeros(len(at))
        step[column] = 1e-6
        found = (block.residuals(at + step) - block.residuals(at - step)) / 2e-6
        np.testing.assert_allclose(exact[:, column], found, rtol=1e-5, atol=1e-4)


def test_a_flight_nobody_told_heading_or_height_of_is_found_again_from_matches_and_gps() -> None:
    poses = flight()
    lens = np.array([0.01, -0.03])
    features, pairs, _ = sightings(poses, lens)
    block = adjusted(poses, features, pairs, gps_m=0.05)
    assert block.placed.all()
    assert block.rms_px <= 0.3
    assert np.abs(block.poses[:, :2] - poses[:, :2]).max() < 0.3
    turned = (block.poses[:, 3] - poses[:, 3] + np.pi) % (2 * np.pi) - np.pi
    assert np.degrees(np.abs(turned)).max() < 0.3
    assert np.degrees(np.abs(block.poses[:, 4:] - poses[:, 4:])).max() < 0.3
    assert abs(block.lens[1] - lens[1]) < 0.01


def test_one_wrong_pair_of_photos_does_not_bend_the_block() -> None:
    poses = flight()
    features, pairs, _ = sightings(poses, np.zeros(2))
    rng = np.random.default_rng(1)
    wrong = np.column_stack([rng.permutation(len(features[0].points_px))[:20], np.arange(20)])
    far = PairMatches(first=0, second=14, features=wrong)
    block = adjusted(poses, features, [*pairs, far], gps_m=0.05)
    assert block.placed.all()
    assert block.rms_px <= 0.3
    assert np.abs(block.poses[:, :2] - poses[:, :2]).max() < 0.3


def test_a_photo_tied_to_nothing_is_not_placed() -> None:
    poses = flight()
    features, pairs, _ = sightings(poses, np.zeros(2))
    block = adjusted(poses, features, [p for p in pairs if 7 not in (p.first, p.second)], 0.05)
    assert np.flatnonzero(~block.placed).tolist() == [7]
    assert np.isnan(block.poses[7]).all()


def test_gps_that_errs_by_metres_is_outweighed_by_the_ties_within_the_block() -> None:
    poses = flight(lines=4, photos=6)
    features, pairs, _ = sightings(poses, np.zeros(2))
    block = adjusted(poses, features, pairs, gps_m=2.0)
    off = block.poses[:, :2] - poses[:, :2]
    assert np.sqrt((off**2).sum(axis=1).mean()) < 1.5
    assert np.std(off - off.mean(axis=0)) < 1.0


def test_a_tie_point_that_holds_two_features_of_one_photo_is_dropped() -> None:
    empty = np.zeros((4, 128), dtype=np.uint8)
    features = [
        Features(points_px=np.arange(8.0).reshape(4, 2), descriptors=empty,
                 shades=np.ones((4, 1), np.float32), reduction=1.0)
        for _ in range(3)
    ]  # fmt: skip
    pairs = [
        PairMatches(first=0, second=1, features=np.array([[0, 0], [1, 1]])),
        PairMatches(first=1, second=2, features=np.array([[0, 0], [1, 1]])),
        PairMatches(first=0, second=2, features=np.array([[0, 0], [2, 1]])),
    ]
    tracks = join_tracks(features, pairs)
    assert tracks.count == 1
    assert tracks.photo.tolist() == [0, 1, 2]
    assert tracks.feature.tolist() == [0, 0, 0]


def test_what_is_laid_on_the_ground_is_seen_where_it_was_taken_from() -> None:
    terrain = Grid(
        values=np.fromfunction(lambda r, c: 3.0 + 0.01 * c + 0.02 * r, (60, 60)),
        affine=(0.0001, 0.0, 106.507, 0.0, -0.0001, 21.083), epsg=4326,
    )  # fmt: skip
    poses = flight()
    lens = np.array([0.0, -0.04])
    rng = np.random.default_rng(2)
    points = rng.uniform(-20, 80, (300, 3))
    points[:, 2] = terrain.sample(*FRAME.to_lonlat(points[:, 0], points[:, 1])) - 20.0
    ground = find_ground(points, FRAME, terrain)
    assert ground.shift_m == pytest.approx(-20.0)
    assert ground.spread_m == pytest.approx(0.0, abs=1e-9)
    pose = np.tile(poses[6] + [0, 0, -17.0, 0, 0, 0], (300, 1))
    focal = np.full(300, FOCAL_PX)
    seen = project(pose, focal, lens, points)
    inside = (np.abs(seen) < HALF).all(axis=1)
    laid = laid_on(ground, pose, focal, lens, seen)
    assert inside.sum() > 30
    np.testing.assert_allclose(laid[inside], points[inside, :2], atol=2e-3)


def test_photos_of_rolling_land_fit_each_other_better_on_its_terrain_than_on_a_plane() -> None:
    poses = flight()
    features, pairs, points = sightings(poses, np.zeros(2), relief_m=4.0)
    block = adjusted(poses, features, pairs, gps_m=0.02)
    east = np.tile(np.arange(-50.0, 130.0, 2.0), (80, 1))
    lon, lat = FRAME.to_lonlat(np.array([-51.0, -49.0]), np.array([111.0, 109.0]))
    terrain = Grid(
        values=4.0 * np.sin(east / 30.0),
        affine=(lon[1] - lon[0], 0.0, lon[0], 0.0, lat[1] - lat[0], lat[0]),
        epsg=4326,
    )
    picture = np.zeros((900, 1200, 3), dtype=np.uint8)
    views = [
        View(shot=shot(str(k), picture), pose=pose, lens=block.lens, gain=np.ones(3, np.float32))
        for k, pose in enumerate(block.poses)
    ]
    gps, focal = poses[:, :3], np.full(len(poses), FOCAL_PX)
    flat, real = (
        accuracy(block, views, find_ground(block.points_m, FRAME, each), gps_m=gps, focal_px=focal)
        for each in (None, terrain)
    )
    assert len(points)
    assert real.seam_m < 0.25 * flat.seam_m
    assert real.seam_m < 0.15


def test_a_terrain_that_does_not_lie_beneath_the_photos_is_refused() -> None:
    terrain = Grid(values=np.ones((4, 4)), affine=(0.1, 0, 10.0, 0, -0.1, 50.0), epsg=4326)
    with pytest.raises(BadInput, match="no heights beneath"):
        find_ground(np.zeros((5, 3)), FRAME, terrain)


def test_exposures_are_levelled_from_what_photos_share() -> None:
    true = np.array([1.0, 1.3, 0.8, 1.1])
    rng = np.random.default_rng(4)
    shade = rng.uniform(50, 120, (30, 3))
    features = [
        Features(points_px=np.zeros((30, 2)), descriptors=np.zeros((30, 128), np.uint8),
                 shades=(shade * gain).astype(np.float32), reduction=1.0)
        for gain in true
    ]  # fmt: skip
    tracks = Tracks(
        photo=np.tile(np.arange(4), 30), track=np.repeat(np.arange(30), 4),
        feature=np.repeat(np.arange(30), 4), points_px=np.zeros((120, 2)), count=30,
    )  # fmt: skip
    level = exposure_gains(features, tracks) * true[:, None]
    assert np.ptp(level) / level.mean() < 0.01


def shot(name: str, pixels: NDArray[Any], place: LonLat = FRAME.origin) -> Shot:
    return Shot(name=name, width_px=pixels.shape[1], height_px=pixels.shape[0], focal_px=300.0,
                place=place, altitude_m=50.0, pixels=lambda _: pixels)  # fmt: skip


def test_blank_photos_are_told_to_be_tied_to_nothing_in_one_sentence() -> None:
    grey = np.full((240, 320, 3), 90, dtype=np.uint8)
    shots = [shot(f"{k}.jpg", grey, FRAME.place(10.0 * k, 0.0)) for k in range(4)]
    with pytest.raises(BadInput, match="None of the 4 photos"):
        place_photos(shots)
    with pytest.raises(BadInput, match="at least 3 photos"):
        place_photos([shots[0], shots[0], shots[1]])


def test_photos_of_noise_match_nothing() -> None:
    rng = np.random.default_rng(8)
    noise = [rng.integers(0, 255, (240, 320, 3)).astype(np.uint8) for _ in range(3)]
    shots = [shot(f"{k}.jpg", each, FRAME.place(10.0 * k, 0.0)) for k, each in enumerate(noise)]
    with pytest.raises(BadInput, match="None of the 3 photos"):
        place_photos(shots)


def test_what_cannot_be_decoded_is_left_out_and_told_in_one_sentence(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    ground = cv2.GaussianBlur(rng.integers(0, 255, (240, 900, 3)).astype(np.uint8), (0, 0), 2.0)
    for k in range(4):
        part = ground[:, 120 * k : 120 * k + 320]
        cv2.imwrite(str(tmp_path / f"{k}.jpg"), part, [cv2.IMWRITE_JPEG_QUALITY, 95])
    (tmp_path / "1.jpg").write_bytes(b"\xff\xd8" + bytes(300))
    photos = [photo(f"{k}.jpg", path=tmp_path / f"{k}.jpg") for k in range(4)]
    with pictures_of(tmp_path, readers=1) as decode:
        with pytest.raises(BadInput, match=r"1\.jpg cannot be opened"):
            decode(photos[1], 1)
        shots, _ = shots_from_photos(photos, pixels=straightened(decode))
        kept, _, findings = _features(shots, 1, None)
    assert [each.name for each in kept] == ["0.jpg", "2.jpg", "3.jpg"]
    assert [f.where for f in findings] == ["1.jpg"]


def test_the_overlap_counts_the_photos_that_see_each_place() -> None:
    """From 50 m a picture of 320 × 240 pixels and 400 pixels' focal length sees 40 × 30 m."""
    shots = [shot(f"{k}.jpg", np.zeros((240, 320, 3), np.uint8), FRAME.origin) for k in range(2)]
    views = [
        View(shot=replace(each, focal_px=400.0), lens=np.zeros(2), gain=np.ones(3, np.float32),
             pose=np.array([20.0 * k, 0.0, 50.0, 0.0, 0.0, 0.0]))
        for k, each in enumerate(shots)
    ]  # fmt: skip
    ground = find_ground(np.array([[0.0, 0.0, 0.0], [9.0, 0.0, 0.0], [0.0, 9.0, 0.0]]), FRAME)
    x, y = transformer(4326, FRAME.utm_epsg).transform(FRAME.origin.lon_deg, FRAME.origin.lat_deg)
    sheet = Sheet(frame=FRAME, west_m=x - 30.0, north_m=y + 20.0, pixel_m=0.1, width=800,
                  height=400)  # fmt: skip
    found = overlap_of(views, ground, sheet, cells=20_000)
    side = found.affine[0]
    areas = [float((found.values == count).sum()) * side**2 for count in (1, 2)]
    assert areas == pytest.approx([40.0 * 30.0, 20.0 * 30.0], rel=0.03)
    place = FRAME.place(10.0, 0.0)
    assert found.sample(place.lon_deg, place.lat_deg, nearest=True) == 2.0


def read_jpeg(path: Path, reduction: int) -> NDArray[Any]:
    return picture(path, jpeg=True, reduction=reduction)


def seneca_shots(names: list[str] | None = None) -> list[Shot]:
    if not SENECA.is_dir():
        pytest.skip("the Seneca photos are not here")
    with (SENECA / "gps.csv").open() as file:
        rows = {row["SourceFile"]: row for row in csv.DictReader(file)}
    return [
        Shot(
            name=name,
            width_px=3600,
            height_px=2700,
            focal_px=4.3 * 645.4 * 0.9,
            place=LonLat(
                lon_deg=float(rows[name]["GPSLongitude"]), lat_deg=float(rows[name]["GPSLatitude"])
            ),
            altitude_m=float(rows[name]["GPSAltitude"]),
            pixels=partial(read_jpeg, SENECA / name),
        )
        for name in sorted(names or rows)
    ]


def test_four_real_photos_of_bare_soil_and_crops_are_placed_to_half_a_pixel() -> None:
    placed = place_photos(seneca_shots([f"IMG_05{k}.jpg" for k in (37, 38, 39, 40)]))
    assert placed.accuracy.placed == 4
    assert placed.accuracy.reprojection_px <= 0.5
    assert placed.accuracy.gps_m <= 5.0
    assert [f.key for f in placed.findings] == ["finding.mosaic_unchecked"]


@pytest.mark.slow
def test_all_eleven_real_photos_are_placed() -> None:
    placed = place_photos(seneca_shots())
    assert placed.accuracy.placed_share >= 0.85
    assert placed.accuracy.reprojection_px <= 0.5


def test_a_photo_that_cannot_be_read_is_left_out_and_named() -> None:
    land = np.random.default_rng(9).integers(0, 255, (60, 150, 3)).astype(np.uint8)
    land = np.kron(land, np.ones((8, 8, 1), dtype=np.uint8))
    shots = [
        shot(f"{k}.jpg", np.ascontiguousarray(land[40:280, 80 * k : 80 * k + 320]),
             FRAME.place(13.3 * k, 0.0))
        for k in range(5)
    ]  # fmt: skip
    broken = replace(shots[4], name="broken.jpg", pixels=shots[0].pixels, width_px=400)
    found = place_photos([*shots[:4], broken])
    assert (found.accuracy.placed, found.accuracy.photos) == (4, 5)
    first = found.findings[0]
    assert (first.key, first.where) == ("finding.mosaic_left_out", "broken.jpg")
    assert "cannot be decoded" in first.text("en")
    with pytest.raises(BadInput, match="cannot be decoded"):
        place_photos([replace(each, width_px=400) for each in shots])


class Sheets:
    """A canvas that keeps its tiles."""

    def __init__(self) -> None:
        self.tiles: dict[tuple[int, int], tuple[NDArray[Any], NDArray[np.bool_]]] = {}

    def paint(self, column: int, row: int, pixels: NDArray[Any], shown: NDArray[np.bool_]) -> None:
        assert (column, row) not in self.tiles
        self.tiles[column, row] = pixels, shown


def test_a_mosaic_is_the_same_whether_photos_are_kept_in_memory_or_read_anew() -> None:
    land = np.random.default_rng(9).integers(30, 225, (60, 150, 3)).astype(np.uint8)
    land = np.kron(land, np.ones((8, 8, 1), dtype=np.uint8))
    reads: list[str] = []

    def strip(k: int) -> Shot:
        pixels = np.ascontiguousarray(land[40:280, 80 * k : 80 * k + 320])

        def read(reduction: int) -> NDArray[Any]:
            reads.append(str(k))
            return reduced(pixels, reduction)

        return replace(shot(f"{k}.jpg", pixels, FRAME.place(13.3 * k, 0.0)), pixels=read)

    settings = MosaicSettings(pixel_m=0.08)
    placed = place_photos([strip(k) for k in range(8)], settings=settings)
    sheet = sheet_of(placed, settings)
    kept, anew = Sheets(), Sheets()
    counts = []
    for canvas, memory in ((kept, 10**9), (anew, 1)):
        before = len(reads)
        paint(canvas, sheet, placed.views, placed.ground, kind="uint8", cache_bytes=memory)  # type: ignore[arg-type]
        counts.append(len(reads) - before)
    assert counts[0] == 8 < counts[1]
    assert len(kept.tiles) >= 4
    assert kept.tiles.keys() == anew.tiles.keys()
    for corner, (pixels, shown) in kept.tiles.items():
        np.testing.assert_array_equal(pixels[shown], anew.tiles[corner][0][shown])


def photo(name: str, **told: Any) -> Photo:
    return Photo(**{"path": Path(name), "width_px": 320, "height_px": 240, "bits": 8, "channels": 3,
                    "place": FRAME.origin, "focal_mm": 4.0, "pixel_um": 12.0} | told)  # fmt: skip


def unseen(_: Photo) -> PixelSource:
    """The pixels of photos nobody looks at."""
    return lambda _: np.zeros((1, 1, 3), np.uint8)


def test_photos_without_a_place_or_a_focal_length_are_left_out_and_named() -> None:
    shots, findings = shots_from_photos(
        [photo("a.jpg"), photo("b.jpg", place=None), photo("c.jpg", focal_mm=None),
         photo("panel.jpg", calibration_picture=True)],
        pixels=unseen,
    )  # fmt: skip
    assert [each.name for each in shots] == ["a.jpg"]
    assert [(f.where, f.key) for f in findings] == [
        ("b.jpg", "finding.mosaic_no_place"),
        ("c.jpg", "finding.mosaic_left_out"),
    ]
    assert all(f.text("vi") and f.text("en") for f in findings)


def test_heights_count_above_one_zero_for_all_photos() -> None:
    sea, home = Height(112.0, above="sea"), Height(50.0, above="home")
    both = photo("a.jpg", height_sea=sea, height_home=home)
    shots, _ = shots_from_photos([both, photo("b.jpg", height_home=home)], pixels=unseen)
    assert [each.altitude_m for each in shots] == [50.0, 50.0]
    shots, _ = shots_from_photos([both], pixels=unseen)
    assert shots[0].altitude_m == 112.0
    shots, _ = shots_from_photos([both, photo("b.jpg")], pixels=unseen)
    assert shots[0].gps_up_m > 10.0


def test_a_gimbals_tilt_a_fixed_solution_and_a_calibrated_lens_are_taken() -> None:
    lens = BrownLens(focal_x_px=400.0, focal_y_px=402.0, centre_x_px=158.0, centre_y_px=121.0)
    camera = Attitude(yaw_deg=10.0, pitch_deg=-86.0, roll_deg=0.0)
    (found,), _ = shots_from_photos(
        [photo("a.jpg", lens=lens, camera=camera, rtk_fixed=True)], pixels=unseen
    )
    assert found.focal_px == pytest.approx(401.0)
    assert found.middle_px.tolist() == [158.0, 121.0]
    assert (found.forward_deg, found.gps_m) == (4.0, 0.03)
    (plain,), _ = shots_from_photos([photo("a.jpg")], pixels=unseen)
    assert np.isnan(plain.forward_deg)
    assert plain.middle_px.tolist() == [159.5, 119.5]


def test_a_bent_picture_is_straightened_the_same_at_every_reduction(tmp_path: Path) -> None:
    lens = BrownLens(focal_x_px=250.0, focal_y_px=250.0, centre_x_px=159.5, centre_y_px=119.5,
                     k1=-0.15)  # fmt: skip
    x, y = np.meshgrid(np.arange(320.0), np.arange(240.0))
    straight = 128 + 60 * np.sin(x / 20.0) + 60 * np.sin(y / 17.0)
    inverse = straight_points(lens, np.column_stack([x.ravel(), y.ravel()])).astype(np.float32)
    bent = cv2.remap(straight.astype(np.float32), inverse.reshape(240, 320, 2), None,
                     cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)  # fmt: skip
    path = tmp_path / "a.jpg"
    cv2.imwrite(str(path), np.clip(bent, 0, 255).astype(np.uint8))
    source = straight_pixels(photo("a.jpg", lens=lens), partial(read_jpeg, path))
    for reduction in (1, 2):
        found = source(reduction)[:, :, 0].astype(float)
        wanted = reduced(straight[:, :, None], reduction)[:, :, 0]
        inner = np.s_[20:-20, 20:-20] if reduction == 1 else np.s_[10:-10, 10:-10]
        assert np.abs(found[inner] - wanted[inner]).mean() < 1.5


def test_what_a_killed_program_left_is_cleared_and_one_at_work_is_not(tmp_path: Path) -> None:
    path = tmp_path / "m.tif"
    left = work_folder(path)
    (left / "deeper").mkdir(parents=True)
    (left / "rough.tif").write_bytes(bytes(1000))
    (left / "deeper" / "a.npy").write_bytes(bytes(10))
    with work_room(path) as room:
        assert [one.name for one in room.iterdir()] == ["lock"]
        with pytest.raises(Refused, match="Another program"), work_room(path):
            pass
        assert room.is_dir()
    assert not left.exists()


def canvas_shape(kind: str, bands: int = 3) -> CanvasShape:
    return CanvasShape(width=1100, height=700, bands=bands, kind=kind, epsg=32648,
                       affine=(0.1, 0.0, 6e5, 0.0, -0.1, 2.3e6), tags={"ERROR_M": "3.0"},
                       band_names=("Red", "Green", "Blue")[:bands])  # fmt: skip


@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_pieces_painted_in_any_order_become_one_cog(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "m.tif"
    rng = np.random.default_rng(6)
    whole = rng.integers(1, 200, (700, 1100, 3)).astype(kind)
    shown = np.ones((700, 1100), dtype=bool)
    shown[100:200, 600:900] = False
    with open_canvas(path, canvas_shape(kind)) as canvas:
        for column, row in ((1024, 512), (0, 0), (512, 0), (512, 512), (1024, 0)):
            part = np.s_[row : row + 512, column : column + 512]
            canvas.paint(column, row, whole[part], shown[part])
        assert not path.exists()
    shown[512:, :512] = False
    with rasterio.open(path) as source:
        assert source.overviews(1)
        assert source.tags()["ERROR_M"] == "3.0"
        assert source.descriptions == ("Red", "Green", "Blue")
        np.testing.assert_array_equal(source.dataset_mask() > 0, shown)
        np.testing.assert_array_equal(np.moveaxis(source.read(), 0, 2)[shown], whole[shown])
    assert [each.name for each in tmp_path.iterdir()] == ["m.tif"]


def test_a_mosaic_that_is_interrupted_leaves_the_older_one_and_nothing_half(tmp_path: Path) -> None:
    path = tmp_path / "m.tif"
    path.write_bytes(b"older")

    def interrupted() -> None:
        with open_canvas(path, canvas_shape("uint8")) as canvas:
            canvas.paint(0, 0, np.ones((512, 512, 3), np.uint8), np.ones((512, 512), bool))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"older"
    assert [each.name for each in tmp_path.iterdir()] == ["m.tif"]


def test_check_points_are_read_as_opendronemap_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "gcp_list.txt"
    lines = ["WGS84 UTM 48N", "656872.5 2331678.0 12.5 100.5 200.5 a.jpg corner",
             "656872.5 2331678.0 12.5 300 400 b.jpg corner",
             "656900 2331600 12 1 2 b.jpg"]  # fmt: skip
    path.write_text("\n".join(lines))
    corner, other = read_check_points(path)
    assert corner.name == "corner"
    assert corner.sightings == (("a.jpg", 100.0, 200.0), ("b.jpg", 299.5, 399.5))
    assert other.sightings == (("b.jpg", 0.5, 1.5),)
    assert corner.place.lat_deg == pytest.approx(21.08, abs=0.01)
    path.write_text("EPSG:32648\n1 2 3 4 a.jpg")
    with pytest.raises(BadInput, match="Line 2"):
        read_check_points(path)
    path.write_text("EPSG:none\n")
    with pytest.raises(BadInput, match="coordinate system"):
        read_check_points(path)


def test_real_check_points_are_read() -> None:
    path = next((SHARED / "data" / "imagery" / "gcp_copr_ccbysa").glob("*.txt"), None) \
        if SHARED.is_dir() else None  # fmt: skip
    if path is None:
        pytest.skip("the real list is not here")
    points = read_check_points(path)
    assert len(points) >= 3
    assert all(point.sightings for point in points)


TIFF = b"II*\0" + bytes(5000)


class OpenDroneMap(BaseHTTPRequestHandler):
    """As much of NodeODM as pyodm asks for."""

    result, product, received = 40, TIFF, 0

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _answer(self, value: Any, code: int = 200) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(code)
        kind = "application/octet-stream" if isinstance(value, bytes) else "application/json"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        if self.path.startswith("/info"):
            self._answer({"version": "2.2.4", "taskQueueCount": 0, "maxImages": None,
                          "totalMemory": 1, "availableMemory": 1, "cpuCores": 1,
                          "engine": "odm", "engineVersion": "3"})  # fmt: skip
        elif "/download/" in self.path:
            self._answer(type(self).product)
        else:
            self._answer({"uuid": "u", "name": "n", "dateCreated": 0, "processingTime": 1,
                          "status": {"code": type(self).result}, "options": [],
                          "imagesCount": 2, "progress": 100})  # fmt: skip

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        type(self).received += len(body) if "upload" in self.path else 0
        self._answer({"success": True} if "upload" in self.path else {"uuid": "u"})


@contextmanager
def serving(result: int = 40, product: bytes = TIFF) -> Iterator[tuple[str, type[OpenDroneMap]]]:
    kind = type("Server", (OpenDroneMap,), {"result": result, "product": product, "received": 0})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", kind
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def photo_files(folder: Path) -> list[Path]:
    files = [folder / "a.jpg", folder / "b.jpg"]
    for file in files:
        file.write_bytes(b"\xff\xd8" + bytes(1000))
    return files


def test_photos_handed_to_opendronemap_come_back_as_its_orthophoto(tmp_path: Path) -> None:
    shares: list[float] = []
    with serving() as (address, kind):
        made = survey_grade_mosaic(photo_files(tmp_path), tmp_path / "m.tif", address,
                                   check_every_s=0.01, progress=shares.append)  # fmt: skip
        assert kind.received > 2000
    assert made.read_bytes() == TIFF
    assert shares[-1] == 1.0


@pytest.mark.parametrize(
    ("result", "product", "said"),
    [(30, TIFF, "could not make"), (40, b"<html>no</html>", "no GeoTIFF")],
)
def test_what_goes_wrong_in_opendronemap_is_one_sentence(
    tmp_path: Path, result: int, product: bytes, said: str
) -> None:
    with serving(result, product) as (address, _), pytest.raises(LinkError, match=said):
        survey_grade_mosaic(photo_files(tmp_path), tmp_path / "m.tif", address, check_every_s=0.01)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.jpg", "b.jpg"]


def test_a_server_that_is_not_there_and_an_address_that_is_none_are_one_sentence(
    tmp_path: Path,
) -> None:
    with pytest.raises(LinkError, match="does not answer"):
        survey_grade_mosaic(photo_files(tmp_path), tmp_path / "m.tif", "http://127.0.0.1:9")
    with pytest.raises(BadInput, match="no address"):
        survey_grade_mosaic([], tmp_path / "m.tif", "file:///etc/passwd")
