"""Who works: a Dask cluster, connected to and spoken of in sentences.

Theory of operation
-------------------
Two ways lead onto a cluster, both the graph of `imagery.raster.engine`: one file, whose stretches
the workers make while this program writes it as they come (`executor`), and a raster in pieces, of
which every worker writes its own (`connected`, `imagery.piecework`). The bytes are those that
threads give; interrupted runs are taken up the same way.

Workers must see input and output under the same names, and have agri installed. A worker that dies
loses what it was at; Dask gives that to another one. Nothing is ever forked after GDAL's threads
run: local clusters start their workers by spawn, or as threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor
from contextlib import contextmanager
from typing import Any

from agri.errors import AgriError, BadInput
from imagery.extras import extra

CONNECT_S = 20.0


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
