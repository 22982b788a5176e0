"""A spray route: pieces of work in the order they are flown, in local metres.

A `Pass` is flown in one go with the sprayer on from its first point to its last: a swath, a bent
edge pass, a row of trees; or a spot over one tree, with one point and a dwelling time. A
`SprayRoute` is the passes of one job and where the aircraft may fly between them. Planners make
routes (`missions.spray.planning` for fields, `missions.orchard.trees` for trees), `missions.sortie`
cuts them by tank and battery, `missions.passes.items` turns one into the items of a flight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput
from agri.findings import Finding
from missions.airspace.route import Place

WHOLE_M = 1e-6
"""A part that leaves out less of an end is flown into it, or out of it, as the whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """A piece of work flown in one go, the sprayer on from its first point to its last.

    Parameters
    ----------
    points : tuple of (east_m, north_m)
        Local metres; one point is a spot, hovered over.
    width_m : float
        Swath width; of a spot the diameter treated.
    rate_l_ha : float
        Rate over the swath (0 for a spot).
    speed_m_s : float
        Ground speed (0 for a spot).
    spot_l, dwell_s : float
        Litres given and seconds hovered over a spot; 0 for a swath.
    lead_m, tail_m : float or None
        Run-up and run-out of the flight of which it is the rest, 0 for a stop; None, of a new pass,
        for what there is room for.

    Raises
    ------
    BadInput
        When it has no point, no width, or nothing to give.

    Examples
    --------
    >>> swath = Pass(points=((0, 0), (100, 0)), width_m=5.0, rate_l_ha=20.0, speed_m_s=5.0)
    >>> swath.length_m, swath.litres, swath.part(20.0, 60.0).litres
    (100.0, 1.0, 0.4)
    """

    points: tuple[Place, ...]
    width_m: float
    rate_l_ha: float = 0.0
    speed_m_s: float = 0.0
    spot_l: float = 0.0
    dwell_s: float = 0.0
    lead_m: float | None = None
    tail_m: float | None = None

    def __post_init__(self) -> None:
        numbers = [self.width_m, self.rate_l_ha, self.speed_m_s, self.spot_l, self.dwell_s]
        numbers += [value for point in self.points for value in point]
        spot = self.is_spot and self.spot_l > 0.0 and self.dwell_s > 0.0
        swath = len(self.points) > 1 and self.rate_l_ha > 0.0 and self.speed_m_s > 0.0
        if not all(map(math.isfinite, numbers)) or not self.width_m > 0.0 or not (spot or swath):
            raise BadInput("error.spray_pass")

    @property
    def is_spot(self) -> bool:
        """Whether it is hovered over one place."""
        return len(self.points) == 1

    @property
    def length_m(self) -> float:
        """Length of its way, 0 for a spot."""
        return sum(math.dist(a, b) for a, b in pairwise(self.points))

    @property
    def litres(self) -> float:
        """Mixture it takes."""
        return self.spot_l + self.rate_l_ha * self.width_m * self.length_m / 10_000.0

    @property
    def time_s(self) -> float:
        """Time with the sprayer on, at full speed all along."""
        return self.dwell_s + (self.length_m / self.speed_m_s if self.speed_m_s else 0.0)

    def part(self, start_m: float, end_m: float) -> Pass:
        """Return the piece of a swath between two distances from its beginning."""
        so_far = [0.0, *accumulate(math.dist(a, b) for a, b in pairwise(self.points))]
        inner = [p for p, far in zip(self.points, so_far, strict=True) if start_m < far < end_m]
        points = (self.at(start_m), *inner, self.at(end_m))
        return replace(
            self,
            points=points,
            lead_m=self.lead_m if start_m <= WHOLE_M else None,
            tail_m=self.tail_m if end_m >= so_far[-1] - WHOLE_M else None,
        )

    def at(self, far_m: float) -> Place:
        """Return the place at a distance from its beginning."""
        left = max(0.0, far_m)
        for (e0, n0), (e1, n1) in pairwise(self.points):
            step = math.dist((e0, n0), (e1, n1))
            if left <= step and step > 0.0:
                return e0 + (e1 - e0) * left / step, n0 + (n1 - n0) * left / step
            left -= step
        return self.points[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class SprayRoute:
    """The work of one job, or of one sortie of it, in flying order.

    Parameters
    ----------
    passes : tuple of Pass
        In flying order.
    home : (east_m, north_m)
        The pad.
    allowed : shapely.Polygon or MultiPolygon
        Where every leg must stay, local metres; one piece that holds home and all passes.
    treatable : shapely.Polygon or MultiPolygon
        What may be sprayed, local metres: field less obstacles, clearances and buffers.
    angle_deg : float
        Direction of the lines, degrees clockwise from north; NaN where there is none.
    findings : tuple of Finding
        What the planner could not do as asked: trees left out, and why.
    """

    passes: tuple[Pass, ...]
    home: Place
    allowed: BaseGeometry
    treatable: BaseGeometry
    angle_deg: float
    findings: tuple[Finding, ...] = ()

    @property
    def litres(self) -> float:
        """Mixture of all passes."""
        return sum(work.litres for work in self.passes)

    @property
    def work_m(self) -> float:
        """Length of all passes."""
        return sum(work.length_m for work in self.passes)
