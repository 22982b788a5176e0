"""Corner tables as people type them from land certificates."""

from __future__ import annotations

import numpy as np
import pytest

from agri.boundaries.certificate import read_certificate
from agri.boundaries.formats.table import find_table, read_number
from agri.boundaries.outlines import OutlineFile
from agri.errors import BadInput
from agri.findings import Severity

CORNERS = [(2_332_000.12, 371_000.55), (2_332_000.12, 371_080.55),
           (2_332_060.12, 371_080.55), (2_332_060.12, 371_000.55)]  # fmt: skip
SIDES = [80.0, 60.0, 80.0, 60.0]
TRUTH = [[east, north] for north, east in (*CORNERS, CORNERS[0])]


def read(text: str) -> OutlineFile:
    return read_certificate(text, file="so-do.csv")


def ring(found: OutlineFile, parcel: int = 0) -> list[list[float]]:
    corners: list[list[float]] = found.outlines[parcel].polygons[0][0].tolist()
    return corners


def number(value: float, style: str) -> str:
    whole = f"{value:,.2f}"
    swap = str.maketrans(",.", ".,")
    return {
        "1234.5": whole.replace(",", ""),
        "1234,5": whole.replace(",", "").replace(".", ","),
        "1,234.5": whole,
        "1.234,5": whole.translate(swap),
        "1 234,5": whole.replace(",", " ").replace(".", ","),
    }[style]


def table(header: str, style: str = "1234.5", separator: str = ";", sides: bool = False) -> str:
    lines = [header.replace(";", separator)]
    for place, (north, east) in enumerate(CORNERS):
        cells = [str(place + 1), number(north, style), number(east, style)]
        cells += [number(SIDES[place], style)] if sides else []
        quoted = [f'"{cell}"' if separator in cell else cell for cell in cells]
        lines.append(separator.join(quoted))
    return "\n".join(lines)


@pytest.mark.parametrize("style", ["1234.5", "1234,5", "1,234.5", "1.234,5", "1 234,5"])
@pytest.mark.parametrize("separator", [";", "\t", ",", "|"])
def test_every_way_to_write_numbers_and_part_columns_gives_the_same_corners(
    style: str, separator: str
) -> None:
    found = read(table("Số hiệu điểm;X (m);Y (m);Cạnh (m)", style, separator, sides=True))
    assert ring(found) == TRUTH
    assert found.findings == ()
    assert found.from_certificate
    assert found.crs == ""


@pytest.mark.parametrize(
    "header",
    [
        "Điểm;X;Y", "diem;x;y", "STT;X(m);Y(m)", "Số hiệu đỉnh thửa;Tọa độ X;Tọa độ Y",
        "so hieu;toa do x (m);toa do y (m)", "Point;Northing;Easting", "No;N;E",
        "Điểm;X (Bắc);Y (Đông)",
    ],
)  # fmt: skip
def test_headers_with_and_without_diacritics_are_known(header: str) -> None:
    assert ring(read(table(header))) == TRUTH


def test_a_header_of_two_rows_as_on_the_certificate_is_known() -> None:
    text = table("\n".join(["Số hiệu;Tọa độ;;Chiều dài", ";X(m);Y(m);"]), sides=True)
    text = text.replace("80.00", "95.00", 1)
    assert [finding.key for finding in read(text).findings] == ["finding.certificate_side"]


def test_titles_above_the_table_are_passed_over() -> None:
    text = "GIẤY CHỨNG NHẬN\nQuyền sử dụng đất;;\n\n" + table("Điểm;X;Y")
    assert ring(read(text)) == TRUTH


def test_a_table_without_header_is_known_by_its_numbers() -> None:
    lines = [f"{north};{east}" for north, east in CORNERS]
    assert ring(read("\n".join(lines))) == TRUTH
    assert (
        ring(read("\n".join(f"{i} {north} {east}" for i, (north, east) in enumerate(CORNERS))))
        == TRUTH
    )


def test_the_last_corner_may_repeat_the_first() -> None:
    text = table("Điểm;X;Y") + f"\n1;{CORNERS[0][0]};{CORNERS[0][1]}"
    assert ring(read(text)) == TRUTH


def test_columns_the_other_way_round_are_read_rightly_and_told() -> None:
    lines = ["Điểm;X;Y", *(f"{i};{east};{north}" for i, (north, east) in enumerate(CORNERS))]
    found = read("\n".join(lines))
    assert ring(found) == TRUTH
    assert [finding.key for finding in found.findings] == ["finding.certificate_columns"]


def test_one_swapped_row_is_put_right_with_a_warning() -> None:
    rows = [f"{north};{east}" for north, east in CORNERS]
    rows[2] = f"{CORNERS[2][1]};{CORNERS[2][0]}"
    found = read("\n".join(["X;Y", *rows]))
    assert ring(found) == TRUTH
    (finding,) = found.findings
    assert finding.key == "finding.certificate_rows"
    assert finding.severity is Severity.WARNING
    assert "(1)" in finding.text("en")


def test_a_side_that_does_not_fit_its_corners_is_told_with_both_lengths() -> None:
    text = table("Điểm;X;Y;Cạnh", sides=True).replace("80.00", "81.25", 1)
    (finding,) = read(text).findings
    assert finding.key == "finding.certificate_side"
    assert finding.severity is Severity.WARNING
    assert finding.where == "so-do.csv"
    assert "corner 1 to 2 is 81.25 m" in finding.text("en")
    assert "80,00 m" in finding.text("vi")


