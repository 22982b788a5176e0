"""Commands as a person types them, and what they are told."""

from __future__ import annotations

import re

import pytest

from agri.cli import main
from agri.cli.show import console


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Run one command; return its exit code and all it said, which is words and nothing else."""
    console.cache_clear()
    code = main(words)
    captured = capsys.readouterr()
    text = captured.out + captured.err
    assert "Traceback" not in text
    assert not re.search(r"[{}]|(?<![\w.])(cli|finding|error|page|rule)\.[a-z_]+", text), text
    return code, text
