"""Change between flights: laid on one another, told from chance, found where it was planted."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from shapely.geometry import Point, box

from agri.errors import BadInput, Refused
from agri.grid import Grid
from imagery.change.anomalies import CAUSES, GROUND_CAUSES, LOOK, area_anomalies, tree_anomalies
from imagery.change.area_change import AreaChange, changed_areas, compare_zones
from imagery.change.registration import align_rasters, laid_on
from imagery.change.series import smoothed
from imagery.change.significance import false_discovery, listed, robust_z, two_sided
from imagery.change.tree_change import compare_trees
from imagery.change.zone_history import zone_register
from imagery.trees.crown import Crown
from imagery.trees.numbering import first_numbers, next_numbers
from imagery.trees.passport import Register
from tests.canopies import EAST, NORTH, orchard
from tests.orchards import grid

FloatArray = NDArray[np.float64]


def ground(shape: tuple[int, int], pixel: float, values: FloatArray | None = None) -> Grid:
    return Grid(values=np.zeros(shape) if values is None else values, epsg=32648, name="ndvi.tif",
                affine=(pixel, 0.0, EAST, 0.0, -pixel, NORTH))  # fmt: skip


def shifted(source: Grid, east: float, north: float, turn: float, seed: int) -> Grid:
    """The raster as a flight with another light and a wrong position would give it."""
    height, width = source.shape
    pixel = source.affine[0]
    rows, columns = np.indices(source.shape)
    x, y = columns - width / 2.0 + 0.5, rows - height / 2.0 + 0.5
    cos, sin = math.cos(turn), math.sin(turn)
    # the thing at p is seen at R p + t, so what is seen at p is the thing at R⁻¹ (p − t)
    u, v = x - east / pixel, y + north / pixel
    at = np.stack([-sin * u + cos * v + height / 2.0 - 0.5, cos * u + sin * v + width / 2.0 - 0.5])
    values = ndimage.map_coordinates(source.values, at, order=1, mode="constant", cval=np.nan)
    noise = np.random.default_rng(seed).normal(0.0, 0.05, source.shape)
    return replace(source, values=1.3 * values + 0.4 + noise)


@pytest.mark.parametrize(("east", "north", "turn"), [(0, 0, 0), (1.7, -2.3, 0), (-1.1, 0.6, 0.01)])
def test_two_flights_are_laid_on_one_another(east: float, north: float, turn: float) -> None:
    canopy, *_ = orchard(9, 8, seed=1)
    moved = shifted(canopy, east, north, turn, 2)
    found = align_rasters(canopy, moved)
    assert math.dist(found.shift_m, (-east, -north)) < 0.06
    assert abs(abs(found.turn_rad) - turn) < 5e-4
    assert found.residual_m < 0.15
    back = laid_on(canopy, moved, found)
    known = np.isfinite(back.values)
    assert known.mean() > 0.85
    off = (back.values - 0.4) / 1.3 - canopy.values
    assert np.median(np.abs(off[known])) < 0.06
    assert np.corrcoef(back.values[known], canopy.values[known])[0, 1] > 0.97


def test_rasters_that_do_not_fit_are_refused() -> None:
    canopy, *_ = orchard(9, 8, seed=1)
    other, *_ = orchard(9, 8, seed=77, apart_m=5.1)
    with pytest.raises(Refused, match=r"does not fit|hardly"):
        align_rasters(
            canopy, ground(canopy.shape, 0.2, np.random.default_rng(1).random(canopy.shape))
        )
    with pytest.raises(Refused):
        align_rasters(canopy, shifted(canopy, 7.0, 0.0, 0.0, 1), reach_m=3.0)
    a, b, c, d, e, f = other.affine
    with pytest.raises(Refused, match="overlaps"):
        align_rasters(canopy, replace(other, affine=(a, b, c + 1e4, d, e, f)))
    with pytest.raises(BadInput):
        align_rasters(canopy, replace(other, epsg=5899))


def test_a_warped_mosaic_shows_in_the_residual() -> None:
    canopy, *_ = orchard(9, 8, seed=1)
    rows, columns = np.indices(canopy.shape, dtype=np.float64)
    bend = 6.0 * np.sin(columns / canopy.shape[1] * 2.0 * np.pi)
    values = ndimage.map_coordinates(canopy.values, [rows + bend, columns], order=1, mode="nearest")
    with pytest.raises(Refused, match="still 0"):
        align_rasters(canopy, replace(canopy, values=values), bound_m=0.3)


def test_false_discoveries_are_as_few_as_asked_for() -> None:
    draw = np.random.default_rng(4)
    false = total = 0
    for _ in range(30):
        values = draw.normal(0.0, 1.0, 400)
        values[:40] -= 5.0
        found = listed(two_sided(robust_z(values), 400), 0.1)
        total += int(found.sum())
        false += int(found[40:].sum())
        assert found[:40].mean() > 0.7
    assert false / total < 0.15
    assert false_discovery(np.zeros(0)).shape == (0,)


def test_equal_values_are_no_alarm() -> None:
    values = np.full(50, 0.8)
    values[3] += 0.004
    assert np.abs(robust_z(values, floor=0.01)).max() < 0.5
    assert np.isnan(robust_z(np.array([np.nan, 1.0, 2.0]))[0])


def test_a_smooth_line_follows_the_season_and_not_the_cloud() -> None:
    draw = np.random.default_rng(2)
    days = np.sort(draw.choice(360, 40, replace=False))
    dates = [date(2026, 1, 1) + timedelta(days=int(day)) for day in days]
    season = 0.5 + 0.3 * np.sin(days / 360.0 * 2.0 * np.pi)
    values = season + draw.normal(0.0, 0.015, 40)
    values[[7, 19, 30]] -= 0.4
    line = smoothed(dates, values.tolist(), name="ndvi")
    told = np.array([line.at(day) for day in dates])
    assert np.sqrt(((told - season) ** 2).mean()) < 0.03
    assert (line.weights[[7, 19, 30]] == 0.0).all()
    assert len(line.days) == len(line.line) == days[-1] - days[0] + 1
    assert math.isnan(line.at(dates[-1] + timedelta(days=1)))


def test_a_straight_season_stays_straight_and_its_order_does_not_matter() -> None:
    dates = [date(2026, 3, 1) + timedelta(days=k) for k in (0, 9, 31, 40)]
    values = [0.1 + 0.01 * (day - dates[0]).days for day in dates]
    line = smoothed(dates, values)
    assert np.allclose(line.line, 0.1 + 0.01 * np.arange(41), atol=1e-6)
    turned = smoothed(dates[::-1], values[::-1])
    assert np.array_equal(turned.line, line.line)
    with pytest.raises(BadInput):
        smoothed(dates[:1], values[:1])
    assert smoothed([dates[0], dates[0]], [0.1, 0.2]).line.tolist() == pytest.approx([0.15])


def test_a_real_season_of_satellite_ndvi_is_smoothed(shared_data: Path) -> None:
    folder = shared_data / "imagery" / "timeseries_eolearn_mit"
    if not (folder / "data" / "NDVI.npy").is_file():
        pytest.skip("the real series is not here")
    stamps = json.loads((folder / "timestamps.json").read_text("utf-8"))
    dates = [date.fromisoformat(str(stamp)[:10]) for stamp in stamps]
    values = np.load(folder / "data" / "NDVI.npy")[:, 50, 50].ravel().astype(float)
    clear = np.load(folder / "mask" / "CLM.npy")[:, 50, 50].ravel() == 0
    line = smoothed(dates, values.tolist(), weights=clear.astype(float).tolist())
    fit = np.array([line.at(day) for day in dates])
    assert np.median(np.abs(fit - values)[clear & np.isfinite(values)]) < 0.05
    assert np.abs(np.diff(line.line)).max() < 0.05
    assert 0.0 < line.line.min() < line.line.max() < 1.0


def surveyed(sick: NDArray[np.bool_], seed: int, drop: float = 0.12) -> tuple[Register, FloatArray]:
    """Three flights over an orchard with a season; before the third some trees fall ill."""
    draw = np.random.default_rng(seed)
    planted = np.add(grid(20, 16).thinned(0.0, 0.4, seed).places, (EAST, NORTH))
    quality = draw.normal(0.0, 0.03, len(planted))
    register = None
    for number, season in enumerate((0.80, 0.72, 0.76)):
        points = planted + draw.normal(0.0, 0.1, planted.shape) + draw.uniform(-2, 2, 2)
        ndvi = season + quality + draw.normal(0.0, 0.012, len(planted))
        if number == 2:
            ndvi = ndvi - drop * sick
        crowns = [
            Crown(top=(float(x), float(y)), outline=Point(x, y).buffer(2.0), height_m=3.0,
                  volume_m3=18.0, indices={"ndvi": float(value)})
            for (x, y), value in zip(points, ndvi, strict=True)
        ]  # fmt: skip
        flight = f"2026-0{number + 2}"
        register = (
            first_numbers(crowns, epsg=32648, flight=flight).register
            if register is None
            else next_numbers(register, crowns, epsg=32648, flight=flight).register
        )
    assert register is not None
    return register, planted


@pytest.mark.parametrize("seed", [1, 2])
def test_a_patch_of_sick_trees_is_found_as_one_anomaly_and_ranked_first(seed: int) -> None:
    places = grid(20, 16).places
    sick = np.hypot(*(places - (55.0, 40.0)).T) < 17.0
    register, planted = surveyed(sick, seed)
    changes = compare_trees(register, "ndvi")
    assert len(changes) == 320
    found = tree_anomalies(changes, measure="ndvi", spacing_m=register.spacing_m)
    first = found[0]
    middles = {change.name: change.middle for change in changes}
    truth = {name for name, at in middles.items()
             if sick[int(np.argmin(np.hypot(*(planted - at).T)))]}  # fmt: skip
    assert len(set(first.names) & truth) >= 0.9 * len(truth)
    assert len(set(first.names) - truth) <= 2
    assert (first.sense, first.shape) == ("falls", "patch")
    assert first.confidence > 0.95
    assert -0.14 < first.change < -0.09
    assert sum(len(one.names) for one in found[1:]) <= 6
    assert list(found) == sorted(found, key=lambda one: -one.weight)


def test_where_nothing_changed_hardly_anything_is_listed() -> None:
    alarms = 0
    for seed in range(2):
        register, _ = surveyed(np.zeros(320, dtype=bool), seed)
        found = tree_anomalies(
            compare_trees(register, "ndvi"), measure="ndvi", spacing_m=register.spacing_m
        )
        alarms += sum(len(one.names) for one in found)
    assert alarms <= 4


def test_a_tree_that_always_was_poor_is_no_news() -> None:
    register, _ = surveyed(np.zeros(320, dtype=bool), 5)
    poor = register.passports[100]
    visits = tuple(replace(v, indices={"ndvi": v.indices["ndvi"] - 0.2}) for v in poor.visits)
    passports = list(register.passports)
    passports[100] = replace(poor, visits=visits)
    changes = {
        c.name: c for c in compare_trees(replace(register, passports=tuple(passports)), "ndvi")
    }
    assert changes[poor.name].chance > 0.01
    first = compare_trees(replace(register, passports=tuple(passports)), "ndvi", flight="2026-02")
    lonely = next(change for change in first if change.name == poor.name)
    assert math.isnan(lonely.own)
    assert lonely.chance < 1e-3


def test_a_row_that_was_left_out_is_a_line() -> None:
    sick = grid(20, 16).row == 7
    register, _ = surveyed(sick, 8)
    found = tree_anomalies(
        compare_trees(register, "ndvi"), measure="ndvi", spacing_m=register.spacing_m
    )
    assert found[0].shape == "line"
    assert len(found[0].names) >= 18
    assert found[0].causes[0].key == "page.cause_work"


def test_too_few_trees_or_an_unknown_flight_are_told() -> None:
    register, _ = surveyed(np.zeros(320, dtype=bool), 5)
    with pytest.raises(BadInput, match="2031"):
        compare_trees(register, "ndvi", flight="2031")
    with pytest.raises(BadInput, match="at least 8"):
        compare_trees(register, "lai")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_diseased_patch_of_a_field_is_found_with_its_area(seed: int) -> None:
    draw = np.random.default_rng(seed)
    shape, pixel = (400, 500), 0.2
    rows, columns = np.indices(shape)
    angle = np.arctan2(rows - 200, columns - 260)
    edge = 45.0 + 6.0 * np.sin(3.0 * angle) + 4.0 * np.cos(2.0 * angle)
    patch = np.hypot(rows - 200, columns - 260) < edge
    texture = ndimage.gaussian_filter(draw.normal(0.0, 1.0, shape), 8.0) * 0.3
    before = 0.75 + texture + draw.normal(0.0, 0.03, shape)
    after = 0.68 + texture + draw.normal(0.0, 0.03, shape) - 0.10 * patch
    areas = changed_areas(ground(shape, pixel, before), ground(shape, pixel, after))
    whole = patch.sum() * pixel**2
    at = ground(shape, pixel)
    from shapely import contains_xy, transform

    from imagery.metric import pixels_of

    own = transform(areas[0].outline, lambda places: pixels_of(at, places))
    inside = contains_xy(own, columns + 0.5, rows + 0.5)
    assert (inside & patch).sum() / (inside | patch).sum() >= 0.9
    assert abs(areas[0].area_m2 / whole - 1.0) < 0.08
    assert -0.115 < areas[0].change < -0.085
    assert len(areas) == 1
    assert [one.shape for one in area_anomalies(areas, measure="ndvi")] == ["patch"]


def test_noise_alone_is_no_patch_and_soil_may_be_left_out() -> None:
    draw = np.random.default_rng(9)
    before = draw.normal(0.7, 0.03, (200, 200))
    after = draw.normal(0.6, 0.03, (200, 200))
    assert changed_areas(ground((200, 200), 0.2, before), ground((200, 200), 0.2, after)) == ()
    after[:, ::2] = np.nan
    assert changed_areas(ground((200, 200), 0.2, before), ground((200, 200), 0.2, after)) == ()
    nothing = ground((50, 50), 0.2, np.full((50, 50), np.nan))
    assert changed_areas(nothing, nothing) == ()
    with pytest.raises(BadInput, match="nine"):
        changed_areas(nothing, nothing, least_m2=0.1)
    with pytest.raises(BadInput, match="different pixels"):
        changed_areas(nothing, ground((50, 50), 0.3))


def test_a_patch_smaller_than_the_mapping_unit_is_dropped() -> None:
    draw = np.random.default_rng(3)
    before = draw.normal(0.7, 0.02, (300, 300))
    after = draw.normal(0.7, 0.02, (300, 300))
    after[100:115, 100:115] -= 0.2
    pair = (ground((300, 300), 0.2, before), ground((300, 300), 0.2, after))
    assert changed_areas(*pair, least_m2=25.0) == ()
    assert len(changed_areas(*pair, least_m2=4.0)) == 1


def test_a_zone_that_fell_back_stands_out() -> None:
    draw = np.random.default_rng(3)
    before, after = draw.normal(0.7, 0.03, (200, 200)), draw.normal(0.62, 0.03, (200, 200))
    after[:, 180:] -= 0.08
    zones = {
        "west": box(EAST, NORTH - 40.0, EAST + 36.0, NORTH),
        "east": box(EAST + 36.0, NORTH - 40.0, EAST + 40.0, NORTH),
    }
    west, east = compare_zones(
        zones, ground((200, 200), 0.2, before), ground((200, 200), 0.2, after)
    )
    assert abs(west.change) < 0.01
    assert abs(east.change + 0.08) < 0.01
    assert abs(west.z) < 1.5
    assert east.z < -3.0
    assert abs(west.after - 0.62) < 0.01


def test_a_paddys_patch_is_not_told_of_trunks_and_crowns() -> None:
    """Where no tree is known, the words are of plants; every sense and shape has its own."""
    patch = AreaChange(outline=box(0.0, 0.0, 9.0, 9.0), change=-0.2, z=-6.0, doubt=0.01)
    (found,) = area_anomalies([patch], measure="ndvi")
    assert found.causes[0].key == "page.cause_spread"
    told = " ".join(message.text("en") for message in (*found.causes, *found.look))
    assert not {"tree", "trunk", "crown", "branch"} & set(re.findall("[a-z]+", told.lower()))
    shapes = {(sense, shape) for sense, shape in CAUSES if shape != "one"}
    assert shapes == set(GROUND_CAUSES)


def test_every_cause_has_something_to_look_at_in_both_languages() -> None:
    folder = Path(__file__).resolve().parents[1] / "agri" / "locale"
    words = [json.loads((folder / f"{name}.json").read_text("utf-8")) for name in ("vi", "en")]
    keys = {key for table in (CAUSES, GROUND_CAUSES) for causes in table.values() for key in causes}
    assert keys == set(LOOK)
    for table in words:
        assert keys | set(LOOK.values()) <= table.keys()


def test_a_zone_is_compared_with_its_own_history_and_its_neighbours() -> None:
    draw = np.random.default_rng(6)
    zones = {f"sào {k + 1}": box(EAST + 10.0 * (k % 5), NORTH - 10.0 * (k // 5 + 1),
                                 EAST + 10.0 * (k % 5 + 1), NORTH - 10.0 * (k // 5))
             for k in range(20)}  # fmt: skip
    own = np.kron(draw.normal(0.0, 0.03, (4, 5)), np.ones((50, 50)))
    flights = {}
    for number, season in enumerate((0.6, 0.75, 0.7)):
        values = season + own + draw.normal(0.0, 0.03, own.shape)
        if number == 2:
            values[50:100, 100:150] -= 0.09
        flights[f"2026-0{number + 1}"] = {"ndvi": ground(own.shape, 0.2, values)}
    register = zone_register(zones, flights, epsg=32648)
    changes = {change.name: change for change in compare_trees(register, "ndvi")}
    assert register.flights == ("2026-01", "2026-02", "2026-03")
    assert min(changes, key=lambda name: changes[name].chance) == "sào 8"
    assert changes["sào 8"].own == pytest.approx(-0.09, abs=0.01)
    assert false_discovery(np.array([one.chance for one in changes.values()])).min() < 0.05
    with pytest.raises(BadInput):
        zone_register({}, flights, epsg=32648)
    with pytest.raises(BadInput, match="EPSG:32648"):
        zone_register(zones, flights, epsg=32649)
