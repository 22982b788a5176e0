"""Products in one pass: the right pixels, a valid COG, whole or not there, and resumable."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rio_cogeo.cogeo import cog_validate

from agri.errors import BadInput, Refused
from imagery.raster import Window, labels, open_ortho, tiff
from imagery.raster.engine import Product, write_product
from imagery.raster.journal import Journal, work_folder
from imagery.raster.tiles import Encoding
from tests.ortho_files import TwoRatios, reflectances, write_ortho

ROOT = Path(__file__).resolve().parents[1]
INT16, FLOAT32 = Encoding(), Encoding(kind="float32")


def expected(stored: NDArray[np.uint16]) -> NDArray[np.float64]:
    values = np.where(stored == 0, np.nan, stored.astype(np.float64))
    red, edge, near = values[2:5]
    return np.stack([(near - red) / (near + red), near / edge - 1])


def run(path: Path, source: Path, recipe: TwoRatios | None = None, **options: Any) -> Product:
    product = write_product(path, open_ortho(source), recipe or TwoRatios(), **options)
    assert product is not None
    return product


def valid(path: Path) -> bool:
    fine, errors, warnings = cog_validate(path, strict=True)
    assert not errors
    assert not warnings
    return bool(fine)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    return write_ortho(folder / "large.tif", reflectances(1100, 700))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (511, 513), (700, 1300), (1537, 90)])
@pytest.mark.parametrize("encoding", [INT16, FLOAT32, Encoding(packing="deflate")])
def test_every_pixel_is_right_to_the_edge_and_the_file_is_a_valid_cog(
    tmp_path: Path, height: int, width: int, encoding: Encoding
) -> None:
    stored = reflectances(height, width)
    source = write_ortho(tmp_path / "ortho.tif", stored, blockxsize=256, blockysize=256)
    product = run(tmp_path / "out.tif", source, encoding=encoding)
    truth = expected(stored)
    assert valid(product.path)
    with rasterio.open(product.path) as found:
        values = found.read(masked=True).astype(np.float64)
        step = np.array(found.scales)[:, None, None]
        assert found.transform == rasterio.Affine(0.05, 0, 656000, 0, -0.05, 2332000)
        assert found.crs.to_epsg() == 32648
        assert found.descriptions == ("NDVI", "CIRE")
    assert np.array_equal(np.ma.getmaskarray(values), np.isnan(truth))
    error = np.abs(np.ma.filled(values * step, np.nan) - truth)
    allowed = step / 2 if encoding.kind == "int16" else 1e-6
    assert not (error > allowed * 1.001 + 1e-6).any()
    assert product.counts == (height * width,)


def mean_of_four(values: NDArray[np.float64]) -> NDArray[np.float64]:
    rows, columns = (-size % 2 for size in values.shape[1:])
    padded = np.pad(values, ((0, 0), (0, rows), (0, columns)), constant_values=np.nan)
    four = np.stack([padded[:, a::2, b::2] for a in (0, 1) for b in (0, 1)])
    known = np.isfinite(four)
    total = np.where(known, four, 0).sum(axis=0)
    with np.errstate(all="ignore"):
        return np.floor(total / known.sum(axis=0) + 0.5)


def test_overviews_are_means_of_what_has_a_value_and_statistics_are_exact(
    tmp_path: Path, large: Path
) -> None:
    product = run(tmp_path / "out.tif", large)
    with rasterio.open(product.path) as found:
        full = found.read(masked=True)
        stats = [found.tags(band) for band in (1, 2)]
        assert found.overviews(1) == [2, 4]
    level = np.ma.filled(full.astype(np.float64), np.nan)
    for number in range(2):
        level = mean_of_four(level)
        with rasterio.open(product.path, overview_level=number) as smaller:
            seen = np.ma.filled(smaller.read(masked=True).astype(np.float64), np.nan)
        assert np.array_equal(seen, level, equal_nan=True), number
    for band, told in zip(full.astype(np.float64), stats, strict=True):
        assert float(told["STATISTICS_MEAN"]) == pytest.approx(band.mean(), rel=1e-9)
        assert float(told["STATISTICS_STDDEV"]) == pytest.approx(band.std(), rel=1e-9)
        assert float(told["STATISTICS_MINIMUM"]) == band.min()
        assert float(told["STATISTICS_MAXIMUM"]) == band.max()
        share = 100 * band.count() / band.size
        assert float(told["STATISTICS_VALID_PERCENT"]) == pytest.approx(share, rel=1e-3)


@pytest.mark.parametrize(
    "layout",
    [
        {"interleave": "band"},
        {"blockxsize": 1024, "blockysize": 1024},
        {"blockxsize": 2048, "blockysize": 2048},
        {"blockxsize": 80, "blockysize": 208},
        {"tiled": False, "blockxsize": 700, "blockysize": 5},
        {"tiled": False, "blockxsize": 700, "blockysize": 700},
    ],
)
def test_the_input_s_layout_and_the_threads_change_no_byte_of_the_tiles(
    tmp_path: Path, large: Path, layout: dict[str, Any]
) -> None:
    reference = run(tmp_path / "a.tif", large, workers=1, hash_input=False)
    with rasterio.open(large) as source:
        same = write_ortho(tmp_path / "large.tif", source.read(), **layout)
    other = run(tmp_path / "b.tif", same, workers=3, hash_input=False)
    assert reference.path.read_bytes() == other.path.read_bytes()


def test_a_part_of_the_input_is_written_where_it_lies(tmp_path: Path, large: Path) -> None:
    area = Window(column=101, row=377, width=550, height=630)
    run(tmp_path / "whole.tif", large)
    run(tmp_path / "part.tif", large, area=area)
    assert valid(tmp_path / "part.tif")
    with (
        rasterio.open(tmp_path / "whole.tif") as whole,
        rasterio.open(tmp_path / "part.tif") as part,
    ):
        assert np.array_equal(part.read(), whole.read()[(slice(None), *area.slices)])
        assert part.transform @ (0, 0) == pytest.approx(whole.transform @ (101, 377))


def test_a_large_file_is_bigtiff_and_still_valid(
    tmp_path: Path, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path / "classic.tif", large)
    monkeypatch.setattr(tiff, "LARGEST_CLASSIC", 1000)
    run(tmp_path / "big.tif", large)
    assert (tmp_path / "big.tif").read_bytes()[:4] == b"II+\0"
    assert valid(tmp_path / "big.tif")
    with rasterio.open(tmp_path / "classic.tif") as one, rasterio.open(tmp_path / "big.tif") as two:
        assert np.array_equal(one.read(), two.read())


def test_a_product_tells_formula_input_hash_and_scale(tmp_path: Path, large: Path) -> None:
    product = run(tmp_path / "out.tif", large, tags=(("SENSOR", "RedEdge <M> & co"),))
    with rasterio.open(product.path) as found:
        tags = found.tags()
        assert found.tags(1)["FORMULA"] == "(N - R) / (N + R) & more <x>"
        assert found.scales == (0.0001, 0.001)
    assert tags["INPUT"] == "large.tif"
    assert tags["SENSOR"] == "RedEdge <M> & co"
    assert tags["INPUT_SHA256"] == hashlib.sha256(large.read_bytes()).hexdigest()
    assert product.input_sha256 == tags["INPUT_SHA256"]


def test_values_beyond_sixteen_bits_are_held_at_the_end_and_counted(tmp_path: Path) -> None:
    stored = np.full((5, 40, 40), 1000, np.uint16)
    stored[4, :3] = 60000
    stored[3, :3] = 1
    product = run(tmp_path / "out.tif", write_ortho(tmp_path / "a.tif", stored))
    assert product.tallies[1].clipped == 120
    assert product.tallies[1].high == 32767


def halt_after(rows: int) -> Any:
    seen = []

    def stop() -> bool:
        seen.append(1)
        return len(seen) >= rows

    return stop


@pytest.mark.parametrize("encoding", [INT16, FLOAT32])
@pytest.mark.parametrize("rows", [1, 2])
def test_a_stopped_run_lists_nothing_and_the_next_one_goes_on_to_the_same_bytes(
    tmp_path: Path, large: Path, rows: int, encoding: Encoding
) -> None:
    whole = run(tmp_path / "whole.tif", large, encoding=encoding)
    path = tmp_path / "out.tif"
    ortho = open_ortho(large)
    half = write_product(path, ortho, TwoRatios(), encoding=encoding, stop=halt_after(rows))
    assert half is None
    assert not path.exists()
    again = run(path, large, encoding=encoding)
    assert again.resumed_rows == rows
    assert path.read_bytes() == whole.path.read_bytes()
    assert again.tallies == whole.tallies
    assert again.counts == whole.counts
    assert not work_folder(path).exists()


def test_a_torn_journal_or_a_lost_tile_only_costs_what_was_torn(
    tmp_path: Path, large: Path
) -> None:
    whole = run(tmp_path / "whole.tif", large).path.read_bytes()
    path = tmp_path / "out.tif"
    for kind in ("journal", "level0", "level1"):
        for share in (0.0, 0.8):
            write_product(path, open_ortho(large), TwoRatios(), stop=halt_after(2))
            file = work_folder(path) / kind
            data = file.read_bytes()
            file.write_bytes(data[: int(len(data) * share)])
            again = run(path, large)
            assert again.resumed_rows < 3
            assert path.read_bytes() == whole, (kind, share)


def test_another_job_of_the_same_name_begins_anew(tmp_path: Path, large: Path) -> None:
    path = tmp_path / "out.tif"
    write_product(path, open_ortho(large), TwoRatios(identity="old"), stop=halt_after(2))
    assert run(path, large).resumed_rows == 0
    assert valid(path)


def test_two_programs_do_not_make_the_same_product(tmp_path: Path, large: Path) -> None:
    path = tmp_path / "out.tif"
    holder = Journal(path, "someone", 3)
    with pytest.raises(Refused, match="Another program"):
        run(path, large)
    holder.close(discard=True)
    assert valid(run(path, large).path)


KILLED = """
import os, sys
from pathlib import Path
from imagery.raster import open_ortho
from imagery.raster.engine import write_product
from tests.ortho_files import TwoRatios
share = float(sys.argv[4])
write_product(Path(sys.argv[1]), open_ortho(Path(sys.argv[2])), TwoRatios(int(sys.argv[3])),
              workers=1, progress=lambda done: done < share or os.kill(os.getpid(), 9))
