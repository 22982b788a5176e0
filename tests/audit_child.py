"""A program of its own that confirms things without end, for tests of sudden death.

``python -m tests.audit_child`` loads once, then forks a worker for each line ``FOLDER SEED`` it
reads and tells its number and its end. Workers of odd seed write a few bytes at a time, so that
death finds lines half written; otherwise the system takes a line in one piece.
"""

from __future__ import annotations

import os
import random
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from agri import audit

START = datetime(2026, 11, 24, tzinfo=UTC)


def tell(*words: object) -> None:
    """Say a line at once and whole."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def by_pieces(file: IO[bytes], data: bytes) -> None:
    """Write a few bytes at a time."""
    for begin in range(0, len(data), 5):
        file.write(data[begin : begin + 5])
    os.fsync(file.fileno())


def work(folder: Path, seed: int) -> None:
    """Confirm until killed, and tell each entry that is acknowledged."""
    chance = random.Random(seed)
    if seed % 2:
        audit._write = by_pieces
    while True:
        what = audit.Confirmed(plan_name=f"Ruộng {seed}", note="x" * chance.randint(0, 3000))
        entry = audit.append(folder, kind="launch", who="Đức", at_utc=START, what=what)
        tell("kept", entry.number, entry.digest)


def nursery() -> None:
    """Start a worker for each line read; tell its number and its end."""
    for line in sys.stdin:
        folder, seed = line.split()
        announced, announce = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.read(announced, 1)
                work(Path(folder), int(seed))
            finally:
                traceback.print_exc()
                os._exit(1)
        tell("born", child)
        os.write(announce, b".")
        os.close(announce)
        os.close(announced)
        os.waitpid(child, 0)
        tell("gone", child)


if __name__ == "__main__":
    nursery()
