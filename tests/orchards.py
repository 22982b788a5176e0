"""Synthetic orchards whose rows are known, and places for tours, drawn in local metres."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import MultiPoint

from agri.weather import Wind
from missions.energy import Aircraft
from missions.flightplan import Site
from missions.orchard.crowns import Tree
from missions.sprayer.gear import DropletClass, PumpControl, PumpPoint, Sprayer, SwathPoint
from missions.sprayer.job import Product, SpraySettings
from tests.sites import Draft

FloatArray = NDArray[np.float64]
SPRAYER = Sprayer(
    name="Test sprayer",
    aircraft=Aircraft(name="Test hexa", mass_kg=14.0, battery_wh=700.0, hover_power_w=1500.0),
    tank_l=10.0,
    dead_l=0.3,
    pump=(PumpPoint(output=0.2, flow_l_min=0.8), PumpPoint(output=1.0, flow_l_min=4.0)),
    control=PumpControl.SPEED,
    nozzles=4,
    droplets=DropletClass.MEDIUM,
    swath=(SwathPoint(height_m=2.5, speed_m_s=2.0, width_m=4.0),),
    min_height_m=1.5,
    max_height_m=5.0,
    max_speed_m_s=6.0,
    hose_s=0.3,
    endurance_full_min=9.0,
    endurance_empty_min=18.0,
    confidence="low",
    source="made up for the tests",
)


def asked(**changes: Any) -> SpraySettings:
    """Settings for an orchard of trees up to 4 m."""
    wanted: dict[str, Any] = {
        "sprayer": SPRAYER,
        "product": Product(name="Thuốc thử", dose_per_ha=400.0),
        "rate_l_ha": 80.0,
        "height_m": 2.5,
        "speed_m_s": 2.0,
        "swath_m": 4.0,
        "crop_height_m": 4.0,
        "wind": Wind(speed_m_s=1.0),
    }
    return SpraySettings(**{**wanted, **changes})


def orchard_site(planted: Planted, *, margin_m: float = 8.0, **around: Any) -> Site:
    """A field round all trees, the pad beside its south-western corner.

    The draft's frame is not the field's own: `in_field` brings trees into that.
    """
    hull = MultiPoint(planted.places).convex_hull.buffer(margin_m, join_style="mitre")
    west, south = hull.exterior.coords[0]
    middle = hull.centroid
    away = math.dist((west, south), (middle.x, middle.y))
    pad = (west + (west - middle.x) / away * 12.0, south + (south - middle.y) / away * 12.0)
    return Draft().site(hull, pad, crop="vải", **around)


def in_field(site: Site, planted: Planted) -> Planted:
    """The same trees in metres of the field's own frame."""
    draft = Draft()
    lon, lat = draft.frame.to_lonlat(*planted.places.T)
    return Planted(np.stack(site.field.frame.to_local(lon, lat), axis=1), planted.row)


@dataclass(frozen=True)
class Planted:
    """Trees as they were planted: places, and the number of each one's row."""

    places: FloatArray
    row: NDArray[np.int64]

    def trees(self, radius_m: float = 2.0, height_m: float = 3.0) -> tuple[Tree, ...]:
        return tuple(
            Tree(
                place=(float(e), float(n)),
                radius_m=radius_m,
                height_m=height_m,
                name=f"cây {k + 1}",
            )
            for k, (e, n) in enumerate(self.places)
        )

    def thinned(self, missing: float, jitter_m: float, seed: int) -> Planted:
        """Some trees gone, the others off their places by up to `jitter_m` each way."""
        draw = np.random.default_rng(seed)
        kept = draw.random(len(self.row)) >= missing
        off = draw.uniform(-jitter_m, jitter_m, self.places.shape)
        return Planted((self.places + off)[kept], self.row[kept])

    def turned(self, turn_deg: float, east_m: float = 0.0, north_m: float = 0.0) -> Planted:
        turn = math.radians(turn_deg)
        cos, sin = math.cos(turn), math.sin(turn)
        rotated = self.places @ np.array([[cos, sin], [-sin, cos]])
        return Planted(rotated + np.array([east_m, north_m]), self.row)


def grid(
    columns: int, rows: int, *, along_m: float = 6.0, across_m: float = 6.0, shift: float = 0.0
) -> Planted:
    """Straight rows; `shift` moves every other row by that share of the spacing (quincunx: ½)."""
    column, row = np.meshgrid(np.arange(columns), np.arange(rows))
    east = (column + shift * (row % 2)) * along_m
    return Planted(np.stack([east.ravel(), row.ravel() * across_m], axis=1), row.ravel())


def contours(rows: int, length_m: float, *, along_m: float = 5.0, across_m: float = 7.0) -> Planted:
    """Rows along the contours of a hillside: lines at equal distances beside a winding one."""
    x = np.linspace(0.0, length_m, 2000)
    swing_m, wave_m = length_m / 18.0, length_m
    base = np.stack([x, swing_m * np.sin(2.0 * math.pi * x / wave_m)], axis=1)
    along = np.gradient(base, axis=0)
    along /= np.hypot(*along.T)[:, None]
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
    places, numbers = [], []
    for row in range(rows):
        line = base + normal * across_m * (row - (rows - 1) / 2.0)
        far = np.concatenate([[0.0], np.hypot(*np.diff(line, axis=0).T).cumsum()])
        at = np.arange(along_m * (0.2 + 0.35 * (row % 3)), far[-1], along_m)
        places.append(np.stack([np.interp(at, far, c) for c in line.T], axis=1))
        numbers.append(np.full(len(at), row))
    return Planted(np.concatenate(places), np.concatenate(numbers))


def scattered(count: int, seed: int, side_m: float = 200.0) -> FloatArray:
    """Places anywhere in a square."""
    return np.random.default_rng(seed).uniform(0.0, side_m, (count, 2))


def clumped(count: int, seed: int) -> FloatArray:
    """Places in clumps."""
    draw = np.random.default_rng(seed)
    middles = draw.uniform(0.0, 200.0, (max(2, count // 25), 2))
    return middles[draw.integers(0, len(middles), count)] + draw.normal(0.0, 6.0, (count, 2))


def ring(count: int, radius_m: float = 80.0) -> FloatArray:
    """Places on a circle, in a mixed order."""
    turn = np.arange(count) * 2.0 * math.pi / count
    mixed = np.random.default_rng(count).permutation(count)
    return radius_m * np.stack([np.cos(turn), np.sin(turn)], axis=1)[mixed]
