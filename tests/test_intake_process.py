"""Strangers' photos are decoded where they can do no harm."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agri.errors import BadInput
from imagery.intake import counts_of, pictures_of, take_in
from imagery.intake.readers import Reader, read_all
from imagery.intake.replies import Answer
from tests import photo_files as made

ROOT = Path(__file__).resolve().parents[1]
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limits of Linux")


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


def test_a_library_that_is_being_loaded_by_another_thread_is_no_hindrance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenCV holds its own folder in the search path while it is loaded."""
    import cv2

    monkeypatch.setattr(sys, "path", [str(Path(cv2.__file__).parent), *sys.path])
    folder = made.save(tmp_path, made.colour(0))
    (answer,) = read_all(sorted(folder.iterdir()), folder)
    assert answer.refused == ""


def test_pictures_are_as_a_mosaic_asks_for_them(tmp_path: Path) -> None:
    intake = take_in(made.save(tmp_path, made.dji(0)), readers=1)
    band, colour = intake.captures[0].bands[0], intake.captures[0].colour
    assert colour is not None
    with pictures_of(intake.source, readers=1) as picture, counts_of(intake.source) as read:
        assert np.array_equal(picture(band, 1)[:, :, 0], read(band))
        means = read(band).reshape(32, 2, 40, 2).mean(axis=(1, 3))
        assert np.abs(picture(band, 2)[:, :, 0] - means).max() <= 1.0
        assert np.array_equal(picture(colour, 1), read(colour))
        assert picture(colour, 8).shape == (8, 10, 3)
        colour.path.write_bytes(colour.path.read_bytes()[:200])
        with pytest.raises(BadInput, match=colour.name):
            picture(colour, 1)


def test_threads_that_share_a_reader_each_get_the_photo_they_asked_for(tmp_path: Path) -> None:
    intake = take_in(made.save(tmp_path, made.dji(0)), readers=1)
    bands = list(intake.captures[0].bands) * 12
    with counts_of(intake.source) as read:
        alone = {photo.name: read(photo) for photo in bands[:4]}
        assert len({image.tobytes() for image in alone.values()}) == len(alone)
        with ThreadPoolExecutor(6) as threads:
            together = list(threads.map(read, bands))
    for photo, image in zip(bands, together, strict=True):
        assert np.array_equal(image, alone[photo.name])


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
