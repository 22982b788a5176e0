"""A hill field from its height file to the flight and after: the plan carries its own ground."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Point, box

from agri.errors import BadInput, Refused
from agri.field import Field, Obstacle, ObstacleKind, Pad
from agri.findings import Severity, blocks
from agri.grid import FloatArray, Grid
from agri.operations.heights import Ground
from agri.operations.mission_files import check_named, export_named
from agri.operations.sorties import resume_flight, share_job
from agri.operations.spray import PlannedJob, SprayRequest, plan_job
from agri.track import FlightRecord, Track
from agri.weather import Wind
from agri.workspace import Workspace
from imagery.raster import write_grid
from missions.carried_ground import CarriedGrid
from missions.catalogue import sprayer
from missions.checks.path import path_of
from missions.checks.plan import check_plan
from missions.flightplan import FlightPlan, Site
from missions.formats import read_mission_file
from missions.formats.document import read_document, write_document
from missions.items import Command, Frame
from missions.passes.climbs import ascent_m
from missions.preflight.vehicle import needed_parameters, return_height_m
from missions.spray.mission import plan_spray
from missions.sprayer.job import Product, SpraySettings
from missions.terrain.carrying import own_heights
from missions.terrain.heights import Flat, Heights
from missions.terrain.model import HeightModel
from missions.terrain.relief import Relief, joined
from tests.reliefs import LOCAL, Shape, grid_of, hills, plane, trees

NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
FIELD = box(-60.0, -40.0, 60.0, 40.0)
LONG_FIELD = box(-110.0, -35.0, 110.0, 35.0)
PAD = (-70.0, -48.0)
WATER = Product(name="nước", dose_per_ha=0.0)


def hill(east: FloatArray, north: FloatArray) -> FloatArray:
    """A slope of 12 % with a knoll of 5 m in the middle of the field."""
    knoll = 5.0 * np.exp(-(east**2 + north**2) / 800.0)
    return 30.0 + 0.12 * east + knoll


def request(ground: Ground, **changes: Any) -> SprayRequest:
    asked: dict[str, Any] = {
        "fields": ("Đồi",), "sprayer": sprayer("16 L"), "product": WATER, "rate_l_ha": 20.0,
        "speed_m_s": 4.0, "ground": ground, "pad": LOCAL.place(*PAD),
    }  # fmt: skip
    return SprayRequest(**{**asked, **changes})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A farm with one field on a hill, and the height file beside it."""
    root = tmp_path_factory.mktemp("hill")
    write_grid(root / "hill.tif", grid_of(hill, half_m=180.0))
    with Workspace.create(root / "farm", farm_name="Trại đồi") as farm:
        for name, shape in (("Đồi", FIELD), ("Dài", LONG_FIELD)):
            ground = MultiPolygon([LOCAL.geometry_to_lonlat(shape)])
            farm.add_fields([Field(name=name, boundary=ground)])
        farm.add_pads([Pad(name="Sân", place=LOCAL.place(*PAD))])
        for name in ("Đồi", "Dài"):
            asked = request(Ground(dem=root / "hill.tif"), fields=(name,), name=name)
            plan_job(farm, asked, language="vi", now=NOW)
    (root / "hill.tif").unlink()
    return root / "farm"


@pytest.fixture
def farm(folder: Path) -> Iterator[Workspace]:
    with Workspace.open(folder) as opened:
        yield opened


def stored(farm: Workspace) -> FlightPlan:
    record = next(one for one in farm.plans() if one.name.startswith("Đồi"))
    return read_document(farm.plan(record.uid)[1])


def keys(found: Any, least: Severity = Severity.WARNING) -> set[str]:
    return {finding.key for finding in found if finding.severity >= least}


