"""ArduPilot's own ArduCopter for its simulator, fetched from the ArduPilot project and kept.

Where it comes from. ArduPilot's build server lays its builds out as
``Copter/RELEASE/BOARD/FILE`` under https://firmware.ardupilot.org, RELEASE being ``stable``,
``beta``, ``latest`` or ``stable-4.6.3`` (https://ardupilot.org/dev/docs/pre-built-binaries.html;
ArduPilot's ``Tools/scripts/build_binaries.py`` and ``gen_stable.py``). The simulator's board is
``SITL_x86_64_linux_gnu`` (``Tools/scripts/board_list.py``), statically linked for any x86-64 Linux;
the file is ``arducopter``, about 7 MB (stable-4.6.3: 7,023,152 bytes). The same scripts built
``SITL_arm_linux_gnueabihf`` at times; listings of Copter/stable have no such folder. Beside the
program lie ``firmware-version.txt`` (``4.6.3-FIRMWARE_VERSION_TYPE_OFFICIAL``) and
``git-version.txt`` (``commit`` and 40 digits). The parameter file ``copter.parm`` is not there but
in ArduPilot's repository; it is not needed, `sitl.ardupilot` writes its own.

What is verified. **The server publishes no checksum**: neither a file of its own nor an entry of
its ``manifest.json.gz`` (``Tools/scripts/generate_manifest.py`` lists commit and address). So what
is known of a program is that this server sent it (https, its certificate verified), that it is
whole and for this machine, that the commit it names itself is the one the server tells, and that
it starts. Who knows its SHA-256 gives it, and any other file is refused; the SHA-256 is shown and
kept in either case, so that a second machine can be held to the first.

How it is kept. In the user's own data (``~/.local/share/agri/sitl``, XDG_DATA_HOME), never in a
farm or in agri itself. All of it is judged in memory before anything is written. The program then
lies under a name with its digest, may be executed only after all else was verified, and is listed
by ``arducopter.json``, written last: what is not listed is not found (`installed`), so one killed
at any moment leaves the former program or none. What is not listed is thrown away by the next
installation; two at once are not kept apart, and the worst of that is to be asked to try again.
"""

from __future__ import annotations

import hashlib
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agri import files
from agri.errors import AgriError, BadInput, LinkError, Refused
from sitl.download import OpenUrl, Progress, download, open_https
from sitl.program_file import Title, read_title

