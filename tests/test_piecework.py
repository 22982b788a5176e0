"""A map in pieces: the one map pixel by pixel, whole or not there; no other index is believed."""

from __future__ import annotations

import os
import random
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rio_cogeo.cogeo import cog_validate

from agri.cli import main
from agri.errors import AgriError, BadInput, Refused
from agri.workspace import Workspace
from imagery import catalogue, piecework, scale
from imagery.indices.maps import index_map, index_pieces
from imagery.raster import open_ortho
from imagery.raster.index import judged_index, piece_files
from imagery.raster.ortho import Ortho, blocks
from imagery.raster.overview import glance
from imagery.raster.tiles import Encoding
from tests.ortho_files import reflectances, write_ortho

NAMES = ("NDVI", "CIG")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Ortho:
    folder = tmp_path_factory.mktemp("scene")
    stored = reflectances(1030, 1030)
    stored[:, :512, :512] = 0  # a piece without any value
    return open_ortho(write_ortho(folder / "scene.tif", stored))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, scene: Ortho) -> Path:
    path = tmp_path_factory.mktemp("made") / "map.vrt"
    assert index_pieces(path, scene, NAMES, masks=["water"], side=512) is not None
    return path


@pytest.mark.parametrize(
    "encoding", [Encoding(), pytest.param(Encoding(kind="float32"), marks=pytest.mark.slow)]
)
def test_pieces_of_a_cluster_are_the_one_file_pixel_by_pixel_and_figure_by_figure(
    tmp_path: Path, client: Any, scene: Ortho, encoding: Encoding
) -> None:
    one = index_map(tmp_path / "one.tif", scene, NAMES, masks=["water"], encoding=encoding)
    seen: list[float] = []
    many = index_pieces(
        tmp_path / "many.vrt", scene, NAMES, masks=["water"], encoding=encoding, client=client,
        side=700, progress=seen.append,
    )  # fmt: skip
    assert one is not None
    assert many is not None
    assert many.removed == one.removed
    assert seen[-1] == 1.0
    for ours, theirs in zip(many.summaries, one.summaries, strict=True):
        assert (ours.pixels, ours.low, ours.high) == (theirs.pixels, theirs.low, theirs.high)
        assert ours.mean == pytest.approx(theirs.mean, rel=1e-12)
        assert ours.deviation == pytest.approx(theirs.deviation, rel=1e-9)
    pieces = piece_files(tmp_path / "many.vrt")
    assert len(pieces) == 9
    for piece in pieces[::4]:
        assert cog_validate(piece, strict=True)[0]
    with rasterio.open(tmp_path / "one.tif") as a, rasterio.open(tmp_path / "many.vrt") as b:
        assert np.array_equal(a.read(), b.read(), equal_nan=True)
        for told in ("crs", "transform", "scales", "descriptions", "dtypes"):
            assert getattr(a, told) == getattr(b, told)
        assert b.overviews(1) == [2, 4]
        for number in (1, 2):
            assert a.tags(number).items() <= b.tags(number).items()
        left_out = {"PIECES_SHA256"}
        assert {k: v for k, v in b.tags().items() if k not in left_out} == {
            k: v for k, v in a.tags().items() if k in b.tags()
        }


def test_overviews_of_pieces_are_those_of_the_one_file(
    tmp_path: Path, client: Any, scene: Ortho
) -> None:
    index_map(tmp_path / "one.tif", scene, ["NDVI"])
    index_pieces(tmp_path / "many.vrt", scene, ["NDVI"], client=client, side=1024)
    shapes = {"out_shape": (1, 515, 515)}
    with rasterio.open(tmp_path / "one.tif") as a, rasterio.open(tmp_path / "many.vrt") as b:
        one, many = a.read(**shapes)[0], b.read(**shapes)[0]
    assert np.array_equal(one[:512, :512], many[:512, :512])  # what lies in pieces of full size
    assert np.array_equal(one[:512, 512:] == -32768, many[:512, 512:] == -32768)
    known = one != -32768
    assert np.abs(one[known].astype(int) - many[known]).mean() < 30.0  # of ten thousand


def test_our_own_readers_open_the_pieces_as_one_map(made: Path, scene: Ortho) -> None:
    ortho = open_ortho(made)
    assert (ortho.width, ortho.height, ortho.epsg) == (scene.width, scene.height, 32648)
    assert [band.name for band in ortho.bands if band] == ["NDVI", "CIG"]
    shown = sum(values.size for _, values in blocks(ortho, [1]))
    assert shown == scene.width * scene.height
    values, _ = glance(ortho, [1], max_pixels=100_000)
    assert np.nanmean(values) == pytest.approx(0.6, abs=0.25)


