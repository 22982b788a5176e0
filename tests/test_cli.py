"""The terminal door: both languages, one clear sentence for every mistake, never a traceback."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agri.cli import main
from agri.cli.commands import command_tree
from agri.cli.speech import chosen_language
from agri.words import LANGUAGES, say


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Exit code and all that was printed of one command."""
    from agri.cli.show import console

    console.cache_clear()
    code = main(words)
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    return code, captured.out + captured.err


@pytest.mark.parametrize("language", LANGUAGES)
def test_help_speaks_the_language_asked_for(
    capsys: pytest.CaptureFixture[str], language: str
) -> None:
    code, text = run(capsys, "--lang", language, "--help")
    assert code == 0
    flat = " ".join(text.replace("│", " ").split())
    for command in ("init", "export", "check"):
        assert say(f"cli.help.{command}", language).split(":")[0] in flat


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (("zzz",), 2, "no command 'zzz'"),
        (("field",), 2, "no command 'field'; is one of these meant: fields? See"),
        (("fields", "a'd"), 2, "no command"),
        (("cameras", "two"), 2, "'two' is one word too many"),
        (("init", "--nope"), 2, "no option --nope"),
        (("plan", "survey"), 2, "missing: the field"),
        (("--lang", "fr", "init"), 2, "not a language agri speaks"),
        (("fields", "list"), 2, "farm"),
        (("check", "nothing.plan"), 2, "farm"),
        (("export", "x", "--to", "exe"), 2, "not a format agri writes"),
    ],
)
def test_a_mistake_gets_one_sentence_and_a_non_zero_exit(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    words: tuple[str, ...],
    code: int,
    part: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGRI_LANG", "en")
    found, text = run(capsys, *words)
    assert found == code
    assert part in text
    assert len(text.strip().splitlines()) == 1


def test_a_fault_of_agris_own_is_kept_in_a_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("agri.operations.farm.start_farm", broken)
    code, text = run(capsys, "--lang", "en", "init", str(tmp_path / "farm"))
    assert code == 70
    assert "secret detail" not in text
    (log,) = tmp_path.glob("agri-*.log")
    assert "secret detail" in log.read_text("utf-8")


def test_the_language_comes_from_the_environment_when_not_asked_for() -> None:
    assert chosen_language([], {"LANG": "vi_VN.UTF-8"}) == "vi"
    assert chosen_language([], {"LC_ALL": "en_US.UTF-8", "LANG": "vi_VN"}) == "en"
    assert chosen_language(["--lang=vi"], {"LANG": "en_US"}) == "vi"
    assert chosen_language([], {}) == "vi"


def paths(command: Any, *before: str) -> Iterator[tuple[str, ...]]:
    """The words of each command and group below a group."""
    for name, child in getattr(command, "commands", {}).items():
        yield (*before, name)
        yield from paths(child, *before, name)


def found(tree: Any, words: tuple[str, ...]) -> Any:
    for word in words:
        tree = tree.commands[word]
    return tree


def test_a_command_built_alone_is_the_one_of_the_whole_tree() -> None:
    whole = command_tree()
    every = list(paths(whole))
    assert len(every) > 50
    for words in every:
        tree = command_tree([*words, "--farm", "plan"])
        assert [*tree.commands] == [words[0]], words
        alone, same = found(tree, words), found(whole, words)
        assert alone.help == same.help, words
        assert [(p.name, p.opts, p.help) for p in alone.params] == [
            (p.name, p.opts, p.help) for p in same.params
        ]
        if getattr(same, "commands", None):
            assert [*alone.commands] == [*same.commands], words


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["no-such-command"], []])
def test_words_that_name_no_command_leave_all_of_them(words: list[str]) -> None:
    assert [*command_tree(words).commands] == [*command_tree().commands]


def test_help_needs_no_heavy_import() -> None:
    """What makes `agri --help` quick: numpy, shapely, pyproj and the like are not loaded for it."""
    code = (
        "import sys; from agri.cli import main; main(['--help']);"
        "heavy = {'numpy', 'shapely', 'pyproj', 'geopandas', 'pandas', 'sqlalchemy', 'matplotlib',"
        " 'pymavlink', 'dronekit', 'rasterio', 'sklearn', 'scipy'} & set(sys.modules);"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
