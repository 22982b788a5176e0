"""How long the spray plans of a commune's small fields take. Prints JSON.

``python benchmarks/commune.py [--fields 400] [--baseline 40] [--workers 0]`` makes a commune of
quadrilaterals of 0.02 to 0.25 ha with a pad for every ninth, plans all of them in one batch
(`agri.operations.batch.plan_batch`: small plots straight from their sides, on all cores, a chunk in
each transaction) and, side by side, the first of them as one would without it: one process, every
plot searched like a large field (``missions.spray.lines`` without ``missions.spray.plot``), each
plan kept in a transaction of its own. Both are told in milliseconds of CPU and of the wall clock
for each field; the ratio is of the two CPU figures, for the wall clock hears the neighbours.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from agri.operations.batch import FieldResult, Surroundings, plan_batch, plan_chunk
from agri.operations.farm import start_farm
from agri.operations.spray import SprayRequest
from agri.weather import Wind
from missions.catalogue import sprayer
from missions.sprayer.job import Product
from sitl.scene import commune

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def request() -> SprayRequest:
    """Return what is asked of every field."""
    return SprayRequest(
        fields=(),
        sprayer=sprayer(),
        product=Product(name="water", dose_per_ha=0.0),
        rate_l_ha=20.0,
        wind=Wind(speed_m_s=2.0, from_deg=30.0),
    )


def measured(work: Callable[[Path], list[FieldResult]]) -> dict[str, Any]:
    """Return what a way of planning takes for each field, its processes counted."""
    with tempfile.TemporaryDirectory() as folder:
        cpu, wall = _cpu_s(), time.perf_counter()
        results = work(Path(folder) / "farm")
        cpu, wall = _cpu_s() - cpu, time.perf_counter() - wall
    return {
        "fields": len(results),
        "may_fly": sum(result.may_fly for result in results),
        "cpu_ms_per_field": round(1000.0 * cpu / len(results), 1),
        "wall_ms_per_field": round(1000.0 * wall / len(results), 1),
        "litres": round(sum(result.litres for result in results), 2),
        "flying_h": round(sum(result.time_s for result in results) / 3600.0, 3),
    }


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def in_a_batch(folder: Path, count: int, workers: int) -> list[FieldResult]:
    made = commune(count)
    with start_farm(folder) as farm:
        farm.add_fields(made.fields)
        farm.add_pads(made.pads)
        batch = plan_batch(
            farm, request(), language="en", now=NOW, update=lambda _done, _total: None,
            workers=workers,
        )  # fmt: skip
    return list(batch.results)


def one_by_one(folder: Path, count: int, everything: int) -> list[FieldResult]:
    """Plan the first fields of the same commune, one after another, each searched and kept."""
    made = commune(everything)
    results = []
    with start_farm(folder) as farm:
        farm.add_fields(made.fields)
        farm.add_pads(made.pads)
        around = Surroundings(farm.farm())
        with patch("missions.spray.lines.plot_of", lambda _ground: None):
            for field in made.fields[:count]:
                for _, result, plans in plan_chunk(
                    [(field, around.of(field))], request(), "en", NOW
                ):
                    farm.save_plans(plans)
                    results.append(result)
    return results


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fields", type=int, default=400)
    parser.add_argument("--baseline", type=int, default=40)
    parser.add_argument("--workers", type=int, default=0)
    told = parser.parse_args()
    ours = measured(lambda folder: in_a_batch(folder, told.fields, told.workers))
    few = min(told.baseline, told.fields)
    theirs = measured(lambda folder: one_by_one(folder, few, told.fields))
    print(
        json.dumps(
            {
                "cores": os.cpu_count(),
                "workers": told.workers or os.cpu_count(),
                "batch": ours,
                "one_by_one": theirs,
                "ratio_cpu": round(theirs["cpu_ms_per_field"] / ours["cpu_ms_per_field"], 2),
                "minutes_for_10000": round(ours["wall_ms_per_field"] / 6.0, 1),
                "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0, 1),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
