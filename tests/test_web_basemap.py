"""A map below all maps, cut around the fields from whatever file somebody brings."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agri.errors import AgriError, BadInput
from agri.operations.fieldmap.basemap import FILE, prepare, tiles_around
from agri.operations.fieldmap.tile_store import (
    LARGEST_TILE,
    kind_of,
    opened_tiles,
    write_store,
)
from agri.people import Role
from agri.workspace import Workspace
from tests import mapped_farm as mapped
from tests.ortho_files import write_ortho
from tests.web_farm import Served

NOW = datetime(2026, 11, 22, tzinfo=UTC)
EVIL = '<a href="https://x">© Cục <b>Đo đạc</b></a><script>alert(1)</script>'


def png(grey: int) -> bytes:
    data = io.BytesIO()
    Image.fromarray(np.full((256, 256), grey, np.uint8)).save(data, "PNG")
    return data.getvalue()


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "farm", farm_name="Trại") as new:
        new.add_fields([mapped.FIELD])
        yield new


def stranger(path: Path, zooms: range = range(13, 18)) -> Path:
    """An MBTiles as map programs write it: a view over two tables, and tiles far away too."""
    with closing(sqlite3.connect(path)) as file:
        file.executescript(
            "CREATE TABLE metadata (name TEXT, value TEXT);"
            "CREATE TABLE map (zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER,"
            " tile_id TEXT); CREATE TABLE images (tile_id TEXT, tile_data BLOB);"
            "CREATE VIEW tiles AS SELECT zoom_level, tile_column, tile_row, tile_data FROM map"
            " JOIN images ON images.tile_id = map.tile_id;"
        )
        for zoom in zooms:
            x, y, *_ = mapped.tile_of(40, 30, zoom)
            for number, (column, row) in enumerate(((x, y), (x + 500, y), (0, 0))):
                name = f"{zoom}-{number}"
                file.execute("INSERT INTO map VALUES (?, ?, ?, ?)",
                             (zoom, column, (1 << zoom) - 1 - row, name))  # fmt: skip
                file.execute("INSERT INTO images VALUES (?, ?)", (name, png(10 * number + zoom)))
        file.execute("INSERT INTO metadata VALUES ('attribution', ?)", (EVIL,))
        file.commit()
    return path


def test_of_a_strangers_tiles_those_around_the_fields_are_kept_with_whose_they_are(
    farm: Workspace, tmp_path: Path
) -> None:
    made = prepare(farm, stranger(tmp_path / "vung ?#%.mbtiles"), now=NOW)
    assert (made.tiles, made.least, made.most) == (5, 13, 17)
    assert made.source == "© Cục Đo đạc"
    viewer = Served(farm).signed_in(Role.VIEWER)
    told = viewer.get("/basemap.json").json()
    assert (told["least"], told["most"], told["source"]) == (13, 17, "© Cục Đo đạc")
    x, y, *_ = mapped.tile_of(40, 30, 15)
    answer = viewer.get(told["tiles"].format(z=15, x=x, y=y))
    assert answer.content == png(15)
    assert answer.headers["content-type"] == "image/png"
    for z, column, row in ((15, x + 500, y), (15, 0, 0), (21, 5, 5), (99, 1, 1), (3, -1, 0)):
        outside = viewer.get(f"/basemap/{z}/{column}/{row}")
        assert outside.status_code == 200
        assert np.array(Image.open(io.BytesIO(outside.content)).convert("RGBA"))[..., 3].max() == 0


def test_without_a_basemap_maps_are_plain_and_nothing_fails(farm: Workspace) -> None:
    viewer = Served(farm).signed_in(Role.VIEWER)
    assert viewer.get("/basemap.json").json() == {}
    assert viewer.get("/basemap/15/1/1").status_code == 200
    (farm.folder / FILE).write_bytes(b"SQLite format 3\0 and no more")
    assert viewer.get("/basemap.json").json() == {}
    assert viewer.get("/basemap/15/1/1").status_code == 200


def test_a_picture_from_the_air_becomes_tiles_that_look_like_it(
    farm: Workspace, tmp_path: Path
) -> None:
    picture = np.full((3, 200, 200), 60, np.uint8)
    picture[0, :, 100:] = 220
    path = write_ortho(tmp_path / "air.tif", picture, ("Red", "Green", "Blue"), nodata=None)
    made = prepare(farm, path, source=EVIL, now=NOW)
    assert made.source == "© Cục Đo đạc"
    assert made.most == 20
    x, y, *_ = mapped.tile_of(7.5, 5.0, made.most)
    with opened_tiles(made.path) as store:
        data = store.tile((made.most, x, y))
    assert data is not None
    *_, column, row = mapped.tile_of(7.5, 5.0, made.most)
    shown = np.array(Image.open(io.BytesIO(data)).convert("RGBA"))[row, column].astype(int)
    assert np.abs(shown - [220, 60, 60, 255]).max() < 12


BAD: dict[str, str] = {
    "function": "CREATE VIEW tiles AS SELECT 15 AS zoom_level, 1 AS tile_column, 1 AS tile_row,"
    " randomblob(900) AS tile_data",
    "endless": "CREATE VIEW tiles AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
    " FROM n) SELECT i AS zoom_level, 1 AS tile_column, 1 AS tile_row, '' AS tile_data FROM n",
    "no tiles": "CREATE TABLE other (a)",
    "words": "CREATE TABLE tiles (zoom_level, tile_column, tile_row, tile_data);"
    "INSERT INTO tiles VALUES ('many', 0, 0, x'00')",
}


@pytest.mark.parametrize("bad", BAD)
def test_tiles_that_would_do_something_or_are_none_are_refused_in_a_sentence(
    farm: Workspace, tmp_path: Path, bad: str
) -> None:
    path = tmp_path / "bad.mbtiles"
    with closing(sqlite3.connect(path)) as file:
        file.executescript(f"CREATE TABLE metadata (name, value);{BAD[bad]}")
    with pytest.raises(BadInput, match=r"bad\.mbtiles"):
        prepare(farm, path, now=NOW)
    assert not (farm.folder / FILE).exists()


@pytest.mark.parametrize(
    ("data", "key"),
    [(b"\x1f\x8b\x08vector", "error.tiles_drawn"), (b"<svg onload=x>", "error.tiles_file"),
     (b"\x89PNG\r\n\x1a\n" + bytes(LARGEST_TILE), "error.tiles_file")],
)  # fmt: skip
def test_what_is_no_picture_of_a_tiles_size_is_refused(
    farm: Workspace, tmp_path: Path, data: bytes, key: str
) -> None:
    x, y, *_ = mapped.tile_of(40, 30, 15)
    path = tmp_path / "kind.mbtiles"
    write_store(path, [((15, x, y), data)], name="k", source="")
    with pytest.raises(BadInput) as caught:
        prepare(farm, path, now=NOW)
    assert caught.value.message.key == key


def test_a_damaged_file_is_one_sentence_and_the_older_basemap_stays(
    farm: Workspace, tmp_path: Path
) -> None:
    good = stranger(tmp_path / "good.mbtiles", range(15, 17))
    prepare(farm, good, now=NOW)
    before = (farm.folder / FILE).read_bytes()
    chance, whole = np.random.default_rng(5), good.read_bytes()
    refused = 0
    for _ in range(60):
        spoilt = bytearray(whole)
        for place in chance.integers(16, len(whole), 40):
            spoilt[place] = chance.integers(0, 256)
        path = tmp_path / "spoilt.mbtiles"
        path.write_bytes(bytes(spoilt[: chance.integers(600, len(whole))]))
        try:
            prepare(farm, path, now=NOW)
        except AgriError:
            refused += 1
            assert (farm.folder / FILE).read_bytes() == before
        else:
            before = (farm.folder / FILE).read_bytes()
    assert refused > 20
    assert [one.name for one in farm.folder.iterdir() if "mbtiles" in one.name] == [FILE]
    for path in (tmp_path, tmp_path / "none.mbtiles", Path(__file__)):
        with pytest.raises(AgriError):
            prepare(farm, path, now=NOW)


def test_elsewhere_or_without_fields_nothing_is_kept(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "bare", farm_name="Trại") as bare:
        with pytest.raises(BadInput, match="no field"):
            prepare(bare, stranger(tmp_path / "a.mbtiles"), now=NOW)
        bare.add_fields([mapped.FIELD])
        far = tmp_path / "far.mbtiles"
        write_store(far, [((15, 1, 1), png(1))], name="far", source="")
        with pytest.raises(BadInput, match="none of the farm"):
            prepare(bare, far, now=NOW)


def test_tiles_cover_the_fields_and_three_hundred_metres_around() -> None:
    tiles = set(tiles_around([mapped.FIELD.boundary], 17) or ())
    for east_m, south_m in ((5, 5), (75, 75), (-290, 40), (370, 40), (40, -290), (40, 370)):
        x, y, *_ = mapped.tile_of(east_m, south_m, 17)
        assert (17, x, y) in tiles
    assert len(tiles) < 40
    assert kind_of(png(3)) == "image/png"
