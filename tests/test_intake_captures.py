"""What is missing, blurred, too bright, too dark, elsewhere or not covered is found and told."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from shapely import box
from shapely.geometry import MultiPolygon

from agri.errors import BadInput
from agri.field import Field
from agri.findings import Finding, Severity
from agri.geo import Height, LocalFrame, LonLat
from agri.grid import Grid
from agri.words import LANGUAGES
from imagery.intake import Capture, GroundTold, Intake, take_in
from imagery.intake.heights import heights_above
from imagery.photo import Photo
from tests import photo_files as made

Writer = Callable[[int], dict[str, made.Made]]


@pytest.fixture(scope="module", autouse=True)
def _one_reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield from made.kept_reader(tmp_path_factory.getbasetemp(), monkeypatch)


def flight(folder: Path, numbers: Any, write: Writer = made.colour) -> Path:
    return made.save(folder, *[write(number) for number in numbers])


def keys(intake: Intake) -> set[str]:
    return {finding.key.removeprefix("finding.") for finding in intake.findings}


def about(intake: Intake, key: str) -> Finding:
    (finding,) = [f for f in intake.findings if f.key == f"finding.{key}"]
    for language in LANGUAGES:
        assert "{" not in finding.text(language)
        assert "finding." not in finding.text(language)
    return finding


def value(finding: Finding, name: str) -> Any:
    return dict(finding.message.values)[name]


def around(west: float, south: float, east: float, north: float) -> Field:
    """A field by metres from the flight's first photo."""
    frame = LocalFrame(LonLat(lon_deg=made.LON, lat_deg=made.LAT))
    area = frame.geometry_to_lonlat(box(west, south, east, north))
    return Field(name="Ruộng Đồng", boundary=MultiPolygon([area]))


def test_a_sound_flight_over_its_field_has_nothing_wrong(tmp_path: Path) -> None:
    intake = take_in(flight(tmp_path, range(24), made.dji), field=around(0, 0, 20, 110), readers=2)
    assert intake.findings == ()
    assert len(intake.captures) == 24
    assert len(intake.photos) == 24 * 5


def test_a_missing_band_is_told_with_its_capture(tmp_path: Path) -> None:
    captures = [made.micasense(number) for number in range(4)]
    del captures[2]["IMG_0002_4.tif"]
    intake = take_in(made.save(tmp_path, *captures), readers=1)
    finding = about(intake, "captures_incomplete")
    assert (value(finding, "count"), value(finding, "name")) == (1, "IMG_0002_1.tif")
    assert value(finding, "bands") == "NIR"


def test_a_second_copy_of_a_band_is_left_out(tmp_path: Path) -> None:
    capture = made.micasense(0)
    capture["Copy of IMG_0000_1.tif"] = capture["IMG_0000_1.tif"]
    intake = take_in(made.save(tmp_path, capture), readers=1)
    assert len(intake.captures[0].photos) == 5
    assert about(intake, "photos_twice").severity is Severity.INFO


def test_a_blurred_photo_is_found_among_sharp_ones(tmp_path: Path) -> None:
    photos = [made.colour(number) for number in range(12)]
    for number in (4, 9):
        name = f"DSC{number:05d}.JPG"
        soft = cv2.GaussianBlur(made.scene(number), (0, 0), 1.5)
        photos[number][name] = replace(photos[number][name], plane=soft)
    finding = about(take_in(made.save(tmp_path, *photos), readers=1), "photos_blurred")
    assert value(finding, "names") == "DSC00004.JPG, DSC00009.JPG"
    assert value(finding, "of") == 12


def test_darker_photos_of_the_same_ground_are_not_called_blurred(tmp_path: Path) -> None:
    photos = [made.colour(number) for number in range(8)]
    for number in (3, 5):
        name = f"DSC{number:05d}.JPG"
        photos[number][name] = replace(photos[number][name], plane=made.scene(number) * 0.6)
    assert "photos_blurred" not in keys(take_in(made.save(tmp_path, *photos), readers=1))


def test_saturated_and_dark_bands_are_told(tmp_path: Path) -> None:
    captures = [made.micasense(number) for number in range(3)]
    bright = np.clip(made.scene(7) * 4.0, 0.0, 1.0)
    black = 4800.0 / 65535.0
    captures[0]["IMG_0000_3.tif"] = replace(captures[0]["IMG_0000_3.tif"], plane=bright)
    captures[1]["IMG_0001_2.tif"] = replace(
        captures[1]["IMG_0001_2.tif"], plane=black + 0.05 * made.scene(8)
    )
    intake = take_in(made.save(tmp_path, *captures), readers=1)
    assert value(about(intake, "photos_too_bright"), "names") == "IMG_0000_3.tif"
    assert value(about(intake, "photos_too_dark"), "names") == "IMG_0001_2.tif"