def sprayed_heights(plan: FlightPlan) -> FloatArray:
    """Heights over the true hill, every metre or so of every leg with the sprayer on."""
    path = path_of(plan)
    home = float(hill(*np.array([PAD]).T)[0])
    found = []
    for leg, line, (low, high) in zip(path.legs, path.lines, path.heights_m, strict=True):
        if leg.spray_on:
            share = np.linspace(0.0, 1.0, max(2, math.ceil(line.length)))
            xy = np.array([line.interpolate(s, normalized=True).coords[0] for s in share])
            east, north = LOCAL.to_local(*path.frame.to_lonlat(*xy.T))
            found.append(low + share * (high - low) + home - hill(east, north))
    return np.concatenate(found)


def model(ground: Shape, surface: Shape | None = None, **changes: Any) -> HeightModel:
    """Heights over a ground of known shape, in the metres of the field."""
    site = site_with()
    frame = site.field.frame
    tops = None if surface is None else joined(frame, grid_of(surface, name="dsm.tif"), "max")
    canopy = changes.pop("canopy", None)
    plain: dict[str, Any] = {"height_m": 2.5, "speed_m_s": 4.0, "swath_m": 4.25}
    return HeightModel(
        relief=Relief(
            local=frame,
            ground=joined(frame, grid_of(ground, name="dem.tif"), "mean"),
            surface=tops,
            canopy=canopy,
        ),
        home=frame.metres(site.pad.place),
        **{**plain, **changes},
    )


def site_with(*obstacles: Obstacle) -> Site:
    return Site(
        field=Field(name="Đồi", boundary=MultiPolygon([LOCAL.geometry_to_lonlat(FIELD)])),
        pad=Pad(name="Sân", place=LOCAL.place(*PAD)),
        obstacles=obstacles,
    )


def planned(heights: Heights, *obstacles: Obstacle, **changes: Any) -> FlightPlan:
    asked = SpraySettings(
        sprayer=sprayer("16 L"), product=WATER, rate_l_ha=20.0, height_m=2.5, speed_m_s=4.0,
        swath_m=4.25, wind=Wind(speed_m_s=1.0), crop_height_m=changes.pop("crop_height_m", 0.0),
    )  # fmt: skip
    return plan_spray(site_with(*obstacles), asked, name="Đồi", heights=heights, **changes)


# ---- stored, read back, judged again


def test_a_stored_hill_plan_is_judged_by_its_own_ground_and_found_well(folder: Path) -> None:
    with Workspace.open(folder) as farm:
        plan = stored(farm)
    assert plan.spray is not None
    assert plan.spray.ground is not None
    assert "hill" in plan.spray.ground.source
    found = check_named(plan.name, folder).findings
    assert not blocks(found), [f.text("en") for f in found if f.severity is Severity.ERROR]
    assert keys(found, Severity.INFO) >= {"finding.terrain_as_planned", "finding.checked_terrain"}
    told = next(f for f in found if f.key == "finding.terrain_as_planned")
    assert "hill" in told.text("vi")


def test_without_its_ground_the_same_plan_would_be_refused(farm: Workspace) -> None:
    plan = stored(farm)
    assert plan.spray is not None
    bare = replace(plan, spray=replace(plan.spray, ground=None))
    assert "finding.spray_height" in keys(check_plan(bare), Severity.ERROR)


def test_the_file_and_the_plans_own_copy_judge_alike() -> None:
    heights = model(hill)
    plan = planned(heights)
    over_file = check_plan(plan, heights=heights)
    over_copy = check_plan(read_document(write_document(plan)))
    assert keys(over_file) == keys(over_copy)
    (first,) = [dict(f.message.values) for f in over_file if f.key == "finding.checked_terrain"]
    (again,) = [dict(f.message.values) for f in over_copy if f.key == "finding.checked_terrain"]
    assert first["least_m"] == pytest.approx(again["least_m"], abs=0.02)
    assert first["most_m"] == pytest.approx(again["most_m"], abs=0.02)


def test_the_spraying_keeps_its_height_over_the_true_hill(farm: Workspace) -> None:
    over = sprayed_heights(stored(farm))
    assert len(over) > 1000
    assert 2.5 - 0.6 < over.min() <= over.max() < 2.5 + 0.6


