"""Where to take off when the farm has no pad for a field: suggested, never taken for granted.

People are hurt at take-off and landing more than anywhere else, so a suggested pad is announced
with a warning and must be looked at. It lies inside the field, `FROM_BORDER_M` from its border
(nobody else's land, and near enough to walk to), as far as possible from every obstacle,
sensitive site and no-fly zone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from shapely.ops import unary_union

from agri.errors import Refused
from agri.field import Field, NoFlyZone, Obstacle, Pad
from agri.geo import LocalFrame

FROM_BORDER_M = 4.0
"""Distance of a suggested pad from the field's border (an assumption: two rotor spans)."""
CLEAR_M = 10.0
"""Least distance of a pad from anything an aircraft must keep away from, beyond its clearance."""
STEP_M = 2.0
"""Spacing of the places tried along the border."""
NEAR_M = 500.0
"""A farm's pad serves the fields within this distance: in sight of the pilot."""


def nearest_pad(field: Field, pads: Sequence[Pad]) -> Pad | None:
    """Return the pad nearest to `field`, None when none lies within `NEAR_M`.

    Parameters
    ----------
    field : Field
        The field to be flown.
    pads : sequence of Pad
        The farm's pads.

    Returns
    -------
    Pad or None
        The nearest one; the first named of two that are equally near.
    """
    frame = field.frame
    area = frame.geometry_to_local(field.boundary)
    reach = [(area.distance(shapely.Point(frame.metres(pad.place))), pad.name, pad) for pad in pads]
    near = [entry for entry in reach if entry[0] <= NEAR_M]
    return min(near, key=lambda entry: entry[:2])[2] if near else None


def suggest_pad(
    field: Field, obstacles: Sequence[Obstacle] = (), no_fly_zones: Sequence[NoFlyZone] = ()
) -> Pad:
    """Suggest a place to take off and land inside `field`.

    Parameters
    ----------
    field : Field
        The field to be flown.
    obstacles : sequence of Obstacle
        What stands around it.
    no_fly_zones : sequence of NoFlyZone
        Areas nobody flies over.

    Returns
    -------
    Pad
        Named after the field.

    Raises
    ------
    Refused
        When no place in the field is `CLEAR_M` away from what must be kept away from.
    """
    frame = field.frame
    area = frame.geometry_to_local(field.boundary)
    inner = area.buffer(-FROM_BORDER_M)
    places = shapely.get_coordinates(
        [part.representative_point() for part in area.geoms]
        if inner.is_empty
        else shapely.segmentize(inner.boundary, STEP_M)
    )
    clearance = _clearance(places, frame, obstacles, no_fly_zones)
    best = int(np.argmax(np.round(clearance, 3)))
    if clearance[best] < CLEAR_M:
        raise Refused("error.pad_nowhere", field=field.name, clear_m=CLEAR_M)
    return Pad(name=field.name, place=frame.place(*map(float, places[best])))


def _clearance(
    places: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    frame: LocalFrame,
    obstacles: Sequence[Obstacle],
    no_fly_zones: Sequence[NoFlyZone],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the distance of each place to the nearest thing to avoid, capped at 100 m."""
    avoided = [
        frame.geometry_to_local(obstacle.geometry).buffer(obstacle.clearance_m)
        for obstacle in obstacles
    ] + [frame.geometry_to_local(zone.area) for zone in no_fly_zones]
    if not avoided:
        return np.full(len(places), 100.0)
    distance = shapely.distance(shapely.points(places), unary_union(avoided))
    return np.minimum(np.asarray(distance, dtype=np.float64), 100.0)
