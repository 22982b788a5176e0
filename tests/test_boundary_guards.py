"""Hostile boundary files: nothing is followed, run, unpacked or waited for."""

from __future__ import annotations

import io
import os
import socket
import sqlite3
import stat
import struct
import sys
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from agri.boundaries import read_boundaries
from agri.boundaries.formats.archive import MAX_MEMBERS
from agri.boundaries.placed import MAX_BYTES
from agri.errors import BadInput
from tests import boundary_files as made
from tests.boundary_files import NAMES, area, feature, geojson, keys, kml, placemark, read

POLYGON = made.kml_polygon(area())


def refused(folder: Path, data: bytes | str, file: str = "ranh.dat") -> str:
    with pytest.raises(BadInput) as caught:
        read(folder, data, file)
    assert "\n" not in str(caught.value)
    return caught.value.message.key


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "gross.kml"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(BadInput, match="larger than 50 MB"):
        read_boundaries(path)


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes in folders")
def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.kml")
    with pytest.raises(BadInput, match="not a regular file"):
        read_boundaries(tmp_path / "pipe.kml")


# Archives


def test_a_deflate_bomb_is_refused_before_it_grows(tmp_path: Path) -> None:
    data = made.packed({"doc.kml": b" " * 30_000_000})
    assert len(data) < 100_000
    assert refused(tmp_path, data) == "error.archive_bomb"


def test_many_members_that_grow_together_are_refused(tmp_path: Path) -> None:
    # Random enough to stay under the limit of growth of one member, too large together.
    block = os.urandom(1000).hex().encode() * 10_000
    members = {f"{place}.kml": block for place in range(6)}
    assert refused(tmp_path, made.packed(members)) == "error.archive_bomb"


def test_a_size_that_lies_gains_nothing(tmp_path: Path) -> None:
    data = bytearray(made.packed({"doc.kml": b"<kml>" + b" " * 900_000}))
    for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        place = data.index(signature) + offset
        data[place : place + 4] = struct.pack("<I", 100)
    assert refused(tmp_path, bytes(data)) == "error.archive_broken"


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    members = {f"{place}.txt": b"" for place in range(MAX_MEMBERS + 1)}
    assert refused(tmp_path, made.packed(members)) == "error.archive_members"


@pytest.mark.parametrize(
    "name", ["../ranh.kml", "/etc/ranh.kml", "a/../../ranh.kml", "..\\ranh.kml", "C:\\ranh.kml"]
)
def test_names_that_leave_the_folder_are_refused(name: str, tmp_path: Path) -> None:
    assert refused(tmp_path, made.packed({name: made.kml_truth()})) == "error.archive_path"


def test_links_in_an_archive_are_refused(tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        link = zipfile.ZipInfo("doc.kml")
        link.create_system = 3
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        opened.writestr(link, "/etc/passwd")
    assert refused(tmp_path, archive.getvalue()) == "error.archive_path"


def test_an_archive_with_a_password_is_refused_by_that_word(tmp_path: Path) -> None:
    data = bytearray(made.packed({"doc.kml": made.kml_truth()}))
    for signature, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        data[data.index(signature) + offset] |= 1
    assert refused(tmp_path, bytes(data)) == "error.archive_encrypted"


def test_an_archive_in_an_archive_is_not_opened(tmp_path: Path) -> None:
    inner = made.packed({"doc.kml": made.kml_truth()})
    assert refused(tmp_path, made.packed({"doc.kmz": inner})) == "error.archive_nothing"
    assert refused(tmp_path, made.packed({"doc.kml": inner})) == "error.boundary_xml"


@pytest.mark.parametrize("cut", [4, 30, 200, -30, -4])
def test_a_cut_archive_is_refused(cut: int, tmp_path: Path) -> None:
    data = made.packed({"doc.kml": made.kml_truth()})
    assert refused(tmp_path, data[:cut]) == "error.archive_broken"


# XML


def test_entities_are_refused_before_they_expand(tmp_path: Path) -> None:
    laughs = '<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {new} "{f"&{old};" * 10}">'
        for old, new in zip("abcdefghi", "bcdefghij", strict=True)
    )
    head = f"<!DOCTYPE kml [{laughs}]>"
    data = kml(placemark(POLYGON, "&j;"), head=head)
    assert refused(tmp_path, data) == "error.boundary_doctype"


