"""Places, heights and local metres: true on the ground, and never mixed up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod
from shapely.geometry import Polygon

from agri.errors import BadInput
from agri.field import Field
from agri.geo import Height, LocalFrame, LonLat, distance_m, utm_epsg

GEOD = Geod(ellps="WGS84")
LONS = st.floats(-179.0, 179.0)
LATS = st.floats(-75.0, 80.0)


@given(lon=LONS, lat=LATS, bearing=st.floats(0, 360), reach=st.floats(10, 5000))
def test_local_distances_and_bearings_are_true_on_the_ground(
    lon: float, lat: float, bearing: float, reach: float
) -> None:
    there_lon, there_lat, _ = GEOD.fwd(lon, lat, bearing, reach)
    frame = LocalFrame(LonLat(lon_deg=lon, lat_deg=lat))
    east, north = frame.to_local([there_lon], [there_lat])
    assert np.hypot(east[0], north[0]) == pytest.approx(reach, rel=3e-5)
    turned = (np.degrees(np.arctan2(east[0], north[0])) - bearing + 180.0) % 360.0 - 180.0
    assert abs(turned) < 0.1


@given(lon=LONS, lat=LATS, east=st.floats(-5000, 5000), north=st.floats(-5000, 5000))
def test_local_metres_come_back_to_the_millimetre(
    lon: float, lat: float, east: float, north: float
) -> None:
    frame = LocalFrame(LonLat(lon_deg=lon, lat_deg=lat))
    back_e, back_n = frame.to_local(*frame.to_lonlat([east], [north]))
    assert abs(back_e[0] - east) < 1e-3
    assert abs(back_n[0] - north) < 1e-3


@pytest.mark.parametrize(("lon", "lat"), [(106.51, 21.08), (102.1, 22.5), (108.0, 10.5), (5.6, 52)])
def test_a_field_area_is_true_to_a_tenth_of_a_percent(lon: float, lat: float) -> None:
    corners = [GEOD.fwd(lon, lat, b, 150.0)[:2] for b in (10, 80, 170, 200, 300)]
    ellipsoid_m2 = abs(GEOD.polygon_area_perimeter(*zip(*corners, strict=True))[0])
    field = Field(name="Ruộng thử", boundary=Polygon(corners))
    assert field.area_m2 == pytest.approx(ellipsoid_m2, rel=1e-3)


def test_the_frame_stands_on_the_right_utm_zone() -> None:
    assert utm_epsg(LonLat(lon_deg=106.51, lat_deg=21.08)) == 32648
    assert utm_epsg(LonLat(lon_deg=108.1, lat_deg=16.0)) == 32649
    assert utm_epsg(LonLat(lon_deg=-179.9, lat_deg=-20.0)) == 32701
    assert utm_epsg(LonLat(lon_deg=180.0, lat_deg=5.0)) == 32601


def test_heights_above_different_things_do_not_mix() -> None:
    assert Height(55, "home").minus(Height(50, "home")) == 5
    with pytest.raises(BadInput, match="cannot be compared"):
        Height(55, "home").minus(Height(50, "sea"))


@pytest.mark.parametrize(("lon", "lat"), [(181.0, 0.0), (0.0, 91.0), (float("nan"), 0.0)])
def test_a_place_off_the_earth_cannot_exist(lon: float, lat: float) -> None:
    with pytest.raises(BadInput):
        LonLat(lon_deg=lon, lat_deg=lat)


def test_the_distance_between_two_places_is_the_ellipsoids() -> None:
    here, there = LonLat(lon_deg=106.51, lat_deg=21.08), LonLat(lon_deg=106.55, lat_deg=21.10)
    assert distance_m(here, there) == pytest.approx(
        GEOD.inv(106.51, 21.08, 106.55, 21.10)[2], rel=3e-5
    )