def test_photos_of_another_camera_are_set_aside(tmp_path: Path) -> None:
    flight(tmp_path, range(3), made.dji)
    flight(tmp_path, range(2), made.colour)
    intake = take_in(tmp_path, readers=1)
    assert intake.camera == "DJI M3M"
    assert [photo.name for photo in intake.set_aside] == ["DSC00000.JPG", "DSC00001.JPG"]
    assert value(about(intake, "photos_other_camera"), "count") == 2


def test_photos_of_another_field_are_set_aside(tmp_path: Path) -> None:
    folder = flight(tmp_path, range(6))
    ((name, photo),) = made.colour(6).items()
    made.save(folder, {name: photo.but(**made.place_tags(made.LON + 0.01, made.LAT))})
    intake = take_in(folder, field=around(-5, -5, 5, 60), readers=1)
    assert [photo.name for photo in intake.set_aside] == [name]
    assert about(intake, "photos_elsewhere").severity is Severity.WARNING
    elsewhere = take_in(folder, field=around(5000, 5000, 5100, 5100), readers=1)
    assert about(elsewhere, "photos_elsewhere").severity is Severity.ERROR
    assert elsewhere.captures == ()


def test_the_panel_may_be_photographed_away_from_the_field(tmp_path: Path) -> None:
    panel = {
        name: photo.but(**made.place_tags(made.LON + 0.002, made.LAT, 5.0))
        for name, photo in made.micasense(0, panel=True).items()
    }
    made.save(tmp_path, panel, made.micasense(1), made.micasense(2))
    intake = take_in(tmp_path, field=around(-5, -5, 5, 60), readers=1)
    assert (len(intake.panel_captures), len(intake.captures), intake.set_aside) == (1, 2, ())


def test_photos_without_place_are_told_and_none_with_one_is_an_error(tmp_path: Path) -> None:
    bare = dict.fromkeys(("GPSLatitude", "GPSLongitude"))
    ((name, photo),) = made.colour(0).items()
    made.save(tmp_path, {name: photo.but(**bare)})
    assert about(take_in(tmp_path, readers=1), "photos_without_place").severity is Severity.ERROR
    flight(tmp_path, range(1, 4))
    finding = about(take_in(tmp_path, readers=1), "photos_without_place")
    assert (finding.severity, value(finding, "count")) == (Severity.WARNING, 1)


def test_photos_missing_along_a_line_are_a_gap_and_a_turn_is_none(tmp_path: Path) -> None:
    """Lines of 12 photos 10 m apart, 20 m between lines."""
    kept = [number for number in range(36) if number not in (16, 17, 18)]
    finding = about(take_in(flight(tmp_path, kept), readers=1), "flight_gap")
    assert finding.where == "DSC00015.JPG"
    assert value(finding, "length_m") == pytest.approx(40.0, abs=0.2)
    assert value(finding, "count") == 3


def test_ground_that_no_photo_saw_is_told_with_its_share(tmp_path: Path) -> None:
    """From 60 m a photo sees 83 × 66 m; the field goes on 200 m east of the only line."""
    folder = flight(tmp_path, range(12), made.dji)
    finding = about(take_in(folder, field=around(0, 0, 200, 110), readers=1), "field_not_seen")
    assert 60.0 < value(finding, "share_pct") < 90.0


def test_a_field_seen_by_too_few_photos_is_told(tmp_path: Path) -> None:
    folder = flight(tmp_path, range(0, 12, 2), made.dji)
    field = around(-30, -28, 30, 128)
    assert about(take_in(folder, field=field, readers=1), "field_thinly_seen").where == field.name


def sea_only(numbers: Any, panel: bool) -> list[dict[str, made.Made]]:
    """Captures of a RedEdge, which tells its altitude above the sea alone; 40 m above its panel."""
    flown = [made.micasense(number) for number in numbers]
    return [made.micasense(99, panel=True), *flown] if panel else flown


def one_band(captures: list[dict[str, made.Made]], folder: Path) -> Path:
    kept = [{n: p for n, p in capture.items() if n.endswith("_1.tif")} for capture in captures]
    return made.save(folder, *kept)


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return one_band(sea_only(range(12), panel=False), tmp_path_factory.mktemp("rededge"))


def hill() -> Grid:
    """Ground that rises to the north, 28.6 m above the sea at the flight's middle."""
    rows = np.linspace(32.0, 18.0, 50)[:, None] * np.ones((1, 50))
    step = 0.004 / 50
    at = (made.LON - 0.002, made.LAT + 0.0015)
    return Grid(values=rows, affine=(step, 0.0, at[0], 0.0, -step, at[1]), epsg=4326)


