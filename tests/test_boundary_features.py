"""What a feature is, and what is refused, in one sentence that names it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from shapely.geometry import LineString, Point

from agri.boundaries import read_boundaries
from agri.errors import BadInput, NotFound
from agri.field import ObstacleKind, SensitiveKind
from tests import boundary_files as made
from tests.boundary_files import (
    FRAME,
    area,
    feature,
    geojson,
    keys,
    kml,
    one,
    placemark,
    read,
)


def test_words_in_vietnamese_and_english_say_what_a_feature_is(tmp_path: Path) -> None:
    line = FRAME.geometry_to_lonlat(LineString([(0, -50), (100, -50)]))
    point = FRAME.geometry_to_lonlat(Point(50, 150))
    found = read(
        tmp_path,
        geojson(
            feature(area(), ten="Ruộng", loai="ruộng", crop="lúa"),
            feature(line, ten="Đường điện", loai="Đường dây điện", height_m=18, clearance_m=15),
            feature(point, ten="Cây đa", kind="tree", chieu_cao="12,5 m"),
            feature(point, ten="Cột", loai="cột điện"),
            feature(area(200.0, 0.0, 20.0), ten="Nhà ông Tư", loai="Nhà", height_m=7),
            feature(area(300.0), ten="Đầm", loai="ruộng rươi"),
            feature(line, ten="Kênh", kind="canal"),
            feature(point, ten="Ong", loai="tổ ong"),
            feature(point, ten="Sân", loai="bãi cất cánh"),
            feature(area(0.0, 200.0), ten="Trạm", loai="Vùng cấm bay"),
        ),
    )
    assert [(f.name, f.crop) for f in found.fields] == [("Ruộng", "lúa")]
    assert [(o.name, o.kind, o.height_m, o.clearance_m) for o in found.obstacles] == [
        ("Đường điện", ObstacleKind.POWER_LINE, 18.0, 15.0),
        ("Cây đa", ObstacleKind.TREE, 12.5, 3.0),
        ("Cột", ObstacleKind.POLE, 45.0, 5.0),
        ("Nhà ông Tư", ObstacleKind.HOUSE, 7.0, 10.0),
    ]
    assert [(s.name, s.kind) for s in found.sensitive_sites] == [
        ("Nhà ông Tư", SensitiveKind.HOUSE),
        ("Đầm", SensitiveKind.RUOI),
        ("Kênh", SensitiveKind.WATER),
        ("Ong", SensitiveKind.BEES),
    ]
    assert [(p.name, p.place.lon_deg) for p in found.pads] == [("Sân", point.x)]
    assert [z.name for z in found.no_fly_zones] == ["Trạm"]
    assert [(f.key, f.where) for f in found.findings] == [("finding.height_assumed", "Cột")]


def test_kinds_come_through_kml_too(tmp_path: Path) -> None:
    body = "<Point><coordinates>106.51,21.08</coordinates></Point>"
    found = read(tmp_path, kml(placemark(body, "Cây", loai="cây", height_m="9")))
    assert [(o.name, o.height_m) for o in found.obstacles] == [("Cây", 9.0)]


def test_a_bare_ring_in_kml_is_an_area_and_the_order_of_its_borders_does_not_matter(
    tmp_path: Path,
) -> None:
    bare = made.kml_ring(area().exterior)
    inner, outer = (made.kml_ring(ring.exterior) for ring in (area(40.0, 40.0, 20.0), area()))
    holed = (
        f"<Polygon><innerBoundaryIs>{inner}</innerBoundaryIs>"
        f"<outerBoundaryIs>{outer}</outerBoundaryIs></Polygon>"
    ).replace("<LinearRing>", "<LinearRing><tessellate>1</tessellate>")
    found = read(tmp_path, kml(placemark(bare, "A"), placemark(holed, "B")))
    assert [round(field.area_m2) for field in found.fields] == [10_000, 9_600]


def test_lines_and_points_without_a_word_are_passed_over_and_told(tmp_path: Path) -> None:
    point = feature(Point(106.51, 21.08), ten="?")
    found = read(tmp_path, geojson(feature(area(), ten="A"), point))
    assert one(found, "finding.not_an_area").where == "?"
    with pytest.raises(BadInput, match="nothing in it can be used"):
        read(tmp_path, geojson(point))


def test_a_polygon_of_unknown_kind_is_a_field_with_a_warning(tmp_path: Path) -> None:
    found = read(tmp_path, geojson(feature(area(), ten="A", loai="trạm bơm")))
    assert "trạm bơm" in one(found, "finding.kind_unknown").text("vi")
    assert len(found.fields) == 1


def test_a_no_fly_zone_that_is_no_area_is_refused_not_forgotten(tmp_path: Path) -> None:
    zone = feature(Point(106.51, 21.08), ten="Sân bay", loai="cấm bay")
    with pytest.raises(BadInput, match=r"^Sân bay: a no-fly zone must be an area"):
        read(tmp_path, geojson(feature(area()), zone))


def test_too_near_a_power_line_is_refused_by_name(tmp_path: Path) -> None:
    line = feature(LineString([(106.51, 21.08), (106.52, 21.08)]), ten="Dây", kind="power_line",
                   height_m=12, clearance_m=4)  # fmt: skip
    with pytest.raises(BadInput, match=r"^Dây: .*power line"):
        read(tmp_path, geojson(line))


def test_features_of_mixed_and_empty_geometry_are_taken_apart(tmp_path: Path) -> None:
    mixed = shapely.GeometryCollection([area(), LineString([(106.5, 21.0), (106.6, 21.0)])])
    shape = {"type": "GeometryCollection",
             "geometries": [made.mapping(part) for part in mixed.geoms]}  # fmt: skip
    empty = feature({"type": "Polygon", "coordinates": []}, ten="E")
    nothing = {"type": "Feature", "properties": None, "geometry": None}
    found = read(tmp_path, geojson(feature(shape, ten="M"), empty, nothing))
    assert [field.name for field in found.fields] == ["M"]
    assert {"finding.not_an_area", "finding.feature_empty"} <= set(keys(found))


def test_repairs_are_told_under_the_features_name(tmp_path: Path) -> None:
    square = np.array(area().exterior.coords)[:-1].tolist()
    ring = [*square[:2], square[1], *square[2:]]
    found = read(tmp_path, geojson(feature({"type": "Polygon", "coordinates": [ring]}, ten="A")))
    assert {(f.key, f.where) for f in found.findings if f.key != "finding.ring_order"} == {
        ("finding.ring_closed", "A"), ("finding.corners_repeated", "A"),
    }  # fmt: skip


def test_an_unclosed_ring_in_a_shapefile_or_wkt_is_closed(tmp_path: Path) -> None:
    corners = ", ".join(f"{x} {y}" for x, y in list(area().exterior.coords)[:-1])
    assert "finding.ring_closed" in keys(read(tmp_path, f"POLYGON (({corners}))"))
    assert "finding.ring_closed" in keys(read(tmp_path, f"MULTIPOLYGON ((({corners})))"))


REFUSED = {
    "not finite": ('{"type": "Polygon", "coordinates": [[[NaN, 21], [106, 21], [106, 22]]]}',
                   r"^ranh: .*finite"),
    "two corners": ("A;POLYGON((106.5 21, 106.51 21, 106.5 21))", r"^A: .*too few"),
    "no area": ("A;POLYGON((106.5 21, 106.51 21, 106.52 21, 106.5 21))", r"^A: .*no area"),
    "off earth": ("A;POLYGON((406.5 21, 406.6 21, 406.6 22))", r"^ranh\.dat: .*--crs"),
    "beyond the pole": ("SRID=4326;POLYGON((6 98, 7 98, 7 99))", r"^ranh: .*not on the earth"),
    "over 1,000 ha": ("A;POLYGON((106.5 21, 106.6 21, 106.6 21.1, 106.5 21.1))", r"^A: an area of"),
    "text for a number": ('{"type": "Point", "coordinates": ["a", 1]}', r"'\[a, 1\]' is not"),
    "ragged": ('{"type": "Polygon", "coordinates": [[[1]]]}', r"^#1: '\[1\]' is not a coordinate"),
    "a number too large": ('{"type": "Point", "coordinates": [1' + "0" * 400 + ", 1]}", "^#1: "),
    "wrong depth": ('{"type": "Polygon", "coordinates": [[1, 2], [3, 4]]}', "is not a coordinate"),
    "a dictionary": ('{"type": "Point", "coordinates": {"a": 1}}', "is not a coordinate"),
    "unknown shape": ('{"type": "Circle", "coordinates": [1, 2]}', "kind 'Circle'"),
    "not geojson": ('{"type": "Topology", "objects": {}}', "not GeoJSON"),
    "half a json": ('{"type": "FeatureCollection", "features": [', "not GeoJSON"),
    "deep": ('{"type":"GeometryCollection","geometries":[' * 40 + "]}" * 40, "GeometryCollection"),
    "very deep": ("[" * 200_000, "not GeoJSON"),
    "bracket open": ("POLYGON((106 21, 107 21, 107 22)", "'…' is not a coordinate"),
    "word in wkt": ("POLYGON((106 21, x 21, 107 22))", "'x' is not a coordinate"),
    "not wkt": ("A;POLYGON((106 21, 106.01 21, 106 21.01))\nB;CIRCLE(1 2)", "'B;CIRCLE"),
    "two srids": ("SRID=4326;POINT(1 2)\nSRID=5899;POINT(1 2)", "different coordinate systems"),
    "words": ("một tệp chữ không có gì", "not a format agri reads"),
    "nothing": ("", "is empty"),
    "bytes": ("\x00\x01\x02", "not a format agri reads"),
    "unbalanced kml": ("<kml><Document></kml>", "near line 1"),
    "html": ("<html><body>404</body></html>", "begins with 'html'"),
    "kml words": (kml(placemark("<Point><coordinates>x,1</coordinates></Point>", "A")).decode(),
                  r"^A: 'x' is not a coordinate"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_repaired_is_refused_in_one_sentence(case: str, tmp_path: Path) -> None:
    data, sentence = REFUSED[case]
    with pytest.raises(BadInput, match=sentence) as caught:
        read(tmp_path, data)
    for language in ("vi", "en"):
        text = caught.value.text(language)  # type: ignore[arg-type]
        assert "{" not in text.replace("{…}", "")
        assert len(text) < 400


def test_more_features_than_the_limit_are_refused(tmp_path: Path) -> None:
    point = feature(Point(106.5, 21.0), kind="tree", height_m=5)
    with pytest.raises(BadInput, match=r"more than 10,000 features"):
        read(tmp_path, geojson(*[point] * 10_001))


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_boundaries(tmp_path / "none.kml")
    with pytest.raises(BadInput, match="not a regular file"):
        read_boundaries(tmp_path)