def test_a_rerun_makes_what_is_missing_and_nothing_else(tmp_path: Path, scene: Ortho) -> None:
    path, folder = tmp_path / "a.vrt", tmp_path / "a-pieces"
    half = index_pieces(path, scene, ["NDVI"], side=512, stop=lambda: True)
    assert half is None
    assert not path.exists()
    assert len(list(folder.glob("piece_*.tif"))) == 1
    whole = index_pieces(path, scene, ["NDVI"], side=512)
    assert whole is not None
    assert dict(whole.findings[-1].message.values) == {"pieces": 9, "made": 8}
    before = {piece: piece.read_bytes() for piece in piece_files(path)}
    victim = piece_files(path)[4]
    victim.unlink()
    again = index_pieces(path, scene, ["NDVI"], side=512)
    assert again is not None
    assert dict(again.findings[-1].message.values) == {"pieces": 9, "made": 1}
    assert {piece: piece.read_bytes() for piece in piece_files(path)} == before
    assert again.summaries == whole.summaries


def test_another_job_replaces_the_pieces_only_when_it_is_whole(
    tmp_path: Path, scene: Ortho
) -> None:
    path = tmp_path / "a.vrt"
    index_pieces(path, scene, ["NDVI"], side=1024)
    first = piece_files(path)
    assert index_pieces(path, scene, ["GNDVI"], side=1024, stop=lambda: True) is None
    assert piece_files(path) == first
    assert all(piece.is_file() for piece in first)
    index_pieces(path, scene, ["GNDVI"], side=1024)
    assert not any(piece.exists() for piece in first)
    assert all(piece.is_file() for piece in piece_files(path))


def test_two_programs_do_not_make_the_same_pieces(tmp_path: Path, scene: Ortho) -> None:
    path = tmp_path / "a.vrt"
    (tmp_path / "a-pieces").mkdir()
    with (
        piecework._alone(tmp_path / "a-pieces", path),
        pytest.raises(Refused, match="Another program"),
    ):
        index_pieces(path, scene, ["NDVI"], side=1024)


@pytest.mark.parametrize("number", range(8))
def test_an_index_of_another_form_is_not_believed(made: Path, tmp_path: Path, number: int) -> None:
    text = made.read_text("utf-8")
    folder = "map-pieces/"
    name = piece_files(made)[0].name
    changed = [
        text.replace(folder + name, "/etc/passwd"),
        text.replace(folder + name, "/vsicurl/http://127.0.0.1/" + name),
        text.replace(folder, "../map-pieces/"),
        text.replace(
            "</VRTRasterBand>", "<PixelFunctionType>a</PixelFunctionType></VRTRasterBand>"
        ),
        text.replace("<VRTRasterBand ", '<VRTRasterBand subClass="VRTDerivedRasterBand" '),
        text.replace("EPSG:32648", "http://127.0.0.1/crs"),
        "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>" + text,
        text.replace('relativeToVRT="1"', 'relativeToVRT="0"'),
    ][number]
    assert changed != text
    path = made.with_name(f"hostile{number}.vrt")
    path.write_text(changed, "utf-8")
    with pytest.raises(BadInput):
        open_ortho(path)
    path.unlink()


def test_broken_indices_are_one_sentence_or_the_map(made: Path) -> None:
    """Bytes changed, cut out and doubled: nothing but pieces beside the index is ever a source."""
    chance = random.Random(7)
    sound = made.read_bytes()
    path = made.with_name("broken.vrt")
    pieces, said = set(piece_files(made)), []
    for _ in range(150):
        data = bytearray(sound)
        for _ in range(chance.choice((1, 1, 3))):
            at = chance.randrange(12, len(data))
            what = chance.randrange(3)
            if what == 0:
                data[at] = chance.randrange(256)
            elif what == 1:
                del data[at : at + chance.randrange(1, 80)]
            else:
                data[at:at] = chance.choice((b"<", b"/vsicurl/", b"&lt;", b'"', data[at : at + 90]))
        path.write_bytes(data)
        try:
            assert set(piece_files(path)) <= pieces
            judged_index(path)
        except AgriError as refused:
            said.append(refused.text("vi"))
    path.unlink()
    assert len(said) > 50
    assert all(text.isprintable() for text in said)


