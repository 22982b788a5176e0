"""Commands of imagery killed at any moment: nothing half is seen or listed, the rerun ends well.

What an undisturbed run makes is the measure: after a death every file that is there has its bytes
(or is not there), whatever the catalogue lists is whole, and after the rerun all is as if nothing
had happened, with nothing left behind.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from agri.field import Field
from agri.geo import transformer
from agri.grid import Grid
from agri.workspace import Workspace
from imagery import catalogue
from imagery.raster import write_grid
from tests import photo_files
from tests.ortho_files import reflectances, write_ortho
from tests.photo_files import LAT, LON, Made
from tests.sizes import SHARE, of_full

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")
SAME_BYTES = (".tif", ".png", ".vrt", ".csv", ".geojson")
"""Files whose bytes depend on the input alone; GeoPackages hold the moment they were written."""


@dataclass(frozen=True)
class Job:
    """A command, and what an undisturbed run of it makes."""

    words: tuple[str, ...]
    changes: int
    seconds: float
    files: dict[str, bytes]
    listed: frozenset[str]


@pytest.fixture(scope="module")
def run() -> Iterator[Callable[..., dict[str, Any]]]:
    command = [sys.executable, "-m", "tests.command_child"]
    told = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=told
    ) as process:

        def one(words: tuple[str, ...], farm: Path, **when: Any) -> dict[str, Any]:
            assert process.stdin is not None
            assert process.stdout is not None
            said = farm.with_name("said")
            words = ("--lang", "en", *words, "--farm", str(farm))
            asked = {"words": words, "said": str(said), **when}
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            found: dict[str, Any] = json.loads(process.stdout.readline())
            return {**found, "said": said.read_text("utf-8")}

        yield one
        assert process.stdin is not None
        process.stdin.close()


def new_farm(folder: Path) -> Path:
    at = np.array([LON, LAT]) + np.array([(0, 0), (2, 0), (2, 1.6), (0, 1.6)]) * 1e-4
    field = Field(name="Ruộng", boundary=shapely.MultiPolygon([shapely.Polygon(at)]))
    with Workspace.create(folder, farm_name="Nông trại") as workspace:
        workspace.add_fields((field,))
    return folder


def seen(farm: Path) -> dict[str, bytes]:
    """What anybody sees in the farm's maps."""
    return {
        path.relative_to(farm).as_posix(): path.read_bytes()
        for path in sorted((farm / "maps").rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.parts)
    }


def hidden(farm: Path) -> list[str]:
    return [path.name for path in (farm / "maps").rglob(".*.work")]