@pytest.mark.parametrize(
    "declared", ['[<!ENTITY x SYSTEM "file:///etc/passwd">]', 'SYSTEM "http://127.0.0.1/x.dtd"', ""]
)
def test_any_document_type_is_refused(declared: str, tmp_path: Path) -> None:
    data = kml(placemark(POLYGON, "A"), head=f"<!DOCTYPE kml {declared}>")
    assert refused(tmp_path, data) == "error.boundary_doctype"


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    data = f"<kml>{'<Folder>' * 5000}{'</Folder>' * 5000}</kml>"
    assert refused(tmp_path, data) == "error.boundary_xml"


@pytest.mark.parametrize(
    "data",
    [
        "<OGRVRTDataSource><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTDataSource>",
        "<OGRWFSDataSource><URL>http://127.0.0.1/</URL></OGRWFSDataSource>",
        "<GDALTileIndexDataset/>",
        "<VRTDataset/>",
    ],
)
def test_gdals_programs_are_not_run(data: str, tmp_path: Path) -> None:
    assert refused(tmp_path, data, "ranh.kml") == "error.boundary_not_kml"
    archive = made.shapefile(tmp_path / "s", shp=data.encode().ljust(400))
    assert refused(tmp_path, archive) == "error.boundary_unreadable"


@pytest.fixture
def canary():  # type: ignore[no-untyped-def]
    """A server on loopback that must never be called."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.setblocking(False)
        yield server
        with pytest.raises(BlockingIOError):
            server.accept()


def test_no_link_in_a_file_is_followed(canary: socket.socket, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{canary.getsockname()[1]}/x"
    link = f"<NetworkLink><Link><href>{url}</href></Link></NetworkLink>"
    style = f"<Style><IconStyle><Icon><href>{url}</href></Icon></IconStyle></Style>"
    found = read(tmp_path, kml(link, style, placemark(POLYGON, "A")))
    assert keys(found) == ["finding.kml_link"]
    crs = {"type": "link", "properties": {"href": url, "type": "proj4"}}
    assert len(read(tmp_path, geojson(feature(area()), crs=crs)).fields) == 1
    datum = 'GEOGCS["y",DATUM["z",SPHEROID["s",6378137,298]]'
    prj = f'PROJCS["x",{datum},EXTENSION["PROJ4_GRIDS","{url}"]]]'
    found = read(tmp_path, made.shapefile(tmp_path / "s", prj=prj.encode()))
    assert "finding.crs_assumed" in keys(found)
    for name in ("/vsicurl/" + url, url):
        assert refused(tmp_path, name) == "error.boundary_format"
    for nothing in ("", " \r\n"):
        assert refused(tmp_path, nothing) == "error.boundary_empty"


def test_the_canary_would_be_heard(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(5.0)
        with closing(socket.create_connection(server.getsockname())):
            server.accept()[0].close()


# Shapefile parts


@pytest.mark.parametrize("part", ["shx", "dbf"])
def test_a_missing_part_is_named(part: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=rf"lacks its \.{part} part"):
        read(tmp_path, made.shapefile(tmp_path / "s", **{part: b""}))


def test_a_bare_shp_is_refused_with_the_way_out(tmp_path: Path) -> None:
    parts = made.shape_parts(tmp_path / "s", made.frame())
    for part, data in parts.items():
        (tmp_path / f"ranh{part}").write_bytes(data)
    with pytest.raises(BadInput, match=r"pack \.shp, \.shx, \.dbf and \.prj into one zip"):
        read_boundaries(tmp_path / "ranh.shp")


def test_counts_that_lie_are_refused(tmp_path: Path) -> None:
    dbf = made.shape_parts(tmp_path / "s", made.frame())[".dbf"]
    for rows, key in ((2**32 - 1, "error.boundary_features"), (9_000, "error.boundary_unreadable")):
        lying = dbf[:4] + struct.pack("<I", rows) + dbf[8:]
        assert refused(tmp_path, made.shapefile(tmp_path / "t", dbf=lying)) == key


# GeoPackage


def changed(data: bytes, *statements: str) -> bytes:
    with closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(data)
        for name in ("ST_IsEmpty", "ST_MinX", "ST_MaxX", "ST_MinY", "ST_MaxY"):
            database.create_function(name, 1, lambda _: 0)
        for statement in statements:
            database.execute(statement)
        database.commit()
        return database.serialize()


ENDLESS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT i AS table_name FROM n"
)


@pytest.mark.parametrize(
    "statements",
    [
        (f"CREATE VIEW endless AS {ENDLESS}",),
        ("ALTER TABLE gpkg_contents RENAME TO other", f"CREATE VIEW gpkg_contents AS {ENDLESS}"),
        ("CREATE VIRTUAL TABLE words USING fts5(a)",),
        ("CREATE TABLE big(a, b GENERATED ALWAYS AS (zeroblob(900000000)))",),
        ("CREATE TABLE big(a, b AS (zeroblob(900000000)) STORED)",),
    ],
)
def test_programs_in_a_geopackage_are_not_run(statements: tuple[str, ...], tmp_path: Path) -> None:
    data = changed(made.geopackage(tmp_path / "s"), *statements)
    assert refused(tmp_path, data) == "error.geopackage_program"


def test_a_geopackage_without_layers_or_tables_is_refused(tmp_path: Path) -> None:
    data = made.geopackage(tmp_path / "s")
    assert (
        refused(tmp_path, changed(data, "DELETE FROM gpkg_contents")) == "error.geopackage_layers"
    )
    assert (
        refused(tmp_path, changed(data, "DROP TABLE gpkg_contents")) == "error.boundary_unreadable"
    )
    assert refused(tmp_path, data[: len(data) // 2]) in {
        "error.boundary_unreadable", "error.boundary_nothing",
    }  # fmt: skip


def test_a_live_geopackage_with_triggers_and_a_write_ahead_log_is_read(tmp_path: Path) -> None:
    path = tmp_path / "live.gpkg"
    path.write_bytes(made.geopackage(tmp_path / "s"))
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE diary(a)")
        database.execute("CREATE TRIGGER t AFTER INSERT ON diary BEGIN SELECT 1; END")
        database.commit()
    found = read_boundaries(path)
    assert [field.name for field in found.fields] == list(NAMES)
    assert path.read_bytes()[18:20] == b"\x02\x02"


# Names and traces


@pytest.mark.parametrize(
    "file", ["..%2f..%2fx", "tệp\u202egpj.kml", "CON", "a" * 200, "{0}{name}.kml"]
)
def test_odd_file_names_are_only_labels(file: str, tmp_path: Path) -> None:
    found = read(tmp_path, geojson(feature(area())), file)
    assert "\u202e" not in found.fields[0].name
    assert 0 < len(found.fields[0].name) <= 80
    with pytest.raises(BadInput) as caught:
        read(tmp_path, "nothing", file)
    assert "\u202e" not in str(caught.value)


def test_reading_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing appears beside the file, in the folder one stands in, or among temporary files."""
    folders = [tmp_path / name for name in ("in", "here", "temporary")]
    for folder in folders:
        folder.mkdir()
    monkeypatch.chdir(folders[1])
    for name in ("TMPDIR", "TEMP", "TMP", "CPL_TMPDIR"):
        monkeypatch.setenv(name, str(folders[2]))
    source = tmp_path / "source"
    for place, data in enumerate(
        (made.shapefile(source), made.geopackage(source), made.kml_truth())
    ):
        (folders[0] / f"{place}").write_bytes(data)
        read_boundaries(folders[0] / f"{place}")
    assert sorted(path.name for path in folders[0].iterdir()) == ["0", "1", "2"]
    assert list(folders[1].iterdir()) == list(folders[2].iterdir()) == []
