"""Single keys from the terminal while something flies: no Enter, no dialog.

Keys are read only between `Keys.start` and `Keys.stop`, so that a question asked before the launch
has the terminal to itself: the s of a typed "yes" must never be taken for Stop. Where standard
input is not a terminal there are no keys, and nothing waits for them.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextvars import Context, copy_context

WAIT_S = 0.1


class Keys:
    """Hands each key pressed to a function, from another thread.

    Parameters
    ----------
    on_key : callable
        Given one character, lower case; it speaks the language of whoever made the listener.
    """

    def __init__(self, on_key: Callable[[str], None]) -> None:
        self._on_key = on_key
        self._context: Context = copy_context()
        self._over = threading.Event()
        self._reader: threading.Thread | None = None
        self._restore: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Begin to listen; starting twice does no harm."""
        if self._reader is not None or not sys.stdin.isatty():
            return
        self._restore = _raw_terminal()
        self._over.clear()
        self._reader = threading.Thread(target=self._context.run, args=(self._read,), daemon=True)
        self._reader.start()

    def stop(self) -> None:
        """Stop listening and give the terminal back; stopping twice does no harm."""
        reader, self._reader = self._reader, None
        if reader is None:
            return
        self._over.set()
        reader.join(3 * WAIT_S)
        self._restore()

    def _read(self) -> None:
        while not self._over.is_set():
            key = _next_key()
            if key and not self._over.is_set():
                self._on_key(key.lower())


if sys.platform == "win32":
    import msvcrt
    import time

    def _raw_terminal() -> Callable[[], None]:
        return lambda: None

    def _next_key() -> str:
        if msvcrt.kbhit():
            return msvcrt.getwch()
        time.sleep(WAIT_S)
        return ""

else:
    import select
    import termios
    import tty

    def _raw_terminal() -> Callable[[], None]:
        handle = sys.stdin.fileno()
        before = termios.tcgetattr(handle)
        tty.setcbreak(handle)

        def restore() -> None:
            termios.tcflush(handle, termios.TCIFLUSH)
            termios.tcsetattr(handle, termios.TCSADRAIN, before)

        return restore

    def _next_key() -> str:
        handle = sys.stdin.fileno()
        ready, _, _ = select.select([handle], [], [], WAIT_S)
        return os.read(handle, 1).decode("ascii", "ignore") if ready else ""
