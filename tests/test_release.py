"""What is published is whole, the same wherever it is built, and says what is true.

``python .ci/release/build.py`` (``make release``) does the same in an environment of its own, and
tries the installed program.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from release.audit import KNOWN, NOT_ASKED, SERVICES, Answer, read_answer, told
from release.audit import main as audit
from release.licences import asked_for, judged, needed

import agri
from agri.cli import main

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("agri", "missions", "imagery", "models", "sitl")
MADE = {"__pycache__", ".ipynb_checkpoints", ".mypy_cache", ".ruff_cache"}


def build(kind: str, source: Path, out: Path) -> Path:
    env = {key: value for key, value in os.environ.items() if key != "SOURCE_DATE_EPOCH"}
    words = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(out)]
    subprocess.run(words, cwd=source, env=env, check=True, capture_output=True)
    (file,) = out.iterdir()
    return file


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def unpacked(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as packed:
        packed.extractall(folder, filter="data")
    return folder / sdist.name.removesuffix(".tar.gz")


@pytest.fixture(scope="module")
def wheel(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, made out of the sdist alone."""
    return build("wheel", unpacked, tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def packed(wheel: Path) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(wheel) as opened:
        yield opened


def files(folder: str) -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not MADE & set(path.parts) and path.suffix != ".pyc"
    }


# ------------------------------------------------------------------ what is packed


@pytest.mark.parametrize("package", PACKAGES)
def test_the_wheel_holds_every_file_of_the_five_packages(
    packed: zipfile.ZipFile, package: str
) -> None:
    wanted = files(package)
    assert wanted - set(packed.namelist()) == set()
    for name in wanted:
        assert packed.read(name) == (ROOT / name).read_bytes(), name


def test_the_wheel_holds_nothing_else(packed: zipfile.ZipFile) -> None:
    first = {name.split("/")[0] for name in packed.namelist()}
    assert first == {*PACKAGES, f"agri_dongtrieu-{agri.__version__}.dist-info"}


@pytest.mark.parametrize(
    ("name", "files"),
    [("leaflet-1.9.4", {"leaflet.js", "leaflet.css"}),
     ("be-vietnam-pro-5.3.0", {"latin-400.woff2", "vietnamese-700.woff2"})],
)  # fmt: skip
def test_what_the_app_serves_of_others_is_byte_for_byte_theirs(
    packed: zipfile.ZipFile, name: str, files: set[str]
) -> None:
    folder = f"agri/web/static/vendor/{name}"
    sums = packed.read(f"{folder}/SHA256SUMS").decode()
    listed = dict(reversed(line.split(maxsplit=1)) for line in sums.splitlines())
    assert files <= {name.strip("*./ ") for name in listed}
    for one, digest in listed.items():
        file = packed.read(f"{folder}/{one.strip('*./ ')}")
        assert hashlib.sha256(file).hexdigest() == digest, one
    assert f"{folder}/LICENSE" in packed.namelist()


def test_the_sdist_holds_all_that_is_kept(unpacked: Path) -> None:
    kept = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if kept.returncode:
        pytest.skip("only a checkout knows what is kept")
    names = {name for name in kept.stdout.split("\0") if name and (ROOT / name).is_file()}
    assert len(names) > 1000
    assert {name for name in names if not (unpacked / name).is_file()} == set()


def test_whenever_and_wherever_it_is_built_it_is_the_same_bytes(
    sdist: Path, wheel: Path, unpacked: Path, tmp_path: Path
) -> None:
    """The wheel of the checkout is that of the sdist, whose files are younger."""
    for path in unpacked.rglob("*.toml"):
        os.utime(path, (1.0e9, 1.0e9))
    again = build("sdist", unpacked, tmp_path / "sdist")
    straight = build("wheel", ROOT, tmp_path / "wheel")
    assert again.read_bytes() == sdist.read_bytes()
    assert straight.read_bytes() == wheel.read_bytes()


def test_the_version_is_one_everywhere(
    packed: zipfile.ZipFile, wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = packed.read(f"agri_dongtrieu-{agri.__version__}.dist-info/METADATA").decode()
    assert f"\nVersion: {agri.__version__}\n" in said
    assert wheel.name.startswith(f"agri_dongtrieu-{agri.__version__}-")
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"agri {agri.__version__}\n"


def test_the_changelog_begins_with_what_is_not_out_yet_or_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    heads = re.findall(r"^## (.*)$", text, re.MULTILINE)
    dated = re.compile(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d")
    assert heads[0] == "[Unreleased]" or heads[0].startswith(f"[{agri.__version__}] - ")
    assert all(dated.fullmatch(head) for head in heads[1:])
    kinds = re.findall(r"^### (.*)$", text, re.MULTILINE)
    assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


# ------------------------------------------------------------------ licences, vulnerabilities


def test_every_package_that_is_installed_goes_with_this_licence() -> None:
    found = judged(needed(asked_for()).values())
    assert len(found) > 40
    assert [one for one in found if one.verdict == "not known"] == []
    named = {one.package for one in found if one.verdict == "copyleft"}
    assert "pymavlink" in named
    assert all(one.why for one in found if one.verdict == "copyleft")


class Packed:
    """A package whose metadata say what they are given."""

    version = "1"

    def __init__(self, **told: str) -> None:
        from email.message import Message

        self.metadata = Message()
        for name, value in {"Name": "x", **told}.items():
            self.metadata[name.replace("_", "-")] = value


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ({"License_Expression": "MIT OR Apache-2.0"}, "permissive"),
        ({"Classifier": "License :: OSI Approved :: ISC License (ISCL)"}, "permissive"),
        ({"License_Expression": "GPL-3.0-only"}, "not known"),
        ({"License_Expression": "MIT AND AGPL-3.0-only"}, "not known"),
        ({"License": "All rights reserved"}, "not known"),
        ({}, "not known"),
        ({"Name": "pymavlink"}, "copyleft"),
    ],
)
def test_a_licence_nobody_judged_is_refused(said: dict[str, str], verdict: str) -> None:
    package: Any = Packed(**said)
    assert [one.verdict for one in judged([package])] == [verdict]