@pytest.mark.parametrize(
    ("ground", "key", "height_m"),
    [(None, "photos_height_unknown", None),
     (GroundTold(altitude_m=25.0), "photos_height_told", 35.0),
     (GroundTold(terrain=hill()), "photos_height_terrain", 31.4)],
)  # fmt: skip
def test_altitudes_above_the_sea_become_heights_when_somebody_tells_of_the_ground(
    flown: Path, ground: GroundTold | None, key: str, height_m: float | None
) -> None:
    intake = take_in(flown, ground=ground, readers=1)
    finding = about(intake, key)
    assert (intake.overlap is None) == (height_m is None)
    if height_m is not None:
        assert value(finding, "height_m") == pytest.approx(height_m, abs=0.7)


def test_the_panels_pictures_tell_where_the_ground_is(tmp_path: Path) -> None:
    intake = take_in(one_band(sea_only(range(12), panel=True), tmp_path), readers=1)
    assert len(intake.panel_captures) == 1
    assert value(about(intake, "photos_height_panel"), "height_m") == pytest.approx(41.0)
    assert intake.heights is not None
    assert intake.heights.metres == (41.0,) * 12


def test_pictures_taken_before_take_off_tell_where_the_ground_is() -> None:
    def capture(number: int, altitude_m: float) -> Capture:
        photo = Photo(path=Path(f"{number}.jpg"), width_px=10, height_px=10, bits=8, channels=3,
                      height_sea=Height(altitude_m, above="sea"))  # fmt: skip
        return Capture(id=str(number), photos=(photo,))

    run = [capture(k, at) for k, at in enumerate([12.0, 12.4, *[62.0] * 9, 61.0])]
    found = heights_above(run)
    assert found.by == "start"
    assert found.metres[:3] == (None, None, 50.0)
    level = heights_above([capture(k, 62.0 + 0.3 * k) for k in range(12)])
    assert level.by is None
    climbing = heights_above([capture(k, 20.0 + 5.0 * k) for k in range(12)])
    assert climbing.by is None


def test_a_field_is_judged_by_what_photos_saw_whatever_tells_their_height(flown: Path) -> None:
    """From 400 m a picture of 80 × 64 pixels of 3.75 µm sees 22 × 17 m, however it is turned."""
    told = GroundTold(altitude_m=-340.0)
    narrow = take_in(flown, field=around(-6, 10, 6, 90), ground=told, readers=1)
    assert "finding.field_not_seen" not in keys(narrow)
    wide = take_in(flown, field=around(-6, 10, 80, 90), ground=told, readers=1)
    assert value(about(wide, "field_not_seen"), "share_pct") > 50.0
    assert wide.overlap is not None
    place = made.spot(5)[:2]
    assert wide.overlap.sample(*place, nearest=True) in (1.0, 2.0, 3.0)


def later(number: int, hours: float) -> dict[str, made.Made]:
    moment = made.moment(number) + timedelta(hours=7.0 + hours)
    return {name: p.but(**made.time_tags(moment)) for name, p in made.colour(number).items()}


def test_several_flights_of_a_card_are_kept_apart_and_of_several_days_warned_of(
    tmp_path: Path,
) -> None:
    made.save(tmp_path, *map(made.colour, range(3)), *[later(n, 1.0) for n in range(3, 5)])
    intake = take_in(tmp_path, readers=1)
    assert [len(flight) for flight in intake.flights] == [3, 2]
    assert about(intake, "photos_several_flights").severity is Severity.INFO
    made.save(tmp_path, *[later(n, 49.0) for n in range(5, 9)])
    intake = take_in(tmp_path, readers=1)
    assert [len(flight) for flight in intake.flights] == [3, 2, 4]
    finding = about(intake, "photos_several_days")
    assert value(finding, "days") == "2026-03-14, 2026-03-16"


def test_oblique_photos_are_told(tmp_path: Path) -> None:
    for name, photo in made.dji(0).items():
        told = photo.xmp.replace('GimbalPitchDegree="-90.00"', 'GimbalPitchDegree="-45.00"')
        made.save(tmp_path, {name: replace(photo, xmp=told)})
    assert value(about(take_in(tmp_path, readers=1), "photos_oblique"), "count") == 1


def test_a_capture_that_the_camera_marks_shows_the_panel(tmp_path: Path) -> None:
    made.save(tmp_path, made.micasense(0, panel=True), made.micasense(1), made.micasense(2))
    intake = take_in(tmp_path, readers=1)
    assert [c.panel for c in intake.panel_captures] == ["marked"]
    assert len(intake.captures) == 2
    panel = intake.panel_captures[0].photos[0].panel
    assert panel is not None
    assert (panel.serial, panel.albedo) == ("RP06-2051037-OB", 0.5)
    assert panel.corners_px == ((1.0, 2.0), (9.0, 2.0), (9.0, 8.0), (1.0, 8.0))


