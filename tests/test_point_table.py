"""Tables of points: trees and poles one a row, as spreadsheets have them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from shapely.geometry import Point

from agri.boundaries import read_boundaries
from agri.boundaries.shapes import read_shapes
from agri.errors import BadInput
from agri.geo import vn2000_to_lonlat
from agri.operations.trees import read_trees
from tests.sites import DONG_TRIEU, Draft, open_paddy

DRAFT = Draft(DONG_TRIEU)
SITE = open_paddy(DRAFT)
Written = Callable[[str], Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    def write(text: str) -> Path:
        path = tmp_path / "cay.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def place(east_m: float, north_m: float) -> tuple[float, float]:
    found = DRAFT.frame.place(east_m, north_m)
    return found.lon_deg, found.lat_deg


ORCHARD = [(30.0, 40.0), (36.0, 40.0), (42.0, 40.0)]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("lon,lat,height,diameter", "{lon:.8f},{lat:.8f},3.5,4.2"),
        ("Kinh độ;Vĩ độ;Chiều cao (m);Đường kính tán", "{lon_vi};{lat_vi};3,5;4,2"),
        ("x,y,height_m,diameter_m", "{lon:.8f},{lat:.8f},3.5,4.2"),
        ("STT\tVĩ độ\tKinh độ\tcao\trộng tán", "7\t{lat:.8f}\t{lon:.8f}\t3,5 m\t4,2 m"),
    ],
)
def test_trees_of_a_table_are_read_with_height_and_crown(
    written: Written, header: str, row: str
) -> None:
    rows = []
    for tree in ORCHARD:
        lon, lat = place(*tree)
        rows.append(
            row.format(lon=lon, lat=lat, lon_vi=f"{lon:.8f}".replace(".", ","),
                       lat_vi=f"{lat:.8f}".replace(".", ","))
        )  # fmt: skip
    trees, findings = read_trees(written("\n".join([header, *rows])), SITE.field)
    assert {finding.key for finding in findings} <= {"finding.crs_assumed"}
    assert [(tree.height_m, tree.radius_m) for tree in trees] == [(3.5, 2.1)] * 3
    for tree, wanted in zip(trees, ORCHARD, strict=True):
        meant = SITE.field.frame.metres(DRAFT.frame.place(*wanted))
        assert tree.place == pytest.approx(meant, abs=0.01)


@pytest.mark.parametrize("turned", [False, True])
def test_metres_of_the_province_are_read_whichever_stands_first(
    written: Written, turned: bool
) -> None:
    pairs = [(2_332_000.0, 371_000.0 + 5.0 * number) for number in range(3)]
    lines = [f"{b:.1f},{a:.1f}" if turned else f"{a:.1f},{b:.1f}" for a, b in pairs]
    shapes, _ = read_shapes(written("\n".join(["x,y", *lines])), points=True)
    for shape, pair in zip(shapes, pairs, strict=True):
        meant = vn2000_to_lonlat(*pair)
        assert isinstance(shape.geometry, Point)
        assert shape.geometry.coords[0] == pytest.approx((meant.lon_deg, meant.lat_deg), abs=1e-7)


def test_a_tree_without_a_name_is_called_after_its_line_and_one_with_a_number_after_that(
    written: Written,
) -> None:
    lon, lat = place(30, 40)
    plain, _ = read_shapes(written(f"lon,lat\n\n{lon},{lat}"), points=True)
    assert [shape.name for shape in plain] == ["cay.csv:3"]
    known, _ = read_shapes(written(f"stt,lon,lat\n12,{lon},{lat}"), points=True)
    assert [shape.name for shape in known] == ["12"]


@pytest.mark.parametrize(
    ("text", "key", "part"),
    [
        ("lon,lat\n{p}\nhere,there", "error.points_row", "line 3: 'here; there'"),
        ("lon,lat\n{p}\n106.5,", "error.points_row", "line 3"),
        ("lon,lat\n{p}\n1065.1,21.08", "error.points_row", "line 3: '1065.1; 21.08'"),
        ("x,y\n2332000,371000\n2332000,371010\n2332000,37", "error.points_row", "line 4"),
        ("lon,lat,height\n{p},tall", "error.shape_number", "cay.csv:2"),
        ("tree,size\n1,4", "error.points_header", "kinh độ"),
    ],
)
def test_a_row_that_is_wrong_is_named(written: Written, text: str, key: str, part: str) -> None:
    lon, lat = place(30, 40)
    path = written(text.format(p=f"{lon:.8f},{lat:.8f}"))
    with pytest.raises(BadInput) as caught:
        read_trees(path, SITE.field, radius_m=2.0, height_m=3.0)
    assert caught.value.message.key == key
    assert part in caught.value.text("en")
    assert "{" not in caught.value.text("vi")


def test_a_table_whose_rows_tell_what_they_are_is_no_parcel_for_the_farm(written: Written) -> None:
    lon, lat = place(30, 40)
    path = written(f"loại,lon,lat,height\ncây,{lon},{lat},9\ncột điện,{lon + 1e-4},{lat},12")
    found = read_boundaries(path)
    assert not found.fields
    assert [(o.kind.value, o.height_m) for o in found.obstacles] == [("tree", 9.0), ("pole", 12.0)]
    corners = written(f"thửa,lon,lat\n1,{lon},{lat}\n1,{lon + 1e-3},{lat}\n1,{lon},{lat + 1e-3}")
    assert len(read_boundaries(corners).fields) == 1
