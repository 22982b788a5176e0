"""Yield models on real tables, beside the best figures measured for other methods on them.

``python benchmarks/yields.py [--tables DIRECTORY] [--draws 20] [--part NAME …]`` prints one JSON
object. The tables (``agridat/*.csv``) are sought in ``--tables``, else in ``shared/data/models``
beside the repository; what is not there is left out and named. Nothing was chosen by these tables;
each figure stands beside its ``floor``. Parts:

* ``maize``: lasrosas.corn, two seasons of one field. Held-out blocks: 20 blocks in five folds, and
  blocks of the variogram's range; the model is chosen by `models.validation.choose`. The 90 %
  interval in those blocks, margins from the other blocks alone. The other season, then brought to
  it by 18 records drawn at random, with its jackknife interval;
* ``coffee``: paez.coffee.uniformity, 813 trees, five seasons, from earlier harvests alone: leaving
  a season out and forward, with the season's level unknown and known, where one earlier harvest is
  known and where two are; the interval for a season;
* ``monitor``: gartner.corn, a combine's log, its delay found: a pass left out at a time, and
  records at random.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from models.features import Harvests, bearing  # noqa: E402
from models.harvest_logs.monitor import MonitorLog, clean_monitor  # noqa: E402
from models.intervals import calibrate, calibrate_counted, coverage  # noqa: E402
from models.validation import (  # noqa: E402
    BASELINES,
    Comparison,
    Fold,
    Layout,
    Split,
    choose,
    compare,
    folds_of,
)
from models.validation.splits import blocks_of  # noqa: E402
from models.yields import (  # noqa: E402
    NearKriging,
    SeasonRecalibration,
    ShrunkenRidge,
    candidates,
)

FloatArray = NDArray[np.float64]

DEGREE_M = 111_320.0
COUNTED = 18
RAMP = 3
"""Records at either end of a combine's pass, while it fills and empties, are left out."""


def read(path: Path) -> dict[str, NDArray[Any]]:
    """Return a CSV's columns, numbers as float64 (NA = NaN), others as text."""
    with path.open(encoding="utf-8") as source:
        rows = list(csv.DictReader(source))
    columns: dict[str, NDArray[Any]] = {}
    for name in rows[0]:
        told = [row[name] for row in rows]
        try:
            columns[name] = np.array([float(one) if one not in {"", "NA"} else np.nan
                                      for one in told])  # fmt: skip
        except ValueError:
            columns[name] = np.array(told)
    return columns


def metres(table: dict[str, NDArray[Any]]) -> FloatArray:
    """Return local metres of columns long and lat."""
    lon, lat = table["long"] - table["long"].mean(), table["lat"] - table["lat"].mean()
    across = DEGREE_M * math.cos(math.radians(float(table["lat"].mean())))
    return np.column_stack([lon * across, lat * DEGREE_M])


def rmse(said: FloatArray, true: FloatArray) -> float:
    return float(np.sqrt(np.mean((said - true) ** 2)))


def told(comparison: Comparison) -> dict[str, Any]:
    """Return every model's RMSE and R² by split, and which was chosen."""
    found: dict[str, Any] = {"chosen": choose(comparison)}
    for one in comparison.scores:
        level = {} if math.isnan(one.rmse_level_known) else {"level_known": one.rmse_level_known}
        found.setdefault(str(one.split), {})[one.model] = {"rmse": one.rmse, "r2": one.r2, **level}
    return found


def maize_table(tables: Path) -> tuple[FloatArray, FloatArray, NDArray[np.int_], FloatArray]:
    """Return features, yields in q/ha, years and places in metres."""
    table = read(tables / "lasrosas.corn.csv")
    xy_m, target, year = metres(table), table["yield"], table["year"].astype(int)
    kinds = np.unique(table["topo"])
    hill = np.column_stack([table["topo"] == kind for kind in kinds]).astype(float)
    x = np.column_stack([table["nitro"], table["bv"], hill, xy_m])
    return x, target, year, xy_m


def maize(tables: Path, draws: int) -> dict[str, Any]:
    x, target, year, xy_m = maize_table(tables)
    found: dict[str, Any] = {}
    for season, floor in ((1999, 4.6), (2001, 9.3)):
        here = year == season
        layout = Layout(xy_m=xy_m[here])
        by_20 = compare(candidates(), x[here], target[here], layout, deployment=Split.BLOCKED,
                        splits=(Split.RANDOM,), range_m=0.0)  # fmt: skip
        by_range = compare(candidates(), x[here], target[here], layout, splits=(),
                           deployment=Split.BLOCKED)  # fmt: skip
        found[str(season)] = {"blocked_20": told(by_20), "blocked_20_rmse": by_20.headline.rmse,
                              "floor": floor, "blocked_by_range": told(by_range),
                              "interval_in_blocks": in_blocks(by_20, xy_m[here], target[here]),
                              }  # fmt: skip
    for season, floor in ((1999, 6.4), (2001, 14.8)):
        new = year == season
        found[f"new_season_{season}"] = {
            **new_season(x[~new], target[~new], x[new], target[new], draws), "floor": floor
        }  # fmt: skip
    return found


