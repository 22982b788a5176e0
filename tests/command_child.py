"""A program that runs agri's commands in children which die at a chosen moment.

``python -m tests.command_child`` loads once, then for each line of JSON it reads forks a child that
runs ``words``, what it says going to the file ``said`` (``plain``: with an empty picture instead of
a drawn one). The child dies as if by ``kill -9`` just before its ``die_at``-th change of a file
(opened for writing, renamed, removed, a folder made), or ``die_after_s`` seconds after it began,
wherever it is then. Told is one line of JSON: the exit code, None when it died, and how many such
changes there were.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from importlib import import_module
from typing import Any

from agri.cli import main
from agri.operations.maps import indices, mosaic, trees, zonal  # loaded once, for all children

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link"}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
LOADED = (indices, mosaic, trees, zonal, *map(import_module, ("imagecodecs", "pystac", "rich")))


class Death:
    """Counts changes of files, and dies before one of them."""

    def __init__(self, at: int) -> None:
        self.at, self.seen = at, 0

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            _, mode, flags = arguments
            writes = isinstance(mode, str) and any(letter in mode for letter in "wax+")
            if not writes and not (isinstance(flags, int) and flags & WRITES):
                return
        elif event not in CHANGES:
            return
        self.seen += 1
        if self.seen == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


def run(asked: dict[str, Any], told: int) -> None:
    """Run one command in this child, and tell how it ended."""
    said = os.open(asked["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(said, 1)
    os.dup2(said, 2)
    if asked.get("plain"):  # drawing takes longer than all the rest of a small command
        indices.draw_quicklook = mosaic.draw_photo_map = lambda *_, **__: b"\x89PNG"
    death = Death(asked.get("die_at", 0))
    sys.addaudithook(death.hook)
    if after_s := asked.get("die_after_s"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, after_s)
    began = time.monotonic()
    code = main(asked["words"])
    answer = {"code": code, "changes": death.seen, "seconds": time.monotonic() - began}
    os.write(told, json.dumps(answer).encode())


def nursery() -> None:
    """Run a child for each line read."""
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            try:
                run(json.loads(line), writing)
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            answer = pipe.read()
        os.waitpid(child, 0)
        sys.stdout.write((answer or '{"code": null}') + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    nursery()
