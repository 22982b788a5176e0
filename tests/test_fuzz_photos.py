"""Ten thousand broken photos, side files, maps and zips: values or one sentence, and no harm.

Every case is made from a sound file by a seeded chain of mutations, of bytes, of TIFF's entries and
of XMP's words, so that a failure is found again by its number. While they are taken in

* a canary listens, and nobody may call;
* every file this process opens is noted: nothing outside the folder and Python's libraries;
* each reader's peak of memory is read before it ends.
"""

from __future__ import annotations

import os
import random
import re
import socket
import struct
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shapely import box
from shapely.geometry import MultiPolygon

from agri.errors import AgriError, BadInput
from agri.field import Field
from agri.words import LANGUAGES
from imagery.intake import counts_of, pictures_of, readers, take_in
from tests import photo_files as made
from tests.sizes import of_full
from tests.test_intake_ortho import ground, ortho

SHARED = Path(os.environ.get("AGRI_SHARED", Path(__file__).resolve().parents[2] / "shared"))
REAL = SHARED / "data" / "imagery"
FIELD = Field(
    name="Ruộng",
    boundary=MultiPolygon([box(made.LON, made.LAT, made.LON + 0.001, made.LAT + 0.001)]),
)
MEMORY_BYTES = 1_000_000_000
ODD_NUMBERS = (0, 1, 2, 255, 256, 32_767, 65_535, 65_536, 2**31 - 1, 2**31, 2**32 - 1)
ODD_WORDS = (
    b"", b"NaN", b"-inf", b"1e400", b"1/0", b"0/0", b"-1/-1", b"1e-320", b"9" * 400, b"++1", b"a/b",
    b"2026:13:45 99:99:99", b"0000:00:00 00:00:00", b"\xff\xfe", b"&#0;", b"&a;", b"]]>", b"<",
    b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>", b"/vsicurl/http://127.0.0.1/a",
    b"1,2,3,4,5,6,7,8,9,10,11,12", b"rdf:li", b"<rdf:Seq><rdf:li>", b"%s%n", b"\0\0", b"1,,;;,",
    b"AAAA" * 3_000,
)  # fmt: skip
SIDECARS = (
    (".aux.xml", b"<PAMDataset><SRS>EPSG:4326</SRS></PAMDataset>"), (".ovr", b"II*\0\x08\0\0\0"),
    (".msk", b"\xff\xd8\xff"), (".tfw", b"1\n0\n0\n-1\n0\n0\n"), (".xmp", b"<x:xmpmeta/>"),
    (".vrt", b"<VRTDataset><SourceFilename>/etc/passwd</SourceFilename></VRTDataset>"),
)  # fmt: skip
ODD_RATIOS = ((0, 0), (1, 0), (0, 1), (2**32 - 1, 1), (1, 2**32 - 1), (2**31, 2**31 - 1))
Mutation = Callable[[random.Random, bytes], bytes]
Sound = bytes | made.Made


def flip(chance: random.Random, data: bytes) -> bytes:
    body = bytearray(data or b"\0")
    for _ in range(chance.choice((1, 2, 8, 64))):
        place = chance.randrange(len(body)) if chance.random() < 0.5 else edge(chance, len(body))
        body[place] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
    return bytes(body)


def edge(chance: random.Random, size: int) -> int:
    """A place near the beginning or the end, where headers and directories stand."""
    near = chance.randrange(min(size, 4_000))
    return near if chance.random() < 0.5 else size - 1 - near


def cut(chance: random.Random, data: bytes) -> bytes:
    start = chance.randrange(len(data) + 1)
    return data[:start] + (
        data[start + chance.randrange(1, 200) :] if chance.random() < 0.5 else b""
    )


def repeat(chance: random.Random, data: bytes) -> bytes:
    start = edge(chance, len(data)) if data else 0
    piece = data[start : start + chance.choice((1, 12, 300))]
    return data[:start] + piece * chance.choice((2, 5, 50)) + data[start:]


def insert(chance: random.Random, data: bytes) -> bytes:
    start = edge(chance, len(data)) if data else 0
    return data[:start] + chance.choice(ODD_WORDS) + data[start:]


def change_word(chance: random.Random, data: bytes) -> bytes:
    """Change a value of XMP: what stands between quotes or tags."""
    found = list(re.finditer(rb'(?<=[">])[^"<>\n]{1,80}(?=["<])', data))
    if not found:
        return data
    for match in sorted(
        chance.sample(found, min(len(found), chance.choice((1, 1, 3, 12)))),
        key=lambda m: m.start(), reverse=True,
    ):  # fmt: skip
        data = data[: match.start()] + chance.choice(ODD_WORDS) + data[match.end() :]
    return data