def in_blocks(comparison: Comparison, xy_m: FloatArray, target: FloatArray) -> dict[str, Any]:
    """Return how the 90 % interval does in each fold of blocks, margins from the other folds."""
    said = comparison.headline.predicted
    block = blocks_of(xy_m, 0.0)[0]
    low, high = np.empty(len(target)), np.empty(len(target))
    nominal = 0.9
    for fold in folds_of(Split.BLOCKED, Layout(xy_m=xy_m), len(target)):
        margin = calibrate((target - said)[fold.train], block[fold.train], new=Split.BLOCKED,
                           nominal=nominal)  # fmt: skip
        part = margin.interval(said[fold.test])
        low[fold.test], high[fold.test] = part.low, part.high
    whole = coverage(type(part)(low=low, high=high, nominal=nominal), target, block)
    bad = sum(share < 0.8 for share in whole.by_group.values())
    return {"coverage": whole.share, "width": whole.width, "score": whole.score,
            "blocks_under_80": bad, "blocks": len(whole.by_group),
            "floor_coverage": 0.88}  # fmt: skip


def new_season(
    known: FloatArray, bore: FloatArray, asked: FloatArray, true: FloatArray, draws: int
) -> dict[str, Any]:
    """Return how the other season's model does, before and after 18 records of the new one."""
    old = ShrunkenRidge().fit(known, bore).predict(asked)
    both = np.column_stack([old, asked])
    chance = np.random.default_rng(0)
    errors, fields, held, score = [], [], [], []
    for _ in range(draws):
        counted = chance.choice(len(true), COUNTED, replace=False)
        rest = np.setdiff1d(np.arange(len(true)), counted)
        model = SeasonRecalibration().fit(both[counted], true[counted])
        said = model.predict(both[rest])
        errors.append(rmse(said, true[rest]))
        fields.append(abs(said.mean() / true[rest].mean() - 1))
        margin = calibrate_counted(model.residuals_).interval(said)
        how = coverage(margin, true[rest], np.zeros(len(rest)))
        held.append(how.share)
        score.append(how.score)
    return {"old_model_rmse": rmse(old, true), "rmse": float(np.mean(errors)), "draws": draws,
            "field_mean_error": float(np.mean(fields)), "interval_coverage": float(np.mean(held)),
            "interval_score": float(np.mean(score))}  # fmt: skip


def coffee_log(tables: Path) -> Harvests:
    table = read(tables / "paez.coffee.uniformity.csv")
    season = np.array([int(name[1:]) for name in table["year"]])
    whole = np.isfinite(table["yield"])
    return Harvests(unit=table["plot"][whole], season=season[whole],
                    yield_kg=table["yield"][whole])  # fmt: skip


def coffee(tables: Path, draws: int) -> dict[str, Any]:
    del draws
    log = coffee_log(tables)
    return {"floor": 68.0, "one_earlier_harvest": harvested(log, 1),
            "two_earlier_harvests": harvested(log, 2)}  # fmt: skip


def seen_by(log: Harvests, index: NDArray[np.intp]) -> Callable[[Fold], FloatArray]:
    """Return the features of some harvests as a fold sees them.

    None sees more harvests before it than those asked for do; a fold that asks for several seasons
    at once, as a random one, sees all of them.
    """

    @cache
    def made(seasons: int) -> FloatArray:
        rows = np.empty((len(log.season), 4))
        for one in np.unique(log.season[index]):
            here = log.season == one
            known = bearing(log, log.unit[here], int(one), seasons)
            rows[here] = np.column_stack([*known.values()])
        return rows[index]

    return lambda fold: made(int(log.season[index][fold.test].max() - log.season.min()))


