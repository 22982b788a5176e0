"""Heights of a flight over ground that is not flat.

Theory of operation
-------------------
`HeightModel` is the `missions.terrain.heights.Heights` of sloping ground: heights above home,
worked out from a ground grid.

`HeightModel.along` returns the way with heights, and corners added, so that the straight legs

1. are nowhere lower over the surface, within the strip of the swath, than `min_clearance_m`
   (`Relief.highest_beneath`), and nowhere lower over the centre line than the wished height less
   the tolerance;
2. climb and sink no faster than the aircraft does at the job's speed. Where the ground is steeper
   the flight rises before a slope and sinks behind it: it only ever errs upwards, and a finding
   says by how much and which speed would hold the height;
3. are within the tolerance of the wished height over the centre line wherever 1 and 2 allow it
   (between two samples half a pixel apart the surface is taken as it is interpolated);
4. have few corners: the item store of an autopilot is small (`missions.terrain.fit`).

The first and the last place of a way are flown at the wished height itself, so that two ways that
meet there agree, unless one of them must be higher for a slope nearby. `heights.Agreed` asks for
all ways of a flight at once, so that they agree always.

Heights go to the wire in centimetres and are rounded upwards; a centimetre of the tolerance and
2 % of the climb are kept for that.

What the heights of a DEM are above does not matter for heights above home, as long as it is the
same everywhere: the DEM's own height at the pad is taken off. It does matter for finding a DEM of
another place or a wrong unit; so where the pad's height above sea is known it is compared.

The way between field and pad, and RETURN_TO_LAUNCH, keep `OVER_M` above the highest thing beneath
them, and where that is higher above the lowest ground than the ceiling, the flight is refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import shapely
from shapely.geometry import LineString, Point
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput, Refused
from agri.field import Obstacle
from agri.findings import Finding
from agri.grid import FloatArray
from missions.airspace.route import Place
from missions.items import Frame
from missions.terrain.fit import Slopes, fewest, lifted, lowered
from missions.terrain.heights import AboveTerrain, Flat, Heights, along_ways
from missions.terrain.relief import Relief, Slope, plane_fit
from missions.terrain.samples import WaySamples, sample_way

__all__ = [
    "AboveTerrain",
    "Flat",
    "HeightModel",
    "Heights",
    "Profile",
    "Slope",
    "along_ways",
    "plane_fit",
]

OVER_M = 10.0
"""Height of ways and returns above the highest thing beneath them."""
ASIDE_M = 5.0
"""Half the width of what counts as beneath a way: wind and the receiver's error."""
ROUNDING_M = 0.01
"""Heights on the wire are whole centimetres."""
SHARE = 0.98
"""Part of the climb that is planned with."""
CLIMB_M_S, DESCENT_M_S = 2.5, 1.5
"""ArduCopter's WPNAV_SPEED_UP and WPNAV_SPEED_DN as delivered."""
CEILING_M, HIGHEST_M = 50.0, 120.0
"""Height above ground of the province's permit, and of any permit."""
SLOWEST_M_S = 0.3
"""No slower job speed is proposed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The heights of one way, and how well they follow the ground.

    Parameters
    ----------
    waypoints : tuple of ((east_m, north_m), height_m)
        Above home.
    over_m : float
        Most that the flight is higher than wished height and tolerance, 0 when it nowhere is.
    over_at : (east_m, north_m)
        Where.
    clearance_m : float
        Least height above the surface within the strip.
    above_ground_m : float
        Greatest height above the ground.
    """

    waypoints: tuple[tuple[Place, float], ...]
    over_m: float
    over_at: Place
    clearance_m: float
    above_ground_m: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeightModel:
    """Heights above home that follow ground and surface (see the head of the module).

    Parameters
    ----------
    relief : Relief
        Ground, surface, canopy.
    home : (east_m, north_m)
        The pad.
    height_m : float
        Wished, above the surface.
    speed_m_s : float
        Job speed.
    swath_m : float
        Width of the strip that is cleared.
    tolerance_m : float
        Above and below the wished height.
    min_clearance_m : float
        Least height above anything in the strip, at most `height_m`.
    climb_m_s, descent_m_s : float
        What the aircraft does.
    ceiling_m : float
        Permitted height above the ground, at most 120.
    findings : tuple of Finding
        What is worth knowing of the grids (`missions.terrain.ground_data`).

    Raises
    ------
    BadInput
        When a setting is out of range or the ground is not told at the pad.
    """

    relief: Relief
    home: Place
    height_m: float
    speed_m_s: float
    swath_m: float
    tolerance_m: float = 0.5
    min_clearance_m: float = 1.5
    climb_m_s: float = CLIMB_M_S
    descent_m_s: float = DESCENT_M_S
    ceiling_m: float = CEILING_M
    findings: tuple[Finding, ...] = ()
    home_ground_m: float = field(init=False)

    def __post_init__(self) -> None:
        ranges = {
            "height_m": (self.height_m, 1.0, self.ceiling_m),
            "speed_m_s": (self.speed_m_s, SLOWEST_M_S, 25.0),
            "swath_m": (self.swath_m, 0.0, 50.0),
            "tolerance_m": (self.tolerance_m, 0.05, 20.0),
            "min_clearance_m": (self.min_clearance_m, 0.5, self.height_m),
            "climb_m_s": (self.climb_m_s, 0.1, 10.0),
            "descent_m_s": (self.descent_m_s, 0.1, 10.0),
            "ceiling_m": (self.ceiling_m, 2.0, HIGHEST_M),
        }
        for name, (value, low, high) in ranges.items():
            if not low <= value <= high:
                raise BadInput("error.terrain_setting", name=name, value=value, low=low, high=high)
        height = self.relief.ground_at(*np.array([self.home]).T)
        if not np.isfinite(height[0]):
            raise BadInput("error.terrain_no_pad", name=self.relief.ground.grid.name)
        object.__setattr__(self, "home_ground_m", float(height[0]))

    @property
    def frame(self) -> Frame:
        """Above home."""
        return Frame.RELATIVE

    @property
    def slopes(self) -> Slopes:
        """Steepest climb and sink at the job's speed."""
        share = SHARE / self.speed_m_s
        return Slopes(up=self.climb_m_s * share, down=self.descent_m_s * share)

    def along(self, points: Sequence[Place]) -> list[tuple[Place, float]]:
        """Return the way through `points` with heights above home, corners added.

        Parameters
        ----------
        points : sequence of (east_m, north_m)
            Local metres; all of them are in the answer, in their order. Give the whole way in one
            call (`missions.terrain.heights.along_ways`): where two calls meet the heights may
            differ.

        Raises
        ------
        BadInput
            When the ground is not told somewhere on the way.
        """
        return list(self.profile(points).waypoints)

    def profile(self, points: Sequence[Place]) -> Profile:
        """Return the heights of a way and how well they follow the ground (see `along`)."""
        samples = self._sampled(points)
        wish = samples.top_m + self.height_m
        low, high = self._bounds(samples, self.slopes)
        if len(wish) == 1:
            found = {0: _upwards(float(np.clip(wish[0], low[0], high[0])))}
        else:
            fitted = fewest(samples.far_m, low, high, self.slopes, sorted(set(samples.corners)))
            found = {index: _upwards(height) for index, height in fitted}
        flown = np.interp(samples.far_m, samples.far_m[list(found)], list(found.values()))
        over = flown - wish - self.tolerance_m
        at = int(np.argmax(over))
        return Profile(
            waypoints=_waypoints(points, samples, found),
            over_m=max(0.0, float(over[at])),
            over_at=(float(samples.places[at, 0]), float(samples.places[at, 1])),
            clearance_m=float((flown - samples.strip_m).min()),
            above_ground_m=float((flown - samples.ground_m).max()),
        )

    def check(self, points: Sequence[Place]) -> list[Finding]:
        """Return what is worth knowing of the heights of a way.

        Parameters
        ----------
        points : sequence of (east_m, north_m)
            As for `along`.

        Returns
        -------
        list of Finding
            The wished height is not held (an ERROR when the flight is more than once again as
            high), or the flight is over the ceiling.
        """
        profile = self.profile(points)
        findings = []
        if profile.over_m > ROUNDING_M:
            findings.append(self._not_held(points, profile))
        if profile.above_ground_m > self.ceiling_m:
            findings.append(
                Finding.error(
                    "finding.terrain_ceiling",
                    height_m=profile.above_ground_m,
                    limit_m=self.ceiling_m,
                )
            )
        return findings

    def _not_held(self, points: Sequence[Place], profile: Profile) -> Finding:
        place = self.relief.local.place(*profile.over_at)
        values: dict[str, Any] = {
            "most_m": self.height_m + self.tolerance_m + profile.over_m,
            "height_m": self.height_m,
            "lat": place.lat_deg,
            "lon": place.lon_deg,
        }
        find = Finding.error if profile.over_m > self.height_m else Finding.warning
        speed_m_s = self.speed_that_holds(points)
        if speed_m_s is None:
            return find("finding.terrain_not_held", **values)
        return find(
            "finding.terrain_too_fast", speed_m_s=speed_m_s, now_m_s=self.speed_m_s, **values
        )

    def speed_that_holds(self, points: Sequence[Place]) -> float | None:
        """Return the greatest speed, at most the job's, at which the height can be held.

        Returns
        -------
        float or None
            Whole tenths of a metre per second; None when something beside the way is so high that
            no speed helps.
        """
        samples = self._sampled(points)
        most = samples.top_m + self.height_m + self.tolerance_m - ROUNDING_M
        for tenths in range(math.floor(self.speed_m_s * 10.0), round(SLOWEST_M_S * 10.0) - 1, -1):
            share = SHARE * 10.0 / tenths
            slopes = Slopes(up=self.climb_m_s * share, down=self.descent_m_s * share)
            if (self._least(samples, slopes) <= most).all():
                return tenths / 10.0
        return None

    def transit_height(
        self, points: Sequence[Place], *, obstacles: Iterable[Obstacle] = ()
    ) -> float:
        """Return the height above home of a way that clears all beneath it by `OVER_M`.

        Parameters
        ----------
        points : sequence of (east_m, north_m)
            The way.
        obstacles : iterable of Obstacle
            Those within `ASIDE_M` of the way count with their height above the ground.

        Raises
        ------
        Refused
            When that is more than the ceiling above the lowest ground beneath it.
        """
        way = LineString(points) if len(set(points)) > 1 else Point(points[0])
        return self._over(way.buffer(ASIDE_M), obstacles)

    def return_height(self, area: BaseGeometry, *, obstacles: Iterable[Obstacle] = ()) -> float:
        """Return the height above home from which every straight way home from `area` is clear.

        Parameters
        ----------
        area : shapely geometry
            Where the aircraft may be when it turns home, local metres.
        obstacles : iterable of Obstacle
            Those between the area and home count with their height above the ground.

        Raises
        ------
        Refused
            When that is more than the ceiling above the lowest ground beneath.
        """
        hull = shapely.union(area, Point(self.home)).convex_hull
        return self._over(hull.buffer(ASIDE_M), obstacles)

    def _over(self, beneath: BaseGeometry, obstacles: Iterable[Obstacle]) -> float:
        lowest_m, highest_m = self.relief.extremes(beneath)
        for obstacle in obstacles:
            shape = self.relief.local.geometry_to_local(obstacle.geometry)
            if shape.intersects(beneath):
                foot_m = self.relief.ground_at(*shapely.get_coordinates(shape).T)
                known = foot_m[np.isfinite(foot_m)]
                highest_m = max(highest_m, max(known, default=highest_m) + obstacle.height_m)
        height_m = math.ceil((highest_m + OVER_M - self.home_ground_m) * 10.0 - 1e-6) / 10.0
        above_m = height_m + self.home_ground_m - lowest_m
        if above_m > self.ceiling_m:
            raise Refused("error.terrain_ceiling", height_m=above_m, limit_m=self.ceiling_m)
        return height_m

    def _sampled(self, points: Sequence[Place]) -> WaySamples:
        """Return the samples of a way with heights above home."""
        found = sample_way(self.relief, points, self.swath_m / 2.0)
        return replace(
            found,
            top_m=found.top_m - self.home_ground_m,
            strip_m=found.strip_m - self.home_ground_m,
            ground_m=found.ground_m - self.home_ground_m,
        )

    def _least(self, samples: WaySamples, slopes: Slopes) -> FloatArray:
        """Return the lowest flight that clears the strip and keeps the wished height."""
        wished = samples.top_m + self.height_m - self.tolerance_m
        cleared = samples.strip_m + self.min_clearance_m
        return lifted(samples.far_m, np.maximum(wished, cleared), slopes)

    def _bounds(self, samples: WaySamples, slopes: Slopes) -> tuple[FloatArray, FloatArray]:
        """Return what the flight must stay above and below, both no steeper than it flies."""
        low = self._least(samples, slopes)
        wished = samples.top_m + self.height_m + self.tolerance_m - ROUNDING_M
        high = np.where(low <= wished, wished, low + self.tolerance_m / 2.0)
        high = np.maximum(lowered(samples.far_m, high, slopes), low)
        asked = np.maximum(samples.top_m + self.height_m, samples.strip_m + self.min_clearance_m)
        aim = np.minimum(lifted(samples.far_m, asked, slopes), high)
        for end in (0, -1):
            low[end] = high[end] = aim[end]
        low = lifted(samples.far_m, low, slopes)
        return low, np.maximum(lowered(samples.far_m, high, slopes), low)


def _upwards(height_m: float) -> float:
    """Return a height in whole centimetres, never lower."""
    return math.ceil(height_m * 100.0 - 1e-6) / 100.0


def _waypoints(
    points: Sequence[Place], samples: WaySamples, heights_m: dict[int, float]
) -> tuple[tuple[Place, float], ...]:
    """Return every point of the way, and every corner between them, with its height."""
    found: list[tuple[Place, float]] = []
    before = -1
    for point, corner in zip(points, samples.corners, strict=True):
        for index in sorted(i for i in heights_m if before < i < corner):
            east, north = samples.places[index]
            found.append(((float(east), float(north)), heights_m[index]))
        found.append(((float(point[0]), float(point[1])), heights_m[corner]))
        before = corner
    return tuple(found)
