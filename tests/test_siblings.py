"""A user's own models.py cannot stand in for agri's without a word."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_a_file_that_shadows_a_sibling_is_named(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text("x = 1\n")
    result = subprocess.run(
        [sys.executable, "-c", "import agri"], cwd=tmp_path, capture_output=True, text=True
    )
    assert result.returncode == 1
    assert "agri needs its own package 'models'" in result.stderr
    assert str(tmp_path / "models.py") in result.stderr


def test_agri_imports_from_any_other_folder(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", "import agri; print(agri.__version__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip()
