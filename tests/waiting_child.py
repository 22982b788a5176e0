"""A job's process that says it has begun and then waits for ever; and a server that starts it."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from agri.jobs import Job
from agri.operations.background import child
from agri.operations.background.process import Doing
from agri.operations.background.worker import Worker
from agri.workspace import Workspace


def work(folder: str) -> None:
    """Work for a farm, for ever."""
    with Workspace.open(Path(folder)) as farm, Worker(farm, now=lambda: datetime.now(UTC)):
        time.sleep(600.0)


def wait_at_work(folder: str) -> None:
    """Work for a farm with a process that never ends; say its number."""

    def start(farm: Path, job: Job, keep_open: tuple[int, ...]) -> Doing:
        doing = Doing(farm, job, keep_open=keep_open, module="tests.waiting_child")
        sys.stdout.write(f"{doing.pid}\n")
        sys.stdout.flush()
        return doing

    with Workspace.open(Path(folder)) as farm:
        Worker(farm, now=lambda: datetime.now(UTC), start=start).work_once()


def wait(asked: dict[str, Any], answers: IO[bytes]) -> str:
    """In the place of doing the job; one that is asked for ``memory`` takes all it may have."""
    if asked["source"] == "memory":
        return str(len(bytearray(asked["memory_bytes"])))
    child._say(answers, {"share": 0.25})
    while os.getppid():
        time.sleep(60.0)
    return ""


if __name__ == "__main__":
    child._do = wait
    child.main()