def test_one_item_moved_is_caught_over_the_plans_own_ground(farm: Workspace) -> None:
    plan = stored(farm)
    sunk = [i for i, item in enumerate(plan.items) if item.command == Command.NAV_WAYPOINT][6]
    items = list(plan.items)
    items[sunk] = replace(items[sunk], z=items[sunk].z - 1.9)
    assert "finding.terrain_too_low" in keys(
        check_plan(replace(plan, items=tuple(items))), Severity.ERROR
    )


def test_a_hill_plan_exports_and_reads_back_as_the_same_flight(
    folder: Path, tmp_path: Path
) -> None:
    with Workspace.open(folder) as farm:
        plan = stored(farm)
    (written,) = export_named(plan.name, "plan", folder_or_file=tmp_path, farm=folder)
    again = read_mission_file(written.read_bytes(), name=plan.name, suffix=".plan")
    assert again.digest == plan.digest
    own = export_named(plan.name, "agri", folder_or_file=tmp_path, farm=folder)[0]
    assert read_document(own.read_bytes()) == plan


def test_a_ground_that_was_tampered_with_is_refused(farm: Workspace) -> None:
    plan = stored(farm)
    document = json.loads(write_document(plan))
    carried_ground = document["plan"]["spray"]["ground"]
    for name, value in (("return_m", 3.0), ("height_m", 1.0), ("source", "other.tif")):
        changed = {**carried_ground, name: value}
        text = json.dumps({**document, "plan": {**document["plan"], "spray": {
            **document["plan"]["spray"], "ground": changed}}})  # fmt: skip
        with pytest.raises(BadInput) as caught:
            read_document(text)
        assert caught.value.message.key == "error.file_changed"


def test_a_field_below_its_pad_is_flown_lower_than_the_pad() -> None:
    valley = planned(model(plane(-0.1, 0.0)))
    found = check_plan(valley)
    assert min(i.z for i in valley.items if i.command == Command.NAV_WAYPOINT) < -5.0
    assert "finding.too_low" not in keys(found)
    assert "finding.checked_terrain" in keys(found, Severity.INFO)
    bare = replace(valley, spray=replace(valley.spray, ground=None))  # type: ignore[type-var]
    assert "finding.too_low" in keys(check_plan(bare))


# ---- home


def test_the_return_height_clears_the_hill_and_preflight_asks_for_it(farm: Workspace) -> None:
    plan = stored(farm)
    home = float(hill(*np.array([PAD]).T)[0])
    east, north = np.meshgrid(np.linspace(-56, 56, 57), np.linspace(-36, 36, 37))
    least_m = float((hill(east, north) - home).max()) + 10.0
    asked = return_height_m(plan)
    assert least_m - 0.1 <= asked <= least_m + 2.0
    (rtl,) = [need for need in needed_parameters(plan) if need.name == "RTL_ALT"]
    assert rtl.fits(math.ceil(asked * 100.0))
    assert not rtl.fits(1500.0), "ArduCopter's own 15 m do not clear this hill"
    (told,) = [f for f in check_plan(plan) if f.key == "finding.set_rtl_height"]
    assert dict(told.message.values)["height_m"] == math.ceil(asked)
    assert "finding.terrain_return_low" not in keys(check_plan(plan))


def test_the_way_home_climbs_first_and_rally_points_lie_as_high(farm: Workspace) -> None:
    plan = stored(farm)
    start = next(i for i, item in enumerate(plan.items) if item.command == Command.DO_LAND_START)
    home = [i for i in plan.items[start:] if i.command == Command.NAV_WAYPOINT]
    assert (home[0].x, home[0].y) == (0, 0), "on the spot"
    assert {i.z for i in home} == {plan.spray.ground.return_m}  # type: ignore[union-attr]
    assert all(p.altitude_m >= home[0].z for p in plan.rally_points)


