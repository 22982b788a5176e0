"""Who tries passwords too often waits, longer each time; and nobody asks without end.

Theory of operation. Failures are counted for the name that was tried and for the address it came
from, each on its own. `FREE` failures are free; after that nothing is tried for `FIRST_S`, and
twice as long after every further failure, up to `MOST_S`. A try is counted **before** the password
is looked at, so a hundred tries at once are no more than a hundred one after the other. Signing in
takes the name's count back, but of the address's only its own try, or an attacker with one account
of their own could go on trying others. A count is forgotten a day after its last failure.

`Rate` is the plain limit for all requests of an address: so many in a window.

Time is passed in. Both keep at most `KEPT` entries; the one longest without a failure goes first.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

FREE, FREE_ADDRESS = 5, 20
"""Failures of a name, and of an address (a family's phones may share one), before waiting."""
FIRST_S, MOST_S = 30.0, 900.0
FORGOTTEN_S = 86_400.0
KEPT = 10_000


class Patience:
    """Counts failures by name and by address.

    Parameters
    ----------
    clock : callable
        Seconds, never going back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tried: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def try_now(self, name: str, address: str) -> float:
        """Count a try and return 0, or the seconds to wait, without counting, when it is too soon.

        Parameters
        ----------
        name : str
            Who they say they are, in the form that tells people apart (`agri.names.same`).
        address : str
            Where the request came from.
        """
        keys = ((f"name {name}", FREE), (f"address {address}", FREE_ADDRESS))
        now = self._clock()
        with self._lock:
            wait_s = max(self._wait_s(key, free, now) for key, free in keys)
            if wait_s > 0.0:
                return wait_s
            for key, _ in keys:
                count, last_s = self._tried.get(key, (0, now))
                count = 0 if now - last_s > FORGOTTEN_S else count
                self._tried[key] = (count + 1, now)
                self._tried.move_to_end(key)
            while len(self._tried) > KEPT:
                self._tried.popitem(last=False)
        return 0.0

    def _wait_s(self, key: str, free: int, now: float) -> float:
        count, last_s = self._tried.get(key, (0, now))
        if count < free:
            return 0.0
        pause_s: float = min(FIRST_S * 2.0 ** min(count - free, 20), MOST_S)
        return max(0.0, last_s + pause_s - now)

    def forgive(self, name: str, address: str) -> None:
        """Take back the count of a name whose password was right, and this try of its address."""
        key = f"address {address}"
        with self._lock:
            self._tried.pop(f"name {name}", None)
            count, last_s = self._tried.get(key, (0, 0.0))
            if count > 1:
                self._tried[key] = (count - 1, last_s)
            else:
                self._tried.pop(key, None)


class Rate:
    """At most so many requests of an address in a window of time.

    Parameters
    ----------
    clock : callable
        Seconds, never going back.
    most : int
        Requests in a window.
    window_s : float
        Its length.
    """

    def __init__(self, clock: Callable[[], float], *, most: int, window_s: float) -> None:
        self._clock, self._most, self._window_s = clock, most, window_s
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._began_s = clock()

    def allows(self, address: str) -> bool:
        """Count a request and return whether it may go on."""
        now = self._clock()
        with self._lock:
            if now - self._began_s >= self._window_s:
                self._began_s = now
                self._counts.clear()
            if address not in self._counts and len(self._counts) >= KEPT:
                return False
            self._counts[address] = self._counts.get(address, 0) + 1
            return self._counts[address] <= self._most