def test_the_index_of_pieces_must_be_a_vrt(tmp_path: Path, scene: Ortho) -> None:
    with pytest.raises(BadInput, match=r"map\.tif: .* ends in \.vrt"):
        index_pieces(tmp_path / "map.tif", scene, NAMES, side=512)


def test_a_piece_that_is_no_geotiff_is_named(tmp_path: Path, scene: Ortho) -> None:
    path = tmp_path / "a.vrt"
    index_pieces(path, scene, ["NDVI"], side=1024)
    piece = piece_files(path)[1]
    piece.write_bytes(b"<VRTDataset/>")
    with pytest.raises(BadInput, match=piece.name):
        judged_index(path)
    piece.unlink()
    with pytest.raises(BadInput, match=piece.name):
        open_ortho(path)


def test_what_a_worker_says_comes_back_as_its_sentence(tmp_path: Path, client: Any) -> None:
    gone = open_ortho(write_ortho(tmp_path / "gone.tif", reflectances(600, 600)))
    stamp = gone.path.stat()
    damaged = bytearray(gone.path.read_bytes())
    damaged[len(damaged) // 3 :] = bytes(len(damaged) - len(damaged) // 3)
    gone.path.write_bytes(damaged)
    os.utime(gone.path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    with scale.losses_told("threads"), pytest.raises(BadInput, match=r"gone\.tif"):
        index_pieces(tmp_path / "a.vrt", gone, ["NDVI"], client=client, side=512)
    assert not (tmp_path / "a.vrt").exists()


@pytest.mark.parametrize(
    ("error", "part"),
    [(ImportError("imagery"), "agri installed"), (TimeoutError(), "fell away"),
     (OSError("connection"), "fell away")],
)  # fmt: skip
def test_a_cluster_that_falls_away_is_told_in_one_sentence(error: Exception, part: str) -> None:
    with pytest.raises(AgriError, match=part), scale.losses_told("tcp://10.0.0.5:8786"):
        raise error


def test_a_large_map_goes_to_a_cluster_in_pieces_that_the_farm_lists(
    tmp_path: Path, scene: Ortho, monkeypatch: pytest.MonkeyPatch
) -> None:
    import distributed

    farm = tmp_path / "farm"
    with Workspace.create(farm, farm_name="Nông trại"):
        pass
    monkeypatch.setattr("agri.operations.maps.indices.PIECE_SIDE", 1024)
    monkeypatch.setattr("agri.operations.maps.indices.draw_quicklook", lambda *_, **__: b"png")
    words = ("--lang", "en", "index", str(scene.path), "--indices", "ndvi", "--scale", "10000")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp://",
        dashboard_address=None,
    ) as cluster:  # fmt: skip
        assert main([*words, "--dask", cluster.scheduler_address, "--farm", str(farm)]) == 0
    index = farm / "maps" / "scene-ndvi.vrt"
    assert [file.name for file in catalogue.product(farm, "scene-ndvi").files] == [
        "maps/scene-ndvi.vrt",
        *(f"maps/scene-ndvi-pieces/{piece.name}" for piece in piece_files(index)),
    ]
    assert catalogue.check(farm) == ()
    assert main([*words, "--out", str(tmp_path)]) == 0
    with rasterio.open(tmp_path / "scene-ndvi.tif") as one, rasterio.open(index) as many:
        assert np.array_equal(one.read(), many.read())


@pytest.mark.slow
def test_killed_workers_cost_time_and_nothing_else(tmp_path: Path) -> None:
    """A worker is killed every half second; every piece is made, and the map is the one file's."""
    import distributed

    large = open_ortho(write_ortho(tmp_path / "large.tif", reflectances(4096, 4096)))
    index_map(tmp_path / "one.tif", large, NAMES)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        stop = threading.Event()

        def killer() -> None:
            for _ in range(3):
                if stop.wait(0.5):
                    return
                pids = [worker.pid for worker in cluster.workers.values() if worker.pid]
                if pids:
                    os.kill(pids[0], signal.SIGKILL)

        thread = threading.Thread(target=killer)
        thread.start()
        try:
            with scale.losses_told("here"), scale.connected(cluster.scheduler_address) as client:
                made = index_pieces(tmp_path / "many.vrt", large, NAMES, client=client, side=512)
        finally:
            stop.set()
            thread.join()
    assert made is not None
    with rasterio.open(tmp_path / "one.tif") as a, rasterio.open(tmp_path / "many.vrt") as b:
        assert np.array_equal(a.read(), b.read())
