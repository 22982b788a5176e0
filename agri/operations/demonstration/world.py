"""A farm made from a seed, and the truth about it that only the scoring and the sky may know.

Theory of operation. The land is `sitl.scene`'s: an orchard of PH40 and a paddy, each known cell by
cell. A farmer of this farm knows its borders, its house, its pads and the rươi paddy next door;
those are in the farm. Trees, planted zones, what the trees will bear and where they will fall sick
are the world's own: photos are rendered from them, fruit is counted on them, and what the steps
find is held against them (`agri.operations.demonstration.scoring`). No step reads them otherwise.

The places are plausible ones of Bình Khê, Đông Triều, and no real parcels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Point, Polygon

from agri.field import Field, Obstacle, ObstacleKind, Pad, SensitiveKind, SensitiveSite
from agri.geo import LonLat
from sitl.scene import Borne, Scene, bear, orchard, paddy, stressed

ORCHARD_AT = LonLat(lon_deg=106.5172, lat_deg=21.1018)
PADDY_AT = LonLat(lon_deg=106.5201, lat_deg=21.0996)
ORCHARD, PADDY = "Vườn vải PH40", "Ruộng Cửa Đình"
SEASON, PAST = 2026, 5
"""Year of the harvest, and harvests known before it."""
BORDER_M = 13.0
"""The land goes on so far beyond the fields: a survey photographs past their border."""
HEADLAND_M = 2.6
"""Between the border and the trunks nearest to it."""
STRESS_M = 8.0
"""Radius of the patch that falls sick in spring."""
LOST = 0.35
"""Share of its crop that a tree loses when its leaves fall sick in spring."""
COUNT_ERROR = 0.05
"""Relative error of a person who counts the fruit of one tree."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class World:
    """The land and its truth.

    Parameters
    ----------
    seed : int
        The same seed makes the same world.
    orchard, later : Scene
        The orchard at the first survey, and at the second, when a patch of it has fallen sick.
    paddy : Scene
        With its planted zones.
    borne : Borne
        What every tree bears, the last season being this one.
    """

    seed: int
    orchard: Scene
    later: Scene
    paddy: Scene
    borne: Borne

    @property
    def kg(self) -> NDArray[np.float64]:
        """Yield of every tree this season, in the order of the orchard's trees."""
        return np.asarray(self.borne.kg[-1] * self._kept())

    @property
    def fruits(self) -> NDArray[np.float64]:
        """Fruit on every tree this season."""
        return np.asarray(self.borne.fruits[-1] * self._kept())

    def _kept(self) -> NDArray[np.float64]:
        pairs = zip(self.orchard.trees, self.later.trees, strict=True)
        return np.array([1.0 - LOST * (new.sick > old.sick) for old, new in pairs])


def make_world(seed: int) -> World:
    """Return the world of a seed.

    Parameters
    ----------
    seed : int
        From 1.
    """
    land = orchard(seed=seed, size_m=(78.0, 66.0), cell_m=0.1, sickest=0.0,
                   edge_m=BORDER_M + HEADLAND_M, place=ORCHARD_AT)  # fmt: skip
    patch = _stress_patch(land, seed)
    return World(
        seed=seed,
        orchard=land,
        later=stressed(land, patch),
        paddy=paddy(seed=seed, size_m=(90.0, 72.0), cell_m=0.12, hoppers=False, place=PADDY_AT),
        borne=bear(land, seasons=PAST + 1, first=SEASON - PAST, seed=seed),
    )


def _stress_patch(land: Scene, seed: int) -> Polygon:
    """Return where trees fall sick between the surveys."""
    rng = np.random.default_rng(seed)
    east, north = (half - BORDER_M - STRESS_M for half in land.half_m)
    return Point(rng.uniform(-east, east), rng.uniform(-north, north)).buffer(STRESS_M)


def field_of(land: Scene, name: str, crop: str) -> Field:
    """Return the field of a piece of land, as its farmer would draw it."""
    east, north = (half - BORDER_M for half in land.half_m)
    border = shapely.box(-east, -north, east, north)
    boundary = MultiPolygon([land.frame.geometry_to_lonlat(border)])
    return Field(name=name, boundary=boundary, crop=crop)


def fields(world: World) -> tuple[Field, Field]:
    """Return the farm's two fields."""
    return (field_of(world.orchard, ORCHARD, "Vải PH40"), field_of(world.paddy, PADDY, "Lúa xuân"))


def surroundings(world: World) -> tuple[list[Obstacle], list[SensitiveSite], list[Pad]]:
    """Return what stands and lives around the fields, and where aircraft may stand."""
    place = world.orchard.frame.geometry_to_lonlat
    wet = world.paddy.frame.geometry_to_lonlat
    east, north = (half - BORDER_M for half in world.orchard.half_m)
    far_east, far_north = (half - BORDER_M for half in world.paddy.half_m)
    house = place(shapely.box(east + 74.0, -8.0, east + 86.0, 4.0))
    worms = wet(shapely.box(-far_east, -far_north - 76.0, far_east, -far_north - 44.0))
    pads = (place(Point(east + 12.0, north - 6.0)), wet(Point(-far_east - 12.0, far_north - 6.0)))
    return (
        [Obstacle(name="Nhà bà Hường", kind=ObstacleKind.HOUSE, geometry=house, height_m=6.0)],
        [SensitiveSite(name="Ruộng rươi", kind=SensitiveKind.RUOI, geometry=worms)],
        [Pad(name=name, place=LonLat(lon_deg=spot.x, lat_deg=spot.y))
         for name, spot in zip(("Sân phơi", "Bờ mương"), pads, strict=True)],
    )  # fmt: skip
