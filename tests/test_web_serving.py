"""The server is opened to whom it was asked to be, in clear sentences, and stops without harm."""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from agri.cli import main
from agri.errors import BadInput, Refused
from agri.people import Person, Role
from agri.web.certificate import certificate_for
from agri.web.passwords import KEY_LETTERS, setup_key
from agri.web.serving import Listening, serve, taken_port
from agri.workspace import Workspace
from tests import farms
from tests.web_farm import small_farm


@pytest.fixture
def farm(tmp_path: Path) -> Workspace:
    return small_farm(tmp_path / "farm")


def test_without_being_asked_it_listens_on_this_computer_alone() -> None:
    assert Listening().address == "127.0.0.1"
    assert not Listening().open_to_others
    assert Listening(lan=True).open_to_others
    assert Listening(lan=True).encrypted
    assert Listening(host="192.168.1.5").open_to_others


def test_a_taken_port_and_a_strange_address_are_one_sentence(
    farm: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Refused) as refusal:
            taken_port(Listening(port=port))
        assert refusal.value.message.key == "error.port_taken"
        code = main(["--lang", "en", "serve", "--port", str(port), "--farm", str(farm.folder)])
        assert code == 1
    assert capsys.readouterr().err == (
        f"Port {port} is taken by another program; stop it, or choose another port: "
        f"agri serve --port {port + 1}\n"
    )
    with pytest.raises(BadInput) as strange:
        taken_port(Listening(host="192.0.2.7", port=port))
    assert strange.value.message.key == "error.no_such_address"


def test_nobody_else_may_connect_by_an_address_before_there_is_an_owner(farm: Workspace) -> None:
    asked = Listening(host="192.0.2.7")
    with pytest.raises(Refused) as refusal:
        serve([farm], asked, language="vi", now=farms.ticking(), on_open=lambda _: None)
    assert refusal.value.message.key == "error.owner_first"


