"""A PostgreSQL server of the tests' own: started by the first who needs it, stopped at the end.

It is the system's ``postgres`` (Debian: postgresql-15, postgresql-15-postgis-3) on a free port of
127.0.0.1, with its own folder, run as an unprivileged user, for PostgreSQL refuses root. Workers of
one test run share it: the folder is made by the run (`FOLDER`), and a lock in it lets one start it.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import pytest

FOLDER = "AGRI_TESTS_POSTGRES"
"""Environment variable that tells the workers of a run where the server's folder is."""
NEEDED_BYTES = 400_000_000
SETTINGS = {
    "listen_addresses": "127.0.0.1", "fsync": "on", "max_connections": "60",
    "shared_buffers": "32MB", "max_wal_size": "128MB", "min_wal_size": "32MB",
    "autovacuum": "off", "jit": "off", "log_min_messages": "fatal",
    "max_parallel_workers_per_gather": "0", "wal_level": "minimal", "max_wal_senders": "0",
}  # fmt: skip
USER, PASSWORD = "agri", "mật khẩu thử"


IN_A_FILE = pytest.mark.parametrize("home", ["geopackage"], indirect=True)
"""Of a test that is about the file itself, or about what only SQLite lets other programs do."""


class Missing(Exception):
    """Why there is no server."""


def programs() -> Path:
    """The folder of initdb, pg_ctl and postgres."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    if found:
        return found[-1].parent
    if path := shutil.which("initdb"):
        return Path(path).resolve().parent
    raise Missing("PostgreSQL is not installed (Debian: postgresql postgresql-15-postgis-3)")


def _version(path: Path) -> int:
    return int(path.parts[-3]) if path.parts[-3].isdigit() else 0


def _as_postgres(command: list[str]) -> list[str]:
    if os.geteuid() != 0:
        return command
    if shutil.which("setpriv") is None:
        raise Missing("PostgreSQL refuses root, and there is no setpriv to run it as postgres")
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *command]


def _run(*command: object) -> None:
    words = _as_postgres([str(word) for word in command])
    done = subprocess.run(words, cwd="/", capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"{words[-1]}: {(done.stderr or done.stdout).strip()[-300:]}")


def new_folder() -> str:
    """A folder's name for a run: in memory where there is room, for the disk is not tested."""
    memory = Path("/dev/shm")  # noqa: S108
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > NEEDED_BYTES
    return tempfile.mkdtemp(prefix=f"agri-postgres-{os.getpid()}-", dir=memory if roomy else None)


def start(folder: Path) -> dict[str, object]:
    """Start the server of a run unless another worker has; return where it is."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = folder / "told.json"
        if not told.exists():
            try:
                found: dict[str, object] = {"port": _start(folder)}
            except (Missing, OSError, LookupError) as error:
                found = {"missing": str(error)}
            told.write_text(json.dumps(found), "utf-8")
        kept: dict[str, object] = json.loads(told.read_text("utf-8"))
        return kept


def _start(folder: Path) -> int:
    binaries, data = programs(), folder / "data"
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    folder.chmod(0o755)
    secret = folder / "secret"
    secret.write_text(PASSWORD + "\n", "utf-8")
    _run(binaries / "initdb", "-D", data, "-U", USER, f"--pwfile={secret}", "-A", "scram-sha-256",
         "--no-sync", "-E", "UTF8", "--locale=C", "--no-instructions")  # fmt: skip
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    settings = SETTINGS | {"port": str(port), "unix_socket_directories": str(folder)}
    with (data / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
    (data / "pg_hba.conf").write_text(
        "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n", "utf-8"
    )
    _run(binaries / "pg_ctl", "-D", data, "-l", folder / "log", "-w", "-s", "start")
    _watch(folder)
    try:
        _prepare(folder, port)
    except BaseException:
        stop(folder)
        raise
    return port


def _watch(folder: Path) -> None:
    """Let the server end with the run, also when the run is killed."""
    stopping = _as_postgres([str(programs() / "pg_ctl"), "-D", f"{folder}/data", "-m", "immediate",
                             "-s", "stop"])  # fmt: skip
    script = (
        "while kill -0 $1 2>/dev/null; do [ -d $2/data ] || exit 0; sleep 3; done;"
        f" {' '.join(stopping)}; rm -rf $2"
    )
    run = folder.name.split("-")[2]
    command = ["sh", "-c", script, "watch", run, str(folder)]
    subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL,
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip


def _prepare(folder: Path, port: int) -> None:
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(host=str(folder), port=port, user=USER, dbname="postgres",
                         autocommit=True) as connection:  # fmt: skip
        connection.execute("CREATE DATABASE agri")
        connection.execute("CREATE DATABASE bare")
        connection.execute("CREATE DATABASE alone")
    try:
        for name in ("agri", "alone"):
            with psycopg.connect(host=str(folder), port=port, user=USER, dbname=name,
                                 autocommit=True) as connection:  # fmt: skip
                connection.execute("CREATE EXTENSION postgis")
    except psycopg.Error as error:
        raise Missing(f"PostGIS is not installed for this server: {error}") from None


def stop(folder: Path) -> None:
    """Stop the server of a run, if it was started, and take its folder away."""
    if (folder / "data" / "postmaster.pid").exists():
        with suppress(Missing):
            _run(
                programs() / "pg_ctl", "-D", folder / "data", "-m", "immediate", "-w", "-s", "stop"
            )
    shutil.rmtree(folder, ignore_errors=True)


@cache
def server() -> int:
    """The port of the run's server; the test skips, and says why, where there is none."""
    found = start(Path(os.environ[FOLDER]))
    if "missing" in found:
        pytest.skip(f"NOT TESTED ON POSTGRESQL: {found['missing']}")
    return int(str(found["port"]))


@contextmanager
def signed_in() -> Iterator[str]:
    """The address of a database, without the password, which stands in the environment."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PGPASSWORD", PASSWORD)
        yield address(password="")


def address(database: str = "agri", *, password: str = PASSWORD) -> str:
    """An address as a person writes it."""
    from urllib.parse import quote

    secret = f":{quote(password)}" if password else ""
    return f"postgresql://{USER}{secret}@127.0.0.1:{server()}/{database}"
