"""The same work on a cluster: the same bytes, told in sentences what a cluster lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agri.errors import BadInput
from imagery import scale
from imagery.indices.maps import index_map
from imagery.raster import open_ortho
from imagery.raster.ortho import Ortho
from tests.ortho_files import reflectances, write_ortho


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Ortho:
    folder = tmp_path_factory.mktemp("scene")
    return open_ortho(write_ortho(folder / "scene.tif", reflectances(1300, 1100)))


def test_a_cluster_gives_the_bytes_that_threads_give(
    tmp_path: Path, client: Any, scene: Ortho
) -> None:
    names = ["NDVI", "NDRE"]
    here = index_map(tmp_path / "here.tif", scene, names, masks=["water"])
    there = index_map(
        tmp_path / "there.tif", scene, names, masks=["water"], cluster=client.get_executor()
    )
    assert (tmp_path / "here.tif").read_bytes() == (tmp_path / "there.tif").read_bytes()
    assert here is not None
    assert there is not None
    assert here.removed == there.removed


@pytest.mark.parametrize("address", ["10.0.0.5:8786", "http://x", "inproc://", "file:///etc"])
def test_what_is_no_cluster_is_refused(address: str) -> None:
    with pytest.raises(BadInput, match="no cluster"), scale.connected(address):
        pass


def test_a_silent_cluster_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "CONNECT_S", 0.3)
    with pytest.raises(BadInput, match="does not answer"), scale.executor("tcp://127.0.0.1:9"):
        pass


@pytest.mark.slow
def test_workers_in_other_programs_started_by_spawn_give_the_same_bytes(
    tmp_path: Path, scene: Ortho
) -> None:
    import distributed

    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        with scale.executor(cluster.scheduler_address) as there:
            index_map(tmp_path / "there.tif", scene, ["NDVI"], cluster=there)
        index_map(tmp_path / "here.tif", scene, ["NDVI"])
    assert (tmp_path / "here.tif").read_bytes() == (tmp_path / "there.tif").read_bytes()