@pytest.mark.parametrize("module", ["fastapi", "argon2", "uvicorn"])
def test_a_missing_extra_is_one_sentence(
    farm: Workspace, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(BadInput, match=r"agri-dongtrieu\[web\]"):
        serve([farm], Listening(), language="vi", now=farms.ticking(), on_open=lambda _: None)


def test_a_certificate_is_for_the_names_asked_kept_private_and_made_anew_when_it_must(
    tmp_path: Path,
) -> None:
    folder, names = tmp_path / "certificate", frozenset({"127.0.0.1", "farm.local", "[::1]"})
    made = certificate_for(folder, names, now=farms.START)
    if os.name == "posix":
        assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    assert certificate_for(folder, names - {"[::1]"}, now=farms.START) == made
    later = farms.START + timedelta(days=340)
    assert certificate_for(folder, names, now=later).fingerprint != made.fingerprint
    wider = certificate_for(folder, names | {"192.168.1.5"}, now=later)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(wider.certificate, wider.key)
    made.key.write_bytes(b"spoilt")
    assert certificate_for(folder, names, now=later).certificate.exists()


def test_setup_keys_differ_and_have_no_letters_that_are_mistaken_for_others() -> None:
    keys = {setup_key() for _ in range(200)}
    assert len(keys) == 200
    assert set("".join(keys)) <= set(KEY_LETTERS + "-")
    assert not set(KEY_LETTERS) & set("il1o0")


@contextmanager
def ended(program: subprocess.Popen[str]) -> Iterator[None]:
    """Leave no program behind when a test fails: who waits for it would wait for ever."""
    try:
        yield
    finally:
        program.kill()


def test_it_answers_over_tls_and_ctrl_c_stops_it_without_harm(
    farm: Workspace, tmp_path: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = "import sys; from agri.cli import main; sys.exit(main(sys.argv[1:]))"
    words = ["--lang", "en", "serve", "--lan", "--port", str(port), "--farm", str(farm.folder)]
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config")}
    with subprocess.Popen(
        [sys.executable, "-u", "-c", code, *words], stdout=subprocess.PIPE, text=True,
        stderr=subprocess.PIPE, env=environment,
    ) as program, ended(program):  # fmt: skip
        assert program.stdout is not None
        told = []
        for line in program.stdout:
            told.append(line)
            if "Ctrl-C" in line:
                break
        assert f"https://127.0.0.1:{port}/setup?key=" in "".join(told), program.stderr
        assert "SHA-256 fingerprint" in "".join(told)
        trust = ssl.create_default_context(
            cafile=str(tmp_path / "config" / "agri" / "certificate" / "certificate.pem")
        )
        browser = urllib.request.build_opener(urllib.request.HTTPSHandler(context=trust))
        browser.addheaders = [("accept", "text/html")]
        with browser.open(f"https://127.0.0.1:{port}/setup", timeout=30) as answer:
            assert "__Host-agri-" in answer.headers["set-cookie"]
            assert "Secure" in answer.headers["set-cookie"]
            assert "server" not in answer.headers
        with pytest.raises((urllib.error.URLError, OSError)):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/setup", timeout=30)
        program.send_signal(signal.SIGINT)
        last, complaint = program.communicate(timeout=30)
    assert program.returncode == 0
    assert complaint == ""
    assert last.endswith("is closed.\n")
    assert farm.check() == []


@pytest.mark.parametrize("told", ["SIGTERM", pytest.param("SIGHUP", marks=pytest.mark.slow)])
def test_told_to_end_it_calls_the_aircraft_home_as_for_ctrl_c(farm: Workspace, told: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = (
        "import sys; from agri.cli import main; from agri.operations.apron import Apron; "
        "Apron.call_home = lambda apron: print('called home', flush=True); "
        "sys.exit(main(sys.argv[1:]))"
    )
    words = ["--lang", "en", "serve", "--port", str(port), "--farm", str(farm.folder)]
    with subprocess.Popen(
        [sys.executable, "-u", "-c", code, *words], stdout=subprocess.PIPE, text=True,
        stderr=subprocess.STDOUT,
    ) as program, ended(program):  # fmt: skip
        assert program.stdout is not None
        for line in program.stdout:
            if "Ctrl-C" in line:
                break
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/static/app.css", timeout=30):
            program.send_signal(getattr(signal, told))
        last, _ = program.communicate(timeout=30)
    assert "called home" in last
    assert last.endswith("is closed.\n")
    assert program.returncode == 0


POOLS = """
import ctypes, sys, threading
from agri.web.serving import few_pools
if sys.argv[2] == "few":
    few_pools()
together = threading.Barrier(8)
def work():
    kept = [bytearray(20_000) for _ in range(100)]
    together.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
for one in threads: one.start()
for one in threads: one.join()
library = ctypes.CDLL(None)
library.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(library.fopen(sys.argv[1].encode(), b"w"))
library.malloc_info(0, file)
library.fclose(file)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="pools of freed memory are glibc's")
def test_freed_memory_is_kept_in_few_pools_however_many_threads_there_were(tmp_path: Path) -> None:
    pools = {}
    for asked in ("few", "usual"):
        told = tmp_path / asked
        subprocess.run([sys.executable, "-c", POOLS, str(told), asked], check=True)
        pools[asked] = told.read_text("utf-8").count("<heap nr=")
    assert pools["few"] <= 2 < pools["usual"]


def test_who_names_the_folder_of_several_farms_is_told_how_to_serve_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for key in ("binh-khe", "an-sinh"):
        Workspace.create(tmp_path / key, farm_name=key).close()
    (tmp_path / "ghi-chu").mkdir()
    assert main(["--lang", "en", "serve", "--farm", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "an-sinh, binh-khe." in told
    assert "--database" in told
    assert main(["--lang", "en", "serve", "--farm", str(tmp_path / "ghi-chu")]) == 2
    assert "agri init" in capsys.readouterr().err


def test_of_several_farms_the_one_that_nobody_uses_is_named_with_the_way_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The address with the key would lead to the list of farms, which forgets the key."""
    used, new = small_farm(tmp_path / "a"), Workspace.create(tmp_path / "b", farm_name="Trại An")
    used.people.add_first(
        Person(name="An", role=Role.OWNER, password_hash="x", created_utc=farms.START)
    )
    monkeypatch.setattr("agri.operations.farm.open_all", lambda *_: ((used, new), ()))
    monkeypatch.setattr("uvicorn.Server.run", lambda *_, **__: None)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = str(other.getsockname()[1])
    assert main(["--lang", "en", "serve", "--database", "postgresql://x", "--port", port]) == 0
    told = capsys.readouterr().out
    found = re.search(
        r"Nobody uses Trại An yet\. Open (\S+) on this computer .* key is (\S+)", told
    )
    assert found is not None, told
    assert found[1] == f"http://127.0.0.1:{port}/"
    assert set(found[2]) <= {*KEY_LETTERS, "-"}
    assert "/setup?key=" not in told
