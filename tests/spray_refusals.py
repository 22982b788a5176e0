"""When nothing of a job can be flown: worked out with plain arithmetic, nothing of the planner's.

**Too short.** However lanes one swath wide are laid side by side, a rectangle two swaths wide holds
a whole one, its middle line in the rectangle's middle half; there the aircraft must have room.
Without any run-up it begins a lane at a corner's speed and has flown some metres before pump and
hose give the first drop; and the pump is stopped the hose's delay before the lane's end at full
speed at the earliest. A lane that is longer than both is wet.

**Too far.** A place is surely near enough when the pack lasts from the pad to it, a least piece of
spraying and home, all of it against the wind, with more air to push aside than any such copter has,
round everything that is closed, and with every stop, climb and landing there may be. Hovering takes
power with mass^1.5, as momentum theory has it.
"""

from __future__ import annotations

import math

import numpy as np
import shapely
from shapely import affinity
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry

from missions.sprayer.gear import PumpControl
from missions.sprayer.job import SpraySettings
from tests.spray_reading import SPRAYER_ON_S, gone_m

EVERY_DEG = 10.0
CUT_OFF_M = 0.2
"""What round cuts drawn with fewer corners may take from the ground."""
LEAST_PIECE_M = 20.0
"""No sortie can be less: a pass is not cut nearer than half of this to its ends."""
RTL_M, CONE = 15.0, 3.0
"""ArduCopter comes home at this height; nearer than a third of it, at three times the distance."""
AIR_KG_M3, FLAT_M2, EFFICIENCY = 1.2, 0.4, 0.6
"""A plate that stops the air as no copter of 40 kg does (0.02 m² · kg^(2/3) is usual: 0.23 m²)."""
STOPS = 6


def lane_m(
    ground: BaseGeometry, room: BaseGeometry, swath_m: float, angle_deg: float | None
) -> float:
    """How long a lane there surely is in a direction (None: in any), however lanes are laid.

    Two swaths wide there is ground, and over the middle half of that room for the aircraft.
    """
    found = 0.0
    kept = [shape.buffer(-CUT_OFF_M) for shape in (ground, room)]
    for turn in (angle_deg,) if angle_deg is not None else np.arange(0.0, 180.0, EVERY_DEG):
        north = [affinity.rotate(shape, float(turn), origin=(0.0, 0.0)) for shape in kept]
        if not north[0].is_empty:
            found = max(found, _upright_m(north[0], north[1], swath_m))
    return found


def _upright_m(ground: BaseGeometry, room: BaseGeometry, swath_m: float) -> float:
    west, south, east, north = ground.bounds
    found = 0.0
    for left in np.arange(west, east - 2.0 * swath_m, swath_m / 8.0):
        wide = shapely.box(left, south, left + 2.0 * swath_m, north)
        middle = shapely.box(left + 0.5 * swath_m, south, left + 1.5 * swath_m, north)
        shut = [*_pieces(wide.difference(ground)), *_pieces(middle.difference(room))]
        here = south
        for _, low, _, high in sorted((piece.bounds for piece in shut), key=lambda b: b[1]):
            found, here = max(found, low - here), max(here, high)
        found = max(found, north - here)
    return found


def _pieces(shape: BaseGeometry) -> list[BaseGeometry]:
    return [piece for piece in getattr(shape, "geoms", [shape]) if piece.area > 1e-6]


def dry_m(asked: SpraySettings) -> float:
    """The longest lane on which no drop may fall."""
    sprayer, speed = asked.sprayer, asked.speed_m_s
    pump_s = 0.0 if sprayer.control is PumpControl.SERVO else SPRAYER_ON_S
    return gone_m(0.0, speed, pump_s + sprayer.hose_s) + speed * sprayer.hose_s + 0.2


def farthest_m(
    home: Point, field: BaseGeometry, closed: list[BaseGeometry], keep_off_m: float
) -> float:
    """The longest way from the pad there may be: into every bay, and round everything closed."""
    around = shapely.union_all([field, home]).convex_hull
    bays_m = max(0.0, field.length - field.convex_hull.length)
    round_m = sum(
        shape.buffer(keep_off_m).minimum_rotated_rectangle.length / 2.0
        for shape in closed
        if shape.distance(around) <= 25.0 + keep_off_m
    )
    return float(home.hausdorff_distance(around)) + _more_m(around) + bays_m + round_m


def _more_m(around: BaseGeometry) -> float:
    """Corners, run-ups and the rounding of the fence add this to a way."""
    return 10.0 + 0.02 * float(around.length)


def pack_need_wh(asked: SpraySettings, rate_l_ha: float, away_m: float) -> float:
    """More than a pack must hold for the least sortie to a place so far from the pad."""
    sprayer, aircraft, speed = asked.sprayer, asked.sprayer.aircraft, asked.speed_m_s
    piece_m = LEAST_PIECE_M + 10.0
    load_kg = sprayer.dead_l + piece_m * asked.swath_m * rate_l_ha / 1e4
    hover_w = aircraft.hover_power_w * (1.0 + load_kg / aircraft.mass_kg) ** 1.5
    against_m_s = speed + asked.wind.speed_m_s
    air_w = 0.5 * AIR_KG_M3 * FLAT_M2 * against_m_s**3 / EFFICIENCY
    level_s = (2.0 * away_m + piece_m) / speed + STOPS * (speed / aircraft.acceleration_m_s2 + 1.0)
    job_m = asked.crop_height_m + asked.height_m
    top_m = max(job_m, min(RTL_M, CONE * away_m))
    up_s = top_m / aircraft.climb_m_s
    down_s = top_m / aircraft.land_speed_m_s
    lift_wh = 2.0 * (aircraft.mass_kg + load_kg) * 9.81 * top_m / EFFICIENCY / 3600.0
    return (hover_w + air_w) * (level_s + up_s + down_s) / 3600.0 + lift_wh


def lasts(asked: SpraySettings, rate_l_ha: float, away_m: float) -> bool:
    """Whether a pack surely is enough for a place so far from the pad; 30 % is left in it."""
    usable_wh = 0.7 * asked.sprayer.aircraft.battery_wh
    return math.isfinite(away_m) and pack_need_wh(asked, rate_l_ha, away_m) <= usable_wh
