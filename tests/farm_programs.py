"""Several programs at once on one farm: two that write and two that read, and what must be kept."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from agri.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]


def two_writers_two_readers(
    farm: Workspace, commits: int, reads: int
) -> list[subprocess.Popen[str]]:
    """Start the four; each writer commits, and each reader reads, so often."""
    return [
        subprocess.Popen(
            [sys.executable, "-m", "tests.farm_child", task, str(farm.folder), str(count)],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for task, count in (("write", commits),) * 2 + (("read", reads),) * 2
    ]  # fmt: skip


def heard(children: Sequence[subprocess.Popen[str]]) -> list[str]:
    """Wait for all and return what each told; none may have failed or complained."""
    told = [child.communicate(timeout=120) for child in children]
    ends = [(child.returncode, errors) for child, (_, errors) in zip(children, told, strict=True)]
    assert ends == [(0, "")] * len(children)
    return [out for out, _ in told]


def assert_all_kept(farm: Workspace, told: Sequence[str], commits: int) -> None:
    """All that the two writers were told is kept stands in the farm, and nothing else."""
    acknowledged = {
        uid
        for out in told[:2]
        for line in out.splitlines()
        if line.startswith("field")
        for uid in line.split()[1:]
    }
    assert {field.uid for field in farm.fields()} == acknowledged
    assert len(acknowledged) == 2 * 3 * commits
    assert len(farm.plans()) == 2 * commits
    assert farm.check() == []
