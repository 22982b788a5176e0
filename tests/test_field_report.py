"""The report of a field tells on paper what the farm knows, and says what it does not."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import rasterio
from shapely.geometry import MultiPolygon

from agri.cli import main
from agri.errors import BadInput
from agri.field import Field
from agri.operations.field_report import FieldReport, field_report, keep_remark
from agri.operations.field_report_page import (
    keep_field_report,
    render_report,
    report_pdf,
    report_values,
)
from agri.operations.fieldmap.stress import Spot
from agri.people import Role
from agri.workspace import Workspace
from imagery import catalogue
from imagery.raster import open_ortho
from tests import farms
from tests.ortho_files import write_ortho
from tests.web_farm import Served

SIDE_M, WEAK = 80.0, 0.3
"""The raster lies where `write_ortho` puts it; its south-west corner is poor."""


def ground() -> MultiPolygon:
    """80 m by 60 m of the raster."""
    from shapely.geometry import box

    from agri.geo import transformer

    corners = np.array(box(656_000, 2_332_000 - SIDE_M, 656_080, 2_332_000 - 20).exterior.coords)
    lon, lat = transformer(32648, 4326).transform(*corners.T)
    from shapely.geometry import Polygon

    return MultiPolygon([Polygon(zip(lon, lat, strict=True))])


def listed_index(farm: Workspace, name: str, days: int, weak: float) -> None:
    values = np.full((1, 160, 160), 7000, np.int16)
    values[:, 120:, :40] = round(weak * 10_000)
    (farm.folder / "maps").mkdir(exist_ok=True)
    path = farm.folder / "maps" / f"{name}.tif"
    transform = rasterio.Affine(0.5, 0, 656_000, 0, -0.5, 2_332_000)
    write_ortho(path, values, ("NDVI",), nodata=-32768, transform=transform, blockxsize=256,
                blockysize=256)  # fmt: skip
    with rasterio.open(path, "r+") as target:
        target.scales = (0.0001,)
    start = farms.START - timedelta(days=days)
    catalogue.add(farm.folder, catalogue.ortho_product(
        farm.folder, open_ortho(path), name=name, kind="index", start=start))  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("report") / "farm"
    with Workspace.create(folder, farm_name="Trại") as farm:
        farm.add_fields([Field(name="Vườn <b>", boundary=ground(), crop="Vải PH40")])
        (field,) = farm.fields()
        listed_index(farm, "ndvi-1", 30, 0.7)
        listed_index(farm, "ndvi-2", 2, WEAK)
        plan = farm.save_plan(farms.plan(kind="spray", field_uid=field.uid), "{}")
        flight = farm.save_flight(farms.flight(plan_digest=plan.digest), mission_uid=plan.uid)
        farm.save_applied(flight, farms.applied(flight.uid, area=field.boundary))
        yield Served(farm)


@pytest.fixture(scope="module")
def report(served: Served) -> FieldReport:
    (field,) = served.farm.fields()
    keep_remark(served.farm, field, "Góc <i>này</i> yếu", by="Chị Mai", now=farms.START)
    return field_report(served.farm, field, now=farms.START, language="vi")


def test_figures_within_the_border_and_weak_plots_are_those_of_the_raster(
    report: FieldReport,
) -> None:
    newest, oldest = report.figures
    share = 20.0 * 20.0 / (80.0 * 60.0)
    assert newest[1].mean == pytest.approx(0.7 - (0.7 - WEAK) * share, abs=2e-3)
    assert oldest[1].mean == pytest.approx(0.7, abs=1e-3)
    assert newest[0].start > oldest[0].start
    assert 1 <= len(report.plots) <= 3
    weakest = report.plots[0]
    assert weakest.mean < 0.6
    west, south, east, north = report.field.boundary.bounds
    assert weakest.middle.lon_deg < west + (east - west) / 2
    assert weakest.middle.lat_deg < south + (north - south) / 2
    assert [one.product for one, _ in report.applied] == ["Thuốc thử 250 SC"]
    assert report.week is not None
    assert len(report.maps) == 2
    assert all(one.png.startswith(b"\x89PNG") for one in report.maps)


def test_the_sheet_is_one_file_that_loads_nothing_and_escapes_what_people_wrote(
    report: FieldReport,
) -> None:
    for language in ("vi", "en"):
        html = render_report(report, language)  # type: ignore[arg-type]
        assert "Góc &lt;i&gt;này&lt;/i&gt; yếu" in html
        assert "<i>này" not in html
        assert "Vườn &lt;b&gt;" in html
        assert not re.search(r"<script|url\(|\b(src|href)=\"(?!data:)", html)
        assert not re.search(r"(?<![\w.])(cli|finding|error|page)\.[a-z_]+\b(?!\()", html)
        for part in ("@page", "break-inside: avoid", 'class="signed"', "Chị Mai"):
            assert part in html, part


def test_places_that_changed_stand_in_it_with_what_to_look_at(report: FieldReport) -> None:
    spot = Spot(key="k", day=farms.START.date(), trees="01-02", measure="NDVI", change=-0.2,
                area_m2=12.0, confidence=0.8, outline=report.field.boundary, anomaly=None,
                may_be="sâu <đục>", look_at="mặt dưới lá")  # fmt: skip
    html = render_report(replace(report, spots=(spot,)), "vi")
    assert "sâu &lt;đục&gt;" in html
    assert "mặt dưới lá" in html
    assert "sâu &lt;đục&gt;" not in render_report(report, "vi")


def test_what_cannot_be_had_is_told_and_the_rest_is_reported(
    served: Served, report: FieldReport
) -> None:
    field = replace(report.field, crop="tre")
    path = served.farm.folder / "maps" / "ndvi-2.tif"
    whole = path.read_bytes()
    try:
        path.write_bytes(whole[:100])
        found = field_report(served.farm, field, now=farms.START, language="vi")
    finally:
        path.write_bytes(whole)
    assert found.week is None
    assert len(found.missing) == 2
    assert [product.name for product, _ in found.figures] == ["ndvi-1"]
    values = report_values(found, "vi")
    assert values["week"] is None
    assert len(values["missing"]) == 2


def test_the_page_shows_it_and_an_agent_alone_remarks_on_it(
    served: Served, report: FieldReport
) -> None:
    agent, viewer = served.signed_in(Role.AGENT), served.signed_in(Role.VIEWER)
    path = f"/fields/{report.field.uid}/report"
    form = {"remark": "Thoát nước <u>gấp</u>"}
    assert viewer.post(path, form).status_code == 403
    assert agent.post(path, {"remark": "  "}).status_code == 400
    assert agent.post(path, form).status_code == 303
    page = agent.get(path)
    assert page.status_code == 200
    assert "Thoát nước &lt;u&gt;gấp&lt;/u&gt;" in page.text
    assert "Người agent" in page.text
    assert not re.search(r"<style|\sstyle=|<script(?![^>]*\bsrc=)", page.text)
    assert page.text.count("data:image/png") == 2


def test_pdf_is_made_where_its_library_is_and_one_sentence_where_not(
    served: Served, report: FieldReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = replace(report, maps=report.maps[:1])
    pytest.importorskip("weasyprint")
    (page, pdf) = keep_field_report(served.farm, small, "vi", pdf=True)
    data = pdf.read_bytes()
    assert data.startswith(b"%PDF-")
    assert page.suffix == ".html"
    assert len(data) > 10_000
    page.unlink()
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(BadInput) as refusal:
        keep_field_report(served.farm, small, "vi", pdf=True)
    assert refusal.value.message.key == "error.pdf_missing"
    assert str(page) in refusal.value.text("vi")
    assert page.is_file()  # what the sentence says to print is there


def test_without_pango_the_sentence_names_it_and_not_the_library(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(name: str) -> None:
        raise OSError(f"cannot load libpango for {name}")

    monkeypatch.setattr("imagery.extras.import_module", refused)
    with pytest.raises(BadInput) as refusal:
        report_pdf("<p>", page="report.html")
    assert "Pango" in refusal.value.text("en")


def test_who_has_the_app_is_told_how_to_print_where_no_pdf_is_made(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = served.signed_in(Role.AGENT)
    address = f"/fields/{served.farm.fields()[0].uid}/report"
    monkeypatch.setattr("agri.operations.field_report_page.find_spec", lambda _: object())
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    assert f'href="{address}.pdf"' in agent.get(address).text
    told = agent.get(f"{address}.pdf").text
    assert "Lưu thành PDF" in told
    assert "pip install" not in told
    assert f"{served.farm.folder}" not in told
    monkeypatch.setattr("agri.operations.field_report_page.find_spec", lambda _: None)
    shown = agent.get(address).text
    assert f'href="{address}.pdf"' not in shown
    assert "lưu thành PDF" in shown


@pytest.mark.slow
def test_the_report_is_written_at_the_terminal(
    served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    farm = shutil.copytree(served.farm.folder, tmp_path / "farm")
    assert main(["report", "Vườn <b>", "--remark", "Ổn", "--by", "Mai", "--farm", str(farm)]) == 0
    (page,) = (farm / "reports").glob("*.html")
    assert "Ổn" in page.read_text("utf-8")
    assert page.name in capsys.readouterr().out.replace("\n", "")
