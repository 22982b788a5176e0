"""Synthetic sites drawn in metres around a place, for whoever plans or judges flights there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from shapely import affinity
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from agri.field import (
    Field,
    NoFlyZone,
    Obstacle,
    ObstacleKind,
    Pad,
    SensitiveKind,
    SensitiveSite,
)
from agri.geo import LocalFrame, LonLat
from missions.flightplan import Site

DONG_TRIEU = LonLat(lon_deg=106.51, lat_deg=21.08)
TROMSO = LonLat(lon_deg=18.95, lat_deg=69.65)


class Draft:
    """A site under way: shapes in metres east and north of `origin`, turned by `turn_deg`."""

    def __init__(self, origin: LonLat = DONG_TRIEU, turn_deg: float = 0.0) -> None:
        self.frame = LocalFrame(origin)
        self.turn_deg = turn_deg

    def __call__(self, shape: BaseGeometry) -> BaseGeometry:
        turned = affinity.rotate(shape, self.turn_deg, origin=(0.0, 0.0))
        return self.frame.geometry_to_lonlat(turned)

    def place(self, east_m: float, north_m: float) -> LonLat:
        point = affinity.rotate(Point(east_m, north_m), self.turn_deg, origin=(0.0, 0.0))
        return self.frame.place(point.x, point.y)

    def site(
        self,
        field: Polygon | MultiPolygon,
        pad: tuple[float, float],
        obstacles: tuple[Obstacle, ...] = (),
        zones: tuple[Polygon, ...] = (),
        sensitive: tuple[SensitiveSite, ...] = (),
        crop: str = "lúa",
    ) -> Site:
        return Site(
            field=Field(name="Ruộng thử", boundary=self(field), crop=crop),
            pad=Pad(name="Sân thử", place=self.place(*pad)),
            obstacles=obstacles,
            sensitive_sites=sensitive,
            no_fly_zones=tuple(NoFlyZone(name="Khu cấm", area=self(zone)) for zone in zones),
        )

    def obstacle(
        self, kind: ObstacleKind, shape: BaseGeometry, height_m: float = 6.0, name: str = ""
    ) -> Obstacle:
        return Obstacle(kind=kind, geometry=self(shape), height_m=height_m, name=name)


def open_paddy(draft: Draft) -> Site:
    """A plain paddy of 2.4 ha, the pad at its corner."""
    return draft.site(box(0, 0, 200, 120), (8.0, 8.0))


def house_in_field(draft: Draft) -> Site:
    """A house in the middle of the field, which no leg may cross."""
    house = draft.obstacle(ObstacleKind.HOUSE, box(95, 55, 107, 65), name="Nhà vườn")
    return draft.site(box(0, 0, 200, 120), (10.0, 10.0), (house,))


def pad_outside(draft: Draft) -> Site:
    """A pad in a yard 60 m from the field."""
    return draft.site(box(0, 0, 150, 100), (-60.0, 30.0))


def power_line_along_edge(draft: Draft) -> Site:
    """A power line along the northern border, 6 m outside."""
    line = draft.obstacle(ObstacleKind.POWER_LINE, LineString([(-50, 106), (250, 106)]), 9.0)
    return draft.site(box(0, 0, 200, 100), (100.0, -12.0), (line,))


def l_shape(draft: Draft) -> Site:
    """An L whose notch is a neighbour's land."""
    field = Polygon([(0, 0), (200, 0), (200, 60), (70, 60), (70, 180), (0, 180)])
    return draft.site(field, (-12.0, 20.0))


def pond_hole(draft: Draft) -> Site:
    """A pond in an orchard: flown over, never landed on."""
    pond = box(60, 40, 100, 70)
    field = Polygon([(0, 0), (180, 0), (180, 120), (0, 120)], [pond.exterior.coords])
    water = SensitiveSite(name="Ao cá", kind=SensitiveKind.WATER, geometry=draft(pond))
    return draft.site(field, (-12.0, 60.0), sensitive=(water,), crop="vải")


def graves_and_trees(draft: Draft) -> Site:
    """A no-fly zone at the border, a tall tree inside, low trees about."""
    trees = [draft.obstacle(ObstacleKind.TREE, Point(140, 80), 45.0, "Cây đa")]
    trees += [draft.obstacle(ObstacleKind.TREE, Point(x, 30), 8.0) for x in range(20, 200, 30)]
    return draft.site(box(0, 0, 220, 110), (10.0, -10.0), tuple(trees), (box(60, 90, 80, 120),))


def two_parts(draft: Draft) -> Site:
    """One field in two parts with a lane between them."""
    parts = MultiPolygon([box(0, 0, 90, 80), box(110, 10, 200, 90)])
    return draft.site(parts, (100.0, -10.0))


def slanted_strip(draft: Draft) -> Site:
    """A long strip that lies across all grid directions."""
    strip = affinity.rotate(box(0, 0, 320, 35), 33.0, origin=(0.0, 0.0))
    return draft.site(strip, (-10.0, -8.0))


SITES: Mapping[str, Callable[[Draft], Site]] = MappingProxyType(
    {
        make.__name__: make
        for make in (
            open_paddy,
            house_in_field,
            pad_outside,
            power_line_along_edge,
            l_shape,
            pond_hole,
            graves_and_trees,
            two_parts,
            slanted_strip,
        )
    }
)
