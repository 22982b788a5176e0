"""Strangers' files: judged before they are decoded, decoded where they can do no harm."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import socket
import stat
import struct
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agri.errors import BadInput, NotFound
from imagery.decoding.headers import Header, Unreadable, read_header
from imagery.intake import counts_of, take_in
from imagery.intake.archive import unpack
from imagery.intake.guard import MAX_PIXELS, judge, sort_folder
from imagery.intake.readers import Reader, read_all
from imagery.intake.replies import Answer
from tests import photo_files as made

ROOT = Path(__file__).resolve().parents[1]
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limits of Linux")


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


# --- the process ------------------------------------------------------------------------------


def attempt(code: str, root: Path, memory: int = 1_000_000_000) -> str:
    """What happens when code runs where photos are decoded."""
    program = (
        "import sys, json\n"
        "from imagery.decoding import confinement, process\n"
        "process._load()\n"
        f"confinement.limit(limit_bytes={memory})\n"
        f"confinement.confine([{str(root)!r}])\n"
        f"try:\n    {code}\nexcept BaseException as error:\n"
        "    print(type(error).__name__)\nelse:\n    print('done')\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    return ran.stdout.strip()


@pytest.mark.parametrize(
    "code",
    ["open('/etc/hostname').read()", "open('{root}/../x').read()", "open('{root}/x', 'w')",
     "__import__('os').open('{root}/x', 0o101)",
     "__import__('socket').socket().connect(('127.0.0.1', 9))",
     "__import__('subprocess').run(['true'])", "__import__('os').system('true')",
     "__import__('os').listdir('/etc')", "__import__('os').remove('{root}/a')",
     "__import__('os').fork()"],
)  # fmt: skip
def test_the_process_may_neither_write_nor_reach_out_nor_look_elsewhere(
    tmp_path: Path, code: str
) -> None:
    (tmp_path / "a").write_text("here", "utf-8")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "a").write_text("here", "utf-8")
    (tmp_path / "x").write_text("outside", "utf-8")
    assert attempt(code.format(root=inside), inside) == "Confined"
    assert (inside / "a").exists()


def test_the_process_may_read_its_folder_but_not_through_a_link(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "a").write_text("here", "utf-8")
    (inside / "link").symlink_to("/etc/hostname")
    assert attempt(f"open('{inside}/a').read()", inside) == "done"
    assert attempt(f"open('{inside}/link').read()", inside) == "Confined"


@linux
def test_the_process_gets_no_more_memory_than_its_limit(tmp_path: Path) -> None:
    assert attempt("bytearray(800_000_000)", tmp_path) == "MemoryError"
    assert attempt("bytearray(100_000_000)", tmp_path) == "done"


@linux
def test_a_photo_that_takes_too_long_costs_one_process_and_the_next_is_read(
    tmp_path: Path,
) -> None:
    folder = made.save(tmp_path, made.colour(0))
    reader = Reader(folder, seconds=3)
    try:
        assert reader.read(folder / "DSC00000.JPG").refused == ""
        first = reader.pid
        os.kill(first, 19)  # SIGSTOP: from now on it takes for ever
        assert reader.read(folder / "DSC00000.JPG").refused == "time"
        assert reader.read(folder / "DSC00000.JPG").refused == ""
        assert reader.pid != first
    finally:
        reader.close()


@linux
def test_a_process_that_dies_is_replaced(tmp_path: Path) -> None:
    folder = made.save(tmp_path, made.colour(0))
    reader = Reader(folder)
    try:
        assert reader.read(folder / "DSC00000.JPG").refused == ""
        os.kill(reader.pid, 11)
        assert reader.read(folder / "DSC00000.JPG").refused in ("", "crash")
        assert reader.read(folder / "DSC00000.JPG").refused == ""
    finally:
        reader.close()


@linux
def test_too_little_memory_refuses_a_photo_and_goes_on(tmp_path: Path) -> None:
    large = made.Made(tags={"Make": "X"}, plane=np.zeros((10_000, 10_900), dtype="<u2"))
    folder = made.save(tmp_path, {"large.tif": large}, made.colour(0))
    reader = Reader(folder, memory_bytes=500_000_000)
    try:
        assert reader.read(folder / "large.tif").refused in ("memory", "damaged")
        assert reader.read(folder / "DSC00000.JPG").refused == ""
    finally:
        reader.close()


@linux
@pytest.mark.slow
def test_the_largest_photos_that_the_guard_lets_pass_fit_into_the_limit(tmp_path: Path) -> None:
    large = made.Made(tags={"Make": "X"}, plane=np.zeros((10_000, 10_900), dtype="<u2"))
    folder = made.save(tmp_path, {"large.tif": large})
    (answer,) = read_all([folder / "large.tif"], folder)
    assert answer.refused == ""


def test_the_numbers_of_a_photo_come_through_as_they_are_stored(tmp_path: Path) -> None:
    folder = made.save(tmp_path, made.dji(0))
    intake = take_in(folder, readers=1)
    with counts_of(intake.source) as read:
        for photo in intake.captures[0].bands:
            stored = np.round(made.dji(0)[photo.name].plane * 65_535.0)  # type: ignore[operator]
            assert np.array_equal(read(photo), stored)
        colour = intake.captures[0].colour
        assert colour is not None
        assert (read(colour).shape, read(colour).dtype) == ((64, 80, 3), np.uint8)
        for photo in intake.captures[0].bands[:2]:
            data = photo.path.read_bytes()
            photo.path.write_bytes(data[:4_000])
            with pytest.raises(BadInput, match=photo.name):
                read(photo)
            photo.path.write_bytes(data)
            assert read(photo).shape == (64, 80)


@pytest.mark.parametrize(
    "told",
    [{"shape": [4, 4], "dtype": "|O8"}, {"shape": [4, -4], "dtype": "<u2"}, {"shape": 4},
     {"shape": [4], "dtype": "<u2"}, {"shape": [10**6, 10**6], "dtype": "<u2"},
     {"shape": [40, 40], "dtype": "<u2"}],
)  # fmt: skip
def test_an_image_of_another_form_than_promised_is_none(told: dict[str, Any]) -> None:
    from imagery.intake.replies import image_of

    assert image_of(json.dumps(told).encode(), io.BytesIO(b"12345678")) is None


def test_whoever_stops_the_work_is_obeyed_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made.save(tmp_path, *[made.colour(number) for number in range(40)])
    read: list[Path] = []
    stopped = threading.Event()

    class Stop(Exception):
        pass

    def stop(share: float) -> None:
        raise Stop

    def noted(self: Reader, path: Path, **more: Any) -> Answer:
        read.append(path)
        stopped.wait(0.2)
        return Answer()

    monkeypatch.setattr(Reader, "read", noted)
    with pytest.raises(Stop):
        read_all(sorted(folder.iterdir()), folder, readers=1, progress=stop)
    assert len(read) < 5


def test_a_reader_ends_when_nobody_asks_any_more(tmp_path: Path) -> None:
    folder = made.save(tmp_path, made.colour(0))
    reader = Reader(folder)
    reader.read(folder / "DSC00000.JPG")
    process = reader._process
    assert process is not None
    assert process.stdin is not None
    process.stdin.close()  # as when the program that asked is killed
    assert process.wait(timeout=30) == 0
    reader.close()


def test_modules_lying_among_the_photos_are_not_imported(tmp_path: Path) -> None:
    folder = made.save(tmp_path, made.colour(0))
    for name in ("numpy.py", "json.py", "sitecustomize.py", "tifffile.py"):
        (folder / name).write_text(
            f"open({str(tmp_path / 'ran')!r}, 'w')\nraise SystemExit", "utf-8"
        )
    assert len(take_in(folder, readers=1).captures) == 1
    assert not (tmp_path / "ran").exists()


def test_side_files_change_nothing(tmp_path: Path) -> None:
    folder = made.save(tmp_path / "card", made.micasense(0))
    before = take_in(folder, readers=1)
    for path in list(folder.iterdir()):
        for ending in (".aux.xml", ".ovr", ".msk", ".tfw", ".xmp"):
            path.with_name(path.name + ending).write_bytes(b"<VRTDataset/>")
    after = take_in(folder, readers=1)
    assert after.captures == before.captures


def test_nothing_is_asked_of_the_network(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.settimeout(0.0)
        port = canary.getsockname()[1]
        name, photo = next(iter(made.micasense(0).items()))
        url = f"http://127.0.0.1:{port}/a"
        told = photo.xmp.replace(
            "<x:xmpmeta", f'<?xml-stylesheet href="{url}"?><x:xmpmeta', 1
        ).replace("Blue", url)
        made.save(tmp_path, {name: made.Made(tags={**photo.tags, "Make": url}, xmp=told)})
        (tmp_path / "a.tif").write_text(
            f"<VRTDataset><SourceFilename>/vsicurl/{url}</SourceFilename>"
        )
        take_in(tmp_path, readers=1)
        with pytest.raises(BlockingIOError):
            canary.accept()


def test_a_missing_library_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import imagery.intake.readers as room

    folder = made.save(tmp_path, made.colour(0))
    monkeypatch.setattr(room, "NEEDED", ("no_such_library",))
    with pytest.raises(BadInput) as raised:
        take_in(folder)
    assert raised.value.message.key == "error.extra_missing"


@pytest.mark.parametrize(
    "reply",
    [b"", b"\n", b"[]", b'{"tags": 1}', b'{"refused": "please"}',
     b'{"tags": {"a": [1e999]}, "xmp": {}}',
     b'{"tags": {}, "xmp": {}, "measures": {"sharpness": 1}}', json.dumps({"xmp": {}}).encode()],
)  # fmt: skip
def test_a_reply_of_another_form_is_no_answer(reply: bytes) -> None:
    from imagery.intake.replies import parsed

    assert parsed(reply) is None
