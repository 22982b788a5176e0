"""The audit record: nothing in it can be changed, taken out, moved or half written unseen."""

from __future__ import annotations

import errno
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agri import audit
from agri.audit import AuditUnwritable, Confirmed, append, set_aside, verify
from agri.audit_chain import LONGEST_BYTES, Mark, read_line, walk
from agri.errors import BadInput
from agri.findings import Severity
from agri.locks import lock_now
from agri.words import LANGUAGES
from tests.sizes import SHARE, of_full

ROOT = Path(__file__).resolve().parents[1]
START = datetime(2026, 11, 24, 0, 30, 0, 123_456, tzinfo=UTC)
WHAT = Confirmed(
    plan_name="Ruộng Đồng phun",
    plan_digest="ab" * 32,
    aircraft="Máy phun 1",
    pilot="Nguyễn Văn Đức",
    permit="12/GP-BCHQS",
    findings=("finding.map_old", "finding.permit_ends_soon"),
    parameters_digest="cd" * 32,
    note='xem "kỹ"\n\u2028rồi',
)


def fill(folder: Path, count: int = 5) -> list[audit.Entry]:
    """A record of so many entries."""
    return [
        append(
            folder,
            kind="launch_confirmed" if number % 2 else "plan_approved",
            who="Nguyễn Văn Đức",
            at_utc=START + timedelta(minutes=number),
            what=WHAT if number % 2 else Confirmed(note=str(number)),
        )
        for number in range(count)
    ]


def log(folder: Path) -> Path:
    return folder / audit.FILE


def keys(folder: Path) -> list[str]:
    """What a verification finds, all of it sayable."""
    found = verify(folder).findings
    for finding in found:
        assert not any("{" in finding.text(one) for one in LANGUAGES)
    return [finding.key for finding in found]


def fault(folder: Path) -> str:
    """The one error a broken record has."""
    (only,) = [f for f in verify(folder).findings if f.severity is Severity.ERROR]
    return only.key


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory where there is one, for tests that write thousands of files."""
    place = Path("/dev/shm")  # noqa: S108
    usable = place.is_dir() and os.access(place, os.W_OK)
    with tempfile.TemporaryDirectory(dir=place if usable else None) as name:
        yield Path(name)


# ---------------------------------------------------------------- what is kept


def test_an_empty_farm_has_an_empty_whole_record(tmp_path: Path) -> None:
    found = verify(tmp_path)
    assert (found.entries, found.findings, found.whole) == ((), (), True)
    assert found.remembered == (0, audit.GENESIS)
    assert list(tmp_path.iterdir()) == []


def test_what_is_confirmed_comes_back_as_it_was_told(tmp_path: Path) -> None:
    kept = fill(tmp_path)
    found = verify(tmp_path)
    assert found.whole
    assert list(found.entries) == kept
    assert found.findings == ()
    assert found.remembered == (5, kept[-1].digest)
    first, second = kept[:2]
    assert second.previous == first.digest
    assert second.what == WHAT
    assert second.at_utc == datetime(2026, 11, 24, 0, 31, 0, 123_000, tzinfo=UTC)
    assert [entry.number for entry in kept] == [1, 2, 3, 4, 5]


def test_a_line_is_canonical_json_that_anyone_can_check(tmp_path: Path) -> None:
    """The rule of the docstring, reckoned here without agri's own reader."""
    import hashlib

    fill(tmp_path, 3)
    previous = "0" * 64
    for line in log(tmp_path).read_text("utf-8").split("\n")[:-1]:
        told = json.loads(line)
        digest = told.pop("hash")
        text = json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        assert hashlib.sha256(text.encode()).hexdigest() == digest
        assert told["previous"] == previous
        previous = digest


def test_verifying_writes_nothing(tmp_path: Path) -> None:
    fill(tmp_path)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()}
    verify(tmp_path)
    after = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()}
    assert before == after


