"""What is seen in the maps, and what is made of it: trees, zones, rates; change, counts, forecast.

Theory of operation. Every step is an operation of the product with the words a farmer would give
it. Where a person would go and do something (count fruit, weigh a tree's crop) the world is asked,
with the error a person makes; trees are known by the numbers that `agri trees` gave them, as they
would be on the plates in the orchard.
"""

from __future__ import annotations

import csv
import io
import math
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from agri.crop_cards import crop_card
from agri.field_records import Count, Harvest
from agri.field_records.crop import Counted as What
from agri.files import read_text_limited, write_text
from agri.geo import transformer
from agri.operations.counting import sample_trees, spread_of
from agri.operations.demonstration.season import (
    BY,
    COUNTED,
    NEXT,
    PICKED,
    SURVEYED,
    Done,
    Season,
    morning,
)
from agri.operations.demonstration.surveying import LATER, ORCHARD, PADDY
from agri.operations.demonstration.world import COUNT_ERROR, PAST, SEASON
from agri.operations.forecast import Asked, field_seasons, forecast_field, keep_models
from agri.operations.harvests import kept_by
from agri.operations.maps.change import map_change
from agri.operations.maps.trees import REGISTER_BYTES, Sources, map_trees
from agri.operations.maps.zones import SprayerReach, make_rates, make_zones
from agri.operations.records import enter
from agri.operations.report import Facts, fact
from imagery.trees.passport import register_from
from imagery.zones import RateRule
from models.yields.gates import Gate
from models.yields.learning import season_table

CROWN_NDVI = 0.74
"""Grass between the trees is less green than this."""
REACH = SprayerReach(swath_m=4.0, speed_m_s=4.0)
PADDY_ZONES = 3
PADDY_RULE = RateRule(points=((0.45, 28.0), (0.85, 14.0)), unit="l/ha", least=12.0, most=30.0,
                      step=1.0, where_none=20.0)  # fmt: skip
ORCHARD_RULE = RateRule(points=((0.5, 350.0), (0.75, 260.0)), unit="l/ha", least=240.0,
                        most=380.0, step=10.0, where_none=300.0)  # fmt: skip
COUNTED_TO = 0.075
"""Wanted error of the counts' mean: half of what a forecast is held to (15 %), as one standard
deviation. Over five farms, ten choices of trees each, a forecast was then off by more than 15 % in
4 of 100; with 18 trees, in 18."""


def trees(season: Season) -> Done:
    """Find the trees of the orchard and give each its number for life."""
    found = map_trees(Sources(ortho=season.mosaics[ORCHARD]), season.shelf, field=season.orchard,
                      threshold=CROWN_NDVI, flight=f"{season.orchard.name} {SURVEYED}")  # fmt: skip
    season.trees = found
    return Done(facts=found.facts, pictures=found.files[-1:], files=found.files[:-1],
                findings=found.findings)  # fmt: skip


def zones(season: Season) -> Done:
    """Part the paddy into ground that grows alike."""
    made = make_zones(_raster(season, PADDY), season.shelf, season.paddy, REACH, layers=["NDVI"],
                      classes=PADDY_ZONES)  # fmt: skip
    season.zones = made
    return Done(facts=made.facts, pictures=made.files[-1:], files=made.files[:-1],
                findings=made.findings)  # fmt: skip


def rates(season: Season) -> Done:
    """Say how much each place of both fields gets: weak growth more, strong less."""
    parts = []
    for name, field, rule, by_zone in (
        (PADDY, season.paddy, PADDY_RULE, True),
        (ORCHARD, season.orchard, ORCHARD_RULE, False),
    ):
        made = make_rates(_raster(season, name), season.shelf, field, REACH, rule,
                          layers=["NDVI"], by_zone=by_zone, classes=PADDY_ZONES,
                          kinds=("tif", "geojson"))  # fmt: skip
        season.rates[name] = made
        parts.append(made)
    return Done(facts=[pair for made in parts for pair in made.facts],
                pictures=tuple(made.files[-1] for made in parts),
                files=tuple(file for made in parts for file in made.files[:-1]),
                findings=tuple(one for made in parts for one in made.findings))  # fmt: skip


def change(season: Season) -> Done:
    """Hold the second map of the orchard against the first."""
    found = map_change(_raster(season, ORCHARD), _raster(season, LATER), season.shelf,
                       field=season.orchard, layer="NDVI", least_m2=10.0)  # fmt: skip
    season.change = found
    return Done(facts=found.facts, pictures=found.files[1:], files=found.files[:1],
                findings=found.findings)  # fmt: skip


