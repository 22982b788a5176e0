"""Who works: a Dask cluster, connected to and spoken of in sentences.

Theory of operation
-------------------
Three ways lead onto a cluster. Two are the graph of `imagery.raster.engine`: one file, whose
stretches the workers make while this program writes it as they come (`executor`), and a raster in
pieces, of which every worker writes its own (`connected`, `imagery.piecework`). The third are
figures of zones, shared out by zones (`imagery.zonal.shares`). Bytes and figures are those that
threads give; interrupted rasters are taken up the same way. The planning of many fields goes the
first way too (`agri.operations.crews`).

Workers must see input and output under the same names, and have agri installed. A worker that dies
loses what it was at; Dask gives that to another one. Nothing is ever forked after GDAL's threads
run: local clusters start their workers by spawn, or as threads.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import CancelledError, Executor
from contextlib import contextmanager
from typing import Any, TypeVar

from agri.errors import AgriError, BadInput
from imagery.extras import extra

CONNECT_S = 20.0

Work = TypeVar("Work")
Answer = TypeVar("Answer")


@contextmanager
def executor(address: str) -> Iterator[Executor]:
    """Connect to a cluster and give it as an executor for `write_product` and `index_map`.

    Parameters
    ----------
    address : str
        Of the scheduler: "tcp://10.0.0.5:8786", or "threads" for a cluster inside this program.

    Raises
    ------
    BadInput
        When Dask is missing, the address is none, or nobody answers within 20 seconds.
    """
    with connected(address) as client:
        yield client.get_executor(pure=False)


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Connect to a cluster; otherwise as `executor`, giving Dask's client."""
    distributed = extra("distributed", extra="cluster")
    inside = address == "threads"
    if not inside and not address.startswith(("tcp://", "tls://")):
        raise BadInput("error.cluster_address", address=address[:60])
    try:
        client = (
            distributed.Client(processes=False, dashboard_address=None)
            if inside
            else distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
        )
    except (OSError, TimeoutError, ValueError):
        raise BadInput("error.cluster_silent", address=address[:60]) from None
    with client:
        yield client


@contextmanager
def losses_told(address: str) -> Iterator[None]:
    """Turn a cluster that falls away, or whose workers cannot do the work, into one sentence."""
    distributed = extra("distributed", extra="cluster")
    try:
        yield
    except AgriError:
        raise
    except (ImportError, AttributeError, distributed.scheduler.KilledWorker) as error:
        raise AgriError("error.cluster_workers", address=address[:60],
                        reason=type(error).__name__) from error  # fmt: skip
    except (CancelledError, OSError, TimeoutError) as error:
        raise AgriError("error.cluster_lost", address=address[:60]) from error


def each_done(
    client: Any, do: Callable[[Work], Answer], work: Sequence[Work]
) -> Generator[Answer, None, None]:
    """Have work done by a cluster's workers, and yield the answers as they come, each once.

    Parameters
    ----------
    client : distributed.Client
        From `connected`.
    do : callable
        Does one piece of work; what a dead worker was at is done again by another one.
    work : sequence
        All of it.
    """
    distributed = extra("distributed", extra="cluster")
    futures = [client.submit(do, one, pure=False) for one in work]
    try:
        for future, answer in distributed.as_completed(
            futures, loop=client.loop, with_results=True
        ):
            future.release()
            yield answer
    finally:
        client.cancel(futures)
