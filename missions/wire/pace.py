"""How long an answer is waited for before the same is said again, learnt from the link itself.

Half a second is long on a radio that answers in a tenth and short on one that takes a whole second:
there everything would be said three times, on just the radio that can carry least. So the way there
and back is measured on what is sent anyway, and `Pace.wait_s` is a quarter more than the median of
the last eight, and a tenth of a second.

Only an answer to what was said once is a measurement (Karn's rule): of what was said twice nobody
knows which of the two was answered. Where the way is longer than the wait nothing is ever answered
in time, and nothing would be learnt; so four answers in a row to what was repeated make the wait
half as long again, until one comes in time.

TCP's own estimate (RFC 6298) was tried and is of no use here. It takes a loss for a queue and
doubles its wait with each, and it widens the wait by four times the mean deviation; on a radio that
loses three of ten each way, half of all answers are missing for no reason that waiting would mend,
and 53 uploads of 60 failed. A median is not moved by the one answer in ten that is late.
"""

from __future__ import annotations

from collections import deque
from statistics import median

FIRST_S = 0.5
"""The wait while nothing is known."""
SHORTEST_S, LONGEST_S = 0.15, 2.0
REMEMBERED = 8
SHARE, MARGIN_S = 1.25, 0.1
IN_A_ROW, LONGER = 4, 1.5


class Pace:
    """What is known of the way there and back; one for all transfers over a link.

    Examples
    --------
    >>> pace = Pace()
    >>> pace.wait_s
    0.5
    >>> for took_s in (0.2, 0.24, 1.4):
    ...     pace.answered(took_s, repeated=False)
    >>> round(pace.trip_s, 2), round(pace.wait_s, 2)
    (0.24, 0.4)
    """

    def __init__(self) -> None:
        self._trips_s: deque[float] = deque(maxlen=REMEMBERED)
        self._late = 0
        self._stretch = 1.0

    @property
    def trip_s(self) -> float:
        """Median of the last measurements, seconds; 0 before the first."""
        return median(self._trips_s) if self._trips_s else 0.0

    @property
    def wait_s(self) -> float:
        """How long to wait for an answer, seconds."""
        wait_s = SHARE * self.trip_s + MARGIN_S if self._trips_s else FIRST_S
        return min(LONGEST_S, max(SHORTEST_S, self._stretch * wait_s))

    def answered(self, took_s: float, *, repeated: bool) -> None:
        """Learn from an answer.

        Parameters
        ----------
        took_s : float
            Seconds since the question was first sent.
        repeated : bool
            Whether it was sent more than once.
        """
        if not repeated:
            self._late, self._stretch = 0, 1.0
            self._trips_s.append(took_s)
            return
        self._late += 1
        if self._late == IN_A_ROW:
            self._late = 0
            self._stretch = min(self._stretch * LONGER, LONGEST_S / SHORTEST_S)