@given(text=st.text(max_size=80), names=st.lists(st.text(max_size=20), max_size=4))
def test_any_text_can_be_told_and_stays_one_line(text: str, names: list[str]) -> None:
    what = Confirmed(note=text, findings=tuple(names))
    entry = audit.Entry(number=1, kind="note", who="Đức", what=what, at_utc=START)
    assert entry.line.count(b"\n") == 1
    assert read_line(entry.line) == entry


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"kind": "Launch!"}, "error.audit_entry"),
        ({"kind": ""}, "error.audit_entry"),
        ({"kind": "torn"}, "error.audit_entry"),
        ({"kind": "set_aside"}, "error.audit_entry"),
        ({"who": "  "}, "error.audit_entry"),
        ({"at_utc": datetime(2026, 11, 24)}, "error.time_without_zone"),  # noqa: DTZ001
        ({"what": Confirmed(note="x" * LONGEST_BYTES)}, "error.audit_long"),
    ],
)
def test_what_cannot_be_an_entry_is_refused_and_leaves_no_trace(
    tmp_path: Path, changes: dict[str, object], key: str
) -> None:
    fill(tmp_path, 1)
    before = log(tmp_path).read_bytes()
    whole: dict[str, object] = {"kind": "launch", "who": "Đức", "at_utc": START, **changes}
    with pytest.raises(BadInput) as refusal:
        append(tmp_path, **whole)  # type: ignore[arg-type]
    assert refusal.value.message.key == key
    assert log(tmp_path).read_bytes() == before


# ---------------------------------------------------------------- tampering


def sealed(folder: Path) -> tuple[bytes, bytes]:
    """A record with a torn line sealed in its middle: its lines and its head."""
    fill(folder, 2)
    with log(folder).open("ab") as file:
        file.write(b'{"at":"2026-11-24T00:3')
    fill(folder, 2)
    assert keys(folder) == ["finding.audit_torn"]
    return log(folder).read_bytes(), (folder / audit.HEAD).read_bytes()


def tampered(folder: Path, whole: bytes, head: bytes, values: Sequence[int]) -> int:
    """Change every byte of the record in turn; return how many changes there were."""
    count = 0
    for position, value in itertools.product(range(len(whole)), values):
        changed = bytearray(whole)
        changed[position] ^= value
        log(folder).write_bytes(changed)
        assert not verify(folder).whole, (position, value)
        count += 1
    for position, value in itertools.product(range(len(head)), values):
        broken = bytearray(head)
        broken[position] ^= value
        log(folder).write_bytes(whole)
        (folder / audit.HEAD).write_bytes(broken)
        assert not verify(folder).whole, (position, value)
        count += 1
    return count


def test_every_changed_byte_is_found(memory: Path) -> None:
    whole, head = sealed(memory)
    assert tampered(memory, whole, head, (random.Random(7).randint(1, 255),)) > 1500


@pytest.mark.slow
def test_every_changed_byte_is_found_whatever_it_is_changed_to(
    memory: Path, record_property
) -> None:
    whole, head = sealed(memory)
    changes = range(1, 256, max(1, round(1.0 / SHARE)))
    tried = tampered(memory, whole, head, changes)
    record_property("bytes_changed", tried)
    assert tried > 1500 * len(changes)


def test_every_byte_taken_out_or_put_in_is_found(memory: Path) -> None:
    whole, _ = sealed(memory)
    for position in range(len(whole)):
        for changed in (
            whole[:position] + whole[position + 1 :],
            whole[:position] + b" " + whole[position:],
        ):
            if changed != whole:
                log(memory).write_bytes(changed)
                assert not verify(memory).whole, position


def test_every_row_taken_out_moved_or_doubled_is_found(memory: Path) -> None:
    fill(memory, 4)
    rows = log(memory).read_bytes().splitlines(keepends=True)
    arrangements = 0
    for size in range(6):
        for order in itertools.product(range(4), repeat=size):
            if order != (0, 1, 2, 3):
                log(memory).write_bytes(b"".join(rows[index] for index in order))
                extended = order[:4] == (0, 1, 2, 3)
                assert not verify(memory).whole, order
                assert extended or fault(memory) in (
                    "finding.audit_gap", "finding.audit_short",
                ), order  # fmt: skip
                arrangements += 1
    assert arrangements == sum(4**size for size in range(6)) - 1


def test_the_record_cut_at_any_byte_is_found(memory: Path) -> None:
    whole, _ = sealed(memory)
    for size in range(len(whole)):
        log(memory).write_bytes(whole[:size])
        assert not verify(memory).whole, size
    log(memory).unlink()
    assert fault(memory) == "finding.audit_short"


def test_the_first_broken_line_is_named(tmp_path: Path) -> None:
    fill(tmp_path, 5)
    rows = log(tmp_path).read_bytes().splitlines(keepends=True)
    for index in range(5):
        changed = [row.replace(b"2026", b"2027") if i >= index else row
                   for i, row in enumerate(rows)]  # fmt: skip
        log(tmp_path).write_bytes(b"".join(changed))
        found = verify(tmp_path)
        assert dict(found.findings[0].message.values)["line"] == index + 1
        assert len(found.entries) == index


