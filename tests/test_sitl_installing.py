"""ArduPilot's simulator is installed whole and verified, or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agri.cli import main
from agri.errors import AgriError, BadInput, LinkError, NotFound, Refused, StoreError
from agri.geo import LonLat
from sitl import download, installing
from sitl.ardupilot import VARIABLE, ArduPilot, find_arducopter
from sitl.installing import InstalledProgram, install, installed
from sitl.program_file import Title, read_title
from tests import build_server, elf_files
from tests.build_server import GIT, PROGRAM, VERSION, Server, serving

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
HERE = Path(__file__).resolve().parents[1]
starts_here = pytest.mark.skipif(
    installing.this_machine() != installing.MACHINE, reason="runs a program for x86-64 Linux"
)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own folder, with no other program named or on the path."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    return installing.program_folder(os.environ)


def put(server: Server, folder: Path, **options: Any) -> InstalledProgram:
    values: dict[str, Any] = {"now": NOW, "machine": installing.MACHINE}
    return install(folder, open_url=server.open_url, **(values | options))


def nothing_in(folder: Path) -> bool:
    """Whether neither the folder nor any above it was left behind."""
    return not folder.exists() and not folder.parent.exists()


@starts_here
def test_the_program_is_kept_listed_and_found(server: Server, folder: Path) -> None:
    with pytest.raises(NotFound):
        find_arducopter()
    seen: list[tuple[float, float]] = []
    program = put(server, folder, on_progress=lambda done, total: seen.append((done, total)))
    data = elf_files.program()
    assert program.path.read_bytes() == data
    assert program.sha256 == hashlib.sha256(data).hexdigest()
    assert (program.version, program.commit) == ("4.6.3 official", elf_files.COMMIT)
    assert not program.held_to_sha256
    assert seen[-1] == (len(data), len(data))
    assert stat.S_IMODE(program.path.stat().st_mode) == 0o700
    assert find_arducopter() == installed(folder) == program.path
    assert sorted(path.name for path in folder.iterdir()) == [
        program.path.name, installing.RECORD,
    ]  # fmt: skip
    record = json.loads((folder / installing.RECORD).read_text("utf-8"))
    assert record["sha256"] == program.sha256
    assert record["url"] == program.url == f"{installing.SERVER}{PROGRAM}"
    assert server.asked == [VERSION, GIT, PROGRAM]


@starts_here
def test_the_variable_and_the_path_come_before_what_was_installed(
    server: Server, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = put(server, folder)
    others = [tmp_path / name / "arducopter" for name in ("on_path", "named")]
    for other in others:
        other.parent.mkdir()
        other.write_bytes(elf_files.program())
        other.chmod(0o755)
    assert find_arducopter() == program.path
    monkeypatch.setenv("PATH", str(others[0].parent))
    assert find_arducopter() == others[0]
    monkeypatch.setenv(VARIABLE, str(others[1]))
    assert find_arducopter() == others[1]
    monkeypatch.setenv(VARIABLE, str(tmp_path / "gone"))
    with pytest.raises(NotFound) as told:
        find_arducopter()
    assert "agri sitl install" in told.value.text("en")


@starts_here
def test_a_digest_known_beforehand_is_held_to(server: Server, folder: Path) -> None:
    digest = hashlib.sha256(elf_files.program()).hexdigest()
    with pytest.raises(Refused) as told:
        put(server, folder, sha256="0" * 64)
    assert told.value.message.key == "error.sitl_other_digest"
    assert digest in told.value.text("vi")
    assert nothing_in(folder)
    assert put(server, folder, sha256=f" {digest.upper()}\n").held_to_sha256


def with_bytes(**options: Any) -> Any:
    def change(server: Server) -> None:
        server.has[PROGRAM] = elf_files.program(**options)

    return change


def cut(server: Server) -> None:
    server.breaks_after[PROGRAM] = 200


def cut_unnoticed(server: Server) -> None:
    server.breaks_after[PROGRAM] = 200
    server.says_bytes[PROGRAM] = None


def says_too_much(server: Server) -> None:
    server.says_bytes[PROGRAM] = installing.MOST_BYTES + 1


def sends_too_much(server: Server) -> None:
    server.has[PROGRAM] = elf_files.program(padding=installing.MOST_BYTES)
    server.says_bytes[PROGRAM] = None


def page(path: str, text: bytes) -> Any:
    def change(server: Server) -> None:
        server.has[path] = text

    return change


def without(path: str) -> Any:
    def change(server: Server) -> None:
        del server.has[path]

    return change


@pytest.mark.parametrize(
    ("change", "kind", "key"),
    [
        (cut, LinkError, "sitl_cut_off"),
        (cut_unnoticed, Refused, "sitl_not_whole"),
        (says_too_much, Refused, "sitl_too_large"),
        (sends_too_much, Refused, "sitl_too_large"),
        (page(VERSION, b"x" * 30_000), Refused, "sitl_too_large"),
        (page(PROGRAM, b"<html>sign in</html>"), Refused, "sitl_not_a_program"),
        (page(PROGRAM, b""), Refused, "sitl_not_a_program"),
        (with_bytes(machine=183), Refused, "sitl_other_machine"),
        (with_bytes(title=b"ArduPlane V4.6.3 (3fc7011a)"), Refused, "sitl_not_copter"),
        (with_bytes(title=b"ArduCopter V4.6.3 (deadbeef)"), Refused, "sitl_other_commit"),
        (page(VERSION, b"<html>sign in</html>"), LinkError, "sitl_strange_answer"),
        (page(GIT, b"no commit"), LinkError, "sitl_strange_answer"),
        (without(VERSION), NotFound, "sitl_no_such_build"),
        (without(PROGRAM), NotFound, "sitl_no_such_build"),
    ],
)
def test_what_is_not_the_program_is_refused_and_nothing_is_left(
    server: Server, folder: Path, change: Any, kind: type[AgriError], key: str
) -> None:
    change(server)
    with pytest.raises(kind) as told:
        put(server, folder)
    assert told.value.message.key == f"error.{key}"
    assert told.value.text("vi") != told.value.text("en")
    assert nothing_in(folder)
    with pytest.raises(NotFound):
        find_arducopter()


@starts_here
@pytest.mark.parametrize("options", [{"code": 3}, {"says": b"something else"}])
def test_a_program_that_does_not_start_is_refused(
    server: Server, folder: Path, options: dict[str, Any]
) -> None:
    server.has[PROGRAM] = elf_files.program(**options)
    with pytest.raises(Refused) as told:
        put(server, folder)
    assert told.value.message.key == "error.sitl_does_not_start"
    assert nothing_in(folder)


@starts_here
def test_a_failure_leaves_the_former_program(server: Server, folder: Path) -> None:
    former = put(server, folder)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    for trouble in (cut, with_bytes(code=1), with_bytes(machine=3), without(GIT)):
        trouble(server)
        with pytest.raises(AgriError):
            put(server, folder)
        assert {path: path.read_bytes() for path in folder.iterdir()} == before
        server.has |= build_server.good(elf_files.program())
        server.breaks_after.clear()
    assert find_arducopter() == former.path


@starts_here
def test_a_newer_program_takes_the_place_of_the_former(server: Server, folder: Path) -> None:
    former = put(server, folder)
    (folder / f".{former.path.name}.1-aa.tmp").write_bytes(b"left by one who was killed")
    (folder / "notes.txt").write_text("the user's own", "utf-8")
    server.has[PROGRAM] = elf_files.program(padding=5)
    newer = put(server, folder)
    assert newer.path != former.path
    assert find_arducopter() == newer.path
    assert sorted(path.name for path in folder.iterdir()) == [
        newer.path.name, installing.RECORD, "notes.txt",
    ]  # fmt: skip


@starts_here
def test_a_full_disk_leaves_nothing(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError):
        put(server, folder)
    monkeypatch.undo()
    assert installed(folder) is None


def test_without_a_network_one_sentence_and_nothing_left(folder: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(LinkError) as told:
        install(folder, now=NOW, machine=installing.MACHINE,
                open_url=build_server.opened_at(nobody))  # fmt: skip
    assert told.value.message.key == "error.sitl_offline"
    assert "firmware.ardupilot.org" in told.value.text("vi")
    assert nothing_in(folder)


@pytest.mark.parametrize("machine", [("darwin", "arm64"), ("win32", "amd64"), ("linux", "aarch64")])
def test_for_other_machines_one_sentence_and_no_question_to_the_server(
    server: Server, folder: Path, machine: tuple[str, str]
) -> None:
    with pytest.raises(Refused) as told:
        put(server, folder, machine=machine)
    assert told.value.message.key == "error.sitl_platform"
    assert machine[1] in told.value.text("vi")
    assert (server.asked, nothing_in(folder)) == ([], True)


@pytest.mark.parametrize(
    "words",
    [{"release": "../../x"}, {"release": "stable-4"}, {"release": ""}, {"sha256": "abc"},
     {"sha256": "g" * 64}],
)  # fmt: skip
def test_words_that_cannot_be_used_are_refused_before_anything(
    server: Server, folder: Path, words: dict[str, str]
) -> None:
    with pytest.raises(BadInput):
        put(server, folder, **words)
    assert server.asked == []


def test_a_numbered_release_is_asked_for_by_its_number(server: Server, folder: Path) -> None:
    with pytest.raises(NotFound) as told:
        put(server, folder, release="stable-4.5.7")
    assert server.asked == [VERSION.replace("stable", "stable-4.5.7")]
    assert "--release" in told.value.text("en")


def test_a_download_that_never_ends_is_given_up(server: Server) -> None:
    clock = iter([0.0, 1.0, download.WHOLE_S + 1.0])
    server.has[PROGRAM] = bytes(1_000_000)
    with pytest.raises(LinkError) as told:
        download.download(f"{installing.SERVER}{PROGRAM}", limit_bytes=2_000_000,
                          open_url=server.open_url, clock=lambda: next(clock))  # fmt: skip
    assert told.value.message.key == "error.sitl_slow"


# ---------------------------------------------------------------- killed at work


@starts_here
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_one_killed_while_fetching_leaves_nothing_listed(
    server: Server, folder: Path, how: signal.Signals
) -> None:
    server.waits_after[PROGRAM] = 100
    server.has[PROGRAM] = elf_files.program(padding=200_000)
    environment = os.environ | {"PYTHONPATH": str(HERE)}
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.build_server", "install", server.url],
        cwd=HERE, env=environment, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert server.waiting.wait(60.0)
    child.send_signal(how)
    assert child.wait(60.0) != 0
    assert nothing_in(folder)
    assert installed(folder) is None
    server.waits_after.clear()
    assert put(server, folder).path == installed(folder)


@starts_here
def test_one_killed_before_it_is_listed_leaves_the_former_program(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = put(server, folder)
    server.has[PROGRAM] = elf_files.program(padding=9)

    class KilledError(BaseException):
        pass

    def killed(*_: object) -> None:
        raise KilledError

    for place, step in ((Path, "chmod"), (Path, "replace"), (installing.files, "write_json")):
        with monkeypatch.context() as patched:
            patched.setattr(place, step, killed)
            with pytest.raises(KilledError):
                put(server, folder)
        assert installed(folder) == former.path
    assert put(server, folder).path == installed(folder)


@pytest.mark.parametrize(
    "record",
    [b"", b"[]", b"{}", b'{"file": "../x"}', b'{"file": 3}', b'{"file": "arducopter-0"}', b"\xff"],
)
def test_a_spoiled_list_is_no_program(folder: Path, record: bytes) -> None:
    folder.mkdir(parents=True)
    (folder.parent / "x").write_bytes(elf_files.program())
    (folder / installing.RECORD).write_bytes(record)
    assert installed(folder) is None


# ---------------------------------------------------------------- https only


@pytest.mark.parametrize(
    "url", ["http://firmware.ardupilot.org/x", "file:///etc/hostname", "ftp://x"]
)
def test_nothing_is_fetched_but_over_https(url: str) -> None:
    with pytest.raises(Refused) as told:
        download.open_https(url)
    assert told.value.message.key == "error.sitl_not_https"


def made_certificate(folder: Path) -> tuple[Path, Path]:
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    made = subprocess.run(
        ["/usr/bin/env", "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", str(key), "-out", str(certificate)],
        capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode != 0:
        pytest.skip("needs openssl to make a certificate")
    return key, certificate


def test_a_server_is_believed_by_its_certificate_and_redirects_only_to_https(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = made_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"https://127.0.0.1:{listening.getsockname()[1]}"
        places = iter([f"{url}/again", server.url + PROGRAM])

        def answer() -> None:
            while True:
                try:
                    raw, _ = listening.accept()
                    with context.wrap_socket(raw, server_side=True) as link:
                        asked = link.recv(4096)
                        if b"GET /again" in asked:
                            link.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nhere")
                        else:
                            place = next(places).encode()
                            link.sendall(b"HTTP/1.0 302 x\r\nLocation: " + place + b"\r\n\r\n")
                except ssl.SSLError:
                    continue
                except OSError:
                    return

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(LinkError) as told:
            download.download(url, limit_bytes=100, open_url=download.open_https)
        assert "CERTIFICATE_VERIFY_FAILED" in told.value.text("en")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        got = download.download(url, limit_bytes=100, open_url=download.open_https)
        assert got == b"here"
        with pytest.raises(Refused) as refused:
            download.download(url, limit_bytes=100, open_url=download.open_https)
        assert refused.value.message.key == "error.sitl_not_https"
    assert server.asked == []


# ---------------------------------------------------------------- the file itself


def test_a_file_is_judged_whole_only_to_its_last_byte() -> None:
    data = elf_files.program()
    assert read_title(data) == Title("4.6.3", "3fc7011a")
    for length in range(len(data)):
        with pytest.raises(Refused):
            read_title(data[:length])


# ---------------------------------------------------------------- the command


@starts_here
def test_the_command_says_what_it_did_and_what_was_verified(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(download, "open_https", server.open_url)
    assert main(["--lang", "en", "sitl", "install"]) == 0
    said = capsys.readouterr()
    digest = hashlib.sha256(elf_files.program()).hexdigest()
    assert digest in said.out
    assert "4.6.3 official" in said.out
    assert "publishes no checksum" in said.out
    assert said.err == ""
    assert main(["sitl", "install", "--sha256", digest]) == 0
    assert "publishes no checksum" not in capsys.readouterr().out
    monkeypatch.setenv(VARIABLE, sys.executable)
    assert main(["--lang", "en", "sitl", "install"]) == 0
    assert VARIABLE in capsys.readouterr().out
    assert main(["sitl", "install", "--sha256", "0" * 64]) == 1
    assert main(["sitl", "install", "--release", "newest"]) == 2
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    assert len(said.err.strip().splitlines()) == 2


def test_the_command_says_in_one_sentence_that_there_is_no_network(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(installing, "this_machine", lambda: installing.MACHINE)
    monkeypatch.setattr(download, "open_https", build_server.opened_at("http://127.0.0.1:9"))
    assert main(["--lang", "vi", "sitl", "install"]) == 1
    said = capsys.readouterr()
    assert len(said.err.strip().splitlines()) == 1
    assert "internet" in said.err
    assert nothing_in(folder)


@pytest.mark.ardupilot
def test_a_real_program_is_installed_and_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        real = find_arducopter().read_bytes()
        title = read_title(real)
    except AgriError as missing:
        pytest.skip(str(missing))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with serving(real) as server:
        server.has[GIT] = f"commit {title.commit.ljust(40, '0')}\n".encode()
        program = put(server, installing.program_folder(os.environ))
    assert find_arducopter() == program.path
    with ArduPilot(LonLat(lon_deg=106.51, lat_deg=21.08)) as copter:
        assert copter.url.startswith("tcp:127.0.0.1:")
