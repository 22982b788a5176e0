"""Strangers' files: judged before they are decoded, unpacked within limits."""

from __future__ import annotations

import contextlib
import io
import os
import random
import stat
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest

from agri.errors import BadInput, NotFound
from imagery.decoding.headers import Header, Unreadable, read_header
from imagery.intake import take_in
from imagery.intake.archive import unpack
from imagery.intake.guard import MAX_PIXELS, judge, sort_folder
from tests import photo_files as made


def claimed(width: int, height: int, bits: int = 16, compression: int = 8, **more: int) -> bytes:
    """A TIFF of a few hundred bytes that claims to be large."""
    first: list[tuple[int, int, Any]] = [
        (256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, compression), (262, 3, 1),
        (273, 4, 8), (277, 3, 1), (278, 4, height), (279, 4, 64),
        *[(int(code[1:]), 4, number) for code, number in more.items()],
    ]  # fmt: skip
    return made.tiff(made.Made(), first, b"x" * 64)


def claimed_jpeg(width: int, height: int) -> bytes:
    data = bytearray(made.written(next(iter(made.colour(0).values()))))
    start = data.index(b"\xff\xc0")
    data[start + 5 : start + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def refusals(folder: Path) -> set[str]:
    return {finding.key.removeprefix("finding.") for finding in take_in(folder, readers=1).findings}


# --- headers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("family", made.FAMILIES)
def test_a_header_tells_the_size_without_decoding(family: str) -> None:
    for photo in made.FAMILIES[family](0).values():
        header = read_header(io.BytesIO(made.written(photo)))
        assert (header.width, header.height) == (80, 64)
        assert (header.kind, header.samples) == (("jpeg", 3) if photo.jpeg else ("tiff", 1))
        assert not header.placed


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"PK\x03\x04....", "zip"), (b"<VRTDataset>", "other"), (b"", "other"), (b"\xff\xd8", "other"),
     (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "jp2")],
)  # fmt: skip
def test_content_decides_what_a_file_is(content: bytes, kind: str) -> None:
    assert read_header(io.BytesIO(content)) == Header(kind=kind)  # type: ignore[arg-type]


