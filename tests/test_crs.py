"""Coordinate systems of boundary files, and VN-2000 against figures that do not come from PROJ."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pyproj import CRS, Transformer

from agri.boundaries.crs import PROVINCE_BOX, axes_swapped, choose_reference, far_away_m
from agri.errors import BadInput
from agri.geo import VN2000_EPSG, LonLat, distance_m, vn2000_to_lonlat

QUANG_NINH = "Quảng Ninh"
AXIS_M, FLATTENING = 6_378_137.0, 1.0 / 298.257223563
# Decision 05/2007/QĐ-BTNMT, article 1: metres, arc seconds, scale.
SHIFT_M = (-191.90441429, -39.30318279, -111.45032835)
TURN_ARCSEC = (-0.00928836, 0.01975479, -0.00427372)
SCALE = 1.000000252906278

TM3_ON = (
    'PROJCS["x",GEOGCS["{geogcs}",DATUM["{datum}",SPHEROID["WGS 84",6378137,298.257223563]{shift}],'
    'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],'
    'PARAMETER["latitude_of_origin",0],PARAMETER["central_meridian",{meridian}],'
    'PARAMETER["scale_factor",{scale}],PARAMETER["false_easting",500000],'
    'PARAMETER["false_northing",0],UNIT["metre",1]]'
)


def tm3_to_geodetic(
    northing_m: float, easting_m: float, meridian_deg: float
) -> tuple[float, float]:
    """Krüger's series to the sixth order (Karney 2011, eq. 7–9, 36), 3° zone: scale 0.9999."""
    n = FLATTENING / (2.0 - FLATTENING)
    rectifying = AXIS_M / (1.0 + n) * (1.0 + n**2 / 4.0 + n**4 / 64.0)
    xi, eta = northing_m / (0.9999 * rectifying), (easting_m - 500_000.0) / (0.9999 * rectifying)
    beta = (
        n / 2 - 2 * n**2 / 3 + 37 * n**3 / 96 - n**4 / 360,
        n**2 / 48 + n**3 / 15 - 437 * n**4 / 1440,
        17 * n**3 / 480 - 37 * n**4 / 840,
        4397 * n**4 / 161280,
    )
    xi_p = xi - sum(
        b * math.sin(2 * j * xi) * math.cosh(2 * j * eta) for j, b in enumerate(beta, 1)
    )
    eta_p = eta - sum(
        b * math.cos(2 * j * xi) * math.sinh(2 * j * eta) for j, b in enumerate(beta, 1)
    )
    conformal = math.asin(math.sin(xi_p) / math.cosh(eta_p))
    eccentricity = math.sqrt(FLATTENING * (2.0 - FLATTENING))
    lat = conformal
    for _ in range(30):
        lat = math.asin(
            math.tanh(
                math.atanh(math.sin(conformal))
                + eccentricity * math.atanh(eccentricity * math.sin(lat))
            )
        )
    return math.radians(meridian_deg) + math.atan2(math.sinh(eta_p), math.cos(xi_p)), lat


def shifted(
    lon: float, lat: float, height_m: float = 0.0, sign: float = 1.0
) -> tuple[float, float, float]:
    """The decision's seven parameters, as a coordinate frame rotation; degrees and metres back."""
    e2 = FLATTENING * (2.0 - FLATTENING)
    normal = AXIS_M / math.sqrt(1.0 - e2 * math.sin(lat) ** 2)
    place = np.array([
        (normal + height_m) * math.cos(lat) * math.cos(lon),
        (normal + height_m) * math.cos(lat) * math.sin(lon),
        (normal * (1.0 - e2) + height_m) * math.sin(lat),
    ])  # fmt: skip
    rx, ry, rz = (sign * math.radians(turn / 3600.0) for turn in TURN_ARCSEC)
    turn = np.array([[1.0, rz, -ry], [-rz, 1.0, rx], [ry, -rx, 1.0]])
    x, y, z = np.array(SHIFT_M) + SCALE * turn @ place
    flat = math.hypot(x, y)
    phi = math.atan2(z, flat * (1.0 - e2))
    for _ in range(10):
        normal = AXIS_M / math.sqrt(1.0 - e2 * math.sin(phi) ** 2)
        height = flat / math.cos(phi) - normal
        phi = math.atan2(z, flat * (1.0 - e2 * normal / (normal + height)))
    return math.degrees(math.atan2(y, x)), math.degrees(phi), height


def test_vn2000_follows_the_official_parameters_to_a_millimetre_all_over_quang_ninh() -> None:
    worst_m = 0.0
    for northing in np.linspace(2_290_000.0, 2_395_000.0, 8):
        for easting in np.linspace(366_000.0, 580_000.0, 8):
            lon, lat, _ = shifted(*tm3_to_geodetic(northing, easting, 107.75))
            ours = vn2000_to_lonlat(northing, easting)
            worst_m = max(worst_m, distance_m(ours, LonLat(lon_deg=lon, lat_deg=lat)))
    assert worst_m < 0.001