def harvested(
    log: Harvests, earlier: int, names: tuple[str, ...] = ("ridge", "blend", "forest", "boosting")
) -> dict[str, Any]:
    """Return how seasons with so many earlier harvests are foretold from those."""
    first = int(log.season.min())
    index = np.flatnonzero(log.season >= first + earlier)
    target, when = log.yield_kg[index], log.season[index]
    layout = Layout(season=when, unit=log.unit[index])
    makers = {**candidates(), "ridge": lambda: ShrunkenRidge(space="root")}
    models = {name: makers[name] for name in names}
    done = compare(models, seen_by(log, index), target, layout, deployment=Split.SEASON,
                   splits=(Split.RANDOM, Split.FORWARD))  # fmt: skip
    mean = target.mean()
    found: dict[str, Any] = {"trees": len(np.unique(layout.unit)), "chosen": choose(done)}
    for one in done.scores:
        share = {"rmse_percent": 100 * one.rmse / mean, "r2": one.r2}
        if not math.isnan(one.rmse_level_known):
            held = np.isfinite(one.predicted)
            share["level_known_percent"] = 100 * one.rmse_level_known / target[held].mean()
        found.setdefault(str(one.split), {})[one.model] = share
    found["season_level_known_percent"] = found["season"][found["chosen"]]["level_known_percent"]
    said = done.headline.predicted
    low, high = np.empty(len(target)), np.empty(len(target))
    for one in np.unique(when):
        new = when == one
        margin = calibrate((target - said)[~new], when[~new], new=Split.SEASON)
        part = margin.interval(said[new])
        low[new], high[new] = part.low, part.high
    how = coverage(type(part)(low=low, high=high, nominal=0.9), target, when)
    found["interval"] = {"coverage": how.share, "by_season": how.by_group, "width": how.width,
                         "said": [one.key for one in margin.findings]}  # fmt: skip
    return found


def monitor_log(table: dict[str, NDArray[Any]], xy_m: FloatArray) -> MonitorLog:
    return MonitorLog(
        x_m=xy_m[:, 0], y_m=xy_m[:, 1], time_s=table["time"],
        flow_kg_s=table["mass"] * 0.45359237, interval_s=table["seconds"],
        distance_m=table["dist"] * 0.0254, swath_m=np.full(len(xy_m), 360 * 0.0254),
        moisture_pct=table["moist"], down=np.ones(len(xy_m), bool),
    )  # fmt: skip


def monitor(tables: Path, draws: int) -> dict[str, Any]:
    del draws
    table = read(tables / "gartner.corn.csv")
    xy_m = metres(table)
    cut = clean_monitor(monitor_log(table, xy_m), standard_pct=15.5)
    late = np.clip(np.arange(len(xy_m)) + round(cut.delay_s / 3.0), 0, len(xy_m) - 1)
    pounds_m2 = 360 * table["dist"] * 0.0254**2
    grain = table["mass"][late] * table["seconds"]
    dry = grain * (100 - table["moist"][late]) / (100 - 15.5)
    yields = dry * 0.45359237 / pounds_m2 * 10
    middle, high = np.median(yields), np.quantile(yields, 0.75) - np.quantile(yields, 0.25)
    kept = (np.abs(yields - middle) < 3 * high / 1.349) & (table["dist"] > 24)
    xy_m, yields = xy_m[kept], yields[kept]
    step = np.diff(xy_m, axis=0)
    turned = np.abs(np.diff(np.unwrap(np.arctan2(step[:, 1], step[:, 0])))) > math.radians(45)
    away = np.hypot(*step.T)[1:] > 20
    track = np.concatenate([[0, 0], np.cumsum(turned | away)]).astype(int)
    at = np.arange(len(track))
    first, last = np.searchsorted(track, track), np.searchsorted(track, track, side="right")
    lane = (at - first >= RAMP) & (last - at > RAMP) & (last - first >= 10)
    xy_m, yields, track = xy_m[lane], yields[lane], track[lane]
    begun = time.process_time()
    done = compare({"kriging": NearKriging}, xy_m, yields, Layout(xy_m=xy_m, field=track),
                   deployment=Split.FIELD, splits=(Split.RANDOM, Split.BLOCKED))  # fmt: skip
    model = NearKriging().fit(xy_m, yields)
    fitted = time.process_time()
    model.predict(xy_m + 1.0)
    return {"delay_s": cut.delay_s,
            "records": len(table["mass"]), "kept": len(yields), "passes": len(np.unique(track)),
            "deviation_t_ha": float(yields.std()), "leave_pass_out_r2": done.headline.r2,
            "r2": {str(one.split): one.r2 for one in done.scores if one.model not in BASELINES},
            "cpu_all_splits_s": fitted - begun,
            "cpu_map_s": time.process_time() - fitted, "floor": 0.49}  # fmt: skip


PARTS = {"maize": (maize, "lasrosas.corn.csv"), "coffee": (coffee, "paez.coffee.uniformity.csv"),
         "monitor": (monitor, "gartner.corn.csv")}  # fmt: skip


def tables_beside() -> Path:
    return ROOT.parent / "shared" / "data" / "models" / "agridat"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--tables", type=Path, default=tables_beside())
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--part", nargs="*", choices=PARTS, default=list(PARTS))
    given = parser.parse_args()
    found: dict[str, Any] = {}
    for name in given.part:
        part, file = PARTS[name]
        if not (given.tables / file).is_file():
            found[name] = {"absent": file}
            continue
        begun = time.process_time()
        found[name] = {**part(given.tables, given.draws), "cpu_s": time.process_time() - begun}
    print(json.dumps(found, indent=1, default=lambda one: round(float(one), 3)))


if __name__ == "__main__":
    main()