def test_what_stands_on_the_hill_lifts_the_way_home() -> None:
    mast = Obstacle(
        kind=ObstacleKind.OTHER, geometry=LOCAL.geometry_to_lonlat(Point(-20.0, -46.0)),
        height_m=20.0, name="Cột",
    )  # fmt: skip
    bare, with_mast = planned(model(hill)), planned(model(hill), mast)
    foot = float(hill(np.array([-20.0]), np.array([-46.0]))[0] - hill(*np.array([PAD]).T)[0])
    assert return_height_m(with_mast) == pytest.approx(foot + 30.0, abs=0.2)
    assert return_height_m(with_mast) > return_height_m(bare)
    assert not [key for key in keys(check_plan(with_mast)) if key.startswith("finding.terrain")]


def test_a_way_home_above_the_ceiling_is_refused() -> None:
    steep = plane(0.3, 0.0)
    for permitted_m, key in ((45.0, "error.terrain_ceiling"), (90.0, "error.terrain_ceiling_home")):
        with pytest.raises(Refused) as caught:
            planned(model(steep, ceiling_m=permitted_m), ceiling_m=45.0)
        assert caught.value.message.key == key
    assert planned(model(plane(0.1, 0.0)), ceiling_m=45.0).items


# ---- what climbing takes


def test_a_hill_takes_the_energy_of_every_metre_climbed() -> None:
    heights = model(plane(0.12, 0.0))
    flat, steep = planned(model(plane(0.0, 0.0))), planned(heights)
    assert flat.spray is not None
    assert steep.spray is not None
    risen_m = ascent_m(steep.items) - ascent_m(flat.items)
    assert risen_m > 50.0
    hexa = sprayer("16 L")
    mass_kg = hexa.aircraft.mass_kg + hexa.dead_l + steep.spray.estimate.litres
    hover_w = hexa.aircraft.hover_power_w * (mass_kg / hexa.aircraft.mass_kg) ** 1.5
    more_wh = steep.spray.estimate.energy_wh - flat.spray.estimate.energy_wh
    more_s = steep.spray.estimate.time_s - flat.spray.estimate.time_s
    assert 0.0 < more_s < 60.0
    assert mass_kg * 9.81 * risen_m / 3600.0 < more_wh - hover_w * more_s / 3600.0
    assert more_wh < (mass_kg * 9.81 * risen_m / 0.4 + hover_w * more_s) / 3600.0


def test_a_level_ground_takes_only_the_way_home_more_than_no_ground_at_all() -> None:
    bare, told = planned(Flat(height_m=2.5)), planned(model(plane(0.0, 0.0)))
    assert bare.spray is not None
    assert told.spray is not None
    home_m = return_height_m(told) - 5.0
    assert ascent_m(told.items) == pytest.approx(told.spray.ground.return_m, abs=0.01)  # type: ignore[union-attr]
    more_s = told.spray.estimate.time_s - bare.spray.estimate.time_s
    assert 0.0 < more_s < 4.0 * home_m


def test_every_sortie_over_a_hill_fits_its_pack(farm: Workspace) -> None:
    pack = sprayer("16 L").aircraft
    for record in farm.plans():
        job = read_document(farm.plan(record.uid)[1]).spray
        assert job is not None
        assert job.estimate.energy_wh <= pack.battery_wh * (1.0 - pack.reserve) + 1e-6


# ---- gone on with


def flown_until(plan: FlightPlan, share: float) -> FlightRecord:
    """A flight that broke off after a share of its way, ten places a second."""
    path = path_of(plan)
    whole = sum(line.length for line in path.lines)
    time_s, rows, gone, now = [], [], 0.0, 0.0
    for leg, line in zip(path.legs, path.lines, strict=True):
        for far in np.arange(0.0, line.length, 0.5):
            if gone + far > share * whole:
                break
            point = line.interpolate(far)
            lon, lat = path.frame.to_lonlat([point.x], [point.y])
            rows.append((lon[0], lat[0], 0.5 if leg.spray_on else 0.0))
            time_s.append(now)
            now += 0.125
        gone += line.length
    lon, lat, pump = np.array(rows).T
    blank = np.full(lon.shape, 4.0)
    return FlightRecord(
        plan_name=plan.name, plan_digest=plan.digest, started_utc=NOW, vehicle="ArduCopter",
        outcome="aborted", photos=(), events=(),
        track=Track(time_s=np.array(time_s), lon_deg=lon, lat_deg=lat, height_m=blank,
                    speed_m_s=blank, battery_pct=blank, pump_share=pump),
    )  # fmt: skip


