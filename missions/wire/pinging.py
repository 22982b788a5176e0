"""Asking an aircraft for the time, over and over, to learn how good the way there and back is.

A machine like the others. TIMESYNC with a first field of zero is a question; the answer repeats the
question's own time, so each answer is matched with its question however late it comes. It changes
nothing on board, and ArduPilot answers it at any time.

What an unanswered question tells: it was lost on the way there or on the way back. How much was
lost on the way back is known from the gaps in the aircraft's sequence numbers; the rest was lost on
the way there (`loss_up`).
"""

from __future__ import annotations

import math

from agri.errors import AgriError
from missions.wire.messages import Pair, Received, TimeSync
from missions.wire.transfer import Sends

PATIENCE_S = 2.0
"""Answers are waited for this long after the last question."""
SURE = 1.96
"""Standard errors of a margin in which the truth lies 19 times of 20."""


class Pinging:
    """A machine that asks `count` times, every `every_s` seconds.

    Parameters
    ----------
    pair : Pair
        Who is asked.
    count : int
        How often.
    every_s : float
        Seconds between questions.

    Attributes
    ----------
    sent : int
        Questions so far.
    trips_s : list of float
        There and back, seconds, one for each answer.
    error : None
        Silence is a result, not an error.
    """

    def __init__(self, pair: Pair, count: int, every_s: float) -> None:
        self.sent = 0
        self.trips_s: list[float] = []
        self.error: AgriError | None = None
        self._pair = pair
        self._count = count
        self._every_s = every_s
        self._waiting: dict[int, float] = {}
        self._asked_ns = 0
        self._next_s = math.inf
        self._over = False

    @property
    def finished(self) -> bool:
        """Whether all is answered or given up."""
        return self._over

    @property
    def wake_s(self) -> float:
        """When `tick` has something to do next."""
        return self._next_s

    def start(self, now_s: float) -> Sends:
        """Ask for the first time."""
        self._next_s = now_s
        return self.tick(now_s)

    def receive(self, received: Received, now_s: float) -> Sends:
        """Take an answer."""
        body = received.body
        if isinstance(body, TimeSync) and body.answered_ns and self._pair.admits(received):
            asked_s = self._waiting.pop(body.asked_ns, None)
            if asked_s is not None:
                self.trips_s.append(now_s - asked_s)
        if self.sent == self._count and not self._waiting:
            self._over = True
        return ()

    def tick(self, now_s: float) -> Sends:
        """Ask again when it is time; end when the last answers had theirs."""
        if now_s < self._next_s:
            return ()
        if self.sent == self._count:
            self._over = True
            return ()
        self.sent += 1
        asked_ns = self._asked_ns = max(self._asked_ns + 1, round(now_s * 1e9))
        self._waiting[asked_ns] = now_s
        last = self.sent == self._count
        due_s = max(now_s, self._next_s + self._every_s)
        self._next_s = now_s + PATIENCE_S if last else due_s
        return (TimeSync(asked_ns=asked_ns),)


def loss_up(sent: int, answered: int, loss_down: float) -> tuple[float, float]:
    """Return the share lost on the way to the aircraft, and how far it may be off.

    A question is answered with probability (1 − up)(1 − down); the margin is that of a counted
    share of `sent` questions (normal approximation, 19 times of 20).

    Parameters
    ----------
    sent, answered : int
        Questions and answers.
    loss_down : float
        Share lost on the way back, 0 to 1.

    Returns
    -------
    tuple of float
        Loss and margin, 0 to 1; NaN when nothing can be said.

    Examples
    --------
    >>> loss_up(200, 126, 0.1)
    (0.3, 0.074)
    >>> loss_up(100, 100, 0.0)[0]
    0.0
    """
    if sent == 0 or loss_down >= 1.0:
        return math.nan, math.nan
    share, back = answered / sent, 1.0 - loss_down
    margin = SURE * math.sqrt(max(share * (1.0 - share), 1.0 / sent) / sent) / back
    return min(1.0, max(0.0, 1.0 - share / back)), min(1.0, margin)
