"""Rate maps: checked when built, honest about what they do not tell, read from files."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Polygon

from agri.boundaries.rates import read_rate_map
from agri.errors import BadInput
from agri.geo import LocalFrame, LonLat, transformer
from agri.grid import Grid
from agri.zone import RateMap, RatePatch

FRAME = LocalFrame(LonLat(lon_deg=106.51, lat_deg=21.08))


def box(west: float, south: float, east: float, north: float) -> Polygon:
    """A box in local metres, in degrees."""
    return FRAME.geometry_to_lonlat(shapely.box(west, south, east, north))


def patch(west: float, east: float, rate: float, name: str = "") -> RatePatch:
    return RatePatch(area=box(west, 0.0, east, 50.0), rate_l_ha=rate, name=name)


def rate_at(found: RateMap, east: float, north: float) -> float:
    place = FRAME.place(east, north)
    return found.rate_at(place.lon_deg, place.lat_deg)


def grid(values: list[list[float]], **changes: Any) -> Grid:
    """Pixels of 10 m from (0, 0) east and north in UTM."""
    lon, lat = FRAME.to_lonlat([0.0], [0.0])
    east, north = _utm(float(lon[0]), float(lat[0]))
    told = {"affine": (10.0, 0.0, east, 0.0, -10.0, north + 10.0 * len(values)), "epsg": 32648,
            "unit": "L/ha"}  # fmt: skip
    return Grid(values=np.array(values, dtype=np.float64), **{**told, **changes})


def _utm(lon: float, lat: float) -> tuple[float, float]:
    east, north = transformer(4326, 32648).transform(lon, lat)
    return float(east), float(north)


@pytest.mark.parametrize("rate", [-1.0, math.nan, math.inf, 2000.5])
def test_a_rate_that_cannot_be_is_refused_with_its_name(rate: float) -> None:
    with pytest.raises(BadInput, match="Bờ Tây"):
        patch(0.0, 10.0, rate, "Bờ Tây")
    if not math.isnan(rate):
        with pytest.raises(BadInput, match="bản đồ"):
            RateMap(grid=grid([[20.0, rate]]), name="bản đồ")


def test_an_area_that_is_none_is_refused() -> None:
    bow = Polygon([(106.5, 21.0), (106.6, 21.1), (106.6, 21.0), (106.5, 21.1)])
    for area in (Polygon(), bow, shapely.Point(106.5, 21.0)):
        with pytest.raises(BadInput):
            RatePatch(area=area, rate_l_ha=20.0)  # type: ignore[arg-type]


def test_a_map_is_patches_or_a_grid() -> None:
    with pytest.raises(BadInput):
        RateMap()
    with pytest.raises(BadInput):
        RateMap(patches=(patch(0, 10, 20.0),), grid=grid([[20.0]]))
    with pytest.raises(BadInput):
        RateMap(grid=grid([[math.nan]]))
    with pytest.raises(BadInput, match="mm"):
        RateMap(grid=grid([[20.0]], unit="mm"))


def test_overlapping_patches_of_different_rates_are_refused_and_named() -> None:
    with pytest.raises(BadInput, match=r"Bờ Tây \(20 L/ha\) and Bờ Đông \(30 L/ha\).*250 m²"):
        RateMap(patches=(patch(0, 55, 20.0, "Bờ Tây"), patch(50, 100, 30.0, "Bờ Đông")))


def test_overlaps_that_agree_or_are_drawing_noise_are_taken() -> None:
    assert rate_at(RateMap(patches=(patch(0, 55, 20.0), patch(50, 100, 20.0))), 52, 5) == 20.0
    noisy = RateMap(patches=(patch(0, 50.01, 20.0), patch(50, 100, 30.0)))
    assert rate_at(noisy, 50.005, 5) == 20.0  # the first one holds


def test_a_place_has_its_patchs_rate_and_none_outside() -> None:
    found = RateMap(patches=(patch(0, 50, 20.0), patch(50, 100, 0.0)))
    assert rate_at(found, 25, 25) == 20.0
    assert rate_at(found, 75, 25) == 0.0
    assert math.isnan(rate_at(found, 125, 25))
    places = FRAME.to_lonlat([25.0, 75.0, 125.0], [25.0, 25.0, 25.0])
    assert found.rates_at(*places).tolist()[:2] == [20.0, 0.0]


def test_a_grids_pixels_are_taken_whole() -> None:
    found = RateMap(grid=grid([[10.0, 20.0], [30.0, math.nan]]))
    assert [rate_at(found, e, n) for e, n in ((5, 5), (9, 1), (5, 15), (15, 15))] == [
        30.0, 30.0, 10.0, 20.0,
    ]  # fmt: skip
    assert math.isnan(rate_at(found, 15, 5))


def test_gaps_are_what_has_no_rate_and_never_what_has_rate_nothing() -> None:
    found = RateMap(patches=(patch(0, 50, 20.0), patch(60, 100, 0.0)))
    field = box(0.0, 0.0, 100.0, 50.0)
    assert found.gap_m2(field) == pytest.approx(500.0, rel=1e-3)
    assert found.gap_m2(box(70.0, 5.0, 90.0, 40.0)) == 0.0
    holed = RateMap(grid=grid([[10.0, math.nan, 20.0], [10.0, math.nan, 20.0]]))
    assert holed.gap_m2(box(0.5, 0.5, 29.5, 19.5)) == pytest.approx(190.0, rel=2e-3)
    assert holed.gap_m2(box(0.5, 0.5, 9.5, 19.5)) == pytest.approx(0.0, abs=1e-6)
    assert holed.gap_m2(box(0.5, 5.0, 39.5, 15.0)) == pytest.approx(100.0 + 95.0, rel=0.01)


@given(st.integers(0, 40), st.integers(1, 30), st.integers(1, 40))
def test_gap_and_covered_area_make_the_whole(start: int, width: int, high: int) -> None:
    found = RateMap(patches=(patch(10, 30, 20.0),))
    area = box(start, 0, start + width, high)
    covered = max(0, min(30, start + width) - max(10, start)) * high
    assert found.gap_m2(area) == pytest.approx(width * high - covered, abs=0.05)


def feature(area: Polygon, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties,
            "geometry": json.loads(shapely.to_geojson(area))}  # fmt: skip


def written(folder: Path, *features: dict[str, Any]) -> Path:
    path = folder / "lieu.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(features)}))
    return path


@pytest.mark.parametrize("key", ["rate_l_ha", "rate", "RATE", "Liều phun", "Rate_L_ha"])
def test_rates_are_read_from_a_file_under_the_names_people_use(tmp_path: Path, key: str) -> None:
    path = written(
        tmp_path, feature(box(0, 0, 50, 50), **{key: 20}), feature(box(50, 0, 90, 50), **{key: "0"})
    )
    found, _ = read_rate_map(path)
    assert [round(p.rate_l_ha, 6) for p in found.patches] == [20.0, 0.0]
    assert rate_at(found, 25, 25) == 20.0
    assert "lieu" in found.name


def test_a_rate_with_its_unit_and_a_comma_is_read(tmp_path: Path) -> None:
    found, _ = read_rate_map(written(tmp_path, feature(box(0, 0, 50, 50), rate="22,5 L/ha")))
    assert found.patches[0].rate_l_ha == 22.5


def test_an_area_without_a_rate_is_refused_and_not_taken_for_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, feature(box(0, 0, 50, 50), rate=20),
                   feature(box(50, 0, 90, 50), name="Góc ao"))  # fmt: skip
    with pytest.raises(BadInput, match="Góc ao"):
        read_rate_map(path)


@pytest.mark.parametrize("rate", ["viele", "-5", "5000"])
def test_a_rate_that_is_none_stops_the_file(tmp_path: Path, rate: str) -> None:
    with pytest.raises(BadInput):
        read_rate_map(written(tmp_path, feature(box(0, 0, 50, 50), rate=rate)))


def test_a_point_in_the_file_is_passed_over_with_a_finding(tmp_path: Path) -> None:
    point = feature(box(0, 0, 1, 1), rate=5, name="cọc")
    point["geometry"] = {"type": "Point", "coordinates": [106.51, 21.08]}
    found, findings = read_rate_map(written(tmp_path, feature(box(0, 0, 50, 50), rate=20), point))
    assert len(found.patches) == 1
    assert "finding.rate_no_area" in {finding.key for finding in findings}
