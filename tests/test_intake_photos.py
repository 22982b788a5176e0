"""What six families of cameras write of a photo is read as it was meant."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from agri.geo import LonLat, distance_m
from imagery.bands import sensor
from imagery.calibration.radiance import radiance
from imagery.decoding.xmp import irradiances, numbers, read_xmp
from imagery.intake import Intake, counts_of, take_in
from imagery.intake import intake as intake_room
from imagery.intake.readers import read_all
from imagery.photo import BrownLens, FisheyeLens, Photo, PlaneVignette, RadialVignette
from tests import photo_files as made

SHARED = Path(os.environ.get("AGRI_SHARED", Path(__file__).resolve().parents[2] / "shared"))
REAL = SHARED / "data" / "imagery"
needs_real = pytest.mark.skipif(
    not REAL.is_dir(), reason="the collection of real photos is not on this machine"
)


@pytest.fixture(scope="module", autouse=True)
def _one_reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield from made.kept_reader(tmp_path_factory.getbasetemp(), monkeypatch)


@pytest.fixture
def _own_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real photos lie where the kept reader may not look."""
    monkeypatch.setattr(intake_room, "read_all", read_all)


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Intake]:
    """Two captures of every family, taken in once."""
    folder = tmp_path_factory.mktemp("families")
    return {
        name: take_in(made.save(folder / name, write(0), write(1)), readers=1)
        for name, write in made.FAMILIES.items()
    }


def first(intake: Intake, band: str) -> Photo:
    return next(p for p in intake.captures[0].photos if p.band and p.band.name == band)


def one(folder: Path, photo: made.Made, name: str = "IMG_0001_1.tif") -> Photo:
    made.save(folder, {name: photo})
    (capture,) = take_in(folder, readers=1).captures
    return capture.photos[0]


ABOVE_THE_SEA = {"rededge", "altum", "sequoia", "rgb"}
"""Cameras that write no height above ground or home; that is told, and is no complaint."""


@pytest.mark.parametrize("family", made.FAMILIES)
def test_every_family_gives_whole_captures_in_order_without_a_complaint(
    taken: dict[str, Intake], family: str
) -> None:
    intake = taken[family]
    files = len(made.FAMILIES[family](0))
    assert [len(capture.photos) for capture in intake.captures] == [files, files]
    unknown = ["finding.photos_height_unknown"] if family in ABOVE_THE_SEA else []
    assert [finding.key for finding in intake.findings] == unknown
    assert intake.captures[0].clock < intake.captures[1].clock  # type: ignore[operator]


@pytest.mark.parametrize("family", made.FAMILIES)
def test_place_and_time_are_those_written(taken: dict[str, Intake], family: str) -> None:
    for number, capture in enumerate(taken[family].captures):
        lon, lat, _ = made.spot(number)
        for photo in capture.photos:
            assert photo.place is not None
            assert distance_m(photo.place, LonLat(lon_deg=lon, lat_deg=lat)) < 0.01
            if family != "sentera":  # its clock tells no zone
                assert photo.taken_utc is not None
                assert abs((photo.taken_utc - made.moment(number)).total_seconds()) < 1e-3


@pytest.mark.parametrize(
    ("family", "bands"),
    [("rededge", made.MICASENSE), ("altum", made.MICASENSE), ("sentera", made.SENTERA),
     ("sequoia", [row[1:] for row in made.SEQUOIA]),
     ("p4m", [(name, centre, 2 * half) for name, centre, half in made.P4M]),
     ("m3m", [(name, centre, 2 * half) for _, name, centre, half in made.M3M])],
)  # fmt: skip
def test_bands_are_told_by_the_files_themselves(
    taken: dict[str, Intake], family: str, bands: list[tuple[str, float, float]]
) -> None:
    read = {
        (photo.band.name, photo.band.centre_nm, photo.band.fwhm_nm)
        for photo in taken[family].captures[0].bands
        if photo.band
    }
    assert read == {(name, float(centre), float(width)) for name, centre, width in bands}


