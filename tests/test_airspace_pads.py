"""A suggested take-off place is inside the field and away from everything that can be hit."""

from __future__ import annotations

import pytest
from shapely.geometry import Point, box

from agri.errors import Refused
from agri.field import Field, NoFlyZone, Obstacle, ObstacleKind, Pad
from agri.geo import LocalFrame, LonLat
from missions.airspace.pads import CLEAR_M, nearest_pad, suggest_pad

FRAME = LocalFrame(LonLat(lon_deg=106.51, lat_deg=21.08))
FIELD = Field(name="Ruộng", boundary=FRAME.geometry_to_lonlat(box(0, 0, 100, 60)))


def house_at(east_m: float, north_m: float) -> Obstacle:
    return Obstacle(
        kind=ObstacleKind.HOUSE,
        geometry=FRAME.geometry_to_lonlat(Point(east_m, north_m).buffer(4)),
        height_m=5,
    )


def test_a_pad_is_suggested_inside_the_field_far_from_the_house() -> None:
    house = house_at(10, 10)
    east, north = FRAME.metres(suggest_pad(FIELD, [house]).place)
    assert box(3, 3, 97, 57).contains(Point(east, north))
    assert Point(east, north).distance(Point(10, 10)) > 70


def test_no_pad_is_suggested_where_nothing_is_clear() -> None:
    zone = NoFlyZone(name="Trường", area=FRAME.geometry_to_lonlat(box(-50, -50, 150, 110)))
    with pytest.raises(Refused, match="no place"):
        suggest_pad(FIELD, [], [zone])
    assert CLEAR_M >= 10


def test_a_strip_too_narrow_for_an_inner_border_still_gets_a_pad() -> None:
    strip = Field(name="Dải", boundary=FRAME.geometry_to_lonlat(box(0, 0, 100, 6)))
    east, north = FRAME.metres(suggest_pad(strip).place)
    assert box(0, 0, 100, 6).contains(Point(east, north))


def test_the_farms_own_pad_is_taken_when_it_is_in_sight() -> None:
    near = Pad(name="Gần", place=FRAME.place(120, 30))
    nearer = Pad(name="Gần hơn", place=FRAME.place(104, 30))
    far = Pad(name="Xa", place=FRAME.place(900, 30))
    assert nearest_pad(FIELD, [far, near, nearer]) == nearer
    assert nearest_pad(FIELD, [far]) is None
