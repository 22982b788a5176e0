"""How many commits two writers at once get into one farm, beside geopandas appending to a file.

``python benchmarks/workspace.py [SECONDS]`` prints JSON. Each writer is a program of its own and
stores one field at a time, each acknowledged on the disk before the next. The baseline appends
the same one-row layer with ``GeoDataFrame.to_file(mode="a")``, as one would without a store.
"""

from __future__ import annotations

import json
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
WRITERS = 2


def commits(store: Callable[[int], object], seconds: float) -> dict[str, object]:
    """Store one thing after another for a while; return the times taken and the errors met."""
    times_ms: list[float] = []
    errors: dict[str, int] = {}
    end = time.perf_counter() + seconds
    for number in count():
        begin = time.perf_counter()
        if begin >= end:
            break
        try:
            store(number)
            times_ms.append((time.perf_counter() - begin) * 1000.0)
        except Exception as error:
            sentence = "database is locked" if "locked" in str(error) else type(error).__name__
            errors[sentence] = errors.get(sentence, 0) + 1
    return {"times_ms": times_ms, "errors": errors}


def write_ours(folder: Path, name: str, seconds: float) -> dict[str, object]:
    """Write through the farm folder."""
    from shapely.geometry import MultiPolygon, box

    from agri.field import Field
    from agri.workspace import Workspace

    boundary = MultiPolygon([box(106.51, 21.08, 106.511, 21.081)])
    with Workspace.open(folder) as farm:
        return commits(
            lambda number: farm.add_fields([Field(name=f"{name}-{number}", boundary=boundary)]),
            seconds,
        )


def write_geopandas(folder: Path, name: str, seconds: float) -> dict[str, object]:
    """Append with geopandas."""
    import geopandas
    from shapely.geometry import MultiPolygon, box

    boundary = MultiPolygon([box(106.51, 21.08, 106.511, 21.081)])

    def append(number: int) -> None:
        row = geopandas.GeoDataFrame(
            {"name": [f"{name}-{number}"], "crop": [""], "uid": [f"{name}-{number}"]},
            geometry=[boundary],
            crs=4326,
        )
        row.to_file(folder / "baseline.gpkg", layer="fields", mode="a", engine="pyogrio")

    return commits(append, seconds)


def together(kind: str, folder: Path, seconds: float) -> dict[str, object]:
    """Let the writers work at the same time and sum up what they tell."""
    writers = [
        subprocess.Popen(
            [sys.executable, __file__, kind, str(folder), f"writer{number}", str(seconds)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(WRITERS)
    ]
    told = [json.loads(writer.communicate()[0]) for writer in writers]
    times_ms = sorted(time_ms for one in told for time_ms in one["times_ms"])
    errors: dict[str, int] = {}
    for one in told:
        for sentence, times in one["errors"].items():
            errors[sentence] = errors.get(sentence, 0) + times
    tried = len(times_ms) + sum(errors.values())
    return {
        "commits": len(times_ms),
        "commits_per_s": round(len(times_ms) / seconds, 1),
        "p50_ms": round(statistics.median(times_ms), 2),
        "p99_ms": round(times_ms[int(len(times_ms) * 0.99)], 2),
        "slowest_ms": round(times_ms[-1], 2),
        "errors": errors,
        "failed_percent": round(100.0 * sum(errors.values()) / tried, 1),
    }


def kept(path: Path) -> Iterator[int]:
    """Yield how many rows the file really holds."""
    connection = sqlite3.connect(path)
    yield connection.execute("SELECT count(*) FROM fields").fetchone()[0]
    connection.close()


def main(seconds: float) -> None:
    import geopandas
    from shapely.geometry import MultiPolygon, box

    from agri.workspace import DATABASE, Workspace

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "farm"
        Workspace.create(folder, farm_name="Benchmark").close()
        ours = together("ours", folder, seconds)
        ours["rows_kept"] = next(kept(folder / DATABASE))
        first = geopandas.GeoDataFrame(
            {"name": ["first"], "crop": [""], "uid": ["first"]},
            geometry=[MultiPolygon([box(106.51, 21.08, 106.511, 21.081)])],
            crs=4326,
        )
        first.to_file(folder / "baseline.gpkg", layer="fields", engine="pyogrio")
        baseline = together("geopandas", folder, seconds)
        baseline["rows_kept"] = next(kept(folder / "baseline.gpkg")) - 1
    print(
        json.dumps(
            {
                "benchmark": "workspace",
                "writers": WRITERS,
                "seconds": seconds,
                "python": platform.python_version(),
                "agri": ours,
                "geopandas_append": baseline,
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    if len(sys.argv) > 2:
        write = {"ours": write_ours, "geopandas": write_geopandas}[sys.argv[1]]
        print(json.dumps(write(Path(sys.argv[2]), sys.argv[3], float(sys.argv[4]))))
    else:
        main(float(sys.argv[1]) if len(sys.argv) > 1 else 6.0)