def test_a_rededge_tells_all_that_calibration_asks(taken: dict[str, Intake]) -> None:
    photo = first(taken["rededge"], "Red edge")
    assert photo.exposure is not None
    assert (photo.exposure.time_s, photo.exposure.gain) == (1 / 2000, 2.0)
    assert photo.black_level == 4800.0
    assert photo.row_gradient == (1.4e-4, 1.2e-7, 1.4e-6)
    assert photo.vignette == RadialVignette(
        centre_x_px=640.5, centre_y_px=480.5,
        coefficients=(-3.2e-5, 1.1e-7, -2.8e-9, 1e-11, -1.5e-14, 7e-18),
    )  # fmt: skip
    assert isinstance(photo.lens, BrownLens)
    assert photo.lens.focal_x_px == pytest.approx(5.43 * 266.666667)
    assert (photo.lens.centre_x_px, photo.lens.centre_y_px) == pytest.approx((640.0, 480.0))
    assert (photo.lens.k3, photo.lens.p1, photo.lens.p2) == (-0.02, 0.0003, 0.0007)
    assert photo.rig_rotation_deg == (0.01, -0.02, 0.3)
    assert (photo.band_index, photo.position_sd_m) == (4, 1.5)


def test_light_of_a_dls_without_scale_is_brought_to_watts(taken: dict[str, Intake]) -> None:
    light = first(taken["rededge"], "Blue").light
    assert light is not None
    assert (light.kind, light.absolute) == ("dls2", True)
    assert (light.horizontal_irradiance, light.direct_irradiance) == pytest.approx((1.01, 0.80))
    assert light.solar_elevation_deg == pytest.approx(math.degrees(0.7))
    assert light.attitude is not None
    assert light.attitude.yaw_deg == pytest.approx(math.degrees(0.5))


def test_a_scale_that_the_file_tells_is_taken_instead(tmp_path: Path) -> None:
    name, photo = next(iter(made.micasense(0).items()))
    told = photo.xmp.replace(
        "<DLS:Serial>",
        "<DLS:IrradianceScaleToSIUnits>0.001</DLS:IrradianceScaleToSIUnits><DLS:Serial>",
    )
    light = one(tmp_path, made.Made(tags=photo.tags, xmp=told), name).light
    assert light is not None
    assert light.horizontal_irradiance == pytest.approx(0.101)


def test_a_mavic_3m_tells_all_that_calibration_asks(taken: dict[str, Intake]) -> None:
    photo = first(taken["m3m"], "NIR")
    assert photo.exposure is not None
    assert (photo.exposure.time_s, photo.exposure.gain) == (0.001, 1.044)
    assert photo.black_level == 3200.0
    assert photo.vignette == RadialVignette(
        centre_x_px=40.5, centre_y_px=32.5, multiply=True,
        coefficients=(1e-5, 2e-8, 3e-11, 0.0, 0.0, 0.0),
    )  # fmt: skip
    assert photo.lens == BrownLens(
        focal_x_px=2200.0, focal_y_px=2201.0, centre_x_px=30.0, centre_y_px=36.75,
        k1=0.1, k2=-0.2, k3=0.05, p1=0.001, p2=-0.002,
    )  # fmt: skip
    assert photo.homography == (1.0, 0.0, 3.5, 0.0, 1.0, -2.5, 0.0, 0.0, 1.0)
    assert photo.light is not None
    assert (photo.light.kind, photo.light.absolute, photo.light.valid) == ("dji", False, True)
    assert (photo.light.spectral_irradiance, photo.light.sensor_gain_adjustment) == (13096.1, 0.998)
    assert (photo.rtk_fixed, photo.position_sd_m) == (True, pytest.approx(0.02))
    assert photo.camera is not None
    assert photo.camera.pitch_deg == -90.0
    assert photo.height_home is not None
    assert photo.height_home.metres == 60.0


