"""The worker: claims jobs, one at a time, and keeps how they ended.

Theory of operation. One worker works for a farm on a machine: it holds the system's own lock on a
file of the farm's folder, and the processes that do its jobs inherit it. Whoever gets the lock
knows that no worker of this folder lives, and interrupts at once what dead ones were running; those
jobs come first in the queue, as they were asked for first. A second server of the same farm has no
lock and no work; it tries again, and takes over when the first is gone. Between machines that share
a database the lease decides (`agri.jobs`).

While a job runs the worker says every `TELL_S` that it lives and how far the job is. When it is
told that the job is not its own any more (somebody cancelled it), it ends the process. A worker
that is stopped ends the process and lays the job down; the next one takes it up. While an aircraft
is in the air no job is begun: the computer has something better to do. Workers of several farms in
one program take turns, so that one job runs at a time for all of them.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import socket
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Protocol, Self

from agri.errors import AgriError
from agri.files import told
from agri.jobs import OPEN, Job, Result
from agri.locks import lock_now
from agri.operations.background.process import Doing
from agri.operations.maps.shelf import FOLDER as MAPS
from agri.operations.uploads.keeping import throw_away_old
from agri.words import Message
from agri.workspace import Workspace

LOG = logging.getLogger("agri.jobs")
LOCK = ".jobs.lock"
TELL_S = 1.0
IDLE_S = 3.0
"""Between two looks at the queue, when nobody wakes the worker."""
TURN_S, PAUSE_S = 1.0, 0.05
"""How long a worker waits for its turn, and after a job for others to take theirs."""
CARE = timedelta(hours=12)
"""Between two looks at old uploads."""
BEGUN_KEPT = timedelta(days=7)
"""How long a product that was begun waits to be gone on with."""


class Running(Protocol):
    """A job being done, as `agri.operations.background.process.Doing` is."""

    share: float
    fault: str

    def over(self, wait_s: float) -> bool:
        """Return whether it has ended, after waiting for that a while."""

    def ended(self) -> Result | Message:
        """Return how it ended."""

    def stop(self) -> None:
        """End it."""


Start = Callable[[Path, Job, tuple[int, ...]], Running]


class Worker:
    """Does the jobs of one farm, in a thread of its own within a ``with`` block.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    now : callable
        The wall clock, UTC.
    database : str
        How jobs open the farm's PostgreSQL database, when not as its folder tells.
    start : callable, optional
        Starts a job's process: folder, job, descriptors it inherits.
    rest : callable
        Whether no job is to be begun just now.
    turn : threading.Semaphore, optional
        Shared by workers of several farms: who has it may do a job.
    tell_s : float
        Seconds between two signs of life.
    """

    def __init__(
        self,
        farm: Workspace,
        *,
        now: Callable[[], datetime],
        database: str = "",
        start: Start | None = None,
        rest: Callable[[], bool] = lambda: False,
        turn: threading.Semaphore | None = None,
        tell_s: float = TELL_S,
    ) -> None:
        self._farm, self._now, self._database, self._tell_s = farm, now, database, tell_s
        self._start, self._rest = start or self._process, rest
        self._turn = turn or threading.Semaphore(1)
        key = hashlib.sha256(str(farm.folder.resolve()).encode("utf-8", "replace")).hexdigest()
        self._place = f"{socket.gethostname()}:{key[:12]}/"
        self._name = f"{self._place}{uuid.uuid4()}"
        self._lock: IO[bytes] | None = None
        self._cared: datetime | None = None
        self._stopped, self._woken = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="agri jobs")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self.wake()
        self._thread.join()

    def wake(self) -> None:
        """Say that there may be something to do."""
        self._woken.set()

    def _work(self) -> None:
        try:
            while not self._stopped.is_set():
                self._woken.clear()
                if self._one_told():
                    self._stopped.wait(PAUSE_S)
                else:
                    self._woken.wait(IDLE_S)
        finally:
            self.let_go()

    def _one_told(self) -> bool:
        try:
            return self.work_once()
        except AgriError as error:
            LOG.warning("jobs: %s", error)
        except Exception as error:
            LOG.error("a fault of agri's own", exc_info=error)
        return False

    def work_once(self) -> bool:
        """Do the job whose turn it is; return whether there was one.

        Raises
        ------
        StoreError
            When the farm cannot be read or written.
        """
        if self._rest() or not self._alone():
            return False
        self._care()
        if not self._turn.acquire(timeout=TURN_S):
            return False
        try:
            job = self._farm.jobs.claim(self._name, now=self._now())
            if job is not None:
                self._do(job)
        finally:
            self._turn.release()
        return job is not None

    def let_go(self) -> None:
        """Let another worker work."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()

    def _alone(self) -> bool:
        """Return whether this is the farm's worker, and lay what dead ones did back."""
        if self._lock is not None:
            return True
        path = self._farm.folder / LOCK
        with told(path):
            lock = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
            if not lock_now(lock.fileno()):
                lock.close()
                return False
        self._lock = lock
        self._farm.jobs.lose(of=self._place, now=self._now())
        return True

    def _care(self) -> None:
        """Throw away what nobody needs any more, now and then.

        That is old uploads that no job waits for, and what jobs that were stopped long ago had
        begun and nobody went on with.
        """
        now = self._now()
        if self._cared is not None and now - self._cared < CARE:
            return
        self._cared = now
        needed = {job.asked.source for job in self._farm.jobs.all() if job.state in OPEN}
        throw_away_old(self._farm.folder, now=now, needed=needed)
        for begun in (self._farm.folder / MAPS).glob(".*.work"):
            with suppress(OSError):
                changed_s = max(path.stat().st_mtime for path in (begun, *begun.iterdir()))
                if now.timestamp() - changed_s > BEGUN_KEPT.total_seconds():
                    shutil.rmtree(begun)

    def _do(self, job: Job) -> None:
        assert self._lock is not None  # noqa: S101 - held by every worker that works
        running = self._start(self._farm.folder, job, (self._lock.fileno(),))
        try:
            while not running.over(self._tell_s):
                if self._stopped.is_set():
                    running.stop()
                    self._farm.jobs.lay_down(self._name)
                    return
                with suppress(AgriError):  # the disk is busy just now: tell it next time
                    if not self._farm.jobs.tell(job.uid, self._name, share=running.share,
                                                now=self._now()):  # fmt: skip
                        running.stop()
                        return
            self._keep(job, running)
        finally:
            running.stop()

    def _process(self, folder: Path, job: Job, keep_open: tuple[int, ...]) -> Running:
        return Doing(folder, job, keep_open=keep_open, database=self._database)

    def _keep(self, job: Job, running: Running) -> None:
        """Keep how a job ended."""
        ended = running.ended()
        if running.fault:
            LOG.error("a fault of agri's own, in the job %s:\n%s", job.asked.kind, running.fault)
        if isinstance(ended, Result):
            self._farm.jobs.finish(job.uid, self._name, ended, now=self._now())
        else:
            self._farm.jobs.fail(job.uid, self._name, ended, now=self._now())
