"""The same work on a cluster: the same bytes, pieces whole or not there, reruns that go on."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rio_cogeo.cogeo import cog_validate

from agri.errors import BadInput
from imagery import scale
from imagery.indices.maps import index_map, index_recipe
from imagery.raster import open_ortho
from imagery.raster.ortho import Ortho
from imagery.raster.tiles import Encoding
from tests.ortho_files import reflectances, write_ortho


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with scale.connected("threads") as found:
            yield found


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


@pytest.mark.parametrize("encoding", [Encoding(), Encoding(kind="float32")])
def test_a_mosaic_of_pieces_is_the_one_file_pixel_by_pixel(
    tmp_path: Path, client: Any, scene: Ortho, encoding: Encoding
) -> None:
    recipe = index_recipe(scene, ["NDVI", "CIG"], encoding=encoding)
    index_map(tmp_path / "one.tif", scene, ["NDVI", "CIG"], encoding=encoding)
    folder = tmp_path / "mosaic"
    seen: list[float] = []
    mosaic = scale.write_mosaic(
        folder, scene, recipe, client, encoding=encoding, side=700, progress=seen.append
    )
    assert mosaic is not None
    assert mosaic.made == len(mosaic.pieces) == 9
    assert seen[-1] == 1.0
    for piece in mosaic.pieces:
        assert cog_validate(folder / piece.name, strict=True)[0]
    with rasterio.open(tmp_path / "one.tif") as one, rasterio.open(mosaic.index) as many:
        assert np.array_equal(one.read(), many.read(), equal_nan=True)
        assert one.crs == many.crs
        assert one.transform == many.transform
        assert one.scales == many.scales
        assert one.descriptions == many.descriptions


def test_a_stopped_mosaic_has_no_index_and_the_rerun_makes_what_is_missing(
    tmp_path: Path, client: Any, scene: Ortho
) -> None:
    recipe = index_recipe(scene, ["NDVI"])
    half = scale.write_mosaic(tmp_path, scene, recipe, client, side=512, stop=lambda: True)
    assert half is None
    assert not (tmp_path / "mosaic.vrt").exists()
    again = scale.write_mosaic(tmp_path, scene, recipe, client, side=512)
    assert again is not None
    assert again.made < len(again.pieces)
    assert again.index.exists()
    other = index_recipe(scene, ["GNDVI"])
    anew = scale.write_mosaic(tmp_path, scene, other, client, side=512)
    assert anew is not None
    assert anew.made == len(anew.pieces)


def test_a_lost_piece_is_made_again(tmp_path: Path, client: Any, scene: Ortho) -> None:
    recipe = index_recipe(scene, ["NDVI"])
    whole = scale.write_mosaic(tmp_path, scene, recipe, client, side=1024)
    assert whole is not None
    before = (tmp_path / whole.pieces[1].name).read_bytes()
    (tmp_path / whole.pieces[1].name).unlink()
    again = scale.write_mosaic(tmp_path, scene, recipe, client, side=1024)
    assert again is not None
    assert again.made == 1
    assert (tmp_path / whole.pieces[1].name).read_bytes() == before


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
