"""An invalid field, obstacle or zone cannot exist."""

from __future__ import annotations

import pytest
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box

from agri.errors import BadInput
from agri.field import Field, NoFlyZone, Obstacle, ObstacleKind

PLOT = box(106.510, 21.080, 106.511, 21.081)


def test_a_polygon_becomes_a_multipolygon() -> None:
    assert isinstance(Field(name="Ruộng", boundary=PLOT).boundary, MultiPolygon)
    assert isinstance(NoFlyZone(name="Trường học", area=PLOT).area, MultiPolygon)


def test_a_field_without_a_name_is_refused() -> None:
    with pytest.raises(BadInput, match="needs a name"):
        Field(name="  ", boundary=PLOT)


@pytest.mark.parametrize(
    "boundary",
    [
        Polygon(),
        Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]),
        box(400000, 2300000, 400100, 2300100),
        box(106.5, 21.0, 106.6, 21.1),
        box(106.5, 21.0, 106.500001, 21.000001),
    ],
)
def test_a_boundary_that_cannot_be_a_field_is_refused(boundary: Polygon) -> None:
    with pytest.raises(BadInput):
        Field(name="Ruộng", boundary=boundary)


def test_an_obstacle_takes_the_clearance_of_its_kind() -> None:
    pole = Obstacle(kind=ObstacleKind.POLE, geometry=Point(106.51, 21.08), height_m=9)
    assert pole.clearance_m == 5.0


def test_nobody_may_plan_nearer_than_ten_metres_to_a_power_line() -> None:
    line = LineString([(106.51, 21.08), (106.52, 21.08)])
    with pytest.raises(BadInput, match="10 m or more"):
        Obstacle(kind=ObstacleKind.POWER_LINE, geometry=line, height_m=12, clearance_m=4)
    with pytest.raises(BadInput, match="500 m"):
        Obstacle(kind=ObstacleKind.TREE, geometry=line, height_m=900)