def test_a_sequoia_tells_its_fisheye_and_what_its_sunshine_sensor_saw(
    taken: dict[str, Intake],
) -> None:
    photo = first(taken["sequoia"], "NIR")
    assert isinstance(photo.lens, FisheyeLens)
    assert photo.lens.polynomial == (0.0, 1.0, 0.0137, -0.1521)
    assert photo.lens.centre_x_px == pytest.approx(2.437008 * 266.666667)
    assert photo.sensor_model == (271665.8, 5008.3, 2581.1)
    assert photo.vignette == PlaneVignette(
        powers=((0, 0), (1, 0), (0, 1)), coefficients=(0.7, 0.5, 0.25)
    )
    assert photo.exposure is not None
    assert photo.exposure.gain == 621.0
    assert photo.light is not None
    assert [r.channel0 for r in photo.light.readings] == [300, 301, 302]
    assert photo.light.readings[1].time_us == 1_200_000
    assert photo.aircraft is not None
    assert (photo.aircraft.pitch_deg, photo.camera) == (0.5, None)


def test_sentera_lists_the_highest_power_of_its_vignette_first(taken: dict[str, Intake]) -> None:
    vignette = first(taken["sentera"], "Green").vignette
    assert isinstance(vignette, RadialVignette)
    assert vignette.coefficients == (1e-3, 2e-4, 3e-6)


def test_the_colour_picture_belongs_to_its_capture_and_names_its_channels(
    taken: dict[str, Intake],
) -> None:
    colour = taken["m3m"].captures[1].colour
    assert colour is not None
    assert [band.role and band.role.value for band in colour.bands] == ["R", "G", "B"]


def test_a_colour_camera_nobody_knows_has_no_bands_until_the_user_says_what_it_is(
    tmp_path: Path, taken: dict[str, Intake]
) -> None:
    assert taken["rgb"].captures[0].photos[0].bands == ()
    folder = made.save(tmp_path, made.colour(0))
    declared = take_in(folder, sensor=sensor("NGB"), readers=1)
    bands = declared.captures[0].photos[0].bands
    assert [band.role and band.role.value for band in bands] == ["N", "G", "B"]
    assert declared.sensor == sensor("NGB")


# --- what real files got wrong ----------------------------------------------------------------


def test_a_negative_fraction_of_a_second_lies_before_the_second(tmp_path: Path) -> None:
    """Firmware 5.1.12 of RedEdge writes SubSecTime −182458."""
    name, photo = next(iter(made.micasense(0).items()))
    read = one(tmp_path, photo.but(SubSecTime="-182458"), name)
    second = made.moment(0).replace(microsecond=0)
    assert read.taken_utc == second - timedelta(microseconds=182_458)


def test_a_focal_length_without_unit_is_in_pixels_when_no_lens_has_so_many_millimetres(
    tmp_path: Path,
) -> None:
    """Firmware 2.1.2 of RedEdge writes 1449.36 and no unit."""
    name, photo = next(iter(made.micasense(0).items()))
    bare = photo.xmp.replace(
        "<Camera:PerspectiveFocalLengthUnits>mm</Camera:PerspectiveFocalLengthUnits>", ""
    )
    pixels = bare.replace("FocalLength>5.43<", "FocalLength>1449.3582<")
    assert bare != photo.xmp
    assert pixels != bare
    lens = one(tmp_path / "pixels", made.Made(tags=photo.tags, xmp=pixels), name).lens
    assert isinstance(lens, BrownLens)
    assert lens.focal_x_px == pytest.approx(1449.3582)
    lens = one(tmp_path / "bare", made.Made(tags=photo.tags, xmp=bare), name).lens
    assert isinstance(lens, BrownLens)
    assert lens.focal_x_px == pytest.approx(5.43 * 266.666667)