def rest_of(farm: Workspace, share: float = 0.5) -> tuple[FlightPlan, PlannedJob]:
    plan = stored(farm)
    record = next(one for one in farm.plans() if one.name == plan.name)
    flight = farm.save_flight(flown_until(plan, share), mission_uid=record.uid)
    rest = resume_flight(farm, flight.uid, overlap_m=2.0, language="vi", now=NOW)
    assert rest is not None
    return plan, rest


def test_the_rest_of_a_hill_flight_needs_no_height_file(farm: Workspace) -> None:
    plan, rest = rest_of(farm)
    assert "finding.terrain_as_planned" in keys(rest.findings, Severity.INFO)
    assert not blocks(rest.findings), [f.text("en") for f in rest.findings]
    again = rest.sorties[0].plan
    assert plan.spray is not None
    assert again.spray is not None
    assert 0.3 < again.spray.estimate.litres / plan.spray.estimate.litres < 0.7
    over = sprayed_heights(again)
    assert 2.5 - 0.6 < over.min() <= over.max() < 2.5 + 0.6
    assert not blocks(check_plan(again))


def test_a_shared_hill_job_follows_the_hill_too(farm: Workspace) -> None:
    shared = share_job(farm, "Dài", 2, language="vi", now=NOW)
    assert len(shared.sorties) >= 2
    assert not blocks(shared.findings), keys(shared.findings, Severity.ERROR)
    for sortie in shared.sorties:
        over = sprayed_heights(sortie.plan)
        assert 2.5 - 0.6 < over.min() <= over.max() < 2.5 + 0.6


# ---- the copy itself


