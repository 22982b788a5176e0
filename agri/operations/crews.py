"""Who works through a batch: this program, processes of its own, or a Dask cluster.

Theory of operation
-------------------
All three are an `Executor`, and one path (`in_order`) hands them one piece of work after another
and gives the answers back in the order of the work, each once: a batch is kept in the same order
whoever did it. Only so much is under way that memory stays bounded.

Work is a pure function of what is handed over, so a lost worker loses nothing. Dask gives what it
was at to another one. A pool of processes breaks as a whole when one of them dies (killed, or out
of memory): a new one is started, and only what had not come back is done again. Work that breaks
`LOSSES` pools one after another is not tried for ever.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from agri.errors import AgriError

AHEAD = 3
"""Pieces of work waiting for each worker: no more is held in memory."""
LOSSES = 3
"""How often in a row a pool of processes may break before the batch gives up."""

Work = TypeVar("Work")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """Who works.

    Parameters
    ----------
    start : callable
        Gives an executor, and another one when that has broken.
    ahead : int
        Pieces of work under way at once.
    """

    start: Callable[[], Executor]
    ahead: int


@contextmanager
def crew(workers: int = 0, cluster: str = "") -> Iterator[Crew | None]:
    """Give who works, None for this program alone.

    Parameters
    ----------
    workers : int
        Processes; 0 takes one for each core, 1 this program itself.
    cluster : str
        Address of a Dask scheduler, ``tcp://…``; then `workers` does not matter.

    Raises
    ------
    BadInput
        When the address is none, or nobody answers there.
    AgriError
        When the cluster falls away, or its workers cannot do the work.
    """
    count = workers or os.cpu_count() or 1
    if cluster:
        from imagery.scale import connected, losses_told

        with losses_told(cluster), connected(cluster) as client:
            hands = sum(client.nthreads().values())
            yield Crew(start=lambda: client.get_executor(pure=False),
                       ahead=AHEAD * max(hands, 8))  # fmt: skip
    elif count == 1:
        yield None
    else:
        yield Crew(start=lambda: _processes(count), ahead=AHEAD * count)


def _processes(count: int) -> Executor:
    return ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn"))


def in_order(
    work: Iterable[Work], do: Callable[[Work], Answer], crew: Crew | None
) -> Iterator[Answer]:
    """Yield the answers in the order of the work, each once, whoever dies meanwhile.

    Parameters
    ----------
    work : iterable
        What is to be done; drawn as it is needed.
    do : callable
        Does one piece of it, anywhere; a function of a module, or a ``partial`` of one.
    crew : Crew, optional
        From `crew`; None does everything here.

    Raises
    ------
    AgriError
        When processes die `LOSSES` times without any answer between.
    """
    if crew is None:
        yield from map(do, work)
        return
    rest, lost = iter(work), 0
    under_way: deque[tuple[Work, Future[Answer] | None]] = deque()
    executor = crew.start()
    try:
        while True:
            under_way.extend((one, None) for one in islice(rest, crew.ahead - len(under_way)))
            if not under_way:
                return
            try:
                for place, (one, future) in enumerate(under_way):
                    under_way[place] = one, future or executor.submit(do, one)
                first = under_way[0][1]
                assert first is not None  # noqa: S101 - just handed over
                answer = first.result()
            except BrokenExecutor as error:
                lost += 1
                if lost == LOSSES:
                    raise AgriError("error.batch_processes", times=lost) from error
                executor.shutdown()
                executor = crew.start()
                under_way = deque((one, _came_back(future)) for one, future in under_way)
                continue
            under_way.popleft()
            lost = 0
            yield answer
    finally:
        for _, future in under_way:
            if future is not None:
                future.cancel()
        executor.shutdown()


def _came_back(future: Future[Answer] | None) -> Future[Answer] | None:
    """Return a future that has its answer, None for work that is to be done again."""
    came = future is not None and future.done() and future.exception() is None
    return future if came else None
