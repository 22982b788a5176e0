"""The processes that open strangers' photos, as the house sees them: a path in, an `Answer` out.

Theory of operation
-------------------
Each reader is one process of its own (`imagery.decoding.process`), started by spawning a fresh
Python that is told where libraries are and nothing else: no environment of the user's, no folder
of the photos in the search path of modules. It is asked one photo at a time. A photo that takes
longer than `SECONDS` costs the process its life and the photo is refused; so does one that makes
native code crash. After `RENEWED_AFTER` photos a reader is replaced by a new one, so that what
leaks cannot grow.

What comes back is checked (`imagery.intake.replies`); what is not of the form expected, or longer
than `MAX_REPLY`, counts as a crash.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from queue import LifoQueue, SimpleQueue
from threading import Lock, Timer
from typing import Any

from agri.errors import AgriError, BadInput
from imagery.decoding.pixels import Plane
from imagery.extras import extra
from imagery.intake.replies import Answer, image_of, parsed
from imagery.photo import Photo

MEMORY_BYTES = 1_000_000_000
"""Address space of a reader, at most."""
SECONDS = 45
"""Of the clock, and of the processor, for one photo."""
RENEWED_AFTER = 400
MAX_REPLY = 30_000_000
NEEDED = ("cv2", "defusedxml", "exifread", "imagecodecs", "tifffile")
"""What readers import, of the extra ``imagery``."""


def read_all(
    paths: Sequence[Path],
    root: Path,
    *,
    readers: int = 0,
    maps: bool = False,
    progress: Callable[[float], None] | None = None,
) -> tuple[Answer, ...]:
    """Read photos in processes of their own.

    Parameters
    ----------
    paths : sequence of Path
        Photos, all below `root`.
    root : Path
        The only folder the processes may read.
    readers : int
        How many at once; 0 takes one a processor, four at most.
    maps : bool
        Whether they are GeoTIFFs to be tried rather than photos to be read.
    progress : callable, optional
        Told the share done, 0 to 1.

    Returns
    -------
    tuple of Answer
        One for each path, in order.

    Raises
    ------
    AgriError
        When a library of the extra ``imagery`` is missing or no process can be started.
    """
    if not paths:
        return ()
    require_extra()
    count = min(readers or min(os.cpu_count() or 1, 4), len(paths))
    free: SimpleQueue[Reader] = SimpleQueue()
    pool = [Reader(root) for _ in range(count)]
    for reader in pool:
        free.put(reader)

    def ask(path: Path) -> Answer:
        reader = free.get()
        try:
            return reader.read(path, as_map=maps)
        finally:
            free.put(reader)

    answers: list[Answer] = []
    try:
        with ThreadPoolExecutor(count) as threads:
            try:
                for answer in threads.map(ask, paths):
                    answers.append(answer)
                    if progress:
                        progress(len(answers) / len(paths))
            except BaseException:  # stopped: what has not begun is not begun any more
                threads.shutdown(wait=False, cancel_futures=True)
                raise
    finally:
        for reader in pool:
            reader.close()
    return tuple(answers)


def require_extra() -> None:
    """Raise one sentence when what readers need is not installed."""
    for name in NEEDED:
        if find_spec(name) is None:
            extra(name)


@contextmanager
def counts_of(root: Path) -> Iterator[Callable[[Photo], Plane]]:
    """Offer photos' numbers as stored, decoded in a confined process (what calibration asks for).

    Parameters
    ----------
    root : Path
        The folder that holds the photos: `imagery.intake.Intake.source`.

    Yields
    ------
    callable
        Photo → (H, W) array, or (H, W, 3) of a colour picture: red, green, blue. It raises
        BadInput when the photo is damaged, or takes too much time or memory. Threads may share it;
        they are served one after the other.
    """
    require_extra()
    reader, turn = Reader(root), Lock()

    def read(photo: Photo) -> Plane:
        with turn:  # one pipe: what two threads asked at once would be mixed up
            return reader.counts(photo.path)

    try:
        yield read
    finally:
        reader.close()


@contextmanager
def pictures_of(root: Path, *, readers: int = 2) -> Iterator[Callable[[Photo, int], Plane]]:
    """Offer photos' pictures, decoded in confined processes (what a mosaic asks for).

    Parameters
    ----------
    root : Path
        The folder that holds the photos: `imagery.intake.Intake.source`.
    readers : int
        Processes at most; each starts when it is first needed, so one thread starts one.

    Yields
    ------
    callable
        Photo and reduction (1, 2, 4, 8) → (⌈H/reduction⌉, ⌈W/reduction⌉, B) array, colours red,
        green, blue. It raises BadInput when the photo is damaged, or takes too much time or memory.
        Threads may share it.
    """
    require_extra()
    pool = [Reader(root) for _ in range(readers)]
    free: LifoQueue[Reader] = LifoQueue()
    for reader in pool:
        free.put(reader)

    def read(photo: Photo, reduction: int) -> Plane:
        reader = free.get()
        try:
            return reader.counts(photo.path, reduction=reduction)
        finally:
            free.put(reader)

    try:
        yield read
    finally:
        for reader in pool:
            reader.close()


class Reader:
    """One process that reads photos, replaced when it dies or grows old.

    Parameters
    ----------
    root : Path
        The only folder it may read.
    memory_bytes, seconds : int
        Its limits.
    """

    def __init__(
        self, root: Path, *, memory_bytes: int = MEMORY_BYTES, seconds: int = SECONDS
    ) -> None:
        self._root, self._memory, self._seconds = root.resolve(), memory_bytes, seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._read = 0

    def read(self, path: Path, *, pixels: bool = True, as_map: bool = False) -> Answer:
        """Return what one photo says, or why it was refused."""
        process = self._alive()
        late: list[bool] = []

        def end() -> None:
            late.append(True)
            process.kill()

        watch = Timer(self._seconds, end)
        watch.start()
        try:
            reply = _ask(process, {"path": str(path.absolute()), "pixels": pixels, "map": as_map})
        finally:
            watch.cancel()
        self._read += 1
        answer = parsed(reply)
        if answer is None:
            self.close()
            return Answer(refused="time" if late else "crash")
        return answer

    def counts(self, path: Path, *, reduction: int | None = None) -> Plane:
        """Return a photo's numbers as they are stored.

        Parameters
        ----------
        path : Path
            A photo below the reader's folder.
        reduction : {1, 2, 4, 8}, optional
            For a picture, bands last, coarser by this factor.

        Returns
        -------
        (H, W) array, or (H, W, 3) of a colour picture: red, green, blue

        Raises
        ------
        BadInput
            When it is damaged, or takes too much time or memory.
        """
        process = self._alive()
        watch = Timer(self._seconds, process.kill)
        watch.start()
        try:
            reply = _ask(process, {"path": str(path.absolute()), "counts": True,
                                   "reduction": reduction})  # fmt: skip
            image = image_of(reply, process.stdout)
        finally:
            watch.cancel()
        self._read += 1
        if image is None:
            if not reply.startswith(b'{"refused"'):
                self.close()
            raise BadInput("error.photo_counts", name=path.name[:60])
        return image

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()
        process.wait()

    @property
    def pid(self) -> int:
        """The process's number, 0 when none runs."""
        return self._process.pid if self._process else 0

    def _alive(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._read % RENEWED_AFTER == RENEWED_AFTER - 1:
            self.close()
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._process = self._started()
        return self._process

    def _started(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", "imagery.decoding.process", str(self._root)]
        process = subprocess.Popen(  # noqa: S603 - this interpreter and a module of this package
            [*command, str(self._memory), str(self._seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            cwd=self._root,
        )
        watch = Timer(self._seconds, process.kill)
        watch.start()
        try:
            ready = process.stdout.readline(1000) if process.stdout else b""
        finally:
            watch.cancel()
        if not ready.startswith(b'{"ready"'):
            process.kill()
            process.wait()
            raise AgriError("error.intake_reader")
        return process


def _searched(entries: Sequence[str]) -> list[str]:
    """Return where modules are looked for, without folders that are packages themselves.

    OpenCV puts its own there while it is being loaded, perhaps by another thread just now; its
    ``typing`` would stand in the way of Python's.
    """
    folders = map(os.path.abspath, entries)
    return [entry for entry in folders if not (Path(entry) / "__init__.py").exists()]


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP") if name in os.environ}
    return kept | {
        "PYTHONPATH": os.pathsep.join(_searched(sys.path)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "OPENCV_IO_MAX_IMAGE_PIXELS": "120000000",
        "MALLOC_ARENA_MAX": "2",
    }


def _ask(process: subprocess.Popen[bytes], request: dict[str, Any]) -> bytes:
    if process.stdin is None or process.stdout is None:
        return b""
    try:
        process.stdin.write(json.dumps(request).encode("ascii") + b"\n")
        process.stdin.flush()
        return process.stdout.readline(MAX_REPLY)
    except (OSError, ValueError):
        return b""