def test_a_record_written_anew_from_some_row_on_is_missed_by_its_head(tmp_path: Path) -> None:
    """Someone who can reckon the hashes, but forgets the head."""
    kept = fill(tmp_path, 3)
    head = (tmp_path / audit.HEAD).read_bytes()
    log(tmp_path).unlink()
    (tmp_path / audit.HEAD).unlink()
    for entry in kept:
        append(tmp_path, kind=entry.kind, who="Kẻ gian", at_utc=entry.at_utc, what=entry.what)
    forged = verify(tmp_path)
    assert forged.whole
    (tmp_path / audit.HEAD).write_bytes(head)
    assert fault(tmp_path) == "finding.audit_head_differs"


def test_what_is_remembered_elsewhere_is_missed_when_all_is_written_anew(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    remembered = verify(tmp_path).remembered
    fill(tmp_path, 2)
    assert verify(tmp_path, remembered=remembered).whole
    for path in (log(tmp_path), tmp_path / audit.HEAD):
        path.unlink()
    assert verify(tmp_path).whole
    fill(tmp_path, 2)
    assert not verify(tmp_path, remembered=remembered).whole
    append(tmp_path, kind="note", who="Kẻ gian", at_utc=START)
    (found,) = verify(tmp_path, remembered=remembered).findings
    assert found.key == "finding.audit_forgotten"


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"{}",
        b"[]\n",
        b'{"end":0,"hash":"x","n":0}\n',
        b'{"end":-1,"hash":"' + b"0" * 64 + b'","n":-1}\n',
        b'{"end":9,"hash":"","n":true}\n',
    ],
)
def test_a_head_that_tells_nothing_is_told_and_not_written_over(
    tmp_path: Path, head: bytes
) -> None:
    fill(tmp_path, 2)
    (tmp_path / audit.HEAD).write_bytes(head)
    assert fault(tmp_path) == "finding.audit_no_head"
    with pytest.raises(AuditUnwritable):
        append(tmp_path, kind="launch", who="Đức", at_utc=START)
    (tmp_path / audit.HEAD).unlink()
    assert fault(tmp_path) == "finding.audit_no_head"
    with pytest.raises(AuditUnwritable):
        append(tmp_path, kind="launch", who="Đức", at_utc=START)


def test_a_broken_end_is_not_written_on_until_it_is_set_aside(tmp_path: Path) -> None:
    kept = fill(tmp_path, 3)
    whole = log(tmp_path).read_bytes()
    last = len(kept[-1].line)
    for broken in (whole[:-last], whole[:-1], whole[:-40] + b"x" + whole[-39:]):
        log(tmp_path).write_bytes(broken)
        with pytest.raises(AuditUnwritable) as refusal:
            append(tmp_path, kind="launch", who="Đức", at_utc=START)
        assert refusal.value.message.key == "error.audit_broken"
        assert log(tmp_path).read_bytes() == broken
    aside = set_aside(tmp_path, who="Trần Thị Hoa", at_utc=START)
    assert aside.read_bytes() == broken
    (first,) = verify(tmp_path).entries
    assert (first.kind, first.who, first.what.note) == ("set_aside", "Trần Thị Hoa", aside.name)
    fill(tmp_path, 1)
    assert verify(tmp_path).whole
    with pytest.raises(BadInput) as whole_one:
        set_aside(tmp_path, who="Hoa", at_utc=START)
    assert whole_one.value.message.key == "error.audit_whole"


# ---------------------------------------------------------------- lines cut short


def test_a_line_cut_at_any_byte_is_told_kept_and_sealed(memory: Path) -> None:
    """The program dies within a line, then within the line that heals it."""
    fill(memory, 2)
    lines, head = log(memory).read_bytes(), (memory / audit.HEAD).read_bytes()
    entry = append(memory, kind="launch", who="Đức", at_utc=START)
    line = log(memory).read_bytes()[len(lines) :]
    assert line == entry.line
    for size in (*range(0, len(line) - 1, 5), len(line) - 1, len(line)):
        log(memory).write_bytes(lines + line[:size])
        (memory / audit.HEAD).write_bytes(head)
        found = verify(memory)
        assert found.whole
        unfinished = 0 < size < len(line) - 1
        assert len(found.findings) == int(unfinished)
        assert len(found.entries) == (2 if size < len(line) - 1 else 3)
        append(memory, kind="launch", who="Hoa", at_utc=START)
        healed = log(memory).read_bytes()
        assert healed.startswith(lines + line[:size]), "a torn line was dropped"
        sealed_now = verify(memory)
        assert sealed_now.whole
        assert sealed_now.entries[-1].who == "Hoa"
        assert [f.key for f in sealed_now.findings] == ["finding.audit_torn"] * unfinished
        if unfinished and size % 15 == 0:
            check_second_death(memory, lines + line[:size], healed, head)


