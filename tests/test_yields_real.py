"""On real tables, where they are at hand, the models do what they are for."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("AGRI_SHARED", ROOT.parent / "shared"))
TABLES = SHARED / "data" / "models" / "agridat"
pytestmark = pytest.mark.skipif(
    not (TABLES / "lasrosas.corn.csv").is_file(), reason="the real tables are not here"
)


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    place = ROOT / "benchmarks" / "yields.py"
    spec = importlib.util.spec_from_file_location("benchmark_of_yields", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("season", "most"), [(1999, 6.4), (2001, 14.8)])
def test_eighteen_records_bring_maize_to_a_new_season(
    benchmark: ModuleType, season: int, most: float
) -> None:
    x, target, year, _ = benchmark.maize_table(TABLES)
    new = year == season
    done = benchmark.new_season(x[~new], target[~new], x[new], target[new], 10)
    assert done["rmse"] <= most < done["old_model_rmse"]
    assert 0.88 <= done["interval_coverage"] <= 1.0


def test_the_next_coffee_harvest_is_told_better_than_by_any_baseline(
    benchmark: ModuleType,
) -> None:
    done = benchmark.harvested(benchmark.coffee_log(TABLES), 2, names=("ridge",))
    season = done["season"]
    assert season["ridge"]["level_known_percent"] <= 68.0
    assert all(season["ridge"]["rmse_percent"] < season[name]["rmse_percent"]
               for name in ("mean", "unit_mean", "last_season"))  # fmt: skip
    assert done["interval"]["coverage"] >= 0.85