@given(
    st.integers(1, 9),
    st.integers(1, 9),
    st.floats(-50.0, 3000.0),
    st.integers(0, 2**32 - 1),
)
def test_carried_heights_come_back_to_the_centimetre(
    rows: int, columns: int, base_m: float, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    values = base_m + chance.uniform(0.0, 60.0, (rows, columns))
    values[chance.random((rows, columns)) < 0.1] = np.nan
    values[0, 0] = base_m
    grid = Grid(values=values, affine=(1.0, 0.0, 5e5, 0.0, -1.0, 2.3e6), epsg=32648)
    back = CarriedGrid.of(grid).grid("copy")
    assert (np.isnan(back.values) == np.isnan(values)).all()
    assert np.nanmax(np.abs(back.values - values)) <= 0.0051
    assert (back.affine, back.epsg, back.name) == (grid.affine, grid.epsg, "copy")


@pytest.mark.parametrize(
    "change",
    [
        {"rows": 3},
        {"rows": 0},
        {"rows": 2_000_000},
        {"affine": (1.0, 0.0, 0.0)},
        {"heights": "no base64!"},
        {"heights": "AAAA"},
        {"lowest_m": 1e9},
    ],
)
def test_a_carried_ground_that_cannot_be_one_is_refused(change: dict[str, Any]) -> None:
    grid = Grid(values=np.ones((2, 2)), affine=(1.0, 0.0, 0.0, 0.0, -1.0, 0.0), epsg=32648)
    with pytest.raises(BadInput):
        replace(CarriedGrid.of(grid), **change)


def test_heights_that_cannot_be_kept_are_refused() -> None:
    for values in ([[np.nan]], [[0.0, 700.0]]):
        grid = Grid(values=np.array(values), affine=(1.0, 0.0, 0.0, 0.0, -1.0, 0.0), epsg=32648)
        with pytest.raises(BadInput):
            CarriedGrid.of(grid)


def test_the_copy_of_a_large_ground_is_coarser_and_never_lower(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heights = model(hills(5), trees(hills(5), 5), min_clearance_m=1.0)
    monkeypatch.setattr("missions.terrain.carrying.MOST_CELLS", 3000)
    own = own_heights(planned(heights))
    assert own is not None
    assert own.relief.surface is not None
    assert own.relief.surface.grid.values.size <= 3000
    chance = np.random.default_rng(1)
    east, north = chance.uniform(-55, 55, 500), chance.uniform(-35, 35, 500)
    column, row = own.relief.surface.pixels(east, north)
    highest = own.relief.surface.grid.at(column, row, nearest=True)
    assert (highest >= heights.relief.surface.at(east, north) - 1.0).all()  # type: ignore[union-attr]
    assert own.relief.surface.pixel_m(0.0, 0.0)[0] > 1.5


def test_crowns_told_as_a_function_are_drawn_into_the_plans_ground() -> None:
    def crowns(east: FloatArray, north: FloatArray) -> FloatArray:
        near = np.hypot((east + 1000.0) % 40.0 - 20.0, (north + 1000.0) % 40.0 - 20.0)
        return np.where(near < 2.0, 3.0, 0.0)

    heights = model(plane(0.05, 0.02), canopy=crowns)
    own = own_heights(planned(heights, crop_height_m=3.0))
    assert own is not None
    assert own.relief.surface is not None
    assert own.relief.surface.pixel_m(0.0, 0.0)[1] <= 0.75
    chance = np.random.default_rng(2)
    east, north = chance.uniform(-50, 50, 2000), chance.uniform(-35, 35, 2000)
    true, drawn = heights.relief.top_at(east, north), own.relief.top_at(east, north)
    assert (drawn >= true - 3.0 - 0.1).all()
    assert np.mean(np.abs(drawn - true) < 0.1) > 0.9
    inside = crowns(east, north) > 0.0
    assert np.mean(drawn[inside] >= true[inside] - 0.05) > 0.98, "never lower than a crown"


def test_the_ground_of_a_hectare_is_small_in_the_plans_file() -> None:
    with_ground = planned(model(hill))
    assert with_ground.spray is not None
    bare = replace(with_ground, spray=replace(with_ground.spray, ground=None))
    assert len(write_document(with_ground)) - len(write_document(bare)) < 60_000


def test_a_level_plan_carries_no_ground(farm: Workspace) -> None:
    job = plan_job(farm, request(Ground(), name="Bằng"), language="vi", now=NOW)
    assert all(one.plan.spray and one.plan.spray.ground is None for one in job.sorties)
    assert "finding.terrain_as_planned" not in keys(job.findings, Severity.INFO)


# ---- heights kept by the aircraft itself


def test_a_flight_by_terrain_frame_is_planned_but_agri_says_plainly_why_it_does_not_fly_it(
    farm: Workspace,
) -> None:
    job = plan_job(
        farm, request(Ground(terrain_frame=True), name="Cảm biến"), language="vi", now=NOW
    )
    assert keys(job.findings, Severity.ERROR) == {"finding.frame_terrain"}
    blocked = next(f for f in job.findings if f.severity is Severity.ERROR)
    assert all(word in blocked.text("en") for word in ("--dem", "agri cannot fly", "terrain data"))
    assert all(word in blocked.text("vi") for word in ("--dem", "agri không bay", "địa hình"))
    assert job.card is None
    located = [i for i in job.sorties[0].plan.items if i.command == Command.NAV_WAYPOINT]
    assert {i.frame for i in located} == {Frame.TERRAIN}
    with pytest.raises(Refused) as caught:
        export_named(job.sorties[0].plan.name, "plan", folder_or_file=None, farm=farm.folder)
    assert caught.value.message.key == "error.export_blocked"
