"""Every format gives the same fields back, under their names, and says what it assumed."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import shapely
from shapely.geometry import Point, Polygon

from agri.boundaries import read_boundaries
from agri.errors import BadInput
from agri.findings import Severity, blocks
from agri.geo import distance_m, vn2000_to_lonlat
from tests import boundary_files as made
from tests.boundary_files import (
    FRAME,
    NAMES,
    TRUTH,
    area,
    feature,
    geojson,
    keys,
    one,
    read,
)

METRES_IN_TRUTH = [10_000.0, 120.0 * 90.0 - 400.0, 60.0**2 + 50.0**2]


FORMATS: dict[str, Callable[[Path], bytes]] = {
    "geojson": lambda _: made.geojson_truth(),
    "kml": lambda _: made.kml_truth(),
    "kmz": lambda _: made.packed({"doc.kml": made.kml_truth(), "files/icon.png": b"png"}),
    "shapefile in vn-2000": made.shapefile,
    "shapefile in utm": lambda folder: made.shapefile(folder, 32648),
    "geopackage in vn-2000": made.geopackage,
    "geopackage in degrees": lambda folder: made.geopackage(folder, 4326),
    "wkt": lambda _: made.wkt_truth(),
    "zipped geojson": lambda _: made.packed({"ranh.geojson": made.geojson_truth()}),
}


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_gives_the_truth_back(form: str, tmp_path: Path) -> None:
    found = read(tmp_path, FORMATS[form](tmp_path / "source"))
    assert [field.name for field in found.fields] == list(NAMES)
    assert [field.area_m2 for field in found.fields] == pytest.approx(METRES_IN_TRUTH, rel=1e-5)
    for field, truth in zip(found.fields, TRUTH, strict=True):
        off = shapely.hausdorff_distance(
            FRAME.geometry_to_local(field.boundary), FRAME.geometry_to_local(truth)
        )
        assert off < 0.001
        assert field.uid == ""
    assert all(finding.severity is Severity.WARNING for finding in found.findings)
    assert set(keys(found)) <= {"finding.crs_assumed"}
    assert not blocks(found.findings)


@pytest.mark.parametrize("form", ["geojson", "kml", "wkt", "geopackage in degrees"])
def test_degrees_are_kept_to_the_last_bit(form: str, tmp_path: Path) -> None:
    found = read(tmp_path, FORMATS[form](tmp_path / "source"))
    for field, truth in zip(found.fields, TRUTH, strict=True):
        ours = {tuple(c) for c in shapely.get_coordinates(field.boundary).tolist()}
        assert ours == {tuple(c) for c in shapely.get_coordinates(truth).tolist()}


@pytest.mark.parametrize("name", ["ranh.kml", "ranh.zip", "ranh", "ranh.tif", "RANH.GPKG"])
def test_a_wrong_ending_does_not_matter(name: str, tmp_path: Path) -> None:
    assert len(read(tmp_path, made.geojson_truth(), name).fields) == 3


def test_what_other_programs_wrote_is_read(shared_data: Path) -> None:
    folder = shared_data / "missions"
    good = read_boundaries(folder / "qgc" / "PolygonGood.kml")
    assert good.fields[0].area_m2 == pytest.approx(4633, abs=1)
    for name in ("PolygonBadXml", "PolygonMissingNode", "PolygonBadCoordinatesNode", "polyline"):
        with pytest.raises(BadInput, match=name):
            read_boundaries(folder / "qgc" / f"{name}.kml")
    fields = read_boundaries(folder / "fields.geojson").fields
    document = json.loads((folder / "fields.geojson").read_text("utf-8"))
    for field, source in zip(fields, document["features"], strict=True):
        assert field.name == source["properties"]["name"]
        # The file's areas are grid areas of UTM, up to 0.08 % off the ground.
        assert field.area_m2 == pytest.approx(source["properties"]["area_m2"], rel=1e-3)


def test_a_land_certificate_becomes_a_field_in_its_place(tmp_path: Path) -> None:
    table = (
        "Số hiệu điểm;X (m);Y (m);Cạnh (m)\n1;2332000,00;371000,00;80,00\n"
        "2;2332000,00;371080,00;60,00\n3;2332060,00;371080,00;80,00\n4;2332060,00;371000,00;60,00\n"
    )
    found = read(tmp_path, table, "thua 12.csv")
    (field,) = found.fields
    assert field.name == "thua 12"
    assert field.area_m2 == pytest.approx(80.0 * 60.0, rel=5e-4)
    corner = vn2000_to_lonlat(2_332_000.0, 371_080.0)
    assert field.boundary.boundary.distance(Point(corner.lon_deg, corner.lat_deg)) < 1e-12
    assert one(found, "finding.crs_certificate").severity is Severity.INFO


def test_a_csv_of_degrees_is_read(tmp_path: Path) -> None:
    corners = "\n".join(f"{x},{y}" for x, y in area().exterior.coords)
    found = read(tmp_path, f"lon,lat\n{corners}", "a.csv")
    assert found.fields[0].area_m2 == pytest.approx(10_000, rel=1e-5)
    assert found.findings == ()


# Names


@pytest.mark.parametrize(
    ("key", "value", "name"),
    [
        ("name", "A", "A"), ("Name", "A", "A"), ("ten", "A", "A"), ("Tên", "A", "A"),
        ("title", "A", "A"), ("TÊN RUỘNG", "A", "A"), ("thửa", 12, "Thửa 12"),
        ("so_thua", "12", "Thửa 12"), ("thua", "12b", "12b"), ("Name", 7.0, "7"),
        ("other", "A", "ranh"), ("name", None, "ranh"), ("name", {"a": 1}, "ranh"),
        ("name", "  Ruộng\u202e\n 1\u0000 ", "Ruộng 1"), ("name", "e\u0302", "ê"),
        ("name", "x" * 500, "x" * 79 + "…"), ("name", "\ud800A", "A"),
    ],
)  # fmt: skip
def test_names_are_found_and_made_fit_to_be_shown(
    key: str, value: object, name: str, tmp_path: Path
) -> None:
    data = json.dumps({"type": "FeatureCollection", "features": [feature(area(), **{key: value})]})
    assert read(tmp_path, data).fields[0].name == name


def test_unnamed_features_are_numbered_and_doubled_names_kept_apart(tmp_path: Path) -> None:
    found = read(tmp_path, geojson(feature(area()), feature(area(200.0))))
    assert [field.name for field in found.fields] == ["ranh 1", "ranh 2"]
    found = read(tmp_path, geojson(*(feature(area(200.0 * i), ten="Ruộng") for i in range(3))))
    assert [field.name for field in found.fields] == ["Ruộng", "Ruộng (2)", "Ruộng (3)"]
    assert keys(found) == ["finding.name_doubled"] * 2


def test_the_users_name_holds_and_numbers_several(tmp_path: Path) -> None:
    assert read(tmp_path, geojson(feature(area(), ten="A")), name="B").fields[0].name == "B"
    found = read(tmp_path, geojson(feature(area()), feature(area(200.0))), name="B")
    assert [field.name for field in found.fields] == ["B 1", "B 2"]


@pytest.mark.parametrize("encoding", ["utf-8", "cp1258", "tcvn3", "stated cp1258"])
def test_names_in_old_encodings_come_out_right(encoding: str, tmp_path: Path) -> None:
    """Windows-1258 and TCVN3 bytes as their standards have them, written out by hand."""
    bytes_of = {
        "utf-8": [name.encode() for name in NAMES],
        "cp1258": [
            b"Ru\xf4\xf2ng lu\xeca Bi\xccnh Kh\xea",
            b"V\xfd\xf5\xccn va\xd2i chi\xecn s\xf5\xecm",
            b"\xd0\xf4\xccng na Ngo\xf2c Ha\xcc",
        ],
        "tcvn3": [
            b"Ru\xe9ng l\xf3a B\xd7nh Kh\xaa",
            b"V\xad\xean v\xb6i ch\xddn s\xedm",
            b"\xa7\xe5ng na Ng\xe4c H\xb5",
        ],
    }
    texts = bytes_of[encoding.removeprefix("stated ")]
    dbf = made.shape_parts(tmp_path / "s", made.frame(names=("a" * 60,) * 3))[".dbf"]
    cpg = b"1258" if encoding.startswith("stated") else b""
    data = made.shapefile(tmp_path / "t", dbf=made.with_text(dbf, texts), cpg=cpg)
    found = read(tmp_path, data)
    assert [field.name for field in found.fields] == list(NAMES)
    assert keys(found) == ([] if encoding == "utf-8" else ["finding.old_letters"])


def test_text_files_in_utf16_and_old_encodings_are_read(tmp_path: Path) -> None:
    wkt = made.wkt_truth().decode()
    for encoding in ("utf-16", "utf-8-sig"):
        found = read(tmp_path, wkt.encode(encoding))
        assert [field.name for field in found.fields] == list(NAMES)


# Coordinate systems and order


def test_a_missing_system_is_guessed_with_a_warning(tmp_path: Path) -> None:
    found = read(tmp_path, made.shapefile(tmp_path / "s", prj=b""))
    assert one(found, "finding.crs_assumed").severity is Severity.WARNING
    assert found.fields[0].area_m2 == pytest.approx(10_000, rel=1e-5)
    found = read(tmp_path, made.shapefile(tmp_path / "t", 32648, prj=b""))
    assert "UTM zone 48N" in one(found, "finding.crs_assumed").text("en")


def test_a_missing_system_that_cannot_be_guessed_is_refused_until_told(tmp_path: Path) -> None:
    data = made.shapefile(tmp_path / "s", 3857, prj=b"")
    with pytest.raises(BadInput, match=r"^ranh\.dat: .*--crs"):
        read(tmp_path, data)
    assert len(read(tmp_path, data, crs_epsg=3857).fields) == 3


@pytest.mark.parametrize("form", ["vn-2000", "degrees"])
def test_swapped_coordinates_are_put_right_with_a_warning(form: str, tmp_path: Path) -> None:
    truth = area() if form == "degrees" else made.frame(5899).geometry.iloc[0]
    swapped = Polygon([(y, x) for x, y in truth.exterior.coords])
    found = read(tmp_path, f"A;{swapped.wkt}")
    assert one(found, "finding.axes_swapped").where == "A"
    assert one(found, "finding.axes_swapped").severity is Severity.WARNING
    assert found.fields[0].boundary.hausdorff_distance(area()) < 1e-8


def test_only_the_swapped_feature_of_a_file_is_swapped(tmp_path: Path) -> None:
    swapped = Polygon([(y, x) for x, y in area().exterior.coords])
    found = read(tmp_path, geojson(feature(swapped, ten="A"), feature(area(300.0), ten="B")))
    assert [f.where for f in found.findings if f.key == "finding.axes_swapped"] == ["A"]
    first, second = found.fields
    assert distance_m(first.frame.origin, second.frame.origin) == pytest.approx(300, abs=0.1)


def test_the_geojson_crs_member_is_heeded(tmp_path: Path) -> None:
    square = made.frame(5899).geometry.iloc[0]
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::5899"}}
    found = read(tmp_path, geojson(feature(square, ten="A"), crs=crs))
    assert found.fields[0].boundary.hausdorff_distance(area()) < 1e-8
    assert found.findings == ()


def test_metres_in_geojson_without_a_crs_are_seen(tmp_path: Path) -> None:
    found = read(tmp_path, geojson(feature(made.frame(5899).geometry.iloc[0], ten="A")))
    assert found.fields[0].boundary.hausdorff_distance(area()) < 1e-8
    assert keys(found) == ["finding.crs_assumed"]


def test_wkt_with_srid_in_several_lines_and_with_heights_is_read(tmp_path: Path) -> None:
    x, y = made.frame(5899).geometry.iloc[0].exterior.xy
    corners = ",\n ".join(f"{e} {n} 12.5" for e, n in zip(x, y, strict=True))
    found = read(tmp_path, f"Ruộng Z;SRID=5899;POLYGON Z ((\n{corners}\n))\n\n")
    assert found.fields[0].name == "Ruộng Z"
    assert found.fields[0].boundary.hausdorff_distance(area()) < 1e-8
    assert keys(found) == ["finding.heights_dropped"]


def test_a_field_in_another_province_is_taken_with_a_warning(tmp_path: Path) -> None:
    hanoi = Polygon([(105.85, 21.03), (105.851, 21.03), (105.851, 21.031)])
    found = read(tmp_path, geojson(feature(hanoi, ten="A")))
    assert "69 km from Đông Triều" in one(found, "finding.far_away").text("en")
    assert one(found, "finding.far_away").severity is Severity.WARNING


def test_two_shapefiles_in_one_archive_in_two_systems_are_both_read(tmp_path: Path) -> None:
    first = made.shape_parts(tmp_path / "a", made.frame(5899, ("A", "B", "C")))
    second = made.shape_parts(tmp_path / "b", made.frame(32648, ("D", "E", "F")))
    members = {f"a/ranh{e}": d for e, d in first.items()} | {
        f"b/cay{e}": d for e, d in second.items()
    }
    found = read(tmp_path, made.packed(members, zipfile.ZIP_STORED))
    assert [field.name for field in found.fields] == list("ABCDEF")
    for one_field, other in zip(found.fields[:3], found.fields[3:], strict=True):
        assert one_field.boundary.hausdorff_distance(other.boundary) < 1e-8


def test_the_same_file_gives_the_same_values(tmp_path: Path) -> None:
    data = made.shapefile(tmp_path / "s")
    assert read(tmp_path, data) == read(tmp_path, data)
