"""Files that come piece by piece are kept as acknowledged, and nowhere but in their own folder."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import stat
import subprocess
import sys
import unicodedata
import uuid
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from agri.errors import BadInput, NotFound, Refused, StoreError
from agri.names import RESERVED
from agri.operations.uploads import journal, keeping
from agri.operations.uploads.journal import FOLDER, JOURNAL, PARTS, Purpose, Told, read_upload
from agri.operations.uploads.keeping import OutOfStep, Piece, finish, photos_of, take
from agri.operations.uploads.labels import LONGEST, disk_name, label_of
from tests import farms

JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40
ZIP = b"PK\x03\x04" + b"\0" * 200
NOW = farms.START
ROOT = Path(__file__).resolve().parents[1]


def begun(farm: Path, purpose: Purpose = Purpose.PHOTOS) -> str:
    upload = keeping.begin(farm, purpose, by="An", now=NOW, new_uid=lambda: str(uuid.uuid4()),
                           field_uid="f1", name="Ruộng Đồng")  # fmt: skip
    return upload.uid


def told(data: bytes, name: str = "DJI_0001.JPG") -> Told:
    return Told(label=name, size=len(data), modified=7)


def piece(data: bytes, first: int, last: int, name: str = "DJI_0001.JPG") -> Piece:
    part = data[first:last]
    return Piece(of=told(data, name), offset=first, data=part,
                 sha256=hashlib.sha256(part).hexdigest())  # fmt: skip


def send(farm: Path, uid: str, data: bytes, name: str) -> None:
    for at in range(0, len(data), 4096):
        take(farm, uid, piece(data, at, at + 4096, name))


# ------------------------------------------------------------------ names


STRANGE = (
    "../../etc/passwd", "..\\..\\windows\\system32\\x.jpg", "C:\\fakepath\\a.jpg", "/etc/passwd",
    "a\x00.jpg", "CON", "con.jpg", "LPT1.tif", "nul", "NUL .jpg", "....", "", " ", ".hidden",
    "a.jpg.", "a" * 500 + ".jpg", "ảnh" * 200, "x." + "y" * 300, "a\u202egpj.exe", "\ud800.jpg",
    "a/b/c.jpg", "-rf", "a:b.jpg", "a?*<>|\".jpg", "\n\r\t.jpg", "%2e%2e%2fa", "~root", "$(x).jpg",
    "e\u0301.jpg", "\u200bzero.jpg", "aux.tar.gz", "🐖.jpg", "...jpg", "COM¹.jpg", "a\\..\\b",
)  # fmt: skip


def test_strange_names_become_names_that_any_disk_can_bear(tmp_path: Path) -> None:
    chance = random.Random(7)
    letters = "../\\:\0\n con.JPGảệ\u202e\u0301\ud800🐖?*%~$-_"
    made = ["".join(chance.choices(letters, k=chance.randint(0, 40))) for _ in range(1500)]
    taken: set[str] = set()
    for name in (*STRANGE, *made):
        plain = disk_name(name, taken)
        assert plain.casefold() not in taken
        taken.add(plain.casefold())
        assert plain == Path(plain).name
        assert plain == plain.strip(" .")
        assert plain
        assert not set(plain) & set('/\\:*?"<>|\0')
        assert len(plain.encode()) <= LONGEST
        assert plain.split(".", 1)[0].strip().lower() not in RESERVED
        assert all(not unicodedata.category(c).startswith("C") for c in plain)
        (tmp_path / plain).touch(exist_ok=False)
    assert disk_name("DJI_0001_MS_NIR.TIF") == "DJI_0001_MS_NIR.TIF"
    assert label_of("Ảnh vườn vải (2).jpg") == disk_name("Ảnh vườn vải (2).jpg")


def test_a_key_that_is_none_opens_nothing(tmp_path: Path) -> None:
    uid = begun(tmp_path)
    for wanted in ("", ".", "..", "../..", f"{uid}/parts", uid.upper(), str(uuid.uuid4())):
        with pytest.raises(NotFound):
            read_upload(tmp_path, wanted)
        with pytest.raises(NotFound):
            take(tmp_path, wanted, piece(JPEG, 0, 9))


def test_nothing_is_written_outside_the_uploads_folder(tmp_path: Path) -> None:
    farm = tmp_path / "farm"
    farm.mkdir()
    uid = begun(farm)
    for name in STRANGE:
        take(farm, uid, piece(JPEG, 0, len(JPEG), name or "x"))
    assert [path.name for path in tmp_path.iterdir()] == ["farm"]
    assert [path.name for path in farm.iterdir()] == [FOLDER]
    upload = finish(farm, uid)
    folder = farm / FOLDER / uid / upload.stem
    assert (
        len(list(folder.iterdir()))
        == len(upload.files)
        == len({label_of(n or "x") for n in STRANGE})
    )
    assert all(path.read_bytes() == JPEG for path in folder.iterdir())


# ------------------------------------------------------------------ pieces


def test_a_file_comes_in_pieces_and_is_whole_at_the_end(tmp_path: Path) -> None:
    uid = begun(tmp_path)
    assert take(tmp_path, uid, piece(JPEG, 0, 4000)).kept == 4000
    with pytest.raises(BadInput) as early:
        finish(tmp_path, uid)
    assert early.value.message.key == "error.upload_missing"
    assert take(tmp_path, uid, piece(JPEG, 4000, len(JPEG))).whole
    upload = finish(tmp_path, uid)
    assert finish(tmp_path, uid) == upload
    assert upload.stem == f"ruong-dong-{NOW:%Y%m%d}-{uid[:4]}"
    _, folder = photos_of(tmp_path, uid)
    assert (folder / "DJI_0001.JPG").read_bytes() == JPEG
    with pytest.raises(Refused):
        take(tmp_path, uid, piece(JPEG, 0, 9, "later.jpg"))
    if os.name == "posix":
        for path in (tmp_path / FOLDER, tmp_path / FOLDER / uid, folder):
            assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_a_piece_out_of_step_twice_or_garbled_says_where_to_go_on(tmp_path: Path) -> None:
    uid = begun(tmp_path)
    take(tmp_path, uid, piece(JPEG, 0, 1000))
    for wrong in (piece(JPEG, 0, 1000), piece(JPEG, 2000, 3000)):
        with pytest.raises(OutOfStep) as refusal:
            take(tmp_path, uid, wrong)
        assert refusal.value.kept == 1000
    good = piece(JPEG, 1000, 2000)
    with pytest.raises(OutOfStep) as garbled:
        take(tmp_path, uid, Piece(of=good.of, offset=1000, sha256=good.sha256, data=JPEG[:1000]))
    assert (garbled.value.message.key, garbled.value.kept) == ("error.upload_garbled", 1000)
    for data in (b"", JPEG):
        more = Piece(of=good.of, offset=1000, sha256=hashlib.sha256(data).hexdigest(), data=data)
        with pytest.raises(BadInput):
            take(tmp_path, uid, more)
    send_rest = piece(JPEG, 1000, len(JPEG))
    assert take(tmp_path, uid, send_rest).whole
    assert take(tmp_path, uid, send_rest).whole


def test_what_is_neither_photo_nor_archive_is_passed_over_and_the_rest_goes_on(
    tmp_path: Path,
) -> None:
    uid = begun(tmp_path)
    program = b"MZ" + b"\0" * 5000
    assert take(tmp_path, uid, piece(program, 0, 4000, "anh.jpg")).passed
    with pytest.raises(BadInput) as nothing:
        finish(tmp_path, uid)
    assert nothing.value.message.key == "error.upload_nothing"
    send(tmp_path, uid, JPEG, "a.jpg")
    upload = finish(tmp_path, uid)
    assert [file.name for file in upload.wanted] == ["a.jpg"]
    assert not (tmp_path / FOLDER / uid / PARTS / "1").exists()


def test_a_zip_goes_alone_and_takes_the_uploads_name(tmp_path: Path) -> None:
    uid = begun(tmp_path)
    send(tmp_path, uid, ZIP, "DCIM.zip")
    send(tmp_path, uid, JPEG, "a.jpg")
    with pytest.raises(BadInput) as both:
        finish(tmp_path, uid)
    assert both.value.message.key == "error.upload_one_zip"
    alone = begun(tmp_path)
    send(tmp_path, alone, ZIP, "DCIM.zip")
    upload = finish(tmp_path, alone)
    for _ in range(2):
        assert photos_of(tmp_path, alone)[1].name == f"{upload.stem}.zip"
    assert photos_of(tmp_path, alone)[1].read_bytes() == ZIP


@pytest.mark.parametrize("cut", ["line", "bytes", "name"])
def test_a_death_between_two_writes_costs_nothing_acknowledged(tmp_path: Path, cut: str) -> None:
    uid = begun(tmp_path)
    take(tmp_path, uid, piece(JPEG, 0, 4000))
    folder = tmp_path / FOLDER / uid
    lines = folder / JOURNAL
    kept = lines.read_bytes()
    if cut == "bytes":  # written but not noted
        with (folder / PARTS / "1").open("ab") as file:
            file.write(b"half a piece")
    elif cut == "line":  # noted half
        take(tmp_path, uid, piece(JPEG, 4000, 8000))
        lines.write_bytes(kept + b'{"kept": 1, "to": 8')
    else:  # whole, noted, not named
        take(tmp_path, uid, piece(JPEG, 4000, len(JPEG)))
        (folder / read_upload(tmp_path, uid).stem / "DJI_0001.JPG").rename(folder / PARTS / "1")
    (file,) = read_upload(tmp_path, uid).files
    assert file.kept == (len(JPEG) if cut == "name" else 4000)
    if cut != "name":
        assert take(tmp_path, uid, piece(JPEG, 4000, len(JPEG))).whole
    finish(tmp_path, uid)
    (path,) = photos_of(tmp_path, uid)[1].iterdir()
    assert path.read_bytes() == JPEG
    assert lines.read_bytes().startswith(kept)


def test_a_journal_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    uid = begun(tmp_path)
    (tmp_path / FOLDER / uid / JOURNAL).write_bytes(b'{"begin": 3}\n')
    with pytest.raises(StoreError):
        read_upload(tmp_path, uid)
    assert keeping.all_uploads(tmp_path) == ()


# ------------------------------------------------------------------ limits


def test_too_large_too_many_and_no_room_are_refused_before_a_byte_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = begun(tmp_path, Purpose.BOUNDARIES)
    huge = Told(label="a.kml", size=60_000_000, modified=0)
    empty = Told(label="b.kml", size=0, modified=0)
    for of in (huge, empty):
        with pytest.raises(BadInput) as refusal:
            take(tmp_path, uid, Piece(of=of, offset=0, sha256="", data=b"x"))
        assert refusal.value.message.key == "error.upload_size"
    for number in range(20):
        take(tmp_path, uid, piece(b"<kml/>", 0, 6, f"{number}.kml"))
    with pytest.raises(BadInput) as many:
        take(tmp_path, uid, piece(b"<kml/>", 0, 6, "more.kml"))
    assert many.value.message.key == "error.upload_files"
    full = SimpleNamespace(free=keeping.SPARE_BYTES + 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    other = begun(tmp_path)
    with pytest.raises(Refused) as room:
        take(tmp_path, other, piece(JPEG, 0, 4000))
    assert room.value.message.key == "error.upload_room"
    assert read_upload(tmp_path, other).files == ()
    assert keeping.room(tmp_path) == 1000


def test_old_uploads_are_thrown_away_but_not_those_still_needed(tmp_path: Path) -> None:
    done, half, needed, new = (begun(tmp_path) for _ in range(4))
    for uid in (done, needed, new):
        send(tmp_path, uid, JPEG, "a.jpg")
        finish(tmp_path, uid)
    (tmp_path / FOLDER / ".torn.tmp").mkdir()

    def aged(uid: str, days: float) -> None:
        place = tmp_path / FOLDER / uid
        path = place / JOURNAL if (place / JOURNAL).exists() else place
        when = (NOW - timedelta(days=days)).timestamp()
        os.utime(path, (when, when))

    for uid, days in ((done, 31), (half, 8), (needed, 90), (new, 29), (".torn.tmp", 8)):
        aged(uid, days)
    assert keeping.throw_away_old(tmp_path, now=NOW, needed={needed}) == 3
    assert {upload.uid for upload in keeping.all_uploads(tmp_path)} == {needed, new}


def test_the_limits_hold_what_the_page_promises() -> None:
    assert keeping.LIMITS.keys() == set(Purpose)
    assert journal.KEY.fullmatch(str(uuid.uuid4()))


# ------------------------------------------------------------------ sudden death


def killed_at(tmp_path: Path, deaths: int) -> None:
    """Send a file by a program that is killed again and again; what it acknowledged is there."""
    data = JPEG + random.Random(3).randbytes(40 * 7_001)
    source = tmp_path / "DJI_0001.JPG"
    source.write_bytes(data)
    farm = tmp_path / "farm"
    farm.mkdir()
    uid = begun(farm)
    chance = random.Random(4)
    acknowledged = 0
    command = [sys.executable, "-m", "tests.upload_child", str(farm), uid, str(source)]
    for _ in range(deaths):
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as program:
            assert program.stdout is not None
            for line in program.stdout:
                acknowledged = int(line)
                if chance.random() < 1.5 * deaths / 40:
                    program.kill()
        (file,) = read_upload(farm, uid).files
        assert acknowledged <= file.kept <= acknowledged + 7_001
        acknowledged = file.kept
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    finish(farm, uid)
    assert (photos_of(farm, uid)[1] / source.name).read_bytes() == data


def test_a_server_killed_in_an_upload_goes_on_at_the_last_kept_byte(tmp_path: Path) -> None:
    killed_at(tmp_path, deaths=1)


@pytest.mark.slow
def test_a_server_killed_twenty_times_in_an_upload_goes_on_each_time(tmp_path: Path) -> None:
    killed_at(tmp_path, deaths=20)
