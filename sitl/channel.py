"""One ground station's link as the vehicle sees it: what waits to be sent, and how often what is.

Rates are kept per message, as ArduPilot does: a data stream sets the rate of all its messages, a
message interval that of one. What is due is found with a heap, so that a quiet channel costs
nothing. Times are simulated seconds.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from typing import Any

from sitl.messages import STREAMS

MAX_RATE_HZ = 50.0
PARAMETERS_PER_TICK = 20


class Channel:
    """The outbox and the message rates of one link.

    Attributes
    ----------
    outbox : list
        Messages that wait to be taken.
    parameters : deque of (str, int, int)
        Names still to be listed, with their index and the count.

    Examples
    --------
    >>> channel = Channel(now_s=0.0)
    >>> channel.set_interval(33, 0.5, now_s=0.0)
    >>> channel.due(now_s=1.0)
    [0, 33, 0, 33]
    """

    def __init__(self, now_s: float) -> None:
        self.outbox: list[Any] = []
        self.parameters: deque[tuple[str, int, int]] = deque()
        self._rates: dict[int, tuple[float, int]] = {}
        self._heap: list[tuple[float, int, int]] = []
        self._orders = itertools.count()
        self.set_interval(0, 1.0, now_s)

    def interval_s(self, message_id: int) -> float | None:
        """Return how often a message is sent, None when it is not."""
        rate = self._rates.get(message_id)
        return None if rate is None else rate[0]

    def set_interval(self, message_id: int, interval_s: float | None, now_s: float) -> None:
        """Send a message every `interval_s` seconds from now on; None stops it."""
        self._rates.pop(message_id, None)
        if interval_s is None:
            return
        interval_s = max(interval_s, 1.0 / MAX_RATE_HZ)
        order = next(self._orders)
        self._rates[message_id] = (interval_s, order)
        first_s = now_s if message_id == 0 else now_s + interval_s
        heapq.heappush(self._heap, (first_s, message_id, order))

    def set_stream(self, stream: int, rate_hz: float, now_s: float) -> None:
        """Set the rate of a data stream's messages; stream 0 is all of them, rate 0 stops."""
        chosen = STREAMS.values() if stream == 0 else (STREAMS.get(stream, ()),)
        for messages in chosen:
            for message_id in messages:
                self.set_interval(message_id, 1.0 / rate_hz if rate_hz > 0 else None, now_s)

    def due(self, now_s: float) -> list[int]:
        """Return the ids of the messages to send now, in order of their time."""
        due: list[int] = []
        heap = self._heap
        while heap and heap[0][0] <= now_s:
            at_s, message_id, order = heapq.heappop(heap)
            interval_s, current = self._rates.get(message_id, (0.0, -1))
            if current != order:
                continue
            due.append(message_id)
            heapq.heappush(heap, (at_s + interval_s, message_id, order))
        return due
