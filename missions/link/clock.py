"""The clock of a link: seconds that never run back and go on while the computer sleeps.

`time.monotonic` stands still while a Linux or macOS laptop sleeps. A yes given before the lid was
closed would be as young as ever when it is opened again, a silent hour would be no gap, and the
aircraft's own clock would seem to have raced. These systems have another clock that goes on. On
Windows there is `time.monotonic` alone; there, as everywhere, an aircraft's clock that moved on
without us tells it too (`missions.flight.steps`).
"""

from __future__ import annotations

import sys
import time

if sys.platform == "linux":

    def elapsed_s() -> float:
        """Return seconds since the computer was started, asleep or awake."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

elif sys.platform == "darwin":

    def elapsed_s() -> float:
        """Return seconds since some moment, asleep or awake."""
        return time.clock_gettime(time.CLOCK_MONOTONIC)

else:

    def elapsed_s() -> float:
        """Return seconds since some moment."""
        return time.monotonic()
