"""Things with properties come in through the same door as boundary files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agri.boundaries.shapes import read_shapes
from agri.errors import BadInput, NotFound


def geojson(path: Path, *features: tuple[dict[str, object], dict[str, object]]) -> Path:
    drawn = [{"type": "Feature", "geometry": g, "properties": p} for g, p in features]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": drawn}), "utf-8")
    return path


def point(lon: float, lat: float) -> dict[str, object]:
    return {"type": "Point", "coordinates": [lon, lat]}


SQUARE = {
    "type": "Polygon",
    "coordinates": [[[106.5, 21.0], [106.501, 21.0], [106.501, 21.001], [106.5, 21.001],
                     [106.5, 21.0]]],
}  # fmt: skip


def test_points_and_areas_come_with_their_properties(tmp_path: Path) -> None:
    file = geojson(
        tmp_path / "cây.geojson",
        (point(106.5, 21.0), {"name": "Cây 1", "Bán kính (m)": "2,5"}),
        (SQUARE, {"rate_l_ha": 40}),
    )
    (tree, patch), findings = read_shapes(file)
    assert (tree.name, tree.geometry.geom_type, patch.geometry.geom_type) == (
        "Cây 1", "Point", "MultiPolygon",
    )  # fmt: skip
    assert tree.number(["ban kinh m", "ban kinh (m)"]) == 2.5
    assert patch.number(["rate l ha"], unit="l/ha") == 40.0
    assert patch.number(["height m"]) is None
    assert findings == ()


def test_several_points_of_one_feature_are_several_shapes(tmp_path: Path) -> None:
    many = {"type": "MultiPoint", "coordinates": [[106.5, 21.0], [106.6, 21.0]]}
    shapes, _ = read_shapes(geojson(tmp_path / "a.geojson", (many, {"name": "Hàng"})))
    assert [shape.name for shape in shapes] == ["Hàng 1", "Hàng 2"]


def test_a_property_that_should_be_a_number_and_is_none_is_named(tmp_path: Path) -> None:
    file = geojson(tmp_path / "a.geojson", (point(106.5, 21.0), {"name": "T", "radius": "big"}))
    with pytest.raises(BadInput, match="radius") as refused:
        read_shapes(file)[0][0].number(["radius"])
    assert "big" in refused.value.text("en")


def test_a_file_without_shapes_and_one_that_is_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        read_shapes(geojson(tmp_path / "empty.geojson"))
    with pytest.raises(NotFound):
        read_shapes(tmp_path / "none.geojson")