def change_entry(chance: random.Random, data: bytes) -> bytes:
    """Change type, count or value of entries in TIFF's directories, here or within EXIF."""
    base = data.find(b"II*\0")
    if base < 0 or len(data) < base + 8:
        return data
    body = bytearray(data)
    places = [struct.unpack_from("<I", data, base + 4)[0]]
    for _ in range(chance.choice((1, 1, 2, 5))):
        start = base + chance.choice(places)
        if start + 2 > len(body):
            break
        count = struct.unpack_from("<H", body, start)[0]
        at = start + 2 + 12 * chance.randrange(max(1, min(count, 40)))
        if at + 12 > len(body):
            break
        code = struct.unpack_from("<H", body, at)[0]
        if code in (34665, 34853):
            places.append(struct.unpack_from("<I", body, at + 8)[0])
        what = chance.randrange(4)
        if what == 0:
            struct.pack_into("<H", body, at + 2, chance.choice((*range(20), 65_535)))
        elif what == 1:
            struct.pack_into("<I", body, at + 4, chance.choice(ODD_NUMBERS))
        elif what == 2:
            struct.pack_into("<I", body, at + 8, chance.choice((*ODD_NUMBERS, len(data), start)))
        else:
            struct.pack_into(
                "<H", body, at, chance.choice((256, 258, 259, 273, 277, 322, 700, 34665))
            )
    return bytes(body)


MUTATIONS: tuple[Mutation, ...] = (
    flip, cut, repeat, insert, change_word, change_word, change_entry, change_entry,
)  # fmt: skip


def broken(chance: random.Random, data: bytes) -> bytes:
    for _ in range(chance.choice((1, 1, 2, 4))):
        data = chance.choice(MUTATIONS)(chance, data)
    return data


def told_wrongly(chance: random.Random, photo: made.Made) -> bytes:
    """A photo whose container is sound and whose words are not."""
    told = photo.xmp.encode()
    for _ in range(chance.choice((1, 2, 6))):
        told = chance.choice((change_word, change_word, change_word, cut, repeat, insert))(
            chance, told
        )
    tags: dict[str, Any] = {}
    for name in chance.sample(sorted(photo.tags), min(len(photo.tags), chance.choice((0, 1, 4)))):
        value = photo.tags[name]
        if isinstance(value, str):
            word = chance.choice(ODD_WORDS).decode("latin-1").replace("\0", "?")
            tags[name] = chance.choice((word, "", value[:3]))
        elif isinstance(value, list) and name.startswith("GPS"):
            tags[name] = [chance.choice(ODD_RATIOS) for _ in range(chance.choice((1, 3, 40)))]
        elif not isinstance(value, list | int):
            tags[name] = chance.choice(ODD_RATIOS)
    plane = chance.choice((photo.plane, np.zeros((2, 3)), np.ones((64, 80)), np.full((1, 1), 0.5)))
    words = told.decode("utf-8", "replace")
    if photo.jpeg:
        words = words[:60_000]
    return made.written(replace(photo.but(**tags), xmp=words, plane=plane))


def hostile(chance: random.Random, sound: Sound) -> bytes:
    if isinstance(sound, bytes):
        return broken(chance, sound)
    return (
        told_wrongly(chance, sound)
        if chance.random() < 0.6
        else broken(chance, made.written(sound))
    )


class Watch:
    """What this process opened, and how large its readers grew."""

    def __init__(self) -> None:
        self.on = False
        self.allowed: tuple[str, ...] = ()
        self.outside: list[str] = []
        self.peaks: list[int] = []

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on or event != "open" or not isinstance(arguments[0], str | bytes):
            return
        path = os.path.realpath(os.fsdecode(arguments[0]))
        if not path.startswith(self.allowed):
            self.outside.append(path)


WATCH = Watch()
sys.addaudithook(WATCH.hook)


