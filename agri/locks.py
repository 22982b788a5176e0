"""One at a time: locks that the system itself drops when their program ends, however it ends.

A lock is held on an open file and belongs to the program that opened it; a child started by it
inherits nothing. The system gives it back at a crash, a power cut or ``kill -9``, so there is no
stale lock to be told from a live one and no clock that could be wrong about it.

On Windows a locked byte cannot be read by others, so the byte locked lies far behind whatever the
file holds.
"""

from __future__ import annotations

import os
import sys
import time

FAR_BYTE = 1 << 40
"""Which byte is locked where single bytes are."""


def lock_soon(handle: int, *, tries: int, wait_s: float) -> bool:
    """Lock an open file, asking `tries` times, `wait_s` apart; return whether it worked."""
    for attempt in range(tries):
        if attempt:
            time.sleep(wait_s)
        if lock_now(handle):
            return True
    return False


if sys.platform == "win32":
    import msvcrt

    def lock_now(handle: int, *, shared: bool = False) -> bool:  # noqa: ARG001
        """Lock an open file for this program, and return False at once when another has it.

        Parameters
        ----------
        handle : int
            Descriptor of the open file; the lock lasts until it is closed.
        shared : bool
            Only look: several may hold such a lock, none of them beside a full one.
        """
        before = os.lseek(handle, 0, os.SEEK_CUR)
        os.lseek(handle, FAR_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(handle, before, os.SEEK_SET)
        return True

else:
    import fcntl

    def lock_now(handle: int, *, shared: bool = False) -> bool:
        """Lock an open file for this program, and return False at once when another has it.

        Parameters
        ----------
        handle : int
            Descriptor of the open file; the lock lasts until it is closed.
        shared : bool
            Only look: several may hold such a lock, none of them beside a full one.
        """
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