def test_a_capture_near_the_ground_is_likely_to_show_the_panel(tmp_path: Path) -> None:
    low = {
        name: photo.but(**made.place_tags(made.LON, made.LAT, 6.0))
        for name, photo in made.sequoia(0).items()
    }
    made.save(tmp_path, low, *[made.sequoia(number) for number in range(1, 7)])
    intake = take_in(tmp_path, readers=1)
    assert [(c.panel, c.clock) for c in intake.panel_captures] == [
        ("likely", made.moment(0).replace(tzinfo=None))
    ]


def test_bands_without_capture_id_are_joined_by_time_and_place(tmp_path: Path) -> None:
    intake = take_in(flight(tmp_path, range(3), made.sentera), readers=1)
    assert [len(capture.photos) for capture in intake.captures] == [5, 5, 5]
    assert all(not capture.photos[0].capture_id for capture in intake.captures)


def test_a_damaged_photo_is_named_and_the_others_are_taken(tmp_path: Path) -> None:
    folder = flight(tmp_path, range(3), made.micasense)
    victim = folder / "IMG_0001_2.tif"
    victim.write_bytes(victim.read_bytes()[:3000])
    intake = take_in(folder, readers=1)
    assert about(intake, "photo_damaged").where == "IMG_0001_2.tif"
    assert sum(len(capture.photos) for capture in intake.captures) == 14


def test_raw_twins_and_other_files_are_passed_over_and_counted(tmp_path: Path) -> None:
    folder = flight(tmp_path, range(2))
    raw = made.tiff(
        made.Made(), [(256, 4, 80), (257, 4, 64), (258, 3, 16), (50706, 1, [1, 4, 0, 0])]
    )
    (folder / "DSC00000.DNG").write_bytes(raw)
    (folder / "flight.MRK").write_text("1 2 3", "utf-8")
    intake = take_in(folder, readers=1)
    assert value(about(intake, "photos_raw"), "count") == 1
    assert value(about(intake, "photos_passed_over"), "count") == 1


def test_a_raw_photo_alone_is_refused_and_folders_too_deep_are_told(tmp_path: Path) -> None:
    raw = made.tiff(made.Made(), [(256, 4, 8), (257, 4, 6), (258, 3, 16), (50706, 1, [1, 4, 0, 0])])
    (tmp_path / "a.dng").write_bytes(raw)
    with pytest.raises(BadInput, match="DNG"):
        take_in(tmp_path / "a.dng")
    flight(tmp_path.joinpath("card", *"abcdefghi"), range(1))
    assert keys(take_in(tmp_path / "card")) == {"photos_too_deep", "photos_none"}


def test_a_folder_without_photos_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing", "utf-8")
    assert about(take_in(tmp_path), "photos_none").severity is Severity.ERROR


def test_a_zip_gives_the_same_captures_as_its_folder_and_goes_on_where_it_stopped(
    tmp_path: Path,
) -> None:
    card = flight(tmp_path / "card", range(2), made.dji)
    (card / "notes.txt").write_text("nothing", "utf-8")
    with zipfile.ZipFile(tmp_path / "card.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(card.iterdir()):
            archive.write(path, f"DCIM/100/{path.name}")
    shares: list[float] = []
    intake = take_in(tmp_path / "card.zip", readers=1, progress=shares.append)
    assert intake.source == tmp_path / "card-photos"
    assert [p.name for p in intake.photos] == [p.name for p in take_in(card, readers=1).photos]
    assert not list(intake.source.rglob("*.txt"))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    before = {path: path.stat().st_mtime_ns for path in intake.source.rglob("*.TIF")}
    victim = next(iter(before))
    victim.write_bytes(victim.read_bytes()[:-7])
    again = take_in(tmp_path / "card.zip", readers=1)
    assert [p.name for p in again.photos] == [p.name for p in intake.photos]
    after = {path: path.stat().st_mtime_ns for path in before}
    assert {path for path in before if before[path] != after[path]} == {victim}


def test_one_photo_and_one_that_is_nothing(tmp_path: Path) -> None:
    folder = flight(tmp_path, range(2))
    assert len(take_in(folder / "DSC00001.JPG").captures) == 1
    (tmp_path / "a.jpg").write_text("<html>", "utf-8")
    with pytest.raises(BadInput, match="neither a photo"):
        take_in(tmp_path / "a.jpg")
