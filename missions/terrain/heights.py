"""At which heights a flight is flown: one question, asked by whoever writes items.

`Heights` is the question. Its answers are `Flat` (one height above home, for level ground),
`AboveTerrain` (one height, which the aircraft itself keeps above what is beneath it: MAVLink
frame 10) and `missions.terrain.model.HeightModel` (heights above home, worked out from a ground
grid). A plan has one frame, so it uses one of them, for all its ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agri.findings import Finding
from missions.airspace.route import Place
from missions.items import Frame
from missions.preflight.vehicle import terrain_requirements


class Heights(Protocol):
    """At which heights places are flown."""

    @property
    def frame(self) -> Frame:
        """What the heights are above."""

    def along(self, points: Sequence[Place]) -> list[tuple[Place, float]]:
        """Return the way through `points` (local metres) with heights, corners added."""


def along_ways(
    heights: Heights, ways: Sequence[Sequence[Place]]
) -> list[list[tuple[Place, float]]]:
    """Return ways flown one after the other with heights that agree where they meet.

    Parameters
    ----------
    heights : Heights
        What is asked, once, for all.
    ways : sequence of sequence of (east_m, north_m)
        Each with at least one place.

    Returns
    -------
    list of list of (place, height_m)
        One for each way; it begins and ends with the way's own places.

    Examples
    --------
    >>> along_ways(Flat(height_m=3.0), [[(0.0, 0.0), (5.0, 0.0)], [(5.0, 0.0)]])
    [[((0.0, 0.0), 3.0), ((5.0, 0.0), 3.0)], [((5.0, 0.0), 3.0)]]
    """
    told = iter(heights.along([place for way in ways for place in way]))
    found = []
    for way in ways:
        part: list[tuple[Place, float]] = []
        for number, place in enumerate(way):
            while (entry := next(told))[0] != place:
                part += [entry] if number else []
            part.append(entry)
        found.append(part)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """Heights of one flight whose ways were asked for at once, so that they agree where they meet.

    Parameters
    ----------
    heights : Heights
        What is asked.
    ways : tuple of tuple of (east_m, north_m)
        All ways of the flight, in flying order.

    Examples
    --------
    >>> ways = (((0.0, 0.0), (5.0, 0.0)), ((5.0, 0.0), (5.0, 9.0)))
    >>> Agreed(heights=Flat(height_m=3.0), ways=ways).along(ways[1])
    [((5.0, 0.0), 3.0), ((5.0, 9.0), 3.0)]
    """

    heights: Heights
    ways: tuple[tuple[Place, ...], ...]
    _told: dict[tuple[Place, ...], list[tuple[Place, float]]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        told: dict[tuple[Place, ...], list[tuple[Place, float]]] = {}
        for way, found in zip(self.ways, along_ways(self.heights, self.ways), strict=True):
            told.setdefault(way, found)
            told.setdefault(way[:1], found[:1])
            told.setdefault(way[-1:], found[-1:])
        object.__setattr__(self, "_told", told)

    @property
    def frame(self) -> Frame:
        """What the heights are above."""
        return self.heights.frame

    def along(self, points: Sequence[Place]) -> list[tuple[Place, float]]:
        """Return one of the ways, or a place where one begins or ends, as it was told.

        A way that is none of the flight's is asked for by itself.
        """
        known = self._told.get(tuple(points))
        return self.heights.along(points) if known is None else list(known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flat:
    """One height above home, for ground as level as a paddy.

    Parameters
    ----------
    height_m : float
        Above home.

    Examples
    --------
    >>> Flat(height_m=3.0).along([(0.0, 0.0), (50.0, 0.0)])
    [((0.0, 0.0), 3.0), ((50.0, 0.0), 3.0)]
    """

    height_m: float

    @property
    def frame(self) -> Frame:
        """Above home."""
        return Frame.RELATIVE

    def along(self, points: Sequence[Place]) -> list[tuple[Place, float]]:
        """Return every point with the one height."""
        return [(point, self.height_m) for point in points]


@dataclass(frozen=True, slots=True, kw_only=True)
class AboveTerrain:
    """One height above what is beneath, kept by the aircraft itself (frame 10).

    Parameters
    ----------
    height_m : float
        Above the ground, or the crop's top, as a rangefinder sees it.
    """

    height_m: float

    @property
    def frame(self) -> Frame:
        """Above terrain."""
        return Frame.TERRAIN

    def along(self, points: Sequence[Place]) -> list[tuple[Place, float]]:
        """Return every point with the one height."""
        return [(point, self.height_m) for point in points]

    @property
    def findings(self) -> list[Finding]:
        """The conditions such a flight depends on, and the parameters that tell."""
        needs = ", ".join(f"{n.name} = {n.wanted:g}" for n in terrain_requirements(self.height_m))
        return [
            Finding.warning("finding.terrain_frame", height_m=self.height_m, parameters=needs),
        ]