def test_a_difference_of_rounding_is_no_finding() -> None:
    text = table("Điểm;X;Y;Cạnh", sides=True).replace("80.00", "80.09")
    assert read(text).findings == ()


def test_a_mistyped_digit_shows_at_both_sides_of_its_corner() -> None:
    text = table("Điểm;X;Y;Cạnh", sides=True).replace("371080.55", "371088.55", 1)
    assert [finding.key for finding in read(text).findings] == ["finding.certificate_side"] * 2


def test_sides_beside_the_corner_they_end_at_or_on_rows_between_are_understood() -> None:
    rows = [f"{i + 1};{north};{east};{SIDES[i - 1]}" for i, (north, east) in enumerate(CORNERS)]
    assert read("\n".join(["Điểm;X;Y;Cạnh", *rows])).findings == ()
    between = [
        line for i, (north, east) in enumerate(CORNERS)
        for line in (f"{i + 1};{north};{east};", f";;;{SIDES[i]}")
    ]  # fmt: skip
    assert read("\n".join(["Điểm;X;Y;Cạnh", *between])).findings == ()
    between[3] = ";;;66.6"
    assert len(read("\n".join(["Điểm;X;Y;Cạnh", *between])).findings) == 1


def moved(by: float) -> list[tuple[float, float]]:
    return [(north + by, east) for north, east in CORNERS]


def test_a_column_names_the_parcels_and_blank_cells_mean_the_same_one() -> None:
    rows = [f"{'12' if i == 0 else ''};{i};{n};{e}" for i, (n, e) in enumerate(CORNERS)]
    rows += [f"Vườn na;{i};{n};{e}" for i, (n, e) in enumerate(moved(500.0))]
    found = read("\n".join(["Thửa;Điểm;X;Y", *rows]))
    assert [outline.name for outline in found.outlines] == ["Thửa 12", "Vườn na"]
    assert ring(found) == TRUTH
    assert np.allclose(np.array(ring(found, 1)) - TRUTH, [0.0, 500.0])


def test_blank_lines_part_parcels_and_a_line_of_words_names_the_next() -> None:
    first = [f"{n};{e}" for n, e in CORNERS]
    second = [f"{n};{e}" for n, e in moved(300.0)]
    found = read("\n".join(["X;Y", *first, "", "", "Thửa số 7", *second, "X;Y", *first, ""]))
    assert [outline.name for outline in found.outlines] == ["", "Thửa số 7", ""]
    assert [len(ring(found, place)) for place in range(3)] == [5, 5, 5]


def test_a_column_that_names_every_corner_differently_names_no_parcels() -> None:
    rows = [f"M{i};{n};{e}" for i, (n, e) in enumerate(CORNERS)]
    found = read("\n".join(["Tên;X;Y", *rows]))
    assert len(found.outlines) == 1


@pytest.mark.parametrize(
    "header", ["Kinh độ;Vĩ độ", "lon;lat", "Longitude;Latitude", "kinh do;vi do"]
)
def test_longitude_and_latitude_columns_are_wgs84(header: str) -> None:
    found = read(f"{header}\n106,512;21,081\n106,513;21,081\n106,513;21,082")
    assert found.crs == "EPSG:4326"
    assert not found.from_certificate
    assert ring(found)[0] == [106.512, 21.081]


def test_degrees_under_x_and_y_are_seen_to_be_degrees() -> None:
    found = read("X;Y\n106.512;21.081\n106.513;21.081\n106.513;21.082")
    assert not found.from_certificate
    assert ring(found)[0] == [106.512, 21.081]


@pytest.mark.parametrize("bad", ["abc", "", "23320x0", "2.332.00,1", "1e6", "nan", "--3"])
def test_a_row_that_is_no_pair_is_refused_by_its_line(bad: str) -> None:
    text = table("Điểm;X;Y").replace("2332060.12", bad, 1)
    with pytest.raises(BadInput, match=r"so-do\.csv: line 4: "):
        read(text)


def test_a_row_unlike_the_others_is_refused_by_its_line() -> None:
    text = table("Điểm;X;Y").replace("2332060.12", "233206.12", 1)
    with pytest.raises(BadInput, match=r"line 4: '233206\.120; 371080\.550'"):
        read(text)


def test_what_is_no_table_is_not_taken_for_one() -> None:
    assert find_table("tên;cây\nA;vải\nB;na") is None
    assert find_table("") is None
    assert find_table("một dòng chữ") is None
    with pytest.raises(BadInput, match="no columns X and Y"):
        read("một dòng chữ")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0,125", 0.125), ("0.125", 0.125), ("12,5", 12.5), ("1,234", 1234.0), ("-5", -5.0),
        ("1'234.5", 1234.5), ("371000.125", 371000.125), ("2.332.125", 2332125.0),
        ("1.23.456", None), ("1,2,3", None), ("", None), (".", None), ("5-", None),
        ("1" * 70, None), ("12.345,678.9", None),
    ],
)  # fmt: skip
def test_numbers_are_read_as_people_write_them(text: str, value: float | None) -> None:
    assert read_number(text) == value
