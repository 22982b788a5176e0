"""The documentation builds without a broken link, and what it shows of the program is so."""

from __future__ import annotations

import ast
import random
import re
import shlex
import subprocess
import sys
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from agri.cli.commands import command_tree
from agri.words import dictionary
from tests.test_architecture import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(p for p in DOCS.rglob("*.md") if "making" not in p.relative_to(DOCS).parts)
WRITTEN = [ROOT / "README.md", *PAGES]
FENCE = re.compile(r"^```(?:\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROOF = re.compile(r"`(?:tests/)?(test_\w+\.py)(?:::(\w+))?`")
ELSEWHERE = re.compile(
    r"""<(?:script|img|iframe|source|embed|video|audio)\b[^>]*\bsrc=["']?(?:https?:)?//"""
    r"""|<link\b(?![^>]*rel=["']?canonical)[^>]*\bhref=["']?(?:https?:)?//"""
    r"""|@import|url\(["']?(?:https?:)?//"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole site but for the reference of modules that no notebook imports."""
    pytest.importorskip("mkdocs")
    folder = tmp_path_factory.mktemp("site")
    said = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", DOCS / "making/mkdocs.yml",
         "-d", folder],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    return folder


def test_the_site_builds_strictly_and_loads_nothing_from_elsewhere(site: Path) -> None:
    built = {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    written = {p.relative_to(DOCS).with_suffix(".html").as_posix() for p in PAGES}
    assert written <= built
    assert {"reference/commands.html", "vi/lenh.html", "reference/crops.html"} <= built
    for page in (*site.rglob("*.html"), *site.rglob("*.css")):
        found = ELSEWHERE.search(page.read_text(encoding="utf-8"))
        assert not found, f"{page.name}: {found[0] if found else ''}"


def test_reference_and_catalogues_are_read_from_the_code(site: Path) -> None:
    def text(name: str) -> str:
        return (site / name).read_text(encoding="utf-8")

    assert "--wind-from" in text("reference/commands.html")
    assert "Lập kế hoạch" in text("vi/lenh.html")
    assert "(N - RE) / (N + RE)" in text("reference/indices.html")
    assert "choose" in text("reference/python/models.validation.html")
    assert "ArduCopter leaves its sprayer running" in text("decisions/missions.html")


@pytest.mark.parametrize("page", WRITTEN, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_command_line_shown_is_one_that_agri_understands(page: Path) -> None:
    for line in command_lines(page.read_text(encoding="utf-8")):
        wrong = misunderstood(line)
        assert not wrong, f"{line}\n{wrong}"


@pytest.mark.parametrize("guide", ["can-bo.md", "nong-dan.md"])
def test_what_a_guide_prints_bold_stands_on_the_screen(guide: str) -> None:
    told = {text for key, text in dictionary("vi").items() if not key.startswith("cli.")}
    bold = re.findall(r"\*\*(.+?)\*\*", (DOCS / "vi" / guide).read_text("utf-8"), re.DOTALL)
    assert len(bold) > 20
    wrong = [" ".join(words.split()) for words in bold if not on_the_screen(words, told)]
    assert not wrong, f"{guide} names what the app does not: {wrong}"


def on_the_screen(words: str, told: Collection[str]) -> bool:
    """Whether words, or their sentence, are the app's, whatever symbol stands before them."""
    plain = re.sub(r"^[^\w“]+", "", " ".join(words.split()))
    whole = plain.endswith(("?", ".")) and any(plain in text for text in told)
    return not plain or plain in told or whole


def test_python_shown_on_a_page_runs_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each block alone, in a folder that holds the one table it asks for."""
    chance = random.Random(1)
    lines = [f"{tree},{year},{chance.gammavariate(4, 8):.1f}"
             for year in range(2023, 2027) for tree in range(20)]  # fmt: skip
    (tmp_path / "harvests.csv").write_text("\n".join(["tree,season,kg", *lines]), "utf-8")
    monkeypatch.chdir(tmp_path)
    blocks = [text for page in WRITTEN for text in PYTHON.findall(page.read_text("utf-8"))]
    assert blocks
    for block in blocks:
        exec(block, {"__name__": "__main__"})  # noqa: S102 - that is what people do with it
    assert re.search(r"\d", capsys.readouterr().out)


def test_a_command_line_that_does_not_exist_is_noticed() -> None:
    assert not misunderstood('agri plan survey "vườn vải" --gsd 2cm  # a comment')
    assert misunderstood("agri plan servey vuon")
    assert misunderstood("agri plan survey vuon --gssd 2cm")
    assert misunderstood("agri plan survey")
    assert misunderstood("agri check one two")


@pytest.mark.parametrize("page", WRITTEN, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_test_named_as_a_proof_exists(page: Path) -> None:
    for file, name in PROOF.findall(page.read_text(encoding="utf-8")):
        assert (ROOT / "tests" / file).is_file(), f"{page.name}: no tests/{file}"
        assert not name or name in names_in(file), f"{page.name}: no {name} in {file}"


def test_the_readme_points_at_files_that_are_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (ROOT / link).exists(), link


def command_lines(text: str) -> list[str]:
    """The lines of a page's code blocks that call agri."""
    lines = "\n".join(FENCE.findall(text)).replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if re.match(r"\s*agri ", line)]


def misunderstood(line: str) -> str:
    """What agri's own tree of commands finds wrong with a line, "" when nothing."""
    words = shlex.split(line, comments=True)[1:]
    command: Any = command_tree_once()
    while getattr(command, "commands", None) and words and not words[0].startswith("-"):
        if words[0] not in command.commands:
            return f"no command {words[0]}"
        command = command.commands[words.pop(0)]
    words = [word for word in words if word not in ("--help", "…")]
    context = command.make_context(command.name, [], resilient_parsing=True)
    context.resilient_parsing = False
    try:
        given, left, _ = command.make_parser(context).parse_args(list(words))
    except Exception as fault:
        return str(fault)
    missing = [p.name for p in command.params if p.required and given.get(p.name) is None]
    return (
        f"missing {missing}" if missing and "--help" not in line else f"left {left}" if left else ""
    )


@cache
def command_tree_once() -> Any:
    return command_tree()


@cache
def names_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
    return frozenset(n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef))
