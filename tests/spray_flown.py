"""A field laid out and flown by hand, for tests of the sprayer in the air and of what it applied.

The field is 120 m by 30 m, due east and north, with six swaths of 5 m. At 5 m/s with 3 L/min a
swath gets exactly 20 L/ha, and the whole field 0.36 ha × 20 = 7.2 L.

For tests of what is done while a flight goes on and after it: `record` makes the track of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from shapely.geometry import MultiLineString, MultiPolygon, box
from shapely.geometry.base import BaseGeometry

from agri.field import Field, Pad
from agri.geo import LocalFrame, LonLat
from agri.track import FlightRecord, Track
from agri.weather import Wind
from agri.workspace import Launch, PlanRecord, StoredFlight, Workspace
from missions.catalogue import sprayer
from missions.energy import Aircraft
from missions.flightplan import FencePolygon, FlightPlan, Site
from missions.formats.document import write_document
from missions.items import Command, MissionItem, item_at
from missions.sprayer.gear import DropletClass, PumpControl, PumpPoint, Sprayer, SwathPoint
from missions.sprayer.job import Product, SprayEstimate, SprayJob, SprayPass, SpraySettings

MADE = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
HOME = LonLat(lon_deg=106.51, lat_deg=21.08)
FRAME = LocalFrame(HOME)
SPRAYER = Sprayer(
    name="Test sprayer",
    aircraft=Aircraft(name="Test quad", mass_kg=12.0, battery_wh=700.0, hover_power_w=1500.0),
    tank_l=10.0,
    dead_l=0.0,
    pump=(PumpPoint(output=0.0, flow_l_min=0.0), PumpPoint(output=1.0, flow_l_min=6.0)),
    control=PumpControl.SPEED,
    nozzles=4,
    droplets=DropletClass.COARSE,
    swath=(SwathPoint(height_m=3.0, speed_m_s=5.0, width_m=5.0),),
    min_height_m=1.5,
    max_height_m=10.0,
    max_speed_m_s=8.0,
    hose_s=0.0,
    endurance_full_min=10.0,
    endurance_empty_min=20.0,
    confidence="low",
    source="made up for the tests",
)
PRODUCT = Product(name="Thuốc thử", dose_per_ha=400.0, phi_days=14)
FIELD = (10.0, 10.0, 130.0, 40.0)
NORTHS = tuple(12.5 + 5.0 * number for number in range(6))
FITTED = {
    "SPRAY_ENABLE": 1.0, "SERVO9_FUNCTION": 22.0, "SERVO10_FUNCTION": 23.0, "SPRAY_PUMP_RATE": 10.0,
    "BATT_CRT_VOLT": 10.2,
}  # fmt: skip


def settings(**changes: Any) -> SpraySettings:
    sprayer = replace(SPRAYER, **changes)
    return SpraySettings(
        sprayer=sprayer, product=PRODUCT, rate_l_ha=20.0, height_m=5.0, speed_m_s=5.0, swath_m=5.0,
        wind=Wind(speed_m_s=1.0),
    )  # fmt: skip


def lonlat(shape: BaseGeometry) -> Any:
    return FRAME.geometry_to_lonlat(shape)


def passes(norths: Sequence[float] = NORTHS) -> tuple[SprayPass, ...]:
    west, _, east, _ = FIELD
    ends = [(west, east) if n % 2 == 0 else (east, west) for n in range(len(norths))]
    return tuple(
        SprayPass(
            places=tuple(FRAME.place(end, north) for end in pair),
            width_m=5.0, rate_l_ha=20.0, speed_m_s=5.0,
        )
        for pair, north in zip(ends, norths, strict=True)
    )  # fmt: skip


def job(
    treatable: BaseGeometry | None = None, norths: Sequence[float] = NORTHS, **sprayer: Any
) -> SprayJob:
    ground = box(*FIELD) if treatable is None else treatable
    parts = ground.geoms if isinstance(ground, MultiPolygon) else [ground]
    return SprayJob(
        settings=settings(**sprayer),
        treatable=MultiPolygon([lonlat(part) for part in parts]),
        passes=passes(norths),
        angle_deg=90.0,
        estimate=SprayEstimate(
            length_m=900.0, sprayed_m=720.0, time_s=240.0, energy_wh=100.0, litres=7.2,
            area_m2=3600.0,
        ),
        job="Phun thử",
    )  # fmt: skip


def sprayer_item(on: bool) -> MissionItem:
    return MissionItem(command=Command.DO_SPRAYER, param1=float(on))


def items(norths: Sequence[float] = NORTHS, height_m: float = 5.0) -> tuple[MissionItem, ...]:
    """Take-off, every swath with 12 m before it and after it, and the way home."""
    west, _, east, _ = FIELD
    found = [
        item_at(Command.NAV_TAKEOFF, HOME, height_m),
        MissionItem(command=Command.DO_CHANGE_SPEED, param1=1.0, param2=5.0, param3=-1.0),
    ]
    for number, north in enumerate(norths):
        start, end = (west, east) if number % 2 == 0 else (east, west)
        ahead = 12.0 if end > start else -12.0
        found += [
            item_at(Command.NAV_WAYPOINT, FRAME.place(start - ahead, north), height_m),
            MissionItem(command=Command.CONDITION_DISTANCE, param1=abs(end - start) + 12.0),
            sprayer_item(True),
            MissionItem(command=Command.CONDITION_DISTANCE, param1=12.0),
            sprayer_item(False),
            item_at(Command.NAV_WAYPOINT, FRAME.place(end + ahead, north), height_m),
        ]
    return (*found, sprayer_item(False), MissionItem(command=Command.NAV_RETURN_TO_LAUNCH))


def plan(*, norths: Sequence[float] = NORTHS, **changes: Any) -> FlightPlan:
    """The field's plan; `changes` are of its job."""
    corners = ((-30, -30), (180, -30), (180, 80), (-30, 80))
    return FlightPlan(
        name="Phun thử",
        home=HOME,
        items=items(norths),
        fence_polygons=(
            FencePolygon(inclusion=True, vertices=tuple(FRAME.place(*c) for c in corners)),
        ),
        aircraft=SPRAYER.aircraft,
        spray=job(norths=norths, **changes),
    )


