"""The table of fields shows what is wanted of it; fields are compared on one scale."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest
from PIL import Image
from shapely.geometry import MultiPolygon

from agri.field import Field
from agri.people import Review, Role, Verdict
from agri.units import SAO_M2
from agri.workspace import Workspace
from tests import farms
from tests import mapped_farm as mapped
from tests.web_farm import Browser, Served

EAST = Field(name="Đông", boundary=MultiPolygon([mapped.box(42, 50, 74, 6)]), crop="na")
WEST = Field(name="Tây", boundary=MultiPolygon([mapped.box(6, 50, 38, 6)]), crop="vải")
FAR = Field(name="Xa", boundary=MultiPolygon([farms.box(0.02)]), crop="lúa")


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("table") / "farm"
    with Workspace.create(folder, farm_name="Trại") as made:
        made.add_fields([EAST, WEST, FAR])
        for number in (0, 3):
            mapped.listed(made, f"n-{number}", mapped.ndvi(number), "NDVI", mapped.DAYS[number])
        east, west, _ = made.fields()
        waits = made.save_plan(farms.plan("Bay Đông", field_uid=east.uid), "{}")
        back = made.save_plan(farms.plan("Bay Tây", field_uid=west.uid), '{"a": 1}')
        made.people.review(
            Review(plan_uid=back.uid, plan_digest=back.digest, verdict=Verdict.SENT_BACK,
                   remark="gió", by="Lan", at_utc=farms.START)
        )  # fmt: skip
        assert waits.uid != back.uid
        made.save_flight(farms.flight(outcome="landed"), mission_uid=waits.uid)
        yield made


@pytest.fixture(scope="module")
def viewer(farm: Workspace) -> Browser:
    return Served(farm).signed_in(Role.VIEWER)


def names(viewer: Browser, query: str) -> list[str]:
    text = viewer.get(f"/table?{query}").text
    return re.findall(r'<th scope="row"><a href="/fields/[^"]+">([^<]+)</a>', text)


def test_each_filter_keeps_the_fields_it_asks_for(viewer: Browser) -> None:
    sao = EAST.area_m2 / SAO_M2
    assert names(viewer, "") == ["Đông", "Tây", "Xa"]
    assert names(viewer, "crop=v%E1%BA%A3i") == ["Tây"]
    assert names(viewer, f"least={sao + 1:.1f}") == ["Xa"]
    assert names(viewer, f"most={sao + 1:.1f}".replace(".", ",")) == ["Đông", "Tây"]
    assert names(viewer, "flown=7") == ["Tây", "Xa"]
    assert names(viewer, "mapped=365") == ["Xa"]
    assert names(viewer, "mapped=90") == ["Đông", "Tây", "Xa"]
    assert names(viewer, "waiting=1") == ["Đông"]
    assert names(viewer, "amiss=1") == ["Tây"]
    assert names(viewer, "crop=vải&waiting=1") == []
    wrong = viewer.get("/table?least=nhi%E1%BB%81u")
    assert wrong.status_code == 400
    assert "nhiều" in wrong.text


def test_a_row_tells_dates_what_waits_and_what_is_amiss(viewer: Browser) -> None:
    text = viewer.get("/table").text
    east = text[text.index(">Đông<") : text.index(">Tây<")]
    assert "12/05/2026" in east
    assert f"{farms.START:%d/%m/%Y}" in east
    assert "Bay Đông" in east
    west = text[text.index(">Tây<") : text.index(">Xa<")]
    assert "bị trả lại" in west
    assert "3 trong 3 thửa" in text


def test_fields_are_compared_by_their_newest_map_on_one_scale(
    viewer: Browser, farm: Workspace
) -> None:
    east, west, far = farm.fields()
    query = "&".join(f"field={one.uid}" for one in (east, west, far))
    text = viewer.get(f"/compare?index=NDVI&{query}").text
    means = [float(one.replace(",", ".")) for one in re.findall(r"bình <b>([\d,]+)</b>", text)]
    inner = mapped.ndvi(3)[0] / 10_000.0
    pixels = [inner[30:250, 210:370], inner[30:250, 30:190]]
    assert means == pytest.approx([float(one.mean()) for one in pixels], abs=6e-4)
    assert text.count("12/05/2026") >= 2
    assert "Chưa có bản đồ NDVI nào của Xa" in text
    ticks = re.findall(r'y="110"[^>]*>([^<]+)</text>', text)
    assert len(ticks) == 10
    assert ticks[:5] == ticks[5:]
    pictures = re.findall(r'src="(/fields/[^"]+\.webp\?of=\d+)"', text)
    shown = [
        np.array(Image.open(io.BytesIO(viewer.get(path).content)).convert("RGBA"))
        for path in pictures
    ]
    greener = [one[one[..., 3] > 0].mean(axis=0)[0] for one in shown]
    assert greener[0] < greener[1]
    assert viewer.get(f"/fields/{far.uid}/pictures/n-3.1.webp").status_code == 404
    assert viewer.get("/compare?index=KHONG").status_code == 404
    assert mapped.DAYS[3] - mapped.DAYS[0] == timedelta(days=90)