@contextmanager
def watched(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Note opened files and readers' peaks of memory; nobody may call the canary."""
    here = Path(__file__).resolve().parents[1]
    WATCH.allowed = (str(root), str(here), sys.prefix, sys.base_prefix, "/proc/", os.devnull)
    WATCH.outside, WATCH.peaks = [], []
    close = readers.Reader.close

    def noted(self: readers.Reader) -> None:
        status = Path(f"/proc/{self.pid}/status")
        if self.pid and status.exists():
            peak = re.search(r"VmPeak:\s+(\d+) kB", status.read_text("utf-8"))
            WATCH.peaks += [1024 * int(peak[1])] if peak else []
        close(self)

    monkeypatch.setattr(readers.Reader, "close", noted)
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.settimeout(0.0)
        WATCH.on = True
        try:
            yield
        finally:
            WATCH.on = False
        with pytest.raises(BlockingIOError):
            canary.accept()
    assert WATCH.outside == []
    assert max(WATCH.peaks, default=0) <= MEMORY_BYTES


def sound_files(family: str, folder: Path) -> dict[str, Sound]:
    """Whole files that mutations begin with."""
    if family == "map":
        names = ("Red 668 nm", "NIR 840 nm")
        plain = ortho(
            folder / "a.tif", ground(2, 9_000, "uint16"), names,
            tiled=True, blockxsize=128, blockysize=128, compress="deflate",
        )  # fmt: skip
        return {"result_NIR.tif": plain.read_bytes()}
    files: dict[str, Sound] = {**made.FAMILIES[family](0), **made.FAMILIES[family](1)}
    if family == "sentera":
        import imagecodecs
        import tifffile

        assert imagecodecs.DEFLATE.available
        for number, codec in enumerate(("zlib", "lzw", "packbits", "zstd")):
            path = folder / f"packed{number}.tif"
            plane = np.round(made.scene(number) * 65_535).astype("uint16")
            tifffile.imwrite(path, plane, compression=codec, tile=(32, 32), metadata=None)
            files[path.name] = path.read_bytes()
    return files


def real_files() -> dict[str, Sound]:
    wanted = ("micasense_rededge_mit/0000SET/000/IMG_0001_3.tif",
              "micasense_rededge_mit/Sequoia/0077/IMG_180413_080658_0000_RED.TIF",
              "seneca_nir_cc0/IMG_0541.jpg", "brighton_dji_bsd/DJI_0019.JPG")  # fmt: skip
    return {Path(w).name: (REAL / w).read_bytes() for w in wanted if (REAL / w).is_file()}


def case(
    root: Path, number: int, family: str, count: int, sound: dict[str, Sound], at_once: int = 2
) -> None:
    """One folder of broken files of a family, taken in as a folder or as a zip."""
    chance = random.Random(f"{family} {number}")
    folder = root / f"{family}{number}"
    folder.mkdir()
    names = list(sound)
    for place in range(count):
        name = names[place % len(names)]
        path = folder / f"{place:03d}_{name}"
        path.write_bytes(hostile(chance, sound[name]))
        if chance.random() < 0.15:
            ending, content = chance.choice(SIDECARS)
            path.with_name(path.name + ending).write_bytes(broken(chance, content))
    source = folder
    if number % 4 == 3:
        source = root / f"{family}{number}.zip"
        with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.iterdir()):
                archive.write(path, path.name)
        if number % 8 == 7:
            source.write_bytes(broken(chance, source.read_bytes()))
    try:
        intake = take_in(source, field=FIELD if number % 2 else None, readers=at_once)
    except AgriError as refused:
        said = [refused.text(language) for language in LANGUAGES]
        if not all(text.isprintable() for text in said):
            pytest.fail(f"{source.name}: {said}")
        return
    for finding in intake.findings:
        for language in LANGUAGES:
            text = finding.text(language)
            assert "finding." not in text
            assert text.isprintable()
    some = random.Random(number).sample(intake.photos, min(6, len(intake.photos)))
    with counts_of(intake.source) as read, pictures_of(intake.source, readers=1) as picture:
        for place, photo in enumerate(some if at_once > 1 else ()):
            size = (photo.height_px, photo.width_px)
            with suppress(BadInput):
                assert read(photo).shape[:2] == size
            with suppress(BadInput):
                found, coarser = picture(photo, 2 ** (place % 4)), 2 ** (place % 4)
                assert found.shape[:2] == tuple(-(-side // coarser) for side in size)
                assert 1 <= found.shape[2] <= 3
    for capture in (*intake.captures, *intake.panel_captures):
        assert capture.name
        assert all(photo.path.is_relative_to(intake.source) for photo in capture.photos)


@pytest.mark.parametrize("family", [*made.FAMILIES, "map"])
def test_broken_files_of_every_family_do_no_harm(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = sound_files(family, tmp_path)
    with watched(tmp_path, monkeypatch):
        case(tmp_path, 0, family, 20, sound, at_once=1)


@pytest.mark.slow
@pytest.mark.parametrize("family", [*made.FAMILIES, "map", "real"])
def test_ten_thousand_broken_files_do_no_harm(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property
) -> None:
    """125 files in a folder, ten folders of each family and eight of real files: 10,000 + 160."""
    sound = real_files() if family == "real" else sound_files(family, tmp_path)
    if not sound:
        pytest.skip("the collection of real photos is not on this machine")
    folders, in_each = (8, 20) if family == "real" else (10, 125)
    record_property("broken_photos", of_full(folders) * in_each)
    with watched(tmp_path, monkeypatch):
        for number in range(of_full(folders)):
            case(tmp_path, number, family, in_each, sound)
