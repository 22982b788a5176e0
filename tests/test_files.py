"""Files are whole or not there, and never outside their folder."""

from __future__ import annotations

import errno
import os
import resource
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agri import files
from agri.errors import AgriError, BadInput, NotFound, StoreError
from agri.names import RESERVED, choose, clean, fold, near, slug
from tests.names import FARMERS, odd_names


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with links out of it, and a canary outside."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "canary").write_text("sings")
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path / "outside", target_is_directory=True)
    (root / "linkfile").symlink_to(tmp_path / "outside" / "canary")
    return root


def everything_below(folder: Path, *, but: Path) -> dict[str, bytes | None]:
    return {
        str(path): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
        if but not in (path, *path.parents)
    }


def test_two_thousand_odd_names_write_nothing_outside_the_root(root: Path) -> None:
    before = everything_below(root.parent, but=root)
    refusals: list[AgriError] = []
    written = 0
    for name in odd_names(2000):
        try:
            path = files.inside(root, name)
            files.make_folder(path.parent)
            files.write_text(path, "x")
            written += path.resolve().is_relative_to(root.resolve())
        except AgriError as refusal:  # a file may also stand where a folder should
            refusals.append(refusal)
    assert everything_below(root.parent, but=root) == before
    assert written > 50
    assert written + len(refusals) == 2000
    assert all(refusal.text("vi").isprintable() for refusal in refusals)


def test_two_thousand_odd_labels_become_plain_file_names() -> None:
    for name in odd_names(2000):
        stem = slug(name)
        assert 1 <= len(stem) <= 50
        assert set(stem) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
        assert stem not in RESERVED
        assert slug(stem) == stem


def test_vietnamese_labels_stay_readable_as_file_names() -> None:
    assert [slug(name) for name in FARMERS] == [
        "ruong-dong",
        "vuon-vai-thieu-binh-khe",
        "bo-kenh-so-2",
        "dam-ruoi-yen-duc",
        "na-dai",
    ]


@pytest.mark.parametrize(
    "name", ["../x", "/x", "a/../x", "link/x", "linkfile", "NUL", "nul.txt", "a\x00", "x.", "",
             "\u202ex", "C:x", "a\\b", "x" * 201, "a/" * 9 + "b"],
)  # fmt: skip
def test_what_could_leave_the_root_or_mean_a_device_is_refused(root: Path, name: str) -> None:
    with pytest.raises(BadInput) as refusal:
        files.inside(root, name)
    assert refusal.value.message.key == "error.file_name"


@pytest.mark.parametrize("name", ["a.json", "Ruộng Đồng.json", "a/b/c", ".hidden", "x" * 200])
def test_ordinary_names_are_accepted(root: Path, name: str) -> None:
    assert files.inside(root, name) == root / name


def test_a_name_is_found_as_written_then_without_case_then_without_diacritics() -> None:
    names = ["Ruộng Đông", "Ruộng Đồng", "ruộng đồng 2"]
    assert choose("Ruộng Đồng", names) == [1]
    assert choose("RUỘNG ĐỒNG", names) == [1]
    assert choose("ruong dong", names) == [0, 1]
    assert choose("ruong  dong 2", names) == [2]
    assert choose("vườn", names) == []
    assert near("ruong don", names)[0] in names
    decomposed = "Ruo\u0323\u0302ng \u0110o\u0302\u0300ng"
    assert clean(decomposed) == "Ruộng Đồng"
    assert fold(decomposed) == "ruong dong"


def test_a_file_is_flushed_before_it_takes_its_name_and_its_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    def noting(name: str) -> None:
        real = getattr(os, name)

        def wrapped(*args: Any) -> Any:
            folder = name == "fsync" and stat.S_ISDIR(os.fstat(args[0]).st_mode)
            order.append(f"{name} folder" if folder else name)
            return real(*args)

        monkeypatch.setattr(os, name, wrapped)

    noting("fsync")
    noting("replace")
    files.write_text(tmp_path / "a", "x")
    assert order == ["fsync", "replace", "fsync folder"]


