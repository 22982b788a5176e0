"""Farms made in code, as small as can be."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry import LineString, MultiLineString, MultiPolygon, Point, Polygon

from agri.errors import StoreError
from agri.field import Field, NoFlyZone, Obstacle, ObstacleKind, Pad, SensitiveKind, SensitiveSite
from agri.geo import LonLat
from agri.track import Event, FlightRecord, Photo, Track
from agri.words import Message
from agri.workspace import DATABASE, Workspace
from agri.workspace.geopackage import GeoPackage
from agri.workspace.records import AppliedRecord, PlanRecord

LON, LAT = 106.51, 21.08
START = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)


def box(east: float = 0.0, north: float = 0.0, size: float = 0.001) -> Polygon:
    """A square `size` degrees wide (about 100 m), offset from the farm's corner."""
    return shapely.box(LON + east, LAT + north, LON + east + size, LAT + north + size)


def holed() -> MultiPolygon:
    """Two parts, one with a hole."""
    with_hole = Polygon(box().exterior, [box(0.0003, 0.0003, 0.0002).exterior])
    return MultiPolygon([with_hole, box(0.002)])


FIELDS = (
    Field(name="Ruộng Đồng", boundary=holed(), crop="lúa"),
    Field(name="Vườn vải thiều", boundary=MultiPolygon([box(0.004)]), crop="vải"),
)
OBSTACLES = (
    Obstacle(name="Cây đa", kind=ObstacleKind.TREE, geometry=Point(LON, LAT), height_m=12.5),
    Obstacle(
        name="Đường điện 35 kV",
        kind=ObstacleKind.POWER_LINE,
        geometry=LineString([(LON, LAT), (LON + 0.01, LAT)]),
        height_m=18.0,
        clearance_m=15.0,
    ),
    Obstacle(kind=ObstacleKind.HOUSE, geometry=box(0.01), height_m=7.0, overflight_approved=True),
)
SITES = (
    SensitiveSite(name="Đầm rươi", kind=SensitiveKind.RUOI, geometry=box(0.02)),
    SensitiveSite(name="Ong", kind=SensitiveKind.BEES, geometry=Point(LON + 0.02, LAT)),
)
PADS = (Pad(name="Sân kho", place=LonLat(lon_deg=LON, lat_deg=LAT)),)
ZONES = (NoFlyZone(name="Trạm biến áp", area=MultiPolygon([box(0.03)])),)


def plan(name: str = "Ruộng Đồng 50 m", **changes: object) -> PlanRecord:
    """A survey plan's record."""
    path = MultiLineString([[(LON, LAT), (LON + 0.001, LAT)], [(LON, LAT), (LON, LAT + 0.001)]])
    values: dict[str, object] = {
        "kind": "survey",
        "digest": "ab" * 32,
        "created_utc": START,
        "path": path,
        "camera": "DJI X3",
        "height_m": 50.0,
        "gsd_cm": 2.15,
        "time_s": 321.5,
        "photos": 45,
    }
    return PlanRecord(name=name, **(values | changes))  # type: ignore[arg-type]


def flight(positions: int = 20, outcome: str = "landed", **changes: object) -> FlightRecord:
    """A flight's record with pictures, events and a battery that is not always told."""
    time_s = np.arange(positions) * 0.2 + 1 / 3
    battery = np.where(np.arange(positions) % 5 == 0, np.nan, 99.0 - time_s)
    place = LonLat(lon_deg=LON, lat_deg=LAT)
    values: dict[str, object] = {
        "plan_name": "Ruộng Đồng 50 m",
        "plan_digest": "ab" * 32,
        "started_utc": START,
        "vehicle": "ArduCopter 4.6.2, 1",
        "outcome": outcome,
        "track": Track(
            time_s=time_s,
            lon_deg=LON + time_s * 1e-5,
            lat_deg=LAT + np.sin(time_s) * 1e-5,
            height_m=np.minimum(time_s * 3, 50.0),
            speed_m_s=np.full(positions, 8.1),
            battery_pct=battery,
        ),
        "photos": tuple(
            Photo(index=i, time_s=i * 2.5, place=place, height_m=50.0, yaw_deg=271.5)
            for i in range(3)
        ),
        "events": (
            Event(0.0, Message.of("error.no_farm", folder="Đông Triều")),
            Event(
                3.5,
                Message.of("finding.row_unusable", reason=Message.of("unit.hectares", area_ha=1.5)),
            ),
        ),
    }
    return FlightRecord(**(values | changes))  # type: ignore[arg-type]


def applied(flight_uid: str, **changes: object) -> AppliedRecord:
    """What a spray flight applied."""
    values: dict[str, object] = {
        "product": "Thuốc thử 250 SC",
        "sprayed_utc": START,
        "target_l_ha": 20.0,
        "rate_l_ha": 19.6,
        "litres": 7.05,
        "sprayed_m2": 3597.5,
        "missed_m2": 4.0,
        "outside_m2": 12.25,
        "outside_l": 0.02,
        "off_swath_l": 0.1,
        "cv_pct": 6.5,
        "unknown_s": 0.0,
        "phi_end": date(2026, 12, 6),
        "area": box(),
        "file": "flights/x/applied.tif",
    }
    return AppliedRecord(flight_uid=flight_uid, **(values | changes))  # type: ignore[arg-type]


def same_flight(one: FlightRecord, other: FlightRecord) -> bool:
    """Whether two flights are equal to the last bit."""
    names = ("plan_name", "plan_digest", "started_utc", "vehicle", "outcome", "photos", "events")
    columns = Track.__slots__
    return all(getattr(one, n) == getattr(other, n) for n in names) and all(
        np.array_equal(getattr(one.track, c), getattr(other.track, c), equal_nan=True)
        for c in columns
    )


def ticking(start: datetime = START, step_s: float = 1.0) -> Callable[[], datetime]:
    """A wall clock that is `step_s` later each time it is asked."""
    counter = itertools.count()
    return lambda: start + timedelta(seconds=step_s * next(counter))


def counting() -> Callable[[], str]:
    """Keys that count up."""
    counter = itertools.count(1)
    return lambda: f"00000000-0000-4000-8000-{next(counter):012d}"


def gpkg(farm: Workspace) -> Path:
    return farm.folder / DATABASE


def edit(farm: Workspace, statement: str, *values: object) -> None:
    """Change the farm as another program would, with the functions it would have."""
    if isinstance(farm._database, GeoPackage):
        with farm._database.plain() as connection:
            connection.execute(statement, values)
    else:
        with farm._database.writing() as session:
            session.exec_driver_sql(statement.replace("?", "%s"), values)


def spoil(farm: Workspace, statement: str) -> bool:
    """Change the farm as `edit`; return whether the database lets it be: PostgreSQL keeps types."""
    if isinstance(farm._database, GeoPackage):
        edit(farm, statement)
        return True
    try:
        edit(farm, statement)
    except StoreError:
        return False
    return True


def told(farm: Workspace, query: str) -> list[tuple[object, ...]]:
    """What a program that asks the farm's database sees."""
    with farm._database.reading() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    """What plain SQLite sees."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def added_by_threads(farm: Workspace, *, threads: int, each: int) -> int:
    """Add fields and read the farm from many threads at once; return how many fields they added."""
    errors: list[BaseException] = []

    def add(part: int) -> None:
        try:
            for number in range(each):
                farm.add_fields([replace(FIELDS[1], name=f"{part}-{number}")])
                farm.farm()
        except BaseException as error:
            errors.append(error)

    running = [threading.Thread(target=add, args=(part,)) for part in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert errors == []
    return threads * each
