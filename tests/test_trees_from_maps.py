"""The trees that were found in a map go to the sprayer as they are: no gap is taken for a tree."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import shapely
from shapely.geometry import MultiPolygon, box, mapping

from agri.errors import BadInput
from agri.field import Field, Pad
from agri.geo import LocalFrame, LonLat
from agri.operations.farm import start_farm
from agri.operations.layers import plan_layers
from agri.operations.spray import SprayRequest
from agri.operations.trees import TreesRequest, plan_orchard, read_trees
from agri.weather import Wind
from agri.zone import RateMap, RatePatch
from missions.airspace.keepouts import polygons
from missions.catalogue import sprayer
from missions.sprayer.job import Product

FRAME = LocalFrame(LonLat(lon_deg=106.51, lat_deg=21.08))
FIELD = Field(name="Vườn", boundary=MultiPolygon([FRAME.geometry_to_lonlat(box(0, 0, 60, 40))]))
SPOTS = [(10.0 + 8.0 * k, 20.0) for k in range(6)]
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def feature(east_m: float, north_m: float, **properties: object) -> dict[str, object]:
    crown = shapely.Point(east_m, north_m).buffer(1.9)
    return {"type": "Feature", "properties": properties,
            "geometry": mapping(FRAME.geometry_to_lonlat(crown))}  # fmt: skip


def tree_file(folder: Path, *, trees: bool = True) -> Path:
    found = [feature(*spot, name=f"01-{k:02d}") for k, spot in enumerate(SPOTS)] if trees else []
    gaps = [feature(30.0, 32.0, name="02-03", missing=1), feature(45.0, 8.0, missing=2)]
    path = folder / "cay.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [*found, *gaps]}))
    return path


def test_a_place_where_a_tree_is_missing_is_no_tree(tmp_path: Path) -> None:
    trees, findings = read_trees(tree_file(tmp_path), FIELD, height_m=3.0)
    assert {tree.name for tree in trees} == {f"01-{k:02d}" for k in range(6)}
    (told,) = (one for one in findings if one.key == "finding.trees_gaps_passed")
    assert told.text("en") == "Places where a tree is missing and nothing is sprayed: 2."
    assert not [one for one in findings if one.key == "finding.corners_straight"]
    with pytest.raises(BadInput, match=r"cay\.geojson"):
        read_trees(tree_file(tmp_path, trees=False), FIELD, height_m=3.0)


def request(path: Path, rates: RateMap | None, **more: object) -> TreesRequest:
    job = SprayRequest(
        fields=("Vườn",), sprayer=sprayer(), product=Product(name="Nước", dose_per_ha=0.0),
        rate_l_ha=300.0, wind=Wind(speed_m_s=2.0, from_deg=180.0), rate_map=rates,
    )  # fmt: skip
    return TreesRequest(job=job, trees=path, height_m=3.0, **more)  # type: ignore[arg-type]


def patches(*places: tuple[float, float, float]) -> RateMap:
    return RateMap(patches=tuple(
        RatePatch(area=FRAME.geometry_to_lonlat(box(west, 0, east, 40)), rate_l_ha=rate)
        for west, east, rate in places
    ))  # fmt: skip


def test_a_plan_draws_every_tree_that_is_sprayed(tmp_path: Path) -> None:
    path = tree_file(tmp_path)
    with start_farm(tmp_path / "farm", name="Trại") as farm:
        farm.add_fields((FIELD,))
        farm.add_pads((Pad(name="Sân", place=FRAME.place(-8.0, 20.0)),))
        job = plan_orchard(farm, request(path, patches((0, 60, 300.0))), language="vi", now=NOW)
    drawn = []
    for sortie in job.sorties:
        (spots,) = (one for one in plan_layers(sortie.plan) if one.key == "page.layer.spray_spots")
        drawn += list(polygons(FRAME.geometry_to_local(spots.geometry)))
    assert len(drawn) == len(SPOTS)
    for spot in SPOTS:
        (ground,) = (one for one in drawn if one.covers(shapely.Point(spot)))
        assert ground.centroid.distance(shapely.Point(spot)) < 0.05


def test_each_tree_gets_what_the_rate_map_asks_where_it_stands(tmp_path: Path) -> None:
    path = tree_file(tmp_path)
    with start_farm(tmp_path / "farm", name="Trại") as farm:
        farm.add_fields((FIELD,))
        farm.add_pads((Pad(name="Sân", place=FRAME.place(-8.0, 20.0)),))
        rates = patches((0, 30, 400.0), (30, 60, 250.0))
        job = plan_orchard(farm, request(path, rates), language="vi", now=NOW)
        ground_m2 = shapely.Point(0, 0).buffer(1.9).area
        for sortie in job.sorties:
            assert sortie.plan.spray is not None
            for work in sortie.plan.spray.passes:
                (place, *_) = work.places
                east, _ = FRAME.metres(place)
                rate = 400.0 if east < 30.0 else 250.0
                assert work.spot_l == pytest.approx(rate * ground_m2 / 10_000.0, rel=0.06)
        with pytest.raises(BadInput):
            plan_orchard(farm, request(path, patches((0, 30, 400.0))), language="vi", now=NOW)
    for wrong in ({"litres_per_tree": 0.3}, {"by_rows": True}):
        with pytest.raises(BadInput):
            request(path, rates, **wrong)