def record(
    time_s: ArrayLike, east_m: ArrayLike, north_m: ArrayLike, share: ArrayLike, **changes: Any
) -> FlightRecord:
    """A flight along local metres."""
    east, north = np.asarray(east_m, float), np.asarray(north_m, float)
    lon, lat = FRAME.to_lonlat(east, north)
    time = np.asarray(time_s, float)
    values: dict[str, Any] = {
        "plan_name": "Phun thử",
        "plan_digest": "ab" * 32,
        "started_utc": datetime(2026, 11, 22, 1, 30, tzinfo=UTC),
        "vehicle": "ArduCopter 4.6.0, sysid 1",
        "outcome": "landed",
        "track": Track(
            time_s=time, lon_deg=lon, lat_deg=lat, height_m=np.full(time.shape, 5.0),
            speed_m_s=np.full(time.shape, 5.0), battery_pct=np.full(time.shape, 80.0),
            pump_share=np.asarray(share, float),
        ),
        "photos": (),
        "events": (),
    }  # fmt: skip
    return FlightRecord(**(values | changes))


def field_settings(**changes: object) -> SpraySettings:
    """What is flown on both copters, unless changed: 16 litres, plain water, no wind."""
    plain: dict[str, object] = {
        "sprayer": sprayer("16 L"), "product": Product(name="nước", dose_per_ha=0.0),
        "rate_l_ha": 20.0, "height_m": 2.5, "speed_m_s": 4.0, "swath_m": 4.5,
        "wind": Wind(speed_m_s=0.0),
    }  # fmt: skip
    return SpraySettings(**{**plain, **changes})  # type: ignore[arg-type]


def kept_flight(
    farm: Workspace, lines: int = 3, days: int = 0, *, simulated: bool = False
) -> StoredFlight:
    """The first lines of the field, sprayed as planned: 1.2 L each."""
    flown = plan()
    assert flown.spray is not None
    site = Site(
        field=Field(name="Ruộng", boundary=flown.spray.treatable),
        pad=Pad(name="Bãi", place=flown.home),
    )
    flown = replace(flown, site=site)
    row = PlanRecord(name=flown.name, kind="spray", digest=flown.digest, created_utc=MADE,
                     path=MultiLineString())  # fmt: skip
    uid = farm.save_plan(row, write_document(flown)).uid
    rows: list[tuple[float, float, float, float]] = []
    for number, north in enumerate(NORTHS[:lines]):
        east = np.arange(10.0, 130.1, 0.5)
        for way in east if number % 2 == 0 else east[::-1]:
            rows.append((0.1 * len(rows), float(way), north, 0.5))
        rows += [(0.1 * len(rows) + 0.1 * n, rows[-1][1], north, 0.0) for n in range(1, 3)]
    time_s, east_m, north_m, share = (list(column) for column in zip(*rows, strict=True))
    made: Any = record(np.arange(len(time_s)) * 0.1, east_m, north_m, share,
                                  plan_digest=flown.digest)  # fmt: skip
    made = replace(made, started_utc=made.started_utc + timedelta(days=days))
    launch = Launch(parameters=(), findings=(), simulated=simulated)
    return farm.save_flight(made, mission_uid=uid, launch=launch)
