"""From where spray may not be let go, because the wind would carry it to what lives near by.

Theory of operation
-------------------
Every kind of place has two distances (`DISTANCES`): one that holds on every side, and a longer
one that holds when the place lies downwind of the spraying. They are agri's own defaults, since
no Vietnamese rule with figures was found; where a product's label asks for more, the label wins.

1. **Stretched.** The distance downwind grows with the wind, the height over the ground and the
   fineness of the droplets (`missions.drift.droplets.stretch`), and is never less than the table's.
   The distance on every side stays: against the wind nothing drifts, what is kept there is for
   eddies, for errors of position, and for a windsock misread.
2. **Turned.** Winds near the ground swing: `SWING_DEG` to either side of the direction told the
   whole distance downwind holds; beyond it falls without a step (`missions.drift.sweep.reach_m`).
3. **Unknown direction.** The distance downwind then holds on all sides. So it does in a calm
   (below `CALM_M_S`): calm air is not air without drift, it moves whichever way the next breath
   goes, and over cold ground fine droplets hang in it.
4. **Grown.** A buffer is the sensitive area swept against the wind and widened
   (`missions.drift.sweep.grown`), exact but for arcs, which lie outside the true ones.

More wind, finer droplets or greater height never make a buffer smaller, with one step: where calm
ends, the direction counts, and the side against the wind falls back to its own distance.

The area itself lies in its buffer: water and rươi paddies are never sprayed, also where a field
overlaps them, and a field of rươi is refused for any product.

Edges of the field: the swath's own edge stays on the border (its middle half a swath inside). A
distance told for an edge is taken for a neighbour's crop: it holds on that edge, and, as the
table's 5 m and 10 m, twice as far when the edge lies downwind. Which edges have a neighbour's
crop behind them agri cannot know: a plan that names none says so when it is checked.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import pairwise

from shapely.geometry import LineString, MultiLineString, MultiPolygon
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput, Refused
from agri.field import Field, ObstacleKind
from agri.geo import LocalFrame
from agri.weather import Wind
from agri.words import Message
from missions.airspace.pose import Pose
from missions.drift.droplets import SWING_DEG, conditions, downwind_of, stretch
from missions.drift.limits import SprayLimits, go_no_go
from missions.drift.sweep import grown, reach, reach_m
from missions.flightplan import Site
from missions.sprayer.job import SpraySettings

__all__ = [
    "DISTANCES",
    "Buffer",
    "BufferKind",
    "Distances",
    "SprayLimits",
    "border_edges",
    "buffers",
    "default_buffers",
    "go_no_go",
    "is_ruoi_field",
    "past_edge_m",
]


class BufferKind(StrEnum):
    """What a buffer is kept from."""

    WATER = "water"
    HOUSE = "house"
    BEES = "bees"
    ORGANIC = "organic"
    RUOI = "ruoi"
    ROAD = "road"
    EDGE = "edge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Distances:
    """Distances kept from a kind of place.

    Parameters
    ----------
    around_m : float
        On every side.
    downwind_m : float
        When the place lies downwind, under the reference conditions of `missions.drift.droplets`.
    source : str
        Where they come from.
    """

    around_m: float
    downwind_m: float
    source: str


_OWN = "agri's default; no Vietnamese rule with figures was found, labels and custom may ask more"

DISTANCES = {
    BufferKind.WATER: Distances(around_m=20.0, downwind_m=50.0, source=_OWN),
    BufferKind.BEES: Distances(around_m=20.0, downwind_m=50.0, source=_OWN),
    BufferKind.ORGANIC: Distances(around_m=20.0, downwind_m=50.0, source=_OWN),
    BufferKind.HOUSE: Distances(around_m=30.0, downwind_m=50.0, source=_OWN),
    BufferKind.ROAD: Distances(around_m=30.0, downwind_m=50.0, source=_OWN),
    BufferKind.RUOI: Distances(
        around_m=50.0,
        downwind_m=100.0,
        source="assumption: twice the water's downwind; rươi is eaten, and lives in mud that "
        "keeps what reaches it",
    ),
    BufferKind.EDGE: Distances(around_m=5.0, downwind_m=10.0, source=_OWN),
}
"""The table. Ground deposits of small spraying copters were measured out to 50 m downwind."""

_PEOPLE = {ObstacleKind.HOUSE: BufferKind.HOUSE, ObstacleKind.ROAD: BufferKind.ROAD}
"""Obstacles where people are."""
RUOI_WORDS = frozenset({"rươi", "ruơi", "rưoi", "ruoi"})
"""How the worm is written; "rưỡi" (a half) and "ruồi" (a fly) are other words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffer:
    """An area no spray may be let go in.

    Parameters
    ----------
    name : str
        Of the place it is kept from, "" when it has none.
    kind : BufferKind
        What it is kept from.
    area : shapely.Polygon or MultiPolygon
        Local metres; holds the place itself.
    around_m, downwind_m : float
        Distances kept on every side, and when the place lies downwind.
    from_deg : float or None
        Where the wind comes from; None when every side counts as downwind.
    """

    name: str
    kind: BufferKind
    area: BaseGeometry
    around_m: float
    downwind_m: float
    from_deg: float | None

    @property
    def reason(self) -> str:
        """Key of the sentence that tells why."""
        return f"page.buffer_{self.kind.value}"

    @property
    def message(self) -> Message:
        """The sentence that tells why, with its distances."""
        return Message.of(
            self.reason, name=self.name, around_m=self.around_m, downwind_m=self.downwind_m
        )

    def distance_m(self, towards_deg: float) -> float:
        """Return the distance kept from the place when it lies in a direction.

        Parameters
        ----------
        towards_deg : float
            From the spray to the place, degrees clockwise from north.
        """
        if self.from_deg is None:
            return self.downwind_m
        off_deg = towards_deg - (self.from_deg + 180.0)
        return reach_m(self.around_m, self.downwind_m, off_deg, SWING_DEG)


