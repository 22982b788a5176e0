"""Figures of zones shared out among workers: those of one pass to the last bit."""

from __future__ import annotations

import os
import signal
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shapely import affinity
from shapely.geometry import Point, box

from agri.cli import main
from agri.operations.farm import start_farm
from agri.zone import Zone
from imagery import scale
from imagery.indices.maps import index_pieces
from imagery.raster import open_ortho
from imagery.raster.ortho import Ortho
from imagery.zonal import OrthoLayers, ZonalTable, zonal_statistics
from imagery.zonal import shares as shares_room
from imagery.zonal.shares import everything, shares_of
from sitl.scene import commune
from tests.ortho_files import write_ortho

pytestmark = pytest.mark.filterwarnings("ignore:Port 8787")
COMMUNE = commune(60, across=10)
ASKED: dict[str, Any] = {"quantiles": (0.1, 0.5, 0.9), "bin_edges": (0.2, 0.5, 0.9)}


@pytest.fixture(scope="module")
def ortho(tmp_path_factory: pytest.TempPathFactory) -> Ortho:
    """550 × 480 m at 20 cm, in tiles, with a gap of no data."""
    across, down = 6, 5
    ground = np.concatenate(
        [
            np.concatenate(
                [COMMUNE.ground(y, x, 512, 512, pixel_m=0.2) for x in range(across)], axis=2
            )
            for y in range(down)
        ],
        axis=1,
    )[:, :2400, :2750]
    ground[:, 600:900, 1000:1500] = 0
    path = tmp_path_factory.mktemp("ground") / "xã.tif"
    import rasterio

    return open_ortho(
        write_ortho(path, ground, ("Green 560 nm", "Red 668 nm", "Red edge 717 nm", "NIR 842 nm"),
                    transform=rasterio.Affine(0.2, 0, 656_000, 0, -0.2, 2_332_000))
    )  # fmt: skip


@pytest.fixture(scope="module")
def zones() -> list[Zone]:
    """Fields, crowns, the whole commune over them, and one far away."""
    fields = [Zone(name=f.name, area=f.boundary, kind="field") for f in COMMUNE.fields]
    middle = COMMUNE.fields[25].boundary.centroid
    crowns = [
        Zone(name=f"C{n}", area=Point(middle.x + n * 9e-5, middle.y + n * 4e-5).buffer(3e-5))
        for n in range(-20, 20)
    ]
    whole = Zone(name="whole", area=box(*affinity.scale(COMMUNE.fields[33].boundary, 9, 9).bounds))
    return [whole, *fields, Zone(name="far", area=box(105.0, 20.0, 105.001, 20.001)), *crowns]


def told(found: tuple[ZonalTable, Any]) -> tuple[list[str], list[str]]:
    """Every figure to its last bit, and what is said."""
    table, findings = found
    return [repr(row) for row in table.rows], [one.text("vi") for one in findings]


@pytest.mark.parametrize("counted", [False, True])
def test_a_clusters_figures_are_those_of_one_pass_to_the_last_bit(
    ortho: Ortho, zones: list[Zone], client: Any, monkeypatch: pytest.MonkeyPatch, counted: bool
) -> None:
    monkeypatch.setattr(shares_room, "LEAST_WINDOWS", 1)
    if counted:  # the values of large zones are counted, in two passes
        monkeypatch.setattr(shares_room, "too_large", lambda _, sizes, __: sizes > 30_000.0)
    layers = OrthoLayers.of(ortho)
    share, _ = everything([layers], zones, ASKED["quantiles"], None)
    assert len(shares_of(share, 64)) > 1
    here = zonal_statistics(layers, zones, **ASKED)
    there = zonal_statistics(layers, zones, client=client, **ASKED)
    assert told(here) == told(there)
    assert len(told(here)[1]) >= 2  # far away, and in the gap


def test_every_zone_on_the_raster_is_one_shares_own(ortho: Ortho, zones: list[Zone]) -> None:
    share, _ = everything([OrthoLayers.of(ortho)], zones, (), None)
    for count in (1, 2, 3, 7):
        owned = [part.zone[part.whole > 0].tolist() for part in shares_of(share, count)]
        assert len(owned) <= count
        assert sorted(chain.from_iterable(owned)) == np.flatnonzero(share.whole > 0).tolist()


def test_a_cluster_without_windows_to_read_tells_what_lies_outside(
    ortho: Ortho, zones: list[Zone], client: Any
) -> None:
    far = [zone for zone in zones if zone.name == "far"]
    layers = OrthoLayers.of(ortho)
    assert told(zonal_statistics(layers, far, client=client)) == told(zonal_statistics(layers, far))


def test_a_communes_fields_are_measured_over_pieces_by_one_command_and_drawn_by_their_means(
    tmp_path: Path, ortho: Ortho, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = index_pieces(tmp_path / "xa.vrt", ortho, ["NDVI"], client=client, side=1024)
    assert made is not None
    with start_farm(tmp_path / "farm") as farm:
        farm.add_fields(COMMUNE.fields)
    drawn: list[Any] = []

    def draw(grid: Any, look: Any, **_: Any) -> bytes:
        drawn.append((grid, look))
        return b"png"

    monkeypatch.setattr("agri.operations.maps.zonal.draw_quicklook", draw)
    words = ("--lang", "en", "zonal", str(tmp_path / "xa.vrt"), "--farm", str(tmp_path / "farm"))
    files = []
    for more in ([], ["--dask", "threads"]):
        assert main([*words, "--table", "csv", *more]) in (0, 1)
        files += [max((tmp_path / "farm").rglob("*zonal*.csv"), key=lambda f: f.stat().st_mtime_ns)]
    assert files[0].read_bytes() == files[-1].read_bytes()
    grid, look = drawn[0]
    assert "60 zones" in look.title
    values = grid.values[np.isfinite(grid.values)]
    truth = [COMMUNE.ndvi(number) for number in range(60)]
    assert values.min() >= min(truth) - 0.01
    assert values.max() <= max(truth) + 0.01
    assert any("a tenth of them below" in text for _, text in look.facts)


@pytest.mark.slow
def test_a_worker_killed_between_shares_costs_time_and_no_figure(
    ortho: Ortho, zones: list[Zone], monkeypatch: pytest.MonkeyPatch
) -> None:
    import distributed

    monkeypatch.setattr(shares_room, "LEAST_WINDOWS", 1)
    layers, killed = OrthoLayers.of(ortho), []
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:

        def kill_one(_: float) -> None:
            if not killed:
                killed.append(next(iter(cluster.workers.values())).pid)
                os.kill(killed[0], signal.SIGKILL)

        with scale.losses_told("here"), scale.connected(cluster.scheduler_address) as client:
            there = zonal_statistics(layers, zones, client=client, progress=kill_one, **ASKED)
    assert killed
    assert told(there) == told(zonal_statistics(layers, zones, **ASKED))


def test_the_means_are_the_planted_ones(ortho: Ortho, tmp_path: Path) -> None:
    made = index_pieces(tmp_path / "xa.vrt", ortho, ["NDVI"], side=2048)
    assert made is not None
    fields = [Zone(name=f.name, area=f.boundary) for f in COMMUNE.fields]
    table, _ = zonal_statistics(OrthoLayers.of(open_ortho(tmp_path / "xa.vrt")), fields)
    off = [abs(row.mean - COMMUNE.ndvi(n)) for n, row in enumerate(table.rows) if row.coverage > 0]
    assert max(off) < 0.01
