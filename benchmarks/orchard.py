"""How long it takes to plan an orchard tree by tree, how far is flown, and how exact the dose is.

``python benchmarks/orchard.py [--trees 500] [--rounds 3]`` prints one JSON object. For each orchard
(a grid, a grid with poles and a house, rows along a slope) it tells

* ``plan_s``: processor time of `plan_trees`, the least of the rounds;
* ``way_m``: from the pad over every tree and back, round obstacles;
* ``to_rows``, ``to_nearest``: that way, against going row by row to and fro, and against always
  going to the nearest tree that is left (both round obstacles too);
* ``dose_off``: the largest share by which a tree's litres are off;
* ``rows_s``, ``rows_found``: processor time of finding the rows, and how many.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from shapely.geometry import Point, box

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from agri.field import ObstacleKind
from missions.airspace.route import distances
from missions.orchard.rows import find_rows
from missions.orchard.trees import plan_trees
from tests.orchards import Planted, asked, contours, grid, in_field, orchard_site
from tests.sites import Draft

LITRES_PER_M3 = 0.02


def flat(count: int) -> tuple[Planted, dict[str, Any]]:
    rows = round(math.sqrt(0.8 * count))
    return grid(math.ceil(count / rows), rows).thinned(0.0, 0.6, 1), {}


def with_obstacles(count: int) -> tuple[Planted, dict[str, Any]]:
    planted, _ = flat(count)
    draft = Draft()
    middle_e, middle_n = planted.places.mean(axis=0)
    things = [draft.obstacle(ObstacleKind.POLE, Point(middle_e + 37 * k, middle_n - 22), 8.0)
              for k in (-1, 0, 1)]  # fmt: skip
    house = box(middle_e - 10, middle_n + 15, middle_e, middle_n + 22)
    things.append(draft.obstacle(ObstacleKind.HOUSE, house, 5.0, "house"))
    return planted, {"obstacles": tuple(things)}


def slope(count: int) -> tuple[Planted, dict[str, Any]]:
    rows = 9
    return contours(rows, 5.0 * count / rows).thinned(0.0, 0.6, 2), {}


ORCHARDS: dict[str, Callable[[int], tuple[Planted, dict[str, Any]]]] = {
    "grid": flat,
    "obstacles": with_obstacles,
    "slope": slope,
}


def timed(rounds: int, work: Callable[[], Any]) -> tuple[float, Any]:
    least = math.inf
    for _ in range(rounds):
        begun = time.process_time()
        found = work()
        least = min(least, time.process_time() - begun)
    return least, found


def nearest_next(between: np.ndarray[Any, Any]) -> list[int]:
    order, left = [0], set(range(1, len(between)))
    while left:
        order.append(min(left, key=lambda k: between[order[-1], k]))
        left.remove(order[-1])
    return order


def way_m(between: np.ndarray[Any, Any], order: list[int]) -> float:
    return float(sum(between[a, b] for a, b in zip(order, [*order[1:], order[0]], strict=True)))


def judge(name: str, count: int, rounds: int) -> dict[str, Any]:
    planted, around = ORCHARDS[name](count)
    site = orchard_site(planted, **around)
    trees = in_field(site, planted).trees(1.8, 3.5)
    plan_s, route = timed(
        rounds, lambda: plan_trees(site, asked(), trees, litres_per_m3=LITRES_PER_M3)
    )
    rows_s, found = timed(rounds, lambda: find_rows(trees))
    places = [work.points[0] for work in route.passes]
    between = distances(route.allowed, np.array([route.home, *places]))
    number = {place: k for k, place in enumerate(places, start=1)}
    by_rows = [0]
    for row_number, row in enumerate(found.rows):
        led = row.trees if row_number % 2 == 0 else row.trees[::-1]
        by_rows += [number[tree.place] for tree in led if tree.place in number]
    by_rows += sorted(set(number.values()) - set(by_rows))
    flown_m = way_m(between, list(range(len(between))))
    wanted = {tree.place: LITRES_PER_M3 * tree.volume_m3 for tree in trees}
    return {
        "trees": len(trees),
        "sprayed": len(places),
        "plan_s": round(plan_s, 3),
        "way_m": round(flown_m, 1),
        "to_rows": round(flown_m / way_m(between, by_rows), 4),
        "to_nearest": round(flown_m / way_m(between, nearest_next(between)), 4),
        "dose_off": round(max(abs(p.litres / wanted[p.points[0]] - 1.0) for p in route.passes), 4),
        "rows_s": round(rows_s, 3),
        "rows_found": len(found.rows),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trees", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    print(json.dumps({name: judge(name, told.trees, told.rounds) for name in ORCHARDS}, indent=2))


if __name__ == "__main__":
    main()