class Counted(io.BytesIO):
    """A file that counts what is read of it."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.taken += len(data)
        return data


def test_little_is_read_however_much_there_is() -> None:
    data = made.written(next(iter(made.micasense(0).values())))
    file = Counted(data + b"\0" * 5_000_000)
    assert read_header(file).width == 80
    assert file.taken < 5_000


@pytest.mark.parametrize(
    "data",
    [b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0\0\0", b"II+\0\x08\0\0\0", b"\xff\xd8\xff\xe1",
     b"\xff\xd8\xff\xe1\0\0" + b"\0" * 99, b"\xff\xd8\xff\xda\0\x08" + b"\0" * 99,
     b"\xff\xd8\xff\xc0\0\x11\x08\0\0\0\0\x03" + b"\0" * 9,
     b"\xff\xd8" + b"\xff\xe0\0\x02" * 9_000],
)  # fmt: skip
def test_a_header_cut_short_or_endless_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        read_header(io.BytesIO(data))


@pytest.mark.parametrize("side", [200_000, 4_000_000_000])
@pytest.mark.parametrize("placed", [False, True])
def test_a_claim_of_two_hundred_thousand_a_side_is_refused_unread(
    tmp_path: Path, side: int, placed: bool
) -> None:
    data = claimed(side, side, **({"t34735": 1} if placed else {}))
    file = Counted(data)
    assert read_header(file).placed is placed
    assert file.taken < 1_000
    (tmp_path / "IMG_0001.tif").write_bytes(data)
    found = sort_folder(tmp_path)
    assert (found.photos, found.maps) == ((), ())
    assert [f.key for f in found.findings] == ["finding.photo_too_large"]
    with pytest.raises(BadInput, match="million pixels"):
        take_in(tmp_path / "IMG_0001.tif")


@pytest.mark.parametrize(
    "data",
    [claimed(20_000, 20_000), claimed(60_000, 1), claimed(9_000, 9_000, bits=64),
     claimed(100, 100, t322=60_000, t323=60_000), claimed_jpeg(65_000, 65_000)],
    ids=["pixels", "side", "bytes", "one tile", "jpeg"],
)  # fmt: skip
def test_other_claims_beyond_any_camera_are_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "IMG_0001").write_bytes(data)
    assert "photo_too_large" in refusals(tmp_path)


def test_the_largest_camera_is_not_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(claimed_jpeg(11_648, 8_736))
    assert MAX_PIXELS > 11_648 * 8_736
    assert not hasattr(judge(tmp_path / "a.jpg"), "severity")


# --- folders ----------------------------------------------------------------------------------


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = made.save(tmp_path / "outside", made.colour(0))
    folder = made.save(tmp_path / "card", made.colour(1))
    (folder / "DSC9.JPG").symlink_to(outside / "DSC00000.JPG")
    (folder / "more").symlink_to(outside, target_is_directory=True)
    found = sort_folder(folder)
    assert [c.path.name for c in found.photos] == ["DSC00001.JPG"]
    assert [f.key for f in found.findings] == ["finding.photo_link"] * 2


def test_a_device_a_pipe_and_hidden_files_are_not_opened(tmp_path: Path) -> None:
    folder = made.save(tmp_path, made.colour(1))
    (folder / "._DSC00001.JPG").write_bytes(b"\xff\xd8\xff")
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.jpg")
    assert [c.path.name for c in sort_folder(folder).photos] == ["DSC00001.JPG"]


def test_a_path_with_nothing_at_it_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        take_in(tmp_path / "none")


# --- archives ---------------------------------------------------------------------------------


def zipped(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def photo() -> bytes:
    return made.written(next(iter(made.colour(0).values())))


@pytest.mark.parametrize(
    "name", ["../a.jpg", "/etc/a.jpg", "b/../../a.jpg", "..\\a.jpg", "C:/a.jpg"]
)
def test_a_name_that_climbs_out_refuses_the_archive(tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path / "a.zip", {"ok.jpg": photo(), name: photo()})
    with pytest.raises(BadInput, match="leaves its folder"):
        unpack(path, tmp_path / "deep" / "out")
    assert not list(tmp_path.rglob("*.jpg"))


def test_a_link_in_an_archive_refuses_it(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        entry = zipfile.ZipInfo("a.jpg")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(BadInput, match="link"):
        unpack(path, tmp_path / "out")


def test_an_archive_that_grows_beyond_measure_is_not_unpacked(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.jpg": b"\xff\xd8\xff" + b"\0" * 30_000_000})
    with pytest.raises(BadInput, match="grow"):
        unpack(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_members_that_share_their_bytes_are_counted_each(tmp_path: Path) -> None:
    """A zip whose directory names one compressed stream a hundred times."""
    path = zipped(tmp_path / "a.zip", {"a.jpg": photo() + os.urandom(40_000)})
    data = path.read_bytes()
    start = data.rindex(b"PK\x01\x02")
    end = data.rindex(b"PK\x05\x06")
    entry = data[start:end]
    many = entry * 100
    tail = bytearray(data[end:])
    struct.pack_into("<HHII", tail, 8, 100, 100, len(many), start)
    path.write_bytes(data[:start] + many + bytes(tail))
    assert len(zipfile.ZipFile(path).infolist()) == 100
    with pytest.raises(BadInput, match="grow"):
        unpack(path, tmp_path / "out")


def test_a_damaged_member_is_left_out_and_the_others_are_unpacked(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.jpg": photo(), "b.jpg": photo()}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[data.index(b"b.jpg") + 900] ^= 0xFF
    path.write_bytes(bytes(data))
    findings = unpack(path, tmp_path / "out")
    assert [(f.key, f.where) for f in findings] == [("finding.photo_damaged", "b.jpg")]
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a.jpg"]


@pytest.mark.parametrize("data", [b"PK\x03\x04", b"PK\x03\x04" * 500])
def test_a_broken_archive_is_one_sentence(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(BadInput) as raised:
        take_in(tmp_path / "a.zip")
    assert raised.value.message.key == "error.archive_broken"


def test_an_empty_archive_holds_no_photo(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\x05\x06" + b"\0" * 18)
    assert refusals(tmp_path / "a.zip") == {"photos_none"}


def test_names_machines_cannot_bear_are_told_and_left_out(tmp_path: Path) -> None:
    members = {"NUL.jpg": photo(), "a\u202egpj.exe": photo(), "x" * 300 + ".jpg": photo(),
               "good.jpg": photo()}  # fmt: skip
    findings = unpack(zipped(tmp_path / "a.zip", members), tmp_path / "out")
    assert [f.key for f in findings] == ["finding.photo_member"] * 3
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["good.jpg"]


PIECES = (
    "..", ".", "", "a", "CON", "nul.txt", "\u202e", "\x07", "C:", "~", "$HOME", " ", "a.", "\\",
    "%2e%2e", "é", "ả" * 90, "|", "*", "-rf", "\u2215", "．．", "IMG.jpg",
)  # fmt: skip


@pytest.mark.parametrize(
    "number", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 8))]
)
def test_no_name_whatever_writes_outside_the_folder(tmp_path: Path, number: int) -> None:
    """2,000 names: eight archives, each of 250 that are unpacked or refused one by one."""
    chance = random.Random(number)
    into = tmp_path / "one" / "two" / "out"
    into.mkdir(parents=True)
    for place in range(250):
        name = chance.choice(("/", "\\", "")).join(chance.choices(PIECES, k=chance.randint(1, 5)))
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w") as archive:
            entry = zipfile.ZipInfo("x")
            entry.filename = name or "x"
            archive.writestr(entry, b"\xff\xd8\xff" + bytes([place]))
        with contextlib.suppress(BadInput):
            unpack(path, into)
    written = {path for path in tmp_path.rglob("*") if path.is_file()} - {tmp_path / "a.zip"}
    assert written
    assert all(path.is_relative_to(into) for path in written)
    assert not {path.name for path in written} & {"CON", "nul.txt"}