SERVER = "https://firmware.ardupilot.org"
BOARD = "SITL_x86_64_linux_gnu"
PROGRAM, RECORD = "arducopter", "arducopter.json"
MOST_BYTES, TEXT_BYTES = 64_000_000, 20_000
STABLE = "stable"
START_S = 20.0
MACHINE = ("linux", "x86_64")
"""The one kind of machine there is a program for."""
_RELEASES = re.compile(r"stable|beta|latest|stable-\d{1,3}\.\d{1,3}\.\d{1,3}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_VERSION = re.compile(r"(\d+\.\d+\.\d+)-(?:FIRMWARE_VERSION_TYPE_)?([A-Z]+)\s*")
_COMMIT = re.compile(r"^commit ([0-9a-f]{40})\b", re.MULTILINE)
_NAME = re.compile(rf"{PROGRAM}-[0-9a-f]{{16}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledProgram:
    """The program as it was installed.

    Parameters
    ----------
    path : Path
        Where it is.
    url : str
        Where it came from.
    version : str
        As the server and the program tell it.
    commit : str
        What it was made from, 40 hexadecimal digits, by the server.
    sha256 : str
        Of the file.
    held_to_sha256 : bool
        Whether that was known beforehand.
    """

    path: Path
    url: str
    version: str
    commit: str
    sha256: str
    held_to_sha256: bool


def program_folder(environment: Mapping[str, str]) -> Path:
    """Return where this user's program is kept.

    Examples
    --------
    >>> program_folder({"XDG_DATA_HOME": "/home/an/.local/share"}).as_posix()
    '/home/an/.local/share/agri/sitl'
    """
    above = environment.get("XDG_DATA_HOME")
    return (Path(above) if above else Path.home() / ".local" / "share") / "agri" / "sitl"


def installed(folder: Path) -> Path | None:
    """Return the program that was installed, None when there is none."""
    with suppress(AgriError, OSError):
        record = files.read_json_limited(folder / RECORD, limit_bytes=TEXT_BYTES)
        name = record.get("file") if isinstance(record, dict) else None
        if isinstance(name, str) and _NAME.fullmatch(name) and (folder / name).is_file():
            return folder / name
    return None


def this_machine() -> tuple[str, str]:
    """Return system and processor."""
    return sys.platform, platform.machine().lower()


def install(
    folder: Path,
    *,
    release: str = STABLE,
    sha256: str = "",
    now: datetime,
    machine: tuple[str, str] | None = None,
    open_url: OpenUrl = open_https,
    on_progress: Progress | None = None,
) -> InstalledProgram:
    """Fetch the program, verify it, and list it as this user's.

    Parameters
    ----------
    folder : Path
        Where it is kept, `program_folder`.
    release : str
        ``stable``, ``beta``, ``latest`` or one by number, ``stable-4.6.3``.
    sha256 : str
        What it must be, 64 hexadecimal digits; "" when not known.
    now : datetime
        Wall clock, UTC.
    machine : (str, str), optional
        System and processor; by default this machine's.
    open_url : callable
        Opens a page.
    on_progress : callable, optional
        Given bytes so far, and of all.

    Raises
    ------
    BadInput, NotFound
        When release or digest are not written as such; when the server has no such release.
    Refused
        When there is none for this machine, or what came is not the program, or not the one named.
    LinkError
        When the server cannot be reached or the answer breaks off.
    StoreError
        When the disk cannot take it.
    """
    wanted = sha256.strip().lower()
    if not _RELEASES.fullmatch(release):
        raise BadInput("error.sitl_release", value=release[:60])
    if wanted and not _SHA256.fullmatch(wanted):
        raise BadInput("error.sitl_sha256", value=sha256[:80])
    system, processor = machine or this_machine()
    if (system, {"amd64": "x86_64"}.get(processor, processor)) != MACHINE:
        raise Refused("error.sitl_platform", system=system, processor=processor)
    above = f"{SERVER}/Copter/{release}/{BOARD}"
    version, commit = _told(above, open_url)
    url = f"{above}/{PROGRAM}"
    data = download(url, limit_bytes=MOST_BYTES, open_url=open_url, on_progress=on_progress)
    found = hashlib.sha256(data).hexdigest()
    if wanted and found != wanted:
        raise Refused("error.sitl_other_digest", url=url, found=found, wanted=wanted)
    _judge(read_title(data), commit)
    program = InstalledProgram(
        path=folder / f"{PROGRAM}-{found[:16]}", url=url, version=version, commit=commit,
        sha256=found, held_to_sha256=bool(wanted),
    )  # fmt: skip
    _keep(program, data, now)
    return program


def _told(above: str, open_url: OpenUrl) -> tuple[str, str]:
    """Return version and commit as the server tells them."""
    texts = {}
    for name in ("firmware-version.txt", "git-version.txt"):
        data = download(f"{above}/{name}", limit_bytes=TEXT_BYTES, open_url=open_url)
        texts[name] = data.decode("utf-8", "replace")
    version = _VERSION.fullmatch(texts["firmware-version.txt"])
    commit = _COMMIT.search(texts["git-version.txt"])
    if version is None or commit is None:
        raise LinkError("error.sitl_strange_answer", url=above)
    return f"{version[1]} {version[2].lower()}", commit[1]


def _judge(title: Title, commit: str) -> None:
    if not commit.startswith(title.commit):
        raise Refused("error.sitl_other_commit", told=commit[: len(title.commit)],
                      found=title.commit, version=title.version)  # fmt: skip


def _keep(program: InstalledProgram, data: bytes, now: datetime) -> None:
    """Write the program, start it once, and list it."""
    folder = program.path.parent
    with _folder_of(folder):
        trial = files.temporary_beside(program.path)
        try:
            files.write_private(trial, data)
            with files.told(trial):
                trial.chmod(0o700)
                _start(trial)
                trial.replace(program.path)
                files.sync_folder(folder)
        finally:
            with suppress(OSError):
                trial.unlink()
        files.write_json(folder / RECORD, {
            "file": program.path.name, "url": program.url, "version": program.version,
            "commit": program.commit, "sha256": program.sha256,
            "held_to_sha256": program.held_to_sha256,
            "installed_utc": now.astimezone(UTC).isoformat(),
        })  # fmt: skip
    _tidy(folder, program.path)


@contextmanager
def _folder_of(folder: Path) -> Iterator[None]:
    """Have the folder while the block runs; when that fails an empty one is gone again."""
    try:
        files.make_folder(folder)
        yield
    except BaseException:
        with suppress(OSError):
            folder.rmdir()
            folder.parent.rmdir()
        raise


def _start(program: Path) -> None:
    """Start the program as far as its help.

    Raises
    ------
    Refused
        When it does not.
    """
    with tempfile.TemporaryDirectory(prefix="arducopter-") as empty:
        try:
            ended = subprocess.run(  # noqa: S603  (verified just before)
                [str(program), "--help"], cwd=empty, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=START_S, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as trouble:
            reason = getattr(trouble, "strerror", None) or type(trouble).__name__
            raise Refused("error.sitl_does_not_start", reason=reason) from None
    if ended.returncode != 0 or b"--home" not in ended.stdout:
        raise Refused("error.sitl_does_not_start", reason=f"--help: {ended.returncode}")


def _tidy(folder: Path, kept: Path) -> None:
    """Throw away former programs, and what others left who were killed."""
    with files.told(folder):
        entries = tuple(folder.iterdir())
    for path in entries:
        left = path.name.startswith(f".{PROGRAM}-") and path.name.endswith(files.TEMPORARY)
        if path != kept and (left or _NAME.fullmatch(path.name)):
            with suppress(OSError):
                path.unlink()
