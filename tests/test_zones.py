"""Management zones: planted ones are found, the sprayer can follow them, the rates come back."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Tree

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from shapely import affinity

from agri.errors import BadInput
from agri.findings import Severity
from agri.geo import LocalFrame, transformer
from agri.grid import Grid
from agri.operations.rates import read_rates
from agri.weather import Wind
from agri.zone import MAX_RATE_KG_HA, SpreadMap
from imagery.zonal import ArrayLayers
from imagery.zones import (
    Prescription,
    RateRule,
    ZoneMap,
    agreement,
    cell_values,
    check_total,
    classify,
    find_zones,
    lattice,
    prescribe_cells,
    prescribe_zones,
    run_length_m,
    shaped,
    stability,
    write_dji,
    write_isoxml,
    write_rate_geojson,
    write_rate_shapefile,
    write_rate_tiff,
    zone_rates,
)
from imagery.zones.shaping import pieces, runs
from missions.catalogue import sprayer
from missions.passes.rates import rated
from missions.passes.route import Pass
from missions.sprayer.job import Product, SpraySettings
from tests.task_schema import faults

FRAME = LocalFrame.around(shapely.box(106.51, 21.08, 106.513, 21.083))
FIELD = FRAME.geometry_to_lonlat(affinity.rotate(shapely.box(-120, -90, 120, 90), 20))
EAST, NORTH = transformer(4326, 32648).transform(106.5115, 21.0815)
PIXELS = 320
SIDE_M = 1.0
AFFINE = (SIDE_M, 0.0, EAST - 160.0, 0.0, -SIDE_M, NORTH + 160.0)
RULE = RateRule(points=((0.35, 36.0), (0.8, 12.0)), unit="l/ha", least=14.0, most=34.0, step=0.5)


def planted(kinds: int, seed: int = 0) -> np.ndarray[Any, Any]:
    """Kinds of ground, in patches tens of metres wide."""
    field = gaussian_filter(np.random.default_rng(seed).normal(size=(PIXELS, PIXELS)), 34)
    return np.digitize(field, np.quantile(field, np.arange(1, kinds) / kinds))


def seen(truth: np.ndarray[Any, Any], noise: float = 0.08, seed: int = 1, gain: float = 1.0) -> Any:
    rng = np.random.default_rng(seed)
    values = gain * (0.35 + 0.14 * truth) + rng.normal(0, noise, truth.shape)
    return values.astype(np.float32)


def layer(values: Any, label: str = "ndvi") -> ArrayLayers:
    return ArrayLayers(values=values[None], affine=AFFINE, epsg=32648, labels=(label,))


def divided(values: Any, **options: Any) -> ZoneMap:
    asked = {"direction_deg": 70.0, "swath_m": 5.0, "speed_m_s": 4.0, "reaction_s": 0.7,
             "most": 4, **options}  # fmt: skip
    return find_zones(layer(values), FIELD, **asked)[0]


def truth_in_cells(found: ZoneMap, truth: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    row, column = np.nonzero(found.labels >= 0)
    lon, lat = found.cells.grid(found.labels.astype(float)).lonlat(column + 0.5, row + 0.5)
    x, y = transformer(4326, 32648).transform(lon, lat)
    put = np.full(found.labels.shape, -1)
    at = ((AFFINE[5] - y) / SIDE_M).astype(int), ((x - AFFINE[2]) / SIDE_M).astype(int)
    put[row, column] = truth[at]
    return put


@pytest.fixture(scope="module")
def three() -> ZoneMap:
    return divided(seen(planted(3)))


@pytest.mark.parametrize("kinds", [2, 3, 4])
def test_planted_zones_are_found_in_their_number_and_place(kinds: int) -> None:
    truth = planted(kinds, kinds)
    found = divided(seen(truth), most=5)
    assert found.classes.number == kinds
    assert agreement(found.labels, truth_in_cells(found, truth)) >= 0.9
    assert [choice.classes for choice in found.classes.curve] == [2, 3, 4, 5]


def test_the_silhouette_finds_the_same_number_as_fuzziness() -> None:
    truth = planted(3)
    assert divided(seen(truth), criterion="silhouette").classes.number == 3


def test_wards_classes_are_connected_areas() -> None:
    found = divided(seen(planted(3)), method="ward", classes=4)
    raw = found.classes.labels
    assert len(pieces(raw, np.ones(raw.shape))) == 4


def test_zones_cover_the_field_once_and_each_is_large_enough(three: ZoneMap) -> None:
    areas = [zone.area for zone in three.zones]
    assert shapely.union_all(areas).symmetric_difference(FIELD).area < 1e-6 * FIELD.area
    assert sum(zone.area_m2 for zone in three.zones) == pytest.approx(240 * 180, rel=1e-3)
    assert min(size for size, _ in pieces(three.labels, three.cells.inside_m2)) >= 360.0
    assert (np.diff(three.means[:, 0]) > 0.0).all()


def test_a_swath_and_the_pumps_reaction_set_the_cells() -> None:
    assert run_length_m(5.0, 0.8) == 8.0
    cells = lattice(FIELD, direction_deg=70.0, across_m=5.0, along_m=8.0)
    a, b, _, d, e, _ = cells.affine
    assert (math.hypot(a, d), math.hypot(b, e)) == pytest.approx((8.0, 5.0))
    assert math.degrees(math.atan2(a, d)) == pytest.approx(70.0)
    stretch = cells.inside_m2.sum() / (240 * 180)
    assert stretch == pytest.approx(1.0, abs=1e-3)  # UTM's metres


def test_cells_that_would_be_too_many_are_refused() -> None:
    with pytest.raises(BadInput) as error:
        lattice(FIELD, direction_deg=0.0, across_m=0.01, along_m=0.01)
    assert error.value.message.key == "error.zones_cells"


def test_a_cells_value_is_the_exact_mean_under_it_within_the_field() -> None:
    row, column = np.mgrid[0:PIXELS, 0:PIXELS] + 0.5
    ramp = (3.0 * column + 2.0 * row).astype(np.float32)
    cells = lattice(FIELD, direction_deg=90.0, across_m=10.0, along_m=10.0)
    values, findings = cell_values(layer(ramp), cells)
    whole = np.argwhere(np.isclose(cells.inside_m2, 100.0))
    for r, c in whole[:: len(whole) // 9]:
        lon, lat = cells.grid(cells.inside_m2).lonlat(np.array([c + 0.5]), np.array([r + 0.5]))
        x, y = transformer(4326, 32648).transform(lon[0], lat[0])
        middle = 3.0 * (x - AFFINE[2]) + 2.0 * (AFFINE[5] - y)
        assert values[r, c, 0] == pytest.approx(middle, abs=0.01)
    assert findings == ()


def test_places_without_data_are_in_no_zone_and_told() -> None:
    values = seen(planted(2))
    values[100:150, 100:160] = np.nan
    found, findings = find_zones(layer(values), FIELD, direction_deg=0.0, swath_m=6.0,
                                 speed_m_s=3.0, reaction_s=1.0)  # fmt: skip
    blind = found.cells.inside & (found.labels < 0)
    assert blind.sum() > 20
    assert findings[0].key == "finding.cells_no_data"
    with pytest.raises(BadInput) as refused:
        prescribe_zones(found, RULE, name="x")
    assert refused.value.message.key == "error.rule_gap"
    kept = RateRule(points=((0.3, 30.0), (0.6, 10.0)), unit="l/ha", where_none=20.0)
    assert (prescribe_zones(found, kept, name="x").rates[blind] == 20.0).all()


@pytest.mark.parametrize(
    ("values", "options", "key"),
    [
        (np.ones((9, 9, 1)), {}, "error.zones_all_same"),
        (np.ones((2, 2, 1)), {}, "error.zones_few_cells"),
        (np.ones((9, 9, 1)), {"classes": 1}, "error.zones_number"),
        (np.ones((9, 9, 1)), {"most": 20}, "error.zones_number"),
    ],
)
def test_what_cannot_be_divided_is_refused(values: Any, options: Any, key: str) -> None:
    with pytest.raises(BadInput) as error:
        classify(values, **options)
    assert error.value.message.key == key


@given(st.integers(0, 10_000), st.integers(2, 4), st.integers(1, 4), st.floats(0, 300))
@settings(max_examples=25, deadline=None)
def test_shaped_zones_have_no_short_run_and_no_small_piece(
    seed: int, kinds: int, least_run: int, least_m2: float
) -> None:
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(kinds, 0.4), size=(12, 15))
    hole = rng.random((12, 15)) < 0.05
    shares[hole] = np.nan
    size = np.full((12, 15), 20.0)
    found = shaped(shares, size, least_zone_m2=least_m2, least_run=least_run)
    assert ((found < 0) == hole).all()
    for area_m2, mask in pieces(found, size):
        assert area_m2 >= least_m2 or not _has_neighbour(found, mask)
    for line in found:
        for first, end in runs(line):
            alone = (first == 0 or line[first - 1] < 0) and (end == 15 or line[end] < 0)
            assert end - first >= least_run or alone


def test_a_narrow_belt_of_middle_growth_between_weak_and_strong_stays_a_zone() -> None:
    east = (np.arange(PIXELS) + 0.5)[None, :] - 160.0
    north = 160.0 - (np.arange(PIXELS) + 0.5)[:, None]
    bent = east + 6.0 * np.sin(north / 25.0)
    truth = 0 + (bent > -4.0) + (bent > 5.0)
    found = divided(seen(truth), direction_deg=90.0, swath_m=4.0, reaction_s=1.0, classes=3)
    assert len(found.zones) == 3
    assert agreement(found.labels, truth_in_cells(found, truth)) >= 0.9
    assert found.zones[1].area_m2 == pytest.approx(9.0 * 180.0, rel=0.15)


@pytest.mark.parametrize("seed", range(4))
def test_a_wide_scatter_in_weak_ground_does_not_pass_for_two_kinds_of_ground(seed: int) -> None:
    truth = np.tile(np.repeat([0, 1, 2], [16, 10, 22]), (14, 1))
    noise = np.random.default_rng(seed).normal(0.0, 1.0, truth.shape)
    seen_there = np.array([0.45, 0.66, 0.73])[truth] + np.array([0.12, 0.02, 0.02])[truth] * noise
    single, steady = (
        agreement(classify(seen_there[..., None], classes=3, along=along).labels, truth)
        for along in (1, 4)
    )
    assert steady >= 0.88
    assert steady > single


@pytest.mark.parametrize(("speed_m_s", "reaction_s"), [(4.0, 1.0), (5.0, 0.8), (1.0, 0.2)])
def test_along_a_pass_no_zone_is_shorter_than_the_pump_can_follow(
    speed_m_s: float, reaction_s: float
) -> None:
    found = divided(seen(planted(3), noise=0.3), speed_m_s=speed_m_s, reaction_s=reaction_s,
                    direction_deg=90.0, least_zone_m2=0.0)  # fmt: skip
    least_m = run_length_m(speed_m_s, reaction_s)
    for line in found.labels:
        for first, end in list(runs(line))[1:-1]:
            assert (end - first) * found.cells.along_m >= least_m - 1e-6


def _has_neighbour(labels: Any, mask: Any) -> bool:
    around = np.zeros_like(mask)
    around[1:] |= mask[:-1]
    around[:-1] |= mask[1:]
    around[:, 1:] |= mask[:, :-1]
    around[:, :-1] |= mask[:, 1:]
    return bool(((labels >= 0) & around & ~mask).any())


def test_dates_that_agree_are_stable_and_one_that_differs_is_seen() -> None:
    truth, other = planted(3), planted(3, 9)
    cells = lattice(FIELD, direction_deg=70.0, across_m=5.0, along_m=5.6)
    pictures = [seen(truth, 0.05, 1), seen(truth, 0.05, 2, 1.3), seen(other, 0.05, 3)]
    values, _ = cell_values([layer(p, f"d{k}") for k, p in enumerate(pictures)], cells)
    found = stability(values, ("a", "b", "c"), classes=3)
    assert found.kappa[0, 1] > 0.9
    assert found.kappa[0, 2] < 0.5
    assert np.diag(found.kappa) == pytest.approx([1.0] * 3)
    assert 0.6 < found.mean < 0.95
    assert stability(values[:, :, :2], ("a", "b"), classes=3).mean > 0.95
    with pytest.raises(BadInput) as error:
        stability(values[:, :, :1], ("a",), classes=3)
    assert error.value.message.key == "error.zones_dates"


def test_kappa_of_unrelated_maps_is_about_zero() -> None:
    rng = np.random.default_rng(3)
    one, other = rng.integers(0, 3, (2, 80, 80))
    assert abs(agreement(one, other)) < 0.05


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.floats(0, 100)), min_size=1, max_size=5,
             unique_by=lambda point: round(point[0], 3)),
    st.floats(0, 40), st.floats(0, 60), st.sampled_from([0.0, 0.5, 2.0]),
    st.sampled_from(["lines", "steps"]), st.lists(st.floats(-2, 2), max_size=20),
)  # fmt: skip
def test_rates_lie_within_the_bounds_or_are_nothing(
    points: Any, least: float, more: float, step: float, how: Any, index: list[float]
) -> None:
    rule = RateRule(points=tuple(sorted(points)), unit="l/ha", how=how, least=least,
                    most=least + more, step=step)  # fmt: skip
    rates = rule.rates(index)
    close = 1e-5 * (1.0 + least + more)
    assert ((rates == 0.0) | ((rates >= least - close) & (rates <= least + more + close))).all()
    assert (rates == rates.astype(np.float32)).all()


def test_a_table_gives_each_points_rate_up_to_the_next() -> None:
    rule = RateRule(points=((0.0, 0.0), (0.4, 30.0), (0.7, 20.0)), unit="kg/ha", how="steps")
    assert rule.rates([-1, 0.39, 0.4, 0.69, 0.7, 5]).tolist() == [0.0, 0.0, 30.0, 30.0, 20.0, 20.0]


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"points": ()}, "error.rule_points"),
        ({"points": ((0.5, 1.0), (0.4, 2.0))}, "error.rule_points"),
        ({"points": ((math.nan, 1.0),)}, "error.rule_points"),
        ({"points": ((0.5, -1.0),)}, "error.rule_rate"),
        ({"points": ((0.5, math.nan),)}, "error.rule_rate"),
        ({"points": ((0.5, 2500.0),)}, "error.rule_rate"),
        ({"points": ((0.5, 1.0),), "where_none": 9999.0}, "error.rule_rate"),
        ({"points": ((0.5, 1.0),), "least": 5.0, "most": 4.0}, "error.rule_bounds"),
        ({"points": ((0.5, 1.0),), "step": -1.0}, "error.rule_bounds"),
        ({"points": ((0.5, 1.0),), "unit": "gal/ac"}, "error.rule_unit"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(options: dict[str, Any], key: str) -> None:
    with pytest.raises(BadInput) as error:
        RateRule(**{"unit": "l/ha", **options})
    assert error.value.message.key == key


def test_a_prescription_says_the_same_as_patches_as_grid_and_in_total(three: ZoneMap) -> None:
    asked = prescribe_zones(three, RULE, name="Ruộng 1")
    patches, grid = asked.rate_map(), asked.rate_grid()
    assert patches.gap_m2(FIELD) < 0.1
    assert grid.gap_m2(FIELD) < 0.1
    inside = affinity.scale(FIELD, 0.9, 0.9)
    west, south, east, north = inside.bounds
    lon, lat = np.meshgrid(np.linspace(west, east, 40), np.linspace(south, north, 40))
    held = shapely.contains_xy(inside, lon.ravel(), lat.ravel())
    one = patches.rates_at(lon.ravel()[held], lat.ravel()[held])
    other = grid.rates_at(lon.ravel()[held], lat.ravel()[held])
    assert np.mean(one == other) > 0.995  # but on the borders
    by_zone = [zone.area_m2 / 1e4 * rate for zone, rate in zone_rates(three, asked)]
    assert asked.total() == pytest.approx(sum(by_zone), rel=1e-5)


def test_a_total_that_is_not_there_is_an_error(three: ZoneMap) -> None:
    asked = prescribe_zones(three, RULE, name="Ruộng 1")
    total = asked.total()
    assert {f.key for f in check_total(asked, available=total + 1.0, usual_rate=24.0)} == {
        "finding.prescription_total"
    }
    over = check_total(asked, available=total - 1.0, usual_rate=10.0)
    assert [f.severity for f in over] == [Severity.INFO, Severity.ERROR, Severity.WARNING]
    for finding in over:
        assert finding.text("vi") != finding.text("en")


def test_litres_are_no_kilograms(three: ZoneMap) -> None:
    kilos = RateRule(points=((0.35, 120.0), (0.8, 40.0)), unit="kg/ha", step=5.0)
    asked = prescribe_zones(three, kilos, name="urê")
    assert asked.spread_map().grid.unit == "kg/ha"
    with pytest.raises(BadInput) as error:
        asked.rate_map()
    assert error.value.message.key == "error.prescription_unit"
    with pytest.raises(BadInput) as wrong:
        SpreadMap(grid=Grid(values=np.ones((1, 1)), affine=AFFINE, epsg=32648, unit="l/ha"))
    assert wrong.value.message.key == "error.spread_unit"
    with pytest.raises(BadInput) as much:
        SpreadMap(grid=Grid(values=np.full((1, 1), MAX_RATE_KG_HA + 1), affine=AFFINE, epsg=32648,
                            unit="kg/ha"))  # fmt: skip
    assert much.value.message.key == "error.spread_value"


@pytest.fixture(scope="module")
def asked(three: ZoneMap) -> Prescription:
    return prescribe_zones(three, RULE, name="Ruộng số 1")


def test_the_sprayer_can_fly_a_prescription_and_pours_what_it_asks(asked: Prescription) -> None:
    cells = asked.cells
    settings = SpraySettings(
        sprayer=sprayer("16 L"), product=Product(name="w", dose_per_ha=0.0), rate_l_ha=20.0,
        height_m=2.5, speed_m_s=4.0, swath_m=5.0, wind=Wind(speed_m_s=1.0),
    )  # fmt: skip
    passes = []
    for row in range(cells.shape[0]):
        whole = np.flatnonzero(np.isclose(cells.inside_m2[row], cells.along_m * cells.across_m))
        if len(whole) < 2:
            continue
        lon, lat = cells.grid(cells.inside_m2).lonlat(
            np.array([whole[0] + 0.01, whole[-1] + 0.99]), np.full(2, row + 0.5)
        )
        ends = tuple(zip(*(axis.tolist() for axis in FRAME.to_local(lon, lat)), strict=True))
        passes.append(Pass(points=ends, width_m=5.0, rate_l_ha=20.0, speed_m_s=4.0))
    flown = rated(passes, asked.rate_map(), FRAME, settings)
    poured = sum(one.litres for one in flown)
    covered = sum(one.length_m * one.width_m for one in passes)
    assert covered > 0.8 * 240 * 180
    assert len(flown) > len(passes)
    on_ground = np.isclose(cells.inside_m2, cells.along_m * cells.across_m)
    wanted = float(asked.rates[on_ground].mean()) * covered / 1e4
    assert poured == pytest.approx(wanted, rel=0.01)


def places_inside() -> tuple[Any, Any]:
    """Places well inside cells: the middles of a few hundred."""
    cells = lattice(FIELD, direction_deg=70.0, across_m=5.0, along_m=5.6)
    row, column = np.nonzero(np.isclose(cells.inside_m2, 28.0))
    return cells.grid(cells.inside_m2).lonlat(column + 0.5, row + 0.5)


def test_a_geotiff_comes_back_equal_as_a_rate_map(asked: Prescription, tmp_path: Path) -> None:
    write_rate_tiff(tmp_path / "rates.tif", asked)
    back, findings = read_rates(tmp_path / "rates.tif")
    assert back.grid is not None
    assert np.array_equal(back.grid.values, asked.grid.values, equal_nan=True)
    assert back.grid.affine == pytest.approx(asked.grid.affine, abs=1e-9)
    assert (back.grid.epsg, back.grid.unit, findings) == (32648, "l/ha", ())
    lon, lat = places_inside()
    assert np.array_equal(back.rates_at(lon, lat), asked.rate_grid().rates_at(lon, lat))


@pytest.mark.parametrize("name", ["rates.zip", "rates.geojson"])
def test_vector_files_come_back_equal_as_rate_maps(
    asked: Prescription, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    (write_rate_shapefile if name.endswith("zip") else write_rate_geojson)(path, asked)
    first = path.read_bytes()
    back, findings = read_rates(path)
    assert max((f.severity for f in findings), default=Severity.INFO) < Severity.ERROR
    assert sorted(patch.rate_l_ha for patch in back.patches) == list(asked.different)
    for rate, area in asked.patches:
        (same,) = [patch.area for patch in back.patches if patch.rate_l_ha == rate]
        # corners closer than the reader's centimetre are one: 0.01 m² of a hectare
        assert same.symmetric_difference(area).area < 1e-12
    lon, lat = places_inside()
    assert np.array_equal(back.rates_at(lon, lat), asked.rate_map().rates_at(lon, lat))
    (write_rate_shapefile if name.endswith("zip") else write_rate_geojson)(path, asked)
    assert path.read_bytes() == first


def test_a_map_in_kilograms_is_not_taken_for_litres(three: ZoneMap, tmp_path: Path) -> None:
    kilos = RateRule(points=((0.35, 120.0), (0.8, 40.0)), unit="kg/ha")
    spread = prescribe_zones(three, kilos, name="urê")
    write_rate_tiff(tmp_path / "a.tif", spread)
    write_rate_shapefile(tmp_path / "a.zip", spread)
    write_dji(tmp_path / "b.tif", spread)
    for name in ("a.tif", "a.zip", "b.tif"):
        with pytest.raises(BadInput):
            read_rates(tmp_path / name)


def test_djis_files_hold_the_rates_upright_with_a_world_file(
    asked: Prescription, tmp_path: Path
) -> None:
    tiff, world = write_dji(tmp_path / "dji.tif", asked, cell_m=0.5)
    with rasterio.open(tiff) as source:
        assert source.crs.to_epsg() == 4326
        assert (source.count, source.dtypes, source.nodata) == (1, ("float32",), None)
        assert source.compression is None
        values, affine = source.read(1), source.transform
    lines = [float(line) for line in world.read_text().split()]
    assert lines[:4] == pytest.approx([affine.a, 0.0, 0.0, affine.e])
    assert lines[4:] == pytest.approx([affine.c + affine.a / 2, affine.f + affine.e / 2])
    lon, lat = places_inside()
    back, _ = read_rates(tiff)
    same = back.rates_at(lon, lat) == asked.rate_grid().rates_at(lon, lat)
    assert same.all()
    pixel_ha = 240 * 180 / np.count_nonzero(values) / 1e4
    assert values.sum() * pixel_ha == pytest.approx(asked.total(), rel=0.005)
    assert back.rate_at(FIELD.bounds[0], FIELD.bounds[1]) == 0.0  # a corner outside the field


@pytest.mark.parametrize("version", [3, 4])
def test_task_data_of_zones_follows_the_schema_and_holds_every_rate(
    asked: Prescription, tmp_path: Path, version: Any
) -> None:
    path = tmp_path / "task.zip"
    write_isoxml(path, asked, version=version, product="Chế phẩm sinh học nhãn hiệu rất dài tên")
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["TASKDATA/TASKDATA.XML"]
        root = Tree.fromstring(archive.read("TASKDATA/TASKDATA.XML"))  # noqa: S314 - our own
    assert faults(root, version) == []
    zones = root.findall("TSK/TZN")
    rates = {}
    for zone in zones:
        (value,) = zone.findall("PDV")
        assert value.attrib["A"] == "0001"
        rings = [
            [(float(p.attrib["D"]), float(p.attrib["C"])) for p in line.findall("PNT")]
            for line in zone.findall("PLN/LSG[@A='1']")
        ]
        holes = [
            [(float(p.attrib["D"]), float(p.attrib["C"])) for p in line.findall("PNT")]
            for line in zone.findall("PLN/LSG[@A='2']")
        ]
        assert all((ring[0] == ring[-1]) == (version == 4) for ring in rings + holes)
        ground = sum(shapely.Polygon(r).area for r in rings)
        rates[int(value.attrib["B"]) / 10_000] = ground - sum(
            shapely.Polygon(h).area for h in holes
        )
    assert rates.pop(0.0) == 0.0  # outside the field nothing
    assert rates == {rate: pytest.approx(area.area, rel=1e-5) for rate, area in asked.patches}
    task = root.find("TSK")
    assert task is not None
    assert (task.attrib["I"], task.attrib["J"]) == ("0", "0")


@pytest.mark.parametrize("version", [3, 4])
def test_task_data_as_grid_holds_the_rates_from_the_south_west(
    asked: Prescription, tmp_path: Path, version: Any
) -> None:
    path = tmp_path / "task.zip"
    write_isoxml(path, asked, kind="grid", version=version, cell_m=2.0)
    with zipfile.ZipFile(path) as archive:
        root = Tree.fromstring(archive.read("TASKDATA/TASKDATA.XML"))  # noqa: S314 - our own
        data = archive.read("TASKDATA/GRD00001.BIN")
    assert faults(root, version) == []
    grid = root.find("TSK/GRD")
    assert grid is not None
    south, west, step_lat, step_lon = (float(grid.attrib[k]) for k in "ABCD")
    columns, rows = int(grid.attrib["E"]), int(grid.attrib["F"])
    assert len(data) == int(grid.attrib["H"]) == 4 * rows * columns
    values = np.frombuffer(data, "<i4").reshape(rows, columns) / 10_000
    lat = south + (np.arange(rows) + 0.5) * step_lat
    lon = west + (np.arange(columns) + 0.5) * step_lon
    told = asked.rate_grid().rates_at(*(axis.ravel() for axis in np.meshgrid(lon, lat)))
    inside = shapely.contains_xy(FIELD, *(axis.ravel() for axis in np.meshgrid(lon, lat)))
    assert values.ravel()[inside] == pytest.approx(told[inside], abs=1e-4)
    assert (values.ravel()[~inside] == 0.0).mean() > 0.999


def test_kilograms_stand_as_milligrams_a_square_metre(three: ZoneMap, tmp_path: Path) -> None:
    kilos = prescribe_zones(three, RateRule(points=((0.5, 120.0),), unit="kg/ha"), name="urê")
    write_isoxml(tmp_path / "t.zip", kilos)
    with zipfile.ZipFile(tmp_path / "t.zip") as archive:
        root = Tree.fromstring(archive.read("TASKDATA/TASKDATA.XML"))  # noqa: S314 - our own
    told = {(v.attrib["A"], v.attrib["B"]) for v in root.findall("TSK/TZN/PDV")}
    assert told == {("0006", "0"), ("0006", "12000")}


def test_more_rates_than_task_data_holds_are_refused(tmp_path: Path) -> None:
    cells = lattice(FIELD, direction_deg=70.0, across_m=5.0, along_m=5.6)
    index = np.linspace(0.0, 1.0, cells.inside.size).reshape(cells.shape)
    rule = RateRule(points=((0.0, 10.0), (1.0, 40.0)), unit="l/ha")
    fine = prescribe_cells(cells, index, rule, name="fine")
    with pytest.raises(BadInput) as error:
        write_isoxml(tmp_path / "t.zip", fine)
    assert error.value.message.key == "error.isoxml_zones"
    write_isoxml(tmp_path / "t.zip", fine, kind="grid")


def test_files_with_another_ending_are_refused(asked: Prescription, tmp_path: Path) -> None:
    for write in (write_isoxml, write_rate_shapefile, write_dji):
        with pytest.raises(BadInput) as error:
            write(tmp_path / "a.bin", asked)
        assert error.value.message.key == "error.zones_ending"
    assert list(tmp_path.iterdir()) == []