def test_the_reckoning_of_this_test_gives_a_published_worked_example() -> None:
    """A point of a Vietnamese paper on the conversion (zone 106°15'): x, y, H to B, L, H."""
    lon, lat, height = shifted(*tm3_to_geodetic(1_855_759.3584, 546_151.8072, 106.25), 846.1115)
    assert (lat, lon) == (
        pytest.approx(16.77839876, abs=2e-8),
        pytest.approx(106.68477742, abs=2e-8),
    )
    assert height == pytest.approx(832.2537253, abs=0.001)


def test_proj_gives_the_published_worked_example() -> None:
    """The same point as published for height 0, which is how boundaries are converted."""
    way = Transformer.from_crs(CRS.from_wkt(tm3(106.25)), 4326, always_xy=True)
    lon, lat = way.transform(546_151.8072, 1_855_759.3584)
    assert lat == pytest.approx(16.77839862, abs=1e-8)
    assert lon == pytest.approx(106.6847777, abs=5e-8)


def test_proj_gives_the_ninh_thuan_workbook_example() -> None:
    """A second published pair, zone 108°15' (EPSG:9217), given to six decimals."""
    place = vn2000_to_lonlat(1_255_172.510, 568_262.924, epsg=9217)
    assert (place.lat_deg, place.lon_deg) == (
        pytest.approx(11.349358, abs=1e-6),
        pytest.approx(108.877201, abs=1e-6),
    )


def test_the_wrong_sign_of_the_rotations_would_be_seen() -> None:
    """Read as a position vector rotation the same numbers land about half a metre away."""
    lon, lat, _ = shifted(*tm3_to_geodetic(2_332_000.0, 371_000.0, 107.75), sign=-1.0)
    off_m = distance_m(vn2000_to_lonlat(2_332_000.0, 371_000.0), LonLat(lon_deg=lon, lat_deg=lat))
    assert 0.3 < off_m < 1.0


def test_taking_vn2000_for_wgs84_would_be_224_metres_off() -> None:
    lon, lat = (math.degrees(value) for value in tm3_to_geodetic(2_332_000.0, 371_000.0, 107.75))
    off_m = distance_m(vn2000_to_lonlat(2_332_000.0, 371_000.0), LonLat(lon_deg=lon, lat_deg=lat))
    assert off_m == pytest.approx(224.0, abs=1.0)


def tm3(meridian: float, datum: str = "Vietnam_2000", geogcs: str = "VN-2000", shift: str = "",
        scale: float = 0.9999) -> str:  # fmt: skip
    return TM3_ON.format(
        geogcs=geogcs, datum=datum, shift=shift and f",TOWGS84[{shift}]", meridian=meridian,
        scale=scale,
    )  # fmt: skip


TM3_BOX = (371_000.0, 2_332_000.0, 371_200.0, 2_332_300.0)


def chosen(stated: str, bounds: tuple[float, float, float, float] = TM3_BOX, **more: object):  # type: ignore[no-untyped-def]
    return choose_reference(stated, bounds, file="a.zip", province=QUANG_NINH, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "stated",
    [
        "EPSG:5899",
        tm3(107.75),
        tm3(107.75, datum="D_Vietnam_2000", geogcs="GCS_VN_2000"),
        tm3(107.75, shift="0,0,0,0,0,0,0"),
        tm3(107.75, shift="-192.873,-39.382,-111.202,-0.00205,-0.0005,0.00335,0.0188"),
        tm3(107.75, datum="unknown", geogcs="unknown"),
        "",
    ],
)
def test_vn2000_in_any_wording_lands_on_the_official_place(stated: str) -> None:
    lon, lat = chosen(stated).to_lonlat(np.array([[371_000.0, 2_332_000.0]]))[0]
    place = LonLat(lon_deg=float(lon), lat_deg=float(lat))
    assert distance_m(place, vn2000_to_lonlat(2_332_000.0, 371_000.0)) < 0.001


@pytest.mark.parametrize(
    ("stated", "key"),
    [
        (tm3(107.75, shift="0,0,0,0,0,0,0"), "finding.crs_taken_as"),
        (tm3(107.75, datum="unknown", geogcs="unknown"), "finding.crs_taken_as"),
        (tm3(107.75, datum="WGS_1984", geogcs="WGS 84"), "finding.crs_tm3_wgs84"),
        ("", "finding.crs_assumed"),
        ("rubbish", "finding.crs_unreadable"),
        ('LOCAL_CS["x",UNIT["metre",1]]', "finding.crs_unreadable"),
        (
            'PROJCS["x",EXTENSION["PROJ4","+proj=utm +nadgrids=/etc/passwd"]]',
            "finding.crs_unreadable",
        ),
        ("EPSG:4326", "finding.crs_assumed"),
    ],
)
def test_doubtful_systems_are_told(stated: str, key: str) -> None:
    assert key in {finding.key for finding in chosen(stated).findings}