def photos(folder: Path) -> Path:
    """Four photos of one strip of ground, each a step further east."""
    chance = np.random.default_rng(2)
    ground = sum(
        np.kron(chance.normal(size=(240 // step, 600 // step)), np.ones((step, step)))
        for step in (2, 4, 12)
    )
    ground = np.clip(0.45 + 0.08 * ground, 0.0, 1.0)
    folder.mkdir()
    for number in range(4):
        tags = {**photo_files.colour(number)[f"DSC{number:05d}.JPG"].tags,
                **photo_files.place_tags(LON + number * 9.0 / 103_900.0, LAT)}  # fmt: skip
        plane = ground[:, 80 * number : 80 * number + 320]
        data = photo_files.written(Made(tags=tags, plane=plane, jpeg=True))
        (folder / f"DSC{number:05d}.JPG").write_bytes(data)
    return folder


def orchard(path: Path) -> Path:
    """Round crowns 3 m high, 5 m apart, over the farm's field."""
    x, y = transformer(4326, 32648).transform(LON, LAT)
    east, south = np.meshgrid(np.arange(250) * 0.1, np.arange(250) * 0.1)
    off = np.hypot((east - 2.5) % 5.0 - 2.5, (south - 2.5) % 5.0 - 2.5)
    heights = np.clip(3.0 * (1.0 - (off / 1.8) ** 2), 0.0, None)
    write_grid(path, Grid(values=heights, affine=(0.1, 0.0, x - 2.0, 0.0, -0.1, y + 20.0),
                          epsg=32648, name=path.name))  # fmt: skip
    return path


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, ...]]:
    folder = tmp_path_factory.mktemp("inputs")
    ortho = str(write_ortho(folder / "ruong.tif", reflectances(300, 280)))
    canopy = str(orchard(folder / "chm.tif"))
    scaled = ("--scale", "10000")
    return {
        "index": ("index", ortho, "--indices", "ndvi,cig", *scaled),
        "pieces": ("index", ortho, "--indices", "ndvi", *scaled, "--pieces"),
        "mosaic": ("mosaic", str(photos(folder / "the"))),
        "zonal": ("zonal", canopy, "--field", "Ruộng"),
        "trees": ("trees", "--chm", canopy, "--field", "Ruộng"),
    }


def undisturbed(
    run: Callable[..., dict[str, Any]], words: tuple[str, ...], folder: Path, **how: Any
) -> Job:
    farm = new_farm(folder / "undisturbed")
    found = run(words, farm, **how)
    assert found["code"] == 0, found
    assert hidden(farm) == []
    return Job(words=words, changes=found["changes"], seconds=found["seconds"], files=seen(farm),
               listed=frozenset(one.name for one in catalogue.products(farm)))  # fmt: skip


def judged(farm: Path, job: Job) -> None:
    """Whatever is there is whole."""
    assert catalogue.check(farm) == ()
    assert {one.name for one in catalogue.products(farm)} <= job.listed
    for name, data in seen(farm).items():
        assert name in job.files
        if name.endswith(SAME_BYTES):
            assert data == job.files[name], name


def finished(run: Callable[..., dict[str, Any]], farm: Path, job: Job, **how: Any) -> None:
    """Run to the end; all is as if nothing had happened."""
    found = run(job.words, farm, **how)
    assert found["code"] == 0, found
    judged(farm, job)
    assert seen(farm).keys() == job.files.keys()
    assert {one.name for one in catalogue.products(farm)} == job.listed
    assert hidden(farm) == []


def kill_and_rerun(
    run: Callable[..., dict[str, Any]], job: Job, folder: Path, **when: float
) -> bool:
    """Kill once, judge, run again, judge; return whether it died."""
    farm = new_farm(folder)
    died = run(job.words, farm, **when)["code"] is None
    judged(farm, job)
    finished(run, farm, job)
    return died


@pytest.mark.parametrize(("command", "shares"), [("pieces", (0.7, 0.4)), ("index", (0.75,))])
def test_a_command_killed_before_a_change_leaves_nothing_half_and_its_rerun_ends_well(
    run: Callable[..., dict[str, Any]], inputs: dict[str, tuple[str, ...]], tmp_path: Path,
    command: str, shares: tuple[float, ...],
) -> None:  # fmt: skip
    """Three deaths in the gate, one of them in the rerun after another."""
    job = undisturbed(run, inputs[command], tmp_path, plain=True)
    farm = new_farm(tmp_path / "killed")
    for share in shares:
        at = max(1, int(share * job.changes))
        assert run(job.words, farm, die_at=at, plain=True)["code"] is None
        judged(farm, job)
    finished(run, farm, job, plain=True)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["index", "pieces", "mosaic", "zonal", "trees"])
def test_a_command_killed_before_each_of_its_changes_leaves_nothing_half(
    run: Callable[..., dict[str, Any]], inputs: dict[str, tuple[str, ...]], tmp_path: Path,
    command: str,
) -> None:  # fmt: skip
    job = undisturbed(run, inputs[command], tmp_path)
    for change in range(1, job.changes + 1, max(1, round(1.0 / SHARE / 5.0))):
        assert kill_and_rerun(run, job, tmp_path / str(change), die_at=change)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["index", "pieces", "mosaic", "zonal", "trees"])
def test_a_command_killed_at_thirty_moments_leaves_nothing_half(
    run: Callable[..., dict[str, Any]], inputs: dict[str, tuple[str, ...]], tmp_path: Path,
    command: str, record_property,
) -> None:  # fmt: skip
    job = undisturbed(run, inputs[command], tmp_path)
    chance = random.Random(command)
    died = sum(
        kill_and_rerun(run, job, tmp_path / str(k), die_after_s=chance.uniform(0.0, job.seconds))
        for k in range(of_full(30, at_least=3))
    )
    record_property("commands_killed", died)
    assert died > of_full(11) - 1
