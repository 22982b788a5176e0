"""What the steps found, held against the truth of the world.

Theory of operation. A score is one figure with the least or most it should be; where the truth and
the finding are of different kinds the rule that joins them is told here, and nowhere is anything
left out that a step got wrong:

* **trees**: a tree of the world within the field counts as found when a numbered crown's middle
  lies within a crown's radius of its trunk, each crown for one tree; and the other way round;
* **zones**: Cohen's kappa (1960) of planted and found zone over a grid of a metre on the paddy,
  without bunds, where nothing grows;
* **dose**: what left the nozzles nearer to a tree than to any other, as the pump told it, over what
  the rate map asked for that tree: its rate at the trunk times the ground beneath the crown;
* **paddy**: ground that was to be sprayed and got less than half of its rate, over all sorties;
* **sensitive**: square metres sprayed on the rươi paddy, the house and beyond, which must be none;
* **change**: the share of the trees fallen sick that lie in a patch the change map lists;
* **yield**: the forecast's middle, against what was then picked; the range of 8 in 10, whether it
  held: by its own meaning it does not in two farms of ten.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry

from agri.field import Field
from agri.geo import projected
from agri.operations.demonstration.growing import spots, standing
from agri.operations.demonstration.season import Season
from agri.operations.demonstration.surveying import ORCHARD
from agri.operations.fly import Flown
from agri.operations.trees import by_map, read_trees
from missions.applied.sprayed_way import sprayed_way
from missions.flightplan import job_of
from missions.orchard.crowns import Tree as PlannedTree
from sitl.scene import Scene
from sitl.scene.land import Tree

REACH_M = 4.0
"""Further from every tree, what left the nozzles was for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One figure against the truth.

    Parameters
    ----------
    key : str
        What it is; ``demo.score_<key>`` says it.
    value : float
        The figure.
    least, most : float
        What it should be within.
    """

    key: str
    value: float
    least: float = -math.inf
    most: float = math.inf

    @property
    def met(self) -> bool:
        """Whether it is as it should be."""
        return self.least <= self.value <= self.most


def kappa(one: NDArray[np.int_], other: NDArray[np.int_]) -> float:
    """Return Cohen's kappa of two classifications of the same things.

    Parameters
    ----------
    one, other : (N,) int
        Classes.

    Examples
    --------
    >>> kappa(np.array([1, 1, 2, 2]), np.array([1, 1, 2, 2]))
    1.0
    >>> kappa(np.array([1, 1, 2, 2]), np.array([1, 2, 1, 2]))
    0.0
    """
    classes = np.union1d(one, other)
    agree = float(np.mean(one == other))
    chance = sum(float(np.mean(one == k)) * float(np.mean(other == k)) for k in classes)
    return (agree - chance) / (1.0 - chance) if chance < 1.0 else 1.0


def matched(trees: Sequence[Tree], seen: Sequence[tuple[float, float]]) -> int:
    """Return how many trees have a middle of a crown within their own radius, each one's own.

    Parameters
    ----------
    trees : sequence of Tree
        As they stand.
    seen : sequence of (east_m, north_m)
        Middles of crowns.
    """
    if not seen or not trees:
        return 0
    index = cKDTree(np.array(seen))
    pairs = sorted(
        (math.dist(seen[k], (tree.east_m, tree.north_m)), at, k)
        for at, tree in enumerate(trees)
        for k in index.query_ball_point((tree.east_m, tree.north_m), tree.radius_m)
    )
    used_trees: set[int] = set()
    used_crowns: set[int] = set()
    for _, at, k in pairs:
        if at not in used_trees and k not in used_crowns:
            used_trees.add(at)
            used_crowns.add(k)
    return len(used_trees)


def trees(season: Season) -> tuple[Score, ...]:
    """Score the trees found."""
    inside = standing_within(season.world.orchard, season.orchard)
    seen = [(east, north) for _, east, north in spots(season)]
    found = matched(inside, seen)
    return (
        Score(key="trees_found", value=100.0 * found / len(inside), least=97.0),
        Score(key="trees_wrong", value=100.0 * (len(seen) - found) / max(len(seen), 1), most=3.0),
    )


def standing_within(land: Scene, field: Field) -> list[Tree]:
    """Return the trees of the land whose trunk stands within a field."""
    border = land.frame.geometry_to_local(field.boundary)
    return [one for one in land.trees if border.contains(Point(one.east_m, one.north_m))]


def zones(season: Season) -> tuple[Score, ...]:
    """Score the zones found."""
    assert season.zones is not None  # noqa: S101 - the steps come in their order
    land, field = season.world.paddy, season.paddy
    east_m, north_m = (math.floor(half) for half in land.half_m)
    east, north = (grid.ravel() for grid in np.meshgrid(
        np.arange(-east_m, east_m + 1.0), np.arange(-north_m, north_m + 1.0)))  # fmt: skip
    lon, lat = land.frame.to_lonlat(east, north)
    found = np.zeros(lon.size, dtype=int)
    for number, zone in enumerate(season.zones.found.zones, 1):
        found[shapely.contains_xy(zone.area, lon, lat)] = number
    planted = land.grid("zone").sample(lon, lat, nearest=True)
    known = (np.nan_to_num(planted) > 0) & (found > 0)
    known &= shapely.contains_xy(field.boundary, lon, lat)
    value = kappa(planted[known].astype(int), found[known])
    return (Score(key="zones_kappa", value=value, least=0.8),)


def doses(season: Season) -> tuple[Score, ...]:
    """Score what each tree got against its rate map."""
    assert season.trees is not None  # noqa: S101 - the steps come in their order
    planned, _ = read_trees(season.trees.files[0], season.orchard, height_m=3.0)
    asked = by_map(planned, season.rates[ORCHARD].asked.rate_map(), season.orchard)
    assert asked is not None  # noqa: S101 - a rate map was given
    flights = [one for one in season.flown if one.applied and _of(one, season.orchard)]
    got = _fallen(flights, season.orchard, planned)
    shares = np.array([litres / dose for litres, dose in zip(got, asked, strict=True)])
    sprayed = shares > 0.05
    within = np.abs(shares - 1.0) <= 0.1
    return (
        Score(key="dose_within", value=100.0 * float(within[sprayed].mean()) if sprayed.any()
              else 0.0, least=95.0),
        Score(key="dose_sprayed", value=100.0 * float(sprayed.mean()), least=95.0),
    )  # fmt: skip


def paddy(season: Season) -> tuple[Score, ...]:
    """Score what of the paddy was left dry."""
    flights = [one for one in season.flown if one.applied and _of(one, season.paddy)]
    first = flights[0]
    assert first.plan.spray is not None  # noqa: S101 - it was sprayed
    frame = season.paddy.frame
    asked = shapely.union_all([
        shapely.LineString([frame.metres(place) for place in work.places]).buffer(
            work.width_m / 2.0, cap_style="flat")
        for work in first.plan.spray.passes if len(work.places) > 1
    ])  # fmt: skip
    wet = shapely.union_all([
        frame.geometry_to_local(one.applied.applied.sprayed) for one in flights if one.applied
    ])  # fmt: skip
    dry = asked.difference(wet.buffer(0.05)).area / asked.area
    return (Score(key="paddy_dry", value=100.0 * dry, most=3.0),)


def sensitive(season: Season) -> tuple[Score, ...]:
    """Score that nothing was sprayed where nothing may be."""
    farm, _ = season.farm.farm_with_findings()
    frame = season.paddy.frame
    grounds = [one.geometry for one in farm.sensitive_sites]
    grounds += [one.geometry for one in farm.obstacles]
    kept: list[BaseGeometry] = [frame.geometry_to_local(ground) for ground in grounds]
    wet = [frame.geometry_to_local(one.applied.applied.sprayed)
           for one in season.flown if one.applied]  # fmt: skip
    area_m2 = sum(site.intersection(one).area for site in kept for one in wet)
    return (Score(key="sensitive_m2", value=area_m2, most=0.0),)


def change(season: Season) -> tuple[Score, ...]:
    """Score the change found."""
    assert season.change is not None  # noqa: S101 - the steps come in their order
    old, new = season.world.orchard, season.world.later
    within = {tree.number for tree in standing_within(new, season.orchard)}
    pairs = zip(old.trees, new.trees, strict=True)
    fallen = [after for before, after in pairs
              if after.sick > before.sick and after.number in within]  # fmt: skip
    outlines = [projected(one.outline, old.epsg, 4326) for one in season.change.anomalies]
    listed = shapely.union_all(outlines) if outlines else shapely.Polygon()
    seen = sum(listed.intersects(new.crown(tree)) for tree in fallen)
    return (Score(key="change_found", value=100.0 * seen / max(len(fallen), 1), least=90.0),)


def harvest(season: Season) -> tuple[Score, ...]:
    """Score the forecast against what was picked."""
    assert season.forecast is not None  # noqa: S101 - the steps come in their order
    truth = float(season.world.kg[list(standing(season).values())].sum())
    total = season.forecast.last.total
    return (
        Score(key="yield_off", value=100.0 * abs(total.p50 / truth - 1.0), most=15.0),
        Score(key="yield_within", value=float(total.p10 <= truth <= total.p90), least=1.0),
    )


def _of(flight: Flown, field: Field) -> bool:
    return flight.plan.site is not None and flight.plan.site.field.uid == field.uid


def _fallen(
    flights: Sequence[Flown], field: Field, trees: Sequence[PlannedTree]
) -> NDArray[np.float64]:
    """Return the litres that left the nozzles nearest to each tree, within `REACH_M` of it."""
    litres = np.zeros(len(trees))
    index = cKDTree(np.array([tree.place for tree in trees]))
    for flight in flights:
        track, job = flight.record.track, job_of(flight.plan)
        places = np.column_stack(field.frame.to_local(track.lon_deg, track.lat_deg))
        way = sprayed_way(track, places, job.settings.sprayer, lambda at: np.ones(len(at)))
        far, at = index.query(way.middle)
        near = far <= REACH_M
        np.add.at(litres, at[near], way.litres[near])
    return litres
