"""The telemetry log: every frame of a link, both ways, as other ground stations keep it.

The format is pymavlink's: an 8-byte big-endian time in microseconds since 1970 (its two lowest
bits clear), then the raw frame. ``mavutil.mavlink_connection(path)`` reads it back. It is
flushed every fifth of a second, so that what a crash can lose is short.
"""

from __future__ import annotations

import struct
import threading
from pathlib import Path

from agri.errors import StoreError

FLUSH_EVERY_US = 200_000


class TelemetryLog:
    """A .tlog file being written; any thread may write.

    Parameters
    ----------
    path : Path
        The file; it must not exist yet (a flight's log is never overwritten).

    Raises
    ------
    StoreError
        When it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("xb")
        except OSError as trouble:
            raise StoreError("error.tlog_open", path=str(path)) from trouble
        self._lock = threading.Lock()
        self._flushed_us = 0

    def write(self, frame: bytes, time_us: int) -> None:
        """Add one frame, seen at `time_us`, microseconds since 1970 UTC."""
        with self._lock:
            if self._file.closed:
                return
            self._file.write(struct.pack(">Q", time_us & ~3) + frame)
            if time_us - self._flushed_us >= FLUSH_EVERY_US:
                self._file.flush()
                self._flushed_us = time_us

    def close(self) -> None:
        """Flush and close."""
        with self._lock:
            self._file.close()