def failing_calls(monkeypatch: pytest.MonkeyPatch, at: int, code: int) -> Callable[[], int]:
    """Let the `at`-th system call of a write fail with `code`; return their count so far."""
    made = 0

    def fail_when_due(real: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            nonlocal made
            made += 1
            if made == at:
                raise OSError(code, os.strerror(code))
            return real(*args, **kwargs)

        return wrapped

    for name in ("open", "fdopen", "fsync", "replace"):
        monkeypatch.setattr(os, name, fail_when_due(getattr(os, name)))
    return lambda: made


@pytest.mark.parametrize(
    ("code", "key"),
    [
        (errno.ENOSPC, "error.disk_full"),
        (errno.EDQUOT, "error.disk_full"),
        (errno.EROFS, "error.not_permitted"),
        (errno.EACCES, "error.not_permitted"),
        (errno.EIO, "error.disk"),
    ],
)
def test_whatever_call_of_a_write_fails_the_old_file_is_there_or_the_new_one(
    tmp_path: Path, code: int, key: str
) -> None:
    path = tmp_path / "a.txt"
    total = 0
    errors: list[StoreError] = []
    for at in range(1, 20):
        path.write_text("old")
        with pytest.MonkeyPatch.context() as patch:
            made = failing_calls(patch, at, code)
            try:
                files.write_text(path, "new")
                total = made()
                break
            except StoreError as error:
                errors.append(error)
        assert path.read_text() in ("old", "new")
        assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]
    assert total == len(errors) >= 5, "each call of the write failed once"
    assert {error.message.key for error in errors} == {key}
    assert all(str(path) in error.text("vi") for error in errors)


@contextmanager
def small_files() -> Iterator[None]:
    """No file of this process may grow over 4 kB, as on a full disk.

    Only for the one call under test: the limit would hold for the test runner's own output too.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_takes_only_part_of_a_file_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    files.write_text(path, "old")
    with pytest.raises(StoreError) as error, small_files():
        files.write_text(path, "x" * 100_000)
    assert error.value.message.key == "error.disk_full"
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_publishing_never_takes_the_place_of_another_file(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("mine")
    (tmp_path / "a").write_text("theirs")
    with pytest.raises(BadInput):
        files.publish(tmp_path / "t", tmp_path / "a")
    assert (tmp_path / "a").read_text() == "theirs"
    files.publish(tmp_path / "t", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "mine"
    assert not (tmp_path / "t").exists()


def test_publishing_works_where_the_disk_knows_no_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*args: Any) -> None:
        raise OSError(errno.EPERM, "links not supported")

    monkeypatch.setattr(os, "link", no_links)
    (tmp_path / "t").write_text("mine")
    files.publish(tmp_path / "t", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "mine"
    (tmp_path / "t").write_text("again")
    with pytest.raises(AgriError):
        files.publish(tmp_path / "t", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "mine"


def test_reading_is_limited_and_says_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    expected: list[tuple[bytes, type[AgriError], str]] = [
        (b"x" * 101, BadInput, "error.file_too_large"),
        (b"\xff\xfe\x00", BadInput, "error.not_utf8"),
        (b"{", BadInput, "error.not_json"),
        (b"[" * 100, BadInput, "error.not_json"),
    ]
    for data, kind, key in expected:
        path.write_bytes(data)
        with pytest.raises(kind) as error:
            files.read_json_limited(path, limit_bytes=100)
        assert error.value.message.key == key
    path.write_bytes(b"[" * 1_000_000)
    with pytest.raises(BadInput):
        files.read_json_limited(path)
    with pytest.raises(NotFound):
        files.read_text_limited(tmp_path / "none")
    with pytest.raises(BadInput):
        files.read_text_limited(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInput):
        files.read_text_limited(tmp_path / "pipe")
    path.write_bytes(b'\xef\xbb\xbf"\xc4\x90"')
    assert files.read_json_limited(path) == "Đ"


def test_json_is_written_the_same_way_each_time(tmp_path: Path) -> None:
    files.write_json(tmp_path / "a", {"b": 1, "a": "Đông Triều"})
    assert (tmp_path / "a").read_bytes() == '{\n  "a": "Đông Triều",\n  "b": 1\n}\n'.encode()


def test_text_that_is_no_text_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        files.write_text(tmp_path / "a", "\ud800")
    assert not list(tmp_path.iterdir())


def test_a_copy_is_whole_or_not_there(tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(b"x" * 1000)
    files.copy_file(tmp_path / "small", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"x" * 1000
    with pytest.raises(StoreError), small_files():
        files.copy_file(Path("/dev/zero"), tmp_path / "endless")
    with pytest.raises(StoreError):
        files.copy_file(tmp_path / "absent", tmp_path / "endless")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["copy", "small"]
