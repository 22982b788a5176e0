"""Everything a release consists of, in one folder: ``make release``.

The sdist is built first and the wheel out of the *unpacked sdist*, so that what is published is
proved to be enough. Both are built a second time and must be the same bytes: hatchling stamps
every file with SOURCE_DATE_EPOCH, or without it with a day of its own, in a fixed order.

The wheel is then installed, with the extras a farmer's computer has and the pinned versions, into
an environment made for it, in a folder where no source lies; there a farm is made, a field read, a
survey planned, checked and exported. From that environment come the list of parts
(``sbom.cdx.json``, CycloneDX) and the table of licences. ``SHA256SUMS`` names every file.

Anything that is not as it must be stops it with one sentence, and nothing is left in ``--out``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXTRAS = "web,imagery,diary"
SMOKE = (
    ("--version",),
    ("--lang", "en", "--help"),
    ("init", "farm", "--name", "Nông trại thử"),
    ("fields", "add", "{fields}", "--farm", "farm"),
    ("plan", "survey", "cua dinh", "--gsd", "3cm", "--name", "Thử", "--farm", "farm"),
    ("check", "Thử", "--farm", "farm"),
    ("export", "Thử", "--to", "plan", "--farm", "farm"),
    ("plan", "spray", "cua dinh", "--rate", "20", "--product", "Nước sạch", "--dose", "500ml",
     "--phi", "14", "--wind", "2", "--wind-from", "nam", "--name", "Phun", "--farm", "farm"),
    ("check", "Phun", "--farm", "farm"),
)  # fmt: skip
"""What a new user does first, in the installed program."""


class NotAsItMustBe(Exception):
    """One sentence on what stops the release."""


def run(words: list[str | Path], folder: Path, **more: str) -> str:
    """Run a program of the release; its last lines are the reason when it fails."""
    gone = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    env = {key: value for key, value in os.environ.items() if key not in gone} | more
    done = subprocess.run([str(word) for word in words], cwd=folder, env=env, text=True,
                          capture_output=True, check=False)  # fmt: skip
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
        said = " ".join(str(word) for word in words[1:6])
        raise NotAsItMustBe(f"“{said} …” ended with {done.returncode}:\n{last}")
    return done.stdout


def build(kind: str, source: Path, out: Path) -> Path:
    """Build an sdist or a wheel of a folder; return the file."""
    out.mkdir(parents=True)
    run([sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", out], source)
    (file,) = out.iterdir()
    return file


def built_twice(source: Path, work: Path) -> tuple[Path, Path]:
    """Return the sdist and the wheel made of it, the same bytes whenever they are built."""
    rounds = []
    for number in ("one", "two"):
        sdist = build("sdist", source, work / number / "sdist")
        with tarfile.open(sdist) as packed:
            packed.extractall(work / number, filter="data")
        (unpacked,) = (work / number).glob("agri_dongtrieu-*")
        rounds.append((sdist, build("wheel", unpacked, work / number / "wheel")))
    for first, second in zip(*rounds, strict=True):
        if first.read_bytes() != second.read_bytes():
            raise NotAsItMustBe(f"{first.name} was built twice and is not the same bytes.")
    return rounds[0]


def programs(environment: Path) -> Path:
    """Return the folder of an environment's programs."""
    return environment / ("Scripts" if os.name == "nt" else "bin")


def install(wheel: Path, work: Path) -> Path:
    """Make an environment with nothing but the wheel and what it needs; return its programs."""
    environment = work / "clean"
    run([sys.executable, "-m", "venv", environment], work)
    found = programs(environment)
    run([found / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet",
         "--constraint", ROOT / "constraints.txt", f"{wheel}[{EXTRAS}]"], work)  # fmt: skip
    run([found / "python", "-m", "pip", "check"], work)
    return found


def try_out(found: Path, work: Path) -> str:
    """Walk a new user's first steps in the installed program; return the version it tells."""
    folder = work / "try"
    folder.mkdir()
    where = "import agri.operations as o; print(next(iter(o.__path__)))"
    home = Path(run([found / "python", "-c", where], folder).strip())
    if ROOT in home.parents:
        raise NotAsItMustBe(f"The program that was tried is not the installed one, but {home}.")
    said = []
    for words in SMOKE:
        filled = [word.format(fields=home / "demo_farm.geojson") for word in words]
        said.append(run([found / "agri", *filled], folder).strip())
    pictures = list((folder / "farm" / "reports").glob("*.png"))
    if len(pictures) < 2:
        raise NotAsItMustBe(f"The two plans have {len(pictures)} pictures.")
    return said[0]


def list_of_parts(found: Path, out: Path, version: str) -> None:
    """Write what the clean environment consists of (CycloneDX), and under which licences."""
    run([sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible",
         "--pyproject", ROOT / "pyproject.toml", "--output-format", "JSON",
         "--output-file", out / "sbom.cdx.json", found / "python"], out)  # fmt: skip
    parts = json.loads((out / "sbom.cdx.json").read_text("utf-8"))
    parts["metadata"]["component"]["version"] = version
    (out / "sbom.cdx.json").write_text(json.dumps(parts, indent=2) + "\n", "utf-8")
    table = run([sys.executable, ROOT / ".ci" / "release" / "licences.py"], ROOT)
    (out / "LICENCES.md").write_text(table, "utf-8")


def sums(folder: Path) -> str:
    """Return SHA-256 and name of every file, as ``sha256sum -c`` reads them."""
    files = sorted(path for path in folder.iterdir() if path.name != "SHA256SUMS")
    return "".join(f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in files)


def release(out: Path) -> str:
    """Build, prove and list everything; put it into `out` when all of it is right."""
    with tempfile.TemporaryDirectory(prefix="agri-release-") as name:
        work = Path(name)
        made = work / "made"
        sdist, wheel = built_twice(ROOT, work)
        print(f"{sdist.name} and {wheel.name}: built twice, the same bytes", flush=True)
        found = install(wheel, work)
        told = try_out(found, work)
        print(f"{told}: installed in an environment of its own, and tried", flush=True)
        made.mkdir()
        list_of_parts(found, made, told.split()[1])
        for file in (sdist, wheel):
            shutil.copy(file, made)
        (made / "SHA256SUMS").write_text(sums(made), "utf-8")
        out.mkdir(parents=True, exist_ok=True)
        for file in made.iterdir():
            shutil.copy(file, out)
    return (out / "SHA256SUMS").read_text("utf-8")


def main() -> int:
    """Build a release; one sentence and 1 when something is not right."""
    options = argparse.ArgumentParser(description="Build and prove everything of a release.")
    options.add_argument("--out", type=Path, default=ROOT / "dist")
    try:
        print(release(options.parse_args().out))
    except NotAsItMustBe as wrong:
        print(f"No release: {wrong}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