def test_a_void_fix_and_a_clock_never_set_are_no_place_and_no_time(tmp_path: Path) -> None:
    """Sequoia without GPS writes the status V and the year 1970."""
    name, photo = next(iter(made.sequoia(0, fix=False).items()))
    tags = {"GPSLatitude": [(21, 1), (4, 1), (48, 1)], "GPSLatitudeRef": "N",
            "GPSLongitude": [(106, 1), (30, 1), (36, 1)], "GPSLongitudeRef": "E"}  # fmt: skip
    read = one(tmp_path, photo.but(DateTimeOriginal="1970:01:01 00:02:30", **tags), name)
    assert (read.place, read.height_sea, read.taken_utc) == (None, None, None)


def test_an_offset_brings_local_time_to_utc_and_without_one_the_zone_stays_unknown(
    tmp_path: Path,
) -> None:
    ((name, photo),) = made.colour(0).items()
    assert one(tmp_path / "a", photo, name).taken_utc == made.moment(0)
    assert one(tmp_path / "b", photo.but(OffsetTimeOriginal=None), name).taken_utc is None
    gps = photo.but(OffsetTimeOriginal=None, GPSDateStamp="2026:03:14",
                    GPSTimeStamp=[(2, 1), (30, 1), (7, 2)])  # fmt: skip
    assert one(tmp_path / "c", gps, name).taken_utc == datetime(2026, 3, 14, 2, 30, 3, 500_000, UTC)


@pytest.mark.parametrize(("lon", "lat"), [(-119.435, 36.576), (151.2, -33.87), (-43.2, -22.9)])
def test_west_and_south_are_below_zero(tmp_path: Path, lon: float, lat: float) -> None:
    ((name, photo),) = made.colour(0).items()
    place = one(tmp_path, photo.but(**made.place_tags(lon, lat)), name).place
    assert place is not None
    assert distance_m(place, LonLat(lon_deg=lon, lat_deg=lat)) < 0.01


def test_zero_north_zero_east_is_no_place(tmp_path: Path) -> None:
    ((name, photo),) = made.colour(0).items()
    assert one(tmp_path, photo.but(**made.place_tags(0.0, 0.0)), name).place is None


def test_an_invalid_light_reading_says_so(tmp_path: Path) -> None:
    files = {k: v for k, v in made.dji(0).items() if k.endswith("MS_R.TIF")}
    ((name, photo),) = files.items()
    told = photo.xmp.replace('LS_status="2"', 'LS_status="0"')
    light = one(tmp_path, made.Made(tags=photo.tags, xmp=told), name).light
    assert light is not None
    assert not light.valid


# --- XMP --------------------------------------------------------------------------------------


def test_attributes_elements_and_sequences_over_several_descriptions_are_one_mapping() -> None:
    packet = made.xmp(
        attributes={"Camera:BandName": "NIR", "drone-dji:RtkFlag": "50"},
        DLS={"Yaw": "0.5"},
        Camera={"VignettingPolynomial": ["1", "2/4"], "BandName": "Red"},
    )
    read = read_xmp(packet.encode())
    assert read["Camera:BandName"] == ("NIR",)
    assert read["drone-dji:RtkFlag"] == ("50",)
    assert numbers(read["Camera:VignettingPolynomial"]) == (1.0, 0.5)
    assert read["DLS:Yaw"] == ("0.5",)


@pytest.mark.parametrize(
    "hostile",
    [
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>',
    ],
)
def test_a_packet_with_a_document_type_is_no_packet(hostile: str) -> None:
    packet = made.xmp(attributes={"Camera:BandName": "NIR"})
    inside = packet.replace("<rdf:RDF", hostile + "<rdf:RDF", 1)
    assert read_xmp(inside.encode()) == {}
    before = read_xmp((hostile + packet.replace("NIR", "&a;")).encode())
    assert before == {}


