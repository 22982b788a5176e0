"""What a commune costs on a Dask cluster, how that grows, and what two workers are worth.

``python benchmarks/scale.py [--times 1 4 16] [--workers 1 2]`` makes a commune by a seed
(`sitl.scene.commune`) and a sample of its ground at 10 cm: 1/16 km² once, four and sixteen times
that. Of each sample, on a cluster of spawned worker processes with one thread each,

* NDVI and NDRE are made in pieces (`imagery.piecework`),
* every field's figures are taken over the pieces (`imagery.zonal`),
* and twenty fields for each sixteenth are planned (`agri.operations.batch`).

For each: seconds of the wall clock, seconds of CPU (workers and this program), bytes read and
written, the greatest memory of a worker. Sizes are run with the most workers, the largest with each
number of them: ``ratio`` is the wall clock of the least over that of the most, and means something
only while nothing else runs. ``equal`` tells that all numbers of workers gave the same pieces,
figures and plans. Workers are started and their imports done before the clock runs. Prints JSON
and draws docs/pictures/scale.png (``--picture``).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import rasterio

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from agri.operations.batch import plan_batch
from agri.operations.farm import start_farm
from agri.operations.spray import SprayRequest
from agri.weather import Wind
from agri.zone import Zone
from imagery.indices.maps import index_pieces
from imagery.raster import open_ortho
from imagery.raster.index import piece_files
from imagery.scale import connected
from imagery.zonal import OrthoLayers, zonal_statistics
from missions.catalogue import sprayer
from missions.sprayer.job import Product
from sitl.scene import Commune, commune
from sitl.scene.commune import BANDS, CELL_M, CORNER_M, EPSG, TILE

PIXEL_M = 0.10
SIDE_M = 250.0
"""Of the smallest sample: 1/16 km²."""
FIELDS = 20
"""Planned for each sixteenth of a square kilometre."""
PIECE = 1024
"""Pixels a side of a piece: small, so that a small sample has enough of them to share out."""
INDICES = ("NDVI", "NDRE")
STEPS = ("index", "figures", "plans")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PICTURE = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "scale.png"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one step took: seconds, bytes read and written, megabytes of the largest worker."""

    wall_s: float
    cpu_s: float
    read_mb: float = 0.0
    written_mb: float = 0.0
    peak_mb: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One sample gone through by some workers; `sums` are of what came out."""

    times: int
    workers: int
    km2: float
    fields: int
    planned: int
    costs: dict[str, Cost]
    sums: dict[str, str]


def write_ground(path: Path, made: Commune, side_px: int) -> None:
    """Write a square of a commune's ground as a tiled GeoTIFF."""
    profile = {
        "driver": "GTiff", "count": len(BANDS), "height": side_px, "width": side_px,
        "dtype": "uint16", "crs": f"EPSG:{EPSG}", "nodata": 0, "tiled": True, "blockxsize": TILE,
        "blockysize": TILE, "interleave": "pixel", "compress": "zstd", "predictor": 2,
        "zstd_level": 1, "num_threads": "all_cpus", "BIGTIFF": "IF_SAFER",
        "transform": rasterio.Affine(PIXEL_M, 0, CORNER_M[0], 0, -PIXEL_M, CORNER_M[1]),
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as target:
        for number, name in enumerate(BANDS, 1):
            target.set_band_description(number, name)
        for top in range(0, side_px, TILE):
            for left in range(0, side_px, TILE):
                high, wide = min(TILE, side_px - top), min(TILE, side_px - left)
                tile = made.ground(top // TILE, left // TILE, high, wide, pixel_m=PIXEL_M)
                target.write(tile, window=((top, top + high), (left, left + wide)))


def asked() -> SprayRequest:
    """Return what is asked of every field."""
    return SprayRequest(
        fields=(), sprayer=sprayer(), product=Product(name="water", dose_per_ha=0.0),
        rate_l_ha=20.0, wind=Wind(speed_m_s=2.0, from_deg=30.0),
    )  # fmt: skip


class Clock:
    """Takes a cluster's costs: the wall clock, and the CPU of workers and this program."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def cpu_s(self) -> float:
        """Return the CPU seconds of workers and this program so far."""
        return time.process_time() + sum(self.client.run(time.process_time).values())

    def cost(self, work: Callable[[], str]) -> tuple[Cost, str]:
        """Return what some work costs, and the sum it gives."""
        wall, cpu = time.perf_counter(), self.cpu_s()
        made = work()
        wall, cpu = time.perf_counter() - wall, self.cpu_s() - cpu
        peak = max(self.client.run(_peak_mb).values())
        return Cost(wall_s=round(wall, 2), cpu_s=round(cpu, 2), peak_mb=round(peak)), made


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def go_through(folder: Path, times: int, workers: int) -> Run:
    """Index, measure and plan a sample with so many workers."""
    import distributed

    side_m = SIDE_M * math.sqrt(times)
    across = math.ceil(side_m / CELL_M[0])
    made = commune(across * math.ceil(side_m / CELL_M[1]), across=across)
    ground = folder / f"ground{times}.tif"
    if not ground.exists():
        write_ground(ground, made, round(side_m / PIXEL_M))
    out = folder / f"{times}-{workers}"
    out.mkdir()
    with distributed.LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster, connected(cluster.scheduler_address) as client:  # fmt: skip
        client.wait_for_workers(workers)
        client.run(_imports)
        clock, costs, sums = Clock(client), {}, {}
        jobs = {
            "index": lambda: _index(ground, out, client),
            "figures": lambda: _figures(out, made, client),
            "plans": lambda: _plans(out, times, cluster.scheduler_address),
        }
        for step in STEPS:
            costs[step], sums[step] = clock.cost(jobs[step])
    maps = sum(piece.stat().st_size for piece in piece_files(out / "map.vrt")) / 1e6
    plans = sum(one.stat().st_size for one in (out / "farm").rglob("*") if one.is_file()) / 1e6
    traffic = {"index": (ground.stat().st_size / 1e6, maps), "figures": (maps, 0.0),
               "plans": (0.0, plans)}  # fmt: skip
    for step, (read, written) in traffic.items():
        costs[step] = replace(costs[step], read_mb=round(read, 1), written_mb=round(written, 1))
    return Run(times=times, workers=workers, km2=side_m * side_m / 1e6, fields=len(made.fields),
               planned=FIELDS * times, costs=costs, sums=sums)  # fmt: skip


def _imports() -> None:
    for room in ("agri.operations.batch", "imagery.indices.maps", "imagery.zonal"):
        import_module(room)


def _index(ground: Path, out: Path, client: Any) -> str:
    index_pieces(out / "map.vrt", open_ortho(ground), INDICES, client=client, side=PIECE)
    return _sum(*(piece.read_bytes() for piece in piece_files(out / "map.vrt")))


def _figures(out: Path, made: Commune, client: Any) -> str:
    zones = [Zone(name=field.name, area=field.boundary) for field in made.fields]
    layers = OrthoLayers.of(open_ortho(out / "map.vrt"))
    table, _ = zonal_statistics(layers, zones, client=client)
    return _sum(*(repr(row).encode() for row in table.rows))


def _plans(out: Path, times: int, address: str) -> str:
    made = commune(FIELDS * times)
    with start_farm(out / "farm") as farm:
        farm.add_fields(made.fields)
        farm.add_pads(made.pads)
        batch = plan_batch(farm, asked(), language="en", now=NOW, cluster=address,
                           update=lambda _done, _total: None)  # fmt: skip
        plans = farm.plans(every=True)
    return _sum(repr(batch.results).encode(), *(plan.digest.encode() for plan in plans))


def _sum(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()


def told(runs: list[Run]) -> dict[str, Any]:
    """Return what was measured as plain values."""
    most = max(run.workers for run in runs)
    sizes = sorted((run for run in runs if run.workers == most), key=lambda run: run.times)
    small, large = sizes[0], sizes[-1]
    same = [run for run in runs if run.times == large.times]
    least = min(same, key=lambda run: run.workers)
    return {
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "runs": [asdict(run) for run in runs],
        "cpu_s_per_km2": {s: round(large.costs[s].cpu_s / large.km2, 2) for s in STEPS[:2]},
        "cpu_ms_per_plan": round(1000.0 * large.costs["plans"].cpu_s / large.planned, 1),
        "read_mb_per_km2": round(large.costs["index"].read_mb / large.km2, 1),
        "written_mb_per_km2": round(large.costs["index"].written_mb / large.km2, 1),
        "written_kb_per_plan": round(1000.0 * large.costs["plans"].written_mb / large.planned, 1),
        "peak_mb": max(cost.peak_mb for run in runs for cost in run.costs.values()),
        "growth": {s: _growth(small, large, s) for s in STEPS},
        "equal": len({json.dumps(run.sums) for run in same}) == 1,
        "ratio": {
            "workers": [least.workers, large.workers],
            **{s: _ratio(least.costs[s].wall_s, large.costs[s].wall_s) for s in STEPS},
            "all": _ratio(_wall(least), _wall(large)),
        },
    }


def _growth(small: Run, large: Run, step: str) -> float | None:
    """Return the power of size with which CPU grows; 1 is in proportion."""
    if small is large:
        return None
    more = large.costs[step].cpu_s / max(small.costs[step].cpu_s, 0.01)
    return round(math.log(more) / math.log(large.times / small.times), 2)


def _wall(run: Run) -> float:
    return sum(cost.wall_s for cost in run.costs.values())


def _ratio(one: float, other: float) -> float:
    return round(one / max(other, 0.01), 2)


def draw(runs: list[Run], path: Path) -> None:
    """Draw CPU against size, and the wall clock against workers."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator

    most = max(run.workers for run in runs)
    sizes = sorted((run for run in runs if run.workers == most), key=lambda run: run.times)
    same = sorted((r for r in runs if r.times == sizes[-1].times), key=lambda run: run.workers)
    figure = Figure(figsize=(11, 4.4), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    ground, plans, wall = figure.subplots(1, 3)
    colours, marks = ("#0072B2", "#D55E00", "#009E73"), ("o", "s", "^")
    names = ("two indices", "figures of fields", "plans")
    for axes, chosen, x in ((ground, (0, 1), [run.km2 for run in sizes]),
                            (plans, (2,), [run.planned for run in sizes])):  # fmt: skip
        for k in chosen:
            y = [run.costs[STEPS[k]].cpu_s for run in sizes]
            axes.loglog(x, y, marker=marks[k], color=colours[k], label=names[k])
            axes.loglog(x, [y[-1] * one / x[-1] for one in x], color=colours[k], linestyle=":",
                        linewidth=1.0)  # fmt: skip
        axes.set(ylabel="seconds of CPU", xticks=x, xticklabels=[f"{one:g}" for one in x])
        axes.minorticks_off()
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    ground.set(title="Ground at 10 cm", xlabel="km² (dotted: in proportion)")
    plans.set(title="Spray plans", xlabel="fields (dotted: in proportion)")
    bottom = [0.0] * len(same)
    for k, step in enumerate(STEPS):
        heights = [run.costs[step].wall_s for run in same]
        wall.bar([str(run.workers) for run in same], heights, bottom=bottom, color=colours[k],
                 label=names[k])  # fmt: skip
        bottom = [low + high for low, high in zip(bottom, heights, strict=True)]
    wall.set(title=f"{same[0].km2:g} km², {same[0].planned} plans", xlabel="workers",
             ylabel="seconds on the wall")  # fmt: skip
    wall.legend(frameon=False)
    figure.savefig(path, metadata={"Software": "agri"})


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--picture", type=Path, default=PICTURE)
    parser.add_argument("--folder", type=Path, help="where samples are made (a temporary one)")
    asked_for = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)
    largest = max(asked_for.times)
    wanted = [(times, max(asked_for.workers)) for times in sorted(set(asked_for.times))]
    wanted += [(largest, few) for few in sorted(set(asked_for.workers))[:-1]]
    with tempfile.TemporaryDirectory(dir=asked_for.folder) as folder:
        runs = [go_through(Path(folder), *one) for one in wanted]
    print(json.dumps(told(runs), indent=1))
    draw(runs, asked_for.picture)


if __name__ == "__main__":
    main()
