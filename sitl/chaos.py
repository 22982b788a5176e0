"""A bad radio link, made on purpose and repeatable: loss, duplication, delay, corruption, silence.

`Chaos` carries items one way. It knows no clock and opens no socket: the time is passed in, what
comes out at the other end is asked for with `due`. An item is anything; only ``bytes`` can be
corrupted (one byte of it is changed), since an object has no bits to flip. Late items overtake
nobody by design: an item that is late is overtaken by those behind it, which is how reordering
happens on a real link. Everything random comes from one generator seeded once, and each item
draws the same number of random values whatever its fate, so that a run is the same run again for
the same seed, and raising one probability does not reshuffle the others.

A *partition* is silence: from `cut` until its end nothing that is sent arrives.
"""

from __future__ import annotations

import heapq
import itertools
import random
from dataclasses import dataclass
from typing import Generic, TypeVar

from agri.errors import BadInput

T = TypeVar("T")


@dataclass(slots=True)
class Tally:
    """What happened to the items so far.

    Parameters
    ----------
    sent, lost, doubled, delayed, corrupted : int
        Counts; a lost item is counted nowhere else.
    """

    sent: int = 0
    lost: int = 0
    doubled: int = 0
    delayed: int = 0
    corrupted: int = 0


class Chaos(Generic[T]):
    """One direction of a bad link.

    Parameters
    ----------
    loss, duplicate, late, corrupt : float
        Probability, 0 to 1, that an item is lost, arrives twice, arrives late, or (bytes only)
        arrives with one byte changed.
    late_s : float
        A late item, and the second copy of a doubled one, arrives up to this much later
        (uniform), seconds.
    delay_s, jitter_s : float
        Travel time of every item, and the uniform addition to it, seconds.
    seed : int
        Seed of the one random generator.

    Raises
    ------
    BadInput
        When a probability is outside 0 to 1 or a time is negative.

    Examples
    --------
    >>> link = Chaos(loss=0.5, seed=3)
    >>> for number in range(8):
    ...     link.send(number, now_s=0.0)
    >>> link.due(now_s=0.0)
    [2, 5, 6, 7]
    >>> link.tally.lost
    4
    """

    def __init__(
        self,
        *,
        loss: float = 0.0,
        duplicate: float = 0.0,
        late: float = 0.0,
        late_s: float = 1.0,
        corrupt: float = 0.0,
        seed: int = 0,
        delay_s: float = 0.0,
        jitter_s: float = 0.0,
    ) -> None:
        shares = {"loss": loss, "duplicate": duplicate, "late": late, "corrupt": corrupt}
        for name, value in shares.items():
            if not 0.0 <= value <= 1.0:
                raise BadInput("error.chaos_share", name=name, value=value)
        times = {"late_s": late_s, "delay_s": delay_s, "jitter_s": jitter_s}
        for name, value in times.items():
            if not value >= 0.0:
                raise BadInput("error.chaos_time", name=name, value=value)
        self.tally = Tally()
        self._shares = shares
        self._late_s = late_s
        self._delay_s = delay_s
        self._jitter_s = jitter_s
        self._random = random.Random(seed)  # noqa: S311  (a simulation, not a secret)
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, T]] = []
        self._cut_until_s = float("-inf")

    def cut(self, until_s: float) -> None:
        """Part the two ends: what is sent before `until_s` (seconds) is lost."""
        self._cut_until_s = until_s

    def send(self, item: T, now_s: float) -> None:
        """Put one item on the link at `now_s`, seconds."""
        draw = self._random.random
        lost, doubled, late, spoiled = draw(), draw(), draw(), draw()
        jitter, lateness, echo, place = draw(), draw(), draw(), draw()
        self.tally.sent += 1
        if lost < self._shares["loss"] or now_s < self._cut_until_s:
            self.tally.lost += 1
            return
        if spoiled < self._shares["corrupt"] and isinstance(item, bytes) and item:
            self.tally.corrupted += 1
            item = _spoil(item, place)  # type: ignore[assignment]
        arrives_s = now_s + self._delay_s + jitter * self._jitter_s
        if late < self._shares["late"]:
            self.tally.delayed += 1
            arrives_s += lateness * self._late_s
        self._push(arrives_s, item)
        if doubled < self._shares["duplicate"]:
            self.tally.doubled += 1
            self._push(arrives_s + echo * self._late_s, item)

    def due(self, now_s: float) -> list[T]:
        """Return, and forget, what has arrived by `now_s`, in the order of arrival."""
        arrived = []
        while self._waiting and self._waiting[0][0] <= now_s:
            arrived.append(heapq.heappop(self._waiting)[2])
        return arrived

    def next_due_s(self) -> float | None:
        """Return when the next item arrives, None when none is on its way."""
        return self._waiting[0][0] if self._waiting else None

    def _push(self, arrives_s: float, item: T) -> None:
        heapq.heappush(self._waiting, (arrives_s, next(self._order), item))


def _spoil(data: bytes, place: float) -> bytes:
    """Return `data` with one byte changed; `place` (0 to 1) picks which and to what."""
    scaled = place * len(data)
    index = min(int(scaled), len(data) - 1)
    flip = 1 + min(int((scaled - index) * 255.0), 254)
    return data[:index] + bytes([data[index] ^ flip]) + data[index + 1 :]