CLEAN = '{"dependencies": [{"name": "a", "version": "1", "vulns": []}]}'
SKIPPED = '{"dependencies": [{"name": "a", "skip_reason": "Dependency not found"}]}'
FAULTY = (
    '{"dependencies": [{"name": "a", "version": "1", "vulns":'
    ' [{"id": "PYSEC-1", "fix_versions": ["2"]}]}]}'
)


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ([CLEAN], 0),
        ([SKIPPED, CLEAN], 0),
        ([FAULTY], KNOWN),
        ([SKIPPED, FAULTY], KNOWN),
        ([SKIPPED, SKIPPED], NOT_ASKED),
        (["", ""], NOT_ASKED),
        (['{"dependencies": []}', ""], NOT_ASKED),
    ],
)
def test_what_nobody_answered_for_never_counts_as_sound(
    answers: list[str],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """pip-audit calls packages that a service does not know sound, and ends with 0."""
    left = iter(answers)
    monkeypatch.setattr("release.audit.ask", lambda *_: read_answer(next(left), "x: OSError"))
    assert audit() == code
    said = capsys.readouterr().out
    assert ("NOT audited" in said) is (code == NOT_ASKED)
    assert ("PYSEC-1" in said) is (code == KNOWN)


def test_a_service_that_cannot_be_reached_is_one_sentence() -> None:
    traces = "Traceback:\n  requests.exceptions.ConnectionError: HTTPSConnectionPool(host='x')"
    said = told("osv", read_answer("", traces))
    assert "could not be reached (ConnectionError)" in said
    assert "\n" not in said
    assert "HTTPS" not in said
    assert len(SERVICES) > 1
    assert not Answer(answered=3, skipped=1, known=()).whole


# ------------------------------------------------------------------ what people are asked and told


FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
SAID = [*FORMS, *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md")),
        ROOT / ".github" / "PULL_REQUEST_TEMPLATE.md"]  # fmt: skip


@pytest.mark.parametrize("path", [p for p in FORMS if p.name != "config.yml"], ids=lambda p: p.stem)
def test_a_form_can_be_filled_in_by_both(path: Path) -> None:
    form = yaml.safe_load(path.read_text("utf-8"))
    assert {"name", "description", "body"} <= form.keys()
    kinds = {"markdown", "textarea", "input", "dropdown", "checkboxes"}
    parts = [part for part in form["body"] if part["type"] != "markdown"]
    assert {part["type"] for part in form["body"]} <= kinds
    ids = [part["id"] for part in parts]
    assert len(set(ids)) == len(ids)
    labels = [part["attributes"]["label"] for part in parts]
    for told_both in (form["name"], form["description"], *labels):
        assert " / " in told_both, told_both
    assert not form["name"].isascii()
    for part in parts:
        if part["type"] in ("dropdown", "checkboxes"):
            assert part["attributes"]["options"]
    assert any(part.get("validations", {}).get("required") for part in parts)


def test_the_forms_are_those_promised() -> None:
    assert {p.stem for p in FORMS} == {"bug", "config", "crop_number", "flight_incident", "idea"}
    assert yaml.safe_load((FORMS[0].parent / "config.yml").read_text("utf-8"))


def commands_in(text: str) -> set[tuple[str, ...]]:
    """Commands of agri that a text names in code or in a form."""
    found = re.findall(r"(?:`|\(|: |, )agri ((?:--)?[a-z][a-z-]*\b(?: [a-z][a-z-]*\b)?)", text)
    return {tuple(words.split()) for words in found}


@pytest.mark.parametrize("path", SAID, ids=lambda p: p.name)
def test_every_command_that_is_named_exists(path: Path, command_tree: Any) -> None:
    for words in commands_in(path.read_text("utf-8")):
        place: Any = command_tree
        if words[0].startswith("--"):
            assert words[0] in {option for one in place.params for option in one.opts}, words
            continue
        for word in words:
            if not getattr(place, "commands", None):
                break
            assert word in place.commands, words
            place = place.commands[word]


def test_commands_are_found_in_texts() -> None:
    named = set().union(*(commands_in(path.read_text("utf-8")) for path in SAID))
    assert {("--version",), ("audit",), ("flight", "import")} <= named


@pytest.mark.parametrize("path", SAID, ids=lambda p: p.name)
def test_every_file_and_target_that_is_named_exists(path: Path) -> None:
    text = path.read_text("utf-8")
    inside = {
        target for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text) if ":" not in target
    }
    inside |= set(
        re.findall(r"`((?:agri|missions|imagery|tests|notebooks|benchmarks|\.ci)/[^`{} ]+)`", text)
    )
    for name in inside:
        assert (ROOT / name).exists() or "ROOM" in name, name
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z]+)", text, re.MULTILINE)) <= targets
