"""A small hand-made survey and its flight, for tests that show, keep or compare them."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
from shapely.geometry import Point, Polygon, box

from agri.field import Field, NoFlyZone, Obstacle, ObstacleKind, Pad, SensitiveKind, SensitiveSite
from agri.geo import LocalFrame, LonLat
from agri.track import Event, FlightRecord, Photo, Track
from agri.words import Message
from missions.energy import Aircraft, Estimate
from missions.flightplan import FencePolygon, FlightPlan, RallyPoint, Site, SurveyJob
from missions.items import Command, MissionItem, item_at
from missions.survey import Camera, SurveyGeometry, SurveySettings

FRAME = LocalFrame(LonLat(lon_deg=106.51, lat_deg=21.08))
HEIGHT_M = 40.0
TRIGGER_M = 10.0
LINES = ((10.0, True), (30.0, False), (50.0, True))
PAD = (5.0, 5.0)


def lonlat(shape: Polygon | Point) -> Polygon | Point:
    return FRAME.geometry_to_lonlat(shape)


def small_site(name: str = "Ruộng Đồng Chằm", *, house: str = "Nhà") -> Site:
    return Site(
        field=Field(name=name, boundary=lonlat(box(0, 0, 120, 60)), crop="lúa", uid="f1"),
        pad=Pad(name="Sân", place=FRAME.place(*PAD)),
        obstacles=(
            Obstacle(name=house, kind=ObstacleKind.HOUSE, height_m=6,
                     geometry=lonlat(box(140, 20, 150, 30))),
        ),
        sensitive_sites=(
            SensitiveSite(name="Ruộng rươi", kind=SensitiveKind.RUOI,
                          geometry=lonlat(box(0, 75, 60, 90))),
        ),
        no_fly_zones=(NoFlyZone(name="Khu mộ", area=lonlat(box(-40, 20, -25, 40))),),
    )  # fmt: skip


def small_items() -> tuple[MissionItem, ...]:
    def trigger(metres: float) -> MissionItem:
        return MissionItem(command=Command.DO_SET_CAM_TRIGG_DIST, param1=metres, param3=1.0)

    items = [
        item_at(Command.NAV_TAKEOFF, FRAME.place(*PAD), HEIGHT_M),
        MissionItem(command=Command.DO_CHANGE_SPEED, param1=1, param2=8.0, param3=-1),
    ]
    for north, eastward in LINES:
        ends = (10.0, 110.0) if eastward else (110.0, 10.0)
        items += [
            item_at(Command.NAV_WAYPOINT, FRAME.place(ends[0], north), HEIGHT_M),
            trigger(TRIGGER_M),
            item_at(Command.NAV_WAYPOINT, FRAME.place(ends[1], north), HEIGHT_M),
            trigger(0.0),
        ]
    items.append(item_at(Command.NAV_WAYPOINT, FRAME.place(*PAD), HEIGHT_M))
    items.append(MissionItem(command=Command.NAV_RETURN_TO_LAUNCH))
    return tuple(items)


def small_plan(name: str = "Ruộng Đồng Chằm 40 m") -> FlightPlan:
    camera = Camera(
        name="GoPro Hero4 Black",
        sensor_width_mm=6.17, sensor_height_mm=4.628, focal_length_mm=2.98,
        image_width_px=4000, image_height_px=3000, min_interval_s=0.5, exposure_s=0.001,
    )  # fmt: skip
    settings = SurveySettings(camera=camera, height_m=HEIGHT_M, speed_m_s=8.0)
    geometry = SurveyGeometry(
        gsd_cm=2.07, footprint_across_m=82.8, footprint_along_m=62.1, line_spacing_m=24.8,
        trigger_m=TRIGGER_M, interval_s=1.25, max_speed_m_s=20.0, blur_px=0.39,
    )  # fmt: skip
    estimate = Estimate(length_m=400.0, time_s=130.0, energy_wh=14.0, batteries=1, photos=33)
    fence = [(-15, -15), (160, -15), (160, 100), (-15, 100)]
    return FlightPlan(
        name=name,
        home=FRAME.place(*PAD),
        items=small_items(),
        fence_polygons=(
            FencePolygon(inclusion=True, vertices=tuple(FRAME.place(*v) for v in fence)),
            FencePolygon(inclusion=False, vertices=tuple(
                FRAME.place(*v) for v in ((130, 10), (155, 10), (155, 40), (130, 40)))),
        ),
        rally_points=(RallyPoint(place=FRAME.place(*PAD), altitude_m=15.0),),
        site=small_site(),
        aircraft=Aircraft(name="X500", mass_kg=2.0, battery_wh=74.0, hover_power_w=280.0),
        survey=SurveyJob(settings=settings, geometry=geometry, angle_deg=90.0,
                         fitted_spacing_m=20.0, estimate=estimate),
    )  # fmt: skip


def small_record(plan: FlightPlan, *, off_m: float = 0.3, outcome: str = "landed") -> FlightRecord:
    """The plan flown `off_m` beside its lines."""
    corners = [PAD, (10, 10), (110, 10), (110, 30), (10, 30), (10, 50), (110, 50), PAD]
    path = np.concatenate([np.linspace(a, b, 40, endpoint=False) for a, b in pairwise(corners)])
    lon, lat = FRAME.to_lonlat(path[:, 0], path[:, 1] + off_m)
    count = len(path)
    return FlightRecord(
        plan_name=plan.name,
        plan_digest=plan.digest,
        started_utc=datetime(2026, 11, 22, 1, 30, tzinfo=UTC),
        vehicle="ArduCopter 4.6.0, sysid 1",
        outcome=outcome,
        track=Track(
            time_s=np.linspace(0, 130, count), lon_deg=lon, lat_deg=lat,
            height_m=np.full(count, HEIGHT_M), speed_m_s=np.full(count, 8.0),
            battery_pct=np.linspace(100, 78, count),
        ),
        photos=tuple(
            Photo(index=i, time_s=i * 1.5, height_m=HEIGHT_M, yaw_deg=90.0,
                  place=FRAME.place(10 + 10 * (i % 11), LINES[i // 11][0]))
            for i in range(33)
        ),
        events=(Event(0.0, Message.of("page.flight_landed")),),
    )  # fmt: skip
