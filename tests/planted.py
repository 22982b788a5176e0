"""Orchards whose yields were planted, as a forecast is given them; here both worlds are joined."""

from __future__ import annotations

from datetime import date
from functools import cache

import numpy as np

from models.features import Column
from models.yields.gates import Counts, PastSeason, SeasonInputs
from models.yields.sampling import plan_sample
from sitl.scene import Scene, orchard
from sitl.scene.bearing import Borne, bear

DAYS = ((1, 20), (2, 20), (3, 25), (4, 20), (5, 12))


@cache
def planted(seed: int, seasons: int = 6) -> tuple[Scene, Borne]:
    scene = orchard(seed=seed, cell_m=1.0)
    return scene, bear(scene, seasons=seasons, seed=seed)


def gate_days(year: int) -> tuple[date, ...]:
    return tuple(date(year, month, day) for month, day in DAYS)


def inputs_of(scene: Scene, borne: Borne, row: int, *, counted: int = 18) -> SeasonInputs:
    """What was known in a season: crowns, vigour, flowering from above, and counted trees."""
    year = borne.seasons[row]
    area = np.array([np.pi * tree.radius_m**2 for tree in scene.trees])
    height = np.array([tree.height_m for tree in scene.trees])
    spots = np.array([(tree.east_m, tree.north_m) for tree in scene.trees])
    autumn, bloom = date(year - 1, 11, 1), date(year, 2, 15)
    columns = (
        Column(name="area_m2", values=area, known_on=autumn),
        Column(name="height_m", values=height, known_on=autumn),
        Column(name="volume_m3", values=area * height * 0.6, known_on=autumn),
        Column(name="ndvi", values=borne.vigour[row], known_on=autumn),
        Column(name="flowering", values=borne.flowering_index[row], known_on=bloom),
    )
    counts = None
    if counted:
        drawn = plan_sample(spots, area * height, counted, np.random.default_rng(year)).tree
        counts = Counts(tree=drawn, kg=0.053 * borne.fruits[row][drawn], error=0.05,
                        known_on=date(year, 5, 10))  # fmt: skip
    return SeasonInputs(season=year, trees=np.array([tree.number for tree in scene.trees]),
                        gate_days=gate_days(year), columns=columns, counts=counts,
                        block=borne.patch)  # fmt: skip


def past_of(scene: Scene, borne: Borne, *, before: int) -> list[PastSeason]:
    """The seasons before one, each with all that was seen and weighed in it."""
    return [
        PastSeason(inputs=inputs_of(scene, borne, row), yield_kg=borne.kg[row])
        for row in range(before)
    ]