def check_second_death(folder: Path, before: bytes, healed: bytes, head: bytes) -> None:
    for end in range(len(before), len(healed), 9):
        log(folder).write_bytes(healed[:end])
        (folder / audit.HEAD).write_bytes(head)
        assert verify(folder).whole, end
        append(folder, kind="launch", who="Đông", at_utc=START)
        found = verify(folder)
        assert found.whole, end
        assert log(folder).read_bytes().startswith(healed[:end])
        assert found.entries[-1].who == "Đông"


def test_a_head_that_lags_is_caught_up(tmp_path: Path) -> None:
    """The program dies after the line and before the head: the entry stands, unacknowledged."""
    fill(tmp_path, 2)
    head = (tmp_path / audit.HEAD).read_bytes()
    third = append(tmp_path, kind="launch", who="Đức", at_utc=START)
    (tmp_path / audit.HEAD).write_bytes(head)
    assert verify(tmp_path).entries[-1] == third
    fourth = append(tmp_path, kind="launch", who="Đức", at_utc=START)
    assert fourth.previous == third.digest
    assert verify(tmp_path).whole


def test_what_stands_beyond_the_head_without_being_cut_short_is_a_break(tmp_path: Path) -> None:
    fill(tmp_path, 2)
    rows = log(tmp_path).read_bytes().splitlines(keepends=True)
    with log(tmp_path).open("ab") as file:
        file.write(rows[0])
    assert fault(tmp_path) == "finding.audit_gap"
    with pytest.raises(AuditUnwritable):
        append(tmp_path, kind="launch", who="Đức", at_utc=START)


def test_walking_from_a_place_in_the_middle_finds_the_same_end(tmp_path: Path) -> None:
    fill(tmp_path, 4)
    data = log(tmp_path).read_bytes()
    whole = walk(data, Mark(), acknowledged=len(data))
    for number, end in enumerate(whole.ends, start=1):
        start = Mark(number, whole.entries[number - 1].digest, end)
        assert walk(data[end:], start, acknowledged=len(data)).mark == whole.mark


# ---------------------------------------------------------------- many writers, sudden death