"""


def test_a_killed_run_lists_nothing_and_the_rerun_goes_on(tmp_path: Path, large: Path) -> None:
    whole = run(tmp_path / "whole.tif", large).path.read_bytes()
    path = tmp_path / "out.tif"
    for pixels, share in ((1, 2.0), (0, 0.3), (400_000, 0.7)):  # in the first tile, later, later
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(path), str(large), str(pixels), str(share)],
            env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == -9, done.stderr
        assert sorted(p.name for p in tmp_path.iterdir() if p.name[0] != ".") == ["whole.tif"]
    again = run(path, large)
    assert again.resumed_rows > 0
    assert path.read_bytes() == whole
    assert not list(tmp_path.glob(".*"))


def test_a_damaged_tile_makes_no_product_and_leaves_nothing(tmp_path: Path, large: Path) -> None:
    with rasterio.open(large) as source:
        at = int(source.get_tag_item("BLOCK_OFFSET_1_2", "TIFF", bidx=1))
    data = bytearray(large.read_bytes())
    data[at : at + 200] = b"\xff" * 200
    for damaged in (data, data[: at + 5]):
        file = tmp_path / "damaged.tif"
        file.write_bytes(damaged)
        with pytest.raises(BadInput, match="damaged"):
            run(tmp_path / "out.tif", file)
        assert [p.name for p in tmp_path.iterdir()] == ["damaged.tif"]


def test_an_input_that_changes_meanwhile_makes_no_product(tmp_path: Path, large: Path) -> None:
    source = tmp_path / "a.tif"
    source.write_bytes(large.read_bytes())
    with pytest.raises(BadInput, match="changed while"):
        run(tmp_path / "out.tif", source, progress=lambda _: os.utime(source, (1, 1)))
    assert not (tmp_path / "out.tif").exists()


def test_a_full_disk_leaves_the_older_product(
    tmp_path: Path, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.tif"
    path.write_bytes(b"older")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(Exception, match="full"):
        run(path, large)
    assert path.read_bytes() == b"older"


def test_progress_goes_from_none_to_all(tmp_path: Path, large: Path) -> None:
    seen: list[float] = []
    run(tmp_path / "out.tif", large, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_a_missing_codec_is_told_in_one_sentence(
    tmp_path: Path, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(BadInput, match="imagecodecs"):
        run(tmp_path / "out.tif", large)


def test_the_place_is_told_in_geotiff_s_own_tags() -> None:
    affine = (0.1, 0.02, 106.5, 0.01, -0.1, 21.0)
    numbers = {tag[0] for tag in labels.geo_tags(4326, affine)}
    assert {34735, 34264} <= numbers
