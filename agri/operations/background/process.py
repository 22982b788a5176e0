"""The process that does a job, as the worker sees it: started, listened to, stopped.

Theory of operation. It inherits the worker's lock, so that no other worker begins before both are
gone, even when the worker is killed at once. It reads what is asked from a pipe, so that nothing of
it, no password either, stands on a command line. A thread listens to what it says and keeps the
last; the worker asks when it likes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from agri.jobs import Job, Result
from agri.words import Message
from agri.workspace.flightlog import read_message
from agri.workspace.job_tables import result_from

LEAST_MEMORY, MOST_MEMORY, MEMORY_SHARE = 2_500_000_000, 24_000_000_000, 0.7
LONGEST_LINE = 50_000_000
STOP_S = 5.0
_BROKEN = (ValueError, TypeError, LookupError, AttributeError)


def memory_bytes() -> int:
    """Return how much memory a job may take: a share of the machine's."""
    there = MOST_MEMORY
    with suppress(AttributeError, ValueError, OSError):
        there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return int(min(max(MEMORY_SHARE * there, LEAST_MEMORY), MOST_MEMORY))


class Doing:
    """A job being done in a process of its own.

    Parameters
    ----------
    folder : Path
        The farm's.
    job : Job
        What is to be done.
    keep_open : sequence of int
        Descriptors it inherits: the worker's lock.
    database : str
        How the farm's PostgreSQL database is opened, when not as its folder tells.
    module : str
        What runs.

    Attributes
    ----------
    share : float
        Done, as last heard.
    result : Result or None
        Once it came to its end.
    why : Message or None
        Once it could not be done.
    fault : str
        What only agri's makers can read, "" for none.
    """

    def __init__(
        self,
        folder: Path,
        job: Job,
        *,
        keep_open: Sequence[int] = (),
        database: str = "",
        module: str = "agri.operations.background.child",
    ) -> None:
        self.share, self.fault = 0.0, ""
        self.result: Result | None = None
        self.why: Message | None = None
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, a module of this package
            [sys.executable, "-P", "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            pass_fds=() if sys.platform == "win32" else tuple(keep_open),
            start_new_session=True,  # Ctrl-C is the server's, which lays the job down
        )
        assert self._process.stdin is not None  # noqa: S101 - a pipe was asked for
        assert self._process.stdout is not None  # noqa: S101
        with suppress(OSError):  # it died already: how it ended is asked later
            self._process.stdin.write(json.dumps(_request(folder, job, database)).encode() + b"\n")
            self._process.stdin.flush()
        self._ear = threading.Thread(
            target=self._listen, args=(self._process.stdout,), name="agri job", daemon=True
        )
        self._ear.start()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def over(self, wait_s: float) -> bool:
        """Return whether it has ended, after waiting for that a while."""
        self._ear.join(wait_s)
        return not self._ear.is_alive()

    def ended(self) -> Result | Message:
        """Return how it ended, once `over`; whoever died without a word is told by a sentence."""
        self.stop()
        if self.result is not None:
            return self.result
        if self.why is not None:
            return self.why
        if self.fault:
            return Message.of("error.job_fault")
        return Message.of("error.job_memory" if self._process.returncode == -9 else
                          "error.job_died")  # fmt: skip

    def stop(self) -> None:
        """End it, in whatever it is; what it has not finished is not listed anywhere."""
        if self._process.poll() is None and self._ear.is_alive():
            self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_S)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._ear.join(STOP_S)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not self._ear.is_alive():
                with suppress(OSError):
                    pipe.close()

    def _listen(self, answers: IO[bytes]) -> None:
        with suppress(OSError, ValueError):
            while line := answers.readline(LONGEST_LINE):
                with suppress(*_BROKEN):
                    self._hear(json.loads(line))

    def _hear(self, told: dict[str, Any]) -> None:
        if "share" in told:
            self.share = min(max(float(told["share"]), 0.0), 1.0)
        elif "result" in told:
            self.result = result_from(told["result"])
        elif "why" in told:
            self.why = read_message(told["why"])
        else:
            self.fault = str(told["fault"])


def _request(folder: Path, job: Job, database: str) -> dict[str, Any]:
    return {
        "folder": str(folder.absolute()),
        "database": database,
        "kind": job.asked.kind.value,
        "field": job.asked.field_uid,
        "source": job.asked.source,
        "options": dict(job.asked.options),
        "language": job.language,
        "memory_bytes": memory_bytes(),
    }


def _environment() -> dict[str, str]:
    """Return the environment with this program's own search path, of folders alone.

    Libraries put folders of theirs there while they are loaded, whose names stand in the way of
    Python's own.
    """
    folders = [entry for entry in map(os.path.abspath, sys.path)
               if not (Path(entry) / "__init__.py").exists()]  # fmt: skip
    return {**os.environ, "PYTHONPATH": os.pathsep.join(folders), "PYTHONUTF8": "1",
            "MALLOC_ARENA_MAX": "2"}  # fmt: skip