def test_many_at_once_write_one_chain(tmp_path: Path) -> None:
    threads = [threading.Thread(target=fill, args=(tmp_path, 8)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = verify(tmp_path)
    assert found.whole
    assert len(found.entries) == 48


def test_a_writer_that_holds_the_record_too_long_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "LOCK_TRIES", 3)
    monkeypatch.setattr(audit, "LOCK_WAIT_S", 0.0)
    fill(tmp_path, 1)
    with (tmp_path / audit.LOCK).open("ab") as held:
        assert lock_now(held.fileno())
        with pytest.raises(AuditUnwritable) as busy:
            append(tmp_path, kind="launch", who="Đức", at_utc=START)
    assert busy.value.message.key == "error.audit_busy"
    append(tmp_path, kind="launch", who="Đức", at_utc=START)


@pytest.fixture(scope="module")
def nursery() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.audit_child"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def kill_one(nursery: subprocess.Popen[str], folder: Path, seed: int) -> list[tuple[int, str]]:
    """Let a worker confirm a seeded number of things, kill it a moment later; return them."""
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    chance = random.Random(seed)
    wanted, later_s = chance.randint(0, 6), chance.uniform(0.0, 0.003)
    nursery.stdin.write(f"{folder} {seed}\n")
    nursery.stdin.flush()
    kept: list[tuple[int, str]] = []
    child = 0
    while not child or len(kept) < wanted:
        word, *rest = nursery.stdout.readline().split()
        assert word != "gone", "the worker died by itself"
        if word == "born":
            child = int(rest[0])
        else:
            kept.append((int(rest[0]), rest[1]))
    time.sleep(later_s)
    os.kill(child, signal.SIGKILL)
    while (line := nursery.stdout.readline().split())[0] != "gone":
        kept.append((int(line[1]), line[2]))
    return kept


def kill_many(nursery: subprocess.Popen[str], folder: Path, kills: int) -> tuple[int, int]:
    """Kill so many, ten of them on each record; return entries acknowledged and lines torn."""
    kept: list[tuple[int, str]] = []
    total = torn = 0
    for seed in range(kills):
        place = folder / f"{seed // 10}"
        if seed % 10 == 0:
            kept, seen = [], 0
            place.mkdir()
        new = kill_one(nursery, place, seed)
        kept += new
        total += len(new)
        found = verify(place)
        assert found.whole, [finding.text() for finding in found.findings]
        digests = {entry.number: entry.digest for entry in found.entries}
        assert all(digests[number] == digest for number, digest in kept)
        assert len(found.findings) >= seen, "a torn line was dropped"
        torn, seen = torn + len(found.findings) - seen, len(found.findings)
    return total, torn


def test_thirty_programs_killed_at_any_moment_lose_nothing_they_acknowledged(
    nursery: subprocess.Popen[str], memory: Path
) -> None:
    total, torn = kill_many(nursery, memory, 30)
    assert total > 80
    assert torn > 0


@pytest.mark.slow
def test_a_thousand_programs_killed_at_any_moment_lose_nothing_they_acknowledged(
    nursery: subprocess.Popen[str], memory: Path, record_property
) -> None:
    total, torn = kill_many(nursery, memory, of_full(1000))
    record_property("audit_kills", of_full(1000))
    record_property("audit_acknowledged", total)
    assert total > of_full(3000)
    assert torn > of_full(50)


# ---------------------------------------------------------------- a disk that fails


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
def test_a_disk_that_fails_at_any_flush_is_one_sentence_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    kept = fill(tmp_path, 2)
    real = os.fsync
    for good in range(4):
        count = itertools.count()

        def failing(handle: int, *, good: int = good, count: Iterator[int] = count) -> None:
            if next(count) >= good:
                raise OSError(code, os.strerror(code))
            real(handle)

        monkeypatch.setattr(os, "fsync", failing)
        told = ""
        try:
            append(tmp_path, kind="launch", who="Đức", at_utc=START)
        except AuditUnwritable as error:
            told = error.text("vi")
        monkeypatch.undo()
        assert bool(told) == (good < 3)
        assert len(told.splitlines()) == (good < 3)
        assert ("cất cánh" in told) == (good < 3)
        found = verify(tmp_path)
        assert found.whole
        assert list(found.entries[:2]) == kept
    append(tmp_path, kind="launch", who="Đức", at_utc=START)
    assert verify(tmp_path).whole


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 kB of its own."""
    mount = shutil.which("mount")
    point = tmp_path / "disk"
    point.mkdir()
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(point)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small disk here")
    yield point
    subprocess.run(["umount", "-l", str(point)], check=True)


def test_a_disk_that_fills_up_refuses_and_goes_on_when_there_is_room(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 8_192)
    kept, refused = [], []
    for _ in range(60):
        try:
            what = Confirmed(note="x" * 1500)
            kept.append(append(small_disk, kind="launch", who="Đức", at_utc=START, what=what))
        except AuditUnwritable as error:
            refused.append(error.message.key)
    assert len(kept) > 10
    assert len(refused) > 5
    assert set(refused) == {"error.audit_unwritable"}
    assert verify(small_disk).whole
    ballast.unlink()
    kept.append(append(small_disk, kind="launch", who="Đức", at_utc=START))
    found = verify(small_disk)
    assert found.whole
    digests = {entry.digest for entry in found.entries}
    assert {entry.digest for entry in kept} <= digests


def test_a_folder_that_may_not_be_written_is_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "farm"
    folder.mkdir()
    fill(folder, 1)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    script = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from datetime import UTC, datetime
from pathlib import Path
from agri.audit import AuditUnwritable, append, verify
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
folder = Path(sys.argv[1])
assert verify(folder).whole
for place in (folder, folder / "missing"):
    try:
        append(place, kind="launch", who="x", at_utc=datetime(2026, 1, 1, tzinfo=UTC))
    except AuditUnwritable as error:
        print(error.message.key)
"""
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o555)
    for parent in folder.parents[:4]:
        if parent.stat().st_uid == os.geteuid() and "pytest" in str(parent):
            parent.chmod(0o755)
    try:
        result = subprocess.run(
            [sys.executable, "-c", script, str(folder)],
            cwd="/", capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        folder.chmod(0o755)
    assert result.stdout.split() == ["error.audit_unwritable"] * 2, result.stderr
    assert before == {path: path.read_bytes() for path in folder.iterdir()}