def is_ruoi_field(field: Field) -> bool:
    """Return whether a field is, by its crop or its name, a rươi paddy.

    Examples
    --------
    >>> from shapely.geometry import box
    >>> [is_ruoi_field(Field(name=name, boundary=MultiPolygon([box(106, 21, 106.001, 21.001)])))
    ...  for name in ("Bãi rươi 2", "Hai sào rưỡi")]
    [True, False]
    """
    text = unicodedata.normalize("NFC", f"{field.crop} {field.name}").casefold()
    words = "".join(letter if letter.isalnum() else " " for letter in text).split()
    return not RUOI_WORDS.isdisjoint(words)


def buffers(
    site: Site, settings: SpraySettings, frame: LocalFrame, wind: Wind | None = None
) -> tuple[Buffer, ...]:
    """Return from where a job may not spray.

    Parameters
    ----------
    site : Site
        The field and what lives around it.
    settings : SpraySettings
        Height, droplets, label and distances from edges.
    frame : LocalFrame
        The frame of the answer.
    wind : Wind, optional
        The wind; the one the job is planned for when not given.

    Returns
    -------
    tuple of Buffer
        Sensitive places, houses and roads in the order of the site, then edges of the field.

    Raises
    ------
    Refused
        When the field is a rươi paddy.
    BadInput
        When a distance is told for an edge the field has not.
    """
    if is_ruoi_field(site.field):
        raise Refused("error.ruoi_field", name=site.field.name)
    wind = settings.wind if wind is None else wind
    factor = stretch(conditions(settings, wind))
    label_m = settings.product.label_buffer_m
    draw = partial(_buffer, from_deg=downwind_of(wind), ahead_deg=_ahead_deg(site, frame))
    found = _places(site, frame, draw, factor, label_m)
    return (*found, *_edges(site.field, settings, frame, draw, factor))


def default_buffers(site: Site, frame: LocalFrame) -> tuple[Buffer, ...]:
    """Return the least buffers of a spraying of which nothing is told: wind from anywhere.

    Raises
    ------
    Refused
        When the field is a rươi paddy.
    """
    if is_ruoi_field(site.field):
        raise Refused("error.ruoi_field", name=site.field.name)
    draw = partial(_buffer, from_deg=None, ahead_deg=_ahead_deg(site, frame))
    return _places(site, frame, draw, 1.0, 0.0)


_Draw = Callable[[str, BufferKind, BaseGeometry, tuple[float, float]], Buffer]
"""Draws a buffer in one wind."""


def _places(
    site: Site, frame: LocalFrame, draw: _Draw, factor: float, label_m: float
) -> tuple[Buffer, ...]:
    kept = [(s.name, BufferKind(s.kind.value), s.geometry) for s in site.sensitive_sites]
    kept += [(o.name, _PEOPLE[o.kind], o.geometry) for o in site.obstacles if o.kind in _PEOPLE]
    return tuple(
        draw(
            name,
            kind,
            frame.geometry_to_local(geometry),
            (
                max(DISTANCES[kind].around_m, label_m),
                max(DISTANCES[kind].downwind_m * factor, label_m),
            ),
        )
        for name, kind, geometry in kept
    )


def _buffer(
    name: str,
    kind: BufferKind,
    shape: BaseGeometry,
    kept_m: tuple[float, float],
    *,
    from_deg: float | None,
    ahead_deg: float,
) -> Buffer:
    around_m, downwind_m = kept_m
    corners = reach(around_m, downwind_m, from_deg, SWING_DEG, ahead_deg)
    return Buffer(
        name=name,
        kind=kind,
        area=grown(shape, corners),
        around_m=around_m,
        downwind_m=downwind_m,
        from_deg=from_deg,
    )


def _ahead_deg(site: Site, frame: LocalFrame) -> float:
    """Return a direction that turns with a site."""
    field = frame.geometry_to_local(site.field.boundary)
    return Pose.of(field, frame.metres(site.pad.place)).ahead_deg


def border_edges(boundary: MultiPolygon) -> list[LineString]:
    """Return the edges of a field as `EdgeClearance` numbers them, the first one at index 0."""
    rings = [ring for part in boundary.geoms for ring in (part.exterior, *part.interiors)]
    return [LineString(edge) for ring in rings for edge in pairwise(ring.coords)]


def _edges(
    field: Field,
    settings: SpraySettings,
    frame: LocalFrame,
    draw: _Draw,
    factor: float,
) -> tuple[Buffer, ...]:
    edges = border_edges(field.boundary)
    told = dict.fromkeys(range(1, len(edges) + 1), settings.clearance_m)
    for edge in settings.edges:
        if edge.edge not in told:
            raise BadInput("error.edge_unknown", edge=edge.edge, count=len(edges))
        told[edge.edge] = edge.clearance_m
    table = DISTANCES[BufferKind.EDGE]
    times = factor * table.downwind_m / table.around_m
    found = []
    for clearance_m in sorted({value for value in told.values() if value > 0.0}):
        lines = [edges[number - 1] for number, value in told.items() if value == clearance_m]
        shape = frame.geometry_to_local(MultiLineString(lines))
        name = ", ".join(str(number) for number, value in told.items() if value == clearance_m)
        kept_m = (clearance_m, clearance_m * times)
        found.append(draw(name, BufferKind.EDGE, shape, kept_m))
    return tuple(found)


def past_edge_m(settings: SpraySettings) -> float:
    """Return how far past an edge downwind a neighbour's crop should not stand, metres."""
    return DISTANCES[BufferKind.EDGE].downwind_m * stretch(conditions(settings, settings.wind))
