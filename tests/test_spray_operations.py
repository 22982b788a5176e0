"""Spraying from plan to harvest: flown on the simulator, mapped, called back, gone on with."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from shapely.geometry import Point, box

from agri.cli import main
from agri.errors import AgriError, BadInput
from agri.geo import LocalFrame
from agri.grid import Grid, areas_where
from agri.operations import spray
from agri.operations.fly import Flown, Pilot, fly_plan
from agri.operations.layers import plan_layers
from agri.operations.mission_files import load_plan
from agri.operations.rates import read_rates
from agri.operations.sorties import flight_named
from agri.operations.spray import SprayRequest, plan_job, settings_of
from agri.units import INDOCHINA_TIME
from agri.workspace import Workspace
from missions.applied.deposit import CELL_M, FloatArray, deposit
from missions.catalogue import sprayer
from missions.flight.launch import FlightProgress
from missions.flightplan import FlightPlan
from missions.link.link import Link
from missions.sprayer.job import Product
from tests.farms import rows
from tests.spray_farm import (
    FRAME,
    MIX,
    PADDY,
    PADDY_AT,
    make_farm,
    make_files,
    state,
    write_raster,
)

NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
WATER = Product(name="Nước", dose_per_ha=0.0)


@dataclass(frozen=True)
class Season:
    """A paddy planned, flown until it was called back, and flown again for the rest."""

    farm: Path
    first: Flown
    rest: Flown


class Caller:
    """A pilot who says yes, and calls the aircraft back in the middle of a swath."""

    def __init__(self, *, back_at: shapely.Geometry | None = None) -> None:
        self.link: Link | None = None
        self.back_at, self.called = back_at, False

    def on_link(self, link: Link) -> None:
        self.link = link

    def on_progress(self, progress: FlightProgress) -> None:
        """Call back once the pump runs over the place."""
        place, share = progress.telemetry.place, progress.telemetry.pump_share
        if self.back_at is None or self.called or place is None or not share > 0.1:
            return
        if self.back_at.contains(Point(*FRAME.metres(place))):
            self.called = True
            threading.Thread(target=self._call, daemon=True).start()

    def _call(self) -> None:
        with suppress(AgriError):
            assert self.link is not None
            self.link.return_home()

    @property
    def pilot(self) -> Pilot:
        return Pilot(
            may_set=lambda _: True,
            may_arm=lambda _: True,
            on_link=self.on_link,
            on_progress=self.on_progress,
        )


def fly(farm: Path, name: str, caller: Caller, *, speedup: float) -> Flown:
    plan, record = load_plan(name, farm)
    with Workspace.open(farm) as workspace:
        return fly_plan(workspace, plan, record, connect="sim", pilot=caller.pilot, language="vi",
                        now=NOW, speedup=speedup)  # fmt: skip


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_farm(tmp_path_factory.mktemp("farms"))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    make_files(folder)
    return folder


@pytest.fixture(scope="module")
def season(farm: Path) -> Season:
    words = ["plan", "spray", PADDY, "--rate", "20", *MIX, "--wind", "2", "--name", "Đình"]
    assert main([*words, "--farm", str(farm)]) == 0
    west, south, east, north = PADDY_AT
    middle = box(west + 20.0, south + 12.0, east - 20.0, north)
    caller = Caller(back_at=middle)
    first = fly(farm, "Đình", caller, speedup=10.0)
    assert caller.called
    assert main(["--lang", "vi", "resume", "--farm", str(farm)]) == 0
    with Workspace.open(farm) as workspace:
        (name,) = (p.name for p in workspace.plans() if p.name not in ("Đình",))
    return Season(farm, first, fly(farm, name, Caller(), speedup=60.0))


# ---- called back and gone on with


def test_a_flight_called_back_in_a_swath_stops_its_spray_there(season: Season) -> None:
    first = season.first
    assert first.applied is not None
    assert first.plan.spray is not None
    planned = first.plan.spray.estimate.litres
    assert 0.2 * planned < first.applied.applied.litres < 0.9 * planned
    assert first.applied.applied.missed_m2 > 300.0
    assert first.applied.applied.outside_l < 0.02 * planned


def test_what_was_known_at_the_launch_stays_with_the_flight(season: Season) -> None:
    with Workspace.open(season.farm) as workspace:
        for flown in (season.first, season.rest):
            launch = workspace.launch_of(flown.stored)
            assert launch is not None
            assert launch.findings == flown.findings
            assert flown.plan.spray is not None
            speed_m_s = flown.plan.spray.settings.speed_m_s
            told = dict(launch.parameters)
            assert told["SPRAY_ENABLE"] == 1.0
            assert told["WPNAV_SPEED"] == pytest.approx(100.0 * speed_m_s, abs=1.0)
            assert "FENCE_ENABLE" in told


def on_paper(plan: FlightPlan, lon: FloatArray, lat: FloatArray) -> FloatArray:
    """Times its rate that a plan puts on places: more than once where its passes cross."""
    assert plan.site is not None
    assert plan.spray is not None
    flown = deposit(plan)
    east, north = plan.site.field.frame.to_local(lon, lat)
    row = np.floor((north - flown.south_m) / CELL_M).astype(int)
    column = np.floor((east - flown.west_m) / CELL_M).astype(int)
    rows, columns = flown.litres_m2.shape
    known = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    litres = np.where(known, flown.litres_m2[row.clip(0, rows - 1), column.clip(0, columns - 1)], 0)
    return np.asarray(10_000.0 * litres / plan.spray.settings.rate_l_ha)


def test_what_was_left_and_what_was_done_are_the_plan_once(season: Season) -> None:
    """Both maps laid over each other: every place its rate, none twice, no litre lost."""
    first, rest = season.first, season.rest
    assert first.applied is not None
    assert rest.applied is not None
    assert first.plan.spray is not None
    job, maps = first.plan.spray, (first.applied.applied, rest.applied.applied)
    assert sum(one.litres for one in maps) == pytest.approx(job.estimate.litres, rel=0.05)
    ground = LocalFrame.around(job.treatable).geometry_to_local(job.treatable).buffer(-1.0)
    frame = LocalFrame.around(job.treatable)
    west, south, east, north = ground.bounds
    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(west, east), np.arange(south, north)))
    inside = shapely.contains_xy(ground, x, y)
    lon, lat = frame.to_lonlat(x[inside], y[inside])
    got = (
        sum(np.nan_to_num(one.grid.sample(lon, lat, nearest=True)) for one in maps)
        / job.settings.rate_l_ha
    )
    assert np.mean(got >= 0.5) > 0.995
    assert np.mean(got - on_paper(first.plan, lon, lat) > 0.7) < 0.01
    assert np.median(got) == pytest.approx(1.0, abs=0.05)


def test_the_rest_is_not_blamed_for_what_was_done_before(season: Season) -> None:
    """What the first flight sprayed is no ground missed, neither when planned nor when flown."""
    keys = {finding.key for finding in season.rest.findings}
    assert "finding.spray_missed" not in keys
    assert season.rest.applied is not None
    found = season.rest.applied.applied
    assert found.missed_m2 - found.late_m2 < 10.0
    assert found.late_m2 < 40.0
    assert "Đã phun đúng kế hoạch" in season.rest.applied.page.read_text("utf-8")


def test_the_rest_begins_where_the_spray_stopped_with_the_overlap_asked(season: Season) -> None:
    words = ["resume", season.first.stored.uid[:8], "--farm", str(season.farm)]
    litres = []
    for overlap in ("0m", "3m"):
        assert main(["--lang", "en", *words, "--overlap", overlap]) == 0
        with Workspace.open(season.farm) as workspace:
            newest = max(workspace.plans(), key=lambda p: p.created_utc)
        plan, _ = load_plan(newest.uid, season.farm)
        assert plan.spray is not None
        litres.append(plan.spray.estimate.litres)
    three_metres_l = 3.0 * 4.3 * 20.0 / 10_000.0
    assert litres[1] - litres[0] == pytest.approx(three_metres_l, rel=0.3)


def test_nothing_is_planned_when_nothing_is_left(
    season: Season, capsys: pytest.CaptureFixture[str]
) -> None:
    before = state(season.farm, sound=False)
    assert main(["--lang", "vi", "resume", "--farm", str(season.farm)]) == 0
    said = capsys.readouterr()
    assert "Không còn gì" in said.out
    assert len((said.out + said.err).strip().splitlines()) == 1
    assert state(season.farm) == before


def test_flights_that_cannot_be_gone_on_with_are_named(
    season: Season, capsys: pytest.CaptureFixture[str]
) -> None:
    survey = ["plan", "survey", PADDY, "--height", "40m", "--name", "Chụp", "--farm"]
    assert main([*survey, str(season.farm)]) == 0
    fly(season.farm, "Chụp", Caller(), speedup=100.0)
    before = state(season.farm, sound=False)
    capsys.readouterr()
    assert main(["--lang", "en", "resume", "Chụp", "--farm", str(season.farm)]) == 0
    assert "Nothing is left to photograph" in capsys.readouterr().out
    for words, part in (
        (("applied", "Chụp"), "no spray plan"),
        (("resume", "Hôm qua"), "no flight 'Hôm qua'; flown were: Chụp"),
        (("applied", "Hôm qua"), "no flight 'Hôm qua'; flown were: Chụp"),
    ):
        capsys.readouterr()
        assert main(["--lang", "en", *words, "--farm", str(season.farm)]) == 2
        said = capsys.readouterr()
        assert part in said.err
        assert len((said.out + said.err).strip().splitlines()) == 1
    assert state(season.farm) == before
    with Workspace.open(season.farm) as workspace:  # "" still means the newest that sprayed
        assert flight_named(workspace, "").uid == season.rest.stored.uid


# ---- the map of what fell where


def test_raster_layer_and_page_tell_the_same_figures(season: Season) -> None:
    shown = season.rest.applied
    assert shown is not None
    with rasterio.open(shown.raster) as raster:
        rate = raster.read(1, masked=True).filled(0.0)
        cell_m2 = abs(raster.transform.a * raster.transform.e)
        assert raster.crs.to_epsg() == 32648
    poured = float(rate.clip(min=0.0).sum()) * cell_m2 / 10_000.0
    query = (
        "SELECT litres, sprayed_m2, missed_m2, file, phi_end FROM applied WHERE flight_uid = '{}'"
    )
    ((litres, sprayed_m2, missed_m2, file, harvest),) = rows(
        season.farm / "farm.gpkg", query.format(season.rest.stored.uid)
    )
    found = shown.applied
    assert poured == pytest.approx(found.litres, rel=0.01)
    assert (litres, sprayed_m2, missed_m2) == pytest.approx(
        (found.litres, found.sprayed_m2, found.missed_m2)
    )
    assert season.farm / str(file) == shown.raster
    page = shown.page.read_text("utf-8")
    assert f"{found.litres:.1f}".replace(".", ",") in page
    day = datetime.fromisoformat(str(harvest))
    assert f"{day:%d/%m/%Y}" in page
    record = season.rest.record
    ended = record.started_utc + timedelta(seconds=record.duration_s)
    assert (day.date() - ended.astimezone(INDOCHINA_TIME).date()).days == 14


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_page_needs_no_network_and_the_picture_opens(season: Season, language: str) -> None:
    assert main(["--lang", language, "applied", "Đình", "--farm", str(season.farm)]) == 0
    word = {"vi": "da-phun", "en": "applied"}[language]
    stem = f"{Path(season.first.stored.folder).name}-{word}"
    page = (season.farm / "reports" / f"{stem}.html").read_text("utf-8")
    for outside in ('src="http', "<link", "url(http", "@import", "fetch("):
        assert outside not in page
    assert f'lang="{language}"' in page
    assert {"vi": "Bay thử", "en": "Simulator"}[language] in page
    picture = (season.farm / "reports" / f"{stem}.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 20_000


# ---- the planner's own floor


def test_a_job_of_which_one_sortie_fails_leaves_none_of_it(
    farm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of three sorties would look like a whole job."""
    whole, made = spray.fly_route, []

    def failing(*given: object, **more: object) -> object:
        made.append(more["sortie"])
        if more["sortie"] == 2:
            raise BadInput("error.no_fields")
        return whole(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(spray, "fly_route", failing)
    before = state(farm, sound=False)
    request = SprayRequest(
        fields=("Ruộng Lớn",), sprayer=sprayer(), product=WATER, rate_l_ha=20.0, name="Dở dang"
    )
    with Workspace.open(farm) as workspace, pytest.raises(BadInput):
        plan_job(workspace, request, language="vi", now=NOW)
    assert made == [1, 2]
    assert state(farm) == before


def test_progress_goes_from_nothing_to_all(farm: Path) -> None:
    told: list[tuple[float, float]] = []
    request = SprayRequest(
        fields=(PADDY,), sprayer=sprayer(), product=WATER, rate_l_ha=20.0, name="Tiến độ"
    )
    with Workspace.open(farm) as workspace:
        plan_job(workspace, request, language="vi", now=NOW,
                 update=lambda done, total: told.append((done, total)))  # fmt: skip
    shares = [done / total for done, total in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_pump_on_a_plain_servo_is_drawn_where_it_sprays(farm: Path) -> None:
    request = SprayRequest(
        fields=(PADDY,), sprayer=sprayer("servo"), product=WATER, rate_l_ha=20.0, name="Servo"
    )
    with Workspace.open(farm) as workspace:
        (sortie,) = plan_job(workspace, request, language="vi", now=NOW).sorties
    lines = {layer.key: layer.geometry for layer in plan_layers(sortie.plan)}
    assert sortie.plan.spray is not None
    drawn_m = FRAME.geometry_to_local(lines["page.layer.spray_lines"]).length
    assert drawn_m == pytest.approx(sortie.plan.spray.estimate.sprayed_m, rel=0.1)


@pytest.mark.parametrize("rate_l_ha", [6.0, 20.0, 60.0, 125.0, 400.0])
def test_speed_and_swath_that_are_not_told_fit_the_pump(rate_l_ha: float) -> None:
    for name in ("16L", "10L", "servo", "T40"):
        asked = SprayRequest(
            fields=("x",), sprayer=sprayer(name), product=WATER, rate_l_ha=max(rate_l_ha, 20.0)
        )
        found = settings_of(asked)
        flow_l_min = 0.006 * found.rate_l_ha * found.swath_m * found.speed_m_s
        assert asked.sprayer.min_flow_l_min - 1e-6 <= flow_l_min
        assert flow_l_min <= asked.sprayer.max_flow_l_min + 1e-6


def test_rates_from_areas_and_from_a_grid_are_the_same(files: Path) -> None:
    places = [FRAME.place(east, north) for east, north in ((5.0, 5.0), (25.0, 20.0), (50.0, 10.0))]
    for name in ("rates.geojson", "rates.tif"):
        rate_map, _ = read_rates(files / name)
        assert rate_map.name == name
        assert [rate_map.rate_at(p.lon_deg, p.lat_deg) for p in places] == [15.0, 15.0, 25.0]


# ---- the ground of pixels


def test_the_ground_of_pixels_is_theirs_and_no_others(tmp_path: Path) -> None:
    chosen = np.random.default_rng(7).random((13, 17)) < 0.4
    chosen[4:9, 4:9] = True
    chosen[6, 6] = False
    write_raster(tmp_path / "x.tif", lambda x, _: x, within=(0.0, 0.0, 34.0, 26.0))
    with rasterio.open(tmp_path / "x.tif") as raster:
        grid = Grid(values=raster.read(1).astype(float), affine=tuple(raster.transform)[:6],
                    epsg=32648)  # fmt: skip
    found = areas_where(grid, chosen)
    assert found.is_valid
    row, column = np.indices(chosen.shape)
    lon, lat = grid.lonlat(column.ravel() + 0.5, row.ravel() + 0.5)
    assert shapely.contains_xy(found, lon, lat).tolist() == chosen.ravel().tolist()
    area_m2 = FRAME.geometry_to_local(found).area
    assert area_m2 == pytest.approx(4.0 * chosen.sum(), rel=2e-3)


def test_no_pixels_have_no_ground() -> None:
    grid = Grid(values=np.zeros((2, 3)), affine=(1.0, 0.0, 106.0, 0.0, -1.0, 22.0), epsg=4326)
    assert areas_where(grid, np.zeros((2, 3), dtype=bool)).is_empty
    everything = areas_where(grid, np.ones((2, 3), dtype=bool))
    assert len(everything.geoms) == 1
    assert everything.bounds == (106.0, 20.0, 109.0, 22.0)