def test_a_stated_system_that_fits_is_taken_without_a_word() -> None:
    assert chosen("EPSG:5899").findings == ()


def test_an_unknown_datum_is_refused_rather_than_shifted_by_a_guess() -> None:
    with pytest.raises(BadInput, match=r"does not say where it lies.*--crs"):
        chosen(tm3(100.0, datum="unknown", geogcs="unknown", scale=0.99985))


def test_web_mercator_is_known_although_its_wording_names_a_grid() -> None:
    wkt = CRS.from_epsg(3857).to_wkt("WKT1_GDAL")
    assert "nadgrids" in wkt
    lon, lat = chosen(wkt).to_lonlat(np.array([[11_856_640.0, 2_400_000.0]]))[0]
    assert (lon, lat) == (pytest.approx(106.51, abs=0.01), pytest.approx(21.07, abs=0.01))


@pytest.mark.parametrize(
    ("bounds", "name"),
    [
        ((106.5, 21.0, 106.6, 21.1), "WGS 84"),
        ((21.0, 106.5, 21.1, 106.6), "WGS 84"),
        (TM3_BOX, "VN-2000 / TM-3 107-45"),
        ((2_332_000.0, 371_000.0, 2_332_300.0, 371_200.0), "VN-2000 / TM-3 107-45"),
        ((656_000.0, 2_331_000.0, 656_300.0, 2_331_300.0), "WGS 84 / UTM zone 48N"),
    ],
)
def test_without_a_word_the_numbers_speak(
    bounds: tuple[float, float, float, float], name: str
) -> None:
    reference = chosen("", bounds)
    assert reference.name == name
    assert [finding.key for finding in reference.findings] == ["finding.crs_assumed"]


@pytest.mark.parametrize(
    "bounds",
    [
        (1000.0, 1000.0, 1100.0, 1100.0),
        (float("nan"),) * 4,
        (371_000.0, 2_332_000.0, 371_000.0, 5e6),
    ],
)
def test_numbers_that_say_nothing_are_refused_and_the_way_out_is_told(
    bounds: tuple[float, float, float, float],
) -> None:
    with pytest.raises(BadInput, match=r"^a\.zip: .*--crs"):
        chosen("", bounds)


def test_what_the_user_says_holds_over_the_file_and_is_told() -> None:
    reference = chosen("EPSG:4326", crs_epsg=5899)
    assert reference.name == "VN-2000 / TM-3 107-45"
    assert [finding.key for finding in reference.findings] == ["finding.crs_overruled"]
    assert chosen("EPSG:5899", crs_epsg=5899).findings == ()


@pytest.mark.parametrize("epsg", [0, -1, 999_999, 5703, 4978])
def test_codes_that_are_no_places_on_earth_are_refused(epsg: int) -> None:
    with pytest.raises(BadInput, match="not a coordinate system"):
        chosen("", crs_epsg=epsg)


def test_an_unknown_province_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match=r"'Atlantis'.*Quảng Ninh"):
        choose_reference("", TM3_BOX, file="a", province="Atlantis")


def test_eastings_of_the_two_guessed_systems_never_meet_in_the_province() -> None:
    west, south, east, north = PROVINCE_BOX[QUANG_NINH]
    lon, lat = np.meshgrid(np.linspace(west, east, 50), np.linspace(south, north, 20))
    tm3_e, _ = Transformer.from_crs(4326, 5899, always_xy=True).transform(lon, lat)
    utm_e, _ = Transformer.from_crs(4326, 32648, always_xy=True).transform(lon, lat)
    assert tm3_e.max() < utm_e.min()


def test_every_province_with_a_zone_has_a_box_that_the_zone_covers() -> None:
    assert PROVINCE_BOX.keys() == VN2000_EPSG.keys()
    for province, epsg in VN2000_EPSG.items():
        west, _, east, _ = PROVINCE_BOX[province]
        meridian = CRS.from_epsg(epsg).coordinate_operation.params[1].value
        assert max(abs(west - meridian), abs(east - meridian)) < 1.5


def test_axes_are_swapped_only_when_that_leads_into_vietnam() -> None:
    degrees = chosen("EPSG:4326", (106.5, 21.0, 106.6, 21.1))
    assert axes_swapped(degrees, np.array([[21.0, 106.5]]))
    assert not axes_swapped(degrees, np.array([[106.5, 21.0]]))
    assert not axes_swapped(degrees, np.array([[6.06, 51.51]]))
    metres = chosen("EPSG:5899")
    assert axes_swapped(metres, np.array([[2_332_000.0, 371_000.0]]))
    assert not axes_swapped(metres, np.array([[371_000.0, 2_332_000.0]]))


def test_far_away_is_measured_on_the_ellipsoid() -> None:
    assert far_away_m(LonLat(lon_deg=107.08, lat_deg=20.95), QUANG_NINH) == 0.0
    assert far_away_m(LonLat(lon_deg=106.51, lat_deg=20.08), QUANG_NINH) == pytest.approx(
        110_700, abs=100
    )
