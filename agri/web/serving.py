"""The process that listens: one port, one process, until somebody stops it.

Theory of operation. The port is taken before anything else is done, so that a taken one is one
sentence. Without being asked it listens on this computer alone. With ``lan`` it listens on all its
addresses, and then speaks TLS with a certificate of its own; who forbids that is warned. The names
and addresses it answers to are this computer's own, found once at the start, and no others.

What draws tiles takes seconds to load: a thread does that while the first page is looked at.

Stopping (Ctrl-C) lets running requests end, for at most `PATIENCE_S`; whatever is written to the
farm is written whole or not at all anyway. A job in the background is laid down, and taken up when
the farm is served again. Launches that nobody has said yes to end; an aircraft in the air is called
home, and waited for unless Ctrl-C is pressed again.
"""

from __future__ import annotations

import ctypes
import errno
import gc
import hashlib
import ipaddress
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agri.errors import BadInput, Refused
from agri.web.certificate import Certificate, certificate_folder, certificate_for
from agri.words import Language
from agri.workspace import Workspace

if TYPE_CHECKING:
    from agri.operations.apron import Apron
    from agri.operations.background.worker import Worker

LOG = logging.getLogger("agri.web")
LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - only when asked for
PORT = 8000
PATIENCE_S = 5
M_ARENA_MAX, POOLS = -8, 2
"""glibc's name for the most pools of freed memory, and how many are enough."""
NEEDED = {
    "fastapi": "FastAPI", "argon2": "argon2-cffi", "uvicorn": "uvicorn",
}  # fmt: skip
OWN_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """What a server was asked to listen on.

    Parameters
    ----------
    host : str
        An address of this computer; "" is this computer alone, or all addresses with `lan`.
    port : int
        1 to 65535.
    lan : bool
        Whether other machines may connect.
    encrypted : bool
        Whether TLS is spoken to them.
    """

    host: str = ""
    port: int = PORT
    lan: bool = False
    encrypted: bool = True

    @property
    def address(self) -> str:
        """The address listened on."""
        return self.host or (EVERYWHERE if self.lan else LOOPBACK)

    @property
    def open_to_others(self) -> bool:
        """Whether other machines can reach it."""
        return not is_loopback(self.address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """A server about to run, as it is told to its owner.

    Parameters
    ----------
    urls : tuple of str
        Where it can be opened; the first is for this computer.
    certificate : Certificate or None
        When TLS is spoken.
    setup_key : str
        What the first owner of a farm must type.
    unowned : tuple of str
        Names of the farms that have no people yet.
    """

    urls: tuple[str, ...]
    certificate: Certificate | None
    setup_key: str
    unowned: tuple[str, ...]


def is_loopback(address: str) -> bool:
    """Return whether an address is reached from this computer alone.

    Examples
    --------
    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if address == "localhost":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(address).is_loopback
    return False


def own_addresses() -> tuple[str, ...]:
    """Return this computer's addresses on its networks, the one used most first.

    Nothing is sent: a datagram socket that is connected only chooses the way.
    """
    found: list[str] = []
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # an address kept for documentation (RFC 5737)
        found.append(str(probe.getsockname()[0]))
    with suppress(OSError):
        for *_, place in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET):
            found.append(str(place[0]))
    return tuple(dict.fromkeys(one for one in found if not is_loopback(one)))


def taken_port(listening: Listening) -> socket.socket:
    """Return a socket that listens where it was asked to.

    Raises
    ------
    Refused
        When another program listens there.
    BadInput
        When it is no address of this computer, or the port may not be used.
    """
    host, port = listening.address, listening.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno in (errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", -1)):
            raise Refused("error.port_taken", port=port, other=port + 1) from error
        if error.errno in (errno.EACCES, errno.EPERM):
            raise BadInput("error.port_forbidden", port=port) from error
        raise BadInput("error.no_such_address", host=host) from error
    return listener


def serve(
    farms: Sequence[Workspace],
    listening: Listening,
    *,
    language: Language,
    now: Callable[[], datetime],
    environment: Mapping[str, str] | None = None,
    database: str = "",
    on_open: Callable[[Open], None],
    on_flights: Callable[[int], None] = lambda _: None,
) -> None:
    """Serve farms until somebody stops it.

    Parameters
    ----------
    farms : sequence of Workspace
        The open farms; of several a browser chooses one (`agri.web.neighbours`).
    listening : Listening
        Where.
    language : {"vi", "en"}
        Of people who have not chosen one.
    now : callable
        Wall clock, UTC.
    environment : mapping of str to str, optional
        Where the user's configuration is found.
    database : str
        How jobs open the farms' PostgreSQL database, when not as their folders tell.
    on_open : callable
        Told when the port is taken and the server is about to answer.
    on_flights : callable
        Told how many flights are still waited for when it is to end.

    Raises
    ------
    Refused
        When the port is taken, or others could connect before the farm has an owner.
    BadInput
        When the extra “web” is not installed, or the address is none of this computer.
    """
    uvicorn = _server()
    few_pools()
    from agri.operations.apron import Apron
    from agri.operations.keyring import user_keyring, user_leases
    from agri.operations.maps.tiles import warm_up
    from agri.web.app import make_app
    from agri.web.neighbours import Neighbours
    from agri.web.passwords import setup_key

    unowned = [farm for farm in farms if not farm.people.all()]
    if listening.host and listening.open_to_others and unowned:
        raise Refused("error.owner_first")
    with taken_port(listening) as listener:
        others = own_addresses() if listening.open_to_others else ()
        names = frozenset({*OWN_NAMES, *others, *_names(listening)})
        certificate = None
        if listening.open_to_others and listening.encrypted:
            folder = certificate_folder(os.environ if environment is None else environment)
            certificate = certificate_for(folder, names, now=now())
        key = setup_key()
        aprons = [
            Apron(farm, now=now, keyring=user_keyring(), held_in=user_leases()) for farm in farms
        ]
        workers = _workers(farms, aprons, now=now, database=database)
        known = {_key(farm.folder): farm.farm_name for farm in farms}
        neighbours = tuple(known.items()) if len(known) > 1 else ()
        apps = [
            make_app(farm, hosts=names, setup_key=key, language=language, now=now,
                     wake=worker.wake, apron=apron, neighbours=neighbours)
            for farm, worker, apron in zip(farms, workers, aprons, strict=True)
        ]  # fmt: skip
        knows = {_key(farm.folder): _knows_token(farm) for farm in farms}
        app = Neighbours(dict(zip(known, apps, strict=True)), knows) if neighbours else apps[0]
        ours = tuple(farm.farm_name for farm in unowned)
        urls = _urls(listening, others, encrypted=certificate is not None)
        on_open(Open(urls=urls, certificate=certificate, setup_key=key, unowned=ours))
        threading.Thread(target=_settle, args=(warm_up,), daemon=True).start()
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            limit_concurrency=200,
            timeout_graceful_shutdown=PATIENCE_S,
            ssl_keyfile=_path(certificate.key if certificate else None),
            ssl_certfile=_path(certificate.certificate if certificate else None),
        )
        with ExitStack() as working:
            for worker in workers:
                working.enter_context(worker)
            working.enter_context(_every_end_alike())
            try:
                uvicorn.Server(config).run(sockets=[listener])
            finally:
                _end(aprons, on_flights)


def _settle(load: Callable[[], None]) -> None:
    """Load what stays, and let the garbage collector pass over it from now on.

    A full collection stops all threads, those that speak to an aircraft too: 0.12 s for the 200,000
    objects of the loaded modules alone.
    """
    load()
    gc.collect()
    gc.freeze()


def few_pools() -> None:
    """Have freed memory kept in few pools, where the C library keeps one for each thread (glibc).

    Pages and tiles are drawn by threads that come and go. What each had freed stayed in its own
    pool, and a server watched by 50 grew by megabytes of nothing.
    """
    if sys.platform == "linux":
        with suppress(AttributeError):  # another C library
            ctypes.CDLL(None).mallopt(M_ARENA_MAX, POOLS)


def _end(aprons: Sequence[Apron], on_flights: Callable[[int], None]) -> None:
    """Call home whatever flies, of every farm, and wait for it, though nobody can be told.

    Only Ctrl+C a second time leaves it: a service manager or a window that closes may tell twice.
    """
    if threading.current_thread() is threading.main_thread():
        for number in _told_to_end():
            signal.signal(number, signal.SIG_IGN)
    flying = _flying(aprons)
    for apron in aprons:
        apron.call_home()
    try:
        if flying:
            on_flights(flying)
    except OSError:
        LOG.warning("the terminal is gone; %d flights are waited for", flying)
    for apron in aprons:
        apron.close()


@contextmanager
def _every_end_alike() -> Iterator[None]:
    """Let being told to end, or losing the terminal, do what Ctrl+C does.

    uvicorn stops in good order for SIGTERM, and then sends it again to the handler that was there
    before: by default that ends the process on the spot, and nobody calls the aircraft home. For
    SIGHUP it does nothing at all.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number, handler in _told_to_end().items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _told_to_end() -> dict[int, Any]:
    """Return the signals that end the server beside Ctrl+C, and what each does."""

    def gone(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)

    known = {"SIGTERM": signal.default_int_handler, "SIGHUP": gone}
    return {getattr(signal, name): what for name, what in known.items() if hasattr(signal, name)}


def _workers(
    farms: Sequence[Workspace],
    aprons: Sequence[Apron],
    *,
    now: Callable[[], datetime],
    database: str,
) -> list[Worker]:
    """Return who does the farms' jobs: in turns, and not while anything flies."""
    from agri.operations.background.worker import Worker

    turn = threading.Semaphore(1)
    return [
        Worker(farm, now=now, database=database, rest=lambda: _flying(aprons) > 0, turn=turn)
        for farm in farms
    ]


def _flying(aprons: Sequence[Apron]) -> int:
    """Return how many flights are under way, of whichever farm."""
    return sum(len(apron.under_way()) for apron in aprons)


def _knows_token(farm: Workspace) -> Callable[[str], bool]:
    """Return what tells whether a farm knows a token by its digest."""
    return lambda digest: farm.people.with_token(digest) is not None


def _key(folder: Path) -> str:
    """Return what a browser's cookie calls a farm by: the same after the server's next start."""
    return hashlib.sha256(str(folder.resolve()).encode("utf-8", "replace")).hexdigest()[:12]


def _path(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _names(listening: Listening) -> tuple[str, ...]:
    """Return the names of this computer that others on the network call it by."""
    if not listening.open_to_others:
        return ()
    name = socket.gethostname().lower()
    plain = name if name.replace("-", "").replace(".", "").isalnum() and name.isascii() else ""
    address = [] if listening.address == EVERYWHERE else [_shown(listening.address)]
    return (*address, *((plain, f"{plain}.local") if plain else ()))


def _shown(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _urls(listening: Listening, others: tuple[str, ...], *, encrypted: bool) -> tuple[str, ...]:
    scheme = "https" if encrypted else "http"
    here = listening.address
    own = [LOOPBACK] if here == EVERYWHERE else [_shown(here)]
    hosts = [*own, *(others if here == EVERYWHERE else ())]
    return tuple(f"{scheme}://{host}:{listening.port}/" for host in hosts)


def _server() -> Any:
    """Return uvicorn; the others of its extra are asked for too, so that one sentence tells all."""
    for module, name in NEEDED.items():
        if sys.modules.get(module, ...) is None or find_spec(module) is None:
            raise BadInput("error.extra_missing", library=name, extra="web")
    import uvicorn

    return uvicorn
