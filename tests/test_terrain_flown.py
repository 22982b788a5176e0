"""Heights over ground flown by the simulated copter: what physics makes of the corners."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agri.errors import NotFound
from agri.geo import LonLat
from agri.grid import FloatArray
from missions.airspace.route import Place
from missions.terrain.model import HeightModel
from sitl.ardupilot import ArduPilot, find_arducopter
from sitl.autopilot import Autopilot
from tests.ground_station import RETURN, Item, Station, do, take_off
from tests.reliefs import LOCAL, relief_of
from tests.sites import DONG_TRIEU

SWATHS: list[Place] = [(-60.0, 20.0), (60.0, 20.0), (60.0, 25.0), (-60.0, 25.0)]


def rolling(east: FloatArray, north: FloatArray) -> FloatArray:
    """Waves of 4 m, 75 m long, on ground that rises to the north; the pad lies lowest."""
    return 20.0 + 4.0 * np.sin(np.pi * east / 75.0) ** 2 + 0.05 * np.abs(north)


def mission(heights: HeightModel, way: list[Place], speed_m_s: float) -> list[Item]:
    told = heights.along([(0.0, 0.0), *way])
    items: list[Item] = [take_off(told[0][1]), do(178, 1.0, speed_m_s, -1.0)]
    for place, height in told[1:]:
        where = LOCAL.place(*place)
        items.append({"command": 16, "frame": 6, "x": where.lat_e7, "y": where.lon_e7, "z": height})
    return [*items, RETURN]


def flown(heights: HeightModel, way: list[Place], speed_m_s: float) -> FloatArray:
    """(N, 3) metres east, north and up of the aircraft along the way, ten times a second."""
    station = Station(Autopilot(home=DONG_TRIEU, ready_after_s=2.0))
    station.start(mission(heights, way, speed_m_s))
    body, track = station.copter.body, []

    def near(place: Place) -> bool:
        return bool(np.hypot(body.east_m - place[0], body.north_m - place[1]) < 2.5)

    station.until(lambda: near(way[0]))
    while not near(way[-1]) or len(track) < 50:
        station.wait(0.1)
        track.append((body.east_m, body.north_m, body.up_m))
        assert len(track) < 3000, "it never arrived"
    return np.array(track)


@pytest.mark.parametrize(("speed_m_s", "tolerance_m"), [(4.0, 0.5), (2.0, 0.3)])
def test_the_copter_keeps_the_wished_height_over_rolling_ground(
    speed_m_s: float, tolerance_m: float
) -> None:
    relief = relief_of(rolling)
    heights = HeightModel(
        relief=relief,
        home=(0.0, 0.0),
        height_m=3.0,
        speed_m_s=speed_m_s,
        swath_m=4.0,
        tolerance_m=tolerance_m,
    )
    assert heights.check(SWATHS) == []
    track = flown(heights, SWATHS, speed_m_s)
    over = track[:, 2] + heights.home_ground_m - rolling(track[:, 0], track[:, 1])
    assert len(track) > 200
    assert over.min() > 3.0 - tolerance_m - 0.25
    assert over.max() < 3.0 + tolerance_m + 0.25
    flat = track[:, 2].mean() + heights.home_ground_m - rolling(track[:, 0], track[:, 1])
    assert np.abs(flat - 3.0).max() > 2.0 * np.abs(over - 3.0).max(), "a level flight would not"


def test_corners_in_a_straight_swath_cost_no_speed() -> None:
    heights = HeightModel(
        relief=relief_of(rolling), home=(0.0, 0.0), height_m=3.0, speed_m_s=4.0, swath_m=4.0
    )
    swath = SWATHS[:2]
    assert len(heights.along(swath)) > 2
    track = flown(heights, swath, 4.0)
    speed = np.hypot(*np.diff(track[:, :2], axis=0).T) / 0.1
    inside = np.abs(track[1:, 0]) < 45.0
    assert speed[inside].min() > 3.8


@pytest.mark.ardupilot
@pytest.mark.parametrize(("speed_m_s", "tolerance_m"), [(4.0, 0.5), (2.0, 0.3)])
def test_a_real_arducopter_keeps_height_and_speed_too(speed_m_s: float, tolerance_m: float) -> None:
    try:
        find_arducopter()
    except NotFound as missing:
        pytest.skip(str(missing))
    from tests.test_sitl_ardupilot import AUTO, GUIDED, HOME_ITEM, SPEEDUP, Wire

    heights = HeightModel(
        relief=relief_of(rolling),
        home=(0.0, 0.0),
        height_m=3.0,
        speed_m_s=speed_m_s,
        swath_m=4.0,
        tolerance_m=tolerance_m,
    )
    seen: list[tuple[float, float, float, float]] = []

    def arrived(message: Any) -> bool:
        if message.get_type() != "GLOBAL_POSITION_INT":
            return False
        east, north = LOCAL.metres(LonLat.from_e7(lon_e7=message.lon, lat_e7=message.lat))
        speed = float(np.hypot(message.vx, message.vy)) / 100.0
        seen.append((east, north, message.relative_alt / 1000.0, speed))
        turned = max(row[0] for row in seen) > 55.0
        return turned and bool(np.hypot(east + 60.0, north - 25.0) < 2.5)

    with ArduPilot(home=DONG_TRIEU, speedup=SPEEDUP) as running:
        wire = Wire(running)
        wire.ready()
        assert wire.upload([HOME_ITEM, *mission(heights, SWATHS, speed_m_s)]) == 0
        for order in ((176, 1, GUIDED), (400, 1), (176, 1, AUTO), (300,)):
            assert wire.command(*order) == 0
        wire.until(arrived)
        wire.link.close()
    track = np.array(seen)
    track = track[int(np.argmax(np.hypot(track[:, 0] + 60.0, track[:, 1] - 20.0) < 2.5)) :]
    over = track[:, 2] + heights.home_ground_m - rolling(track[:, 0], track[:, 1])
    assert over.min() > 3.0 - tolerance_m - 0.25
    assert over.max() < 3.0 + tolerance_m + 0.25
    assert track[np.abs(track[:, 0]) < 45.0, 3].min() > 0.9 * speed_m_s
