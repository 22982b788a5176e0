"""What the forecast of a field does on planted orchards, and how long a commune's trees take.

``python benchmarks/forecast.py [--orchards 20] [--trees 1000000] [--taught 10000]`` prints one JSON
object: for each gate the error of the field's total over orchards (`sitl.scene.bear`, the sixth
season from five), how often nominal 90 % intervals of fields and trees held, and the mean share of
the error by its sources; then CPU and wall seconds of teaching `--taught` trees of five seasons,
and of scoring `--trees` trees with all three quantiles.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from models.features import Column  # noqa: E402
from models.yields import Gate, forecast_at, hindcast, learn  # noqa: E402
from models.yields.gates import PastSeason, SeasonInputs  # noqa: E402
from tests.planted import gate_days, past_of, planted  # noqa: E402


def planted_orchards(orchards: int) -> dict[str, Any]:
    """Return errors and coverage by gate, every season told from those before it."""
    told = [one for seed in range(1, orchards + 1)
            for one in hindcast(past_of(*planted(seed), before=6))
            if one.forecast.seasons >= 3]  # fmt: skip
    found: dict[str, Any] = {"orchards": orchards, "seasons_told": len(told) // len(Gate)}
    for gate in Gate:
        here = [one for one in told if one.forecast.gate is gate]
        off = np.array([one.said_kg / one.field_kg - 1.0 for one in here])
        errors = [one.forecast.error for one in here]
        whole = sum(error.whole_kg**2 for error in errors)
        held = [one.trees_held() for one in here]
        found[gate.name.lower()] = {
            "field_error_rms": float(np.sqrt(np.mean(off**2))),
            "field_error_median": float(np.median(np.abs(off))),
            "field_within_15_percent": float(np.mean(np.abs(off) <= 0.15)),
            "field_coverage_90": float(np.mean([one.field_held() for one in here])),
            "tree_coverage_90": float(np.mean([one.share for one in held if one is not None])),
            "error_from": {part: sum(getattr(error, f"{part}_kg") ** 2 for error in errors) / whole
                           for part in ("flowering", "pattern", "level")},
        }  # fmt: skip
    return found


def season(trees: int, year: int, rng: np.random.Generator) -> PastSeason:
    """Return a season of trees with five columns, what they bore following the first."""
    area = rng.uniform(4.0, 25.0, trees)
    columns = tuple(
        Column(name=name, values=values, known_on=date(year - 1, 11, 1))
        for name, values in (("area_m2", area), ("height_m", 2.0 + 0.1 * area),
                             ("volume_m3", area * 1.5), ("ndvi", rng.normal(0.8, 0.05, trees)),
                             ("slope", rng.normal(size=trees)))
    )  # fmt: skip
    kg = np.where(rng.random(trees) < 0.85, area * 3.0 * rng.gamma(8.0, 1 / 8.0, trees), 0.0)
    inputs = SeasonInputs(season=year, trees=np.arange(trees), gate_days=gate_days(year),
                          columns=columns, block=np.arange(trees) // 200)  # fmt: skip
    return PastSeason(inputs=inputs, yield_kg=kg)


def timed(taught: int, trees: int) -> dict[str, float]:
    """Return CPU and wall seconds of teaching and scoring."""
    rng = np.random.default_rng(0)
    past = [season(taught, year, rng) for year in range(2021, 2026)]
    cpu, wall = time.process_time(), time.perf_counter()
    model = learn(past, Gate.PANICLE)
    learnt = {"teach_cpu_s": time.process_time() - cpu, "teach_wall_s": time.perf_counter() - wall}
    now = season(trees, 2026, rng).inputs
    cpu, wall = time.process_time(), time.perf_counter()
    found = forecast_at(model, now)
    for share in (0.1, 0.5, 0.9):
        found.tree_quantile(share)
    return {**learnt, "taught_trees": taught, "scored_trees": trees,
            "score_cpu_s": time.process_time() - cpu,
            "score_wall_s": time.perf_counter() - wall}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--orchards", type=int, default=20)
    parser.add_argument("--trees", type=int, default=1_000_000)
    parser.add_argument("--taught", type=int, default=10_000)
    given = parser.parse_args()
    found = {"planted": planted_orchards(given.orchards), "time": timed(given.taught, given.trees)}
    print(json.dumps(found, indent=1, default=lambda one: round(float(one), 3)))


if __name__ == "__main__":
    main()
