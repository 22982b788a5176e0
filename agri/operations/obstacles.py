"""What stands around one field: seen, entered, removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agri.errors import BadInput, NotFound
from agri.field import Field, Obstacle, ObstacleKind
from agri.operations.layers import Layer, around_layers
from agri.operations.planning import near_m, standing_near
from agri.workspace import Workspace
from agri.workspace.sitebook import V

FARTHEST_M = 2_000.0
"""An obstacle drawn farther from the field than this was put in the wrong place."""


def add_obstacles(
    farm: Workspace, found: Sequence[Obstacle], there: Sequence[Obstacle]
) -> tuple[Obstacle, ...]:
    """Store what stands in the way, without what is `there` already, alike in all."""
    return farm.add_obstacles(new_ones(found, there))


def new_ones(found: Sequence[V], there: Sequence[V]) -> list[V]:
    """Return what is not there yet, alike in all but its key."""
    known = [replace(one, uid="") for one in there]
    return [one for one in found if replace(one, uid="") not in known]


def enter_obstacle(farm: Workspace, field: Field, obstacle: Obstacle) -> None:
    """Keep an obstacle near a field; the very same one is kept once.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    field : Field
        On whose map it was drawn.
    obstacle : Obstacle
        What stands there.

    Raises
    ------
    BadInput
        When it is far from the field, or a power line that is no line.
    StoreError
        When the farm cannot be written.
    """
    away_m = near_m(field, obstacle.geometry)
    if away_m > FARTHEST_M:
        raise BadInput("error.obstacle_far", field=field.name, away_m=away_m)
    if obstacle.kind is ObstacleKind.POWER_LINE and obstacle.geometry.geom_type == "Point":
        raise BadInput("error.obstacle_line")
    add_obstacles(farm, [obstacle], farm.farm_with_findings()[0].obstacles)


def remove_obstacle(farm: Workspace, uid: str) -> Obstacle:
    """Remove an obstacle that is no longer there, and return it.

    Raises
    ------
    NotFound
        When no obstacle has this key.
    """
    found = [one for one in farm.farm_with_findings()[0].obstacles if one.uid == uid]
    if not found:
        raise NotFound("error.no_obstacle")
    farm.remove(uid)
    return found[0]


def obstacles_of(farm: Workspace, field: Field) -> tuple[Obstacle, ...]:
    """Return what stands near a field, as its plans are made around it."""
    return standing_near(farm.farm_with_findings()[0], field)[0]


def around(farm: Workspace, field: Field) -> list[Layer]:
    """Return a field and what stands and lives near it, drawn."""
    return around_layers(field, *standing_near(farm.farm_with_findings()[0], field))