@pytest.mark.parametrize("text", ["", "abc", "!!!!", "QUJD", "=" * 40, "A" * 41])
def test_what_is_no_list_of_readings_gives_none(text: str) -> None:
    assert irradiances(text) == ()


# --- real files -------------------------------------------------------------------------------


@needs_real
@pytest.mark.usefixtures("_own_readers")
def test_real_rededge_captures_are_read_whole() -> None:
    intake = take_in(REAL / "micasense_rededge_mit" / "0000SET")
    assert [len(capture.photos) for capture in intake.captures] == [5, 5]
    assert intake.sensor is not None
    assert intake.sensor.name == "MicaSense RedEdge-M"
    photo = intake.captures[0].photos[0]
    assert isinstance(photo.lens, BrownLens)
    assert photo.lens.focal_x_px == pytest.approx(1449.3582467)
    assert photo.light is not None
    assert photo.light.spectral_irradiance == pytest.approx(1.0848248)
    assert photo.taken_utc == datetime(2017, 10, 19, 20, 40, 39, 200_174, UTC)
    assert [p.band.name for p in intake.captures[0].photos if p.band] == [
        "Blue", "Green", "Red", "NIR", "Red edge",
    ]  # fmt: skip


@needs_real
@pytest.mark.usefixtures("_own_readers")
def test_what_intake_reads_of_real_captures_gives_the_makers_own_radiance() -> None:
    golden = json.loads((REAL / "micasense_golden.json").read_text("utf-8"))
    intake = take_in(REAL / "micasense_rededge_mit" / "0000SET")
    with counts_of(intake.source) as read:
        for capture in intake.captures:
            for photo in capture.photos:
                listed = golden[f"mit/{photo.name[:8]}"][photo.name]
                mean = float(np.nanmean(radiance(photo, read(photo)).values))
                assert mean == pytest.approx(listed["radiance_mean"], rel=1e-5)


@needs_real
@pytest.mark.usefixtures("_own_readers")
def test_a_real_sequoia_without_fix_has_no_place_and_all_its_readings() -> None:
    intake = take_in(REAL / "micasense_rededge_mit" / "Sequoia")
    assert [len(capture.photos) for capture in intake.captures] == [5]
    assert {f.key for f in intake.findings} == {"finding.photos_without_place"}
    for photo in intake.captures[0].bands:
        assert photo.place is None
        assert photo.light is not None
        assert len(photo.light.readings) == 10


@needs_real
@pytest.mark.usefixtures("_own_readers")
def test_real_colour_photos_lie_where_their_list_says() -> None:
    folder = REAL / "seneca_nir_cc0"
    rows = [line.split(",") for line in (folder / "gps.csv").read_text("utf-8").splitlines()[1:]]
    listed = {row[0]: row[1:] for row in rows}
    intake = take_in(folder)
    assert len(intake.captures) == 11
    assert not [f for f in intake.findings if f.key == "finding.photos_blurred"]
    numbers_of = {
        name: sorted(float(cell) for cell in cells if cell.replace(".", "").lstrip("-").isdigit())
        for name, cells in listed.items()
    }
    for photo in intake.photos:
        assert photo.place is not None
        told = numbers_of[photo.path.name]
        assert min(abs(n - photo.place.lat_deg) for n in told) < 1e-6
        assert min(abs(n - photo.place.lon_deg) for n in told) < 1e-6


@needs_real
@pytest.mark.usefixtures("_own_readers")
def test_a_real_dji_photo_tells_its_gimbal_and_height() -> None:
    photo = take_in(REAL / "brighton_dji_bsd").captures[0].photos[0]
    assert photo.camera is not None
    assert photo.camera.pitch_deg == -89.9
    assert photo.height_home is not None
    assert photo.height_home.metres == 39.8
    assert np.isclose(photo.place.lat_deg if photo.place else 0.0, 46.842607, atol=1e-5)
