"""Zonal statistics: exact at edges, right on overlaps, the same however the raster is cut."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity
from shapely.geometry import Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from agri.errors import AgriError, BadInput
from agri.geo import LocalFrame, transformer
from agri.zone import Zone
from imagery.raster import open_ortho
from imagery.zonal import (
    ArrayLayers,
    OrthoLayers,
    ZonalTable,
    read_zones,
    sao_plots,
    table_frame,
    write_table,
    zonal_statistics,
)
from imagery.zonal import pieces as pieces_room
from imagery.zonal import shares as shares_room
from imagery.zonal.coverage import Cover, cover, edges_of
from imagery.zonal.order import Sorted, weighted_quantiles
from imagery.zonal.placing import in_pixels
from tests.strategies import fields

UTM = (0.5, 0.0, 657_000.0, 0.0, -0.5, 2_332_000.0)
DEGREES = (1e-5, 0.0, 106.51, 0.0, -1e-5, 21.085)
SHARES = (0.0, 0.1, 0.5, 0.9, 1.0)


def in_degrees(area: BaseGeometry) -> Any:
    """Columns and rows of a grid in UTM as longitude and latitude."""

    def moved(xy: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        x, y = UTM[2] + 0.5 * xy[:, 0], UTM[5] - 0.5 * xy[:, 1]
        return np.column_stack(transformer(32648, 4326).transform(x, y))

    return shapely.transform(area, moved)


def painted(found: Cover, area: int, width: int, height: int) -> np.ndarray[Any, Any]:
    """Cover as a picture."""
    picture = np.zeros((height, width))
    mine = found.area == area
    picture[found.row[mine], found.column[mine]] += found.weight[mine]
    for k in np.flatnonzero(found.run_area == area):
        picture[found.run_row[k], found.run_start[k] : found.run_stop[k]] += 1.0
    return picture


def by_intersection(area: BaseGeometry, width: int, height: int) -> np.ndarray[Any, Any]:
    column, row = np.meshgrid(np.arange(width), np.arange(height))
    found: np.ndarray[Any, Any] = shapely.area(
        shapely.intersection(area, shapely.box(column, row, column + 1, row + 1))
    )
    return found


def layers(values: np.ndarray[Any, Any], *, side: int = 1024, affine: Any = DEGREES,
           epsg: int = 4326, labels: tuple[str, ...] = ("v",)) -> ArrayLayers:  # fmt: skip
    bands = values if values.ndim == 3 else values[None]
    return ArrayLayers(values=bands.astype(np.float32), affine=affine, epsg=epsg, labels=labels,
                       side=side)  # fmt: skip


def zone_in_pixels(area: BaseGeometry, name: str = "z") -> Zone:
    """A zone given in columns and rows of the grid in degrees."""
    a, _, c, _, e, f = DEGREES
    return Zone(name=name, area=shapely.transform(
        area, lambda xy: np.column_stack([c + a * xy[:, 0], f + e * xy[:, 1]])))  # fmt: skip


def expected(values: np.ndarray[Any, Any], area: BaseGeometry) -> tuple[float, float]:
    """Mean and standard deviation by geometric intersection with every pixel."""
    weight = by_intersection(area, *values.shape[::-1])
    weight[np.isnan(values)] = 0.0
    known = np.nan_to_num(values)
    mean = float((weight * known).sum() / weight.sum())
    return mean, math.sqrt(float((weight * (known - mean) ** 2).sum() / weight.sum()))


def test_a_rectangle_across_parts_of_pixels_covers_them_by_the_product_of_its_sides() -> None:
    found = cover(edges_of(np.array([box(0.25, 0.5, 3.75, 2.9)])), 0, 0, 5, 4)
    across, down = np.array([0.75, 1, 1, 0.75, 0]), np.array([0.5, 1, 0.9, 0])
    assert painted(found, 0, 5, 4) == pytest.approx(np.outer(down, across), abs=1e-15)


def test_a_rectangle_on_pixel_borders_covers_whole_pixels_and_no_slivers() -> None:
    found = cover(edges_of(np.array([box(2.0, 1.0, 5.0, 3.0)])), 0, 0, 8, 8)
    assert painted(found, 0, 8, 8).sum() == 6.0
    assert set(found.weight.tolist()) <= {1.0}


def test_holes_parts_and_areas_beyond_the_window_are_covered_as_they_are() -> None:
    ring = Point(20, 20).buffer(11.3).difference(Point(22, 20).buffer(4.1))
    parts = shapely.MultiPolygon([box(-5, -5, 3.3, 3), box(38, 37.5, 70, 70)])
    around = box(-10, -10, 50, 50)
    areas = [ring, parts, around]
    found = cover(edges_of(np.array(areas, dtype=object)), 0, 0, 40, 40)
    for k, area in enumerate(areas):
        assert painted(found, k, 40, 40) == pytest.approx(by_intersection(area, 40, 40), abs=1e-12)


@given(fields(), st.floats(0, 360), st.floats(-4, 12), st.floats(-4, 12), st.floats(0.02, 2.0))
@settings(max_examples=60, deadline=None)
def test_cover_equals_the_geometric_intersection_with_every_pixel(
    area: Any, turn: float, column: float, row: float, size: float
) -> None:
    west, south, east, north = area.bounds
    scale = 18.0 * size / max(east - west, north - south)
    placed = affinity.rotate(affinity.scale(area, scale, scale), turn)
    west, south, *_ = placed.bounds
    placed = affinity.translate(placed, column - west, row - south)
    found = cover(edges_of(np.array([placed])), 0, 0, 20, 16)
    assert painted(found, 0, 20, 16) == pytest.approx(by_intersection(placed, 20, 16), abs=1e-9)


@given(st.integers(3, 9), st.integers(3, 9), st.integers(0, 99))
@settings(max_examples=8, deadline=None)
def test_cover_is_the_same_in_one_window_and_in_many(wide: int, high: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    areas = np.array([Point(*rng.uniform(0, 24, 2)).buffer(rng.uniform(0.1, 9)) for _ in range(4)])
    edges = edges_of(areas)
    whole = cover(edges, 0, 0, 24, 20)
    for area in range(4):
        put = np.zeros((20, 24))
        for row in range(0, 20, high):
            for column in range(0, 24, wide):
                h, w = min(high, 20 - row), min(wide, 24 - column)
                part = painted(cover(edges, column, row, w, h), area, w, h)
                put[row : row + h, column : column + w] = part
        assert put == pytest.approx(painted(whole, area, 24, 20), abs=1e-12)


@given(
    st.lists(st.integers(-50, 50), max_size=12),
    st.lists(st.tuples(st.integers(-50, 50), st.floats(0.01, 1.0)), max_size=8),
    st.floats(0, 1),
)
def test_a_weighted_quantile_follows_its_definition(
    inner: list[int], outline: list[tuple[int, float]], share: float
) -> None:
    outline.sort(key=lambda pair: pair[0])
    values = np.array([value for value, _ in outline], dtype=float)
    weights = np.array([weight for _, weight in outline], dtype=float)
    held = np.sort(np.array(inner, dtype=np.float32))
    (found,) = weighted_quantiles(Sorted(held), values, weights, (share,))
    every = np.concatenate([values, held.astype(float)])
    if not len(every):
        assert math.isnan(found)
        return
    order = np.argsort(every, kind="stable")
    weight = np.concatenate([weights, np.ones(len(held))])[order]
    sums = np.concatenate([[0.0], np.cumsum(weight)])
    places = np.arange(len(every)) * weight + (len(every) - 1) * sums[:-1]
    assert found == pytest.approx(
        np.interp(share * (len(every) - 1) * sums[-1], places, every[order]), abs=1e-6
    )


@pytest.fixture(scope="module")
def scene() -> tuple[np.ndarray[Any, Any], list[Polygon]]:
    """A smooth index with a hole in the data, and overlapping crowns and plots in its pixels."""
    rng = np.random.default_rng(4)
    row, column = np.mgrid[0:300, 0:320]
    values = 0.6 + 0.2 * np.sin(column / 23.0) * np.cos(row / 31.0) + rng.normal(0, 0.02, row.shape)
    values[90:130, 150:190] = np.nan
    crowns = [Point(rng.uniform(20, 300), rng.uniform(20, 280)).buffer(rng.uniform(2, 30))
              for _ in range(30)]  # fmt: skip
    plots = [affinity.rotate(box(x, y, x + 61.5, y + 47.25), rng.uniform(0, 90))
             for x in (30, 100, 200) for y in (40, 130, 200)]  # fmt: skip
    return values.astype(np.float32), [*crowns, *plots]


def table_of(values: np.ndarray[Any, Any], areas: list[Polygon], **options: Any) -> ZonalTable:
    side = options.pop("side", 1024)
    zones = [zone_in_pixels(area, f"z{k}") for k, area in enumerate(areas)]
    return zonal_statistics(layers(values, side=side), zones, **options)[0]


def test_means_and_deviations_are_those_of_the_geometric_intersection(scene: Any) -> None:
    values, areas = scene
    rows = table_of(values, areas[:5], quantiles=()).rows
    for row, area in zip(rows, areas[:5], strict=True):
        mean, sd = expected(values.astype(float), area)
        assert row.mean == pytest.approx(mean, abs=1e-10)  # 1e-12, but for degrees' rounding
        assert row.sd == pytest.approx(sd, abs=1e-10)


def test_figures_equal_exactextract_within_the_rounding_of_its_cover(
    scene: Any, tmp_path: Path
) -> None:
    exactextract = pytest.importorskip("exactextract")
    import geopandas as gpd
    import rasterio

    values, areas = scene
    zones = [zone_in_pixels(area, f"z{k}") for k, area in enumerate(areas)]
    path = tmp_path / "index.tif"
    with rasterio.open(path, "w", driver="GTiff", width=320, height=300, count=1, dtype="float32",
                       crs="EPSG:4326", transform=rasterio.Affine(*DEGREES), nodata=math.nan,
                       tiled=True, blockxsize=64, blockysize=64) as target:  # fmt: skip
        target.write(values, 1)
    asked = ["mean", "stdev", "min", "max", "count", *(f"quantile(q={q})" for q in SHARES)]
    frame = gpd.GeoDataFrame(geometry=[zone.area for zone in zones], crs=4326)
    with rasterio.open(path) as source:
        theirs = exactextract.exact_extract(source, frame, asked, output="pandas")
    read = OrthoLayers.of(open_ortho(path), [1])
    ours, findings = zonal_statistics(read, zones, quantiles=SHARES)
    sizes = shapely.area(np.array(areas))
    large = sizes > 400.0  # theirs keeps cover as float32, which shows on small crowns
    assert large.sum() > 15
    mine = {
        "mean": [row.mean for row in ours.rows],
        "stdev": [row.sd for row in ours.rows],
        "min": [row.least for row in ours.rows],
        "max": [row.greatest for row in ours.rows],
        **{f"quantile_{100 * q:.0f}": [row.quantiles[k] for row in ours.rows]
           for k, q in enumerate(SHARES)},
    }  # fmt: skip
    for name, found in mine.items():
        apart = np.abs(np.array(found) - theirs[name].to_numpy())
        limit = 1e-9 if name in ("mean", "stdev", "min", "max") else 2e-6
        assert apart[large].max() <= limit, name
        assert apart.max() <= 10 * limit, name
    pixels = np.array([row.coverage for row in ours.rows]) * sizes
    assert pixels == pytest.approx(theirs["count"].to_numpy(), rel=1e-6)
    assert {finding.key for finding in findings} <= {"finding.zone_partly", "finding.zone_no_data"}


def test_overlapping_zones_each_have_their_own_figures(scene: Any) -> None:
    values, areas = scene
    together = table_of(values, areas).rows
    for k in (0, 7, 31):
        (alone,) = table_of(values, [areas[k]]).rows
        assert alone.mean == pytest.approx(together[k].mean, abs=1e-13)
        assert alone.quantiles == together[k].quantiles


@pytest.mark.parametrize("side", [29, 64, 250])
def test_figures_do_not_depend_on_how_the_raster_is_cut(scene: Any, side: int) -> None:
    values, areas = scene
    edges = (0.3, 0.5, 0.6, 0.7, 0.9)
    whole = table_of(values, areas, quantiles=SHARES, bin_edges=edges).rows
    cut = table_of(values, areas, quantiles=SHARES, bin_edges=edges, side=side).rows
    for one, other in zip(whole, cut, strict=True):
        assert other.quantiles == pytest.approx(one.quantiles, abs=1e-10)
        assert other.histogram == pytest.approx(one.histogram, rel=1e-9, abs=1e-9)
        assert (other.mean, other.sd) == pytest.approx((one.mean, one.sd), abs=1e-12)
        assert (other.least, other.greatest) == (one.least, one.greatest)


def test_zones_too_large_to_hold_have_the_same_quantiles(
    scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    values, areas = scene
    values = np.round(values, 2)  # many equal values
    values[200:] -= 0.8  # and negative ones
    held = table_of(values, areas, quantiles=SHARES, bin_edges=(-1.0, 0.0, 1.0))
    monkeypatch.setattr(shares_room, "too_large", lambda _, sizes, __: sizes > 500.0)
    monkeypatch.setattr(shares_room, "REFINED_BYTES", 20_000_000)
    counted = table_of(values, areas, quantiles=SHARES, bin_edges=(-1.0, 0.0, 1.0), side=100)
    for one, other in zip(held.rows, counted.rows, strict=True):
        assert other.quantiles == pytest.approx(one.quantiles, abs=1e-10)
        assert other.histogram == pytest.approx(one.histogram, rel=1e-9)
        assert other.mean == pytest.approx(one.mean, abs=1e-12)


def test_many_small_zones_in_parts_and_few_large_ones_have_the_same_figures(
    scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    values, areas = scene
    edges = (0.3, 0.5, 0.6, 0.9)
    asked: list[dict[str, Any]] = [{"quantiles": SHARES, "bin_edges": edges},
                                   {"quantiles": (), "bin_edges": edges}]  # fmt: skip
    listed = [table_of(values, areas, **options).rows for options in asked]
    monkeypatch.setattr(pieces_room, "LISTED", 1000)
    parts = [table_of(values, areas, **options).rows for options in asked]
    monkeypatch.setattr(pieces_room, "FEW", 0)
    masked = [table_of(values, areas, **options).rows for options in asked]
    for first, second, third in zip(listed, parts, masked, strict=True):
        assert first == second
        for one, other in zip(first, third, strict=True):
            assert other.quantiles == one.quantiles
            assert other.histogram == pytest.approx(one.histogram, rel=1e-12)
            assert (other.mean, other.sd) == pytest.approx((one.mean, one.sd), abs=1e-13)
            assert (other.least, other.greatest) == (one.least, one.greatest)


def test_a_pixel_without_data_takes_its_part_out_of_mean_and_coverage() -> None:
    values = np.array([[1.0, 2.0], [3.0, np.nan]])
    (row,) = table_of(values, [box(0.0, 0.0, 2.0, 1.5)], quantiles=(0.5,)).rows
    assert row.mean == pytest.approx((1.0 + 2.0 + 0.5 * 3.0) / 2.5, abs=1e-9)
    assert row.coverage == pytest.approx(2.5 / 3.0, abs=1e-9)
    assert (row.least, row.greatest) == (1.0, 3.0)


def test_a_histogram_holds_the_zones_square_metres() -> None:
    values = np.array([[0.1, 0.3], [0.5, 0.9]])
    (row,) = table_of(values, [box(0, 0, 2, 2)], quantiles=(), bin_edges=(0.0, 0.3, 0.5, 0.9)).rows
    assert np.array(row.histogram) / row.area_m2 == pytest.approx([0.25, 0.25, 0.5], abs=1e-6)


def test_zones_outside_or_without_data_are_findings_and_empty_rows() -> None:
    values = np.full((10, 10), np.nan)
    values[:5] = 1.0
    boxes = {"away": (20, 20, 30, 30), "blind": (1, 6, 4, 9), "half": (1, 1, 4, 9),
             "whole": (1, 1, 4, 4)}  # fmt: skip
    zones = [zone_in_pixels(box(*sides), name) for name, sides in boxes.items()]
    table, findings = zonal_statistics(layers(values), zones)
    assert [(finding.where, finding.key) for finding in findings] == [
        ("away", "finding.zone_outside"),
        ("blind", "finding.zone_no_data"),
        ("half", "finding.zone_partly"),
    ]
    assert [math.isnan(row.mean) for row in table.rows] == [True, True, False, False]
    assert [round(row.coverage, 6) for row in table.rows] == [0.0, 0.0, 0.5, 1.0]
    for finding in findings:
        assert finding.text("en") != finding.text("vi")


def test_layers_on_one_grid_and_on_another_are_told_in_the_order_given() -> None:
    fine = layers(np.stack([np.full((8, 8), 1.0), np.full((8, 8), 2.0)]), labels=("a", "b"))
    coarse = layers(np.full((2, 2), 3.0), affine=(4e-5, 0, 106.51, 0, -4e-5, 21.085), labels=("c",))
    again = layers(np.full((8, 8), 4.0), labels=("d",))
    told: list[float] = []
    table, _ = zonal_statistics([fine, coarse, again], [zone_in_pixels(box(1.5, 1, 7, 7.2))],
                                progress=told.append)  # fmt: skip
    assert [(row.label, round(row.mean, 12)) for row in table.rows] == [
        ("a", 1.0), ("b", 2.0), ("c", 3.0), ("d", 4.0)
    ]  # fmt: skip
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)


def test_a_zone_lies_in_another_crs_where_it_lies_on_the_ground() -> None:
    square = box(10.0, 12.0, 50.0, 40.0)
    placed = in_pixels([Zone(name="z", area=in_degrees(square))], 32648, UTM)[0]
    assert placed.symmetric_difference(square).area < 1e-5
    turned = (0.3, 0.4, 657_000.0, 0.4, -0.3, 2_332_000.0)
    (leant,) = in_pixels([Zone(name="z", area=in_degrees(square))], 32648, turned)
    assert leant.area == pytest.approx(square.area, rel=1e-6)
    a, b, c, d, e, f = turned
    column, row = leant.centroid.coords[0]
    assert (a * column + b * row + c, d * column + e * row + f) == pytest.approx(
        (657_015.0, 2_331_987.0), abs=1e-4
    )


def test_a_sloping_ramp_has_the_value_of_its_middle_as_mean() -> None:
    row, column = np.mgrid[0:60, 0:60] + 0.5
    ramp = 2.0 * column + 3.0 * row
    area = affinity.rotate(box(10, 20, 30, 44), 31.0)
    # a plane's mean over whole pixels is that of its middle; cut pixels keep their own middle
    assert table_of(ramp, [area], quantiles=()).rows[0].mean == pytest.approx(
        expected(ramp, area)[0], abs=1e-9
    )
    level = box(10, 20, 30, 44)
    assert table_of(ramp, [level], quantiles=()).rows[0].mean == pytest.approx(
        2.0 * 20.0 + 3.0 * 32.0, abs=1e-8
    )


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"quantiles": (1.5,)}, "error.zonal_quantile"),
        ({"bin_edges": (1.0, 0.5)}, "error.zonal_bins"),
        ({"bin_edges": (1.0,)}, "error.zonal_bins"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], key: str) -> None:
    with pytest.raises(BadInput) as error:
        table_of(np.ones((4, 4)), [box(0, 0, 2, 2)], **options)
    assert error.value.message.key == key


def test_no_zone_and_two_layers_of_one_name_are_refused() -> None:
    one = layers(np.ones((4, 4)))
    with pytest.raises(BadInput) as nothing:
        zonal_statistics(one, [])
    with pytest.raises(BadInput) as twice:
        zonal_statistics([one, one], [zone_in_pixels(box(0, 0, 1, 1))])
    assert nothing.value.message.key == "error.zonal_nothing"
    assert twice.value.message.key == "error.zonal_label"


@pytest.mark.parametrize("ending", [".gpkg", ".parquet", ".csv"])
def test_a_table_comes_back_from_its_file(tmp_path: Path, ending: str) -> None:
    import geopandas as gpd
    import pandas as pd

    values = np.arange(64.0).reshape(8, 8)
    zones = [zone_in_pixels(box(1, 1, 4.5, 4), "Ruộng đông"), zone_in_pixels(box(50, 50, 60, 60))]
    table, _ = zonal_statistics(layers(values, labels=("Đỏ 668",)), zones, quantiles=(0.5,),
                                bin_edges=(0.0, 20.0, 64.0))  # fmt: skip
    path = tmp_path / f"table{ending}"
    write_table(path, table)
    first = path.read_bytes()
    write_table(path, table)
    assert path.read_bytes() == first
    if ending == ".csv":
        read: Any = pd.read_csv(path)
    elif ending == ".parquet":
        read = gpd.read_parquet(path)
    else:
        read = gpd.read_file(path)
    assert read["name"].tolist() == ["Ruộng đông", "z"]
    row = table.rows[0]
    assert read["do_668_mean"][0] == pytest.approx(row.mean, rel=1e-9)
    assert read["do_668_q50"][0] == pytest.approx(row.quantiles[0], rel=1e-9)
    assert read["do_668_m2_2"][0] == pytest.approx(row.histogram[1], rel=1e-9)
    assert math.isnan(read["do_668_mean"][1])
    if ending != ".csv":
        assert read.crs.to_epsg() == 4326
        assert read.geometry[0].equals(shapely.MultiPolygon([zones[0].area]))
    assert sorted(tmp_path.iterdir()) == [path]


def test_a_table_is_a_geodataframe_with_the_same_figures() -> None:
    values = np.arange(64.0).reshape(8, 8)
    zones = [zone_in_pixels(box(1, 1, 4.5, 4), "A"), zone_in_pixels(box(50, 50, 60, 60), "B")]
    table, _ = zonal_statistics(layers(values, labels=("NDVI",)), zones, quantiles=())
    frame = table_frame(table)
    assert frame["name"].tolist() == ["A", "B"]
    assert frame["ndvi_mean"][0] == table.rows[0].mean
    assert math.isnan(frame["ndvi_mean"][1])
    assert frame.crs.to_epsg() == 4326
    assert frame.geometry[0].equals(shapely.MultiPolygon([zones[0].area]))


def test_a_table_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AgriError) as error:
        write_table(tmp_path / "a.xlsx", table_of(np.ones((4, 4)), [box(0, 0, 1, 1)]))
    assert error.value.message.key == "error.zonal_format"


def test_zones_come_from_a_file_of_areas(tmp_path: Path) -> None:
    path = tmp_path / "plots.geojson"
    area = shapely.to_geojson(shapely.box(106.51, 21.08, 106.511, 21.081))
    path.write_text(
        '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"name":"Ô 1"},'
        f'"geometry":{area}}},{{"type":"Feature","properties":{{}},'
        '"geometry":{"type":"Point","coordinates":[106.51,21.08]}}]}'
    )
    zones, findings = read_zones(path, kind="plot")
    assert [(zone.name, zone.kind) for zone in zones] == [("Ô 1", "plot")]
    assert "finding.zone_no_area" in {finding.key for finding in findings}


@given(fields(), st.floats(0.1, 6.0))
@settings(max_examples=25, deadline=None)
def test_plots_of_one_sao_together_are_the_field(area: Any, ratio: float) -> None:
    west, south, east, north = area.bounds
    scale = 120.0 / max(east - west, north - south)
    local = affinity.translate(affinity.scale(area, scale, scale, origin=(0, 0)), 5.0, -3.0)
    frame = LocalFrame.around(shapely.box(106.51, 21.08, 106.511, 21.081))
    plots = sao_plots(frame.geometry_to_lonlat(local), ratio=ratio)
    pieces = [frame.geometry_to_local(plot.area) for plot in plots]
    assert sum(piece.area for piece in pieces) == pytest.approx(local.area, rel=1e-5, abs=0.01)
    assert shapely.union_all(pieces).symmetric_difference(local).area < 0.01 + 1e-5 * local.area
    assert len({plot.name for plot in plots}) == len(plots)
    assert max(piece.area for piece in pieces) < 360.0 * 4


def test_a_sao_is_three_hundred_and_sixty_square_metres_along_the_field() -> None:
    frame = LocalFrame.around(shapely.box(106.51, 21.08, 106.511, 21.081))
    local = affinity.rotate(box(0, 0, 24 * 5, 15 * 4), 27.0, origin=(0, 0))
    plots = sao_plots(frame.geometry_to_lonlat(local), ratio=24 / 15)
    assert len(plots) == 20
    assert [plot.area_m2 for plot in plots] == pytest.approx([360.0] * 20, abs=0.01)
    assert plots[0].name == "A1"
    assert plots[-1].name == "D5"


def test_plots_too_many_to_be_meant_are_refused() -> None:
    with pytest.raises(BadInput) as error:
        sao_plots(shapely.box(106.0, 21.0, 106.5, 21.5), plot_m2=1.0)
    assert error.value.message.key == "error.sao_plots"