def counts(season: Season) -> Done:
    """Choose the trees to count, walk to them, and enter what hangs there."""
    stands = standing(season)
    _weighed_before(season, stands)
    sample = sample_trees(_register(season), season.shelf, counted=spread_of(None, None),
                          target=COUNTED_TO, seed=season.world.seed)  # fmt: skip
    season.sample = sample
    hangs, chance = season.world.fruits, np.random.default_rng(season.world.seed)
    for one in sample.trees:
        fruits = hangs[stands[one.name]] * float(chance.normal(1.0, COUNT_ERROR))
        record = Count(day=COUNTED, field=season.orchard.name, tree=one.name, by=BY,
                       what=What.FRUIT, number=float(max(0, round(fruits))))  # fmt: skip
        season.farm.records.add(enter(season.farm, record))
    return Done(facts=sample.facts, pictures=sample.files[-1:], files=sample.files[:-1],
                findings=sample.findings)  # fmt: skip


def forecast(season: Season) -> Done:
    """Say what the orchard will bear, and how sure that is."""
    asked = Asked(card=crop_card("vai_ph40"), day=COUNTED, register=_register(season),
                  kept=kept_by(season.farm, season.orchard.name), season=SEASON)  # fmt: skip
    found = forecast_field(season.orchard, asked, season.shelf)
    keep_models(season.orchard, asked, season.shelf, now=morning(COUNTED))
    season.forecast = found
    pictures = tuple(path for path in found.files if path.suffix == ".png")
    return Done(facts=found.facts, pictures=pictures, findings=found.findings,
                files=tuple(path for path in found.files if path.suffix != ".png"))  # fmt: skip


def harvest(season: Season) -> Done:
    """Pick, weigh tree by tree, and enter it."""
    stands = standing(season)
    _weigh(season, PICKED, season.world.kg, stands)
    facts: Facts = []
    kg = season.world.kg[list(stands.values())]
    fact(facts, season.language, "page.fact_season_picked", kg=float(kg.sum()),
         trees=int(np.count_nonzero(kg)))  # fmt: skip
    return Done(facts=facts)


def following(season: Season) -> Done:
    """Put together what the next season's forecast begins with: one line for each tree."""
    asked = Asked(card=crop_card("vai_ph40"), day=NEXT, register=_register(season),
                  kept=kept_by(season.farm, season.orchard.name), season=SEASON + 1)  # fmt: skip
    orchard, seasons, _ = field_seasons(asked)
    table = season_table(seasons.past, Gate.INDUCTION)
    path = season.shelf.place(season.orchard.name, f"features-{SEASON + 1}", ".csv")
    rows = table.season == SEASON
    season.features = path
    facts: Facts = []
    names = list(table.names)
    write_text(path, _as_csv(orchard.names.tolist(), names, table.matrix[rows]))
    fact(facts, season.language, "page.fact_season_features", trees=int(rows.sum()),
         columns=len(names), seasons=len(seasons.past))  # fmt: skip
    return Done(facts=facts, files=(path,))


def standing(season: Season) -> dict[str, int]:
    """Return for each numbered tree which tree of the world stands there.

    The one whose trunk is nearest, each once: a person in the orchard reads it off the plate.
    """
    land = season.world.orchard
    trunks = cKDTree([(tree.east_m, tree.north_m) for tree in land.trees])
    found: dict[str, int] = {}
    taken: set[int] = set()
    for name, east, north in spots(season):
        far, near = trunks.query((east, north), k=3)
        at = next((int(k) for d, k in zip(far, near, strict=True) if int(k) not in taken and
                   math.isfinite(d)), int(near[0]))  # fmt: skip
        taken.add(at)
        found[name] = at
    return found


def spots(season: Season) -> list[tuple[str, float, float]]:
    """Return the numbered trees that stand: name, metres east and north on the orchard's land."""
    book = register_from(read_text_limited(_register(season), limit_bytes=REGISTER_BYTES))
    seen = [one for one in book.passports if one.stands]
    lon, lat = transformer(book.epsg, 4326).transform(*np.array(
        [one.visits[-1].middle for one in seen]).T)  # fmt: skip
    east, north = season.world.orchard.frame.to_local(lon, lat)
    return [(one.name, float(x), float(y)) for one, x, y in zip(seen, east, north, strict=True)]


def _register(season: Season) -> Path:
    return season.shelf.place(season.orchard.name, "trees", ".json")


def _raster(season: Season, name: str) -> Path:
    return season.indices[name].map.product.path


def _weighed_before(season: Season, stands: dict[str, int]) -> None:
    """Enter what the trees gave in the seasons before, as the farmer's old book has it."""
    for row in range(PAST):
        year = season.world.borne.seasons[row]
        _weigh(season, date(year, PICKED.month, PICKED.day), season.world.borne.kg[row],
               stands)  # fmt: skip


def _weigh(season: Season, day: date, kg: NDArray[np.float64], stands: dict[str, int]) -> None:
    for name, at in stands.items():
        record = Harvest(day=day, field=season.orchard.name, tree=name, by=BY,
                         mass_kg=round(float(kg[at]), 1))  # fmt: skip
        season.farm.records.add(enter(season.farm, record, season=day.year))


def _as_csv(trees: list[str], names: list[str], values: NDArray[np.float64]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["tree", *names])
    for tree, row in zip(trees, values.tolist(), strict=True):
        writer.writerow([tree, *(f"{value:.4g}" for value in row)])
    return out.getvalue()
