"""Pictures and pages: they show the flight, need no network and cannot be broken by a name."""

from __future__ import annotations

import re
import shutil
import subprocess
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
import shapely
from shapely.geometry import LineString
from shapely.geometry.base import BaseGeometry

from agri.field import Obstacle, ObstacleKind
from agri.findings import Finding
from agri.operations.compare import compare_flights, off_plan_p95_m
from agri.operations.layers import AROUND_M, plan_layers
from agri.operations.report import overlap_l, plan_facts, report_flight, report_plan
from agri.weather import Wind
from agri.words import LANGUAGES, Language, say
from missions.applied.deposit import deposit
from missions.spray.mission import plan_spray
from tests.flights import FRAME, small_plan, small_record, small_site
from tests.sites import DONG_TRIEU, Draft
from tests.sprays import SETTINGS

PLAN = small_plan()
WARNING = Finding.warning("finding.pad_suggested", place="21.08, 106.51")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_plans_page_says_whether_it_may_be_flown(language: Language) -> None:
    ready = report_plan(PLAN, [], language).html
    look = report_plan(PLAN, [WARNING], language).html
    stop = report_plan(PLAN, [Finding.error("finding.ring_closed")], language).html
    assert f'<html lang="{language}">' in ready
    assert say("page.state_ok", language) in ready
    assert say("page.state_look", language) in look
    assert say("page.state_stop", language) in stop
    assert 'class="state stop"' in stop


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_flights_page_says_when_only_a_simulator_flew(language: Language) -> None:
    for simulated in (True, False):
        record = small_record(PLAN)
        html = report_flight(PLAN, record, [], language, simulated=simulated).html
        assert (say("page.live_simulated", language) in html) is simulated


def test_a_page_loads_nothing_from_anywhere() -> None:
    html = report_flight(PLAN, small_record(PLAN), [], "vi").html
    outside = re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)
    assert "default-src 'none'" in html
    assert not re.search(r"(src|href)=", outside)
    assert "url(" not in outside


def test_a_name_from_a_strangers_file_stays_text() -> None:
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    plan = replace(small_plan(name=evil), site=small_site(name=evil, house=evil))
    html = report_plan(plan, [], "en").html
    assert "<script>alert" not in html
    assert "<img" not in html
    assert "\\u003c/script>" in html


def test_the_map_shows_field_pad_and_flight_large_and_leaves_far_obstacles_out() -> None:
    def stands(name: str, geometry: BaseGeometry, kind: ObstacleKind) -> Obstacle:
        return Obstacle(
            name=name, kind=kind, height_m=6, geometry=FRAME.geometry_to_lonlat(geometry)
        )

    far = (
        stands("Nhà xa", shapely.box(380, 380, 400, 400), ObstacleKind.HOUSE),
        stands("Đường dây", LineString([(-900, 30), (900, 30)]), ObstacleKind.POWER_LINE),
    )
    site = small_site()
    crowded = replace(PLAN, site=replace(site, obstacles=(*site.obstacles, *far)))
    plain = shapely.union_all([layer.geometry.envelope for layer in plan_layers(PLAN)])
    shown = plan_layers(crowded)
    names = {layer.label for layer in shown}
    assert "Nhà xa" not in names
    assert "Đường dây" in names
    drawn = shapely.union_all([layer.geometry.envelope for layer in shown])
    room = FRAME.geometry_to_local(plain).envelope.buffer(AROUND_M + 1.0, join_style="mitre")
    assert room.covers(FRAME.geometry_to_local(drawn))
    whole = next(layer for layer in shown if layer.key == "page.layer.field")
    assert whole.geometry.equals(site.field.boundary)


def test_litres_beyond_rate_times_area_are_told_as_overlap_and_are_sprayed_on_paper() -> None:
    site = Draft(DONG_TRIEU, 20.0).site(shapely.box(0, 0, 25, 18), (-8.0, -8.0))
    calm = replace(SETTINGS, wind=Wind(speed_m_s=0.0), edges=())
    plan = plan_spray(site, calm, name="Nhỏ")
    job = plan.spray
    assert job is not None
    needed_l = calm.rate_l_ha * job.estimate.area_m2 / 1e4
    assert overlap_l(job) == pytest.approx(job.estimate.litres - needed_l)
    assert overlap_l(job) > 0.02 * needed_l
    assert deposit(plan).litres == pytest.approx(job.estimate.litres, rel=0.03)
    percent = 100.0 * overlap_l(job) / needed_l
    assert f"({percent:.1f} %)" in dict(plan_facts(plan, "en"))["Of it overlap"]
    assert "Trong đó chồng mép" in dict(plan_facts(plan, "vi"))
    uneven = replace(job, passes=(replace(job.passes[0], rate_l_ha=99.0), *job.passes[1:]))
    assert overlap_l(uneven) == 0.0
    assert "Of it overlap" not in dict(plan_facts(replace(plan, spray=uneven), "en"))


def test_the_same_plan_gives_the_same_bytes() -> None:
    assert report_plan(PLAN, [WARNING], "vi") == report_plan(PLAN, [WARNING], "vi")


def test_a_picture_is_a_whole_png() -> None:
    png = report_flight(PLAN, small_record(PLAN), [], "vi").png
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert png.endswith(b"IEND" + zlib.crc32(b"IEND").to_bytes(4, "big"))


def test_how_far_a_flight_was_off_its_plan_is_measured() -> None:
    assert off_plan_p95_m(PLAN, small_record(PLAN, off_m=0.0)) < 0.01
    assert off_plan_p95_m(PLAN, small_record(PLAN, off_m=0.8)) == pytest.approx(0.8, abs=0.02)


def test_two_flights_of_a_plan_are_compared() -> None:
    first, second = small_record(PLAN, off_m=0.0), small_record(PLAN, off_m=0.5, outcome="aborted")
    result = compare_flights(PLAN, first, second)
    assert result.cross_track_p95_m == pytest.approx(0.5, abs=0.02)
    assert result.first_photos == result.second_photos == 33
    assert not result.same_outcome


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize("width", [390, 1200])
def test_the_map_is_drawn_in_a_browser_without_a_network(tmp_path: Path, width: int) -> None:
    page = tmp_path / "page.html"
    page.write_text(report_flight(PLAN, small_record(PLAN), [WARNING], "vi").html, "utf-8")
    assert CHROMIUM is not None
    result = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-quic", "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},900",
            "--virtual-time-budget=4000", "--dump-dom", page.as_uri(),
        ],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    drawn = result.stdout
    assert drawn.count("<path") >= 9, result.stderr[-500:]
    assert "leaflet-control-scale" in drawn
    assert "Ruộng rươi" in drawn
    assert FRAME.utm_epsg == 32648
